//! `audit permissions --as SUBJECT`: everything that somebody holds, through which binding, and what it amounts to.

use super::basis::Basis;
use super::verify::Verification;
use super::who_can::{binding_label, place, role_label};
use crate::rbac::{Grants, Identity, powers};
use crate::severity::Severity;
use mlops_shared::cli::Failure;
use mlops_shared::object::Sym;
use mlops_shared::report::document::{Block, Cell, Column, Document, Line, Mark, Table, Tone};
use mlops_shared::report::{Detail, Level, Present};
use mlops_shared::text;
use schemars::JsonSchema;
use serde::Serialize;

/// To whom nothing is refused.
const MASTERS: &str = "system:masters";

/// What somebody may do.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PermissionsReport {
    #[serde(flatten)]
    pub(super) basis: Basis,
    /// The user name.
    pub(super) user: String,
    /// Its groups: those that were given, and those that the API server adds to every such user.
    pub(super) groups: Vec<String>,
    /// Whether it is in `system:masters`, to which nothing is refused whatever roles say.
    pub(super) is_master: bool,
    /// What amounts to more than it says, most grave first.
    pub(super) powers: Vec<Held>,
    /// The rules, those of the whole cluster first.
    pub(super) permissions: Vec<Permission>,
    /// What the API server says of the same, where it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) verification: Option<Verification>,
}

/// A power that somebody holds.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// The finding's code, for `audit explain`.
    code: String,
    /// How much it matters.
    severity: Severity,
    /// What gives it.
    what: String,
    /// The namespace that it holds in; absent in the whole cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    within: Option<String>,
    /// The names that it is limited to; none is all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    names: Vec<String>,
}

/// One rule, as the binding gives it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Permission {
    /// The namespace that it holds in; absent in the whole cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) within: Option<String>,
    /// API groups; the empty one is the core group.
    api_groups: Vec<String>,
    /// Resources.
    resources: Vec<String>,
    /// Verbs.
    verbs: Vec<String>,
    /// Names; none is all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    resource_names: Vec<String>,
    /// Paths that belong to no resource.
    #[serde(rename = "nonResourceURLs", default, skip_serializing_if = "Vec::is_empty")]
    paths: Vec<String>,
    /// The subject of the binding that means the user: `Group/system:authenticated`.
    through: String,
    /// The binding.
    binding: String,
    /// The role.
    role: String,
}

/// The identity that a command line names: a user, `system:serviceaccount:NAMESPACE:NAME`, or NAMESPACE/NAME for a
/// service account.
///
/// # Errors
/// When it is empty or half a service account.
pub(super) fn identity(text: &str, groups: &[String]) -> Result<Identity, Failure> {
    let broken = || {
        Failure::usage(format!("{text:?} names nobody"))
            .hint("write --as USER, --as system:serviceaccount:NAMESPACE:NAME or --as NAMESPACE/NAME")
    };
    let user = match text.split_once('/') {
        // A name with an @ or a : in it is a person's at an identity provider.
        Some((namespace, name)) if !text.contains(['@', ':']) => {
            if namespace.is_empty() || name.is_empty() || name.contains('/') {
                return Err(broken());
            }
            format!("system:serviceaccount:{namespace}:{name}")
        }
        _ => text.to_owned(),
    };
    if user.is_empty() {
        return Err(broken());
    }
    Ok(Identity::new(&user, groups.iter().cloned()))
}

/// What somebody holds, in these namespaces (none: anywhere).
pub(super) fn permissions(grants: &Grants<'_>, who: &Identity, namespaces: &[String]) -> Vec<Permission> {
    let mut found = Vec::new();
    for (grant, subject) in grants.of(who) {
        let within = grant.namespace().map(ToString::to_string);
        let is_asked = within.as_ref().is_none_or(|own| namespaces.is_empty() || namespaces.contains(own));
        // A RoleBinding gives no paths.
        let rules = grant.rules.iter().filter(|rule| is_asked && (within.is_none() || !rule.resources.is_empty()));
        found.extend(rules.map(|rule| Permission {
            within: within.clone(),
            api_groups: texts(&rule.api_groups),
            resources: texts(&rule.resources),
            verbs: texts(&rule.verbs),
            resource_names: texts(&rule.resource_names),
            paths: if within.is_none() { texts(&rule.paths) } else { Vec::new() },
            through: format!("{}/{}", subject.kind, subject.name),
            binding: binding_label(grant),
            role: role_label(grant),
        }));
    }
    found.sort();
    found.dedup();
    found
}

fn texts(list: &[Sym]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

/// The powers of what somebody holds: the rules of all bindings together, for some take rights of two.
pub(super) fn held(grants: &Grants<'_>, who: &Identity, namespaces: &[String]) -> Vec<Held> {
    let mut places: Vec<Option<&Sym>> = grants.of(who).map(|(grant, _)| grant.namespace()).collect();
    places.sort();
    places.dedup();
    let mut all = Vec::new();
    for within in places {
        if within.is_some_and(|own| !namespaces.is_empty() && !namespaces.iter().any(|it| it == own.as_str())) {
            continue;
        }
        let here = grants.of(who).filter(|(grant, _)| grant.namespace() == within);
        let rules: Vec<_> = here.flat_map(|(grant, _)| grant.rules.iter().cloned()).collect();
        all.extend(powers(&rules, within.is_none()).into_iter().map(|power| Held {
            code: power.code.id.to_owned(),
            severity: power.severity,
            what: power.what,
            within: within.map(ToString::to_string),
            names: power.names,
        }));
    }
    all.sort_by(|one, two| two.severity.cmp(&one.severity).then_with(|| one.within.cmp(&two.within)));
    all
}

/// Whether nothing is refused to somebody.
pub(super) fn is_master(who: &Identity) -> bool {
    who.groups.contains(MASTERS)
}

/// A list in a cell; the core group has no name.
fn listed(list: &[String]) -> String {
    list.iter().map(|item| if item.is_empty() { "\"\"" } else { item.as_str() }).collect::<Vec<_>>().join(", ")
}

impl Present for PermissionsReport {
    fn document(&self, detail: &Detail) -> Document<'_> {
        let held = match (self.is_master, self.permissions.len()) {
            (true, _) => "may do everything, for it is in system:masters".to_owned(),
            (false, 0) => "holds nothing".to_owned(),
            (false, count) => format!("holds {}", text::plural(count, "rule")),
        };
        let headline = self.basis.headline(format!("{}: {held}", self.user));
        let mut document = Document::new(format!("Permissions of {}", self.user), headline);
        document.line(Line::faint(format!("groups: {}", self.groups.join(", "))));
        if !self.powers.is_empty() {
            document.heading("Powers");
            let mut table = Table::new([
                Column::new("SEVERITY"),
                Column::new("CODE"),
                Column::new("WHERE"),
                Column::new("WHAT").flex(3),
            ]);
            for power in &self.powers {
                let limit =
                    if power.names.is_empty() { String::new() } else { format!(" (only {})", power.names.join(", ")) };
                table.row([
                    Cell::toned(power.severity.word(), Tone::Level(power.severity.level())),
                    Cell::from(power.code.as_str()),
                    Cell::from(place(power.within.as_deref())),
                    Cell::from(format!("{}{limit}", power.what)),
                ]);
            }
            document.blocks.push(Block::Table(table));
        }
        if !self.permissions.is_empty() {
            document.heading("Rules");
            document.blocks.push(Block::Table(rules(&self.permissions)));
        }
        if let Some(verification) = &self.verification {
            tell(verification, &mut document);
        }
        self.basis.finish(detail, &mut document);
        document
    }
}

fn rules(permissions: &[Permission]) -> Table<'_> {
    let mut table = Table::new([
        Column::new("WHERE"),
        Column::new("VERBS"),
        Column::new("GROUPS"),
        Column::new("RESOURCES").flex(3),
        Column::new("NAMES").optional(),
        Column::new("BINDING").optional(),
        Column::new("THROUGH").wide(),
        Column::new("ROLE").wide(),
    ]);
    for rule in permissions {
        let what = if rule.resources.is_empty() { listed(&rule.paths) } else { listed(&rule.resources) };
        table.row([
            Cell::from(place(rule.within.as_deref())),
            Cell::from(listed(&rule.verbs)),
            Cell::or_dash(listed(&rule.api_groups)),
            Cell::toned(what, Tone::Strong),
            Cell::or_dash(listed(&rule.resource_names)),
            Cell::from(rule.binding.as_str()),
            Cell::from(rule.through.as_str()),
            Cell::from(rule.role.as_str()),
        ]);
    }
    table.filter = true;
    table
}

fn tell<'a>(verification: &'a Verification, document: &mut Document<'a>) {
    document.heading("Verification");
    let asked = text::plural(verification.asked, "question");
    let left = match verification.left_out {
        0 => String::new(),
        count => format!(", {count} more were not asked"),
    };
    if verification.disagreements.is_empty() {
        document.line(Line::marked(Level::Ok, format!("the API server says the same to {asked}{left}")));
        return;
    }
    let count = text::plural(verification.disagreements.len(), "answer");
    document.line(Line::marked(Level::Fail, format!("{count} of the API server differ, of {asked}{left}")));
    let mut table = Table::new([
        Column::new("QUESTION").flex(2),
        Column::new("ROLES"),
        Column::new("SERVER"),
        Column::new("REASON").flex(2),
    ]);
    let word = |is_allowed: bool| if is_allowed { "yes" } else { "no" };
    for one in &verification.disagreements {
        table.row([
            Cell::from(one.question.as_str()),
            Cell::from(word(one.computed)),
            Cell::toned(word(one.answered), Tone::Level(Mark::from(Level::Fail).level)),
            Cell::or_dash(one.reason.as_str()),
        ]);
    }
    document.blocks.push(Block::Table(table));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::records;

    #[test]
    fn subjects_are_told_as_people_write_them() {
        let user = |text: &str| identity(text, &[]).map(|who| who.user);
        assert_eq!(user("ml/job").expect("account"), "system:serviceaccount:ml:job");
        assert_eq!(user("ann").expect("user"), "ann");
        assert_eq!(user("https://issuer/realm#ann").expect("user"), "https://issuer/realm#ann");
        assert!(user("").is_err() && user("ml/").is_err() && user("a/b/c").is_err());
    }

    #[test]
    fn what_somebody_holds_is_told_with_its_binding() {
        let records = records(
            "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
rules: [{verbs: [list], apiGroups: [''], resources: [secrets]}, {verbs: [get], nonResourceURLs: [/x]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: here, namespace: ml}
roleRef: {kind: ClusterRole, name: reader}
subjects: [{kind: Group, name: 'system:serviceaccounts:ml'}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: all}
roleRef: {kind: ClusterRole, name: reader}
subjects: [{kind: ServiceAccount, name: job, namespace: ml}]
",
        );
        let grants = Grants::new(&records);
        let who = identity("ml/job", &[]).expect("somebody");
        let rules = permissions(&grants, &who, &[]);
        assert_eq!(rules.len(), 3, "{rules:?}");
        let bound = rules.iter().find(|rule| rule.within.is_some()).expect("in ml");
        assert_eq!(
            (bound.through.as_str(), bound.binding.as_str()),
            ("Group/system:serviceaccounts:ml", "RoleBinding/ml/here")
        );
        assert!(rules.iter().all(|rule| rule.within.is_none() || rule.paths.is_empty()));
        assert_eq!(permissions(&grants, &who, &["other".to_owned()]).len(), 2);
        let held = held(&grants, &who, &[]);
        let told: Vec<_> =
            held.iter().map(|power| (power.code.as_str(), power.severity, power.within.is_some())).collect();
        assert_eq!(told, [("rbac-secrets-read", Severity::High, false), ("rbac-secrets-read", Severity::Medium, true)]);
        assert!(permissions(&grants, &identity("ann", &[]).expect("somebody"), &[]).is_empty());
    }
}

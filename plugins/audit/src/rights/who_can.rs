//! `audit who-can VERB RESOURCE`: everybody whom a binding lets do it, and where.

use super::basis::Basis;
use super::resource::Target;
use crate::rbac::{Grant, Grants, account_of};
use mlops_shared::report::document::{Block, Cell, Column, Document, Table, Tone};
use mlops_shared::report::{Case, Detail, Level, Present, Subject};
use mlops_shared::text;
use schemars::JsonSchema;
use serde::Serialize;

/// Who may do something.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WhoCanReport {
    #[serde(flatten)]
    pub(super) basis: Basis,
    /// The verb that was asked about.
    pub(super) verb: String,
    /// What it was asked about: `pods/exec`, `deployments.apps web`, `/metrics`.
    pub(super) target: String,
    /// Everybody who may, one for each binding that lets them. Members of `system:masters` may without one.
    pub(super) holders: Vec<Holder>,
}

/// Somebody who may.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Holder {
    /// `User`, `Group` or `ServiceAccount`.
    pub(super) kind: String,
    /// Namespace of a service account.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) namespace: String,
    /// Name.
    pub(super) name: String,
    /// The namespace in which they may; absent in the whole cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) within: Option<String>,
    /// The binding: `ClusterRoleBinding/NAME` or `RoleBinding/NAMESPACE/NAME`.
    pub(super) binding: String,
    /// The role: `ClusterRole/NAME` or `Role/NAME`.
    pub(super) role: String,
}

/// Everybody who may, in these namespaces (none: anywhere).
pub(super) fn holders(grants: &Grants<'_>, verb: &str, target: &Target, namespaces: &[String]) -> Vec<Holder> {
    let request = target.request(verb);
    let mut found = Vec::new();
    for grant in &grants.all {
        let within = match (grant.namespace(), target) {
            (None, _) => None,
            (Some(own), _) if target.own_namespace() == Some(own.as_str()) => Some(own.to_string()),
            (Some(own), Target::Resource { is_namespaced: true, .. }) => {
                if !namespaces.is_empty() && !namespaces.iter().any(|wanted| wanted == own.as_str()) {
                    continue;
                }
                Some(own.to_string())
            }
            // A RoleBinding gives nothing that lies in no namespace.
            (Some(_), _) => continue,
        };
        if !grant.rules.iter().any(|rule| rule.allows(request)) {
            continue;
        }
        for subject in &grant.binding.subjects {
            let (namespace, name) = match &*subject.kind {
                "ServiceAccount" => match account_of(subject, grant.binding) {
                    Some(account) => account,
                    None => continue,
                },
                "User" | "Group" => ("", subject.name.as_str()),
                _ => continue,
            };
            found.push(Holder {
                kind: subject.kind.to_string(),
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                within: within.clone(),
                binding: binding_label(grant),
                role: role_label(grant),
            });
        }
    }
    found.sort();
    found.dedup();
    found
}

/// `ClusterRoleBinding/NAME` or `RoleBinding/NAMESPACE/NAME`.
pub(super) fn binding_label(grant: &Grant<'_>) -> String {
    let head = &grant.binding.head;
    match grant.namespace() {
        None => format!("{}/{}", head.ty.kind, head.meta.name),
        Some(namespace) => format!("{}/{namespace}/{}", head.ty.kind, head.meta.name),
    }
}

/// `ClusterRole/NAME` or `Role/NAME`.
pub(super) fn role_label(grant: &Grant<'_>) -> String {
    format!("{}/{}", grant.binding.role.kind, grant.binding.role.name)
}

/// Where something holds, for a column.
pub(super) fn place(within: Option<&str>) -> &str {
    within.unwrap_or("the whole cluster")
}

impl Present for WhoCanReport {
    fn document(&self, detail: &Detail) -> Document<'_> {
        let asked = format!("{} {}", self.verb, self.target);
        let who = match self.holders.len() {
            0 => "no binding lets anybody do it".to_owned(),
            count => format!("allowed by {}", text::plural(count, "grant")),
        };
        let headline = self.basis.headline(format!("{asked}: {who}"));
        let mut document = Document::new(format!("Who can {asked}"), headline);
        let mut table = Table::new([
            Column::new("WHO").flex(2),
            Column::new("WHERE"),
            Column::new("BINDING").optional(),
            Column::new("ROLE").optional(),
        ]);
        for holder in &self.holders {
            let name = if holder.namespace.is_empty() {
                format!("{} {}", holder.kind, holder.name)
            } else {
                format!("{} {}/{}", holder.kind, holder.namespace, holder.name)
            };
            table.row([
                Cell::toned(name, Tone::Strong),
                Cell::from(place(holder.within.as_deref())),
                Cell::from(holder.binding.as_str()),
                Cell::from(holder.role.as_str()),
            ]);
        }
        table.filter = true;
        if !table.rows.is_empty() {
            document.blocks.push(Block::Table(table));
        }
        self.basis.finish(detail, &mut document);
        document
    }

    fn cases(&self) -> Vec<Case<'_>> {
        let accounts = self.holders.iter().filter(|holder| holder.kind == "ServiceAccount");
        let mut seen: Vec<Case<'_>> = accounts
            .map(|holder| Case {
                context: None,
                suite: "who-can",
                subject: Subject::Object {
                    group: "",
                    kind: "ServiceAccount",
                    namespace: &holder.namespace,
                    name: &holder.name,
                },
                level: Level::Ok,
                code: "",
                message: &holder.binding,
                evidence: &[],
            })
            .collect();
        seen.dedup_by(|one, two| one.subject == two.subject);
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::super::resource::parse;
    use super::*;
    use crate::testing::records;

    #[test]
    fn everybody_who_may_is_named_with_the_place() {
        let records = records(
            "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: all-of-it}
rules: [{verbs: ['*'], apiGroups: [''], resources: [secrets, namespaces]}, {verbs: [get], nonResourceURLs: [/x]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: wide}
roleRef: {kind: ClusterRole, name: all-of-it}
subjects: [{kind: Group, name: sre}, {kind: ServiceAccount, name: nobody}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: narrow, namespace: ml}
roleRef: {kind: ClusterRole, name: all-of-it}
subjects: [{kind: ServiceAccount, name: job}]
",
        );
        let grants = Grants::new(&records);
        let who = |verb: &str, text: &str, namespaces: &[&str]| {
            let namespaces: Vec<String> = namespaces.iter().map(|&it| it.to_owned()).collect();
            let target = parse(text, None, &records.roles).expect("a target");
            let found = holders(&grants, verb, &target, &namespaces);
            found.into_iter().map(|it| format!("{}@{}", it.name, it.within.unwrap_or_default())).collect::<Vec<_>>()
        };
        assert_eq!(who("get", "secrets", &[]), ["sre@", "job@ml"]);
        assert_eq!(who("get", "secrets", &["other"]), ["sre@"]);
        assert_eq!(who("get", "secrets/one", &["ml"]), ["sre@", "job@ml"]);
        assert_eq!(who("list", "namespaces", &[]), ["sre@"], "a RoleBinding lists no namespaces");
        assert_eq!(who("get", "namespaces/ml", &[]), ["sre@", "job@ml"], "but gets its own");
        assert_eq!(who("get", "namespaces/other", &[]), ["sre@"]);
        assert_eq!(who("get", "/x", &[]), ["sre@"]);
        assert!(who("get", "pods", &[]).is_empty());
    }
}

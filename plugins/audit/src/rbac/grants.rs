//! Who holds which rules where: bindings followed to their roles.

use super::matching::Request;
use crate::record::rbac::{Binding, Role, Rule, Subject};
use crate::record::{Head, Records};
use mlops_shared::object::Sym;
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};

/// What one binding gives.
#[derive(Debug, Clone)]
pub struct Grant<'a> {
    /// The binding.
    pub binding: &'a Binding,
    /// The role; none where it does not exist, or was not read.
    pub role: Option<&'a Role>,
    /// Its rules, those of aggregated roles included.
    pub rules: Cow<'a, [Rule]>,
}

impl Grant<'_> {
    /// The namespace that it holds in; none is the whole cluster.
    pub fn namespace(&self) -> Option<&Sym> {
        (!self.binding.is_cluster_wide()).then_some(&self.binding.head.meta.namespace)
    }

    /// Whether it allows a request in a namespace (empty for what has none).
    pub fn allows(&self, request: Request<'_>, namespace: &str) -> bool {
        let is_here = match (self.namespace(), request) {
            (None, _) => true,
            // A RoleBinding gives nothing that belongs to no namespace.
            (Some(_), Request::Path { .. }) => false,
            (Some(own), Request::Resource { .. }) => !namespace.is_empty() && own.as_str() == namespace,
        };
        is_here && self.rules.iter().any(|rule| rule.allows(request))
    }
}

/// Somebody who asks: a user and the groups it is in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The user's name.
    pub user: String,
    /// Its groups.
    pub groups: BTreeSet<String>,
}

/// What stands before the namespace and name of a service account in its user name.
pub(super) const ACCOUNT: &str = "system:serviceaccount:";

impl Identity {
    /// Whoever bears this user name, with the groups that the API server adds by itself, and further ones.
    pub fn new(user: &str, groups: impl IntoIterator<Item = String>) -> Self {
        let mut groups: BTreeSet<String> = groups.into_iter().collect();
        if let Some((namespace, _)) = user.strip_prefix(ACCOUNT).and_then(|rest| rest.split_once(':')) {
            groups.insert("system:serviceaccounts".to_owned());
            groups.insert(format!("system:serviceaccounts:{namespace}"));
        }
        groups.insert(
            if user == "system:anonymous" { "system:unauthenticated" } else { "system:authenticated" }.to_owned(),
        );
        Self { user: user.to_owned(), groups }
    }

    /// A service account.
    pub fn account(namespace: &str, name: &str) -> Self {
        Self::new(&format!("{ACCOUNT}{namespace}:{name}"), [])
    }

    /// Whether a subject of a binding means it. A user named `*` is nobody else.
    pub fn is(&self, subject: &Subject, binding: &Binding) -> bool {
        match &*subject.kind {
            "User" => self.user == subject.name.as_str(),
            "Group" => self.groups.contains(subject.name.as_str()),
            "ServiceAccount" => account_of(subject, binding).is_some_and(|(namespace, name)| {
                let rest = self.user.strip_prefix(ACCOUNT);
                rest.and_then(|rest| rest.split_once(':')) == Some((namespace, name))
            }),
            _ => false,
        }
    }
}

/// The namespace and name of a service account that a binding names. In a ClusterRoleBinding one without a
/// namespace is nobody.
pub fn account_of<'a>(subject: &'a Subject, binding: &'a Binding) -> Option<(&'a str, &'a str)> {
    if &*subject.kind != "ServiceAccount" {
        return None;
    }
    let namespace = if !subject.namespace.is_empty() {
        subject.namespace.as_str()
    } else if binding.is_cluster_wide() {
        return None;
    } else {
        binding.head.meta.namespace.as_str()
    };
    Some((namespace, &subject.name))
}

/// All grants of a run.
#[derive(Debug)]
pub struct Grants<'a> {
    /// One a binding.
    pub all: Vec<Grant<'a>>,
}

impl<'a> Grants<'a> {
    /// Follows every binding to its role.
    pub fn new(records: &'a Records) -> Self {
        let key = |head: &'a Head| (head.meta.namespace.as_str(), head.meta.name.as_str());
        let roles: HashMap<(&str, &str), &Role> = records.roles.iter().map(|role| (key(&role.head), role)).collect();
        let mut computed: HashMap<&str, Vec<Rule>> = HashMap::new();
        for role in records.roles.iter().filter(|role| role.rules.is_empty() && !role.aggregates.is_empty()) {
            computed.insert(&role.head.meta.name, aggregated(role, &records.roles));
        }
        let grant = |binding: &'a Binding| {
            let namespace = if &*binding.role.kind == "ClusterRole" { "" } else { &*binding.head.meta.namespace };
            let role = roles.get(&(namespace, &*binding.role.name)).copied();
            let rules = match role {
                // A role made of others has no rules of its own in a file.
                Some(role) => match computed.get(&*role.head.meta.name).filter(|_| namespace.is_empty()) {
                    Some(rules) => Cow::Owned(rules.clone()),
                    None => Cow::Borrowed(role.rules.as_slice()),
                },
                None => Cow::Borrowed(&[][..]),
            };
            Grant { binding, role, rules }
        };
        Self { all: records.bindings.iter().map(grant).collect() }
    }

    /// What somebody holds: the grant, and the subject of its binding that means them.
    pub fn of<'s, 'w>(
        &'s self,
        who: &'w Identity,
    ) -> impl Iterator<Item = (&'s Grant<'a>, &'a Subject)> + use<'s, 'w, 'a> {
        self.all.iter().filter_map(move |grant| {
            let subject = grant.binding.subjects.iter().find(|subject| who.is(subject, grant.binding))?;
            Some((grant, subject))
        })
    }

    /// The grant by which somebody may do something, where one allows it. The group `system:masters` may do
    /// everything without one.
    pub fn allows(&self, who: &Identity, request: Request<'_>, namespace: &str) -> Option<&Grant<'a>> {
        self.of(who).map(|(grant, _)| grant).find(|grant| grant.allows(request, namespace))
    }
}

/// The rules of a role that is made of others, as the controller makes them: all that any selector takes, and
/// what those are made of.
fn aggregated(role: &Role, roles: &[Role]) -> Vec<Rule> {
    let (mut rules, mut waiting) = (Vec::new(), vec![role]);
    let mut seen: HashSet<&str> = HashSet::from([role.head.meta.name.as_str()]);
    while let Some(role) = waiting.pop() {
        rules.extend(role.rules.iter().cloned());
        let takes = |other: &&Role| {
            &*other.head.ty.kind == "ClusterRole"
                && role.aggregates.iter().any(|selector| selector.matches(&other.head.meta.labels))
        };
        for other in roles.iter().filter(takes) {
            if seen.insert(&other.head.meta.name) {
                waiting.push(other);
            }
        }
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::records;

    const OBJECTS: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
rules: [{verbs: [get, list], apiGroups: [''], resources: [pods, nodes]}, {verbs: [get], nonResourceURLs: [/metrics]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: here, namespace: ml}
roleRef: {kind: ClusterRole, name: reader}
subjects: [{kind: ServiceAccount, name: job}, {kind: User, name: 'system:serviceaccount:x:y'}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: everywhere}
roleRef: {kind: ClusterRole, name: reader}
subjects: [{kind: ServiceAccount, name: job}, {kind: Group, name: 'system:serviceaccounts:data'}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: sum}
aggregationRule: {clusterRoleSelectors: [{matchLabels: {into: sum}}, {matchLabels: {into: other}}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: part, labels: {into: sum}}
aggregationRule: {clusterRoleSelectors: [{matchLabels: {into: part}}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: leaf, labels: {into: part}}
rules: [{verbs: [delete], apiGroups: [apps], resources: [deployments]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: sum}
roleRef: {kind: ClusterRole, name: sum}
subjects: [{kind: User, name: ann}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: gone, namespace: ml}
roleRef: {kind: Role, name: not-there}
subjects: [{kind: User, name: ann}]
";

    #[test]
    fn grants_hold_where_their_binding_does() {
        let records = records(OBJECTS);
        let grants = Grants::new(&records);
        let may = |who: &Identity, request, namespace| grants.allows(who, request, namespace).is_some();
        let job = Identity::account("ml", "job");
        let pods = Request::any("list", "", "pods");
        assert!(may(&job, pods, "ml") && !may(&job, pods, "other") && !may(&job, pods, ""));
        assert!(!may(&job, Request::any("get", "", "nodes"), ""), "a RoleBinding gives nothing without a namespace");
        assert!(!may(&job, Request::Path { verb: "get", path: "/metrics" }, ""));
        assert!(may(&Identity::account("x", "y"), pods, "ml"), "a user name that is a service account's");
        let other = Identity::account("data", "any");
        assert!(may(&other, pods, "anywhere") && may(&other, Request::Path { verb: "get", path: "/metrics" }, ""));
        assert!(!may(&Identity::account("default", "job"), pods, "ml"), "no namespace in a ClusterRoleBinding");
    }

    #[test]
    fn roles_made_of_others_are_followed_and_missing_ones_known() {
        let records = records(OBJECTS);
        let grants = Grants::new(&records);
        let ann = Identity::new("ann", []);
        assert!(grants.allows(&ann, Request::any("delete", "apps", "deployments"), "ml").is_some());
        let gone = grants.all.iter().find(|grant| &*grant.binding.head.meta.name == "gone").expect("binding");
        assert!(gone.role.is_none());
    }
}

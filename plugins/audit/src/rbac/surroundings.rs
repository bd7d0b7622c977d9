//! How much a power matters where it is held: which accounts of its namespace are strong, whether pods there may be
//! privileged, and how Flux' controllers are started.

use super::codes::{RBAC_FLUX_APPLY, RBAC_POD_CREATE, RBAC_TOKEN_REQUEST};
use super::grants::{Grants, account_of};
use super::powers::{Power, is_all};
use crate::check::Asked;
use crate::flux::{Applier, applier};
use crate::record::rbac::{Binding, Subject};
use crate::severity::Severity::{self, Critical, High, Low, Medium};
use crate::workloads::ENFORCE;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// The accounts of Flux' own controllers, whose task it is to write what Flux applies.
const OF_FLUX: &[&str] = &[
    "helm-controller",
    "image-automation-controller",
    "image-reflector-controller",
    "kustomize-controller",
    "notification-controller",
    "source-controller",
    "source-watcher",
];

/// What is known around a binding.
pub(super) struct Surroundings<'a> {
    /// Accounts that hold the whole cluster, by namespace.
    strong: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// Namespaces that are known to let privileged pods in.
    unguarded: HashSet<&'a str>,
    kustomize: Applier,
    helm: Applier,
}

impl<'a> Surroundings<'a> {
    pub(super) fn new(asked: &Asked<'a>, grants: &Grants<'a>) -> Self {
        let mut strong: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for grant in grants.all.iter().filter(|grant| grant.binding.is_cluster_wide() && is_all(&grant.rules)) {
            let accounts = grant.binding.subjects.iter().filter_map(|subject| account_of(subject, grant.binding));
            for (namespace, name) in accounts {
                strong.entry(namespace).or_default().insert(name);
            }
        }
        let namespaces = asked.records.namespaces.iter().map(|namespace| &namespace.head.meta);
        let is_unguarded = |meta: &&'a std::sync::Arc<mlops_shared::object::Meta>| {
            !matches!(meta.labels.get(ENFORCE), Some("baseline" | "restricted"))
        };
        Self {
            strong,
            unguarded: namespaces.filter(is_unguarded).map(|meta| meta.name.as_str()).collect(),
            kustomize: applier(asked.records, "kustomize-controller"),
            helm: applier(asked.records, "helm-controller"),
        }
    }

    /// How much a power matters where a binding gives it, and what says so.
    pub(super) fn judge(&self, power: &Power, binding: &Binding, subjects: &[&Subject]) -> (Severity, Vec<String>) {
        if power.code.id == RBAC_FLUX_APPLY.id {
            return self.flux(power, binding, subjects);
        }
        let namespace = binding.head.meta.namespace.as_str();
        let is_token = power.code.id == RBAC_TOKEN_REQUEST.id;
        if binding.is_cluster_wide() || !(is_token || power.code.id == RBAC_POD_CREATE.id) {
            return (power.severity, Vec::new());
        }
        // A name is that of an account where tokens are made, and of a workload otherwise, whose account can be changed.
        let is_reached = |name: &str| !is_token || power.names.is_empty() || power.names.iter().any(|own| own == name);
        if let Some(line) = self.strong_in(namespace, is_reached) {
            return (Critical, vec![line]);
        }
        if !is_token && self.unguarded.contains(namespace) && power.severity < High {
            let line = format!("{namespace} enforces no Pod Security Standard: a privileged pod there has its node");
            return (High, vec![line]);
        }
        (power.severity, Vec::new())
    }

    /// A line on an account of a namespace that holds the whole cluster.
    fn strong_in(&self, namespace: &str, is_reached: impl Fn(&str) -> bool) -> Option<String> {
        let name = self.strong.get(namespace)?.iter().find(|name| is_reached(name))?;
        Some(format!("the service account {namespace}/{name} is in its reach, and holds the whole cluster"))
    }

    fn flux(&self, power: &Power, binding: &Binding, subjects: &[&Subject]) -> (Severity, Vec<String>) {
        let is_of_flux =
            |subject: &&Subject| &*subject.kind == "ServiceAccount" && OF_FLUX.contains(&subject.name.as_str());
        if subjects.iter().all(is_of_flux) {
            return (power.severity.min(Low), vec!["these are Flux' own controllers".to_owned()]);
        }
        let named = [
            ("kustomizations", &self.kustomize, "kustomize-controller"),
            ("helmreleases", &self.helm, "helm-controller"),
        ];
        let meant = named.into_iter().filter(|(resource, ..)| power.what.contains(resource));
        let (guarded, open): (Vec<_>, Vec<_>) =
            meant.map(|(_, applier, name)| (applier, name)).partition(|(applier, _)| applier.default_account.is_some());
        if let Some((applier, name)) = open.first() {
            let line = if applier.accounts.is_empty() {
                return (
                    power.severity.min(High),
                    vec![format!(
                        "{name} was not read: with --default-service-account it acts as an account of the namespace"
                    )],
                );
            } else {
                format!(
                    "{name} runs without --default-service-account: an object without an account is applied with its own rights"
                )
            };
            // A name is of an object, whose content its holder decides.
            return (Critical, vec![line]);
        }
        let namespace = binding.head.meta.namespace.as_str();
        let names: Vec<&str> = guarded.iter().map(|(_, name)| *name).collect();
        let line = format!(
            "with the --default-service-account of {} it acts as any account of the namespace",
            names.join(" and ")
        );
        if binding.is_cluster_wide() {
            return (power.severity.min(High), vec![line]);
        }
        match self.strong_in(namespace, |_| true) {
            Some(strong) => (Critical, vec![line, strong]),
            None => (power.severity.min(Medium), vec![line]),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::severity::Severity;
    use crate::testing::found;

    const BASE: &str = "
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: r, namespace: ml}, rules: [RULE]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: b, namespace: ml}, roleRef: {kind: Role, name: r}, subjects: [{kind: User, name: ann}]}
---
";
    const STRONG: &str = "
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: cluster-admin}, rules: [{verbs: ['*'], apiGroups: ['*'], resources: ['*']}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: s}, roleRef: {kind: ClusterRole, name: cluster-admin}, subjects: [{kind: ServiceAccount, name: boss, namespace: ml}]}
---
";
    const PODS: &str = "{verbs: [create], apiGroups: [''], resources: [pods]}";
    const FLUX: &str = "{verbs: [create], apiGroups: [kustomize.toolkit.fluxcd.io], resources: [kustomizations]}";

    fn severity(code: &str, rule: &str, more: &str) -> Severity {
        let all = found(super::super::check, &format!("{}{more}", BASE.replace("RULE", rule)));
        let mut of = all.iter().filter(|finding| finding.code.id == code && &*finding.object.name == "b");
        of.next().unwrap_or_else(|| panic!("no {code}: {all:?}")).severity
    }

    fn controller(flags: &str) -> String {
        format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: kustomize-controller, namespace: flux-system}}, spec: {{template: {{spec: {{containers: [{{name: m, image: 'ghcr.io/fluxcd/kustomize-controller:v1', args: [{flags}]}}]}}}}}}}}"
        )
    }

    fn namespace(labels: &str) -> String {
        format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: ml, labels: {{{labels}}}}}}}")
    }

    #[test]
    fn starting_pods_matters_by_what_they_may_be() {
        let code = "rbac-pod-create";
        assert_eq!(severity(code, PODS, ""), Severity::Medium, "nothing is known of the namespace");
        assert_eq!(severity(code, PODS, &namespace("")), Severity::High);
        let guarded = namespace("pod-security.kubernetes.io/enforce: baseline");
        assert_eq!(severity(code, PODS, &guarded), Severity::Medium);
        assert_eq!(severity(code, PODS, &format!("{STRONG}{guarded}")), Severity::Critical);
        assert_eq!(severity(code, PODS, &STRONG.replace("namespace: ml", "namespace: other")), Severity::Medium);
    }

    #[test]
    fn a_token_matters_by_whose_it_is() {
        let token =
            |names: &str| format!("{{verbs: [create], apiGroups: [''], resources: [serviceaccounts/token]{names}}}");
        let code = "rbac-token-request";
        assert_eq!(severity(code, &token(""), ""), Severity::High);
        assert_eq!(severity(code, &token(""), STRONG), Severity::Critical);
        assert_eq!(severity(code, &token(", resourceNames: [boss]"), STRONG), Severity::Critical);
        assert_eq!(severity(code, &token(", resourceNames: [other]"), STRONG), Severity::Medium);
    }

    #[test]
    fn what_flux_applies_matters_by_its_controllers() {
        let code = "rbac-flux-apply";
        assert_eq!(severity(code, FLUX, ""), Severity::High, "the controller was not read");
        assert_eq!(severity(code, FLUX, &controller("'--no-remote-bases=true'")), Severity::Critical);
        let hard = controller("'--default-service-account=default'");
        assert_eq!(severity(code, FLUX, &hard), Severity::Medium);
        assert_eq!(severity(code, FLUX, &format!("{STRONG}{hard}")), Severity::Critical);
        let releases = "{verbs: [patch], apiGroups: [helm.toolkit.fluxcd.io], resources: [helmreleases]}";
        assert_eq!(severity(code, releases, &hard), Severity::High, "it is another controller's");
    }
}

//! What the command line calls a resource: a plural, singular or short name, with its group where it is not one of
//! Kubernetes' own.

use crate::rbac::Request;
use crate::record::Role;
use mlops_shared::cli::Failure;
use std::collections::BTreeSet;

/// What is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// A resource.
    Resource {
        /// API group.
        group: String,
        /// `resource` or `resource/subresource`.
        resource: String,
        /// The object; empty for requests without a name.
        name: String,
        /// Whether its objects live in namespaces; true where that is not known.
        is_namespaced: bool,
    },
    /// A path that belongs to no resource.
    Path(String),
}

impl Target {
    /// The request with a verb.
    pub(super) fn request<'a>(&'a self, verb: &'a str) -> Request<'a> {
        match self {
            Self::Resource { group, resource, name, .. } => Request::Resource { verb, group, resource, name },
            Self::Path(path) => Request::Path { verb, path },
        }
    }

    /// The namespace that a request on the object carries although the object lies in none: its own name, for a
    /// namespace (kubernetes apiserver/pkg/endpoints/request/requestinfo.go).
    pub(super) fn own_namespace(&self) -> Option<&str> {
        match self {
            Self::Resource { group, resource, name, .. } if group.is_empty() && !name.is_empty() => {
                (resource.split('/').next() == Some("namespaces")).then_some(name)
            }
            _ => None,
        }
    }

    /// As people write it.
    pub(super) fn label(&self) -> String {
        match self {
            Self::Resource { group, resource, name, .. } => {
                let group = if group.is_empty() { String::new() } else { format!(".{group}") };
                let name = if name.is_empty() { String::new() } else { format!(" {name}") };
                format!("{resource}{group}{name}")
            }
            Self::Path(path) => path.clone(),
        }
    }
}

/// Kubernetes' own resources: plural, group, whether they lie in namespaces, other names.
const BUILT_IN: &[(&str, &str, bool, &[&str])] = &[
    ("pods", "", true, &["pod", "po"]),
    ("services", "", true, &["service", "svc"]),
    ("secrets", "", true, &["secret"]),
    ("configmaps", "", true, &["configmap", "cm"]),
    ("serviceaccounts", "", true, &["serviceaccount", "sa"]),
    ("persistentvolumeclaims", "", true, &["persistentvolumeclaim", "pvc"]),
    ("persistentvolumes", "", false, &["persistentvolume", "pv"]),
    ("namespaces", "", false, &["namespace", "ns"]),
    ("nodes", "", false, &["node", "no"]),
    ("events", "", true, &["event", "ev"]),
    ("endpoints", "", true, &["ep"]),
    ("limitranges", "", true, &["limitrange", "limits"]),
    ("resourcequotas", "", true, &["resourcequota", "quota"]),
    ("replicationcontrollers", "", true, &["replicationcontroller", "rc"]),
    ("podtemplates", "", true, &["podtemplate"]),
    ("users", "", false, &["user"]),
    ("groups", "", false, &["group"]),
    ("deployments", "apps", true, &["deployment", "deploy"]),
    ("statefulsets", "apps", true, &["statefulset", "sts"]),
    ("daemonsets", "apps", true, &["daemonset", "ds"]),
    ("replicasets", "apps", true, &["replicaset", "rs"]),
    ("controllerrevisions", "apps", true, &["controllerrevision"]),
    ("jobs", "batch", true, &["job"]),
    ("cronjobs", "batch", true, &["cronjob", "cj"]),
    ("horizontalpodautoscalers", "autoscaling", true, &["horizontalpodautoscaler", "hpa"]),
    ("poddisruptionbudgets", "policy", true, &["poddisruptionbudget", "pdb"]),
    ("networkpolicies", "networking.k8s.io", true, &["networkpolicy", "netpol"]),
    ("ingresses", "networking.k8s.io", true, &["ingress", "ing"]),
    ("ingressclasses", "networking.k8s.io", false, &["ingressclass"]),
    ("roles", "rbac.authorization.k8s.io", true, &["role"]),
    ("rolebindings", "rbac.authorization.k8s.io", true, &["rolebinding"]),
    ("clusterroles", "rbac.authorization.k8s.io", false, &["clusterrole"]),
    ("clusterrolebindings", "rbac.authorization.k8s.io", false, &["clusterrolebinding"]),
    ("storageclasses", "storage.k8s.io", false, &["storageclass", "sc"]),
    ("volumeattachments", "storage.k8s.io", false, &["volumeattachment"]),
    ("customresourcedefinitions", "apiextensions.k8s.io", false, &["customresourcedefinition", "crd", "crds"]),
    ("apiservices", "apiregistration.k8s.io", false, &["apiservice"]),
    ("mutatingwebhookconfigurations", "admissionregistration.k8s.io", false, &["mutatingwebhookconfiguration"]),
    ("validatingwebhookconfigurations", "admissionregistration.k8s.io", false, &["validatingwebhookconfiguration"]),
    ("certificatesigningrequests", "certificates.k8s.io", false, &["certificatesigningrequest", "csr"]),
    ("signers", "certificates.k8s.io", false, &["signer"]),
    ("leases", "coordination.k8s.io", true, &["lease"]),
    ("endpointslices", "discovery.k8s.io", true, &["endpointslice"]),
    ("priorityclasses", "scheduling.k8s.io", false, &["priorityclass", "pc"]),
];

/// Reads `RESOURCE[.GROUP][/NAME]` or a path. A name that is none of Kubernetes' own is looked for in the roles.
///
/// # Errors
/// When the group cannot be told.
pub(super) fn parse(text: &str, subresource: Option<&str>, roles: &[Role]) -> Result<Target, Failure> {
    if text.starts_with('/') {
        return match subresource {
            None => Ok(Target::Path(text.to_owned())),
            Some(_) => Err(Failure::usage(format!("{text} is a path, which has no subresources"))),
        };
    }
    let (whole, name) = text.split_once('/').unwrap_or((text, ""));
    let (plural, group) = match whole.split_once('.') {
        Some((plural, group)) => (plural, Some(group)),
        None => (whole, None),
    };
    if plural.is_empty() || group == Some("") || name.contains('/') {
        return Err(Failure::usage(format!("{text:?} is no resource"))
            .hint("write RESOURCE, RESOURCE/NAME, RESOURCE.GROUP or RESOURCE.GROUP/NAME; a path starts with /"));
    }
    let known = BUILT_IN.iter().find(|(known, of, _, others)| {
        (*known == plural || others.contains(&plural)) && group.is_none_or(|group| group == *of)
    });
    let (plural, group, is_namespaced) = match (known, group) {
        (Some((known, group, is_namespaced, _)), _) => (*known, (*group).to_owned(), *is_namespaced),
        (None, Some(group)) => (plural, group.to_owned(), true),
        (None, None) if plural == "*" => ("*", "*".to_owned(), true),
        (None, None) => (plural, group_in_roles(plural, roles)?, true),
    };
    let resource = subresource.map_or_else(|| plural.to_owned(), |sub| format!("{plural}/{sub}"));
    Ok(Target::Resource { group, resource, name: name.to_owned(), is_namespaced })
}

/// The group of a resource that roles name.
fn group_in_roles(plural: &str, roles: &[Role]) -> Result<String, Failure> {
    let rules = roles.iter().flat_map(|role| role.rules.iter());
    let naming = rules.filter(|rule| rule.resources.iter().any(|resource| resource.as_str() == plural));
    let groups: BTreeSet<&str> = naming
        .flat_map(|rule| rule.api_groups.iter())
        .map(|group| group.as_str())
        .filter(|group| !group.is_empty() && *group != "*")
        .collect();
    let mut groups = groups.into_iter();
    match (groups.next(), groups.next()) {
        (Some(one), None) => Ok(one.to_owned()),
        (Some(one), Some(two)) => Err(Failure::usage(format!("{plural} is a resource of more than one group"))
            .hint(format!("write {plural}.{one} or {plural}.{two}"))),
        (None, _) => Err(Failure::usage(format!("no role names a resource {plural}, nor does Kubernetes have it"))
            .hint(format!("write it with its group: {plural}.GROUP; `kubectl api-resources` lists both"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::records;

    #[test]
    fn resources_are_told_by_any_of_their_names() {
        let roles = records(
            "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: kafka}
rules:
- {verbs: [get], apiGroups: [kafka.strimzi.io], resources: [kafkas]}
- {verbs: [get], apiGroups: [a.example, b.example], resources: [things]}
",
        )
        .roles;
        let label = |text: &str, sub| parse(text, sub, &roles).map(|target| target.label());
        assert_eq!(label("deploy/web", None).expect("known"), "deployments.apps web");
        assert_eq!(label("po", Some("exec")).expect("known"), "pods/exec");
        assert_eq!(label("kafkas", None).expect("in a role"), "kafkas.kafka.strimzi.io");
        assert_eq!(label("pods.metrics.k8s.io", None).expect("with its group"), "pods.metrics.k8s.io");
        assert_eq!(label("/metrics", None).expect("a path"), "/metrics");
        for wrong in ["things", "unheard", "pods/a/b", ".apps", ""] {
            assert!(parse(wrong, None, &roles).is_err(), "{wrong}");
        }
        let node = parse("nodes/one", Some("proxy"), &roles).expect("known");
        assert!(matches!(node, Target::Resource { is_namespaced: false, .. }));
    }
}

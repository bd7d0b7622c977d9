//! What Kubernetes itself brings: roles and bindings that an API server makes when it starts.
//!
//! They are known by label and exact name, and by what they give: a label can be written by anybody, and so can a name
//! that begins like theirs. What they may give is listed by power, so that the list holds for every version that adds
//! a rule to one of them. Source: kubernetes plugin/pkg/auth/authorizer/rbac/bootstrappolicy, 1.20 to 1.36.

use super::powers::{Power, is_all};
use crate::record::Head;
use crate::record::rbac::{Binding, Role, Subject};

/// What stands before the name of a controller in the name of its role.
const CONTROLLER: &str = "system:controller:";

/// The powers that `edit` gives, and so `admin`; with those of Flux where its roles are part of them.
const EDIT: &[&str] = &[
    "rbac-flux-apply",
    "rbac-impersonate",
    "rbac-pod-create",
    "rbac-pod-exec",
    "rbac-secrets-read",
    "rbac-secrets-write",
    "rbac-token-request",
];

const ADMIN: &[&str] = &[
    "rbac-flux-apply",
    "rbac-impersonate",
    "rbac-manage-bindings",
    "rbac-pod-create",
    "rbac-pod-exec",
    "rbac-secrets-read",
    "rbac-secrets-write",
    "rbac-token-request",
];

const PODS: &[&str] = &["rbac-pod-create", "rbac-pod-exec"];
const NODES: &[&str] = &["rbac-node-patch"];

/// The default roles with the powers that each gives.
const ROLES: &[(&str, &[&str])] = &[
    ("admin", ADMIN),
    ("cluster-admin", &["rbac-wildcard"]),
    ("edit", EDIT),
    ("extension-apiserver-authentication-reader", &[]),
    ("system::leader-locking-kube-controller-manager", &[]),
    ("system::leader-locking-kube-scheduler", &[]),
    ("system:aggregate-to-admin", &["rbac-manage-bindings"]),
    ("system:aggregate-to-edit", EDIT),
    ("system:aggregate-to-view", &[]),
    ("system:auth-delegator", &[]),
    ("system:basic-user", &[]),
    ("system:certificates.k8s.io:certificatesigningrequests:nodeclient", &[]),
    ("system:certificates.k8s.io:certificatesigningrequests:selfnodeclient", &[]),
    ("system:certificates.k8s.io:kube-apiserver-client-approver", &[]),
    ("system:certificates.k8s.io:kube-apiserver-client-kubelet-approver", &[]),
    ("system:certificates.k8s.io:kubelet-serving-approver", &[]),
    ("system:certificates.k8s.io:legacy-unknown-approver", &[]),
    ("system:cluster-trust-bundle-discovery", &[]),
    ("system:discovery", &[]),
    ("system:heapster", &[]),
    ("system:kube-aggregator", &[]),
    (
        "system:kube-controller-manager",
        &["rbac-secrets-read", "rbac-secrets-write", "rbac-token-request", "rbac-wildcard"],
    ),
    ("system:kube-dns", &[]),
    ("system:kube-scheduler", &[]),
    ("system:kubelet-api-admin", &["rbac-node-proxy", "rbac-wildcard"]),
    ("system:monitoring", &[]),
    ("system:node", &["rbac-node-patch", "rbac-pod-create", "rbac-secrets-read", "rbac-token-request"]),
    ("system:node-bootstrapper", &[]),
    ("system:node-problem-detector", NODES),
    ("system:node-proxier", &[]),
    ("system:persistent-volume-provisioner", &["rbac-pv-create"]),
    ("system:public-info-viewer", &[]),
    ("system:service-account-issuer-discovery", &[]),
    ("system:volume-scheduler", &["rbac-pv-create"]),
    ("view", &[]),
];

/// The roles of controllers, without what stands before their names.
const CONTROLLERS: &[(&str, &[&str])] = &[
    ("attachdetach-controller", NODES),
    ("bootstrap-signer", &["rbac-secrets-read"]),
    ("certificate-controller", &["rbac-csr-approve"]),
    ("cloud-provider", &[]),
    ("clusterrole-aggregation-controller", &["rbac-escalate"]),
    ("cronjob-controller", PODS),
    ("daemon-set-controller", PODS),
    ("deployment-controller", PODS),
    ("device-taint-eviction-controller", &[]),
    ("disruption-controller", &["rbac-wildcard"]),
    ("endpoint-controller", &[]),
    ("endpointslice-controller", &[]),
    ("endpointslicemirroring-controller", &[]),
    ("ephemeral-volume-controller", &[]),
    // It reads Secrets of volumes until 1.27.
    ("expand-controller", &["rbac-pv-create", "rbac-secrets-read"]),
    (
        "generic-garbage-collector",
        &[
            "rbac-apiservice",
            "rbac-crd-write",
            "rbac-flux-apply",
            "rbac-manage-bindings",
            "rbac-node-patch",
            "rbac-node-proxy",
            "rbac-pod-create",
            "rbac-pod-exec",
            "rbac-pv-create",
            "rbac-secrets-read",
            "rbac-secrets-write",
            "rbac-webhooks",
            "rbac-wildcard",
        ],
    ),
    ("horizontal-pod-autoscaler", &["rbac-wildcard"]),
    ("job-controller", PODS),
    ("kube-apiserver-serving-clustertrustbundle-publisher", &[]),
    ("legacy-service-account-token-cleaner", &["rbac-secrets-write"]),
    ("namespace-controller", &["rbac-node-proxy", "rbac-pod-exec", "rbac-secrets-read", "rbac-wildcard"]),
    ("node-controller", &["rbac-node-patch", "rbac-pod-exec"]),
    ("persistent-volume-binder", &["rbac-pod-create", "rbac-pv-create", "rbac-secrets-read"]),
    ("pod-garbage-collector", &[]),
    ("podcertificaterequestcleaner", &[]),
    ("podgroup-protection-controller", &[]),
    ("pv-protection-controller", &["rbac-pv-create"]),
    ("pvc-protection-controller", &[]),
    ("replicaset-controller", PODS),
    ("replication-controller", PODS),
    ("resource-claim-controller", &[]),
    ("resourcepoolstatusrequest-controller", &[]),
    ("resourcequota-controller", &["rbac-secrets-read", "rbac-wildcard"]),
    ("root-ca-cert-publisher", &[]),
    ("route-controller", NODES),
    ("selinux-warning-controller", &[]),
    ("service-account-controller", &[]),
    ("service-cidrs-controller", &[]),
    ("service-controller", NODES),
    ("statefulset-controller", PODS),
    // It writes objects of all kinds anew.
    ("storage-version-garbage-collector", &[]),
    (
        "storage-version-migrator-controller",
        &[
            "rbac-apiservice",
            "rbac-crd-write",
            "rbac-flux-apply",
            "rbac-manage-bindings",
            "rbac-node-patch",
            "rbac-pod-create",
            "rbac-pod-exec",
            "rbac-pv-create",
            "rbac-secrets-read",
            "rbac-secrets-write",
            "rbac-webhooks",
            "rbac-wildcard",
        ],
    ),
    ("token-cleaner", &["rbac-secrets-read"]),
    ("ttl-after-finished-controller", &[]),
    ("ttl-controller", NODES),
    ("validatingadmissionpolicy-status-controller", &[]),
    ("volumeattributesclass-protection-controller", &[]),
];

/// The powers of a default role; none for a name that the API server does not give.
fn gives(name: &str) -> Option<&'static [&'static str]> {
    let (list, name) = match name.strip_prefix(CONTROLLER) {
        Some(controller) => (CONTROLLERS, controller),
        None => (ROLES, name),
    };
    list.iter().find(|(known, _)| *known == name).map(|(_, gives)| *gives)
}

fn is_labelled(head: &Head) -> bool {
    head.meta.labels.has("kubernetes.io/bootstrapping", "rbac-defaults")
}

/// Whether a role is one that the API server makes.
pub(super) fn is_default(head: &Head) -> bool {
    is_labelled(head) && gives(&head.meta.name).is_some()
}

/// Whether a binding is one that the API server makes, to the role that its own gives.
pub(super) fn is_default_binding(binding: &Binding) -> bool {
    let (name, role) = (binding.head.meta.name.as_str(), binding.role.name.as_str());
    let is_own = name == role
        || (name, role)
            == ("system::extension-apiserver-authentication-reader", "extension-apiserver-authentication-reader");
    is_labelled(&binding.head) && is_own && gives(role).is_some()
}

/// The powers of a default role that the API server's own does not give.
pub(super) fn unexpected<'p>(role: &Role, powers: &'p [Power]) -> Vec<&'p Power> {
    let name = role.head.meta.name.as_str();
    if name == "cluster-admin" {
        return Vec::new();
    }
    let gives = gives(name).unwrap_or_default();
    powers.iter().filter(|power| is_all(&role.rules) || !gives.contains(&power.code.id)).collect()
}

/// Whether a default binding gives its role to somebody whom the API server's own does not name.
pub(super) fn is_foreign(binding: &Binding, subject: &Subject) -> bool {
    let (binding, name) = (binding.head.meta.name.as_str(), subject.name.as_str());
    let is_own = match &*subject.kind {
        "Group" => match binding {
            "cluster-admin" => name == "system:masters",
            "system:monitoring" => name == "system:monitoring",
            "system:basic-user" | "system:discovery" => name == "system:authenticated",
            "system:public-info-viewer" => matches!(name, "system:authenticated" | "system:unauthenticated"),
            "system:service-account-issuer-discovery" | "system:cluster-trust-bundle-discovery" => {
                name == "system:serviceaccounts"
            }
            "system:node" => name == "system:nodes",
            _ => false,
        },
        "User" => match binding {
            "system:kube-controller-manager" | "system::leader-locking-kube-controller-manager" => {
                name == "system:kube-controller-manager"
            }
            "system:kube-scheduler" | "system:volume-scheduler" | "system::leader-locking-kube-scheduler" => {
                name == "system:kube-scheduler"
            }
            "system::extension-apiserver-authentication-reader" => {
                matches!(name, "system:kube-controller-manager" | "system:kube-scheduler")
            }
            "system:node-proxier" => name == "system:kube-proxy",
            _ => false,
        },
        "ServiceAccount" => {
            let own = match binding {
                "system:kube-dns" => name == "kube-dns",
                "system::leader-locking-kube-controller-manager" => {
                    matches!(name, "kube-controller-manager" | "leader-election-controller")
                }
                "system::leader-locking-kube-scheduler" => name == "kube-scheduler",
                _ => binding.strip_prefix(CONTROLLER) == Some(name),
            };
            own && &*subject.namespace == "kube-system"
        }
        _ => false,
    };
    !is_own
}

#[cfg(test)]
mod tests {
    use crate::testing::{codes_of, found};

    fn role(name: &str, rules: &str) -> String {
        format!(
            "{{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {{name: '{name}', labels: {{kubernetes.io/bootstrapping: rbac-defaults}}}}, rules: [{rules}]}}\n---\n"
        )
    }

    fn binding(name: &str, subject: &str) -> String {
        format!(
            "{{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {{name: '{name}', labels: {{kubernetes.io/bootstrapping: rbac-defaults}}}}, roleRef: {{kind: ClusterRole, name: '{name}'}}, subjects: [{subject}]}}\n---\n"
        )
    }

    const SECRETS: &str = "{verbs: [get], apiGroups: [''], resources: [secrets]}";
    const ALL: &str = "{verbs: ['*'], apiGroups: ['*'], resources: ['*']}";

    fn codes(yaml: &str) -> Vec<&'static str> {
        codes_of(&found(super::super::check, yaml))
    }

    #[test]
    fn what_the_api_server_makes_is_no_finding() {
        let own = "{kind: ServiceAccount, namespace: kube-system, name: resourcequota-controller}";
        let name = "system:controller:resourcequota-controller";
        assert!(codes(&format!("{}{}", role(name, SECRETS), binding(name, own))).is_empty());
        let masters = "{kind: Group, name: 'system:masters'}";
        assert!(codes(&format!("{}{}", role("cluster-admin", ALL), binding("cluster-admin", masters))).is_empty());
    }

    #[test]
    fn a_default_role_that_gives_more_is_told() {
        assert_eq!(codes(&role("view", SECRETS)), ["rbac-default-changed"]);
        assert_eq!(codes(&role("system:controller:ttl-controller", SECRETS)), ["rbac-default-changed"]);
        assert_eq!(codes(&role("edit", ALL)), ["rbac-default-changed"]);
        assert!(codes(&role("edit", SECRETS)).is_empty());
    }

    /// The label can be written by anybody, and so can a name that begins like those of the control plane.
    #[test]
    fn a_label_and_a_name_make_nothing_harmless() {
        let evil = "{kind: ServiceAccount, namespace: kube-system, name: evil}";
        for name in ["system:controller:evil", "system:kube-evil", "system:node-evil", "evil"] {
            let found = codes(&format!("{}{}", role(name, ALL), binding(name, evil)));
            assert_eq!(found, ["rbac-cluster-admin"], "{name}");
        }
        let name = "system:controller:resourcequota-controller";
        for subject in [evil, "{kind: User, name: 'system:kube-proxy'}", "{kind: Group, name: 'system:masters-not'}"] {
            let found = codes(&format!("{}{}", role(name, SECRETS), binding(name, subject)));
            assert!(found.contains(&"rbac-default-changed"), "{subject}: {found:?}");
        }
    }
}

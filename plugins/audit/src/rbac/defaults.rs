//! What Kubernetes itself brings: roles and bindings that an API server makes when it starts.
//!
//! They are known by label and name, and by what they give: a label can be written by anybody. What they may give
//! is listed by power, so that the list holds for every version that adds a rule to one of them. Source:
//! kubernetes plugin/pkg/auth/authorizer/rbac/bootstrappolicy.

use super::powers::{Power, is_all};
use crate::record::Head;
use crate::record::rbac::{Binding, Role, Subject};

/// Roles for people, which bear no `system:`.
const FOR_PEOPLE: &[&str] = &["admin", "cluster-admin", "edit", "view"];

/// Which powers a default role gives; those that are not named here give none.
const GIVES: &[(&str, &[&str])] = &[
    (
        "admin",
        &[
            "rbac-impersonate",
            "rbac-manage-bindings",
            "rbac-pod-create",
            "rbac-pod-exec",
            "rbac-secrets-read",
            "rbac-secrets-write",
            "rbac-token-request",
        ],
    ),
    (
        "edit",
        &[
            "rbac-impersonate",
            "rbac-pod-create",
            "rbac-pod-exec",
            "rbac-secrets-read",
            "rbac-secrets-write",
            "rbac-token-request",
        ],
    ),
    (
        "system:aggregate-to-edit",
        &[
            "rbac-impersonate",
            "rbac-pod-create",
            "rbac-pod-exec",
            "rbac-secrets-read",
            "rbac-secrets-write",
            "rbac-token-request",
        ],
    ),
    ("system:aggregate-to-admin", &["rbac-manage-bindings"]),
];

/// Whether an object is one that the API server makes.
pub(super) fn is_default(head: &Head) -> bool {
    let name = head.meta.name.as_str();
    head.meta.labels.has("kubernetes.io/bootstrapping", "rbac-defaults")
        && (name.starts_with("system:") || FOR_PEOPLE.contains(&name))
}

/// Whether a binding is one that the API server makes, to the role that its own gives.
pub(super) fn is_default_binding(binding: &Binding) -> bool {
    let (name, role) = (binding.head.meta.name.as_str(), binding.role.name.as_str());
    let is_own = name == role
        || (name, role)
            == ("system::extension-apiserver-authentication-reader", "extension-apiserver-authentication-reader");
    is_default(&binding.head) && is_own
}

/// The powers of a default role that the API server's own does not give.
pub(super) fn unexpected<'p>(role: &Role, powers: &'p [Power]) -> Vec<&'p Power> {
    let name = role.head.meta.name.as_str();
    if name == "cluster-admin" || is_control_plane(name) {
        return Vec::new();
    }
    let gives = GIVES.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, gives)| gives);
    powers.iter().filter(|power| is_all(&role.rules) || !gives.contains(&power.code.id)).collect()
}

/// Whether a role belongs to a part of the control plane, whose powers are those of the control plane.
fn is_control_plane(name: &str) -> bool {
    let part = name.strip_prefix("system:").unwrap_or_default();
    part.starts_with("controller:")
        || part.starts_with("kube-")
        || part.starts_with("node")
        || part.starts_with("certificates.k8s.io:")
        || matches!(part, "kubelet-api-admin" | "volume-scheduler" | "auth-delegator" | "persistent-volume-provisioner")
}

/// Whether a default binding gives its role to somebody whom the API server's own does not name.
pub(super) fn is_foreign(binding: &Binding, subject: &Subject) -> bool {
    let (binding, name) = (binding.head.meta.name.as_str(), subject.name.as_str());
    match &*subject.kind {
        "Group" => !match binding {
            "cluster-admin" => name == "system:masters",
            "system:monitoring" => name == "system:monitoring",
            "system:basic-user" | "system:discovery" => name == "system:authenticated",
            "system:public-info-viewer" => matches!(name, "system:authenticated" | "system:unauthenticated"),
            "system:service-account-issuer-discovery" => name == "system:serviceaccounts",
            "system:node" => name == "system:nodes",
            _ => false,
        },
        "User" => !name.starts_with("system:kube-") && name != "system:konnectivity-server",
        "ServiceAccount" => &*subject.namespace != "kube-system",
        _ => true,
    }
}

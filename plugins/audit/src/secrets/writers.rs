//! Who wrote a Secret: people and what acts for them, or a program that makes its own.

/// How the names of field managers begin that put into a Secret what somebody else made: people's tools, and what
/// brings manifests or charts.
const HANDS: &[&str] = &[
    "kubectl",
    "oc",
    "helm",
    "Helm",
    "flux",
    "kustomize-controller",
    "helm-controller",
    "argocd",
    "kapp",
    "terraform",
    "Terraform",
    "HashiCorp",
    "OpenTofu",
    "pulumi",
    "ansible",
    "OpenAPI-Generator",
    "python",
    "k9s",
    "k8slens",
    "node-fetch",
    "Mozilla",
    "dashboard",
    "headlamp",
    "rancher",
    "curl",
    "sealed-secrets",
    "external-secrets",
    "before-first-apply",
    "unknown",
];

/// Whether a field manager stands for people, or for a copy of what they made.
pub(super) fn is_hand(manager: &str) -> bool {
    manager.is_empty() || HANDS.iter().any(|start| manager.starts_with(start))
}

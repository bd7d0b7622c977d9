//! Who stands behind the name of a field manager.

/// Kinds of field managers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Setter {
    /// A person with a tool: kubectl, k9s, a dashboard.
    Person,
    /// kustomize-controller: what Git sets.
    Kustomize,
    /// helm-controller, or helm.
    Helm,
    /// Flux Operator.
    FluxOperator,
    /// Argo CD.
    Argo,
    /// This suite.
    Suite,
    /// Anything else: a controller, or somebody's program.
    Program,
}

/// Who stands behind a manager. Without `--field-manager`, clients are called by their program's name: kubectl since
/// 1.18 `kubectl-edit`, `kubectl-client-side-apply`, …; the dashboards of browsers `Mozilla` (apimachinery takes the
/// user agent up to the first `/`), Lens `node-fetch`.
pub fn setter(manager: &str) -> Setter {
    match manager {
        "kustomize-controller" => Setter::Kustomize,
        "helm-controller" | "helm" | "Helm" => Setter::Helm,
        "flux-operator" => Setter::FluxOperator,
        "argocd-controller" | "argocd-application-controller" | "argocd-server" => Setter::Argo,
        "flux"
        | "flux-client-side-apply"
        | "k9s"
        | "Mozilla"
        | "node-fetch"
        | "OpenLens"
        | "Lens"
        | "lens"
        | "headlamp"
        | "dashboard"
        | "before-first-apply"
        | "curl"
        | "oc" => Setter::Person,
        name if name.starts_with("kubectl") => Setter::Person,
        name if name.starts_with("mlops") => Setter::Suite,
        _ => Setter::Program,
    }
}

/// Whether kustomize-controller takes over this manager's fields at its next apply, so that those which Git does not
/// set vanish (kustomize-controller 1.9.4, `kustomization_controller.go`: managers that start with `kubectl`, and
/// `before-first-apply`; entries of subresources are left alone). The same set is folded whatever the operation.
pub fn is_folded_by_flux(manager: &str) -> bool {
    manager.starts_with("kubectl") || manager == "before-first-apply"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn managers_are_told_apart() {
        for (name, wanted) in [
            ("kubectl-edit", Setter::Person),
            ("kubectl", Setter::Person),
            ("k9s", Setter::Person),
            ("kustomize-controller", Setter::Kustomize),
            ("helm-controller", Setter::Helm),
            ("mlops", Setter::Suite),
            ("kube-controller-manager", Setter::Program),
            ("argocd-controller", Setter::Argo),
        ] {
            assert_eq!(setter(name), wanted, "{name}");
        }
        // A manager that starts with kubectl is undone, whatever follows: the suite's own name must not.
        assert!(is_folded_by_flux("kubectl-mlops") && !is_folded_by_flux("mlops"));
        assert!(!is_folded_by_flux("flux-client-side-apply"));
    }
}

//! Kinds that hold data or rules and have no state: there is nothing to judge.

use super::Related;
use super::table::Rule;
use crate::object::{Object, STATISTICS_GROUP, STATISTICS_KIND};
use crate::report::{Verdict, codes};
use jiff::Timestamp;

codes! {
    STATELESS = "stateless", "The kind has no state",
        "Objects of this kind hold data or rules; no controller reports a state of them. What goes wrong with them shows at the objects that use them.",
        "Nothing to do.";
}

/// The rows of this family.
pub(super) const RULES: &[Rule] = &[
    row("", "ConfigMap"),
    row("", "Secret"),
    row("", "ServiceAccount"),
    // Deprecated since Kubernetes 1.19: it asks ports that the components no longer open.
    row("", "ComponentStatus"),
    row("", "Endpoints"),
    row("", "LimitRange"),
    row("", "PodTemplate"),
    row("apps", "ControllerRevision"),
    row("coordination.k8s.io", "Lease"),
    row("discovery.k8s.io", "EndpointSlice"),
    row("metrics.k8s.io", "NodeMetrics"),
    row("metrics.k8s.io", "PodMetrics"),
    row(STATISTICS_GROUP, STATISTICS_KIND),
    row("networking.k8s.io", "IngressClass"),
    row("networking.k8s.io", "NetworkPolicy"),
    row("node.k8s.io", "RuntimeClass"),
    row("rbac.authorization.k8s.io", "Role"),
    row("rbac.authorization.k8s.io", "RoleBinding"),
    row("rbac.authorization.k8s.io", "ClusterRole"),
    row("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    row("resource.k8s.io", "DeviceClass"),
    row("resource.k8s.io", "ResourceClaimTemplate"),
    row("resource.k8s.io", "ResourceSlice"),
    row("scheduling.k8s.io", "PriorityClass"),
    row("storage.k8s.io", "CSIDriver"),
    row("storage.k8s.io", "CSINode"),
    row("storage.k8s.io", "CSIStorageCapacity"),
    row("storage.k8s.io", "StorageClass"),
    row("storage.k8s.io", "VolumeAttributesClass"),
];

const fn row(group: &'static str, kind: &'static str) -> Rule {
    Rule::new(group, kind, assess)
}

/// Node leases say something of their node, and a kubelet's summary of the node and its volumes:
/// they are judged there.
fn assess(_: &Object, _: &Related<'_>, _: Timestamp) -> Verdict {
    Verdict::ok(&STATELESS, "no state to judge")
}

#[cfg(test)]
mod tests {
    use crate::health::testing::expect;
    use crate::report::Level;

    #[test]
    fn kinds_without_state_are_ok() {
        for (api_version, kind) in [
            ("v1", "ConfigMap"),
            ("v1", "ComponentStatus"),
            ("storage.k8s.io/v1", "StorageClass"),
            ("coordination.k8s.io/v1", "Lease"),
        ] {
            let yaml = format!("{{apiVersion: {api_version}, kind: {kind}, metadata: {{name: x}}}}");
            expect(&yaml, kind, "x", Level::Ok, "stateless");
        }
    }
}

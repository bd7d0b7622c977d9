//! In which order objects are made: one row a tier. What others need comes first, what judges others comes last.

/// Objects that may be made at the same time, as far as none of them owns another.
#[derive(Debug)]
pub(crate) struct Tier {
    /// What people call it.
    pub(crate) name: &'static str,
    /// Group and kind; `*` stands for every kind of the group.
    kinds: &'static [(&'static str, &'static str)],
}

pub(super) const RBAC: &str = "rbac.authorization.k8s.io";
const SNAPSHOTS: &str = "snapshot.storage.k8s.io";
const STRIMZI: &str = "kafka.strimzi.io";

/// The tiers in their order.
pub(crate) const TIERS: &[Tier] = &[
    Tier { name: "definitions", kinds: &[("apiextensions.k8s.io", "CustomResourceDefinition")] },
    Tier { name: "namespaces", kinds: &[("", "Namespace")] },
    Tier {
        name: "classes",
        kinds: &[
            ("storage.k8s.io", "*"),
            ("scheduling.k8s.io", "PriorityClass"),
            ("networking.k8s.io", "IngressClass"),
            ("node.k8s.io", "RuntimeClass"),
            ("gateway.networking.k8s.io", "GatewayClass"),
            (SNAPSHOTS, "VolumeSnapshotClass"),
        ],
    },
    Tier { name: "snapshot contents", kinds: &[(SNAPSHOTS, "VolumeSnapshotContent")] },
    Tier { name: "snapshots", kinds: &[(SNAPSHOTS, "VolumeSnapshot")] },
    Tier { name: "volumes", kinds: &[("", "PersistentVolume")] },
    Tier { name: "claims", kinds: &[("", "PersistentVolumeClaim")] },
    Tier { name: "roles", kinds: &[(RBAC, "ClusterRole"), (RBAC, "Role")] },
    Tier { name: "accounts", kinds: &[("", "ServiceAccount")] },
    Tier { name: "bindings", kinds: &[(RBAC, "ClusterRoleBinding"), (RBAC, "RoleBinding")] },
    Tier { name: "secrets", kinds: &[("", "Secret")] },
    Tier { name: "settings", kinds: &[("", "ConfigMap")] },
    Tier { name: "limits", kinds: &[("", "LimitRange"), ("", "ResourceQuota")] },
    Tier {
        name: "services",
        kinds: &[("", "Service"), ("", "Endpoints"), ("discovery.k8s.io", "*"), ("networking.k8s.io", "*")],
    },
    Tier { name: "workloads", kinds: &[("apps", "*"), ("batch", "*"), ("", "ReplicationController"), ("", "Pod")] },
    Tier { name: "scaling", kinds: &[("autoscaling", "*"), ("policy", "*")] },
    Tier { name: "issuers", kinds: &[("cert-manager.io", "ClusterIssuer"), ("cert-manager.io", "Issuer")] },
    // Strimzi looks for the pools of a Kafka, and for the Kafka of users and topics.
    Tier { name: "pools of Kafka", kinds: &[(STRIMZI, "KafkaNodePool")] },
    Tier { name: "Kafka", kinds: &[(STRIMZI, "Kafka")] },
    Tier { name: "other objects", kinds: &[] },
    Tier { name: "users and topics of Kafka", kinds: &[(STRIMZI, "KafkaUser"), (STRIMZI, "KafkaTopic")] },
    Tier { name: "connectors of Kafka", kinds: &[(STRIMZI, "KafkaConnector")] },
    Tier {
        name: "Flux",
        kinds: &[
            ("source.toolkit.fluxcd.io", "*"),
            ("notification.toolkit.fluxcd.io", "*"),
            ("image.toolkit.fluxcd.io", "*"),
        ],
    },
    Tier { name: "what Flux deploys", kinds: &[("kustomize.toolkit.fluxcd.io", "*"), ("helm.toolkit.fluxcd.io", "*")] },
    Tier { name: "API services", kinds: &[("apiregistration.k8s.io", "APIService")] },
    Tier { name: "admission", kinds: &[("admissionregistration.k8s.io", "*")] },
];

/// The tier of a kind: the row that names it, else that of other objects.
pub(crate) fn tier(group: &str, kind: &str) -> usize {
    let names = |tier: &Tier, wanted: &str| tier.kinds.contains(&(group, wanted));
    let named = |wanted: &str| TIERS.iter().position(|tier| names(tier, wanted));
    let others = || TIERS.iter().position(|tier| tier.kinds.is_empty()).unwrap_or_default();
    named(kind).or_else(|| named("*")).unwrap_or_else(others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_comes_after_what_it_needs() {
        let order = [
            ("apiextensions.k8s.io", "CustomResourceDefinition"),
            ("", "Namespace"),
            ("storage.k8s.io", "StorageClass"),
            (SNAPSHOTS, "VolumeSnapshotContent"),
            (SNAPSHOTS, "VolumeSnapshot"),
            ("", "PersistentVolume"),
            ("", "PersistentVolumeClaim"),
            (RBAC, "Role"),
            ("", "ServiceAccount"),
            (RBAC, "RoleBinding"),
            ("", "Secret"),
            ("", "ConfigMap"),
            ("", "ResourceQuota"),
            ("", "Service"),
            ("apps", "Deployment"),
            ("autoscaling", "HorizontalPodAutoscaler"),
            ("cert-manager.io", "Issuer"),
            (STRIMZI, "KafkaNodePool"),
            (STRIMZI, "Kafka"),
            ("example.com", "Anything"),
            (STRIMZI, "KafkaTopic"),
            (STRIMZI, "KafkaConnector"),
            ("source.toolkit.fluxcd.io", "GitRepository"),
            ("kustomize.toolkit.fluxcd.io", "Kustomization"),
            ("apiregistration.k8s.io", "APIService"),
            ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
        ];
        let tiers: Vec<usize> = order.iter().map(|(group, kind)| tier(group, kind)).collect();
        assert!(tiers.windows(2).all(|two| two[0] < two[1]), "{tiers:?}");
        // A kind that is named goes before its group.
        assert_eq!(TIERS[tier("networking.k8s.io", "IngressClass")].name, "classes");
        assert_eq!(TIERS[tier("networking.k8s.io", "Ingress")].name, "services");
        assert_eq!(TIERS[tier("cert-manager.io", "Certificate")].name, "other objects");
    }
}

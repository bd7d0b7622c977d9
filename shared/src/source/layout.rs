//! What a file's place says of its content: `cluster-info dump` folders and support bundles.

/// What a path inside a folder or an archive says of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Role {
    /// May hold objects; the type of the items of a list that does not name it, when the path tells.
    Objects(Option<(&'static str, &'static str)>),
    /// A bundle's list of what its collector could not read, for the kind of this name.
    CollectorErrors(String),
    /// Logs and whatever else: passed over.
    Other,
}

/// File names of `kubectl cluster-info dump` and folder names of troubleshoot bundles, with the
/// type of the objects in them.
const PLURALS: &[(&str, &str, &str)] = &[
    ("nodes", "v1", "Node"),
    ("namespaces", "v1", "Namespace"),
    ("pods", "v1", "Pod"),
    ("events", "v1", "Event"),
    ("services", "v1", "Service"),
    ("endpoints", "v1", "Endpoints"),
    ("configmaps", "v1", "ConfigMap"),
    ("serviceaccounts", "v1", "ServiceAccount"),
    ("pvcs", "v1", "PersistentVolumeClaim"),
    ("pvs", "v1", "PersistentVolume"),
    ("resource-quota", "v1", "ResourceQuota"),
    ("limitranges", "v1", "LimitRange"),
    ("replication-controllers", "v1", "ReplicationController"),
    ("deployments", "apps/v1", "Deployment"),
    ("replicasets", "apps/v1", "ReplicaSet"),
    ("statefulsets", "apps/v1", "StatefulSet"),
    ("daemonsets", "apps/v1", "DaemonSet"),
    ("jobs", "batch/v1", "Job"),
    ("cronjobs", "batch/v1", "CronJob"),
    ("ingress", "networking.k8s.io/v1", "Ingress"),
    ("network-policy", "networking.k8s.io/v1", "NetworkPolicy"),
    ("storage-classes", "storage.k8s.io/v1", "StorageClass"),
    ("volumeattachments", "storage.k8s.io/v1", "VolumeAttachment"),
    ("pod-disruption-budgets", "policy/v1", "PodDisruptionBudget"),
    ("leases", "coordination.k8s.io/v1", "Lease"),
    ("endpointslices", "discovery.k8s.io/v1", "EndpointSlice"),
    ("custom-resource-definitions", "apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("clusterroles", "rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("clusterRoleBindings", "rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("roles", "rbac.authorization.k8s.io/v1", "Role"),
    ("rolebindings", "rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("priorityclasses", "scheduling.k8s.io/v1", "PriorityClass"),
];

/// Files of a bundle's `cluster-resources` that hold no objects.
const NO_OBJECTS: &[&str] =
    &["resources.json", "groups.json", "auth-cani-list", "pod-log-errors.json", "image-pull-secrets"];

/// What the path (with `/` between its parts) says of the file.
pub(super) fn role(path: &str) -> Role {
    let mut parts: Vec<&str> = path.split('/').collect();
    let Some(file) = parts.pop() else { return Role::Other };
    let Some((stem, extension)) = file.rsplit_once('.') else { return Role::Other };
    if !matches!(extension, "json" | "yaml" | "yml") {
        return Role::Other;
    }
    let in_bundle = parts.iter().position(|part| *part == "cluster-resources");
    if let Some(index) = in_bundle {
        let inside = &parts[index + 1..];
        if NO_OBJECTS.iter().any(|name| file == *name || inside.contains(name)) {
            return Role::Other;
        }
        if let Some(kind) = stem.strip_suffix("-errors") {
            return Role::CollectorErrors(kind.to_owned());
        }
    }
    let known = |name: &str| {
        PLURALS.iter().find(|(plural, _, _)| *plural == name).map(|(_, api_version, kind)| (*api_version, *kind))
    };
    // `pods.json` in a dump, `pods/data-plane.json` in a bundle.
    Role::Objects(known(stem).or_else(|| parts.last().and_then(|folder| known(folder))))
}

/// Whether these paths are a whole dump or bundle, so that an object that is not in it is not in
/// the cluster.
pub(super) fn is_whole<'a>(paths: impl Iterator<Item = &'a str> + Clone) -> bool {
    let bundle = paths.clone().any(|path| path.contains("cluster-resources/pods/"));
    let dump = paths.clone().any(|path| path == "nodes.json" || path.ends_with("/nodes.json"))
        && paths.clone().any(|path| path.ends_with("/pods.json"))
        && paths.clone().any(|path| path.ends_with("/replication-controllers.json"));
    bundle || dump
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_tell_kinds() {
        assert_eq!(role("dump/kube-system/pods.json"), Role::Objects(Some(("v1", "Pod"))));
        assert_eq!(role("b/cluster-resources/deployments/x.json"), Role::Objects(Some(("apps/v1", "Deployment"))));
        assert_eq!(role("b/cluster-resources/pods-errors.json"), Role::CollectorErrors("pods".into()));
        assert_eq!(role("b/cluster-resources/resources.json"), Role::Other);
        assert_eq!(role("dump/kube-system/coredns/logs.txt"), Role::Other);
        assert_eq!(role("kafka-cluster.yaml"), Role::Objects(None));
    }

    #[test]
    fn dumps_and_bundles_are_recognised() {
        let dump = ["nodes.json", "default/pods.json", "default/replication-controllers.json"];
        assert!(is_whole(dump.into_iter()));
        assert!(is_whole(["b/cluster-resources/pods/default.json"].into_iter()));
        assert!(!is_whole(["pods.json", "nodes.json"].into_iter()));
    }
}

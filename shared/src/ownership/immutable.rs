//! Fields that the API server does not let anybody change.

use super::path::FieldPath;
use crate::object::Object;
use serde_json::Value;

/// Paths below which nothing may change: group, kind, path, and why.
const IMMUTABLE: &[(&str, &str, &[&str], &str)] = &[
    ("apps", "Deployment", &["spec", "selector"], "the selector of a Deployment cannot be changed"),
    ("apps", "DaemonSet", &["spec", "selector"], "the selector of a DaemonSet cannot be changed"),
    ("apps", "ReplicaSet", &["spec", "selector"], "the selector of a ReplicaSet cannot be changed"),
    ("batch", "Job", &["spec", "selector"], "the selector of a Job cannot be changed"),
    ("batch", "Job", &["spec", "template"], "the pod template of a Job cannot be changed once it has started"),
    ("batch", "Job", &["spec", "completionMode"], "the completion mode of a Job cannot be changed"),
    ("storage.k8s.io", "StorageClass", &["provisioner"], "a StorageClass cannot be changed"),
    ("storage.k8s.io", "StorageClass", &["parameters"], "a StorageClass cannot be changed"),
    ("storage.k8s.io", "StorageClass", &["reclaimPolicy"], "a StorageClass cannot be changed"),
    ("storage.k8s.io", "StorageClass", &["volumeBindingMode"], "a StorageClass cannot be changed"),
    ("rbac.authorization.k8s.io", "RoleBinding", &["roleRef"], "the role of a binding cannot be changed"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding", &["roleRef"], "the role of a binding cannot be changed"),
    (
        "minio.min.io",
        "Tenant",
        &["spec", "pools", "*", "servers"],
        "the servers of a pool cannot be changed: a tenant grows by a new pool",
    ),
    (
        "minio.min.io",
        "Tenant",
        &["spec", "pools", "*", "volumesPerServer"],
        "the volumes of a pool cannot be changed: a tenant grows by a new pool",
    ),
];

/// What may change of a StatefulSet's spec (kubernetes, `pkg/apis/apps/validation`, ValidateStatefulSetUpdate).
const STATEFUL_SET: &[&str] = &[
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];

/// Why the API server would refuse any change of this field; `None` when it would not for that reason.
pub(super) fn refusal(object: &Object, live: &Value, path: &FieldPath) -> Option<String> {
    let row = IMMUTABLE
        .iter()
        .find(|(group, kind, prefix, _)| object.is(group, kind) && path.is_within(prefix))
        .map(|(.., why)| (*why).to_owned());
    let within = |prefix: &[&str]| path.is_within(prefix);
    row.or_else(|| {
        (object.is("apps", "StatefulSet")
            && within(&["spec", "*"])
            && !STATEFUL_SET.iter().any(|field| within(&["spec", field])))
        .then(|| format!("of a StatefulSet only {} can be changed", STATEFUL_SET.join(", ")))
    })
    .or_else(|| {
        // A claim may grow, and change its attributes class; once bound, nothing else of it.
        let may = within(&["spec", "resources"]) || within(&["spec", "volumeAttributesClassName"]);
        (object.is("", "PersistentVolumeClaim") && within(&["spec"]) && !may)
            .then(|| "of a claim only the requested size and the attributes class can be changed".to_owned())
    })
    .or_else(|| {
        let is_sealed = live.get("immutable").and_then(Value::as_bool) == Some(true);
        let is_data = ["data", "binaryData", "stringData"].iter().any(|field| within(&[field]));
        ((object.is("", "Secret") || object.is("", "ConfigMap")) && is_sealed && is_data)
            .then(|| format!("this {} is marked immutable", object.ty.kind))
    })
}

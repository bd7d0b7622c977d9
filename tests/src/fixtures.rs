//! Objects that cluster tests make often.

use serde_json::{Value, json};

use crate::kwok::STATE_LABEL;

/// A Deployment whose pods go where `state` sends them (see [`crate::kwok::STATE_LABEL`]); without
/// one they run.
#[must_use]
pub fn deployment(namespace: &str, name: &str, replicas: u32, state: Option<&str>) -> Value {
    let mut labels = json!({"app": name});
    if let Some(state) = state {
        labels[STATE_LABEL] = json!(state);
    }
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": labels}, "spec": pod_spec("Always")},
        },
    })
}

/// A Job of one pod.
#[must_use]
pub fn job(namespace: &str, name: &str, state: Option<&str>) -> Value {
    let labels = state.map_or_else(|| json!({}), |state| json!({STATE_LABEL: state}));
    json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"backoffLimit": 0, "template": {"metadata": {"labels": labels}, "spec": pod_spec("Never")}},
    })
}

/// A claim of the default StorageClass.
#[must_use]
pub fn claim(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    })
}

fn pod_spec(restart: &str) -> Value {
    json!({
        "restartPolicy": restart,
        "containers": [{"name": "main", "image": "example.invalid/app:1", "resources": {"requests": {"cpu": "10m"}}}],
    })
}

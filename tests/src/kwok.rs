//! kwok: nodes and pods without a kubelet, and the states that tests put pods in.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::build::testbed_dir;

/// The label whose value decides what becomes of a pod, a node or a claim. On a Deployment it goes
/// into the pod template, and real controllers make the degraded pods.
///
/// | value | pod |
/// |---|---|
/// | none | Running and ready; a Job's pod then Succeeded |
/// | `completed` | Succeeded |
/// | `crash-loop` | Running, CrashLoopBackOff, 7 restarts, last exit code 1 |
/// | `oom` | Running, CrashLoopBackOff, 5 restarts, last OOMKilled (137) |
/// | `image-pull` | Pending, ImagePullBackOff |
/// | `pending` | Pending, ContainerCreating, on a node |
/// | `not-ready` | Running, container runs, not ready |
/// | `failed` | Failed, exit code 1 |
/// | `as-written` | nobody touches its status |
///
/// A Node may say `not-ready` or `as-written`; a PersistentVolumeClaim with any value gets no volume.
pub const STATE_LABEL: &str = "testbed.mlops/state";

/// The value that keeps kwok away.
pub const AS_WRITTEN: &str = "as-written";

/// kwok's configuration files: our stages.
#[must_use]
pub fn stage_files() -> Vec<PathBuf> {
    ["node.yaml", "pod.yaml", "volume.yaml"].iter().map(|file| testbed_dir().join("stages").join(file)).collect()
}

/// A node that kwok makes Ready.
#[must_use]
pub fn node(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": {
            "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
        }},
    })
}

/// The default StorageClass; claims of it are provisioned at once.
#[must_use]
pub fn storage_class() -> Value {
    json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {"name": "testbed", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "testbed.mlops/volume", "volumeBindingMode": "Immediate", "reclaimPolicy": "Retain",
        "allowVolumeExpansion": true,
    })
}

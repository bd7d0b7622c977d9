//! Credentials that stand in plain text in objects of a cluster, where a Secret should be named instead.

use super::scan::document;
use super::stamp::Stamp;
use crate::finding::Finding;
use crate::record::Head;
use crate::tree::node::Node;
use serde_json::Value;
use serde_json::value::RawValue;
use std::sync::LazyLock;

/// The key of this run: objects are decoded one by one, and equal values shall have equal fingerprints.
pub(super) static STAMP: LazyLock<Stamp> = LazyLock::new(Stamp::new);

/// Controllers whose pods, and the ReplicaSets or Jobs between, have all that they hold from them.
const COPIERS: &[&str] = &["ReplicaSet", "StatefulSet", "DaemonSet", "Job", "Deployment", "CronJob", "StrimziPodSet"];

/// Whether an object may hold credentials of its own: copies of a template do not, nor do kinds without settings.
pub(crate) fn is_scanned(head: &Head) -> bool {
    let is_copy = head.meta.controller().is_some_and(|owner| COPIERS.contains(&&*owner.kind));
    let has_settings = !matches!(
        (&*head.ty.group, &*head.ty.kind),
        ("", "Secret" | "Namespace" | "ServiceAccount" | "Node" | "PersistentVolumeClaim" | "ResourceQuota")
            | ("rbac.authorization.k8s.io", _)
            | ("discovery.k8s.io" | "coordination.k8s.io" | "apiextensions.k8s.io" | "metrics.k8s.io", _)
    );
    has_settings && !is_copy
}

/// The findings in an object.
pub(crate) fn object(head: &Head, item: &RawValue) -> Vec<Finding> {
    let Ok(mut value) = serde_json::from_str::<Value>(item.get()) else { return Vec::new() };
    if let Some(fields) = value.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        // Of what was applied the object itself tells.
        metadata.retain(|name, _| name == "annotations");
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.retain(|name, _| name != "kubectl.kubernetes.io/last-applied-configuration");
        }
    }
    document(&Node::of_json(value), Some(&head.ty), head.reference(), None, &STAMP)
}

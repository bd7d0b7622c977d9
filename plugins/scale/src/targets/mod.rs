//! What can be scaled, one file each. The first row that claims a kind plans it; the last one claims all that has a
//! scale subresource.

pub(crate) mod kafka;
pub(crate) mod minio;
pub(crate) mod spark;
pub(crate) mod workload;

use crate::plan::Draft;
use crate::progress::{Look, Progress};
use crate::settings::{Ask, Goal};
use crate::situation::{Replicas, Situation};
use crate::status::Item;
use jiff::Timestamp;
use mlops_shared::object::Object;
use serde_json::Value;

/// A family of kinds that is scaled in its own way.
pub(crate) trait Target: Sync {
    /// Whether it is for this kind.
    fn claims(&self, group: &str, kind: &str) -> bool;

    /// Kinds that a plan of it needs to know beside the common ones, each as group and kind.
    fn kinds(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Whether its kinds need a scale subresource. Others change fields of their own, and their draft has the patch.
    fn needs_scale(&self) -> bool {
        true
    }

    /// Whether it knows what this goal means.
    fn takes(&self, goal: &Goal) -> bool {
        *goal == Goal::Replicas
    }

    /// How many there are, for kinds without a scale subresource; `None` where `spec.replicas` says so.
    fn replicas(&self, _: &Value) -> Option<Replicas> {
        None
    }

    /// The field that holds them, where it is not the one of the scale subresource.
    fn path(&self, _: &Ask, _: &Value) -> Option<&'static str> {
        None
    }

    /// What is asked for, in one line, where it is more than a number of replicas.
    fn request(&self, _: &Situation<'_>) -> Option<String> {
        None
    }

    /// Whether a running change may be marked on the object.
    fn marks(&self) -> bool {
        true
    }

    /// Another object of the namespace whose status tells how far it is: group, kind, name.
    fn beside(&self, _: &Value) -> Option<(&'static str, &'static str, String)> {
        None
    }

    /// What an object says of changes that run, for `scale status`.
    fn told(&self, _: &Object, _: Timestamp) -> Vec<Item> {
        Vec::new()
    }

    /// What it would do: steps with their writes, what was looked at, what forbids it. Ownership is judged before.
    fn draft(&self, situation: &Situation<'_>, draft: &mut Draft);

    /// The end in one line.
    fn reached(&self, goal: u32) -> String {
        if goal == 0 { "no replica is left".to_owned() } else { format!("all {goal} replicas are ready") }
    }

    /// How far it has come.
    fn progress(&self, look: &Look<'_>) -> Progress;
}

/// The rows.
pub(crate) static TARGETS: &[&dyn Target] =
    &[&kafka::Cluster, &kafka::NodePool, &minio::Tenant, &spark::Application, &spark::Schedule, &workload::Workload];

/// Who plans a kind.
pub(crate) fn target_of(group: &str, kind: &str) -> &'static dyn Target {
    TARGETS.iter().find(|target| target.claims(group, kind)).copied().unwrap_or(&workload::Workload)
}

/// Kinds that tell who sets what.
pub(crate) const OWNERSHIP: &[(&str, &str)] = &[
    ("apps", "ReplicaSet"),
    ("argoproj.io", "Application"),
    ("autoscaling", "HorizontalPodAutoscaler"),
    ("fluxcd.controlplane.io", "FluxInstance"),
    ("fluxcd.controlplane.io", "ResourceSet"),
    ("helm.toolkit.fluxcd.io", "HelmRelease"),
    ("keda.sh", "ScaledObject"),
    ("kustomize.toolkit.fluxcd.io", "Kustomization"),
    ("source.toolkit.fluxcd.io", "Bucket"),
    ("source.toolkit.fluxcd.io", "GitRepository"),
    ("source.toolkit.fluxcd.io", "OCIRepository"),
];

/// Kinds that tell whether more pods fit, and whether fewer are enough.
pub(crate) const ROOM: &[(&str, &str)] = &[
    ("", "LimitRange"),
    ("", "Node"),
    ("", "PersistentVolume"),
    ("", "PersistentVolumeClaim"),
    ("", "Pod"),
    ("", "ResourceQuota"),
    ("policy", "PodDisruptionBudget"),
    ("storage.k8s.io", "StorageClass"),
];

/// Kinds without a scale that tell of changes that run, by their status or by marks.
pub(crate) const TOLD: &[(&str, &str)] = &[
    ("kafka.strimzi.io", "Kafka"),
    ("kafka.strimzi.io", "KafkaRebalance"),
    ("minio.min.io", "Tenant"),
    ("sparkoperator.k8s.io", "ScheduledSparkApplication"),
    ("sparkoperator.k8s.io", "SparkApplication"),
];

/// What may be written: for the role in `deploy/`.
pub(crate) const PAUSABLE: &[(&str, &str)] =
    &[("helm.toolkit.fluxcd.io", "HelmRelease"), ("kustomize.toolkit.fluxcd.io", "Kustomization")];

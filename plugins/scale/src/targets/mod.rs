//! What can be scaled, one file each. The first row that claims a kind plans it; the last one claims all that has a
//! scale subresource.

pub(crate) mod workload;

use crate::plan::Draft;
use crate::progress::{Look, Progress};
use crate::situation::Situation;

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

    /// What it would do: steps with their writes, what was looked at, what forbids it. Ownership is judged before.
    fn draft(&self, situation: &Situation<'_>, draft: &mut Draft);

    /// How far it has come.
    fn progress(&self, look: &Look<'_>) -> Progress;
}

/// The rows.
static TARGETS: &[&dyn Target] = &[&workload::Workload];

/// Who plans a kind.
pub(crate) fn target_of(group: &str, kind: &str) -> &'static dyn Target {
    TARGETS.iter().find(|target| target.claims(group, kind)).copied().unwrap_or(&workload::Workload)
}

/// Kinds that any plan needs.
pub(crate) const COMMON: &[(&str, &str)] = &[
    ("", "LimitRange"),
    ("", "Node"),
    ("", "PersistentVolumeClaim"),
    ("", "Pod"),
    ("", "ResourceQuota"),
    ("apps", "ReplicaSet"),
    ("argoproj.io", "Application"),
    ("autoscaling", "HorizontalPodAutoscaler"),
    ("fluxcd.controlplane.io", "FluxInstance"),
    ("fluxcd.controlplane.io", "ResourceSet"),
    ("helm.toolkit.fluxcd.io", "HelmRelease"),
    ("keda.sh", "ScaledObject"),
    ("kustomize.toolkit.fluxcd.io", "Kustomization"),
    ("policy", "PodDisruptionBudget"),
    ("source.toolkit.fluxcd.io", "Bucket"),
    ("source.toolkit.fluxcd.io", "GitRepository"),
    ("source.toolkit.fluxcd.io", "OCIRepository"),
    ("storage.k8s.io", "StorageClass"),
];

/// What may be written: for the role in `deploy/`.
pub(crate) const PAUSABLE: &[(&str, &str)] =
    &[("helm.toolkit.fluxcd.io", "HelmRelease"), ("kustomize.toolkit.fluxcd.io", "Kustomization")];

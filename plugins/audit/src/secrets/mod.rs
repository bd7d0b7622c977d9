//! Credentials where everybody can read them.

mod age;
mod certificate;
mod codes;
mod commands;
mod contents;
mod defaults;
mod judge;
mod key;
mod lines;
mod live;
mod markdown;
mod random;
mod scan;
mod stamp;
#[cfg(test)]
mod tests;
mod tokens;
mod unused;
mod uses;
mod validity;
mod value;
mod writers;

pub(crate) use certificate::Chain;
pub(crate) use codes::CODES;
pub(crate) use contents::{of_secret, of_settings};
pub(crate) use lines::Dialect;
pub(crate) use live::{is_scanned, object};
pub(crate) use scan::{document, text};
pub(crate) use stamp::Stamp;

use crate::check::Asked;
use crate::finding::Finding;

/// The findings on credentials. Those in plain text were made when the objects or files were read, so that no value is
/// kept.
pub(crate) fn check(asked: &Asked<'_>) -> Vec<Finding> {
    let mut found = asked.records.credentials.clone();
    found.extend(age::check(asked));
    found.extend(unused::check(asked));
    found.extend(validity::check(asked));
    found
}

/// Kinds that the check needs: Secrets, and what every cluster has that refers to them.
pub(crate) const NEEDS: &[(&str, &str)] = &[
    ("", "Secret"),
    ("", "ServiceAccount"),
    ("", "Pod"),
    ("apps", "DaemonSet"),
    ("apps", "Deployment"),
    ("apps", "ReplicaSet"),
    ("apps", "StatefulSet"),
    ("batch", "CronJob"),
    ("batch", "Job"),
];

/// Kinds that it reads besides, where they are served.
pub(crate) const LIKES: &[(&str, &str)] = &[
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("apiregistration.k8s.io", "APIService"),
    ("", "PersistentVolume"),
    ("", "ReplicationController"),
    ("networking.k8s.io", "Ingress"),
    ("storage.k8s.io", "StorageClass"),
    ("gateway.networking.k8s.io", "Gateway"),
    ("snapshot.storage.k8s.io", "VolumeSnapshotClass"),
    ("snapshot.storage.k8s.io", "VolumeSnapshotContent"),
];

/// Kinds with the certificates by which the API server knows whom it calls.
const BUNDLES: &[(&str, &str)] = &[
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("apiregistration.k8s.io", "APIService"),
];

/// Groups whose objects refer to no Secret: reports, addresses and pictures, often by the thousand.
const SILENT: &[&str] = &[
    "aquasecurity.github.io",
    "cilium.io",
    "crd.projectcalico.org",
    "image.openshift.io",
    "packages.operators.coreos.com",
    "projectcalico.org",
    "reports.kyverno.io",
    "spdx.softwarecomposition.kubescape.io",
    "wgpolicyk8s.io",
];

/// Whether objects of this kind are read.
pub(crate) fn is_read(group: &str, kind: &str) -> bool {
    may_refer(group, kind) || BUNDLES.contains(&(group, kind))
}

/// Whether objects of this kind may refer to a Secret. Of kinds that an operator brings all may.
fn may_refer(group: &str, kind: &str) -> bool {
    let listed = NEEDS.iter().chain(LIKES).filter(|known| !BUNDLES.contains(known));
    let is_known = listed.into_iter().any(|known| *known == (group, kind));
    // Kubernetes' own groups end so; Spark's operator took such a name too.
    let is_own = group.ends_with(".k8s.io") && group != "sparkoperator.k8s.io";
    let is_custom = group.contains('.') && !is_own && !SILENT.contains(&group);
    is_known || is_custom
}

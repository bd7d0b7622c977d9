//! API versions that current releases no longer serve: a manifest that is written in one cannot be applied.

use super::{Related, precedence};
use crate::object::{Body, Definition, Object};
use crate::report::{Level, Verdict, codes};

codes! {
    VERSION_REMOVED = "api-version-removed", "The manifest is written in an API version that is gone",
        "Current releases of the operator, or of Kubernetes, no longer serve this API version: applying the manifest fails with `no matches for kind`, and a Flux Kustomization that holds it applies nothing else of its set. Objects that were read from an API server are judged as ever, since that server still serves them.",
        "Write the version that the message names. `flux migrate -f .` rewrites Flux manifests, `cmctl convert` those of cert-manager; for Strimzi read the conversion guide of the release before 1.0.";
}

/// A version that is gone.
#[derive(Debug)]
pub struct Removed {
    group: &'static str,
    /// Kinds; empty for all of the group.
    kinds: &'static [&'static str],
    version: &'static str,
    /// The first release without it: `Flux 2.7`.
    pub since: &'static str,
    /// What to write instead; empty where there is nothing.
    instead: &'static str,
}

impl Removed {
    /// What to do: `write apps/v1`.
    pub fn instead(&self) -> String {
        match self.instead {
            "" => "there is no other version of it".to_owned(),
            whole if whole.contains('/') => format!("write {whole}"),
            short => format!("write {}/{short}", self.group),
        }
    }
}

const fn row(
    group: &'static str,
    kinds: &'static [&'static str],
    version: &'static str,
    since: &'static str,
    instead: &'static str,
) -> Removed {
    Removed { group, kinds, version, since, instead }
}

const SNAPSHOTS: &[&str] = &["VolumeSnapshot", "VolumeSnapshotClass", "VolumeSnapshotContent"];
const EXTERNAL: &[&str] = &["ExternalSecret", "ClusterExternalSecret", "SecretStore", "ClusterSecretStore"];
const WORKLOADS: &[&str] = &["Deployment", "DaemonSet", "ReplicaSet", "StatefulSet", "ControllerRevision"];

/// Sources: Flux: the release notes of 2.7, 2.8 and 2.9 (fluxcd.io/blog); Strimzi: release notes of 0.23 and 1.0;
/// cert-manager: "Upgrading from v1.5 to v1.6"; External Secrets: release notes of 0.16 and 0.17;
/// snapshots: external-snapshotter CHANGELOG-6.1; Kubernetes: "Deprecated API Migration Guide".
const REMOVED: &[Removed] = &[
    row("source.toolkit.fluxcd.io", &[], "v1beta1", "Flux 2.7", "v1"),
    row("source.toolkit.fluxcd.io", &[], "v1beta2", "Flux 2.8", "v1"),
    row("kustomize.toolkit.fluxcd.io", &[], "v1beta1", "Flux 2.7", "v1"),
    row("kustomize.toolkit.fluxcd.io", &[], "v1beta2", "Flux 2.8", "v1"),
    row("helm.toolkit.fluxcd.io", &[], "v2beta1", "Flux 2.7", "v2"),
    row("helm.toolkit.fluxcd.io", &[], "v2beta2", "Flux 2.8", "v2"),
    row("notification.toolkit.fluxcd.io", &["Receiver"], "v1beta1", "Flux 2.7", "v1"),
    row("notification.toolkit.fluxcd.io", &["Receiver"], "v1beta2", "Flux 2.9", "v1"),
    row("notification.toolkit.fluxcd.io", &["Alert", "Provider"], "v1beta1", "Flux 2.7", "v1beta3"),
    row("notification.toolkit.fluxcd.io", &["Alert", "Provider"], "v1beta2", "Flux 2.9", "v1beta3"),
    row("image.toolkit.fluxcd.io", &[], "v1beta1", "Flux 2.7", "v1"),
    row("image.toolkit.fluxcd.io", &[], "v1beta2", "Flux 2.9", "v1"),
    row("kafka.strimzi.io", &["KafkaTopic", "KafkaUser"], "v1alpha1", "Strimzi 1.0", "v1"),
    row("kafka.strimzi.io", &["KafkaTopic", "KafkaUser"], "v1beta1", "Strimzi 1.0", "v1"),
    row("kafka.strimzi.io", &[], "v1alpha1", "Strimzi 0.23", "v1"),
    row("kafka.strimzi.io", &[], "v1beta1", "Strimzi 0.23", "v1"),
    row("kafka.strimzi.io", &[], "v1beta2", "Strimzi 1.0", "v1"),
    row("core.strimzi.io", &[], "v1beta2", "Strimzi 1.0", "v1"),
    row("cert-manager.io", &[], "v1alpha2", "cert-manager 1.6", "v1"),
    row("cert-manager.io", &[], "v1alpha3", "cert-manager 1.6", "v1"),
    row("cert-manager.io", &[], "v1beta1", "cert-manager 1.6", "v1"),
    row("acme.cert-manager.io", &[], "v1alpha2", "cert-manager 1.6", "v1"),
    row("acme.cert-manager.io", &[], "v1alpha3", "cert-manager 1.6", "v1"),
    row("acme.cert-manager.io", &[], "v1beta1", "cert-manager 1.6", "v1"),
    // PushSecret is still v1alpha1.
    row("external-secrets.io", EXTERNAL, "v1alpha1", "External Secrets 0.16", "v1"),
    row("external-secrets.io", EXTERNAL, "v1beta1", "External Secrets 0.17", "v1"),
    row("snapshot.storage.k8s.io", SNAPSHOTS, "v1beta1", "external-snapshotter 6.1", "v1"),
    row("policy", &["PodDisruptionBudget"], "v1beta1", "Kubernetes 1.25", "v1"),
    row("policy", &["PodSecurityPolicy"], "v1beta1", "Kubernetes 1.25", ""),
    row("autoscaling", &[], "v2beta1", "Kubernetes 1.25", "v2"),
    row("autoscaling", &[], "v2beta2", "Kubernetes 1.26", "v2"),
    row("batch", &["CronJob"], "v2alpha1", "Kubernetes 1.21", "v1"),
    row("batch", &["CronJob"], "v1beta1", "Kubernetes 1.25", "v1"),
    row("extensions", &["Ingress"], "v1beta1", "Kubernetes 1.22", "networking.k8s.io/v1"),
    row("extensions", &["NetworkPolicy"], "v1beta1", "Kubernetes 1.16", "networking.k8s.io/v1"),
    row("extensions", WORKLOADS, "v1beta1", "Kubernetes 1.16", "apps/v1"),
    row("networking.k8s.io", &["Ingress", "IngressClass"], "v1beta1", "Kubernetes 1.22", "v1"),
    row("apps", WORKLOADS, "v1beta1", "Kubernetes 1.16", "v1"),
    row("apps", WORKLOADS, "v1beta2", "Kubernetes 1.16", "v1"),
    row("rbac.authorization.k8s.io", &[], "v1alpha1", "Kubernetes 1.22", "v1"),
    row("rbac.authorization.k8s.io", &[], "v1beta1", "Kubernetes 1.22", "v1"),
    row("apiextensions.k8s.io", &[], "v1beta1", "Kubernetes 1.22", "v1"),
    row("apiregistration.k8s.io", &[], "v1beta1", "Kubernetes 1.22", "v1"),
    row(
        "admissionregistration.k8s.io",
        &["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"],
        "v1beta1",
        "Kubernetes 1.22",
        "v1",
    ),
    row("certificates.k8s.io", &["CertificateSigningRequest"], "v1beta1", "Kubernetes 1.22", "v1"),
    row("coordination.k8s.io", &["Lease"], "v1beta1", "Kubernetes 1.22", "v1"),
    row("scheduling.k8s.io", &["PriorityClass"], "v1beta1", "Kubernetes 1.22", "v1"),
    row(
        "storage.k8s.io",
        &["StorageClass", "CSIDriver", "CSINode", "VolumeAttachment"],
        "v1beta1",
        "Kubernetes 1.22",
        "v1",
    ),
    row("storage.k8s.io", &["CSIStorageCapacity"], "v1beta1", "Kubernetes 1.27", "v1"),
    row("discovery.k8s.io", &["EndpointSlice"], "v1beta1", "Kubernetes 1.25", "v1"),
    row("events.k8s.io", &["Event"], "v1beta1", "Kubernetes 1.25", "v1"),
    row("node.k8s.io", &["RuntimeClass"], "v1beta1", "Kubernetes 1.25", "v1"),
    row("flowcontrol.apiserver.k8s.io", &[], "v1beta1", "Kubernetes 1.26", "v1"),
    row("flowcontrol.apiserver.k8s.io", &[], "v1beta2", "Kubernetes 1.29", "v1"),
    row("flowcontrol.apiserver.k8s.io", &[], "v1beta3", "Kubernetes 1.32", "v1"),
];

/// The row of a version that is gone; `None` for those that current releases serve.
pub fn find(group: &str, kind: &str, version: &str) -> Option<&'static Removed> {
    // Nearly every object is in a version that stays.
    if version == "v1" {
        return None;
    }
    REMOVED
        .iter()
        .find(|row| row.group == group && row.version == version && (row.kinds.is_empty() || row.kinds.contains(&kind)))
}

/// Whether an API server has had the object: only one that serves its version gives it a UID or a
/// time of creation.
fn was_served(object: &Object, related: &Related<'_>) -> bool {
    let meta = &object.meta;
    related.inventory.is_complete() || meta.uid.is_given() || meta.creation_timestamp.get().is_some()
}

/// Whether the same source holds a definition of the kind that serves this version: then it is an
/// older release that is meant.
fn is_defined(object: &Object, related: &Related<'_>) -> bool {
    let serves = |definition: &Definition| {
        definition.spec.group == object.ty.group
            && definition.spec.names.kind == object.ty.kind
            && definition.spec.versions.iter().any(|version| version.served && version.name == object.ty.version)
    };
    let all = related.inventory.of_kind("apiextensions.k8s.io", "CustomResourceDefinition").iter();
    all.into_iter().any(|found| matches!(&found.body, Body::Definition(definition) if serves(definition)))
}

/// Adds to a verdict what is known of the object's API version: a warning for manifests, a line of
/// evidence for objects that a server still serves.
///
/// The warning leads where the object is well, and where all that is known is that it has no status,
/// as a manifest has none; below any other finding it is a note.
pub(super) fn note(object: &Object, mut verdict: Verdict, related: &Related<'_>) -> Verdict {
    let Some(row) = find(&object.ty.group, &object.ty.kind, &object.ty.version) else { return verdict };
    let version = object.ty.api_version();
    let instead = row.instead();
    if was_served(object, related) || is_defined(object, related) {
        return verdict.evidence(format!("{version} is no longer served since {}; {instead}", row.since));
    }
    let warning =
        Verdict::warn(&VERSION_REMOVED, format!("{version} is no longer served since {}: {instead}", row.since));
    let is_bare = verdict.level == Level::Progressing && verdict.code == &precedence::NO_STATUS;
    if verdict.is_ok() || is_bare {
        return warning.and(verdict);
    }
    verdict.more.push(warning);
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::testing::{expect, judge};

    #[test]
    fn manifests_in_a_version_that_is_gone_are_warned_of() {
        for (version, kind, instead) in [
            ("helm.toolkit.fluxcd.io/v2beta1", "HelmRelease", "helm.toolkit.fluxcd.io/v2"),
            ("source.toolkit.fluxcd.io/v1beta2", "HelmRepository", "source.toolkit.fluxcd.io/v1"),
            ("kafka.strimzi.io/v1beta2", "Kafka", "kafka.strimzi.io/v1"),
            ("policy/v1beta1", "PodDisruptionBudget", "policy/v1"),
            ("autoscaling/v2beta2", "HorizontalPodAutoscaler", "autoscaling/v2"),
            ("extensions/v1beta1", "Ingress", "networking.k8s.io/v1"),
            ("notification.toolkit.fluxcd.io/v1beta2", "Alert", "notification.toolkit.fluxcd.io/v1beta3"),
        ] {
            let yaml = format!("{{apiVersion: {version}, kind: {kind}, metadata: {{name: x, namespace: y}}}}");
            let verdict = judge(&yaml, kind, "x");
            let all = std::iter::once(&verdict).chain(&verdict.more);
            let found = all.into_iter().find(|one| one.code == &VERSION_REMOVED);
            let found = found.unwrap_or_else(|| panic!("{version}: {}", verdict.message));
            assert_eq!(found.level, Level::Warn);
            assert!(found.message.ends_with(&format!(": write {instead}")), "{}", found.message);
        }
        let yaml = "{apiVersion: kafka.strimzi.io/v1beta2, kind: Kafka, metadata: {name: x, namespace: y}}";
        expect(yaml, "Kafka", "x", Level::Warn, "api-version-removed");
    }

    #[test]
    fn what_a_server_still_serves_is_judged_as_ever() {
        let live = "apiVersion: source.toolkit.fluxcd.io/v1beta2
kind: HelmRepository
metadata: {name: x, namespace: y, uid: '1', generation: 1}
spec: {interval: 1m, url: 'https://charts.example.com'}
status: {observedGeneration: 1, conditions: [{type: Ready, status: 'True', reason: Succeeded}]}
";
        let verdict = judge(live, "HelmRepository", "x");
        assert_eq!(verdict.level, Level::Ok, "{}", verdict.message);
        assert!(verdict.evidence.iter().any(|line| line.contains("since Flux 2.8")), "{:?}", verdict.evidence);
        let defined = "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: kafkas.kafka.strimzi.io}
spec: {group: kafka.strimzi.io, names: {kind: Kafka}, versions: [{name: v1beta2, served: true}]}
---
{apiVersion: kafka.strimzi.io/v1beta2, kind: Kafka, metadata: {name: x, namespace: y}}
";
        expect(defined, "Kafka", "x", Level::Progressing, "no-status");
    }

    #[test]
    fn versions_that_are_served_are_not_in_the_table() {
        for (group, kind, version) in [
            ("external-secrets.io", "PushSecret", "v1alpha1"),
            ("sparkoperator.k8s.io", "SparkApplication", "v1beta2"),
            ("notification.toolkit.fluxcd.io", "Alert", "v1beta3"),
            ("policy", "PodDisruptionBudget", "v1"),
            ("kafka.strimzi.io", "Kafka", "v1"),
        ] {
            assert!(find(group, kind, version).is_none(), "{group}/{version} {kind}");
        }
    }
}

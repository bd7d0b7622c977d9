//! API versions of operators that their current releases no longer serve.

use super::{ApiVersion, Minor};

const fn row(
    group: &'static str,
    kinds: &'static [&'static str],
    version: &'static str,
    (product, removed): (&'static str, Minor),
    instead: &'static str,
) -> ApiVersion {
    ApiVersion { group, kinds, version, product, deprecated: None, removed, instead }
}

const SNAPSHOTS: &[&str] = &["VolumeSnapshot", "VolumeSnapshotClass", "VolumeSnapshotContent"];
const EXTERNAL: &[&str] = &["ExternalSecret", "ClusterExternalSecret", "SecretStore", "ClusterSecretStore"];
const FLUX_2_7: (&str, Minor) = ("Flux", (2, 7));
const FLUX_2_8: (&str, Minor) = ("Flux", (2, 8));
const FLUX_2_9: (&str, Minor) = ("Flux", (2, 9));
const STRIMZI_0_23: (&str, Minor) = ("Strimzi", (0, 23));
const STRIMZI_1_0: (&str, Minor) = ("Strimzi", (1, 0));
const CERT_MANAGER: (&str, Minor) = ("cert-manager", (1, 6));

/// Sources: Flux: the release notes of 2.7, 2.8 and 2.9 (fluxcd.io/blog); Strimzi: release notes of 0.23 and 1.0;
/// cert-manager: "Upgrading from v1.5 to v1.6"; External Secrets: release notes of 0.16 and 0.17; snapshots:
/// external-snapshotter CHANGELOG-6.1.
pub(super) const TABLE: &[ApiVersion] = &[
    row("source.toolkit.fluxcd.io", &[], "v1beta1", FLUX_2_7, "v1"),
    row("source.toolkit.fluxcd.io", &[], "v1beta2", FLUX_2_8, "v1"),
    row("kustomize.toolkit.fluxcd.io", &[], "v1beta1", FLUX_2_7, "v1"),
    row("kustomize.toolkit.fluxcd.io", &[], "v1beta2", FLUX_2_8, "v1"),
    row("helm.toolkit.fluxcd.io", &[], "v2beta1", FLUX_2_7, "v2"),
    row("helm.toolkit.fluxcd.io", &[], "v2beta2", FLUX_2_8, "v2"),
    row("notification.toolkit.fluxcd.io", &["Receiver"], "v1beta1", FLUX_2_7, "v1"),
    row("notification.toolkit.fluxcd.io", &["Receiver"], "v1beta2", FLUX_2_9, "v1"),
    row("notification.toolkit.fluxcd.io", &["Alert", "Provider"], "v1beta1", FLUX_2_7, "v1beta3"),
    row("notification.toolkit.fluxcd.io", &["Alert", "Provider"], "v1beta2", FLUX_2_9, "v1beta3"),
    row("image.toolkit.fluxcd.io", &[], "v1beta1", FLUX_2_7, "v1"),
    row("image.toolkit.fluxcd.io", &[], "v1beta2", FLUX_2_9, "v1"),
    row("kafka.strimzi.io", &["KafkaTopic", "KafkaUser"], "v1alpha1", STRIMZI_1_0, "v1"),
    row("kafka.strimzi.io", &["KafkaTopic", "KafkaUser"], "v1beta1", STRIMZI_1_0, "v1"),
    row("kafka.strimzi.io", &[], "v1alpha1", STRIMZI_0_23, "v1"),
    row("kafka.strimzi.io", &[], "v1beta1", STRIMZI_0_23, "v1"),
    row("kafka.strimzi.io", &[], "v1beta2", STRIMZI_1_0, "v1"),
    row("core.strimzi.io", &[], "v1beta2", STRIMZI_1_0, "v1"),
    row("cert-manager.io", &[], "v1alpha2", CERT_MANAGER, "v1"),
    row("cert-manager.io", &[], "v1alpha3", CERT_MANAGER, "v1"),
    row("cert-manager.io", &[], "v1beta1", CERT_MANAGER, "v1"),
    row("acme.cert-manager.io", &[], "v1alpha2", CERT_MANAGER, "v1"),
    row("acme.cert-manager.io", &[], "v1alpha3", CERT_MANAGER, "v1"),
    row("acme.cert-manager.io", &[], "v1beta1", CERT_MANAGER, "v1"),
    // PushSecret is still v1alpha1.
    row("external-secrets.io", EXTERNAL, "v1alpha1", ("External Secrets", (0, 16)), "v1"),
    row("external-secrets.io", EXTERNAL, "v1beta1", ("External Secrets", (0, 17)), "v1"),
    row("snapshot.storage.k8s.io", SNAPSHOTS, "v1beta1", ("external-snapshotter", (6, 1)), "v1"),
];

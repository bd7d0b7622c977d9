//! Versions: API versions that are gone, charts that float, software that gets no more fixes.

mod charts;
mod codes;
mod kafka;
mod support;

pub(crate) use codes::CODES;

use crate::check::Asked;
use crate::finding::Finding;
use crate::record::Head;
use crate::severity::Severity::{Low, Medium};
use codes::*;
use mlops_shared::health::removed_version;

/// What the family reads where it may, besides workloads: kinds whose objects name versions.
pub(crate) const LIKES: &[(&str, &str)] = &[
    ("helm.toolkit.fluxcd.io", "HelmRelease"),
    ("source.toolkit.fluxcd.io", "GitRepository"),
    ("source.toolkit.fluxcd.io", "HelmRepository"),
    ("source.toolkit.fluxcd.io", "OCIRepository"),
    ("source.toolkit.fluxcd.io", "Bucket"),
    ("kustomize.toolkit.fluxcd.io", "Kustomization"),
    ("notification.toolkit.fluxcd.io", "Alert"),
    ("notification.toolkit.fluxcd.io", "Provider"),
    ("notification.toolkit.fluxcd.io", "Receiver"),
    ("kafka.strimzi.io", "Kafka"),
    ("kafka.strimzi.io", "KafkaNodePool"),
    ("kafka.strimzi.io", "KafkaTopic"),
    ("kafka.strimzi.io", "KafkaUser"),
    ("minio.min.io", "Tenant"),
    ("sparkoperator.k8s.io", "SparkApplication"),
    ("policy", "PodDisruptionBudget"),
    ("autoscaling", "HorizontalPodAutoscaler"),
    ("networking.k8s.io", "Ingress"),
];

/// The findings on versions.
pub(crate) fn check(asked: &Asked<'_>) -> Vec<Finding> {
    let mut found: Vec<Finding> = heads(asked).flat_map(api_versions).collect();
    found.extend(charts::check(asked));
    found.extend(kafka::check(asked));
    found.extend(support::check(asked));
    found
}

/// The head of every object that was read.
fn heads<'a>(asked: &Asked<'a>) -> impl Iterator<Item = &'a Head> {
    let records = asked.records;
    let plain = records.namespaces.iter().map(|it| &it.head).chain(records.accounts.iter().map(|it| &it.head));
    let plain = plain.chain(records.workloads.iter().map(|it| &it.head));
    let plain = plain.chain(records.policies.iter().map(|it| &it.head));
    let plain = plain.chain(records.roles.iter().map(|it| &it.head));
    let plain = plain.chain(records.bindings.iter().map(|it| &it.head));
    plain.chain(records.customs.iter().map(|it| &it.head)).chain(&records.broken)
}

/// What is wrong with the API version of an object, and with those that its managers write.
fn api_versions(head: &Head) -> Vec<Finding> {
    let (group, kind) = (&*head.ty.group, &*head.ty.kind);
    // Only an API server that serves the version gives an object a UID or a time of creation.
    let is_served = head.meta.uid.is_given() || head.meta.creation_timestamp.get().is_some();
    let mut found = Vec::new();
    if !is_served && let Some(removed) = removed_version(group, kind, &head.ty.version) {
        let message = format!("{} is gone since {}: {}", head.ty.api_version(), removed.since, removed.instead());
        found.push(head.finding(&VERSION_API_REMOVED, Medium, message).at("apiVersion"));
    }
    for writer in head.writers.iter() {
        let version = writer.api_version.rsplit('/').next().unwrap_or_default();
        if let Some(removed) = removed_version(group, kind, version) {
            let message = format!(
                "{} writes it as {}, which is gone since {}: {}",
                writer.manager,
                writer.api_version,
                removed.since,
                removed.instead()
            );
            let path = format!("managedFields[{}].apiVersion", writer.manager);
            let finding = head.finding(&VERSION_API_WRITTEN, Low, message).at(path);
            found.push(match &writer.time.get() {
                Some(time) => finding.evidence(format!("last at {time}")),
                None => finding,
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::testing::{codes_of, found};

    #[test]
    fn manifests_in_versions_that_are_gone_are_told() {
        let manifest = "{apiVersion: kafka.strimzi.io/v1beta2, kind: KafkaTopic, metadata: {name: t, namespace: n}}";
        let all = found(super::check, manifest);
        assert_eq!(codes_of(&all), ["version-api-removed"]);
        assert!(
            all[0].message.contains("Strimzi 1.0") && all[0].message.contains("kafka.strimzi.io/v1"),
            "{}",
            all[0].message
        );
        assert!(found(super::check, &manifest.replace("v1beta2", "v1")).is_empty());
        // A server that gave it a UID serves it.
        let served = manifest.replace("name: t", "name: t, uid: 0a1b2c3d-0000-4000-8000-000000000001");
        assert!(found(super::check, &served).is_empty());
    }

    #[test]
    fn managers_that_write_old_versions_are_told() {
        let object = |entries: &str| {
            format!(
                "{{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {{name: b, namespace: n, uid: u, managedFields: [{entries}]}}}}"
            )
        };
        let old = "{manager: pipeline, operation: Apply, apiVersion: policy/v1beta1, time: '2026-01-01T00:00:00Z'}";
        let new = "{manager: pipeline, operation: Apply, apiVersion: policy/v1, time: '2026-02-01T00:00:00Z'}";
        let other = "{manager: kubectl, operation: Update, apiVersion: policy/v1, time: '2026-02-01T00:00:00Z'}";
        assert_eq!(codes_of(&found(super::check, &object(old))), ["version-api-written"]);
        assert_eq!(codes_of(&found(super::check, &object(&format!("{old}, {other}")))), ["version-api-written"]);
        // It has moved on since.
        assert!(found(super::check, &object(&format!("{old}, {new}"))).is_empty());
    }
}

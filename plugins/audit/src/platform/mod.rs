//! The platform's products, each by its own settings: Strimzi, MinIO, and what Helm values say of Airflow, Grafana
//! and databases.

mod codes;
mod kafka;
mod minio;
mod values;
mod webhook;

pub(crate) use codes::CODES;

use crate::check::Asked;
use crate::finding::{Finding, Place};

/// What the family reads: group, kind.
pub(crate) const NEEDS: &[(&str, &str)] = &[
    ("", "Pod"),
    ("", "Service"),
    ("apps", "DaemonSet"),
    ("apps", "Deployment"),
    ("apps", "ReplicaSet"),
    ("apps", "StatefulSet"),
    ("batch", "CronJob"),
    ("batch", "Job"),
    ("helm.toolkit.fluxcd.io", "HelmRelease"),
    ("kafka.strimzi.io", "Kafka"),
    ("kafka.strimzi.io", "KafkaUser"),
    ("minio.min.io", "Tenant"),
];

/// Where it may: group, kind.
pub(crate) const LIKES: &[(&str, &str)] = &[
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
    ("grafana.integreatly.org", "Grafana"),
];

/// The findings on the platform's products.
pub(crate) fn check(asked: &Asked<'_>) -> Vec<Finding> {
    let records = asked.records;
    let mut found = Vec::new();
    for custom in &records.customs {
        found.extend(match (&*custom.head.ty.group, &*custom.head.ty.kind) {
            ("kafka.strimzi.io", "Kafka") => kafka::cluster(custom),
            ("kafka.strimzi.io", "KafkaUser") => kafka::user(custom),
            ("minio.min.io", "Tenant") => minio::tenant(custom),
            ("", "Service") => minio::service(custom),
            ("helm.toolkit.fluxcd.io", "HelmRelease") => custom
                .content
                .spec_at("/values")
                .map(|values| values::check(&custom.head, values, "spec.values"))
                .unwrap_or_default(),
            ("admissionregistration.k8s.io", "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration") => {
                webhook::check(custom)
            }
            ("grafana.integreatly.org", "Grafana") => custom
                .content
                .spec_at("/config")
                .map(|config| values::check(&custom.head, config, "spec.config.grafana"))
                .unwrap_or_default(),
            _ => Vec::new(),
        });
    }
    for custom in &records.values {
        found.extend(values::check(&custom.head, &custom.content.spec, "").into_iter().map(|finding| {
            let line = custom.source.as_ref().and_then(|source| source.line_of_setting(&finding.path));
            let place = finding.place.clone().map(|place| Place { line: line.unwrap_or(place.line), ..place });
            finding.placed(place)
        }));
    }
    found.extend(minio::root_users(records));
    found
}

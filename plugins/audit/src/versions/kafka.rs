//! Whether the Strimzi release that is there knows the Kafka version that a cluster asks for.

use super::codes::VERSION_KAFKA_UNKNOWN;
use crate::check::Asked;
use crate::finding::Finding;
use crate::images::Reference;
use crate::severity::Severity::Medium;
use std::collections::BTreeMap;

/// Strimzi releases and the Kafka versions they carry images for (strimzi.io/downloads, and the release notes of
/// 0.45.2; as of November 2026). Releases that are not listed are not judged.
const KNOWN: &[(&str, &[&str])] = &[
    ("0.42.0", &["3.6.0", "3.6.1", "3.6.2", "3.7.0", "3.7.1"]),
    ("0.43.0", &["3.7.0", "3.7.1", "3.8.0"]),
    ("0.44.0", &["3.7.0", "3.7.1", "3.8.0"]),
    ("0.45.0", &["3.8.0", "3.8.1", "3.9.0"]),
    ("0.45.1", &["3.8.0", "3.8.1", "3.9.0", "3.9.1"]),
    ("0.46.0", &["3.9.0", "4.0.0"]),
    ("0.46.1", &["3.9.0", "4.0.0"]),
    ("0.47.0", &["3.9.0", "3.9.1", "4.0.0"]),
    ("0.48.0", &["4.0.0", "4.1.0"]),
    ("0.49.0", &["4.0.0", "4.0.1", "4.1.0", "4.1.1"]),
    ("0.49.1", &["4.0.0", "4.0.1", "4.1.0", "4.1.1"]),
    ("0.50.0", &["4.0.0", "4.0.1", "4.1.0", "4.1.1"]),
];

/// A finding for each Kafka that no operator that was read can run.
pub(super) fn check(asked: &Asked<'_>) -> Vec<Finding> {
    let operators = operators(asked);
    if operators.is_empty() {
        return Vec::new();
    }
    let kafkas = asked.records.customs.iter().filter(|custom| {
        let ty = &custom.head.ty;
        &*ty.group == "kafka.strimzi.io" && matches!(&*ty.kind, "Kafka" | "KafkaConnect" | "KafkaMirrorMaker2")
    });
    let found = kafkas.filter_map(|custom| {
        let pointer = if &*custom.head.ty.kind == "Kafka" { "/kafka/version" } else { "/version" };
        let wanted = custom.text(pointer);
        // A version that is not listed at all may be newer than the table.
        let (lists, is_known) = operators.keys().fold((Vec::new(), true), |(mut lists, is_known), version| {
            let row = KNOWN.iter().find(|(known, _)| known == version);
            lists.extend(row.map(|(release, list)| (*release, *list)));
            (lists, is_known && row.is_some())
        });
        if wanted.is_empty() || !is_known || lists.iter().any(|(_, list)| list.contains(&wanted)) {
            return None;
        }
        let known: Vec<String> =
            lists.iter().map(|(release, list)| format!("Strimzi {release} knows {}", list.join(", "))).collect();
        let message = format!("Kafka {wanted} is asked for; {}", known.join("; "));
        let finding = custom.head.finding(&VERSION_KAFKA_UNKNOWN, Medium, message);
        let finding = finding.at(format!("spec{}", pointer.replace('/', ".")));
        Some(operators.values().flatten().fold(finding, |finding, place| finding.evidence(place.clone())))
    });
    found.collect()
}

/// The operator's versions and where each is named: its image, and the chart of a Helm release.
fn operators(asked: &Asked<'_>) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for used in asked.records.used() {
        let Some(reference) = Reference::parse(&used.image) else { continue };
        // The same image runs the topic and user operators of every cluster, in containers of those names.
        let mut paths = std::iter::once(&used.path).chain(&used.also);
        let is_operator =
            paths.any(|path| path.contains("[strimzi-cluster-operator]") || path.ends_with(".defaultImageTag"));
        if let Some(tag) = reference.tag.filter(|_| is_operator && reference.repository.ends_with("strimzi/operator")) {
            all.entry(tag.to_owned()).or_default().push(format!("{}: {}", used.holder(), used.image));
        }
    }
    for custom in &asked.records.customs {
        let is_release = custom.head.is("helm.toolkit.fluxcd.io", "HelmRelease");
        if is_release && custom.text("/chart/spec/chart") == "strimzi-kafka-operator" {
            let installed = custom.content.status_text("/history/0/chartVersion");
            let version = if installed.is_empty() { custom.text("/chart/spec/version") } else { installed };
            let version = version.split('+').next().unwrap_or_default();
            if !version.is_empty() {
                let place = format!("{}: chart {version}", custom.head.reference());
                all.entry(version.to_owned()).or_default().push(place);
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use crate::testing::{codes_of, found};

    fn codes(kafka: &str, operator: &str) -> Vec<&'static str> {
        let yaml = format!(
            "{{apiVersion: kafka.strimzi.io/v1, kind: Kafka, metadata: {{name: k, namespace: n}}, spec: {{kafka: {{version: {kafka}}}}}}}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {{name: strimzi, namespace: n}}
spec: {{chart: {{spec: {{chart: strimzi-kafka-operator, version: '{operator}'}}}}}}
"
        );
        codes_of(&found(super::check, &yaml))
    }

    #[test]
    fn a_kafka_version_that_the_operator_does_not_know_is_told() {
        assert_eq!(codes("3.9.0", "0.43.0"), ["version-kafka-unknown"]);
        assert_eq!(codes("4.0.0", "0.45.1"), ["version-kafka-unknown"]);
        assert!(codes("3.8.0", "0.43.0").is_empty());
        // Not in the table, so not judged.
        assert!(codes("4.3.0", "1.2.0").is_empty());
        assert!(codes("3.9.0", "0.43.x").is_empty());
    }
}

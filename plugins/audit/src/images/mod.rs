//! Images: where they come from, whether their names are fixed, and whether what runs is what is named.

mod bom;
mod codes;
mod reference;
mod used;

pub(crate) use bom::bom;
pub(crate) use codes::CODES;
pub use reference::Reference;
pub use used::Used;
pub(crate) use used::{in_values, used};

use crate::check::Asked;
use crate::finding::Finding;
use crate::severity::Severity::{High, Info, Low, Medium};
use codes::*;

/// Custom resources whose images run: group, kind.
pub(crate) const HOLDERS: &[(&str, &str)] = &[
    ("helm.toolkit.fluxcd.io", "HelmRelease"),
    ("kafka.strimzi.io", "Kafka"),
    ("kafka.strimzi.io", "KafkaBridge"),
    ("kafka.strimzi.io", "KafkaConnect"),
    ("kafka.strimzi.io", "KafkaMirrorMaker2"),
    ("minio.min.io", "Tenant"),
    ("monitoring.coreos.com", "Alertmanager"),
    ("monitoring.coreos.com", "Prometheus"),
    ("postgresql.cnpg.io", "Cluster"),
    ("ray.io", "RayCluster"),
    ("serving.kserve.io", "ClusterServingRuntime"),
    ("serving.kserve.io", "InferenceService"),
    ("serving.kserve.io", "ServingRuntime"),
    ("sparkoperator.k8s.io", "ScheduledSparkApplication"),
    ("sparkoperator.k8s.io", "SparkApplication"),
];

/// The findings on images.
pub(crate) fn check(asked: &Asked<'_>) -> Vec<Finding> {
    asked.records.used().iter().flat_map(|used| findings(used, asked)).collect()
}

/// The findings on one image of one object.
fn findings(used: &Used, asked: &Asked<'_>) -> Vec<Finding> {
    let policy = &asked.platform.images;
    let mut found = Vec::new();
    let mut tell = |code, severity, message: String| {
        let finding = Finding::new(code, severity, used.object.clone(), message);
        let finding = Finding { api_version: used.api_version.clone(), ..finding };
        found.push(finding.at(used.path.clone()).placed(used.place.clone()));
    };
    let Some(reference) = Reference::parse(&used.image) else { return Vec::new() };
    let image = &used.image;
    if reference.is_moving() {
        let what = if reference.tag.is_some() { "the tag latest" } else { "no tag" };
        tell(&IMAGE_LATEST, Medium, format!("{image} has {what}: what runs is decided at the pull"));
        if matches!(&*used.pull_policy, "IfNotPresent" | "Never") {
            let message = format!("{image} moves, and imagePullPolicy {} keeps what a node has", used.pull_policy);
            tell(&IMAGE_PULL_POLICY, Low, message);
        }
    }
    if reference.digest.is_none() {
        let severity = if policy.require_digest { High } else { Info };
        tell(&IMAGE_NO_DIGEST, severity, format!("{image} is not pinned by a digest"));
    }
    if reference.registry == "k8s.gcr.io" {
        tell(&IMAGE_OLD_REGISTRY, Medium, format!("{image}: k8s.gcr.io is frozen since April 2023"));
    }
    if !policy.registries.is_empty() && !policy.registries.iter().any(|prefix| reference.is_below(prefix)) {
        let message = format!("{image} comes from {}, which the platform file does not list", reference.name());
        tell(&IMAGE_REGISTRY_NOT_ALLOWED, High, message);
    }
    let also = (!used.also.is_empty()).then(|| format!("also at {}", used.also.join(", ")));
    if used.running.len() > 1 {
        let pods: usize = used.running.values().sum();
        let count = used.running.len();
        tell(&IMAGE_DRIFT, Medium, format!("{pods} pods run {image} with {count} different digests"));
        if let Some(finding) = found.last_mut() {
            finding.evidence =
                used.running.iter().map(|(digest, pods)| format!("{digest} in {}", plural(*pods))).collect();
        }
    }
    if let Some(also) = also {
        found.iter_mut().for_each(|finding| finding.evidence.push(also.clone()));
    }
    found
}

fn plural(pods: usize) -> String {
    mlops_shared::text::plural(pods, "pod")
}

#[cfg(test)]
mod tests {
    use crate::testing::{codes_of, found, found_on};
    use mlops_shared::platform::Platform;

    const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: a, namespace: n}
spec: {template: {spec: {containers: [{name: c, image: IMAGE, imagePullPolicy: IfNotPresent}]}}}
";

    fn codes(image: &str) -> Vec<&'static str> {
        codes_of(&found(super::check, &DEPLOYMENT.replace("IMAGE", image)))
    }

    #[test]
    fn a_name_that_moves_is_told() {
        assert_eq!(codes("a/b"), ["image-latest", "image-no-digest", "image-pull-policy"]);
        assert_eq!(codes("a/b:latest"), ["image-latest", "image-no-digest", "image-pull-policy"]);
        assert_eq!(codes("a/b:1.2"), ["image-no-digest"]);
        assert_eq!(codes("'k8s.gcr.io/pause:3.9'"), ["image-no-digest", "image-old-registry"]);
        let pinned = format!("a/b:latest@sha256:{}", "0".repeat(64));
        assert_eq!(codes(&pinned), Vec::<&str>::new());
        assert_eq!(codes("'${IMAGE}'"), Vec::<&str>::new());
    }

    #[test]
    fn the_platform_file_decides_on_registries_and_digests() {
        let file = "apiVersion: mlops/v1\nkind: Platform\nname: x\nimages: {registries: [quay.io/strimzi], requireDigest: true}\n";
        let platform = Platform::parse(file).expect("a platform file");
        let of = |image: &str| codes_of(&found_on(super::check, &DEPLOYMENT.replace("IMAGE", image), &platform));
        assert_eq!(of("quay.io/strimzi/kafka:1"), ["image-no-digest"]);
        assert_eq!(of("quay.io/strimzi-evil/kafka:1"), ["image-no-digest", "image-registry-not-allowed"]);
    }

    #[test]
    fn pods_of_one_workload_that_run_different_digests_are_told() {
        let pod = |name: &str, digit: &str| {
            format!(
                "apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: n, ownerReferences: [{{apiVersion: apps/v1, kind: ReplicaSet, name: r, uid: u, controller: true}}]}}
spec: {{containers: [{{name: c, image: 'a/b:1'}}]}}
status: {{containerStatuses: [{{name: c, image: 'a/b:1', imageID: 'docker.io/a/b@sha256:{}'}}]}}
---
",
                digit.repeat(64)
            )
        };
        let same = format!("{}{}", pod("x", "1"), pod("y", "1"));
        assert_eq!(codes_of(&found(super::check, &same)), ["image-no-digest"]);
        let other = format!("{}{}", pod("x", "1"), pod("y", "2"));
        let all = found(super::check, &other);
        assert_eq!(codes_of(&all), ["image-drift", "image-no-digest"]);
        let drift = all.iter().find(|finding| finding.code.id == "image-drift").expect("drift");
        assert_eq!((drift.object.name.as_str(), drift.evidence.len()), ("r", 2));
    }
}

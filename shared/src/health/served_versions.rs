//! API versions that current releases no longer serve: a manifest that is written in one cannot be applied.

use super::api_versions::removed;
use super::{Related, precedence};
use crate::object::{Body, Definition, Object};
use crate::report::{Level, Verdict, codes};

codes! {
    VERSION_REMOVED = "api-version-removed", "The manifest is written in an API version that is gone",
        "Current releases of the operator, or of Kubernetes, no longer serve this API version: applying the manifest fails with `no matches for kind`, and a Flux Kustomization that holds it applies nothing else of its set. Objects that were read from an API server are judged as ever, since that server still serves them.",
        "Write the version that the message names. `flux migrate -f .` rewrites Flux manifests, `cmctl convert` those of cert-manager; for Strimzi read the conversion guide of the release before 1.0.";
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
    let Some(row) = removed(&object.ty.group, &object.ty.kind, &object.ty.version) else { return verdict };
    let since = row.since();
    let version = object.ty.api_version();
    let instead = row.instead();
    if was_served(object, related) || is_defined(object, related) {
        return verdict.evidence(format!("{version} is no longer served since {since}; {instead}"));
    }
    let warning = Verdict::warn(&VERSION_REMOVED, format!("{version} is no longer served since {since}: {instead}"));
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
}

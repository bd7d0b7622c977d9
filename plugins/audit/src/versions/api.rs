//! API versions: manifests in versions that are deprecated or gone, managers that still write them, and definitions
//! whose objects are stored in versions that are to go.

use super::codes::*;
use super::release::{kubernetes, next, word};
use crate::check::Asked;
use crate::finding::Finding;
use crate::record::{Definition, Head, Writer};
use crate::severity::Severity::{self, High, Low, Medium};
use mlops_shared::health::api_versions::{self, ApiVersion, Minor, NEWEST_KUBERNETES};
use std::collections::HashMap;

/// What the source tells about which versions are served.
struct Served<'a> {
    /// The Kubernetes release that manifests are for, or that the cluster runs.
    now: Option<Minor>,
    /// The release that is planned.
    target: Option<Minor>,
    definitions: HashMap<(&'a str, &'a str), &'a Definition>,
}

/// What becomes of a version.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum End {
    /// It is not served any more.
    Gone,
    /// The next release takes it away, or the one that is planned.
    Next,
    /// A later one does.
    Later,
}

impl<'a> Served<'a> {
    fn new(asked: &Asked<'a>) -> Self {
        let definitions = asked.records.definitions.iter();
        Self {
            now: asked.server_version.and_then(kubernetes),
            target: asked.target,
            definitions: definitions.map(|it| ((&*it.spec.group, &*it.spec.names.kind), it)).collect(),
        }
    }

    /// What becomes of a version that the table knows; `None` where it is not even deprecated yet.
    fn end(&self, row: &ApiVersion, kind: &str, group: &str, version: &str) -> Option<End> {
        if !row.is_of_kubernetes() {
            // The operator's release is not known, but what its definition serves is.
            let served = self.definitions.get(&(group, kind)).map(|it| it.version(version).is_some_and(|it| it.served));
            return Some(if served == Some(true) { End::Next } else { End::Gone });
        }
        let now = self.now.unwrap_or(NEWEST_KUBERNETES);
        if row.removed <= now {
            return Some(End::Gone);
        }
        if row.removed <= self.target.unwrap_or(now).max(next(now)) {
            return Some(End::Next);
        }
        row.deprecated.is_none_or(|since| since <= self.target.unwrap_or(now).max(now)).then_some(End::Later)
    }

    /// What the definition of a kind says of a version that it deprecates itself.
    fn deprecation(&self, group: &str, kind: &str, version: &str) -> Option<String> {
        let definition = self.definitions.get(&(group, kind))?;
        let found = definition.version(version).filter(|it| it.served && it.deprecated)?;
        let own = found.deprecation_warning.trim();
        Some(if own.is_empty() { "its definition marks it as deprecated".to_owned() } else { own.to_owned() })
    }
}

/// The findings on the API versions of all objects.
pub(super) fn check<'a>(asked: &Asked<'a>, heads: impl Iterator<Item = &'a Head>) -> Vec<Finding> {
    let served = Served::new(asked);
    let mut found: Vec<Finding> = Vec::new();
    for head in heads {
        found.extend(manifest(head, &served));
        found.extend(head.writers.iter().filter_map(|writer| written(head, writer, &served)));
    }
    found.extend(asked.records.definitions.iter().flat_map(stored));
    found
}

/// What is wrong with the version that an object is written in. Only an API server that serves the version gives an
/// object a UID or a time of creation, and it converts what it stores: of those nobody can tell what was written.
fn manifest(head: &Head, served: &Served<'_>) -> Option<Finding> {
    if head.meta.uid.is_given() || head.meta.creation_timestamp.get().is_some() {
        return None;
    }
    let (group, kind, version) = (&*head.ty.group, &*head.ty.kind, &*head.ty.version);
    let name = head.ty.api_version();
    let Some(row) = api_versions::find(group, kind, version) else {
        let says = served.deprecation(group, kind, version)?;
        let message = format!("{name} is deprecated: {says}");
        return Some(head.finding(&VERSION_API_DEPRECATED, Low, message).at("apiVersion"));
    };
    let (since, instead) = (row.since(), row.instead());
    let (code, severity, message) = match served.end(row, kind, group, version)? {
        End::Gone => (&VERSION_API_REMOVED, High, format!("{name} is gone since {since}: {instead}")),
        End::Next => (&VERSION_API_DEPRECATED, High, format!("{name} is gone with {since}, the next step: {instead}")),
        End::Later => (&VERSION_API_DEPRECATED, later(row, served), format!("{name} is gone with {since}: {instead}")),
    };
    Some(head.finding(code, severity, message).at("apiVersion"))
}

/// What is wrong with the version that a manager writes an object in.
fn written(head: &Head, writer: &Writer, served: &Served<'_>) -> Option<Finding> {
    let (group, kind, version) = (&*head.ty.group, &*head.ty.kind, writer.version());
    let by = format!("{} writes it as {}", writer.manager, writer.api_version);
    let (severity, message) = match api_versions::find(group, kind, version) {
        Some(row) => {
            let (since, instead) = (row.since(), row.instead());
            match served.end(row, kind, group, version)? {
                // Nobody can have written it since the upgrade; whoever tries again fails.
                End::Gone => (Low, format!("{by}, which is gone since {since}: {instead}")),
                End::Next => (High, format!("{by}, which is gone with {since}, the next step: {instead}")),
                End::Later => (later(row, served), format!("{by}, which is gone with {since}: {instead}")),
            }
        }
        None => (Low, format!("{by}, which is deprecated: {}", served.deprecation(group, kind, version)?)),
    };
    let path = format!("managedFields[{}].apiVersion", writer.manager);
    let finding = head.finding(&VERSION_API_WRITTEN, severity, message).at(path);
    Some(match &writer.time.get() {
        Some(time) => finding.evidence(format!("last at {time}")),
        None => finding,
    })
}

/// How much a version matters that a later release takes away: within a year's upgrades, or after.
fn later(row: &ApiVersion, served: &Served<'_>) -> Severity {
    let now = served.now.unwrap_or(NEWEST_KUBERNETES);
    if row.removed.1.saturating_sub(now.1) <= 3 { Medium } else { Low }
}

/// What is wrong with the stored versions of a kind.
fn stored(definition: &Definition) -> Option<Finding> {
    let storage = definition.spec.versions.iter().find(|version| version.storage)?;
    let old: Vec<&str> =
        definition.status.stored_versions.iter().map(|name| &**name).filter(|name| *name != &*storage.name).collect();
    if old.is_empty() {
        return None;
    }
    let (group, kind) = (&*definition.spec.group, &*definition.spec.names.kind);
    // A release that drops a version is refused while objects may be stored in it.
    let is_ending = |name: &&str| {
        let is_served = definition.version(name).is_some_and(|version| version.served && !version.deprecated);
        !is_served || api_versions::find(group, kind, name).is_some()
    };
    let severity = if old.iter().any(is_ending) { Medium } else { Low };
    let message = format!("{kind} may still be stored as {}; it is stored as {} now", old.join(", "), storage.name);
    let path = "status.storedVersions";
    let finding = definition.head.finding(&VERSION_STORED_OLD, severity, message).at(path);
    Some(
        finding.command(format!("kubectl get crd {} -o jsonpath='{{.status.storedVersions}}'", word(&definition.head))),
    )
}

#[cfg(test)]
mod tests {
    use crate::check::Asked;
    use crate::finding::Finding;
    use crate::severity::Severity::{High, Low, Medium};
    use crate::testing::{codes_of, found, found_by};

    fn on(server: Option<&str>, target: Option<(u16, u16)>, yaml: &str) -> Vec<Finding> {
        let check = |asked: &Asked<'_>| super::super::check(&Asked { server_version: server, target, ..*asked });
        found_by(check, yaml)
    }

    #[test]
    fn manifests_in_versions_that_are_gone_are_told() {
        let manifest = "{apiVersion: kafka.strimzi.io/v1beta2, kind: KafkaTopic, metadata: {name: t, namespace: n}}";
        let all = found(super::super::check, manifest);
        assert_eq!(codes_of(&all), ["version-api-removed"]);
        let message = &all[0].message;
        assert!(message.contains("Strimzi 1.0") && message.contains("kafka.strimzi.io/v1"), "{message}");
        assert!(found(super::super::check, &manifest.replace("v1beta2", "v1")).is_empty());
        // A server that gave it a UID serves it.
        let served = manifest.replace("name: t", "name: t, uid: 0a1b2c3d-0000-4000-8000-000000000001");
        assert!(found(super::super::check, &served).is_empty());
    }

    #[test]
    fn the_release_decides_what_becomes_of_a_version() {
        // Deprecated in 1.36, removed in 1.39.
        let claim = "{apiVersion: resource.k8s.io/v1beta2, kind: ResourceClaim, metadata: {name: c, namespace: n}}";
        for (server, target, want) in [
            (Some("v1.35.2"), None, None),
            (Some("v1.36.3"), None, Some(("version-api-deprecated", Medium))),
            (Some("v1.38.0+k3s1"), None, Some(("version-api-deprecated", High))),
            (Some("v1.39.1"), None, Some(("version-api-removed", High))),
            (Some("v1.36.3"), Some((1, 39)), Some(("version-api-deprecated", High))),
            (Some("v1.35.2"), Some((1, 36)), Some(("version-api-deprecated", Low))),
            (None, Some((1, 40)), Some(("version-api-deprecated", High))),
        ] {
            let all = on(server, target, claim);
            let got = all.first().map(|finding| (finding.code.id, finding.severity));
            assert_eq!(got, want, "{server:?} {target:?}");
        }
        let budget = "{apiVersion: policy/v1beta1, kind: PodDisruptionBudget, metadata: {name: b, namespace: n}}";
        let old = codes_of(&on(Some("v1.24.0"), None, budget));
        assert_eq!(old, ["version-api-deprecated", "version-end-of-life"]);
        assert_eq!(codes_of(&on(None, None, budget)), ["version-api-removed"]);
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
        assert_eq!(codes_of(&found(super::super::check, &object(old))), ["version-api-written"]);
        let both = object(&format!("{old}, {other}"));
        assert_eq!(codes_of(&found(super::super::check, &both)), ["version-api-written"]);
        // It has moved on since.
        assert!(found(super::super::check, &object(&format!("{old}, {new}"))).is_empty());
        // What the next upgrade breaks is urgent; what no server takes any more is only a trace.
        assert_eq!(on(Some("v1.24.3"), None, &object(old))[0].severity, High);
        assert_eq!(on(Some("v1.36.0"), None, &object(old))[0].severity, Low);
    }

    const DEFINITION: &str = "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  names: {kind: Widget, plural: widgets}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}
  - {name: v1beta1, served: true, deprecated: true, deprecationWarning: write v1}
status: {storedVersions: STORED}
";

    #[test]
    fn a_definition_deprecates_versions_of_its_own() {
        let widget = "---\n{apiVersion: example.com/v1beta1, kind: Widget, metadata: {name: w, namespace: n}}\n";
        let yaml = format!("{}{widget}", DEFINITION.replace("STORED", "[v1]"));
        let all = found(super::super::check, &yaml);
        assert_eq!(codes_of(&all), ["version-api-deprecated"]);
        assert_eq!(all[0].message, "example.com/v1beta1 is deprecated: write v1");
        let live = "---\n{apiVersion: example.com/v1, kind: Widget, metadata: {name: w, namespace: n, uid: u, managedFields: [{manager: m, apiVersion: example.com/v1beta1}]}}\n";
        let yaml = format!("{}{live}", DEFINITION.replace("STORED", "[v1]"));
        assert_eq!(codes_of(&found(super::super::check, &yaml)), ["version-api-written"]);
    }

    #[test]
    fn objects_in_an_old_stored_version_are_told() {
        let all = found(super::super::check, &DEFINITION.replace("STORED", "[v1beta1, v1]"));
        assert_eq!(codes_of(&all), ["version-stored-old"]);
        assert_eq!((all[0].severity, all[0].message.contains("stored as v1beta1")), (Medium, true));
        let well = DEFINITION.replace("STORED", "[v1beta1, v1]").replace("deprecated: true, ", "");
        assert_eq!(found(super::super::check, &well)[0].severity, Low);
        assert!(found(super::super::check, &DEFINITION.replace("STORED", "[v1]")).is_empty());
    }

    #[test]
    fn what_a_definition_still_serves_is_not_gone() {
        let yaml = "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: kafkas.kafka.strimzi.io}
spec: {group: kafka.strimzi.io, names: {kind: Kafka}, versions: [{name: v1beta2, served: true, storage: true}]}
---
{apiVersion: kafka.strimzi.io/v1beta2, kind: Kafka, metadata: {name: k, namespace: n}}
";
        let all = found(super::super::check, yaml);
        assert_eq!(codes_of(&all), ["version-api-deprecated"]);
        assert!(all[0].message.contains("gone with Strimzi 1.0"), "{}", all[0].message);
    }
}

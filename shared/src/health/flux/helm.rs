//! HelmReleases: the release's history, remediation, tests, drift, and the chart that it waits for.

use super::common::common;
use super::relations::{blame_dependencies, blame_if_unwell, blame_webhook, source_ref, verdict_of_inventory};
use super::{FLUX_DRIFTED, FLUX_REMEDIATED, HELM_FAILED, SOURCE};
use crate::health::Related;
use crate::object::{Custom, Object, ObjectRef, find_condition};
use crate::report::{Level, Verdict};
use crate::text;
use jiff::Timestamp;
use serde_json::Value;

pub(super) fn helm_release(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let mut verdict = common(object, related, now);
    let Some(custom) = object.custom() else { return verdict };
    let conditions = custom.conditions();
    let is_true = |name: &str| find_condition(&conditions, name).filter(|condition| condition.is_true());
    if verdict.level == Level::Suspended {
        return verdict;
    }
    if verdict.level == Level::Progressing {
        verdict = with_failures(verdict, custom);
    }
    if verdict.level == Level::Fail {
        verdict = with_history(verdict, custom);
    }
    if verdict.level > Level::Ok {
        verdict = blame_webhook(verdict, related, now);
        verdict = blame_dependencies(verdict, object, custom, related, now);
        let chart = custom.spec_at("/chart/spec/sourceRef").map(|reference| {
            let source = source_ref(reference, "HelmRepository", object);
            // The controller makes a HelmChart of this name beside the source.
            let name = format!("{}-{}", object.meta.namespace, object.meta.name);
            (ObjectRef::new(SOURCE, "HelmChart", &source.namespace, &name), source)
        });
        if let Some((chart, source)) = chart {
            if related.inventory.find(&chart).found().is_some() {
                verdict = blame_if_unwell(verdict, chart, related, now);
            }
            verdict = blame_if_unwell(verdict, source, related, now);
        }
        if let Some(reference) = custom.spec_at("/chartRef") {
            verdict = blame_if_unwell(verdict, source_ref(reference, "OCIRepository", object), related, now);
        }
    }
    if let Some(remediated) = is_true("Remediated") {
        verdict =
            verdict.and(Verdict::warn(&FLUX_REMEDIATED, remediated.text().into_owned()).since(remediated.since()));
    }
    if let Some(drifted) = is_true("Drifted") {
        verdict = verdict.and(Verdict::warn(&FLUX_DRIFTED, drifted.text().into_owned()).since(drifted.since()));
    }
    let tests = find_condition(&conditions, "TestSuccess").filter(|condition| condition.is_false());
    if let Some(tests) = tests.filter(|_| verdict.level < Level::Warn) {
        verdict = verdict.and(Verdict::warn(&HELM_FAILED, format!("Helm tests failed: {}", tests.text())));
    }
    if verdict.is_ok() { verdict_of_inventory(verdict, custom, related, now) } else { verdict }
}

/// While an action runs Ready is Unknown, and for a release that always fails that is most of the time:
/// `status.failures` counts the failures since the last success (helm-controller `api/v2/helmrelease_types.go`).
fn with_failures(verdict: Verdict, custom: &Custom) -> Verdict {
    let failures = custom.status_number("/failures").and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
    if failures == 0 {
        return verdict;
    }
    let text = format!("failed {} with this configuration, and is tried again", text::plural(failures, "time"));
    with_history(Verdict::warn(&HELM_FAILED, text), custom).and(verdict)
}

/// What the release has been through: how often it failed, and which chart was deployed before.
/// `status.history` as in helm-controller `api/v2/snapshot_types.go`: newest first.
fn with_history(mut verdict: Verdict, custom: &Custom) -> Verdict {
    let failures = custom.status_number("/failures").and_then(|count| usize::try_from(count).ok());
    if let Some(failures) = failures.filter(|count| *count > 0) {
        verdict = verdict.evidence(format!("failed {} with this configuration", text::plural(failures, "time")));
    }
    let text = |entry: &'_ Value, key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let release = |entry: &Value| {
        let version = entry.get("version")?.as_i64()?;
        Some(format!("chart {} {} as release version {version}", text(entry, "chartName"), text(entry, "chartVersion")))
    };
    let Some((newest, older)) = custom.status_list("/history").split_first() else { return verdict };
    let Some(name) = release(newest) else { return verdict };
    let state = text(newest, "status");
    let deployed = older.iter().find(|entry| text(entry, "status") == "deployed" && state != "deployed");
    verdict = verdict.evidence(format!("{name}: {state}"));
    match deployed.and_then(|entry| Some((release(entry)?, text(entry, "lastDeployed")))) {
        Some((name, at)) => verdict.evidence(format!("deployed before: {name}, {at}")),
        None => verdict,
    }
}

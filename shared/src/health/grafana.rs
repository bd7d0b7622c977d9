//! The Grafana operator: instances, and the dashboards, datasources and alerts that go into them.

use super::table::Rule;
use super::{Related, lead_condition, precedence};
use crate::object::{Condition, Custom, Object};
use crate::report::{Level, Verdict, codes};
use crate::text;
use jiff::Timestamp;
use serde_json::Value;

codes! {
    GRAFANA_READY = "grafana-ready", "Grafana is set up",
        "The operator has gone through all of its stages.",
        "Nothing to do.";
    GRAFANA_STAGE = "grafana-stage", "Grafana is being set up",
        "The operator is at one of its stages.",
        "Nothing to do but wait.";
    GRAFANA_FAILED = "grafana-failed", "Grafana is not set up",
        "A stage of the operator has failed; what comes after it is not done.",
        "Read the message; look at what the stage makes (deployment, ingress, plugins).";
    GRAFANA_APPLIED = "grafana-applied", "It is in Grafana",
        "The operator has applied the object to every instance that it selects.",
        "Nothing to do.";
    GRAFANA_WAITS = "grafana-waits", "It is not in Grafana yet",
        "The operator has not said how applying it went.",
        "Nothing to do but wait.";
    GRAFANA_REFUSED = "grafana-not-applied", "It is not in Grafana",
        "No instance fits spec.instanceSelector, an instance cannot be reached, or Grafana refuses the content.",
        "Read the message; compare instanceSelector with the labels of the Grafana object.";
}

const GROUP: &str = "grafana.integreatly.org";

/// The rows of this family.
pub(super) const RULES: &[Rule] = &[
    Rule::new(GROUP, "Grafana", instance),
    row("GrafanaAlertRuleGroup"),
    row("GrafanaContactPoint"),
    row("GrafanaDashboard"),
    row("GrafanaDatasource"),
    row("GrafanaFolder"),
    row("GrafanaLibraryPanel"),
    row("GrafanaMuteTiming"),
    row("GrafanaNotificationPolicy"),
    row("GrafanaNotificationPolicyRoute"),
    row("GrafanaNotificationTemplate"),
    row("GrafanaServiceAccount"),
];

const fn row(kind: &'static str) -> Rule {
    Rule::new(GROUP, kind, content)
}

fn unreadable() -> Verdict {
    Verdict::unknown(&precedence::OBJECT_UNREADABLE, "has not the shape of its kind")
}

/// Conditions that are well when True. All others (`NoMatchingInstance`, `InvalidSpec`,
/// `FolderUIDMismatch`, …) tell of something wrong when they are.
fn is_positive(condition: &Condition) -> bool {
    condition.r#type.ends_with("Synchronized") || condition.r#type.ends_with("Ready")
}

/// The first condition that tells of something wrong. One about an older generation does not.
fn wrong<'a>(object: &Object, conditions: &'a [Condition]) -> Option<&'a Condition> {
    conditions.iter().find(|condition| {
        let old =
            condition.observed_generation.zip(object.meta.generation).is_some_and(|(seen, now)| seen > 0 && seen < now);
        !old && if is_positive(condition) { condition.is_false() } else { condition.is_true() }
    })
}

/// Stages as in grafana-operator `api/v1beta1/grafana_types.go`; levels as in Argo CD's
/// `grafana.integreatly.org/Grafana/health.lua`. The status bears no times, so a stage that is not the
/// last is late by the age of the object alone.
fn instance(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return unreadable() };
    if custom.spec_true("/suspend") {
        return precedence::suspended("spec.suspend", None, related, now);
    }
    let (stage, outcome) = (custom.status_text("/stage"), custom.status_text("/stageStatus"));
    let conditions = custom.conditions();
    if let Some(wrong) = wrong(object, &conditions) {
        return Verdict::fail(&GRAFANA_FAILED, lead_condition::said(wrong)).since(wrong.since());
    }
    if outcome.is_empty() {
        return precedence::no_status(object, None, related, now);
    }
    let said = custom.status_text("/lastMessage").trim();
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    match (stage, outcome) {
        (_, "failed") => Verdict::fail(&GRAFANA_FAILED, format!("stage {stage} failed{said}")),
        ("complete", "success") => {
            let version = custom.status_text("/version");
            let version =
                if version.is_empty() { "all stages are done".to_owned() } else { format!("version {version}") };
            Verdict::ok(&GRAFANA_READY, version)
        }
        _ => Verdict::progressing(&GRAFANA_STAGE, format!("stage {stage}: {outcome}{said}")),
    }
}

/// Conditions as in `controllers/controller_shared.go`; levels as in Argo CD's scripts for these kinds,
/// and the flag that operators before 5.10 wrote.
fn content(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return unreadable() };
    if custom.spec_true("/suspend") {
        return precedence::suspended("spec.suspend", None, related, now);
    }
    let conditions = custom.conditions();
    if let Some(wrong) = wrong(object, &conditions) {
        return Verdict::fail(&GRAFANA_REFUSED, lead_condition::said(wrong)).since(wrong.since());
    }
    let lonely = ["/NoMatchingInstances", "/noMatchingInstances"];
    if lonely.iter().any(|flag| custom.status_at(flag).and_then(Value::as_bool) == Some(true)) {
        return Verdict::fail(&GRAFANA_REFUSED, "no Grafana fits its instanceSelector");
    }
    if let Some(applied) = conditions.iter().find(|condition| is_positive(condition)) {
        let seen = applied.observed_generation.filter(|seen| *seen > 0);
        if let Some(verdict) = precedence::generation(object, seen, related, now) {
            return verdict;
        }
        return if applied.is_true() {
            stale(custom, now).unwrap_or_else(|| Verdict::ok(&GRAFANA_APPLIED, lead_condition::said(applied)))
        } else {
            Verdict::progressing(&GRAFANA_WAITS, lead_condition::said(applied))
        }
        .since(applied.since());
    }
    by_traces(object, custom, related, now)
}

/// Operators without conditions leave a `uid` or a `hash` when they have applied an object.
fn by_traces(object: &Object, custom: &Custom, related: &Related<'_>, now: Timestamp) -> Verdict {
    if ["/uid", "/hash"].iter().any(|trace| !custom.status_text(trace).is_empty()) {
        return Verdict::ok(&GRAFANA_APPLIED, "applied");
    }
    if custom.status.as_object().is_none_or(serde_json::Map::is_empty) {
        return precedence::no_status(object, None, related, now);
    }
    Verdict::progressing(&GRAFANA_WAITS, "has no uid yet")
}

/// `spec.resyncPeriod` is how often the operator comes back (10 minutes when not set).
fn stale(custom: &Custom, now: Timestamp) -> Option<Verdict> {
    let last: Timestamp = custom.status_text("/lastResync").parse().ok()?;
    let period = match custom.spec_text("/resyncPeriod") {
        "" => "10m",
        text => text,
    };
    let seconds = text::parse_duration(period)?.as_secs();
    let late = now.duration_since(last).as_secs() > seconds.saturating_mul(2).saturating_add(3600);
    // A period of zero means never again.
    (seconds > 0 && late).then(|| {
        let message = format!("applied, and last compared {} ago; should be every {period}", text::age(last, now));
        Verdict::new(Level::Warn, &GRAFANA_WAITS, message)
    })
}

#[cfg(test)]
mod tests {
    use crate::health::testing::expect;
    use crate::report::Level;

    fn object(kind: &str, spec: &str, status: &str) -> String {
        format!(
            "apiVersion: grafana.integreatly.org/v1beta1
kind: {kind}
metadata: {{name: it, namespace: x, generation: 2, creationTimestamp: '2026-09-01T00:00:00Z'}}
spec: {{{spec}}}
status: {{{status}}}
"
        )
    }

    #[test]
    fn stages_and_conditions_decide() {
        let applied = "{type: DashboardSynchronized, status: 'True', observedGeneration: 2}";
        for (kind, spec, status, level, code) in [
            ("Grafana", "", "stage: complete, stageStatus: success".to_owned(), Level::Ok, "grafana-ready"),
            ("Grafana", "", "stage: ingress, stageStatus: failed".to_owned(), Level::Fail, "grafana-failed"),
            ("Grafana", "", "stage: deployment, stageStatus: success".to_owned(), Level::Progressing, "grafana-stage"),
            ("Grafana", "suspend: true", String::new(), Level::Suspended, "suspended"),
            ("Grafana", "", String::new(), Level::Fail, "no-status"),
            ("GrafanaDashboard", "", format!("conditions: [{applied}]"), Level::Ok, "grafana-applied"),
            (
                "GrafanaDashboard",
                "",
                format!("conditions: [{applied}], lastResync: '2026-11-10T00:00:00Z'"),
                Level::Warn,
                "grafana-waits",
            ),
            (
                "GrafanaDashboard",
                "",
                "conditions: [{type: DashboardSynchronized, status: 'True', observedGeneration: 1}]".to_owned(),
                Level::Progressing,
                "generation-not-observed",
            ),
            (
                "GrafanaDashboard",
                "",
                "conditions: [{type: DashboardSynchronized, status: 'False', reason: ApplyFailed}]".to_owned(),
                Level::Fail,
                "grafana-not-applied",
            ),
            (
                "GrafanaFolder",
                "",
                "conditions: [{type: FolderSynchronized, status: 'True'}, {type: FolderUIDMismatch, status: 'False'}]"
                    .to_owned(),
                Level::Ok,
                "grafana-applied",
            ),
            (
                "GrafanaFolder",
                "",
                "conditions: [{type: FolderSynchronized, status: 'True'}, {type: FolderUIDMismatch, status: 'True'}]"
                    .to_owned(),
                Level::Fail,
                "grafana-not-applied",
            ),
            ("GrafanaDatasource", "", "uid: ''".to_owned(), Level::Progressing, "grafana-waits"),
            ("GrafanaDatasource", "", "uid: abc".to_owned(), Level::Ok, "grafana-applied"),
            (
                "GrafanaDatasource",
                "",
                "NoMatchingInstances: true, uid: abc".to_owned(),
                Level::Fail,
                "grafana-not-applied",
            ),
        ] {
            expect(&object(kind, spec, &status), kind, "it", level, code);
        }
    }
}

//! Argo Rollouts: canaries and blue-green changes, and the analyses that judge them.

use super::table::Rule;
use super::{Related, culprit, precedence};
use crate::object::{Custom, Object, ObjectRef, find_condition};
use crate::report::{Verdict, codes};
use crate::text;
use jiff::Timestamp;
use serde_json::Value;

codes! {
    HEALTHY = "argo-rollout-healthy", "The rollout is complete", "The wanted version runs and gets the traffic.", "Nothing to do.";
    WORKS = "argo-rollout-progressing", "The rollout is on its way",
        "New pods start, steps are taken, or old pods go.", "Nothing to do but wait.";
    PAUSED = "argo-rollout-paused", "The rollout is paused",
        "A pause step is reached or somebody has paused it: the stable version and the new one both run.",
        "`kubectl argo rollouts promote NAME` goes on, `… abort NAME` goes back.", Final;
    INCONCLUSIVE = "argo-rollout-inconclusive", "The rollout waits, its analysis was inconclusive",
        "A measurement was neither good nor bad, so the rollout waits for a decision that nobody was asked for.",
        "Look at the AnalysisRun, then `kubectl argo rollouts promote NAME` or `abort NAME`.", Final;
    ABORTED = "argo-rollout-aborted", "The rollout was aborted",
        "An analysis failed or somebody gave it up. The stable version serves; what Git asks for does not run.",
        "Look at the AnalysisRun that failed; correct the version, or `kubectl argo rollouts retry rollout NAME`.", Final;
    DEGRADED = "argo-rollout-degraded", "The rollout has failed",
        "The new version did not get ready within its deadline, or the definition is not valid.",
        "Look at the pods of the newest ReplicaSet.";
    ANALYSIS_DONE = "argo-analysis-successful", "The analysis is good", "All measurements were within their bounds.", "Nothing to do.";
    ANALYSIS_RUNS = "argo-analysis-running", "The analysis is at work", "Measurements are taken.", "Nothing to do but wait.", Work;
    ANALYSIS_FAILED = "argo-analysis-failed", "The analysis has failed",
        "A metric was out of bounds too often, or could not be measured (Error).",
        "Read the metric that is named; with Error look at its provider (mostly Prometheus).", Final;
    ANALYSIS_OPEN = "argo-analysis-inconclusive", "The analysis is inconclusive",
        "A measurement was neither a success nor a failure by the conditions of its metric.",
        "Decide by hand: promote or abort the rollout.", Final;
    ANALYSIS_PAST = "argo-analysis-past", "A failed analysis of an earlier try",
        "The rollout that it belongs to has become healthy since.", "Nothing to do.";
}

const GROUP: &str = "argoproj.io";

/// The rows of this family.
pub(super) const RULES: &[Rule] = &[
    Rule::new(GROUP, "Rollout", rollout),
    Rule::new(GROUP, "AnalysisRun", analysis),
    Rule::new(GROUP, "Experiment", analysis),
];

/// A number that is written as one or as text.
fn number(custom: &Custom, pointer: &str) -> Option<i64> {
    custom.status_number(pointer).or_else(|| custom.status_text(pointer).parse().ok())
}

/// Whether the controller has looked at this generation: `utils/rollout/rolloututil.go`. Before 0.10
/// the field holds a hash, which may look like a number that is too great.
fn is_observed(object: &Object, custom: &Custom) -> bool {
    let own = match (number(custom, "/observedGeneration"), object.meta.generation) {
        (Some(seen), Some(now)) => seen >= now,
        _ => true,
    };
    let asked = object.meta.annotations.get("rollout.argoproj.io/workload-generation");
    let asked = asked.filter(|_| custom.spec_at("/workloadRef").is_some()).and_then(|text| text.parse::<i64>().ok());
    own && asked.is_none_or(|asked| number(custom, "/workloadObservedGeneration") == Some(asked))
}

/// Since 1.0 the controller writes the phase; before that it follows from counts and hashes. Levels as
/// in Argo CD's `argoproj.io/Rollout/health.lua`.
fn rollout(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return culprit::unreadable() };
    if !custom.has_status || custom.status.as_object().is_some_and(serde_json::Map::is_empty) {
        return precedence::no_status(object, None, related, now);
    }
    if !is_observed(object, custom) {
        return Verdict::progressing(&precedence::NOT_OBSERVED, "the controller has not looked at the last change yet");
    }
    let said = custom.status_text("/message").trim();
    let conditions = custom.conditions();
    let progressing = find_condition(&conditions, "Progressing");
    let because = |reason: &str| progressing.filter(|it| &*it.reason == reason);
    let invalid = find_condition(&conditions, "InvalidSpec").filter(|it| !it.is_false());
    let has_phase = !custom.status_text("/phase").is_empty();
    let word = |fallback: &str| if said.is_empty() { fallback.to_owned() } else { said.to_owned() };
    match custom.status_text("/phase") {
        "Healthy" => return Verdict::ok(&HEALTHY, counts(custom)),
        "Paused" => return paused(custom, said, related, now),
        "Progressing" => {
            let text = format!("{} ({})", word("is on its way"), counts(custom));
            return culprit::descend(
                Verdict::progressing(&WORKS, text),
                &DEGRADED,
                related.pods_owned_by(object),
                related,
                now,
            );
        }
        _ => {}
    }
    let aborted = because("RolloutAborted");
    let is_aborted = aborted.is_some() || has_phase && custom.status_at("/abort") == Some(&Value::Bool(true));
    let failed = invalid.or(aborted).or_else(|| because("ProgressDeadlineExceeded"));
    if has_phase || failed.is_some() {
        let code = if is_aborted && invalid.is_none() { &ABORTED } else { &DEGRADED };
        let text = failed.filter(|_| said.is_empty()).map_or_else(|| word("degraded"), |it| (*it.message).to_owned());
        let since = culprit::time(custom, "/abortedAt").or(failed.and_then(|it| it.since()));
        let verdict = with_analysis(Verdict::fail(code, text).since(since), object, custom, related, now);
        return culprit::pods(verdict, related.pods_owned_by(object), related, now);
    }
    legacy(custom, related, now)
}

/// `3 of 3 replicas available`
fn counts(custom: &Custom) -> String {
    let available = custom.status_number("/availableReplicas").unwrap_or(0);
    format!("{available} of {} replicas available", custom.spec_number("/replicas").unwrap_or(1))
}

fn paused(custom: &Custom, said: &str, related: &Related<'_>, now: Timestamp) -> Verdict {
    let first = custom.status_list("/pauseConditions").first();
    let text = |field: &str| first.and_then(|pause| pause.get(field)).and_then(Value::as_str).unwrap_or_default();
    let since: Option<Timestamp> = text("startTime").parse().ok();
    let mut verdict = precedence::suspended("", since, related, now);
    verdict.code = &PAUSED;
    let step = custom.status_number("/currentStepIndex").filter(|_| text("reason") == "CanaryPauseStep");
    let index = step.and_then(|step| usize::try_from(step).ok());
    let duration = index.and_then(|index| custom.spec_at(&format!("/strategy/canary/steps/{index}/pause/duration")));
    let how = match (text("reason"), said) {
        ("", "") => "spec.paused".to_owned(),
        ("", said) => said.to_owned(),
        (reason, _) => reason.to_owned(),
    };
    let end = match (step, duration) {
        (Some(step), Some(_)) => format!(" at step {step}, for a set time"),
        (Some(step), None) => format!(" at step {step}, until somebody promotes or aborts it"),
        (None, _) => String::new(),
    };
    verdict.message = format!("paused: {how}{end}").into();
    if text("reason") == "InconclusiveAnalysisRun" {
        let age = since.map_or_else(String::new, |since| format!(" for {}", text::age(since, now)));
        let note = format!("waits for a decision{age}: its analysis was inconclusive");
        verdict.more.push(Verdict::warn(&INCONCLUSIVE, note).since(since));
    }
    verdict
}

/// The analyses that the status names, where they failed.
fn with_analysis(verdict: Verdict, object: &Object, custom: &Custom, related: &Related<'_>, now: Timestamp) -> Verdict {
    let places = [
        "/canary/currentStepAnalysisRunStatus",
        "/canary/currentBackgroundAnalysisRunStatus",
        "/blueGreen/prePromotionAnalysisRunStatus",
        "/blueGreen/postPromotionAnalysisRunStatus",
    ];
    places.into_iter().fold(verdict, |verdict, place| {
        if !matches!(custom.status_text(&format!("{place}/status")), "Failed" | "Error") {
            return verdict;
        }
        let name = custom.status_text(&format!("{place}/name"));
        let run = ObjectRef::new(GROUP, "AnalysisRun", &object.meta.namespace, name);
        culprit::object_if_found(verdict, run, related, now)
    })
}

/// Controllers before 1.0 write no phase.
fn legacy(custom: &Custom, related: &Related<'_>, now: Timestamp) -> Verdict {
    if custom.spec_true("/paused") || !custom.status_list("/pauseConditions").is_empty() {
        return paused(custom, "", related, now);
    }
    let waits = |why: &str| Verdict::progressing(&WORKS, format!("{why} ({})", counts(custom)));
    let hash = custom.status_text("/currentPodHash");
    if hash.is_empty() {
        return waits("the status is not complete yet");
    }
    let count = |pointer: &str| custom.status_number(pointer).unwrap_or(0);
    let updated = count("/updatedReplicas");
    if updated < custom.spec_number("/replicas").unwrap_or(1) {
        return waits("more replicas need to be updated");
    }
    if count("/availableReplicas") < updated {
        return waits("updated replicas become available");
    }
    let stable = match custom.status_text("/stableRS") {
        "" => custom.status_text("/canary/stableRS"),
        stable => stable,
    };
    if custom.spec_at("/strategy/blueGreen").is_some() {
        if custom.status_text("/blueGreen/activeSelector") != hash {
            return waits("the active service does not lead to the new version yet");
        }
        if !stable.is_empty() && stable != hash {
            return waits("an analysis is at work");
        }
    } else if custom.spec_at("/strategy/canary").is_some() {
        if count("/replicas") > updated {
            return waits("old replicas have still to go");
        }
        if stable != hash {
            return waits("steps are left");
        }
    }
    Verdict::ok(&HEALTHY, counts(custom))
}

/// `pkg/apis/rollouts/v1alpha1/analysis_types.go` and `experiment_types.go`; levels as in Argo CD's
/// scripts, but a failed analysis is history once its rollout is healthy.
fn analysis(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return culprit::unreadable() };
    let phase = custom.status_text("/phase");
    let said = custom.status_text("/message").trim();
    let said = if said.is_empty() { phase.to_owned() } else { format!("{phase}: {said}") };
    let ended = culprit::time(custom, "/completedAt").or_else(|| culprit::time(custom, "/startedAt"));
    let verdict = match phase {
        "" if !custom.has_status => return precedence::no_status(object, None, related, now),
        "" | "Pending" | "Running" => {
            let text = if said.is_empty() { "has not begun".to_owned() } else { said };
            return Verdict::progressing(&ANALYSIS_RUNS, text);
        }
        "Successful" => return Verdict::ok(&ANALYSIS_DONE, "successful").since(ended),
        "Inconclusive" => Verdict::unknown(&ANALYSIS_OPEN, said),
        "Failed" | "Error" => Verdict::fail(&ANALYSIS_FAILED, said),
        _ => return Verdict::unknown(&ANALYSIS_RUNS, format!("has an unknown phase: {phase}")),
    };
    let owner = object.meta.controller().and_then(|owner| related.inventory.by_uid(owner.uid));
    let is_past = owner
        .filter(|owner| owner.is(GROUP, "Rollout"))
        .and_then(Object::custom)
        .is_some_and(|rollout| rollout.status_text("/phase") == "Healthy");
    if is_past {
        return Verdict::ok(&ANALYSIS_PAST, format!("{}; the rollout is healthy since", verdict.message)).since(ended);
    }
    let lists = ["/metricResults", "/templateStatuses", "/analysisRuns"].into_iter();
    let parts = lists.flat_map(|list| custom.status_list(list)).filter_map(part);
    parts.take(10).fold(verdict.since(ended), Verdict::evidence)
}

/// A metric, template or analysis that is not good.
fn part(part: &Value) -> Option<String> {
    let text = |field: &str| part.get(field).and_then(Value::as_str).unwrap_or_default().trim();
    let state = if text("phase").is_empty() { text("status") } else { text("phase") };
    if !matches!(state, "Failed" | "Error" | "Inconclusive") {
        return None;
    }
    let said = if text("message").is_empty() { String::new() } else { format!(": {}", text("message")) };
    Some(format!("{} is {state}{said}", text("name")))
}

#[cfg(test)]
mod tests {
    use crate::health::testing::{expect, judge};
    use crate::report::Level;

    fn object(kind: &str, name: &str, more: &str, spec: &str, status: &str) -> String {
        format!(
            "---
apiVersion: argoproj.io/v1alpha1
kind: {kind}
metadata: {{name: {name}, namespace: ml, generation: 2{more}}}
spec: {{{spec}}}
status: {{{status}}}
"
        )
    }

    #[test]
    fn phases_of_rollouts() {
        let pause =
            "pauseConditions: [{reason: CanaryPauseStep, startTime: '2026-11-20T02:00:00Z'}], currentStepIndex: 1";
        let done = "currentPodHash: a, updatedReplicas: 1, availableReplicas: 1, replicas: 1, stableRS: a";
        for (spec, status, level, code) in [
            (
                "replicas: 3",
                "observedGeneration: '2', phase: Healthy, availableReplicas: 3".to_owned(),
                Level::Ok,
                "argo-rollout-healthy",
            ),
            ("", "observedGeneration: '1', phase: Healthy".to_owned(), Level::Progressing, "generation-not-observed"),
            // A hash of an old controller.
            ("", "observedGeneration: 7d9f, phase: Healthy".to_owned(), Level::Ok, "argo-rollout-healthy"),
            ("", "observedGeneration: '77777', phase: Healthy".to_owned(), Level::Ok, "argo-rollout-healthy"),
            (
                "",
                "phase: Progressing, message: more replicas".to_owned(),
                Level::Progressing,
                "argo-rollout-progressing",
            ),
            ("", format!("phase: Paused, message: CanaryPauseStep, {pause}"), Level::Suspended, "argo-rollout-paused"),
            ("", "phase: Degraded, message: ProgressDeadlineExceeded".to_owned(), Level::Fail, "argo-rollout-degraded"),
            (
                "",
                "phase: Degraded, abort: true, message: RolloutAborted".to_owned(),
                Level::Fail,
                "argo-rollout-aborted",
            ),
            (
                "",
                "phase: [], observedGeneration: {}, abort: maybe".to_owned(),
                Level::Progressing,
                "argo-rollout-progressing",
            ),
            // Before 1.0.
            ("strategy: {canary: {}}", done.to_owned(), Level::Ok, "argo-rollout-healthy"),
            ("strategy: {canary: {}}, replicas: 2", done.to_owned(), Level::Progressing, "argo-rollout-progressing"),
            ("strategy: {blueGreen: {}}", done.to_owned(), Level::Progressing, "argo-rollout-progressing"),
            ("paused: true", done.to_owned(), Level::Suspended, "argo-rollout-paused"),
            (
                "",
                format!(
                    "{done}, conditions: [{{type: Progressing, status: 'False', reason: RolloutAborted, message: m}}]"
                ),
                Level::Fail,
                "argo-rollout-aborted",
            ),
            (
                "",
                format!("{done}, conditions: [{{type: InvalidSpec, status: 'True', message: m}}]"),
                Level::Fail,
                "argo-rollout-degraded",
            ),
        ] {
            expect(&object("Rollout", "r", "", spec, &status)[4..], "Rollout", "r", level, code);
        }
        let steps = "strategy: {canary: {steps: [{setWeight: 20}, {pause: {}}]}}";
        let verdict =
            judge(&object("Rollout", "r", "", steps, &format!("phase: Paused, {pause}"))[4..], "Rollout", "r");
        assert_eq!(verdict.message, "paused: CanaryPauseStep at step 1, until somebody promotes or aborts it");
        let open =
            "phase: Paused, pauseConditions: [{reason: InconclusiveAnalysisRun, startTime: '2026-11-20T02:00:00Z'}]";
        let verdict = judge(&object("Rollout", "r", "", "", open)[4..], "Rollout", "r");
        assert_eq!((verdict.level, verdict.more[0].code.id), (Level::Suspended, "argo-rollout-inconclusive"));
    }

    #[test]
    fn a_referenced_workload_has_a_generation_of_its_own() {
        let more = ", annotations: {rollout.argoproj.io/workload-generation: '3'}";
        let judge = |seen: &str, level| {
            let status = format!("phase: Healthy, workloadObservedGeneration: '{seen}'");
            let yaml = object("Rollout", "r", more, "workloadRef: {kind: Deployment, name: d}", &status);
            assert_eq!(judge(&yaml[4..], "Rollout", "r").level, level);
        };
        judge("2", Level::Progressing);
        judge("3", Level::Ok);
    }

    #[test]
    fn analyses_and_their_rollout() {
        for (kind, status, level, code) in [
            ("AnalysisRun", "phase: Successful", Level::Ok, "argo-analysis-successful"),
            ("AnalysisRun", "phase: Running", Level::Progressing, "argo-analysis-running"),
            ("AnalysisRun", "phase: Inconclusive", Level::Unknown, "argo-analysis-inconclusive"),
            ("Experiment", "phase: Error", Level::Fail, "argo-analysis-failed"),
            ("Experiment", "phase: 3, metricResults: {}", Level::Progressing, "argo-analysis-running"),
        ] {
            expect(&object(kind, "a", "", "", status)[4..], kind, "a", level, code);
        }
        let owner = ", ownerReferences: [{apiVersion: argoproj.io/v1alpha1, kind: Rollout, name: r, uid: u1, controller: true}]";
        let run = object(
            "AnalysisRun",
            "a",
            owner,
            "",
            "phase: Failed, metricResults: [{name: errors, phase: Failed, message: 5 of 5}]",
        );
        let degraded = object(
            "Rollout",
            "r",
            ", uid: u1",
            "",
            "phase: Degraded, abort: true, canary: {currentStepAnalysisRunStatus: {name: a, status: Failed}}",
        );
        let both = run.clone() + &degraded;
        let verdict = judge(&both[4..], "Rollout", "r");
        assert_eq!(verdict.blames[0].to_string(), "AnalysisRun/ml/a");
        assert_eq!(judge(&both[4..], "AnalysisRun", "a").evidence, ["errors is Failed: 5 of 5"]);
        let healthy = run + &object("Rollout", "r", ", uid: u1", "", "phase: Healthy");
        expect(&healthy[4..], "AnalysisRun", "a", Level::Ok, "argo-analysis-past");
    }
}

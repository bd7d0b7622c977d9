//! Names the objects that explain a custom resource which does not work.

use super::{Related, lead_condition, pod, precedence};
use crate::object::{Custom, Lookup, Object, ObjectRef, find_condition};
use crate::report::{Code, Level, Verdict};
use crate::text;
use jiff::Timestamp;

/// The verdict of an object whose content is no JSON object.
pub(super) fn unreadable() -> Verdict {
    Verdict::unknown(&precedence::OBJECT_UNREADABLE, "has not the shape of its kind")
}

/// The time at a JSON pointer below `status`.
pub(super) fn time(custom: &Custom, pointer: &str) -> Option<Timestamp> {
    custom.status_text(pointer).parse().ok()
}

/// The worst of these pods, where it is a warning or worse, as evidence and as the cause.
pub(super) fn pods<'a>(
    verdict: Verdict,
    pods: impl IntoIterator<Item = &'a Object>,
    related: &Related<'_>,
    now: Timestamp,
) -> Verdict {
    match pod::worst_pod(pods, related, now) {
        Some((pod, state)) if state.level >= Level::Warn => {
            verdict.evidence(format!("pod {}: {}", pod.meta.name, state.message)).blame(pod.reference())
        }
        _ => verdict,
    }
}

/// What is on its way while one of its pods fails has failed.
pub(super) fn descend<'a>(
    verdict: Verdict,
    failed: &'static Code,
    pods: impl IntoIterator<Item = &'a Object>,
    related: &Related<'_>,
    now: Timestamp,
) -> Verdict {
    match pod::worst_pod(pods, related, now) {
        Some((pod, state)) if state.level == Level::Fail => Verdict::fail(failed, verdict.message.clone())
            .since(state.since.or(verdict.since))
            .evidence(format!("pod {}: {}", pod.meta.name, state.message))
            .blame(pod.reference()),
        _ => verdict,
    }
}

/// Another object that this one cannot do without: named as the cause where it is not well, or was
/// looked for and is not there.
pub(super) fn object(verdict: Verdict, target: ObjectRef, related: &Related<'_>, now: Timestamp) -> Verdict {
    if target.name.is_empty() {
        return verdict;
    }
    match related.inventory.find(&target) {
        Lookup::Found(found) => {
            let state = super::assess(found, related, now);
            if state.level < Level::Warn {
                return verdict;
            }
            verdict.evidence(format!("{} {}: {}", target.kind, target.name, state.message)).blame(target)
        }
        Lookup::Missing => verdict.evidence(format!("{} {} does not exist", target.kind, target.name)).blame(target),
        Lookup::Unread => verdict,
    }
}

/// As [`object`], for a reference to a kind that the object's author chose. A custom resource is asked
/// only whether it says Ready=False: judging it by its own rule could lead back here.
pub(super) fn reference(verdict: Verdict, target: ObjectRef, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = related.inventory.find(&target).found().and_then(Object::custom) else {
        return object(verdict, target, related, now);
    };
    match find_condition(&custom.conditions(), "Ready").filter(|ready| ready.is_false()) {
        Some(ready) => {
            let said = lead_condition::said(ready);
            verdict.evidence(format!("{} {}: {said}", target.kind, target.name)).blame(target)
        }
        None => verdict,
    }
}

/// As [`object`], where an object that is not there is no cause: what has ended takes its parts along.
pub(super) fn object_if_found(verdict: Verdict, target: ObjectRef, related: &Related<'_>, now: Timestamp) -> Verdict {
    if related.inventory.find(&target).found().is_none() {
        return verdict;
    }
    object(verdict, target, related, now)
}

/// Held on purpose; where a queue holds it, which one.
pub(super) fn held(
    how: &str,
    since: Option<Timestamp>,
    object: &Object,
    related: &Related<'_>,
    now: Timestamp,
) -> Verdict {
    let mut verdict = precedence::suspended(how, since, related, now);
    match object.meta.labels.get("kueue.x-k8s.io/queue-name") {
        Some(queue) => {
            // Its queue has not forgotten it.
            verdict.more.clear();
            verdict.evidence(format!("waits in the queue {queue}"))
        }
        None => verdict,
    }
}

/// On the way. Once that has lasted for more than `limit` seconds since `since`, a warning beside it
/// says so: the object still is what its controller says that it is.
pub(super) fn on_the_way(
    code: &'static Code,
    late: &'static Code,
    message: &str,
    since: Option<Timestamp>,
    limit: i64,
    now: Timestamp,
) -> Verdict {
    let mut verdict = Verdict::progressing(code, message.to_owned()).since(since);
    if let Some(since) = since.filter(|since| now.duration_since(*since).as_secs() > limit) {
        let note = format!("has been on its way for {}: {message}", text::age(since, now));
        verdict.more.push(Verdict::warn(late, note).since(Some(since)));
    }
    verdict
}

#[cfg(test)]
mod tests {
    use crate::health::table::RULES;
    use crate::health::testing::judge;

    /// Every rule for a custom kind, over content of any shape: a verdict, and no panic.
    #[test]
    fn content_of_any_shape_gets_a_verdict() {
        let fields = "conditions phase state modelStatus nodes jobStatus jobDeploymentStatus serviceStatus components
            activeServiceStatus pendingServiceStatus replicaStatuses containerState jobsStatus pauseConditions suspend paused
            replicas readyReplicas currentStepIndex strategy canary blueGreen metricResults admissionChecks resourceGroups
            stopPolicy queueName queue replicatedJobsStatus restarts message reason startedAt finishedAt observedGeneration
            desiredWorkerReplicas stateTransitionTimes schedules schedule lastScheduledTime predictor traffic sink ref
            runtimeRef trials trialsFailed failed backoffLimit active url mode broker inferenceService failedTrialList";
        let values = [
            "null",
            "1",
            "-9223372036854775808",
            "9223372036854775807",
            "1.5e308",
            "true",
            "''",
            "\"\\u202e\\u0000é\"",
            "[]",
            "[null, 1, [], {}]",
            "{}",
            "{type: Ready, status: 'False', phase: Failed, name: it}",
            "[{type: Ready, status: 'False', reason: [], message: {}, lastTransitionTime: '9999-12-31T23:59:59Z'}]",
            "[{name: it, state: Rejected, phase: Failed, flavors: [it, {name: 1}], serviceName: it}]",
            "'9999-12-31T23:59:59Z'",
            "'-0001-01-01T00:00:00Z'",
        ];
        for rule in RULES.iter().flat_map(|family| family.iter()).filter(|rule| rule.group.contains('.')) {
            for value in values {
                let all = fields.split_whitespace().map(|field| format!("{field}: {value}"));
                let all = all.collect::<Vec<_>>().join(", ");
                let yaml = format!(
                    "{{apiVersion: {}/v1, kind: {}, metadata: {{name: it, namespace: ml, uid: u1}}, spec: {{{all}}}, status: {{{all}}}}}",
                    rule.group, rule.kind
                );
                let verdict = judge(&yaml, rule.kind, "it");
                assert!(!verdict.message.is_empty(), "{} with {value}", rule.kind);
            }
            for value in ["null", "1", "[]", "x"] {
                let yaml = format!(
                    "{{apiVersion: {}/v1, kind: {}, metadata: {{name: it}}, spec: {value}, status: {value}}}",
                    rule.group, rule.kind
                );
                judge(&yaml, rule.kind, "it");
            }
        }
    }
}

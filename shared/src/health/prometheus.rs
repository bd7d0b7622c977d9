//! What prometheus-operator runs: Prometheus, its agents, Alertmanager and the Thanos ruler.

use super::table::Rule;
use super::{Related, lead_condition, precedence};
use crate::object::{Condition, Custom, Object, find_condition};
use crate::report::{Level, Verdict, codes};
use crate::text;
use jiff::Timestamp;

codes! {
    AVAILABLE = "prometheus-available", "All instances are available",
        "The operator's Available condition is True.",
        "Nothing to do.";
    SOME_DOWN = "prometheus-some-not-ready", "Some instances are not ready",
        "Instances start, or one of them does not. The others go on scraping or alerting; what only the missing one would see (a shard) is lost.",
        "Look at the pods that are not ready.";
    DOWN = "prometheus-down", "No instance is available",
        "Nothing is scraped, no rule is evaluated, no alert is sent.",
        "Look at the StatefulSet's pods; the message is the operator's own.";
    NOT_RECONCILED = "prometheus-not-reconciled", "The operator cannot apply the spec",
        "The instances run with their last configuration: changed monitors, rules and settings do not reach them.",
        "Read the message; mostly a Secret is missing or a field is not valid.";
    STARTS = "prometheus-starts", "The operator has not reported yet",
        "There is no Available condition yet.",
        "Nothing to do but wait.";
}

const GROUP: &str = "monitoring.coreos.com";

/// The rows of this family.
pub(super) const RULES: &[Rule] = &[
    Rule::new(GROUP, "Prometheus", assess),
    Rule::new(GROUP, "PrometheusAgent", assess),
    Rule::new(GROUP, "Alertmanager", assess),
    Rule::new(GROUP, "ThanosRuler", assess),
];

/// Conditions as in prometheus-operator `pkg/operator/status.go` (`Available` is True, Degraded or
/// False, `Reconciled` True or False); the level of Available as in Argo CD's
/// `monitoring.coreos.com/Prometheus/health.lua`, with a deadline for instances that do not come.
fn assess(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else {
        return Verdict::unknown(&precedence::OBJECT_UNREADABLE, "has not the shape of its kind");
    };
    let found = by_status(object, custom, related, now);
    if !custom.spec_true("/paused") {
        return found;
    }
    // The instances of a paused object run on: that they do not is worth more than the pause.
    let paused = precedence::suspended("spec.paused", None, related, now);
    if found.level >= Level::Warn { found.and(paused) } else { paused.evidence(found.message.into_owned()) }
}

fn by_status(object: &Object, custom: &Custom, related: &Related<'_>, now: Timestamp) -> Verdict {
    let conditions = custom.conditions();
    let Some(available) = find_condition(&conditions, "Available") else {
        // Operators before 0.58 wrote no conditions: then the StatefulSet tells.
        let owned = related.inventory.owned_by(object.meta.uid).find(|child| child.is("apps", "StatefulSet"));
        return match owned {
            Some(set) if conditions.is_empty() => {
                Verdict::ok(&AVAILABLE, format!("runs as StatefulSet {}", set.meta.name))
            }
            _ if conditions.is_empty() => precedence::no_status(object, None, related, now),
            _ => Verdict::progressing(&STARTS, "no Available condition yet"),
        };
    };
    let verdict = availability(custom, available, related, now);
    let reconciled = find_condition(&conditions, "Reconciled");
    let verdict = match reconciled.filter(|condition| condition.is_false()) {
        Some(failed) => {
            let message = format!("the operator cannot apply the spec: {}", lead_condition::said(failed));
            verdict.and(Verdict::warn(&NOT_RECONCILED, message).since(failed.since()))
        }
        None => verdict,
    };
    if verdict.level > Level::Ok {
        return verdict;
    }
    let observed = reconciled.unwrap_or(available).observed_generation.filter(|seen| *seen > 0);
    precedence::generation(object, observed, related, now).unwrap_or(verdict)
}

fn availability(custom: &Custom, available: &Condition, related: &Related<'_>, now: Timestamp) -> Verdict {
    let since = available.since();
    let count = counts(custom);
    if available.is_true() {
        let message = count.unwrap_or_else(|| "all instances are available".to_owned());
        return Verdict::ok(&AVAILABLE, message).since(since);
    }
    let said = lead_condition::said(available);
    let message = match count {
        Some(count) => format!("{count}: {said}"),
        None => said,
    };
    let verdict = if &*available.reason == "SomePodsNotReady" {
        let late = since.filter(|since| now.duration_since(*since).as_secs() > related.limits.progress_seconds);
        let nobody = custom.status_number("/availableReplicas") == Some(0);
        match late {
            Some(_) if nobody => Verdict::fail(&DOWN, message),
            Some(late) => Verdict::warn(&SOME_DOWN, format!("{message}, for {}", text::age(late, now))),
            None => Verdict::progressing(&SOME_DOWN, message),
        }
    } else {
        Verdict::fail(&DOWN, message)
    };
    shards(custom).into_iter().fold(verdict.since(since), Verdict::evidence)
}

/// `1 of 2 instances available`, by the spec where the status counts none.
fn counts(custom: &Custom) -> Option<String> {
    let available = custom.status_number("/availableReplicas")?;
    let shards = custom.spec_number("/shards").unwrap_or(1).max(1);
    let asked = custom.spec_number("/replicas").map(|replicas| replicas.saturating_mul(shards));
    let wanted = asked.or_else(|| custom.status_number("/replicas"))?;
    Some(format!("{available} of {wanted} instances available"))
}

/// A line a shard that lacks instances.
fn shards(custom: &Custom) -> Vec<String> {
    let all = custom.status_list("/shardStatuses");
    let short = all.iter().filter_map(|shard| {
        let missing = shard.get("unavailableReplicas")?.as_i64().filter(|count| *count > 0)?;
        let id = shard.get("shardID")?.as_str()?;
        Some(format!("shard {id}: {missing} not available"))
    });
    if all.len() < 2 { Vec::new() } else { short.take(20).collect() }
}

#[cfg(test)]
mod tests {
    use crate::health::testing::{expect, judge};
    use crate::report::Level;

    fn prometheus(spec: &str, status: &str) -> String {
        format!(
            "apiVersion: monitoring.coreos.com/v1
kind: Prometheus
metadata: {{name: k8s, namespace: mon, generation: 3, creationTimestamp: '2026-09-01T00:00:00Z'}}
spec: {{replicas: 2, shards: 2{spec}}}
status: {{{status}}}
"
        )
    }

    const OLD: &str = "lastTransitionTime: '2026-11-19T00:00:00Z'";

    #[test]
    fn availability_and_reconciliation_decide() {
        for (status, level, code) in [
            (
                "availableReplicas: 4, conditions: [{type: Available, status: 'True'}, {type: Reconciled, status: 'True'}]"
                    .to_owned(),
                Level::Ok,
                "prometheus-available",
            ),
            (
                "availableReplicas: 3, conditions: [{type: Available, status: Degraded, reason: SomePodsNotReady,
                  lastTransitionTime: '2026-11-20T02:55:00Z'}]"
                    .to_owned(),
                Level::Progressing,
                "prometheus-some-not-ready",
            ),
            (
                format!("availableReplicas: 3, conditions: [{{type: Available, status: Degraded, reason: SomePodsNotReady, {OLD}}}]"),
                Level::Warn,
                "prometheus-some-not-ready",
            ),
            (
                format!("availableReplicas: 0, conditions: [{{type: Available, status: 'False', reason: NoPodReady, {OLD}}}]"),
                Level::Fail,
                "prometheus-down",
            ),
            (
                "conditions: [{type: Available, status: 'True'},
                 {type: Reconciled, status: 'False', reason: ReconciliationFailed, message: no secret}]"
                    .to_owned(),
                Level::Warn,
                "prometheus-not-reconciled",
            ),
            (
                "conditions: [{type: Available, status: 'True'}, {type: Reconciled, status: 'True', observedGeneration: 2}]"
                    .to_owned(),
                Level::Progressing,
                "generation-not-observed",
            ),
            (String::new(), Level::Fail, "no-status"),
        ] {
            expect(&prometheus("", &status), "Prometheus", "k8s", level, code);
        }
    }

    #[test]
    fn a_pause_is_told_and_does_not_hide_that_nothing_runs() {
        let well = "conditions: [{type: Available, status: 'True'}]";
        expect(&prometheus(", paused: true", well), "Prometheus", "k8s", Level::Suspended, "suspended");
        let down = "conditions: [{type: Available, status: 'False', reason: NoPodReady}]";
        let verdict = judge(&prometheus(", paused: true", down), "Prometheus", "k8s");
        assert_eq!((verdict.level, verdict.code.id), (Level::Fail, "prometheus-down"));
        assert_eq!(verdict.more[0].code.id, "suspended");
    }

    #[test]
    fn numbers_are_told_by_shard() {
        let status = "availableReplicas: 3, shardStatuses: [{shardID: '0', unavailableReplicas: 0},
            {shardID: '1', unavailableReplicas: 1}], conditions: [{type: Available, status: Degraded, reason: SomePodsNotReady}]";
        let verdict = judge(&prometheus("", status), "Prometheus", "k8s");
        assert!(verdict.message.starts_with("3 of 4 instances available"), "{}", verdict.message);
        assert_eq!(verdict.evidence, ["shard 1: 1 not available"]);
    }
}

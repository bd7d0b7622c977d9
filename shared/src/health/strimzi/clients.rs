//! Topics, users, Kafka Connect with its connectors, MirrorMaker 2 and the HTTP bridge.

use super::*;
use serde_json::Value;

fn unreadable() -> Verdict {
    Verdict::unknown(&precedence::OBJECT_UNREADABLE, "holds neither spec nor status")
}

/// The verdict of a topic.
pub(super) fn topic(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return unreadable() };
    let mut verdict = state(object, custom, related, now);
    let change = custom.status_text("/replicasChange/state");
    if verdict.level != Level::Suspended && !change.is_empty() {
        let target = custom.status_number("/replicasChange/targetReplicas").unwrap_or_default();
        let why = custom.status_text("/replicasChange/message");
        let message = format!("change to {target} replicas is {change}");
        let finding = if why.is_empty() {
            Verdict::progressing(&KAFKA_TOPIC_REPLICAS, message)
        } else {
            Verdict::warn(&KAFKA_TOPIC_REPLICAS, format!("{message}: {why}"))
        };
        verdict = verdict.and(finding);
    }
    with_cluster(verdict, object, "Kafka", related, now)
}

/// The verdict of a user.
pub(super) fn user(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return unreadable() };
    with_cluster(state(object, custom, related, now), object, "Kafka", related, now)
}

/// The verdict of a KafkaConnect, KafkaMirrorMaker2 or KafkaBridge: conditions, pods, connectors.
pub(super) fn connect(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return unreadable() };
    let mut verdict = state(object, custom, related, now);
    if verdict.level == Level::Suspended {
        return verdict;
    }
    for entry in custom.status_list("/connectors").iter().take(100) {
        verdict = run_state(verdict, entry);
    }
    let wanted = usize::try_from(custom.spec_number("/replicas").unwrap_or(0)).unwrap_or(0);
    if wanted == 0 || !related.inventory.was_read("", "Pod", &object.meta.namespace) {
        return verdict;
    }
    let pods: Vec<&Object> = related
        .pods_labelled(&object.meta.namespace, CLUSTER_LABEL, &object.meta.name)
        .filter(|pod| pod.meta.labels.has("strimzi.io/kind", &object.ty.kind))
        .collect();
    let ready = pods.len() - unready(&pods).len();
    // No pod at all is said by the operator's conditions; without labels nothing can be counted.
    if pods.is_empty() || ready >= wanted {
        return verdict;
    }
    let message = format!("{ready} of {} ready", text::plural(wanted, "pod"));
    let level = match verdict.level {
        Level::Progressing => Level::Progressing,
        _ if ready == 0 => Level::Fail,
        _ => Level::Warn,
    };
    let finding = blame_pods(Verdict::new(level, &KAFKA_PODS, message), &pods, related, now);
    let causes = finding.blames.clone();
    let mut verdict = verdict.and(finding);
    for cause in causes {
        verdict = verdict.blame(cause);
    }
    verdict
}

/// The verdict of a connector: conditions, and what Kafka Connect's REST API said of its tasks.
pub(super) fn connector(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return unreadable() };
    let mut verdict = state(object, custom, related, now);
    if verdict.level != Level::Suspended {
        let wanted = custom.spec_text("/state");
        if matches!(wanted, "paused" | "stopped") || custom.spec_true("/pause") {
            let how = if wanted.is_empty() { "spec.pause" } else { "spec.state" };
            verdict = precedence::suspended(how, None, related, now);
        } else if let Some(entry) = custom.status_at("/connectorStatus") {
            verdict = run_state(verdict, entry);
            if verdict.level == Level::Fail
                && let Some(count) = custom.status_number("/autoRestart/count")
            {
                verdict = verdict.evidence(format!("restarted {count} times by the operator"));
            }
        }
    }
    with_cluster(verdict, object, "KafkaConnect", related, now)
}

/// Adds what the state of a connector and its tasks says.
fn run_state(verdict: Verdict, entry: &Value) -> Verdict {
    let word = |value: Option<&Value>| {
        value.and_then(|value| value.get("state")).and_then(Value::as_str).unwrap_or_default().to_ascii_uppercase()
    };
    let first_line = |value: &Value| {
        let trace = value.get("trace").and_then(Value::as_str).unwrap_or_default();
        trace.lines().next().unwrap_or_default().trim().to_owned()
    };
    let name = entry.get("name").and_then(Value::as_str).unwrap_or("connector");
    let connector = entry.get("connector");
    let tasks: &[Value] = entry.get("tasks").and_then(Value::as_array).map_or(&[], Vec::as_slice);
    let state = word(connector);
    let failed: Vec<&Value> = tasks.iter().filter(|task| word(Some(task)) == "FAILED").collect();
    if state == "FAILED" || !failed.is_empty() {
        let trace = if state == "FAILED" { connector } else { failed.first().copied() };
        let mut message = if state == "FAILED" {
            format!("{name} has failed")
        } else {
            format!("{} of {} of {name} failed", failed.len(), text::plural(tasks.len(), "task"))
        };
        if let Some(line) = trace.map(first_line).filter(|line| !line.is_empty()) {
            message = format!("{message}: {line}");
        }
        return Verdict::fail(&KAFKA_CONNECTOR, message).and(verdict);
    }
    let idle = tasks.iter().filter(|task| word(Some(task)) == "UNASSIGNED").count();
    match state.as_str() {
        "PAUSED" | "STOPPED" => {
            let message =
                format!("{name} is {} in Kafka Connect, though the spec does not say so", state.to_lowercase());
            verdict.and(Verdict::suspended(&precedence::SUSPENDED, message))
        }
        "UNASSIGNED" => verdict.and(Verdict::warn(&KAFKA_CONNECTOR_IDLE, format!("{name} is given to no worker"))),
        "RESTARTING" => verdict.and(Verdict::progressing(&KAFKA_CONNECTOR_IDLE, format!("{name} is restarting"))),
        _ if idle > 0 => {
            let message = format!("{idle} of {} of {name} given to no worker", text::plural(tasks.len(), "task"));
            verdict.and(Verdict::warn(&KAFKA_CONNECTOR_IDLE, message))
        }
        _ => verdict,
    }
}

//! KafkaRebalance: the type of the condition that is True is the state.

use super::*;

/// A proposal that nobody approves for so long is forgotten.
const PROPOSAL_SECONDS: i64 = 3600;

/// The verdict of a rebalance.
pub(super) fn rebalance(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else {
        return Verdict::unknown(&precedence::OBJECT_UNREADABLE, "holds neither spec nor status");
    };
    if object.meta.annotations.get("strimzi.io/rebalance-template") == Some("true") {
        return Verdict::ok(&precedence::OK, "a template: nothing acts on it");
    }
    with_cluster(rebalance_state(object, custom, related, now), object, "Kafka", related, now)
}

fn rebalance_state(object: &Object, custom: &Custom, related: &Related<'_>, now: Timestamp) -> Verdict {
    if let Some(verdict) = paused(object, custom, related, now) {
        return verdict;
    }
    let conditions = custom.conditions();
    if conditions.is_empty() {
        return precedence::no_status(object, operator_down(related), related, now);
    }
    if let Some(condition) = broken(&conditions) {
        return not_ready(condition, related, now);
    }
    if let Some(lag) = precedence::generation(object, custom.observed_generation(), related, now) {
        return lag;
    }
    let name = &object.meta.name;
    let current = conditions
        .iter()
        .find(|condition| condition.is_true() && !matches!(&*condition.r#type, "Warning" | "ReconciliationPaused"));
    let Some(current) = current else {
        return Verdict::progressing(&KAFKA_REBALANCE, "has no state yet");
    };
    let since = current.since();
    let age = since.map(|since| text::age(since, now)).unwrap_or_else(|| "some time".to_owned());
    let verdict = match &*current.r#type {
        "Ready" => Verdict::ok(&precedence::OK, "the rebalance is done"),
        "ProposalReady" => {
            let late = since.is_some_and(|since| now.duration_since(since).as_secs() > PROPOSAL_SECONDS);
            let message = format!("a proposal waits for approval for {age}");
            let level = if late { Level::Warn } else { Level::Progressing };
            Verdict::new(level, &KAFKA_PROPOSAL, message).command(format!(
                "kubectl annotate kafkarebalance {} -n {} strimzi.io/rebalance=approve",
                text::shell_word(name),
                text::shell_word(&object.meta.namespace)
            ))
        }
        "Stopped" => Verdict::suspended(&precedence::SUSPENDED, "the rebalance was stopped"),
        "New" | "PendingProposal" => {
            Verdict::progressing(&KAFKA_REBALANCE, format!("a proposal is being prepared for {age}"))
        }
        "Rebalancing" => Verdict::progressing(&KAFKA_REBALANCE, format!("partitions are being moved for {age}")),
        other => Verdict::progressing(&KAFKA_REBALANCE, format!("state {other}")),
    };
    verdict.since(since)
}

//! Moving partitions with Cruise Control: the KafkaRebalance that is made, those that are there, and how far one is.

use mlops_shared::object::{Custom, Object};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// How far a rebalance is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Moving {
    /// On its way.
    Waiting(String),
    /// All partitions are where they should be.
    Done,
    /// It ended otherwise.
    Failed(String),
}

/// What its conditions say: the one that is True names the state (strimzi, `KafkaRebalanceState`).
pub(crate) fn progress(json: &Value) -> Moving {
    let number = |pointer: &str| json.pointer(pointer).and_then(Value::as_u64);
    if let (Some(seen), Some(generation)) = (number("/status/observedGeneration"), number("/metadata/generation"))
        && seen < generation
    {
        return Moving::Waiting("the operator has not seen it yet".to_owned());
    }
    let conditions = json.pointer("/status/conditions").and_then(Value::as_array);
    let pairs = conditions.into_iter().flatten().map(|condition| {
        let text = |key: &str| condition.get(key).and_then(Value::as_str).unwrap_or_default();
        (text("type"), text("status"), text("reason"), text("message"))
    });
    judge(pairs)
}

fn judge<'a>(conditions: impl Iterator<Item = (&'a str, &'a str, &'a str, &'a str)>) -> Moving {
    let said = |reason: &str, message: &str| match (reason, message) {
        ("", "") => "no reason is given".to_owned(),
        (reason, "") => reason.to_owned(),
        ("", message) => message.to_owned(),
        (reason, message) => format!("{reason}: {message}"),
    };
    for (ty, status, reason, message) in conditions {
        let is_true = status.eq_ignore_ascii_case("true");
        match (ty, is_true) {
            ("Ready", true) => return Moving::Done,
            ("NotReady", true) | ("Ready", false) => return Moving::Failed(said(reason, message)),
            ("Stopped", true) => return Moving::Failed("it was stopped".to_owned()),
            ("New" | "PendingProposal", true) => return Moving::Waiting("a proposal is being prepared".to_owned()),
            ("ProposalReady", true) => return Moving::Waiting("its proposal waits for approval".to_owned()),
            ("Rebalancing", true) => return Moving::Waiting("partitions are being moved".to_owned()),
            ("ReconciliationPaused", true) => return Moving::Waiting("its reconciliation is paused".to_owned()),
            _ => {}
        }
    }
    Moving::Waiting("it has no state yet".to_owned())
}

/// The state of a record.
pub(crate) fn state(custom: &Custom) -> Moving {
    let conditions = custom.conditions();
    judge(conditions.iter().map(|it| (&*it.r#type, &*it.status, &*it.reason, it.message.as_ref())))
}

/// A rebalance of some brokers, approved by itself once its proposal is ready.
pub(crate) fn object(cluster: &str, namespace: &str, name: &str, mode: &str, brokers: &[u32]) -> Value {
    json!({
        "apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaRebalance",
        "metadata": {
            "name": name, "namespace": namespace, "labels": {"strimzi.io/cluster": cluster},
            "annotations": {"strimzi.io/rebalance-auto-approval": "true"},
        },
        "spec": {"mode": mode, "brokers": brokers},
    })
}

/// Whether a record is a template that nothing acts on.
pub(crate) fn is_template(object: &Object) -> bool {
    object.meta.annotations.get("strimzi.io/rebalance-template") == Some("true")
}

/// Whether a record moves partitions in this mode of just these brokers, or of more.
pub(crate) fn covers(custom: &Custom, mode: &str, brokers: &[u32]) -> bool {
    let own: BTreeSet<u32> =
        custom.spec_list("/brokers").iter().filter_map(Value::as_u64).filter_map(|id| u32::try_from(id).ok()).collect();
    custom.spec_text("/mode") == mode && brokers.iter().all(|id| own.contains(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_condition_that_is_true_is_the_state() {
        let of = |ty: &str, status: &str| {
            progress(&json!({"metadata": {"generation": 1}, "status": {"observedGeneration": 1,
                "conditions": [{"type": ty, "status": status, "reason": "CruiseControlRestException", "message": "no"}]}}))
        };
        assert_eq!(of("Ready", "True"), Moving::Done);
        assert_eq!(of("NotReady", "True"), Moving::Failed("CruiseControlRestException: no".to_owned()));
        assert_eq!(of("Stopped", "True"), Moving::Failed("it was stopped".to_owned()));
        for waiting in ["New", "PendingProposal", "ProposalReady", "Rebalancing", "Whatever"] {
            assert!(matches!(of(waiting, "True"), Moving::Waiting(_)), "{waiting}");
        }
        let old = json!({"metadata": {"generation": 2}, "status": {"observedGeneration": 1,
            "conditions": [{"type": "Ready", "status": "True"}]}});
        assert!(matches!(progress(&old), Moving::Waiting(_)));
        assert!(matches!(progress(&json!({})), Moving::Waiting(_)));
    }
}

//! Kinds without a rule of their own: what controllers by convention write into a status.
//!
//! kstatus reads `observedGeneration` and the conditions Ready, Reconciling and Stalled; of the
//! custom resources that Argo CD's scripts call Degraded it takes 73 % for current. Here all of the
//! conventions are read: suspension, conditions of either polarity, state words, error texts,
//! replica counts, conditions of parts.

mod absent;
mod conditions;
mod counts;
mod state;
mod words;

use super::{Related, precedence};
use crate::object::{Custom, Object};
use crate::report::{Level, Verdict, codes};
use crate::text;
use jiff::Timestamp;
use serde_json::Value;

codes! {
    GENERIC_READY = "ready", "Says that it is ready",
        "The object's conditions or state words say that it works.",
        "Nothing to do.";
    GENERIC_PROGRESSING = "progressing", "Says that it is at work",
        "The object's conditions or state words say that its controller is on the way to the wanted state.",
        "Nothing to do but wait.";
    GENERIC_NOT_READY = "not-ready", "Says that it is not ready",
        "A condition or a state word says that the object does not work, and the reason is an error.",
        "The message is the controller's own; read the controller's log for this object.";
    GENERIC_WARNING = "condition-warning", "A condition warns",
        "The object works, and one of its conditions says that something is wrong.",
        "Read the condition's message.";
    GENERIC_REPLICAS = "replicas-missing", "Fewer replicas are ready than wanted",
        "The status counts fewer ready replicas than the spec or the status asks for.",
        "Look at the object's pods.";
    GENERIC_UNKNOWN = "state-unknown", "The controller does not know the state",
        "A condition or state word says Unknown: the controller could not find out.",
        "Look at the controller and at what it asks.";
}

/// Annotations that tell a controller to leave the object alone, with the values that do.
const PAUSES: &[&str] = &[
    "autoscaling.keda.sh/paused",
    "autoscaling.keda.sh/paused-replicas",
    "strimzi.io/pause-reconciliation",
    "fluxcd.controlplane.io/reconcile",
    "cluster.x-k8s.io/paused",
    "cnpg.io/hibernation",
    "cnpg.io/reconciliationLoop",
];

/// The verdict of an object of any kind.
pub(super) fn assess(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else {
        return Verdict::ok(&precedence::OK, "this kind has no state to judge");
    };
    if let Some(how) = suspension(object, custom) {
        return precedence::suspended(how, None, related, now);
    }
    if custom.has_status && !custom.status.is_null() && !custom.status.is_object() {
        return Verdict::unknown(&precedence::OBJECT_UNREADABLE, "its status is no object, so nothing is known of it");
    }
    if let Some(verdict) = absent::judge(object, custom, related, now) {
        return verdict;
    }
    let conditions = all_conditions(custom);
    let said = conditions::judge(&conditions, object);
    let is_unmet_only = said.as_ref().is_none_or(|said| said.is_unmet_only);
    let by_conditions = said.map(|said| said.verdict);
    let is_ready = by_conditions.as_ref().is_some_and(Verdict::is_ok);
    let by_state = state::by_state(object, custom, is_ready);
    // What was stopped on purpose is not ready, and no failure.
    if let Some(verdict) = by_state.as_ref().filter(|verdict| verdict.level == Level::Suspended && is_unmet_only) {
        return verdict.clone();
    }
    // An error that a condition states is about the last try, whatever generation that was.
    if let Some(verdict) =
        by_conditions.as_ref().filter(|verdict| matches!(verdict.level, Level::Fail | Level::Suspended))
    {
        return state::with_error(verdict.clone(), custom);
    }
    if let Some(verdict) = by_state.as_ref().filter(|verdict| verdict.level == Level::Fail) {
        return state::with_error(verdict.clone(), custom);
    }
    if let Some(verdict) = precedence::generation(object, custom.observed_generation(), related, now) {
        return verdict;
    }
    let by_error = state::by_error(custom, is_ready);
    let findings = [
        by_conditions,
        by_state,
        state::by_stage(custom),
        state::by_bad_flag(custom),
        counts::judge(custom),
        state::by_flag(custom),
        by_error,
    ];
    let joined = findings.into_iter().flatten().reduce(Verdict::and);
    let unreadable = custom.unreadable_conditions();
    match joined {
        // What could not be read may be what is wrong.
        _ if unreadable > 0 && joined.as_ref().is_none_or(Verdict::is_ok) => {
            let message = format!("{} cannot be read", text::plural(unreadable, "condition"));
            Verdict::unknown(&precedence::OBJECT_UNREADABLE, message)
        }
        Some(verdict) => verdict,
        None => Verdict::ok(&precedence::OK, "no state is reported"),
    }
}

fn suspension(object: &Object, custom: &Custom) -> Option<&'static str> {
    for (pointer, name) in [
        ("/suspend", "spec.suspend"),
        ("/suspended", "spec.suspended"),
        ("/paused", "spec.paused"),
        ("/pause", "spec.pause"),
        ("/disabled", "spec.disabled"),
        ("/reconciliationPaused", "spec.reconciliationPaused"),
        ("/clusterOperation/reconciliationPaused", "spec.clusterOperation.reconciliationPaused"),
        ("/clusterOperation/stopped", "spec.clusterOperation.stopped"),
        ("/updateStrategy/paused", "spec.updateStrategy.paused"),
        ("/updateStrategy/rollingUpdate/paused", "spec.updateStrategy.rollingUpdate.paused"),
        ("/runPolicy/suspend", "spec.runPolicy.suspend"),
        ("/job/state", "spec.job.state"),
    ] {
        match custom.spec_at(pointer) {
            Some(Value::Bool(true)) => return Some(name),
            Some(Value::String(text)) if pointer == "/job/state" && text == "suspended" => return Some(name),
            _ => {}
        }
    }
    PAUSES.iter().copied().find(|key| {
        object.meta.annotations.get(key).is_some_and(|value| {
            let value = value.to_ascii_lowercase();
            match *key {
                "fluxcd.controlplane.io/reconcile" | "cnpg.io/reconciliationLoop" => value == "disabled",
                "cnpg.io/hibernation" => value == "on",
                // Any number of replicas is a pause.
                "autoscaling.keda.sh/paused-replicas" | "cluster.x-k8s.io/paused" => true,
                _ => value == "true",
            }
        })
    })
}

/// The object's conditions; those of its parts where it has none itself.
fn all_conditions(custom: &Custom) -> Vec<crate::object::Condition> {
    let own = custom.conditions();
    if !own.is_empty() {
        return own;
    }
    // Routes have them for each parent or ingress, gateways for each listener, others for each of what they name.
    let mut parts = Vec::new();
    let lists = custom.status.as_object().into_iter().flatten();
    for (key, list) in lists.filter_map(|(key, value)| Some((key, value.as_array()?))) {
        let key = key.replace('~', "~0").replace('/', "~1");
        for index in 0..list.len().min(50) {
            parts.extend(custom.conditions_at(&format!("/{key}/{index}/conditions")));
        }
    }
    // Some write a single condition where others write a list.
    if parts.is_empty()
        && let Some(Value::Object(_)) = custom.status_at("/condition")
    {
        parts.extend(custom.status_at("/condition").and_then(|value| serde::Deserialize::deserialize(value).ok()));
    }
    parts
}

#[cfg(test)]
mod tests;

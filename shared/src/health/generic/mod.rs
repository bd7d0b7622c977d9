//! Kinds without a rule of their own: what controllers by convention write into a status.
//!
//! kstatus reads `observedGeneration` and the conditions Ready, Reconciling and Stalled; of the
//! custom resources that Argo CD's scripts call Degraded it takes 73 % for current. Here all of the
//! conventions are read: suspension, conditions of either polarity, state words, error texts,
//! replica counts, conditions of parts.

mod conditions;
mod words;

use super::{Related, precedence};
use crate::object::{Custom, Object};
use crate::report::{Level, Verdict, codes};
use jiff::Timestamp;
use serde_json::Value;
use words::{Sense, sense_of_word};

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

/// Where controllers put one word for the whole state, most telling first.
const STATE_POINTERS: &[&str] = &[
    "/health/status",
    "/health",
    "/healthStatus",
    "/phase",
    "/state",
    "/status",
    "/currentState",
    "/jobStatus/state",
    "/jobDeploymentStatus",
    "/jobManagerDeploymentStatus",
    "/lifecycleState",
    "/provisioningState",
    "/deploymentStatus",
    "/appState/state",
    "/applicationState/state",
    "/databaseStatus",
    "/clusterState",
    "/stage",
    "/stageStatus",
    "/modelStatus/transitionStatus",
    "/sync/status",
    "/reconciliationStatus/state",
    "/bindingState",
    "/resourceState",
    "/result",
];

/// Where controllers put the text of an error.
const ERROR_POINTERS: &[&str] = &[
    "/error",
    "/errorMessage",
    "/errorMsg",
    "/lastError",
    "/lastErrorMessage",
    "/failureMessage",
    "/failureReason",
    "/error/message",
    "/applicationState/errorMessage",
    "/validationError",
    // Cilium writes there why a node gets no addresses.
    "/ipam/operator-status/error",
];

/// Where texts for people stand beside a state word.
const MESSAGE_POINTERS: &[&str] =
    &["/message", "/health/message", "/statusMessage", "/reason", "/phaseReason", "/conditionMessage", "/info"];

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

/// Groups whose kinds all get a status from their controller: without one, it has not been there.
const STATUS_GROUPS: &[&str] = &[
    "cert-manager.io",
    "acme.cert-manager.io",
    "external-secrets.io",
    "grafana.integreatly.org",
    "snapshot.storage.k8s.io",
    "serving.kserve.io",
    "serving.knative.dev",
    "ray.io",
    "kubeflow.org",
    "trainer.kubeflow.org",
    "keda.sh",
    "postgresql.cnpg.io",
    "flink.apache.org",
    "cluster.x-k8s.io",
];

/// Kinds of these groups that are read by others and have no status.
const STATIC_KINDS: &[&str] = &[
    "VolumeSnapshotClass",
    "TriggerAuthentication",
    "ClusterTriggerAuthentication",
    "ClusterServingRuntime",
    "ServingRuntime",
    "ClusterStorageContainer",
    "LLMInferenceServiceConfig",
    "LocalModelNodeGroup",
    "ClusterTrainingRuntime",
    "TrainingRuntime",
    "PodDefault",
    "Profile",
];

/// The verdict of an object of any kind.
pub(super) fn assess(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else {
        return Verdict::ok(&precedence::OK, "this kind has no state to judge");
    };
    if let Some(how) = suspension(object, custom) {
        return precedence::suspended(how, None, related, now);
    }
    let is_empty = !custom.has_status || custom.status.as_object().is_some_and(serde_json::Map::is_empty);
    if is_empty && STATUS_GROUPS.contains(&&*object.ty.group) && !STATIC_KINDS.contains(&&*object.ty.kind) {
        return precedence::no_status(object, None, related, now);
    }
    let conditions = all_conditions(custom);
    let by_conditions = conditions::judge(&conditions, object);
    // An error that a condition states is about the last try, whatever generation that was.
    if let Some(verdict) =
        by_conditions.as_ref().filter(|verdict| matches!(verdict.level, Level::Fail | Level::Suspended))
    {
        return with_error(verdict.clone(), custom);
    }
    let by_state = by_state(custom);
    if let Some(verdict) = by_state.as_ref().filter(|verdict| verdict.level == Level::Fail) {
        return with_error(verdict.clone(), custom);
    }
    if let Some(verdict) = precedence::generation(object, custom.observed_generation(), related, now) {
        return verdict;
    }
    let by_counts = by_counts(custom);
    let by_flag = by_flag(custom);
    let by_error = by_error(custom, by_conditions.as_ref().is_some_and(Verdict::is_ok));
    let findings = [by_conditions, by_state, by_stage(custom), by_bad_flag(custom), by_counts, by_flag, by_error];
    let joined = findings.into_iter().flatten().reduce(Verdict::and);
    joined.unwrap_or_else(|| Verdict::ok(&precedence::OK, "no state is reported"))
}

fn suspension(object: &Object, custom: &Custom) -> Option<&'static str> {
    for (pointer, name) in [
        ("/suspend", "spec.suspend"),
        ("/suspended", "spec.suspended"),
        ("/paused", "spec.paused"),
        ("/pause", "spec.pause"),
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
    let mut parts = Vec::new();
    for list in ["/parents", "/ancestors", "/listeners", "/bindings"] {
        for index in 0..custom.status_list(list).len().min(50) {
            parts.extend(custom.conditions_at(&format!("{list}/{index}/conditions")));
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

fn message(custom: &Custom) -> String {
    let texts = ERROR_POINTERS.iter().chain(MESSAGE_POINTERS).map(|pointer| custom.status_text(pointer));
    texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default().to_owned()
}

fn by_state(custom: &Custom) -> Option<Verdict> {
    let mut found: Option<Verdict> = None;
    for pointer in STATE_POINTERS {
        let word = custom.status_text(pointer);
        let Some(sense) = sense_of_word(word) else { continue };
        let text = message(custom);
        let text = if text.is_empty() || text == word { word.to_owned() } else { format!("{word}: {text}") };
        let verdict = match sense {
            Sense::Well => Verdict::ok(&GENERIC_READY, text),
            Sense::AtWork => Verdict::progressing(&GENERIC_PROGRESSING, text),
            Sense::Broken => Verdict::fail(&GENERIC_NOT_READY, text),
            Sense::Held => Verdict::suspended(&precedence::SUSPENDED, text),
            Sense::Warns => Verdict::warn(&GENERIC_WARNING, text),
            Sense::Unclear => Verdict::unknown(&GENERIC_UNKNOWN, text),
        };
        found = Some(match found {
            Some(known) => known.and(verdict),
            None => verdict,
        });
    }
    found
}

/// `readyReplicas` and its kin against what is wanted.
fn by_counts(custom: &Custom) -> Option<Verdict> {
    let wanted = ["/replicas", "/instances", "/size", "/nodes"].iter().find_map(|pointer| custom.spec_number(pointer));
    let wanted =
        wanted.or_else(|| custom.status_number("/desiredReplicas")).or_else(|| custom.status_number("/replicas"))?;
    let ready = ["/readyReplicas", "/readyInstances", "/availableReplicas", "/readyNodes"];
    let ready = ready.iter().find_map(|pointer| custom.status_number(pointer))?;
    let text = format!("{ready} of {wanted} replicas ready");
    if ready < wanted {
        Some(Verdict::progressing(&GENERIC_REPLICAS, text))
    } else {
        Some(Verdict::ok(&GENERIC_READY, text))
    }
}

/// A plain `ready: false`.
fn by_flag(custom: &Custom) -> Option<Verdict> {
    let flag = ["/ready", "/readyToUse", "/available", "/healthy", "/initialized"];
    let value = flag.iter().find_map(|pointer| custom.status_at(pointer).and_then(Value::as_bool))?;
    Some(if value {
        Verdict::ok(&GENERIC_READY, "ready")
    } else {
        let text = message(custom);
        let text = if text.is_empty() { "not ready yet".to_owned() } else { format!("not ready: {text}") };
        Verdict::progressing(&GENERIC_PROGRESSING, text)
    })
}

/// A plain `noMatchingInstances: true`: what the object is for is not there.
fn by_bad_flag(custom: &Custom) -> Option<Verdict> {
    let flags = custom.status.as_object()?.iter().filter(|(_, value)| value.as_bool() == Some(true));
    let is_bad =
        |key: &str| matches!(sense_of_word(key), Some(Sense::Broken)) || key.to_lowercase().starts_with("nomatching");
    let (key, _) = flags.into_iter().find(|(key, _)| is_bad(key))?;
    Some(Verdict::fail(&GENERIC_NOT_READY, format!("{key} is true")))
}

/// A `stage` on the way to `complete`, with the outcome of that stage beside it.
fn by_stage(custom: &Custom) -> Option<Verdict> {
    let (stage, outcome) = (custom.status_text("/stage"), custom.status_text("/stageStatus"));
    if stage.is_empty() || outcome.is_empty() {
        return None;
    }
    let text = format!("stage {stage}: {outcome}");
    Some(match (sense_of_word(stage), sense_of_word(outcome)) {
        (_, Some(Sense::Broken)) => Verdict::fail(&GENERIC_NOT_READY, text),
        (Some(Sense::Well), Some(Sense::Well)) => Verdict::ok(&GENERIC_READY, text),
        _ => Verdict::progressing(&GENERIC_PROGRESSING, text),
    })
}

/// An error text. Beside a condition that says Ready it is a leftover of an earlier try.
fn by_error(custom: &Custom, is_ready: bool) -> Option<Verdict> {
    let text = ERROR_POINTERS.iter().map(|pointer| custom.status_text(pointer)).find(|text| !text.trim().is_empty())?;
    Some(if is_ready {
        Verdict::warn(&GENERIC_WARNING, format!("is ready, and reports an error: {text}"))
    } else {
        Verdict::fail(&GENERIC_NOT_READY, text.to_owned())
    })
}

fn with_error(verdict: Verdict, custom: &Custom) -> Verdict {
    let text = ERROR_POINTERS.iter().map(|pointer| custom.status_text(pointer)).find(|text| !text.trim().is_empty());
    match text {
        Some(text) if !verdict.message.contains(text) => verdict.evidence(text.to_owned()),
        _ => verdict,
    }
}

#[cfg(test)]
mod tests;

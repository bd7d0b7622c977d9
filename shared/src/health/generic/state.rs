//! State words, flags and error texts of a status, wherever controllers put them.

use super::words::{Sense, parts, sense_of_word, squeeze};
use super::{GENERIC_NOT_READY, GENERIC_PROGRESSING, GENERIC_READY, GENERIC_UNKNOWN, GENERIC_WARNING};
use crate::health::precedence::SUSPENDED;
use crate::object::{Custom, Object};
use crate::report::{Level, Verdict};
use serde_json::Value;

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
    "/errors/0",
    "/applicationState/errorMessage",
    "/validationError",
    // Cilium writes there why a node gets no addresses.
    "/ipam/operator-status/error",
];

/// Where texts for people stand beside a state word.
const MESSAGE_POINTERS: &[&str] = &[
    "/message",
    "/message/0",
    "/health/message",
    "/statusMessage",
    "/description",
    "/reason",
    "/phaseReason",
    "/conditionMessage",
    "/info",
];

/// First words of fields that speak of another time, or of a wish.
const OTHER_TIMES: &[&str] =
    &["desired", "expected", "initial", "last", "next", "old", "original", "previous", "prior", "requested", "target"];

/// What a status says with one word, or with several; `is_ready` is whether the conditions say so.
pub(super) fn by_state(object: &Object, custom: &Custom, is_ready: bool) -> Option<Verdict> {
    let is_run = runs_to_an_end(&object.ty.kind);
    let verdict = |word: &str| {
        let sense = match sense_of_word(word)? {
            // A job that runs is on its way.
            Sense::Well if is_run && is_running(word) => Sense::AtWork,
            sense => sense,
        };
        Some(of_sense(sense, word, message(custom)))
    };
    let first = STATE_POINTERS.iter().filter_map(|pointer| verdict(custom.status_text(pointer))).reduce(Verdict::and);
    let health = health_words(custom).filter_map(verdict).reduce(Verdict::and);
    // A Longhorn volume that rebuilds a replica serves from the others.
    let health = match custom.status_text("/robustness") {
        "degraded" => Some(of_sense(Sense::Warns, "degraded", message(custom))),
        _ => health,
    };
    let known = [first, health].into_iter().flatten().reduce(Verdict::and);
    // What is told elsewhere is of a part (`backupStatus`) where the whole is well, and what it does not
    // know nobody asked.
    let is_well = is_ready || known.as_ref().is_some_and(Verdict::is_ok);
    let others = other_words(custom).filter(|word| sense_of_word(word) != Some(Sense::Unclear)).filter_map(|word| {
        let verdict = verdict(word)?;
        match verdict.level {
            Level::Fail if is_well => Some(Verdict::warn(&GENERIC_WARNING, verdict.message)),
            Level::Progressing | Level::Suspended if is_well => None,
            _ => Some(verdict),
        }
    });
    let others = others.reduce(Verdict::and);
    [known, others].into_iter().flatten().reduce(Verdict::and)
}

fn of_sense(sense: Sense, word: &str, text: &str) -> Verdict {
    let text = if text.is_empty() || text == word { word.to_owned() } else { format!("{word}: {text}") };
    match sense {
        Sense::Well => Verdict::ok(&GENERIC_READY, text),
        Sense::AtWork => Verdict::progressing(&GENERIC_PROGRESSING, text),
        Sense::Broken => Verdict::fail(&GENERIC_NOT_READY, text),
        Sense::Held => Verdict::suspended(&SUSPENDED, text),
        Sense::Warns => Verdict::warn(&GENERIC_WARNING, text),
        Sense::Unclear => Verdict::unknown(&GENERIC_UNKNOWN, text),
    }
}

/// Whether objects of this kind are there to end: `Backup`, `PipelineRun`; not `CronJob`, `ScheduledBackup`.
fn runs_to_an_end(kind: &str) -> bool {
    let words = parts(kind);
    let is_repeated = words.iter().any(|word| word.starts_with("cron") || word.starts_with("schedule"));
    let ends = [
        "backup",
        "build",
        "download",
        "export",
        "import",
        "job",
        "migration",
        "operation",
        "request",
        "restore",
        "run",
        "snapshot",
        "task",
        "test",
        "workflow",
    ];
    !is_repeated && words.last().is_some_and(|last| ends.contains(&last.as_str()))
}

fn is_running(word: &str) -> bool {
    matches!(squeeze(word).as_str(), "running" | "active" | "started" | "scheduled" | "accepted" | "enabled")
}

/// Words that are about health wherever they stand: `robustness`, `compliant`, `ceph.health`, the
/// `health` of parts.
fn health_words(custom: &Custom) -> impl Iterator<Item = &str> {
    let fields = custom.status.as_object().into_iter().flatten();
    fields.flat_map(|(key, value)| {
        let own = matches!(key.as_str(), "robustness" | "compliant" | "compliance").then(|| value.as_str()).flatten();
        // Long lists are cut: they are of parts.
        let list = value.as_array().map_or(&[][..], Vec::as_slice).iter().take(200);
        let parts = list.chain(std::iter::once(value).filter(|value| value.is_object()));
        let parts =
            parts.filter(move |_| key != "health").filter_map(|part| part.get("health").and_then(Value::as_str));
        own.into_iter().chain(parts).filter(|word| sense_of_word(word) != Some(Sense::Unclear))
    })
}

/// Words of other fields that are called a state: `PostgresClusterStatus`, `printableStatus`, `currentStatus`.
fn other_words(custom: &Custom) -> impl Iterator<Item = &str> {
    let fields = custom.status.as_object().into_iter().flatten();
    fields.filter_map(|(key, value)| {
        let word = value.as_str()?;
        let names = parts(key);
        let is_state = matches!(names.last()?.as_str(), "health" | "phase" | "state" | "status");
        let is_known = STATE_POINTERS.iter().any(|pointer| pointer.strip_prefix('/') == Some(key));
        let is_now = !OTHER_TIMES.contains(&names.first()?.as_str());
        (is_state && !is_known && is_now).then_some(word)
    })
}

/// The controller's words beside a state.
pub(super) fn message(custom: &Custom) -> &str {
    let texts = ERROR_POINTERS.iter().chain(MESSAGE_POINTERS).map(|pointer| custom.status_text(pointer));
    texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
}

/// A plain `ready: false`; `healthy: false` is more than that.
pub(super) fn by_flag(custom: &Custom) -> Option<Verdict> {
    let flags = ["/healthy", "/ready", "/readyToUse", "/available", "/initialized"];
    let (flag, value) =
        flags.iter().find_map(|flag| Some((*flag, custom.status_at(flag).and_then(Value::as_bool)?)))?;
    let text = message(custom);
    let said = |word: &str| if text.is_empty() { word.to_owned() } else { format!("{word}: {text}") };
    Some(match (value, flag) {
        (true, _) => Verdict::ok(&GENERIC_READY, "ready"),
        (false, "/healthy") => Verdict::fail(&GENERIC_NOT_READY, said("not healthy")),
        (false, _) => Verdict::progressing(
            &GENERIC_PROGRESSING,
            said(if text.is_empty() { "not ready yet" } else { "not ready" }),
        ),
    })
}

/// A plain `noMatchingInstances: true`: what the object is for is not there.
pub(super) fn by_bad_flag(custom: &Custom) -> Option<Verdict> {
    let flags = custom.status.as_object()?.iter().filter(|(_, value)| value.as_bool() == Some(true));
    let is_bad =
        |key: &str| matches!(sense_of_word(key), Some(Sense::Broken)) || key.to_lowercase().starts_with("nomatching");
    let (key, _) = flags.into_iter().find(|(key, _)| is_bad(key))?;
    Some(Verdict::fail(&GENERIC_NOT_READY, format!("{key} is true")))
}

/// A `stage` on the way to `complete`, with the outcome of that stage beside it.
pub(super) fn by_stage(custom: &Custom) -> Option<Verdict> {
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
pub(super) fn by_error(custom: &Custom, is_ready: bool) -> Option<Verdict> {
    let text = error(custom)?;
    Some(if is_ready {
        Verdict::warn(&GENERIC_WARNING, format!("is ready, and reports an error: {text}"))
    } else {
        Verdict::fail(&GENERIC_NOT_READY, text.to_owned())
    })
}

/// Adds the error text of a status to a verdict that does not have it.
pub(super) fn with_error(verdict: Verdict, custom: &Custom) -> Verdict {
    match error(custom) {
        Some(text) if !verdict.message.contains(text) => verdict.evidence(text.to_owned()),
        _ => verdict,
    }
}

fn error(custom: &Custom) -> Option<&str> {
    ERROR_POINTERS.iter().map(|pointer| custom.status_text(pointer)).find(|text| !text.trim().is_empty())
}

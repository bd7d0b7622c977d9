//! Conditions of either polarity.

use super::words::{Sense, reason_is_error, sense_of_type, sense_of_word};
use super::{GENERIC_NOT_READY, GENERIC_PROGRESSING, GENERIC_READY, GENERIC_UNKNOWN, GENERIC_WARNING};
use crate::health::precedence::SUSPENDED;
use crate::object::{Condition, Object};
use crate::report::Verdict;

/// What a condition type says when it is True.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Polarity {
    /// It works. False: it does not.
    Good,
    /// Something is wrong. False: nothing is.
    Bad,
    /// At work. False: not at work.
    Work,
    /// Set aside.
    Hold,
    /// Says nothing of health.
    Neutral,
}

const SUMMARY: &[&str] = &[
    "Ready",
    "Available",
    "Healthy",
    "Succeeded",
    "Complete",
    "Completed",
    "Synced",
    "Reconciled",
    "Established",
    "Accepted",
    "Programmed",
    "Deployed",
];

/// Types whose True tells something else than health.
const NEUTRAL: &[&str] =
    &["Active", "ScalingLimited", "SecretSynced", "Initialized", "PodScheduled", "Approved", "LoadBalancerAttached"];

fn polarity(kind: &str) -> Polarity {
    let plain: String =
        kind.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let ends = |words: &[&str]| words.iter().any(|word| plain.ends_with(word));
    if NEUTRAL.contains(&kind) {
        return Polarity::Neutral;
    }
    if ends(&["paused", "suspended", "hibernated", "stopped", "hibernation"]) {
        return Polarity::Hold;
    }
    if plain == "unmanaged" || plain == "warning" {
        return Polarity::Neutral;
    }
    let bad = [
        "failed",
        "failure",
        "failing",
        "error",
        "errors",
        "errored",
        "degraded",
        "notready",
        "unhealthy",
        "stalled",
        "unavailable",
        "conflict",
        "conflicted",
        "blocked",
        "invalid",
        "pressure",
        "notsynced",
        "terminal",
        "unreachable",
        "expired",
        "denied",
        "rejected",
        "outdated",
        "misconfigured",
        "crashing",
        "drifted",
        "partiallyready",
        "fallback",
        "rolledback",
    ];
    if ends(&bad)
        || plain.contains("error") && !plain.contains("noerror")
        || plain.starts_with("unable")
        || plain.starts_with("failed")
    {
        return Polarity::Bad;
    }
    if kind == "Issuing" || kind == "Updating" {
        return Polarity::Work;
    }
    match sense_of_type(kind) {
        Some(Sense::AtWork) => Polarity::Work,
        Some(Sense::Well) => Polarity::Good,
        _ if ends(&[
            "ready",
            "available",
            "healthy",
            "succeeded",
            "synced",
            "complete",
            "reconciled",
            "resolved",
            "resolvedrefs",
            "valid",
            "established",
            "exists",
            "ok",
            "provisioned",
            "created",
            "installed",
            "bound",
            "attached",
            "connected",
            "synchronized",
        ]) =>
        {
            Polarity::Good
        }
        _ => Polarity::Neutral,
    }
}

/// The verdict of a list of conditions; `None` when none of them says anything of health.
pub(super) fn judge(conditions: &[Condition], object: &Object) -> Option<Verdict> {
    let mut found: Option<Verdict> = None;
    let summary = conditions.iter().find(|condition| SUMMARY.contains(&condition.r#type.as_str()));
    let is_ready = summary.is_some_and(Condition::is_true);
    // Work that is stated explains a condition that is not met.
    let is_at_work =
        conditions.iter().any(|condition| polarity(&condition.r#type) == Polarity::Work && condition.is_true());
    for condition in conditions {
        // A condition about an older generation says nothing of this one.
        let is_old =
            condition.observed_generation.zip(object.meta.generation).is_some_and(|(seen, now)| seen > 0 && seen < now);
        let Some(mut verdict) = one(condition, is_ready, is_at_work, summary.is_some()) else { continue };
        if is_old {
            verdict =
                Verdict::progressing(&GENERIC_PROGRESSING, format!("{}, about an older generation", verdict.message));
        }
        found = Some(match found {
            Some(known) => known.and(verdict),
            None => verdict,
        });
    }
    found
}

fn one(condition: &Condition, is_ready: bool, is_at_work: bool, has_summary: bool) -> Option<Verdict> {
    let kind = condition.r#type.as_str();
    let text = || {
        let said = condition.text();
        if said.is_empty() {
            format!("{kind} is {}", condition.status)
        } else {
            format!("{kind} is {}: {said}", condition.status)
        }
    };
    let unclear = !condition.is_true() && !condition.is_false();
    let is_summary = SUMMARY.contains(&kind);
    let verdict = match polarity(kind) {
        Polarity::Neutral => return None,
        Polarity::Hold if condition.is_true() => Verdict::suspended(&SUSPENDED, text()),
        Polarity::Work if condition.is_true() => Verdict::progressing(&GENERIC_PROGRESSING, text()),
        Polarity::Bad if condition.is_true() => {
            // `Stalled` and the like are never a mere note.
            if is_ready && !matches!(kind, "Stalled" | "Failed" | "Degraded" | "Fallback") {
                Verdict::warn(&GENERIC_WARNING, text())
            } else {
                Verdict::fail(&GENERIC_NOT_READY, text())
            }
        }
        // The conditions of jobs: Created, Running, Succeeded. Running is the way there.
        Polarity::Good if condition.is_true() && matches!(kind, "Running" | "Created" | "Started") => {
            if has_summary {
                return None;
            }
            Verdict::progressing(&GENERIC_PROGRESSING, text())
        }
        Polarity::Good if condition.is_false() && sense_of_word(&condition.reason) == Some(Sense::Held) => {
            Verdict::suspended(&SUSPENDED, text())
        }
        Polarity::Good if condition.is_true() => {
            let said: &str = if condition.message.is_empty() { kind } else { &condition.message };
            Verdict::ok(&GENERIC_READY, said.to_owned())
        }
        Polarity::Good if condition.is_false() => {
            let error = reason_is_error(&condition.reason).or_else(|| message_is_error(&condition.message));
            match error {
                Some(true) if is_ready && !is_summary => Verdict::warn(&GENERIC_WARNING, text()),
                Some(true) => Verdict::fail(&GENERIC_NOT_READY, text()),
                // A part that is not there while the whole is ready is not wanted.
                _ if is_ready && !is_summary => return None,
                Some(false) => Verdict::progressing(&GENERIC_PROGRESSING, text()),
                // `Ready=False` with a reason that is no error word: the convention says not ready.
                None if is_summary && !is_at_work && !condition.reason.is_empty() && !condition.message.is_empty() => {
                    Verdict::fail(&GENERIC_NOT_READY, text())
                }
                None => Verdict::progressing(&GENERIC_PROGRESSING, text()),
            }
        }
        Polarity::Good if unclear && is_summary => match reason_is_error(&condition.reason) {
            Some(true) => Verdict::fail(&GENERIC_NOT_READY, text()),
            _ if &*condition.reason == "Unknown" => Verdict::unknown(&GENERIC_UNKNOWN, text()),
            _ => Verdict::progressing(&GENERIC_PROGRESSING, text()),
        },
        _ => return None,
    };
    Some(verdict.since(condition.since()))
}

/// Whether a message speaks of an error, where the reason does not tell.
fn message_is_error(message: &str) -> Option<bool> {
    let message = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&[
        "error",
        "failed",
        "failure",
        "cannot",
        "could not",
        "no key could",
        "not found",
        "forbidden",
        "unauthorized",
        "invalid",
        "denied",
        "refused",
        "unable to",
    ]) {
        return Some(true);
    }
    says(&["waiting", "in progress", "pending", "creating", "not yet", "progressing"]).then_some(false)
}

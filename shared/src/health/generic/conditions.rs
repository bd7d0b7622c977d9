//! Conditions of either polarity.

use super::words::{
    Sense, message_is_error, message_is_plain_error, parts, reason_is_done, reason_is_error, sense_of_type,
    sense_of_word,
};
use super::{GENERIC_NOT_READY, GENERIC_PROGRESSING, GENERIC_READY, GENERIC_UNKNOWN, GENERIC_WARNING};
use crate::health::precedence::SUSPENDED;
use crate::object::{Condition, Object, find_condition};
use crate::report::{Level, Verdict};

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

/// Types that speak of the whole object, the most telling first.
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
    "Successful",
    "Done",
    "Finished",
    "Valid",
    "Admitted",
    "Installed",
];

/// Types whose True is the end of it, whatever the others say: never a mere note.
const TERMINAL: &[&str] = &[
    "Degraded",
    "Error",
    "ErrorOccurred",
    "Errored",
    "Failed",
    "Failure",
    "Fallback",
    "HasErrors",
    "Stalled",
    "Terminal",
    "ACK.Terminal",
];

/// Types whose True tells something else than health.
const NEUTRAL: &[&str] =
    &["Active", "ScalingLimited", "SecretSynced", "Initialized", "PodScheduled", "Approved", "LoadBalancerAttached"];

/// Last words of types whose True means trouble.
const BAD: &[&str] = &[
    "conflict",
    "conflicted",
    "conflicts",
    "corrupted",
    "crashed",
    "crashing",
    "blocked",
    "degraded",
    "denied",
    "drifted",
    "errored",
    "exceeded",
    "expired",
    "fail",
    "failed",
    "failing",
    "failure",
    "failures",
    "fallback",
    "insufficient",
    "invalid",
    "lost",
    "misconfigured",
    "missing",
    "notready",
    "notsynced",
    "outdated",
    "pressure",
    "rejected",
    "stalled",
    "terminal",
    "unavailable",
    "unhealthy",
    "unreachable",
    "unsupported",
];

/// Last words of types whose True means that something is as it should be.
const GOOD: &[&str] = &[
    "admitted",
    "applied",
    "attached",
    "available",
    "bound",
    "complete",
    "compliant",
    "connected",
    "created",
    "deployed",
    "established",
    "exists",
    "healthy",
    "installed",
    "matched",
    "ok",
    "promoted",
    "provided",
    "provisioned",
    "published",
    "ready",
    "reachable",
    "reconciled",
    "registered",
    "resolved",
    "resolvedrefs",
    "satisfied",
    "succeeded",
    "success",
    "successful",
    "synced",
    "synchronized",
    "valid",
    "validated",
    "verified",
];

/// What the True of a condition of this type means, by the words of its name.
fn polarity(kind: &str) -> Polarity {
    if NEUTRAL.contains(&kind) {
        return Polarity::Neutral;
    }
    let words = parts(kind);
    let (Some(first), Some(last)) = (words.first(), words.last()) else { return Polarity::Neutral };
    if matches!(last.as_str(), "paused" | "suspended" | "hibernated" | "stopped" | "hibernation" | "ignored") {
        return Polarity::Hold;
    }
    if matches!(last.as_str(), "unmanaged" | "warning" | "warnings") {
        return Polarity::Neutral;
    }
    // `NoPodsMatched` is the opposite of `Matched`, `NotReady` that of `Ready`.
    let is_denied = words.iter().any(|word| matches!(word.as_str(), "no" | "not" | "non"));
    let speaks_of_errors = words.iter().any(|word| matches!(word.as_str(), "error" | "errors"));
    let is_bad = BAD.contains(&last.as_str())
        || speaks_of_errors
        || matches!(first.as_str(), "unable" | "failed" | "partially")
        || *words == ["rolled", "back"];
    if is_bad {
        return if is_denied { Polarity::Good } else { Polarity::Bad };
    }
    if matches!(kind, "Issuing" | "Updating") || last == "pending" || words.ends_with(&["in".into(), "progress".into()])
    {
        return Polarity::Work;
    }
    match sense_of_type(kind) {
        Some(Sense::AtWork) => Polarity::Work,
        Some(Sense::Well) => Polarity::Good,
        _ if GOOD.contains(&last.as_str())
            || *words == ["resolved", "refs"]
            || words.ends_with(&["up".into(), "to".into(), "date".into()]) =>
        {
            if is_denied {
                Polarity::Bad
            } else {
                Polarity::Good
            }
        }
        _ => Polarity::Neutral,
    }
}

/// What the conditions say.
pub(super) struct Said {
    /// The verdict.
    pub(super) verdict: Verdict,
    /// Whether all that is wrong is a condition that is not met, and none says outright that something failed.
    pub(super) is_unmet_only: bool,
}

/// The verdict of a list of conditions; `None` when none of them says anything of health.
pub(super) fn judge(conditions: &[Condition], object: &Object) -> Option<Said> {
    let lead = lead(conditions);
    let whole = Whole {
        lead,
        is_ready: lead.is_some_and(Condition::is_true),
        // Work that is stated explains a condition that is not met.
        is_at_work: conditions.iter().any(|condition| {
            polarity(&condition.r#type) == Polarity::Work && condition.is_true() && !reason_is_done(&condition.reason)
        }),
    };
    let mut found = Vec::new();
    let mut is_unmet_only = true;
    for condition in conditions {
        // A condition about an older generation says nothing of this one.
        let is_old =
            condition.observed_generation.zip(object.meta.generation).is_some_and(|(seen, now)| seen > 0 && seen < now);
        let Some(mut verdict) = whole.one(condition) else { continue };
        if is_old {
            verdict =
                Verdict::progressing(&GENERIC_PROGRESSING, format!("{}, about an older generation", verdict.message));
        }
        is_unmet_only &= verdict.level < Level::Warn || condition.is_false();
        found.push(verdict);
    }
    // What is set aside is neither ready nor on its way, as long as nothing says outright that it failed.
    if is_unmet_only && found.iter().any(|verdict| verdict.level == Level::Suspended) {
        found.retain(|verdict| verdict.level <= Level::Suspended);
    }
    let verdict = found.into_iter().reduce(Verdict::and)?;
    Some(Said { verdict, is_unmet_only })
}

/// The condition that speaks of the whole: one of [`SUMMARY`], or the only good one that there is.
fn lead(conditions: &[Condition]) -> Option<&Condition> {
    let named = SUMMARY.iter().find_map(|name| find_condition(conditions, name));
    named.or_else(|| {
        let is_step = |kind: &str| matches!(kind, "Running" | "Created" | "Started");
        let mut good =
            conditions.iter().filter(|it| polarity(&it.r#type) == Polarity::Good && !is_step(it.r#type.as_str()));
        good.next().filter(|_| good.next().is_none())
    })
}

/// What must be known of all conditions to judge one.
struct Whole<'a> {
    lead: Option<&'a Condition>,
    is_ready: bool,
    is_at_work: bool,
}

impl Whole<'_> {
    fn one(&self, condition: &Condition) -> Option<Verdict> {
        let kind = condition.r#type.as_str();
        let text = || {
            let said = condition.text();
            if said.is_empty() {
                format!("{kind} is {}", condition.status)
            } else {
                format!("{kind} is {}: {said}", condition.status)
            }
        };
        let is_summary = SUMMARY.contains(&kind) || self.lead.is_some_and(|lead| lead.r#type == condition.r#type);
        // A part that is not there while the whole is ready is not wanted.
        let is_spare = self.is_ready && !is_summary;
        let fail = || Verdict::fail(&GENERIC_NOT_READY, text());
        let warn = || Verdict::warn(&GENERIC_WARNING, text());
        let at_work = || Verdict::progressing(&GENERIC_PROGRESSING, text());
        let well = || {
            let said: &str = if condition.message.is_empty() { kind } else { &condition.message };
            Verdict::ok(&GENERIC_READY, said.to_owned())
        };
        let verdict =
            match (polarity(kind), condition.is_true(), condition.is_false()) {
                // A type that is not known, and a reason that is an error (`LastAsyncOperation`, `AsyncCreateFailure`).
                (Polarity::Neutral | Polarity::Work, _, true)
                    if !NEUTRAL.contains(&kind) && reason_is_error(&condition.reason) == Some(true) =>
                {
                    if self.is_ready { warn() } else { fail() }
                }
                (Polarity::Hold, true, _) => Verdict::suspended(&SUSPENDED, text()),
                // `Progressing=True` stays when a Deployment is done, and says so in its reason.
                (Polarity::Work, true, _) if reason_is_done(&condition.reason) => well(),
                (Polarity::Work, true, _) => at_work(),
                (Polarity::Bad, true, _) if self.is_ready && !TERMINAL.contains(&kind) => warn(),
                (Polarity::Bad, true, _) => fail(),
                // The conditions of jobs: Created, Running, Succeeded. Running is the way there.
                (Polarity::Good, true, _) if matches!(kind, "Running" | "Created" | "Started") => {
                    if self.lead.is_some() {
                        return None;
                    }
                    if reason_is_done(&condition.reason) { well() } else { at_work() }
                }
                // It has come to an end, and to a bad one.
                (Polarity::Good, true, _)
                    if matches!(kind, "Complete" | "Completed" | "Done" | "Finished")
                        && reason_is_error(&condition.reason) == Some(true) =>
                {
                    fail()
                }
                (Polarity::Good, true, _) => well(),
                (Polarity::Good, _, true) if !is_spare && sense_of_word(&condition.reason) == Some(Sense::Held) => {
                    Verdict::suspended(&SUSPENDED, text())
                }
                (Polarity::Good, _, true) => {
                    let by_reason = reason_is_error(&condition.reason);
                    let is_plain = by_reason == Some(false) && message_is_plain_error(&condition.message);
                    let error = if is_plain { Some(true) } else { by_reason };
                    match error.or_else(|| message_is_error(&condition.message)) {
                        Some(true) if is_spare => warn(),
                        Some(true) => fail(),
                        _ if is_spare => return None,
                        Some(false) => at_work(),
                        // `Ready=False` with a reason that is no error word: the convention says not ready.
                        None if is_summary && !self.is_at_work && !condition.reason.is_empty() => fail(),
                        None => at_work(),
                    }
                }
                // Neither True nor False.
                (Polarity::Good, false, false) if is_summary || self.lead.is_none() => {
                    match reason_is_error(&condition.reason) {
                        Some(true) => fail(),
                        _ if &*condition.reason == "Unknown" => Verdict::unknown(&GENERIC_UNKNOWN, text()),
                        _ => at_work(),
                    }
                }
                _ => return None,
            };
        Some(verdict.since(condition.since()))
    }
}

//! What comes before any kind's own rule: deletion, suspension, generations, missing status.

use super::Related;
use crate::object::{Object, ObjectRef};
use crate::report::{Level, Verdict, codes};
use crate::text;
use jiff::Timestamp;

codes! {
    OK = "ok", "As it should be",
        "Every sign that this kind gives says that it works.",
        "Nothing to do.";
    OBJECT_UNREADABLE = "object-unreadable", "The object does not have the shape of its kind",
        "A field holds another type than the API defines, so no rule can judge the object. A real API server does not serve such objects; a hand-written or cut file may hold them.",
        "Compare the object with `kubectl explain KIND`; fetch the file again.";
    TERMINATING = "terminating", "Being deleted",
        "A deletion was asked for and is within its time.",
        "Nothing to do unless it stays.";
    TERMINATING_STUCK = "terminating-stuck", "The deletion does not end",
        "The deletion is older than its grace period and than fifteen minutes. Something that must happen before the object goes (a finalizer) does not happen, mostly because the controller that owns the finalizer is gone or cannot reach what it must clean up.",
        "Find the controller behind the finalizer that is named and let it finish. Remove a finalizer by hand only when what it protects is known to be gone: for Flux objects with prune it may delete or orphan everything they manage.";
    SUSPENDED = "suspended", "Suspended on purpose",
        "Somebody has set the object aside: its controller does nothing until it is resumed.",
        "Resume it when the reason is gone: `flux resume KIND NAME -n NAMESPACE` for Flux, `spec.suspend: false` (or what the message names) for others.", Final;
    SUSPENDED_LONG = "suspended-long", "Suspended for more than a day",
        "The object was set aside and has stayed so for more than a day: changes in Git or drift in the cluster go unnoticed meanwhile.",
        "Ask who suspended it and why: `kubectl get KIND NAME -n NAMESPACE -o yaml --show-managed-fields` names who wrote the field. Then resume it.", Final;
    NOT_OBSERVED = "generation-not-observed", "The controller has not looked at the last change",
        "The spec has a newer generation than the one that the status speaks of, so the status is about the past. Shortly after a change this is normal.",
        "If it stays: look at the controller of this kind, it is down, busy or not watching this namespace.";
    NO_STATUS = "no-status", "No controller is acting on the object",
        "The object is old enough to have a status and has none: the controller of this kind is not running, does not watch this namespace, or does not know this version.",
        "Check that the operator runs, which namespaces it watches, and which API versions it serves.";
}

/// The verdict of an object that is being deleted; `None` for others.
pub(super) fn terminating(object: &Object, related: &Related<'_>, now: Timestamp) -> Option<Verdict> {
    let deleted = object.meta.deletion_timestamp.get()?;
    // The timestamp is when the grace period ends, so the grace is already in it.
    let overdue = now.duration_since(deleted).as_secs();
    let finalizers: Vec<&str> = object.meta.finalizers.iter().map(|name| name.as_str()).collect();
    let held = if finalizers.is_empty() { String::new() } else { format!(", held by {}", finalizers.join(", ")) };
    let verdict = if overdue > related.limits.terminating_seconds {
        Verdict::fail(&TERMINATING_STUCK, format!("deletion is {} overdue{held}", text::age(deleted, now)))
    } else {
        Verdict::progressing(&TERMINATING, format!("is being deleted{held}"))
    };
    Some(verdict.since(Some(deleted)))
}

/// The verdict of an object that is held on purpose, `how` saying by what (`spec.suspend`).
/// It is a warning once it has been so for longer than the limit, where `since` is known.
pub(super) fn suspended(how: &str, since: Option<Timestamp>, related: &Related<'_>, now: Timestamp) -> Verdict {
    let long = since.is_some_and(|since| now.duration_since(since).as_secs() > related.limits.suspended_seconds);
    let verdict = Verdict::suspended(&SUSPENDED, format!("suspended by {how}")).since(since);
    match since {
        Some(since) if long => {
            let note = format!("suspended for {}: it may be forgotten", text::age(since, now));
            // The level stays Suspended: that is what the object is. The note makes it show.
            let mut verdict = verdict;
            verdict.more.push(Verdict::warn(&SUSPENDED_LONG, note).since(Some(since)));
            verdict
        }
        _ => verdict,
    }
}

/// The verdict of an object whose controller has not looked at its newest generation; `None` when
/// it has, or when either number is not there.
pub(super) fn generation(
    object: &Object,
    observed: Option<i64>,
    related: &Related<'_>,
    now: Timestamp,
) -> Option<Verdict> {
    let generation = object.meta.generation?;
    let observed = observed?;
    if observed >= generation {
        return None;
    }
    let message = format!("generation {generation} is not observed yet (status speaks of {observed})");
    let created = object.meta.creation_timestamp.get();
    // Only the creation is known to lie before the change, so only a new object has a known age.
    let late = generation <= 1
        && created.is_some_and(|time| now.duration_since(time).as_secs() > related.limits.unobserved_seconds);
    let level = if late { Level::Warn } else { Level::Progressing };
    Some(Verdict::new(level, &NOT_OBSERVED, message))
}

/// The verdict of an object that has no status: progressing while it is new, then failed, with
/// `controller` as the one to look at where it is known.
pub(super) fn no_status(
    object: &Object,
    controller: Option<ObjectRef>,
    related: &Related<'_>,
    now: Timestamp,
) -> Verdict {
    let Some(created) = object.meta.creation_timestamp.get() else {
        return Verdict::progressing(&NO_STATUS, "has no status yet, and no age: a manifest, or just created");
    };
    let age = now.duration_since(created).as_secs();
    let mut verdict = if age > related.limits.no_status_seconds {
        Verdict::fail(
            &NO_STATUS,
            format!("has no status after {}: no controller is acting on it", text::age(created, now)),
        )
    } else {
        Verdict::progressing(&NO_STATUS, "has no status yet")
    };
    verdict = verdict.since(Some(created));
    match controller {
        Some(controller) => verdict.blame(controller),
        None => verdict,
    }
}

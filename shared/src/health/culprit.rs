//! Names the objects that explain a custom resource which does not work.

use super::{Related, lead_condition, pod, precedence};
use crate::object::{Custom, Lookup, Object, ObjectRef, find_condition};
use crate::report::{Code, Level, Verdict};
use crate::text;
use jiff::Timestamp;

/// The verdict of an object whose content is no JSON object.
pub(super) fn unreadable() -> Verdict {
    Verdict::unknown(&precedence::OBJECT_UNREADABLE, "has not the shape of its kind")
}

/// The time at a JSON pointer below `status`.
pub(super) fn time(custom: &Custom, pointer: &str) -> Option<Timestamp> {
    custom.status_text(pointer).parse().ok()
}

/// The worst of these pods, where it is a warning or worse, as evidence and as the cause.
pub(super) fn pods<'a>(
    verdict: Verdict,
    pods: impl IntoIterator<Item = &'a Object>,
    related: &Related<'_>,
    now: Timestamp,
) -> Verdict {
    match pod::worst_pod(pods, related, now) {
        Some((pod, state)) if state.level >= Level::Warn => {
            verdict.evidence(format!("pod {}: {}", pod.meta.name, state.message)).blame(pod.reference())
        }
        _ => verdict,
    }
}

/// What is on its way while one of its pods fails has failed.
pub(super) fn descend<'a>(
    verdict: Verdict,
    failed: &'static Code,
    pods: impl IntoIterator<Item = &'a Object>,
    related: &Related<'_>,
    now: Timestamp,
) -> Verdict {
    match pod::worst_pod(pods, related, now) {
        Some((pod, state)) if state.level == Level::Fail => Verdict::fail(failed, verdict.message.clone())
            .since(state.since.or(verdict.since))
            .evidence(format!("pod {}: {}", pod.meta.name, state.message))
            .blame(pod.reference()),
        _ => verdict,
    }
}

/// Another object that this one cannot do without: named as the cause where it is not well, or was
/// looked for and is not there.
pub(super) fn object(verdict: Verdict, target: ObjectRef, related: &Related<'_>, now: Timestamp) -> Verdict {
    if target.name.is_empty() {
        return verdict;
    }
    match related.inventory.find(&target) {
        Lookup::Found(found) => {
            let state = super::assess(found, related, now);
            if state.level < Level::Warn {
                return verdict;
            }
            verdict.evidence(format!("{} {}: {}", target.kind, target.name, state.message)).blame(target)
        }
        Lookup::Missing => verdict.evidence(format!("{} {} does not exist", target.kind, target.name)).blame(target),
        Lookup::Unread => verdict,
    }
}

/// As [`object`], for a reference to a kind that the object's author chose. A custom resource is asked
/// only whether it says Ready=False: judging it by its own rule could lead back here.
pub(super) fn reference(verdict: Verdict, target: ObjectRef, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = related.inventory.find(&target).found().and_then(Object::custom) else {
        return object(verdict, target, related, now);
    };
    match find_condition(&custom.conditions(), "Ready").filter(|ready| ready.is_false()) {
        Some(ready) => {
            let said = lead_condition::said(ready);
            verdict.evidence(format!("{} {}: {said}", target.kind, target.name)).blame(target)
        }
        None => verdict,
    }
}

/// As [`object`], where an object that is not there is no cause: what has ended takes its parts along.
pub(super) fn object_if_found(verdict: Verdict, target: ObjectRef, related: &Related<'_>, now: Timestamp) -> Verdict {
    if related.inventory.find(&target).found().is_none() {
        return verdict;
    }
    object(verdict, target, related, now)
}

/// Held on purpose; where a queue holds it, which one.
pub(super) fn held(
    how: &str,
    since: Option<Timestamp>,
    object: &Object,
    related: &Related<'_>,
    now: Timestamp,
) -> Verdict {
    let verdict = precedence::suspended(how, since, related, now);
    match object.meta.labels.get("kueue.x-k8s.io/queue-name") {
        Some(queue) => verdict.evidence(format!("waits in the queue {queue}")),
        None => verdict,
    }
}

/// On the way. Once that has lasted for more than `limit` seconds since `since`, a warning beside it
/// says so: the object still is what its controller says that it is.
pub(super) fn on_the_way(
    code: &'static Code,
    late: &'static Code,
    message: &str,
    since: Option<Timestamp>,
    limit: i64,
    now: Timestamp,
) -> Verdict {
    let mut verdict = Verdict::progressing(code, message.to_owned()).since(since);
    if let Some(since) = since.filter(|since| now.duration_since(*since).as_secs() > limit) {
        let note = format!("has been on its way for {}: {message}", text::age(since, now));
        verdict.more.push(Verdict::warn(late, note).since(Some(since)));
    }
    verdict
}

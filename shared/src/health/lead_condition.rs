//! Kinds whose whole state is one condition, such as `Ready` or `Synced`.

use super::{Related, precedence};
use crate::object::{Condition, Custom, Object, find_condition};
use crate::report::{Code, Level, Verdict};
use crate::text;
use jiff::Timestamp;

/// The codes of a kind that is judged by one condition.
pub(super) struct Codes {
    /// The condition is True.
    pub(super) met: &'static Code,
    /// It is not there yet, or Unknown.
    pub(super) waits: &'static Code,
    /// It is False.
    pub(super) failed: &'static Code,
}

/// The verdict by the condition `name`. True is OK and False is FAIL, as Argo CD's scripts have it
/// for such kinds; Unknown is on the way until `progress_seconds` have passed, then unknown.
pub(super) fn judge(
    object: &Object,
    custom: &Custom,
    name: &str,
    codes: &Codes,
    related: &Related<'_>,
    now: Timestamp,
) -> Verdict {
    let conditions = custom.conditions();
    let Some(lead) = find_condition(&conditions, name) else {
        return if conditions.is_empty() {
            precedence::no_status(object, None, related, now)
        } else {
            paced(codes.waits, &format!("no {name} condition yet"), object.meta.creation_timestamp.get(), related, now)
        };
    };
    let since = lead.since();
    let observed = lead.observed_generation.filter(|seen| *seen > 0).or_else(|| custom.observed_generation());
    if let Some(verdict) = precedence::generation(object, observed, related, now) {
        return verdict.evidence(format!("before the change: {}", said(lead)));
    }
    if lead.is_false() {
        return Verdict::fail(codes.failed, said(lead)).since(since);
    }
    if lead.is_true() {
        let words = if lead.message.is_empty() { name } else { &lead.message };
        return Verdict::ok(codes.met, words.to_owned()).since(since);
    }
    paced(codes.waits, &said(lead), since, related, now)
}

/// What a condition says, in one text: never empty.
pub(super) fn said(condition: &Condition) -> String {
    let text = condition.text();
    let text = text.trim();
    if text.is_empty() { format!("{} is {}", condition.r#type, condition.status) } else { text.to_owned() }
}

fn paced(
    code: &'static Code,
    message: &str,
    since: Option<Timestamp>,
    related: &Related<'_>,
    now: Timestamp,
) -> Verdict {
    let late = since.filter(|since| now.duration_since(*since).as_secs() > related.limits.progress_seconds);
    let (level, message) = match late {
        Some(since) => (Level::Unknown, format!("{message}, for {}", text::age(since, now))),
        None => (Level::Progressing, message.to_owned()),
    };
    Verdict::new(level, code, message).since(since)
}

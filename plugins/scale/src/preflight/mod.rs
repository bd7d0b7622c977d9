//! What is looked at before a change: whether the pods fit, quotas, volumes, budgets, and how the object is now. Pure.

pub(crate) mod budget;
pub(crate) mod fit;
pub(crate) mod node;
pub(crate) mod pods;
pub(crate) mod quota;
pub(crate) mod volumes;

use crate::situation::Situation;
use mlops_shared::health::{Related, assess};
use mlops_shared::object::{SectionState, Unread};
use mlops_shared::platform::Platform;
use mlops_shared::report::{Level, Preflight};

/// A line of the preflight.
pub(crate) fn check(check: &str, verdict: Level, message: impl Into<String>, evidence: Vec<String>) -> Preflight {
    Preflight { check: check.to_owned(), verdict, message: message.into(), evidence }
}

/// Why a kind was not read as a whole; `None` when it was, or is not served.
pub(crate) fn unread(situation: &Situation<'_>, group: &str, kind: &str) -> Option<String> {
    let inventory = situation.inventory;
    match inventory.section(group, kind).map(|section| &section.state) {
        Some(SectionState::Read(_)) => None,
        Some(SectionState::Partly(..)) => Some(format!("{kind}s were read in part only")),
        Some(SectionState::Unread(Unread::NotServed)) => None,
        Some(SectionState::Unread(_)) => Some(format!("{kind}s were not read")),
        None if inventory.is_complete() => None,
        None => Some(format!("what was read has no {kind}s")),
    }
}

/// How the object is before the change.
pub(crate) fn health(situation: &Situation<'_>, platform: &Platform) -> Preflight {
    let related = Related { inventory: situation.inventory, limits: &platform.thresholds };
    let verdict = assess(situation.object, &related, situation.now);
    let (level, what) = match verdict.level {
        Level::Ok | Level::Absent => (Level::Ok, "it is well before"),
        Level::Progressing => (Level::Warn, "it has not settled from the last change"),
        Level::Suspended => (Level::Warn, "it is held before"),
        Level::Unknown => (Level::Unknown, "nobody can tell how it is before"),
        Level::Warn | Level::Fail => (Level::Warn, "it is not well before"),
    };
    let more = verdict.more.iter().map(|more| format!("{}: {}", more.level, more.message));
    let evidence = verdict.evidence.iter().cloned().chain(more).take(8).collect();
    check("health", level, format!("{what}: {} [{}]", verdict.message, verdict.code.id), evidence)
}

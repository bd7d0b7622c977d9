//! Sources: what is fetched, and what is still served when fetching fails.

use super::FLUX_ARTIFACT_OLD;
use super::common::{common, static_kind};
use super::relations::{blame_if_unwell, source_ref};
use crate::health::Related;
use crate::object::{Object, find_condition};
use crate::report::{Level, Verdict};
use jiff::Timestamp;

pub(super) fn helm_repository(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    match object.custom() {
        Some(custom) if custom.spec_text("/type") == "oci" && custom.conditions().is_empty() => {
            static_kind(object, related, now)
        }
        _ => source(object, related, now),
    }
}

pub(super) fn source(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let verdict = common(object, related, now);
    let Some(custom) = object.custom() else { return verdict };
    let revision = custom.status_text("/artifact/revision");
    let mut verdict = verdict;
    // Ready speaks of the artifact that is served; these speak of the one that should be.
    let conditions = custom.conditions();
    let broken =
        ["FetchFailed", "StorageOperationFailed"].into_iter().filter_map(|name| find_condition(&conditions, name));
    if let Some(broken) = broken.into_iter().find(|condition| condition.is_true()).filter(|_| verdict.is_ok()) {
        let text = format!("Ready, and newer revisions are not fetched: {}", broken.text());
        verdict = verdict.and(Verdict::warn(&FLUX_ARTIFACT_OLD, text).since(broken.since()));
    }
    if verdict.level == Level::Fail && !revision.is_empty() {
        let since = custom.status_text("/artifact/lastUpdateTime");
        verdict = verdict.evidence(format!("the cluster still runs revision {revision} of {since}"));
    }
    let reference = custom.spec_at("/sourceRef").map(|reference| source_ref(reference, "", object));
    match reference {
        Some(reference) if verdict.level > Level::Ok => blame_if_unwell(verdict, reference, related, now),
        _ => verdict,
    }
}

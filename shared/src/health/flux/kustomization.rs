//! Kustomizations: applied or not, from which revision, how long ago, and whether what they applied works.

use super::common::common;
use super::relations::{
    assess_shallow, blame_dependencies, blame_if_unwell, blame_webhook, source_ref, verdict_of_inventory,
};
use super::{FLUX_FAILED, FLUX_OLD_REVISION, FLUX_RECONCILING, FLUX_STALE};
use crate::health::Related;
use crate::object::{Custom, Lookup, Object, ObjectRef};
use crate::ownership::inventory_ids;
use crate::report::{Level, Verdict};
use crate::text;
use jiff::{SignedDuration, Timestamp};

/// Ready=True that nobody refreshed: the newest entry of the history says when somebody did
/// (kustomize-controller 1.7 and later).
fn stale(custom: &Custom, now: Timestamp) -> Option<Verdict> {
    let last: Timestamp = custom.status_text("/history/0/lastReconciled").parse().ok()?;
    let duration = |pointer: &str| text::parse_duration(custom.spec_text(pointer));
    let interval = duration("/interval")?;
    let timeout = duration("/timeout").unwrap_or(interval);
    let limit = interval.saturating_mul(2).saturating_add(timeout).saturating_add(SignedDuration::from_secs(60));
    (now.duration_since(last) > limit).then(|| {
        let text = format!(
            "says Ready, last reconciled {} ago with an interval of {}",
            text::age(last, now),
            custom.spec_text("/interval")
        );
        Verdict::fail(&FLUX_STALE, text).since(Some(last))
    })
}

/// While a try runs Ready is Unknown, and for what always fails its health checks that is most of the time: the
/// newest entry of the history says how the last try ended (fluxcd/pkg `apis/meta/history_types.go`).
fn last_try(custom: &Custom) -> Option<Verdict> {
    let outcome = custom.status_text("/history/0/lastReconciledStatus");
    if matches!(outcome, "" | "ReconciliationSucceeded") {
        return None;
    }
    let count = custom.status_number("/history/0/totalReconciliations").and_then(|count| usize::try_from(count).ok());
    let times = count.filter(|count| *count > 1).map_or_else(String::new, |count| format!(", {count} times so far"));
    let since = custom.status_text("/history/0/firstReconciled").parse().ok();
    let text = format!("the last try ended with {outcome}{times}, and the next one runs");
    Some(Verdict::warn(&FLUX_FAILED, text).since(since))
}

/// Which revision the cluster still runs while a newer one fails.
fn with_revisions(verdict: Verdict, custom: &Custom) -> Verdict {
    let (applied, tried) = (custom.status_text("/lastAppliedRevision"), custom.status_text("/lastAttemptedRevision"));
    match (applied.is_empty(), tried.is_empty()) {
        _ if verdict.level != Level::Fail || applied == tried => verdict,
        (true, false) => verdict.evidence(format!("was never applied; tried was {tried}")),
        (false, false) => verdict.evidence(format!("applied is {applied}, tried was {tried}")),
        (_, true) => verdict,
    }
}

/// Objects that a failed health check names: `[Kafka/data-plane/x status: 'InProgress', …]`.
fn named_objects<'a>(message: &str, custom: &'a Custom) -> impl Iterator<Item = ObjectRef> + 'a {
    let message = message.to_owned();
    inventory_ids(custom).filter(move |id| message.contains(&id.to_string()))
}

pub(super) fn kustomization(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let verdict = common(object, related, now);
    let Some(custom) = object.custom() else { return verdict };
    let source = custom.spec_at("/sourceRef").map(|reference| source_ref(reference, "GitRepository", object));
    if verdict.level == Level::Suspended {
        return verdict;
    }
    let verdict = match last_try(custom).filter(|_| verdict.code == &FLUX_RECONCILING) {
        Some(failed) => failed.and(verdict),
        None => verdict,
    };
    if verdict.level > Level::Ok {
        let named: Vec<ObjectRef> = named_objects(&verdict.message, custom).collect();
        let verdict = blame_webhook(with_revisions(verdict, custom), related, now);
        let mut verdict = blame_dependencies(verdict, object, custom, related, now);
        for id in named {
            if let Lookup::Found(found) = related.inventory.find(&id)
                && assess_shallow(found, related, now).level > Level::Ok
            {
                verdict = verdict.blame(id);
            }
        }
        return match source {
            Some(source) if verdict.blames.is_empty() => blame_if_unwell(verdict, source, related, now),
            _ => verdict,
        };
    }
    if let Some(stale) = stale(custom, now) {
        return stale;
    }
    let mut verdict = verdict;
    let applied = custom.status_text("/lastAppliedRevision");
    if let Some(Lookup::Found(source)) = source.map(|source| related.inventory.find(&source))
        && let Some(wanted) = source.custom().map(|custom| custom.status_text("/artifact/revision"))
        && !wanted.is_empty()
        && !applied.is_empty()
        && wanted != applied
    {
        verdict =
            verdict.and(Verdict::progressing(&FLUX_OLD_REVISION, format!("applied {applied}, source has {wanted}")));
    }
    let watches = custom.spec_true("/wait") || !custom.spec_list("/healthChecks").is_empty();
    if watches { verdict } else { verdict_of_inventory(verdict, custom, related, now) }
}

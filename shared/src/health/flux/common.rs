//! What all kinds of Flux share: suspension, generations, Stalled, Reconciling, Ready, asked-for reconciliations.

use super::failure::class;
use super::{FLUX_FAILED, FLUX_READY, FLUX_RECONCILING, FLUX_REQUEST, FLUX_STALLED, FLUX_STATIC, HELM_RETRIES};
use crate::health::{Related, lead_condition, pauses, precedence};
use crate::object::{Custom, Object, find_condition};
use crate::report::Verdict;
use crate::text;
use jiff::Timestamp;

/// Static kinds have no status subresource (older versions had one, and it then counts).
pub(super) fn static_kind(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    match object.custom() {
        Some(custom) if !custom.spec_true("/suspend") && custom.conditions().is_empty() => {
            Verdict::ok(&FLUX_STATIC, "has no status by design")
        }
        _ => common(object, related, now),
    }
}

/// What all of Flux's kinds share: suspension, generation, Stalled, Reconciling, Ready.
pub(super) fn common(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else {
        return Verdict::unknown(&precedence::OBJECT_UNREADABLE, "is no object of Flux");
    };
    if let Some(verdict) = pauses::held(object, related, now) {
        return verdict;
    }
    let conditions = custom.conditions();
    let condition = |name: &str| find_condition(&conditions, name);
    let is_true = |name: &str| condition(name).filter(|condition| condition.is_true());
    let ready = condition("Ready");
    if let Some(stalled) = is_true("Stalled") {
        let why = ready.filter(|ready| ready.is_false()).unwrap_or(stalled);
        let gave_up = class(stalled).filter(|code| code.id == HELM_RETRIES.id);
        let code = gave_up.or_else(|| class(why)).unwrap_or(&FLUX_STALLED);
        return Verdict::fail(code, format!("stalled: {}", lead_condition::said(why))).since(stalled.since());
    }
    let Some(ready) = ready else {
        // The API server sets -1 until the controller has been there.
        let is_new = conditions.is_empty() && custom.observed_generation().unwrap_or(-1) < 1;
        return if is_new || !custom.has_status {
            precedence::no_status(object, None, related, now)
        } else {
            Verdict::progressing(&FLUX_RECONCILING, "waits to be reconciled")
        };
    };
    let retrying = is_true("Reconciling").filter(|condition| &*condition.reason == "ProgressingWithRetry");
    if ready.is_false() {
        // The first tries of a new object, and dependencies, resolve themselves.
        let at_work = is_true("Reconciling").is_some() && retrying.is_none();
        let waits = matches!(&*ready.reason, "Progressing" | "ProgressingWithRetry" | "DependencyNotReady");
        let code = class(ready).unwrap_or(&FLUX_FAILED);
        let tries = if retrying.is_some() { " (retrying)" } else { "" };
        let text = format!("{}{tries}", lead_condition::said(ready));
        // What failed before stands until the next try has ended.
        let has_failed = class(ready).is_some() && !waits;
        let verdict = if (at_work && !has_failed) || (waits && retrying.is_none()) {
            Verdict::progressing(if waits { code } else { &FLUX_RECONCILING }, text)
        } else {
            Verdict::fail(code, text)
        };
        return verdict.since(ready.since());
    }
    if let Some(verdict) = precedence::generation(object, custom.observed_generation(), related, now) {
        return verdict;
    }
    if !ready.is_true() || is_true("Reconciling").is_some() {
        return Verdict::progressing(&FLUX_RECONCILING, lead_condition::said(ready)).since(ready.since());
    }
    let verdict = Verdict::ok(&FLUX_READY, ready.message.to_string()).since(ready.since());
    match unhandled_request(object, custom, now) {
        Some(finding) => verdict.and(finding),
        None => verdict,
    }
}

fn unhandled_request(object: &Object, custom: &Custom, now: Timestamp) -> Option<Verdict> {
    let requested = object.meta.annotations.get("reconcile.fluxcd.io/requestedAt")?;
    let handled = custom.status_text("/lastHandledReconcileAt");
    // These had no such field before Flux 2.7, so that nothing there proves nothing.
    let is_mute = matches!(&*object.ty.kind, "ImagePolicy" | "ExternalArtifact" | "FluxReport") && handled.is_empty();
    if requested == handled || is_mute {
        return None;
    }
    let at: Timestamp = requested.parse().ok()?;
    (now.duration_since(at).as_secs() > 60).then(|| {
        let text = format!("asked to reconcile {} ago, not handled", text::age(at, now));
        Verdict::warn(&FLUX_REQUEST, text).since(Some(at))
    })
}

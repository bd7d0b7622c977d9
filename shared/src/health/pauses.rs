//! What is paused: by whom, why, and whether it should have ended. Pauses are forgotten more often than they are lifted.

use super::Related;
use super::precedence::{SUSPENDED_LONG, suspended};
use crate::object::Object;
use crate::ownership::{ExemptionKind, Hold, Setter, Stamp, exemption, hold, setter};
use crate::report::{Level, Verdict, codes};
use crate::text;
use jiff::Timestamp;

codes! {
    PAUSE_OVERDUE = "pause-overdue", "A pause should have ended",
        "The object was paused until a time that has passed, or that nobody can read (annotation mlops.dev/paused-until). Meanwhile its controller does nothing: changes in Git do not arrive, and drift stays.",
        "Ask who is named whether the work is done, then resume it: `flux resume`, or take the annotation away that is named. If it is not done, set mlops.dev/paused-until to a new time.", Final;
    KEPT_OFF = "flux-kept-off", "Flux is kept off the object",
        "kustomize.toolkit.fluxcd.io/reconcile: disabled stands on the object: Flux neither applies nor prunes it. What Git says of it does not arrive, and nothing else shows that.",
        "Take the annotation or label away when its reason is gone; Flux then applies what Git says.", Final;
}

/// The verdict of an object that something holds its controller off; `None` for others.
pub(super) fn held(object: &Object, related: &Related<'_>, now: Timestamp) -> Option<Verdict> {
    let hold = hold(object)?;
    Some(suspended(&hold.how, hold.since, related, now))
}

/// Adds what a pause says of itself, and that it is overdue.
pub(super) fn note(object: &Object, verdict: Verdict, related: &Related<'_>, now: Timestamp) -> Verdict {
    match hold(object) {
        Some(hold) => of_hold(&hold, verdict, now),
        None => of_exemption(object, verdict, related, now),
    }
}

fn of_hold(hold: &Hold, mut verdict: Verdict, now: Timestamp) -> Verdict {
    // What does not show as suspended says something else first: it has failed, or it is about to end.
    if verdict.level == Level::Suspended {
        verdict.evidence.extend(told(&hold.stamp, hold.set_by.as_deref(), hold.since));
    }
    match overdue(&hold.how, &hold.stamp, now) {
        // The level stays what the object is, as for what is suspended for long; the note makes it show.
        Some(overdue) if verdict.level == Level::Suspended => {
            verdict.more.retain(|more| more.code.id != SUSPENDED_LONG.id);
            verdict.more.push(overdue);
            verdict
        }
        Some(overdue) => verdict.and(overdue),
        None => verdict,
    }
}

fn of_exemption(object: &Object, verdict: Verdict, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(exemption) = exemption(object).filter(|exemption| exemption.kind == ExemptionKind::Reconcile) else {
        return verdict;
    };
    let touch = object.meta.managed_fields.last();
    let set_by = touch.map(|touch| touch.manager.as_str()).filter(|manager| !manager.is_empty());
    // A chart or a bootstrap that sets it means it so.
    if set_by.is_some_and(|manager| !matches!(setter(manager), Setter::Person | Setter::Suite)) {
        return verdict;
    }
    let since = exemption.stamp.at.or_else(|| touch.and_then(|touch| touch.time.get()));
    let is_long = since.is_some_and(|since| now.duration_since(since).as_secs() > related.limits.suspended_seconds);
    let level = if is_long { Level::Warn } else { Level::Suspended };
    let text = format!("kept out of Flux's hands by {}", exemption.how);
    let finding = overdue(&exemption.how, &exemption.stamp, now)
        .unwrap_or_else(|| Verdict::new(level, &KEPT_OFF, text).since(since));
    let lines = told(&exemption.stamp, set_by, since);
    verdict.and(lines.into_iter().fold(finding, Verdict::evidence))
}

fn overdue(how: &str, stamp: &Stamp, now: Timestamp) -> Option<Verdict> {
    if !stamp.is_overdue(now) {
        return None;
    }
    let text = match stamp.until.as_ref()? {
        Ok(until) => format!("paused by {how} until {until}, {} ago", text::age(*until, now)),
        Err(until) => format!("paused by {how}, and until when is no time: {:?}", text::truncate(until, 60)),
    };
    let ended = stamp.until.as_ref().and_then(|until| until.as_ref().ok()).copied();
    Some(Verdict::warn(&PAUSE_OVERDUE, text).since(ended))
}

fn told(stamp: &Stamp, set_by: Option<&str>, since: Option<Timestamp>) -> Option<String> {
    let who = stamp.who_and_why();
    let set = set_by.map(|manager| {
        let when = since.map_or_else(String::new, |since| format!(" at {since}"));
        format!("set with {}{when}", text::truncate(manager, 80))
    });
    let until = stamp.until.as_ref().and_then(|until| until.as_ref().ok()).map(|until| format!("until {until}"));
    let parts: Vec<String> =
        [(!who.is_empty()).then(|| format!("paused {who}")), set, until].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests {
    use crate::health::testing::{expect, judge};
    use crate::report::Level;

    fn release(meta: &str) -> String {
        format!(
            "{{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {{name: r, namespace: f{meta}}}, \
             spec: {{suspend: true}}}}"
        )
    }

    const FIELDS: &str = ", managedFields: [{manager: flux, operation: Update, time: '2026-11-14T16:47:20Z', \
        fieldsV1: {'f:spec': {'f:suspend': {}}}}]";

    #[test]
    fn who_suspended_it_and_when_is_told() {
        let verdict = judge(&release(FIELDS), "HelmRelease", "r");
        assert_eq!((verdict.level, verdict.worst_level()), (Level::Suspended, Level::Warn));
        assert_eq!(verdict.more[0].code.id, "suspended-long");
        assert_eq!(verdict.evidence, ["set with flux at 2026-11-14T16:47:20Z"]);
        let fresh = judge(&release(&FIELDS.replace("11-14", "11-19")), "HelmRelease", "r");
        assert!(fresh.more.is_empty(), "{fresh:?}");
    }

    #[test]
    fn a_pause_that_should_have_ended_is_a_warning() {
        let stamped = |until: &str| {
            release(&format!(
                ", annotations: {{mlops.dev/paused-by: ada, mlops.dev/paused-reason: moving brokers, \
                 mlops.dev/paused-at: '2026-11-19T22:00:00Z', mlops.dev/paused-until: '{until}'}}"
            ))
        };
        let verdict = judge(&stamped("2026-11-20T01:00:00Z"), "HelmRelease", "r");
        let overdue = &verdict.more[0];
        assert_eq!((verdict.level, overdue.level, overdue.code.id), (Level::Suspended, Level::Warn, "pause-overdue"));
        assert_eq!(overdue.message, "paused by spec.suspend until 2026-11-20T01:00:00Z, 120m ago");
        assert_eq!(verdict.evidence, ["paused by ada: \"moving brokers\", until 2026-11-20T01:00:00Z"]);
        assert!(judge(&stamped("2026-11-20T04:00:00Z"), "HelmRelease", "r").more.is_empty());
        let odd = judge(&stamped("soon"), "HelmRelease", "r");
        assert_eq!(odd.more[0].message, "paused by spec.suspend, and until when is no time: \"soon\"");
        // The web interface of Flux Operator says only who.
        let web = judge(&release(", annotations: {fluxcd.controlplane.io/suspendedBy: bob}"), "HelmRelease", "r");
        assert_eq!(web.evidence, ["paused by bob"]);
        // Left over on an object that is resumed, it says nothing.
        let resumed = stamped("2026-11-20T01:00:00Z").replace("suspend: true", "suspend: false");
        assert!(judge(&resumed, "HelmRelease", "r").more.iter().all(|more| more.code.id != "pause-overdue"));
    }

    #[test]
    fn an_object_that_flux_is_kept_off_is_told() {
        let map = |extra: &str| {
            format!(
                "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: c, namespace: d, \
                 annotations: {{kustomize.toolkit.fluxcd.io/reconcile: Disabled{extra}}}}}}}"
            )
        };
        expect(&map(""), "ConfigMap", "c", Level::Suspended, "flux-kept-off");
        let until = ", mlops.dev/paused-until: '2026-11-19T00:00:00Z'";
        expect(&map(until), "ConfigMap", "c", Level::Warn, "pause-overdue");
        let label = map("").replace("annotations", "labels").replace("Disabled", "disabled");
        expect(&label, "ConfigMap", "c", Level::Suspended, "flux-kept-off");
        let fields = |manager: &str| {
            map("").replace(
                "name: c,",
                &format!(
                    "name: c, managedFields: [{{manager: {manager}, time: '2026-11-01T00:00:00Z', fieldsV1: \
                     {{'f:metadata': {{'f:annotations': {{'f:kustomize.toolkit.fluxcd.io/reconcile': {{}}}}}}}}}}],"
                ),
            )
        };
        // For weeks, by a person; and by a program that means it.
        expect(&fields("kubectl-annotate"), "ConfigMap", "c", Level::Warn, "flux-kept-off");
        expect(&fields("terraform"), "ConfigMap", "c", Level::Ok, "stateless");
    }
}

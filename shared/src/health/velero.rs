//! Velero: backups, restores, schedules, and where backups are kept.

use super::schedule::{Clock, Schedule};
use super::table::Rule;
use super::{Related, precedence};
use crate::object::{Custom, Lookup, Object, ObjectRef};
use crate::report::{Level, Verdict, codes};
use crate::text;
use jiff::Timestamp;
use serde_json::Value;

codes! {
    DONE = "velero-done", "It is complete",
        "The backup or restore ended without an error, or an earlier failure was made good.",
        "Nothing to do.";
    RUNS = "velero-runs", "It is on its way",
        "The backup or restore is queued, running or being finalised.",
        "Nothing to do but wait.";
    HANGS = "velero-hangs", "It does not end",
        "The backup or restore has run for more than a day.",
        "Look at the velero and node-agent pods and at the object's volumes.";
    FAILED = "velero-failed", "It has failed",
        "The backup or restore failed, in whole or in part; or its definition is not valid. A backup that failed in part lacks something.",
        "`velero backup describe NAME --details` and `velero backup logs NAME` name what is missing (`restore` likewise).";
    SCHEDULED = "velero-schedule", "Backups are scheduled",
        "The schedule is valid and enabled.",
        "Nothing to do.";
    INVALID = "velero-schedule-invalid", "The schedule is not valid",
        "Velero cannot read the schedule; no backup is made.",
        "Correct what the message names.";
    MISSED = "velero-schedule-missed", "Backups of the schedule were missed",
        "The schedule was due more than once and no backup was started: Velero does not run, or an earlier backup of the schedule has not ended.",
        "Look at the velero pod and at backups of the schedule that still run.";
    FAILING = "velero-schedule-failing", "Backups of the schedule fail",
        "The last backup of the schedule failed, in whole or in part: there is no complete one of that day.",
        "`velero backup describe NAME --details` of the backup that is named.";
    LOCATION_OK = "velero-location", "Backups can be stored",
        "Velero could read the place where backups are kept at its last look.",
        "Nothing to do.";
    LOCATION_WAITS = "velero-location-waits", "The place for backups is being checked",
        "Velero has not said yet whether it can reach it.",
        "Nothing to do but wait.";
    LOCATION_DOWN = "velero-location-down", "Backups cannot be stored",
        "Velero cannot reach the bucket, or its credentials are refused. No backup is made and none can be restored.",
        "Read the message; check the bucket, the endpoint and the credentials.";
    LOCATION_STALE = "velero-location-stale", "The place for backups is no longer checked",
        "It was well at the last look, and that was long ago: Velero looks every minute.",
        "Look at the velero pod and its log: `kubectl logs -n velero deploy/velero`.";
}

const GROUP: &str = "velero.io";

/// The rows of this family.
pub(super) const RULES: &[Rule] = &[
    Rule::new(GROUP, "Backup", backup),
    Rule::new(GROUP, "Restore", restore),
    Rule::new(GROUP, "Schedule", schedule),
    Rule::new(GROUP, "BackupStorageLocation", location),
];

/// A backup that runs for longer hangs.
const RUN_SECONDS: i64 = 86_400;
/// Velero validates a location every minute; after so long nobody does.
const VALIDATION_SECONDS: i64 = 3600;
const SCHEDULE_LABEL: &str = "velero.io/schedule-name";
/// Missed backups are counted to this number.
const MOST_MISSED: usize = 100;

fn unreadable() -> Verdict {
    Verdict::unknown(&precedence::OBJECT_UNREADABLE, "has not the shape of its kind")
}

fn time(custom: &Custom, pointer: &str) -> Option<Timestamp> {
    custom.status_text(pointer).parse().ok()
}

/// Phases as in velero `pkg/apis/velero/v1/backup_types.go`; levels as in Argo CD's
/// `velero.io/Backup/health.lua`, but a failed backup of a schedule is history once a later one is complete.
fn backup(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return unreadable() };
    let verdict = run(object, custom, related, now);
    if verdict.level != Level::Fail {
        return verdict;
    }
    if let Some(later) = later_success(object, custom, related) {
        return Verdict::ok(&DONE, format!("{}; {later} is complete since", verdict.message));
    }
    let name = custom.spec_text("/storageLocation");
    let verdict = with_location(verdict, object, if name.is_empty() { "default" } else { name }, related, now);
    // Its backups are told with the schedule: the next one will go the same way.
    match object.meta.labels.get(SCHEDULE_LABEL) {
        Some(schedule) => {
            let schedule = ObjectRef::new(GROUP, "Schedule", &object.meta.namespace, schedule);
            if related.inventory.find(&schedule).found().is_some() { verdict.blame(schedule) } else { verdict }
        }
        None => verdict,
    }
}

/// `pkg/apis/velero/v1/restore_types.go`, and Argo CD's `velero.io/Restore/health.lua`.
fn restore(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return unreadable() };
    let verdict = run(object, custom, related, now);
    let name = custom.spec_text("/backupName");
    let source = ObjectRef::new(GROUP, "Backup", &object.meta.namespace, name);
    if verdict.level == Level::Fail && !name.is_empty() && related.inventory.find(&source).is_missing() {
        return verdict.evidence(format!("Backup {name} does not exist")).blame(source);
    }
    verdict
}

fn run(object: &Object, custom: &Custom, related: &Related<'_>, now: Timestamp) -> Verdict {
    let phase = custom.status_text("/phase");
    let started = time(custom, "/startTimestamp");
    let ended = time(custom, "/completionTimestamp");
    match phase {
        "" if custom.has_status => Verdict::progressing(&RUNS, "has no phase yet").since(started),
        "" => precedence::no_status(object, None, related, now),
        "Completed" => Verdict::ok(&DONE, format!("completed{}", counts(custom))).since(ended),
        "Failed"
        | "PartiallyFailed"
        | "FailedValidation"
        | "WaitingForPluginOperationsPartiallyFailed"
        | "FinalizingPartiallyFailed" => {
            let reason = custom.status_text("/failureReason").trim();
            let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
            let verdict = Verdict::fail(&FAILED, format!("{phase}{reason}{}", counts(custom))).since(ended.or(started));
            let errors = custom.status_list("/validationErrors").iter().filter_map(Value::as_str);
            errors.take(10).fold(verdict, Verdict::evidence)
        }
        _ => {
            let since = started.or(object.meta.creation_timestamp.get());
            match since.filter(|since| now.duration_since(*since).as_secs() > RUN_SECONDS) {
                Some(since) => Verdict::warn(&HANGS, format!("{phase} for {}", text::age(since, now))),
                None => Verdict::progressing(&RUNS, phase.to_owned()),
            }
            .since(since)
        }
    }
}

/// ` (100 items, 2 errors, 1 warning)`
fn counts(custom: &Custom) -> String {
    let number = |pointer: &str| custom.status_number(pointer).and_then(|count| usize::try_from(count).ok());
    let items = number("/progress/itemsBackedUp").or_else(|| number("/progress/itemsRestored"));
    let mut parts: Vec<String> = items.map(|count| text::plural(count, "item")).into_iter().collect();
    for (pointer, noun) in [("/errors", "error"), ("/warnings", "warning")] {
        parts.extend(number(pointer).filter(|count| *count > 0).map(|count| text::plural(count, noun)));
    }
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

/// A complete backup of the same schedule that was made later.
fn later_success<'a>(object: &Object, custom: &Custom, related: &Related<'a>) -> Option<&'a str> {
    let schedule = object.meta.labels.get(SCHEDULE_LABEL)?;
    let made = time(custom, "/startTimestamp").or(object.meta.creation_timestamp.get())?;
    let all = related.inventory.in_namespace(GROUP, "Backup", &object.meta.namespace).iter();
    all.filter(|other| {
        other.meta.labels.has(SCHEDULE_LABEL, schedule)
            && other.custom().is_some_and(|it| {
                let when = time(it, "/startTimestamp").or(other.meta.creation_timestamp.get());
                it.status_text("/phase") == "Completed" && when.is_some_and(|when| when > made)
            })
    })
    .map(|other| other.meta.name.as_str())
    .next_back()
}

/// Blames the place for backups where it is missing or cannot be reached.
fn with_location(verdict: Verdict, object: &Object, name: &str, related: &Related<'_>, now: Timestamp) -> Verdict {
    match related.get(GROUP, "BackupStorageLocation", &object.meta.namespace, name) {
        Lookup::Found(found) => {
            let state = location(found, related, now);
            if state.level <= Level::Absent {
                return verdict;
            }
            verdict.evidence(format!("location {name}: {}", state.message)).blame(found.reference())
        }
        Lookup::Missing => verdict.evidence(format!("location {name} does not exist")).blame(ObjectRef::new(
            GROUP,
            "BackupStorageLocation",
            &object.meta.namespace,
            name,
        )),
        Lookup::Unread => verdict,
    }
}

/// `pkg/apis/velero/v1/schedule_types.go`, and Argo CD's `velero.io/Schedule/health.lua`.
fn schedule(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return unreadable() };
    if custom.spec_true("/paused") {
        return precedence::suspended("spec.paused", None, related, now);
    }
    let last = time(custom, "/lastBackup");
    match custom.status_text("/phase") {
        "" => precedence::no_status(object, None, related, now),
        "Enabled" => {
            let message = last.map_or("enabled, no backup yet".to_owned(), |last| {
                format!("enabled, last backup {} ago", text::age(last, now))
            });
            let verdict = Verdict::ok(&SCHEDULED, message);
            let verdict = failing(object, related, now).into_iter().fold(verdict, Verdict::and);
            missed(object, custom, last, related, now).into_iter().fold(verdict, Verdict::and)
        }
        "FailedValidation" => {
            let errors: Vec<&str> = custom.status_list("/validationErrors").iter().filter_map(Value::as_str).collect();
            let errors = if errors.is_empty() { "failed validation".to_owned() } else { errors.join("; ") };
            Verdict::fail(&INVALID, errors)
        }
        phase => Verdict::progressing(&RUNS, phase.to_owned()),
    }
}

/// The backups of a schedule, oldest first.
fn backups_of<'a>(schedule: &'a Object, related: &Related<'a>) -> Vec<(&'a Object, &'a Custom)> {
    let all = related.inventory.in_namespace(GROUP, "Backup", &schedule.meta.namespace).iter();
    let mut own: Vec<_> = all
        .filter(|backup| backup.meta.labels.has(SCHEDULE_LABEL, &schedule.meta.name))
        .filter_map(|backup| Some((backup, backup.custom()?)))
        .collect();
    own.sort_by_key(|(backup, it)| time(it, "/startTimestamp").or(backup.meta.creation_timestamp.get()));
    own
}

/// The finding about a schedule whose last backup that ended has failed.
fn failing(object: &Object, related: &Related<'_>, now: Timestamp) -> Option<Verdict> {
    let states: Vec<(&Object, Verdict)> = backups_of(object, related)
        .into_iter()
        .map(|(backup, custom)| (backup, run(backup, custom, related, now)))
        .filter(|(_, state)| matches!(state.level, Level::Ok | Level::Fail))
        .collect();
    let failures = states.iter().rev().take_while(|(_, state)| state.level == Level::Fail).count();
    let (last, state) = states.last().filter(|_| failures > 0)?;
    let what =
        if failures > 1 { format!("the last {failures} backups failed") } else { "the last backup failed".to_owned() };
    let verdict = Verdict::fail(&FAILING, what)
        .since(state.since)
        .evidence(format!("Backup {}: {}", last.meta.name, state.message));
    let name = last.custom().map_or("", |custom| custom.spec_text("/storageLocation"));
    Some(with_location(verdict, last, if name.is_empty() { "default" } else { name }, related, now))
}

/// The finding about backups that were due and not started. Velero starts none while one of the same
/// schedule runs (`pkg/controller/schedule_controller.go`).
fn missed(
    object: &Object,
    custom: &Custom,
    last: Option<Timestamp>,
    related: &Related<'_>,
    now: Timestamp,
) -> Option<Verdict> {
    let schedule = Schedule::parse(custom.spec_text("/schedule"))?;
    let start = last.or(object.meta.creation_timestamp.get())?;
    let settled = now.checked_sub(jiff::SignedDuration::from_secs(related.limits.progress_seconds)).ok()?;
    let due = Clock::of(&schedule, last, false).due(&schedule, start, settled, MOST_MISSED);
    if due < 2 {
        return None;
    }
    let runs = backups_of(object, related)
        .into_iter()
        .rev()
        .find(|(_, it)| matches!(it.status_text("/phase"), "" | "New" | "Queued" | "ReadyToStart" | "InProgress"));
    let more = if due == MOST_MISSED { " or more" } else { "" };
    let text = format!("{due}{more} backups were due and did not start");
    let since = last.map_or_else(String::new, |last| format!(", last one {} ago", text::age(last, now)));
    Some(
        match runs {
            Some((backup, _)) => Verdict::warn(&MISSED, format!("{text}{since}; {} has not ended", backup.meta.name))
                .blame(backup.reference()),
            None => Verdict::fail(&MISSED, format!("{text}{since}")),
        }
        .since(last),
    )
}

/// `pkg/apis/velero/v1/backupstoragelocation_types.go`: Available or Unavailable, and when Velero looked.
fn location(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return unreadable() };
    let said = custom.status_text("/message").trim();
    let looked = time(custom, "/lastValidationTime");
    match custom.status_text("/phase") {
        "Available" => {
            let asked = text::parse_duration(custom.spec_text("/validationFrequency")).map(|every| every.as_secs());
            let limit = asked.unwrap_or(60).saturating_mul(3).max(VALIDATION_SECONDS);
            match looked.filter(|looked| asked != Some(0) && now.duration_since(*looked).as_secs() > limit) {
                Some(looked) => {
                    let message = format!("was available when last looked at, {} ago", text::age(looked, now));
                    Verdict::warn(&LOCATION_STALE, message).since(Some(looked))
                }
                None => Verdict::ok(&LOCATION_OK, "available"),
            }
        }
        "Unavailable" => {
            let said = if said.is_empty() { "unavailable".to_owned() } else { format!("unavailable: {said}") };
            Verdict::fail(&LOCATION_DOWN, said).since(looked)
        }
        "" => precedence::no_status(object, None, related, now),
        phase => Verdict::progressing(&LOCATION_WAITS, phase.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use crate::health::testing::{expect, judge};
    use crate::report::Level;

    fn object(kind: &str, name: &str, more: &str, spec: &str, status: &str) -> String {
        format!(
            "---
apiVersion: velero.io/v1
kind: {kind}
metadata: {{name: {name}, namespace: velero{more}}}
spec: {{{spec}}}
status: {{{status}}}
"
        )
    }

    #[test]
    fn phases_decide() {
        for (kind, spec, status, level, code) in [
            ("Backup", "", "phase: Completed", Level::Ok, "velero-done"),
            ("Backup", "", "phase: PartiallyFailed, errors: 2", Level::Fail, "velero-failed"),
            ("Backup", "", "phase: FailedValidation, validationErrors: [no location]", Level::Fail, "velero-failed"),
            (
                "Backup",
                "",
                "phase: InProgress, startTimestamp: '2026-11-20T02:00:00Z'",
                Level::Progressing,
                "velero-runs",
            ),
            ("Backup", "", "phase: InProgress, startTimestamp: '2026-11-18T02:00:00Z'", Level::Warn, "velero-hangs"),
            ("Restore", "", "phase: Failed, failureReason: no", Level::Fail, "velero-failed"),
            ("Schedule", "", "phase: Enabled", Level::Ok, "velero-schedule"),
            ("Schedule", "paused: true", "phase: Enabled", Level::Suspended, "suspended"),
            ("Schedule", "", "phase: FailedValidation", Level::Fail, "velero-schedule-invalid"),
            ("Schedule", "", "phase: New", Level::Progressing, "velero-runs"),
            ("BackupStorageLocation", "", "phase: Unavailable, message: 403", Level::Fail, "velero-location-down"),
            (
                "BackupStorageLocation",
                "",
                "phase: Available, lastValidationTime: '2026-11-20T02:59:00Z'",
                Level::Ok,
                "velero-location",
            ),
            (
                "BackupStorageLocation",
                "",
                "phase: Available, lastValidationTime: '2026-11-19T02:59:00Z'",
                Level::Warn,
                "velero-location-stale",
            ),
            (
                "BackupStorageLocation",
                "validationFrequency: 0s",
                "phase: Available, lastValidationTime: '2025-11-19T02:59:00Z'",
                Level::Ok,
                "velero-location",
            ),
        ] {
            expect(&object(kind, "it", "", spec, status)[4..], kind, "it", level, code);
        }
    }

    #[test]
    fn a_schedule_that_misses_its_time_fails() {
        let schedule = |last: &str| {
            object("Schedule", "daily", "", "schedule: '0 1 * * *'", &format!("phase: Enabled, lastBackup: '{last}'"))
        };
        expect(&schedule("2026-11-19T01:00:00Z")[4..], "Schedule", "daily", Level::Ok, "velero-schedule");
        let late = schedule("2026-11-16T01:00:00Z");
        expect(&late[4..], "Schedule", "daily", Level::Fail, "velero-schedule-missed");
        let runs = object(
            "Backup",
            "long",
            ", labels: {velero.io/schedule-name: daily}",
            "",
            "phase: InProgress, startTimestamp: '2026-11-16T01:00:00Z'",
        );
        let verdict = judge(&(late + &runs)[4..], "Schedule", "daily");
        assert_eq!((verdict.level, verdict.blames[0].to_string()), (Level::Warn, "Backup/velero/long".to_owned()));
    }

    #[test]
    fn a_later_backup_of_the_schedule_makes_good_and_the_location_is_blamed() {
        let daily = ", labels: {velero.io/schedule-name: daily}";
        let failed = object("Backup", "one", daily, "", "phase: Failed, startTimestamp: '2026-11-18T00:00:00Z'");
        let good = object("Backup", "two", daily, "", "phase: Completed, startTimestamp: '2026-11-19T00:00:00Z'");
        expect(&(failed.clone() + &good)[4..], "Backup", "one", Level::Ok, "velero-done");
        let by_hand = object("Backup", "two", "", "", "phase: Completed, startTimestamp: '2026-11-19T00:00:00Z'");
        expect(&(failed.clone() + &by_hand)[4..], "Backup", "one", Level::Fail, "velero-failed");
        let schedule = object(
            "Schedule",
            "daily",
            "",
            "schedule: '0 1 * * *'",
            "phase: Enabled, lastBackup: '2026-11-20T01:00:00Z'",
        );
        let verdict = judge(&(failed.clone() + &schedule)[4..], "Schedule", "daily");
        assert_eq!((verdict.level, verdict.code.id), (Level::Fail, "velero-schedule-failing"));
        let verdict = judge(&(failed.clone() + &schedule)[4..], "Backup", "one");
        assert_eq!(verdict.blames[0].to_string(), "Schedule/velero/daily");
        expect(&(failed.clone() + &good + &schedule)[4..], "Schedule", "daily", Level::Ok, "velero-schedule");
        let down = object("BackupStorageLocation", "default", "", "", "phase: Unavailable");
        let verdict = judge(&(failed + &down)[4..], "Backup", "one");
        assert_eq!(verdict.blames[0].to_string(), "BackupStorageLocation/velero/default");
    }
}

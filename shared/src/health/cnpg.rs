//! CloudNativePG: PostgreSQL clusters, their backups and what hangs on them.

use super::table::Rule;
use super::{Related, lead_condition, precedence};
use crate::object::{Condition, Custom, Object, ObjectRef, find_condition};
use crate::report::{Level, Verdict, codes};
use crate::text;
use jiff::Timestamp;
use serde_json::Value;

codes! {
    CLUSTER_HEALTHY = "postgres-healthy", "The database cluster is healthy",
        "All instances run, and the operator has nothing to do.",
        "Nothing to do.";
    CLUSTER_WORKS = "postgres-progressing", "The operator is at work on the cluster",
        "Instances are created, upgraded, restarted or moved.",
        "Nothing to do but wait; the phase says what is done.";
    CLUSTER_STUCK = "postgres-stuck", "The cluster does not get ready",
        "It has not been ready for longer than such work takes. With instances that run the database is there, with none it is not.",
        "Look at the pods, jobs and volume claims of the instances that are missing: `kubectl cnpg status NAME`.";
    CLUSTER_FAILED = "postgres-failed", "The cluster is broken",
        "The primary is lost and another is being promoted, or the operator cannot go on without help.",
        "`kubectl cnpg status NAME` shows instances, replication and the reason. Delete no claim before the data are known to be elsewhere.";
    CLUSTER_ASKS = "postgres-needs-user", "The operator waits for somebody",
        "An upgrade is delayed or waits for the switchover that primaryUpdateStrategy: supervised leaves to people.",
        "`kubectl cnpg promote NAME INSTANCE` does the switchover.";
    CLUSTER_FENCED = "postgres-fenced", "Instances are fenced",
        "The annotation cnpg.io/fencedInstances keeps PostgreSQL stopped in these pods.",
        "`kubectl cnpg fencing off NAME '*'` lifts the fence when its reason is gone.";
    ARCHIVING = "postgres-archiving-fails", "WAL files are not archived",
        "There is no recovery to a point in time after the last archived file, and files that are kept for the archive fill the volume until the database stops.",
        "Read the message; check the object store's credentials and space.";
    LAST_BACKUP = "postgres-last-backup-failed", "The last backup failed",
        "The cluster's condition LastBackupSucceeded is False.",
        "Look at the newest Backup object of the cluster: `kubectl get backups.postgresql.cnpg.io -n NAMESPACE --sort-by=.metadata.creationTimestamp`.";
    CERTIFICATES = "postgres-certificate-expires", "A certificate of the cluster expires",
        "status.certificates.expirations names a certificate that has expired, or that should have been renewed a week before its end.",
        "The operator renews its own certificates; look at its log. Certificates of one's own are renewed by whoever issues them.";
    BACKUP_DONE = "postgres-backup-done", "The backup is complete",
        "The operator has finished it.",
        "Nothing to do.";
    BACKUP_RUNS = "postgres-backup-runs", "The backup is on its way",
        "It is pending, running or being finalised.",
        "Nothing to do but wait.";
    BACKUP_FAILED = "postgres-backup-failed", "The backup has failed",
        "No later backup of the cluster has succeeded either.",
        "Read the error; check the object store or the snapshot class.";
    SCHEDULE_OK = "postgres-schedule", "Backups are scheduled",
        "The operator has planned the next backup.",
        "Nothing to do.";
    SCHEDULE_LATE = "postgres-schedule-late", "A scheduled backup is overdue",
        "The time of the next backup has passed and none was made.",
        "Look at the operator and at the cluster that is to be backed up.";
    POOLER_OK = "postgres-pooler", "The pooler is set up",
        "Its instances are those of its Deployment, which is judged on its own.",
        "Nothing to do.";
    POOLER_SHORT = "postgres-pooler-short", "Instances of the pooler are missing",
        "status.instances is less than spec.instances.",
        "Look at the pooler's Deployment.";
    CLUSTER_MISSING = "postgres-cluster-missing", "The cluster that it names does not exist",
        "spec.cluster names a cluster that is not there.",
        "Correct the name, or create the cluster.";
    APPLIED = "postgres-object-applied", "It is applied in the database",
        "The operator has made the database, publication or subscription as asked.",
        "Nothing to do.";
    NOT_APPLIED = "postgres-object-not-applied", "It is not applied in the database",
        "PostgreSQL refuses the change.",
        "The message is PostgreSQL's own.";
    APPLIES = "postgres-object-waits", "It is not applied yet",
        "The operator has not applied this generation.",
        "Nothing to do but wait.";
    CATALOG = "postgres-catalog", "The kind has no state",
        "Image catalogs are read by clusters.",
        "Nothing to do.";
}

const GROUP: &str = "postgresql.cnpg.io";

/// The rows of this family.
pub(super) const RULES: &[Rule] = &[
    Rule::new(GROUP, "Cluster", cluster),
    Rule::new(GROUP, "Backup", backup),
    Rule::new(GROUP, "ScheduledBackup", scheduled),
    Rule::new(GROUP, "Pooler", pooler),
    Rule::new(GROUP, "Database", applied),
    Rule::new(GROUP, "Publication", applied),
    Rule::new(GROUP, "Subscription", applied),
    Rule::new(GROUP, "ImageCatalog", catalog),
    Rule::new(GROUP, "ClusterImageCatalog", catalog),
];

/// Restoring a large database takes its time.
const RESTORE_SECONDS: i64 = 6 * 3600;
/// The operator renews a certificate a week before its end; a day later it is late.
const RENEWAL_SLACK: i64 = 86_400;
/// A planned backup may start so late.
const SCHEDULE_SECONDS: i64 = 300;

/// Phases as in cloudnative-pg `api/v1/cluster_types.go`.
const HEALTHY: &str = "Cluster in healthy state";
const ASKING: &[&str] = &["Waiting for user action", "Cluster upgrade delayed"];
const BROKEN: &[&str] = &["Failing over", "Not enough disk space"];
/// Parts of phases that say that the operator cannot go on.
const BROKEN_PARTS: &[&str] =
    &["unrecoverable", "cannot", "unable", "failed", "unknown plugin", "incomplete or invalid", "missing architecture"];

fn unreadable() -> Verdict {
    Verdict::unknown(&precedence::OBJECT_UNREADABLE, "has not the shape of its kind")
}

fn time(custom: &Custom, pointer: &str) -> Option<Timestamp> {
    custom.status_text(pointer).parse().ok()
}

/// Whether somebody has set the cluster aside (`pkg/utils/labels_annotations.go`).
fn held(object: &Object, conditions: &[Condition]) -> Option<&'static str> {
    let is = |key: &str, value: &str| {
        object.meta.annotations.get(key).is_some_and(|found| found.eq_ignore_ascii_case(value))
    };
    if is("cnpg.io/reconciliationLoop", "disabled") {
        return Some("cnpg.io/reconciliationLoop");
    }
    if is("cnpg.io/reconciliation", "disabled") {
        return Some("cnpg.io/reconciliation");
    }
    let hibernated = find_condition(conditions, "cnpg.io/hibernation").is_some_and(Condition::is_true);
    (hibernated || is("cnpg.io/hibernation", "on")).then_some("cnpg.io/hibernation")
}

/// Follows Argo CD's `postgresql.cnpg.io/Cluster/health.lua` where a phase is a failure. Planned work
/// (switchover, upgrade, new configuration) is on its way here, not degraded as there, and a phase
/// that says that the operator cannot go on is a failure, not a suspension.
fn cluster(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return unreadable() };
    let conditions = custom.conditions();
    if let Some(how) = held(object, &conditions) {
        return precedence::suspended(how, None, related, now);
    }
    let phase = custom.status_text("/phase");
    if phase.is_empty() && conditions.is_empty() {
        return precedence::no_status(object, None, related, now);
    }
    let reason = custom.status_text("/phaseReason");
    let text = if reason.is_empty() || reason == phase { phase.to_owned() } else { format!("{phase}: {reason}") };
    let ready = custom.status_number("/readyInstances");
    let wanted = custom.spec_number("/instances").unwrap_or(1);
    let since = find_condition(&conditions, "Ready").filter(|ready| !ready.is_true()).and_then(Condition::since);
    let count = format!("{} of {wanted} instances ready", ready.unwrap_or(0));
    let low = phase.to_lowercase();
    let verdict = if BROKEN.contains(&phase) || BROKEN_PARTS.iter().any(|part| low.contains(part)) {
        Verdict::fail(&CLUSTER_FAILED, format!("{text}; {count}")).since(since)
    } else if ASKING.contains(&phase) {
        Verdict::warn(&CLUSTER_ASKS, text)
    } else if phase == HEALTHY && ready.is_none_or(|ready| ready >= wanted) {
        Verdict::ok(&CLUSTER_HEALTHY, count)
    } else {
        at_work(object, custom, format!("{text}; {count}"), since, ready.unwrap_or(0), related, now)
    };
    parts(object, custom, &conditions, related, now).into_iter().fold(verdict, Verdict::and)
}

fn at_work(
    object: &Object,
    custom: &Custom,
    message: String,
    since: Option<Timestamp>,
    ready: i64,
    related: &Related<'_>,
    now: Timestamp,
) -> Verdict {
    let first = custom.status_text("/currentPrimary").is_empty();
    let since = since.or(if first { object.meta.creation_timestamp.get() } else { None });
    let restores = ["/bootstrap/recovery", "/bootstrap/pg_basebackup", "/bootstrap/initdb/import"];
    let restores = first && restores.iter().any(|pointer| custom.spec_at(pointer).is_some());
    let limit = if restores { RESTORE_SECONDS } else { related.limits.progress_seconds };
    let late = since.filter(|since| now.duration_since(*since).as_secs() > limit);
    match late {
        Some(late) => {
            // Instances that run serve the data: then a part is missing.
            let level = if ready > 0 { Level::Warn } else { Level::Fail };
            Verdict::new(level, &CLUSTER_STUCK, format!("{message}, for {}", text::age(late, now)))
        }
        None => Verdict::progressing(&CLUSTER_WORKS, message),
    }
    .since(since)
}

/// What may be wrong beside the phase: archiving, backups, fences, certificates.
fn parts(
    object: &Object,
    custom: &Custom,
    conditions: &[Condition],
    related: &Related<'_>,
    now: Timestamp,
) -> Vec<Verdict> {
    let mut found = Vec::new();
    for (name, code) in [("ContinuousArchiving", &ARCHIVING), ("LastBackupSucceeded", &LAST_BACKUP)] {
        if let Some(failed) = find_condition(conditions, name).filter(|condition| condition.is_false()) {
            found.push(Verdict::warn(code, lead_condition::said(failed)).since(failed.since()));
        }
    }
    let fenced = object.meta.annotations.get("cnpg.io/fencedInstances").unwrap_or_default();
    if !matches!(fenced.trim(), "" | "[]") {
        found.push(Verdict::warn(&CLUSTER_FENCED, format!("PostgreSQL is kept stopped in {fenced}")));
    }
    let ends = custom.status_at("/certificates/expirations").and_then(Value::as_object).into_iter().flatten();
    let ends = ends.filter_map(|(name, end)| Some((go_time(end.as_str()?)?, name)));
    if let Some((end, name)) = ends.min() {
        let left = end.duration_since(now).as_secs();
        let limit = related.limits.certificate_warn_seconds.saturating_sub(RENEWAL_SLACK);
        if left <= 0 {
            let message = format!("certificate {name} expired {} ago", text::age(end, now));
            found.push(Verdict::fail(&CERTIFICATES, message).since(Some(end)));
        } else if left < limit {
            found.push(Verdict::warn(&CERTIFICATES, format!("certificate {name} expires in {}", text::age(now, end))));
        }
    }
    found
}

/// A time as Go prints it: `2025-07-24 19:54:15 +0000 UTC`.
fn go_time(text: &str) -> Option<Timestamp> {
    let mut words = text.split_whitespace();
    let (date, clock, zone) = (words.next()?, words.next()?, words.next()?);
    let (hours, minutes) = zone.split_at_checked(3)?;
    format!("{date}T{clock}{hours}:{minutes}").parse().ok()
}

/// Phases as in `api/v1/backup_types.go`; levels as in Argo CD's `postgresql.cnpg.io/Backup/health.lua`,
/// but a failed backup is history once a later one of its cluster has succeeded.
fn backup(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return unreadable() };
    let (phase, error) = (custom.status_text("/phase"), custom.status_text("/error").trim());
    let started = time(custom, "/startedAt");
    match phase {
        "" => with_cluster(precedence::no_status(object, None, related, now), object, custom, related),
        "completed" => Verdict::ok(&BACKUP_DONE, "completed").since(time(custom, "/stoppedAt").or(started)),
        "failed" | "walArchivingFailing" | "invalid backup definition" => {
            let text = if error.is_empty() { phase.to_owned() } else { format!("{phase}: {error}") };
            if let Some(later) = later_success(object, custom, related) {
                return Verdict::ok(&BACKUP_DONE, format!("failed, and {later} succeeded later ({text})"));
            }
            let since = time(custom, "/stoppedAt").or(started);
            with_cluster(Verdict::fail(&BACKUP_FAILED, text).since(since), object, custom, related)
        }
        _ => {
            let since = started.or(object.meta.creation_timestamp.get());
            let late = since.filter(|since| now.duration_since(*since).as_secs() > RESTORE_SECONDS);
            match late {
                Some(late) => Verdict::warn(&BACKUP_RUNS, format!("{phase} for {}", text::age(late, now))),
                None => Verdict::progressing(&BACKUP_RUNS, phase.to_owned()),
            }
            .since(since)
        }
    }
}

/// A completed backup of the same cluster that was made later.
fn later_success<'a>(object: &Object, custom: &Custom, related: &Related<'a>) -> Option<&'a str> {
    let made = object.meta.creation_timestamp.get().or_else(|| time(custom, "/startedAt"))?;
    let name = custom.spec_text("/cluster/name");
    let all = related.inventory.in_namespace(GROUP, "Backup", &object.meta.namespace).iter();
    all.filter(|other| {
        other.custom().is_some_and(|it| {
            let when = other.meta.creation_timestamp.get().or_else(|| time(it, "/startedAt"));
            it.spec_text("/cluster/name") == name
                && it.status_text("/phase") == "completed"
                && when.is_some_and(|when| when > made)
        })
    })
    .map(|other| other.meta.name.as_str())
    .next()
}

/// Blames the cluster that an object belongs to where it does not exist or is broken.
fn with_cluster(verdict: Verdict, object: &Object, custom: &Custom, related: &Related<'_>) -> Verdict {
    let name = custom.spec_text("/cluster/name");
    let target = ObjectRef::new(GROUP, "Cluster", &object.meta.namespace, name);
    if !name.is_empty() && related.inventory.find(&target).is_missing() {
        return verdict.evidence(format!("Cluster {name} does not exist")).blame(target);
    }
    verdict
}

/// `api/v1/scheduledbackup_types.go`.
fn scheduled(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return unreadable() };
    if custom.spec_true("/suspend") {
        return precedence::suspended("spec.suspend", None, related, now);
    }
    if let Some(missing) = missing_cluster(object, custom, related) {
        return missing;
    }
    let (last, next) = (time(custom, "/lastScheduleTime"), time(custom, "/nextScheduleTime"));
    if last.is_none() && next.is_none() && custom.status_text("/lastCheckTime").is_empty() {
        return precedence::no_status(object, None, related, now);
    }
    if let Some(next) = next.filter(|next| now.duration_since(*next).as_secs() > SCHEDULE_SECONDS) {
        let message = format!("the next backup is {} overdue", text::age(next, now));
        return Verdict::fail(&SCHEDULE_LATE, message).since(Some(next));
    }
    let told = |what: &str, time: Option<Timestamp>| time.map(|time| format!("{what} {time}"));
    let parts: Vec<String> = [told("last", last), told("next", next)].into_iter().flatten().collect();
    Verdict::ok(&SCHEDULE_OK, if parts.is_empty() { "scheduled".to_owned() } else { parts.join(", ") })
}

fn missing_cluster(object: &Object, custom: &Custom, related: &Related<'_>) -> Option<Verdict> {
    let name = custom.spec_text("/cluster/name");
    let target = ObjectRef::new(GROUP, "Cluster", &object.meta.namespace, name);
    let missing = !name.is_empty() && related.inventory.find(&target).is_missing();
    missing.then(|| Verdict::fail(&CLUSTER_MISSING, format!("Cluster {name} does not exist")).blame(target))
}

/// `api/v1/pooler_types.go`: the status counts instances and has no conditions.
fn pooler(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return unreadable() };
    if let Some(missing) = missing_cluster(object, custom, related) {
        return missing;
    }
    let wanted = custom.spec_number("/instances").unwrap_or(1);
    match custom.status_number("/instances") {
        // Zero is left out of the status.
        None if wanted == 0 || custom.status_at("/secrets").is_none() && !custom.has_status => {
            if wanted == 0 {
                Verdict::ok(&POOLER_OK, "scaled to zero")
            } else {
                precedence::no_status(object, None, related, now)
            }
        }
        found if found.unwrap_or(0) < wanted => {
            let message = format!("{} of {wanted} instances", found.unwrap_or(0));
            let young = object.meta.creation_timestamp.seconds_before(now);
            let late = young.is_some_and(|age| age > related.limits.progress_seconds);
            let level = if late { Level::Warn } else { Level::Progressing };
            Verdict::new(level, &POOLER_SHORT, message)
        }
        _ => Verdict::ok(&POOLER_OK, text::plural(usize::try_from(wanted).unwrap_or(0), "instance")),
    }
}

/// `status.applied` with `observedGeneration`, which only a success moves on (`api/v1/database_funcs.go`);
/// levels as in Argo CD's `postgresql.cnpg.io/Database/health.lua`, with a deadline for the first try.
fn applied(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return unreadable() };
    if custom.status.as_object().is_none_or(serde_json::Map::is_empty) {
        return precedence::no_status(object, None, related, now);
    }
    let said = custom.status_text("/message").trim();
    let seen = object.meta.generation.is_none_or(|generation| custom.observed_generation() == Some(generation));
    let first = object.meta.generation.is_none_or(|generation| generation <= 1);
    let age = object.meta.creation_timestamp.seconds_before(now);
    let late = first && age.is_some_and(|age| age > related.limits.progress_seconds);
    let text = |fallback: &str| if said.is_empty() { fallback.to_owned() } else { said.to_owned() };
    let verdict = match custom.status_at("/applied").and_then(Value::as_bool) {
        Some(true) if seen => Verdict::ok(&APPLIED, text("applied")),
        Some(false) if seen || late => Verdict::fail(&NOT_APPLIED, text("is not applied")),
        _ => Verdict::progressing(&APPLIES, text("is not applied yet")),
    };
    if verdict.is_ok() { verdict } else { with_cluster(verdict, object, custom, related) }
}

fn catalog(_: &Object, _: &Related<'_>, _: Timestamp) -> Verdict {
    Verdict::ok(&CATALOG, "no state to judge")
}

#[cfg(test)]
#[path = "cnpg_tests.rs"]
mod tests;

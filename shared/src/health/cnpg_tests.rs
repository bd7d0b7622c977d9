//! What PostgreSQL clusters and their backups should be called.

use crate::health::testing::{expect, judge};
use crate::report::Level;

fn cluster(annotations: &str, status: &str) -> String {
    format!(
        "apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: {{name: db, namespace: x, creationTimestamp: '2026-09-01T00:00:00Z', annotations: {{{annotations}}}}}
spec: {{instances: 3}}
status: {{{status}}}
"
    )
}

const HEALTHY: &str = "phase: Cluster in healthy state, readyInstances: 3, currentPrimary: db-1";

#[test]
fn phases_are_judged_with_their_instances() {
    let not_ready =
        |since: &str| format!("conditions: [{{type: Ready, status: 'False', lastTransitionTime: '{since}'}}]");
    for (annotations, status, level, code) in [
        ("", HEALTHY.to_owned(), Level::Ok, "postgres-healthy"),
        ("", "phase: Failing over, readyInstances: 2".to_owned(), Level::Fail, "postgres-failed"),
        (
            "",
            "phase: Cluster is unrecoverable and needs manual intervention".to_owned(),
            Level::Fail,
            "postgres-failed",
        ),
        ("", "phase: Unable to create required cluster objects".to_owned(), Level::Fail, "postgres-failed"),
        ("", "phase: Waiting for user action, readyInstances: 3".to_owned(), Level::Warn, "postgres-needs-user"),
        (
            "",
            "phase: Switchover in progress, readyInstances: 3, currentPrimary: db-1".to_owned(),
            Level::Progressing,
            "postgres-progressing",
        ),
        (
            "",
            format!(
                "phase: Creating a new replica, readyInstances: 2, currentPrimary: db-1, {}",
                not_ready("2026-11-20T02:55:00Z")
            ),
            Level::Progressing,
            "postgres-progressing",
        ),
        (
            "",
            format!(
                "phase: Creating a new replica, readyInstances: 2, currentPrimary: db-1, {}",
                not_ready("2026-11-19T00:00:00Z")
            ),
            Level::Warn,
            "postgres-stuck",
        ),
        (
            "",
            format!("phase: Waiting for the instances to become active, {}", not_ready("2026-11-19T00:00:00Z")),
            Level::Fail,
            "postgres-stuck",
        ),
        // First phase of a cluster that is two months old.
        ("", "phase: Setting up primary".to_owned(), Level::Fail, "postgres-stuck"),
        ("cnpg.io/hibernation: 'on'", HEALTHY.to_owned(), Level::Suspended, "suspended"),
        ("cnpg.io/hibernation: 'off'", HEALTHY.to_owned(), Level::Ok, "postgres-healthy"),
        ("cnpg.io/reconciliationLoop: disabled", HEALTHY.to_owned(), Level::Suspended, "suspended"),
        ("cnpg.io/fencedInstances: '[\"db-2\"]'", HEALTHY.to_owned(), Level::Warn, "postgres-fenced"),
        ("cnpg.io/fencedInstances: '[]'", HEALTHY.to_owned(), Level::Ok, "postgres-healthy"),
        ("", String::new(), Level::Fail, "no-status"),
    ] {
        expect(&cluster(annotations, &status), "Cluster", "db", level, code);
    }
}

#[test]
fn archiving_backups_and_certificates_are_looked_at() {
    for (more, level, code) in [
        ("conditions: [{type: ContinuousArchiving, status: 'False'}]", Level::Warn, "postgres-archiving-fails"),
        ("conditions: [{type: LastBackupSucceeded, status: 'False'}]", Level::Warn, "postgres-last-backup-failed"),
        (
            "certificates: {expirations: {ca: 2026-11-19 20:39:24 +0000 UTC}}",
            Level::Fail,
            "postgres-certificate-expires",
        ),
        (
            "certificates: {expirations: {ca: 2026-11-23 20:39:24 +0000 UTC}}",
            Level::Warn,
            "postgres-certificate-expires",
        ),
        ("certificates: {expirations: {ca: 2027-01-23 20:39:24 +0000 UTC}}", Level::Ok, "postgres-healthy"),
        (
            "certificates: {expirations: {ca: soon, cb: '2026-11-19 20:39:24 +\u{e9}\u{e9}'}}",
            Level::Ok,
            "postgres-healthy",
        ),
    ] {
        expect(&cluster("", &format!("{HEALTHY}, {more}")), "Cluster", "db", level, code);
    }
}

#[test]
fn a_failed_backup_is_history_once_a_later_one_succeeded() {
    let backup = |name: &str, made: &str, phase: &str| {
        format!(
            "---
apiVersion: postgresql.cnpg.io/v1
kind: Backup
metadata: {{name: {name}, namespace: x, creationTimestamp: '{made}'}}
spec: {{cluster: {{name: db}}}}
status: {{phase: {phase}, error: no bucket}}
"
        )
    };
    let failed = backup("one", "2026-11-18T00:00:00Z", "failed");
    expect(&failed[4..], "Backup", "one", Level::Fail, "postgres-backup-failed");
    let later = failed.clone() + &backup("two", "2026-11-19T00:00:00Z", "completed");
    expect(&later[4..], "Backup", "one", Level::Ok, "postgres-backup-done");
    let earlier = failed + &backup("two", "2026-11-17T00:00:00Z", "completed");
    expect(&earlier[4..], "Backup", "one", Level::Fail, "postgres-backup-failed");
    let runs = backup("one", "2026-11-20T02:00:00Z", "running");
    expect(&runs[4..], "Backup", "one", Level::Progressing, "postgres-backup-runs");
    let hangs = backup("one", "2026-11-18T02:00:00Z", "running");
    expect(&hangs[4..], "Backup", "one", Level::Warn, "postgres-backup-runs");
}

#[test]
fn schedules_poolers_and_databases() {
    let object = |kind: &str, spec: &str, status: &str| {
        format!(
            "apiVersion: postgresql.cnpg.io/v1
kind: {kind}
metadata: {{name: it, namespace: x, generation: 1, creationTimestamp: '2026-11-01T00:00:00Z'}}
spec: {{cluster: {{name: db}}{spec}}}
status: {{{status}}}
"
        )
    };
    for (kind, spec, status, level, code) in [
        ("ScheduledBackup", ", suspend: true", "", Level::Suspended, "suspended"),
        ("ScheduledBackup", "", "nextScheduleTime: '2026-11-21T00:00:00Z'", Level::Ok, "postgres-schedule"),
        ("ScheduledBackup", "", "nextScheduleTime: '2026-11-19T00:00:00Z'", Level::Fail, "postgres-schedule-late"),
        ("ScheduledBackup", "", "", Level::Fail, "no-status"),
        ("Pooler", ", instances: 2", "instances: 2", Level::Ok, "postgres-pooler"),
        ("Pooler", ", instances: 2", "instances: 1", Level::Warn, "postgres-pooler-short"),
        ("Database", "", "applied: true, observedGeneration: 1", Level::Ok, "postgres-object-applied"),
        (
            "Database",
            "",
            "applied: false, message: denied, observedGeneration: 1",
            Level::Fail,
            "postgres-object-not-applied",
        ),
        ("Database", "", "applied: false, message: denied", Level::Fail, "postgres-object-not-applied"),
        ("Database", "", "message: waits", Level::Progressing, "postgres-object-waits"),
        ("ImageCatalog", "", "", Level::Ok, "postgres-catalog"),
    ] {
        expect(&object(kind, spec, status), kind, "it", level, code);
    }
    let other = "---\n{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {name: other, namespace: x}}\n";
    let verdict = judge(&(object("Pooler", "", "instances: 1") + other), "Pooler", "it");
    assert_eq!((verdict.level, verdict.code.id), (Level::Fail, "postgres-cluster-missing"));
    assert_eq!(verdict.blames[0].to_string(), "Cluster/x/db");
}

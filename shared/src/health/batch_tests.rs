//! Tests of the rules of Jobs and CronJobs.

use crate::health::testing::{expect, judge, judge_at};
use crate::report::Level;

fn cron(spec: &str, status: &str) -> String {
    format!(
        "apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: c, namespace: n, uid: cron, creationTimestamp: '2026-10-01T00:00:00Z'}}\nspec: {{{spec}}}\nstatus: {status}\n"
    )
}

fn run(name: &str, created: &str, condition: &str) -> String {
    format!(
        "---\napiVersion: batch/v1\nkind: Job\nmetadata: {{name: {name}, namespace: n, uid: {name}, creationTimestamp: '{created}', ownerReferences: [{{apiVersion: batch/v1, kind: CronJob, name: c, uid: cron, controller: true}}]}}\nstatus: {{startTime: '{created}', conditions: [{{type: {condition}, status: 'True', reason: R, lastTransitionTime: '{created}'}}]}}\n"
    )
}

const NIGHTLY: &str = "schedule: '0 2 * * *'";

#[test]
fn a_run_that_just_succeeded_is_no_failure() {
    // The Job is complete, the CronJob's controller has not noted it yet.
    let status = "{lastScheduleTime: '2026-11-20T02:00:00Z', lastSuccessfulTime: '2026-11-19T02:05:00Z'}";
    let yaml = format!("{}{}", cron(NIGHTLY, status), run("c-1", "2026-11-20T02:00:01Z", "Complete"));
    expect(&yaml, "CronJob", "c", Level::Ok, "cronjob-scheduled");
    let yaml = format!("{}{}", cron(NIGHTLY, status), run("c-1", "2026-11-20T02:00:01Z", "Failed"));
    let verdict = judge(&yaml, "CronJob", "c");
    assert_eq!((verdict.level, verdict.code.id), (Level::Fail, "cronjob-failing"));
    assert!(verdict.blames.is_empty());
    assert!(verdict.evidence[0].starts_with("Job c-1: R"), "{:?}", verdict.evidence);
}

#[test]
fn failures_in_a_row_are_counted() {
    let status = "{lastScheduleTime: '2026-11-20T02:00:00Z'}";
    let failed = |day: u32| run(&format!("c-{day}"), &format!("2026-11-{day}T02:00:00Z"), "Failed");
    let yaml = format!("{}{}{}{}", cron(NIGHTLY, status), failed(18), failed(19), failed(20));
    let verdict = judge(&yaml, "CronJob", "c");
    assert_eq!(verdict.level, Level::Fail);
    assert!(verdict.message.contains("3 runs in a row failed"), "{}", verdict.message);
}

#[test]
fn a_run_that_follows_a_failed_one_is_a_warning() {
    let status =
        "{active: [{name: c-2}], lastScheduleTime: '2026-11-20T02:00:00Z', lastSuccessfulTime: '2026-11-18T02:05:00Z'}";
    let yaml = format!("{}{}", cron(NIGHTLY, status), run("c-1", "2026-11-19T02:00:00Z", "Failed"));
    expect(&yaml, "CronJob", "c", Level::Warn, "cronjob-failing");
    expect(&cron(NIGHTLY, status), "CronJob", "c", Level::Ok, "cronjob-scheduled");
}

#[test]
fn runs_that_were_due_and_did_not_start_are_missed() {
    let status = "{lastScheduleTime: '2026-11-17T02:00:00Z', lastSuccessfulTime: '2026-11-17T02:05:00Z'}";
    let verdict = judge(&cron(NIGHTLY, status), "CronJob", "c");
    assert_eq!((verdict.level, verdict.code.id), (Level::Warn, "cronjob-missed"));
    // One run may be a little late.
    let status = "{lastScheduleTime: '2026-11-19T02:00:00Z', lastSuccessfulTime: '2026-11-19T02:05:00Z'}";
    expect(&cron(NIGHTLY, status), "CronJob", "c", Level::Ok, "cronjob-scheduled");
    // One that never ran although it was due for weeks.
    expect(&cron(NIGHTLY, "{}"), "CronJob", "c", Level::Warn, "cronjob-missed");
    expect(&cron("schedule: '0 2 29 2 *'", "{}"), "CronJob", "c", Level::Ok, "cronjob-scheduled");
    // A schedule that cannot be read claims nothing.
    expect(&cron("schedule: 'now and then'", "{}"), "CronJob", "c", Level::Ok, "cronjob-scheduled");
}

#[test]
fn schedules_of_another_zone_are_followed_from_their_last_run() {
    // 02:00 in Tokyo is 17:00 UTC of the day before.
    let spec = "schedule: '0 2 * * *', timeZone: Asia/Tokyo";
    let status = "{lastScheduleTime: '2026-11-18T17:00:00Z', lastSuccessfulTime: '2026-11-18T17:05:00Z'}";
    expect(&cron(spec, status), "CronJob", "c", Level::Ok, "cronjob-scheduled");
    let verdict = judge_at(&cron(spec, status), "CronJob", "c", "2026-11-20T20:00:00Z");
    assert_eq!(verdict.code.id, "cronjob-missed", "{}", verdict.message);
}

#[test]
fn an_old_failed_run_fades_once_another_succeeded() {
    let status = "{lastScheduleTime: '2026-11-20T02:00:00Z', lastSuccessfulTime: '2026-11-20T02:05:00Z'}";
    let good = run("c-2", "2026-11-20T02:00:00Z", "Complete");
    let old = run("c-1", "2026-11-10T02:00:00Z", "Failed");
    expect(&format!("{}{old}{good}", cron(NIGHTLY, status)), "Job", "c-1", Level::Ok, "job-failed-superseded");
    let recent = run("c-1", "2026-11-19T14:00:00Z", "Failed");
    expect(&format!("{}{recent}{good}", cron(NIGHTLY, status)), "Job", "c-1", Level::Warn, "job-failed-superseded");
    expect(&format!("{}{old}", cron(NIGHTLY, "{}")), "Job", "c-1", Level::Fail, "job-failed");
}

#[test]
fn a_container_of_a_job_that_was_started_again_is_a_try() {
    let job = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j, namespace: n, uid: job}\nstatus: {active: 1, startTime: '2026-11-20T02:00:00Z'}\n";
    let pod = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: n, ownerReferences: [{apiVersion: batch/v1, kind: Job, name: j, uid: job, controller: true}]}\nspec: {restartPolicy: OnFailure, containers: [{name: c}]}\nstatus: {phase: Running, conditions: [{type: Ready, status: 'True'}], containerStatuses: [{name: c, ready: true, restartCount: 1, state: {running: {}}, lastState: {terminated: {exitCode: 1, finishedAt: '2026-11-20T02:50:00Z'}}}]}\n";
    let yaml = format!("{job}{pod}");
    expect(&yaml, "Pod", "p", Level::Warn, "pod-restarted");
    expect(&yaml, "Job", "j", Level::Progressing, "job-running");
}

#[test]
fn a_job_whose_pods_are_refused_fails() {
    let job = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j, namespace: n, uid: job}\nstatus: {active: 0, startTime: '2026-11-20T02:00:00Z'}\n";
    let event = |at: &str| {
        format!(
            "---\napiVersion: v1\nkind: Event\nmetadata: {{name: e, namespace: n}}\ninvolvedObject: {{kind: Job, namespace: n, name: j, uid: job}}\ntype: Warning\nreason: FailedCreate\nmessage: 'Error creating: pods \"j-x\" is forbidden: exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2'\nlastTimestamp: '{at}'\n"
        )
    };
    let quota = "---\napiVersion: v1\nkind: ResourceQuota\nmetadata: {name: small, namespace: n}\nstatus: {hard: {pods: '2'}, used: {pods: '2'}}\n";
    let verdict = judge(&format!("{job}{}{quota}", event("2026-11-20T02:59:00Z")), "Job", "j");
    assert_eq!((verdict.level, verdict.code.id), (Level::Fail, "workload-replica-failure"));
    assert_eq!(verdict.blames[0].to_string(), "ResourceQuota/n/small");
    expect(&format!("{job}{}", event("2026-11-20T01:00:00Z")), "Job", "j", Level::Progressing, "job-running");
}

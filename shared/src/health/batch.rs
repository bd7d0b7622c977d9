//! Jobs and CronJobs.

use super::table::Rule;
use super::{Related, pod, precedence};
use crate::object::{Body, CronJob, Job, Object, find_condition};
use crate::report::{Level, Verdict, codes};
use crate::text;
use jiff::Timestamp;

codes! {
    JOB_COMPLETE = "job-complete", "The Job is complete", "As many pods succeeded as were wanted.", "Nothing to do.";
    JOB_RUNNING = "job-running", "The Job is running", "Pods of the Job are at work.", "Nothing to do but wait.", Work;
    JOB_RETRYING = "job-retrying", "The Job is retrying",
        "Pods of the Job failed and it tries again.", "Read the log of a failed pod before the tries run out.";
    JOB_FAILED = "job-failed", "The Job has failed",
        "The Job gave up: too many failures, its deadline, or its failure policy.",
        "Read the log of its last pod; delete the Job and run it again once the cause is gone.", Final;
    CRON_JOB_OK = "cronjob-scheduled", "The CronJob runs on schedule",
        "Its last run succeeded or it has not been due yet.", "Nothing to do.";
    CRON_JOB_FAILING = "cronjob-failing", "The last run of the CronJob failed",
        "The CronJob was started after its last success and no run is active: that run failed.",
        "Look at its last Job.";
}

pub(super) const RULES: &[Rule] = &[Rule::new("batch", "Job", job), Rule::new("batch", "CronJob", cron_job)];

fn job(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Body::Job(record) = &object.body else {
        return Verdict::unknown(&precedence::OBJECT_UNREADABLE, "is no Job");
    };
    let Job { spec, status } = &**record;
    let Some(status) = status else { return precedence::no_status(object, None, related, now) };
    let is_true = |name: &str| find_condition(&status.conditions, name).filter(|condition| condition.is_true());
    if let Some(failed) = is_true("Failed").or_else(|| is_true("FailureTarget")) {
        let verdict = Verdict::fail(&JOB_FAILED, failed.text().into_owned()).since(failed.since());
        return match pod::worst_pod(related.pods_owned_by(object), related, now) {
            Some((worst, why)) if why.level >= Level::Warn => {
                verdict.evidence(format!("pod {}: {}", worst.meta.name, why.message))
            }
            _ => verdict,
        };
    }
    if let Some(complete) = is_true("Complete").or_else(|| is_true("SuccessCriteriaMet")) {
        return Verdict::ok(&JOB_COMPLETE, format!("{} succeeded", status.succeeded)).since(complete.since());
    }
    if spec.suspend || is_true("Suspended").is_some() {
        return precedence::suspended("spec.suspend", is_true("Suspended").and_then(|it| it.since()), related, now);
    }
    if status.start_time.get().is_none() && status.active == 0 {
        return precedence::no_status(object, None, related, now);
    }
    let worst = pod::worst_pod(
        related.pods_owned_by(object).into_iter().filter(|pod| pod.pod().is_some_and(|pod| !pod.is_finished())),
        related,
        now,
    );
    let running = Verdict::progressing(
        &JOB_RUNNING,
        format!("{} active, {} succeeded, {} failed", status.active, status.succeeded, status.failed),
    );
    if let Some((worst, why)) = worst.filter(|(_, why)| why.level == Level::Fail) {
        let text = format!("{}; pod {}: {}", running.message, worst.meta.name, why.message);
        return Verdict::fail(&JOB_RETRYING, text).since(why.since).blame(worst.reference());
    }
    let running = running.since(status.start_time.get());
    if status.failed > 0 {
        let left = spec.backoff_limit.unwrap_or(6).saturating_sub(status.failed).max(0);
        return running.and(Verdict::warn(
            &JOB_RETRYING,
            format!("{} failed, {left} more allowed", text::plural(usize::try_from(status.failed).unwrap_or(0), "pod")),
        ));
    }
    running
}

fn cron_job(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Body::CronJob(record) = &object.body else {
        return Verdict::unknown(&precedence::OBJECT_UNREADABLE, "is no CronJob");
    };
    let CronJob { spec, status } = &**record;
    if spec.suspend {
        return precedence::suspended("spec.suspend", None, related, now);
    }
    let Some(status) = status else { return Verdict::ok(&CRON_JOB_OK, "not run yet") };
    if !status.active.is_empty() {
        return Verdict::ok(&CRON_JOB_OK, format!("{} active", text::plural(status.active.len(), "run")));
    }
    let Some(scheduled) = status.last_schedule_time.get() else { return Verdict::ok(&CRON_JOB_OK, "not run yet") };
    let jobs = || related.inventory.owned_by(object.meta.uid).filter(|job| job.is("batch", "Job"));
    let newest = jobs().max_by_key(|job| job.meta.creation_timestamp);
    let newest_failed = newest.filter(|job| {
        let Body::Job(record) = &job.body else { return false };
        let conditions = record.status.as_ref().map_or(&[][..], |status| &status.conditions);
        find_condition(conditions, "Failed").is_some_and(|failed| failed.is_true())
    });
    if status.last_successful_time.get().is_some_and(|success| success >= scheduled) && newest_failed.is_none() {
        return Verdict::ok(&CRON_JOB_OK, format!("last run {} ago", text::age(scheduled, now)));
    }
    let text = match status.last_successful_time.get() {
        Some(success) => format!("run at {scheduled} failed, last success {} ago", text::age(success, now)),
        None => format!("run at {scheduled}, none has succeeded yet"),
    };
    // The first run may have been too short ago to tell (Argo CD judges so too).
    if status.last_successful_time.get().is_none() && newest_failed.is_none() {
        return Verdict::warn(&CRON_JOB_FAILING, text).since(Some(scheduled));
    }
    let verdict = Verdict::fail(&CRON_JOB_FAILING, text).since(Some(scheduled));
    match newest_failed {
        Some(job) => verdict.blame(job.reference()),
        None => verdict,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::expect;
    use super::*;

    #[test]
    fn jobs_are_judged_by_their_conditions() {
        let job =
            |rest: &str| format!("apiVersion: batch/v1\nkind: Job\nmetadata: {{name: j, namespace: n}}\n{rest}\n");
        for (rest, level, code) in [
            (
                "status: {succeeded: 1, failed: 3, conditions: [{type: Complete, status: 'True'}]}",
                Level::Ok,
                "job-complete",
            ),
            (
                "status: {conditions: [{type: Failed, status: 'True', reason: BackoffLimitExceeded}]}",
                Level::Fail,
                "job-failed",
            ),
            ("spec: {suspend: true}\nstatus: {}", Level::Suspended, "suspended"),
            ("status: {active: 1, startTime: 2026-11-20T02:59:00Z}", Level::Progressing, "job-running"),
            ("status: {active: 1, failed: 2, startTime: 2026-11-20T02:59:00Z}", Level::Warn, "job-retrying"),
        ] {
            expect(&job(rest), "Job", "j", level, code);
        }
    }

    #[test]
    fn a_cronjob_whose_last_run_failed_fails() {
        let cron = |status: &str| {
            format!("apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: c, namespace: n}}\nstatus: {status}\n")
        };
        expect(
            &cron("{lastScheduleTime: 2026-11-20T02:00:00Z, lastSuccessfulTime: 2026-11-20T02:01:00Z}"),
            "CronJob",
            "c",
            Level::Ok,
            "cronjob-scheduled",
        );
        expect(
            &cron("{lastScheduleTime: 2026-11-20T02:00:00Z, lastSuccessfulTime: 2026-11-19T02:01:00Z}"),
            "CronJob",
            "c",
            Level::Fail,
            "cronjob-failing",
        );
    }
}

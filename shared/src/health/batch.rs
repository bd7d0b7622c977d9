//! Jobs and CronJobs.

use super::schedule::{Clock, Schedule};
use super::table::Rule;
use super::{Related, pod, precedence, refusal};
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
        "Read the log of its last pod: `kubectl logs -n NAMESPACE job/NAME`. Once the cause is gone, delete the Job and run it again; one of a CronJob with `kubectl create job NEW --from=cronjob/NAME`.", Final;
    JOB_SUPERSEDED = "job-failed-superseded", "A failed run that a later one made good",
        "The Job failed, and a later run of the same CronJob succeeded. It is kept for its log.",
        "Read its log if it was not expected.";
    CRON_JOB_MISSED = "cronjob-missed", "Runs of the CronJob were missed",
        "The schedule was due and no Job was started: the controller was down, a run that is still active forbids the next one, or the starting deadline is shorter than the delay.",
        "Look at the CronJob's events, and whether an older run hangs.";
    CRON_JOB_OK = "cronjob-scheduled", "The CronJob runs on schedule",
        "Its last run succeeded or it has not been due yet.", "Nothing to do.";
    CRON_JOB_FAILING = "cronjob-failing", "The last run of the CronJob failed",
        "The CronJob was started after its last success and no run is active: that run failed.",
        "Look at its last Job: `kubectl get jobs -n NAMESPACE --sort-by=.status.startTime`.";
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
        if let Some(verdict) = superseded(object, failed.since(), related, now) {
            return verdict;
        }
        let mut verdict = Verdict::fail(&JOB_FAILED, failed.text().into_owned()).since(failed.since());
        // Its runs are told with the CronJob: the next one will go the same way.
        if let Some(owner) = object.meta.controller().filter(|owner| &*owner.kind == "CronJob") {
            verdict = verdict.blame(owner.reference(&object.meta.namespace));
        }
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
    if status.active == 0
        && let Some(refused) = refusal::of_pods(object, &running.message, related, now)
    {
        return refused;
    }
    if status.failed > 0 {
        let left = spec.backoff_limit.unwrap_or(6).saturating_sub(status.failed).max(0);
        return running.and(Verdict::warn(
            &JOB_RETRYING,
            format!("{} failed, {left} more allowed", text::plural(usize::try_from(status.failed).unwrap_or(0), "pod")),
        ));
    }
    running
}

/// How a Job ended: `Some(true)` complete, `Some(false)` failed.
fn ended(job: &Object) -> Option<bool> {
    let Body::Job(record) = &job.body else { return None };
    let conditions = record.status.as_ref().map_or(&[][..], |status| &status.conditions);
    let is_true = |name| find_condition(conditions, name).is_some_and(|condition| condition.is_true());
    if is_true("Complete") { Some(true) } else { is_true("Failed").then_some(false) }
}

/// The runs of a CronJob, oldest first.
fn runs<'a>(cron: &Object, related: &Related<'a>) -> Vec<&'a Object> {
    let mut runs: Vec<_> = related.inventory.owned_by(cron.meta.uid).filter(|job| job.is("batch", "Job")).collect();
    runs.sort_by_key(|job| job.meta.creation_timestamp);
    runs
}

/// The verdict of a failed run after which another one succeeded: a warning for a day, then history.
fn superseded(job: &Object, failed: Option<Timestamp>, related: &Related<'_>, now: Timestamp) -> Option<Verdict> {
    let owner = job.meta.controller().filter(|owner| &*owner.kind == "CronJob")?;
    let cron = related.inventory.by_uid(owner.uid)?;
    let mut later =
        runs(cron, related).into_iter().filter(|run| run.meta.creation_timestamp > job.meta.creation_timestamp);
    let good = later.rfind(|run| ended(run) == Some(true))?;
    let text = format!("failed; the later run {} succeeded", good.meta.name);
    let recent = failed.is_some_and(|at| now.duration_since(at).as_secs() <= related.limits.restart_warn_seconds);
    let verdict = if recent { Verdict::warn(&JOB_SUPERSEDED, text) } else { Verdict::ok(&JOB_SUPERSEDED, text) };
    Some(verdict.since(failed))
}

/// What the last run ended with, and the command that shows its log.
fn with_last_run(verdict: Verdict, run: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let state = job(run, related, now);
    let namespace = text::shell_word(&run.meta.namespace);
    let verdict = verdict
        .evidence(format!("Job {}: {}", run.meta.name, state.message))
        .command(format!("kubectl logs -n {namespace} job/{} --all-containers", text::shell_word(&run.meta.name)));
    state.evidence.into_iter().fold(verdict, Verdict::evidence)
}

/// A run that is on its way and fails already says why the ones before it failed.
fn blame_active(verdict: Verdict, runs: &[&Object], related: &Related<'_>, now: Timestamp) -> Verdict {
    let mut active = runs.iter().rev().filter(|run| ended(run).is_none());
    match active.find(|run| job(run, related, now).level == Level::Fail) {
        Some(run) => verdict.blame(run.reference()),
        None => verdict,
    }
}

fn cron_job(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Body::CronJob(record) = &object.body else {
        return Verdict::unknown(&precedence::OBJECT_UNREADABLE, "is no CronJob");
    };
    let CronJob { spec, status } = &**record;
    if spec.suspend {
        return precedence::suspended("spec.suspend", None, related, now);
    }
    let scheduled = status.as_ref().and_then(|status| status.last_schedule_time.get());
    let success = status.as_ref().and_then(|status| status.last_successful_time.get());
    let active = status.as_ref().map_or(0, |status| status.active.len());
    let runs = runs(object, related);
    let ends: Vec<(&Object, bool)> = runs.iter().filter_map(|run| Some((*run, ended(run)?))).collect();
    let failures = ends.iter().rev().take_while(|(_, is_good)| !is_good).count();
    let last_failed = ends.last().filter(|(_, is_good)| !is_good).map(|(run, _)| *run);

    let missed = missed(object, spec, scheduled, active, related, now);
    let or_missed = |verdict: Verdict| match missed {
        Some(missed) => missed.and(verdict),
        None => verdict,
    };
    if let Some(run) = last_failed {
        let since =
            success.map_or_else(String::new, |success| format!(", last success {} ago", text::age(success, now)));
        let what =
            if failures > 1 { format!("{failures} runs in a row failed") } else { "the last run failed".to_owned() };
        let verdict = if active > 0 {
            Verdict::warn(&CRON_JOB_FAILING, format!("{what}{since}; a new one is active"))
        } else {
            Verdict::fail(&CRON_JOB_FAILING, format!("{what}{since}"))
        };
        let verdict = with_last_run(verdict.since(scheduled), run, related, now);
        return or_missed(blame_active(verdict, &runs, related, now));
    }
    if active > 0 {
        return or_missed(Verdict::ok(&CRON_JOB_OK, format!("{} active", text::plural(active, "run"))));
    }
    let Some(scheduled) = scheduled else { return or_missed(Verdict::ok(&CRON_JOB_OK, "not run yet")) };
    // The controller notes a success some time after the Job does.
    let has_succeeded = success.is_some_and(|success| success >= scheduled)
        || ends.last().is_some_and(|(run, _)| run.meta.creation_timestamp.get() >= Some(scheduled));
    if has_succeeded {
        return or_missed(Verdict::ok(&CRON_JOB_OK, format!("last run {} ago", text::age(scheduled, now))));
    }
    match success {
        Some(success) => {
            let text = format!("run at {scheduled} failed, last success {} ago", text::age(success, now));
            or_missed(Verdict::fail(&CRON_JOB_FAILING, text).since(Some(scheduled)))
        }
        // The first run may have been too short ago to tell (Argo CD judges so too).
        None => {
            let text = format!("run at {scheduled}, none has succeeded yet");
            or_missed(Verdict::warn(&CRON_JOB_FAILING, text).since(Some(scheduled)))
        }
    }
}

/// The warning about runs that were due and not started: two of them, or one that never ran. A
/// schedule that cannot be read, or a zone that is not known, claims nothing.
fn missed(
    object: &Object,
    spec: &crate::object::CronJobSpec,
    scheduled: Option<Timestamp>,
    active: usize,
    related: &Related<'_>,
    now: Timestamp,
) -> Option<Verdict> {
    let schedule = Schedule::parse(&spec.schedule)?;
    // While a run is active, Forbid makes the controller skip the others, as it is told to.
    if active > 0 && &*spec.concurrency_policy == "Forbid" {
        return None;
    }
    let is_utc = matches!(&*spec.time_zone, "UTC" | "Etc/UTC" | "GMT");
    let start = scheduled.or(object.meta.creation_timestamp.get())?;
    let clock = Clock::of(&schedule, scheduled, is_utc);
    let settled = now.checked_sub(jiff::SignedDuration::from_secs(related.limits.progress_seconds)).ok()?;
    let due = clock.due(&schedule, start, settled, MOST_MISSED);
    let text = match due {
        0 | 1 => return None,
        MOST_MISSED => format!("{MOST_MISSED} or more runs were due and did not start"),
        due => format!("{due} runs were due and did not start"),
    };
    let since = scheduled.map_or_else(String::new, |last| format!(", last start {} ago", text::age(last, now)));
    Some(Verdict::warn(&CRON_JOB_MISSED, format!("{text}{since}")).since(scheduled))
}

/// Missed runs are counted to this number.
const MOST_MISSED: usize = 100;

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

#[cfg(test)]
#[path = "batch_tests.rs"]
mod more_tests;

//! Spark applications and their schedules.

use super::table::Rule;
use super::{Related, extension, pod, precedence};
use crate::object::{Custom, Object, When};
use crate::report::{Level, Verdict, codes};
use crate::text;
use jiff::Timestamp;

codes! {
    SPARK_RUNNING = "spark-running", "The application is running", "Driver and executors are at work.", "Nothing to do.";
    SPARK_COMPLETED = "spark-completed", "The application is complete", "It ended without an error.", "Nothing to do.";
    SPARK_STARTING = "spark-starting", "The application is on its way",
        "It is being submitted, starting, ending or being run again.", "Nothing to do but wait.";
    SPARK_STUCK = "spark-stuck", "The application does not move on",
        "It has been submitted for so long that its driver should run: the driver pod is pending, or the operator does not watch this namespace.",
        "Look at the driver pod and at the operator.";
    SPARK_FAILED = "spark-failed", "The application has failed",
        "The driver ended with an error, or the submission was refused; no try is left.",
        "Read the error and the driver's log: `kubectl logs -n NAMESPACE POD`, with the pod that status.driverInfo.podName names.", Final;
    SPARK_NO_EXECUTORS = "spark-no-executors", "The application runs without executors",
        "The driver runs and no executor does: they are pending or fail.", "Look at the executor pods.";
    SCHEDULE_INVALID = "spark-schedule-invalid", "The schedule is refused",
        "The operator cannot read the schedule or its template.", "The reason names what is wrong.", Final;
    SCHEDULE_LATE = "spark-schedule-late", "The next run is overdue",
        "The time of the next run has passed and nothing was started: the operator is down or a run is still active.",
        "Look at the operator and at the last run.";
}

const GROUP: &str = "sparkoperator.k8s.io";
/// A submitted application should have a driver by now.
const SUBMITTED_SECONDS: i64 = 600;

pub(super) const RULES: &[Rule] =
    &[Rule::new(GROUP, "SparkApplication", application), Rule::new(GROUP, "ScheduledSparkApplication", schedule)];

fn time(custom: &Custom, pointer: &str) -> Option<Timestamp> {
    custom.status_text(pointer).parse().ok()
}

/// States as in spark-operator `api/v1beta2/sparkapplication_types.go`.
fn application(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else {
        return Verdict::unknown(&precedence::OBJECT_UNREADABLE, "is no SparkApplication");
    };
    let state = custom.status_text("/applicationState/state");
    let error = custom.status_text("/applicationState/errorMessage");
    let error = if error.is_empty() { String::new() } else { format!(": {error}") };
    let submitted = time(custom, "/lastSubmissionAttemptTime");
    let ended = time(custom, "/terminationTime");
    let age = submitted.map(|time| now.duration_since(time).as_secs());
    let attempts = custom.status_number("/executionAttempts").unwrap_or(0);
    if custom.spec_true("/suspend") && !matches!(state, "COMPLETED" | "FAILED") {
        return precedence::suspended("spec.suspend", None, related, now);
    }
    match state {
        "" => precedence::no_status(object, None, related, now),
        "RUNNING" | "SUCCEEDING" => running(custom, state, age),
        "COMPLETED" => Verdict::ok(&SPARK_COMPLETED, "completed").since(ended),
        "FAILED" | "SUBMISSION_FAILED" | "FAILING" => {
            let retries = custom.spec_text("/restartPolicy/type");
            let left = matches!(retries, "Always" | "OnFailure") && state != "FAILED";
            let tries = format!(", {}", text::plural(usize::try_from(attempts.max(1)).unwrap_or(1), "attempt"));
            let more = if left { ", will be tried again" } else { "" };
            Verdict::fail(&SPARK_FAILED, format!("{state}{error}{tries}{more}")).since(ended.or(submitted))
        }
        "SUSPENDED" | "SUSPENDING" => precedence::suspended("the operator", None, related, now),
        "UNKNOWN" => Verdict::unknown(&SPARK_STUCK, format!("the operator does not know its state{error}")),
        _ => {
            let late = age.is_some_and(|age| age > SUBMITTED_SECONDS);
            let verdict = if late && matches!(state, "SUBMITTED" | "PENDING_RERUN") {
                let since = submitted.map_or_else(String::new, |time| format!(" for {}", text::age(time, now)));
                Verdict::fail(&SPARK_STUCK, format!("{state}{since}{error}"))
            } else {
                Verdict::progressing(&SPARK_STARTING, format!("{state}{error}"))
            };
            with_driver(verdict.since(submitted), object, custom, related, now)
        }
    }
}

fn running(custom: &Custom, state: &str, age: Option<i64>) -> Verdict {
    let executors = custom.status_at("/executorState").and_then(|value| value.as_object());
    let running = executors.map(|all| all.values().filter(|state| state.as_str() == Some("RUNNING")).count());
    match running {
        // Dynamic allocation may rightly run none for a while.
        Some(0)
            if state == "RUNNING"
                && age.is_some_and(|age| age > SUBMITTED_SECONDS)
                && !custom.spec_true("/dynamicAllocation/enabled") =>
        {
            Verdict::warn(&SPARK_NO_EXECUTORS, "runs, and no executor does")
        }
        Some(count) => Verdict::ok(&SPARK_RUNNING, format!("running, {}", text::plural(count, "executor"))),
        None => Verdict::ok(&SPARK_RUNNING, "running"),
    }
}

fn with_driver(verdict: Verdict, object: &Object, custom: &Custom, related: &Related<'_>, now: Timestamp) -> Verdict {
    let name = custom.status_text("/driverInfo/podName");
    let driver = related.get("", "Pod", &object.meta.namespace, name).found();
    match pod::worst_pod(driver, related, now) {
        Some((driver, why)) if why.level >= Level::Warn && verdict.level == Level::Fail => {
            verdict.evidence(format!("driver {}: {}", driver.meta.name, why.message)).blame(driver.reference())
        }
        _ => verdict,
    }
}

fn schedule(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else {
        return Verdict::unknown(&precedence::OBJECT_UNREADABLE, "is no ScheduledSparkApplication");
    };
    if custom.spec_true("/suspend") {
        return precedence::suspended("spec.suspend", None, related, now);
    }
    let state = custom.status_text("/scheduleState");
    let reason = custom.status_text("/reason");
    match state {
        "" | "New" => precedence::no_status(object, None, related, now),
        "FailedValidation" => Verdict::fail(&SCHEDULE_INVALID, format!("{state}: {reason}")),
        _ => {
            let next = When::from(time(custom, "/nextRun"));
            match next.seconds_before(now) {
                Some(late) if late > 300 => {
                    let age = next.get().map_or_else(String::new, |next| text::age(next, now));
                    let verdict =
                        Verdict::fail(&SCHEDULE_LATE, format!("its next run is {age} overdue")).since(next.get());
                    // A run that the API server refuses is tried again and again, and never seen.
                    match extension::refuses(GROUP, "sparkapplications", related) {
                        Some(webhook) => verdict.blame(webhook),
                        None => verdict,
                    }
                }
                _ => Verdict::ok(&SPARK_RUNNING, state.to_owned()),
            }
        }
    }
}

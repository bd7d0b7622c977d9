//! Jobs and CronJobs.

use super::condition::Condition;
use super::record::record;
use super::sym::{Sym, When};

record! {
    /// The spec of a Job.
    pub struct JobSpec {
        /// Whether it is suspended.
        suspend: bool,
        /// Pods at a time.
        parallelism: Option<i64>,
        /// Successes wanted.
        completions: Option<i64>,
        /// Failures allowed; the API's default is 6.
        backoff_limit: Option<i64>,
        /// Seconds that it may take.
        active_deadline_seconds: Option<i64>,
        /// The controller, when it is not Kubernetes' own.
        managed_by: Sym,
    }

    /// The status of a Job.
    pub struct JobStatus {
        /// `Complete`, `Failed`, `Suspended`, `FailureTarget`, `SuccessCriteriaMet`.
        conditions: Vec<Condition>,
        /// Pods that are pending or running.
        active: i64,
        /// Of these, the ready ones.
        ready: Option<i64>,
        /// Pods that succeeded.
        succeeded: i64,
        /// Pods that failed.
        failed: i64,
        /// When it was started.
        start_time: When,
        /// When it was complete.
        completion_time: When,
    }

    /// A reference in `status.active`.
    pub struct ActiveJob {
        /// The Job's name.
        name: Sym,
    }

    /// The spec of a CronJob.
    pub struct CronJobSpec {
        /// Whether it is suspended.
        suspend: bool,
        /// The five fields, or a macro such as `@daily`.
        schedule: Sym,
        /// The zone of the schedule; empty for the controller's own.
        time_zone: Sym,
        /// `Allow`, `Forbid` or `Replace`.
        concurrency_policy: Sym,
        /// Seconds after which a missed start is given up.
        starting_deadline_seconds: Option<i64>,
    }

    /// The status of a CronJob.
    pub struct CronJobStatus {
        /// Running Jobs.
        active: Vec<ActiveJob>,
        /// When a Job was last started by the schedule.
        last_schedule_time: When,
        /// When a Job last succeeded.
        last_successful_time: When,
    }
}

/// A Job.
#[derive(Debug, Default, Clone)]
pub struct Job {
    /// Its spec.
    pub spec: JobSpec,
    /// Its status; `None` when it has none.
    pub status: Option<JobStatus>,
}

/// A CronJob.
#[derive(Debug, Default, Clone)]
pub struct CronJob {
    /// Its spec.
    pub spec: CronJobSpec,
    /// Its status; `None` when it has none.
    pub status: Option<CronJobStatus>,
}

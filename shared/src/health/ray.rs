//! Ray by KubeRay: clusters, jobs on them, and services that answer requests.

use super::table::Rule;
use super::{Related, culprit, lead_condition, precedence};
use crate::object::{Condition, Custom, Object, ObjectRef, find_condition};
use crate::report::{Level, Verdict, codes};
use jiff::Timestamp;
use serde_json::Value;

codes! {
    CLUSTER_READY = "ray-cluster-ready", "The cluster is ready",
        "The head pod is ready and as many workers as are wanted are there.",
        "Nothing to do.";
    CLUSTER_STARTS = "ray-cluster-starting", "The cluster is on its way",
        "The head or the workers start, or the autoscaler has asked for more workers.",
        "Nothing to do but wait.";
    CLUSTER_SLOW = "ray-cluster-slow", "The cluster does not get ready",
        "Its pods have been starting for more than half an hour: an image, a volume or room on the nodes (GPUs) is missing.",
        "Look at the pods with the label ray.io/cluster.";
    CLUSTER_FAILED = "ray-cluster-failed", "The cluster cannot be made",
        "A pod could not be created or deleted (quota, admission), or the definition is refused.",
        "Read the message; it is the API server's or the operator's.";
    HEAD_DOWN = "ray-head-down", "The head of the cluster is down",
        "The head holds the cluster's state (GCS). Without it no task starts, and without fault tolerance (spec.gcsFaultToleranceOptions) jobs and actors are lost.",
        "Look at the head pod (label ray.io/node-type=head): mostly it ran out of memory.";
    WORKERS_MISSING = "ray-workers-missing", "Workers of the cluster do not run",
        "The cluster is ready and works with fewer workers than are wanted, since the pods of some fail.",
        "Look at the pod that is named.";
    JOB_DONE = "ray-job-succeeded", "The job has succeeded", "It ended without an error.", "Nothing to do.";
    JOB_RUNS = "ray-job-running", "The job is at work",
        "Its cluster starts, or its entry point runs.", "Nothing to do but wait.", Work;
    JOB_SLOW = "ray-job-slow", "The job does not start",
        "Its cluster has not got ready for more than half an hour.",
        "Look at the RayCluster that status.rayClusterName names.";
    JOB_STUCK = "ray-job-stuck", "The job waits for a cluster that fails",
        "The cluster that the job needs, or the pod that submits it, does not get ready.",
        "Look at the object that is named as the cause.";
    JOB_FAILED = "ray-job-failed", "The job has failed",
        "The entry point ended with an error, it could not be submitted, the definition is refused, or its time was over; no try is left.",
        "Read the message, then the job's log: `ray job logs` or the submitter pod's log.", Final;
    SERVICE_READY = "ray-service-ready", "The service answers requests",
        "Its applications run and its cluster has endpoints.", "Nothing to do.";
    SERVICE_STARTS = "ray-service-starting", "The service is on its way",
        "Its cluster starts, its applications are being deployed, or a new cluster takes over.",
        "Nothing to do but wait.";
    SERVICE_SLOW = "ray-service-slow", "The service does not get ready",
        "It has been starting or changing over for more than half an hour.",
        "Look at the RayCluster and at the applications in the status.";
    SERVICE_DOWN = "ray-service-down", "The service does not answer",
        "No pod of its cluster serves requests, or the operator cannot ask or set up the cluster.",
        "Look at the RayCluster and at the log of the head pod.";
    APPLICATION_FAILED = "ray-application-failed", "A Serve application fails",
        "An application of the service could not be deployed or is unhealthy: its import or constructor fails, or its replicas do not pass their health check.",
        "Read the message; the log of the application's replicas tells more.";
    UPGRADE_FAILS = "ray-upgrade-fails", "The new cluster fails, the old one serves",
        "Requests are still answered by the cluster as it was before the last change. The change is not in effect.",
        "Read the failure of the new cluster's application; correct the spec.", Stuck 600;
}

const GROUP: &str = "ray.io";
const START_SECONDS: i64 = 1800;

/// The rows of this family.
pub(super) const RULES: &[Rule] = &[
    Rule::new(GROUP, "RayCluster", cluster),
    Rule::new(GROUP, "RayJob", job),
    Rule::new(GROUP, "RayService", service),
];

fn is_true(conditions: &[Condition], name: &str) -> bool {
    find_condition(conditions, name).is_some_and(Condition::is_true)
}

/// `ray-operator/apis/ray/v1/raycluster_types.go`. RayClusterProvisioned and `state: ready` stay once
/// they were reached, so what is there now is told by HeadPodReady and by the counts.
fn cluster(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return culprit::unreadable() };
    let conditions = custom.conditions();
    let state = custom.status_text("/state");
    let held = ["RayClusterSuspended", "RayClusterSuspending"].into_iter().find(|name| is_true(&conditions, name));
    if custom.spec_true("/suspend") || held.is_some() || state == "suspended" {
        let since = held.and_then(|name| find_condition(&conditions, name)).and_then(Condition::since);
        let by_spec = custom.spec_true("/suspend");
        let how = if by_spec { "spec.suspend" } else { "the operator" };
        return culprit::held(how, since, object, related, now);
    }
    if conditions.is_empty() && state.is_empty() && custom.status_text("/reason").is_empty() {
        return precedence::no_status(object, None, related, now);
    }
    let pods = || related.pods_labelled(&object.meta.namespace, "ray.io/cluster", &object.meta.name);
    if let Some(failure) = find_condition(&conditions, "ReplicaFailure").filter(|failure| failure.is_true()) {
        return Verdict::fail(&CLUSTER_FAILED, lead_condition::said(failure)).since(failure.since());
    }
    let reason = custom.status_text("/reason");
    if matches!(state, "failed" | "unhealthy") {
        let verdict = Verdict::fail(&CLUSTER_FAILED, if reason.is_empty() { state } else { reason }.to_owned());
        return culprit::pods(verdict.since(transition(custom, state)), pods(), related, now);
    }
    if let Some(verdict) = precedence::generation(object, custom.observed_generation(), related, now) {
        return verdict;
    }
    let provisioned = is_true(&conditions, "RayClusterProvisioned") || conditions.is_empty() && state == "ready";
    let head = find_condition(&conditions, "HeadPodReady");
    if let Some(head) = head.filter(|head| provisioned && head.is_false()) {
        let text = format!("the head is not ready: {}", lead_condition::said(head));
        let heads = pods().filter(|pod| pod.meta.labels.has("ray.io/node-type", "head"));
        return culprit::pods(Verdict::fail(&HEAD_DOWN, text).since(head.since()), heads, related, now);
    }
    let workers = Workers::of(custom, !conditions.is_empty());
    if provisioned {
        return workers.judge(custom, pods(), related, now);
    }
    let told = find_condition(&conditions, "RayClusterProvisioned").map(lead_condition::said);
    let told =
        told.or_else(|| (!reason.is_empty()).then(|| reason.to_owned())).unwrap_or_else(|| "is starting".to_owned());
    let since = find_condition(&conditions, "RayClusterProvisioned").and_then(Condition::since);
    let message = format!("{told}; {}", workers.text());
    let since = since.or(object.meta.creation_timestamp.get());
    let verdict = culprit::on_the_way(&CLUSTER_STARTS, &CLUSTER_SLOW, &message, since, START_SECONDS, now);
    culprit::descend(verdict, &CLUSTER_FAILED, pods(), related, now)
}

fn transition(custom: &Custom, state: &str) -> Option<Timestamp> {
    culprit::time(custom, &format!("/stateTransitionTimes/{state}"))
}

struct Workers {
    ready: i64,
    wanted: i64,
}

impl Workers {
    /// Numbers that are zero are not written. `readyWorkerReplicas` came with the conditions; before
    /// them only `availableWorkerReplicas` counts what runs.
    fn of(custom: &Custom, has_conditions: bool) -> Self {
        let number = |pointer: &str| custom.status_number(pointer);
        let available = number("/availableWorkerReplicas").unwrap_or(0);
        let ready = number("/readyWorkerReplicas").unwrap_or(if has_conditions { 0 } else { available });
        Self { ready, wanted: number("/desiredWorkerReplicas").unwrap_or(0) }
    }

    fn text(&self) -> String {
        format!("{} of {} workers ready", self.ready, self.wanted)
    }

    /// The verdict of a cluster that was ready once.
    fn judge<'a>(
        &self,
        custom: &Custom,
        pods: impl Iterator<Item = &'a Object>,
        related: &Related<'_>,
        now: Timestamp,
    ) -> Verdict {
        let since = transition(custom, "ready");
        if self.ready >= self.wanted {
            return Verdict::ok(&CLUSTER_READY, self.text()).since(since);
        }
        let verdict = Verdict::progressing(&CLUSTER_STARTS, self.text());
        let mut verdict = culprit::descend(verdict, &WORKERS_MISSING, pods, related, now);
        if verdict.level == Level::Fail {
            verdict.level = Level::Warn;
        }
        verdict
    }
}

/// `ray-operator/apis/ray/v1/rayjob_types.go`: how the job itself ended, and how far its deployment is.
fn job(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return culprit::unreadable() };
    let (state, deployment) = (custom.status_text("/jobStatus"), custom.status_text("/jobDeploymentStatus"));
    let started = culprit::time(custom, "/startTime");
    let ended = culprit::time(custom, "/endTime");
    let texts = [custom.status_text("/reason"), custom.status_text("/message").trim()];
    let texts: Vec<&str> = texts.into_iter().filter(|text| !text.is_empty()).collect();
    let said = if texts.is_empty() { String::new() } else { format!(": {}", texts.join(": ")) };
    let failed = custom.status_number("/failed").unwrap_or(0);
    let allowed = custom.spec_number("/backoffLimit").unwrap_or(0);
    let tries = if allowed > 0 { format!(" (failed tries: {failed}, allowed: {allowed})") } else { String::new() };
    let cluster = ObjectRef::new(GROUP, "RayCluster", &object.meta.namespace, custom.status_text("/rayClusterName"));
    let has_ended = matches!(deployment, "Complete" | "Failed" | "ValidationFailed");
    if !has_ended && (custom.spec_true("/suspend") || matches!(deployment, "Suspended" | "Suspending")) {
        let how = if custom.spec_true("/suspend") { "spec.suspend" } else { "the operator" };
        return culprit::held(how, None, object, related, now);
    }
    match (deployment, state) {
        ("Failed" | "ValidationFailed", _) | ("Complete", "FAILED") => {
            let word = if state == "FAILED" || deployment == "Complete" { "FAILED" } else { deployment };
            let verdict = Verdict::fail(&JOB_FAILED, format!("{word}{said}{tries}")).since(ended.or(started));
            culprit::object_if_found(verdict, cluster, related, now)
        }
        ("Complete", "STOPPED") => {
            Verdict::suspended(&precedence::SUSPENDED, "was stopped before it ended").since(ended)
        }
        ("Complete", _) => Verdict::ok(&JOB_DONE, "succeeded").since(ended),
        ("", "") => precedence::no_status(object, None, related, now),
        ("Running", _) => Verdict::progressing(&JOB_RUNS, format!("running{tries}")).since(started),
        (deployment, _) => {
            let word = if deployment.is_empty() { state } else { deployment };
            let since = started.or(object.meta.creation_timestamp.get());
            // A schedule waits for its time.
            let limit = if matches!(word, "Scheduled" | "Waiting") { i64::MAX } else { START_SECONDS };
            let text = format!("{word}{said}{tries}");
            let verdict = culprit::on_the_way(&JOB_RUNS, &JOB_SLOW, &text, since, limit, now);
            let blamed = culprit::object_if_found(verdict.clone(), cluster, related, now);
            let fails = blamed.blames.iter().filter_map(|cause| related.inventory.find(cause).found());
            if fails.map(|cause| super::assess(cause, related, now).level).any(|level| level == Level::Fail) {
                return Verdict { level: Level::Fail, code: &JOB_STUCK, ..blamed };
            }
            let submitters = related.pods_owned_by(object);
            culprit::descend(verdict, &JOB_STUCK, submitters, related, now)
        }
    }
}

/// The applications of one of the clusters of a service that fail: name, state and message.
fn failing_applications(custom: &Custom, pointer: &str) -> Vec<String> {
    let all = custom.status_at(&format!("{pointer}/applicationStatuses")).and_then(Value::as_object);
    let text =
        |value: &Value, field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    let mut lines = Vec::new();
    for (name, application) in all.into_iter().flatten() {
        let state = text(application, "status");
        if !matches!(state.as_str(), "UNHEALTHY" | "DEPLOY_FAILED") {
            continue;
        }
        let name = if name.is_empty() { "default" } else { name };
        let said = text(application, "message");
        let parts = application.get("serveDeploymentStatuses").and_then(Value::as_object).into_iter().flatten();
        let part = parts
            .filter(|(_, part)| matches!(text(part, "status").as_str(), "UNHEALTHY" | "DEPLOY_FAILED"))
            .map(|(part, state)| format!("deployment {part}: {}", text(state, "message")))
            .next();
        let said = [Some(said).filter(|said| !said.is_empty()), part];
        let said: Vec<String> = said.into_iter().flatten().collect();
        let said = if said.is_empty() { String::new() } else { format!(": {}", said.join("; ")) };
        lines.push(format!("application {name} is {state}{said}"));
    }
    lines
}

/// `ray-operator/apis/ray/v1/rayservice_types.go`.
fn service(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return culprit::unreadable() };
    let conditions = custom.conditions();
    let state = custom.status_text("/serviceStatus");
    if custom.spec_true("/suspend") {
        return culprit::held("spec.suspend", None, object, related, now);
    }
    if conditions.is_empty() && state.is_empty() {
        return precedence::no_status(object, None, related, now);
    }
    let of = |pointer: &str| {
        let name = custom.status_text(&format!("{pointer}/rayClusterName"));
        ObjectRef::new(GROUP, "RayCluster", &object.meta.namespace, name)
    };
    let (active, pending) = (of("/activeServiceStatus"), of("/pendingServiceStatus"));
    let ready = find_condition(&conditions, "Ready");
    let is_ready = ready.map_or(state == "Running", Condition::is_true);
    let since = ready.and_then(Condition::since).or_else(|| culprit::time(custom, "/lastUpdateTime"));
    let joined = |lines: Vec<String>, verdict: fn(String) -> Verdict| {
        let mut lines = lines.into_iter();
        lines.next().map(|first| lines.take(9).fold(verdict(first), Verdict::evidence))
    };
    let failing = failing_applications(custom, "/activeServiceStatus");
    if let Some(verdict) = joined(failing, |text| Verdict::fail(&APPLICATION_FAILED, text)) {
        return culprit::object_if_found(verdict, active, related, now);
    }
    let new_failing = failing_applications(custom, "/pendingServiceStatus");
    if is_ready
        && let Some(verdict) = joined(new_failing.clone(), |text| {
            Verdict::warn(&UPGRADE_FAILS, format!("the old cluster serves, the new one fails: {text}"))
        })
    {
        return culprit::object_if_found(verdict, pending, related, now);
    }
    if let Some(verdict) = joined(new_failing, |text| Verdict::fail(&APPLICATION_FAILED, text)) {
        return culprit::object_if_found(verdict, pending, related, now);
    }
    if let Some(verdict) = precedence::generation(object, custom.observed_generation(), related, now) {
        return verdict;
    }
    let upgrade = find_condition(&conditions, "UpgradeInProgress").filter(|upgrade| upgrade.is_true());
    if is_ready {
        return match upgrade {
            Some(upgrade) => {
                let text = "serves, and a new cluster is on its way";
                let verdict =
                    culprit::on_the_way(&SERVICE_STARTS, &SERVICE_SLOW, text, upgrade.since(), START_SECONDS, now);
                culprit::object_if_found(verdict, pending, related, now)
            }
            None => Verdict::ok(&SERVICE_READY, "serves").since(since),
        };
    }
    let text = match (ready, state) {
        (Some(ready), _) => lead_condition::said(ready),
        (None, "") => "is not ready yet".to_owned(),
        (None, state) => state.to_owned(),
    };
    let is_down = state.starts_with("Failed")
        || ready.is_some_and(|ready| matches!(&*ready.reason, "ZeroServeEndpoints" | "InitializingTimeout"));
    let cluster = if pending.name.is_empty() { active } else { pending };
    let verdict = if is_down {
        Verdict::fail(&SERVICE_DOWN, text).since(since)
    } else {
        let since = since.or(object.meta.creation_timestamp.get());
        culprit::on_the_way(&SERVICE_STARTS, &SERVICE_SLOW, &text, since, START_SECONDS, now)
    };
    let mut verdict = culprit::object_if_found(verdict, cluster, related, now);
    // A start that waits for a cluster which fails will not end.
    let fails = verdict.blames.iter().filter_map(|cause| related.inventory.find(cause).found());
    if !is_down && fails.map(|cause| super::assess(cause, related, now).level).any(|level| level == Level::Fail) {
        verdict.level = Level::Fail;
        verdict.code = &SERVICE_DOWN;
    }
    verdict
}

#[cfg(test)]
#[path = "ray_tests.rs"]
mod tests;

//! Queues for batch work and what waits in them: Kueue, Volcano, JobSet, LeaderWorkerSet.

use super::table::Rule;
use super::{Related, culprit, lead_condition, precedence};
use crate::object::{Condition, Custom, Lookup, Object, ObjectRef, find_condition};
use crate::report::{Level, Verdict, codes};
use jiff::Timestamp;
use serde_json::Value;

codes! {
    QUEUE_OPEN = "queue-open", "The queue admits work", "Its quota and flavours are in force.", "Nothing to do.";
    QUEUE_WAITS = "queue-waits", "The queue is being set up",
        "The controller has not said yet whether the queue admits work.", "Nothing to do but wait.";
    QUEUE_INACTIVE = "queue-inactive", "The queue admits nothing",
        "A flavour, an admission check or the cluster queue that it needs does not exist or is inactive. Whatever is submitted to it waits for ever.",
        "Make the object that the message names, or take it out of the queue's spec.";
    WORK_WAITS = "workload-waits", "The work waits for its turn",
        "No quota is free for it now, or an admission check is still open.", "Nothing to do but wait.";
    WORK_WAITS_LONG = "workload-waits-long", "The work has waited for more than a day",
        "No quota has become free for it in a day. It may ask for more than the queue can ever give.",
        "Compare what it asks for with the quota of the queue (`kubectl describe clusterqueue`).";
    WORK_BLOCKED = "workload-blocked", "The work waits in a queue that admits nothing",
        "The queue that it was submitted to does not exist or is inactive.",
        "Look at the queue that is named as the cause.";
    WORK_REFUSED = "workload-refused", "The work was given up by its queue",
        "An admission check has rejected it, or its pods did not get ready as often as is allowed.",
        "Read the message; set spec.active to true to queue it again.", Final;
    WORK_ADMITTED = "workload-admitted", "The work is admitted", "It has its quota; the job itself tells how it goes.", "Nothing to do.";
    WORK_ENDED = "workload-ended", "The work has ended", "The job itself tells how.", "Nothing to do.";
    JOB_DONE = "batch-job-completed", "The job is complete", "It ended without an error.", "Nothing to do.";
    JOB_RUNS = "batch-job-running", "The job is at work", "Its pods run, or start.", "Nothing to do but wait.", Work;
    JOB_SLOW = "batch-job-waits", "The job does not start",
        "It has been pending for more than half an hour: no room for all of its pods, or its queue is full.",
        "Look at the PodGroup and the queue: `kubectl get podgroups,queues.scheduling.volcano.sh -A`.";
    JOB_STUCK = "batch-job-stuck", "A pod of the job fails",
        "A pod cannot be scheduled, its image is not found, or it crashes.", "Look at the pod that is named.";
    JOB_FAILED = "batch-job-failed", "The job has failed",
        "A pod failed and no restart is left, or the job was ended.",
        "Read the message, then the log of the pod that failed.", Final;
    SET_READY = "leader-worker-set-ready", "All groups are ready", "As many groups as are wanted serve.", "Nothing to do.";
    SET_WORKS = "leader-worker-set-progressing", "Groups are on their way", "Groups start, or are being updated.", "Nothing to do but wait.";
    SET_SLOW = "leader-worker-set-slow", "Groups do not get ready",
        "They have been on their way for more than an hour.", "Look at the pods (label leaderworkerset.sigs.k8s.io/name).";
    SET_STUCK = "leader-worker-set-stuck", "A pod of a group fails",
        "A group works only with all of its pods, and one of them fails.", "Look at the pod that is named.";
}

const KUEUE: &str = "kueue.x-k8s.io";
const VOLCANO: &str = "batch.volcano.sh";
const VOLCANO_SCHEDULING: &str = "scheduling.volcano.sh";
const START_SECONDS: i64 = 1800;
const SERVING_SECONDS: i64 = 3600;
const QUOTA_SECONDS: i64 = 86_400;

/// The rows of this family.
pub(super) const RULES: &[Rule] = &[
    Rule::new(KUEUE, "ClusterQueue", queue),
    Rule::new(KUEUE, "LocalQueue", queue),
    Rule::new(KUEUE, "AdmissionCheck", queue),
    Rule::new(KUEUE, "MultiKueueCluster", queue),
    Rule::new(KUEUE, "Workload", workload),
    Rule::new(VOLCANO, "Job", volcano_job),
    Rule::new(VOLCANO_SCHEDULING, "PodGroup", pod_group),
    Rule::new(VOLCANO_SCHEDULING, "Queue", volcano_queue),
    Rule::new("jobset.x-k8s.io", "JobSet", job_set),
    Rule::new("leaderworkerset.x-k8s.io", "LeaderWorkerSet", leader_worker_set),
];

fn met<'a>(conditions: &'a [Condition], name: &str) -> Option<&'a Condition> {
    find_condition(conditions, name).filter(|condition| condition.is_true())
}

/// `apis/kueue/v1beta1/clusterqueue_types.go` and its neighbours: Active tells all.
fn queue(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return culprit::unreadable() };
    let policy = custom.spec_text("/stopPolicy");
    if !matches!(policy, "" | "None") {
        return Verdict::suspended(&precedence::SUSPENDED, format!("stopped by spec.stopPolicy: {policy}"));
    }
    let conditions = custom.conditions();
    let Some(active) = find_condition(&conditions, "Active") else {
        return precedence::no_status(object, None, related, now);
    };
    let said = lead_condition::said(active);
    if active.is_true() {
        let count = |pointer: &str| custom.status_number(pointer).unwrap_or(0);
        let (waits, runs) = (count("/pendingWorkloads"), count("/admittedWorkloads"));
        let text = if waits > 0 || runs > 0 { format!("{runs} admitted, {waits} waiting") } else { said };
        return Verdict::ok(&QUEUE_OPEN, text).since(active.since());
    }
    if !active.is_false() {
        return Verdict::progressing(&QUEUE_WAITS, said).since(active.since());
    }
    let verdict = Verdict::fail(&QUEUE_INACTIVE, said).since(active.since());
    let named = |list: &[Value], field: &str| -> Vec<String> {
        let names = list.iter().filter_map(|item| item.as_str().or_else(|| item.get(field).and_then(Value::as_str)));
        names.map(str::to_owned).take(50).collect()
    };
    let mut needs = Vec::new();
    let cluster_queue = custom.spec_text("/clusterQueue");
    if object.is(KUEUE, "LocalQueue") && !cluster_queue.is_empty() {
        let target = ObjectRef::new(KUEUE, "ClusterQueue", "", cluster_queue);
        if let Lookup::Found(found) = related.inventory.find(&target)
            && queue(found, related, now).level == Level::Suspended
        {
            return Verdict::suspended(&precedence::SUSPENDED, format!("its ClusterQueue {cluster_queue} is stopped"));
        }
        needs.push(target);
    }
    if object.is(KUEUE, "ClusterQueue") {
        for group in custom.spec_list("/resourceGroups").iter().take(50) {
            let flavors = group.get("flavors").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let flavors = named(flavors, "name").into_iter();
            needs.extend(flavors.map(|name| ObjectRef::new(KUEUE, "ResourceFlavor", "", &name)));
        }
        for (list, field) in [("/admissionChecks", "name"), ("/admissionChecksStrategy/admissionChecks", "name")] {
            let checks = named(custom.spec_list(list), field).into_iter();
            needs.extend(checks.map(|name| ObjectRef::new(KUEUE, "AdmissionCheck", "", &name)));
        }
    }
    needs.into_iter().fold(verdict, |verdict, need| culprit::object(verdict, need, related, now))
}

/// `apis/kueue/v1beta1/workload_types.go`. How the job ended is the job's to tell.
fn workload(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return culprit::unreadable() };
    let conditions = custom.conditions();
    if let Some(end) = met(&conditions, "Finished") {
        return Verdict::ok(&WORK_ENDED, lead_condition::said(end)).since(end.since());
    }
    let evicted = met(&conditions, "Evicted");
    let checks = custom.status_list("/admissionChecks").iter();
    let text = |check: &Value, field: &str| check.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let told = |check: &Value| {
        let said = text(check, "message");
        let said = if said.is_empty() { String::new() } else { format!(": {said}") };
        format!("admission check {} is {}{said}", text(check, "name"), text(check, "state"))
    };
    if let Some(rejected) = checks.clone().find(|check| text(check, "state") == "Rejected") {
        return Verdict::fail(&WORK_REFUSED, told(rejected));
    }
    if custom.spec_at("/active") == Some(&Value::Bool(false)) {
        // Kueue itself takes it out of the queue when it was put back too often.
        let given_up = evicted.filter(|it| it.reason.contains("RequeuingLimit") || it.reason.contains("Maximum"));
        return match given_up {
            Some(given_up) => Verdict::fail(&WORK_REFUSED, lead_condition::said(given_up)).since(given_up.since()),
            None => precedence::suspended("spec.active", evicted.and_then(Condition::since), related, now),
        };
    }
    if let Some(admitted) = met(&conditions, "Admitted") {
        let starts = find_condition(&conditions, "PodsReady").filter(|ready| !ready.is_true());
        return match starts {
            Some(starts) => Verdict::progressing(&WORK_WAITS, format!("admitted; {}", lead_condition::said(starts)))
                .since(starts.since()),
            None => Verdict::ok(&WORK_ADMITTED, lead_condition::said(admitted)).since(admitted.since()),
        };
    }
    let reserved = find_condition(&conditions, "QuotaReserved");
    let since = reserved.or(evicted).and_then(Condition::since).or(object.meta.creation_timestamp.get());
    let open = checks.clone().find(|check| text(check, "state") != "Ready");
    let said = match (reserved, open) {
        (Some(reserved), Some(check)) if reserved.is_true() => told(check),
        (Some(reserved), _) => lead_condition::said(reserved),
        (None, _) => evicted.map_or_else(|| "waits for quota".to_owned(), lead_condition::said),
    };
    let verdict = culprit::on_the_way(&WORK_WAITS, &WORK_WAITS_LONG, &said, since, QUOTA_SECONDS, now);
    in_queue(verdict, object, custom, related, now)
}

/// What waits in a queue that is stopped is held; in one that is inactive or missing it is blocked.
fn in_queue(verdict: Verdict, object: &Object, custom: &Custom, related: &Related<'_>, now: Timestamp) -> Verdict {
    let name = custom.spec_text("/queueName");
    if name.is_empty() {
        return verdict;
    }
    let target = ObjectRef::new(KUEUE, "LocalQueue", &object.meta.namespace, name);
    let state = match related.inventory.find(&target) {
        Lookup::Found(found) => queue(found, related, now),
        Lookup::Missing => {
            return Verdict::fail(&WORK_BLOCKED, format!("its LocalQueue {name} does not exist"))
                .since(verdict.since)
                .blame(target);
        }
        Lookup::Unread => return verdict,
    };
    match state.level {
        Level::Fail => Verdict::fail(&WORK_BLOCKED, format!("its LocalQueue {name} admits nothing: {}", state.message))
            .since(verdict.since)
            .blame(target),
        Level::Suspended => {
            Verdict::suspended(&precedence::SUSPENDED, format!("its LocalQueue {name} is {}", state.message))
                .since(verdict.since)
        }
        _ => verdict,
    }
}

/// `pkg/apis/batch/v1alpha1/job.go` of Volcano: the phase stands in `status.state.phase`.
fn volcano_job(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return culprit::unreadable() };
    let phase = custom.status_text("/state/phase");
    let texts = [custom.status_text("/state/reason"), custom.status_text("/state/message")];
    let texts: Vec<&str> = texts.into_iter().filter(|text| !text.is_empty()).collect();
    let said = if texts.is_empty() { String::new() } else { format!(": {}", texts.join(": ")) };
    let counts = ["pending", "running", "succeeded", "failed"].into_iter().filter_map(|field| {
        let count = custom.status_number(&format!("/{field}")).filter(|count| *count > 0)?;
        Some(format!("{count} {field}"))
    });
    let counts: Vec<String> = counts.collect();
    let counts = if counts.is_empty() { String::new() } else { format!(" ({})", counts.join(", ")) };
    let since = culprit::time(custom, "/state/lastTransitionTime");
    let pods = || related.pods_labelled(&object.meta.namespace, "volcano.sh/job-name", &object.meta.name);
    let active = || pods().filter(|pod| pod.pod().is_some_and(|pod| !pod.is_finished()));
    let text = format!("{phase}{said}{counts}");
    match phase {
        "" => precedence::no_status(object, None, related, now),
        "Completed" => Verdict::ok(&JOB_DONE, text).since(since),
        "Failed" | "Terminated" => culprit::pods(Verdict::fail(&JOB_FAILED, text).since(since), pods(), related, now),
        "Aborted" | "Aborting" => precedence::suspended(&format!("the phase {phase}"), since, related, now),
        "Pending" => {
            let since = since.or(object.meta.creation_timestamp.get());
            let verdict = culprit::on_the_way(&JOB_RUNS, &JOB_SLOW, &text, since, START_SECONDS, now);
            let queue = ObjectRef::new(VOLCANO_SCHEDULING, "Queue", "", custom.spec_text("/queue"));
            let verdict = in_volcano_queue(verdict, queue, related);
            culprit::descend(verdict, &JOB_STUCK, active(), related, now)
        }
        _ => culprit::descend(Verdict::progressing(&JOB_RUNS, text).since(since), &JOB_STUCK, active(), related, now),
    }
}

/// What waits in a queue that is closed, or that does not exist.
fn in_volcano_queue(verdict: Verdict, target: ObjectRef, related: &Related<'_>) -> Verdict {
    if target.name.is_empty() {
        return verdict;
    }
    match related.inventory.find(&target) {
        Lookup::Missing => Verdict::fail(&WORK_BLOCKED, format!("its Queue {} does not exist", target.name))
            .since(verdict.since)
            .blame(target),
        Lookup::Found(found) if found.custom().is_some_and(|it| it.status_text("/state").starts_with("Clos")) => {
            Verdict::suspended(&precedence::SUSPENDED, format!("its Queue {} is closed", target.name))
                .since(verdict.since)
        }
        _ => verdict,
    }
}

/// `pkg/apis/scheduling/v1beta1/types.go` of Volcano.
fn pod_group(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return culprit::unreadable() };
    let conditions = custom.conditions();
    let unschedulable = met(&conditions, "Unschedulable");
    let said = unschedulable.map_or_else(String::new, |it| format!(": {}", lead_condition::said(it)));
    let since = unschedulable.and_then(Condition::since).or(object.meta.creation_timestamp.get());
    let queue = ObjectRef::new(VOLCANO_SCHEDULING, "Queue", "", custom.spec_text("/queue"));
    match custom.status_text("/phase") {
        "" => precedence::no_status(object, None, related, now),
        "Running" => Verdict::ok(&WORK_ADMITTED, "its pods have their places"),
        "Completed" => Verdict::ok(&WORK_ENDED, "completed"),
        phase @ ("Pending" | "Inqueue") => {
            let text = format!("{phase}{said}");
            let verdict = culprit::on_the_way(&WORK_WAITS, &WORK_WAITS_LONG, &text, since, QUOTA_SECONDS, now);
            in_volcano_queue(verdict, queue, related)
        }
        // Some of its pods run and the others have no place: the scheduler waits for their controller.
        phase => {
            let text = format!("{phase}: only a part of its pods runs{said}");
            culprit::on_the_way(&WORK_WAITS, &WORK_WAITS_LONG, &text, since, START_SECONDS, now)
        }
    }
}

fn volcano_queue(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return culprit::unreadable() };
    match custom.status_text("/state") {
        "" => precedence::no_status(object, None, related, now),
        "Open" => {
            let count = |pointer: &str| custom.status_number(pointer).unwrap_or(0);
            let waits = count("/pending").saturating_add(count("/inqueue"));
            Verdict::ok(&QUEUE_OPEN, format!("open, {} running, {waits} waiting", count("/running")))
        }
        state @ ("Closed" | "Closing") => {
            Verdict::suspended(&precedence::SUSPENDED, format!("the queue is {}", state.to_ascii_lowercase()))
        }
        state => Verdict::unknown(&QUEUE_WAITS, format!("its state is {state}")),
    }
}

/// `api/jobset/v1alpha2/jobset_types.go`
fn job_set(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return culprit::unreadable() };
    let conditions = custom.conditions();
    let restarts = custom.status_number("/restarts").filter(|count| *count > 0);
    let most = custom.spec_number("/failurePolicy/maxRestarts").unwrap_or(0);
    let tries = restarts.map_or_else(String::new, |count| format!(" (restarted {count} of {most} times)"));
    let pods = || related.pods_labelled(&object.meta.namespace, "jobset.sigs.k8s.io/jobset-name", &object.meta.name);
    if let Some(failed) = met(&conditions, "Failed") {
        let verdict =
            Verdict::fail(&JOB_FAILED, format!("{}{tries}", lead_condition::said(failed))).since(failed.since());
        return culprit::pods(verdict, pods(), related, now);
    }
    if let Some(completed) = met(&conditions, "Completed") {
        return Verdict::ok(&JOB_DONE, format!("completed{tries}")).since(completed.since());
    }
    let suspended = met(&conditions, "Suspended");
    if custom.spec_true("/suspend") || suspended.is_some() {
        let how = if custom.spec_true("/suspend") { "spec.suspend" } else { "the Suspended condition" };
        return culprit::held(how, suspended.and_then(Condition::since), object, related, now);
    }
    let jobs = custom.status_list("/replicatedJobsStatus");
    if jobs.is_empty() && conditions.is_empty() {
        return precedence::no_status(object, None, related, now);
    }
    let number = |job: &Value, field: &str| job.get(field).and_then(Value::as_i64).unwrap_or(0);
    let parts = jobs.iter().take(10).map(|job| {
        let name = job.get("name").and_then(Value::as_str).unwrap_or_default();
        format!("{name}: {} active, {} ready", number(job, "active"), number(job, "ready"))
    });
    let parts: Vec<String> = parts.collect();
    let parts = if parts.is_empty() { String::new() } else { format!(": {}", parts.join("; ")) };
    let active = pods().filter(|pod| pod.pod().is_some_and(|pod| !pod.is_finished()));
    culprit::descend(
        Verdict::progressing(&JOB_RUNS, format!("running{tries}{parts}")),
        &JOB_STUCK,
        active,
        related,
        now,
    )
}

/// `api/leaderworkerset/v1/leaderworkerset_types.go`
fn leader_worker_set(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return culprit::unreadable() };
    let conditions = custom.conditions();
    if conditions.is_empty() {
        return precedence::no_status(object, None, related, now);
    }
    if let Some(verdict) = precedence::generation(object, custom.observed_generation(), related, now) {
        return verdict;
    }
    let wanted = custom.spec_number("/replicas").unwrap_or(1);
    let ready = custom.status_number("/readyReplicas").unwrap_or(0);
    let counts = format!("{ready} of {wanted} groups ready");
    let works = met(&conditions, "UpdateInProgress").or(met(&conditions, "Progressing"));
    if let Some(available) = met(&conditions, "Available").filter(|_| works.is_none() && ready >= wanted) {
        return Verdict::ok(&SET_READY, counts).since(available.since());
    }
    let text = works.map_or_else(|| counts.clone(), |works| format!("{counts}: {}", lead_condition::said(works)));
    let since = works.and_then(Condition::since);
    let verdict = culprit::on_the_way(&SET_WORKS, &SET_SLOW, &text, since, SERVING_SECONDS, now);
    let pods = related.pods_labelled(&object.meta.namespace, "leaderworkerset.sigs.k8s.io/name", &object.meta.name);
    culprit::descend(verdict, &SET_STUCK, pods, related, now)
}

#[cfg(test)]
mod tests {
    use crate::health::testing::{expect, judge, judge_at};
    use crate::report::Level;

    fn object(version: &str, kind: &str, name: &str, spec: &str, status: &str) -> String {
        format!(
            "---
apiVersion: {version}
kind: {kind}
metadata: {{name: {name}, namespace: ml, creationTimestamp: '2026-11-20T02:50:00Z'}}
spec: {{{spec}}}
status: {{{status}}}
"
        )
    }

    fn cluster(kind: &str, name: &str, spec: &str, status: &str) -> String {
        object(V, kind, name, spec, status).replace(", namespace: ml", "")
    }

    const V: &str = "kueue.x-k8s.io/v1beta1";
    const ACTIVE: &str = "conditions: [{type: Active, status: 'True', reason: Ready, message: Can admit}]";
    const NO_FLAVOR: &str = "conditions: [{type: Active, status: 'False', reason: FlavorNotFound, message: no gpu}]";
    const PENDING: &str = "conditions: [{type: QuotaReserved, status: 'False', reason: Pending, message: no room}]";
    const POD: &str = "---
apiVersion: v1
kind: Pod
metadata: {name: w-0, namespace: ml, labels: {volcano.sh/job-name: it, jobset.sigs.k8s.io/jobset-name: it, leaderworkerset.sigs.k8s.io/name: it}}
spec: {containers: [{name: c, image: x}]}
status: {phase: Running, containerStatuses: [{name: c, ready: false, restartCount: 9, image: x, imageID: x, state: {waiting: {reason: CrashLoopBackOff}}}]}
";

    #[test]
    fn kueue_queues() {
        for (kind, spec, status, level, code) in [
            ("ClusterQueue", "", ACTIVE, Level::Ok, "queue-open"),
            ("ClusterQueue", "", NO_FLAVOR, Level::Fail, "queue-inactive"),
            ("ClusterQueue", "stopPolicy: Hold", NO_FLAVOR, Level::Suspended, "suspended"),
            ("ClusterQueue", "stopPolicy: None", ACTIVE, Level::Ok, "queue-open"),
            ("LocalQueue", "", "conditions: [{type: Active, status: Unknown}]", Level::Progressing, "queue-waits"),
            ("AdmissionCheck", "", NO_FLAVOR, Level::Fail, "queue-inactive"),
            ("LocalQueue", "clusterQueue: [1]", "conditions: {}", Level::Fail, "no-status"),
        ] {
            expect(&object(V, kind, "q", spec, status)[4..], kind, "q", level, code);
        }
        let queue = cluster(
            "ClusterQueue",
            "q",
            "resourceGroups: [{flavors: [{name: gpu}]}], admissionChecks: [ok]",
            NO_FLAVOR,
        );
        let flavor = cluster("ResourceFlavor", "cpu", "", "");
        let verdict = judge(&(queue.clone() + &flavor)[4..], "ClusterQueue", "q");
        assert_eq!(verdict.evidence, ["ResourceFlavor gpu does not exist"]);
        let local = object(
            V,
            "LocalQueue",
            "team",
            "clusterQueue: q",
            "conditions: [{type: Active, status: 'False', reason: ClusterQueueIsInactive}]",
        );
        let verdict = judge(&(local.clone() + &queue)[4..], "LocalQueue", "team");
        assert_eq!(verdict.blames[0].to_string(), "ClusterQueue/q");
        let held = local + &cluster("ClusterQueue", "q", "stopPolicy: Hold", NO_FLAVOR);
        expect(&held[4..], "LocalQueue", "team", Level::Suspended, "suspended");
    }

    #[test]
    fn kueue_workloads() {
        let condition = |kind: &str, status: &str, reason: &str| {
            format!("conditions: [{{type: {kind}, status: '{status}', reason: '{reason}', message: m}}]")
        };
        for (spec, status, level, code) in [
            ("", PENDING.to_owned(), Level::Progressing, "workload-waits"),
            ("", condition("Admitted", "True", "Admitted"), Level::Ok, "workload-admitted"),
            ("", condition("Finished", "True", "Failed"), Level::Ok, "workload-ended"),
            ("active: false", condition("Evicted", "True", "Deactivated"), Level::Suspended, "suspended"),
            ("active: false", condition("Evicted", "True", "DeactivatedDueToRequeuingLimitExceeded"), Level::Fail, "workload-refused"),
            ("", "admissionChecks: [{name: prov, state: Rejected, message: no}]".to_owned(), Level::Fail, "workload-refused"),
            (
                "",
                "conditions: [{type: Admitted, status: 'True'}, {type: PodsReady, status: 'False', reason: WaitForStart}]".to_owned(),
                Level::Progressing,
                "workload-waits",
            ),
            ("active: maybe", "conditions: x, admissionChecks: {}".to_owned(), Level::Progressing, "workload-waits"),
        ] {
            expect(&object(V, "Workload", "w", spec, &status)[4..], "Workload", "w", level, code);
        }
        let waits = object(V, "Workload", "w", "queueName: team", PENDING);
        expect(&waits[4..], "Workload", "w", Level::Progressing, "workload-waits");
        let later = judge_at(&waits[4..], "Workload", "w", "2026-11-23T00:00:00Z");
        assert_eq!((later.level, later.more[0].code.id), (Level::Progressing, "workload-waits-long"));
        let queue = |name: &str, spec: &str, status: &str| waits.clone() + &object(V, "LocalQueue", name, spec, status);
        let verdict = judge(&queue("team", "", NO_FLAVOR)[4..], "Workload", "w");
        assert_eq!(
            (verdict.code.id, verdict.blames[0].to_string().as_str()),
            ("workload-blocked", "LocalQueue/ml/team")
        );
        expect(&queue("team", "stopPolicy: Hold", ACTIVE)[4..], "Workload", "w", Level::Suspended, "suspended");
        expect(&queue("team", "", ACTIVE)[4..], "Workload", "w", Level::Progressing, "workload-waits");
        expect(&queue("other", "", ACTIVE)[4..], "Workload", "w", Level::Fail, "workload-blocked");
    }

    #[test]
    fn volcano() {
        for (phase, level, code) in [
            ("Completed", Level::Ok, "batch-job-completed"),
            ("Running", Level::Progressing, "batch-job-running"),
            ("Pending", Level::Progressing, "batch-job-running"),
            ("Failed", Level::Fail, "batch-job-failed"),
            ("Terminated", Level::Fail, "batch-job-failed"),
            ("Aborted", Level::Suspended, "suspended"),
            ("''", Level::Fail, "no-status"),
        ] {
            let yaml = object(
                "batch.volcano.sh/v1alpha1",
                "Job",
                "it",
                "queue: q",
                &format!("state: {{phase: {phase}, lastTransitionTime: '2026-11-20T02:55:00Z'}}, running: 1"),
            );
            expect(&yaml[4..], "Job", "it", level, code);
        }
        let waits = object("batch.volcano.sh/v1alpha1", "Job", "it", "queue: q", "state: {phase: Pending}");
        let queue = |name: &str, state: &str| {
            let all = object("scheduling.volcano.sh/v1beta1", "Queue", name, "", &format!("state: {state}"));
            waits.clone() + &all.replace(", namespace: ml", "")
        };
        expect(&queue("q", "Open")[4..], "Job", "it", Level::Progressing, "batch-job-running");
        expect(&queue("q", "Closed")[4..], "Job", "it", Level::Suspended, "suspended");
        expect(&queue("other", "Open")[4..], "Job", "it", Level::Fail, "workload-blocked");
        expect(&queue("q", "Open")[4..], "Queue", "q", Level::Ok, "queue-open");
        expect(&queue("q", "Closing")[4..], "Queue", "q", Level::Suspended, "suspended");
        expect(&queue("q", "Odd")[4..], "Queue", "q", Level::Unknown, "queue-waits");
        expect(&(waits + POD)[4..], "Job", "it", Level::Fail, "batch-job-stuck");
        for (status, level, code) in [
            ("phase: Running", Level::Ok, "workload-admitted"),
            ("phase: Completed", Level::Ok, "workload-ended"),
            (
                "phase: Inqueue, conditions: [{type: Unschedulable, status: 'True', reason: NotEnoughResources}]",
                Level::Progressing,
                "workload-waits",
            ),
            ("phase: Unknown", Level::Progressing, "workload-waits"),
            ("phase: [2]", Level::Fail, "no-status"),
        ] {
            let yaml = object("scheduling.volcano.sh/v1beta1", "PodGroup", "g", "", status);
            expect(&yaml[4..], "PodGroup", "g", level, code);
        }
    }

    #[test]
    fn sets() {
        let running = "replicatedJobsStatus: [{name: workers, active: 2, ready: 1}], restarts: 1";
        for (spec, status, level, code) in [
            ("", "conditions: [{type: Completed, status: 'True'}]", Level::Ok, "batch-job-completed"),
            ("", "conditions: [{type: Failed, status: 'True', message: x}]", Level::Fail, "batch-job-failed"),
            ("suspend: true", running, Level::Suspended, "suspended"),
            ("", running, Level::Progressing, "batch-job-running"),
            (
                "",
                "conditions: [{type: StartupPolicyCompleted, status: 'True'}]",
                Level::Progressing,
                "batch-job-running",
            ),
            ("", "replicatedJobsStatus: {}, restarts: no", Level::Fail, "no-status"),
        ] {
            expect(&object("jobset.x-k8s.io/v1alpha2", "JobSet", "it", spec, status)[4..], "JobSet", "it", level, code);
        }
        let yaml = object("jobset.x-k8s.io/v1alpha2", "JobSet", "it", "failurePolicy: {maxRestarts: 3}", running);
        let message = judge(&yaml[4..], "JobSet", "it").message;
        assert_eq!(message, "running (restarted 1 of 3 times): workers: 2 active, 1 ready");
        expect(&(yaml + POD)[4..], "JobSet", "it", Level::Fail, "batch-job-stuck");
        let available = "conditions: [{type: Available, status: 'True'}, {type: Progressing, status: 'False'}]";
        for (status, level, code) in [
            (format!("{available}, readyReplicas: 2"), Level::Ok, "leader-worker-set-ready"),
            (format!("{available}, readyReplicas: 1"), Level::Progressing, "leader-worker-set-progressing"),
            (
                "conditions: [{type: Progressing, status: 'True'}]".to_owned(),
                Level::Progressing,
                "leader-worker-set-progressing",
            ),
            ("conditions: 4".to_owned(), Level::Fail, "no-status"),
        ] {
            let yaml = object("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", "it", "replicas: 2", &status);
            expect(&yaml[4..], "LeaderWorkerSet", "it", level, code);
        }
        let short = object("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", "it", "replicas: 2", available);
        expect(&(short + POD)[4..], "LeaderWorkerSet", "it", Level::Fail, "leader-worker-set-stuck");
    }
}

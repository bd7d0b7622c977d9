//! Pods: what kubectl's STATUS column shortens, judged by conditions, container states and time.

mod container;
mod scheduling;
mod start;

use super::table::Rule;
use super::{Related, precedence, workload};
use crate::object::{Body, Condition, Lookup, Object, ObjectRef, Pod, find_condition};
use crate::report::{Level, Verdict, codes};
use jiff::Timestamp;

pub(super) use scheduling::waits_without_volumes;

codes! {
    POD_READY = "pod-ready", "The pod is ready",
        "All containers run and pass their readiness probes.", "Nothing to do.";
    POD_COMPLETED = "pod-completed", "The pod has done its work",
        "All containers ended with exit code 0: the pod of a Job. A check for STATUS Running takes this for an error.",
        "Nothing to do.";
    POD_STARTING = "pod-starting", "The pod is starting",
        "Containers are being created or are within the time that their probes give them.", "Nothing to do but wait.";
    POD_START_STUCK = "pod-start-stuck", "Containers are not created",
        "The pod has a node, and the kubelet has not been able to create its containers for minutes: a volume does not mount or attach, a Secret or ConfigMap is missing, or the network plugin fails. The events say which.",
        "Look at the pod's events and at the object that is named as the cause.";
    POD_CRASH_LOOP = "pod-crash-loop", "A container starts and ends again and again",
        "The container ends shortly after its start and the kubelet waits longer and longer before it tries again.",
        "Read the log of the last run: `kubectl logs POD -c CONTAINER --previous`. The exit code tells much: 1 the program's own error, 126 or 127 a wrong command, 137 killed (memory or liveness probe), 139 a crash, 143 terminated.";
    POD_RESTARTED = "pod-restarted", "A container was restarted lately",
        "A container ended and was started again within the last day. It may be over, or be the start of a crash loop.",
        "Read the log of the last run: `kubectl logs POD -n NAMESPACE -c CONTAINER --previous`.";
    POD_OOM_KILLED = "pod-oom-killed", "A container was killed for its memory",
        "The container used more memory than its limit and the kernel killed it. It may run again now; under the same load it will be killed again.",
        "Raise the memory limit or lower what the program uses; for JVMs compare heap and limit.";
    POD_IMAGE = "pod-image-pull", "An image cannot be pulled",
        "The image does not exist under this name, the registry cannot be reached, or the pull secret is missing or wrong.",
        "Check the image's name and tag, and the pull secret in the pod's namespace.", Stuck 300;
    POD_IMAGE_REFUSED = "pod-image-refused", "An image is not even asked for",
        "The image's name is no valid name, or the pod forbids pulling (`imagePullPolicy: Never`) and the node does not have it: no registry is asked, and no retry changes that.",
        "Correct the image's name, or load the image onto the nodes.", Final;
    POD_CONFIG = "pod-config-error", "A container cannot be created from its configuration",
        "A Secret or ConfigMap, or a key of it, that the container needs does not exist, or the runtime refuses the container.",
        "The message names what is missing.", Stuck 120;
    POD_FAILED = "pod-failed", "The pod has failed",
        "All containers have ended, at least one with an error, and none will be started again.",
        "Read its log; delete the pod once it is understood.";
    POD_EVICTED = "pod-evicted", "Left over from an eviction",
        "The kubelet or the scheduler removed the pod (node pressure, shutdown, preemption); its controller, if it has one, has made another. The record stays until somebody deletes it.",
        "See what the node ran out of (`kubectl describe pod NAME`), then delete the record.";
    POD_UNSCHEDULABLE = "pod-unschedulable", "No node takes the pod",
        "The scheduler finds no node with room, or taints, affinity, volumes or ports leave none.",
        "The message counts the nodes by what rules them out; `kubectl mlops health capacity` shows what is free on each.";
    POD_GATED = "pod-scheduling-gated", "The pod waits for a scheduling gate",
        "Somebody has put a gate on the pod; the scheduler does not look at it until the gate is removed.",
        "Look at the controller of the gate (a queue such as Kueue).";
    POD_NOT_READY = "pod-not-ready", "The pod runs and is not ready",
        "Its containers run, but a readiness probe fails or a readiness gate is not met: it gets no traffic. STATUS says Running all the same.",
        "Look at the Unhealthy events (`kubectl describe pod NAME -n NAMESPACE`) and at the container's log.";
    POD_INIT = "pod-init-failing", "An init container fails",
        "The pod's containers wait until all init containers have succeeded.",
        "Read the init container's log: `kubectl logs POD -c INIT`.";
    POD_INIT_SLOW = "pod-init-slow", "An init container runs for long",
        "The pod's containers wait for an init container that has been running for more than ten minutes. It may wait for something that does not come.",
        "Read the init container's log: `kubectl logs POD -c INIT`.";
    POD_PARTLY = "pod-partly-completed", "Some containers are done, others still work",
        "Containers that are not started again have ended well, and the others run and are ready.", "Nothing to do but wait.";
    POD_FAILED_TRY = "pod-failed-try", "A failed try of a Job that succeeded",
        "The pod failed and the Job made another that succeeded. The record stays until the Job goes.",
        "Nothing to do.";
    POD_NOT_REPLACED = "pod-not-replaced", "The pod has ended and nothing makes another",
        "No controller owns the pod. It was meant to run for ever (`restartPolicy: Always`) and ended, mostly because its node was shut down. It will not come back.",
        "Create it again, better through a Deployment or another controller that replaces its pods.", Final;
    POD_RESIZE = "pod-resize-pending", "A change of the pod's resources is not made",
        "The pod runs with its old CPU and memory: the node has too little room for the new ones (Deferred), can never have it (Infeasible), or the runtime refused the change.",
        "Read the condition; ask for less, or let the pod be made again on another node.";
    POD_NODE_LOST = "pod-node-lost", "The pod's node is silent",
        "The kubelet on the pod's node does not report, so nobody knows whether the pod still runs.",
        "Look at the node first.";
}

pub(super) const RULES: &[Rule] = &[Rule::new("", "Pod", assess)];

/// The worst verdict among pods, with its pod; `None` when there is no pod.
pub(super) fn worst_pod<'a>(
    pods: impl IntoIterator<Item = &'a Object>,
    related: &Related<'_>,
    now: Timestamp,
) -> Option<(&'a Object, Verdict)> {
    let judged = pods.into_iter().map(|pod| (pod, super::assess(pod, related, now)));
    judged.reduce(|best, next| if next.1.level > best.1.level { next } else { best })
}

fn assess(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(pod) = object.pod() else {
        return Verdict::unknown(&precedence::OBJECT_UNREADABLE, "is no pod");
    };
    match &*pod.phase {
        "Succeeded" => return succeeded(object, pod),
        "Failed" => return failed(object, pod, related),
        "" => return precedence::no_status(object, None, related, now),
        _ => {}
    }
    if let Some(verdict) = on_silent_node(pod, related) {
        return verdict;
    }
    if &*pod.phase == "Unknown" {
        return Verdict::unknown(&POD_NODE_LOST, "its node does not report");
    }
    if &*pod.phase == "Pending"
        && let Some(verdict) = scheduling::unscheduled(object, pod, related, now)
    {
        return verdict;
    }
    let mut worst: Option<Verdict> = None;
    let mut add = |verdict: Verdict| {
        worst = Some(match worst.take() {
            Some(known) => known.and(verdict),
            None => verdict,
        });
    };
    for (index, container) in pod.all_containers().enumerate() {
        let is_init = index < pod.init.len() && !container.restart_always;
        if let Some(status) = &container.status
            && let Some(verdict) = container::state(object, pod, container, status, is_init, related, now)
        {
            add(verdict);
        }
    }
    if let Some(verdict) = worst.take_if(|verdict| verdict.level >= Level::Fail) {
        return match workload::waits_for(object, related) {
            Some(line) => verdict.evidence(line),
            None => verdict,
        };
    }
    let overall = match pod.condition("Ready") {
        Some(ready) if ready.is_true() => {
            let all = pod.containers.len() + pod.init.iter().filter(|container| container.restart_always).count();
            Verdict::ok(&POD_READY, all_ready(all))
        }
        ready => start::not_ready(object, pod, ready, related, now),
    };
    let overall = match resize(pod, related, now) {
        Some(finding) => overall.and(finding),
        None => overall,
    };
    match worst {
        Some(verdict) => overall.and(verdict),
        None => overall,
    }
}

/// A pod whose containers have all ended well. One that should run for ever ends so when its node is
/// shut down; only a controller makes another.
fn succeeded(object: &Object, pod: &Pod) -> Verdict {
    if &*pod.restart_policy == "Always" && is_alone(object) {
        return Verdict::warn(&POD_NOT_REPLACED, "ended although it should run for ever, and nothing makes another");
    }
    Verdict::ok(&POD_COMPLETED, "completed")
}

/// Whether a server gave the object a UID and nothing owns it: of a cut-down file nobody can tell.
fn is_alone(object: &Object) -> bool {
    object.meta.uid.is_given() && object.meta.owner_references.is_empty()
}

/// A resize in place that is not done (`pkg/kubelet/status/status_manager.go`, KEP-1287).
fn resize(pod: &Pod, related: &Related<'_>, now: Timestamp) -> Option<Verdict> {
    let is_true = |name: &str| pod.condition(name).filter(|condition| condition.is_true());
    let failed = is_true("PodResizeInProgress").filter(|condition| &*condition.reason == "Error");
    let refused = is_true("PodResizePending").filter(|condition| &*condition.reason == "Infeasible");
    if let Some(condition) = failed.or(refused) {
        let text = format!("its new resources are not in force: {}", condition.text());
        return Some(Verdict::warn(&POD_RESIZE, text).since(condition.since()));
    }
    let waits = is_true("PodResizePending")?;
    let late = waits.since().is_some_and(|since| now.duration_since(since).as_secs() > related.limits.progress_seconds);
    let level = if late { Level::Warn } else { Level::Progressing };
    Some(Verdict::new(level, &POD_RESIZE, format!("its new resources wait: {}", waits.text())).since(waits.since()))
}

/// Whether the pod uses this claim of its namespace.
pub(super) fn uses(object: &Object, claim: &str) -> bool {
    object
        .pod()
        .is_some_and(|pod| pod.needs.iter().any(|need| need.kind == "PersistentVolumeClaim" && &*need.name == claim))
}

/// `2/2 ready`: the words of nearly every pod, so the common ones are not made anew for each.
fn all_ready(all: usize) -> std::borrow::Cow<'static, str> {
    const FEW: [&str; 7] = ["0/0 ready", "1/1 ready", "2/2 ready", "3/3 ready", "4/4 ready", "5/5 ready", "6/6 ready"];
    match FEW.get(all) {
        Some(words) => (*words).into(),
        None => format!("{all}/{all} ready").into(),
    }
}

/// Reasons of pods that the kubelet or the scheduler removed (`pkg/kubelet/eviction`,
/// `nodeshutdown`, `preemption`, and the admission reasons `OutOfcpu`, `OutOfpods`, …).
const REMOVED: [&str; 10] = [
    "Evicted",
    "NodeShutdown",
    "Shutdown",
    "Terminated",
    "Preempting",
    "Preempted",
    "NodeAffinity",
    "NodeLost",
    "UnexpectedAdmissionError",
    "TopologyAffinityError",
];

fn failed(object: &Object, pod: &Pod, related: &Related<'_>) -> Verdict {
    let detail = if pod.message.is_empty() { String::new() } else { format!(": {}", &*pod.message) };
    if REMOVED.contains(&&*pod.reason) || pod.reason.starts_with("OutOf") {
        let verdict = Verdict::warn(&POD_EVICTED, format!("{}{detail}", pod.reason));
        return if is_alone(object) {
            verdict.evidence("no controller owns it: nothing makes another")
        } else {
            verdict
        };
    }
    if let Some(target) = pod.condition("DisruptionTarget").filter(|condition| condition.is_true()) {
        return Verdict::warn(&POD_EVICTED, target.text().into_owned()).since(target.since());
    }
    let exits = pod.all_containers().filter_map(|container| {
        let exit = container.status.as_ref()?.state.terminated.as_ref()?;
        (exit.exit_code != 0).then_some((container, exit))
    });
    let mut verdict = match exits.max_by_key(|(_, exit)| exit.finished_at) {
        Some((container, exit)) => {
            let code = if &*exit.reason == "OOMKilled" { &POD_OOM_KILLED } else { &POD_FAILED };
            Verdict::fail(code, format!("container {} {}{detail}", container.name, container::ending(exit)))
                .since(exit.finished_at.get())
        }
        None => Verdict::fail(&POD_FAILED, format!("failed{}{detail}", prefixed(" with ", &pod.reason))),
    };
    // A Job counts its own failures: one failed try is no failure of the Job (popeye #97).
    if let Some(owner) = job_of(object) {
        if related.inventory.by_uid(owner.uid).is_some_and(is_complete) {
            return Verdict::ok(&POD_FAILED_TRY, format!("{}; its Job succeeded since", verdict.message));
        }
        verdict.level = Level::Warn;
    }
    verdict
}

/// The Job that the pod works for.
fn job_of(object: &Object) -> Option<&crate::object::Owner> {
    object.meta.controller().filter(|owner| &*owner.kind == "Job")
}

fn is_complete(job: &Object) -> bool {
    let Body::Job(record) = &job.body else { return false };
    let conditions = record.status.as_ref().map_or(&[][..], |status| &status.conditions);
    find_condition(conditions, "Complete").is_some_and(Condition::is_true)
}

/// What a node that does not report, or is not there any more, makes of its pods.
fn on_silent_node(pod: &Pod, related: &Related<'_>) -> Option<Verdict> {
    if pod.node.is_empty() {
        return None;
    }
    let node = match related.get("", "Node", "", &pod.node) {
        Lookup::Found(node) => node,
        Lookup::Missing if !pod.is_ready() => {
            let message = format!("node {} is not there any more", pod.node);
            return Some(Verdict::fail(&POD_NODE_LOST, message).blame(ObjectRef::new("", "Node", "", &pod.node)));
        }
        Lookup::Missing | Lookup::Unread => return None,
    };
    let Body::Node(record) = &node.body else { return None };
    let ready = find_condition(&record.status.conditions, "Ready")?;
    if ready.is_true() || pod.is_ready() && ready.is_false() {
        return None;
    }
    let message = format!("node {} is not ready: what the pod does is not known", pod.node);
    let verdict = if ready.is_false() {
        Verdict::fail(&POD_NODE_LOST, message)
    } else {
        Verdict::unknown(&POD_NODE_LOST, message)
    };
    Some(verdict.since(ready.since()).blame(node.reference()))
}

/// Blames Secrets, ConfigMaps and claims that the pod needs and that are known not to exist.
fn blame_missing_needs(verdict: Verdict, object: &Object, pod: &Pod, related: &Related<'_>) -> Verdict {
    let namespace = &object.meta.namespace;
    let missing = pod
        .needs
        .iter()
        .filter(|need| !need.optional && related.get("", need.kind, namespace, &need.name).is_missing());
    missing.fold(verdict, |verdict, need| verdict.blame(ObjectRef::new("", need.kind, namespace, &need.name)))
}

fn prefixed(prefix: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{prefix}{text}") }
}

#[cfg(test)]
mod tests {
    use super::super::testing::expect;
    use super::*;

    fn pod(status: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p, namespace: n, uid: u, creationTimestamp: 2026-11-20T01:00:00Z}}\nspec: {{nodeName: w, containers: [{{name: c, image: i}}]}}\nstatus: {status}\n"
        )
    }

    #[test]
    fn states_of_containers_decide() {
        for (state, level, code) in [
            ("{phase: Succeeded}", Level::Ok, "pod-completed"),
            ("{phase: Failed, reason: Evicted}", Level::Warn, "pod-evicted"),
            (
                "{phase: Running, conditions: [{type: Ready, status: 'True'}], containerStatuses: [{name: c, ready: true, state: {running: {startedAt: 2026-11-20T01:00:00Z}}}]}",
                Level::Ok,
                "pod-ready",
            ),
            (
                "{phase: Running, conditions: [{type: Ready, status: 'False'}], containerStatuses: [{name: c, ready: false, state: {running: {startedAt: 2026-11-20T01:00:00Z}}}]}",
                Level::Fail,
                "pod-not-ready",
            ),
            (
                "{phase: Running, conditions: [{type: Ready, status: 'False'}], containerStatuses: [{name: c, ready: false, state: {running: {startedAt: 2026-11-20T02:59:50Z}}}]}",
                Level::Progressing,
                "pod-starting",
            ),
            (
                "{phase: Running, containerStatuses: [{name: c, restartCount: 9, state: {waiting: {reason: CrashLoopBackOff}}, lastState: {terminated: {exitCode: 1, reason: Error, finishedAt: 2026-11-20T02:58:00Z}}}]}",
                Level::Fail,
                "pod-crash-loop",
            ),
            (
                "{phase: Pending, containerStatuses: [{name: c, state: {waiting: {reason: ImagePullBackOff}}}]}",
                Level::Fail,
                "pod-image-pull",
            ),
            (
                "{phase: Pending, containerStatuses: [{name: c, state: {waiting: {reason: CreateContainerConfigError, message: secret x not found}}}]}",
                Level::Fail,
                "pod-config-error",
            ),
            (
                "{phase: Pending, conditions: [{type: PodScheduled, status: 'False', reason: SchedulingGated}]}",
                Level::Suspended,
                "pod-scheduling-gated",
            ),
            (
                "{phase: Pending, conditions: [{type: PodScheduled, status: 'False', reason: Unschedulable, message: 0/3 nodes are available, lastTransitionTime: 2026-11-20T01:00:00Z}]}",
                Level::Fail,
                "pod-unschedulable",
            ),
            (
                "{phase: Running, conditions: [{type: Ready, status: 'True'}], containerStatuses: [{name: c, ready: true, restartCount: 1, state: {running: {startedAt: 2026-11-20T02:00:00Z}}, lastState: {terminated: {exitCode: 137, reason: OOMKilled, finishedAt: 2026-11-20T02:20:00Z}}}]}",
                Level::Warn,
                "pod-oom-killed",
            ),
            (
                "{phase: Running, conditions: [{type: Ready, status: 'True'}], containerStatuses: [{name: c, ready: true, restartCount: 1, state: {running: {startedAt: 2026-11-18T02:00:00Z}}, lastState: {terminated: {exitCode: 1, reason: Error, finishedAt: 2026-11-18T02:00:00Z}}}]}",
                Level::Ok,
                "pod-ready",
            ),
        ] {
            expect(&pod(state), "Pod", "p", level, code);
        }
    }

    #[test]
    fn an_unbound_claim_is_blamed() {
        let yaml = format!(
            "{}---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: data, namespace: n}}\nstatus: {{phase: Pending}}\n",
            pod("{phase: Pending, conditions: [{type: PodScheduled, status: 'False', reason: Unschedulable, message: x, lastTransitionTime: 2026-11-20T01:00:00Z}]}")
                .replace("containers:", "volumes: [{name: v, persistentVolumeClaim: {claimName: data}}], containers:")
        );
        let verdict = super::super::testing::judge(&yaml, "Pod", "p");
        assert_eq!(verdict.blames[0].to_string(), "PersistentVolumeClaim/n/data");
    }
}

#[cfg(test)]
#[path = "pod_tests.rs"]
mod more_tests;

//! Pods: what kubectl's STATUS column shortens, judged by conditions, container states and time.

use super::table::Rule;
use super::{Related, precedence};
use crate::object::{Condition, Container, ContainerStatus, Exit, Lookup, Object, ObjectRef, Pod};
use crate::report::{Level, Verdict, codes};
use crate::text;
use jiff::Timestamp;

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
        "Read the log of the last run with `--previous`.";
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
        "The kubelet or the scheduler removed the pod (node pressure, shutdown, preemption); its controller has made another. The record stays until somebody deletes it.",
        "See what the node ran out of, then delete the record.";
    POD_UNSCHEDULABLE = "pod-unschedulable", "No node takes the pod",
        "The scheduler finds no node with room, or taints, affinity, volumes or ports leave none.",
        "The message counts the nodes by what rules them out.";
    POD_GATED = "pod-scheduling-gated", "The pod waits for a scheduling gate",
        "Somebody has put a gate on the pod; the scheduler does not look at it until the gate is removed.",
        "Look at the controller of the gate (a queue such as Kueue).";
    POD_NOT_READY = "pod-not-ready", "The pod runs and is not ready",
        "Its containers run, but a readiness probe fails or a readiness gate is not met: it gets no traffic. STATUS says Running all the same.",
        "Look at the Unhealthy events and at the container's log.";
    POD_INIT = "pod-init-failing", "An init container fails",
        "The pod's containers wait until all init containers have succeeded.",
        "Read the init container's log: `kubectl logs POD -c INIT`.";
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
        "Succeeded" => return Verdict::ok(&POD_COMPLETED, "completed"),
        "Failed" => return failed(object, pod, now),
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
        && let Some(verdict) = unscheduled(object, pod, related, now)
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
            && let Some(verdict) = container_state(object, pod, container, status, is_init, related, now)
        {
            add(verdict);
        }
    }
    if let Some(verdict) = worst.take_if(|verdict| verdict.level >= Level::Fail) {
        return verdict;
    }
    let overall = match pod.condition("Ready") {
        Some(ready) if ready.is_true() => {
            let all = pod.containers.len() + pod.init.iter().filter(|container| container.restart_always).count();
            Verdict::ok(&POD_READY, format!("{all}/{all} ready"))
        }
        ready => not_ready(object, pod, ready, related, now),
    };
    match worst {
        Some(verdict) => overall.and(verdict),
        None => overall,
    }
}

fn failed(object: &Object, pod: &Pod, now: Timestamp) -> Verdict {
    let detail = if pod.message.is_empty() { String::new() } else { format!(": {}", &*pod.message) };
    if matches!(
        &*pod.reason,
        "Evicted"
            | "NodeShutdown"
            | "Shutdown"
            | "Terminated"
            | "Preempting"
            | "Preempted"
            | "NodeAffinity"
            | "NodeLost"
            | "UnexpectedAdmissionError"
            | "OutOfcpu"
            | "OutOfmemory"
    ) {
        return Verdict::warn(&POD_EVICTED, format!("{}{detail}", pod.reason));
    }
    let exits = pod.all_containers().filter_map(|container| {
        let exit = container.status.as_ref()?.state.terminated.as_ref()?;
        (exit.exit_code != 0).then_some((container, exit))
    });
    let mut verdict = match exits.max_by_key(|(_, exit)| exit.finished_at) {
        Some((container, exit)) => {
            let code = if &*exit.reason == "OOMKilled" { &POD_OOM_KILLED } else { &POD_FAILED };
            Verdict::fail(code, format!("container {} {}{detail}", container.name, ending(exit)))
                .since(exit.finished_at.get())
        }
        None => Verdict::fail(&POD_FAILED, format!("failed{}{detail}", prefixed(" with ", &pod.reason))),
    };
    // A Job counts its own failures: one failed try is no failure of the Job.
    if object.meta.controller().is_some_and(|owner| &*owner.kind == "Job") {
        verdict.level = Level::Warn;
    }
    let _ = now;
    verdict
}

fn on_silent_node(pod: &Pod, related: &Related<'_>) -> Option<Verdict> {
    let node = related.get("", "Node", "", &pod.node).found()?;
    let crate::object::Body::Node(record) = &node.body else { return None };
    let ready = crate::object::find_condition(&record.status.conditions, "Ready")?;
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

fn unscheduled(object: &Object, pod: &Pod, related: &Related<'_>, now: Timestamp) -> Option<Verdict> {
    let scheduled = pod.condition("PodScheduled").filter(|condition| condition.is_false())?;
    if &*scheduled.reason == "SchedulingGated" {
        let gates: Vec<&str> = pod.scheduling_gates.iter().map(|gate| gate.as_str()).collect();
        return Some(Verdict::suspended(&POD_GATED, format!("waits for scheduling gates {}", gates.join(", "))));
    }
    let since = scheduled.since().or(object.meta.creation_timestamp.get());
    let waited = since.map_or(i64::MAX, |since| now.duration_since(since).as_secs());
    let reason = if scheduled.message.is_empty() {
        related.warning(object, &["FailedScheduling"]).map_or("no node fits", |event| &*event.message)
    } else {
        &*scheduled.message
    };
    let mut verdict = if waited > related.limits.unschedulable_seconds {
        Verdict::fail(&POD_UNSCHEDULABLE, format!("no node takes it: {reason}"))
    } else {
        Verdict::progressing(&POD_UNSCHEDULABLE, format!("waits for a node: {reason}"))
    };
    for need in pod.needs.iter().filter(|need| need.kind == "PersistentVolumeClaim") {
        match related.get("", need.kind, &object.meta.namespace, &need.name) {
            Lookup::Found(claim) => {
                if let crate::object::Body::Claim(record) = &claim.body
                    && &*record.status.phase != "Bound"
                {
                    verdict = verdict.blame(claim.reference());
                }
            }
            Lookup::Missing => {
                verdict = verdict.blame(ObjectRef::new("", need.kind, &object.meta.namespace, &need.name));
            }
            Lookup::Unread => {}
        }
    }
    Some(verdict.since(since))
}

/// What one container says; `None` when it is well.
fn container_state(
    object: &Object,
    pod: &Pod,
    container: &Container,
    status: &ContainerStatus,
    is_init: bool,
    related: &Related<'_>,
    now: Timestamp,
) -> Option<Verdict> {
    let what = if is_init { "init container" } else { "container" };
    let name = &container.name;
    let previous = format!(
        "kubectl logs -n {} {} -c {} --previous",
        text::shell_word(&object.meta.namespace),
        text::shell_word(&object.meta.name),
        text::shell_word(name)
    );
    let last = status.last_state.terminated.as_ref();
    if let Some(waiting) = &status.state.waiting {
        let message = &*waiting.message;
        return match &*waiting.reason {
            "CrashLoopBackOff" => {
                let how = last.map_or_else(|| message.to_owned(), |exit| ending(exit));
                let code = match last {
                    Some(exit) if &*exit.reason == "OOMKilled" => &POD_OOM_KILLED,
                    _ if is_init => &POD_INIT,
                    _ => &POD_CRASH_LOOP,
                };
                let text = format!(
                    "{what} {name} crash-loops, {}: {how}",
                    text::plural(usize::try_from(status.restart_count).unwrap_or(0), "restart")
                );
                let mut verdict =
                    Verdict::fail(code, text).since(last.and_then(|exit| exit.finished_at.get())).command(previous);
                if let Some(exit) = last.filter(|exit| !exit.message.is_empty()) {
                    verdict = verdict.evidence(exit.message.to_string());
                }
                Some(verdict)
            }
            "ImagePullBackOff"
            | "ErrImagePull"
            | "ErrImageNeverPull"
            | "InvalidImageName"
            | "ImageInspectError"
            | "RegistryUnavailable"
            | "SignatureValidationFailed" => {
                let event = related.warning(object, &["Failed"]).map(|event| event.message.to_string());
                let text = format!("{what} {name} cannot pull {}{}", container.image, prefixed(": ", message));
                let is_refused = matches!(&*waiting.reason, "ErrImageNeverPull" | "InvalidImageName");
                let code = if is_refused { &POD_IMAGE_REFUSED } else { &POD_IMAGE };
                let verdict = Verdict::fail(code, text).since(object.meta.creation_timestamp.get());
                Some(event.into_iter().fold(verdict, Verdict::evidence))
            }
            // The kubelet's cache is not there yet: it tries again (krane's rule).
            "CreateContainerConfigError" if message.contains("failed to sync") && message.contains("cache") => None,
            "CreateContainerConfigError"
            | "CreateContainerError"
            | "RunContainerError"
            | "PreStartHookError"
            | "PostStartHookError"
            | "ContainerCannotRun" => {
                let verdict =
                    Verdict::fail(&POD_CONFIG, format!("{what} {name}: {}{}", waiting.reason, prefixed(": ", message)));
                Some(blame_missing_needs(verdict, object, pod, related).since(object.meta.creation_timestamp.get()))
            }
            _ => None,
        };
    }
    if let Some(exit) = &status.state.terminated {
        if exit.exit_code == 0 {
            return None;
        }
        let code = match &*exit.reason {
            "OOMKilled" => &POD_OOM_KILLED,
            _ if is_init => &POD_INIT,
            _ => &POD_FAILED,
        };
        return Some(
            Verdict::fail(code, format!("{what} {name} {}", ending(exit)))
                .since(exit.finished_at.get())
                .command(previous),
        );
    }
    restarted(status, last?, name, what, pod, related, now).map(|verdict| verdict.command(previous))
}

/// A container that runs again: how bad that is depends on how long ago it ended (the rate, not
/// the count: flanksource/is-healthy).
fn restarted(
    status: &ContainerStatus,
    last: &Exit,
    name: &str,
    what: &str,
    pod: &Pod,
    related: &Related<'_>,
    now: Timestamp,
) -> Option<Verdict> {
    let ago = last.finished_at.seconds_before(now)?;
    let when = last.finished_at.get().map_or_else(String::new, |time| format!(" {} ago", text::age(time, now)));
    let text = format!(
        "{what} {name} {}{when}, {}",
        ending(last),
        text::plural(usize::try_from(status.restart_count).unwrap_or(0), "restart")
    );
    if &*last.reason == "OOMKilled" && ago <= related.limits.restart_warn_seconds {
        return Some(Verdict::warn(&POD_OOM_KILLED, text).since(last.finished_at.get()));
    }
    if last.exit_code == 0 && pod.is_ready() || ago > related.limits.restart_warn_seconds {
        return None;
    }
    let verdict = if ago <= related.limits.restart_fail_seconds && status.restart_count >= 1 {
        Verdict::fail(&POD_RESTARTED, text)
    } else {
        Verdict::warn(&POD_RESTARTED, text)
    };
    Some(verdict.since(last.finished_at.get()))
}

fn not_ready(object: &Object, pod: &Pod, ready: Option<&Condition>, related: &Related<'_>, now: Timestamp) -> Verdict {
    let running = pod.containers.iter().filter_map(|container| Some((container, container.status.as_ref()?)));
    let waiting = running.clone().any(|(_, status)| status.state.running.is_none());
    let since = ready.and_then(Condition::since).or(pod.started.get()).or(object.meta.creation_timestamp.get());
    let age = since.map(|since| now.duration_since(since).as_secs());
    if waiting || pod.containers.iter().all(|container| container.status.is_none()) {
        return creating(object, pod, since, age, related);
    }
    let unready: Vec<&str> =
        running.clone().filter(|(_, status)| !status.ready).map(|(container, _)| container.name.as_str()).collect();
    let gates: Vec<&str> = pod
        .readiness_gates
        .iter()
        .filter(|gate| !pod.condition(gate).is_some_and(Condition::is_true))
        .map(|gate| gate.as_str())
        .collect();
    let why = if !unready.is_empty() {
        format!("running but not ready: {}", unready.join(", "))
    } else if gates.is_empty() {
        format!("running but not ready{}", prefixed(": ", ready.map_or("", |ready| &ready.message)))
    } else {
        format!("readiness gate not met: {}", gates.join(", "))
    };
    let grace = pod.containers.iter().map(|container| container.startup_grace).max().unwrap_or(0).max(30);
    let within_grace = running.clone().filter(|(_, status)| !status.ready).all(|(_, status)| {
        let started = status.state.running.as_ref().and_then(|running| running.started_at.get());
        started.is_some_and(|started| now.duration_since(started).as_secs() <= grace)
    });
    let is_new = (!unready.is_empty() && within_grace) || (unready.is_empty() && age.is_some_and(|age| age <= grace));
    let verdict = if is_new {
        Verdict::progressing(&POD_STARTING, format!("{why} (within its probes' {grace}s)"))
    } else {
        Verdict::fail(&POD_NOT_READY, why)
    };
    let verdict = match related.warning(object, &["Unhealthy"]) {
        Some(event) => verdict.evidence(format!("Unhealthy: {}", &*event.message)),
        None => verdict,
    };
    verdict.since(since)
}

/// Containers that are not there yet.
fn creating(object: &Object, pod: &Pod, since: Option<Timestamp>, age: Option<i64>, related: &Related<'_>) -> Verdict {
    let init_left = pod.init.iter().filter(|container| {
        let done = container.status.as_ref().is_some_and(|status| {
            status.state.terminated.as_ref().is_some_and(|exit| exit.exit_code == 0) || status.started == Some(true)
        });
        !done
    });
    let init_left = init_left.count();
    let event = related.warning(
        object,
        &["FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "FailedMapVolume", "NetworkNotReady"],
    );
    let what = if init_left > 0 {
        format!("{} of {} to run", text::plural(init_left, "init container"), pod.init.len())
    } else {
        "containers are being created".to_owned()
    };
    let init_runs = pod.init.iter().any(|container| {
        container.status.as_ref().is_some_and(|status| status.state.running.is_some()) && !container.restart_always
    });
    let late = age.is_some_and(|age| age > related.limits.creating_seconds);
    let mut verdict = if late && !init_runs && (event.is_some() || init_left == 0) {
        let why = event.map_or_else(String::new, |event| format!(": {}: {}", event.reason, &*event.message));
        Verdict::fail(&POD_START_STUCK, format!("{what}{why}"))
    } else {
        Verdict::progressing(&POD_STARTING, what)
    };
    if verdict.level == Level::Fail {
        verdict = blame_missing_needs(verdict, object, pod, related);
    }
    verdict.since(since)
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

/// How a container ended, with what its exit code means.
fn ending(exit: &Exit) -> String {
    let meaning = match exit.exit_code {
        _ if &*exit.reason == "OOMKilled" => "out of memory",
        126 => "command cannot be run",
        127 => "command not found",
        137 => "killed: memory or liveness probe",
        139 => "segmentation fault",
        143 => "terminated",
        _ => "",
    };
    let reason =
        if exit.reason.is_empty() || &*exit.reason == "Error" { String::new() } else { format!(" ({})", exit.reason) };
    format!("ended with exit code {}{reason}{}", exit.exit_code, prefixed(", ", meaning))
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

//! Pods that are not ready: on their way, stuck, or running and still not ready.

use super::{POD_INIT_SLOW, POD_NOT_READY, POD_PARTLY, POD_START_STUCK, POD_STARTING, blame_missing_needs, prefixed};
use crate::health::Related;
use crate::object::{Condition, Container, ContainerStatus, Object, Pod};
use crate::report::Verdict;
use crate::text;
use jiff::Timestamp;

/// The verdict of a pod that has a node and is not ready, none of whose containers fails.
pub(super) fn not_ready(
    object: &Object,
    pod: &Pod,
    ready: Option<&Condition>,
    related: &Related<'_>,
    now: Timestamp,
) -> Verdict {
    let running = pod.containers.iter().filter_map(|container| Some((container, container.status.as_ref()?)));
    let is_done = |status: &ContainerStatus| status.state.terminated.is_some();
    let waiting = running.clone().any(|(_, status)| status.state.running.is_none() && !is_done(status));
    let since = ready.and_then(Condition::since).or(pod.started.get()).or(object.meta.creation_timestamp.get());
    let age = since.map(|since| now.duration_since(since).as_secs());
    if waiting || pod.containers.iter().all(|container| container.status.is_none()) {
        return creating(object, pod, since, related, now);
    }
    let ends_for_good = &*pod.restart_policy != "Always" && !pod.restart_policy.is_empty();
    let done = running.clone().filter(|(_, status)| is_done(status)).count();
    let others_work = running.clone().all(|(_, status)| is_done(status) || status.ready);
    if done > 0 && ends_for_good && others_work {
        let text = format!("{done} of {} done, the others work", text::plural(pod.containers.len(), "container"));
        return Verdict::progressing(&POD_PARTLY, text).since(since);
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
    // A gate is opened by somebody else (a load balancer): no probe says how long that may take.
    let patience = if unready.is_empty() && !gates.is_empty() { related.limits.creating_seconds } else { grace };
    let is_new =
        (!unready.is_empty() && within_grace) || (unready.is_empty() && age.is_some_and(|age| age <= patience));
    let verdict = if is_new {
        Verdict::progressing(&POD_STARTING, format!("{why} (within {patience}s)"))
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
fn creating(object: &Object, pod: &Pod, since: Option<Timestamp>, related: &Related<'_>, now: Timestamp) -> Verdict {
    let state = |container: &Container| container.status.as_ref().map(|status| status.state.clone());
    let is_done = |container: &&Container| {
        let exited = state(container).and_then(|state| state.terminated).is_some_and(|exit| exit.exit_code == 0);
        exited || container.status.as_ref().is_some_and(|status| status.started == Some(true))
    };
    let left = pod.init.iter().filter(|container| !is_done(container)).count();
    let what = if left > 0 {
        format!("{} of {} to run", text::plural(left, "init container"), pod.init.len())
    } else {
        "containers are being created".to_owned()
    };
    let running_init = pod.init.iter().filter(|container| !container.restart_always).find_map(|container| {
        let started = state(container)?.running?.started_at;
        Some((container, started))
    });
    if let Some((container, started)) = running_init {
        let is_long = started.seconds_before(now).is_some_and(|age| age > related.limits.progress_seconds);
        let text = format!("init container {} runs", container.name);
        return match started.get().filter(|_| is_long) {
            Some(time) => Verdict::warn(&POD_INIT_SLOW, format!("{text} for {}", text::age(time, now))),
            None => Verdict::progressing(&POD_STARTING, format!("{text}; {what}")),
        }
        .since(started.get());
    }
    // What has been done last: the clock of the next step starts there.
    let ended = pod.init.iter().filter_map(|container| state(container)?.terminated?.finished_at.get()).max();
    let since = ended.max(since);
    let late = since.is_some_and(|since| now.duration_since(since).as_secs() > related.limits.creating_seconds);
    if !late {
        return Verdict::progressing(&POD_STARTING, what).since(since);
    }
    let event = related.warning(
        object,
        &["FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "FailedMapVolume", "NetworkNotReady"],
    );
    let why = event.map_or_else(String::new, |event| format!(": {}: {}", event.reason, &*event.message));
    blame_missing_needs(Verdict::fail(&POD_START_STUCK, format!("{what}{why}")), object, pod, related).since(since)
}

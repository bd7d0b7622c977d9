//! Deployments, StatefulSets, DaemonSets and ReplicaSets: their counts, and below them their pods.

use super::table::Rule;
use super::{Related, pod, precedence, refusal};
use crate::object::{Condition, Object, Pod, Workload, WorkloadStatus, find_condition};
use crate::report::{Level, Verdict, codes};
use jiff::Timestamp;

codes! {
    WORKLOAD_READY = "workload-ready", "All replicas are ready",
        "As many pods as wanted are ready, and all are of the newest template.", "Nothing to do.";
    SCALED_TO_ZERO = "workload-scaled-to-zero", "Scaled to zero",
        "No replica is wanted, and none is there.", "Nothing to do if that is meant.";
    ROLLING_OUT = "workload-rolling-out", "Pods are being replaced or started",
        "The controller is bringing pods to the newest template or number, within its time.",
        "Nothing to do but wait.";
    ROLLOUT_STUCK = "workload-rollout-stuck", "The rollout does not progress",
        "The rollout has not progressed within its deadline.", "Look at the newest pods. `kubectl rollout undo` goes back; where Flux or Helm manages it, go back in Git, else the undo is undone.", Final;
    REPLICA_FAILURE = "workload-replica-failure", "Pods cannot be created",
        "The API server refuses new pods: a quota, a policy (Pod Security) or a webhook. The message says which.",
        "Change what refuses them, or the template.", Stuck 300;
    UNAVAILABLE = "workload-unavailable", "Too few replicas are available",
        "Fewer pods are ready than wanted, and nothing is on its way that would change that.",
        "Look at the pods that are not ready.";
    PODS_FAIL = "workload-pods-fail", "Its pods fail",
        "The workload waits for pods that fail on their own account. It will not come up by waiting.",
        "Look at the pod that is named as the cause.";
    ROLLOUT_PAUSED = "workload-paused", "The rollout is paused",
        "Somebody has paused it: changes of the template do not reach the pods.",
        "`kubectl rollout resume deployment/NAME -n NAMESPACE` when the reason is gone.", Final;
    OLD_REVISION = "workload-old-revision", "Pods are on an old revision",
        "The update strategy leaves replacing pods to a person, and some are of an older template.",
        "Delete the pods one by one when it suits; each comes back on the new revision.";
    NO_NODES = "workload-no-nodes", "No node is chosen",
        "The DaemonSet's selector, affinity and tolerations fit no node, so it runs nowhere.",
        "Nothing to do if there is no such node yet (GPU plugins); else look at the labels of the nodes.";
    MISSCHEDULED = "workload-misscheduled", "Pods run where they should not",
        "DaemonSet pods run on nodes that its selector, affinity or taints exclude.",
        "Look at labels and taints of these nodes.";
}

pub(super) const RULES: &[Rule] = &[
    Rule::new("apps", "Deployment", deployment),
    Rule::new("extensions", "Deployment", deployment),
    Rule::new("apps", "StatefulSet", stateful_set),
    Rule::new("apps", "DaemonSet", daemon_set),
    Rule::new("extensions", "DaemonSet", daemon_set),
    Rule::new("apps", "ReplicaSet", replica_set),
    Rule::new("extensions", "ReplicaSet", replica_set),
    Rule::new("", "ReplicationController", replica_set),
];

/// The record and its status, or the verdict of an object without one.
fn parts<'a>(
    object: &'a Object,
    related: &Related<'_>,
    now: Timestamp,
) -> Result<(&'a Workload, &'a WorkloadStatus), Box<Verdict>> {
    let Some(workload) = object.workload() else {
        return Err(Box::new(Verdict::unknown(&precedence::OBJECT_UNREADABLE, "is no workload")));
    };
    let Some(status) = &workload.status else {
        return Err(Box::new(precedence::no_status(object, None, related, now)));
    };
    match precedence::generation(object, status.observed_generation, related, now) {
        Some(verdict) => Err(Box::new(verdict)),
        None => Ok((workload, status)),
    }
}

/// Pods that tell how a workload will be: those that have not ended, and of a Deployment only those
/// of its newest ReplicaSet, for a rollout replaces the others.
fn telling_pods<'a>(object: &Object, related: &Related<'a>) -> Vec<&'a Object> {
    let is_live = |pod: &&Object| !pod.pod().is_some_and(Pod::is_finished);
    let revision = |set: &&Object| {
        let text = set.meta.annotations.get("deployment.kubernetes.io/revision");
        text.and_then(|text| text.parse::<u64>().ok())
    };
    let sets = related.inventory.owned_by(object.meta.uid).filter(|child| &*child.ty.kind == "ReplicaSet");
    match sets.filter(|set| revision(set).is_some()).max_by_key(revision) {
        Some(newest) => related.inventory.owned_by(newest.meta.uid).filter(is_live).collect(),
        None => related.pods_owned_by(object).into_iter().filter(is_live).collect(),
    }
}

/// Whether the update of a StatefulSet waits for this pod of an older revision. With `OrderedReady` the
/// controller goes no further while a pod is not ready, not even to replace that very pod, so a pod
/// that only the new template would mend stays (kubernetes/kubernetes #67250).
pub(super) fn waits_for(pod: &Object, related: &Related<'_>) -> Option<String> {
    let owner = pod.meta.controller().filter(|owner| &*owner.kind == "StatefulSet")?;
    let set = related.inventory.by_uid(owner.uid)?;
    let workload = set.workload()?;
    let status = workload.status.as_ref()?;
    let is = |word: &str, default: &str| word.is_empty() || word == default;
    let ordered = is(&workload.spec.pod_management_policy, "OrderedReady")
        && is(&workload.spec.update_strategy.r#type, "RollingUpdate");
    let own = pod.meta.labels.get("controller-revision-hash")?;
    let new = &status.update_revision;
    let is_old = !new.is_empty() && own != &**new && status.current_revision != *new;
    (ordered && is_old).then(|| {
        format!(
            "StatefulSet {} waits for this pod before it replaces it by revision {new}: delete the pod",
            set.meta.name
        )
    })
}

/// The ReplicaSet of an older template that still serves while the newest one does not come up.
fn last_good(verdict: Verdict, object: &Object, related: &Related<'_>) -> Verdict {
    let number = |set: &Object| {
        let text = set.meta.annotations.get("deployment.kubernetes.io/revision");
        text.and_then(|text| text.parse::<u64>().ok())
    };
    let sets: Vec<&Object> = related.inventory.owned_by(object.meta.uid).filter(|set| number(set).is_some()).collect();
    let Some(newest) = sets.iter().filter_map(|set| number(set)).max() else { return verdict };
    let ready = |set: &Object| {
        set.workload().and_then(|workload| workload.status.as_ref()).map_or(0, |status| status.ready_replicas)
    };
    let older = sets.iter().filter(|set| number(set) < Some(newest) && ready(set) > 0);
    match older.max_by_key(|set| number(set)) {
        Some(set) => verdict.evidence(format!(
            "revision {} still serves with {} ready (ReplicaSet {})",
            number(set).unwrap_or(0),
            crate::text::plural(usize::try_from(ready(set)).unwrap_or(0), "replica"),
            set.meta.name
        )),
        None => verdict,
    }
}

/// What is not there yet is on its way, unless a pod fails: then it fails now (Argo CD #6527).
fn descend(waiting: Verdict, object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some((worst, verdict)) = pod::worst_pod(telling_pods(object, related), related, now) else {
        return waiting;
    };
    let message = format!("{}; pod {}: {}", waiting.message, worst.meta.name, verdict.message);
    if verdict.code.id == pod::POD_NODE_LOST.id {
        // Nobody replaces it: the controller waits until it is known that the pod has stopped.
        return Verdict::fail(&UNAVAILABLE, message).since(verdict.since).blame(worst.reference());
    }
    if verdict.level < Level::Warn {
        return waiting;
    }
    let level = if verdict.level == Level::Fail { Level::Fail } else { waiting.level };
    let code = if level == Level::Fail { &PODS_FAIL } else { waiting.code };
    Verdict::new(level, code, message).since(verdict.since).blame(worst.reference())
}

fn deployment(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let (workload, status) = match parts(object, related, now) {
        Ok(parts) => parts,
        Err(verdict) => return *verdict,
    };
    let wanted = workload.wanted();
    if workload.spec.paused {
        let text = format!("its rollout is paused, {} of {wanted} replicas available", status.available_replicas);
        return Verdict::suspended(&ROLLOUT_PAUSED, text);
    }
    let condition = |name: &str| find_condition(&status.conditions, name);
    let counts = format!("{} of {wanted} replicas available", status.available_replicas);
    if let Some(failure) = condition("ReplicaFailure").filter(|condition| condition.is_true()) {
        let verdict = Verdict::fail(&REPLICA_FAILURE, format!("{counts}: {}", failure.text())).since(failure.since());
        return refusal::explain(verdict, object, related);
    }
    if let Some(progress) =
        condition("Progressing").filter(|condition| &*condition.reason == "ProgressDeadlineExceeded")
    {
        let verdict =
            Verdict::fail(&ROLLOUT_STUCK, format!("{counts}: {}", &*progress.message)).since(progress.since());
        return last_good(with_pod(verdict, object, related, now), object, related);
    }
    if wanted == 0 && status.replicas == 0 {
        return Verdict::ok(&SCALED_TO_ZERO, "scaled to zero");
    }
    let waiting = if status.updated_replicas < wanted {
        Some(format!("{} of {wanted} replicas updated", status.updated_replicas))
    } else if status.replicas > status.updated_replicas {
        Some(format!("{} old replicas to go", status.replicas.saturating_sub(status.updated_replicas)))
    } else if status.available_replicas < status.updated_replicas {
        Some(format!("{} of {} replicas available", status.available_replicas, status.updated_replicas))
    } else {
        None
    };
    let unavailable = condition("Available").filter(|condition| condition.is_false());
    if let Some(waiting) = waiting {
        let rolling = condition("Progressing").is_none_or(|progress| !progress.is_false());
        // A rollout that once was complete and has lost its pods is not rolling out.
        let was_complete =
            condition("Progressing").is_some_and(|progress| &*progress.reason == "NewReplicaSetAvailable");
        let late = unavailable.and_then(Condition::since).is_some_and(|since| {
            now.duration_since(since).as_secs() > workload.spec.progress_deadline_seconds.unwrap_or(600)
        });
        let verdict = if rolling && !(was_complete && late) {
            Verdict::progressing(&ROLLING_OUT, waiting)
        } else {
            Verdict::fail(&UNAVAILABLE, waiting)
        };
        let verdict = descend(verdict.since(unavailable.and_then(Condition::since)), object, related, now);
        return if verdict.level == Level::Fail { last_good(verdict, object, related) } else { verdict };
    }
    if let Some(unavailable) = unavailable {
        // The counts say otherwise: the controller is between two writes.
        let text = format!("{counts}, not settled: {}", &*unavailable.message);
        return descend(Verdict::progressing(&ROLLING_OUT, text).since(unavailable.since()), object, related, now);
    }
    if let Some(progress) = condition("Progressing").filter(|condition| condition.is_false()) {
        return Verdict::progressing(&ROLLING_OUT, format!("{counts}, does not progress: {}", progress.text()));
    }
    Verdict::ok(&WORKLOAD_READY, format!("{}/{wanted} ready", status.ready_replicas))
}

/// Blames the worst pod, whatever the verdict is already.
fn with_pod(verdict: Verdict, object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    match pod::worst_pod(related.pods_owned_by(object), related, now) {
        Some((worst, why)) if why.level >= Level::Warn => {
            verdict.evidence(format!("pod {}: {}", worst.meta.name, why.message)).blame(worst.reference())
        }
        _ => verdict,
    }
}

fn stateful_set(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let (workload, status) = match parts(object, related, now) {
        Ok(parts) => parts,
        Err(verdict) => return *verdict,
    };
    let wanted = workload.wanted();
    if wanted == 0 && status.replicas == 0 {
        return Verdict::ok(&SCALED_TO_ZERO, "scaled to zero");
    }
    let counts = format!("{} of {wanted} replicas ready", status.ready_replicas);
    if status.replicas < wanted
        && let Some(verdict) = refusal::of_pods(object, &counts, related, now)
    {
        return verdict;
    }
    if status.replicas < wanted || status.ready_replicas < wanted {
        if let Some(verdict) = nobody_makes(object, status, wanted, related, now) {
            return verdict;
        }
        return descend(Verdict::progressing(&ROLLING_OUT, counts), object, related, now);
    }
    if status.replicas > wanted {
        return Verdict::progressing(
            &ROLLING_OUT,
            format!("{} replicas to go", status.replicas.saturating_sub(wanted)),
        );
    }
    let is_mixed = !status.update_revision.is_empty() && status.current_revision != status.update_revision;
    if &*workload.spec.update_strategy.r#type == "OnDelete" {
        let ready = Verdict::ok(&WORKLOAD_READY, format!("{}/{wanted} ready", status.ready_replicas));
        return if is_mixed {
            ready.and(Verdict::warn(&OLD_REVISION, "pods wait to be deleted for the new revision"))
        } else {
            ready
        };
    }
    let partition = workload.spec.update_strategy.rolling_update.partition;
    if partition > 0 {
        if status.updated_replicas < wanted.saturating_sub(partition) {
            let due = wanted.saturating_sub(partition);
            let text = format!("{} of {due} replicas updated", status.updated_replicas);
            return descend(Verdict::progressing(&ROLLING_OUT, text), object, related, now);
        }
        return Verdict::ok(
            &WORKLOAD_READY,
            format!("{}/{wanted} ready, partition {partition}", status.ready_replicas),
        );
    }
    if is_mixed || status.current_replicas < wanted {
        let text = format!("{} of {wanted} replicas on the current revision", status.current_replicas);
        return descend(Verdict::progressing(&ROLLING_OUT, text), object, related, now);
    }
    Verdict::ok(&WORKLOAD_READY, format!("{}/{wanted} ready", status.ready_replicas))
}

/// A StatefulSet that has too few pods although all that it has are ready and none is new: its
/// controller would have made the next one long ago.
fn nobody_makes(
    object: &Object,
    status: &WorkloadStatus,
    wanted: i64,
    related: &Related<'_>,
    now: Timestamp,
) -> Option<Verdict> {
    let is_updating = !status.update_revision.is_empty() && status.current_revision != status.update_revision;
    let pods = telling_pods(object, related);
    let is_settled = |pod: &&Object| {
        let age = pod.meta.creation_timestamp.seconds_before(now).unwrap_or(i64::MAX);
        let is_gone = pod.meta.deletion_timestamp.get().is_some();
        age > related.limits.progress_seconds && !is_gone && pod.pod().is_some_and(Pod::is_ready)
    };
    let is_old =
        object.meta.creation_timestamp.seconds_before(now).is_some_and(|age| age > related.limits.progress_seconds);
    let known = related.inventory.was_read("", "Pod", &object.meta.namespace);
    if is_updating || !is_old || !known || status.replicas >= wanted || !pods.iter().all(is_settled) {
        return None;
    }
    let text = format!("{} of {wanted} pods are there, and nobody makes the others", pods.len());
    Some(Verdict::fail(&UNAVAILABLE, text))
}

fn daemon_set(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let (workload, status) = match parts(object, related, now) {
        Ok(parts) => parts,
        Err(verdict) => return *verdict,
    };
    // The API requires it: without it no controller has counted the nodes yet.
    let Some(wanted) = status.desired_number_scheduled else {
        return Verdict::progressing(&precedence::NO_STATUS, "its nodes are not counted yet");
    };
    if wanted == 0 {
        return Verdict::warn(&NO_NODES, "no node fits its selector, affinity and tolerations");
    }
    let is_on_delete = &*workload.spec.update_strategy.r#type == "OnDelete";
    let counts = if status.current_number_scheduled < wanted {
        Some(format!("scheduled on {} of {wanted} nodes", status.current_number_scheduled))
    } else if status.updated_number_scheduled < wanted && !is_on_delete {
        Some(format!("updated on {} of {wanted} nodes", status.updated_number_scheduled))
    } else if status.number_available < wanted {
        Some(format!("available on {} of {wanted} nodes", status.number_available))
    } else if status.number_ready < wanted {
        Some(format!("ready on {} of {wanted} nodes", status.number_ready))
    } else {
        None
    };
    if let Some(counts) = counts {
        if let Some(verdict) = refusal::of_pods(object, &counts, related, now) {
            return verdict;
        }
        return descend(Verdict::progressing(&ROLLING_OUT, counts), object, related, now);
    }
    let verdict = Verdict::ok(&WORKLOAD_READY, format!("{}/{wanted} ready", status.number_ready));
    if status.number_misscheduled > 0 {
        return verdict
            .and(Verdict::warn(&MISSCHEDULED, format!("runs on {} nodes too many", status.number_misscheduled)));
    }
    verdict
}

fn replica_set(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let (workload, status) = match parts(object, related, now) {
        Ok(parts) => parts,
        Err(verdict) => return *verdict,
    };
    let wanted = workload.wanted();
    if let Some(failure) = find_condition(&status.conditions, "ReplicaFailure").filter(|condition| condition.is_true())
    {
        let text = format!("{} of {wanted} replicas: {}", status.replicas, failure.text());
        return refusal::explain(Verdict::fail(&REPLICA_FAILURE, text).since(failure.since()), object, related);
    }
    if wanted == 0 && status.replicas == 0 {
        return Verdict::ok(&SCALED_TO_ZERO, "scaled to zero");
    }
    let counts = [
        (status.fully_labeled_replicas, "labelled"),
        (status.available_replicas, "available"),
        (status.ready_replicas, "ready"),
    ];
    for (count, word) in counts {
        if count < wanted {
            let text = format!("{count} of {wanted} replicas {word}");
            return descend(Verdict::progressing(&ROLLING_OUT, text), object, related, now);
        }
    }
    if status.replicas > wanted {
        return Verdict::progressing(
            &ROLLING_OUT,
            format!("{} replicas to go", status.replicas.saturating_sub(wanted)),
        );
    }
    Verdict::ok(&WORKLOAD_READY, format!("{}/{wanted} ready", status.ready_replicas))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{expect, judge};
    use super::*;

    const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: d, namespace: n, uid: 00000000-0000-0000-0000-000000000001, generation: 1}
spec: {replicas: 1}
";

    #[test]
    fn the_ready_column_of_the_guide_is_not_used() {
        let status = "status: {observedGeneration: 1, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1}\n";
        expect(&format!("{DEPLOYMENT}{status}"), "Deployment", "d", Level::Ok, "workload-ready");
    }

    #[test]
    fn a_failing_pod_fails_its_deployment_now() {
        let yaml = format!(
            "{DEPLOYMENT}status: {{observedGeneration: 1, replicas: 1, updatedReplicas: 1, unavailableReplicas: 1}}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {{name: d-1, namespace: n, uid: 00000000-0000-0000-0000-000000000002, ownerReferences: [{{kind: Deployment, apiVersion: apps/v1, name: d, uid: 00000000-0000-0000-0000-000000000001, controller: true}}]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: d-1-x, namespace: n, ownerReferences: [{{kind: ReplicaSet, apiVersion: apps/v1, name: d-1, uid: 00000000-0000-0000-0000-000000000002, controller: true}}]}}
spec: {{containers: [{{name: c}}]}}
status: {{phase: Running, containerStatuses: [{{name: c, state: {{waiting: {{reason: CrashLoopBackOff}}}}}}]}}
"
        );
        let verdict = judge(&yaml, "Deployment", "d");
        assert_eq!((verdict.level, verdict.code.id), (Level::Fail, "workload-pods-fail"));
        assert_eq!(verdict.blames[0].to_string(), "Pod/n/d-1-x");
    }

    #[test]
    fn pauses_and_zeroes_are_told() {
        let paused = DEPLOYMENT.replace("replicas: 1", "replicas: 1, paused: true");
        expect(
            &format!("{paused}status: {{observedGeneration: 1}}\n"),
            "Deployment",
            "d",
            Level::Suspended,
            "workload-paused",
        );
        let zero = DEPLOYMENT.replace("replicas: 1", "replicas: 0");
        expect(
            &format!("{zero}status: {{observedGeneration: 1}}\n"),
            "Deployment",
            "d",
            Level::Ok,
            "workload-scaled-to-zero",
        );
    }
}

#[cfg(test)]
#[path = "workload_tests.rs"]
mod more_tests;

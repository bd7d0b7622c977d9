//! Tests of the rule of pods: what each state is called, and what explains it.

use crate::health::testing::{expect, judge};
use crate::report::Level;

/// The pod `p` with `spec` merged into its spec and `status` as its status.
fn pod(spec: &str, status: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: p, namespace: n, uid: u, creationTimestamp: '2026-11-20T01:00:00Z'}}\nspec: {{{spec}}}\nstatus: {status}\n"
    )
}

fn unscheduled(spec: &str, message: &str) -> String {
    let condition = format!(
        "{{type: PodScheduled, status: 'False', reason: Unschedulable, message: \"{message}\", lastTransitionTime: '2026-11-20T01:00:00Z'}}"
    );
    pod(spec, &format!("{{phase: Pending, conditions: [{condition}]}}"))
}

fn event(reason: &str, message: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Event\nmetadata: {{name: e, namespace: n}}\ntype: Warning\nreason: {reason}\nmessage: {message}\ninvolvedObject: {{kind: Pod, name: p, namespace: n, uid: u}}\nlastTimestamp: '2026-11-20T02:59:00Z'\n"
    )
}

fn node(name: &str, ready: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Node\nmetadata: {{name: {name}}}\nstatus: {{conditions: [{{type: Ready, status: '{ready}', lastTransitionTime: '2026-11-20T02:30:00Z'}}]}}\n"
    )
}

fn job(status: &str) -> String {
    format!("---\napiVersion: batch/v1\nkind: Job\nmetadata: {{name: j, namespace: n, uid: job}}\nstatus: {status}\n")
}

const ONE: &str = "nodeName: w, containers: [{name: c, image: i}]";
const READY: &str = "phase: Running, conditions: [{type: Ready, status: 'True'}]";
const UNREADY: &str =
    "phase: Running, conditions: [{type: Ready, status: 'False', lastTransitionTime: '2026-11-20T01:00:00Z'}]";

/// Guide fault 2: STATUS Running says nothing, Completed is no failure.
#[test]
fn running_is_not_ready_and_completed_is_no_failure() {
    expect(&pod(ONE, "{phase: Succeeded}"), "Pod", "p", Level::Ok, "pod-completed");
    let unready = "containerStatuses: [{name: c, ready: false, state: {running: {startedAt: '2026-11-20T01:00:00Z'}}}]";
    expect(&pod(ONE, &format!("{{{UNREADY}, {unready}}}")), "Pod", "p", Level::Fail, "pod-not-ready");
    let looping = "containerStatuses: [{name: c, ready: true, restartCount: 3, state: {running: {startedAt: '2026-11-20T02:55:00Z'}}, lastState: {terminated: {exitCode: 1, reason: Error, finishedAt: '2026-11-20T02:55:00Z'}}}]";
    expect(&pod(ONE, &format!("{{{READY}, {looping}}}")), "Pod", "p", Level::Fail, "pod-restarted");
}

/// Guide fault 7: what a search for three words in kubectl's table misses, and what it finds wrongly.
#[test]
fn every_state_that_a_word_search_misses_is_told() {
    for (reason, code) in [
        ("ImagePullBackOff", "pod-image-pull"),
        ("ErrImagePull", "pod-image-pull"),
        ("CreateContainerConfigError", "pod-config-error"),
        ("RunContainerError", "pod-config-error"),
    ] {
        let waiting = format!("{{name: c, state: {{waiting: {{reason: {reason}, message: m}}}}}}");
        expect(
            &pod(ONE, &format!("{{phase: Pending, containerStatuses: [{waiting}]}}")),
            "Pod",
            "p",
            Level::Fail,
            code,
        );
        let init = pod(
            "nodeName: w, initContainers: [{name: c}], containers: [{name: d}]",
            &format!("{{phase: Pending, initContainerStatuses: [{waiting}]}}"),
        );
        expect(&init, "Pod", "p", Level::Fail, code);
    }
    expect(&pod(ONE, "{phase: Failed, reason: Evicted}"), "Pod", "p", Level::Warn, "pod-evicted");
    let named = pod(ONE, &format!("{{{READY}}}")).replace("name: p,", "name: pending-error-crashloopbackoff,");
    expect(&named, "Pod", "pending-error-crashloopbackoff", Level::Ok, "pod-ready");
}

/// A worker whose helper container is done still works; nothing is being created.
#[test]
fn a_container_that_is_done_does_not_wait() {
    let two = "nodeName: w, restartPolicy: Never, containers: [{name: c}, {name: d}]";
    let done = "{name: c, ready: false, state: {terminated: {exitCode: 0, reason: Completed, finishedAt: '2026-11-20T01:10:00Z'}}}";
    let runs = "{name: d, ready: true, state: {running: {startedAt: '2026-11-20T01:00:00Z'}}}";
    let yaml = pod(two, &format!("{{{UNREADY}, containerStatuses: [{done}, {runs}]}}"));
    expect(&yaml, "Pod", "p", Level::Progressing, "pod-partly-completed");
    let unready = runs.replace("ready: true", "ready: false");
    let yaml = pod(two, &format!("{{{UNREADY}, containerStatuses: [{done}, {unready}]}}"));
    expect(&yaml, "Pod", "p", Level::Fail, "pod-not-ready");
    // Where everything is started again, an end is a gap, not a result.
    let yaml = pod(&two.replace("Never", "Always"), &format!("{{{UNREADY}, containerStatuses: [{done}, {runs}]}}"));
    expect(&yaml, "Pod", "p", Level::Fail, "pod-not-ready");
}

#[test]
fn the_schedulers_sentence_is_told_in_its_parts() {
    let message = "0/5 nodes are available: 1 node(s) had untolerated taint {a: b, c}, 3 Insufficient cpu, 1 node(s) didn't match Pod's node affinity/selector. preemption: 0/5 nodes are available: 5 Preemption is not helpful for scheduling.";
    let verdict = judge(&unscheduled("containers: [{name: c}]", message), "Pod", "p");
    assert_eq!((verdict.level, verdict.code.id), (Level::Fail, "pod-unschedulable"));
    assert_eq!(
        verdict.message,
        "none of 5 nodes takes it: 3 Insufficient cpu, 1 had untolerated taint {a: b, c}, 1 didn't match Pod's node affinity/selector"
    );
    let plain = judge(&unscheduled("containers: [{name: c}]", "no nodes available to schedule pods"), "Pod", "p");
    assert_eq!(plain.message, "no node takes it: no nodes available to schedule pods");
}

#[test]
fn a_pending_claim_is_blamed_only_for_what_volumes_rule_out() {
    let claim = "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data, namespace: n}\nstatus: {phase: Pending}\n";
    let spec = "volumes: [{name: v, persistentVolumeClaim: {claimName: data}}], containers: [{name: c}]";
    let unbound = unscheduled(spec, "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.");
    let verdict = judge(&format!("{unbound}{claim}"), "Pod", "p");
    assert_eq!(verdict.blames.iter().map(ToString::to_string).collect::<Vec<_>>(), ["PersistentVolumeClaim/n/data"]);
    let full = unscheduled(spec, "0/3 nodes are available: 3 Insufficient memory.");
    assert!(judge(&format!("{full}{claim}"), "Pod", "p").blames.is_empty());
    // A claim that is known to be missing explains it whatever the scheduler says.
    let other = claim.replace("name: data", "name: other");
    let gone = unscheduled(spec, "0/3 nodes are available: persistentvolumeclaim 'data' not found.");
    let verdict = judge(&format!("{gone}{other}"), "Pod", "p");
    assert_eq!(verdict.blames.iter().map(ToString::to_string).collect::<Vec<_>>(), ["PersistentVolumeClaim/n/data"]);
    assert!(judge(&gone, "Pod", "p").blames.is_empty(), "claims were not read");
}

#[test]
fn nodes_that_went_away_are_blamed_for_the_lack_of_room() {
    let message = "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint {node.kubernetes.io/unreachable: }.";
    let yaml = format!(
        "{}{}{}",
        unscheduled("containers: [{name: c}]", message),
        node("well", "True"),
        node("gone", "Unknown")
    );
    let verdict = judge(&yaml, "Pod", "p");
    assert_eq!(verdict.blames.iter().map(ToString::to_string).collect::<Vec<_>>(), ["Node/gone"]);
}

#[test]
fn a_pod_that_no_scheduler_looks_at_does_not_start() {
    let verdict = judge(&pod("schedulerName: mine, containers: [{name: c}]", "{phase: Pending}"), "Pod", "p");
    assert_eq!((verdict.level, verdict.code.id), (Level::Fail, "pod-unschedulable"));
    assert!(verdict.message.contains("mine"), "{}", verdict.message);
}

#[test]
fn a_node_that_does_not_exist_or_report_explains_its_pods() {
    let unready = pod(ONE, &format!("{{{UNREADY}, containerStatuses: [{{name: c, state: {{running: {{}}}}}}]}}"));
    let verdict = judge(&format!("{unready}{}", node("other", "True")), "Pod", "p");
    assert_eq!((verdict.level, verdict.code.id), (Level::Fail, "pod-node-lost"));
    assert_eq!(verdict.blames[0].to_string(), "Node/w");
    let verdict = judge(&format!("{unready}{}", node("w", "Unknown")), "Pod", "p");
    assert_eq!((verdict.level, verdict.code.id), (Level::Unknown, "pod-node-lost"));
    assert_eq!(verdict.blames[0].to_string(), "Node/w");
    let verdict = judge(&unready, "Pod", "p");
    assert_eq!(verdict.code.id, "pod-not-ready", "nodes were not read");
}

/// popeye #97.
#[test]
fn failed_tries_of_a_job_that_succeeded_are_no_finding() {
    let status = "{phase: Failed, containerStatuses: [{name: c, state: {terminated: {exitCode: 1, reason: Error}}}]}";
    let owned = pod(ONE, status).replace(
        "uid: u,",
        "uid: u, ownerReferences: [{apiVersion: batch/v1, kind: Job, name: j, uid: job, controller: true}],",
    );
    let done = job("{succeeded: 1, failed: 1, conditions: [{type: Complete, status: 'True'}]}");
    expect(&format!("{owned}{done}"), "Pod", "p", Level::Ok, "pod-failed-try");
    let running = job("{active: 1, failed: 1, startTime: '2026-11-20T02:00:00Z'}");
    expect(&format!("{owned}{running}"), "Pod", "p", Level::Warn, "pod-failed");
    expect(&owned, "Pod", "p", Level::Warn, "pod-failed");
    expect(&pod(ONE, status), "Pod", "p", Level::Fail, "pod-failed");
}

#[test]
fn what_a_disruption_left_over_is_no_failure() {
    for status in [
        "{phase: Failed, reason: OutOfpods, message: Node didn't have enough resource}",
        "{phase: Failed, reason: NodeShutdown}",
        "{phase: Failed, conditions: [{type: DisruptionTarget, status: 'True', reason: PreemptionByScheduler}]}",
    ] {
        expect(&pod(ONE, status), "Pod", "p", Level::Warn, "pod-evicted");
    }
}

#[test]
fn init_containers_are_told_apart_by_what_they_do() {
    let spec = "nodeName: w, initContainers: [{name: wait}, {name: next}], containers: [{name: c}]";
    let status = |first: &str| {
        format!(
            "{{phase: Pending, conditions: [{{type: Ready, status: 'False', lastTransitionTime: '2026-11-20T01:00:00Z'}}], initContainerStatuses: [{{name: wait, {first}}}, {{name: next, state: {{waiting: {{reason: PodInitializing}}}}}}]}}"
        )
    };
    let stuck = pod(spec, &status("state: {waiting: {reason: PodInitializing}}"));
    expect(&stuck, "Pod", "p", Level::Fail, "pod-start-stuck");
    let long = pod(spec, &status("state: {running: {startedAt: '2026-11-20T01:00:00Z'}}"));
    expect(&long, "Pod", "p", Level::Warn, "pod-init-slow");
    let short = pod(spec, &status("state: {running: {startedAt: '2026-11-20T02:58:00Z'}}"));
    expect(&short, "Pod", "p", Level::Progressing, "pod-starting");
    let just_done =
        pod(spec, &status("state: {terminated: {exitCode: 0, reason: Completed, finishedAt: '2026-11-20T02:59:00Z'}}"));
    expect(&just_done, "Pod", "p", Level::Progressing, "pod-starting");
    let failing = pod(spec, &status("state: {terminated: {exitCode: 1, reason: Error}}"));
    expect(&failing, "Pod", "p", Level::Fail, "pod-init-failing");
}

#[test]
fn a_sidecar_is_a_container_that_must_run() {
    let spec = "nodeName: w, initContainers: [{name: side, restartPolicy: Always}], containers: [{name: c}]";
    let crashes = "{name: side, restartCount: 4, state: {waiting: {reason: CrashLoopBackOff}}, lastState: {terminated: {exitCode: 127, finishedAt: '2026-11-20T02:59:00Z'}}}";
    let verdict = judge(&pod(spec, &format!("{{{READY}, initContainerStatuses: [{crashes}]}}")), "Pod", "p");
    assert_eq!((verdict.level, verdict.code.id), (Level::Fail, "pod-crash-loop"));
    assert!(verdict.message.contains("command not found"), "{}", verdict.message);
}

#[test]
fn the_mount_that_fails_and_the_object_that_is_missing_are_named() {
    let spec = "nodeName: w, volumes: [{name: v, configMap: {name: settings}}], containers: [{name: c}]";
    let waits = "{phase: Pending, conditions: [{type: Ready, status: 'False', lastTransitionTime: '2026-11-20T02:50:00Z'}], containerStatuses: [{name: c, state: {waiting: {reason: ContainerCreating}}}]}";
    let other = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: other, namespace: n}\n";
    let mount = event("FailedMount", "configmap settings not found");
    let verdict = judge(&format!("{}{mount}{other}", pod(spec, waits)), "Pod", "p");
    assert_eq!((verdict.level, verdict.code.id), (Level::Fail, "pod-start-stuck"));
    assert!(verdict.message.contains("FailedMount: configmap settings not found"), "{}", verdict.message);
    assert_eq!(verdict.blames[0].to_string(), "ConfigMap/n/settings");
    let synced = "{phase: Pending, containerStatuses: [{name: c, state: {waiting: {reason: CreateContainerConfigError, message: failed to sync configmap cache}}}]}";
    let verdict = judge(
        &pod(spec, &synced.replace("phase: Pending", "phase: Pending, startTime: '2026-11-20T02:59:30Z'")),
        "Pod",
        "p",
    );
    assert_eq!(verdict.level, Level::Progressing, "{}", verdict.message);
}

/// A restart of the node ends every container on it: nothing is wrong with any of them.
#[test]
fn a_restart_with_its_node_is_milder_than_one_of_its_own() {
    let last = |exit: &str, at: &str| {
        pod(
            ONE,
            &format!(
                "{{{READY}, containerStatuses: [{{name: c, ready: true, restartCount: 1, state: {{running: {{startedAt: '{at}'}}}}, lastState: {{terminated: {{{exit}, finishedAt: '{at}'}}}}}}]}}"
            ),
        )
    };
    let recent = "2026-11-20T02:30:00Z";
    expect(&last("exitCode: 255, reason: Unknown", recent), "Pod", "p", Level::Warn, "pod-restarted");
    expect(&last("exitCode: 255, reason: Unknown", "2026-11-20T01:30:00Z"), "Pod", "p", Level::Ok, "pod-ready");
    expect(&last("exitCode: 1, reason: Error", recent), "Pod", "p", Level::Fail, "pod-restarted");
    expect(&last("exitCode: 1, reason: Error", "2026-11-20T00:30:00Z"), "Pod", "p", Level::Warn, "pod-restarted");
    expect(&last("exitCode: 1, reason: Error", "2026-11-18T00:30:00Z"), "Pod", "p", Level::Ok, "pod-ready");
    expect(&last("exitCode: 137, reason: OOMKilled", recent), "Pod", "p", Level::Warn, "pod-oom-killed");
}

#[test]
fn a_kill_by_the_liveness_probe_is_told_from_one_for_memory() {
    let status = format!(
        "{{{READY}, containerStatuses: [{{name: c, ready: true, restartCount: 2, state: {{running: {{}}}}, lastState: {{terminated: {{exitCode: 137, reason: Error, finishedAt: '2026-11-20T02:50:00Z'}}}}}}]}}"
    );
    let probe = event("Unhealthy", "'Liveness probe failed: HTTP 500'");
    let verdict = judge(&format!("{}{probe}", pod(ONE, &status)), "Pod", "p");
    assert!(verdict.evidence.iter().any(|line| line.contains("Liveness probe failed")), "{:?}", verdict.evidence);
}

#[test]
fn a_readiness_gate_is_named() {
    let spec = "nodeName: w, readinessGates: [{conditionType: lb.example/ready}], containers: [{name: c}]";
    let status = format!(
        "{{{UNREADY}, containerStatuses: [{{name: c, ready: true, state: {{running: {{startedAt: '2026-11-20T01:00:00Z'}}}}}}]}}"
    );
    let verdict = judge(&pod(spec, &status), "Pod", "p");
    assert_eq!((verdict.level, verdict.code.id), (Level::Fail, "pod-not-ready"));
    assert!(verdict.message.contains("lb.example/ready"), "{}", verdict.message);
    let new =
        status.replace("lastTransitionTime: '2026-11-20T01:00:00Z'", "lastTransitionTime: '2026-11-20T02:57:00Z'");
    expect(&pod(spec, &new), "Pod", "p", Level::Progressing, "pod-starting");
}

#[test]
fn a_resize_that_is_not_made_is_told() {
    let pod = |condition: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p, namespace: n}}\nspec: {{nodeName: w, containers: [{{name: c}}]}}\nstatus: {{phase: Running, conditions: [{{type: Ready, status: 'True'}}, {{status: 'True', lastTransitionTime: '2026-11-20T02:30:00Z', {condition}}}], containerStatuses: [{{name: c, ready: true, state: {{running: {{}}}}}}]}}\n"
        )
    };
    for (condition, level, code) in [
        ("type: PodResizePending, reason: Infeasible", Level::Warn, "pod-resize-pending"),
        ("type: PodResizePending, reason: Deferred", Level::Warn, "pod-resize-pending"),
        ("type: PodResizeInProgress, reason: Error", Level::Warn, "pod-resize-pending"),
        ("type: PodResizeInProgress", Level::Ok, "pod-ready"),
    ] {
        expect(&pod(condition), "Pod", "p", level, code);
    }
    let young = pod("type: PodResizePending, reason: Deferred").replace("02:30", "02:58");
    expect(&young, "Pod", "p", Level::Progressing, "pod-resize-pending");
}

#[test]
fn a_pod_that_nothing_replaces_is_no_mere_leftover() {
    let pod = |owner: &str, status: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p, namespace: n, uid: u{owner}}}\nspec: {{restartPolicy: Always, containers: [{{name: c}}]}}\nstatus: {status}\n"
        )
    };
    let owner = ", ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: r, uid: r, controller: true}]";
    let (evicted, ended) = ("{phase: Failed, reason: Evicted}", "{phase: Succeeded}");
    assert_eq!(judge(&pod("", evicted), "Pod", "p").evidence.len(), 1);
    assert_eq!(judge(&pod(owner, evicted), "Pod", "p").evidence.len(), 0);
    expect(&pod("", ended), "Pod", "p", Level::Warn, "pod-not-replaced");
    expect(&pod(owner, ended), "Pod", "p", Level::Ok, "pod-completed");
}

#[test]
fn a_missing_pull_secret_is_why_the_registry_refuses() {
    let yaml = |message: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p, namespace: n}}\nspec: {{nodeName: w, imagePullSecrets: [{{name: registry}}], containers: [{{name: c, image: i}}]}}\nstatus: {{phase: Pending, containerStatuses: [{{name: c, state: {{waiting: {{reason: ImagePullBackOff, message: '{message}'}}}}}}]}}\n---\n{{apiVersion: v1, kind: Secret, metadata: {{name: other, namespace: n}}}}\n"
        )
    };
    let verdict = judge(&yaml("failed to authorize: 401 Unauthorized"), "Pod", "p");
    assert_eq!(verdict.blames[0].to_string(), "Secret/n/registry");
    assert!(judge(&yaml("manifest unknown"), "Pod", "p").blames.is_empty());
    let there = yaml("401 Unauthorized").replace("name: other", "name: registry");
    assert!(judge(&there, "Pod", "p").blames.is_empty());
}

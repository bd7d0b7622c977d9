//! Tests of the rules of Deployments, StatefulSets, DaemonSets and ReplicaSets.

use crate::health::testing::{expect, judge};
use crate::report::Level;

const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, namespace: n, uid: dep, generation: 1}\nspec: {replicas: 1}\nstatus: {observedGeneration: 1, replicas: 2, updatedReplicas: 1, availableReplicas: 1, readyReplicas: 1}\n";

fn replica_set(name: &str, revision: u32) -> String {
    format!(
        "---\napiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {{name: {name}, namespace: n, uid: {name}, annotations: {{deployment.kubernetes.io/revision: '{revision}'}}, ownerReferences: [{{apiVersion: apps/v1, kind: Deployment, name: d, uid: dep, controller: true}}]}}\nspec: {{replicas: 1}}\nstatus: {{replicas: 1}}\n"
    )
}

fn pod(name: &str, kind: &str, owner: &str, status: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: n, uid: {name}, ownerReferences: [{{apiVersion: apps/v1, kind: {kind}, name: {owner}, uid: {owner}, controller: true}}]}}\nspec: {{nodeName: w, containers: [{{name: c}}]}}\nstatus: {status}\n"
    )
}

const CRASHES: &str = "{phase: Running, containerStatuses: [{name: c, state: {waiting: {reason: CrashLoopBackOff}}}]}";
const STARTS: &str = "{phase: Running, conditions: [{type: Ready, status: 'False'}], containerStatuses: [{name: c, state: {running: {startedAt: '2026-11-20T02:59:55Z'}}}]}";

fn of_kind(kind: &str, spec: &str, status: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: s, namespace: n, uid: s, generation: 1, creationTimestamp: '2026-11-20T01:00:00Z'}}\nspec: {{{spec}}}\nstatus: {{observedGeneration: 1, {status}}}\n"
    )
}

fn event(kind: &str, message: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Event\nmetadata: {{name: e, namespace: n}}\ntype: Warning\nreason: FailedCreate\nmessage: '{message}'\ninvolvedObject: {{kind: {kind}, name: s, namespace: n, uid: s}}\nlastTimestamp: '2026-11-20T02:59:00Z'\n"
    )
}

/// What a rollout replaces is on its way out: only the new pods tell whether it will end.
#[test]
fn a_rollout_is_judged_by_its_new_pods() {
    let sets = format!("{}{}", replica_set("old", 1), replica_set("new", 2));
    let heals = format!(
        "{DEPLOYMENT}{sets}{}{}",
        pod("a", "ReplicaSet", "old", CRASHES),
        pod("b", "ReplicaSet", "new", STARTS)
    );
    expect(&heals, "Deployment", "d", Level::Progressing, "workload-rolling-out");
    let stuck = format!(
        "{DEPLOYMENT}{sets}{}{}",
        pod("a", "ReplicaSet", "old", STARTS),
        pod("b", "ReplicaSet", "new", CRASHES)
    );
    let verdict = judge(&stuck, "Deployment", "d");
    assert_eq!((verdict.level, verdict.code.id), (Level::Fail, "workload-pods-fail"));
    assert_eq!(verdict.blames[0].to_string(), "Pod/n/b");
}

#[test]
fn leftovers_of_an_eviction_do_not_explain_a_rollout() {
    let yaml = format!(
        "{DEPLOYMENT}{}{}{}",
        replica_set("new", 2),
        pod("a", "ReplicaSet", "new", "{phase: Failed, reason: Evicted}"),
        pod("b", "ReplicaSet", "new", STARTS)
    );
    let verdict = judge(&yaml, "Deployment", "d");
    assert_eq!((verdict.level, verdict.blames.len()), (Level::Progressing, 0), "{}", verdict.message);
}

#[test]
fn pods_on_a_silent_node_fail_their_workload() {
    let node = "---\napiVersion: v1\nkind: Node\nmetadata: {name: w}\nstatus: {conditions: [{type: Ready, status: Unknown, lastTransitionTime: '2026-11-20T02:50:00Z'}]}\n";
    let lost = "{phase: Running, conditions: [{type: Ready, status: 'False'}]}";
    for (kind, spec, status) in [
        ("StatefulSet", "replicas: 1", "replicas: 1, currentReplicas: 1"),
        ("DaemonSet", "", "desiredNumberScheduled: 1, currentNumberScheduled: 1, updatedNumberScheduled: 1"),
    ] {
        let yaml = format!("{}{}{node}", of_kind(kind, spec, status), pod("s-0", kind, "s", lost));
        let verdict = judge(&yaml, kind, "s");
        assert_eq!((verdict.level, verdict.code.id), (Level::Fail, "workload-unavailable"), "{}", verdict.message);
        assert_eq!(verdict.blames[0].to_string(), "Pod/n/s-0");
    }
}

/// StatefulSets and DaemonSets have no ReplicaFailure condition: only events tell.
#[test]
fn refused_pods_are_told_by_events_where_there_is_no_condition() {
    for (kind, spec, status) in [
        ("StatefulSet", "replicas: 3", "replicas: 1, readyReplicas: 1, currentReplicas: 1"),
        ("DaemonSet", "", "desiredNumberScheduled: 3, currentNumberScheduled: 1, updatedNumberScheduled: 1"),
    ] {
        let yaml =
            format!("{}{}", of_kind(kind, spec, status), event(kind, "pods \"s-1\" is forbidden: exceeded quota: q"));
        let verdict = judge(&yaml, kind, "s");
        assert_eq!((verdict.level, verdict.code.id), (Level::Fail, "workload-replica-failure"));
        assert!(verdict.message.contains("exceeded quota"), "{}", verdict.message);
    }
}

#[test]
fn pods_that_nobody_makes_are_missing() {
    let short = of_kind("StatefulSet", "replicas: 2", "replicas: 1, readyReplicas: 1, currentReplicas: 1");
    let well = "{phase: Running, conditions: [{type: Ready, status: 'True'}]}";
    let yaml = format!("{short}{}", pod("s-0", "StatefulSet", "s", well));
    expect(&yaml, "StatefulSet", "s", Level::Fail, "workload-unavailable");
    // Nobody has read the pods, so they may be on their way.
    expect(&short, "StatefulSet", "s", Level::Progressing, "workload-rolling-out");
    let yaml = format!("{short}{}", pod("s-0", "StatefulSet", "s", STARTS));
    expect(&yaml, "StatefulSet", "s", Level::Progressing, "workload-rolling-out");
}

#[test]
fn stateful_sets_are_judged_by_their_strategy() {
    let revisions = "currentRevision: a, updateRevision: b";
    let full = format!("replicas: 3, readyReplicas: 3, {revisions}");
    for (spec, status, level, code) in [
        (
            "replicas: 3",
            format!("{full}, currentReplicas: 1, updatedReplicas: 2"),
            Level::Progressing,
            "workload-rolling-out",
        ),
        ("replicas: 3, updateStrategy: {type: OnDelete}", full.clone(), Level::Warn, "workload-old-revision"),
        (
            "replicas: 3, updateStrategy: {rollingUpdate: {partition: 2}}",
            format!("{full}, updatedReplicas: 1"),
            Level::Ok,
            "workload-ready",
        ),
        ("replicas: 0", "replicas: 0".to_owned(), Level::Ok, "workload-scaled-to-zero"),
    ] {
        expect(&of_kind("StatefulSet", spec, &status), "StatefulSet", "s", level, code);
    }
}

#[test]
fn daemon_sets_without_nodes_or_on_wrong_ones_are_told() {
    let none = "desiredNumberScheduled: 0";
    expect(&of_kind("DaemonSet", "", none), "DaemonSet", "s", Level::Warn, "workload-no-nodes");
    let wrong = "desiredNumberScheduled: 1, currentNumberScheduled: 1, updatedNumberScheduled: 1, numberReady: 1, numberAvailable: 1, numberMisscheduled: 1";
    expect(&of_kind("DaemonSet", "", wrong), "DaemonSet", "s", Level::Warn, "workload-misscheduled");
}

#[test]
fn a_pause_tells_how_many_are_there() {
    let paused = DEPLOYMENT.replace("replicas: 1}", "replicas: 4, paused: true}");
    let verdict = judge(&paused, "Deployment", "d");
    assert_eq!(verdict.level, Level::Suspended);
    assert!(verdict.message.contains("1 of 4 replicas available"), "{}", verdict.message);
}

/// Numbers of a hostile file are only numbers.
#[test]
fn extreme_counts_do_not_overflow() {
    let (least, most) = (i64::MIN, i64::MAX);
    for kind in ["Deployment", "StatefulSet", "ReplicaSet", "DaemonSet"] {
        for (wanted, there) in [(least, most), (most, least), (-1, most)] {
            let status = format!(
                "replicas: {there}, updatedReplicas: {wanted}, readyReplicas: {there}, availableReplicas: {there}, fullyLabeledReplicas: {there}, currentReplicas: {there}, desiredNumberScheduled: {wanted}, currentNumberScheduled: {there}"
            );
            let spec = format!("replicas: {wanted}, updateStrategy: {{rollingUpdate: {{partition: {most}}}}}");
            let _ = judge(&of_kind(kind, &spec, &status), kind, "s");
            let _ = judge(&of_kind(kind, &format!("replicas: {wanted}"), &status), kind, "s");
        }
    }
}

#[test]
fn a_rollout_that_fails_says_which_revision_serves() {
    let old = replica_set("old", 1).replace("status: {replicas: 1}", "status: {replicas: 1, readyReplicas: 1}");
    let yaml = format!("{DEPLOYMENT}{old}{}{}", replica_set("new", 2), pod("new-x", "ReplicaSet", "new", CRASHES));
    let verdict = judge(&yaml, "Deployment", "d");
    assert_eq!(verdict.level, Level::Fail);
    assert_eq!(verdict.evidence, ["revision 1 still serves with 1 replica ready (ReplicaSet old)"]);
}

#[test]
fn an_update_that_waits_for_what_it_should_replace_is_named() {
    let set = |spec: &str| of_kind("StatefulSet", spec, "replicas: 1, currentRevision: s-1, updateRevision: s-2");
    let pod = pod("s-0", "StatefulSet", "s", CRASHES)
        .replace("uid: s-0,", "uid: s-0, labels: {controller-revision-hash: s-1},");
    let line = |spec: &str| judge(&format!("{}{pod}", set(spec)), "Pod", "s-0").evidence.concat();
    assert!(line("replicas: 1").contains("delete the pod"), "{}", line("replicas: 1"));
    assert_eq!(line("replicas: 1, podManagementPolicy: Parallel"), "");
}

#[test]
fn a_replication_controller_is_judged_by_its_counts() {
    let yaml = |ready: i64| {
        format!(
            "apiVersion: v1\nkind: ReplicationController\nmetadata: {{name: r, namespace: n}}\nspec: {{replicas: 1, selector: {{app: r}}}}\nstatus: {{replicas: 1, fullyLabeledReplicas: 1, readyReplicas: {ready}, availableReplicas: {ready}}}\n"
        )
    };
    expect(&yaml(1), "ReplicationController", "r", Level::Ok, "workload-ready");
    expect(&yaml(0), "ReplicationController", "r", Level::Progressing, "workload-rolling-out");
}

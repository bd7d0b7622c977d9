//! Statuses as KubeRay writes them.

use crate::health::testing::{expect, judge};
use crate::report::Level;

fn object(kind: &str, name: &str, more: &str, spec: &str, status: &str) -> String {
    format!(
        "---
apiVersion: ray.io/v1
kind: {kind}
metadata: {{name: {name}, namespace: ml, creationTimestamp: '2026-11-20T02:50:00Z'{more}}}
spec: {{{spec}}}
status: {{{status}}}
"
    )
}

const HEAD: &str = "{type: HeadPodReady, status: 'True', reason: HeadPodRunningAndReady}";
const NO_HEAD: &str = "{type: HeadPodReady, status: 'False', reason: ContainersNotReady, message: ray-head}";
const MADE: &str = "{type: RayClusterProvisioned, status: 'True', reason: AllPodRunningAndReadyFirstTime}";
const NOT_MADE: &str = "{type: RayClusterProvisioned, status: 'False', reason: RayClusterPodsProvisioning}";
const POD: &str = "---
apiVersion: v1
kind: Pod
metadata: {name: w-0, namespace: ml, labels: {ray.io/cluster: it, ray.io/node-type: worker}}
spec: {containers: [{name: ray-worker, image: x}]}
status: {phase: Running, containerStatuses: [{name: ray-worker, ready: false, restartCount: 9, image: x, imageID: x, state: {waiting: {reason: CrashLoopBackOff}}}]}
";

#[test]
fn clusters() {
    for (spec, status, level, code) in [
        (
            "",
            format!("state: ready, conditions: [{HEAD}, {MADE}], readyWorkerReplicas: 2, desiredWorkerReplicas: 2"),
            Level::Ok,
            "ray-cluster-ready",
        ),
        // A count of zero is not written.
        (
            "",
            format!("state: ready, conditions: [{HEAD}, {MADE}], desiredWorkerReplicas: 2"),
            Level::Progressing,
            "ray-cluster-starting",
        ),
        (
            "",
            "state: ready, availableWorkerReplicas: 2, desiredWorkerReplicas: 2".to_owned(),
            Level::Ok,
            "ray-cluster-ready",
        ),
        ("", format!("state: ready, conditions: [{NO_HEAD}, {MADE}]"), Level::Fail, "ray-head-down"),
        (
            "",
            format!("conditions: [{NO_HEAD}, {NOT_MADE}], desiredWorkerReplicas: 1"),
            Level::Progressing,
            "ray-cluster-starting",
        ),
        (
            "",
            format!(
                "state: ready, conditions: [{HEAD}, {MADE}, {{type: ReplicaFailure, status: 'True', reason: FailedCreateWorkerPod, message: exceeded quota}}]"
            ),
            Level::Fail,
            "ray-cluster-failed",
        ),
        ("", "state: failed, reason: no room".to_owned(), Level::Fail, "ray-cluster-failed"),
        ("suspend: true", format!("state: ready, conditions: [{HEAD}]"), Level::Suspended, "suspended"),
        ("", "state: suspended".to_owned(), Level::Suspended, "suspended"),
        ("", "conditions: 1, state: [], desiredWorkerReplicas: many".to_owned(), Level::Fail, "no-status"),
    ] {
        expect(&object("RayCluster", "it", "", spec, &status)[4..], "RayCluster", "it", level, code);
    }
    let short = object(
        "RayCluster",
        "it",
        "",
        "",
        &format!("state: ready, conditions: [{HEAD}, {MADE}], desiredWorkerReplicas: 2"),
    );
    let verdict = judge(&(short + POD)[4..], "RayCluster", "it");
    assert_eq!((verdict.level, verdict.code.id), (Level::Warn, "ray-workers-missing"));
    assert_eq!(verdict.blames[0].to_string(), "Pod/ml/w-0");
    let starts = object("RayCluster", "it", "", "", &format!("conditions: [{NOT_MADE}]"));
    let verdict = judge(&(starts + POD)[4..], "RayCluster", "it");
    assert_eq!((verdict.level, verdict.code.id), (Level::Fail, "ray-cluster-failed"));
}

#[test]
fn jobs() {
    for (spec, status, level, code) in [
        ("", "jobStatus: SUCCEEDED, jobDeploymentStatus: Complete", Level::Ok, "ray-job-succeeded"),
        ("", "jobStatus: RUNNING, jobDeploymentStatus: Running", Level::Progressing, "ray-job-running"),
        ("", "jobDeploymentStatus: Initializing", Level::Progressing, "ray-job-running"),
        ("backoffLimit: 2", "jobDeploymentStatus: Retrying, failed: 1", Level::Progressing, "ray-job-running"),
        (
            "",
            "jobStatus: FAILED, jobDeploymentStatus: Failed, reason: AppFailed, message: exit 1",
            Level::Fail,
            "ray-job-failed",
        ),
        ("", "jobStatus: FAILED, jobDeploymentStatus: Complete", Level::Fail, "ray-job-failed"),
        ("", "jobDeploymentStatus: ValidationFailed, message: bad", Level::Fail, "ray-job-failed"),
        ("", "jobStatus: STOPPED, jobDeploymentStatus: Complete", Level::Suspended, "suspended"),
        ("suspend: true", "jobDeploymentStatus: Suspended", Level::Suspended, "suspended"),
        ("suspend: true", "jobStatus: SUCCEEDED, jobDeploymentStatus: Complete", Level::Ok, "ray-job-succeeded"),
        ("", "jobStatus: 4, failed: no", Level::Fail, "no-status"),
    ] {
        expect(&object("RayJob", "it", "", spec, status)[4..], "RayJob", "it", level, code);
    }
    let waits = object("RayJob", "j", "", "", "jobDeploymentStatus: Initializing, rayClusterName: it");
    let broken = object("RayCluster", "it", "", "", "state: failed, reason: no room");
    let verdict = judge(&(waits + &broken)[4..], "RayJob", "j");
    assert_eq!((verdict.level, verdict.code.id), (Level::Fail, "ray-job-stuck"));
    assert_eq!(verdict.blames[0].to_string(), "RayCluster/ml/it");
    let queued = object(
        "RayJob",
        "it",
        ", labels: {kueue.x-k8s.io/queue-name: team}",
        "suspend: true",
        "jobDeploymentStatus: Suspended",
    );
    assert_eq!(judge(&queued[4..], "RayJob", "it").evidence, ["waits in the queue team"]);
}

#[test]
fn services() {
    let ready = "conditions: [{type: Ready, status: 'True', reason: NonZeroServeEndpoints}]";
    let app = |of: &str, state: &str| {
        format!(
            "{of}ServiceStatus: {{rayClusterName: it, applicationStatuses: {{web: {{status: {state}, message: boom}}}}}}"
        )
    };
    for (status, level, code) in [
        (format!("{ready}, {}", app("active", "RUNNING")), Level::Ok, "ray-service-ready"),
        (format!("{ready}, {}", app("active", "UNHEALTHY")), Level::Fail, "ray-application-failed"),
        (format!("{ready}, {}", app("pending", "DEPLOY_FAILED")), Level::Warn, "ray-upgrade-fails"),
        (
            "conditions: [{type: Ready, status: 'True'}, {type: UpgradeInProgress, status: 'True', lastTransitionTime: '2026-11-20T02:59:00Z'}]".to_owned(),
            Level::Progressing,
            "ray-service-starting",
        ),
        ("conditions: [{type: Ready, status: 'False', reason: Initializing}]".to_owned(), Level::Progressing, "ray-service-starting"),
        ("conditions: [{type: Ready, status: 'False', reason: InitializingTimeout}]".to_owned(), Level::Fail, "ray-service-down"),
        ("conditions: [{type: Ready, status: 'False', reason: ZeroServeEndpoints}]".to_owned(), Level::Fail, "ray-service-down"),
        (
            format!("conditions: [{{type: Ready, status: 'False', reason: Initializing}}], {}", app("pending", "DEPLOY_FAILED")),
            Level::Fail,
            "ray-application-failed",
        ),
        ("serviceStatus: Running".to_owned(), Level::Ok, "ray-service-ready"),
        ("serviceStatus: WaitForServeDeploymentReady".to_owned(), Level::Progressing, "ray-service-starting"),
        ("serviceStatus: FailedToUpdateService".to_owned(), Level::Fail, "ray-service-down"),
        ("activeServiceStatus: [1], serviceStatus: {}".to_owned(), Level::Fail, "no-status"),
    ] {
        expect(&object("RayService", "s", "", "", &status)[4..], "RayService", "s", level, code);
    }
    expect(
        &object("RayService", "s", "", "suspend: true", ready)[4..],
        "RayService",
        "s",
        Level::Suspended,
        "suspended",
    );
    let waits = object(
        "RayService",
        "s",
        "",
        "",
        "conditions: [{type: Ready, status: 'False', reason: Initializing}], pendingServiceStatus: {rayClusterName: it}",
    );
    let broken = object("RayCluster", "it", "", "", "state: failed, reason: no room");
    let verdict = judge(&(waits + &broken)[4..], "RayService", "s");
    assert_eq!((verdict.level, verdict.blames[0].to_string().as_str()), (Level::Fail, "RayCluster/ml/it"));
}

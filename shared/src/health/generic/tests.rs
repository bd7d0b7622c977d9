//! Statuses as operators write them, and what they mean.

use super::super::testing::judge;
use crate::report::Level;

/// Kind, status (with an optional spec before it), level.
const STATUSES: &[(&str, &str, Level)] = &[
    ("Bucket", "status: {conditions: [{type: Ready, status: 'True'}, {type: Synced, status: 'True'}]}", Level::Ok),
    (
        "Bucket",
        "status: {conditions: [{type: Synced, status: 'False', reason: ReconcileError, message: cannot create}]}",
        Level::Fail,
    ),
    ("Bucket", "status: {conditions: [{type: Ready, status: 'False', reason: Creating}]}", Level::Progressing),
    ("CephCluster", "status: {phase: Ready, ceph: {health: HEALTH_OK}}", Level::Ok),
    ("CephCluster", "status: {phase: Progressing}", Level::Progressing),
    ("CephCluster", "status: {phase: Failure, message: no quorum}", Level::Fail),
    ("Elasticsearch", "status: {health: green, phase: Ready}", Level::Ok),
    ("Elasticsearch", "status: {health: red, phase: Ready}", Level::Fail),
    ("Elasticsearch", "status: {health: yellow, phase: ApplyingChanges}", Level::Warn),
    (
        "RabbitmqCluster",
        "status: {conditions: [{type: AllReplicasReady, status: 'False', reason: NotAllPodsReady, message: 0/1 pods}, {type: ReconcileSuccess, status: 'True'}]}",
        Level::Progressing,
    ),
    ("PostgresCluster", "status: {conditions: [{type: Progressing, status: 'True'}]}", Level::Progressing),
    ("Postgresql", "status: {PostgresClusterStatus: Running}", Level::Ok),
    ("Cluster", "status: {phase: Cluster in healthy state, readyInstances: 3, instances: 3}", Level::Ok),
    ("Cluster", "status: {phase: Setting up primary}", Level::Progressing),
    ("Machine", "status: {phase: Failed, failureMessage: no capacity}", Level::Fail),
    ("Machine", "status: {phase: Provisioning}", Level::Progressing),
    ("Database", "status: {conditions: [{type: ACK.ResourceSynced, status: 'True'}]}", Level::Ok),
    ("Database", "status: {conditions: [{type: ACK.Terminal, status: 'True', message: invalid}]}", Level::Fail),
    (
        "SQLInstance",
        "status: {conditions: [{type: Ready, status: 'False', reason: UpdateFailed, message: 'Update call failed'}]}",
        Level::Fail,
    ),
    (
        "SQLInstance",
        "status: {conditions: [{type: Ready, status: 'False', reason: Updating, message: update in progress}]}",
        Level::Progressing,
    ),
    (
        "SealedSecret",
        "status: {conditions: [{type: Synced, status: 'False', message: no key could decrypt secret}]}",
        Level::Fail,
    ),
    ("Backup", "status: {phase: PartiallyFailed}", Level::Warn),
    ("Backup", "status: {phase: InProgress}", Level::Progressing),
    ("Backup", "status: {phase: Completed}", Level::Ok),
    ("BackupStorageLocation", "status: {phase: Unavailable, message: no route}", Level::Fail),
    ("VirtualMachine", "status: {printableStatus: Running, ready: true}", Level::Ok),
    ("VirtualMachine", "status: {ready: false}", Level::Progressing),
    ("Volume", "status: {state: attached, robustness: healthy}", Level::Ok),
    ("FlinkDeployment", "status: {jobManagerDeploymentStatus: DEPLOYING}", Level::Progressing),
    ("FlinkDeployment", "status: {jobManagerDeploymentStatus: ERROR, error: boom}", Level::Fail),
    (
        "ScaledObject",
        "status: {conditions: [{type: Ready, status: 'False', reason: ScaledObjectCheckFailed, message: x}]}",
        Level::Fail,
    ),
    (
        "PipelineRun",
        "status: {conditions: [{type: Succeeded, status: 'False', reason: Failed, message: tasks failed}]}",
        Level::Fail,
    ),
    ("PipelineRun", "status: {conditions: [{type: Succeeded, status: Unknown, reason: Running}]}", Level::Progressing),
    ("PipelineRun", "status: {conditions: [{type: Succeeded, status: 'True', reason: Succeeded}]}", Level::Ok),
    (
        "HTTPRoute",
        "status: {parents: [{conditions: [{type: Accepted, status: 'True'}, {type: ResolvedRefs, status: 'False', reason: BackendNotFound, message: x not found}]}]}",
        Level::Warn,
    ),
    (
        "Gateway",
        "status: {conditions: [{type: Programmed, status: 'False', reason: Invalid, message: x}]}",
        Level::Fail,
    ),
    ("ClusterPolicy", "status: {ready: true, conditions: [{type: Ready, status: 'True'}]}", Level::Ok),
    ("Workflow", "spec: {suspend: true}\nstatus: {phase: Running}", Level::Suspended),
    ("MongoDB", "status: {phase: Failed, message: auth}", Level::Fail),
    ("Druid", "status: {state: Stalled}", Level::Fail),
    (
        "TrinoCluster",
        "status: {conditions: [{type: Available, status: 'True'}, {type: Stopped, status: 'False'}, {type: ReconciliationPaused, status: 'True'}]}",
        Level::Suspended,
    ),
    ("App", "status: {conditions: [{type: Degraded, status: 'True', reason: X, message: y}]}", Level::Fail),
    ("App", "status: {conditions: [{type: Degraded, status: 'False'}, {type: Available, status: 'True'}]}", Level::Ok),
    ("App", "status: {replicas: 3, readyReplicas: 1}", Level::Progressing),
    ("App", "status: {observedGeneration: 1, conditions: [{type: Ready, status: 'True'}]}", Level::Progressing),
    ("App", "status: {}", Level::Ok),
];

#[test]
fn conventions_of_operators_are_read() {
    let mut wrong = Vec::new();
    for (kind, rest, level) in STATUSES {
        let yaml = format!(
            "apiVersion: example.org/v1\nkind: {kind}\nmetadata: {{name: x, namespace: ns, generation: 2}}\n{rest}\n"
        );
        let verdict = judge(&yaml, kind, "x");
        if verdict.level != *level {
            wrong.push(format!("{kind} {rest}: {} ({}), not {level}", verdict.level, verdict.message));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

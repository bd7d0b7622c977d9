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
    // `Installed` is no `stalled`.
    (
        "Provider",
        "status: {conditions: [{type: Installed, status: 'True'}, {type: Healthy, status: 'True'}]}",
        Level::Ok,
    ),
    (
        "Provider",
        "status: {conditions: [{type: Installed, status: 'True'}, {type: Healthy, status: 'False', reason: UnhealthyPackageRevision}]}",
        Level::Fail,
    ),
    (
        "VPC",
        "status: {conditions: [{type: LastAsyncOperation, status: 'False', reason: AsyncCreateFailure, message: x}, {type: Ready, status: 'False', reason: Creating}, {type: Synced, status: 'True'}]}",
        Level::Fail,
    ),
    (
        "VPC",
        "status: {conditions: [{type: Synced, status: 'True'}, {type: Ready, status: 'False', reason: Creating}]}",
        Level::Progressing,
    ),
    (
        "DeploymentConfig",
        "status: {conditions: [{type: Available, status: 'True'}, {type: Progressing, status: 'True', reason: NewReplicationControllerAvailable}]}",
        Level::Ok,
    ),
    (
        "DeploymentConfig",
        "status: {conditions: [{type: Available, status: 'False'}, {type: Progressing, status: 'False', reason: ProgressDeadlineExceeded}]}",
        Level::Fail,
    ),
    (
        "Kiali",
        "status: {conditions: [{type: Successful, status: 'True'}, {type: Running, status: 'True', reason: Successful}]}",
        Level::Ok,
    ),
    (
        "RealmImport",
        "status: {conditions: [{type: Done, status: 'True'}, {type: Started, status: 'False'}, {type: HasErrors, status: 'False'}]}",
        Level::Ok,
    ),
    (
        "RealmImport",
        "status: {conditions: [{type: Done, status: 'False'}, {type: HasErrors, status: 'True', message: x}]}",
        Level::Fail,
    ),
    (
        "MariaDB",
        "status: {conditions: [{type: Ready, status: 'False', reason: RestoreBackup, message: Restoring backup}]}",
        Level::Progressing,
    ),
    (
        "Migration",
        "status: {conditions: [{type: Ready, status: 'False', reason: Migrating, message: 'near foo: syntax error'}]}",
        Level::Fail,
    ),
    ("Autoscaler", "status: {conditions: [{type: NoPodsMatched, status: 'True', message: x}]}", Level::Fail),
    (
        "Autoscaler",
        "status: {conditions: [{type: NoPodsMatched, status: 'False'}, {type: RecommendationProvided, status: 'True'}]}",
        Level::Ok,
    ),
    (
        "Rabbit",
        "status: {conditions: [{type: AllReplicasReady, status: 'True'}, {type: ReconcileSuccess, status: 'False', reason: Error, message: x}]}",
        Level::Fail,
    ),
    (
        "Rabbit",
        "status: {conditions: [{type: AllReplicasReady, status: 'False', reason: ScaledToZero}, {type: ClusterAvailable, status: 'False'}]}",
        Level::Suspended,
    ),
    (
        "Rabbit",
        "status: {conditions: [{type: NoWarnings, status: 'True'}, {type: ClusterAvailable, status: Unknown}]}",
        Level::Progressing,
    ),
    (
        "NetworkPolicySet",
        "status: {conditions: [{type: Available, status: 'False', reason: NoMatchingNode}, {type: Ignored, status: 'True', reason: NoMatchingNode}]}",
        Level::Suspended,
    ),
    (
        "ResourceSet",
        "status: {conditions: [{type: ResourcesApplied, status: 'False', reason: ApplyFailed, message: x}]}",
        Level::Fail,
    ),
    (
        "Route",
        "status: {ingress: [{conditions: [{type: Admitted, status: 'False', reason: HostAlreadyClaimed, message: x}]}]}",
        Level::Fail,
    ),
    ("Route", "status: {ingress: [{conditions: [{type: Admitted, status: 'True'}]}]}", Level::Ok),
    // Words in fields of any name, and of parts.
    ("Postgresql", "status: {PostgresClusterStatus: SyncFailed}", Level::Fail),
    ("Postgresql", "status: {PostgresClusterStatus: Creating}", Level::Progressing),
    (
        "VirtualMachine",
        "status: {printableStatus: Stopped, conditions: [{type: Ready, status: 'False', reason: VMINotExists, message: VMI does not exist}]}",
        Level::Suspended,
    ),
    (
        "VirtualMachine",
        "status: {printableStatus: Stopped, conditions: [{type: Failure, status: 'True', message: x}]}",
        Level::Fail,
    ),
    ("CephCluster", "status: {phase: Ready, ceph: {health: HEALTH_ERR}}", Level::Fail),
    ("CephCluster", "status: {phase: Ready, ceph: {health: HEALTH_WARN}}", Level::Warn),
    ("Volume", "status: {state: attached, robustness: faulted}", Level::Fail),
    ("Volume", "status: {state: attached, robustness: degraded}", Level::Warn),
    ("Volume", "status: {state: detached, robustness: unknown}", Level::Ok),
    ("Rule", "status: {compliant: NonCompliant}", Level::Fail),
    ("Binding", "status: {aggregatedStatus: [{health: Healthy}, {health: Unhealthy}]}", Level::Fail),
    ("App", "status: {phase: Ready, backupStatus: Failed, lastRestoreStatus: Failed, tlsState: disabled}", Level::Warn),
    ("App", "status: {phase: Ready, tlsState: disabled, desiredState: stopped}", Level::Ok),
    ("Backup", "status: {state: Running}", Level::Progressing),
    ("ScheduledBackup", "status: {state: Running}", Level::Ok),
    ("Context", "status: {healthy: false, errors: [webhook is down]}", Level::Fail),
    ("MachineCheck", "status: {expectedMachines: 3, currentHealthy: 2}", Level::Fail),
    ("Beat", "status: {expectedNodes: 2}", Level::Progressing),
    ("CloneSet", "spec: {updateStrategy: {paused: true}}\nstatus: {replicas: 2, readyReplicas: 2}", Level::Suspended),
    (
        "SqlJob",
        "status: {conditions: [{type: Complete, status: 'True', reason: JobFailed, message: Failed}]}",
        Level::Fail,
    ),
    (
        "SqlJob",
        "status: {conditions: [{type: Complete, status: 'True', reason: JobComplete, message: Success}]}",
        Level::Ok,
    ),
    (
        "Set",
        "status: {conditions: [{type: ResourcesUpToDate, status: 'False', reason: CreateApplicationError}]}",
        Level::Fail,
    ),
    // Other types than the convention has.
    ("App", "status: {conditions: [{type: Ready, status: false, reason: [x], message: failed}]}", Level::Fail),
    ("App", "status: {conditions: [{type: Ready, status: [x]}]}", Level::Unknown),
    ("App", "status: {conditions: Ready}", Level::Unknown),
    ("App", "status: {phase: Failed, conditions: [x]}", Level::Fail),
    ("App", "status: Ready", Level::Unknown),
    ("App", "status: 5", Level::Unknown),
    ("App", "status: {}", Level::Progressing),
    ("AppConfig", "status: {}", Level::Ok),
    ("App", "status: {note: nothing of health}", Level::Ok),
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

/// An object without a status: is one to be expected of its kind?
#[test]
fn a_missing_status_is_judged_by_what_is_known_of_the_kind() {
    let object = |kind: &str, name: &str, created: &str, status: &str| {
        format!(
            "---\n{{apiVersion: example.org/v1, kind: {kind}, metadata: {{name: {name}, namespace: ns, uid: u-{name}, creationTimestamp: '{created}'}}, spec: {{a: 1}}{status}}}\n"
        )
    };
    let (old, new) = ("2026-11-01T00:00:00Z", "2026-11-20T02:59:00Z");
    let definition = |subresources: &str| {
        format!(
            "---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: apps.example.org}}\nspec: {{group: example.org, names: {{kind: App}}, versions: [{{name: v1, served: true{subresources}}}]}}\n"
        )
    };
    let ready = ", status: {phase: Ready}";
    for (yaml, level, why) in [
        (object("App", "x", new, ""), Level::Progressing, "new"),
        (object("App", "x", old, ""), Level::Ok, "old, and nobody knows whether it should have one"),
        (object("App", "x", old, "") + &object("App", "y", old, ready), Level::Warn, "others have one"),
        (object("AppClass", "x", new, ""), Level::Ok, "classes have none"),
        (object("App", "x", new, "") + &definition(""), Level::Ok, "its definition has none"),
        (object("App", "x", new, "") + &definition(", subresources: {status: {}}"), Level::Progressing, "it has one"),
    ] {
        let kind = if yaml.contains("AppClass") { "AppClass" } else { "App" };
        let verdict = judge(&yaml, kind, "x");
        assert_eq!(verdict.level, level, "{why}: {}", verdict.message);
    }
}

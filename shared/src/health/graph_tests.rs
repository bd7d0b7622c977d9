//! From effects to causes, over a whole judgement.

use crate::health::testing::{NOW, inventory};
use crate::health::{Node, judge};
use crate::object::{Inventory, InventoryBuilder, Scope, Section, SectionState, decode_object};
use crate::platform::Platform;
use crate::report::Level;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// The roots of a YAML stream, each with what it explains, in short names.
fn roots(yaml: &str) -> Vec<(String, Vec<String>)> {
    roots_of(&inventory(yaml))
}

fn roots_of(inventory: &Inventory) -> Vec<(String, Vec<String>)> {
    let judgement = judge(inventory, &Platform::built_in(), NOW.parse().expect("time"));
    let name = |node: Node| match node {
        Node::Object(index) => inventory.objects()[index].reference().to_string(),
        Node::Absent(index) => judgement.absences[index].object.to_string(),
    };
    let roots = judgement.roots.iter();
    roots.map(|root| (name(root.node), root.explains.iter().map(|node| name(*node)).collect())).collect()
}

const POD: &str = "apiVersion: v1
kind: Pod
metadata: {name: web-0, namespace: x, uid: p1, creationTimestamp: '2026-11-19T00:00:00Z'}
spec: {containers: [{name: main, envFrom: [{secretRef: {name: db}}]}]}
status:
  phase: Pending
  startTime: '2026-11-19T00:00:00Z'
  containerStatuses:
  - {name: main, state: {waiting: {reason: CreateContainerConfigError, message: secret \"db\" not found}}}
---
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: vault, namespace: x, creationTimestamp: '2026-09-01T00:00:00Z'}
status: {conditions: [{type: Ready, status: 'False', reason: InvalidProviderConfig, message: permission denied}]}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: database, namespace: x, creationTimestamp: '2026-09-01T00:00:00Z'}
spec: {secretStoreRef: {name: vault}, target: {name: db}}
status: {conditions: [{type: Ready, status: 'False', reason: SecretSyncedError, message: store is not ready}]}
";

#[test]
fn a_pod_without_its_secret_leads_to_the_store_of_the_secret() {
    let other = "---\n{apiVersion: v1, kind: Secret, metadata: {name: other, namespace: x}}\n";
    // Where Secrets may not be read, and where the one is known to be missing.
    for yaml in [POD.to_owned(), format!("{POD}{other}")] {
        let found = roots(&yaml);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, "SecretStore/x/vault");
        assert!(found[0].1.contains(&"Pod/x/web-0".to_owned()), "{found:?}");
    }
}

#[test]
fn a_secret_that_is_there_is_not_what_a_pod_lacks() {
    let found = roots(&format!("{POD}---\n{{apiVersion: v1, kind: Secret, metadata: {{name: db, namespace: x}}}}\n"));
    assert!(found.iter().any(|(root, _)| root == "Pod/x/web-0"), "{found:?}");
}

fn node(name: &str, conditions: &str) -> String {
    format!("---\napiVersion: v1\nkind: Node\nmetadata: {{name: {name}}}\nstatus: {{conditions: [{conditions}]}}\n")
}

const READY: &str = "{type: Ready, status: 'True'}";

/// A pod of namespace `x` on a node, with more metadata and its status.
fn pod(name: &str, node: &str, more: &str, status: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: x, creationTimestamp: '2026-11-19T00:00:00Z'{more}}}\nspec: {{nodeName: {node}, containers: [{{name: c, image: i}}], volumes: [{{name: v, persistentVolumeClaim: {{claimName: data}}}}]}}\nstatus: {status}\n"
    )
}

const LOOPS: &str =
    "{phase: Running, containerStatuses: [{name: c, restartCount: 3, state: {waiting: {reason: CrashLoopBackOff}}}]}";
const PULLS: &str = "{phase: Pending, containerStatuses: [{name: c, state: {waiting: {reason: ImagePullBackOff}}}]}";
const RESTARTED: &str = "{phase: Running, conditions: [{type: Ready, status: 'True'}], containerStatuses: [{name: c, ready: true, restartCount: 1, state: {running: {}}, lastState: {terminated: {exitCode: 1, finishedAt: '2026-11-19T20:00:00Z'}}}]}";
const MOUNTS: &str = "{phase: Pending, startTime: '2026-11-19T00:00:00Z', containerStatuses: [{name: c, state: {waiting: {reason: ContainerCreating}}}]}";
const EVICTED: &str = "{phase: Failed, reason: Evicted, message: The node was low on resource}";

fn names(yaml: &str) -> Vec<String> {
    roots(yaml.trim_start_matches("---\n")).into_iter().map(|(root, _)| root).collect()
}

#[test]
fn a_warning_of_a_node_explains_nothing_of_its_pods() {
    let cordoned = "---\napiVersion: v1\nkind: Node\nmetadata: {name: a}\nspec: {unschedulable: true}\nstatus: {conditions: [{type: Ready, status: 'True'}]}\n";
    let found = names(&format!("{cordoned}{}", pod("web", "a", "", RESTARTED)));
    assert!(found.contains(&"Pod/x/web".to_owned()) && found.contains(&"Node/a".to_owned()), "{found:?}");
}

#[test]
fn pressure_explains_evictions_and_no_typing_error() {
    let pressed = node("a", &format!("{READY}, {{type: DiskPressure, status: 'True'}}"));
    let yaml = format!("{pressed}{}{}", pod("gone", "a", "", EVICTED), pod("typo", "a", "", PULLS));
    assert_eq!(names(&yaml), ["Node/a", "Pod/x/typo"]);
}

#[test]
fn a_node_is_not_explained_by_its_mirror_pods() {
    let owner = ", ownerReferences: [{apiVersion: v1, kind: Node, name: a, controller: true}]";
    let pressed = node("a", &format!("{READY}, {{type: DiskPressure, status: 'True'}}"));
    let mut found = names(&format!("{pressed}{}{}", pod("etcd", "a", owner, LOOPS), pod("api", "a", owner, LOOPS)));
    found.sort();
    assert_eq!(found, ["Node/a", "Pod/x/api", "Pod/x/etcd"]);
}

#[test]
fn a_pending_volume_explains_who_waits_for_it_and_a_full_one_who_breaks() {
    let claim = |status: &str| {
        format!(
            "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: data, namespace: x, creationTimestamp: '2026-11-19T00:00:00Z'}}\nspec: {{storageClassName: ''}}\nstatus: {status}\n"
        )
    };
    let yaml = format!("{}{}", claim("{phase: Pending}"), pod("web", "''", "", MOUNTS));
    assert_eq!(names(&yaml), ["PersistentVolumeClaim/x/data"]);
    let bound = claim("{phase: Bound, conditions: [{type: ControllerResizeError, status: 'True'}]}");
    assert!(names(&format!("{bound}{}", pod("web", "''", "", RESTARTED))).contains(&"Pod/x/web".to_owned()));
}

#[test]
fn claims_of_one_class_that_get_no_volume_are_one_cause() {
    let claim = |name: &str, class: &str| {
        format!(
            "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: {name}, namespace: x, creationTimestamp: '2026-11-19T00:00:00Z'}}\nspec: {{storageClassName: {class}}}\nstatus: {{phase: Pending}}\n"
        )
    };
    let classes = "---\n{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: fast}, provisioner: x}\n---\n{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: slow}, provisioner: x}\n";
    let yaml = format!("{}{}{}{classes}", claim("a", "fast"), claim("b", "fast"), claim("c", "slow"));
    assert_eq!(names(&yaml), ["PersistentVolumeClaim/x/a", "PersistentVolumeClaim/x/c"]);
}

#[test]
fn an_attachment_that_fails_is_why_a_container_is_not_created() {
    let yaml = format!(
        "{}---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: data, namespace: x}}
spec: {{volumeName: pv-1}}
status: {{phase: Bound}}
---
apiVersion: storage.k8s.io/v1
kind: VolumeAttachment
metadata: {{name: csi-1, creationTimestamp: '2026-11-19T00:00:00Z'}}
spec: {{nodeName: a, attacher: x.csi.io, source: {{persistentVolumeName: pv-1}}}}
status: {{attached: false, attachError: {{message: volume is attached elsewhere}}}}
",
        pod("web", "a", "", MOUNTS)
    );
    assert_eq!(names(&yaml), ["VolumeAttachment/csi-1"]);
    assert_eq!(names(&yaml.replace("persistentVolumeName: pv-1", "persistentVolumeName: pv-2")).len(), 2);
}

#[test]
fn three_failed_runs_are_one_cause_and_it_is_the_cronjob() {
    let job = |name: &str| {
        format!(
            "---\napiVersion: batch/v1\nkind: Job\nmetadata: {{name: {name}, namespace: x, uid: {name}, ownerReferences: [{{apiVersion: batch/v1, kind: CronJob, name: nightly, uid: cron, controller: true}}]}}\nstatus: {{conditions: [{{type: Failed, status: 'True', reason: BackoffLimitExceeded}}]}}\n"
        )
    };
    let owner = ", ownerReferences: [{apiVersion: batch/v1, kind: Job, name: run-1, uid: run-1, controller: true}]";
    let tried = "{phase: Failed, containerStatuses: [{name: c, state: {terminated: {exitCode: 1}}}]}";
    let yaml = format!(
        "apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: nightly, namespace: x, uid: cron}}\nspec: {{schedule: '0 2 * * *'}}\nstatus: {{lastScheduleTime: '2026-11-20T02:00:00Z'}}\n{}{}{}{}",
        job("run-1"),
        job("run-2"),
        job("run-3"),
        pod("run-1-x", "a", owner, tried)
    );
    let found = roots(&yaml);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].0.as_str(), found[0].1.len()), ("CronJob/x/nightly", 4));
}

#[test]
fn a_release_that_waits_leads_to_its_failing_pod_and_a_broken_build_does_not() {
    let release = |reason: &str, message: &str| {
        format!(
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: airflow, namespace: x, generation: 1}}\nspec: {{interval: 5m}}\nstatus: {{observedGeneration: 1, conditions: [{{type: Ready, status: 'False', reason: {reason}, message: '{message}', lastTransitionTime: '2026-11-20T02:50:00Z'}}]}}\n"
        )
    };
    let mark = ", annotations: {meta.helm.sh/release-name: airflow, meta.helm.sh/release-namespace: x}";
    let pod = pod("scheduler", "a", mark, LOOPS);
    let waits = release("InstallFailed", "Helm install failed: timeout waiting for the condition");
    assert_eq!(names(&format!("{waits}{pod}")), ["Pod/x/scheduler"]);
    let other = pod.replace("release-name: airflow", "release-name: mlflow");
    assert_eq!(names(&format!("{waits}{other}")).len(), 2);
}

#[test]
fn a_mild_cause_with_a_failing_effect_stands_before_a_mild_one_alone() {
    let lost = POD.replace("web-0", "web-1");
    let found = roots(&format!("{lost}{}", pod("b", "a", "", RESTARTED)));
    assert_eq!(found[0].0, "SecretStore/x/vault", "{found:?}");
}

/// Objects of a small cluster, some of them in loops, each from a few numbers.
fn object(index: usize, kind: u8, state: u8, one: usize, two: usize) -> String {
    let owner = |api: &str, kind: &str, to: usize| {
        format!(", ownerReferences: [{{apiVersion: {api}, kind: {kind}, name: o{to}, uid: u{to}, controller: true}}]")
    };
    let namespace = if one.is_multiple_of(2) { "x" } else { "y" };
    let meta = |more: &str| {
        format!(
            "metadata: {{name: o{index}, namespace: {namespace}, uid: u{index}, creationTimestamp: '2026-11-19T00:00:00Z'{more}}}"
        )
    };
    let flag = if state.is_multiple_of(2) { "True" } else { "False" };
    let owners = [
        String::new(),
        owner("apps/v1", "ReplicaSet", two),
        owner("batch/v1", "Job", two),
        owner("apps/v1", "StatefulSet", two),
    ];
    match kind {
        0 => {
            let status = [LOOPS, PULLS, RESTARTED, MOUNTS, EVICTED, "{phase: Succeeded}"][usize::from(state) % 6];
            let meta = meta(&owners[one % 4]);
            format!(
                "apiVersion: v1\nkind: Pod\n{meta}\nspec: {{nodeName: o{one}, containers: [{{name: c, envFrom: [{{secretRef: {{name: o{two}}}}}]}}], volumes: [{{name: v, persistentVolumeClaim: {{claimName: o{two}}}}}]}}\nstatus: {status}\n"
            )
        }
        1 => format!(
            "apiVersion: v1\nkind: Node\nmetadata: {{name: o{index}, uid: u{index}}}\nspec: {{unschedulable: {}}}\nstatus: {{conditions: [{{type: Ready, status: '{flag}'}}, {{type: DiskPressure, status: '{flag}'}}]}}\n",
            state > 2
        ),
        2 => format!(
            "apiVersion: v1\nkind: PersistentVolumeClaim\n{}\nspec: {{storageClassName: s, volumeName: o{two}}}\nstatus: {{phase: {}}}\n",
            meta(""),
            ["Bound", "Pending", "Lost"][usize::from(state) % 3]
        ),
        3 => format!(
            "apiVersion: apps/v1\nkind: {}\n{}\nspec: {{replicas: 2}}\nstatus: {{readyReplicas: {}}}\n",
            ["ReplicaSet", "StatefulSet", "Deployment"][one % 3],
            meta(&owners[two % 4]),
            state % 3
        ),
        4 => format!(
            "apiVersion: batch/v1\nkind: Job\n{}\nstatus: {{active: 1, startTime: '2026-11-20T01:00:00Z', failed: 1, conditions: [{{type: Failed, status: '{flag}'}}]}}\n",
            meta(&owner("batch/v1", "CronJob", two))
        ),
        5 => format!(
            "apiVersion: batch/v1\nkind: CronJob\n{}\nspec: {{schedule: '0 * * * *'}}\nstatus: {{lastScheduleTime: '2026-11-20T02:00:00Z'}}\n",
            meta("")
        ),
        6 => format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n{}\nspec: {{sourceRef: {{kind: GitRepository, name: o{one}}}, dependsOn: [{{name: o{two}}}, {{name: o{one}}}]}}\nstatus: {{inventory: {{entries: [{{id: {namespace}_o{two}_apps_Deployment}}, {{id: {namespace}_o{one}_kustomize.toolkit.fluxcd.io_Kustomization}}]}}, conditions: [{{type: Ready, status: '{flag}', reason: DependencyNotReady}}]}}\n",
            meta("")
        ),
        7 => format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\n{}\nstatus: {{conditions: [{{type: Ready, status: '{flag}'}}]}}\n",
            meta("")
        ),
        _ => format!(
            "apiVersion: velero.io/v1\nkind: {}\n{}\nspec: {{storageLocation: o{one}, schedule: '0 1 * * *'}}\nstatus: {{phase: {}}}\n",
            ["Backup", "Schedule", "BackupStorageLocation"][one % 3],
            meta(&format!(", labels: {{velero.io/schedule-name: o{two}}}")),
            ["Failed", "Enabled", "Unavailable", "Completed"][usize::from(state) % 4]
        ),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(120) })]

    #[test]
    fn every_unwell_object_has_one_root_whatever_the_order(
        numbers in prop::collection::vec((0..9_u8, 0..6_u8, 0..12_usize, 0..12_usize), 1..12),
        turn in 0..12_usize,
    ) {
        let mut all: Vec<String> =
            numbers.iter().enumerate().map(|(index, it)| object(index, it.0, it.1, it.2, it.3)).collect();
        let inventory = inventory(&all.join("---\n"));
        let judgement = judge(&inventory, &Platform::built_in(), NOW.parse().expect("time"));
        let mut seen: BTreeMap<Node, usize> = BTreeMap::new();
        for root in &judgement.roots {
            for node in std::iter::once(&root.node).chain(&root.explains) {
                *seen.entry(*node).or_default() += 1;
            }
        }
        let objects = (0..judgement.verdicts.len()).map(Node::Object);
        let absent = (0..judgement.absences.len()).map(Node::Absent);
        for node in objects.chain(absent) {
            let wanted = usize::from(judgement.verdict(node).worst_level() > Level::Absent);
            prop_assert_eq!(seen.get(&node).copied().unwrap_or(0), wanted, "{:?}", judgement.verdict(node));
        }
        let before = roots(&all.join("---\n"));
        let length = all.len();
        all.rotate_left(turn % length);
        all.reverse();
        prop_assert_eq!(before, roots(&all.join("---\n")));
    }
}

#[test]
fn ten_thousand_effects_and_a_chain_as_long_have_one_root() {
    let mut builder = InventoryBuilder::new(Scope::Cluster, false);
    for index in 0..10_000 {
        let json = serde_json::json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "metadata": {"name": format!("k{index:05}"), "namespace": "x"},
            "spec": {"dependsOn": [{"name": format!("k{:05}", index + 1)}]},
            "status": {"conditions": [{"type": "Ready", "status": "False", "reason": "DependencyNotReady"}]},
        });
        let raw = serde_json::value::RawValue::from_string(json.to_string()).expect("JSON");
        builder.push(decode_object(&raw).expect("an object"));
    }
    let state = SectionState::Read(10_000);
    let (group, kind) = ("kustomize.toolkit.fluxcd.io".into(), "Kustomization".into());
    builder.section(Section { group, kind, resource: "".into(), state });
    let found = roots_of(&builder.finish());
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].0.as_str(), found[0].1.len()), ("Kustomization/x/k10000", 10_000));
}

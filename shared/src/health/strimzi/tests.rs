//! Statuses as Strimzi's operators write them, and what is to be thought of them.

use crate::health::testing::{expect, judge};
use crate::report::Level;

const HEALTHY: &str = "
apiVersion: kafka.strimzi.io/v1
kind: Kafka
metadata: {name: mlops-kafka-cluster, namespace: data-plane, generation: 3, uid: k, creationTimestamp: '2026-11-01T00:00:00Z'}
spec:
  kafka:
    version: 4.1.0
    metadataVersion: 4.1-IV1
    listeners: [{name: plain, port: 9092, type: internal, tls: false}, {name: tls, port: 9093, type: internal, tls: true}]
    config: {min.insync.replicas: 2}
status:
  observedGeneration: 3
  kafkaVersion: 4.1.0
  kafkaMetadataVersion: 4.1-IV1
  conditions: [{type: Ready, status: 'True', lastTransitionTime: '2026-11-19T00:00:00.123456789Z'}]
  listeners: [{name: plain, bootstrapServers: 'a:9092'}, {name: tls, bootstrapServers: 'a:9093'}]
";

fn pod(name: &str, pool: &str, role: &str, ready: bool) -> String {
    format!(
        "---
apiVersion: v1
kind: Pod
metadata:
  name: {name}
  namespace: data-plane
  creationTimestamp: '2026-11-01T00:00:00Z'
  labels: {{strimzi.io/cluster: mlops-kafka-cluster, strimzi.io/pool-name: {pool}, strimzi.io/{role}-role: 'true'}}
spec: {{containers: [{{name: kafka}}]}}
status:
  phase: Running
  conditions: [{{type: Ready, status: '{}', lastTransitionTime: '2026-11-01T00:01:00Z'}}]
  containerStatuses: [{{name: kafka, ready: {ready}, state: {{running: {{startedAt: '2026-11-01T00:00:30Z'}}}}}}]
",
        if ready { "True" } else { "False" }
    )
}

fn pool(name: &str, role: &str, replicas: usize, ids: &str) -> String {
    format!(
        "---
apiVersion: kafka.strimzi.io/v1
kind: KafkaNodePool
metadata: {{name: {name}, namespace: data-plane, generation: 1, labels: {{strimzi.io/cluster: mlops-kafka-cluster}}}}
spec: {{replicas: {replicas}, roles: [{role}]}}
status: {{observedGeneration: 1, replicas: {replicas}, nodeIds: {ids}, roles: [{role}]}}
"
    )
}

#[test]
fn a_healthy_cluster_is_ok() {
    let mut yaml = HEALTHY.to_owned() + &pool("broker", "broker", 2, "[0, 1]");
    for id in 0..2 {
        yaml += &pod(&format!("mlops-kafka-cluster-broker-{id}"), "broker", "broker", true);
    }
    expect(&yaml, "Kafka", "mlops-kafka-cluster", Level::Ok, "ok");
    expect(&yaml, "KafkaNodePool", "broker", Level::Ok, "ok");
}

#[test]
fn ready_does_not_hide_lost_brokers_or_controllers() {
    let brokers = HEALTHY.to_owned()
        + &pool("broker", "broker", 3, "[0, 1, 2]")
        + &pod("mlops-kafka-cluster-broker-0", "broker", "broker", true)
        + &pod("mlops-kafka-cluster-broker-1", "broker", "broker", false);
    let verdict = judge(&brokers, "Kafka", "mlops-kafka-cluster");
    assert_eq!((verdict.level, verdict.code.id), (Level::Fail, "kafka-brokers-not-ready"), "{}", verdict.message);
    assert_eq!(verdict.blames.len(), 1);
    assert_eq!(&*verdict.blames[0].name, "mlops-kafka-cluster-broker-1");
    let controllers = HEALTHY.to_owned()
        + &pod("mlops-kafka-cluster-controller-0", "controller", "controller", true)
        + &pod("mlops-kafka-cluster-controller-1", "controller", "controller", false);
    expect(&controllers, "Kafka", "mlops-kafka-cluster", Level::Fail, "kafka-quorum-lost");
}

/// Fault 12 of the guide: it looks for `mlops-kafka-cluster-kafka-0`, which no pool makes. Names
/// come from labels, and replicas from the pools, not from `spec.kafka.replicas`.
#[test]
fn guide_fault_12_pods_are_found_by_labels_whatever_their_pool() {
    let yaml = HEALTHY.replace("    version: 4.1.0\n", "    version: 4.1.0\n    replicas: 9\n")
        + &pool("broker", "broker", 3, "[0, 1, 2]")
        + &pod("mlops-kafka-cluster-broker-0", "broker", "broker", true)
        + &pod("mlops-kafka-cluster-broker-1", "broker", "broker", true)
        + &pod("mlops-kafka-cluster-broker-2", "broker", "broker", false);
    let verdict = judge(&yaml, "Kafka", "mlops-kafka-cluster");
    assert_eq!((verdict.level, verdict.code.id), (Level::Warn, "kafka-brokers-not-ready"), "{}", verdict.message);
    assert!(verdict.message.contains("2 of 3 brokers"), "{}", verdict.message);
    assert_eq!(&*verdict.blames[0].name, "mlops-kafka-cluster-broker-2");
}

#[test]
fn a_timeout_blames_the_pod_that_is_waited_for() {
    let yaml = HEALTHY.replace(
        "{type: Ready, status: 'True', lastTransitionTime: '2026-11-19T00:00:00.123456789Z'}",
        "{type: NotReady, status: 'True', reason: TimeoutException, lastTransitionTime: '2026-11-19T00:00:00Z', message: 'Exceeded timeout of 300000ms while waiting for Pods resource mlops-kafka-cluster-broker-0 in namespace data-plane to be ready'}",
    ) + &pod("mlops-kafka-cluster-broker-0", "broker", "broker", false);
    let verdict = judge(&yaml, "Kafka", "mlops-kafka-cluster");
    assert_eq!((verdict.level, verdict.code.id), (Level::Fail, "kafka-timeout"), "{}", verdict.message);
    assert!(verdict.blames.iter().any(|blame| &*blame.name == "mlops-kafka-cluster-broker-0"));
}

#[test]
fn creation_has_a_deadline() {
    let at = |time: &str| {
        HEALTHY.replace(
            "{type: Ready, status: 'True', lastTransitionTime: '2026-11-19T00:00:00.123456789Z'}",
            &format!("{{type: NotReady, status: 'True', reason: Creating, lastTransitionTime: '{time}'}}"),
        )
    };
    expect(&at("2026-11-20T02:55:00Z"), "Kafka", "mlops-kafka-cluster", Level::Progressing, "kafka-creating");
    expect(&at("2026-11-20T02:45:00Z"), "Kafka", "mlops-kafka-cluster", Level::Fail, "kafka-not-ready");
}

#[test]
fn warnings_pause_listeners_and_lag_are_seen() {
    let warned = HEALTHY.replace(
        "conditions: [",
        "conditions: [{type: Warning, status: 'True', reason: KafkaStorage, message: 'ephemeral storage'}, ",
    );
    expect(&warned, "Kafka", "mlops-kafka-cluster", Level::Warn, "kafka-warning");
    let paused = HEALTHY.replace("uid: k,", "uid: k, annotations: {strimzi.io/pause-reconciliation: 'true'},");
    expect(&paused, "Kafka", "mlops-kafka-cluster", Level::Suspended, "suspended");
    let listener = HEALTHY.replace(", {name: tls, bootstrapServers: 'a:9093'}", "");
    expect(&listener, "Kafka", "mlops-kafka-cluster", Level::Fail, "kafka-listener-missing");
    let lag = HEALTHY.replace("generation: 3, uid", "generation: 4, uid");
    expect(&lag, "Kafka", "mlops-kafka-cluster", Level::Progressing, "generation-not-observed");
    let upgrade = HEALTHY.replace("  kafkaVersion: 4.1.0", "  kafkaVersion: 4.0.0");
    expect(&upgrade, "Kafka", "mlops-kafka-cluster", Level::Warn, "kafka-upgrade-pending");
}

const OPERATOR_DOWN: &str = "---
apiVersion: apps/v1
kind: Deployment
metadata: {name: strimzi-cluster-operator, namespace: platform-operators, creationTimestamp: '2026-11-01T00:00:00Z'}
spec: {replicas: 1}
status: {replicas: 1, unavailableReplicas: 1}
";

#[test]
fn an_operator_that_is_down_is_blamed_and_makes_the_status_stale() {
    let yaml = HEALTHY.to_owned() + OPERATOR_DOWN;
    let verdict = judge(&yaml, "Kafka", "mlops-kafka-cluster");
    assert_eq!((verdict.level, verdict.code.id), (Level::Warn, "kafka-status-stale"), "{}", verdict.message);
    let (head, _) = HEALTHY.split_once("status:").expect("status");
    let verdict = judge(&(head.to_owned() + OPERATOR_DOWN), "Kafka", "mlops-kafka-cluster");
    assert_eq!((verdict.level, verdict.code.id), (Level::Fail, "no-status"));
    assert_eq!(&*verdict.blames[0].name, "strimzi-cluster-operator");
}

#[test]
fn topics_follow_both_spellings_and_their_cluster() {
    let topic = |cluster: &str, condition: &str| {
        format!(
            "{HEALTHY}---
apiVersion: kafka.strimzi.io/v1
kind: KafkaTopic
metadata: {{name: t, namespace: data-plane, generation: 1, labels: {{strimzi.io/cluster: {cluster}}}}}
spec: {{partitions: 3}}
status: {{observedGeneration: 1, conditions: [{condition}]}}
"
        )
    };
    let ready = "{type: Ready, status: 'True'}";
    expect(&topic("mlops-kafka-cluster", ready), "KafkaTopic", "t", Level::Ok, "ok");
    let broken = "{type: Ready, status: 'False', reason: KafkaError, message: 'no broker'}";
    expect(&topic("mlops-kafka-cluster", broken), "KafkaTopic", "t", Level::Fail, "kafka-not-ready");
    let other = "{type: NotReady, status: 'True', reason: InvalidConfigurationException}";
    expect(&topic("mlops-kafka-cluster", other), "KafkaTopic", "t", Level::Fail, "kafka-spec-invalid");
    let verdict = judge(&topic("gone", ready), "KafkaTopic", "t");
    assert_eq!((verdict.level, verdict.code.id), (Level::Fail, "kafka-cluster-missing"));
    assert_eq!(&*verdict.blames[0].name, "gone");
}

#[test]
fn failed_tasks_are_seen_behind_a_running_connector() {
    let yaml = "
apiVersion: kafka.strimzi.io/v1
kind: KafkaConnector
metadata: {name: c, namespace: n, generation: 1}
spec: {}
status:
  observedGeneration: 1
  conditions: [{type: Ready, status: 'True'}]
  connectorStatus:
    name: c
    connector: {state: RUNNING}
    tasks: [{id: 0, state: RUNNING}, {id: 1, state: FAILED, trace: \"org.x.ConnectException: no route\\n\\tat y\"}]
";
    let verdict = judge(yaml, "KafkaConnector", "c");
    assert_eq!((verdict.level, verdict.code.id), (Level::Fail, "kafka-connector-failed"));
    assert!(verdict.message.contains("no route") && !verdict.message.contains("at y"), "{}", verdict.message);
    expect(&yaml.replace("spec: {}", "spec: {state: stopped}"), "KafkaConnector", "c", Level::Suspended, "suspended");
}

#[test]
fn pools_and_pod_sets_are_counted() {
    let short = HEALTHY.to_owned() + &pool("broker", "broker", 3, "[0, 1]");
    expect(&short, "KafkaNodePool", "broker", Level::Warn, "kafka-pool-incomplete");
    let set = |ready: i64| {
        format!(
            "
apiVersion: core.strimzi.io/v1
kind: StrimziPodSet
metadata: {{name: s, namespace: n, generation: 1, creationTimestamp: '2026-11-01T00:00:00Z'}}
spec: {{pods: [{{}}, {{}}, {{}}]}}
status: {{observedGeneration: 1, pods: 3, currentPods: 3, readyPods: {ready}}}
"
        )
    };
    expect(&set(3), "StrimziPodSet", "s", Level::Ok, "ok");
    expect(&set(2), "StrimziPodSet", "s", Level::Warn, "kafka-pods-not-ready");
    expect(&set(0), "StrimziPodSet", "s", Level::Fail, "kafka-pods-not-ready");
}

#[test]
fn a_rebalance_is_in_the_state_of_its_condition() {
    let rebalance = |state: &str, time: &str| {
        format!(
            "
apiVersion: kafka.strimzi.io/v1
kind: KafkaRebalance
metadata: {{name: r, namespace: n, generation: 1, labels: {{strimzi.io/cluster: x}}}}
spec: {{}}
status: {{observedGeneration: 1, conditions: [{{type: {state}, status: 'True', lastTransitionTime: '{time}'}}]}}
"
        )
    };
    let (new, old) = ("2026-11-20T02:50:00Z", "2026-11-20T01:00:00Z");
    expect(&rebalance("ProposalReady", new), "KafkaRebalance", "r", Level::Progressing, "kafka-rebalance-proposal");
    expect(&rebalance("ProposalReady", old), "KafkaRebalance", "r", Level::Warn, "kafka-rebalance-proposal");
    expect(&rebalance("Rebalancing", old), "KafkaRebalance", "r", Level::Progressing, "kafka-rebalance-running");
    expect(&rebalance("Stopped", old), "KafkaRebalance", "r", Level::Suspended, "suspended");
    expect(&rebalance("NotReady", old), "KafkaRebalance", "r", Level::Fail, "kafka-not-ready");
    expect(&rebalance("Ready", old), "KafkaRebalance", "r", Level::Ok, "ok");
}

#[test]
fn a_change_or_a_rebalance_on_its_way_excuses_no_lost_quorum() {
    let nodes = pod("mlops-kafka-cluster-controller-0", "controller", "controller", true)
        + &pod("mlops-kafka-cluster-controller-1", "controller", "controller", false);
    let lagging = HEALTHY.replace("generation: 3", "generation: 4") + &nodes;
    expect(&lagging, "Kafka", "mlops-kafka-cluster", Level::Fail, "kafka-quorum-lost");
    let moving = HEALTHY.to_owned() + "  autoRebalance: {state: RebalanceOnScaleUp}\n" + &nodes;
    expect(&moving, "Kafka", "mlops-kafka-cluster", Level::Fail, "kafka-quorum-lost");
    let creating =
        HEALTHY.replace("{type: Ready, status: 'True',", "{type: NotReady, status: 'True', reason: Creating,");
    let creating = creating.replace("2026-11-19T00:00:00.123456789Z", "2026-11-20T02:58:00Z") + &nodes;
    expect(&creating, "Kafka", "mlops-kafka-cluster", Level::Progressing, "kafka-creating");
}

/// Clusters of before node pools: pods are told apart by `strimzi.io/name` only, and ZooKeeper has a quorum too.
#[test]
fn a_cluster_with_zookeeper_is_judged_by_its_nodes() {
    let old = HEALTHY.replace("  kafka:\n", "  zookeeper: {replicas: 3}\n  kafka:\n    replicas: 3\n");
    let node = |name: &str, component: &str, ready: bool| {
        pod(name, "x", "x", ready)
            .replace("strimzi.io/x-role: 'true'", &format!("strimzi.io/name: mlops-kafka-cluster-{component}"))
    };
    let brokers: String = (0..3).map(|id| node(&format!("mlops-kafka-cluster-kafka-{id}"), "kafka", true)).collect();
    let keepers = |ready: usize| -> String {
        (0..3).map(|id| node(&format!("mlops-kafka-cluster-zookeeper-{id}"), "zookeeper", id < ready)).collect()
    };
    let judged = |ready| judge(&(old.clone() + &brokers + &keepers(ready)), "Kafka", "mlops-kafka-cluster");
    assert_eq!((judged(3).level, judged(3).code.id), (Level::Ok, "ok"), "{}", judged(3).message);
    assert_eq!((judged(2).level, judged(2).code.id), (Level::Warn, "kafka-controllers-not-ready"));
    assert_eq!((judged(1).level, judged(1).code.id), (Level::Fail, "kafka-quorum-lost"), "{}", judged(1).message);
}

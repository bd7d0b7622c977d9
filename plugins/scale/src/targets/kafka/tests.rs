//! Plans of Kafka: node ids, what forbids a change, and what moves partitions; how far one is.

use super::progress;
use crate::plan::{Gate, Write};
use crate::progress::{Look, Progress};
use crate::testing::{draft, now, plan, refused};
use jiff::Timestamp;
use mlops_shared::object::{Decoded, Inventory, InventoryBuilder, Scope, decode_object};
use mlops_shared::platform::Platform;
use mlops_shared::report::{Level, Plan, PlanState, Risk};
use serde_json::value::RawValue;
use serde_json::{Value, json};

const UP: &[&str] = &["plan", "knp/broker", "--replicas", "5"];
const DOWN: &[&str] = &["plan", "knp/broker", "--replicas", "2"];

/// A cluster of three controllers and three brokers, with an operator, a topic and room.
fn cluster() -> String {
    r#"
apiVersion: kafka.strimzi.io/v1
kind: Kafka
metadata: {name: k, namespace: a, generation: 3, annotations: {KAFKA-ANNOTATIONS: ""}}
spec:
  CRUISE: {}
  kafka: {version: 4.2.0, config: {default.replication.factor: 2, min.insync.replicas: 1}}
status:
  observedGeneration: 3
  conditions: [{type: Ready, status: "True"}]
  autoRebalance: {state: Idle}
---
apiVersion: kafka.strimzi.io/v1
kind: KafkaNodePool
metadata: {name: controller, namespace: a, generation: 1, labels: {strimzi.io/cluster: k}}
spec: {replicas: 3, roles: [controller], storage: {type: ephemeral}}
status: {observedGeneration: 1, nodeIds: [0, 1, 2], replicas: 3, roles: [controller]}
---
apiVersion: kafka.strimzi.io/v1
kind: KafkaNodePool
metadata:
  name: broker
  namespace: a
  generation: 1
  labels: {strimzi.io/cluster: k}
  annotations: {POOL-ANNOTATIONS: ""}
  managedFields: [{manager: ada, operation: Update, fieldsV1: {"f:spec": {"f:replicas": {}}}}]
spec:
  replicas: 3
  roles: [broker]
  resources: {requests: {cpu: "1", memory: 1Gi}}
  storage: {type: jbod, volumes: [{id: 0, type: persistent-claim, size: 10Gi, class: fast}]}
status: {observedGeneration: 1, nodeIds: [3, 4, 5], replicas: 3, roles: [broker], labelSelector: x=y}
---
apiVersion: kafka.strimzi.io/v1
kind: KafkaTopic
metadata: {name: orders, namespace: a, generation: 1, labels: {strimzi.io/cluster: k}}
spec: {partitions: 3, replicas: 2}
status: {observedGeneration: 1, conditions: [{type: Ready, status: "True"}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: strimzi-cluster-operator, namespace: ops, generation: 1}
spec: {replicas: 1}
status: {observedGeneration: 1, replicas: 1, readyReplicas: 1, updatedReplicas: 1, availableReplicas: 1}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: fast}
provisioner: p
---
apiVersion: v1
kind: Node
metadata: {name: n1}
status: {allocatable: {cpu: "8", memory: 32Gi, pods: "110"}, conditions: [{type: Ready, status: "True"}]}
"#
    .replace("CRUISE", "cruiseControl")
}

fn with(from: &str, to: &str) -> String {
    let before = cluster();
    assert!(before.contains(from), "{from}");
    before.replace(from, to)
}

fn rebalance(mode: &str, brokers: &str, state: &str, status: &str) -> String {
    cluster()
        + &format!(
            "---\napiVersion: kafka.strimzi.io/v1\nkind: KafkaRebalance\nmetadata: {{name: r, namespace: a, generation: 1, labels: \
             {{strimzi.io/cluster: k}}}}\nspec: {{mode: {mode}, brokers: {brokers}}}\nstatus: {{observedGeneration: 1, conditions: \
             [{{type: {state}, status: '{status}', lastTransitionTime: '2026-11-20T02:00:00Z'}}]}}\n"
        )
}

fn words<'a>(base: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    base.iter().chain(more).copied().collect()
}

fn codes(plan: &Plan) -> Vec<&str> {
    plan.refusals.iter().map(|refusal| refusal.code.as_str()).collect()
}

fn verdict(plan: &Plan, check: &str) -> Level {
    plan.preflight.iter().find(|it| it.check == check).unwrap_or_else(|| panic!("no {check}: {plan:?}")).verdict
}

fn effect(plan: &Plan) -> &str {
    &plan.steps.iter().find(|step| step.action == "scale").unwrap_or_else(|| panic!("{plan:?}")).effect
}

#[test]
fn a_cluster_leads_to_its_one_pool_of_brokers() {
    let found = plan(&cluster(), &["plan", "kafka/k", "--brokers", "5"]);
    assert_eq!(found.request, "scale KafkaNodePool/a/broker from 3 to 5");
    assert_eq!(found.state, PlanState::Planned, "{:?}", found.refusals);
    let two = cluster()
        + "---\napiVersion: kafka.strimzi.io/v1\nkind: KafkaNodePool\nmetadata: {name: fast, namespace: a, labels: {strimzi.io/cluster: k}}\nspec: {replicas: 1, roles: [broker]}\n";
    let failure = refused(&two, &["plan", "kafka/k", "--brokers", "5"]);
    assert!(failure.message.contains("broker (3 nodes), fast (1 node)"), "{failure:?}");
    assert!(failure.hints[0].contains("kafkanodepool/"), "{failure:?}");
    let none = with("roles: [broker]\n", "roles: [controller]\n");
    assert!(refused(&none, &["plan", "kafka/k", "--brokers", "5"]).message.contains("no node pool of brokers"));
}

#[test]
fn new_brokers_have_ids_room_and_volumes_and_stay_empty() {
    let up = plan(&cluster(), UP);
    assert_eq!(up.state, PlanState::Planned, "{:?}", up.refusals);
    assert!(effect(&up).contains("brokers 6 and 7 (pods k-broker-6, k-broker-7)"), "{}", effect(&up));
    assert_eq!((verdict(&up, "capacity"), verdict(&up, "storage")), (Level::Ok, Level::Ok));
    let storage = up.preflight.iter().find(|it| it.check == "storage").expect("storage");
    assert!(storage.message.starts_with("2 new claims with 20Gi"), "{}", storage.message);
    let left = cluster()
        + "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data-0-k-broker-6, namespace: a}\nspec: {volumeName: pv}\nstatus: {phase: Bound}\n";
    let again = plan(&left, UP);
    let volumes = again.preflight.iter().find(|it| it.check == "volumes").expect("volumes");
    assert!(volumes.verdict == Level::Warn && volumes.evidence[0].contains("data-0-k-broker-6"), "{volumes:?}");
    let storage = again.preflight.iter().find(|it| it.check == "storage").expect("storage");
    assert!(storage.message.starts_with("1 new claim with 10Gi"), "{}", storage.message);
    assert_eq!(verdict(&up, "balance"), Level::Warn);
    let gap = plan(&with("nodeIds: [0, 1, 2]", "nodeIds: [0, 1]"), UP);
    assert!(effect(&gap).contains("brokers 2 and 6"), "{}", effect(&gap));
    let asked = plan(&with("POOL-ANNOTATIONS: \"\"", "strimzi.io/next-node-ids: '[10-19]'"), UP);
    assert!(effect(&asked).contains("brokers 10 and 11"), "{}", effect(&asked));
    let high = plan(&with("POOL-ANNOTATIONS: \"\"", "strimzi.io/next-node-ids: '[1000]'"), UP);
    assert_eq!(codes(&high), ["id-too-high"]);
    let odd = plan(&with("POOL-ANNOTATIONS: \"\"", "strimzi.io/next-node-ids: '10'"), UP);
    assert_eq!(verdict(&odd, "nodes"), Level::Warn);
    let unknown = plan(&with("nodeIds: [3, 4, 5], ", ""), UP);
    assert_eq!(verdict(&unknown, "nodes"), Level::Unknown);
    assert!(unknown.is_unsure());
    let big = plan(&with("cpu: \"1\"", "cpu: \"9\""), UP);
    assert_eq!(codes(&big), ["capacity-forbids"]);
    let by_itself = with("cruiseControl: {}", "cruiseControl: {autoRebalance: [{mode: add-brokers}]}");
    assert_eq!(verdict(&plan(&by_itself, UP), "balance"), Level::Ok);
}

#[test]
fn controllers_are_not_scaled() {
    let controllers = plan(&cluster(), &["plan", "kafkanodepool/controller", "--replicas", "5"]);
    assert_eq!(codes(&controllers), ["controllers-do-not-scale"]);
    let dual = plan(&with("roles: [broker]\n", "roles: [controller, broker]\n"), UP);
    assert_eq!(codes(&dual), ["controllers-do-not-scale"]);
    assert!(dual.refusals[0].reason.contains("controllers too"));
    let forced = plan(&cluster(), &words(&["plan", "knp/controller", "--replicas", "5"], &["--ignore-preflight"]));
    assert_eq!(codes(&forced), ["controllers-do-not-scale"], "nothing overrides it");
}

#[test]
fn nobody_acts_on_a_paused_cluster_or_without_an_operator() {
    let paused = plan(&with("KAFKA-ANNOTATIONS: \"\"", "strimzi.io/pause-reconciliation: 'true'"), UP);
    assert_eq!(codes(&paused), ["paused"]);
    let down = plan(&with("readyReplicas: 1, updatedReplicas: 1, availableReplicas: 1", "readyReplicas: 0"), UP);
    assert_eq!(codes(&down), ["operator-down"]);
    let behind = plan(&with("observedGeneration: 3", "observedGeneration: 2"), UP);
    assert_eq!(codes(&behind), ["operator-behind"]);
    let nobody = plan(&with("name: strimzi-cluster-operator", "name: other"), UP);
    assert_eq!(verdict(&nobody, "operator"), Level::Unknown);
    let orphan = plan(&with("labels: {strimzi.io/cluster: k}\n  annotations", "labels: {}\n  annotations"), UP);
    assert_eq!(codes(&orphan), ["no-cluster"]);
    let gone = plan(&with("metadata: {name: k,", "metadata: {name: other,"), UP);
    assert_eq!(codes(&gone), ["cluster-missing"]);
}

#[test]
fn brokers_go_only_once_they_are_empty() {
    let down = plan(&cluster(), DOWN);
    assert_eq!(codes(&down), ["not-drained"]);
    assert!(down.refusals[0].reason.contains("broker 5 "), "{:?}", down.refusals);
    let command = down.refusals[0].command.as_deref().unwrap_or_default();
    assert!(command.ends_with("--replicas 2 --rebalance"), "{command}");
    let forced = plan(&cluster(), &words(DOWN, &["--ignore-preflight"]));
    assert_eq!((forced.state, verdict(&forced, "drained")), (PlanState::Planned, Level::Warn));
    let done = plan(&rebalance("remove-brokers", "[5]", "Ready", "True"), DOWN);
    assert_eq!((done.state, verdict(&done, "drained"), done.risk()), (PlanState::Planned, Level::Ok, Risk::Disruption));
    for (mode, brokers, state, status) in [
        ("remove-brokers", "[4]", "Ready", "True"),
        ("add-brokers", "[5]", "Ready", "True"),
        ("remove-brokers", "[5]", "Rebalancing", "True"),
        ("remove-brokers", "[5]", "NotReady", "True"),
    ] {
        let plan = plan(&rebalance(mode, brokers, state, status), DOWN);
        assert_eq!(codes(&plan), ["not-drained"], "{mode} {brokers} {state}");
    }
    let by_itself = with("cruiseControl: {}", "cruiseControl: {autoRebalance: [{mode: remove-brokers}]}");
    assert_eq!(verdict(&plan(&by_itself, DOWN), "drained"), Level::Ok);
    let chosen = plan(&with("POOL-ANNOTATIONS: \"\"", "strimzi.io/remove-node-ids: '[3]'"), DOWN);
    assert!(chosen.refusals[0].reason.contains("broker 3 "), "{:?}", chosen.refusals);
    let without = plan(&with("cruiseControl", "other"), DOWN);
    assert_eq!(codes(&without), ["not-drained"]);
    assert!(without.refusals[0].hints[0].contains("no Cruise Control"));
}

#[test]
fn a_rebalance_comes_before_brokers_go_and_after_they_came() {
    let down = draft(&cluster(), &words(DOWN, &["--rebalance"]));
    assert_eq!(down.plan.state, PlanState::Planned, "{:?}", down.plan.refusals);
    let actions: Vec<&str> = down.plan.steps.iter().map(|step| step.action.as_str()).collect();
    assert_eq!(actions, ["mark", "create", "wait", "scale"]);
    let Write::Create { object, .. } = &down.writes[1] else { panic!("{:?}", down.writes) };
    assert_eq!(object["spec"], json!({"mode": "remove-brokers", "brokers": [5]}));
    assert_eq!(object["metadata"]["labels"]["strimzi.io/cluster"], "k");
    assert_eq!(object["metadata"]["annotations"]["strimzi.io/rebalance-auto-approval"], "true");
    let name = object["metadata"]["name"].as_str().expect("a name").to_owned();
    assert_eq!(down.writes[2], Write::Await(Gate::Rebalance(name)));
    let up = draft(&cluster(), &words(UP, &["--rebalance"]));
    let actions: Vec<&str> = up.plan.steps.iter().map(|step| step.action.as_str()).collect();
    assert_eq!(actions, ["mark", "scale", "wait", "create", "wait"]);
    assert_eq!(up.writes[2], Write::Await(Gate::Settled));
    let Write::Create { object, .. } = &up.writes[3] else { panic!("{:?}", up.writes) };
    assert_eq!(object["spec"], json!({"mode": "add-brokers", "brokers": [6, 7]}));
    for base in [UP, DOWN] {
        let without = plan(&with("cruiseControl", "other"), &words(base, &["--rebalance"]));
        assert_eq!(codes(&without), ["no-cruise-control"]);
    }
    // One that runs is waited for; another one is in the way.
    let same = draft(&rebalance("remove-brokers", "[5]", "Rebalancing", "True"), &words(DOWN, &["--rebalance"]));
    assert_eq!(same.writes[1], Write::Await(Gate::Rebalance("r".to_owned())), "{:?}", same.plan);
    for (mode, state) in [("full", "Rebalancing"), ("remove-brokers", "ProposalReady")] {
        let busy = plan(&rebalance(mode, "[5]", state, "True"), &words(DOWN, &["--rebalance"]));
        assert_eq!(codes(&busy), ["rebalance-runs"], "{mode} {state}");
    }
    let moving = with("state: Idle", "state: RebalanceOnScaleUp");
    assert_eq!(codes(&plan(&moving, &words(DOWN, &["--rebalance"]))), ["rebalance-runs"]);
    assert!(crate::testing::flags(&words(DOWN, &["--rebalance", "--timeout", "0"])).is_err());
}

#[test]
fn what_needs_more_brokers_than_are_left_forbids_it() {
    let forced = &["--ignore-preflight"];
    let to = |replicas: &'static str| words(&["plan", "knp/broker", "--replicas", replicas], forced);
    assert_eq!(codes(&plan(&cluster(), &to("1"))), ["too-few-for-replicas"], "a topic has two replicas");
    assert_eq!(
        codes(&plan(&with("partitions: 3, replicas: 2", "partitions: 3, replicas: 3"), &to("2"))),
        ["too-few-for-replicas"]
    );
    let default = with("default.replication.factor: 2", "default.replication.factor: '3'");
    let found = plan(&default, &to("2"));
    assert!(found.refusals[0].reason.contains("default.replication.factor is 3"), "{found:?}");
    let least = with("replicas: 2}", "replicas: 2, config: {min.insync.replicas: 2}}");
    assert_eq!(verdict(&plan(&least, &to("2")), "replication"), Level::Warn);
    assert_eq!(verdict(&plan(&cluster(), &to("2")), "replication"), Level::Ok);
    assert_eq!(codes(&plan(&cluster(), &to("0"))), ["no-broker-left"]);
    // Brokers of another pool count.
    let other = cluster()
        + "---\napiVersion: kafka.strimzi.io/v1\nkind: KafkaNodePool\nmetadata: {name: other, namespace: a, labels: {strimzi.io/cluster: k}}\nspec: {replicas: 2, roles: [broker]}\nstatus: {nodeIds: [8, 9]}\n";
    assert_eq!(verdict(&plan(&other, &to("1")), "replication"), Level::Ok);
}

#[test]
fn what_the_operator_holds_back_is_not_asked_for_again() {
    let held = with(
        "conditions: [{type: Ready, status: \"True\"}]\n  autoRebalance",
        "conditions: [{type: Warning, status: \"True\", reason: ScaleDownPreventionCheck, message: 'Cannot scale-down 5'}, {type: Ready, status: \"True\"}]\n  autoRebalance",
    );
    let plan = plan(&held, &words(DOWN, &["--ignore-preflight"]));
    assert_eq!(codes(&plan), ["scale-down-prevented"]);
}

#[test]
fn nobody_looking_is_a_loss_of_data() {
    let skips = with("KAFKA-ANNOTATIONS: \"\"", "strimzi.io/skip-broker-scaledown-check: 'true'");
    assert_eq!(draft(&skips, &words(DOWN, &["--ignore-preflight"])).plan.risk(), Risk::DataLoss);
    assert_eq!(draft(&skips, &words(DOWN, &["--rebalance"])).plan.risk(), Risk::Disruption);
}

#[test]
fn clusters_of_the_zookeeper_era_have_their_replicas_themselves() {
    let old = r#"
apiVersion: kafka.strimzi.io/v1beta2
kind: Kafka
metadata: {name: k, namespace: a, generation: 1, managedFields: [{manager: ada, operation: Update, fieldsV1: {"f:spec": {"f:kafka": {"f:replicas": {}}}}}]}
spec: {zookeeper: {replicas: 3}, cruiseControl: {}, kafka: {replicas: 3, storage: {type: ephemeral}}}
status: {observedGeneration: 1, conditions: [{type: Ready, status: "True"}]}
"#;
    let up = draft(old, &["plan", "kafka/k", "--brokers", "4"]);
    assert_eq!(up.plan.request, "scale Kafka/a/k from 3 to 4");
    let scale = up.plan.steps.last().expect("a step");
    assert!(scale.effect.contains("broker 3 (pod k-kafka-3)"), "{}", scale.effect);
    assert_eq!(up.writes.last(), Some(&Write::Change(json!({"spec": {"kafka": {"replicas": 4}}}))));
    let down = plan(old, &["plan", "kafka/k", "--brokers", "2"]);
    assert_eq!(codes(&down), ["not-drained"]);
    let failure = refused(&cluster(), &["plan", "kafka/k", "--executors", "2"]);
    assert!(failure.message.contains("--executors does not go with KafkaNodePool"), "{failure:?}");
}

fn pods(ready: usize, unready: usize) -> Inventory {
    let mut builder = InventoryBuilder::new(Scope::Cluster, false);
    let section = mlops_shared::object::Section {
        group: "".into(),
        kind: "Pod".into(),
        resource: "pods".into(),
        state: mlops_shared::object::SectionState::Read(ready + unready),
    };
    builder.section(section);
    for index in 0..ready + unready {
        let status = if index < ready { "True" } else { "False" };
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": format!("p{index}"), "namespace": "a"},
            "spec": {"containers": [{"name": "kafka", "image": "i"}]},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": status}]}});
        let raw = RawValue::from_string(pod.to_string()).expect("JSON");
        builder.push(decode_object(&raw).filter(|it| matches!(it, Decoded::Object(_))).expect("a pod"));
    }
    builder.finish()
}

fn look(pods: &Inventory, (wanted, nodes): (u32, u32), kafka: &Value) -> Progress {
    let platform = Platform::built_in();
    let json = json!({"metadata": {"generation": 2}, "status": {"observedGeneration": 2}});
    let now: Timestamp = now();
    let look = Look {
        json: &json,
        before: &json,
        beside: Some(kafka),
        wanted,
        current: nodes,
        goal: 2,
        path: None,
        manager: "mlops",
        pods,
        platform: &platform,
        now,
    };
    progress(&look, nodes)
}

#[test]
fn the_operators_refusal_ends_the_waiting() {
    let held = json!({"status": {"conditions": [{"type": "Warning", "status": "True", "reason": "ScaleDownPreventionCheck",
        "message": "Reverting scale-down"}, {"type": "Ready", "status": "True"}]}});
    let well = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}});
    let refused = look(&pods(3, 0), (2, 3), &held);
    assert!(matches!(&refused, Progress::Refused { why, .. } if why.contains("Reverting scale-down")), "{refused:?}");
    assert!(matches!(look(&pods(3, 0), (2, 3), &well), Progress::Waiting { .. }));
    assert!(matches!(look(&pods(1, 1), (2, 2), &well), Progress::Waiting { .. }));
    assert!(matches!(look(&pods(3, 0), (2, 2), &well), Progress::Waiting { .. }), "a pod that has not gone yet");
    assert_eq!(look(&pods(2, 0), (2, 2), &well), Progress::Reached);
    assert!(matches!(look(&pods(2, 0), (3, 3), &well), Progress::Reverted { to: 3, .. }));
    let unread = InventoryBuilder::new(Scope::Cluster, false).finish();
    assert_eq!(look(&unread, (2, 2), &well), Progress::Reached);
    assert!(matches!(look(&unread, (2, 2), &json!({})), Progress::Waiting { .. }));
}

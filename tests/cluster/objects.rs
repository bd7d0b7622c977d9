//! Objects are there as they were written, statuses too.

use mlops_tests::control_plane::{condition, shared_objects_only};
use mlops_tests::crds::CrdSet;
use serde_json::json;

#[test]
fn every_crd_is_served_under_its_names() {
    let control_plane = shared_objects_only();
    let known = control_plane.kubectl(&["api-resources", "--no-headers"]).expect("kubectl runs");
    for (short, plural, api_version) in [
        ("k", "kafkas", "kafka.strimzi.io/v1"),
        ("knp", "kafkanodepools", "kafka.strimzi.io/v1"),
        ("sps", "strimzipodsets", "core.strimzi.io/v1"),
        ("kt", "kafkatopics", "kafka.strimzi.io/v1"),
        ("tenant", "tenants", "minio.min.io/v2"),
        ("sparkapp", "sparkapplications", "sparkoperator.k8s.io/v1beta2"),
        ("scheduledsparkapp", "scheduledsparkapplications", "sparkoperator.k8s.io/v1beta2"),
        ("cert,certs", "certificates", "cert-manager.io/v1"),
        ("prom", "prometheuses", "monitoring.coreos.com/v1"),
        ("vs", "volumesnapshots", "snapshot.storage.k8s.io/v1"),
        ("ks", "kustomizations", "kustomize.toolkit.fluxcd.io/v1"),
        ("hr", "helmreleases", "helm.toolkit.fluxcd.io/v2"),
        ("gitrepo", "gitrepositories", "source.toolkit.fluxcd.io/v1"),
    ] {
        let line = known.lines().find(|line| line.split_whitespace().next() == Some(plural));
        let line = line.unwrap_or_else(|| panic!("no {plural} in:\n{known}"));
        let fields: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(fields[1..3], [short, api_version], "{plural}");
    }
    let old = control_plane.api().resources("kafka.strimzi.io/v1beta2").expect("an answer");
    assert!(old.iter().any(|resource| resource.kind == "Kafka"), "v1beta2 is served too");
    assert!(CrdSet::ALL.len() >= 7);
}

#[test]
fn a_status_is_written_for_custom_and_built_in_kinds() {
    let control_plane = shared_objects_only();
    let api = control_plane.api();
    let applied = api
        .apply(
            r#"
apiVersion: kafka.strimzi.io/v1
kind: KafkaNodePool
metadata: {name: broker, namespace: written, generation: 7, uid: aaaa}
spec: {replicas: 3, roles: [broker], storage: {type: ephemeral}}
status: {observedGeneration: 6, replicas: 2, nodeIds: [0, 1], conditions: [{type: Ready, status: "False"}]}
---
apiVersion: v1
kind: Pod
metadata:
  name: broker-0
  namespace: written
  ownerReferences: [{apiVersion: kafka.strimzi.io/v1, kind: KafkaNodePool, name: broker, uid: aaaa}]
spec: {containers: [{name: kafka, image: "example.invalid/kafka:1"}]}
status: {phase: Running, conditions: [{type: Ready, status: "False", reason: ContainersNotReady}]}
---
apiVersion: v1
kind: Node
metadata: {name: written-node}
status: {conditions: [{type: Ready, status: Unknown, reason: NodeStatusUnknown}]}
"#,
        )
        .expect("applied");
    assert_eq!(applied.objects.len(), 3);
    let pool = api.get("kafka.strimzi.io/v1", "KafkaNodePool", "written", "broker").expect("read").expect("there");
    assert_eq!(pool["metadata"]["generation"], json!(1));
    assert_eq!(pool["status"]["observedGeneration"], json!(0), "one behind, as written");
    assert_eq!(pool["status"]["nodeIds"], json!([0, 1]));
    let pod = api.get("v1", "Pod", "written", "broker-0").expect("read").expect("there");
    assert_eq!(pod["status"]["phase"], "Running");
    assert_eq!(pod["metadata"]["ownerReferences"][0]["uid"], pool["metadata"]["uid"], "the owner's uid here");
    let node = api.get("v1", "Node", "", "written-node").expect("read").expect("there");
    assert_eq!(condition(&node, "Ready"), Some("Unknown"));
    let scale = control_plane
        .kubectl(&["get", "--raw", "/apis/kafka.strimzi.io/v1/namespaces/written/kafkanodepools/broker/scale"])
        .expect("a scale subresource");
    let scale: serde_json::Value = serde_json::from_str(&scale).expect("JSON");
    assert_eq!((&scale["spec"]["replicas"], &scale["status"]["replicas"]), (&json!(3), &json!(2)));
}

#[test]
fn what_is_being_deleted_stays_so() {
    let api = shared_objects_only().api();
    api.apply(
        r#"
apiVersion: v1
kind: Namespace
metadata: {name: going, deletionTimestamp: "2026-01-01T00:00:00Z"}
status: {phase: Terminating, conditions: [{type: NamespaceFinalizersRemaining, status: "True"}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: going, namespace: going, deletionTimestamp: "2026-01-01T00:00:00Z"}
"#,
    )
    .expect("applied");
    let namespace = api.get("v1", "Namespace", "", "going").expect("read").expect("there");
    assert_eq!(namespace["status"]["phase"], "Terminating");
    assert_eq!(condition(&namespace, "NamespaceFinalizersRemaining"), Some("True"));
    let map = api.get("v1", "ConfigMap", "going", "going").expect("read").expect("there");
    assert!(map["metadata"]["deletionTimestamp"].is_string());
}

#[test]
fn what_the_real_kind_refuses_is_refused() {
    let api = shared_objects_only().api();
    for (why, object) in [
        (
            "a role",
            json!({"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaNodePool", "metadata": {"name": "x"},
            "spec": {"replicas": 1, "roles": ["king"], "storage": {"type": "ephemeral"}}}),
        ),
        ("no pools", json!({"apiVersion": "minio.min.io/v2", "kind": "Tenant", "metadata": {"name": "x"}, "spec": {}})),
        (
            "a type",
            json!({"apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication", "metadata": {"name": "x"},
            "spec": {"type": "Cobol", "sparkVersion": "4", "driver": {}, "executor": {}}}),
        ),
    ] {
        let error = api.apply_object(&object).expect_err(why);
        assert!(format!("{error:#}").contains("422"), "{why}: {error:#}");
    }
}

//! `kubectl mlops backup kafka` and `backup snapshots` against a real API server: what makes up a Kafka and nothing else is
//! saved and comes back in its order; snapshots are made, waited for and kept. A scripted `kubectl` stands for the brokers, the
//! test for the snapshot controller.

use crate::restore::{backup, command, json_of, keys};
use mlops_tests::control_plane::{ControlPlane, shared_objects_only};
use mlops_tests::proxy::Proxy;
use mlops_tests::users::User;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(60);
const STRIMZI: &str = "kafka.strimzi.io/v1";
const SNAPSHOTS: &str = "snapshot.storage.k8s.io/v1";

/// A Kafka with all that it needs, and beside it what is none of its.
fn kafka(plane: &ControlPlane, namespace: &str) {
    let api = plane.api();
    let meta = |name: &str| json!({"name": name, "namespace": namespace});
    let mine = |name: &str| json!({"name": name, "namespace": namespace, "labels": {"strimzi.io/cluster": "events"}});
    let secret = |name: &str, data: Value| json!({"apiVersion": "v1", "kind": "Secret", "metadata": meta(name), "stringData": data});
    let certificate = rcgen::generate_simple_self_signed(vec!["ca".to_owned()]).expect("a certificate").cert.pem();
    let mut objects = vec![
        json!({"apiVersion": STRIMZI, "kind": "Kafka", "metadata": meta("events"), "spec": {"kafka": {"version": "4.1.0",
            "listeners": [{"name": "plain", "port": 9092, "type": "internal", "tls": false}],
            "metricsConfig": {"type": "jmx", "valueFrom": {"configMapKeyRef": {"name": "metrics", "key": "m"}}}}}}),
        json!({"apiVersion": STRIMZI, "kind": "KafkaNodePool", "metadata": mine("brokers"), "spec": {"replicas": 1, "roles": ["broker", "controller"],
            "storage": {"type": "persistent-claim", "size": "1Gi"}}}),
        json!({"apiVersion": STRIMZI, "kind": "KafkaTopic", "metadata": mine("orders"), "spec": {"partitions": 3, "replicas": 1}}),
        json!({"apiVersion": STRIMZI, "kind": "KafkaUser", "metadata": mine("shop"), "spec": {"authentication": {"type": "scram-sha-512"}}}),
        json!({"apiVersion": STRIMZI, "kind": "KafkaTopic", "metadata": meta("of-another"), "spec": {"partitions": 1, "replicas": 1}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta("metrics"), "data": {"m": "x"}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta("of-another"), "data": {"m": "x"}}),
        secret("shop", json!({"password": "CANARY-of-a-restore"})),
        secret("of-another", json!({"password": "CANARY-of-a-restore"})),
    ];
    for name in ["cluster-ca", "clients-ca"] {
        objects.push(secret(&format!("events-{name}"), json!({"ca.key": "CANARY-of-a-restore"})));
        objects.push(secret(&format!("events-{name}-cert"), json!({"ca.crt": certificate})));
    }
    api.apply_objects(objects).expect("made");
    let ready = json!([{"type": "Ready", "status": "True"}]);
    for (kind, name, status) in [
        ("Kafka", "events", json!({"clusterId": "cluster-1", "conditions": ready})),
        ("KafkaNodePool", "brokers", json!({"nodeIds": [0], "clusterId": "cluster-1"})),
        ("KafkaTopic", "orders", json!({"conditions": ready})),
        ("KafkaUser", "shop", json!({"secret": "shop", "conditions": ready})),
    ] {
        api.patch_status(STRIMZI, kind, namespace, name, &status).expect("status");
    }
}

/// A `kubectl` that answers for the scripts in a broker's pod, and for nothing else.
fn brokers(folder: &Path, topics: &str) -> String {
    let bin = folder.join("bin");
    std::fs::create_dir_all(&bin).expect("folder");
    let script = format!(
        r#"#!/bin/sh
case "$*" in
*"--container=kafka events-brokers-0 -- bin/kafka-topics.sh --bootstrap-server localhost:9092 --describe") printf '{topics}' ;;
*"bin/kafka-configs.sh --bootstrap-server localhost:9092 --entity-type topics --describe")
  printf 'Dynamic configs for topic Audit_Log are:\n  retention.ms=7 sensitive=false synonyms={{DYNAMIC_TOPIC_CONFIG:retention.ms=7}}\n' ;;
*"bin/kafka-metadata-quorum.sh --bootstrap-server localhost:9092 describe --status") printf 'ClusterId:   cluster-1\nLeaderId:  0\n' ;;
*) echo "no such command" >&2; exit 64 ;;
esac
"#
    );
    let path = bin.join("kubectl");
    std::fs::write(&path, script).expect("script");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("permissions");
    bin.to_string_lossy().into_owned()
}

const TOPICS: &str = r"Topic: orders\tTopicId: a\tPartitionCount: 1\tReplicationFactor: 1\tConfigs: \n\tTopic: orders\tPartition: 0\tLeader: 0\nTopic: Audit_Log\tTopicId: b\tPartitionCount: 1\tReplicationFactor: 1\tConfigs: \n\tTopic: Audit_Log\tPartition: 0\tLeader: 0\n";

#[test]
fn a_kafka_is_saved_with_all_that_it_needs_and_comes_back_in_its_order() {
    let plane = shared_objects_only();
    let api = plane.api();
    let namespace = api.new_namespace("kafka").expect("namespace");
    kafka(plane, &namespace);
    let folder = tempfile::tempdir().expect("folder");
    let config = plane.kubeconfig(User::Admin).expect("kubeconfig");
    let (recipient, key) = keys(folder.path());

    let path = brokers(folder.path(), TOPICS);
    let flags = ["kafka", "events", "-n", &namespace, "--describe", "--recipient", &recipient, "-o", "json"];
    let made = command(&config, folder.path(), &flags).env("PATH", &path).output().expect("runs");
    assert!(!String::from_utf8_lossy(&made.stdout).contains("CANARY"));
    let report = json_of(&made);
    assert_eq!(made.status.code(), Some(0), "{report} {}", String::from_utf8_lossy(&made.stderr));
    let cluster = &report["clusters"][0];
    assert_eq!((&cluster["clusterId"], &cluster["carriesIdentity"]), (&json!("cluster-1"), &json!(true)));
    assert!(
        cluster["needed"].as_array().is_some_and(|all| all.iter().all(|it| it["level"] == "OK")),
        "{}",
        cluster["needed"]
    );
    let told = &cluster["brokers"];
    assert_eq!(
        told["undeclared"],
        json!([{"name": "Audit_Log", "partitions": 1, "replicas": 1, "configs": {"retention.ms": "7"}}])
    );
    assert_eq!(told["differing"], json!(["orders: partitions 3 declared, 1 there"]));

    // Exactly what makes it up: 4 of Strimzi's, 5 Secrets, a ConfigMap, the namespace.
    let archive = report["backup"]["archive"].as_str().expect("a path").to_owned();
    let manifest = &report["backup"]["manifest"];
    assert_eq!((&manifest["objects"], &manifest["partial"]), (&json!(11), &json!(false)), "{manifest}");
    assert_eq!(manifest["scope"]["of"], format!("Kafka/{namespace}/events"));
    let same = backup(&config, folder.path(), &["diff", &archive, "live", "--identity", &key]);
    assert_eq!(same.status.code(), Some(0), "{}", String::from_utf8_lossy(&same.stdout));

    // What nobody declares, for Git.
    let flags = ["kafka", "events", "-n", &namespace, "--describe", "--topic-manifests"];
    let yaml = command(&config, folder.path(), &flags).env("PATH", &path).output().expect("runs");
    let yaml = String::from_utf8(yaml.stdout).expect("UTF-8");
    api.apply(&yaml).expect("a manifest that the API server takes");
    assert!(yaml.contains("\"topicName\": \"Audit_Log\""), "{yaml}");

    // Half an answer is none.
    let half = brokers(folder.path(), &TOPICS[..TOPICS.len() - 40]);
    let flags = ["kafka", "events", "-n", &namespace, "--describe", "--check", "-o", "json"];
    let made = command(&config, folder.path(), &flags).env("PATH", &half).output().expect("runs");
    assert_eq!(made.status.code(), Some(3), "{}", String::from_utf8_lossy(&made.stdout));
    assert!(json_of(&made)["clusters"][0]["brokers"]["gaps"][0].is_string());

    // Into a namespace that is not there yet: Secrets before pools before the Kafka, paused until its id is back.
    let proxy = Proxy::start(plane).expect("proxy");
    let through = proxy.kubeconfig(User::Admin).expect("kubeconfig");
    let other = format!("{namespace}-again");
    let map = format!("{namespace}={other}");
    let done = backup(
        &through,
        folder.path(),
        &["restore", &archive, "--identity", &key, "--map-namespace", &map, "--yes", "-o", "json"],
    );
    assert_eq!(
        done.status.code(),
        Some(0),
        "{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
    let requests = proxy.requests();
    let posts: Vec<&str> = requests.iter().filter(|it| it.method == "POST").map(|it| it.path()).collect();
    let at = |plural: &str| {
        let of = |path: &&str| path.split('?').next().unwrap_or_default().ends_with(&format!("/{plural}"));
        let found: Vec<usize> = (0..posts.len()).filter(|index| of(&posts[*index])).collect();
        assert!(!found.is_empty(), "{plural}: {posts:?}");
        found
    };
    let (secrets, pools, kafkas, users) = (at("secrets"), at("kafkanodepools"), at("kafkas"), at("kafkausers"));
    assert!(
        secrets.iter().max() < pools.first() && pools.first() < kafkas.first() && kafkas.first() < users.first(),
        "{posts:?}"
    );
    let restored = api.get(STRIMZI, "Kafka", &other, "events").expect("got").expect("there");
    assert_eq!(restored["status"]["clusterId"], "cluster-1");
    assert!(restored["metadata"]["annotations"]["strimzi.io/pause-reconciliation"].is_null(), "{restored}");
    let secret = api.get("v1", "Secret", &other, "events-cluster-ca").expect("got").expect("there");
    let original = api.get("v1", "Secret", &namespace, "events-cluster-ca").expect("got").expect("there");
    assert_eq!(secret["data"], original["data"]);
    assert!(api.get("v1", "Secret", &other, "of-another").expect("got").is_none());

    // An authority that is gone cannot be made again: a finding.
    api.delete("v1", "Secret", &namespace, "events-clients-ca").expect("deleted");
    let made = backup(&config, folder.path(), &["kafka", "-n", &namespace, "--check", "-o", "json"]);
    assert_eq!(made.status.code(), Some(1), "{}", String::from_utf8_lossy(&made.stderr));
    assert!(json_of(&made)["backup"].is_null());
}

/// Claims of a driver that can snapshot, with their volumes and class.
fn claims(plane: &ControlPlane, namespace: &str, count: usize) {
    let driver = format!("{namespace}.example.com");
    let mut objects =
        vec![json!({"apiVersion": SNAPSHOTS, "kind": "VolumeSnapshotClass", "metadata": {"name": namespace},
        "driver": driver, "deletionPolicy": "Retain"})];
    for index in 0..count {
        let volume = format!("{namespace}-{index}");
        objects.push(json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": volume}, "spec": {
            "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "csi": {"driver": driver, "volumeHandle": volume}}}));
        objects.push(json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": format!("data-{index}"), "namespace": namespace,
            "labels": {"strimzi.io/cluster": "events"}}, "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "", "volumeName": volume,
            "resources": {"requests": {"storage": "1Gi"}}}}));
    }
    plane.api().apply_objects(objects).expect("made");
}

/// Runs `--create` while the test does what a snapshot controller and its driver do.
fn create(plane: &ControlPlane, folder: &Path, namespace: &str, stamp: &str, error: Option<&str>) -> Output {
    let api = plane.api();
    let config = plane.kubeconfig(User::Admin).expect("kubeconfig");
    let flags = ["snapshots", "-n", namespace, "--create", "--yes", "--now", stamp, "-o", "json"];
    let child =
        command(&config, folder, &flags).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.expect("starts");
    let run = stamp.replace([':', '-', 'Z'], "").replace('T', "-");
    for index in 0..2 {
        let name = format!("data-{index}-{run}");
        let made = api.wait_for((SNAPSHOTS, "VolumeSnapshot", namespace, &name), WITHIN, |_| true).expect("made");
        assert_eq!(
            made["spec"],
            json!({"volumeSnapshotClassName": namespace, "source": {"persistentVolumeClaimName": format!("data-{index}")}})
        );
        let status = match error.filter(|_| index == 1) {
            Some(message) => json!({"readyToUse": false, "error": {"message": message, "time": stamp}}),
            None => {
                let content = format!("content-{namespace}-{name}");
                api.apply_object(&json!({"apiVersion": SNAPSHOTS, "kind": "VolumeSnapshotContent", "metadata": {"name": content}, "spec": {
                    "driver": format!("{namespace}.example.com"), "deletionPolicy": "Retain", "source": {"volumeHandle": format!("{namespace}-{index}")},
                    "volumeSnapshotRef": {"namespace": namespace, "name": name, "uid": made["metadata"]["uid"]}}}))
                    .expect("made");
                json!({"readyToUse": true, "boundVolumeSnapshotContentName": content, "creationTime": made["metadata"]["creationTimestamp"], "restoreSize": "1Gi"})
            }
        };
        api.patch_status(SNAPSHOTS, "VolumeSnapshot", namespace, &name, &status).expect("status");
    }
    child.wait_with_output().expect("ended")
}

#[test]
fn snapshots_are_made_waited_for_and_kept() {
    let plane = shared_objects_only();
    let api = plane.api();
    let namespace = api.new_namespace("snapshots").expect("namespace");
    claims(plane, &namespace, 2);
    let folder = tempfile::tempdir().expect("folder");
    let config = plane.kubeconfig(User::Admin).expect("kubeconfig");
    let with = |flags: &[&str]| {
        backup(&config, folder.path(), &[&["snapshots", "-n", &namespace, "-o", "json"], flags].concat())
    };

    let bare = with(&[]);
    assert_eq!(bare.status.code(), Some(1), "{}", String::from_utf8_lossy(&bare.stdout));
    assert_eq!(json_of(&bare)["claims"][0]["message"], "no snapshot");
    // Without consent, and when only planned, nothing is made.
    assert_eq!(with(&["--create"]).status.code(), Some(2));
    let planned = with(&["--create", "--dry-run=client"]);
    assert_eq!((planned.status.code(), json_of(&planned)["state"].take()), (Some(0), json!("planned")));
    let tried = with(&["--create", "--dry-run=server"]);
    assert_eq!((tried.status.code(), json_of(&tried)["state"].take()), (Some(0), json!("accepted")));
    assert!(api.list(SNAPSHOTS, "VolumeSnapshot", &namespace).expect("listed").is_empty());

    let done = create(plane, folder.path(), &namespace, "2026-11-20T03:00:00Z", None);
    let plan = json_of(&done);
    assert_eq!((done.status.code(), &plan["state"]), (Some(0), &json!("done")), "{plan}");
    assert!(plan["notes"].to_string().contains("events has 2 volumes here (data-0, data-1)"), "{plan}");
    let covered = with(&[]);
    assert_eq!(covered.status.code(), Some(0), "{}", String::from_utf8_lossy(&covered.stdout));
    assert!(json_of(&covered)["claims"].as_array().is_some_and(|all| all.iter().all(|it| it["level"] == "OK")));
    // `coverage` has the same rule.
    let coverage = json_of(&backup(&config, folder.path(), &["coverage", "-n", &namespace, "-o", "json"]));
    assert_eq!(coverage["claims"], json!([]), "{coverage}");

    let failed =
        create(plane, folder.path(), &namespace, "2026-11-20T04:00:00Z", Some("quota of the array is used up"));
    let plan = json_of(&failed);
    assert_eq!((failed.status.code(), &plan["state"]), (Some(1), &json!("failed")), "{plan}");
    assert!(plan["steps"][1]["message"].to_string().contains("quota of the array"), "{plan}");
    // The same moment again: the names are taken, and what is there stays.
    let again = with(&["--create", "--yes", "--now", "2026-11-20T04:00:00Z"]);
    assert_eq!(again.status.code(), Some(1), "{}", String::from_utf8_lossy(&again.stdout));

    // Of data-0 the older goes; of data-1 the newest is not ready, so that the older one stays.
    let kept = with(&["--keep-last", "1", "--yes"]);
    let plan = json_of(&kept);
    assert_eq!(kept.status.code(), Some(0), "{plan}");
    let left: Vec<String> = api
        .list(SNAPSHOTS, "VolumeSnapshot", &namespace)
        .expect("listed")
        .iter()
        .map(|it| it["metadata"]["name"].as_str().expect("a name").to_owned())
        .collect();
    assert_eq!(left, ["data-0-20261120-040000", "data-1-20261120-030000", "data-1-20261120-040000"], "{plan}");
    for content in api.list(SNAPSHOTS, "VolumeSnapshotContent", "").expect("listed") {
        if content["spec"]["volumeSnapshotRef"]["namespace"] == namespace.as_str() {
            let name = content["metadata"]["name"].as_str().expect("a name");
            api.delete(SNAPSHOTS, "VolumeSnapshotContent", "", name).expect("deleted");
        }
    }
}

#[test]
fn the_account_of_deploy_makes_snapshots_and_reads_no_secret() {
    let plane = shared_objects_only();
    let api = plane.api();
    let namespace = api.new_namespace("snapshot-account").expect("namespace");
    claims(plane, &namespace, 1);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/rbac/snapshots.yaml");
    let roles = std::fs::read_to_string(file).expect("the role");
    let roles = roles.replace("mlops-system", &namespace).replace("mlops-snapshots", &format!("snapshots-{namespace}"));
    api.apply(&roles).expect("applied");
    let account = format!("--as=system:serviceaccount:{namespace}:snapshots-{namespace}");
    let folder = tempfile::tempdir().expect("folder");
    let config = plane.kubeconfig(User::Admin).expect("kubeconfig");
    let with = |flags: &[&str]| {
        backup(&config, folder.path(), &[&["snapshots", "-n", &namespace, "-o", "json", &account], flags].concat())
    };
    let report = with(&[]);
    assert_eq!((report.status.code(), json_of(&report)["gaps"].take()), (Some(1), json!([])));
    let made = with(&["--create", "--yes", "--timeout", "0"]);
    assert_eq!(
        made.status.code(),
        Some(0),
        "{}{}",
        String::from_utf8_lossy(&made.stdout),
        String::from_utf8_lossy(&made.stderr)
    );
    let answer = plane.kubectl(&["auth", "can-i", "list", "secrets", "-n", &namespace, &account]);
    assert!(answer.is_err(), "Secrets may be listed");
}

#[test]
fn the_roles_of_deploy_are_enough_for_a_kafka_and_its_namespace_alone() {
    let plane = shared_objects_only();
    let api = plane.api();
    let namespace = api.new_namespace("kafka-account").expect("namespace");
    kafka(plane, &namespace);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/rbac/kafka.yaml");
    let roles =
        std::fs::read_to_string(file).expect("the roles").replace("name: mlops-kafka", &format!("name: {namespace}"));
    api.apply(&roles).expect("applied");
    let user = format!("--user=saver-{namespace}");
    plane
        .kubectl(&["create", "rolebinding", "saver", "-n", &namespace, &format!("--clusterrole={namespace}"), &user])
        .expect("bound");
    let wide = format!("--clusterrole={namespace}-cluster");
    plane.kubectl(&["create", "clusterrolebinding", &namespace, &wide, &user]).expect("bound");
    let folder = tempfile::tempdir().expect("folder");
    let config = plane.kubeconfig(User::Admin).expect("kubeconfig");
    let account = format!("--as=saver-{namespace}");
    let with = |flags: &[&str]| backup(&config, folder.path(), &[&["kafka", "-o", "json", &account], flags].concat());
    let made = with(&["-n", &namespace]);
    assert_eq!(
        made.status.code(),
        Some(0),
        "{}{}",
        String::from_utf8_lossy(&made.stdout),
        String::from_utf8_lossy(&made.stderr)
    );
    // What it may not read is told, and nothing is taken for absent.
    let elsewhere = with(&["-n", "default"]);
    assert_eq!(elsewhere.status.code(), Some(3), "{}", String::from_utf8_lossy(&elsewhere.stderr));
    plane.kubectl(&["delete", "clusterrolebinding", &namespace]).expect("deleted");
}

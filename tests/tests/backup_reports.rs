//! `backup kafka` and `backup snapshots` of the dumps in `examples/`: what they say, that it is of their schemas, and that hostile text
//! does not reach a terminal.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn run(flags: &[&str], input: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_under-test-backup"))
        .env_clear()
        .env("COLUMNS", "120")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .args(flags)
        .args(["--now", "2026-11-20T03:00:00Z", "--from"])
        .arg(input)
        .output()
        .expect("runs")
}

fn checked(command: &str, schema: Value, input: &str) -> Value {
    let output = run(&[command, "-o", "json"], Path::new(input));
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let errors: Vec<String> = validator.iter_errors(&report).map(|error| error.to_string()).take(3).collect();
    assert!(errors.is_empty(), "{command} {input}: {errors:?}");
    report
}

#[test]
fn a_dump_says_which_claims_have_a_snapshot_that_would_serve() {
    for example in ["examples/healthy", "examples/degraded"] {
        let report = checked("snapshots", schemars::schema_for!(mlops_backup::SnapshotReport).into(), example);
        let claims = report["claims"].as_array().expect("claims");
        let of = |name: &str| claims.iter().find(|claim| claim["name"] == name).expect("the claim");
        assert_eq!(of("data-mlflow-postgresql-0")["level"], "WARN", "{example}");
        assert_eq!(of("data-mlflow-postgresql-0")["snapshots"][0]["deletionPolicy"], "Delete", "{example}");
        assert_eq!(of("notebook-scratch")["level"], "OK", "{example}");
        assert_eq!(of("data-mlops-tenant-pool-0-0")["message"], "no snapshot", "{example}");
    }
}

#[test]
fn a_dump_says_what_a_kafka_lacks() {
    let report = checked("kafka", schemars::schema_for!(mlops_backup::KafkaReport).into(), "examples/healthy");
    let cluster = &report["clusters"][0];
    assert_eq!(cluster["pools"][0]["nodeIds"], serde_json::json!([3, 4, 5]));
    assert_eq!(cluster["findings"][0]["object"], "Secret/mlops-kafka-cluster-clients-ca");
    let unknown = run(&["kafka", "mlops-kafka-clustr"], Path::new("examples/healthy"));
    let error = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(unknown.status.code() == Some(2) && error.contains("did you mean mlops-kafka-cluster?"), "{error}");
}

#[test]
fn hostile_text_is_made_visible_and_what_is_no_dump_ends_well() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("hostile.yaml");
    let yaml = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: \"a\\e[2J\", namespace: n}\nspec: {volumeName: v}\n---
apiVersion: snapshot.storage.k8s.io/v1\nkind: VolumeSnapshot\nmetadata: {name: s, namespace: n}
spec: {source: {persistentVolumeClaimName: \"a\\e[2J\"}}\nstatus: {readyToUse: \"yes\", restoreSize: [], error: {message: \"\\e[31mred\"}}\n---
apiVersion: kafka.strimzi.io/v1\nkind: Kafka\nmetadata: {name: \"k\\e[2J\", namespace: n}\nspec: {kafka: {listeners: 7}, zookeeper: []}\nstatus: {conditions: 5}\n---
apiVersion: kafka.strimzi.io/v1\nkind: KafkaNodePool\nmetadata: {name: p, namespace: n, labels: {strimzi.io/cluster: \"k\\e[2J\"}}
spec: {storage: {volumes: [7, {id: x}]}, roles: 3}\nstatus: {nodeIds: [\"a\", -1]}\n";
    std::fs::write(&file, yaml).expect("write");
    for (flags, words) in [(["snapshots"], "red"), (["kafka"], "no operator has said")] {
        let output = run(&flags, &file);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(matches!(output.status.code(), Some(1 | 3)), "{flags:?} {}", String::from_utf8_lossy(&output.stderr));
        assert!(!text.contains('\u{1b}') && text.contains(words), "{flags:?}: {text}");
    }
    std::fs::write(&file, "apiVersion: v1\nkind: Secret\nmetadata: {name: x, namespace: n}\ndata: 7\n").expect("write");
    assert_eq!(run(&["kafka"], &file).status.code(), Some(3));
}

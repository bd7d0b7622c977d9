//! The definitions of the audit against outside oracles: Pod Security Standards, network isolation.

use mlops_audit::network::unprotected;
use mlops_audit::record::{Record, Records, decode};
use mlops_audit::workloads::{Level, failures};
use mlops_shared::object::TypeMeta;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::sync::Arc;

fn record(object: &Value) -> Option<Record> {
    let word = |key: &str| object[key].as_str().unwrap_or_default();
    let ty = Arc::new(TypeMeta::new(word("apiVersion"), word("kind")));
    decode(&ty, &RawValue::from_string(object.to_string()).expect("JSON"))
}

#[derive(Deserialize)]
struct Pod {
    level: String,
    version: String,
    verdict: String,
    file: String,
    object: Value,
}

/// The id that a file of the oracle is named after: `hostports2.yaml`, `base_windows.yaml`.
fn is_named(id: &str, file: &str) -> bool {
    let stem = file.strip_suffix(".yaml").unwrap_or(file).trim_end_matches(|digit: char| digit.is_ascii_digit());
    let plain = |text: &str| text.to_ascii_lowercase().replace('_', "");
    let (stem, id) = (plain(stem), plain(id));
    stem == id || stem.starts_with(&id)
}

#[test]
fn every_pod_security_verdict_agrees() {
    let text = std::fs::read_to_string(super::folder().join("pod-security-standards.jsonl")).expect("the cases");
    let (mut count, mut wrong) = (0, Vec::new());
    for line in text.lines() {
        let case: Pod = serde_json::from_str(line).expect("a case a line");
        let Some(Record::Workload(workload)) = record(&case.object) else { panic!("{}: no workload", case.file) };
        let level = if case.level == "baseline" { Level::Baseline } else { Level::Restricted };
        let minor = case.version.trim_start_matches("v1.").parse().expect("a version");
        let found = failures(&workload, level, minor);
        let agrees = match case.verdict.as_str() {
            "pass" => found.is_empty(),
            // The check that the file is named after is among those that fail.
            _ => found.iter().any(|failure| is_named(failure.id, &case.file)),
        };
        count += 1;
        if !agrees {
            wrong.push(format!("{} {} {}: {} but {found:?}", case.level, case.version, case.file, case.verdict));
        }
    }
    eprintln!("{count} pod security cases, {} wrong", wrong.len());
    assert!(count > 0, "no cases");
    assert!(wrong.is_empty(), "{} of {count} disagree:\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
}

#[derive(Deserialize)]
struct Network {
    case: String,
    objects: Vec<Value>,
    unprotected: Vec<Unprotected>,
}

#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Unprotected {
    workload: String,
    direction: String,
}

#[test]
fn every_set_of_unprotected_workloads_agrees() {
    let text = std::fs::read_to_string(super::folder().join("network-isolation.jsonl")).expect("the cases");
    let (mut count, mut wrong) = (0, Vec::new());
    for line in text.lines() {
        let case: Network = serde_json::from_str(line).expect("a case a line");
        let records = Records::new(case.objects.iter().filter_map(record));
        let ours: BTreeSet<Unprotected> = unprotected(&records)
            .into_iter()
            .map(|(object, direction)| Unprotected {
                workload: format!("{}/{}[{}]", object.namespace, object.name, object.kind),
                direction: direction.word().to_owned(),
            })
            .collect();
        let theirs: BTreeSet<Unprotected> = case.unprotected.into_iter().collect();
        count += 1;
        if ours != theirs {
            wrong.push(format!("{}:\n  ours   {ours:?}\n  theirs {theirs:?}", case.case));
        }
    }
    eprintln!("{count} network cases, {} wrong", wrong.len());
    assert!(count > 0, "no cases");
    assert!(wrong.is_empty(), "{} of {count} disagree:\n{}", wrong.len(), wrong.join("\n"));
}

/// A finding that has to be there: code, object (a part of `kind/namespace/name`, or of the file) and a part of the
/// place in it.
type Fact = (&'static str, &'static str, &'static str);

/// What is true of the platform's own tree and matters to its security, fact by fact as its README and manifests
/// state them.
const FACTS: &[Fact] = &[
    // "No namespace carries Pod Security labels, and there is no NetworkPolicy."
    ("namespace-no-pod-security", "Namespace//data-plane", ""),
    ("namespace-no-pod-security", "Namespace//ml-lifecycle", ""),
    ("namespace-no-pod-security", "Namespace//observability", ""),
    ("namespace-no-pod-security", "Namespace//orchestration", ""),
    ("namespace-no-pod-security", "Namespace//platform-operators", ""),
    ("namespace-no-pod-security", "Namespace//processing-jobs", ""),
    ("netpol-no-default-deny", "Namespace//data-plane", ""),
    ("netpol-no-default-deny", "Namespace//ml-lifecycle", ""),
    ("netpol-no-default-deny", "Namespace//observability", ""),
    ("netpol-no-default-deny", "Namespace//orchestration", ""),
    ("netpol-no-default-deny", "Namespace//platform-operators", ""),
    ("netpol-no-default-deny", "Namespace//processing-jobs", ""),
    // "its configuration Secret … holds minioadmin/minioadmin123 in clear text"
    ("secret-default-credential", "Secret/data-plane/minio-root-credentials", "stringData.accesskey"),
    ("secret-default-credential", "Secret/data-plane/minio-root-credentials", "stringData.secretkey"),
    // "Default or weak passwords stand in … the Helm values of Airflow, MLflow and PostgreSQL."
    ("secret-weak-credential", "airflow-values.yaml", "data.metadataConnection.pass"),
    ("secret-weak-credential", "airflow-values.yaml", "postgresql.auth.postgresPassword"),
    ("secret-weak-credential", "mlflow-values.yaml", "backendStore.postgres.password"),
    ("secret-weak-credential", "postgresql-values.yaml", "auth.postgresPassword"),
    // Versions that are no longer served.
    ("version-api-removed", "HelmRelease/flux-system/minio-operator", ""),
    ("version-api-removed", "HelmRelease/flux-system/spark-operator", ""),
    ("version-api-removed", "HelmRelease/flux-system/strimzi-kafka-operator", ""),
    ("version-api-removed", "HelmRepository/flux-system/strimzi", ""),
    ("version-api-removed", "Kafka/data-plane/mlops-kafka-cluster", ""),
    ("version-api-removed", "KafkaNodePool/data-plane/broker", ""),
    // "the cluster asks for Kafka 3.9.0, which 0.43 does not know"
    ("version-kafka-unknown", "Kafka/data-plane/mlops-kafka-cluster", ""),
    // What the manifests say besides.
    ("kafka-plaintext", "Kafka/data-plane/mlops-kafka-cluster", "plain"),
    ("kafka-no-authentication", "Kafka/data-plane/mlops-kafka-cluster", "plain"),
    ("kafka-no-authentication", "Kafka/data-plane/mlops-kafka-cluster", "tls"),
    ("kafka-no-authorization", "Kafka/data-plane/mlops-kafka-cluster", ""),
    ("minio-no-tls", "Tenant/data-plane/mlops-tenant", "requestAutoCert"),
    ("minio-public-metrics", "Tenant/data-plane/mlops-tenant", "MINIO_PROMETHEUS_AUTH_TYPE"),
    ("minio-root-used", "mlflow-values.yaml", "minio-root-credentials"),
    ("airflow-config-exposed", "airflow-values.yaml", "config.webserver.expose_config"),
    ("service-exposed", "airflow-values.yaml", "webserver.service.type"),
    ("database-no-tls", "airflow-values.yaml", "sslmode"),
    ("rbac-pod-create", "RoleBinding/processing-jobs/airflow-worker-job-executor", ""),
    ("rbac-pod-create", "RoleBinding/processing-jobs/flink-job-runner-executor", ""),
    ("rbac-pod-create", "RoleBinding/processing-jobs/spark-job-runner-executor", ""),
    ("rbac-pod-exec", "RoleBinding/processing-jobs/spark-job-runner-executor", ""),
    ("flux-acts-as-admin", "Kustomization/flux-system/mlops-platform-base", ""),
    ("flux-acts-as-admin", "Kustomization/flux-system/mlops-operators", ""),
    ("flux-acts-as-admin", "HelmRelease/flux-system/strimzi-kafka-operator", ""),
    ("flux-unverified", "GitRepository/flux-system/mlops-infrastructure", ""),
];

/// Every fact about the platform's own tree that concerns security is a finding, at its object and its place.
#[test]
fn every_fact_of_the_platforms_own_tree_is_found() {
    let tree = super::folder().join("../platform");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_under-test-audit"))
        .env_clear()
        .arg("tree")
        .arg(&tree)
        .args(["-o", "json", "--now", "2026-11-20T03:00:00Z"])
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let findings = report["findings"].as_array().expect("findings");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let is = |finding: &Value, (code, object, place): &Fact| {
        let id = &finding["object"];
        let named = format!("{}/{}/{}", text(&id["kind"]), text(&id["namespace"]), text(&id["name"]));
        finding["code"] == **code
            && (named == *object || text(&finding["file"]).ends_with(object))
            && text(&finding["path"]).contains(place)
    };
    let missing: Vec<&Fact> = FACTS.iter().filter(|fact| !findings.iter().any(|finding| is(finding, fact))).collect();
    eprintln!("{} facts of the platform's tree, {} missing, {} findings", FACTS.len(), missing.len(), findings.len());
    let seen: Vec<String> =
        findings.iter().map(|it| format!("{} {} {}", it["code"], it["object"], it["path"])).collect();
    assert!(missing.is_empty(), "not found: {missing:?}\nfound:\n{}", seen.join("\n"));
    // No value of a credential is in the answer.
    let answer = String::from_utf8(output.stdout).expect("UTF-8");
    for value in ["minioadmin123", "airflow123", "mlflow123"] {
        assert!(!answer.contains(value), "{value} is printed");
    }
}

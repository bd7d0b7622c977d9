//! `kubectl mlops audit versions` against a real API server: Helm's own records, and who writes an object by an old
//! version of its API.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use mlops_tests::control_plane::shared;
use mlops_tests::proxy::Proxy;
use mlops_tests::users::User;
use serde_json::{Value, json};

const CANARY: &str = "CaNaRyV3rS10nX7fQ2mL";

/// The report on one namespace; whatever was printed holds no canary.
fn audit(kubeconfig: &Path, namespace: &str, flags: &[&str]) -> Value {
    let home = tempfile::tempdir().expect("home");
    let output = Command::new(env!("CARGO_BIN_EXE_under-test-audit"))
        .env_clear()
        .env("HOME", home.path())
        .args(["versions", "-n", namespace, "--fail-on", "never", "-o", "json", "--kubeconfig"])
        .arg(kubeconfig)
        .args(flags)
        .output()
        .expect("runs");
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{out}{error}");
    assert!(!out.contains(CANARY) && !error.contains(CANARY), "{out}{error}");
    serde_json::from_str(&out).expect("JSON")
}

/// Helm's record of a revision.
fn record(namespace: &str, revision: u64, status: &str) -> Value {
    let content = json!({"name": "web", "namespace": namespace, "version": revision, "config": {"password": CANARY},
        "info": {"last_deployed": "2026-03-04T05:06:07Z"},
        "chart": {"metadata": {"name": "nginx", "version": format!("1.0.{revision}"), "appVersion": "7"}}});
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content.to_string().as_bytes()).expect("packs");
    let release = STANDARD.encode(STANDARD.encode(encoder.finish().expect("packs")));
    json!({"apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1", "metadata": {
        "name": format!("sh.helm.release.v1.web.v{revision}"), "namespace": namespace,
        "labels": {"owner": "helm", "name": "web", "status": status, "version": revision.to_string()}},
        "data": {"release": release}})
}

#[test]
fn releases_are_read_by_their_metadata_and_one_by_one_where_values_may_be_read() {
    let plane = shared();
    let api = plane.api();
    let namespace = api.new_namespace("releases").expect("namespace");
    let revisions =
        [record(&namespace, 1, "superseded"), record(&namespace, 2, "deployed"), record(&namespace, 3, "failed")];
    api.apply_objects(revisions.to_vec()).expect("applied");
    let proxy = Proxy::start(plane).expect("proxy");
    let admin = proxy.kubeconfig(User::Admin).expect("kubeconfig");
    let bare = audit(&admin, &namespace, &[]);
    assert_eq!((&bare["releases"][0]["revision"], &bare["releases"][0]["chart"]), (&json!(2), &Value::Null));
    let single = format!("/api/v1/namespaces/{namespace}/secrets/");
    assert!(!proxy.requests().iter().any(|request| request.path().starts_with(&single)), "no record is read");
    proxy.reset();
    let whole = audit(&admin, &namespace, &["--read-values"]);
    let release = &whole["releases"][0];
    assert_eq!((&release["chart"], &release["version"]), (&json!("nginx"), &json!("1.0.2")));
    let read: Vec<_> = proxy.requests().into_iter().filter(|it| it.path().starts_with(&single)).collect();
    assert_eq!(read.len(), 1, "{read:?}");
    assert!(read[0].path().ends_with("sh.helm.release.v1.web.v2"), "{read:?}");
}

#[test]
fn who_writes_by_an_old_version_is_told() {
    let plane = shared();
    let api = plane.api();
    let namespace = api.new_namespace("writers").expect("namespace");
    let topic = json!({"apiVersion": "kafka.strimzi.io/v1beta2", "kind": "KafkaTopic",
        "metadata": {"name": "t", "namespace": namespace, "labels": {"strimzi.io/cluster": "c"}},
        "spec": {"partitions": 1, "replicas": 1}});
    let path = format!("/apis/kafka.strimzi.io/v1beta2/namespaces/{namespace}/kafkatopics?fieldManager=pipeline");
    let body = topic.to_string();
    let made = api.client().request("POST", &path, Some(("application/json", body.as_bytes()))).expect("an answer");
    assert_eq!(made.status, 201, "{:?}", made.json());
    let proxy = Proxy::start(plane).expect("proxy");
    let report = audit(&proxy.kubeconfig(User::Admin).expect("kubeconfig"), &namespace, &[]);
    let of_topic =
        |it: &&Value| it["object"]["kind"] == "KafkaTopic" && it["object"]["namespace"] == namespace.as_str();
    let found: Vec<&Value> = report["findings"].as_array().expect("findings").iter().filter(of_topic).collect();
    assert_eq!(found.len(), 1, "{report}");
    assert_eq!(found[0]["code"], "version-api-written");
    let message = found[0]["message"].as_str().expect("a message");
    assert!(message.starts_with("pipeline writes it as kafka.strimzi.io/v1beta2"), "{message}");
}

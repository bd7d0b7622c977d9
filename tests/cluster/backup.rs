//! `kubectl mlops backup` against a real API server: what is saved is what is there, and a run that is killed or meets
//! faults leaves no archive that looks whole.

use crate::restore::{command, keys, kill_once};
use mlops_tests::control_plane::shared_objects_only;
use mlops_tests::proxy::{Fault, Proxy, Rule};
use mlops_tests::users::User;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Objects that are made.
const OBJECTS: usize = 2_000;
const CANARY: &str = "CANARY-of-the-cluster";

struct Outcome {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn backup(kubeconfig: &Path, folder: &Path, flags: &[&str]) -> Outcome {
    let output = Command::new(env!("CARGO_BIN_EXE_under-test-backup"))
        .env_clear()
        .env("HOME", folder)
        .current_dir(folder)
        .args(flags)
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .output()
        .expect("runs");
    let outcome = Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    };
    assert!(!outcome.stdout.contains(CANARY) && !outcome.stderr.contains(CANARY), "{}", outcome.stderr);
    outcome
}

fn json_of(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {}", outcome.stderr))
}

/// Objects of many kinds in a namespace.
fn objects(namespace: &str) -> Vec<Value> {
    let meta = |kind: &str, index: usize| json!({"name": format!("{kind}-{index}"), "namespace": namespace, "labels": {"n": index.to_string()}});
    (0..OBJECTS)
        .map(|index| match index % 8 {
            0 => json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta("settings", index), "data": {"z": "é\u{7}\"", "a": index.to_string()}}),
            1 => json!({"apiVersion": "v1", "kind": "Secret", "metadata": meta("secret", index), "stringData": {"password": format!("{CANARY}-{index}")}}),
            2 => json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta("account", index)}),
            3 => json!({"apiVersion": "v1", "kind": "Service", "metadata": meta("service", index), "spec": {"ports": [{"port": 80}]}}),
            4 => json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta("web", index), "spec": {"replicas": 0,
                "selector": {"matchLabels": {"app": "x"}}, "template": {"metadata": {"labels": {"app": "x"}},
                "spec": {"containers": [{"name": "c", "image": "example.invalid/i:1"}]}}}}),
            5 => json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": format!("{namespace}:role:{index}"), "namespace": namespace}, "rules": []}),
            6 => json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta("policy", index), "spec": {"podSelector": {}}}),
            _ => json!({"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaTopic", "metadata": meta("topic", index), "spec": {"partitions": 3, "replicas": 1}}),
        })
        .collect()
}

#[test]
fn two_thousand_objects_are_saved_verified_and_equal_to_what_is_there() {
    let plane = shared_objects_only();
    let api = plane.api();
    let namespace = api.new_namespace("backup").expect("namespace");
    api.apply_objects(objects(&namespace)).expect("made");
    let folder = tempfile::tempdir().expect("folder");
    let config = plane.kubeconfig(User::Admin).expect("kubeconfig");
    let (recipient, key) = keys(folder.path());

    let made = backup(&config, folder.path(), &["create", "-n", &namespace, "--recipient", &recipient, "-o", "json"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let report = json_of(&made);
    let archive = report["archive"].as_str().expect("a path").to_owned();
    assert!(
        report["manifest"]["objects"].as_u64().is_some_and(|count| count >= OBJECTS as u64),
        "{}",
        report["manifest"]["objects"]
    );
    let verified = backup(&config, folder.path(), &["verify", &archive, "--identity", &key, "-o", "json"]);
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
    // The archive is the cluster: nothing differs, and of what is changed exactly that does.
    let same = backup(&config, folder.path(), &["diff", &archive, "live", "--identity", &key]);
    assert!(same.code == Some(0) && same.stdout.contains("no difference"), "{}{}", same.stdout, same.stderr);
    let names: BTreeSet<String> =
        json_of(&backup(&config, folder.path(), &["show", &archive, "kafkatopics", "--identity", &key, "-o", "json"]))
            ["objects"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|it| it["name"].as_str().expect("a name").to_owned())
            .collect();
    let there = api.list("kafka.strimzi.io/v1", "KafkaTopic", &namespace).expect("listed");
    assert_eq!(names, there.iter().map(|it| it["metadata"]["name"].as_str().expect("a name").to_owned()).collect());
    let shown = json_of(&backup(
        &config,
        folder.path(),
        &["show", &archive, "configmap/settings-8", "-n", &namespace, "--identity", &key, "-o", "json"],
    ));
    let live = api.get("v1", "ConfigMap", &namespace, "settings-8").expect("got").expect("there");
    assert_eq!((&shown["data"], &shown["metadata"]), (&live["data"], &live["metadata"]));
    api.patch("v1", "ConfigMap", &namespace, "settings-8", &json!({"data": {"a": "changed"}})).expect("changed");
    api.delete("v1", "Secret", &namespace, "secret-9").expect("deleted");
    let diff = json_of(&backup(&config, folder.path(), &["diff", &archive, "live", "--identity", &key, "-o", "json"]));
    assert_eq!(diff["removed"][0]["name"], "secret-9", "{diff}");
    assert_eq!(diff["changed"].as_array().map(Vec::len), Some(1), "{diff}");
    assert_eq!(diff["changed"][0]["fields"][0]["field"], "data.a", "{diff}");

    // Without a recipient no value is in it.
    let made = json_of(&backup(&config, folder.path(), &["create", "-n", &namespace, "-o", "json"]));
    let bytes = std::fs::read(folder.path().join(made["archive"].as_str().expect("a path"))).expect("archive");
    let plain = zstd::stream::decode_all(bytes.as_slice()).expect("zstd");
    let text = String::from_utf8_lossy(&plain);
    // base64 of the canary's first bytes.
    assert!(!text.contains(CANARY) && !text.contains("Q0FOQVJZLW9m") && text.contains("mlopsValues"));

    // The whole cluster, all kinds that it serves.
    let whole = backup(&config, folder.path(), &["create", "--recipient", &recipient, "-o", "json"]);
    assert_eq!(whole.code, Some(0), "{}", whole.stderr);
    let whole = json_of(&whole);
    assert!(
        whole["manifest"]["cluster"]["uid"].is_string()
            && whole["manifest"]["kinds"].as_array().is_some_and(|kinds| kinds.len() > 40)
    );
    let archive = whole["archive"].as_str().expect("a path");
    let verified = backup(&config, folder.path(), &["verify", archive, "--identity", &key]);
    assert!(verified.code.is_some_and(|code| code < 2), "{}{}", verified.stdout, verified.stderr);
}

#[test]
fn a_run_that_is_killed_leaves_no_archive_and_faults_make_it_partial() {
    let plane = shared_objects_only();
    let api = plane.api();
    let namespace = api.new_namespace("backup-faults").expect("namespace");
    api.apply_objects(objects(&namespace).into_iter().take(100).collect()).expect("made");
    let proxy = Proxy::start(plane).expect("proxy");
    let config = proxy.kubeconfig(User::Admin).expect("kubeconfig");
    let folder = tempfile::tempdir().expect("folder");
    proxy.add(Rule::new(Fault::Hang).path("/apis/apps/v1/"));
    let flags = ["create", "--request-timeout", "60s"];
    let child = command(&config, folder.path(), &flags).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    kill_once(child.expect("starts"), ("the lists", Duration::from_secs(60)), || {
        proxy.requests().iter().any(|request| request.path().starts_with("/apis/apps/v1/"))
    });
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("folder").flatten().map(|it| it.file_name()).collect();
    assert!(left.is_empty(), "{left:?}");

    for fault in [Fault::Forbidden, Fault::InternalError, Fault::HalfBody, Fault::HtmlPage, Fault::Expired] {
        proxy.reset();
        proxy.add(Rule::new(fault.clone()).path("/api/v1/configmaps"));
        let folder = tempfile::tempdir().expect("folder");
        let outcome = backup(&config, folder.path(), &["create", "--secrets=omit", "-o", "json"]);
        assert_eq!(outcome.code, Some(3), "{fault:?}: {}", outcome.stderr);
        let manifest = json_of(&outcome)["manifest"].take();
        let failed: Vec<&str> = manifest["kinds"]
            .as_array()
            .expect("kinds")
            .iter()
            .filter(|kind| kind["failure"].is_string())
            .filter_map(|kind| kind["kind"].as_str())
            .collect();
        assert_eq!(failed, ["ConfigMap"], "{fault:?}");
        assert!(manifest["objects"].as_u64().is_some_and(|count| count > 50), "{fault:?}");
    }
}

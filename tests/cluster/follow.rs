//! `--watch` and `--wait` against a real API server, whose objects change while they look.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use mlops_tests::control_plane::shared;
use mlops_tests::proxy::{Fault, Proxy, Rule};
use mlops_tests::users::User;
use serde_json::{Value, json};

fn health(kubeconfig: &std::path::Path, flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_under-test-health"));
    let home = kubeconfig.parent().expect("a folder");
    command
        .env_clear()
        .env("HOME", home)
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .args(["--no-volumes", "--interval", "200ms"])
        .args(flags);
    command
}

/// A Service that nobody gives an address or endpoints.
fn service(namespace: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "outside", "namespace": namespace},
        "spec": {"type": "LoadBalancer", "ports": [{"port": 80}], "selector": {"app": "nobody"}}
    })
}

#[test]
fn a_watch_sees_what_comes_and_goes() {
    if shared().is_foreign() {
        eprintln!("skipped: needs accounts and a proxy of its own");
        return;
    }
    let api = shared().api();
    let namespace = api.new_namespace("watch").expect("made");
    let proxy = Proxy::start(shared()).expect("proxy");
    let kubeconfig = proxy.kubeconfig(User::Admin).expect("kubeconfig");
    let mut child = health(&kubeconfig, &["--watch", "-o", "json", "-n", &namespace])
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
    let mut next = |wanted: &dyn Fn(&Value) -> bool| loop {
        let line = lines.next().expect("the watch goes on").expect("a line");
        let event: Value = serde_json::from_str(&line).expect("a document");
        if wanted(&event) {
            return event;
        }
    };
    next(&|event| event["type"] == "state");
    api.apply_object(&service(&namespace)).expect("applied");
    let about =
        |event: &Value| event["object"]["name"] == "outside" && event["object"]["namespace"] == json!(namespace);
    let appeared = next(&|event| event["type"] == "cause-appeared" && about(event));
    assert_ne!(appeared["to"], "OK", "{appeared}");
    let changed = next(&|event| about(event));
    assert_eq!((&changed["type"], &changed["to"]), (&json!("changed"), &appeared["to"]), "{changed}");

    // A kind that may not be read keeps what was known of it.
    let path = format!("/api/v1/namespaces/{namespace}/services");
    proxy.add(Rule::new(Fault::Forbidden).path(&path));
    let unread = next(&|event| event["type"] == "kinds-unread" || about(event));
    assert_eq!(unread["type"], "kinds-unread", "{unread}");
    proxy.reset();
    let read = next(&|event| event["type"] == "kinds-read" || about(event));
    assert_eq!(read["type"], "kinds-read", "{read}");

    api.delete("v1", "Service", &namespace, "outside").expect("deleted");
    let gone = next(&|event| event["type"] == "changed" && about(event));
    assert!(gone["to"].is_null(), "{gone}");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("sent");
    assert_eq!(child.wait().expect("ends").code(), Some(130));
    let requests = proxy.requests();
    assert!(requests.iter().all(|request| request.method == "GET"), "a watch writes nothing");
}

#[test]
fn a_wait_ends_with_the_rollout_and_fails_fast_on_a_job_that_gave_up() {
    if shared().is_foreign() {
        eprintln!("skipped: the cluster of MLOPS_TEST_KUBECONFIG has no stages of ours");
        return;
    }
    let api = shared().api();
    let namespace = api.new_namespace("wait").expect("made");
    let kubeconfig = shared().kubeconfig(User::Admin).expect("kubeconfig");
    // The API server writes an empty list of metadata as `items: null`, which is no list to the
    // reader: without a Secret here, Secrets would count as not read.
    api.apply_object(
        &json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "any", "namespace": namespace}}),
    )
    .expect("applied");
    // Nodes, CRDs and what other tests put outside of the namespace are not this wait's business.
    let wait = |timeout: &str| {
        health(&kubeconfig, &["--wait", "--timeout", timeout, "-n", &namespace, "-l", "test=wait", "-o", "json"])
            .output()
            .expect("runs")
    };
    let mut rollout = mlops_tests::fixtures::deployment(&namespace, "late", 2, None);
    rollout["metadata"]["labels"]["test"] = json!("wait");
    rollout["spec"]["template"]["metadata"]["labels"]["test"] = json!("wait");
    api.apply_object(&rollout).expect("applied");
    let outcome = wait("1m");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(outcome.status.code(), Some(0), "{}{}", text(&outcome.stderr), text(&outcome.stdout));
    let deployment = api.get("apps/v1", "Deployment", &namespace, "late").expect("got").expect("there");
    assert_eq!(deployment["status"]["readyReplicas"], json!(2), "{deployment}");

    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": "given-up", "namespace": namespace, "labels": {"test": "wait"}},
        "spec": {"activeDeadlineSeconds": 1, "template": {"spec": {"restartPolicy": "Never", "nodeSelector": {"none": "such"},
            "containers": [{"name": "c", "image": "example.invalid/none"}]}}}
    });
    api.apply_object(&job).expect("applied");
    let failed = |job: &Value| mlops_tests::control_plane::condition(job, "Failed") == Some("True");
    api.wait_for(("batch/v1", "Job", &namespace, "given-up"), std::time::Duration::from_secs(60), failed)
        .expect("its deadline ends it");
    let outcome = wait("10m");
    assert_eq!(outcome.status.code(), Some(1), "{}", text(&outcome.stderr));
    assert!(text(&outcome.stderr).contains("[job-failed]"), "{}", text(&outcome.stderr));
}

//! A scaling that is killed at any moment leaves a state that `scale status` explains, with the commands that go on.

use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use mlops_tests::control_plane::{shared, shared_objects_only};
use mlops_tests::fixtures;
use mlops_tests::objects::Api;
use mlops_tests::operators::{self, Running};
use mlops_tests::proxy::{Fault, Proxy, Rule};
use mlops_tests::users::User;
use mlops_tests::wait;
use serde_json::{Value, json};

use crate::scale::{command, scale, scale_with};
use crate::scale_pools::{has_brokers, kafka};

const WITHIN: Duration = Duration::from_secs(120);
/// Long after every scaling of these tests.
const LATER: &str = "2099-01-01T00:00:00Z";

fn start(kubeconfig: &Path, namespace: &str, flags: &[&str]) -> Child {
    let mut command = command(kubeconfig, namespace, flags);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts")
}

/// Waits until something has happened, then ends the run as an OOM killer would.
fn kill_once(child: &mut Child, what: &str, mut happened: impl FnMut() -> bool) {
    wait::until(what, WITHIN, || {
        let ended = child.try_wait().expect("asked");
        assert!(ended.is_none(), "it has ended with {ended:?} before {what}");
        Ok(happened().then_some(()))
    })
    .expect(what);
    child.kill().expect("killed");
    child.wait().expect("ended");
}

/// What status says: its code, and its items with what, verdict, message and command.
fn status(kubeconfig: &Path, namespace: &str, flags: &[&str]) -> (Option<i32>, Vec<Value>) {
    let outcome = scale_with(kubeconfig, namespace, &[&["status"], flags].concat());
    let items = outcome.plan()["items"].as_array().cloned().expect("items");
    (outcome.code, items)
}

fn item<'a>(items: &'a [Value], what: &str) -> &'a Value {
    items.iter().find(|item| item["what"] == what).unwrap_or_else(|| panic!("no {what}: {items:?}"))
}

fn says(item: &Value, text: &str) {
    assert!(item["message"].as_str().is_some_and(|message| message.contains(text)), "{text}: {item}");
}

/// Runs the command of an item, as a person would paste it.
fn follow(kubeconfig: &Path, namespace: &str, item: &Value, more: &[&str]) -> crate::scale::Outcome {
    let command = item["command"].as_str().expect("a command");
    let words: Vec<&str> = command.strip_prefix("kubectl mlops scale ").expect("ours").split(' ').collect();
    // The namespace is given by the harness.
    let at = words.iter().position(|word| *word == "-n").expect("a namespace");
    assert_eq!(words[at + 1], namespace);
    scale_with(kubeconfig, namespace, &[&words[..at], &words[at + 2..], more].concat())
}

#[test]
fn killed_before_the_write_and_after_the_pause() {
    let plane = shared_objects_only();
    let api = plane.api();
    let namespace = api.new_namespace("killed").expect("made");
    let labels =
        json!({"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": namespace});
    let mut web = fixtures::deployment(&namespace, "web", 1, None);
    web["metadata"]["labels"] = labels;
    // As kustomize-controller applies it.
    let path =
        format!("/apis/apps/v1/namespaces/{namespace}/deployments/web?fieldManager=kustomize-controller&force=true");
    let body = serde_json::to_vec(&web).expect("JSON");
    let answer = api.client().request("PATCH", &path, Some(("application/apply-patch+yaml", &body))).expect("sent");
    assert!(answer.status < 300, "{}", answer.status);
    api.apply_objects(vec![
        json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "apps", "namespace": namespace},
            "spec": {"interval": "1m", "path": "./apps", "prune": true, "sourceRef": {"kind": "GitRepository", "name": "platform"}},
            "status": {"inventory": {"entries": [{"id": format!("{namespace}_web_apps_Deployment"), "v": "v1"}]},
                "conditions": [{"type": "Ready", "status": "True", "reason": "ReconciliationSucceeded",
                    "message": "applied", "lastTransitionTime": "2026-11-20T00:00:00Z"}]}}),
    ])
    .expect("applied");
    let proxy = Proxy::start(plane).expect("it starts");
    let through = proxy.kubeconfig(User::Admin).expect("a kubeconfig");
    let direct = plane.kubeconfig(User::Admin).expect("a kubeconfig");
    let flags =
        ["deploy/web", "--replicas", "3", "--pause", "object", "--reason", "load test", "--until", "4h", "--yes"];
    // There are no nodes here.
    let flags = [&flags[..], &["--ignore-preflight"]].concat();

    // The write of the replicas gets no answer: marks and pause are there, the replicas are as before.
    proxy.add(Rule::new(Fault::Hang).method("PUT"));
    let mut child = start(&through, &namespace, &flags);
    kill_once(&mut child, "the write is sent", || proxy.requests().iter().any(|request| request.method == "PUT"));
    let (code, items) = status(&direct, &namespace, &["--now", LATER]);
    assert_eq!(code, Some(1), "{items:?}");
    let (scaling, pause) = (item(&items, "scaling"), item(&items, "pause"));
    says(scaling, "a scaling from 1 to 3 was broken off or did not end in time, 1 is wanted now");
    says(pause, "load test");
    says(pause, "should have ended");
    // While somebody may still wait for it, it is told as running, and nobody else scales.
    let (code, items) = status(&direct, &namespace, &[]);
    assert_eq!(code, Some(0), "{items:?}");
    says(item(&items, "scaling"), "a scaling from 1 to 3 runs");
    let met = scale_with(&direct, &namespace, &["deploy/web", "--replicas", "2", "--force-drift", "--yes"]);
    assert_eq!(met.code_of_refusal(), "another-scaling-runs", "{}", met.stdout);
    // Both commands that are printed lead out of it.
    let resumed = follow(&direct, &namespace, item(&items, "pause"), &["--yes"]);
    assert_eq!(resumed.code, Some(0), "{}{}", resumed.stdout, resumed.stderr);
    let taken = follow(
        &direct,
        &namespace,
        item(&items, "scaling"),
        &["--yes", "--force-drift", "--timeout", "0", "--ignore-preflight"],
    );
    assert_eq!(taken.code, Some(0), "{}{}", taken.stdout, taken.stderr);
    assert_eq!(
        api.get("apps/v1", "Deployment", &namespace, "web").expect("read").expect("there")["spec"]["replicas"],
        3
    );
    assert_eq!(status(&direct, &namespace, &[]), (Some(0), Vec::new()));
}

#[test]
fn killed_while_waiting() {
    let api = shared().api();
    let namespace = api.new_namespace("killed").expect("made");
    api.apply_objects(vec![fixtures::deployment(&namespace, "web", 1, Some("image-pull"))]).expect("applied");
    let kubeconfig = shared().kubeconfig(User::Admin).expect("a kubeconfig");
    let mut child = start(&kubeconfig, &namespace, &["deploy/web", "--replicas", "2", "--yes", "--timeout", "1h"]);
    let web = |api: &Api| api.get("apps/v1", "Deployment", &namespace, "web").expect("read").expect("there");
    kill_once(&mut child, "the replicas are set", || web(api)["spec"]["replicas"] == 2);
    let (code, items) = status(&kubeconfig, &namespace, &["--now", LATER]);
    assert_eq!(code, Some(1), "{items:?}");
    let scaling = item(&items, "scaling");
    says(scaling, "a scaling from 1 to 2 was broken off or did not end in time, 2 are wanted now");
    // The image can be pulled: what was broken off is waited for, and its marks are gone.
    let heal = json!({"spec": {"template": {"metadata": {"labels": {"testbed.mlops/state": null}}}}});
    api.patch("apps/v1", "Deployment", &namespace, "web", &heal).expect("healed");
    let taken = follow(&kubeconfig, &namespace, scaling, &["--yes"]);
    assert_eq!((taken.code, &taken.plan()["state"]), (Some(0), &json!("done")), "{}{}", taken.stdout, taken.stderr);
    assert!(!web(api)["metadata"]["annotations"].to_string().contains("mlops.dev/scaling"));
    assert_eq!(status(&kubeconfig, &namespace, &[]), (Some(0), Vec::new()));
}

#[test]
fn killed_while_partitions_are_moved() {
    let api = shared().api();
    let namespace = api.new_namespace("killed").expect("made");
    let (strimzi, objects) = kafka(api, &namespace);
    let is_slow = strimzi.is_slow.clone();
    is_slow.store(true, Ordering::SeqCst);
    api.apply_objects(objects).expect("applied");
    let _operator = Running::start(strimzi);
    has_brokers(api, &namespace, &[3, 4, 5]);
    let kubeconfig = shared().kubeconfig(User::Admin).expect("a kubeconfig");
    let flags = ["kafka/events", "--brokers", "2", "--rebalance", "--yes", "--timeout", "1h"];
    let mut child = start(&kubeconfig, &namespace, &flags);
    let rebalances = || api.list("kafka.strimzi.io/v1", "KafkaRebalance", &namespace).expect("listed");
    kill_once(&mut child, "partitions are being moved", || {
        rebalances().first().is_some_and(|it| it["status"]["conditions"][0]["type"] == "Rebalancing")
    });
    let (code, items) = status(&kubeconfig, &namespace, &[]);
    assert_eq!(code, Some(0), "{items:?}");
    says(item(&items, "rebalance"), "partitions are being moved (remove-brokers)");
    says(item(&items, "scaling"), "a scaling from 3 to 2 runs");
    let (code, items) = status(&kubeconfig, &namespace, &["--now", LATER]);
    assert_eq!(code, Some(1), "{items:?}");
    says(item(&items, "scaling"), "was broken off or did not end in time, 3 are wanted now");
    // The same once more takes up the rebalance that runs, and comes to the end.
    is_slow.store(false, Ordering::SeqCst);
    let taken = follow(&kubeconfig, &namespace, item(&items, "scaling"), &["--rebalance", "--yes"]);
    assert_eq!((taken.code, &taken.plan()["state"]), (Some(0), &json!("done")), "{}{}", taken.stdout, taken.stderr);
    has_brokers(api, &namespace, &[3, 4]);
    assert_eq!(rebalances().len(), 1, "no second one was made");
    assert_eq!(scale(&namespace, &["status"]).plan()["items"], json!([]));
}

#[test]
fn killed_while_a_pool_of_drives_comes() {
    let api = shared().api();
    let namespace = api.new_namespace("killed").expect("made");
    operators::deployment(api, &namespace, "minio-operator").expect("applied");
    let claim = json!({"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    // As its operator left it; nobody acts on it now.
    api.apply_objects(vec![
        json!({"apiVersion": "minio.min.io/v2", "kind": "Tenant", "metadata": {"name": "lake", "namespace": namespace},
        "spec": {"pools": [{"name": "pool-0", "servers": 2, "volumesPerServer": 2, "volumeClaimTemplate": claim}]},
        "status": {"currentState": "Initialized", "healthStatus": "green", "drivesOnline": 4,
            "pools": [{"ssName": "lake-pool-0", "state": "PoolInitialized"}]}}),
    ])
    .expect("applied");
    let kubeconfig = shared().kubeconfig(User::Admin).expect("a kubeconfig");
    let mut child = start(&kubeconfig, &namespace, &["tenant/lake", "--add-pool", "2x2", "--yes", "--timeout", "1h"]);
    kill_once(&mut child, "the pool is in the spec", || {
        let tenant = api.get("minio.min.io/v2", "Tenant", &namespace, "lake").expect("read").expect("there");
        tenant["spec"]["pools"].as_array().is_some_and(|pools| pools.len() == 2)
    });
    let (code, items) = status(&kubeconfig, &namespace, &[]);
    assert_eq!(code, Some(0), "{items:?}");
    says(item(&items, "scaling"), "1 pool there, 2 wanted: the operator says: Initialized");
}

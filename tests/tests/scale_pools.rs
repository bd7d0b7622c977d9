//! `kubectl mlops scale` of Kafka, MinIO and Spark, against a scripted server on loopback and a scripted `mc`.
#![cfg(unix)]

use mlops_tests::loopback::{Answer, Asked, Server};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

struct Outcome {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Outcome {
    fn plan(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }
}

fn run(flags: &[&str], path: &str) -> Outcome {
    let output = Command::new(env!("CARGO_BIN_EXE_under-test-scale"))
        .env_clear()
        .env("HOME", "/nonexistent")
        .env("PATH", path)
        .env("MC_HOST_lake", "http://CANARY-USER:CANARY-PASSWORD@127.0.0.1:9")
        .stdin(Stdio::null())
        .args(flags)
        .output()
        .expect("runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let outcome = Outcome { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!(!outcome.stdout.contains("CANARY") && !outcome.stderr.contains("CANARY"), "{}", outcome.stderr);
    outcome
}

fn ok(body: impl ToString) -> Answer {
    Some((200, "", body.to_string()))
}

const CORE: &str = r#"{"kind":"APIGroupDiscoveryList","items":[{"metadata":{},"versions":[{"version":"v1","resources":[
 {"resource":"nodes","singularResource":"node","responseKind":{"kind":"Node"},"scope":"Cluster","verbs":["get","list"]},
 {"resource":"pods","singularResource":"pod","responseKind":{"kind":"Pod"},"scope":"Namespaced","verbs":["get","list"]}]}]}]}"#;

fn groups() -> String {
    let resource = |plural: &str, kind: &str, has_scale: bool| {
        let scale = json!([{"subresource": "scale", "verbs": ["get", "update"]}]);
        json!({"resource": plural, "singularResource": kind.to_lowercase(), "responseKind": {"kind": kind},
            "scope": "Namespaced", "verbs": ["get", "list"], "subresources": if has_scale { scale } else { json!([]) }})
    };
    let kafka = vec![
        resource("kafkas", "Kafka", false),
        resource("kafkanodepools", "KafkaNodePool", true),
        resource("kafkarebalances", "KafkaRebalance", false),
        resource("kafkatopics", "KafkaTopic", false),
    ];
    json!({"kind": "APIGroupDiscoveryList", "items": [
        {"metadata": {"name": "apps"}, "versions": [{"version": "v1", "resources": [resource("deployments", "Deployment", true)]}]},
        {"metadata": {"name": "kafka.strimzi.io"}, "versions": [{"version": "v1", "resources": kafka}]}]})
    .to_string()
}

/// How the scripted operator behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Moves,
    FailsToMove,
    KeepsBrokers,
}

fn kafka(is_held: bool) -> Value {
    let mut conditions = vec![json!({"type": "Ready", "status": "True"})];
    if is_held {
        conditions.push(json!({"type": "Warning", "status": "True", "reason": "ScaleDownPreventionCheck",
            "message": "Cannot scale-down brokers [5]"}));
    }
    json!({"apiVersion": "kafka.strimzi.io/v1", "kind": "Kafka",
        "metadata": {"name": "k", "namespace": "a", "uid": "k", "generation": 1, "resourceVersion": "1"},
        "spec": {"kafka": {}, "cruiseControl": {}}, "status": {"observedGeneration": 1, "conditions": conditions}})
}

fn pool(replicas: usize, nodes: usize, version: usize) -> Value {
    json!({"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaNodePool",
        "metadata": {"name": "broker", "namespace": "a", "uid": "p", "generation": 1, "resourceVersion": version.to_string(),
            "labels": {"strimzi.io/cluster": "k"},
            "managedFields": [{"manager": "ada", "operation": "Update", "fieldsV1": {"f:spec": {"f:replicas": {}}}}]},
        "spec": {"replicas": replicas, "roles": ["broker"], "storage": {"type": "ephemeral"}},
        "status": {"observedGeneration": 1, "replicas": nodes, "nodeIds": (3..3 + nodes).collect::<Vec<_>>(),
            "labelSelector": "strimzi.io/pool-name=broker"}})
}

fn pods(count: usize) -> Value {
    let pod = |id: usize| {
        json!({"metadata": {"name": format!("k-broker-{id}"), "namespace": "a", "labels": {"strimzi.io/pool-name": "broker"}},
            "spec": {"nodeName": "n1", "containers": [{"name": "kafka", "image": "i"}]},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}})
    };
    json!({"kind": "PodList", "items": (3..3 + count).map(pod).collect::<Vec<_>>()})
}

fn list(items: &[Value]) -> Answer {
    ok(json!({"kind": "List", "items": items}))
}

/// A cluster of three brokers, whose operator does what it is told when it is looked at.
fn cluster(operator: Operator) -> Server {
    let wanted = AtomicUsize::new(3);
    let version = AtomicUsize::new(7);
    let rebalance: Mutex<Option<(Value, usize)>> = Mutex::new(None);
    Server::start_full(Arc::new(move |asked: &Asked, _| {
        let path = asked.path.split('?').next().unwrap_or_default();
        let now = wanted.load(Ordering::SeqCst);
        let is_held = operator == Operator::KeepsBrokers && now < 3;
        let nodes = if operator == Operator::KeepsBrokers { 3 } else { now };
        let mut made = rebalance.lock().expect("no panic");
        match (asked.method.as_str(), path.strip_prefix("/apis/kafka.strimzi.io/v1/namespaces/a/").unwrap_or(path)) {
            ("POST", "kafkarebalances") => {
                let object: Value = serde_json::from_str(&asked.body).expect("JSON");
                // Its operator writes the pool's status meanwhile.
                version.fetch_add(1, Ordering::SeqCst);
                *made = Some((object.clone(), 0));
                Some((201, "", object.to_string()))
            }
            ("GET", path) if path.starts_with("kafkarebalances/") => {
                let Some((object, looks)) = made.as_mut() else { return Some((404, "", not_found())) };
                *looks += 1;
                let state = match (*looks, operator) {
                    (1, _) => "Rebalancing",
                    (_, Operator::FailsToMove) => "NotReady",
                    _ => "Ready",
                };
                object["status"] =
                    json!({"conditions": [{"type": state, "status": "True", "reason": "R", "message": "m"}]});
                ok(object.clone())
            }
            ("PUT", "kafkanodepools/broker/scale") => {
                let scale: Value = serde_json::from_str(&asked.body).expect("JSON");
                let replicas = scale["spec"]["replicas"].as_u64().expect("a number");
                wanted.store(usize::try_from(replicas).expect("small"), Ordering::SeqCst);
                ok(&asked.body)
            }
            ("GET", "kafkanodepools/broker/scale") => ok(json!({"kind": "Scale", "apiVersion": "autoscaling/v1",
                "metadata": {"name": "broker", "namespace": "a", "resourceVersion": "9"}, "spec": {"replicas": now},
                "status": {"replicas": nodes, "selector": "strimzi.io/pool-name=broker"}})),
            ("GET" | "PATCH", "kafkanodepools/broker") => ok(pool(now, nodes, version.load(Ordering::SeqCst))),
            ("GET", "kafkanodepools") => list(&[pool(now, nodes, 7)]),
            ("GET", "kafkas/k") => ok(kafka(is_held)),
            ("GET", "/api") => ok(CORE),
            ("GET", "/apis") => ok(groups()),
            ("GET", "/version") => ok(r#"{"gitVersion":"v1.36.3"}"#),
            ("GET", "/apis/kafka.strimzi.io/v1/kafkas") => list(&[kafka(is_held)]),
            ("GET", "/apis/kafka.strimzi.io/v1/kafkanodepools") => list(&[pool(now, nodes, 7)]),
            ("GET", "/apis/apps/v1/deployments") => list(&[json!({"metadata": {"name": "strimzi-cluster-operator",
                "namespace": "ops", "generation": 1}, "spec": {"replicas": 1}, "status": {"observedGeneration": 1,
                "replicas": 1, "readyReplicas": 1, "updatedReplicas": 1, "availableReplicas": 1}})]),
            ("GET", "/api/v1/nodes") => list(&[json!({"metadata": {"name": "n1"}, "status": {
                "allocatable": {"cpu": "8", "pods": "110"}, "conditions": [{"type": "Ready", "status": "True"}]}})]),
            ("GET", "/api/v1/namespaces/a/pods") => ok(pods(nodes)),
            (_, path) if path.contains("/namespaces/") || path.contains("customresourcedefinitions/") => {
                Some((404, "", not_found()))
            }
            _ => list(&[]),
        }
    }))
}

fn not_found() -> String {
    r#"{"kind":"Status","reason":"NotFound"}"#.to_owned()
}

fn on(server: &Server, flags: &[&str]) -> Outcome {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: test\nclusters: [{{name: c, cluster: {{server: '{}'}}}}]\nusers: [{{name: ada, user: {{token: CANARY-TOKEN}}}}]\ncontexts: [{{name: test, context: {{cluster: c, user: ada, namespace: a}}}}]\n",
        server.address
    );
    std::fs::write(file.path(), text).expect("write");
    let path = file.path().display().to_string();
    run(&[flags, &["-o", "json", "--kubeconfig", path.as_str()]].concat(), "")
}

fn writes(server: &Server) -> Vec<String> {
    let of = |asked: &Asked| {
        let path = asked.path.split('?').next().unwrap_or_default();
        format!("{} {}", asked.method, path.rsplit("namespaces/a/").next().unwrap_or_default())
    };
    server.writes().iter().map(of).collect()
}

#[test]
fn partitions_are_moved_off_before_brokers_go() {
    let server = cluster(Operator::Moves);
    let outcome = on(&server, &["kafka/k", "--brokers", "2", "--rebalance", "--yes"]);
    let plan = outcome.plan();
    assert_eq!((outcome.code, &plan["state"]), (Some(0), &json!("done")), "{plan}{}", outcome.stderr);
    let pool = "kafkanodepools/broker";
    let expected = [
        format!("PATCH {pool}"),
        "POST kafkarebalances".to_owned(),
        format!("PUT {pool}/scale"),
        format!("PATCH {pool}"),
    ];
    assert_eq!(writes(&server), expected);
    let rebalance: Value = serde_json::from_str(&server.writes()[1].body).expect("JSON");
    assert_eq!(rebalance["spec"], json!({"mode": "remove-brokers", "brokers": [5]}));
}

#[test]
fn brokers_stay_when_partitions_were_not_moved() {
    let server = cluster(Operator::FailsToMove);
    let outcome = on(&server, &["kafka/k", "--brokers", "2", "--rebalance", "--yes"]);
    let plan = outcome.plan();
    assert_eq!((outcome.code, &plan["state"]), (Some(1), &json!("failed")), "{plan}");
    assert!(plan["outcome"].as_str().is_some_and(|said| said.contains("R: m")), "{plan}");
    assert!(writes(&server).iter().all(|write| !write.starts_with("PUT")), "{:?}", writes(&server));
    assert_eq!(plan["steps"][0]["message"], "made, and taken back");
}

#[test]
fn brokers_that_the_operator_keeps_are_told() {
    let server = cluster(Operator::KeepsBrokers);
    let outcome = on(&server, &["knp/broker", "--replicas", "2", "--yes"]);
    assert_eq!(outcome.code, Some(2), "the short name is not served here: {}", outcome.stderr);
    let refused = on(&server, &["kafkanodepool/broker", "--replicas", "2", "--yes"]);
    assert_eq!((refused.code, &refused.plan()["refusals"][0]["code"]), (Some(1), &json!("not-drained")));
    assert!(server.writes().is_empty());
    let outcome = on(&server, &["kafkanodepool/broker", "--replicas", "2", "--yes", "--ignore-preflight"]);
    let plan = outcome.plan();
    assert_eq!(outcome.code, Some(1), "{plan}");
    assert!(plan["outcome"].as_str().is_some_and(|said| said.contains("Cannot scale-down brokers [5]")), "{plan}");
    let status = on(&server, &["status"]);
    assert!(status.code == Some(1) && status.stdout.contains("holds a shrinking back"), "{}", status.stdout);
}

#[test]
fn partitions_are_moved_to_new_brokers_once_they_are_ready() {
    let server = cluster(Operator::Moves);
    let outcome = on(&server, &["kafka/k", "--brokers", "4", "--rebalance", "--yes"]);
    let plan = outcome.plan();
    assert_eq!((outcome.code, &plan["state"]), (Some(0), &json!("done")), "{plan}{}", outcome.stderr);
    let pool = "kafkanodepools/broker";
    let expected = [
        format!("PATCH {pool}"),
        format!("PUT {pool}/scale"),
        "POST kafkarebalances".to_owned(),
        format!("PATCH {pool}"),
    ];
    assert_eq!(writes(&server), expected);
    let dry = cluster(Operator::Moves);
    let outcome = on(&dry, &["kafka/k", "--brokers", "4", "--rebalance", "--dry-run=server"]);
    assert_eq!((outcome.code, &outcome.plan()["state"]), (Some(0), &json!("accepted")), "{}", outcome.stdout);
    assert!(dry.writes().iter().all(|write| write.path.contains("dryRun=All")), "{:?}", dry.writes());
}

/// A folder with a program `mc` that prints this, and two pools of a tenant in a file.
fn scripted(answer: &str, code: u8) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("mc");
    let script = format!(
        "#!/bin/sh\necho \"$@\" > {}\ncat <<'END'\n{answer}\nEND\nexit {code}\n",
        folder.path().join("asked").display()
    );
    std::fs::write(&program, script).expect("write");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("executable");
    let pool = |name: &str| {
        format!(
            "{{name: {name}, servers: 4, volumesPerServer: 4, volumeClaimTemplate: {{spec: {{resources: {{requests: {{storage: 1Ti}}}}}}}}}}"
        )
    };
    let tenant = format!(
        "apiVersion: minio.min.io/v2\nkind: Tenant\nmetadata: {{name: t, namespace: a, managedFields: [{{manager: ada, operation: Update, \
         fieldsV1: {{\"f:spec\": {{\"f:pools\": {{}}}}}}}}]}}\nspec: {{pools: [{}, {}]}}\nstatus: {{currentState: Initialized, healthStatus: green, drivesOnline: 32}}\n",
        pool("pool-0"),
        pool("pool-1")
    );
    std::fs::write(folder.path().join("tenant.yaml"), tenant).expect("write");
    folder
}

fn decommission(folder: &Path) -> Outcome {
    let file = folder.join("tenant.yaml").display().to_string();
    let flags = ["plan", "tenant/t", "--decommission", "pool-0", "--mc-alias", "lake", "--force-drift", "--from"];
    let path = format!("{}:/usr/bin:/bin", folder.display());
    run(&[&flags[..], &[&file, "-o", "json", "--now", "2026-11-20T03:00:00Z"]].concat(), &path)
}

fn answer(is_complete: bool) -> String {
    json!([{"id": 0, "cmdline": "https://t-pool-0-{0...3}.t-hl.a.svc.cluster.local/export{0...3}", "decommissionInfo": {
        "startTime": "2026-11-20T01:00:00Z", "complete": is_complete, "failed": false, "canceled": false,
        "objectsDecommissionedFailed": 0, "bytesDecommissionedFailed": 0, "bytesDecommissioned": 1}}])
    .to_string()
}

#[test]
fn the_server_is_asked_before_a_pool_leaves() {
    let folder = scripted(&answer(true), 0);
    let plan = decommission(folder.path()).plan();
    assert_eq!((&plan["state"], &plan["steps"][0]["risk"]), (&json!("planned"), &json!("permanent")), "{plan}");
    let asked = std::fs::read_to_string(folder.path().join("asked")).expect("asked");
    assert_eq!(asked.trim(), "--json admin decommission status lake");
    for (said, exit, code) in [
        (answer(false), 0, "decommission-runs"),
        (r#"{"status":"error","error":{"message":"Access Denied."}}"#.to_owned(), 1, "server-did-not-answer"),
        ("not JSON".to_owned(), 0, "server-did-not-answer"),
    ] {
        let folder = scripted(&said, exit);
        let outcome = decommission(folder.path());
        let plan = outcome.plan();
        assert_eq!(plan["refusals"][0]["code"], json!(code), "{plan}");
        assert!(plan["steps"].as_array().is_some_and(Vec::is_empty), "{plan}");
        assert_eq!(outcome.code, Some(if code == "decommission-runs" { 1 } else { 3 }), "{plan}");
    }
}

//! `kubectl mlops health usage` against a scripted server on loopback, and from files: what is asked
//! of metrics.k8s.io and of the kubelets, and what is said when they do not answer.

use mlops_tests::loopback::{Answer, Server};
use serde_json::{Value, json};
use std::sync::Arc;

/// What to answer in place of the ordinary answer, if anything.
type Say = Box<dyn Fn(&str) -> Option<Answer> + Send + Sync>;

/// A cluster of three nodes with a pod and a volume on each. Requests under `/apis/metrics.k8s.io`
/// are answered by `metrics`, those for a kubelet's summary by `kubelet`; `None` for the ordinary
/// answer.
struct Cluster {
    groups: String,
    metrics: Say,
    kubelet: Say,
    full: i64,
}

const NODES: [&str; 3] = ["w1", "w2", "w3"];

impl Default for Cluster {
    fn default() -> Self {
        Self {
            groups: groups("v1beta1", "Current", true),
            metrics: Box::new(|_| None),
            kubelet: Box::new(|_| None),
            full: 300,
        }
    }
}

fn groups(version: &str, freshness: &str, is_served: bool) -> String {
    let kind = |resource: &str, kind: &str, scope: &str| json!({"resource": resource, "responseKind": {"kind": kind}, "scope": scope, "verbs": ["get", "list"]});
    let resources = if is_served {
        json!([kind("nodes", "NodeMetrics", "Cluster"), kind("pods", "PodMetrics", "Namespaced")])
    } else {
        json!([])
    };
    json!({"kind": "APIGroupDiscoveryList", "items": [
        {"metadata": {"name": "apiregistration.k8s.io"}, "versions": [{"version": "v1", "freshness": "Current",
            "resources": [kind("apiservices", "APIService", "Cluster")]}]},
        {"metadata": {"name": "metrics.k8s.io"}, "versions": [{"version": version, "freshness": freshness, "resources": resources}]},
    ]})
    .to_string()
}

fn ok(body: &Value) -> Answer {
    Some((200, "", body.to_string()))
}

fn status(code: u16, message: &str) -> Answer {
    Some((code, "", json!({"kind": "Status", "message": message}).to_string()))
}

/// The instant that the server's figures are of; runs are given it as `--now`.
const NOW: &str = "2026-11-20T03:00:00Z";
const FRESH: &str = "2026-11-20T02:59:40Z";

fn list(items: Vec<Value>) -> Answer {
    ok(&json!({"kind": "List", "metadata": {}, "items": items}))
}

impl Cluster {
    fn start(self) -> Server {
        Server::start(Arc::new(move |path, _| self.answer(path)))
    }

    fn answer(&self, path: &str) -> Answer {
        let bare = path.split('?').next().unwrap_or_default();
        let kind = |resource: &str, kind: &str, scope: &str| json!({"resource": resource, "responseKind": {"kind": kind}, "scope": scope, "verbs": ["get", "list"]});
        if bare.starts_with("/apis/metrics.k8s.io/")
            && let Some(answer) = (self.metrics)(path)
        {
            return answer;
        }
        let pod = |node: &&str| {
            json!({"metadata": {"name": format!("p-{node}"), "namespace": "n"},
                "spec": {"nodeName": node, "containers": [{"name": "c", "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}}],
                    "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": format!("data-{node}")}}]},
                "status": {"phase": "Running", "startTime": "2026-11-19T00:00:00Z"}})
        };
        match bare {
            "/api" => ok(&json!({"kind": "APIGroupDiscoveryList", "items": [{"metadata": {}, "versions": [{"version": "v1",
                "freshness": "Current", "resources": [kind("pods", "Pod", "Namespaced"), kind("nodes", "Node", "Cluster"),
                kind("persistentvolumeclaims", "PersistentVolumeClaim", "Namespaced"), kind("secrets", "Secret", "Namespaced")]}]}]})),
            "/apis" => Some((200, "", self.groups.clone())),
            "/version" => ok(&json!({"gitVersion": "v1.36.3"})),
            "/api/v1/nodes" => list(
                NODES
                    .iter()
                    .map(|node| {
                        json!({"metadata": {"name": node}, "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"},
                            "conditions": [{"type": "Ready", "status": "True"}]}})
                    })
                    .collect(),
            ),
            "/api/v1/pods" | "/api/v1/namespaces/n/pods" => list(NODES.iter().map(pod).collect()),
            "/api/v1/persistentvolumeclaims" | "/api/v1/namespaces/n/persistentvolumeclaims" => list(
                NODES
                    .iter()
                    .map(|node| json!({"metadata": {"name": format!("data-{node}"), "namespace": "n"}, "status": {"phase": "Bound"}}))
                    .collect(),
            ),
            _ if bare.starts_with("/apis/metrics.k8s.io/") && bare.ends_with("/nodes") => list(
                NODES
                    .iter()
                    .map(|node| json!({"metadata": {"name": node}, "timestamp": FRESH, "window": "15s", "usage": {"cpu": "1", "memory": "2Gi"}}))
                    .collect(),
            ),
            _ if bare.starts_with("/apis/metrics.k8s.io/") && bare.ends_with("/pods") => list(
                NODES
                    .iter()
                    .map(|node| {
                        json!({"metadata": {"name": format!("p-{node}"), "namespace": "n"}, "timestamp": FRESH, "window": "15s",
                            "containers": [{"name": "c", "usage": {"cpu": "250m", "memory": "512Mi"}}]})
                    })
                    .collect(),
            ),
            _ if bare.ends_with("/proxy/stats/summary") => {
                let node = bare.split('/').nth(4).unwrap_or_default();
                (self.kubelet)(node).unwrap_or_else(|| {
                    ok(&json!({"node": {"nodeName": node}, "pods": [{"podRef": {"name": format!("p-{node}"), "namespace": "n"},
                        "volume": [{"name": "v", "pvcRef": {"name": format!("data-{node}"), "namespace": "n"}, "time": FRESH,
                            "capacityBytes": 1000, "usedBytes": self.full, "availableBytes": 1000 - self.full}]}]}))
                })
            }
            _ => list(Vec::new()),
        }
    }
}

struct Outcome {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Outcome {
    fn report(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }
}

fn run(server: Option<&str>, flags: &[&str]) -> Outcome {
    let home = tempfile::tempdir().expect("home");
    let config = home.path().join("config");
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_under-test-health"));
    command.env_clear().env("HOME", home.path()).env("KUBECONFIG", &config).arg("usage");
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    if let Some(server) = server {
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: test\nclusters: [{{name: c, cluster: {{server: '{server}'}}}}]\nusers: [{{name: u, user: {{token: CANARY-TOKEN}}}}]\ncontexts: [{{name: test, context: {{cluster: c, user: u}}}}]\n"
        );
        std::fs::write(&config, text).expect("write");
    }
    let output = command.args(["--now", NOW]).args(flags).output().expect("runs");
    let outcome = Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    };
    assert!(!outcome.stdout.contains("CANARY") && !outcome.stderr.contains("CANARY"), "{}", outcome.stderr);
    outcome
}

fn live(cluster: Cluster, flags: &[&str]) -> (Outcome, Vec<String>) {
    let server = cluster.start();
    let outcome = run(Some(&server.address), &[&["-o", "json"], flags].concat());
    (outcome, server.seen())
}

#[test]
fn a_cluster_that_answers_everything_is_measured_whole_in_either_version() {
    for version in ["v1beta1", "v1"] {
        let cluster = Cluster { groups: groups(version, "Current", true), ..Cluster::default() };
        let (outcome, seen) = live(cluster, &[]);
        assert_eq!(outcome.code, Some(0), "{version}: {}{}", outcome.stdout, outcome.stderr);
        let report = outcome.report();
        assert_eq!((&report["partial"], &report["verdict"]), (&json!(false), &json!("OK")));
        assert_eq!(
            report["nodes"][0]["cpu"],
            json!({"used": 1000, "requests": 500, "limits": null, "allocatable": 4000})
        );
        assert_eq!(report["volumes"][0]["usedPercent"], json!(30.0));
        assert_eq!(report["volumes"][0]["pods"], json!(["p-w1"]));
        assert_eq!(report["view"]["name"], "test");
        for path in
            [format!("/apis/metrics.k8s.io/{version}/nodes?limit=500 "), "/api/v1/nodes/w2/proxy/stats/summary ".into()]
        {
            assert_eq!(seen.iter().filter(|line| line.starts_with(&path)).count(), 1, "{path}: {seen:?}");
        }
        assert!(!seen.iter().any(|line| line.contains("/secrets")), "only what the report needs is read: {seen:?}");
    }
}

#[test]
fn metrics_come_in_pages_too() {
    let one =
        |node: &str| json!({"metadata": {"name": node}, "timestamp": FRESH, "usage": {"cpu": "1", "memory": "2Gi"}});
    let metrics = move |path: &str| {
        if !path.contains("/nodes") {
            return None;
        }
        let is_second = path.contains("continue=next");
        let (items, token) = if is_second { (vec![one("w2"), one("w3")], "") } else { (vec![one("w1")], "next") };
        Some(ok(&json!({"kind": "NodeMetricsList", "metadata": {"continue": token}, "items": items})))
    };
    let (outcome, _) = live(Cluster { metrics: Box::new(metrics), ..Cluster::default() }, &["nodes"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stdout);
    assert_eq!(outcome.report()["metrics"]["measured"], 3);
}

#[test]
fn without_metrics_the_reason_is_said_and_the_rest_is_there() {
    let cases: Vec<(&str, Cluster, &str)> = vec![
        (
            "not-installed",
            Cluster { groups: r#"{"kind":"APIGroupDiscoveryList","items":[{"metadata":{"name":"apiregistration.k8s.io"},"versions":[{"version":"v1","freshness":"Current","resources":[{"resource":"apiservices","responseKind":{"kind":"APIService"},"scope":"Cluster","verbs":["list"]}]}]}]}"#.into(), ..Cluster::default() },
            "metrics-server is not installed",
        ),
        ("unavailable", Cluster { groups: groups("v1beta1", "Stale", false), ..Cluster::default() }, "does not answer"),
        (
            "forbidden",
            Cluster { metrics: Box::new(|_| Some(status(403, "nodes.metrics.k8s.io is forbidden"))), ..Cluster::default() },
            "is forbidden",
        ),
        (
            "failed",
            Cluster { metrics: Box::new(|_| Some(Some((503, "Retry-After: 0\r\n", String::new())))), ..Cluster::default() },
            "503",
        ),
        ("failed", Cluster { metrics: Box::new(|_| Some(Some((200, "", "<html>CANARY".into())))), ..Cluster::default() }, "no list"),
        (
            "stale",
            Cluster {
                metrics: Box::new(|path| {
                    let old = json!({"metadata": {"name": "w1"}, "timestamp": "2026-11-20T02:10:00Z", "usage": {"cpu": "1", "memory": "1Gi"}});
                    Some(if path.contains("/nodes") { list(vec![old]) } else { list(Vec::new()) })
                }),
                ..Cluster::default()
            },
            "50m old",
        ),
        ("incomplete", Cluster { metrics: Box::new(|_| Some(list(Vec::new()))), ..Cluster::default() }, "3 of 3 ready nodes"),
    ];
    for (expected, cluster, words) in cases {
        let (outcome, _) = live(cluster, &[]);
        assert_eq!(outcome.code, Some(3), "{expected}: {}{}", outcome.stdout, outcome.stderr);
        let report = outcome.report();
        assert_eq!(report["metrics"]["state"], expected, "{}", report["metrics"]);
        assert!(
            report["metrics"]["message"].as_str().is_some_and(|text| text.contains(words)),
            "{}",
            report["metrics"]
        );
        assert_eq!(report["nodes"][1]["cpu"]["requests"], 500, "{expected}: what is known is printed");
        assert_eq!(report["volumes"][1]["verdict"], "OK", "{expected}");
        assert_ne!(report["verdict"], "OK", "{expected}");
    }
}

/// Whatever one kubelet does, the other two are there, and the end is never a clean one.
#[test]
fn one_kubelet_that_fails_never_hides_the_others() {
    let faults: Vec<(&str, Answer)> = vec![
        ("forbidden", status(403, "nodes \"w2\" is forbidden")),
        ("unauthorized", status(401, "")),
        ("gone", status(404, "nodes \"w2\" not found")),
        ("server error", Some((500, "", "<html>CANARY</html>".into()))),
        (
            "unreachable",
            Some((
                503,
                "Retry-After: 0\r\n",
                json!({"kind": "Status", "message": "error trying to reach service"}).to_string(),
            )),
        ),
        ("a web page", Some((200, "", "<html>CANARY</html>".into()))),
        (
            "half a body",
            Some((200, "X-Test: cut\r\n", r#"{"node":{"nodeName":"w2"},"pods":[{"podRef":"CANARY"#.into())),
        ),
        ("another node", ok(&json!({"node": {"nodeName": "w1"}, "pods": []}))),
        ("nothing", ok(&json!({}))),
        ("a wrong shape", ok(&json!({"node": {"nodeName": "w2"}, "pods": "CANARY"}))),
        ("a hang", None),
    ];
    for (name, answer) in faults {
        let kubelet = move |node: &str| (node == "w2").then(|| answer.clone());
        let (outcome, _) =
            live(Cluster { kubelet: Box::new(kubelet), ..Cluster::default() }, &["volumes", "--request-timeout", "1"]);
        assert_eq!(outcome.code, Some(3), "{name}: {}{}", outcome.stdout, outcome.stderr);
        let report = outcome.report();
        let source = &report["volumeStatistics"];
        assert_eq!(
            (&source["state"], &source["measured"], &source["wanted"]),
            (&json!("incomplete"), &json!(2), &json!(3)),
            "{name}"
        );
        assert_eq!(source["failures"][0]["node"], "w2", "{name}: {source}");
        assert_eq!(source["hint"].is_string(), name == "forbidden", "{name}: {source}");
        let verdict = |claim: &str| {
            let all = report["volumes"].as_array().into_iter().flatten();
            all.into_iter().find(|volume| volume["claim"] == claim).map(|volume| volume["verdict"].clone())
        };
        assert_eq!(verdict("data-w1"), Some("OK".into()), "{name}");
        assert_eq!(verdict("data-w2"), Some("UNKNOWN".into()), "{name}");
        assert_eq!(verdict("data-w3"), Some("OK".into()), "{name}");
    }
}

#[test]
fn kubelets_that_may_not_be_asked_give_the_role_line() {
    let kubelet = |node: &str| {
        Some(status(403, &format!("nodes \"{node}\" is forbidden: User \"u\" cannot get resource \"nodes/proxy\"")))
    };
    let server = Cluster { kubelet: Box::new(kubelet), ..Cluster::default() }.start();
    let outcome = run(Some(&server.address), &["volumes"]);
    assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
    let text = outcome.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("resources: [\"nodes/proxy\"], verbs: [\"get\"]"), "{text}");
    assert!(text.contains("run commands in every pod"), "what that right also allows is said: {text}");
    assert!(text.contains("PARTIAL"), "{text}");
}

#[test]
fn a_full_volume_fails_the_run_and_the_platform_file_says_when() {
    let full = |used| Cluster { full: used, ..Cluster::default() };
    for (used, flags, code) in
        [(960, vec![], 1), (900, vec![], 0), (900, vec!["--fail-on", "warn"], 1), (960, vec!["--fail-on", "never"], 0)]
    {
        let (outcome, _) = live(full(used), &flags);
        assert_eq!(outcome.code, Some(code), "{used} {flags:?}: {}", outcome.stdout);
    }
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("platform.yaml");
    std::fs::write(&file, "apiVersion: mlops/v1\nkind: Platform\nname: x\nthresholds: {volumeFailPercent: 90}\n")
        .expect("write");
    let (outcome, _) = live(full(900), &["--platform", &file.to_string_lossy()]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.stdout);
    assert_eq!(outcome.report()["findings"][0]["code"], "volume-nearly-full");
}

#[test]
fn a_namespace_is_read_alone_and_its_nodes_only() {
    let (outcome, seen) = live(Cluster::default(), &["-n", "n"]);
    assert_eq!(outcome.code, Some(0), "{}{}", outcome.stdout, outcome.stderr);
    assert!(!seen.iter().any(|line| line.starts_with("/api/v1/pods") || line.contains("v1beta1/pods")), "{seen:?}");
    assert_eq!(outcome.report()["nodes"][0]["cpu"]["requests"], Value::Null, "other namespaces' pods were not counted");
    let (outcome, seen) = live(Cluster::default(), &["-n", "other"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stdout);
    assert!(!seen.iter().any(|line| line.contains("/proxy/")), "nothing of it runs anywhere: {seen:?}");
}

#[test]
fn parts_ask_only_for_what_they_need() {
    let (outcome, seen) = live(Cluster::default(), &["devices"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stdout);
    assert!(!seen.iter().any(|line| line.contains("/proxy/") || line.contains("/apis/metrics")), "{seen:?}");
    let (outcome, seen) = live(Cluster::default(), &["pods", "--sort", "memory", "--top", "2"]);
    assert!(!seen.iter().any(|line| line.contains("/proxy/")), "{seen:?}");
    let report = outcome.report();
    assert_eq!((report["pods"].as_array().map(Vec::len), &report["podsTotal"]), (Some(2), &json!(3)));
    assert_eq!(run(None, &["disks"]).code, Some(2));
}

#[test]
fn files_with_metrics_and_summaries_are_measured_as_a_cluster_is() {
    let outcome = run(None, &["--from", "examples/usage", "-o", "json"]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    let report = outcome.report();
    assert_eq!(report["partial"], false, "{}", report["notes"]);
    let codes: Vec<_> = report["findings"].as_array().into_iter().flatten().map(|it| it["code"].clone()).collect();
    for code in
        ["volume-inodes-low", "volume-nearly-full", "node-filesystem-full", "node-device-unhealthy", "node-cordoned"]
    {
        assert!(codes.contains(&code.into()), "{code}: {codes:?}");
    }
    let outcome = run(None, &["--from", "examples/healthy", "-o", "json"]);
    assert_eq!(outcome.code, Some(3), "no figures in it: {}", outcome.stderr);
    let report = outcome.report();
    assert_eq!(
        (&report["metrics"]["state"], &report["volumeStatistics"]["state"]),
        (&json!("not-in-files"), &json!("not-in-files"))
    );
    assert!(report["nodes"][0]["cpu"]["requests"].is_i64() && report["nodes"][0]["cpu"]["used"].is_null());
    let outcome = run(None, &["--from", "examples/degraded", "-o", "json", "nodes"]);
    let metrics = &outcome.report()["metrics"];
    assert_eq!(metrics["state"], "unavailable", "the dump tells why there are none: {metrics}");
    assert!(metrics["message"].as_str().is_some_and(|text| text.contains("FailedDiscoveryCheck")), "{metrics}");
}

/// What people see, as it is: a changed golden is read, not waved through.
#[test]
fn the_table_at_80_and_200_columns() {
    for width in ["80", "200"] {
        let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_under-test-health"))
            .env_clear()
            .env("COLUMNS", width)
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .args(["usage", "--from", "examples/usage", "--now", NOW])
            .output()
            .expect("runs");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        insta::with_settings!({ omit_expression => true }, {
            insta::assert_snapshot!(format!("usage_at_{width}_columns"), text);
        });
    }
}

/// `health` itself judges what is full, where its files say so.
#[test]
fn health_of_the_same_files_finds_the_full_volumes() {
    let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_under-test-health"))
        .env_clear()
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .args(["--from", "examples/usage", "--now", NOW, "-o", "json"])
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let entry = |name: &str| {
        let all = report["objects"].as_array().into_iter().flatten();
        all.into_iter().find(|entry| entry["name"] == name && entry["kind"] == "PersistentVolumeClaim").cloned()
    };
    let full = entry("data-0-mlops-kafka-cluster-broker-0").expect("the claim");
    assert_eq!((&full["verdict"], &full["code"]), (&json!("FAIL"), &json!("volume-nearly-full")));
    assert_eq!(entry("datasets").expect("the claim")["verdict"], "OK");
}

#[test]
fn every_format_prints() {
    for format in ["table", "wide", "json", "yaml", "name", "markdown", "html", "junit", "prometheus"] {
        let outcome = run(None, &["--from", "examples/usage", "-o", format]);
        assert_eq!(outcome.code, Some(1), "{format}: {}", outcome.stderr);
        let wanted = if format == "name" {
            "persistentvolumeclaim/data-mlflow-postgresql-0"
        } else {
            "data-mlflow-postgresql-0"
        };
        assert!(outcome.stdout.contains(wanted), "{format}: {}", outcome.stdout);
    }
}

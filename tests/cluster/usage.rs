//! `kubectl mlops health usage` against a real API server, scheduler and kubectl.
//!
//! Two things are played: kwok's nodes have no kubelet, so the proxy answers for one of them (the
//! other gets what the API server says of a kubelet that does not answer); and metrics-server's part
//! is played by custom kinds of the same group, version and names, so that discovery, paging and
//! access rights are the API server's own.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use mlops_tests::control_plane::{ControlPlane, Parts};
use mlops_tests::proxy::{Fault, Proxy, Rule};
use mlops_tests::users::User;
use mlops_tests::wait;
use serde_json::{Value, json};

const WITHIN: Duration = Duration::from_secs(60);

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

fn usage(kubeconfig: &Path, flags: &[&str]) -> Outcome {
    let home = tempfile::tempdir().expect("home");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_under-test-health"))
        .env_clear()
        .env("HOME", home.path())
        .arg("usage")
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .args(["-o", "json", "--request-timeout", "5s"])
        .args(flags)
        .output()
        .expect("runs");
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// metrics.k8s.io as custom kinds.
fn definition(plural: &str, kind: &str, scope: &str) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.metrics.k8s.io"),
            "annotations": {"api-approved.kubernetes.io": "unapproved, plays metrics-server in a test"}},
        "spec": {"group": "metrics.k8s.io", "scope": scope,
            "names": {"plural": plural, "singular": kind.to_lowercase(), "kind": kind},
            "versions": [{"name": "v1beta1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]},
    })
}

/// A pod whose requests are not those of its containers alone: a sidecar, an init container that
/// asks for most, and resources of the pod as a whole on the other.
fn pods(namespace: &str, node: &str) -> Vec<Value> {
    let container = |name: &str, cpu: &str| json!({"name": name, "image": "x", "resources": {"requests": {"cpu": cpu, "memory": "64Mi"}}});
    let mut sidecar = container("sidecar", "150m");
    sidecar["restartPolicy"] = json!("Always");
    let pod = |name: &str, spec: Value| json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace}, "spec": spec});
    vec![
        pod(
            "layered",
            json!({"nodeName": node, "initContainers": [sidecar, container("init", "1200m")],
                "containers": [container("a", "300m"), container("b", "200m")],
                "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]}),
        ),
        pod(
            "whole",
            json!({"nodeName": node, "resources": {"requests": {"cpu": "700m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
                "containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "x"}]}),
        ),
    ]
}

#[test]
fn usage_of_a_real_cluster_grows_with_what_answers() {
    if std::env::var_os("MLOPS_TEST_KUBECONFIG").is_some() {
        eprintln!("skipped: takes the place of metrics-server, which a cluster that is already there may have");
        return;
    }
    // A control plane of its own: the played group would be seen by other tests.
    let parts = Parts { controller_manager: true, scheduler: true, kwok_nodes: Some(2), ..Parts::default() };
    let plane = ControlPlane::start(&parts).expect("started");
    let api = plane.api();
    let namespace = api.new_namespace("usage").expect("namespace");
    let nodes: Vec<String> = wait::until("two nodes", WITHIN, || {
        let nodes = api.list("v1", "Node", "")?;
        let names: Vec<String> =
            nodes.iter().filter_map(|node| Some(node["metadata"]["name"].as_str()?.to_owned())).collect();
        Ok((names.len() == 2).then_some(names))
    })
    .expect("nodes");
    let (first, second) = (nodes[0].clone(), nodes[1].clone());
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": namespace},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    api.apply_objects(std::iter::once(claim).chain(pods(&namespace, &first)).collect()).expect("applied");
    for name in ["layered", "whole"] {
        api.wait_for(("v1", "Pod", &namespace, name), WITHIN, |pod| pod["status"]["phase"] == "Running").expect("runs");
    }
    api.wait_for(("v1", "PersistentVolumeClaim", &namespace, "data"), WITHIN, |it| it["status"]["phase"] == "Bound")
        .expect("bound");
    let admin = plane.kubeconfig(User::Admin).expect("kubeconfig");

    // Nothing measures anything: what is reserved is known all the same, and is what kubectl says.
    let outcome = usage(&admin, &[]);
    assert_eq!(outcome.code, Some(3), "{}{}", outcome.stdout, outcome.stderr);
    let report = outcome.report();
    assert_eq!(report["metrics"]["state"], "not-installed", "{}", report["metrics"]);
    assert_eq!(report["volumeStatistics"]["measured"], 0, "{}", report["volumeStatistics"]);
    assert_eq!(report["volumeStatistics"]["failures"].as_array().map(Vec::len), Some(2));
    let row = |report: &Value, name: &str| {
        let all = report["nodes"].as_array().into_iter().flatten();
        all.into_iter().find(|node| node["name"] == name).cloned().expect("the node")
    };
    let described = plane.kubectl(&["describe", "node", &first]).expect("described");
    let allocated = described.split("Allocated resources:").nth(1).expect("a table");
    let cpu = allocated.lines().find(|line| line.trim_start().starts_with("cpu ")).expect("a row");
    // 1350m: an init container with the sidecar before it; 700m: the pod as a whole.
    assert_eq!(cpu.split_whitespace().nth(1), Some("2050m"), "{allocated}");
    assert_eq!(row(&report, &first)["cpu"]["requests"], 2050);
    assert_eq!(row(&report, &first)["cpu"]["used"], Value::Null);

    // An APIService whose extension is not there.
    let service = json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": "v1beta1.metrics.k8s.io"},
        "spec": {"group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100,
            "insecureSkipTLSVerify": true, "service": {"name": "metrics-server", "namespace": "kube-system"}}});
    api.apply_object(&service).expect("applied");
    api.wait_for(("apiregistration.k8s.io/v1", "APIService", "", "v1beta1.metrics.k8s.io"), WITHIN, |it| {
        it["status"]["conditions"][0]["status"] == "False"
    })
    .expect("not available");
    let outcome = usage(&admin, &["nodes"]);
    assert_eq!(outcome.code, Some(3), "{}{}", outcome.stdout, outcome.stderr);
    let metrics = &outcome.report()["metrics"];
    assert_eq!(metrics["state"], "unavailable", "{metrics}");
    assert!(metrics["message"].as_str().is_some_and(|text| text.contains("ServiceNotFound")), "{metrics}");
    api.delete("apiregistration.k8s.io/v1", "APIService", "", "v1beta1.metrics.k8s.io").expect("deleted");

    // Metrics, and the kubelet of the first node; the second one's does not answer.
    for (plural, kind, scope) in [("nodes", "NodeMetrics", "Cluster"), ("pods", "PodMetrics", "Namespaced")] {
        api.apply_object(&definition(plural, kind, scope)).expect("applied");
        let name = format!("{plural}.metrics.k8s.io");
        api.wait_for(("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", &name), WITHIN, |it| {
            it["status"]["conditions"]
                .as_array()
                .is_some_and(|all| all.iter().any(|it| it["type"] == "Established" && it["status"] == "True"))
        })
        .expect("established");
    }
    let now = Timestamp::now().to_string();
    let figure = |kind: &str, namespace: Option<&str>, name: &str, extra: Value| {
        let mut object = json!({"apiVersion": "metrics.k8s.io/v1beta1", "kind": kind, "metadata": {"name": name}, "timestamp": now, "window": "15s"});
        if let Some(namespace) = namespace {
            object["metadata"]["namespace"] = json!(namespace);
        }
        for (key, value) in extra.as_object().expect("fields") {
            object[key] = value.clone();
        }
        object
    };
    let use_of = |cpu: &str| json!({"usage": {"cpu": cpu, "memory": "1Gi"}});
    let mut figures: Vec<Value> = nodes.iter().map(|node| figure("NodeMetrics", None, node, use_of("1500m"))).collect();
    for name in ["layered", "whole"] {
        let containers = json!({"containers": [{"name": "a", "usage": {"cpu": "123456789n", "memory": "100Mi"}}]});
        figures.push(figure("PodMetrics", Some(&namespace), name, containers));
    }
    wait::until("metrics are served", WITHIN, || Ok(api.apply_objects(figures.clone()).ok())).expect("applied");
    let proxy = Proxy::start(&plane).expect("proxy");
    let summary = json!({"node": {"nodeName": first}, "pods": [{"podRef": {"name": "layered", "namespace": namespace},
        "volume": [{"name": "data", "pvcRef": {"name": "data", "namespace": namespace}, "time": now,
            "capacityBytes": 1000, "usedBytes": 970, "availableBytes": 30, "inodes": 100, "inodesUsed": 1, "inodesFree": 99}]}]});
    proxy.add(
        Rule::new(Fault::Answer { status: 200, body: summary.to_string() })
            .path(&format!("/api/v1/nodes/{first}/proxy/stats/summary")),
    );
    let through = proxy.kubeconfig(User::Admin).expect("kubeconfig");
    let outcome = usage(&through, &["--fail-on", "never"]);
    assert_eq!(outcome.code, Some(3), "one kubelet of two: {}{}", outcome.stdout, outcome.stderr);
    let report = outcome.report();
    assert_eq!(report["metrics"]["state"], "complete", "{}", report["metrics"]);
    assert_eq!(row(&report, &first)["cpu"]["used"], 1500);
    let source = &report["volumeStatistics"];
    assert_eq!((&source["state"], &source["measured"]), (&json!("incomplete"), &json!(1)), "{source}");
    assert_eq!(source["failures"][0]["node"], second, "{source}");
    assert_eq!((&report["volumes"][0]["claim"], &report["volumes"][0]["verdict"]), (&json!("data"), &json!("FAIL")));
    assert_eq!(usage(&through, &[]).code, Some(1), "a full volume wins over a part that is missing");
    let pod = report["pods"].as_array().and_then(|all| all.iter().find(|pod| pod["name"] == "layered").cloned());
    assert_eq!(
        pod.map(|pod| (pod["cpu"]["used"].clone(), pod["cpu"]["requests"].clone())),
        Some((json!(123), json!(1350)))
    );
    assert!(proxy.requests().iter().all(|request| request.method == "GET" && !request.target.contains("secrets")));

    // Who may read nothing is told so, and never that all is well.
    let stranger = usage(&plane.kubeconfig(User::Stranger).expect("kubeconfig"), &[]);
    assert_eq!(stranger.code, Some(3), "{}{}", stranger.stdout, stranger.stderr);
    let report = stranger.report();
    assert_eq!(report["metrics"]["state"], "forbidden", "{}", report["metrics"]);
    assert_ne!(report["verdict"], "OK");
    let gap =
        report["coverage"].as_array().and_then(|all| all.iter().find(|section| section["kind"] == "Pod").cloned());
    assert_eq!(gap.map(|gap| gap["gap"].clone()), Some(json!(true)));
}

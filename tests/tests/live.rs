//! The live source against a scripted server on loopback: paging, faults, and what is asked for.

use mlops_tests::loopback::{Answer, Server};
use std::net::TcpListener;
use std::sync::Arc;

const API: &str = r#"{"kind":"APIGroupDiscoveryList","items":[{"metadata":{},"versions":[{"version":"v1","freshness":"Current","resources":[
 {"resource":"pods","responseKind":{"kind":"Pod"},"scope":"Namespaced","verbs":["get","list"]},
 {"resource":"secrets","responseKind":{"kind":"Secret"},"scope":"Namespaced","verbs":["get","list"]},
 {"resource":"bindings","responseKind":{"kind":"Binding"},"scope":"Namespaced","verbs":["create"]}]}]}]}"#;
const APIS: &str = r#"{"kind":"APIGroupDiscoveryList","items":[]}"#;

fn ok(body: impl Into<String>) -> Answer {
    Some((200, "", body.into()))
}

/// A cluster whose pods are answered by `pods`; everything else is there and empty.
fn cluster(pods: impl Fn(&str, usize) -> Answer + Send + Sync + 'static) -> Server {
    Server::start(Arc::new(move |path, times| match path {
        "/api" => ok(API),
        "/apis" => ok(APIS),
        "/version" => ok(r#"{"gitVersion":"v1.36.3"}"#),
        path if path.contains("/pods") => pods(path, times),
        _ => ok(r#"{"kind":"List","items":[]}"#),
    }))
}

fn pod(name: &str, phase: &str) -> String {
    format!(r#"{{"metadata":{{"name":"{name}","namespace":"a"}},"status":{{"phase":"{phase}"}}}}"#)
}

fn list(items: &[String], token: &str) -> String {
    format!(r#"{{"kind":"List","metadata":{{"continue":"{token}"}},"items":[{}]}}"#, items.join(","))
}

struct Outcome {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn health(server: &str, flags: &[&str]) -> Outcome {
    let home = tempfile::tempdir().expect("home");
    let config = home.path().join("config");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: test\nclusters: [{{name: c, cluster: {{server: '{server}'}}}}]\nusers: [{{name: u, user: {{token: CANARY-TOKEN}}}}]\ncontexts: [{{name: test, context: {{cluster: c, user: u}}}}]\n"
    );
    std::fs::write(&config, text).expect("write");
    let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_under-test-health"))
        .env_clear()
        .env("HOME", home.path())
        // A file that is not there is skipped, as kubectl does.
        .env("KUBECONFIG", format!("/nonexistent/config:{}", config.display()))
        .args(if flags.contains(&"-o") { &[][..] } else { &["-o", "json"] })
        .args(flags)
        .output()
        .expect("runs");
    let outcome = Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    };
    assert!(!outcome.stdout.contains("CANARY") && !outcome.stderr.contains("CANARY"), "{}", outcome.stderr);
    outcome
}

fn report(outcome: &Outcome) -> serde_json::Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {}", outcome.stderr))
}

#[test]
fn pages_are_read_to_the_end_and_secrets_as_metadata() {
    let server = cluster(|path, _| {
        if path.contains("continue=next%2B1") {
            ok(list(&[pod("two", "Failed")], ""))
        } else {
            ok(list(&[pod("one", "Succeeded")], "next+1"))
        }
    });
    let outcome = health(&server.address, &[]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    let report = report(&outcome);
    assert_eq!(report["objects"].as_array().map(Vec::len), Some(2));
    assert_eq!(report["view"]["serverVersion"], "v1.36.3");
    assert_eq!(report["view"]["name"], "test");
    let seen = server.seen();
    assert!(seen.iter().any(|line| line.starts_with("/api/v1/pods?limit=500 ")), "{seen:?}");
    let secrets: Vec<_> = seen.iter().filter(|line| line.contains("/secrets")).collect();
    assert!(
        !secrets.is_empty() && secrets.iter().all(|line| line.contains("as=PartialObjectMetadataList")),
        "{secrets:?}"
    );
}

#[test]
fn a_namespace_is_read_alone() {
    let server = cluster(|_, _| ok(list(&[pod("one", "Succeeded")], "")));
    let outcome = health(&server.address, &["-n", "a"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let seen = server.seen();
    assert!(seen.iter().any(|line| line.starts_with("/api/v1/namespaces/a/pods?")), "{seen:?}");
    assert!(!seen.iter().any(|line| line.starts_with("/api/v1/pods")), "{seen:?}");
}

/// Go writes an empty list of metadata that way.
#[test]
fn a_list_of_null_is_empty() {
    let server = cluster(|_, _| ok(r#"{"kind":"PodList","metadata":{},"items":null}"#));
    let outcome = health(&server.address, &[]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
}

/// Who may read one namespace only sees that one, and that the rest is not known.
#[test]
fn where_the_cluster_is_forbidden_namespaces_are_tried() {
    let no = || Some((403, "", r#"{"kind":"Status","message":"pods is forbidden"}"#.to_owned()));
    let server = cluster(move |path, _| match path {
        path if path.starts_with("/api/v1/namespaces/data-plane/") => ok(list(&[pod("one", "Succeeded")], "")),
        _ => no(),
    });
    let outcome = health(&server.address, &[]);
    assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
    let report = report(&outcome);
    assert_eq!(report["objects"].as_array().map(Vec::len), Some(1));
    let pods = report["coverage"].as_array().into_iter().flatten().find(|section| section["kind"] == "Pod");
    let pods = pods.expect("pods");
    assert_eq!((&pods["read"], &pods["gap"], &pods["objects"]), (&false.into(), &true.into(), &1.into()));
    assert!(pods["why"].as_str().is_some_and(|why| why.starts_with("read in data-plane only")), "{pods}");
}

const MANY: &str = r#"{"kind":"APIGroupDiscoveryList","items":[{"metadata":{},"versions":[{"version":"v1","resources":[
 {"resource":"namespaces","responseKind":{"kind":"Namespace"},"scope":"Cluster","verbs":["list"]},
 {"resource":"pods","responseKind":{"kind":"Pod"},"scope":"Namespaced","verbs":["list"]},
 {"resource":"secrets","responseKind":{"kind":"Secret"},"scope":"Namespaced","verbs":["list"]},
 {"resource":"services","responseKind":{"kind":"Service"},"scope":"Namespaced","verbs":["list"]}]}]}]}"#;

/// A cluster of a hundred namespaces whose other kinds may be listed nowhere as a whole; `allowed` says by kind and
/// namespace whether they may there.
fn of_namespaces(allowed: impl Fn(&str, &str) -> bool + Send + Sync + 'static) -> Server {
    let names: Vec<String> = (0..100).map(|number| format!(r#"{{"metadata":{{"name":"n{number:02}"}}}}"#)).collect();
    Server::start(Arc::new(move |path, _| {
        let parts: Vec<&str> = path.split(['/', '?']).collect();
        match (path, parts.as_slice()) {
            ("/api", _) => ok(MANY),
            ("/apis", _) => ok(APIS),
            ("/version", _) => ok("{}"),
            (_, [_, _, _, "namespaces", namespace, kind, _]) if allowed(kind, namespace) => {
                ok(r#"{"kind":"List","items":[]}"#)
            }
            (_, [_, _, _, "namespaces", query]) if query.starts_with("limit") => {
                ok(format!(r#"{{"kind":"NamespaceList","items":[{}]}}"#, names.join(",")))
            }
            _ => Some((403, "", r#"{"kind":"Status","message":"it is forbidden"}"#.to_owned())),
        }
    }))
}

fn asked(server: &Server, kind: &str) -> usize {
    let path = format!("/{kind}?");
    server.seen().iter().filter(|line| line.contains("/namespaces/") && line.contains(&path)).count()
}

fn why(outcome: &Outcome, kind: &str) -> String {
    let report = report(outcome);
    let rows = report["coverage"].as_array().expect("coverage");
    let row = rows.iter().find(|row| row["kind"] == kind).expect("a row");
    assert_eq!(row["gap"], true, "{row}");
    row["why"].as_str().expect("a reason").to_owned()
}

/// Whoever may name the namespaces but not list in them does not send a request for each pair of kind and namespace.
#[test]
fn what_is_asked_in_vain_by_namespace_is_bounded_and_said() {
    // Pods everywhere, services in some: after eight refusals in a row there is an end.
    let server = of_namespaces(|kind, namespace| kind == "pods" || kind == "services" && namespace < "n05");
    let outcome = health(&server.address, &[]);
    assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
    assert_eq!((asked(&server, "pods"), asked(&server, "services"), asked(&server, "secrets")), (200, 13, 8));
    assert_eq!(
        why(&outcome, "Service"),
        "read in n00, n01, n02, n03, n04 only; elsewhere forbidden: it is forbidden; 8 namespaces refused it in a row, \
         87 more were not asked"
    );
    assert!(why(&outcome, "Secret").ends_with("8 namespaces refused it in a row, 92 more were not asked"));
    // Nothing anywhere: each namespace is tried once.
    let server = of_namespaces(|_, _| false);
    let outcome = health(&server.address, &[]);
    assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
    assert_eq!((asked(&server, "pods"), asked(&server, "services"), asked(&server, "secrets")), (100, 0, 0));
    // One role in one namespace, wherever it stands among the others: everything there is read.
    let server = of_namespaces(|_, namespace| namespace == "n77");
    let outcome = health(&server.address, &[]);
    assert!(why(&outcome, "Secret").starts_with("read in n77 only"), "{}", why(&outcome, "Secret"));
    assert_eq!((asked(&server, "pods"), asked(&server, "services"), asked(&server, "secrets")), (101, 1, 1));
    let secrets: Vec<_> = server.seen().into_iter().filter(|line| line.contains("/secrets")).collect();
    assert!(secrets.iter().all(|line| line.contains("as=PartialObjectMetadataList")), "{secrets:?}");
}

#[test]
fn a_list_that_is_gone_is_started_again() {
    let server = cluster(|path, times| match (path.contains("continue="), times) {
        (true, 0) => Some((410, "", r#"{"kind":"Status","message":"expired"}"#.into())),
        (true, _) => ok(list(&[pod("two", "Succeeded")], "")),
        (false, _) => ok(list(&[pod("one", "Succeeded")], "token")),
    });
    let outcome = health(&server.address, &[]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(report(&outcome)["objects"].as_array().map(Vec::len), Some(2), "no object twice");
}

#[test]
fn a_busy_server_is_asked_three_times_and_no_more() {
    for (failures, code) in [(2, Some(0)), (9, Some(3))] {
        let server = cluster(move |_, times| {
            if times < failures { Some((429, "Retry-After: 0\r\n", String::new())) } else { ok(list(&[], "")) }
        });
        let outcome = health(&server.address, &[]);
        assert_eq!(outcome.code, code, "{}", outcome.stderr);
        let asked = server.seen().iter().filter(|line| line.contains("/pods")).count();
        assert_eq!(asked, 3);
    }
}

/// Faults of one list: the run goes on, the kind is a gap, and the end is never a clean one.
#[test]
fn a_fault_of_one_kind_makes_the_report_partial() {
    let status = |message: &str| format!(r#"{{"kind":"Status","message":"{message}"}}"#);
    let faults: Vec<(&str, Answer)> = vec![
        ("forbidden", Some((403, "", status("pods is forbidden")))),
        ("unauthorized", Some((401, "", String::new()))),
        ("server error", Some((500, "", "<html>CANARY</html>".into()))),
        ("unavailable", Some((503, "Retry-After: 0\r\n", String::new()))),
        ("a web page", ok("<html><body>CANARY log in</body></html>")),
        (
            "half a body",
            Some((200, "X-Test: cut\r\n", r#"{"kind":"PodList","items":[{"metadata":{"name":"CANARY"#.into())),
        ),
        ("no list", ok(r#"{"kind":"PodList","metadata":{}}"#)),
        ("a hang", None),
    ];
    for (name, answer) in faults {
        let server = cluster(move |_, _| answer.clone());
        let outcome = health(&server.address, &["--request-timeout", "1"]);
        assert_eq!(outcome.code, Some(3), "{name}: {}{}", outcome.stdout, outcome.stderr);
        let report = report(&outcome);
        assert_eq!(report["summary"]["partial"], true, "{name}");
        let gap = report["coverage"]
            .as_array()
            .and_then(|all| all.iter().find(|section| section["kind"] == "Pod"))
            .expect("pods");
        assert_eq!((&gap["read"], &gap["gap"]), (&false.into(), &true.into()), "{name}: {gap}");
    }
}

#[test]
fn a_server_that_does_not_answer_at_all_is_an_error_with_a_hint() {
    let refused = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        format!("http://{}", listener.local_addr().expect("address"))
    };
    let hang = Server::start(Arc::new(|_, _| None));
    let page = Server::start(Arc::new(|_, _| ok("<html>CANARY</html>")));
    let denied = Server::start(Arc::new(|_, _| Some((401, "", String::new()))));
    for (name, address) in
        [("refused", &refused), ("hang", &hang.address), ("page", &page.address), ("denied", &denied.address)]
    {
        let outcome = health(address, &["--request-timeout", "1s"]);
        assert_eq!(outcome.code, Some(3), "{name}: {}", outcome.stderr);
        assert!(outcome.stdout.is_empty(), "{name}: {}", outcome.stdout);
        assert!(
            outcome.stderr.starts_with("error: ") && outcome.stderr.contains("hint: "),
            "{name}: {}",
            outcome.stderr
        );
    }
}

#[test]
fn a_server_without_aggregated_discovery_is_read_too() {
    let server = Server::start(Arc::new(|path, _| match path {
        "/api" => ok(r#"{"kind":"APIVersions","versions":["v1"]}"#),
        "/apis" => ok(
            r#"{"kind":"APIGroupList","groups":[{"versions":[{"groupVersion":"apps/v1"}]},{"versions":[{"groupVersion":"down/v1"}]}]}"#,
        ),
        "/api/v1" => ok(
            r#"{"kind":"APIResourceList","resources":[{"name":"pods","kind":"Pod","namespaced":true,"verbs":["list"]},{"name":"pods/log","kind":"Pod","verbs":["get"]}]}"#,
        ),
        "/apis/apps/v1" => ok(
            r#"{"kind":"APIResourceList","resources":[{"name":"deployments","kind":"Deployment","namespaced":true,"verbs":["list"]}]}"#,
        ),
        "/apis/down/v1" => Some((500, "", String::new())),
        _ => ok(r#"{"items":[]}"#),
    }));
    let outcome = health(&server.address, &[]);
    assert_eq!(outcome.code, Some(3), "the group that is down is a gap: {}", outcome.stderr);
    let report = report(&outcome);
    let kinds: Vec<_> =
        report["coverage"].as_array().into_iter().flatten().map(|section| section["kind"].clone()).collect();
    assert!(kinds.contains(&"Pod".into()) && kinds.contains(&"Deployment".into()), "{kinds:?}");
    let gap = report["coverage"].as_array().into_iter().flatten().find(|section| section["group"] == "down");
    assert_eq!(gap.map(|gap| &gap["gap"]), Some(&true.into()));
}

#[test]
fn a_wrong_kubeconfig_is_wrong_usage() {
    let server = cluster(|_, _| ok(list(&[], "")));
    for flags in [vec!["--context", "gone"], vec!["--kubeconfig", "/nonexistent"], vec!["--request-timeout", "soon"]] {
        let outcome = health(&server.address, &flags);
        assert_eq!(outcome.code, Some(2), "{flags:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("hint: "), "{flags:?}: {}", outcome.stderr);
    }
}

const WITH_NODES: &str = r#"{"kind":"APIGroupDiscoveryList","items":[{"metadata":{},"versions":[{"version":"v1","resources":[
 {"resource":"persistentvolumeclaims","responseKind":{"kind":"PersistentVolumeClaim"},"scope":"Namespaced","verbs":["list"]},
 {"resource":"pods","responseKind":{"kind":"Pod"},"scope":"Namespaced","verbs":["list"]},
 {"resource":"endpoints","responseKind":{"kind":"Endpoints"},"scope":"Namespaced","verbs":["list"]},
 {"resource":"nodes","responseKind":{"kind":"Node"},"scope":"Cluster","verbs":["list"]}]}]}]}"#;

fn node(name: &str, ready: &str) -> String {
    format!(r#"{{"metadata":{{"name":"{name}"}},"status":{{"conditions":[{{"type":"Ready","status":"{ready}"}}]}}}}"#)
}

/// A summary of this node, whose one volume is used to this share.
fn summary(name: &str, percent: u32) -> String {
    let left = 100 - percent;
    format!(
        r#"{{"node":{{"nodeName":"{name}"}},"pods":[{{"podRef":{{"name":"p","namespace":"a"}},"volume":[{{"name":"v",
        "pvcRef":{{"name":"data","namespace":"a"}},"time":"2026-11-20T03:00:00Z","capacityBytes":100,"usedBytes":{percent},"availableBytes":{left}}}]}}]}}"#
    )
}

/// A cluster with these nodes, a bound claim and a pod on the first one; `kubelet` answers for them.
fn with_nodes(nodes: Vec<String>, kubelet: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Server {
    let claim = r#"{"metadata":{"name":"data","namespace":"a"},"status":{"phase":"Bound"}}"#;
    let pod = r#"{"metadata":{"name":"p","namespace":"a"},"spec":{"nodeName":"w1"},"status":{"phase":"Succeeded"}}"#;
    let running = pod.replace("Succeeded", "Running");
    Server::start(Arc::new(move |path, _| match path {
        "/api" => ok(WITH_NODES),
        "/apis" => ok(APIS),
        "/version" => ok(r#"{"gitVersion":"v1.36.3"}"#),
        path if path.contains("/proxy/") => kubelet(path.split('/').nth(4).unwrap_or_default()),
        path if path.starts_with("/api/v1/nodes?") => ok(list(&nodes, "")),
        path if path.contains("persistentvolumeclaims") => ok(list(&[claim.to_owned()], "")),
        path if path.contains("/namespaces/a/pods") => ok(list(std::slice::from_ref(&running), "")),
        path if path.contains("/pods") => ok(list(&[pod.to_owned()], "")),
        _ => ok(r#"{"kind":"List","items":[]}"#),
    }))
}

fn measured(report: &serde_json::Value) -> serde_json::Value {
    let all = report["coverage"].as_array().into_iter().flatten();
    all.into_iter().find(|section| section["kind"] == "Summary").cloned().expect("a line on kubelets")
}

fn asked_kubelets(server: &Server) -> usize {
    server.seen().iter().filter(|line| line.contains("/proxy/stats/summary")).count()
}

const AT: [&str; 2] = ["--now", "2026-11-20T03:00:00Z"];

#[test]
fn a_full_volume_is_found_in_a_live_cluster() {
    let nodes = vec![node("w1", "True"), node("w2", "True")];
    let server = with_nodes(nodes.clone(), |name| ok(summary(name, if name == "w1" { 97 } else { 10 })));
    let outcome = health(&server.address, &AT);
    assert_eq!(outcome.code, Some(1), "{}{}", outcome.stdout, outcome.stderr);
    let found = report(&outcome);
    assert_eq!(found["causes"][0]["code"], "volume-nearly-full", "{}", found["causes"]);
    assert_eq!(found["causes"].as_array().map(Vec::len), Some(1), "{}", found["causes"]);
    assert_eq!((&measured(&found)["read"], &measured(&found)["objects"]), (&true.into(), &2.into()));
    let objects = found["objects"].as_array().expect("objects");
    assert!(objects.iter().all(|entry| entry["kind"] != "Summary"), "a measurement is no object: {objects:?}");

    let server = with_nodes(nodes, |name| ok(summary(name, 97)));
    let outcome = health(&server.address, &["--no-volumes", AT[0], AT[1]]);
    assert_eq!((outcome.code, asked_kubelets(&server)), (Some(0), 0), "{}", outcome.stdout);
    assert_eq!(measured(&report(&outcome))["why"], "not asked for");
}

/// Who may not ask kubelets gets a whole report that says what it does not know, and asks once.
#[test]
fn kubelets_that_may_not_be_asked_are_no_gap() {
    let nodes: Vec<String> = (0..40).map(|number| node(&format!("w{number}"), "True")).collect();
    let body = r#"{"kind":"Status","message":"nodes \"w1\" is forbidden: cannot get nodes/proxy"}"#;
    let server = with_nodes(nodes, move |_| Some((403, "", body.to_owned())));
    let outcome = health(&server.address, &AT);
    assert_eq!(outcome.code, Some(0), "{}{}", outcome.stdout, outcome.stderr);
    assert!(asked_kubelets(&server) <= 8, "{}", asked_kubelets(&server));
    let row = measured(&report(&outcome));
    assert_eq!((&row["read"], &row["gap"]), (&false.into(), &false.into()), "{row}");
    assert!(row["hint"].as_str().is_some_and(|hint| hint.contains("resources: [\"nodes/proxy\"], verbs: [\"get\"]")));
    let table = health(&server.address, &["-o", "table", AT[0], AT[1]]);
    assert!(
        table.stdout.contains("not measured: how full volumes and node filesystems are: forbidden"),
        "{}",
        table.stdout
    );
}

#[test]
fn a_kubelet_that_should_answer_and_does_not_is_a_gap() {
    for (answer, why) in [
        (None, "timed out"),
        (Some((503, "", r#"{"kind":"Status","message":"connection refused"}"#.to_owned())), "connection refused"),
        (ok("<html>"), "no summary"),
        (ok(summary("w1", 1)), "another node"),
    ] {
        let silent = answer.clone();
        let kubelet = move |name: &str| if name == "w2" { silent.clone() } else { ok(summary(name, 10)) };
        let server = with_nodes(vec![node("w1", "True"), node("w2", "True"), node("w3", "True")], kubelet);
        let outcome = health(&server.address, &["--request-timeout", "1s", AT[0], AT[1]]);
        assert_eq!(outcome.code, Some(3), "{why}: {}{}", outcome.stdout, outcome.stderr);
        let row = measured(&report(&outcome));
        assert_eq!(row["gap"], true, "{row}");
        let text = row["why"].as_str().unwrap_or_default();
        assert!(text.starts_with("measured on 2 of 3 nodes; not on w2: ") && text.contains(why), "{row}");
    }
}

/// A dead node is a finding of its own, and nobody waits for its kubelet; a virtual one has no summary.
#[test]
fn nodes_that_cannot_answer_are_named_and_not_waited_for() {
    let kubelet = |name: &str| match name {
        "w1" => ok(summary(name, 10)),
        "virtual" => Some((404, "", String::new())),
        _ => None,
    };
    let server = with_nodes(vec![node("dead", "Unknown"), node("virtual", "True"), node("w1", "True")], kubelet);
    let outcome = health(&server.address, &["--fail-on", "never", AT[0], AT[1]]);
    let row = measured(&report(&outcome));
    assert_eq!((&row["read"], &row["gap"]), (&false.into(), &false.into()), "{row}");
    let why = "measured on 1 of 3 nodes; not on virtual: gone, or its kubelet has no summary; dead: not ready";
    assert_eq!(row["why"], why);
    assert!(!server.seen().iter().any(|line| line.contains("/nodes/dead/")));
}

#[test]
fn a_way_to_kubelets_that_is_closed_is_tried_eight_times() {
    let nodes: Vec<String> = (0..40).map(|number| node(&format!("w{number}"), "True")).collect();
    let server = with_nodes(nodes, |_| Some((502, "", String::new())));
    let outcome = health(&server.address, &AT);
    assert_eq!(outcome.code, Some(3), "{}{}", outcome.stdout, outcome.stderr);
    assert!(asked_kubelets(&server) <= 16, "{}", asked_kubelets(&server));
    assert!(
        measured(&report(&outcome))["why"].as_str().is_some_and(|why| why.starts_with("measured on 0 of 40 nodes"))
    );
}

#[test]
fn with_a_namespace_only_the_nodes_of_its_pods_are_asked() {
    let server = with_nodes(vec![node("w1", "True"), node("w2", "True")], |name| ok(summary(name, 97)));
    let outcome = health(&server.address, &["-n", "a", AT[0], AT[1]]);
    assert_eq!(outcome.code, Some(1), "{}{}", outcome.stdout, outcome.stderr);
    assert!(server.seen().iter().any(|line| line.contains("/nodes/w1/")));
    assert!(!server.seen().iter().any(|line| line.contains("/nodes/w2/")));
}

#[test]
fn what_is_passed_over_is_told_where_everything_is() {
    let server = with_nodes(vec![node("w1", "True")], |name| ok(summary(name, 10)));
    let outcome = health(&server.address, &AT);
    assert_eq!(outcome.code, Some(0), "{}{}", outcome.stdout, outcome.stderr);
    let found = report(&outcome);
    let rows: Vec<_> =
        found["coverage"].as_array().into_iter().flatten().filter(|row| row["kind"] == "Endpoints").collect();
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!((&rows[0]["read"], &rows[0]["gap"]), (&false.into(), &false.into()), "{rows:?}");
    let line = "passed over, for its objects say nothing of health: Endpoints";
    assert!(health(&server.address, &["-o", "wide", AT[0], AT[1]]).stdout.contains(line));
    assert!(!health(&server.address, &["-o", "table", AT[0], AT[1]]).stdout.contains("passed over"));
}

/// stdout is the answer and nothing else.
#[test]
fn warnings_of_the_server_are_said_once_on_stderr() {
    let warning = "Warning: 299 - \"v1 Pod is old\"\r\n";
    let server = Server::start(Arc::new(move |path, _| match path {
        "/api" => ok(API),
        "/apis" => ok(APIS),
        "/version" => ok("{}"),
        _ => Some((200, warning, r#"{"kind":"List","items":[]}"#.to_owned())),
    }));
    for format in ["json", "name", "table", "prometheus"] {
        let outcome = health(&server.address, &["-o", format, "-n", "a", "-n", "b"]);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        assert_eq!(outcome.stderr.matches("the API server warns: ").count(), 1, "{format}: {}", outcome.stderr);
        assert!(!outcome.stdout.contains("warns"), "{format}: {}", outcome.stdout);
        assert!(health(&server.address, &["-o", format, "-q"]).stderr.is_empty(), "-q");
    }
}

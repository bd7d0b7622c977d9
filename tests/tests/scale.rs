//! `kubectl mlops scale` from files and against a scripted server on loopback.
#![cfg(unix)]

use mlops_tests::loopback::{Answer, Asked, Server};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

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

fn command(flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_under-test-scale"));
    command.env_clear().env("HOME", "/nonexistent").current_dir(root()).stdin(Stdio::null()).args(flags);
    command
}

fn run(flags: &[&str]) -> Outcome {
    let output = command(flags).output().expect("runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let outcome = Outcome { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!(!outcome.stdout.contains("CANARY") && !outcome.stderr.contains("CANARY"), "{}", outcome.stderr);
    outcome
}

const CORE: &str = r#"{"kind":"APIGroupDiscoveryList","items":[{"metadata":{},"versions":[{"version":"v1","resources":[
 {"resource":"nodes","singularResource":"node","responseKind":{"kind":"Node"},"scope":"Cluster","verbs":["get","list"]},
 {"resource":"pods","singularResource":"pod","responseKind":{"kind":"Pod"},"scope":"Namespaced","verbs":["get","list"]}]}]}]}"#;

/// A discovery with two kinds of one name, and one without a scale.
fn groups() -> String {
    let resource = |plural: &str, singular: &str, kind: &str, short: &str, is_scalable: bool| {
        let scale = json!([{"subresource": "scale", "verbs": ["get", "update"]}]);
        json!({"resource": plural, "singularResource": singular, "responseKind": {"kind": kind}, "scope": "Namespaced",
            "shortNames": [short], "verbs": ["get", "list"], "subresources": if is_scalable { scale } else { json!([]) }})
    };
    let group = |name: &str, resources: Vec<Value>| json!({"metadata": {"name": name}, "versions": [{"version": "v1", "resources": resources}]});
    let apps = vec![
        resource("deployments", "deployment", "Deployment", "deploy", true),
        resource("daemonsets", "daemonset", "DaemonSet", "ds", false),
    ];
    let items = [
        group("apps", apps),
        group("one.example", vec![resource("widgets", "widget", "Widget", "wi", true)]),
        group("two.example", vec![resource("widgets", "widget", "Widget", "wi", true)]),
        group(
            "kustomize.toolkit.fluxcd.io",
            vec![resource("kustomizations", "kustomization", "Kustomization", "ks", false)],
        ),
    ];
    json!({"kind": "APIGroupDiscoveryList", "items": items}).to_string()
}

fn deployment(replicas: u32, ready: u32) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "a", "uid": "u", "resourceVersion": "7", "generation": 2,
            "managedFields": [{"manager": "ada", "operation": "Update", "time": "2026-11-01T00:00:00Z",
                "fieldsV1": {"f:spec": {"f:replicas": {}}}}]},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "main", "image": "i"}]}}},
        "status": {"observedGeneration": 2, "replicas": ready, "readyReplicas": ready, "updatedReplicas": ready}})
}

fn scale(replicas: u32) -> Value {
    json!({"kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {"name": "web", "namespace": "a", "resourceVersion": "7"},
        "spec": {"replicas": replicas}, "status": {"replicas": replicas, "selector": "app=web"}})
}

fn ok(body: impl ToString) -> Answer {
    Some((200, "", body.to_string()))
}

/// What a cluster answers where a test says nothing else.
fn usual(asked: &Asked, is_scaled: bool) -> Answer {
    let path = asked.path.split('?').next().unwrap_or_default();
    let now = if is_scaled { 3 } else { 2 };
    match path {
        "/api" => ok(CORE),
        "/apis" => ok(groups()),
        "/version" => ok(r#"{"gitVersion":"v1.36.3"}"#),
        "/apis/apps/v1/namespaces/a/deployments/web" => ok(deployment(now, now)),
        "/apis/apps/v1/namespaces/a/deployments/web/scale" if asked.method == "PUT" => ok(&asked.body),
        "/apis/apps/v1/namespaces/a/deployments/web/scale" => ok(scale(now)),
        "/api/v1/nodes" => ok(json!({"kind": "NodeList", "items": [{"metadata": {"name": "n1"}, "status": {
            "allocatable": {"cpu": "4", "pods": "110"}, "conditions": [{"type": "Ready", "status": "True"}]}}]})),
        "/apis/apps/v1/deployments" => ok(json!({"kind": "DeploymentList", "items": [deployment(now, now)]})),
        path if path.contains("/namespaces/a/") => {
            Some((404, "", r#"{"kind":"Status","reason":"NotFound"}"#.to_owned()))
        }
        _ => ok(r#"{"kind":"List","items":[]}"#),
    }
}

/// A cluster that scales when it is told to, with answers of the test's own before.
fn cluster(own: impl Fn(&Asked) -> Option<Answer> + Send + Sync + 'static) -> Server {
    let is_scaled = std::sync::atomic::AtomicBool::new(false);
    Server::start_full(Arc::new(move |asked, _| {
        if let Some(answer) = own(asked) {
            return answer;
        }
        let is_kept = asked.method == "PUT" && !asked.path.contains("dryRun");
        if is_kept {
            is_scaled.store(true, std::sync::atomic::Ordering::SeqCst);
        }
        usual(asked, is_scaled.load(std::sync::atomic::Ordering::SeqCst))
    }))
}

fn kubeconfig(server: &Server) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: test\nclusters: [{{name: c, cluster: {{server: '{}'}}}}]\nusers: [{{name: ada, user: {{token: CANARY-TOKEN}}}}]\ncontexts: [{{name: test, context: {{cluster: c, user: ada, namespace: a}}}}]\n",
        server.address
    );
    std::fs::write(file.path(), text).expect("write");
    file
}

fn on(server: &Server, flags: &[&str]) -> Outcome {
    let config = kubeconfig(server);
    let path = config.path().display().to_string();
    run(&[flags, &["-o", "json", "--kubeconfig", path.as_str()]].concat())
}

const TO_THREE: &[&str] = &["deploy/web", "--replicas", "3"];

#[test]
fn it_is_marked_scaled_waited_for_and_unmarked() {
    let server = cluster(|_| None);
    let outcome = on(&server, &[TO_THREE, &["--yes", "--reason", "load"]].concat());
    assert_eq!((outcome.code, outcome.plan()["state"].as_str()), (Some(0), Some("done")), "{}", outcome.stderr);
    let writes = server.writes();
    let methods: Vec<&str> = writes.iter().map(|write| write.method.as_str()).collect();
    assert_eq!(methods, ["PATCH", "PUT", "PATCH"]);
    assert!(writes.iter().all(|write| write.path.contains("fieldManager=mlops")), "{writes:?}");
    let mark: Value = serde_json::from_str(&writes[0].body).expect("JSON");
    let annotations = &mark["metadata"]["annotations"];
    assert_eq!(
        (&annotations["mlops.dev/scaling-to"], &annotations["mlops.dev/scaling-by"]),
        (&json!("3"), &json!("ada"))
    );
    assert_eq!(mark["metadata"]["resourceVersion"], "7");
    let gone: Value = serde_json::from_str(&writes[2].body).expect("JSON");
    assert_eq!(gone["metadata"]["annotations"]["mlops.dev/scaling-to"], Value::Null);
}

#[test]
fn nobody_agreed_so_nothing_is_sent() {
    let server = cluster(|_| None);
    let outcome = on(&server, TO_THREE);
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("--yes") && outcome.stdout.is_empty(), "{}", outcome.stderr);
    let plan = on(&server, &[&["plan"], TO_THREE].concat());
    assert_eq!((plan.code, plan.plan()["state"].as_str()), (Some(0), Some("planned")), "{}", plan.stdout);
    assert!(server.writes().is_empty(), "{:?}", server.writes());
    let dry = on(&server, &[TO_THREE, &["--dry-run=server"]].concat());
    assert_eq!((dry.code, dry.plan()["state"].as_str()), (Some(0), Some("accepted")), "{}", dry.stdout);
    assert!(server.writes().iter().all(|write| write.path.contains("dryRun=All")), "{:?}", server.writes());
}

#[test]
fn what_is_no_type_or_not_one_is_refused_before_anything() {
    let server = cluster(|_| None);
    for (target, why) in [
        ("gadget/x", "doesn't have a resource type"),
        ("widget/x", "widgets.one.example, widgets.two.example"),
        ("ds/x", "no scale subresource"),
        ("deploy/gone", "there is no deployments.apps"),
    ] {
        let outcome = on(&server, &[target, "--replicas", "3", "--yes"]);
        assert_eq!(outcome.code, Some(2), "{target}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(why) && outcome.stderr.contains("hint: "), "{target}: {}", outcome.stderr);
    }
    assert!(server.writes().is_empty());
}

#[test]
fn managers_that_may_not_be_read_leave_it_unknown() {
    let forbidden = r#"{"kind":"Status","reason":"Forbidden","message":"kustomizations is forbidden: User \"ada\" cannot list resource"}"#;
    let server =
        cluster(move |asked| asked.path.contains("/kustomizations").then(|| Some((403, "", forbidden.to_owned()))));
    let outcome = on(&server, &[TO_THREE, &["--yes"]].concat());
    let plan = outcome.plan();
    assert_eq!((outcome.code, &plan["refusals"][0]["code"]), (Some(3), &json!("cannot-tell-who-sets-it")), "{plan}");
    assert!(server.writes().is_empty());
    let forced = on(&server, &[TO_THREE, &["--yes", "--force-drift"]].concat());
    assert_eq!(forced.code, Some(0), "{}", forced.stdout);
}

#[test]
fn a_write_that_is_forbidden_names_the_rule_and_leaves_nothing() {
    let message = r#"{"kind":"Status","reason":"Forbidden","message":"deployments.apps \"web\" is forbidden: User \"ada\" cannot update resource \"deployments/scale\" in API group \"apps\" in the namespace \"a\""}"#;
    let server = cluster(move |asked| (asked.method == "PUT").then(|| Some((403, "", message.to_owned()))));
    let outcome = on(&server, &[TO_THREE, &["--yes"]].concat());
    let plan = outcome.plan();
    assert_eq!((outcome.code, &plan["state"]), (Some(1), &json!("failed")), "{plan}");
    assert!(plan["notes"].to_string().contains(r#"resources: [\"deployments/scale\"], verbs: [\"update\"]"#), "{plan}");
    assert_eq!(plan["steps"][0]["message"], "made, and taken back");
    let methods: Vec<String> = server.writes().into_iter().map(|write| write.method).collect();
    assert_eq!(methods, ["PATCH", "PUT", "PATCH"]);
}

#[test]
fn a_lost_answer_leaves_the_marks_for_status() {
    let server = cluster(|asked| (asked.method == "PUT").then(|| Some((504, "", String::new()))));
    let outcome = on(&server, &[TO_THREE, &["--yes"]].concat());
    let plan = outcome.plan();
    assert_eq!((outcome.code, &plan["state"]), (Some(3), &json!("in-doubt")), "{plan}");
    assert_eq!(server.writes().len(), 2, "{:?}", server.writes());
}

#[test]
fn who_reverts_it_is_named() {
    let server = cluster(|asked| {
        let is_read = asked.method == "GET" && asked.path.ends_with("/deployments/web/scale");
        // Read once before the change; after it somebody has set two again.
        (is_read).then(|| ok(scale(2)))
    });
    let outcome = on(&server, &[TO_THREE, &["--yes"]].concat());
    let plan = outcome.plan();
    assert_eq!((outcome.code, &plan["outcome"]), (Some(1), &json!("reverted by ada: 2 replicas are wanted again")));
}

#[test]
fn an_interruption_says_where_to_look() {
    let server = cluster(|asked| {
        let is_read = asked.method == "GET" && asked.path.ends_with("/deployments/web");
        is_read.then(|| ok(deployment(3, 1)))
    });
    let config = kubeconfig(&server);
    let mut child = command(&[TO_THREE, &["--yes", "--kubeconfig", &config.path().display().to_string()]].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    // It waits once it has written.
    for _ in 0..600 {
        if server.writes().len() >= 2 {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).expect("a pid")).expect("a pid");
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("signalled");
    let _ = child.wait().expect("ends");
    let output = child.wait_with_output().expect("ends");
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("kubectl mlops scale status"), "{stderr}");
}

/// Runs with a terminal of its own, on which `answer` is typed; what it shows there, and how it ends.
fn on_terminal(server: &Server, flags: &[&str], answer: &str) -> (Option<i32>, String) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use std::io::{Read as _, Write as _};
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&controller).expect("granted");
    unlockpt(&controller).expect("unlocked");
    let name = ptsname(&controller, Vec::new()).expect("a name");
    let open = || {
        let path = Path::new(name.to_str().expect("UTF-8"));
        std::fs::OpenOptions::new().read(true).write(true).open(path).expect("the terminal")
    };
    let config = kubeconfig(server);
    let path = config.path().display().to_string();
    let mut child = command(&[flags, &["-o", "json", "--kubeconfig", path.as_str()]].concat())
        .stdin(open())
        .stdout(Stdio::null())
        .stderr(open())
        .spawn()
        .expect("starts");
    let mut terminal = std::fs::File::from(controller);
    let mut reader = terminal.try_clone().expect("cloned");
    let shown = std::thread::spawn(move || {
        let (mut shown, mut part) = (Vec::new(), [0; 4096]);
        // It ends with an error once nobody has the other side open.
        while let Ok(length @ 1..) = reader.read(&mut part) {
            shown.extend_from_slice(&part[..length]);
        }
        String::from_utf8_lossy(&shown).into_owned()
    });
    terminal.write_all(answer.as_bytes()).expect("typed");
    let code = child.wait().expect("ends").code();
    (code, shown.join().expect("read"))
}

#[test]
fn on_a_terminal_it_asks_after_it_has_shown_the_plan() {
    let server = cluster(|_| None);
    let (code, shown) = on_terminal(&server, TO_THREE, "n\n");
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.contains("PREFLIGHT") && shown.contains("from 2 to 3? [y/N]"), "{shown}");
    assert!(shown.contains("nothing was changed") && server.writes().is_empty(), "{shown}");
    let (code, shown) = on_terminal(&server, TO_THREE, "y\n");
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(server.writes().len(), 3);
}

#[test]
fn what_does_not_come_up_can_be_taken_back() {
    let server = cluster(|asked| {
        let is_read = asked.method == "GET" && asked.path.ends_with("/deployments/web");
        is_read.then(|| ok(deployment(3, 1)))
    });
    let (code, shown) = on_terminal(&server, &[TO_THREE, &["--timeout", "1s"]].concat(), "y\ny\n");
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.contains("go back to 2?"), "{shown}");
    let puts: Vec<Value> = server
        .writes()
        .iter()
        .filter(|write| write.method == "PUT")
        .map(|write| serde_json::from_str(&write.body).expect("JSON"))
        .collect();
    let replicas: Vec<&Value> = puts.iter().map(|put| &put["spec"]["replicas"]).collect();
    assert_eq!(replicas, [&json!(3), &json!(2)], "{shown}");
}

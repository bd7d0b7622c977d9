//! `--watch`, `--wait` and several contexts against scripted servers on loopback.

use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Pods that a server lists in its nth look, from 0; `None` where it does not answer at all.
type Script = Arc<dyn Fn(usize) -> Option<(u16, String)> + Send + Sync>;

/// A server on a free port of loopback. A look starts with the request of `/api`. Its threads end
/// with the test's process.
struct Server {
    address: String,
    looks: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(pods: impl Fn(usize) -> Option<(u16, String)> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("address"));
        let (script, looks, seen): (Script, _, _) = (Arc::new(pods), Arc::default(), Arc::default());
        let server = Self { address, looks: Arc::clone(&looks), seen: Arc::clone(&seen) };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (script, looks, seen) = (Arc::clone(&script), Arc::clone(&looks), Arc::clone(&seen));
                std::thread::spawn(move || serve(stream, &script, &looks, &seen));
            }
        });
        server
    }

    fn looks(&self) -> usize {
        self.looks.load(Ordering::SeqCst)
    }
}

fn serve(mut stream: TcpStream, script: &Script, looks: &AtomicUsize, seen: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().expect("clone"));
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let mut header = String::new();
        while reader.read_line(&mut header).unwrap_or(0) > 2 {
            header.clear();
        }
        let path = line.split(' ').nth(1).unwrap_or_default();
        seen.lock().expect("no panic").push(path.to_owned());
        if path == "/api" {
            looks.fetch_add(1, Ordering::SeqCst);
        }
        let Some((status, pods)) = script(looks.load(Ordering::SeqCst).saturating_sub(1)) else { return };
        let (status, body) = match path {
            "/api" => (200, API.to_owned()),
            "/apis" => (200, r#"{"kind":"APIGroupDiscoveryList","items":[]}"#.to_owned()),
            "/version" => (200, r#"{"gitVersion":"v1.36.3"}"#.to_owned()),
            path if path.contains("/pods") => (status, pods),
            _ => (200, r#"{"kind":"List","items":[]}"#.to_owned()),
        };
        let head =
            format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).is_err() {
            return;
        }
    }
}

const API: &str = r#"{"kind":"APIGroupDiscoveryList","items":[{"metadata":{},"versions":[{"version":"v1","freshness":"Current","resources":[
 {"resource":"pods","responseKind":{"kind":"Pod"},"scope":"Namespaced","verbs":["get","list"]}]}]}]}"#;

const READY: &str = r#"{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}"#;
const STARTING: &str = r#"{"phase":"Failed","reason":"Boom"}"#;
const NO_IMAGE: &str = r#"{"phase":"Pending","containerStatuses":[{"name":"c","state":{"waiting":{"reason":"InvalidImageName","message":"bad"}}}]}"#;

/// A list of one pod with this status.
fn pod(status: &str) -> Option<(u16, String)> {
    let item = format!(
        r#"{{"metadata":{{"name":"p","namespace":"a"}},"spec":{{"containers":[{{"name":"c","image":"X:Y"}}]}},"status":{status}}}"#
    );
    Some((200, format!(r#"{{"kind":"PodList","metadata":{{}},"items":[{item}]}}"#)))
}

/// A kubeconfig with a context for each (context, server, user).
fn kubeconfig(home: &Path, contexts: &[(&str, &str, &str)]) {
    let mut text = String::from("apiVersion: v1\nkind: Config\n");
    text.push_str(&format!("current-context: {}\nclusters:\n", contexts[0].0));
    for (context, server, _) in contexts {
        text.push_str(&format!("- {{name: {context}, cluster: {{server: '{server}'}}}}\n"));
    }
    text.push_str("users:\n");
    let mut users: Vec<&str> = contexts.iter().map(|(_, _, user)| *user).collect();
    users.dedup();
    for user in users {
        text.push_str(&format!("- {{name: {user}, user: {{token: CANARY-{user}}}}}\n"));
    }
    text.push_str("contexts:\n");
    for (context, _, user) in contexts {
        text.push_str(&format!("- {{name: {context}, context: {{cluster: {context}, user: {user}}}}}\n"));
    }
    std::fs::write(home.join("config"), text).expect("write");
}

fn command(home: &Path, flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_under-test-health"));
    command.env_clear().env("HOME", home).env("KUBECONFIG", home.join("config")).args(flags);
    command
}

struct Outcome {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn run(contexts: &[(&str, &str, &str)], flags: &[&str]) -> Outcome {
    let home = tempfile::tempdir().expect("home");
    kubeconfig(home.path(), contexts);
    let output = command(home.path(), flags).output().expect("runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let outcome = Outcome { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!(!outcome.stdout.contains("CANARY") && !outcome.stderr.contains("CANARY"), "{}", outcome.stderr);
    outcome
}

fn wait(server: &Server, flags: &[&str]) -> Outcome {
    let mut all = vec!["--wait", "--interval", "100ms", "-o", "json"];
    all.extend(flags);
    run(&[("prod", &server.address, "u")], &all)
}

#[test]
fn a_wait_ends_when_health_holds() {
    let server = Server::start(|look| pod(if look < 2 || look == 3 { STARTING } else { READY }));
    let outcome = wait(&server, &["--timeout", "1m"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(server.looks(), 6, "not healthy twice, healthy, not, healthy twice");
    let report: Value = serde_json::from_str(&outcome.stdout).expect("one report");
    assert_eq!((&report["kind"], &report["verdict"]), (&"HealthReport".into(), &"OK".into()));
    assert_eq!(outcome.stderr, "", "no progress but on a terminal");
}

#[test]
fn a_wait_fails_fast_on_what_does_not_heal() {
    let server = Server::start(|_| pod(NO_IMAGE));
    let outcome = wait(&server, &["--timeout", "10m"]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    assert_eq!(server.looks(), 2);
    assert!(outcome.stderr.starts_with("error: does not become healthy by itself: Pod/a/p: "), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("[pod-image-refused]") && outcome.stderr.contains("hint: "), "{}", outcome.stderr);
    let report: Value = serde_json::from_str(&outcome.stdout).expect("the last report");
    assert_eq!(report["verdict"], "FAIL");
}

#[test]
fn a_wait_that_ends_says_what_is_in_the_way() {
    let failing = Server::start(|_| pod(STARTING));
    let outcome = wait(&failing, &["--timeout", "0"]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("not healthy within") && outcome.stderr.contains("Pod/a/p"), "{}", outcome.stderr);

    let blind = Server::start(|_| Some((500, String::new())));
    let outcome = wait(&blind, &["--timeout", "300ms"]);
    assert_eq!(outcome.code, Some(3), "{}{}", outcome.stdout, outcome.stderr);
    assert!(outcome.stderr.contains("Pod was not read"), "{}", outcome.stderr);

    let down = Server::start(|_| None);
    let outcome = wait(&down, &["--timeout", "300ms"]);
    assert_eq!(outcome.code, Some(3), "{}{}", outcome.stdout, outcome.stderr);
    assert!(outcome.stderr.contains("failed to connect"), "{}", outcome.stderr);
}

#[test]
fn a_wait_survives_a_server_that_restarts() {
    let server = Server::start(|look| if look < 2 { None } else { pod(READY) });
    let outcome = wait(&server, &["--timeout", "1m"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
}

#[test]
fn a_kind_that_is_forbidden_is_not_waited_for() {
    let server = Server::start(|_| Some((403, r#"{"kind":"Status","message":"pods is forbidden"}"#.into())));
    let outcome = wait(&server, &["--timeout", "10m"]);
    assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
    assert_eq!(server.looks(), 2);
    assert!(outcome.stderr.starts_with("error: cannot be checked: prod: Pod was not read"), "{}", outcome.stderr);
}

/// A watch that runs, and its lines.
struct Watch {
    child: Child,
    lines: BufReader<ChildStdout>,
    _home: tempfile::TempDir,
}

impl Watch {
    fn start(server: &Server, flags: &[&str]) -> Self {
        let home = tempfile::tempdir().expect("home");
        kubeconfig(home.path(), &[("prod", &server.address, "u")]);
        let mut all = vec!["--watch"];
        if !flags.contains(&"--interval") {
            all.extend(["--interval", "100ms"]);
        }
        all.extend(flags);
        let mut command = command(home.path(), &all);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
        let lines = BufReader::new(child.stdout.take().expect("stdout"));
        Self { child, lines, _home: home }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("a line");
        assert!(line.ends_with('\n'), "the watch ended: {line:?}");
        line
    }

    fn end(self) -> (Option<i32>, String) {
        // The pipe is closed before the end is waited for.
        drop(self.lines);
        let output = self.child.wait_with_output().expect("ends");
        (output.status.code(), String::from_utf8(output.stderr).expect("UTF-8"))
    }
}

#[cfg(unix)]
#[test]
fn a_watch_tells_changes_and_an_absence_of_the_server_until_interrupted() {
    let server = Server::start(|look| match look {
        0 => pod(READY),
        1 => pod(STARTING),
        // No answer, three times.
        2..5 => None,
        _ => pod(READY),
    });
    let mut watch = Watch::start(&server, &[]);
    let wanted = [
        "  now OK: 0 causes, 1 object: 1 OK",
        "  cause OK -> FAIL  Pod/a/p: ",
        "  STALE: the view is stale: failed to connect",
        "  current: the view is current again after ",
        "  cleared FAIL -> OK  Pod/a/p: ",
    ];
    for want in wanted {
        let line = watch.line();
        assert!(line.contains(want), "{want:?}: {line}");
    }
    let looks = server.looks();
    assert!(looks >= 6, "{looks}");
    let pid = rustix::process::Pid::from_child(&watch.child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("sent");
    let status = watch.child.wait().expect("ends");
    assert_eq!(status.code(), Some(130));
    assert_eq!(watch.end().1, "", "quietly");
}

#[test]
fn a_watch_in_json_is_one_document_a_line_and_ends_with_its_pipe() {
    let server = Server::start(|look| pod(if look % 2 == 0 { READY } else { STARTING }));
    let mut watch = Watch::start(&server, &["-o", "json"]);
    let schema =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schemas/health-event.json"));
    let schema: Value = serde_json::from_str(&schema.expect("a schema")).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let mut types = Vec::new();
    for _ in 0..5 {
        let event: Value = serde_json::from_str(&watch.line()).expect("a document");
        let errors: Vec<String> = validator.iter_errors(&event).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{event}: {errors:?}");
        assert_eq!(
            (&event["apiVersion"], &event["kind"], &event["cluster"]),
            (&"mlops/v1".into(), &"HealthEvent".into(), &"prod".into())
        );
        types.push(event["type"].as_str().unwrap_or_default().to_owned());
    }
    assert_eq!(types, ["state", "cause-appeared", "changed", "cause-cleared", "changed"]);
    assert_eq!(watch.end(), (Some(0), String::new()));
}

#[cfg(unix)]
#[test]
fn a_watch_that_has_nothing_to_tell_ends_with_its_pipe_too() {
    let server = Server::start(|_| pod(READY));
    let mut watch = Watch::start(&server, &["--interval", "1h"]);
    assert!(watch.line().contains("now OK"));
    assert_eq!(watch.end(), (Some(0), String::new()));
}

#[test]
fn a_watch_that_cannot_start_says_why() {
    let denied = Server::start(|_| pod(READY));
    for (flags, code) in [
        (&["--watch", "-o", "html"][..], 2),
        (&["--watch", "--context", "gone"], 2),
        (&["--wait", "--context", "gone"], 2),
        (&["--watch", "--kubeconfig", "/nonexistent"], 2),
        (&["--watch", "capacity"], 2),
    ] {
        let outcome = run(&[("prod", &denied.address, "u")], flags);
        assert_eq!(outcome.code, Some(code), "{flags:?}: {}", outcome.stderr);
        assert!(outcome.stderr.starts_with("error: ") && outcome.stdout.is_empty(), "{flags:?}: {}", outcome.stderr);
    }
}

#[test]
fn clusters_are_read_side_by_side_and_none_hides_another() {
    let well = Server::start(|_| pod(READY));
    let ill = Server::start(|_| pod(STARTING));
    let down = Server::start(|_| None);
    let contexts = [
        ("well", well.address.as_str(), "u"),
        ("down", down.address.as_str(), "u"),
        ("ill", ill.address.as_str(), "u"),
        ("again", well.address.as_str(), "u"),
        ("other", well.address.as_str(), "v"),
    ];
    let outcome = run(&contexts, &["--all-contexts", "-o", "json"]);
    assert_eq!(outcome.code, Some(1), "findings win: {}", outcome.stderr);
    let list: Value = serde_json::from_str(&outcome.stdout).expect("a list");
    assert_eq!(list["kind"], "HealthReportList");
    let items = list["items"].as_array().expect("items");
    let named: Vec<(&str, &str)> = items
        .iter()
        .map(|item| (item["view"]["name"].as_str().unwrap_or(""), item["verdict"].as_str().unwrap_or("")))
        .collect();
    assert_eq!(named, [("well", "OK"), ("down", "UNKNOWN"), ("ill", "FAIL"), ("other", "OK")]);
    assert!(items[1]["error"]["message"].as_str().is_some_and(|error| error.contains("failed to connect")), "{list}");
    assert_eq!(list["sameAs"], serde_json::json!([{"context": "again", "item": "well"}]));
    let asked = well.seen.lock().expect("no panic").iter().filter(|path| path.contains("/pods")).count();
    assert_eq!(asked, 2, "once as each user");
    let schema =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schemas/health-report-list.json"));
    let schema: Value = serde_json::from_str(&schema.expect("a schema")).expect("JSON");
    let errors: Vec<String> = jsonschema::validator_for(&schema)
        .expect("a schema")
        .iter_errors(&list)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");

    let partial = run(&contexts, &["--context", "well", "--context", "down"]);
    assert_eq!(partial.code, Some(3), "{}", partial.stderr);
    for part in ["=== well ===", "=== down ===", "could not be read: failed to connect", "2 clusters: 1 UNKNOWN, 1 OK"]
    {
        assert!(partial.stdout.contains(part), "{part}: {}", partial.stdout);
    }
    let names = run(&contexts, &["--context", "well", "--context", "ill", "-o", "name"]);
    assert_eq!((names.code, names.stdout.as_str()), (Some(1), "--context=ill pod/p\n"));
    let clean = run(&contexts, &["--context", "well", "--context", "other"]);
    assert_eq!(clean.code, Some(0), "{}", clean.stderr);
    let typo = run(&contexts, &["--context", "well", "--context", "wel"]);
    assert_eq!(typo.code, Some(2), "{}", typo.stderr);
    assert!(typo.stdout.is_empty() && typo.stderr.contains("no context wel"), "{}", typo.stderr);
}

#[test]
fn usage_of_several_clusters_has_a_section_each() {
    let well = Server::start(|_| pod(READY));
    let down = Server::start(|_| None);
    let contexts = [("well", well.address.as_str(), "u"), ("down", down.address.as_str(), "u")];
    let outcome = run(&contexts, &["usage", "pods", "--all-contexts", "-o", "json"]);
    assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
    let list: Value = serde_json::from_str(&outcome.stdout).expect("a list");
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schemas/usage-report-list.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(schema).expect("a schema")).expect("JSON");
    let errors: Vec<String> = jsonschema::validator_for(&schema)
        .expect("a schema")
        .iter_errors(&list)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!((&list["kind"], &list["verdict"]), (&"UsageReportList".into(), &"UNKNOWN".into()));
    let items = list["items"].as_array().expect("items");
    assert_eq!((&items[0]["view"]["name"], &items[0]["error"]), (&"well".into(), &Value::Null));
    assert!(items[0]["podsTotal"] == 1 && items[1]["partial"] == true, "{items:?}");
    assert!(items[1]["error"]["message"].as_str().is_some_and(|text| text.contains(&down.address)), "{items:?}");
    for (format, sign) in [("table", "could not be read"), ("name", ""), ("prometheus", "cluster=\"down\"")] {
        let outcome = run(&contexts, &["usage", "pods", "--context", "well", "--context", "down", "-o", format]);
        assert_eq!(outcome.code, Some(3), "{format}: {}", outcome.stderr);
        assert!(outcome.stdout.contains(sign), "{format}: {}", outcome.stdout);
    }
    let one = run(&contexts, &["usage", "--context", "down"]);
    assert_eq!((one.code, one.stdout.as_str()), (Some(3), ""), "{}", one.stderr);
    assert!(one.stderr.starts_with("error: ") && one.stderr.contains("hint: "), "{}", one.stderr);
}

#[test]
fn a_wait_is_for_every_cluster() {
    let well = Server::start(|_| pod(READY));
    let late = Server::start(|look| pod(if look < 3 { STARTING } else { READY }));
    let contexts = [("well", well.address.as_str(), "u"), ("late", late.address.as_str(), "u")];
    let outcome = run(&contexts, &["--all-contexts", "--wait", "--interval", "100ms", "-o", "json"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!((well.looks(), late.looks()), (5, 5));
}

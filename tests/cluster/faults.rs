//! The fault matrix: each wrong answer of the proxy at each place of a run of `kubectl mlops health`.

use mlops_tests::certificates::Authority;
use mlops_tests::control_plane::{ControlPlane, shared_objects_only};
use mlops_tests::proxy::{Fault, Proxy, Recorded, Rule};
use mlops_tests::users::User;
use serde_json::Value;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Where the wrong answer is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// `/api` or `/apis`: without it nothing is known.
    Discovery(&'static str),
    /// A list: kind, and its path.
    List(&'static str, &'static str),
    /// The second page of the pods; the first one is made up.
    LatePage,
}

const PLACES: [Place; 6] = [
    Place::Discovery("/api"),
    Place::Discovery("/apis"),
    Place::List("Pod", "/api/v1/pods"),
    Place::List("Event", "/api/v1/events"),
    Place::List("GitRepository", "/apis/source.toolkit.fluxcd.io/v1/gitrepositories"),
    Place::LatePage,
];

fn answer(body: &str) -> Fault {
    Fault::Answer { status: 200, body: body.to_owned() }
}

/// Every fault, and how often the plugin may ask at that place.
fn faults() -> Vec<(Fault, usize)> {
    vec![
        (Fault::Unauthorized, 1),
        (Fault::Forbidden, 1),
        (Fault::GroupNotFound, 1),
        (Fault::Conflict, 1),
        // A late page starts the list again, three times.
        (Fault::Expired, 4),
        (Fault::TooManyRequests { retry_after: 0 }, 3),
        (Fault::InternalError, 1),
        (Fault::Unavailable, 3),
        (Fault::Answer { status: 502, body: "<html>bad gateway</html>".to_owned() }, 1),
        (Fault::Answer { status: 504, body: String::new() }, 3),
        (Fault::HtmlPage, 1),
        (Fault::HalfBody, 1),
        (Fault::SlowBody { bytes: 1, pause: Duration::from_millis(50) }, 1),
        (Fault::Reset, 1),
        (Fault::Hang, 1),
        (answer(""), 1),
        (answer("{"), 1),
        (answer("[]"), 1),
        (answer("null"), 1),
        (answer(r#"{"kind":"Status","apiVersion":"v1","status":"Success"}"#), 1),
        (answer(r#"{"kind":"PodList","metadata":{},"items":"none"}"#), 1),
        (answer(r#"{"kind":"PodList","metadata":{},"items":[{"metadata":{"name":"#), 1),
        // A list that never ends.
        (answer(r#"{"kind":"PodList","metadata":{"continue":"again"},"items":[]}"#), 3),
    ]
}

struct Outcome {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn health(proxy: &Proxy) -> Outcome {
    let home = tempfile::tempdir().expect("home");
    // The limit is for a run that would never end; none comes near it.
    let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_under-test-health"))
        .env_clear()
        .env("HOME", home.path())
        .arg("--kubeconfig")
        .arg(proxy.kubeconfig(User::Admin).expect("kubeconfig"))
        .args(["-o", "json", "--fail-on", "never", "--request-timeout", "1s"])
        .timeout(Duration::from_secs(60))
        .output()
        .expect("runs");
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

fn asked(requests: &[Recorded], place: Place) -> usize {
    let fits = |request: &&Recorded| match place {
        Place::Discovery(path) => request.target == path,
        Place::List(_, path) => request.path() == path,
        Place::LatePage => request.path() == "/api/v1/pods" && request.target.contains("continue="),
    };
    requests.iter().filter(fits).count()
}

/// One cell of the matrix; what is wrong with it.
fn check(plane: &ControlPlane, place: Place, fault: &Fault, most: usize) -> Result<(), String> {
    let proxy = Proxy::start(plane).map_err(|error| format!("{error:#}"))?;
    match place {
        Place::Discovery(path) => proxy.add(Rule::new(fault.clone()).exactly(path)),
        Place::List(_, path) => proxy.add(Rule::new(fault.clone()).path(path)),
        Place::LatePage => {
            proxy.add(Rule::new(fault.clone()).path("/api/v1/pods").containing("continue="));
            let first = answer(r#"{"kind":"PodList","metadata":{"continue":"next"},"items":[]}"#);
            proxy.add(Rule::new(first).path("/api/v1/pods"));
        }
    }
    let outcome = health(&proxy);
    let Outcome { code, stdout, stderr } = &outcome;
    let fail =
        |what: &str| Err(format!("{what}: exit {code:?}\n{}\n{stderr}", stdout.chars().take(300).collect::<String>()));
    if *code != Some(3) {
        return fail("not the exit code of what could not be checked");
    }
    if stderr.contains("panicked") {
        return fail("a panic");
    }
    let requests = proxy.requests();
    if requests.iter().any(|request| request.method != "GET") {
        return fail("a check writes nothing");
    }
    let count = asked(&requests, place);
    if count == 0 || count > most {
        return fail(&format!("asked {count} times, at most {most}"));
    }
    if let Place::Discovery(_) = place {
        let is_told = stdout.is_empty() && stderr.starts_with("error: ") && stderr.contains("hint: ");
        return if is_told { Ok(()) } else { fail("no error with a hint") };
    }
    let Ok(report) = serde_json::from_str::<Value>(stdout) else { return fail("no JSON") };
    let kind = if let Place::List(kind, _) = place { kind } else { "Pod" };
    let sections = report["coverage"].as_array().into_iter().flatten();
    let Some(section) = sections.into_iter().find(|section| section["kind"] == kind) else {
        return fail("the kind is not mentioned");
    };
    let is_gap = section["gap"] == true
        && section["read"] == false
        && section["why"].as_str().is_some_and(|why| !why.is_empty());
    let others = report["coverage"].as_array().into_iter().flatten().filter(|section| section["read"] == true).count();
    let objects = report["objects"].as_array().into_iter().flatten().filter(|object| object["kind"] == kind).count();
    match (is_gap, objects, others) {
        (false, _, _) => fail("the kind does not count as unread"),
        (_, 1.., _) => fail("objects of a list that was not read"),
        (_, _, 0) => fail("one fault hides the other kinds"),
        _ if report["summary"]["partial"] != true || report["verdict"] == "OK" => fail("the report is not partial"),
        _ => Ok(()),
    }
}

#[test]
fn no_fault_at_any_place_ends_clean() {
    if std::env::var_os("MLOPS_TEST_KUBECONFIG").is_some() {
        eprintln!("skipped: the proxy needs a control plane of its own");
        return;
    }
    let plane = shared_objects_only();
    let faults = faults();
    let cells: Vec<(Place, &Fault, usize)> =
        PLACES.iter().flat_map(|place| faults.iter().map(|(fault, most)| (*place, fault, *most))).collect();
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while let Some((place, fault, most)) = cells.get(next.fetch_add(1, Ordering::Relaxed)) {
                    // An answer for pods is no fault of another place's discovery or kind where it fits.
                    if let Err(what) = check(plane, *place, fault, *most) {
                        wrong.lock().expect("no panic").push(format!("{place:?} {fault:?}: {what}"));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("no panic");
    assert!(wrong.is_empty(), "{} of {} cells\n{}", wrong.len(), cells.len(), wrong.join("\n\n"));
}

/// A server that is not the one that the kubeconfig knows, and credentials that it does not.
#[test]
fn a_wrong_authority_and_a_wrong_token_are_told() {
    if std::env::var_os("MLOPS_TEST_KUBECONFIG").is_some() {
        eprintln!("skipped: needs a control plane of its own");
        return;
    }
    let plane = shared_objects_only();
    let folder = tempfile::tempdir().expect("folder");
    let other = Authority::new(folder.path()).expect("another authority").file();
    let config = plane.kubeconfig(User::Admin).expect("kubeconfig");
    for (flags, words) in [
        (["--certificate-authority", &other.to_string_lossy()], "certificate"),
        (["--token", "CANARY-TOKEN"], "does not accept the credentials"),
        (["--tls-server-name", "elsewhere.example"], "certificate"),
    ] {
        let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_under-test-health"))
            .env_clear()
            .env("HOME", folder.path())
            .arg("--kubeconfig")
            .arg(&config)
            .args(flags)
            .timeout(Duration::from_secs(60))
            .output()
            .expect("runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{flags:?}: {stderr}");
        assert!(stderr.contains(words) && stderr.contains("hint: "), "{flags:?}: {stderr}");
        assert!(output.stdout.is_empty() && !stderr.contains("CANARY"), "{stderr}");
    }
}

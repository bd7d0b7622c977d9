//! Whole command lines of `kubectl mlops health`, from files: no server, no network.

use assert_cmd::Command;
use serde_json::Value;
use std::path::{Path, PathBuf};

const NOW: &str = "2026-11-20T03:00:00Z";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The plugin in a cleared environment with a home of its own.
fn health(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_under-test-health"));
    command.env_clear().env("HOME", home).env("COLUMNS", "100").current_dir(root());
    command
}

struct Outcome {
    code: i32,
    stdout: String,
    stderr: String,
}

fn run(flags: &[&str], input: &str) -> Outcome {
    let home = tempfile::tempdir().expect("home");
    let output = health(home.path()).args(flags).write_stdin(input).output().expect("runs");
    Outcome {
        code: output.status.code().expect("not killed by a signal"),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

fn report(flags: &[&str], input: &str) -> Value {
    let outcome = run(&[flags, &["-o", "json", "--now", NOW]].concat(), input);
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {}", outcome.stderr))
}

#[test]
fn the_healthy_sample_is_healthy() {
    let outcome = run(&["--from", "examples/healthy", "--now", NOW], "");
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{}", outcome.stdout);
    assert!(outcome.stdout.starts_with("OK  files examples/healthy"), "{}", outcome.stdout);
    assert!(!outcome.stdout.contains("CAUSES"), "{}", outcome.stdout);
}

/// Yesterday's files, judged as of now, look as if all nodes had fallen silent: the report says so.
#[test]
fn old_files_are_said_to_be_old() {
    let outcome = run(&["--from", "examples/healthy"], "");
    assert!(outcome.stdout.contains("nothing in these files is newer than 2026-11-20T0"), "{}", outcome.stdout);
    let outcome = run(&["--from", "examples/healthy", "--now", NOW], "");
    assert!(!outcome.stdout.contains("newer than"), "{}", outcome.stdout);
}

/// A parser shows the lines around an error: in a kubeconfig there are tokens in them.
#[test]
fn a_broken_kubeconfig_is_not_quoted() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("config");
    for broken in [
        "users:\n- name: a\n  user: {token: CANARY\n",
        "users:\n- name: a\n  user:\n    token: CANARY\n   x: y\n",
        "users:\n- name: a\n  user: CANARY\n",
        "users:\n- {name: a, name: b, user: {token: CANARY}}\n",
    ] {
        std::fs::write(&path, broken).expect("write");
        let outcome = run(&["--kubeconfig", &path.display().to_string()], "");
        assert_eq!(outcome.code, 2, "{broken}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("not a kubeconfig at "), "{}", outcome.stderr);
        assert!(!outcome.stderr.contains("CANARY"), "{}", outcome.stderr);
    }
}

/// What a shell or a paste brings into a flag comes back visible, in errors of every kind.
#[test]
fn hostile_flags_are_echoed_safely() {
    let hostile = "\u{1b}[31mX\u{1b}]8;;http://e\u{7}\u{202e}\u{9b}\r";
    let option = format!("--{hostile}");
    for flags in [
        &[hostile][..],
        &[&option],
        &["explain", hostile],
        &["--now", hostile],
        &["-o", hostile, "--from", "examples/healthy"],
        &["-o", hostile, "explain"],
        &["-o", hostile, "platform"],
        &["diff", hostile, hostile],
        &["platform", "--platform", hostile],
        &["--from", hostile],
        &["--from", "examples/healthy", "-l", hostile],
        &["--from", "examples/healthy", "-n", hostile],
        &["--kubeconfig", hostile],
        &["--color", hostile],
        &["usage", hostile],
        &["usage", "--top", hostile],
        &["--fail-on", hostile],
        &["--show", hostile],
        &["--wait", "--timeout", hostile],
        &["--request-timeout", hostile],
    ] {
        let outcome = run(flags, "");
        assert!(outcome.code == 2, "{flags:?} ended with {}: {}", outcome.code, outcome.stderr);
        let text = outcome.stdout + &outcome.stderr;
        let raw = text.chars().find(|it| mlops_shared::text::is_unsafe(*it) && *it != '\n');
        assert_eq!(raw, None, "{flags:?}: {text:?}");
    }
}

#[test]
fn the_degraded_sample_names_its_causes() {
    let report = report(&["--from", "examples/degraded"], "");
    let causes = report["causes"].as_array().expect("causes");
    let has = |kind: &str, name: &str, code: &str| {
        causes
            .iter()
            .any(|cause| cause["object"]["kind"] == kind && cause["object"]["name"] == name && cause["code"] == code)
    };
    assert!(has("StorageClass", "fast-ssd", "object-missing"));
    assert!(has("Node", "mlops-worker-3", "node-not-ready"));
    assert!(has("GitRepository", "mlops-infrastructure", "flux-source-auth-failed"));
    assert!(has("APIService", "v1beta1.metrics.k8s.io", "apiservice-unavailable"));
    let first = &causes[0];
    assert_eq!(first["object"]["name"], "fast-ssd", "the cause of most comes first");
    assert!(first["explains"].as_array().expect("effects").len() > 5);
    // Every object that is not well is told once: as a cause, or below one.
    let told: usize = causes.iter().map(|cause| 1 + cause["explains"].as_array().map_or(0, Vec::len)).sum();
    assert_eq!(
        told as u64,
        report["summary"]["causes"].as_u64().unwrap_or(0) + report["summary"]["explained"].as_u64().unwrap_or(0)
    );
}

#[test]
fn every_object_of_a_file_has_one_entry() {
    let report = report(&["--from", "examples/degraded/kafka.yaml"], "");
    let text = std::fs::read_to_string(root().join("examples/degraded/kafka.yaml")).expect("file");
    let documents = text
        .split("\n---")
        .filter(|document| document.contains("\nkind:") && !document.contains("\nkind: Event"))
        .count();
    let entries = report["objects"].as_array().expect("objects");
    assert_eq!(entries.len(), documents);
    for entry in entries {
        for field in ["apiVersion", "kind", "namespace", "name", "verdict", "code", "message"] {
            assert!(entry[field].is_string(), "{field}: {entry}");
        }
    }
}

/// The header lines of a fixture: `# expect: Kind/namespace/name VERDICT`.
fn expectations(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("# expect: "));
    lines
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?.to_owned(), words.next()?.to_owned()))
        })
        .collect()
}

/// The guide's sixteen faults: on each file the guide's own command gives a wrong answer, which the
/// file's first lines quote, and ours must give the one that they expect.
fn guide_fault(slug: &str) {
    let path = root().join("tests/fixtures/guide-faults").join(format!("{slug}.yaml"));
    let text = std::fs::read_to_string(&path).expect("fixture");
    let expected = expectations(&text);
    assert!(!expected.is_empty(), "{slug} expects nothing");
    let report = report(&["--from", &path.display().to_string()], "");
    let entries = report["objects"].as_array().expect("objects");
    let mut wrong = Vec::new();
    for (object, level) in expected {
        let found = entries.iter().find(|entry| {
            let part = |field: &str| entry[field].as_str().unwrap_or_default().to_owned();
            format!("{}/{}/{}", part("kind"), part("namespace"), part("name")) == object
        });
        match found {
            Some(entry) if entry["verdict"] == level.as_str() => {}
            Some(entry) => wrong.push(format!("{object}: {} ({}), not {level}", entry["verdict"], entry["message"])),
            None if level == "ABSENT" => {}
            None => wrong.push(format!("{object}: no entry")),
        }
    }
    assert!(wrong.is_empty(), "{slug}:\n{}", wrong.join("\n"));
}

macro_rules! guide_faults {
    ($($name:ident = $slug:literal;)*) => {$(
        #[test]
        fn $name() {
            guide_fault($slug);
        }
    )*};
}

guide_faults! {
    guide_fault_01_a_ready_deployment_is_not_red = "01-deployment-ready-column";
    guide_fault_02_running_is_not_ready_and_completed_is_no_error = "02-pod-status-column";
    guide_fault_03_top_columns = "03-top-columns";
    guide_fault_04_flux_is_not_always_ticked = "04-flux-always-ticked";
    guide_fault_05_empty_is_not_healthy = "05-empty-is-not-healthy";
    guide_fault_06_a_missing_namespace_is_seen = "06-namespace-grep";
    guide_fault_07_states_that_grep_misses = "07-pod-status-grep";
    guide_fault_08_logs_of_ten_lines = "08-logs-tail-ten";
    guide_fault_09_suspension_is_read = "09-suspend-patch-rejected";
    guide_fault_10_a_suspended_source_still_applies = "10-suspended-source-still-applies";
    guide_fault_11_deleting_flux_system = "11-delete-namespace-flux-system";
    guide_fault_12_pods_by_labels = "12-kafka-pod-names";
    guide_fault_13_quorum_behind_running_pods = "13-tenant-quorum-lost";
    guide_fault_14_volume_usage_is_not_the_phase = "14-volume-usage";
    guide_fault_15_snapshots_are_read = "15-snapshots-unread";
    guide_fault_16_removed_api_versions = "16-removed-api-versions";
}

/// What a selector leaves out is not missing: everything is judged, and the chosen part is shown.
#[test]
fn a_selector_chooses_what_is_shown_and_makes_nothing_missing() {
    let all = report(&["--from", "examples/healthy"], "");
    let some = report(&["--from", "examples/healthy", "-l", "app.kubernetes.io/name"], "");
    let count = |report: &Value| report["objects"].as_array().map_or(0, Vec::len);
    assert!(count(&some) > 0 && count(&some) < count(&all), "{} of {}", count(&some), count(&all));
    assert_eq!(some["causes"], serde_json::json!([]), "{}", some["causes"]);
    for entry in some["objects"].as_array().expect("objects") {
        let same = all["objects"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|other| ["kind", "namespace", "name"].iter().all(|field| other[field] == entry[field]));
        assert_eq!(same.map(|same| &same["verdict"]), Some(&entry["verdict"]), "{entry}");
    }
    // A cause without the label is shown with the objects that it explains and that have it.
    let degraded = report(&["--from", "examples/degraded", "-l", "strimzi.io/cluster=mlops-kafka-cluster"], "");
    let causes = degraded["causes"].as_array().expect("causes");
    assert!(causes.iter().any(|cause| cause["object"]["name"] == "fast-ssd"), "{causes:?}");
}

#[test]
fn a_namespace_that_is_not_there_is_no_healthy_one() {
    let outcome = run(&["--from", "examples/healthy", "-n", "data-plan", "--now", NOW], "");
    assert_eq!(outcome.code, 2, "{}{}", outcome.stdout, outcome.stderr);
    assert!(
        outcome.stderr.contains("no namespace data-plan") && outcome.stderr.contains("hint: "),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stdout.is_empty());
}

#[test]
fn exit_codes_follow_the_contract() {
    let pod = |status: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p, namespace: ns, creationTimestamp: 2026-11-01T00:00:00Z}}\nstatus: {status}\n"
        )
    };
    let healthy = pod("{phase: Succeeded}");
    let failed = pod("{phase: Failed}");
    let evicted = pod("{phase: Failed, reason: Evicted}");
    for (flags, input, code) in [
        (vec!["--from", "-"], &healthy, 0),
        (vec!["--from", "-"], &failed, 1),
        (vec!["--from", "-", "--fail-on", "never"], &failed, 0),
        (vec!["--from", "-"], &evicted, 0),
        (vec!["--from", "-", "--fail-on", "warn"], &evicted, 1),
        (vec!["--from", "-", "--fail-on", "sometimes"], &healthy, 2),
        (vec!["--from", "-", "-o", "xml"], &healthy, 2),
        (vec!["--from", "/nonexistent"], &healthy, 2),
        (vec!["--nonsense"], &healthy, 2),
        (vec!["explain", "no-such-code"], &healthy, 2),
        (vec!["explain", "pod-crash-loop"], &healthy, 0),
        (vec!["platform"], &healthy, 0),
        (vec!["--help"], &healthy, 0),
        (vec!["--version"], &healthy, 0),
    ] {
        let outcome = run(&[&flags[..], &["--now", NOW]].concat(), input);
        assert_eq!(outcome.code, code, "{flags:?}: {}{}", outcome.stdout, outcome.stderr);
        if code >= 2 {
            assert!(outcome.stdout.is_empty() && !outcome.stderr.is_empty(), "{flags:?}");
        }
    }
}

#[test]
fn broken_input_is_an_error_with_a_hint_and_no_content() {
    for input in [
        "",
        "not: kubernetes\n",
        "a: [CANARY",
        "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"data\":{\"k\":\"CANARY",
        "a: &a [CANARY,*a]\n",
    ] {
        let outcome = run(&["--from", "-"], input);
        assert_eq!(outcome.code, 2, "{input:?}: {}", outcome.stdout);
        assert!(
            outcome.stderr.contains("hint: ") && !outcome.stderr.contains("CANARY"),
            "{input:?}: {}",
            outcome.stderr
        );
    }
}

#[test]
fn a_broken_file_among_others_makes_the_report_partial() {
    let folder = tempfile::tempdir().expect("folder");
    std::fs::write(
        folder.path().join("a.yaml"),
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: ns}\nstatus: {phase: Succeeded}\n",
    )
    .expect("write");
    std::fs::write(folder.path().join("b.yaml"), "a: [").expect("write");
    let outcome = run(&["--from", &folder.path().display().to_string()], "");
    assert_eq!(outcome.code, 3, "{}", outcome.stdout);
    assert!(outcome.stdout.contains("PARTIAL") && outcome.stdout.contains("b.yaml"), "{}", outcome.stdout);
}

#[test]
fn values_of_secrets_reach_no_output() {
    let input = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: ns}\nstringData: {password: CANARY-VALUE}\ndata: {key: Q0FOQVJZ}\n";
    for format in ["table", "wide", "json", "yaml", "name", "prometheus"] {
        let outcome = run(&["--from", "-", "-o", format, "-vv"], input);
        for canary in ["CANARY-VALUE", "Q0FOQVJZ"] {
            assert!(!outcome.stdout.contains(canary) && !outcome.stderr.contains(canary), "{format}");
        }
    }
}

#[test]
fn hostile_objects_are_printed_safely() {
    let long = "x".repeat(1 << 20);
    let input = serde_json::json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "evil\u{202e}dop", "namespace": "n\u{1b}[2J", "annotations": {"a": long}},
        "status": {"phase": "Failed", "message": "\u{1b}]8;;http://evil\u{7}click\u{1b}]8;;\u{7}\r\n\u{9b}31m"}
    });
    for format in ["table", "wide", "json", "yaml", "name", "markdown", "html", "junit", "prometheus"] {
        let outcome = run(&["--from", "-", "-o", format, "--color", "never"], &input.to_string());
        let hostile = |character: char| (character.is_control() && character != '\n') || character == '\u{202e}';
        assert!(!outcome.stdout.chars().any(hostile), "{format}: {:?}", outcome.stdout);
        assert!(outcome.stdout.len() < 100_000, "{format}");
        // The name is no name that an API server takes, so that format has nothing to hand on.
        assert_eq!(outcome.stdout.is_empty(), format == "name", "{format}");
    }
}

#[test]
fn a_closed_pipe_is_a_quiet_end() {
    let home = tempfile::tempdir().expect("home");
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_under-test-health"))
        .args(["--from", "examples/degraded", "-o", "json", "--now", NOW])
        .env_clear()
        .env("HOME", home.path())
        .current_dir(root())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(1), "the finding decides, not the pipe");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn an_exception_needs_a_reason_and_is_counted() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("platform.yaml");
    let text = "apiVersion: mlops/v1\nkind: Platform\nname: x\nexceptions:\n- {code: pod-failed, object: Pod/ns/p, reason: known, expires: 2026-12-31}\n- {code: other, object: '*', reason: known, expires: 2026-01-01}\n";
    std::fs::write(&file, text).expect("write");
    let input = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: ns}\nstatus: {phase: Failed}\n";
    let flags = ["--from", "-", "--platform", &file.display().to_string(), "--now", NOW];
    let outcome = run(&flags, input);
    assert_eq!(outcome.code, 0, "{}", outcome.stdout);
    assert!(outcome.stdout.contains("is expired"), "{}", outcome.stdout);
    let later = run(&[&flags[..4], &["--now", "2027-01-01T00:00:00Z"]].concat(), input);
    assert_eq!(later.code, 1, "{}", later.stdout);
}

#[test]
fn a_report_differs_from_a_worse_one() {
    let folder = tempfile::tempdir().expect("folder");
    for name in ["healthy", "degraded"] {
        let outcome = run(&["--from", &format!("examples/{name}"), "-o", "json", "--now", NOW], "");
        std::fs::write(folder.path().join(name), outcome.stdout).expect("write");
    }
    let (healthy, degraded) =
        (folder.path().join("healthy").display().to_string(), folder.path().join("degraded").display().to_string());
    let worse = run(&["diff", &healthy, &degraded], "");
    assert_eq!(worse.code, 1);
    assert!(
        worse.stdout.contains("worse   FAIL") && worse.stdout.contains("Kafka/data-plane/mlops-kafka-cluster"),
        "{}",
        worse.stdout
    );
    let same = run(&["diff", &healthy, &healthy], "");
    assert_eq!((same.code, same.stdout.starts_with("0 changes")), (0, true), "{}", same.stdout);
}

#[test]
fn without_a_kubeconfig_nothing_is_claimed() {
    let outcome = run(&[], "");
    assert_eq!(outcome.code, 3, "{}", outcome.stdout);
    assert!(outcome.stdout.is_empty() && outcome.stderr.contains("no kubeconfig"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("hint: "), "{}", outcome.stderr);
}

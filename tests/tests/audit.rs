//! Whole command lines of `kubectl mlops audit`, from files: no server, no network.

use assert_cmd::Command;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};

const NOW: &str = "2026-11-20T03:00:00Z";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

struct Outcome {
    code: i32,
    stdout: String,
    stderr: String,
}

/// Runs the plugin in a cleared environment with a home of its own.
fn run(flags: &[&str], input: &str) -> Outcome {
    let home = tempfile::tempdir().expect("home");
    let output = Command::new(env!("CARGO_BIN_EXE_under-test-audit"))
        .env_clear()
        .env("HOME", home.path())
        .env("COLUMNS", "100")
        .current_dir(root())
        .args(flags)
        .write_stdin(input)
        .output()
        .expect("runs");
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

fn findings(report: &Value) -> &[Value] {
    report["findings"].as_array().expect("findings")
}

/// A binding that makes everybody's service account in a namespace cluster admin: critical.
const ADMIN: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: too-much}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: bot, namespace: a}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: cluster-admin}
rules: [{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]
";

/// A privileged pod with labels.
const POD: &str = "
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: b, labels: {app: web}}
spec: {containers: [{name: c, image: 'i:1', securityContext: {privileged: true}}]}
";

const ALL: &[&str] = &["--from", "-"];

#[test]
fn the_exit_code_is_that_of_the_threshold() {
    for (flags, code) in [
        (&[][..], 1),
        (&["--fail-on", "critical"], 1),
        (&["--fail-on", "never"], 0),
        (&["--fail-on", "never", "--show", "critical"], 0),
        (&["--show", "critical"], 1),
        (&["--fail-on", "fail"], 2),
        (&["rbacs"], 2),
        (&["rbac", "explain"], 2),
        (&["-o", "docx"], 2),
        (&["-l", "a in b"], 2),
        (&["explain", "no-such-code"], 2),
    ] {
        let outcome = run(&[ALL, flags].concat(), &format!("{ADMIN}---{POD}"));
        assert_eq!(outcome.code, code, "{flags:?}: {}{}", outcome.stdout, outcome.stderr);
    }
    // A file that could not be read among others is no clean answer.
    let folder = tempfile::tempdir().expect("folder");
    std::fs::write(folder.path().join("a.yaml"), "{apiVersion: v1, kind: Namespace, metadata: {name: a}}").expect("a");
    std::fs::write(folder.path().join("b.yaml"), "{apiVersion: v1, kind: [").expect("b");
    let from = folder.path().display().to_string();
    let outcome = run(&["--from", &from, "--fail-on", "never"], "");
    assert_eq!(outcome.code, 3, "{}", outcome.stdout);
    let log: Value = serde_json::from_str(&run(&["--from", &from, "-o", "sarif"], "").stdout).expect("JSON");
    let invocation = &log["runs"][0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    assert!(!invocation["toolExecutionNotifications"].as_array().expect("notifications").is_empty());
}

#[test]
fn a_family_is_all_that_runs() {
    let input = format!("{ADMIN}---{POD}");
    for family in ["rbac", "workloads", "network"] {
        let report = report(&[&[family], ALL].concat(), &input);
        let checks: Vec<&Value> = report["checks"].as_array().expect("checks").iter().collect();
        assert_eq!(checks.len(), 1, "{family}");
        assert_eq!(checks[0]["check"], family);
        assert!(!findings(&report).is_empty(), "{family}");
        assert_eq!(checks[0]["findings"], findings(&report).len());
    }
    let refused = run(&["rbacs", "--from", "-"], "");
    assert!(refused.stderr.contains("'rbacs'") && refused.stderr.contains("workloads"), "{}", refused.stderr);
}

/// What cannot be read as its kind would otherwise read as clean.
#[test]
fn an_object_of_the_wrong_shape_is_unknown() {
    let broken = "{apiVersion: v1, kind: Pod, metadata: {name: odd, namespace: n}, spec: [1, 2]}";
    let outcome = run(&[ALL, &["workloads", "--fail-on", "never"]].concat(), broken);
    assert_eq!(outcome.code, 3, "{}", outcome.stdout);
    assert!(outcome.stdout.contains("Pod/n/odd does not have the shape of its kind"), "{}", outcome.stdout);
    let report = report(&[ALL, &["--fail-on", "never"]].concat(), &format!("{broken}\n---\n{ADMIN}"));
    let state = |name: &str| {
        let checks = report["checks"].as_array().expect("checks");
        checks.iter().find(|check| check["check"] == name).expect("the check")["state"].clone()
    };
    assert_eq!((state("workloads"), state("rbac")), ("partial".into(), "done".into()));
    assert_eq!(report["summary"]["partial"], true);
}

/// Checks see all namespaces, findings are of those asked for; what has none is part of every view.
#[test]
fn scope_narrows_findings_and_their_counts() {
    let other = POD.replace("namespace: b", "namespace: c").replace("app: web", "app: other");
    let input = format!("{ADMIN}---{POD}---{other}");
    let of = |flags: &[&str]| {
        let report = report(&[ALL, flags].concat(), &input);
        let total: u64 =
            report["checks"].as_array().expect("checks").iter().filter_map(|check| check["findings"].as_u64()).sum();
        assert_eq!(total, findings(&report).len() as u64, "{flags:?}");
        let mut seen: Vec<String> = findings(&report)
            .iter()
            .map(|finding| finding["object"]["namespace"].as_str().unwrap_or_default().to_owned())
            .collect();
        seen.sort();
        seen.dedup();
        seen
    };
    let all = of(&[]);
    assert!(all.contains(&"b".to_owned()) && all.contains(&"c".to_owned()), "{all:?}");
    let one = of(&["-n", "b"]);
    assert!(one.contains(&"b".to_owned()) && one.contains(&String::new()) && !one.contains(&"c".to_owned()), "{one:?}");
    assert_eq!(of(&["-l", "app=web"]), ["b"]);
    assert_eq!(of(&["-l", "app=nothing"]), [""; 0]);
}

/// A namespace that is not there would otherwise read as clean.
#[test]
fn a_namespace_that_is_not_there_is_an_error() {
    let outcome = run(&["--from", "examples/degraded", "-n", "no-such-namespace"], "");
    assert_eq!(outcome.code, 2, "{}", outcome.stdout);
    assert!(outcome.stderr.contains("there is no namespace no-such-namespace"), "{}", outcome.stderr);
}

#[test]
fn a_baseline_accepts_what_was_there_and_nothing_else() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("accepted.json").display().to_string();
    let written = run(&[ALL, &["--write-baseline", &path]].concat(), ADMIN);
    assert_eq!(written.code, 1, "writing accepts nothing yet: {}", written.stdout);
    let accepted = [ALL, &["--baseline", &path]].concat();
    assert_eq!(run(&accepted, ADMIN).code, 0);
    // The same for other lines, other order, another name of the file: only what is new fails.
    let both = format!("# a comment\n\n{ADMIN}---{POD}");
    assert_eq!(run(&accepted, &both).code, 1);
    let report_of = report(&accepted, &both);
    for finding in findings(&report_of) {
        let is_old = finding["object"]["kind"] == "ClusterRoleBinding"
            || finding["code"].as_str().is_some_and(|code| code.starts_with("rbac-"));
        assert_eq!(finding["accepted"].is_object(), is_old, "{finding}");
    }
    // What is mended is told, but not where only a part was checked.
    let gone = report(&accepted, POD);
    assert!(gone["baseline"]["gone"].as_u64().is_some_and(|gone| gone > 0), "{}", gone["baseline"]);
    assert!(run(&accepted, POD).stdout.contains("have no finding any more"));
    let part = report(&[&["network"], accepted.as_slice()].concat(), POD);
    assert!(part["baseline"]["gone"].is_null(), "{}", part["baseline"]);
}

#[test]
fn a_broken_baseline_ends_the_run_before_it_starts() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("accepted.json");
    let named = path.display().to_string();
    for broken in ["", "{", "[]", "{\"apiVersion\":\"mlops/v1\"}", "CANARY", "\u{0}"] {
        std::fs::write(&path, broken).expect("write");
        let outcome = run(&[ALL, &["--baseline", &named]].concat(), ADMIN);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{broken}: {}", outcome.stderr);
        assert!(!outcome.stderr.contains("CANARY") && outcome.stderr.contains("hint: "), "{}", outcome.stderr);
    }
    assert_eq!(run(&[ALL, &["--baseline", "/no/such/file"]].concat(), ADMIN).code, 2);
}

/// A link in a checkout must not lead a write elsewhere.
#[cfg(unix)]
#[test]
fn a_link_is_not_written_through() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("folder");
    let (target, link) = (folder.path().join("target"), folder.path().join("link"));
    std::fs::write(&target, "mine").expect("write");
    std::os::unix::fs::symlink(&target, &link).expect("link");
    run(&[ALL, &["--write-baseline", &link.display().to_string()]].concat(), ADMIN);
    assert_eq!(std::fs::read_to_string(&target).expect("read"), "mine");
    let written = std::fs::symlink_metadata(&link).expect("written");
    assert!(written.is_file() && written.permissions().mode() & 0o077 == 0, "{written:?}");
}

/// Exceptions of the platform file, and which are told to be cleared away.
#[test]
fn exceptions_accept_with_a_reason_until_their_day() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("platform.yaml");
    let rule = |code: &str, object: &str, expires: &str| {
        format!("- {{code: {code}, object: '{object}', reason: the reason, expires: {expires}}}\n")
    };
    let rules = [
        rule("rbac-*", "*", "2026-12-31"),
        rule("pod-*", "*", "2026-01-01"),
        rule("netpol-*", "Namespace/nowhere", "2026-12-31"),
        rule("pod-oom-killed", "*", "2026-12-31"),
    ];
    let head = "apiVersion: mlops/v1\nkind: Platform\nname: mlops\nexceptions:\n";
    std::fs::write(&path, head.to_owned() + &rules.concat()).expect("write");
    let named = path.display().to_string();
    let flags = [ALL, &["--platform", &named]].concat();
    let whole = report(&flags, &format!("{ADMIN}---{POD}"));
    let accepted = |finding: &&Value| finding["accepted"]["reason"] == "the reason";
    assert!(findings(&whole).iter().filter(accepted).count() > 0);
    assert!(findings(&whole).iter().filter(accepted).all(|it| it["code"].as_str().expect("code").starts_with("rbac-")));
    let states: Vec<(&str, &str)> = whole["exceptions"]
        .as_array()
        .expect("exceptions")
        .iter()
        .map(|it| (it["code"].as_str().expect("code"), it["state"].as_str().expect("state")))
        .collect();
    // One on a code of health's is none of audit's.
    assert_eq!(states, [("rbac-*", "used"), ("pod-*", "expired"), ("netpol-*", "unused")]);
    // Of a part nobody can tell what is unused.
    let part = report(&[&["rbac"], flags.as_slice()].concat(), ADMIN);
    assert_eq!(part["exceptions"].as_array().map(Vec::len), Some(2), "{}", part["exceptions"]);
    assert_eq!(run(&flags, ADMIN).code, 0);
}

/// What the specification of SARIF 2.1.0 requires of a log, its run, rules, results and locations.
#[test]
fn sarif_is_what_the_specification_requires() {
    let folder = tempfile::tempdir().expect("folder");
    let baseline = folder.path().join("accepted.json").display().to_string();
    run(&[ALL, &["--write-baseline", &baseline]].concat(), ADMIN);
    let input = format!("{ADMIN}---{POD}");
    let outcome = run(&[ALL, &["-o", "sarif", "--baseline", &baseline, "--now", NOW]].concat(), &input);
    let log: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(log["version"], "2.1.0");
    assert!(log["$schema"].as_str().is_some_and(|schema| schema.ends_with("sarif-schema-2.1.0.json")));
    let run_ = &log["runs"][0];
    let driver = &run_["tool"]["driver"];
    assert_eq!(driver["name"], "kubectl-mlops-audit");
    let rules = driver["rules"].as_array().expect("rules");
    let mut ids: Vec<&str> = rules.iter().map(|rule| rule["id"].as_str().expect("id")).collect();
    for rule in rules {
        for text in ["shortDescription", "fullDescription", "help"] {
            assert!(rule[text]["text"].as_str().is_some_and(|text| !text.is_empty()), "{rule}");
        }
        assert!(["error", "warning", "note"].contains(&rule["defaultConfiguration"]["level"].as_str().expect("level")));
        let score: f32 = rule["properties"]["security-severity"].as_str().expect("text").parse().expect("a number");
        assert!((0.0..=10.0).contains(&score));
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "rule ids are unique (3.19.23)");
    let results = run_["results"].as_array().expect("results");
    assert!(results.len() > 3, "{}", results.len());
    let mut suppressed = 0;
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().expect("index")).expect("small");
        assert_eq!(rules[index]["id"], result["ruleId"], "ruleId and ruleIndex name one rule (3.27.6)");
        assert!(["error", "warning", "note", "none"].contains(&result["level"].as_str().expect("level")));
        assert!(result["message"]["text"].as_str().is_some_and(|text| !text.is_empty()));
        let location = &result["locations"][0];
        assert!(location["physicalLocation"].is_object() || location["logicalLocations"].is_array(), "{result}");
        assert!(location["logicalLocations"][0]["fullyQualifiedName"].is_string(), "{result}");
        let prints = result["partialFingerprints"].as_object().expect("fingerprints");
        assert!(prints.values().all(|print| print.as_str().is_some_and(|print| print.len() == 32)), "{result}");
        for suppression in result["suppressions"].as_array().expect("on every result, or on none (3.27.23)") {
            assert_eq!((&suppression["kind"], &suppression["status"]), (&json!("external"), &json!("accepted")));
            suppressed += 1;
        }
    }
    assert!(suppressed > 0 && suppressed < results.len());
    let invocation = &run_["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], true);
    assert_eq!(invocation["endTimeUtc"], NOW);
    // Of other reports there is no such form, and that is said.
    let refused = run(&["explain", "-o", "sarif"], "");
    assert_eq!(refused.code, 2, "{}", refused.stdout);
    assert!(run(&["-o", "docx"], "").stderr.contains(",sarif"));
}

const FORMATS: [&str; 10] =
    ["table", "wide", "json", "yaml", "name", "markdown", "html", "junit", "prometheus", "sarif"];

/// Values of Secrets, ConfigMaps, environments and arguments are in no output, in no baseline.
#[test]
fn no_value_is_ever_shown() {
    let input = "
{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: a, annotations: {x: CANARY1}}, data: {p: Q0FOQVJZMg==, CANARY3: eA==}, stringData: {p: CANARY4}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: a}, data: {p: CANARY5}}
---
{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: a}, spec: {hostNetwork: true, containers: [{name: c, image: 'i:1', args: [--password=CANARY6], env: [{name: PASSWORD, value: CANARY7}], securityContext: {privileged: true}}]}}
---
{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {name: r, namespace: a}, spec: {values: {adminPassword: CANARY8}}}
";
    let folder = tempfile::tempdir().expect("folder");
    let baseline = folder.path().join("b.json");
    let named = baseline.display().to_string();
    for format in FORMATS {
        let outcome =
            run(&[ALL, &["-o", format, "-vvv", "--show", "info", "--write-baseline", &named]].concat(), input);
        let written = std::fs::read_to_string(&baseline).expect("baseline");
        for (what, text) in [("stdout", &outcome.stdout), ("stderr", &outcome.stderr), ("baseline", &written)] {
            for canary in ["CANARY", "Q0FOQVJZMg"] {
                assert!(!text.contains(canary), "{format}: {what} shows {canary}: {text}");
            }
        }
        assert!(!outcome.stdout.is_empty(), "{format}");
    }
}

/// Names with control characters, markup and links come out visible in every format.
#[test]
fn hostile_text_stays_text() {
    let name = "\u{1b}[31mX\u{1b}]8;;http://e\u{7}\u{202e}\u{9b}\r</td><script>[a](http://e)|`";
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": name, "labels": {name: name}},
        "spec": {"containers": [{"name": name, "image": name, "securityContext": {"privileged": true}}]}
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": name}]
    });
    let input = json!({"apiVersion": "v1", "kind": "List", "items": [pod, binding]}).to_string();
    for format in FORMATS {
        let outcome = run(&[ALL, &["-o", format, "--show", "info"]].concat(), &input);
        let is_raw = |it: char| it.is_control() && it != '\n' || ('\u{202a}'..='\u{202e}').contains(&it);
        for text in [&outcome.stdout, &outcome.stderr] {
            assert!(!text.contains(is_raw), "{format}: {text:?}");
        }
        match format {
            "html" => assert!(!outcome.stdout.contains("</td><script>"), "{}", outcome.stdout),
            "name" => assert!(!outcome.stdout.contains("script"), "{}", outcome.stdout),
            "sarif" => {
                let log: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
                for result in log["runs"][0]["results"].as_array().expect("results") {
                    let text = result["message"]["text"].as_str().expect("text");
                    assert!(text.contains("] (http") && !text.contains("](http"), "{text}");
                }
            }
            _ => {}
        }
    }
}

#[test]
fn names_are_those_of_what_is_shown() {
    let input = format!("{ADMIN}---{POD}");
    let names = |flags: &[&str]| run(&[ALL, &["-o", "name"], flags].concat(), &input).stdout;
    let all = names(&["--show", "info"]);
    assert!(
        all.contains("clusterrolebinding.rbac.authorization.k8s.io/too-much\n") && all.contains("pod/web\n"),
        "{all}"
    );
    let lines = all.lines().count();
    assert!(names(&["--show", "critical"]).lines().count() < lines, "{all}");
    // Every finding that is shown has its object there, low ones too.
    let shown = report(&[ALL, &["--show", "info"]].concat(), &input);
    for finding in findings(&shown) {
        let name = finding["object"]["name"].as_str().expect("name");
        assert!(all.lines().any(|line| line.ends_with(&format!("/{name}"))), "{name}: {all}");
    }
}

#[test]
fn words_are_completed() {
    let complete = |words: &[&str]| {
        let outcome = run(&[&["__complete"], words].concat(), "");
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{words:?}");
        outcome.stdout
    };
    assert!(complete(&["explain", "rbac-node"]).contains("rbac-node-proxy\t"), "{}", complete(&["explain", ""]));
    assert_eq!(complete(&["--fail-on", "n"]), "never\n:4\n");
    assert_eq!(complete(&["--show", "c"]), "critical\n:4\n");
    assert_eq!(complete(&["-o", "s"]), "sarif\n:4\n");
    assert_eq!(complete(&["explain", "-o", "s"]), ":4\n");
    assert!(complete(&["net"]).starts_with("network"), "{}", complete(&["net"]));
    assert!(complete(&[""]).contains("explain\t"), "{}", complete(&[""]));
}

/// Five thousand pods, two thousand roles with bindings, three thousand Secrets.
fn large(folder: &Path) -> PathBuf {
    let mut text = String::from("{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[");
    let mut add = |object: Value| {
        let comma = if text.ends_with('[') { "" } else { "," };
        text.push_str(&format!("{comma}{object}"));
    };
    let namespace = |index: usize| format!("team-{:02}", index % 50);
    for index in 0..50 {
        add(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace(index)}}));
    }
    for index in 0..5_000 {
        add(json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": format!("app-{index}"), "namespace": namespace(index), "uid": format!("{index:032x}"),
                "labels": {"app": format!("app-{}", index / 3)}},
            "spec": {
                "serviceAccountName": format!("bot-{}", index % 400),
                "containers": [{"name": "main", "image": format!("registry.example/team/app:{}", index % 17),
                    "env": [{"name": "A", "value": "b"}, {"name": "S", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
                    "resources": {"requests": {"cpu": "100m"}},
                    "securityContext": {"privileged": index % 100 == 0, "runAsNonRoot": true}}],
                "volumes": [{"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]
            },
            "status": {"phase": "Running", "podIP": "10.0.0.1"}
        }));
    }
    for index in 0..2_000 {
        let (name, space) = (format!("role-{index}"), namespace(index));
        let verbs = if index % 10 == 0 { json!(["*"]) } else { json!(["get", "list", "watch"]) };
        let group = "rbac.authorization.k8s.io";
        add(json!({
            "apiVersion": format!("{group}/v1"), "kind": "Role", "metadata": {"name": name, "namespace": space},
            "rules": [{"apiGroups": [""], "resources": ["pods", "secrets", "configmaps"], "verbs": verbs},
                {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "patch"]}]
        }));
        add(json!({
            "apiVersion": format!("{group}/v1"), "kind": "RoleBinding", "metadata": {"name": name, "namespace": space},
            "roleRef": {"apiGroup": group, "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": format!("bot-{}", index % 400), "namespace": space}]
        }));
    }
    for index in 0..3_000 {
        add(json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": {"name": format!("secret-{index}"), "namespace": namespace(index),
                "creationTimestamp": "2026-01-01T00:00:00Z"},
            "data": {"password": "CANARY".repeat(40)}
        }));
    }
    text.push_str("]}");
    let path = folder.join("large.json");
    std::fs::write(&path, text).expect("write");
    path
}

/// A large cluster from a file takes bounded memory. What it takes of the CPU is printed, not judged.
///
/// The report is larger than a pipe holds: once its first byte is there the process has done its work and waits for a
/// reader, so that its peak can be read.
#[cfg(target_os = "linux")]
#[test]
fn a_large_cluster_fits_into_memory() {
    use std::io::Read as _;
    let folder = tempfile::tempdir().expect("folder");
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_under-test-audit"))
        .arg("--from")
        .arg(large(folder.path()))
        .args(["-o", "json", "--now", NOW])
        .env_clear()
        .env("HOME", folder.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("starts");
    let mut stdout = child.stdout.take().expect("stdout");
    let mut text = vec![0];
    stdout.read_exact(&mut text).expect("a byte");
    let of_process = |file: &str| std::fs::read_to_string(format!("/proc/{}/{file}", child.id())).expect("/proc");
    let (status, times) = (of_process("status"), of_process("stat"));
    stdout.read_to_end(&mut text).expect("the rest");
    assert_eq!(child.wait().expect("ends").code(), Some(1));
    let report: Value = serde_json::from_slice(&text).expect("JSON");
    assert!(report["summary"]["objects"].as_u64().is_some_and(|objects| objects >= 9_050), "{}", report["summary"]);
    assert!(findings(&report).len() > 1_000 && text.len() > 200_000);
    assert!(!text.windows(6).any(|window| window == b"CANARY"));
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    let kibibytes: u64 = peak.trim().trim_end_matches(" kB").parse().expect("a number");
    // Hundredths of a second in user and kernel mode, behind the name in parentheses.
    let ticks: Vec<&str> = times.rsplit(") ").next().unwrap_or_default().split(' ').skip(11).take(2).collect();
    let _ = writeln!(
        std::io::stdout(),
        "10,050 objects and {} findings: {} MiB, {} hundredths of a second of CPU (unoptimised)",
        findings(&report).len(),
        kibibytes / 1024,
        ticks.join(" + ")
    );
    assert!(kibibytes < 100 * 1024, "{kibibytes} KiB");
}

/// A value that must not show up anywhere.
const CANARY: &str = "CaNaRyX7fQ2mLz9Kp4Wd";

/// Objects with the value in every place that may hold one.
fn leaking() -> String {
    let base64 = "Q2FOYVJ5WDdmUTJtTHo5S3A0V2Q=";
    let applied = json!({"data": {"password": base64}}).to_string();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [
        {
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": {"name": "s", "namespace": "n", "creationTimestamp": "2024-01-01T00:00:00Z", "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": applied, "example.org/token": CANARY,
            }},
            "data": {"password": base64, ".dockerconfigjson": base64, "tls.crt": base64, "tls.key": base64},
            "stringData": {"config.env": format!("export ROOT_PASSWORD={CANARY}"), "url": format!("s3://u:{CANARY}@h")},
        },
        {
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "n"},
            "data": {"password": CANARY, "app.ini": format!("[db]\npassword = {CANARY}\n"), "url": format!("s3://u:{CANARY}@h")},
        },
        {
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "p", "namespace": "n", "annotations": {"example.org/api-token": CANARY}},
            "spec": {"containers": [{
                "name": "c", "image": "i:1", "args": ["--password", CANARY], "command": ["sh", "-c", format!("PASSWORD={CANARY} run")],
                "env": [{"name": "API_TOKEN", "value": CANARY}],
            }]},
        },
        {
            "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": {"name": "h", "namespace": "n"},
            "spec": {"values": {"adminPassword": CANARY, "db": {"url": format!("postgresql://u:{CANARY}@h/d")}}},
        },
    ]});
    list.to_string()
}

#[test]
fn no_value_of_a_cluster_reaches_any_output() {
    let input = leaking();
    let folder = tempfile::tempdir().expect("folder");
    let baseline = folder.path().join("baseline.json");
    let baseline = baseline.to_str().expect("UTF-8");
    let formats =
        ["table", "wide", "json", "yaml", "name", "markdown", "html", "junit", "prometheus", "sarif", "cyclonedx"];
    for reads in [&[][..], &["--read-values"]] {
        for format in formats {
            let flags = [
                &[
                    "--from",
                    "-",
                    "--show",
                    "info",
                    "--fail-on",
                    "never",
                    "-v",
                    "-v",
                    "-o",
                    format,
                    "--write-baseline",
                    baseline,
                ],
                reads,
            ];
            let outcome = run(&flags.concat(), &input);
            assert_eq!(outcome.code, 0, "{format}: {}", outcome.stderr);
            let written = std::fs::read_to_string(baseline).expect("a baseline");
            for text in [&outcome.stdout, &outcome.stderr, &written] {
                assert!(!text.contains("CaNaRy") && !text.contains("Q2FOYVJ5"), "{format} {reads:?}");
            }
        }
    }
    // What is found shows that all of it was looked at.
    let paths = |flags: &[&str]| -> Vec<String> {
        let report = report(&[&["secrets", "--from", "-"], flags].concat(), &input);
        let found = findings(&report).iter().filter(|it| it["code"] == "secret-plaintext");
        found
            .map(|it| {
                format!("{} {}", it["object"]["kind"].as_str().expect("kind"), it["path"].as_str().expect("path"))
            })
            .collect()
    };
    let by_metadata = paths(&[]);
    assert_eq!(by_metadata.len(), 6, "{by_metadata:?}");
    assert!(!by_metadata.iter().any(|path| path.starts_with("ConfigMap")), "{by_metadata:?}");
    let with_values = paths(&["--read-values"]);
    assert_eq!(with_values.len(), 9, "{with_values:?}");
    // Where it is cut short, the error quotes nothing.
    let cut = run(&["secrets", "--from", "-", "--read-values"], &input[..input.find("Pod").expect("a pod")]);
    assert_eq!(cut.code, 2, "{}", cut.stderr);
    assert!(!cut.stderr.contains("CaNaRy") && cut.stdout.is_empty(), "{}", cut.stderr);
}

#[test]
fn values_are_read_where_that_is_asked_for() {
    let input = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "n"},
        "stringData": {"accesskey": "minioadmin", "password": "mlflow123", "good": CANARY}})
    .to_string();
    let codes = |flags: &[&str]| -> Vec<String> {
        let report = report(&[&["secrets", "--from", "-"], flags].concat(), &input);
        findings(&report)
            .iter()
            .map(|it| format!("{} {}", it["code"].as_str().expect("code"), it["path"].as_str().expect("path")))
            .collect()
    };
    assert_eq!(codes(&[]), Vec::<String>::new());
    assert_eq!(
        codes(&["--read-values"]),
        ["secret-default-credential data.accesskey", "secret-weak-credential data.password"]
    );
    let note = report(&["secrets", "--from", "-"], &input)["notes"].to_string();
    assert!(note.contains("--read-values"), "{note}");
    for flags in [&["rbac", "--from", "-", "--read-values"][..], &["tree", ".", "--read-values"]] {
        assert_eq!(run(flags, &input).code, 2, "{flags:?}");
    }
}

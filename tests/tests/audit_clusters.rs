//! An audit of several clusters: a section each, and none hides another.

use mlops_tests::loopback::{Answer, Server};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

const API: &str = r#"{"kind":"APIGroupDiscoveryList","items":[{"metadata":{},"versions":[{"version":"v1","resources":[
 {"resource":"namespaces","responseKind":{"kind":"Namespace"},"scope":"Cluster","verbs":["list"]},
 {"resource":"pods","responseKind":{"kind":"Pod"},"scope":"Namespaced","verbs":["list"]}]}]}]}"#;
const NAMESPACES: &str = r#"{"kind":"NamespaceList","items":[{"metadata":{"name":"ml"}}]}"#;
const NONE: &str = r#"{"kind":"PodList","items":[]}"#;
/// A pod that may do what its node may.
const PRIVILEGED: &str = r#"{"kind":"PodList","items":[{"metadata":{"name":"root","namespace":"ml"},"spec":{"containers":[
 {"name":"c","image":"registry.example.org/a:1","securityContext":{"privileged":true}}]},"status":{"phase":"Running"}}]}"#;

fn cluster(pods: Answer) -> Server {
    Server::start(Arc::new(move |path, _| match path {
        "/api" => Some((200, "", API.to_owned())),
        "/apis" => Some((200, "", r#"{"kind":"APIGroupDiscoveryList","items":[]}"#.to_owned())),
        "/version" => Some((200, "", r#"{"gitVersion":"v1.36.3"}"#.to_owned())),
        path if path.starts_with("/api/v1/pods") => pods.clone(),
        path if path.starts_with("/api/v1/namespaces?") => Some((200, "", NAMESPACES.to_owned())),
        _ => Some((403, "", r#"{"kind":"Status","message":"it is forbidden"}"#.to_owned())),
    }))
}

fn pods(list: &str) -> Answer {
    Some((200, "", list.to_owned()))
}

struct Outcome {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Runs audit with these contexts, each with its server and user.
fn run(contexts: &[(&str, &str, &str)], flags: &[&str]) -> Outcome {
    let home = tempfile::tempdir().expect("home");
    let (mut clusters, mut named) = (String::new(), String::new());
    for (name, server, user) in contexts {
        clusters.push_str(&format!("- {{name: {name}, cluster: {{server: '{server}'}}}}\n"));
        named.push_str(&format!("- {{name: {name}, context: {{cluster: {name}, user: {user}}}}}\n"));
    }
    let config = home.path().join("config");
    let text = format!(
        "apiVersion: v1\nkind: Config\nclusters:\n{clusters}contexts:\n{named}\
         users: [{{name: u, user: {{token: CANARY-TOKEN}}}}, {{name: v, user: {{token: CANARY-OTHER}}}}]\n"
    );
    std::fs::write(&config, text).expect("write");
    let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_under-test-audit"))
        .env_clear()
        .env("HOME", home.path())
        .env("KUBECONFIG", &config)
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

#[test]
fn clusters_are_audited_side_by_side_and_none_hides_another() {
    let (well, ill) = (cluster(pods(NONE)), cluster(pods(PRIVILEGED)));
    let forbidden = cluster(Some((403, "", r#"{"kind":"Status","message":"it is forbidden"}"#.to_owned())));
    let contexts = [
        ("well", well.address.as_str(), "u"),
        ("down", "http://127.0.0.1:1", "u"),
        ("ill", ill.address.as_str(), "u"),
        ("again", well.address.as_str(), "u"),
        ("other", well.address.as_str(), "v"),
        ("part", forbidden.address.as_str(), "u"),
    ];
    let outcome = run(&contexts, &["workloads", "--all-contexts", "-o", "json"]);
    assert_eq!(outcome.code, Some(1), "findings win: {}", outcome.stderr);
    let list: Value = serde_json::from_str(&outcome.stdout).expect("a list");
    assert_eq!((&list["kind"], &list["verdict"]), (&"AuditReportList".into(), &"FAIL".into()));
    let items = list["items"].as_array().expect("items");
    let told: Vec<(&str, bool, &str)> = items
        .iter()
        .map(|item| {
            let check = item["checks"][0]["state"].as_str().unwrap_or_default();
            (item["view"]["name"].as_str().unwrap_or_default(), item["summary"]["partial"] == true, check)
        })
        .collect();
    let expected = [
        ("well", false, "done"),
        ("down", true, "unknown"),
        ("ill", false, "done"),
        ("other", false, "done"),
        ("part", true, "partial"),
    ];
    assert_eq!(told, expected);
    assert_eq!(list["sameAs"], serde_json::json!([{"context": "again", "item": "well"}]));
    assert!(items[1]["error"]["message"].as_str().is_some_and(|text| text.contains("failed to connect")), "{list}");
    let codes: Vec<&Value> = items[2]["findings"].as_array().expect("findings").iter().map(|it| &it["code"]).collect();
    assert!(codes.contains(&&Value::from("pod-privileged")), "{codes:?}");
    assert!(items[0]["findings"].as_array().expect("findings").iter().all(|it| it["object"]["kind"] != "Pod"));
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schemas/audit-report-list.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(schema).expect("a schema")).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let errors: Vec<String> = validator.iter_errors(&list).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn what_a_list_cannot_tell_of_one_cluster_is_unknown_in_every_format() {
    let (well, ill) = (cluster(pods(NONE)), cluster(pods(PRIVILEGED)));
    let contexts =
        [("well", well.address.as_str(), "u"), ("down", "http://127.0.0.1:1", "u"), ("ill", ill.address.as_str(), "u")];
    let of = |names: &[&str], flags: &[&str]| {
        let mut all = vec!["workloads"];
        names.iter().for_each(|name| all.extend(["--context", name]));
        run(&contexts, &[all.as_slice(), flags].concat())
    };
    let partial = of(&["well", "down"], &[]);
    assert_eq!(partial.code, Some(3), "{}", partial.stderr);
    for part in ["=== well ===", "=== down ===", "could not be read: failed to connect", "hint: ", "UNKNOWN"] {
        assert!(partial.stdout.contains(part), "{part}: {}", partial.stdout);
    }
    assert_eq!(of(&["well", "well"], &[]).code, Some(0));
    assert_eq!(of(&["well", "ill"], &["--fail-on", "never"]).code, Some(0));
    let names = of(&["well", "ill"], &["-o", "name"]);
    assert!(
        names.stdout.contains("--context=ill pod/root\n") && !names.stdout.contains("=well pod"),
        "{}",
        names.stdout
    );
    let metrics = of(&["well", "down"], &["-o", "prometheus"]).stdout;
    assert!(metrics.contains(r#"mlops_audit_check_done{cluster="down",check="workloads"} 0"#), "{metrics}");
    assert!(metrics.contains(r#"mlops_audit_check_done{cluster="well",check="workloads"} 1"#), "{metrics}");
    assert!(of(&["well", "down"], &["-o", "junit"]).stdout.contains("not checked: workloads"));
    // A namespace that is not in one of them is that cluster's matter.
    let nowhere = of(&["well", "ill"], &["-n", "elsewhere"]);
    assert_eq!(nowhere.code, Some(3), "{}", nowhere.stderr);
    assert!(nowhere.stdout.contains("could not be read: there is no namespace elsewhere"), "{}", nowhere.stdout);
    let folder = tempfile::tempdir().expect("folder");
    let baseline = folder.path().join("baseline").display().to_string();
    for flags in [&["-o", "sarif"][..], &["--write-baseline", &baseline]] {
        let refused = of(&["well", "ill"], flags);
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{flags:?}: {}", refused.stderr);
        assert!(
            refused.stderr.contains("is of one cluster\nhint: run it once for each --context"),
            "{}",
            refused.stderr
        );
    }
    assert!(!Path::new(&baseline).exists());
    let bom = run(&contexts, &["images", "--all-contexts", "-o", "cyclonedx"]);
    assert_eq!((bom.code, bom.stdout.as_str()), (Some(2), ""), "{}", bom.stderr);
    let typo = of(&["well", "wel"], &[]);
    assert!(typo.code == Some(2) && typo.stderr.contains("no context wel"), "{}", typo.stderr);
}

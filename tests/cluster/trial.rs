//! `kubectl mlops backup verify --level 3` and `4` against a real control plane: what is asked, what is made, and that
//! nothing of it is left, also when the run fails or is interrupted.

use crate::restore::{Archive, LIMIT, backup, command, filled, gone, json_of, saved};
use mlops_tests::control_plane::{ControlPlane, shared};
use mlops_tests::proxy::{Fault, Proxy, Rule};
use mlops_tests::users::User;
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Instant;

/// Objects that are made: three of each kind.
const OBJECTS: usize = 63;

fn verify(config: &Path, archive: &Archive, flags: &[&str]) -> Output {
    let all = [&["verify", &archive.path, "--identity", &archive.key, "-o", "json"], flags].concat();
    backup(config, archive.folder.path(), &all)
}

/// Namespaces of trials that are there.
fn scratch(plane: &ControlPlane) -> Vec<String> {
    let all = plane.api().list("v1", "Namespace", "").expect("listed");
    let names = all.iter().map(|it| it["metadata"]["name"].as_str().unwrap_or_default().to_owned());
    names.filter(|name| name.starts_with("mlops-verify-") || name.starts_with("mlops-drill-")).collect()
}

fn names(report: &Value) -> Vec<String> {
    let all = report["trial"]["namespaces"].as_array().expect("names");
    all.iter().map(|it| it.as_str().expect("a name").to_owned()).collect()
}

fn is_gone(plane: &ControlPlane, name: &str) -> bool {
    plane.api().get("v1", "Namespace", "", name).expect("got").is_none()
}

#[test]
fn the_api_server_is_asked_about_every_object_and_nothing_stays() {
    let plane = shared();
    let namespace = filled(plane, "asked", OBJECTS);
    let config = plane.kubeconfig(User::Admin).expect("kubeconfig");
    let archive = saved(&config, &["-n", &namespace]);
    let proxy = Proxy::start(plane).expect("proxy");
    let slow = proxy.kubeconfig(User::Admin).expect("kubeconfig");

    let plan = verify(&slow, &archive, &["--level", "3", "--dry-run=client"]);
    assert_eq!(plan.status.code(), Some(0), "{}", String::from_utf8_lossy(&plan.stderr));
    assert!(proxy.requests().iter().all(|it| it.method == "GET"), "a plan writes nothing");
    assert_eq!(verify(&slow, &archive, &["--level", "3"]).status.code(), Some(2), "nobody agreed");
    assert!(proxy.requests().iter().all(|it| it.method == "GET"));

    let done = verify(&slow, &archive, &["--level", "3", "--yes", "--record"]);
    let report = json_of(&done);
    assert_eq!(done.status.code(), Some(0), "{report} {}", String::from_utf8_lossy(&done.stderr));
    let accepted = report["trial"]["accepted"].as_u64().expect("a number");
    assert!(accepted >= OBJECTS as u64, "{}", report["trial"]);
    let made = names(&report);
    assert_eq!(made.len(), 1);
    assert!(is_gone(plane, &made[0]));
    let record = archive.folder.path().join(format!("{}.verified", archive.path));
    let record: Value = serde_json::from_slice(&std::fs::read(record).expect("recorded")).expect("JSON");
    assert_eq!(record["level"], 3);
    for request in proxy.requests().iter().filter(|it| it.method != "GET") {
        let is_namespace = request.target.starts_with("/api/v1/namespaces?")
            || request.target.starts_with(&format!("/api/v1/namespaces/{}?", made[0]));
        assert!(is_namespace || request.target.contains("dryRun=All"), "{} {}", request.method, request.target);
    }

    // A webhook that refuses one of them in a namespace of any name.
    let webhook = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": namespace}, "webhooks": [{"name": "deny.example.invalid", "failurePolicy": "Fail", "timeoutSeconds": 1,
        "sideEffects": "None", "admissionReviewVersions": ["v1"], "clientConfig": {"url": "https://127.0.0.1:1/"},
        "namespaceSelector": {"matchExpressions": [{"key": "mlops.dev/scratch", "operator": "Exists"}]},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["limitranges"]}]}]});
    plane.api().apply_object(&webhook).expect("made");
    let start = Instant::now();
    let report = loop {
        let refused = verify(&config, &archive, &["--level", "3", "--yes", "limitrange"]);
        let report = json_of(&refused);
        assert!(names(&report).iter().all(|name| is_gone(plane, name)));
        if refused.status.code() == Some(1) {
            break report;
        }
        assert!(start.elapsed() < LIMIT, "the webhook is asked: {report}");
    };
    plane
        .api()
        .delete("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "", &namespace)
        .expect("deleted");
    let finding = report["findings"][0].as_str().expect("a finding");
    assert!(
        finding.starts_with(&format!("LimitRange/{namespace}/")) && finding.contains("deny.example.invalid"),
        "{finding}"
    );
    gone(plane, &namespace);
}

#[test]
fn a_drill_restores_compares_and_removes() {
    let plane = shared();
    let api = plane.api();
    let namespace = filled(plane, "drill", OBJECTS);
    // Of these at least one would run if it were not put to sleep.
    api.patch("apps/v1", "Deployment", &namespace, "deployment-8", &json!({"spec": {"replicas": 2}})).expect("scaled");
    let config = plane.kubeconfig(User::Admin).expect("kubeconfig");
    let archive = saved(&config, &["-n", &namespace]);
    let proxy = Proxy::start(plane).expect("proxy");
    let slow = proxy.kubeconfig(User::Admin).expect("kubeconfig");
    let done = verify(&slow, &archive, &["--level", "4", "--yes"]);
    let report = json_of(&done);
    assert_eq!(done.status.code(), Some(0), "{report} {}", String::from_utf8_lossy(&done.stderr));
    let restored = report["trial"]["restored"].as_u64().expect("a number");
    // Claims, Ingresses, topics of Kafka and the namespace itself are only asked about.
    assert!(restored >= OBJECTS as u64 - 9, "{}", report["trial"]);
    assert!(report["trial"]["onlyAsked"].to_string().contains("an operator or a driver would act on it"));
    for name in names(&report) {
        assert!(name.starts_with("mlops-drill-") && is_gone(plane, &name), "{name}");
        for request in proxy.requests().iter().filter(|it| it.method != "GET" && it.target.contains(&name)) {
            let is_kind = |kind: &str| request.target.contains(&format!("/{kind}?"));
            let is_asked = request.target.contains("dryRun=All");
            let may_be_made = !["persistentvolumeclaims", "ingresses", "kafkatopics"].into_iter().any(is_kind);
            assert!(is_asked || may_be_made, "{} {}", request.method, request.target);
        }
    }
    // What comes back different is a finding.
    let changed =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "configmap-0"}, "data": {"a": "another"}});
    proxy.add(
        Rule::new(Fault::Answer { status: 200, body: changed.to_string() })
            .method("GET")
            .containing("mlops-drill-")
            .containing("/configmaps/configmap-0"),
    );
    let named = format!("ConfigMap/{namespace}/configmap-0");
    let different = verify(&slow, &archive, &["--level", "4", "--yes", &named]);
    let report = json_of(&different);
    assert_eq!(different.status.code(), Some(1), "{report}");
    let finding = report["findings"][0].as_str().expect("a finding");
    assert!(
        finding.starts_with(&named) && finding.contains("came back different: ") && finding.contains("data"),
        "{finding}"
    );
    assert!(names(&report).iter().all(|name| is_gone(plane, name)));
    gone(plane, &namespace);
}

#[test]
fn an_interrupted_trial_leaves_nothing() {
    let plane = shared();
    let namespace = filled(plane, "stopped", OBJECTS);
    let config = plane.kubeconfig(User::Admin).expect("kubeconfig");
    let archive = saved(&config, &["-n", &namespace]);
    let proxy = Proxy::start(plane).expect("proxy");
    let slow = proxy.kubeconfig(User::Admin).expect("kubeconfig");
    for (level, signal) in [("3", rustix::process::Signal::INT), ("4", rustix::process::Signal::TERM)] {
        proxy.reset();
        proxy.add(Rule::new(Fault::Hang).method("POST").containing("/configmaps"));
        let flags = [
            "verify",
            &archive.path,
            "--identity",
            &archive.key,
            "--level",
            level,
            "--yes",
            "--request-timeout",
            "300s",
        ];
        let child = command(&slow, archive.folder.path(), &flags)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        let start = Instant::now();
        while !proxy.requests().iter().any(|it| it.method == "POST" && it.target.contains("/configmaps")) {
            assert!(start.elapsed() < LIMIT, "it is asked");
            std::thread::yield_now();
        }
        let asked = proxy.requests();
        let made: Vec<&str> = asked
            .iter()
            .filter(|it| it.method == "POST" && it.target.contains("/configmaps"))
            .filter_map(|it| it.target.split('/').nth(4))
            .collect();
        assert!(scratch(plane).iter().any(|name| made.contains(&name.as_str())), "{made:?}");
        let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).expect("a number")).expect("an id");
        rustix::process::kill_process(pid, signal).expect("signalled");
        let output = child.wait_with_output().expect("ended");
        assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(made.iter().all(|name| is_gone(plane, name)), "level {level}: {made:?}");
    }
    // As does one that fails: the archive does not come into it, so the lists are not there.
    proxy.reset();
    proxy.add(Rule::new(Fault::Reset).method("POST").containing("/configmaps"));
    let failed = verify(&slow, &archive, &["--level", "3", "--yes"]);
    let report = json_of(&failed);
    assert_eq!(failed.status.code(), Some(3), "{report}");
    assert!(report["trial"]["unknown"].as_array().is_some_and(|all| !all.is_empty()), "{report}");
    assert!(names(&report).iter().all(|name| is_gone(plane, name)));
    // And one that never learned whether its namespace was made: by its label it is known.
    proxy.reset();
    proxy.add(Rule::new(Fault::HalfBody).method("POST").path("/api/v1/namespaces?"));
    let lost = verify(&slow, &archive, &["--level", "3", "--yes"]);
    assert_eq!(lost.status.code(), Some(3), "{}", String::from_utf8_lossy(&lost.stderr));
    let asked = proxy.requests();
    let removed: Vec<&str> =
        asked.iter().filter(|it| it.method == "DELETE").filter_map(|it| it.target.split(['/', '?']).nth(4)).collect();
    assert!(!removed.is_empty() && removed.iter().all(|name| is_gone(plane, name)), "{removed:?}");
    gone(plane, &namespace);
}

#[test]
fn the_account_of_deploy_restores_and_tries() {
    let plane = shared();
    if plane.is_foreign() {
        eprintln!("skipped: grants rights, which a cluster that is already there should not get");
        return;
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/rbac/restore.yaml");
    plane.kubectl(&["apply", "-f", &file.to_string_lossy()]).expect("applied");
    let home = plane.api().new_namespace("restorer").expect("namespace");
    plane.kubectl(&["create", "serviceaccount", "restorer", "-n", &home]).expect("made");
    let account = format!("--serviceaccount={home}:restorer");
    plane.kubectl(&["create", "clusterrolebinding", &home, "--clusterrole=mlops-restore", &account]).expect("bound");
    let token = plane.kubectl(&["create", "token", "restorer", "-n", &home]).expect("a token");
    let stranger = plane.kubeconfig(User::Stranger).expect("kubeconfig");
    let admin = plane.kubeconfig(User::Admin).expect("kubeconfig");
    let namespace = filled(plane, "of-role", OBJECTS);
    let archive = saved(&admin, &["-n", &namespace]);
    let with = |flags: &[&str]| {
        let all = [flags, &["--identity", &archive.key, "--token", token.trim(), "-o", "json"]].concat();
        backup(&stranger, archive.folder.path(), &all)
    };
    for level in ["3", "4"] {
        let tried = with(&["verify", &archive.path, "--level", level, "--yes"]);
        assert_eq!(tried.status.code(), Some(0), "{}{}", json_of(&tried), String::from_utf8_lossy(&tried.stderr));
    }
    gone(plane, &namespace);
    let done = with(&["restore", &archive.path, "-n", &namespace, "--yes"]);
    let report = json_of(&done);
    assert_eq!(done.status.code(), Some(0), "{} {}", report["counts"], String::from_utf8_lossy(&done.stderr));
    // And the change that takes a deletion.
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "rolebinding-19", "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "other"}, "subjects": []});
    plane.api().delete("rbac.authorization.k8s.io/v1", "RoleBinding", &namespace, "rolebinding-19").expect("deleted");
    plane.api().apply_object(&binding).expect("made");
    let done = with(&["restore", &archive.path, "-n", &namespace, "--existing=recreate", "--yes", "rolebindings"]);
    let report = json_of(&done);
    assert_eq!(done.status.code(), Some(0), "{report} {}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(report["counts"]["recreate"], 1, "{}", report["counts"]);
    plane.kubectl(&["delete", "clusterrolebinding", &home]).expect("deleted");
    gone(plane, &home);
    gone(plane, &namespace);
}

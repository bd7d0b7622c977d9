//! A look leaves nothing behind: nothing in the cluster, nothing on the disk, also when it is killed.

use mlops_tests::control_plane::shared;
use mlops_tests::fixtures::deployment;
use mlops_tests::proxy::{Proxy, Recorded};
use mlops_tests::users::User;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// Kinds whose objects are looked at before and after: what a run could have touched in a namespace.
const KINDS: [(&str, &str); 5] =
    [("v1", "ConfigMap"), ("v1", "Secret"), ("v1", "ServiceAccount"), ("v1", "Service"), ("apps/v1", "Deployment")];

fn versions(namespace: &str) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut found = BTreeMap::new();
    for (version, kind) in KINDS {
        for object in shared().api().list(version, kind, namespace).expect("listed") {
            let name = format!("{kind}/{}", text(&object["metadata"]["name"]));
            found.insert(name, text(&object["metadata"]["resourceVersion"]));
        }
    }
    found
}

/// A command whose home, temporary and working folders are empty and its own.
fn command(folder: &Path, kubeconfig: &Path, flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_under-test-health"));
    command.env_clear().current_dir(folder);
    for name in ["HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"] {
        command.env(name, folder);
    }
    command.arg("--kubeconfig").arg(kubeconfig).args(flags);
    command
}

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("the folder");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

/// Reads, and questions about one's own rights, which the API takes as a POST and does not store.
fn writes(requests: &[Recorded]) -> Vec<String> {
    let reads = |request: &&Recorded| {
        let asks = request.method == "POST" && request.path().starts_with("/apis/authorization.k8s.io/v1/selfsubject");
        let whoami =
            request.method == "POST" && request.path().starts_with("/apis/authentication.k8s.io/v1/selfsubject");
        request.method == "GET" || asks || whoami
    };
    requests.iter().filter(|request| !reads(request)).map(|it| format!("{} {}", it.method, it.target)).collect()
}

#[test]
fn no_run_writes_to_the_cluster_or_the_disk() {
    if shared().is_foreign() {
        eprintln!("skipped: needs a proxy of its own");
        return;
    }
    let namespace = shared().api().new_namespace("clean").expect("made");
    let api = shared().api();
    api.apply_object(&deployment(&namespace, "quiet", 0, None)).expect("applied");
    let observed = |object: &Value| object["status"]["observedGeneration"] == 1;
    let quiet = ("apps/v1", "Deployment", namespace.as_str(), "quiet");
    api.wait_for(quiet, std::time::Duration::from_secs(60), observed).expect("observed");
    for (version, kind, name) in [("v1", "ConfigMap", "kube-root-ca.crt"), ("v1", "ServiceAccount", "default")] {
        api.wait_for((version, kind, &namespace, name), std::time::Duration::from_secs(60), |_| true).expect("made");
    }
    let before = versions(&namespace);
    assert!(before.len() >= 3, "{before:?}");

    let proxy = Proxy::start(shared()).expect("proxy");
    let kubeconfig = proxy.kubeconfig(User::Admin).expect("kubeconfig");
    let folder = tempfile::tempdir().expect("folder");
    let formats = ["table", "wide", "json", "yaml", "name", "markdown", "html", "junit", "prometheus"];
    let mut runs: Vec<Vec<&str>> = formats.map(|format| vec!["-n", &namespace, "-o", format]).into();
    runs.extend([vec!["-A"], vec!["usage", "-n", &namespace], vec!["capacity"], vec!["platform"], vec!["codes"]]);
    runs.push(vec!["--wait", "--timeout", "2s", "-n", &namespace, "--interval", "200ms"]);
    for flags in runs {
        let output = command(folder.path(), &kubeconfig, &flags).output().expect("runs");
        assert!(output.status.code().is_some_and(|code| code < 128), "{flags:?}: {:?}", output.status);
        assert_eq!(files(folder.path()), Vec::<String>::new(), "{flags:?} left files");
    }
    assert_eq!(writes(&proxy.requests()), Vec::<String>::new());
    assert!(proxy.requests().len() > 100, "the runs went through the proxy");
    assert_eq!(versions(&namespace), before);
}

#[test]
fn a_watch_that_is_killed_leaves_nothing() {
    if shared().is_foreign() {
        eprintln!("skipped: needs a proxy of its own");
        return;
    }
    let namespace = shared().api().new_namespace("killed").expect("made");
    let proxy = Proxy::start(shared()).expect("proxy");
    let folder = tempfile::tempdir().expect("folder");
    let kubeconfig = proxy.kubeconfig(User::Admin).expect("kubeconfig");
    let flags = ["--watch", "-o", "json", "-n", &namespace, "--interval", "200ms"];
    let mut child = command(folder.path(), &kubeconfig, &flags).stdout(Stdio::piped()).spawn().expect("starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("its first line");
    assert!(line.starts_with('{'), "{line}");
    child.kill().expect("SIGKILL");
    child.wait().expect("its end");
    assert_eq!(files(folder.path()), Vec::<String>::new());
    assert_eq!(writes(&proxy.requests()), Vec::<String>::new());
}

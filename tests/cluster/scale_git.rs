//! `kubectl mlops scale --via git` against a real control plane with the real kustomize-controller. There is no
//! source-controller: once Flux is asked to fetch, the harness serves the artifact of what the branch of the remote holds.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use mlops_tests::artifacts::{ArtifactServer, publish};
use mlops_tests::control_plane::shared;
use mlops_tests::flux;
use mlops_tests::objects::Api;
use mlops_tests::users::User;
use serde_json::{Value, json};

const WITHIN: Duration = Duration::from_secs(120);
const KUSTOMIZATION: (&str, &str) = ("kustomize.toolkit.fluxcd.io/v1", "Kustomization");
const GIT: (&str, &str) = ("source.toolkit.fluxcd.io/v1", "GitRepository");
const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";

const WEB: &str = r#"# what the shop runs on
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1   # one a zone
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: "example.invalid/app:git"}]}
"#;
const KUSTOMIZED: &str = "resources: [web.yaml]\npatches:\n- target: {kind: Deployment, name: web}\n  patch: |\n    - op: replace\n      path: /spec/replicas\n      value: 2 # two here\n";

pub(crate) fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").current_dir(folder);
    let output = command.args(["-c", "init.defaultBranch=main"]).args(arguments).output().expect("git");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
}

/// Serves what the branch holds now, as source-controller does; gives the revision.
fn fetch(api: &Api, server: &ArtifactServer, namespace: &str, remote: &Path) -> String {
    let commit = git(remote, &["rev-parse", "main"]);
    let text = |path: &str| git(remote, &["show", &format!("main:{path}")]) + "\n";
    let files =
        [("apps/web.yaml", text("apps/web.yaml")), ("apps/kustomization.yaml", text("apps/kustomization.yaml"))];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let artifact = server.serve(&format!("git/{commit}.tar.gz"), &files).expect("served");
    let revision = format!("main@sha1:{commit}");
    publish(api, (GIT.0, GIT.1, namespace, "platform"), &artifact, &revision).expect("published");
    revision
}

/// An empty repository in a folder, and a clone of it to work in.
pub(crate) fn cloned(folder: &Path) -> (PathBuf, PathBuf) {
    let (remote, work) = (folder.join("remote.git"), folder.join("work"));
    git(folder, &["init", "--quiet", "--bare", "remote.git"]);
    git(folder, &["clone", "--quiet", "remote.git", "work"]);
    for (key, value) in [("user.name", "Ada"), ("user.email", "ada@example.com")] {
        git(&work, &["config", key, value]);
    }
    (remote, work)
}

#[test]
fn what_git_sets_is_changed_in_git_and_waited_for() {
    if shared().is_foreign() {
        eprintln!("nothing tested: the cluster of MLOPS_TEST_KUBECONFIG has Flux controllers of its own, or none");
        return;
    }
    let api = shared().api();
    flux::start(shared()).expect("the controllers are ready");
    let namespace = api.new_namespace("via-git").expect("made");
    let folder = tempfile::tempdir().expect("a folder");
    let (remote, work) = cloned(folder.path());
    std::fs::create_dir(work.join("apps")).expect("made");
    std::fs::write(work.join("apps/web.yaml"), WEB).expect("written");
    std::fs::write(work.join("apps/kustomization.yaml"), KUSTOMIZED).expect("written");
    git(&work, &["add", "."]);
    git(&work, &["commit", "--quiet", "-m", "seed"]);
    git(&work, &["push", "--quiet", "origin", "HEAD:main"]);

    let server = ArtifactServer::start().expect("it starts");
    api.apply_objects(vec![
        json!({"apiVersion": GIT.0, "kind": GIT.1, "metadata": {"name": "platform", "namespace": namespace},
            "spec": {"interval": "1h", "url": "https://git.invalid/platform", "ref": {"branch": "main"}}}),
        json!({"apiVersion": KUSTOMIZATION.0, "kind": KUSTOMIZATION.1, "metadata": {"name": "apps", "namespace": namespace},
            "spec": {"interval": "1h", "path": "./apps", "prune": true, "targetNamespace": namespace,
                "sourceRef": {"kind": GIT.1, "name": "platform"}}}),
    ])
    .expect("applied");
    let revision = fetch(api, &server, &namespace, &remote);
    let apps = (KUSTOMIZATION.0, KUSTOMIZATION.1, namespace.as_str(), "apps");
    api.wait_for(apps, WITHIN, |object| object["status"]["lastAppliedRevision"] == revision.as_str()).expect("applied");

    let kubeconfig = shared().kubeconfig(User::Admin).expect("a kubeconfig");
    let scale = |flags: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_under-test-scale"));
        command.env_clear().env("HOME", folder.path()).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.args(["deploy/web", "--replicas", "3", "--yes", "--tree"]).arg(&work).args(flags);
        command.args(["-n", &namespace, "-o", "json", "--kubeconfig"]).arg(&kubeconfig).stdin(Stdio::null());
        let output = command.output().expect("runs");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        let plan: Value = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}"));
        (output.status.code(), plan, stderr)
    };
    // By hand it is refused, with the place.
    let (code, plan, _) = scale(&[]);
    assert_eq!((code, &plan["refusals"][0]["code"]), (Some(1), &json!("git-sets-it")), "{plan}");
    let hints = plan["refusals"][0]["hints"].to_string();
    assert!(hints.contains("a patch sets it to 2, in apps/kustomization.yaml:7"), "{hints}");

    let (code, plan, stderr) = std::thread::scope(|scope| {
        let source = scope.spawn(|| {
            let platform = (GIT.0, GIT.1, namespace.as_str(), "platform");
            let is_asked = |object: &Value| object["metadata"]["annotations"][REQUESTED_AT].is_string();
            let asked = api.wait_for(platform, WITHIN, is_asked).expect("Flux is asked to fetch");
            fetch(api, &server, &namespace, &remote);
            let status = json!({"lastHandledReconcileAt": asked["metadata"]["annotations"][REQUESTED_AT]});
            api.patch_status(GIT.0, GIT.1, &namespace, "platform", &status).expect("handled");
        });
        let done = scale(&["--via", "git", "--push", "--remote", "origin", "--reason", "the sale"]);
        source.join().expect("fetched");
        done
    });
    assert_eq!((code, &plan["state"]), (Some(0), &json!("done")), "{plan}{stderr}");
    let web = api.get("apps/v1", "Deployment", &namespace, "web").expect("read").expect("there");
    assert_eq!((&web["spec"]["replicas"], &web["status"]["readyReplicas"]), (&json!(3), &json!(3)));
    let patched = git(&remote, &["show", "main:apps/kustomization.yaml"]);
    assert_eq!(patched, KUSTOMIZED.replace("value: 2", "value: 3").trim_end());
    assert_eq!(git(&remote, &["diff", "--numstat", "main~1", "main"]), "1\t1\tapps/kustomization.yaml");
    // The plugin writes nothing to the object: what is there comes from Flux.
    assert!(!web["metadata"]["managedFields"].to_string().contains("\"mlops\""), "{}", web["metadata"]);

    // What cannot be built at the commit is told, and not waited for until time is up.
    std::fs::write(
        work.join("apps/kustomization.yaml"),
        format!("{KUSTOMIZED}configMapGenerator:\n- name: x\n  files: [gone.txt]\n"),
    )
    .expect("written");
    git(&work, &["commit", "--quiet", "-am", "broken"]);
    git(&work, &["push", "--quiet", "--force", "origin", "HEAD:main"]);
    api.patch(GIT.0, GIT.1, &namespace, "platform", &json!({"metadata": {"annotations": {REQUESTED_AT: null}}}))
        .expect("changed");
    let (code, plan, stderr) = std::thread::scope(|scope| {
        let source = scope.spawn(|| {
            let platform = (GIT.0, GIT.1, namespace.as_str(), "platform");
            let is_asked = |object: &Value| object["metadata"]["annotations"][REQUESTED_AT].is_string();
            api.wait_for(platform, WITHIN, is_asked).expect("Flux is asked to fetch");
            fetch(api, &server, &namespace, &remote);
        });
        let done = scale(&["--via", "git", "--push", "--remote", "origin"]);
        source.join().expect("fetched");
        done
    });
    assert_eq!((code, &plan["state"]), (Some(1), &json!("failed")), "{plan}{stderr}");
    assert!(
        plan["outcome"].as_str().is_some_and(|text| text.contains("BuildFailed") && text.contains("the commit stays")),
        "{plan}"
    );
}

//! `kubectl mlops scale` of what a chart makes, with the real helm-controller: its drift modes, pauses, and the value in Git.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use mlops_tests::artifacts::{ArtifactServer, publish};
use mlops_tests::control_plane::{condition, shared};
use mlops_tests::flux;
use mlops_tests::objects::Api;
use mlops_tests::users::User;
use serde_json::{Value, json};

use crate::scale::scale;
use crate::scale_git::{cloned, git};

const WITHIN: Duration = Duration::from_secs(120);
const RELEASE: (&str, &str) = ("helm.toolkit.fluxcd.io/v2", "HelmRelease");
const GIT: (&str, &str) = ("source.toolkit.fluxcd.io/v1", "GitRepository");
const CHART: (&str, &str) = ("source.toolkit.fluxcd.io/v1", "HelmChart");
const KUSTOMIZATION: (&str, &str) = ("kustomize.toolkit.fluxcd.io/v1", "Kustomization");
const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";

const TEMPLATE: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: "example.invalid/app:1"}]}
"#;

/// The repository of charts, and the chart once helm-controller asks for it.
fn charts(api: &Api, server: &ArtifactServer, namespace: &str) {
    let files = [
        ("shop/Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n"),
        ("shop/values.yaml", "replicas: 1\n"),
        ("shop/templates/web.yaml", TEMPLATE),
    ];
    let chart = server.serve(&format!("charts/{namespace}.tgz"), &files).expect("served");
    let name = format!("{namespace}-shop");
    let object = (CHART.0, CHART.1, namespace, name.as_str());
    api.wait_for(object, WITHIN, |_| true).expect("helm-controller makes the chart object");
    publish(api, object, &chart, "1.0.0").expect("published");
    let release = (RELEASE.0, RELEASE.1, namespace, "shop");
    api.wait_for(release, WITHIN, |object| condition(object, "Ready") == Some("True")).expect("released");
}

fn repository(namespace: &str) -> Value {
    json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "HelmRepository",
        "metadata": {"name": "charts", "namespace": namespace}, "spec": {"interval": "1h", "url": "https://charts.invalid"}})
}

fn release(namespace: &str, mode: &str) -> Value {
    json!({"apiVersion": RELEASE.0, "kind": RELEASE.1, "metadata": {"name": "shop", "namespace": namespace},
        "spec": {"interval": "1h", "driftDetection": {"mode": mode}, "values": {"replicas": 1},
            "chart": {"spec": {"chart": "shop", "version": "1.0.0", "sourceRef": {"kind": "HelmRepository", "name": "charts"}}}}})
}

fn web(api: &Api, namespace: &str) -> Value {
    api.get("apps/v1", "Deployment", namespace, "web").expect("read").expect("there")
}

fn refusal(plan: &Value) -> &str {
    plan["refusals"][0]["code"].as_str().unwrap_or_default()
}

#[test]
fn a_chart_sets_its_replicas_again_only_where_drift_is_corrected() {
    if shared().is_foreign() {
        eprintln!("nothing tested: the cluster of MLOPS_TEST_KUBECONFIG has Flux controllers of its own, or none");
        return;
    }
    let api = shared().api();
    flux::start(shared()).expect("the controllers are ready");
    let namespace = api.new_namespace("helm").expect("made");
    let server = ArtifactServer::start().expect("it starts");
    api.apply_objects(vec![repository(&namespace), release(&namespace, "enabled")]).expect("applied");
    charts(api, &server, &namespace);
    let shop = (RELEASE.0, RELEASE.1, namespace.as_str(), "shop");
    let reconcile = |token: &str| {
        let ask = json!({"metadata": {"annotations": {REQUESTED_AT: token}}});
        api.patch(shop.0, shop.1, &namespace, "shop", &ask).expect("asked");
        api.wait_for(shop, WITHIN, |object| {
            object["status"]["lastHandledReconcileAt"] == token && condition(object, "Ready") == Some("True")
        })
        .expect("reconciled");
    };
    let replicas = || web(api, &namespace)["spec"]["replicas"].clone();
    let flags = ["deploy/web", "--replicas", "3", "--yes"];

    let refused = scale(&namespace, &flags);
    assert_eq!((refused.code, refused.code_of_refusal().as_str()), (Some(1), "chart-sets-it"), "{}", refused.stdout);
    // Nonetheless, and it is undone as it was said.
    let forced = scale(&namespace, &[&flags[..], &["--force-drift", "--timeout", "0"]].concat());
    assert_eq!(forced.code, Some(0), "{}", forced.stdout);
    reconcile("forced");
    assert_eq!(replicas(), 1, "drift is corrected");

    for scope in ["object", "owner"] {
        let pause = ["--pause", scope, "--reason", "load test", "--until", "4h"];
        let paused = scale(&namespace, &[&flags[..], &pause].concat());
        assert_eq!(paused.code, Some(0), "{scope}: {}{}", paused.stdout, paused.stderr);
        if scope == "object" {
            reconcile("paused");
        }
        assert_eq!(replicas(), 3, "{scope}");
        let resumed = scale(&namespace, &["resume", "deploy/web", "--yes"]);
        assert_eq!(resumed.code, Some(0), "{scope}: {}{}", resumed.stdout, resumed.stderr);
        reconcile(&format!("resumed-{scope}"));
        assert_eq!(replicas(), 1, "{scope}: the chart sets it again");
    }

    // Where drift is only told, or not looked for, the change stays until the next upgrade, and that is said.
    for (mode, wanted) in [("warn", "2"), ("disabled", "3")] {
        api.patch(shop.0, shop.1, &namespace, "shop", &json!({"spec": {"driftDetection": {"mode": mode}}}))
            .expect("changed");
        reconcile(mode);
        let done = scale(&namespace, &["deploy/web", "--replicas", wanted, "--yes"]);
        let plan = done.plan();
        assert_eq!(done.code, Some(0), "{mode}: {plan}{}", done.stderr);
        let ownership = plan["preflight"].as_array().into_iter().flatten().find(|it| it["check"] == "ownership");
        assert!(
            ownership.is_some_and(|it| it["verdict"] == "WARN" && it.to_string().contains("it stays until")),
            "{plan}"
        );
        reconcile(&format!("after-{mode}"));
        assert_eq!(replicas().to_string(), wanted, "{mode}");
    }
}

#[test]
fn the_value_of_a_chart_is_changed_in_git_and_waited_for() {
    if shared().is_foreign() {
        eprintln!("nothing tested: the cluster of MLOPS_TEST_KUBECONFIG has Flux controllers of its own, or none");
        return;
    }
    let api = shared().api();
    flux::start(shared()).expect("the controllers are ready");
    let namespace = api.new_namespace("value").expect("made");
    let folder = tempfile::tempdir().expect("a folder");
    let (remote, work) = cloned(folder.path());
    let manifest = format!(
        "apiVersion: {}\nkind: {}\nmetadata: {{name: shop, namespace: {namespace}}}\nspec:\n  interval: 1h\n  driftDetection: {{mode: enabled}}\n  values:\n    replicas: 1 # one is enough\n  chart: {{spec: {{chart: shop, version: 1.0.0, sourceRef: {{kind: HelmRepository, name: charts}}}}}}\n",
        RELEASE.0, RELEASE.1
    );
    std::fs::create_dir(work.join("apps")).expect("made");
    std::fs::write(work.join("apps/shop.yaml"), &manifest).expect("written");
    git(&work, &["add", "."]);
    git(&work, &["commit", "--quiet", "-m", "seed"]);
    git(&work, &["push", "--quiet", "origin", "HEAD:main"]);

    let server = ArtifactServer::start().expect("it starts");
    // As source-controller does, once it is asked to.
    let fetch = |remote: &Path| {
        let commit = git(remote, &["rev-parse", "main"]);
        let text = git(remote, &["show", "main:apps/shop.yaml"]) + "\n";
        let artifact =
            server.serve(&format!("git/{commit}.tar.gz"), &[("apps/shop.yaml", text.as_str())]).expect("served");
        publish(api, (GIT.0, GIT.1, &namespace, "platform"), &artifact, &format!("main@sha1:{commit}"))
            .expect("published");
    };
    api.apply_objects(vec![
        repository(&namespace),
        json!({"apiVersion": GIT.0, "kind": GIT.1, "metadata": {"name": "platform", "namespace": namespace},
            "spec": {"interval": "1h", "url": "https://git.invalid/platform", "ref": {"branch": "main"}}}),
        json!({"apiVersion": KUSTOMIZATION.0, "kind": KUSTOMIZATION.1, "metadata": {"name": "apps", "namespace": namespace},
            "spec": {"interval": "1h", "path": "./apps", "prune": true, "sourceRef": {"kind": GIT.1, "name": "platform"}}}),
    ])
    .expect("applied");
    fetch(&remote);
    charts(api, &server, &namespace);

    let kubeconfig = shared().kubeconfig(User::Admin).expect("a kubeconfig");
    let scale = |flags: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_under-test-scale"));
        command.env_clear().env("HOME", folder.path()).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.args([
            "deploy/web",
            "--replicas",
            "2",
            "--yes",
            "--via",
            "git",
            "--push",
            "--remote",
            "origin",
            "--tree",
        ]);
        command.arg(&work).args(flags).args(["-n", &namespace, "-o", "json", "--kubeconfig"]).arg(&kubeconfig);
        let output = command.stdin(Stdio::null()).output().expect("runs");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        let plan: Value = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}"));
        (output.status.code(), plan, stderr)
    };
    // Which value it is a person has to say; those that may be meant are listed.
    let (code, plan, _) = scale(&[]);
    assert_eq!((code, refusal(&plan)), (Some(1), "value-not-known"), "{plan}");
    assert!(
        plan["refusals"][0]["hints"].to_string().contains(".spec.values.replicas is 1, in apps/shop.yaml:8"),
        "{plan}"
    );

    let (code, plan, stderr) = std::thread::scope(|scope| {
        let source = scope.spawn(|| {
            let platform = (GIT.0, GIT.1, namespace.as_str(), "platform");
            let is_asked = |object: &Value| object["metadata"]["annotations"][REQUESTED_AT].is_string();
            let asked = api.wait_for(platform, WITHIN, is_asked).expect("Flux is asked to fetch");
            fetch(&remote);
            let status = json!({"lastHandledReconcileAt": asked["metadata"]["annotations"][REQUESTED_AT]});
            api.patch_status(GIT.0, GIT.1, &namespace, "platform", &status).expect("handled");
        });
        let done = scale(&["--value", ".spec.values.replicas", "--reason", "the sale"]);
        source.join().expect("fetched");
        done
    });
    assert_eq!((code, &plan["state"]), (Some(0), &json!("done")), "{plan}{stderr}");
    let web = web(api, &namespace);
    assert_eq!((&web["spec"]["replicas"], &web["status"]["readyReplicas"]), (&json!(2), &json!(2)), "{web}");
    assert_eq!(
        git(&remote, &["show", "main:apps/shop.yaml"]),
        manifest.replace("replicas: 1 #", "replicas: 2 #").trim_end()
    );
    assert!(!web["metadata"]["managedFields"].to_string().contains("\"mlops\""), "{}", web["metadata"]);
}

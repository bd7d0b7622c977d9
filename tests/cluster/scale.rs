//! `kubectl mlops scale` against a real control plane, with the real kustomize-controller.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use mlops_tests::artifacts::ArtifactServer;
use mlops_tests::control_plane::shared;
use mlops_tests::fixtures;
use mlops_tests::flux;
use mlops_tests::objects::Api;
use mlops_tests::proxy::{Fault, Proxy, Rule};
use mlops_tests::users::User;
use serde_json::{Value, json};

const WITHIN: Duration = Duration::from_secs(120);
const DEPLOYMENT: (&str, &str) = ("apps/v1", "Deployment");
const KUSTOMIZATION: (&str, &str) = ("kustomize.toolkit.fluxcd.io/v1", "Kustomization");

pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    pub(crate) fn plan(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }

    pub(crate) fn code_of_refusal(&self) -> String {
        self.plan()["refusals"][0]["code"].as_str().unwrap_or_default().to_owned()
    }
}

pub(crate) fn command(kubeconfig: &Path, namespace: &str, flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_under-test-scale"));
    command.env_clear().env("HOME", std::env::temp_dir()).args(flags).args(["-n", namespace, "-o", "json"]);
    command.arg("--kubeconfig").arg(kubeconfig).stdin(Stdio::null());
    command
}

pub(crate) fn scale_with(kubeconfig: &Path, namespace: &str, flags: &[&str]) -> Outcome {
    let output = command(kubeconfig, namespace, flags).output().expect("runs");
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

pub(crate) fn scale(namespace: &str, flags: &[&str]) -> Outcome {
    scale_with(&shared().kubeconfig(User::Admin).expect("a kubeconfig"), namespace, flags)
}

fn deployment(api: &Api, namespace: &str, name: &str) -> Value {
    api.get(DEPLOYMENT.0, DEPLOYMENT.1, namespace, name).expect("read").expect("there")
}

#[test]
fn a_deployment_grows_and_is_waited_for() {
    let api = shared().api();
    let namespace = api.new_namespace("scale").expect("made");
    api.apply_objects(vec![fixtures::deployment(&namespace, "web", 1, None)]).expect("applied");
    let to_three = ["deploy/web", "--replicas", "3"];
    // Without a terminal and without --yes nothing is changed.
    let refused = scale(&namespace, &to_three);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("--yes"), "{}", refused.stderr);
    // The API server judges and keeps nothing.
    let dry = scale(&namespace, &[&to_three[..], &["--dry-run=server"]].concat());
    assert_eq!((dry.code, dry.plan()["state"].as_str()), (Some(0), Some("accepted")), "{}{}", dry.stdout, dry.stderr);
    assert_eq!(deployment(api, &namespace, "web")["spec"]["replicas"], 1);

    let done = scale(&namespace, &[&to_three[..], &["--yes"]].concat());
    assert_eq!((done.code, done.plan()["state"].as_str()), (Some(0), Some("done")), "{}{}", done.stdout, done.stderr);
    let now = deployment(api, &namespace, "web");
    assert_eq!((&now["spec"]["replicas"], &now["status"]["readyReplicas"]), (&json!(3), &json!(3)));
    // What said that a scaling runs is gone.
    assert!(!now["metadata"]["annotations"].to_string().contains("mlops.dev/scaling"), "{}", now["metadata"]);
}

#[test]
fn a_deployment_that_does_not_come_up_is_told_with_its_reasons_and_status_explains_it() {
    let api = shared().api();
    let namespace = api.new_namespace("scale").expect("made");
    api.apply_objects(vec![fixtures::deployment(&namespace, "web", 1, Some("image-pull"))]).expect("applied");
    let failed = scale(&namespace, &["deploy/web", "--replicas", "2", "--yes", "--timeout", "5s"]);
    let plan = failed.plan();
    assert_eq!((failed.code, plan["state"].as_str()), (Some(1), Some("failed")), "{plan}");
    assert!(plan["outcome"].as_str().is_some_and(|outcome| outcome.contains("not reached within")), "{plan}");
    let status = scale(&namespace, &["status"]);
    let item = &status.plan()["items"][0];
    assert_eq!(status.code, Some(1), "{}", status.stderr);
    assert_eq!((&item["what"], &item["from"], &item["to"]), (&json!("scaling"), &json!(1), &json!(2)), "{item}");
}

#[test]
fn an_autoscaled_deployment_is_left_to_its_autoscaler() {
    let api = shared().api();
    let namespace = api.new_namespace("scale").expect("made");
    let mut objects = vec![fixtures::deployment(&namespace, "web", 1, None)];
    objects.push(json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {"maxReplicas": 4, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}}));
    api.apply_objects(objects).expect("applied");
    let refused = scale(&namespace, &["deploy/web", "--replicas", "3", "--yes"]);
    assert_eq!(
        (refused.code, refused.code_of_refusal().as_str()),
        (Some(1), "autoscaler-sets-it"),
        "{}",
        refused.stdout
    );
    assert_eq!(deployment(api, &namespace, "web")["spec"]["replicas"], 1);
}

#[test]
fn of_two_scalings_at_once_one_is_told() {
    let api = shared().api();
    let namespace = api.new_namespace("scale").expect("made");
    api.apply_objects(vec![fixtures::deployment(&namespace, "web", 1, None)]).expect("applied");
    let kubeconfig = shared().kubeconfig(User::Admin).expect("a kubeconfig");
    let start = |replicas: &str| {
        let flags = ["deploy/web", "--replicas", replicas, "--yes"];
        let mut command = command(&kubeconfig, &namespace, &flags);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts")
    };
    let children = [start("2"), start("3")];
    let codes: Vec<Option<i32>> =
        children.into_iter().map(|child| child.wait_with_output().expect("ends").status.code()).collect();
    let wanted = &deployment(api, &namespace, "web")["spec"]["replicas"];
    // Either they met, and one was told, or the second began after the first had ended.
    match codes.as_slice() {
        [Some(0), Some(1)] => assert_eq!(*wanted, 2),
        [Some(1), Some(0)] => assert_eq!(*wanted, 3),
        [Some(0), Some(0)] => assert!(*wanted == 2 || *wanted == 3),
        other => panic!("{other:?}"),
    }
}

#[test]
fn no_write_is_sent_without_consent_and_none_blindly_twice() {
    let api = shared().api();
    let namespace = api.new_namespace("scale").expect("made");
    api.apply_objects(vec![fixtures::deployment(&namespace, "web", 1, None)]).expect("applied");
    let proxy = Proxy::start(shared()).expect("it starts");
    let kubeconfig = proxy.kubeconfig(User::Admin).expect("a kubeconfig");
    let writes = || -> Vec<String> {
        let all = proxy.requests().into_iter().filter(|request| request.method != "GET");
        all.map(|request| format!("{} {}", request.method, request.target)).collect()
    };
    let flags = ["deploy/web", "--replicas", "2"];
    for more in [&[][..], &["--dry-run=client"]] {
        scale_with(&kubeconfig, &namespace, &[&flags[..], more].concat());
        assert_eq!(writes(), Vec::<String>::new(), "{more:?}");
    }
    scale_with(&kubeconfig, &namespace, &[&flags[..], &["--dry-run=server"]].concat());
    assert!(!writes().is_empty() && writes().iter().all(|write| write.contains("dryRun=All")), "{:?}", writes());
    for (fault, is_doubt) in [(Fault::Conflict, false), (Fault::InternalError, true), (Fault::Unavailable, true)] {
        proxy.reset();
        proxy.add(Rule::new(fault.clone()).method("PUT"));
        let outcome = scale_with(&kubeconfig, &namespace, &[&flags[..], &["--yes"]].concat());
        let puts = writes().iter().filter(|write| write.starts_with("PUT")).count();
        // A conflict is looked into: nothing but the status had changed, so it was sent six times and then told.
        let (sent, code) = if is_doubt { (1, 3) } else { (6, 1) };
        assert_eq!((puts, outcome.code), (sent, Some(code)), "{fault:?}: {}", outcome.stdout);
        let marks = deployment(api, &namespace, "web")["metadata"]["annotations"].to_string();
        assert_eq!(marks.contains("mlops.dev/scaling-to"), is_doubt, "{fault:?}: {marks}");
        // The next one starts afresh.
        let clean = json!({"metadata": {"annotations": {"mlops.dev/scaling-to": null}}});
        api.patch(DEPLOYMENT.0, DEPLOYMENT.1, &namespace, "web", &clean).expect("changed");
    }
    assert_eq!(deployment(api, &namespace, "web")["spec"]["replicas"], 1);
}

const FROM_GIT: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: "example.invalid/app:git"}]}
"#;

#[test]
fn who_undoes_a_change_while_it_is_waited_for_is_named() {
    if shared().is_foreign() {
        eprintln!("nothing tested: the cluster of MLOPS_TEST_KUBECONFIG has Flux controllers of its own, or none");
        return;
    }
    let api = shared().api();
    flux::start(shared()).expect("the controllers are ready");
    let namespace = api.new_namespace("undone").expect("made");
    let server = ArtifactServer::start().expect("it starts");
    // Its pods never get ready, so that it is waited for until Flux comes by.
    let stuck = FROM_GIT
        .replace("labels: {app: web}}\n    spec", "labels: {app: web, testbed.mlops/state: image-pull}}\n    spec");
    assert_ne!(stuck, FROM_GIT);
    let artifact = server.serve("git/undone.tar.gz", &[("apps/deployment.yaml", stuck.as_str())]).expect("served");
    flux::apply(api, &namespace, &artifact, "1h").expect("applied");
    let apps = (KUSTOMIZATION.0, KUSTOMIZATION.1, namespace.as_str(), "apps");

    let kubeconfig = shared().kubeconfig(User::Admin).expect("a kubeconfig");
    let flags = ["deploy/web", "--replicas", "3", "--yes", "--force-drift", "--timeout", "5m"];
    let mut command = command(&kubeconfig, &namespace, &flags);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    let web = (DEPLOYMENT.0, DEPLOYMENT.1, namespace.as_str(), "web");
    api.wait_for(web, WITHIN, |object| object["spec"]["replicas"] == 3).expect("scaled");
    let ask = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "now"}}});
    api.patch(apps.0, apps.1, &namespace, "apps", &ask).expect("asked");
    let output = child.wait_with_output().expect("ends");
    let plan: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let outcome = "reverted by kustomize-controller: 1 replica is wanted again";
    assert_eq!((output.status.code(), &plan["outcome"]), (Some(1), &json!(outcome)), "{plan}");
    assert!(!deployment(api, &namespace, "web")["metadata"]["annotations"].to_string().contains("mlops.dev/scaling"));
}

#[test]
fn what_git_sets_is_refused_and_holds_with_a_pause_until_it_is_resumed() {
    if shared().is_foreign() {
        eprintln!("nothing tested: the cluster of MLOPS_TEST_KUBECONFIG has Flux controllers of its own, or none");
        return;
    }
    let api = shared().api();
    flux::start(shared()).expect("the controllers are ready");
    let namespace = api.new_namespace("scale").expect("made");
    let server = ArtifactServer::start().expect("it starts");
    let artifact = server.serve("git/scale.tar.gz", &[("apps/deployment.yaml", FROM_GIT)]).expect("served");
    let revision = flux::apply(api, &namespace, &artifact, "1m").expect("applied");
    let apps = (KUSTOMIZATION.0, KUSTOMIZATION.1, namespace.as_str(), "apps");
    let reconcile = |token: &str| {
        let ask = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": token}}});
        api.patch(apps.0, apps.1, &namespace, "apps", &ask).expect("asked");
        api.wait_for(apps, WITHIN, |object| object["status"]["lastHandledReconcileAt"] == token).expect("reconciled");
    };
    let replicas = || deployment(api, &namespace, "web")["spec"]["replicas"].clone();

    let flags = ["deploy/web", "--replicas", "3", "--yes"];
    let refused = scale(&namespace, &flags);
    assert_eq!((refused.code, refused.code_of_refusal().as_str()), (Some(1), "git-sets-it"), "{}", refused.stdout);
    let hints = refused.plan()["refusals"][0]["hints"].to_string();
    assert!(hints.contains("./apps") && hints.contains(revision), "{hints}");
    assert_eq!(replicas(), 1);

    // Scaled all the same, it is undone, and that is told.
    let forced = [&flags[..], &["--force-drift", "--timeout", "0"]].concat();
    assert_eq!(scale(&namespace, &forced).code, Some(0));
    reconcile("one");
    assert_eq!(replicas(), 1);

    for scope in ["object", "owner"] {
        let pause = ["--pause", scope, "--reason", "load test", "--until", "4h"];
        let paused = scale(&namespace, &[&flags[..], &pause].concat());
        assert_eq!(paused.code, Some(0), "{scope}: {}{}", paused.stdout, paused.stderr);
        if scope == "object" {
            reconcile("two");
        }
        assert_eq!(replicas(), 3, "{scope}");
        let status = scale(&namespace, &["status"]);
        let text = status.plan()["items"].to_string();
        assert!(status.code == Some(0) && text.contains("load test"), "{scope}: {text}");
        let resumed = scale(&namespace, &["resume", "deploy/web", "--yes"]);
        assert_eq!(resumed.code, Some(0), "{scope}: {}{}", resumed.stdout, resumed.stderr);
        reconcile(&format!("resumed-{scope}"));
        assert_eq!(replicas(), 1, "{scope}: Git sets it again");
        assert_eq!(scale(&namespace, &["status"]).plan()["items"], json!([]), "{scope}");
        assert_eq!(scale(&namespace, &["resume", "deploy/web", "--yes"]).code, Some(1), "nothing is paused any more");
    }
}

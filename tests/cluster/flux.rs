//! The real Flux controllers apply what the artifact server serves.

use std::time::Duration;

use mlops_tests::artifacts::{ArtifactServer, publish};
use mlops_tests::control_plane::{condition, shared};
use mlops_tests::flux;
use serde_json::json;

const WITHIN: Duration = Duration::from_secs(120);

#[test]
fn kustomize_and_helm_controller_apply_an_artifact() {
    if shared().is_foreign() {
        eprintln!("nothing tested: the cluster of MLOPS_TEST_KUBECONFIG has Flux controllers of its own, or none");
        return;
    }
    let api = shared().api();
    flux::start(shared()).expect("both controllers are ready");
    let namespace = api.new_namespace("flux").expect("made");
    let server = ArtifactServer::start().expect("it starts");

    let deployment = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: from-git}
spec:
  selector: {matchLabels: {app: from-git}}
  template:
    metadata: {labels: {app: from-git}}
    spec: {containers: [{name: main, image: "example.invalid/app:1"}]}
"#;
    let artifact = server.serve("git/main.tar.gz", &[("apps/deployment.yaml", deployment)]).expect("served");
    let git = ("source.toolkit.fluxcd.io/v1", "GitRepository", namespace.as_str(), "platform");
    api.apply_objects(vec![
        json!({"apiVersion": git.0, "kind": git.1, "metadata": {"name": git.3, "namespace": namespace},
            "spec": {"interval": "1m", "url": "https://git.invalid/platform", "ref": {"branch": "main"}}}),
        json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "apps", "namespace": namespace},
            "spec": {"interval": "1m", "path": "./apps", "prune": true, "wait": true, "targetNamespace": namespace,
                "sourceRef": {"kind": git.1, "name": git.3}}}),
    ])
    .expect("applied");
    let revision = "main@sha1:0123456789012345678901234567890123456789";
    publish(api, git, &artifact, revision).expect("published");
    // The controller writes its conditions first and the rest of the status in a second request.
    api.wait_for(("kustomize.toolkit.fluxcd.io/v1", "Kustomization", &namespace, "apps"), WITHIN, |object| {
        condition(object, "Ready") == Some("True") && object["status"]["lastAppliedRevision"] == revision
    })
    .expect("Ready at that revision");
    assert!(api.get("apps/v1", "Deployment", &namespace, "from-git").expect("read").is_some());

    let map =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: from-chart}\ndata: {replicas: \"{{ .Values.replicas }}\"}\n";
    let chart = server
        .serve(
            "charts/sample-1.2.3.tgz",
            &[
                ("sample/Chart.yaml", "apiVersion: v2\nname: sample\nversion: 1.2.3\n"),
                ("sample/values.yaml", "replicas: 1\n"),
                ("sample/templates/map.yaml", map),
            ],
        )
        .expect("served");
    api.apply_objects(vec![
        json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "HelmRepository",
            "metadata": {"name": "charts", "namespace": namespace},
            "spec": {"interval": "1m", "url": "https://charts.invalid"}}),
        json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
            "metadata": {"name": "sample", "namespace": namespace},
            "spec": {"interval": "1m", "values": {"replicas": 3}, "chart": {"spec": {"chart": "sample", "version": "1.2.3",
                "sourceRef": {"kind": "HelmRepository", "name": "charts"}}}}}),
    ])
    .expect("applied");
    let name = format!("{namespace}-sample");
    let chart_object = ("source.toolkit.fluxcd.io/v1", "HelmChart", namespace.as_str(), name.as_str());
    api.wait_for(chart_object, WITHIN, |_| true).expect("helm-controller makes the chart object");
    publish(api, chart_object, &chart, "1.2.3").expect("published");
    api.wait_for(("helm.toolkit.fluxcd.io/v2", "HelmRelease", &namespace, "sample"), WITHIN, |object| {
        condition(object, "Ready") == Some("True")
    })
    .expect("Ready");
    let map = api.get("v1", "ConfigMap", &namespace, "from-chart").expect("read").expect("there");
    assert_eq!(map["data"]["replicas"], "3");
}

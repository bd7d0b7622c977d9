//! What the real Flux controllers write when something fails, and what becomes of it here.

use crate::health::{Expected, root_of, settled};
use mlops_tests::artifacts::{ArtifactServer, publish};
use mlops_tests::control_plane::shared;
use mlops_tests::flux;
use mlops_tests::users::User;
use serde_json::{Value, json};
use std::time::Duration;

/// How long the controllers may take for one step.
const WITHIN: Duration = Duration::from_secs(120);
const SOURCE: &str = "source.toolkit.fluxcd.io/v1";
const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io/v1";
const HELM: &str = "helm.toolkit.fluxcd.io/v2";
const REVISION: &str = "main@sha1:0123456789012345678901234567890123456789";

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
const NO_KIND: &str = "apiVersion: nobody.example.com/v1\nkind: Unknown\nmetadata: {name: a}\n";
const BROKEN: &str = "apiVersion: v1\nkind: [ConfigMap\n";
const SEALED: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {a: 'ENC[AES256_GCM,data:AAAA,iv:AAAA,tag:AAAA,type:str]'}\nsops: {mac: 'ENC[AES256_GCM,data:AAAA,iv:AAAA,tag:AAAA,type:str]', version: 3.9.0}\n";
const STUCK: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: stuck}\nspec:\n  progressDeadlineSeconds: 600\n  selector: {matchLabels: {app: stuck}}\n  template:\n    metadata: {labels: {app: stuck}}\n    spec: {nodeSelector: {no: such}, containers: [{name: main, image: 'example.invalid/app:1'}]}\n";
const INVALID: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: wrong}\nspec: {replicas: 1}\n";

const KUSTOMIZATIONS: [Expected<'_>; 12] = [
    ("Kustomization", "works", "OK", "flux-ready"),
    ("Kustomization", "no-path", "FAIL", "flux-build-failed"),
    ("Kustomization", "no-kind", "FAIL", "flux-kind-missing"),
    ("Kustomization", "broken", "FAIL", "flux-build-failed"),
    ("Kustomization", "sealed", "FAIL", "flux-decryption-failed"),
    ("Kustomization", "invalid", "FAIL", "flux-object-invalid"),
    ("Kustomization", "tenant", "FAIL", "flux-apply-forbidden"),
    ("Kustomization", "waits", "PROGRESSING", "flux-dependency-not-ready"),
    ("Kustomization", "orphan", "PROGRESSING", "flux-dependency-not-ready"),
    ("Kustomization", "sourceless", "FAIL", "flux-source-not-ready"),
    ("Kustomization", "stuck", "FAIL", "flux-health-check-failed"),
    ("Kustomization", "suspended", "SUSPENDED", "suspended"),
];

const RELEASES: [Expected<'_>; 4] = [
    ("HelmRelease", "broken", "FAIL", "helm-action-failed"),
    ("HelmRelease", "stuck", "FAIL", "helm-retries-exhausted"),
    ("HelmRelease", "paused", "SUSPENDED", "suspended"),
    ("HelmRelease", "sourceless", "FAIL", "flux-source-not-ready"),
];

#[test]
fn what_the_real_flux_controllers_write_is_told_apart() {
    let plane = shared();
    if plane.is_foreign() {
        eprintln!("nothing tested: the cluster of MLOPS_TEST_KUBECONFIG has Flux controllers of its own, or none");
        return;
    }
    let api = plane.api();
    flux::start(plane).expect("both controllers are ready");
    let namespace = api.new_namespace("states").expect("made");
    let server = ArtifactServer::start().expect("it starts");
    let artifact = server
        .serve(
            "git/states.tar.gz",
            &[
                ("map/a.yaml", MAP),
                ("no-kind/a.yaml", NO_KIND),
                ("broken/a.yaml", BROKEN),
                ("sealed/a.yaml", SEALED),
                ("stuck/a.yaml", STUCK),
                ("invalid/a.yaml", INVALID),
            ],
        )
        .expect("served");
    let git = (SOURCE, "GitRepository", namespace.as_str(), "platform");
    let kustomization = |name: &str, path: &str, more: Value| {
        let mut object = json!({"apiVersion": KUSTOMIZE, "kind": "Kustomization", "metadata": {"name": name, "namespace": namespace},
            "spec": {"interval": "10m", "retryInterval": "10m", "timeout": "10s", "path": path, "prune": true,
                "targetNamespace": namespace, "sourceRef": {"kind": "GitRepository", "name": "platform"}}});
        for (key, value) in more.as_object().into_iter().flatten() {
            object["spec"][key] = value.clone();
        }
        object
    };
    let release = |name: &str, chart: &str, more: Value| {
        let mut object = json!({"apiVersion": HELM, "kind": "HelmRelease", "metadata": {"name": name, "namespace": namespace},
            "spec": {"interval": "10m", "timeout": "5s", "chart": {"spec": {"chart": chart, "sourceRef": {"kind": "HelmRepository", "name": "charts"}}}}});
        for (key, value) in more.as_object().into_iter().flatten() {
            object["spec"][key] = value.clone();
        }
        object
    };
    api.apply_objects(vec![
        json!({"apiVersion": SOURCE, "kind": "GitRepository", "metadata": {"name": "platform", "namespace": namespace},
            "spec": {"interval": "10m", "url": "https://git.invalid/platform"}}),
        json!({"apiVersion": SOURCE, "kind": "HelmRepository", "metadata": {"name": "charts", "namespace": namespace},
            "spec": {"interval": "10m", "url": "https://charts.invalid"}}),
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "tenant", "namespace": namespace}}),
        release("broken", "broken", json!({})),
        release("stuck", "stuck", json!({"install": {"remediation": {"retries": 1}}})),
        release("paused", "stuck", json!({"suspend": true})),
        release("sourceless", "none", json!({})),
    ])
    .expect("applied");
    publish(api, git, &artifact, REVISION).expect("published");
    api.apply_objects(vec![
        kustomization("works", "./map", json!({})),
        kustomization("no-path", "./nowhere", json!({})),
        kustomization("no-kind", "./no-kind", json!({})),
        kustomization("broken", "./broken", json!({})),
        kustomization("sealed", "./sealed", json!({})),
        kustomization("invalid", "./invalid", json!({})),
        kustomization("tenant", "./map", json!({"serviceAccountName": "tenant"})),
        kustomization("waits", "./map", json!({"dependsOn": [{"name": "no-path"}]})),
        kustomization("orphan", "./map", json!({"dependsOn": [{"name": "nobody"}]})),
        kustomization("sourceless", "./map", json!({"sourceRef": {"kind": "GitRepository", "name": "nobody"}})),
        kustomization("stuck", "./stuck", json!({"wait": true})),
        kustomization("suspended", "./map", json!({"suspend": true})),
    ])
    .expect("applied");
    for (chart, template) in [("broken", "{{ .Values.a.b.c | required \"no\" }}"), ("stuck", STUCK)] {
        let files = [
            (format!("{chart}/Chart.yaml"), format!("apiVersion: v2\nname: {chart}\nversion: 1.0.0\n")),
            (format!("{chart}/templates/a.yaml"), template.to_owned()),
        ];
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let artifact = server.serve(&format!("charts/{chart}.tgz"), &files).expect("served");
        let name = format!("{namespace}-{chart}");
        let object = (SOURCE, "HelmChart", namespace.as_str(), name.as_str());
        api.wait_for(object, WITHIN, |_| true).expect("helm-controller makes the chart object");
        publish(api, object, &artifact, "1.0.0").expect("published");
    }
    let expected = [&KUSTOMIZATIONS[..], &RELEASES].concat();
    let report = settled(&plane.kubeconfig(User::Admin).expect("kubeconfig"), &namespace, &expected);
    for (kind, name, root) in [
        ("Kustomization", "waits", "Kustomization/no-path"),
        ("Kustomization", "orphan", "Kustomization/nobody"),
        ("Kustomization", "sourceless", "GitRepository/nobody"),
        ("HelmRelease", "broken", "HelmRelease/broken"),
    ] {
        assert_eq!(root_of(&report, kind, name).as_deref(), Some(root), "{kind}/{name}: {:#}", report["causes"]);
    }
    let root = root_of(&report, "Kustomization", "stuck").unwrap_or_default();
    assert!(root.starts_with("Pod/stuck-"), "the pod that fits on no node, not {root}");
    assert_eq!(
        root_of(&report, "HelmRelease", "paused").as_deref(),
        Some("HelmRelease/paused"),
        "nothing causes what is held on purpose"
    );
}

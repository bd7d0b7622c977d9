//! The roles of `deploy/`: exactly that account is forbidden nothing that a whole report needs.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use mlops_tests::control_plane::{ControlPlane, Parts};
use mlops_tests::crds::CrdSet;
use mlops_tests::proxy::{Fault, Proxy, Rule};
use mlops_tests::users::User;
use serde_json::{Value, json};

use crate::health::{health_and_volumes, report};

const WITHIN: Duration = Duration::from_secs(60);

fn deploy(file: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/rbac").join(file).to_string_lossy().into_owned()
}

fn gaps(report: &Value) -> Vec<&Value> {
    report["coverage"].as_array().expect("coverage").iter().filter(|section| section["gap"] == true).collect()
}

fn kubelets(report: &Value) -> Value {
    let all = report["coverage"].as_array().expect("coverage");
    all.iter().find(|section| section["kind"] == "Summary").cloned().expect("a line on kubelets")
}

#[test]
fn the_account_of_deploy_sees_everything_and_no_more() {
    if std::env::var_os("MLOPS_TEST_KUBECONFIG").is_some() {
        eprintln!("skipped: grants rights, which a cluster that is already there should not get");
        return;
    }
    // Aggregation is the controller-manager's.
    let parts = Parts { controller_manager: true, crds: CrdSet::ALL.to_vec(), ..Parts::default() };
    let plane = ControlPlane::start(&parts).expect("started");
    let api = plane.api();
    plane.kubectl(&["create", "namespace", "mlops-system"]).expect("namespace");
    for mode in ["--dry-run=server", "--dry-run=none"] {
        plane.kubectl(&["apply", mode, "-f", &deploy("health.yaml")]).expect("applied");
    }
    api.wait_for(("rbac.authorization.k8s.io/v1", "ClusterRole", "", "mlops-health"), WITHIN, |role| {
        role["rules"].as_array().is_some_and(|rules| !rules.is_empty())
    })
    .expect("aggregated");
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "w1"}});
    api.apply_object(&node).expect("applied");
    let ready =
        json!({"conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": Timestamp::now().to_string()}]});
    api.patch_status("v1", "Node", "", "w1", &ready).expect("ready");

    let token = plane.kubectl(&["create", "token", "mlops-health", "-n", "mlops-system"]).expect("a token");
    let proxy = Proxy::start(&plane).expect("proxy");
    let summary = json!({"node": {"nodeName": "w1"}, "pods": []}).to_string();
    let of_account = |flags: &[&str]| {
        let mut all = vec!["--token", token.trim(), "--fail-on", "never"];
        all.extend(flags);
        health_and_volumes(&proxy.kubeconfig(User::Stranger).expect("kubeconfig"), &all)
    };

    let whole = of_account(&[]);
    assert_eq!(whole.code, Some(0), "{}{}", whole.stdout, whole.stderr);
    let found = report(&whole);
    assert!(gaps(&found).is_empty(), "{:?}", gaps(&found));
    let row = kubelets(&found);
    assert!(row["why"].as_str().is_some_and(|why| why.starts_with("forbidden: ")), "{row}");
    assert!(row["hint"].as_str().is_some_and(|hint| hint.contains("deploy/rbac/volumes.yaml")), "{row}");
    let kinds = ["Secret", "Kafka", "Tenant", "SparkApplication", "Kustomization", "Certificate", "VolumeSnapshot"];
    for kind in kinds {
        let all = found["coverage"].as_array().expect("coverage");
        let section = all.iter().find(|section| section["kind"] == kind).unwrap_or_else(|| panic!("no {kind}"));
        assert_eq!(section["read"], true, "{section}");
    }
    assert!(proxy.requests().iter().all(|request| request.method == "GET"));
    for right in [["get", "secrets"], ["watch", "pods"], ["create", "pods"], ["get", "nodes/proxy"]] {
        let account = "--as=system:serviceaccount:mlops-system:mlops-health";
        let answer = plane.kubectl(&["auth", "can-i", right[0], right[1], "-A", account]);
        assert!(answer.is_err(), "{right:?} is granted");
    }

    // With the right to ask kubelets the same account knows how full volumes are.
    plane.kubectl(&["apply", "-f", &deploy("volumes.yaml")]).expect("applied");
    proxy.add(Rule::new(Fault::Answer { status: 200, body: summary }).path("/api/v1/nodes/w1/proxy/stats/summary"));
    let measured = of_account(&[]);
    assert_eq!(measured.code, Some(0), "{}{}", measured.stdout, measured.stderr);
    let row = kubelets(&report(&measured));
    assert_eq!((&row["read"], &row["objects"]), (&true.into(), &1.into()), "{row}");
    // The API server itself lets it through: the answer is that of a node without an address.
    proxy.reset();
    let through = report(&of_account(&[]));
    assert!(!kubelets(&through)["why"].to_string().contains("forbidden"), "{}", kubelets(&through));

    // A kind of an operator that the file does not know is a gap with the rule that grants it.
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "things.example.org"},
        "spec": {"group": "example.org", "scope": "Namespaced", "names": {"plural": "things", "singular": "thing", "kind": "Thing"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]},
    });
    api.apply_object(&definition).expect("applied");
    let refused = mlops_tests::wait::until("the kind is served", WITHIN, || {
        let found = report(&of_account(&["--no-volumes"]));
        let gap = gaps(&found).into_iter().find(|section| section["kind"] == "Thing").cloned();
        Ok(gap)
    })
    .expect("a gap");
    assert!(refused["hint"].as_str().is_some_and(|hint| hint.contains("apiGroups: [\"example.org\"]")), "{refused}");
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "things-health", "labels": {"mlops.dev/aggregate-to-health": "true"}},
        "rules": [{"apiGroups": ["example.org"], "resources": ["things"], "verbs": ["list"]}],
    });
    api.apply_object(&role).expect("applied");
    mlops_tests::wait::until("the role is taken in", WITHIN, || {
        Ok(gaps(&report(&of_account(&["--no-volumes"]))).is_empty().then_some(()))
    })
    .expect("no gap");
}

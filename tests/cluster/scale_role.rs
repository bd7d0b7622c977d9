//! The roles of `deploy/rbac/scale.yaml`: exactly such an account can scale everything, and with the second one pause.

use std::path::Path;
use std::time::Duration;

use mlops_tests::control_plane::{ControlPlane, shared};
use mlops_tests::fixtures;
use mlops_tests::objects::Api;
use mlops_tests::operators::Running;
use mlops_tests::users::User;
use serde_json::{Value, json};

use crate::scale::{Outcome, scale_with};
use crate::scale_pools::{has_brokers, kafka};

const WITHIN: Duration = Duration::from_secs(60);

/// Binds a role to an account of the namespace.
fn bind(api: &Api, namespace: &str, role: &str) {
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": format!("{namespace}-{role}")},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": "scaler", "namespace": namespace}]});
    api.apply_object(&binding).expect("bound");
}

fn account(plane: &ControlPlane, namespace: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/rbac/scale.yaml");
    plane.kubectl(&["apply", "-f", &file.to_string_lossy()]).expect("applied");
    plane.kubectl(&["create", "serviceaccount", "scaler", "-n", namespace]).expect("made");
    plane.kubectl(&["create", "token", "scaler", "-n", namespace]).expect("a token").trim().to_owned()
}

fn done(outcome: &Outcome) {
    let plan = outcome.plan();
    assert_eq!((outcome.code, &plan["state"]), (Some(0), &json!("done")), "{plan}{}", outcome.stderr);
    assert!(!plan.to_string().contains("forbidden"), "{plan}");
    assert!(plan["coverage"].as_array().is_none_or(Vec::is_empty), "{plan}");
}

#[test]
fn the_account_of_deploy_scales_and_no_more() {
    if shared().is_foreign() {
        eprintln!("nothing tested: grants rights, which a cluster that is already there should not get");
        return;
    }
    let (plane, api) = (shared(), shared().api());
    let namespace = api.new_namespace("role").expect("made");
    let token = account(plane, &namespace);
    bind(api, &namespace, "mlops-scale");
    let kubeconfig = plane.kubeconfig(User::Stranger).expect("a kubeconfig");
    let as_account = |flags: &[&str]| scale_with(&kubeconfig, &namespace, &[flags, &["--token", &token]].concat());
    let (strimzi, mut objects) = kafka(api, &namespace);
    let labels =
        json!({"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": namespace});
    let mut web = fixtures::deployment(&namespace, "web", 1, None);
    web["metadata"]["labels"] = labels;
    let mut replicas = fixtures::deployment(&namespace, "set", 1, None);
    replicas["kind"] = "ReplicaSet".into();
    objects.extend([fixtures::deployment(&namespace, "plain", 1, None), replicas]);
    api.apply_objects(objects).expect("applied");
    let _operator = Running::start(strimzi);
    has_brokers(api, &namespace, &[3, 4, 5]);

    done(&as_account(&["deploy/plain", "--replicas", "2", "--yes"]));
    done(&as_account(&["rs/set", "--replicas", "2", "--yes"]));
    done(&as_account(&["kafka/events", "--brokers", "4", "--rebalance", "--yes"]));
    done(&as_account(&["kafka/events", "--brokers", "3", "--rebalance", "--yes"]));

    // What Flux applies: the owner may be suspended only with the second role.
    let path =
        format!("/apis/apps/v1/namespaces/{namespace}/deployments/web?fieldManager=kustomize-controller&force=true");
    let body = serde_json::to_vec(&web).expect("JSON");
    api.client().request("PATCH", &path, Some(("application/apply-patch+yaml", &body))).expect("sent");
    api.apply_objects(vec![json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "apps", "namespace": namespace},
            "spec": {"interval": "1h", "path": "./apps", "prune": false,
                "sourceRef": {"kind": "GitRepository", "name": "none"}},
            "status": {"inventory": {"entries": [{"id": format!("{namespace}_web_apps_Deployment"), "v": "v1"}]}}})])
        .expect("applied");
    let pause = ["deploy/web", "--replicas", "2", "--pause", "owner", "--reason", "load", "--until", "1h", "--yes"];
    let refused = as_account(&pause);
    let plan = refused.plan();
    assert_eq!((refused.code, &plan["state"]), (Some(1), &json!("failed")), "{plan}");
    assert!(plan["notes"].to_string().contains("kustomizations"), "the rule that grants it is named: {plan}");
    bind(api, &namespace, "mlops-scale-pause");
    let apps = ("kustomize.toolkit.fluxcd.io/v1", "Kustomization", namespace.as_str(), "apps");
    done(&as_account(&pause));
    let is_suspended = |it: &Value| it["spec"]["suspend"] == true;
    api.wait_for(apps, WITHIN, is_suspended).expect("suspended");
    done(&as_account(&["resume", "deploy/web", "--yes"]));
    let status = as_account(&["status"]);
    let items = status.plan()["items"].to_string();
    assert!(!items.contains(&format!("\"namespace\":\"{namespace}\"")), "{}", status.stdout);
    // Kinds of other operators with a scale need rules of their own, as the file says.
    let coverage = status.plan()["coverage"].as_array().cloned().unwrap_or_default();
    let others = |section: &Value| section["group"] == "monitoring.coreos.com";
    assert!(status.code == Some(3) && !coverage.is_empty() && coverage.iter().all(others), "{}", status.stdout);

    for right in
        [["delete", "deployments"], ["get", "secrets"], ["update", "pods"], ["delete", "tenants"], ["create", "pods"]]
    {
        let account = format!("--as=system:serviceaccount:{namespace}:scaler");
        assert!(plane.kubectl(&["auth", "can-i", right[0], right[1], "-A", &account]).is_err(), "{right:?} is granted");
    }
}

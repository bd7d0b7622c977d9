//! The accounts' rights really differ.

use mlops_tests::control_plane::shared;
use mlops_tests::users::{User, grant_namespace};
use serde_json::json;

fn status(user: User, method: &str, path: &str) -> u16 {
    let api = shared().api_as(user).expect("ours");
    let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "written-"}}).to_string();
    let body = (method == "POST").then_some(("application/json", body.as_bytes()));
    api.client().request(method, path, body).expect("an answer").status
}

#[test]
fn each_account_may_do_what_its_name_says() {
    let control_plane = shared();
    if control_plane.is_foreign() {
        eprintln!("nothing tested: the cluster of MLOPS_TEST_KUBECONFIG has no accounts of ours");
        return;
    }
    let api = control_plane.api();
    let (own, other) = (api.new_namespace("own").expect("made"), api.new_namespace("other").expect("made"));
    grant_namespace(api, &own).expect("granted");

    let pods = |namespace: &str| format!("/api/v1/namespaces/{namespace}/pods");
    let secrets = |namespace: &str| format!("/api/v1/namespaces/{namespace}/secrets");
    let maps = |namespace: &str| format!("/api/v1/namespaces/{namespace}/configmaps");
    let kafkas = "/apis/kafka.strimzi.io/v1/kafkas".to_owned();
    use User::{Admin, NamespaceAdmin, Reader, Stranger};
    for (user, method, path, expected) in [
        (Admin, "GET", secrets(&own), 200),
        (Admin, "POST", maps(&own), 201),
        (Reader, "GET", pods(&own), 200),
        (Reader, "GET", kafkas.clone(), 200),
        (Reader, "GET", "/apis/apps/v1/deployments".to_owned(), 200),
        (Reader, "GET", secrets(&own), 403),
        (Reader, "GET", "/api/v1/secrets".to_owned(), 403),
        (Reader, "POST", maps(&own), 403),
        (Stranger, "GET", "/version".to_owned(), 200),
        (Stranger, "GET", "/apis".to_owned(), 200),
        (Stranger, "GET", pods(&own), 403),
        (Stranger, "GET", kafkas, 403),
        (NamespaceAdmin, "GET", secrets(&own), 200),
        (NamespaceAdmin, "POST", maps(&own), 201),
        (NamespaceAdmin, "GET", pods(&other), 403),
        (NamespaceAdmin, "GET", "/api/v1/nodes".to_owned(), 403),
    ] {
        assert_eq!(status(user, method, &path), expected, "{user:?} {method} {path}");
    }
}

#[test]
fn kubectl_accepts_every_kubeconfig() {
    let control_plane = shared();
    if control_plane.is_foreign() {
        eprintln!("nothing tested: the cluster of MLOPS_TEST_KUBECONFIG has no accounts of ours");
        return;
    }
    for user in User::ALL {
        let file = control_plane.kubeconfig(user).expect("ours");
        let who =
            ["--kubeconfig", &file.to_string_lossy(), "auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"];
        assert_eq!(control_plane.kubectl(&who).expect("known"), user.name());
    }
    let file = control_plane.certificate_kubeconfig().expect("ours");
    let who = ["--kubeconfig", &file.to_string_lossy(), "auth", "whoami", "-o", "jsonpath={.status.userInfo.groups}"];
    assert!(control_plane.kubectl(&who).expect("known").contains("system:masters"));
}

//! Each fault of the proxy, as a plain HTTP client sees it.

use std::time::Duration;

use mlops_tests::control_plane::shared_objects_only;
use mlops_tests::http::{Answer, Client};
use mlops_tests::proxy::{Fault, Proxy, Rule};
use mlops_tests::users::User;

const PATH: &str = "/api/v1/namespaces?limit=500";

fn with(fault: Fault) -> (Proxy, Client) {
    let control_plane = shared_objects_only();
    let proxy = Proxy::start(control_plane).expect("it starts");
    proxy.add(Rule::new(fault).path("/api/v1/namespaces"));
    let token = control_plane.users().expect("ours").token(User::Admin);
    let client = control_plane.client_at(proxy.address()).expect("TLS").with_token(&token);
    (proxy, client)
}

fn answer(fault: Fault) -> Answer {
    let (_proxy, client) = with(fault);
    client.get(PATH).expect("a whole answer")
}

#[test]
fn what_no_rule_is_about_passes_and_is_recorded() {
    let (proxy, client) = with(Fault::Reset);
    assert_eq!(client.get("/readyz").expect("an answer").text(), "ok");
    let maps = "/api/v1/configmaps";
    assert_eq!(client.request("POST", maps, None).expect("an answer").status, 405);
    let requests = proxy.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!((requests[0].method.as_str(), requests[0].path()), ("GET", "/readyz"));
    assert_eq!(requests[1].method, "POST");
    assert_eq!(requests[0].accept, "application/json");
    assert_eq!(requests[0].user_agent, "mlops-tests");
    proxy.reset();
    assert_eq!(client.get(PATH).expect("no rule now").status, 200);
}

#[test]
fn refusals_are_what_the_api_server_says() {
    for (fault, status, reason) in [
        (Fault::Unauthorized, 401, "Unauthorized"),
        (Fault::Forbidden, 403, "Forbidden"),
        (Fault::Conflict, 409, "Conflict"),
        (Fault::Expired, 410, "Expired"),
        (Fault::InternalError, 500, "InternalError"),
        (Fault::Unavailable, 503, "ServiceUnavailable"),
    ] {
        let answer = answer(fault);
        let body = answer.json().expect("a Status");
        assert_eq!(
            (answer.status, body["kind"].as_str(), body["reason"].as_str()),
            (status, Some("Status"), Some(reason))
        );
    }
    let answer = answer(Fault::TooManyRequests { retry_after: 7 });
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("7")));
}

#[test]
fn what_is_no_status_at_all() {
    let page = answer(Fault::HtmlPage);
    assert_eq!((page.status, page.json().is_err()), (200, true));
    let missing = answer(Fault::GroupNotFound);
    assert_eq!((missing.status, missing.text().as_str()), (404, "404 page not found\n"));
}

#[test]
fn a_half_body_is_cut_short() {
    let (_proxy, client) = with(Fault::HalfBody);
    let error = client.get(PATH).expect_err("half of it");
    assert!(format!("{error:#}").contains("the answer ended"), "{error:#}");
}

#[test]
fn a_slow_body_arrives_whole() {
    let (_proxy, client) = with(Fault::SlowBody { bytes: 512, pause: Duration::from_millis(1) });
    let answer = client.get(PATH).expect("all of it");
    assert_eq!(answer.json().expect("JSON")["kind"], "NamespaceList");
}

#[test]
fn a_reset_and_a_hang_give_no_answer() {
    let (_proxy, client) = with(Fault::Reset);
    assert!(client.get(PATH).is_err());
    let (proxy, client) = with(Fault::Hang);
    assert!(client.with_timeout(Duration::from_millis(200)).get(PATH).is_err());
    assert_eq!(proxy.requests()[0].fault, Some(Fault::Hang));
}

#[test]
fn a_list_expires_between_its_pages() {
    let (proxy, client) = with(Fault::Conflict);
    proxy.reset();
    proxy.add(Rule::new(Fault::Expired).method("GET").path("/api/v1/namespaces").containing("continue="));
    let first = client.get("/api/v1/namespaces?limit=1").expect("a page").json().expect("JSON");
    let next = first["metadata"]["continue"].as_str().expect("more than one namespace");
    let second = client.get(&format!("/api/v1/namespaces?limit=1&continue={next}")).expect("an answer");
    assert_eq!(second.status, 410);
}

#[test]
fn kubectl_goes_through_it() {
    let control_plane = shared_objects_only();
    let proxy = Proxy::start(control_plane).expect("it starts");
    let file = proxy.kubeconfig(User::Reader).expect("written");
    let said = control_plane
        .kubectl(&["--kubeconfig", &file.to_string_lossy(), "get", "namespaces", "-o", "name"])
        .expect("as without the proxy");
    assert!(said.contains("namespace/default"), "{said}");
    assert!(proxy.requests().iter().any(|request| request.path() == "/api/v1/namespaces"));
    proxy.add(Rule::new(Fault::Forbidden).path("/api/v1/namespaces").times(1));
    assert!(control_plane.kubectl(&["--kubeconfig", &file.to_string_lossy(), "get", "namespaces"]).is_err());
}

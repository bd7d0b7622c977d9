//! Tests of the rules of Services.

use crate::health::testing::{expect, judge};
use crate::report::Level;

const SERVICE: &str = "
apiVersion: v1
kind: Service
metadata: {name: web, namespace: n, creationTimestamp: '2026-11-01T00:00:00Z'}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
";

fn with(parts: &[&str]) -> String {
    parts.iter().fold(SERVICE.to_owned(), |all, part| format!("{all}---{part}"))
}

fn pod(app: &str, ready: &str, port: &str) -> String {
    format!(
        "
apiVersion: v1
kind: Pod
metadata: {{name: {app}-1, namespace: n, labels: {{app: {app}}}, creationTimestamp: '2026-11-01T00:00:00Z'}}
spec: {{containers: [{{name: c, ports: [{{name: {port}, containerPort: 8080}}]}}]}}
status: {{phase: Running, conditions: [{{type: Ready, status: '{ready}'}}]}}
"
    )
}

fn slice(ready: &str) -> String {
    format!(
        "
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: web-abc, namespace: n, labels: {{kubernetes.io/service-name: web}}}}
endpoints: [{{addresses: [10.0.0.1], conditions: {{ready: {ready}}}}}]
"
    )
}

#[test]
fn nothing_is_claimed_of_endpoints_that_were_not_read() {
    expect(SERVICE, "Service", "web", Level::Ok, "service-unverified");
}

#[test]
fn endpoint_slices_decide_and_pods_are_blamed() {
    expect(&with(&[&slice("true")]), "Service", "web", Level::Ok, "service-ready");
    let yaml = with(&[&slice("false"), &pod("web", "False", "http")]);
    expect(&yaml, "Service", "web", Level::Fail, "service-no-ready-endpoints");
    let blames = judge(&yaml, "Service", "web").blames;
    assert_eq!(blames.first().map(ToString::to_string).as_deref(), Some("Pod/n/web-1"));
    // Without slices the pods are judged.
    expect(&with(&[&pod("web", "True", "http")]), "Service", "web", Level::Ok, "service-ready");
    // A ready pod does not outweigh a slice that has no ready endpoint.
    let yaml = with(&[&slice("false"), &pod("web", "True", "http")]);
    expect(&yaml, "Service", "web", Level::Fail, "service-no-ready-endpoints");
}

#[test]
fn a_selector_without_pods_is_told_from_one_that_is_scaled_to_zero() {
    let other = pod("other", "True", "http");
    expect(&with(&[&other]), "Service", "web", Level::Fail, "service-no-pods");
    let deployment = |replicas: i64| {
        format!(
            "
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: n}}
spec: {{replicas: {replicas}, template: {{metadata: {{labels: {{app: web, x: y}}}}}}}}
"
        )
    };
    expect(&with(&[&other, &deployment(0)]), "Service", "web", Level::Ok, "service-idle");
    // Nobody may be behind it while the API server must ask it.
    let webhook = |policy: &str| {
        format!(
            "
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {{name: guard}}
webhooks: [{{name: w, failurePolicy: {policy}, clientConfig: {{service: {{name: web, namespace: n}}}},
  rules: [{{apiGroups: [''], operations: [CREATE], resources: [pods]}}]}}]
"
        )
    };
    let called = with(&[&other, &deployment(0), &webhook("Fail")]);
    expect(&called, "Service", "web", Level::Fail, "service-idle-but-called");
    expect(&with(&[&other, &deployment(0), &webhook("Ignore")]), "Service", "web", Level::Ok, "service-idle");
    let verdict = judge(&with(&[&other, &deployment(2)]), "Service", "web");
    assert_eq!(verdict.code.id, "service-no-pods");
    assert_eq!(verdict.blames.first().map(|blamed| blamed.kind.to_string()).as_deref(), Some("Deployment"));
}

#[test]
fn a_target_port_by_name_must_be_declared() {
    let yaml = with(&[&slice("true"), &pod("web", "True", "metrics")]);
    expect(&yaml, "Service", "web", Level::Fail, "service-target-port");
}

#[test]
fn services_without_pods_by_design_are_ok() {
    for spec in ["{type: ExternalName, externalName: x.example}", "{ports: [{port: 1}]}"] {
        let yaml = format!("{{apiVersion: v1, kind: Service, metadata: {{name: s, namespace: n}}, spec: {spec}}}");
        expect(&yaml, "Service", "s", Level::Ok, "service-ready");
    }
}

#[test]
fn a_load_balancer_must_give_an_address() {
    let at = |created: &str| {
        format!(
            "{{apiVersion: v1, kind: Service, metadata: {{name: s, namespace: n, creationTimestamp: '{created}'}}, spec: {{type: LoadBalancer}}}}"
        )
    };
    expect(&at("2026-11-20T02:58:00Z"), "Service", "s", Level::Progressing, "service-no-address");
    expect(&at("2026-11-20T02:50:00Z"), "Service", "s", Level::Fail, "service-no-address");
}

//! Tests of the rules of what extends the API server.

use crate::health::testing::{expect, judge};
use crate::report::Level;

fn webhook(policy: &str) -> String {
    format!(
        "
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {{name: w}}
webhooks:
- name: check.example.io
  failurePolicy: {policy}
  clientConfig: {{service: {{namespace: n, name: hook}}}}
  rules: [{{apiGroups: [''], resources: [pods], operations: [CREATE]}}]
"
    )
}

const OTHER_SERVICE: &str = "
---
apiVersion: v1
kind: Service
metadata: {name: other, namespace: n}
";

const HOOK: &str = "
---
apiVersion: v1
kind: Service
metadata: {name: hook, namespace: n, creationTimestamp: '2026-11-20T02:59:00Z'}
spec: {selector: {app: hook}, ports: [{port: 443}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: hook-1, namespace: n, labels: {kubernetes.io/service-name: hook}}
";

#[test]
fn a_webhook_without_service_blocks_or_is_skipped() {
    let kind = "ValidatingWebhookConfiguration";
    expect(&webhook("Fail"), kind, "w", Level::Ok, "webhook-reachable");
    expect(&(webhook("Fail") + OTHER_SERVICE), kind, "w", Level::Fail, "webhook-blocks");
    expect(&(webhook("Ignore") + OTHER_SERVICE), kind, "w", Level::Warn, "webhook-skipped");
    // A Service that is too young to be judged refuses the requests all the same.
    let verdict = judge(&(webhook("Fail") + HOOK), kind, "w");
    assert_eq!(verdict.code.id, "webhook-blocks");
    assert!(verdict.message.contains("CREATE of pods") && verdict.message.contains("no ready endpoint"));
}

#[test]
fn an_unavailable_api_fails_after_two_minutes() {
    for (since, level) in [("2026-11-20T02:59:00Z", Level::Progressing), ("2026-11-20T02:50:00Z", Level::Fail)] {
        let yaml = format!(
            "
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {{name: a}}
spec: {{service: {{namespace: n, name: gone}}}}
status: {{conditions: [{{type: Available, status: 'False', lastTransitionTime: '{since}'}}]}}
"
        ) + OTHER_SERVICE;
        expect(&yaml, "APIService", "a", level, "apiservice-unavailable");
        assert_eq!(judge(&yaml, "APIService", "a").blames.len(), 1);
    }
}

#[test]
fn a_namespace_that_stays_names_what_remains() {
    let yaml = "
apiVersion: v1
kind: Namespace
metadata: {name: n, deletionTimestamp: '2026-11-20T01:00:00Z'}
spec: {finalizers: [kubernetes]}
status:
  phase: Terminating
  conditions: [{type: NamespaceFinalizersRemaining, status: 'True', message: 'kafkas has finalizers'}]
";
    expect(yaml, "Namespace", "n", Level::Fail, "terminating-stuck");
    assert!(judge(yaml, "Namespace", "n").evidence.iter().any(|line| line.contains("kafkas has finalizers")));
}

#[test]
fn stored_versions_must_be_served() {
    let yaml = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: x}
spec: {versions: [{name: v1, served: true, storage: true}]}
status:
  storedVersions: [v1beta2, v1]
  conditions: [{type: Established, status: 'True'}, {type: NamesAccepted, status: 'True'}]
";
    expect(yaml, "CustomResourceDefinition", "x", Level::Warn, "crd-stored-version");
}

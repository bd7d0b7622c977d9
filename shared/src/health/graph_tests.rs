//! From effects to causes, over a whole judgement.

use crate::health::testing::{NOW, inventory};
use crate::health::{Node, judge};
use crate::platform::Platform;

/// The roots of a YAML stream, each with what it explains, in short names.
fn roots(yaml: &str) -> Vec<(String, Vec<String>)> {
    let inventory = inventory(yaml);
    let judgement = judge(&inventory, &Platform::built_in(), NOW.parse().expect("time"));
    let name = |node: Node| match node {
        Node::Object(index) => inventory.objects()[index].reference().to_string(),
        Node::Absent(index) => judgement.absences[index].object.to_string(),
    };
    let roots = judgement.roots.iter();
    roots.map(|root| (name(root.node), root.explains.iter().map(|node| name(*node)).collect())).collect()
}

const POD: &str = "apiVersion: v1
kind: Pod
metadata: {name: web-0, namespace: x, uid: p1, creationTimestamp: '2026-11-19T00:00:00Z'}
spec: {containers: [{name: main, envFrom: [{secretRef: {name: db}}]}]}
status:
  phase: Pending
  startTime: '2026-11-19T00:00:00Z'
  containerStatuses:
  - {name: main, state: {waiting: {reason: CreateContainerConfigError, message: secret \"db\" not found}}}
---
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: vault, namespace: x, creationTimestamp: '2026-09-01T00:00:00Z'}
status: {conditions: [{type: Ready, status: 'False', reason: InvalidProviderConfig, message: permission denied}]}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: database, namespace: x, creationTimestamp: '2026-09-01T00:00:00Z'}
spec: {secretStoreRef: {name: vault}, target: {name: db}}
status: {conditions: [{type: Ready, status: 'False', reason: SecretSyncedError, message: store is not ready}]}
";

#[test]
fn a_pod_without_its_secret_leads_to_the_store_of_the_secret() {
    let other = "---\n{apiVersion: v1, kind: Secret, metadata: {name: other, namespace: x}}\n";
    // Where Secrets may not be read, and where the one is known to be missing.
    for yaml in [POD.to_owned(), format!("{POD}{other}")] {
        let found = roots(&yaml);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, "SecretStore/x/vault");
        assert!(found[0].1.contains(&"Pod/x/web-0".to_owned()), "{found:?}");
    }
}

#[test]
fn a_secret_that_is_there_is_not_what_a_pod_lacks() {
    let found = roots(&format!("{POD}---\n{{apiVersion: v1, kind: Secret, metadata: {{name: db, namespace: x}}}}\n"));
    assert!(found.iter().any(|(root, _)| root == "Pod/x/web-0"), "{found:?}");
}

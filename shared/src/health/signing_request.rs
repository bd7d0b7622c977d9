//! CertificateSigningRequests: who waits for a certificate, and why it does not come.

use super::table::Rule;
use super::{Related, culprit};
use crate::object::{Condition, Object, find_condition};
use crate::report::{Level, Verdict, codes};
use crate::text;
use jiff::Timestamp;

codes! {
    REQUEST_SIGNED = "csr-signed", "The certificate was issued",
        "The request was approved and signed.", "Nothing to do.";
    REQUEST_WAITS = "csr-waits", "The request for a certificate waits",
        "Nobody has approved or denied the request. A kubelet, an operator (MinIO with requestAutoCert) or a person has no certificate until somebody does; the API server removes the request after a day, and its author makes another.",
        "Look at who asks for what (`kubectl describe csr NAME`); an approver approves requests of this signer as a rule, find out why it does not. Approve by hand only what you know.";
    REQUEST_UNSIGNED = "csr-approved-unsigned", "The request is approved and nobody signs it",
        "The request was approved and has no certificate: the signer that it names does not run. Signers of kubernetes.io are part of kube-controller-manager.",
        "Look at the controller of the signer that is named.";
    REQUEST_DENIED = "csr-denied", "The request for a certificate was denied",
        "Somebody or some policy denied the request; its author gets no certificate.",
        "Read the reason; correct the request or the policy.";
    REQUEST_FAILED = "csr-failed", "The signer could not sign the request",
        "The signer reports that it cannot issue this certificate, mostly because the names, usages or duration are not allowed.",
        "Read the message; correct the request.", Final;
}

const GROUP: &str = "certificates.k8s.io";
const KIND: &str = "CertificateSigningRequest";

/// The rows of this family.
pub(super) const RULES: &[Rule] = &[Rule::new(GROUP, KIND, request)];

/// Follows `k8s.io/api/certificates/v1/types.go`: Denied, Failed, then Approved with a certificate.
fn request(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return culprit::unreadable() };
    let conditions = custom.conditions();
    // The condition is what counts; its status is True wherever it is there.
    let has = |name: &str| find_condition(&conditions, name).filter(|condition| !condition.is_false());
    let who = format!("{} for {}", custom.spec_text("/signerName"), custom.spec_text("/username"));
    let said = |condition: &Condition| format!("{who}: {}", condition.text());
    if let Some(failed) = has("Failed") {
        return Verdict::fail(&REQUEST_FAILED, said(failed)).since(failed.since());
    }
    if let Some(denied) = has("Denied") {
        return Verdict::warn(&REQUEST_DENIED, said(denied)).since(denied.since());
    }
    if !custom.status_text("/certificate").is_empty() {
        return Verdict::ok(&REQUEST_SIGNED, who);
    }
    let approved = has("Approved");
    let since = approved.and_then(Condition::since).or(object.meta.creation_timestamp.get());
    let late = since.is_some_and(|since| now.duration_since(since).as_secs() > related.limits.progress_seconds);
    let age = since.map_or_else(String::new, |since| format!(" for {}", text::age(since, now)));
    let (level, code, text) = match approved {
        Some(_) if late => (Level::Fail, &REQUEST_UNSIGNED, format!("approved{age} and not signed: {who}")),
        Some(_) => (Level::Progressing, &REQUEST_UNSIGNED, format!("approved, not signed yet: {who}")),
        None if late => (Level::Warn, &REQUEST_WAITS, format!("waits{age} for approval: {who}")),
        None => (Level::Progressing, &REQUEST_WAITS, format!("waits for approval: {who}")),
    };
    Verdict::new(level, code, text).since(since)
}

/// The request for a kubelet's own certificate that was not granted: without one the node is silent.
pub(super) fn of_kubelet(verdict: Verdict, node: &str, related: &Related<'_>, now: Timestamp) -> Verdict {
    let user = format!("system:node:{node}");
    let mut all = related.inventory.of_kind(GROUP, KIND).iter();
    let refused = all.find(|object| {
        let custom = object.custom();
        custom.is_some_and(|custom| {
            custom.spec_text("/signerName") == "kubernetes.io/kube-apiserver-client-kubelet"
                && custom.spec_text("/username") == user
        }) && request(object, related, now).level >= Level::Warn
    });
    match refused {
        Some(object) => verdict.blame(object.reference()),
        None => verdict,
    }
}

#[cfg(test)]
mod tests {
    use crate::health::testing::{expect, judge};
    use crate::report::Level;

    fn request(created: &str, status: &str) -> String {
        format!(
            "apiVersion: certificates.k8s.io/v1\nkind: CertificateSigningRequest\nmetadata: {{name: csr-1, creationTimestamp: '{created}'}}\nspec: {{signerName: kubernetes.io/kube-apiserver-client-kubelet, username: 'system:node:w1'}}\nstatus: {status}\n"
        )
    }

    #[test]
    fn a_request_is_judged_by_its_conditions_and_its_certificate() {
        let (young, old) = ("2026-11-20T02:58:00Z", "2026-11-20T01:00:00Z");
        let approved = "{type: Approved, status: 'True', lastTransitionTime: '2026-11-20T01:00:00Z'}";
        for (created, status, level, code) in [
            (young, "{}".to_owned(), Level::Progressing, "csr-waits"),
            (old, "{}".to_owned(), Level::Warn, "csr-waits"),
            (old, format!("{{conditions: [{approved}]}}"), Level::Fail, "csr-approved-unsigned"),
            (old, format!("{{certificate: eA==, conditions: [{approved}]}}"), Level::Ok, "csr-signed"),
            (old, "{conditions: [{type: Denied, status: 'True', reason: No}]}".to_owned(), Level::Warn, "csr-denied"),
            (old, format!("{{conditions: [{approved}, {{type: Failed, status: 'True'}}]}}"), Level::Fail, "csr-failed"),
        ] {
            expect(&request(created, &status), "CertificateSigningRequest", "csr-1", level, code);
        }
    }

    #[test]
    fn a_silent_node_names_the_request_that_its_kubelet_waits_for() {
        let node = "---\napiVersion: v1\nkind: Node\nmetadata: {name: w1}\nstatus: {conditions: [{type: Ready, status: Unknown}]}\n";
        let waits = request("2026-11-20T01:00:00Z", "{}");
        let verdict = judge(&format!("{waits}{node}"), "Node", "w1");
        assert_eq!(verdict.blames[0].to_string(), "CertificateSigningRequest/csr-1");
        let other = waits.replace("node:w1", "node:w2");
        assert!(judge(&format!("{other}{node}"), "Node", "w1").blames.is_empty());
    }
}

//! What certificates and the chain behind them should be called.

use crate::health::testing::{expect, judge};
use crate::report::Level;

fn certificate(spec: &str, status: &str) -> String {
    format!(
        "apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {{name: web, namespace: x, uid: c1, generation: 2, creationTimestamp: '2026-09-01T00:00:00Z'}}
spec: {{secretName: web-tls, issuerRef: {{name: ca}}{spec}}}
status: {{{status}}}
"
    )
}

const READY: &str = "{type: Ready, status: 'True', reason: Ready, observedGeneration: 2, message: up to date}";

#[test]
fn a_certificate_is_judged_by_its_conditions_and_its_clock() {
    let later = "notBefore: '2026-10-20T00:00:00Z', notAfter: '2027-01-18T00:00:00Z'";
    for (status, level, code) in [
        (
            format!("conditions: [{READY}], {later}, renewalTime: '2026-12-19T00:00:00Z'"),
            Level::Ok,
            "certificate-valid",
        ),
        (format!("conditions: [{READY}], notAfter: '2026-11-20T02:00:00Z'"), Level::Fail, "certificate-expired"),
        (
            format!("conditions: [{READY}], notBefore: '2026-08-23T00:00:00Z', notAfter: '2026-11-24T00:00:00Z'"),
            Level::Warn,
            "certificate-expires-soon",
        ),
        // It lives for a day and is renewed after 16 hours: nothing is wrong.
        (
            format!(
                "conditions: [{READY}], notBefore: '2026-11-20T00:00:00Z', notAfter: '2026-11-21T00:00:00Z',
                 renewalTime: '2026-11-20T16:00:00Z'"
            ),
            Level::Ok,
            "certificate-valid",
        ),
        (
            format!("conditions: [{READY}], {later}, renewalTime: '2026-11-20T01:00:00Z'"),
            Level::Warn,
            "certificate-renewal-late",
        ),
        (
            format!("conditions: [{READY}], {later}, renewalTime: '2026-11-20T02:30:00Z'"),
            Level::Ok,
            "certificate-valid",
        ),
        (
            format!(
                "conditions: [{READY}, {{type: Issuing, status: 'False', reason: Failed, message: rate limited}}],
                 {later}, lastFailureTime: '2026-11-20T02:00:00Z', failedIssuanceAttempts: 3"
            ),
            Level::Warn,
            "certificate-renewal-fails",
        ),
        (
            "conditions: [{type: Ready, status: 'False', reason: DoesNotExist, message: no Secret}]".to_owned(),
            Level::Fail,
            "certificate-not-issued",
        ),
        (
            "conditions: [{type: Ready, status: 'True', observedGeneration: 1}]".to_owned(),
            Level::Progressing,
            "generation-not-observed",
        ),
    ] {
        expect(&certificate("", &status), "Certificate", "web", level, code);
    }
}

#[test]
fn issuing_has_a_quarter_of_an_hour() {
    let issuing = |since: &str, ready: &str| {
        certificate(
            "",
            &format!(
                "conditions: [{{type: Ready, status: '{ready}', reason: DoesNotExist}},
                 {{type: Issuing, status: 'True', reason: DoesNotExist, message: Secret does not exist,
                 lastTransitionTime: '{since}'}}]"
            ),
        )
    };
    for (since, ready, level) in [
        ("2026-11-20T02:50:00Z", "False", Level::Progressing),
        ("2026-11-20T02:40:00Z", "False", Level::Warn),
        ("2026-11-20T01:00:00Z", "False", Level::Fail),
        // A renewal that hangs does not break what works.
        ("2026-11-20T01:00:00Z", "True", Level::Warn),
    ] {
        let verdict = judge(&issuing(since, ready), "Certificate", "web");
        assert_eq!(verdict.level, level, "{since} {ready}: {}", verdict.message);
    }
}

#[test]
fn ready_falls_a_moment_before_issuing_rises() {
    let falls = |more: &str| {
        certificate(
            "",
            &format!(
                "conditions: [{{type: Ready, status: 'False', reason: DoesNotExist,
                 message: Issuing certificate as Secret does not exist, lastTransitionTime: '2026-11-20T02:59:59Z'}}{more}]"
            ),
        )
    };
    expect(&falls(""), "Certificate", "web", Level::Progressing, "certificate-issuing");
    let failed = ", {type: Issuing, status: 'False', reason: Failed, message: no}";
    expect(&falls(failed), "Certificate", "web", Level::Fail, "certificate-not-issued");
}

#[test]
fn failed_tries_are_counted_and_the_next_one_is_foretold() {
    let verdict = judge(
        &certificate(
            "",
            "conditions: [{type: Ready, status: 'False', reason: DoesNotExist},
             {type: Issuing, status: 'False', reason: Failed, message: 'order is invalid'}],
             lastFailureTime: '2026-11-20T02:00:00Z', failedIssuanceAttempts: 3",
        ),
        "Certificate",
        "web",
    );
    assert_eq!(verdict.level, Level::Fail);
    assert!(verdict.evidence.iter().any(|line| line.contains("order is invalid")), "{:?}", verdict.evidence);
    let tries = "3 failed attempts, the last 60m ago, the next try in about 3h";
    assert!(verdict.evidence.iter().any(|line| line.starts_with(tries)), "{:?}", verdict.evidence);
}

#[test]
fn absurd_numbers_do_no_harm() {
    for count in ["9223372036854775807", "-9223372036854775808", "0"] {
        let status = format!(
            "conditions: [{{type: Ready, status: 'False'}}], lastFailureTime: '2026-11-20T02:00:00Z',
             failedIssuanceAttempts: {count}"
        );
        assert_eq!(judge(&certificate("", &status), "Certificate", "web").level, Level::Fail);
    }
}

#[test]
fn the_challenge_at_the_end_of_the_chain_is_blamed_step_by_step() {
    let yaml = format!(
        "{}---
apiVersion: cert-manager.io/v1
kind: CertificateRequest
metadata:
  name: web-1
  namespace: x
  uid: r1
  creationTimestamp: '2026-11-20T01:00:00Z'
  annotations: {{cert-manager.io/certificate-name: web, cert-manager.io/certificate-revision: '1'}}
  ownerReferences: [{{apiVersion: cert-manager.io/v1, kind: Certificate, name: web, uid: c1, controller: true}}]
spec: {{issuerRef: {{name: ca}}}}
status: {{conditions: [{{type: Approved, status: 'True'}}, {{type: Ready, status: 'False', reason: Pending, message: waits}}]}}
---
apiVersion: acme.cert-manager.io/v1
kind: Order
metadata:
  name: web-1-9
  namespace: x
  uid: o1
  creationTimestamp: '2026-11-20T01:00:00Z'
  ownerReferences: [{{apiVersion: cert-manager.io/v1, kind: CertificateRequest, name: web-1, uid: r1, controller: true}}]
status: {{state: pending}}
---
apiVersion: acme.cert-manager.io/v1
kind: Challenge
metadata:
  name: web-1-9-0
  namespace: x
  uid: h1
  creationTimestamp: '2026-11-20T01:00:00Z'
  ownerReferences: [{{apiVersion: acme.cert-manager.io/v1, kind: Order, name: web-1-9, uid: o1, controller: true}}]
spec: {{type: HTTP-01, dnsName: web.example.com}}
status: {{state: pending, processing: true, presented: true, reason: 'wrong status code 404, expected 200'}}
",
        certificate(
            "",
            "conditions: [{type: Ready, status: 'False'},
             {type: Issuing, status: 'True', lastTransitionTime: '2026-11-20T01:00:00Z'}]"
        )
    );
    for (kind, name, blamed) in [
        ("Certificate", "web", "CertificateRequest/x/web-1"),
        ("CertificateRequest", "web-1", "Order/x/web-1-9"),
        ("Order", "web-1-9", "Challenge/x/web-1-9-0"),
    ] {
        let verdict = judge(&yaml, kind, name);
        assert_eq!(verdict.level, Level::Fail, "{kind}: {}", verdict.message);
        let blames: Vec<String> = verdict.blames.iter().map(ToString::to_string).collect();
        assert_eq!(blames, [blamed], "{kind}");
    }
    let challenge = judge(&yaml, "Challenge", "web-1-9-0");
    assert!(challenge.message.contains("wrong status code 404"), "{}", challenge.message);
}

#[test]
fn an_issuer_that_is_not_ready_is_blamed_and_a_missing_one_warned_of() {
    let issuer = |status: &str| {
        format!(
            "---
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {{name: {status}, namespace: x, creationTimestamp: '2026-11-01T00:00:00Z'}}
spec: {{ca: {{secretName: root}}}}
status: {{conditions: [{{type: Ready, status: 'False', reason: ErrGetKeyPair, message: no key pair}}]}}
"
        )
    };
    let failed = certificate("", "conditions: [{type: Ready, status: 'False', reason: DoesNotExist}]") + &issuer("ca");
    let verdict = judge(&failed, "Certificate", "web");
    assert_eq!(verdict.blames[0].to_string(), "Issuer/x/ca");
    expect(&failed, "Issuer", "ca", Level::Fail, "issuer-failed");
    // Another issuer of that namespace was read, this one is not among them.
    let works = certificate("", &format!("conditions: [{READY}], notAfter: '2027-01-18T00:00:00Z'"));
    expect(&(works.clone() + &issuer("other")), "Certificate", "web", Level::Warn, "certificate-issuer-missing");
    expect(&works, "Certificate", "web", Level::Ok, "certificate-valid");
    // An issuer of another project is not ours to judge.
    let foreign = works.replace("name: ca}", "name: ca, group: awspca.cert-manager.io, kind: AWSPCAIssuer}");
    expect(&(foreign + &issuer("other")), "Certificate", "web", Level::Ok, "certificate-valid");
}

#[test]
fn a_failed_request_is_old_once_its_certificate_was_issued() {
    let request = |revision: u8| {
        format!(
            "---
apiVersion: cert-manager.io/v1
kind: CertificateRequest
metadata:
  name: web-r
  namespace: x
  annotations: {{cert-manager.io/certificate-name: web, cert-manager.io/certificate-revision: '{revision}'}}
status: {{conditions: [{{type: Ready, status: 'False', reason: Failed, message: no}}], failureTime: '2026-11-01T00:00:00Z'}}
"
        )
    };
    let works = certificate("", &format!("conditions: [{READY}], revision: 4, notAfter: '2027-01-18T00:00:00Z'"));
    let old = works.clone() + &request(3);
    expect(&old, "CertificateRequest", "web-r", Level::Ok, "certificate-request-old");
    let live = works + &request(5);
    expect(&live, "CertificateRequest", "web-r", Level::Fail, "certificate-request-failed");
}

#[test]
fn denied_requests_and_refused_orders_fail() {
    let request = "apiVersion: cert-manager.io/v1
kind: CertificateRequest
metadata: {name: r, namespace: x}
status: {conditions: [{type: Denied, status: 'True', reason: policy, message: not allowed}]}
";
    expect(request, "CertificateRequest", "r", Level::Fail, "certificate-request-failed");
    for state in ["invalid", "expired", "errored"] {
        let order = format!(
            "{{apiVersion: acme.cert-manager.io/v1, kind: Order, metadata: {{name: o}}, status: {{state: {state}}}}}"
        );
        expect(&order, "Order", "o", Level::Fail, "acme-failed");
    }
    let valid = "{apiVersion: acme.cert-manager.io/v1, kind: Challenge, metadata: {name: o}, status: {state: valid}}";
    expect(valid, "Challenge", "o", Level::Ok, "acme-valid");
}

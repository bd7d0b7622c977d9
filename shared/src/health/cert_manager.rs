//! cert-manager: certificates and the chain that issues them, from the issuer to the ACME challenge.

use super::table::Rule;
use super::{Related, lead_condition, precedence};
use crate::object::{Condition, Custom, Lookup, Object, ObjectRef, find_condition};
use crate::report::{Level, Verdict, codes};
use crate::text;
use jiff::Timestamp;

codes! {
    VALID = "certificate-valid", "The certificate is valid",
        "It is issued, not expired, and its renewal is not due.",
        "Nothing to do.";
    ISSUING = "certificate-issuing", "The certificate is being issued",
        "A certificate, or a step of its issuance, is on its way. The first issuance takes seconds with a CA of one's own and minutes with ACME.",
        "Nothing to do but wait.";
    ISSUING_SLOW = "certificate-issuing-slow", "The issuance does not end",
        "Issuing has taken longer than a quarter of an hour. Mostly an ACME challenge cannot be reached (DNS, ingress class, firewall), or nobody approves the request.",
        "Follow the chain: `cmctl status certificate NAME -n NAMESPACE` shows CertificateRequest, Order and Challenge. The challenge's reason says what the ACME server saw.";
    NOT_ISSUED = "certificate-not-issued", "The certificate is not issued",
        "Ready is False: the Secret is missing, or does not hold what the certificate asks for. After a failed try cert-manager waits one hour, then two, up to 32.",
        "Read the reason; correct the issuer or the spec, then `cmctl renew NAME -n NAMESPACE` tries at once.";
    EXPIRED = "certificate-expired", "The certificate has expired",
        "status.notAfter has passed. Clients that check certificates refuse the connection.",
        "Find out why it was not renewed: the issuer, the last CertificateRequest, cert-manager itself.";
    EXPIRES_SOON = "certificate-expires-soon", "The certificate expires soon",
        "status.notAfter is less than a week away and no renewal is ahead that would replace it in good time.",
        "Find out why it is not renewed: the issuer, the last CertificateRequest, cert-manager itself.";
    RENEWAL_LATE = "certificate-renewal-late", "The renewal is overdue",
        "status.renewalTime passed more than an hour ago and cert-manager is not issuing: it is down, or it waits after failed tries.",
        "Look at the cert-manager controller and its log for this certificate.";
    RENEWAL_FAILS = "certificate-renewal-fails", "The renewal fails",
        "The certificate still works; the last try to replace it failed.",
        "Read the message and the last CertificateRequest; there is time until the expiry that is named.";
    ISSUER_MISSING = "certificate-issuer-missing", "The certificate's issuer does not exist",
        "spec.issuerRef names an issuer that is not there. The certificate works until it must be renewed.",
        "Create the issuer again or point the certificate to another one.";
    ISSUER_READY = "issuer-ready", "The issuer is ready",
        "cert-manager has checked the issuer's account or key and can sign with it.",
        "Nothing to do.";
    ISSUER_WAITS = "issuer-waits", "The issuer is being checked",
        "cert-manager registers the account or checks the key.",
        "Nothing to do but wait.";
    ISSUER_FAILED = "issuer-failed", "The issuer is not ready",
        "cert-manager cannot use the issuer: the account cannot be registered, or its Secret is missing or wrong. No certificate of it is issued or renewed.",
        "Read the reason; check the server's URL, the account and the Secret that the issuer names.";
    REQUEST_ISSUED = "certificate-request-issued", "The request is fulfilled",
        "The certificate that was asked for is signed.",
        "Nothing to do.";
    REQUEST_FAILED = "certificate-request-failed", "The request has failed",
        "The request was denied, is invalid, or the issuer could not sign it. It is not tried again: cert-manager makes a new one.",
        "Read the reason; correct the certificate's spec, the approval policy or the issuer.";
    REQUEST_OLD = "certificate-request-old", "A failed try that a later one made good",
        "The request failed, and its certificate has been issued since.",
        "Nothing to do.";
    ACME_VALID = "acme-valid", "The ACME server has accepted it",
        "The order or challenge is valid.",
        "Nothing to do.";
    ACME_FAILED = "acme-failed", "The ACME server has refused it",
        "The order or challenge is invalid, expired or met an error. ACME servers limit failed validations to a few an hour.",
        "The reason is the server's own (`cmctl status certificate NAME -n NAMESPACE` shows the whole chain): mostly the name does not lead to this cluster, or the DNS provider's credentials are wrong.";
}

const GROUP: &str = "cert-manager.io";
const ACME: &str = "acme.cert-manager.io";

/// The rows of this family.
pub(super) const RULES: &[Rule] = &[
    Rule::new(GROUP, "Certificate", certificate),
    Rule::new(GROUP, "Issuer", issuer),
    Rule::new(GROUP, "ClusterIssuer", issuer),
    Rule::new(GROUP, "CertificateRequest", request),
    Rule::new(ACME, "Order", order),
    Rule::new(ACME, "Challenge", challenge),
];

/// Issuing for longer than this is worth a look.
const SLOW_SECONDS: i64 = 15 * 60;
/// Issuing for longer than this does not end by itself.
const STUCK_SECONDS: i64 = 3600;
/// A renewal may start so late.
const RENEWAL_SECONDS: i64 = 3600;

fn time(custom: &Custom, pointer: &str) -> Option<Timestamp> {
    custom.status_text(pointer).parse().ok()
}

/// A step on its way, with the deadlines of an issuance.
fn paced(message: String, since: Option<Timestamp>, now: Timestamp) -> Verdict {
    let late = since.map(|since| (now.duration_since(since).as_secs(), text::age(since, now)));
    match late {
        Some((age, words)) if age > STUCK_SECONDS => Verdict::fail(&ISSUING_SLOW, format!("{message}, for {words}")),
        Some((age, words)) if age > SLOW_SECONDS => Verdict::warn(&ISSUING_SLOW, format!("{message}, for {words}")),
        _ => Verdict::progressing(&ISSUING, message),
    }
    .since(since)
}

fn unreadable() -> Verdict {
    Verdict::unknown(&precedence::OBJECT_UNREADABLE, "has not the shape of its kind")
}

/// Conditions as in cert-manager `pkg/apis/certmanager/v1/types_certificate.go`, reasons as in
/// `internal/controller/certificates/policies/constants.go`; Issuing is read before Ready, as Argo
/// CD's `cert-manager.io/Certificate/health.lua` does.
fn certificate(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return unreadable() };
    let verdict = by_status(object, custom, related, now);
    let (issuer, is_missing) = issuer_of(object, custom, related, now);
    if verdict.is_ok() {
        let Some(issuer) = issuer.filter(|_| is_missing) else { return verdict };
        let message = format!("valid, and its {} {} does not exist: it cannot be renewed", issuer.kind, issuer.name);
        return Verdict::warn(&ISSUER_MISSING, message).blame(issuer).and(verdict);
    }
    let mut verdict = verdict;
    if let Some(issuer) = issuer {
        if is_missing {
            verdict = verdict.evidence(format!("{} {} does not exist", issuer.kind, issuer.name));
        }
        verdict = verdict.blame(issuer);
    }
    match last_request(object, related) {
        Some(last) => explained_by(verdict, last, request(last, related, now)),
        None => verdict,
    }
}

fn by_status(object: &Object, custom: &Custom, related: &Related<'_>, now: Timestamp) -> Verdict {
    let conditions = custom.conditions();
    let not_after = time(custom, "/notAfter");
    if let Some(end) = not_after.filter(|end| *end <= now) {
        let message = format!("expired {} ago, at {end}", text::age(end, now));
        return with_failures(Verdict::fail(&EXPIRED, message).since(Some(end)), custom, &conditions, now);
    }
    if conditions.is_empty() {
        return precedence::no_status(object, None, related, now);
    }
    let ready = find_condition(&conditions, "Ready");
    let is_ready = ready.is_some_and(Condition::is_true);
    if let Some(issuing) = find_condition(&conditions, "Issuing").filter(|condition| condition.is_true()) {
        let mut verdict = paced(format!("is being issued: {}", issuing.text()), issuing.since(), now);
        // A renewal that hangs is not yet a certificate that does not work.
        if is_ready && verdict.level == Level::Fail {
            verdict.level = Level::Warn;
        }
        if let Some(end) = not_after.filter(|_| is_ready) {
            verdict = verdict.evidence(format!("the present certificate expires in {}", text::age(now, end)));
        }
        return with_failures(verdict, custom, &conditions, now);
    }
    let Some(ready) = ready else {
        return paced("no Ready condition yet".to_owned(), object.meta.creation_timestamp.get(), now);
    };
    let observed = ready.observed_generation.filter(|seen| *seen > 0);
    if let Some(verdict) = precedence::generation(object, observed, related, now) {
        return verdict.evidence(format!("before the change: {}", lead_condition::said(ready)));
    }
    if ready.is_false() {
        // Ready falls a moment before Issuing rises, and its message foretells that.
        let starts = ready.message.starts_with("Issuing certificate") && failed_try(&conditions).is_none();
        let verdict = if starts {
            paced(lead_condition::said(ready), ready.since(), now)
        } else {
            Verdict::fail(&NOT_ISSUED, lead_condition::said(ready)).since(ready.since())
        };
        return with_failures(verdict, custom, &conditions, now);
    }
    if !ready.is_true() {
        return paced(lead_condition::said(ready), ready.since(), now);
    }
    let mut verdict = works(custom, &conditions, not_after, related, now);
    verdict.since = verdict.since.or_else(|| ready.since());
    verdict
}

/// A certificate that is issued: how long it lasts, and whether its renewal is in order.
fn works(
    custom: &Custom,
    conditions: &[Condition],
    not_after: Option<Timestamp>,
    related: &Related<'_>,
    now: Timestamp,
) -> Verdict {
    let renewal = time(custom, "/renewalTime");
    let left = not_after.map(|end| format!("expires in {}", text::age(now, end)));
    let left = left.as_deref().unwrap_or("its expiry is not told");
    let mut verdict = Verdict::ok(&VALID, format!("valid, {left}"));
    if failed_try(conditions).is_some() {
        let message = format!("still valid, {left}, and the last try to renew it failed");
        let found = Verdict::warn(&RENEWAL_FAILS, message).since(time(custom, "/lastFailureTime"));
        verdict = verdict.and(with_failures(found, custom, conditions, now));
    } else if let Some(due) = renewal.filter(|due| now.duration_since(*due).as_secs() > RENEWAL_SECONDS) {
        let message = format!("renewal is {} overdue and not under way; {left}", text::age(due, now));
        verdict = verdict.and(Verdict::warn(&RENEWAL_LATE, message).since(Some(due)));
    }
    if let Some(end) = not_after
        && end.duration_since(now).as_secs() < related.limits.certificate_warn_seconds
        && !is_short_lived(custom, end, related)
    {
        verdict = verdict.and(Verdict::warn(&EXPIRES_SOON, left.to_owned()));
    } else if let Some(due) = renewal.filter(|due| *due > now) {
        verdict = verdict.evidence(format!("renewal in {}", text::age(now, due)));
    }
    verdict
}

/// Whether the certificate lives for so short a time that a week before its end is no sign of
/// neglect: workload identities live for a day. Where the renewal is overdue, that is told as such.
fn is_short_lived(custom: &Custom, end: Timestamp, related: &Related<'_>) -> bool {
    let asked = text::parse_duration(custom.spec_text("/duration")).map(|duration| duration.as_secs());
    let life = time(custom, "/notBefore").map(|start| end.duration_since(start).as_secs()).or(asked);
    life.is_some_and(|life| life < related.limits.certificate_warn_seconds.saturating_mul(3))
}

/// The last try, when it failed (`pkg/controller/certificates/issuing/issuing_controller.go`).
fn failed_try(conditions: &[Condition]) -> Option<&Condition> {
    find_condition(conditions, "Issuing").filter(|issuing| issuing.is_false() && &*issuing.reason == "Failed")
}

/// Adds what the status tells of failed tries. The wait before the next one doubles from one hour
/// to 32 (`pkg/controller/certificates/trigger/trigger_controller.go`).
fn with_failures(mut verdict: Verdict, custom: &Custom, conditions: &[Condition], now: Timestamp) -> Verdict {
    if let Some(last) = failed_try(conditions) {
        verdict = verdict.evidence(format!("last try: {}", lead_condition::said(last)));
    }
    let Some(failed) = time(custom, "/lastFailureTime") else { return verdict };
    let count = custom.status_number("/failedIssuanceAttempts").filter(|count| *count > 0).unwrap_or(1);
    let tries = text::plural(usize::try_from(count).unwrap_or(1), "failed attempt");
    let wait = jiff::SignedDuration::from_hours(1 << (count - 1).clamp(0, 5));
    let next = failed.checked_add(wait).ok().filter(|next| *next > now);
    let next = next.map_or_else(String::new, |next| format!(", the next try in about {}", text::age(now, next)));
    verdict.evidence(format!("{tries}, the last {} ago{next}", text::age(failed, now)))
}

/// The issuer of a certificate or request where it is not well, and whether it is missing. Issuers
/// of other groups are not cert-manager's own and are not judged.
fn issuer_of(object: &Object, custom: &Custom, related: &Related<'_>, now: Timestamp) -> (Option<ObjectRef>, bool) {
    let group = custom.spec_text("/issuerRef/group");
    let kind = match custom.spec_text("/issuerRef/kind") {
        "" => "Issuer",
        kind => kind,
    };
    let name = custom.spec_text("/issuerRef/name");
    if !matches!(group, "" | GROUP) || !matches!(kind, "Issuer" | "ClusterIssuer") || name.is_empty() {
        return (None, false);
    }
    let namespace = if kind == "Issuer" { object.meta.namespace.as_str() } else { "" };
    match related.get(GROUP, kind, namespace, name) {
        Lookup::Missing => (Some(ObjectRef::new(GROUP, kind, namespace, name)), true),
        Lookup::Found(found) if issuer(found, related, now).level > Level::Absent => (Some(found.reference()), false),
        Lookup::Found(_) | Lookup::Unread => (None, false),
    }
}

/// Blames a step of the issuance that is not well and quotes it.
fn explained_by(verdict: Verdict, step: &Object, found: Verdict) -> Verdict {
    if found.level <= Level::Absent {
        return verdict;
    }
    let line = format!("{} {}: {}", step.ty.kind, step.meta.name, found.message);
    verdict.evidence(line).blame(step.reference())
}

fn revision(request: &Object) -> Option<u64> {
    request.meta.annotations.get("cert-manager.io/certificate-revision")?.parse().ok()
}

/// The newest request that was made for a certificate.
fn last_request<'a>(certificate: &Object, related: &Related<'a>) -> Option<&'a Object> {
    let all = related.inventory.in_namespace(GROUP, "CertificateRequest", &certificate.meta.namespace).iter();
    let name = certificate.meta.name.as_str();
    let is_its = |request: &&Object| match request.meta.controller() {
        Some(owner) => &*owner.kind == "Certificate" && &*owner.name == name,
        None => request.meta.annotations.get("cert-manager.io/certificate-name") == Some(name),
    };
    all.filter(is_its).max_by_key(|request| (revision(request), request.meta.creation_timestamp.get()))
}

/// Issuers and cluster issuers (`pkg/apis/certmanager/v1/types_issuer.go`): Ready and nothing else.
fn issuer(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return unreadable() };
    let codes = lead_condition::Codes { met: &ISSUER_READY, waits: &ISSUER_WAITS, failed: &ISSUER_FAILED };
    let mut verdict = lead_condition::judge(object, custom, "Ready", &codes, related, now);
    if verdict.level != Level::Fail || object.meta.namespace.is_empty() {
        // The Secrets of a ClusterIssuer are in a namespace that only cert-manager's flags tell.
        return verdict;
    }
    let secrets = [
        "/ca/secretName",
        "/vault/auth/tokenSecretRef/name",
        "/vault/auth/appRole/secretRef/name",
        "/venafi/cloud/apiTokenSecretRef/name",
    ];
    for name in secrets.iter().map(|pointer| custom.spec_text(pointer)).filter(|name| !name.is_empty()) {
        if related.get("", "Secret", &object.meta.namespace, name).is_missing() {
            verdict = verdict.evidence(format!("Secret {name} does not exist")).blame(ObjectRef::new(
                "",
                "Secret",
                &object.meta.namespace,
                name,
            ));
        }
    }
    verdict
}

/// Conditions as in `pkg/apis/certmanager/v1/types_certificaterequest.go`; order as in Argo CD's
/// `cert-manager.io/CertificateRequest/health.lua`.
fn request(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return unreadable() };
    let conditions = custom.conditions();
    if conditions.is_empty() {
        return precedence::no_status(object, None, related, now);
    }
    let find = |name: &str| find_condition(&conditions, name);
    let refused = ["Denied", "InvalidRequest"].iter().find_map(|name| find(name).filter(|found| found.is_true()));
    let ready = find("Ready");
    let failed = ready.filter(|ready| !ready.is_true() && &*ready.reason != "Pending");
    if let Some(condition) = refused.or(failed) {
        let text = lead_condition::said(condition);
        if is_superseded(object, related) {
            return Verdict::ok(&REQUEST_OLD, format!("failed, and the certificate was issued since: {text}"));
        }
        let since = time(custom, "/failureTime").or_else(|| condition.since());
        let verdict = Verdict::fail(&REQUEST_FAILED, text).since(since);
        return with_chain(verdict, object, custom, related, now);
    }
    if let Some(ready) = ready.filter(|ready| ready.is_true()) {
        return Verdict::ok(&REQUEST_ISSUED, "issued").since(ready.since());
    }
    let approved = find("Approved").is_some_and(Condition::is_true);
    let message = match ready {
        Some(ready) => lead_condition::said(ready),
        None if approved => "approved, and not signed yet".to_owned(),
        None => "waits for approval".to_owned(),
    };
    let verdict = paced(message, object.meta.creation_timestamp.get(), now);
    with_chain(verdict, object, custom, related, now)
}

/// Whether the certificate that a request was made for has been issued since.
fn is_superseded(request: &Object, related: &Related<'_>) -> bool {
    let Some(name) = request.meta.annotations.get("cert-manager.io/certificate-name") else { return false };
    let Some(found) = related.get(GROUP, "Certificate", &request.meta.namespace, name).found() else { return false };
    let Some(custom) = found.custom() else { return false };
    let ready = find_condition(&custom.conditions(), "Ready").is_some_and(Condition::is_true);
    let current = custom.status_number("/revision").and_then(|number| u64::try_from(number).ok());
    ready && current.zip(revision(request)).is_some_and(|(current, made)| made <= current)
}

/// Names the issuer and the ACME order behind a request that is not fulfilled.
fn with_chain(
    mut verdict: Verdict,
    object: &Object,
    custom: &Custom,
    related: &Related<'_>,
    now: Timestamp,
) -> Verdict {
    if let (Some(issuer), is_missing) = issuer_of(object, custom, related, now) {
        if is_missing {
            verdict = verdict.evidence(format!("{} {} does not exist", issuer.kind, issuer.name));
        }
        verdict = verdict.blame(issuer);
    }
    for child in related.inventory.owned_by(object.meta.uid).filter(|child| child.is(ACME, "Order")) {
        verdict = explained_by(verdict, child, order(child, related, now));
    }
    verdict
}

/// States as in `pkg/apis/acme/v1/types_order.go` and Argo CD's `acme.cert-manager.io/Order/health.lua`.
fn order(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let verdict = acme(object, related, now);
    if verdict.level <= Level::Absent {
        return verdict;
    }
    let children = related.inventory.owned_by(object.meta.uid).filter(|child| child.is(ACME, "Challenge"));
    children.fold(verdict, |verdict, child| explained_by(verdict, child, challenge(child, related, now)))
}

/// States as in `pkg/apis/acme/v1/types_challenge.go` and Argo CD's
/// `acme.cert-manager.io/Challenge/health.lua`.
fn challenge(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let verdict = acme(object, related, now);
    let name = object.custom().map(|custom| custom.spec_text("/dnsName")).unwrap_or_default();
    let kind = object.custom().map(|custom| custom.spec_text("/type")).unwrap_or_default();
    if verdict.is_ok() || name.is_empty() {
        return verdict;
    }
    verdict.evidence(format!("{kind} challenge for {name}"))
}

fn acme(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return unreadable() };
    let state = custom.status_text("/state");
    let reason = custom.status_text("/reason").trim();
    let text = if reason.is_empty() { state.to_owned() } else { format!("{state}: {reason}") };
    match state {
        // A challenge waits its turn without a state: only so many are presented at a time.
        "" if reason.is_empty() && !custom.has_status => precedence::no_status(object, None, related, now),
        "" => {
            let text = if reason.is_empty() { "has no state yet" } else { reason };
            paced(text.to_owned(), object.meta.creation_timestamp.get(), now)
        }
        "valid" => Verdict::ok(&ACME_VALID, text),
        "invalid" | "expired" | "errored" => Verdict::fail(&ACME_FAILED, text).since(time(custom, "/failureTime")),
        _ => paced(text, object.meta.creation_timestamp.get(), now),
    }
}

#[cfg(test)]
#[path = "cert_manager_tests.rs"]
mod tests;

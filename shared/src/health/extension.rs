//! What extends the API server: CustomResourceDefinitions, APIServices and webhooks; and namespaces.

use super::table::Rule;
use super::{Related, precedence};
use crate::object::{Body, Lookup, Object, ObjectRef, ServiceReference, find_condition};
use crate::report::{Level, Verdict, codes};
use jiff::Timestamp;

codes! {
    CRD_OK = "crd-established", "The kind is served", "The definition is established and its names are accepted.", "Nothing to do.";
    CRD_BROKEN = "crd-not-served", "The kind is not served",
        "The API server does not accept the definition: its names clash with another one, or it is not established.",
        "Read the conditions of the definition.";
    CRD_STRUCTURE = "crd-non-structural", "The schema is not structural",
        "The definition's schema is not structural: fields are not pruned and newer API servers refuse it.", "Upgrade the definition.";
    CRD_STORED = "crd-stored-version-gone", "Objects may be stored in a version that is gone",
        "status.storedVersions names a version that is no longer served: an upgrade of the definition will be refused or objects become unreadable.",
        "Rewrite the objects (`flux migrate`, kube-storage-version-migrator), then drop the version from status.storedVersions.";
    CRD_INSTALLING = "crd-installing", "The kind is being installed or removed",
        "The API server is setting the definition up or taking it down.", "Nothing to do but wait.";
    API_OK = "apiservice-available", "The API is available", "The API server reaches the extension.", "Nothing to do.";
    API_DOWN = "apiservice-unavailable", "An extension of the API is not available",
        "The API server cannot reach the service that answers for this group and version. Discovery is slow or partial for everybody; for metrics.k8s.io autoscalers stand still.",
        "Look at the service and the pods behind it.";
    WEBHOOK_OK = "webhook-ok", "The webhooks can be called", "Their services have endpoints.", "Nothing to do.";
    WEBHOOK_DOWN = "webhook-no-endpoints", "A webhook blocks writes",
        "The webhook's failure policy is Fail and its service has no ready endpoint: every write that it is asked about is refused, those of Flux among them.",
        "Bring its pods back. Deleting the webhook configuration unblocks writes and drops the check.";
    WEBHOOK_IGNORED = "webhook-ignored", "A webhook is not called",
        "The webhook's service has no ready endpoint and its failure policy lets writes pass unchecked.", "Bring its pods back.";
    NAMESPACE_OK = "namespace-active", "The namespace is active", "Objects can be created in it.", "Nothing to do.";
    NAMESPACE_STUCK = "namespace-terminating", "The namespace is being deleted",
        "Everything in the namespace is being deleted; it goes when the last object has gone.",
        "Look at what remains: the conditions name kinds and finalizers.";
    STATELESS = "stateless", "A kind without a state", "Objects of this kind are only read by others.", "Nothing to do.";
}

/// Kinds that are only read by others.
const STATELESS_KINDS: &[(&str, &str)] = &[
    ("storage.k8s.io", "StorageClass"),
    ("storage.k8s.io", "CSIDriver"),
    ("storage.k8s.io", "CSINode"),
    ("coordination.k8s.io", "Lease"),
    ("discovery.k8s.io", "EndpointSlice"),
    ("networking.k8s.io", "NetworkPolicy"),
    ("networking.k8s.io", "IngressClass"),
    ("", "LimitRange"),
];

pub(super) const RULES: &[Rule] = &[
    Rule::new("apiextensions.k8s.io", "CustomResourceDefinition", definition),
    Rule::new("apiregistration.k8s.io", "APIService", api_service),
    Rule::new("admissionregistration.k8s.io", "ValidatingWebhookConfiguration", webhooks),
    Rule::new("admissionregistration.k8s.io", "MutatingWebhookConfiguration", webhooks),
    Rule::new("", "Namespace", namespace),
    Rule::new(STATELESS_KINDS[0].0, STATELESS_KINDS[0].1, stateless),
    Rule::new(STATELESS_KINDS[1].0, STATELESS_KINDS[1].1, stateless),
    Rule::new(STATELESS_KINDS[2].0, STATELESS_KINDS[2].1, stateless),
    Rule::new(STATELESS_KINDS[3].0, STATELESS_KINDS[3].1, stateless),
    Rule::new(STATELESS_KINDS[4].0, STATELESS_KINDS[4].1, stateless),
    Rule::new(STATELESS_KINDS[5].0, STATELESS_KINDS[5].1, stateless),
    Rule::new(STATELESS_KINDS[6].0, STATELESS_KINDS[6].1, stateless),
    Rule::new(STATELESS_KINDS[7].0, STATELESS_KINDS[7].1, stateless),
];

fn stateless(_: &Object, _: &Related<'_>, _: Timestamp) -> Verdict {
    Verdict::ok(&STATELESS, "no state to judge")
}

fn definition(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Body::Definition(record) = &object.body else {
        return Verdict::unknown(&precedence::OBJECT_UNREADABLE, "is no definition");
    };
    let Some(status) = record.status.as_ref().filter(|status| !status.conditions.is_empty()) else {
        return precedence::no_status(object, None, related, now);
    };
    let condition = |name: &str| find_condition(&status.conditions, name);
    if condition("Terminating").is_some_and(|condition| condition.is_true()) {
        return Verdict::progressing(&CRD_INSTALLING, "is being removed");
    }
    if let Some(names) = condition("NamesAccepted").filter(|names| names.is_false()) {
        return Verdict::fail(&CRD_BROKEN, names.text().into_owned()).since(names.since());
    }
    if let Some(structure) = condition("NonStructuralSchema").filter(|structure| structure.is_true()) {
        return Verdict::fail(&CRD_STRUCTURE, structure.text().into_owned()).since(structure.since());
    }
    match condition("Established") {
        Some(established) if established.is_true() => {}
        Some(established) if &*established.reason == "Installing" => {
            return Verdict::progressing(&CRD_INSTALLING, established.text().into_owned()).since(established.since());
        }
        Some(established) => {
            return Verdict::fail(&CRD_BROKEN, established.text().into_owned()).since(established.since());
        }
        None => return Verdict::progressing(&CRD_INSTALLING, "not established yet"),
    }
    let served = |version: &str| record.spec.versions.iter().any(|known| &*known.name == version && known.served);
    let verdict = Verdict::ok(&CRD_OK, "established");
    match status.stored_versions.iter().find(|version| !record.spec.versions.is_empty() && !served(version)) {
        Some(gone) => {
            verdict.and(Verdict::warn(&CRD_STORED, format!("objects may be stored in {gone}, which is not served")))
        }
        None => verdict,
    }
}

fn api_service(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Body::ApiService(record) = &object.body else {
        return Verdict::unknown(&precedence::OBJECT_UNREADABLE, "is no APIService");
    };
    let conditions = record.status.as_ref().map_or(&[][..], |status| &status.conditions);
    match find_condition(conditions, "Available") {
        Some(available) if available.is_true() => Verdict::ok(&API_OK, "available"),
        Some(available) => {
            let new = available
                .since()
                .is_none_or(|since| now.duration_since(since).as_secs() < related.limits.unschedulable_seconds);
            let text = available.text().into_owned();
            let verdict = if new { Verdict::progressing(&API_DOWN, text) } else { Verdict::fail(&API_DOWN, text) };
            let service = record.spec.service.as_ref();
            let verdict =
                service.into_iter().fold(verdict, |verdict, service| blame_service(verdict, service, related, now));
            verdict.since(available.since())
        }
        None => precedence::no_status(object, None, related, now),
    }
}

/// The service that an extension calls: missing, or without a ready endpoint.
fn is_down(service: &ServiceReference, related: &Related<'_>, now: Timestamp) -> Option<(ObjectRef, String)> {
    let reference = ObjectRef::new("", "Service", &service.namespace, &service.name);
    match related.inventory.find(&reference) {
        Lookup::Missing => Some((reference, format!("service {}/{} does not exist", service.namespace, service.name))),
        Lookup::Found(found) => {
            let verdict = super::assess(found, related, now);
            (verdict.level == Level::Fail)
                .then(|| (reference, format!("service {}/{}: {}", service.namespace, service.name, verdict.message)))
        }
        Lookup::Unread => None,
    }
}

fn blame_service(verdict: Verdict, service: &ServiceReference, related: &Related<'_>, now: Timestamp) -> Verdict {
    match is_down(service, related, now) {
        Some((reference, _)) => verdict.blame(reference),
        None => verdict,
    }
}

fn webhooks(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Body::Webhooks(record) = &object.body else {
        return Verdict::unknown(&precedence::OBJECT_UNREADABLE, "is no webhook configuration");
    };
    let mut verdict = Verdict::ok(&WEBHOOK_OK, crate::text::plural(record.webhooks.len(), "webhook"));
    for webhook in &record.webhooks {
        let Some((service, why)) =
            webhook.client_config.service.as_ref().and_then(|service| is_down(service, related, now))
        else {
            continue;
        };
        let blocks = webhook.failure_policy.as_ref().is_none_or(|policy| &**policy == "Fail");
        let asked: Vec<&str> =
            webhook.rules.iter().flat_map(|rule| &rule.resources).map(|name| name.as_str()).take(5).collect();
        let text = format!("{}: {why}; asked about {}", webhook.name, asked.join(", "));
        let finding = if blocks { Verdict::fail(&WEBHOOK_DOWN, text) } else { Verdict::warn(&WEBHOOK_IGNORED, text) };
        verdict = verdict.and(finding).blame(service);
    }
    verdict
}

fn namespace(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Body::Namespace(record) = &object.body else {
        return Verdict::unknown(&precedence::OBJECT_UNREADABLE, "is no namespace");
    };
    let _ = (related, now);
    if &*record.status.phase == "Terminating" {
        let why: Vec<String> = record
            .status
            .conditions
            .iter()
            .filter(|condition| condition.is_true())
            .map(|condition| condition.text().into_owned())
            .collect();
        return Verdict::progressing(&NAMESPACE_STUCK, format!("is being deleted; {}", why.join("; ")));
    }
    Verdict::ok(&NAMESPACE_OK, "active")
}

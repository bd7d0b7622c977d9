//! What extends the API server (CRDs, APIServices, webhooks), and namespaces that do not go away.

use super::table::Rule;
use super::{Related, precedence, service};
use crate::object::{
    Body, Condition, Definition, Lookup, Object, ObjectRef, ServiceReference, Webhook, find_condition,
};
use crate::report::{Level, Verdict, codes};
use crate::text;
use jiff::Timestamp;

codes! {
    CRD_ESTABLISHED = "crd-established", "The custom kind is served",
        "The API server has accepted the definition and serves its kind.",
        "Nothing to do.";
    CRD_INSTALLING = "crd-installing", "The custom kind is being installed",
        "The definition is new; the API server has not finished taking it in.",
        "Wait a few seconds.";
    CRD_REJECTED = "crd-rejected", "The custom kind is not served",
        "The API server does not serve the kind: its names collide with another definition's, or its schema is not a structural one.",
        "Read the condition's message; remove the definition that has the name, or install the version of the operator that fits this cluster.", Stuck 60;
    CRD_TERMINATING = "crd-terminating", "The custom kind is being deleted",
        "The definition was deleted and its objects go with it; the definition stays until the last one has gone.",
        "If it stays: look for objects of the kind that hold finalizers: `kubectl get KIND -A`.";
    CRD_STORED_VERSION = "crd-stored-version", "Objects are stored in a version that is not served",
        "status.storedVersions names a version that the definition no longer serves or no longer has. Objects in it cannot be read with the definition that drops it, and the upgrade that drops it is refused.",
        "Rewrite the objects in the storage version (`kubectl get KIND -A -o json | kubectl replace -f -`, or the storage version migrator), then remove the old version from status.storedVersions (`kubectl edit crd NAME --subresource=status`).";
    API_AVAILABLE = "apiservice-available", "The API is available",
        "The API server can reach what serves this API group version.",
        "Nothing to do.";
    API_UNAVAILABLE = "apiservice-unavailable", "The API is not available",
        "The API server cannot reach the Service that serves this API. Its objects cannot be read; clients that discover all APIs get slow or fail, and namespaces cannot be deleted.",
        "Look at the Service and the pods that are named; delete the APIService only when its server is gone for good.";
    WEBHOOK_REACHABLE = "webhook-reachable", "The webhooks can be called",
        "Every Service that the webhooks call exists and has a ready endpoint, as far as was read.",
        "Nothing to do.";
    WEBHOOK_BLOCKS = "webhook-blocks", "A webhook that nobody answers refuses requests",
        "The webhook's failurePolicy is Fail and its Service does not exist or has no ready endpoint: the API server refuses what the webhook should be asked about. Flux applies, Helm upgrades and restarts of pods fail.",
        "Bring the Service's pods back. If they cannot start because of this very webhook, exclude their namespace or set failurePolicy: Ignore for as long as it takes.";
    WEBHOOK_SKIPPED = "webhook-skipped", "A webhook that nobody answers is skipped",
        "The webhook's failurePolicy is Ignore and its Service does not exist or has no ready endpoint: requests pass without it, so defaults, sidecars or checks are missing.",
        "Bring the Service's pods back; objects made meanwhile may need to be made again.";
    NAMESPACE_ACTIVE = "namespace-active", "The namespace is active",
        "The namespace takes objects.",
        "Nothing to do.";
    NAMESPACE_TERMINATING = "namespace-terminating", "The namespace is being deleted",
        "The namespace's phase is Terminating: it takes no new objects.",
        "Read the conditions (`kubectl describe namespace NAME`): they name the content and the finalizers that remain.";
}

/// The rows of this family.
pub(super) const RULES: &[Rule] = &[
    Rule::new("apiextensions.k8s.io", "CustomResourceDefinition", definition),
    Rule::new("apiregistration.k8s.io", "APIService", api_service),
    Rule::new("admissionregistration.k8s.io", "ValidatingWebhookConfiguration", webhooks),
    Rule::new("admissionregistration.k8s.io", "MutatingWebhookConfiguration", webhooks),
    Rule::new("", "Namespace", namespace),
];

/// An extension API server that restarts is away for so long (seconds) without being broken.
const API_RESTART: i64 = 120;

fn unjudged() -> Verdict {
    Verdict::ok(&precedence::OK, "no state is reported")
}

/// Follows the conditions of `apiextensions-apiserver/pkg/controller/{status,establish,finalizer}`.
fn definition(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Body::Definition(definition) = &object.body else { return unjudged() };
    let conditions = definition.status.as_ref().map_or(&[][..], |status| &status.conditions);
    if conditions.is_empty() {
        return precedence::no_status(object, None, related, now);
    }
    let find = |name: &str| find_condition(conditions, name);
    if let Some(terminating) = find("Terminating").filter(|condition| condition.is_true()) {
        let since = terminating.since();
        let long = since.is_some_and(|since| now.duration_since(since).as_secs() > related.limits.terminating_seconds);
        let level = if long { Level::Fail } else { Level::Progressing };
        return Verdict::new(level, &CRD_TERMINATING, format!("is being deleted: {}", terminating.text())).since(since);
    }
    let rejected = |condition: &Condition| {
        Verdict::fail(&CRD_REJECTED, format!("{} is {}: {}", condition.r#type, condition.status, condition.text()))
            .since(condition.since())
    };
    if let Some(names) = find("NamesAccepted").filter(|condition| condition.is_false()) {
        return rejected(names);
    }
    if let Some(schema) = find("NonStructuralSchema").filter(|condition| condition.is_true()) {
        return rejected(schema);
    }
    match find("Established") {
        Some(established) if established.is_true() => stored_versions(definition),
        Some(established) if established.is_false() && &*established.reason != "Installing" => rejected(established),
        established => {
            let since = established.and_then(Condition::since).or(object.meta.creation_timestamp.get());
            Verdict::progressing(&CRD_INSTALLING, "is being installed").since(since)
        }
    }
}

fn stored_versions(definition: &Definition) -> Verdict {
    let served: Vec<&str> =
        definition.spec.versions.iter().filter(|version| version.served).map(|version| &*version.name).collect();
    let stored = definition.status.as_ref().map_or(&[][..], |status| &status.stored_versions);
    let lost: Vec<&str> = stored.iter().map(|version| &**version).filter(|version| !served.contains(version)).collect();
    if lost.is_empty() || served.is_empty() {
        return Verdict::ok(&CRD_ESTABLISHED, format!("serves {}", served.join(", ")));
    }
    Verdict::warn(
        &CRD_STORED_VERSION,
        format!("objects may be stored in {}, which is not served ({} is)", lost.join(", "), served.join(", ")),
    )
}

/// Whether an APIService says that it is available.
pub(super) fn is_available(object: &Object) -> bool {
    match &object.body {
        Body::ApiService(api) => api
            .status
            .as_ref()
            .and_then(|status| find_condition(&status.conditions, "Available"))
            .is_some_and(Condition::is_true),
        _ => false,
    }
}

/// Follows `kube-aggregator/pkg/controllers/status/remote/remote_available_controller.go`.
fn api_service(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Body::ApiService(api) = &object.body else { return unjudged() };
    let available = api.status.as_ref().and_then(|status| find_condition(&status.conditions, "Available"));
    let Some(available) = available else {
        return precedence::no_status(object, None, related, now);
    };
    if available.is_true() {
        return Verdict::ok(&API_AVAILABLE, "is available");
    }
    let since = available.since();
    let short = since.is_none_or(|since| now.duration_since(since).as_secs() <= API_RESTART);
    let level = if short { Level::Progressing } else { Level::Fail };
    let mut verdict =
        Verdict::new(level, &API_UNAVAILABLE, format!("is not available: {}", available.text())).since(since);
    if let Some(reference) = &api.spec.service
        && let Some((why, blamed)) = unreachable(reference, related)
    {
        verdict = verdict.evidence(why).blame(blamed);
    }
    verdict
}

/// Why a Service that an extension calls cannot answer, and the Service; `None` when it can, or
/// when nobody can tell.
fn unreachable(reference: &ServiceReference, related: &Related<'_>) -> Option<(String, ObjectRef)> {
    let target = ObjectRef::new("", "Service", &reference.namespace, &reference.name);
    let name = format!("Service {}/{}", reference.namespace, reference.name);
    match related.inventory.find(&target) {
        Lookup::Missing => Some((format!("{name} does not exist"), target)),
        Lookup::Unread => None,
        Lookup::Found(found) => {
            let Body::Service(service) = &found.body else { return None };
            let port = reference.port.unwrap_or(443);
            if !service.spec.ports.is_empty() && !service.spec.ports.iter().any(|known| known.port == port) {
                return Some((format!("{name} has no port {port}"), target));
            }
            let external = &*service.spec.r#type == "ExternalName";
            let nobody = !external && service::ready_endpoints(found, related) == Some(0);
            nobody.then(|| (format!("{name} has no ready endpoint"), target))
        }
    }
}

/// A webhook configuration that makes the API server refuse new objects of this resource, for
/// nobody answers it.
pub(super) fn refuses(group: &str, resource: &str, related: &Related<'_>) -> Option<ObjectRef> {
    let is_any =
        |words: &[crate::object::Sym], wanted: &str| words.iter().any(|word| &**word == "*" || &**word == wanted);
    let blocks = |webhook: &Webhook| {
        let about = webhook.rules.iter().any(|rule| {
            is_any(&rule.api_groups, group) && is_any(&rule.resources, resource) && is_any(&rule.operations, "CREATE")
        });
        let must = webhook.failure_policy.as_ref().is_none_or(|policy| &**policy != "Ignore");
        let service = webhook.client_config.service.as_ref();
        about && must && service.is_some_and(|reference| unreachable(reference, related).is_some())
    };
    let kinds = ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"];
    let mut all = kinds.iter().flat_map(|kind| related.inventory.of_kind("admissionregistration.k8s.io", kind));
    let found = all.find(|object| matches!(&object.body, Body::Webhooks(all) if all.webhooks.iter().any(blocks)));
    found.map(Object::reference)
}

/// What a webhook is asked about, in words: `CREATE, UPDATE of pods, deployments`.
fn asked_about(webhook: &Webhook) -> String {
    let (mut operations, mut resources) = (Vec::new(), Vec::new());
    for rule in &webhook.rules {
        for (from, into) in [(&rule.operations, &mut operations), (&rule.resources, &mut resources)] {
            for word in from {
                if !into.contains(&word.as_str()) {
                    into.push(word.as_str());
                }
            }
        }
    }
    let named = |words: &[&str], all: &str| {
        if words.contains(&"*") {
            all.to_owned()
        } else if words.len() > 6 {
            format!("{} and {} more", words[..5].join(", "), words.len() - 5)
        } else {
            words.join(", ")
        }
    };
    format!("{} of {}", named(&operations, "every request"), named(&resources, "all resources"))
}

fn webhooks(object: &Object, related: &Related<'_>, _: Timestamp) -> Verdict {
    let Body::Webhooks(all) = &object.body else { return unjudged() };
    let mut verdict = Verdict::ok(&WEBHOOK_REACHABLE, text::plural(all.webhooks.len(), "webhook"));
    let mut seen = Vec::new();
    for webhook in all.webhooks.iter().filter(|webhook| !webhook.rules.is_empty()) {
        let Some(reference) = &webhook.client_config.service else { continue };
        let Some((why, blamed)) = unreachable(reference, related) else { continue };
        let ignores = webhook.failure_policy.as_ref().is_some_and(|policy| &**policy == "Ignore");
        let about = asked_about(webhook);
        let key = (ignores, blamed.clone(), about.clone());
        // A chart may split one webhook into dozens that call one Service about the same things.
        if seen.contains(&key) {
            continue;
        }
        seen.push(key);
        let finding = if ignores {
            Verdict::warn(&WEBHOOK_SKIPPED, format!("{} is skipped on {about}: {why}", webhook.name))
        } else {
            Verdict::fail(&WEBHOOK_BLOCKS, format!("{} refuses {about}: {why}", webhook.name))
        };
        verdict = verdict.and(finding.blame(blamed));
    }
    verdict
}

/// Conditions of a namespace that say why it does not go (`pkg/controller/namespace/deletion`).
fn what_remains(object: &Object) -> Vec<&Condition> {
    let Body::Namespace(namespace) = &object.body else { return Vec::new() };
    namespace.status.conditions.iter().filter(|condition| condition.is_true()).collect()
}

/// Adds to the verdict of an object that is being deleted what its kind knows of the reasons.
pub(super) fn explain_deletion(object: &Object, mut verdict: Verdict, related: &Related<'_>) -> Verdict {
    let Body::Namespace(namespace) = &object.body else { return verdict };
    if !namespace.spec.finalizers.is_empty() {
        let names: Vec<&str> = namespace.spec.finalizers.iter().map(|name| &**name).collect();
        verdict = verdict.evidence(format!("spec.finalizers: {}", names.join(", ")));
    }
    for condition in what_remains(object) {
        verdict = verdict.evidence(format!("{}: {}", condition.r#type, condition.text()));
        // One API that does not answer keeps every namespace: its content cannot be listed.
        if &*condition.r#type == "NamespaceDeletionDiscoveryFailure" {
            let apis = related.inventory.of_kind("apiregistration.k8s.io", "APIService");
            for api in apis.iter().filter(|api| !is_available(api)).take(20) {
                verdict = verdict.blame(api.reference());
            }
        }
    }
    verdict
}

fn namespace(object: &Object, related: &Related<'_>, _: Timestamp) -> Verdict {
    let Body::Namespace(namespace) = &object.body else { return unjudged() };
    if &*namespace.status.phase == "Terminating" {
        let verdict = Verdict::progressing(&NAMESPACE_TERMINATING, "is being deleted");
        return explain_deletion(object, verdict, related);
    }
    Verdict::ok(&NAMESPACE_ACTIVE, "is active")
}

#[cfg(test)]
#[path = "extension_tests.rs"]
mod tests;

//! Pods that the API server refuses: what says so, and which quota, policy or webhook it is.

use super::workload::REPLICA_FAILURE;
use super::{Related, extension};
use crate::object::{Body, Lookup, Object, ObjectRef};
use crate::report::Verdict;
use jiff::Timestamp;

/// The finding about a controller whose pods are refused now, from its events; `counts` says how far
/// it has come. StatefulSets, DaemonSets and Jobs have no condition for it, only events, which they
/// repeat at least every quarter of an hour or so (the work queue's longest delay).
pub(super) fn of_pods(object: &Object, counts: &str, related: &Related<'_>, now: Timestamp) -> Option<Verdict> {
    let event = related.warning(object, &["FailedCreate"])?;
    let recent = event.last.seconds_before(now).is_some_and(|ago| ago <= 2 * related.limits.progress_seconds);
    recent.then(|| {
        let text = format!("{counts}: {}: {}", event.reason, &*event.message);
        explain(Verdict::fail(&REPLICA_FAILURE, text).since(event.last.get()), object, related)
    })
}

/// Blames the quota or webhook that the API server names in its refusal.
pub(super) fn explain(verdict: Verdict, object: &Object, related: &Related<'_>) -> Verdict {
    let message = verdict.message.to_string();
    // `exceeded quota: NAME, requested: …` (apiserver `plugin/pkg/admission/resourcequota`)
    if let Some(name) = message.split_once("exceeded quota: ").and_then(|(_, rest)| rest.split(',').next()) {
        let quota = ObjectRef::new("", "ResourceQuota", &object.meta.namespace, name.trim());
        if let Lookup::Found(found) = related.inventory.find(&quota) {
            return verdict.blame(found.reference());
        }
    }
    // `failed calling webhook "NAME": …` (apiserver `pkg/admission/plugin/webhook`)
    let Some((_, rest)) = message.split_once("failed calling webhook \"") else { return verdict };
    let Some((name, _)) = rest.split_once('"') else { return verdict };
    let kinds = ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"];
    let mut all = kinds.iter().flat_map(|kind| related.inventory.of_kind("admissionregistration.k8s.io", kind));
    let named = all.find(|configuration| {
        let Body::Webhooks(hooks) = &configuration.body else { return false };
        hooks.webhooks.iter().any(|hook| &*hook.name == name)
    });
    let named = named.map(Object::reference).or_else(|| extension::refuses("", "pods", related));
    match named {
        Some(configuration) => verdict.blame(configuration),
        None => verdict,
    }
}

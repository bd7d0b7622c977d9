//! What Flux's objects point to: sources, dependencies, inventories, webhooks.

use super::common::common;
use super::{CONTROL_PLANE, FLUX_DEPENDENCY, FLUX_INVENTORY, FLUX_SOURCE, FLUX_WEBHOOK, HELM_CHART, SOURCE};
use crate::health::{Related, assess};
use crate::object::{Body, Custom, Lookup, Object, ObjectRef};
use crate::ownership::inventory_ids;
use crate::report::{Level, Verdict};
use jiff::Timestamp;

pub(super) fn source_ref(reference: &serde_json::Value, default_kind: &str, object: &Object) -> ObjectRef {
    let text = |key: &str| reference.get(key).and_then(|value| value.as_str()).unwrap_or_default();
    let namespace = if text("namespace").is_empty() { &*object.meta.namespace } else { text("namespace") };
    let kind = if text("kind").is_empty() { default_kind } else { text("kind") };
    ObjectRef::new(SOURCE, kind, namespace, text("name"))
}

/// Blames what an object is made from or waits for: when it is missing, when it is at least as ill, and
/// when the finding is about it. A new source does not explain why a Helm action failed.
pub(super) fn blame_if_unwell(
    verdict: Verdict,
    reference: ObjectRef,
    related: &Related<'_>,
    now: Timestamp,
) -> Verdict {
    let about_others = [&FLUX_SOURCE, &FLUX_DEPENDENCY, &HELM_CHART].iter().any(|code| code.id == verdict.code.id);
    match related.inventory.find(&reference) {
        Lookup::Missing => verdict.blame(reference),
        Lookup::Found(object) => {
            let level = assess_shallow(object, related, now).level;
            let explains = level > Level::Ok && (about_others || level >= verdict.level);
            if explains { verdict.blame(reference) } else { verdict }
        }
        Lookup::Unread => verdict,
    }
}

pub(super) fn blame_dependencies(
    mut verdict: Verdict,
    object: &Object,
    custom: &Custom,
    related: &Related<'_>,
    now: Timestamp,
) -> Verdict {
    for dependency in custom.spec_list("/dependsOn") {
        let mut reference = source_ref(dependency, &object.ty.kind, object);
        reference.group = object.ty.group.clone();
        reference.kind = object.ty.kind.clone();
        verdict = blame_if_unwell(verdict, reference, related, now);
    }
    verdict
}

/// The verdict of an object of an inventory; for Flux's own kinds only what they say themselves,
/// since their inventories may hold each other.
pub(super) fn assess_shallow(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    if object.ty.group.ends_with("toolkit.fluxcd.io") || &*object.ty.group == CONTROL_PLANE {
        common(object, related, now)
    } else {
        assess(object, related, now)
    }
}

pub(super) fn verdict_of_inventory(
    verdict: Verdict,
    custom: &Custom,
    related: &Related<'_>,
    now: Timestamp,
) -> Verdict {
    let (mut total, mut unwell) = (0_usize, Vec::new());
    for id in inventory_ids(custom) {
        total += 1;
        match related.inventory.find(&id) {
            Lookup::Found(object) if assess_shallow(object, related, now).level == Level::Fail => unwell.push(id),
            Lookup::Missing if related.inventory.is_complete() => unwell.push(id),
            _ => {}
        }
    }
    if unwell.is_empty() {
        return verdict;
    }
    let names: Vec<String> = unwell.iter().take(3).map(ToString::to_string).collect();
    let text =
        format!("Ready means applied only: {} of {total} objects are not healthy ({})", unwell.len(), names.join(", "));
    let finding = unwell.into_iter().fold(Verdict::warn(&FLUX_INVENTORY, text), Verdict::blame);
    let blames = finding.blames.clone();
    blames.into_iter().fold(verdict.and(finding), Verdict::blame)
}

/// A webhook configuration that refuses requests now, when the API server says that it reached none.
pub(super) fn blame_webhook(verdict: Verdict, related: &Related<'_>, now: Timestamp) -> Verdict {
    if verdict.code.id != FLUX_WEBHOOK.id {
        return verdict;
    }
    let kinds = ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"];
    let mut all = kinds.iter().flat_map(|kind| related.inventory.of_kind("admissionregistration.k8s.io", kind));
    let named = all.find(|object| {
        // The message quotes the webhook's name: `failed calling webhook "mutate.example.com"`.
        let Body::Webhooks(hooks) = &object.body else { return false };
        let is_named = hooks.webhooks.iter().any(|hook| verdict.message.contains(&format!("\"{}\"", hook.name)));
        is_named && assess(object, related, now).level > Level::Ok
    });
    match named {
        Some(configuration) => verdict.blame(configuration.reference()),
        None => verdict,
    }
}

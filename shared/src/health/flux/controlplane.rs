//! The Flux Operator's kinds: what a FluxInstance or ResourceSet applied, and what it waits for.

use super::common::common;
use super::relations::{blame_if_unwell, verdict_of_inventory};
use crate::health::Related;
use crate::object::{Custom, Object, ObjectRef};
use crate::report::{Level, Verdict};
use jiff::Timestamp;
use serde_json::Value;

/// The verdict of a FluxInstance or ResourceSet (`controlplaneio-fluxcd/flux-operator`, `api/v1`). Both keep an
/// inventory in the form of a Kustomization's. An instance waits for what it applied unless it is told not
/// to; a set only when it is told to.
pub(super) fn applier(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let verdict = common(object, related, now);
    let Some(custom) = object.custom() else { return verdict };
    match verdict.level {
        Level::Ok if waits(object, custom) => verdict,
        Level::Ok => verdict_of_inventory(verdict, custom, related, now),
        Level::Suspended => verdict,
        _ => {
            dependencies(custom).fold(verdict, |verdict, dependency| blame_if_unwell(verdict, dependency, related, now))
        }
    }
}

fn waits(object: &Object, custom: &Custom) -> bool {
    let default = &*object.ty.kind == "FluxInstance";
    custom.spec_at("/wait").and_then(Value::as_bool).unwrap_or(default)
}

/// `spec.dependsOn` names objects of any kind.
fn dependencies(custom: &Custom) -> impl Iterator<Item = ObjectRef> + '_ {
    custom.spec_list("/dependsOn").iter().take(50).filter_map(|entry| {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
        let group = text("apiVersion").split_once('/').map_or("", |(group, _)| group);
        let (kind, name) = (text("kind"), text("name"));
        // The operator looks it up as it is written: without a namespace it is cluster-scoped.
        (!kind.is_empty() && !name.is_empty()).then(|| ObjectRef::new(group, kind, text("namespace"), name))
    })
}

//! For tests of rules: an inventory from YAML, and the verdict of an object in it.

use super::{Related, assess};
use crate::object::{Inventory, InventoryBuilder, Scope, Section, SectionState, decode_object};
use crate::platform::Thresholds;
use crate::report::{Level, Verdict};
use jiff::Timestamp;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The instant that tests judge at, unless they say otherwise.
pub(crate) const NOW: &str = "2026-11-20T03:00:00Z";

/// An inventory of the objects of a YAML stream; a kind that occurs counts as read.
pub(crate) fn inventory(yaml: &str) -> Inventory {
    let mut builder = InventoryBuilder::new(Scope::Cluster, false);
    let mut kinds: BTreeMap<(String, String), usize> = BTreeMap::new();
    let options = serde_saphyr::options! { strict_booleans: true };
    let values: Vec<serde_json::Value> = serde_saphyr::from_multiple_with_options(yaml, options).expect("YAML");
    for value in values {
        let raw = RawValue::from_string(value.to_string()).expect("JSON");
        let decoded = decode_object(&raw).expect("an object with kind and apiVersion");
        if let crate::object::Decoded::Object(object) = &decoded {
            *kinds.entry((object.ty.group.to_string(), object.ty.kind.to_string())).or_default() += 1;
        }
        builder.push(decoded);
    }
    for ((group, kind), count) in kinds {
        builder.section(Section {
            group: group.as_str().into(),
            kind: kind.as_str().into(),
            resource: "".into(),
            state: SectionState::Read(count),
        });
    }
    builder.finish()
}

/// The verdict of the object `kind`/`name` in a YAML stream, at [`NOW`].
pub(crate) fn judge(yaml: &str, kind: &str, name: &str) -> Verdict {
    judge_at(yaml, kind, name, NOW)
}

/// The verdict of the object `kind`/`name` in a YAML stream, at `now`.
pub(crate) fn judge_at(yaml: &str, kind: &str, name: &str, now: &str) -> Verdict {
    let inventory = inventory(yaml);
    let limits = Thresholds::default();
    let related = Related { inventory: &inventory, limits: &limits };
    let now: Timestamp = now.parse().expect("time");
    let object = inventory
        .objects()
        .iter()
        .find(|object| &*object.ty.kind == kind && &*object.meta.name == name)
        .expect("the object is in the YAML");
    assess(object, &related, now)
}

/// Asserts level and code of an object in a YAML stream.
#[track_caller]
pub(crate) fn expect(yaml: &str, kind: &str, name: &str, level: Level, code: &str) {
    let verdict = judge(yaml, kind, name);
    assert_eq!((verdict.level, verdict.code.id), (level, code), "{kind}/{name}: {}", verdict.message);
}

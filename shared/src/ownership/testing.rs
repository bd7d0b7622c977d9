//! For tests: an inventory from YAML, and one object of it with its JSON.

use super::{Change, FieldPath, Live, Managers, Outcome, describe, predict};
use crate::object::{Decoded, Inventory, InventoryBuilder, Object, Scope, Section, SectionState, decode_object};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// A view of a whole cluster that holds these objects; kinds that occur, and those of managers, count as read.
pub(super) struct World {
    values: Vec<Value>,
    pub(super) inventory: Inventory,
}

impl World {
    pub(super) fn new(yaml: &str) -> Self {
        let options = serde_saphyr::options! { strict_booleans: true };
        let values: Vec<Value> = serde_saphyr::from_multiple_with_options(yaml, options).expect("YAML");
        let mut builder = InventoryBuilder::new(Scope::Cluster, true);
        let mut kinds: BTreeMap<(String, String), usize> = BTreeMap::new();
        for kind in [("kustomize.toolkit.fluxcd.io", "Kustomization"), ("helm.toolkit.fluxcd.io", "HelmRelease")] {
            kinds.insert((kind.0.to_owned(), kind.1.to_owned()), 0);
        }
        for value in &values {
            let raw = RawValue::from_string(value.to_string()).expect("JSON");
            let decoded = decode_object(&raw).expect("an object");
            if let Decoded::Object(object) = &decoded {
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
        Self { values, inventory: builder.finish() }
    }

    #[track_caller]
    pub(super) fn object(&self, kind: &str, name: &str) -> &Object {
        let mut all = self.inventory.objects().iter();
        all.find(|object| &*object.ty.kind == kind && &*object.meta.name == name).expect("the object is in the YAML")
    }

    /// The line about an object; empty when nothing manages it.
    #[track_caller]
    pub(super) fn line(&self, kind: &str, name: &str) -> String {
        let chain = Managers::new(&self.inventory).of(self.object(kind, name));
        describe(&chain, &self.inventory).unwrap_or_default()
    }

    /// The chain as `manager proof` of each link.
    #[track_caller]
    pub(super) fn chain(&self, kind: &str, name: &str) -> Vec<String> {
        let chain = Managers::new(&self.inventory).of(self.object(kind, name));
        chain.links.iter().map(|link| format!("{} {}", link.object, link.proof.word())).collect()
    }

    /// What becomes of a change of a field by a manager.
    #[track_caller]
    pub(super) fn outcome(&self, kind: &str, name: &str, path: &str, manager: &str) -> Outcome {
        let object = self.object(kind, name);
        let is_it = |value: &&Value| value["kind"] == kind && value["metadata"]["name"] == name;
        let json = self.values.iter().find(is_it).expect("its JSON");
        let path = FieldPath::parse(path).expect("a path");
        predict(Change { path: &path, manager }, &Live::new(object, json), &Managers::new(&self.inventory))
    }
}

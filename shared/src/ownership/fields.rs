//! Who sets a field: `metadata.managedFields` of one object, as a pure input.
//!
//! `fieldsV1` is a tree whose keys are `f:NAME` for a field, `k:{…}` for an item of a list by its keys, `v:VALUE` for a
//! member of a set, `i:N` for an item by position, and `.` for the node itself (structured-merge-diff, `fieldpath`).

use super::path::{FieldPath, Step, is_text};
use super::setters::{Setter, setter};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

/// An object with its managedFields is no larger: etcd refuses more than 1.5 MiB a request by default.
const MOST_BYTES: usize = 8 << 20;
/// Entries that are read; the API server folds older updates of subresources together above ten.
const MOST_ENTRIES: usize = 256;

/// One entry of managedFields.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Entry {
    manager: String,
    operation: String,
    subresource: String,
    time: Option<String>,
    #[serde(rename = "fieldsV1")]
    fields: Map<String, Value>,
}

/// The managers of one object's fields.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    entries: Vec<Entry>,
}

/// Somebody who sets a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldOwner {
    /// The field manager's name.
    pub manager: String,
    /// Who stands behind it.
    pub setter: Setter,
    /// Whether it applies (server-side apply) or updates.
    pub applies: bool,
    /// The subresource that it writes through: `scale`, `status`; empty for the object itself.
    pub subresource: String,
    /// When it last changed something, of all that it sets.
    pub time: Option<Timestamp>,
    /// Whether it sets this very field, or one that holds it as a whole; otherwise only some fields below it.
    pub is_whole: bool,
}

impl Fields {
    /// From an object's JSON.
    ///
    /// # Errors
    /// When it is larger than 8 MiB, or no JSON: the reason, as a lower-case fragment.
    pub fn parse(json: &str) -> Result<Self, String> {
        if json.len() > MOST_BYTES {
            return Err(format!("larger than {} MiB", MOST_BYTES >> 20));
        }
        let object: Value = serde_json::from_str(json).map_err(|error| error.to_string())?;
        Ok(Self::of(&object))
    }

    /// From an object; without managedFields (a manifest, or output that leaves them out) there are no managers.
    pub fn of(object: &Value) -> Self {
        let entries =
            object.pointer("/metadata/managedFields").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        // An entry of another shape tells nothing; the others do.
        let read = entries.iter().take(MOST_ENTRIES).filter_map(|entry| Entry::deserialize(entry).ok());
        Self { entries: read.collect() }
    }

    /// Whether nothing is known of any field: then nobody's absence proves anything.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Who sets the field, those who set it as a whole first, and the latest first among equals.
    pub fn owners(&self, path: &FieldPath) -> Vec<FieldOwner> {
        let mut owners: Vec<FieldOwner> = self
            .entries
            .iter()
            .filter_map(|entry| {
                let is_whole = owns(&entry.fields, path.steps())?;
                Some(FieldOwner {
                    setter: setter(&entry.manager),
                    manager: entry.manager.clone(),
                    applies: entry.operation == "Apply",
                    subresource: entry.subresource.clone(),
                    time: entry.time.as_deref().and_then(|time| time.parse().ok()),
                    is_whole,
                })
            })
            .collect();
        owners.sort_by_key(|owner| (!owner.is_whole, std::cmp::Reverse(owner.time)));
        owners
    }

    /// People who changed the object, the latest first: manager and time.
    pub fn people(&self) -> Vec<(&str, Option<Timestamp>)> {
        let entries = self.entries.iter().filter(|entry| setter(&entry.manager) == Setter::Person);
        let mut people: Vec<(&str, Option<Timestamp>)> = entries
            .map(|entry| (entry.manager.as_str(), entry.time.as_deref().and_then(|time| time.parse().ok())))
            .collect();
        people.sort_by_key(|(_, time)| std::cmp::Reverse(*time));
        people
    }
}

/// Whether a tree owns a path: as a whole, or some of what lies below; `None` when neither.
fn owns(tree: &Map<String, Value>, steps: &[Step]) -> Option<bool> {
    let Some((step, rest)) = steps.split_first() else {
        // A leaf, or a node with the mark of the node itself and nothing that others could hold below it.
        return Some(tree.is_empty() || tree.contains_key("."));
    };
    // A leaf on the way: the field was set as one value, with all that it holds.
    if tree.is_empty() {
        return Some(true);
    }
    let child = tree.iter().find_map(|(key, child)| is_step(key, step).then(|| child.as_object()).flatten())?;
    owns(child, rest)
}

fn is_step(key: &str, step: &Step) -> bool {
    let Some((tag, text)) = key.split_once(':') else { return false };
    match (tag, step) {
        ("f", Step::Field(name)) => text == name,
        ("f", Step::Member(name)) => text == name,
        ("v", Step::Member(member)) => serde_json::from_str::<Value>(text).is_ok_and(|value| is_text(&value, member)),
        ("i", Step::Index(index)) => text.parse() == Ok(*index),
        ("k", Step::Item(wanted)) => serde_json::from_str::<Map<String, Value>>(text).is_ok_and(|keys| {
            // Keys that the path leaves out have their defaults (protocol: TCP) or are not needed.
            wanted.iter().all(|(name, value)| keys.get(name).is_some_and(|known| is_text(known, value)))
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OBJECT: &str = r#"{"metadata": {"managedFields": [
        {"manager": "kustomize-controller", "operation": "Apply", "time": "2026-11-01T00:00:00Z",
         "fieldsV1": {"f:metadata": {"f:finalizers": {"v:\"x/y\"": {}}, "f:annotations": {"f:a.b/c": {}}},
           "f:spec": {"f:replicas": {}, "f:selector": {}, "f:list": {"i:1": {}},
             "f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"main\"}": {".": {}, "f:image": {}, "f:name": {}}}}},
             "f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}}}}},
        {"manager": "kubectl-scale", "operation": "Update", "subresource": "scale", "time": "2026-11-02T00:00:00Z",
         "fieldsV1": {"f:spec": {"f:replicas": {}}}},
        {"manager": "broken", "fieldsV1": 7}, 7]}}"#;

    fn managers(path: &str) -> Vec<String> {
        let fields = Fields::parse(OBJECT).expect("fields");
        let owners = fields.owners(&FieldPath::parse(path).expect(path));
        owners.into_iter().map(|owner| format!("{}{}", owner.manager, if owner.is_whole { "" } else { "?" })).collect()
    }

    #[test]
    fn owners_are_found_by_every_kind_of_step() {
        assert_eq!(managers(".spec.replicas"), ["kubectl-scale", "kustomize-controller"]);
        assert_eq!(managers(".spec.template.spec.containers[name=main].image"), ["kustomize-controller"]);
        assert!(managers(".spec.template.spec.containers[name=side].image").is_empty());
        assert!(managers(".spec.template.spec.containers[name=main].resources").is_empty());
        assert_eq!(managers(".spec.ports[port=80].port"), ["kustomize-controller"]);
        assert_eq!(managers(".metadata.finalizers[\"x/y\"]"), ["kustomize-controller"]);
        assert_eq!(managers(".metadata.annotations[\"a.b/c\"]"), ["kustomize-controller"]);
        assert_eq!(managers(".spec.list[1]"), ["kustomize-controller"]);
        // Set as one value: all that is below goes with it.
        assert_eq!(managers(".spec.selector.matchLabels.app"), ["kustomize-controller"]);
        // Only something below.
        assert_eq!(managers(".spec.template"), ["kustomize-controller?"]);
        assert!(managers(".spec.paused").is_empty());
    }

    #[test]
    fn people_are_known_with_their_time() {
        let fields = Fields::parse(OBJECT).expect("fields");
        assert_eq!(fields.people(), [("kubectl-scale", "2026-11-02T00:00:00Z".parse().ok())]);
        let owner = fields.owners(&FieldPath::parse(".spec.replicas").expect("path")).remove(0);
        assert_eq!((owner.subresource.as_str(), owner.applies, owner.setter), ("scale", false, Setter::Person));
    }

    #[test]
    fn what_is_too_large_or_broken_is_refused() {
        assert!(Fields::parse(&" ".repeat(MOST_BYTES + 1)).is_err());
        assert!(Fields::parse("{").is_err());
        assert!(Fields::parse("[]").expect("no object").is_empty());
    }

    proptest! {
        #[test]
        fn no_tree_panics(key in "[fkvi]:[\\{\\}\":a0]{0,12}", path in "\\.a\\[(name=a|0|\"a\")\\]") {
            let tree = serde_json::json!({"metadata": {"managedFields": [{"fieldsV1": {"f:a": {key: {}}}}]}});
            let _ = Fields::of(&tree).owners(&FieldPath::parse(&path).expect("path"));
        }
    }
}

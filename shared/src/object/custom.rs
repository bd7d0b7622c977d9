//! Kinds without a record of their own: spec and status as bounded JSON.

use super::condition::Condition;
use super::condition::MESSAGE_LENGTH;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::cell::Cell;
use std::fmt;

/// Spec and status of an object, with what is too deep, too long or too much cut away.
#[derive(Debug, Default, Clone)]
pub struct Custom {
    /// `spec`; null when absent.
    pub spec: Value,
    /// `status`; null when absent.
    pub status: Value,
    /// Whether the object has a status at all, an empty one included.
    pub has_status: bool,
}

/// Bounds for one object. They are far above what controllers write; what is cut is data, not state.
const DEPTH: usize = 24;
const NODES: usize = 20_000;
const LIST: usize = 5_000;

impl Custom {
    /// The value at a JSON pointer below `status`: `/conditions/0/type`.
    pub fn status_at(&self, pointer: &str) -> Option<&Value> {
        self.status.pointer(pointer).filter(|value| !value.is_null())
    }

    /// The text at a JSON pointer below `status`; empty when absent or no text.
    pub fn status_text(&self, pointer: &str) -> &str {
        self.status.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// The whole number at a JSON pointer below `status`.
    pub fn status_number(&self, pointer: &str) -> Option<i64> {
        self.status.pointer(pointer).and_then(Value::as_i64)
    }

    /// The list at a JSON pointer below `status`; empty when absent.
    pub fn status_list(&self, pointer: &str) -> &[Value] {
        self.status.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The value at a JSON pointer below `spec`.
    pub fn spec_at(&self, pointer: &str) -> Option<&Value> {
        self.spec.pointer(pointer).filter(|value| !value.is_null())
    }

    /// The text at a JSON pointer below `spec`; empty when absent or no text.
    pub fn spec_text(&self, pointer: &str) -> &str {
        self.spec.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// The whole number at a JSON pointer below `spec`.
    pub fn spec_number(&self, pointer: &str) -> Option<i64> {
        self.spec.pointer(pointer).and_then(Value::as_i64)
    }

    /// The list at a JSON pointer below `spec`; empty when absent.
    pub fn spec_list(&self, pointer: &str) -> &[Value] {
        self.spec.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// Whether the value at a JSON pointer below `spec` is `true`.
    pub fn spec_true(&self, pointer: &str) -> bool {
        self.spec.pointer(pointer).and_then(Value::as_bool).unwrap_or(false)
    }

    /// `status.conditions`, entries that are none left out.
    pub fn conditions(&self) -> Vec<Condition> {
        self.conditions_at("/conditions")
    }

    /// A list of conditions elsewhere in the status.
    pub fn conditions_at(&self, pointer: &str) -> Vec<Condition> {
        self.status_list(pointer).iter().filter_map(condition).collect()
    }

    /// How many entries of `status.conditions` are no conditions; 1 when it is no list at all.
    pub fn unreadable_conditions(&self) -> usize {
        match self.status_at("/conditions") {
            None => 0,
            Some(Value::Array(entries)) => entries.iter().filter(|entry| condition(entry).is_none()).count(),
            Some(_) => 1,
        }
    }

    /// `status.observedGeneration`
    pub fn observed_generation(&self) -> Option<i64> {
        self.status_number("/observedGeneration")
    }
}

/// A condition from its entry. A field of another type than the convention has (`status: true`, a list for
/// a reason) does not take the others along: what the entry says of health still counts.
fn condition(entry: &Value) -> Option<Condition> {
    // Records read numbers as words; here a number is neither a type nor a status.
    let is_number = |key: &str| entry.get(key).is_some_and(Value::is_number);
    if is_number("type") || is_number("status") {
        return None;
    }
    if let Ok(condition) = Condition::deserialize(entry) {
        return Some(condition);
    }
    let fields = entry.as_object()?;
    let kind = fields.get("type")?.as_str()?;
    let status = match fields.get("status")? {
        Value::String(text) => text.as_str(),
        Value::Bool(true) => "True",
        Value::Bool(false) => "False",
        _ => return None,
    };
    let mut plain = Map::new();
    plain.insert("type".to_owned(), kind.into());
    plain.insert("status".to_owned(), status.into());
    for key in ["reason", "message", "lastTransitionTime", "lastUpdateTime"] {
        if let Some(text) = fields.get(key).and_then(Value::as_str) {
            plain.insert(key.to_owned(), text.into());
        }
    }
    if let Some(seen) = fields.get("observedGeneration").and_then(Value::as_i64) {
        plain.insert("observedGeneration".to_owned(), seen.into());
    }
    Condition::deserialize(Value::Object(plain)).ok()
}

/// A JSON value read within bounds.
#[derive(Debug, Default, Clone)]
pub(super) struct Bounded(pub(super) Value);

impl<'de> Deserialize<'de> for Bounded {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let nodes = Cell::new(NODES);
        Seed { depth: DEPTH, nodes: &nodes }.deserialize(input).map(Bounded)
    }
}

#[derive(Clone, Copy)]
struct Seed<'a> {
    depth: usize,
    nodes: &'a Cell<usize>,
}

impl Seed<'_> {
    /// Whether there is room for one value more; takes it.
    fn take(self) -> bool {
        let left = self.nodes.get();
        self.nodes.set(left.saturating_sub(1));
        left > 0 && self.depth > 0
    }

    fn deeper(self) -> Self {
        Self { depth: self.depth.saturating_sub(1), nodes: self.nodes }
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Value, D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;
    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, input: D) -> Result<Value, D::Error> {
        input.deserialize_any(self)
    }
    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        if text.len() <= MESSAGE_LENGTH {
            return Ok(Value::String(text.to_owned()));
        }
        Ok(Value::String(text.chars().take(MESSAGE_LENGTH).collect()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut out = Vec::new();
        if self.take() {
            while out.len() < LIST && self.nodes.get() > 0 {
                match list.next_element_seed(self.deeper())? {
                    Some(value) => out.push(value),
                    None => return Ok(Value::Array(out)),
                }
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Array(out))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut out = Map::new();
        let room = self.take();
        while let Some(key) = map.next_key::<String>()? {
            if room && self.nodes.get() > 0 {
                self.nodes.set(self.nodes.get().saturating_sub(1));
                out.insert(key, map.next_value_seed(self.deeper())?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Value::Object(out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn conditions_of_odd_shapes_are_read_as_far_as_they_go() {
        let conditions = json!([
            {"type": "Ready", "status": false, "reason": ["x"], "message": {"a": 1}, "lastTransitionTime": 5},
            {"type": "Synced", "status": "True", "observedGeneration": "many"},
            {"type": 1, "status": "True"},
            {"type": "Ready", "status": 7},
            "Ready",
            null
        ]);
        let custom = Custom { status: json!({ "conditions": conditions }), has_status: true, ..Custom::default() };
        let read = custom.conditions();
        assert_eq!(read.len(), 2);
        assert!(read[0].is_false() && read[1].is_true());
        assert_eq!(custom.unreadable_conditions(), 4);
        let none = Custom { status: json!({"conditions": "Ready"}), has_status: true, ..Custom::default() };
        assert_eq!((none.conditions().len(), none.unreadable_conditions()), (0, 1));
    }

    #[test]
    fn deep_and_long_values_are_cut() {
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        let Bounded(value) = serde_json::from_str(&deep).expect("parsed");
        assert!(value.to_string().len() < 60);
        let long = format!("\"{}\"", "x".repeat(100_000));
        let Bounded(value) = serde_json::from_str(&long).expect("parsed");
        assert_eq!(value.as_str().map(str::len), Some(MESSAGE_LENGTH));
        let wide = format!("[{}1]", "1,".repeat(100_000));
        let Bounded(value) = serde_json::from_str(&wide).expect("parsed");
        assert_eq!(value.as_array().map(Vec::len), Some(LIST));
    }
}

//! The path of a field: `.spec.replicas`, `.spec.template.spec.containers[name=main].image`, `.metadata.finalizers["x"]`.

use serde_json::Value;
use std::fmt;

/// One step of a path.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A field of an object, or a key of a map.
    Field(String),
    /// The item of a list whose keys have these values.
    Item(Vec<(String, String)>),
    /// The item of a set.
    Member(String),
    /// The item at this position of a list without keys.
    Index(usize),
}

/// Where a field is in an object.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldPath(Vec<Step>);

/// No path is longer.
const STEPS: usize = 64;

impl FieldPath {
    /// Reads a path. A field whose name is no plain word stands in `["…"]` after another field, as in
    /// `.metadata.annotations["a.b/c"]`; so does a member of a set, and which of the two it is the object tells.
    ///
    /// # Errors
    /// When it is no path: the reason, as a lower-case fragment.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut steps = Vec::new();
        let mut rest = text.strip_prefix('.').unwrap_or(text);
        let mut expects_field = true;
        while !rest.is_empty() {
            if steps.len() >= STEPS {
                return Err(format!("more than {STEPS} steps"));
            }
            if let Some(inner) = rest.strip_prefix('[') {
                let (step, after) = bracket(inner)?;
                steps.push(step);
                rest = after;
                expects_field = false;
            } else if let (false, Some(after)) = (expects_field, rest.strip_prefix('.')) {
                rest = after;
                expects_field = true;
                if rest.is_empty() {
                    return Err("ends with a dot".to_owned());
                }
            } else if expects_field {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                if end == 0 {
                    return Err("an empty field name".to_owned());
                }
                steps.push(Step::Field(rest[..end].to_owned()));
                rest = &rest[end..];
                expects_field = false;
            } else {
                return Err(format!("expected . or [ before {:?}", crate::text::truncate(rest, 20)));
            }
        }
        if steps.is_empty() { Err("an empty path".to_owned()) } else { Ok(Self(steps)) }
    }

    /// The steps.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The value there.
    pub fn value<'v>(&self, object: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(object, |value, step| match step {
            Step::Field(name) => value.get(name),
            Step::Item(keys) => value.as_array()?.iter().find(|item| has_keys(item, keys)),
            Step::Member(member) => match value {
                Value::Array(items) => items.iter().find(|item| item.as_str() == Some(member)),
                other => other.get(member),
            },
            Step::Index(index) => value.get(index),
        })
    }

    /// Whether it is `prefix`, or lies below it; `*` stands for any one field.
    pub(super) fn is_within(&self, prefix: &[&str]) -> bool {
        let fields = |step: &Step, name: &&str| match step {
            Step::Field(field) | Step::Member(field) => *name == "*" || field == name,
            _ => *name == "*",
        };
        self.0.len() >= prefix.len() && self.0.iter().zip(prefix).all(|(step, name)| fields(step, name))
    }

    /// The JSON pointer of the same field in this object; `None` where it has no such item.
    pub(super) fn pointer(&self, object: &Value) -> Option<String> {
        let mut pointer = String::new();
        let mut current = Some(object);
        for step in &self.0 {
            let token = match step {
                Step::Field(name) => name.clone(),
                Step::Index(index) => index.to_string(),
                Step::Item(keys) => current?.as_array()?.iter().position(|item| has_keys(item, keys))?.to_string(),
                Step::Member(member) => match current {
                    Some(Value::Array(items)) => {
                        items.iter().position(|item| item.as_str() == Some(member))?.to_string()
                    }
                    _ => member.clone(),
                },
            };
            current = current.and_then(|value| match value {
                Value::Array(items) => items.get(token.parse::<usize>().ok()?),
                other => other.get(&token),
            });
            pointer.push('/');
            pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
        }
        Some(pointer)
    }
}

/// Whether an item has these keys, values compared as text.
pub(super) fn has_keys(item: &Value, keys: &[(String, String)]) -> bool {
    keys.iter().all(|(key, wanted)| item.get(key).is_some_and(|value| is_text(value, wanted)))
}

/// Whether a scalar reads as `text`.
pub(super) fn is_text(value: &Value, text: &str) -> bool {
    match value {
        Value::String(value) => value == text,
        Value::Number(value) => value.to_string() == text,
        Value::Bool(value) => text == if *value { "true" } else { "false" },
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

fn bracket(inner: &str) -> Result<(Step, &str), String> {
    if let Some(quoted) = inner.strip_prefix('"') {
        let (name, rest) = quoted.split_once("\"]").ok_or("a [\" without \"]")?;
        return Ok((Step::Member(name.to_owned()), rest));
    }
    let (body, rest) = inner.split_once(']').ok_or("a [ without ]")?;
    if let Ok(index) = body.parse() {
        return Ok((Step::Index(index), rest));
    }
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=').filter(|(key, _)| !key.is_empty())?;
        Some((key.to_owned(), value.to_owned()))
    };
    let keys: Option<Vec<_>> = body.split(',').map(pair).collect();
    let keys =
        keys.ok_or_else(|| format!("[{}] is neither a position nor KEY=VALUE", crate::text::truncate(body, 40)))?;
    Ok((Step::Item(keys), rest))
}

impl fmt::Display for FieldPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.0 {
            match step {
                Step::Field(name) => write!(out, ".{name}")?,
                Step::Member(name) => write!(out, "[\"{name}\"]")?,
                Step::Index(index) => write!(out, "[{index}]")?,
                Step::Item(keys) => {
                    let keys: Vec<_> = keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
                    write!(out, "[{}]", keys.join(","))?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn paths_are_read_and_printed_the_same() {
        for path in [
            ".spec.replicas",
            ".spec.template.spec.containers[name=main].image",
            ".spec.ports[containerPort=80,protocol=TCP].name",
            ".metadata.annotations[\"a.b/c\"]",
            ".spec.list[0][1].x",
        ] {
            assert_eq!(FieldPath::parse(path).map(|path| path.to_string()), Ok(path.to_owned()));
        }
        assert_eq!(FieldPath::parse("spec.replicas"), FieldPath::parse(".spec.replicas"));
        for wrong in ["", ".", "..", ".a.", ".a..b", ".a[", ".a[x]", ".a[=x]", ".a[\"x", ".a[0]b"] {
            assert!(FieldPath::parse(wrong).is_err(), "{wrong}");
        }
        assert!(FieldPath::parse(&".a".repeat(100)).is_err());
    }

    #[test]
    fn values_are_found() {
        let object = json!({"spec": {"containers": [{"name": "a"}, {"name": "b", "port": 80}], "set": ["x", "y"],
            "map": {"k/v": 1}}});
        let at = |path: &str| FieldPath::parse(path).expect(path).value(&object).cloned();
        assert_eq!(at(".spec.containers[name=b].port"), Some(json!(80)));
        assert_eq!(at(".spec.containers[port=80].name"), Some(json!("b")));
        assert_eq!(at(".spec.containers[1].name"), Some(json!("b")));
        assert_eq!(at(".spec.set[\"y\"]"), Some(json!("y")));
        assert_eq!(at(".spec.map[\"k/v\"]"), Some(json!(1)));
        assert_eq!(at(".spec.containers[name=c]"), None);
        let pointer = |path: &str| FieldPath::parse(path).expect(path).pointer(&object);
        assert_eq!(pointer(".spec.containers[name=b].image").as_deref(), Some("/spec/containers/1/image"));
        assert_eq!(pointer(".spec.map[\"k/v\"]").as_deref(), Some("/spec/map/k~1v"));
        assert_eq!(pointer(".spec.containers[name=c]"), None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[.\\[\\]\"=a0,é]{0,40}") {
            if let Ok(path) = FieldPath::parse(&text) {
                prop_assert_eq!(FieldPath::parse(&path.to_string()), Ok(path));
            }
        }
    }
}

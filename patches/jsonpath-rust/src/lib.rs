//! Paths of names into JSON: `$.credential.access_token`.
//!
//! kube's client reads the answer of a kubeconfig's `auth-provider` command with JSONPath, and of JSONPath uses
//! `query` alone, on paths of names. The crate that it asks for brings a grammar, a regex engine and half a
//! megabyte into every plugin for that, so this one stands in its place (see `[patch.crates-io]`).

use serde_json::Value;

/// Why a path cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("only paths of names and indexes are read, as in $.credential.token")]
pub struct UnknownPath;

/// Values that a path can be followed into.
pub trait JsonPath {
    /// The value that the path leads to; none where there is nothing.
    ///
    /// # Errors
    /// When the path holds more than names and indexes.
    fn query(&self, path: &str) -> Result<Vec<&Value>, UnknownPath>;
}

impl JsonPath for Value {
    fn query(&self, path: &str) -> Result<Vec<&Value>, UnknownPath> {
        let mut rest = path.strip_prefix('$').ok_or(UnknownPath)?;
        let mut at = Some(self);
        while !rest.is_empty() {
            let step;
            (step, rest) = step_of(rest).ok_or(UnknownPath)?;
            at = at.and_then(|value| match step {
                Step::Name(name) => value.get(name),
                Step::Index(index) => value.get(index),
            });
        }
        Ok(at.into_iter().collect())
    }
}

enum Step<'a> {
    Name(&'a str),
    Index(usize),
}

/// The first step of a path, and what follows it.
fn step_of(path: &str) -> Option<(Step<'_>, &str)> {
    if let Some(rest) = path.strip_prefix('.') {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let name = &rest[..end];
        let is_plain = !name.is_empty() && !name.contains(['*', '?', '(', '@', ' ', '\'', '"']);
        return is_plain.then_some((Step::Name(name), &rest[end..]));
    }
    let (inside, rest) = path.strip_prefix('[')?.split_once(']')?;
    for quote in ['\'', '"'] {
        if let Some(name) = inside.strip_prefix(quote).and_then(|text| text.strip_suffix(quote)) {
            return Some((Step::Name(name), rest));
        }
    }
    Some((Step::Index(inside.parse().ok()?), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_lead_to_values_or_to_nothing() {
        let value = json!({"credential": {"access_token": "t", "list": [1, {"x": 2}], "a.b": 3}});
        for (path, want) in [
            ("$", vec![value.clone()]),
            ("$.credential.access_token", vec![json!("t")]),
            ("$.credential.list[1].x", vec![json!(2)]),
            ("$['credential'][\"a.b\"]", vec![json!(3)]),
            ("$.gone.deeper", vec![]),
        ] {
            let found: Vec<Value> = value.query(path).expect(path).into_iter().cloned().collect();
            assert_eq!(found, want, "{path}");
        }
        for path in ["credential", "$..x", "$.*", "$.list[?(@.x)]", "$.", "$[", "$.a b"] {
            assert!(value.query(path).is_err(), "{path}");
        }
    }
}

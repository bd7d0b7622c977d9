//! The objects of YAML streams.

use super::Take;
use crate::object::type_of;
use crate::text::{describe, documents};
use serde_json::Value;
use serde_json::value::RawValue;
use std::io::Read;
use std::sync::Arc;

/// Reads every object of a YAML stream. Returns how many documents were no Kubernetes object.
///
/// # Errors
/// What is wrong and where; documents before that place have been handed out. The message does not
/// quote the document.
pub(super) fn read(mut input: impl Read, bytes: usize, take: &mut Take<'_>) -> Result<usize, String> {
    let mut foreign = 0;
    for document in documents(&mut input, bytes) {
        foreign += value(document.map_err(|error| describe(&error))?, take)?;
    }
    Ok(foreign)
}

fn value(value: Value, take: &mut Take<'_>) -> Result<usize, String> {
    match value {
        Value::Null => Ok(0),
        Value::Array(items) => items.into_iter().try_fold(0, |sum, item| Ok(sum + self::value(item, take)?)),
        Value::Object(mut fields) => {
            let is_list = fields.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
            if is_list && let Some(Value::Array(items)) = fields.remove("items") {
                return self::value(Value::Array(items), take);
            }
            // The value came from a parser, so it is JSON.
            let raw = RawValue::from_string(Value::Object(fields).to_string()).map_err(|_| "not JSON".to_owned())?;
            match type_of(&raw) {
                Some(ty) => take(&Arc::new(ty), &raw).map(|()| 0),
                None => Ok(1),
            }
        }
        _ => Ok(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{Decoded, decode_typed};

    fn names(text: &str) -> Result<(Vec<String>, usize), String> {
        let mut names = Vec::new();
        let foreign = read(text.as_bytes(), 1 << 20, &mut |ty, raw| {
            if let Decoded::Object(object) = decode_typed(ty, raw) {
                names.push(object.reference().to_string());
            }
            Ok(())
        })?;
        Ok((names, foreign))
    }

    #[test]
    fn streams_and_lists_are_read() {
        let text = "# a comment\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\n---\nkind: List\napiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: b}\n---\nreplicas: 3\n";
        assert_eq!(names(text).expect("read"), (vec!["Pod/a".to_owned(), "Pod/b".to_owned()], 1));
    }

    #[test]
    fn a_missing_separator_is_told_as_such() {
        let error = names("kind: Pod\nmetadata: {name: a}\nkind: Pod\n").expect_err("refused");
        assert!(error.contains("line 3") && error.contains("`---`"), "{error}");
    }

    #[test]
    fn what_is_no_text_is_told_as_such() {
        let error = read([0x80_u8, 0xff, 0x00, 0x81].as_slice(), 1 << 20, &mut |_, _| Ok(())).expect_err("refused");
        assert!(error.contains("neither YAML nor JSON"), "{error}");
    }

    #[test]
    fn hostile_yaml_is_refused_without_quoting_it() {
        let mut bomb = String::from("a0: &a0 [CANARY,CANARY]\n");
        for level in 1..30 {
            bomb.push_str(&format!("a{level}: &a{level} [*a{0},*a{0},*a{0},*a{0}]\n", level - 1));
        }
        let duplicate = "kind: Secret\nkind: Secret\nstringData: {k: CANARY}\n";
        let deep = "[".repeat(10_000);
        let cut = "kind: Secret\nstringData:\n  k: \"CANARY";
        for text in [bomb.as_str(), duplicate, deep.as_str(), cut] {
            let error = names(text).expect_err("refused");
            assert!(!error.contains("CANARY") && !error.contains('{'), "{error}");
        }
        let long = format!("a: {}", "x".repeat(2 << 20));
        assert!(names(&long).is_err());
    }
}

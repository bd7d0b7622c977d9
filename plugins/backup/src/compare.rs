//! Two forms of an object, field by field.

use crate::inline::is_credential;
use crate::secret::{FIELD, Redaction, is_copy};
use mlops_shared::archive::Json;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// So much of a value is shown.
const SHOWN: usize = 200;
/// So many fields of an object are.
const FIELDS: usize = 200;
/// Metadata that changes with every write, or says who wrote it.
const NOISE: &[&str] = &["resourceVersion", "managedFields", "generation", "selfLink", "uid", "creationTimestamp"];
const HIDDEN: &str = "(not shown)";

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Field {
    /// Where: `spec.template.spec.containers[web].image`.
    pub(crate) field: String,
    /// What it was, as JSON; absent where it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<String>,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<String>,
}

/// What differs between two forms of an object. The status counts where it is asked for.
pub(crate) fn compare(before: &[u8], after: &[u8], is_secret: bool, with_status: bool) -> Vec<Field> {
    let text = |bytes| std::str::from_utf8(bytes).unwrap_or("null");
    let (before, after) = (text(before), text(after));
    let (Ok(mut one), Ok(mut two)) = (Json::parse(before), Json::parse(after)) else {
        return vec![Field { field: String::new(), before: None, after: None }];
    };
    let mut fields = Vec::new();
    if is_secret {
        secrets(&mut one, &mut two, &mut fields);
    }
    for object in [&mut one, &mut two] {
        quieten(object, with_status);
    }
    walk(&mut String::new(), Some(&one), Some(&two), false, &mut fields);
    fields.truncate(FIELDS);
    fields
}

fn quieten(object: &mut Json<'_>, with_status: bool) {
    if !with_status {
        object.remove("status");
    }
    if let Some(metadata) = object.get_mut("metadata") {
        for field in NOISE {
            metadata.remove(field);
        }
        // Copies hold the object once more, credentials among it.
        if let Some(Json::Map(entries)) = metadata.get_mut("annotations") {
            entries.retain(|(key, _)| !is_copy(key));
        }
    }
}

/// Compares the values of Secrets by their keys and takes them away, so that none is left to be shown.
fn secrets<'a>(one: &mut Json<'a>, two: &mut Json<'a>, fields: &mut Vec<Field>) {
    let is_plain = |secret: &Json<'_>| secret.get(FIELD).is_none();
    if is_plain(one) != is_plain(two) {
        let redaction = Redaction::new(None);
        for secret in [&mut *one, &mut *two].into_iter().filter(|secret| is_plain(secret)) {
            redaction.apply(secret);
        }
        for secret in [&mut *one, &mut *two] {
            // Only one side has those.
            if let Some(Json::Map(values)) = secret.get_mut(FIELD) {
                values.iter_mut().for_each(|(_, traits)| drop(traits.remove("hmac")));
            }
        }
    }
    for name in ["data", "stringData", FIELD] {
        let values = |secret: &mut Json<'_>| -> BTreeMap<String, Vec<u8>> {
            let Some(Json::Map(entries)) = secret.remove(name) else { return BTreeMap::new() };
            let written = |value: &Json<'_>| {
                let mut out = Vec::new();
                value.write(&mut out);
                out
            };
            entries.iter().map(|(key, value)| (key.to_string(), written(value))).collect()
        };
        let (before, after) = (values(one), values(two));
        let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for key in keys.into_iter().filter(|key| before.get(*key) != after.get(*key)) {
            let hidden = |values: &BTreeMap<String, Vec<u8>>| values.contains_key(key).then(|| HIDDEN.to_owned());
            fields.push(Field { field: format!("{name}.{key}"), before: hidden(&before), after: hidden(&after) });
        }
    }
    // Annotations of Secrets may hold values once more: that they differ is said, not how.
    let annotations = |secret: &mut Json<'_>| -> BTreeMap<String, String> {
        let taken = secret.get_mut("metadata").and_then(|metadata| metadata.remove("annotations"));
        let text = |value: &Json<'_>| value.text().unwrap_or_default().to_owned();
        taken.iter().flat_map(Json::entries).map(|(key, value)| (key.to_string(), text(value))).collect()
    };
    let (before, after) = (annotations(one), annotations(two));
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for key in keys.into_iter().filter(|key| before.get(*key) != after.get(*key)) {
        // What tools copy there follows from the rest, and is not in every archive.
        if !crate::secret::is_copy(key) {
            let hidden = |all: &BTreeMap<String, String>| all.contains_key(key).then(|| HIDDEN.to_owned());
            fields.push(Field {
                field: format!("metadata.annotations.{key}"),
                before: hidden(&before),
                after: hidden(&after),
            });
        }
    }
}

/// Where two values differ.
fn walk(path: &mut String, one: Option<&Json<'_>>, two: Option<&Json<'_>>, is_hidden: bool, fields: &mut Vec<Field>) {
    if one == two || fields.len() > FIELDS {
        return;
    }
    let before = path.len();
    match (one, two) {
        (Some(Json::Map(old)), Some(Json::Map(new))) => {
            // A variable of a container, or a setting as a pair of name and value.
            let name = |side: Option<&Json<'_>>| {
                side.and_then(|it| it.get("name")).and_then(Json::text).is_some_and(is_credential)
            };
            let is_named = name(one) || name(two);
            let keys: BTreeSet<&str> = old.iter().chain(new).map(|(key, _)| &**key).collect();
            for key in keys {
                let separator = if path.is_empty() { "" } else { "." };
                path.push_str(separator);
                path.push_str(key);
                let is_hidden = is_hidden || is_credential(key) || (is_named && key == "value");
                walk(path, one.and_then(|it| it.get(key)), two.and_then(|it| it.get(key)), is_hidden, fields);
                path.truncate(before);
            }
        }
        (Some(Json::List(old)), Some(Json::List(new))) => match (names(old), names(new)) {
            (Some(old_names), Some(new_names)) => {
                let all: BTreeSet<&str> = old_names.iter().chain(&new_names).copied().collect();
                for name in all {
                    let at = |names: &[&str]| names.iter().position(|known| *known == name);
                    path.push_str(&format!("[{name}]"));
                    let (one, two) = (at(&old_names).map(|at| &old[at]), at(&new_names).map(|at| &new[at]));
                    walk(path, one, two, is_hidden, fields);
                    path.truncate(before);
                }
            }
            _ => {
                for index in 0..old.len().max(new.len()) {
                    path.push_str(&format!("[{index}]"));
                    walk(path, old.get(index), new.get(index), is_hidden, fields);
                    path.truncate(before);
                }
            }
        },
        _ => fields.push(Field {
            field: path.clone(),
            before: one.map(|value| shown(value, is_hidden)),
            after: two.map(|value| shown(value, is_hidden)),
        }),
    }
}

/// The names of a list's items, where each has one of its own.
fn names<'j>(items: &'j [Json<'_>]) -> Option<Vec<&'j str>> {
    let names: Option<Vec<&str>> = items.iter().map(|item| item.get("name").and_then(Json::text)).collect();
    let names = names.filter(|names| !names.is_empty())?;
    let unique: BTreeSet<&&str> = names.iter().collect();
    (unique.len() == names.len()).then_some(names)
}

/// A value, but for credentials in it.
fn shown(value: &Json<'_>, is_hidden: bool) -> String {
    if is_hidden || crate::inline::holds_credential(value) {
        return HIDDEN.to_owned();
    }
    let mut out = Vec::new();
    value.write(&mut out);
    let text = String::from_utf8_lossy(&out);
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(one: &str, two: &str, is_secret: bool) -> Vec<(String, Option<String>, Option<String>)> {
        let all = compare(one.as_bytes(), two.as_bytes(), is_secret, false);
        all.into_iter().map(|it| (it.field, it.before, it.after)).collect()
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn fields_are_told_and_noise_is_not() {
        let one = r#"{"metadata":{"name":"a","resourceVersion":"1"},"spec":{"replicas":2,"containers":[{"name":"a","image":"i:1"},{"name":"b"}]},"status":{"x":1}}"#;
        let two = r#"{"metadata":{"name":"a","resourceVersion":"2","labels":{"l":"v"}},"spec":{"replicas":3,"containers":[{"name":"b"},{"name":"a","image":"i:2"}]},"status":{"x":2}}"#;
        assert_eq!(
            fields(one, two, false),
            [
                ("metadata.labels".to_owned(), None, some(r#"{"l":"v"}"#)),
                ("spec.containers[a].image".to_owned(), some("\"i:1\""), some("\"i:2\"")),
                ("spec.replicas".to_owned(), some("2"), some("3")),
            ]
        );
        let status = compare(one.as_bytes(), two.as_bytes(), false, true);
        assert!(status.iter().any(|field| field.field == "status.x"));
        assert!(fields(one, &one.replace("\"1\"", "\"9\""), false).is_empty());
    }

    #[test]
    fn values_of_secrets_and_credentials_stay_hidden() {
        let one = r#"{"kind":"Secret","metadata":{"annotations":{"a":"CANARY-long-enough-to-be-a-copy-of-the-whole-object-xxxxxxxxxxxxxxxxxxxx"}},"data":{"k":"Q0FOQVJZ","same":"eA=="}}"#;
        let two = r#"{"kind":"Secret","metadata":{},"data":{"k":"Q0FOQVJa","same":"eA==","new":"Q0FOQVJZ"}}"#;
        let found = fields(one, two, true);
        assert_eq!(
            found[..2],
            [("data.k".to_owned(), some(HIDDEN), some(HIDDEN)), ("data.new".to_owned(), None, some(HIDDEN))]
        );
        let text = format!("{found:?}");
        assert!(!text.contains("CANARY") && !text.contains("Q0FO") && !text.contains("same"), "{text}");
        let names =
            r#"{"kind":"Secret","metadata":{},"mlopsValues":{"k":{"bytes":"1 to 7"},"same":{"bytes":"1 to 7"}}}"#;
        assert!(
            fields(names, r#"{"kind":"Secret","metadata":{},"data":{"k":"Q0FOQVJZ","same":"eA=="}}"#, true).is_empty()
        );
        let variable = |value: &str| {
            format!(r#"{{"spec":{{"env":[{{"name":"DB_PASSWORD","value":"{value}"}}],"adminPassword":"{value}"}}}}"#)
        };
        let text = format!("{:?}", fields(&variable("CANARY1"), &variable("CANARY2"), false));
        assert!(
            text.contains("env[DB_PASSWORD].value") && text.contains("adminPassword") && !text.contains("CANARY"),
            "{text}"
        );
        let added = format!("{:?}", fields("{}", &variable("CANARY"), false));
        assert!(!added.contains("CANARY"), "{added}");
    }
}

//! Whether an object that is no Secret holds a credential as plain text. It is kept as it is, and that is told.

use mlops_shared::archive::Json;

/// Words that names of fields and variables with credentials end with.
const WORDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secretkey",
    "secretaccesskey",
    "apikey",
    "privatekey",
    "clientsecret",
    "authtoken",
    "accesstoken",
    "bearertoken",
];
/// Whether a value has a credential in it, wherever it stands.
pub(crate) fn holds_credential(value: &Json<'_>) -> bool {
    holds("", value, 0)
}

/// Objects are looked into so deep.
const DEPTH: usize = 64;

/// Whether some field or variable whose name says that it is a credential has a text of its own.
pub(crate) fn has_credential(object: &Json<'_>) -> bool {
    object
        .entries()
        .iter()
        .filter(|(key, _)| *key != "metadata" && *key != "status")
        .any(|(key, value)| holds(key, value, 0))
}

fn holds(key: &str, value: &Json<'_>, depth: usize) -> bool {
    if depth > DEPTH {
        return false;
    }
    match value {
        Json::Text(text) => is_credential(key) && is_value(text),
        Json::List(items) => items.iter().any(|item| holds(key, item, depth + 1)),
        Json::Map(entries) => {
            // A variable of a container, or a setting as a pair of name and value.
            let named = value.get("name").and_then(Json::text).zip(value.get("value").and_then(Json::text));
            named.is_some_and(|(name, text)| is_credential(name) && is_value(text))
                || entries.iter().any(|(key, value)| holds(key, value, depth + 1))
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

/// Whether a name says that what it names is a credential.
pub(crate) fn is_credential(name: &str) -> bool {
    let bare: String = name.chars().filter(char::is_ascii_alphanumeric).map(|it| it.to_ascii_lowercase()).collect();
    WORDS.iter().any(|word| bare.ends_with(word))
}

/// A reference to a variable or a file is no value.
fn is_value(text: &str) -> bool {
    text.len() >= 4 && !text.starts_with(['$', '/']) && !text.contains("${") && !text.contains("$(")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_seen_and_references_are_not() {
        let has = |json: &str| has_credential(&Json::parse(json).expect("JSON"));
        assert!(has(r#"{"spec":{"values":{"db":{"adminPassword":"hunter22"}}}}"#));
        assert!(has(r#"{"spec":{"containers":[{"env":[{"name":"DB_PASSWORD","value":"hunter22"}]}]}}"#));
        assert!(!has(
            r#"{"spec":{"env":[{"name":"DB_PASSWORD","valueFrom":{"secretKeyRef":{"name":"db","key":"p"}}}]}}"#
        ));
        assert!(!has(r#"{"spec":{"password":"$(PASSWORD)","passwordSecretRef":{"name":"long-name"}}}"#));
        assert!(!has(r#"{"metadata":{"annotations":{"password":"hunter22"}},"spec":{"image":"password-app"}}"#));
    }
}

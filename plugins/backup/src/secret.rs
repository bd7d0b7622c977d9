//! What is kept of a Secret in an archive that others may read: the names of its keys and a class of length for each
//! value. No value, and nothing that one could be guessed from.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mlops_shared::archive::Json;
use ring::hmac;
use std::borrow::Cow;

/// The field that stands in the place of `data`.
pub(crate) const FIELD: &str = "mlopsValues";
/// Longer annotations may hold the object once more, compressed or not.
const ANNOTATION: usize = 256;

/// Says how long values are, and with a key of the person's whether two are the same.
pub(crate) struct Redaction {
    key: Option<hmac::Key>,
}

impl Redaction {
    /// With the key that makes values comparable between backups, where there is one.
    pub(crate) fn new(key: Option<&[u8]>) -> Self {
        Self { key: key.map(|key| hmac::Key::new(hmac::HMAC_SHA256, key)) }
    }

    /// Takes the values out of a Secret.
    pub(crate) fn apply(&self, secret: &mut Json<'_>) {
        let mut values: Vec<Value> = Vec::new();
        // Of what the API server stores only `data` is left; `stringData` may stand in a manifest.
        for (field, is_encoded) in [("data", true), ("stringData", false)] {
            let Some(data) = secret.remove(field) else { continue };
            values.extend(data.entries().iter().map(|(key, value)| {
                let text = value.text().unwrap_or_default().to_owned();
                let decoded = STANDARD.decode(&text).ok().filter(|_| is_encoded);
                Value { key: key.to_string(), bytes: decoded.unwrap_or_else(|| text.clone().into_bytes()), text }
            }));
        }
        values.sort_by(|one, two| one.key.cmp(&two.key));
        if let Some(Json::Map(annotations)) =
            secret.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations"))
        {
            annotations.retain(|(key, value)| value.text().is_some_and(|text| is_harmless(key, text, &values)));
        }
        let described = values.iter().map(|value| (Cow::Owned(value.key.clone()), self.describe(&value.bytes)));
        secret.set(FIELD, Json::Map(described.collect()));
    }

    fn describe(&self, value: &[u8]) -> Json<'static> {
        let mut traits = vec![(Cow::Borrowed("bytes"), Json::Text(Cow::Borrowed(class(value.len()))))];
        if let Some(key) = &self.key {
            let tag = hmac::sign(key, value);
            let digits: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
            traits.push((Cow::Borrowed("hmac"), Json::Text(Cow::Owned(digits))));
        }
        Json::Map(traits)
    }
}

/// A value of a Secret.
struct Value {
    key: String,
    bytes: Vec<u8>,
    /// As it stands in the object, encoded or not.
    text: String,
}

/// A class of length.
pub(crate) const fn class(bytes: usize) -> &'static str {
    match bytes {
        0 => "none",
        1..8 => "1 to 7",
        8..16 => "8 to 15",
        16..32 => "16 to 31",
        32..64 => "32 to 63",
        64..256 => "64 to 255",
        256..4096 => "256 to 4095",
        _ => "4096 or more",
    }
}

/// Whether tools write the whole object into an annotation of this name.
pub(crate) fn is_copy(key: &str) -> bool {
    ["last-applied", "last-handled", "/original", "applied-configuration"].iter().any(|it| key.contains(it))
}

/// Whether an annotation may stay: tools write whole objects into annotations, plain, encoded or compressed.
fn is_harmless(key: &str, text: &str, values: &[Value]) -> bool {
    let tells = |value: &Value| {
        let plain = std::str::from_utf8(&value.bytes).unwrap_or_default();
        [plain, value.text.trim_end_matches('=')].iter().any(|form| form.len() >= 4 && text.contains(form))
    };
    let is_encoding =
        |value: &Value| value.bytes.len() >= 4 && text.contains(STANDARD.encode(&value.bytes).trim_end_matches('='));
    // Of a digest without a key the value can be guessed: external-secrets notes one of the data.
    let is_digest = ["hash", "checksum", "digest", "sha256"].iter().any(|it| key.contains(it));
    !is_copy(key)
        && !is_digest
        && text.len() <= ANNOTATION
        && !values.iter().any(|value| tells(value) || is_encoding(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(json: &str, key: Option<&[u8]>) -> String {
        let mut secret = Json::parse(json).expect("JSON");
        Redaction::new(key).apply(&mut secret);
        let mut out = Vec::new();
        secret.write(&mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn no_value_stays_in_any_form() {
        let encoded = STANDARD.encode("CANARY-value");
        let json = format!(
            r#"{{"kind":"Secret","type":"Opaque","metadata":{{"name":"s","annotations":{{
            "kubectl.kubernetes.io/last-applied-configuration":"{{\"data\":1}}","note":"is CANARY-value","team":"ml",
            "coded":"{encoded}","long":"{}"}}}},"data":{{"password":"{encoded}","empty":"","odd":5}},"stringData":{{"x":"CANARY"}}}}"#,
            "x".repeat(300)
        );
        let text = redacted(&json, None);
        assert!(!text.contains("CANARY") && !text.contains(&encoded) && !text.contains("last-applied"), "{text}");
        assert!(!text.contains("coded") && !text.contains("\"long\"") && text.contains(r#""team":"ml""#), "{text}");
        assert!(
            text.contains(r#""password":{"bytes":"8 to 15"}"#) && text.contains(r#""empty":{"bytes":"none"}"#),
            "{text}"
        );
        assert!(text.contains(r#""x":{"bytes":"1 to 7"}"#) && !text.contains("\"data\""), "{text}");
    }

    #[test]
    fn equal_values_are_known_by_a_key_only() {
        let one = redacted(r#"{"data":{"a":"Q0FOQVJZ"}}"#, Some(b"key"));
        assert_eq!(one, redacted(r#"{"data":{"a":"Q0FOQVJZ"}}"#, Some(b"key")));
        assert_ne!(one, redacted(r#"{"data":{"a":"Q0FOQVJa"}}"#, Some(b"key")));
        assert_ne!(one, redacted(r#"{"data":{"a":"Q0FOQVJZ"}}"#, Some(b"other")));
        assert!(one.contains("hmac") && !redacted(r#"{"data":{"a":"Q0FOQVJZ"}}"#, None).contains("hmac"));
    }
}

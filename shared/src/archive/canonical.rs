//! Canonical JSON: keys in the order of their bytes, no blanks, one spelling of each text. The same object has the same
//! bytes, and so the same digest, whoever wrote it.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use std::borrow::Cow;
use std::fmt;

/// A JSON value that borrows its texts from what it was read from.
#[derive(Debug, Clone, PartialEq)]
pub enum Json<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(Cow<'a, str>),
    /// A list.
    List(Vec<Json<'a>>),
    /// A map, in the order of its keys; the last of equal keys counts, as for the API server.
    Map(Vec<(Cow<'a, str>, Json<'a>)>),
}

impl<'a> Json<'a> {
    /// Reads a value.
    ///
    /// # Errors
    /// When it is no JSON, or nested deeper than 128 levels.
    pub fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Json<'a>> {
        let Self::Map(entries) = self else { return None };
        entries.binary_search_by(|(known, _)| (**known).cmp(key)).ok().map(|index| &entries[index].1)
    }

    /// As [`Json::get`].
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Json<'a>> {
        let Self::Map(entries) = self else { return None };
        entries.binary_search_by(|(known, _)| (**known).cmp(key)).ok().map(|index| &mut entries[index].1)
    }

    /// The value below these keys.
    pub fn at(&self, keys: &[&str]) -> Option<&Json<'a>> {
        keys.iter().try_fold(self, |value, key| value.get(key))
    }

    /// Sets the value of a key; of what is no map nothing is changed.
    pub fn set(&mut self, key: &'a str, value: Json<'a>) {
        let Self::Map(entries) = self else { return };
        match entries.binary_search_by(|(known, _)| (**known).cmp(key)) {
            Ok(index) => entries[index].1 = value,
            Err(index) => entries.insert(index, (Cow::Borrowed(key), value)),
        }
    }

    /// Takes a key away, and gives its value.
    pub fn remove(&mut self, key: &str) -> Option<Json<'a>> {
        let Self::Map(entries) = self else { return None };
        entries.binary_search_by(|(known, _)| (**known).cmp(key)).ok().map(|index| entries.remove(index).1)
    }

    /// A text, if it is one.
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The entries of a map; none of anything else.
    pub fn entries(&self) -> &[(Cow<'a, str>, Json<'a>)] {
        if let Self::Map(entries) = self { entries } else { &[] }
    }

    /// The items of a list; none of anything else.
    pub fn items(&self) -> &[Json<'a>] {
        if let Self::List(items) = self { items } else { &[] }
    }

    /// Writes the canonical form.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(true) => out.extend_from_slice(b"true"),
            Self::Bool(false) => out.extend_from_slice(b"false"),
            Self::Number(number) => write(out, number),
            Self::Text(text) => write(out, text),
            Self::List(items) => {
                out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    item.write(out);
                }
                out.push(b']');
            }
            Self::Map(entries) => {
                out.push(b'{');
                for (index, (key, value)) in entries.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    write(out, key);
                    out.push(b':');
                    value.write(out);
                }
                out.push(b'}');
            }
        }
    }
}

fn write(out: &mut Vec<u8>, value: &(impl serde::Serialize + ?Sized)) {
    // Numbers and texts are JSON, and writing to memory does not fail.
    let _ = serde_json::to_writer(out, value);
}

/// The canonical form of a value.
///
/// # Errors
/// As [`Json::parse`].
pub fn canonical(text: &str) -> Result<Vec<u8>, serde_json::Error> {
    let mut out = Vec::with_capacity(text.len());
    Json::parse(text)?.write(&mut out);
    Ok(out)
}

impl<'de> Deserialize<'de> for Json<'de> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value.into()))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value.into()))
    }
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Json<'de>, E> {
        Number::from_f64(value).map(Json::Number).ok_or_else(|| E::custom("no number"))
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }
    fn visit_str<E>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }
    fn visit_string<E>(self, text: String) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(text)))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json<'de>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Json::List(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json<'de>, A::Error> {
        let mut entries: Vec<(Cow<'de, str>, Json<'de>)> = Vec::new();
        while let Some(Key(key)) = map.next_key()? {
            entries.push((key, map.next_value()?));
        }
        // What an API server sends is nearly in order, and this sort is quick then. It is stable: of equal keys the
        // last one stays behind the others.
        entries.sort_by(|(one, _), (two, _)| one.cmp(two));
        entries.dedup_by(|later, kept| {
            let is_same = later.0 == kept.0;
            if is_same {
                std::mem::swap(later, kept);
            }
            is_same
        });
        Ok(Json::Map(entries))
    }
}

/// A key, borrowed where it has no escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a key")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        input.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(json: &str) -> String {
        String::from_utf8(canonical(json).expect("JSON")).expect("UTF-8")
    }

    #[test]
    fn one_value_has_one_text() {
        assert_eq!(
            text(r#"{ "b": [1, -2, 1.5, null, true], "a": {"z":"\u003c\u00e9\/", "y":{}} , "aa":"" }"#),
            r#"{"a":{"y":{},"z":"<é/"},"aa":"","b":[1,-2,1.5,null,true]}"#
        );
        assert_eq!(text(r#"{"a":1,"b":2,"a":3}"#), r#"{"a":3,"b":2}"#);
        assert_eq!(text("18446744073709551615"), "18446744073709551615");
        for broken in ["", "{", "{\"a\":}", "[1,]"] {
            assert!(canonical(broken).is_err(), "{broken}");
        }
        assert!(canonical(&format!("{}{}", "[".repeat(10_000), "]".repeat(10_000))).is_err());
    }

    #[test]
    fn maps_are_found_in_and_changed() {
        let mut json = Json::parse(r#"{"metadata":{"name":"x"},"data":{"k":"v"}}"#).expect("JSON");
        assert_eq!(json.at(&["metadata", "name"]).and_then(Json::text), Some("x"));
        assert!(json.remove("data").is_some() && json.remove("data").is_none());
        json.set("kind", Json::Text("Secret".into()));
        let mut out = Vec::new();
        json.write(&mut out);
        assert_eq!(out, br#"{"kind":"Secret","metadata":{"name":"x"}}"#);
    }

    proptest! {
        #[test]
        fn the_value_is_kept_and_the_form_is_settled(text in "[ -~]{0,40}", number in any::<i64>(), flag in any::<bool>()) {
            let value = serde_json::json!({"z": text, "a": [number, flag, {"é": null, "b": text}], "\u{1}": {}});
            let once = canonical(&value.to_string()).expect("JSON");
            prop_assert_eq!(serde_json::from_slice::<serde_json::Value>(&once).expect("JSON"), value);
            let twice = canonical(std::str::from_utf8(&once).expect("UTF-8")).expect("JSON");
            prop_assert_eq!(once, twice);
        }
    }
}

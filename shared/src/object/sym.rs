//! Small strings that repeat (namespaces, kinds, labels), label sets, and lenient times.

use arcstr::ArcStr;
use jiff::Timestamp;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;
use std::ops::Deref;

/// Longer strings are rarely repeated, and a table without a bound would be a leak.
const INTERNED_LENGTH: usize = 96;
const INTERNED_COUNT: usize = 65_536;

thread_local! {
    static TABLE: RefCell<HashSet<ArcStr>> = RefCell::new(HashSet::new());
}

/// A shared string: fifty thousand pods hold one copy of their namespace's name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sym(ArcStr);

impl Sym {
    /// Shares `text` with every equal string met on this thread.
    pub fn new(text: &str) -> Self {
        if text.is_empty() {
            return Self(ArcStr::new());
        }
        if text.len() > INTERNED_LENGTH {
            return Self(ArcStr::from(text));
        }
        TABLE.with_borrow_mut(|table| {
            if let Some(known) = table.get(text) {
                return Self(known.clone());
            }
            let new = ArcStr::from(text);
            if table.len() < INTERNED_COUNT {
                table.insert(new.clone());
            }
            Self(new)
        })
    }

    /// As [`Sym::new`], of a text that is seldom met again: nothing is looked up, and nobody shares it.
    pub fn unshared(text: &str) -> Self {
        Self(ArcStr::from(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Sym {
    fn default() -> Self {
        Self::new("")
    }
}

impl Deref for Sym {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Sym {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl PartialEq<str> for Sym {
    fn eq(&self, other: &str) -> bool {
        &*self.0 == other
    }
}

impl PartialEq<&str> for Sym {
    fn eq(&self, other: &&str) -> bool {
        &*self.0 == *other
    }
}

impl fmt::Debug for Sym {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, out)
    }
}

impl fmt::Display for Sym {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl schemars::JsonSchema for Sym {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        String::schema_name()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        String::json_schema(generator)
    }
}

impl Serialize for Sym {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Sym {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Sym;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a string")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Sym, E> {
                Ok(Sym::new(text))
            }
            fn visit_unit<E: serde::de::Error>(self) -> Result<Sym, E> {
                Ok(Sym::default())
            }
            // Enumerations and ports are now and then written as numbers or booleans in manifests.
            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Sym, E> {
                Ok(Sym::new(&number.to_string()))
            }
            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Sym, E> {
                Ok(Sym::new(&number.to_string()))
            }
            fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Sym, E> {
                Ok(Sym::new(if value { "true" } else { "false" }))
            }
        }
        input.deserialize_any(Reader)
    }
}

/// Labels, annotations or a node selector: pairs sorted by key.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Labels(Box<[(Sym, Sym)]>);

impl Labels {
    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        let index = self.0.binary_search_by(|(name, _)| name.as_str().cmp(key)).ok()?;
        Some(self.0[index].1.as_str())
    }

    /// Whether `key` is there with the value `value`.
    pub fn has(&self, key: &str, value: &str) -> bool {
        self.get(key) == Some(value)
    }

    /// The pairs, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every pair of `wanted` is among these.
    pub fn contains_all(&self, wanted: &Self) -> bool {
        wanted.iter().all(|(key, value)| self.has(key, value))
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Labels {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(pairs: I) -> Self {
        let mut pairs: Vec<(Sym, Sym)> =
            pairs.into_iter().map(|(key, value)| (Sym::new(key), Sym::new(value))).collect();
        pairs.sort();
        Self(pairs.into_boxed_slice())
    }
}

/// Reads a map of strings, keeping the pairs that `keep` wants.
pub(super) fn read_map<'de, D: Deserializer<'de>>(input: D, keep: fn(&str) -> bool) -> Result<Labels, D::Error> {
    struct Reader(fn(&str) -> bool);
    impl<'de> Visitor<'de> for Reader {
        type Value = Labels;
        fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str("a map of strings")
        }
        fn visit_unit<E: serde::de::Error>(self) -> Result<Labels, E> {
            Ok(Labels::default())
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Labels, A::Error> {
            let mut pairs: Vec<(Sym, Sym)> = Vec::new();
            while let Some(key) = map.next_key::<std::borrow::Cow<'_, str>>()? {
                if (self.0)(&key) {
                    pairs.push((Sym::new(&key), map.next_value()?));
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            pairs.sort();
            Ok(Labels(pairs.into_boxed_slice()))
        }
    }
    input.deserialize_any(Reader(keep))
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        read_map(input, |_| true)
    }
}

/// A time that may be absent; one that cannot be read counts as absent, so that a hand-written
/// status does not hide the object.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct When(i64);

impl When {
    /// No time.
    pub const NONE: Self = Self(i64::MIN);

    /// The time, if there is one, to the millisecond.
    pub fn get(self) -> Option<Timestamp> {
        if self == Self::NONE { None } else { Timestamp::from_millisecond(self.0).ok() }
    }

    /// Seconds from this time to `now`; negative when it lies ahead, `None` when there is none.
    pub fn seconds_before(self, now: Timestamp) -> Option<i64> {
        self.get().map(|time| now.duration_since(time).as_secs())
    }
}

impl Default for When {
    fn default() -> Self {
        Self::NONE
    }
}

impl From<Option<Timestamp>> for When {
    fn from(time: Option<Timestamp>) -> Self {
        time.map_or(Self::NONE, |time| Self(time.as_millisecond()))
    }
}

impl fmt::Debug for When {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.get(), out)
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = When;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a time in RFC 3339")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<When, E> {
                Ok(text.parse().ok().into())
            }
            fn visit_unit<E: serde::de::Error>(self) -> Result<When, E> {
                Ok(When::NONE)
            }
            fn visit_some<D: Deserializer<'de>>(self, input: D) -> Result<When, D::Error> {
                When::deserialize(input)
            }
            fn visit_none<E: serde::de::Error>(self) -> Result<When, E> {
                Ok(When::NONE)
            }
        }
        input.deserialize_any(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_strings_are_shared() {
        let (first, second) = (Sym::new("data-plane"), Sym::new("data-plane"));
        assert!(ArcStr::ptr_eq(&first.0, &second.0));
    }

    #[test]
    fn labels_are_found_whatever_their_order() {
        let labels: Labels = serde_json::from_str(r#"{"b":"2","a":"1","c":null}"#).expect("labels");
        assert_eq!(labels.get("a"), Some("1"));
        assert_eq!(labels.get("c"), Some(""));
        assert_eq!(labels.get("d"), None);
        assert!(labels.contains_all(&[("a", "1"), ("b", "2")].into_iter().collect()));
    }

    #[test]
    fn unreadable_times_are_absent() {
        for text in ["null", "\"yesterday\""] {
            assert_eq!(serde_json::from_str::<When>(text).expect("lenient"), When::NONE);
        }
        assert!(serde_json::from_str::<When>("\"2026-11-20T03:00:00Z\"").expect("time").get().is_some());
    }
}

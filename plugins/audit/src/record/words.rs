//! Names that stand in a text that must not be kept: enough to ask whether a given name is among them.

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// Hashes of the words of a text that may be names of objects.
#[derive(Debug, Default, Clone)]
pub struct Words(Box<[u64]>);

/// Names of objects are at most so long.
const LONGEST: usize = 253;
/// Words that are kept of one text.
const MOST: usize = 2000;

/// The hash by which a name is looked for.
pub fn word(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

impl Words {
    /// Whether it holds the word of this hash.
    pub fn has(&self, word: u64) -> bool {
        self.0.contains(&word)
    }

    /// The hashes.
    pub fn iter(&self) -> impl Iterator<Item = u64> {
        self.0.iter().copied()
    }
}

/// Every run of letters that a name may have.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '-' | '.');
    text.split(move |letter| !is_part(letter))
        .map(|name| name.trim_matches(['-', '.']))
        .filter(|name| !name.is_empty() && name.len() <= LONGEST)
}

impl<'a> FromIterator<&'a str> for Words {
    fn from_iter<I: IntoIterator<Item = &'a str>>(texts: I) -> Self {
        Self(texts.into_iter().flat_map(names).map(word).take(MOST).collect())
    }
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(input)?;
        let list = match &value {
            Value::Array(list) => list.as_slice(),
            one => std::slice::from_ref(one),
        };
        Ok(list.iter().filter_map(Value::as_str).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_again_and_nothing_else_is_kept() {
        let words: Words =
            ["--default-ssl-certificate=ingress/wildcard-tls", "a=CANARY", "--set-secret"].into_iter().collect();
        assert!(words.has(word("wildcard-tls")) && words.has(word("ingress")) && words.has(word("set-secret")));
        assert!(!words.has(word("wildcard")) && !words.has(word("CANARY")));
        assert!(!format!("{words:?}").contains("CANARY"));
        let read: Words = serde_json::from_str(r#"[1, "a-b", null]"#).expect("words");
        assert!(read.has(word("a-b")) && serde_json::from_str::<Words>("null").is_ok());
    }
}

//! One setting, a key and its value: whether it is a credential, and how bad that is.

use super::codes::*;
use super::defaults::{Guess, guess};
use super::key::{Meaning, is_public, meaning};
use super::stamp::Stamp;
use super::{tokens, value};
use crate::severity::Severity::{self, Critical, High};
use mlops_shared::report::Code;

/// A key and its value.
#[derive(Clone, Copy)]
pub(super) struct Setting<'a> {
    pub(super) key: &'a str,
    pub(super) value: &'a str,
    /// Names that stand beside it: users, databases.
    pub(super) names: &'a [&'a str],
    /// Whether it is part of a Secret, so that whatever it holds is meant to be one.
    pub(super) is_kept_secret: bool,
}

/// What a setting is. Holds nothing of the value but its length class and its fingerprint.
#[derive(Debug, Clone)]
pub(super) struct Verdict {
    pub(super) code: &'static Code,
    pub(super) severity: Severity,
    /// What it holds, after the path: `holds …`.
    pub(super) what: String,
    /// The value's length class and fingerprint.
    pub(super) traits: String,
}

impl Verdict {
    /// Of a value that only looks like a credential.
    pub(super) fn of_random(value: &str, stamp: &Stamp) -> Self {
        let what = "holds a long random value under a name that says nothing".to_owned();
        Self { code: &SECRET_RANDOM, severity: Severity::Medium, what, traits: stamp.traits(value) }
    }

    /// Whether it only looks like a credential.
    pub(super) fn is_likeness(&self) -> bool {
        self.code == &SECRET_RANDOM
    }

    /// Whether the value is one that others know or guess, wherever it is kept.
    pub(super) fn is_guess(&self) -> bool {
        self.code == &SECRET_DEFAULT || self.code == &SECRET_WEAK
    }
}

/// Judges one setting; `None` where it holds no credential.
pub(super) fn judge(setting: &Setting<'_>, stamp: &Stamp) -> Option<Verdict> {
    let verdict = |code: &'static Code, severity, what: String, value: &str| {
        Some(Verdict { code, severity, what, traits: stamp.traits(value) })
    };
    let text = setting.value.trim();
    if value::is_encrypted(text) {
        return None;
    }
    if tokens::has_private_key(text) {
        return verdict(&SECRET_PRIVATE_KEY, Critical, "holds a private key".to_owned(), text);
    }
    if let Some(issuer) = tokens::issuer(text) {
        return verdict(&SECRET_TOKEN, Critical, format!("holds a token of {issuer}"), text);
    }
    if let Some((user, password)) = value::userinfo(text) {
        return guessed(password, &[user], " in an address", stamp);
    }
    let literal = value::literal(text)?;
    let is_number = literal.chars().all(|letter| letter.is_ascii_digit() || letter == '.');
    let is_held = match meaning(setting.key) {
        _ if setting.is_kept_secret => !is_public(setting.key),
        Meaning::Password => {
            let is_key_name = value::is_name(literal) && literal.contains(['-', '_', '.']);
            let is_count = is_number && literal.len() < 4;
            !is_key_name && !is_count
        }
        Meaning::Secret => !value::is_name(literal) && !is_number,
        Meaning::Either => is_random(literal),
        Meaning::Identity => {
            return match guess(literal, &[]) {
                Some(Guess::Default(product)) if setting.key.to_ascii_lowercase().ends_with("id") => {
                    let what = format!("holds a default of {product}");
                    verdict(&SECRET_DEFAULT, High, what, literal)
                }
                _ => None,
            };
        }
        Meaning::Other => false,
    };
    if is_held { guessed(literal, setting.names, "", stamp) } else { None }
}

/// The verdict on a value that is a credential, by how it is guessed.
fn guessed(password: &str, names: &[&str], place: &str, stamp: &Stamp) -> Option<Verdict> {
    let (code, what) = match guess(password, names) {
        Some(Guess::Default(product)) => (&SECRET_DEFAULT, format!("holds a default credential of {product}{place}")),
        Some(Guess::Common) => (&SECRET_WEAK, format!("holds a common word{place}, as it is or with little added")),
        Some(Guess::Name) => (&SECRET_WEAK, format!("holds a name that stands beside it{place}, with little added")),
        Some(Guess::Short) => (&SECRET_WEAK, format!("holds a credential of less than 8 characters{place}")),
        None => (&SECRET_PLAINTEXT, format!("holds a credential in plain text{place}")),
    };
    Some(Verdict { code, severity: High, what, traits: stamp.traits(password) })
}

/// Whether a value looks made by a machine: long, of letters and digits, with much entropy.
pub(super) fn is_random(text: &str) -> bool {
    let has = |test: fn(&char) -> bool| text.chars().any(|letter| test(&letter));
    text.len() >= 16
        && text.len() <= 512
        && !text.contains(char::is_whitespace)
        && !text.contains("://")
        && has(char::is_ascii_digit)
        && has(char::is_ascii_alphabetic)
        && (has(char::is_ascii_uppercase) || text.chars().all(|letter| letter.is_ascii_hexdigit()))
        && value::entropy(text) >= 3.0
}

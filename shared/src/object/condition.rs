//! Conditions: the one status convention that nearly all kinds share.

use super::record::record;
use super::sym::{Sym, When};
use std::borrow::Cow;

record! {
    /// One entry of `status.conditions`.
    pub struct Condition {
        /// `Ready`, `Available`, …
        r#type: Sym,
        /// `True`, `False` or `Unknown`.
        status: Sym,
        /// A word for the reason.
        reason: Sym,
        /// The reason for people, cut at 2,000 characters.
        message: Message,
        /// When the status last changed.
        last_transition_time: When,
        /// When it was last written.
        last_update_time: When,
        /// The generation that the condition speaks of.
        observed_generation: Option<i64>,
    }
}

impl Condition {
    /// Whether the status is `True`.
    pub fn is_true(&self) -> bool {
        self.status.eq_ignore_ascii_case("true")
    }

    /// Whether the status is `False`.
    pub fn is_false(&self) -> bool {
        self.status.eq_ignore_ascii_case("false")
    }

    /// When this came to be: the transition, else the last update.
    pub fn since(&self) -> Option<jiff::Timestamp> {
        self.last_transition_time.get().or(self.last_update_time.get())
    }

    /// `reason: message`, or whichever of them is there.
    pub fn text(&self) -> Cow<'_, str> {
        match (self.reason.is_empty(), self.message.is_empty()) {
            (false, false) => Cow::Owned(format!("{}: {}", self.reason, &*self.message)),
            (false, true) => Cow::Borrowed(&self.reason),
            _ => Cow::Borrowed(&self.message),
        }
    }
}

/// The condition of type `name`.
pub fn find_condition<'a>(conditions: &'a [Condition], name: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| &*condition.r#type == name)
}

/// A message of a controller: free text, bounded when it is read.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Message(Box<str>);

/// Longer messages are cut here: what follows has never been the cause.
pub(super) const MESSAGE_LENGTH: usize = 2000;

impl std::ops::Deref for Message {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        if text.len() <= MESSAGE_LENGTH {
            return Self(text.into());
        }
        Self(text.chars().take(MESSAGE_LENGTH).collect::<String>().into())
    }
}

impl<'de> serde::Deserialize<'de> for Message {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Reader;
        impl serde::de::Visitor<'_> for Reader {
            type Value = Message;
            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("a string")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Message, E> {
                Ok(Message::from(text))
            }
            fn visit_unit<E: serde::de::Error>(self) -> Result<Message, E> {
                Ok(Message::default())
            }
        }
        input.deserialize_any(Reader)
    }
}

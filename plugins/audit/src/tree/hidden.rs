//! A text that may be a credential: it cannot be printed by accident.

use std::fmt;

/// A text of a file. `Debug` does not show it, and there is no `Display`.
#[derive(Clone)]
pub(crate) struct Hidden(Box<str>);

impl Hidden {
    pub(crate) fn new(text: String) -> Self {
        Self(text.into_boxed_str())
    }

    /// The text, to be looked at and not to be kept or printed.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("[hidden]")
    }
}

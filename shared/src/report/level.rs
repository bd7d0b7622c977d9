//! The levels of a verdict, from well to broken.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How an object is. The order is the order of urgency: a later level wins over an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// It is as it should be.
    Ok,
    /// Not installed, or gone, where nothing expects it.
    Absent,
    /// Held on purpose: somebody paused or suspended it.
    Suspended,
    /// On its way, within its time.
    Progressing,
    /// It could not be read, or nobody can tell.
    Unknown,
    /// It works, and will not for long or not in every case.
    Warn,
    /// It is broken.
    Fail,
}

impl Level {
    /// Every level, in order.
    pub const ALL: [Self; 7] =
        [Self::Ok, Self::Absent, Self::Suspended, Self::Progressing, Self::Unknown, Self::Warn, Self::Fail];

    /// The word that reports print: `OK`, `FAIL`, …
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Absent => "ABSENT",
            Self::Suspended => "SUSPENDED",
            Self::Progressing => "PROGRESSING",
            Self::Unknown => "UNKNOWN",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.word())
    }
}

impl FromStr for Level {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|level| level.word().eq_ignore_ascii_case(text))
            .ok_or_else(|| format!("no level {text:?}: one of ok, absent, suspended, progressing, unknown, warn, fail"))
    }
}

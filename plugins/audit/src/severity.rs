//! How much a finding matters.

use mlops_shared::report::Level;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How much a finding matters. The order is the order of urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Good practice is not followed.
    Low,
    /// It helps somebody who is already inside, or breaks with the next upgrade.
    Medium,
    /// It gives away data, or power over a namespace.
    High,
    /// It gives away the cluster, or the data of the whole platform.
    Critical,
}

impl Severity {
    /// Every severity, in order.
    pub const ALL: [Self; 5] = [Self::Info, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// Its word in capitals, as reports print it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
            Self::Critical => "CRITICAL",
        }
    }

    /// The level of health's scale that looks as urgent: what colours go by.
    pub const fn level(self) -> Level {
        match self {
            // Neither well nor a reason to be woken.
            Self::Info => Level::Suspended,
            Self::Low => Level::Progressing,
            Self::Medium => Level::Warn,
            Self::High | Self::Critical => Level::Fail,
        }
    }
}

impl Severity {
    /// Its number on the scale of CVSS: the middle of the range that code scanning gives that word.
    pub const fn score(self) -> f32 {
        match self {
            Self::Info => 0.0,
            Self::Low => 2.0,
            Self::Medium => 5.5,
            Self::High => 8.0,
            Self::Critical => 9.5,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.word())
    }
}

impl FromStr for Severity {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|severity| severity.word().eq_ignore_ascii_case(text));
        known.ok_or_else(|| format!("no severity {text:?}: one of info, low, medium, high, critical"))
    }
}

//! What a report offers to readers of static analysis: findings with rules, places and fingerprints.

use super::{Code, Level, Subject};
use std::borrow::Cow;

/// Findings as code scanning knows them.
#[derive(Debug, Clone)]
pub struct Analysis<'a> {
    /// The tool's name: `kubectl-mlops-audit`.
    pub tool: &'static str,
    /// Its version.
    pub version: &'a str,
    /// The instant that findings were made for, RFC 3339.
    pub at: &'a str,
    /// The findings, accepted ones among them.
    pub results: Vec<Located<'a>>,
    /// What could not be checked, a line each. Where there is any, the run did not succeed.
    pub gaps: Vec<Cow<'a, str>>,
}

/// One finding.
#[derive(Debug, Clone)]
pub struct Located<'a> {
    /// The rule that it breaks.
    pub rule: &'static Code,
    /// How urgent it is: FAIL is an error, WARN a warning, anything else a note.
    pub level: Level,
    /// The word for that on the report's own scale, in lower case: `critical`.
    pub severity: Cow<'a, str>,
    /// The same as a number on the scale of CVSS, 0 to 10, by which code scanning sorts.
    pub score: f32,
    /// What it is about.
    pub subject: Subject<'a>,
    /// Where in the object; empty for the whole.
    pub path: &'a str,
    /// File, as it is found from where the run was started, and line from 1.
    pub place: Option<(Cow<'a, str>, Option<u32>)>,
    /// What is wrong, in one line.
    pub message: &'a str,
    /// Lines that support it.
    pub evidence: &'a [String],
    /// What stays the same of it from run to run.
    pub fingerprint: &'a str,
    /// What accepts it, where something does.
    pub accepted: Option<Acceptance<'a>>,
}

/// What accepts a finding.
#[derive(Debug, Clone, Copy)]
pub struct Acceptance<'a> {
    /// Whether that stands beside the finding, as a comment, and not in a file of its own.
    pub is_in_source: bool,
    /// By what, and the reason that was given; either may be empty.
    pub by: &'a str,
    /// The reason.
    pub reason: &'a str,
}

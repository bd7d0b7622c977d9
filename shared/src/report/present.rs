//! What a report must offer to be printed in every format.

use super::{Analysis, Document, Level};
use serde::Serialize;
use std::borrow::Cow;

/// How much a document should hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Detail {
    /// Rows of the table of objects; 0 for no such table.
    pub objects: usize,
    /// Findings before the rest is counted.
    pub findings: usize,
    /// Lines of evidence a finding.
    pub evidence: usize,
    /// Named effects a finding.
    pub effects: usize,
    /// Whether the document is a page, which draws bars and has numbers first.
    pub is_page: bool,
    /// Findings below this level are left out, and counted.
    pub show: Level,
}

impl Detail {
    /// What fits on a screen.
    pub const SUMMARY: Self =
        Self { objects: 0, findings: 25, evidence: 2, effects: 3, is_page: false, show: Level::Suspended };
    /// Everything.
    pub const WIDE: Self = Self {
        objects: usize::MAX,
        findings: usize::MAX,
        evidence: usize::MAX,
        effects: 200,
        is_page: false,
        show: Level::Suspended,
    };

    /// The same for findings at or above a level.
    #[must_use]
    pub const fn show(self, show: Level) -> Self {
        Self { show, ..self }
    }
}

/// A report that every format can print. The serialised form is what JSON and YAML print and is
/// stable; the document is what people read. No clock: ages are relative to the report's own time.
pub trait Present: Serialize {
    /// What it says to people.
    fn document(&self, detail: &Detail) -> Document<'_>;

    /// Everything that was checked, with its result, for the formats that list things (name,
    /// junit); also what was found missing and what could not be read.
    fn cases(&self) -> Vec<Case<'_>> {
        Vec::new()
    }

    /// Its numbers, for prometheus.
    fn metrics(&self) -> Vec<Metric<'_>> {
        Vec::new()
    }

    /// Its findings as static analysis knows them, for sarif; nothing where it has no such form.
    fn analysis(&self) -> Option<Analysis<'_>> {
        None
    }
}

/// One thing that was checked.
#[derive(Debug, Clone)]
pub struct Case<'a> {
    /// The context that leads to its cluster, where there are several.
    pub context: Option<&'a str>,
    /// The group that it is counted in: an area, or a cluster where there are several.
    pub suite: &'a str,
    /// What it is.
    pub subject: Subject<'a>,
    /// How it is.
    pub level: Level,
    /// The kind of finding.
    pub code: &'a str,
    /// Why, in one line.
    pub message: &'a str,
    /// Lines that support it.
    pub evidence: &'a [String],
}

/// What a case is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject<'a> {
    /// An object that exists.
    Object {
        /// API group; empty for the core group.
        group: &'a str,
        /// Kind.
        kind: &'a str,
        /// Namespace; empty for cluster-scoped objects.
        namespace: &'a str,
        /// Name.
        name: &'a str,
    },
    /// Something that is not an object to be found: a missing one, a kind that could not be read.
    Other(Cow<'a, str>),
}

impl Subject<'_> {
    /// The name by which people know it: `Pod/data-plane/broker-3`.
    pub fn label(&self) -> Cow<'_, str> {
        match self {
            Self::Object { kind, namespace: "", name, .. } => Cow::Owned(format!("{kind}/{name}")),
            Self::Object { kind, namespace, name, .. } => Cow::Owned(format!("{kind}/{namespace}/{name}")),
            Self::Other(text) => Cow::Borrowed(text),
        }
    }
}

/// A family of gauges in Prometheus' sense.
#[derive(Debug, Clone)]
pub struct Metric<'a> {
    /// Its name, valid as it is.
    pub name: &'static str,
    /// What it is.
    pub help: &'static str,
    /// The samples; whoever makes them bounds their number.
    pub samples: Vec<Sample<'a>>,
}

/// One sample.
#[derive(Debug, Clone)]
pub struct Sample<'a> {
    /// Label names, valid as they are, with values, untrusted.
    pub labels: Vec<(&'static str, Cow<'a, str>)>,
    /// The value.
    pub value: f64,
}

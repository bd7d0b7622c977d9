//! What came of trying a restore.

use mlops_shared::report::document::{Line, Text};
use mlops_shared::report::{Document, Level};
use mlops_shared::text;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// So many lines of one sort are printed.
const TOLD: usize = 20;

/// What came of trying a restore in a cluster.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrialReport {
    /// The context of the cluster.
    pub(crate) context: String,
    /// `none` or `client`.
    pub(crate) dry_run: String,
    /// The namespaces that were made for it, and removed again unless `left` names them.
    pub(crate) namespaces: Vec<String>,
    /// Objects that the API server would take.
    pub(crate) accepted: usize,
    /// Objects that were made and came back as they were.
    pub(crate) restored: usize,
    /// Objects without a namespace that are there: the same, and others.
    pub(crate) there: There,
    /// Objects that no restore makes, by the reason.
    pub(crate) passed_over: BTreeMap<String, usize>,
    /// With level 4, objects that were only asked about, by the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) only_asked: BTreeMap<String, usize>,
    /// Objects of which nobody can tell, with the reason.
    pub(crate) unknown: Vec<String>,
    /// Namespaces that could not be removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) left: Vec<String>,
}

/// Objects without a namespace that the cluster has as well.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct There {
    /// They are the same.
    pub(crate) equal: usize,
    /// They differ.
    pub(crate) differ: usize,
}

impl TrialReport {
    /// Whether something was not tried, or is left behind.
    pub(crate) fn is_partial(&self) -> bool {
        !self.unknown.is_empty() || !self.left.is_empty()
    }

    /// What it says to people.
    pub(crate) fn tell<'a>(&'a self, document: &mut Document<'a>) {
        document.heading("Tried");
        let names = self.namespaces.join(", ");
        if self.dry_run == "client" {
            document
                .line(Line::plain(format!("would be tried in {}, in namespaces made for it: {names}", self.context)));
        } else {
            document.line(Line::plain(format!("in {}, in namespaces made for it: {names}", self.context)));
        }
        let mut counts = vec![format!("{} accepted", text::plural(self.accepted, "object"))];
        if self.restored > 0 {
            counts.push(format!("{} made, and the same as in the archive", self.restored));
        }
        if self.there.equal + self.there.differ > 0 {
            counts.push(format!("{} there and the same, {} there and different", self.there.equal, self.there.differ));
        }
        document.line(Line::plain(counts.join("; ")));
        for (heading, reasons) in [("only asked about", &self.only_asked), ("no part of a restore", &self.passed_over)]
        {
            if !reasons.is_empty() {
                let all: Vec<String> = reasons.iter().map(|(why, count)| format!("{count}: {why}")).collect();
                document.line(Line::faint(format!("{heading}: {}", all.join("; "))));
            }
        }
        for line in self.unknown.iter().take(TOLD) {
            document.line(Line::marked(Level::Unknown, Text::from(line.as_str())));
        }
        if self.unknown.len() > TOLD {
            document.line(Line::faint(format!("and {} more: -o json", self.unknown.len() - TOLD)));
        }
        for name in &self.left {
            let what = format!("namespace {name} is still there: `kubectl delete namespace {name}`");
            document.line(Line::marked(Level::Unknown, what));
        }
    }
}

//! What `snapshots` reports: the stable form, and what it says to people.

use mlops_shared::report::document::{Block, Cell, Column, Line, Table, Tone};
use mlops_shared::report::{Detail, Document, Level, Present, View, whose};
use mlops_shared::text;
use schemars::JsonSchema;
use serde::Serialize;

/// Claims and their snapshots.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotReport {
    /// `mlops/v1`
    pub(crate) api_version: String,
    /// `SnapshotReport`
    pub(crate) kind: String,
    /// The instant that it holds for, RFC 3339.
    pub(crate) generated_at: String,
    /// Whose view this is.
    pub(crate) view: View,
    /// Whether something could not be read.
    pub(crate) partial: bool,
    /// The claims, the worst first.
    pub(crate) claims: Vec<ClaimSnapshots>,
    /// Snapshots whose claim is not there, or that were made of a content.
    pub(crate) others: Vec<SnapshotRow>,
    /// Contents whose snapshot is not there.
    pub(crate) loose: Vec<LooseContent>,
    /// What could not be read.
    pub(crate) gaps: Vec<String>,
    /// Things to know.
    pub(crate) notes: Vec<String>,
}

/// A claim.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimSnapshots {
    /// Namespace.
    pub(crate) namespace: String,
    /// Name.
    pub(crate) name: String,
    /// OK: a snapshot that is ready, bound and fresh; WARN: the same, and something to know; FAIL: none; UNKNOWN.
    pub(crate) level: Level,
    /// That in words.
    pub(crate) message: String,
    /// What it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) size: Option<String>,
    /// The CSI driver of its volume, where there is a class for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) driver: Option<String>,
    /// The VolumeSnapshotClass that would be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) class: Option<String>,
    /// Its snapshots, the newest first.
    pub(crate) snapshots: Vec<SnapshotRow>,
}

/// A VolumeSnapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotRow {
    /// Namespace.
    pub(crate) namespace: String,
    /// Name.
    pub(crate) name: String,
    /// The claim that it is of; empty where it was made of a content.
    pub(crate) claim: String,
    /// Whether it says that it can be restored from.
    pub(crate) ready: bool,
    /// When it was taken, as its driver says, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) taken_at: Option<String>,
    /// How long ago that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) age: Option<String>,
    /// Its VolumeSnapshotContent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) content: Option<String>,
    /// Whether snapshot and content name each other; absent where contents could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bound: Option<bool>,
    /// `Delete`: the data goes with the VolumeSnapshot. `Retain`: it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deletion_policy: Option<String>,
    /// How large a claim must be to restore it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) restore_size: Option<String>,
    /// What its driver says went wrong last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// What to know before it is relied on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) warnings: Vec<String>,
    /// Whether `snapshots --create` made it.
    pub(crate) made_here: bool,
}

/// A VolumeSnapshotContent without its snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LooseContent {
    /// Name.
    pub(crate) name: String,
    /// The snapshot that it names, as `NAMESPACE/NAME`.
    pub(crate) snapshot: String,
    /// `Delete` or `Retain`.
    pub(crate) deletion_policy: String,
    /// What is wrong.
    pub(crate) why: String,
}

impl SnapshotReport {
    /// Whether a claim is without a snapshot that would serve.
    pub(crate) fn has_findings(&self) -> bool {
        self.claims.iter().any(|claim| claim.level == Level::Fail)
    }
}

impl Present for SnapshotReport {
    fn document(&self, detail: &Detail) -> Document<'_> {
        let open = self.claims.iter().filter(|claim| claim.level == Level::Fail).count();
        let total = text::plural(self.claims.len(), "claim");
        let headline = match (open, self.partial) {
            (0, true) => Line::marked(Level::Unknown, format!("{total}; PARTIAL: not everything could be read")),
            (0, false) if self.claims.iter().any(|claim| claim.level == Level::Warn) => {
                Line::marked(Level::Warn, format!("{total}, each with a fresh snapshot; read what there is to know"))
            }
            (0, false) => Line::marked(Level::Ok, format!("{total}, none without a fresh snapshot")),
            (open, _) => Line::marked(Level::Fail, format!("{open} of {total} without a snapshot that would serve")),
        };
        let mut document = Document::new(format!("Snapshots of {}", whose(&self.view)), headline);
        if !self.claims.is_empty() {
            document.heading("Claims");
            let mut table = Table::new([
                Column::new("LEVEL"),
                Column::new("CLAIM"),
                Column::new("SIZE").right().optional(),
                Column::new("SNAPSHOTS").right(),
                Column::new("CLASS").optional(),
                Column::new("STATE").flex(3),
            ]);
            table.omitted = self.claims.len().saturating_sub(detail.findings);
            for claim in self.claims.iter().take(detail.findings) {
                table.row([
                    Cell::level(claim.level),
                    Cell::toned(format!("{}/{}", claim.namespace, claim.name), Tone::Strong),
                    Cell::or_dash(claim.size.as_deref().unwrap_or_default()),
                    Cell::from(claim.snapshots.len().to_string()),
                    Cell::or_dash(claim.class.as_deref().unwrap_or_default()),
                    Cell::from(claim.message.as_str()),
                ]);
            }
            document.blocks.push(Block::Table(table));
        }
        let all: Vec<&SnapshotRow> =
            self.claims.iter().flat_map(|claim| &claim.snapshots).chain(&self.others).collect();
        if !all.is_empty() {
            document.heading("Snapshots");
            document.blocks.push(Block::Table(rows(&all, detail)));
        }
        if !self.loose.is_empty() {
            document.heading("Contents without their snapshot");
            for it in self.loose.iter().take(detail.findings) {
                let fate = match it.deletion_policy.as_str() {
                    "Retain" => "its data stays until somebody deletes it",
                    _ => "it waits for its deletion",
                };
                let text = format!("{} of {}: {}; {} ({fate})", it.name, it.snapshot, it.why, it.deletion_policy);
                document.line(Line::marked(Level::Warn, text));
            }
            document.more(self.loose.len(), detail.findings);
        }
        self.gaps.iter().for_each(|gap| document.line(Line::marked(Level::Unknown, gap.as_str())));
        self.notes.iter().for_each(|note| document.line(Line::plain(format!("note: {note}"))));
        document
    }
}

fn rows<'a>(all: &[&'a SnapshotRow], detail: &Detail) -> Table<'a> {
    let mut table = Table::new([
        Column::new("SNAPSHOT"),
        Column::new("CLAIM").optional(),
        Column::new("READY"),
        Column::new("AGE").right(),
        Column::new("BOUND"),
        Column::new("POLICY"),
        Column::new("RESTORES").right().optional(),
        Column::new("TO KNOW").flex(3),
    ]);
    table.omitted = all.len().saturating_sub(detail.findings);
    for row in all.iter().take(detail.findings) {
        let mut words: Vec<&str> = row.error.iter().map(String::as_str).collect();
        words.extend(row.warnings.iter().map(String::as_str));
        let bound = match row.bound {
            Some(true) => "yes",
            Some(false) => "no",
            None => "unknown",
        };
        let tone = |is_well: bool| if is_well { Tone::Plain } else { Tone::Level(Level::Warn) };
        table.row([
            Cell::toned(format!("{}/{}", row.namespace, row.name), Tone::Strong),
            Cell::or_dash(row.claim.as_str()),
            Cell::toned(if row.ready { "yes" } else { "no" }, tone(row.ready)),
            Cell::or_dash(row.age.as_deref().unwrap_or_default()),
            Cell::toned(bound, tone(row.bound == Some(true))),
            Cell::or_dash(row.deletion_policy.as_deref().unwrap_or_default()),
            Cell::or_dash(row.restore_size.as_deref().unwrap_or_default()),
            Cell::or_dash(words.join("; ")),
        ]);
    }
    table
}

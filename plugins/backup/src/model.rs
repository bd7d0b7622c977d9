//! What the commands report: the stable form of JSON and YAML, and what it says to people.

use crate::trial::TrialReport;
use mlops_shared::archive::{Class, Manifest, Secrets};
use mlops_shared::report::document::{Block, Cell, Column, Line, Table, Tone};
use mlops_shared::report::{Detail, Document, Level, Present};
use mlops_shared::text;
use schemars::JsonSchema;
use serde::Serialize;

/// What `create` wrote.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackupReport {
    /// `mlops/v1`
    pub(crate) api_version: String,
    /// `BackupReport`
    pub(crate) kind: String,
    /// The archive's path.
    pub(crate) archive: String,
    /// Its size.
    pub(crate) archive_bytes: u64,
    /// Its SHA-256 digest.
    pub(crate) archive_sha256: String,
    /// The path of its signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) signature: Option<String>,
    /// What it says of itself.
    pub(crate) manifest: Manifest,
}

/// What `verify` found.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerifyReport {
    /// `mlops/v1`
    pub(crate) api_version: String,
    /// `BackupVerification`
    pub(crate) kind: String,
    /// The archive's path.
    pub(crate) archive: String,
    /// How far it was checked: 1 digests and signature, 2 objects and owners, 3 what the API server says of each, 4 what came back
    /// of it.
    pub(crate) level: u8,
    /// Its signature; absent where none was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) signature: Option<SignatureReport>,
    /// Whether all of it was read and every digest holds.
    #[serde(rename = "read")]
    pub(crate) is_read: bool,
    /// Objects that were checked.
    pub(crate) objects: u64,
    /// What the archive says of itself; absent where it could not be opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) manifest: Option<Manifest>,
    /// What came of trying it in a cluster; absent below level 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trial: Option<TrialReport>,
    /// What does not hold together, or would not come back.
    pub(crate) findings: Vec<String>,
    /// Things to know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) notes: Vec<String>,
}

/// A signature that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignatureReport {
    /// What the signer says, covered by the signature.
    pub(crate) comment: String,
}

impl VerifyReport {
    /// Whether not everything was looked at, or not everything is in it.
    pub(crate) fn is_partial(&self) -> bool {
        !self.is_read
            || self.manifest.as_ref().is_some_and(|manifest| manifest.partial)
            || self.trial.as_ref().is_some_and(TrialReport::is_partial)
    }
}

/// A size for people.
pub(crate) fn size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", units[unit])
}

fn secrets(manifest: &Manifest) -> &'static str {
    match (manifest.secrets, manifest.encrypted) {
        (Secrets::Kept, _) => "with their values, encrypted",
        (Secrets::Names, _) => "names of keys only",
        (Secrets::Omitted, _) => "omitted",
    }
}

/// What a manifest says: facts, what could not be read, and with `wide` every kind.
pub(crate) fn manifest<'a>(manifest: &'a Manifest, detail: &Detail, document: &mut Document<'a>) {
    let cluster = &manifest.cluster;
    let mut facts: Vec<(mlops_shared::report::document::Text<'a>, Cell<'a>)> = vec![
        (
            "Cluster".into(),
            Cell::from(match &cluster.server_version {
                Some(version) => format!("{} at {}, {version}", cluster.context, cluster.server),
                None => format!("{} at {}", cluster.context, cluster.server),
            }),
        ),
        ("Taken at".into(), Cell::from(manifest.created_at.as_str())),
        ("Secrets".into(), Cell::from(secrets(manifest))),
        ("Content".into(), Cell::from(manifest.index.sha256.as_str())),
    ];
    let scope = &manifest.scope;
    if !scope.is_whole() {
        let mut parts = Vec::new();
        parts.extend(scope.of.iter().map(|of| format!("what makes up {of}")));
        if !scope.namespaces.is_empty() {
            parts.push(format!("namespaces {}", scope.namespaces.join(", ")));
        }
        if let Some(selector) = &scope.selector {
            parts.push(format!("labels {selector}"));
        }
        if !scope.kinds.is_empty() && scope.of.is_none() {
            parts.push(format!("kinds {}", scope.kinds.join(", ")));
        }
        facts.insert(2, ("Only".into(), Cell::from(parts.join("; "))));
    }
    let mut classes: std::collections::BTreeMap<Class, u64> = std::collections::BTreeMap::new();
    for (class, count) in manifest.kinds.iter().flat_map(|kind| &kind.classes) {
        *classes.entry(*class).or_default() += count;
    }
    let rebuilt: Vec<String> = classes.iter().map(|(class, count)| format!("{count} by {}", word(*class))).collect();
    if !rebuilt.is_empty() {
        facts.push(("Made again".into(), Cell::from(rebuilt.join(", "))));
    }
    document.blocks.push(Block::KeyValues(facts));
    let failed: Vec<_> = manifest.kinds.iter().filter(|kind| kind.failure.is_some()).collect();
    if !failed.is_empty() {
        document.heading("Could not be read");
        for kind in failed {
            let name =
                if kind.group.is_empty() { kind.resource.clone() } else { format!("{}.{}", kind.resource, kind.group) };
            let why = kind.failure.as_deref().unwrap_or_default();
            let some =
                if kind.objects > 0 { format!(" (only {} of them are here)", kind.objects) } else { String::new() };
            document.line(Line::marked(Level::Unknown, format!("{name}{some}: {why}")));
        }
    }
    if detail.objects > 0 {
        document.heading("Kinds");
        let mut table = Table::new([
            Column::new("KIND"),
            Column::new("GROUP").optional(),
            Column::new("VERSION").optional(),
            Column::new("OBJECTS").right(),
            Column::new("LEFT OUT").right().optional(),
            Column::new("BY NOBODY").right(),
        ]);
        for kind in manifest.kinds.iter().filter(|kind| kind.objects > 0 || !kind.left_out.is_empty()) {
            table.row([
                Cell::toned(kind.kind.as_str(), Tone::Strong),
                Cell::or_dash(kind.group.as_str()),
                Cell::from(kind.version.as_str()),
                Cell::from(kind.objects.to_string()),
                Cell::from(kind.left_out.values().sum::<u64>().to_string()),
                Cell::from(kind.classes.get(&Class::Nobody).copied().unwrap_or_default().to_string()),
            ]);
        }
        table.filter = true;
        document.blocks.push(Block::Table(table));
        document.heading("In no backup");
        for row in &manifest.left_out {
            let name = if row.group.is_empty() { row.kind.clone() } else { format!("{}.{}", row.kind, row.group) };
            document.line(Line::faint(format!("{name}: {}", row.why)));
        }
    }
    for note in &manifest.notes {
        document.line(Line::plain(format!("note: {note}")));
    }
}

fn word(class: Class) -> &'static str {
    match class {
        Class::Git => "Git",
        Class::Helm => "Helm",
        Class::Controller => "controllers",
        Class::Nobody => "nobody",
        Class::Unknown => "nobody knows whom",
    }
}

impl Present for BackupReport {
    fn document(&self, detail: &Detail) -> Document<'_> {
        let count = usize::try_from(self.manifest.objects).unwrap_or(usize::MAX);
        let what = format!("{} in {}, {}", text::plural(count, "object"), self.archive, size(self.archive_bytes));
        let headline = if self.manifest.partial {
            Line::marked(Level::Unknown, format!("{what}; PARTIAL: not everything could be read"))
        } else {
            Line::marked(Level::Ok, what)
        };
        let mut document = Document::new(format!("Backup of {}", self.manifest.cluster.context), headline);
        manifest(&self.manifest, detail, &mut document);
        if let Some(signature) = &self.signature {
            document.line(Line::plain(format!("signed: {signature}")));
        }
        document
    }
}

impl Present for VerifyReport {
    fn document(&self, detail: &Detail) -> Document<'_> {
        let count = usize::try_from(self.objects).unwrap_or(usize::MAX);
        let held = match (self.is_read, self.level) {
            (false, _) => "the signature holds; what it covers was not read".to_owned(),
            (true, 1) => format!("whole: {} as they were written", text::plural(count, "object")),
            (true, _) => format!("whole: {} as they were written, each with its owners", text::plural(count, "object")),
        };
        let headline = match (self.findings.len(), self.is_partial()) {
            (0, false) => Line::marked(Level::Ok, held),
            (0, true) => Line::marked(Level::Unknown, format!("{held}; PARTIAL")),
            (some, _) => Line::marked(Level::Fail, format!("{} in {}", text::plural(some, "finding"), self.archive)),
        };
        let mut document = Document::new(format!("Verification of {}", self.archive), headline);
        for finding in &self.findings {
            document.line(Line::marked(Level::Fail, finding.as_str()));
        }
        if let Some(signature) = &self.signature {
            document.line(Line::plain(format!("signature: {}", signature.comment)));
        }
        if let Some(trial) = &self.trial {
            trial.tell(&mut document);
        }
        if let Some(it) = &self.manifest {
            manifest(it, detail, &mut document);
        }
        for note in &self.notes {
            document.line(Line::plain(format!("note: {note}")));
        }
        document
    }
}

//! `backup list`: the archives of a folder, and what each says of itself.

use crate::args::{Args, ListArgs};
use crate::model::size;
use crate::record::{self, Record};
use crate::storage::{Input, Lying, Storage};
use crate::target::{ENCRYPTED, PLAIN};
use mlops_shared::archive::{ArchiveError, Flow, Identities, Limits, Manifest, SEAL_BYTES, SEAL_MAGIC, scan};
use mlops_shared::cli::{Exit, Failure};
use mlops_shared::report::document::{Block, Cell, Column, Line, Table, Tone};
use mlops_shared::report::{API_VERSION, Detail, Document, Level, Present, instant};
use mlops_shared::text;
use schemars::JsonSchema;
use serde::Serialize;
use std::io::{BufReader, SeekFrom};
use std::path::Path;

/// A folder with more archives is no folder of backups.
pub(crate) const MOST: usize = 10_000;

/// What is said of an archive without its end.
const CUT: &str = "it is cut: its end is not there";

/// So many in turn that their place does not give mean that it gives none.
const MISSED: usize = 3;

/// The archives of a folder.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListReport {
    /// `mlops/v1`
    pub(crate) api_version: String,
    /// `BackupList`
    pub(crate) kind: String,
    /// The folder.
    pub(crate) folder: String,
    /// The archives, newest first.
    pub(crate) archives: Vec<Found>,
}

/// An archive.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// Its file name.
    pub(crate) archive: String,
    /// Its size.
    pub(crate) bytes: u64,
    /// When reading began, RFC 3339; from the name where the archive does not open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) created_at: Option<String>,
    /// The context that it was read through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) context: Option<String>,
    /// The cluster's UID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cluster_uid: Option<String>,
    /// What it makes up, where it holds only that: `Kafka/data-plane/events`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) of: Option<String>,
    /// What was asked for, and what became of Secrets; `None` where that is not known.
    #[serde(skip)]
    pub(crate) scope: Option<String>,
    /// Objects in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) objects: Option<u64>,
    /// Whether something that was asked for is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) partial: Option<bool>,
    /// Whether it is encrypted.
    pub(crate) encrypted: bool,
    /// Whether a signature lies beside it. It is not verified here.
    pub(crate) signed: bool,
    /// When it was last verified, as recorded beside it for a file of this size; the digest is not computed here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) verified_at: Option<String>,
    /// Why nothing of it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// Whether it is only closed: encrypted, and no identity given.
    #[serde(default)]
    pub(crate) locked: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args, list: &ListArgs) -> Result<ListReport, Failure> {
    let identities =
        Identities::read(&args.source.identity).map_err(|error| crate::verify::broken(&list.folder, &error))?;
    let archives = look_at(&Storage::new(&args.s3), &list.folder, &identities)?;
    Ok(ListReport {
        api_version: API_VERSION.to_owned(),
        kind: "BackupList".to_owned(),
        folder: list.folder.display().to_string(),
        archives,
    })
}

/// What the archives of a folder or below a prefix say of themselves, newest first.
///
/// # Errors
/// When that cannot be listed, or its place gives several of them in turn no more.
pub(crate) fn look_at(storage: &Storage<'_>, folder: &Path, identities: &Identities) -> Result<Vec<Found>, Failure> {
    let (mut archives, mut missed) = (Vec::new(), 0);
    for lying in storage.archives(folder)? {
        let (found, failure) = look(storage, &lying, identities);
        missed = if failure.is_some() { missed + 1 } else { 0 };
        // One object may be damaged where it lies; after that it is the server, and the others would fail as slowly.
        if let Some(failure) = failure.filter(|failure| missed == MISSED || failure.exit == Exit::Interrupted) {
            return Err(failure);
        }
        archives.push(found);
    }
    sort(&mut archives);
    Ok(archives)
}

/// Newest first; what is of an unknown time comes last.
fn sort(archives: &mut [Found]) {
    archives.sort_by(|one, two| two.created_at.cmp(&one.created_at).then_with(|| one.archive.cmp(&two.archive)));
}

/// What an archive says of itself, and why its place did not give it; its objects are not read.
fn look(storage: &Storage<'_>, lying: &Lying, identities: &Identities) -> (Found, Option<Failure>) {
    let Lying { path, bytes, signed, recorded } = lying;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let (record, mut failure) = match recorded.then(|| record::read(storage, path)) {
        None => (None, None),
        Some(Ok(record)) => (record.filter(|record: &Record| record.bytes == *bytes), None),
        Some(Err(failure)) => (None, Some(failure)),
    };
    let mut found = Found {
        created_at: time_of_name(&name),
        encrypted: name.ends_with(ENCRYPTED),
        archive: name,
        bytes: *bytes,
        context: None,
        cluster_uid: None,
        of: None,
        scope: None,
        objects: None,
        partial: None,
        signed: *signed,
        verified_at: record.map(|record| record.verified_at),
        error: None,
        locked: false,
    };
    let mut manifest: Option<Manifest> = None;
    let head = &mut |told: &Manifest, _: &[_]| {
        manifest = Some(told.clone());
        Ok(Flow::Stop)
    };
    let scanned = match storage.open(path) {
        Ok(mut input) => {
            let is_whole = found.encrypted || is_sealed(&mut *input);
            let scanned = scan(BufReader::new(input), identities, &Limits::default(), head, &mut |_, _| Ok(Flow::Stop));
            if is_whole { scanned } else { scanned.and(Err(ArchiveError::Stopped(CUT.to_owned()))) }
        }
        Err(unopened) => {
            let message = unopened.message.clone();
            failure = Some(unopened).filter(|_| crate::s3::is_remote(path));
            Err(ArchiveError::Stopped(message))
        }
    };
    match scanned {
        Ok(()) => {}
        Err(ArchiveError::Locked) => found.locked = true,
        Err(ArchiveError::Unread(unread)) => failure = Some(crate::storage::unread(&unread)),
        Err(error) => found.error = Some(error.to_string()),
    }
    if let Some(failure) = &failure {
        found.error = Some(failure.message.clone());
    }
    if let Some(manifest) = manifest {
        found.created_at = Some(manifest.created_at);
        found.context = Some(manifest.cluster.context);
        found.cluster_uid = manifest.cluster.uid;
        found.scope = serde_json::to_string(&(&manifest.scope, manifest.secrets)).ok();
        found.of = manifest.scope.of;
        found.objects = Some(manifest.objects);
        found.partial = Some(manifest.partial);
    }
    (found, failure)
}

/// Whether an archive that is not encrypted ends as a whole one does; it is back at its beginning then. What cannot be
/// read at all is told by whoever reads on.
fn is_sealed(input: &mut dyn Input) -> bool {
    let mut seal = [0; SEAL_MAGIC.len()];
    let length = i64::try_from(SEAL_BYTES).unwrap_or_default();
    let end = input.seek(SeekFrom::End(-length)).and_then(|_| input.read_exact(&mut seal));
    let is_back = input.seek(SeekFrom::Start(0)).is_ok();
    is_back && (end.as_ref().is_err_and(|error| error.get_ref().is_some()) || (end.is_ok() && seal == SEAL_MAGIC))
}

/// The instant in a name that `create` makes up: `backup-prod-20261127T030000Z.tar.zst`.
fn time_of_name(name: &str) -> Option<String> {
    let stem = name.strip_suffix(ENCRYPTED).or_else(|| name.strip_suffix(PLAIN))?;
    let (_, time) = stem.rsplit_once('-')?;
    let is_digits =
        |range: std::ops::Range<usize>| time.get(range).is_some_and(|it| it.bytes().all(|it| it.is_ascii_digit()));
    let fits = time.len() == 16 && is_digits(0..8) && &time[8..9] == "T" && is_digits(9..15) && time.ends_with('Z');
    let part = |range: std::ops::Range<usize>| time.get(range).unwrap_or_default();
    let text =
        format!("{}-{}-{}T{}:{}:{}Z", part(0..4), part(4..6), part(6..8), part(9..11), part(11..13), part(13..15));
    text.parse::<jiff::Timestamp>().ok().filter(|_| fits).map(|_| text)
}

impl ListReport {
    /// Whether some archive could not be read though nothing kept it closed.
    pub(crate) fn is_partial(&self) -> bool {
        self.archives.iter().any(|found| found.error.is_some())
    }
}

impl Present for ListReport {
    fn document(&self, _: &Detail) -> Document<'_> {
        let what = format!("{} in {}", text::plural(self.archives.len(), "archive"), self.folder);
        let broken = self.archives.iter().filter(|found| found.error.is_some()).count();
        let headline = match broken {
            0 => Line::plain(what),
            some => Line::marked(Level::Fail, format!("{what}, {some} of them broken")),
        };
        let mut document = Document::new(format!("Backups in {}", self.folder), headline);
        let mut table = Table::new([
            Column::new("ARCHIVE"),
            Column::new("TAKEN AT"),
            Column::new("CLUSTER").optional(),
            Column::new("OBJECTS").right(),
            Column::new("SIZE").right(),
            Column::new("SIGNED").optional(),
            Column::new("VERIFIED").optional(),
            Column::new("STATE").flex(2),
        ]);
        for found in &self.archives {
            let (state, tone) = match (&found.error, found.locked, found.partial) {
                (Some(error), ..) => (error.as_str(), Tone::Level(Level::Fail)),
                (None, true, _) => ("encrypted; --identity opens it", Tone::Faint),
                (None, false, Some(true)) => ("partial", Tone::Level(Level::Unknown)),
                _ => ("complete", Tone::Plain),
            };
            table.row([
                Cell::toned(found.archive.as_str(), Tone::Strong),
                Cell::or_dash(found.created_at.as_deref().map(instant).unwrap_or_default()),
                Cell::or_dash(found.context.as_deref().unwrap_or_default()),
                Cell::or_dash(found.objects.map(|count| count.to_string()).unwrap_or_default()),
                Cell::from(size(found.bytes)),
                Cell::from(if found.signed { "yes" } else { "no" }),
                Cell::or_dash(found.verified_at.as_deref().map(instant).unwrap_or_default()),
                Cell::toned(state, tone),
            ]);
        }
        if !table.rows.is_empty() {
            document.blocks.push(Block::Table(table));
        }
        document
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_time_where_they_were_made_up() {
        assert_eq!(
            time_of_name("backup-prod-eu-20261127T030405Z.tar.zst.age").as_deref(),
            Some("2026-11-27T03:04:05Z")
        );
        for name in
            ["backup.tar.zst", "backup-20261327T030405Z.tar.zst", "x-20261127T030405.tar.zst", "a-ééééééééT.tar.zst"]
        {
            assert_eq!(time_of_name(name), None, "{name}");
        }
    }
}

//! Files as a source: what a path holds is found out, read within limits, and put into an inventory.

use super::folder;
use super::layout::{self, Role};
use super::{Decode, Gathered, Snapshot, SourceError, backup, json, yaml};
use crate::archive::is_archive;
use crate::object::{Decoded, InventoryBuilder, Section, SectionState, Sym, TypeMeta, Unread, decode_kept};
use crate::report::View;
use crate::text;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Limits of what is read.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of one JSON file, or of all that an archive unpacks to.
    pub stream_bytes: u64,
    /// Bytes of one YAML file: documents are held whole.
    pub yaml_bytes: u64,
    /// Objects in all.
    pub objects: usize,
    /// Files of a folder or archive.
    pub files: usize,
    /// Depth of folders.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { stream_bytes: 4 << 30, yaml_bytes: 128 << 20, objects: 1_000_000, files: 100_000, depth: 32 }
    }
}

/// What to read.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// A folder, a file, or `-` for standard input.
    pub path: &'a Path,
    /// Files with what opens an encrypted backup.
    pub identities: &'a [PathBuf],
}

impl<'a> From<&'a Path> for Origin<'a> {
    fn from(path: &'a Path) -> Self {
        Self { path, identities: &[] }
    }
}

/// Reads a folder, a file, or standard input (`-`) into an inventory.
///
/// # Errors
/// As [`gather`].
pub fn read_path<'a>(origin: impl Into<Origin<'a>>, limits: &Limits) -> Result<Snapshot, SourceError> {
    gather(origin, limits, &decode_kept).map(snapshot)
}

/// Reads a stream called `name` into an inventory.
///
/// # Errors
/// As [`gather`].
pub fn read_stream(input: impl BufRead, name: &str, limits: &Limits) -> Result<Snapshot, SourceError> {
    gather_stream(input, (name, &[]), limits, &decode_kept).map(snapshot)
}

/// Reads a folder, a file, or standard input (`-`), and keeps of each object what `decode` makes of it.
///
/// # Errors
/// When the path cannot be opened, when a single file is broken, or when nothing in it is an
/// object. A broken file in a folder or archive is a gap instead.
pub fn gather<'a, T>(
    origin: impl Into<Origin<'a>>,
    limits: &Limits,
    decode: &Decode<'_, T>,
) -> Result<Gathered<T>, SourceError> {
    let Origin { path, identities } = origin.into();
    let name = path.display().to_string();
    if name == "-" {
        return gather_stream(io::stdin().lock(), ("-", identities), limits, decode);
    }
    let open_error = |reason| SourceError::Open { path: name.clone(), reason };
    let kind = fs::symlink_metadata(path).map_err(open_error)?;
    // The path that a person gives may be a link; what is found inside a folder may not.
    let kind = if kind.is_symlink() { fs::metadata(path).map_err(open_error)? } else { kind };
    if kind.is_dir() {
        let mut collector = Collector::new(*limits, decode);
        collector.folder(path)?;
        collector.finish(&name)
    } else if kind.is_file() {
        let file = File::open(path).map_err(open_error)?;
        gather_stream(BufReader::with_capacity(1 << 16, file), (&name, identities), limits, decode)
    } else if is_pipe(&kind) {
        // A process substitution: `--from <(kubectl get …)`.
        let file = File::open(path).map_err(open_error)?;
        gather_stream(BufReader::new(file), (&name, identities), limits, decode)
    } else {
        Err(SourceError::NotAFile(name))
    }
}

/// Whether a file or folder of this name is read: a hidden one belongs to a program.
fn is_shown(name: &str) -> bool {
    !name.starts_with('.')
}

#[cfg(unix)]
fn is_pipe(kind: &fs::Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    kind.file_type().is_fifo()
}

#[cfg(not(unix))]
fn is_pipe(_: &fs::Metadata) -> bool {
    false
}

/// Reads a stream called `name`: JSON, YAML, a gzipped tar archive of such files, or a backup, which the keys in `identities` open.
///
/// # Errors
/// As [`gather`].
pub fn gather_stream<T>(
    mut input: impl BufRead,
    (name, identities): (&str, &[PathBuf]),
    limits: &Limits,
    decode: &Decode<'_, T>,
) -> Result<Gathered<T>, SourceError> {
    let mut collector = Collector::new(*limits, decode);
    let start = input.fill_buf().map_err(|reason| SourceError::Open { path: name.to_owned(), reason })?;
    if is_archive(start) {
        return backup::gather(input, (name, identities), limits, decode);
    }
    if start.starts_with(&[0x1f, 0x8b]) {
        collector.archive(flate2::bufread::MultiGzDecoder::new(input), name)?;
    } else {
        let fallback = match layout::role(name) {
            Role::Objects(fallback) => fallback,
            Role::CollectorErrors(_) | Role::Other => None,
        };
        collector.stream(input, fallback).map_err(|reason| SourceError::Content { path: name.to_owned(), reason })?;
    }
    collector.finish(name)
}

fn snapshot(gathered: Gathered<Decoded>) -> Snapshot {
    let scope = gathered.sight();
    let Gathered { items, sections, is_whole, view, notes, warnings, gaps, .. } = gathered;
    let mut builder = InventoryBuilder::new(scope, is_whole);
    builder.reserve(items.len());
    items.into_iter().for_each(|item| builder.push(item));
    sections.into_iter().for_each(|section| builder.section(section));
    Snapshot { inventory: builder.finish(), view, notes, warnings, gaps }
}

/// What was gathered so far.
struct Collector<'a, T> {
    limits: Limits,
    decode: &'a Decode<'a, T>,
    items: Vec<T>,
    /// Objects that were kept, by group and kind.
    kinds: BTreeMap<(Sym, Sym), usize>,
    paths: Vec<String>,
    foreign: usize,
    gaps: Vec<String>,
    sections: Vec<Section>,
}

impl<'a, T> Collector<'a, T> {
    fn new(limits: Limits, decode: &'a Decode<'a, T>) -> Self {
        Self {
            limits,
            decode,
            items: Vec::new(),
            kinds: BTreeMap::new(),
            paths: Vec::new(),
            foreign: 0,
            gaps: Vec::new(),
            sections: Vec::new(),
        }
    }

    fn folder(&mut self, root: &Path) -> Result<(), SourceError> {
        let bounds = folder::Bounds { files: self.limits.files, depth: self.limits.depth };
        let walked = folder::walk(root, bounds, is_shown, is_shown).map_err(|error| {
            let path = root.display().to_string();
            match error {
                folder::WalkError::Open(reason) => SourceError::Open { path, reason },
                folder::WalkError::TooMany => {
                    SourceError::TooLarge { path, limit: text::plural(self.limits.files, "file") }
                }
            }
        })?;
        self.gaps.extend(walked.gaps);
        for found in walked.files {
            match folder::open(&found.path) {
                Ok(file) => self.member(BufReader::new(file), &found.inside),
                Err(reason) => self.gaps.push(format!("file {}: {reason}", found.inside)),
            }
        }
        Ok(())
    }

    fn archive(&mut self, input: impl Read, name: &str) -> Result<(), SourceError> {
        let broken = |reason: String| SourceError::Content { path: name.to_owned(), reason };
        // A bomb ends here: `take` bounds what is unpacked, whatever the archive promises.
        let mut tar = tar::Archive::new(input.take(self.limits.stream_bytes));
        let entries = tar.entries().map_err(|error| broken(error.to_string()))?;
        for (count, entry) in entries.enumerate() {
            let entry = entry.map_err(|error| broken(format!("the archive is cut or damaged: {error}")))?;
            if count >= self.limits.files {
                return Err(SourceError::TooLarge {
                    path: name.to_owned(),
                    limit: text::plural(self.limits.files, "entry"),
                });
            }
            // Links are never followed, and nothing is written, so no entry can leave the archive.
            if entry.header().entry_type().is_file() {
                let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
                self.member(BufReader::new(entry), &path);
            }
        }
        Ok(())
    }

    /// Reads one file among others: what is wrong with it is a gap, not the end.
    fn member(&mut self, input: impl BufRead, path: &str) {
        match layout::role(path) {
            Role::Other => {}
            Role::CollectorErrors(kind) => {
                let errors = serde_json::from_reader::<_, Vec<String>>(input.take(1 << 20)).unwrap_or_default();
                if let Some(first) = errors.first() {
                    self.gaps.push(format!("{kind}: the bundle's collector could not read them: {first}"));
                    self.sections.push(Section {
                        group: Sym::default(),
                        kind: Sym::new(&kind),
                        resource: Sym::new(&kind),
                        state: SectionState::Unread(Unread::Failed(first.clone())),
                    });
                }
            }
            Role::Objects(fallback) => {
                self.paths.push(path.to_owned());
                if let Err(reason) = self.stream(input, fallback) {
                    self.gaps.push(format!("file {path}: {reason}"));
                }
            }
        }
    }

    fn stream(&mut self, mut input: impl BufRead, fallback: Option<(&str, &str)>) -> Result<(), String> {
        let limits = self.limits;
        let (decode, items, kinds) = (self.decode, &mut self.items, &mut self.kinds);
        let mut take = |ty: &Arc<TypeMeta>, raw: &RawValue| {
            if items.len() >= limits.objects {
                return Err(format!("more than {} objects", limits.objects));
            }
            let item = decode(ty, raw);
            *kinds.entry((ty.group.clone(), ty.kind.clone())).or_default() += usize::from(item.is_some());
            items.extend(item);
            Ok(())
        };
        // A byte order mark is no content.
        if input.fill_buf().map_err(|error| error.to_string())?.starts_with(&[0xef, 0xbb, 0xbf]) {
            input.consume(3);
        }
        let is_json = loop {
            let buffer = input.fill_buf().map_err(|error| error.to_string())?;
            match buffer.iter().position(|byte| !byte.is_ascii_whitespace()) {
                Some(index) => break looks_like_json(&buffer[index..]),
                None if buffer.is_empty() => return Ok(()),
                None => {
                    let blank = buffer.len();
                    input.consume(blank);
                }
            }
        };
        self.foreign += if is_json {
            json::read(input.take(limits.stream_bytes), fallback, &mut take)?
        } else {
            let bytes = usize::try_from(limits.yaml_bytes).unwrap_or(usize::MAX);
            yaml::read(input, bytes, &mut take)?
        };
        Ok(())
    }

    fn finish(self, name: &str) -> Result<Gathered<T>, SourceError> {
        if self.kinds.is_empty() && self.sections.is_empty() {
            return Err(match self.gaps.into_iter().next() {
                Some(reason) => SourceError::Content { path: name.to_owned(), reason },
                None => SourceError::Empty(name.to_owned()),
            });
        }
        let read = self.kinds.into_iter().map(|((group, kind), count)| Section {
            group,
            kind,
            resource: Sym::default(),
            state: SectionState::Read(count),
        });
        let sections = read.chain(self.sections).collect();
        let mut notes = Vec::new();
        if self.foreign > 0 {
            notes.push(format!("{} without kind and apiVersion passed over", text::plural(self.foreign, "document")));
        }
        Ok(Gathered {
            items: self.items,
            sections,
            scope: None,
            is_whole: layout::is_whole(self.paths.iter().map(String::as_str)),
            view: View {
                source: "files".to_owned(),
                name: name.to_owned(),
                server: None,
                server_version: None,
                user: None,
                namespaces: Vec::new(),
                platform: None,
            },
            warnings: Vec::new(),
            notes,
            gaps: self.gaps,
        })
    }
}

/// Whether a text that begins so is JSON: YAML in flow style has unquoted keys.
fn looks_like_json(start: &[u8]) -> bool {
    let mut bytes = start.iter().filter(|byte| !byte.is_ascii_whitespace());
    match (bytes.next(), bytes.next()) {
        (Some(b'{'), next) => matches!(next, None | Some(b'"' | b'}')),
        (Some(b'['), next) => matches!(next, None | Some(b'{' | b'[' | b']')),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: n}\n";

    fn archive(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        for (path, content) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            // Set by hand: the library refuses to write a path that leaves the archive.
            header.as_gnu_mut().expect("gnu").name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_cksum();
            tar.append(&header, content.as_bytes()).expect("entry");
        }
        tar.into_inner().expect("tar").finish().expect("gzip")
    }

    #[test]
    fn json_is_told_from_yaml_in_flow_style() {
        for (text, want) in [
            ("{\"kind\": 1}", true),
            ("{\n  \"kind\": 1}", true),
            ("[{\"a\": 1}]", true),
            ("{}", true),
            ("{kind: Pod}", false),
            ("{'kind': Pod}", false),
            ("[a]", false),
            ("kind: Pod", false),
        ] {
            assert_eq!(looks_like_json(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn a_folder_is_read_without_following_links() {
        let folder = tempfile::tempdir().expect("folder");
        let outside = tempfile::tempdir().expect("folder");
        fs::write(outside.path().join("secret.yaml"), POD).expect("write");
        fs::create_dir(folder.path().join("apps")).expect("folder");
        fs::write(folder.path().join("apps/pod.yaml"), POD).expect("write");
        fs::write(folder.path().join("broken.yaml"), "a: [").expect("write");
        fs::write(folder.path().join("notes.txt"), "no object").expect("write");
        #[cfg(unix)]
        std::os::unix::fs::symlink(outside.path(), folder.path().join("link")).expect("link");
        let snapshot = read_path(folder.path(), &Limits::default()).expect("read");
        assert_eq!(snapshot.inventory.objects().len(), 1);
        assert_eq!(snapshot.gaps.len(), 1, "{:?}", snapshot.gaps);
        assert!(snapshot.gaps[0].contains("broken.yaml"));
    }

    #[test]
    fn a_bundle_is_whole_and_says_what_its_collector_missed() {
        let bytes = archive(&[
            (
                "b/cluster-resources/pods/n.json",
                r#"{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"a","namespace":"n"}}]}"#,
            ),
            ("b/cluster-resources/nodes-errors.json", r#"["nodes is forbidden"]"#),
            ("b/logs/x.txt", "text"),
            ("../../etc/evil.json", r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"b","namespace":"n"}}"#),
        ]);
        let snapshot = read_stream(bytes.as_slice(), "b.tar.gz", &Limits::default()).expect("read");
        assert!(snapshot.inventory.is_complete());
        assert!(snapshot.inventory.get("", "Pod", "n", "gone").is_missing());
        assert!(snapshot.gaps[0].contains("nodes is forbidden"));
        assert!(!Path::new("../../etc/evil.json").exists());
    }

    #[test]
    fn cut_and_swollen_archives_are_refused() {
        let bytes = archive(&[(
            "pods.json",
            &format!(r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"{}"}}}}"#, "x".repeat(5000)),
        )]);
        assert!(read_stream(&bytes[..bytes.len() / 2], "cut.tar.gz", &Limits::default()).is_err());
        let zeros = "0".repeat(1 << 22);
        let bomb = archive(&[("a.json", &zeros)]);
        let small = Limits { stream_bytes: 1 << 20, ..Limits::default() };
        assert!(read_stream(bomb.as_slice(), "bomb.tar.gz", &small).is_err());
    }

    #[test]
    fn empty_and_foreign_input_is_an_error() {
        for text in ["", "  \n", "hello: world\n", "[]", "{}"] {
            let error = read_stream(text.as_bytes(), "-", &Limits::default()).expect_err("empty");
            assert!(matches!(error, SourceError::Empty(_)), "{text:?}: {error}");
        }
        assert!(matches!(read_path(Path::new("/nonexistent"), &Limits::default()), Err(SourceError::Open { .. })));
    }

    #[test]
    fn too_many_objects_are_refused() {
        let mut text = Vec::new();
        for _ in 0..20 {
            text.write_all(POD.as_bytes()).expect("write");
            text.write_all(b"---\n").expect("write");
        }
        let limits = Limits { objects: 10, ..Limits::default() };
        assert!(read_stream(text.as_slice(), "-", &limits).is_err());
    }
}

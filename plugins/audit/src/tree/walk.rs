//! The files of a folder: bounded, sorted, and without following links.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Files of a tree.
const FILES: usize = 100_000;
/// Depth of folders.
const DEPTH: usize = 32;
/// Bytes of a file.
const BYTES: u64 = 5 << 20;

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// YAML or JSON, by its structure.
    Structured,
    /// Anything else that may hold settings, line by line.
    Lines,
}

/// A file that is to be read: its path, and the path inside the tree with `/` between its parts.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) inside: String,
    pub(super) form: Form,
}

/// The files of a tree, and what was passed over.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub(super) files: Vec<Found>,
    pub(super) links: usize,
    pub(super) gaps: Vec<String>,
}

/// Endings of files that are read line by line: scripts, settings, and the languages of jobs.
const LINES: &[&str] = &[
    "bash",
    "cfg",
    "conf",
    "dockerfile",
    "env",
    "ini",
    "key",
    "markdown",
    "md",
    "pem",
    "properties",
    "ps1",
    "py",
    "scala",
    "sh",
    "sql",
    "tf",
    "tfvars",
    "toml",
    "zsh",
    "ipynb",
];

/// How a file of this name is read; `None` where it is not.
pub(super) fn form(name: &str) -> Option<Form> {
    let name = name.to_ascii_lowercase();
    if matches!(name.as_str(), "package-lock.json" | "go.sum") {
        return None;
    }
    let ending = name.rsplit_once('.').map_or(name.as_str(), |(_, ending)| ending);
    match ending {
        "yaml" | "yml" | "json" => Some(Form::Structured),
        "makefile" | "jenkinsfile" => Some(Form::Lines),
        _ if name.starts_with(".env") || name.starts_with("dockerfile") => Some(Form::Lines),
        _ => LINES.contains(&ending).then_some(Form::Lines),
    }
}

/// Lists a tree. `.git` is passed over; other hidden folders are part of the tree.
///
/// # Errors
/// When the root cannot be listed, or holds too many files.
pub(super) fn walk(root: &Path) -> Result<Walked, String> {
    let mut walked = Walked::default();
    let mut waiting = vec![(root.to_owned(), 0)];
    while let Some((folder, depth)) = waiting.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(reason) if depth == 0 => return Err(reason.to_string()),
            Err(reason) => {
                walked.gaps.push(format!("folder {}: {reason}", inside(root, &folder)));
                continue;
            }
        };
        for entry in entries.flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            let name = entry.file_name().to_string_lossy().into_owned();
            if kind.is_symlink() {
                walked.links += 1;
            } else if kind.is_dir() && name != ".git" {
                if depth < DEPTH {
                    waiting.push((entry.path(), depth + 1));
                } else {
                    walked.gaps.push(format!("folder {}: too deep", inside(root, &entry.path())));
                }
            } else if kind.is_file()
                && let Some(form) = form(&name)
            {
                let path = entry.path();
                walked.files.push(Found { inside: inside(root, &path), path, form });
                if walked.files.len() > FILES {
                    return Err(format!("more than {FILES} files"));
                }
            }
        }
    }
    walked.files.sort_by(|one, two| one.inside.cmp(&two.inside));
    Ok(walked)
}

fn inside(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

/// The text of a file; `None` where it is no text.
///
/// # Errors
/// When it cannot be read, is too large, or was replaced since it was listed.
pub(super) fn read(path: &Path) -> Result<Option<String>, String> {
    let listed = fs::symlink_metadata(path).map_err(|reason| reason.to_string())?;
    if !listed.is_file() {
        return Err("replaced while it was read".to_owned());
    }
    let file = File::open(path).map_err(|reason| reason.to_string())?;
    let opened = file.metadata().map_err(|reason| reason.to_string())?;
    if !is_same(&listed, &opened) {
        return Err("replaced while it was read".to_owned());
    }
    let mut bytes = Vec::new();
    file.take(BYTES + 1).read_to_end(&mut bytes).map_err(|reason| reason.to_string())?;
    if bytes.len() as u64 > BYTES {
        return Err("larger than 5 MiB".to_owned());
    }
    if bytes.iter().take(8000).any(|byte| *byte == 0) {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&bytes);
    Ok(Some(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned()))
}

#[cfg(unix)]
fn is_same(one: &fs::Metadata, two: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    one.ino() == two.ino() && one.dev() == two.dev()
}

#[cfg(not(unix))]
fn is_same(_: &fs::Metadata, two: &fs::Metadata) -> bool {
    two.is_file()
}

//! Which files of a tree are read, and how.

use mlops_shared::source::folder::{self, Bounds, WalkError, Walked};
use std::path::Path;

const BOUNDS: Bounds = Bounds { files: 100_000, depth: 32 };
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
    let wanted = |name: &str| form(name).is_some();
    folder::walk(root, BOUNDS, wanted, |name| name != ".git").map_err(|error| match error {
        WalkError::Open(reason) => reason.to_string(),
        WalkError::TooMany => format!("more than {} files", BOUNDS.files),
    })
}

/// The text of a file; `None` where it is no text.
///
/// # Errors
/// When it cannot be read, is too large, or was replaced since it was listed.
pub(super) fn read(path: &Path) -> Result<Option<String>, String> {
    let bytes = folder::read(path, BYTES)?;
    if bytes.iter().take(8000).any(|byte| *byte == 0) {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&bytes);
    Ok(Some(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned()))
}

//! A baseline: findings that were there when it was made, so that only new ones fail a run.
//!
//! It holds fingerprints with what they are of, for whoever reads the file; no message, no line, no value.

use crate::finding::Finding;
use crate::model::BaselineUse;
use jiff::Timestamp;
use mlops_shared::cli::Failure;
use mlops_shared::report::API_VERSION;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

/// A baseline may be so large.
const BYTES: u64 = 64 << 20;

/// The file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    api_version: String,
    kind: String,
    made: Timestamp,
    findings: BTreeMap<String, Known>,
}

/// What a fingerprint is of.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    code: String,
    object: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    path: String,
}

/// A baseline that was read.
#[derive(Debug)]
pub(crate) struct Baseline {
    name: String,
    file: File,
}

impl Baseline {
    /// Reads a baseline.
    ///
    /// # Errors
    /// When the file cannot be read or is no baseline.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let error = |reason: String| {
            Failure::usage(format!("failed to read the baseline {name}: {reason}"))
                .hint("`kubectl mlops audit --write-baseline FILE` makes one")
        };
        let length = std::fs::metadata(path).map_err(|reason| error(reason.to_string()))?.len();
        if length > BYTES {
            return Err(error("larger than 64 MiB".to_owned()));
        }
        let text = std::fs::read_to_string(path).map_err(|reason| error(reason.to_string()))?;
        let file: File = serde_json::from_str(&text)
            .map_err(|reason| error(format!("no baseline at line {} column {}", reason.line(), reason.column())))?;
        if file.api_version != API_VERSION || file.kind != "AuditBaseline" {
            return Err(error(format!("apiVersion and kind must be {API_VERSION} and AuditBaseline")));
        }
        Ok(Self { name, file })
    }

    /// Whether the finding of this fingerprint was there when the baseline was made.
    pub(crate) fn has(&self, fingerprint: &str) -> bool {
        self.file.findings.contains_key(fingerprint)
    }

    /// What it did to findings of which these are the fingerprints, all that there are or a part.
    pub(crate) fn uses<'f>(&self, fingerprints: impl Iterator<Item = &'f str>, are_all: bool) -> BaselineUse {
        let found: std::collections::HashSet<&str> = fingerprints.filter(|it| self.has(it)).collect();
        BaselineUse {
            file: self.name.clone(),
            made: self.file.made.to_string(),
            accepted: found.len(),
            gone: are_all.then(|| self.file.findings.len() - found.len()),
        }
    }
}

/// The text of a baseline of these findings.
pub(crate) fn text<'f>(findings: impl Iterator<Item = &'f Finding>, now: Timestamp) -> String {
    let known = |finding: &Finding| {
        let object = match &finding.place {
            Some(place) if finding.object.name.is_empty() => place.file.to_string(),
            _ => finding.object.to_string(),
        };
        (finding.fingerprint(), Known { code: finding.code.id.to_owned(), object, path: finding.path.clone() })
    };
    let file = File {
        api_version: API_VERSION.to_owned(),
        kind: "AuditBaseline".to_owned(),
        made: now,
        findings: findings.map(known).collect(),
    };
    // Names and codes are text, so this cannot fail.
    serde_json::to_string_pretty(&file).unwrap_or_default() + "\n"
}

/// Writes a baseline: aside, then renamed, readable by its owner alone. A link is not written through.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let error = |reason: std::io::Error| {
        Failure::unchecked(format!("failed to write the baseline {}: {reason}", path.display()))
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(error)?;
    file.write_all(text.as_bytes()).map_err(error)?;
    file.persist(path).map_err(|failed| error(failed.error))?;
    Ok(())
}

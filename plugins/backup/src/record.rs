//! The record of a verification, beside the archive: when it held, and of which bytes.

use crate::s3::Place;
use crate::storage::{Content, Storage, Watched, broken};
use crate::target::{Target, publish};
use mlops_shared::cli::{Exit, Failure};
use mlops_shared::report::API_VERSION;
use serde::{Deserialize, Serialize};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// What is added to an archive's name.
pub(crate) const SUFFIX: &str = ".verified";
/// A record is so large at most.
const BYTES: u64 = 4096;

/// What is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    /// When, RFC 3339.
    pub(crate) verified_at: String,
    /// How far.
    pub(crate) level: u8,
    /// The archive's size.
    pub(crate) bytes: u64,
    /// Its digest.
    pub(crate) sha256: String,
}

/// The name of an archive's record.
pub(crate) fn path_of(archive: &Path) -> PathBuf {
    let mut name = archive.as_os_str().to_owned();
    name.push(SUFFIX);
    name.into()
}

/// The record of an archive; `None` where there is none that can be read.
///
/// # Errors
/// When the place that it lies in does not answer.
pub(crate) fn read(storage: &Storage<'_>, archive: &Path) -> Result<Option<Record>, Failure> {
    let text = match storage.small(&path_of(archive), BYTES) {
        Ok(text) => text,
        // What is there and can be no record is none.
        Err(failure) if failure.exit == Exit::Usage => None,
        Err(failure) => return Err(failure),
    };
    let parsed = text.and_then(|text| serde_json::from_str(&text).ok());
    Ok(parsed.filter(|record: &Record| record.kind == "BackupVerified"))
}

/// Whether a record is of the bytes that the archive has now.
///
/// # Errors
/// When the place that it lies in does not answer: nothing is known then.
pub(crate) fn holds(storage: &Storage<'_>, archive: &Path) -> Result<bool, Failure> {
    let Some(record) = read(storage, archive)? else { return Ok(false) };
    let mut input = Watched::new(storage.open(archive)?);
    std::io::copy(&mut input, &mut std::io::sink()).map_err(|error| broken(&error))?;
    Ok(input.content().digest.to_string() == record.sha256)
}

/// Writes the record of a verification, in the place of an older one.
///
/// # Errors
/// When the folder takes no file.
pub(crate) fn write(
    storage: &Storage<'_>,
    archive: &Path,
    content: Content,
    level: u8,
    now: &str,
) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::unchecked(format!("failed to record the verification: {error}"));
    let record = Record {
        api_version: API_VERSION.to_owned(),
        kind: "BackupVerified".to_owned(),
        verified_at: now.to_owned(),
        level,
        bytes: content.bytes,
        sha256: content.digest.to_string(),
    };
    let text = serde_json::to_string_pretty(&record).map_err(|error| failed(error.into()))?;
    let path = path_of(archive);
    if let Some((bucket, address)) = storage.remote(&path)? {
        if bucket.is_there(&address.key)? && read(storage, archive)?.is_none() {
            return Err(Failure::usage(format!("{} is there, and is no record", path.display())));
        }
        return bucket.put(&address.key, format!("{text}\n").into_bytes(), Place::Any);
    }
    let folder = archive.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (target, _) = Target::new(folder)?;
    let mut file = target.aside()?;
    file.write_all(text.as_bytes()).and_then(|()| file.write_all(b"\n")).map_err(failed)?;
    match std::fs::symlink_metadata(&path) {
        // A record is all that it may take the place of.
        Ok(about) if about.is_file() && read(storage, archive)?.is_some() => {
            std::fs::remove_file(&path).map_err(failed)?
        }
        Ok(_) => return Err(Failure::usage(format!("{} is there, and is no record", path.display()))),
        Err(_) => {}
    }
    publish(file, &path)
}

//! Archives of the same bytes for the same input, and what is in one.

use std::collections::BTreeMap;
use std::io::Read as _;

use anyhow::{Context as _, bail};
use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};

use crate::Result;

/// A file of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Whether it may be executed.
    pub is_executable: bool,
}

impl File {
    /// A file that is read.
    #[must_use]
    pub fn data(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), is_executable: false }
    }

    /// A file that is run.
    #[must_use]
    pub fn executable(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), is_executable: true }
    }
}

/// A tar.gz of `files` by name. Nothing of this machine gets in: entries are sorted, owned by 0, of the modes
/// 0755 and 0644 and of the time `time` (seconds since 1970); the gzip header has no time and no name.
///
/// # Errors
/// When a name does not fit the format.
pub fn pack(files: &BTreeMap<String, File>, time: u64, compression: Compression) -> Result<Vec<u8>> {
    // Operating system 255 is "unknown": flate2 would write the one it runs on.
    let encoder = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), compression);
    let mut archive = tar::Builder::new(encoder);
    for (name, file) in files {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(file.bytes.len() as u64);
        header.set_mode(if file.is_executable { 0o755 } else { 0o644 });
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(time);
        archive.append_data(&mut header, name, file.bytes.as_slice()).with_context(|| format!("packing {name}"))?;
    }
    archive.into_inner().and_then(flate2::write::GzEncoder::finish).context("packing")
}

/// An entry of an archive, as it is written there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name, as written.
    pub name: String,
    /// The type's byte: `0` is a regular file, `5` a folder.
    pub kind: u8,
    /// The mode's bits.
    pub mode: u32,
    /// The owner's id.
    pub uid: u64,
    /// The group's id.
    pub gid: u64,
    /// Seconds since 1970.
    pub time: u64,
    /// The content.
    pub bytes: Vec<u8>,
}

/// What [`list`] reads at most: more than any release may have, and little enough to hold.
const MOST_BYTES: u64 = 2_000_000_000;

/// The entries of a tar.gz, in the order in which they stand there.
///
/// # Errors
/// When it is no gzip'd tar, or unpacks to more than anyone could mean.
pub fn list(archive: &[u8]) -> Result<Vec<Entry>> {
    if !archive.starts_with(&[0x1f, 0x8b]) {
        bail!("is not a gzip file");
    }
    let mut tar = tar::Archive::new(GzDecoder::new(archive).take(MOST_BYTES));
    let mut found = Vec::new();
    for entry in tar.entries().context("reading the archive")? {
        let mut entry = entry.context("reading the archive")?;
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).context("reading the archive")?;
        let header = entry.header();
        found.push(Entry {
            name: String::from_utf8_lossy(&entry.path_bytes()).into_owned(),
            kind: header.entry_type().as_byte(),
            mode: header.mode().context("reading a mode")?,
            uid: header.uid().context("reading an owner")?,
            gid: header.gid().context("reading a group")?,
            time: header.mtime().context("reading a time")?,
            bytes,
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> BTreeMap<String, File> {
        BTreeMap::from([
            ("kubectl-mlops".to_owned(), File::executable("#!/bin/sh\n")),
            ("LICENSE".to_owned(), File::data("words\n")),
        ])
    }

    #[test]
    fn the_same_input_gives_the_same_bytes() {
        let pack = |time| pack(&files(), time, Compression::best()).expect("packed");
        assert_eq!(pack(1_700_000_000), pack(1_700_000_000));
        assert_ne!(pack(1_700_000_000), pack(1_700_000_001));
        // gzip: no flags (no name), no time, best compression, unknown system.
        assert_eq!(&pack(1)[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]);
    }

    #[test]
    fn what_was_packed_is_listed() {
        let packed = pack(&files(), 1_700_000_000, Compression::fast()).expect("packed");
        let entries = list(&packed).expect("listed");
        let seen: Vec<_> = entries.iter().map(|it| (it.name.as_str(), it.kind, it.mode, it.uid, it.time)).collect();
        assert_eq!(
            seen,
            [("LICENSE", b'0', 0o644, 0, 1_700_000_000), ("kubectl-mlops", b'0', 0o755, 0, 1_700_000_000)]
        );
        assert!(list(b"PK\x03\x04").is_err());
        assert!(list(&packed[..packed.len() / 2]).is_err());
    }
}

//! Reading an archive, from its first byte to its last, within limits.

use super::seal::Unsealing;
use super::{ArchiveError, Digest, Entry, FORMAT, INDEX, Identities, MANIFEST, Manifest};
use std::collections::HashSet;
use std::io::{self, BufRead, Read};

/// How errors of limits begin, among those of streams.
pub(super) const LIMIT: &str = "limit: ";
/// The first bytes of a file of age, and of a frame of zstd.
const AGE: &[u8] = b"age-encryption.org/v1\n";
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// A frame may ask for a window of so many bytes, as a power of two: what is written needs 2 MiB.
const WINDOW: u32 = 23;
/// Bytes of a block of tar.
const BLOCK: usize = 512;
/// The longest path: a namespace, a name and a group, each percent-encoded.
const PATH_BYTES: u64 = 4096;

/// Limits of what an archive unpacks to.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes in all.
    pub bytes: u64,
    /// Objects.
    pub objects: u64,
    /// Bytes of one object.
    pub object_bytes: u64,
    /// Bytes of the manifest.
    pub manifest_bytes: u64,
    /// Bytes of the index.
    pub index_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 16 << 30,
            objects: 1_000_000,
            object_bytes: 32 << 20,
            manifest_bytes: 16 << 20,
            index_bytes: 256 << 20,
        }
    }
}

/// Whether the reader wants more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// It has what it wants; what stands behind is not checked.
    Stop,
}

/// Whether what begins so may be an archive.
pub fn is_archive(start: &[u8]) -> bool {
    is_encrypted(start) || start.starts_with(ZSTD)
}

/// Whether what begins so is encrypted.
pub fn is_encrypted(start: &[u8]) -> bool {
    start.starts_with(AGE)
}

/// What a reader makes of the head of an archive: its manifest, and its index.
pub type Head<'a> = dyn FnMut(&Manifest, &[Entry]) -> Result<Flow, ArchiveError> + 'a;
/// What a reader makes of an object: its bytes are those that the index promises.
pub type Each<'a> = dyn FnMut(&Entry, &[u8]) -> Result<Flow, ArchiveError> + 'a;

/// Reads an archive. Where neither function stops it, every byte has been checked at the end: the digests of all
/// objects, that there is no other entry, and the seal.
///
/// # Errors
/// When it does not open, is damaged, is larger than the limits, or a function says so.
pub fn scan(
    mut input: impl BufRead,
    identities: &Identities,
    limits: &Limits,
    head: &mut Head<'_>,
    each: &mut Each<'_>,
) -> Result<(), ArchiveError> {
    let start = input.fill_buf().map_err(|error| ArchiveError::of_io(&error))?;
    if is_encrypted(start) {
        if identities.is_empty() {
            return Err(ArchiveError::Locked);
        }
        let opened = age::Decryptor::new_buffered(input).and_then(|file| file.decrypt(identities.iter()));
        let opened = opened.map_err(|error| match error {
            age::DecryptError::NoMatchingKeys => ArchiveError::WrongIdentity,
            age::DecryptError::Io(error) => ArchiveError::of_io(&error),
            _ => ArchiveError::Damaged("its head is not one of age".to_owned()),
        })?;
        compressed(opened, limits, head, each)
    } else if start.starts_with(ZSTD) {
        compressed(input, limits, head, each)
    } else {
        Err(ArchiveError::Foreign("it begins like no such file".to_owned()))
    }
}

fn compressed(input: impl Read, limits: &Limits, head: &mut Head<'_>, each: &mut Each<'_>) -> Result<(), ArchiveError> {
    let broken = |error: io::Error| ArchiveError::of_io(&error);
    let mut decoder = zstd::stream::read::Decoder::new(Unsealing::new(input)).map_err(broken)?;
    decoder.window_log_max(WINDOW).map_err(broken)?;
    let mut tar = Tar { inner: Bounded { inner: decoder, left: limits.bytes }, limits };
    let manifest = tar.entry(MANIFEST, limits.manifest_bytes)?;
    let manifest = read_manifest(&manifest)?;
    let index = tar.entry(INDEX, limits.index_bytes)?;
    let entries = read_index(&manifest, &index, limits)?;
    drop(index);
    if head(&manifest, &entries)? == Flow::Stop {
        return Ok(());
    }
    for entry in &entries {
        let bytes = tar.entry(&entry.path, limits.object_bytes)?;
        if bytes.len() != usize::try_from(entry.bytes).unwrap_or(usize::MAX) || Digest::of(&bytes) != entry.digest {
            return Err(ArchiveError::Damaged(format!("{} is not what the index promises", entry.path)));
        }
        if each(entry, &bytes)? == Flow::Stop {
            return Ok(());
        }
    }
    tar.end()
}

fn read_manifest(bytes: &[u8]) -> Result<Manifest, ArchiveError> {
    #[derive(serde::Deserialize)]
    struct Form {
        kind: String,
        format: u32,
    }
    let foreign = |error: serde_json::Error| {
        let (line, column) = (error.line(), error.column());
        ArchiveError::Foreign(format!("{MANIFEST} cannot be read at line {line} column {column}"))
    };
    let form: Form = serde_json::from_slice(bytes).map_err(foreign)?;
    if form.kind != "BackupManifest" {
        return Err(ArchiveError::Foreign(format!("{MANIFEST} is no BackupManifest")));
    }
    if form.format > FORMAT {
        return Err(ArchiveError::Newer(form.format, FORMAT));
    }
    serde_json::from_slice(bytes).map_err(foreign)
}

fn read_index(manifest: &Manifest, bytes: &[u8], limits: &Limits) -> Result<Vec<Entry>, ArchiveError> {
    if Digest::of(bytes).to_string() != manifest.index.sha256 {
        return Err(ArchiveError::Damaged(format!("{INDEX} is not what {MANIFEST} promises")));
    }
    if manifest.objects > limits.objects {
        return Err(ArchiveError::TooLarge(format!("more than {} objects", limits.objects)));
    }
    let mut entries = Vec::new();
    let mut seen = HashSet::new();
    let lines = bytes.strip_suffix(b"\n").unwrap_or(bytes).split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    for (number, line) in lines.enumerate() {
        let entry = Entry::read(line)
            .ok_or_else(|| ArchiveError::Foreign(format!("line {} of {INDEX} names no object", number + 1)))?;
        if !seen.insert(Digest::of(entry.path.as_bytes())) {
            return Err(ArchiveError::Foreign(format!("{} is there twice", entry.path)));
        }
        if entries.len() as u64 >= manifest.objects {
            return Err(ArchiveError::Foreign(format!("{INDEX} has more objects than {MANIFEST} says")));
        }
        entries.push(entry);
    }
    if entries.len() as u64 != manifest.objects {
        return Err(ArchiveError::Foreign(format!("{INDEX} has fewer objects than {MANIFEST} says")));
    }
    Ok(entries)
}

/// A stream that ends with an error where it is longer than allowed: a bomb ends here.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        match self.left.checked_sub(read as u64) {
            Some(left) => self.left = left,
            None => return Err(io::Error::other(format!("{LIMIT}it unpacks to more than a backup may"))),
        }
        Ok(read)
    }
}

/// The few sorts of entries of tar that archives have: regular files, and long names in GNU's form before them.
struct Tar<'a, R> {
    inner: R,
    limits: &'a Limits,
}

impl<R: Read> Tar<'_, R> {
    /// The next entry, which must be this one.
    fn entry(&mut self, path: &str, most: u64) -> Result<Vec<u8>, ArchiveError> {
        let mut header =
            self.header()?.ok_or_else(|| ArchiveError::Foreign(format!("it ends where {path} should be")))?;
        let mut name = None;
        if header.entry_type().is_gnu_longname() {
            let mut long = self.content(&header, PATH_BYTES)?;
            if long.last() == Some(&0) {
                long.pop();
            }
            name = Some(long);
            header = self.header()?.ok_or_else(|| ArchiveError::Foreign("it ends within an entry".to_owned()))?;
        }
        if header.entry_type() != tar::EntryType::Regular {
            return Err(ArchiveError::Foreign(format!("an entry where {path} should be is no file")));
        }
        let name = name.unwrap_or_else(|| header.path_bytes().into_owned());
        if name != path.as_bytes() {
            let other: String = String::from_utf8_lossy(&name).chars().take(100).collect();
            return Err(ArchiveError::Foreign(format!("{other:?} stands where {path} should be")));
        }
        self.content(&header, most)
    }

    /// The next header; `None` at the end.
    fn header(&mut self) -> Result<Option<tar::Header>, ArchiveError> {
        let mut header = tar::Header::new_old();
        self.inner.read_exact(header.as_mut_bytes()).map_err(|error| ArchiveError::of_io(&error))?;
        let bytes = header.as_bytes();
        if bytes.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        // The checksum is the sum of all bytes, its own field taken as blanks.
        let sum: u32 = bytes
            .iter()
            .enumerate()
            .map(|(at, &byte)| u32::from(if (148..156).contains(&at) { b' ' } else { byte }))
            .sum();
        if header.cksum().ok() != Some(sum) {
            return Err(ArchiveError::Damaged("a header of it is broken".to_owned()));
        }
        Ok(Some(header))
    }

    fn content(&mut self, header: &tar::Header, most: u64) -> Result<Vec<u8>, ArchiveError> {
        let size = header.entry_size().map_err(|_| ArchiveError::Foreign("an entry has no size".to_owned()))?;
        if size > most || size > self.limits.bytes {
            return Err(ArchiveError::TooLarge(format!("an entry of {size} bytes, where {most} are allowed")));
        }
        let mut bytes = Vec::new();
        // What is promised is not believed: memory grows with what is there.
        let read = (&mut self.inner).take(size).read_to_end(&mut bytes).map_err(|error| ArchiveError::of_io(&error))?;
        if read as u64 != size {
            return Err(ArchiveError::Damaged("it ends within an entry".to_owned()));
        }
        let mut padding = [0; BLOCK];
        let padding = &mut padding[..(BLOCK - read % BLOCK) % BLOCK];
        self.inner.read_exact(padding).map_err(|error| ArchiveError::of_io(&error))?;
        Ok(bytes)
    }

    /// Checks that nothing but the end is left.
    fn end(mut self) -> Result<(), ArchiveError> {
        for _ in 0..2 {
            if self.header()?.is_some() {
                return Err(ArchiveError::Foreign("it holds more than its index names".to_owned()));
            }
        }
        // What comes behind brings the seal's word on all of it.
        match self.inner.read(&mut [0]).map_err(|error| ArchiveError::of_io(&error))? {
            0 => Ok(()),
            _ => Err(ArchiveError::Foreign("it goes on behind its end".to_owned())),
        }
    }
}

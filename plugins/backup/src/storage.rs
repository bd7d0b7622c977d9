//! Where archives lie: files in folders, and objects in buckets. What works on archives asks here and need not know.

use crate::list::MOST;
use crate::s3::{Address, Bucket, Reader, S3Args, is_remote};
use crate::target::{ENCRYPTED, PLAIN, SIGNATURE, signature_of};
use mlops_shared::archive::{Digest, Sha256, Unread};
use mlops_shared::cli::{Exit, Failure};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// A stream that can be read from any place.
pub(crate) trait Input: Read + Seek {}

impl<T: Read + Seek> Input for T {}

/// The places that archives lie in. A bucket is connected to once.
#[derive(Debug)]
pub(crate) struct Storage<'a> {
    flags: &'a S3Args,
    buckets: RefCell<BTreeMap<String, Rc<Bucket>>>,
}

/// An archive that lies somewhere; nothing of it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lying {
    /// Its path or address.
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    /// Whether a signature lies beside it.
    pub(crate) signed: bool,
    /// Whether a record of a verification may lie beside it.
    pub(crate) recorded: bool,
}

impl<'a> Storage<'a> {
    /// As the flags say.
    pub(crate) fn new(flags: &'a S3Args) -> Self {
        Self { flags, buckets: RefCell::default() }
    }

    /// A bucket and a key in it; `None` for a path of files.
    ///
    /// # Errors
    /// When the address is none, or nothing says how to reach the bucket.
    pub(crate) fn remote(&self, path: &Path) -> Result<Option<(Rc<Bucket>, Address)>, Failure> {
        let Some(address) = Address::parse(path)? else { return Ok(None) };
        let mut buckets = self.buckets.borrow_mut();
        if let Some(bucket) = buckets.get(&address.bucket) {
            return Ok(Some((Rc::clone(bucket), address)));
        }
        let bucket = Rc::new(Bucket::new(self.flags, &address.bucket)?);
        buckets.insert(address.bucket.clone(), Rc::clone(&bucket));
        Ok(Some((bucket, address)))
    }

    /// Opens an archive.
    ///
    /// # Errors
    /// When it is not there, or is no file.
    pub(crate) fn open(&self, path: &Path) -> Result<Box<dyn Input>, Failure> {
        if let Some((bucket, address)) = self.remote(path)? {
            return Ok(Box::new(Reader::open(&bucket, &address)?));
        }
        let failed = |reason: String| Failure::usage(format!("failed to open {}: {reason}", path.display()));
        let about = fs::metadata(path).map_err(|error| failed(error.to_string()))?;
        if about.is_dir() {
            return Err(failed("it is a folder".to_owned()));
        }
        Ok(Box::new(File::open(path).map_err(|error| failed(error.to_string()))?))
    }

    /// What is called like an archive in a folder or below a prefix, by name. Links are passed over.
    ///
    /// # Errors
    /// When that cannot be read.
    pub(crate) fn archives(&self, folder: &Path) -> Result<Vec<Lying>, Failure> {
        let Some((bucket, address)) = self.remote(folder)? else { return files(folder) };
        // Of each archive there may be a signature and a record.
        let all: BTreeMap<String, u64> =
            bucket.list(&address, 3 * MOST)?.into_iter().map(|listed| (listed.name, listed.bytes)).collect();
        let names: BTreeSet<&str> = all.keys().map(String::as_str).collect();
        let beside = |name: &str, suffix: &str| names.contains(format!("{name}{suffix}").as_str());
        let lying = all.iter().filter(|(name, _)| is_archive(name)).map(|(name, bytes)| Lying {
            path: bucket.address(&format!("{}{name}", address.prefix())).into(),
            bytes: *bytes,
            signed: beside(name, SIGNATURE),
            recorded: beside(name, crate::record::SUFFIX),
        });
        Ok(lying.collect())
    }

    /// A small text; `None` where there is none.
    ///
    /// # Errors
    /// When it cannot be read, or is larger than that.
    pub(crate) fn small(&self, path: &Path, most: u64) -> Result<Option<String>, Failure> {
        let failed = |why: &str| Failure::usage(format!("failed to read {}: {why}", path.display()));
        let input: Box<dyn Read> = match self.remote(path)? {
            Some((bucket, address)) => match Reader::find(&bucket, &address)? {
                Some(reader) => Box::new(reader),
                None => return Ok(None),
            },
            None => match File::open(path) {
                Ok(file) => Box::new(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(failed(&error.to_string())),
            },
        };
        let mut text = String::new();
        match input.take(most + 1).read_to_string(&mut text) {
            Ok(read) if read as u64 > most => Err(failed("it is too large")),
            Ok(_) => Ok(Some(text)),
            Err(error) => Err(of_io(&error).unwrap_or_else(|| failed("it is no text"))),
        }
    }

    /// Removes what lies there, where it does.
    ///
    /// # Errors
    /// Why it could not be.
    pub(crate) fn remove(&self, path: &Path) -> Result<(), String> {
        match self.remote(path).map_err(|failure| failure.message)? {
            Some((bucket, address)) => bucket.remove(&address.key).map_err(|failure| failure.message),
            None => match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(format!("{}: {error}", path.display())),
                _ => Ok(()),
            },
        }
    }
}

/// The path of an archive of this name in a folder or below a prefix.
pub(crate) fn within(folder: &Path, name: &str) -> PathBuf {
    if !is_remote(folder) {
        return folder.join(name);
    }
    format!("{}/{name}", folder.to_string_lossy().trim_end_matches('/')).into()
}

fn is_archive(name: &str) -> bool {
    (name.ends_with(PLAIN) || name.ends_with(ENCRYPTED)) && !name.starts_with('.')
}

fn files(folder: &Path) -> Result<Vec<Lying>, Failure> {
    let failed = |error: io::Error| Failure::usage(format!("failed to read the folder {}: {error}", folder.display()));
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if is_archive(&entry.file_name().to_string_lossy()) && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            let path = entry.path();
            let bytes = fs::metadata(&path).map_or(0, |about| about.len());
            found.push(Lying { bytes, signed: signature_of(&path).is_file(), recorded: true, path });
        }
        if found.len() > MOST {
            return Err(Failure::usage(format!("{} holds more than {MOST} archives", folder.display())));
        }
    }
    found.sort_by(|one, two| one.path.cmp(&two.path));
    Ok(found)
}

/// The failure of a place that did not give an archive.
pub(crate) fn unread(unread: &Unread) -> Failure {
    let failure = Failure::unchecked(unread.message.clone());
    let failure = if unread.is_interrupted { Failure { exit: Exit::Interrupted, ..failure } } else { failure };
    unread.hints.iter().cloned().fold(failure, Failure::hint)
}

/// The failure of a stream of an archive.
pub(crate) fn broken(error: &io::Error) -> Failure {
    of_io(error).unwrap_or_else(|| Failure::unchecked(format!("failed to read the archive: {error}")))
}

/// The failure in an error of a stream, where the place is to blame.
fn of_io(error: &io::Error) -> Option<Failure> {
    error.get_ref().and_then(|inner| inner.downcast_ref::<Unread>()).map(unread)
}

/// Remembers why its stream failed, for readers that do not hand errors on.
pub(crate) struct Watched<R> {
    inner: R,
    failure: Option<Failure>,
    digest: Sha256,
    bytes: u64,
}

impl<R: Input> Watched<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, failure: None, digest: Sha256::default(), bytes: 0 }
    }

    /// Size and digest of what was read from the beginning to here.
    pub(crate) fn content(self) -> Content {
        Content { bytes: self.bytes, digest: self.digest.finish() }
    }

    /// Why it failed, once.
    pub(crate) fn failure(&mut self) -> Option<Failure> {
        self.failure.take()
    }
}

impl<R: Input> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer);
        match &read {
            Ok(count) => {
                self.digest.update(&buffer[..*count]);
                self.bytes += *count as u64;
            }
            Err(error) => self.failure = Some(broken(error)),
        }
        read
    }
}

impl<R: Input> Seek for Watched<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = self.inner.seek(to)?;
        // What follows is of the beginning again, or the digest of nothing that anybody has.
        (self.digest, self.bytes) = (Sha256::default(), at);
        Ok(at)
    }
}

/// The bytes of a file, by which it is known again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) bytes: u64,
    pub(crate) digest: Digest,
}

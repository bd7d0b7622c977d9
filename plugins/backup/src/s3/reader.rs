//! An object as a stream that can be read from any place: small parts first, for what only looks at the head, then
//! larger ones. Memory is bounded by one part.

use super::{Address, Bucket};
use mlops_shared::archive::Unread;
use mlops_shared::cli::{Exit, Failure};
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

/// The first part.
const FIRST: u64 = 128 << 10;
/// The largest part.
const LARGEST: u64 = 8 << 20;

/// An object that is read.
#[derive(Debug)]
pub(crate) struct Reader {
    bucket: Rc<Bucket>,
    key: String,
    tag: Option<String>,
    length: u64,
    /// Where the next byte is.
    at: u64,
    /// What was read, and where it begins.
    part: Vec<u8>,
    start: u64,
    next: u64,
}

impl Reader {
    /// Opens an object.
    ///
    /// # Errors
    /// When it is not there, or the server does not say.
    pub(crate) fn open(bucket: &Rc<Bucket>, address: &Address) -> Result<Self, Failure> {
        Self::find(bucket, address)?.ok_or_else(|| {
            let missing = format!("there is no {}, or these credentials may not read it", bucket.address(&address.key));
            Failure::usage(missing).hint("`kubectl mlops backup list` names the archives of a prefix")
        })
    }

    /// Opens an object; `None` where there is none, or where these credentials may not know.
    ///
    /// # Errors
    /// When the server does not say.
    pub(crate) fn find(bucket: &Rc<Bucket>, address: &Address) -> Result<Option<Self>, Failure> {
        Ok(bucket.look(&address.key)?.map(|about| Self {
            bucket: Rc::clone(bucket),
            key: address.key.clone(),
            tag: about.tag,
            length: about.bytes,
            at: 0,
            part: Vec::new(),
            start: 0,
            next: FIRST,
        }))
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.length || buffer.is_empty() {
            return Ok(0);
        }
        let is_held = self.at >= self.start && self.at - self.start < self.part.len() as u64;
        if !is_held {
            let end = self.length.min(self.at + self.next);
            // What was read is not needed any more: two parts are never held.
            self.part = Vec::new();
            self.part = self.bucket.part(&self.key, self.tag.as_deref(), self.at..end).map_err(unread)?;
            self.start = self.at;
            self.next = (self.next * 4).min(LARGEST);
        }
        let from = usize::try_from(self.at - self.start).unwrap_or(usize::MAX);
        let rest = self.part.get(from..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = place.ok_or_else(|| io::Error::other("a place before the beginning"))?;
        Ok(self.at)
    }
}

/// That the server did not give it says nothing about the archive.
fn unread(failure: Failure) -> io::Error {
    let is_interrupted = failure.exit == Exit::Interrupted;
    io::Error::other(Unread { message: failure.message, hints: failure.hints, is_interrupted })
}

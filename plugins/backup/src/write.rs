//! Putting an archive together: manifest, index, the parts that wait in the spool, the seal.

use crate::page::{append, header};
use mlops_shared::archive::{Digest, Entry, INDEX, IndexRecord, MANIFEST, SEAL_BYTES, Sha256, seal};
use std::io::{self, Write};

/// Bytes of a block of tar: entries are filled up to whole ones.
const BLOCK: usize = 512;
/// So many lines of the index make a frame.
const LINES: usize = 8192;
/// They mostly find room in so many bytes.
const FRAME: usize = 2 << 20;
/// Two empty blocks end a file of tar.
const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// Counts and digests what is written through it.
pub(crate) struct Measured<W> {
    inner: W,
    digest: Sha256,
    bytes: u64,
}

impl<W: Write> Measured<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self { inner, digest: Sha256::default(), bytes: 0 }
    }

    /// What was written to, how much, and its digest.
    pub(crate) fn finish(self) -> (W, u64, Digest) {
        (self.inner, self.bytes, self.digest.finish())
    }
}

impl<W: Write> Write for Measured<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(buffer)?;
        self.digest.update(&buffer[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The index as a part of an archive but for the head of its entry, in frames that are kept one after the other, and
/// what the manifest says of it.
///
/// # Errors
/// What the compressor or the keeper says.
pub(crate) fn index<'a, E: From<io::Error>>(
    mut entries: impl Iterator<Item = &'a Entry>,
    compress: &dyn Fn(&[u8]) -> io::Result<Vec<u8>>,
    keep: &mut dyn FnMut(Vec<u8>) -> Result<(), E>,
) -> Result<IndexRecord, E> {
    let (mut lines, mut digest, mut bytes) = (Vec::with_capacity(FRAME), Sha256::default(), 0);
    loop {
        let is_end = entries.by_ref().take(LINES).try_fold(true, |_, entry| entry.write(&mut lines).map(|()| false))?;
        digest.update(&lines);
        bytes += lines.len() as u64;
        if is_end {
            lines.resize(bytes.next_multiple_of(BLOCK as u64).abs_diff(bytes) as usize, 0);
        }
        if !lines.is_empty() {
            keep(compress(&lines)?)?;
        }
        if is_end {
            return Ok(IndexRecord { sha256: digest.finish().to_string(), bytes });
        }
        lines.clear();
    }
}

/// Writes a whole archive, as it is before it is encrypted. The first of the parts are those of the index.
///
/// # Errors
/// What the writer or the source of the parts says.
pub(crate) fn write<W: Write, E: From<io::Error>>(
    out: W,
    compress: &dyn Fn(&[u8]) -> io::Result<Vec<u8>>,
    (manifest, index): (&[u8], &IndexRecord),
    parts: impl Iterator<Item = Result<Vec<u8>, E>>,
) -> Result<W, E> {
    let mut out = Measured::new(out);
    let mut tar = tar::Builder::new(Vec::with_capacity(manifest.len() + 2 * BLOCK));
    append(&mut tar, MANIFEST, manifest)?;
    let mut head = header(index.bytes);
    head.set_path(INDEX)?;
    head.set_cksum();
    tar.get_mut().extend_from_slice(head.as_bytes());
    out.write_all(&compress(tar.get_ref())?)?;
    for part in parts {
        out.write_all(&part?)?;
    }
    out.write_all(&compress(&END)?)?;
    let (mut out, _, digest) = out.finish();
    let seal: [u8; SEAL_BYTES] = seal(digest);
    out.write_all(&seal)?;
    Ok(out)
}

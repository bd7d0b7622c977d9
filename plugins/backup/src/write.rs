//! Putting an archive together: manifest, index, the parts that wait in the spool, the seal.

use crate::page::{LEVEL, append, header};
use mlops_shared::archive::{Digest, INDEX, MANIFEST, SEAL_BYTES, Sha256, seal};
use std::io::{self, Write};

/// Bytes of a block of tar: entries are filled up to whole ones.
const BLOCK: usize = 512;
/// Two empty blocks end a file of tar.
const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// The index: its size, and what writes it. A large cluster's takes megabytes, so it is made anew, not kept.
pub(crate) struct Index<'a> {
    pub(crate) bytes: u64,
    pub(crate) write: &'a dyn Fn(&mut dyn Write) -> io::Result<()>,
}

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

/// Writes a whole archive, as it is before it is encrypted.
///
/// # Errors
/// What the writer or the source of the parts says.
pub(crate) fn write<W: Write, E: From<io::Error>>(
    out: W,
    compress: &dyn Fn(&[u8]) -> io::Result<Vec<u8>>,
    (manifest, index): (&[u8], &Index<'_>),
    parts: impl Iterator<Item = Result<Vec<u8>, E>>,
) -> Result<W, E> {
    let mut out = Measured::new(out);
    let mut tar = tar::Builder::new(Vec::with_capacity(manifest.len() + 2 * BLOCK));
    append(&mut tar, MANIFEST, manifest)?;
    out.write_all(&compress(tar.get_ref())?)?;
    let mut frame = zstd::stream::write::Encoder::new(&mut out, LEVEL)?;
    let mut head = header(index.bytes);
    head.set_path(INDEX)?;
    head.set_cksum();
    frame.write_all(head.as_bytes())?;
    (index.write)(&mut frame)?;
    frame.write_all(&END[..index.bytes.next_multiple_of(BLOCK as u64).abs_diff(index.bytes) as usize])?;
    frame.finish()?;
    for part in parts {
        out.write_all(&part?)?;
    }
    out.write_all(&compress(&END)?)?;
    let (mut out, _, digest) = out.finish();
    let seal: [u8; SEAL_BYTES] = seal(digest);
    out.write_all(&seal)?;
    Ok(out)
}

//! Putting an archive together: manifest, index, the parts that wait in the spool, the seal.

use crate::page::{LEVEL, append, header};
use mlops_shared::archive::{Digest, Entry, INDEX, IndexRecord, MANIFEST, SEAL_BYTES, Sha256, seal};
use std::io::{self, BufWriter, Write};

/// Bytes of a block of tar: entries are filled up to whole ones.
const BLOCK: usize = 512;
/// Lines of the index are gathered before they are digested and compressed.
const BUFFER: usize = 1 << 16;
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

/// The index, compressed as a part of an archive but for the head of its entry, and what the manifest says of it.
///
/// # Errors
/// What the writer says.
pub(crate) fn index<'a, W: Write>(
    out: W,
    mut entries: impl Iterator<Item = &'a Entry>,
) -> io::Result<(W, IndexRecord)> {
    let frame = zstd::stream::write::Encoder::new(out, LEVEL)?;
    let mut lines = BufWriter::with_capacity(BUFFER, Measured::new(frame));
    entries.try_for_each(|entry| entry.write(&mut lines))?;
    let (mut frame, bytes, digest) = lines.into_inner().map_err(io::IntoInnerError::into_error)?.finish();
    frame.write_all(&END[..bytes.next_multiple_of(BLOCK as u64).abs_diff(bytes) as usize])?;
    Ok((frame.finish()?, IndexRecord { sha256: digest.to_string(), bytes }))
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

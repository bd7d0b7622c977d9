//! Putting an archive together: manifest, index, the parts that wait in the spool, the seal.

use crate::page::append;
use mlops_shared::archive::{Digest, INDEX, MANIFEST, SEAL_BYTES, Sha256, seal};
use std::io::{self, Write};

/// Two empty blocks end a file of tar.
const END: [u8; 1024] = [0; 1024];

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
    (manifest, index): (&[u8], &[u8]),
    parts: impl Iterator<Item = Result<Vec<u8>, E>>,
) -> Result<W, E> {
    let mut out = Measured::new(out);
    for (name, bytes) in [(MANIFEST, manifest), (INDEX, index)] {
        let mut tar = tar::Builder::new(Vec::with_capacity(bytes.len() + 1024));
        append(&mut tar, name, bytes)?;
        out.write_all(&compress(tar.get_ref())?)?;
    }
    for part in parts {
        out.write_all(&part?)?;
    }
    out.write_all(&compress(&END)?)?;
    let (mut out, _, digest) = out.finish();
    let seal: [u8; SEAL_BYTES] = seal(digest);
    out.write_all(&seal)?;
    Ok(out)
}

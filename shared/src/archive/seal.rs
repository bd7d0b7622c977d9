//! The end of an archive: a skippable frame of zstd with the digest of everything before it. Decoders pass over it.

use super::Sha256;
use std::io::{self, Read};

/// The magic number of a skippable frame (RFC 8878, 3.1.2) and the length of what it holds, both little-endian.
pub const MAGIC: [u8; 8] = [0x5e, 0x2a, 0x4d, 0x18, 32, 0, 0, 0];
/// Bytes of a seal.
pub const SEAL_BYTES: usize = MAGIC.len() + 32;

/// The seal of a compressed stream with this digest.
pub fn seal(digest: super::Digest) -> [u8; SEAL_BYTES] {
    let mut seal = [0; SEAL_BYTES];
    seal[..MAGIC.len()].copy_from_slice(&MAGIC);
    seal[MAGIC.len()..].copy_from_slice(&digest.0);
    seal
}

/// Hands a stream on but for its seal, which must fit what was handed on.
pub(super) struct Unsealing<R> {
    inner: R,
    /// What was read and may still be the seal.
    held: Vec<u8>,
    digest: Option<Sha256>,
}

impl<R: Read> Unsealing<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, held: Vec::new(), digest: Some(Sha256::default()) }
    }
}

impl<R: Read> Read for Unsealing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || self.digest.is_none() {
            return Ok(0);
        }
        while self.held.len() <= SEAL_BYTES {
            let before = self.held.len();
            self.held.resize(before + (1 << 16), 0);
            let read = self.inner.read(&mut self.held[before..]);
            self.held.truncate(before + read.as_ref().map_or(0, |read| *read));
            if read? == 0 {
                let expected = self.digest.take().map(|digest| seal(digest.finish()));
                let is_whole = expected.is_some_and(|expected| self.held == expected);
                return if is_whole { Ok(0) } else { Err(io::Error::other("it is cut, or a byte of it has changed")) };
            }
        }
        let count = buffer.len().min(self.held.len() - SEAL_BYTES);
        buffer[..count].copy_from_slice(&self.held[..count]);
        if let Some(digest) = &mut self.digest {
            digest.update(&self.held[..count]);
        }
        self.held.drain(..count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::Digest;

    fn sealed(content: &[u8]) -> Vec<u8> {
        let mut all = content.to_vec();
        all.extend_from_slice(&seal(Digest::of(content)));
        all
    }

    fn open(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        Unsealing::new(bytes).read_to_end(&mut out).map(|_| out)
    }

    #[test]
    fn a_sealed_stream_is_whole_or_refused() {
        for length in [0, 1, 39, 40, 41, 1 << 16, 200_000] {
            let content: Vec<u8> = (0..length).map(|at: usize| u8::try_from(at % 251).expect("small")).collect();
            let whole = sealed(&content);
            assert_eq!(open(&whole).expect("whole"), content);
            for cut in [0, 1, SEAL_BYTES, whole.len() / 2, whole.len() - 1] {
                assert!(open(&whole[..cut.min(whole.len() - 1)]).is_err(), "{length} cut to {cut}");
            }
            for at in [0, length / 2, length, whole.len() - 1] {
                let mut other = whole.clone();
                other[at] ^= 1;
                assert!(open(&other).is_err(), "{length} with another byte {at}");
            }
            assert!(open(&[&whole[..], b"x"].concat()).is_err());
        }
    }
}

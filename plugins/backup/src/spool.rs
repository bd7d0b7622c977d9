//! Pages that wait for their place in the archive, in a file without a name. What stands in it is encrypted with a key
//! that lives in memory: no value of a Secret touches the disk in the clear, and a run that is killed leaves nothing.

use mlops_shared::cli::Failure;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

/// The file and its key.
pub(crate) struct Spool {
    file: File,
    key: LessSafeKey,
    end: u64,
}

/// Where a page lies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece {
    at: u64,
    length: usize,
}

impl Spool {
    /// An empty one, in a folder.
    ///
    /// # Errors
    /// When there is no randomness, or the folder takes no file.
    pub(crate) fn new(folder: &Path) -> Result<Self, Failure> {
        let mut bytes = [0; 32];
        let no_key = |_| Failure::unchecked("the system gives no random numbers");
        SystemRandom::new().fill(&mut bytes).map_err(no_key)?;
        let key = UnboundKey::new(&CHACHA20_POLY1305, &bytes).map_err(no_key)?;
        let file = tempfile::tempfile_in(folder).map_err(|error| {
            Failure::unchecked(format!("failed to write in {}: {error}", folder.display()))
                .hint("the backup is prepared beside its target: is the folder writable, and is there room?")
        })?;
        Ok(Self { file, key: LessSafeKey::new(key), end: 0 })
    }

    /// Writes a page behind the others.
    ///
    /// # Errors
    /// When the disk is full.
    pub(crate) fn put(&mut self, mut page: Vec<u8>) -> Result<Piece, Failure> {
        let at = self.end;
        self.key
            .seal_in_place_append_tag(nonce(at), Aad::empty(), &mut page)
            .map_err(|_| Failure::unchecked("failed to encrypt a page"))?;
        self.file.write_all(&page).map_err(|error| {
            Failure::unchecked(format!("failed to write the backup: {error}")).hint("is there room on the disk?")
        })?;
        self.end += page.len() as u64;
        Ok(Piece { at, length: page.len() })
    }

    /// Reads a page back.
    ///
    /// # Errors
    /// When the disk does not give back what was written.
    pub(crate) fn get(&mut self, piece: Piece) -> Result<Vec<u8>, Failure> {
        let failed = |error: std::io::Error| Failure::unchecked(format!("failed to read back the backup: {error}"));
        let mut page = vec![0; piece.length];
        self.file.seek(SeekFrom::Start(piece.at)).map_err(failed)?;
        self.file.read_exact(&mut page).map_err(failed)?;
        let plain = self
            .key
            .open_in_place(nonce(piece.at), Aad::empty(), &mut page)
            .map_err(|_| Failure::unchecked("the disk did not give back what was written to it"))?
            .len();
        page.truncate(plain);
        Ok(page)
    }
}

/// Where a page begins is used once.
fn nonce(at: u64) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    bytes[..8].copy_from_slice(&at.to_le_bytes());
    Nonce::assume_unique_for_key(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_come_back_and_none_is_readable_on_the_disk() {
        let folder = tempfile::tempdir().expect("folder");
        let mut spool = Spool::new(folder.path()).expect("spool");
        let pages = [b"CANARY one".to_vec(), Vec::new(), vec![7; 100_000]];
        let pieces: Vec<Piece> = pages.iter().map(|page| spool.put(page.clone()).expect("put")).collect();
        for (page, piece) in pages.iter().zip(&pieces).rev() {
            assert_eq!(spool.get(*piece).expect("get"), *page);
        }
        let mut raw = Vec::new();
        spool.file.seek(SeekFrom::Start(0)).expect("seek");
        spool.file.read_to_end(&mut raw).expect("read");
        assert!(!raw.windows(6).any(|part| part == b"CANARY"));
        assert_eq!(std::fs::read_dir(folder.path()).expect("folder").count(), 0);
        spool.file.seek(SeekFrom::Start(3)).expect("seek");
        spool.file.write_all(b"!").expect("write");
        assert!(spool.get(pieces[0]).is_err());
    }
}

//! What opens an encrypted archive: age identities and SSH keys.

use super::ArchiveError;
use age::{Identity, IdentityFile};
use std::fmt;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// An identity file may be so large.
const BYTES: u64 = 1 << 20;

/// Identities that may open an archive. None of them is ever printed.
#[derive(Default)]
pub struct Identities(Vec<Box<dyn Identity + Send + Sync>>);

impl fmt::Debug for Identities {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} identities", self.0.len())
    }
}

impl Identities {
    /// Reads files, each with lines `AGE-SECRET-KEY-1…` or with an SSH private key.
    ///
    /// # Errors
    /// When a file cannot be read, or holds no identity. Nothing that stands in it is repeated.
    pub fn read<P: AsRef<Path>>(files: &[P]) -> Result<Self, ArchiveError> {
        let mut all = Self::default();
        for file in files {
            all.add(file.as_ref())?;
        }
        Ok(all)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn add(&mut self, path: &Path) -> Result<(), ArchiveError> {
        let refused = |reason: &str| ArchiveError::Identity { path: path.display().to_string(), reason: reason.into() };
        let file = File::open(path).map_err(|error| refused(&error.to_string()))?;
        let mut text = String::new();
        let read = BufReader::new(file).take(BYTES + 1).read_to_string(&mut text);
        // Cut at the limit, the rest of its identities would be missing without a word.
        if read.map_err(|_| refused("it is no text"))? as u64 > BYTES {
            return Err(refused("it is larger than 1 MiB"));
        }
        if text.contains("-----BEGIN") {
            let parsed = age::ssh::Identity::from_buffer(text.as_bytes(), None);
            match parsed.map_err(|_| refused("it is no SSH private key"))? {
                age::ssh::Identity::Encrypted(_) => return Err(refused("its SSH key has a passphrase")),
                age::ssh::Identity::Unsupported(_) => {
                    return Err(refused("age knows only ed25519 and RSA keys of SSH"));
                }
                identity => self.0.push(Box::new(identity)),
            }
            return Ok(());
        }
        let parsed = IdentityFile::from_buffer(text.as_bytes()).and_then(|file| {
            file.into_identities().map_err(|_| std::io::Error::other("its identities cannot be used"))
        });
        let found = parsed.map_err(|_| refused("a line of it is no AGE-SECRET-KEY-1…"))?;
        if found.is_empty() {
            return Err(refused("it is empty"));
        }
        self.0.extend(found);
        Ok(())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &dyn Identity> {
        self.0.iter().map(|identity| &**identity as &dyn Identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_identity_is_refused_without_being_repeated() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("key");
        for text in ["", "# only a comment\n", "CANARY", "-----BEGIN OPENSSH PRIVATE KEY-----\nCANARY\n"] {
            std::fs::write(&path, text).expect("write");
            let error = Identities::read(&[&path]).expect_err(text).to_string();
            assert!(error.contains("holds no identity") && !error.contains("CANARY"), "{error}");
        }
        std::fs::write(&path, "# x\n".repeat(300_000)).expect("write");
        let error = Identities::read(&[&path]).expect_err("refused").to_string();
        assert!(error.contains("larger than 1 MiB"), "{error}");
        assert!(Identities::read(&[folder.path().join("none")]).is_err());
        assert!(Identities::default().is_empty());
    }
}

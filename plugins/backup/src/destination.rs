//! Where a new archive goes: a folder, or a bucket.

use crate::keys;
use crate::s3::{Address, Bucket, Place, Signer, Upload};
use crate::storage::Storage;
use crate::target::{self, ENCRYPTED, PLAIN, Target, publish, signature_of};
use minisign::SecretKey;
use mlops_shared::archive::Digest;
use mlops_shared::cli::Failure;
use std::fs::File;
use std::io::{BufWriter, Seek as _, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Where it goes.
pub(crate) enum Destination {
    /// A file that is not there yet.
    Folder(Target),
    /// An object that is not there yet.
    Bucket(Remote),
}

/// An object that does not exist yet.
pub(crate) struct Remote {
    bucket: Rc<Bucket>,
    /// What stands before its name, with a slash at the end, or nothing.
    prefix: String,
    /// Its name; `None` where one is to be made up.
    name: Option<String>,
}

/// What writes an archive; its size and digest.
pub(crate) type Seal<'a> = dyn FnMut(&mut dyn Write) -> Result<(u64, Digest), Failure> + 'a;

/// What was written.
pub(crate) struct Written {
    pub(crate) bytes: u64,
    pub(crate) digest: Digest,
    /// The signature's path or address.
    pub(crate) signature: Option<PathBuf>,
}

impl Destination {
    /// What `--to` means, and what to note about it.
    ///
    /// # Errors
    /// When nothing can be written there, or what would be is there already.
    pub(crate) fn new(to: &Path, storage: &Storage<'_>) -> Result<(Self, Option<String>), Failure> {
        let Some((bucket, address)) = storage.remote(to)? else {
            let (target, note) = Target::new(to)?;
            return Ok((Self::Folder(target), note));
        };
        let is_file = address.key.ends_with(PLAIN) || address.key.ends_with(ENCRYPTED);
        let (folder, name) = match address.key.rsplit_once('/') {
            _ if !is_file => (address.key.clone(), None),
            Some((folder, name)) => (folder.to_owned(), Some(name.to_owned())),
            None => (String::new(), Some(address.key.clone())),
        };
        let folder = Address { bucket: address.bucket.clone(), key: folder };
        bucket.check(&folder)?;
        let remote = Remote { bucket, prefix: folder.prefix(), name };
        if let Some(name) = &remote.name {
            remote.refuse_existing(name)?;
        }
        Ok((Self::Bucket(remote), None))
    }

    /// Where pages may wait, encrypted.
    pub(crate) fn folder(&self) -> PathBuf {
        match self {
            Self::Folder(target) => target.folder().to_owned(),
            Self::Bucket(_) => std::env::temp_dir(),
        }
    }

    /// The new archive's path or address, its name made up of these where none was given.
    ///
    /// # Errors
    /// When it is there already, or a given name does not say whether the archive is encrypted.
    pub(crate) fn path(&self, context: &str, instant: &str, is_encrypted: bool) -> Result<PathBuf, Failure> {
        match self {
            Self::Folder(target) => target.path(context, instant, is_encrypted),
            Self::Bucket(remote) => {
                let name = target::name(remote.name.as_deref(), context, instant, is_encrypted)?;
                remote.refuse_existing(&name)?;
                Ok(remote.bucket.address(&format!("{}{name}", remote.prefix)).into())
            }
        }
    }

    /// Writes the archive, so that nothing is seen under its name until it is whole, and its signature before that.
    ///
    /// # Errors
    /// When it could not be written; nothing of it is left then.
    pub(crate) fn write(
        &self,
        path: &Path,
        signing: Option<(&SecretKey, &str)>,
        seal: &mut Seal<'_>,
    ) -> Result<Written, Failure> {
        match self {
            Self::Folder(target) => to_file(target, path, signing, seal),
            Self::Bucket(remote) => remote.write(path, signing, seal),
        }
    }
}

fn to_file(
    target: &Target,
    path: &Path,
    signing: Option<(&SecretKey, &str)>,
    seal: &mut Seal<'_>,
) -> Result<Written, Failure> {
    let failed = |error: std::io::Error| {
        Failure::unchecked(format!("failed to write the archive: {error}")).hint("is there room on the disk?")
    };
    let mut file = target.aside()?;
    let mut out = BufWriter::with_capacity(1 << 16, file.as_file_mut());
    let (bytes, digest) = seal(&mut out)?;
    out.flush().map_err(failed)?;
    drop(out);
    let signature = match signing {
        None => None,
        Some((key, comment)) => {
            let whole: &mut File = file.as_file_mut();
            whole.rewind().map_err(failed)?;
            let text = keys::sign(key, whole, comment)?;
            // First the signature: no archive is ever seen without it.
            let signature = signature_of(path);
            let mut aside = target.aside()?;
            aside.write_all(text.as_bytes()).map_err(failed)?;
            publish(aside, &signature)?;
            Some(signature)
        }
    };
    if let Err(failure) = publish(file, path) {
        // Nothing may lie about as the signature of a file that somebody else put there.
        signature.iter().for_each(|signature| drop(std::fs::remove_file(signature)));
        return Err(failure);
    }
    Ok(Written { bytes, digest, signature })
}

impl Remote {
    fn refuse_existing(&self, name: &str) -> Result<(), Failure> {
        let key = format!("{}{name}", self.prefix);
        for key in [format!("{key}{}", target::SIGNATURE), key] {
            if self.bucket.is_there(&key)? {
                return Err(self.bucket.taken(&key));
            }
        }
        Ok(())
    }

    fn write(&self, path: &Path, signing: Option<(&SecretKey, &str)>, seal: &mut Seal<'_>) -> Result<Written, Failure> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let key = format!("{}{name}", self.prefix);
        std::thread::scope(|scope| {
            let (signer, hand) = signing.map(|(key, comment)| Signer::start(scope, key, comment)).unzip();
            let mut upload = Upload::new(&self.bucket, &key, hand)?;
            let (bytes, digest) = match seal(&mut upload) {
                Ok(sealed) => sealed,
                Err(failure) => return Err(upload.failure().unwrap_or(failure)),
            };
            upload.last()?;
            let signature = match signer {
                None => None,
                Some(signer) => {
                    let signature = format!("{key}{}", target::SIGNATURE);
                    self.bucket.put(&signature, signer.signature()?.into_bytes(), Place::Free)?;
                    Some(signature)
                }
            };
            if let Err(failure) = upload.complete() {
                // Nothing may lie about as the signature of an object that somebody else put there.
                signature.iter().for_each(|signature| drop(self.bucket.remove(signature)));
                return Err(failure);
            }
            Ok(Written { bytes, digest, signature: signature.map(|key| self.bucket.address(&key).into()) })
        })
    }
}

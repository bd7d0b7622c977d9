//! What a restore has begun and what it has finished, in a file that survives it: a run that was interrupted or killed
//! goes on where it was. It holds paths and UIDs, and nothing of what objects hold.

use mlops_shared::archive::{Digest, Manifest};
use mlops_shared::cli::Failure;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

/// A journal of more bytes is none of this tool's.
const MOST: u64 = 1 << 30;

/// One line.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", tag = "step")]
enum Line {
    /// The first one: of which content into which cluster.
    Restore { content: String, cluster: String, namespaces: BTreeMap<String, String> },
    /// An object is about to be deleted, to be made anew.
    Deleting { path: String, uid: String },
    /// An object is about to be made.
    Begun { path: String },
    /// It was not made after all: the API server refused it.
    Refused { path: String },
    /// It was made.
    Made { path: String, uid: String },
    /// Nothing is left to do for it.
    Finished { path: String },
}

/// What a restore is of and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    /// Digest of the archive's index.
    pub(crate) content: String,
    /// UID of the cluster; empty where it could not be read.
    pub(crate) cluster: String,
    /// Namespaces under another name.
    pub(crate) namespaces: BTreeMap<String, String>,
}

impl Subject {
    /// Of an archive and a cluster.
    pub(crate) fn new(manifest: &Manifest, cluster: Option<&str>, namespaces: &BTreeMap<String, String>) -> Self {
        Self {
            content: manifest.index.sha256.clone(),
            cluster: cluster.unwrap_or_default().to_owned(),
            namespaces: namespaces.clone(),
        }
    }

    fn line(&self) -> Line {
        Line::Restore {
            content: self.content.clone(),
            cluster: self.cluster.clone(),
            namespaces: self.namespaces.clone(),
        }
    }

    /// The journal's name beside an archive, or in this folder where that lies in an object store: another cluster, or
    /// other namespaces, have another one.
    pub(crate) fn path(&self, archive: &Path) -> PathBuf {
        let text = format!("{}\n{}\n{:?}", self.content, self.cluster, self.namespaces);
        let digest = Digest::of(text.as_bytes()).to_string();
        let is_remote = crate::s3::is_remote(archive);
        let local = if is_remote { archive.file_name() } else { Some(archive.as_os_str()) };
        let mut name = local.unwrap_or_default().to_owned();
        name.push(format!(".restore-{}.journal", &digest[..12]));
        name.into()
    }
}

/// What earlier runs did.
#[derive(Debug, Default)]
pub(crate) struct Past {
    /// Begun and not finished, by path, with the UID where the object was made.
    pub(crate) begun: BTreeMap<Box<str>, Option<String>>,
    /// Deleted to be made anew and not made yet, by path, with the UID that it had.
    pub(crate) deleted: BTreeMap<Box<str>, String>,
    /// Finished.
    pub(crate) finished: BTreeSet<Box<str>>,
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::unchecked(format!("failed to use the journal {}: {error}", path.display()))
        .hint("--journal FILE puts it elsewhere")
}

/// Reads what earlier runs did; nothing where there is no journal.
///
/// # Errors
/// When it cannot be read, or is of another restore.
pub(crate) fn read(path: &Path, subject: &Subject) -> Result<Past, Failure> {
    let mut past = Past::default();
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(past),
        Err(error) => return Err(failed(path, &error)),
        Ok(about) if !about.is_file() || about.len() > MOST => {
            return Err(Failure::usage(format!("{} is no journal of a restore", path.display())));
        }
        Ok(_) => {}
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MOST).read_to_end(&mut bytes)).map_err(|error| failed(path, &error))?;
    // A run that was killed may have left half a line.
    let mut lines = bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Line>(line).ok());
    match lines.next() {
        None if bytes.is_empty() => return Ok(past),
        Some(line) if line == subject.line() => {}
        _ => {
            return Err(Failure::usage(format!("{} is not the journal of this restore", path.display()))
                .hint("--journal FILE names another file"));
        }
    }
    for line in lines {
        match line {
            Line::Restore { .. } => {}
            Line::Deleting { path, uid } => {
                past.finished.remove(path.as_str());
                past.begun.remove(path.as_str());
                past.deleted.insert(path.into(), uid);
            }
            Line::Begun { path } => {
                past.finished.remove(path.as_str());
                past.begun.insert(path.into(), None);
            }
            Line::Refused { path } => drop(past.begun.remove(path.as_str())),
            Line::Made { path, uid } => {
                past.deleted.remove(path.as_str());
                past.begun.insert(path.into(), Some(uid));
            }
            Line::Finished { path } => {
                past.begun.remove(path.as_str());
                past.finished.insert(path.into());
            }
        }
    }
    Ok(past)
}

/// The file, while a restore runs.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    path: PathBuf,
}

impl Journal {
    /// Opens it behind what is there; makes it for its owner only.
    ///
    /// # Errors
    /// When it cannot be written, or another run has it open.
    pub(crate) fn open(path: &Path, subject: &Subject) -> Result<Self, Failure> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|error| failed(path, &error))?;
        file.try_lock().map_err(|_| {
            Failure::usage(format!("another restore has {} open", path.display())).hint("wait until it ends")
        })?;
        let is_new = file.metadata().map_err(|error| failed(path, &error))?.len() == 0;
        let mut journal = Self { file, path: path.to_owned() };
        if is_new {
            journal.write(&subject.line())?;
        } else {
            // Behind half a line of a run that was killed.
            journal.file.write_all(b"\n").map_err(|error| failed(path, &error))?;
        }
        Ok(journal)
    }

    fn write(&mut self, line: &Line) -> Result<(), Failure> {
        let mut bytes = serde_json::to_vec(line).unwrap_or_default();
        bytes.push(b'\n');
        self.file.write_all(&bytes).map_err(|error| failed(&self.path, &error))
    }

    /// Says that the object of this UID is about to be deleted, to be made anew.
    ///
    /// # Errors
    /// When it cannot be written: then nothing may be deleted either.
    pub(crate) fn deleting(&mut self, path: &str, uid: &str) -> Result<(), Failure> {
        self.write(&Line::Deleting { path: path.to_owned(), uid: uid.to_owned() })
    }

    /// Says that an object is about to be made.
    ///
    /// # Errors
    /// When it cannot be written: then nothing may be made either.
    pub(crate) fn begun(&mut self, path: &str) -> Result<(), Failure> {
        self.write(&Line::Begun { path: path.to_owned() })
    }

    /// Says that it was not: whoever has made it meanwhile is somebody else.
    ///
    /// # Errors
    /// As [`Journal::begun`].
    pub(crate) fn refused(&mut self, path: &str) -> Result<(), Failure> {
        self.write(&Line::Refused { path: path.to_owned() })
    }

    /// Says that it was made.
    ///
    /// # Errors
    /// As [`Journal::begun`].
    pub(crate) fn made(&mut self, path: &str, uid: &str) -> Result<(), Failure> {
        self.write(&Line::Made { path: path.to_owned(), uid: uid.to_owned() })
    }

    /// Says that nothing is left to do for it.
    ///
    /// # Errors
    /// As [`Journal::begun`].
    pub(crate) fn finished(&mut self, path: &str) -> Result<(), Failure> {
        self.write(&Line::Finished { path: path.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(cluster: &str) -> Subject {
        Subject { content: "c".to_owned(), cluster: cluster.to_owned(), namespaces: BTreeMap::new() }
    }

    #[test]
    fn what_was_done_is_known_again_even_behind_half_a_line() {
        let folder = tempfile::tempdir().expect("folder");
        let path = subject("one").path(&folder.path().join("a.tar.zst"));
        assert!(read(&path, &subject("one")).expect("none").begun.is_empty());
        {
            let mut journal = Journal::open(&path, &subject("one")).expect("opens");
            for name in ["a", "b", "c", "g"] {
                journal.begun(name).expect("written");
            }
            journal.refused("g").expect("written");
            journal.made("b", "u").expect("written");
            journal.made("c", "v").expect("written");
            journal.finished("c").expect("written");
            for name in ["e", "f"] {
                journal.deleting(name, "old").expect("written");
            }
            journal.begun("f").expect("written");
            journal.made("f", "new").expect("written");
            journal.file.write_all(b"{\"step\":\"beg").expect("written");
            assert!(Journal::open(&path, &subject("one")).is_err(), "two runs at once");
        }
        drop(Journal::open(&path, &subject("one")).expect("opens").begun("d"));
        let past = read(&path, &subject("one")).expect("read");
        let begun: Vec<_> = past.begun.iter().map(|(path, uid)| (&**path, uid.as_deref())).collect();
        assert_eq!(begun, [("a", None), ("b", Some("u")), ("d", None), ("f", Some("new"))]);
        let deleted: Vec<_> = past.deleted.iter().map(|(path, uid)| (&**path, &**uid)).collect();
        assert_eq!(deleted, [("e", "old")]);
        assert!(past.finished.contains("c"));
        assert!(read(&path, &subject("two")).is_err());
        assert_ne!(subject("two").path(Path::new("a")), subject("one").path(Path::new("a")));
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_reads_it_and_a_link_is_none() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("j");
        drop(Journal::open(&path, &subject("one")).expect("opens"));
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        let link = folder.path().join("l");
        std::os::unix::fs::symlink(&path, &link).expect("link");
        assert!(read(&link, &subject("one")).is_err());
    }
}

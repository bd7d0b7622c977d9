//! Where an archive goes: a new file in a folder that nobody else can write to, written aside and renamed when it is whole.

use mlops_shared::cli::Failure;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use tempfile::{Builder, NamedTempFile};

/// How names of archives end.
pub(crate) const PLAIN: &str = ".tar.zst";
/// How names of encrypted archives end.
pub(crate) const ENCRYPTED: &str = ".tar.zst.age";
/// What is added to an archive's name for its signature.
pub(crate) const SIGNATURE: &str = ".minisig";

/// A file that does not exist yet.
#[derive(Debug)]
pub(crate) struct Target {
    folder: PathBuf,
    /// The file's name; `None` where one is to be made up.
    name: Option<String>,
}

impl Target {
    /// What `--to` means.
    ///
    /// # Errors
    /// When there is no such folder, others can write to it, or there is such a file.
    pub(crate) fn new(to: &Path) -> Result<(Self, Option<String>), Failure> {
        let text = to.to_string_lossy();
        let is_file = text.ends_with(PLAIN) || text.ends_with(ENCRYPTED);
        let (folder, name) = match (is_file, to.file_name()) {
            (true, Some(name)) => {
                let folder = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
                (folder.to_owned(), Some(name.to_string_lossy().into_owned()))
            }
            _ => (to.to_owned(), None),
        };
        if !is_file && !folder.exists() {
            make(&folder)?;
        }
        let about = fs::metadata(&folder).map_err(|error| {
            Failure::usage(format!("failed to open the folder {}: {error}", folder.display())).hint(format!(
                "--to is a folder that exists, or a new file in one, its name ending in {PLAIN} or {ENCRYPTED}"
            ))
        })?;
        if !about.is_dir() {
            return Err(Failure::usage(format!("{} is no folder", folder.display()))
                .hint(format!("the name of an archive ends in {PLAIN} or {ENCRYPTED}")));
        }
        let note = open_to_all(&folder, &about)?;
        let target = Self { folder, name };
        if let Some(name) = &target.name {
            target.refuse_existing(name)?;
        }
        Ok((target, note))
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file's path, its name made up of these where none was given.
    ///
    /// # Errors
    /// When it is there already, or a given name does not say whether the archive is encrypted.
    pub(crate) fn path(&self, context: &str, instant: &str, is_encrypted: bool) -> Result<PathBuf, Failure> {
        let name = name(self.name.as_deref(), context, instant, is_encrypted)?;
        self.refuse_existing(&name)?;
        Ok(self.folder.join(name))
    }

    fn refuse_existing(&self, name: &str) -> Result<(), Failure> {
        let path = self.folder.join(name);
        for path in [path.clone(), signature_of(&path)] {
            // A link counts as a file, wherever it leads.
            if fs::symlink_metadata(&path).is_ok() {
                return Err(Failure::usage(format!("{} is there already", path.display()))
                    .hint("a backup never takes the place of another file: give another name, or a folder"));
            }
        }
        Ok(())
    }

    /// A file that only its owner can read, to be renamed.
    ///
    /// # Errors
    /// When the folder takes none.
    pub(crate) fn aside(&self) -> Result<NamedTempFile, Failure> {
        Builder::new().prefix(".backup-").suffix(".partial").tempfile_in(&self.folder).map_err(|error| {
            Failure::unchecked(format!("failed to write in {}: {error}", self.folder.display()))
                .hint("is the folder writable, and is there room?")
        })
    }
}

/// The name of a new archive: the one that was given, or one made up of these.
///
/// # Errors
/// When a given name does not say whether the archive is encrypted.
pub(crate) fn name(given: Option<&str>, context: &str, instant: &str, is_encrypted: bool) -> Result<String, Failure> {
    let ending = if is_encrypted { ENCRYPTED } else { PLAIN };
    match given {
        Some(name) if name.ends_with(ending) => Ok(name.to_owned()),
        Some(name) => {
            let what = if is_encrypted { "encrypted" } else { "not encrypted" };
            Err(Failure::usage(format!("the archive is {what}, and {name} does not say so"))
                .hint(format!("its name ends in {ending}")))
        }
        None => {
            let plain = |it: char| if it.is_ascii_alphanumeric() || it == '-' { it } else { '-' };
            let context: String = context.chars().take(60).map(plain).collect();
            let instant: String = instant.chars().filter(|it| it.is_ascii_alphanumeric()).collect();
            Ok(format!("backup-{}-{instant}{ending}", context.trim_matches('-')))
        }
    }
}

/// Makes a folder that only its owner can enter, in one that is there.
fn make(folder: &Path) -> Result<(), Failure> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| {
        Failure::usage(format!("failed to make the folder {}: {error}", folder.display()))
            .hint("only its last part is made: is the one above it there?")
    })
}

/// The name of an archive's signature.
pub(crate) fn signature_of(archive: &Path) -> PathBuf {
    let mut name = archive.as_os_str().to_owned();
    name.push(SIGNATURE);
    name.into()
}

/// Gives a file that was written aside its name, where nothing has it.
///
/// # Errors
/// When something has, or the disk fails.
pub(crate) fn publish(file: NamedTempFile, path: &Path) -> Result<(), Failure> {
    let failed = |error: &io::Error| {
        Failure::unchecked(format!("failed to write {}: {error}", path.display())).hint("is there room on the disk?")
    };
    file.as_file().sync_all().map_err(|error| failed(&error))?;
    file.persist_noclobber(path).map_err(|error| failed(&error.error))?;
    // The name itself is on the disk once its folder is.
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| failed(&error))?;
    }
    Ok(())
}

/// Refuses a folder in which everybody can replace files; notes one in which everybody can make some.
#[cfg(unix)]
fn open_to_all(folder: &Path, about: &fs::Metadata) -> Result<Option<String>, Failure> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = about.permissions().mode();
    let name = folder.display();
    match (mode & 0o002 != 0, mode & 0o1000 != 0) {
        (true, false) => Err(Failure::usage(format!("everybody can write to {name}"))
            .hint(format!("others could replace a backup there: `chmod o-w {name}`"))),
        (true, true) => Ok(Some(format!("everybody can make files in {name}"))),
        _ => Ok(None),
    }
}

#[cfg(not(unix))]
fn open_to_all(_: &Path, _: &fs::Metadata) -> Result<Option<String>, Failure> {
    Ok(None)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_backup_is_a_new_file_that_only_its_owner_reads() {
        let folder = tempfile::tempdir().expect("folder");
        let (target, note) = Target::new(folder.path()).expect("target");
        assert!(note.is_none());
        let path = target.path("admin@prod/eu", "2026-11-27T03:00:00Z", false).expect("path");
        assert!(path.ends_with("backup-admin-prod-eu-20261127T030000Z.tar.zst"), "{}", path.display());
        let mut file = target.aside().expect("file");
        file.write_all(b"x").expect("write");
        publish(file, &path).expect("published");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        assert!(target.path("admin@prod/eu", "2026-11-27T03:00:00Z", false).is_err());
        assert!(publish(target.aside().expect("file"), &path).is_err());
        assert_eq!(fs::read(&path).expect("there"), b"x");
        assert!(Target::new(&path).is_err());
        assert_eq!(fs::read_dir(folder.path()).expect("folder").count(), 1);
    }

    #[test]
    fn folders_of_others_links_and_wrong_names_are_refused() {
        let folder = tempfile::tempdir().expect("folder");
        let link = folder.path().join("link.tar.zst");
        std::os::unix::fs::symlink("/nowhere", &link).expect("link");
        assert!(Target::new(&link).expect_err("refused").to_string().contains("there already"));
        assert!(Target::new(&folder.path().join("none").join("x")).is_err());
        Target::new(&folder.path().join("new")).expect("made");
        let mode = fs::metadata(folder.path().join("new")).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let (target, _) = Target::new(&folder.path().join("a.tar.zst")).expect("target");
        assert!(target.path("c", "t", true).expect_err("refused").to_string().contains("does not say so"));
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("mode");
        assert!(Target::new(folder.path()).expect_err("refused").to_string().contains("everybody"));
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o1777)).expect("mode");
        assert!(Target::new(folder.path()).expect("target").1.is_some());
    }
}

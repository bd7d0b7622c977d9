//! Whether a release is the same wherever it is made: two clones of a commit, built apart, packed, and compared.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail};

use crate::archive::{Entry, list};
use crate::workspace::Workspace;
use crate::{Result, sha256};

/// How a clone differs from the other in what must not matter.
#[derive(Clone, Copy, Debug)]
pub struct Checkout {
    /// Its folder, below that of the whole check.
    pub folder: &'static str,
    /// The mode bits that its files are without, as under such a umask.
    pub mask: u32,
    /// How long ago its files were written.
    pub age: Duration,
}

/// One in a short folder, one in a long one; one as most people check out, one as careful people do, long ago.
pub const CLONES: [Checkout; 2] = [
    Checkout { folder: "a", mask: 0o022, age: Duration::from_secs(60) },
    Checkout { folder: "another/folder/of-a-longer-name", mask: 0o077, age: Duration::from_secs(400 * 86_400) },
];

/// Clones the commit that `workspace` stands at into `clone.folder` below `into`.
///
/// # Errors
/// When git fails, or the folder cannot be written.
pub fn check_out(workspace: &Workspace, into: &Path, clone: &Checkout) -> Result<Workspace> {
    let root = into.join(clone.folder);
    fs::create_dir_all(&root).with_context(|| format!("creating {}", root.display()))?;
    let status = Command::new("git")
        .args(["clone", "--quiet", "--no-hardlinks"])
        .args([&workspace.root, &root])
        .status()
        .context("starting git clone")?;
    if !status.success() {
        bail!("git clone failed ({status})");
    }
    weather(&root, clone, SystemTime::now())?;
    // Two builds in one target folder would not be two.
    Ok(Workspace { target_dir: root.join("target"), ..Workspace::read_in(&root)? })
}

/// Gives the files of a checkout other modes and times.
fn weather(folder: &Path, clone: &Checkout, now: SystemTime) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let entry = entry.with_context(|| format!("reading {}", folder.display()))?;
        let path = entry.path();
        if entry.file_name() == ".git" || path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            weather(&path, clone, now)?;
            continue;
        }
        let file = File::open(&path).with_context(|| format!("opening {}", path.display()))?;
        file.set_modified(now - clone.age).with_context(|| format!("setting the time of {}", path.display()))?;
        mask(&file, clone.mask).with_context(|| format!("setting the mode of {}", path.display()))?;
    }
    Ok(())
}

#[cfg(unix)]
fn mask(file: &File, mask: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = file.metadata()?.permissions().mode();
    file.set_permissions(fs::Permissions::from_mode(mode & !mask))
}

#[cfg(not(unix))]
fn mask(_: &File, _: u32) -> std::io::Result<()> {
    Ok(())
}

/// What two archives differ in; empty where they are the same bytes.
///
/// # Errors
/// When they differ and one is no archive.
pub fn differences(one: &[u8], two: &[u8]) -> Result<Vec<String>> {
    if one == two {
        return Ok(Vec::new());
    }
    let by_name = |archive: &[u8]| -> Result<BTreeMap<String, Entry>> {
        Ok(list(archive)?.into_iter().map(|entry| (entry.name.clone(), entry)).collect())
    };
    let (ones, mut twos) = (by_name(one)?, by_name(two)?);
    let mut found = Vec::new();
    for (name, entry) in ones {
        match twos.remove(&name) {
            None => found.push(format!("{name} is in one of them only")),
            Some(other) if other == entry => {}
            Some(other) if other.bytes == entry.bytes => {
                found.push(format!(
                    "{name} differs in mode, owner or time: {:o} {}, {:o} {}",
                    entry.mode, entry.time, other.mode, other.time
                ));
            }
            Some(other) => {
                let same = entry.bytes.iter().zip(&other.bytes).take_while(|(one, two)| one == two).count();
                let sizes = (entry.bytes.len(), other.bytes.len());
                found.push(format!("{name} differs from byte {same} on ({} and {} bytes)", sizes.0, sizes.1));
            }
        }
    }
    found.extend(twos.into_keys().map(|name| format!("{name} is in one of them only")));
    if found.is_empty() {
        found.push("the same files, packed in another way".to_owned());
    }
    Ok(found)
}

/// Compares the archive `name` in these folders, and gives the digest that it has in all of them.
///
/// # Errors
/// When they differ, or one is not there.
pub fn compare(name: &str, folders: &[PathBuf]) -> Result<String> {
    let read = |folder: &PathBuf| {
        let path = folder.join(name);
        fs::read(&path).with_context(|| format!("reading {}", path.display()))
    };
    let archives = folders.iter().map(read).collect::<Result<Vec<_>>>()?;
    let Some((first, others)) = archives.split_first() else { bail!("nothing to compare") };
    for other in others {
        let found = differences(first, other)?;
        if !found.is_empty() {
            bail!("{name} is not the same in two folders: {}", found.join("; "));
        }
    }
    Ok(sha256(first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::{self, pack};
    use flate2::Compression;

    fn packed(program: &str, is_executable: bool, time: u64, compression: Compression) -> Vec<u8> {
        let file = archive::File { bytes: program.as_bytes().to_vec(), is_executable };
        pack(&BTreeMap::from([("kubectl-mlops".to_owned(), file)]), time, compression).expect("packed")
    }

    #[test]
    fn what_differs_is_named() {
        let first = packed("\x7fELF 1", true, 1, Compression::best());
        let told = |other: &[u8]| differences(&first, other).expect("archives").join("; ");
        assert_eq!(told(&first), "");
        assert_eq!(
            told(&packed("\x7fELF 22", true, 1, Compression::best())),
            "kubectl-mlops differs from byte 5 on (6 and 7 bytes)"
        );
        assert!(told(&packed("\x7fELF 1", false, 1, Compression::best())).contains("mode, owner or time"));
        assert!(told(&packed("\x7fELF 1", true, 2, Compression::best())).contains("mode, owner or time"));
        assert_eq!(told(&packed("\x7fELF 1", true, 1, Compression::none())), "the same files, packed in another way");
        assert!(differences(&first, b"no archive").is_err());
    }

    #[test]
    fn clones_differ_in_path_mode_and_time() {
        let workspace = Workspace::read().expect("cargo metadata");
        let folder = tempfile::tempdir().expect("a folder");
        if !workspace.root.join(".git").exists() {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "skipped: this is no git checkout");
            return;
        }
        let clones = CLONES.map(|clone| check_out(&workspace, folder.path(), &clone).expect("a clone"));
        let [one, two] = clones.each_ref().map(|clone| fs::metadata(clone.root.join("Cargo.toml")).expect("a file"));
        assert_ne!(one.modified().expect("a time"), two.modified().expect("a time"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!((one.permissions().mode() & 0o777, two.permissions().mode() & 0o777), (0o644, 0o600));
        }
        assert_eq!(clones[0].binaries, clones[1].binaries);
        assert_eq!(clones[0].time().expect("a time"), clones[1].time().expect("a time"));
        assert_ne!(clones[0].target_dir, clones[1].target_dir);
    }
}

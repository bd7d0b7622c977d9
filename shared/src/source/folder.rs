//! The files of a folder: bounded, sorted, without following links, and each read as the file that was listed.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// What is read of a folder at most.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Files.
    pub files: usize,
    /// Depth of folders.
    pub depth: usize,
}

/// A file of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it is.
    pub path: PathBuf,
    /// Its path from the folder on, with `/` between its parts.
    pub inside: String,
}

/// The files of a folder, and what was passed over.
#[derive(Debug, Default)]
pub struct Walked {
    /// The files that are wanted, by their paths.
    pub files: Vec<Found>,
    /// Symbolic links, by their paths from the folder on.
    pub links: Vec<String>,
    /// Folders that could not be read, and why.
    pub gaps: Vec<String>,
}

/// Why a folder could not be listed.
#[derive(Debug)]
pub enum WalkError {
    /// The operating system says no.
    Open(io::Error),
    /// It holds more files than the bound.
    TooMany,
}

/// Lists the files of `root` whose names are `wanted`, and those of the folders below it whose names are `entered`.
///
/// # Errors
/// When the folder itself cannot be listed, or holds too many files. A folder below it that cannot be read, or that is too deep, is
/// a gap.
pub fn walk(
    root: &Path,
    bounds: Bounds,
    wanted: impl Fn(&str) -> bool,
    entered: impl Fn(&str) -> bool,
) -> Result<Walked, WalkError> {
    let mut walked = Walked::default();
    let mut waiting = vec![(root.to_owned(), 0)];
    while let Some((folder, depth)) = waiting.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(reason) if depth == 0 => return Err(WalkError::Open(reason)),
            Err(reason) => {
                walked.gaps.push(format!("folder {}: {reason}", inside(root, &folder)));
                continue;
            }
        };
        for entry in entries.flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            // `file_type` does not follow links: a link is neither folder nor file here.
            if kind.is_symlink() {
                walked.links.push(inside(root, &path));
            } else if kind.is_dir() && entered(&name) {
                if depth < bounds.depth {
                    waiting.push((path, depth + 1));
                } else {
                    walked.gaps.push(format!("folder {}: too deep", inside(root, &path)));
                }
            } else if kind.is_file() && wanted(&name) {
                walked.files.push(Found { inside: inside(root, &path), path });
                if walked.files.len() > bounds.files {
                    return Err(WalkError::TooMany);
                }
            }
        }
    }
    walked.files.sort_by(|one, two| one.inside.cmp(&two.inside));
    walked.links.sort();
    Ok(walked)
}

/// Opens a regular file, and not what took its place while it was opened.
///
/// # Errors
/// When it cannot be opened, is no regular file, or was replaced.
pub fn open(path: &Path) -> Result<File, String> {
    let listed = fs::symlink_metadata(path).map_err(|reason| reason.to_string())?;
    if !listed.is_file() {
        return Err("not a regular file".to_owned());
    }
    let file = File::open(path).map_err(|reason| reason.to_string())?;
    let opened = file.metadata().map_err(|reason| reason.to_string())?;
    if is_same(&listed, &opened) { Ok(file) } else { Err("replaced while it was read".to_owned()) }
}

/// Reads a file of at most so many bytes.
///
/// # Errors
/// As [`open`], and when it is larger.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    open(path)?.take(most + 1).read_to_end(&mut bytes).map_err(|reason| reason.to_string())?;
    if bytes.len() as u64 > most {
        return Err(format!("larger than {} MiB", most >> 20));
    }
    Ok(bytes)
}

fn inside(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

#[cfg(unix)]
fn is_same(one: &fs::Metadata, two: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    one.ino() == two.ino() && one.dev() == two.dev()
}

#[cfg(not(unix))]
fn is_same(_: &fs::Metadata, two: &fs::Metadata) -> bool {
    two.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_deep_or_too_much_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("a/b")).expect("made");
        for name in ["z.yaml", "a/x.yaml", "a/b/y.yaml", "a/note.txt"] {
            fs::write(at(name), "a: 1\n").expect("written");
        }
        let walk = |files, depth| {
            super::walk(folder.path(), Bounds { files, depth }, |name| name.ends_with(".yaml"), |_| true)
        };
        let names = |walked: &Walked| walked.files.iter().map(|file| file.inside.clone()).collect::<Vec<_>>();
        let whole = walk(3, 2).expect("listed");
        assert_eq!(names(&whole), ["a/b/y.yaml", "a/x.yaml", "z.yaml"]);
        assert!(whole.gaps.is_empty());
        let part = walk(3, 1).expect("listed");
        assert_eq!(
            (names(&part), part.gaps),
            (vec!["a/x.yaml".to_owned(), "z.yaml".to_owned()], vec!["folder a/b: too deep".to_owned()])
        );
        assert!(matches!(walk(2, 2), Err(WalkError::TooMany)));
        assert!(matches!(
            super::walk(&at("none"), Bounds { files: 1, depth: 1 }, |_| true, |_| true),
            Err(WalkError::Open(_))
        ));
    }

    #[test]
    fn only_regular_files_of_a_size_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a");
        fs::write(&file, vec![b'a'; 1 << 20]).expect("written");
        assert_eq!(read(&file, 1 << 20).expect("read").len(), 1 << 20);
        fs::write(&file, vec![b'a'; (1 << 20) + 1]).expect("written");
        assert_eq!(read(&file, 1 << 20).unwrap_err(), "larger than 1 MiB");
        assert_eq!(read(folder.path(), 1).unwrap_err(), "not a regular file");
        #[cfg(unix)]
        {
            let link = folder.path().join("link");
            std::os::unix::fs::symlink(&file, &link).expect("linked");
            assert_eq!(read(&link, 1 << 21).unwrap_err(), "not a regular file");
        }
    }
}

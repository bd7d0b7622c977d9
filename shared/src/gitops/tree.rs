//! The YAML files of a Git tree: bounded, sorted, and without following links.

use super::yaml::{Document, Parsed, parse};
use crate::source::folder::{self, Bounds, WalkError};
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Files of a tree.
const FILES: usize = 50_000;
/// Depth of folders.
const DEPTH: usize = 32;
/// Bytes of a file; generated CRDs have one or two million.
const BYTES: u64 = 5 << 20;
/// Bytes of all files.
const ALL_BYTES: usize = 256 << 20;

/// The names that kustomize takes a folder's kustomization from, in its order (kustomize, `konfig.RecognizedKustomizationFileNames`).
const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// A tree of YAML files. Paths are relative to its root, with `/` between their parts.
#[derive(Debug, Default)]
pub struct Tree {
    root: PathBuf,
    files: BTreeMap<String, TreeFile>,
    links: BTreeSet<String>,
    gaps: Vec<String>,
}

#[derive(Debug)]
struct TreeFile {
    text: String,
    parsed: OnceCell<Parsed>,
}

/// Why a tree or a file of it could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {reason}")]
pub struct TreeError {
    /// The file or folder.
    pub what: String,
    /// Why, a lower-case fragment.
    pub reason: String,
}

impl TreeError {
    pub(super) fn new(what: impl Into<String>, reason: impl ToString) -> Self {
        Self { what: what.into(), reason: reason.to_string() }
    }
}

impl Tree {
    /// Reads the files that end in `.yaml`, `.yml` or `.json`, and those called `Kustomization`; `.git` is passed over.
    ///
    /// # Errors
    /// When the root cannot be listed or holds too much. A file that cannot be read is a gap.
    pub fn read(root: &Path) -> Result<Self, TreeError> {
        let failed = |reason: String| TreeError::new(root.display().to_string(), reason);
        if !fs::metadata(root).map_err(|reason| failed(reason.to_string()))?.is_dir() {
            return Err(failed("not a folder".to_owned()));
        }
        let bounds = Bounds { files: FILES, depth: DEPTH };
        let walked = folder::walk(root, bounds, is_yaml, |name| name != ".git").map_err(|error| match error {
            WalkError::Open(reason) => failed(reason.to_string()),
            WalkError::TooMany => failed(format!("more than {FILES} YAML files")),
        })?;
        let links = walked.links.into_iter().collect();
        let mut tree = Self { root: root.to_owned(), files: BTreeMap::new(), links, gaps: walked.gaps };
        let mut total = 0;
        for found in walked.files {
            match read_file(&found.path) {
                Ok(text) => {
                    total += text.len();
                    tree.files.insert(found.inside, TreeFile { text, parsed: OnceCell::new() });
                }
                Err(reason) => tree.gaps.push(format!("file {}: {reason}", found.inside)),
            }
            if total > ALL_BYTES {
                return Err(failed(format!("more than {} MiB of YAML", ALL_BYTES >> 20)));
            }
        }
        Ok(tree)
    }

    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let mut tree = Self::default();
        for (path, text) in files {
            let text = (*text).to_owned();
            tree.files.insert((*path).to_owned(), TreeFile { text, parsed: OnceCell::new() });
        }
        tree
    }

    /// The folder that was read.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What could not be read.
    pub fn gaps(&self) -> &[String] {
        &self.gaps
    }

    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(|file| file.text.as_str())
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    pub(super) fn is_link(&self, path: &str) -> bool {
        self.links.contains(path)
    }

    pub(super) fn parsed(&self, path: &str) -> Option<&Parsed> {
        let file = self.files.get(path)?;
        Some(file.parsed.get_or_init(|| parse(file.text.strip_prefix('\u{feff}').unwrap_or(&file.text))))
    }

    /// A file by its own name, which lives as long as the tree.
    pub(super) fn entry(&self, path: &str) -> Option<(&str, &Parsed)> {
        let (path, _) = self.files.get_key_value(path)?;
        Some((path, self.parsed(path)?))
    }

    pub(super) fn documents(&self, path: &str) -> &[Document] {
        self.parsed(path).map_or(&[], |parsed| &parsed.documents)
    }

    /// The kustomization of a folder.
    pub(super) fn kustomization(&self, folder: &str) -> Option<String> {
        let candidates = KUSTOMIZATIONS.iter().map(|name| join(folder, name));
        candidates.flatten().find(|path| self.files.contains_key(path))
    }

    /// The folders that have a kustomization.
    pub(super) fn kustomized(&self) -> Vec<&str> {
        let folder = |path: &'_ str| path.rsplit_once('/').map_or(0, |(folder, _)| folder.len());
        let name = |path: &str| KUSTOMIZATIONS.contains(&path.rsplit('/').next().unwrap_or(path));
        self.paths().filter(|path| name(path)).map(|path| &path[..folder(path)]).collect()
    }

    pub(super) fn has_folder(&self, folder: &str) -> bool {
        let first = self.files.range(format!("{folder}/")..).next();
        folder.is_empty() || first.is_some_and(|(path, _)| is_below(path, folder))
    }
}

/// Whether a path is below a folder; everything is below the root.
pub(super) fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// A path from a folder on, without `.` and `..`; `None` where it leads out of the tree.
pub(super) fn join(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    if path.starts_with('/') {
        return None;
    }
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn is_yaml(name: &str) -> bool {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    matches!(ending, "yaml" | "yml" | "json") || KUSTOMIZATIONS.contains(&name)
}

/// The text of a regular file, its byte order mark included.
pub(super) fn read_file(path: &Path) -> Result<String, String> {
    String::from_utf8(folder::read(path, BYTES)?).map_err(|_| "not UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_in_the_tree() {
        assert_eq!(join("a/b", "../c.yaml").as_deref(), Some("a/c.yaml"));
        assert_eq!(join("", "./apps//x").as_deref(), Some("apps/x"));
        assert_eq!(join("a", "../../etc"), None);
        assert_eq!(join("a", "/etc"), None);
        assert!(is_below("apps/x.yaml", "apps") && !is_below("apps2/x.yaml", "apps"));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed_and_what_is_no_text_is_a_gap() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("out.yaml"), "a: 1\n").expect("written");
        fs::create_dir(at("tree")).expect("made");
        fs::create_dir(at("tree/.git")).expect("made");
        fs::write(at("tree/.git/x.yaml"), "a: 1\n").expect("written");
        fs::write(at("tree/a.yaml"), "a: 1\n").expect("written");
        fs::write(at("tree/latin.yaml"), b"a: \xff\n").expect("written");
        std::os::unix::fs::symlink(at("out.yaml"), at("tree/link.yaml")).expect("linked");
        std::os::unix::fs::symlink(folder.path(), at("tree/up")).expect("linked");
        let tree = Tree::read(&at("tree")).expect("read");
        assert_eq!(tree.paths().collect::<Vec<_>>(), ["a.yaml"]);
        assert!(tree.is_link("link.yaml") && tree.is_link("up"));
        assert_eq!(tree.gaps(), ["file latin.yaml: not UTF-8"]);
        assert!(Tree::read(&at("out.yaml")).is_err() && Tree::read(&at("none")).is_err());
    }
}

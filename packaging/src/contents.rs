//! What goes into a release archive.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};

use crate::archive::File;
use crate::platform::Platform;
use crate::workspace::Workspace;
use crate::{Result, reference};

/// Everything but the binaries: licence, README, man pages, completion scripts. Names have no folder, for krew
/// installs an archive as it is, and the plugins look for each other side by side.
///
/// # Errors
/// When a file cannot be read, or two have the same name.
pub fn documents(workspace: &Workspace) -> Result<BTreeMap<String, File>> {
    let mut files = BTreeMap::new();
    // krew wants a file of exactly this name.
    for name in ["LICENSE", "README.md"] {
        let path = workspace.root.join(name);
        files.insert(name.to_owned(), File::data(fs::read(&path).with_context(|| format!("reading {name}"))?));
    }
    for (name, page) in reference::man_pages()? {
        add(&mut files, name, File::data(page))?;
    }
    completions(&workspace.root.join("completions"), &mut files)?;
    Ok(files)
}

/// The binaries in `folder`, under the names that `platform` runs them by.
///
/// # Errors
/// When one is missing.
pub fn binaries(workspace: &Workspace, platform: &Platform, folder: &Path) -> Result<BTreeMap<String, File>> {
    let mut files = BTreeMap::new();
    for binary in &workspace.binaries {
        let name = platform.file_name(binary);
        let path = folder.join(&name);
        let bytes = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        files.insert(name, File::executable(bytes));
    }
    Ok(files)
}

/// Scripts under `completions/`; what starts with `kubectl_complete-` is run by kubectl.
fn completions(folder: &Path, files: &mut BTreeMap<String, File>) -> Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let entry = entry.context("reading completions/")?;
        let path = entry.path();
        if path.is_dir() {
            completions(&path, files)?;
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == "README.md" {
            continue;
        }
        let bytes = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let is_executable = bytes.starts_with(b"#!");
        add(files, name, File { bytes, is_executable })?;
    }
    Ok(())
}

fn add(files: &mut BTreeMap<String, File>, name: String, file: File) -> Result<()> {
    if files.contains_key(&name) {
        bail!("two files of the archive are called {name}");
    }
    files.insert(name, file);
    Ok(())
}

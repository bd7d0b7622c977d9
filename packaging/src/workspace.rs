//! What cargo knows of the workspace: its root, version, binaries, and the names to release under.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use serde::Deserialize;

use crate::Result;

/// The workspace that this program was built from.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// The checkout.
    pub root: PathBuf,
    /// Where cargo builds.
    pub target_dir: PathBuf,
    /// `0.1.0`
    pub version: String,
    /// Names of the plugins' binaries, sorted: every binary `kubectl-…` of the packages under `plugins/`.
    pub binaries: Vec<String>,
    /// The packages that those binaries come from, sorted.
    pub packages: Vec<String>,
    /// The name that krew and flux know the suite by.
    pub name: String,
    /// Where it is published, without a slash at the end.
    pub repository: String,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
    metadata: WorkspaceMetadata,
}

#[derive(Deserialize)]
struct WorkspaceMetadata {
    release: Release,
}

#[derive(Deserialize)]
struct Release {
    name: String,
    repository: String,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
    name: String,
}

impl Workspace {
    /// Asks cargo about the workspace that this program was built from.
    ///
    /// # Errors
    /// When cargo cannot be run, or the workspace has no plugin.
    pub fn read() -> Result<Self> {
        Self::read_in(concat!(env!("CARGO_MANIFEST_DIR"), "/..").as_ref())
    }

    /// Asks cargo about the workspace in `folder`.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_in(folder: &Path) -> Result<Self> {
        let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["metadata", "--format-version=1", "--no-deps", "--offline", "--manifest-path"])
            .arg(folder.join("Cargo.toml"))
            .output()
            .context("starting cargo metadata")?;
        if !output.status.success() {
            bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        Self::from_metadata(&output.stdout)
    }

    fn from_metadata(json: &[u8]) -> Result<Self> {
        let metadata: Metadata = serde_json::from_slice(json).context("reading what cargo metadata printed")?;
        let plugins = metadata.workspace_root.join("plugins");
        let (mut binaries, mut packages, mut version) = (Vec::new(), Vec::new(), None);
        for package in metadata.packages.iter().filter(|package| package.manifest_path.starts_with(&plugins)) {
            let is_binary =
                |target: &&Target| target.kind.iter().any(|kind| kind == "bin") && target.name.starts_with("kubectl-");
            let found: Vec<String> = package.targets.iter().filter(is_binary).map(|it| it.name.clone()).collect();
            if !found.is_empty() {
                packages.push(package.name.clone());
                version = Some(package.version.clone());
            }
            binaries.extend(found);
        }
        binaries.sort();
        packages.sort();
        let Some(version) = version else { bail!("no package under {} has a kubectl- binary", plugins.display()) };
        let Release { name, repository } = metadata.metadata.release;
        Ok(Self {
            root: metadata.workspace_root,
            target_dir: metadata.target_directory,
            version,
            binaries,
            packages,
            name,
            repository: repository.trim_end_matches('/').to_owned(),
        })
    }

    /// The time that every file of a release bears, in seconds since 1970: `$SOURCE_DATE_EPOCH`, else the
    /// commit's own.
    ///
    /// # Errors
    /// When there is neither.
    pub fn time(&self) -> Result<u64> {
        if let Ok(text) = std::env::var("SOURCE_DATE_EPOCH") {
            return text.trim().parse().context("SOURCE_DATE_EPOCH is not a number of seconds");
        }
        let output = Command::new("git")
            .args(["log", "-1", "--format=%ct"])
            .current_dir(&self.root)
            .output()
            .context("asking git for the time of the commit; set SOURCE_DATE_EPOCH to build without git")?;
        let text = String::from_utf8_lossy(&output.stdout);
        text.trim().parse().context("git has no commit here; set SOURCE_DATE_EPOCH to build without one")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plugin_has_its_binary_in_the_release() {
        let workspace = Workspace::read().expect("cargo metadata");
        let folders = std::fs::read_dir(workspace.root.join("plugins")).expect("plugins").count();
        assert_eq!(workspace.packages.len(), folders, "{:?}", workspace.packages);
        assert!(workspace.binaries.iter().any(|name| name == "kubectl-mlops-health"));
        assert_eq!(workspace.version, env!("CARGO_PKG_VERSION"));
    }
}

//! The manifests that krew and flux install from, rendered from the templates in `krew-manifests/`.

use anyhow::Context as _;
use askama::Template;

use crate::Result;
use crate::platform::{PLATFORMS, Platform};
use crate::workspace::Workspace;

/// At most 50 characters, and no word that krew's reviewers strike out.
const SHORT_DESCRIPTION: &str = "Health and operations of an MLOps platform";

/// The umbrella, which is what krew and flux link to.
const BINARY: &str = "kubectl-mlops";

/// An archive as the manifests name it.
#[derive(Clone, Debug)]
pub struct Archive {
    /// What it is for.
    pub platform: Platform,
    /// Where it can be fetched.
    pub url: String,
    /// The digest of its bytes.
    pub sha256: String,
    /// The umbrella's file in it.
    pub bin: String,
}

impl Archive {
    /// The archive of `platform` with the digest `sha256`, published under `base`.
    #[must_use]
    pub fn new(platform: Platform, base: &str, version: &str, sha256: String) -> Self {
        let url = format!("{}/{}", base.trim_end_matches('/'), platform.archive_name(version));
        Self { platform, url, sha256, bin: platform.file_name(BINARY) }
    }
}

/// What the manifests say besides the archives.
#[derive(Clone, Debug)]
pub struct Release {
    /// The name that krew and flux know the suite by: `mlops` means `kubectl mlops` and `flux mlops`.
    pub name: String,
    /// Without the `v`.
    pub version: String,
    /// The home page.
    pub repository: String,
}

impl Release {
    /// What the workspace says.
    #[must_use]
    pub fn of(workspace: &Workspace) -> Self {
        Self {
            name: workspace.name.clone(),
            version: workspace.version.clone(),
            repository: workspace.repository.clone(),
        }
    }

    /// Where the archives of this release are published.
    #[must_use]
    pub fn url_base(&self) -> String {
        format!("{}/releases/download/v{}", self.repository, self.version)
    }
}

#[derive(Template)]
#[template(path = "../../krew-manifests/krew.yaml.j2", escape = "none")]
struct Krew<'a> {
    name: &'a str,
    command: &'a str,
    link: &'a str,
    version: &'a str,
    repository: &'a str,
    short_description: &'a str,
    archives: &'a [Archive],
}

#[derive(Template)]
#[template(path = "../../krew-manifests/flux.yaml.j2", escape = "none")]
struct Flux<'a> {
    name: &'a str,
    version: &'a str,
    repository: &'a str,
    short_description: &'a str,
    archives: &'a [Archive],
}

/// The krew manifest, which must be stored as `NAME.yaml`.
///
/// # Errors
/// When the template fails, which it does for no input.
pub fn krew(release: &Release, archives: &[Archive]) -> Result<String> {
    // krew's link has underscores for dashes, and kubectl takes both spellings.
    let link = release.name.replace('-', "_");
    let text = Krew {
        name: &release.name,
        command: &release.name,
        link: &link,
        version: &release.version,
        repository: &release.repository,
        short_description: SHORT_DESCRIPTION,
        archives,
    };
    Ok(text.render().context("rendering the krew manifest")? + "\n")
}

/// The flux manifest, which a catalogue serves as `NAME.yaml`.
///
/// # Errors
/// When the template fails, which it does for no input.
pub fn flux(release: &Release, archives: &[Archive]) -> Result<String> {
    let text = Flux {
        name: &release.name,
        version: &release.version,
        repository: &release.repository,
        short_description: SHORT_DESCRIPTION,
        archives,
    };
    Ok(text.render().context("rendering the flux manifest")? + "\n")
}

/// Archives of every platform with a digest of zeros: what is committed, as long as there is no release that a
/// digest could be taken of. Nothing installs from it.
#[must_use]
pub fn unpublished(release: &Release) -> Vec<Archive> {
    PLATFORMS
        .iter()
        .map(|platform| Archive::new(*platform, &release.url_base(), &release.version, "0".repeat(64)))
        .collect()
}

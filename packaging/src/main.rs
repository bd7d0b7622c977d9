//! `packaging`: what `make dist` and the release workflow run.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Parser, Subcommand};
use flate2::Compression;
use mlops_packaging::manifest::{self, Archive, Release};
use mlops_packaging::platform::{PLATFORMS, Platform};
use mlops_packaging::twice::{CLONES, check_out, compare};
use mlops_packaging::workspace::Workspace;
use mlops_packaging::{Result, archive, compile, contents, lint, lint_archive, reference, sha256};

#[derive(Parser)]
#[command(name = "packaging", about = "Release archives of the suite, and what installs from them")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build, pack and check for every platform that this machine has a toolchain for, then write digests and
    /// manifests.
    Dist {
        #[arg(long, value_name = "FOLDER", default_value = "dist")]
        out: PathBuf,
    },
    /// Make the archive of this machine's platforms twice, in two clones of the commit, and compare them.
    DistCheck {
        /// Only for this Rust target.
        #[arg(long, value_name = "TRIPLE")]
        target: Option<String>,
    },
    /// Build, pack and check for one Rust target.
    Archive {
        #[arg(long, value_name = "TRIPLE")]
        target: String,
        #[arg(long, value_name = "FOLDER", default_value = "dist")]
        out: PathBuf,
        /// Binaries that are there already; nothing is built then.
        #[arg(long, value_name = "FOLDER")]
        binaries: Option<PathBuf>,
    },
    /// SHA256SUMS and the manifests of krew and flux for the archives in a folder.
    Manifests {
        #[arg(long, value_name = "FOLDER", default_value = "dist")]
        out: PathBuf,
        /// Where the archives will be found, up to their names; the repository's release without it.
        #[arg(long, value_name = "URL")]
        url_base: Option<String>,
        /// The home page, in place of the workspace's.
        #[arg(long, value_name = "URL")]
        repository: Option<String>,
        /// Fail unless every platform has its archive.
        #[arg(long)]
        complete: bool,
    },
    /// Man pages, for a distribution's package.
    Man {
        #[arg(long, value_name = "FOLDER", default_value = "dist/man")]
        out: PathBuf,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "packaging: {text}");
}

fn run(command: Command) -> Result<()> {
    let workspace = Workspace::read()?;
    match command {
        Command::Dist { out } => {
            // What an earlier version left there must not get into the digests.
            if out.exists() {
                fs::remove_dir_all(&out).with_context(|| format!("clearing {}", out.display()))?;
            }
            for platform in &PLATFORMS {
                match platform.buildable() {
                    Some(target) => one(&workspace, target, &out, None)?,
                    None => say(&format!(
                        "{} {} is left to the release workflow: no standard library for {} here",
                        platform.os, platform.arch, platform.target
                    )),
                }
            }
            manifests(&workspace, &out, None, None, false)
        }
        Command::DistCheck { target } => {
            let buildable = || PLATFORMS.iter().filter_map(Platform::buildable).map(str::to_owned).collect();
            twice(&workspace, &target.map_or_else(buildable, |target| vec![target]))
        }
        Command::Archive { target, out, binaries } => one(&workspace, &target, &out, binaries.as_deref()),
        Command::Manifests { out, url_base, repository, complete } => {
            manifests(&workspace, &out, url_base.as_deref(), repository, complete)
        }
        Command::Man { out } => {
            fs::create_dir_all(&out).with_context(|| format!("creating {}", out.display()))?;
            for (name, page) in reference::man_pages()? {
                write(&out.join(name), &page)?;
            }
            Ok(())
        }
    }
}

/// Builds and packs for one target.
fn one(workspace: &Workspace, target: &str, out: &Path, binaries: Option<&Path>) -> Result<()> {
    let Some(platform) = Platform::of_target(target) else { bail!("no release is for {target}") };
    let folder = match binaries {
        Some(folder) => folder.to_owned(),
        None => compile::build(workspace, target)?,
    };
    let programs = contents::binaries(workspace, platform, &folder)?;
    for (name, program) in &programs {
        let leaks = compile::leaks(workspace, &program.bytes)?;
        if !leaks.is_empty() {
            bail!("{name} names folders of this machine: {}", leaks.join(", "));
        }
        if let Some(version) = compile::glibc(&program.bytes) {
            say(&format!("{name} is not static: it needs glibc {version} or newer"));
        }
        say(&format!("{name}: {} bytes", program.bytes.len()));
    }
    let mut files = contents::documents(workspace)?;
    files.extend(programs);
    let bytes = archive::pack(&files, workspace.time()?, Compression::best())?;
    let problems = lint_archive::size_problems(&bytes);
    if !problems.is_empty() {
        bail!("the archive for {target} is too big: {}", problems.join("; "));
    }
    fs::create_dir_all(out).with_context(|| format!("creating {}", out.display()))?;
    let path = out.join(platform.archive_name(&workspace.version));
    write(&path, &bytes)?;
    say(&format!("{}: {} bytes, {} files", path.display(), bytes.len(), files.len()));
    Ok(())
}

/// Makes the archives of these targets in each of two clones, and compares them.
fn twice(workspace: &Workspace, targets: &[String]) -> Result<()> {
    let folder = tempfile::tempdir().context("creating a folder")?;
    let mut made = Vec::new();
    for clone in &CLONES {
        let cloned = check_out(workspace, folder.path(), clone)?;
        let out = cloned.root.join("dist");
        for target in targets {
            one(&cloned, target, &out, None)?;
        }
        made.push(out);
    }
    for target in targets {
        let Some(platform) = Platform::of_target(target) else { bail!("no release is for {target}") };
        let name = platform.archive_name(&workspace.version);
        say(&format!("{name} is the same in both folders: sha256 {}", compare(&name, &made)?));
    }
    Ok(())
}

/// Digests and manifests of the archives in `out`, each checked.
fn manifests(
    workspace: &Workspace,
    out: &Path,
    url_base: Option<&str>,
    repository: Option<String>,
    complete: bool,
) -> Result<()> {
    let mut release = Release::of(workspace);
    if let Some(repository) = repository {
        repository.trim_end_matches('/').clone_into(&mut release.repository);
    }
    let base = url_base.map_or_else(|| release.url_base(), str::to_owned);
    let (mut archives, mut packed, mut sums) = (Vec::new(), BTreeMap::new(), String::new());
    for platform in &PLATFORMS {
        let name = platform.archive_name(&release.version);
        let path = out.join(&name);
        if !path.exists() {
            if complete {
                bail!("{} is missing", path.display());
            }
            continue;
        }
        let bytes = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let digest = sha256(&bytes);
        sums.push_str(&format!("{digest}  {name}\n"));
        archives.push(Archive::new(*platform, &base, &release.version, digest));
        packed.insert((platform.os, platform.arch), bytes);
    }
    if archives.is_empty() {
        bail!("there is no archive of {} in {}", release.version, out.display());
    }
    let krew = manifest::krew(&release, &archives)?;
    let checked = match lint::krew(&krew, &release.name) {
        Ok(checked) => checked,
        Err(problems) => bail!("the krew manifest: {}", problems.join("; ")),
    };
    for ((os, arch), bytes) in &packed {
        for platform in lint::selected(&checked, os, arch) {
            let problems = lint_archive::problems(bytes, platform);
            if !problems.is_empty() {
                bail!("the archive for {os} {arch}: {}", problems.join("; "));
            }
        }
    }
    let flux = manifest::flux(&release, &archives)?;
    if let Err(problems) = lint::flux(&flux, &release.name) {
        bail!("the flux manifest: {}", problems.join("; "));
    }
    for folder in ["krew", "flux"] {
        fs::create_dir_all(out.join(folder)).with_context(|| format!("creating a folder in {}", out.display()))?;
    }
    write(&out.join("SHA256SUMS"), sums.as_bytes())?;
    write(&out.join("krew").join(format!("{}.yaml", release.name)), krew.as_bytes())?;
    write(&out.join("flux").join(format!("{}.yaml", release.name)), flux.as_bytes())?;
    say(&format!("SHA256SUMS and the manifests of krew and flux are in {}", out.display()));
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))
}

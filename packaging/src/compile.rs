//! Building the binaries of a release so that nothing in them tells where they were built.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, anyhow, bail};

use crate::Result;
use crate::workspace::Workspace;

/// Builds all plugins for `target` with the profile `dist`, and returns the folder with the binaries.
///
/// # Errors
/// When cargo fails.
pub fn build(workspace: &Workspace, target: &str) -> Result<PathBuf> {
    let is_tight = |package: &&String| target.contains("-linux-") && *package == TIGHT;
    let (tight, others): (Vec<&String>, Vec<&String>) = workspace.packages.iter().partition(is_tight);
    cargo(workspace, target, "build", &others, &[])?;
    if !tight.is_empty() {
        cargo(workspace, target, "rustc", &tight, &["--bins", "--", "-Cllvm-args=-enable-machine-outliner=always"])?;
    }
    let folder = workspace.target_dir.join(target).join("dist");
    if target.contains("-linux-") {
        for name in &workspace.binaries {
            leave_out_unwinding(&folder.join(name))?;
        }
    }
    Ok(folder)
}

/// The plugin with the most code. Sequences of instructions that occur often become functions in it, which is slower by a
/// tenth, and smaller by a thirtieth.
const TIGHT: &str = "mlops-backup";

fn cargo(workspace: &Workspace, target: &str, verb: &str, packages: &[&String], more: &[&str]) -> Result<()> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .current_dir(&workspace.root)
        .args([verb, "--profile", "dist", "--locked", "--target", target, "--target-dir"])
        .arg(&workspace.target_dir)
        .args(packages.iter().flat_map(|package| ["--package", package.as_str()]))
        .args(more)
        .env("CARGO_ENCODED_RUSTFLAGS", flags(workspace, target)?);
    // Of the C code in the TLS library; Microsoft's compiler knows no such flag.
    if !target.ends_with("-msvc") {
        command.env("CFLAGS", c_flags(workspace)?);
    }
    let status = command.status().with_context(|| format!("starting cargo {verb}"))?;
    if !status.success() {
        bail!("cargo {verb} for {target} failed ({status})");
    }
    Ok(())
}

/// Takes the tables for unwinding out of a binary. A panic aborts in what is released, so nobody reads them; they
/// are a tenth of it. They are in it all the same, because the standard library was built with them.
fn leave_out_unwinding(binary: &Path) -> Result<()> {
    let tool = std::env::var_os("OBJCOPY").unwrap_or_else(|| "objcopy".into());
    let sections = [".eh_frame", ".eh_frame_hdr", ".gcc_except_table"].map(|name| format!("--remove-section={name}"));
    let status = Command::new(&tool)
        .args(sections)
        .arg(binary)
        .status()
        .with_context(|| format!("starting {} (of binutils)", Path::new(&tool).display()))?;
    if !status.success() {
        bail!("{} failed on {} ({status})", Path::new(&tool).display(), binary.display());
    }
    Ok(())
}

/// Folders of this machine, and what stands for them in the binaries.
fn folders(workspace: &Workspace) -> Result<Vec<(PathBuf, &'static str)>> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
        .ok_or_else(|| anyhow!("neither CARGO_HOME nor HOME is set"))?;
    let mut folders = vec![(home, "/cargo"), (workspace.root.clone(), "/kubectl-mlops")];
    // Generated code lies there, and it may be anywhere.
    if !workspace.target_dir.starts_with(&workspace.root) {
        folders.push((workspace.target_dir.clone(), "/kubectl-mlops/target"));
    }
    Ok(folders)
}

fn flags(workspace: &Workspace, target: &str) -> Result<OsString> {
    let mut flags: Vec<OsString> =
        std::env::var("RUSTFLAGS").unwrap_or_default().split_whitespace().map(OsString::from).collect();
    for (folder, stand_in) in folders(workspace)? {
        let mut flag = OsString::from("--remap-path-prefix=");
        flag.push(folder);
        flag.push("=");
        flag.push(stand_in);
        flags.push(flag);
    }
    // Functions of the same code once, relocations in short form (glibc 2.36, musl 1.2.4): a tenth of a binary. Linked by
    // the lld that comes with rustc, on every machine the same.
    if target.ends_with("-linux-musl") {
        flags.extend(
            ["-Clinker=rust-lld", "-Clink-arg=--icf=all", "-Clink-arg=-z", "-Clink-arg=pack-relative-relocs"]
                .map(OsString::from),
        );
    } else if target == "x86_64-unknown-linux-gnu" {
        flags.extend(["-Clink-arg=-Wl,--icf=all", "-Clink-arg=-Wl,-z,pack-relative-relocs"].map(OsString::from));
    }
    Ok(flags.join(std::ffi::OsStr::new("\x1f")))
}

/// Of zstd: without the ways to compress of higher levels than ours (1), which never run; and of what is there in several
/// forms for speed the smallest. More than two hundred kilobytes in all; what is written stays the same.
const ZSTD: [&str; 10] = [
    "ZSTD_EXCLUDE_DFAST_BLOCK_COMPRESSOR",
    "ZSTD_EXCLUDE_GREEDY_BLOCK_COMPRESSOR",
    "ZSTD_EXCLUDE_LAZY_BLOCK_COMPRESSOR",
    "ZSTD_EXCLUDE_LAZY2_BLOCK_COMPRESSOR",
    "ZSTD_EXCLUDE_BTLAZY2_BLOCK_COMPRESSOR",
    "ZSTD_EXCLUDE_BTOPT_BLOCK_COMPRESSOR",
    "ZSTD_EXCLUDE_BTULTRA_BLOCK_COMPRESSOR",
    "HUF_FORCE_DECOMPRESS_X1",
    "ZSTD_FORCE_DECOMPRESS_SEQUENCES_SHORT",
    "DYNAMIC_BMI2=0",
];

fn c_flags(workspace: &Workspace) -> Result<OsString> {
    let mut flags = std::env::var_os("CFLAGS").unwrap_or_default();
    for define in ZSTD {
        flags.push(format!(" -D{define}"));
    }
    for (folder, stand_in) in folders(workspace)? {
        flags.push(" -ffile-prefix-map=");
        flags.push(folder);
        flags.push("=");
        flags.push(stand_in);
    }
    Ok(flags)
}

/// What a binary tells of the machine that built it: nothing, or the folder that it names.
///
/// # Errors
/// When the environment names no home of cargo.
pub fn leaks(workspace: &Workspace, binary: &[u8]) -> Result<Vec<String>> {
    let folders = folders(workspace)?;
    Ok(folders
        .iter()
        .map(|(folder, _)| folder)
        .filter(|it| contains(binary, it))
        .map(|it| it.display().to_string())
        .collect())
}

fn contains(bytes: &[u8], folder: &Path) -> bool {
    let wanted = folder.as_os_str().as_encoded_bytes();
    bytes.windows(wanted.len()).any(|part| part == wanted)
}

/// The newest glibc that a binary needs, `2.34`; `None` for one that needs none.
#[must_use]
pub fn glibc(binary: &[u8]) -> Option<String> {
    const MARK: &[u8] = b"GLIBC_2.";
    let minors = binary.windows(MARK.len()).enumerate().filter(|(_, part)| *part == MARK).filter_map(|(at, _)| {
        let digits = binary[at + MARK.len()..].iter().take_while(|it| it.is_ascii_digit()).take(3);
        String::from_utf8(digits.copied().collect()).ok()?.parse::<u32>().ok()
    });
    // Relocations in short form are read since 2.36, and a binary that has them says so by this word.
    const SHORT: &[u8] = b"GLIBC_ABI_DT_RELR";
    let short = binary.windows(SHORT.len()).any(|part| part == SHORT).then_some(36);
    minors.chain(short).max().map(|minor| format!("2.{minor}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_glibc_is_told() {
        assert_eq!(glibc(b"\0GLIBC_2.2.5\0GLIBC_2.34\0GLIBC_2.17\0").as_deref(), Some("2.34"));
        assert_eq!(glibc(b"\0GLIBC_2.34\0GLIBC_ABI_DT_RELR\0").as_deref(), Some("2.36"));
        assert_eq!(glibc(b"static"), None);
    }

    #[test]
    fn a_path_of_this_machine_is_a_leak() {
        let workspace = Workspace::read().expect("cargo metadata");
        let text = format!("panicked at {}/shared/src/lib.rs", workspace.root.display());
        assert_eq!(leaks(&workspace, text.as_bytes()).expect("folders"), [workspace.root.display().to_string()]);
        assert!(leaks(&workspace, b"panicked at /kubectl-mlops/shared/src/lib.rs").expect("folders").is_empty());
    }
}

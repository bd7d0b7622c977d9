//! How the suite is released: archives, manifests of krew and flux, man pages, the command reference.
//!
//! `make dist` runs all of it for the targets that this machine can build; the release workflow runs
//! it once a target, and writes the manifests when all archives are there.

pub mod archive;
pub mod compile;
pub mod contents;
pub mod lint;
pub mod lint_archive;
pub mod manifest;
pub mod platform;
pub mod reference;
pub mod twice;
pub mod workspace;

/// What every fallible function here returns: the error names what was being done.
pub type Result<T> = anyhow::Result<T>;

/// SHA-256 in lowercase hexadecimal digits, the only form that krew takes.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    ring::digest::digest(&ring::digest::SHA256, bytes).as_ref().iter().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

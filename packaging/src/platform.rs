//! The platforms that a release is for, and which of them this machine can build.

use std::path::PathBuf;
use std::process::Command;

/// A platform as krew and flux name it, and the Rust targets that are for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Platform {
    /// Go's name of the operating system: `linux`, `darwin`, `windows`.
    pub os: &'static str,
    /// Go's name of the architecture: `amd64`, `arm64`.
    pub arch: &'static str,
    /// The Rust target of releases; on Linux the one whose binaries are static.
    pub target: &'static str,
    /// What is built where the standard library of [`Self::target`] is not installed.
    pub second_choice: Option<&'static str>,
}

/// In the order in which the manifests list them.
pub const PLATFORMS: [Platform; 5] = [
    Platform {
        os: "linux",
        arch: "amd64",
        target: "x86_64-unknown-linux-musl",
        second_choice: Some("x86_64-unknown-linux-gnu"),
    },
    Platform {
        os: "linux",
        arch: "arm64",
        target: "aarch64-unknown-linux-musl",
        second_choice: Some("aarch64-unknown-linux-gnu"),
    },
    Platform { os: "darwin", arch: "amd64", target: "x86_64-apple-darwin", second_choice: None },
    Platform { os: "darwin", arch: "arm64", target: "aarch64-apple-darwin", second_choice: None },
    Platform {
        os: "windows",
        arch: "amd64",
        target: "x86_64-pc-windows-msvc",
        second_choice: Some("x86_64-pc-windows-gnu"),
    },
];

impl Platform {
    /// The platform of a Rust target; `None` for one that no release is for.
    #[must_use]
    pub fn of_target(target: &str) -> Option<&'static Self> {
        PLATFORMS.iter().find(|it| it.target == target || it.second_choice == Some(target))
    }

    /// The platform with Go's names `os` and `arch`.
    #[must_use]
    pub fn named(os: &str, arch: &str) -> Option<&'static Self> {
        PLATFORMS.iter().find(|it| it.os == os && it.arch == arch)
    }

    /// A binary's file name: Windows runs only what ends in `.exe`.
    #[must_use]
    pub fn file_name(&self, binary: &str) -> String {
        if self.os == "windows" { format!("{binary}.exe") } else { binary.to_owned() }
    }

    /// `kubectl-mlops_v0.1.0_linux_amd64.tar.gz`; `version` is without the `v`.
    #[must_use]
    pub fn archive_name(&self, version: &str) -> String {
        format!("kubectl-mlops_v{version}_{}_{}.tar.gz", self.os, self.arch)
    }

    /// The Rust target to build with this machine's toolchain; `None` when it has no standard library for it.
    #[must_use]
    pub fn buildable(&self) -> Option<&'static str> {
        [Some(self.target), self.second_choice].into_iter().flatten().find(|target| is_buildable(target))
    }
}

/// Is there a standard library for `target`, and for musl the C compiler that the TLS library needs?
fn is_buildable(target: &str) -> bool {
    let output = Command::new("rustc").args(["--print", "target-libdir", "--target", target]).output();
    let has_std = output.is_ok_and(|output| {
        output.status.success() && PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
    });
    // A cross build needs a linker and a C compiler too: their absence is found, and said, by cargo. For musl it
    // decides between static and dynamic, so it is looked for here.
    has_std && (!target.ends_with("-musl") || Command::new("musl-gcc").arg("--version").output().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_and_names_lead_to_their_platform() {
        for platform in &PLATFORMS {
            assert_eq!(Platform::of_target(platform.target), Some(platform));
            assert_eq!(Platform::named(platform.os, platform.arch), Some(platform));
        }
        assert_eq!(Platform::of_target("x86_64-unknown-linux-gnu"), Platform::named("linux", "amd64"));
        assert_eq!(Platform::of_target("riscv64gc-unknown-linux-gnu"), None);
        assert_eq!(PLATFORMS[0].archive_name("1.2.3"), "kubectl-mlops_v1.2.3_linux_amd64.tar.gz");
        assert_eq!(PLATFORMS[4].file_name("kubectl-mlops"), "kubectl-mlops.exe");
    }
}

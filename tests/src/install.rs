//! An installation in a temporary folder, as krew, flux or a package manager makes one, and runs of what is in it.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folders of an installation:
///
/// | folder | what lies there |
/// |---|---|
/// | `suite/` | `kubectl-mlops` itself, as krew's store holds it |
/// | `krew/`, `plugins/` | links to it under several names, as krew and flux make them |
/// | `own/` | a link to such a link |
/// | `path/` | the only folder of `PATH` besides the system's |
///
/// The folder itself is the home of what runs.
#[derive(Debug)]
pub struct Installation {
    folder: tempfile::TempDir,
}

/// How a run ended, and what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Its exit code; none after a signal.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Installation {
    /// One with the umbrella, which the test has built, and without plugins.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn new(umbrella: &Path) -> Self {
        let suite = Self { folder: tempfile::tempdir().expect("a folder") };
        for folder in ["suite", "krew", "plugins", "own", "path", "here"] {
            std::fs::create_dir(suite.path(folder)).expect("a folder");
        }
        suite.program("suite/kubectl-mlops", umbrella);
        for (link, target) in [
            ("krew/kubectl-mlops", "suite/kubectl-mlops"),
            ("krew/kubectl-acme_tools", "suite/kubectl-mlops"),
            ("plugins/flux-mlops", "krew/kubectl-mlops"),
            ("own/kubectl-mlops", "krew/kubectl-mlops"),
        ] {
            symlink(suite.path(target), suite.path(link)).expect("a link");
        }
        suite
    }

    /// A path in it.
    #[must_use]
    pub fn path(&self, inside: &str) -> PathBuf {
        self.folder.path().join(inside)
    }

    /// Puts a real program in.
    ///
    /// # Panics
    /// When it cannot be copied.
    pub fn program(&self, inside: &str, program: &Path) {
        // A link costs nothing; a copy is for a temporary folder on another file system.
        if std::fs::hard_link(program, self.path(inside)).is_err() {
            copy(program, &self.path(inside));
        }
    }

    /// Puts a shell script in.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn script(&self, inside: &str, commands: &str) {
        self.file(inside, format!("#!/bin/sh\n{commands}\n").as_bytes(), 0o755);
    }

    /// Puts a file in.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn file(&self, inside: &str, content: &[u8], mode: u32) {
        let path = self.path(inside);
        let staged = self.path("staged");
        std::fs::write(&staged, content).expect("written");
        copy(&staged, &path);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("mode");
    }

    /// Runs one of its programs in a cleared environment with the installation as home.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn run(&self, program: &str, arguments: &[&str]) -> Outcome {
        self.run_with(program, arguments, |_| ())
    }

    /// As [`Self::run`], with more said about the run.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn run_with(&self, program: &str, arguments: &[&str], more: impl FnOnce(&mut Command)) -> Outcome {
        let mut command = Command::new(self.path(program));
        command.env_clear().env("HOME", self.folder.path()).env("PATH", self.search_path()).env("COLUMNS", "200");
        command.stdin(std::process::Stdio::null()).args(arguments);
        more(&mut command);
        let output = command.output().expect("started");
        Outcome {
            code: output.status.code(),
            signal: output.status.signal(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// `PATH` of what runs: the installation's `path/`, then the system's shell and tools.
    #[must_use]
    pub fn search_path(&self) -> String {
        format!("{}:/usr/bin:/bin", self.path("path").display())
    }
}

/// Copies by a process of its own: what another thread starts meanwhile may hold a file open that this one writes, and
/// running it would say "text file busy".
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("/bin/cp").arg(from).arg(to).status().expect("cp runs");
    assert!(copied.success(), "{}", from.display());
}

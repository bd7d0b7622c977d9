//! `kubectl mlops` and `flux mlops`: finds the plugins of the suite, runs them, and tells their versions.
//!
//! The umbrella holds no plugin's code: a subcommand is a program beside this one, or on `PATH`.

mod args;
mod completion;
mod receipt;
mod run;
mod scripts;
mod siblings;
mod version;

pub use scripts::{Asker, files, script};
pub use siblings::suite;
pub use version::VersionReport;

use std::ffi::OsString;
use std::process::ExitCode;

/// What the command line may say, for man pages and the reference.
#[must_use]
pub fn command() -> clap::Command {
    args::command("kubectl mlops")
}

/// The whole program.
pub fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    completion::requested(&words).unwrap_or_else(|| run::run(&words))
}

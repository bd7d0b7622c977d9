//! `kubectl mlops scale`: grow and shrink workloads without being undone, after a look whether it fits.

mod apply;
mod args;
mod complete;
mod git;
mod owner;
mod plan;
#[cfg(test)]
mod plan_tests;
mod preflight;
mod progress;
mod read;
mod resume;
mod run;
mod settings;
mod situation;
mod stamp;
mod status;
mod targets;
#[cfg(test)]
mod testing;

pub use status::ScaleStatus;

use clap::{CommandFactory as _, FromArgMatches as _};
use mlops_shared::cli::complete::{SHARED, requested};
use mlops_shared::cli::{Printer, display_name, print_usage};
use std::ffi::OsString;
use std::process::ExitCode;

/// What the command line may say, for completion, man pages and the reference.
#[must_use]
pub fn command() -> clap::Command {
    let help = "Format: table, wide, json, yaml, name, markdown, html or junit";
    args::Args::command().mut_arg("output", |output| output.help(help))
}

/// Kinds that plans read, each as group and kind, once: for the role in `deploy/`.
#[must_use]
pub fn kinds() -> Vec<(&'static str, &'static str)> {
    let own = targets::TARGETS.iter().flat_map(|target| target.kinds());
    let mut kinds: Vec<_> = targets::OWNERSHIP.iter().chain(targets::ROOM).chain(own).copied().collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

/// The whole program: parses the command line, runs it, and maps how it ended to an exit code.
pub fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    if let Some(code) = requested(&words, command, &[SHARED, complete::VALUES]) {
        return code;
    }
    let name = display_name(words.first().map(OsString::as_os_str), "kubectl mlops scale");
    let parsed = command().bin_name(name).try_get_matches_from(words);
    let args = match parsed.and_then(|matches| args::Args::from_arg_matches(&matches)) {
        Ok(args) => args,
        Err(error) => return print_usage(&error).into(),
    };
    let printer = Printer { is_quiet: args.output.quiet, verbosity: args.output.verbose };
    match run::run(&args, &printer) {
        Ok(exit) => exit.into(),
        Err(failure) => printer.fail(&failure).into(),
    }
}

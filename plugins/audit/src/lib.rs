//! `kubectl mlops audit`: who can do what, what is exposed, what is out of date.

mod args;
mod assemble;
mod baseline;
pub mod check;
mod complete;
mod document;
mod finding;
pub mod flux;
pub mod images;
mod model;
pub mod network;
pub mod platform;
pub mod rbac;
pub mod record;
pub mod rights;
mod run;
mod scope;
mod secrets;
mod settings;
mod severity;
#[cfg(test)]
mod testing;
mod tree;
pub mod versions;
pub mod workloads;

pub use finding::{Finding, Place};
pub use model::AuditReport;
pub use severity::Severity;

use clap::{CommandFactory as _, FromArgMatches as _};
use mlops_shared::cli::complete::{SHARED, requested};
use mlops_shared::cli::{Printer, display_name, print_usage};
use std::ffi::OsString;
use std::process::ExitCode;

/// What the command line may say, for completion, man pages and the reference.
#[must_use]
pub fn command() -> clap::Command {
    let help = "Format: table, wide, json, yaml, name, markdown, html, junit, prometheus, sarif or cyclonedx";
    args::Args::command().mut_arg("output", |output| output.help(help))
}

/// The whole program: parses the command line, runs it, and maps how it ended to an exit code.
pub fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    if let Some(code) = requested(&words, command, &[SHARED, complete::VALUES]) {
        return code;
    }
    let name = display_name(words.first().map(OsString::as_os_str), "kubectl mlops audit");
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

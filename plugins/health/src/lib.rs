//! `kubectl mlops health`: is the platform healthy, and if not, what is the one cause.

mod args;
mod capacity;
mod clusters;
mod complete;
mod contexts;
mod diff;
mod live;
mod run;
#[cfg(test)]
mod samples;
mod settings;
pub mod usage;
mod wait;
mod watch;

pub use capacity::{Amount, CapacityReport, LargestPod, NodeCapacity};
pub use watch::HealthEvent;

use clap::{CommandFactory as _, FromArgMatches as _};
use mlops_shared::cli::complete::{SHARED, requested};
use mlops_shared::cli::{Printer, display_name, print_usage};
use std::ffi::OsString;
use std::process::ExitCode;

/// What the command line may say, for completion, man pages and the reference.
#[must_use]
pub fn command() -> clap::Command {
    <args::Args as clap::CommandFactory>::command()
}

/// The whole program: parses the command line, runs it, and maps how it ended to an exit code.
pub fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    if let Some(code) = requested(&words, args::Args::command, &[SHARED, complete::VALUES]) {
        return code;
    }
    let name = display_name(words.first().map(OsString::as_os_str), "kubectl mlops health");
    let command = args::Args::command().bin_name(name);
    let parsed = command.try_get_matches_from(words).and_then(|matches| args::Args::from_arg_matches(&matches));
    let args = match parsed {
        Ok(args) => args,
        Err(error) => return print_usage(&error).into(),
    };
    let printer = Printer { is_quiet: args.output.quiet, verbosity: args.output.verbose };
    match run::run(&args, &printer) {
        Ok(exit) => exit.into(),
        Err(failure) => printer.fail(&failure).into(),
    }
}

//! `kubectl mlops health`: is the platform healthy, and if not, what is the one cause.

mod args;
mod capacity;
mod clusters;
mod diff;
mod explain;
mod live;
mod run;
#[cfg(test)]
mod samples;
mod settings;
pub mod usage;
mod wait;
mod watch;

pub use watch::HealthEvent;

use clap::Parser;
use mlops_shared::cli::{Exit, Printer};
use std::process::ExitCode;

/// The whole program: parses the command line, runs it, and maps how it ended to an exit code.
pub fn main() -> ExitCode {
    let args = match args::Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let is_answer = !error.use_stderr();
            // A closed pipe is a quiet end.
            let _ = error.print();
            return if is_answer { Exit::Clean.into() } else { Exit::Usage.into() };
        }
    };
    let printer = Printer { is_quiet: args.output.quiet, verbosity: args.output.verbose };
    match run::run(&args, &printer) {
        Ok(exit) => exit.into(),
        Err(failure) => printer.fail(&failure).into(),
    }
}

//! `kubectl mlops audit`: who can do what, what is exposed, what is out of date.

mod args;
mod assemble;
mod baseline;
pub mod check;
mod document;
mod finding;
mod model;
pub mod network;
pub mod rbac;
pub mod record;
mod run;
mod settings;
mod severity;
#[cfg(test)]
mod testing;
pub mod workloads;

pub use finding::{Finding, Place};
pub use model::AuditReport;
pub use severity::Severity;

use clap::Parser;
use mlops_shared::cli::{Printer, print_usage};
use std::process::ExitCode;

/// The whole program: parses the command line, runs it, and maps how it ended to an exit code.
pub fn main() -> ExitCode {
    let args = match args::Args::try_parse() {
        Ok(args) => args,
        Err(error) => return print_usage(&error).into(),
    };
    let printer = Printer { is_quiet: args.output.quiet, verbosity: args.output.verbose };
    match run::run(&args, &printer) {
        Ok(exit) => exit.into(),
        Err(failure) => printer.fail(&failure).into(),
    }
}

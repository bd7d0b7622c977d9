//! `kubectl mlops audit`: who can do what, what is exposed, what is out of date.

mod args;
mod assemble;
mod baseline;
pub mod check;
mod clusters;
mod complete;
mod document;
mod finding;
pub mod flux;
mod helm;
pub mod images;
mod model;
pub mod network;
mod online;
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
pub use online::{Offered, Offers};
pub use severity::Severity;

use clap::CommandFactory as _;
use mlops_shared::cli::Plugin;
use std::process::ExitCode;

/// What the command line may say, for completion, man pages and the reference.
#[must_use]
pub fn command() -> clap::Command {
    let help = "Format: table, wide, json, yaml, name, markdown, html, junit, prometheus, sarif or cyclonedx";
    args::Args::command().mut_arg("output", |output| output.help(help))
}

/// The whole program.
pub fn main() -> ExitCode {
    Plugin { command, values: complete::VALUES, output: |args: &args::Args| &args.output, run: run::run }.main()
}

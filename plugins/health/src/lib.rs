//! `kubectl mlops health`: is the platform healthy, and if not, what is the one cause.

mod args;
mod capacity;
mod clusters;
mod complete;
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

use clap::CommandFactory as _;
use mlops_shared::cli::Plugin;
use std::process::ExitCode;

/// What the command line may say, for completion, man pages and the reference.
#[must_use]
pub fn command() -> clap::Command {
    args::Args::command()
}

/// The whole program.
pub fn main() -> ExitCode {
    Plugin { command, values: complete::VALUES, output: |args: &args::Args| &args.output, run: run::run }.main()
}

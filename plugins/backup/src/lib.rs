//! `kubectl mlops backup`: save what Git cannot rebuild, and prove what was saved.

mod args;
mod compare;
mod complete;
mod coverage;
mod create;
mod destination;
mod diff;
mod exclude;
mod inline;
mod kafka;
mod keys;
mod kinds;
mod list;
mod model;
mod page;
mod prune;
mod record;
mod restore;
mod run;
mod s3;
mod secret;
mod show;
mod snapshots;
mod spool;
mod storage;
mod target;
mod trial;
mod verify;
mod write;

pub use compare::Field;
pub use coverage::{ClaimCoverage, CoverageReport, KindCoverage};
pub use diff::{Changed, DiffReport, Named};
pub use kafka::{
    Described, KafkaCluster, KafkaFinding, KafkaReport, Needed, Pool, PoolClaim, PoolVolume, TopicOfBroker,
};
pub use list::{Found, ListReport};
pub use model::{BackupReport, SignatureReport, VerifyReport};
pub use prune::{Decision, PruneReport};
pub use restore::{Action, RestoreReport, Restored, State, rehearse};
pub use show::{Listed, ObjectList};
pub use snapshots::{ClaimSnapshots, LooseContent, SnapshotReport, SnapshotRow};
pub use trial::{There, TrialReport};

use clap::CommandFactory as _;
use mlops_shared::cli::Plugin;
use std::process::ExitCode;

/// What the command line may say, for completion, man pages and the reference.
#[must_use]
pub fn command() -> clap::Command {
    args::Args::command().mut_arg("output", |output| output.help("Format: table, wide, json, yaml, markdown or html"))
}

/// The whole program.
pub fn main() -> ExitCode {
    Plugin { command, values: complete::VALUES, output: |args: &args::Args| &args.output, run: run::run }.main()
}

//! What the command line may say.

use crate::usage::{Section, Sort};
use clap::{Args as ArgGroup, Parser, Subcommand};
use mlops_shared::cli::{ConnectionArgs, OutputArgs, ScopeArgs, SourceArgs};
use std::path::PathBuf;

const EXIT_CODES: &str = "\
Exit codes:
  0  everything asked for was checked, nothing at or above --fail-on
  1  findings at or above --fail-on
  2  wrong usage or a broken input file
  3  could not check, or only in part, and nothing worse was found
  130  interrupted";

/// Is the platform healthy, and if not, what is the one cause.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-mlops-health",
    bin_name = "kubectl mlops health",
    version,
    after_help = EXIT_CODES,
    max_term_width = 100,
    args_conflicts_with_subcommands = false
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) check: CheckArgs,
    #[command(flatten)]
    pub(crate) follow: FollowArgs,
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

#[derive(Debug, ArgGroup)]
#[command(next_help_heading = "Check")]
pub(crate) struct CheckArgs {
    /// Exit with 1 when a finding is at or above this level: warn, fail, unknown, …, or never
    #[arg(long, value_name = "LEVEL", default_value = "fail", global = true)]
    pub(crate) fail_on: String,
    /// Print findings at or above this level
    #[arg(long, value_name = "LEVEL", default_value = "suspended", global = true)]
    pub(crate) show: String,
    /// Do not ask the kubelets how full volumes and node filesystems are
    #[arg(long)]
    pub(crate) no_volumes: bool,
}

#[derive(Debug, ArgGroup)]
#[command(next_help_heading = "Follow")]
pub(crate) struct FollowArgs {
    /// Print what changes until interrupted: one line a change, or with -o json one document a line
    #[arg(long, conflicts_with_all = ["wait", "from", "now"])]
    pub(crate) watch: bool,
    /// Wait until healthy at --fail-on; fail at once on what does not heal by itself
    #[arg(long, conflicts_with_all = ["from", "now"])]
    pub(crate) wait: bool,
    /// How long to wait at most [default: 10m]
    #[arg(long, value_name = "DURATION", requires = "wait")]
    pub(crate) timeout: Option<String>,
    /// Time between two looks at the cluster [default: 10s, with --wait 5s]
    #[arg(long, value_name = "DURATION")]
    pub(crate) interval: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Allocated and free resources of every node, and the largest pod that still fits
    Capacity,
    /// What nodes, volumes, pods, namespaces and workloads use, against requests, limits and capacity
    ///
    /// CPU and memory come from metrics.k8s.io, the use of volumes from the kubelets (needs get on
    /// nodes/proxy). What could not be measured is said, and ends with 3.
    Usage(UsageArgs),
    /// What a finding's code means and what to do; all codes without one
    Explain {
        /// The code, as reports print it
        code: Option<String>,
    },
    /// What changed between two reports (written with -o json)
    Diff {
        /// The older report; - for standard input
        old: PathBuf,
        /// The newer report
        new: PathBuf,
    },
    /// Print the platform file that applies
    Platform,
}

#[derive(Debug, ArgGroup)]
pub(crate) struct UsageArgs {
    /// Only these parts; all without one
    #[arg(value_enum, value_name = "PART")]
    pub(crate) sections: Vec<Section>,
    /// Order of the top pods
    #[arg(long, value_enum, default_value = "cpu")]
    pub(crate) sort: Sort,
    /// So many pods; 0 for all
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) top: usize,
}

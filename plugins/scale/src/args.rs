//! What the command line may say.

use clap::{Args as ArgGroup, Parser, Subcommand, ValueEnum};
use mlops_shared::cli::{ConnectionArgs, OutputArgs, ScopeArgs, SourceArgs, WriteArgs};
use std::path::PathBuf;

const EXIT_CODES: &str = "\
Exit codes:
  0  the goal was reached, or the plan holds
  1  refused, or not reached, and said why; for status: something is overdue or not finished
  2  wrong usage or a broken input file; nobody agreed
  3  could not check, or an answer was lost
  130  interrupted: `status` tells what was left";

/// Grow and shrink workloads without being undone by Flux, after a look whether they fit.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-mlops-scale",
    bin_name = "kubectl mlops scale",
    version,
    after_help = EXIT_CODES,
    max_term_width = 100,
    args_conflicts_with_subcommands = false,
    subcommand_precedence_over_arg = true
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// What to scale: TYPE/NAME or TYPE NAME; anything with a scale subresource, kafka, tenant, sparkapplication
    #[arg(value_name = "TYPE/NAME", num_args = 0..=2)]
    pub(crate) target: Vec<String>,
    #[command(flatten)]
    pub(crate) ask: AskArgs,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

#[derive(Debug, Default, Clone, ArgGroup)]
#[command(next_help_heading = "Scale")]
pub(crate) struct AskArgs {
    /// Replicas that are wanted
    #[arg(long, value_name = "N", global = true, group = "goal", value_parser = clap::value_parser!(u32).range(..=100_000))]
    pub(crate) replicas: Option<u32>,
    /// Brokers that are wanted of kafka/NAME
    #[arg(long, value_name = "N", global = true, group = "goal", value_parser = clap::value_parser!(u32).range(..=100_000))]
    pub(crate) brokers: Option<u32>,
    /// Executors that are wanted of a Spark application; with dynamic allocation the most of them
    #[arg(long, value_name = "N", global = true, group = "goal", value_parser = clap::value_parser!(u32).range(..=100_000))]
    pub(crate) executors: Option<u32>,
    /// A pool that is to be added to a MinIO tenant, such as 4x4:1Ti
    #[arg(long, value_name = "SERVERSxVOLUMES[:SIZE]", global = true, group = "goal")]
    pub(crate) add_pool: Option<String>,
    /// A decommissioned pool that is to leave a MinIO tenant
    #[arg(long, value_name = "POOL", global = true, group = "goal")]
    pub(crate) decommission: Option<String>,
    /// Name of the pool that is added [default: pool-N, the first that was never used]
    #[arg(long, value_name = "NAME", global = true, requires = "add_pool")]
    pub(crate) pool_name: Option<String>,
    /// Ask the server about the decommission by the program mc, under this alias of it
    #[arg(long, value_name = "ALIAS", global = true, requires = "decommission")]
    pub(crate) mc_alias: Option<String>,
    /// Move partitions with Cruise Control: off brokers before they go, onto new ones after
    #[arg(long, global = true)]
    pub(crate) rebalance: bool,
    /// Agree that a Spark application is ended and run again from its start
    #[arg(long, global = true)]
    pub(crate) rerun: bool,
    /// Refuse unless so many replicas are wanted now
    #[arg(long, value_name = "N", global = true)]
    pub(crate) current_replicas: Option<u32>,
    /// Keep whoever would undo it off this object, or suspend the owner; needs --reason and --until
    #[arg(long, value_enum, value_name = "WHAT", global = true)]
    pub(crate) pause: Option<Pause>,
    /// How long the pause is meant to last: a duration such as 4h, or an instant
    #[arg(long, value_name = "WHEN", global = true)]
    pub(crate) until: Option<String>,
    /// Make the change where it lasts: in the Git repository that Flux fetches; needs --tree
    #[arg(long, value_enum, value_name = "WHAT", global = true)]
    pub(crate) via: Option<Via>,
    /// A folder of a clone of that repository; a refusal says where in it the field is set
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) tree: Option<PathBuf>,
    /// Push the commit to the branch that Flux follows, and wait until it is live
    #[arg(long, global = true)]
    pub(crate) push: bool,
    /// The remote of the clone, where its address is not the one that Flux fetches
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) remote: Option<String>,
    /// Of a HelmRelease the value that holds the replicas: .spec.values.worker.replicas
    #[arg(long, value_name = "PATH", global = true)]
    pub(crate) value: Option<String>,
    /// Scale although it will be undone, or nobody can tell
    #[arg(long, global = true)]
    pub(crate) force_drift: bool,
    /// Scale although a check before it fails
    #[arg(long, global = true)]
    pub(crate) ignore_preflight: bool,
    /// Scale although another scaling of the object has not ended
    #[arg(long, global = true)]
    pub(crate) take_over: bool,
    /// Agree that the data of removed replicas is deleted: the name of what is scaled
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) accept_data_loss: Option<String>,
}

/// How wide a pause is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Pause {
    /// The object alone, by an annotation.
    Object,
    /// The Kustomization or HelmRelease as a whole.
    Owner,
}

/// Where a change is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Via {
    /// In the Git repository.
    Git,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print what scaling would do and whether it would hold; change nothing
    Plan {
        /// What to scale: TYPE/NAME or TYPE NAME
        #[arg(value_name = "TYPE/NAME", num_args = 1..=2, required = true)]
        target: Vec<String>,
    },
    /// End the pause that was made for an object, and say what will be set again
    Resume {
        /// What was scaled: TYPE/NAME or TYPE NAME
        #[arg(value_name = "TYPE/NAME", num_args = 1..=2, required = true)]
        target: Vec<String>,
    },
    /// Scalings that run or were broken off, and pauses with their end
    Status,
}

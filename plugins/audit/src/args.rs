//! What the command line may say.

use crate::check::CHECKS;
use clap::builder::PossibleValuesParser;
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

/// Who can do what, what is exposed, what is out of date.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-mlops-audit",
    bin_name = "kubectl mlops audit",
    version,
    after_help = EXIT_CODES,
    max_term_width = 100,
    args_conflicts_with_subcommands = false,
    subcommand_precedence_over_arg = true
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Only these families of checks; all without one
    #[arg(value_name = "FAMILY", value_parser = families())]
    pub(crate) families: Vec<String>,
    #[command(flatten)]
    pub(crate) check: CheckArgs,
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

/// The families of the table of checks.
fn families() -> PossibleValuesParser {
    PossibleValuesParser::new(CHECKS.iter().map(|check| check.name))
}

#[derive(Debug, ArgGroup)]
#[command(next_help_heading = "Check")]
pub(crate) struct CheckArgs {
    /// Exit with 1 when a finding is at or above this severity: info, low, medium, high, critical, or never
    #[arg(long, value_name = "SEVERITY", default_value = "high", global = true)]
    pub(crate) fail_on: String,
    /// Print findings at or above this severity
    #[arg(long, value_name = "SEVERITY", default_value = "low", global = true)]
    pub(crate) show: String,
    /// Also read what Secrets and ConfigMaps hold: known credentials, certificates, credentials in settings, the charts of
    /// Helm's releases. Needs list and get on both; no value is kept or printed
    #[arg(long, global = true)]
    pub(crate) read_values: bool,
    /// Accept the findings of this file: only new ones fail
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) baseline: Option<PathBuf>,
    /// Write today's findings to this file, for --baseline
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) write_baseline: Option<PathBuf>,
    /// The Kubernetes release that is planned, such as 1.37: what it takes away is told as urgent
    #[arg(long, value_name = "X.Y", global = true)]
    pub(crate) target_version: Option<String>,
    /// Ask the chart repositories that HelmRepository and OCIRepository objects name for newer versions
    #[arg(long, global = true)]
    pub(crate) online: bool,
    /// Ask this host too, though it is not on the open internet; may be given more than once
    #[arg(long, value_name = "HOST", global = true, requires = "online")]
    pub(crate) online_allow: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check the manifests, Helm values and scripts of a Git tree as they stand; nothing is rendered
    Tree {
        /// The tree's folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// Refuse comments in the tree that accept findings (`# mlops-audit:allow CODE reason`)
        #[arg(long)]
        no_inline: bool,
    },
    /// What a finding's code means, what an attacker gains, and how to mend it; all codes without one
    Explain {
        /// The code, as reports print it
        code: Option<String>,
    },
    /// Who may do something, through which binding, and where
    WhoCan {
        /// The verb: get, list, create, impersonate, …
        verb: String,
        /// RESOURCE, RESOURCE/NAME, RESOURCE.GROUP, RESOURCE.GROUP/NAME, or a path such as /metrics
        resource: String,
        /// A subresource, such as exec, log, token or scale
        #[arg(long, value_name = "NAME")]
        subresource: Option<String>,
    },
    /// What somebody may do: --as USER, or --as NAMESPACE/NAME of a service account (nobody is impersonated)
    Permissions {
        /// Ask the API server the same, by creating SubjectAccessReviews, and print where it differs (exit 1)
        #[arg(long)]
        verify: bool,
    },
    /// The shortest ways from the tokens of pods to the whole cluster
    Paths,
}

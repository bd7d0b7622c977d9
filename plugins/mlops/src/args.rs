//! What the umbrella's own command line may say.

use crate::scripts::Asker;
use clap::{Args as ArgGroup, CommandFactory as _, Parser, Subcommand};
use mlops_shared::cli::{ConnectionArgs, OutputArgs, ScopeArgs, SourceArgs};
use std::ffi::OsString;

const AFTER_HELP: &str = "\
Flags that every plugin takes may also stand before its name, as in -n data-plane health; --help
lists them. The exit code is the plugin's own; 2 where there is no such plugin.";

/// Operate an MLOps platform: each subcommand is a plugin of its own
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-mlops",
    version,
    after_help = AFTER_HELP,
    max_term_width = 100,
    disable_help_subcommand = true,
    allow_external_subcommands = true
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Help on a subcommand
    Help {
        /// The subcommand
        #[arg(value_name = "COMMAND")]
        plugin: Option<OsString>,
    },
    /// Path and version of every component; says where they do not fit together
    Version(VersionArgs),
    /// A script that makes a shell, kubectl or flux complete what one types
    ///
    /// For one session of a shell: source <(kubectl mlops completion bash). For kubectl, once:
    /// kubectl mlops completion kubectl > ~/bin/kubectl_complete-mlops, executable, where ~/bin is on PATH.
    /// For flux, once: kubectl mlops completion flux | sh
    Completion {
        /// Who is to ask
        #[arg(value_enum, value_name = "FOR")]
        asker: Asker,
    },
    #[command(external_subcommand)]
    Plugin(Vec<OsString>),
}

#[derive(Debug, ArgGroup)]
pub(crate) struct VersionArgs {
    /// Format: table, wide, json or yaml
    #[arg(short, long, value_name = "FORMAT")]
    pub(crate) output: Option<String>,
}

/// The command as clap knows it, under the name by which it was called. The plugins' flags are those of their own
/// definition, kept from the umbrella's subcommands and out of its short help.
pub(crate) fn command(name: &str) -> clap::Command {
    let command = Args::command().bin_name(name).mut_args(|arg| arg.global(false).hide_short_help(true));
    // Plugins come first in help.
    command.mut_subcommands(|subcommand| subcommand.display_order(100))
}

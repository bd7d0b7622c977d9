//! What the command line means once it is resolved.

use crate::args::{Args, Command};
use crate::check::{CHECKS, Check};
use crate::severity::Severity;
use jiff::Timestamp;
use mlops_shared::cli::Failure;
use std::path::PathBuf;

/// The threshold of the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailOn {
    /// Findings never fail the run.
    Never,
    /// Findings at or above this severity do.
    Severity(Severity),
}

impl FailOn {
    /// Whether a finding of this severity fails the run.
    pub(crate) fn is_met(self, severity: Severity) -> bool {
        match self {
            Self::Never => false,
            Self::Severity(threshold) => severity >= threshold,
        }
    }
}

/// A resolved run.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) from: Option<PathBuf>,
    pub(crate) namespaces: Vec<String>,
    pub(crate) now: Timestamp,
    pub(crate) fail_on: FailOn,
    pub(crate) show: Severity,
    pub(crate) checks: Vec<&'static Check>,
    /// The tree to read instead of a cluster, and whether comments in it accept findings.
    pub(crate) tree: Option<(PathBuf, bool)>,
}

/// Resolves the command line. `clock` is the instant to judge at when none was given.
///
/// # Errors
/// When a flag's value is none of its own.
pub(crate) fn resolve(args: &Args, clock: Timestamp) -> Result<Settings, Failure> {
    let severity = |flag: &str, text: &str| {
        text.parse::<Severity>().map_err(|reason| Failure::usage(format!("invalid value for {flag}: {reason}")))
    };
    let fail_on = match args.check.fail_on.as_str() {
        "never" | "none" => FailOn::Never,
        text => FailOn::Severity(severity("--fail-on", text)?),
    };
    let tree = match &args.command {
        Some(Command::Tree { folder, no_inline }) => Some((folder.clone(), !no_inline)),
        _ => None,
    };
    if tree.is_some() && args.source.from.is_some() {
        return Err(Failure::usage("tree and --from exclude each other"));
    }
    // What a cluster keeps in Secrets is not looked at.
    let is_asked = |check: &&'static Check| tree.is_some() || check.name != "secrets";
    Ok(Settings {
        from: args.source.from.clone(),
        namespaces: args.scope.namespace.clone(),
        now: args.source.now.unwrap_or(clock),
        fail_on,
        show: severity("--show", &args.check.show)?,
        checks: CHECKS.iter().filter(is_asked).collect(),
        tree,
    })
}

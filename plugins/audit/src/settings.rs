//! What the command line means once it is resolved.

use crate::args::{Args, Command};
use crate::check::{CHECKS, Check};
use crate::severity::Severity;
use crate::versions::kubernetes;
use jiff::Timestamp;
use mlops_shared::cli::Failure;
use mlops_shared::health::api_versions::Minor;
use mlops_shared::object::Selector;
use std::path::PathBuf;
use std::time::Duration;

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
    pub(crate) selector: Option<Selector>,
    pub(crate) now: Timestamp,
    pub(crate) fail_on: FailOn,
    pub(crate) show: Severity,
    pub(crate) checks: Vec<&'static Check>,
    /// Whether families were named.
    is_narrowed: bool,
    /// Whether the values of Secrets and ConfigMaps are read.
    pub(crate) reads_values: bool,
    /// The tree to read instead of a cluster, and whether comments in it accept findings.
    pub(crate) tree: Option<(PathBuf, bool)>,
    /// The Kubernetes release that is planned.
    pub(crate) target: Option<Minor>,
    /// Where chart repositories are asked: hosts that are allowed besides, and the time limit of a request.
    pub(crate) online: Option<(Vec<String>, Option<Duration>)>,
}

impl Settings {
    /// Whether objects of this kind are read.
    pub(crate) fn reads(&self, group: &str, kind: &str) -> bool {
        self.checks.iter().any(|check| check.reads(group, kind))
            || self.reads_values && self.has_secrets() && (group, kind) == ("", "ConfigMap")
    }

    /// Whether the family `secrets` is asked for.
    pub(crate) fn has_secrets(&self) -> bool {
        self.checks.iter().any(|check| check.name == "secrets")
    }

    /// Whether the family `versions` is asked for.
    pub(crate) fn has_versions(&self) -> bool {
        self.checks.iter().any(|check| check.name == "versions")
    }

    /// Whether only some checks or some objects are asked for.
    pub(crate) fn is_narrowed(&self) -> bool {
        self.is_narrowed || self.selector.is_some() || !self.namespaces.is_empty()
    }
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
    if tree.is_some() && args.check.read_values {
        return Err(Failure::usage("--read-values is about a cluster: of a tree the values are read anyway"));
    }
    let families = &args.families;
    let reads = |name: &String| matches!(name.as_str(), "secrets" | "versions");
    if args.check.read_values && !families.is_empty() && !families.iter().any(reads) {
        return Err(Failure::usage(
            "--read-values is about the families secrets and versions, which are not asked for",
        ));
    }
    let is_wanted = |check: &&Check| families.is_empty() || families.iter().any(|name| name == check.name);
    let checks: Vec<&'static Check> = CHECKS.iter().filter(is_wanted).collect();
    let has_versions = checks.iter().any(|check| check.name == "versions");
    let target = args.check.target_version.as_deref().map(|text| {
        kubernetes(text).filter(|_| has_versions).ok_or_else(|| match has_versions {
            true => {
                Failure::usage(format!("invalid value for --target-version: {text:?}")).hint("a release such as 1.37")
            }
            false => Failure::usage("--target-version is for the checks of `versions`"),
        })
    });
    if args.check.online && !has_versions {
        return Err(Failure::usage("--online is for the checks of `versions`"));
    }
    let limit = args.connection.settings(None)?.request_timeout.filter(|limit| !limit.is_zero());
    Ok(Settings {
        target: target.transpose()?,
        online: args.check.online.then(|| (args.check.online_allow.clone(), limit)),
        from: args.source.from.clone(),
        namespaces: args.scope.namespace.clone(),
        selector: args.scope.selector()?,
        now: args.source.now.unwrap_or(clock),
        fail_on,
        show: severity("--show", &args.check.show)?,
        checks,
        is_narrowed: !families.is_empty(),
        reads_values: args.check.read_values,
        tree,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    fn settings(flags: &[&str]) -> Result<Settings, Failure> {
        let args = Args::try_parse_from(["x"].iter().chain(flags)).expect("flags");
        resolve(&args, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn families_narrow_the_checks_and_keep_their_order() {
        let names = |flags: &[&str]| -> Vec<&str> {
            settings(flags).expect("settings").checks.iter().map(|check| check.name).collect()
        };
        assert_eq!(names(&[]).len(), CHECKS.len());
        assert_eq!(names(&["secrets", "tree", "."]), ["secrets"]);
        assert_eq!(names(&["network", "rbac", "-n", "network"]), ["rbac", "network"]);
        assert!(Args::try_parse_from(["x", "rbacs"]).is_err());
    }

    #[test]
    fn thresholds_and_selectors_are_words_of_their_scales() {
        let high = settings(&[]).expect("settings");
        assert!(high.fail_on.is_met(Severity::High) && !high.fail_on.is_met(Severity::Medium));
        assert!(!settings(&["--fail-on", "never"]).expect("settings").fail_on.is_met(Severity::Critical));
        for flags in [&["--fail-on", "fail"][..], &["--show", "warn"], &["-l", "a in b"]] {
            assert!(settings(flags).is_err(), "{flags:?}");
        }
    }
}

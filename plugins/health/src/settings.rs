//! What the command line means once it is resolved.

use crate::args::Args;
use jiff::Timestamp;
use mlops_shared::cli::Failure;
use mlops_shared::object::Selector;
use mlops_shared::report::Level;
use std::path::PathBuf;

/// The threshold of the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailOn {
    /// Findings never fail the run.
    Never,
    /// Findings at or above this level do.
    Level(Level),
}

impl FailOn {
    /// Whether a finding of this level fails the run.
    pub(crate) fn is_met(self, level: Level) -> bool {
        match self {
            Self::Never => false,
            Self::Level(threshold) => level >= threshold,
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
    pub(crate) show: Level,
}

/// Resolves the command line. `clock` is the instant to judge at when none was given.
pub(crate) fn resolve(args: &Args, clock: Timestamp) -> Result<Settings, Failure> {
    let level = |flag: &str, text: &str| {
        text.parse::<Level>().map_err(|reason| Failure::usage(format!("invalid value for {flag}: {reason}")))
    };
    let fail_on = match args.check.fail_on.as_str() {
        "never" | "none" => FailOn::Never,
        text => match level("--fail-on", text)? {
            Level::Ok => {
                return Err(Failure::usage("--fail-on ok would fail every run").hint("use warn, fail or never"));
            }
            level => FailOn::Level(level),
        },
    };
    Ok(Settings {
        from: args.source.from.clone(),
        namespaces: args.scope.namespace.clone(),
        selector: args.scope.selector.as_deref().map(parse_selector).transpose()?,
        now: args.source.now.unwrap_or(clock),
        fail_on,
        show: level("--show", &args.check.show)?,
    })
}

/// Reads a selector as kubectl's `-l` does.
fn parse_selector(text: &str) -> Result<Selector, Failure> {
    Selector::parse(text).map_err(|reason| {
        Failure::usage(format!("invalid selector {text:?}: {reason}"))
            .hint("as for kubectl: app=kafka, tier!=test, env in (a,b), key, !key")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn settings(flags: &[&str]) -> Result<Settings, Failure> {
        let args = Args::try_parse_from(["x"].iter().chain(flags)).expect("flags");
        resolve(&args, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn defaults_fail_on_failures_only() {
        let settings = settings(&[]).expect("settings");
        assert!(settings.fail_on.is_met(Level::Fail) && !settings.fail_on.is_met(Level::Warn));
        assert_eq!(settings.now, Timestamp::UNIX_EPOCH);
    }

    #[test]
    fn wrong_levels_are_refused() {
        assert!(settings(&["--fail-on", "often"]).is_err());
        assert!(settings(&["--fail-on", "ok"]).is_err());
        assert!(settings(&["--show", "x"]).is_err());
        assert!(settings(&["-l", "a in b"]).is_err());
        assert!(settings(&["--fail-on", "NEVER".to_lowercase().as_str()]).is_ok());
    }
}

//! What the command line means once it is resolved.

use crate::args::Args;
use jiff::Timestamp;
use mlops_shared::cli::Failure;
use mlops_shared::object::Selector;
use mlops_shared::report::Level;
use mlops_shared::text;
use std::path::PathBuf;
use std::time::Duration;

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

/// Whether to look once, or again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follow {
    /// One look.
    Once,
    /// Tell changes until interrupted.
    Watch {
        /// Time between two looks.
        interval: Duration,
    },
    /// Until healthy, or for so long.
    Wait {
        /// Time between two looks.
        interval: Duration,
        /// The longest wait.
        timeout: Duration,
    },
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
    pub(crate) follow: Follow,
    /// Whether the kubelets are asked how full volumes are.
    pub(crate) volumes: bool,
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
        selector: args.scope.selector()?,
        now: args.source.now.unwrap_or(clock),
        fail_on,
        show: level("--show", &args.check.show)?,
        follow: follow(args, fail_on)?,
        volumes: !args.check.no_volumes,
    })
}

/// Every look lists the whole scope, so there is a floor to how often.
const LEAST_INTERVAL: Duration = Duration::from_millis(100);

fn follow(args: &Args, fail_on: FailOn) -> Result<Follow, Failure> {
    let flags = &args.follow;
    let duration = |flag: &str, text: Option<&str>, default: Duration| {
        let Some(text) = text else { return Ok(default) };
        text::parse_duration(text).and_then(|duration| duration.try_into().ok()).ok_or_else(|| {
            Failure::usage(format!("invalid value for {flag}: {text:?}")).hint("a duration such as 30s, 10m or 1h30m")
        })
    };
    let default = Duration::from_secs(if flags.wait { 5 } else { 10 });
    let interval = duration("--interval", flags.interval.as_deref(), default)?;
    if interval < LEAST_INTERVAL {
        return Err(Failure::usage("--interval is too short: every look lists the whole scope").hint("1s or more"));
    }
    let follow = match (flags.watch, flags.wait) {
        (true, _) => Follow::Watch { interval },
        (_, true) if fail_on == FailOn::Never => {
            return Err(Failure::usage("--wait with --fail-on never has nothing to wait for").hint("use warn or fail"));
        }
        (_, true) => {
            let timeout = duration("--timeout", flags.timeout.as_deref(), Duration::from_secs(600))?;
            Follow::Wait { interval, timeout }
        }
        _ if flags.interval.is_some() => {
            return Err(Failure::usage("--interval is for --watch and --wait"));
        }
        _ => Follow::Once,
    };
    if follow != Follow::Once && args.command.is_some() {
        return Err(Failure::usage("--watch and --wait go without a subcommand"));
    }
    Ok(follow)
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
    fn following_has_its_defaults_and_limits() {
        let seconds = Duration::from_secs;
        assert_eq!(settings(&[]).expect("settings").follow, Follow::Once);
        assert_eq!(settings(&["--watch"]).expect("settings").follow, Follow::Watch { interval: seconds(10) });
        assert_eq!(
            settings(&["--wait", "--timeout", "1h"]).expect("settings").follow,
            Follow::Wait { interval: seconds(5), timeout: seconds(3600) }
        );
        for flags in [
            &["--watch", "--interval", "0"][..],
            &["--wait", "--timeout", "soon"],
            &["--wait", "--fail-on", "never"],
            &["--interval", "5s"],
            &["--watch", "capacity"],
        ] {
            assert!(settings(flags).is_err(), "{flags:?}");
        }
        for flags in [&["--watch", "--wait"][..], &["--watch", "--from", "-"], &["--timeout", "1m"]] {
            assert!(Args::try_parse_from(["x"].iter().chain(flags)).is_err(), "{flags:?}");
        }
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

//! Flags of commands that write, and what they mean.

use super::Failure;
use crate::cluster::FieldManager;
use crate::text;
use clap::{Args, ValueEnum};
use std::time::Duration;

/// How to change things.
#[derive(Debug, Default, Clone, Args)]
#[command(next_help_heading = "Change")]
pub struct WriteArgs {
    /// Change nothing: client prints the plan, server also lets the API server judge it
    #[arg(long, value_enum, value_name = "HOW", default_value = "none", global = true)]
    pub dry_run: DryRun,
    /// Do not ask before changing something
    #[arg(long, global = true)]
    pub yes: bool,
    /// Give up waiting after this time, such as 10m; 0 waits for nothing
    #[arg(long, value_name = "DURATION", global = true)]
    pub timeout: Option<String>,
    /// Name under which fields are set
    #[arg(long, value_name = "NAME", default_value = FieldManager::DEFAULT, global = true)]
    pub field_manager: String,
    /// Why, for those who find the change later
    #[arg(long, value_name = "TEXT", global = true)]
    pub reason: Option<String>,
}

/// Whether a command changes something.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    /// It does.
    #[default]
    None,
    /// It prints its plan.
    Client,
    /// It prints its plan, and sends every request so that the API server checks it and keeps nothing.
    Server,
}

impl DryRun {
    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// What the flags mean.
#[derive(Debug, Clone)]
pub struct WriteSettings {
    /// Whether to change something.
    pub dry_run: DryRun,
    /// Whether nobody is asked.
    pub is_agreed: bool,
    /// How long to wait for the end, where it was said; zero for not at all.
    pub timeout: Option<Duration>,
    /// The name under which fields are set.
    pub manager: FieldManager,
    /// Why.
    pub reason: Option<String>,
}

/// A reason is a line, not a page: it stands in an annotation.
const REASON: usize = 500;

impl WriteArgs {
    /// What they mean.
    ///
    /// # Errors
    /// When a value is none of its own.
    pub fn settings(&self) -> Result<WriteSettings, Failure> {
        let timeout = self.timeout.as_deref().map(|text| {
            text::parse_duration(text).and_then(|limit| limit.try_into().ok()).ok_or_else(|| {
                Failure::usage(format!("invalid value for --timeout: {text:?}")).hint("a duration such as 90s or 10m")
            })
        });
        let manager = FieldManager::new(&self.field_manager).map_err(|why| {
            Failure::usage(format!("invalid value for --field-manager: {why}"))
                .hint(format!("leave it out: the default is {}", FieldManager::DEFAULT))
        })?;
        let reason = self.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
        if reason.is_some_and(|reason| reason.chars().count() > REASON || reason.contains(text::is_unsafe)) {
            return Err(Failure::usage(format!("--reason is one line of at most {REASON} characters")));
        }
        Ok(WriteSettings {
            dry_run: self.dry_run,
            is_agreed: self.yes,
            timeout: timeout.transpose()?,
            manager,
            reason: reason.map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        write: WriteArgs,
    }

    fn settings(flags: &[&str]) -> Result<WriteSettings, Failure> {
        let line =
            Line::try_parse_from(["x"].iter().chain(flags)).map_err(|error| Failure::usage(error.to_string()))?;
        line.write.settings()
    }

    #[test]
    fn flags_mean_what_they_say() {
        let plain = settings(&[]).expect("settings");
        assert_eq!((plain.dry_run, plain.is_agreed, plain.manager.as_str()), (DryRun::None, false, "mlops"));
        let full = settings(&["--dry-run=server", "--yes", "--timeout=90s", "--reason= more load "]).expect("settings");
        assert_eq!((full.dry_run, full.is_agreed, full.timeout), (DryRun::Server, true, Some(Duration::from_secs(90))));
        assert_eq!(full.reason.as_deref(), Some("more load"));
    }

    #[test]
    fn what_would_mislead_is_refused() {
        for flags in [
            "--field-manager=kubectl-scale",
            "--field-manager=",
            "--timeout=soon",
            "--timeout=-1s",
            "--dry-run=yes",
            "--reason=a\u{1b}[2Jb",
            "--reason=a\nb",
            &format!("--reason={}", "x".repeat(501)),
        ] {
            assert!(settings(&[flags]).is_err(), "{flags:?}");
        }
    }
}

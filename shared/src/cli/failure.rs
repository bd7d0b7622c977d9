//! A failure that ends a run: one line that says what failed and on what, then hints.

use super::Exit;
use crate::cluster::ClusterError;
use crate::platform::PlatformError;
use crate::source::SourceError;
use crate::text;
use crate::tools::ToolError;
use std::fmt;
use std::io::{self, Write};

/// Why a run ended before its answer.
#[derive(Debug)]
pub struct Failure {
    /// What failed and on what, a lower-case fragment. Not made safe to print.
    pub message: String,
    /// What to do about it.
    pub hints: Vec<String>,
    /// How the process ends.
    pub exit: Exit,
}

impl Failure {
    /// Wrong usage or broken input.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), hints: Vec::new(), exit: Exit::Usage }
    }

    /// Something could not be checked.
    pub fn unchecked(message: impl Into<String>) -> Self {
        Self { message: message.into(), hints: Vec::new(), exit: Exit::Unchecked }
    }

    /// Adds a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    /// `error: …` and `hint: …` lines, safe to print.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "error: {}", text::line(&self.message))?;
        for hint in &self.hints {
            writeln!(out, "hint: {}", text::line(hint))?;
        }
        Ok(())
    }
}

/// Prints what clap has to say, help or a refusal, and gives how the run ends.
///
/// clap repeats what was typed, which a script may have taken from anywhere: in a refusal it is made
/// safe to print.
pub fn print_usage(error: &clap::Error) -> Exit {
    if !error.use_stderr() {
        // A closed pipe is a quiet end.
        let _ = error.print();
        return Exit::Clean;
    }
    // Nobody is left to tell when stderr is gone.
    let _ = io::stderr().lock().write_all(text::block(&error.render().to_string()).as_bytes());
    Exit::Usage
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self { hints: error.hints(), ..Self::usage(error.to_string()) }
    }
}

impl From<ClusterError> for Failure {
    fn from(error: ClusterError) -> Self {
        let hints = error.hints();
        match error {
            // What the person gave is wrong, not the cluster.
            ClusterError::Kubeconfig(_) | ClusterError::PluginRefused(..) => {
                Self { hints, ..Self::usage(error.to_string()) }
            }
            // The goal was not reached, and why is known.
            ClusterError::Conflict { .. } | ClusterError::AlreadyExists(_) => {
                Self { hints, exit: Exit::Findings, ..Self::usage(error.to_string()) }
            }
            _ => Self { hints, ..Self::unchecked(error.to_string()) },
        }
    }
}

impl From<PlatformError> for Failure {
    fn from(error: PlatformError) -> Self {
        Self { hints: error.hints(), ..Self::usage(error.to_string()) }
    }
}

impl From<ToolError> for Failure {
    fn from(error: ToolError) -> Self {
        Self { hints: error.hints(), ..Self::unchecked(error.to_string()) }
    }
}

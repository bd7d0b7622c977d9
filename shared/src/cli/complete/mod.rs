//! Completion: the hidden `__complete` of every binary, in the protocol of cobra, which kubectl and flux speak.
//!
//! After `__complete` come the words behind the program's name, the last being the one that is completed. The answer is
//! a line a candidate (`value<TAB>description`), then `:DIRECTIVE`, and always exit code 0: on any other kubectl drops
//! the candidates. What goes wrong is not told, for there is a prompt on the terminal; `MLOPS_COMPLETE_DEBUG=1` tells it
//! on stderr. See kubectl's pkg/cmd/plugin/plugin_completion.go and cobra's completions.go.

mod answer;
mod live;
mod typed;

pub use answer::{Answer, answer};
pub use live::{SHARED, live_names, live_words};
pub use typed::{Typed, subcommand};

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

/// The word that asks for completion, and the one that asks for it without descriptions.
pub const REQUESTS: [&str; 2] = ["__complete", "__completeNoDesc"];

/// Something to offer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// What is to be typed.
    pub value: String,
    /// What it is, in one line; empty for none.
    pub help: String,
}

impl Candidate {
    /// A candidate with its description.
    pub fn new(value: impl Into<String>, help: impl Into<String>) -> Self {
        Self { value: value.into(), help: help.into() }
    }
}

/// Where the values of an argument come from.
#[derive(Debug, Clone, Copy)]
pub enum Values {
    /// From this function, given what was typed before.
    From(fn(&Typed) -> Vec<Candidate>),
    /// Somebody else knows them: the answer says so and has none.
    Elsewhere,
}

/// Arguments by the names of their fields, with their values. Others have those that clap knows, or are paths.
pub type Table = &'static [(&'static str, Values)];

/// Whether a failure is told.
fn debug(message: impl FnOnce() -> String) {
    if std::env::var_os("MLOPS_COMPLETE_DEBUG").is_some_and(|value| !value.is_empty()) {
        // Nobody is left to tell when stderr is gone.
        let _ = writeln!(std::io::stderr(), "{}", crate::text::line(&message()));
    }
}

/// Answers when `words`, the program's name first, ask for completion; nothing otherwise.
pub fn requested(words: &[OsString], command: impl FnOnce() -> clap::Command, tables: &[Table]) -> Option<ExitCode> {
    let request = words.get(1)?.to_str().filter(|word| REQUESTS.contains(word))?;
    let answer = answer(command(), words.get(2..).unwrap_or_default(), tables);
    print(&answer, request);
    Some(ExitCode::SUCCESS)
}

/// Prints an answer to a request.
pub fn print(answer: &Answer, request: &str) {
    // A shell that does not listen any more is no failure.
    let _ = std::io::stdout().lock().write_all(answer.text(request == REQUESTS[0]).as_bytes());
}

#[cfg(test)]
mod tests;

//! The candidates for a word, and what the shell should do besides.

use super::{Candidate, Table, Typed, Values, debug, typed};
use crate::text;
use clap::{Command, ValueHint};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, complete};
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

/// Cobra's ShellCompDirective.
mod directive {
    /// Nothing special: without candidates the shell completes files.
    pub(super) const DEFAULT: u8 = 0;
    /// No files, even without candidates.
    pub(super) const NO_FILES: u8 = 4;
    /// Only folders.
    pub(super) const FOLDERS: u8 = 16;
}

/// What to offer for a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Candidates, in the order to show.
    pub candidates: Vec<Candidate>,
    /// Cobra's bits.
    pub directive: u8,
    /// Whether [`Values::Elsewhere`] was asked.
    pub is_elsewhere: bool,
}

impl Answer {
    /// The answer as the protocol has it.
    pub fn text(&self, has_descriptions: bool) -> String {
        let mut out = String::new();
        for Candidate { value, help } in &self.candidates {
            // Writing to a String cannot fail.
            let _ = match text::line(help.lines().next().unwrap_or_default()).replace('\t', " ") {
                help if has_descriptions && !help.is_empty() => writeln!(out, "{value}\t{help}"),
                _ => writeln!(out, "{value}"),
            };
        }
        let _ = writeln!(out, ":{}", self.directive);
        out
    }
}

/// What came up while the engine looked for the argument under the cursor.
#[derive(Debug, Default)]
struct Found {
    paths: Option<u8>,
    is_elsewhere: bool,
}

/// What to offer for the last of `words`, those behind the program's name.
pub fn answer(command: Command, words: &[OsString], tables: &[Table]) -> Answer {
    let (current, before) = match words.split_last() {
        Some((current, before)) => (current.clone(), before),
        None => (OsString::new(), &[][..]),
    };
    let typed = Arc::new(Typed::new(&command, before));
    let found = Arc::new(Mutex::new(Found::default()));
    let mut joined = vec![OsString::from(command.get_name())];
    joined.extend(typed::joined(&command, before));
    joined.push(current.clone());
    let index = joined.len() - 1;
    let mut command = attach(command, tables, &typed, &found);
    let offered = complete(&mut command, joined, index, None).unwrap_or_else(|error| {
        debug(|| format!("completion: {error}"));
        Vec::new()
    });
    let candidates: Vec<Candidate> =
        offered.iter().filter(|offer| !offer.is_hide_set()).filter_map(|offer| candidate(offer, &current)).collect();
    let found = found.lock().unwrap_or_else(PoisonError::into_inner);
    let directive = found.paths.filter(|_| candidates.is_empty()).unwrap_or(directive::NO_FILES);
    Answer { candidates, directive, is_elsewhere: found.is_elsewhere }
}

/// Sees to it that the engine asks the tables for values and leaves paths to the shell.
fn attach(command: Command, tables: &[Table], typed: &Arc<Typed>, found: &Arc<Mutex<Found>>) -> Command {
    let command = command.mut_args(|arg| {
        let row = tables.iter().copied().flatten().find(|(id, _)| arg.get_id() == id);
        let paths = match arg.get_value_hint() {
            ValueHint::AnyPath | ValueHint::FilePath | ValueHint::ExecutablePath => Some(directive::DEFAULT),
            ValueHint::DirPath => Some(directive::FOLDERS),
            _ => None,
        };
        let (typed, found) = (Arc::clone(typed), Arc::clone(found));
        let note = move |change: &dyn Fn(&mut Found)| change(&mut found.lock().unwrap_or_else(PoisonError::into_inner));
        match (row.map(|(_, values)| *values), paths) {
            (Some(Values::From(values)), _) => arg.add(ArgValueCompleter::new(move |current: &OsStr| {
                let current = current.to_string_lossy();
                let fitting = values(&typed).into_iter().filter(|candidate| candidate.value.starts_with(&*current));
                fitting.map(|it| CompletionCandidate::new(it.value).help(Some(it.help.into()))).collect::<Vec<_>>()
            })),
            (Some(Values::Elsewhere), _) => arg.add(ArgValueCompleter::new(move |_: &OsStr| {
                note(&|found| found.is_elsewhere = true);
                Vec::new()
            })),
            (None, Some(directive)) => arg.add(ArgValueCompleter::new(move |_: &OsStr| {
                note(&|found| found.paths = Some(directive));
                Vec::new()
            })),
            (None, None) => arg,
        }
    });
    command.mut_subcommands(|subcommand| attach(subcommand, tables, typed, found))
}

/// A candidate as the protocol wants it: flags only where one is begun, and the value alone of `--flag=value`.
fn candidate(offer: &CompletionCandidate, current: &OsStr) -> Option<Candidate> {
    let (value, current) = (offer.get_value().to_str()?, current.to_string_lossy());
    let is_flag = current.starts_with('-');
    if value.starts_with('-') && !is_flag {
        return None;
    }
    let value = match current.split_once('=').filter(|_| is_flag) {
        Some((flag, _)) => value.strip_prefix(flag)?.strip_prefix('=')?,
        None => value,
    };
    let help = offer.get_help().map(ToString::to_string).unwrap_or_default();
    is_plain(value).then(|| Candidate::new(value, help))
}

/// Whether a value is safe on a command line as it stands. Names come from a cluster or a kubeconfig, and not every
/// shell quotes what it inserts; no object of Kubernetes has a name that is not.
fn is_plain(value: &str) -> bool {
    !value.is_empty() && value.chars().all(|character| character.is_alphanumeric() || "-_.:@/+=,%".contains(character))
}

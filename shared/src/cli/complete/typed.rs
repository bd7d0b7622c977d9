//! What was typed before the word that is completed.

use crate::cli::{ConnectionArgs, Failure};
use crate::cluster::Settings;
use clap::{ArgMatches, Command, FromArgMatches as _};
use std::ffi::{OsStr, OsString};

/// The words before the one that is completed, as far as they make sense.
#[derive(Debug)]
pub struct Typed {
    matches: Option<ArgMatches>,
}

impl Typed {
    /// Reads words behind the program's name.
    pub(super) fn new(command: &Command, words: &[OsString]) -> Self {
        let name = OsString::from(command.get_name());
        let lenient = command.clone().ignore_errors(true);
        Self { matches: lenient.try_get_matches_from(std::iter::once(&name).chain(words)).ok() }
    }

    /// The settings that lead to the cluster: those of the first `--context`, where there are more.
    ///
    /// # Errors
    /// When a flag has a value that means nothing.
    pub fn connection(&self) -> Result<Settings, Failure> {
        let connection = self
            .matches
            .as_ref()
            .filter(|matches| matches.try_contains_id("kubeconfig").is_ok())
            .and_then(|matches| ConnectionArgs::from_arg_matches(matches).ok())
            .unwrap_or_default();
        connection.settings(connection.context.first().map(String::as_str))
    }

    /// The value of an argument of text, of the command or of the subcommand; the last where there are more.
    pub fn value(&self, id: &str) -> Option<&str> {
        let mut matches = self.matches.as_ref()?;
        let mut found = None;
        loop {
            let values = matches.try_get_many::<String>(id).ok().flatten();
            found = values.and_then(|mut values| values.next_back()).map(String::as_str).or(found);
            match matches.subcommand() {
                Some((_, below)) => matches = below,
                None => return found,
            }
        }
    }

    /// The subcommand.
    pub fn subcommand(&self) -> Option<&str> {
        self.matches.as_ref()?.subcommand_name()
    }
}

/// The words with each flag and its value in one: `-n`, `usage` become `-nusage`. The engine would take a namespace that
/// is called like a subcommand for that subcommand.
pub(super) fn joined(command: &Command, words: &[OsString]) -> Vec<OsString> {
    walk(command, words).into_iter().map(|(word, _)| word).collect()
}

/// The place of the first subcommand among the words, which need not be one that the command has.
pub fn subcommand(command: &Command, words: &[OsString]) -> Option<usize> {
    let first = walk(command, words).into_iter().find(|(word, _)| !is_flag(word))?;
    Some(first.1)
}

fn is_flag(word: &OsStr) -> bool {
    word.as_encoded_bytes().starts_with(b"-")
}

/// The words with flags and values joined, each with its place.
fn walk(command: &Command, words: &[OsString]) -> Vec<(OsString, usize)> {
    let mut built = command.clone();
    built.build();
    let mut here = &built;
    let mut out = Vec::new();
    let mut rest = words.iter().enumerate();
    let mut is_escaped = false;
    while let Some((place, word)) = rest.next() {
        let mut whole = word.clone();
        if is_escaped || !is_flag(word) {
            here = word.to_str().filter(|_| !is_escaped).and_then(|word| here.find_subcommand(word)).unwrap_or(here);
        } else if word == "--" {
            is_escaped = true;
        } else if let Some(joint) = wants_value(here, word)
            && let Some((_, value)) = rest.next()
        {
            whole.push(joint);
            whole.push(value);
        }
        out.push((whole, place));
    }
    out
}

/// What joins a flag and the value that it still wants: `=` behind a long one, nothing behind a short one.
fn wants_value(command: &Command, word: &OsStr) -> Option<&'static str> {
    let word = word.to_str()?;
    let takes = |arg: &&clap::Arg| arg.get_action().takes_values();
    if let Some(long) = word.strip_prefix("--") {
        let is_it = |arg: &&clap::Arg| {
            arg.get_long() == Some(long) || arg.get_all_aliases().is_some_and(|aliases| aliases.contains(&long))
        };
        return command.get_arguments().find(is_it).filter(takes).map(|_| "=");
    }
    let mut letters = word.strip_prefix('-')?.chars();
    let valued = letters.by_ref().find_map(|letter| {
        let flag = command.get_arguments().find(|arg| arg.get_short() == Some(letter));
        flag.filter(takes)
    });
    // Letters behind the flag are its value.
    valued.filter(|_| letters.as_str().is_empty()).map(|_| "")
}

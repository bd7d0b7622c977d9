//! Completion of the umbrella: its own words, and whatever the plugin says once one is typed.

use crate::args::command;
use crate::run::with_plugins;
use crate::siblings;
use mlops_shared::cli::complete::{self, Candidate, REQUESTS, Table, Values};
use mlops_shared::cli::display_name;
use mlops_shared::tools::Program;
use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

/// Set by the scripts for direct use. Without it kubectl asks, which adds the plugins on `PATH` itself.
const DIRECT: &str = "MLOPS_COMPLETE";

/// Names in a kubeconfig or a cluster are a plugin's business: the umbrella has no client.
const VALUES: Table = &[
    ("context", Values::Elsewhere),
    ("cluster", Values::Elsewhere),
    ("user", Values::Elsewhere),
    ("namespace", Values::Elsewhere),
    ("output", Values::From(|_| ["table", "wide", "json", "yaml"].map(|word| Candidate::new(word, "")).to_vec())),
    ("plugin", Values::From(|_| topics())),
];

/// What `help` knows.
fn topics() -> Vec<Candidate> {
    let own = ["version", "completion"].map(|name| Candidate::new(name, ""));
    siblings::all().into_iter().map(|plugin| Candidate::new(plugin.name, plugin.about)).chain(own).collect()
}

/// Answers when completion is asked for; nothing otherwise.
pub(crate) fn requested(words: &[OsString]) -> Option<ExitCode> {
    let request = words.get(1)?.to_str().filter(|word| REQUESTS.contains(word))?;
    let name = display_name(words.first().map(OsString::as_os_str), "kubectl mlops");
    let asked = words.get(2..).unwrap_or_default();
    if let Some(code) = of_plugin(&name, request, asked) {
        return Some(code);
    }
    let answer = complete::answer(offered(&name, asked.len() < 2), asked, &[VALUES]);
    if answer.is_elsewhere
        && let Some(code) = siblings::SUITE.iter().find_map(|(plugin, _)| hand_over(&name, plugin, request, asked))
    {
        return Some(code);
    }
    complete::print(&answer, request);
    Some(ExitCode::SUCCESS)
}

/// The umbrella's command with the plugins that are there, less those that whoever asks adds itself: kubectl does for the
/// first word, and not behind a flag.
fn offered(name: &str, is_first: bool) -> clap::Command {
    let is_kubectl =
        is_first && name.starts_with("kubectl ") && std::env::var_os(DIRECT).is_none_or(|value| value != "direct");
    let command = with_plugins(command(name));
    command.mut_subcommands(|subcommand| {
        let file = siblings::file_name(subcommand.get_name());
        let is_added = is_kubectl && file.is_some_and(|file| Program::find(&file).is_ok());
        subcommand.hide(is_added)
    })
}

/// Becomes the plugin whose subcommand was typed before the word that is completed.
fn of_plugin(name: &str, request: &str, asked: &[OsString]) -> Option<ExitCode> {
    let (current, before) = asked.split_last()?;
    let own = command(name);
    let place = complete::subcommand(&own, before)?;
    let plugin = before.get(place)?.to_str()?;
    if own.find_subcommand(plugin).is_some() {
        return None;
    }
    let (flags, after) = (before.get(..place)?, before.get(place + 1..)?);
    let passed: Vec<OsString> = flags.iter().chain(after).chain([current]).cloned().collect();
    // A plugin that is not there has nothing to offer.
    Some(hand_over(name, plugin, request, &passed).unwrap_or_else(|| nothing(request)))
}

fn nothing(request: &str) -> ExitCode {
    complete::print(&complete::Answer { candidates: Vec::new(), directive: 4, is_elsewhere: false }, request);
    ExitCode::SUCCESS
}

/// Becomes the plugin, to complete these words; nothing when it is not there.
fn hand_over(name: &str, plugin: &str, request: &str, words: &[OsString]) -> Option<ExitCode> {
    let program = siblings::find(plugin)?;
    let mut arguments = vec![OsStr::new(request).to_owned()];
    arguments.extend_from_slice(words);
    let code = program.become_it(&format!("{name} {plugin}"), &arguments).ok()?;
    Some(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

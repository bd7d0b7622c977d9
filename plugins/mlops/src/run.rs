//! One run: what was typed, and the plugin or the own subcommand that it names.

use crate::args::{Args, Command, command};
use crate::scripts::script;
use crate::{receipt, siblings, version};
use clap::FromArgMatches as _;
use clap::error::ErrorKind;
use mlops_shared::cli::{Exit, Failure, Printer, display_name, print_usage};
use mlops_shared::report::{Format, Level, Style};
use mlops_shared::tools::Program;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

/// Runs the command line, `words[0]` being the name of the program.
pub(crate) fn run(words: &[OsString]) -> ExitCode {
    let name = display_name(words.first().map(OsString::as_os_str), "kubectl mlops");
    let args = match command(&name).try_get_matches_from(words).and_then(|found| Args::from_arg_matches(&found)) {
        Ok(args) => args,
        Err(error) if error.kind() == ErrorKind::DisplayHelp => {
            let typed: Vec<&OsStr> = words.iter().skip(1).map(OsString::as_os_str).collect();
            return help(&name, &typed).into();
        }
        Err(error) => return refused(&name, &error).into(),
    };
    let printer = Printer { is_quiet: args.output.quiet, verbosity: args.output.verbose };
    let outcome = match &args.command {
        None | Some(Command::Help { plugin: None }) => Ok(help(&name, &[OsStr::new("-h")]).into()),
        Some(Command::Help { plugin: Some(wanted) }) if is_own(&name, wanted) => {
            Ok(help(&name, &[wanted, OsStr::new("-h")]).into())
        }
        Some(Command::Help { plugin: Some(wanted) }) => start(&name, wanted, &["--help".into()]),
        Some(Command::Version(own)) => {
            let word = own.output.as_deref().or(args.output.output.as_deref()).unwrap_or("table");
            print_versions(word, &args, &printer).map(ExitCode::from)
        }
        Some(Command::Completion { asker }) => {
            let programs = called(words.first());
            let programs: Vec<&str> = programs.iter().map(String::as_str).collect();
            printer.answer(script(*asker, &programs).as_bytes()).map(|()| Exit::Clean.into())
        }
        Some(Command::Plugin(typed)) => {
            // What stands before the subcommand goes with it, as it was typed.
            let before = words.len().saturating_sub(typed.len());
            let (plugin, after) = typed.split_first().map_or((OsStr::new(""), &[][..]), |(it, after)| (it, after));
            let passed: Vec<OsString> = words.iter().take(before).skip(1).chain(after).cloned().collect();
            start(&name, plugin, &passed)
        }
    };
    outcome.unwrap_or_else(|failure| printer.fail(&failure).into())
}

/// The programs that a script is for: this one as it was called, and the plugins that can be called by their own names.
fn called(argv0: Option<&OsString>) -> Vec<String> {
    let file = argv0.and_then(|path| Path::new(path).file_stem()?.to_str());
    let is_plain = |name: &&str| {
        ["kubectl-", "flux-"].iter().any(|host| name.len() > host.len() && name.starts_with(host))
            && name.chars().all(|character| character.is_ascii_alphanumeric() || "-_".contains(character))
    };
    let own = file.filter(is_plain).unwrap_or("kubectl-mlops").to_owned();
    let plugins = siblings::all().into_iter().filter_map(|plugin| siblings::file_name(&plugin.name));
    std::iter::once(own).chain(plugins.filter(|file| Program::find(file).is_ok())).collect()
}

fn is_own(name: &str, subcommand: &OsStr) -> bool {
    command(name).get_subcommands().any(|own| own.get_name() == subcommand)
}

/// Prints the help that these words ask for, with the plugins that are there among the subcommands.
fn help(name: &str, typed: &[&OsStr]) -> Exit {
    let command = with_plugins(command(name));
    if let Err(error) =
        command.try_get_matches_from(std::iter::once(OsStr::new("kubectl-mlops")).chain(typed.iter().copied()))
    {
        // A closed pipe is a quiet end.
        let _ = error.print();
    }
    Exit::Clean
}

/// The command with each plugin that is there as a subcommand, for help and completion.
pub(crate) fn with_plugins(command: clap::Command) -> clap::Command {
    command.subcommands(siblings::all().into_iter().map(|plugin| clap::Command::new(plugin.name).about(plugin.about)))
}

/// Prints what is wrong with the umbrella's own flags; a version is an answer.
fn refused(name: &str, error: &clap::Error) -> Exit {
    let exit = print_usage(error);
    if error.kind() == ErrorKind::UnknownArgument {
        let printer = Printer { is_quiet: false, verbosity: 0 };
        printer.note(&format!("flags of one subcommand stand after it: {name} SUBCOMMAND --flag"));
    }
    exit
}

/// Becomes the plugin.
fn start(name: &str, subcommand: &OsStr, arguments: &[OsString]) -> Result<ExitCode, Failure> {
    let Some(word) = subcommand.to_str().filter(|word| !word.is_empty()) else {
        return Err(unknown(name, &subcommand.to_string_lossy()));
    };
    let program = siblings::find(word).ok_or_else(|| unknown(name, word))?;
    let code = program.become_it(&format!("{name} {word}"), arguments)?;
    // Only where a process cannot be replaced; there codes are 32 bits wide.
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

/// There is no such plugin: those that there are, one a line.
fn unknown(name: &str, subcommand: &str) -> Failure {
    let is_of_suite = siblings::SUITE.iter().any(|(known, _)| *known == subcommand);
    let failure = if is_of_suite {
        let missing = Failure::usage(format!(
            "`{name} {subcommand}` is not installed: there is no {}",
            siblings::shown(subcommand)
        ));
        receipt::hints(&siblings::file_name(subcommand).unwrap_or_default()).into_iter().fold(missing, Failure::hint)
    } else {
        Failure::usage(format!("unknown subcommand {subcommand:?} of `{name}`"))
    };
    let plugins = with_plugins(command(name));
    let mut known: Vec<&clap::Command> = plugins.get_subcommands().collect();
    known.sort_by_key(|command| (command.get_display_order(), command.get_name()));
    let width = known.iter().map(|command| command.get_name().len()).max().unwrap_or(0);
    known.into_iter().fold(failure, |failure, command| {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        failure.hint(format!("{name} {:width$}  {about}", command.get_name()))
    })
}

fn print_versions(word: &str, args: &Args, printer: &Printer) -> Result<Exit, Failure> {
    const ALLOWED: [&str; 4] = ["table", "wide", "json", "yaml"];
    let format =
        word.parse::<Format>().ok().filter(|_| ALLOWED.contains(&word)).ok_or_else(|| {
            Failure::usage(format!("versions are printed as {}, not as {word:?}", ALLOWED.join(", ")))
        })?;
    let report = version::look();
    let style = Style {
        color: args.output.use_color(printer.is_terminal()),
        width: printer.columns(),
        headers: !args.output.no_headers,
        show: Level::Ok,
    };
    printer.report(&report, format, &style)?;
    for warning in &report.warnings {
        printer.note(warning);
    }
    Ok(Exit::Clean)
}

//! The whole program of a plugin: completion where it is asked for, else the command line, the run, and the exit code.

use super::complete::{SHARED, Table, requested};
use super::{Exit, Failure, OutputArgs, Printer, display_name, print_usage};
use clap::FromArgMatches;
use std::ffi::OsString;
use std::process::ExitCode;

/// What a plugin is, for [`Plugin::main`].
#[derive(Debug)]
pub struct Plugin<A> {
    /// Its command line, with the name for people as `bin_name`.
    pub command: fn() -> clap::Command,
    /// What the values of its own arguments are, for completion.
    pub values: Table,
    /// Its output flags among what was parsed.
    pub output: fn(&A) -> &OutputArgs,
    /// Does what was asked for.
    pub run: fn(&A, &Printer) -> Result<Exit, Failure>,
}

impl<A: FromArgMatches> Plugin<A> {
    /// Parses the process's command line, runs it, and maps how it ended to an exit code.
    pub fn main(&self) -> ExitCode {
        let words: Vec<OsString> = std::env::args_os().collect();
        if let Some(code) = requested(&words, self.command, &[SHARED, self.values]) {
            return code;
        }
        let command = (self.command)();
        let own = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
        let name = display_name(words.first().map(OsString::as_os_str), &own);
        let parsed = command.bin_name(name).try_get_matches_from(words);
        let args = match parsed.and_then(|matches| A::from_arg_matches(&matches)) {
            Ok(args) => args,
            Err(error) => return print_usage(&error).into(),
        };
        let output = (self.output)(&args);
        let printer = Printer { is_quiet: output.quiet, verbosity: output.verbose };
        match (self.run)(&args, &printer) {
            Ok(exit) => exit.into(),
            Err(failure) => printer.fail(&failure).into(),
        }
    }
}

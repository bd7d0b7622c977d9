//! The two streams: stdout is the answer and nothing else, stderr is for notes and errors.

use super::{Exit, Failure};
use crate::report::{self, Format, Present, Style};
use crate::text;
use std::io::{self, IsTerminal, Write};

/// Where a run writes.
#[derive(Debug, Clone, Copy)]
pub struct Printer {
    /// Whether notes are left out.
    pub is_quiet: bool,
    /// How much is told of the run itself: 0 is nothing.
    pub verbosity: u8,
}

impl Printer {
    /// Writes a report as the answer, part by part: a large one is never held whole as text.
    ///
    /// # Errors
    /// When stdout cannot be written (a full disk), or the report cannot be rendered.
    pub fn report(&self, content: &impl Present, format: Format, style: &Style) -> Result<(), Failure> {
        let mut out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
        match report::write(content, format, style, &mut out).and_then(|done| out.flush().map(|()| done)) {
            Ok(done) if done.skipped > 0 => {
                self.note(&format!("{} left out: no API server takes such a name", text::plural(done.skipped, "line")));
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                // What is left in the buffer has no reader either.
                let _ = out.into_parts();
                Ok(())
            }
            Err(error) => Err(Failure::unchecked(format!("failed to write to standard output: {error}"))),
        }
    }

    /// Writes the answer. A pipe that was closed at the other end is a quiet end, no failure.
    ///
    /// # Errors
    /// When stdout cannot be written (a full disk).
    pub fn answer(&self, content: &[u8]) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(content).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::unchecked(format!("failed to write to standard output: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// Writes a part of an answer that goes on, and whether somebody still reads it.
    ///
    /// # Errors
    /// When stdout cannot be written (a full disk).
    pub fn stream(&self, content: &[u8]) -> Result<bool, Failure> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(content).and_then(|()| stdout.flush()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(Failure::unchecked(format!("failed to write to standard output: {error}"))),
        }
    }

    /// A note for the person, on stderr.
    pub fn note(&self, message: &str) {
        if !self.is_quiet {
            self.stderr(&format!("note: {}\n", text::line(message)));
        }
    }

    /// How far something has come, on a terminal's standard error only.
    pub fn progress(&self, message: &str) {
        if !self.is_quiet && io::stderr().is_terminal() {
            self.stderr(&format!("{}\n", text::line(message)));
        }
    }

    /// Whether a person can be asked: standard input and standard error are a terminal.
    pub fn can_ask(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Shows a report on standard error, for a person who is asked about it next.
    pub fn aside(&self, content: &impl Present, style: &Style) {
        if io::stderr().is_terminal()
            && let Ok(text) = report::render(content, Format::Table, style)
        {
            self.stderr(&text);
        }
    }

    /// A detail of the run, at `-v`.
    pub fn detail(&self, message: &str) {
        if self.verbosity > 0 {
            self.stderr(&format!("{}\n", text::line(message)));
        }
    }

    /// Reports a failure and gives its exit.
    pub fn fail(&self, failure: &Failure) -> Exit {
        self.stderr(&failure.to_string());
        failure.exit
    }

    fn stderr(&self, text: &str) {
        // Nobody is left to tell when stderr is gone.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// Whether the answer goes to a terminal.
    pub fn is_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// Columns of the terminal; `COLUMNS` wins, 200 where there is none (a pipe must not cut text).
    pub fn columns(&self) -> usize {
        let from_environment = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let from_terminal = || {
            let size = self.is_terminal().then(terminal_size::terminal_size).flatten();
            size.map(|(terminal_size::Width(columns), _)| usize::from(columns))
        };
        from_environment.or_else(from_terminal).unwrap_or(200).clamp(40, 500)
    }
}

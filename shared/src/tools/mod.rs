//! Running other programs: flux, helm, git, and the plugins beside this one. The only module that starts a process.
//!
//! There is no shell: a program is a path, arguments are a list. What runs captured has a time limit and bounded
//! output, and its standard input is empty unless something is given. It stays in the process group of the person's
//! terminal, so Ctrl-C reaches it too.

mod call;
mod error;
mod program;
mod tail;

pub use call::{Call, Environment, Output};
pub use error::ToolError;
pub use program::Program;

#[cfg(all(test, unix))]
mod tests;

//! The command line: flag groups, exit codes, failures with hints, and the two streams.

mod args;
pub mod complete;
mod exit;
mod failure;
mod name;
mod printer;

pub use args::{ConnectionArgs, OutputArgs, ScopeArgs, SourceArgs, When as ColorChoice, platform};
pub use exit::Exit;
pub use failure::{Failure, print_usage};
pub use name::display_name;
pub use printer::Printer;

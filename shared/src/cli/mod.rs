//! The command line: flag groups, exit codes, failures with hints, and the two streams.

mod args;
pub mod complete;
mod exit;
mod explain;
mod failure;
mod name;
mod printer;
mod session;

pub use args::{ConnectionArgs, OutputArgs, ScopeArgs, SourceArgs, When as ColorChoice, platform};
pub use exit::Exit;
pub use explain::{Catalogue, FindingCode, FindingCodeList, explain, explain_format};
pub use failure::{Failure, print_usage};
pub use name::display_name;
pub use printer::Printer;
pub use session::{on_cluster, runtime, to_end};

//! The command line: flag groups, exit codes, failures with hints, and the two streams.

mod args;
pub mod complete;
mod confirm;
mod contexts;
mod exit;
mod explain;
mod failure;
mod name;
mod printer;
mod program;
mod session;
mod write_args;

pub use args::{ConnectionArgs, OutputArgs, ScopeArgs, SourceArgs, When as ColorChoice, platform};
pub use confirm::{Demand, confirm};
pub use contexts::{Contexts, Look, Unread};
pub use exit::Exit;
pub use explain::{Catalogue, FindingCode, FindingCodeList, explain, explain_format};
pub use failure::{Failure, print_usage};
pub use name::display_name;
pub use printer::Printer;
pub use program::Plugin;
pub use session::{on_cluster, or_interrupted, runtime, through, to_end};
pub use write_args::{DryRun, WriteArgs, WriteSettings};

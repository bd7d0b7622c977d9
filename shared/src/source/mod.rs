//! Where objects come from when it is not a live cluster: files, folders, streams, dumps and bundles.

mod error;
mod files;
mod json;
mod layout;
mod yaml;

pub use error::SourceError;
pub use files::{Limits, read_path, read_stream};

use crate::object::Inventory;
use crate::report::View;

/// What a source gave: the records, whose view they are, and what a reader should know of them.
#[derive(Debug)]
pub struct Snapshot {
    /// The records.
    pub inventory: Inventory,
    /// Whose view this is.
    pub view: View,
    /// Things to know that are no finding: files that were passed over, warnings of the API server.
    pub notes: Vec<String>,
    /// What was wanted and could not be read, beyond the inventory's own sections: a broken file
    /// among others. With any of these the report is partial.
    pub gaps: Vec<String>,
}

//! Credentials where everybody can read them.

mod codes;
mod defaults;
mod judge;
mod key;
mod lines;
mod scan;
mod stamp;
#[cfg(test)]
mod tests;
mod tokens;
mod value;

pub(crate) use codes::CODES;
pub(crate) use lines::Dialect;
pub(crate) use scan::{document, text};
pub(crate) use stamp::Stamp;

use crate::check::Asked;
use crate::finding::Finding;

/// The findings on credentials. Those of files were made when these were read, so that no value is kept.
pub(crate) fn check(asked: &Asked<'_>) -> Vec<Finding> {
    asked.records.credentials.clone()
}

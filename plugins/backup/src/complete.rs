//! What the arguments of `backup` may be, for completion.

use mlops_shared::cli::complete::{Candidate, Table, Values};

/// The formats of every answer.
pub(crate) const FORMATS: &[&str] = &["table", "wide", "json", "yaml", "markdown", "html"];

/// The values of this plugin's own arguments. Others are known to clap, or are paths.
pub(crate) const VALUES: Table =
    &[("output", Values::From(|_| FORMATS.iter().map(|word| Candidate::new(*word, "")).collect()))];

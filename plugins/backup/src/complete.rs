//! What the arguments of `backup` may be, for completion.

use mlops_shared::cli::complete::{Candidate, Table, Typed, Values, live_names};

/// The formats of every answer.
pub(crate) const FORMATS: &[&str] = &["table", "wide", "json", "yaml", "markdown", "html"];

/// The values of this plugin's own arguments. Others are known to clap, or are paths.
pub(crate) const VALUES: Table = &[
    ("output", Values::From(|_| FORMATS.iter().map(|word| Candidate::new(*word, "")).collect())),
    ("claims", Values::From(claims)),
    ("name", Values::From(|typed| live_names(typed, "kafka.strimzi.io", "Kafka", typed.value("namespace")))),
    ("class", Values::From(|typed| live_names(typed, "snapshot.storage.k8s.io", "VolumeSnapshotClass", None))),
];

/// The claims of the namespace, which a name without one is of.
fn claims(typed: &Typed) -> Vec<Candidate> {
    match typed.value("namespace") {
        Some(namespace) => live_names(typed, "", "PersistentVolumeClaim", Some(namespace)),
        None => Vec::new(),
    }
}

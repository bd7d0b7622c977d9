//! Where objects come from when it is not a live cluster: files, folders, streams, dumps and bundles.

mod backup;
mod error;
mod files;
pub mod folder;
mod json;
mod layout;
mod yaml;

pub use error::SourceError;
pub use files::{Limits, Origin, gather, gather_stream, read_path, read_stream};

use crate::object::{Body, Decoded, Inventory, Scope, Section, Sym, TypeMeta};
use crate::report::View;
use jiff::Timestamp;
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a reader makes of one object, given its type; `None` where nothing is kept of it.
pub type Decode<'a, T> = dyn Fn(&Arc<TypeMeta>, &RawValue) -> Option<T> + 'a;

/// Takes objects as they are found; an error ends the reading.
type Take<'a> = dyn FnMut(&Arc<TypeMeta>, &RawValue) -> Result<(), String> + 'a;

/// What a source gave to a reader that makes records of its own (see [`Snapshot`] for the common
/// ones).
#[derive(Debug)]
pub struct Gathered<T> {
    /// What became of the objects, in the order in which they were found.
    pub items: Vec<T>,
    /// What was read, and what was not.
    pub sections: Vec<Section>,
    /// Whether an object that is not there is not in the cluster either.
    pub is_whole: bool,
    /// What was asked for when the source was made, where it tells; otherwise that shows in what it holds.
    pub scope: Option<Scope>,
    /// Whose view this is.
    pub view: View,
    /// As [`Snapshot::notes`].
    pub notes: Vec<String>,
    /// As [`Snapshot::warnings`].
    pub warnings: Vec<String>,
    /// As [`Snapshot::gaps`].
    pub gaps: Vec<String>,
}

impl Gathered<Decoded> {
    /// Which namespaces were read. A dump may have been taken of some only, so that those of which it holds nothing count
    /// as unread.
    pub fn sight(&self) -> Scope {
        if let Some(scope) = &self.scope {
            return scope.clone();
        }
        if !self.is_whole {
            return Scope::Cluster;
        }
        let namespaces = self.items.iter().filter_map(|item| match item {
            Decoded::Object(object) => Some(&object.meta.namespace),
            Decoded::Event(_) | Decoded::Nothing => None,
        });
        let namespaces: BTreeSet<Sym> = namespaces.filter(|namespace| !namespace.is_empty()).cloned().collect();
        Scope::Namespaces(namespaces.into_iter().collect())
    }
}

/// What a source gave: the records, whose view they are, and what a reader should know of them.
#[derive(Debug)]
pub struct Snapshot {
    /// The records.
    pub inventory: Inventory,
    /// Whose view this is.
    pub view: View,
    /// Things to know that are no finding: files that were passed over.
    pub notes: Vec<String>,
    /// What is to be said of the run itself, on standard error: warnings of the API server. No part
    /// of the report.
    pub warnings: Vec<String>,
    /// What was wanted and could not be read, beyond the inventory's own sections: a broken file
    /// among others. With any of these the report is partial.
    pub gaps: Vec<String>,
}

impl Snapshot {
    /// When the records were taken, as far as they tell: the newest renewal of a lease (nodes renew
    /// theirs every ten seconds) or the newest warning event.
    pub fn newest_sign(&self) -> Option<Timestamp> {
        let leases = self.inventory.of_kind("coordination.k8s.io", "Lease").iter();
        let renewals = leases.filter_map(|object| match &object.body {
            Body::Lease(lease) => lease.spec.renew_time.get(),
            _ => None,
        });
        renewals.chain(self.inventory.events().iter().filter_map(|event| event.last.get())).max()
    }
}

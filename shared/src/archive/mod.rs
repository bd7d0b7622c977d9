//! Backup archives: their form, and reading them within limits. `kubectl mlops backup` writes them, and every plugin
//! that reads files reads them too.
//!
//! An archive is a tar file, compressed with zstd, and encrypted with age where recipients were given; `tar`, `zstd`
//! and `age` read it too. Its entries, in this order:
//!
//! - `manifest.json`: whose state this is, when it was taken, what was read and what was not ([`Manifest`])
//! - `index.jsonl`: one line an object with path, digest, size and who would rebuild it ([`Entry`]); the manifest has
//!   the index's own digest. It depends on the cluster's state alone: the same state gives the same bytes.
//! - the objects, in the order of the index, each as canonical JSON ([`canonical`])
//!
//! The compressed stream ends with a seal: a skippable frame of zstd with the digest of all that stands before it, so
//! that no byte of an archive can change or be missing without notice.

mod canonical;
mod digest;
mod entry;
mod error;
mod identity;
mod manifest;
mod place;
mod read;
mod seal;

pub use canonical::{Json, canonical};
pub use digest::{Digest, Sha256};
pub use entry::Entry;
pub use error::{ArchiveError, Unread};
pub use identity::Identities;
pub use manifest::{Class, Cluster, FORMAT, IndexRecord, KindRecord, LeftOut, Manifest, Scope, Secrets};
pub use place::Place;
pub use read::{Each, Flow, Head, Limits, is_archive, is_encrypted, scan};
pub use seal::{MAGIC as SEAL_MAGIC, SEAL_BYTES, seal};

/// The name of the first entry.
pub const MANIFEST: &str = "manifest.json";
/// The name of the second one.
pub const INDEX: &str = "index.jsonl";

//! What an archive says of itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The form of archives that this version writes and reads.
pub const FORMAT: u32 = 1;

/// The first entry of an archive: whose state it holds, and how much of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// `mlops/v1`
    pub api_version: String,
    /// `BackupManifest`
    pub kind: String,
    /// The archive's form: 1.
    pub format: u32,
    /// The version of the tool that wrote it.
    pub tool_version: String,
    /// When reading began, RFC 3339.
    pub created_at: String,
    /// Whose state it is.
    pub cluster: Cluster,
    /// What was asked for.
    pub scope: Scope,
    /// What became of the values of Secrets.
    pub secrets: Secrets,
    /// Whether the archive was encrypted when it was written.
    pub encrypted: bool,
    /// Whether something that was asked for could not be read.
    pub partial: bool,
    /// Objects in it.
    pub objects: u64,
    /// The index: the same state of a cluster has the same digest here.
    pub index: IndexRecord,
    /// Every kind that was asked for, by group and resource.
    pub kinds: Vec<KindRecord>,
    /// Kinds that no backup holds, and why.
    pub left_out: Vec<LeftOut>,
    /// What whoever restores it should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A cluster.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cluster {
    /// The UID of its namespace kube-system; absent where that could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// The kubeconfig context that it was read through.
    pub context: String,
    /// The API server's address.
    pub server: String,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_version: Option<String>,
}

/// What was asked for; empty for all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Scope {
    /// Only these namespaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// Only objects with these labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// Only these kinds, as they were given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// Only what makes up these objects: `Kafka/data-plane/events`. Others of the same kinds were not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
}

impl Scope {
    /// Whether everything was asked for.
    pub fn is_whole(&self) -> bool {
        *self == Self::default()
    }
}

/// What becomes of the values of Secrets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Secrets {
    /// They are in the archive.
    Kept,
    /// Only the names of their keys are, with a class of length for each value.
    #[default]
    Names,
    /// No Secret is in the archive.
    Omitted,
}

/// The archive's index.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IndexRecord {
    /// Its SHA-256 digest.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
}

/// What became of a kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KindRecord {
    /// API group; empty for the core group.
    pub group: String,
    /// The version it was read in: the one that the server prefers.
    pub version: String,
    /// Kind; `*` where discovery could not name a group's kinds.
    pub kind: String,
    /// Plural name.
    pub resource: String,
    /// Objects of it in the archive.
    pub objects: u64,
    /// Objects that were read and are not in the archive, by reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<String, u64>,
    /// The resource version of its list, by namespace (empty: of the whole cluster).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub resource_versions: BTreeMap<String, String>,
    /// Its objects by who would make them again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub classes: BTreeMap<Class, u64>,
    /// Why it could not be read, or not all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// A kind that is left out on purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeftOut {
    /// API group; empty for the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Why.
    pub why: String,
}

/// Who would make an object again if it were lost.
pub use crate::ownership::Rebuilder as Class;

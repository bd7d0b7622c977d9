//! The report of a run: what was looked at, how each object is, the causes, and what could not be read.
//!
//! This is the stable JSON and YAML form (`apiVersion: mlops/v1`): adding a field is fine, changing
//! one is a new version. Texts are as the cluster wrote them; renderers for people make them safe.

use super::Level;
use crate::object::Sym;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the report's form.
pub const API_VERSION: &str = "mlops/v1";

/// One run's report on one cluster or set of files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// `mlops/v1`
    pub api_version: String,
    /// `HealthReport`, …
    pub kind: String,
    /// The instant that verdicts were made for, RFC 3339.
    pub generated_at: String,
    /// The version of the tool.
    pub tool_version: String,
    /// Whose view this is.
    pub view: View,
    /// The most urgent level of any cause, or of any gap in what was read.
    pub verdict: Level,
    /// Counts.
    pub summary: Summary,
    /// The platform's areas, in the order in which they are printed.
    pub areas: Vec<AreaSummary>,
    /// What is wrong, the cause of each once, most urgent first.
    pub causes: Vec<Cause>,
    /// Every object that was looked at.
    pub objects: Vec<Entry>,
    /// Every kind that was read, or was not.
    pub coverage: Vec<Coverage>,
    /// What the platform file's exceptions did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<ExceptionUse>,
    /// Things to know that are no finding.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Why nothing of the cluster could be read: in the list of several clusters' reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ReadError>,
}

impl Report {
    /// The report on a cluster of which nothing could be read: its verdict is unknown, and it is partial.
    pub fn unread(view: View, error: ReadError, now: Timestamp) -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "HealthReport".to_owned(),
            generated_at: now.to_string(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            view,
            verdict: Level::Unknown,
            summary: Summary { partial: true, ..Summary::default() },
            areas: Vec::new(),
            causes: Vec::new(),
            objects: Vec::new(),
            coverage: Vec::new(),
            exceptions: Vec::new(),
            notes: Vec::new(),
            error: Some(error),
        }
    }

    /// Every finding: the causes and what they explain, each with its level and code. An effect may
    /// be more urgent than its cause.
    pub fn findings(&self) -> impl Iterator<Item = (Level, &str)> {
        self.causes.iter().flat_map(|cause| {
            let effects = cause.explains.iter().map(|effect| (effect.verdict, effect.code.as_str()));
            std::iter::once((cause.verdict, cause.code.as_str())).chain(effects)
        })
    }

    /// Whether nobody can tell of something: what nobody can tell is not well.
    pub fn is_unsure(&self) -> bool {
        self.summary.partial || self.findings().any(|(level, _)| level == Level::Unknown)
    }
}

/// Why nothing of a cluster could be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReadError {
    /// What failed and on what.
    pub message: String,
    /// What would help.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

/// Whose view a report is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// `cluster` or `files`.
    pub source: String,
    /// The kubeconfig context, or the path that was read (`-` for standard input).
    pub name: String,
    /// The API server's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_version: Option<String>,
    /// The kubeconfig user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The namespaces that were looked at; empty for all.
    #[serde(default)]
    pub namespaces: Vec<String>,
    /// The platform profile that expectations come from: a path, or `built-in`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
}

impl View {
    /// The view of a cluster that could not be read: what of it was asked for.
    pub fn unread(context: String, namespaces: &[String], platform: &str) -> Self {
        Self {
            source: "cluster".to_owned(),
            name: context,
            server: None,
            server_version: None,
            user: None,
            namespaces: namespaces.to_vec(),
            platform: Some(platform.to_owned()),
        }
    }
}

/// Counts of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Objects that were looked at.
    pub objects: usize,
    /// Objects by level.
    pub levels: BTreeMap<Level, usize>,
    /// Causes.
    pub causes: usize,
    /// Findings that a cause explains.
    pub explained: usize,
    /// Whether something that was wanted could not be read.
    pub partial: bool,
}

/// One area of the platform.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AreaSummary {
    /// A stable word: `gitops`, `data-services`, …
    pub area: String,
    /// For people: `GitOps`, `Data services`, …
    pub title: String,
    /// The most urgent level in it.
    pub verdict: Level,
    /// Objects in it.
    pub objects: usize,
    /// Objects by level.
    pub levels: BTreeMap<Level, usize>,
    /// One line: what is in it (`1 Kafka cluster, 3 brokers, 12 topics`), or why nothing is known of it.
    pub line: String,
}

/// The identity of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectId {
    /// `group/version`, or `version` for the core group; the version is empty for objects that were not found.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Namespace; empty for cluster-scoped objects.
    #[serde(default)]
    pub namespace: String,
    /// Name.
    pub name: String,
}

/// One cause, and what it explains.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    /// The object at the root.
    pub object: ObjectId,
    /// How it is.
    pub verdict: Level,
    /// The kind of finding.
    pub code: String,
    /// What is wrong, with the numbers.
    pub message: String,
    /// The area that the object belongs to.
    pub area: String,
    /// Since when, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Lines that support it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// The command that looks further.
    pub command: String,
    /// Who manages the object, and so where a fix belongs; absent when nothing that was read does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_by: Option<Box<ManagedBy>>,
    /// What it explains, most urgent first.
    #[serde(default)]
    pub explains: Vec<Explained>,
}

/// Who manages an object.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagedBy {
    /// One line: who, from where, and what a change by hand is good for.
    pub summary: String,
    /// The managers, nearest first: a pod's ReplicaSet, its Deployment, a HelmRelease, a Kustomization.
    pub chain: Vec<ManagedLink>,
    /// The source that the manifests come from: a GitRepository, OCIRepository or Bucket of Flux.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<ObjectId>,
    /// Whether the source says that it cannot be fetched: then a change in it does not arrive.
    #[serde(default)]
    pub source_failing: bool,
    /// The revision of it that was applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The folder in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How often the deployer reconciles, as its spec says: `10m0s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// What becomes of a change of the deployed object by hand: `undone`, `until-upgrade`, `until-sync`,
    /// `until-resumed`, `until-applied`, `overruled` (by the owner), `unknown`.
    pub change_by_hand: String,
    /// Others whose inventories list the object too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rivals: Vec<ObjectId>,
}

/// One manager.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagedLink {
    /// Which. A Helm release that no HelmRelease makes is `Release` of `helm.sh`, which no API server knows.
    pub object: ObjectId,
    /// Why this is believed: `inventory`, `owner-reference`, `release`, `tracking`, or only a `label`.
    pub proof: String,
    /// Whether it is known not to be there.
    #[serde(default)]
    pub missing: bool,
    /// What keeps its controller off it: `spec.suspend`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
}

/// A finding that a cause explains.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explained {
    /// The object.
    pub object: ObjectId,
    /// How it is.
    pub verdict: Level,
    /// The kind of finding.
    pub code: String,
    /// What is wrong with it.
    pub message: String,
}

/// One object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// `group/version`, or `version` for the core group.
    pub api_version: Sym,
    /// Kind.
    pub kind: Sym,
    /// Namespace; empty for cluster-scoped objects.
    pub namespace: Sym,
    /// Name.
    pub name: Sym,
    /// The area that it belongs to.
    pub area: Sym,
    /// How it is.
    pub verdict: Level,
    /// The kind of finding.
    pub code: Sym,
    /// Why, in one line.
    pub message: Sym,
    /// Since when, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Lines that support it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// Lesser findings about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<Note>,
    /// The object at the root of the cause that explains it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Box<ObjectId>>,
    /// The reason of the platform file's exception that covers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exception: Option<String>,
}

/// A lesser finding about an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// Its level.
    pub verdict: Level,
    /// Its kind.
    pub code: String,
    /// What it is.
    pub message: String,
}

/// What became of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Coverage {
    /// API group; empty for the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Whether it was read.
    pub read: bool,
    /// Objects of it.
    pub objects: usize,
    /// Why it was not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Whether it was wanted, so that the report is partial without it.
    #[serde(default)]
    pub gap: bool,
    /// What would help: for a forbidden kind the Role line that grants it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// What an exception of the platform file did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExceptionUse {
    /// The code that it excepts.
    pub code: String,
    /// The objects that it excepts, as a pattern.
    pub object: String,
    /// Why.
    pub reason: String,
    /// Until when.
    pub expires: String,
    /// `used`, `unused`, `expired`, or `unknown` where no plugin has such a code.
    pub state: String,
    /// Findings that it took out of the causes.
    pub matched: usize,
}

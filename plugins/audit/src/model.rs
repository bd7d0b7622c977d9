//! The report of an audit: what was looked at, the findings, what was accepted, and what could not be checked.
//!
//! This is the stable JSON and YAML form (`apiVersion: mlops/v1`, `kind: AuditReport`): adding a field is
//! fine, changing one is a new version. No value of a Secret is ever part of it.

use crate::severity::Severity;
use jiff::Timestamp;
use mlops_shared::report::{API_VERSION, Coverage, ExceptionUse, ObjectId, ReadError, View};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One run's report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditReport {
    /// `mlops/v1`
    pub api_version: String,
    /// `AuditReport`
    pub kind: String,
    /// The instant that findings were made for, RFC 3339.
    pub generated_at: String,
    /// The version of the tool.
    pub tool_version: String,
    /// Whose view this is.
    pub view: View,
    /// Counts.
    pub summary: Summary,
    /// What is wrong, most urgent first.
    pub findings: Vec<Entry>,
    /// The checks, each with whether it could be made.
    pub checks: Vec<CheckState>,
    /// The images that run or will run, where the check of images was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<Image>,
    /// What Helm installed, or is to install, where the check of versions was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub releases: Vec<HelmRelease>,
    /// Every kind that was read, or was not.
    pub coverage: Vec<Coverage>,
    /// What the platform file's exceptions did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<ExceptionUse>,
    /// What the baseline did, where one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<BaselineUse>,
    /// Things to know that are no finding.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Why nothing could be read, where that is so; in a list of several clusters only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ReadError>,
}

impl AuditReport {
    /// The report on a cluster of which nothing could be read: each of `checks`, by name, is unknown, and it is partial.
    pub fn unread<'c>(view: View, error: ReadError, checks: impl Iterator<Item = &'c str>, now: Timestamp) -> Self {
        let unknown = |check: &str| CheckState {
            check: check.to_owned(),
            state: "unknown".to_owned(),
            why: Some(error.message.clone()),
            findings: 0,
        };
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "AuditReport".to_owned(),
            generated_at: now.to_string(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            view,
            summary: Summary { partial: true, ..Summary::default() },
            findings: Vec::new(),
            checks: checks.map(unknown).collect(),
            images: Vec::new(),
            releases: Vec::new(),
            coverage: Vec::new(),
            exceptions: Vec::new(),
            baseline: None,
            notes: Vec::new(),
            error: Some(error),
        }
    }
}

/// One image that runs or will run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// The reference as it is written.
    pub image: String,
    /// Its registry; empty where the text is no reference.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub registry: String,
    /// The objects that use it: `Kind/namespace/name`; of Helm values in a tree the file.
    pub objects: Vec<String>,
    /// The digests under which pods run it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub running: Vec<String>,
}

/// One release of Helm. A text that is not known is empty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HelmRelease {
    /// Its name in Helm.
    pub name: String,
    /// The namespace that it installs into.
    pub namespace: String,
    /// `Flux` where a HelmRelease manages it, else `Helm`.
    pub managed_by: String,
    /// The chart's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub chart: String,
    /// The chart's version that is installed; of a manifest the one that it names.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// The version of what the chart installs.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub app_version: String,
    /// Helm's word for its state: `deployed`, `failed`, `pending-upgrade`, …
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub status: String,
    /// Helm's revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// When it was deployed last, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_deployed: Option<String>,
    /// The newest version that its repository offers, where that is a newer one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<String>,
    /// How many newer versions its repository offers; absent where it was not asked, or did not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind: Option<usize>,
}

/// Counts of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Objects that were looked at.
    pub objects: usize,
    /// Files that were looked at, in a tree.
    #[serde(default)]
    pub files: usize,
    /// Findings by severity, without those that an exception, the baseline or a comment accepts.
    pub severities: BTreeMap<Severity, usize>,
    /// Findings that are accepted, by what accepts them.
    pub accepted: BTreeMap<String, usize>,
    /// Whether something that was wanted could not be read.
    pub partial: bool,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The kind of finding.
    pub code: String,
    /// How much it matters.
    pub severity: Severity,
    /// The object that it is about; without a name it is about a file.
    pub object: ObjectId,
    /// Where in the object.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The file it stands in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line there, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// What is wrong, in one line.
    pub message: String,
    /// Lines that support it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// The command that shows or mends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// What stays the same of it from run to run: what a baseline holds.
    pub fingerprint: String,
    /// What accepts it, where something does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Accepted>,
}

/// What accepts a finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    /// `exception`, `baseline` or `comment`.
    pub by: String,
    /// The reason that was given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// What became of one check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckState {
    /// Its name: `rbac`, `network`, …
    pub check: String,
    /// `done`; `partial` where not all of what it needs was read: what it found holds, and there may be
    /// more; `unknown` where nothing of it was read.
    pub state: String,
    /// Why it is not done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Findings of it.
    pub findings: usize,
}

/// What the baseline did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BaselineUse {
    /// Its path.
    pub file: String,
    /// When it was made, RFC 3339.
    pub made: String,
    /// Findings that it accepts.
    pub accepted: usize,
    /// Entries for which there is no finding any more; not known where only a part was checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<usize>,
}

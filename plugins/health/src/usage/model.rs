//! The report of `health usage`: what is used, requested, allowed and there, and what of it is a finding.
//!
//! This is the stable JSON and YAML form (`apiVersion: mlops/v1`): adding a field is fine, changing
//! one is a new version. CPU is in millicores, memory and volumes in bytes, shares in per cent.

use jiff::Timestamp;
use mlops_shared::report::{API_VERSION, Coverage, Level, ObjectId, OfCluster, ReadError, View};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One run's report on one cluster or set of files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageReport {
    /// `mlops/v1`
    pub api_version: String,
    /// `UsageReport`
    pub kind: String,
    /// The instant of the report, RFC 3339.
    pub generated_at: String,
    /// The version of the tool.
    pub tool_version: String,
    /// Whose view this is.
    pub view: View,
    /// The most urgent level of any finding; UNKNOWN at least when something could not be measured.
    pub verdict: Level,
    /// Whether something that was asked for could not be read or measured.
    pub partial: bool,
    /// The sections that were asked for: `nodes`, `volumes`, `pods`, `namespaces`, `workloads`, `devices`.
    pub sections: Vec<String>,
    /// Whence CPU and memory use come; null when no section needs it.
    pub metrics: Option<Source>,
    /// Whence the use of volumes comes; null when no section needs it.
    pub volume_statistics: Option<Source>,
    /// What is wrong, most urgent first.
    pub findings: Vec<UsageFinding>,
    /// The nodes.
    pub nodes: Vec<NodeUsage>,
    /// The claims' volumes, fullest first; those that nobody measured last.
    pub volumes: Vec<VolumeUsage>,
    /// The pods that have the most of what they were sorted by.
    pub pods: Vec<PodUsage>,
    /// What the pods were sorted by: `cpu`, `memory` or `requests`.
    pub pods_sorted_by: String,
    /// All pods that have not ended.
    pub pods_total: usize,
    /// The namespaces.
    pub namespaces: Vec<NamespaceUsage>,
    /// Workloads, those whose requests fit their use least first.
    pub workloads: Vec<WorkloadUsage>,
    /// GPUs and other extended resources.
    pub devices: Vec<DeviceUsage>,
    /// Every kind that was read, or was not.
    pub coverage: Vec<Coverage>,
    /// Things to know that are no finding.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Why nothing of the cluster could be read: in the list of several clusters' reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ReadError>,
}

impl UsageReport {
    /// The report on a cluster of which nothing could be read: its verdict is unknown, and it is partial.
    pub(crate) fn unread(view: View, error: ReadError, now: Timestamp) -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "UsageReport".to_owned(),
            generated_at: now.to_string(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            view,
            verdict: Level::Unknown,
            partial: true,
            sections: Vec::new(),
            metrics: None,
            volume_statistics: None,
            findings: Vec::new(),
            nodes: Vec::new(),
            volumes: Vec::new(),
            pods: Vec::new(),
            pods_sorted_by: String::new(),
            pods_total: 0,
            namespaces: Vec::new(),
            workloads: Vec::new(),
            devices: Vec::new(),
            coverage: Vec::new(),
            notes: Vec::new(),
            error: Some(error),
        }
    }
}

impl OfCluster for UsageReport {
    const WHAT: &'static str = "Usage";
    const LIST: &'static str = "UsageReportList";

    fn context(&self) -> &str {
        &self.view.name
    }

    fn level(&self) -> Level {
        self.verdict
    }
}

/// What became of a source of measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SourceState {
    /// It was read, and speaks of everything that it should.
    Complete,
    /// It was read, and does not speak of everything that it should.
    Incomplete,
    /// It was read, and its figures are old.
    Stale,
    /// Nobody serves it.
    NotInstalled,
    /// It is served by an extension that does not answer.
    Unavailable,
    /// The account may not read it.
    Forbidden,
    /// The files hold none of it.
    NotInFiles,
    /// It could not be read for another reason.
    Failed,
}

/// Whence measurements come, and how far they go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// What became of it.
    pub state: SourceState,
    /// The same in a line.
    pub message: String,
    /// What would help; for something forbidden the line of a ClusterRole that grants it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Nodes (or, for volumes, kubelets) that it speaks of.
    pub measured: usize,
    /// Nodes that it should speak of.
    pub wanted: usize,
    /// The oldest of its figures, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<String>,
    /// Nodes that could not be measured, with the reason of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failed>,
}

/// One node that could not be measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failed {
    /// The node.
    pub node: String,
    /// Why.
    pub why: String,
}

/// Use of one resource. What is null is not known, never zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Amounts {
    /// What is in use.
    pub used: Option<i64>,
    /// What the scheduler reserves: the effective requests of pods that have not ended.
    pub requests: Option<i64>,
    /// What limits allow at most; null where nothing bounds it. Of nodes and namespaces the sum of
    /// the limits that are set, which bounds nothing where a container has none.
    pub limits: Option<i64>,
    /// What pods may use on the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocatable: Option<i64>,
}

impl Amounts {
    /// Use as a share of what is allocatable.
    pub fn used_percent(&self) -> Option<f64> {
        percent(self.used?, self.allocatable?)
    }

    /// Requests as a share of what is allocatable.
    pub fn requests_percent(&self) -> Option<f64> {
        percent(self.requests?, self.allocatable?)
    }

    /// Limits as a share of what is allocatable.
    pub fn limits_percent(&self) -> Option<f64> {
        percent(self.limits?, self.allocatable?)
    }
}

/// `part` of `whole` in per cent; `None` when the whole is nothing.
pub(super) fn percent(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64 * 100.0)
}

/// One node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeUsage {
    /// Its name.
    pub name: String,
    /// How it is, as `health` judges it.
    pub verdict: Level,
    /// Why, in one line.
    pub message: String,
    /// Conditions that say something other than in a healthy node: `MemoryPressure`, `NotReady`; and `Cordoned`.
    pub conditions: Vec<String>,
    /// CPU.
    pub cpu: Amounts,
    /// Memory.
    pub memory: Amounts,
    /// Pods on it that have not ended; null when not all pods were read.
    pub pods: Option<usize>,
    /// Pods that it takes.
    pub max_pods: Option<i64>,
    /// The kubelet's filesystem.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filesystem: Option<Fill>,
    /// The filesystem of images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_filesystem: Option<Fill>,
    /// When its CPU and memory were measured, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured_at: Option<String>,
}

/// How full a filesystem is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Fill {
    /// Its size.
    pub capacity: Option<i64>,
    /// Bytes in use.
    pub used: Option<i64>,
    /// Bytes that can still be written.
    pub available: Option<i64>,
    /// The used share as `df` counts it: used of used and available.
    pub used_percent: Option<f64>,
    /// All inodes; null where the filesystem has no fixed number.
    pub inodes: Option<i64>,
    /// Inodes in use.
    pub inodes_used: Option<i64>,
    /// The used share of the inodes.
    pub inodes_percent: Option<f64>,
}

/// One claim and its volume.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VolumeUsage {
    /// The claim's namespace.
    pub namespace: String,
    /// The claim.
    pub claim: String,
    /// Pods that mount it and have not ended.
    pub pods: Vec<String>,
    /// The node that measured it, else the node of the first pod.
    pub node: String,
    /// Its StorageClass.
    pub storage_class: String,
    /// What the claim has by its status.
    pub claimed: Option<i64>,
    /// What was measured.
    #[serde(flatten)]
    pub fill: Fill,
    /// When, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured_at: Option<String>,
    /// How it is.
    pub verdict: Level,
    /// The kind of finding.
    pub code: String,
    /// Why, in one line.
    pub message: String,
    /// Whether a measurement was to be expected: a running pod mounts it.
    pub mounted: bool,
}

/// One pod.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodUsage {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its node; empty before it is scheduled.
    pub node: String,
    /// CPU.
    pub cpu: Amounts,
    /// Memory.
    pub memory: Amounts,
}

/// One namespace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceUsage {
    /// Its name.
    pub name: String,
    /// Pods in it that have not ended.
    pub pods: usize,
    /// Running pods of which the use is known.
    pub measured: usize,
    /// CPU; the use is that of the measured pods.
    pub cpu: Amounts,
    /// Memory; the use is that of the measured pods.
    pub memory: Amounts,
    /// Its quotas.
    pub quotas: Vec<QuotaUsage>,
}

/// One resource of one ResourceQuota.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuotaUsage {
    /// The quota.
    pub quota: String,
    /// The resource: `requests.cpu`, `pods`.
    pub resource: String,
    /// What is used of it, as the quota's status writes it.
    pub used: String,
    /// What may be used.
    pub hard: String,
    /// The used share.
    pub used_percent: Option<f64>,
}

/// One workload, at the instant of the measurement: no advice for what it needs at other times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadUsage {
    /// The kind of the top controller; `Pod` for a pod without one.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Pods that have not ended.
    pub pods: usize,
    /// Running pods of which the use is known; the amounts are sums over these alone.
    pub measured: usize,
    /// CPU.
    pub cpu: Amounts,
    /// Memory.
    pub memory: Amounts,
    /// What does not fit: `memory-over-request`, `memory-near-limit`, `memory-no-limit`,
    /// `memory-no-request`, `memory-over-requested`, `cpu-over-request`, `cpu-no-request`,
    /// `cpu-over-requested`.
    pub fit: Vec<String>,
}

/// One extended resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeviceUsage {
    /// The resource: `nvidia.com/gpu`.
    pub resource: String,
    /// Devices that pods may use, on all nodes.
    pub allocatable: i64,
    /// Devices that pods hold; null when not all pods were read.
    pub requested: Option<i64>,
    /// Devices that pods without a node ask for.
    pub waiting: i64,
    /// Pods that wait for them, `namespace/name`.
    pub waiting_pods: Vec<String>,
    /// By node.
    pub nodes: Vec<NodeDevices>,
}

/// One extended resource on one node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeDevices {
    /// The node.
    pub node: String,
    /// Devices that it has, healthy or not.
    pub capacity: i64,
    /// Devices that pods may use.
    pub allocatable: i64,
    /// Devices that pods hold; null when not all pods were read.
    pub requested: Option<i64>,
    /// Who holds them.
    pub holders: Vec<Holder>,
}

/// A pod that holds devices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Holder {
    /// Its namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// How many.
    pub count: i64,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageFinding {
    /// The object.
    pub object: ObjectId,
    /// How it is.
    pub verdict: Level,
    /// The kind of finding.
    pub code: String,
    /// What is wrong, with the numbers.
    pub message: String,
    /// Lines that support it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// The command that looks further.
    pub command: String,
}

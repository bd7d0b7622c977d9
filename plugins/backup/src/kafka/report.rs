//! What `backup kafka` reports: the stable form, and what it says to people.

use super::describe::Described;
use crate::model::BackupReport;
use mlops_shared::report::document::{Block, Cell, Column, Line, Table, Tone};
use mlops_shared::report::{Detail, Document, Level, Present, View, whose};
use mlops_shared::text;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// What Kafka clusters need to be made again, and whether it is there.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaReport {
    /// `mlops/v1`
    pub(crate) api_version: String,
    /// `KafkaBackupReport`
    pub(crate) kind: String,
    /// The instant that it holds for, RFC 3339.
    pub(crate) generated_at: String,
    /// Whose view this is.
    pub(crate) view: View,
    /// Whether something could not be read.
    pub(crate) partial: bool,
    /// The archive that was written; absent with `--check` and for files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) backup: Option<BackupReport>,
    /// The clusters.
    pub(crate) clusters: Vec<KafkaCluster>,
    /// What could not be read.
    pub(crate) gaps: Vec<String>,
    /// Things to know.
    pub(crate) notes: Vec<String>,
}

/// A Kafka cluster of Strimzi's.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaCluster {
    /// Namespace.
    pub(crate) namespace: String,
    /// Name.
    pub(crate) name: String,
    /// Kafka's version, as its status or spec says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    /// The identity that is written on every disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cluster_id: Option<String>,
    /// Whether disks may outlive the objects, so that a restore must bring the same cluster id and node ids.
    pub(crate) carries_identity: bool,
    /// Objects that belong to it, by kind.
    pub(crate) objects: BTreeMap<String, usize>,
    /// Its pools of nodes.
    pub(crate) pools: Vec<Pool>,
    /// Secrets and ConfigMaps that it needs.
    pub(crate) needed: Vec<Needed>,
    /// What is wrong, or to be known before it is relied on; the worst first.
    pub(crate) findings: Vec<KafkaFinding>,
    /// What a restore does in which order.
    pub(crate) order: Vec<String>,
    /// What is not in Kubernetes, so in no archive of it.
    pub(crate) outside: Vec<String>,
    /// What its brokers say; absent without `--describe`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) brokers: Option<Described>,
}

/// A pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pool {
    /// Name.
    pub(crate) name: String,
    /// `broker`, `controller`.
    pub(crate) roles: Vec<String>,
    /// Nodes that are wanted.
    pub(crate) replicas: i64,
    /// Ids that are in use, as the status says.
    pub(crate) node_ids: Vec<i64>,
    /// Ids that new nodes take, as the annotation `strimzi.io/next-node-ids` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) next_node_ids: Option<String>,
    /// Its volumes.
    pub(crate) volumes: Vec<PoolVolume>,
    /// Its claims, as far as they are there.
    pub(crate) claims: Vec<PoolClaim>,
}

/// A volume of each node of a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolVolume {
    /// Its id, where the storage is `jbod`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<i64>,
    /// `persistent-claim` or `ephemeral`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Its size.
    pub(crate) size: String,
    /// Whether its claim is deleted with the cluster.
    pub(crate) delete_claim: bool,
    /// Whether the metadata of KRaft is on it, as the spec says.
    pub(crate) kraft_metadata: bool,
}

/// A claim of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolClaim {
    /// Name.
    pub(crate) name: String,
    /// Its volume.
    pub(crate) volume: String,
    /// `Retain` or `Delete`; absent where volumes could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reclaim_policy: Option<String>,
}

/// A Secret or ConfigMap that the cluster needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Needed {
    /// `Secret` or `ConfigMap`.
    pub(crate) kind: String,
    /// Namespace.
    pub(crate) namespace: String,
    /// Name.
    pub(crate) name: String,
    /// What for.
    pub(crate) why: String,
    /// OK: it is there with what it must have; WARN, FAIL, UNKNOWN.
    pub(crate) level: Level,
    /// That in words.
    pub(crate) state: String,
    /// When its certificate ends, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<String>,
    /// Days until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) days_left: Option<i64>,
}

/// Something to know of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaFinding {
    /// FAIL: it could not be made again as it is; WARN; UNKNOWN.
    pub(crate) level: Level,
    /// `KIND/NAME`
    pub(crate) object: String,
    /// What.
    pub(crate) message: String,
}

impl KafkaReport {
    /// Whether a cluster could not be made again as it is.
    pub(crate) fn has_findings(&self) -> bool {
        self.clusters.iter().flat_map(|cluster| &cluster.findings).any(|finding| finding.level == Level::Fail)
    }
}

impl Present for KafkaReport {
    fn document(&self, detail: &Detail) -> Document<'_> {
        let count =
            |level| self.clusters.iter().flat_map(|it| &it.findings).filter(|finding| finding.level == level).count();
        let total = text::plural(self.clusters.len(), "Kafka cluster");
        let headline = match (count(Level::Fail), count(Level::Warn)) {
            (0, _) if self.partial => {
                Line::marked(Level::Unknown, format!("{total}; PARTIAL: not everything could be read"))
            }
            (0, 0) => Line::marked(Level::Ok, format!("{total}, everything there to be made again")),
            (0, some) => Line::marked(Level::Warn, format!("{total}, {} to know", text::plural(some, "thing"))),
            (some, _) => {
                Line::marked(Level::Fail, format!("{total}, {} against making it again", text::plural(some, "thing")))
            }
        };
        let mut document = Document::new(format!("Kafka of {}", whose(&self.view)), headline);
        if let Some(backup) = &self.backup {
            let count = usize::try_from(backup.manifest.objects).unwrap_or(usize::MAX);
            let size = crate::model::size(backup.archive_bytes);
            let line = format!("archive: {}, {}, {size}", backup.archive, text::plural(count, "object"));
            document.line(match backup.manifest.partial {
                true => Line::marked(Level::Unknown, format!("{line}; PARTIAL")),
                false => Line::plain(line),
            });
            backup.manifest.notes.iter().for_each(|note| document.line(Line::plain(format!("note: {note}"))));
        }
        self.clusters.iter().for_each(|cluster| cluster.tell(detail, &mut document));
        self.gaps.iter().for_each(|gap| document.line(Line::marked(Level::Unknown, gap.as_str())));
        self.notes.iter().for_each(|note| document.line(Line::plain(format!("note: {note}"))));
        document
    }
}

impl KafkaCluster {
    fn tell<'a>(&'a self, detail: &Detail, document: &mut Document<'a>) {
        document.blocks.push(Block::Section(format!("Kafka {}/{}", self.namespace, self.name).into()));
        let objects: Vec<String> = self.objects.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let identity = match (&self.cluster_id, self.carries_identity) {
            (Some(id), true) => format!("{id}, which a restore brings back: disks may outlive the objects"),
            (Some(id), false) => format!("{id}; no disk outlives the objects"),
            (None, _) => "not known".to_owned(),
        };
        document.blocks.push(Block::KeyValues(vec![
            ("Version".into(), Cell::or_dash(self.version.as_deref().unwrap_or_default())),
            ("Cluster id".into(), Cell::from(identity)),
            ("Objects".into(), Cell::from(objects.join(", "))),
        ]));
        for finding in self.findings.iter().take(detail.findings) {
            document.line(Line::marked(finding.level, format!("{}: {}", finding.object, finding.message)));
        }
        document.more(self.findings.len(), detail.findings);
        let mut table = Table::new([
            Column::new("POOL"),
            Column::new("ROLES"),
            Column::new("NODE IDS"),
            Column::new("STORAGE").flex(2),
            Column::new("CLAIMS").right(),
        ]);
        for pool in &self.pools {
            let ids: Vec<String> = pool.node_ids.iter().map(ToString::to_string).collect();
            let volumes: Vec<String> = pool.volumes.iter().map(PoolVolume::words).collect();
            table.row([
                Cell::toned(pool.name.as_str(), Tone::Strong),
                Cell::from(pool.roles.join("+")),
                Cell::or_dash(ids.join(",")),
                Cell::or_dash(volumes.join("; ")),
                Cell::from(pool.claims.len().to_string()),
            ]);
        }
        if !self.pools.is_empty() {
            document.heading("Pools");
            document.blocks.push(Block::Table(table));
        }
        let is_wide = detail.objects > 0;
        let shown: Vec<&Needed> =
            self.needed.iter().filter(|it| is_wide || it.level != Level::Ok || it.expires_at.is_some()).collect();
        if !shown.is_empty() {
            document.heading("Needed");
            let mut table = Table::new([
                Column::new("LEVEL"),
                Column::new("NEEDED"),
                Column::new("WHAT FOR").flex(2),
                Column::new("DAYS").right(),
                Column::new("STATE").flex(2),
            ]);
            table.omitted = shown.len().saturating_sub(detail.findings);
            for it in shown.iter().take(detail.findings) {
                table.row([
                    Cell::level(it.level),
                    Cell::toned(format!("{}/{}/{}", it.kind, it.namespace, it.name), Tone::Strong),
                    Cell::from(it.why.as_str()),
                    Cell::or_dash(it.days_left.map(|days| days.to_string()).unwrap_or_default()),
                    Cell::from(it.state.as_str()),
                ]);
            }
            document.blocks.push(Block::Table(table));
        }
        if let Some(brokers) = &self.brokers {
            document.heading("Brokers");
            brokers.tell(detail, document);
        }
        if is_wide {
            document.heading("Order of a restore");
            for (index, step) in self.order.iter().enumerate() {
                document.line(Line::faint(format!("{}. {step}", index + 1)));
            }
        }
        document.heading("Not in Kubernetes");
        document.line(Line::plain(format!("in no archive: {}", self.outside.join("; "))));
    }
}

impl PoolVolume {
    fn words(&self) -> String {
        let id = self.id.map(|id| format!("{id}: ")).unwrap_or_default();
        let metadata = if self.kraft_metadata { ", KRaft metadata" } else { "" };
        match (self.kind.as_str(), self.delete_claim) {
            ("persistent-claim", true) => format!("{id}{}, deleted with the cluster{metadata}", self.size),
            ("persistent-claim", false) => format!("{id}{}{metadata}", self.size),
            (other, _) => format!("{id}{other}{metadata}"),
        }
    }
}

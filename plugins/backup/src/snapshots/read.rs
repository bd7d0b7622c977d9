//! What is read of a cluster or of files to judge snapshots: claims, volumes, snapshots, their contents and classes.

use super::Wanted;
use super::cover::GROUP;
use crate::args::Args;
use mlops_shared::cli::{Failure, on_cluster};
use mlops_shared::cluster::{self, ClusterError, Connection, Plan};
use mlops_shared::object::{Decoded, Inventory, InventoryBuilder, Scope, SectionState, Sym, TypeMeta, decode_kept};
use mlops_shared::report::View;
use mlops_shared::source::{Gathered, Limits, Origin, gather};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The whole reading may take so long.
const BUDGET: Duration = Duration::from_secs(120);

/// Kinds that are read, and whether a report without them would be wrong.
const KINDS: [(&str, &str); 6] = [
    ("", "PersistentVolumeClaim"),
    ("", "PersistentVolume"),
    ("storage.k8s.io", "StorageClass"),
    (GROUP, "VolumeSnapshot"),
    (GROUP, "VolumeSnapshotContent"),
    (GROUP, "VolumeSnapshotClass"),
];

/// A VolumeSnapshotClass: its fields stand at the top level.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Class {
    metadata: ClassMeta,
    /// The driver that it is for.
    pub(crate) driver: String,
    /// `Delete` or `Retain`.
    pub(crate) deletion_policy: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct ClassMeta {
    name: String,
    annotations: Option<BTreeMap<String, String>>,
}

impl Class {
    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.metadata.name
    }

    /// Whether the snapshot controller takes it for its driver where none is named.
    pub(crate) fn is_default(&self) -> bool {
        let key = "snapshot.storage.kubernetes.io/is-default-class";
        self.metadata.annotations.as_ref().and_then(|all| all.get(key)).is_some_and(|it| it == "true")
    }
}

enum Record {
    Kept(Decoded),
    Class(Class),
}

fn decode(ty: &Arc<TypeMeta>, item: &RawValue) -> Option<Record> {
    if !KINDS.iter().any(|(group, kind)| *group == &*ty.group && *kind == &*ty.kind) {
        return None;
    }
    if &*ty.kind == "VolumeSnapshotClass" {
        return serde_json::from_str(item.get()).ok().map(Record::Class);
    }
    decode_kept(ty, item).map(Record::Kept)
}

/// What was read.
pub(crate) struct Seen {
    pub(crate) inventory: Inventory,
    pub(crate) classes: Vec<Class>,
    pub(crate) view: View,
    /// What could not be read, and why.
    pub(crate) gaps: Vec<String>,
    /// Whether the cluster has the kinds of snapshots; `None` where nobody can tell.
    pub(crate) serves_snapshots: Option<bool>,
    pub(crate) warnings: Vec<String>,
    pub(crate) notes: Vec<String>,
}

impl Seen {
    /// Whether all of a kind was read.
    pub(crate) fn has_read(&self, group: &str, kind: &str) -> bool {
        match self.inventory.section(group, kind) {
            Some(section) => matches!(section.state, SectionState::Read(_)),
            None => self.inventory.is_complete() && self.serves_snapshots.is_some(),
        }
    }
}

/// The namespaces that are read: those of `-n`, else those of the claims that are named; empty for all.
pub(super) fn namespaces(args: &Args, wanted: &Wanted) -> Vec<String> {
    let mut namespaces: Vec<String> = match wanted.claims.is_empty() {
        true => args.scope.namespace.clone(),
        false => wanted.claims.iter().map(|(namespace, _)| namespace.clone()).collect(),
    };
    namespaces.sort();
    namespaces.dedup();
    namespaces
}

/// Reads files or the cluster.
pub(super) fn read(args: &Args, wanted: &Wanted) -> Result<Seen, Failure> {
    let namespaces = namespaces(args, wanted);
    if let Some(path) = &args.source.from {
        let origin = Origin { path, identities: &args.source.identity };
        let gathered = gather(origin, &Limits::default(), &decode)?;
        return Ok(seen(gathered, &namespaces));
    }
    on_cluster(&args.connection, async |connection| of_cluster(connection, namespaces).await)
}

/// Reads the cluster.
pub(super) async fn of_cluster(connection: &Connection, namespaces: Vec<String>) -> Result<Seen, ClusterError> {
    let plan = Plan { namespaces, likely: Vec::new(), budget: BUDGET, kubelets: false, contents: false };
    let is_wanted = |group: &str, kind: &str| KINDS.contains(&(group, kind));
    let gathered = cluster::gather(connection, &plan, is_wanted, decode).await?;
    Ok(seen(gathered, &plan.namespaces))
}

fn seen(gathered: Gathered<Record>, namespaces: &[String]) -> Seen {
    let is_live = gathered.view.source == "cluster";
    let Gathered { items, sections, is_whole, scope, view, notes, warnings, mut gaps } = gathered;
    let names_every_kind = is_live || scope.is_some();
    let names = |kind: &str| sections.iter().any(|section| &*section.group == GROUP && &*section.kind == kind);
    // Discovery of the group may have failed.
    let is_doubtful = sections.iter().any(|section| &*section.kind == "*" && &*section.group == GROUP);
    let serves_snapshots = match names("VolumeSnapshot") {
        true => Some(true),
        false if names_every_kind && !is_doubtful => Some(false),
        false => None,
    };
    for section in &sections {
        let is_ours = KINDS.contains(&(&*section.group, &*section.kind)) || (&*section.kind == "*" && is_doubtful);
        match &section.state {
            SectionState::Read(_) => {}
            SectionState::Partly(_, _, why) | SectionState::Unread(why) if is_ours => {
                gaps.push(format!("{}: {why}", section.kind));
            }
            _ => {}
        }
    }
    if serves_snapshots.is_none() && !names("VolumeSnapshot") {
        gaps.push("VolumeSnapshot: not in what was read".to_owned());
    }
    if let Some(Scope::Namespaces(read)) = &scope {
        let outside = namespaces.iter().filter(|name| !read.iter().any(|known| **known == ***name));
        gaps.extend(outside.map(|name| format!("namespace {name} is not in what was read")));
    }
    let sight = match is_live && !namespaces.is_empty() {
        true => Scope::Namespaces(namespaces.iter().map(|name| Sym::new(name)).collect()),
        false => scope.unwrap_or_default(),
    };
    let mut builder = InventoryBuilder::new(sight, is_whole && names_every_kind);
    sections.into_iter().for_each(|section| builder.section(section));
    let mut classes = Vec::new();
    for item in items {
        match item {
            Record::Kept(decoded) => builder.push(decoded),
            Record::Class(class) => classes.push(class),
        }
    }
    classes.sort_by(|one, two| one.name().cmp(two.name()));
    Seen { inventory: builder.finish(), classes, view, gaps, serves_snapshots, warnings, notes }
}

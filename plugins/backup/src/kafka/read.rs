//! What is read for a report on Kafka clusters: objects of Strimzi, claims and volumes, and of Secrets the names of their keys and
//! how long their certificate holds.

use super::{STRIMZI, certificate};
use crate::args::Args;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use mlops_shared::cli::{Failure, on_cluster};
use mlops_shared::cluster::{self, ClusterError, Connection, Plan};
use mlops_shared::object::{
    Decoded, Inventory, InventoryBuilder, Object, Scope, Section, SectionState, Sym, TypeMeta, decode_kept,
};
use mlops_shared::report::View;
use mlops_shared::source::{Gathered, Limits, Origin, gather};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// The whole reading may take so long.
const BUDGET: Duration = Duration::from_secs(120);

/// A Secret without its values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Secret {
    /// Keys that have a value.
    pub(crate) keys: BTreeSet<String>,
    /// When the certificate under `ca.crt` or `user.crt` ends.
    pub(crate) ends: BTreeMap<String, Timestamp>,
    /// Values that stand where a certificate should, and are none.
    pub(crate) broken: BTreeSet<String>,
    /// Whether it stands there without any data: it is empty, or whoever wrote the file left the data out.
    pub(crate) is_bare: bool,
}

pub(crate) enum Record {
    Kept(Decoded),
    Secret((String, String), Secret),
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Wire<'a> {
    metadata: Named,
    #[serde(borrow)]
    data: Option<BTreeMap<String, Option<Cow<'a, str>>>>,
    /// In an archive without values: keys with a class of length.
    mlops_values: Option<BTreeMap<String, serde::de::IgnoredAny>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Named {
    namespace: Option<String>,
    name: String,
}

/// Keys under which a certificate stands that is looked into.
const CERTIFICATES: [&str; 2] = ["ca.crt", "user.crt"];

fn decode(ty: &Arc<TypeMeta>, item: &RawValue) -> Option<Record> {
    match (&*ty.group, &*ty.kind) {
        ("", "Secret") => {
            let wire: Wire<'_> = serde_json::from_str(item.get()).ok()?;
            let is_bare = wire.data.is_none() && wire.mlops_values.is_none();
            let mut secret = Secret { is_bare, ..Secret::default() };
            for (key, value) in wire.data.unwrap_or_default() {
                let Some(value) = value.filter(|value| !value.is_empty()) else { continue };
                if CERTIFICATES.contains(&key.as_str()) {
                    match end(&value) {
                        Some(end) => drop(secret.ends.insert(key.clone(), end)),
                        None => drop(secret.broken.insert(key.clone())),
                    }
                }
                secret.keys.insert(key);
            }
            secret.keys.extend(wire.mlops_values.unwrap_or_default().into_keys());
            Some(Record::Secret((wire.metadata.namespace.unwrap_or_default(), wire.metadata.name), secret))
        }
        ("", "ConfigMap" | "PersistentVolumeClaim" | "PersistentVolume") | (STRIMZI, _) => {
            decode_kept(ty, item).map(Record::Kept)
        }
        _ => None,
    }
}

/// When the first certificate of a PEM in base64 ends.
fn end(value: &str) -> Option<Timestamp> {
    certificate::end(&STANDARD.decode(value).ok()?)
}

/// What was read.
pub(crate) struct Seen {
    pub(crate) inventory: Inventory,
    pub(crate) secrets: BTreeMap<(String, String), Secret>,
    /// Namespaces whose Secrets were read; all for `None`.
    secrets_of: Option<Vec<String>>,
    pub(crate) view: View,
    pub(crate) gaps: Vec<String>,
    pub(crate) warnings: Vec<String>,
    pub(crate) notes: Vec<String>,
}

impl Seen {
    /// Objects of a kind of Strimzi's.
    pub(crate) fn of_kind(&self, kind: &str) -> &[Object] {
        self.inventory.of_kind(STRIMZI, kind)
    }

    /// Whether a Secret that is not here is not there.
    pub(crate) fn has_secrets_of(&self, namespace: &str) -> bool {
        self.secrets_of.as_ref().is_none_or(|known| known.iter().any(|name| name == namespace))
    }
}

/// Kinds of the first reading.
fn is_first(group: &str, kind: &str) -> bool {
    group == STRIMZI || (group.is_empty() && matches!(kind, "PersistentVolumeClaim" | "PersistentVolume"))
}

/// Reads files or the cluster. In a cluster Secrets are listed only in the namespaces that have to do with Kafka.
pub(super) fn read(args: &Args) -> Result<Seen, Failure> {
    if let Some(path) = &args.source.from {
        let origin = Origin { path, identities: &args.source.identity };
        return Ok(of_files(gather(origin, &Limits::default(), &decode)?));
    }
    on_cluster(&args.connection, async |connection| of_cluster(connection, &args.scope.namespace).await)
}

fn of_files(gathered: Gathered<Record>) -> Seen {
    let has_secrets = gathered.sections.iter().any(|section| is(section, "", "Secret") && is_read(section));
    let secrets_of = match &gathered.scope {
        _ if !has_secrets => Some(Vec::new()),
        Some(Scope::Namespaces(names)) => Some(names.iter().map(ToString::to_string).collect()),
        Some(Scope::Cluster) => None,
        None if gathered.is_whole => None,
        // In a pile of manifests a kind counts as read where some object of it is.
        None => {
            let of = |item: &Record| match item {
                Record::Secret((namespace, _), _) => Some(namespace.clone()),
                Record::Kept(_) => None,
            };
            Some(gathered.items.iter().filter_map(of).collect())
        }
    };
    let mut gaps = Vec::new();
    gap("Kafka", &gathered.sections, &mut gaps);
    let is_whole = gathered.is_whole;
    let scope = gathered.scope.clone().unwrap_or_default();
    seen(gathered, (scope, is_whole), secrets_of, gaps)
}

fn is(section: &Section, group: &str, kind: &str) -> bool {
    &*section.group == group && &*section.kind == kind
}

fn is_read(section: &Section) -> bool {
    matches!(section.state, SectionState::Read(_))
}

/// What of the kinds that matter was not read whole.
fn gap(kind: &str, sections: &[Section], gaps: &mut Vec<String>) {
    if !sections.iter().any(|section| is(section, STRIMZI, kind) || is(section, STRIMZI, "*")) {
        gaps.push(format!("{kind}: not in what was read"));
    }
    for section in sections.iter().filter(|section| &*section.group == STRIMZI || section.group.is_empty()) {
        // Volumes say more of claims, and have no namespace: who asked for one may not see them.
        if is(section, "", "PersistentVolume") {
            continue;
        }
        gaps.extend(section.state.gap().map(|why| format!("{}: {why}", section.kind)));
    }
}

async fn of_cluster(connection: &Connection, namespaces: &[String]) -> Result<Seen, ClusterError> {
    let plan = |namespaces: Vec<String>, contents| Plan {
        namespaces,
        likely: Vec::new(),
        budget: BUDGET,
        kubelets: false,
        contents,
    };
    let first = plan(namespaces.to_vec(), false);
    let mut gathered = cluster::gather(connection, &first, is_first, decode).await?;
    let mut gaps = Vec::new();
    gap("Kafka", &gathered.sections, &mut gaps);
    let places: BTreeSet<String> = gathered
        .items
        .iter()
        .filter_map(|item| match item {
            Record::Kept(Decoded::Object(object)) if &*object.ty.group == STRIMZI => {
                Some(object.meta.namespace.to_string())
            }
            _ => None,
        })
        .collect();
    let mut places: Vec<String> = places.into_iter().collect();
    if !places.is_empty() {
        let second = plan(places.clone(), true);
        let is_held = |group: &str, kind: &str| group.is_empty() && matches!(kind, "Secret" | "ConfigMap");
        let held = cluster::gather(connection, &second, is_held, decode).await?;
        if !held.sections.iter().any(|section| is(section, "", "Secret") && is_read(section)) {
            places.clear();
        }
        for section in &held.sections {
            if let SectionState::Partly(_, _, why) | SectionState::Unread(why) = &section.state {
                gaps.push(format!("{}: {why}", section.kind));
            }
        }
        gathered.items.extend(held.items);
        gathered.sections.extend(held.sections);
    }
    let scope = match namespaces {
        [] => Scope::Cluster,
        some => Scope::Namespaces(some.iter().map(|name| Sym::new(name)).collect()),
    };
    Ok(seen(gathered, (scope, true), Some(places), gaps))
}

fn seen(
    gathered: Gathered<Record>,
    (scope, is_whole): (Scope, bool),
    secrets_of: Option<Vec<String>>,
    mut gaps: Vec<String>,
) -> Seen {
    let Gathered { items, sections, view, notes, warnings, gaps: broken, .. } = gathered;
    gaps.extend(broken);
    let mut builder = InventoryBuilder::new(scope, is_whole);
    sections.into_iter().for_each(|section| builder.section(section));
    let mut secrets = BTreeMap::new();
    for item in items {
        match item {
            Record::Kept(decoded) => builder.push(decoded),
            Record::Secret(name, secret) => drop(secrets.insert(name, secret)),
        }
    }
    Seen { inventory: builder.finish(), secrets, secrets_of, view, gaps, warnings, notes }
}

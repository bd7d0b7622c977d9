//! `backup diff`: what changed from one archive to another, or to the live cluster, field by field. Values of Secrets
//! and of fields that are called like credentials are never shown, only that they changed.

use crate::args::{Args, DiffArgs};
use crate::compare::{Field, compare};
use crate::storage::Storage;
use crate::verify::broken;
use mlops_shared::archive::{Digest, Flow, Identities, Limits, Manifest, Place, Scope, Secrets, scan};
use mlops_shared::cli::{Failure, on_cluster};
use mlops_shared::cluster::{ClusterError, Items, Order, Reading, ServedKind, collect};
use mlops_shared::report::document::{Block, Cell, Column, Line, Table, Tone};
use mlops_shared::report::{API_VERSION, Detail, Document, Level, Present};
use mlops_shared::text;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// So many bytes of objects that differ are held to compare them field by field.
const HELD: usize = 48 << 20;
/// Reading a cluster may take so long.
const BUDGET: Duration = Duration::from_secs(1800);

/// What changed.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiffReport {
    /// `mlops/v1`
    pub(crate) api_version: String,
    /// `BackupDiff`
    pub(crate) kind: String,
    /// The older side: an archive's path.
    pub(crate) from: String,
    /// The newer side: an archive's path, or `live`.
    pub(crate) to: String,
    /// Whether some kind could not be read on a side, or was not asked for there: of it nothing is said.
    pub(crate) partial: bool,
    /// Objects that are on the newer side only.
    pub(crate) added: Vec<Named>,
    /// Objects that are on the older side only.
    pub(crate) removed: Vec<Named>,
    /// Objects that are on both and differ.
    pub(crate) changed: Vec<Changed>,
    /// Things to know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) notes: Vec<String>,
}

/// An object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Named {
    /// API group; empty for the core group.
    pub(crate) group: String,
    /// Plural name of its kind.
    pub(crate) resource: String,
    /// Namespace; empty for cluster-scoped objects.
    pub(crate) namespace: String,
    /// Name.
    pub(crate) name: String,
}

/// An object that differs.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// Which.
    pub(crate) object: Named,
    /// What differs; empty where there are too many objects to look into each.
    pub(crate) fields: Vec<Field>,
}

impl Named {
    fn of(path: &str) -> Self {
        let place = Place::parse(path).unwrap_or_else(|| Place {
            group: String::new(),
            resource: String::new(),
            namespace: String::new(),
            name: path.to_owned(),
        });
        Self { group: place.group, resource: place.resource, namespace: place.namespace, name: place.name }
    }

    /// `deployments.apps data-plane/web`.
    fn label(&self) -> String {
        let resource =
            if self.group.is_empty() { self.resource.clone() } else { format!("{}.{}", self.resource, self.group) };
        if self.namespace.is_empty() {
            format!("{resource} {}", self.name)
        } else {
            format!("{resource} {}/{}", self.namespace, self.name)
        }
    }
}

/// One side: what is there, and which kinds are known whole.
#[derive(Default)]
struct Side {
    objects: BTreeMap<Box<str>, Digest>,
    /// Group and plural name of what was read to its end.
    known: BTreeSet<(String, String)>,
    secrets: Secrets,
    /// The bytes of objects that differ from the other side.
    held: BTreeMap<Box<str>, Vec<u8>>,
}

/// What a side would have, if it were there.
struct Asked<'a> {
    namespaces: &'a [String],
    /// Whether it was asked for some labels, and the other side for others: nothing is known then.
    is_blind: bool,
}

impl<'a> Asked<'a> {
    /// Of this scope, beside that of the other side.
    fn of(scope: &'a Scope, other: &Scope) -> Self {
        Self { namespaces: &scope.namespaces, is_blind: scope.selector.is_some() && scope.selector != other.selector }
    }

    fn has(&self, path: &str) -> bool {
        let place = Named::of(path);
        let is_namespace = place.group.is_empty() && place.resource == "namespaces";
        let within = if is_namespace { &place.name } else { &place.namespace };
        !self.is_blind && (self.namespaces.is_empty() || self.namespaces.contains(within))
    }
}

/// Runs the command.
pub(crate) fn run(args: &Args, diff: &DiffArgs) -> Result<DiffReport, Failure> {
    let identities = Identities::read(&args.source.identity).map_err(|error| broken(&diff.from, &error))?;
    let storage = Storage::new(&args.s3);
    let (mut old, manifest) = heads(&storage, &diff.from, &identities)?;
    let is_live = diff.to.as_os_str() == "live";
    let mut notes = Vec::new();
    let (mut is_other_chosen, mut other_scope) = (false, manifest.scope.clone());
    let mut new = if is_live {
        live(args, &manifest, &old)?
    } else {
        let (side, other) = heads(&storage, &diff.to, &identities)?;
        if manifest.cluster.uid.is_some() && other.cluster.uid.is_some() && manifest.cluster.uid != other.cluster.uid {
            notes.push("these are two clusters: their kube-system have different UIDs".to_owned());
        }
        is_other_chosen = other.scope.of.is_some();
        if manifest.scope != other.scope {
            notes.push("the backups were asked for different things: only what both know is compared".to_owned());
        }
        other_scope = other.scope;
        side
    };
    let known: BTreeSet<(String, String)> = old.known.intersection(&new.known).cloned().collect();
    let partial = old.known.union(&new.known).count() > known.len();
    // What makes up an object is chosen anew each time: what only one side has may not have been asked for on the other.
    let is_chosen = manifest.scope.of.is_some() || is_other_chosen;
    if is_chosen {
        notes.push("one side has only what makes up some objects: what the other has beside it is not told".to_owned());
    }
    let mut differing: BTreeSet<Box<str>> = BTreeSet::new();
    let (mut added, mut removed) = (Vec::new(), Vec::new());
    let (from, to) = (Asked::of(&manifest.scope, &other_scope), Asked::of(&other_scope, &manifest.scope));
    let is_known = |path: &str| {
        let named = Named::of(path);
        known.contains(&(named.group, named.resource))
    };
    for (path, digest) in old.objects.iter().filter(|(path, _)| is_known(path)) {
        match new.objects.get(path) {
            None if is_other_chosen || !to.has(path) => {}
            None => removed.push(Named::of(path)),
            Some(other) if other != digest => drop(differing.insert(path.clone())),
            Some(_) => {}
        }
    }
    let is_whole = manifest.scope.of.is_none();
    let is_new = |path: &str| is_whole && is_known(path) && from.has(path) && !old.objects.contains_key(path);
    added.extend(new.objects.keys().filter(|path| is_new(path)).map(|path| Named::of(path)));
    hold(&storage, &diff.from, &identities, &differing, &mut old)?;
    if !is_live {
        hold(&storage, &diff.to, &identities, &differing, &mut new)?;
    }
    if old.secrets != new.secrets && differing.iter().any(|path| path.starts_with("objects/core/secrets/")) {
        notes.push("one side has no values of Secrets: they are compared by their length class".to_owned());
    }
    let mut changed = Vec::new();
    let mut unseen = 0;
    for path in &differing {
        let (Some(one), Some(two)) = (old.held.get(path), new.held.get(path)) else {
            unseen += 1;
            changed.push(Changed { object: Named::of(path), fields: Vec::new() });
            continue;
        };
        let is_secret = path.starts_with("objects/core/secrets/");
        let fields = compare(one, two, is_secret, diff.status);
        if !fields.is_empty() {
            changed.push(Changed { object: Named::of(path), fields });
        }
    }
    if unseen > 0 {
        notes
            .push(format!("{} differ and were not looked into, for they are too many", text::plural(unseen, "object")));
    }
    Ok(DiffReport {
        api_version: API_VERSION.to_owned(),
        kind: "BackupDiff".to_owned(),
        from: diff.from.display().to_string(),
        to: diff.to.display().to_string(),
        partial,
        added,
        removed,
        changed,
        notes,
    })
}

/// What an archive's index says.
fn heads(storage: &Storage<'_>, path: &Path, identities: &Identities) -> Result<(Side, Manifest), Failure> {
    let mut side = Side::default();
    let mut told = None;
    let input = BufReader::new(storage.open(path)?);
    let head = &mut |manifest: &Manifest, entries: &[mlops_shared::archive::Entry]| {
        side.secrets = manifest.secrets;
        side.objects = entries.iter().map(|entry| (entry.path.clone(), entry.digest)).collect();
        let whole = manifest.kinds.iter().filter(|kind| kind.failure.is_none());
        side.known = whole.map(|kind| (kind.group.clone(), kind.resource.clone())).collect();
        if manifest.secrets == Secrets::Omitted {
            side.known.remove(&(String::new(), "secrets".to_owned()));
        }
        told = Some(manifest.clone());
        Ok(Flow::Stop)
    };
    scan(input, identities, &Limits::default(), head, &mut |_, _| Ok(Flow::Stop))
        .map_err(|error| broken(path, &error))?;
    let manifest = told.ok_or_else(|| Failure::usage(format!("{} has no manifest", path.display())))?;
    Ok((side, manifest))
}

/// Reads an archive to its end and keeps what differs, as much of it as may be held.
fn hold(
    storage: &Storage<'_>,
    path: &Path,
    identities: &Identities,
    differing: &BTreeSet<Box<str>>,
    side: &mut Side,
) -> Result<(), Failure> {
    let mut bytes = 0;
    let input = BufReader::with_capacity(1 << 16, storage.open(path)?);
    let each = &mut |entry: &mlops_shared::archive::Entry, content: &[u8]| {
        if differing.contains(&entry.path) && bytes + content.len() <= HELD {
            bytes += content.len();
            side.held.insert(entry.path.clone(), content.to_vec());
        }
        Ok(Flow::Continue)
    };
    scan(input, identities, &Limits::default(), &mut |_, _| Ok(Flow::Continue), each)
        .map_err(|error| broken(path, &error))
}

/// Objects of a page: path, digest, and the bytes of those that differ from the archive's.
type Objects = Vec<(Box<str>, Digest, Option<Vec<u8>>)>;

/// What the cluster has now, of what the archive was asked for.
fn live(args: &Args, manifest: &Manifest, old: &Side) -> Result<Side, Failure> {
    let scope = &manifest.scope;
    let order = Order { namespaces: scope.namespaces.clone(), selector: scope.selector.clone(), budget: BUDGET };
    let maker = crate::page::Maker::new(Secrets::Kept, crate::secret::Redaction::new(None));
    let maker = Arc::new(maker.map_err(|error| Failure::unchecked(format!("failed to start: {error}")))?);
    let archived: Arc<BTreeMap<Box<str>, Digest>> = Arc::new(old.objects.clone());
    // Only what was read then can be compared now.
    let wants = |kind: &ServedKind| old.known.contains(&(kind.ty.group.to_string(), kind.resource.clone()));
    let mut found: BTreeMap<(String, String), Objects> = BTreeMap::new();
    let mut held = 0;
    let mut keep = |kind: &ServedKind, page: Option<Objects>| {
        let key = (kind.ty.group.to_string(), kind.resource.clone());
        match page {
            None => drop(found.remove(&key)),
            Some(page) => {
                let kept = found.entry(key).or_default();
                for (path, digest, bytes) in page {
                    let bytes = bytes.filter(|bytes| held + bytes.len() <= HELD);
                    held += bytes.as_ref().map_or(0, Vec::len);
                    kept.push((path, digest, bytes));
                }
            }
        }
        Ok::<(), ClusterError>(())
    };
    let decode = move |kind: &ServedKind, page: Items<'_>| -> Result<Objects, ClusterError> {
        let differs = |path: &str, digest: Digest| archived.get(path).is_some_and(|known| *known != digest);
        let objects = maker.objects(kind, page)?.into_iter().map(|(path, bytes)| {
            let digest = Digest::of(&bytes);
            let kept = differs(&path, digest).then_some(bytes);
            (path, digest, kept)
        });
        Ok(objects.collect())
    };
    let collected = on_cluster(&args.connection, async |connection| {
        collect(connection, &order, Reading { wants: &wants, decode: Arc::new(decode), keep: &mut keep }).await
    })?;
    let mut side = Side { secrets: Secrets::Kept, ..Side::default() };
    for outcome in collected.kinds.iter().filter(|outcome| outcome.failure.is_none()) {
        let key = (outcome.kind.ty.group.to_string(), outcome.kind.resource.clone());
        for (path, digest, bytes) in found.remove(&key).unwrap_or_default() {
            side.held.extend(bytes.map(|bytes| (path.clone(), bytes)));
            side.objects.insert(path, digest);
        }
        side.known.insert(key);
    }
    Ok(side)
}

impl DiffReport {
    /// Whether anything differs.
    pub(crate) fn is_different(&self) -> bool {
        !self.added.is_empty() || !self.removed.is_empty() || !self.changed.is_empty()
    }
}

impl Present for DiffReport {
    fn document(&self, _: &Detail) -> Document<'_> {
        let what = match self.is_different() {
            false => "no difference".to_owned(),
            true => {
                format!("{} added, {} removed, {} changed", self.added.len(), self.removed.len(), self.changed.len())
            }
        };
        let headline = match self.partial {
            true => Line::marked(Level::Unknown, format!("{what}; PARTIAL: not everything could be compared")),
            false => Line::plain(what),
        };
        let mut document = Document::new(format!("From {} to {}", self.from, self.to), headline);
        for (heading, objects) in [("Added", &self.added), ("Removed", &self.removed)] {
            if !objects.is_empty() {
                document.heading(heading);
                objects.iter().for_each(|object| document.line(Line::plain(object.label())));
            }
        }
        if !self.changed.is_empty() {
            document.heading("Changed");
            let mut table = Table::new([
                Column::new("OBJECT"),
                Column::new("FIELD"),
                Column::new("FROM").flex(2),
                Column::new("TO").flex(2),
            ]);
            for changed in &self.changed {
                let label = changed.object.label();
                if changed.fields.is_empty() {
                    table.row([
                        Cell::toned(label.clone(), Tone::Strong),
                        Cell::from("-"),
                        Cell::from("-"),
                        Cell::from("-"),
                    ]);
                }
                for field in &changed.fields {
                    table.row([
                        Cell::toned(label.clone(), Tone::Strong),
                        Cell::from(field.field.as_str()),
                        Cell::or_dash(field.before.as_deref().unwrap_or_default()),
                        Cell::or_dash(field.after.as_deref().unwrap_or_default()),
                    ]);
                }
            }
            table.filter = true;
            document.blocks.push(Block::Table(table));
        }
        for note in &self.notes {
            document.line(Line::plain(format!("note: {note}")));
        }
        document
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_side_was_not_asked_for_is_not_missed_there() {
        let whole = Scope::default();
        let one = Scope { namespaces: vec!["data".to_owned()], ..Scope::default() };
        let labelled = |text: &str| Scope { selector: Some(text.to_owned()), ..Scope::default() };
        let (within, beside) = ("objects/core/secrets/data/x.json", "objects/core/secrets/other/x.json");
        let has = |scope: &Scope, other: &Scope, path: &str| Asked::of(scope, other).has(path);
        assert!(has(&whole, &one, within) && has(&whole, &one, beside));
        assert!(has(&one, &whole, within) && !has(&one, &whole, beside));
        assert!(has(&one, &whole, "objects/core/namespaces/_cluster/data.json"));
        assert!(!has(&one, &whole, "objects/core/namespaces/_cluster/other.json"));
        assert!(!has(&labelled("a=b"), &whole, within) && has(&whole, &labelled("a=b"), within));
        assert!(has(&labelled("a=b"), &labelled("a=b"), within));
    }
}

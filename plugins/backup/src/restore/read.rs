//! What a restore reads: the archive, from its first byte to its last before anything is written, and what the cluster
//! has of it.

use super::apply::{AT_A_TIME, place_of};
use super::fields::{self, Context, comparable, must_pause};
use super::head::Head;
use super::plan::{Cluster, Digests, Live, target};
use crate::show::{Wanted, absent};
use crate::spool::{Piece, Spool};
use crate::storage::Storage;
use crate::verify::broken;
use futures::StreamExt as _;
use mlops_shared::archive::{ArchiveError, Digest, Entry, Flow, Identities, Limits, Manifest, Place, scan};
use mlops_shared::cli::Failure;
use mlops_shared::cluster::{
    ClusterError, Collected, Connection, DecodeItem, Items, Order, Reading, ServedKind, collect, object, selected,
};
use mlops_shared::object::Selector;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Reading the cluster may take so long.
const BUDGET: Duration = Duration::from_secs(1800);

/// Which objects of the archive are asked for.
#[derive(Default)]
pub(crate) struct Selection {
    /// In these namespaces; empty for all.
    pub(crate) namespaces: Vec<String>,
    pub(crate) labels: Option<Selector>,
    /// Of these kinds and names; empty for all.
    pub(crate) wanted: Vec<Wanted>,
}

/// An archive that was read whole.
pub(crate) struct Archive {
    pub(crate) manifest: Manifest,
    /// Every object.
    pub(crate) heads: Vec<Head>,
    /// Paths of those that are asked for.
    pub(crate) selected: BTreeSet<Box<str>>,
    /// Paths of those that are asked for by their names.
    pub(crate) named: BTreeSet<Box<str>>,
    spool: Spool,
    pieces: HashMap<Box<str>, Piece>,
}

/// What is kept of an archive while it is scanned.
pub(crate) struct Gathering<'a> {
    selection: &'a Selection,
    /// Of each word of the selection, the kinds that it means in this archive.
    kinds: Vec<Vec<(String, String)>>,
    manifest: Option<Manifest>,
    heads: Vec<Head>,
    selected: BTreeSet<Box<str>>,
    named: BTreeSet<Box<str>>,
    spool: Spool,
    pieces: HashMap<Box<str>, Piece>,
    /// Why the spool took no more.
    disk: Option<Failure>,
}

impl<'a> Gathering<'a> {
    /// # Errors
    /// When the folder for temporary files takes none.
    pub(crate) fn new(selection: &'a Selection) -> Result<Self, Failure> {
        Ok(Self {
            selection,
            kinds: Vec::new(),
            manifest: None,
            heads: Vec::new(),
            selected: BTreeSet::new(),
            named: BTreeSet::new(),
            spool: Spool::new(&std::env::temp_dir())?,
            pieces: HashMap::new(),
            disk: None,
        })
    }

    /// The head of the archive comes first.
    pub(crate) fn head(&mut self, manifest: &Manifest) {
        self.kinds = self.selection.wanted.iter().map(|wanted| wanted.kinds(manifest)).collect();
        self.manifest = Some(manifest.clone());
    }

    /// Takes an object.
    ///
    /// # Errors
    /// When it is none, or the spool takes no more: then [`Gathering::failure`] says why.
    pub(crate) fn object(&mut self, entry: &Entry, bytes: &[u8]) -> Result<(), ArchiveError> {
        let no_object = || ArchiveError::Foreign(format!("{} is no object", entry.path));
        let object: Value = serde_json::from_slice(bytes).map_err(|_| no_object())?;
        let head = Head::new(entry, &object);
        let is_asked = self.selection.fits(&head, &self.kinds);
        let is_ground = head.defines.is_some() || head.is_kept_volume || head.is_namespace();
        if is_asked || is_ground {
            match self.spool.put(bytes.to_vec()) {
                Ok(piece) => drop(self.pieces.insert(entry.path.clone(), piece)),
                Err(failure) => {
                    self.disk = Some(failure);
                    return Err(no_object());
                }
            }
        }
        if is_asked {
            self.selected.insert(entry.path.clone());
        }
        if is_asked && self.selection.names(&head, &self.kinds) {
            self.named.insert(entry.path.clone());
        }
        self.heads.push(head);
        Ok(())
    }

    /// What ended the scan with this error: that the spool took no more, or the archive.
    pub(crate) fn failure(self, path: &Path, error: &ArchiveError) -> Failure {
        self.disk.unwrap_or_else(|| broken(path, error))
    }

    /// The archive, after a scan to its end.
    ///
    /// # Errors
    /// When a word names nothing in the archive.
    pub(crate) fn finish(self, path: &Path) -> Result<Archive, Failure> {
        let Self { selection, kinds, manifest, heads, selected, named, spool, pieces, disk: _ } = self;
        let manifest = manifest.ok_or_else(|| Failure::usage(format!("{} has no manifest", path.display())))?;
        for (wanted, kinds) in selection.wanted.iter().zip(&kinds) {
            if !heads.iter().any(|head| wanted.fits(&head.place, kinds)) {
                return Err(absent(wanted, &manifest));
            }
        }
        let is_of =
            |head: &Head, name: &str| head.place.namespace == name || (head.is_namespace() && head.place.name == name);
        if let Some(name) = selection.namespaces.iter().find(|name| !heads.iter().any(|head| is_of(head, name))) {
            return Err(Failure::usage(format!("{} has nothing of namespace {name}", path.display()))
                .hint("`kubectl mlops backup show ARCHIVE namespaces` lists those that it has"));
        }
        if selected.is_empty() && !selection.wanted.is_empty() {
            return Err(Failure::usage(format!("nothing of {} is all that the command line asks for", path.display()))
                .hint("with -n nothing is restored that has no namespace"));
        }
        Ok(Archive { manifest, heads, selected, named, spool, pieces })
    }
}

impl Archive {
    /// Reads an archive, checks all of it, and keeps what may be restored, encrypted, in a file without a name.
    ///
    /// # Errors
    /// When it does not open or is damaged, or a word names nothing in it.
    pub(crate) fn read(
        storage: &Storage<'_>,
        path: &Path,
        identities: &Identities,
        selection: &Selection,
    ) -> Result<Self, Failure> {
        Self::of(BufReader::with_capacity(1 << 16, storage.open(path)?), path, identities, selection)
    }

    /// As [`Archive::read`], of a stream that is called like this.
    ///
    /// # Errors
    /// As [`Archive::read`].
    pub(crate) fn of(
        input: impl BufRead,
        path: &Path,
        identities: &Identities,
        selection: &Selection,
    ) -> Result<Self, Failure> {
        let gathering = RefCell::new(Gathering::new(selection)?);
        let scanned = scan(
            input,
            identities,
            &Limits::default(),
            &mut |manifest, _| {
                gathering.borrow_mut().head(manifest);
                Ok(Flow::Continue)
            },
            &mut |entry, bytes| gathering.borrow_mut().object(entry, bytes).map(|()| Flow::Continue),
        );
        let gathering = gathering.into_inner();
        match scanned {
            Ok(()) => gathering.finish(path),
            Err(error) => Err(gathering.failure(path, &error)),
        }
    }

    /// The object at a path.
    ///
    /// # Errors
    /// When the disk does not give it back.
    pub(crate) fn object(&mut self, path: &str) -> Result<Value, Failure> {
        let piece = self.pieces.get(path).copied();
        let piece = piece.ok_or_else(|| Failure::unchecked(format!("{path} was not kept")))?;
        serde_json::from_slice(&self.spool.get(piece)?).map_err(|_| Failure::unchecked(format!("{path} is no object")))
    }

    /// Volumes that claims may be bound to again.
    pub(crate) fn volumes(&self) -> BTreeSet<String> {
        let kept = self.heads.iter().filter(|head| head.is_kept_volume && head.never.is_none());
        kept.map(|head| head.place.name.clone()).collect()
    }

    /// The comparable digests of what the cluster has too, as it is in the archive, and as a run makes it where that is
    /// not the same.
    ///
    /// # Errors
    /// As [`Archive::object`].
    pub(crate) fn digests(&mut self, cluster: &Cluster, context: &Context) -> Result<(Digests, Digests), Failure> {
        let is_there = |head: &&Head| {
            let path = target(&head.place, context).path();
            self.pieces.contains_key(&head.path) && cluster.objects.contains_key(path.as_str())
        };
        let paths: Vec<Box<str>> = self.heads.iter().filter(is_there).map(|head| head.path.clone()).collect();
        let (mut digests, mut held) = (Digests::new(), Digests::new());
        for path in paths {
            let object = self.object(&path)?;
            if must_pause(&object) {
                held.insert(path.clone(), digest(fields::held(object.clone()), context));
            }
            digests.insert(path, digest(object, context));
        }
        Ok((digests, held))
    }
}

impl Selection {
    /// Whether a word says which object it is.
    fn names(&self, head: &Head, kinds: &[Vec<(String, String)>]) -> bool {
        self.wanted.iter().zip(kinds).any(|(wanted, kinds)| wanted.has_name() && wanted.fits(&head.place, kinds))
    }

    fn fits(&self, head: &Head, kinds: &[Vec<(String, String)>]) -> bool {
        let place = &head.place;
        let is_near = self.namespaces.is_empty()
            || self.namespaces.contains(&place.namespace)
            || (head.is_namespace() && self.namespaces.contains(&place.name));
        let is_labelled = self.labels.as_ref().is_none_or(|labels| labels.matches(&head.labels));
        let is_wanted =
            self.wanted.is_empty() || self.wanted.iter().zip(kinds).any(|(wanted, kinds)| wanted.fits(place, kinds));
        is_near && is_labelled && is_wanted
    }
}

/// The digest of what two objects must have in common to count as equal.
fn digest(object: Value, context: &Context) -> Digest {
    // Keys of a Value are in order.
    Digest::of(comparable(object, context).to_string().as_bytes())
}

/// An object of the cluster: its path in an archive, and what a plan asks of it.
type Named = (Box<str>, Live);

/// What the decoder keeps objects by.
struct Known {
    context: Context,
    /// Where the objects of the archive would be.
    paths: HashSet<Box<str>>,
}

/// Reads what the cluster has of the archive's objects, and its namespaces; in these namespaces where there are any.
///
/// # Errors
/// When discovery does not answer. A kind that cannot be read is told in the answer.
pub(crate) async fn live(
    connection: &Connection,
    archive: &Archive,
    namespaces: Vec<String>,
    context: &Context,
) -> Result<(Cluster, Collected), ClusterError> {
    let selected = archive.heads.iter().filter(|head| archive.selected.contains(&head.path) && head.never.is_none());
    let mut kinds: BTreeSet<(String, String)> =
        selected.map(|head| (head.place.group.clone(), head.place.resource.clone())).collect();
    kinds.insert((String::new(), "namespaces".to_owned()));
    kinds.insert(("apiextensions.k8s.io".to_owned(), "customresourcedefinitions".to_owned()));
    let claims = archive.heads.iter().filter(|head| archive.selected.contains(&head.path));
    let bound: BTreeSet<&str> = claims.map(|head| &*head.volume).filter(|it| context.volumes.contains(*it)).collect();
    if !bound.is_empty() {
        kinds.insert((String::new(), "persistentvolumes".to_owned()));
    }
    let wants = |kind: &ServedKind| {
        (namespaces.is_empty() || kind.is_namespaced || (kind.ty.group.is_empty() && &*kind.ty.kind == "Namespace"))
            && kinds.contains(&(kind.ty.group.to_string(), kind.resource.clone()))
    };
    let mut found: BTreeMap<(String, String), Vec<Named>> = BTreeMap::new();
    let mut keep = |kind: &ServedKind, page: Option<Vec<Named>>| {
        let key = (kind.ty.group.to_string(), kind.resource.clone());
        match page {
            None => drop(found.remove(&key)),
            Some(page) => found.entry(key).or_default().extend(page),
        }
        Ok(())
    };
    let named = archive.heads.iter().map(|head| target(&head.place, context).path().into_boxed_str());
    let known = Arc::new(Known { context: context.clone(), paths: named.collect() });
    let decode = move |kind: &ServedKind, items: Items<'_>| {
        let mut named = Vec::new();
        items.each(|item| {
            named.extend(one(kind, item, &known)?);
            Ok(())
        })?;
        Ok(named)
    };
    let order = Order { namespaces: namespaces.clone(), selector: None, budget: BUDGET };
    let reading = Reading { wants: &wants, decode: Arc::new(decode), keep: &mut keep };
    let collected = collect(connection, &order, reading).await?;
    let mut cluster = Cluster::default();
    for outcome in &collected.kinds {
        let key = (outcome.kind.ty.group.to_string(), outcome.kind.resource.clone());
        match &outcome.failure {
            Some(error) => drop(cluster.unread.insert(key, error.to_string())),
            None => cluster.objects.extend(found.remove(&key).unwrap_or_default()),
        }
    }
    let served = collected.kinds.iter().map(|outcome| &outcome.kind).chain(&collected.others);
    cluster.served = served.map(|kind| (kind.ty.group.to_string(), kind.ty.kind.to_string())).collect();
    if !namespaces.is_empty() {
        let is_bound = |head: &&Head| head.is_kept_volume && bound.contains(&*head.place.name);
        volumes(connection, archive.heads.iter().filter(is_bound), context, &mut cluster).await;
    }
    outdated(connection, archive, &collected, &mut cluster).await;
    for (group_version, why) in &collected.unanswered {
        let group = group_version.split_once('/').map_or("", |(group, _)| group);
        cluster.unanswered.insert(group.to_owned(), why.clone());
    }
    Ok((cluster, collected))
}

/// Reads these volumes one by one: where only some namespaces are asked for, no list of volumes is.
async fn volumes(
    connection: &Connection,
    volumes: impl Iterator<Item = &Head>,
    context: &Context,
    cluster: &mut Cluster,
) {
    let found = futures::stream::iter(volumes)
        .map(|head| async { (head.path.clone(), object(connection, &place_of(head, &head.place)).await) });
    for (path, found) in found.buffer_unordered(AT_A_TIME).collect::<Vec<_>>().await {
        match found {
            Ok(found) => drop(cluster.objects.insert(path, Live::new(found, "v1", context))),
            Err(ClusterError::NotFound) => {}
            Err(error) => {
                cluster.unread.insert((String::new(), "persistentvolumes".to_owned()), error.to_string());
            }
        }
    }
}

/// Finds out which API versions of the archive are not served where the server prefers another one.
async fn outdated(connection: &Connection, archive: &Archive, collected: &Collected, cluster: &mut Cluster) {
    let preferred = |head: &Head| {
        let kinds = collected.kinds.iter().map(|outcome| &outcome.kind).chain(&collected.others);
        kinds.into_iter().find(|kind| *kind.ty.group == *head.place.group && *kind.ty.kind == *head.kind)
    };
    let mut asked = BTreeMap::new();
    let mut last: Option<&Head> = None;
    for head in archive.heads.iter().filter(|head| archive.selected.contains(&head.path)) {
        let is_same = |it: &Head| it.kind == head.kind && it.api_version == head.api_version;
        if !last.is_some_and(is_same)
            && let Some(kind) = preferred(head).filter(|kind| kind.ty.api_version() != head.api_version)
        {
            asked.insert((head.place.group.clone(), head.kind.clone(), head.api_version.clone()), (head, kind));
        }
        last = Some(head);
    }
    for (version, (head, kind)) in asked {
        let mut nowhere = head.place.clone();
        nowhere.namespace.clear();
        let resource = place_of(head, &nowhere).resource;
        let any: DecodeItem<()> = |_, _| None;
        // A list of nothing: an API server that does not know the version says that it is not there.
        if let Err(ClusterError::NotFound) = selected(connection, &resource, "", "mlops.dev/none", any).await {
            cluster.outdated.insert(version, kind.ty.api_version());
        }
    }
}

#[derive(Deserialize)]
struct Item {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    #[serde(default)]
    namespace: String,
}

/// `None` for an object that neither the archive has nor a plan asks of.
fn one(kind: &ServedKind, item: &RawValue, known: &Known) -> Result<Option<Named>, ClusterError> {
    let broken = || ClusterError::BadAnswer(format!("an item of the list of {} is no object", kind.ty.kind));
    let Item { metadata } = serde_json::from_str(item.get()).map_err(|_| broken())?;
    let place = Place {
        group: kind.ty.group.to_string(),
        resource: kind.resource.clone(),
        namespace: metadata.namespace,
        name: metadata.name,
    };
    let path = place.path().into_boxed_str();
    let is_namespace = place.group.is_empty() && place.resource == "namespaces";
    if !is_namespace && !known.paths.contains(&path) {
        return Ok(None);
    }
    let mut object: Value = serde_json::from_str(item.get()).map_err(|_| broken())?;
    let api_version = kind.ty.api_version();
    object["apiVersion"] = api_version.as_str().into();
    object["kind"] = (&*kind.ty.kind).into();
    Ok(Some((path, Live::new(object, &api_version, &known.context))))
}

impl Live {
    /// An object of the cluster, read in this version.
    fn new(object: Value, api_version: &str, context: &Context) -> Self {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        // A namespace that is being deleted says so in its phase as well.
        let is_terminating = text("/kind") == "Namespace" && text("/status/phase") == "Terminating";
        let claim = (text("/kind") == "PersistentVolume" && object.pointer("/spec/claimRef").is_some())
            .then(|| ["namespace", "name", "uid"].map(|field| text(&format!("/spec/claimRef/{field}"))));
        Self {
            uid: text("/metadata/uid"),
            api_version: api_version.to_owned(),
            is_deleting: is_terminating || object.pointer("/metadata/deletionTimestamp").is_some(),
            claim,
            digest: digest(object, context),
        }
    }
}

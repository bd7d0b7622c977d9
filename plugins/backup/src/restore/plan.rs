//! What becomes of each object: made, left to somebody, never restored, or blocked, and why. Pure.

use super::fields::Context;
use super::head::Head;
use super::order::tier;
use mlops_shared::archive::{Class, Digest, Place};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What to do with an object that is there and differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Existing {
    /// Leave it as it is
    #[default]
    Skip,
    /// Change nothing at all where one differs
    Fail,
    /// Set the fields of the backup (server-side apply), and leave what others own
    Update,
    /// Put the object of the backup in its place
    Replace,
    /// The same; where the API server allows no change of it, delete it and make it anew
    Recreate,
}

/// What becomes of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It is made.
    Create,
    /// An earlier run made it and did not come to its end: what is left is done.
    Finish,
    /// Its fields are set.
    Update,
    /// It is replaced.
    Replace,
    /// It is deleted and made anew, for the API server allows no change of it.
    Recreate,
    /// A volume that is kept lets go of a claim that is gone, so that the one that is made gets it.
    Rebind,
    /// It is there and is the same.
    Equal,
    /// It is there, differs, and is left as it is.
    Differs,
    /// It cannot be restored as things are.
    Blocked,
    /// Flux, Argo CD or Helm through Flux makes it.
    LeftToGit,
    /// Its controller makes it.
    LeftToController,
    /// No restore makes it.
    Never,
}

impl Action {
    /// Whether something is written.
    pub(crate) const fn writes(self) -> bool {
        matches!(self, Self::Create | Self::Finish | Self::Update | Self::Replace | Self::Recreate | Self::Rebind)
    }

    /// The word for people.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Finish => "finish",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Recreate => "recreate",
            Self::Rebind => "rebind",
            Self::Equal => "equal",
            Self::Differs => "differs",
            Self::Blocked => "blocked",
            Self::LeftToGit => "left to Git",
            Self::LeftToController => "left to its controller",
            Self::Never => "never restored",
        }
    }
}

/// An object as it is in the cluster.
#[derive(Debug, Clone)]
pub(crate) struct Live {
    pub(crate) uid: String,
    /// Of its comparable form.
    pub(crate) digest: Digest,
    /// The version that it was read in.
    pub(crate) api_version: String,
    pub(crate) is_deleting: bool,
    /// Of a volume the claim that it is or was bound to: namespace, name and UID.
    pub(crate) claim: Option<[String; 3]>,
}

/// What is known of the cluster.
#[derive(Debug, Default)]
pub(crate) struct Cluster {
    /// By path.
    pub(crate) objects: HashMap<Box<str>, Live>,
    /// Groups and kinds that are served.
    pub(crate) served: BTreeSet<(String, String)>,
    /// Groups, kinds and API versions of the archive that are not served, with the one that is.
    pub(crate) outdated: BTreeMap<(String, String, String), String>,
    /// Groups whose kinds nobody could name, and why.
    pub(crate) unanswered: BTreeMap<String, String>,
    /// Groups and plural names that could not be read, and why.
    pub(crate) unread: BTreeMap<(String, String), String>,
}

/// Comparable digests by path.
pub(crate) type Digests = HashMap<Box<str>, Digest>;

/// What is to be restored.
#[derive(Debug, Default)]
pub(crate) struct Wish {
    /// Paths that the command line asks for.
    pub(crate) selected: BTreeSet<Box<str>>,
    pub(crate) existing: Existing,
    /// Whether what Flux and Helm would make is restored too.
    pub(crate) with_managed: bool,
    pub(crate) context: Context,
    /// What an earlier run of this archive into this cluster began to make, by path, with the UID where that is known.
    pub(crate) begun: BTreeMap<Box<str>, Option<String>>,
    /// What an earlier run deleted to make it anew, by path, with the UID that it had.
    pub(crate) deleted: BTreeMap<Box<str>, String>,
    /// Comparable digests of the selected objects, by path.
    pub(crate) digests: Digests,
    /// The same of those that a run makes otherwise than they are to be in the end.
    pub(crate) held: Digests,
}

/// What becomes of one object.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    /// Its place among the heads.
    pub(crate) head: usize,
    pub(crate) action: Action,
    pub(crate) why: String,
    /// Whether it is blocked only because something could not be read.
    pub(crate) is_unsure: bool,
    /// Whether data is lost with what is deleted for it.
    pub(crate) is_loss: bool,
    /// Its tier, and how many owners stand above it.
    pub(crate) wave: (usize, usize),
    /// Where it will be.
    pub(crate) target: Place,
}

/// Where an object will be.
pub(crate) fn target(place: &Place, context: &Context) -> Place {
    let mut place = place.clone();
    let is_namespace = place.group.is_empty() && place.resource == "namespaces";
    let part = if is_namespace { &mut place.name } else { &mut place.namespace };
    if let Some(other) = context.namespaces.get(part.as_str()) {
        other.clone_into(part);
    }
    place
}

/// Which controller makes an object; `is_there` tells which UIDs are in the archive.
pub(crate) fn controller(head: &Head, is_there: &dyn Fn(&str) -> bool) -> Option<String> {
    if let Some(owner) = head.owners.iter().find(|owner| owner.is_controller && is_there(&owner.uid)) {
        return Some(format!("{}/{} makes it", owner.kind, owner.name));
    }
    (head.class == Class::Controller && !head.holds_data()).then(|| match head.owners.first() {
        Some(owner) => format!("the controller of {}/{} makes it", owner.kind, owner.name),
        None => "the cluster or an operator makes it".to_owned(),
    })
}

/// Decides, in the order in which objects are made.
pub(crate) fn decide(heads: &[Head], cluster: &Cluster, wish: &Wish) -> Vec<Item> {
    Deciding::new(heads, cluster, wish).items()
}

struct Deciding<'a> {
    heads: &'a [Head],
    cluster: &'a Cluster,
    wish: &'a Wish,
    by_uid: HashMap<&'a str, usize>,
    /// Releases that a HelmRelease makes.
    releases: BTreeSet<&'a (String, String)>,
}

type Fate = (Action, String);

impl<'a> Deciding<'a> {
    fn new(heads: &'a [Head], cluster: &'a Cluster, wish: &'a Wish) -> Self {
        let by_uid = heads.iter().enumerate().map(|(at, head)| (&*head.uid, at)).collect();
        let releases = heads.iter().filter(|head| head.kind == "HelmRelease").filter_map(|head| head.release.as_ref());
        Self { heads, cluster, wish, by_uid, releases: releases.collect() }
    }

    fn items(&self) -> Vec<Item> {
        let selected = |head: &Head| self.wish.selected.contains(&head.path);
        let mut fates: BTreeMap<usize, Fate> = self
            .heads
            .iter()
            .enumerate()
            .filter(|(_, head)| selected(head))
            .map(|(at, head)| (at, self.fate(head)))
            .collect();
        self.add_needed(&mut fates);
        let coming: BTreeSet<Box<str>> = fates
            .iter()
            .filter(|(_, (action, _))| *action == Action::Create)
            .map(|(at, _)| target(&self.heads[*at].place, &self.wish.context).path().into_boxed_str())
            .collect();
        let defined: BTreeSet<&(String, String)> = fates
            .iter()
            .filter(|(_, (action, _))| *action == Action::Create)
            .filter_map(|(at, _)| self.heads[*at].defines.as_ref())
            .collect();
        let mut items: Vec<Item> = fates
            .into_iter()
            .map(|(at, (action, why))| {
                let head = &self.heads[at];
                let (action, why, is_unsure) = match action {
                    Action::Create => self.meet(head, why, &coming, &defined),
                    other => (other, why, false),
                };
                let wave = (tier(&head.place.group, &head.kind), self.depth(at));
                let target = target(&head.place, &self.wish.context);
                Item { head: at, action, why, is_unsure, is_loss: false, wave, target }
            })
            .collect();
        items.sort_by(|one, two| (one.wave, &self.heads[one.head].path).cmp(&(two.wave, &self.heads[two.head].path)));
        items
    }

    /// Who makes an object, from the archive alone. `Create` where nobody else does.
    fn fate(&self, head: &Head) -> Fate {
        let is_mapped = target(&head.place, &self.wish.context) != head.place;
        if let Some(why) = head.never {
            return (Action::Never, why.to_owned());
        }
        if is_mapped && head.place.group.ends_with(".toolkit.fluxcd.io") {
            return (Action::Never, "in another namespace it would deploy the same once more".to_owned());
        }
        // Helm deletes what stands in it, in the namespace that stands there.
        if is_mapped && head.is_record() {
            return (Action::Never, "the record is of a release in another namespace".to_owned());
        }
        let flux = |prefix: &str| head.labels.get(&format!("{prefix}.toolkit.fluxcd.io/name"));
        if head.is_set_up && (is_mapped || self.wish.with_managed || flux("kustomize").is_none()) {
            return (Action::Create, "its settings are not made again with it".to_owned());
        }
        if let Some(why) = controller(head, &|uid| self.by_uid.contains_key(uid)) {
            return (Action::LeftToController, why);
        }
        // Whose manager is gone bears its marks still.
        if !is_mapped && !self.wish.with_managed && head.class != Class::Nobody {
            if let Some(name) = flux("helm") {
                return (Action::LeftToGit, format!("HelmRelease {name} makes it"));
            }
            if head.class == Class::Git {
                let by = flux("kustomize").map_or_else(|| "Git".to_owned(), |name| format!("Kustomization {name}"));
                return (Action::LeftToGit, format!("{by} makes it"));
            }
            let is_own = head.kind == "HelmRelease";
            if let Some(release) = head.release.as_ref().filter(|release| !is_own && self.releases.contains(release)) {
                return (Action::LeftToGit, format!("the HelmRelease of release {} makes it", release.1));
            }
        }
        if head.is_hollow {
            return (Action::Blocked, "its values are not in the archive (--secrets=names)".to_owned());
        }
        (Action::Create, String::new())
    }

    /// Namespaces and definitions that must be there for the rest, whoever else makes them later.
    fn add_needed(&self, fates: &mut BTreeMap<usize, Fate>) {
        let mut namespaces: BTreeSet<&str> = BTreeSet::new();
        let mut kinds: BTreeSet<(&str, &str)> = BTreeSet::new();
        let mut volumes: BTreeSet<&str> = BTreeSet::new();
        for (at, _) in fates.iter().filter(|(_, (action, _))| *action == Action::Create) {
            let head = &self.heads[*at];
            namespaces.insert(&head.place.namespace);
            kinds.insert((&head.place.group, &head.kind));
            if self.needs_volume(head) {
                volumes.insert(&head.volume);
            }
        }
        for (at, head) in self.heads.iter().enumerate() {
            let is_needed = (head.is_namespace() && namespaces.contains(&*head.place.name))
                || head.defines.as_ref().is_some_and(|(group, kind)| {
                    kinds.contains(&(group.as_str(), kind.as_str())) && !self.is_served(group, kind)
                });
            let is_volume = head.is_kept_volume && volumes.contains(&*head.place.name);
            if is_volume && head.never.is_none() && self.live(head).is_none_or(|live| self.waits(head, live)) {
                fates.entry(at).or_insert_with(|| (Action::Create, "a claim that is restored is of it".to_owned()));
            }
            if !is_needed || head.never.is_some() || self.live(head).is_some() {
                continue;
            }
            match fates.get(&at).map(|(action, _)| *action) {
                Some(Action::LeftToGit | Action::LeftToController) => {
                    fates.insert(at, (Action::Create, "Git has it too, and what is restored needs it now".to_owned()));
                }
                None => drop(fates.insert(at, (Action::Create, "what is restored needs it".to_owned()))),
                Some(_) => {}
            }
        }
    }

    /// Whether a claim is to have the volume that it had.
    fn needs_volume(&self, head: &Head) -> bool {
        let context = &self.wish.context;
        !head.volume.is_empty() && context.volumes.contains(&*head.volume) && target(&head.place, context) == head.place
    }

    /// Whether a volume waits for a claim that is gone while one of that name is to be made, or has been made, for it.
    /// Kubernetes binds it to no claim with another UID (`pkg/controller/volume/persistentvolume`).
    fn waits(&self, volume: &Head, live: &Live) -> bool {
        let Some([namespace, name, uid]) = live.claim.as_ref().filter(|claim| !claim[2].is_empty()) else {
            return false;
        };
        let is_its = |head: &&Head| {
            *head.volume == *volume.place.name && head.place.namespace == *namespace && head.place.name == *name
        };
        let Some(claim) = self.heads.iter().find(is_its).filter(|claim| self.needs_volume(claim)) else {
            return false;
        };
        let is_wanted = self.wish.selected.contains(&claim.path) && claim.never.is_none();
        let is_unread = self.cluster.unread.contains_key(&(String::new(), claim.place.resource.clone()));
        is_wanted
            && !is_unread
            && self.live(claim).is_none_or(|there| {
                there.uid != *uid && !there.is_deleting && self.wish.digests.get(&claim.path) == Some(&there.digest)
            })
    }

    fn live(&self, head: &Head) -> Option<&'a Live> {
        self.cluster.objects.get(&*target(&head.place, &self.wish.context).path())
    }

    fn is_served(&self, group: &str, kind: &str) -> bool {
        self.cluster.served.contains(&(group.to_owned(), kind.to_owned()))
    }

    /// What the cluster says to an object that is to be made.
    fn meet(
        &self,
        head: &Head,
        why: String,
        coming: &BTreeSet<Box<str>>,
        defined: &BTreeSet<&(String, String)>,
    ) -> (Action, String, bool) {
        let blocked = |why: String| (Action::Blocked, why, false);
        let unsure = |why: String| (Action::Blocked, why, true);
        let (group, kind) = (&head.place.group, &head.kind);
        if !self.is_served(group, kind) && !defined.contains(&(group.clone(), kind.clone())) {
            return match self.cluster.unanswered.get(group) {
                Some(why) => unsure(format!("nobody can tell whether the cluster serves {kind}: {why}")),
                None => blocked(format!(
                    "the cluster does not serve {kind}{}, and its definition is not restored",
                    if group.is_empty() { String::new() } else { format!(".{group}") }
                )),
            };
        }
        let version = (group.clone(), kind.clone(), head.api_version.clone());
        if let Some(other) = self.cluster.outdated.get(&version) {
            return blocked(format!("the cluster serves {kind} as {other}, and the archive has it as {}", version.2));
        }
        let place = target(&head.place, &self.wish.context);
        if let Some(why) = self.cluster.unread.get(&(group.clone(), place.resource.clone())) {
            return unsure(format!("whether it is there could not be read: {why}"));
        }
        if !place.namespace.is_empty() {
            let namespace = Place {
                group: String::new(),
                resource: "namespaces".to_owned(),
                namespace: String::new(),
                name: place.namespace.clone(),
            };
            match self.cluster.objects.get(&*namespace.path()) {
                Some(live) if live.is_deleting => {
                    return blocked(format!("namespace {} is being deleted: wait until it is gone", place.namespace));
                }
                Some(_) => {}
                None if coming.contains(&*namespace.path()) => {}
                None => {
                    let unread = ("".to_owned(), "namespaces".to_owned());
                    return match self.cluster.unread.get(&unread) {
                        Some(why) => unsure(format!("whether its namespace is there could not be read: {why}")),
                        None => blocked(format!(
                            "there is no namespace {}, and the archive has none: `kubectl create namespace {}`",
                            place.namespace, place.namespace
                        )),
                    };
                }
            }
        }
        let was_deleted = self.wish.deleted.get(&head.path);
        let Some(live) = self.live(head) else {
            let why = if was_deleted.is_some() { "an earlier run deleted it to make it anew".to_owned() } else { why };
            // Its controller makes it at any moment.
            let action = if head.is_set_up { Action::Update } else { Action::Create };
            return (action, why, false);
        };
        if live.is_deleting {
            if was_deleted == Some(&live.uid) {
                return (Action::Recreate, "an earlier run began to delete it".to_owned(), false);
            }
            return blocked("the one that is there is being deleted: wait until it is gone".to_owned());
        }
        let is_equal = self.wish.digests.get(&head.path) == Some(&live.digest);
        match self.wish.begun.get(&head.path) {
            Some(Some(uid)) if *uid == live.uid => {
                return (Action::Finish, "an earlier run made it".to_owned(), false);
            }
            Some(None) if is_equal || self.wish.held.get(&head.path) == Some(&live.digest) => {
                return (Action::Finish, "an earlier run was about to make it, and it is there".to_owned(), false);
            }
            _ => {}
        }
        if head.is_kept_volume && self.waits(head, live) {
            return (Action::Rebind, "it is there, and waits for a claim that is gone".to_owned(), false);
        }
        if is_equal {
            return (Action::Equal, "it is there and is the same".to_owned(), false);
        }
        let why = if live.api_version == head.api_version {
            "it is there and differs".to_owned()
        } else {
            format!("it is there as {}, and in the backup as {}", live.api_version, head.api_version)
        };
        let action = match self.wish.existing {
            Existing::Skip | Existing::Fail => Action::Differs,
            Existing::Update => Action::Update,
            // Whether the API server takes a change is asked later.
            Existing::Replace | Existing::Recreate => Action::Replace,
        };
        (action, why, false)
    }

    /// How many owners stand above an object in its own tier.
    fn depth(&self, at: usize) -> usize {
        let tier_of = |at: usize| tier(&self.heads[at].place.group, &self.heads[at].kind);
        let own = tier_of(at);
        let mut level = 0;
        let mut above: Vec<usize> = vec![at];
        let mut seen: BTreeSet<usize> = above.iter().copied().collect();
        loop {
            let owners = above.iter().flat_map(|at| &self.heads[*at].owners);
            let next: Vec<usize> = owners
                .filter_map(|owner| self.by_uid.get(&*owner.uid).copied())
                .filter(|owner| tier_of(*owner) == own && seen.insert(*owner))
                .collect();
            if next.is_empty() {
                return level;
            }
            level += 1;
            above = next;
        }
    }
}

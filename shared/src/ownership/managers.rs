//! Finding the managers of objects among the records of a run.

use super::chain::{Chain, Link, Manager, Presence, Proof};
use super::hold::{exemption, hold};
use super::inventory_ids;
use crate::object::{Custom, Inventory, Lookup, Object, ObjectRef, Owner, Scope};
use serde_json::Value;
use std::collections::HashMap;

/// Kinds of managers whose status lists what they manage.
const LISTING: &[(&str, &str, &str)] = &[
    ("kustomize.toolkit.fluxcd.io", "Kustomization", "Kustomizations"),
    ("helm.toolkit.fluxcd.io", "HelmRelease", "HelmReleases"),
    ("fluxcd.controlplane.io", "FluxInstance", "FluxInstances"),
    ("fluxcd.controlplane.io", "ResourceSet", "ResourceSets"),
    ("argoproj.io", "Application", "Applications"),
];

/// Labels by which managers mark what they apply: key of the name, key of the namespace, group, kind.
const LABELS: &[(&str, &str, &str, &str)] = &[
    (
        "kustomize.toolkit.fluxcd.io/name",
        "kustomize.toolkit.fluxcd.io/namespace",
        "kustomize.toolkit.fluxcd.io",
        "Kustomization",
    ),
    ("helm.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/namespace", "helm.toolkit.fluxcd.io", "HelmRelease"),
    (
        "resourceset.fluxcd.controlplane.io/name",
        "resourceset.fluxcd.controlplane.io/namespace",
        "fluxcd.controlplane.io",
        "ResourceSet",
    ),
    ("fluxcd.controlplane.io/name", "fluxcd.controlplane.io/namespace", "fluxcd.controlplane.io", "FluxInstance"),
];

/// Labels that operators put on what they make, and that reach objects without an owner reference (claims that
/// outlive their cluster): key, group and kind of what it names. Objects of the operator's own group bear them too,
/// set by people.
const OPERATOR_LABELS: &[(&str, &str, &str)] = &[
    ("strimzi.io/cluster", "kafka.strimzi.io", "Kafka"),
    ("v1.min.io/tenant", "minio.min.io", "Tenant"),
    ("cnpg.io/cluster", "postgresql.cnpg.io", "Cluster"),
];

/// Links in a chain; references cannot loop on a server, but they can in a file.
const DEPTH: usize = 12;

/// Who lists what: made once for a run, asked for many objects.
#[derive(Debug)]
pub struct Managers<'a> {
    inventory: &'a Inventory,
    /// By object, the managers whose status lists it.
    listed: HashMap<ObjectRef, Vec<&'a Object>>,
    /// By namespace and name of a Helm release, the HelmRelease that makes it.
    releases: HashMap<(String, String), &'a Object>,
    unread: Vec<&'static str>,
    /// Whether managers may lie in namespaces that were not read.
    is_cut: bool,
}

impl<'a> Managers<'a> {
    /// Reads the inventories of all managers.
    pub fn new(inventory: &'a Inventory) -> Self {
        let mut managers =
            Self { inventory, listed: HashMap::new(), releases: HashMap::new(), unread: Vec::new(), is_cut: false };
        let is_narrow = matches!(inventory.scope(), Scope::Namespaces(_));
        for (group, kind, plural) in LISTING {
            let objects = inventory.of_kind(group, kind);
            // A kind that is not installed manages nothing; one that was not read may.
            let is_unread = match inventory.section(group, kind) {
                Some(section) => is_gap(&section.state),
                None => !inventory.is_complete() && matches!(*kind, "Kustomization" | "HelmRelease"),
            };
            if is_unread {
                managers.unread.push(plural);
            }
            managers.is_cut |= is_narrow && inventory.section(group, kind).is_some();
            for object in objects {
                let Some(custom) = object.custom().filter(|custom| is_of_this_cluster(kind, custom)) else { continue };
                let resources = custom.status_list("/resources").iter().filter_map(resource);
                for id in inventory_ids(custom).chain(resources.filter(|_| *kind == "Application")) {
                    managers.listed.entry(id).or_default().push(object);
                }
                if *kind == "HelmRelease" {
                    managers.releases.insert(release_of(object, custom), object);
                }
            }
        }
        managers
    }

    /// The chain of managers of an object.
    pub fn of(&self, object: &Object) -> Chain {
        let mut chain = Chain { unread: self.unread.clone(), ..Chain::default() };
        let mut seen = vec![object.reference()];
        let mut current = Some(object);
        while let Some(object) = current.take().filter(|_| chain.links.len() < DEPTH) {
            let Some(link) = self.manager(object) else { break };
            if seen.contains(&link.object) {
                break;
            }
            if link.manager.is_deployer() && chain.deployed.is_none() {
                chain.deployed = Some(object.reference());
                chain.exemption = exemption(object);
                chain.rivals = self.rivals(&object.reference(), &link.object);
            }
            seen.push(link.object.clone());
            current = self.inventory.find(&link.object).found();
            chain.links.push(link);
        }
        chain
    }

    /// The chain of managers of something that is not there: who lists it, and so would make it again.
    pub fn of_absent(&self, object: &ObjectRef) -> Chain {
        let mut chain = Chain { unread: self.unread.clone(), ..Chain::default() };
        let Some(link) = self.listing(object) else { return chain };
        let above = self.inventory.find(&link.object).found().map(|manager| self.of(manager));
        chain.deployed = Some(object.clone());
        chain.rivals = self.rivals(object, &link.object);
        chain.links.push(link);
        chain.links.extend(above.into_iter().flat_map(|above| above.links));
        chain
    }

    /// The inventory that this was made of.
    pub fn inventory(&self) -> &'a Inventory {
        self.inventory
    }

    /// Whether managers were not read, a kind of them or those in other namespaces, so that an object may have one that
    /// nobody knows of.
    pub(super) fn are_unread(&self) -> bool {
        self.is_cut || !self.unread.is_empty()
    }

    /// Whether a HelmRelease makes the release of this name, whose record is in this namespace.
    pub(super) fn makes_release(&self, namespace: &str, name: &str) -> bool {
        self.releases.contains_key(&(namespace.to_owned(), name.to_owned()))
    }

    fn rivals(&self, object: &ObjectRef, manager: &ObjectRef) -> Vec<ObjectRef> {
        let listing = self.listed.get(object).into_iter().flatten();
        listing.map(|object| object.reference()).filter(|rival| rival != manager && rival != object).collect()
    }

    fn manager(&self, object: &Object) -> Option<Link> {
        self.listing(&object.reference())
            .or_else(|| object.meta.controller().map(|owner| self.owner(object, owner)))
            .or_else(|| self.tracked(object))
            .or_else(|| LABELS.iter().find_map(|row| self.labelled(object, row)))
            .or_else(|| self.release(object))
            .or_else(|| self.instance(object))
            .or_else(|| self.made_by_operator(object))
    }

    /// The manager whose status lists this object. flux-system's own Kustomization lists itself.
    fn listing(&self, object: &ObjectRef) -> Option<Link> {
        let listing = self.listed.get(object)?.iter().find(|manager| manager.reference() != *object)?;
        Some(self.link(listing.reference(), Proof::Inventory))
    }

    fn link(&self, object: ObjectRef, proof: Proof) -> Link {
        let lookup = self.inventory.find(&object);
        Link {
            manager: Manager::of_kind(&object.group, &object.kind).unwrap_or(Manager::Controller),
            presence: match lookup {
                Lookup::Found(_) => Presence::Read,
                Lookup::Missing => Presence::Missing,
                Lookup::Unread => Presence::Unread,
            },
            hold: lookup.found().and_then(hold),
            object,
            proof,
        }
    }

    fn owner(&self, object: &Object, owner: &Owner) -> Link {
        let known = self.inventory.by_uid(owner.uid).map(Object::reference);
        let named = owner.reference(&object.meta.namespace);
        // Owners of objects in a namespace may have none themselves.
        let bare = ObjectRef { namespace: "".into(), ..named.clone() };
        let is_there = |reference: &ObjectRef| self.inventory.find(reference).found().is_some();
        let reference = known.unwrap_or_else(|| if !is_there(&named) && is_there(&bare) { bare } else { named });
        // An owner of that kind, whatever it is, owns: it is no deployer that applied a manifest.
        let mut link = self.link(reference, Proof::OwnerReference);
        if Manager::of_kind(&link.object.group, &link.object.kind).is_none() {
            link.manager = Manager::Controller;
        }
        link
    }

    /// Flux's labels, unless what they name lists other objects and not this one: then they were copied.
    fn labelled(&self, object: &Object, row: &(&str, &str, &str, &str)) -> Option<Link> {
        let (name_key, namespace_key, group, kind) = *row;
        let (name, namespace) = (object.meta.labels.get(name_key)?, object.meta.labels.get(namespace_key)?);
        let reference = ObjectRef::new(group, kind, namespace, name);
        if reference == object.reference() {
            return None;
        }
        let lists = |manager: &Object| manager.custom().is_some_and(|custom| inventory_ids(custom).next().is_some());
        if self.inventory.find(&reference).found().is_some_and(lists) {
            return None;
        }
        Some(self.link(reference, Proof::Label(name_key.to_owned())))
    }

    /// Argo CD's annotation `APP:GROUP/KIND:NAMESPACE/NAME`; Argo CD itself ignores one that names another object
    /// (argo-cd, `util/argo/resource_tracking.go`). An application outside Argo CD's namespace is `NAMESPACE_NAME`.
    fn tracked(&self, object: &Object) -> Option<Link> {
        let id = object.meta.annotations.get("argocd.argoproj.io/tracking-id")?;
        let (application, subject) = id.split_once(':')?;
        let (kind, name) = subject.split_once(':')?;
        let (group, kind) = kind.split_once('/')?;
        let (namespace, name) = name.split_once('/')?;
        let meta = &object.meta;
        // Cluster-scoped objects are tracked with the application's target namespace.
        let fits = object.is(group, kind)
            && *meta.name == *name
            && (meta.namespace.is_empty() || *meta.namespace == *namespace);
        fits.then(|| self.link(self.application(application), Proof::Tracking))
    }

    fn application(&self, text: &str) -> ObjectRef {
        match text.split_once('_') {
            Some((namespace, name)) => ObjectRef::new("argoproj.io", "Application", namespace, name),
            None => {
                let all = self.inventory.of_kind("argoproj.io", "Application").iter();
                let known = all.map(Object::reference).find(|known| *known.name == *text);
                known.unwrap_or_else(|| ObjectRef::new("argoproj.io", "Application", "argocd", text))
            }
        }
    }

    /// The label that Argo CD uses by default is everybody's: it counts where an Application of that name was read.
    fn instance(&self, object: &Object) -> Option<Link> {
        let key = "app.kubernetes.io/instance";
        let name = object.meta.labels.get(key)?;
        let all = self.inventory.of_kind("argoproj.io", "Application").iter();
        let application = all.map(Object::reference).find(|known| *known.name == *name)?;
        let lists = |custom: &Custom| !custom.status_list("/resources").is_empty();
        // One that lists what it manages, and not this, does not.
        if self.inventory.find(&application).found().and_then(Object::custom).is_some_and(lists) {
            return None;
        }
        Some(self.link(application, Proof::Label(key.to_owned())))
    }

    /// Helm's annotations; the HelmRelease behind them where there is one.
    fn release(&self, object: &Object) -> Option<Link> {
        let name = object.meta.annotations.get("meta.helm.sh/release-name")?;
        let namespace = object.meta.annotations.get("meta.helm.sh/release-namespace")?;
        if !object.meta.labels.has("app.kubernetes.io/managed-by", "Helm") {
            return None;
        }
        if let Some(release) = self.releases.get(&(namespace.to_owned(), name.to_owned())) {
            // One that lists what it made, and not this, did not make it: annotations are copied with an object.
            if release.custom().is_some_and(|custom| inventory_ids(custom).next().is_some()) {
                return None;
            }
            return Some(self.link(release.reference(), Proof::Release));
        }
        let object = ObjectRef::new("helm.sh", "Release", namespace, name);
        Some(Link { manager: Manager::Helm, object, proof: Proof::Release, presence: Presence::Unread, hold: None })
    }

    fn made_by_operator(&self, object: &Object) -> Option<Link> {
        let (key, group, kind) = OPERATOR_LABELS.iter().find(|(key, ..)| object.meta.labels.get(key).is_some())?;
        // No operator takes a snapshot once more, and people give their own authorities' Secrets the same label.
        let is_own = !object.is("", "Secret") || object.meta.labels.get("app.kubernetes.io/managed-by").is_some();
        if *object.ty.group == **group || *object.ty.group == *"snapshot.storage.k8s.io" || !is_own {
            return None;
        }
        let name = object.meta.labels.get(key)?;
        let reference = ObjectRef::new(group, kind, &object.meta.namespace, name);
        Some(self.link(reference, Proof::Label((*key).to_owned())))
    }
}

fn is_gap(state: &crate::object::SectionState) -> bool {
    use crate::object::SectionState;
    match state {
        SectionState::Read(_) => false,
        SectionState::Partly(_, _, why) | SectionState::Unread(why) => !matches!(why, crate::object::Unread::NotServed),
    }
}

/// Whether a manager works on the cluster that it lives in: what it lists elsewhere is none of this one's.
fn is_of_this_cluster(kind: &str, custom: &Custom) -> bool {
    let of = |field: &str| custom.spec_text(&format!("/destination/{field}"));
    match kind {
        "Application" => {
            matches!(
                of("server"),
                "" | "https://kubernetes.default.svc" | "https://kubernetes.default.svc.cluster.local"
            ) && matches!(of("name"), "" | "in-cluster")
        }
        _ => custom.spec_at("/kubeConfig").is_none_or(Value::is_null),
    }
}

/// An entry of `status.resources` of an Application; `None` of one that its source has no more, so that nobody would make
/// it again.
fn resource(entry: &Value) -> Option<ObjectRef> {
    if entry.get("requiresPruning").and_then(Value::as_bool) == Some(true) {
        return None;
    }
    let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
    let (kind, name) = (text("kind"), text("name"));
    (!kind.is_empty() && !name.is_empty()).then(|| ObjectRef::new(text("group"), kind, text("namespace"), name))
}

/// Namespace and name of the release that a HelmRelease makes: as its history says, else as helm-controller names it
/// (`api/v2/helmrelease_types.go`, GetReleaseName and GetReleaseNamespace). Names that are too long for Helm are
/// shortened there with a digest; those are only known from the history.
fn release_of(object: &Object, custom: &Custom) -> (String, String) {
    let recorded = |key: &str| custom.status_text(&format!("/history/0/{key}")).to_owned();
    if !recorded("name").is_empty() {
        return (recorded("namespace"), recorded("name"));
    }
    let target = custom.spec_text("/targetNamespace");
    let namespace = if target.is_empty() { &*object.meta.namespace } else { target };
    let name = match (custom.spec_text("/releaseName"), target) {
        ("", "") => object.meta.name.to_string(),
        ("", target) => format!("{target}-{}", object.meta.name),
        (name, _) => name.to_owned(),
    };
    (namespace.to_owned(), name)
}

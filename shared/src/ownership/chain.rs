//! The chain from an object to what manages it: a pod, its ReplicaSet, its Deployment, a HelmRelease, a Kustomization.

use super::hold::{Exemption, Hold};
use crate::object::ObjectRef;

/// Kinds of managers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Manager {
    /// kustomize.toolkit.fluxcd.io Kustomization
    Kustomization,
    /// helm.toolkit.fluxcd.io HelmRelease
    HelmRelease,
    /// A release of Helm that no HelmRelease makes.
    Helm,
    /// fluxcd.controlplane.io FluxInstance
    FluxInstance,
    /// fluxcd.controlplane.io ResourceSet
    ResourceSet,
    /// argoproj.io Application
    Application,
    /// The owner of an owner reference: a built-in controller, or an operator.
    Controller,
}

impl Manager {
    /// Whether it brings manifests from elsewhere, so that a durable change belongs there.
    pub fn is_deployer(self) -> bool {
        self != Self::Controller
    }

    pub(super) fn of_kind(group: &str, kind: &str) -> Option<Self> {
        Some(match (group, kind) {
            ("kustomize.toolkit.fluxcd.io", "Kustomization") => Self::Kustomization,
            ("helm.toolkit.fluxcd.io", "HelmRelease") => Self::HelmRelease,
            ("fluxcd.controlplane.io", "FluxInstance") => Self::FluxInstance,
            ("fluxcd.controlplane.io", "ResourceSet") => Self::ResourceSet,
            ("argoproj.io", "Application") => Self::Application,
            _ => return None,
        })
    }
}

/// Why a link is believed, strongest first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Proof {
    /// The manager's status lists the object.
    Inventory,
    /// `metadata.ownerReferences` names the manager.
    OwnerReference,
    /// Helm's record of the release: its annotations, and the HelmRelease whose history names the release.
    Release,
    /// Argo CD's tracking annotation, which names the object that it stands on.
    Tracking,
    /// Only a label: people and operators copy those. Its key.
    Label(String),
}

impl Proof {
    /// A stable word: `inventory`, `owner-reference`, `release`, `tracking`, `label`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Inventory => "inventory",
            Self::OwnerReference => "owner-reference",
            Self::Release => "release",
            Self::Tracking => "tracking",
            Self::Label(_) => "label",
        }
    }
}

/// Whether a manager itself was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It was read.
    Read,
    /// It is not there: nobody acts on what it managed.
    Missing,
    /// Its kind was not read.
    Unread,
}

/// One manager of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What kind of manager.
    pub manager: Manager,
    /// Which; a release of plain Helm is `helm.sh` `Release`, which no API server knows.
    pub object: ObjectRef,
    /// Why this is believed.
    pub proof: Proof,
    /// Whether it was seen.
    pub presence: Presence,
    /// What keeps its controller off it.
    pub hold: Option<Hold>,
}

/// Who manages an object, nearest first. No link: nothing that was read does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain {
    /// The managers.
    pub links: Vec<Link>,
    /// The object that the first deployer manages: the object asked about, or one that owns it.
    pub deployed: Option<ObjectRef>,
    /// What keeps Flux off that object.
    pub exemption: Option<Exemption>,
    /// Other managers whose inventories list that object too: they undo each other's work.
    pub rivals: Vec<ObjectRef>,
    /// Kinds of managers that were not read, so that there may be more links.
    pub unread: Vec<&'static str>,
}

impl Chain {
    /// The first manager that brings manifests from elsewhere.
    pub fn deployer(&self) -> Option<&Link> {
        self.links.iter().find(|link| link.manager.is_deployer())
    }

    /// The owner nearest to the object, if that is no deployer.
    pub fn controller(&self) -> Option<&Link> {
        self.links.first().filter(|link| link.manager == Manager::Controller)
    }

    /// The last owner before any deployer: what a person knows the object by.
    pub fn top_controller(&self) -> Option<&Link> {
        self.links.iter().take_while(|link| link.manager == Manager::Controller).last()
    }
}

//! What the checks read of objects: slim records, one file a family of kinds.
//!
//! Nothing here keeps the value of a Secret or a ConfigMap, nor a literal value of an environment.

mod definition;
mod head;
pub mod pod;
pub mod policy;
pub mod rbac;
mod release;
mod rest;
mod secret;
mod words;
mod workload;

pub use definition::Definition;
pub use head::{Head, Writer};
pub use policy::Policy;
pub use rbac::{Binding, Role};
pub use release::{Chart, Release};
pub use rest::{Account, Custom, Namespace};
pub use secret::{Key, Secret};
pub use words::{Words, word};
pub use workload::{Running, Workload};

use crate::finding::Finding;
use crate::images::{Used, used};
use mlops_shared::object::{ObjectRef, TypeMeta, Uid};
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// One object, as far as some check reads it.
#[derive(Debug)]
pub enum Record {
    /// A namespace with its labels.
    Namespace(Namespace),
    /// A service account.
    Account(Account),
    /// A pod, or what holds a template of pods.
    Workload(Box<Workload>),
    /// A NetworkPolicy.
    Policy(Policy),
    /// A Role or ClusterRole.
    Role(Role),
    /// A RoleBinding or ClusterRoleBinding.
    Binding(Binding),
    /// A Secret, without its values.
    Secret(Box<Secret>),
    /// A CustomResourceDefinition, and what it has as an object like others.
    Definition(Box<(Definition, Custom)>),
    /// A revision of a Helm release.
    Release(Box<Release>),
    /// An object of any kind without a record of its own.
    Custom(Custom),
    /// A document of a tree that is no object: Helm values, mostly.
    Values(Custom),
    /// An image that a file of Helm values names.
    Image(Box<Used>),
    /// A credential in a file of a tree: what is to be told of it, without its value.
    Credential(Box<Finding>),
    /// A ConfigMap: only which names stand in it.
    Settings(Box<(Head, Words)>),
    /// An object in which credentials stand in plain text, and what is to be told of these.
    Leaking(Box<(Record, Vec<Finding>)>),
    /// An object whose content did not have the shape of its kind.
    Broken(Head),
}

impl Record {
    /// Whose record it is; `None` of a credential and of an image in a file of values.
    pub fn head_mut(&mut self) -> Option<&mut Head> {
        Some(match self {
            Self::Namespace(namespace) => &mut namespace.head,
            Self::Account(account) => &mut account.head,
            Self::Workload(workload) => &mut workload.head,
            Self::Policy(policy) => &mut policy.head,
            Self::Role(role) => &mut role.head,
            Self::Binding(binding) => &mut binding.head,
            Self::Secret(secret) => &mut secret.head,
            Self::Definition(both) => &mut both.1.head,
            Self::Release(release) => &mut release.head,
            Self::Custom(custom) | Self::Values(custom) => &mut custom.head,
            Self::Settings(both) => &mut both.0,
            Self::Leaking(both) => return both.0.head_mut(),
            Self::Broken(head) => head,
            Self::Credential(_) | Self::Image(_) => return None,
        })
    }
}

/// The record of an object; `None` for kinds that no check reads.
pub fn decode(ty: &Arc<TypeMeta>, item: &RawValue) -> Option<Record> {
    decode_as(ty, item, false)
}

/// As [`decode`], with what Helm's records of releases hold of the chart.
pub fn decode_releases(ty: &Arc<TypeMeta>, item: &RawValue) -> Option<Record> {
    decode_as(ty, item, true)
}

fn decode_as(ty: &Arc<TypeMeta>, item: &RawValue, with_contents: bool) -> Option<Record> {
    if let Some(release) = Release::read(ty, item, with_contents) {
        return Some(Record::Release(Box::new(release)));
    }
    let read = match (&*ty.group, &*ty.kind) {
        ("", "Namespace") => Namespace::read(ty, item).map(Record::Namespace),
        ("", "ServiceAccount") => Account::read(ty, item).map(Record::Account),
        ("networking.k8s.io", "NetworkPolicy") => Policy::read(ty, item).map(Record::Policy),
        ("rbac.authorization.k8s.io", "Role" | "ClusterRole") => Role::read(ty, item).map(Record::Role),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
            Binding::read(ty, item).map(Record::Binding)
        }
        ("", "Secret") => Secret::read(ty, item).map(|secret| Record::Secret(Box::new(secret))),
        // Not even their shape is looked at here: values must not be kept by accident.
        ("", "ConfigMap" | "Event") | ("events.k8s.io", "Event") => return None,
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            let definition = Definition::read(ty, item);
            definition.and_then(|one| Ok(Record::Definition(Box::new((one, Custom::read(ty, item)?)))))
        }
        (group, kind) if Workload::is_kind(group, kind) => {
            Workload::read(ty, item).map(|workload| Record::Workload(Box::new(workload)))
        }
        _ => Custom::read(ty, item).map(Record::Custom),
    };
    let mut record = read.unwrap_or_else(|_| Record::Broken(Head::alone(ty, item)));
    if let Some(head) = record.head_mut() {
        head.writers = Head::old_writers(ty, item);
    }
    Some(record)
}

/// As [`decode`], with the credentials that stand in plain text in an object that is no Secret.
pub fn decode_scanned(ty: &Arc<TypeMeta>, item: &RawValue) -> Option<Record> {
    let mut record = decode(ty, item)?;
    let found = match record.head_mut() {
        Some(head) if crate::secrets::is_scanned(head) => crate::secrets::object(head, item),
        _ => Vec::new(),
    };
    Some(leaking(record, found))
}

/// As [`decode_scanned`], with what the values of Secrets and ConfigMaps tell. The values are gone when this returns.
pub fn decode_contents(ty: &Arc<TypeMeta>, item: &RawValue) -> Option<Record> {
    if let Some(release) = Release::read(ty, item, true) {
        return Some(Record::Release(Box::new(release)));
    }
    match (&*ty.group, &*ty.kind) {
        ("", "Secret") => {
            let mut record = decode(ty, item)?;
            let mut findings = Vec::new();
            if let Record::Secret(secret) = &mut record
                && !(secret.is_release() || secret.is_token() || secret.is_bootstrap())
            {
                let contents = crate::secrets::of_secret(&secret.head, item);
                (secret.chains, findings) = (contents.chains, contents.findings);
            }
            Some(leaking(record, findings))
        }
        ("", "ConfigMap") => {
            let mut head = Head::alone(ty, item);
            if head.meta.namespace.is_empty() {
                head = Head::in_namespace(ty, (*head.meta).clone());
            }
            let contents = crate::secrets::of_settings(&head, item);
            Some(leaking(Record::Settings(Box::new((head, contents.words))), contents.findings))
        }
        _ => decode_scanned(ty, item),
    }
}

fn leaking(record: Record, found: Vec<Finding>) -> Record {
    if found.is_empty() { record } else { Record::Leaking(Box::new((record, found))) }
}

/// All records of a run, by kind.
#[derive(Debug, Default)]
pub struct Records {
    /// Namespaces.
    pub namespaces: Vec<Namespace>,
    /// Service accounts.
    pub accounts: Vec<Account>,
    /// Pods and what holds templates of pods.
    pub workloads: Vec<Workload>,
    /// NetworkPolicies.
    pub policies: Vec<Policy>,
    /// Roles and ClusterRoles.
    pub roles: Vec<Role>,
    /// Bindings of both kinds.
    pub bindings: Vec<Binding>,
    /// Secrets.
    pub secrets: Vec<Secret>,
    /// CustomResourceDefinitions, which are among `customs` too.
    pub definitions: Vec<Definition>,
    /// Revisions of Helm releases.
    pub releases: Vec<Release>,
    /// Objects of other kinds.
    pub customs: Vec<Custom>,
    /// Documents of a tree that are no objects: no name, no kind, only a place.
    pub values: Vec<Custom>,
    /// Names that stand in ConfigMaps, where these were read.
    pub settings: Vec<Words>,
    /// Credentials in plain text.
    pub credentials: Vec<Finding>,
    /// Objects that could not be read as what they say they are.
    pub broken: Vec<Head>,
    /// Images that files of Helm values name.
    pub images: Vec<Used>,
    /// Objects in all.
    pub count: usize,
    /// Every object that has a uid, with its identity and its controller.
    known: HashMap<Uid, (ObjectRef, Option<Uid>)>,
    /// See [`Records::used`].
    used: OnceLock<Vec<Used>>,
}

impl Records {
    /// Sorts records into their kinds.
    pub fn new(records: impl IntoIterator<Item = Record>) -> Self {
        let mut all = Self::default();
        for record in records {
            let record = match record {
                Record::Leaking(both) => {
                    all.credentials.extend(both.1);
                    both.0
                }
                record => record,
            };
            all.count += usize::from(!matches!(record, Record::Credential(_) | Record::Image(_) | Record::Values(_)));
            match record {
                Record::Namespace(namespace) => all.namespaces.push(namespace),
                Record::Account(account) => all.accounts.push(account),
                Record::Workload(workload) => {
                    all.know(&workload.head);
                    all.workloads.push(*workload);
                }
                Record::Policy(policy) => all.policies.push(policy),
                Record::Role(role) => all.roles.push(role),
                Record::Binding(binding) => all.bindings.push(binding),
                Record::Secret(secret) => all.secrets.push(*secret),
                Record::Definition(both) => {
                    let (mut definition, custom) = *both;
                    definition.head = custom.head.clone();
                    all.know(&custom.head);
                    all.definitions.push(definition);
                    all.customs.push(custom);
                }
                Record::Release(release) => all.releases.push(*release),
                Record::Custom(custom) => {
                    all.know(&custom.head);
                    all.customs.push(custom);
                }
                Record::Settings(both) => all.settings.push(both.1),
                Record::Values(values) => all.values.push(values),
                Record::Image(used) => all.images.push(*used),
                Record::Credential(finding) => all.credentials.push(*finding),
                Record::Broken(head) => all.broken.push(head),
                // Taken apart above; none holds another.
                Record::Leaking(_) => {}
            }
        }
        all.single_releases();
        all
    }

    /// Leaves one record of a revision: it may have been listed among the Secrets and among Helm's, and read with its
    /// data besides.
    fn single_releases(&mut self) {
        let key = |release: &Release| (release.head.reference(), release.chart.is_none() && release.trouble.is_none());
        let before = self.releases.len();
        self.releases.sort_by_cached_key(key);
        self.releases.dedup_by(|two, one| two.head.reference() == one.head.reference());
        self.count -= before - self.releases.len();
    }

    /// The images of the run; found once.
    pub fn used(&self) -> &[Used] {
        self.used.get_or_init(|| used(self))
    }

    fn know(&mut self, head: &Head) {
        if !head.meta.uid.is_none() {
            let controller = head.meta.controller().map(|owner| owner.uid);
            self.known.insert(head.meta.uid, (head.reference(), controller));
        }
    }

    /// Whether the object's controller was read too, so that this one stands for it.
    pub fn is_owned(&self, head: &Head) -> bool {
        head.meta.controller().is_some_and(|owner| self.known.contains_key(&owner.uid))
    }

    /// What stands for an object in a report: its top controller, as far as owner references lead.
    pub fn top(&self, head: &Head) -> ObjectRef {
        let Some(owner) = head.meta.controller() else { return head.reference() };
        let mut top = owner.reference(&head.meta.namespace);
        let mut next = owner.uid;
        // Owner references cannot loop on a server, but they can in a file.
        for _ in 0..8 {
            let Some((reference, controller)) = self.known.get(&next) else { break };
            top = reference.clone();
            let Some(controller) = controller else { break };
            next = *controller;
        }
        top
    }
}

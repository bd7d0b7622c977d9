//! What `-n` and `-l` leave of the findings. Checks see everything: what a policy or a binding does is
//! not known from one namespace alone.

use crate::record::{Head, Records};
use crate::settings::Settings;
use mlops_shared::cli::Failure;
use mlops_shared::object::{ObjectRef, Section, SectionState, Selector};
use std::collections::HashSet;

/// The part of the findings that was asked for.
#[derive(Debug)]
pub(crate) struct Scope<'a> {
    namespaces: &'a [String],
    /// With a selector: the objects that it chooses.
    chosen: Option<HashSet<ObjectRef>>,
}

impl<'a> Scope<'a> {
    /// The scope of these flags among these records.
    ///
    /// # Errors
    /// When a namespace that was asked for is known not to be there: an empty answer would read as
    /// clean.
    pub(crate) fn new(settings: &'a Settings, records: &Records, sections: &[Section]) -> Result<Self, Failure> {
        let is_namespace = |section: &&Section| section.group.is_empty() && &*section.kind == "Namespace";
        let are_known =
            sections.iter().find(is_namespace).is_some_and(|section| matches!(section.state, SectionState::Read(_)));
        for name in &settings.namespaces {
            let is_there = || heads(records).any(|head| namespace_of(&head.reference()) == name);
            if are_known && !is_there() {
                return Err(Failure::usage(format!("there is no namespace {name}"))
                    .hint("`kubectl get namespaces` lists those that are there"));
            }
        }
        let chosen = settings.selector.as_ref().map(|selector| choose(selector, records));
        Ok(Self { namespaces: &settings.namespaces, chosen })
    }

    /// Whether what is said of an object is part of it. What has no namespace is part of every
    /// namespace's view.
    pub(crate) fn holds(&self, object: &ObjectRef) -> bool {
        let own = namespace_of(object);
        (self.namespaces.is_empty() || own.is_empty() || self.namespaces.iter().any(|wanted| wanted == own))
            && self.chosen.as_ref().is_none_or(|chosen| chosen.contains(object))
    }
}

/// The namespace that an object is in, or is.
fn namespace_of(object: &ObjectRef) -> &str {
    if object.group.is_empty() && &*object.kind == "Namespace" { &object.name } else { &object.namespace }
}

fn choose(selector: &Selector, records: &Records) -> HashSet<ObjectRef> {
    let chosen = heads(records).filter(|head| selector.matches(&head.meta.labels));
    chosen.map(Head::reference).collect()
}

/// The heads of all records.
fn heads(records: &Records) -> impl Iterator<Item = &Head> {
    let namespaces = records.namespaces.iter().map(|it| &it.head);
    let accounts = records.accounts.iter().map(|it| &it.head);
    let workloads = records.workloads.iter().map(|it| &it.head);
    let policies = records.policies.iter().map(|it| &it.head);
    let roles = records.roles.iter().map(|it| &it.head);
    let bindings = records.bindings.iter().map(|it| &it.head);
    let secrets = records.secrets.iter().map(|it| &it.head);
    let customs = records.customs.iter().map(|it| &it.head);
    namespaces
        .chain(accounts)
        .chain(workloads)
        .chain(policies)
        .chain(roles)
        .chain(bindings)
        .chain(secrets)
        .chain(customs)
        .chain(&records.broken)
}

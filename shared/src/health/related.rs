//! What a rule may ask about the objects around the one it judges.

use crate::object::{Event, Inventory, Lookup, Object, ObjectRef, Selector};
use crate::platform::Thresholds;

/// The surroundings of an object: the inventory it stands in, and the limits to judge by.
#[derive(Debug, Clone, Copy)]
pub struct Related<'a> {
    /// All objects of the run.
    pub inventory: &'a Inventory,
    /// Limits at which a verdict changes.
    pub limits: &'a Thresholds,
}

impl<'a> Related<'a> {
    /// The object of this identity, or what is known of its absence.
    pub fn get(&self, group: &str, kind: &str, namespace: &str, name: &str) -> Lookup<'a> {
        self.inventory.get(group, kind, namespace, name)
    }

    /// Pods in `namespace` whose labels fulfil `selector`.
    pub fn pods(&self, namespace: &str, selector: &'a Selector) -> impl Iterator<Item = &'a Object> + 'a {
        self.inventory.in_namespace("", "Pod", namespace).iter().filter(move |pod| selector.matches(&pod.meta.labels))
    }

    /// Pods that this object owns, directly or through a ReplicaSet or Job between them.
    pub fn pods_owned_by(&self, object: &Object) -> Vec<&'a Object> {
        let mut pods = Vec::new();
        for child in self.inventory.owned_by(object.meta.uid) {
            if child.is("", "Pod") {
                pods.push(child);
            } else if child.is("apps", "ReplicaSet") || child.is("batch", "Job") {
                pods.extend(self.inventory.owned_by(child.meta.uid).filter(|pod| pod.is("", "Pod")));
            }
        }
        pods
    }

    /// Pods in `namespace` that carry the label `key: value`.
    pub fn pods_labelled(&self, namespace: &str, key: &str, value: &str) -> impl Iterator<Item = &'a Object> {
        self.inventory.in_namespace("", "Pod", namespace).iter().filter(move |pod| pod.meta.labels.has(key, value))
    }

    /// Warnings about this object whose reason is one of `reasons`, latest first.
    pub fn events<'r>(&self, object: &Object, reasons: &'r [&'r str]) -> impl Iterator<Item = &'a Event> + use<'a, 'r> {
        self.inventory.events_of(object.meta.uid).iter().rev().filter(move |event| reasons.contains(&&*event.reason))
    }

    /// The latest warning about this object whose reason is one of `reasons` (any, when empty).
    pub fn warning(&self, object: &Object, reasons: &[&str]) -> Option<&'a Event> {
        let fits = |event: &&Event| reasons.is_empty() || reasons.contains(&&*event.reason);
        self.inventory.events_of(object.meta.uid).iter().rev().find(fits)
    }

    /// The top controller of this object as far as owner references lead (a Deployment for its
    /// pods); the object's own identity when nothing owns it.
    pub fn top_controller(&self, object: &Object) -> ObjectRef {
        let mut current = object.reference();
        let mut next = object.meta.controller();
        // Owner references cannot loop on a server, but they can in a file.
        for _ in 0..8 {
            let Some(owner) = next else { break };
            current = owner.reference(&object.meta.namespace);
            next = self.inventory.by_uid(owner.uid).and_then(|parent| parent.meta.controller());
        }
        current
    }
}

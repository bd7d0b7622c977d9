//! What nodes have left for pods.

use super::{Body, Inventory, Node, Object, Pod, Sym};
use crate::text::Quantity;
use std::collections::HashMap;

/// A node with the pods on it that have not ended.
#[derive(Debug, Clone)]
pub struct Room<'a> {
    /// The node's object.
    pub object: &'a Object,
    /// Its record.
    pub node: &'a Node,
    /// The pods' objects.
    pub pods: Vec<&'a Object>,
}

/// Every node, in the order of the inventory.
pub fn rooms(inventory: &Inventory) -> Vec<Room<'_>> {
    let mut by_node: HashMap<&str, Vec<&Object>> = HashMap::new();
    for object in inventory.of_kind("", "Pod") {
        if let Some(pod) = object.pod().filter(|pod| !pod.is_finished() && !pod.node.is_empty()) {
            by_node.entry(&pod.node).or_default().push(object);
        }
    }
    let nodes = inventory.of_kind("", "Node").iter();
    nodes
        .filter_map(|object| match &object.body {
            Body::Node(node) => {
                let pods = by_node.remove(&*object.meta.name).unwrap_or_default();
                Some(Room { object, node, pods })
            }
            _ => None,
        })
        .collect()
}

impl<'a> Room<'a> {
    /// Why it takes no new pods, if it does not.
    pub fn closed(&self) -> Option<&'static str> {
        let is_ready = || {
            let mut conditions = self.node.status.conditions.iter();
            conditions.any(|condition| &*condition.r#type == "Ready" && condition.is_true())
        };
        if self.node.spec.unschedulable {
            Some("cordoned")
        } else if !is_ready() {
            Some("not ready")
        } else if self.slots().is_some_and(|slots| self.pods.len() >= slots) {
            Some("no pod slot left")
        } else {
            None
        }
    }

    /// Pods that it takes in all; `None` where it does not say.
    pub fn slots(&self) -> Option<usize> {
        let slots = self.allocatable("pods");
        (slots > Quantity::ZERO).then(|| usize::try_from(slots.units()).unwrap_or(usize::MAX))
    }

    /// What pods may use of a resource.
    pub fn allocatable(&self, resource: &str) -> Quantity {
        self.node.status.allocatable.get(&Sym::new(resource)).copied().unwrap_or_default()
    }

    /// What the pods on it request.
    pub fn requested(&self, resource: &str) -> Quantity {
        self.records().map(|pod| pod.request(resource)).sum()
    }

    /// What is left to request, whether or not it takes new pods.
    pub fn left(&self, resource: &str) -> Quantity {
        (self.allocatable(resource) - self.requested(resource)).max(Quantity::ZERO)
    }

    /// The records of the pods.
    pub fn records(&self) -> impl Iterator<Item = &'a Pod> {
        self.pods.iter().filter_map(|object| object.pod())
    }
}

//! The cause graph: from every finding to the one object that explains it.
//!
//! Nodes are the objects that are not well, and objects that are missing. An edge leads from an
//! effect to a cause: first what the effect's own verdict blames, then what the objects' relations
//! say. Every node follows its first edge; where that ends is its root.

mod relations;

use super::codes_of_graph::OBJECT_MISSING;
use super::expectations::Absence;
use crate::object::{Inventory, Lookup, ObjectRef};
use crate::report::{Level, Verdict};
use relations::{Relations, family, makers};
use std::collections::{BTreeMap, HashMap, HashSet};

/// A node: the position of an object in the inventory, or of something absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Node {
    /// An object that was read.
    Object(usize),
    /// Something that is not there.
    Absent(usize),
}

/// A root and what it explains.
#[derive(Debug)]
pub struct Root {
    /// The root.
    pub node: Node,
    /// Its effects, most urgent first.
    pub explains: Vec<Node>,
}

/// Missing objects that verdicts blame, added to those that the platform file expects.
pub(super) fn add_missing(inventory: &Inventory, verdicts: &[Verdict], absences: &mut Vec<Absence>) {
    let mut wanted: BTreeMap<&ObjectRef, Vec<usize>> = BTreeMap::new();
    for (index, verdict) in verdicts.iter().enumerate().filter(|(_, verdict)| verdict.level > Level::Ok) {
        for blamed in &verdict.blames {
            if matches!(inventory.find(blamed), Lookup::Missing) {
                wanted.entry(blamed).or_default().push(index);
            }
        }
    }
    let known: HashSet<ObjectRef> = absences.iter().map(|absence| absence.object.clone()).collect();
    for (object, by) in wanted.into_iter().filter(|(object, _)| !known.contains(*object)) {
        let asks = if by.len() == 1 { "asks" } else { "ask" };
        let message = format!("is missing; {} {asks} for it", crate::text::plural(by.len(), "object"));
        let level = by.iter().map(|index| verdicts[*index].level).max().unwrap_or(Level::Fail);
        let since = by.iter().filter_map(|index| verdicts[*index].since).min();
        absences.push(Absence {
            object: object.clone(),
            area: crate::platform::Area::Cluster,
            verdict: Verdict::new(level, &OBJECT_MISSING, message).since(since),
        });
    }
}

/// The graph over one inventory.
pub(super) struct Graph<'a> {
    inventory: &'a Inventory,
    verdicts: &'a [Verdict],
    absences: &'a [Absence],
    relations: Relations<'a>,
    /// Positions of what is absent.
    absent: HashMap<&'a ObjectRef, usize>,
}

impl<'a> Graph<'a> {
    pub(super) fn new(inventory: &'a Inventory, verdicts: &'a [Verdict], absences: &'a [Absence]) -> Self {
        let mut absent = HashMap::new();
        for (index, absence) in absences.iter().enumerate() {
            absent.entry(&absence.object).or_insert(index);
        }
        Self { inventory, verdicts, absences, relations: Relations::new(inventory, verdicts), absent }
    }

    fn verdict(&self, node: Node) -> &'a Verdict {
        match node {
            Node::Object(index) => &self.verdicts[index],
            Node::Absent(index) => &self.absences[index].verdict,
        }
    }

    fn node_of(&self, reference: &ObjectRef) -> Option<Node> {
        match self.inventory.find(reference) {
            Lookup::Found(object) => self.inventory.position(object).map(Node::Object),
            Lookup::Missing | Lookup::Unread => self.absent.get(reference).copied().map(Node::Absent),
        }
    }

    /// Whether `cause` may explain `effect`: it is not well itself. What an object's own verdict
    /// blames may be milder than the effect; what mere relations suggest may not.
    fn may_explain(&self, cause: Node, effect: Node, is_blamed: bool) -> bool {
        let (cause_level, effect_level) = (self.verdict(cause).level, self.verdict(effect).level);
        cause != effect
            && cause_level > Level::Absent
            && (is_blamed || cause_level >= effect_level || cause_level == Level::Fail)
    }

    /// The worst of these, the first of equals.
    fn worst(&self, nodes: impl Iterator<Item = Node>) -> Option<Node> {
        let mut best: Option<Node> = None;
        for node in nodes {
            if best.is_none_or(|best| self.verdict(node).level > self.verdict(best).level) {
                best = Some(node);
            }
        }
        best
    }

    /// The cause that a node points at first.
    fn cause_of(&self, effect: Node) -> Option<Node> {
        // What somebody holds on purpose has that for its cause.
        if self.verdict(effect).level == Level::Suspended {
            return None;
        }
        // The worst of the blamed leads, the first of equals: it is named first by its rule.
        let blamed = self.verdict(effect).blames.iter().filter_map(|blamed| self.node_of(blamed));
        if let Some(best) = self.worst(blamed.filter(|node| self.may_explain(*node, effect, true))) {
            return Some(best);
        }
        let related = match effect {
            Node::Object(index) => self.relations.of(&self.inventory.objects()[index], self.verdict(effect)),
            // A Secret that is missing has somebody who should have made it.
            Node::Absent(index) => match &self.absences[index].object {
                gone if &*gone.kind == "Secret" => makers(self.inventory, &gone.namespace, &gone.name),
                _ => return None,
            },
        };
        let related = related.into_iter().filter_map(|object| self.inventory.position(object).map(Node::Object));
        self.worst(related.filter(|node| self.may_explain(*node, effect, false)))
    }

    /// Every root with what it explains, most urgent first.
    pub(super) fn roots(&self) -> Vec<Root> {
        let objects = (0..self.verdicts.len()).map(Node::Object);
        let absent = (0..self.absences.len()).map(Node::Absent);
        let nodes: Vec<Node> =
            objects.chain(absent).filter(|node| self.verdict(*node).worst_level() > Level::Absent).collect();
        let causes: HashMap<Node, Node> =
            nodes.iter().filter_map(|node| self.cause_of(*node).map(|cause| (*node, cause))).collect();
        let mut groups: BTreeMap<Node, Vec<Node>> = BTreeMap::new();
        for (node, root) in ends(&causes, &nodes) {
            let explains = groups.entry(root).or_default();
            if root != node {
                explains.push(node);
            }
        }
        self.join_siblings(&mut groups);
        let mut roots: Vec<Root> = groups
            .into_iter()
            .map(|(node, mut explains)| {
                explains.sort_by_key(|effect| (std::cmp::Reverse(self.verdict(*effect).level), *effect));
                Root { node, explains }
            })
            .collect();
        roots.sort_by_key(|root| {
            let own = self.verdict(root.node).worst_level();
            // What a mild cause brings about may be worse than the cause itself.
            let worst = root.explains.iter().map(|effect| self.verdict(*effect).level).fold(own, Level::max);
            (std::cmp::Reverse((worst, own, root.explains.len())), root.node)
        });
        roots
    }

    /// Findings of one family (see [`family`]) with the same code are one cause: the first leads.
    fn join_siblings(&self, groups: &mut BTreeMap<Node, Vec<Node>>) {
        let mut leaders: HashMap<_, Node> = HashMap::new();
        let roots: Vec<Node> = groups.keys().copied().collect();
        for root in roots {
            let Node::Object(index) = root else { continue };
            let Some(family) = family(self.inventory, &self.inventory.objects()[index], self.verdict(root)) else {
                continue;
            };
            let key = (family, self.verdict(root).code.id);
            match leaders.get(&key) {
                Some(leader) => {
                    let moved = groups.remove(&root).unwrap_or_default();
                    if let Some(explains) = groups.get_mut(leader) {
                        explains.push(root);
                        explains.extend(moved);
                    }
                }
                None => {
                    leaders.insert(key, root);
                }
            }
        }
    }
}

/// The end of the chain of causes of each node, in the order of `nodes`. A loop ends at its smallest
/// member, so that all of its members share one root. Every edge is followed once.
fn ends(causes: &HashMap<Node, Node>, nodes: &[Node]) -> Vec<(Node, Node)> {
    let mut known: HashMap<Node, Node> = HashMap::with_capacity(nodes.len());
    for start in nodes {
        let (mut path, mut places) = (Vec::new(), HashMap::new());
        let mut current = *start;
        let end = loop {
            if let Some(end) = known.get(&current) {
                break *end;
            }
            if let Some(entry) = places.get(&current) {
                break path[*entry..].iter().copied().min().unwrap_or(current);
            }
            places.insert(current, path.len());
            path.push(current);
            match causes.get(&current) {
                Some(next) => current = *next,
                None => break current,
            }
        };
        known.extend(path.into_iter().map(|node| (node, end)));
    }
    nodes.iter().map(|node| (*node, known.get(node).copied().unwrap_or(*node))).collect()
}

#[cfg(test)]
#[path = "graph_tests.rs"]
mod tests;

//! The engine: verdicts for all objects, and their causes.

use super::expectations::{self, Absence};
use super::graph::{self, Graph, Node, Root};
use super::{Related, assess, controllers};
use crate::object::Inventory;
use crate::platform::Platform;
use crate::report::Verdict;
use jiff::Timestamp;

/// What the engine found.
#[derive(Debug)]
pub struct Judgement {
    /// One verdict an object, in the inventory's order.
    pub verdicts: Vec<Verdict>,
    /// What is not there.
    pub absences: Vec<Absence>,
    /// The causes, most urgent first; every object that is not well is in exactly one of them.
    pub roots: Vec<Root>,
}

impl Judgement {
    /// The verdict of a node.
    pub fn verdict(&self, node: Node) -> &Verdict {
        match node {
            Node::Object(index) => &self.verdicts[index],
            Node::Absent(index) => &self.absences[index].verdict,
        }
    }
}

/// Judges every object and finds the causes.
pub fn judge(inventory: &Inventory, platform: &Platform, now: Timestamp) -> Judgement {
    let related = Related { inventory, limits: &platform.thresholds };
    let mut verdicts: Vec<Verdict> = inventory.objects().iter().map(|object| assess(object, &related, now)).collect();
    controllers::mark_stale(inventory, &mut verdicts);
    let mut absences = expectations::absences(inventory, platform);
    graph::add_missing(inventory, &verdicts, &mut absences);
    let roots = Graph::new(inventory, &verdicts, &absences).roots();
    Judgement { verdicts, absences, roots }
}

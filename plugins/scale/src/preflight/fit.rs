//! Whether so many more pods find a place: now, with more nodes of the kinds that there are, or never.
//!
//! As the scheduler filters (kubernetes, `pkg/scheduler/framework/plugins`): room by effective requests, pod slots,
//! node selectors and affinity, taints, where volumes can be attached, and the rules among pods (`rules.rs`). Pods are
//! placed one after the other, each where fewest of its like are and most room is left. That finds a place wherever equal
//! pods find one by room; with rules among pods the scheduler may find one where this does not.

use super::pins::{Pin, Pins};
use super::pods::Wanted;
use super::rules::Rules;
use super::{check, node, unread};
use crate::situation::Situation;
use mlops_shared::object::{Room, rooms};
use mlops_shared::report::{Level, Preflight};
use mlops_shared::text::{Quantity, bytes, cores, plural};
use std::collections::BTreeMap;

/// Pods that are placed one by one; for more only the first are tried, and it is said.
const MOST: u32 = 2_000;

/// Whether `more` pods of the object's template fit, with the volumes that they are bound to.
pub(crate) fn capacity(situation: &Situation<'_>, wanted: &Wanted<'_>, more: u32, pins: &Pins<'_>) -> Preflight {
    let gaps: Vec<String> = ["Node", "Pod"].into_iter().filter_map(|kind| unread(situation, "", kind)).collect();
    if !gaps.is_empty() {
        return check(
            "capacity",
            Level::Unknown,
            format!("whether they fit is not known: {}", gaps.join(", ")),
            Vec::new(),
        );
    }
    let rooms = rooms(situation.inventory);
    let tried = more.min(MOST);
    let rules = Rules::of(wanted, &rooms);
    let mut places: Vec<Place<'_>> = rooms.iter().map(|room| Place::of(room, wanted, &rules)).collect();
    let mut placed = 0;
    while placed < tried {
        let Some(index) = best(&places, wanted, &rules, &pins.held(placed)) else { break };
        places[index].take(wanted);
        placed += 1;
    }
    let wants = requests(wanted);
    let nodes = plural(places.len(), "node");
    let pods = format!("{} ({wants})", plural(more as usize, "more pod"));
    if placed == tried {
        let beyond = if more > tried { format!("; only the first {tried} were tried") } else { String::new() };
        let level = if more > tried { Level::Warn } else { Level::Ok };
        return check("capacity", level, format!("fits now: {pods} on {nodes}{beyond}"), where_placed(&places));
    }
    let pins = pins.held(placed);
    let evidence = reasons(&places, wanted, &rules, &pins);
    let could = places.iter().filter(|place| place.could_ever(wanted) && place.detached(&pins).is_none()).count();
    if could == 0 {
        let message = format!("cannot: none of {nodes} could take a pod like this ({wants}), even when empty");
        return check("capacity", Level::Fail, message, evidence);
    }
    let message = format!(
        "needs the autoscaler, or another {}: {placed} of {pods} fit now; {could} of {nodes} could take one when empty",
        plural((tried - placed) as usize, "place")
    );
    check("capacity", Level::Warn, message, evidence)
}

/// A node, as it fills.
pub(super) struct Place<'a> {
    pub(super) room: &'a Room<'a>,
    /// Whether selectors and node affinity let the pod on it.
    pub(super) is_chosen: bool,
    /// Whether its taints do.
    pub(super) is_tolerated: bool,
    /// The port of it that another pod has and the new ones want.
    pub(super) taken: Option<String>,
    refuses: Option<String>,
    /// What is left, in the order of `Wanted::requests`.
    left: Vec<Quantity>,
    slots: Option<usize>,
    /// New pods on it.
    pub(super) new: usize,
}

impl<'a> Place<'a> {
    fn of(room: &'a Room<'a>, wanted: &Wanted<'_>, rules: &Rules<'_>) -> Self {
        let left = wanted.requests.iter().map(|(name, _)| room.left(name));
        let slots = room.slots().map(|slots| slots.saturating_sub(room.pods.len()));
        let (unchosen, taint) = (node::unchosen(room, wanted), node::taint(room, wanted));
        Self {
            room,
            is_chosen: unchosen.is_none(),
            is_tolerated: taint.is_none(),
            taken: rules.taken(room),
            refuses: unchosen.or(taint),
            left: left.collect(),
            slots,
            new: 0,
        }
    }

    fn take(&mut self, wanted: &Wanted<'_>) {
        for (left, (_, amount)) in self.left.iter_mut().zip(&wanted.requests) {
            *left = *left - *amount;
        }
        self.slots = self.slots.map(|slots| slots.saturating_sub(1));
        self.new += 1;
    }

    /// What is missing for one more; `None` when there is room.
    fn lacks(&self, wanted: &Wanted<'_>) -> Option<String> {
        if let Some(closed) = self.room.closed() {
            return Some(closed.to_owned());
        }
        if let Some(refuses) = &self.refuses {
            return Some(refuses.clone());
        }
        if self.slots == Some(0) {
            return Some("no pod slot left".to_owned());
        }
        let mut all = self.left.iter().zip(&wanted.requests);
        all.find(|(left, (_, amount))| *left < amount).map(|(_, (name, _))| format!("too little {name} left"))
    }

    /// Whether it could take one when it were empty and open.
    fn could_ever(&self, wanted: &Wanted<'_>) -> bool {
        self.refuses.is_none() && wanted.requests.iter().all(|(name, amount)| *amount <= self.room.allocatable(name))
    }

    /// The volume that cannot be here, in words.
    fn detached(&self, pins: &[&Pin<'_>]) -> Option<String> {
        pins.iter().find(|pin| !pin.holds(self.room.object)).map(ToString::to_string)
    }

    pub(super) fn label(&self, key: &str) -> Option<&str> {
        self.room.object.meta.labels.get(key)
    }
}

/// The node for the next pod: with fewest new ones, then with most room.
fn best(places: &[Place<'_>], wanted: &Wanted<'_>, rules: &Rules<'_>, pins: &[&Pin<'_>]) -> Option<usize> {
    let tallies = rules.tallies(places);
    let open = places.iter().enumerate().filter(|(_, place)| place.lacks(wanted).is_none());
    let open = open.filter(|(_, place)| place.detached(pins).is_none() && rules.forbids(place, &tallies).is_none());
    let cpu = wanted.requests.iter().position(|(name, _)| name == "cpu");
    let room = |place: &Place<'_>| cpu.and_then(|index| place.left.get(index)).copied().unwrap_or(Quantity::ZERO);
    open.min_by_key(|(_, place)| (place.new, std::cmp::Reverse(room(place)))).map(|(index, _)| index)
}

/// `1.5 cpu, 2Gi memory`
fn requests(wanted: &Wanted<'_>) -> String {
    let amounts: Vec<String> = wanted
        .requests
        .iter()
        .filter(|(_, amount)| *amount > Quantity::ZERO)
        .map(|(name, amount)| format!("{} {name}", show(name, *amount)))
        .collect();
    if amounts.is_empty() { "requests nothing".to_owned() } else { format!("each {}", amounts.join(", ")) }
}

/// An amount as people write it.
pub(crate) fn show(resource: &str, amount: Quantity) -> String {
    match resource {
        "cpu" => cores(amount),
        name if name == "memory" || name.ends_with("storage") || name.starts_with("hugepages-") => bytes(amount),
        _ => amount.units().to_string(),
    }
}

fn where_placed(places: &[Place<'_>]) -> Vec<String> {
    let taken = places.iter().filter(|place| place.new > 0);
    taken.map(|place| format!("{} takes {}", place.room.object.meta.name, place.new)).collect()
}

/// Why nodes take no more, most common first, with the most that is left.
fn reasons(places: &[Place<'_>], wanted: &Wanted<'_>, rules: &Rules<'_>, pins: &[&Pin<'_>]) -> Vec<String> {
    let tallies = rules.tallies(places);
    let mut by_reason: BTreeMap<String, usize> = BTreeMap::new();
    for place in places {
        let why = place.lacks(wanted).or_else(|| place.detached(pins)).or_else(|| rules.forbids(place, &tallies));
        *by_reason.entry(why.unwrap_or_else(|| "no reason found".to_owned())).or_default() += 1;
    }
    let mut lines: Vec<(usize, String)> = by_reason.into_iter().map(|(why, count)| (count, why)).collect();
    lines.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let most = |(index, name): (usize, &str)| {
        let usable = places.iter().filter(|place| place.refuses.is_none() && place.room.closed().is_none());
        usable.max_by_key(|place| place.left.get(index).copied()).map(|place| {
            let left = place.left.get(index).copied().unwrap_or_default();
            format!("most {name} left: {} on {}", show(name, left), place.room.object.meta.name)
        })
    };
    let counted = lines.into_iter().map(|(count, why)| format!("{}: {why}", plural(count, "node")));
    let names = wanted.requests.iter().map(|(name, _)| name.as_str()).enumerate();
    counted.chain(names.filter_map(most)).collect()
}

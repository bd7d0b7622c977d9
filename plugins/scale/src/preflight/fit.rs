//! Whether so many more pods find a place: now, with more nodes of the kinds that there are, or never.
//!
//! As the scheduler filters (kubernetes, `pkg/scheduler/framework/plugins`): room by effective requests, pod slots,
//! node selectors and affinity, taints, required affinity and anti-affinity among pods, spread that must hold, ports of the
//! node. Pods are placed one after the other, each where fewest of its like are and most room is left. That finds a
//! place wherever equal pods find one by room; with rules among pods the scheduler may find one where this does not.
//! What other pods forbid to the new ones (their own anti-affinity, their host ports) is not read.

use super::pods::{Wanted, array};
use super::{check, node, unread};
use crate::situation::Situation;
use mlops_shared::object::{Labels, Object, Room, rooms};
use mlops_shared::report::{Level, Preflight};
use mlops_shared::text::{Quantity, bytes, cores, plural};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// Pods that are placed one by one; for more only the first are tried, and it is said.
const MOST: u32 = 2_000;

/// Whether `more` pods of the object's template fit.
pub(crate) fn capacity(situation: &Situation<'_>, wanted: &Wanted<'_>, more: u32) -> Preflight {
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
    let mut places: Vec<Place<'_>> = rooms.iter().map(|room| Place::of(room, wanted)).collect();
    let rules = Rules::of(wanted, &rooms);
    let mut placed = 0;
    while placed < tried {
        let Some(index) = best(&places, wanted, &rules) else { break };
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
    let evidence = reasons(&places, wanted, &rules);
    let could = places.iter().filter(|place| place.could_ever(wanted)).count();
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
struct Place<'a> {
    room: &'a Room<'a>,
    refuses: Option<String>,
    /// What is left, in the order of `Wanted::requests`.
    left: Vec<Quantity>,
    slots: Option<usize>,
    /// New pods on it.
    new: usize,
}

impl<'a> Place<'a> {
    fn of(room: &'a Room<'a>, wanted: &Wanted<'_>) -> Self {
        let left = wanted.requests.iter().map(|(name, _)| room.left(name));
        let slots = room.slots().map(|slots| slots.saturating_sub(room.pods.len()));
        Self { room, refuses: node::refuses(room, wanted), left: left.collect(), slots, new: 0 }
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

    fn label(&self, key: &str) -> Option<&str> {
        self.room.object.meta.labels.get(key)
    }
}

/// A rule among pods.
struct Rule {
    is: Is,
    topology: String,
    /// Pods that are there and that it counts, by node.
    old: Vec<usize>,
    /// Whether it counts the new ones.
    counts_new: bool,
}

enum Is {
    /// Not in a domain with any of them.
    Apart,
    /// In a domain with one of them.
    Together,
    /// In no domain so much fuller than the emptiest.
    Spread(usize),
}

/// The rules of a pod that must hold.
struct Rules {
    all: Vec<Rule>,
    /// One pod a node, for it takes these ports of the node.
    ports: Vec<String>,
}

impl Rules {
    fn of(wanted: &Wanted<'_>, rooms: &[Room<'_>]) -> Self {
        let rule = |value: &Value, is: Is| {
            let selector = value.get("labelSelector");
            let named: Vec<&str> = array(value.get("namespaces")).iter().filter_map(Value::as_str).collect();
            // A selector of namespaces is not read: all of them count, which forbids more than less.
            let is_any = value.get("namespaceSelector").is_some_and(Value::is_object);
            let is_in = |namespace: &str| {
                is_any || named.contains(&namespace) || (named.is_empty() && namespace == wanted.namespace)
            };
            let counts = |pod: &&&Object| is_in(&pod.meta.namespace) && node::selects(selector, &pod.meta.labels);
            Rule {
                is,
                topology: value.get("topologyKey").and_then(Value::as_str).unwrap_or_default().to_owned(),
                old: rooms.iter().map(|room| room.pods.iter().filter(counts).count()).collect(),
                counts_new: is_in(wanted.namespace) && node::selects(selector, wanted.labels()),
            }
        };
        let required = |kind: &str| {
            let path = format!("/affinity/{kind}/requiredDuringSchedulingIgnoredDuringExecution");
            array(wanted.spec.pointer(&path)).iter()
        };
        let spread = array(wanted.spec.get("topologySpreadConstraints")).iter();
        // DoNotSchedule is the default.
        let spread = spread.filter(|it| it.get("whenUnsatisfiable").and_then(Value::as_str) != Some("ScheduleAnyway"));
        let skew = |it: &Value| it.get("maxSkew").and_then(Value::as_u64).and_then(|skew| usize::try_from(skew).ok());
        let apart = required("podAntiAffinity").map(|it| rule(it, Is::Apart));
        let together = required("podAffinity").map(|it| rule(it, Is::Together));
        let all = apart.chain(together).chain(spread.map(|it| rule(it, Is::Spread(skew(it).unwrap_or(1)))));
        Self { all: all.collect(), ports: wanted.host_ports() }
    }

    /// For each rule, what it counts in each domain.
    fn tallies<'p>(&self, places: &'p [Place<'_>]) -> Vec<HashMap<&'p str, usize>> {
        let tally = |rule: &Rule| {
            let mut domains = HashMap::new();
            for (place, old) in places.iter().zip(&rule.old) {
                // Of a spread those domains count whose nodes the pod may use (nodeAffinityPolicy: Honor).
                let is_open = place.refuses.is_none() || !matches!(rule.is, Is::Spread(_));
                if let Some(domain) = place.label(&rule.topology).filter(|_| is_open) {
                    *domains.entry(domain).or_default() += old + if rule.counts_new { place.new } else { 0 };
                }
            }
            domains
        };
        self.all.iter().map(tally).collect()
    }

    /// Why a node that has room takes no more; `None` when it does.
    fn forbids(&self, place: &Place<'_>, wanted: &Wanted<'_>, tallies: &[HashMap<&str, usize>]) -> Option<String> {
        let has_like = || place.new > 0 || place.room.pods.iter().any(|pod| is_like(&pod.meta.labels, wanted));
        if !self.ports.is_empty() && has_like() {
            return Some(format!("port {} of the node is taken by its like", self.ports.join(", ")));
        }
        self.all.iter().zip(tallies).find_map(|(rule, tally)| {
            let own = place.label(&rule.topology);
            let count = own.and_then(|own| tally.get(own)).copied().unwrap_or(0);
            let topology = &rule.topology;
            match rule.is {
                Is::Apart => (count > 0).then(|| format!("its anti-affinity by {topology}")),
                Is::Together => {
                    // The first of a group that wants to be near itself may start anywhere.
                    let is_first = rule.counts_new && tally.values().all(|count| *count == 0);
                    (count == 0 && !is_first).then(|| format!("its affinity by {topology}"))
                }
                Is::Spread(_) if own.is_none() => Some(format!("without the label {topology} that its spread needs")),
                Is::Spread(skew) => {
                    let least = tally.values().min().copied().unwrap_or(0);
                    let after = count + usize::from(rule.counts_new);
                    (after.saturating_sub(least) > skew).then(|| format!("its spread by {topology}"))
                }
            }
        })
    }
}

fn is_like(labels: &Labels, wanted: &Wanted<'_>) -> bool {
    !wanted.labels().is_empty() && labels.contains_all(wanted.labels())
}

/// The node for the next pod: with fewest new ones, then with most room.
fn best(places: &[Place<'_>], wanted: &Wanted<'_>, rules: &Rules) -> Option<usize> {
    let tallies = rules.tallies(places);
    let open = places.iter().enumerate().filter(|(_, place)| place.lacks(wanted).is_none());
    let open = open.filter(|(_, place)| rules.forbids(place, wanted, &tallies).is_none());
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
fn reasons(places: &[Place<'_>], wanted: &Wanted<'_>, rules: &Rules) -> Vec<String> {
    let tallies = rules.tallies(places);
    let mut by_reason: BTreeMap<String, usize> = BTreeMap::new();
    for place in places {
        let why = place.lacks(wanted).or_else(|| rules.forbids(place, wanted, &tallies));
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

//! Rules among pods: required affinity and anti-affinity, spread, ports of the node, and what pods that are there keep
//! from new ones.

use super::fit::Place;
use super::node;
use super::pods::{Wanted, array};
use mlops_shared::object::{HostPort, Object, Room};
use serde_json::Value;
use std::collections::HashMap;

/// A rule of the new pods.
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
    Spread(Spread),
}

/// A spread that must hold (kubernetes, `podtopologyspread`).
struct Spread {
    skew: usize,
    /// With fewer domains the emptiest counts as empty.
    domains: usize,
    /// Whether domains count only where the pod's selectors and affinity let it on a node; the default.
    honors_affinity: bool,
    /// The same of taints; not the default.
    honors_taints: bool,
}

impl Spread {
    fn of(constraint: &Value) -> Self {
        let number = |key: &str| {
            let number = constraint.get(key).and_then(Value::as_u64)?;
            usize::try_from(number).ok()
        };
        let policy = |key: &str| constraint.get(key).and_then(Value::as_str);
        Self {
            skew: number("maxSkew").unwrap_or(1),
            domains: number("minDomains").unwrap_or(1),
            honors_affinity: policy("nodeAffinityPolicy") != Some("Ignore"),
            honors_taints: policy("nodeTaintsPolicy") == Some("Honor"),
        }
    }
}

/// The rules of a pod that must hold, and what others keep from it.
pub(super) struct Rules<'a> {
    all: Vec<Rule>,
    ports: Vec<&'a HostPort>,
    /// Domains (label, value) that a pod in them keeps for itself, and its name.
    walls: HashMap<(&'a str, &'a str), &'a str>,
}

impl<'a> Rules<'a> {
    pub(super) fn of(wanted: &'a Wanted<'_>, rooms: &'a [Room<'a>]) -> Self {
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
        let apart = required("podAntiAffinity").map(|it| rule(it, Is::Apart));
        let together = required("podAffinity").map(|it| rule(it, Is::Together));
        let all = apart.chain(together).chain(spread.map(|it| rule(it, Is::Spread(Spread::of(it)))));
        let ports = wanted.pod().placing.iter().flat_map(|placing| placing.ports.iter());
        Self { all: all.collect(), ports: ports.collect(), walls: walls(wanted, rooms) }
    }

    /// Which port of the node a pod on it has that the new ones want, if any has.
    pub(super) fn taken(&self, room: &Room<'_>) -> Option<String> {
        if self.ports.is_empty() {
            return None;
        }
        let placings = room.pods.iter().filter_map(|pod| Some((pod, pod.pod()?.placing.as_ref()?)));
        placings.into_iter().find_map(|(pod, placing)| {
            let port = placing.ports.iter().find(|old| self.ports.iter().any(|new| new.collides(old)))?;
            Some(format!("port {}/{} of the node is taken by pod {}", port.port, port.protocol, pod.meta.name))
        })
    }

    /// For each rule, what it counts in each domain.
    pub(super) fn tallies<'p>(&self, places: &'p [Place<'_>]) -> Vec<HashMap<&'p str, usize>> {
        let tally = |rule: &Rule| {
            let mut domains = HashMap::new();
            for (place, old) in places.iter().zip(&rule.old) {
                let is_counted = match &rule.is {
                    Is::Spread(spread) => {
                        (place.is_chosen || !spread.honors_affinity) && (place.is_tolerated || !spread.honors_taints)
                    }
                    Is::Apart | Is::Together => true,
                };
                if let Some(domain) = place.label(&rule.topology).filter(|_| is_counted) {
                    *domains.entry(domain).or_default() += old + if rule.counts_new { place.new } else { 0 };
                }
            }
            domains
        };
        self.all.iter().map(tally).collect()
    }

    /// Why a node that has room takes no more; `None` when it does.
    pub(super) fn forbids(&self, place: &Place<'_>, tallies: &[HashMap<&str, usize>]) -> Option<String> {
        if let Some(taken) = &place.taken {
            return Some(taken.clone());
        }
        if let Some(port) = self.ports.first().filter(|_| place.new > 0) {
            return Some(format!("port {}/{} of the node is taken by its like", port.port, port.protocol));
        }
        let labels = &place.room.object.meta.labels;
        let wall = self.walls.iter().find(|((key, value), _)| labels.get(key) == Some(*value));
        if let Some(((key, _), pod)) = wall {
            return Some(format!("pod {pod} keeps it away, by its anti-affinity by {key}"));
        }
        self.all.iter().zip(tallies).find_map(|(rule, tally)| {
            let own = place.label(&rule.topology);
            let count = own.and_then(|own| tally.get(own)).copied().unwrap_or(0);
            let topology = &rule.topology;
            match &rule.is {
                Is::Apart => (count > 0).then(|| format!("its anti-affinity by {topology}")),
                Is::Together => {
                    // The first of a group that wants to be near itself may start anywhere.
                    let is_first = rule.counts_new && tally.values().all(|count| *count == 0);
                    (count == 0 && !is_first).then(|| format!("its affinity by {topology}"))
                }
                Is::Spread(_) if own.is_none() => Some(format!("without the label {topology} that its spread needs")),
                Is::Spread(spread) => {
                    let is_enough = tally.len() >= spread.domains;
                    let least = tally.values().min().copied().filter(|_| is_enough).unwrap_or(0);
                    let after = count + usize::from(rule.counts_new);
                    (after.saturating_sub(least) > spread.skew).then(|| format!("its spread by {topology}"))
                }
            }
        })
    }
}

/// Domains that pods keep new ones away from by their own required anti-affinity.
fn walls<'a>(wanted: &Wanted<'_>, rooms: &'a [Room<'a>]) -> HashMap<(&'a str, &'a str), &'a str> {
    let mut walls = HashMap::new();
    for room in rooms {
        for (pod, placing) in room.pods.iter().filter_map(|pod| Some((pod, pod.pod()?.placing.as_ref()?))) {
            let terms = placing.apart.iter();
            for term in terms.filter(|term| term.keeps_away(&pod.meta, wanted.namespace, wanted.labels())) {
                if let Some(value) = room.object.meta.labels.get(&term.topology_key) {
                    walls.entry((&*term.topology_key, value)).or_insert(&*pod.meta.name);
                }
            }
        }
    }
    walls
}

//! Nodes, and the GPUs and other devices on them.

use super::facts::{Facts, Live, number, sum_limits};
use super::model::{Amounts, DeviceUsage, Fill, Holder, NodeDevices, NodeUsage};
use super::sources::ready;
use jiff::Timestamp;
use mlops_shared::health::fullness::Fullness;
use mlops_shared::health::{Related, assess};
use mlops_shared::object::{Body, Filesystem, Node, Object, Sym, is_extended};
use mlops_shared::report::Verdict;
use mlops_shared::text::{self, Quantity};
use std::collections::{BTreeMap, BTreeSet};

/// Conditions of every node that are bad when True.
const PRESSURES: &[&str] = &["MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"];

/// The nodes that `-l` means, each with its verdict.
pub(super) fn nodes(facts: &Facts<'_>) -> Vec<(NodeUsage, Verdict)> {
    let related = Related { inventory: facts.ask.inventory, limits: &facts.ask.platform.thresholds };
    let objects = facts.ask.inventory.of_kind("", "Node").iter();
    objects
        .filter(|object| facts.ask.selector.is_none_or(|selector| selector.matches(&object.meta.labels)))
        .map(|object| {
            let verdict = assess(object, &related, facts.ask.now);
            // One that could not be read is there all the same, and nothing is known of it.
            let unknown = Node::default();
            let node = if let Body::Node(node) = &object.body { node } else { &unknown };
            let mut usage = one(facts, object, node, &verdict);
            if !matches!(object.body, Body::Node(_)) {
                usage.conditions = Vec::new();
            }
            (usage, verdict)
        })
        .collect()
}

fn one(facts: &Facts<'_>, object: &Object, node: &Node, verdict: &Verdict) -> NodeUsage {
    let name = &object.meta.name;
    let pods = facts.on_node(name);
    let metrics = facts.node_metrics(name);
    let statistics = facts.statistics(name);
    let amounts = |resource: &str| Amounts {
        used: metrics.and_then(|metrics| metrics.used(resource)).map(|used| number(resource, used)),
        requests: facts.has_all_pods.then(|| number(resource, pods.iter().map(|pod| pod.pod.request(resource)).sum())),
        limits: if facts.has_all_pods {
            sum_limits(pods.iter().map(|pod| pod.pod), resource).map(|limits| number(resource, limits))
        } else {
            None
        },
        allocatable: node.status.allocatable.get(&Sym::new(resource)).map(|amount| number(resource, *amount)),
    };
    let fill = |filesystem: &Option<Filesystem>| filesystem.as_ref().map(|filesystem| fill(&Fullness::of(filesystem)));
    NodeUsage {
        name: name.to_string(),
        verdict: verdict.worst_level(),
        message: verdict.message.to_string(),
        conditions: conditions(facts, node, metrics.and_then(|metrics| metrics.timestamp.get()), name),
        cpu: amounts("cpu"),
        memory: amounts("memory"),
        pods: facts.has_all_pods.then_some(pods.len()),
        max_pods: node.status.allocatable.get(&Sym::new("pods")).map(|pods| pods.units()),
        filesystem: statistics.and_then(|statistics| fill(&statistics.filesystem)),
        image_filesystem: statistics.and_then(|statistics| fill(&statistics.image_filesystem)),
        measured_at: metrics.and_then(|metrics| metrics.timestamp.get()).map(|time| time.to_string()),
    }
}

fn conditions(facts: &Facts<'_>, node: &Node, measured: Option<Timestamp>, name: &str) -> Vec<String> {
    let mut out = Vec::new();
    if !ready(node) {
        out.push("NotReady".to_owned());
    }
    let pressures = node.status.conditions.iter().filter(|condition| condition.is_true());
    out.extend(
        pressures
            .filter(|condition| PRESSURES.contains(&&*condition.r#type))
            .map(|condition| condition.r#type.to_string()),
    );
    if node.spec.unschedulable {
        out.push("Cordoned".to_owned());
    }
    if let Some(time) = measured
        && facts.node_metrics(name).is_some_and(|metrics| facts.is_stale(metrics))
    {
        out.push(format!("metrics {} old", text::age(time, facts.clock)));
    }
    out
}

/// How full a filesystem is, as reports hold it.
pub(super) fn fill(fullness: &Fullness) -> Fill {
    Fill {
        capacity: fullness.capacity,
        used: fullness.used,
        available: fullness.available,
        used_percent: fullness.percent,
        inodes: fullness.inodes,
        inodes_used: fullness.inodes_used,
        inodes_percent: fullness.inodes_percent,
    }
}

/// Every extended resource that a node has or a pod asks for, with who holds it. Counts every pod:
/// a device that a pod of another namespace holds is not free.
pub(super) fn devices(facts: &Facts<'_>) -> Vec<DeviceUsage> {
    let nodes: Vec<(&Object, &Node)> = facts
        .ask
        .inventory
        .of_kind("", "Node")
        .iter()
        .filter_map(|object| match &object.body {
            Body::Node(node) => Some((object, &**node)),
            _ => None,
        })
        .collect();
    let of_nodes = nodes.iter().flat_map(|(_, node)| node.status.capacity.keys().chain(node.status.allocatable.keys()));
    let of_pods = facts.pods.iter().flat_map(|pod| pod.pod.requested_resources());
    let names: BTreeSet<&Sym> = of_nodes.chain(of_pods).filter(|name| is_extended(name)).collect();
    names.into_iter().map(|name| device(facts, name, &nodes)).collect()
}

fn device(facts: &Facts<'_>, resource: &Sym, nodes: &[(&Object, &Node)]) -> DeviceUsage {
    let held = |pods: &[Live<'_>]| -> Vec<Holder> {
        let holders = pods.iter().map(|pod| Holder {
            namespace: pod.object.meta.namespace.to_string(),
            pod: pod.object.meta.name.to_string(),
            count: pod.pod.request(resource).units(),
        });
        holders.filter(|holder| holder.count > 0).collect()
    };
    let units = |list: &BTreeMap<Sym, Quantity>| list.get(resource).map_or(0, |amount| amount.units());
    let sum = |holders: &[Holder]| holders.iter().fold(0_i64, |sum, holder| sum.saturating_add(holder.count));
    let mut rows = Vec::new();
    for (object, node) in nodes {
        let holders = held(facts.on_node(&object.meta.name));
        let announced = node.status.capacity.contains_key(resource) || node.status.allocatable.contains_key(resource);
        if announced || !holders.is_empty() {
            rows.push(NodeDevices {
                node: object.meta.name.to_string(),
                capacity: units(&node.status.capacity),
                allocatable: units(&node.status.allocatable),
                requested: facts.has_all_pods.then(|| sum(&holders)),
                holders,
            });
        }
    }
    let unscheduled: Vec<Live<'_>> = facts.pods.iter().filter(|pod| pod.pod.node.is_empty()).copied().collect();
    let waiting = held(&unscheduled);
    let held: i64 = facts
        .pods
        .iter()
        .filter(|pod| !pod.pod.node.is_empty())
        .fold(0, |sum: i64, pod| sum.saturating_add(pod.pod.request(resource).units()));
    DeviceUsage {
        resource: resource.to_string(),
        allocatable: rows.iter().fold(0, |sum: i64, row| sum.saturating_add(row.allocatable)),
        requested: facts.has_all_pods.then_some(held),
        waiting: sum(&waiting),
        waiting_pods: waiting.iter().map(|pod| format!("{}/{}", pod.namespace, pod.pod)).collect(),
        nodes: rows,
    }
}

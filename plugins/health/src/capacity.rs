//! `health capacity`: allocated and free resources of every node, and the largest pod that still fits.

use mlops_shared::object::{Inventory, Room, Sym, rooms};
use mlops_shared::text::{Quantity, bytes, cores, line};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use tabled::builder::Builder;
use tabled::settings::{Padding, Style};

/// One resource of one node; amounts in thousandths of the unit.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Amount {
    /// What pods may use.
    #[schemars(with = "i64")]
    pub(crate) allocatable: Quantity,
    /// What pods on the node request.
    #[schemars(with = "i64")]
    pub(crate) requested: Quantity,
    /// What their limits add up to.
    #[schemars(with = "i64")]
    pub(crate) limits: Quantity,
    /// What is left to request; nothing on a node that takes no new pods.
    #[schemars(with = "i64")]
    pub(crate) free: Quantity,
}

/// One node.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeCapacity {
    /// Its name.
    pub(crate) name: String,
    /// Why it takes no new pods, if it does not.
    pub(crate) closed: Option<String>,
    /// Pods on it that have not ended.
    pub(crate) pods: usize,
    /// By resource name.
    pub(crate) resources: BTreeMap<String, Amount>,
}

/// The whole picture.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CapacityReport {
    /// `mlops/v1`
    api_version: &'static str,
    /// `CapacityReport`
    kind: &'static str,
    /// The instant of the report, RFC 3339.
    generated_at: String,
    /// The nodes.
    pub(crate) nodes: Vec<NodeCapacity>,
    /// The node with the most free CPU, and what a single pod could request there.
    pub(crate) largest_pod: Option<LargestPod>,
}

/// What a single pod could request on the roomiest node.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LargestPod {
    /// The node.
    pub(crate) node: String,
    /// CPU.
    #[schemars(with = "i64")]
    pub(crate) cpu: Quantity,
    /// Memory.
    #[schemars(with = "i64")]
    pub(crate) memory: Quantity,
}

/// Computes the capacity of every node from what was read.
pub(crate) fn capacity(inventory: &Inventory, now: jiff::Timestamp) -> CapacityReport {
    let nodes: Vec<NodeCapacity> = rooms(inventory).iter().map(one).collect();
    let free = |node: &NodeCapacity, name: &str| node.resources.get(name).map_or(Quantity::ZERO, |amount| amount.free);
    let roomiest = nodes.iter().max_by_key(|node| (free(node, "cpu"), free(node, "memory")));
    let largest_pod = roomiest.filter(|node| free(node, "cpu") > Quantity::ZERO).map(|node| LargestPod {
        node: node.name.clone(),
        cpu: free(node, "cpu"),
        memory: free(node, "memory"),
    });
    CapacityReport {
        api_version: mlops_shared::report::API_VERSION,
        kind: "CapacityReport",
        generated_at: now.to_string(),
        nodes,
        largest_pod,
    }
}

fn one(room: &Room<'_>) -> NodeCapacity {
    let closed = room.closed().map(str::to_owned);
    let shown = |resource: &&Sym| &***resource != "pods" && !resource.starts_with("hugepages-");
    let resources =
        room.node.status.allocatable.iter().filter(|(resource, _)| shown(resource)).map(|(resource, allocatable)| {
            let requested = room.requested(resource);
            let limits: Quantity = room.records().filter_map(|pod| pod.limit(resource)).sum();
            let free = if closed.is_some() { Quantity::ZERO } else { room.left(resource) };
            (resource.to_string(), Amount { allocatable: *allocatable, requested, limits, free })
        });
    NodeCapacity {
        name: room.object.meta.name.to_string(),
        pods: room.pods.len(),
        resources: resources.collect(),
        closed,
    }
}

fn show(resource: &str, amount: Quantity) -> String {
    match resource {
        "cpu" => cores(amount),
        "memory" | "ephemeral-storage" => bytes(amount),
        _ => amount.units().to_string(),
    }
}

/// The picture as a table.
pub(crate) fn table(report: &CapacityReport, with_header: bool) -> String {
    let mut builder = Builder::default();
    if with_header {
        builder.push_record(["NODE", "PODS", "RESOURCE", "ALLOCATABLE", "REQUESTED", "%", "LIMITS", "FREE"]);
    }
    for node in &report.nodes {
        for (resource, amount) in &node.resources {
            let percent = amount.requested.percent_of(amount.allocatable).map_or("-".to_owned(), |p| format!("{p:.0}"));
            let free = match &node.closed {
                Some(why) => format!("0 ({why})"),
                None => show(resource, amount.free),
            };
            builder.push_record([
                line(&node.name).into_owned(),
                node.pods.to_string(),
                line(resource).into_owned(),
                show(resource, amount.allocatable),
                show(resource, amount.requested),
                percent,
                show(resource, amount.limits),
                free,
            ]);
        }
    }
    let mut table = builder.build();
    table.with(Style::empty()).with(Padding::new(0, 2, 0, 0));
    let mut out: String = table.to_string().lines().map(|row| format!("{}\n", row.trim_end())).collect();
    match &report.largest_pod {
        Some(pod) => out.push_str(&format!(
            "largest pod that fits now: cpu {}, memory {} on {}\n",
            cores(pod.cpu),
            bytes(pod.memory),
            line(&pod.node)
        )),
        None => out.push_str("no node has room for a pod that requests CPU\n"),
    }
    out
}

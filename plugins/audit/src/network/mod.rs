//! Network isolation: who may talk to whom, per direction, by NetworkPolicies.

mod codes;
mod isolation;

pub(crate) use codes::CODES;
pub use isolation::{unprotected, workloads};

use crate::check::Asked;
use crate::finding::Finding;
use crate::record::policy::{Direction, Peer, Policy, PortRange};
use crate::record::{Custom, Workload};
use crate::severity::Severity::{Info, Low, Medium};
use crate::workloads::is_of_system;
use codes::*;
use isolation::Policies;
use mlops_shared::object::{ObjectRef, Sym};
use std::collections::{BTreeMap, BTreeSet};

/// Kinds of policies that decide too, and are not evaluated: group, kind.
pub(crate) const OTHER_POLICIES: &[(&str, &str)] = &[
    ("cilium.io", "CiliumNetworkPolicy"),
    ("cilium.io", "CiliumClusterwideNetworkPolicy"),
    ("crd.projectcalico.org", "GlobalNetworkPolicy"),
    ("crd.projectcalico.org", "NetworkPolicy"),
    ("projectcalico.org", "GlobalNetworkPolicy"),
    ("projectcalico.org", "NetworkPolicy"),
    ("policy.networking.k8s.io", "AdminNetworkPolicy"),
    ("policy.networking.k8s.io", "BaselineAdminNetworkPolicy"),
    ("policy.networking.k8s.io", "ClusterNetworkPolicy"),
];

/// Names of workloads in a line before the rest is counted.
const NAMED: usize = 8;

/// The findings on network isolation.
pub(crate) fn check(asked: &Asked<'_>) -> Vec<Finding> {
    let records = asked.records;
    let policies = Policies::new(records);
    let workloads = workloads(records);
    let mut found = Vec::new();
    found.extend(other_policies(&records.customs));
    found.extend(namespaces(asked, &policies, &workloads));
    for policy in &records.policies {
        found.extend(policy_findings(asked, policy, &workloads));
    }
    for (object, members) in &workloads {
        found.extend(workload_findings(object, members, &policies));
    }
    found
}

/// One finding a namespace that has workloads and denies nothing by default.
fn namespaces(
    asked: &Asked<'_>,
    policies: &Policies<'_>,
    workloads: &BTreeMap<ObjectRef, Vec<&Workload>>,
) -> Vec<Finding> {
    let used: BTreeSet<&Sym> = workloads.keys().map(|object| &object.namespace).collect();
    let heads = asked.records.namespaces.iter().map(|namespace| (&namespace.head.meta.name, Some(&namespace.head)));
    let mut all: BTreeMap<&Sym, Option<&crate::record::Head>> = used.iter().map(|name| (*name, None)).collect();
    all.extend(heads);
    let found = all.into_iter().filter(|(name, _)| !is_of_system(name)).filter_map(|(name, head)| {
        let denies = |direction: Direction| {
            policies.of(name).iter().any(|policy| {
                policy.spec.pod_selector.is_empty() && policy.isolates(direction) && policy.rules(direction).is_empty()
            })
        };
        let open: Vec<&str> =
            Direction::ALL.into_iter().filter(|direction| !denies(*direction)).map(Direction::word).collect();
        if open.is_empty() {
            return None;
        }
        let count = workloads.keys().filter(|object| object.namespace == *name).count();
        let what = if policies.of(name).is_empty() { "no NetworkPolicy at all" } else { "no default deny" };
        let message = format!("{what} for {} ({})", open.join(" and "), mlops_shared::text::plural(count, "workload"));
        let is_unused = count == 0 && asked.is_known("", "Pod");
        let severity = if is_unused { Info } else { Medium };
        Some(match head {
            Some(head) => head.finding(&NETPOL_NO_DEFAULT_DENY, severity, message),
            None => {
                let object = ObjectRef::new("", "Namespace", "", name);
                Finding::new(&NETPOL_NO_DEFAULT_DENY, severity, object, message)
            }
        })
    });
    found.collect()
}

/// What is wrong with one policy.
fn policy_findings(
    asked: &Asked<'_>,
    policy: &Policy,
    workloads: &BTreeMap<ObjectRef, Vec<&Workload>>,
) -> Vec<Finding> {
    let head = &policy.head;
    let mut found = Vec::new();
    let selected: Vec<&ObjectRef> = workloads
        .iter()
        .filter(|(object, members)| {
            object.namespace == head.meta.namespace
                && members.iter().any(|member| policy.spec.pod_selector.matches(&member.labels))
        })
        .map(|(object, _)| object)
        .collect();
    // Of files only what they hold is known: pods may be elsewhere.
    if selected.is_empty() && !policy.spec.pod_selector.is_empty() && asked.is_known("", "Pod") {
        found.push(head.finding(&NETPOL_DANGLING, Low, "its podSelector selects no pod and no template"));
    }
    let ingress = policy.spec.ingress.iter().map(|rule| (Direction::Ingress, &rule.from, rule.ports.is_empty()));
    let egress = policy.spec.egress.iter().map(|rule| (Direction::Egress, &rule.to, rule.ports.is_empty()));
    for (direction, peers, has_all_ports) in ingress.chain(egress) {
        if !policy.isolates(direction) {
            continue;
        }
        let word = direction.word().to_lowercase();
        if peers.is_empty() && has_all_ports {
            let message = format!("a rule of {word} has neither peers nor ports: everything is let through");
            found.push(head.finding(&NETPOL_ALLOW_ALL, Medium, message).at(word));
        } else if let Some(open) = peers.iter().find_map(|peer| world(peer, direction)) {
            let message = format!("a rule of {word} is open to {open}");
            found.push(head.finding(&NETPOL_WORLD_OPEN, Medium, message).at(word));
        }
    }
    found.dedup_by(|one, two| one.code.id == two.code.id && one.path == two.path);
    found
}

/// The range of a peer that is all addresses; on the way out not where the metadata service is left out.
fn world(peer: &Peer, direction: Direction) -> Option<&str> {
    let block = peer.ip_block.as_ref()?;
    let is_all = matches!(block.cidr.as_str(), "0.0.0.0/0" | "::/0");
    let spares_metadata = block.except.iter().any(|range| range.starts_with("169.254."));
    (is_all && !(direction == Direction::Egress && spares_metadata)).then_some(block.cidr.as_str())
}

/// What is wrong with the isolation of one workload.
fn workload_findings(object: &ObjectRef, members: &[&Workload], policies: &Policies<'_>) -> Vec<Finding> {
    let Some(first) = members.first() else { return Vec::new() };
    if is_of_system(&object.namespace) {
        return Vec::new();
    }
    let finding = |code, severity, message: String| {
        Finding::new(code, severity, object.clone(), message).placed(first.head.place.clone())
    };
    let mut found = Vec::new();
    let isolating = |direction| policies.isolating(first, direction);
    if first.spec.host_network == Some(true) {
        let names: Vec<&str> =
            Direction::ALL.iter().flat_map(|it| isolating(*it)).map(|it| it.head.meta.name.as_str()).collect();
        if let Some(name) = names.first() {
            let message = format!("is in the node's network: NetworkPolicy {name} most likely does not hold for it");
            found.push(finding(&NETPOL_HOST_NETWORK, Low, message));
        }
        return found;
    }
    // Where the namespace has no policy at all, that is said once, of the namespace.
    if !policies.of(&object.namespace).is_empty() {
        let open: Vec<&str> = Direction::ALL
            .into_iter()
            .filter(|direction| members.iter().any(|member| !policies.isolate(member, *direction)))
            .map(Direction::word)
            .collect();
        if !open.is_empty() {
            let message = format!("no NetworkPolicy selects it for {}", open.join(" and "));
            found.push(finding(&NETPOL_UNPROTECTED, Medium, message).at(open.join("+")));
        }
    }
    let egress = isolating(Direction::Egress);
    if !egress.is_empty() && !egress.iter().any(|policy| lets_dns(policy)) {
        let names: Vec<&str> = egress.iter().take(NAMED).map(|policy| policy.head.meta.name.as_str()).collect();
        let message = format!("no rule of {} lets it ask DNS on port 53", names.join(", "));
        found.push(finding(&NETPOL_DNS_BLOCKED, Medium, message));
    }
    found
}

/// Whether an egress rule of a policy may let its pods ask DNS: any rule on port 53, or on all ports.
fn lets_dns(policy: &Policy) -> bool {
    let is_dns = |port: &PortRange| match &port.port {
        None => true,
        Some(serde_json::Value::Number(number)) => {
            number.as_i64().is_some_and(|start| (start..=port.end_port.unwrap_or(start)).contains(&53))
        }
        // Names resolve on the pods that are asked.
        Some(serde_json::Value::String(name)) => name.contains("dns"),
        Some(_) => false,
    };
    policy.spec.egress.iter().any(|rule| rule.ports.is_empty() || rule.ports.iter().any(is_dns))
}

/// Policies of other kinds, by kind.
fn other_policies(customs: &[Custom]) -> Vec<Finding> {
    let mut kinds: BTreeMap<(&str, &str), Vec<&Custom>> = BTreeMap::new();
    for custom in customs {
        let kind = (&*custom.head.ty.group, &*custom.head.ty.kind);
        if OTHER_POLICIES.contains(&kind) {
            kinds.entry(kind).or_default().push(custom);
        }
    }
    let told = kinds.into_values().filter_map(|policies| {
        let first = policies.first()?;
        let count = mlops_shared::text::plural(policies.len(), &first.head.ty.kind);
        Some(first.head.finding(&NETPOL_NOT_EVALUATED, Info, format!("{count} decide too and are not evaluated")))
    });
    told.collect()
}

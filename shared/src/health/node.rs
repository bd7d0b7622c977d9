//! Nodes with their leases.

use super::table::Rule;
use super::{Related, fullness, precedence, signing_request};
use crate::object::{Body, Lookup, Node, Object, find_condition, is_extended};
use crate::report::{Level, Verdict, codes};
use crate::text::{self, Quantity};
use jiff::Timestamp;

codes! {
    NODE_READY = "node-ready", "The node is ready", "The kubelet reports that it is ready, lately.", "Nothing to do.";
    NODE_NOT_READY = "node-not-ready", "The node is not ready",
        "The kubelet reports an error, or has stopped to report: its pods are evicted after five minutes, and volumes stay attached.",
        "Look at the machine and its kubelet: is it up, does it reach the API server, is its disk full?";
    NODE_SILENT = "node-lease-stale", "The node says Ready and is silent",
        "The node's lease was not renewed in time. The Ready condition is what the kubelet said last; the node controller has not yet marked it.",
        "Look at the machine; within a minute the node will be marked NotReady. `kubectl get lease NODE -n kube-node-lease` shows the last renewal.";
    NODE_PRESSURE = "node-pressure", "The node is short of something",
        "The kubelet reports pressure on memory, disk, processes or network; it evicts pods.",
        "`kubectl describe node NODE` names what is short and who was evicted. Free or add it: images and logs for disk, limits for memory.";
    NODE_PROBLEM = "node-problem", "A problem of the node was detected",
        "The node problem detector reports a fault of kernel, runtime or disk.", "`kubectl drain NODE --ignore-daemonsets` when the pods can go elsewhere, then repair it.";
    NODE_CORDONED = "node-cordoned", "The node takes no new pods",
        "Somebody cordoned the node. Pods on it go on; those that move have one node less.",
        "`kubectl uncordon NODE` when the maintenance is over.";
    NODE_FULL = "node-requests-high", "Nearly everything of the node is requested",
        "The pods on the node request nearly all of its CPU or memory: another pod hardly fits.",
        "Add nodes or lower requests.";
    NODE_DEVICE = "node-device-unhealthy", "Devices of the node cannot be used",
        "The device plugin announces more GPUs or other devices than it offers: the others are unhealthy (kubelet: capacity counts all devices, allocatable the healthy ones).",
        "Look at the device plugin's log and at the device: XID errors of NVIDIA GPUs are in the kernel's log.";
}

pub(super) const RULES: &[Rule] = &[Rule::new("", "Node", node)];

/// Condition types of the node problem detector that are bad when True.
const PROBLEMS: &[&str] = &[
    "KernelDeadlock",
    "ReadonlyFilesystem",
    "CorruptDockerOverlay2",
    "FrequentKubeletRestart",
    "FrequentDockerRestart",
    "FrequentContainerdRestart",
    "FrequentUnregisterNetDevice",
    "CperHardwareErrorFatal",
    "XfsShutdown",
];

fn node(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Body::Node(record) = &object.body else {
        return Verdict::unknown(&precedence::OBJECT_UNREADABLE, "is no Node");
    };
    let Some(ready) = find_condition(&record.status.conditions, "Ready") else {
        return precedence::no_status(object, None, related, now);
    };
    if !ready.is_true() {
        // A node that has just joined gets its network first; one that fell silent is not joining.
        let age = object.meta.creation_timestamp.seconds_before(now);
        let joins = ready.is_false() && age.is_some_and(|age| age <= related.limits.creating_seconds);
        let level = if joins { Level::Progressing } else { Level::Fail };
        let why = match ready.text() {
            text if text.is_empty() => format!("Ready is {}", ready.status),
            text => text.into_owned(),
        };
        let verdict = Verdict::new(level, &NODE_NOT_READY, why).since(ready.since());
        return signing_request::of_kubelet(verdict, &object.meta.name, related, now);
    }
    let kubelet = &record.status.node_info.kubelet_version;
    let mut verdict = Verdict::ok(&NODE_READY, format!("ready, kubelet {kubelet}"));
    if let Some(finding) = lease(object, related, now) {
        verdict = verdict.and(finding);
    }
    for condition in record.status.conditions.iter().filter(|condition| condition.is_true()) {
        let kind = condition.r#type.as_str();
        if matches!(kind, "MemoryPressure" | "DiskPressure" | "PIDPressure" | "NetworkUnavailable") {
            verdict = verdict
                .and(Verdict::fail(&NODE_PRESSURE, format!("{kind}: {}", condition.text())).since(condition.since()));
        } else if PROBLEMS.contains(&kind) {
            verdict = verdict
                .and(Verdict::fail(&NODE_PROBLEM, format!("{kind}: {}", condition.text())).since(condition.since()));
        }
    }
    if record.spec.unschedulable {
        verdict = verdict.and(Verdict::warn(&NODE_CORDONED, "cordoned: takes no new pods"));
    }
    for finding in fullness::of_node(related.inventory, &object.meta.name, related.limits, now) {
        verdict = verdict.and(finding);
    }
    for (resource, capacity) in record.status.capacity.iter().filter(|(resource, _)| is_extended(resource)) {
        let healthy = record.status.allocatable.get(resource).copied().unwrap_or_default();
        if healthy < *capacity {
            let (broken, all) = ((*capacity - healthy).units(), capacity.units());
            verdict = verdict.and(Verdict::warn(&NODE_DEVICE, format!("{broken} of {all} {resource} cannot be used")));
        }
    }
    match requests(object, record, related) {
        Some(finding) => verdict.and(finding),
        None => verdict,
    }
}

fn lease(object: &Object, related: &Related<'_>, now: Timestamp) -> Option<Verdict> {
    let Lookup::Found(lease) = related.get("coordination.k8s.io", "Lease", "kube-node-lease", &object.meta.name) else {
        return None;
    };
    let Body::Lease(lease) = &lease.body else { return None };
    let renewed = lease.spec.renew_time;
    let limit =
        lease.spec.lease_duration_seconds.unwrap_or(related.limits.lease_seconds).max(related.limits.lease_seconds);
    // The newest lease is the cluster's own clock: a reader whose clock runs ahead, and a dump that
    // took a minute to write, must not make every node silent.
    let others = related.inventory.of_kind("coordination.k8s.io", "Lease").iter();
    let newest = others
        .filter(|other| other.meta.name != object.meta.name || &*other.meta.namespace != "kube-node-lease")
        .filter_map(|other| match &other.body {
            Body::Lease(other) => other.spec.renew_time.get(),
            _ => None,
        })
        .max();
    // A lease that somebody left behind is no clock.
    let newest = newest.filter(|newest| now.duration_since(*newest).as_secs() < related.limits.progress_seconds);
    let clock = newest.map_or(now, |newest| newest.max(renewed.get().unwrap_or(newest)));
    (renewed.seconds_before(clock)? > limit).then(|| {
        let age = renewed.get().map_or_else(String::new, |time| text::age(time, clock));
        Verdict::fail(&NODE_SILENT, format!("lease not renewed for {age}")).since(renewed.get())
    })
}

fn requests(object: &Object, node: &Node, related: &Related<'_>) -> Option<Verdict> {
    let pods = related.inventory.pods_on(&object.meta.name).filter_map(Object::pod);
    let pods: Vec<_> = pods.filter(|pod| !pod.is_finished()).collect();
    let mut finding: Option<Verdict> = None;
    for resource in ["cpu", "memory"] {
        let allocatable = node.status.allocatable.get(&resource.into()).copied().unwrap_or_default();
        let requested: Quantity = pods.iter().map(|pod| pod.request(resource)).sum();
        let Some(percent) = requested.percent_of(allocatable) else { continue };
        if percent >= related.limits.node_requests_warn_percent {
            let verdict =
                Verdict::new(Level::Warn, &NODE_FULL, format!("{percent:.0}% of its {resource} is requested"));
            finding = Some(match finding {
                Some(known) => known.and(verdict),
                None => verdict,
            });
        }
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::super::testing::expect;
    use super::*;

    #[test]
    fn a_ready_node_that_is_silent_is_not_ready() {
        let yaml = |renewed: &str| {
            format!(
                "apiVersion: v1\nkind: Node\nmetadata: {{name: w1}}\nstatus: {{conditions: [{{type: Ready, status: 'True'}}]}}\n---\napiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: {{name: w1, namespace: kube-node-lease}}\nspec: {{renewTime: {renewed}}}\n"
            )
        };
        expect(&yaml("2026-11-20T02:59:50Z"), "Node", "w1", Level::Ok, "node-ready");
        expect(&yaml("2026-11-20T02:50:00Z"), "Node", "w1", Level::Fail, "node-lease-stale");
    }

    #[test]
    fn a_node_that_has_just_joined_gets_its_time() {
        let yaml = |created: &str, ready: &str| {
            format!(
                "apiVersion: v1\nkind: Node\nmetadata: {{name: w1, creationTimestamp: '{created}'}}\nstatus: {{conditions: [{{type: Ready, status: {ready}, message: cni plugin not initialized}}]}}\n"
            )
        };
        expect(&yaml("2026-11-20T02:58:00Z", "'False'"), "Node", "w1", Level::Progressing, "node-not-ready");
        expect(&yaml("2026-11-20T02:58:00Z", "Unknown"), "Node", "w1", Level::Fail, "node-not-ready");
        expect(&yaml("2026-11-20T02:00:00Z", "'False'"), "Node", "w1", Level::Fail, "node-not-ready");
    }

    #[test]
    fn a_clock_that_runs_ahead_makes_no_node_silent() {
        let yaml = |renewed: &str| {
            format!(
                "apiVersion: v1\nkind: Node\nmetadata: {{name: w1}}\nstatus: {{conditions: [{{type: Ready, status: 'True'}}]}}\n---\napiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: {{name: w1, namespace: kube-node-lease}}\nspec: {{renewTime: {renewed}}}\n---\napiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: {{name: w2, namespace: kube-node-lease}}\nspec: {{renewTime: '2026-11-20T02:58:00Z'}}\n"
            )
        };
        expect(&yaml("2026-11-20T02:57:55Z"), "Node", "w1", Level::Ok, "node-ready");
        expect(&yaml("2026-11-20T02:56:00Z"), "Node", "w1", Level::Fail, "node-lease-stale");
    }
}

//! What the engine knows: pods that count, their metrics, and the instant that ages are told by.

use crate::usage::Ask;
use jiff::Timestamp;
use mlops_shared::object::{Body, Metrics, Object, Pod, STATISTICS_GROUP, STATISTICS_KIND, SectionState, Statistics};
use mlops_shared::text::Quantity;
use std::collections::BTreeMap;

/// The group of metrics.
pub(super) const METRICS: &str = "metrics.k8s.io";
/// A lease that is older than this is no clock.
const CLOCK: i64 = 600;

/// A pod that has not ended, with its record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Live<'a> {
    pub(super) object: &'a Object,
    pub(super) pod: &'a Pod,
}

/// The inputs, indexed.
pub(super) struct Facts<'a> {
    pub(super) ask: &'a Ask<'a>,
    /// Every pod that has not ended, in scope or not: what ended reserves nothing.
    pub(super) pods: Vec<Live<'a>>,
    by_node: BTreeMap<&'a str, Vec<Live<'a>>>,
    /// Whether `pods` are all there are, so that sums over a node are true.
    pub(super) has_all_pods: bool,
    /// The instant that ages of figures are told by.
    pub(super) clock: Timestamp,
}

impl<'a> Facts<'a> {
    pub(super) fn new(ask: &'a Ask<'a>) -> Self {
        let live = |object: &'a Object| {
            let pod = object.pod()?;
            (!pod.is_finished()).then_some(Live { object, pod })
        };
        let pods: Vec<Live<'a>> = ask.inventory.of_kind("", "Pod").iter().filter_map(live).collect();
        let mut by_node: BTreeMap<&str, Vec<Live<'a>>> = BTreeMap::new();
        for pod in pods.iter().filter(|pod| !pod.pod.node.is_empty()) {
            by_node.entry(pod.pod.node.as_str()).or_default().push(*pod);
        }
        let is_read =
            ask.inventory.section("", "Pod").is_some_and(|section| matches!(section.state, SectionState::Read(_)));
        // A pod whose content could not be read may ask for anything.
        let is_whole = !ask.inventory.of_kind("", "Pod").iter().any(|object| object.pod().is_none());
        // Files are read whole whatever `-n` says; of a cluster only the namespaces that were asked for are.
        let has_all_pods = is_read && is_whole && (!ask.is_live || ask.namespaces.is_empty());
        Self { ask, pods, by_node, has_all_pods, clock: clock(ask) }
    }

    /// Whether `-n` and `-l` mean this object.
    pub(super) fn is_meant(&self, object: &Object) -> bool {
        self.is_namespace_meant(&object.meta.namespace)
            && self.ask.selector.is_none_or(|selector| selector.matches(&object.meta.labels))
    }

    /// Whether `-n` means this namespace.
    pub(super) fn is_namespace_meant(&self, namespace: &str) -> bool {
        self.ask.namespaces.is_empty() || self.ask.namespaces.iter().any(|name| **name == *namespace)
    }

    /// Pods that `-n` and `-l` mean.
    pub(super) fn meant_pods(&self) -> impl Iterator<Item = Live<'a>> {
        self.pods.iter().filter(|pod| self.is_meant(pod.object)).copied()
    }

    /// Pods on this node that have not ended.
    pub(super) fn on_node(&self, node: &str) -> &[Live<'a>] {
        self.by_node.get(node).map_or(&[], Vec::as_slice)
    }

    /// A node's metrics.
    pub(super) fn node_metrics(&self, node: &str) -> Option<&'a Metrics> {
        metrics(self.ask.inventory.get(METRICS, "NodeMetrics", "", node).found()?)
    }

    /// A pod's metrics, unless they are those of an earlier pod of the same name: PodMetrics bear
    /// no UID.
    pub(super) fn pod_metrics(&self, pod: Live<'a>) -> Option<&'a Metrics> {
        let meta = &pod.object.meta;
        let found = metrics(self.ask.inventory.get(METRICS, "PodMetrics", &meta.namespace, &meta.name).found()?)?;
        let is_earlier = match (found.timestamp.get(), pod.pod.started.get()) {
            (Some(measured), Some(started)) => measured < started,
            _ => false,
        };
        (!is_earlier && &*pod.pod.phase == "Running").then_some(found)
    }

    /// What a kubelet said of its node's filesystems and volumes.
    pub(super) fn statistics(&self, node: &str) -> Option<&'a Statistics> {
        match &self.ask.inventory.get(STATISTICS_GROUP, STATISTICS_KIND, "", node).found()?.body {
            Body::Statistics(statistics) => Some(statistics),
            _ => None,
        }
    }

    /// Whether figures of this time are older than the platform's threshold.
    pub(super) fn is_stale(&self, metrics: &Metrics) -> bool {
        metrics
            .timestamp
            .seconds_before(self.clock)
            .is_some_and(|age| age > self.ask.platform.thresholds.metrics_stale_seconds)
    }
}

fn metrics(object: &Object) -> Option<&Metrics> {
    match &object.body {
        Body::Metrics(metrics) => Some(metrics),
        _ => None,
    }
}

/// The instant that ages are told by: the newest node lease, which is the cluster's own clock, so
/// that a reader whose clock runs ahead does not take fresh figures for stale ones; the newest
/// figure of files, whatever day it is read on; else now.
fn clock(ask: &Ask<'_>) -> Timestamp {
    let leases = ask.inventory.in_namespace("coordination.k8s.io", "Lease", "kube-node-lease").iter();
    let leases = leases.filter_map(|object| match &object.body {
        Body::Lease(lease) => lease.spec.renew_time.get(),
        _ => None,
    });
    let newest = leases.max();
    if ask.is_live {
        return newest.filter(|newest| ask.now.duration_since(*newest).as_secs().abs() < CLOCK).unwrap_or(ask.now);
    }
    let figures = ["NodeMetrics", "PodMetrics"].into_iter().flat_map(|kind| ask.inventory.of_kind(METRICS, kind));
    let figures = figures.filter_map(|object| metrics(object)?.timestamp.get());
    let volumes =
        ask.inventory.of_kind(STATISTICS_GROUP, STATISTICS_KIND).iter().flat_map(|object| match &object.body {
            Body::Statistics(statistics) => {
                statistics.volumes.iter().filter_map(|volume| volume.filesystem.time.get()).collect::<Vec<_>>()
            }
            _ => Vec::new(),
        });
    let newest = newest.into_iter().chain(figures).chain(volumes).max();
    // What lies ahead of the reader's own clock is somebody's mistake, not the time.
    newest.map_or(ask.now, |newest| newest.min(ask.now))
}

/// An amount as reports hold it: CPU in millicores, anything else in whole units.
pub(super) fn number(resource: &str, amount: Quantity) -> i64 {
    if resource == "cpu" { amount.millis() } else { amount.units() }
}

/// The sum of limits, where any is set.
pub(super) fn sum_limits<'a>(pods: impl Iterator<Item = &'a Pod>, resource: &str) -> Option<Quantity> {
    let limits: Vec<Quantity> = pods.filter_map(|pod| pod.limit(resource)).collect();
    (!limits.is_empty()).then(|| limits.into_iter().sum())
}

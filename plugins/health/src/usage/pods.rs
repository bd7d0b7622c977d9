//! Pods, namespaces and workloads: what they use against what they request and may use.

use super::facts::{Facts, Live, number, sum_limits};
use super::model::{Amounts, NamespaceUsage, PodUsage, QuotaUsage, WorkloadUsage, percent};
use crate::usage::Sort;
use mlops_shared::health::Related;
use mlops_shared::object::{Metrics, Object, ObjectRef, Pod, Sym};
use mlops_shared::text::Quantity;
use serde_json::Value;
use std::collections::BTreeMap;

/// A container that uses this share of its memory limit is near its end.
const NEAR_LIMIT: f64 = 0.9;
/// Less than this share of a request in use, and at least so much idle, is too much requested.
const IDLE_SHARE: f64 = 0.2;
const IDLE_CPU: i64 = 500;
const IDLE_MEMORY: i64 = 1 << 30;
/// CPU above the request is what bursts are for; above this share of it pods live on what others leave.
const BURST: f64 = 1.5;
/// A pod without a CPU request that uses less than this is no matter.
const SMALL_CPU: i64 = 100;

fn amounts(pod: &Pod, metrics: Option<&Metrics>, resource: &str) -> Amounts {
    Amounts {
        used: metrics.and_then(|metrics| metrics.used(resource)).map(|used| number(resource, used)),
        requests: Some(number(resource, pod.request(resource))),
        limits: pod.limit(resource).filter(|_| pod.is_bounded(resource)).map(|limit| number(resource, limit)),
        allocatable: None,
    }
}

/// The pods that `-n` and `-l` mean, those with the most of what they are sorted by first; how
/// many there are in all, and by what they were sorted in the end.
pub(super) fn top(facts: &Facts<'_>) -> (Vec<PodUsage>, usize, Sort) {
    let mut pods: Vec<PodUsage> = facts
        .meant_pods()
        .map(|live| {
            let metrics = facts.pod_metrics(live);
            PodUsage {
                namespace: live.object.meta.namespace.to_string(),
                name: live.object.meta.name.to_string(),
                node: live.pod.node.to_string(),
                cpu: amounts(live.pod, metrics, "cpu"),
                memory: amounts(live.pod, metrics, "memory"),
            }
        })
        .collect();
    // Without any use there is no order by it.
    let is_measured = pods.iter().any(|pod| pod.cpu.used.is_some() || pod.memory.used.is_some());
    let sort = if is_measured { facts.ask.sort } else { Sort::Requests };
    let key = |pod: &PodUsage| match sort {
        Sort::Cpu => (pod.cpu.used, pod.memory.used),
        Sort::Memory => (pod.memory.used, pod.cpu.used),
        // One core weighs as much as 4 GiB, the shape of a common machine.
        Sort::Requests => {
            let memory = pod.memory.requests.unwrap_or(0) / (4 << 30) * 1000
                + pod.memory.requests.unwrap_or(0) % (4 << 30) / (4 << 20);
            (Some(pod.cpu.requests.unwrap_or(0).max(memory)), pod.memory.requests)
        }
    };
    pods.sort_by_key(|pod| std::cmp::Reverse(key(pod)));
    let total = pods.len();
    if facts.ask.top > 0 {
        pods.truncate(facts.ask.top);
    }
    (pods, total, sort)
}

/// Sums over pods.
#[derive(Default)]
struct Sums<'a> {
    all: Vec<&'a Pod>,
    measured: Vec<(&'a Pod, &'a Metrics)>,
}

impl<'a> Sums<'a> {
    fn add(&mut self, live: Live<'a>, metrics: Option<&'a Metrics>) {
        self.all.push(live.pod);
        if let Some(metrics) = metrics.filter(|metrics| !metrics.containers.is_empty()) {
            self.measured.push((live.pod, metrics));
        }
    }

    fn used(&self, resource: &str) -> Option<i64> {
        let used: Vec<Quantity> = self.measured.iter().filter_map(|(_, metrics)| metrics.used(resource)).collect();
        (!used.is_empty()).then(|| number(resource, used.into_iter().sum()))
    }

    fn of<'b>(&self, pods: impl Iterator<Item = &'b Pod> + Clone, resource: &str) -> Amounts {
        Amounts {
            used: self.used(resource),
            requests: Some(number(resource, pods.clone().map(|pod| pod.request(resource)).sum())),
            limits: sum_limits(pods, resource).map(|limits| number(resource, limits)),
            allocatable: None,
        }
    }
}

/// The namespaces that `-n` means, those that hold pods or quotas.
pub(super) fn namespaces(facts: &Facts<'_>) -> Vec<NamespaceUsage> {
    let mut rows: BTreeMap<&str, (Sums<'_>, Vec<QuotaUsage>)> = BTreeMap::new();
    for pod in facts.meant_pods() {
        rows.entry(pod.object.meta.namespace.as_str()).or_default().0.add(pod, facts.pod_metrics(pod));
    }
    for object in facts.ask.inventory.of_kind("", "ResourceQuota") {
        // Quotas bear no labels of the pods that they bound.
        if facts.is_namespace_meant(&object.meta.namespace) {
            rows.entry(object.meta.namespace.as_str()).or_default().1.extend(quota(object));
        }
    }
    rows.into_iter()
        .map(|(name, (sums, quotas))| NamespaceUsage {
            name: name.to_owned(),
            pods: sums.all.len(),
            measured: sums.measured.len(),
            cpu: sums.of(sums.all.iter().copied(), "cpu"),
            memory: sums.of(sums.all.iter().copied(), "memory"),
            quotas,
        })
        .collect()
}

fn quota(object: &Object) -> Vec<QuotaUsage> {
    let Some(custom) = object.custom() else { return Vec::new() };
    let Some(hard) = custom.status_at("/hard").and_then(Value::as_object) else { return Vec::new() };
    let amount = |value: &Value| match value {
        Value::String(text) => Quantity::parse(text),
        value => value.as_i64().map(Quantity::from_units),
    };
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    hard.iter()
        .filter_map(|(resource, limit)| {
            let used = custom.status_at("/used").and_then(|used| used.get(resource))?;
            Some(QuotaUsage {
                quota: object.meta.name.to_string(),
                resource: resource.clone(),
                used: shown(used),
                hard: shown(limit),
                used_percent: amount(used).zip(amount(limit)).and_then(|(used, limit)| used.percent_of(limit)),
            })
        })
        .collect()
}

/// Workloads of which at least one pod was measured, those that fit least first.
pub(super) fn workloads(facts: &Facts<'_>) -> Vec<WorkloadUsage> {
    let related = Related { inventory: facts.ask.inventory, limits: &facts.ask.platform.thresholds };
    let mut rows: BTreeMap<ObjectRef, Sums<'_>> = BTreeMap::new();
    for pod in facts.meant_pods() {
        let top = related.top_controller(pod.object);
        // A static pod belongs to its node; with others of the node it is no workload.
        let top = if &*top.kind == "Node" { pod.object.reference() } else { top };
        rows.entry(top).or_default().add(pod, facts.pod_metrics(pod));
    }
    let mut out: Vec<WorkloadUsage> = rows
        .into_iter()
        .filter(|(_, sums)| !sums.measured.is_empty())
        .map(|(top, sums)| {
            let measured = || sums.measured.iter().map(|(pod, _)| *pod);
            let (mut cpu, mut memory) = (sums.of(measured(), "cpu"), sums.of(measured(), "memory"));
            for (amounts, resource) in [(&mut cpu, "cpu"), (&mut memory, "memory")] {
                // What one pod may use without limit, the workload may.
                amounts.limits = amounts.limits.filter(|_| measured().all(|pod| pod.is_bounded(resource)));
            }
            WorkloadUsage {
                kind: top.kind.to_string(),
                namespace: top.namespace.to_string(),
                name: top.name.to_string(),
                pods: sums.all.len(),
                measured: sums.measured.len(),
                fit: fit(&sums, &cpu, &memory),
                cpu,
                memory,
            }
        })
        .collect();
    out.sort_by(|one, two| urgency(two).total_cmp(&urgency(one)));
    out
}

/// What of requests and limits does not fit the use, most urgent first.
fn fit(sums: &Sums<'_>, cpu: &Amounts, memory: &Amounts) -> Vec<String> {
    let mut out = Vec::new();
    let mut say = |word: &str, holds: bool| {
        if holds {
            out.push(word.to_owned());
        }
    };
    say("memory-near-limit", sums.measured.iter().any(|(pod, metrics)| is_near_limit(pod, metrics)));
    if let (Some(used), Some(requests)) = (memory.used, memory.requests) {
        say("memory-no-request", requests == 0);
        say("memory-over-request", requests > 0 && used > requests);
        say("memory-over-requested", is_idle(used, requests, IDLE_MEMORY));
    }
    say("memory-no-limit", sums.measured.iter().any(|(pod, _)| !pod.is_bounded("memory")));
    if let (Some(used), Some(requests)) = (cpu.used, cpu.requests) {
        say("cpu-no-request", requests == 0 && used >= SMALL_CPU);
        say("cpu-over-request", requests > 0 && used as f64 > requests as f64 * BURST && used - requests >= SMALL_CPU);
        say("cpu-over-requested", is_idle(used, requests, IDLE_CPU));
    }
    out
}

fn is_idle(used: i64, requests: i64, least: i64) -> bool {
    (used as f64) < requests as f64 * IDLE_SHARE && requests.saturating_sub(used) >= least
}

/// Whether any container of the pod, or the pod as a whole, uses nearly all the memory that it may.
fn is_near_limit(pod: &Pod, metrics: &Metrics) -> bool {
    let near = |used: Quantity, limit: Quantity| {
        limit > Quantity::ZERO && used.millis() as f64 >= limit.millis() as f64 * NEAR_LIMIT
    };
    let memory = |usage: &BTreeMap<_, Quantity>| usage.get(&Sym::new("memory")).copied().unwrap_or_default();
    let whole = pod.resources.as_ref().and_then(|_| pod.limit("memory"));
    metrics.containers.iter().any(|used| {
        let container = pod.all_containers().find(|container| container.name == used.name);
        container.is_some_and(|container| near(memory(&used.usage), container.limit("memory")))
    }) || whole.is_some_and(|limit| near(metrics.used("memory").unwrap_or_default(), limit))
}

/// How much a workload asks to be looked at: those that may be killed or evicted first, then those
/// that hold most that they do not use.
fn urgency(row: &WorkloadUsage) -> f64 {
    let has = |word: &str| row.fit.iter().any(|fit| fit == word);
    let gap = |amounts: &Amounts| match (amounts.used, amounts.requests) {
        (Some(used), Some(requests)) => (requests.saturating_sub(used)) as f64,
        _ => 0.0,
    };
    let class = match () {
        () if has("memory-near-limit") => 4e12,
        () if has("memory-over-request") || has("memory-no-request") => 3e12,
        () if has("cpu-over-request") || has("cpu-no-request") => 2e12,
        () if has("memory-over-requested") || has("cpu-over-requested") => 1e12,
        () => 0.0,
    };
    let over = percent(row.memory.used.unwrap_or(0), row.memory.requests.unwrap_or(0)).unwrap_or(0.0);
    let weight = if class >= 3e12 { over } else { (gap(&row.cpu) / 1000.0).abs().max((gap(&row.memory) / 4e9).abs()) };
    class + weight.min(1e9)
}

//! `health usage`: what nodes, volumes, pods, namespaces and workloads use against what they request
//! and have, and who holds the GPUs. Pure: objects, settings and `now` in, the report out.

mod document;
mod exposition;
mod facts;
mod model;
mod nodes;
mod pods;
mod run;
mod sources;
#[cfg(test)]
mod tests;
mod volumes;

pub use model::{
    Amounts, DeviceUsage, Failed, Fill, Holder, NamespaceUsage, NodeDevices, NodeUsage, PodUsage, QuotaUsage, Source,
    SourceState, UsageFinding, UsageReport, VolumeUsage, WorkloadUsage,
};

pub(crate) use run::run;

use clap::ValueEnum;
use facts::Facts;
use jiff::Timestamp;
use mlops_shared::health::{Related, assess, coverage, describe};
use mlops_shared::object::{Body, Inventory, ObjectRef, Selector, Sym, Unread};
use mlops_shared::platform::Platform;
use mlops_shared::report::{API_VERSION, Level, ObjectId, Verdict, View};
use mlops_shared::text;

/// A part of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Section {
    /// CPU, memory, pods and filesystems of every node
    Nodes,
    /// How full the claims' volumes are
    Volumes,
    /// Pods that use or request most
    Pods,
    /// Sums and quotas of every namespace
    Namespaces,
    /// Workloads whose requests and limits do not fit their use
    Workloads,
    /// GPUs and other extended resources, and who holds them
    Devices,
}

impl Section {
    /// All of them, in the order in which they are printed.
    pub(crate) const ALL: [Self; 6] =
        [Self::Nodes, Self::Volumes, Self::Pods, Self::Namespaces, Self::Workloads, Self::Devices];

    const fn word(self) -> &'static str {
        match self {
            Self::Nodes => "nodes",
            Self::Volumes => "volumes",
            Self::Pods => "pods",
            Self::Namespaces => "namespaces",
            Self::Workloads => "workloads",
            Self::Devices => "devices",
        }
    }
}

/// What the top pods are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sort {
    /// CPU in use
    Cpu,
    /// Memory in use
    Memory,
    /// What is reserved, one core weighing as much as 4 GiB
    Requests,
}

impl Sort {
    const fn word(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Requests => "requests",
        }
    }
}

/// Kinds that the report is made of, by group and kind.
pub(crate) const KINDS: &[(&str, &str)] = &[
    ("", "Node"),
    ("", "Pod"),
    ("", "PersistentVolumeClaim"),
    ("", "ResourceQuota"),
    // Where the whole cluster may not be listed, its namespaces are tried one by one.
    ("", "Namespace"),
    ("coordination.k8s.io", "Lease"),
    // Between a pod and the workload that it belongs to.
    ("apps", "ReplicaSet"),
    ("batch", "Job"),
    // Why there are no metrics.
    ("apiregistration.k8s.io", "APIService"),
    (facts::METRICS, "NodeMetrics"),
    (facts::METRICS, "PodMetrics"),
];

/// What is asked, and everything that the answer is made of.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    /// What was read, kubelets' summaries among it.
    pub(crate) inventory: &'a Inventory,
    /// Thresholds and exceptions.
    pub(crate) platform: &'a Platform,
    /// Whose view it is.
    pub(crate) view: View,
    /// Whether it is a cluster's own, not that of files.
    pub(crate) is_live: bool,
    /// Things to know that are no finding.
    pub(crate) notes: Vec<String>,
    /// What could not be read beyond the inventory's sections.
    pub(crate) gaps: Vec<String>,
    /// Nodes whose kubelet was asked and gave no summary.
    pub(crate) failures: Vec<(String, Unread)>,
    /// `-n`; empty for all.
    pub(crate) namespaces: &'a [Sym],
    /// `-l`
    pub(crate) selector: Option<&'a Selector>,
    /// The parts that are wanted.
    pub(crate) sections: &'a [Section],
    /// What the top pods are sorted by.
    pub(crate) sort: Sort,
    /// How many pods; 0 for all.
    pub(crate) top: usize,
    /// The instant of the report.
    pub(crate) now: Timestamp,
}

impl Ask<'_> {
    /// Whether a part is wanted.
    pub(crate) fn wants(&self, section: Section) -> bool {
        self.sections.contains(&section)
    }
}

/// The kinds that these parts need.
pub(crate) fn kinds(sections: &[Section]) -> Vec<(&'static str, &'static str)> {
    let wants = |any: &[Section]| any.iter().any(|section| sections.contains(section));
    let is_needed = |(group, kind): &&(&str, &str)| match (*group, *kind) {
        ("", "Node") => wants(&[Section::Nodes, Section::Volumes, Section::Devices]),
        ("", "PersistentVolumeClaim") => wants(&[Section::Volumes]),
        ("", "ResourceQuota") => wants(&[Section::Namespaces]),
        ("apps" | "batch", _) => wants(&[Section::Workloads]),
        (facts::METRICS, "NodeMetrics") => wants(&[Section::Nodes]),
        (facts::METRICS | "apiregistration.k8s.io", _) => {
            wants(&[Section::Nodes, Section::Pods, Section::Namespaces, Section::Workloads])
        }
        _ => true,
    };
    KINDS.iter().filter(is_needed).copied().collect()
}

/// The nodes whose kubelets are asked: all of them, or with `-n` those that run its pods. Nodes that
/// are ready come first, so that dead ones do not use up the time of the others.
pub(crate) fn kubelets(inventory: &Inventory, namespaces: &[Sym]) -> Vec<String> {
    let pods = inventory.of_kind("", "Pod").iter().filter_map(|object| object.pod());
    let mut names: Vec<String> =
        pods.filter(|pod| !pod.is_finished() && !pod.node.is_empty()).map(|pod| pod.node.to_string()).collect();
    if namespaces.is_empty() {
        names.extend(inventory.of_kind("", "Node").iter().map(|node| node.meta.name.to_string()));
    }
    names.sort();
    names.dedup();
    let is_ready = |name: &String| {
        inventory.get("", "Node", "", name).found().is_none_or(|object| match &object.body {
            Body::Node(node) => sources::ready(node),
            _ => true,
        })
    };
    names.sort_by_key(|name| !is_ready(name));
    names
}

/// Makes the report.
pub(crate) fn report(ask: &Ask<'_>) -> UsageReport {
    let facts = Facts::new(ask);
    let mut found = Found { findings: Vec::new(), excepted: Vec::new(), facts: &facts };
    let mut nodes = Vec::new();
    if ask.wants(Section::Nodes) {
        for (node, verdict) in nodes::nodes(&facts) {
            found.add(&ObjectRef::new("", "Node", "", &node.name), &verdict);
            nodes.push(node);
        }
    }
    let (mut volumes, mut has_unread) = (Vec::new(), false);
    if ask.wants(Section::Volumes) {
        for judged in volumes::volumes(&facts) {
            has_unread |= judged.is_unread;
            if judged.is_finding {
                let object = ObjectRef::new("", "PersistentVolumeClaim", &judged.usage.namespace, &judged.usage.claim);
                found.add(&object, &judged.verdict);
            }
            volumes.push(judged.usage);
        }
    }
    if ask.wants(Section::Namespaces) {
        let related = Related { inventory: ask.inventory, limits: &ask.platform.thresholds };
        for quota in ask.inventory.of_kind("", "ResourceQuota") {
            if facts.is_namespace_meant(&quota.meta.namespace) {
                found.add(&quota.reference(), &assess(quota, &related, ask.now));
            }
        }
    }
    let (mut findings, mut notes) = (found.findings, ask.notes.clone());
    notes.extend(found.excepted);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.verdict));
    let needs_metrics = [Section::Nodes, Section::Pods, Section::Namespaces, Section::Workloads];
    let metrics = needs_metrics.into_iter().any(|section| ask.wants(section)).then(|| sources::metrics(&facts));
    let volume_statistics = ask.wants(Section::Volumes).then(|| sources::volumes(&facts));
    let (pods, pods_total, sorted) =
        if ask.wants(Section::Pods) { pods::top(&facts) } else { (Vec::new(), facts.meant_pods().count(), ask.sort) };
    if sorted != ask.sort {
        notes.push(format!("pods are sorted by requests, not by {}: their use is not known", ask.sort.word()));
    }
    if ask.wants(Section::Nodes) && !facts.has_all_pods {
        notes.push("what pods request of nodes is not known: not every pod of every namespace was read".to_owned());
    }
    notes.extend(ask.gaps.iter().map(|gap| format!("not read: {gap}")));
    let mut coverage = coverage(ask.inventory.sections());
    let asked = kinds(ask.sections);
    coverage.retain(|section| {
        asked.iter().any(|(group, kind)| {
            *group == section.group && (*kind == section.kind || (section.kind == "*" && *group != facts::METRICS))
        })
    });
    // Some kinds only help to say more; of metrics their own line speaks.
    let helps_only = |kind: &str| matches!(kind, "APIService" | "Lease" | "Namespace" | "NodeMetrics" | "PodMetrics");
    let objects = asked.iter().flat_map(|(group, kind)| ask.inventory.of_kind(group, kind));
    let unreadable = objects.filter(|object| {
        matches!(object.body, Body::Unreadable(_)) && facts.is_namespace_meant(&object.meta.namespace)
    });
    let unreadable = unreadable.count();
    if unreadable > 0 {
        notes.push(format!("{} could not be read: not the shape of their kind", text::plural(unreadable, "object")));
    }
    let is_complete = |source: &Option<Source>| source.as_ref().is_none_or(|it| it.state == SourceState::Complete);
    let partial = coverage.iter().any(|section| section.gap && !helps_only(&section.kind))
        || missing_kinds(ask).next().is_some()
        || !ask.gaps.is_empty()
        || has_unread
        || unreadable > 0
        || !is_complete(&metrics)
        || !is_complete(&volume_statistics)
        || findings.iter().any(|finding| finding.verdict == Level::Unknown);
    notes.extend(missing_kinds(ask).map(|kind| format!("the files hold no {kind}")));
    for section in coverage.iter_mut().filter(|section| helps_only(&section.kind)) {
        section.gap = false;
    }
    let worst = findings.iter().map(|finding| finding.verdict).max().unwrap_or(Level::Ok);
    UsageReport {
        api_version: API_VERSION.to_owned(),
        kind: "UsageReport".to_owned(),
        generated_at: ask.now.to_string(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        view: View { namespaces: ask.namespaces.iter().map(ToString::to_string).collect(), ..ask.view.clone() },
        verdict: if partial { worst.max(Level::Unknown) } else { worst },
        partial,
        sections: ask.sections.iter().map(|section| section.word().to_owned()).collect(),
        metrics,
        volume_statistics,
        findings,
        nodes,
        volumes,
        pods,
        pods_sorted_by: sorted.word().to_owned(),
        pods_total,
        namespaces: if ask.wants(Section::Namespaces) { pods::namespaces(&facts) } else { Vec::new() },
        workloads: if ask.wants(Section::Workloads) { pods::workloads(&facts) } else { Vec::new() },
        devices: if ask.wants(Section::Devices) { nodes::devices(&facts) } else { Vec::new() },
        coverage,
        notes,
        error: None,
    }
}

/// Kinds without which the parts say nothing, and of which nothing was noted: files that do not
/// hold them.
fn missing_kinds<'a>(ask: &'a Ask<'_>) -> impl Iterator<Item = &'static str> + 'a {
    let needed = kinds(ask.sections).into_iter().filter(|(group, kind)| {
        matches!((*group, *kind), ("", "Node" | "Pod")) && ask.inventory.section(group, kind).is_none()
    });
    needed.map(|(_, kind)| kind)
}

/// Findings, less those that the platform file accepts.
struct Found<'a> {
    findings: Vec<UsageFinding>,
    excepted: Vec<String>,
    facts: &'a Facts<'a>,
}

impl Found<'_> {
    fn add(&mut self, object: &ObjectRef, verdict: &Verdict) {
        let ask = self.facts.ask;
        for part in std::iter::once(verdict).chain(&verdict.more) {
            if part.level <= Level::Suspended {
                continue;
            }
            let exceptions = ask.platform.exceptions.iter();
            let mut fits = exceptions.filter(|rule| !rule.is_expired(ask.now) && rule.matches(part.code.id, object));
            if let Some(rule) = fits.next() {
                let (code, until, reason) = (part.code.id, rule.expires, &rule.reason);
                self.excepted.push(format!("excepted: {code} on {object} until {until}: {reason}"));
                continue;
            }
            let id = ObjectId {
                api_version: "v1".to_owned(),
                kind: object.kind.to_string(),
                namespace: object.namespace.to_string(),
                name: object.name.to_string(),
            };
            self.findings.push(UsageFinding {
                command: part.command.clone().unwrap_or_else(|| describe(&id)),
                object: id,
                verdict: part.level,
                code: part.code.id.to_owned(),
                message: part.message.to_string(),
                evidence: part.evidence.clone(),
            });
        }
    }
}

//! Whence the figures come, and an honest line where there are none.

use super::facts::{Facts, METRICS};
use super::model::{Failed, Source, SourceState};
use crate::usage::Section;
use mlops_shared::health::fullness;
use mlops_shared::object::{
    Body, Metrics, Node, Object, STATISTICS_GROUP, STATISTICS_KIND, SectionState, Unread, find_condition,
};
use mlops_shared::text;

const METRICS_HINT: &str = "a ClusterRole needs: apiGroups: [\"metrics.k8s.io\"], resources: [\"nodes\", \"pods\"], verbs: [\"get\", \"list\"]";
const SERVER_HINT: &str = "look at the pods of metrics-server, mostly in kube-system";
const FILES_HINT: &str =
    "`kubectl get nodes.metrics.k8s.io,pods.metrics.k8s.io -A -o json > FILE` beside the others adds them";
/// Nodes or pods that a line names before it counts the rest.
const NAMED: usize = 3;

/// What became of metrics.k8s.io.
pub(super) fn metrics(facts: &Facts<'_>) -> Source {
    let mut kinds = Vec::new();
    if facts.ask.wants(Section::Nodes) {
        kinds.push("NodeMetrics");
    }
    if [Section::Pods, Section::Namespaces, Section::Workloads].into_iter().any(|section| facts.ask.wants(section)) {
        kinds.push("PodMetrics");
    }
    // With `-n` an account that may not read nodes was not asked about them.
    let section = |kind: &str| facts.ask.inventory.section(METRICS, kind).map(|section| &section.state);
    if kinds.len() > 1 {
        kinds.retain(|kind| !matches!(section(kind), Some(SectionState::Unread(Unread::OutOfScope))));
    }
    let is_read = |kind: &&&str| matches!(section(kind), Some(SectionState::Read(_) | SectionState::Partly(..)));
    match kinds.iter().find(|kind| !is_read(kind)) {
        Some(kind) => {
            let of = match (kinds.iter().any(|kind| is_read(&kind)), *kind) {
                (false, _) => "",
                (true, "NodeMetrics") => " of nodes",
                (true, _) => " of pods",
            };
            unread(facts, kind, of)
        }
        None => read(facts, &kinds),
    }
}

/// Metrics that were not read, and why.
fn unread(facts: &Facts<'_>, kind: &str, of: &str) -> Source {
    let bad = |state, message: String, hint: &str| Source {
        state,
        message: format!("CPU and memory use{of} is not known: {message}"),
        hint: Some(hint.to_owned()),
        measured: 0,
        wanted: 0,
        oldest: None,
        failures: Vec::new(),
    };
    let down = down(facts);
    match (facts.ask.inventory.section(METRICS, kind).map(|section| &section.state), down) {
        (Some(SectionState::Unread(Unread::Forbidden(said))), _) => {
            bad(SourceState::Forbidden, format!("forbidden: {said}"), METRICS_HINT)
        }
        (Some(SectionState::Unread(why)), Some(down)) => {
            bad(SourceState::Unavailable, format!("{kind} could not be read: {why}; {down}"), SERVER_HINT)
        }
        (Some(SectionState::Unread(why)), None) => bad(
            SourceState::Failed,
            format!("{kind} could not be read: {why}"),
            "`kubectl top nodes` asks the same API",
        ),
        (_, Some(down)) => bad(SourceState::Unavailable, down, SERVER_HINT),
        _ if !facts.ask.is_live => bad(SourceState::NotInFiles, format!("the files hold no {kind}"), FILES_HINT),
        _ => {
            let known = facts.ask.inventory.was_read("apiregistration.k8s.io", "APIService", "");
            let doubt = if known { "" } else { " (APIServices could not be read)" };
            let message = format!("no metrics.k8s.io is served; metrics-server is not installed{doubt}");
            bad(SourceState::NotInstalled, message, "install metrics-server or prometheus-adapter")
        }
    }
}

/// The APIService of metrics.k8s.io that is not available, in words.
fn down(facts: &Facts<'_>) -> Option<String> {
    let services = facts.ask.inventory.of_kind("apiregistration.k8s.io", "APIService").iter();
    for object in services.filter(|object| object.meta.name.ends_with(".metrics.k8s.io")) {
        let Body::ApiService(service) = &object.body else { continue };
        // custom.metrics.k8s.io and external.metrics.k8s.io are others.
        if object.meta.name.split_once('.').is_none_or(|(_, group)| group != METRICS) {
            continue;
        }
        let conditions = service.status.as_ref().map_or(&[][..], |status| &status.conditions);
        let available = find_condition(conditions, "Available");
        if !available.is_some_and(|available| available.is_true()) {
            let why = available.map_or("nobody says why".into(), |available| available.text());
            return Some(format!("APIService {} is not available: {why}", object.meta.name));
        }
    }
    match facts.ask.inventory.section(METRICS, "*").map(|section| &section.state) {
        Some(SectionState::Unread(why)) => Some(format!("metrics.k8s.io: {why}")),
        _ => None,
    }
}

/// Metrics that were read: how far they go and how old they are.
fn read(facts: &Facts<'_>, kinds: &[&str]) -> Source {
    let all = kinds.iter().flat_map(|kind| facts.ask.inventory.of_kind(METRICS, kind));
    let all: Vec<&Metrics> = all
        .filter_map(|object| match &object.body {
            Body::Metrics(metrics) => Some(&**metrics),
            _ => None,
        })
        .collect();
    let times = || all.iter().filter_map(|metrics| metrics.timestamp.get());
    let (oldest, newest) = (times().min(), times().max());
    let mut source = Source {
        state: SourceState::Complete,
        message: String::new(),
        hint: None,
        measured: 0,
        wanted: 0,
        oldest: oldest.map(|time| time.to_string()),
        failures: Vec::new(),
    };
    let limit = facts.ask.platform.thresholds.metrics_stale_seconds;
    if let Some(newest) = newest.filter(|newest| facts.clock.duration_since(*newest).as_secs() > limit) {
        source.state = SourceState::Stale;
        source.message =
            format!("CPU and memory use is stale: the newest figure is {} old", text::age(newest, facts.clock));
        source.hint = Some("look at the pods of metrics-server, and at the clocks".to_owned());
        return source;
    }
    let mut missing = Vec::new();
    if let Some(SectionState::Partly(namespaces, _, why)) =
        facts.ask.inventory.section(METRICS, "PodMetrics").map(|section| &section.state)
    {
        let names = list(namespaces.iter().map(ToString::to_string));
        missing.push(format!("pods outside {names} ({why})"));
    }
    if kinds.contains(&"NodeMetrics") {
        let ready = facts.ask.inventory.of_kind("", "Node").iter().filter(|object| is_ready(object));
        for node in ready {
            source.wanted += 1;
            let name = node.meta.name.to_string();
            match facts.node_metrics(&name) {
                None => source.failures.push(Failed { node: name, why: "no metrics of it".to_owned() }),
                Some(metrics) if facts.is_stale(metrics) => {
                    let age = metrics.timestamp.get().map(|time| text::age(time, facts.clock)).unwrap_or_default();
                    source.failures.push(Failed { node: name, why: format!("its metrics are {age} old") });
                }
                Some(_) => source.measured += 1,
            }
        }
        if !source.failures.is_empty() {
            let names = list(source.failures.iter().map(|failed| format!("{} ({})", failed.node, failed.why)));
            missing.push(format!(
                "{} of {}: {names}",
                source.failures.len(),
                text::plural(source.wanted, "ready node")
            ));
        }
    }
    if kinds.contains(&"PodMetrics") {
        // metrics-server needs two looks at a pod before it knows its use.
        let should = |pod: &super::facts::Live<'_>| {
            let node = facts.ask.inventory.get("", "Node", "", &pod.pod.node).found();
            // Nobody measures what runs on a node that does not answer; the node is the finding.
            &*pod.pod.phase == "Running"
                && node.is_none_or(is_ready)
                && pod.pod.started.seconds_before(facts.clock).is_none_or(|age| age > limit)
                && pod
                    .pod
                    .containers
                    .iter()
                    .any(|container| container.status.as_ref().is_none_or(|status| status.state.running.is_some()))
        };
        let wanted: Vec<_> = facts.meant_pods().filter(should).collect();
        let lacking = |pod: &&super::facts::Live<'_>| {
            facts.pod_metrics(**pod).is_none_or(|metrics| facts.is_stale(metrics) || metrics.containers.is_empty())
        };
        let lack: Vec<_> = wanted.iter().filter(lacking).collect();
        if !lack.is_empty() {
            let names = list(lack.iter().map(|pod| format!("{}/{}", pod.object.meta.namespace, pod.object.meta.name)));
            missing.push(format!("{} of {}: {names}", lack.len(), text::plural(wanted.len(), "running pod")));
        }
    }
    let age =
        oldest.map_or_else(String::new, |time| format!(", the oldest figure is {} old", text::age(time, facts.clock)));
    if missing.is_empty() {
        source.message = format!("CPU and memory use from metrics.k8s.io{age}");
    } else {
        source.state = SourceState::Incomplete;
        source.message = format!("CPU and memory use is not known of {}", missing.join("; and of "));
        let is_forbidden = missing.iter().any(|missing| missing.contains("forbidden"));
        let look = "look at the log of metrics-server and at those nodes' kubelets";
        source.hint = Some(if is_forbidden { METRICS_HINT } else { look }.to_owned());
    }
    source
}

fn is_ready(object: &Object) -> bool {
    let Body::Node(node) = &object.body else { return false };
    ready(node)
}

/// Whether a node says that it is ready.
pub(super) fn ready(node: &Node) -> bool {
    find_condition(&node.status.conditions, "Ready").is_some_and(|ready| ready.is_true())
}

fn list(names: impl Iterator<Item = String>) -> String {
    let mut names: Vec<String> = names.collect();
    let rest = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("{}{rest}", names.join(", "))
}

/// What became of the kubelets' summaries.
pub(super) fn volumes(facts: &Facts<'_>) -> Source {
    let measured = facts.ask.inventory.of_kind(STATISTICS_GROUP, STATISTICS_KIND).iter();
    let measured = measured.filter(|object| matches!(object.body, Body::Statistics(_))).count();
    let mut failures: Vec<Failed> = Vec::new();
    let mut forbidden = None;
    for (node, why) in &facts.ask.failures {
        if let Unread::Forbidden(said) = why {
            forbidden = Some(said);
        }
        failures.push(Failed { node: node.clone(), why: why.to_string() });
    }
    if !facts.ask.is_live && measured > 0 {
        for node in
            facts.ask.inventory.of_kind("", "Node").iter().filter(|node| facts.statistics(&node.meta.name).is_none())
        {
            failures
                .push(Failed { node: node.meta.name.to_string(), why: "the files hold no summary of it".to_owned() });
        }
    }
    failures.sort_by(|one, two| one.node.cmp(&two.node));
    let wanted = measured + failures.len();
    let (state, message, hint) = match (measured, failures.len()) {
        (0, 0) if facts.ask.is_live => {
            let are_nodes_known = matches!(
                facts.ask.inventory.section("", "Node").map(|section| &section.state),
                Some(SectionState::Read(_))
            );
            if are_nodes_known || !facts.ask.namespaces.is_empty() {
                (SourceState::Complete, "no node runs a pod whose volumes could be measured".to_owned(), None)
            } else {
                (SourceState::Failed, "the use of volumes is not known: the nodes are not".to_owned(), None)
            }
        }
        (0, 0) => (
            SourceState::NotInFiles,
            "the use of volumes is not known: the files hold no summary of a kubelet".to_owned(),
            Some("`kubectl get --raw /api/v1/nodes/NODE/proxy/stats/summary > FILE` beside the others adds one"),
        ),
        (0, _) if forbidden.is_some() => (
            SourceState::Forbidden,
            format!("the use of volumes is not known: forbidden: {}", forbidden.map_or("", String::as_str)),
            Some(fullness::ROLE),
        ),
        (0, _) => (SourceState::Failed, "the use of volumes is not known: no kubelet answered".to_owned(), None),
        (_, 0) => (
            SourceState::Complete,
            format!("use of volumes from the kubelets of {}", text::plural(measured, "node")),
            None,
        ),
        (_, failed) => (
            SourceState::Incomplete,
            format!("the use of volumes is not known on {failed} of {}", text::plural(wanted, "node")),
            forbidden.map(|_| fullness::ROLE),
        ),
    };
    Source { state, message, hint: hint.map(str::to_owned), measured, wanted, oldest: None, failures }
}

//! Monitors, rules and alert routes of prometheus-operator: whether anybody reads them, and whether
//! they lead to anything. The commonest silent failure is a missing label.

use super::table::Rule;
use super::{Related, controllers, lead_condition, precedence};
use crate::object::{
    Body, Condition, Custom, Inventory, Labels, Lookup, Object, Scope, SectionState, Selector, ServicePort, Unread,
};
use crate::report::{Level, Verdict, codes};
use crate::text;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

codes! {
    READ = "monitor-read", "It is read",
        "A Prometheus (or ThanosRuler, or Alertmanager) selects the object, and what it points at is there as far as was read.",
        "Nothing to do.";
    UNCLAIMED = "monitor-unclaimed", "Who reads it was not found out",
        "The objects that could select it, or the labels of its namespace, were not read; or there is none of them and another collector may read it.",
        "Nothing to do. Run with an account that may read the monitoring objects of all namespaces to know more.";
    NOT_SELECTED = "monitor-not-selected", "No Prometheus selects it",
        "The selectors of all Prometheus objects (or ThanosRulers, or Alertmanagers) leave it out: its targets are not scraped, its rules are not evaluated, its routes are not used. Nothing else tells of this. Mostly a label is missing that the selector asks for, such as `release`.",
        "Add the label that is named to the object (or to its namespace), or widen the selector.";
    REJECTED = "monitor-rejected", "The operator has refused it",
        "An object selects it, and the operator leaves it out of the configuration because it is not valid or names a Secret that is not there.",
        "Correct what the message names.";
    NO_TARGET = "monitor-no-target", "It matches nothing",
        "It is read, and no Service or pod in the namespaces that it speaks of fits its selector: nothing is scraped.",
        "Compare spec.selector and spec.namespaceSelector with the labels of the Service or pod that is meant.";
    NO_PORT = "monitor-no-port", "What it matches has no port of that name",
        "A ServiceMonitor names ports of Services, a PodMonitor names ports of containers; none of those that it matches has such a port, so nothing is scraped.",
        "Use the name that the Service or container gives the port; a number goes into targetPort or portNumber.";
}

const GROUP: &str = "monitoring.coreos.com";

/// The rows of this family.
pub(super) const RULES: &[Rule] = &[
    Rule::new(GROUP, "ServiceMonitor", assess),
    Rule::new(GROUP, "PodMonitor", assess),
    Rule::new(GROUP, "PrometheusRule", assess),
    Rule::new(GROUP, "Probe", assess),
    Rule::new(GROUP, "ScrapeConfig", assess),
    Rule::new(GROUP, "AlertmanagerConfig", assess),
];

/// Which kinds read a kind, and the fields of their specs that select it.
struct Readers {
    kinds: &'static [&'static str],
    selector: &'static str,
    namespaces: &'static str,
}

fn readers(kind: &str) -> Readers {
    let (kinds, selector, namespaces): (&[&str], _, _) = match kind {
        "ServiceMonitor" => {
            (&["Prometheus", "PrometheusAgent"], "/serviceMonitorSelector", "/serviceMonitorNamespaceSelector")
        }
        "PodMonitor" => (&["Prometheus", "PrometheusAgent"], "/podMonitorSelector", "/podMonitorNamespaceSelector"),
        "Probe" => (&["Prometheus", "PrometheusAgent"], "/probeSelector", "/probeNamespaceSelector"),
        "ScrapeConfig" => {
            (&["Prometheus", "PrometheusAgent"], "/scrapeConfigSelector", "/scrapeConfigNamespaceSelector")
        }
        "PrometheusRule" => (&["Prometheus", "ThanosRuler"], "/ruleSelector", "/ruleNamespaceSelector"),
        _ => (&["Alertmanager"], "/alertmanagerConfigSelector", "/alertmanagerConfigNamespaceSelector"),
    };
    Readers { kinds, selector, namespaces }
}

/// Whether one reader selects an object.
enum Selection {
    Yes,
    /// It does not, and why.
    No(String),
    /// The labels of the namespace were not read.
    Unclear,
}

fn assess(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else {
        return Verdict::unknown(&precedence::OBJECT_UNREADABLE, "has not the shape of its kind");
    };
    let bound = by_bindings(object, custom, related, now);
    let selection = match &bound {
        Some(verdict) if verdict.level > Level::Ok => return verdict.clone(),
        _ => who_reads(object, related),
    };
    let read = match (bound, selection) {
        (Some(bound), (by, _)) => (bound, by),
        (None, (by, verdict)) => (verdict, by),
    };
    let (verdict, by) = read;
    if verdict.level > Level::Ok {
        return verdict;
    }
    let target = match &*object.ty.kind {
        "ServiceMonitor" => services(object, custom, &by, related),
        "PodMonitor" => pods(object, custom, &by, related, now),
        _ => None,
    };
    match target {
        Some(target) if is_young(object, related, now) => {
            let mut target = target;
            target.level = Level::Progressing;
            target
        }
        Some(target) => target,
        None => verdict,
    }
}

/// Charts create a monitor before the pods that it is for.
fn is_young(object: &Object, related: &Related<'_>, now: Timestamp) -> bool {
    let age = object.meta.creation_timestamp.seconds_before(now);
    age.is_some_and(|age| age <= related.limits.progress_seconds)
}

/// What the operator itself says: `status.bindings[]`, one entry a reader, written by operators
/// with the feature gate StatusForConfigurationResources (`pkg/operator/config_resource.go`).
fn by_bindings(object: &Object, custom: &Custom, related: &Related<'_>, now: Timestamp) -> Option<Verdict> {
    let bindings = custom.status_list("/bindings");
    let mut refused: Option<Verdict> = None;
    let mut accepted = Vec::new();
    for (index, binding) in bindings.iter().enumerate().take(50) {
        let conditions = custom.conditions_at(&format!("/bindings/{index}/conditions"));
        let Some(found) = conditions.iter().find(|condition| &*condition.r#type == "Accepted") else { continue };
        let part = |key: &str| binding.get(key).and_then(Value::as_str).unwrap_or_default();
        let reader = format!("{} {}/{}", part("resource"), part("namespace"), part("name"));
        let seen = found.observed_generation.filter(|seen| *seen > 0);
        if let Some(verdict) = precedence::generation(object, seen, related, now) {
            return Some(verdict);
        }
        if found.is_true() {
            accepted.push(reader);
        } else if found.is_false() {
            let verdict = rejected(&reader, found);
            refused = Some(refused.map_or(verdict.clone(), |known| known.and(verdict)));
        }
    }
    match (refused, accepted.is_empty()) {
        // Accepted by one of several readers: it works, but not everywhere.
        (Some(mut refused), false) => {
            refused.level = Level::Warn;
            Some(refused)
        }
        (Some(refused), true) => Some(refused),
        (None, false) => Some(Verdict::ok(&READ, format!("accepted by {}", accepted.join(", ")))),
        (None, true) => None,
    }
}

fn rejected(reader: &str, condition: &Condition) -> Verdict {
    let message = format!("{reader} refuses it: {}", lead_condition::said(condition));
    Verdict::fail(&REJECTED, message).since(condition.since())
}

/// Readers that select the object, and the verdict where that is all there is to say.
///
/// Follows `selectObjects` in `pkg/prometheus/resource_selector.go`: a selector that is not set
/// selects nothing, an empty one everything; namespaces that are not set are the reader's own.
fn who_reads<'a>(object: &Object, related: &Related<'a>) -> (Vec<&'a Object>, Verdict) {
    let readers = readers(&object.ty.kind);
    let inventory = related.inventory;
    let mut selecting = Vec::new();
    let mut against = Vec::new();
    let mut unclear = !all_namespaces(inventory);
    for kind in readers.kinds {
        unclear |= is_unreadable(inventory, kind);
        for reader in inventory.of_kind(GROUP, kind) {
            match selects(reader, &readers, object, related) {
                Selection::Yes => selecting.push(reader),
                Selection::No(why) => {
                    against.push(format!("{kind} {}/{}: {why}", reader.meta.namespace, reader.meta.name))
                }
                Selection::Unclear => unclear = true,
            }
        }
    }
    if !selecting.is_empty() {
        let names: Vec<String> =
            selecting.iter().take(5).map(|reader| format!("{}/{}", reader.meta.namespace, reader.meta.name)).collect();
        return (selecting, Verdict::ok(&READ, format!("read by {}", names.join(", "))));
    }
    if unclear {
        return (selecting, Verdict::ok(&UNCLAIMED, "nothing is claimed: not all that could read it was read"));
    }
    if against.is_empty() {
        return (selecting, nobody(readers.kinds[0], inventory));
    }
    let message = format!("nothing selects it; {}", against[0]);
    let verdict = Verdict::warn(&NOT_SELECTED, message).since(object.meta.creation_timestamp.get());
    (selecting, against.into_iter().skip(1).take(9).fold(verdict, Verdict::evidence))
}

/// There is no reader at all. Where the operator runs, one is meant to be there; else the kinds may
/// be installed for another collector, which reads monitors without any such object.
fn nobody(kind: &str, inventory: &Inventory) -> Verdict {
    let operator = |deployment: &&Object| controllers::is_controller("prometheus-operator", deployment);
    let known = inventory.is_complete()
        && matches!(inventory.section(GROUP, kind).map(|section| &section.state), Some(SectionState::Read(_)));
    match inventory.of_kind("apps", "Deployment").iter().find(operator) {
        Some(operator) if known => Verdict::warn(
            &NOT_SELECTED,
            format!("nothing selects it: {} runs and there is no {kind} in the cluster", operator.meta.name),
        ),
        _ => Verdict::ok(&UNCLAIMED, format!("nothing is claimed: no {kind} was read, another collector may read it")),
    }
}

fn all_namespaces(inventory: &Inventory) -> bool {
    matches!(inventory.scope(), Scope::Cluster)
}

/// Whether there may be readers of this kind that could not be read. A kind that is not served or
/// not in a file has none that we know of.
fn is_unreadable(inventory: &Inventory, kind: &str) -> bool {
    match inventory.section(GROUP, kind).map(|section| &section.state) {
        Some(SectionState::Unread(why)) => !matches!(why, Unread::NotServed | Unread::NotInSource),
        Some(SectionState::Partly(..)) => true,
        Some(SectionState::Read(_)) | None => false,
    }
}

fn selector(value: &Value) -> Option<Selector> {
    Selector::deserialize(value).ok()
}

fn selects(reader: &Object, fields: &Readers, object: &Object, related: &Related<'_>) -> Selection {
    let Some(custom) = reader.custom() else { return Selection::Unclear };
    // The one route that an Alertmanager names takes the place of its main configuration.
    if &*object.ty.kind == "AlertmanagerConfig"
        && custom.spec_text("/alertmanagerConfiguration/name") == object.meta.name.as_str()
        && reader.meta.namespace == object.meta.namespace
    {
        return Selection::Yes;
    }
    let field = fields.selector.trim_start_matches('/');
    let Some(value) = custom.spec_at(fields.selector) else {
        return Selection::No(format!("{field} is not set, which selects nothing"));
    };
    let Some(labels) = selector(value) else { return Selection::Unclear };
    if let Some(why) = mismatch(&labels, &object.meta.labels) {
        return Selection::No(format!("{field} asks for {why}"));
    }
    let own = || format!("it reads its own namespace only, and this is {}", object.meta.namespace);
    let Some(value) = custom.spec_at(fields.namespaces) else {
        let is_own = reader.meta.namespace == object.meta.namespace;
        return if is_own { Selection::Yes } else { Selection::No(own()) };
    };
    let Some(wanted) = selector(value) else { return Selection::Unclear };
    if wanted.is_empty() {
        return Selection::Yes;
    }
    match related.get("", "Namespace", "", &object.meta.namespace) {
        Lookup::Found(namespace) => match mismatch(&wanted, &namespace.meta.labels) {
            Some(why) => Selection::No(format!("it reads namespaces with {why}")),
            None => Selection::Yes,
        },
        Lookup::Missing | Lookup::Unread => Selection::Unclear,
    }
}

/// The first term of a selector that labels do not fulfil, in words; `None` when they do.
fn mismatch(selector: &Selector, labels: &Labels) -> Option<String> {
    for (key, wanted) in selector.match_labels.iter() {
        match labels.get(key) {
            Some(value) if value == wanted => {}
            Some(value) => return Some(format!("{key}={wanted}, here it is {value}")),
            None => return Some(format!("the label {key}={wanted}, which is missing")),
        }
    }
    for term in &selector.match_expressions {
        let alone = Selector { match_labels: Labels::default(), match_expressions: vec![term.clone()] };
        if !alone.matches(labels) {
            let values: Vec<&str> = term.values.iter().map(|value| &**value).collect();
            let here = labels.get(&term.key).map_or("it is missing".to_owned(), |value| format!("here it is {value}"));
            return Some(format!("{} {} ({}), {here}", term.key, term.operator, values.join(", ")));
        }
    }
    None
}

/// Namespaces that a monitor looks into; `None` stands for all.
fn target_namespaces(object: &Object, custom: &Custom, by: &[&Object]) -> Option<Vec<String>> {
    let own = vec![object.meta.namespace.to_string()];
    let ignores =
        |reader: &&Object| reader.custom().is_some_and(|custom| custom.spec_true("/ignoreNamespaceSelectors"));
    if !by.is_empty() && by.iter().all(ignores) {
        return Some(own);
    }
    if custom.spec_true("/namespaceSelector/any") {
        return None;
    }
    let names = custom.spec_list("/namespaceSelector/matchNames").iter().filter_map(Value::as_str);
    let names: Vec<String> = names.map(str::to_owned).collect();
    Some(if names.is_empty() { own } else { names })
}

/// The objects of a core kind in those namespaces; `None` unless all of them were read.
fn candidates<'a>(kind: &str, namespaces: Option<&[String]>, inventory: &'a Inventory) -> Option<Vec<&'a Object>> {
    match namespaces {
        Some(names) => {
            let read = names.iter().all(|name| inventory.was_read("", kind, name));
            read.then(|| names.iter().flat_map(|name| inventory.in_namespace("", kind, name)).collect())
        }
        None => {
            let read = matches!(inventory.section("", kind).map(|section| &section.state), Some(SectionState::Read(_)));
            let all = inventory.of_kind("", kind);
            let known = all_namespaces(inventory) && read && (inventory.is_complete() || !all.is_empty());
            known.then(|| all.iter().collect())
        }
    }
}

fn whereabouts(namespaces: Option<&[String]>) -> String {
    match namespaces {
        None => "any namespace".to_owned(),
        Some([one]) => format!("namespace {one}"),
        Some(many) => format!("namespaces {}", many.join(", ")),
    }
}

fn words(selector: &Selector) -> String {
    let mut terms: Vec<String> = selector.match_labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    terms.extend(selector.match_expressions.iter().map(|term| {
        let values: Vec<&str> = term.values.iter().map(|value| &**value).collect();
        format!("{} {} ({})", term.key, term.operator, values.join(", "))
    }));
    if terms.is_empty() { "everything".to_owned() } else { terms.join(",") }
}

/// A selector that is not there is empty, and selects everything.
fn target_selector(custom: &Custom) -> Option<Selector> {
    custom.spec_at("/selector").map_or_else(|| Some(Selector::default()), selector)
}

/// The finding about a ServiceMonitor that leads to no Service or to no port of one.
fn services(object: &Object, custom: &Custom, by: &[&Object], related: &Related<'_>) -> Option<Verdict> {
    let wanted = target_selector(custom)?;
    let namespaces = target_namespaces(object, custom, by);
    let all = candidates("Service", namespaces.as_deref(), related.inventory)?;
    let matched: Vec<&Object> = all.into_iter().filter(|service| wanted.matches(&service.meta.labels)).collect();
    if matched.is_empty() {
        let place = whereabouts(namespaces.as_deref());
        return Some(Verdict::warn(&NO_TARGET, format!("no Service in {place} has the labels {}", words(&wanted))));
    }
    let endpoints = custom.spec_list("/endpoints");
    // A Service without a selector has its endpoints, and their ports, from somewhere else.
    let open = |service: &&Object| matches!(&service.body, Body::Service(body) if !body.spec.selector.is_empty());
    let named: Vec<&str> = endpoints.iter().filter_map(|endpoint| name_of(endpoint, &["targetPort"])).collect();
    if named.is_empty() || named.len() < endpoints.len() || !matched.iter().all(open) {
        return None;
    }
    let ports: Vec<&ServicePort> = matched.iter().flat_map(|service| service_ports(service)).collect();
    if named.iter().any(|name| ports.iter().any(|port| &*port.name == *name)) {
        return None;
    }
    let known = list(ports.iter().map(|port| &*port.name));
    let count = text::plural(matched.len(), "matched Service");
    let message = format!("none of {count} has a port named {}; they have {known}", list(named.into_iter()));
    Some(Verdict::warn(&NO_PORT, message))
}

fn service_ports(service: &Object) -> &[ServicePort] {
    match &service.body {
        Body::Service(service) => &service.spec.ports,
        _ => &[],
    }
}

/// The port's name where an endpoint names one; `None` where it goes by another field or by none.
fn name_of<'a>(endpoint: &'a Value, others: &[&str]) -> Option<&'a str> {
    if others.iter().any(|key| endpoint.get(key).is_some_and(|value| !value.is_null())) {
        return None;
    }
    endpoint.get("port").and_then(Value::as_str).filter(|name| !name.is_empty())
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = names.map(|name| if name.is_empty() { "(unnamed)" } else { name }).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        return "none".to_owned();
    }
    let more = names.len().saturating_sub(8);
    names.truncate(8);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{more}", names.join(", "))
}

/// The finding about a PodMonitor that leads to no pod or to no port of one.
fn pods(object: &Object, custom: &Custom, by: &[&Object], related: &Related<'_>, now: Timestamp) -> Option<Verdict> {
    let wanted = target_selector(custom)?;
    let namespaces = target_namespaces(object, custom, by);
    let all = candidates("Pod", namespaces.as_deref(), related.inventory)?;
    let matched: Vec<_> = all
        .into_iter()
        .filter(|pod| wanted.matches(&pod.meta.labels))
        .filter_map(Object::pod)
        .filter(|pod| !pod.is_finished())
        .collect();
    if matched.is_empty() {
        return no_pods(&wanted, namespaces.as_deref(), related, now);
    }
    let endpoints = custom.spec_list("/podMetricsEndpoints");
    let named: Vec<&str> =
        endpoints.iter().filter_map(|endpoint| name_of(endpoint, &["targetPort", "portNumber"])).collect();
    if named.is_empty() || named.len() < endpoints.len() {
        return None;
    }
    let containers = || matched.iter().flat_map(|pod| pod.all_containers());
    let ports: Vec<&str> = containers().flat_map(|container| container.ports.iter()).map(|port| &*port.name).collect();
    if named.iter().any(|name| ports.contains(name)) {
        return None;
    }
    let count = text::plural(matched.len(), "matched pod");
    let known = list(ports.into_iter());
    let message = format!("no container of {count} has a port named {}; they have {known}", list(named.into_iter()));
    Some(Verdict::warn(&NO_PORT, message))
}

/// No pod fits. Pods of a workload that is scaled to zero, or that come and go, are not missed.
fn no_pods(wanted: &Selector, namespaces: Option<&[String]>, related: &Related<'_>, now: Timestamp) -> Option<Verdict> {
    let inside = |object: &&Object| {
        namespaces.is_none_or(|names| names.iter().any(|name| name == object.meta.namespace.as_str()))
    };
    let mut verdict =
        Verdict::warn(&NO_TARGET, format!("no pod in {} has the labels {}", whereabouts(namespaces), words(wanted)));
    for kind in ["Deployment", "StatefulSet", "DaemonSet"] {
        for workload in related.inventory.of_kind("apps", kind).iter().filter(inside) {
            let Some(body) = workload.workload() else { continue };
            if !wanted.matches(&body.spec.template.metadata.labels) {
                continue;
            }
            let idle = if kind == "DaemonSet" {
                body.status.as_ref().is_some_and(|status| status.desired_number_scheduled == Some(0))
            } else {
                body.wanted() == 0
            };
            if idle {
                return None;
            }
            if super::assess(workload, related, now).level > Level::Absent {
                verdict = verdict.blame(workload.reference());
            }
        }
    }
    Some(verdict)
}

#[cfg(test)]
#[path = "monitors_tests.rs"]
mod tests;

//! Knative: services that scale to zero with their revisions and routes, and events on their way.

use super::table::Rule;
use super::{Related, culprit, lead_condition, precedence};
use crate::object::{Condition, Custom, Object, ObjectRef, find_condition};
use crate::report::{Verdict, codes};
use jiff::Timestamp;
use serde_json::Value;

codes! {
    READY = "knative-ready", "It answers requests",
        "The newest revision is ready and its route leads to it, or the revision has scaled to zero and starts with the next request.",
        "Nothing to do.";
    WAITS = "knative-waits", "It is on its way",
        "A revision starts, or traffic moves to it.",
        "Nothing to do but wait.";
    SLOW = "knative-slow", "It does not get ready",
        "The revision or route has been on its way for longer than a revision may take to start.",
        "Look at the revision's pods and at the ingress gateway.";
    REVISION_FAILED = "knative-revision-failed", "The newest revision does not start",
        "Its container fails, its image is not found, or it was not ready within its time. Traffic stays with the revision before it, where there is one.",
        "Read the log of the container user-container in the revision's pods.";
    ROUTE_FAILED = "knative-route-failed", "The route does not work",
        "Traffic cannot be led to a revision: the one that is named does not exist or is not ready, or the ingress refuses the route.",
        "Look at the revisions in spec.traffic and at the ingress of the namespace.";
    SUPERSEDED = "knative-superseded", "A revision that failed and gets no traffic",
        "A newer revision has been made and no route leads here. The record stays until Knative clears it away.",
        "Nothing to do.";
    EVENTS_READY = "knative-events-ready", "Events are delivered",
        "The source, broker, channel or subscription is ready.",
        "Nothing to do.";
    EVENTS_WAIT = "knative-events-wait", "The way of the events is being set up",
        "The source, broker, channel or subscription has not said yet whether it works.",
        "Nothing to do but wait.";
    EVENTS_FAILED = "knative-events-failed", "Events are not delivered",
        "The source, broker, channel or subscription is not ready: its sink, broker or subscriber does not exist or does not answer, or it has no rights.",
        "Read the message; look at the object that is named as the cause.";
}

const GROUP: &str = "serving.knative.dev";
const EVENTING: &str = "eventing.knative.dev";
const MESSAGING: &str = "messaging.knative.dev";
const SOURCES: &str = "sources.knative.dev";
/// A revision may take ten minutes to start (`progress-deadline`), and traffic may move in steps.
const START_SECONDS: i64 = 1800;

/// The rows of this family.
pub(super) const RULES: &[Rule] = &[
    Rule::new(GROUP, "Service", service),
    Rule::new(GROUP, "Configuration", configuration),
    Rule::new(GROUP, "Revision", revision),
    Rule::new(GROUP, "Route", route),
    Rule::new(GROUP, "DomainMapping", route),
    Rule::new("autoscaling.internal.knative.dev", "PodAutoscaler", idle_is_well),
    Rule::new("networking.internal.knative.dev", "ServerlessService", idle_is_well),
    Rule::new(EVENTING, "Broker", events),
    Rule::new(EVENTING, "Trigger", events),
    Rule::new(MESSAGING, "Channel", events),
    Rule::new(MESSAGING, "InMemoryChannel", events),
    Rule::new(MESSAGING, "KafkaChannel", events),
    Rule::new(MESSAGING, "Subscription", events),
    Rule::new(SOURCES, "ApiServerSource", events),
    Rule::new(SOURCES, "ContainerSource", events),
    Rule::new(SOURCES, "KafkaSource", events),
    Rule::new(SOURCES, "PingSource", events),
    Rule::new(SOURCES, "SinkBinding", events),
];

fn told(condition: &Condition) -> String {
    let said = condition.text();
    let (kind, status) = (&condition.r#type, &condition.status);
    if said.is_empty() { format!("{kind} is {status}") } else { format!("{kind} is {status}: {said}") }
}

/// What `names` say besides Ready: the first that is False, else the first that is not True.
fn telling<'a>(conditions: &'a [Condition], names: &[&str]) -> Option<&'a Condition> {
    let all = || names.iter().filter_map(|name| find_condition(conditions, name));
    all().find(|it| it.is_false()).or_else(|| all().find(|it| !it.is_true()))
}

/// The verdict by Ready and the conditions of parts; [`REVISION_FAILED`] where one of them is False.
fn by_ready(
    object: &Object,
    custom: &Custom,
    conditions: &[Condition],
    parts: &[&str],
    related: &Related<'_>,
    now: Timestamp,
) -> Verdict {
    if conditions.is_empty() {
        return precedence::no_status(object, None, related, now);
    }
    let part = telling(conditions, parts);
    let ready = find_condition(conditions, "Ready");
    let told = part.or(ready).map_or_else(|| "Ready is not said yet".to_owned(), told);
    if let Some(verdict) = precedence::generation(object, custom.observed_generation(), related, now) {
        return verdict.evidence(format!("before the change: {told}"));
    }
    let since = ready.and_then(Condition::since).or(object.meta.creation_timestamp.get());
    let has_failed = ready.is_some_and(Condition::is_false) || part.is_some_and(Condition::is_false);
    if has_failed {
        return Verdict::fail(&REVISION_FAILED, told).since(part.and_then(Condition::since).or(since));
    }
    if ready.is_some_and(Condition::is_true) && part.is_none() {
        let url = custom.status_text("/url");
        let message = if url.is_empty() { "ready".to_owned() } else { format!("answers at {url}") };
        return Verdict::ok(&READY, message).since(since);
    }
    culprit::on_the_way(&WAITS, &SLOW, &told, since, START_SECONDS, now)
}

/// `pkg/apis/serving/v1/service_lifecycle.go`, and Argo CD's `serving.knative.dev/Service/health.lua`.
fn service(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return culprit::unreadable() };
    let conditions = custom.conditions();
    let pods = || related.pods_labelled(&object.meta.namespace, "serving.knative.dev/service", &object.meta.name);
    let mut verdict = by_ready(object, custom, &conditions, &["ConfigurationsReady", "RoutesReady"], related, now);
    if verdict.code != &REVISION_FAILED {
        return verdict;
    }
    let of_route = find_condition(&conditions, "ConfigurationsReady").is_some_and(Condition::is_true);
    if of_route {
        verdict.code = &ROUTE_FAILED;
    }
    let serving = custom.status_text("/latestReadyRevisionName");
    let newest = custom.status_text("/latestCreatedRevisionName");
    if !of_route && !serving.is_empty() && serving != newest {
        verdict = verdict.evidence(format!("revision {serving} still serves"));
    }
    let blamed = culprit::pods(verdict, pods(), related, now);
    if !blamed.blames.is_empty() {
        return blamed;
    }
    culprit::object(blamed, ObjectRef::new(GROUP, "Revision", &object.meta.namespace, newest), related, now)
}

fn configuration(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return culprit::unreadable() };
    let verdict = by_ready(object, custom, &custom.conditions(), &[], related, now);
    if verdict.code != &REVISION_FAILED {
        return verdict;
    }
    let newest = custom.status_text("/latestCreatedRevisionName");
    culprit::object(verdict, ObjectRef::new(GROUP, "Revision", &object.meta.namespace, newest), related, now)
}

/// `pkg/apis/serving/v1/revision_lifecycle.go`: Active is no part of Ready, since a revision without
/// traffic scales to zero and is ready all the same.
fn revision(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return culprit::unreadable() };
    let conditions = custom.conditions();
    let pods = || related.pods_labelled(&object.meta.namespace, "serving.knative.dev/revision", &object.meta.name);
    let verdict = by_ready(object, custom, &conditions, &["ContainerHealthy", "ResourcesAvailable"], related, now);
    if verdict.code == &WAITS {
        return culprit::descend(verdict, &REVISION_FAILED, pods(), related, now);
    }
    if verdict.code == &REVISION_FAILED {
        return match successor(object, related) {
            Some(newer) => {
                Verdict::ok(&SUPERSEDED, format!("superseded by {newer}; it had failed: {}", verdict.message))
            }
            None => culprit::pods(verdict, pods(), related, now),
        };
    }
    let idle = find_condition(&conditions, "Active").filter(|it| it.is_false() && &*it.reason == "NoTraffic");
    match idle.filter(|_| verdict.is_ok()) {
        Some(idle) => Verdict::ok(&READY, "scaled to zero, no traffic").since(idle.since()),
        None => verdict,
    }
}

/// The newer revision of the same configuration, where this one gets no traffic.
fn successor<'a>(object: &Object, related: &Related<'a>) -> Option<&'a str> {
    let labels = &object.meta.labels;
    let configuration = labels.get("serving.knative.dev/configuration")?;
    let state = labels.get("serving.knative.dev/routingState")?;
    let found = related.get(GROUP, "Configuration", &object.meta.namespace, configuration).found()?;
    let newest = found.custom()?.status_text("/latestCreatedRevisionName");
    (state != "active" && !newest.is_empty() && newest != &*object.meta.name).then_some(newest)
}

/// `pkg/apis/serving/v1/route_lifecycle.go`, and `v1beta1/domainmapping_lifecycle.go`.
fn route(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return culprit::unreadable() };
    let parts = ["AllTrafficAssigned", "ReferenceResolved", "IngressReady", "DomainClaimed"];
    let mut verdict = by_ready(object, custom, &custom.conditions(), &parts, related, now);
    if verdict.code != &REVISION_FAILED {
        return verdict;
    }
    verdict.code = &ROUTE_FAILED;
    for target in custom.spec_list("/traffic").iter().take(50) {
        for (kind, field) in [("Revision", "revisionName"), ("Configuration", "configurationName")] {
            let name = target.get(field).and_then(Value::as_str).unwrap_or_default();
            verdict = culprit::object(verdict, ObjectRef::new(GROUP, kind, &object.meta.namespace, name), related, now);
        }
    }
    match reference(custom, "/ref", &object.meta.namespace) {
        Some(target) => culprit::reference(verdict, target, related, now),
        None => verdict,
    }
}

/// What Knative keeps for itself says Ready=False while a revision has scaled to zero
/// (`NoTraffic`), or Unknown while the activator stands in for its pods (`NoHealthyBackends`).
fn idle_is_well(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return culprit::unreadable() };
    let conditions = custom.conditions();
    let idle = find_condition(&conditions, "Ready").filter(|ready| {
        &*ready.reason == "NoTraffic" || &*ready.reason == "NoHealthyBackends" && custom.spec_text("/mode") == "Proxy"
    });
    if let Some(idle) = idle.filter(|idle| !idle.is_true()) {
        let is_scaled = &*idle.reason == "NoTraffic";
        let text = if is_scaled { "scaled to zero, no traffic" } else { "no pod, the activator takes the requests" };
        return Verdict::ok(&READY, text).since(idle.since());
    }
    by_ready(object, custom, &conditions, &[], related, now)
}

/// A reference with apiVersion, kind, name and perhaps namespace at a pointer below `spec`.
fn reference(custom: &Custom, pointer: &str, namespace: &str) -> Option<ObjectRef> {
    let text = |field: &str| custom.spec_text(&format!("{pointer}/{field}")).to_owned();
    let (version, kind, name, elsewhere) = (text("apiVersion"), text("kind"), text("name"), text("namespace"));
    if kind.is_empty() || name.is_empty() {
        return None;
    }
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let namespace = if elsewhere.is_empty() { namespace } else { &elsewhere };
    Some(ObjectRef::new(group, &kind, namespace, &name))
}

const EVENTS: lead_condition::Codes =
    lead_condition::Codes { met: &EVENTS_READY, waits: &EVENTS_WAIT, failed: &EVENTS_FAILED };

/// Kinds of Knative Eventing: Ready leads, and where the events go is blamed.
fn events(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return culprit::unreadable() };
    let mut verdict = lead_condition::judge(object, custom, "Ready", &EVENTS, related, now);
    if verdict.code != &EVENTS_FAILED {
        return verdict;
    }
    let namespace = &object.meta.namespace;
    let broker = custom.spec_text("/broker");
    if object.is(EVENTING, "Trigger") {
        verdict = culprit::object(verdict, ObjectRef::new(EVENTING, "Broker", namespace, broker), related, now);
    }
    for pointer in ["/sink/ref", "/subscriber/ref", "/channel"] {
        if let Some(target) = reference(custom, pointer, namespace) {
            verdict = culprit::reference(verdict, target, related, now);
        }
    }
    verdict
}

#[cfg(test)]
mod tests {
    use crate::health::testing::{expect, judge};
    use crate::report::Level;

    fn object(group: &str, kind: &str, more: &str, spec: &str, status: &str) -> String {
        format!(
            "---
apiVersion: {group}/v1
kind: {kind}
metadata: {{name: it, namespace: ml, generation: 2{more}}}
spec: {{{spec}}}
status: {{observedGeneration: 2, {status}}}
"
        )
    }

    fn conditions(list: &[(&str, &str, &str)]) -> String {
        let all = list.iter().map(|(kind, status, reason)| {
            format!(
                "{{type: {kind}, status: '{status}', reason: '{reason}', lastTransitionTime: '2026-11-20T02:59:00Z'}}"
            )
        });
        format!("conditions: [{}]", all.collect::<Vec<_>>().join(", "))
    }

    const SERVING: &str = "serving.knative.dev";

    #[test]
    fn conditions_decide() {
        let idle = [("Active", "False", "NoTraffic"), ("ContainerHealthy", "True", ""), ("Ready", "True", "")];
        let paused = [("Active", "False", "NoTraffic"), ("Ready", "False", "NoTraffic")];
        let failed = [
            ("ConfigurationsReady", "False", "RevisionFailed"),
            ("Ready", "False", "RevisionFailed"),
            ("RoutesReady", "True", ""),
        ];
        let route = [("ConfigurationsReady", "True", ""), ("Ready", "False", "X"), ("RoutesReady", "False", "X")];
        let moves = [("ConfigurationsReady", "True", ""), ("Ready", "Unknown", "RolloutInProgress")];
        let proxy = [("Ready", "Unknown", "NoHealthyBackends")];
        for (group, kind, spec, list, level, code) in [
            (SERVING, "Service", "", &[("Ready", "True", "")] as &[_], Level::Ok, "knative-ready"),
            (SERVING, "Service", "", &failed, Level::Fail, "knative-revision-failed"),
            (SERVING, "Service", "", &route, Level::Fail, "knative-route-failed"),
            (SERVING, "Service", "", &moves, Level::Progressing, "knative-waits"),
            (SERVING, "Service", "", &[], Level::Progressing, "no-status"),
            (SERVING, "Revision", "", &idle, Level::Ok, "knative-ready"),
            (SERVING, "Revision", "", &[("Ready", "False", "ExitCode1")], Level::Fail, "knative-revision-failed"),
            (SERVING, "Revision", "", &[("Ready", "Unknown", "Deploying")], Level::Progressing, "knative-waits"),
            (SERVING, "Configuration", "", &[("Ready", "True", "")], Level::Ok, "knative-ready"),
            (SERVING, "Route", "", &[("Ready", "False", "RevisionMissing")], Level::Fail, "knative-route-failed"),
            ("autoscaling.internal.knative.dev", "PodAutoscaler", "", &paused, Level::Ok, "knative-ready"),
            (
                "autoscaling.internal.knative.dev",
                "PodAutoscaler",
                "",
                &[("Ready", "False", "FailedCreate")],
                Level::Fail,
                "knative-revision-failed",
            ),
            ("networking.internal.knative.dev", "ServerlessService", "mode: Proxy", &proxy, Level::Ok, "knative-ready"),
            (
                "networking.internal.knative.dev",
                "ServerlessService",
                "mode: Serve",
                &proxy,
                Level::Progressing,
                "knative-waits",
            ),
            ("eventing.knative.dev", "Broker", "", &[("Ready", "True", "")], Level::Ok, "knative-events-ready"),
            (
                "sources.knative.dev",
                "PingSource",
                "",
                &[("Ready", "Unknown", "")],
                Level::Progressing,
                "knative-events-wait",
            ),
        ] {
            expect(&object(group, kind, "", spec, &conditions(list))[4..], kind, "it", level, code);
        }
        let old = object(SERVING, "Service", "", "", &conditions(&failed)).replace("generation: 2", "generation: 3");
        expect(&old[4..], "Service", "it", Level::Progressing, "generation-not-observed");
        expect(
            &object(SERVING, "Service", "", "", "conditions: {}")[4..],
            "Service",
            "it",
            Level::Progressing,
            "no-status",
        );
    }

    #[test]
    fn a_revision_without_traffic_may_have_failed() {
        let labels = |state: &str| {
            format!(", labels: {{serving.knative.dev/configuration: conf, serving.knative.dev/routingState: {state}}}")
        };
        let configuration = "---\napiVersion: serving.knative.dev/v1\nkind: Configuration\nmetadata: {name: conf, namespace: ml}\nstatus: {latestCreatedRevisionName: it-2}\n";
        let failed = conditions(&[("Ready", "False", "ExitCode1")]);
        let reserve = object(SERVING, "Revision", &labels("reserve"), "", &failed) + configuration;
        expect(&reserve[4..], "Revision", "it", Level::Ok, "knative-superseded");
        let active = object(SERVING, "Revision", &labels("active"), "", &failed) + configuration;
        expect(&active[4..], "Revision", "it", Level::Fail, "knative-revision-failed");
    }

    #[test]
    fn references_in_a_circle_end() {
        let failed = conditions(&[("Ready", "False", "X")]);
        let to = |name: &str| {
            format!("subscriber: {{ref: {{apiVersion: messaging.knative.dev/v1, kind: Subscription, name: {name}}}}}")
        };
        let one = object("messaging.knative.dev", "Subscription", "", &to("other"), &failed);
        let two = object("messaging.knative.dev", "Subscription", "", &to("it"), &failed)
            .replace("name: it,", "name: other,");
        let verdict = judge(&(one + &two)[4..], "Subscription", "it");
        assert_eq!(verdict.blames[0].to_string(), "Subscription/ml/other");
        let itself = "ref: {apiVersion: serving.knative.dev/v1, kind: DomainMapping, name: it}";
        let mapping = object(SERVING, "DomainMapping", "", itself, &failed);
        expect(&mapping[4..], "DomainMapping", "it", Level::Fail, "knative-route-failed");
    }

    #[test]
    fn causes_are_named_when_they_were_read() {
        let failed = conditions(&[("Ready", "False", "BrokerDoesNotExist")]);
        let trigger = object("eventing.knative.dev", "Trigger", "", "broker: orders", &failed);
        assert!(judge(&trigger[4..], "Trigger", "it").blames.is_empty());
        let other = object("eventing.knative.dev", "Broker", "", "", &conditions(&[("Ready", "True", "")]));
        let verdict = judge(&(trigger + &other)[4..], "Trigger", "it");
        assert_eq!(verdict.blames[0].to_string(), "Broker/ml/orders");
        let status = conditions(&[("Ready", "False", "RevisionFailed")])
            + ", latestCreatedRevisionName: it, latestReadyRevisionName: old";
        let service = object(SERVING, "Service", "", "", &status);
        let revision = object(SERVING, "Revision", "", "", &conditions(&[("Ready", "False", "ExitCode1")]));
        let verdict = judge(&(service + &revision)[4..], "Service", "it");
        assert_eq!(verdict.evidence[0], "revision old still serves");
        assert_eq!(verdict.blames[0].to_string(), "Revision/ml/it");
    }
}

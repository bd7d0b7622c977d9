//! Services: whether anything answers behind them, and if not, why.

use super::Related;
use super::table::Rule;
use crate::object::{Body, Object, Pod, SectionState, Service, ServiceReference};
use crate::report::{Verdict, codes};
use crate::text;
use jiff::Timestamp;

codes! {
    SERVICE_READY = "service-ready", "The Service has ready endpoints",
        "At least one ready endpoint answers for the Service, or it is of a kind that has none by design (ExternalName, no selector).",
        "Nothing to do.";
    SERVICE_UNVERIFIED = "service-unverified", "The Service's endpoints were not read",
        "Neither EndpointSlices nor pods of the namespace were read, so nothing is claimed about what answers behind the Service.",
        "Read EndpointSlices too (`kubectl get endpointslices -A`), or allow the account to list them.";
    SERVICE_IDLE = "service-idle", "Nothing behind the Service, on purpose",
        "The workload that the Service selects is scaled to zero, its pods have finished their work, or it selects database replicas of a cluster that has none.",
        "Nothing to do; scale the workload up when it is wanted.";
    SERVICE_STARTING = "service-starting", "The pods behind the Service are starting",
        "No endpoint is ready yet, and the Service or its pods are young enough for that.",
        "Wait; if it stays, look at the pods.";
    SERVICE_NO_PODS = "service-no-pods", "The Service's selector matches no pod",
        "No pod in the namespace bears the labels that the Service selects: its workload is gone or has made no pods, or the labels differ.",
        "Compare the selector (`kubectl get service NAME -n NAMESPACE -o jsonpath='{.spec.selector}'`) with the labels of the pods (`kubectl get pods -n NAMESPACE --show-labels`); look at the workload that should make them.";
    SERVICE_NOT_READY = "service-no-ready-endpoints", "No endpoint of the Service is ready",
        "Pods match the selector, but none is ready, so connections are refused.",
        "Look at the pods that are named: their finding is the cause.";
    SERVICE_CALLED = "service-idle-but-called", "The API server calls a Service that nobody is behind",
        "The workload behind the Service is scaled to zero, and a webhook that must answer, or an extension of the API, is served by it: the API server refuses what it would have to ask about.",
        "Scale the workload up, or remove the webhook configuration or APIService with it.";
    SERVICE_TARGET_PORT = "service-target-port", "The Service's target port is in no container",
        "The Service names a target port that no container of the selected pods declares; a port by name that nobody declares has no endpoint.",
        "Give the container's port that name, or set targetPort to the name or number in use.";
    SERVICE_NO_ADDRESS = "service-no-address", "The load balancer has given no address",
        "A Service of type LoadBalancer has no address. Shortly after creation that is normal; later it means that no load balancer implementation serves its class, or that it has failed.",
        "Look at the events of the Service and at the cloud controller, MetalLB or whatever gives addresses in this cluster; without one use NodePort or an Ingress.";
}

/// The rows of this family.
pub(super) const RULES: &[Rule] = &[Rule::new("", "Service", assess)];

/// Selector labels by which database operators mark the role of a pod; a cluster of one instance
/// has no replica, and its read-only Service selects nothing for good (CloudNativePG, Spilo, PGO).
const ROLE_LABELS: &[&str] = &["cnpg.io/instanceRole", "role", "spilo-role", "postgres-operator.crunchydata.com/role"];

/// How many ready endpoints a Service has, as far as anybody can tell: from its EndpointSlices,
/// else from its pods; `None` when neither was read.
///
/// Ready is `conditions.ready != false` (discovery.k8s.io/v1: absent means ready).
pub(super) fn ready_endpoints(object: &Object, related: &Related<'_>) -> Option<usize> {
    let Body::Service(service) = &object.body else { return None };
    let inventory = related.inventory;
    let of_service = |slice: &&Object| slice.meta.labels.has("kubernetes.io/service-name", &object.meta.name);
    let slices = inventory.in_namespace("discovery.k8s.io", "EndpointSlice", &object.meta.namespace);
    let mut own = slices.iter().filter(of_service).peekable();
    if own.peek().is_some() || inventory.was_read("discovery.k8s.io", "EndpointSlice", &object.meta.namespace) {
        let ready = own.map(|slice| match &slice.body {
            Body::EndpointSlice(slice) => slice.ready(),
            _ => 0,
        });
        return Some(ready.sum());
    }
    if service.spec.selector.is_empty() || !inventory.was_read("", "Pod", &object.meta.namespace) {
        return None;
    }
    let takes_traffic = |pod: &&Object| answers(pod, service.spec.publish_not_ready_addresses);
    Some(selected(object, service, related).filter(takes_traffic).count())
}

fn answers(object: &Object, not_ready_too: bool) -> bool {
    let gone = object.meta.deletion_timestamp.get().is_some();
    object.pod().is_some_and(|pod| !pod.is_finished() && (not_ready_too || (pod.is_ready() && !gone)))
}

/// Pods that the Service selects, finished ones included.
fn selected<'a>(
    object: &'a Object,
    service: &'a Service,
    related: &Related<'a>,
) -> impl Iterator<Item = &'a Object> + use<'a> {
    let pods = related.inventory.in_namespace("", "Pod", &object.meta.namespace);
    pods.iter().filter(|pod| pod.meta.labels.contains_all(&service.spec.selector))
}

/// Whether a pod that is not ready is merely on its way up: young, never restarted, not stuck.
pub(super) fn is_starting(object: &Object, related: &Related<'_>, now: Timestamp) -> bool {
    let Some(pod) = object.pod() else { return false };
    let young =
        object.meta.creation_timestamp.seconds_before(now).is_some_and(|age| age <= related.limits.progress_seconds);
    let waits_well = |reason: &str| matches!(reason, "" | "ContainerCreating" | "PodInitializing");
    let is_stuck = pod.all_containers().filter_map(|container| container.status.as_ref()).any(|status| {
        status.restart_count > 0 || status.state.waiting.as_ref().is_some_and(|waiting| !waits_well(&waiting.reason))
    });
    let placed = pod.condition("PodScheduled").is_none_or(|condition| !condition.is_false());
    young && !is_stuck && placed && !pod.is_finished()
}

/// The workloads of a namespace whose pods would bear these labels.
fn workloads<'a>(object: &'a Object, service: &'a Service, related: &Related<'a>) -> Vec<(&'a Object, i64)> {
    let mut found = Vec::new();
    for kind in ["Deployment", "StatefulSet", "DaemonSet"] {
        for candidate in related.inventory.in_namespace("apps", kind, &object.meta.namespace) {
            let Some(workload) = candidate.workload() else { continue };
            if workload.spec.template.metadata.labels.contains_all(&service.spec.selector) {
                let desired =
                    || workload.status.as_ref().and_then(|status| status.desired_number_scheduled).unwrap_or(1);
                found.push((candidate, if kind == "DaemonSet" { desired() } else { workload.wanted() }));
            }
        }
    }
    found
}

fn assess(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Body::Service(service) = &object.body else {
        return Verdict::ok(&SERVICE_READY, "no state is reported");
    };
    if &*service.spec.r#type == "ExternalName" {
        return Verdict::ok(&SERVICE_READY, "is a name for something outside the cluster");
    }
    let endpoints = behind(object, service, related, now);
    match address(object, service, related, now) {
        Some(address) => endpoints.and(address),
        None => endpoints,
    }
}

/// The finding about a load balancer that has given no address.
fn address(object: &Object, service: &Service, related: &Related<'_>, now: Timestamp) -> Option<Verdict> {
    if &*service.spec.r#type != "LoadBalancer"
        || !service.status.load_balancer.ingress.is_empty()
        || !service.spec.external_ips.is_empty()
    {
        return None;
    }
    let created = object.meta.creation_timestamp;
    let age = created.seconds_before(now);
    let mut verdict = match created.get() {
        Some(time) if age.is_some_and(|age| age > related.limits.no_status_seconds) => {
            Verdict::fail(&SERVICE_NO_ADDRESS, format!("has had no load balancer address for {}", text::age(time, now)))
        }
        _ => Verdict::progressing(&SERVICE_NO_ADDRESS, "waits for an address of the load balancer"),
    };
    verdict = verdict.since(created.get());
    if let Some(event) = related.warning(object, &[]) {
        verdict = verdict.evidence(format!("{}: {}", event.reason, &*event.message));
    }
    let has_address = |other: &Object| match &other.body {
        Body::Service(other) => !other.status.load_balancer.ingress.is_empty(),
        _ => false,
    };
    if !related.inventory.of_kind("", "Service").iter().any(has_address) {
        verdict = verdict.evidence("no Service that was read has a load balancer address");
    }
    Some(verdict)
}

/// The finding about what answers behind a Service.
fn behind(object: &Object, service: &Service, related: &Related<'_>, now: Timestamp) -> Verdict {
    if service.spec.selector.is_empty() {
        return Verdict::ok(&SERVICE_READY, "has no selector: others write its endpoints");
    }
    let Some(ready) = ready_endpoints(object, related) else {
        return unverified(related);
    };
    let pods: Vec<&Object> = selected(object, service, related).collect();
    if let Some(verdict) = target_port(service, &pods, ready) {
        return verdict;
    }
    if ready > 0 {
        return Verdict::ok(&SERVICE_READY, text::plural(ready, "ready endpoint"));
    }
    nobody(object, service, &pods, related, now)
}

fn unverified(related: &Related<'_>) -> Verdict {
    let section = related.inventory.section("discovery.k8s.io", "EndpointSlice").map(|section| &section.state);
    let message = "neither EndpointSlices nor pods of the namespace were read";
    match section {
        Some(SectionState::Unread(why)) if why.is_gap() => {
            Verdict::unknown(&SERVICE_UNVERIFIED, format!("{message}: {why}"))
        }
        _ => Verdict::ok(&SERVICE_UNVERIFIED, format!("nothing is claimed: {message}")),
    }
}

/// The finding about target ports by name that no container declares. A number proves nothing:
/// containers need not declare what they listen on.
fn target_port(service: &Service, pods: &[&Object], ready: usize) -> Option<Verdict> {
    let live: Vec<&Pod> = pods.iter().filter_map(|pod| pod.pod()).filter(|pod| !pod.is_finished()).collect();
    if live.is_empty() {
        return None;
    }
    let named = |target: &str| target.parse::<u16>().is_err() && !target.is_empty();
    let declared = |target: &str| {
        let ports = live.iter().flat_map(|pod| pod.all_containers()).flat_map(|container| container.ports.iter());
        ports.into_iter().any(|port| &*port.name == target)
    };
    let lost: Vec<&str> = service
        .spec
        .ports
        .iter()
        .map(|port| &*port.target_port)
        .filter(|target| named(target) && !declared(target))
        .collect();
    if lost.is_empty() {
        return None;
    }
    let count = text::plural(live.len(), "pod");
    let message = format!("target port {} is in no container of {count}", lost.join(", "));
    // With other ports that work, only a part of the Service is lost.
    let verdict = if lost.len() < service.spec.ports.len() && ready > 0 {
        Verdict::warn(&SERVICE_TARGET_PORT, message)
    } else {
        Verdict::fail(&SERVICE_TARGET_PORT, message)
    };
    Some(verdict)
}

/// Why a Service with a selector has no ready endpoint.
fn nobody(object: &Object, service: &Service, pods: &[&Object], related: &Related<'_>, now: Timestamp) -> Verdict {
    let live: Vec<&&Object> = pods.iter().filter(|pod| pod.pod().is_some_and(|pod| !pod.is_finished())).collect();
    let young =
        object.meta.creation_timestamp.seconds_before(now).is_some_and(|age| age <= related.limits.no_status_seconds);
    if !live.is_empty() {
        let starting =
            live.iter().all(|pod| is_starting(pod, related, now) || pod.meta.deletion_timestamp.get().is_some());
        let message = format!("0 of {} ready", text::plural(live.len(), "selected pod"));
        let mut verdict = if starting {
            Verdict::progressing(&SERVICE_STARTING, message)
        } else {
            Verdict::fail(&SERVICE_NOT_READY, message)
        };
        let not_ready = |pod: &&&&Object| pod.pod().is_some_and(|pod| !pod.is_ready());
        for pod in live.iter().filter(not_ready).take(20) {
            let since = pod.pod().and_then(|pod| pod.condition("Ready")).and_then(|condition| condition.since());
            verdict = verdict.blame(pod.reference()).since(since);
        }
        return verdict;
    }
    let workloads = workloads(object, service, related);
    if let Some((owner, _)) = workloads.iter().find(|(_, wanted)| *wanted == 0)
        && workloads.iter().all(|(_, wanted)| *wanted == 0)
    {
        let message = format!("{} {} is scaled to zero: no endpoint", owner.ty.kind, owner.meta.name);
        return match callers(object, related) {
            0 => Verdict::ok(&SERVICE_IDLE, message),
            count => {
                let text = format!("{message}, and the API server needs it for {}", text::plural(count, "extension"));
                let scale = format!(
                    "kubectl scale -n {} {} {} --replicas=1",
                    text::shell_word(&owner.meta.namespace),
                    owner.ty.kind.to_lowercase(),
                    text::shell_word(&owner.meta.name)
                );
                Verdict::fail(&SERVICE_CALLED, text).command(scale)
            }
        };
    }
    let ended: Vec<&Pod> = pods.iter().filter_map(|pod| pod.pod()).collect();
    if !ended.is_empty() && ended.iter().all(|pod| &*pod.phase == "Succeeded") && workloads.is_empty() {
        let count = text::plural(ended.len(), "selected pod");
        return Verdict::ok(&SERVICE_IDLE, format!("{count} finished: no endpoint"));
    }
    if let Some(label) = absent_replica(object, service, related) {
        return Verdict::ok(&SERVICE_IDLE, format!("selects replicas ({label}), of which there is none"));
    }
    // Operators keep Services for pods that come and go (Spark drivers, Knative revisions): what
    // is judged is then the owner.
    if let Some(owner) = object.meta.controller()
        && workloads.is_empty()
        && ended.is_empty()
        && related.inventory.by_uid(owner.uid).is_some()
    {
        return Verdict::ok(&SERVICE_IDLE, format!("{} {} has no pod for it now", owner.kind, owner.name));
    }
    let pods_read = !pods.is_empty() || related.inventory.was_read("", "Pod", &object.meta.namespace);
    let selector: Vec<String> = service.spec.selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let selector = selector.join(",");
    let (code, message) = if pods_read {
        (&SERVICE_NO_PODS, format!("selector {selector} matches no running pod"))
    } else {
        (&SERVICE_NOT_READY, format!("no ready endpoint for selector {selector}"))
    };
    let mut verdict =
        if young { Verdict::progressing(&SERVICE_STARTING, message) } else { Verdict::fail(code, message) };
    for pod in pods.iter().filter(|pod| pod.pod().is_some_and(|pod| &*pod.phase == "Failed")).take(20) {
        verdict = verdict.blame(pod.reference());
    }
    for (workload, wanted) in workloads {
        verdict = verdict
            .evidence(format!("{} {} wants {wanted} such pods", workload.ty.kind, workload.meta.name))
            .blame(workload.reference());
    }
    verdict
}

/// Webhook configurations that must be answered, and APIServices, which this Service serves.
fn callers(object: &Object, related: &Related<'_>) -> usize {
    let is_this = |reference: Option<&ServiceReference>| {
        reference.is_some_and(|it| it.name == object.meta.name && it.namespace == object.meta.namespace)
    };
    let calls = |caller: &&Object| match &caller.body {
        Body::Webhooks(all) => all.webhooks.iter().any(|webhook| {
            let must = webhook.failure_policy.as_ref().is_none_or(|policy| &**policy != "Ignore");
            must && !webhook.rules.is_empty() && is_this(webhook.client_config.service.as_ref())
        }),
        Body::ApiService(record) => is_this(record.spec.service.as_ref()),
        _ => false,
    };
    let kinds = [
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
        ("apiregistration.k8s.io", "APIService"),
    ];
    kinds.iter().map(|(group, kind)| related.inventory.of_kind(group, kind).iter().filter(calls).count()).sum()
}

/// The label by which a Service asks for replicas while pods that differ only in it are there.
fn absent_replica<'a>(object: &Object, service: &'a Service, related: &Related<'_>) -> Option<&'a str> {
    let (role, _) =
        service.spec.selector.iter().find(|(key, value)| ROLE_LABELS.contains(key) && *value == "replica")?;
    let others = |pod: &Object| {
        service.spec.selector.iter().all(|(key, value)| {
            if key == role { pod.meta.labels.get(key).is_some() } else { pod.meta.labels.has(key, value) }
        })
    };
    let pods = related.inventory.in_namespace("", "Pod", &object.meta.namespace);
    pods.iter().any(|pod| others(pod) && answers(pod, false)).then_some(role)
}

#[cfg(test)]
#[path = "service_tests.rs"]
mod tests;

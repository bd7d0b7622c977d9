//! Services and Ingresses.

use super::table::Rule;
use super::{Related, pod, precedence};
use crate::object::{Backend, Body, Object, ObjectRef, SectionState, Service};
use crate::report::{Level, Verdict, codes};
use crate::text;
use jiff::Timestamp;

codes! {
    SERVICE_OK = "service-ok", "The service has endpoints", "At least one endpoint takes traffic, or the service needs none.", "Nothing to do.";
    SERVICE_NO_PODS = "service-selects-nothing", "The service's selector matches no pod",
        "No pod in the namespace bears the labels of the selector: it is misspelt, or the pods are gone.",
        "Compare the selector with the pods' labels.";
    SERVICE_NOT_READY = "service-no-endpoints", "No endpoint of the service is ready",
        "Pods match the selector and none of them is ready: calls fail.", "Look at the pods that are named.";
    SERVICE_LB = "service-no-address", "The load balancer gave no address",
        "The service asks for a load balancer and has no address: no cloud controller is there, or it refuses.",
        "Look at the service's events and at the cloud controller.";
    INGRESS_OK = "ingress-ok", "The ingress has an address", "It has an address and its backends exist.", "Nothing to do.";
    INGRESS_BACKEND = "ingress-backend-missing", "A backend of the ingress does not exist",
        "The service or port that a rule sends to is not there: requests get an error.", "Correct the rule, or create the service.";
    INGRESS_PENDING = "ingress-no-address", "The ingress has no address",
        "No controller has taken the ingress.", "Check its class and that a controller of that class runs.";
    INGRESS_TLS = "ingress-certificate-missing", "The ingress's certificate Secret is missing",
        "A Secret that spec.tls names does not exist: clients get the controller's default certificate.",
        "Create it, or look at the Certificate that should.";
}

pub(super) const RULES: &[Rule] = &[
    Rule::new("", "Service", service),
    Rule::new("networking.k8s.io", "Ingress", ingress),
    Rule::new("extensions", "Ingress", ingress),
];

fn service(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Body::Service(service) = &object.body else {
        return Verdict::unknown(&precedence::OBJECT_UNREADABLE, "is no Service");
    };
    let verdict = endpoints(object, service, related, now);
    if &*service.spec.r#type != "LoadBalancer"
        || !service.status.load_balancer.ingress.is_empty()
        || !service.spec.external_ips.is_empty()
    {
        return verdict;
    }
    let created = object.meta.creation_timestamp;
    let late = created.seconds_before(now).is_some_and(|age| age > related.limits.creating_seconds);
    let waits = if late && related.inventory.is_complete() {
        Verdict::fail(&SERVICE_LB, "no address of a load balancer").since(created.get())
    } else {
        Verdict::progressing(&SERVICE_LB, "waits for an address of a load balancer").since(created.get())
    };
    verdict.and(waits)
}

fn endpoints(object: &Object, service: &Service, related: &Related<'_>, now: Timestamp) -> Verdict {
    let namespace = &object.meta.namespace;
    if &*service.spec.r#type == "ExternalName" || service.spec.selector.is_empty() {
        return Verdict::ok(&SERVICE_OK, "selects no pods by design");
    }
    let slices = related.inventory.in_namespace("discovery.k8s.io", "EndpointSlice", namespace);
    let own = slices.iter().filter(|slice| slice.meta.labels.has("kubernetes.io/service-name", &object.meta.name));
    let ready: usize = own
        .filter_map(|slice| match &slice.body {
            Body::EndpointSlice(slice) => Some(slice.ready()),
            _ => None,
        })
        .sum();
    if ready > 0 {
        return Verdict::ok(&SERVICE_OK, text::plural(ready, "ready endpoint"));
    }
    let is_reported = slices.iter().any(|slice| slice.meta.labels.has("kubernetes.io/service-name", &object.meta.name));
    if !related.inventory.was_read("", "Pod", namespace) {
        let gap = related
            .inventory
            .section("", "Pod")
            .is_some_and(|section| matches!(&section.state, SectionState::Unread(why) if why.is_gap()));
        return match (is_reported, gap) {
            (true, _) => Verdict::fail(&SERVICE_NOT_READY, "its EndpointSlices hold no ready endpoint"),
            (false, true) => Verdict::unknown(&SERVICE_NOT_READY, "its pods could not be read"),
            // A Service alone in a file: nothing contradicts it.
            (false, false) => Verdict::ok(&SERVICE_OK, "its pods are not in the source"),
        };
    }
    let pods = related.inventory.in_namespace("", "Pod", namespace).iter();
    let pods: Vec<&Object> = pods.filter(|pod| pod.meta.labels.contains_all(&service.spec.selector)).collect();
    let alive: Vec<&Object> = pods.into_iter().filter(|pod| pod.pod().is_some_and(|pod| !pod.is_finished())).collect();
    if alive.is_empty() {
        // Scaled to zero on purpose is no fault of the service.
        let workloads = ["Deployment", "StatefulSet"];
        let idle =
            workloads.iter().flat_map(|kind| related.inventory.in_namespace("apps", kind, namespace)).any(|workload| {
                workload.workload().is_some_and(|record| {
                    record.wanted() == 0 && record.spec.template.metadata.labels.contains_all(&service.spec.selector)
                })
            });
        // Operators keep services for pods that come and go.
        let owned = object.meta.controller().is_some();
        return match (idle, owned) {
            (true, _) => Verdict::ok(&SERVICE_OK, "its workload is scaled to zero"),
            (_, true) => Verdict::ok(&SERVICE_OK, "no pod now; its owner decides"),
            _ => Verdict::fail(&SERVICE_NO_PODS, "its selector matches no pod"),
        };
    }
    let is_ready = |pod: &&&Object| pod.pod().is_some_and(crate::object::Pod::is_ready);
    if alive.iter().filter(is_ready).count() > 0 || service.spec.publish_not_ready_addresses {
        return Verdict::ok(&SERVICE_OK, text::plural(alive.len(), "pod"));
    }
    let count = alive.len();
    match pod::worst_pod(alive, related, now) {
        Some((worst, why)) if why.level == Level::Progressing => {
            Verdict::progressing(&SERVICE_NOT_READY, format!("0 of {count} pods ready yet")).blame(worst.reference())
        }
        Some((worst, why)) if why.level > Level::Ok => {
            Verdict::fail(&SERVICE_NOT_READY, format!("0 of {count} pods ready: {}: {}", worst.meta.name, why.message))
                .since(why.since)
                .blame(worst.reference())
        }
        _ => Verdict::ok(&SERVICE_OK, text::plural(count, "pod")),
    }
}

fn ingress(object: &Object, related: &Related<'_>, _: Timestamp) -> Verdict {
    let Body::Ingress(ingress) = &object.body else {
        return Verdict::unknown(&precedence::OBJECT_UNREADABLE, "is no Ingress");
    };
    let namespace = &object.meta.namespace;
    let mut verdict = if ingress.status.load_balancer.ingress.is_empty() {
        Verdict::progressing(&INGRESS_PENDING, "no address yet")
    } else {
        Verdict::ok(&INGRESS_OK, "has an address")
    };
    let paths = ingress.spec.rules.iter().flat_map(|rule| &rule.http.paths).map(|path| &path.backend);
    for backend in paths.chain(ingress.spec.default_backend.as_ref()) {
        if let Some(finding) = backend_missing(backend, namespace, related) {
            let blames = finding.blames.clone();
            verdict = blames.into_iter().fold(verdict.and(finding), Verdict::blame);
        }
    }
    for tls in ingress.spec.tls.iter().filter(|tls| !tls.secret_name.is_empty()) {
        if related.get("", "Secret", namespace, &tls.secret_name).is_missing() {
            let secret = ObjectRef::new("", "Secret", namespace, &tls.secret_name);
            let text = format!("certificate Secret {} is missing", tls.secret_name);
            verdict = verdict.and(Verdict::warn(&INGRESS_TLS, text)).blame(secret);
        }
    }
    verdict
}

fn backend_missing(backend: &Backend, namespace: &str, related: &Related<'_>) -> Option<Verdict> {
    let wanted = backend.service.as_ref()?;
    let reference = ObjectRef::new("", "Service", namespace, &wanted.name);
    let found = match related.inventory.find(&reference) {
        crate::object::Lookup::Missing => {
            return Some(
                Verdict::fail(&INGRESS_BACKEND, format!("service {} does not exist", wanted.name)).blame(reference),
            );
        }
        found => found.found()?,
    };
    let Body::Service(service) = &found.body else { return None };
    let fits = |port: &crate::object::ServicePort| {
        (wanted.port.number != 0 && port.port == wanted.port.number)
            || (!wanted.port.name.is_empty() && port.name == wanted.port.name)
    };
    (!service.spec.ports.is_empty() && !service.spec.ports.iter().any(fits)).then(|| {
        Verdict::fail(
            &INGRESS_BACKEND,
            format!(
                "service {} has no port {}{}",
                wanted.name,
                wanted.port.name,
                if wanted.port.number == 0 { String::new() } else { wanted.port.number.to_string() }
            ),
        )
    })
}

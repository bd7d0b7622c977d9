//! Ingresses: whether what they send to is there, and whether a controller has taken them.

use super::table::Rule;
use super::{Related, precedence};
use crate::object::{Backend, Body, Object, ObjectRef};
use crate::report::{Verdict, codes};
use crate::text;
use jiff::Timestamp;

codes! {
    INGRESS_OK = "ingress-ok", "The ingress has an address", "It has an address and its backends exist.", "Nothing to do.";
    INGRESS_BACKEND = "ingress-backend-missing", "A backend of the ingress does not exist",
        "The service or port that a rule sends to is not there: requests get an error.", "Correct the rule, or create the service.", Stuck 600;
    INGRESS_PENDING = "ingress-no-address", "The ingress has no address",
        "No controller has taken the ingress, or its controller is set up to write no address (Traefik and NGINX behind a NodePort).", "Check its class and that a controller of that class runs.";
    INGRESS_CLASS = "ingress-class-missing", "The ingress's class does not exist",
        "spec.ingressClassName names an IngressClass that is not there, so no controller takes the Ingress.",
        "Correct the class (`kubectl get ingressclass`), or install its controller.", Stuck 600;
    INGRESS_TLS = "ingress-certificate-missing", "The ingress's certificate Secret is missing",
        "A Secret that spec.tls names does not exist: clients get the controller's default certificate.",
        "Create it, or look at the Certificate that should.";
}

pub(super) const RULES: &[Rule] =
    &[Rule::new("networking.k8s.io", "Ingress", ingress), Rule::new("extensions", "Ingress", ingress)];

fn ingress(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Body::Ingress(ingress) = &object.body else {
        return Verdict::unknown(&precedence::OBJECT_UNREADABLE, "is no Ingress");
    };
    let namespace = &object.meta.namespace;
    let mut verdict = if ingress.status.load_balancer.ingress.is_empty() {
        no_address(object, related, now)
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
    let class = &ingress.spec.ingress_class_name;
    if !class.is_empty() && related.get("networking.k8s.io", "IngressClass", "", class).is_missing() {
        let missing = ObjectRef::new("networking.k8s.io", "IngressClass", "", class);
        verdict = verdict
            .and(Verdict::fail(&INGRESS_CLASS, format!("class {class} does not exist: no controller takes it")))
            .blame(missing);
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

/// Controllers write an address within seconds. Some are set up to write none, so that the Ingress may
/// work all the same: it is a warning, and no failure.
fn no_address(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let created = object.meta.creation_timestamp.get();
    match created.filter(|created| now.duration_since(*created).as_secs() > related.limits.progress_seconds) {
        Some(created) => {
            let text = format!(
                "has had no address for {}: no controller has taken it, or it writes none",
                text::age(created, now)
            );
            Verdict::warn(&INGRESS_PENDING, text).since(Some(created))
        }
        None => Verdict::progressing(&INGRESS_PENDING, "no address yet").since(created),
    }
}

fn backend_missing(backend: &Backend, namespace: &str, related: &Related<'_>) -> Option<Verdict> {
    let wanted = backend.service.as_ref()?;
    // Controllers for AWS load balancers name an action of an annotation here, not a Service.
    if &*wanted.port.name == "use-annotation" {
        return None;
    }
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
    if &*service.spec.r#type == "ExternalName" {
        return None;
    }
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

#[cfg(test)]
mod tests {
    use crate::health::testing::expect;
    use crate::report::Level;

    #[test]
    fn an_ingress_that_nobody_takes_does_not_progress_for_ever() {
        let yaml = |created: &str| {
            format!(
                "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: i, namespace: n, creationTimestamp: '{created}'}}\nspec: {{}}\n"
            )
        };
        expect(&yaml("2026-11-20T02:58:00Z"), "Ingress", "i", Level::Progressing, "ingress-no-address");
        expect(&yaml("2026-11-19T02:58:00Z"), "Ingress", "i", Level::Warn, "ingress-no-address");
    }
}

//! Gateway API: Gateways by their listeners, routes by their parents.

use super::table::Rule;
use super::{Related, precedence};
use crate::object::{Condition, Custom, Object, ObjectRef};
use crate::report::{Level, Verdict, codes};
use jiff::Timestamp;
use serde_json::Value;

codes! {
    GATEWAY_OK = "gateway-ok", "The controller has taken it and it works",
        "The gateway controller has accepted the object, resolved its references and programmed its data plane.",
        "Nothing to do.";
    GATEWAY_WAITING = "gateway-waiting", "The gateway controller has not decided yet",
        "The controller has not reported on this generation of the object, or of one of its listeners or parents.",
        "If it stays: check that the controller of the GatewayClass runs.";
    GATEWAY_REJECTED = "gateway-rejected", "A Gateway or route is not in effect",
        "A condition of the object, of a listener or of a parent says that it is not accepted, that a reference (certificate, backend) does not resolve, or that it is not programmed.",
        "Read the reason: NoMatchingParent, NotAllowedByListeners, BackendNotFound, RefNotPermitted, InvalidCertificateRef and their like say what to correct.";
}

const GROUP: &str = "gateway.networking.k8s.io";

/// The rows of this family.
pub(super) const RULES: &[Rule] = &[
    Rule::new(GROUP, "Gateway", gateway),
    Rule::new(GROUP, "HTTPRoute", route),
    Rule::new(GROUP, "GRPCRoute", route),
    Rule::new(GROUP, "TLSRoute", route),
    Rule::new(GROUP, "TCPRoute", route),
    Rule::new(GROUP, "UDPRoute", route),
];

fn gateway(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return Verdict::ok(&precedence::OK, "no state is reported") };
    let conditions = custom.conditions();
    if conditions.is_empty() {
        return precedence::no_status(object, None, related, now);
    }
    let mut verdict = judge("", &conditions, &["Accepted", "Programmed"], object, related, now);
    for (index, listener) in custom.status_list("/listeners").iter().enumerate() {
        let name = listener.get("name").and_then(Value::as_str).unwrap_or_default();
        let conditions = custom.conditions_at(&format!("/listeners/{index}/conditions"));
        let finding = judge(
            &format!("listener {name}: "),
            &conditions,
            &["Accepted", "ResolvedRefs", "Programmed"],
            object,
            related,
            now,
        );
        verdict = verdict.and(finding);
    }
    let class = custom.spec_text("/gatewayClassName");
    if !verdict.is_ok() && related.get(GROUP, "GatewayClass", "", class).is_missing() {
        let missing = ObjectRef::new(GROUP, "GatewayClass", "", class);
        verdict = verdict.evidence(format!("GatewayClass {class} does not exist")).blame(missing);
    }
    verdict
}

fn route(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return Verdict::ok(&precedence::OK, "no state is reported") };
    let parents = custom.status_list("/parents");
    let mut verdict = if parents.is_empty() {
        precedence::no_status(object, None, related, now)
    } else {
        Verdict::ok(&GATEWAY_OK, crate::text::plural(parents.len(), "parent"))
    };
    for (index, parent) in parents.iter().enumerate() {
        let name = parent.pointer("/parentRef/name").and_then(Value::as_str).unwrap_or_default();
        let conditions = custom.conditions_at(&format!("/parents/{index}/conditions"));
        let prefix = format!("parent {name}: ");
        verdict = verdict.and(judge(&prefix, &conditions, &["Accepted", "ResolvedRefs"], object, related, now));
    }
    if verdict.is_ok() {
        return verdict;
    }
    causes(object, custom, related).into_iter().fold(verdict, Verdict::blame)
}

/// Parents and backends that may explain a route: those that are missing, and the parent Gateways.
fn causes(object: &Object, custom: &Custom, related: &Related<'_>) -> Vec<ObjectRef> {
    let own = &*object.meta.namespace;
    let to = |group: &str, kind: &str, reference: &Value| {
        let text = |key: &str, default: &str| {
            reference.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).unwrap_or(default).to_owned()
        };
        ObjectRef::new(&text("group", group), &text("kind", kind), &text("namespace", own), &text("name", ""))
    };
    let mut found = Vec::new();
    for parent in custom.spec_list("/parentRefs") {
        let reference = to(GROUP, "Gateway", parent);
        let lookup = related.inventory.find(&reference);
        if lookup.is_missing() || lookup.found().is_some() {
            found.push(reference);
        }
    }
    for rule in custom.spec_list("/rules") {
        for backend in rule.get("backendRefs").and_then(Value::as_array).into_iter().flatten() {
            let reference = to("", "Service", backend);
            if related.inventory.find(&reference).is_missing() {
                found.push(reference);
            }
        }
    }
    found
}

/// The finding of one list of conditions: what must be True and is not, what says a conflict.
fn judge(
    prefix: &str,
    conditions: &[Condition],
    wanted: &[&str],
    object: &Object,
    related: &Related<'_>,
    now: Timestamp,
) -> Verdict {
    let generation = object.meta.generation.unwrap_or(0);
    let mut verdict = Verdict::ok(&GATEWAY_OK, "accepted and programmed");
    for name in wanted {
        let Some(condition) = crate::object::find_condition(conditions, name) else { continue };
        if condition.observed_generation.is_some_and(|observed| observed < generation) {
            verdict = verdict
                .and(Verdict::progressing(&GATEWAY_WAITING, format!("{prefix}{name} speaks of an older generation")));
            continue;
        }
        if condition.is_true() {
            continue;
        }
        // Unknown, `Pending` and a missing address are normal for as long as a controller needs.
        let waits = !condition.is_false() || matches!(&*condition.reason, "Pending" | "AddressNotAssigned");
        let late = condition
            .since()
            .is_some_and(|since| now.duration_since(since).as_secs() > related.limits.progress_seconds);
        let message = format!("{prefix}{name} is {}: {}", condition.status, condition.text());
        let (level, code) =
            if waits && !late { (Level::Progressing, &GATEWAY_WAITING) } else { (Level::Fail, &GATEWAY_REJECTED) };
        verdict = verdict.and(Verdict::new(level, code, message).since(condition.since()));
    }
    let conflict = crate::object::find_condition(conditions, "Conflicted").filter(|conflict| conflict.is_true());
    match conflict {
        Some(conflict) => verdict.and(
            Verdict::fail(&GATEWAY_REJECTED, format!("{prefix}is in conflict: {}", conflict.text()))
                .since(conflict.since()),
        ),
        None => verdict,
    }
}

#[cfg(test)]
mod tests {
    use crate::health::testing::{expect, judge};
    use crate::report::Level;

    fn route(accepted: &str, resolved: &str) -> String {
        format!(
            "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: r, namespace: n, generation: 2}}
spec: {{parentRefs: [{{name: g}}], rules: [{{backendRefs: [{{name: gone, port: 80}}]}}]}}
status:
  parents:
  - parentRef: {{name: g}}
    conditions:
    - {{type: Accepted, status: '{accepted}', observedGeneration: 2, reason: Accepted}}
    - {{type: ResolvedRefs, status: '{resolved}', observedGeneration: 2, reason: BackendNotFound}}
---
apiVersion: v1
kind: Service
metadata: {{name: other, namespace: n}}
"
        )
    }

    #[test]
    fn a_route_is_judged_by_its_parents() {
        expect(&route("True", "True"), "HTTPRoute", "r", Level::Ok, "gateway-ok");
        expect(&route("Unknown", "True"), "HTTPRoute", "r", Level::Progressing, "gateway-waiting");
        let verdict = judge(&route("True", "False"), "HTTPRoute", "r");
        assert_eq!((verdict.level, verdict.code.id), (Level::Fail, "gateway-rejected"));
        assert_eq!(verdict.blames.first().map(ToString::to_string).as_deref(), Some("Service/n/gone"));
    }

    #[test]
    fn a_listener_can_fail_a_gateway() {
        let yaml = "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g, namespace: n}
spec: {gatewayClassName: c}
status:
  conditions: [{type: Accepted, status: 'True'}, {type: Programmed, status: 'True'}]
  listeners:
  - name: https
    conditions: [{type: ResolvedRefs, status: 'False', reason: InvalidCertificateRef}]
";
        expect(yaml, "Gateway", "g", Level::Fail, "gateway-rejected");
    }
}

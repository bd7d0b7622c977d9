//! KEDA: objects and jobs that are scaled by events.

use super::table::Rule;
use super::{Related, lead_condition, precedence};
use crate::object::{Condition, Custom, Lookup, Object, ObjectRef, find_condition};
use crate::report::{Level, Verdict, codes};
use jiff::Timestamp;

codes! {
    SCALED_READY = "scaled-ready", "It is scaled",
        "KEDA has taken the object in and asks its triggers.",
        "Nothing to do.";
    SCALED_WAITS = "scaled-waits", "It is being set up",
        "KEDA has not said yet whether the object works.",
        "Nothing to do but wait.";
    SCALED_FAILED = "scaled-failed", "It is not scaled",
        "A trigger does not work, the target does not exist, or the spec is refused. The workload stays at the number of replicas that it has.",
        "Read the message; check the trigger's address and its TriggerAuthentication.";
    SCALED_FALLBACK = "scaled-fallback", "It runs at its fallback",
        "A trigger has failed so often that KEDA has set the number of replicas that spec.fallback names: the load no longer decides.",
        "Look at the trigger that fails: mostly the source of its metric is down.";
    SCALED_METRICS = "scaled-metrics-missing", "Its autoscaler gets no metrics",
        "KEDA is set up, and the HorizontalPodAutoscaler that it made cannot read the metric. Shortly after a start that is normal.",
        "Look at the HorizontalPodAutoscaler, at keda-operator-metrics-apiserver and at the APIService v1beta1.external.metrics.k8s.io.";
    SCALED_NO_HPA = "scaled-no-autoscaler", "Its autoscaler is not there",
        "KEDA says that it is ready, and the HorizontalPodAutoscaler that should do the scaling does not exist.",
        "Look at the log of keda-operator for this object.";
}

const GROUP: &str = "keda.sh";

/// The rows of this family.
pub(super) const RULES: &[Rule] =
    &[Rule::new(GROUP, "ScaledObject", scaled_object), Rule::new(GROUP, "ScaledJob", scaled_job)];

fn unreadable() -> Verdict {
    Verdict::unknown(&precedence::OBJECT_UNREADABLE, "has not the shape of its kind")
}

/// The annotation or condition by which it is paused (`apis/keda/v1alpha1/scaledobject_types.go`:
/// any number of paused replicas is a pause, and so is a value that is no boolean).
fn pause(object: &Object, conditions: &[Condition]) -> Option<&'static str> {
    const PAUSED: &str = "autoscaling.keda.sh/paused";
    const REPLICAS: &str = "autoscaling.keda.sh/paused-replicas";
    let no = |value: &str| matches!(value, "0" | "f" | "F" | "false" | "FALSE" | "False");
    let annotations = &object.meta.annotations;
    if annotations.get(REPLICAS).is_some() {
        Some(REPLICAS)
    } else if annotations.get(PAUSED).is_some_and(|value| !no(value)) {
        Some(PAUSED)
    } else {
        find_condition(conditions, "Paused").filter(|paused| paused.is_true()).map(|_| "the Paused condition")
    }
}

/// Follows Argo CD's `keda.sh/ScaledObject/health.lua`: what is broken leads, then a pause. KEDA's
/// conditions bear no time.
fn scaled_object(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return unreadable() };
    let conditions = custom.conditions();
    let found = by_ready(object, custom, &conditions, false, related, now);
    let found = match find_condition(&conditions, "Fallback").filter(|fallback| fallback.is_true()) {
        Some(fallback) => failing_triggers(custom)
            .into_iter()
            .fold(Verdict::fail(&SCALED_FALLBACK, lead_condition::said(fallback)), Verdict::evidence)
            .and(found),
        None => found,
    };
    let paused = pause(object, &conditions);
    let verdict = with_pause(found, paused, related, now);
    if verdict.is_ok() {
        return autoscaler(object, custom, related).unwrap_or(verdict);
    }
    if verdict.level == Level::Fail { with_target(verdict, object, custom, related) } else { verdict }
}

/// Follows Argo CD's `keda.sh/ScaledJob/health.lua`: Unknown means that some triggers fail.
fn scaled_job(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return unreadable() };
    let conditions = custom.conditions();
    let found = by_ready(object, custom, &conditions, true, related, now);
    with_pause(found, pause(object, &conditions), related, now)
}

fn with_pause(found: Verdict, paused: Option<&str>, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(how) = paused else { return found };
    let paused = precedence::suspended(how, None, related, now);
    // A pause is no reason to have a status that does not come.
    if found.level == Level::Fail && found.code != &precedence::NO_STATUS { found.and(paused) } else { paused }
}

fn by_ready(
    object: &Object,
    custom: &Custom,
    conditions: &[Condition],
    unknown_fails: bool,
    related: &Related<'_>,
    now: Timestamp,
) -> Verdict {
    if conditions.is_empty() {
        return precedence::no_status(object, None, related, now);
    }
    let Some(ready) = find_condition(conditions, "Ready") else {
        let said = conditions.first().map(lead_condition::said).unwrap_or_default();
        return Verdict::progressing(&SCALED_WAITS, said);
    };
    let said = lead_condition::said(ready);
    if ready.is_true() {
        return Verdict::ok(&SCALED_READY, said);
    }
    if &*ready.reason == "HPAMetricsUnavailable" {
        return metrics(object, custom, said, related, now);
    }
    if ready.is_false() || unknown_fails {
        return Verdict::fail(&SCALED_FAILED, said);
    }
    Verdict::progressing(&SCALED_WAITS, said)
}

fn autoscaler_name(object: &Object, custom: &Custom) -> String {
    let asked = custom.spec_text("/advanced/horizontalPodAutoscalerConfig/name");
    match (custom.status_text("/hpaName"), asked) {
        ("", "") => format!("keda-hpa-{}", object.meta.name),
        ("", asked) => asked.to_owned(),
        (name, _) => name.to_owned(),
    }
}

const HPA: (&str, &str) = ("autoscaling", "HorizontalPodAutoscaler");

/// The autoscaler tells since when it lacks its metrics; without it only a young object is excused.
fn metrics(object: &Object, custom: &Custom, said: String, related: &Related<'_>, now: Timestamp) -> Verdict {
    let name = autoscaler_name(object, custom);
    if let Lookup::Found(hpa) = related.get(HPA.0, HPA.1, &object.meta.namespace, &name) {
        let state = super::assess(hpa, related, now);
        return match state.level {
            Level::Fail => Verdict::fail(&SCALED_METRICS, said)
                .since(state.since)
                .evidence(format!("{}: {}", hpa.meta.name, state.message))
                .blame(hpa.reference()),
            _ => Verdict::progressing(&SCALED_METRICS, said),
        };
    }
    let age = object.meta.creation_timestamp.seconds_before(now);
    if age.is_some_and(|age| age > related.limits.progress_seconds) {
        Verdict::warn(&SCALED_METRICS, said)
    } else {
        Verdict::progressing(&SCALED_METRICS, said)
    }
}

/// The finding about an autoscaler that is not there.
fn autoscaler(object: &Object, custom: &Custom, related: &Related<'_>) -> Option<Verdict> {
    let name = autoscaler_name(object, custom);
    let target = ObjectRef::new(HPA.0, HPA.1, &object.meta.namespace, &name);
    related.inventory.find(&target).is_missing().then(|| {
        Verdict::fail(&SCALED_NO_HPA, format!("is ready, and HorizontalPodAutoscaler {name} does not exist"))
            .blame(target)
    })
}

/// Blames a target that does not exist.
fn with_target(verdict: Verdict, object: &Object, custom: &Custom, related: &Related<'_>) -> Verdict {
    let name = custom.spec_text("/scaleTargetRef/name");
    let kind = match custom.spec_text("/scaleTargetRef/kind") {
        "" => "Deployment",
        kind => kind,
    };
    let group = match custom.spec_text("/scaleTargetRef/apiVersion") {
        "" => "apps",
        version => version.split_once('/').map_or("", |(group, _)| group),
    };
    let target = ObjectRef::new(group, kind, &object.meta.namespace, name);
    if !name.is_empty() && related.inventory.find(&target).is_missing() {
        return verdict.evidence(format!("{kind} {name} does not exist")).blame(target);
    }
    verdict
}

/// `status.health` counts the failures of each trigger where a fallback is set.
fn failing_triggers(custom: &Custom) -> Vec<String> {
    let all = custom.status_at("/health").and_then(|health| health.as_object()).into_iter().flatten();
    all.filter(|(_, state)| state.get("status").and_then(|word| word.as_str()) == Some("Failing"))
        .map(|(name, state)| {
            let count = state.get("numberOfFailures").and_then(serde_json::Value::as_i64).unwrap_or(0);
            format!("trigger {name} has failed {count} times in a row")
        })
        .take(10)
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::health::testing::{expect, judge};
    use crate::report::Level;

    fn scaled(kind: &str, annotations: &str, conditions: &str) -> String {
        format!(
            "apiVersion: keda.sh/v1alpha1
kind: {kind}
metadata: {{name: web, namespace: x, creationTimestamp: '2026-09-01T00:00:00Z', annotations: {{{annotations}}}}}
spec: {{scaleTargetRef: {{name: web}}}}
status: {{hpaName: keda-hpa-web, health: {{s0: {{status: Failing, numberOfFailures: 4}}}}, conditions: [{conditions}]}}
"
        )
    }

    const READY: &str = "{type: Ready, status: 'True', message: well}";
    const BROKEN: &str = "{type: Ready, status: 'False', reason: ScaledObjectCheckFailed, message: no trigger}";

    #[test]
    fn what_is_broken_leads_and_a_pause_follows() {
        for (annotations, conditions, level, code) in [
            ("", READY.to_owned(), Level::Ok, "scaled-ready"),
            ("", BROKEN.to_owned(), Level::Fail, "scaled-failed"),
            ("", format!("{READY}, {{type: Fallback, status: 'True'}}"), Level::Fail, "scaled-fallback"),
            ("", format!("{READY}, {{type: Paused, status: 'True'}}"), Level::Suspended, "suspended"),
            ("autoscaling.keda.sh/paused: 'true'", READY.to_owned(), Level::Suspended, "suspended"),
            ("autoscaling.keda.sh/paused: 'false'", READY.to_owned(), Level::Ok, "scaled-ready"),
            ("autoscaling.keda.sh/paused-replicas: '0'", READY.to_owned(), Level::Suspended, "suspended"),
            ("autoscaling.keda.sh/paused: 'true'", BROKEN.to_owned(), Level::Fail, "scaled-failed"),
            ("", "{type: Running, status: 'True'}".to_owned(), Level::Progressing, "scaled-waits"),
            ("", String::new(), Level::Fail, "no-status"),
        ] {
            expect(&scaled("ScaledObject", annotations, &conditions), "ScaledObject", "web", level, code);
        }
        let unknown = "{type: Ready, status: Unknown, reason: PartialTriggerError}";
        expect(&scaled("ScaledJob", "", unknown), "ScaledJob", "web", Level::Fail, "scaled-failed");
        expect(&scaled("ScaledObject", "", unknown), "ScaledObject", "web", Level::Progressing, "scaled-waits");
    }

    #[test]
    fn the_autoscaler_must_be_there() {
        let hpa = |name: &str, since: &str| {
            format!(
                "---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: {name}, namespace: x, creationTimestamp: '{since}'}}
spec: {{maxReplicas: 3, scaleTargetRef: {{kind: Deployment, name: web}}}}
status:
  conditions: [{{type: ScalingActive, status: 'False', reason: FailedGetExternalMetric, lastTransitionTime: '{since}'}}]
"
            )
        };
        let well = scaled("ScaledObject", "", READY);
        let other = well.clone() + &hpa("other", "2026-11-20T02:59:00Z");
        let verdict = judge(&other, "ScaledObject", "web");
        assert_eq!((verdict.level, verdict.code.id), (Level::Fail, "scaled-no-autoscaler"));
        expect(
            &(well + &hpa("keda-hpa-web", "2026-11-20T02:59:00Z")),
            "ScaledObject",
            "web",
            Level::Ok,
            "scaled-ready",
        );
        let lost = scaled("ScaledObject", "", "{type: Ready, status: 'False', reason: HPAMetricsUnavailable}");
        for (since, level) in [("2026-11-20T02:59:00Z", Level::Progressing), ("2026-11-19T00:00:00Z", Level::Fail)] {
            let yaml = lost.clone() + &hpa("keda-hpa-web", since);
            expect(&yaml, "ScaledObject", "web", level, "scaled-metrics-missing");
        }
        expect(&lost, "ScaledObject", "web", Level::Warn, "scaled-metrics-missing");
    }

    #[test]
    fn a_fallback_names_its_trigger_and_a_missing_target_is_blamed() {
        let fallback = scaled("ScaledObject", "", &format!("{READY}, {{type: Fallback, status: 'True'}}"));
        let verdict = judge(&fallback, "ScaledObject", "web");
        assert_eq!(verdict.evidence, ["trigger s0 has failed 4 times in a row"]);
        let other = "---\n{apiVersion: apps/v1, kind: Deployment, metadata: {name: other, namespace: x}}\n";
        let verdict = judge(&(scaled("ScaledObject", "", BROKEN) + other), "ScaledObject", "web");
        assert_eq!(verdict.blames[0].to_string(), "Deployment/x/web");
    }
}

//! HorizontalPodAutoscalers, PodDisruptionBudgets and ResourceQuotas: what bounds how many pods run.

use super::table::Rule;
use super::{Related, precedence, service};
use crate::object::{
    Autoscaler, Body, Condition, DisruptionBudgetStatus, Lookup, Object, ObjectRef, Selector, find_condition,
};
use crate::report::{Level, Verdict, codes};
use crate::text::{self, Quantity};
use jiff::Timestamp;
use std::borrow::Cow;

codes! {
    HPA_ACTIVE = "hpa-active", "The autoscaler works",
        "The autoscaler can read its metrics and scale its target, or scaling is off because the target is at zero replicas.",
        "Nothing to do.";
    HPA_WAITING = "hpa-waiting", "The autoscaler has no metrics yet",
        "The autoscaler or its target has just started; metrics of new pods come after a minute or two.",
        "Wait; if it stays longer than ten minutes, look at the metrics API.";
    HPA_NO_SCALE = "hpa-cannot-scale", "The autoscaler cannot scale its target",
        "The target does not exist, cannot be scaled, or its scale cannot be written.",
        "Correct spec.scaleTargetRef or bring the target back.";
    HPA_NO_METRICS = "hpa-no-metrics", "The autoscaler cannot read its metrics",
        "The number of replicas does not follow the load: the metrics API does not answer, the metric does not exist, or the pods have no resource requests to compare with.",
        "Look at the APIService of the metrics (metrics.k8s.io, custom.metrics.k8s.io, external.metrics.k8s.io) and at the resource requests of the target's containers.";
    HPA_AT_MAXIMUM = "hpa-at-maximum", "The autoscaler is at its maximum",
        "The load asks for more replicas than spec.maxReplicas allows.",
        "Raise maxReplicas if the cluster has room, or find out why the load is that high.";
    PDB_MET = "pdb-met", "The disruption budget is met",
        "Enough of the pods that the budget protects are healthy.",
        "Nothing to do.";
    PDB_TOO_FEW = "pdb-too-few-healthy", "Fewer pods are healthy than the budget demands",
        "Fewer of the protected pods are ready than the budget demands, so the application is below what its owner calls safe, and no node that holds one can be drained.",
        "Look at the pods that are not ready.";
    PDB_SYNC_FAILED = "pdb-sync-failed", "The disruption budget cannot be computed",
        "The controller cannot tell how many pods the budget expects: the pods have no controller with a scale, or their controller is gone. Evictions are refused meanwhile.",
        "Read the message of the condition; use minAvailable as a number for pods without a controller.";
    PDB_BLOCKS = "pdb-blocks-drains", "The disruption budget never allows an eviction",
        "All protected pods are healthy and still none may be evicted: the budget demands as many as there are. A drain of their nodes (upgrades) waits for ever.",
        "Run one replica more, or set maxUnavailable to at least 1.";
    PDB_EMPTY = "pdb-selects-nothing", "The disruption budget selects no pod",
        "No pod bears the labels that the budget selects, so it protects nothing.",
        "Compare the selector with the pods' labels, or delete the budget.";
    QUOTA_ROOM = "quota-room", "The quota has room",
        "Nothing that the quota limits is used up.",
        "Nothing to do.";
    QUOTA_FULL = "quota-full", "A quota is used up",
        "The namespace uses all that its quota allows of a resource: the next object that needs it is refused.",
        "`kubectl describe quota -n NAMESPACE` shows used and hard. Raise the quota or remove what is not needed; refused pods show as FailedCreate events of their controllers.";
}

/// The rows of this family.
pub(super) const RULES: &[Rule] = &[
    Rule::new("autoscaling", "HorizontalPodAutoscaler", autoscaler),
    Rule::new("policy", "PodDisruptionBudget", disruption_budget),
    Rule::new("", "ResourceQuota", quota),
];

fn unjudged() -> Verdict {
    Verdict::ok(&precedence::OK, "no state is reported")
}

/// The autoscaler's conditions: from its status, or for `autoscaling/v1` from the annotation that
/// the API server writes in their place (`pkg/apis/autoscaling/v1/conversion.go`).
fn autoscaler_conditions<'a>(object: &Object, autoscaler: &'a Autoscaler) -> Cow<'a, [Condition]> {
    let status = autoscaler.status.as_ref().map_or(&[][..], |status| &status.conditions);
    if !status.is_empty() {
        return Cow::Borrowed(status);
    }
    let text = object.meta.annotations.get("autoscaling.alpha.kubernetes.io/conditions").unwrap_or("[]");
    Cow::Owned(serde_json::from_str(text).unwrap_or_default())
}

/// Follows `pkg/controller/podautoscaler/horizontal.go`: AbleToScale, then ScalingActive.
fn autoscaler(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Body::Autoscaler(autoscaler) = &object.body else { return unjudged() };
    let conditions = autoscaler_conditions(object, autoscaler);
    if conditions.is_empty() {
        return match &autoscaler.status {
            Some(status) if status.observed_generation.is_some() || object.meta.creation_timestamp.get().is_none() => {
                Verdict::progressing(&HPA_WAITING, "has no conditions yet")
            }
            _ => precedence::no_status(object, None, related, now),
        };
    }
    if let Some(observed) = autoscaler.status.as_ref().and_then(|status| status.observed_generation)
        && let Some(verdict) = precedence::generation(object, Some(observed), related, now)
    {
        return verdict;
    }
    let able = find_condition(&conditions, "AbleToScale");
    let active = find_condition(&conditions, "ScalingActive");
    // The two failures are named by their reasons whatever the status says: old controllers left it True.
    if let Some(failed) =
        able.filter(|able| matches!(&*able.reason, "FailedGetScale" | "FailedUpdateScale" | "FailedRescale"))
    {
        return cannot_scale(object, autoscaler, failed, related, now);
    }
    if let Some(active) = active.filter(|active| active.is_false()) {
        if &*active.reason == "ScalingDisabled" {
            return Verdict::ok(&HPA_ACTIVE, "is off: its target is at zero replicas");
        }
        if active.reason.starts_with("Failed") || active.reason.starts_with("Invalid") {
            return no_metrics(object, autoscaler, active, related, now);
        }
    }
    let limits = find_condition(&conditions, "ScalingLimited").is_some_and(Condition::is_true);
    if !limits && !able.is_some_and(Condition::is_true) {
        let why = able.map(|able| able.text().into_owned()).unwrap_or_default();
        return Verdict::progressing(&HPA_WAITING, format!("is not able to scale yet. {why}"))
            .since(able.and_then(Condition::since));
    }
    let (current, wanted) =
        autoscaler.status.as_ref().map_or((0, 0), |status| (status.current_replicas, status.desired_replicas));
    let (low, high) = (autoscaler.spec.min_replicas.unwrap_or(1), autoscaler.spec.max_replicas);
    let limited = find_condition(&conditions, "ScalingLimited")
        .filter(|limited| limited.is_true() && &*limited.reason == "TooManyReplicas");
    match limited {
        // With a minimum that equals the maximum nobody expects it to scale.
        Some(limited) if current >= high && low < high => {
            Verdict::warn(&HPA_AT_MAXIMUM, format!("is at its maximum of {high} replicas and would want more"))
                .since(limited.since())
        }
        _ => Verdict::ok(&HPA_ACTIVE, format!("{current} of {wanted} wanted replicas, between {low} and {high}")),
    }
}

fn cannot_scale(
    object: &Object,
    autoscaler: &Autoscaler,
    failed: &Condition,
    related: &Related<'_>,
    now: Timestamp,
) -> Verdict {
    let target = target(object, autoscaler);
    let missing = related.inventory.find(&target).is_missing();
    let level = if !missing && is_new(object, related, now) { Level::Progressing } else { Level::Fail };
    let verdict =
        Verdict::new(level, &HPA_NO_SCALE, format!("cannot scale {} {}: {}", target.kind, target.name, failed.text()))
            .since(failed.since());
    if missing { verdict.blame(target) } else { verdict }
}

fn no_metrics(
    object: &Object,
    autoscaler: &Autoscaler,
    active: &Condition,
    related: &Related<'_>,
    now: Timestamp,
) -> Verdict {
    // Pods that have just started have no metrics yet (argo-cd #6287): not a failure.
    let starting = is_new(object, related, now)
        || (within(active.since(), related.limits.progress_seconds, now)
            && target_starts(object, autoscaler, related, now));
    let level = if starting { Level::Progressing } else { Level::Fail };
    let code = if starting { &HPA_WAITING } else { &HPA_NO_METRICS };
    let mut verdict =
        Verdict::new(level, code, format!("cannot tell how many replicas: {}", active.text())).since(active.since());
    let apis: &[&str] = match &*active.reason {
        "FailedGetResourceMetric" | "FailedGetContainerResourceMetric" => &["v1beta1.metrics.k8s.io"],
        "FailedGetPodsMetric" | "FailedGetObjectMetric" => {
            &["v1beta2.custom.metrics.k8s.io", "v1beta1.custom.metrics.k8s.io"]
        }
        "FailedGetExternalMetric" => &["v1beta1.external.metrics.k8s.io"],
        _ => &[],
    };
    let lookups: Vec<_> =
        apis.iter().map(|name| (name, related.get("apiregistration.k8s.io", "APIService", "", name))).collect();
    let mut absent = None;
    for (name, lookup) in &lookups {
        match lookup {
            Lookup::Found(api) if !super::extension::is_available(api) => {
                verdict = verdict.evidence(format!("APIService {name} is not available")).blame(api.reference());
            }
            Lookup::Missing => absent = Some(**name),
            Lookup::Found(_) | Lookup::Unread => {}
        }
    }
    if let Some(name) = absent.filter(|_| lookups.iter().all(|(_, lookup)| lookup.is_missing())) {
        verdict = verdict
            .evidence(format!("APIService {name} does not exist: nothing serves these metrics"))
            .blame(ObjectRef::new("apiregistration.k8s.io", "APIService", "", name));
    }
    verdict
}

fn target(object: &Object, autoscaler: &Autoscaler) -> ObjectRef {
    let target = &autoscaler.spec.scale_target_ref;
    let group = target.api_version.split_once('/').map_or("", |(group, _)| group);
    ObjectRef::new(group, &target.kind, &object.meta.namespace, &target.name)
}

fn within(time: Option<Timestamp>, seconds: i64, now: Timestamp) -> bool {
    time.is_some_and(|time| (0..=seconds).contains(&now.duration_since(time).as_secs()))
}

fn is_new(object: &Object, related: &Related<'_>, now: Timestamp) -> bool {
    within(object.meta.creation_timestamp.get(), related.limits.progress_seconds, now)
}

/// Whether the autoscaler's target is rolling out or has pods that are just starting.
fn target_starts(object: &Object, autoscaler: &Autoscaler, related: &Related<'_>, now: Timestamp) -> bool {
    let Some(target) = related.inventory.find(&target(object, autoscaler)).found() else { return false };
    let rolling = target.workload().is_some_and(|workload| {
        workload.status.as_ref().is_some_and(|status| {
            status.ready_replicas < workload.wanted() || status.updated_replicas < workload.wanted()
        })
    });
    rolling
        || related
            .pods_owned_by(target)
            .iter()
            .any(|pod| within(pod.meta.creation_timestamp.get(), related.limits.progress_seconds, now))
}

/// Follows `pkg/controller/disruption/disruption.go`.
fn disruption_budget(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Body::DisruptionBudget(budget) = &object.body else { return unjudged() };
    let Some(status) = &budget.status else {
        return precedence::no_status(object, None, related, now);
    };
    if let Some(verdict) = precedence::generation(object, status.observed_generation, related, now) {
        return verdict;
    }
    let DisruptionBudgetStatus { current_healthy, desired_healthy, expected_pods, disruptions_allowed, .. } = *status;
    let condition = find_condition(&status.conditions, "DisruptionAllowed");
    let since = condition.and_then(Condition::since);
    let failed = |condition: &&Condition| condition.is_false() && &*condition.reason == "SyncFailed";
    let pods: Vec<&Object> = match &budget.spec.selector {
        Some(selector) => selected(object, selector, related),
        None => Vec::new(),
    };
    if current_healthy < desired_healthy {
        let not_ready: Vec<&Object> =
            pods.into_iter().filter(|pod| pod.pod().is_some_and(|pod| !pod.is_ready())).collect();
        let starting = !not_ready.is_empty() && not_ready.iter().all(|pod| service::is_starting(pod, related, now));
        let level = if starting { Level::Progressing } else { Level::Fail };
        let message =
            format!("{current_healthy} of {desired_healthy} wanted pods are healthy ({expected_pods} expected)");
        let verdict = Verdict::new(level, &PDB_TOO_FEW, message).since(since);
        return not_ready.iter().take(20).fold(verdict, |verdict, pod| verdict.blame(pod.reference()));
    }
    if let Some(failed) = status.conditions.iter().find(failed) {
        return Verdict::fail(&PDB_SYNC_FAILED, format!("cannot be computed: {}", failed.text())).since(failed.since());
    }
    let healthy = format!("{current_healthy} of {expected_pods} pods healthy, {desired_healthy} demanded");
    if expected_pods == 0 {
        return if budget.spec.selector.as_ref().is_none_or(|selector| idle(object, selector, related)) {
            Verdict::ok(&PDB_MET, "its workload is scaled to zero")
        } else if is_new(object, related, now) {
            Verdict::progressing(&PDB_EMPTY, "selects no pod yet")
        } else {
            Verdict::warn(&PDB_EMPTY, "selects no pod: it protects nothing").since(since)
        };
    }
    // CloudNativePG guards its primary this way on purpose and switches over when a drain asks.
    let is_guard = object.meta.controller().is_some_and(|owner| owner.group() == "postgresql.cnpg.io");
    if disruptions_allowed <= 0 && current_healthy >= expected_pods && desired_healthy >= expected_pods && !is_guard {
        return Verdict::warn(&PDB_BLOCKS, format!("allows no eviction although all is well: {healthy}")).since(since);
    }
    Verdict::ok(&PDB_MET, format!("{healthy}, {disruptions_allowed} may be evicted"))
}

fn selected<'a>(object: &Object, selector: &'a Selector, related: &Related<'a>) -> Vec<&'a Object> {
    related
        .pods(&object.meta.namespace, selector)
        .filter(|pod| pod.pod().is_some_and(|pod| !pod.is_finished()))
        .collect()
}

/// Whether every workload whose pods the selector would match is scaled to zero, and there is one.
fn idle(object: &Object, selector: &Selector, related: &Related<'_>) -> bool {
    let mut wanted = ["Deployment", "StatefulSet"]
        .into_iter()
        .flat_map(|kind| related.inventory.in_namespace("apps", kind, &object.meta.namespace))
        .filter_map(|candidate| candidate.workload())
        .filter(|workload| selector.matches(&workload.spec.template.metadata.labels))
        .map(|workload| workload.wanted())
        .peekable();
    wanted.peek().is_some() && wanted.all(|wanted| wanted == 0)
}

/// `status.used` against `status.hard`. A limit of zero forbids on purpose and is not used up.
fn quota(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return unjudged() };
    let map = |pointer: &str| custom.status_at(pointer).and_then(serde_json::Value::as_object);
    let Some(hard) = map("/hard") else {
        return if custom.spec_at("/hard").is_none() {
            Verdict::ok(&QUOTA_ROOM, "limits nothing")
        } else {
            precedence::no_status(object, None, related, now)
        };
    };
    let used = map("/used");
    let amount = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => Quantity::parse(text),
        value => value.as_i64().map(Quantity::from_units),
    };
    let shown = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let (mut full, mut nearest) = (Vec::new(), (0.0_f64, ""));
    for (resource, limit) in hard {
        let Some(now_used) = used.and_then(|used| used.get(resource)) else { continue };
        let (Some(limit_amount), Some(used_amount)) = (amount(limit), amount(now_used)) else { continue };
        let Some(share) = used_amount.percent_of(limit_amount) else { continue };
        if share >= 100.0 {
            full.push(format!("{resource} {} of {}", shown(now_used), shown(limit)));
        } else if share > nearest.0 {
            nearest = (share, resource);
        }
    }
    if !full.is_empty() {
        return Verdict::warn(&QUOTA_FULL, format!("is used up: {}", full.join(", ")));
    }
    match nearest {
        (_, "") => Verdict::ok(&QUOTA_ROOM, text::plural(hard.len(), "limit")),
        (share, resource) => Verdict::ok(&QUOTA_ROOM, format!("nearest to its limit is {resource} at {share:.0} %")),
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;

//! HorizontalPodAutoscalers and PodDisruptionBudgets.

use super::table::Rule;
use super::{Related, precedence};
use crate::object::{Autoscaler, Body, Condition, Object, ObjectRef, find_condition};
use crate::report::{Verdict, codes};
use jiff::Timestamp;

codes! {
    HPA_OK = "hpa-active", "The autoscaler works", "It reads its metrics and can scale its target.", "Nothing to do.";
    HPA_METRICS = "hpa-no-metrics", "The autoscaler cannot read its metrics",
        "It does not scale while metrics are missing: the metrics API is down, or the metric does not exist.",
        "Look at the APIService v1beta1.metrics.k8s.io (or the adapter of custom metrics) and at the target's requests.";
    HPA_TARGET = "hpa-cannot-scale", "The autoscaler cannot scale its target",
        "The target does not exist or its scale cannot be read or written.", "Check spec.scaleTargetRef.";
    HPA_LIMITED = "hpa-at-maximum", "The autoscaler is at its maximum",
        "More replicas are wanted than spec.maxReplicas allows.", "Raise the maximum if the cluster has room.";
    PDB_OK = "pdb-ok", "The budget allows disruptions", "Enough pods are healthy.", "Nothing to do.";
    PDB_BROKEN = "pdb-insufficient-pods", "Fewer pods are healthy than the budget wants",
        "The budget's pods are not healthy, and no node with one of them can be drained.", "Look at the pods it selects.";
    PDB_BLOCKS = "pdb-blocks-drains", "The budget blocks every drain",
        "All pods are healthy and none may be away: a node with one of them cannot be drained, ever.",
        "Allow one disruption, or run one replica more.";
    PDB_SYNC = "pdb-sync-failed", "The budget cannot be computed",
        "The controller cannot find the pods' controllers or their scale.", "Read the condition's message.";
}

pub(super) const RULES: &[Rule] = &[
    Rule::new("autoscaling", "HorizontalPodAutoscaler", autoscaler),
    Rule::new("policy", "PodDisruptionBudget", budget),
];

/// The conditions that `autoscaling/v1` keeps in an annotation.
fn conditions(object: &Object, record: &Autoscaler) -> Vec<Condition> {
    let own = record.status.as_ref().map(|status| status.conditions.clone()).unwrap_or_default();
    if !own.is_empty() {
        return own;
    }
    let annotation = object.meta.annotations.get("autoscaling.alpha.kubernetes.io/conditions").unwrap_or("[]");
    serde_json::from_str(annotation).unwrap_or_default()
}

fn autoscaler(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Body::Autoscaler(record) = &object.body else {
        return Verdict::unknown(&precedence::OBJECT_UNREADABLE, "is no autoscaler");
    };
    let conditions = conditions(object, record);
    if conditions.is_empty() {
        return precedence::no_status(object, None, related, now);
    }
    let condition = |name: &str| find_condition(&conditions, name);
    let target = &record.spec.scale_target_ref;
    let group = target.api_version.split_once('/').map_or("", |(group, _)| group);
    let target = ObjectRef::new(group, &target.kind, &object.meta.namespace, &target.name);
    for failed in conditions.iter().filter(|condition| condition.is_false()) {
        let reason = failed.reason.as_str();
        if reason == "ScalingDisabled" {
            return Verdict::ok(&HPA_OK, "its target is scaled to zero");
        }
        let is_error = reason.starts_with("Failed") || reason.starts_with("Invalid") || reason == "AmbiguousSelector";
        if !is_error {
            continue;
        }
        let young = failed.since().is_some_and(|since| {
            let created = object.meta.creation_timestamp.get().unwrap_or(since);
            now.duration_since(created).as_secs() < 600 && now.duration_since(since).as_secs() < 600
        });
        let is_metrics = &*failed.r#type == "ScalingActive";
        let code = if is_metrics { &HPA_METRICS } else { &HPA_TARGET };
        let text = failed.text().into_owned();
        // Metrics of new pods take a while (Argo CD #6287).
        let mut verdict = if young && is_metrics && object.meta.creation_timestamp.get().is_some() {
            Verdict::progressing(code, text)
        } else {
            Verdict::fail(code, text)
        };
        if related.inventory.find(&target).is_missing() {
            verdict = verdict.blame(target.clone());
        } else if is_metrics && reason == "FailedGetResourceMetric" {
            let api = related.get("apiregistration.k8s.io", "APIService", "", "v1beta1.metrics.k8s.io").found();
            if let Some(api) = api.filter(|api| super::assess(api, related, now).level > crate::report::Level::Ok) {
                verdict = verdict.blame(api.reference());
            }
        }
        return verdict.since(failed.since());
    }
    let active = condition("ScalingLimited").is_some_and(Condition::is_true)
        || condition("AbleToScale").is_some_and(Condition::is_true);
    if !active {
        return Verdict::progressing(&HPA_OK, "waits for its first metrics");
    }
    let status = record.status.clone().unwrap_or_default();
    let verdict = Verdict::ok(
        &HPA_OK,
        format!(
            "{} replicas, {} to {}",
            status.current_replicas,
            record.spec.min_replicas.unwrap_or(1),
            record.spec.max_replicas
        ),
    );
    match condition("ScalingLimited").filter(|limited| limited.is_true() && &*limited.reason == "TooManyReplicas") {
        Some(limited) if status.current_replicas >= record.spec.max_replicas => verdict.and(
            Verdict::warn(&HPA_LIMITED, format!("at its maximum of {}", record.spec.max_replicas))
                .since(limited.since()),
        ),
        _ => verdict,
    }
}

fn budget(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Body::DisruptionBudget(record) = &object.body else {
        return Verdict::unknown(&precedence::OBJECT_UNREADABLE, "is no budget");
    };
    let Some(status) = &record.status else { return precedence::no_status(object, None, related, now) };
    if let Some(verdict) = precedence::generation(object, status.observed_generation, related, now) {
        return verdict;
    }
    let allowed = find_condition(&status.conditions, "DisruptionAllowed");
    if let Some(failed) = allowed.filter(|allowed| &*allowed.reason == "SyncFailed") {
        return Verdict::fail(&PDB_SYNC, failed.text().into_owned()).since(failed.since());
    }
    let counts = format!("{} of {} wanted pods healthy", status.current_healthy, status.desired_healthy);
    if status.current_healthy < status.desired_healthy {
        return Verdict::fail(&PDB_BROKEN, counts).since(allowed.and_then(Condition::since));
    }
    if status.disruptions_allowed == 0 && status.expected_pods > 0 {
        return Verdict::warn(&PDB_BLOCKS, format!("{counts}, and no disruption is allowed"));
    }
    Verdict::ok(&PDB_OK, format!("{} disruptions allowed", status.disruptions_allowed))
}

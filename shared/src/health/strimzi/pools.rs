//! KafkaNodePool and StrimziPodSet: no Ready condition, only numbers to compare.

use super::*;
use serde_json::Value;
use std::collections::BTreeSet;

/// The verdict of a node pool: node ids, replicas and roles of the status against the spec.
pub(super) fn node_pool(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else {
        return Verdict::unknown(&precedence::OBJECT_UNREADABLE, "holds neither spec nor status");
    };
    let verdict = pool_state(object, custom, related, now);
    with_cluster(verdict, object, "Kafka", related, now)
}

fn pool_state(object: &Object, custom: &Custom, related: &Related<'_>, now: Timestamp) -> Verdict {
    if let Some(verdict) = paused(object, custom, related, now) {
        return verdict;
    }
    if object.meta.labels.get(CLUSTER_LABEL).is_none() {
        return Verdict::fail(
            &KAFKA_CLUSTER_MISSING,
            format!("has no label {CLUSTER_LABEL}: it belongs to no cluster"),
        );
    }
    if custom.status_at("/nodeIds").is_none() && custom.status_at("/replicas").is_none() {
        return precedence::no_status(object, operator_down(related), related, now);
    }
    let mut verdict = precedence::generation(object, custom.observed_generation(), related, now)
        .unwrap_or_else(|| pool_numbers(object, custom));
    let conditions = custom.conditions();
    for warning in conditions.iter().filter(|condition| &*condition.r#type == "Warning" && condition.is_true()) {
        verdict = verdict.and(Verdict::warn(&KAFKA_WARNING, warning.text().into_owned()).since(warning.since()));
    }
    if let Some(condition) = broken(&conditions) {
        verdict = not_ready(condition, related, now).and(verdict);
    }
    pool_pods(verdict, object, custom, related, now)
}

fn pool_numbers(object: &Object, custom: &Custom) -> Verdict {
    let words = |list: &[Value]| -> BTreeSet<String> {
        list.iter().filter_map(|entry| entry.as_str().map(str::to_owned)).collect()
    };
    let wanted = custom.spec_number("/replicas").unwrap_or(0);
    let ids = i64::try_from(custom.status_list("/nodeIds").len()).unwrap_or(i64::MAX);
    let counted = custom.status_number("/replicas").unwrap_or(ids);
    let (spec_roles, roles) = (words(custom.spec_list("/roles")), words(custom.status_list("/roles")));
    let join = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join("+");
    if ids != wanted || counted != wanted {
        let message = format!("{ids} node ids and {counted} replicas, the spec wants {wanted}");
        return Verdict::warn(&KAFKA_POOL, message).evidence(format!("pool {}", object.meta.name));
    }
    if !roles.is_empty() && roles != spec_roles {
        let message = format!("nodes have the roles {}, the spec wants {}", join(&roles), join(&spec_roles));
        return Verdict::warn(&KAFKA_POOL, message);
    }
    Verdict::ok(&precedence::OK, format!("{wanted} of {wanted} nodes ({})", join(&spec_roles)))
}

fn pool_pods(verdict: Verdict, object: &Object, custom: &Custom, related: &Related<'_>, now: Timestamp) -> Verdict {
    let namespace = &object.meta.namespace;
    let cluster = object.meta.labels.get(CLUSTER_LABEL).unwrap_or_default();
    if !related.inventory.was_read("", "Pod", namespace) {
        return verdict;
    }
    let pods: Vec<&Object> = related
        .pods_labelled(namespace, CLUSTER_LABEL, cluster)
        .filter(|pod| pod.meta.labels.has("strimzi.io/pool-name", &object.meta.name))
        .collect();
    let wanted = usize::try_from(custom.spec_number("/replicas").unwrap_or(0)).unwrap_or(0);
    let ready = pods.len() - unready(&pods).len();
    if ready >= wanted {
        return verdict;
    }
    let message = format!("{ready} of {} ready", text::plural(wanted, "node"));
    let finding = pods_verdict(ready, &message, &pods, object, related, now);
    verdict.and(finding)
}

/// What too few ready pods mean: on their way while the object is new or none of them has failed,
/// broken when none is ready, else a warning.
fn pods_verdict(
    ready: usize,
    message: &str,
    pods: &[&Object],
    object: &Object,
    related: &Related<'_>,
    now: Timestamp,
) -> Verdict {
    let failed = unready(pods).iter().any(|pod| assess(pod, related, now).level == Level::Fail);
    let age = object.meta.creation_timestamp.seconds_before(now);
    let young = age.is_some_and(|age| age <= related.limits.progress_seconds);
    let level = match (failed, young, ready) {
        (false, true, _) => Level::Progressing,
        (_, _, 0) | (true, true, _) => Level::Fail,
        _ => Level::Warn,
    };
    blame_pods(Verdict::new(level, &KAFKA_PODS, message.to_owned()), pods, related, now)
}

/// The verdict of a pod set: pods, ready pods and current pods of the status against the spec.
pub(super) fn pod_set(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else {
        return Verdict::unknown(&precedence::OBJECT_UNREADABLE, "holds neither spec nor status");
    };
    if let Some(verdict) = paused(object, custom, related, now) {
        return verdict;
    }
    let Some(there) = custom.status_number("/pods") else {
        return precedence::no_status(object, operator_down(related), related, now);
    };
    let mut verdict = Verdict::ok(&precedence::OK, "all pods ready and current");
    if let Some(lag) = precedence::generation(object, custom.observed_generation(), related, now) {
        verdict = lag;
    }
    let wanted = i64::try_from(custom.spec_list("/pods").len()).unwrap_or(i64::MAX);
    let ready = custom.status_number("/readyPods").unwrap_or(0);
    let current = custom.status_number("/currentPods").unwrap_or(there);
    let pods: Vec<&Object> = related.inventory.owned_by(object.meta.uid).filter(|pod| pod.is("", "Pod")).collect();
    if there < wanted || ready < wanted {
        let message = format!("{there} of {wanted} pods there, {ready} ready");
        let ready = usize::try_from(ready).unwrap_or(0);
        return verdict.and(pods_verdict(ready, &message, &pods, object, related, now));
    }
    if current < wanted {
        let message = format!("{current} of {wanted} pods are of the current revision");
        return verdict.and(Verdict::progressing(&KAFKA_PODS, message));
    }
    if verdict.is_ok() {
        verdict = Verdict::ok(&precedence::OK, format!("{ready} of {wanted} pods ready"));
    }
    verdict
}

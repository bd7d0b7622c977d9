//! Kafka clusters: what the operator says, and what brokers, controllers and listeners show.

use super::*;
use serde_json::Value;

/// The verdict of a Kafka cluster.
pub(super) fn kafka(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else {
        return Verdict::unknown(&precedence::OBJECT_UNREADABLE, "holds neither spec nor status");
    };
    let mut verdict = state(object, custom, related, now);
    if verdict.level == Level::Suspended {
        return verdict;
    }
    // Only a cluster that was never ready is excused: an unobserved change or a rebalance excuses no lost quorum.
    let is_new = verdict.code == &KAFKA_CREATING || verdict.code == &precedence::NO_STATUS;
    let ready = custom.conditions().iter().any(|condition| &*condition.r#type == "Ready" && condition.is_true());
    let observed = custom.observed_generation().zip(object.meta.generation).is_none_or(|(seen, now)| seen >= now);
    if ready && observed {
        verdict = listeners(verdict, custom);
        verdict = versions(verdict, custom, related);
    }
    if let state @ ("RebalanceOnScaleDown" | "RebalanceOnScaleUp") = custom.status_text("/autoRebalance/state") {
        let message = format!("partitions are being moved after scaling ({state})");
        verdict = verdict.and(Verdict::progressing(&KAFKA_REBALANCING, message));
    }
    nodes(verdict, is_new, object, custom, related, now)
}

fn listeners(verdict: Verdict, custom: &Custom) -> Verdict {
    let name = |listener: &Value| listener.get("name").and_then(Value::as_str).map(str::to_owned);
    let there: Vec<String> = custom
        .status_list("/listeners")
        .iter()
        // Operators before 0.33 wrote the listener's name as its type.
        .flat_map(|listener| [name(listener), listener.get("type").and_then(Value::as_str).map(str::to_owned)])
        .flatten()
        .collect();
    let wanted = custom.spec_list("/kafka/listeners").iter().filter_map(name);
    let missing: Vec<String> = wanted.filter(|name| !there.contains(name)).collect();
    if missing.is_empty() {
        return verdict;
    }
    let message =
        format!("{} of the spec not in the status: {}", text::plural(missing.len(), "listener"), missing.join(", "));
    verdict.and(Verdict::fail(&KAFKA_LISTENER_MISSING, message))
}

fn versions(mut verdict: Verdict, custom: &Custom, related: &Related<'_>) -> Verdict {
    let base = |version: &str| version.split('-').next().unwrap_or_default().to_owned();
    let pairs = [
        ("Kafka", custom.spec_text("/kafka/version"), custom.status_text("/kafkaVersion")),
        ("metadata", custom.spec_text("/kafka/metadataVersion"), custom.status_text("/kafkaMetadataVersion")),
    ];
    for (what, wanted, is) in pairs {
        if !wanted.is_empty() && !is.is_empty() && base(wanted) != base(is) {
            let message = format!("{what} version is {is}, the spec wants {wanted}");
            verdict = verdict.and(Verdict::warn(&KAFKA_UPGRADE, message));
        }
    }
    let last = custom.status_text("/operatorLastSuccessfulVersion");
    if let Some(operator) = operator_version(related)
        && !last.is_empty()
        && base(last) != base(operator)
    {
        let message = format!("last reconciled in full by operator {last}; the operator is {operator}");
        verdict = verdict.and(Verdict::warn(&KAFKA_UPGRADE, message));
    }
    verdict
}

/// A setting that is written as a number or as text.
fn setting(custom: &Custom, name: &str) -> Option<i64> {
    match custom.spec_at("/kafka/config")?.get(name)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// How many nodes of a role the node pools want; `None` when no pool of this cluster was read.
fn wanted(object: &Object, role: &str, related: &Related<'_>) -> Option<usize> {
    if role == "zookeeper" {
        return None;
    }
    let pools = related.inventory.in_namespace(GROUP, "KafkaNodePool", &object.meta.namespace);
    let mut mine = pools.iter().filter(|pool| pool.meta.labels.has(CLUSTER_LABEL, &object.meta.name)).peekable();
    mine.peek()?;
    let count = mine
        .filter_map(Object::custom)
        .filter(|pool| pool.spec_list("/roles").iter().any(|entry| entry.as_str() == Some(role)))
        .map(|pool| usize::try_from(pool.spec_number("/replicas").unwrap_or(0)).unwrap_or(0))
        .fold(0, usize::saturating_add);
    Some(count)
}

/// The roles of a cluster's pods. Pods bear `strimzi.io/ROLE-role` since operators know node pools; before,
/// and for ZooKeeper (operators before 0.46), only `strimzi.io/name: CLUSTER-kafka` or `-zookeeper`.
const ROLES: [&str; 3] = ["broker", "controller", "zookeeper"];

/// The pods of a role, and how many there should be.
fn of_role<'a>(
    role: &str,
    all: &[&'a Object],
    object: &Object,
    custom: &Custom,
    related: &Related<'_>,
) -> (Vec<&'a Object>, usize) {
    let key = format!("strimzi.io/{role}-role");
    let component = if role == "broker" { "kafka" } else { role };
    let name = format!("{}-{component}", object.meta.name);
    let has_roles = |pod: &Object| pod.meta.labels.get("strimzi.io/broker-role").is_some();
    let is_of = |pod: &&&Object| {
        pod.meta.labels.has(&key, "true") || (!has_roles(pod) && pod.meta.labels.has("strimzi.io/name", &name))
    };
    let pods: Vec<&Object> = all.iter().filter(is_of).copied().collect();
    let by_spec =
        || custom.spec_number(&format!("/{component}/replicas")).and_then(|count| usize::try_from(count).ok());
    let wanted = wanted(object, role, related).or_else(|| by_spec().filter(|_| role != "controller"));
    let total = wanted.unwrap_or(0).max(pods.len());
    (pods, total)
}

fn nodes(
    mut verdict: Verdict,
    is_new: bool,
    object: &Object,
    custom: &Custom,
    related: &Related<'_>,
    now: Timestamp,
) -> Verdict {
    let namespace = &object.meta.namespace;
    if !related.inventory.was_read("", "Pod", namespace) {
        return verdict;
    }
    let all: Vec<&Object> = related.pods_labelled(namespace, CLUSTER_LABEL, &object.meta.name).collect();
    for role in ROLES {
        let (pods, total) = of_role(role, &all, object, custom, related);
        let ready = pods.len() - unready(&pods).len();
        if total == 0 || ready >= total {
            continue;
        }
        let lack = format!("{ready} of {} ready", text::plural(total, role));
        let is_quorum = role != "broker";
        let finding = if is_new {
            Verdict::progressing(&KAFKA_CREATING, lack)
        } else if is_quorum && ready.saturating_mul(2) <= total {
            Verdict::fail(&KAFKA_QUORUM, format!("{lack}: no majority, so no metadata can change"))
        } else if is_quorum {
            Verdict::warn(&KAFKA_CONTROLLERS, lack)
        } else {
            let least = setting(custom, "min.insync.replicas").unwrap_or(1).max(1);
            if i64::try_from(ready).unwrap_or(i64::MAX) < least {
                Verdict::fail(&KAFKA_BROKERS, format!("{lack}, but min.insync.replicas is {least}: writes are refused"))
            } else {
                Verdict::warn(&KAFKA_BROKERS, lack)
            }
        };
        let causes = unready(&pods);
        let found = blame_pods(finding, &pods, related, now);
        // The cause is the same whichever finding leads.
        for pod in causes.into_iter().take(10) {
            verdict = verdict.blame(pod.reference());
        }
        let blames = verdict.blames.clone();
        verdict = verdict.and(found);
        for blame in blames {
            verdict = verdict.blame(blame);
        }
    }
    verdict
}

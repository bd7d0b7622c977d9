//! What is looked at before brokers come or go: the cluster, its operator, the replicas of topics, and where data is.

use super::rebalance::{self, Moving};
use super::{Around, GROUP, is_pool_of};
use crate::preflight::{check, operator, unread};
use crate::situation::Situation;
use mlops_shared::health::{Related, assess};
use mlops_shared::object::{Custom, Object, find_condition};
use mlops_shared::report::{Level, Preflight, Refusal};
use mlops_shared::text::plural;
use serde_json::Value;

/// Topics that are named.
const NAMED: usize = 8;
/// Settings of a cluster that ask for so many brokers, and whether that is for good: what is set below makes new topics
/// or acknowledged writes impossible.
const NEEDS: [&str; 5] = [
    "default.replication.factor",
    "offsets.topic.replication.factor",
    "transaction.state.log.replication.factor",
    "min.insync.replicas",
    "transaction.state.log.min.isr",
];

/// Whether anybody acts on the cluster: not paused, and its operator runs and is not behind.
pub(super) fn acted_on(situation: &Situation<'_>, around: &Around<'_>) -> (Vec<Preflight>, Vec<Refusal>) {
    let (mut checks, mut refusals) = (Vec::new(), Vec::new());
    let conditions = around.custom.conditions();
    let is_paused = |object: &Object| object.meta.annotations.get("strimzi.io/pause-reconciliation") == Some("true");
    let says_paused = find_condition(&conditions, "ReconciliationPaused").is_some_and(|it| it.is_true());
    if is_paused(around.kafka) || is_paused(situation.object) || says_paused {
        let reason = format!("the reconciliation of {} is paused: nothing would follow", around.kafka.reference());
        let command = format!(
            "kubectl annotate kafka {} -n {} strimzi.io/pause-reconciliation-",
            around.name, around.kafka.meta.namespace
        );
        let refusal = situation.refusal("paused", reason, &["end the pause first, once whoever made it agrees"]);
        refusals.push(Refusal { command: Some(command), ..refusal });
    }
    let operator = operator(situation, "strimzi-cluster-operator");
    if operator.verdict == Level::Fail {
        refusals.push(situation.refusal("operator-down", operator.message.clone(), &["bring the operator back first"]));
    }
    let generation = around.kafka.meta.generation.zip(around.custom.observed_generation());
    match generation.filter(|(generation, seen)| seen < generation) {
        Some((generation, seen)) if operator.verdict != Level::Fail => {
            let reason =
                format!("the operator is behind: it has seen generation {seen} of {generation} of the cluster");
            refusals.push(situation.refusal("operator-behind", reason, &["wait for it, or look at its log"]));
        }
        _ => {}
    }
    // What fails here is a refusal already.
    if operator.verdict != Level::Fail {
        checks.push(operator);
    }
    let related = Related { inventory: situation.inventory, limits: &situation.platform.thresholds };
    let verdict = assess(around.kafka, &related, situation.now);
    let (level, what) = match verdict.level {
        Level::Ok => (Level::Ok, "the cluster is well before"),
        Level::Unknown => (Level::Unknown, "nobody can tell how the cluster is before"),
        _ => (Level::Warn, "the cluster is not well before"),
    };
    let message = format!("{what}: {} [{}]", verdict.message, verdict.code.id);
    checks.push(check("cluster", level, message, verdict.evidence.iter().take(8).cloned().collect()));
    (checks, refusals)
}

/// Whether so many brokers can hold what topics and settings ask for.
pub(super) fn replication(situation: &Situation<'_>, around: &Around<'_>, left: u32) -> (Preflight, Option<Refusal>) {
    let brokers = plural(left as usize, "broker");
    let mut over = Vec::new();
    let config = |key: &str| number(around.custom.spec_at("/kafka/config").and_then(|config| config.get(key)));
    for key in NEEDS {
        if let Some(needs) = config(key).filter(|needs| *needs > i64::from(left)) {
            over.push(format!("{key} is {needs}"));
        }
    }
    let namespace = &situation.object.meta.namespace;
    let topics = situation.inventory.in_namespace(GROUP, "KafkaTopic", namespace).iter();
    let own = topics.filter(|topic| topic.meta.labels.has(super::CLUSTER, around.name));
    let default = config("default.replication.factor").unwrap_or(1);
    let (mut count, mut tight) = (0, Vec::new());
    for (topic, custom) in own.filter_map(|topic| Some((topic, topic.custom()?))) {
        count += 1;
        // Minus one and nothing mean what the cluster says.
        let replicas = custom.spec_number("/replicas").filter(|replicas| *replicas > 0).unwrap_or(default);
        let least = number(custom.spec_at("/config").and_then(|config| config.get("min.insync.replicas")))
            .or_else(|| config("min.insync.replicas"))
            .unwrap_or(1);
        let name = &topic.meta.name;
        if replicas > i64::from(left) {
            over.push(format!("topic {name} has {replicas} replicas"));
        } else if least > i64::from(left) {
            over.push(format!("topic {name} needs {least} replicas in sync for a write"));
        } else if least == i64::from(left) || (replicas == i64::from(left) && least == replicas) {
            tight.push(format!("topic {name} needs all {least} in sync for a write: none may fail"));
        }
    }
    if !over.is_empty() {
        let reason = format!("{brokers} would be left, and more are needed: {}", list(&over));
        let hints = ["keep as many brokers as the largest number of replicas, or lower that first"];
        let refusal = situation.refusal("too-few-for-replicas", reason.clone(), &hints);
        return (check("replication", Level::Fail, reason, over.into_iter().take(NAMED).collect()), Some(refusal));
    }
    if let Some(gap) = unread(situation, GROUP, "KafkaTopic") {
        let message = format!("whether topics have more replicas than {brokers} is not known: {gap}");
        return (check("replication", Level::Unknown, message, Vec::new()), None);
    }
    let told = format!("of {}; topics without a KafkaTopic are not seen", plural(count, "KafkaTopic"));
    if tight.is_empty() {
        let message = format!("{brokers} can hold the replicas {told}");
        return (check("replication", Level::Ok, message, Vec::new()), None);
    }
    let message = format!("{brokers} can hold the replicas {told}, and no broker may fail then");
    (check("replication", Level::Warn, message, tight.into_iter().take(NAMED).collect()), None)
}

/// A number of a Kafka setting, which may be written as a text.
fn number(value: Option<&Value>) -> Option<i64> {
    match value? {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_i64(),
    }
}

fn list(lines: &[String]) -> String {
    let more = lines.len().saturating_sub(NAMED);
    let shown = lines.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{shown}, and {more} more") } else { shown }
}

/// Rebalances of the cluster with their states; templates left out.
pub(super) fn rebalances<'a>(
    situation: &'a Situation<'_>,
    around: &Around<'_>,
) -> Vec<(&'a Object, &'a Custom, Moving)> {
    let all = situation.inventory.in_namespace(GROUP, "KafkaRebalance", &situation.object.meta.namespace).iter();
    let own = all.filter(|it| it.meta.labels.has(super::CLUSTER, around.name) && !rebalance::is_template(it));
    own.filter_map(|it| {
        let custom = it.custom()?;
        Some((it, custom, rebalance::state(custom)))
    })
    .collect()
}

/// Whether the brokers that go hold nothing: a rebalance has taken all off them, or the operator does it by itself.
pub(super) fn drained(situation: &Situation<'_>, around: &Around<'_>, ids: &[u32]) -> Option<Preflight> {
    let brokers = super::ids::brokers(ids);
    let done = rebalances(situation, around)
        .into_iter()
        .find(|(_, custom, state)| *state == Moving::Done && rebalance::covers(custom, "remove-brokers", ids));
    if let Some((object, custom, _)) = done {
        let conditions = custom.conditions();
        let since = find_condition(&conditions, "Ready").and_then(|it| it.since());
        let at = since.map_or_else(String::new, |since| format!(" at {since}"));
        let message = format!(
            "KafkaRebalance {} has moved all partitions off {brokers}{at}; what came later the operator looks for",
            object.meta.name
        );
        return Some(check("drained", Level::Ok, message, Vec::new()));
    }
    around.moves_by_itself("remove-brokers").then(|| {
        let message = format!("the operator moves all partitions off {brokers} first (autoRebalance)");
        check("drained", Level::Ok, message, Vec::new())
    })
}

/// Pools of the cluster that are on their way already.
pub(super) fn unsettled(situation: &Situation<'_>, around: &Around<'_>) -> Vec<String> {
    let own = situation.inventory.in_namespace(GROUP, "KafkaNodePool", &situation.object.meta.namespace).iter();
    let own = own.filter(|pool| is_pool_of(pool, around.name)).filter_map(|pool| Some((pool, pool.custom()?)));
    own.filter_map(|(pool, custom)| {
        let (wanted, there) = (custom.spec_number("/replicas")?, custom.status_list("/nodeIds").len());
        let is_so = usize::try_from(wanted).ok() == Some(there);
        (!is_so).then(|| format!("pool {}: {there} nodes, {wanted} are wanted", pool.meta.name))
    })
    .collect()
}

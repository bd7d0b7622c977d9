//! Kafka of Strimzi: node pools of brokers, and clusters of the ZooKeeper era, whose replicas are in the Kafka object.

mod checks;
pub(crate) mod ids;
mod pods;
pub(crate) mod rebalance;
mod steps;
#[cfg(test)]
mod tests;
mod told;

use super::Target;
use crate::plan::Draft;
use crate::progress::{Look, Progress};
use crate::settings::{Ask, Goal};
use crate::situation::{Replicas, Situation};
use crate::status::Item;
use jiff::Timestamp;
use mlops_shared::cli::Failure;
use mlops_shared::object::{Custom, Lookup, Object};
use mlops_shared::text::plural;
use serde_json::Value;
use std::collections::BTreeSet;

/// The API group.
pub(crate) const GROUP: &str = "kafka.strimzi.io";
/// Names the cluster of what belongs to one.
pub(crate) const CLUSTER: &str = "strimzi.io/cluster";
/// Why the operator does not let brokers go.
const PREVENTED: &str = "ScaleDownPreventionCheck";

const KINDS: &[(&str, &str)] = &[
    ("apps", "Deployment"),
    (GROUP, "Kafka"),
    (GROUP, "KafkaNodePool"),
    (GROUP, "KafkaRebalance"),
    (GROUP, "KafkaTopic"),
];

/// Whether a kind is that of a whole cluster.
pub(crate) fn is_cluster(group: &str, kind: &str) -> bool {
    (group, kind) == (GROUP, "Kafka")
}

/// Whether a word means a whole cluster.
pub(crate) fn is_word(word: &str) -> bool {
    let word = word.to_lowercase();
    let name = word.split('.').next().unwrap_or_default();
    matches!(name, "kafka" | "kafkas" | "k")
}

/// Whether an object is a node pool of a cluster.
pub(crate) fn is_pool_of(object: &Object, cluster: &str) -> bool {
    object.is(GROUP, "KafkaNodePool") && object.meta.labels.has(CLUSTER, cluster)
}

/// Whether the replicas of the brokers are in the Kafka object itself, as before node pools (Strimzi before 0.46).
pub(crate) fn has_own_brokers(kafka: &Value) -> bool {
    let annotations = kafka.get("metadata").and_then(|meta| meta.get("annotations"));
    let is_pooled = annotations.and_then(|it| it.get("strimzi.io/node-pools")).and_then(Value::as_str);
    kafka.pointer("/spec/kafka/replicas").is_some_and(Value::is_number) && is_pooled != Some("enabled")
}

/// The one pool that brokers alone are in.
///
/// # Errors
/// When there is none, or more than one: then the person has to name it.
pub(crate) fn broker_pool(pools: &[&Object], namespace: &str, cluster: &str) -> Result<String, Failure> {
    let brokers: Vec<&&Object> =
        pools.iter().filter(|pool| pool.custom().is_some_and(|custom| has_role(custom, "broker"))).collect();
    match brokers.as_slice() {
        [one] => Ok(one.meta.name.to_string()),
        [] => Err(Failure::usage(format!("Kafka {namespace}/{cluster} has no node pool of brokers"))
            .hint(format!("pools bear the label {CLUSTER}={cluster}"))),
        several => {
            let lines = several.iter().map(|pool| {
                let replicas = pool.custom().and_then(|custom| custom.spec_number("/replicas")).unwrap_or(0);
                format!("{} ({})", pool.meta.name, plural(usize::try_from(replicas).unwrap_or(0), "node"))
            });
            let failure = Failure::usage(format!(
                "Kafka {namespace}/{cluster} has {} pools with brokers: {}",
                several.len(),
                lines.collect::<Vec<_>>().join(", ")
            ));
            Err(failure.hint(format!(
                "name the one: kubectl mlops scale kafkanodepool/{} -n {namespace} --replicas N",
                several[0].meta.name
            )))
        }
    }
}

fn has_role(pool: &Custom, role: &str) -> bool {
    pool.spec_list("/roles").iter().any(|it| it.as_str() == Some(role))
}

fn numbers(list: &[Value]) -> BTreeSet<u32> {
    list.iter().filter_map(Value::as_u64).filter_map(|id| u32::try_from(id).ok()).collect()
}

/// A cluster around what is scaled.
struct Around<'a> {
    name: &'a str,
    kafka: &'a Object,
    custom: &'a Custom,
    /// All its node pools.
    pools: Vec<(&'a Object, &'a Custom)>,
}

impl<'a> Around<'a> {
    /// The cluster of this name, and its pools.
    fn of(situation: &'a Situation<'_>, name: &'a str) -> Result<Self, Lookup<'a>> {
        let namespace = &situation.object.meta.namespace;
        let lookup = situation.inventory.get(GROUP, "Kafka", namespace, name);
        let Lookup::Found(kafka) = lookup else { return Err(lookup) };
        let custom = kafka.custom().ok_or(Lookup::Unread)?;
        let pools = situation.inventory.in_namespace(GROUP, "KafkaNodePool", namespace).iter();
        let pools = pools.filter(|pool| is_pool_of(pool, name)).filter_map(|pool| Some((pool, pool.custom()?)));
        Ok(Self { name, kafka, custom, pools: pools.collect() })
    }

    /// Brokers that are wanted in all pools but one.
    fn other_brokers(&self, pool: &str) -> u32 {
        let others =
            self.pools.iter().filter(|(object, custom)| *object.meta.name != *pool && has_role(custom, "broker"));
        let replicas = others.filter_map(|(_, custom)| u32::try_from(custom.spec_number("/replicas")?).ok());
        replicas.fold(0, u32::saturating_add)
    }

    /// Ids of all nodes.
    fn ids(&self) -> BTreeSet<u32> {
        self.pools.iter().flat_map(|(_, custom)| numbers(custom.status_list("/nodeIds"))).collect()
    }

    /// Whether Cruise Control is part of it.
    fn has_cruise_control(&self) -> bool {
        self.custom.spec_at("/cruiseControl").is_some()
    }

    /// Whether the operator moves partitions by itself when it is scaled this way (Strimzi since 0.44).
    fn moves_by_itself(&self, mode: &str) -> bool {
        let modes = self.custom.spec_list("/cruiseControl/autoRebalance").iter();
        modes.filter_map(|it| it.get("mode").and_then(Value::as_str)).any(|it| it == mode)
    }

    /// Why the operator holds a shrinking back, where it does.
    fn prevented(&self) -> Option<String> {
        let conditions = self.custom.conditions();
        let found = conditions.iter().find(|it| &*it.reason == PREVENTED && it.is_true())?;
        Some(found.message.to_string())
    }
}

/// A node pool.
#[derive(Debug)]
pub(crate) struct NodePool;

impl Target for NodePool {
    fn claims(&self, group: &str, kind: &str) -> bool {
        (group, kind) == (GROUP, "KafkaNodePool")
    }

    fn kinds(&self) -> &'static [(&'static str, &'static str)] {
        KINDS
    }

    fn takes(&self, goal: &Goal) -> bool {
        matches!(goal, Goal::Replicas | Goal::Brokers)
    }

    fn beside(&self, json: &Value) -> Option<(&'static str, &'static str, String)> {
        let labels = json.get("metadata")?.get("labels")?;
        Some((GROUP, "Kafka", labels.get(CLUSTER)?.as_str()?.to_owned()))
    }

    fn draft(&self, situation: &Situation<'_>, draft: &mut Draft) {
        steps::pool(situation, draft);
    }

    fn reached(&self, goal: u32) -> String {
        format!("all {} of the pool are ready", plural(goal as usize, "node"))
    }

    fn progress(&self, look: &Look<'_>) -> Progress {
        let status = |field: &str| look.json.get("status").and_then(|status| status.get(field));
        let nodes = status("nodeIds").and_then(Value::as_array).map_or(0, Vec::len);
        progress(look, u32::try_from(nodes).unwrap_or(u32::MAX))
    }
}

/// A cluster whose brokers are counted in the Kafka object.
#[derive(Debug)]
pub(crate) struct Cluster;

impl Target for Cluster {
    fn claims(&self, group: &str, kind: &str) -> bool {
        is_cluster(group, kind)
    }

    fn kinds(&self) -> &'static [(&'static str, &'static str)] {
        KINDS
    }

    fn needs_scale(&self) -> bool {
        false
    }

    fn takes(&self, goal: &Goal) -> bool {
        matches!(goal, Goal::Replicas | Goal::Brokers)
    }

    fn replicas(&self, json: &Value) -> Option<Replicas> {
        let name = json.get("metadata").and_then(|meta| meta.get("name")).and_then(Value::as_str).unwrap_or_default();
        let wanted = json.pointer("/spec/kafka/replicas").and_then(Value::as_u64)?;
        let wanted = u32::try_from(wanted).ok()?;
        let selector = format!("{CLUSTER}={name},strimzi.io/name={name}-kafka");
        Some(Replicas { wanted, current: wanted, selector })
    }

    fn path(&self, _: &Ask, _: &Value) -> Option<&'static str> {
        Some(".spec.kafka.replicas")
    }

    fn beside(&self, json: &Value) -> Option<(&'static str, &'static str, String)> {
        let name = json.get("metadata")?.get("name")?.as_str()?;
        Some((GROUP, "Kafka", name.to_owned()))
    }

    fn told(&self, object: &Object, _: Timestamp) -> Vec<Item> {
        told::told(object)
    }

    fn draft(&self, situation: &Situation<'_>, draft: &mut Draft) {
        steps::cluster(situation, draft);
    }

    fn reached(&self, goal: u32) -> String {
        format!("all {} are ready", plural(goal as usize, "broker"))
    }

    fn progress(&self, look: &Look<'_>) -> Progress {
        // The object does not count its brokers: their pods do.
        progress(look, look.goal)
    }
}

/// How far it is: seen by the operator, not held back, so many nodes, and all of them ready.
fn progress(look: &Look<'_>, nodes: u32) -> Progress {
    if look.wanted != look.goal {
        return look.reverted();
    }
    let waiting = |summary: String| Progress::Waiting { summary, reasons: look.reasons() };
    let number = |pointer: &str| look.json.pointer(pointer).and_then(Value::as_u64);
    let conditions = look.beside.and_then(|kafka| kafka.pointer("/status/conditions")).and_then(Value::as_array);
    let prevented = conditions.into_iter().flatten().find(|it| {
        let text = |key: &str| it.get(key).and_then(Value::as_str);
        text("reason") == Some(PREVENTED) && text("status") == Some("True")
    });
    let pods = look.pods.of_kind("", "Pod");
    let goal = look.goal as usize;
    let is_larger = nodes > look.goal || pods.len() > goal;
    if let Some(condition) = prevented.filter(|_| is_larger) {
        let said = condition.get("message").and_then(Value::as_str).unwrap_or("without a message");
        return Progress::Refused {
            why: format!("the operator keeps the brokers, for they hold partitions: {said}"),
            hints: vec![
                "the wish stays in the spec, and is fulfilled once they are empty: --rebalance moves partitions off them".to_owned(),
            ],
        };
    }
    let (seen, generation) = (number("/status/observedGeneration"), number("/metadata/generation"));
    if seen.zip(generation).is_some_and(|(seen, generation)| seen < generation) {
        return waiting("the operator has not seen the change yet".to_owned());
    }
    if nodes != look.goal {
        return waiting(format!("{nodes} of {} nodes", look.goal));
    }
    if look.pods.section("", "Pod").is_none() {
        // Pods may not be read: the cluster's own word must do.
        let is_ready = look.beside.and_then(|kafka| kafka.pointer("/status/conditions")).and_then(Value::as_array);
        let is_ready = is_ready.into_iter().flatten().any(|it| {
            let text = |key: &str| it.get(key).and_then(Value::as_str);
            text("type") == Some("Ready") && text("status") == Some("True")
        });
        return if is_ready { Progress::Reached } else { waiting("the cluster is not ready".to_owned()) };
    }
    let ready = pods.iter().filter(|pod| pod.pod().is_some_and(mlops_shared::object::Pod::is_ready)).count();
    if pods.len() != goal || ready != goal {
        return waiting(format!("{ready} of {goal} nodes are ready, {} there", plural(pods.len(), "pod")));
    }
    Progress::Reached
}

//! The steps of a change of brokers, and what forbids it.

use super::rebalance::{self, Moving};
use super::{Around, CLUSTER, GROUP, checks, ids, pods};
use crate::plan::{Draft, Gate, Write};
use crate::preflight::{check, room};
use crate::situation::{Situation, id};
use mlops_shared::object::Lookup;
use mlops_shared::report::{Level, ObjectId, Refusal, Risk, Step};
use mlops_shared::text::plural;
use serde_json::{Value, json};

/// The highest id that a broker may have, unless the cluster says otherwise (Kafka, `reserved.broker.max.id`).
const HIGHEST_ID: u32 = 999;
/// Lets the operator remove brokers with the data on them.
const SKIP: &str = "strimzi.io/skip-broker-scaledown-check";

/// A change of brokers.
struct Change<'a> {
    around: Around<'a>,
    /// The ids that come or go; empty where they are not known.
    ids: Vec<u32>,
    /// Brokers of the cluster after it.
    left: u32,
    /// How nodes are called in front of their id.
    prefix: String,
    pool: Option<&'a str>,
}

/// Plans a change of a node pool.
pub(super) fn pool(situation: &Situation<'_>, draft: &mut Draft) {
    let (from, to) = (situation.replicas.wanted, situation.to());
    let name = &situation.object.meta.name;
    if let Some(refusal) = controllers(situation) {
        draft.refuse(refusal);
        return;
    }
    let Some(cluster) = situation.object.meta.labels.get(CLUSTER) else {
        let reason = format!("it has no label {CLUSTER}: it belongs to no cluster, and no operator acts on it");
        draft.refuse(situation.refusal("no-cluster", reason, &[]));
        return;
    };
    let Some(around) = around(situation, draft, cluster) else { return };
    let own: std::collections::BTreeSet<u32> =
        super::numbers(situation.json.pointer("/status/nodeIds").and_then(Value::as_array).map_or(&[], Vec::as_slice));
    if !own.is_empty() && own.len() != from as usize {
        let lines = checks::unsettled(situation, &around);
        let message = "a change before has not ended: which nodes come or go is as the pool is now";
        draft.plan.preflight.push(check("nodes", Level::Warn, message, lines));
    }
    let asked = |key: &str| situation.object.meta.annotations.get(key);
    for key in [ids::NEXT, ids::REMOVE] {
        if let Some(text) = asked(key).filter(|text| ids::parse(text).is_none()) {
            let message = format!("the operator ignores {key}: {text:?} is no list of ids");
            draft.plan.preflight.push(check("nodes", Level::Warn, message, Vec::new()));
        }
    }
    let there = u32::try_from(own.len()).unwrap_or(u32::MAX);
    let ids = match () {
        // A pool without a status: what its ids are the operator has not said yet.
        () if own.is_empty() && from > 0 => {
            let message = "which ids its nodes have is not known: its status does not say";
            draft.plan.preflight.push(check("nodes", Level::Unknown, message, Vec::new()));
            Vec::new()
        }
        () if to > there => ids::added(&around.ids(), to - there, asked(ids::NEXT)),
        () => ids::removed(&own, there.saturating_sub(to), asked(ids::REMOVE)),
    };
    let left = around.other_brokers(name).saturating_add(to);
    let prefix = format!("{cluster}-{name}");
    let change = Change { around, ids, left, prefix, pool: Some(name) };
    let write = (Write::Scale(to), "spec.replicas");
    if to > from { up(situation, draft, &change, write) } else { down(situation, draft, &change, write) }
}

/// Plans a change of a cluster of the ZooKeeper era.
pub(super) fn cluster(situation: &Situation<'_>, draft: &mut Draft) {
    let (from, to) = (situation.replicas.wanted, situation.to());
    if !super::has_own_brokers(situation.json) {
        let reason = "it has no replicas of its own: its node pools have";
        draft.refuse(situation.refusal("pools-have-them", reason, &["scale kafkanodepool/NAME"]));
        return;
    }
    let Some(around) = around(situation, draft, &situation.object.meta.name) else { return };
    draft.plan.notes.push(
        "a cluster of before node pools: Strimzi 0.46 and later do not run it, and the operator must be older"
            .to_owned(),
    );
    // Ids are the ordinals of the pods.
    let ids = if to > from { (from..to).collect() } else { (to..from).collect() };
    let prefix = format!("{}-kafka", around.name);
    let change = Change { around, ids, left: to, prefix, pool: None };
    let patch = json!({"spec": {"kafka": {"replicas": to}}});
    let write = (Write::Change(patch), "spec.kafka.replicas");
    if to > from { up(situation, draft, &change, write) } else { down(situation, draft, &change, write) }
}

/// Controllers do not scale: the quorum's members are fixed when the cluster is made.
fn controllers(situation: &Situation<'_>) -> Option<Refusal> {
    let roles = situation.json.pointer("/spec/roles").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let has = |role: &str| roles.iter().any(|it| it.as_str() == Some(role));
    let what = match (has("controller"), has("broker")) {
        (false, true) => return None,
        (true, true) => {
            "its nodes are controllers too: Strimzi does not scale those, and another number of them can cost the quorum"
        }
        (true, false) => {
            "its nodes are controllers: Strimzi does not scale them, and another number of them can cost the quorum"
        }
        (false, false) => "what its nodes do is not known: it names no role",
    };
    let hints: &[&str] = if has("broker") {
        &["add a pool with the role broker alone, and scale that"]
    } else {
        &["brokers are in pools of their own: `kubectl mlops scale kafka/NAME --brokers N` finds them"]
    };
    Some(situation.refusal("controllers-do-not-scale", what, hints))
}

fn around<'a>(situation: &'a Situation<'_>, draft: &mut Draft, cluster: &'a str) -> Option<Around<'a>> {
    let around = match Around::of(situation, cluster) {
        Ok(around) => around,
        Err(Lookup::Missing) => {
            let reason = format!("its cluster, Kafka {cluster}, is not there: no operator acts on it");
            draft.refuse(situation.refusal("cluster-missing", reason, &[]));
            return None;
        }
        Err(_) => {
            let reason = format!("its cluster, Kafka {cluster}, was not read");
            let refusal = situation.refusal("cluster-unread", reason, &["grant get and list on kafkas"]);
            draft.refuse(Refusal { unsure: true, ..refusal });
            return None;
        }
    };
    let (checks, refusals) = checks::acted_on(situation, &around);
    draft.plan.preflight.extend(checks);
    refusals.into_iter().for_each(|refusal| draft.refuse(refusal));
    Some(around)
}

fn nodes(change: &Change<'_>, count: u32) -> String {
    let brokers = plural(count as usize, "broker");
    match change.ids.as_slice() {
        [] => brokers,
        [one] => format!("broker {one} (pod {}-{one})", change.prefix),
        ids => {
            let pods: Vec<String> = ids.iter().take(6).map(|id| format!("{}-{id}", change.prefix)).collect();
            let more = if ids.len() > 6 { ", …" } else { "" };
            format!("{} (pods {}{more})", ids::brokers(ids), pods.join(", "))
        }
    }
}

fn scale(situation: &Situation<'_>, field: &str, effect: String, risk: Risk) -> Step {
    let (from, to) = (situation.replicas.wanted, situation.to());
    Step {
        from: Some(from.into()),
        to: Some(to.into()),
        undo: Some(situation.command(&situation.flags(from))),
        ..situation.step("scale", field, effect, risk)
    }
}

fn up(situation: &Situation<'_>, draft: &mut Draft, change: &Change<'_>, (write, field): (Write, &str)) {
    let around = &change.around;
    let more = situation.to() - situation.replicas.wanted;
    let spec = match change.pool {
        Some(_) => situation.json.get("spec"),
        None => situation.json.pointer("/spec/kafka"),
    };
    let template = pods::template(around, change.pool, spec.unwrap_or(&Value::Null));
    // Of nodes whose ids are not known, the claims have no name.
    let names = change.ids.iter().map(|id| Some(format!("{}-{id}", change.prefix)));
    let names = names.chain(std::iter::repeat(None)).take(more as usize);
    let storage = spec.and_then(|spec| spec.get("storage"));
    let claims: Vec<_> = names.map(|pod| pods::claims(storage, pod.as_deref())).collect();
    draft.plan.preflight.extend(room(situation, &template, more, &claims));
    let reserved = around.custom.spec_at("/kafka/config").and_then(|config| config.get("reserved.broker.max.id"));
    let highest = reserved.and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok()).unwrap_or(HIGHEST_ID);
    if let Some(id) = change.ids.iter().find(|id| **id > highest) {
        let reason = format!("a broker would get the id {id}, above the highest that is allowed, {highest}");
        let hints = ["free lower ids, or raise reserved.broker.max.id in the cluster's config"];
        draft.refuse(situation.refusal("id-too-high", reason, &hints));
    }
    let effect = format!("adds {}; nothing else restarts", nodes(change, more));
    draft.push(scale(situation, field, effect, Risk::None), write);
    let brokers = ids::brokers(&change.ids);
    if around.moves_by_itself("add-brokers") {
        let message = "the operator moves partitions to the new brokers by itself (autoRebalance)";
        draft.plan.preflight.push(check("balance", Level::Ok, message, Vec::new()));
        if situation.ask.rebalance {
            draft.plan.notes.push("--rebalance adds nothing: the cluster has autoRebalance for it".to_owned());
        }
    } else if !situation.ask.rebalance {
        let how = if around.has_cruise_control() {
            "--rebalance moves some to them"
        } else {
            "the cluster has no Cruise Control, so that only kafka-reassign-partitions moves some to them"
        };
        let message = format!("new brokers stay empty but for new topics: {how}");
        draft.plan.preflight.push(check("balance", Level::Warn, message, Vec::new()));
    } else if can_rebalance(situation, draft, change) {
        let wait = situation.step("wait", "", format!("until {brokers} can take partitions"), Risk::None);
        draft.push(wait, Write::Await(Gate::Settled));
        moving(situation, draft, change, "add-brokers");
    }
}

fn down(situation: &Situation<'_>, draft: &mut Draft, change: &Change<'_>, (write, field): (Write, &str)) {
    let around = &change.around;
    let fewer = situation.replicas.wanted - situation.to();
    if let Some(said) = around.prevented() {
        let reason = format!("the operator holds a shrinking of the cluster back already: {said}");
        let hints = ["it reverts all pools that shrink, until the brokers that would go hold no partitions"];
        draft.refuse(situation.refusal("scale-down-prevented", reason, &hints));
    }
    if change.left == 0 {
        draft.refuse(situation.refusal("no-broker-left", "no broker of the cluster would be left", &[]));
        return;
    }
    let (replication, refusal) = checks::replication(situation, around, change.left);
    match refusal {
        Some(refusal) => draft.refuse(refusal),
        None => draft.plan.preflight.push(replication),
    }
    let skips = around.kafka.meta.annotations.get(SKIP) == Some("true");
    let drained = checks::drained(situation, around, &change.ids).filter(|_| !change.ids.is_empty());
    let mut is_safe = drained.is_some();
    match drained {
        Some(drained) => draft.plan.preflight.push(drained),
        None if situation.ask.rebalance => {
            if can_rebalance(situation, draft, change) {
                moving(situation, draft, change, "remove-brokers");
                is_safe = true;
            }
        }
        None => not_drained(situation, draft, change, skips),
    }
    let risk = if skips && !is_safe { Risk::DataLoss } else { Risk::Disruption };
    let check = match skips {
        true => format!("; {SKIP} is set, so that nobody looks whether they hold partitions"),
        false => "; the operator keeps them if they hold partitions".to_owned(),
    };
    let effect = format!("removes {}{check}", nodes(change, fewer));
    draft.push(scale(situation, field, effect, risk), write);
}

/// Brokers that may hold partitions do not go, unless the person knows better.
fn not_drained(situation: &Situation<'_>, draft: &mut Draft, change: &Change<'_>, skips: bool) {
    let brokers = ids::brokers(&change.ids);
    let who = if skips { "and the operator is told not to look" } else { "and the operator would keep them" };
    let reason = format!("{brokers} may hold partitions, {who}: nothing has moved them off");
    if situation.ask.ignore_preflight {
        draft.plan.preflight.push(check("drained", Level::Warn, reason, Vec::new()));
        return;
    }
    if change.around.has_cruise_control() {
        let hints = ["--rebalance moves them off first, and waits", "--ignore-preflight leaves it to the operator"];
        let command = situation.command(&format!("{} --rebalance", situation.flags(situation.to())));
        // Where something else forbids it too, this would not do.
        let command = Some(command).filter(|_| draft.plan.refusals.is_empty());
        draft.refuse(Refusal { command, ..situation.refusal("not-drained", reason, &hints) });
    } else {
        let hints = [
            "the cluster has no Cruise Control: kafka-reassign-partitions.sh moves them, or add spec.cruiseControl",
            "--ignore-preflight leaves it to the operator, once they are moved",
        ];
        draft.refuse(situation.refusal("not-drained", reason, &hints));
    }
}

/// Whether Cruise Control can be asked now.
fn can_rebalance(situation: &Situation<'_>, draft: &mut Draft, change: &Change<'_>) -> bool {
    if !change.around.has_cruise_control() {
        let reason = "the cluster has no Cruise Control, which would move the partitions";
        let hints = ["add spec.cruiseControl: {} to the Kafka, and wait until it is ready"];
        draft.refuse(situation.refusal("no-cruise-control", reason, &hints));
        return false;
    }
    if change.ids.is_empty() {
        let reason = "which brokers to move partitions to or off is not known: the pool's status does not say";
        draft.refuse(Refusal { unsure: true, ..situation.refusal("ids-unknown", reason, &[]) });
        return false;
    }
    let mut gaps = [("KafkaRebalance", GROUP)]
        .into_iter()
        .filter_map(|(kind, group)| crate::preflight::unread(situation, group, kind));
    if let Some(gap) = gaps.next() {
        let message = format!("whether a rebalance runs already is not known: {gap}");
        draft.plan.preflight.push(check("rebalance", Level::Unknown, message, Vec::new()));
    }
    let running = change.around.custom.status_text("/autoRebalance/state");
    if !matches!(running, "" | "Idle") {
        let reason = format!("the operator moves partitions already ({running})");
        draft.refuse(situation.refusal("rebalance-runs", reason, &["wait for its end"]));
        return false;
    }
    true
}

/// The steps that move partitions: a rebalance of its own, or one that runs already.
fn moving(situation: &Situation<'_>, draft: &mut Draft, change: &Change<'_>, mode: &'static str) {
    let around = &change.around;
    let brokers = ids::brokers(&change.ids);
    let running = checks::rebalances(situation, around).into_iter().find_map(|(object, custom, state)| match state {
        Moving::Waiting(what) => Some((object, rebalance::covers(custom, mode, &change.ids), what)),
        Moving::Done | Moving::Failed(_) => None,
    });
    let name = match running {
        Some((object, true, what)) if !what.contains("approval") => {
            draft.plan.notes.push(format!("KafkaRebalance {} does it already: {what}", object.meta.name));
            object.meta.name.to_string()
        }
        Some((object, is_same, what)) => {
            let name = &object.meta.name;
            let reason = format!("KafkaRebalance {name} is not at its end: {what}");
            let refusal = situation.refusal("rebalance-runs", reason, &["Cruise Control does one at a time"]);
            let verb = if is_same { "approve" } else { "stop" };
            let command = format!(
                "kubectl annotate kafkarebalance {name} -n {} strimzi.io/rebalance={verb}",
                object.meta.namespace
            );
            draft.refuse(Refusal { command: Some(command), ..refusal });
            return;
        }
        None => {
            let stamp = situation.now.strftime("%Y%m%d%H%M%S");
            let name = format!("{}-{mode}-{stamp}", around.name);
            let namespace = &situation.object.meta.namespace;
            let object = rebalance::object(around.name, namespace, &name, mode, &change.ids);
            let what = if mode == "add-brokers" { "moves some partitions to" } else { "moves all partitions off" };
            let step = Step {
                object: ObjectId { kind: "KafkaRebalance".to_owned(), name: name.clone(), ..id(around.kafka) },
                to: object.get("spec").cloned(),
                undo: Some(format!("kubectl annotate kafkarebalance {name} -n {namespace} strimzi.io/rebalance=stop")),
                ..situation.step("create", "", format!("{what} {brokers}, approved beforehand"), Risk::Disruption)
            };
            draft.push(step, Write::Create { group: GROUP, kind: "KafkaRebalance", object });
            draft.plan.next.push(format!("kubectl delete kafkarebalance {name} -n {namespace}"));
            name
        }
    };
    let step = Step {
        object: ObjectId { kind: "KafkaRebalance".to_owned(), name: name.clone(), ..id(around.kafka) },
        ..situation.step("wait", "", "until all is moved; it may take hours, see --timeout", Risk::None)
    };
    draft.push(step, Write::Await(Gate::Rebalance(name)));
}

//! What Kafka's objects say of changes that run, for `scale status`.

use super::rebalance::{self, Moving};
use super::{CLUSTER, GROUP, PREVENTED};
use crate::status::Item;
use mlops_shared::object::{Custom, Object};
use mlops_shared::report::Level;

/// Rebalances that run, clusters that move partitions by themselves, and shrinkings that the operator holds back.
pub(super) fn told(object: &Object) -> Vec<Item> {
    let Some(custom) = object.custom().filter(|_| *object.ty.group == *GROUP) else { return Vec::new() };
    match &*object.ty.kind {
        "Kafka" => kafka(object, custom),
        "KafkaNodePool" => pool(object, custom),
        "KafkaRebalance" if !rebalance::is_template(object) => moving(object, custom),
        _ => Vec::new(),
    }
}

fn kafka(object: &Object, custom: &Custom) -> Vec<Item> {
    let mut items = Vec::new();
    let state = custom.status_text("/autoRebalance/state");
    if !matches!(state, "" | "Idle") {
        let message = format!("the operator moves partitions: {state}");
        items.push(Item::of(object, "rebalance", Level::Progressing, message));
    }
    let conditions = custom.conditions();
    if let Some(condition) = conditions.iter().find(|it| &*it.reason == PREVENTED && it.is_true()) {
        let message = format!("the operator holds a shrinking back: {}", &*condition.message);
        items.push(Item::of(object, "scaling", Level::Warn, message));
    }
    items
}

fn pool(object: &Object, custom: &Custom) -> Vec<Item> {
    let (Some(wanted), Some(there)) = (custom.spec_number("/replicas"), custom.status_at("/nodeIds")) else {
        return Vec::new();
    };
    let there = there.as_array().map_or(0, Vec::len);
    if usize::try_from(wanted).ok() == Some(there) {
        return Vec::new();
    }
    let cluster = object.meta.labels.get(CLUSTER).unwrap_or("no cluster");
    let message = format!("{there} nodes of {cluster}, {wanted} are wanted");
    vec![Item::of(object, "scaling", Level::Progressing, message)]
}

fn moving(object: &Object, custom: &Custom) -> Vec<Item> {
    let Moving::Waiting(what) = rebalance::state(custom) else { return Vec::new() };
    let mode = match custom.spec_text("/mode") {
        "" => "full",
        mode => mode,
    };
    let message = format!("{what} ({mode})");
    let mut item = Item::of(object, "rebalance", Level::Progressing, message);
    if what.contains("approval") {
        let meta = &object.meta;
        item.command = Some(format!(
            "kubectl annotate kafkarebalance {} -n {} strimzi.io/rebalance=approve",
            mlops_shared::text::shell_word(&meta.name),
            mlops_shared::text::shell_word(&meta.namespace)
        ));
    }
    vec![item]
}

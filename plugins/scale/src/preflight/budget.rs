//! Disruption budgets and what is left running. A budget holds up evictions, not a change of the replicas: what it wants is
//! compared here.

use super::{check, unread};
use crate::situation::Situation;
use mlops_shared::object::{Body, Decoded, Labels, decode_object};
use mlops_shared::report::{Level, Preflight};
use serde_json::json;
use serde_json::value::RawValue;

/// Whether so many replicas leave what the budgets want.
pub(crate) fn budget(situation: &Situation<'_>, to: u32) -> Option<Preflight> {
    let labels = template_labels(situation)?;
    if let Some(gap) = unread(situation, "policy", "PodDisruptionBudget") {
        return Some(check(
            "budget",
            Level::Unknown,
            format!("what must keep running is not known: {gap}"),
            Vec::new(),
        ));
    }
    let all =
        situation.inventory.in_namespace("policy", "PodDisruptionBudget", &situation.object.meta.namespace).iter();
    let mut short = Vec::new();
    for object in all {
        let Body::DisruptionBudget(budget) = &object.body else { continue };
        if !budget.spec.selector.as_ref().is_some_and(|selector| selector.matches(&labels)) {
            continue;
        }
        let Some(wanted) = &budget.spec.min_available else { continue };
        match wanted.parse::<u32>() {
            Ok(wanted) if wanted > to => short.push(format!("{} wants {wanted} to keep running", object.meta.name)),
            Ok(wanted) if wanted == to && to > 0 => {
                short.push(format!(
                    "{} wants all {wanted} to keep running: no node with one can be drained",
                    object.meta.name
                ));
            }
            // A share of what there is.
            _ => {}
        }
    }
    match short.is_empty() {
        true => Some(check("budget", Level::Ok, "no disruption budget wants more", short)),
        false => Some(check("budget", Level::Warn, "a disruption budget wants more than is left", short)),
    }
}

fn template_labels(situation: &Situation<'_>) -> Option<Labels> {
    let labels = situation.template()?.pointer("/metadata/labels")?;
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "new", "labels": labels}});
    let raw = RawValue::from_string(pod.to_string()).ok()?;
    match decode_object(&raw) {
        Some(Decoded::Object(object)) => Some(object.meta.labels),
        _ => None,
    }
}

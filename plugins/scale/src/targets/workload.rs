//! Anything with a scale subresource: Deployments, StatefulSets, ReplicaSets, and custom kinds by their own scale.

use super::Target;
use crate::plan::{Draft, Write};
use crate::preflight::{budget, check, room, volumes};
use crate::progress::{Look, Progress};
use crate::situation::Situation;
use mlops_shared::report::{Level, Refusal, Risk, Step, StepState};
use mlops_shared::text::plural;
use serde_json::Value;

/// The common way to scale.
#[derive(Debug)]
pub(crate) struct Workload;

impl Target for Workload {
    fn claims(&self, _: &str, _: &str) -> bool {
        true
    }

    fn draft(&self, situation: &Situation<'_>, draft: &mut Draft) {
        let (from, to) = (situation.replicas.wanted, situation.to());
        if situation.object.is("apps", "DaemonSet") {
            draft.refuse(Refusal {
                code: "one-a-node".to_owned(),
                object: situation.id(),
                reason: "a DaemonSet has a pod on every node that it chooses".to_owned(),
                unsure: false,
                hints: vec!["its nodeSelector decides on which".to_owned()],
                command: None,
            });
            return;
        }
        let is_stateful = situation.object.is("apps", "StatefulSet");
        if to > from {
            grow(situation, draft, from, to, is_stateful);
        } else if to < from {
            draft.plan.preflight.extend(budget::budget(situation, to));
        }
        if is_stateful {
            ordered(situation, draft, from, to);
        }
        let risk = risk(situation, from, to, is_stateful);
        let step = Step {
            action: "scale".to_owned(),
            object: situation.id(),
            field: Some(situation.path.map_or_else(|_| "scale".to_owned(), ToString::to_string)),
            from: Some(from.into()),
            to: Some(to.into()),
            effect: effect(situation, from, to, is_stateful),
            risk,
            // Replicas come back, what they held does not.
            undo: (risk < Risk::Permanent).then(|| situation.command(&format!("--replicas {from}"))),
            state: StepState::Planned,
            message: None,
        };
        draft.push(step, Write::Scale(to));
    }

    fn progress(&self, look: &Look<'_>) -> Progress {
        look.replicas()
    }
}

fn grow(situation: &Situation<'_>, draft: &mut Draft, from: u32, to: u32, is_stateful: bool) {
    let Some(template) = situation.template() else {
        let message = "what its pods need is not known: it has no pod template of its own";
        draft.plan.preflight.push(check("capacity", Level::Unknown, message, Vec::new()));
        return;
    };
    let wanted = if is_stateful { volumes::of_templates(situation, from..to) } else { Vec::new() };
    draft.plan.preflight.extend(room(situation, template, to - from, &wanted));
}

/// With OrderedReady, one pod that is not ready holds all behind it up, in both directions.
fn ordered(situation: &Situation<'_>, draft: &mut Draft, from: u32, to: u32) {
    let policy = situation.json.pointer("/spec/podManagementPolicy").and_then(Value::as_str).unwrap_or("OrderedReady");
    let ready = situation.json.pointer("/status/readyReplicas").and_then(Value::as_u64).unwrap_or(0);
    if policy == "OrderedReady" && from != to && ready < u64::from(from) {
        let message = format!(
            "only {ready} of {from} are ready, and its pods are made and removed in order: the next waits for them"
        );
        draft.plan.preflight.push(check("order", Level::Warn, message, Vec::new()));
    }
}

fn deletes_claims(situation: &Situation<'_>) -> bool {
    let policy =
        situation.json.pointer("/spec/persistentVolumeClaimRetentionPolicy/whenScaled").and_then(Value::as_str);
    policy == Some("Delete") && situation.json.pointer("/spec/volumeClaimTemplates/0").is_some()
}

fn risk(situation: &Situation<'_>, from: u32, to: u32, is_stateful: bool) -> Risk {
    match () {
        () if to < from && is_stateful && deletes_claims(situation) => Risk::DataLoss,
        () if to < from => Risk::Disruption,
        () => Risk::None,
    }
}

fn effect(situation: &Situation<'_>, from: u32, to: u32, is_stateful: bool) -> String {
    if to == from {
        return "nothing: so many are wanted already".to_owned();
    }
    let pods = plural(from.abs_diff(to) as usize, "pod");
    let start = volumes::start(situation.json);
    let name = &situation.object.meta.name;
    let names = |low: u32, high: u32| {
        let (first, last) = (start + low, start + high.saturating_sub(1));
        if first == last { format!(" ({name}-{first})") } else { format!(" ({name}-{first} to {name}-{last})") }
    };
    match (to > from, is_stateful) {
        (true, true) => format!("{pods} more{}", names(from, to)),
        (true, false) => format!("{pods} more"),
        (false, true) if deletes_claims(situation) => {
            format!("{pods} fewer{}, and their volumes are deleted (whenScaled: Delete)", names(to, from))
        }
        (false, true) => format!("{pods} fewer{}; their volumes stay", names(to, from)),
        (false, false) if to == 0 => "all its pods end: it serves nothing".to_owned(),
        (false, false) => format!("{pods} fewer"),
    }
}

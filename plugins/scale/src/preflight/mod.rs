//! What is looked at before a change: whether the pods fit, quotas, volumes, budgets, and how the object is now. Pure.

pub(crate) mod budget;
pub(crate) mod fit;
pub(crate) mod node;
pub(crate) mod pins;
pub(crate) mod pods;
pub(crate) mod quota;
mod rules;
pub(crate) mod volumes;

use crate::situation::Situation;
use mlops_shared::health::{Related, assess};
use mlops_shared::object::{Object, SectionState, Unread};
use mlops_shared::report::{Level, Preflight};
use serde_json::Value;

/// A line of the preflight.
pub(crate) fn check(check: &str, verdict: Level, message: impl Into<String>, evidence: Vec<String>) -> Preflight {
    Preflight { check: check.to_owned(), verdict, message: message.into(), evidence }
}

/// Whether so many more pods of a template fit: room on nodes, quotas, limits, and the claims that each of them comes with.
pub(crate) fn room(
    situation: &Situation<'_>,
    template: &Value,
    more: u32,
    wanted: &[Vec<volumes::Wanted>],
) -> Vec<Preflight> {
    let (claims, storage) = volumes::claims(situation, wanted);
    let namespace = situation.object.meta.namespace.clone();
    let mut checks = match pods::Wanted::of(template, &namespace, &quota::ranges(situation)) {
        Ok(pod) => vec![
            fit::capacity(situation, &pod, more, &pins::Pins::of(situation, template, wanted)),
            quota::quota(situation, &pod, more, &claims),
            quota::limits(situation, &pod),
        ],
        Err(why) => vec![check("capacity", Level::Unknown, why, Vec::new())],
    };
    checks.extend(storage);
    checks
}

/// Whether the operator that acts on the object runs: by the names and labels that its manifests and chart give.
pub(crate) fn operator(situation: &Situation<'_>, name: &str) -> Preflight {
    if let Some(gap) = unread(situation, "apps", "Deployment") {
        return check("operator", Level::Unknown, format!("whether {name} runs is not known: {gap}"), Vec::new());
    }
    // Their webhooks and consoles have names like theirs, and act on nothing.
    let is_beside = |object: &Object| {
        ["-webhook", "-console"].iter().any(|end| object.meta.name.ends_with(end))
            || object.meta.labels.has("app.kubernetes.io/component", "webhook")
    };
    let is_it = |object: &&Object| {
        let labels = &object.meta.labels;
        if is_beside(object) {
            return false;
        }
        object.meta.name.contains(name)
            || labels.has("name", name)
            || labels.has("app.kubernetes.io/name", name)
            || (name == "strimzi-cluster-operator" && labels.has("strimzi.io/kind", "cluster-operator"))
    };
    let found: Vec<&Object> = situation.inventory.of_kind("apps", "Deployment").iter().filter(is_it).collect();
    let runs = |object: &&&Object| {
        object.workload().and_then(|workload| workload.status.as_ref()).is_some_and(|it| it.available_replicas > 0)
    };
    let evidence = found.iter().map(|object| object.reference().to_string()).collect();
    match (found.len(), found.iter().filter(runs).count()) {
        (0, _) => {
            check("operator", Level::Unknown, format!("no Deployment of {name} was found: nobody may act"), evidence)
        }
        (_, 0) => check("operator", Level::Fail, format!("{name} does not run: nothing would follow"), evidence),
        _ => check("operator", Level::Ok, format!("{name} runs"), evidence),
    }
}

/// Why a kind was not read as a whole; `None` when it was, or is not served.
pub(crate) fn unread(situation: &Situation<'_>, group: &str, kind: &str) -> Option<String> {
    let inventory = situation.inventory;
    match inventory.section(group, kind).map(|section| &section.state) {
        Some(SectionState::Read(_)) => None,
        Some(SectionState::Partly(..)) => Some(format!("{kind}s were read in part only")),
        Some(SectionState::Unread(Unread::NotServed)) => None,
        Some(SectionState::Unread(_)) => Some(format!("{kind}s were not read")),
        None if inventory.is_complete() => None,
        None => Some(format!("what was read has no {kind}s")),
    }
}

/// How the object is before the change.
pub(crate) fn health(situation: &Situation<'_>) -> Preflight {
    let related = Related { inventory: situation.inventory, limits: &situation.platform.thresholds };
    let verdict = assess(situation.object, &related, situation.now);
    let (level, what) = match verdict.level {
        Level::Ok | Level::Absent => (Level::Ok, "it is well before"),
        Level::Progressing => (Level::Warn, "it has not settled from the last change"),
        Level::Suspended => (Level::Warn, "it is held before"),
        Level::Unknown => (Level::Unknown, "nobody can tell how it is before"),
        Level::Warn | Level::Fail => (Level::Warn, "it is not well before"),
    };
    let more = verdict.more.iter().map(|more| format!("{}: {}", more.level, more.message));
    let evidence = verdict.evidence.iter().cloned().chain(more).take(8).collect();
    check("health", level, format!("{what}: {} [{}]", verdict.message, verdict.code.id), evidence)
}

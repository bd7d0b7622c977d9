//! Who would undo the change, and the pause that keeps them off.

use crate::args::Pause;
use crate::settings::PauseAsk;
use crate::situation::{Situation, id};
use crate::stamp::{DRIFT, PAUSED_FOR, PauseStamp, RECONCILE};
use mlops_shared::object::{Object, ObjectRef};
use mlops_shared::ownership::{Chain, Change, FieldPath, Live, Manager, Managers, Outcome, predict};
use mlops_shared::report::{Level, ObjectId, Preflight, Refusal, Risk, Step, StepState};
use mlops_shared::text;
use serde_json::{Value, json};

/// What becomes of the change of the replicas.
#[derive(Debug)]
pub(crate) struct Ownership {
    pub(crate) preflight: Preflight,
    /// What forbids it.
    pub(crate) refusal: Option<Refusal>,
    /// What keeps somebody off, where that was asked for and helps.
    pub(crate) pause: Option<PauseStep>,
}

/// A pause: the step, and the patch that makes it.
#[derive(Debug)]
pub(crate) struct PauseStep {
    pub(crate) step: Step,
    pub(crate) patch: Value,
    /// The patch that takes it back.
    pub(crate) undo: Value,
    /// Whether it is made on the owner; else on the object.
    pub(crate) on_owner: bool,
}

/// Judges a change of the replicas.
pub(crate) fn judge(situation: &Situation<'_>) -> Ownership {
    let managers = Managers::new(situation.inventory);
    let chain = managers.of(situation.object);
    let path = match situation.path {
        Ok(path) => path,
        Err(why) => return unknown(situation, &chain, why),
    };
    let change = Change { path, manager: situation.manager };
    let outcome = predict(change, &Live::new(situation.object, situation.json), &managers);
    if situation.ask.git.is_some()
        && let Some(ownership) = through_git(situation, &chain, &outcome)
    {
        return ownership;
    }
    match outcome {
        Outcome::Survives { until: None, why } => holds(Level::Ok, format!("nothing undoes it: {why}")),
        Outcome::Survives { until: Some(until), why } => holds(Level::Warn, format!("it stays until {until}: {why}")),
        Outcome::Refused { why } => refuse(situation, "field-cannot-change", why, Vec::new()),
        Outcome::Unknown { why } => unknown(situation, &chain, &why),
        Outcome::Undone { by, when, why } => {
            let soon = when.map_or_else(|| "when it next acts".to_owned(), |when| format!("within {when:#}"));
            let what = format!("{by} would undo it {soon}: {why}");
            undone(situation, &chain, &by, what, &managers)
        }
    }
}

/// For a change in Git: what becomes of a change by hand does not matter then, as long as it is Flux that would undo it.
fn through_git(situation: &Situation<'_>, chain: &Chain, outcome: &Outcome) -> Option<Ownership> {
    let is_of_flux = match outcome {
        Outcome::Undone { by, .. } => {
            chain.deployer().is_some_and(|link| link.object == *by)
                && matches!(&*by.kind, "Kustomization" | "HelmRelease")
        }
        Outcome::Survives { .. } => true,
        Outcome::Refused { .. } | Outcome::Unknown { .. } => false,
    };
    if !is_of_flux {
        return None;
    }
    if let Some(exemption) = chain.exemption.as_ref().filter(|exemption| exemption.kind.stops_applying()) {
        let why = format!("{} keeps Flux off it: a change in Git does not arrive", exemption.how);
        return Some(refuse(situation, "suspended", why, vec!["`scale resume` ends a pause of this suite".to_owned()]));
    }
    match chain.links.iter().find(|link| link.manager == Manager::Kustomization) {
        Some(link) => Some(holds(Level::Ok, format!("{} brings what Git says", link.object))),
        None => {
            let why = "no Kustomization applies it from Git".to_owned();
            Some(refuse(situation, "not-from-git", why, vec!["scale it without --via git".to_owned()]))
        }
    }
}

fn holds(verdict: Level, message: String) -> Ownership {
    let preflight = Preflight { check: "ownership".to_owned(), verdict, message, evidence: Vec::new() };
    Ownership { preflight, refusal: None, pause: None }
}

fn refuse(situation: &Situation<'_>, code: &str, reason: String, hints: Vec<String>) -> Ownership {
    let refusal = Refusal {
        code: code.to_owned(),
        object: situation.id(),
        reason: reason.clone(),
        unsure: false,
        hints,
        command: None,
    };
    Ownership { refusal: Some(refusal), ..holds(Level::Fail, reason) }
}

fn unknown(situation: &Situation<'_>, chain: &Chain, why: &str) -> Ownership {
    let message = format!("nobody can tell whether it stays: {why}");
    if situation.ask.force_drift {
        return holds(Level::Unknown, message);
    }
    let mut hints = home(chain, situation);
    hints.push("--force-drift scales nonetheless, and says so when it is undone".to_owned());
    let refused = refuse(situation, "cannot-tell-who-sets-it", message.clone(), hints);
    let refusal = refused.refusal.map(|refusal| Refusal { unsure: true, ..refusal });
    Ownership { refusal, ..holds(Level::Unknown, message) }
}

fn undone(
    situation: &Situation<'_>,
    chain: &Chain,
    by: &ObjectRef,
    what: String,
    managers: &Managers<'_>,
) -> Ownership {
    match (&*by.group, &*by.kind) {
        ("autoscaling", _) | ("keda.sh", _) => {
            let field = if &*by.group == "autoscaling" {
                "spec.minReplicas and spec.maxReplicas"
            } else {
                "spec.minReplicaCount and spec.maxReplicaCount"
            };
            let hints =
                vec![format!("change {field} of {by}, where it is defined; neither a pause nor force helps here")];
            return refuse(situation, "autoscaler-sets-it", what, hints);
        }
        ("apps", "Deployment") => {
            let command = format!("kubectl mlops scale deployment/{} -n {}", by.name, by.namespace);
            let refused = refuse(situation, "owner-sets-it", what, vec![format!("scale {by}, which owns it")]);
            let refusal = refused.refusal.map(|refusal| Refusal { command: Some(command), ..refusal });
            return Ownership { refusal, ..refused };
        }
        _ => {}
    }
    let deployer = chain.deployer().filter(|link| link.object == *by).map(|link| link.manager);
    let Some(manager @ (Manager::Kustomization | Manager::HelmRelease)) = deployer else {
        if situation.ask.force_drift {
            return holds(Level::Warn, what);
        }
        let mut hints = home(chain, situation);
        hints.push(format!("change it at {by}"));
        hints.push("--force-drift scales nonetheless, until then".to_owned());
        return refuse(situation, "owner-sets-it", what, hints);
    };
    if let Some(pause) = &situation.ask.pause {
        return paused(situation, pause, (by, manager), what, managers);
    }
    if situation.ask.force_drift {
        return holds(Level::Warn, what);
    }
    let mut hints = home(chain, situation);
    hints.push(format!("for a while only: --pause object keeps {by} off this object, and `resume` ends that"));
    let code = if manager == Manager::HelmRelease { "chart-sets-it" } else { "git-sets-it" };
    let refused = refuse(situation, code, what, hints);
    let flags = format!("{} --pause object --reason WHY --until 4h", situation.flags(situation.to()));
    let refusal = refused.refusal.map(|refusal| Refusal { command: Some(situation.command(&flags)), ..refusal });
    Ownership { refusal, ..refused }
}

/// The edit that lasts: which field of which object in which folder of which source.
fn home(chain: &Chain, situation: &Situation<'_>) -> Vec<String> {
    let home = chain.home(situation.inventory);
    let Some(deployer) = chain.deployer() else { return Vec::new() };
    let deployed = chain.deployed.as_ref().map_or_else(|| situation.subject(), ToString::to_string);
    let field = situation.path.map_or_else(|_| "its replicas".to_owned(), ToString::to_string);
    let what = if deployer.manager == Manager::HelmRelease {
        format!("the values of {} that make {field} of {deployed}", deployer.object)
    } else {
        format!("{field} of {deployed}")
    };
    let mut place = String::new();
    if let Some(path) = &home.path {
        place.push_str(&format!(" under {path}"));
    }
    if let Some(source) = &home.source {
        place.push_str(&format!(" in {} {}/{}", source.kind, source.namespace, source.name));
    }
    if let Some(revision) = &home.revision {
        place.push_str(&format!(" (applied: {revision})"));
    }
    if place.is_empty() {
        vec![format!("what lasts is a change of {what} where it is defined")]
    } else {
        vec![format!("what lasts is a change in Git: set {what}{place}")]
    }
}

fn paused(
    situation: &Situation<'_>,
    pause: &PauseAsk,
    (by, manager): (&ObjectRef, Manager),
    what: String,
    managers: &Managers<'_>,
) -> Ownership {
    let subject = situation.subject();
    let stamp = PauseStamp {
        by: situation.who,
        reason: &pause.reason,
        at: situation.now,
        until: pause.until,
        subject: &subject,
        replicas: situation.replicas.wanted,
    };
    let step = match pause.scope {
        Pause::Object => on_object(situation, &stamp, by, manager),
        Pause::Owner => on_owner(situation, &stamp, by, managers),
    };
    match step {
        Ok(step) => {
            let message = format!("{what}; it is kept off until the pause ends");
            Ownership { pause: Some(step), ..holds(Level::Ok, message) }
        }
        Err(why) => {
            refuse(situation, "pause-does-not-hold", format!("{what}; and the pause would not hold: {why}"), Vec::new())
        }
    }
}

fn on_object(
    situation: &Situation<'_>,
    stamp: &PauseStamp<'_>,
    by: &ObjectRef,
    manager: Manager,
) -> Result<PauseStep, String> {
    let key = if manager == Manager::HelmRelease { DRIFT } else { RECONCILE };
    let mut annotations = stamp.annotations();
    annotations[key] = "disabled".into();
    let mut undo = PauseStamp::none();
    let before = situation.json.get("metadata").and_then(|meta| meta.get("annotations")?.get(key));
    undo[key] = before.cloned().unwrap_or(Value::Null);
    Ok(PauseStep {
        step: step(
            situation,
            situation.id(),
            &format!("metadata.annotations[{key}]"),
            "disabled".into(),
            format!(
                "{by} leaves this object alone, changes in Git do not arrive either, until {}",
                text::line(&stamp.until.to_string())
            ),
        ),
        patch: json!({"metadata": {"annotations": annotations}}),
        undo: json!({"metadata": {"annotations": undo}}),
        on_owner: false,
    })
}

fn on_owner(
    situation: &Situation<'_>,
    stamp: &PauseStamp<'_>,
    by: &ObjectRef,
    managers: &Managers<'_>,
) -> Result<PauseStep, String> {
    let owner = situation.inventory.find(by).found().ok_or_else(|| format!("{by} was not read"))?;
    let json = situation.owner.ok_or_else(|| format!("{by} was not read as a whole"))?;
    let path = FieldPath::parse(".spec.suspend")?;
    let change = Change { path: &path, manager: situation.manager };
    match predict(change, &Live::new(owner, json), managers) {
        Outcome::Survives { .. } => {}
        Outcome::Undone { by, why, .. } => return Err(format!("{by} would undo it: {why}")),
        Outcome::Refused { why } | Outcome::Unknown { why } => return Err(why),
    }
    Ok(PauseStep {
        step: step(
            situation,
            id(owner),
            "spec.suspend",
            true.into(),
            format!(
                "{by} applies nothing at all, none of its other objects either, until {}",
                text::line(&stamp.until.to_string())
            ),
        ),
        patch: json!({"metadata": {"annotations": stamp.annotations()}, "spec": {"suspend": true}}),
        undo: json!({"metadata": {"annotations": PauseStamp::none()}, "spec": {"suspend": null}}),
        on_owner: true,
    })
}

fn step(situation: &Situation<'_>, object: ObjectId, field: &str, to: Value, effect: String) -> Step {
    let meta = &situation.object.meta;
    Step {
        action: "pause".to_owned(),
        object,
        field: Some(field.to_owned()),
        from: None,
        to: Some(to),
        effect,
        risk: Risk::None,
        undo: Some(crate::situation::command(situation.resource, &meta.namespace, &meta.name, "resume", "")),
        state: StepState::Planned,
        message: None,
    }
}

/// Whether an object was paused for another one, and for which: `Deployment/a/web`.
pub(crate) fn paused_for(object: &Object) -> Option<&str> {
    object.meta.annotations.get(PAUSED_FOR)
}

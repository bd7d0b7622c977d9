//! Spark applications: executors are a field of the spec, and a change of the spec ends an application and runs it again.

mod pods;
#[cfg(test)]
mod tests;

use super::Target;
use crate::plan::{Draft, Write};
use crate::preflight::{check, operator, room};
use crate::progress::{Look, Progress};
use crate::settings::{Ask, Goal};
use crate::situation::{Replicas, Situation};
use mlops_shared::report::{Level, Refusal, Risk, Step};
use mlops_shared::text::plural;
use serde_json::{Value, json};

const GROUP: &str = "sparkoperator.k8s.io";

/// An application.
#[derive(Debug)]
pub(crate) struct Application;

/// A schedule of applications: what it says counts from the next run on.
#[derive(Debug)]
pub(crate) struct Schedule;

impl Target for Application {
    fn claims(&self, group: &str, kind: &str) -> bool {
        (group, kind) == (GROUP, "SparkApplication")
    }

    fn kinds(&self) -> &'static [(&'static str, &'static str)] {
        &[("apps", "Deployment"), (GROUP, "SparkApplication")]
    }

    fn needs_scale(&self) -> bool {
        false
    }

    fn takes(&self, goal: &Goal) -> bool {
        *goal == Goal::Executors
    }

    fn replicas(&self, json: &Value) -> Option<Replicas> {
        replicas(json, json.get("spec"))
    }

    fn path(&self, _: &Ask, json: &Value) -> Option<&'static str> {
        Some(match is_dynamic(json.get("spec")) {
            true => ".spec.dynamicAllocation.maxExecutors",
            false => ".spec.executor.instances",
        })
    }

    fn draft(&self, situation: &Situation<'_>, draft: &mut Draft) {
        application(situation, draft);
    }

    fn reached(&self, goal: u32) -> String {
        format!("it runs again, with {} or as many as it asks for of them", plural(goal as usize, "executor"))
    }

    fn progress(&self, look: &Look<'_>) -> Progress {
        progress(look)
    }
}

impl Target for Schedule {
    fn claims(&self, group: &str, kind: &str) -> bool {
        (group, kind) == (GROUP, "ScheduledSparkApplication")
    }

    fn kinds(&self) -> &'static [(&'static str, &'static str)] {
        &[("apps", "Deployment"), (GROUP, "ScheduledSparkApplication")]
    }

    fn needs_scale(&self) -> bool {
        false
    }

    fn takes(&self, goal: &Goal) -> bool {
        *goal == Goal::Executors
    }

    fn replicas(&self, json: &Value) -> Option<Replicas> {
        replicas(json, json.pointer("/spec/template"))
    }

    fn path(&self, _: &Ask, json: &Value) -> Option<&'static str> {
        Some(match is_dynamic(json.pointer("/spec/template")) {
            true => ".spec.template.dynamicAllocation.maxExecutors",
            false => ".spec.template.executor.instances",
        })
    }

    fn draft(&self, situation: &Situation<'_>, draft: &mut Draft) {
        let Some(spec) = spec(situation, draft, "/spec/template") else { return };
        let to = situation.to();
        let next = situation.json.pointer("/status/nextRun").and_then(Value::as_str);
        let next = next.map_or_else(String::new, |next| format!(", at {next}"));
        if situation.json.pointer("/spec/suspend").and_then(Value::as_bool) == Some(true) {
            draft.plan.notes.push("the schedule is suspended: nothing runs until it is resumed".to_owned());
        }
        fits(situation, draft, spec, to, true);
        let effect = format!("counts from the next run on{next}; a run that is there is left alone");
        push(situation, draft, (spec, true), effect, Risk::None);
    }

    fn reached(&self, goal: u32) -> String {
        format!("the next run has {}", plural(goal as usize, "executor"))
    }

    fn progress(&self, look: &Look<'_>) -> Progress {
        if look.wanted == look.goal { Progress::Reached } else { look.reverted() }
    }
}

fn is_dynamic(spec: Option<&Value>) -> bool {
    spec.and_then(|spec| spec.pointer("/dynamicAllocation/enabled")).and_then(Value::as_bool) == Some(true)
}

/// Executors that are asked for; with dynamic allocation the most of them, and none where there is no limit.
fn replicas(json: &Value, spec: Option<&Value>) -> Option<Replicas> {
    let field = if is_dynamic(spec) { "/dynamicAllocation/maxExecutors" } else { "/executor/instances" };
    // The operator asks for one where nothing is said.
    let least = u64::from(!is_dynamic(spec));
    let wanted = spec?.pointer(field).map_or(Some(least), Value::as_u64)?;
    let states = json.pointer("/status/executorState").and_then(Value::as_object);
    let running = states.map_or(0, |all| all.values().filter(|state| state.as_str() == Some("RUNNING")).count());
    let name = json.get("metadata").and_then(|meta| meta.get("name")).and_then(Value::as_str).unwrap_or_default();
    Some(Replicas {
        wanted: u32::try_from(wanted).ok()?,
        current: u32::try_from(running).unwrap_or(u32::MAX),
        selector: format!("sparkoperator.k8s.io/app-name={name},spark-role=executor"),
    })
}

fn state(json: &Value) -> &str {
    json.pointer("/status/applicationState/state").and_then(Value::as_str).unwrap_or_default()
}

/// The spec of the application, refused where there is none or nothing would be left.
fn spec<'a>(situation: &'a Situation<'_>, draft: &mut Draft, pointer: &str) -> Option<&'a Value> {
    if situation.to() == 0 {
        let reason = "an application without executors does nothing";
        draft.refuse(situation.refusal("no-executor", reason, &["spec.suspend ends it"]));
        return None;
    }
    let spec = situation.json.pointer(pointer).filter(|spec| spec.is_object());
    if spec.is_none() {
        draft.refuse(situation.refusal("no-spec", "it has no spec of an application", &[]));
    }
    spec
}

fn application(situation: &Situation<'_>, draft: &mut Draft) {
    let Some(spec) = spec(situation, draft, "/spec") else { return };
    let (to, state) = (situation.to(), state(situation.json));
    // The operator sets any application whose spec changes to INVALIDATING (spark-operator, `event_filter.go`): also
    // one that has ended.
    let what = match state {
        "" => None,
        "COMPLETED" => Some("it is COMPLETED, and the operator would run it once more".to_owned()),
        "FAILED" | "SUBMISSION_FAILED" => Some(format!("it is {state}, and the operator would run it once more")),
        state => Some(format!("it is {state}: the operator ends it and runs it again from its start")),
    };
    if let Some(what) = what.as_ref().filter(|_| !situation.ask.rerun) {
        let reason = format!("a change of its spec runs it again: {what}");
        let hints =
            ["--rerun agrees to that", "scale its schedule, or make the next application, with as many as it needs"];
        let command = situation.command(&format!("{} --rerun", situation.flags(to)));
        draft.refuse(Refusal { command: Some(command), ..situation.refusal("would-run-again", reason, &hints) });
    }
    let has_pods = !matches!(state, "" | "COMPLETED" | "FAILED" | "SUBMISSION_FAILED");
    // Those that run end first, and leave their room.
    let more = if has_pods { to.saturating_sub(situation.replicas.current) } else { to };
    fits(situation, draft, spec, more, !has_pods);
    let effect = match what {
        Some(what) => what,
        None => "the operator has not begun it: it starts with as many".to_owned(),
    };
    let risk = if has_pods { Risk::Disruption } else { Risk::None };
    push(situation, draft, (spec, false), effect, risk);
}

/// Whether the executors find room, and the driver where it is not there yet.
fn fits(situation: &Situation<'_>, draft: &mut Draft, spec: &Value, more: u32, with_driver: bool) {
    draft.plan.preflight.push(operator(situation, "spark-operator"));
    let role = |role: &'static str| match pods::template(spec, role) {
        Ok(template) => Ok(template),
        Err(why) => Err(check(
            "capacity",
            Level::Unknown,
            format!("what a pod of the {role} needs is not known: {why}"),
            Vec::new(),
        )),
    };
    match role("executor") {
        Ok(template) if more > 0 => draft.plan.preflight.extend(room(situation, &template, more, &[])),
        Ok(_) => {}
        Err(unknown) => draft.plan.preflight.push(unknown),
    }
    if !with_driver {
        return;
    }
    match role("driver") {
        // Beside the executors, not with them: room for both at once is told by neither.
        Ok(template) => draft.plan.preflight.extend(room(situation, &template, 1, &[]).into_iter().map(|mut it| {
            it.check = format!("driver-{}", it.check);
            it
        })),
        Err(unknown) => draft.plan.preflight.push(unknown),
    }
}

/// The step, and the patch of the field.
fn push(situation: &Situation<'_>, draft: &mut Draft, (spec, is_schedule): (&Value, bool), effect: String, risk: Risk) {
    let (from, to) = (situation.replicas.wanted, situation.to());
    let mut effect = effect;
    let change = if is_dynamic(Some(spec)) {
        let mut change = json!({"maxExecutors": to});
        for key in ["minExecutors", "initialExecutors"] {
            let now = spec.pointer(&format!("/dynamicAllocation/{key}")).and_then(Value::as_u64);
            if let Some(now) = now.filter(|now| *now > u64::from(to)) {
                change[key] = to.into();
                effect.push_str(&format!("; {key} goes from {now} to {to} with it"));
            }
        }
        json!({ "dynamicAllocation": change })
    } else {
        json!({"executor": {"instances": to}})
    };
    let patch = if is_schedule { json!({"spec": {"template": change}}) } else { json!({ "spec": change }) };
    let field = situation.path.map_or_else(|_| "spec".to_owned(), |path| path.to_string());
    let again = if risk == Risk::Disruption { " --rerun" } else { "" };
    let is_limited = from > 0;
    let step = Step {
        from: is_limited.then(|| from.into()),
        to: Some(to.into()),
        undo: is_limited.then(|| situation.command(&format!("{}{again}", situation.flags(from)))),
        ..situation.step("scale", &field, effect, risk)
    };
    draft.push(step, Write::Change(patch));
}

/// How far the new run is. What the status says of the run before does not count.
fn progress(look: &Look<'_>) -> Progress {
    if look.wanted != look.goal {
        return look.reverted();
    }
    let waiting = |summary: String| Progress::Waiting { summary, reasons: look.reasons() };
    let run = |json: &Value| {
        let text = |key: &str| json.pointer(&format!("/status/{key}")).and_then(Value::as_str).map(str::to_owned);
        (text("submissionID"), text("lastSubmissionAttemptTime"))
    };
    let state = state(look.json);
    if run(look.json) == run(look.before) {
        let said = if state.is_empty() { "nothing yet" } else { state };
        return waiting(format!("the new run has not begun: the operator says {said}"));
    }
    let spec = look.json.get("spec");
    match state {
        "COMPLETED" => Progress::Reached,
        "FAILED" | "SUBMISSION_FAILED" => {
            let why = look.json.pointer("/status/applicationState/errorMessage").and_then(Value::as_str);
            let why = why.unwrap_or("no reason is given");
            Progress::Refused { why: format!("the new run is {state}: {why}"), hints: Vec::new() }
        }
        // It asks for executors as it needs them.
        "RUNNING" | "SUCCEEDING" if is_dynamic(spec) || look.current >= look.goal => Progress::Reached,
        "RUNNING" => waiting(format!("{} of {} executors run", look.current, look.goal)),
        state => waiting(format!("the operator says {state}")),
    }
}

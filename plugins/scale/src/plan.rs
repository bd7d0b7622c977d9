//! From a situation to a plan: who would undo it, how the object is, whether it fits, and the writes. Pure.

use crate::git::GitAsk;
use crate::owner;
use crate::preflight;
use crate::settings::Settings;
use crate::situation::{Situation, are_wanted};
use crate::stamp::{Scaling, TO};
use crate::targets::target_of;
use jiff::SignedDuration;
use mlops_shared::report::{Level, Plan, PlanState, Refusal, Risk, Step, StepState, View};
use serde_json::{Value, json};

/// The write that a step stands for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Write {
    /// A merge patch of the object, and the one that takes it back.
    Object { patch: Value, undo: Value },
    /// The same of what deploys it.
    Owner { patch: Value, undo: Value },
    /// A merge patch of the object that is the change itself: it is not taken back.
    Change(Value),
    /// The replicas of the scale subresource.
    Scale(u32),
    /// The replicas as Git says them.
    Git(u32),
    /// Another object of the same namespace.
    Create { group: &'static str, kind: &'static str, object: Value },
    /// Nothing; what comes after it waits for this.
    Await(Gate),
}

/// What a step waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Gate {
    /// The end of the change of the object itself.
    Settled,
    /// The end of the KafkaRebalance of this name.
    Rebalance(String),
}

/// A plan with the writes of its steps, one a step.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) plan: Plan,
    pub(crate) writes: Vec<Write>,
    /// Whether nothing is left of the change, so that there is nothing to go back from.
    pub(crate) is_over: bool,
    /// How many there will be.
    pub(crate) goal: u32,
}

impl Draft {
    /// Adds a step and its write.
    pub(crate) fn push(&mut self, step: Step, write: Write) {
        self.plan.steps.push(step);
        self.writes.push(write);
    }

    /// Forbids it.
    pub(crate) fn refuse(&mut self, refusal: Refusal) {
        self.plan.refusals.push(refusal);
    }

    /// The replicas that are written; none where it is something else.
    pub(crate) fn replicas(&self) -> Option<u32> {
        self.writes.iter().find_map(|write| match write {
            Write::Scale(to) | Write::Git(to) => Some(*to),
            Write::Object { .. } | Write::Owner { .. } | Write::Change(_) | Write::Create { .. } | Write::Await(_) => {
                None
            }
        })
    }

    /// Whether data is lost, so that more than a yes is needed.
    pub(crate) fn loses_data(&self) -> bool {
        self.plan.risk() == Risk::DataLoss
    }
}

/// Makes the plan.
pub(crate) fn build(situation: &Situation<'_>, settings: &Settings, view: View) -> Draft {
    let (from, to) = (situation.replicas.wanted, situation.to());
    let target = target_of(&situation.object.ty.group, &situation.object.ty.kind);
    let request =
        target.request(situation).unwrap_or_else(|| format!("scale {} from {from} to {to}", situation.subject()));
    let mut plan = Plan::new("ScalePlan", view, request, situation.now);
    plan.dry_run = settings.write.dry_run.word().to_owned();
    plan.field_manager = situation.manager.to_owned();
    plan.reason = situation.reason.map(str::to_owned);
    let mut draft = Draft { plan, writes: Vec::new(), is_over: false, goal: to };
    expectations(situation, &mut draft);
    let ownership = owner::judge(situation);
    match ownership.refusal {
        Some(refusal) => draft.refuse(refusal),
        None => draft.plan.preflight.push(ownership.preflight),
    }
    draft.plan.preflight.push(preflight::health(situation));
    if let Some(git) = &situation.ask.git {
        through_git(situation, git, &mut draft);
    } else if to != from {
        if !situation.timeout.is_zero() && target.marks() {
            let (step, write) = stamp(situation, situation.replicas.wanted);
            draft.push(step, write);
        } else if let Some(scaling) = Scaling::of(situation.object) {
            // Nobody waits for this one: what another one left would say for good that it runs.
            let (step, write) = unmark(situation, &scaling);
            draft.push(step, write);
        }
        if let Some(pause) = ownership.pause {
            draft.plan.next.extend(pause.step.undo.clone());
            let (patch, undo) = (pause.patch, pause.undo);
            let write = if pause.on_owner { Write::Owner { patch, undo } } else { Write::Object { patch, undo } };
            draft.push(pause.step, write);
        } else if situation.ask.pause.is_some() && draft.plan.refusals.is_empty() {
            draft.plan.notes.push("nothing is paused: nothing would undo the change".to_owned());
        }
        target.draft(situation, &mut draft);
    } else if let Some(scaling) = Scaling::of(situation.object) {
        take_over(situation, &scaling, &mut draft);
    }
    forbid(situation, &mut draft);
    conclude(situation, &mut draft.plan);
    draft
}

/// The same change as a commit: what is written is the replicas alone, and nothing marks the object meanwhile.
fn through_git(situation: &Situation<'_>, git: &GitAsk, draft: &mut Draft) {
    let object = situation.object;
    target_of(&object.ty.group, &object.ty.kind).draft(situation, draft);
    let undo = format!("--replicas {}{}", situation.replicas.wanted, git.flags());
    match (draft.writes.as_mut_slice(), draft.plan.steps.as_mut_slice()) {
        ([write @ Write::Scale(_)], [step]) => {
            *write = Write::Git(situation.to());
            "commit".clone_into(&mut step.action);
            step.undo = Some(situation.command(&undo));
        }
        _ if !draft.plan.refusals.is_empty() => {}
        _ => draft.refuse(Refusal {
            code: "not-through-git".to_owned(),
            object: situation.id(),
            reason: "more than its replicas changes: --via git does not know how".to_owned(),
            unsure: false,
            hints: vec!["`scale plan` without --via git shows what is to be changed".to_owned()],
            command: None,
        }),
    }
}

/// What must hold before anything else.
fn expectations(situation: &Situation<'_>, draft: &mut Draft) {
    let refuse = |code: &str, reason: String, hints: &[&str]| Refusal {
        code: code.to_owned(),
        object: situation.id(),
        reason,
        unsure: false,
        hints: hints.iter().map(|&hint| hint.to_owned()).collect(),
        command: None,
    };
    if situation.object.meta.deletion_timestamp.get().is_some() {
        draft.refuse(refuse("being-deleted", "it is being deleted".to_owned(), &[]));
    }
    let wanted = situation.replicas.wanted;
    if let Some(current) = situation.ask.current.filter(|current| *current != wanted) {
        let reason = format!("{} now, not {current} as was expected", are_wanted(wanted));
        draft.refuse(refuse("not-as-expected", reason, &["look again: somebody has changed it"]));
    }
    if let Some(scaling) = Scaling::of(situation.object).filter(|_| !situation.ask.take_over) {
        let to = scaling.to.map_or_else(String::new, |to| format!(" to {to}"));
        let at = scaling.at.map_or_else(String::new, |at| format!(" since {at}"));
        if scaling.is_running(situation.now) {
            let reason = format!("another scaling of it{to} by {} runs{at}", scaling.by);
            let hints = ["wait for its end, or, when nobody runs it any more: --take-over"];
            draft.refuse(refuse("another-scaling-runs", reason, &hints));
        } else {
            draft
                .plan
                .notes
                .push(format!("a scaling of it{to} by {}{at} was broken off or did not end in time", scaling.by));
        }
    }
}

/// So many are wanted already, by a scaling that was broken off: what is left of it is the waiting, and its marks.
fn take_over(situation: &Situation<'_>, scaling: &Scaling, draft: &mut Draft) {
    let from = scaling.from.unwrap_or(situation.replicas.wanted);
    if situation.timeout.is_zero() {
        let (step, write) = unmark(situation, scaling);
        draft.push(step, write);
        return;
    }
    let (step, write) = stamp(situation, from);
    let effect = "so many are wanted already: waits for the end of the scaling that was broken off";
    draft.push(Step { effect: effect.to_owned(), ..step }, write);
}

/// Takes away what says that another scaling runs.
fn unmark(situation: &Situation<'_>, scaling: &Scaling) -> (Step, Write) {
    let (step, _) = stamp(situation, situation.replicas.wanted);
    let effect = "takes away what a scaling left that was broken off: nobody waits for its end";
    let step = Step { action: "unmark".to_owned(), to: None, effect: effect.to_owned(), ..step };
    let patch = json!({"metadata": {"annotations": Scaling::none()}});
    (step, Write::Object { patch, undo: json!({"metadata": {"annotations": scaling.annotations()}}) })
}

/// Says on the object that a scaling runs. It is also what keeps two of them apart: the second finds the object changed.
fn stamp(situation: &Situation<'_>, from: u32) -> (Step, Write) {
    let until = SignedDuration::try_from(situation.timeout).ok().and_then(|left| situation.now.checked_add(left).ok());
    let scaling = Scaling {
        from: Some(from),
        to: Some(situation.to()),
        by: situation.who.to_owned(),
        at: Some(situation.now),
        until,
        reason: situation.reason.map(str::to_owned),
    };
    let step = Step {
        action: "mark".to_owned(),
        object: situation.id(),
        field: Some(format!("metadata.annotations[{TO}]")),
        from: None,
        to: Some(situation.to().to_string().into()),
        effect: "says that a scaling runs, for `status` and for others who scale; taken away at its end".to_owned(),
        risk: Risk::None,
        undo: None,
        state: StepState::Planned,
        message: None,
    };
    let patch = json!({"metadata": {"annotations": scaling.annotations()}});
    let undo = json!({"metadata": {"annotations": Scaling::none()}});
    (step, Write::Object { patch, undo })
}

/// A check that fails forbids the change, unless the person knows better. Ownership has refusals of its own.
fn forbid(situation: &Situation<'_>, draft: &mut Draft) {
    if situation.ask.ignore_preflight {
        return;
    }
    let failed = draft.plan.preflight.iter().filter(|it| it.verdict == Level::Fail && it.check != "ownership");
    let refusals: Vec<Refusal> = failed
        .map(|it| Refusal {
            code: format!("{}-forbids", it.check),
            object: situation.id(),
            reason: it.message.clone(),
            unsure: false,
            hints: vec!["--ignore-preflight scales nonetheless".to_owned()],
            command: None,
        })
        .collect();
    draft.plan.refusals.extend(refusals);
}

fn conclude(situation: &Situation<'_>, plan: &mut Plan) {
    if !plan.refusals.is_empty() {
        plan.state = PlanState::Refused;
        "nothing was changed".clone_into(&mut plan.outcome);
    } else if plan.steps.is_empty() {
        plan.state = PlanState::Done;
        plan.outcome = format!("{} already", are_wanted(situation.replicas.wanted));
    }
    // Of what is known to be elsewhere nothing was asked; what was asked for and not answered is a gap.
    plan.coverage = mlops_shared::health::coverage(situation.inventory.sections());
    plan.coverage.retain(|section| section.gap);
}

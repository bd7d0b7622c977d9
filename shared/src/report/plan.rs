//! The plan of a command that writes: the exact changes, what was looked at before, what forbids them, and afterwards
//! what became of them.
//!
//! As the report, this is a stable form (`apiVersion: mlops/v1`; `kind` says whose plan it is). Texts are as the
//! cluster wrote them. No value of a Secret may be put into it: of a Secret a step names fields, not what they hold.

use super::document::{Block, Cell, Column, Document, Line, Mark, Table, Tone};
use super::overview::{gaps, name, whose};
use super::present::{Case, Detail, Present, Subject};
use super::{API_VERSION, Coverage, Level, ObjectId, View};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;

/// One run of a command that writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// `mlops/v1`
    pub api_version: String,
    /// `ScalePlan`, `RestorePlan`, …
    pub kind: String,
    /// When it was made, RFC 3339.
    pub generated_at: String,
    /// The version of the tool.
    pub tool_version: String,
    /// What was looked at.
    pub view: View,
    /// What was asked for, in one line: `scale Deployment/a/web from 2 to 5`.
    pub request: String,
    /// How far it came.
    pub state: PlanState,
    /// That in one line: why it was refused, what the end was.
    pub outcome: String,
    /// `none`, `client` or `server`.
    pub dry_run: String,
    /// The name under which fields are set.
    pub field_manager: String,
    /// Why, as it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The changes, in their order.
    pub steps: Vec<Step>,
    /// What forbids them; then nothing is changed.
    #[serde(default)]
    pub refusals: Vec<Refusal>,
    /// What was looked at before, and how it is.
    #[serde(default)]
    pub preflight: Vec<Preflight>,
    /// Things to know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Commands for afterwards: what ends a pause, what looks further.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub next: Vec<String>,
    /// Kinds that were wanted and could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coverage: Vec<Coverage>,
}

/// How far a plan came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlanState {
    /// It is a plan.
    Planned,
    /// The API server takes every change, and has kept none (`--dry-run=server`).
    Accepted,
    /// Something forbids it; nothing was changed.
    Refused,
    /// It was done, and what was waited for has come.
    Done,
    /// It was done, and nobody waited for what follows.
    Applied,
    /// It was begun, and its goal was not reached.
    Failed,
    /// An answer was lost: nobody can tell what was done.
    InDoubt,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// The verb: `scale`, `pause`, `create`, …
    pub action: String,
    /// The object that is changed.
    pub object: ObjectId,
    /// The field that is set; absent where it is the whole object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What it is now; absent where there is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
    /// What it will be; absent where it is taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Value>,
    /// What follows from it.
    pub effect: String,
    /// What may go wrong.
    pub risk: Risk,
    /// The command that undoes it; absent where nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
    /// What became of it.
    pub state: StepState,
    /// That in words, where there is more to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What may go wrong with a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// Nothing that its undoing would not mend.
    None,
    /// What runs is disturbed meanwhile.
    Disruption,
    /// It cannot be undone.
    Permanent,
    /// Data is lost.
    DataLoss,
}

impl Risk {
    /// Its word, for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Disruption => "disruption",
            Self::Permanent => "permanent",
            Self::DataLoss => "data loss",
        }
    }
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// Nothing yet.
    Planned,
    /// The API server takes it, and has not kept it.
    Accepted,
    /// It was made.
    Done,
    /// It was not needed: it is so already.
    Unneeded,
    /// The API server refused it.
    Failed,
    /// The answer was lost.
    InDoubt,
    /// What comes before it failed.
    Skipped,
}

impl StepState {
    /// Its word, for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Accepted => "accepted",
            Self::Done => "done",
            Self::Unneeded => "not needed",
            Self::Failed => "failed",
            Self::InDoubt => "in doubt",
            Self::Skipped => "skipped",
        }
    }

    /// How well that is.
    const fn level(self) -> Level {
        match self {
            Self::Planned => Level::Progressing,
            Self::Accepted | Self::Done | Self::Unneeded => Level::Ok,
            Self::Failed => Level::Fail,
            Self::InDoubt | Self::Skipped => Level::Unknown,
        }
    }
}

/// Why a plan is not carried out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// A stable word: `git-sets-it`.
    pub code: String,
    /// What it is about.
    pub object: ObjectId,
    /// Why.
    pub reason: String,
    /// Whether it is only that nobody can tell.
    #[serde(default)]
    pub unsure: bool,
    /// What to do instead.
    #[serde(default)]
    pub hints: Vec<String>,
    /// A command to do it with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// Something that was looked at before a change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Preflight {
    /// A stable word: `capacity`, `quota`, …
    pub check: String,
    /// How it is: OK, WARN, FAIL, or UNKNOWN where it could not be read.
    pub verdict: Level,
    /// That in one line, with the numbers.
    pub message: String,
    /// Lines that support it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
}

impl Plan {
    /// A plan without steps, made at `now`.
    pub fn new(kind: &str, view: View, request: impl Into<String>, now: Timestamp) -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: kind.to_owned(),
            generated_at: now.to_string(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            view,
            request: request.into(),
            state: PlanState::Planned,
            outcome: String::new(),
            dry_run: "none".to_owned(),
            field_manager: String::new(),
            reason: None,
            steps: Vec::new(),
            refusals: Vec::new(),
            preflight: Vec::new(),
            notes: Vec::new(),
            next: Vec::new(),
            coverage: Vec::new(),
        }
    }

    /// Whether the goal was not reached, for a reason that is known.
    pub fn has_failed(&self) -> bool {
        match self.state {
            PlanState::Refused => self.refusals.iter().any(|refusal| !refusal.unsure),
            PlanState::Failed => true,
            _ => false,
        }
    }

    /// Whether nobody can tell: of what was done, or of a plan that was not carried out whether it would hold.
    pub fn is_unsure(&self) -> bool {
        let is_open =
            self.preflight.iter().any(|it| it.verdict == Level::Unknown) || self.coverage.iter().any(|it| it.gap);
        match self.state {
            PlanState::InDoubt => true,
            PlanState::Refused => self.refusals.iter().any(|refusal| refusal.unsure) || is_open,
            PlanState::Planned | PlanState::Accepted => is_open,
            PlanState::Done | PlanState::Applied | PlanState::Failed => false,
        }
    }

    /// The worst that may go wrong.
    pub fn risk(&self) -> Risk {
        self.steps.iter().map(|step| step.risk).max().unwrap_or(Risk::None)
    }

    fn mark(&self) -> Mark {
        let (word, level) = match self.state {
            PlanState::Planned => ("PLAN", Level::Progressing),
            PlanState::Accepted => ("ACCEPTED", Level::Ok),
            PlanState::Refused if self.has_failed() => ("REFUSED", Level::Fail),
            PlanState::Refused => ("REFUSED", Level::Unknown),
            PlanState::Done => ("DONE", Level::Ok),
            PlanState::Applied => ("APPLIED", Level::Progressing),
            PlanState::Failed => ("FAILED", Level::Fail),
            PlanState::InDoubt => ("IN DOUBT", Level::Unknown),
        };
        Mark { word, level }
    }
}

impl Present for Plan {
    fn document(&self, detail: &Detail) -> Document<'_> {
        let whose = whose(&self.view);
        let end = if self.outcome.is_empty() { String::new() } else { format!(": {}", self.outcome) };
        let headline = Line::marked(self.mark(), format!("{whose}: {}{end}", self.request));
        let mut document = Document::new(format!("{} of {whose}", self.kind), headline);
        for refusal in &self.refusals {
            let level = if refusal.unsure { Level::Unknown } else { Level::Fail };
            let text = format!("{}: {} [{}]", name(&refusal.object), refusal.reason, refusal.code);
            document.line(Line::marked(level, text));
            refusal.hints.iter().for_each(|hint| document.line(Line::faint(format!("hint: {hint}"))));
            if let Some(command) = &refusal.command {
                document.command(command.as_str());
            }
        }
        if !self.steps.is_empty() && self.state != PlanState::Refused {
            document.heading("Steps");
            if self.steps.len() > FEW {
                document.blocks.push(Block::Table(self.table(detail)));
            } else {
                self.few(&mut document);
            }
        }
        if !self.preflight.is_empty() {
            document.heading("Preflight");
            for it in &self.preflight {
                document.line(Line::marked(it.verdict, format!("{}: {}", it.check, it.message)));
                let shown = detail.evidence.max(4);
                it.evidence.iter().take(shown).for_each(|line| document.line(Line::faint(line.as_str())));
                document.more(it.evidence.len(), shown);
            }
        }
        gaps(&self.coverage, false, detail, &mut document);
        self.notes.iter().for_each(|note| document.line(Line::plain(format!("note: {note}"))));
        self.commands(
            "To undo",
            self.steps.iter().rev().filter_map(|step| step.undo.as_deref()),
            detail,
            &mut document,
        );
        self.commands("Next", self.next.iter().map(String::as_str), detail, &mut document);
        document
    }

    fn cases(&self) -> Vec<Case<'_>> {
        let steps = self.steps.iter().map(|step| Case {
            context: None,
            suite: "steps",
            subject: subject(&step.object),
            level: match step.state {
                StepState::Done | StepState::Accepted | StepState::Unneeded => Level::Ok,
                StepState::Planned => Level::Progressing,
                StepState::Failed => Level::Fail,
                StepState::InDoubt | StepState::Skipped => Level::Unknown,
            },
            code: &step.action,
            message: step.message.as_deref().unwrap_or(&step.effect),
            evidence: &[],
        });
        let refusals = self.refusals.iter().map(|refusal| Case {
            context: None,
            suite: "refusals",
            subject: subject(&refusal.object),
            level: if refusal.unsure { Level::Unknown } else { Level::Fail },
            code: &refusal.code,
            message: &refusal.reason,
            evidence: &refusal.hints,
        });
        let preflight = self.preflight.iter().map(|it| Case {
            context: None,
            suite: "preflight",
            subject: Subject::Other(Cow::Borrowed(&it.check)),
            level: it.verdict,
            code: &it.check,
            message: &it.message,
            evidence: &it.evidence,
        });
        steps.chain(refusals).chain(preflight).collect()
    }
}

fn subject(object: &ObjectId) -> Subject<'_> {
    let ObjectId { api_version, kind, namespace, name } = object;
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    Subject::Object { group, kind, namespace, name }
}

/// Steps of a plan that is read one by one; more are a table.
const FEW: usize = 8;

impl Plan {
    /// Steps with all that they do: what a table has no room for is what one wants to know before saying yes.
    fn few<'a>(&'a self, document: &mut Document<'a>) {
        for (index, step) in self.steps.iter().enumerate() {
            let word = match step.state {
                StepState::Planned => "PLANNED",
                StepState::Accepted => "ACCEPTED",
                StepState::Done => "DONE",
                StepState::Unneeded => "NOT NEEDED",
                StepState::Failed => "FAILED",
                StepState::InDoubt => "IN DOUBT",
                StepState::Skipped => "SKIPPED",
            };
            let level = step.state.level();
            let mut what = format!("{}. {} {}", index + 1, step.action, name(&step.object));
            if let Some(field) = &step.field {
                what.push_str(&format!(", {field}"));
            }
            match (short(step.from.as_ref()), short(step.to.as_ref())) {
                (Some(from), Some(to)) => what.push_str(&format!(" from {from} to {to}")),
                (None, Some(to)) => what.push_str(&format!(" to {to}")),
                (_, None) => {}
            }
            if step.risk != Risk::None {
                what.push_str(&format!(" [risk: {}]", step.risk.word()));
            }
            document.line(Line::marked(Mark { word, level }, what));
            document.line(Line::faint(step.message.as_deref().unwrap_or(&step.effect)));
        }
    }

    fn table(&self, detail: &Detail) -> Table<'_> {
        let mut table = Table::new([
            Column::new("STEP").right(),
            Column::new("ACTION"),
            Column::new("OBJECT"),
            Column::new("FIELD"),
            Column::new("FROM"),
            Column::new("TO"),
            Column::new("RISK"),
            Column::new("STATE"),
            Column::new("EFFECT").flex(3),
        ]);
        table.omitted = self.steps.len().saturating_sub(detail.findings);
        for (index, step) in self.steps.iter().take(detail.findings).enumerate() {
            let risk = match step.risk {
                Risk::None => Tone::Faint,
                Risk::Disruption | Risk::Permanent => Tone::Level(Level::Warn),
                Risk::DataLoss => Tone::Level(Level::Fail),
            };
            let state = match step.state {
                StepState::Planned => Tone::Plain,
                state => Tone::Level(state.level()),
            };
            table.row([
                (index + 1).to_string().into(),
                step.action.as_str().into(),
                Cell::toned(name(&step.object), Tone::Strong),
                Cell::or_dash(step.field.as_deref().unwrap_or_default()),
                Cell::or_dash(value(step.from.as_ref())),
                Cell::or_dash(value(step.to.as_ref())),
                Cell::toned(step.risk.word(), risk),
                Cell::toned(step.state.word(), state),
                step.message.as_deref().unwrap_or(&step.effect).into(),
            ]);
        }
        table
    }

    fn commands<'a>(
        &self,
        title: &'static str,
        commands: impl Iterator<Item = &'a str>,
        detail: &Detail,
        document: &mut Document<'a>,
    ) {
        let commands: Vec<&str> = commands.collect();
        if commands.is_empty() || self.state == PlanState::Refused {
            return;
        }
        document.heading(title);
        let total = commands.len();
        commands.into_iter().take(detail.findings).for_each(|command| document.command(command));
        document.more(total, detail.findings);
    }
}

/// A value that goes into a line: a number, a word, a truth.
fn short(of: Option<&Value>) -> Option<Cow<'_, str>> {
    let is_plain = of.is_some_and(|it| !it.is_array() && !it.is_object());
    Some(value(of)).filter(|text| is_plain && !text.is_empty() && text.len() <= 60)
}

/// A value as a cell shows it: texts without quotes.
fn value(value: Option<&Value>) -> Cow<'_, str> {
    match value {
        None | Some(Value::Null) => Cow::Borrowed(""),
        Some(Value::String(text)) => Cow::Borrowed(text),
        Some(other) => Cow::Owned(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Format, Style, render};

    fn plan() -> Plan {
        let view = View {
            source: "cluster".to_owned(),
            name: "prod".to_owned(),
            server: None,
            server_version: None,
            user: None,
            namespaces: Vec::new(),
            platform: None,
        };
        let web = ObjectId {
            api_version: "apps/v1".to_owned(),
            kind: "Deployment".to_owned(),
            namespace: "a".to_owned(),
            name: "web".to_owned(),
        };
        let mut plan = Plan::new("ScalePlan", view, "scale Deployment/a/web from 2 to 5", Timestamp::UNIX_EPOCH);
        plan.steps.push(Step {
            action: "scale".to_owned(),
            object: web.clone(),
            field: Some(".spec.replicas".to_owned()),
            from: Some(2.into()),
            to: Some(5.into()),
            effect: "3 pods are started\u{1b}[2J".to_owned(),
            risk: Risk::None,
            undo: Some("kubectl mlops scale deployment/web -n a --replicas 2".to_owned()),
            state: StepState::Planned,
            message: None,
        });
        plan.preflight.push(Preflight {
            check: "capacity".to_owned(),
            verdict: Level::Ok,
            message: "fits now".to_owned(),
            evidence: vec!["node-1 takes 3".to_owned()],
        });
        plan
    }

    fn text(plan: &Plan, format: Format) -> String {
        let style = Style { color: false, width: 110, headers: true, show: Level::Ok };
        render(plan, format, &style).expect("rendered")
    }

    #[test]
    fn a_plan_reads_well() {
        insta::assert_snapshot!(text(&plan(), Format::Table), @r"
    PLAN  cluster prod: scale Deployment/a/web from 2 to 5

    STEPS
    PLANNED  1. scale Deployment/a/web, .spec.replicas from 2 to 5
             3 pods are started^[[2J

    PREFLIGHT
    OK       capacity: fits now
             node-1 takes 3

    TO UNDO
      kubectl mlops scale deployment/web -n a --replicas 2
    ");
    }

    #[test]
    fn a_refusal_comes_first_and_offers_no_undoing() {
        let mut plan = plan();
        let object = plan.steps[0].object.clone();
        plan.state = PlanState::Refused;
        plan.refusals.push(Refusal {
            code: "git-sets-it".to_owned(),
            object,
            reason: "Git sets .spec.replicas".to_owned(),
            unsure: false,
            hints: vec!["edit it in Git".to_owned()],
            command: Some("git -C infra log".to_owned()),
        });
        insta::assert_snapshot!(text(&plan, Format::Table), @r"
    REFUSED  cluster prod: scale Deployment/a/web from 2 to 5

    FAIL  Deployment/a/web: Git sets .spec.replicas [git-sets-it]
          hint: edit it in Git
      git -C infra log

    PREFLIGHT
    OK    capacity: fits now
          node-1 takes 3
    ");
    }

    #[test]
    fn every_format_is_safe_and_whole() {
        for (word, format) in Format::ALL {
            let text = text(&plan(), format);
            assert!(!text.contains('\u{1b}'), "{word}: {text}");
            assert!(matches!(format, Format::Prometheus) || text.contains("web"), "{word}: {text}");
        }
        let read: Plan = serde_json::from_str(&text(&plan(), Format::Json)).expect("reads back");
        assert_eq!(read, plan());
    }

    #[test]
    fn how_it_ended_decides_the_exit() {
        let end = |state| {
            let plan = Plan { state, ..plan() };
            (plan.has_failed(), plan.is_unsure())
        };
        assert_eq!(end(PlanState::Planned), (false, false));
        assert_eq!(end(PlanState::Done), (false, false));
        assert_eq!(end(PlanState::Failed), (true, false));
        assert_eq!(end(PlanState::InDoubt), (false, true));
        let mut unread = plan();
        unread.preflight[0].verdict = Level::Unknown;
        assert!(unread.is_unsure() && !unread.has_failed());
    }
}

//! What a restore says: the plan, and afterwards what became of each object.

use super::finalizers;
use super::head::Head;
use super::plan::{Action, Item};
use mlops_shared::report::document::{Block, Cell, Column, Line, Mark, Table, Tone};
use mlops_shared::report::{Detail, Document, Level, Present};
use mlops_shared::text;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// The plan of a restore, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestoreReport {
    /// `mlops/v1`
    pub(crate) api_version: String,
    /// `RestoreReport`
    pub(crate) kind: String,
    /// The archive's path.
    pub(crate) archive: String,
    /// When the backup was taken.
    pub(crate) taken_at: String,
    /// The context of the cluster that it is restored into.
    pub(crate) context: String,
    /// `none`, `client` or `server`.
    pub(crate) dry_run: String,
    /// Why nothing was changed, where something forbids it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refused: Option<String>,
    /// How many objects have which action.
    pub(crate) counts: BTreeMap<String, usize>,
    /// The objects, in the order in which they are made.
    pub(crate) objects: Vec<Restored>,
    /// The journal of the run; absent where nothing was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) journal: Option<String>,
    /// Things to know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) notes: Vec<String>,
}

/// What became of an object.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Restored {
    /// API group; empty for the core group.
    pub(crate) group: String,
    /// Kind.
    pub(crate) kind: String,
    /// Namespace that it is restored into; empty for cluster-scoped objects.
    pub(crate) namespace: String,
    /// Name.
    pub(crate) name: String,
    /// What is to become of it.
    pub(crate) action: Action,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) why: String,
    /// What became of it.
    pub(crate) state: State,
    /// That in words, where there is more to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    /// What of it is not made again: finalizers that controllers add, and owners that are not there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) left_off: Vec<String>,
    /// Whether it is blocked only because something could not be read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) unsure: bool,
}

/// What became of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing is to be done.
    None,
    /// Nothing yet.
    Planned,
    /// The API server takes it, and has kept nothing.
    Accepted,
    /// The API server could not be asked before what it needs is there.
    NotAsked,
    /// It was written.
    Done,
    /// The API server refused it.
    Failed,
    /// Nobody can tell whether it was written.
    InDoubt,
    /// What it needs was not written.
    Skipped,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::None => "-",
            Self::Planned => "planned",
            Self::Accepted => "accepted",
            Self::NotAsked => "not asked",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::InDoubt => "in doubt",
            Self::Skipped => "skipped",
        }
    }

    const fn level(self) -> Level {
        match self {
            Self::None | Self::Planned => Level::Progressing,
            Self::Accepted | Self::Done => Level::Ok,
            Self::NotAsked | Self::InDoubt | Self::Skipped => Level::Unknown,
            Self::Failed => Level::Fail,
        }
    }
}

/// `Secret/data-plane/db`, or `Node/n1` of what has no namespace.
pub(crate) fn label(kind: &str, namespace: &str, name: &str) -> String {
    match namespace {
        "" => format!("{kind}/{name}"),
        namespace => format!("{kind}/{namespace}/{name}"),
    }
}

impl Restored {
    /// Of what a plan says.
    pub(crate) fn planned(head: &Head, item: &Item) -> Self {
        Self {
            group: item.target.group.clone(),
            kind: head.kind.clone(),
            namespace: item.target.namespace.clone(),
            name: item.target.name.clone(),
            action: item.action,
            why: item.why.clone(),
            state: if item.action.writes() { State::Planned } else { State::None },
            message: None,
            left_off: match item.action.writes() {
                true => head.finalizers.iter().map(|name| format!("finalizer {name}")).collect(),
                false => Vec::new(),
            },
            unsure: item.is_unsure,
        }
    }

    /// What of it is left off that Kubernetes does not add again by itself.
    fn misses(&self) -> impl Iterator<Item = &str> {
        let is_own = |what: &&str| what.strip_prefix("finalizer ").is_some_and(finalizers::is_of_kubernetes);
        self.left_off.iter().map(String::as_str).filter(move |what| !is_own(what))
    }

    fn label(&self) -> String {
        label(&self.kind, &self.namespace, &self.name)
    }

    /// Whether it was wanted and is not there.
    fn is_missed(&self) -> bool {
        matches!(self.state, State::Failed | State::Skipped) || (self.action == Action::Blocked && !self.unsure)
    }

    fn is_open(&self) -> bool {
        self.state == State::InDoubt || (self.action == Action::Blocked && self.unsure)
    }

    fn says(&self) -> &str {
        self.message.as_deref().unwrap_or(&self.why)
    }
}

impl RestoreReport {
    /// Counts the actions.
    pub(crate) fn count(&mut self) {
        self.counts.clear();
        for it in &self.objects {
            *self.counts.entry(it.action.word().replace(' ', "-")).or_default() += 1;
        }
    }

    /// Whether something that was wanted is not there, for a reason that is known.
    pub(crate) fn has_failed(&self) -> bool {
        self.refused.is_some() || self.objects.iter().any(Restored::is_missed)
    }

    /// Whether of something nobody can tell.
    pub(crate) fn is_unsure(&self) -> bool {
        self.objects.iter().any(Restored::is_open)
    }

    /// Whether anything is to be written.
    pub(crate) fn writes(&self) -> bool {
        self.objects.iter().any(|it| it.action.writes())
    }

    /// `create 12, equal 3`
    pub(crate) fn summary(&self) -> String {
        let mut actions: Vec<(Action, usize)> = Vec::new();
        for it in &self.objects {
            match actions.iter_mut().find(|(action, _)| *action == it.action) {
                Some((_, count)) => *count += 1,
                None => actions.push((it.action, 1)),
            }
        }
        actions.sort();
        let parts: Vec<String> = actions.iter().map(|(action, count)| format!("{count} {}", action.word())).collect();
        if parts.is_empty() { "nothing fits".to_owned() } else { parts.join(", ") }
    }

    fn mark(&self) -> Mark {
        let is_begun = self.objects.iter().any(|it| !matches!(it.state, State::None | State::Planned));
        let (word, level) = match () {
            () if self.refused.is_some() => ("REFUSED", Level::Fail),
            () if self.objects.iter().any(|it| it.state == State::Failed) => ("FAILED", Level::Fail),
            () if self.objects.iter().any(|it| it.state == State::InDoubt) => ("IN DOUBT", Level::Unknown),
            () if is_begun && self.has_failed() => ("IN PART", Level::Fail),
            () if is_begun && self.is_unsure() => ("IN PART", Level::Unknown),
            () if is_begun && self.dry_run == "server" => ("ACCEPTED", Level::Ok),
            () if is_begun => ("DONE", Level::Ok),
            () => ("PLAN", Level::Progressing),
        };
        Mark { word, level }
    }
}

impl Present for RestoreReport {
    fn document(&self, detail: &Detail) -> Document<'_> {
        let headline = format!("restore {} into {}: {}", self.archive, self.context, self.summary());
        let mut document = Document::new(format!("Restore into {}", self.context), Line::marked(self.mark(), headline));
        if let Some(why) = &self.refused {
            document.line(Line::marked(Level::Fail, why.as_str()));
        }
        let missed: Vec<&Restored> = self.objects.iter().filter(|it| it.is_missed() || it.is_open()).collect();
        if !missed.is_empty() {
            document.heading("Not restored");
            for it in missed.iter().take(detail.findings) {
                let level = if it.is_missed() { Level::Fail } else { Level::Unknown };
                document.line(Line::marked(level, format!("{}: {}", it.label(), it.says())));
            }
            document.more(missed.len(), detail.findings);
        }
        let bare: Vec<&Restored> = self.objects.iter().filter(|it| it.misses().next().is_some()).collect();
        if !bare.is_empty() {
            document.heading("Left off");
            for it in bare.iter().take(detail.findings) {
                let what: Vec<&str> = it.misses().collect();
                document.line(Line::plain(format!("{}: {}", it.label(), what.join(", "))));
            }
            document.more(bare.len(), detail.findings);
        }
        document.heading("Objects");
        let mut table = Table::new([
            Column::new("OBJECT"),
            Column::new("ACTION"),
            Column::new("STATE"),
            Column::new("WHY").flex(2),
        ]);
        // What is written comes first; of what is left alone a screen shows as many as fit.
        let ordered = self.objects.iter().filter(|it| it.action.writes());
        let ordered = ordered.chain(self.objects.iter().filter(|it| !it.action.writes()));
        for it in ordered.take(detail.findings) {
            table.row([
                Cell::toned(it.label(), Tone::Strong),
                Cell::from(it.action.word()),
                Cell::toned(
                    it.state.word(),
                    if it.state == State::None { Tone::Plain } else { Tone::Level(it.state.level()) },
                ),
                Cell::or_dash(it.says()),
            ]);
        }
        table.omitted = self.objects.len().saturating_sub(detail.findings);
        table.filter = true;
        document.blocks.push(Block::Table(table));
        for note in &self.notes {
            document.line(Line::plain(format!("note: {note}")));
        }
        if let Some(journal) = &self.journal {
            let count = self.objects.iter().filter(|it| it.state == State::Done).count();
            document.line(Line::plain(format!("{} written; journal: {journal}", text::plural(count, "object"))));
        }
        document
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(objects: &[(Action, State, bool)]) -> RestoreReport {
        let object = |(action, state, unsure): &(Action, State, bool)| Restored {
            group: String::new(),
            kind: "Secret".to_owned(),
            namespace: "a".to_owned(),
            name: "s\u{1b}[2J".to_owned(),
            action: *action,
            why: "why".to_owned(),
            state: *state,
            message: None,
            left_off: vec!["finalizer kubernetes.io/pvc-protection".to_owned(), "owner Deployment/web".to_owned()],
            unsure: *unsure,
        };
        RestoreReport {
            api_version: "mlops/v1".to_owned(),
            kind: "RestoreReport".to_owned(),
            archive: "a.tar.zst".to_owned(),
            taken_at: "t".to_owned(),
            context: "prod".to_owned(),
            dry_run: "none".to_owned(),
            refused: None,
            counts: BTreeMap::new(),
            objects: objects.iter().map(object).collect(),
            journal: None,
            notes: Vec::new(),
        }
    }

    #[test]
    fn what_was_not_restored_decides_the_exit_and_the_first_word() {
        for (objects, word, failed, unsure) in [
            (vec![(Action::Create, State::Planned, false)], "PLAN", false, false),
            (vec![(Action::Create, State::Done, false), (Action::Never, State::None, false)], "DONE", false, false),
            (vec![(Action::Create, State::Failed, false)], "FAILED", true, false),
            (vec![(Action::Create, State::InDoubt, false)], "IN DOUBT", false, true),
            (vec![(Action::Blocked, State::None, false)], "PLAN", true, false),
            (vec![(Action::Blocked, State::None, true)], "PLAN", false, true),
            (vec![(Action::Create, State::Done, false), (Action::Blocked, State::None, false)], "IN PART", true, false),
        ] {
            let report = report(&objects);
            assert_eq!(
                (report.mark().word, report.has_failed(), report.is_unsure()),
                (word, failed, unsure),
                "{objects:?}"
            );
        }
    }

    #[test]
    fn a_report_is_safe_to_print() {
        use mlops_shared::report::{Format, Style, render};
        let style = Style { color: false, width: 100, headers: true, show: Level::Ok };
        let text = render(&report(&[(Action::Blocked, State::None, false)]), Format::Table, &style).expect("rendered");
        assert!(text.contains("owner Deployment/web") && !text.contains("pvc-protection"), "{text}");
        assert!(text.contains("PLAN  restore a.tar.zst into prod: 1 blocked") && !text.contains('\u{1b}'), "{text}");
    }
}

//! `health --wait`: when waiting has an end. Pure: looks and a clock in, a state out.

use crate::clusters::Look;
use crate::settings::FailOn;
use jiff::Timestamp;
use mlops_shared::cli::Exit;
use mlops_shared::health::find_code;
use mlops_shared::object::STATISTICS_GROUP;
use mlops_shared::report::{Level, ObjectId, Outlook, Report};
use mlops_shared::text;
use std::collections::{BTreeMap, BTreeSet};

/// How far the wait is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// Healthy in two looks in a row.
    Healthy,
    /// Healthy in this look; a pod that flaps may be so for a moment.
    Settling,
    /// Not yet, and it may become so: how the wait would end now, and what is in the way.
    Pending {
        /// The exit if the time were over.
        exit: Exit,
        /// What is in the way, most urgent first.
        lines: Vec<String>,
    },
    /// Something does not become healthy without a change.
    Hopeless(Vec<String>),
    /// All is well as far as can be seen, and what cannot be seen will not show itself.
    Unreadable(Vec<String>),
}

impl State {
    /// What a person at a terminal is told.
    pub(crate) fn progress(&self) -> String {
        match self {
            Self::Pending { lines, .. } => match lines.as_slice() {
                [] => "waiting".to_owned(),
                [only] => format!("waiting for {only}"),
                [first, rest @ ..] => format!("waiting for {first}; and {} more", rest.len()),
            },
            Self::Settling => "healthy; looking once more".to_owned(),
            Self::Healthy => "healthy".to_owned(),
            Self::Hopeless(_) | Self::Unreadable(_) => "giving up".to_owned(),
        }
    }
}

/// A finding of one cluster.
type Key = (String, ObjectId, String);

/// The order is that in which lines are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// At or above the threshold.
    Bad,
    /// On its way.
    Progress,
    /// Nobody can tell.
    Unknown,
}

/// What one look says.
#[derive(Debug, Default)]
struct Sight {
    blockers: Vec<(Kind, String)>,
    /// Findings that do not heal by themselves, with their lines.
    stuck: BTreeMap<Key, String>,
    /// What cannot be read, and trying again does not help.
    dark: BTreeSet<String>,
    /// Whether all that is unknown is in `dark`.
    is_all_dark: bool,
}

/// What is waited for.
#[derive(Debug)]
pub(crate) struct Goal {
    fail_on: FailOn,
    /// Whether labels narrow the scope, so that a namespace may hold none of it.
    is_selected: bool,
    /// Since when each finding of the last look stands, by this wait's own clock.
    first_seen: BTreeMap<Key, Timestamp>,
    /// What did not heal by itself in the last look.
    stuck: BTreeSet<Key>,
    was_healthy: bool,
    dark: BTreeSet<String>,
}

impl Goal {
    /// Healthy at this threshold, of all objects or of those that a selector picks.
    pub(crate) fn new(fail_on: FailOn, is_selected: bool) -> Self {
        Self {
            fail_on,
            is_selected,
            first_seen: BTreeMap::new(),
            stuck: BTreeSet::new(),
            was_healthy: false,
            dark: BTreeSet::new(),
        }
    }

    /// Takes a look at every cluster into account.
    pub(crate) fn see(&mut self, looks: &[Look], now: Timestamp) -> State {
        let mut sight = Sight { is_all_dark: true, ..Sight::default() };
        let mut seen = BTreeMap::new();
        for look in looks {
            match &look.outcome {
                Ok(report) => self.report(&look.context, report, now, &mut sight, &mut seen),
                Err(unread) => {
                    let line = format!("{}: {}", or_current(&look.context), unread.error.message);
                    if unread.is_final {
                        sight.dark.insert(line.clone());
                    } else {
                        sight.is_all_dark = false;
                    }
                    sight.blockers.push((Kind::Unknown, line));
                }
            }
        }
        self.first_seen = seen;
        sight.blockers.sort_by_key(|(kind, _)| *kind);
        self.decide(sight)
    }

    fn decide(&mut self, sight: Sight) -> State {
        // One look may catch what is about to be replaced; what is stuck is so in the next one too.
        let confirmed: Vec<String> =
            sight.stuck.iter().filter(|(key, _)| self.stuck.contains(*key)).map(|(_, line)| line.clone()).collect();
        self.stuck = sight.stuck.into_keys().collect();
        let worst = sight.blockers.first().map(|(kind, _)| *kind);
        let is_healthy = worst.is_none();
        let was_healthy = std::mem::replace(&mut self.was_healthy, is_healthy);
        let is_dark = worst == Some(Kind::Unknown) && sight.is_all_dark && sight.dark == self.dark;
        self.dark = sight.dark;
        match worst {
            None if was_healthy => State::Healthy,
            None => State::Settling,
            Some(_) if !confirmed.is_empty() => State::Hopeless(confirmed),
            Some(_) if is_dark => State::Unreadable(self.dark.iter().cloned().collect()),
            Some(kind) => State::Pending {
                exit: if kind == Kind::Unknown { Exit::Unchecked } else { Exit::Findings },
                lines: sight.blockers.into_iter().map(|(_, line)| line).collect(),
            },
        }
    }

    fn report(
        &self,
        cluster: &str,
        report: &Report,
        now: Timestamp,
        sight: &mut Sight,
        seen: &mut BTreeMap<Key, Timestamp>,
    ) {
        for cause in &report.causes {
            let outlook = |code: &str| find_code(code).map_or(Outlook::Open, |code| code.outlook);
            // A Job at work, and its pods that start, are no step on the way to health.
            let is_work = outlook(&cause.code) == Outlook::Work
                || cause.explains.iter().any(|effect| outlook(&effect.code) == Outlook::Work);
            let root = (&cause.object, cause.verdict, &cause.code, &cause.message);
            let effects =
                cause.explains.iter().map(|effect| (&effect.object, effect.verdict, &effect.code, &effect.message));
            let mut is_blocking = false;
            for (index, (object, level, code, message)) in std::iter::once(root).chain(effects).enumerate() {
                let Some(kind) = self.kind(level, is_work) else { continue };
                let line = line(object, message, code);
                sight.is_all_dark &= kind != Kind::Unknown;
                is_blocking = true;
                if index > 0 && outlook(code) == Outlook::Final {
                    sight.stuck.insert((cluster.to_owned(), object.clone(), code.clone()), line.clone());
                }
                sight.blockers.push((kind, line));
            }
            if !is_blocking {
                continue;
            }
            let key = (cluster.to_owned(), cause.object.clone(), cause.code.clone());
            let first = *self.first_seen.get(&key).unwrap_or(&now);
            let since = cause.since.as_deref().and_then(|since| since.parse::<Timestamp>().ok());
            let stood = now.duration_since(since.map_or(first, |since| since.min(first))).as_secs();
            let is_stuck = match outlook(&cause.code) {
                Outlook::Open | Outlook::Work => false,
                Outlook::Stuck(seconds) => stood >= i64::from(seconds),
                Outlook::Final => true,
            };
            if is_stuck {
                sight.stuck.insert(key.clone(), line(&cause.object, &cause.message, &cause.code));
            }
            seen.insert(key, first);
        }
        self.gaps(cluster, report, sight);
    }

    /// What was not read, and a scope in which nothing is.
    fn gaps(&self, cluster: &str, report: &Report, sight: &mut Sight) {
        let mut gaps = 0;
        for section in report.coverage.iter().filter(|section| section.gap) {
            gaps += 1;
            let why = section.why.as_deref().unwrap_or("the reason is not known");
            let line = format!("{}: {} was not read: {why}", or_current(cluster), section.kind);
            // A hint stands where a right is missing; a kubelet that does not answer may yet.
            if section.hint.is_some() && section.group != STATISTICS_GROUP {
                sight.dark.insert(line.clone());
            } else {
                sight.is_all_dark = false;
            }
            sight.blockers.push((Kind::Unknown, line));
        }
        if report.summary.partial && gaps == 0 {
            sight.is_all_dark = false;
            sight.blockers.push((Kind::Unknown, format!("{}: not everything could be read", or_current(cluster))));
        }
        // Nothing is not healthy: the name may be wrong, or nobody has come to it yet.
        let holds = |namespace: &str| report.objects.iter().any(|entry| entry.namespace == namespace);
        let wanted = &report.view.namespaces;
        let empty = match (wanted.as_slice(), self.is_selected) {
            ([], _) => (report.objects.is_empty()).then(|| "the scope".to_owned()),
            (all, true) => (!all.iter().any(|name| holds(name))).then(|| "the scope".to_owned()),
            (all, false) => all.iter().find(|name| !holds(name)).map(|name| format!("namespace {name}")),
        };
        if let Some(empty) = empty.filter(|_| gaps == 0) {
            sight.is_all_dark = false;
            sight.blockers.push((Kind::Unknown, format!("{}: nothing is in {empty}", or_current(cluster))));
        }
    }

    /// What a level means for the wait; `None` when it is not in the way.
    fn kind(&self, level: Level, is_work: bool) -> Option<Kind> {
        match level {
            level if self.fail_on.is_met(level) => Some(Kind::Bad),
            Level::Unknown => Some(Kind::Unknown),
            Level::Progressing if !is_work => Some(Kind::Progress),
            _ => None,
        }
    }
}

fn or_current(context: &str) -> &str {
    if context.is_empty() { "the cluster" } else { context }
}

fn line(object: &ObjectId, message: &str, code: &str) -> String {
    let parts = [&object.kind, &object.namespace, &object.name].into_iter().filter(|part| !part.is_empty());
    let name = parts.map(String::as_str).collect::<Vec<_>>().join("/");
    text::truncate(&format!("{name}: {}", text::truncate(message, 200)), 600) + &format!(" [{code}]")
}

#[cfg(test)]
#[path = "wait_tests.rs"]
mod tests;

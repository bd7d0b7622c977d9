//! What was known at the last look, and what is different now. Pure: reports in, events out.
//!
//! A kind that cannot be read keeps what was known of it: its objects are neither gone nor well. So
//! do full volumes whose kubelets no longer say how full they are.

use super::event::{EventType, HealthEvent};
use super::line::name;
use jiff::Timestamp;
use mlops_shared::health::fullness::is_measured;
use mlops_shared::object::{STATISTICS_GROUP, Sym};
use mlops_shared::report::{Entry, Level, ObjectId, Report};
use mlops_shared::text;
use std::collections::{BTreeMap, BTreeSet};

/// Kinds that one line names before it counts the rest.
const NAMED: usize = 8;

/// Group, kind, namespace, name. Not the version: an upgrade of the API is no change of health.
type Key = (Sym, Sym, Sym, Sym);

#[derive(Debug, Clone)]
struct Known {
    api_version: Sym,
    level: Level,
    code: Sym,
}

/// What is known of one cluster: levels, no reports, so that a watch of weeks holds no more than a
/// cluster's size.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    objects: BTreeMap<Key, Known>,
    causes: BTreeMap<Key, Known>,
    unread: BTreeSet<(Sym, Sym)>,
    /// Whether some kubelets gave no figures at the last look.
    is_unmeasured: bool,
    /// The context.
    cluster: String,
    /// When the last look that gave a report was.
    seen: Option<String>,
    /// Whether the last look gave nothing.
    is_stale: bool,
}

impl Tracker {
    /// Whether there was a look, good or bad.
    pub(crate) fn has_started(&self) -> bool {
        self.seen.is_some() || self.is_stale
    }

    /// The cluster could not be read. It is said once.
    pub(crate) fn miss(&mut self, cluster: &str, why: &str, now: Timestamp) -> Vec<HealthEvent> {
        if !cluster.is_empty() {
            cluster.clone_into(&mut self.cluster);
        }
        if std::mem::replace(&mut self.is_stale, true) {
            return Vec::new();
        }
        let what = if self.seen.is_some() { "the view is stale" } else { "nothing is known yet" };
        let event = HealthEvent {
            message: format!("{what}: {why}"),
            since: self.seen.clone(),
            ..HealthEvent::new(EventType::Stale, &self.cluster, &now.to_string())
        };
        vec![event]
    }

    /// What is different from the look before.
    pub(crate) fn see(&mut self, report: &Report) -> Vec<HealthEvent> {
        self.cluster.clone_from(&report.view.name);
        let mut events = Vec::new();
        let is_first = self.seen.is_none();
        let before = self.seen.replace(report.generated_at.clone());
        if std::mem::take(&mut self.is_stale) {
            let mut event = self.event(EventType::Current, report);
            let time = |text: &str| text.parse::<Timestamp>().ok();
            event.message = match before.as_deref().and_then(time).zip(time(&report.generated_at)) {
                Some((before, now)) => format!("the view is current again after {}", text::age(before, now)),
                None => "the cluster answers".to_owned(),
            };
            events.push(event);
        }
        if is_first {
            events.push(self.state(report));
        }
        self.kinds(report, &mut events);
        let causes = self.causes(report, &mut events);
        let objects = self.objects(report, is_first, &mut events);
        (self.causes, self.objects) = (causes, objects);
        events
    }

    fn event(&self, event: EventType, report: &Report) -> HealthEvent {
        HealthEvent::new(event, &self.cluster, &report.generated_at)
    }

    fn state(&self, report: &Report) -> HealthEvent {
        let levels = report.summary.levels.iter().rev().map(|(level, count)| format!("{count} {level}"));
        let levels: Vec<String> = levels.collect();
        let partial = if report.summary.partial { "; PARTIAL: not everything could be read" } else { "" };
        HealthEvent {
            to: Some(report.verdict),
            message: format!(
                "{}, {}: {}{partial}",
                text::plural(report.summary.causes, "cause"),
                text::plural(report.summary.objects, "object"),
                levels.join(", ")
            ),
            summary: Some(report.summary.clone()),
            ..self.event(EventType::State, report)
        }
    }

    /// Kinds that are no longer read, and those that are again.
    fn kinds(&mut self, report: &Report, events: &mut Vec<HealthEvent>) {
        let gaps = report.coverage.iter().filter(|section| section.gap);
        let gaps: BTreeMap<(Sym, Sym), &str> = gaps
            .map(|section| {
                let why = section.why.as_deref().unwrap_or("the reason is not known");
                ((Sym::new(&section.group), Sym::new(&section.kind)), why)
            })
            .collect();
        let listed = |kinds: &[&(Sym, Sym)]| {
            let names = kinds.iter().take(NAMED).map(|(group, kind)| match group.as_str() {
                "" => kind.to_string(),
                STATISTICS_GROUP => "how full volumes are".to_owned(),
                group => format!("{kind}.{group}"),
            });
            let mut names: Vec<String> = names.collect();
            if kinds.len() > NAMED {
                names.push(format!("{} more kinds", kinds.len() - NAMED));
            }
            names.join(", ")
        };
        let lost: Vec<&(Sym, Sym)> = gaps.keys().filter(|kind| !self.unread.contains(*kind)).collect();
        if let Some(first) = lost.first() {
            let message = format!("{}: {}", listed(&lost), gaps[*first]);
            events.push(HealthEvent { message, ..self.event(EventType::KindsUnread, report) });
        }
        let back: Vec<&(Sym, Sym)> = self.unread.iter().filter(|kind| !gaps.contains_key(*kind)).collect();
        if !back.is_empty() {
            events.push(HealthEvent { message: listed(&back), ..self.event(EventType::KindsRead, report) });
        }
        self.unread = gaps.into_keys().collect();
        self.is_unmeasured = report.coverage.iter().any(|section| section.group == STATISTICS_GROUP && !section.read);
    }

    /// Whether nothing can be said of a kind: it was not read, or a partial discovery does not name it.
    fn is_dark(&self, key: &Key, report: &Report) -> bool {
        let (group, kind, ..) = key;
        if self.unread.contains(&(group.clone(), kind.clone())) {
            return true;
        }
        report.summary.partial
            && !report.coverage.iter().any(|section| section.group == **group && section.kind == **kind)
    }

    /// Whether a finding is gone only because nobody measured again: the object is there, and its
    /// figures are not.
    fn is_unmeasured(&self, before: &Known, entry: &Entry) -> bool {
        self.is_unmeasured && is_measured(&before.code) && entry.verdict < before.level
    }

    fn causes(&self, report: &Report, events: &mut Vec<HealthEvent>) -> BTreeMap<Key, Known> {
        let mut now: BTreeMap<Key, Known> = BTreeMap::new();
        for cause in &report.causes {
            let key = key(&cause.object);
            let before = self.causes.get(&key);
            if before.is_none_or(|before| before.level != cause.verdict) {
                events.push(HealthEvent {
                    object: Some(cause.object.clone()),
                    from: before.or_else(|| self.objects.get(&key)).map(|before| before.level),
                    to: Some(cause.verdict),
                    code: Some(cause.code.clone()),
                    message: cause.message.clone(),
                    since: cause.since.clone(),
                    explains: Some(cause.explains.len()),
                    ..self.event(EventType::CauseAppeared, report)
                });
            }
            now.insert(key, known(&cause.object.api_version, cause.verdict, &cause.code));
        }
        for (key, before) in self.causes.iter().filter(|(key, _)| !now.contains_key(*key)).collect::<Vec<_>>() {
            let entry = report.objects.iter().find(|entry| is_key(entry, key));
            let is_held = entry.is_some_and(|entry| self.is_unmeasured(before, entry));
            if is_held || (entry.is_none() && self.is_dark(key, report)) {
                now.insert(key.clone(), before.clone());
                continue;
            }
            events.push(HealthEvent {
                object: Some(id(key, before)),
                from: Some(before.level),
                to: entry.map(|entry| entry.verdict),
                code: Some(before.code.to_string()),
                message: entry.map_or_else(|| "it is not there".to_owned(), |entry| entry.message.to_string()),
                cause: entry.and_then(|entry| entry.cause.as_deref().cloned()),
                ..self.event(EventType::CauseCleared, report)
            });
        }
        now
    }

    fn objects(&self, report: &Report, is_first: bool, events: &mut Vec<HealthEvent>) -> BTreeMap<Key, Known> {
        let mut now: BTreeMap<Key, Known> = BTreeMap::new();
        let mut changed = Vec::new();
        for entry in &report.objects {
            let key: Key =
                (Sym::new(group(&entry.api_version)), entry.kind.clone(), entry.namespace.clone(), entry.name.clone());
            let before = self.objects.get(&key);
            if let Some(held) = before.filter(|before| self.is_unmeasured(before, entry)) {
                now.insert(key, held.clone());
                continue;
            }
            if !is_first && before.is_none_or(|before| before.level != entry.verdict) {
                changed.push(HealthEvent {
                    object: Some(entry_id(entry)),
                    from: before.map(|before| before.level),
                    to: Some(entry.verdict),
                    code: Some(entry.code.to_string()),
                    message: entry.message.to_string(),
                    since: entry.since.clone(),
                    cause: entry.cause.as_deref().cloned(),
                    ..self.event(EventType::Changed, report)
                });
            }
            now.insert(key, known(&entry.api_version, entry.verdict, &entry.code));
        }
        for (key, before) in self.objects.iter().filter(|(key, _)| !now.contains_key(*key)).collect::<Vec<_>>() {
            if self.is_dark(key, report) {
                now.insert(key.clone(), before.clone());
                continue;
            }
            changed.push(HealthEvent {
                object: Some(id(key, before)),
                from: Some(before.level),
                code: Some(before.code.to_string()),
                message: "is gone".to_owned(),
                ..self.event(EventType::Changed, report)
            });
        }
        changed.sort_by_cached_key(|event| {
            (std::cmp::Reverse(event.to.max(event.from)), event.object.as_ref().map(name).unwrap_or_default())
        });
        events.extend(changed);
        now
    }
}

fn known(api_version: &str, level: Level, code: &str) -> Known {
    Known { api_version: Sym::new(api_version), level, code: Sym::new(code) }
}

/// Of what is missing only the group is known, and stands in place of the version.
fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or(if api_version.contains('.') { api_version } else { "" }, |(group, _)| group)
}

fn key(object: &ObjectId) -> Key {
    (Sym::new(group(&object.api_version)), Sym::new(&object.kind), Sym::new(&object.namespace), Sym::new(&object.name))
}

fn is_key(entry: &Entry, key: &Key) -> bool {
    key.3 == *entry.name && key.1 == *entry.kind && key.2 == *entry.namespace && key.0 == *group(&entry.api_version)
}

fn id(key: &Key, known: &Known) -> ObjectId {
    ObjectId {
        api_version: known.api_version.to_string(),
        kind: key.1.to_string(),
        namespace: key.2.to_string(),
        name: key.3.to_string(),
    }
}

fn entry_id(entry: &Entry) -> ObjectId {
    ObjectId {
        api_version: entry.api_version.to_string(),
        kind: entry.kind.to_string(),
        namespace: entry.namespace.to_string(),
        name: entry.name.to_string(),
    }
}

//! The health report as a document: causes first, then areas, gaps, notes, and on request every object.

use super::document::{Bar, Bars, Block, Cell, Column, Counts, Document, Effect, Finding, Findings, Line, Table, Tone};
use super::present::{Case, Detail, Metric, Present, Sample, Subject};
use super::{Cause, Coverage, Entry, Level, ObjectId, Report, View};
use crate::object::STATISTICS_GROUP;
use crate::text;
use jiff::Timestamp;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Kinds that are named for one reason why they were not read, before the rest is counted.
const NAMED_GAPS: usize = 8;
/// Forbidden kinds that have a line each; more of them share one.
const NAMED_REFUSALS: usize = 3;
/// What helps an account to which many kinds are forbidden.
const ROLES: &str = "deploy/rbac/health.yaml grants what a whole report needs; -o wide tells the rule of each kind";
/// Series for single objects; what is beyond is counted in one more series.
const SERIES: usize = 2_000;
/// How long findings have stood, as bars: up to so many seconds, and the words for it.
const AGES: [(i64, &str); 6] = [
    (600, "under 10 minutes"),
    (3_600, "under an hour"),
    (6 * 3_600, "under 6 hours"),
    (86_400, "under a day"),
    (7 * 86_400, "under a week"),
    (i64::MAX, "a week and more"),
];

impl Present for Report {
    fn document(&self, detail: &Detail) -> Document<'_> {
        let whose = whose(&self.view);
        let headline = Line::marked(self.verdict, format!("{whose}: {}", outcome(self)));
        let mut document = Document::new(format!("Health of {whose}"), headline);
        if detail.is_page {
            if self.error.is_none() {
                document.blocks.push(Block::Counts(counts(self)));
            }
            document.blocks.push(Block::KeyValues(view(self)));
        }
        let hints = self.error.iter().flat_map(|error| &error.hints);
        hints.for_each(|hint| document.line(Line::faint(format!("hint: {hint}"))));
        causes(self, detail, &mut document);
        gaps(&self.coverage, self.summary.partial && self.error.is_none(), detail, &mut document);
        left_out(&self.coverage, detail, &mut document);
        areas(self, detail, &mut document);
        if detail.is_page && self.objects.iter().any(|entry| entry.verdict > Level::Suspended) {
            document.blocks.push(Block::Bars(ages(self)));
        }
        notes(self, detail, &mut document);
        if detail.objects > 0 && !self.objects.is_empty() {
            document.heading("Objects");
            document.blocks.push(Block::Table(objects(self, detail)));
        }
        if !detail.is_page && self.error.is_none() {
            document.blocks.push(Block::Counts(counts(self)));
        }
        document
    }

    fn cases(&self) -> Vec<Case<'_>> {
        let known: BTreeSet<_> = self.objects.iter().map(key).collect();
        let objects = self.objects.iter().map(|entry| Case {
            context: None,
            suite: &entry.area,
            subject: Subject::Object {
                group: group(&entry.api_version),
                kind: &entry.kind,
                namespace: &entry.namespace,
                name: &entry.name,
            },
            level: entry.verdict,
            code: &entry.code,
            message: &entry.message,
            evidence: &entry.evidence,
        });
        // What is missing has no entry among the objects, and must not be missing here too.
        let missing = self.causes.iter().filter(|cause| !known.contains(&key_of(&cause.object))).map(|cause| Case {
            context: None,
            suite: &cause.area,
            subject: Subject::Other(Cow::Owned(name(&cause.object))),
            level: cause.verdict,
            code: &cause.code,
            message: &cause.message,
            evidence: &cause.evidence,
        });
        let gaps = self.coverage.iter().filter(|section| section.gap).map(|section| Case {
            context: None,
            suite: "coverage",
            subject: Subject::Other(Cow::Owned(format!("not read: {}", resource(section)))),
            level: Level::Unknown,
            code: "not-read",
            message: section.why.as_deref().unwrap_or("the reason is not known"),
            evidence: section.hint.as_slice(),
        });
        let unread = self.error.iter().map(|error| Case {
            context: None,
            suite: "coverage",
            subject: Subject::Other(Cow::Owned(format!("not read: {}", whose(&self.view)))),
            level: Level::Unknown,
            code: "not-read",
            message: &error.message,
            evidence: &error.hints,
        });
        objects.chain(missing).chain(gaps).chain(unread).collect()
    }

    fn metrics(&self) -> Vec<Metric<'_>> {
        let one = |value: f64| vec![Sample { labels: Vec::new(), value }];
        let time = self.generated_at.parse::<Timestamp>().map_or(0.0, |time| time.as_second() as f64);
        let by_area = self.areas.iter().flat_map(|area| {
            Level::ALL.map(|level| Sample {
                labels: vec![("area", Cow::Borrowed(area.area.as_str())), ("level", word(level))],
                value: area.levels.get(&level).copied().unwrap_or(0) as f64,
            })
        });
        let causes = Level::ALL.map(|level| Sample {
            labels: vec![("level", word(level))],
            value: self.causes.iter().filter(|cause| cause.verdict == level).count() as f64,
        });
        let (troubled, beyond) = troubled(self);
        vec![
            Metric { name: "mlops_health_objects", help: "Objects by area and level.", samples: by_area.collect() },
            Metric {
                name: "mlops_health_object_level",
                help: "What is not well, 1 each, with its level and finding; objects that are well have no series.",
                samples: troubled,
            },
            Metric {
                name: "mlops_health_object_level_omitted",
                help: "Objects that are not well and have no series of their own, because there are too many.",
                samples: one(beyond as f64),
            },
            Metric { name: "mlops_health_causes", help: "Causes by level.", samples: causes.into() },
            Metric {
                name: "mlops_health_partial",
                help: "Whether something that was wanted could not be read.",
                samples: one(if self.summary.partial { 1.0 } else { 0.0 }),
            },
            Metric {
                name: "mlops_health_report_timestamp_seconds",
                help: "The instant of the report, in seconds since 1970.",
                samples: one(time),
            },
        ]
    }
}

fn word(level: Level) -> Cow<'static, str> {
    Cow::Owned(level.word().to_lowercase())
}

/// The series of what is not well, most urgent first, and how many had no room. One series a label
/// set: the exposition format forbids a second one.
fn troubled(report: &Report) -> (Vec<Sample<'_>>, usize) {
    let mut rows: BTreeMap<(&str, &str, &str, &str), (Level, &str)> = BTreeMap::new();
    let entries = report.objects.iter().map(|entry| (key(entry), (entry.verdict, entry.code.as_str())));
    let causes = report.causes.iter().map(|cause| (key_of(&cause.object), (cause.verdict, cause.code.as_str())));
    for (object, finding) in entries.chain(causes).filter(|(_, (level, _))| *level > Level::Suspended) {
        let row = rows.entry(object).or_insert(finding);
        *row = (*row).max(finding);
    }
    let mut rows: Vec<_> = rows.into_iter().collect();
    rows.sort_by_key(|(_, (level, _))| std::cmp::Reverse(*level));
    let beyond = rows.len().saturating_sub(SERIES);
    let samples = rows.into_iter().take(SERIES).map(|((group, kind, namespace, name), (level, code))| Sample {
        labels: vec![
            ("group", group.into()),
            ("kind", kind.into()),
            ("namespace", namespace.into()),
            ("name", name.into()),
            ("level", word(level)),
            ("code", code.into()),
        ],
        value: 1.0,
    });
    (samples.collect(), beyond)
}

/// `cluster admin@prod (v1.36.3), namespace data-plane`.
pub fn whose(view: &View) -> String {
    let is_files = view.source == "files";
    let name = match (is_files, view.name.as_str()) {
        (true, "-") => "standard input".to_owned(),
        (true, name) => format!("files {name}"),
        (false, name) => format!("cluster {name}"),
    };
    // A megabyte of name has no place in a title.
    let mut whose = text::truncate(&name, 120);
    if let Some(version) = &view.server_version {
        whose.push_str(&format!(" ({})", text::truncate(version, 40)));
    }
    match view.namespaces.as_slice() {
        [] => {}
        [one] => whose.push_str(&format!(", namespace {}", text::truncate(one, 63))),
        [first, rest @ ..] => {
            whose.push_str(&format!(", namespace {} and {} more", text::truncate(first, 63), rest.len()));
        }
    }
    whose
}

/// `3 causes explain 27 findings, at 2026-11-20 03:00:00Z`.
fn outcome(report: &Report) -> String {
    if let Some(error) = &report.error {
        return format!("could not be read: {}", error.message);
    }
    let summary = &report.summary;
    let mut out = match (summary.causes, summary.explained) {
        (0, _) => "no findings".to_owned(),
        (causes, 0) => text::plural(causes, "cause"),
        (causes, explained) => {
            let verb = if causes == 1 { "explains" } else { "explain" };
            format!("{} {verb} {}", text::plural(causes, "cause"), text::plural(explained, "more finding"))
        }
    };
    out.push_str(&format!(", at {}", instant(&report.generated_at)));
    if summary.partial {
        // "no findings" of a report that could not look everywhere is no good news.
        out.push_str("; PARTIAL: not everything could be read");
    }
    out
}

/// An RFC 3339 instant in whole seconds, `2026-11-20 03:00:00Z`.
pub fn instant(time: &str) -> String {
    match time.parse::<Timestamp>() {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
        Err(_) => text::truncate(time, 40),
    }
}

fn view(report: &Report) -> Vec<(Cow<'_, str>, Cell<'_>)> {
    let view = &report.view;
    let mut rows: Vec<(Cow<'_, str>, Cell<'_>)> = Vec::new();
    let label = if view.source == "files" { "Files" } else { "Context" };
    rows.push((label.into(), view.name.as_str().into()));
    for (label, value) in [
        ("Server", &view.server),
        ("Version", &view.server_version),
        ("User", &view.user),
        ("Platform", &view.platform),
    ] {
        if let Some(value) = value {
            rows.push((label.into(), value.as_str().into()));
        }
    }
    let namespaces = if view.namespaces.is_empty() { "all".to_owned() } else { view.namespaces.join(", ") };
    rows.push(("Namespaces".into(), namespaces.into()));
    rows.push(("Taken at".into(), instant(&report.generated_at).into()));
    rows
}

fn counts(report: &Report) -> Counts<'_> {
    let levels = report.summary.levels.iter().rev();
    let parts = levels.map(|(level, count)| (Tone::Level(*level), *count, level.word().into()));
    Counts { of: "object".into(), total: report.summary.objects, parts: parts.collect() }
}

fn causes<'a>(report: &'a Report, detail: &Detail, document: &mut Document<'a>) {
    if report.causes.is_empty() {
        return;
    }
    let (shown, hidden): (Vec<&Cause>, Vec<&Cause>) =
        report.causes.iter().partition(|cause| cause.verdict >= detail.show);
    let mut findings = Findings::default();
    let now = report.generated_at.parse::<Timestamp>().ok();
    findings.items.extend(shown.iter().take(detail.findings).map(|cause| finding(cause, now, detail)));
    if shown.len() > detail.findings {
        findings.omitted.push(format!("and {}: -o wide", tally(&shown[detail.findings..])).into());
    }
    if !hidden.is_empty() {
        let hint = format!("not shown, below --show {}", word(detail.show));
        findings.omitted.push(format!("{}, {hint}", tally(&hidden)).into());
    }
    document.heading("Causes");
    document.blocks.push(Block::Findings(findings));
}

/// `3 more causes (1 FAIL, 2 WARN)`.
fn tally(causes: &[&Cause]) -> String {
    format!("{} ({})", text::plural(causes.len(), "more cause"), levels(causes.iter().map(|cause| cause.verdict)))
}

/// `12 FAIL, 1 WARN` of what has these levels.
fn levels(of: impl Iterator<Item = Level>) -> String {
    let mut levels = BTreeMap::<Level, usize>::new();
    for level in of {
        *levels.entry(level).or_default() += 1;
    }
    by_level(&levels, Level::Ok)
}

/// `12 FAIL, 1 WARN`: levels above `floor`, most urgent first.
fn by_level(levels: &BTreeMap<Level, usize>, floor: Level) -> String {
    let shown = levels.iter().rev().filter(|(level, count)| **level > floor && **count > 0);
    shown.map(|(level, count)| format!("{count} {level}")).collect::<Vec<_>>().join(", ")
}

fn finding<'a>(cause: &'a Cause, now: Option<Timestamp>, detail: &Detail) -> Finding<'a> {
    let effects = cause.explains.iter().take(detail.effects).map(|effect| Effect {
        mark: effect.verdict.into(),
        subject: name(&effect.object).into(),
        message: effect.message.as_str().into(),
    });
    Finding {
        mark: cause.verdict.into(),
        subject: name(&cause.object).into(),
        message: cause.message.as_str().into(),
        age: age(cause.since.as_deref(), now).map(Cow::Owned),
        code: cause.code.as_str().into(),
        evidence: cause.evidence.iter().take(detail.evidence).map(|line| line.as_str().into()).collect(),
        more_evidence: cause.evidence.len().saturating_sub(detail.evidence),
        managed: cause.managed_by.as_ref().map(|managed| format!("managed by {}", managed.summary).into()),
        command: (!cause.command.is_empty()).then(|| cause.command.as_str().into()),
        effects: effects.collect(),
        effects_total: cause.explains.len(),
        effects_levels: levels(cause.explains.iter().map(|effect| effect.verdict)).into(),
    }
}

fn age(since: Option<&str>, now: Option<Timestamp>) -> Option<String> {
    let since = since?.parse::<Timestamp>().ok()?;
    Some(text::age(since, now?))
}

/// What was wanted and could not be read, one line a reason, with what would help.
pub fn gaps<'a>(coverage: &'a [Coverage], is_partial: bool, detail: &Detail, document: &mut Document<'a>) {
    let is_refused = |section: &Coverage| {
        let fits = |other: &&Coverage| other.gap && refusal(other) == refusal(section);
        detail.objects == 0 && refusal(section).is_some() && coverage.iter().filter(fits).count() > NAMED_REFUSALS
    };
    let is_same = |one: &Coverage, two: &Coverage| {
        (&one.why, &one.hint) == (&two.why, &two.hint) || (refusal(one) == refusal(two) && is_refused(one))
    };
    // One line a reason: sixty kinds that timed out are one thing to know.
    let mut reasons: Vec<(&Coverage, Vec<&Coverage>)> = Vec::new();
    for section in coverage.iter().filter(|section| section.gap) {
        match reasons.iter_mut().find(|(known, _)| is_same(known, section)) {
            Some((_, sections)) => sections.push(section),
            None => reasons.push((section, vec![section])),
        }
    }
    if reasons.is_empty() {
        if is_partial {
            document.line(Line::marked(Level::Unknown, "not everything could be read"));
        }
        return;
    }
    document.heading("Not read");
    for (known, sections) in reasons {
        let why = known.why.as_deref().unwrap_or("the reason is not known");
        let mut names: Vec<String> = sections.iter().take(NAMED_GAPS).map(|section| resource(section)).collect();
        if sections.len() > NAMED_GAPS {
            names.push(format!("{} more", text::plural(sections.len() - NAMED_GAPS, "kind")));
        }
        document.line(Line::marked(Level::Unknown, format!("{}: {why}", names.join(", "))));
        if is_refused(known) {
            document.line(Line::faint(format!("hint: {ROLES}")));
        } else if let Some(hint) = &known.hint {
            document.line(Line::faint(format!("hint: {hint}")));
        }
    }
}

/// What stands before the server's words where a kind is forbidden. Those words name the kind: of
/// many the first speaks for all.
fn refusal(section: &Coverage) -> Option<&str> {
    let why = section.why.as_deref()?;
    why.find("forbidden: ").map(|at| &why[..at])
}

fn areas<'a>(report: &'a Report, detail: &Detail, document: &mut Document<'a>) {
    if report.areas.is_empty() {
        return;
    }
    document.heading("Areas");
    if detail.is_page {
        let bars = report.areas.iter().filter(|area| area.objects > 0).map(|area| Bar {
            label: area.title.as_str().into(),
            parts: area.levels.iter().rev().map(|(level, count)| (Tone::Level(*level), *count as f64)).collect(),
            whole: None,
            text: by_level(&area.levels, Level::Absent).into(),
        });
        let bars: Vec<_> = bars.collect();
        if !bars.is_empty() {
            document.blocks.push(Block::Bars(Bars { title: "Objects by level".into(), bars, is_relative: true }));
        }
    }
    let columns = [
        Column::new("STATE"),
        Column::new("AREA"),
        Column::new("OBJECTS").right(),
        Column::new("WHAT").flex(if detail.objects > 0 { 3 } else { 1 }),
    ];
    let mut table = Table::new(columns);
    for area in &report.areas {
        let trouble = by_level(&area.levels, Level::Absent);
        let what = match (trouble.is_empty(), area.line.is_empty()) {
            (true, _) => Cow::Borrowed(area.line.as_str()),
            (false, true) => Cow::Owned(trouble),
            (false, false) => Cow::Owned(format!("{trouble}; {}", area.line)),
        };
        table.row([
            Cell::level(area.verdict),
            area.title.as_str().into(),
            area.objects.to_string().into(),
            what.into(),
        ]);
    }
    document.blocks.push(Block::Table(table));
}

fn ages(report: &Report) -> Bars<'_> {
    let now = report.generated_at.parse::<Timestamp>().ok();
    let mut rows: Vec<BTreeMap<Level, usize>> = vec![BTreeMap::new(); AGES.len() + 1];
    for entry in report.objects.iter().filter(|entry| entry.verdict > Level::Suspended) {
        let since = entry.since.as_deref().and_then(|since| since.parse::<Timestamp>().ok());
        let row = since.zip(now).map_or(AGES.len(), |(since, now)| {
            let seconds = now.duration_since(since).as_secs();
            AGES.iter().position(|(limit, _)| seconds < *limit).unwrap_or(AGES.len() - 1)
        });
        *rows[row].entry(entry.verdict).or_default() += 1;
    }
    let labels = AGES.iter().map(|(_, label)| *label).chain(["not known"]);
    let bars = labels.zip(rows).map(|(label, levels)| Bar {
        label: label.into(),
        parts: levels.iter().rev().map(|(level, count)| (Tone::Level(*level), *count as f64)).collect(),
        whole: None,
        text: by_level(&levels, Level::Ok).into(),
    });
    Bars { title: "How long findings have stood".into(), bars: bars.collect(), is_relative: false }
}

fn notes<'a>(report: &'a Report, detail: &Detail, document: &mut Document<'a>) {
    for note in &report.notes {
        document.line(Line::plain(format!("note: {note}")));
    }
    for exception in &report.exceptions {
        let (code, object) = (&exception.code, &exception.object);
        let line = match exception.state.as_str() {
            "used" => {
                let findings = text::plural(exception.matched, "finding");
                Line::plain(format!(
                    "excepted: {findings}, {code} on {object} until {}: {}",
                    exception.expires, exception.reason
                ))
            }
            "expired" => Line::marked(
                Level::Warn,
                format!("exception for {code} on {object} is expired ({}): {}", exception.expires, exception.reason),
            ),
            "unknown" => {
                Line::marked(Level::Warn, format!("exception for {code} on {object}: no plugin has such a code"))
            }
            _ if detail.objects > 0 => Line::faint(format!("exception for {code} on {object} matched nothing")),
            _ => continue,
        };
        document.line(line);
    }
}

fn objects<'a>(report: &'a Report, detail: &Detail) -> Table<'a> {
    let now = report.generated_at.parse::<Timestamp>().ok();
    let mut table = Table::new([
        Column::new("STATE"),
        Column::new("NAMESPACE"),
        Column::new("KIND"),
        Column::new("NAME"),
        Column::new("FOR"),
        Column::new("CODE").optional(),
        Column::new("MESSAGE").flex(1),
    ]);
    table.filter = true;
    let mut entries: Vec<&Entry> = report.objects.iter().collect();
    // Stable: within a level the report's order stays.
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.verdict));
    table.omitted = entries.len().saturating_sub(detail.objects);
    for entry in entries.into_iter().take(detail.objects) {
        let message = match &entry.exception {
            Some(reason) => Cow::Owned(format!("{} (excepted: {reason})", entry.message)),
            None => Cow::Borrowed(entry.message.as_str()),
        };
        table.row([
            Cell::level(entry.verdict),
            Cell::or_dash(entry.namespace.as_str()),
            entry.kind.as_str().into(),
            Cell::toned(entry.name.as_str(), Tone::Strong),
            Cell::or_dash(age(entry.since.as_deref(), now).unwrap_or_default()),
            Cell::toned(entry.code.as_str(), Tone::Faint),
            message.into(),
        ]);
    }
    table
}

/// `Pod/data-plane/broker-3`.
pub(super) fn name(object: &ObjectId) -> String {
    let parts = [&object.kind, &object.namespace, &object.name].into_iter().filter(|part| !part.is_empty());
    parts.map(String::as_str).collect::<Vec<_>>().join("/")
}

/// What is not in the report and makes it no less whole: measurements that cannot be had, always;
/// what lies outside the scope or is passed over on purpose, where everything is told.
fn left_out<'a>(coverage: &'a [Coverage], detail: &Detail, document: &mut Document<'a>) {
    let (measured, kinds): (Vec<&Coverage>, Vec<&Coverage>) = coverage
        .iter()
        .filter(|section| !section.read && !section.gap)
        .partition(|section| section.group == STATISTICS_GROUP);
    for section in measured {
        let why = section.why.as_deref().unwrap_or("the reason is not known");
        document.line(Line::plain(format!("not measured: {}: {why}", resource(section))));
        if let Some(hint) = &section.hint {
            document.line(Line::faint(format!("hint: {hint}")));
        }
    }
    if detail.objects == 0 {
        return;
    }
    let mut reasons: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for section in kinds {
        reasons.entry(section.why.as_deref().unwrap_or_default()).or_default().push(resource(section));
    }
    for (why, names) in reasons {
        document.line(Line::faint(format!("{why}: {}", names.join(", "))));
    }
}

/// `Kafka.kafka.strimzi.io`, `Secret`.
fn resource(section: &Coverage) -> String {
    if section.group == STATISTICS_GROUP {
        return "how full volumes and node filesystems are".to_owned();
    }
    if section.group.is_empty() { section.kind.clone() } else { format!("{}.{}", section.kind, section.group) }
}

fn group(api_version: &str) -> &str {
    // Of what was not found only the group is known.
    api_version.split_once('/').map_or(if api_version.contains('.') { api_version } else { "" }, |(group, _)| group)
}

/// What identifies an object whatever version it was read in.
fn key(entry: &Entry) -> (&str, &str, &str, &str) {
    (group(&entry.api_version), &entry.kind, &entry.namespace, &entry.name)
}

fn key_of(object: &ObjectId) -> (&str, &str, &str, &str) {
    (group(&object.api_version), &object.kind, &object.namespace, &object.name)
}

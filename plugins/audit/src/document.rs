//! The audit report as a document, as cases and as metrics: what every format prints.

use crate::assemble::NOT_READ;
use crate::check::all_codes;
use crate::model::{AuditReport, CheckState, Entry, HelmRelease};
use crate::severity::Severity;
use mlops_shared::report::document::{
    Block, Cell, Column, Counts, Document, Finding, Findings, Line, Mark, Table, Tone,
};
use mlops_shared::report::{
    Acceptance, Analysis, Case, Code, Detail, Level, Located, Metric, Present, Sample, Subject, gaps, instant, whose,
};
use mlops_shared::text;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

/// A report, and the least severity that is printed to people.
#[derive(Debug, serde::Serialize)]
#[serde(transparent)]
pub(crate) struct Shown<'a> {
    pub(crate) report: &'a AuditReport,
    #[serde(skip)]
    pub(crate) show: Severity,
}

impl Present for Shown<'_> {
    fn document(&self, detail: &Detail) -> Document<'_> {
        let report = self.report;
        let whose = whose(&report.view);
        let headline = Line::marked(verdict(report), format!("{whose}: {}", outcome(report)));
        let mut document = Document::new(format!("Audit of {whose}"), headline);
        if let Some(error) = &report.error {
            error.hints.iter().for_each(|hint| document.line(Line::faint(format!("hint: {hint}"))));
            return document;
        }
        if detail.is_page {
            document.blocks.push(Block::Counts(counts(report)));
        }
        findings(report, self.show, detail, &mut document);
        releases(&report.releases, detail, &mut document);
        checks(&report.checks, &mut document);
        gaps(&report.coverage, false, detail, &mut document);
        accepted(report, &mut document);
        for note in &report.notes {
            document.line(Line::plain(format!("note: {note}")));
        }
        document
    }

    fn cases(&self) -> Vec<Case<'_>> {
        let open = self.report.findings.iter().filter(|entry| entry.accepted.is_none());
        let findings = open.filter(|entry| entry.severity >= self.show).map(|entry| Case {
            context: None,
            suite: family(&entry.code),
            subject: subject(entry),
            // Whatever is listed is a finding: in these formats what is less would be well.
            level: entry.severity.level().max(Level::Warn),
            code: &entry.code,
            message: &entry.message,
            evidence: &entry.evidence,
        });
        let unmade = self.report.checks.iter().filter(|check| check.state != "done").map(|check| Case {
            context: None,
            suite: "coverage",
            subject: Subject::Other(Cow::Owned(format!("not checked: {}", check.check))),
            level: Level::Unknown,
            code: "not-read",
            message: check.why.as_deref().unwrap_or("the reason is not known"),
            evidence: &[],
        });
        findings.chain(unmade).collect()
    }

    fn metrics(&self) -> Vec<Metric<'_>> {
        let mut counts: BTreeMap<(&str, Severity), f64> = BTreeMap::new();
        for entry in self.report.findings.iter().filter(|entry| entry.accepted.is_none()) {
            *counts.entry((&entry.code, entry.severity)).or_default() += 1.0;
        }
        let by_code = counts.into_iter().map(|((code, severity), value)| Sample {
            labels: vec![("code", Cow::Borrowed(code)), ("severity", Cow::Owned(severity.word().to_lowercase()))],
            value,
        });
        let accepted = self
            .report
            .summary
            .accepted
            .iter()
            .map(|(by, count)| Sample { labels: vec![("by", Cow::Borrowed(by.as_str()))], value: *count as f64 });
        let done = self.report.checks.iter().map(|check| Sample {
            labels: vec![("check", Cow::Borrowed(check.check.as_str()))],
            value: f64::from(u8::from(check.state == "done")),
        });
        vec![
            Metric { name: "mlops_audit_findings", help: "Findings that nothing accepts.", samples: by_code.collect() },
            Metric { name: "mlops_audit_accepted", help: "Findings that are accepted.", samples: accepted.collect() },
            Metric { name: "mlops_audit_check_done", help: "1 where a check could be made.", samples: done.collect() },
        ]
    }

    fn analysis(&self) -> Option<Analysis<'_>> {
        let codes: HashMap<&str, &'static Code> = all_codes().into_iter().map(|code| (code.id, code)).collect();
        let shown = self.report.findings.iter().filter(|entry| entry.severity >= self.show);
        let results = shown.filter_map(|entry| {
            Some(Located {
                rule: codes.get(entry.code.as_str())?,
                level: entry.severity.level(),
                severity: Cow::Owned(entry.severity.word().to_lowercase()),
                score: entry.severity.score(),
                subject: subject(entry),
                path: &entry.path,
                place: entry.file.as_deref().map(|file| (Cow::Borrowed(file), entry.line)),
                message: &entry.message,
                evidence: &entry.evidence,
                fingerprint: &entry.fingerprint,
                accepted: entry.accepted.as_ref().map(|accepted| Acceptance {
                    is_in_source: accepted.by == "comment",
                    by: &accepted.by,
                    reason: &accepted.reason,
                }),
            })
        });
        let unmade = self.report.checks.iter().filter(|check| check.state != "done").map(|check| {
            let why = check.why.as_deref().unwrap_or("the reason is not known");
            Cow::Owned(format!("{} ({}): {why}", check.check, check.state))
        });
        let unread = self.report.notes.iter().filter_map(|note| note.strip_prefix(NOT_READ));
        Some(Analysis {
            tool: "kubectl-mlops-audit",
            version: &self.report.tool_version,
            at: &self.report.generated_at,
            results: results.collect(),
            gaps: unmade.chain(unread.map(Cow::Borrowed)).collect(),
        })
    }
}

fn mark(severity: Severity) -> Mark {
    Mark { word: severity.word(), level: severity.level() }
}

/// The most urgent open finding; what could not be checked is unknown, never clean.
pub(crate) fn verdict(report: &AuditReport) -> Mark {
    match report.summary.severities.keys().next_back() {
        Some(worst) if *worst >= Severity::Medium || !report.summary.partial => mark(*worst),
        _ if report.summary.partial => Level::Unknown.into(),
        _ => Level::Ok.into(),
    }
}

fn by_severity(report: &AuditReport) -> String {
    let counts = report.summary.severities.iter().rev();
    counts.map(|(severity, count)| format!("{count} {severity}")).collect::<Vec<_>>().join(", ")
}

fn outcome(report: &AuditReport) -> String {
    if let Some(error) = &report.error {
        return format!("could not be read: {}", error.message);
    }
    let total: usize = report.summary.severities.values().sum();
    let mut out = match total {
        0 => "no findings".to_owned(),
        _ => format!("{} ({})", text::plural(total, "finding"), by_severity(report)),
    };
    let accepted: usize = report.summary.accepted.values().sum();
    if accepted > 0 {
        out.push_str(&format!(", {accepted} more accepted"));
    }
    out.push_str(&format!(", at {}", instant(&report.generated_at)));
    if report.summary.partial {
        out.push_str("; PARTIAL: not everything could be checked");
    }
    out
}

fn counts(report: &AuditReport) -> Counts<'_> {
    let parts = Severity::ALL.into_iter().rev().map(|severity| {
        let count = report.summary.severities.get(&severity).copied().unwrap_or(0);
        (Tone::Level(severity.level()), count, Cow::Borrowed(severity.word()))
    });
    Counts { of: "finding".into(), total: report.summary.severities.values().sum(), parts: parts.collect() }
}

/// The first word of a code: what it is grouped by.
fn family(code: &str) -> &str {
    code.split_once('-').map_or(code, |(family, _)| family)
}

fn subject(entry: &Entry) -> Subject<'_> {
    if entry.object.name.is_empty() {
        return Subject::Other(Cow::Owned(place(entry)));
    }
    let version = &entry.object.api_version;
    let group = version.split_once('/').map_or(if version.contains('.') { version.as_str() } else { "" }, |it| it.0);
    Subject::Object { group, kind: &entry.object.kind, namespace: &entry.object.namespace, name: &entry.object.name }
}

/// `infrastructure/minio.yaml:12`
fn place(entry: &Entry) -> String {
    match (&entry.file, entry.line) {
        (Some(file), Some(line)) => format!("{file}:{line}"),
        (Some(file), None) => file.clone(),
        (None, _) => String::new(),
    }
}

fn findings<'a>(report: &'a AuditReport, show: Severity, detail: &Detail, document: &mut Document<'a>) {
    let open = || report.findings.iter().filter(|entry| entry.accepted.is_none());
    let shown: Vec<&Entry> = open().filter(|entry| entry.severity >= show).collect();
    let hidden = open().count() - shown.len();
    let mut list = Findings::default();
    for entry in shown.iter().take(detail.findings) {
        list.items.push(finding(entry, detail));
    }
    let rest = shown.len().saturating_sub(detail.findings);
    if rest > 0 {
        list.omitted.push(format!("and {}: -o wide", text::plural(rest, "more finding")).into());
    }
    if hidden > 0 {
        list.omitted
            .push(format!("{} below --show {}", text::plural(hidden, "finding"), show.word().to_lowercase()).into());
    }
    if !list.items.is_empty() || !list.omitted.is_empty() {
        document.heading("Findings");
        document.blocks.push(Block::Findings(list));
    }
}

fn finding<'a>(entry: &'a Entry, detail: &Detail) -> Finding<'a> {
    let place = place(entry);
    let mut evidence: Vec<Cow<'a, str>> = Vec::new();
    if !place.is_empty() && !entry.object.name.is_empty() {
        evidence.push(format!("at {place}").into());
    }
    evidence.extend(entry.evidence.iter().map(|line| Cow::Borrowed(line.as_str())));
    let more = evidence.len().saturating_sub(detail.evidence);
    evidence.truncate(detail.evidence);
    Finding {
        mark: mark(entry.severity),
        subject: Cow::Owned(subject(entry).label().into_owned()),
        message: Cow::Borrowed(&entry.message),
        age: None,
        code: Cow::Borrowed(&entry.code),
        evidence,
        more_evidence: more,
        command: entry.command.as_deref().map(Cow::Borrowed),
        managed: None,
        effects: Vec::new(),
        effects_total: 0,
        effects_levels: Cow::Borrowed(""),
    }
}

/// What Helm installed, where there is room.
fn releases<'a>(releases: &'a [HelmRelease], detail: &Detail, document: &mut Document<'a>) {
    if releases.is_empty() || (detail.objects == 0 && !detail.is_page) {
        return;
    }
    let mut table = Table::new([
        Column::new("NAMESPACE"),
        Column::new("RELEASE"),
        Column::new("BY"),
        Column::new("CHART"),
        Column::new("VERSION"),
        Column::new("APP"),
        Column::new("STATUS"),
        Column::new("NEWEST"),
    ]);
    for one in releases {
        let newest = match (&one.newest, one.behind) {
            (Some(newest), Some(behind)) => format!("{newest} ({behind} newer)"),
            (_, Some(_)) => "this one".to_owned(),
            _ => String::new(),
        };
        table.row([
            Cell::from(one.namespace.as_str()),
            Cell::from(one.name.as_str()),
            Cell::from(one.managed_by.as_str()),
            Cell::or_dash(one.chart.as_str()),
            Cell::or_dash(one.version.as_str()),
            Cell::or_dash(one.app_version.as_str()),
            Cell::or_dash(one.status.as_str()),
            Cell::or_dash(newest),
        ]);
    }
    document.heading("Helm releases");
    document.blocks.push(Block::Table(table));
}

fn checks<'a>(checks: &'a [CheckState], document: &mut Document<'a>) {
    let mut table = Table::new([
        Column::new("CHECK"),
        Column::new("STATE"),
        Column::new("FINDINGS").right(),
        Column::new("WHY").flex(2),
    ]);
    for check in checks {
        let tone = if check.state == "done" { Tone::Plain } else { Tone::Level(Level::Unknown) };
        table.row([
            Cell::from(check.check.as_str()),
            Cell::toned(check.state.as_str(), tone),
            Cell::from(check.findings.to_string()),
            Cell::or_dash(check.why.as_deref().unwrap_or_default()),
        ]);
    }
    document.heading("Checks");
    document.blocks.push(Block::Table(table));
}

/// What accepts findings, and what should be cleared away of it.
fn accepted<'a>(report: &'a AuditReport, document: &mut Document<'a>) {
    if let Some(baseline) = &report.baseline {
        let gone = match baseline.gone {
            None | Some(0) => String::new(),
            Some(gone) => format!("; {gone} of its entries have no finding any more: write it anew"),
        };
        let accepts = text::plural(baseline.accepted, "finding");
        document.line(Line::plain(format!("baseline {} of {} accepts {accepts}{gone}", baseline.file, baseline.made)));
    }
    for rule in &report.exceptions {
        let what = match rule.state.as_str() {
            "expired" => format!("expired on {}", rule.expires),
            "unknown" => "no plugin has such a code".to_owned(),
            "unused" => "matches nothing any more".to_owned(),
            _ => format!("accepts {} until {}", text::plural(rule.matched, "finding"), rule.expires),
        };
        document.line(Line::plain(format!("exception {} on {}: {what} ({})", rule.code, rule.object, rule.reason)));
    }
}

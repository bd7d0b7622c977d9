//! From findings to a report: what accepts them, what could not be checked, and the order.

use crate::baseline::Baseline;
use crate::check::{Asked, Check};
use crate::finding::Finding;
use crate::images::Reference;
use crate::model::{Accepted, AuditReport, CheckState, Entry, Image, Summary};
use crate::online::Offers;
use crate::record::{Head, Records};
use crate::scope::Scope;
use crate::tree::Inline;
use crate::versions::releases;
use jiff::Timestamp;
use mlops_shared::health::api_versions::Minor;
use mlops_shared::health::coverage;
use mlops_shared::object::{Section, SectionState, Unread};
use mlops_shared::platform::{Platform, uses};
use mlops_shared::report::{API_VERSION, ObjectId, View};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What the note on a file that could not be read begins with.
pub(crate) const NOT_READ: &str = "not read: ";

/// What a report is made of.
#[derive(Debug)]
pub(crate) struct Ingredients<'a> {
    pub(crate) records: &'a Records,
    pub(crate) sections: &'a [Section],
    pub(crate) is_whole: bool,
    pub(crate) checks: &'a [&'static Check],
    pub(crate) platform: &'a Platform,
    pub(crate) baseline: Option<&'a Baseline>,
    pub(crate) view: View,
    pub(crate) notes: Vec<String>,
    pub(crate) gaps: Vec<String>,
    /// Of a tree: its files, and the comments that accept findings.
    pub(crate) files: usize,
    pub(crate) inline: &'a Inline,
    pub(crate) scope: &'a Scope<'a>,
    /// Whether only some checks or some objects were asked for.
    pub(crate) is_narrowed: bool,
    /// The Kubernetes release that is planned.
    pub(crate) target: Option<Minor>,
    /// What chart repositories offer.
    pub(crate) offered: Option<&'a Offers>,
    pub(crate) now: Timestamp,
}

/// Runs the checks and makes the report; the findings themselves too, for a baseline.
pub(crate) fn report(it: Ingredients<'_>) -> (AuditReport, Vec<Finding>) {
    let asked = Asked {
        records: it.records,
        sections: it.sections,
        is_whole: it.is_whole,
        platform: it.platform,
        server_version: it.view.server_version.as_deref(),
        namespaces: &it.view.namespaces,
        target: it.target,
        offered: it.offered,
        now: it.now,
    };
    let (mut findings, mut checks) = (Vec::new(), Vec::new());
    for check in it.checks {
        let mut found = (check.run)(&asked);
        found.retain(|finding| it.scope.holds(&finding.object));
        let (state, why) = state_of(check, it.sections, &it.records.broken);
        checks.push(CheckState { check: check.name.to_owned(), state, why, findings: found.len() });
        findings.extend(found);
    }
    findings.sort_by(|one, two| {
        let key = |finding: &Finding| (std::cmp::Reverse(finding.severity), finding.code.id);
        key(one).cmp(&key(two)).then_with(|| one.object.cmp(&two.object)).then_with(|| one.path.cmp(&two.path))
    });
    let mut matched = vec![0; it.platform.exceptions.len()];
    let entries: Vec<Entry> = findings.iter().map(|finding| entry(finding, &it, &mut matched)).collect();
    let mut summary = Summary { objects: it.records.count, files: it.files, ..Summary::default() };
    for entry in &entries {
        match &entry.accepted {
            Some(accepted) => *summary.accepted.entry(accepted.by.clone()).or_default() += 1,
            None => *summary.severities.entry(entry.severity).or_default() += 1,
        }
    }
    summary.partial = !it.gaps.is_empty() || checks.iter().any(|check| check.state != "done");
    let images = images(&it);
    let releases = match it.checks.iter().any(|check| check.name == "versions") {
        true => releases(&asked).into_iter().filter(|(object, _)| it.scope.holds(object)).map(|(_, one)| one).collect(),
        false => Vec::new(),
    };
    // Of a part of the findings nobody can tell which are gone.
    let is_part = summary.partial || it.is_narrowed;
    let exceptions = uses(&it.platform.exceptions, &matched, it.now, "audit", !is_part);
    let mut notes = it.notes;
    notes.extend(it.gaps.iter().map(|gap| format!("{NOT_READ}{gap}")));
    let report = AuditReport {
        api_version: API_VERSION.to_owned(),
        kind: "AuditReport".to_owned(),
        generated_at: it.now.to_string(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        view: it.view,
        summary,
        baseline: it
            .baseline
            .map(|baseline| baseline.uses(entries.iter().map(|entry| entry.fingerprint.as_str()), !is_part)),
        findings: entries,
        checks,
        images,
        releases,
        coverage: coverage(it.sections),
        exceptions,
        notes,
        error: None,
    };
    (report, findings)
}

/// The images of the run, each once, sorted, where they were asked for.
fn images(it: &Ingredients<'_>) -> Vec<Image> {
    if !it.checks.iter().any(|check| check.name == "images") {
        return Vec::new();
    }
    let mut all: BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
    for used in it.records.used().iter().filter(|used| it.scope.holds(&used.object)) {
        let (objects, running) = all.entry(used.image.clone()).or_default();
        objects.insert(used.holder());
        running.extend(used.running.keys().cloned());
    }
    let images = all.into_iter().map(|(image, (objects, running))| Image {
        registry: Reference::parse(&image).map(|reference| reference.registry.to_owned()).unwrap_or_default(),
        image,
        objects: objects.into_iter().collect(),
        running: running.into_iter().collect(),
    });
    images.collect()
}

/// Whether all that a check needs was read. Of files what they do not hold was not asked for.
/// An object that does not have the shape of its kind was not read either.
fn state_of(check: &Check, sections: &[Section], broken: &[Head]) -> (String, Option<String>) {
    let known: HashMap<(&str, &str), &SectionState> =
        sections.iter().map(|section| ((&*section.group, &*section.kind), &section.state)).collect();
    let (mut read, mut why) = (0, Vec::new());
    for (group, kind) in check.needs {
        // An extension API server that does not answer hides all kinds of its group.
        match known.get(&(*group, *kind)).or_else(|| known.get(&(*group, "*"))) {
            Some(SectionState::Read(_)) => read += 1,
            Some(SectionState::Partly(_, _, reason)) => {
                read += 1;
                why.push(format!("{kind}: {reason}"));
            }
            // What a namespace's objects refer to is needed even where only the namespace was asked for.
            Some(SectionState::Unread(reason)) if reason.is_gap() || *reason == Unread::OutOfScope => {
                why.push(format!("{kind}: {reason}"));
            }
            // Not served, or not asked for: there is nothing to find.
            Some(SectionState::Unread(_)) | None => {}
        }
    }
    if let Some(others) = check.others {
        let listed = |section: &Section| check.needs.contains(&(&*section.group, &*section.kind));
        // ConfigMaps are among the sections only where their values were asked for.
        let is_meant = |it: &Section| others(&it.group, &it.kind) || (it.group.is_empty() && &*it.kind == "ConfigMap");
        for section in sections.iter().filter(|it| is_meant(it) && !listed(it)) {
            match &section.state {
                SectionState::Unread(reason) if reason.is_gap() => why.push(format!("{}: {reason}", section.kind)),
                SectionState::Partly(_, _, reason) => why.push(format!("{}: {reason}", section.kind)),
                SectionState::Read(_) | SectionState::Unread(_) => {}
            }
        }
    }
    let shapeless: Vec<&Head> =
        broken.iter().filter(|head| check.needs.iter().any(|(group, kind)| head.is(group, kind))).collect();
    if let Some(first) = shapeless.first() {
        let rest = shapeless.len() - 1;
        let more = if rest > 0 { format!(" (and {rest} more)") } else { String::new() };
        why.push(format!("{} does not have the shape of its kind{more}", first.reference()));
    }
    match (why.is_empty(), read) {
        (true, _) => ("done".to_owned(), None),
        (false, 0) => ("unknown".to_owned(), Some(why.join("; "))),
        (false, _) => ("partial".to_owned(), Some(why.join("; "))),
    }
}

fn entry(finding: &Finding, it: &Ingredients<'_>, matched: &mut [usize]) -> Entry {
    let fingerprint = finding.fingerprint();
    let fits = |(_, rule): &(usize, &mlops_shared::platform::Exception)| {
        !rule.is_expired(it.now) && rule.matches(finding.code.id, &finding.object)
    };
    let exception = it.platform.exceptions.iter().enumerate().find(fits);
    let accepted = if let Some((index, rule)) = exception {
        matched[index] += 1;
        Some(Accepted { by: "exception".to_owned(), reason: rule.reason.clone() })
    } else if it.baseline.is_some_and(|baseline| baseline.has(&fingerprint)) {
        Some(Accepted { by: "baseline".to_owned(), reason: String::new() })
    } else {
        let reason = it.inline.reason(finding.code.id, finding.place.as_ref());
        reason.map(|reason| Accepted { by: "comment".to_owned(), reason: reason.to_owned() })
    };
    let object = &finding.object;
    let api_version =
        if finding.api_version.is_empty() { object.group.to_string() } else { finding.api_version.to_string() };
    Entry {
        code: finding.code.id.to_owned(),
        severity: finding.severity,
        object: ObjectId {
            api_version,
            kind: object.kind.to_string(),
            namespace: object.namespace.to_string(),
            name: object.name.to_string(),
        },
        path: finding.path.clone(),
        file: finding.place.as_ref().map(|place| place.file.to_string()),
        line: finding.place.as_ref().map(|place| place.line).filter(|line| *line > 0),
        message: finding.message.clone(),
        evidence: finding.evidence.clone(),
        command: finding.command.clone(),
        fingerprint,
        accepted,
    }
}

//! `health diff`: what changed between two reports.

use mlops_shared::cli::Failure;
use mlops_shared::report::{API_VERSION, Coverage, Entry, Level, Report};
use mlops_shared::text;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read;
use std::path::Path;

/// A report file may be so large: that of 50,000 pods is about 20 MB.
const FILE_BYTES: u64 = 1 << 30;

/// Changes between two reports, and whether anything became worse.
pub(crate) struct Diff {
    /// Lines for people, one a change.
    pub(crate) text: String,
    /// Whether an object is at a more urgent level than before.
    pub(crate) is_worse: bool,
    /// Whether the newer report could not read what the older one holds.
    pub(crate) is_unsure: bool,
}

/// Compares two report files.
pub(crate) fn diff(old: &Path, new: &Path) -> Result<Diff, Failure> {
    Ok(compare(&read(old)?, &read(new)?))
}

fn read(path: &Path) -> Result<Report, Failure> {
    let name = path.display();
    let unreadable = |reason: String| {
        Failure::usage(format!("failed to read the report {name}: {reason}"))
            .hint("write one with `kubectl mlops health -o json > FILE`")
    };
    let mut text = String::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().lock().take(FILE_BYTES).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(FILE_BYTES).read_to_string(&mut text))
    };
    read.map_err(|reason| unreadable(reason.to_string()))?;
    let report: Report = serde_json::from_str(&text)
        .map_err(|error| unreadable(format!("no health report at line {} column {}", error.line(), error.column())))?;
    if report.api_version != API_VERSION || report.kind != "HealthReport" {
        return Err(unreadable(format!("it is a {} {}", report.api_version, report.kind)));
    }
    Ok(report)
}

type Key<'a> = (&'a str, &'a str, &'a str, &'a str);

fn index(report: &Report) -> BTreeMap<Key<'_>, &Entry> {
    // By group, not version: an upgrade of the API is no change of health.
    let group = |entry: &'_ Entry| entry.api_version.find('/').unwrap_or(0);
    report
        .objects
        .iter()
        .map(|entry| {
            let key = (&entry.api_version[..group(entry)], &*entry.kind, &*entry.namespace, &*entry.name);
            (key, entry)
        })
        .collect()
}

/// Whether a report can tell that an object is not there.
enum Sight {
    /// It looked for objects of this kind in this namespace.
    Looked,
    /// It could not read the kind.
    Unread,
    /// It was not asked about the namespace.
    OutOfScope,
}

fn sight(report: &Report, entry: &Entry) -> Sight {
    let group = entry.api_version.split_once('/').map_or("", |(group, _)| group);
    let namespaces = &report.view.namespaces;
    if !namespaces.is_empty()
        && !entry.namespace.is_empty()
        && !namespaces.iter().any(|name| **name == *entry.namespace)
    {
        return Sight::OutOfScope;
    }
    let of_kind = |section: &&Coverage| section.group == group && (*entry.kind == *section.kind || section.kind == "*");
    match report.coverage.iter().find(of_kind) {
        Some(section) if section.read && !section.gap => Sight::Looked,
        Some(_) => Sight::Unread,
        // The API server does not serve the kind, and files do not hold it.
        None if report.view.source == "cluster" && !report.summary.partial => Sight::Looked,
        None => Sight::Unread,
    }
}

fn name(entry: &Entry) -> String {
    let parts = [&*entry.kind, &*entry.namespace, &*entry.name];
    text::line(&parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")).into_owned()
}

fn compare(old: &Report, new: &Report) -> Diff {
    let (before, after) = (index(old), index(new));
    let mut lines: Vec<(Level, String)> = Vec::new();
    let mut is_worse = false;
    for (key, entry) in &after {
        let known = before.get(key);
        let was = known.map_or(Level::Ok, |entry| entry.verdict);
        if was == entry.verdict {
            continue;
        }
        is_worse |= entry.verdict > was && entry.verdict >= Level::Unknown;
        let mark = if entry.verdict > was { "worse " } else { "better" };
        let was = match known {
            Some(_) => was.word(),
            None if matches!(sight(old, entry), Sight::Looked) => "new",
            None => "not looked at",
        };
        let message = text::truncate(&entry.message, 200);
        lines.push((entry.verdict, format!("{mark}  {:<11} (was {was})  {}: {message}", entry.verdict, name(entry))));
    }
    let (mut unread, mut out_of_scope) = (0, 0);
    for entry in before.iter().filter(|(key, _)| !after.contains_key(*key)).map(|(_, entry)| entry) {
        match sight(new, entry) {
            Sight::OutOfScope => out_of_scope += 1,
            Sight::Unread => {
                unread += 1;
                if entry.verdict > Level::Ok {
                    let was = entry.verdict;
                    lines.push((Level::Unknown, format!("unread  UNKNOWN     (was {was})  {}", name(entry))));
                }
            }
            Sight::Looked if entry.verdict > Level::Ok => {
                lines.push((Level::Ok, format!("gone    {:<11}  {}", entry.verdict, name(entry))));
            }
            Sight::Looked => {}
        }
    }
    lines.sort_by(|one, two| two.0.cmp(&one.0).then_with(|| one.1.cmp(&two.1)));
    let mut out = String::new();
    for (_, line) in &lines {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{line}");
    }
    let _ = writeln!(
        out,
        "{} from {} to {}",
        text::plural(lines.len(), "change"),
        text::line(&old.generated_at),
        text::line(&new.generated_at)
    );
    if unread > 0 {
        let _ = writeln!(
            out,
            "PARTIAL: the newer report could not read {} of the older one",
            text::plural(unread, "object")
        );
    }
    if out_of_scope > 0 {
        let _ = writeln!(
            out,
            "the newer report was not asked about {} of the older one",
            text::plural(out_of_scope, "object")
        );
    }
    if old.view.name != new.view.name {
        let (old, new) = (text::truncate(&old.view.name, 80), text::truncate(&new.view.name, 80));
        let _ = writeln!(out, "the reports are of different sources: {old} and {new}");
    }
    Diff { text: out, is_worse, is_unsure: unread > 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{pod, read, report, unread};

    #[test]
    fn changes_are_told_and_only_worse_ones_fail() {
        let old = pod(pod(report(0), "a", Level::Ok, "pod-ready"), "b", Level::Fail, "pod-failed");
        let new = pod(pod(report(60), "a", Level::Fail, "pod-failed"), "c", Level::Ok, "pod-ready");
        let diff = compare(&old, &new);
        assert!(diff.is_worse && !diff.is_unsure);
        assert!(
            diff.text.contains("worse   FAIL        (was OK)  Pod/a/a") && diff.text.contains("gone    FAIL"),
            "{}",
            diff.text
        );
        assert!(!compare(&new, &new).is_worse);
    }

    #[test]
    fn what_was_not_read_is_not_gone() {
        let old = pod(report(0), "a", Level::Fail, "pod-failed");
        let diff = compare(&old, &unread(report(60), "Pod", None));
        assert!(diff.is_unsure && !diff.text.contains("gone"), "{}", diff.text);
        assert!(diff.text.contains("unread  UNKNOWN     (was FAIL)") && diff.text.contains("PARTIAL"), "{}", diff.text);
        // In another namespace than the newer report was asked about.
        let mut elsewhere = report(60);
        elsewhere.view.namespaces = vec!["other".into()];
        let diff = compare(&old, &elsewhere);
        assert!(!diff.is_unsure && diff.text.contains("not asked about 1 object"), "{}", diff.text);
        // A kind that the older report could not read is no new trouble.
        let diff = compare(&unread(report(0), "Pod", None), &old);
        assert!(diff.text.contains("(was not looked at)"), "{}", diff.text);
        // A kind that a cluster serves no more takes its objects with it.
        let mut unserved = report(60);
        unserved.coverage.clear();
        assert!(compare(&old, &read(unserved, "Node")).text.contains("gone"));
    }
}

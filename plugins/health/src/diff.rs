//! `health diff`: what changed between two reports.

use mlops_shared::cli::Failure;
use mlops_shared::report::{API_VERSION, Entry, Level, Report};
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

fn compare(old: &Report, new: &Report) -> Diff {
    let (before, after) = (index(old), index(new));
    let mut lines: Vec<(Level, String)> = Vec::new();
    let mut is_worse = false;
    let name = |entry: &Entry| {
        let parts = [&*entry.kind, &*entry.namespace, &*entry.name];
        text::line(&parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")).into_owned()
    };
    for (key, entry) in &after {
        let was = before.get(key).map_or(Level::Ok, |entry| entry.verdict);
        if was == entry.verdict {
            continue;
        }
        is_worse |= entry.verdict > was && entry.verdict >= Level::Unknown;
        let mark = if entry.verdict > was { "worse " } else { "better" };
        let was = if before.contains_key(key) { was.word() } else { "new" };
        let message = text::truncate(&entry.message, 200);
        lines.push((entry.verdict, format!("{mark}  {:<11} (was {was})  {}: {message}", entry.verdict, name(entry))));
    }
    for (key, entry) in before.iter().filter(|(key, _)| !after.contains_key(*key)) {
        let _ = key;
        if entry.verdict > Level::Ok {
            lines.push((Level::Ok, format!("gone    {:<11}  {}", entry.verdict, name(entry))));
        }
    }
    lines.sort_by(|one, two| two.0.cmp(&one.0).then_with(|| one.1.cmp(&two.1)));
    let mut out = String::new();
    for (_, line) in &lines {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{line}");
    }
    let _ = writeln!(out, "{} from {} to {}", text::plural(lines.len(), "change"), old.generated_at, new.generated_at);
    Diff { text: out, is_worse }
}

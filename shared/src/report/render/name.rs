//! `kind.group/name` lines: what kubectl takes back.

use super::super::{Level, Report};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Objects at or above `show`, one a line. Names that the API server would refuse (they can only
/// come from a file) are left out: the lines are made for a shell.
pub(super) fn render(report: &Report, show: Level) -> String {
    let mut out = String::new();
    let mut seen = BTreeSet::new();
    for entry in report.objects.iter().filter(|entry| entry.verdict >= show && entry.verdict > Level::Ok) {
        let is_plain = |text: &str| {
            let fits = |character: char| character.is_ascii_alphanumeric() || "-._:".contains(character);
            !text.is_empty() && !text.starts_with('-') && text.chars().all(fits)
        };
        let group = entry.api_version.split_once('/').map_or("", |(group, _)| group);
        let kind = entry.kind.to_lowercase();
        let resource = if group.is_empty() { kind } else { format!("{kind}.{group}") };
        if is_plain(&resource) && is_plain(&entry.name) && seen.insert((resource.clone(), entry.name.clone())) {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{resource}/{}", entry.name);
        }
    }
    out
}

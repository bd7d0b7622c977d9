//! `kind.group/name` lines: what kubectl takes back.

use crate::report::{Case, Level, Subject};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Objects at or above `show` that are not well, one a line, and how many were left out because
/// their names are none that an API server takes: the lines are made for a shell. What is missing
/// or was not read is no line: kubectl could not find it either. Of several clusters each line
/// starts with `--context=NAME `, for `xargs -L 1 kubectl get`.
pub(super) fn render(cases: &[Case<'_>], show: Level) -> (String, usize) {
    let mut out = String::new();
    let mut seen = BTreeSet::new();
    let mut skipped = 0;
    for case in cases.iter().filter(|case| case.level >= show && case.level > Level::Ok) {
        let Subject::Object { group, kind, name, .. } = &case.subject else { continue };
        let context = case.context.unwrap_or_default();
        let kind = kind.to_lowercase();
        let resource = if group.is_empty() { kind } else { format!("{kind}.{group}") };
        if !is_name(&resource) || !is_name(name) || !is_context(context) {
            skipped += 1;
        } else if seen.insert((context, resource.clone(), *name)) {
            let context = if context.is_empty() { String::new() } else { format!("--context={context} ") };
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{context}{resource}/{name}");
        }
    }
    (out, skipped)
}

/// Whether a shell takes it as one word: clouds make contexts of addresses, paths and users.
fn is_context(text: &str) -> bool {
    text.len() <= 500
        && text.chars().all(|character| character.is_ascii_alphanumeric() || "-._:/@+=".contains(character))
}

/// Whether a shell and kubectl take it as it is: a DNS name, or the `system:node` of roles.
fn is_name(text: &str) -> bool {
    text.len() <= 253
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.chars().all(|character| character.is_ascii_alphanumeric() || "-._:".contains(character))
}

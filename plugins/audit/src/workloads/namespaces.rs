//! What namespaces enforce of the Pod Security Standards, and what a label would change.

use super::codes::{NAMESPACE_NO_POD_SECURITY, NAMESPACE_PRIVILEGED};
use super::{LATEST, Level, failures, is_of_system};
use crate::check::Asked;
use crate::finding::Finding;
use crate::network::workloads;
use crate::record::Workload;
use crate::severity::Severity::{Info, Medium};
use mlops_shared::object::ObjectRef;
use std::collections::BTreeMap;

pub(crate) const ENFORCE: &str = "pod-security.kubernetes.io/enforce";

/// Workloads that are named in a preview before the rest is counted.
const NAMED: usize = 5;

/// One finding for each namespace that lets everything in.
pub(super) fn check(asked: &Asked<'_>) -> Vec<Finding> {
    let mut by_namespace: BTreeMap<String, Vec<(ObjectRef, Vec<&Workload>)>> = BTreeMap::new();
    for (object, members) in workloads(asked.records) {
        by_namespace.entry(object.namespace.to_string()).or_default().push((object, members));
    }
    let none = Vec::new();
    let found = asked.records.namespaces.iter().filter_map(|namespace| {
        let name = namespace.head.meta.name.as_str();
        if is_of_system(name) {
            return None;
        }
        let workloads = by_namespace.get(name).unwrap_or(&none);
        // Nobody runs anything there, as far as that is known.
        let is_unused = workloads.is_empty() && asked.is_known("", "Pod");
        let severity = if is_unused { Info } else { Medium };
        let finding = match namespace.head.meta.labels.get(ENFORCE) {
            Some("baseline" | "restricted") => return None,
            Some("privileged") => {
                namespace.head.finding(&NAMESPACE_PRIVILEGED, severity, format!("{ENFORCE} is privileged"))
            }
            Some(other) => {
                let message = format!("{ENFORCE} is {other}, which is no level: it enforces nothing");
                namespace.head.finding(&NAMESPACE_NO_POD_SECURITY, severity, message)
            }
            None => namespace.head.finding(&NAMESPACE_NO_POD_SECURITY, severity, format!("has no label {ENFORCE}")),
        };
        if workloads.is_empty() {
            return Some(finding);
        }
        let previews = [Level::Baseline, Level::Restricted].map(|level| preview(level, workloads));
        Some(previews.into_iter().fold(finding, Finding::evidence))
    });
    found.collect()
}

/// What a level would refuse of what runs today.
fn preview(level: Level, workloads: &[(ObjectRef, Vec<&Workload>)]) -> String {
    let refused = workloads
        .iter()
        .filter(|(_, members)| members.iter().any(|member| !failures(member, level, LATEST).is_empty()));
    let names: Vec<String> = refused.map(|(object, _)| format!("{} {}", object.kind, object.name)).collect();
    if names.is_empty() {
        return format!("enforce={} would refuse nothing of the {} workloads here", level.word(), workloads.len());
    }
    let rest = names.len().saturating_sub(NAMED);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!(
        "enforce={} would refuse {} of {} workloads: {}{more}",
        level.word(),
        names.len(),
        workloads.len(),
        names[..names.len().min(NAMED)].join(", ")
    )
}

//! What an account must be allowed to list so that a report of health is whole: the rules of
//! `deploy/rbac/health.yaml`.

use super::read::PASSED_OVER;
use crate::health;
use crate::object::STATISTICS_GROUP;
use std::collections::BTreeSet;

/// Kinds of the core group that are read with all that they hold.
const CORE: &[&str] = &[
    "events",
    "namespaces",
    "nodes",
    "persistentvolumeclaims",
    "persistentvolumes",
    "pods",
    "replicationcontrollers",
    "resourcequotas",
    "services",
];
/// Kinds of which only metadata is asked for. RBAC cannot say that.
const METADATA_ONLY: &[&str] = &["configmaps", "secrets"];
/// Groups that every API server serves.
const BUILT_IN: &[&str] = &[
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "autoscaling",
    "batch",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "networking.k8s.io",
    "policy",
    "storage.k8s.io",
];

/// A rule that grants `list`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRule {
    /// Why it stands alone.
    pub comment: &'static str,
    /// API groups; empty text for the core group.
    pub groups: Vec<&'static str>,
    /// Plural names, `*` for all.
    pub resources: Vec<&'static str>,
}

/// The rules, in the order in which the file has them.
pub fn list_rules() -> Vec<ListRule> {
    let known: BTreeSet<&'static str> = health::groups().into_iter().collect();
    let is_left_out = |group: &str| {
        group.is_empty() || group == STATISTICS_GROUP || BUILT_IN.contains(&group) || PASSED_OVER.contains(&group)
    };
    let custom = known.into_iter().filter(|group| !is_left_out(group)).collect();
    let rule =
        |comment, groups, resources: &[&'static str]| ListRule { comment, groups, resources: resources.to_vec() };
    vec![
        rule("What every cluster has.", vec![""], CORE),
        rule(
            "Whether a Secret or ConfigMap that something names is there. Only metadata is asked for, but RBAC cannot \
             say so: whoever may list these may read what they hold. Without this rule reports say that they are not \
             read, and end with 3 at best.",
            vec![""],
            METADATA_ONLY,
        ),
        rule("", BUILT_IN.to_vec(), &["*"]),
        rule("The operators whose kinds have rules of their own.", custom, &["*"]),
    ]
}

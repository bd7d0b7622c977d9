//! The table of kinds and their rules: a new check is one file and one row here.

use super::{
    Related, argo, argo_rollout, batch, cert_manager, cnpg, codes_of_graph, controllers, device, expectations,
    extension, external_secrets, flux, fullness, gateway, generic, grafana, keda, knative, kserve, minio, monitors,
    network, node, pauses, pod, policy, precedence, prometheus, queueing, ray, sealed_secret, served_versions, service,
    signing_request, spark, stateless, storage, strimzi, training, velero, workload,
};
use crate::object::Object;
use crate::report::{Code, Verdict};
use jiff::Timestamp;

/// A kind's rule.
pub type Assess = fn(&Object, &Related<'_>, Timestamp) -> Verdict;

/// One row: which kind, and who judges it.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// The rule.
    pub assess: Assess,
}

impl Rule {
    /// A row.
    pub const fn new(group: &'static str, kind: &'static str, assess: Assess) -> Self {
        Self { group, kind, assess }
    }
}

/// The rules, one slice a family of kinds.
pub static RULES: &[&[Rule]] = &[
    pod::RULES,
    workload::RULES,
    batch::RULES,
    node::RULES,
    storage::RULES,
    network::RULES,
    gateway::RULES,
    service::RULES,
    policy::RULES,
    extension::RULES,
    signing_request::RULES,
    device::RULES,
    stateless::RULES,
    flux::RULES,
    strimzi::RULES,
    minio::RULES,
    spark::RULES,
    cert_manager::RULES,
    prometheus::RULES,
    monitors::RULES,
    external_secrets::RULES,
    sealed_secret::RULES,
    keda::RULES,
    cnpg::RULES,
    grafana::RULES,
    velero::RULES,
    kserve::RULES,
    knative::RULES,
    ray::RULES,
    argo::RULES,
    argo_rollout::RULES,
    training::RULES,
    queueing::RULES,
];

/// The codes, one slice a file that declares some.
static CODES: &[&[&Code]] = &[
    precedence::CODES,
    pauses::CODES,
    codes_of_graph::CODES,
    controllers::CODES,
    expectations::CODES,
    generic::CODES,
    pod::CODES,
    workload::CODES,
    batch::CODES,
    flux::CODES,
    strimzi::CODES,
    minio::CODES,
    spark::CODES,
    node::CODES,
    storage::CODES,
    fullness::CODES,
    network::CODES,
    gateway::CODES,
    service::CODES,
    policy::CODES,
    extension::CODES,
    signing_request::CODES,
    device::CODES,
    stateless::CODES,
    cert_manager::CODES,
    prometheus::CODES,
    monitors::CODES,
    external_secrets::CODES,
    sealed_secret::CODES,
    keda::CODES,
    cnpg::CODES,
    grafana::CODES,
    velero::CODES,
    kserve::CODES,
    knative::CODES,
    ray::CODES,
    argo::CODES,
    argo_rollout::CODES,
    training::CODES,
    queueing::CODES,
    served_versions::CODES,
];

/// The rule of a kind.
pub(super) fn find(group: &str, kind: &str) -> Option<&'static Rule> {
    RULES.iter().flat_map(|family| family.iter()).find(|rule| rule.kind == kind && rule.group == group)
}

/// The API groups that rules are for, sorted; empty text for the core group.
pub fn groups() -> Vec<&'static str> {
    let mut groups: Vec<_> = RULES.iter().flat_map(|family| family.iter().map(|rule| rule.group)).collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}

/// All codes of health verdicts, sorted by id.
pub fn all_codes() -> Vec<&'static Code> {
    let mut codes: Vec<_> = CODES.iter().flat_map(|family| family.iter().copied()).collect();
    codes.sort_by_key(|code| code.id);
    codes
}

/// The code of this id.
pub fn find_code(id: &str) -> Option<&'static Code> {
    all_codes().into_iter().find(|code| code.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_unique_and_explained() {
        let mut seen = HashSet::new();
        for code in all_codes() {
            assert!(seen.insert(code.id), "{} twice", code.id);
            assert!(code.id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{}", code.id);
            for text in [code.title, code.meaning, code.remedy] {
                assert!(text.len() >= 8, "{} is not explained", code.id);
            }
        }
    }

    #[test]
    fn no_kind_has_two_rules() {
        let mut seen = HashSet::new();
        for rule in RULES.iter().flat_map(|family| family.iter()) {
            assert!(seen.insert((rule.group, rule.kind)), "{}/{} twice", rule.group, rule.kind);
        }
    }
}

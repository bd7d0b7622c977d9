//! The table of checks: a new family of checks is one folder and one row here.

use crate::finding::Finding;
use crate::online::Offers;
use crate::record::Records;
use crate::{flux, images, network, platform, rbac, secrets, versions, workloads};
use jiff::Timestamp;
use mlops_shared::health::api_versions::Minor;
use mlops_shared::object::{Section, SectionState};
use mlops_shared::platform::Platform;
use mlops_shared::report::Code;
use std::collections::BTreeSet;

/// What a check may know besides the records.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The records of the run.
    pub records: &'a Records,
    /// What was read, and what was not.
    pub sections: &'a [Section],
    /// Whether an object that is not there is not in the cluster either.
    pub is_whole: bool,
    /// What the platform file asks for.
    pub platform: &'a Platform,
    /// The API server's version, where the source tells it.
    pub server_version: Option<&'a str>,
    /// The namespaces that were read; none for all.
    pub namespaces: &'a [String],
    /// The Kubernetes release that is planned.
    pub target: Option<Minor>,
    /// What chart repositories offer, where they were asked.
    pub offered: Option<&'a Offers>,
    /// The instant that findings are made for.
    pub now: Timestamp,
}

impl Asked<'_> {
    /// Whether all objects of a kind are among the records, so that one that is not there does not exist.
    pub fn is_known(&self, group: &str, kind: &str) -> bool {
        let is_read = |section: &Section| {
            &*section.group == group && &*section.kind == kind && matches!(section.state, SectionState::Read(_))
        };
        self.is_whole && self.sections.iter().any(is_read)
    }
}

/// One family of checks.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// Its name, as the command line takes it.
    pub name: &'static str,
    /// Group and kind of what it needs to read; where one of these could not be read, its findings
    /// are not all.
    pub needs: &'static [(&'static str, &'static str)],
    /// Group and kind of what it reads besides, where it may.
    pub likes: &'static [(&'static str, &'static str)],
    /// Whether it also reads a kind that no list names: those of operators.
    pub others: Option<fn(&str, &str) -> bool>,
    /// The check.
    pub run: fn(&Asked<'_>) -> Vec<Finding>,
    /// The codes that it declares.
    pub codes: &'static [&'static [&'static Code]],
}

impl Check {
    /// Whether it reads objects of this kind.
    pub fn reads(&self, group: &str, kind: &str) -> bool {
        let is_listed = self.needs.iter().chain(self.likes).any(|known| *known == (group, kind));
        is_listed || self.others.is_some_and(|others| others(group, kind))
    }
}

/// The families, in the order in which a report names them.
pub static CHECKS: &[Check] = &[
    Check {
        name: "rbac",
        needs: &[
            (RBAC, "ClusterRole"),
            (RBAC, "ClusterRoleBinding"),
            (RBAC, "Role"),
            (RBAC, "RoleBinding"),
            ("", "ServiceAccount"),
        ],
        likes: &[
            ("", "Namespace"),
            ("", "Pod"),
            ("apps", "DaemonSet"),
            ("apps", "Deployment"),
            ("apps", "StatefulSet"),
            ("batch", "CronJob"),
        ],
        others: None,
        run: rbac::check,
        codes: &[rbac::CODES],
    },
    Check {
        name: "workloads",
        needs: WORKLOADS,
        likes: &[],
        others: None,
        run: workloads::check,
        codes: &[workloads::CODES],
    },
    Check {
        name: "network",
        needs: WORKLOADS_AND_POLICIES,
        likes: network::LIKES,
        others: None,
        run: network::check,
        codes: &[network::CODES],
    },
    Check {
        name: "images",
        needs: WORKLOADS,
        likes: images::HOLDERS,
        others: None,
        run: images::check,
        codes: &[images::CODES],
    },
    Check {
        name: "versions",
        needs: WORKLOADS,
        likes: versions::LIKES,
        others: None,
        run: versions::check,
        codes: &[versions::CODES],
    },
    Check { name: "flux", needs: flux::NEEDS, likes: &[], others: None, run: flux::check, codes: &[flux::CODES] },
    Check {
        name: "platform",
        needs: platform::NEEDS,
        likes: platform::LIKES,
        others: None,
        run: platform::check,
        codes: &[platform::CODES],
    },
    Check {
        name: "secrets",
        needs: secrets::NEEDS,
        likes: secrets::LIKES,
        others: Some(secrets::is_read),
        run: secrets::check,
        codes: &[secrets::CODES],
    },
];

const RBAC: &str = "rbac.authorization.k8s.io";

const WORKLOADS: &[(&str, &str)] = &[
    ("", "Namespace"),
    ("", "Pod"),
    ("apps", "DaemonSet"),
    ("apps", "Deployment"),
    ("apps", "ReplicaSet"),
    ("apps", "StatefulSet"),
    ("batch", "CronJob"),
    ("batch", "Job"),
];

const WORKLOADS_AND_POLICIES: &[(&str, &str)] = &[
    ("networking.k8s.io", "NetworkPolicy"),
    ("", "Namespace"),
    ("", "Pod"),
    ("apps", "DaemonSet"),
    ("apps", "Deployment"),
    ("apps", "ReplicaSet"),
    ("apps", "StatefulSet"),
    ("batch", "CronJob"),
    ("batch", "Job"),
];

/// Group and kind of everything that an audit, or a question on rights, lists of a cluster.
pub fn kinds() -> BTreeSet<(&'static str, &'static str)> {
    let of_checks = CHECKS.iter().flat_map(|check| check.needs.iter().chain(check.likes));
    of_checks.chain(crate::rights::kinds()).copied().collect()
}

/// Whether all kinds of an API group are read, where they are served.
pub fn reads_all(group: &str) -> bool {
    CHECKS.iter().any(|check| check.others.is_some_and(|others| others(group, "*")))
}

/// All codes of audit's findings, sorted by id.
pub fn all_codes() -> Vec<&'static Code> {
    let lists = CHECKS.iter().flat_map(|check| check.codes.iter());
    let mut codes: Vec<_> = lists.flat_map(|list| list.iter().copied()).collect();
    codes.sort_by_key(|code| code.id);
    codes
}

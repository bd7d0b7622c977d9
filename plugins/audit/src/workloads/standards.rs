//! The Pod Security Standards: which of their checks a pod fails, at a level and a version.
//!
//! One function a check, one row a definition of it, as k8s.io/pod-security-admission has them
//! (`policy/check_*.go`): a check may be defined anew from some version on, and a check of the level
//! `restricted` may stand in the place of one of `baseline`.

use super::baseline::{
    app_armor, capabilities, host_namespaces, host_paths, host_ports, host_probes, privileged, proc_mount,
    proc_mount_with_user_namespaces, se_linux, se_linux_with_engine, seccomp, seccomp_annotations, sysctls,
    sysctls_1_27, sysctls_1_29, sysctls_1_32, sysctls_1_37, windows_host_process,
};
use super::restricted::{
    capabilities_dropped, capabilities_dropped_linux, escalation, escalation_linux, proc_mount_default,
    run_as_non_root, run_as_non_root_with_user_namespaces, run_as_user, run_as_user_with_user_namespaces,
    seccomp_required, seccomp_required_linux, volumes,
};
use crate::record::Workload;

/// How strict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What is known to let a pod out of its confinement is refused.
    Baseline,
    /// Only pods that are hardened are let in.
    Restricted,
}

impl Level {
    /// Its word in labels.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Restricted => "restricted",
        }
    }
}

/// The newest minor version of Kubernetes whose definitions are known.
pub const LATEST: u32 = 37;

/// What one definition of a check finds wrong: one line for each offence, naming the container.
pub(super) type Test = fn(&Workload) -> Vec<String>;

/// A definition of a check.
#[derive(Debug, Clone, Copy)]
struct Definition {
    /// The check's id, as the API server names it.
    id: &'static str,
    level: Level,
    /// The minor version of Kubernetes 1 from which it holds.
    since: u32,
    test: Test,
    /// The check of `baseline` in whose place it stands.
    overrides: Option<&'static str>,
}

const fn row(id: &'static str, level: Level, since: u32, test: Test) -> Definition {
    Definition { id, level, since, test, overrides: None }
}

impl Definition {
    const fn overriding(self, other: &'static str) -> Self {
        Self { overrides: Some(other), ..self }
    }
}

use Level::{Baseline, Restricted};

/// The definitions; of one check the later one holds from its version on.
const DEFINITIONS: &[Definition] = &[
    row("appArmorProfile", Baseline, 0, app_armor),
    row("capabilities_baseline", Baseline, 0, capabilities),
    row("hostNamespaces", Baseline, 0, host_namespaces),
    row("hostPathVolumes", Baseline, 0, host_paths),
    row("hostPorts", Baseline, 0, host_ports),
    row("hostProbesAndHostLifecycle", Baseline, 34, host_probes),
    row("privileged", Baseline, 0, privileged),
    row("procMount", Baseline, 0, proc_mount),
    row("procMount", Baseline, 35, proc_mount_with_user_namespaces),
    row("seLinuxOptions", Baseline, 0, se_linux),
    row("seLinuxOptions", Baseline, 31, se_linux_with_engine),
    row("seccompProfile_baseline", Baseline, 0, seccomp_annotations),
    row("seccompProfile_baseline", Baseline, 19, seccomp),
    row("sysctls", Baseline, 0, sysctls),
    row("sysctls", Baseline, 27, sysctls_1_27),
    row("sysctls", Baseline, 29, sysctls_1_29),
    row("sysctls", Baseline, 32, sysctls_1_32),
    row("sysctls", Baseline, 37, sysctls_1_37),
    row("windowsHostProcess", Baseline, 0, windows_host_process),
    row("allowPrivilegeEscalation", Restricted, 8, escalation),
    row("allowPrivilegeEscalation", Restricted, 25, escalation_linux),
    row("capabilities_restricted", Restricted, 22, capabilities_dropped).overriding("capabilities_baseline"),
    row("capabilities_restricted", Restricted, 25, capabilities_dropped_linux).overriding("capabilities_baseline"),
    row("procMount_restricted", Restricted, 35, proc_mount_default).overriding("procMount"),
    row("restrictedVolumes", Restricted, 0, volumes).overriding("hostPathVolumes"),
    row("runAsNonRoot", Restricted, 0, run_as_non_root),
    row("runAsNonRoot", Restricted, 35, run_as_non_root_with_user_namespaces),
    row("runAsUser", Restricted, 23, run_as_user),
    row("runAsUser", Restricted, 35, run_as_user_with_user_namespaces),
    row("seccompProfile_restricted", Restricted, 19, seccomp_required).overriding("seccompProfile_baseline"),
    row("seccompProfile_restricted", Restricted, 25, seccomp_required_linux).overriding("seccompProfile_baseline"),
];

/// A check that a pod fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The check's id: `hostPathVolumes`.
    pub id: &'static str,
    /// The level that it belongs to.
    pub level: Level,
    /// What is wrong, a line each.
    pub offences: Vec<String>,
}

/// The checks that a pod (or the pods of a template) fails at a level and a minor version of
/// Kubernetes 1. Empty: it is let in.
///
/// Where a check of `restricted` fails that stands in the place of one of `baseline`, that one is
/// reported too if it fails: it is the graver word for the same thing.
pub fn failures(workload: &Workload, level: Level, minor: u32) -> Vec<Failure> {
    let mut found = Vec::new();
    let active: Vec<&Definition> = DEFINITIONS
        .iter()
        .filter(|it| it.level <= level && it.since <= minor)
        .filter(|it| {
            !DEFINITIONS.iter().any(|later| later.id == it.id && later.since > it.since && later.since <= minor)
        })
        .collect();
    let run = |it: &Definition| {
        let offences = (it.test)(workload);
        (!offences.is_empty()).then_some(Failure { id: it.id, level: it.level, offences })
    };
    for definition in &active {
        let stands_in = active.iter().find(|other| other.overrides == Some(definition.id));
        if stands_in.is_some_and(|other| (other.test)(workload).is_empty()) {
            continue;
        }
        found.extend(run(definition));
    }
    found
}

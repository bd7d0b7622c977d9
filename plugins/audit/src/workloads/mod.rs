//! Workloads: the Pod Security Standards, and what namespaces enforce of them.

mod baseline;
mod codes;
mod namespaces;
mod restricted;
mod standards;

pub(crate) use codes::CODES;
pub(crate) use namespaces::ENFORCE;
pub use standards::{Failure, LATEST, Level, failures};

use crate::check::Asked;
use crate::finding::Finding;
use crate::network::workloads as told;
use crate::record::Workload;
use crate::severity::Severity::{self, Critical, High, Info, Low, Medium};
use codes::*;
use mlops_shared::object::ObjectRef;
use mlops_shared::report::Code;
use std::collections::BTreeMap;

/// What a failed check of the level `baseline` is called here, and how much it matters. Root by user id is
/// told apart too: it is no mere want of hardening.
const NAMES: &[(&str, &Code, Severity)] = &[
    ("privileged", &POD_PRIVILEGED, Critical),
    ("windowsHostProcess", &POD_HOST_PROCESS, Critical),
    ("hostNamespaces", &POD_HOST_NAMESPACES, High),
    ("hostPathVolumes", &POD_HOST_PATH, High),
    ("capabilities_baseline", &POD_CAPABILITIES, High),
    ("procMount", &POD_PROC_MOUNT, High),
    ("hostPorts", &POD_HOST_PORT, Medium),
    ("seccompProfile_baseline", &POD_SECCOMP, Medium),
    ("appArmorProfile", &POD_APP_ARMOR, Medium),
    ("seLinuxOptions", &POD_SE_LINUX, Medium),
    ("sysctls", &POD_SYSCTLS, Medium),
    ("hostProbesAndHostLifecycle", &POD_HOST_PROBE, Medium),
    ("runAsUser", &POD_ROOT, Medium),
];

/// Sockets by which container runtimes are told what to run.
const SOCKETS: &[&str] = &[
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/run/docker.sock",
    "/var/run/containerd/containerd.sock",
    "/var/run/crio/crio.sock",
    "/var/run/docker.sock",
];

/// Namespaces of the cluster itself: what runs there may need the node.
pub(crate) fn is_of_system(namespace: &str) -> bool {
    matches!(namespace, "kube-system" | "kube-public" | "kube-node-lease")
}

/// The findings on workloads and on what namespaces let in.
pub(crate) fn check(asked: &Asked<'_>) -> Vec<Finding> {
    let mut found = namespaces::check(asked);
    for (object, members) in told(asked.records) {
        found.extend(findings(&object, &members));
    }
    found
}

/// The findings of one workload: each code once, with the offences of all its pods and templates. What only
/// keeps it from the level `restricted` is one finding.
fn findings(object: &ObjectRef, members: &[&Workload]) -> Vec<Finding> {
    let mut by_code: BTreeMap<&str, (&'static Code, Severity, Vec<String>)> = BTreeMap::new();
    let mut tell = |code: &'static Code, severity: Severity, offences: Vec<String>| {
        let entry = by_code.entry(code.id).or_insert((code, severity, Vec::new()));
        entry.1 = entry.1.max(severity);
        for offence in offences {
            if !entry.2.contains(&offence) {
                entry.2.push(offence);
            }
        }
    };
    for member in members {
        for failure in failures(member, Level::Restricted, LATEST) {
            match NAMES.iter().find(|(id, _, _)| *id == failure.id) {
                Some((_, code, severity)) => tell(code, *severity, failure.offences),
                None => tell(&POD_NOT_RESTRICTED, Low, failure.offences),
            }
        }
        let volumes = member.spec.volumes().iter();
        let sockets = volumes.filter(|volume| SOCKETS.contains(&volume.text("hostPath", "/path")));
        let sockets: Vec<String> = sockets
            .map(|volume| format!("volume {}: hostPath {}", volume.name, volume.text("hostPath", "/path")))
            .collect();
        if !sockets.is_empty() {
            tell(&POD_RUNTIME_SOCKET, Critical, sockets);
        }
    }
    let Some(first) = members.first() else { return Vec::new() };
    let told = by_code.into_values().map(|(code, severity, mut offences)| {
        let severity = if is_of_system(&object.namespace) { severity.min(Info) } else { severity };
        let (message, evidence) = match offences.len() {
            1 => (offences.remove(0), Vec::new()),
            count => (format!("{} ({count} settings)", code.title.to_lowercase()), offences),
        };
        let finding = Finding::new(code, severity, object.clone(), message).placed(first.head.place.clone());
        let is_own = first.head.reference() == *object;
        let api_version = if is_own { first.head.ty.api_version().as_str().into() } else { Default::default() };
        Finding { api_version, evidence, ..finding }.at(first.path)
    });
    told.collect()
}

//! The checks of the level `restricted`: only pods that are hardened are let in.

use super::baseline::{each, is_seccomp, proc_mount};
use crate::record::Workload;
use crate::record::pod::{Container, Security};

/// Sources of volumes that reach neither the node's files nor the network by themselves. A volume without
/// any is an emptyDir: the API server makes it one.
const VOLUMES: &[&str] = &[
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

pub(super) fn volumes(workload: &Workload) -> Vec<String> {
    let volumes = workload.spec.volumes().iter();
    let wrong = volumes.filter_map(|volume| {
        let source = volume.sources().find(|source| !VOLUMES.contains(source))?;
        // An allowed source beside it does not make it one of those: an API server takes only one.
        Some(format!("volume {}: {source}", volume.name))
    });
    wrong.collect()
}

pub(super) fn escalation(workload: &Workload) -> Vec<String> {
    each(workload, |container| {
        let flag = container.security_context.as_ref().and_then(|context| context.allow_privilege_escalation);
        (flag != Some(false)).then_some("allowPrivilegeEscalation is not false")
    })
}

pub(super) fn escalation_linux(workload: &Workload) -> Vec<String> {
    if workload.spec.is_windows() { Vec::new() } else { escalation(workload) }
}

pub(super) fn capabilities_dropped(workload: &Workload) -> Vec<String> {
    each(workload, |container| {
        let capabilities =
            container.security_context.as_ref().map(|context| context.capabilities.clone()).unwrap_or_default();
        let mut wrong = Vec::new();
        if !capabilities.drop.iter().any(|name| name.as_str() == "ALL") {
            wrong.push("does not drop ALL".to_owned());
        }
        let added = capabilities.add.iter().filter(|name| name.as_str() != "NET_BIND_SERVICE");
        let added: Vec<&str> = added.map(|name| name.as_str()).collect();
        if !added.is_empty() {
            wrong.push(format!("adds {}", added.join(", ")));
        }
        (!wrong.is_empty()).then(|| wrong.join(", "))
    })
}

pub(super) fn capabilities_dropped_linux(workload: &Workload) -> Vec<String> {
    if workload.spec.is_windows() { Vec::new() } else { capabilities_dropped(workload) }
}

pub(super) fn proc_mount_default(workload: &Workload) -> Vec<String> {
    proc_mount(workload)
}

pub(super) fn run_as_non_root(workload: &Workload) -> Vec<String> {
    let pod = workload.spec.security_context.as_ref().and_then(|context| context.run_as_non_root);
    let mut wrong: Vec<String> = Vec::new();
    if pod == Some(false) {
        wrong.push("pod: runAsNonRoot: false".to_owned());
    }
    let own = |container: &Container| container.security_context.as_ref().and_then(|context| context.run_as_non_root);
    wrong.extend(each(workload, |container| (own(container) == Some(false)).then_some("runAsNonRoot: false")));
    if wrong.is_empty() && pod != Some(true) {
        wrong = each(workload, |container| own(container).is_none().then_some("runAsNonRoot is not true"));
    }
    wrong
}

pub(super) fn run_as_non_root_with_user_namespaces(workload: &Workload) -> Vec<String> {
    if workload.spec.host_users == Some(false) { Vec::new() } else { run_as_non_root(workload) }
}

pub(super) fn run_as_user(workload: &Workload) -> Vec<String> {
    super::baseline::each_context(workload, |context| (context.run_as_user == Some(0)).then_some("runAsUser: 0"))
}

pub(super) fn run_as_user_with_user_namespaces(workload: &Workload) -> Vec<String> {
    if workload.spec.host_users == Some(false) { Vec::new() } else { run_as_user(workload) }
}

pub(super) fn seccomp_required(workload: &Workload) -> Vec<String> {
    let profile = |context: Option<&Security>| {
        context.and_then(|context| context.seccomp_profile.as_ref()).map(|profile| profile.r#type.clone())
    };
    let pod = profile(workload.spec.security_context.as_ref());
    let mut wrong = Vec::new();
    if let Some(pod) = pod.as_ref().filter(|pod| !is_seccomp(pod)) {
        wrong.push(format!("pod: seccompProfile {pod}"));
    }
    let is_pod_confined = pod.is_some_and(|pod| is_seccomp(&pod));
    wrong.extend(each(workload, |container| match profile(container.security_context.as_ref()) {
        Some(own) => (!is_seccomp(&own)).then(|| format!("seccompProfile {own}")),
        None => (!is_pod_confined).then(|| "seccompProfile is not set".to_owned()),
    }));
    wrong
}

pub(super) fn seccomp_required_linux(workload: &Workload) -> Vec<String> {
    if workload.spec.is_windows() { Vec::new() } else { seccomp_required(workload) }
}

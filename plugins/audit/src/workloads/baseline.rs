//! The checks of the level `baseline`: what is known to let a pod out of its confinement.

use crate::record::Workload;
use crate::record::pod::{Container, Handler, Security, is_set};
use mlops_shared::object::Sym;
use std::fmt::Display;

const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";
const SECCOMP_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";

/// What the level lets a container add; also what container runtimes give by default.
const CAPABILITIES: &[&str] = &[
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Kernel parameters that are kept apart from other pods' and the node's, with the minor version that first let
/// them be set.
const SYSCTLS: &[(u32, &str)] = &[
    (0, "kernel.shm_rmid_forced"),
    (0, "net.ipv4.ip_local_port_range"),
    (0, "net.ipv4.ip_unprivileged_port_start"),
    (0, "net.ipv4.ping_group_range"),
    (0, "net.ipv4.tcp_syncookies"),
    (27, "net.ipv4.ip_local_reserved_ports"),
    (29, "net.ipv4.tcp_fin_timeout"),
    (29, "net.ipv4.tcp_keepalive_intvl"),
    (29, "net.ipv4.tcp_keepalive_probes"),
    (29, "net.ipv4.tcp_keepalive_time"),
    (32, "net.ipv4.tcp_rmem"),
    (32, "net.ipv4.tcp_wmem"),
    (37, "net.ipv4.tcp_notsent_lowat"),
    (37, "net.ipv4.tcp_slow_start_after_idle"),
];

/// One line for each container of which `what` says something.
pub(super) fn each<T: Display>(workload: &Workload, what: impl Fn(&Container) -> Option<T>) -> Vec<String> {
    let said = |container: &Container| what(container).map(|text| format!("container {}: {text}", container.name));
    workload.spec.all_containers().filter_map(said).collect()
}

/// One line for the pod's security context and one for each container's of which `what` says something.
pub(super) fn each_context<T: Display>(workload: &Workload, what: impl Fn(&Security) -> Option<T>) -> Vec<String> {
    let pod = workload.spec.security_context.as_ref().and_then(&what).map(|text| format!("pod: {text}"));
    let containers = each(workload, |container| container.security_context.as_ref().and_then(&what));
    pod.into_iter().chain(containers).collect()
}

/// Names in a line.
fn list<'a>(names: impl IntoIterator<Item = &'a Sym>) -> Option<String> {
    let names: Vec<&str> = names.into_iter().map(|name| name.as_str()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

pub(super) fn privileged(workload: &Workload) -> Vec<String> {
    each(workload, |container| is_set(container.security_context.as_ref()?.privileged).then_some("privileged: true"))
}

pub(super) fn host_namespaces(workload: &Workload) -> Vec<String> {
    let spec = &workload.spec;
    let flags = [("hostNetwork", spec.host_network), ("hostPID", spec.host_pid), ("hostIPC", spec.host_ipc)];
    flags.iter().filter(|(_, flag)| is_set(*flag)).map(|(name, _)| format!("pod: {name}: true")).collect()
}

pub(super) fn host_paths(workload: &Workload) -> Vec<String> {
    let volumes = workload.spec.volumes().iter();
    let on_host = volumes.filter(|volume| volume.sources().any(|source| source == "hostPath"));
    on_host.map(|volume| format!("volume {}: hostPath {}", volume.name, volume.text("hostPath", "/path"))).collect()
}

pub(super) fn host_ports(workload: &Workload) -> Vec<String> {
    each(workload, |container| {
        let ports = container.ports.iter().filter_map(|port| port.host_port.filter(|port| *port != 0));
        let ports: Vec<String> = ports.map(|port| port.to_string()).collect();
        (!ports.is_empty()).then(|| format!("hostPort {}", ports.join(", ")))
    })
}

pub(super) fn capabilities(workload: &Workload) -> Vec<String> {
    each(workload, |container| {
        let added = container.security_context.as_ref()?.capabilities.add.iter();
        list(added.filter(|name| !CAPABILITIES.contains(&name.as_str()))).map(|names| format!("adds {names}"))
    })
}

pub(super) fn windows_host_process(workload: &Workload) -> Vec<String> {
    each_context(workload, |context| {
        is_set(context.windows_options.as_ref()?.host_process).then_some("hostProcess: true")
    })
}

pub(super) fn app_armor(workload: &Workload) -> Vec<String> {
    let fields = each_context(workload, |context| {
        let profile = &context.app_armor_profile.as_ref()?.r#type;
        let is_allowed = matches!(profile.as_str(), "RuntimeDefault" | "Localhost");
        (!is_allowed).then(|| format!("appArmorProfile {profile}"))
    });
    let annotations = workload.confinement.iter().filter_map(|(key, value)| {
        let container = key.strip_prefix(APP_ARMOR)?;
        let is_allowed = matches!(value.as_str(), "" | "runtime/default") || value.starts_with("localhost/");
        (!is_allowed).then(|| format!("container {container}: AppArmor annotation {value}"))
    });
    fields.into_iter().chain(annotations).collect()
}

pub(super) fn se_linux(workload: &Workload) -> Vec<String> {
    se_linux_of(workload, &["", "container_t", "container_init_t", "container_kvm_t"])
}

pub(super) fn se_linux_with_engine(workload: &Workload) -> Vec<String> {
    se_linux_of(workload, &["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"])
}

fn se_linux_of(workload: &Workload, types: &[&str]) -> Vec<String> {
    each_context(workload, |context| {
        let options = context.se_linux_options.as_ref()?;
        let (kind, user, role) = (&options.r#type, &options.user, &options.role);
        let mut wrong = Vec::new();
        if !types.contains(&kind.as_str()) {
            wrong.push(format!("type {kind}"));
        }
        if !user.is_empty() {
            wrong.push(format!("user {user}"));
        }
        if !role.is_empty() {
            wrong.push(format!("role {role}"));
        }
        (!wrong.is_empty()).then(|| format!("seLinuxOptions {}", wrong.join(", ")))
    })
}

pub(super) fn proc_mount(workload: &Workload) -> Vec<String> {
    each(workload, |container| {
        let mount = &container.security_context.as_ref()?.proc_mount;
        (!matches!(mount.as_str(), "" | "Default")).then(|| format!("procMount {mount}"))
    })
}

pub(super) fn proc_mount_with_user_namespaces(workload: &Workload) -> Vec<String> {
    if workload.spec.host_users == Some(false) { Vec::new() } else { proc_mount(workload) }
}

/// Before 1.19 seccomp was chosen by annotations.
pub(super) fn seccomp_annotations(workload: &Workload) -> Vec<String> {
    let is_allowed =
        |value: &str| matches!(value, "runtime/default" | "docker/default") || value.starts_with("localhost/");
    let names: Vec<&str> = workload.spec.all_containers().map(|container| container.name.as_str()).collect();
    let wrong = workload.confinement.iter().filter(|(_, value)| !is_allowed(value)).filter_map(|(key, value)| {
        if key.as_str() == SECCOMP_POD {
            return Some(format!("pod: seccomp annotation {value}"));
        }
        let container = key.strip_prefix(SECCOMP_CONTAINER).filter(|name| names.contains(name))?;
        Some(format!("container {container}: seccomp annotation {value}"))
    });
    wrong.collect()
}

pub(super) fn seccomp(workload: &Workload) -> Vec<String> {
    each_context(workload, |context| {
        let profile = &context.seccomp_profile.as_ref()?.r#type;
        (!is_seccomp(profile)).then(|| format!("seccompProfile {profile}"))
    })
}

/// Whether a seccomp profile of this type confines.
pub(super) fn is_seccomp(profile: &str) -> bool {
    matches!(profile, "RuntimeDefault" | "Localhost")
}

pub(super) fn sysctls(workload: &Workload) -> Vec<String> {
    sysctls_of(workload, 0)
}

pub(super) fn sysctls_1_27(workload: &Workload) -> Vec<String> {
    sysctls_of(workload, 27)
}

pub(super) fn sysctls_1_29(workload: &Workload) -> Vec<String> {
    sysctls_of(workload, 29)
}

pub(super) fn sysctls_1_32(workload: &Workload) -> Vec<String> {
    sysctls_of(workload, 32)
}

pub(super) fn sysctls_1_37(workload: &Workload) -> Vec<String> {
    sysctls_of(workload, 37)
}

fn sysctls_of(workload: &Workload, minor: u32) -> Vec<String> {
    let set = workload.spec.security_context.iter().flat_map(|context| context.sysctls.iter());
    let is_safe = |name: &str| SYSCTLS.iter().any(|(since, known)| *since <= minor && *known == name);
    set.filter(|sysctl| !is_safe(&sysctl.name)).map(|sysctl| format!("pod: sysctl {}", sysctl.name)).collect()
}

/// From 1.34 on: the kubelet asks whatever host a probe names, from the node's network.
pub(super) fn host_probes(workload: &Workload) -> Vec<String> {
    each(workload, |container| {
        let lifecycle = &container.lifecycle;
        let handlers: [(&str, &Handler); 5] = [
            ("livenessProbe", &container.liveness_probe),
            ("readinessProbe", &container.readiness_probe),
            ("startupProbe", &container.startup_probe),
            ("lifecycle.postStart", &lifecycle.post_start),
            ("lifecycle.preStop", &lifecycle.pre_stop),
        ];
        let named = handlers.iter().filter_map(|(name, handler)| {
            let hosts = [&handler.http_get.host, &handler.tcp_socket.host];
            let host = hosts.into_iter().find(|host| !host.is_empty())?;
            Some(format!("{name} asks host {host}"))
        });
        let named: Vec<String> = named.collect();
        (!named.is_empty()).then(|| named.join(", "))
    })
}

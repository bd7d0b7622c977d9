//! The spec of a pod as far as the checks read it. Every field may be absent or null.

use super::Words;
use mlops_shared::object::Sym;
use mlops_shared::record;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;

record! {
    /// A pod's spec.
    pub struct PodSpec {
        /// Containers.
        containers: Vec<Container>,
        /// Init containers, sidecars among them.
        init_containers: Vec<Container>,
        /// Containers for debugging.
        ephemeral_containers: Vec<Container>,
        /// Volumes.
        volumes: Vec<Volume>,
        /// Names of Secrets for registries.
        image_pull_secrets: Vec<Name>,
        /// The service account; empty for `default`.
        service_account_name: Sym,
        /// Whether its token is mounted; absent leaves it to the service account.
        automount_service_account_token: Option<bool>,
        /// Whether it shares the node's network.
        #[serde(rename = "hostNetwork")]
        host_network: Option<bool>,
        /// Whether it shares the node's processes.
        #[serde(rename = "hostPID")]
        host_pid: Option<bool>,
        /// Whether it shares the node's IPC.
        #[serde(rename = "hostIPC")]
        host_ipc: Option<bool>,
        /// False where it runs in a user namespace.
        host_users: Option<bool>,
        /// The node it runs on.
        node_name: Sym,
        /// The operating system.
        os: Name,
        /// What holds for all containers.
        security_context: Option<Security>,
    }

    /// Something with a name.
    pub struct Name {
        /// The name.
        name: Sym,
    }

    /// A container.
    pub struct Container {
        /// Its name.
        name: Sym,
        /// Its image.
        image: Sym,
        /// When its image is fetched.
        image_pull_policy: Sym,
        /// What it may.
        security_context: Option<Security>,
        /// Its ports.
        ports: Vec<Port>,
        /// Probes.
        liveness_probe: Handler,
        /// Probes.
        readiness_probe: Handler,
        /// Probes.
        startup_probe: Handler,
        /// Hooks.
        lifecycle: Lifecycle,
        /// Names that stand in its command.
        command: Words,
        /// Those of its arguments that some check reads.
        args: Flags,
        /// Its environment.
        env: Vec<Env>,
        /// Where more of its environment comes from.
        env_from: Vec<EnvFrom>,
        /// What it asks for, and its limits.
        resources: Resources,
    }

    /// Requests and limits by the names of resources.
    pub struct Resources {
        /// Limits.
        limits: BTreeMap<Sym, Value>,
        /// Requests.
        requests: BTreeMap<Sym, Value>,
    }

    /// A port.
    pub struct Port {
        /// Its name.
        name: Sym,
        /// On the container.
        container_port: Option<i64>,
        /// On the node.
        host_port: Option<i64>,
        /// TCP where absent.
        protocol: Sym,
    }

    /// A probe or one hook, as far as it names a host.
    pub struct Handler {
        /// HTTP.
        http_get: Host,
        /// TCP.
        tcp_socket: Host,
    }

    /// The host that a handler asks.
    pub struct Host {
        /// Empty for the pod itself.
        host: Sym,
    }

    /// Hooks.
    pub struct Lifecycle {
        /// After the start.
        post_start: Handler,
        /// Before the end.
        pre_stop: Handler,
    }

    /// A variable. Its literal value is not kept: only where it comes from.
    pub struct Env {
        /// Its name.
        name: Sym,
        /// Names that stand in its literal value.
        value: Words,
        /// Where its value comes from.
        value_from: Option<ValueFrom>,
    }

    /// Where a variable's value comes from.
    pub struct ValueFrom {
        /// A key of a Secret.
        secret_key_ref: Name,
        /// A key of a ConfigMap.
        config_map_key_ref: Name,
    }

    /// Where many variables come from.
    pub struct EnvFrom {
        /// A Secret.
        secret_ref: Name,
        /// A ConfigMap.
        config_map_ref: Name,
    }

    /// A security context, of a pod or of a container.
    pub struct Security {
        /// Everything that the node's root may.
        privileged: Option<bool>,
        /// Capabilities.
        capabilities: Capabilities,
        /// Whether root is refused.
        run_as_non_root: Option<bool>,
        /// The user.
        run_as_user: Option<i64>,
        /// Whether a process may gain more than its parent has.
        allow_privilege_escalation: Option<bool>,
        /// How much of /proc is shown.
        proc_mount: Sym,
        /// Whether the root filesystem cannot be written.
        read_only_root_filesystem: Option<bool>,
        /// seccomp.
        seccomp_profile: Option<Profile>,
        /// AppArmor.
        app_armor_profile: Option<Profile>,
        /// SELinux.
        se_linux_options: Option<SeLinux>,
        /// Windows.
        windows_options: Option<Windows>,
        /// Kernel parameters, of pods only.
        sysctls: Vec<Name>,
    }

    /// Capabilities to add and to drop.
    pub struct Capabilities {
        /// Added.
        add: Vec<Sym>,
        /// Dropped.
        drop: Vec<Sym>,
    }

    /// A profile by its type.
    pub struct Profile {
        /// `RuntimeDefault`, `Localhost`, `Unconfined`.
        r#type: Sym,
    }

    /// SELinux labels.
    pub struct SeLinux {
        /// User.
        user: Sym,
        /// Role.
        role: Sym,
        /// Type.
        r#type: Sym,
    }

    /// Windows' options.
    pub struct Windows {
        /// Whether it runs as a process of the node.
        host_process: Option<bool>,
    }
}

/// Arguments, of which only flags that some check reads are kept: others may hold passwords.
#[derive(Debug, Clone, Default)]
pub struct Flags(Vec<Sym>, Words);

impl<'de> Deserialize<'de> for Flags {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let all = Vec::<Sym>::deserialize(input)?;
        let words = all.iter().map(Sym::as_str).collect();
        let mut kept = Vec::new();
        let mut rest = all.into_iter().peekable();
        while let Some(argument) = rest.next() {
            let name = argument.split_once('=').map_or(argument.as_str(), |(name, _)| name);
            if !crate::flux::FLAGS.contains(&name) {
                continue;
            }
            let takes_next = crate::flux::WITH_VALUE.contains(&argument.as_str());
            match rest.next_if(|_| takes_next) {
                Some(value) => kept.push(Sym::new(&format!("{argument}={value}"))),
                None => kept.push(argument),
            }
        }
        Ok(Self(kept, words))
    }
}

impl Flags {
    /// The flags, each with its value: `--name=value`.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Sym::as_str)
    }

    /// Names that stand in any of the arguments.
    pub fn words(&self) -> &Words {
        &self.1
    }
}

/// A volume: its name, and what it is made of.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Volume {
    /// Its name.
    pub name: Sym,
    /// Its source, by the field's name: `secret`, `hostPath`, … At most one in a valid object.
    #[serde(flatten)]
    pub source: BTreeMap<Sym, Value>,
}

impl Volume {
    /// The names of its sources that are set.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        self.source.iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| name.as_str())
    }

    /// The text at a JSON pointer below a source.
    pub fn text(&self, source: &str, pointer: &str) -> &str {
        let found = self.source.iter().find(|(name, _)| *name.as_str() == *source);
        found.and_then(|(_, value)| value.pointer(pointer)).and_then(Value::as_str).unwrap_or_default()
    }
}

/// Whether an optional flag is set.
pub fn is_set(flag: Option<bool>) -> bool {
    flag == Some(true)
}

impl PodSpec {
    /// All containers, in the order in which they start: init, ordinary, then those for debugging.
    pub fn all_containers(&self) -> impl Iterator<Item = &Container> {
        let lists = [&self.init_containers, &self.containers, &self.ephemeral_containers];
        lists.into_iter().flatten()
    }

    /// Volumes.
    pub fn volumes(&self) -> &[Volume] {
        &self.volumes
    }

    /// The service account that it runs as.
    pub fn account(&self) -> &str {
        if self.service_account_name.is_empty() { "default" } else { &self.service_account_name }
    }

    /// Whether it is for Windows.
    pub fn is_windows(&self) -> bool {
        &*self.os.name == "windows"
    }
}

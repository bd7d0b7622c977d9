//! Pods: the kind that there is most of, so the leanest record.

use super::condition::{Condition, Message};
use super::placing::{Placing, WireAffinity, WirePort};
use super::record::record;
use super::requests::{Actual, Amounts, Effective, Resources, is_pod_level};
use super::sym::{Sym, When};
use crate::text::Quantity;
use std::collections::BTreeMap;

/// What is kept of a pod.
#[derive(Debug, Default, Clone)]
pub struct Pod {
    /// `Pending`, `Running`, `Succeeded`, `Failed`, `Unknown`.
    pub phase: Sym,
    /// Why the whole pod is in that phase (`Evicted`, `NodeLost`, …).
    pub reason: Sym,
    /// The same for people.
    pub message: Message,
    /// The node it runs on; empty before it is scheduled.
    pub node: Sym,
    /// `Always`, `OnFailure` or `Never`.
    pub restart_policy: Sym,
    /// When the kubelet accepted it.
    pub started: When,
    /// The conditions, but for those steps of a start that are True: fifty thousand pods have four each.
    pub conditions: Box<[Condition]>,
    /// Init containers, native sidecars (`restart_always`) among them, in order.
    pub init: Box<[Container]>,
    /// Containers.
    pub containers: Box<[Container]>,
    /// Objects in the pod's namespace that it needs, by kind: claims, Secrets, ConfigMaps.
    pub needs: Box<[Reference]>,
    /// `spec.schedulerName`, unless it is the default one.
    pub scheduler: Sym,
    /// Condition types of `spec.readinessGates`.
    pub readiness_gates: Box<[Sym]>,
    /// Names of `spec.schedulingGates`.
    pub scheduling_gates: Box<[Sym]>,
    /// Names of `spec.imagePullSecrets`: the kubelet pulls without them where it can.
    pub pull_secrets: Box<[Sym]>,
    /// Devices that it asks for by claims (`spec.resourceClaims`).
    pub device_claims: Box<[DeviceClaim]>,
    /// `spec.overhead`: what its runtime takes beside its containers.
    pub overhead: Amounts,
    /// What is asked for by the pod as a whole; it counts in place of what its containers ask for.
    pub resources: Option<Box<Effective>>,
    /// What it keeps from other pods.
    pub placing: Option<Box<Placing>>,
}

/// A container of a pod with its status.
#[derive(Debug, Default, Clone)]
pub struct Container {
    /// Name.
    pub name: Sym,
    /// Image as in the spec.
    pub image: Sym,
    /// Resources that its spec requests, or would after the API server's defaults.
    pub requests: Amounts,
    /// Limits of its spec.
    pub limits: Amounts,
    /// What counts in their place, while a resize in place is not done.
    pub resized: Option<Box<Effective>>,
    /// Declared ports.
    pub ports: Box<[ContainerPort]>,
    /// A native sidecar: an init container with `restartPolicy: Always`.
    pub restart_always: bool,
    /// Seconds that its start may take by its probes before it should be ready.
    pub startup_grace: i64,
    /// Its status; `None` when the kubelet has reported none.
    pub status: Option<Box<ContainerStatus>>,
}

/// An object in the pod's namespace that the pod needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// `PersistentVolumeClaim`, `Secret` or `ConfigMap`.
    pub kind: &'static str,
    /// Its name.
    pub name: Sym,
    /// Whether the pod starts without it.
    pub optional: bool,
}

/// A claim of devices: the object's name, where it is known, or the template that it is made from.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct DeviceClaim {
    /// The ResourceClaim; empty while none was made from the template.
    pub name: Sym,
    /// The ResourceClaimTemplate; empty where the claim is named.
    pub template: Sym,
}

record! {
    /// A declared port.
    pub struct ContainerPort {
        /// Its name.
        name: Sym,
        /// `TCP` when empty.
        protocol: Sym,
    }

    /// Why a container waits.
    pub struct Waiting {
        /// `CrashLoopBackOff`, `ContainerCreating`, …
        reason: Sym,
        /// The same for people.
        message: Message,
    }

    /// How a container ended.
    pub struct Exit {
        /// `Completed`, `Error`, `OOMKilled`, …
        reason: Sym,
        /// The termination message.
        message: Message,
        /// The exit code.
        exit_code: i64,
        /// The signal, if it was killed by one.
        signal: i64,
        /// When it started.
        started_at: When,
        /// When it ended.
        finished_at: When,
    }

    /// Since when a container runs.
    pub struct Running {
        /// The start.
        started_at: When,
    }

    /// A container's state: at most one of these is set.
    pub struct ContainerState {
        /// Not started.
        waiting: Option<Box<Waiting>>,
        /// Running.
        running: Option<Running>,
        /// Ended.
        terminated: Option<Box<Exit>>,
    }

    /// One entry of `status.containerStatuses`.
    pub struct ContainerStatus {
        /// The container's name.
        name: Sym,
        /// Whether its readiness probe passes.
        ready: bool,
        /// Whether its startup probe has passed.
        started: Option<bool>,
        /// How often it was restarted in this pod's life.
        restart_count: i64,
        /// What it does now.
        state: ContainerState,
        /// How it ended last.
        last_state: ContainerState,
        /// What is in force; only while the pod is being read, then see [`Container::resized`].
        resources: Option<Box<Resources>>,
        /// What the node has promised; only while the pod is being read.
        allocated_resources: Option<Box<BTreeMap<Sym, Quantity>>>,
    }

    /// A probe's times, in seconds, with the API's defaults where absent.
    pub struct Probe {
        /// Before the first try.
        initial_delay_seconds: Option<i64>,
        /// Between tries.
        period_seconds: Option<i64>,
        /// Tries until it counts as failed.
        failure_threshold: Option<i64>,
    }

    pub(super) struct WireNamed { name: Sym, optional: bool, }
    pub(super) struct WireSecretRef { secret_name: Sym, optional: bool, }
    pub(super) struct WireClaimRef { claim_name: Sym, }
    pub(super) struct WireProjection { secret: Option<WireNamed>, config_map: Option<WireNamed>, }
    pub(super) struct WireProjected { sources: Vec<WireProjection>, }
    pub(super) struct WireVolume {
        name: Sym,
        persistent_volume_claim: Option<WireClaimRef>,
        secret: Option<WireSecretRef>,
        config_map: Option<WireNamed>,
        projected: Option<WireProjected>,
        ephemeral: Option<serde::de::IgnoredAny>,
    }
    pub(super) struct WireValueFrom { secret_key_ref: Option<WireNamed>, config_map_key_ref: Option<WireNamed>, }
    pub(super) struct WireEnv { value_from: Option<WireValueFrom>, }
    pub(super) struct WireEnvFrom { secret_ref: Option<WireNamed>, config_map_ref: Option<WireNamed>, }
    pub(super) struct WireContainer {
        name: Sym,
        image: Sym,
        resources: Resources,
        ports: Vec<WirePort>,
        restart_policy: Sym,
        readiness_probe: Option<Probe>,
        startup_probe: Option<Probe>,
        env: Vec<WireEnv>,
        env_from: Vec<WireEnvFrom>,
    }
    pub(super) struct WireGate { condition_type: Sym, name: Sym, }
    pub(super) struct WireDeviceClaim {
        name: Sym,
        resource_claim_name: Sym,
        resource_claim_template_name: Sym,
    }
    pub(super) struct WirePodSpec {
        resource_claims: Vec<WireDeviceClaim>,
        node_name: Sym,
        host_network: bool,
        affinity: Option<WireAffinity>,
        restart_policy: Sym,
        containers: Vec<WireContainer>,
        init_containers: Vec<WireContainer>,
        volumes: Vec<WireVolume>,
        image_pull_secrets: Vec<WireNamed>,
        scheduler_name: Sym,
        readiness_gates: Vec<WireGate>,
        scheduling_gates: Vec<WireGate>,
        overhead: BTreeMap<Sym, Quantity>,
        resources: Option<Box<Resources>>,
    }
    pub(super) struct WirePodStatus {
        phase: Sym,
        reason: Sym,
        message: Message,
        start_time: When,
        conditions: Vec<Condition>,
        resource_claim_statuses: Vec<WireDeviceClaim>,
        init_container_statuses: Vec<ContainerStatus>,
        container_statuses: Vec<ContainerStatus>,
        resources: Option<Box<Resources>>,
        allocated_resources: Option<Box<BTreeMap<Sym, Quantity>>>,
    }
}

impl Probe {
    /// Seconds from the container's start until this probe has failed for good.
    /// Defaults as in the API: delay 0, period 10, threshold 3.
    pub fn budget(&self) -> i64 {
        let period = self.period_seconds.unwrap_or(10).max(1);
        let tries = self.failure_threshold.unwrap_or(3).max(1);
        self.initial_delay_seconds.unwrap_or(0).max(0).saturating_add(period.saturating_mul(tries))
    }
}

impl Pod {
    /// The condition of type `name`.
    pub fn condition(&self, name: &str) -> Option<&Condition> {
        super::find_condition(&self.conditions, name)
    }

    /// Whether the Ready condition is True.
    pub fn is_ready(&self) -> bool {
        self.condition("Ready").is_some_and(Condition::is_true)
    }

    /// Whether it has ended, well or not.
    pub fn is_finished(&self) -> bool {
        &*self.phase == "Succeeded" || &*self.phase == "Failed"
    }

    /// Init containers and containers, in the order in which they start.
    pub fn all_containers(&self) -> impl Iterator<Item = &Container> {
        self.init.iter().chain(self.containers.iter())
    }
}

impl WireContainer {
    fn needs(&self, into: &mut Vec<Reference>) {
        let named = |kind, named: &Option<WireNamed>| {
            named.as_ref().map(|named| Reference { kind, name: named.name.clone(), optional: named.optional })
        };
        for from in self.env.iter().filter_map(|env| env.value_from.as_ref()) {
            into.extend(named("Secret", &from.secret_key_ref));
            into.extend(named("ConfigMap", &from.config_map_key_ref));
        }
        for from in &self.env_from {
            into.extend(named("Secret", &from.secret_ref));
            into.extend(named("ConfigMap", &from.config_map_ref));
        }
    }

    fn slim(mut self, statuses: &mut Vec<ContainerStatus>, is_infeasible: bool, is_init: bool) -> Container {
        let startup = self.startup_probe.as_ref().map_or(0, Probe::budget);
        let readiness = self.readiness_probe.as_ref().map_or(0, Probe::budget);
        let position = statuses.iter().position(|status| status.name == self.name);
        let mut status = position.map(|index| Box::new(statuses.swap_remove(index)));
        let restart_always = &*self.restart_policy == "Always";
        // The API server does the same (SetDefaults_Pod); manifests have not been there yet.
        for (name, limit) in &self.resources.limits {
            self.resources.requests.entry(name.clone()).or_insert(*limit);
        }
        let done = status.as_mut().map(|status| (status.resources.take(), status.allocated_resources.take()));
        // Init containers other than sidecars are never resized.
        let resized = done.filter(|_| !is_init || restart_always).and_then(|(actuated, allocated)| {
            let actual = Actual { actuated: actuated.as_deref()?, allocated: allocated.as_deref(), is_infeasible };
            Some(actual.effective(&self.resources))
        });
        let requests: Amounts = self.resources.requests.into_iter().collect();
        let limits: Amounts = self.resources.limits.into_iter().collect();
        // Nearly always the same; ten thousand pods should not hold it twice.
        let resized = resized.filter(|resized| resized.requests != requests || resized.limits != limits);
        Container {
            startup_grace: startup.saturating_add(readiness),
            restart_always,
            requests,
            limits,
            resized: resized.map(Box::new),
            ports: self.ports.into_iter().map(|it| ContainerPort { name: it.name, protocol: it.protocol }).collect(),
            status,
            name: self.name,
            image: self.image,
        }
    }
}

/// Whether a condition says that a step of the start is done and nothing else.
/// That a pod is scheduled goes without saying where its node is named.
fn is_step_done(condition: &Condition, is_placed: bool) -> bool {
    const STEPS: [&str; 4] = ["PodScheduled", "Initialized", "ContainersReady", "PodReadyToStartContainers"];
    let is_said = is_placed || &*condition.r#type != "PodScheduled";
    condition.is_true() && condition.message.is_empty() && is_said && STEPS.contains(&&*condition.r#type)
}

/// Containers with their statuses. A status without a container (a file that was cut down to the
/// status) still tells how its container is.
fn containers(
    specs: Vec<WireContainer>,
    statuses: &mut Vec<ContainerStatus>,
    is_infeasible: bool,
    is_init: bool,
) -> Box<[Container]> {
    let mut all: Vec<Container> =
        specs.into_iter().map(|container| container.slim(statuses, is_infeasible, is_init)).collect();
    all.extend(statuses.drain(..).map(|status| Container {
        name: status.name.clone(),
        status: Some(Box::new(status)),
        ..Container::default()
    }));
    all.into()
}

impl Pod {
    /// The slim record of a pod as the API writes it.
    pub(super) fn from_wire(spec: WirePodSpec, status: WirePodStatus) -> Self {
        let mut needs = Vec::new();
        for container in spec.init_containers.iter().chain(&spec.containers) {
            container.needs(&mut needs);
        }
        let ports = spec.init_containers.iter().chain(&spec.containers).flat_map(|container| &container.ports);
        let placing = Placing::of(ports, spec.host_network, spec.affinity);
        for volume in spec.volumes {
            if let Some(claim) = volume.persistent_volume_claim {
                needs.push(Reference { kind: "PersistentVolumeClaim", name: claim.claim_name, optional: false });
            }
            if let Some(secret) = volume.secret {
                needs.push(Reference { kind: "Secret", name: secret.secret_name, optional: secret.optional });
            }
            if let Some(map) = volume.config_map {
                needs.push(Reference { kind: "ConfigMap", name: map.name, optional: map.optional });
            }
            for source in volume.projected.into_iter().flat_map(|projected| projected.sources) {
                let of = |kind, named: WireNamed| Reference { kind, name: named.name, optional: named.optional };
                needs.extend(source.secret.map(|named| of("Secret", named)));
                needs.extend(source.config_map.map(|named| of("ConfigMap", named)));
            }
        }
        needs.sort_by(|one, two| (one.kind, &one.name, one.optional).cmp(&(two.kind, &two.name, two.optional)));
        needs.dedup_by(|later, first| later.kind == first.kind && later.name == first.name);

        let is_placed = !spec.node_name.is_empty();
        let pending = status.conditions.iter().find(|condition| &*condition.r#type == "PodResizePending");
        let is_infeasible = pending.is_some_and(|condition| &*condition.reason == "Infeasible");
        let resources = spec.resources.map(|wanted| {
            let only = |list: &BTreeMap<Sym, Quantity>| -> BTreeMap<Sym, Quantity> {
                list.iter()
                    .filter(|(name, _)| is_pod_level(name))
                    .map(|(name, amount)| (name.clone(), *amount))
                    .collect()
            };
            let wanted = Resources { requests: only(&wanted.requests), limits: only(&wanted.limits) };
            let none = Resources::default();
            let actuated = status.resources.as_deref();
            // Without status.resources the server does not resize pods as a whole.
            let allocated = status.allocated_resources.as_deref().filter(|_| actuated.is_some());
            let mut whole = Actual {
                actuated: actuated.unwrap_or(&none),
                allocated,
                is_infeasible: is_infeasible && actuated.is_some(),
            }
            .effective(&wanted);
            // Only what the spec asks for as a whole counts as a whole.
            whole.requests =
                whole.requests.into_iter().filter(|(name, _)| wanted.requests.contains_key(name)).collect();
            whole.limits = whole.limits.into_iter().filter(|(name, _)| wanted.limits.contains_key(name)).collect();
            Box::new(whole)
        });
        let mut init_statuses = status.init_container_statuses;
        let mut statuses = status.container_statuses;
        let made = status.resource_claim_statuses;
        let device_claim = |claim: WireDeviceClaim| {
            let made = made.iter().find(|made| made.name == claim.name).map(|made| made.resource_claim_name.clone());
            let name =
                if claim.resource_claim_name.is_empty() { made.unwrap_or_default() } else { claim.resource_claim_name };
            DeviceClaim { name, template: claim.resource_claim_template_name }
        };
        let gate = |gate: WireGate| {
            if gate.condition_type.is_empty() { gate.name } else { gate.condition_type }
        };
        Self {
            phase: status.phase,
            reason: status.reason,
            message: status.message,
            node: spec.node_name,
            restart_policy: spec.restart_policy,
            started: status.start_time,
            conditions: status.conditions.into_iter().filter(|condition| !is_step_done(condition, is_placed)).collect(),
            init: containers(spec.init_containers, &mut init_statuses, is_infeasible, true),
            containers: containers(spec.containers, &mut statuses, is_infeasible, false),
            needs: needs.into(),
            scheduler: if &*spec.scheduler_name == "default-scheduler" { Sym::default() } else { spec.scheduler_name },
            readiness_gates: spec.readiness_gates.into_iter().map(gate).collect(),
            scheduling_gates: spec.scheduling_gates.into_iter().map(gate).collect(),
            pull_secrets: spec.image_pull_secrets.into_iter().map(|secret| secret.name).collect(),
            device_claims: spec.resource_claims.into_iter().map(device_claim).collect(),
            overhead: spec.overhead.into_iter().collect(),
            resources,
            placing,
        }
    }
}

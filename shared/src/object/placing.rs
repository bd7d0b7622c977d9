//! What a pod that is there keeps from others: ports of its node, and pods that it does not want near itself.

use super::meta::Meta;
use super::record::record;
use super::selector::Selector;
use super::sym::{Labels, Sym};

record! {
    /// A term of a required anti-affinity (`requiredDuringSchedulingIgnoredDuringExecution`).
    pub struct Apart {
        /// The label of nodes whose values are the domains.
        topology_key: Sym,
        /// Which pods; none where it is absent.
        label_selector: Option<Selector>,
        /// Their namespaces by name; that of the pod itself where nothing says otherwise.
        namespaces: Vec<Sym>,
        /// Their namespaces by labels, of which only is kept that there is such a selector.
        namespace_selector: Option<serde::de::IgnoredAny>,
    }

    pub(super) struct WireAntiAffinity { required_during_scheduling_ignored_during_execution: Vec<Apart>, }
    pub(super) struct WireAffinity { pod_anti_affinity: Option<WireAntiAffinity>, }
    pub(super) struct WirePort {
        name: Sym,
        protocol: Sym,
        container_port: i64,
        host_port: i64,
        #[serde(rename = "hostIP")]
        host_ip: Sym,
    }
}

/// A port of a node that a pod takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    /// Its number.
    pub port: i64,
    /// `TCP`, `UDP`, `SCTP`.
    pub protocol: Sym,
    /// The address it is taken on; empty for all.
    pub address: Sym,
}

/// What a pod keeps from others.
#[derive(Debug, Default, Clone)]
pub struct Placing {
    /// Ports of its node.
    pub ports: Box<[HostPort]>,
    /// Pods that must not be in a domain with it.
    pub apart: Box<[Apart]>,
}

impl Placing {
    /// What is kept; `None` where a pod keeps nothing from others, as most do.
    pub(super) fn of<'p>(
        ports: impl Iterator<Item = &'p WirePort>,
        is_host: bool,
        affinity: Option<WireAffinity>,
    ) -> Option<Box<Self>> {
        let port = |port: &WirePort| {
            // With the node's network the API server sets the one to the other; manifests have not been there yet.
            let number = if port.host_port == 0 && is_host { port.container_port } else { port.host_port };
            let protocol = if port.protocol.is_empty() { Sym::new("TCP") } else { port.protocol.clone() };
            let is_any = matches!(&*port.host_ip, "" | "0.0.0.0" | "::");
            let address = if is_any { Sym::default() } else { port.host_ip.clone() };
            (number > 0).then_some(HostPort { port: number, protocol, address })
        };
        let ports: Box<[HostPort]> = ports.filter_map(port).collect();
        let apart = affinity.and_then(|it| it.pod_anti_affinity);
        let apart = apart.map(|it| it.required_during_scheduling_ignored_during_execution).unwrap_or_default();
        (!ports.is_empty() || !apart.is_empty()).then(|| Box::new(Self { ports, apart: apart.into() }))
    }
}

impl HostPort {
    /// Whether both cannot be taken on one node.
    pub fn collides(&self, other: &Self) -> bool {
        let is_same = self.address.is_empty() || other.address.is_empty() || self.address == other.address;
        self.port == other.port && self.protocol == other.protocol && is_same
    }
}

impl Apart {
    /// Whether the term of a pod of `own` keeps a pod of that namespace and these labels away. A selector of namespaces
    /// counts as one of all: it forbids more than less.
    pub fn keeps_away(&self, own: &Meta, namespace: &str, labels: &Labels) -> bool {
        let is_named = self.namespaces.iter().any(|name| **name == *namespace);
        let is_own = self.namespaces.is_empty() && self.namespace_selector.is_none() && *own.namespace == *namespace;
        (is_named || is_own || self.namespace_selector.is_some())
            && self.label_selector.as_ref().is_some_and(|selector| selector.matches(labels))
    }
}

//! Nodes, their leases, and namespaces.

use super::condition::Condition;
use super::record::record;
use super::sym::{Sym, When};
use crate::text::Quantity;
use std::collections::BTreeMap;

record! {
    /// A taint.
    pub struct Taint {
        /// Its key.
        key: Sym,
        /// Its value.
        value: Sym,
        /// `NoSchedule`, `PreferNoSchedule`, `NoExecute`.
        effect: Sym,
    }

    /// The spec of a Node.
    pub struct NodeSpec {
        /// Whether it is cordoned.
        unschedulable: bool,
        /// Its taints.
        taints: Vec<Taint>,
    }

    /// `status.nodeInfo`
    pub struct NodeInfo {
        /// The kubelet's version, `v1.36.3`.
        kubelet_version: Sym,
        /// The container runtime's.
        container_runtime_version: Sym,
    }

    /// The status of a Node.
    pub struct NodeStatus {
        /// Conditions.
        conditions: Vec<Condition>,
        /// What pods may use.
        allocatable: BTreeMap<Sym, Quantity>,
        /// What the machine has.
        capacity: BTreeMap<Sym, Quantity>,
        /// Versions.
        node_info: NodeInfo,
    }

    /// The spec of a Lease.
    pub struct LeaseSpec {
        /// Who holds it.
        holder_identity: Sym,
        /// When it was last renewed.
        renew_time: When,
        /// Seconds that it holds.
        lease_duration_seconds: Option<i64>,
    }

    /// The spec of a Namespace.
    pub struct NamespaceSpec {
        /// What must happen before it goes.
        finalizers: Vec<Sym>,
    }

    /// The status of a Namespace.
    pub struct NamespaceStatus {
        /// `Active` or `Terminating`.
        phase: Sym,
        /// Why it does not go: `NamespaceContentRemaining`, `NamespaceFinalizersRemaining`, …
        conditions: Vec<Condition>,
    }
}

/// A Node.
#[derive(Debug, Default, Clone)]
pub struct Node {
    /// Its spec.
    pub spec: NodeSpec,
    /// Its status.
    pub status: NodeStatus,
}

/// A Lease.
#[derive(Debug, Default, Clone)]
pub struct Lease {
    /// Its spec.
    pub spec: LeaseSpec,
}

/// A Namespace.
#[derive(Debug, Default, Clone)]
pub struct Namespace {
    /// Its spec.
    pub spec: NamespaceSpec,
    /// Its status.
    pub status: NamespaceStatus,
}

//! Claims, volumes and storage classes.

use super::condition::{Condition, Message};
use super::record::record;
use super::selector::Requirement;
use super::sym::{Sym, When};
use crate::text::Quantity;
use std::collections::BTreeMap;

record! {
    /// Requested resources of a claim.
    pub struct ClaimResources {
        /// By name; `storage`.
        requests: BTreeMap<Sym, Quantity>,
    }

    /// The spec of a PersistentVolumeClaim.
    pub struct ClaimSpec {
        /// The class: `None` asks for the default one, empty for none.
        storage_class_name: Option<Sym>,
        /// The volume it is bound to.
        volume_name: Sym,
        /// What it asks for.
        resources: ClaimResources,
        /// `ReadWriteOnce`, …
        access_modes: Vec<Sym>,
        /// `Filesystem` when empty, or `Block`.
        volume_mode: Sym,
    }

    /// The status of a PersistentVolumeClaim.
    pub struct ClaimStatus {
        /// `Bound`, `Pending`, `Lost`.
        phase: Sym,
        /// What it has.
        capacity: BTreeMap<Sym, Quantity>,
        /// `Resizing`, `FileSystemResizePending`, `ModifyingVolume`, …
        conditions: Vec<Condition>,
        /// By resource: `ControllerResizeInfeasible`, …
        allocated_resource_statuses: BTreeMap<Sym, Sym>,
        /// A change of the volume's attributes that is not done.
        modify_volume_status: ModifyVolume,
    }

    /// A change of a volume's attributes that was asked for.
    pub struct ModifyVolume {
        /// `Pending`, `InProgress`, `Infeasible`; empty for none.
        status: Sym,
        /// The VolumeAttributesClass that it should have.
        target_volume_attributes_class_name: Sym,
    }

    /// The claim that a volume is kept for.
    pub struct ClaimRef {
        /// Its namespace.
        namespace: Sym,
        /// Its name.
        name: Sym,
    }

    /// A CSI volume's driver.
    pub struct CsiSource {
        /// The driver's name.
        driver: Sym,
    }

    /// Nodes by their labels and fields; all of it must hold.
    pub struct NodeTerm {
        /// Requirements of labels.
        match_expressions: Vec<Requirement>,
        /// Requirements of fields: `metadata.name`.
        match_fields: Vec<Requirement>,
    }

    /// Nodes; one term must hold.
    pub struct NodeTerms {
        /// The terms.
        node_selector_terms: Vec<NodeTerm>,
    }

    /// Where a volume can be attached.
    pub struct VolumeAffinity {
        /// Nodes; everywhere where it is absent.
        required: Option<NodeTerms>,
    }

    /// The spec of a PersistentVolume.
    pub struct VolumeSpec {
        /// What it holds.
        capacity: BTreeMap<Sym, Quantity>,
        /// Its claim.
        claim_ref: Option<ClaimRef>,
        /// Its class.
        storage_class_name: Sym,
        /// `Retain` or `Delete`.
        persistent_volume_reclaim_policy: Sym,
        /// Its CSI source.
        csi: Option<CsiSource>,
        /// Where it can be attached.
        node_affinity: Option<Box<VolumeAffinity>>,
    }

    /// The status of a PersistentVolume.
    pub struct VolumeStatus {
        /// `Available`, `Bound`, `Released`, `Failed`, `Pending`.
        phase: Sym,
        /// Why.
        reason: Sym,
        /// The same for people.
        message: Message,
        /// When the phase last changed.
        last_phase_transition_time: When,
    }

    /// A label of nodes, and the values that it may have.
    pub struct TopologyLabel {
        /// The label's key.
        key: Sym,
        /// Its values.
        values: Vec<Sym>,
    }

    /// Nodes by their labels; all of it must hold.
    pub struct TopologyTerm {
        /// The labels.
        match_label_expressions: Vec<TopologyLabel>,
    }

    /// A StorageClass (its fields stand at the top level).
    pub struct StorageClass {
        /// Who makes its volumes.
        provisioner: Sym,
        /// `Immediate` when empty, or `WaitForFirstConsumer`.
        volume_binding_mode: Sym,
        /// `Delete` when empty, or `Retain`.
        reclaim_policy: Sym,
        /// Whether its claims can grow.
        allow_volume_expansion: bool,
        /// Where its volumes are made: one term must hold; everywhere where there is none.
        allowed_topologies: Vec<TopologyTerm>,
    }
}

/// A PersistentVolumeClaim.
#[derive(Debug, Default, Clone)]
pub struct Claim {
    /// Its spec.
    pub spec: ClaimSpec,
    /// Its status.
    pub status: ClaimStatus,
}

/// A PersistentVolume.
#[derive(Debug, Default, Clone)]
pub struct Volume {
    /// Its spec.
    pub spec: VolumeSpec,
    /// Its status.
    pub status: VolumeStatus,
}

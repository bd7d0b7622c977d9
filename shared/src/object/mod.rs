//! Slim records: what is kept of an object once its bytes were read, generic over kinds.

mod batch;
mod condition;
mod custom;
mod decode;
mod event;
mod extension;
mod inventory;
mod meta;
mod metrics;
mod network;
mod node;
mod placing;
mod pod;
mod policy;
mod record;
mod requests;
mod room;
mod selector;
mod storage;
mod sym;
mod touch;
mod workload;

pub use batch::{CronJob, CronJobSpec, CronJobStatus, Job, JobSpec, JobStatus};
pub use condition::{Condition, find_condition};
pub use custom::Custom;
pub(crate) use decode::field;
pub use decode::{Decoded, decode_custom, decode_kept, decode_object, decode_typed, meta_of, type_of};
pub use event::Event;
pub use extension::{
    ApiService, ApiServiceSpec, Definition, DefinitionNames, DefinitionSpec, DefinitionStatus,
    DefinitionStatusSubresource, DefinitionSubresources, DefinitionVersion, ServiceReference, Webhook, Webhooks,
};
pub use inventory::{Inventory, InventoryBuilder, Lookup, Scope, Section, SectionState, Unread};
pub use meta::{Meta, ObjectRef, Owner, TypeMeta, Uid};
pub use metrics::{
    ContainerMetrics, Count, Filesystem, Metrics, STATISTICS_GROUP, STATISTICS_KIND, STATISTICS_VERSION, Statistics,
    VolumeStatistics,
};
pub use network::{
    Backend, EndpointSlice, Ingress, IngressSpec, IngressStatus, Service, ServicePort, ServiceSpec, ServiceStatus,
};
pub use node::{Lease, LeaseSpec, Namespace, NamespaceSpec, NamespaceStatus, Node, NodeSpec, NodeStatus, Taint};
pub use placing::{Apart, HostPort, Placing};
pub use pod::{
    Container, ContainerPort, ContainerState, ContainerStatus, DeviceClaim, Exit, Pod, Probe, Reference, Waiting,
};
pub use policy::{
    Autoscaler, AutoscalerSpec, AutoscalerStatus, DisruptionBudget, DisruptionBudgetSpec, DisruptionBudgetStatus,
};
pub use record::nullable;
pub use requests::{Amounts, Effective, Resources, is_extended};
pub use room::{Room, rooms};
pub use selector::{Requirement, Selector};
pub use storage::{
    Claim, ClaimSpec, ClaimStatus, NodeTerm, NodeTerms, StorageClass, TopologyLabel, TopologyTerm, Volume,
    VolumeAffinity, VolumeSpec, VolumeStatus,
};
pub use sym::{Labels, Sym, When};
pub use touch::{Touch, Touched};
pub use workload::{Workload, WorkloadSpec, WorkloadStatus};

use std::sync::Arc;

/// One object of a cluster or a file, reduced to what verdicts need.
#[derive(Debug, Clone)]
pub struct Object {
    /// API group, version and kind.
    pub ty: Arc<TypeMeta>,
    /// Name, owners, labels and times. Boxed, so that sorting and growing move little.
    pub meta: Box<Meta>,
    /// The kind's own part.
    pub body: Body,
}

/// What is kept of an object beyond its metadata, one variant a family of kinds.
#[derive(Debug, Clone)]
pub enum Body {
    /// core/Pod
    Pod(Box<Pod>),
    /// apps/Deployment, StatefulSet, DaemonSet, ReplicaSet; core/ReplicationController
    Workload(Box<Workload>),
    /// batch/Job
    Job(Box<Job>),
    /// batch/CronJob
    CronJob(Box<CronJob>),
    /// core/Service
    Service(Box<Service>),
    /// discovery.k8s.io/EndpointSlice
    EndpointSlice(Box<EndpointSlice>),
    /// networking.k8s.io/Ingress
    Ingress(Box<Ingress>),
    /// core/PersistentVolumeClaim
    Claim(Box<Claim>),
    /// core/PersistentVolume
    Volume(Box<Volume>),
    /// storage.k8s.io/StorageClass
    StorageClass(Box<StorageClass>),
    /// core/Node
    Node(Box<Node>),
    /// coordination.k8s.io/Lease
    Lease(Box<Lease>),
    /// core/Namespace
    Namespace(Box<Namespace>),
    /// autoscaling/HorizontalPodAutoscaler
    Autoscaler(Box<Autoscaler>),
    /// policy/PodDisruptionBudget
    DisruptionBudget(Box<DisruptionBudget>),
    /// apiextensions.k8s.io/CustomResourceDefinition
    Definition(Box<Definition>),
    /// apiregistration.k8s.io/APIService
    ApiService(Box<ApiService>),
    /// admissionregistration.k8s.io/ValidatingWebhookConfiguration and MutatingWebhookConfiguration
    Webhooks(Box<Webhooks>),
    /// metrics.k8s.io/NodeMetrics and PodMetrics
    Metrics(Box<Metrics>),
    /// A kubelet's summary of its filesystems and volumes
    Statistics(Box<Statistics>),
    /// Any other kind: its spec and status, bounded.
    Custom(Box<Custom>),
    /// Metadata only: Secrets, ConfigMaps and kinds whose content no verdict needs.
    Bare,
    /// The object was there but its content did not have the shape of its kind; the text says why.
    Unreadable(Box<str>),
}

impl Object {
    /// The identity of this object.
    pub fn reference(&self) -> ObjectRef {
        ObjectRef {
            group: self.ty.group.clone(),
            kind: self.ty.kind.clone(),
            namespace: self.meta.namespace.clone(),
            name: self.meta.name.clone(),
        }
    }

    /// Whether this is the kind `kind` of the API group `group` (empty for core).
    pub fn is(&self, group: &str, kind: &str) -> bool {
        &*self.ty.kind == kind && &*self.ty.group == group
    }

    /// The pod, if this is one.
    pub fn pod(&self) -> Option<&Pod> {
        match &self.body {
            Body::Pod(pod) => Some(pod),
            _ => None,
        }
    }

    /// The workload, if this is one.
    pub fn workload(&self) -> Option<&Workload> {
        match &self.body {
            Body::Workload(workload) => Some(workload),
            _ => None,
        }
    }

    /// Spec and status of a kind that has no record of its own.
    pub fn custom(&self) -> Option<&Custom> {
        match &self.body {
            Body::Custom(custom) => Some(custom),
            _ => None,
        }
    }
}

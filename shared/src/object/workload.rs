//! Deployments, StatefulSets, DaemonSets and ReplicaSets: one record, since their statuses overlap.

use super::condition::Condition;
use super::record::record;
use super::selector::Selector;
use super::sym::Sym;

record! {
    /// `spec.updateStrategy.rollingUpdate` and `spec.strategy.rollingUpdate`.
    pub struct RollingUpdate {
        /// StatefulSet: pods with a smaller ordinal stay on the old revision.
        partition: i64,
    }

    /// How pods are replaced.
    pub struct Strategy {
        /// `RollingUpdate`, `Recreate`, `OnDelete`.
        r#type: Sym,
        /// Its parameters.
        rolling_update: RollingUpdate,
    }

    /// The pod template's part that verdicts read.
    pub struct Template {
        /// Labels of the pods.
        metadata: TemplateMeta,
    }

    /// Metadata of a pod template.
    pub struct TemplateMeta {
        /// Labels that pods get.
        labels: super::Labels,
    }

    /// The spec of a workload.
    pub struct WorkloadSpec {
        /// Wanted replicas; the API's default is 1. Not set for DaemonSets.
        replicas: Option<i64>,
        /// Whether rollouts are paused (Deployment).
        paused: bool,
        /// Which pods are its own.
        selector: Selector,
        /// Deployment: how pods are replaced.
        strategy: Strategy,
        /// StatefulSet, DaemonSet: the same.
        update_strategy: Strategy,
        /// Seconds after which a rollout without progress counts as failed.
        progress_deadline_seconds: Option<i64>,
        /// Seconds that a new pod must be ready before it counts as available.
        min_ready_seconds: i64,
        /// The pod template.
        template: Template,
        /// StatefulSet: `OrderedReady` when empty, or `Parallel`.
        pod_management_policy: Sym,
        /// StatefulSet: the governing service.
        service_name: Sym,
    }

    /// The status of a workload.
    pub struct WorkloadStatus {
        /// The generation that the controller has seen.
        observed_generation: Option<i64>,
        /// Pods.
        replicas: i64,
        /// Pods of the newest template.
        updated_replicas: i64,
        /// Ready pods.
        ready_replicas: i64,
        /// Pods that are ready for `minReadySeconds`.
        available_replicas: i64,
        /// Deployment: pods still missing.
        unavailable_replicas: i64,
        /// ReplicaSet: pods that match the template's labels.
        fully_labeled_replicas: i64,
        /// StatefulSet: pods of the current revision.
        current_replicas: i64,
        /// StatefulSet: the revision that pods come from.
        current_revision: Sym,
        /// StatefulSet: the revision that pods go to.
        update_revision: Sym,
        /// DaemonSet: nodes that should run a pod.
        desired_number_scheduled: Option<i64>,
        /// DaemonSet: nodes that run one and should.
        current_number_scheduled: i64,
        /// DaemonSet: nodes that run one and should not.
        number_misscheduled: i64,
        /// DaemonSet: nodes with a ready pod.
        number_ready: i64,
        /// DaemonSet: nodes with an available pod.
        number_available: i64,
        /// DaemonSet: nodes that should have an available pod and have none.
        number_unavailable: i64,
        /// DaemonSet: nodes with a pod of the newest template.
        updated_number_scheduled: i64,
        /// Conditions.
        conditions: Vec<Condition>,
    }
}

/// A workload.
#[derive(Debug, Default, Clone)]
pub struct Workload {
    /// Its spec.
    pub spec: WorkloadSpec,
    /// Its status; `None` when the object has none at all.
    pub status: Option<WorkloadStatus>,
}

impl Workload {
    /// Wanted replicas (not for DaemonSets): what the spec says, 1 when it is silent.
    pub fn wanted(&self) -> i64 {
        self.spec.replicas.unwrap_or(1)
    }
}

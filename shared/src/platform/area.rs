//! The areas that a platform is told in.

use crate::object::Object;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A part of the platform that one group of people looks after. The order is the order of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Area {
    /// Flux: sources, Kustomizations, HelmReleases and their controllers.
    #[serde(rename = "gitops")]
    GitOps,
    /// The operators themselves.
    Operators,
    /// Kafka, MinIO, databases.
    DataServices,
    /// Airflow and other schedulers of work.
    Orchestration,
    /// MLflow, model serving, training.
    MlLifecycle,
    /// Spark applications, Jobs and CronJobs.
    Jobs,
    /// The machines.
    Nodes,
    /// Classes, volumes, claims, snapshots.
    Storage,
    /// Prometheus, Grafana, metrics.
    Monitoring,
    /// The API server's own: extensions, webhooks, and everything else.
    Cluster,
}

impl Area {
    /// Every area, in the order of reports.
    pub const ALL: [Self; 10] = [
        Self::GitOps,
        Self::Operators,
        Self::DataServices,
        Self::Orchestration,
        Self::MlLifecycle,
        Self::Jobs,
        Self::Nodes,
        Self::Storage,
        Self::Monitoring,
        Self::Cluster,
    ];

    /// The stable word: `data-services`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::GitOps => "gitops",
            Self::Operators => "operators",
            Self::DataServices => "data-services",
            Self::Orchestration => "orchestration",
            Self::MlLifecycle => "ml-lifecycle",
            Self::Jobs => "jobs",
            Self::Nodes => "nodes",
            Self::Storage => "storage",
            Self::Monitoring => "monitoring",
            Self::Cluster => "cluster",
        }
    }

    /// The title for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::GitOps => "GitOps",
            Self::Operators => "Operators",
            Self::DataServices => "Data services",
            Self::Orchestration => "Orchestration",
            Self::MlLifecycle => "ML lifecycle",
            Self::Jobs => "Jobs",
            Self::Nodes => "Nodes",
            Self::Storage => "Storage",
            Self::Monitoring => "Monitoring",
            Self::Cluster => "Cluster",
        }
    }

    /// The area that an object's kind alone decides; `None` where its namespace does.
    pub(super) fn of_kind(object: &Object) -> Option<Self> {
        let (group, kind) = (&*object.ty.group, &*object.ty.kind);
        let area = match (group, kind) {
            ("", "Node") | ("coordination.k8s.io", "Lease") => Self::Nodes,
            ("", "PersistentVolume" | "PersistentVolumeClaim")
            | ("storage.k8s.io" | "snapshot.storage.k8s.io" | "groupsnapshot.storage.k8s.io" | "velero.io", _) => {
                Self::Storage
            }
            ("monitoring.coreos.com" | "grafana.integreatly.org" | "metrics.k8s.io", _) => Self::Monitoring,
            ("apiregistration.k8s.io", _) if object.meta.name.contains("metrics.k8s.io") => Self::Monitoring,
            ("apiextensions.k8s.io" | "apiregistration.k8s.io" | "admissionregistration.k8s.io", _) => Self::Cluster,
            ("kafka.strimzi.io" | "core.strimzi.io" | "minio.min.io" | "postgresql.cnpg.io", _) => Self::DataServices,
            ("sparkoperator.k8s.io" | "kueue.x-k8s.io" | "jobset.x-k8s.io", _)
            | ("batch.volcano.sh" | "scheduling.volcano.sh", _) => Self::Jobs,
            ("argoproj.io", "Workflow" | "CronWorkflow" | "WorkflowTemplate" | "ClusterWorkflowTemplate") => {
                Self::Orchestration
            }
            ("serving.knative.dev" | "leaderworkerset.x-k8s.io", _) => Self::MlLifecycle,
            ("serving.kserve.io" | "ray.io" | "trainer.kubeflow.org" | "kubeflow.org", _) => Self::MlLifecycle,
            (group, _) if group.ends_with(".toolkit.fluxcd.io") || group == "fluxcd.controlplane.io" => Self::GitOps,
            _ => return None,
        };
        Some(area)
    }
}

impl fmt::Display for Area {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.title())
    }
}

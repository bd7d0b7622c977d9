//! The built-in profile: the platform of the operations guide.

use super::{Area, Component, ExpectedNamespace, Platform, Thresholds};
use crate::report::API_VERSION;

/// Namespaces of the guide's platform. Those that run only where monitoring or certificates were
/// added are not required.
const NAMESPACES: &[(&str, Area, bool)] = &[
    ("flux-system", Area::GitOps, true),
    ("platform-operators", Area::Operators, true),
    ("data-plane", Area::DataServices, true),
    ("orchestration", Area::Orchestration, true),
    ("ml-lifecycle", Area::MlLifecycle, true),
    ("processing-jobs", Area::Jobs, true),
    ("observability", Area::Monitoring, false),
    ("monitoring", Area::Monitoring, false),
    ("cert-manager", Area::Operators, false),
];

/// Components of the guide's platform: name, area, group, kind, namespace, object. None is
/// required: which of them a platform runs is its own choice, and a report says which are there.
const COMPONENTS: &[(&str, Area, &str, &str, &str, &str)] = &[
    ("source-controller", Area::GitOps, "apps", "Deployment", "flux-system", "source-controller"),
    ("kustomize-controller", Area::GitOps, "apps", "Deployment", "flux-system", "kustomize-controller"),
    ("helm-controller", Area::GitOps, "apps", "Deployment", "flux-system", "helm-controller"),
    ("notification-controller", Area::GitOps, "apps", "Deployment", "flux-system", "notification-controller"),
    ("Strimzi operator", Area::Operators, "apps", "Deployment", "", "strimzi-cluster-operator*"),
    ("MinIO operator", Area::Operators, "apps", "Deployment", "", "minio-operator*"),
    ("Spark operator", Area::Operators, "apps", "Deployment", "", "spark-operator*"),
    ("Kafka", Area::DataServices, "kafka.strimzi.io", "Kafka", "", "*"),
    ("MinIO tenant", Area::DataServices, "minio.min.io", "Tenant", "", "*"),
    ("Airflow scheduler", Area::Orchestration, "apps", "*", "orchestration", "*airflow*scheduler*"),
    ("MLflow", Area::MlLifecycle, "apps", "*", "ml-lifecycle", "*mlflow*"),
    ("Prometheus", Area::Monitoring, "monitoring.coreos.com", "Prometheus", "", "*"),
    ("Grafana", Area::Monitoring, "apps", "Deployment", "", "*grafana*"),
];

/// The profile.
pub(super) fn platform() -> Platform {
    let namespace = |(name, area, required): &(&str, Area, bool)| ExpectedNamespace {
        name: (*name).to_owned(),
        area: *area,
        required: *required,
    };
    let component = |(name, area, group, kind, namespace, object): &(&str, Area, &str, &str, &str, &str)| Component {
        name: (*name).to_owned(),
        area: *area,
        kind: (*kind).to_owned(),
        group: (*group).to_owned(),
        namespace: (*namespace).to_owned(),
        object: (*object).to_owned(),
        required: false,
    };
    Platform {
        api_version: API_VERSION.to_owned(),
        kind: "Platform".to_owned(),
        name: "mlops".to_owned(),
        namespaces: NAMESPACES.iter().map(namespace).collect(),
        components: COMPONENTS.iter().map(component).collect(),
        thresholds: Thresholds::default(),
        images: Default::default(),
        exceptions: Vec::new(),
        is_built_in: true,
    }
}

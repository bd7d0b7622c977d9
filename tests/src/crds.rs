//! Custom kinds for a test control plane: stubs of our own, and Flux's as its modules carry them.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::build::{self, Component, testbed_dir};
use crate::objects::{Api, Applied};
use crate::{Result, users};

/// The CRDs that a control plane can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrdSet {
    /// Kafka, KafkaNodePool and the rest of Strimzi; our stubs.
    Strimzi,
    /// MinIO Tenant; our stub.
    Minio,
    /// SparkApplication and ScheduledSparkApplication; our stubs.
    Spark,
    /// cert-manager; our stubs.
    CertManager,
    /// Prometheus, Alertmanager, rules and monitors; our stubs.
    Prometheus,
    /// VolumeSnapshot, its content and class; our stubs.
    VolumeSnapshot,
    /// Flux's own, from its modules.
    Flux,
}

impl CrdSet {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Strimzi,
        Self::Minio,
        Self::Spark,
        Self::CertManager,
        Self::Prometheus,
        Self::VolumeSnapshot,
        Self::Flux,
    ];

    /// The file or folder that holds them. Flux's are fetched when they are not in the cache.
    ///
    /// # Errors
    /// When Flux's modules cannot be had.
    pub fn path(self) -> Result<PathBuf> {
        let file = match self {
            Self::Strimzi => "strimzi.yaml",
            Self::Minio => "minio.yaml",
            Self::Spark => "spark.yaml",
            Self::CertManager => "cert-manager.yaml",
            Self::Prometheus => "prometheus.yaml",
            Self::VolumeSnapshot => "volume-snapshot.yaml",
            Self::Flux => return build::ensure(Component::FluxCrds),
        };
        Ok(testbed_dir().join("crds").join(file))
    }
}

/// Applies the CRDs, waits until the server serves them, and lets the reader read them.
///
/// # Errors
/// When the server refuses one or does not serve it in time.
pub fn install(api: &Api, sets: &[CrdSet]) -> Result<()> {
    if sets.is_empty() {
        return Ok(());
    }
    let mut applied = Applied::default();
    for set in sets {
        applied.objects.extend(api.apply_path(&set.path()?)?.objects);
    }
    for definition in &applied.objects {
        let name = definition["metadata"]["name"].as_str().unwrap_or_default();
        let kind = ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", name);
        api.wait_for(kind, Duration::from_secs(30), is_established)?;
    }
    users::grant_reader(api)
}

fn is_established(definition: &Value) -> bool {
    definition["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == json!("Established") && condition["status"] == json!("True"))
}

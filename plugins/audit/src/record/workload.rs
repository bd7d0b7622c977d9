//! Pods, and every kind that holds a template of pods, as far as the checks read them.

use super::Head;
use super::pod::PodSpec;
use mlops_shared::object::{Labels, Meta, Sym, TypeMeta};
use mlops_shared::record;
use serde_json::Error;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A pod, or an object with a template of pods.
#[derive(Debug, Clone, Default)]
pub struct Workload {
    /// Type, metadata, place.
    pub head: Head,
    /// Labels of the pod or of those that the template makes.
    pub labels: Labels,
    /// Annotations of the pod or template that say how its containers are confined.
    pub confinement: Vec<(Sym, Sym)>,
    /// The pod's or template's spec.
    pub spec: PodSpec,
    /// Where `spec` stands in the object: `spec`, `spec.template.spec`, …
    pub path: &'static str,
    /// Of a pod: what its containers run.
    pub running: Vec<Running>,
    /// Of a pod: whether it has ended.
    pub is_ended: bool,
}

record! {
    /// What a container of a pod runs.
    pub struct Running {
        /// The container's name.
        name: Sym,
        /// The image, as the kubelet resolved its name.
        image: Sym,
        /// The image's id, often a digest.
        #[serde(rename = "imageID")]
        image_id: Sym,
    }

    struct Annotated {
        annotations: BTreeMap<Sym, Option<Sym>>,
        labels: Labels,
    }

    struct WireStatus {
        phase: Sym,
        container_statuses: Vec<Running>,
        init_container_statuses: Vec<Running>,
        ephemeral_container_statuses: Vec<Running>,
    }

    struct WirePod {
        metadata: Meta,
        spec: PodSpec,
        status: WireStatus,
    }

    struct Template {
        metadata: Annotated,
        spec: PodSpec,
    }

    struct Holder {
        template: Template,
    }

    struct WireHolder {
        metadata: Meta,
        spec: Holder,
    }

    struct WireTemplate {
        metadata: Meta,
        template: Template,
    }

    struct JobTemplate {
        spec: Holder,
    }

    struct CronSpec {
        job_template: JobTemplate,
    }

    struct WireCron {
        metadata: Meta,
        spec: CronSpec,
    }

    struct Bare {
        metadata: Annotated,
    }
}

/// Kinds that hold a template of pods: group, kind.
const HOLDERS: &[(&str, &str)] = &[
    ("apps", "Deployment"),
    ("apps", "ReplicaSet"),
    ("apps", "StatefulSet"),
    ("apps", "DaemonSet"),
    ("batch", "Job"),
    ("batch", "CronJob"),
    ("", "ReplicationController"),
    ("", "PodTemplate"),
    ("argoproj.io", "Rollout"),
];

impl Workload {
    /// Whether objects of this kind are read as workloads.
    pub fn is_kind(group: &str, kind: &str) -> bool {
        (group, kind) == ("", "Pod") || HOLDERS.contains(&(group, kind))
    }

    pub(super) fn read(ty: &Arc<TypeMeta>, item: &RawValue) -> Result<Self, Error> {
        let text = item.get();
        let (meta, template, path) = match (&*ty.group, &*ty.kind) {
            ("", "Pod") => return Self::pod(ty, item),
            ("batch", "CronJob") => {
                let wire: WireCron = serde_json::from_str(text)?;
                (wire.metadata, wire.spec.job_template.spec.template, "spec.jobTemplate.spec.template.spec")
            }
            ("", "PodTemplate") => {
                let wire: WireTemplate = serde_json::from_str(text)?;
                (wire.metadata, wire.template, "template.spec")
            }
            _ => {
                let wire: WireHolder = serde_json::from_str(text)?;
                (wire.metadata, wire.spec.template, "spec.template.spec")
            }
        };
        Ok(Self {
            head: Head::in_namespace(ty, meta),
            confinement: confinement(template.metadata.annotations),
            labels: template.metadata.labels,
            spec: template.spec,
            path,
            running: Vec::new(),
            is_ended: false,
        })
    }

    fn pod(ty: &Arc<TypeMeta>, item: &RawValue) -> Result<Self, Error> {
        let wire: WirePod = serde_json::from_str(item.get())?;
        let bare: Bare = serde_json::from_str(item.get())?;
        let status = wire.status;
        let running = [status.init_container_statuses, status.container_statuses, status.ephemeral_container_statuses];
        Ok(Self {
            labels: wire.metadata.labels.clone(),
            confinement: confinement(bare.metadata.annotations),
            head: Head::in_namespace(ty, wire.metadata),
            spec: wire.spec,
            path: "spec",
            running: running.into_iter().flatten().collect(),
            is_ended: matches!(&*status.phase, "Succeeded" | "Failed"),
        })
    }

    /// Whether this is a pod, not a template.
    pub fn is_pod(&self) -> bool {
        self.head.is("", "Pod")
    }
}

/// What says how containers are confined: AppArmor's and seccomp's annotations of older versions.
fn confinement(all: BTreeMap<Sym, Option<Sym>>) -> Vec<(Sym, Sym)> {
    let says = |key: &str| {
        key.starts_with("container.apparmor.security.beta.kubernetes.io/")
            || key.starts_with("container.seccomp.security.alpha.kubernetes.io/")
            || key == "seccomp.security.alpha.kubernetes.io/pod"
    };
    let kept = all.into_iter().filter(|(key, _)| says(key));
    kept.map(|(key, value)| (key, value.unwrap_or_default())).collect()
}

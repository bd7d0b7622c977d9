//! Kinds without a rule, and an object of one without a status: is one to be expected?

use crate::health::{Related, precedence};
use crate::object::{Body, Custom, Object};
use crate::report::{Level, Verdict};
use crate::text;
use jiff::Timestamp;

/// Groups whose kinds all get a status from their controller: without one, it has not been there.
const STATUS_GROUPS: &[&str] = &[
    "cert-manager.io",
    "acme.cert-manager.io",
    "external-secrets.io",
    "grafana.integreatly.org",
    "snapshot.storage.k8s.io",
    "serving.kserve.io",
    "serving.knative.dev",
    "ray.io",
    "kubeflow.org",
    "trainer.kubeflow.org",
    "keda.sh",
    "postgresql.cnpg.io",
    "flink.apache.org",
    "cluster.x-k8s.io",
];

/// Groups whose kinds are read by others and mostly have no status: routes and rules of meshes and
/// proxies, networks, classes.
const STATIC_GROUPS: &[&str] = &[
    "configuration.konghq.com",
    "crd.k8s.amazonaws.com",
    "crd.projectcalico.org",
    "extensions.istio.io",
    "extensions.kubeblocks.io",
    "fluent.io",
    "fluentbit.fluent.io",
    "hub.traefik.io",
    "k8s.cni.cncf.io",
    "linkerd.io",
    "metallb.io",
    "multicluster.linkerd.io",
    "networking.istio.io",
    "policy.karmada.io",
    "policy.linkerd.io",
    "projectcalico.org",
    "secrets-store.csi.x-k8s.io",
    "security.istio.io",
    "split.smi-spec.io",
    "telemetry.istio.io",
    "traefik.containo.us",
    "traefik.io",
];

/// Kinds that are read by others and have no status.
const STATIC_KINDS: &[&str] = &[
    "AppProject",
    "ClusterServingRuntime",
    "ClusterStorageContainer",
    "ClusterTask",
    "ClusterTrainingRuntime",
    "ClusterTriggerAuthentication",
    "Cohort",
    "Composition",
    "CompositionRevision",
    "Instrumentation",
    "LLMInferenceServiceConfig",
    "LocalModelNodeGroup",
    "Pipeline",
    "PodDefault",
    "Profile",
    "ResourceFlavor",
    "ServingRuntime",
    "StepAction",
    "Task",
    "Topology",
    "TrainingRuntime",
    "TriggerAuthentication",
];

/// Last words of kinds that hold rules or data for others.
const STATIC_ENDS: &[&str] = &[
    "Class",
    "Config",
    "ConfigUsage",
    "Configuration",
    "Definition",
    "Exception",
    "NetworkPolicy",
    "NetworkPolicies",
    "Options",
    "Parameters",
    "Preset",
    "Profile",
    "Template",
    "TriggerBinding",
];

/// What is known of a kind and its status.
enum Expected {
    /// Its objects get one.
    Always,
    /// Others of its kind in this inventory have one.
    OthersHave,
    /// Its objects have none.
    Never,
    /// Nobody can tell.
    Perhaps,
}

fn is_empty(custom: &Custom) -> bool {
    !custom.has_status || custom.status.as_object().is_some_and(serde_json::Map::is_empty)
}

/// The verdict of an object without a status, or with an empty one; `None` for one that has a status,
/// and for one of a kind that has none.
pub(super) fn judge(object: &Object, custom: &Custom, related: &Related<'_>, now: Timestamp) -> Option<Verdict> {
    if !is_empty(custom) {
        return None;
    }
    let created = object.meta.creation_timestamp.get();
    let is_new = created.is_none_or(|time| now.duration_since(time).as_secs() <= related.limits.no_status_seconds);
    match expected(object, related) {
        Expected::Never => None,
        Expected::Always => Some(precedence::no_status(object, None, related, now)),
        // A new object may yet get one.
        Expected::OthersHave | Expected::Perhaps if is_new => Some(precedence::no_status(object, None, related, now)),
        Expected::OthersHave => {
            let age = created.map(|time| text::age(time, now).to_string()).unwrap_or_default();
            let message = format!("has no status after {age}, and others of its kind have one");
            Some(Verdict::new(Level::Warn, &precedence::NO_STATUS, message).since(created))
        }
        Expected::Perhaps => None,
    }
}

fn expected(object: &Object, related: &Related<'_>) -> Expected {
    let (group, kind) = (&*object.ty.group, &*object.ty.kind);
    if STATIC_KINDS.contains(&kind) {
        return Expected::Never;
    }
    if STATUS_GROUPS.contains(&group) && !STATIC_ENDS.iter().any(|end| kind.ends_with(end)) {
        return Expected::Always;
    }
    if declares_none(object, related) {
        return Expected::Never;
    }
    let mut others = related.inventory.of_kind(group, kind).iter().take(1000).filter_map(Object::custom);
    if others.any(|other| !is_empty(other)) {
        return Expected::OthersHave;
    }
    if STATIC_GROUPS.contains(&group) || STATIC_ENDS.iter().any(|end| kind.ends_with(end)) {
        return Expected::Never;
    }
    Expected::Perhaps
}

/// Whether the kind's definition is in the inventory and has no status subresource in this version:
/// no controller can write one.
fn declares_none(object: &Object, related: &Related<'_>) -> bool {
    let all = related.inventory.of_kind("apiextensions.k8s.io", "CustomResourceDefinition").iter();
    all.into_iter().any(|found| {
        let Body::Definition(definition) = &found.body else { return false };
        definition.spec.group == object.ty.group
            && definition.spec.names.kind == object.ty.kind
            && definition
                .spec
                .versions
                .iter()
                .any(|version| version.name == object.ty.version && version.subresources.status.is_none())
    })
}

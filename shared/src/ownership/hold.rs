//! What keeps a controller off an object: suspension and pauses, who set them, why, and until when.

use crate::object::{Body, Object, find_condition};
use crate::text;
use jiff::Timestamp;

/// Who paused an object.
pub const PAUSED_BY: &str = "mlops.dev/paused-by";
/// Why.
pub const PAUSED_REASON: &str = "mlops.dev/paused-reason";
/// Since when, RFC 3339.
pub const PAUSED_AT: &str = "mlops.dev/paused-at";
/// Until when, RFC 3339: what is paused for longer is forgotten.
pub const PAUSED_UNTIL: &str = "mlops.dev/paused-until";
/// Who, as the web interface of Flux Operator writes it.
const SUSPENDED_BY: &str = "fluxcd.controlplane.io/suspendedBy";

const RECONCILE: &str = "kustomize.toolkit.fluxcd.io/reconcile";
const SSA: &str = "kustomize.toolkit.fluxcd.io/ssa";
const DRIFT: &str = "helm.toolkit.fluxcd.io/driftDetection";

/// What a pause says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Who.
    pub by: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Since when.
    pub at: Option<Timestamp>,
    /// Until when; the text as it stands there where it is no time.
    pub until: Option<Result<Timestamp, String>>,
}

impl Stamp {
    /// Whether it is longer in force than it was meant to be, or nobody can tell for how long.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.until.as_ref().is_some_and(|until| until.as_ref().map_or(true, |until| *until < now))
    }

    /// `by ada: "moving brokers"`; empty when nothing is known.
    pub fn who_and_why(&self) -> String {
        let by = self.by.as_deref().map(|by| format!("by {}", text::truncate(by, 80)));
        let why = self.reason.as_deref().map(|why| format!("{:?}", text::truncate(why, 200)));
        [by, why].into_iter().flatten().collect::<Vec<_>>().join(": ")
    }
}

/// The stamp in an object's annotations.
pub fn stamp(object: &Object) -> Stamp {
    let text = |key: &str| object.meta.annotations.get(key).filter(|value| !value.trim().is_empty());
    Stamp {
        by: text(PAUSED_BY).or_else(|| text(SUSPENDED_BY)).map(str::to_owned),
        reason: text(PAUSED_REASON).map(str::to_owned),
        at: text(PAUSED_AT).and_then(|at| at.trim().parse().ok()),
        until: text(PAUSED_UNTIL).map(|until| until.trim().parse().map_err(|_| until.to_owned())),
    }
}

/// An object whose own controller is held off it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// By what: `spec.suspend`, `the annotation strimzi.io/pause-reconciliation`.
    pub how: String,
    /// Since when, where something tells.
    pub since: Option<Timestamp>,
    /// The field manager that set it, where something tells.
    pub set_by: Option<String>,
    /// What it says of itself.
    pub stamp: Stamp,
}

/// What keeps this object's controller off it; `None` when nothing does.
pub fn hold(object: &Object) -> Option<Hold> {
    let how = holds(object)?;
    let stamp = stamp(object);
    let touch = object.meta.managed_fields.last();
    let condition = object.custom().and_then(|custom| {
        let conditions = custom.conditions();
        find_condition(&conditions, "ReconciliationPaused").filter(|paused| paused.is_true())?.since()
    });
    let since = stamp.at.or(condition).or_else(|| touch.and_then(|touch| touch.time.get()));
    let set_by = touch.map(|touch| touch.manager.to_string()).filter(|manager| !manager.is_empty());
    Some(Hold { how, since, set_by, stamp })
}

fn holds(object: &Object) -> Option<String> {
    let (group, kind) = (object.ty.group.as_str(), object.ty.kind.as_str());
    let annotation = |key: &str| object.meta.annotations.get(key);
    let disabled = |key: &str| annotation(key).is_some_and(|value| value.eq_ignore_ascii_case("disabled"));
    let by_annotation = |key: &str| Some(format!("the annotation {key}"));
    match &object.body {
        Body::Workload(workload) if kind == "Deployment" && workload.spec.paused => {
            return Some("spec.paused".to_owned());
        }
        Body::CronJob(job) if job.spec.suspend => return Some("spec.suspend".to_owned()),
        _ => {}
    }
    let custom = object.custom()?;
    if group.ends_with(".toolkit.fluxcd.io") {
        return custom.spec_true("/suspend").then(|| "spec.suspend".to_owned());
    }
    let key = match group {
        "source.extensions.fluxcd.io" if disabled("source.extensions.fluxcd.io/reconcile") => {
            "source.extensions.fluxcd.io/reconcile"
        }
        "fluxcd.controlplane.io" if disabled("fluxcd.controlplane.io/reconcile") => "fluxcd.controlplane.io/reconcile",
        "kafka.strimzi.io" | "core.strimzi.io" if annotation("strimzi.io/pause-reconciliation") == Some("true") => {
            "strimzi.io/pause-reconciliation"
        }
        "keda.sh" if annotation("autoscaling.keda.sh/paused").is_some_and(|value| value != "false") => {
            "autoscaling.keda.sh/paused"
        }
        "keda.sh" if annotation("autoscaling.keda.sh/paused-replicas").is_some() => {
            "autoscaling.keda.sh/paused-replicas"
        }
        _ => return None,
    };
    by_annotation(key)
}

/// What keeps Flux off an object that it manages, set on the object itself. Flux reads each as a label or as an
/// annotation, whatever its case (kustomize-controller, docs of `Kustomization`; helm-controller, of drift detection).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exemption {
    /// Key and value, as they stand there.
    pub how: String,
    /// Which of them it is.
    pub kind: ExemptionKind,
    /// What it says of itself.
    pub stamp: Stamp,
}

/// The ways to keep Flux off one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExemptionKind {
    /// Neither applied nor pruned.
    Reconcile,
    /// `ssa: Ignore`: not applied, and pruned.
    Ignore,
    /// `ssa: IfNotPresent`: applied when it is not there.
    IfNotPresent,
    /// `ssa: Merge`: applied, and fields of others are left alone, kubectl's too.
    Merge,
    /// helm-controller does not look for drift.
    Drift,
}

impl ExemptionKind {
    /// Whether kustomize-controller leaves an object alone that is there.
    pub fn stops_applying(self) -> bool {
        matches!(self, Self::Reconcile | Self::Ignore | Self::IfNotPresent)
    }
}

/// What keeps Flux off this object; `None` when nothing does.
pub fn exemption(object: &Object) -> Option<Exemption> {
    let value = |key: &str| object.meta.annotations.get(key).or_else(|| object.meta.labels.get(key));
    let is = |key: &str, wanted: &str| value(key).is_some_and(|value| value.eq_ignore_ascii_case(wanted));
    let (key, kind) = [
        (RECONCILE, "disabled", ExemptionKind::Reconcile),
        (SSA, "ignore", ExemptionKind::Ignore),
        (SSA, "ifnotpresent", ExemptionKind::IfNotPresent),
        (SSA, "merge", ExemptionKind::Merge),
        (DRIFT, "disabled", ExemptionKind::Drift),
    ]
    .into_iter()
    .find_map(|(key, wanted, kind)| is(key, wanted).then_some((key, kind)))?;
    Some(Exemption { how: format!("{key}: {}", value(key).unwrap_or_default()), kind, stamp: stamp(object) })
}

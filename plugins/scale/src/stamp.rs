//! What a scaling writes beside the replicas: that it runs, and what a pause says of itself. Annotations, so that a run
//! that was killed leaves behind what `status` explains.

use jiff::Timestamp;
use mlops_shared::object::Object;
use mlops_shared::ownership::{PAUSED_AT, PAUSED_BY, PAUSED_REASON, PAUSED_UNTIL};
use serde_json::{Value, json};

/// The replicas before.
const FROM: &str = "mlops.dev/scaling-from";
/// The replicas that are wanted. The one that says that a scaling runs.
pub(crate) const TO: &str = "mlops.dev/scaling-to";
const BY: &str = "mlops.dev/scaling-by";
const AT: &str = "mlops.dev/scaling-at";
/// When nobody waits for its end any longer.
const UNTIL: &str = "mlops.dev/scaling-until";
const REASON: &str = "mlops.dev/scaling-reason";
/// What a pause was made for: `Deployment/a/web`.
pub(crate) const PAUSED_FOR: &str = "mlops.dev/paused-for";
/// The replicas of that before the pause.
pub(crate) const PAUSED_REPLICAS: &str = "mlops.dev/paused-replicas";
/// Keeps kustomize-controller off an object.
pub(crate) const RECONCILE: &str = "kustomize.toolkit.fluxcd.io/reconcile";
/// Keeps helm-controller's drift detection off an object.
pub(crate) const DRIFT: &str = "helm.toolkit.fluxcd.io/driftDetection";

/// A scaling that runs, or was broken off.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Scaling {
    pub(crate) from: Option<u32>,
    pub(crate) to: Option<u32>,
    pub(crate) by: String,
    pub(crate) at: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
    pub(crate) reason: Option<String>,
}

impl Scaling {
    /// What an object says of a scaling of it; `None` when it says of none.
    pub(crate) fn of(object: &Object) -> Option<Self> {
        let text = |key: &str| object.meta.annotations.get(key);
        text(TO)?;
        Some(Self {
            from: text(FROM).and_then(|from| from.parse().ok()),
            to: text(TO).and_then(|to| to.parse().ok()),
            by: text(BY).unwrap_or("somebody").to_owned(),
            at: text(AT).and_then(|at| at.parse().ok()),
            until: text(UNTIL).and_then(|until| until.parse().ok()),
            reason: text(REASON).filter(|reason| !reason.is_empty()).map(str::to_owned),
        })
    }

    /// Whether somebody may still be waiting for its end.
    pub(crate) fn is_running(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until > now)
    }

    /// The annotations that say so.
    pub(crate) fn annotations(&self) -> Value {
        let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
        let number = |number: Option<u32>| number.map(|number| number.to_string());
        json!({
            FROM: number(self.from), TO: number(self.to), BY: self.by, AT: time(self.at), UNTIL: time(self.until),
            REASON: self.reason,
        })
    }

    /// The patch that takes them away.
    pub(crate) fn none() -> Value {
        json!({ FROM: null, TO: null, BY: null, AT: null, UNTIL: null, REASON: null })
    }
}

/// What a pause says of itself.
#[derive(Debug, Clone)]
pub(crate) struct PauseStamp<'a> {
    pub(crate) by: &'a str,
    pub(crate) reason: &'a str,
    pub(crate) at: Timestamp,
    pub(crate) until: Timestamp,
    /// What it was made for.
    pub(crate) subject: &'a str,
    /// The replicas of that before.
    pub(crate) replicas: u32,
}

impl PauseStamp<'_> {
    /// The annotations that say so.
    pub(crate) fn annotations(&self) -> Value {
        json!({
            PAUSED_BY: self.by, PAUSED_REASON: self.reason, PAUSED_AT: self.at.to_string(),
            PAUSED_UNTIL: self.until.to_string(), PAUSED_FOR: self.subject,
            PAUSED_REPLICAS: self.replicas.to_string(),
        })
    }

    /// The patch that takes them away.
    pub(crate) fn none() -> Value {
        json!({
            PAUSED_BY: null, PAUSED_REASON: null, PAUSED_AT: null, PAUSED_UNTIL: null, PAUSED_FOR: null,
            PAUSED_REPLICAS: null,
        })
    }
}

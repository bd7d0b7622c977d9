//! Limits at which a verdict changes; each can be set in the platform file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Limits at which a verdict changes. Times are in seconds, shares in per cent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Thresholds {
    /// A controller that has not looked at an object for so long is late.
    pub unobserved_seconds: i64,
    /// An object without any status for so long has no controller that acts on it.
    pub no_status_seconds: i64,
    /// A deletion that takes longer than this (or than its grace period) is stuck.
    pub terminating_seconds: i64,
    /// Suspended for longer than this is probably forgotten.
    pub suspended_seconds: i64,
    /// A rollout or start without a deadline of its own should be done after this.
    pub progress_seconds: i64,
    /// A pod that cannot be scheduled for so long fails.
    pub unschedulable_seconds: i64,
    /// A container that is being created for so long fails.
    pub creating_seconds: i64,
    /// A restart less long ago than this means that the container is not stable.
    pub restart_fail_seconds: i64,
    /// A restart less long ago than this is worth a warning.
    pub restart_warn_seconds: i64,
    /// A node whose lease is older than this is silent.
    pub lease_seconds: i64,
    /// Used share (bytes or inodes) of a volume, node filesystem or tenant that is worth a warning.
    pub volume_warn_percent: f64,
    /// Used share of a volume, node filesystem or tenant at which writes are about to fail.
    pub volume_fail_percent: f64,
    /// Figures of metrics.k8s.io that are older than this are stale.
    pub metrics_stale_seconds: i64,
    /// Figures of a volume or filesystem that are older than this are stale.
    pub volume_stale_seconds: i64,
    /// Requested share of a node that is worth a warning.
    pub node_requests_warn_percent: f64,
    /// A certificate that expires within this is worth a warning.
    pub certificate_warn_seconds: i64,
    /// A Secret whose values were not changed for so long is worth a note.
    pub secret_age_warn_seconds: i64,
    /// A Secret whose values were not changed for so long is overdue.
    pub secret_age_fail_seconds: i64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            unobserved_seconds: 5 * 60,
            no_status_seconds: 5 * 60,
            terminating_seconds: 15 * 60,
            suspended_seconds: 24 * 3600,
            progress_seconds: 10 * 60,
            unschedulable_seconds: 2 * 60,
            creating_seconds: 5 * 60,
            restart_fail_seconds: 3600,
            restart_warn_seconds: 24 * 3600,
            lease_seconds: 40,
            volume_warn_percent: 85.0,
            volume_fail_percent: 95.0,
            metrics_stale_seconds: 3 * 60,
            volume_stale_seconds: 10 * 60,
            node_requests_warn_percent: 90.0,
            certificate_warn_seconds: 7 * 86_400,
            secret_age_warn_seconds: 90 * 86_400,
            secret_age_fail_seconds: 365 * 86_400,
        }
    }
}

impl Thresholds {
    /// Whether every limit can be reached, and warnings come before failures.
    ///
    /// # Errors
    /// The field that cannot be right.
    pub(super) fn check(&self) -> Result<(), String> {
        let seconds = [
            ("unobservedSeconds", self.unobserved_seconds),
            ("noStatusSeconds", self.no_status_seconds),
            ("terminatingSeconds", self.terminating_seconds),
            ("suspendedSeconds", self.suspended_seconds),
            ("progressSeconds", self.progress_seconds),
            ("unschedulableSeconds", self.unschedulable_seconds),
            ("creatingSeconds", self.creating_seconds),
            ("restartFailSeconds", self.restart_fail_seconds),
            ("restartWarnSeconds", self.restart_warn_seconds),
            ("leaseSeconds", self.lease_seconds),
            ("metricsStaleSeconds", self.metrics_stale_seconds),
            ("volumeStaleSeconds", self.volume_stale_seconds),
            ("certificateWarnSeconds", self.certificate_warn_seconds),
            ("secretAgeWarnSeconds", self.secret_age_warn_seconds),
            ("secretAgeFailSeconds", self.secret_age_fail_seconds),
        ];
        if let Some((field, value)) = seconds.iter().find(|(_, value)| *value < 0) {
            return Err(format!("thresholds.{field} is {value}: it must be 0 or more"));
        }
        let shares = [
            ("volumeWarnPercent", self.volume_warn_percent),
            ("volumeFailPercent", self.volume_fail_percent),
            ("nodeRequestsWarnPercent", self.node_requests_warn_percent),
        ];
        if let Some((field, value)) = shares.iter().find(|(_, value)| !(0.0..=100.0).contains(value)) {
            return Err(format!("thresholds.{field} is {value}: it must be from 0 to 100"));
        }
        if self.volume_warn_percent > self.volume_fail_percent {
            return Err("thresholds.volumeWarnPercent is above volumeFailPercent: nothing would ever warn".to_owned());
        }
        Ok(())
    }
}

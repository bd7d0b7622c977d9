//! HorizontalPodAutoscalers and PodDisruptionBudgets.

use super::condition::Condition;
use super::record::record;
use super::selector::Selector;
use super::sym::Sym;

record! {
    /// What an autoscaler scales.
    pub struct ScaleTarget {
        /// `group/version`
        api_version: Sym,
        /// Kind.
        kind: Sym,
        /// Name.
        name: Sym,
    }

    /// The spec of a HorizontalPodAutoscaler.
    pub struct AutoscalerSpec {
        /// What it scales.
        scale_target_ref: ScaleTarget,
        /// At least so many; the API's default is 1.
        min_replicas: Option<i64>,
        /// At most so many.
        max_replicas: i64,
    }

    /// The status of a HorizontalPodAutoscaler.
    pub struct AutoscalerStatus {
        /// Replicas now.
        current_replicas: i64,
        /// Replicas wanted.
        desired_replicas: i64,
        /// `AbleToScale`, `ScalingActive`, `ScalingLimited`.
        conditions: Vec<Condition>,
        /// The generation that the controller has seen.
        observed_generation: Option<i64>,
    }

    /// The spec of a PodDisruptionBudget.
    pub struct DisruptionBudgetSpec {
        /// Which pods.
        selector: Option<Selector>,
        /// At least so many must run: a number or a percentage.
        min_available: Option<Sym>,
        /// At most so many may be away.
        max_unavailable: Option<Sym>,
    }

    /// The status of a PodDisruptionBudget.
    pub struct DisruptionBudgetStatus {
        /// The generation that the controller has seen.
        observed_generation: Option<i64>,
        /// Evictions that are allowed now.
        disruptions_allowed: i64,
        /// Healthy pods.
        current_healthy: i64,
        /// Healthy pods wanted.
        desired_healthy: i64,
        /// Pods it counts.
        expected_pods: i64,
        /// `DisruptionAllowed`.
        conditions: Vec<Condition>,
    }
}

/// A HorizontalPodAutoscaler. `autoscaling/v1` keeps its conditions in an annotation, so a
/// record read in that version has none.
#[derive(Debug, Default, Clone)]
pub struct Autoscaler {
    /// Its spec.
    pub spec: AutoscalerSpec,
    /// Its status; `None` when it has none.
    pub status: Option<AutoscalerStatus>,
}

/// A PodDisruptionBudget.
#[derive(Debug, Default, Clone)]
pub struct DisruptionBudget {
    /// Its spec.
    pub spec: DisruptionBudgetSpec,
    /// Its status; `None` when it has none.
    pub status: Option<DisruptionBudgetStatus>,
}

//! The platform file: expected namespaces and components, thresholds, exceptions with reason and expiry.

mod thresholds;

pub use thresholds::Thresholds;

//! The platform file: expected namespaces and components, thresholds, exceptions with reason and expiry.

mod area;
mod built_in;
mod exception;
mod file;
mod refusal;
mod thresholds;

pub use area::Area;
pub use exception::{Exception, uses};
pub use file::{Component, ExpectedNamespace, ImagePolicy, Platform, PlatformError};
pub use thresholds::Thresholds;

//! `kubectl mlops audit`: who can do what, what is exposed, what is out of date.

pub mod check;
mod finding;
mod model;
pub mod network;
pub mod rbac;
pub mod record;
mod severity;
#[cfg(test)]
mod testing;
pub mod workloads;

pub use finding::{Finding, Place};
pub use model::AuditReport;
pub use severity::Severity;

//! Network isolation: who may talk to whom, per direction, by NetworkPolicies.

mod isolation;

pub use isolation::{unprotected, workloads};

//! Workloads: the Pod Security Standards, and what else gives a container too much.

mod baseline;
mod restricted;
mod standards;

pub use standards::{Failure, LATEST, Level, failures};

//! `health --watch`: what changes between two looks at a cluster.

mod event;
mod line;
mod track;

pub use event::HealthEvent;
pub(crate) use line::line;
pub(crate) use track::Tracker;

#[cfg(test)]
mod tests;

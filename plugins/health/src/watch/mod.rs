//! `health --watch`: what changes between two looks at a cluster.

mod event;
mod line;
mod reader;
mod track;

pub use event::HealthEvent;
pub(crate) use line::line;
pub(crate) use reader::gone;
pub(crate) use track::Tracker;

#[cfg(test)]
mod tests;

//! The harness of the suite's tests: a real control plane on loopback, and what tests do to it.
//!
//! Start with [`control_plane::shared`] or [`control_plane::ControlPlane::start`]; `tests/README.md`
//! shows each part in use.

pub mod artifacts;
pub mod backups;
pub mod build;
pub mod certificates;
pub mod control_plane;
pub mod crds;
pub mod fixtures;
pub mod flux;
pub mod fuzz;
pub mod guard;
pub mod http;
pub mod install;
pub mod kwok;
pub mod loopback;
pub mod minio;
pub mod objects;
pub mod operators;
pub mod processes;
pub mod proxy;
pub mod typist;
pub mod users;
pub mod wait;

/// What every fallible function of the harness returns: the error names what was being done.
pub type Result<T> = anyhow::Result<T>;

//! The live cluster: connecting, discovery, paged lists. The only module that names kube's client.

mod connection;
mod discovery;
mod error;
mod kuberc;
mod list;
mod proxy;
mod read;
mod several;

pub use connection::{Connection, Settings, connect, contexts};
pub use error::ClusterError;
pub use read::{Plan, read};
pub use several::side_by_side;

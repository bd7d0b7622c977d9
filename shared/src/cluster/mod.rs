//! The live cluster: connecting, discovery, paged lists. The only module that names kube's client.

mod connection;
mod decoder;
mod discovery;
mod error;
mod kubelet;
mod kuberc;
mod list;
mod proxy;
mod read;
mod several;

pub use connection::{Connection, Settings, connect, contexts};
pub use decoder::DecodeItem;
pub use error::ClusterError;
pub use kubelet::statistics;
pub use read::{Plan, gather, read, read_kinds};
pub use several::side_by_side;

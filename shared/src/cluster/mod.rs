//! The live cluster: connecting, discovery, paged lists, reviews of access. The only module that names kube's client.

mod access;
mod connection;
mod decoder;
mod discovery;
mod error;
mod kubelet;
mod kuberc;
mod list;
mod names;
mod proxy;
mod read;
mod role;
mod several;

pub use access::{Access, Answer, reviews};
pub use connection::{Connection, KubeconfigNames, Settings, connect, contexts, kubeconfig_names};
pub use decoder::DecodeItem;
pub use error::ClusterError;
pub use kubelet::statistics;
pub use names::names;
pub use read::{Plan, gather, read, read_kinds};
pub use role::{ListRule, list_rules};
pub use several::side_by_side;

//! The live cluster: connecting, discovery, paged lists, reviews of access, writes. The only module that names kube's client.

mod access;
mod ahead;
mod by_namespace;
mod connection;
mod consent;
mod decoder;
mod discovery;
mod error;
mod held;
mod kubeconfig;
mod kubelet;
mod kuberc;
mod list;
mod names;
mod pages;
mod proxy;
mod read;
mod resource;
mod role;
mod several;
mod write;

pub use access::{Access, Answer, reviews};
pub use connection::{Connection, KubeconfigNames, Settings, connect, contexts, kubeconfig_names};
pub use consent::{FieldManager, WriteToken};
pub use decoder::DecodeItem;
pub use error::{ClusterError, FieldConflict};
pub use held::{Held, content, labelled};
pub use kubelet::statistics;
pub use names::names;
pub use pages::{Collected, DecodePage, Items, KeepPage, Order, Outcome, Reading, ServedKind, collect};
pub use read::{Plan, gather, read, read_kinds};
pub use resource::{Place, Resource, Resources, object, resources, selected};
pub use role::{ListRule, list_rules};
pub use several::side_by_side;
pub use write::{Propagation, Scale, Writer, scale};

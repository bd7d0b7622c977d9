//! Questions about rights: who may do something, what somebody may do, and how a pod's token comes to hold the
//! whole cluster. They are answered from roles and bindings, not by asking the API server in somebody's name.

mod ask;
mod basis;
mod capability;
mod flux;
mod identities;
mod paths;
mod permissions;
mod resource;
mod verify;
mod who_can;

pub(crate) use ask::{kinds, paths, permissions, who_can};
pub use basis::Basis;
pub use paths::{Path, PathsReport, Step};
pub use permissions::{Held, Permission, PermissionsReport};
pub use verify::{Disagreement, Verification};
pub use who_can::{Holder, WhoCanReport};

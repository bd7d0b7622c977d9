//! Changing a cluster through Git: finding the place in a tree that sets a field, editing it so that every other byte
//! stays, committing and pushing that, and waiting until Flux has made it live.
//!
//! It runs `git` through `tools`. Of the cluster it knows the permission to write; what follows a commit is decided in
//! [`follow`] from objects that somebody else reads.

mod change;
mod edit;
pub mod follow;
mod kustomize;
mod locate;
mod patch;
mod place;
mod repository;
mod tree;
mod yaml;

pub use change::{ChangeError, Proposal, Pushed, Wish, message, propose, push};
pub use edit::{Edit, EditError};
pub use locate::{LocateError, Located, Root, Target, locate, replica_values};
pub use place::{Obstacle, Place, SetBy};
pub use repository::{Checkout, Remote, Repository, RepositoryError, Upstream};
pub use tree::{Tree, TreeError};
#[cfg(test)]
mod edit_tests;
#[cfg(test)]
mod locate_tests;
#[cfg(all(test, unix))]
mod repository_tests;

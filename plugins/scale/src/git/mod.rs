//! Scaling through Git: the edit of the place that sets the replicas, its commit, and waiting until Flux has brought it.

mod change;
mod origin;
mod wait;

pub(crate) use change::{hints, plan, scale};

use mlops_shared::ownership::FieldPath;
use mlops_shared::text::shell_word;
use std::path::PathBuf;

/// A change through Git that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GitAsk {
    /// A folder of a clone of the repository that Flux fetches.
    pub(crate) tree: PathBuf,
    /// Whether the commit is pushed, and waited for.
    pub(crate) push: bool,
    /// The remote, where its address is not the one that Flux fetches.
    pub(crate) remote: Option<String>,
    /// Of a HelmRelease the value that holds the replicas.
    pub(crate) value: Option<FieldPath>,
}

impl GitAsk {
    /// The flags that ask for the same once more.
    pub(crate) fn flags(&self) -> String {
        let tree = self.tree.display().to_string();
        let mut flags = format!(" --via git --tree {}", shell_word(&tree));
        if let Some(remote) = &self.remote {
            flags.push_str(&format!(" --remote {}", shell_word(remote)));
        }
        if let Some(value) = &self.value {
            flags.push_str(&format!(" --value {}", shell_word(&value.to_string())));
        }
        flags.push_str(if self.push { " --push" } else { "" });
        flags
    }
}

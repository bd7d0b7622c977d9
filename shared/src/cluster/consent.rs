//! The permission to write, and the name under which it is done.

use crate::ownership::is_folded_by_flux;
use std::fmt;

/// Permission to write. The one that changes something is made by the confirmation step of `cli` and nowhere else
/// (`tests/tests/layers.rs`), so a write that skipped it does not compile.
#[derive(Debug)]
pub struct WriteToken {
    is_dry_run: bool,
}

impl WriteToken {
    /// Permission to ask the API server what it would do: every request that is made with it carries `dryRun=All`.
    pub const fn dry_run() -> Self {
        Self { is_dry_run: true }
    }

    /// Permission to change things: somebody has agreed.
    pub(crate) const fn confirmed() -> Self {
        Self { is_dry_run: false }
    }

    /// Whether nothing is kept of what is written.
    pub const fn is_dry_run(&self) -> bool {
        self.is_dry_run
    }
}

/// The name under which fields are set, in `metadata.managedFields`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldManager(String);

impl FieldManager {
    /// The name of this suite.
    pub const DEFAULT: &'static str = "mlops";

    /// A name that the API server takes and that Flux does not take over.
    ///
    /// # Errors
    /// When it is empty, longer than 128 characters or not printable (apimachinery, `ValidateFieldManager`), or when
    /// kustomize-controller would drop what it writes: the reason, as a lower-case fragment.
    pub fn new(name: &str) -> Result<Self, String> {
        if name.is_empty() || name.chars().count() > 128 {
            return Err("a field manager has 1 to 128 characters".to_owned());
        }
        if name.chars().any(|character| !character.is_ascii_graphic() && character != ' ') {
            return Err("a field manager has printable characters only".to_owned());
        }
        if is_folded_by_flux(name) {
            return Err(format!("Flux takes over what {name} writes, and drops what Git does not set"));
        }
        Ok(Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FieldManager {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manager_that_flux_drops_is_refused() {
        assert_eq!(FieldManager::new("mlops").expect("a name").as_str(), "mlops");
        assert!(FieldManager::new("flux-client-side-apply").is_ok());
        for name in ["kubectl-mlops", "kubectl", "before-first-apply", "", "a\u{1b}b", "ä", &"x".repeat(129)] {
            assert!(FieldManager::new(name).is_err(), "{name:?}");
        }
    }
}

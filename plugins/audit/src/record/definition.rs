//! CustomResourceDefinitions: which versions of a kind are served, which is stored, and which are to go.

use super::Head;
use mlops_shared::object::{DefinitionSpec, DefinitionStatus, DefinitionVersion, Meta, TypeMeta};
use mlops_shared::record;
use serde_json::Error;
use serde_json::value::RawValue;
use std::sync::Arc;

/// A CustomResourceDefinition, without its schemas.
#[derive(Debug, Clone, Default)]
pub struct Definition {
    /// Type, metadata, place.
    pub head: Head,
    /// Group, names and versions.
    pub spec: DefinitionSpec,
    /// The versions in which objects may be stored.
    pub status: DefinitionStatus,
}

record! {
    struct Wire {
        metadata: Meta,
        spec: DefinitionSpec,
        status: DefinitionStatus,
    }
}

impl Definition {
    pub(super) fn read(ty: &Arc<TypeMeta>, item: &RawValue) -> Result<Self, Error> {
        let wire: Wire = serde_json::from_str(item.get())?;
        Ok(Self { head: Head::new(ty, wire.metadata), spec: wire.spec, status: wire.status })
    }

    /// Whether it defines this kind.
    pub fn defines(&self, group: &str, kind: &str) -> bool {
        &*self.spec.group == group && &*self.spec.names.kind == kind
    }

    /// A version of it by name.
    pub fn version(&self, name: &str) -> Option<&DefinitionVersion> {
        self.spec.versions.iter().find(|version| &*version.name == name)
    }
}

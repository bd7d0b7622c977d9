//! What every record starts with: whose record it is, and where it was read.

use crate::finding::{Finding, Place};
use crate::severity::Severity;
use mlops_shared::object::{Meta, ObjectRef, TypeMeta};
use mlops_shared::report::Code;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::sync::Arc;

/// Type and metadata of an object, and its place where it was read from a file.
#[derive(Debug, Clone, Default)]
pub struct Head {
    /// API group, version and kind.
    pub ty: Arc<TypeMeta>,
    /// Metadata; of annotations only those that shared rules read.
    pub meta: Arc<Meta>,
    /// File and line in a tree.
    pub place: Option<Place>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Alone {
    metadata: Meta,
}

impl Head {
    /// From the parts of an object that was read.
    pub fn new(ty: &Arc<TypeMeta>, meta: Meta) -> Self {
        Self { ty: Arc::clone(ty), meta: Arc::new(meta), place: None }
    }

    /// As [`Head::new`], for a kind that lives in namespaces: a manifest that names none goes to `default`.
    pub fn in_namespace(ty: &Arc<TypeMeta>, mut meta: Meta) -> Self {
        if meta.namespace.is_empty() {
            meta.namespace = "default".into();
        }
        Self::new(ty, meta)
    }

    /// Of an object whose content could not be read: its metadata as far as that goes.
    pub fn alone(ty: &Arc<TypeMeta>, item: &RawValue) -> Self {
        Self::new(ty, serde_json::from_str::<Alone>(item.get()).unwrap_or_default().metadata)
    }

    /// The object's identity.
    pub fn reference(&self) -> ObjectRef {
        ObjectRef {
            group: self.ty.group.clone(),
            kind: self.ty.kind.clone(),
            namespace: self.meta.namespace.clone(),
            name: self.meta.name.clone(),
        }
    }

    /// Whether this is the kind `kind` of the API group `group` (empty for core).
    pub fn is(&self, group: &str, kind: &str) -> bool {
        &*self.ty.kind == kind && &*self.ty.group == group
    }

    /// A finding about this object.
    pub fn finding(&self, code: &'static Code, severity: Severity, message: impl Into<String>) -> Finding {
        let finding = Finding::new(code, severity, self.reference(), message).placed(self.place.clone());
        Finding { api_version: self.ty.api_version().as_str().into(), ..finding }
    }
}

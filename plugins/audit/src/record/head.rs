//! What every record starts with: whose record it is, and where it was read.

use crate::finding::{Finding, Place};
use crate::severity::Severity;
use mlops_shared::health::api_versions;
use mlops_shared::object::{Meta, ObjectRef, Sym, TypeMeta, When, meta_of};
use mlops_shared::record;
use mlops_shared::report::Code;
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
    /// Managers that still write it in another API version than the one it was read in, or in one that is deprecated.
    pub writers: Box<[Writer]>,
}

record! {
    /// What a manager of fields wrote last.
    pub struct Writer {
        /// Its name.
        manager: Sym,
        /// By which version of the API.
        api_version: Sym,
        /// `Apply` or `Update`.
        operation: Sym,
        /// A part of the object that it writes apart, such as `status`.
        subresource: Sym,
        /// When; not known of co-appliers and old servers.
        time: When,
    }

    struct Managed {
        managed_fields: Vec<Writer>,
    }

    struct Written {
        metadata: Managed,
    }
}

impl Writer {
    /// The version alone: `v1beta1`.
    pub fn version(&self) -> &str {
        self.api_version.rsplit('/').next().unwrap_or_default()
    }
}

impl Head {
    /// From the parts of an object that was read.
    pub fn new(ty: &Arc<TypeMeta>, meta: Meta) -> Self {
        Self { ty: Arc::clone(ty), meta: Arc::new(meta), place: None, writers: Box::default() }
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
        Self::new(ty, meta_of(item))
    }

    /// The managers who last wrote an object in a version that is not stable, unless they have moved on since.
    pub(super) fn old_writers(ty: &TypeMeta, item: &RawValue) -> Box<[Writer]> {
        // Nearly no object is written in a version that is not stable; the others need no second look.
        let text = item.get();
        if !text.contains("\"managedFields\"") || !(text.contains("beta") || text.contains("alpha")) {
            return Box::default();
        }
        let all = serde_json::from_str::<Written>(text).unwrap_or_default().metadata.managed_fields;
        let is_old = |writer: &Writer| {
            let version = writer.version();
            let is_other = version != &*ty.version && (version.contains("beta") || version.contains("alpha"));
            is_other || api_versions::find(&ty.group, &ty.kind, version).is_some()
        };
        let has_moved_on = |old: &Writer| {
            all.iter().any(|new| new.manager == old.manager && !is_old(new) && new.time.get() >= old.time.get())
        };
        all.iter().filter(|writer| is_old(writer) && !has_moved_on(writer)).cloned().collect()
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

//! Records of kinds that need little: namespaces, service accounts, and any kind without one of its own.

use super::Head;
use super::pod::Name;
use crate::finding::Place;
use mlops_shared::object::{Custom as Content, Meta, Sym, TypeMeta, decode_custom};
use mlops_shared::record;
use serde_json::value::RawValue;
use serde_json::{Error, Value};
use std::sync::Arc;

/// A namespace: its labels are in the head.
#[derive(Debug, Clone, Default)]
pub struct Namespace {
    /// Type, metadata, place.
    pub head: Head,
}

/// A service account.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// Type, metadata, place.
    pub head: Head,
    /// `automountServiceAccountToken`; absent means yes.
    pub automount: Option<bool>,
    /// Names in `secrets`.
    pub secrets: Vec<Sym>,
    /// Names in `imagePullSecrets`.
    pub pull_secrets: Vec<Sym>,
}

/// An object of any other kind, its spec bounded as health bounds it.
#[derive(Debug, Clone)]
pub struct Custom {
    /// Type, metadata, place.
    pub head: Head,
    /// `spec` and `status`.
    pub content: Content,
}

record! {
    struct Wire {
        metadata: Meta,
    }

    struct WireAccount {
        metadata: Meta,
        automount_service_account_token: Option<bool>,
        secrets: Vec<Name>,
        image_pull_secrets: Vec<Name>,
    }
}

impl Namespace {
    pub(super) fn read(ty: &Arc<TypeMeta>, item: &RawValue) -> Result<Self, Error> {
        let wire: Wire = serde_json::from_str(item.get())?;
        Ok(Self { head: Head::new(ty, wire.metadata) })
    }
}

impl Account {
    pub(super) fn read(ty: &Arc<TypeMeta>, item: &RawValue) -> Result<Self, Error> {
        let wire: WireAccount = serde_json::from_str(item.get())?;
        let names = |list: Vec<Name>| list.into_iter().map(|item| item.name).collect();
        Ok(Self {
            head: Head::in_namespace(ty, wire.metadata),
            automount: wire.automount_service_account_token,
            secrets: names(wire.secrets),
            pull_secrets: names(wire.image_pull_secrets),
        })
    }
}

impl Custom {
    pub(super) fn read(ty: &Arc<TypeMeta>, item: &RawValue) -> Result<Self, Error> {
        let (meta, content) = decode_custom(item)?;
        Ok(Self { head: Head::new(ty, meta), content })
    }

    /// A document of a file that is no object.
    pub(crate) fn values(place: Place, values: Value) -> Self {
        let head = Head { place: Some(place), ..Head::default() };
        Self { head, content: Content { spec: values, ..Content::default() } }
    }

    /// The text at a JSON pointer below `spec`; empty when absent or no text.
    pub fn text(&self, pointer: &str) -> &str {
        self.content.spec.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }
}

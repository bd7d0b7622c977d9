//! Records of kinds that need little: namespaces, service accounts, and any kind without one of its own.

use super::pod::Name;
use super::{Head, Words};
use crate::finding::Place;
use crate::secrets::Chain;
use crate::tree::node::Node;
use mlops_shared::object::{Custom as Content, Meta, Sym, TypeMeta, decode_custom, nullable};
use mlops_shared::record;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Error, Value};
use std::collections::BTreeMap;
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
    /// `spec` and `status`. Of a kind without a spec, such as StorageClass, all that stands beside its metadata.
    pub content: Content,
    /// Names in annotations whose key speaks of a secret.
    pub named: Words,
    /// The certificates of a webhook, an API service or a conversion.
    pub chains: Vec<Chain>,
    /// Of a document of a tree that is no object: the document with its lines.
    pub(crate) source: Option<Arc<Node>>,
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
        let (meta, mut content) = decode_custom(item)?;
        if content.spec.is_null() {
            content.spec = beside(item);
        }
        let chains = bundles(ty, item);
        if &*ty.kind == "CustomResourceDefinition" {
            // Its schemas are most of all that a cluster holds.
            content.spec = Value::Null;
        }
        Ok(Self { head: Head::new(ty, meta), content, named: named(item), chains, source: None })
    }

    /// A document of a file that is no object.
    pub(crate) fn values(place: Place, source: Node) -> Self {
        let values = source.json();
        let head = Head { place: Some(place), ..Head::default() };
        Self {
            head,
            content: Content { spec: values, ..Content::default() },
            named: Words::default(),
            chains: Vec::new(),
            source: Some(Arc::new(source)),
        }
    }

    /// The text at a JSON pointer below `spec`; empty when absent or no text.
    pub fn text(&self, pointer: &str) -> &str {
        self.content.spec.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }
}

/// All that stands beside the metadata of an object.
fn beside(item: &RawValue) -> Value {
    let mut value: Value = serde_json::from_str(item.get()).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|name, _| !matches!(name.as_str(), "apiVersion" | "kind" | "metadata" | "status"));
        if fields.is_empty() {
            return Value::Null;
        }
    }
    value
}

/// Names in annotations that name a secret: `nginx.ingress.kubernetes.io/auth-secret`.
fn named(item: &RawValue) -> Words {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Wire {
        #[serde(deserialize_with = "nullable")]
        metadata: Annotated,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Annotated {
        #[serde(deserialize_with = "nullable")]
        annotations: BTreeMap<String, Value>,
    }
    if !item.get().contains("secret") {
        return Words::default();
    }
    let wire: Wire = serde_json::from_str(item.get()).unwrap_or_default();
    let found = wire.metadata.annotations.iter().filter(|(key, _)| key.contains("secret"));
    found.filter_map(|(_, value)| value.as_str()).collect()
}

/// The `caBundle`s of kinds that have one.
fn bundles(ty: &TypeMeta, item: &RawValue) -> Vec<Chain> {
    let value = || serde_json::from_str::<Value>(item.get()).unwrap_or_default();
    let of = |path: String, bundle: Option<&Value>| Chain::of_base64(path, bundle?.as_str()?);
    match (&*ty.group, &*ty.kind) {
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration") => {
            let value = value();
            let all = value["webhooks"].as_array().map_or(&[][..], Vec::as_slice);
            let of_one = |webhook: &Value| {
                let name = webhook["name"].as_str().unwrap_or_default();
                of(format!("webhooks[{name}].clientConfig.caBundle"), webhook.pointer("/clientConfig/caBundle"))
            };
            all.iter().filter_map(of_one).collect()
        }
        ("apiregistration.k8s.io", "APIService") => {
            of("spec.caBundle".to_owned(), value().pointer("/spec/caBundle")).into_iter().collect()
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") if item.get().contains("\"caBundle\"") => {
            let path = "spec.conversion.webhook.clientConfig.caBundle";
            of(path.to_owned(), value().pointer("/spec/conversion/webhook/clientConfig/caBundle")).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

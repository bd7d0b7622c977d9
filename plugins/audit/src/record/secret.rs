//! Secrets by their metadata: which keys they hold, who wrote these last, and when.
//!
//! Metadata holds no value, with one exception: what `kubectl apply` notes down. Only that it is there is kept.

use super::Head;
use crate::secrets::Chain;
use mlops_shared::object::{Meta, Sym, TypeMeta, When, nullable};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Error, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A Secret without its values.
#[derive(Debug, Clone, Default)]
pub struct Secret {
    /// Type, metadata, place.
    pub head: Head,
    /// Its `type`; empty where only metadata was read.
    pub r#type: Sym,
    /// Its keys, sorted.
    pub keys: Vec<Key>,
    /// Whether managedFields were there, so that the keys are all.
    pub is_managed: bool,
    /// Whether the annotation of `kubectl apply` holds the values once more.
    pub is_applied: bool,
    /// The service account whose token it is, by its annotation.
    pub account: Sym,
    /// Where its values were read: the certificates among them.
    pub chains: Vec<Chain>,
}

/// A key of a Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its name.
    pub name: Sym,
    /// Who owns it by managedFields, each with the time of its entry.
    pub owners: Vec<(Sym, When)>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Wire {
    #[serde(deserialize_with = "nullable")]
    metadata: Annotated,
    #[serde(deserialize_with = "nullable")]
    r#type: Sym,
    #[serde(deserialize_with = "nullable")]
    data: BTreeMap<Sym, IgnoredAny>,
    #[serde(deserialize_with = "nullable")]
    string_data: BTreeMap<Sym, IgnoredAny>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Annotated {
    #[serde(deserialize_with = "nullable")]
    annotations: BTreeMap<Sym, Value>,
    #[serde(deserialize_with = "nullable")]
    managed_fields: Vec<Entry>,
}

/// Fields may have any shape in a file; only maps tell something.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Entry {
    #[serde(deserialize_with = "nullable")]
    manager: Sym,
    #[serde(deserialize_with = "nullable")]
    time: When,
    #[serde(rename = "fieldsV1")]
    fields: Value,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Alone {
    #[serde(deserialize_with = "nullable")]
    metadata: Meta,
}

/// What `kubectl apply` notes down.
const APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

impl Secret {
    pub(super) fn read(ty: &Arc<TypeMeta>, item: &RawValue) -> Result<Self, Error> {
        let alone: Alone = serde_json::from_str(item.get())?;
        let wire: Wire = serde_json::from_str(item.get())?;
        let annotation = |key: &str| {
            let found = wire.metadata.annotations.iter().find(|(name, _)| name.as_str() == key);
            found.and_then(|(_, value)| value.as_str())
        };
        let mut keys: BTreeMap<Sym, Vec<(Sym, When)>> =
            wire.data.into_keys().chain(wire.string_data.into_keys()).map(|name| (name, Vec::new())).collect();
        for entry in &wire.metadata.managed_fields {
            let data = entry.fields.get("f:data").and_then(Value::as_object);
            for name in data.into_iter().flat_map(|data| data.keys()).filter_map(|name| name.strip_prefix("f:")) {
                keys.entry(Sym::new(name)).or_default().push((entry.manager.clone(), entry.time));
            }
        }
        let is_applied = annotation(APPLIED).is_some_and(holds_values);
        Ok(Self {
            account: Sym::new(annotation("kubernetes.io/service-account.name").unwrap_or_default()),
            head: Head::in_namespace(ty, alone.metadata),
            r#type: wire.r#type,
            keys: keys.into_iter().map(|(name, owners)| Key { name, owners }).collect(),
            is_managed: !wire.metadata.managed_fields.is_empty(),
            is_applied,
            chains: Vec::new(),
        })
    }

    /// Whether Helm keeps a release in it.
    pub fn is_release(&self) -> bool {
        &*self.r#type == "helm.sh/release.v1"
            || self.r#type.is_empty()
                && self.head.meta.name.starts_with("sh.helm.release.v1.")
                && self.head.meta.labels.get("owner") == Some("helm")
    }

    /// Whether it is the token of a service account.
    pub fn is_token(&self) -> bool {
        &*self.r#type == "kubernetes.io/service-account-token" || self.r#type.is_empty() && !self.account.is_empty()
    }

    /// Whether it is a token with which nodes join.
    pub fn is_bootstrap(&self) -> bool {
        &*self.r#type == "bootstrap.kubernetes.io/token"
            || &*self.head.meta.namespace == "kube-system" && self.head.meta.name.starts_with("bootstrap-token-")
    }
}

/// Whether the applied object held values.
fn holds_values(text: &str) -> bool {
    #[derive(Deserialize, Default)]
    #[serde(default, rename_all = "camelCase")]
    struct Applied {
        data: Option<BTreeMap<Sym, IgnoredAny>>,
        string_data: Option<BTreeMap<Sym, IgnoredAny>>,
    }
    let applied: Applied = serde_json::from_str(text).unwrap_or_default();
    [applied.data, applied.string_data].into_iter().flatten().any(|values| !values.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Secret {
        let ty = Arc::new(TypeMeta::new("v1", "Secret"));
        Secret::read(&ty, &RawValue::from_string(text.to_owned()).expect("JSON")).expect("a Secret")
    }

    #[test]
    fn keys_are_known_from_managed_fields() {
        let secret = read(
            r#"{"metadata": {"name": "s", "namespace": "n", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{\"data\":{\"a\":\"CANARY\"}}"},
            "managedFields": [
                {"manager": "kubectl", "time": "2026-01-01T00:00:00Z", "fieldsV1": {"f:data": {".": {}, "f:a": {}, "f:b": {}}, "f:type": {}}},
                {"manager": "sync", "fieldsV1": {"f:data": {"f:b": {}}}},
                {"manager": "odd", "fieldsV1": [1]}, {"manager": "null", "fieldsV1": null}]}}"#,
        );
        let keys: Vec<(&str, usize)> = secret.keys.iter().map(|key| (&*key.name, key.owners.len())).collect();
        assert_eq!(keys, [("a", 1), ("b", 2)]);
        assert!(secret.is_applied && secret.is_managed && secret.r#type.is_empty());
        assert!(!format!("{secret:?}").contains("CANARY"));
    }

    #[test]
    fn values_of_a_dump_are_dropped_and_their_keys_kept() {
        let secret = read(
            r#"{"metadata": {"name": "s"}, "type": "Opaque", "data": {"a": "CANARY"}, "stringData": {"b": "CANARY"}}"#,
        );
        assert_eq!(secret.keys.iter().map(|key| &*key.name).collect::<Vec<_>>(), ["a", "b"]);
        assert!(!format!("{secret:?}").contains("CANARY") && !secret.is_managed && !secret.is_applied);
    }

    #[test]
    fn what_kubernetes_and_helm_make_is_known_without_a_type() {
        let release = r#"{"metadata": {"name": "sh.helm.release.v1.x.v1", "labels": {"owner": "helm"}}}"#;
        assert!(read(release).is_release() && !read(release).is_token());
        assert!(read(r#"{"metadata": {"annotations": {"kubernetes.io/service-account.name": "d"}}}"#).is_token());
        assert!(read(r#"{"metadata": {"name": "bootstrap-token-ab", "namespace": "kube-system"}}"#).is_bootstrap());
        assert!(!read(r#"{"metadata": {"name": "release"}}"#).is_release());
    }
}

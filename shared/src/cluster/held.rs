//! Secrets and ConfigMaps that a label chooses: their metadata, and one by one what they hold.

use super::list::{Warnings, encode, get, list};
use super::read::{METADATA, unread};
use super::{Connection, DecodeItem};
use crate::object::{TypeMeta, Unread};
use serde_json::value::RawValue;
use std::sync::Arc;

/// What holds data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// A Secret.
    Secret,
    /// A ConfigMap.
    ConfigMap,
}

impl Held {
    /// Its kind.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
        }
    }

    /// Its resource.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Secret => "secrets",
            Self::ConfigMap => "configmaps",
        }
    }
}

/// The metadata of those with a label, of these namespaces or all, as far as `decode` keeps it.
///
/// # Errors
/// Why they could not be listed.
pub async fn labelled<T: Send + 'static>(
    connection: &Connection,
    held: Held,
    namespaces: &[String],
    selector: &str,
    decode: DecodeItem<T>,
) -> Result<Vec<T>, Unread> {
    let warnings = Warnings::default();
    let ty = Arc::new(TypeMeta::new("v1", held.kind()));
    let query = format!("&labelSelector={}", encode(selector));
    let plural = held.plural();
    let paths: Vec<String> = match namespaces {
        [] => vec![format!("/api/v1/{plural}")],
        some => some.iter().map(|name| format!("/api/v1/namespaces/{}/{plural}", encode(name))).collect(),
    };
    let mut found = Vec::new();
    for path in paths {
        let pages = list(connection, &path, &query, METADATA, (&ty, decode), &warnings).await.map_err(unread)?;
        found.extend(pages.into_iter().flatten());
    }
    Ok(found)
}

/// One of them with what it holds, as far as `decode` keeps it.
///
/// # Errors
/// Why it could not be read.
pub async fn content<T: Send + 'static>(
    connection: &Connection,
    held: Held,
    namespace: &str,
    name: &str,
    decode: DecodeItem<T>,
) -> Result<Option<T>, Unread> {
    let warnings = Warnings::default();
    let path = format!("/api/v1/namespaces/{}/{}/{}", encode(namespace), held.plural(), encode(name));
    let bytes = get(connection, &path, "application/json", &warnings).await.map_err(unread)?;
    let item: &RawValue =
        serde_json::from_slice(&bytes).map_err(|_| Unread::Failed("the answer is no JSON".to_owned()))?;
    Ok(decode(&Arc::new(TypeMeta::new("v1", held.kind())), item))
}

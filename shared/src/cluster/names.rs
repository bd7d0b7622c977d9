//! Names of objects, for completion: one page, metadata only.

use super::discovery::find;
use super::list::{Warnings, encode, get_within};
use super::read::METADATA;
use super::{ClusterError, Connection};
use serde::Deserialize;

/// More names than these help nobody who completes a word.
const MOST: usize = 500;
/// Their metadata may be so large.
const BYTES: usize = 16 << 20;

#[derive(Deserialize)]
struct List {
    items: Option<Vec<Item>>,
}

#[derive(Deserialize)]
struct Item {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
}

/// The names of a kind's objects in a namespace, or in all, each once, in order; the first 500 that the server lists.
///
/// # Errors
/// When the kind is not served, or the server refuses.
pub async fn names(
    connection: &Connection,
    group: &str,
    kind: &str,
    namespace: Option<&str>,
) -> Result<Vec<String>, ClusterError> {
    let warnings = Warnings::default();
    let served = find(connection, group, kind, &warnings).await?;
    let base = if group.is_empty() { "/api".to_owned() } else { format!("/apis/{group}") };
    let within = match namespace.filter(|_| served.is_namespaced) {
        Some(namespace) => format!("/namespaces/{}", encode(namespace)),
        None => String::new(),
    };
    let path = format!("{base}/{}{within}/{}?limit={MOST}", served.version, served.plural);
    let answer = get_within(connection, (&path, METADATA), &warnings, BYTES, None).await?;
    let list: List = serde_json::from_slice(&answer)
        .map_err(|_| ClusterError::BadAnswer(format!("the list of {kind} is no list")))?;
    let mut names: Vec<String> = list.items.unwrap_or_default().into_iter().map(|item| item.metadata.name).collect();
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

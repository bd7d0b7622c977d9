//! Whole collections, page by page and each item as the server wrote it, for a reader that keeps none of them in memory.

use super::decoder::{ListMeta, each};
use super::discovery::discover;
use super::list::{Limits, List, PAGE, RESTARTS, Warnings, encode, get};
use super::read::version;
use super::{ClusterError, Connection};
use crate::object::TypeMeta;
use futures::{FutureExt as _, StreamExt as _};
use serde::Deserialize;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Kinds that are read at a time. Most are empty, and cost a way to the server and back; of the others this bounds the
/// pages in memory.
const AT_A_TIME: usize = 4;
/// A page of a kind whose objects may be large begins with so many.
const FIRST_OF_LARGE: usize = 8;
/// Pages are asked for so that they have about so many bytes at most. Three of a kind are in memory at a time: one
/// arrives, one waits, one is decoded.
const PAGE_BYTES: usize = 2 << 20;
/// Kinds whose objects may have a megabyte each: releases of Helm, dashboards, definitions of operators.
const LARGE: &[(&str, &str)] =
    &[("", "Secret"), ("", "ConfigMap"), ("apiextensions.k8s.io", "CustomResourceDefinition")];
const JSON: &str = "application/json";

/// A kind that is served and can be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedKind {
    /// Group, kind, and the version that the server prefers.
    pub ty: Arc<TypeMeta>,
    /// Plural name.
    pub resource: String,
    /// Whether its objects live in namespaces.
    pub is_namespaced: bool,
}

/// What is to be read.
#[derive(Debug, Clone, Default)]
pub struct Order {
    /// Only these namespaces, and nothing of what has none but the namespaces themselves; empty for all.
    pub namespaces: Vec<String>,
    /// Only objects with these labels, in kubectl's form.
    pub selector: Option<String>,
    /// The whole run may take so long.
    pub budget: Duration,
}

/// The items of a page, as the server wrote them.
#[derive(Debug)]
pub struct Items<'p> {
    ty: &'p TypeMeta,
    page: &'p [u8],
}

impl<'p> Items<'p> {
    /// A page that came, or could have come, as an answer to a list.
    pub const fn of(ty: &'p TypeMeta, page: &'p [u8]) -> Self {
        Self { ty, page }
    }

    /// Hands over one after the other, read as what the reader takes.
    ///
    /// # Errors
    /// When the page is no list of the kind, or the first that an item was not taken for: what was taken counts for
    /// nothing then.
    pub fn each<I: Deserialize<'p>>(
        self,
        mut take: impl FnMut(I) -> Result<(), ClusterError>,
    ) -> Result<(), ClusterError> {
        each(self.ty, self.page, &mut take)
    }

    /// The bytes of the page, in which all items find room.
    pub const fn bytes(&self) -> usize {
        self.page.len()
    }
}

/// What a reader makes of the items of a page.
pub type DecodePage<T> = dyn Fn(&ServedKind, Items<'_>) -> Result<T, ClusterError> + Send + Sync;

/// What takes a part of a kind; see [`Reading::keep`].
pub type KeepPage<'a, T> = dyn FnMut(&ServedKind, Option<T>) -> Result<(), ClusterError> + 'a;

/// What the reader does.
pub struct Reading<'a, T> {
    /// Which kinds it wants.
    pub wants: &'a dyn Fn(&ServedKind) -> bool,
    /// What it makes of the items of a page, on a thread of its own. Pages of a kind come in their order.
    pub decode: Arc<DecodePage<T>>,
    /// Takes what became of a page; `None` takes back all pages of the kind so far, for its list starts again. An
    /// error ends the run.
    pub keep: &'a mut KeepPage<'a, T>,
}

/// What became of a kind.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The kind.
    pub kind: ServedKind,
    /// The resource version of its list, by namespace (empty: of the whole cluster).
    pub resource_versions: BTreeMap<String, String>,
    /// Why it was not read to its end.
    pub failure: Option<ClusterError>,
}

/// What was read of a cluster.
#[derive(Debug, Clone, Default)]
pub struct Collected {
    /// The kinds that were wanted.
    pub kinds: Vec<Outcome>,
    /// The kinds that were not, by discovery's order.
    pub others: Vec<ServedKind>,
    /// Groups and versions whose kinds discovery could not name, and why.
    pub unanswered: Vec<(String, String)>,
    /// The UID of the namespace kube-system, which stands for the cluster.
    pub uid: Option<String>,
    /// The server's version.
    pub version: Option<String>,
    /// What the API server warns of.
    pub warnings: Vec<String>,
}

/// Reads collections to their ends, each at one resource version.
///
/// # Errors
/// When discovery does not answer, or the reader ends the run. A kind that cannot be read is an [`Outcome`] that says
/// why, and the others are read all the same.
pub async fn collect<T: Send + 'static>(
    connection: &Connection,
    order: &Order,
    reading: Reading<'_, T>,
) -> Result<Collected, ClusterError> {
    let warnings = Warnings::default();
    let deadline = Instant::now() + order.budget;
    let (found, version, uid) =
        futures::join!(discover(connection, &warnings), version(connection, &warnings), uid(connection, &warnings));
    let found = found?;
    let kinds = found.kinds.into_iter().map(|kind| {
        let group_version =
            if kind.group.is_empty() { kind.version } else { format!("{}/{}", kind.group, kind.version) };
        let ty = Arc::new(TypeMeta::new(&group_version, &kind.kind));
        ServedKind { ty, resource: kind.plural, is_namespaced: kind.is_namespaced }
    });
    let (wanted, others): (Vec<ServedKind>, Vec<ServedKind>) = kinds.partition(|kind| (reading.wants)(kind));
    let reader = Reader {
        connection,
        order,
        warnings: &warnings,
        decode: reading.decode,
        keep: RefCell::new(reading.keep),
        stopped: RefCell::new(None),
    };
    let reader = &reader;
    let outcomes: Vec<Outcome> = futures::stream::iter(wanted)
        .map(|kind| async move {
            let left = deadline.saturating_duration_since(Instant::now());
            let mut resource_versions = BTreeMap::new();
            let read = tokio::time::timeout(left, reader.kind(&kind, &mut resource_versions)).await;
            let failure = read.unwrap_or(Err(ClusterError::TimedOut(order.budget))).err();
            Outcome { kind, resource_versions, failure }
        })
        .buffer_unordered(AT_A_TIME)
        .collect()
        .await;
    if let Some(error) = reader.stopped.borrow_mut().take() {
        return Err(error);
    }
    let unanswered = found.unanswered;
    let warnings = warnings.take().into_iter().map(|warning| format!("the API server warns: {warning}")).collect();
    Ok(Collected { kinds: outcomes, others, unanswered, uid, version, warnings })
}

struct Reader<'a, 'k, T> {
    connection: &'a Connection,
    order: &'a Order,
    warnings: &'a Warnings,
    decode: Arc<DecodePage<T>>,
    keep: RefCell<&'k mut KeepPage<'k, T>>,
    /// Why the reader ended the run.
    stopped: RefCell<Option<ClusterError>>,
}

impl<T: Send + 'static> Reader<'_, '_, T> {
    /// All of a kind. Where a list expires under the reader, everything of the kind is taken back and read again.
    async fn kind(&self, kind: &ServedKind, versions: &mut BTreeMap<String, String>) -> Result<(), ClusterError> {
        let mut restarts = 0;
        loop {
            match self.lists(kind, versions).await {
                Err(ClusterError::Gone) if restarts < RESTARTS => {
                    restarts += 1;
                    versions.clear();
                    self.keep(kind, None)?;
                }
                outcome => return outcome,
            }
        }
    }

    async fn lists(&self, kind: &ServedKind, versions: &mut BTreeMap<String, String>) -> Result<(), ClusterError> {
        let (group, name) = (&*kind.ty.group, &*kind.ty.kind);
        let api_version = kind.ty.api_version();
        let root = if group.is_empty() { format!("/api/{api_version}") } else { format!("/apis/{api_version}") };
        let selector = self.order.selector.as_deref();
        let labels = selector.map(|text| format!("&labelSelector={}", encode(text))).unwrap_or_default();
        let path = format!("{root}/{}", kind.resource);
        if self.order.namespaces.is_empty() {
            return self.list(kind, &path, &labels, "", versions).await;
        }
        for namespace in &self.order.namespaces {
            let (path, query) = if kind.is_namespaced {
                (format!("{root}/namespaces/{}/{}", encode(namespace), kind.resource), labels.clone())
            } else if (group, name) == ("", "Namespace") {
                let field = encode(&format!("metadata.name={namespace}"));
                (path.clone(), format!("{labels}&fieldSelector={field}"))
            } else {
                continue;
            };
            self.list(kind, &path, &query, namespace, versions).await?;
        }
        Ok(())
    }

    async fn list(
        &self,
        kind: &ServedKind,
        path: &str,
        query: &str,
        namespace: &str,
        versions: &mut BTreeMap<String, String>,
    ) -> Result<(), ClusterError> {
        let is_large = LARGE.contains(&(&*kind.ty.group, &*kind.ty.kind));
        let first = if is_large { FIRST_OF_LARGE } else { PAGE };
        let limits = Limits::BySize { first, bytes: PAGE_BYTES };
        let list = List { connection: self.connection, path, query, accept: JSON, limits, kind: &kind.ty.kind };
        let decode = |head: &ListMeta, page| {
            versions.insert(namespace.to_owned(), head.resource_version.clone().unwrap_or_default());
            self.decode(kind, page)
        };
        list.read(self.warnings, decode, |page| self.keep(kind, Some(page))).await
    }

    /// Has a page decoded, from now on.
    fn decode(&self, kind: &ServedKind, page: Vec<u8>) -> impl Future<Output = Result<T, ClusterError>> + use<T> {
        let (decode, kind) = (Arc::clone(&self.decode), kind.clone());
        self.connection.decoder.run(move || decode(&kind, Items::of(&kind.ty, &page))).map(Result::flatten)
    }

    fn keep(&self, kind: &ServedKind, page: Option<T>) -> Result<(), ClusterError> {
        if let Some(stopped) = &*self.stopped.borrow() {
            return Err(stopped.clone());
        }
        // No await lies between the borrow and its end.
        let kept = (self.keep.borrow_mut())(kind, page);
        if let Err(error) = &kept {
            *self.stopped.borrow_mut() = Some(error.clone());
        }
        kept
    }
}

async fn uid(connection: &Connection, warnings: &Warnings) -> Option<String> {
    #[derive(Deserialize)]
    struct Object {
        metadata: Metadata,
    }
    #[derive(Deserialize)]
    struct Metadata {
        uid: String,
    }
    let bytes = get(connection, "/api/v1/namespaces/kube-system", JSON, warnings).await.ok()?;
    serde_json::from_slice::<Object>(&bytes).ok().map(|object| object.metadata.uid)
}

//! The kubelets' summaries of filesystems and volumes, through the API server's node proxy.

use super::list::{Warnings, encode, get_within};
use super::read::unread;
use super::{ClusterError, Connection};
use crate::object::{Body, Decoded, Object, STATISTICS_KIND, STATISTICS_VERSION, TypeMeta, Unread, decode_typed};
use futures::StreamExt;
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Nodes that are asked at a time.
const AT_A_TIME: usize = 8;
/// One node may take so long, tries included: a kubelet that hangs must not hold up the others.
const NODE: Duration = Duration::from_secs(15);
/// A summary may be so large: one of 250 pods is about 1 MB.
const BYTES: usize = 64 << 20;

/// Asks the kubelet of each of these nodes for its summary. The answers come in no order, one for
/// each node: the summary as an object of the node's name, or why there is none.
///
/// Needs `get` on `nodes/proxy`. With `until` the whole of it ends then; nodes that were not asked
/// by that time timed out.
pub async fn statistics(
    connection: &Connection,
    nodes: &[String],
    until: Instant,
) -> Vec<(String, Result<Object, Unread>)> {
    let warnings = Warnings::default();
    let (warnings, ty) = (&warnings, &Arc::new(TypeMeta::new(STATISTICS_VERSION, STATISTICS_KIND)));
    futures::stream::iter(nodes)
        .map(|node| async move {
            let left = until.saturating_duration_since(Instant::now());
            let limit = left.min(connection.limit.unwrap_or(NODE).min(NODE));
            let outcome = tokio::time::timeout(limit, one(connection, node, ty, warnings)).await;
            let outcome = outcome.unwrap_or(Err(ClusterError::TimedOut(limit))).map_err(|error| match error {
                // 404 of a proxy says nothing of what is installed.
                ClusterError::NotFound => Unread::Failed("the node is gone, or its kubelet has no summary".to_owned()),
                error => unread(error),
            });
            (node.clone(), outcome)
        })
        .buffer_unordered(AT_A_TIME)
        .collect()
        .await
}

async fn one(
    connection: &Connection,
    node: &str,
    ty: &Arc<TypeMeta>,
    warnings: &Warnings,
) -> Result<Object, ClusterError> {
    let path = format!("/api/v1/nodes/{}/proxy/stats/summary", encode(node));
    let bytes = get_within(connection, &path, "application/json", warnings, BYTES).await?;
    let no_summary = || ClusterError::BadAnswer("no summary of a kubelet".to_owned());
    let raw: &RawValue = serde_json::from_slice(&bytes).map_err(|_| no_summary())?;
    match decode_typed(ty, raw) {
        Decoded::Object(object) if matches!(object.body, Body::Statistics(_)) => {
            // A summary of another node, or of none, is no answer to the question.
            if *object.meta.name != *node {
                return Err(ClusterError::BadAnswer("the summary is of another node".to_owned()));
            }
            Ok(object)
        }
        _ => Err(no_summary()),
    }
}

//! Several clusters in one run: work on each at the same time, so many at once.

use futures::StreamExt;
use std::future::Future;

/// Clusters that are read at a time; each takes connections and memory of its own.
const CLUSTERS: usize = 4;

/// Does the work, four pieces at a time, and gives the results in the order of the pieces.
pub async fn side_by_side<T>(work: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    futures::stream::iter(work).buffered(CLUSTERS).collect().await
}

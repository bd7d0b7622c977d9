//! One piece of work on one cluster: connect, do it, or be interrupted.

use super::{ConnectionArgs, Exit, Failure};
use crate::cluster::{self, ClusterError, Connection};

/// Connects as the flags say, and does something with the connection until that is done or interrupted.
///
/// # Errors
/// When the flags name several clusters, when there is no connection, or what the work says.
pub fn on_cluster<T>(
    flags: &ConnectionArgs,
    work: impl AsyncFnOnce(&Connection) -> Result<T, ClusterError>,
) -> Result<T, Failure> {
    if flags.all_contexts || flags.context.len() > 1 {
        return Err(Failure::usage("this command looks at one cluster").hint("run it once for each --context"));
    }
    let settings = flags.settings(flags.context.first().map(String::as_str))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::unchecked(format!("failed to start: {error}")))?;
    let work = async {
        let connection = cluster::connect(&settings).await?;
        work(&connection).await
    };
    runtime.block_on(async {
        tokio::select! {
            done = work => done.map_err(Failure::from),
            _ = tokio::signal::ctrl_c() => Err(Failure { exit: Exit::Interrupted, ..Failure::unchecked("interrupted") }),
        }
    })
}

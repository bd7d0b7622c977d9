//! Work that asks clusters: a runtime, an end on interruption, one cluster.

use super::{ConnectionArgs, Exit, Failure};
use crate::cluster::{self, ClusterError, Connection};
use tokio::runtime::{Builder, Runtime};

/// A runtime of one thread.
///
/// # Errors
/// When the system gives none.
pub fn runtime() -> Result<Runtime, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::unchecked(format!("failed to start: {error}")))
}

/// Runs until the work is done or interrupted.
///
/// # Errors
/// What the work says, or that it was interrupted.
pub fn to_end<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    through(async {
        tokio::select! {
            done = work => done,
            _ = tokio::signal::ctrl_c() => Err(interrupted()),
        }
    })
}

/// Runs until the work is done, whoever interrupts: for work that has to tidy up, and holds the parts of it that may be
/// interrupted with [`or_interrupted`].
///
/// # Errors
/// What the work says.
pub fn through<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = runtime()?;
    let done = runtime.block_on(work);
    // A credential plugin that hangs must not hold the end.
    runtime.shutdown_background();
    done
}

/// A part of the work, until it is done, or interrupted by Ctrl-C or the end of its pod (SIGTERM).
///
/// # Errors
/// What the work says, or that it was interrupted.
pub async fn or_interrupted<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::select! {
        done = work => done,
        _ = tokio::signal::ctrl_c() => Err(interrupted()),
        () = terminated() => Err(interrupted()),
    }
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => drop(signal.recv().await),
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}

fn interrupted() -> Failure {
    Failure { exit: Exit::Interrupted, ..Failure::unchecked("interrupted") }
}

/// Connects as the flags say, and does something with the connection until that is done or interrupted.
///
/// # Errors
/// When the flags name several clusters, when there is no connection, or what the work says.
pub fn on_cluster<T>(
    flags: &ConnectionArgs,
    work: impl AsyncFnOnce(&Connection) -> Result<T, ClusterError>,
) -> Result<T, Failure> {
    if flags.is_several() {
        return Err(Failure::usage("this command looks at one cluster").hint("run it once for each --context"));
    }
    let settings = flags.settings(flags.context.first().map(String::as_str))?;
    to_end(async {
        let connection = cluster::connect(&settings).await?;
        Ok(work(&connection).await?)
    })
}

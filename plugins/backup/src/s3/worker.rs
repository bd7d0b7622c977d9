//! The thread that requests run on. It hears of Ctrl-C and of the end of its pod, and ends the request that is asked then.

use mlops_shared::cli::{Exit, Failure, or_interrupted, runtime};
use std::sync::mpsc;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

/// The thread; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Worker {
    handle: Handle,
    interrupted: watch::Receiver<bool>,
    _stop: oneshot::Sender<()>,
}

impl Worker {
    /// Starts it.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn new() -> Result<Self, Failure> {
        let runtime = runtime()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let (tell, interrupted) = watch::channel(false);
        let serve = move || {
            runtime.block_on(async {
                let listen = async {
                    drop(or_interrupted(std::future::pending::<Result<(), Failure>>()).await);
                    let _ = tell.send(true);
                    std::future::pending::<()>().await;
                };
                tokio::select! {
                    _ = stopped => {}
                    () = listen => {}
                }
            });
            // A request that hangs must not hold the end.
            runtime.shutdown_background();
        };
        std::thread::Builder::new()
            .name("s3".to_owned())
            .spawn(serve)
            .map_err(|error| Failure::unchecked(format!("failed to start: {error}")))?;
        Ok(Self { handle, interrupted, _stop: stop })
    }

    /// Runs a request until it is answered or interrupted.
    ///
    /// # Errors
    /// When it is interrupted.
    pub(super) fn ask<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Result<T, Failure> {
        let mut interrupted = self.interrupted.clone();
        self.run(async move {
            tokio::select! {
                biased;
                _ = interrupted.wait_for(|it| *it) => None,
                done = work => Some(done),
            }
        })
        .flatten()
        .ok_or_else(|| Failure { exit: Exit::Interrupted, ..Failure::unchecked("interrupted") })
    }

    /// Runs a request until it is answered, whoever interrupts: for what has to be tidied up.
    pub(super) fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let (tell, told) = mpsc::sync_channel(1);
        self.handle.spawn(async move { drop(tell.send(work.await)) });
        told.recv().ok()
    }
}

//! Whether somebody still reads standard output: a watch that has nothing to write would never notice.

/// Ends when the pipe that standard output is has no reader any more; never where that cannot be
/// told (a file, a terminal, a system without such events): there the next line that cannot be
/// written ends the watch.
#[cfg(unix)]
pub(crate) async fn gone() {
    use std::os::fd::AsFd;
    use tokio::io::Interest;
    use tokio::net::unix::pipe::Sender;
    // Unchecked: the checked form would make standard output non-blocking for everybody who has it.
    let sender = std::io::stdout().as_fd().try_clone_to_owned().and_then(Sender::from_owned_fd_unchecked);
    let Ok(sender) = sender else { return std::future::pending().await };
    match sender.ready(Interest::ERROR).await {
        Ok(ready) if ready.is_error() || ready.is_write_closed() => {}
        _ => std::future::pending().await,
    }
}

/// Not told elsewhere.
#[cfg(not(unix))]
pub(crate) async fn gone() {
    std::future::pending().await
}

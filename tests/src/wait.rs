//! Waiting for a condition: polls until it holds, never for a fixed time.

use std::time::{Duration, Instant};

use anyhow::bail;

use crate::Result;

/// How often a condition is looked at.
const STEP: Duration = Duration::from_millis(25);

/// Polls `condition` until it returns something. An error from it ends the wait.
///
/// # Errors
/// When `limit` is over (the message names `what`), or with the condition's own error.
pub fn until<T>(what: &str, limit: Duration, mut condition: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = condition()? {
            return Ok(value);
        }
        if Instant::now() >= deadline {
            bail!("not within {} s: {what}", limit.as_secs());
        }
        std::thread::sleep(STEP);
    }
}

//! Stand-ins for the operators of Strimzi, MinIO and Spark: they look at the objects of one namespace again and again, and
//! do with pods, StatefulSets and statuses what the real ones would do, as far as scaling depends on it.

mod minio;
mod spark;
mod strimzi;

pub use minio::Minio;
pub use spark::Spark;
pub use strimzi::Strimzi;

use std::io::Write as _;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Result;
use crate::fixtures;
use crate::objects::Api;

/// Between two looks.
const STEP: Duration = Duration::from_millis(50);

/// What an operator does at one look. An error is not the end: another look follows.
pub trait Reconcile: Send + 'static {
    /// One look.
    ///
    /// # Errors
    /// When the API server refuses something, a conflict among others.
    fn reconcile(&mut self) -> Result<()>;
}

/// An operator that runs until this is dropped.
#[derive(Debug)]
pub struct Running {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Starts it.
    #[must_use]
    pub fn start(mut operator: impl Reconcile) -> Self {
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let mut last = String::new();
            while stopped.recv_timeout(STEP) == Err(RecvTimeoutError::Timeout) {
                if let Err(error) = operator.reconcile() {
                    last = format!("{error:#}");
                }
            }
            if !last.is_empty() {
                let _ = writeln!(std::io::stderr(), "the stand-in operator's last error: {last}");
            }
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // Its panic has been printed.
            let _ = thread.join();
        }
    }
}

/// The operator's own Deployment, which says that it runs.
///
/// # Errors
/// When the API server refuses it.
pub fn deployment(api: &Api, namespace: &str, name: &str) -> Result<()> {
    api.apply_objects(vec![fixtures::deployment(namespace, name, 1, None)]).map(drop)
}

/// A pod of these labels, that kwok runs.
fn pod(namespace: &str, name: &str, labels: &Value, owner: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels, "ownerReferences": [{
            "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"], "controller": true}]},
        "spec": {"terminationGracePeriodSeconds": 0,
            "containers": [{"name": "main", "image": "example.invalid/app:1", "resources": {"requests": {"cpu": "10m"}}}]}})
}

fn is_ready(pod: &Value) -> bool {
    crate::control_plane::condition(pod, "Ready") == Some("True")
}

/// Sets a status where it is another one: what changes nothing is not written.
fn set_status(api: &Api, object: &Value, status: &Value) -> Result<()> {
    let has = |(key, value): (&String, &Value)| object["status"].get(key) == Some(value);
    if status.as_object().is_some_and(|fields| fields.iter().all(has)) {
        return Ok(());
    }
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (api_version, kind) = (text("/apiVersion"), text("/kind"));
    let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
    api.patch_status(api_version, kind, namespace, name, status).map(drop)
}

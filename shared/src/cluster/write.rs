//! Writing: one object a request, each with a permission, a field manager, and a clear answer or none.
//!
//! A write is sent once. The one exception is 429 with `Retry-After`: the API server turns such a request away before
//! it looks at it. Where the answer is lost, or the server fails in the middle, nobody can tell whether it was done,
//! and the error says so.

use super::list::{Ask, Warnings, encode, once};
use super::resource::{JSON, OBJECT_BYTES, denied, fetch, parse};
use super::{ClusterError, Connection, FieldManager, Place, Resource, WriteToken};
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;

const MERGE_PATCH: &str = "application/merge-patch+json";
/// Of server-side apply; JSON is YAML.
const APPLY_PATCH: &str = "application/apply-patch+yaml";
/// A request that is turned away before it is looked at is sent so often.
const TRIES: u32 = 3;
/// A server that wants to be left alone for longer is told of.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Writes with one permission under one name.
#[derive(Debug)]
pub struct Writer<'a> {
    connection: &'a Connection,
    token: &'a WriteToken,
    manager: &'a FieldManager,
    warnings: Warnings,
}

/// What becomes of the dependents of an object that is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    /// They are deleted after it.
    Background,
    /// They are deleted before it.
    Foreground,
    /// They stay.
    Orphan,
}

impl<'a> Writer<'a> {
    /// Writes on that connection.
    pub fn new(connection: &'a Connection, token: &'a WriteToken, manager: &'a FieldManager) -> Self {
        Self { connection, token, manager, warnings: Warnings::default() }
    }

    /// The name under which it writes.
    pub const fn manager(&self) -> &'a FieldManager {
        self.manager
    }

    /// What the API server warned of so far, each once.
    pub fn warnings(&self) -> Vec<String> {
        self.warnings.borrow().iter().cloned().collect()
    }

    /// Creates an object, and gives it as it was stored.
    ///
    /// # Errors
    /// [`ClusterError::AlreadyExists`] when there is one of that name; what the server says.
    pub async fn create(&self, resource: &Resource, namespace: &str, object: &Value) -> Result<Value, ClusterError> {
        let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        let place = resource.at(namespace, name);
        let path = resource.path(&place.namespace);
        self.send(Method::POST, ("create", &place, ""), &path, JSON, object).await
    }

    /// Changes some fields (RFC 7386: `null` takes a field away, a list replaces a list). With
    /// `metadata.resourceVersion` in the patch it is refused when the object has changed meanwhile.
    ///
    /// # Errors
    /// [`ClusterError::Conflict`] for that; what the server says.
    pub async fn merge_patch(&self, place: &Place, patch: &Value) -> Result<Value, ClusterError> {
        self.send(Method::PATCH, ("patch", place, ""), &place.path(""), MERGE_PATCH, patch).await
    }

    /// Changes some fields of the status.
    ///
    /// # Errors
    /// As [`Self::merge_patch`].
    pub async fn patch_status(&self, place: &Place, patch: &Value) -> Result<Value, ClusterError> {
        self.send(Method::PATCH, ("patch", place, "status"), &place.path("status"), MERGE_PATCH, patch).await
    }

    /// Sets the fields of `object`, its identity among them, and owns them (server-side apply); creates it where it is
    /// not there. `force` takes fields over from other managers.
    ///
    /// # Errors
    /// [`ClusterError::Conflict`] with each field that another manager owns, without `force`; what the server says.
    pub async fn apply(&self, place: &Place, object: &Value, force: bool) -> Result<Value, ClusterError> {
        let path = format!("{}?force={force}", place.path(""));
        self.send(Method::PATCH, ("patch", place, ""), &path, APPLY_PATCH, object).await
    }

    /// Replaces an object that has not changed since it was read: `object` must hold its `metadata.resourceVersion`.
    ///
    /// # Errors
    /// [`ClusterError::Conflict`] when it has changed, or no version was given; what the server says.
    pub async fn replace(&self, place: &Place, object: &Value) -> Result<Value, ClusterError> {
        require_version(object)?;
        self.send(Method::PUT, ("update", place, ""), &place.path(""), JSON, object).await
    }

    /// Sets the replicas of a [`Scale`] that has not changed since it was read.
    ///
    /// # Errors
    /// [`ClusterError::Conflict`] when the object has changed meanwhile; what the server says.
    pub async fn set_scale(&self, place: &Place, scale: &Scale, replicas: u32) -> Result<Scale, ClusterError> {
        let mut object = scale.object.clone();
        require_version(&object)?;
        object["spec"] = json!({ "replicas": replicas });
        let path = place.path("scale");
        self.send(Method::PUT, ("update", place, "scale"), &path, JSON, &object).await.and_then(Scale::of)
    }

    /// Deletes the object of this UID, and no other one that has its name by now.
    ///
    /// # Errors
    /// [`ClusterError::Conflict`] when it is another object; [`ClusterError::NotFound`]; what the server says.
    pub async fn delete(&self, place: &Place, uid: &str, propagation: Propagation) -> Result<(), ClusterError> {
        if uid.is_empty() {
            return Err(unversioned("uid"));
        }
        let propagation = match propagation {
            Propagation::Background => "Background",
            Propagation::Foreground => "Foreground",
            Propagation::Orphan => "Orphan",
        };
        // With a body the server does not look at the query: what makes it a dry run must be in here.
        let mut options = json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}, "propagationPolicy": propagation,
        });
        if self.token.is_dry_run() {
            options["dryRun"] = json!(["All"]);
        }
        self.send(Method::DELETE, ("delete", place, ""), &place.path(""), JSON, &options).await.map(|_| ())
    }

    async fn send(
        &self,
        method: Method,
        (verb, place, subresource): (&str, &Place, &str),
        path: &str,
        media: &str,
        body: &Value,
    ) -> Result<Value, ClusterError> {
        let body = body.to_string().into_bytes();
        let join = if path.contains('?') { '&' } else { '?' };
        let dry_run = if self.token.is_dry_run() { "&dryRun=All" } else { "" };
        let path = format!("{path}{join}fieldManager={}{dry_run}", encode(self.manager.as_str()));
        let mut tries = 1;
        loop {
            let ask = Ask { method: method.clone(), path: &path, media, body: Some(body.clone()) };
            let (outcome, retry_after) =
                once(self.connection, ask, JSON, &self.warnings, OBJECT_BYTES, &mut None).await;
            match (outcome, retry_after) {
                (Err(ClusterError::Status { code: 429, .. }), Some(wait)) if tries < TRIES && wait <= LONGEST_WAIT => {
                    tokio::time::sleep(wait).await;
                    tries += 1;
                }
                (Ok(answer), _) => return parse(&answer).map_err(|error| self.settle(error)),
                (Err(error), _) => return Err(self.settle(denied(error, verb, place, subresource))),
            }
        }
    }

    /// Of a dry run nothing is kept, whatever became of it.
    fn settle(&self, error: ClusterError) -> ClusterError {
        if self.token.is_dry_run() { error } else { settle(error) }
    }
}

/// An error of a write as what is known of it: refused, or nobody can tell.
fn settle(error: ClusterError) -> ClusterError {
    let may_be_done = match &error {
        ClusterError::TimedOut(_) | ClusterError::BadAnswer(_) => true,
        // Without a connection nothing was sent.
        ClusterError::Unreachable { reason, .. } => !reason.contains("refused"),
        ClusterError::Status { code, .. } => *code >= 500,
        _ => false,
    };
    if may_be_done { ClusterError::InDoubt(Box::new(error)) } else { error }
}

fn require_version(object: &Value) -> Result<(), ClusterError> {
    let version = object.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default();
    if version.is_empty() { Err(unversioned("resourceVersion")) } else { Ok(()) }
}

fn unversioned(what: &str) -> ClusterError {
    let message = format!("the object as it was read has no {what}: nothing would tell that it has changed meanwhile");
    ClusterError::Conflict { message, fields: Vec::new() }
}

/// The scale subresource of an object (`autoscaling/v1`, `Scale`).
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    object: Value,
    /// Replicas that are wanted.
    pub wanted: u32,
    /// Replicas that its controller counts.
    pub current: u32,
    /// The selector of its pods, as a text; empty where the kind has none.
    pub selector: String,
}

impl Scale {
    fn of(object: Value) -> Result<Self, ClusterError> {
        let is_scale = object.get("kind").and_then(Value::as_str) == Some("Scale");
        // The API server leaves zero out.
        let number = |pointer: &str| match object.pointer(pointer) {
            None => Some(0),
            Some(value) => value.as_u64().and_then(|value| u32::try_from(value).ok()),
        };
        let (Some(wanted), Some(current), true) = (number("/spec/replicas"), number("/status/replicas"), is_scale)
        else {
            return Err(ClusterError::BadAnswer("the scale subresource is no Scale".to_owned()));
        };
        let selector = object.pointer("/status/selector").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Self { wanted, current, selector, object })
    }

    /// The version of the object that this was read from.
    pub fn resource_version(&self) -> &str {
        self.object.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default()
    }
}

/// Reads the scale subresource.
///
/// # Errors
/// [`ClusterError::NotFound`] when there is no such object or its kind has no scale; what the server says.
pub async fn scale(connection: &Connection, place: &Place) -> Result<Scale, ClusterError> {
    Scale::of(fetch(connection, place, "scale").await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_lost_leaves_doubt_and_a_refusal_does_not() {
        let status = |code| ClusterError::Status { code, message: String::new() };
        let unreachable = |reason: &str| ClusterError::Unreachable { server: String::new(), reason: reason.to_owned() };
        let is_doubt = |error| matches!(settle(error), ClusterError::InDoubt(_));
        for error in [
            status(500),
            status(504),
            ClusterError::TimedOut(Duration::ZERO),
            ClusterError::BadAnswer(String::new()),
            unreachable("connection reset by peer"),
        ] {
            assert!(is_doubt(error.clone()), "{error}");
        }
        for error in [status(422), status(429), unreachable("connection refused"), ClusterError::Unauthorized] {
            assert!(!is_doubt(error.clone()), "{error}");
        }
    }

    #[test]
    fn a_scale_is_read_as_the_server_writes_it() {
        let scale =
            json!({"kind": "Scale", "metadata": {"resourceVersion": "7"}, "spec": {}, "status": {"replicas": 2}});
        let scale = Scale::of(scale).expect("a scale");
        assert_eq!((scale.wanted, scale.current, scale.resource_version()), (0, 2, "7"));
        for odd in [json!({"kind": "Deployment"}), json!({"kind": "Scale", "spec": {"replicas": -1}}), json!(7)] {
            assert!(Scale::of(odd.clone()).is_err(), "{odd}");
        }
        assert!(require_version(&json!({"metadata": {}})).is_err());
    }
}

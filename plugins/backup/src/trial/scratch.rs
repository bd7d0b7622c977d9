//! Namespaces that are made for a trial, and removed again whatever comes of it.

use crate::restore::apply::LOOK;
use crate::snapshots::MADE_BY;
use mlops_shared::cluster::{ClusterError, Connection, Place, Propagation, Resource, Writer, object};
use serde_json::{Map, Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The label that all of them have; its value is the run's.
pub(crate) const LABEL: &str = "mlops.dev/scratch";
/// A namespace may take so long to get its account.
const ACCOUNT: Duration = Duration::from_secs(10);
/// Labels of the original that decide what its pods may be.
const COPIED: &str = "pod-security.kubernetes.io/";

/// The namespaces of a run.
pub(crate) struct Scratch<'a> {
    connection: &'a Connection,
    writer: &'a Writer<'a>,
    /// What tells this run from others.
    mark: String,
    /// By name, with the UID once it is known.
    made: RefCell<BTreeMap<String, Option<String>>>,
}

fn resource(kind: &str, plural: &str, is_namespaced: bool) -> Resource {
    Resource {
        group: String::new(),
        version: "v1".to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
        is_namespaced,
        names: Vec::new(),
        subresources: Vec::new(),
    }
}

fn place(name: &str) -> Place {
    resource("Namespace", "namespaces", false).at("", name)
}

impl<'a> Scratch<'a> {
    pub(crate) fn new(connection: &'a Connection, writer: &'a Writer<'a>, mark: String) -> Self {
        Self { connection, writer, mark, made: RefCell::default() }
    }

    /// Makes a namespace, with what of the original's labels decides on pods; its UID.
    ///
    /// # Errors
    /// What the API server says.
    pub(crate) async fn make(
        &self,
        name: &str,
        original: Option<&Value>,
        reason: Option<&str>,
    ) -> Result<String, ClusterError> {
        let mut labels = Map::new();
        let of_original = original.and_then(|it| it.pointer("/metadata/labels")).and_then(Value::as_object);
        labels.extend(
            of_original
                .into_iter()
                .flatten()
                .filter(|(key, _)| key.starts_with(COPIED))
                .map(|(key, value)| (key.clone(), value.clone())),
        );
        labels.insert(MADE_BY.0.to_owned(), MADE_BY.1.into());
        labels.insert(LABEL.to_owned(), self.mark.as_str().into());
        let mut metadata = json!({"name": name, "labels": labels});
        if let Some(reason) = reason {
            metadata["annotations"] = json!({"mlops.dev/reason": reason});
        }
        // Known before it is asked for: an answer may be lost.
        self.made.borrow_mut().insert(name.to_owned(), None);
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata});
        let stored = self.writer.create(&place(name).resource, "", &body).await?;
        let uid = stored.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default().to_owned();
        self.made.borrow_mut().insert(name.to_owned(), Some(uid.clone()));
        Ok(uid)
    }

    /// Waits a little until pods can be made in a namespace. Where nobody makes its account, that shows in the answers.
    pub(crate) async fn account(&self, name: &str) {
        let deadline = Instant::now() + ACCOUNT;
        let account = resource("ServiceAccount", "serviceaccounts", true).at(name, "default");
        while object(self.connection, &account).await.is_err() && Instant::now() < deadline {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Deletes what was made, and waits until it is gone; the names of what is left.
    pub(crate) async fn remove(&self, patience: Duration) -> Vec<String> {
        let made = std::mem::take(&mut *self.made.borrow_mut());
        let mut going = Vec::new();
        let mut left = Vec::new();
        for (name, uid) in made {
            match self.own(&name, uid).await {
                Ok(None) => {}
                Ok(Some(uid)) => match self.writer.delete(&place(&name), &uid, Propagation::Background).await {
                    Ok(()) | Err(ClusterError::InDoubt(_)) => going.push((name, uid)),
                    Err(ClusterError::NotFound) => {}
                    Err(_) => left.push(name),
                },
                Err(_) => left.push(name),
            }
        }
        let deadline = Instant::now() + patience;
        for (name, uid) in going {
            loop {
                match self.own(&name, Some(uid.clone())).await {
                    Ok(None) => break,
                    _ if Instant::now() >= deadline => {
                        left.push(name);
                        break;
                    }
                    _ => tokio::time::sleep(LOOK).await,
                }
            }
        }
        left.sort();
        left
    }

    /// The UID of the namespace of that name, if it is of this run.
    async fn own(&self, name: &str, uid: Option<String>) -> Result<Option<String>, ClusterError> {
        let found = match object(self.connection, &place(name)).await {
            Ok(found) => found,
            Err(ClusterError::NotFound) => return Ok(None),
            Err(error) => return Err(error),
        };
        let text = |pointer: &str| found.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let now = text("/metadata/uid").to_owned();
        let mark = found.pointer("/metadata/labels").and_then(|labels| labels.get(LABEL)).and_then(Value::as_str);
        let is_own = uid.map_or(mark == Some(&*self.mark), |uid| uid == now);
        Ok(is_own.then_some(now))
    }
}

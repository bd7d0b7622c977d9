//! Objects that the API server allows no change of: which may be deleted and made anew, what that costs, and how it is
//! done so that an interruption between the two loses nothing.

use super::apply::{AT_A_TIME, LOOK, Outcome, Run, place_of};
use super::fields::{Context, group_and_kind, prepare, take};
use super::head::Head;
use super::plan::{Action, Item};
use super::report::{State, label};
use futures::StreamExt as _;
use mlops_shared::cli::Failure;
use mlops_shared::cluster::{ClusterError, Place, Propagation, WriteToken, Writer, object};
use serde_json::{Value, json};
use std::time::Instant;

/// What deleting an object takes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Nothing: what it owns stays, and the new one takes it over.
    Nothing(&'static str),
    /// What its controller makes again.
    Runs(&'static str),
    /// Data: it takes the name on the command line, and the word for it.
    Data(&'static str),
    /// More than this plan could make good.
    Everything(&'static str),
}

/// Groups that are part of Kubernetes; objects of others stand for something that an operator keeps.
const BUILT_IN: &[&str] = &[
    "",
    "admissionregistration.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "autoscaling",
    "batch",
    "discovery.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];

/// Whether a kind is part of Kubernetes.
pub(crate) fn is_built_in(group: &str) -> bool {
    BUILT_IN.contains(&group)
}

/// What is lost when the live object is deleted so that the wanted one can be made.
pub(crate) fn loss(group: &str, kind: &str, live: &Value, wanted: &Value) -> Loss {
    match (group, kind) {
        ("", "Namespace") => Loss::Everything("everything in it would be deleted with it"),
        ("apiextensions.k8s.io", _) => Loss::Everything("every object of its kind would be deleted with it"),
        ("", "PersistentVolumeClaim") => Loss::Data("its data goes with it, unless its volume is kept"),
        ("", "PersistentVolume") => Loss::Data("its data may go with it"),
        ("apps", "StatefulSet") => {
            let at = |object: &Value, pointer: &str| object.pointer(pointer).cloned();
            if at(live, "/spec/selector") == at(wanted, "/spec/selector") {
                return Loss::Nothing("its pods and claims stay, and the new one takes them over");
            }
            let policy = live.pointer("/spec/persistentVolumeClaimRetentionPolicy/whenDeleted").and_then(Value::as_str);
            match policy {
                Some("Delete") => Loss::Data("its claims are deleted with it (whenDeleted: Delete)"),
                _ => Loss::Runs("its pods end and are made again"),
            }
        }
        ("apps", _) | ("", "ReplicationController") => Loss::Runs("its pods end and are made again"),
        ("batch", "Job") => Loss::Runs("its pods end, and it runs again"),
        ("", "Pod") => Loss::Runs("it ends and is started anew"),
        (group, _) if is_built_in(group) => Loss::Runs("it is gone for a moment"),
        _ => Loss::Data("its operator may delete what it stands for"),
    }
}

impl Loss {
    const fn propagation(self) -> Propagation {
        match self {
            Self::Nothing(_) => Propagation::Orphan,
            _ => Propagation::Background,
        }
    }
}

impl Run<'_> {
    /// Asks the API server which of the objects that are to be replaced it would not change, and decides what becomes of
    /// those. `named` says of a head whether the command line names it.
    ///
    /// # Errors
    /// When the archive does not give an object back.
    pub(super) async fn probe(&self, items: &mut [Item], named: &dyn Fn(&Head) -> bool) -> Result<(), Failure> {
        let asked: Vec<usize> = (0..items.len()).filter(|at| items[*at].action == Action::Replace).collect();
        let all = &*items;
        let answers: Vec<(usize, Result<Option<Fate>, Failure>)> = futures::stream::iter(asked)
            .map(|at| async move { (at, self.would_replace(&all[at], named).await) })
            .buffer_unordered(AT_A_TIME)
            .collect()
            .await;
        for (at, answer) in answers {
            if let Some((action, why, is_loss)) = answer? {
                items[at].action = action;
                items[at].why = why;
                items[at].is_loss = is_loss;
            }
        }
        Ok(())
    }

    /// `None` where it can be replaced, or nothing better is known.
    async fn would_replace(&self, item: &Item, named: &dyn Fn(&Head) -> bool) -> Result<Option<Fate>, Failure> {
        let head = &self.heads[item.head];
        let place = place_of(head, &item.target);
        let Ok(live) = object(self.connection, &place).await else { return Ok(None) };
        let Ok((body, _)) = self.body(head, item, &self.object(head)?).await else { return Ok(None) };
        let asking = WriteToken::dry_run();
        let writer = Writer::new(self.connection, &asking, self.writer.manager());
        let refusal = match writer.replace(&place, &in_place_of(&live, body.clone(), self.context)).await {
            Err(ClusterError::Status { code: 422, message }) => message,
            _ => return Ok(None),
        };
        let loss = loss(&head.place.group, &head.kind, &live, &body);
        let blocked = |why: String| Ok(Some((Action::Blocked, why, false)));
        let owned = self.heads.iter().find(|it| {
            !matches!(loss, Loss::Nothing(_))
                && it.owners.iter().any(|owner| *owner.uid == *head.uid && !owner.is_controller)
        });
        if let Some(owned) = owned {
            let other = format!("{}/{}", owned.kind, owned.place.name);
            return blocked(format!("it allows no change, and {other}, which it owns, would be deleted with it"));
        }
        match loss {
            Loss::Everything(why) => {
                blocked(format!("it allows no change, and {why}: delete it yourself, then restore"))
            }
            Loss::Data(why) if !named(head) => {
                let label = label(&head.kind, &item.target.namespace, &item.target.name);
                blocked(format!("it allows no change, and {why}: only as {label} on the command line is it made anew"))
            }
            Loss::Nothing(why) | Loss::Runs(why) | Loss::Data(why) => {
                // Nothing is deleted that could not be made.
                match writer.create(&place.resource, &place.namespace, &body).await {
                    Ok(_) | Err(ClusterError::AlreadyExists(_)) => {
                        let is_loss = matches!(loss, Loss::Data(_));
                        Ok(Some((Action::Recreate, format!("{why}; {refusal}"), is_loss)))
                    }
                    Err(error) => blocked(format!("it allows no change, and could not be made anew: {error}")),
                }
            }
        }
    }

    /// Deletes an object and makes that of the backup.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub(super) async fn recreate(
        &self,
        (at, item, head): (usize, &Item, &Head),
        place: &Place,
        original: &Value,
    ) -> Result<Outcome, Failure> {
        let live = match object(self.connection, place).await {
            Ok(live) => live,
            Err(ClusterError::NotFound) => return self.create((at, item, head), place, original).await,
            Err(error) => return Ok(Outcome::failed(&error)),
        };
        let text = |pointer: &str| live.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let uid = text("/metadata/uid");
        let body = match self.body(head, item, original).await {
            Ok((body, _)) => body,
            Err(error) => return Ok(Outcome::failed(&error)),
        };
        if text("/metadata/deletionTimestamp").is_empty() {
            // Once more right before: what would be refused must not be deleted.
            let asking = WriteToken::dry_run();
            let writer = Writer::new(self.connection, &asking, self.writer.manager());
            match writer.create(&place.resource, &place.namespace, &body).await {
                Ok(_) | Err(ClusterError::AlreadyExists(_)) => {}
                Err(error) => return Ok(Outcome::failed(&error)),
            }
            if self.is_dry_run {
                return Ok(Outcome::of(State::Accepted));
            }
            self.note(|journal| journal.deleting(&head.path, &uid))?;
            let propagation = loss(&head.place.group, &head.kind, &live, &body).propagation();
            match self.writer.delete(place, &uid, propagation).await {
                // Where the answer is lost the wait shows whether it was done.
                Ok(()) | Err(ClusterError::NotFound | ClusterError::InDoubt(_)) => {}
                Err(error) => return Ok(Outcome::failed(&error)),
            }
        } else if self.is_dry_run {
            return Ok(Outcome::of(State::NotAsked));
        }
        if let Some(message) = self.gone(place, &uid).await {
            return Ok(Outcome { state: State::Failed, message: Some(message) });
        }
        let made = self.create((at, item, head), place, original).await?;
        if made.state != State::Failed {
            return Ok(made);
        }
        let why = made.message.unwrap_or_default();
        let back = self.writer.create(&place.resource, &place.namespace, &prepare(live, self.context)).await;
        let message = match back {
            Ok(_) => format!("it was deleted, could not be made anew ({why}), and was put back as it was"),
            Err(error) => format!("it was deleted, could not be made anew ({why}), nor put back: {error}"),
        };
        Ok(Outcome { state: State::Failed, message: Some(message) })
    }

    /// Waits until the object of this UID is gone; what holds it otherwise.
    async fn gone(&self, place: &Place, uid: &str) -> Option<String> {
        let deadline = Instant::now() + self.patience;
        loop {
            let found = object(self.connection, place).await;
            let now = found.as_ref().ok().and_then(|it| it.pointer("/metadata/uid")).and_then(Value::as_str);
            match (&found, now) {
                (Err(ClusterError::NotFound), _) => return None,
                (Ok(_), Some(other)) if other != uid => {
                    return Some("it was deleted, and somebody else has made another one".to_owned());
                }
                _ if Instant::now() < deadline => tokio::time::sleep(LOOK).await,
                (Ok(live), _) if live.pointer("/metadata/deletionTimestamp").is_none() => {
                    return Some("nobody can tell whether it was deleted: it is still there".to_owned());
                }
                (Ok(live), _) => {
                    let held = live.pointer("/metadata/finalizers").and_then(Value::as_array);
                    let held: Vec<&str> = held.into_iter().flatten().filter_map(Value::as_str).collect();
                    let by = if held.is_empty() { "its pods".to_owned() } else { held.join(", ") };
                    return Some(format!("it is being deleted, held by {by}: the same command goes on"));
                }
                (Err(error), _) => return Some(format!("it was deleted, and then: {error}; the same command goes on")),
            }
        }
    }
}

/// What becomes of it, why, and whether data is lost.
type Fate = (Action, String, bool);

/// The body that replaces the live object. What only an object that is made anew goes without (the node of a pod, the
/// selector of a Job, the volume of a claim, tokens) it has from the live one.
pub(super) fn in_place_of(live: &Value, mut body: Value, context: &Context) -> Value {
    let (group, kind) = group_and_kind(&body);
    // The API server keeps addresses and ports of a Service that goes without.
    if (&*group, &*kind) != ("", "Service") {
        let mut kept = live.clone();
        take(&mut kept, "", "status");
        take(&mut kept, "/metadata", "managedFields");
        let prepared = prepare(kept.clone(), context);
        carry(&mut body, &kept, &prepared);
    }
    if (&*group, &*kind) == ("", "PersistentVolume")
        && let Some(claim) = live.pointer("/spec/claimRef").filter(|claim| claim.get("uid").is_some())
    {
        body["spec"]["claimRef"] = claim.clone();
    }
    let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) else { return body };
    for field in ["resourceVersion", "uid", "finalizers"] {
        if let Some(value) = live.pointer(&format!("/metadata/{field}")) {
            metadata.insert(field.to_owned(), value.clone());
        }
    }
    body
}

/// Puts into `body` what `prepared` has lost of `live`, where `body` has nothing in its place. Items of lists are the
/// same where their names are.
fn carry(body: &mut Value, live: &Value, prepared: &Value) {
    match (body, live, prepared) {
        (Value::Object(body), Value::Object(live), Value::Object(prepared)) => {
            for (key, live) in live {
                match (body.get_mut(key), prepared.get(key)) {
                    (None, None) => drop(body.insert(key.clone(), live.clone())),
                    (Some(body), Some(prepared)) if prepared != live => carry(body, live, prepared),
                    (None, Some(prepared)) if prepared != live && live.is_object() => {
                        let mut made = json!({});
                        carry(&mut made, live, prepared);
                        // What the backup went without on purpose stays away.
                        if made.as_object().is_some_and(|made| !made.is_empty()) {
                            body.insert(key.clone(), made);
                        }
                    }
                    _ => {}
                }
            }
        }
        (Value::Array(body), Value::Array(live), Value::Array(prepared)) => {
            let name = |item: &Value| item.get("name").and_then(Value::as_str).map(str::to_owned);
            for live in live.iter().filter(|live| name(live).is_some()) {
                let is_same = |item: &&Value| name(item) == name(live);
                let prepared = prepared.iter().find(is_same);
                match (body.iter_mut().find(|item| name(item) == name(live)), prepared) {
                    (None, None) => body.push(live.clone()),
                    (Some(body), Some(prepared)) => carry(body, live, prepared),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_deletion_takes_with_it_decides() {
        let set = |label: &str, policy: &str| {
            json!({"spec": {"selector": {"matchLabels": {"app": label}},
                "persistentVolumeClaimRetentionPolicy": {"whenDeleted": policy}}})
        };
        let of = |group: &str, kind: &str| loss(group, kind, &json!({}), &json!({}));
        for (found, expected) in [
            (loss("apps", "StatefulSet", &set("a", "Delete"), &set("a", "Delete")), "nothing"),
            (loss("apps", "StatefulSet", &set("a", "Retain"), &set("b", "Retain")), "runs"),
            (loss("apps", "StatefulSet", &set("a", "Delete"), &set("b", "Retain")), "data"),
            (of("apps", "Deployment"), "runs"),
            (of("batch", "Job"), "runs"),
            (of("rbac.authorization.k8s.io", "RoleBinding"), "runs"),
            (of("", "ConfigMap"), "runs"),
            (of("", "PersistentVolumeClaim"), "data"),
            (of("", "PersistentVolume"), "data"),
            (of("kafka.strimzi.io", "KafkaTopic"), "data"),
            (of("cert-manager.io", "Certificate"), "data"),
            (of("snapshot.storage.k8s.io", "VolumeSnapshot"), "data"),
            (of("", "Namespace"), "everything"),
            (of("apiextensions.k8s.io", "CustomResourceDefinition"), "everything"),
        ] {
            let word = match found {
                Loss::Nothing(_) => "nothing",
                Loss::Runs(_) => "runs",
                Loss::Data(_) => "data",
                Loss::Everything(_) => "everything",
            };
            assert_eq!(word, expected, "{found:?}");
        }
        assert_eq!(Loss::Nothing("").propagation(), Propagation::Orphan);
        assert_eq!(Loss::Runs("").propagation(), Propagation::Background);
    }

    #[test]
    fn what_replaces_an_object_has_its_version_and_finalizers() {
        let live = json!({"metadata": {"uid": "u", "resourceVersion": "7", "finalizers": ["f"]}});
        let body = in_place_of(&live, json!({"metadata": {"name": "a"}}), &Context::default());
        assert_eq!(body, json!({"metadata": {"name": "a", "uid": "u", "resourceVersion": "7", "finalizers": ["f"]}}));
    }

    #[test]
    fn what_replaces_an_object_keeps_what_only_a_new_one_goes_without() {
        let context = Context { volumes: ["disk".to_owned()].into(), ..Context::default() };
        // Kind, what the live one has, and what differs in the backup.
        for (live, was, expected) in [
            (
                json!({"kind": "PersistentVolume", "spec": {"capacity": 2, "claimRef": {"name": "data", "uid": "new"}}}),
                json!({"kind": "PersistentVolume", "spec": {"capacity": 1, "claimRef": {"name": "data", "uid": "old"}}}),
                json!({"capacity": 1, "claimRef": {"name": "data", "uid": "new"}}),
            ),
            (
                json!({"kind": "PersistentVolumeClaim", "spec": {"volumeName": "other", "size": 2}}),
                json!({"kind": "PersistentVolumeClaim", "spec": {"volumeName": "gone", "size": 1}}),
                json!({"volumeName": "other", "size": 1}),
            ),
            (
                json!({"kind": "Pod", "spec": {"nodeName": "n", "priority": 5, "volumes": [{"name": "kube-api-access-1"}, {"name": "own"}],
                    "containers": [{"name": "c", "image": "b", "volumeMounts": [{"name": "kube-api-access-1"}]}]}}),
                json!({"kind": "Pod", "spec": {"nodeName": "m", "volumes": [{"name": "kube-api-access-0"}, {"name": "own"}],
                    "containers": [{"name": "c", "image": "a", "volumeMounts": [{"name": "kube-api-access-0"}]}]}}),
                json!({"nodeName": "n", "priority": 5, "volumes": [{"name": "own"}, {"name": "kube-api-access-1"}],
                    "containers": [{"name": "c", "image": "a", "volumeMounts": [{"name": "kube-api-access-1"}]}]}),
            ),
            (
                json!({"apiVersion": "batch/v1", "kind": "Job", "spec": {"selector": {"u": "new"},
                    "template": {"metadata": {"labels": {"app": "a", "controller-uid": "new"}}}}}),
                json!({"apiVersion": "batch/v1", "kind": "Job", "spec": {"selector": {"u": "old"}, "suspend": true,
                    "template": {"metadata": {"labels": {"app": "b", "controller-uid": "old"}}}}}),
                json!({"selector": {"u": "new"}, "suspend": true,
                    "template": {"metadata": {"labels": {"app": "b", "controller-uid": "new"}}}}),
            ),
            (
                json!({"kind": "Thing", "spec": {"a": {"b": 1}, "list": [{"name": "x"}]}}),
                json!({"kind": "Thing", "spec": {"list": []}}),
                json!({"list": []}),
            ),
        ] {
            let body = in_place_of(&live, prepare(was, &context), &context);
            assert_eq!(body["spec"], expected);
        }
        let token = |value: &str| json!({"kind": "Secret", "type": "kubernetes.io/service-account-token", "data": {"token": value}});
        let body = in_place_of(&token("new"), prepare(token("old"), &context), &context);
        assert_eq!(body["data"], json!({"token": "new"}));
    }
}

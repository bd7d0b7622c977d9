//! Carrying a plan out: wave by wave, each object once, with what it needs before it and what finishes it after it.

use super::fields::{self, Context, PAUSE, comparable, prepare};
use super::head::{Head, Owner};
use super::journal::Journal;
use super::order::{TIERS, tier};
use super::plan::{Action, Cluster, Item};
use super::read::Archive;
use super::recreate::in_place_of;
use super::report::{Restored, State};
use futures::StreamExt as _;
use mlops_shared::cli::{Failure, Printer};
use mlops_shared::cluster::{ClusterError, Connection, Place, Resource, Resources, Writer, object};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

/// Objects that are written at a time.
pub(crate) const AT_A_TIME: usize = 8;
/// What is being established or deleted is looked at so often.
pub(crate) const LOOK: Duration = Duration::from_millis(250);
/// A kind that was just established may be unknown to the API server for so long.
const UNKNOWN: Duration = Duration::from_secs(10);

/// A run that writes.
pub(crate) struct Run<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) writer: Writer<'a>,
    /// Whether the API server keeps nothing.
    pub(crate) is_dry_run: bool,
    pub(crate) context: &'a Context,
    pub(crate) cluster: &'a Cluster,
    pub(crate) resources: &'a Resources,
    pub(crate) printer: &'a Printer,
    /// A definition may take so long until its kind is served.
    pub(crate) patience: Duration,
    pub(crate) heads: &'a [Head],
    pub(crate) archive: &'a RefCell<Archive>,
    /// `None` in a dry run.
    pub(crate) journal: RefCell<Option<Journal>>,
    pub(crate) memory: RefCell<Memory>,
}

/// What is known as the run goes on.
#[derive(Default)]
pub(crate) struct Memory {
    /// UIDs in the cluster by those of the backup.
    uids: HashMap<String, String>,
    /// UIDs of the backup whose objects are still to be made.
    coming: HashSet<String>,
    /// Owners that are not in the archive, by what they are called here; `None` for one that is not there.
    owners: HashMap<String, Option<String>>,
    /// Namespaces and kinds that this run was to make and has not.
    missing: BTreeSet<String>,
    /// Those that it is to make, of which a dry run cannot tell more.
    planned: BTreeSet<String>,
    unfinished: Vec<Unfinished>,
    /// Owners that are not named, by the head that names them in the archive.
    without: BTreeMap<usize, BTreeSet<String>>,
}

/// What is left to do for an object that was made.
struct Unfinished {
    item: usize,
    uid: String,
    /// Whether owners are still to be named.
    owners: bool,
}

/// What became of an object.
pub(super) struct Outcome {
    pub(super) state: State,
    pub(super) message: Option<String>,
}

impl Outcome {
    pub(super) const fn of(state: State) -> Self {
        Self { state, message: None }
    }

    pub(super) fn failed(error: &ClusterError) -> Self {
        let state = if matches!(error, ClusterError::InDoubt(_)) { State::InDoubt } else { State::Failed };
        let fields = match error {
            ClusterError::Conflict { fields, .. } if !fields.is_empty() => {
                let owners: BTreeSet<String> =
                    fields.iter().map(|it| format!("{} of {}", it.field, it.manager)).collect();
                format!(" ({})", owners.into_iter().collect::<Vec<_>>().join(", "))
            }
            _ => String::new(),
        };
        Self { state, message: Some(format!("{error}{fields}")) }
    }
}

/// How a namespace or a kind is called among what is missing.
fn ground(head: &Head, target: &mlops_shared::archive::Place) -> Option<String> {
    if let Some((group, kind)) = &head.defines {
        return Some(format!("kind {kind}.{group}"));
    }
    head.is_namespace().then(|| format!("namespace {}", target.name))
}

/// What an object stands on.
fn grounds(head: &Head, target: &mlops_shared::archive::Place) -> [String; 2] {
    [format!("namespace {}", target.namespace), format!("kind {}.{}", head.kind, head.place.group)]
}

/// Where the cluster has an object of the archive, in the version of the archive.
pub(crate) fn place_of(head: &Head, target: &mlops_shared::archive::Place) -> Place {
    let (group, version) = head.api_version.split_once('/').unwrap_or(("", &head.api_version));
    let resource = Resource {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: head.kind.clone(),
        plural: target.resource.clone(),
        is_namespaced: !target.namespace.is_empty(),
        names: Vec::new(),
        subresources: Vec::new(),
    };
    resource.at(&target.namespace, &target.name)
}

impl Run<'_> {
    /// Writes what the plan says, and tells what became of each object.
    ///
    /// # Errors
    /// When the journal cannot be written: nothing goes on without it.
    pub(crate) async fn carry_out(&self, items: &[Item], told: &mut [Restored]) -> Result<(), Failure> {
        self.begin(items);
        let last = tier("apiregistration.k8s.io", "APIService");
        let writes: Vec<usize> = (0..items.len()).filter(|at| items[*at].action.writes()).collect();
        let mut has_finished = false;
        for wave in writes.chunk_by(|one, two| items[*one].wave == items[*two].wave) {
            let wave_tier = items[wave[0]].wave.0;
            // What judges requests is not there yet while objects are finished.
            if wave_tier >= last && !has_finished {
                self.finish(items, told).await?;
                has_finished = true;
            }
            self.progress(&format!("{} {}", wave.len(), TIERS[wave_tier].name));
            let outcomes: Vec<(usize, Result<Outcome, Failure>)> = futures::stream::iter(wave.iter().copied())
                .map(|at| async move { (at, self.one(at, &items[at]).await) })
                .buffer_unordered(AT_A_TIME)
                .collect()
                .await;
            for (at, outcome) in outcomes {
                let outcome = outcome?;
                told[at].state = outcome.state;
                told[at].message = outcome.message;
            }
            if wave_tier == 0 && !self.is_dry_run {
                self.established(wave, items, told).await;
            }
            let head = |at: &usize| &self.heads[items[*at].head];
            let mut memory = self.memory.borrow_mut();
            for at in wave.iter().filter(|at| !matches!(told[**at].state, State::Done | State::Accepted)) {
                memory.coming.remove(&head(at).uid);
                memory.missing.extend(ground(head(at), &items[*at].target));
            }
        }
        self.finish(items, told).await?;
        let without = std::mem::take(&mut self.memory.borrow_mut().without);
        for (item, told) in items.iter().zip(told) {
            told.left_off.extend(without.get(&item.head).into_iter().flatten().cloned());
        }
        Ok(())
    }

    /// Learns which owners are there, and what is to come.
    pub(super) fn begin(&self, items: &[Item]) {
        let mut memory = self.memory.borrow_mut();
        for head in self.heads {
            let path = super::plan::target(&head.place, self.context).path();
            // What is going owns nothing any more: whatever named it would go with it.
            if let Some(live) = self.cluster.objects.get(path.as_str()).filter(|live| !live.is_deleting) {
                memory.uids.insert(head.uid.clone(), live.uid.clone());
            }
        }
        for item in items.iter().filter(|item| item.action == Action::Create) {
            let head = &self.heads[item.head];
            memory.coming.insert(head.uid.clone());
            memory.planned.extend(ground(head, &item.target));
        }
    }

    fn progress(&self, message: &str) {
        if std::io::stderr().is_terminal() {
            self.printer.note(message);
        }
    }

    pub(super) fn object(&self, head: &Head) -> Result<Value, Failure> {
        self.archive.borrow_mut().object(&head.path)
    }

    async fn one(&self, at: usize, item: &Item) -> Result<Outcome, Failure> {
        let head = &self.heads[item.head];
        let (missing, planned) = {
            let memory = self.memory.borrow();
            let grounds = grounds(head, &item.target);
            let among = |set: &BTreeSet<String>| grounds.iter().find(|ground| set.contains(*ground)).cloned();
            (among(&memory.missing), among(&memory.planned))
        };
        if let (Some(ground), false) = (missing, self.is_dry_run) {
            return Ok(Outcome { state: State::Skipped, message: Some(format!("{ground} was not made")) });
        }
        if let (Some(ground), true) = (planned, self.is_dry_run) {
            let message = format!("the API server can judge it only once {ground} is there");
            return Ok(Outcome { state: State::NotAsked, message: Some(message) });
        }
        let original = self.object(head)?;
        let place = place_of(head, &item.target);
        match item.action {
            Action::Create => self.create((at, item, head), &place, &original).await,
            Action::Finish => {
                if self.is_dry_run {
                    return Ok(Outcome::of(State::NotAsked));
                }
                let uid = self.memory.borrow().uids.get(&head.uid).cloned().unwrap_or_default();
                self.status(at, &place, &original, uid, !head.owners.is_empty()).await
            }
            Action::Update => Ok(self.written(self.update(head, item, &place, &original).await)),
            Action::Replace => Ok(self.written(self.replace(head, item, &place, &original).await)),
            Action::Rebind => Ok(self.written(self.rebind(&place).await)),
            Action::Recreate => self.recreate((at, item, head), &place, &original).await,
            _ => Ok(Outcome::of(State::None)),
        }
    }

    async fn update(&self, head: &Head, item: &Item, place: &Place, original: &Value) -> Result<Value, ClusterError> {
        let (mut body, _) = self.body(head, item, original).await?;
        // Without it an object that was deleted meanwhile would be made.
        if let Some(live) = self.cluster.objects.get(&*item.target.path()) {
            body["metadata"]["uid"] = (&*live.uid).into();
        }
        self.writer.apply(place, &body, false).await
    }

    async fn replace(&self, head: &Head, item: &Item, place: &Place, original: &Value) -> Result<Value, ClusterError> {
        let live = object(self.connection, place).await?;
        let (body, _) = self.body(head, item, original).await?;
        self.writer.replace(place, &in_place_of(&live, body, self.context)).await
    }

    /// Makes a volume forget the UID of the claim that it was bound to.
    async fn rebind(&self, place: &Place) -> Result<Value, ClusterError> {
        let live = object(self.connection, place).await?;
        let of = |field: &str| live.pointer(&format!("/metadata/{field}")).cloned().unwrap_or_default();
        let forget = json!({
            "metadata": {"uid": of("uid"), "resourceVersion": of("resourceVersion")},
            "spec": {"claimRef": {"uid": null, "resourceVersion": null}},
        });
        self.writer.merge_patch(place, &forget).await
    }

    /// The object as it is to be, with the owners that are there, and whether others are still to come.
    ///
    /// # Errors
    /// Why nobody can tell whether an owner is there.
    pub(super) async fn body(&self, head: &Head, item: &Item, original: &Value) -> Result<(Value, bool), ClusterError> {
        let mut body = prepare(original.clone(), self.context);
        let is_later = self.relink(head, item, &mut body, original).await?;
        Ok((body, is_later))
    }

    fn written(&self, answer: Result<Value, ClusterError>) -> Outcome {
        match answer {
            Ok(_) => Outcome::of(if self.is_dry_run { State::Accepted } else { State::Done }),
            Err(error) => Outcome::failed(&error),
        }
    }

    /// Names the owners that are there by the UIDs that they have here; whether some are still to come.
    async fn relink(&self, head: &Head, item: &Item, body: &mut Value, original: &Value) -> Result<bool, ClusterError> {
        let references = original.pointer("/metadata/ownerReferences").and_then(Value::as_array);
        let mut kept = Vec::new();
        let mut is_later = false;
        for (owner, reference) in head.owners.iter().zip(references.into_iter().flatten()) {
            let known = self.memory.borrow().uids.get(&owner.uid).cloned();
            let is_coming = self.memory.borrow().coming.contains(&owner.uid);
            let uid = match (known, is_coming) {
                (Some(uid), _) => Some(uid),
                (None, true) => {
                    is_later = true;
                    None
                }
                (None, false) => self.find(owner, &item.target.namespace).await?,
            };
            let is_awaited = uid.is_none() && is_coming;
            if uid.is_none() && !is_awaited {
                let name = format!("owner {}/{}", owner.kind, owner.name);
                self.memory.borrow_mut().without.entry(item.head).or_default().insert(name);
            }
            if let (Some(uid), Some(reference)) = (uid, reference.as_object()) {
                let mut reference = reference.clone();
                reference.insert("uid".to_owned(), uid.into());
                kept.push(Value::Object(reference));
            }
        }
        if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("ownerReferences");
            if !kept.is_empty() {
                metadata.insert("ownerReferences".to_owned(), kept.into());
            }
        }
        Ok(is_later)
    }

    /// The UID of an owner that is not in the archive; `None` where it is not there, or is going.
    async fn find(&self, owner: &Owner, namespace: &str) -> Result<Option<String>, ClusterError> {
        let key = format!("{}\n{}\n{namespace}\n{}", owner.api_version, owner.kind, owner.name);
        let known = self.memory.borrow().owners.get(&key).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let group = owner.api_version.split_once('/').map_or("", |(group, _)| group);
        let uid = match self.resources.of_kind(group, &owner.kind) {
            None => None,
            Some(resource) => {
                let found = match object(self.connection, &resource.at(namespace, &owner.name)).await {
                    Ok(found) => Some(found),
                    Err(ClusterError::NotFound) => None,
                    Err(error) => return Err(error),
                };
                let stays = found.filter(|found| found.pointer("/metadata/deletionTimestamp").is_none());
                stays.and_then(|found| found.pointer("/metadata/uid").and_then(Value::as_str).map(str::to_owned))
            }
        };
        self.memory.borrow_mut().owners.insert(key, uid.clone());
        Ok(uid)
    }

    pub(super) fn note(&self, write: impl FnOnce(&mut Journal) -> Result<(), Failure>) -> Result<(), Failure> {
        self.journal.borrow_mut().as_mut().map_or(Ok(()), write)
    }

    pub(super) async fn create(
        &self,
        (at, item, head): (usize, &Item, &Head),
        place: &Place,
        original: &Value,
    ) -> Result<Outcome, Failure> {
        let (mut body, is_later) = match self.body(head, item, original).await {
            Ok(made) => made,
            Err(error) => return Ok(Outcome::failed(&error)),
        };
        if fields::must_pause(original) {
            body = fields::held(body);
        }
        self.note(|journal| journal.begun(&head.path))?;
        let is_new = self.memory.borrow().planned.contains(&format!("kind {}.{}", head.kind, head.place.group));
        let begun = Instant::now();
        let stored = loop {
            match self.writer.create(&place.resource, &place.namespace, &body).await {
                // Nothing was looked at yet: the kind is about to be served.
                Err(ClusterError::NotFound) if is_new && begun.elapsed() < UNKNOWN => tokio::time::sleep(LOOK).await,
                answer => break answer,
            }
        };
        let stored = match stored {
            Ok(stored) => stored,
            Err(ClusterError::InDoubt(error)) => match object(self.connection, place).await {
                // It is looked at, and not sent again.
                Ok(live) if comparable(live.clone(), self.context) == comparable(body, self.context) => live,
                _ => return Ok(Outcome::failed(&ClusterError::InDoubt(error))),
            },
            Err(error) => {
                self.note(|journal| journal.refused(&head.path))?;
                return Ok(Outcome::failed(&error));
            }
        };
        if self.is_dry_run {
            return Ok(Outcome::of(State::Accepted));
        }
        let uid = stored.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default().to_owned();
        self.note(|journal| journal.made(&head.path, &uid))?;
        {
            let mut memory = self.memory.borrow_mut();
            memory.coming.remove(&head.uid);
            memory.uids.insert(head.uid.clone(), uid.clone());
        }
        self.status(at, place, original, uid, is_later).await
    }

    /// Writes what of the status is kept, and remembers what is left to do.
    async fn status(
        &self,
        at: usize,
        place: &Place,
        original: &Value,
        uid: String,
        owners: bool,
    ) -> Result<Outcome, Failure> {
        if let Some(status) = fields::status(original) {
            let patch = json!({"metadata": {"uid": uid}, "status": status});
            if let Err(error) = self.writer.patch_status(place, &patch).await {
                // It stays paused: an operator that went on without its status would do harm.
                let outcome = Outcome::failed(&error);
                let message = format!("it is there, and its status could not be written: {error}; it stays paused");
                return Ok(Outcome { message: Some(message), ..outcome });
            }
        }
        self.memory.borrow_mut().unfinished.push(Unfinished { item: at, uid, owners });
        Ok(Outcome::of(State::Done))
    }

    /// Waits until the kinds that were defined are served.
    async fn established(&self, wave: &[usize], items: &[Item], told: &mut [Restored]) {
        let deadline = Instant::now() + self.patience;
        let made: Vec<usize> = wave.iter().copied().filter(|at| told[*at].state == State::Done).collect();
        for at in made {
            let head = &self.heads[items[at].head];
            let place = place_of(head, &items[at].target);
            loop {
                let found = object(self.connection, &place).await;
                let is_true = |wanted: &str| {
                    let conditions = found.as_ref().ok()?.pointer("/status/conditions")?.as_array()?;
                    let it = conditions.iter().find(|it| it.get("type").and_then(Value::as_str) == Some(wanted))?;
                    Some(it.get("status").and_then(Value::as_str) == Some("True"))
                };
                if is_true("Established") == Some(true) && is_true("NamesAccepted") == Some(true) {
                    break;
                }
                if is_true("NamesAccepted") == Some(false) || Instant::now() >= deadline {
                    told[at].state = State::Failed;
                    told[at].message = Some("it is there, and its kind is not served: are its names taken?".to_owned());
                    break;
                }
                tokio::time::sleep(LOOK).await;
            }
        }
    }

    /// Does what is left for the objects that were made: owners that came later, the end of a pause, who owns which
    /// field.
    async fn finish(&self, items: &[Item], told: &mut [Restored]) -> Result<(), Failure> {
        let unfinished = std::mem::take(&mut self.memory.borrow_mut().unfinished);
        if unfinished.is_empty() {
            return Ok(());
        }
        self.progress(&format!("{} to finish", unfinished.len()));
        let outcomes = futures::stream::iter(unfinished)
            .map(|it| {
                let missing = self.missing_of_kafka(&items[it.item], items, told);
                async move { (it.item, self.finish_one(&it, &items[it.item], missing).await) }
            })
            .buffer_unordered(AT_A_TIME)
            .collect::<Vec<_>>()
            .await;
        for (at, outcome) in outcomes {
            if let Err(outcome) = outcome? {
                told[at].state = outcome.state;
                told[at].message = outcome.message.map(|why| format!("it is there, and was not finished: {why}"));
            }
        }
        Ok(())
    }

    /// What a Kafka needs before its operator may see it and does not have: pools with their node ids, authorities,
    /// claims. Without them the operator would make others.
    fn missing_of_kafka(&self, kafka: &Item, items: &[Item], told: &[Restored]) -> Option<String> {
        let head = &self.heads[kafka.head];
        if (&*head.place.group, &*head.kind) != ("kafka.strimzi.io", "Kafka") {
            return None;
        }
        let is_part = |item: &Item| {
            item.wave.0 < kafka.wave.0
                && item.target.namespace == kafka.target.namespace
                && self.heads[item.head].labels.get("strimzi.io/cluster") == Some(&*head.place.name)
        };
        let is_there = |item: &Item, told: &Restored| match item.action {
            Action::Blocked => self.cluster.objects.get(&*item.target.path()).is_some_and(|live| !live.is_deleting),
            action => !action.writes() || told.state == State::Done,
        };
        let missing = items.iter().zip(told).find(|(item, told)| is_part(item) && !is_there(item, told));
        missing.map(|(item, _)| format!("{}/{}", self.heads[item.head].kind, item.target.name))
    }

    async fn finish_one(
        &self,
        it: &Unfinished,
        item: &Item,
        missing: Option<String>,
    ) -> Result<Result<(), Outcome>, Failure> {
        let head = &self.heads[item.head];
        let place = place_of(head, &item.target);
        let original = self.object(head)?;
        let mut metadata = json!({"uid": it.uid});
        if it.owners {
            let mut body = json!({"metadata": {}});
            if let Err(error) = self.relink(head, item, &mut body, &original).await {
                return Ok(Err(Outcome::failed(&error)));
            }
            if let Some(owners) = body.pointer("/metadata/ownerReferences") {
                metadata["ownerReferences"] = owners.clone();
            }
        }
        if fields::must_pause(&original) {
            if let Some(missing) = missing {
                let message = format!("{missing} was not restored: it stays paused");
                return Ok(Err(Outcome { state: State::Failed, message: Some(message) }));
            }
            metadata["annotations"] = json!({PAUSE: fields::pause(&original)});
        }
        let is_changed = metadata.as_object().is_some_and(|metadata| metadata.len() > 1);
        if is_changed && let Err(error) = self.writer.merge_patch(&place, &json!({"metadata": metadata})).await {
            return Ok(Err(Outcome::failed(&error)));
        }
        let managers = fields::managers(&original);
        if !managers.is_empty() && item.target == head.place {
            let patch = json!({"metadata": {"uid": it.uid, "managedFields": managers}});
            if let Err(error) = self.writer.merge_patch(&place, &patch).await {
                return Ok(Err(Outcome::failed(&error)));
            }
        }
        self.note(|journal| journal.finished(&head.path))?;
        Ok(Ok(()))
    }
}

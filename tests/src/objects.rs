//! Objects in a running API server: written from YAML with their status, read, and waited for.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use serde_json::{Value, json};

use crate::http::{Answer, Client};
use crate::{Result, wait};

/// How long a kind may take to be served after its CRD was applied.
const SERVED_WITHIN: Duration = Duration::from_secs(20);

/// The API server, asked as one account.
#[derive(Debug)]
pub struct Api {
    client: Client,
    resources: Mutex<BTreeMap<String, Vec<Resource>>>,
}

/// One row of a group's resource list.
#[derive(Clone, Debug)]
pub struct Resource {
    /// `deployments`, or `deployments/status`.
    pub name: String,
    /// `Deployment`.
    pub kind: String,
    /// Does an object of it live in a namespace?
    pub namespaced: bool,
}

/// What [`Api::apply`] wrote.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    /// The objects as the server has them, statuses included, in the order written.
    pub objects: Vec<Value>,
}

impl Api {
    /// An account's view of a server.
    #[must_use]
    pub const fn new(client: Client) -> Self {
        Self { client, resources: Mutex::new(BTreeMap::new()) }
    }

    /// The HTTP client under it.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Applies every document of a YAML text, as [`Api::apply_objects`].
    ///
    /// # Errors
    /// When it is no YAML or the server refuses an object; the message names it.
    pub fn apply(&self, yaml: &str) -> Result<Applied> {
        self.apply_objects(parse(yaml)?)
    }

    /// Applies every `.yaml`, `.yml` and `.json` file of a folder (or one file), as
    /// [`Api::apply_objects`].
    ///
    /// # Errors
    /// When a file cannot be read, is no YAML, or the server refuses an object.
    pub fn apply_path(&self, path: &Path) -> Result<Applied> {
        let mut objects = Vec::new();
        for file in yaml_files(path)? {
            let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
            objects.extend(parse(&text).with_context(|| format!("in {}", file.display()))?);
        }
        self.apply_objects(objects)
    }

    /// Applies objects with all they have, as if they had been there for long:
    ///
    /// - Namespaces and CRDs come first, and a namespace that nobody wrote is made;
    /// - server-side apply for the object, then its `status` through the status subresource where the
    ///   kind has one;
    /// - `uid`, `resourceVersion`, `generation` and the like are the server's: what was written is left
    ///   out (also a Service's cluster address), owner references are changed to the uid that the owner got here, and an
    ///   `observedGeneration` is moved so that it is as far behind `metadata.generation` as it was;
    /// - what was written with a `deletionTimestamp` is deleted at the end, and a finalizer of ours
    ///   (a namespace has its own) keeps it there, being deleted since now.
    ///
    /// # Errors
    /// When the server refuses an object; the message names it.
    pub fn apply_objects(&self, mut objects: Vec<Value>) -> Result<Applied> {
        objects.sort_by_key(|object| match text(object, "/kind") {
            "Namespace" => 0,
            "CustomResourceDefinition" => 1,
            "StorageClass" | "PriorityClass" | "ServiceAccount" | "Node" => 2,
            _ => 3,
        });
        let written: Vec<String> = objects.iter().map(|object| text(object, "/metadata/uid").to_owned()).collect();
        let mut uids: BTreeMap<String, Value> = BTreeMap::new();
        let mut namespaces = std::collections::BTreeSet::new();
        let mut applied = Applied::default();
        let mut deleted = Vec::new();
        let mut waiting: Vec<Value> = objects;
        while !waiting.is_empty() {
            let mut later = Vec::new();
            let before = waiting.len();
            for mut object in waiting {
                let owner_to_come =
                    owner_uids(&object).any(|uid| !uids.contains_key(uid) && written.iter().any(|other| other == uid));
                if owner_to_come {
                    later.push(object);
                    continue;
                }
                let namespace = text(&object, "/metadata/namespace").to_owned();
                if !namespace.is_empty() && namespaces.insert(namespace.clone()) {
                    self.ensure_namespace(&namespace)?;
                }
                let uid = text(&object, "/metadata/uid").to_owned();
                if object.pointer("/metadata/deletionTimestamp").is_some_and(Value::is_string) {
                    deleted.push(keep_when_deleted(&mut object));
                }
                let live = self.apply_with_status(object, &uids)?;
                if !uid.is_empty() {
                    uids.insert(uid, live["metadata"]["uid"].clone());
                }
                applied.objects.push(live);
            }
            if later.len() == before {
                bail!("owner references go round in a circle");
            }
            waiting = later;
        }
        for object in deleted {
            let (api_version, kind) = (text(&object, "/apiVersion"), text(&object, "/kind"));
            let (namespace, name) = (text(&object, "/metadata/namespace"), text(&object, "/metadata/name"));
            self.delete(api_version, kind, namespace, name)?;
            if let Some(status) = object.get("status").filter(|_| kind == "Namespace") {
                self.patch_status(api_version, kind, namespace, name, status)?;
            }
        }
        Ok(applied)
    }

    fn apply_with_status(&self, mut object: Value, uids: &BTreeMap<String, Value>) -> Result<Value> {
        let generation = object.pointer("/metadata/generation").and_then(Value::as_i64);
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            for field in [
                "uid",
                "resourceVersion",
                "generation",
                "creationTimestamp",
                "managedFields",
                "selfLink",
                "deletionTimestamp",
                "deletionGracePeriodSeconds",
            ] {
                metadata.remove(field);
            }
            for owner in metadata.get_mut("ownerReferences").and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(uid) = owner.get("uid").and_then(Value::as_str).and_then(|uid| uids.get(uid)) {
                    owner["uid"] = uid.clone();
                }
            }
        }
        // An address of the cluster that the object came from; a headless Service stays one.
        if text(&object, "/kind") == "Service"
            && text(&object, "/spec/clusterIP") != "None"
            && let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut)
        {
            spec.remove("clusterIP");
            spec.remove("clusterIPs");
        }
        if text(&object, "/kind") == "Job" && object.pointer("/spec/manualSelector") != Some(&json!(true)) {
            // They hold the Job's uid, which is the server's to give.
            if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
                spec.remove("selector");
            }
            if let Some(Value::Object(labels)) = object.pointer_mut("/spec/template/metadata/labels") {
                labels.retain(|key, _| !key.ends_with("controller-uid"));
            }
        }
        if let Some(Value::Object(labels)) = object.pointer_mut("/metadata/labels") {
            for value in labels.values_mut() {
                if let Some(uid) = value.as_str().and_then(|uid| uids.get(uid)) {
                    *value = uid.clone();
                }
            }
        }
        let status = object.get("status").cloned();
        let live = self.apply_object(&object)?;
        let Some(mut status) = status.filter(|status| status.as_object().is_some_and(|map| !map.is_empty())) else {
            return Ok(live);
        };
        if let (Some(then), Some(now)) = (generation, live["metadata"]["generation"].as_i64()) {
            move_observed(&mut status, now.saturating_sub(then));
        }
        let (api_version, kind) = (text(&object, "/apiVersion"), text(&object, "/kind"));
        let name = text(&object, "/metadata/name");
        if self.resource(api_version, kind, true)?.is_none() {
            return Ok(live);
        }
        self.patch_status(api_version, kind, text(&live, "/metadata/namespace"), name, &status)
    }

    /// Server-side apply of one object, without its status where the kind has a status subresource.
    ///
    /// # Errors
    /// When the server refuses it.
    pub fn apply_object(&self, object: &Value) -> Result<Value> {
        let (api_version, kind) = (text(object, "/apiVersion"), text(object, "/kind"));
        let name = text(object, "/metadata/name");
        let path = self.path(api_version, kind, text(object, "/metadata/namespace"), name)?;
        let body = serde_json::to_vec(object).context("writing an object")?;
        let answer = self.client.request(
            "PATCH",
            &format!("{path}?fieldManager=testbed&force=true"),
            Some(("application/apply-patch+yaml", &body)),
        )?;
        accept(answer, &format!("applying {kind} {name}"))
    }

    /// Replaces the fields of `status` that are given, through the status subresource (RFC 7386).
    ///
    /// # Errors
    /// When the server refuses it, also because the kind has no status subresource.
    pub fn patch_status(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
        status: &Value,
    ) -> Result<Value> {
        let path = format!("{}/status", self.path(api_version, kind, namespace, name)?);
        self.merge(&path, &json!({"status": status}), &format!("the status of {kind} {name}"))
    }

    /// Changes the fields that are given (RFC 7386: null removes one).
    ///
    /// # Errors
    /// When the server refuses it.
    pub fn patch(&self, api_version: &str, kind: &str, namespace: &str, name: &str, change: &Value) -> Result<Value> {
        let path = self.path(api_version, kind, namespace, name)?;
        self.merge(&path, change, &format!("{kind} {name}"))
    }

    fn merge(&self, path: &str, change: &Value, what: &str) -> Result<Value> {
        let body = serde_json::to_vec(change).context("writing a patch")?;
        let answer = self.client.request("PATCH", path, Some(("application/merge-patch+json", &body)))?;
        accept(answer, &format!("patching {what}"))
    }

    /// The object, or nothing when there is none of that name.
    ///
    /// # Errors
    /// When the server refuses, or does not serve the kind.
    pub fn get(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Result<Option<Value>> {
        let answer = self.client.get(&self.path(api_version, kind, namespace, name)?)?;
        if answer.status == 404 {
            return Ok(None);
        }
        accept(answer, &format!("reading {kind} {name}")).map(Some)
    }

    /// The objects of a kind, in one namespace or (empty) in all.
    ///
    /// # Errors
    /// When the server refuses, or does not serve the kind.
    pub fn list(&self, api_version: &str, kind: &str, namespace: &str) -> Result<Vec<Value>> {
        let path = self.path(api_version, kind, namespace, "")?;
        let mut list = accept(self.client.get(&path)?, &format!("listing {kind}"))?;
        match list["items"].take() {
            Value::Array(items) => Ok(items),
            other => bail!("listing {kind}: items are {other}"),
        }
    }

    /// Deletes an object in the background; none of that name is fine too.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn delete(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Result<()> {
        let path = format!("{}?propagationPolicy=Background", self.path(api_version, kind, namespace, name)?);
        let answer = self.client.request("DELETE", &path, None)?;
        if answer.status == 404 {
            return Ok(());
        }
        accept(answer, &format!("deleting {kind} {name}")).map(drop)
    }

    /// Waits until the object is there and `condition` holds for it. Returns the object.
    ///
    /// # Errors
    /// After `limit`, with the object as it then was.
    pub fn wait_for(
        &self,
        (api_version, kind, namespace, name): (&str, &str, &str, &str),
        limit: Duration,
        condition: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let mut last = None;
        wait::until(&format!("{kind} {namespace}/{name} as expected"), limit, || {
            last = self.get(api_version, kind, namespace, name)?;
            Ok(last.clone().filter(|object| condition(object)))
        })
        .with_context(|| match &last {
            Some(object) => format!("{kind} {name} has status {}", object["status"]),
            None => format!("there is no {kind} {name}"),
        })
    }

    /// Makes a namespace whose name no other test uses: `PREFIX-…`.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn new_namespace(&self, prefix: &str) -> Result<String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        // Also apart from other runs, for a cluster that is shared (MLOPS_TEST_KUBECONFIG).
        let name = format!("{prefix}-{:x}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        self.ensure_namespace(&name)?;
        Ok(name)
    }

    fn ensure_namespace(&self, name: &str) -> Result<()> {
        if self.client.get(&format!("/api/v1/namespaces/{name}"))?.status == 200 {
            return Ok(());
        }
        self.apply_object(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})).map(drop)
    }

    /// The names of the server's API groups, without the core group.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn groups(&self) -> Result<Vec<String>> {
        let list = accept(self.client.get("/apis")?, "reading the API groups")?;
        let groups = list["groups"].as_array().ok_or_else(|| anyhow!("no list of groups"))?;
        Ok(groups.iter().filter_map(|group| group["name"].as_str()).map(str::to_owned).collect())
    }

    /// What the server serves of a group and version, such as `v1` or `apps/v1`; nothing when it does
    /// not serve it.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn resources(&self, api_version: &str) -> Result<Vec<Resource>> {
        let path = prefix(api_version);
        let answer = self.client.get(&path)?;
        if answer.status == 404 {
            return Ok(Vec::new());
        }
        let list = accept(answer, &format!("reading {path}"))?;
        Ok(list["resources"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|resource| Resource {
                name: text(resource, "/name").to_owned(),
                kind: text(resource, "/kind").to_owned(),
                namespaced: resource["namespaced"] == json!(true),
            })
            .collect())
    }

    /// The path of an object, or (without a name) of its list. Waits for a kind whose CRD is new.
    fn path(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Result<String> {
        let resource = wait::until(&format!("{api_version} {kind} is served"), SERVED_WITHIN, || {
            self.resource(api_version, kind, false)
        })?;
        let mut path = prefix(api_version);
        if resource.namespaced && !(namespace.is_empty() && name.is_empty()) {
            path.push_str("/namespaces/");
            path.push_str(if namespace.is_empty() { "default" } else { namespace });
        }
        path.push('/');
        path.push_str(&resource.name);
        if !name.is_empty() {
            path.push('/');
            // A few names hold colons (`system:…`), none a slash; all of it is valid in a path.
            path.push_str(name);
        }
        Ok(path)
    }

    /// The resource of a kind, or its status subresource. A kind that is not in the list that was read
    /// before is looked for once more.
    fn resource(&self, api_version: &str, kind: &str, status: bool) -> Result<Option<Resource>> {
        let wanted = |resource: &&Resource| match resource.name.split_once('/') {
            Some((_, "status")) => status && resource.kind == kind,
            Some(_) => false,
            None => !status && resource.kind == kind,
        };
        {
            let known = self.resources.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(list) = known.get(api_version) {
                let found = list.iter().find(wanted).cloned();
                // The kind itself is there, so the list is complete for it: no status is an answer.
                if found.is_some() || (status && list.iter().any(|resource| resource.kind == kind)) {
                    return Ok(found);
                }
            }
        }
        let list = self.resources(api_version)?;
        let found = list.iter().find(wanted).cloned();
        self.resources.lock().unwrap_or_else(PoisonError::into_inner).insert(api_version.to_owned(), list);
        Ok(found)
    }
}

/// The JSON of an answer that says the request was carried out.
fn accept(answer: Answer, what: &str) -> Result<Value> {
    let value = answer.json().with_context(|| what.to_owned())?;
    if (200..300).contains(&answer.status) {
        return Ok(value);
    }
    bail!("{what}: {} {}", answer.status, text(&value, "/message"))
}

fn prefix(api_version: &str) -> String {
    if api_version.contains('/') { format!("/apis/{api_version}") } else { format!("/api/{api_version}") }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Makes an object such that it stays when it is deleted; returns it as it was.
///
/// A namespace's `Terminating` is refused while it is not being deleted, so its status waits.
fn keep_when_deleted(object: &mut Value) -> Value {
    let as_written = object.clone();
    if text(object, "/kind") == "Namespace" {
        object["status"] = Value::Null;
    } else if object["metadata"]["finalizers"].as_array().is_none_or(Vec::is_empty) {
        object["metadata"]["finalizers"] = json!(["testbed.mlops/as-written"]);
    }
    as_written
}

fn owner_uids(object: &Value) -> impl Iterator<Item = &str> {
    object
        .pointer("/metadata/ownerReferences")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|owner| owner.get("uid").and_then(Value::as_str))
}

/// Moves every `observedGeneration` of a status by `by`, never below 0.
fn move_observed(status: &mut Value, by: i64) {
    match status {
        Value::Object(map) => {
            for (key, value) in map {
                match (key.as_str(), value.as_i64()) {
                    ("observedGeneration", Some(observed)) => *value = json!(observed.saturating_add(by).max(0)),
                    _ => move_observed(value, by),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| move_observed(value, by)),
        _ => {}
    }
}

/// The objects of a YAML text: its documents, and the items of its lists.
fn parse(yaml: &str) -> Result<Vec<Value>> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(yaml).map_err(|error| anyhow!("{error}"))?;
    let mut objects = Vec::new();
    for document in documents {
        match document.get("items").and_then(Value::as_array) {
            Some(items) if text(&document, "/kind").ends_with("List") => objects.extend(items.iter().cloned()),
            _ if document.is_null() => {}
            _ => objects.push(document),
        }
    }
    Ok(objects)
}

/// The YAML files of a folder, also of the folders in it, sorted by path.
fn yaml_files(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).with_context(|| format!("reading {}", path.display()))? {
        let entry = entry?.path();
        if entry.is_dir() {
            files.extend(yaml_files(&entry)?);
        } else if entry
            .extension()
            .is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension == *known))
        {
            files.push(entry);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_and_lists_are_taken_apart() {
        let objects = parse("kind: A\n---\n# nothing\n---\nkind: List\nitems: [{kind: B}, {kind: C}]\n").expect("YAML");
        let kinds: Vec<&str> = objects.iter().map(|object| text(object, "/kind")).collect();
        assert_eq!(kinds, ["A", "B", "C"]);
    }

    #[test]
    fn an_observed_generation_stays_as_far_behind() {
        let mut status = json!({"observedGeneration": 6, "conditions": [{"observedGeneration": 7}], "replicas": 6});
        move_observed(&mut status, 1 - 7);
        assert_eq!(status, json!({"observedGeneration": 0, "conditions": [{"observedGeneration": 1}], "replicas": 6}));
    }
}

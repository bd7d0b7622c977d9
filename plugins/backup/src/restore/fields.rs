//! What an object loses before it is made again: one row a rule, with a test each in `fields_tests.rs`.

use super::order::RBAC;
use super::{asleep, finalizers};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What the rules go by.
#[derive(Debug, Default, Clone)]
pub(crate) struct Context {
    /// Volumes that a claim may be bound to again: those that are kept when their claim goes.
    pub(crate) volumes: BTreeSet<String>,
    /// Namespaces that are restored under another name.
    pub(crate) namespaces: BTreeMap<String, String>,
    /// Whether it is only tried.
    pub(crate) trial: Trial,
}

/// Whether objects are made to stay.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trial {
    /// They are.
    #[default]
    No,
    /// The API server is only asked about them.
    Asked,
    /// They are made, asleep, and deleted again.
    Asleep,
}

/// A rule.
pub(crate) struct Rule {
    /// What it is about; each has a test by that name.
    #[cfg_attr(not(test), expect(dead_code, reason = "the tests hold each rule to a case by its name"))]
    pub(crate) name: &'static str,
    /// Group and kind; `None` for all.
    kind: Option<(&'static str, &'static str)>,
    apply: fn(&mut Value, &Context),
}

const fn all(name: &'static str, apply: fn(&mut Value, &Context)) -> Rule {
    Rule { name, kind: None, apply }
}

const fn of(name: &'static str, kind: (&'static str, &'static str), apply: fn(&mut Value, &Context)) -> Rule {
    Rule { name, kind: Some(kind), apply }
}

/// The rules, in their order.
pub(crate) const RULES: &[Rule] = &[
    all("identity", identity),
    all("status", |object, _| drop(take(object, "", "status"))),
    all("finalizers", finalizers),
    // Those that go by the namespace of the backup come before it changes.
    all("labels of Flux in another namespace", labels_of_flux),
    of("volume of a claim", ("", "PersistentVolumeClaim"), volume_of_claim),
    of("accounts of a binding", (RBAC, "RoleBinding"), accounts_of_binding),
    all("namespace", namespace),
    of("finalizers of namespaces", ("", "Namespace"), |object, _| drop(take(object, "/spec", "finalizers"))),
    of("addresses of services", ("", "Service"), addresses),
    of("node ports of services", ("", "Service"), node_ports),
    of("claim of a volume", ("", "PersistentVolume"), claim_of_volume),
    of("node of a pod", ("", "Pod"), node_of_pod),
    of("selector of a job", ("batch", "Job"), selector_of_job),
    of("tokens of an account", ("", "ServiceAccount"), tokens_of_account),
    of("token in a secret", ("", "Secret"), token_in_secret),
    of("revision of a deployment", ("apps", "Deployment"), revision),
    all("trial", asleep::quieten),
];

/// The object as it is to be made. Owner references stay as they were: their UIDs are known only later.
pub(crate) fn prepare(mut object: Value, context: &Context) -> Value {
    let (group, kind) = group_and_kind(&object);
    for rule in RULES {
        if rule.kind.is_none_or(|(in_group, known)| in_group == group && known == kind) {
            (rule.apply)(&mut object, context);
        }
    }
    // Goes last: rules look into it.
    take(&mut object, "/metadata", "managedFields");
    object
}

/// What two objects must have in common to count as equal: everything but owners, whose UIDs differ between clusters.
pub(crate) fn comparable(object: Value, context: &Context) -> Value {
    let mut object = prepare(object, context);
    take(&mut object, "/metadata", "ownerReferences");
    for place in ["labels", "annotations", "finalizers"] {
        let is_empty =
            |value: &Value| value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty);
        if object.pointer(&format!("/metadata/{place}")).is_some_and(is_empty) {
            take(&mut object, "/metadata", place);
        }
    }
    object
}

/// What is written through the status subresource: what an operator cannot find out again. Strimzi formats the disks of
/// brokers with the cluster's id and their node ids.
pub(crate) fn status(object: &Value) -> Option<Value> {
    let (group, kind) = group_and_kind(object);
    let fields: &[&str] = match (&*group, &*kind) {
        ("kafka.strimzi.io", "Kafka") => &["clusterId"],
        ("kafka.strimzi.io", "KafkaNodePool") => &["clusterId", "nodeIds"],
        _ => return None,
    };
    let status = object.get("status")?;
    let kept: Map<String, Value> =
        fields.iter().filter_map(|field| Some(((*field).to_owned(), status.get(field)?.clone()))).collect();
    (!kept.is_empty()).then_some(Value::Object(kept))
}

/// The annotation that holds Strimzi off a Kafka.
pub(crate) const PAUSE: &str = "strimzi.io/pause-reconciliation";

/// What the annotation says in the backup; `None` without one.
pub(crate) fn pause(object: &Value) -> Option<&str> {
    object.pointer("/metadata/annotations")?.get(PAUSE)?.as_str()
}

/// Whether an object must be kept from its operator until its status is there. Strimzi takes nothing but `true`, in
/// capitals or not, for a pause (`Annotations.booleanAnnotation`).
pub(crate) fn must_pause(object: &Value) -> bool {
    let is_kafka = group_and_kind(object) == ("kafka.strimzi.io".to_owned(), "Kafka".to_owned());
    is_kafka && status(object).is_some() && !pause(object).is_some_and(|word| word.eq_ignore_ascii_case("true"))
}

/// An object that must be kept from its operator as a run makes it, before it is finished.
pub(crate) fn held(mut object: Value) -> Value {
    annotate(&mut object, PAUSE, "true");
    object
}

/// Sets an annotation.
pub(crate) fn annotate(object: &mut Value, key: &str, value: &str) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
        if annotations.is_null() {
            *annotations = json!({});
        }
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.insert(key.to_owned(), value.into());
        }
    }
}

/// Who set which field, but for the status, which is not restored.
pub(crate) fn managers(object: &Value) -> Vec<Value> {
    let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array);
    let is_of_status = |entry: &Value| entry.get("subresource").and_then(Value::as_str) == Some("status");
    entries.into_iter().flatten().filter(|entry| !is_of_status(entry)).cloned().collect()
}

/// The group and the kind that an object names.
pub(crate) fn group_and_kind(object: &Value) -> (String, String) {
    let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
    let group = text("apiVersion").split_once('/').map_or("", |(group, _)| group);
    (group.to_owned(), text("kind").to_owned())
}

/// Its controller counts rollouts anew.
fn revision(object: &mut Value, _: &Context) {
    take(object, "/metadata/annotations", "deployment.kubernetes.io/revision");
}

pub(super) fn take(object: &mut Value, pointer: &str, key: &str) -> Option<Value> {
    object.pointer_mut(pointer)?.as_object_mut()?.remove(key)
}

fn text<'v>(object: &'v Value, pointer: &str) -> &'v str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// What the API server gives every object anew.
fn identity(object: &mut Value, _: &Context) {
    for field in [
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
        "generateName",
    ] {
        take(object, "/metadata", field);
    }
}

fn finalizers(object: &mut Value, _: &Context) {
    let dropped = finalizers::dropped(object);
    let Some(mut list) = take(object, "/metadata", "finalizers") else { return };
    if let Some(items) = list.as_array_mut() {
        items.retain(|item| !item.as_str().is_some_and(|name| dropped.contains(name)));
        if !items.is_empty() {
            object["metadata"]["finalizers"] = list;
        }
    }
}

/// Where an object says which namespace it is of.
fn field_of_namespace(object: &Value) -> &'static str {
    let is_namespace = group_and_kind(object) == (String::new(), "Namespace".to_owned());
    if is_namespace { "/metadata/name" } else { "/metadata/namespace" }
}

/// Whether an object of the backup goes into another namespace, or one of the cluster is there.
fn is_mapped(object: &Value, context: &Context) -> bool {
    let namespace = text(object, field_of_namespace(object));
    context.namespaces.iter().any(|(from, to)| from == namespace || to == namespace)
}

fn namespace(object: &mut Value, context: &Context) {
    let field = field_of_namespace(object);
    let Some(target) = context.namespaces.get(text(object, field)).cloned() else { return };
    if let Some(place) = object.pointer_mut(field) {
        *place = target.clone().into();
    }
    if let Some(label) = object.pointer_mut("/metadata/labels/kubernetes.io~1metadata.name") {
        *label = target.into();
    }
}

/// A copy in another namespace is not what Flux or Helm deployed.
fn labels_of_flux(object: &mut Value, context: &Context) {
    if !is_mapped(object, context) {
        return;
    }
    for place in ["labels", "annotations"] {
        if let Some(all) = object.pointer_mut(&format!("/metadata/{place}")).and_then(Value::as_object_mut) {
            all.retain(|key, _| {
                !["kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/", "meta.helm.sh/"]
                    .iter()
                    .any(|prefix| key.starts_with(prefix))
            });
        }
    }
}

fn addresses(object: &mut Value, _: &Context) {
    if text(object, "/spec/clusterIP") != "None" {
        take(object, "/spec", "clusterIP");
        take(object, "/spec", "clusterIPs");
    }
}

/// Ports of nodes stay where somebody asked for them, which managedFields tell: those that the API server chose are
/// nobody's.
fn node_ports(object: &mut Value, _: &Context) {
    let asked: Vec<Value> =
        managers(object).iter().filter_map(|entry| entry.pointer("/fieldsV1/f:spec").cloned()).collect();
    if !asked.iter().any(|spec| spec.get("f:healthCheckNodePort").is_some()) {
        take(object, "/spec", "healthCheckNodePort");
    }
    let is_asked = |port: &Value| {
        asked.iter().filter_map(|spec| spec.get("f:ports")?.as_object()).flatten().any(|(key, fields)| {
            let key: Option<Value> = key.strip_prefix("k:").and_then(|key| serde_json::from_str(key).ok());
            let fits = |key: &Value| key.get("port") == port.get("port") && key.get("protocol") == port.get("protocol");
            key.as_ref().is_some_and(fits) && fields.get("f:nodePort").is_some()
        })
    };
    if let Some(ports) = object.pointer_mut("/spec/ports").and_then(Value::as_array_mut) {
        for port in ports {
            if !is_asked(port)
                && let Some(port) = port.as_object_mut()
            {
                port.remove("nodePort");
            }
        }
    }
}

fn claim_of_volume(object: &mut Value, _: &Context) {
    for field in ["uid", "resourceVersion"] {
        take(object, "/spec/claimRef", field);
    }
    binding(object);
}

/// Annotations with which the controller of volumes remembers what it bound.
fn binding(object: &mut Value) {
    for key in [
        "pv.kubernetes.io/bind-completed",
        "pv.kubernetes.io/bound-by-controller",
        "volume.beta.kubernetes.io/storage-provisioner",
        "volume.kubernetes.io/storage-provisioner",
        "volume.kubernetes.io/selected-node",
    ] {
        take(object, "/metadata/annotations", key);
    }
}

fn volume_of_claim(object: &mut Value, context: &Context) {
    binding(object);
    if is_mapped(object, context) || !context.volumes.contains(text(object, "/spec/volumeName")) {
        take(object, "/spec", "volumeName");
    }
}

/// Where it ran and with what number of priority, and the volume with its token: admission gives all of these anew.
fn node_of_pod(object: &mut Value, _: &Context) {
    for field in ["nodeName", "priority"] {
        take(object, "/spec", field);
    }
    let account = text(object, "/spec/serviceAccountName").to_owned();
    let is_token = |name: &str| {
        name.starts_with("kube-api-access-") || (!account.is_empty() && name.starts_with(&format!("{account}-token-")))
    };
    let drop_tokens = |list: Option<&mut Value>| {
        if let Some(items) = list.and_then(Value::as_array_mut) {
            items.retain(|item| !item.get("name").and_then(Value::as_str).is_some_and(&is_token));
        }
    };
    drop_tokens(object.pointer_mut("/spec/volumes"));
    for containers in ["/spec/containers", "/spec/initContainers"] {
        for container in object.pointer_mut(containers).and_then(Value::as_array_mut).into_iter().flatten() {
            drop_tokens(container.get_mut("volumeMounts"));
        }
    }
}

/// The API server selects the pods of a Job by its UID, and refuses labels with another one.
fn selector_of_job(object: &mut Value, _: &Context) {
    if object.pointer("/spec/manualSelector").and_then(Value::as_bool) == Some(true) {
        return;
    }
    take(object, "/spec", "selector");
    for labels in ["/metadata/labels", "/spec/template/metadata/labels"] {
        for key in ["controller-uid", "batch.kubernetes.io/controller-uid"] {
            take(object, labels, key);
        }
    }
}

fn tokens_of_account(object: &mut Value, _: &Context) {
    let prefix = format!("{}-token-", text(object, "/metadata/name"));
    let Some(mut list) = take(object, "", "secrets") else { return };
    if let Some(items) = list.as_array_mut() {
        items.retain(|item| !text(item, "/name").starts_with(&prefix));
        if !items.is_empty() {
            object["secrets"] = list;
        }
    }
}

/// A token is of the account's UID: the controller writes a new one.
fn token_in_secret(object: &mut Value, _: &Context) {
    if text(object, "/type") == "kubernetes.io/service-account-token" {
        for key in ["token", "ca.crt", "namespace"] {
            take(object, "/data", key);
        }
        take(object, "/metadata/annotations", "kubernetes.io/service-account.uid");
    }
}

/// Accounts of the namespace by their names, and as users and groups.
fn accounts_of_binding(object: &mut Value, context: &Context) {
    if !is_mapped(object, context) {
        return;
    }
    for subject in object.get_mut("subjects").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(target) = context.namespaces.get(text(subject, "/namespace")) {
            subject["namespace"] = target.as_str().into();
        }
        let name = text(subject, "/name");
        let account = name.strip_prefix("system:serviceaccount:").and_then(|it| it.split_once(':'));
        let renamed = match (account, name.strip_prefix("system:serviceaccounts:")) {
            (Some((from, account)), _) => {
                context.namespaces.get(from).map(|to| format!("system:serviceaccount:{to}:{account}"))
            }
            (None, Some(from)) => context.namespaces.get(from).map(|to| format!("system:serviceaccounts:{to}")),
            (None, None) => None,
        };
        if let Some(name) = renamed {
            subject["name"] = name.into();
        }
    }
}

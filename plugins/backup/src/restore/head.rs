//! What a restore keeps in memory of an object of an archive, and whether the object alone says that it is never restored.

use super::fields::group_and_kind;
use super::finalizers;
use crate::exclude;
use crate::secret::FIELD;
use mlops_shared::archive::{Class, Entry, Place};
use mlops_shared::object::Labels;
use serde_json::Value;

/// An object that another one names as its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) is_controller: bool,
}

/// An object of the archive, as far as a plan needs it. No value of a Secret is in here.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) place: Place,
    pub(crate) path: Box<str>,
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) uid: String,
    pub(crate) owners: Vec<Owner>,
    pub(crate) labels: Labels,
    pub(crate) class: Class,
    /// Why it is never restored.
    pub(crate) never: Option<&'static str>,
    /// Whether what it needs is not in the archive.
    pub(crate) is_hollow: bool,
    /// The namespace and name of the release that it says it is of, or that it is the record of.
    pub(crate) release: Option<(String, String)>,
    /// The group and kind that it defines.
    pub(crate) defines: Option<(String, String)>,
    /// Finalizers that it loses.
    pub(crate) finalizers: Box<[String]>,
    /// Whether it is a volume that is kept when its claim goes.
    pub(crate) is_kept_volume: bool,
    /// The name of a claim's volume; empty for others.
    pub(crate) volume: Box<str>,
    /// Whether it is an account that every namespace gets, with settings that nobody gives it again: pull secrets,
    /// annotations with the identity at a cloud.
    pub(crate) is_set_up: bool,
    /// Whether it asks for the token of an account, which a controller would write into it.
    pub(crate) is_token: bool,
}

fn text<'v>(object: &'v Value, pointer: &str) -> &'v str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

impl Head {
    /// What the plan needs of an object.
    pub(crate) fn new(entry: &Entry, object: &Value) -> Self {
        let place = entry.place();
        let (group, kind) = group_and_kind(object);
        let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array).into_iter().flatten();
        let owners = owners.map(|owner| Owner {
            api_version: text(owner, "/apiVersion").to_owned(),
            kind: text(owner, "/kind").to_owned(),
            name: text(owner, "/name").to_owned(),
            uid: text(owner, "/uid").to_owned(),
            is_controller: owner.get("controller").and_then(Value::as_bool) == Some(true),
        });
        let labels = object.pointer("/metadata/labels").and_then(Value::as_object).into_iter().flatten();
        let labels = labels.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)));
        let is = |in_group: &str, known: &str| group == in_group && kind == known;
        let defines = is("apiextensions.k8s.io", "CustomResourceDefinition")
            .then(|| (text(object, "/spec/group").to_owned(), text(object, "/spec/names/kind").to_owned()));
        Self {
            path: entry.path.clone(),
            api_version: text(object, "/apiVersion").to_owned(),
            uid: text(object, "/metadata/uid").to_owned(),
            owners: owners.collect(),
            labels: labels.collect(),
            class: entry.class,
            never: never(&group, &kind, object),
            is_hollow: is("", "Secret") && object.get(FIELD).is_some(),
            release: release(&group, &kind, object),
            defines,
            finalizers: finalizers::dropped(object).into_iter().collect(),
            is_kept_volume: is("", "PersistentVolume")
                && text(object, "/spec/persistentVolumeReclaimPolicy") == "Retain",
            volume: if is("", "PersistentVolumeClaim") { text(object, "/spec/volumeName").into() } else { "".into() },
            is_token: is("", "Secret") && text(object, "/type") == "kubernetes.io/service-account-token",
            is_set_up: is("", "ServiceAccount")
                && place.name == "default"
                && ["/imagePullSecrets", "/metadata/annotations"].iter().any(|at| object.pointer(at).is_some()),
            kind,
            place,
        }
    }

    /// Whether it is a namespace.
    pub(crate) fn is_namespace(&self) -> bool {
        self.place.group.is_empty() && self.kind == "Namespace"
    }

    /// Whether it is a record of a release of Helm.
    pub(crate) fn is_record(&self) -> bool {
        self.place.group.is_empty()
            && matches!(&*self.kind, "Secret" | "ConfigMap")
            && self.place.name.starts_with("sh.helm.release.v1.")
    }

    /// Whether its values may be what nobody else would write again: those of Secrets and claims, and of ConfigMaps that
    /// name an owner, for whoever made one may have given it away.
    pub(crate) fn holds_data(&self) -> bool {
        let is_settings = self.kind == "ConfigMap" && !self.owners.is_empty();
        self.place.group.is_empty() && (is_settings || matches!(&*self.kind, "Secret" | "PersistentVolumeClaim"))
    }
}

/// Whether an annotation of the object has some value.
fn annotation<'v>(object: &'v Value, key: &str) -> Option<&'v str> {
    object.pointer("/metadata/annotations")?.get(key)?.as_str()
}

/// Why an object is never restored, from what it says of itself. One row a reason, in `tests`.
fn never(group: &str, kind: &str, object: &Value) -> Option<&'static str> {
    if let Some(why) = exclude::of_kind(group, kind) {
        return Some(why);
    }
    if object.pointer("/metadata/deletionTimestamp").is_some() {
        return Some("it was being deleted when the backup was made");
    }
    match (group, kind) {
        ("", "Node") => Some("its kubelet registers it"),
        ("", "Pod") if annotation(object, "kubernetes.io/config.mirror").is_some() => Some("its kubelet makes it"),
        ("", "Pod") if matches!(text(object, "/status/phase"), "Succeeded" | "Failed") => Some("it has ended"),
        ("batch", "Job") if has_ended(object) => Some("it has ended"),
        ("", "PersistentVolume") if text(object, "/spec/persistentVolumeReclaimPolicy") == "Delete" => {
            Some("its disk goes with its claim, which gets a new volume")
        }
        ("", "Secret") if is_made_for_account(object) => Some("the token of an account, which gets a new one"),
        ("apiregistration.k8s.io", "APIService")
            if object.pointer("/metadata/labels/kube-aggregator.kubernetes.io~1automanaged").is_some() =>
        {
            Some("the API server makes it")
        }
        _ => None,
    }
}

fn has_ended(job: &Value) -> bool {
    let conditions = job.pointer("/status/conditions").and_then(Value::as_array);
    conditions
        .into_iter()
        .flatten()
        .any(|it| matches!(text(it, "/type"), "Complete" | "Failed") && text(it, "/status") == "True")
}

/// A Secret that the token controller made before Kubernetes 1.24: `ACCOUNT-token-xxxxx`.
fn is_made_for_account(secret: &Value) -> bool {
    let Some(account) = annotation(secret, "kubernetes.io/service-account.name") else { return false };
    let suffix = text(secret, "/metadata/name").strip_prefix(&format!("{account}-token-"));
    text(secret, "/type") == "kubernetes.io/service-account-token" && suffix.is_some_and(|suffix| suffix.len() == 5)
}

/// Where Helm keeps which release: of a record of it, or as annotations name it.
fn release(group: &str, kind: &str, object: &Value) -> Option<(String, String)> {
    let namespace = text(object, "/metadata/namespace");
    match (group, kind) {
        ("", "Secret") if text(object, "/type") == "helm.sh/release.v1" => {
            let name = text(object, "/metadata/labels/name");
            Some((namespace.to_owned(), name.to_owned())).filter(|_| !name.is_empty())
        }
        // helm-controller: storageNamespace and the release's name default to what these say.
        ("helm.toolkit.fluxcd.io", "HelmRelease") => {
            let or = |one: &str, other: &str| if one.is_empty() { other.to_owned() } else { one.to_owned() };
            let target = text(object, "/spec/targetNamespace");
            let own = text(object, "/metadata/name");
            let composed = if target.is_empty() { own.to_owned() } else { format!("{target}-{own}") };
            Some((
                or(text(object, "/spec/storageNamespace"), namespace),
                or(text(object, "/spec/releaseName"), &composed),
            ))
        }
        _ => {
            let name = annotation(object, "meta.helm.sh/release-name")?;
            Some((
                annotation(object, "meta.helm.sh/release-namespace").unwrap_or(namespace).to_owned(),
                name.to_owned(),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mlops_shared::archive::Digest;
    use serde_json::json;

    fn never_of(object: Value) -> Option<&'static str> {
        let (group, kind) = group_and_kind(&object);
        never(&group, &kind, &object)
    }

    #[test]
    fn each_reason_has_its_object() {
        let v1 = |kind: &str, mut rest: Value| {
            rest["apiVersion"] = "v1".into();
            rest["kind"] = kind.into();
            rest
        };
        let token = |name: &str| {
            v1(
                "Secret",
                json!({"type": "kubernetes.io/service-account-token", "metadata": {"name": name,
                "annotations": {"kubernetes.io/service-account.name": "sa"}}}),
            )
        };
        let job = |status: &str| json!({"apiVersion": "batch/v1", "kind": "Job", "status": {"conditions": [{"type": "Complete", "status": status}]}});
        for (object, why) in [
            (v1("Event", json!({})), Some("events")),
            (v1("ConfigMap", json!({"metadata": {"deletionTimestamp": "t"}})), Some("being deleted")),
            (v1("Node", json!({})), Some("registers")),
            (v1("Pod", json!({"metadata": {"annotations": {"kubernetes.io/config.mirror": "x"}}})), Some("kubelet")),
            (v1("Pod", json!({"status": {"phase": "Failed"}})), Some("ended")),
            (v1("Pod", json!({"status": {"phase": "Running"}})), None),
            (job("True"), Some("ended")),
            (job("False"), None),
            (v1("PersistentVolume", json!({"spec": {"persistentVolumeReclaimPolicy": "Delete"}})), Some("disk")),
            (v1("PersistentVolume", json!({"spec": {"persistentVolumeReclaimPolicy": "Retain"}})), None),
            (token("sa-token-abcde"), Some("token")),
            (token("made-by-hand"), None),
            (
                json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
                    "metadata": {"labels": {"kube-aggregator.kubernetes.io/automanaged": "onstart"}}}),
                Some("API server"),
            ),
        ] {
            let found = never_of(object.clone());
            assert!(found.is_some() == why.is_some() && found.unwrap_or("").contains(why.unwrap_or("")), "{object}");
        }
    }

    #[test]
    fn releases_are_known_by_their_record_their_object_and_their_annotations() {
        let of = |object: Value| {
            let (group, kind) = group_and_kind(&object);
            release(&group, &kind, &object)
        };
        let pair = |namespace: &str, name: &str| Some((namespace.to_owned(), name.to_owned()));
        assert_eq!(
            of(json!({"apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
                "metadata": {"namespace": "a", "labels": {"name": "web"}}})),
            pair("a", "web")
        );
        let helm_release = |spec: Value| {
            of(json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
                "metadata": {"namespace": "a", "name": "web"}, "spec": spec}))
        };
        assert_eq!(helm_release(json!({})), pair("a", "web"));
        assert_eq!(helm_release(json!({"targetNamespace": "b"})), pair("a", "b-web"));
        assert_eq!(helm_release(json!({"releaseName": "x", "storageNamespace": "c"})), pair("c", "x"));
        assert_eq!(
            of(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "a", "annotations": {
                "meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "b"}}})),
            pair("b", "web")
        );
    }

    #[test]
    fn a_secret_without_values_is_hollow_and_a_head_holds_none() {
        let place = Place { group: String::new(), resource: "secrets".into(), namespace: "a".into(), name: "s".into() };
        let entry = Entry { path: place.path().into(), digest: Digest::of(b""), bytes: 0, class: Class::Nobody };
        let hollow = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "mlopsValues": {}});
        assert!(Head::new(&entry, &hollow).is_hollow);
        let full = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"k": "CANARY"}});
        let head = Head::new(&entry, &full);
        assert!(!head.is_hollow && !format!("{head:?}").contains("CANARY"));
    }
}

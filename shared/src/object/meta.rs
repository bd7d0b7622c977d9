//! Metadata of an object, and references to objects.

use super::record::record;
use super::sym::{Labels, Sym, When, read_map};
use super::touch::Touched;
use serde::de::{Deserialize, Deserializer, Visitor};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

/// API group, version and kind.
#[derive(Debug, Default, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeMeta {
    /// The API group; empty for the core group.
    pub group: Sym,
    /// The kind.
    pub kind: Sym,
    /// The version it was read in.
    pub version: Sym,
}

impl TypeMeta {
    /// From `group/version` (or `version` alone for the core group) and a kind.
    pub fn new(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self { group: Sym::new(group), kind: Sym::new(kind), version: Sym::new(version) }
    }

    /// `group/version`, or `version` alone for the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_string() } else { format!("{}/{}", self.group, self.version) }
    }
}

/// An object's UID as 128 bits; zero when it has none (a manifest).
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(u128);

/// The upper half of UIDs that are made from names: no UUID has it.
const MADE: u128 = (u64::MAX as u128) << 64;

impl Uid {
    /// From the text form. Anything that is not a UUID is hashed: equal texts stay equal.
    pub fn new(text: &str) -> Self {
        if text.is_empty() {
            return Self(0);
        }
        if let Some(bits) = hexadecimal(text) {
            return Self(bits);
        }
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Self(u128::from(hasher.finish()) | 1)
    }

    /// One that follows from an object's names, for files that hold none.
    pub(super) fn of_names(names: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        names.hash(&mut hasher);
        Self(MADE | u128::from(hasher.finish()))
    }

    /// Whether there is none.
    pub fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Whether a server gave it: it is there, and was not made from names.
    pub fn is_given(self) -> bool {
        !self.is_none() && self.0 & MADE != MADE
    }
}

/// The bits of a UUID: 32 digits, between which stand four dashes.
fn hexadecimal(text: &str) -> Option<u128> {
    let digits = text.bytes().filter(|byte| *byte != b'-');
    let is_uuid = text.len() == 36 && digits.clone().count() == 32;
    is_uuid
        .then(|| digits.map(char::from).try_fold(0, |bits, digit| Some(bits << 4 | u128::from(digit.to_digit(16)?))))?
}

impl<'de> Deserialize<'de> for Uid {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Uid;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a UID")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Uid, E> {
                Ok(Uid::new(text))
            }
            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Uid, E> {
                Ok(Uid::new(&number.to_string()))
            }
        }
        // Not as a shared string: each is met once.
        input.deserialize_any(Reader)
    }
}

/// The identity of an object: what the cause graph and reports point with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectRef {
    /// API group; empty for the core group.
    pub group: Sym,
    /// Kind.
    pub kind: Sym,
    /// Namespace; empty for cluster-scoped objects.
    pub namespace: Sym,
    /// Name.
    pub name: Sym,
}

impl ObjectRef {
    /// A reference from its parts.
    pub fn new(group: &str, kind: &str, namespace: &str, name: &str) -> Self {
        Self { group: group.into(), kind: kind.into(), namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for ObjectRef {
    /// `Kind/namespace/name`, or `Kind/name` for cluster-scoped objects. Not made safe to print.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(out, "{}/{}", self.kind, self.name)
        } else {
            write!(out, "{}/{}/{}", self.kind, self.namespace, self.name)
        }
    }
}

record! {
    /// A reference to an owner.
    pub struct Owner {
        /// `group/version` of the owner.
        api_version: Sym,
        /// Its kind.
        kind: Sym,
        /// Its name.
        name: Sym,
        /// Its UID.
        uid: Uid,
        /// Whether it is the managing controller.
        controller: bool,
    }

    /// What is kept of `metadata`.
    pub struct Meta {
        /// Namespace; empty for cluster-scoped objects.
        namespace: Sym,
        /// Name.
        name: Sym,
        /// UID.
        uid: Uid,
        /// Generation of the spec.
        generation: Option<i64>,
        /// When it was created.
        creation_timestamp: When,
        /// When its deletion was asked for, grace period included.
        deletion_timestamp: When,
        /// What must happen before it goes.
        finalizers: Box<[Sym]>,
        /// Its owners.
        owner_references: Box<[Owner]>,
        /// Its labels.
        labels: Labels,
        /// The annotations that verdicts read; the others are dropped.
        annotations: Annotations,
        /// Who last held its controller off it.
        managed_fields: Touched,
    }
}

impl Meta {
    /// The managing controller, else the only owner.
    pub fn controller(&self) -> Option<&Owner> {
        let owners = &self.owner_references;
        owners.iter().find(|owner| owner.controller).or_else(|| if owners.len() == 1 { owners.first() } else { None })
    }
}

impl Owner {
    /// The owner's API group.
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// The owner's identity, as seen from an object in `namespace`.
    pub fn reference(&self, namespace: &Sym) -> ObjectRef {
        let namespace = if &*self.kind == "Node" { Sym::default() } else { namespace.clone() };
        ObjectRef { group: self.group().into(), kind: self.kind.clone(), namespace, name: self.name.clone() }
    }
}

/// Parts of annotation keys that some verdict reads. Others (checksums, applied manifests) are
/// dropped when an object is read: they can be a megabyte each.
const KEPT_ANNOTATIONS: &[&str] = &[
    "fluxcd.io/",
    "fluxcd.controlplane.io/",
    "strimzi.io/",
    "meta.helm.sh/",
    "helm.sh/",
    "storageclass.kubernetes.io/",
    "volume.kubernetes.io/",
    "volume.beta.kubernetes.io/",
    "deployment.kubernetes.io/revision",
    "cert-manager.io/",
    "keda.sh/",
    "serving.kserve.io/",
    "argocd.argoproj.io/",
    "rollout.argoproj.io/workload-generation",
    "kubeflow-resource-stopped",
    "kubernetes.io/ingress.class",
    "cnpg.io/",
    "autoscaling.alpha.kubernetes.io/conditions",
    "mlops.dev/",
];

fn is_kept(key: &str) -> bool {
    KEPT_ANNOTATIONS.iter().any(|part| key.contains(part))
}

/// The annotations that verdicts read.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Annotations(Labels);

impl Annotations {
    /// The value of `key`, if it is a kept one.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Annotations {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(pairs: I) -> Self {
        Self(pairs.into_iter().filter(|(key, _)| is_kept(key)).collect())
    }
}

impl<'de> Deserialize<'de> for Annotations {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        read_map(input, is_kept).map(Annotations)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uids_compare_by_value() {
        let uid = Uid::new("0b7c2d0e-9a43-4a57-8d0e-6c0b1f1a2b3c");
        assert_eq!(uid, Uid::new("0b7c2d0e-9a43-4a57-8d0e-6c0b1f1a2b3c"));
        assert_ne!(Uid::new("a"), Uid::new("b"));
        assert!(Uid::new("").is_none());
        assert!(Uid::new("a").is_given() && !Uid::of_names("a").is_given() && !Uid::of_names("a").is_none());
    }

    #[test]
    fn only_known_annotations_are_kept() {
        let meta: Meta = serde_json::from_str(
            r#"{"name":"x","annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}","strimzi.io/pause-reconciliation":"true"},"ownerReferences":null}"#,
        )
        .expect("meta");
        assert_eq!(meta.annotations.get("strimzi.io/pause-reconciliation"), Some("true"));
        assert_eq!(meta.annotations.get("kubectl.kubernetes.io/last-applied-configuration"), None);
    }
}

//! From a page of a list, as the API server wrote it, to a part of the archive.

use crate::secret::Redaction;
use crate::{exclude, inline};
use mlops_shared::archive::{Class, Digest, Entry, Json, Place, Secrets};
use mlops_shared::cluster::{ClusterError, Items, ServedKind};
use mlops_shared::object::{Body, Decoded, Meta, Object, Owner, Sym, Uid, decode_typed};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// How hard to compress. zstd's own default is 3, which takes twice the time and makes manifests a twelfth smaller.
const LEVEL: i32 = 1;
/// Most objects find room in so many bytes.
const ROOM: usize = 2048;

/// What became of a page.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// The entries of its objects, as a compressed part of the archive; empty without objects.
    pub(crate) part: Vec<u8>,
    /// What the index will say of them, once it is known who makes each again.
    pub(crate) saved: Vec<Entry>,
    /// The objects, as far as their managers can be found from them.
    pub(crate) objects: Vec<Object>,
    /// Objects that are not in the archive, by reason.
    pub(crate) left_out: BTreeMap<&'static str, u64>,
    /// Objects that hold credentials as plain text.
    pub(crate) credentials: u64,
}

/// Objects by their paths, as a backup would hold them.
pub(crate) type Objects = Vec<(Box<str>, Vec<u8>)>;

/// Group, kind, namespace and name of the objects that are wanted.
pub(crate) type Only = BTreeSet<(String, String, String, String)>;

/// Makes parts of pages.
pub(crate) struct Maker {
    only: Option<Arc<Only>>,
    secrets: Secrets,
    redaction: Redaction,
    compressor: Mutex<zstd::bulk::Compressor<'static>>,
}

impl Maker {
    /// # Errors
    /// When there is no memory for a compressor.
    pub(crate) fn new(secrets: Secrets, redaction: Redaction) -> std::io::Result<Self> {
        Ok(Self { only: None, secrets, redaction, compressor: Mutex::new(zstd::bulk::Compressor::new(LEVEL)?) })
    }

    /// Takes these objects only, where there are some.
    #[must_use]
    pub(crate) fn only(self, only: Option<Arc<Only>>) -> Self {
        Self { only, ..self }
    }

    /// The part that a page of this kind becomes.
    ///
    /// # Errors
    /// When it is no list, or an item no object.
    pub(crate) fn page(&self, kind: &ServedKind, items: Items<'_>) -> Result<Page, ClusterError> {
        let broken = |what: &str| ClusterError::BadAnswer(format!("{what} of {}", kind.ty.kind));
        let mut made = Page::default();
        let mut tar = tar::Builder::new(Vec::with_capacity(items.bytes() + items.bytes() / 2));
        items.each(|mut object: Json<'_>| {
            if let Some(why) = self.out(kind, &object) {
                *made.left_out.entry(why).or_default() += 1;
                return Ok(());
            }
            let (bytes, place) = self.canonical(kind, &mut object)?;
            if !is_secret(kind) && inline::has_credential(&object) {
                made.credentials += 1;
            }
            let path = place.path();
            append(&mut tar, &path, &bytes).map_err(|_| broken("an object that no archive takes"))?;
            let size = u32::try_from(bytes.len()).map_err(|_| broken("an object of more than 4 GiB"))?;
            let digest = Digest::of(&bytes);
            made.saved.push(Entry { path: path.into(), digest, bytes: size, class: Class::Unknown });
            made.objects.push(head(kind, &object, &bytes));
            Ok(())
        })?;
        if !made.saved.is_empty() {
            made.part = self.compress(tar.get_ref()).map_err(|_| broken("a page that cannot be compressed"))?;
        }
        Ok(made)
    }

    /// Paths and bytes of the objects of a page that a backup would hold.
    ///
    /// # Errors
    /// As [`Maker::page`].
    pub(crate) fn objects(&self, kind: &ServedKind, items: Items<'_>) -> Result<Objects, ClusterError> {
        let mut objects = Vec::new();
        items.each(|mut object: Json<'_>| {
            if self.out(kind, &object).is_none() {
                let (bytes, place) = self.canonical(kind, &mut object)?;
                objects.push((place.path().into_boxed_str(), bytes));
            }
            Ok(())
        })?;
        Ok(objects)
    }

    /// Why an object stays out.
    fn out(&self, kind: &ServedKind, object: &Json<'_>) -> Option<&'static str> {
        let (group, name) = (&*kind.ty.group, &*kind.ty.kind);
        match exclude::of_object(group, name, object) {
            None if !self.wants(group, name, object) => Some("it was not asked for"),
            None if is_secret(kind) && self.secrets == Secrets::Omitted => Some("Secrets were to be omitted"),
            why => why,
        }
    }

    /// The canonical bytes of an object and its place. What no backup holds of it is taken away.
    fn canonical(&self, kind: &ServedKind, object: &mut Json<'_>) -> Result<(Vec<u8>, Place), ClusterError> {
        let (group, name) = (&*kind.ty.group, &*kind.ty.kind);
        exclude::trim(group, name, object);
        if is_secret(kind) && self.secrets == Secrets::Names {
            self.redaction.apply(object);
        }
        let (namespace, own_name) = names(object);
        let place = Place { group: group.to_owned(), resource: kind.resource.clone(), namespace, name: own_name };
        if place.name.is_empty() {
            return Err(ClusterError::BadAnswer(format!("an object of {name} without a name")));
        }
        // Items of lists do not name their kind.
        object.set("apiVersion", Json::Text(kind.ty.api_version().into()));
        object.set("kind", Json::Text(name.to_owned().into()));
        let mut bytes = Vec::with_capacity(ROOM);
        object.write(&mut bytes);
        bytes.push(b'\n');
        Ok((bytes, place))
    }

    fn wants(&self, group: &str, kind: &str, object: &Json<'_>) -> bool {
        let Some(only) = &self.only else { return true };
        let (namespace, name) = names(object);
        only.contains(&(group.to_owned(), kind.to_owned(), namespace, name))
    }

    /// A frame of zstd.
    ///
    /// # Errors
    /// When there is no memory.
    pub(crate) fn compress(&self, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
        self.compressor.lock().unwrap_or_else(PoisonError::into_inner).compress(bytes)
    }
}

fn is_secret(kind: &ServedKind) -> bool {
    kind.ty.group.is_empty() && &*kind.ty.kind == "Secret"
}

/// An entry of tar that depends on nothing but its path and its content.
pub(crate) fn append(tar: &mut tar::Builder<Vec<u8>>, path: &str, bytes: &[u8]) -> std::io::Result<()> {
    tar.append_data(&mut header(bytes.len() as u64), path, bytes)
}

/// The head of such an entry, without its path.
pub(crate) fn header(bytes: u64) -> tar::Header {
    // Numbers are formatted as text, which is done once for those that are always the same.
    static SAME: LazyLock<tar::Header> = LazyLock::new(|| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(0o600);
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        header
    });
    let mut header = SAME.clone();
    header.set_size(bytes);
    header
}

/// What is kept of an object in memory: what managers mark in metadata, and of managers the lists of what they manage.
fn head(kind: &ServedKind, object: &Json<'_>, bytes: &[u8]) -> Object {
    let lists = matches!(
        (&*kind.ty.group, &*kind.ty.kind),
        ("kustomize.toolkit.fluxcd.io" | "helm.toolkit.fluxcd.io" | "fluxcd.controlplane.io", _)
            | ("argoproj.io", "Application")
    );
    if lists
        && let Ok(item) = serde_json::from_slice(bytes)
        && let Decoded::Object(object) = decode_typed(&kind.ty, item)
    {
        return object;
    }
    Object { ty: kind.ty.clone(), meta: Box::new(marks(object)), body: Body::Bare }
}

/// What `ownership` looks at of an object that manages nothing: names, UID, owners, labels and annotations.
fn marks(object: &Json<'_>) -> Meta {
    let metadata = object.get("metadata").unwrap_or(&Json::Null);
    let owners = metadata.get("ownerReferences").map_or(&[][..], Json::items).iter().map(|owner| Owner {
        api_version: text(owner, "apiVersion").into(),
        kind: text(owner, "kind").into(),
        name: text(owner, "name").into(),
        uid: Uid::new(text(owner, "uid")),
        controller: owner.get("controller") == Some(&Json::Bool(true)),
    });
    Meta {
        namespace: text(metadata, "namespace").into(),
        name: Sym::unshared(text(metadata, "name")),
        uid: Uid::new(text(metadata, "uid")),
        owner_references: owners.collect(),
        labels: pairs(metadata, "labels").collect(),
        annotations: pairs(metadata, "annotations").collect(),
        ..Meta::default()
    }
}

/// Namespace and name of an object.
fn names(object: &Json<'_>) -> (String, String) {
    let metadata = object.get("metadata").unwrap_or(&Json::Null);
    (text(metadata, "namespace").to_owned(), text(metadata, "name").to_owned())
}

fn text<'a>(map: &'a Json<'_>, key: &str) -> &'a str {
    map.get(key).and_then(Json::text).unwrap_or_default()
}

fn pairs<'a>(map: &'a Json<'_>, key: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let entries = map.get(key).map_or(&[][..], Json::entries);
    entries.iter().filter_map(|(key, value)| Some((&**key, value.text()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mlops_shared::object::TypeMeta;

    fn kind(api_version: &str, name: &str, resource: &str) -> ServedKind {
        ServedKind {
            ty: Arc::new(TypeMeta::new(api_version, name)),
            resource: resource.to_owned(),
            is_namespaced: true,
        }
    }

    fn page(maker: &Maker, kind: &ServedKind, items: &[&str]) -> Result<Page, ClusterError> {
        let page = format!(r#"{{"items":[{}]}}"#, items.join(","));
        maker.page(kind, Items::of(&kind.ty, page.as_bytes()))
    }

    fn plain(part: &[u8]) -> String {
        String::from_utf8(zstd::stream::decode_all(part).expect("zstd")).expect("UTF-8")
    }

    #[test]
    fn the_same_objects_make_the_same_part() {
        let maker = Maker::new(Secrets::Kept, Redaction::new(None)).expect("maker");
        let kind = kind("v1", "ConfigMap", "configmaps");
        let one = page(&maker, &kind, &[r#"{"metadata":{"name":"a","namespace":"n"},"data":{"b":"2","a":"1"}}"#]);
        let two = page(&maker, &kind, &[r#"{"data":{"a":"1", "b":"2"},"metadata":{"namespace":"n","name":"a"}}"#]);
        let (one, two) = (one.expect("page"), two.expect("page"));
        assert_eq!(one.part, two.part);
        assert_eq!(&*one.saved[0].path, "objects/core/configmaps/n/a.json");
        assert!(plain(&one.part).contains(r#"{"apiVersion":"v1","data":{"a":"1","b":"2"},"kind":"ConfigMap""#));
    }

    #[test]
    fn secrets_go_as_they_were_asked_for() {
        let item = r#"{"metadata":{"name":"a","namespace":"n"},"data":{"k":"Q0FOQVJZ"}}"#;
        let kind = kind("v1", "Secret", "secrets");
        let made = |secrets| {
            let maker = Maker::new(secrets, Redaction::new(None)).expect("maker");
            page(&maker, &kind, &[item]).expect("page")
        };
        assert!(plain(&made(Secrets::Kept).part).contains("Q0FOQVJZ"));
        let names = plain(&made(Secrets::Names).part);
        assert!(names.contains(r#""k":{"bytes":"1 to 7"}"#) && !names.contains("Q0FO"), "{names}");
        let omitted = made(Secrets::Omitted);
        assert!(omitted.part.is_empty() && omitted.saved.is_empty() && omitted.left_out.values().sum::<u64>() == 1);
    }

    #[test]
    fn what_is_no_object_is_an_error() {
        let maker = Maker::new(Secrets::Kept, Redaction::new(None)).expect("maker");
        let kind = kind("v1", "Pod", "pods");
        for item in ["{}", "[]", "5", "null", r#"{"metadata":{}}"#, r#"{"metadata":{"name":5}}"#] {
            assert!(page(&maker, &kind, &[item]).is_err(), "{item}");
        }
        assert!(page(&maker, &kind, &[]).expect("empty").part.is_empty());
    }
}

//! Which place in a tree sets a field of an object.

use super::kustomize::{FluxSpec, Occurrence, Walk, Wanted};
use super::place::{Obstacle, Origin, Place, SetBy};
use super::tree::{Tree, is_below, join};
use super::yaml::{Content, Node};
use crate::object::ObjectRef;
use crate::ownership::{FieldPath, Step};
use std::collections::BTreeSet;

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The object as it is in the cluster.
    pub object: &'a ObjectRef,
    /// The field.
    pub path: &'a FieldPath,
}

/// Where in the tree one begins.
#[derive(Debug, Clone, Copy)]
pub enum Root<'a> {
    /// With the Flux Kustomization that applies the object: its reference and its spec as the cluster has it.
    Flux(&'a ObjectRef, &'a serde_json::Value),
    /// With everything that the tree itself applies: the Flux Kustomizations in it, and the kustomizations that no
    /// other one lists.
    Everything,
}

/// The one place that sets a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// The place; what forbids to edit it is in there.
    pub place: Place,
    /// The places whose value it overrides.
    pub overridden: Vec<Place>,
    /// Where the object's manifest is: `apps/web.yaml:3`.
    pub manifest: String,
}

/// Why there is no such place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocateError {
    /// The folder that Flux applies is not there.
    #[error("the tree has no folder {folder:?}, which {by} applies")]
    NoFolder {
        /// The folder.
        folder: String,
        /// What names it.
        by: String,
    },
    /// Nothing in the tree makes the object.
    #[error("{object} is not in the tree{}", unread(.near, .gaps))]
    Absent {
        /// The object.
        object: String,
        /// Manifests of that kind and name which are not part of what is applied, or get another name or namespace.
        near: Vec<String>,
        /// What is part of the tree and was not read.
        gaps: Vec<String>,
    },
    /// The object is there, without the field.
    #[error("{manifest} does not set {field}")]
    Unset {
        /// Where the manifest is.
        manifest: String,
        /// The field.
        field: String,
    },
    /// Several places set it, and nobody can tell which one counts.
    #[error("{} set {field}", .places.join(" and "))]
    Several {
        /// The places.
        places: Vec<String>,
        /// The field.
        field: String,
    },
    /// Other roots make something of the same place: an edit would change that too.
    #[error("{place} sets {field} for {} too", .others.join(" and "))]
    Shared {
        /// The place.
        place: String,
        /// The field.
        field: String,
        /// The other roots.
        others: Vec<String>,
    },
    /// Something in the tree may set the field.
    #[error("nobody can tell what sets {field}: {}", .doubts.join("; "))]
    Unsure {
        /// The field.
        field: String,
        /// What may.
        doubts: Vec<String>,
    },
}

fn unread(near: &[String], gaps: &[String]) -> String {
    let list = |what: &[String], more: &str| match what {
        [] => String::new(),
        [first] => format!("; {first}"),
        [first, rest @ ..] => format!("; {first}, and {} more {more}", rest.len()),
    };
    format!("{}{}", list(near, "like it"), list(gaps, "not read"))
}

impl LocateError {
    /// What to do about it, for people.
    pub fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::NoFolder { .. } => "is --tree the repository that Flux fetches, at its branch?",
            Self::Absent { gaps, .. } if !gaps.is_empty() => {
                "parts of the tree were not read: the manifest may be there"
            }
            Self::Absent { .. } => "is --tree the repository that Flux fetches? A chart's manifests are in no tree",
            Self::Unset { .. } => "what Git does not set may be changed in the cluster, and stays",
            Self::Several { .. } => "edit the one that counts by hand, or take the other away",
            Self::Shared { .. } => {
                "set the field for the one alone, with `replicas:` or a patch in the kustomization of its own folder"
            }
            Self::Unsure { .. } => "edit it by hand; `kustomize build` shows what comes of it",
        };
        vec![hint.to_owned()]
    }
}

/// One thing that the tree applies.
struct Entry<'t> {
    name: String,
    folder: String,
    flux: Option<FluxSpec<'t>>,
}

impl Entry<'_> {
    fn is_same(&self, other: &Self) -> bool {
        match (&self.flux, &other.flux) {
            (Some(one), Some(two)) => (one.origin.file, one.origin.document) == (two.origin.file, two.origin.document),
            (None, None) => self.folder == other.folder,
            _ => false,
        }
    }
}

/// Finds the place that sets a field.
///
/// # Errors
/// When there is none, or not exactly one.
pub fn locate(tree: &Tree, target: Target<'_>, root: Root<'_>) -> Result<Located, LocateError> {
    let wanted = Wanted { group: &target.object.group, kind: &target.object.kind, path: target.path };
    let field = target.path.to_string();
    // Of a Flux Kustomization that is in no file, the spec as the cluster has it.
    let spec = match root {
        Root::Flux(_, spec) => super::yaml::parse(&spec.to_string()).documents.into_iter().next(),
        Root::Everything => None,
    };
    let all = entries(tree);
    let own: Vec<&Entry<'_>>;
    let (from_cluster, whole): (Entry<'_>, Entry<'_>);
    match (root, &spec) {
        (Root::Flux(by, _), Some(spec)) => {
            let folder = folder_of(&spec.node).filter(|folder| tree.has_folder(folder));
            let folder = folder.ok_or_else(|| LocateError::NoFolder {
                folder: spec.node.word("path").to_owned(),
                by: by.to_string(),
            })?;
            // Of clusters that share a tree each has a Kustomization of that name, with a path of its own.
            let in_tree = flux_kustomizations(tree).into_iter().find(|(name, namespace, flux)| {
                **name == *by.name
                    && (namespace.is_empty() || **namespace == *by.namespace)
                    && folder_of(flux.spec).as_deref() == Some(&folder)
            });
            let flux = match in_tree {
                Some((_, _, flux)) => flux,
                None => {
                    let outside = Some(format!("the spec of {by}"));
                    FluxSpec { spec: &spec.node, origin: Origin { outside, ..Origin::of("", 0) } }
                }
            };
            from_cluster = Entry { name: by.to_string(), folder, flux: Some(flux) };
            own = vec![&from_cluster];
        }
        // A pile of manifests is applied as it is.
        _ if all.is_empty() => {
            whole = Entry { name: "the tree".to_owned(), folder: String::new(), flux: None };
            own = vec![&whole];
        }
        _ => own = all.iter().collect(),
    }

    let mut gaps = tree.gaps().to_vec();
    let (mut found, mut near): (Vec<(&Entry<'_>, Occurrence)>, Vec<String>) = (Vec::new(), Vec::new());
    for entry in &own {
        let mut walk = Walk::new(tree, wanted);
        for it in walk.root(&entry.folder, entry.flux.as_ref()) {
            if is_it(&it, target.object) {
                found.push((entry, it));
            } else if it.names.iter().any(|name| *name == *target.object.name) {
                near.push(format!("{}:{} makes {}/{} of it", it.file, it.line, it.namespace(), it.name()));
            }
        }
        gaps.append(&mut walk.gaps);
    }
    // The same manifest by two ways is one.
    let effective = |it: &Occurrence| it.setters.last().cloned();
    let mut seen = Vec::new();
    found.retain(|(_, it)| {
        let key = (it.file.clone(), it.document, effective(it));
        let is_new = !seen.contains(&key);
        seen.push(key);
        is_new
    });
    let (entry, it) = match found.len() {
        0 => {
            near.extend(strays(tree, target, wanted, &own));
            near.dedup();
            gaps.dedup();
            return Err(LocateError::Absent { object: target.object.to_string(), near, gaps });
        }
        1 => found.remove(0),
        _ => {
            let place =
                |it: &Occurrence| effective(it).map_or(format!("{}:{}", it.file, it.line), |place| place.name());
            let places: BTreeSet<String> = found.iter().map(|(_, it)| place(it)).collect();
            return Err(LocateError::Several { places: places.into_iter().collect(), field });
        }
    };
    if !it.doubts.is_empty() {
        return Err(LocateError::Unsure { field, doubts: it.doubts });
    }
    let manifest = format!("{}:{}", it.file, it.line);
    let mut setters = it.setters;
    let Some(mut place) = setters.pop() else { return Err(LocateError::Unset { manifest, field }) };
    let others = others(tree, wanted, &all, entry, &place);
    if !others.is_empty() {
        return Err(LocateError::Shared { place: place.name(), field, others });
    }
    if let Some(Obstacle::Variable { name, set }) = &mut place.obstacle {
        *set = variable(tree, name, entry.flux.as_ref());
    }
    setters.reverse();
    Ok(Located { place, overridden: setters, manifest })
}

fn is_it(it: &Occurrence, object: &ObjectRef) -> bool {
    // What has no namespace is applied to `default`, where Flux does not say otherwise.
    let namespace = if it.namespace().is_empty() { "default" } else { it.namespace() };
    *it.name() == *object.name && (object.namespace.is_empty() || *namespace == *object.namespace)
}

/// The values of a HelmRelease that are called as replica counts are: the path in the HelmRelease, what is there, and
/// where. Which workload one is for, the chart knows.
pub fn replica_values(tree: &Tree, release: &ObjectRef, root: Root<'_>) -> Vec<(FieldPath, Place)> {
    let mut paths = Vec::new();
    for path in tree.paths() {
        for document in tree.documents(path) {
            let node = &document.node;
            if node.word("kind") == "HelmRelease"
                && *node.word_in("metadata", "name") == *release.name
                && let Some(values) = node.get("spec").and_then(|spec| spec.get("values"))
            {
                named_replicas(values, ".spec.values", &mut paths, 0);
            }
        }
    }
    paths.sort();
    paths.dedup();
    let located = paths.into_iter().filter_map(|path| {
        let path = FieldPath::parse(&path).ok()?;
        let found = locate(tree, Target { object: release, path: &path }, root).ok()?;
        Some((path, found.place))
    });
    located.collect()
}

fn named_replicas(node: &Node, path: &str, paths: &mut Vec<String>, depth: usize) {
    const DEPTH: usize = 16;
    const MOST: usize = 64;
    for (key, value) in node.entries() {
        let is_plain = key.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '-' | '_'));
        if !is_plain || key.is_empty() || depth > DEPTH || paths.len() >= MOST {
            continue;
        }
        let lower = key.to_ascii_lowercase();
        let is_named = matches!(lower.as_str(), "replicas" | "replicacount" | "replicascount");
        match &value.content {
            Content::Scalar { .. } if is_named => paths.push(format!("{path}.{key}")),
            Content::Map(_) => named_replicas(value, &format!("{path}.{key}"), paths, depth + 1),
            _ => {}
        }
    }
}

/// The folder of a Flux Kustomization's spec; without a path it is the root.
fn folder_of(spec: &Node) -> Option<String> {
    join("", spec.word("path").trim_start_matches('/'))
}

/// The Flux Kustomizations in the tree: name, namespace, spec.
fn flux_kustomizations(tree: &Tree) -> Vec<(&str, &str, FluxSpec<'_>)> {
    const GROUP: &str = "kustomize.toolkit.fluxcd.io/";
    let mut found = Vec::new();
    for path in tree.paths() {
        if !tree.text(path).is_some_and(|text| text.contains(GROUP)) {
            continue;
        }
        for (index, document) in tree.documents(path).iter().enumerate() {
            let node = &document.node;
            if node.word("kind") == "Kustomization"
                && node.word("apiVersion").starts_with(GROUP)
                && let Some(spec) = node.get("spec")
            {
                let origin = Origin { pointer: "/spec".to_owned(), ..Origin::of(path, index) };
                let (name, namespace) = (node.word_in("metadata", "name"), node.word_in("metadata", "namespace"));
                found.push((name, namespace, FluxSpec { spec, origin }));
            }
        }
    }
    found
}

/// What the tree applies: its Flux Kustomizations, and folders with a kustomization that no other one lists.
fn entries(tree: &Tree) -> Vec<Entry<'_>> {
    let mut entries = Vec::new();
    for (name, namespace, flux) in flux_kustomizations(tree) {
        if let Some(folder) = folder_of(flux.spec).filter(|folder| tree.has_folder(folder)) {
            let within = if namespace.is_empty() { String::new() } else { format!("{namespace}/") };
            let name = format!("Kustomization/{within}{name} ({})", flux.origin.file);
            entries.push(Entry { name, folder, flux: Some(flux) });
        }
    }
    let listed: BTreeSet<String> = tree.kustomized().into_iter().flat_map(|folder| lists(tree, folder)).collect();
    for folder in tree.kustomized() {
        let is_applied = |entry: &Entry<'_>| {
            entry.folder == folder || (tree.kustomization(&entry.folder).is_none() && is_below(folder, &entry.folder))
        };
        let is_component = tree
            .kustomization(folder)
            .is_some_and(|path| tree.documents(&path).first().is_some_and(|it| it.node.word("kind") == "Component"));
        if !listed.contains(folder) && !is_component && !entries.iter().any(is_applied) {
            let name = if folder.is_empty() { "the root".to_owned() } else { folder.to_owned() };
            entries.push(Entry { name, folder: folder.to_owned(), flux: None });
        }
    }
    entries
}

/// The folders that a folder's kustomization lists.
fn lists(tree: &Tree, folder: &str) -> Vec<String> {
    let Some(path) = tree.kustomization(folder) else { return Vec::new() };
    let Some(document) = tree.documents(&path).first() else { return Vec::new() };
    let words = ["resources", "bases", "components"].into_iter().flat_map(|key| document.node.words(key));
    words.filter_map(|entry| join(folder, entry.text()?)).collect()
}

/// The folders that are part of what a folder makes, itself included.
fn parts(tree: &Tree, folder: &str) -> BTreeSet<String> {
    let (mut parts, mut waiting) = (BTreeSet::new(), vec![folder.to_owned()]);
    while let Some(folder) = waiting.pop() {
        waiting.extend(lists(tree, &folder).into_iter().filter(|it| !parts.contains(it)));
        parts.insert(folder);
    }
    parts
}

/// Other roots for which the same place decides.
fn others(tree: &Tree, wanted: Wanted<'_>, all: &[Entry<'_>], own: &Entry<'_>, place: &Place) -> Vec<String> {
    let own_parts = parts(tree, &own.folder);
    let mut others = Vec::new();
    for entry in all {
        if entry.is_same(own) || own_parts.contains(&entry.folder) && entry.flux.is_none() {
            continue;
        }
        let is_around = entry.folder != own.folder && parts(tree, &entry.folder).contains(&own.folder);
        if is_around && entry.flux.is_none() {
            continue;
        }
        let found = Walk::new(tree, wanted).root(&entry.folder, entry.flux.as_ref());
        if found.iter().any(|it| it.setters.last().is_some_and(|other| other.is_at(place))) {
            others.push(entry.name.clone());
        }
    }
    others.sort();
    others.dedup();
    others
}

/// Manifests of the object that nothing applies.
fn strays(tree: &Tree, target: Target<'_>, wanted: Wanted<'_>, own: &[&Entry<'_>]) -> Vec<String> {
    let walk = Walk::new(tree, wanted);
    let mut strays = Vec::new();
    for path in tree.paths() {
        if !tree.text(path).is_some_and(|text| text.contains(&*target.object.name)) {
            continue;
        }
        for it in walk.manifests(path) {
            if *it.name() == *target.object.name {
                let whom = match own {
                    [one] => format!("{} does not make this object of it", one.name),
                    _ => "nothing here makes this object of it".to_owned(),
                };
                strays.push(format!("there is a manifest at {path}:{}, and {whom}", it.line));
            }
        }
    }
    strays
}

/// Where a variable is set: by the Flux Kustomization itself, or by ConfigMaps of the tree.
fn variable(tree: &Tree, name: &str, flux: Option<&FluxSpec<'_>>) -> Vec<String> {
    let Some(flux) = flux else { return Vec::new() };
    let Some(build) = flux.spec.get("postBuild") else { return Vec::new() };
    let mut set = Vec::new();
    if let Some(value) = build.get("substitute").and_then(|map| map.get(name)) {
        let wherever = flux.origin.outside.clone();
        set.push(wherever.unwrap_or_else(|| format!("{}:{}", flux.origin.file, value.line)));
    }
    for from in build.get("substituteFrom").map_or(&[][..], Node::items) {
        let (kind, object) = (from.word("kind"), from.word("name"));
        if kind != "ConfigMap" {
            // What a Secret holds is not looked at.
            set.push(format!("{kind}/{object}, perhaps"));
            continue;
        }
        let path = FieldPath::parse(&format!(".data[\"{name}\"]"));
        let steps = path.as_ref().map_or(&[] as &[Step], FieldPath::steps);
        let mut places = Vec::new();
        for path in tree.paths() {
            for (index, document) in tree.documents(path).iter().enumerate() {
                let node = &document.node;
                if node.word("kind") == "ConfigMap" && node.word_in("metadata", "name") == object {
                    let origin = Origin::of(path, index);
                    places.extend(super::place::place(tree, &origin, node, steps, SetBy::Manifest));
                }
            }
        }
        match places.as_slice() {
            [] => set.push(format!("ConfigMap/{object}, perhaps")),
            places => set.extend(places.iter().map(Place::name)),
        }
    }
    set
}

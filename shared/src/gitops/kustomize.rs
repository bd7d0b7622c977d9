//! What kustomize makes of a folder, as far as one kind's names, namespaces and one field are concerned. Nothing is
//! rendered: only what sets the field is followed, in kustomize's order.
//!
//! Order (kustomize api 0.21, `kusttarget.go` and `configureBuiltinTransformers`): resources, components, then
//! patchesStrategicMerge, patches, namespace, namePrefix, nameSuffix, patchesJson6902, replicas, replacements. Flux adds
//! the patches, components, names and namespace of its own Kustomization to that of the folder, or makes one that lists
//! every file where the folder has none (fluxcd/pkg, `kustomize_generator.go`).

use super::patch::{self, Does};
use super::place::{Origin, Place, SetBy, place};
use super::tree::{Tree, is_below, join};
use super::yaml::{Node, escape};
use crate::ownership::{FieldPath, Step};

/// Folders within folders.
const DEPTH: usize = 32;
/// Kustomizations that are looked into for one root; more are a loop or a game.
const MOST: usize = 10_000;

/// Which objects are followed, and which field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) group: &'a str,
    pub(super) kind: &'a str,
    pub(super) path: &'a FieldPath,
}

/// An object of that kind, as a folder makes it.
#[derive(Debug, Clone)]
pub(super) struct Occurrence {
    /// The names that it had, the last one is that which it gets.
    pub(super) names: Vec<String>,
    /// The same of namespaces; empty for none.
    pub(super) namespaces: Vec<String>,
    /// The version of its manifest: `v1`.
    pub(super) version: String,
    /// Where its manifest is.
    pub(super) file: String,
    pub(super) document: usize,
    pub(super) line: usize,
    /// What sets the field, the last one wins.
    pub(super) setters: Vec<Place>,
    /// What may set the field, and nobody can tell here.
    pub(super) doubts: Vec<String>,
}

impl Occurrence {
    pub(super) fn name(&self) -> &str {
        self.names.last().map_or("", String::as_str)
    }

    pub(super) fn namespace(&self) -> &str {
        self.namespaces.last().map_or("", String::as_str)
    }
}

/// The spec of a Flux Kustomization, with where it stands.
#[derive(Debug, Clone)]
pub(super) struct FluxSpec<'t> {
    pub(super) spec: &'t Node,
    pub(super) origin: Origin<'t>,
}

/// Walks folders.
pub(super) struct Walk<'t, 'a> {
    tree: &'t Tree,
    wanted: Wanted<'a>,
    /// What is part of the folders and was not read.
    pub(super) gaps: Vec<String>,
    /// The kustomizations that are open, outermost first.
    stack: Vec<String>,
    count: usize,
}

impl<'t, 'a> Walk<'t, 'a> {
    pub(super) fn new(tree: &'t Tree, wanted: Wanted<'a>) -> Self {
        Self { tree, wanted, gaps: Vec::new(), stack: Vec::new(), count: 0 }
    }

    /// What Flux makes of a folder.
    pub(super) fn root(&mut self, folder: &str, flux: Option<&FluxSpec<'t>>) -> Vec<Occurrence> {
        match self.tree.kustomization(folder) {
            Some(path) => self.kustomization(&path, Vec::new(), flux),
            None => {
                let mut found = self.every_file(folder);
                if let Some(flux) = flux {
                    self.transform(folder, None, &mut found, Some(flux));
                }
                found
            }
        }
    }

    /// A folder without a kustomization: its files, and the kustomizations of folders below it.
    fn every_file(&mut self, folder: &str) -> Vec<Occurrence> {
        let tree = self.tree;
        let mut inner: Vec<&str> = tree.kustomized().into_iter().filter(|it| is_below(it, folder)).collect();
        inner.sort_by_key(|folder| folder.len());
        let mut tops: Vec<&str> = Vec::new();
        for folder in inner {
            if !tops.iter().any(|top| is_below(folder, top)) {
                tops.push(folder);
            }
        }
        let mut found = Vec::new();
        for path in tree.paths().filter(|path| is_below(path, folder)) {
            if !tops.iter().any(|top| is_below(path, top)) {
                found.extend(self.manifests(path));
            }
        }
        for top in tops {
            if let Some(path) = tree.kustomization(top) {
                found.extend(self.kustomization(&path, Vec::new(), None));
            }
        }
        found
    }

    /// The objects of a file.
    pub(super) fn manifests(&self, path: &str) -> Vec<Occurrence> {
        let Some((path, _)) = self.tree.entry(path) else { return Vec::new() };
        let mut found = Vec::new();
        for (index, document) in self.tree.documents(path).iter().enumerate() {
            self.manifest(&document.node, &Origin::of(path, index), &mut found);
        }
        found
    }

    fn manifest(&self, node: &Node, origin: &Origin<'t>, found: &mut Vec<Occurrence>) {
        let kind = node.word("kind");
        if kind.ends_with("List")
            && let Some(items) = node.get("items").filter(|items| !items.items().is_empty())
        {
            for (index, item) in items.items().iter().enumerate() {
                let pointer = format!("{}/items/{index}", origin.pointer);
                self.manifest(item, &Origin { pointer, ..origin.clone() }, found);
            }
            return;
        }
        if kind != self.wanted.kind || patch::group(node.word("apiVersion")) != self.wanted.group {
            return;
        }
        found.push(Occurrence {
            names: vec![node.word_in("metadata", "name").to_owned()],
            namespaces: vec![node.word_in("metadata", "namespace").to_owned()],
            version: node.word("apiVersion").rsplit('/').next().unwrap_or_default().to_owned(),
            file: origin.file.to_owned(),
            document: origin.document,
            line: node.line,
            setters: place(self.tree, origin, node, self.wanted.path.steps(), SetBy::Manifest).into_iter().collect(),
            doubts: Vec::new(),
        });
    }

    /// What a kustomization makes of its resources and, where it is a component, of what is there already.
    fn kustomization(
        &mut self,
        path: &str,
        mut found: Vec<Occurrence>,
        flux: Option<&FluxSpec<'t>>,
    ) -> Vec<Occurrence> {
        self.count += 1;
        if self.stack.iter().any(|open| open == path) || self.stack.len() >= DEPTH || self.count > MOST {
            self.gaps.push(format!("{path} leads to itself, or too deep"));
            return found;
        }
        let Some((path, parsed)) = self.tree.entry(path) else { return found };
        if let Some(reason) = &parsed.broken {
            self.gaps.push(format!("{path}: {reason}"));
        }
        let Some(document) = parsed.documents.first() else { return found };
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        self.stack.push(path.to_owned());
        for key in ["resources", "bases"] {
            for entry in document.node.words(key) {
                found.extend(self.resource(folder, entry.text().unwrap_or_default(), path));
            }
        }
        for entry in document.node.words("components") {
            found = self.component(folder, entry.text().unwrap_or_default(), path, found);
        }
        if let Some(flux) = flux {
            for entry in flux.spec.words("components") {
                found = self.component(folder, entry.text().unwrap_or_default(), path, found);
            }
        }
        if document.node.get("helmCharts").is_some() {
            self.gaps.push(format!("{path}: charts that kustomize renders (helmCharts)"));
        }
        self.transform(folder, Some((path, &document.node)), &mut found, flux);
        self.stack.pop();
        found
    }

    fn resource(&mut self, folder: &str, entry: &str, of: &str) -> Vec<Occurrence> {
        let Some(path) = self.local(folder, entry, of) else { return Vec::new() };
        if self.tree.text(&path).is_some() {
            let broken = self.tree.parsed(&path).and_then(|parsed| parsed.broken.as_ref());
            if let Some(reason) = broken {
                self.gaps.push(format!("{path}: {reason}"));
            }
            return self.manifests(&path);
        }
        match self.tree.kustomization(&path) {
            Some(path) => self.kustomization(&path, Vec::new(), None),
            None => {
                let link = if self.tree.is_link(&path) { ", a symbolic link" } else { "" };
                self.gaps.push(format!("{path}{link}, which {of} lists, was not read"));
                Vec::new()
            }
        }
    }

    fn component(&mut self, folder: &str, entry: &str, of: &str, found: Vec<Occurrence>) -> Vec<Occurrence> {
        let path = self.local(folder, entry, of);
        match path.as_deref().and_then(|path| self.tree.kustomization(path)) {
            Some(path) => self.kustomization(&path, found, None),
            None => {
                // A component may patch everything.
                let doubt = format!("the component {entry} of {of} was not read, and may set it");
                self.gaps.push(doubt.clone());
                found
                    .into_iter()
                    .map(|it| Occurrence { doubts: [it.doubts, vec![doubt.clone()]].concat(), ..it })
                    .collect()
            }
        }
    }

    /// The path of an entry in the tree; `None` where it is not in it.
    fn local(&mut self, folder: &str, entry: &str, of: &str) -> Option<String> {
        let is_remote = entry.contains("://") || entry.contains("?ref=") || entry.starts_with("git@");
        let path = if is_remote { None } else { join(folder, entry) };
        let is_there =
            |path: &String| self.tree.text(path).is_some() || self.tree.has_folder(path) || self.tree.is_link(path);
        let path = path.filter(is_there);
        if path.is_none() {
            self.gaps.push(format!("{entry}, which {of} lists, is not in this tree"));
        }
        path
    }

    /// What the fields of a kustomization, and those of the Flux Kustomization above it, do to the objects.
    fn transform(
        &mut self,
        folder: &str,
        own: Option<(&'t str, &'t Node)>,
        found: &mut Vec<Occurrence>,
        flux: Option<&FluxSpec<'t>>,
    ) {
        let origin = own.map(|(path, _)| Origin::of(path, 0));
        let node = own.map(|(_, node)| node);
        if let (Some(node), Some(origin)) = (node, &origin) {
            for (index, entry) in node.get("patchesStrategicMerge").map_or(&[][..], Node::items).iter().enumerate() {
                let path = entry.text().and_then(|text| join(folder, text)).filter(|it| self.tree.text(it).is_some());
                match path {
                    Some(path) => self.patch_file(&path, None, found),
                    None => {
                        let pointer = format!("/patchesStrategicMerge/{index}");
                        self.patch_inline(entry, &Origin { pointer, ..origin.clone() }, None, found);
                    }
                }
            }
            self.patches(folder, node, "patches", "", origin, found);
        }
        if let Some(flux) = flux {
            let pointer = &flux.origin.pointer;
            self.patches(folder, flux.spec, "patches", pointer, &flux.origin, found);
        }
        let word = |key: &str| node.map_or("", |node| node.word(key));
        let above = |key: &str| flux.map_or("", |flux| flux.spec.word(key));
        let or = |above: &'t str, own: &'t str| if above.is_empty() { own } else { above };
        let namespace = or(above("targetNamespace"), word("namespace"));
        let prefix = or(above("namePrefix"), word("namePrefix"));
        let suffix = or(above("nameSuffix"), word("nameSuffix"));
        for it in found.iter_mut() {
            if !namespace.is_empty() {
                it.namespaces.push(namespace.to_owned());
            }
            if !prefix.is_empty() || !suffix.is_empty() {
                it.names.push(format!("{prefix}{}{suffix}", it.name()));
            }
        }
        if let (Some(node), Some(origin)) = (node, &origin) {
            self.patches(folder, node, "patchesJson6902", "", origin, found);
            self.replicas(node, origin, found);
            self.rest(node, origin, found);
        }
    }

    fn patches(
        &mut self,
        folder: &str,
        node: &'t Node,
        key: &str,
        pointer: &str,
        origin: &Origin<'t>,
        found: &mut Vec<Occurrence>,
    ) {
        let entries = node.get(key).map_or(&[][..], Node::items);
        for (index, entry) in entries.iter().enumerate() {
            let target = entry.get("target");
            if let Some(inline) = entry.get("patch") {
                let pointer = format!("{pointer}/{}/{index}/patch", escape(key));
                self.patch_inline(inline, &Origin { pointer, ..origin.clone() }, target, found);
                continue;
            }
            match join(folder, entry.word("path")).filter(|path| self.tree.text(path).is_some()) {
                Some(path) => self.patch_file(&path, target, found),
                None => {
                    let doubt =
                        format!("the patch {} of {} was not read, and may set it", entry.word("path"), origin.file);
                    found.iter_mut().for_each(|it| it.doubts.push(doubt.clone()));
                }
            }
        }
    }

    fn patch_file(&self, path: &str, target: Option<&Node>, found: &mut Vec<Occurrence>) {
        let Some((path, parsed)) = self.tree.entry(path) else { return };
        for (index, document) in parsed.documents.iter().enumerate() {
            self.patch(&document.node, &Origin::of(path, index), target, found);
        }
    }

    fn patch_inline(&self, inline: &'t Node, origin: &Origin<'t>, target: Option<&Node>, found: &mut Vec<Occurrence>) {
        let held = super::place::held(inline);
        if held.is_empty() {
            let doubt = format!("the patch on line {} of {} was not read, and may set it", inline.line, origin.file);
            found.iter_mut().for_each(|it| it.doubts.push(doubt.clone()));
        }
        for node in &held {
            self.patch(node, &Origin { inline: Some(inline), ..origin.clone() }, target, found);
        }
    }

    fn patch(&self, node: &Node, origin: &Origin<'_>, target: Option<&Node>, found: &mut Vec<Occurrence>) {
        found.retain_mut(|it| {
            let selects = patch::selects(node, target, self.wanted, it);
            if selects == Some(false) {
                return true;
            }
            let does = patch::does(self.tree, node, origin, self.wanted.path);
            let at = origin.inline.map_or(node.line, |inline| inline.line);
            let doubt = |what: &str| format!("{what} at {}:{at}", origin.file);
            match (does, selects) {
                (Does::Nothing, _) => {}
                (_, None) => it.doubts.push(doubt("nobody can tell whether this patch applies:")),
                (Does::Set(place), _) => it.setters.push(*place),
                (Does::Unset, _) => it.setters.clear(),
                (Does::Delete, _) => return false,
                (Does::Doubt, _) => it.doubts.push(doubt("nobody can tell what this patch does:")),
            }
            true
        });
    }

    /// `replicas:` names objects of four kinds by any name that they had.
    fn replicas(&self, node: &Node, origin: &Origin<'t>, found: &mut [Occurrence]) {
        let kinds = ["Deployment", "ReplicationController", "ReplicaSet", "StatefulSet"];
        let is_replicas =
            *self.wanted.path.steps() == [Step::Field("spec".to_owned()), Step::Field("replicas".to_owned())];
        if !is_replicas || !kinds.contains(&self.wanted.kind) {
            return;
        }
        for (index, entry) in node.get("replicas").map_or(&[][..], Node::items).iter().enumerate() {
            let pointer = format!("/replicas/{index}");
            let origin = Origin { pointer, ..origin.clone() };
            for it in found.iter_mut().filter(|it| it.names.iter().any(|name| name == entry.word("name"))) {
                let count = [Step::Field("count".to_owned())];
                it.setters.extend(place(self.tree, &origin, entry, &count, SetBy::Replicas));
            }
        }
    }

    /// What is not followed, and may set the field.
    fn rest(&self, node: &Node, origin: &Origin<'_>, found: &mut [Occurrence]) {
        let leaf = match self.wanted.path.steps().last() {
            Some(Step::Field(name) | Step::Member(name)) => name.as_str(),
            _ => "",
        };
        let doubt = |what: &str, line: usize| format!("{what} at {}:{line} may set it", origin.file);
        let mut doubts: Vec<String> = Vec::new();
        for key in ["transformers", "configurations", "vars"] {
            doubts.extend(node.get(key).map(|it| doubt(key, it.line)));
        }
        for entry in node.get("replacements").map_or(&[][..], Node::items) {
            let targets = entry.get("targets").map_or(&[][..], Node::items);
            let paths = targets.iter().flat_map(|target| target.words("fieldPaths"));
            let is_other = |path: &Node| {
                let text = path.text().unwrap_or_default();
                !leaf.is_empty() && !text.contains('*') && text.rsplit('.').next() != Some(leaf)
            };
            if !entry.word("path").is_empty() || !paths.into_iter().all(is_other) {
                doubts.push(doubt("a replacement", entry.line));
            }
        }
        found.iter_mut().for_each(|it| it.doubts.extend(doubts.iter().cloned()));
    }
}

//! Which images run or will run: of containers of every sort, of custom resources, of Helm values.

use crate::finding::Place;
use crate::network::workloads;
use crate::record::{Custom, Records, Workload};
use mlops_shared::object::{ObjectRef, Sym};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};

/// One image that an object uses.
#[derive(Debug, Clone, PartialEq)]
pub struct Used {
    /// The object: of pods the top controller.
    pub object: ObjectRef,
    /// That object's API version; empty where it is not known.
    pub api_version: Sym,
    /// Where in the object: `containers[kafka].image`.
    pub path: String,
    /// Other places in the object that name the same image.
    pub also: Vec<String>,
    /// Where it stands in a file.
    pub place: Option<Place>,
    /// The reference as it is written.
    pub image: String,
    /// `imagePullPolicy`; empty where it is not set.
    pub pull_policy: Sym,
    /// The digests under which pods run it, each with how many do. Only of pods that were read.
    pub running: BTreeMap<String, usize>,
}

/// Deeper than this nothing is looked for.
const DEPTH: usize = 16;

/// All images of a run, each once for an object: where several places in it name the same, the first one is told, and
/// of a custom resource its own field rather than the pods that its operator made of it. [`Records::used`] keeps them.
pub(crate) fn used(records: &Records) -> Vec<Used> {
    let mut all = Vec::new();
    // What belongs to an object that was read too repeats it.
    for custom in records.customs.iter().filter(|custom| !records.is_owned(&custom.head)) {
        of_custom(custom, &mut all);
    }
    for (object, members) in workloads(records) {
        of_workload(&object, &members, &mut all);
    }
    all.extend(records.images.iter().cloned());
    let mut places: HashMap<(String, String), usize> = HashMap::new();
    let mut merged: Vec<Used> = Vec::with_capacity(all.len());
    for used in all {
        let place = *places.entry((used.holder(), used.image.clone())).or_insert(merged.len());
        match merged.get_mut(place) {
            Some(first) => first.add(used),
            None => merged.push(used),
        }
    }
    merged
}

/// The images that Helm values in a file name, each at its place: `line` tells on which line a path begins.
pub(crate) fn in_values(values: &Value, file: &Sym, line: impl Fn(&str) -> Option<u32>) -> Vec<Used> {
    let mut found = BTreeMap::new();
    walk(values, "", DEPTH, &mut found);
    let used = found.into_iter().map(|(path, (image, policy))| Used {
        object: ObjectRef::new("", "", "", ""),
        api_version: Sym::default(),
        place: Some(Place { file: file.clone(), line: line(&path).unwrap_or_default() }),
        path: path.trim_start_matches('.').to_owned(),
        also: Vec::new(),
        image,
        pull_policy: policy.as_str().into(),
        running: BTreeMap::new(),
    });
    used.collect()
}

impl Used {
    /// What uses it, as it is told: the object, or the file where there is none.
    pub(crate) fn holder(&self) -> String {
        match &self.place {
            Some(place) if self.object.kind.is_empty() => place.file.to_string(),
            _ => self.object.to_string(),
        }
    }

    /// Takes in another place of the same object that names the same image.
    fn add(&mut self, other: Self) {
        if self.pull_policy.is_empty() {
            self.pull_policy = other.pull_policy;
        }
        for (digest, pods) in other.running {
            let count = self.running.entry(digest).or_default();
            // Two containers of one pod are one pod.
            *count = pods.max(*count);
        }
        self.also.push(other.path);
    }
}

fn of_workload(object: &ObjectRef, members: &[&Workload], all: &mut Vec<Used>) {
    let mut known: BTreeMap<(String, &Sym), Used> = BTreeMap::new();
    for member in members {
        let spec = &member.spec;
        let lists = [
            ("initContainers", &spec.init_containers),
            ("containers", &spec.containers),
            ("ephemeralContainers", &spec.ephemeral_containers),
        ];
        for (list, containers) in lists {
            for container in containers.iter().filter(|container| !container.image.is_empty()) {
                let path = format!("{list}[{}].image", container.name);
                let used = known.entry((path.clone(), &container.image)).or_insert_with(|| Used {
                    object: object.clone(),
                    api_version: own_version(object, member),
                    path,
                    also: Vec::new(),
                    place: member.head.place.clone(),
                    image: container.image.to_string(),
                    pull_policy: container.image_pull_policy.clone(),
                    running: BTreeMap::new(),
                });
                let runs = member.running.iter().filter(|running| running.name == container.name);
                for digest in runs.filter_map(|running| digest_of(&running.image_id)) {
                    *used.running.entry(digest).or_default() += 1;
                }
            }
        }
    }
    all.extend(known.into_values());
}

fn own_version(object: &ObjectRef, member: &Workload) -> Sym {
    let is_own = member.head.reference() == *object;
    if is_own { member.head.ty.api_version().as_str().into() } else { Sym::default() }
}

/// Repository and digest of an image's id as the kubelet tells it; `None` for the id of an image's
/// configuration, which is another thing than a digest in a registry.
fn digest_of(id: &str) -> Option<String> {
    let id = id.rsplit_once("://").map_or(id, |(_, rest)| rest);
    let (name, digest) = id.split_once('@')?;
    (!name.is_empty() && super::reference::is_digest(digest)).then(|| format!("{name}@{digest}"))
}

/// Kinds whose `image` is no image that runs: Flux' image automation watches repositories.
fn is_passed_over(custom: &Custom) -> bool {
    let ty = &custom.head.ty;
    matches!(&*ty.group, "image.toolkit.fluxcd.io" | "apiextensions.k8s.io" | "kyverno.io" | "kustomize.config.k8s.io")
}

fn of_custom(custom: &Custom, all: &mut Vec<Used>) {
    if is_passed_over(custom) {
        return;
    }
    let head = &custom.head;
    let mut found = BTreeMap::new();
    walk(&custom.content.spec, "spec", DEPTH, &mut found);
    all.extend(found.into_iter().map(|(path, (image, policy))| Used {
        object: head.reference(),
        api_version: head.ty.api_version().as_str().into(),
        path,
        also: Vec::new(),
        place: head.place.clone(),
        image,
        pull_policy: policy.as_str().into(),
        running: BTreeMap::new(),
    }));
}

/// Images in a value: `image` and `imageName` with a text, and the parts that Helm charts use (`registry`,
/// `repository`, `tag`, `digest`), by path, with the pull policy beside them.
fn walk(value: &Value, path: &str, depth: usize, found: &mut BTreeMap<String, (String, String)>) {
    if depth == 0 {
        return;
    }
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let name = item["name"].as_str().map_or_else(|| index.to_string(), str::to_owned);
                walk(item, &format!("{path}[{name}]"), depth - 1, found);
            }
        }
        Value::Object(fields) => {
            if let Some(image) = of_parts(fields) {
                found.insert(path.to_owned(), (image, text(fields, "pullPolicy").to_owned()));
            }
            if let Some(image) = of_strimzi(fields) {
                found.insert(format!("{path}.defaultImageTag"), (image, String::new()));
            }
            for (key, inner) in fields {
                let inner_path = format!("{path}.{key}");
                match inner {
                    Value::String(image) if matches!(key.as_str(), "image" | "imageName") => {
                        // With a registry, a repository or a tag beside it, it is a part of a name.
                        if !image.is_empty() && !fields.contains_key("tag") && !fields.contains_key("repository") {
                            found.insert(inner_path, (image.clone(), text(fields, "imagePullPolicy").to_owned()));
                        }
                    }
                    _ => walk(inner, &inner_path, depth - 1, found),
                }
            }
        }
        _ => {}
    }
}

fn text<'a>(fields: &'a Map<String, Value>, key: &str) -> &'a str {
    fields.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// An image of the parts that charts take. Without a tag or digest the chart has one of its own: not known.
fn of_parts(fields: &Map<String, Value>) -> Option<String> {
    let repository = text(fields, "repository");
    // A tag such as 2.10 that nobody quoted is a number to YAML: what was written is lost with its last zero.
    let tag = match fields.get("tag") {
        Some(Value::String(tag)) => tag.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let digest = text(fields, "digest");
    if repository.is_empty() || repository.contains("://") || (tag.is_empty() && digest.is_empty()) {
        return None;
    }
    let registry = text(fields, "registry");
    let slash = if registry.is_empty() { "" } else { "/" };
    let tag = if tag.is_empty() { String::new() } else { format!(":{tag}") };
    let digest = if digest.is_empty() { String::new() } else { format!("@{digest}") };
    Some(format!("{registry}{slash}{repository}{tag}{digest}"))
}

/// The operator's image of Strimzi's chart, which takes registry, repository and tag for all its images.
fn of_strimzi(fields: &Map<String, Value>) -> Option<String> {
    let tag = text(fields, "defaultImageTag");
    let part = |key: &str, default: &'static str| {
        Some(text(fields, key)).filter(|it| !it.is_empty()).unwrap_or(default).to_owned()
    };
    let (registry, repository) = (part("defaultImageRegistry", "quay.io"), part("defaultImageRepository", "strimzi"));
    (!tag.is_empty()).then(|| format!("{registry}/{repository}/operator:{tag}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::records;

    #[test]
    fn images_are_found_wherever_they_will_run() {
        let all = used(&records(
            "apiVersion: apps/v1
kind: Deployment
metadata: {name: a, namespace: n}
spec: {template: {spec: {initContainers: [{name: i, image: init:1}], containers: [{name: c, image: app:2}]}}}
---
{apiVersion: minio.min.io/v2, kind: Tenant, metadata: {name: t, namespace: n}, spec: {image: 'quay.io/minio/minio:x'}}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: h, namespace: n}
spec:
  values:
    image: {registry: docker.io, repository: bitnami/a, tag: '1.2', pullPolicy: Always}
    chart: {repository: 'https://charts.example.com', tag: x}
    sub: {image: {repository: b}, defaultImageTag: 0.43.0, defaultImageRepository: strimzi}
    git: {repository: c/d, digest: 'sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'}
---
{apiVersion: image.toolkit.fluxcd.io/v1, kind: ImageRepository, metadata: {name: r, namespace: n}, spec: {image: x/y}}
",
        ));
        let told: Vec<String> =
            all.iter().map(|used| format!("{} {} {}", used.object.name, used.path, used.image)).collect();
        assert_eq!(
            told,
            [
                "t spec.image quay.io/minio/minio:x",
                "h spec.values.git c/d@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                "h spec.values.image docker.io/bitnami/a:1.2",
                "h spec.values.sub.defaultImageTag quay.io/strimzi/operator:0.43.0",
                "a containers[c].image app:2",
                "a initContainers[i].image init:1",
            ]
        );
        assert_eq!(&*all[2].pull_policy, "Always");
    }

    #[test]
    fn what_an_operator_makes_of_an_object_is_told_of_the_object_once() {
        let all = used(&records(
            "{apiVersion: kafka.strimzi.io/v1, kind: KafkaConnect, metadata: {name: c, namespace: n, uid: k}, spec: {image: 'a/b:1'}}
---
apiVersion: core.strimzi.io/v1
kind: StrimziPodSet
metadata: {name: c-connect, namespace: n, uid: s, ownerReferences: [{kind: KafkaConnect, name: c, uid: k, controller: true}]}
spec: {pods: [{spec: {containers: [{name: x, image: 'a/b:1'}]}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: c-0, namespace: n, uid: p, ownerReferences: [{kind: StrimziPodSet, name: c-connect, uid: s, controller: true}]}
spec: {containers: [{name: x, image: 'a/b:1'}, {name: y, image: 'a/b:1'}]}
",
        ));
        assert_eq!(all.len(), 1, "{all:?}");
        assert_eq!((all[0].object.name.as_str(), all[0].path.as_str()), ("c", "spec.image"));
        assert_eq!(all[0].also, ["containers[x].image", "containers[y].image"]);
    }

    #[test]
    fn only_digests_of_registries_are_compared() {
        let digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        let whole = format!("quay.io/a/b@sha256:{digest}");
        assert_eq!(digest_of(&format!("docker-pullable://{whole}")), Some(whole.clone()));
        assert_eq!(digest_of(&whole), Some(whole));
        assert_eq!(digest_of(&format!("sha256:{digest}")), None);
        assert_eq!(digest_of(&format!("docker://sha256:{digest}")), None);
    }
}

//! The cause graph: from every finding to the one object that explains it.
//!
//! Nodes are the objects that are not well, and objects that are missing. An edge leads from an
//! effect to a cause: first what the effect's own verdict blames, then what the objects' relations
//! say. Every node follows its first edge; where that ends is its root.

use super::codes_of_graph::OBJECT_MISSING;
use super::expectations::Absence;
use crate::object::{Inventory, Lookup, Object, ObjectRef};
use crate::report::{Level, Verdict};
use std::collections::{BTreeMap, HashMap};

/// A node: the position of an object in the inventory, or of something absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Node {
    /// An object that was read.
    Object(usize),
    /// Something that is not there.
    Absent(usize),
}

/// A root and what it explains.
#[derive(Debug)]
pub struct Root {
    /// The root.
    pub node: Node,
    /// Its effects, most urgent first.
    pub explains: Vec<Node>,
}

/// Missing objects that verdicts blame, added to those that the platform file expects.
pub(super) fn add_missing(inventory: &Inventory, verdicts: &[Verdict], absences: &mut Vec<Absence>) {
    let mut wanted: BTreeMap<ObjectRef, Vec<usize>> = BTreeMap::new();
    for (index, verdict) in verdicts.iter().enumerate().filter(|(_, verdict)| verdict.level > Level::Ok) {
        for blamed in &verdict.blames {
            if matches!(inventory.find(blamed), Lookup::Missing) {
                wanted.entry(blamed.clone()).or_default().push(index);
            }
        }
    }
    for (object, by) in wanted {
        if absences.iter().any(|absence| absence.object == object) {
            continue;
        }
        let asks = if by.len() == 1 { "asks" } else { "ask" };
        let message = format!("is missing; {} {asks} for it", crate::text::plural(by.len(), "object"));
        let level = by.iter().map(|index| verdicts[*index].level).max().unwrap_or(Level::Fail);
        let since = by.iter().filter_map(|index| verdicts[*index].since).min();
        absences.push(Absence {
            object,
            area: crate::platform::Area::Cluster,
            verdict: Verdict::new(level, &OBJECT_MISSING, message).since(since),
        });
    }
}

/// The graph over one inventory.
pub(super) struct Graph<'a> {
    pub(super) inventory: &'a Inventory,
    pub(super) verdicts: &'a [Verdict],
    pub(super) absences: &'a [Absence],
}

impl<'a> Graph<'a> {
    pub(super) fn verdict(&self, node: Node) -> &'a Verdict {
        match node {
            Node::Object(index) => &self.verdicts[index],
            Node::Absent(index) => &self.absences[index].verdict,
        }
    }

    fn node_of(&self, reference: &ObjectRef) -> Option<Node> {
        match self.inventory.find(reference) {
            Lookup::Found(object) => self.inventory.position(object).map(Node::Object),
            Lookup::Missing | Lookup::Unread => {
                self.absences.iter().position(|absence| absence.object == *reference).map(Node::Absent)
            }
        }
    }

    /// Whether `cause` may explain `effect`: it is not well itself. What an object's own verdict
    /// blames may be milder than the effect; what mere relations suggest may not.
    fn may_explain(&self, cause: Node, effect: Node, is_blamed: bool) -> bool {
        let (cause_level, effect_level) = (self.verdict(cause).level, self.verdict(effect).level);
        cause != effect
            && cause_level > Level::Absent
            && (is_blamed || cause_level >= effect_level || cause_level == Level::Fail)
    }

    /// The causes that this node's relations suggest, likeliest first.
    fn related(&self, object: &'a Object) -> Vec<&'a Object> {
        let inventory = self.inventory;
        let mut causes: Vec<&Object> = Vec::new();
        if let Some(pod) = object.pod() {
            causes.extend(inventory.get("", "Node", "", &pod.node).found());
            let claims = pod.needs.iter().filter(|need| need.kind == "PersistentVolumeClaim");
            // The failed tries of a Job that gave up are told with the Job.
            if pod.is_finished() {
                let owner = object.meta.controller().and_then(|owner| inventory.by_uid(owner.uid));
                causes.extend(owner.filter(|owner| owner.is("batch", "Job")));
            }
            causes.extend(claims.filter_map(|need| {
                inventory.get("", "PersistentVolumeClaim", &object.meta.namespace, &need.name).found()
            }));
            // A Secret that is there is not what a pod lacks, whoever should refresh it.
            let secrets = pod.needs.iter().filter(|need| need.kind == "Secret");
            causes.extend(secrets.flat_map(|need| {
                let lookup = inventory.get("", "Secret", &object.meta.namespace, &need.name);
                let lacking = lookup.found().is_none();
                lacking.then(|| makers(inventory, &object.meta.namespace, &need.name)).into_iter().flatten()
            }));
            return causes;
        }
        if let crate::object::Body::Claim(claim) = &object.body {
            causes.extend(inventory.get("", "PersistentVolume", "", &claim.spec.volume_name).found());
            return causes;
        }
        if let crate::object::Body::DisruptionBudget(budget) = &object.body {
            let pods = inventory.in_namespace("", "Pod", &object.meta.namespace).iter();
            let selector = budget.spec.selector.as_ref();
            causes.extend(pods.filter(|pod| selector.is_some_and(|selector| selector.matches(&pod.meta.labels))));
            return causes;
        }
        if object.is("", "Namespace") && object.meta.deletion_timestamp.get().is_some() {
            // A namespace goes when the last object in it has gone.
            causes.extend(inventory.objects().iter().filter(|other| {
                other.meta.namespace == object.meta.name && other.meta.deletion_timestamp.get().is_some()
            }));
            return causes;
        }
        causes.extend(inventory.owned_by(object.meta.uid));
        let labelled = |kind: &(&str, &str), key: &str| -> Vec<&'a Object> {
            let all = inventory.in_namespace(kind.0, kind.1, &object.meta.namespace).iter();
            all.filter(|other| other.meta.labels.has(key, &object.meta.name)).collect()
        };
        match (&*object.ty.group, &*object.ty.kind) {
            ("kafka.strimzi.io", "Kafka" | "KafkaConnect" | "KafkaMirrorMaker2" | "KafkaBridge") => {
                let kinds = [
                    ("", "PersistentVolumeClaim"),
                    ("", "Pod"),
                    ("core.strimzi.io", "StrimziPodSet"),
                    ("kafka.strimzi.io", "KafkaNodePool"),
                ];
                causes.extend(kinds.iter().flat_map(|kind| labelled(kind, "strimzi.io/cluster")));
            }
            ("kafka.strimzi.io", "KafkaConnector") => causes.extend(self.labelled_cluster(object, "KafkaConnect")),
            ("kafka.strimzi.io", _) => causes.extend(self.labelled_cluster(object, "Kafka")),
            ("minio.min.io", "Tenant") => causes.extend(labelled(&("", "Pod"), "v1.min.io/tenant")),
            ("kustomize.toolkit.fluxcd.io" | "helm.toolkit.fluxcd.io", _) => {
                causes.extend(self.flux_sources(object));
                let inventory_ids = object.custom().map(super::flux::inventory_ids).into_iter().flatten();
                causes.extend(inventory_ids.filter_map(|id| inventory.find(&id).found()));
            }
            _ => {}
        }
        causes
    }

    fn labelled_cluster(&self, object: &Object, kind: &str) -> Option<&'a Object> {
        let cluster = object.meta.labels.get("strimzi.io/cluster")?;
        self.inventory.get("kafka.strimzi.io", kind, &object.meta.namespace, cluster).found()
    }

    /// What a Kustomization or HelmRelease is made from, and what it waits for.
    fn flux_sources(&self, object: &Object) -> Vec<&'a Object> {
        let Some(custom) = object.custom() else { return Vec::new() };
        let own = &object.meta.namespace;
        let text =
            |value: Option<&serde_json::Value>| value.and_then(|value| value.as_str()).unwrap_or_default().to_owned();
        let mut found = Vec::new();
        for pointer in ["/sourceRef", "/chartRef", "/chart/spec/sourceRef"] {
            if let Some(source) = custom.spec_at(pointer) {
                let namespace = text(source.get("namespace"));
                let namespace = if namespace.is_empty() { own.to_string() } else { namespace };
                let (kind, name) = (text(source.get("kind")), text(source.get("name")));
                found.extend(self.inventory.get("source.toolkit.fluxcd.io", &kind, &namespace, &name).found());
            }
        }
        for dependency in custom.spec_list("/dependsOn") {
            let namespace = text(dependency.get("namespace"));
            let namespace = if namespace.is_empty() { own.to_string() } else { namespace };
            let name = text(dependency.get("name"));
            found.extend(self.inventory.get(&object.ty.group, &object.ty.kind, &namespace, &name).found());
        }
        found
    }

    /// The cause that a node points at first.
    fn cause_of(&self, effect: Node) -> Option<Node> {
        // What somebody holds on purpose has that for its cause.
        if self.verdict(effect).level == Level::Suspended {
            return None;
        }
        let blamed = self.verdict(effect).blames.iter().filter_map(|blamed| self.node_of(blamed));
        // The worst of the blamed leads, the first of equals: it is named first by its rule.
        let mut best: Option<Node> = None;
        for node in blamed.filter(|node| self.may_explain(*node, effect, true)) {
            if best.is_none_or(|best| self.verdict(node).level > self.verdict(best).level) {
                best = Some(node);
            }
        }
        if best.is_some() {
            return best;
        }
        let related = match effect {
            Node::Object(index) => self.related(&self.inventory.objects()[index]),
            // A Secret that is missing has somebody who should have made it.
            Node::Absent(index) => match &self.absences[index].object {
                gone if &*gone.kind == "Secret" => makers(self.inventory, &gone.namespace, &gone.name),
                _ => return None,
            },
        };
        let mut best: Option<Node> = None;
        for object in related {
            let Some(node) = self.inventory.position(object).map(Node::Object) else { continue };
            if self.may_explain(node, effect, false)
                && best.is_none_or(|best| self.verdict(node).level > self.verdict(best).level)
            {
                best = Some(node);
            }
        }
        best
    }

    /// Every root with what it explains, most urgent first.
    pub(super) fn roots(&self) -> Vec<Root> {
        let objects = (0..self.verdicts.len()).map(Node::Object);
        let absent = (0..self.absences.len()).map(Node::Absent);
        let nodes: Vec<Node> =
            objects.chain(absent).filter(|node| self.verdict(*node).worst_level() > Level::Absent).collect();
        let causes: HashMap<Node, Node> =
            nodes.iter().filter_map(|node| self.cause_of(*node).map(|cause| (*node, cause))).collect();
        let mut groups: BTreeMap<Node, Vec<Node>> = BTreeMap::new();
        for node in &nodes {
            let root = follow(&causes, *node);
            let explains = groups.entry(root).or_default();
            if root != *node {
                explains.push(*node);
            }
        }
        self.join_siblings(&mut groups);
        let mut roots: Vec<Root> = groups
            .into_iter()
            .map(|(node, mut explains)| {
                explains.sort_by_key(|effect| (std::cmp::Reverse(self.verdict(*effect).level), *effect));
                Root { node, explains }
            })
            .collect();
        roots.sort_by_key(|root| {
            let level = self.verdict(root.node).worst_level();
            (std::cmp::Reverse(level), std::cmp::Reverse(root.explains.len()), root.node)
        });
        roots
    }

    /// Pods or Jobs of one controller with the same finding are one cause: the first of them leads.
    fn join_siblings(&self, groups: &mut BTreeMap<Node, Vec<Node>>) {
        let related_to = |object: &Object| {
            let controller = object.meta.controller()?;
            let owner = self.inventory.by_uid(controller.uid);
            // Pods of two ReplicaSets of one Deployment belong together.
            let top = owner.and_then(|owner| owner.meta.controller()).unwrap_or(controller);
            Some((object.meta.namespace.clone(), top.kind.clone(), top.name.clone()))
        };
        let mut leaders: HashMap<_, Node> = HashMap::new();
        let roots: Vec<Node> = groups.keys().copied().collect();
        for root in roots {
            let Node::Object(index) = root else { continue };
            let object = &self.inventory.objects()[index];
            if object.pod().is_none() && !object.is("batch", "Job") {
                continue;
            }
            let Some(controller) = related_to(object) else { continue };
            let key = (controller, self.verdict(root).code.id);
            match leaders.get(&key) {
                Some(leader) => {
                    let moved = groups.remove(&root).unwrap_or_default();
                    if let Some(explains) = groups.get_mut(leader) {
                        explains.push(root);
                        explains.extend(moved);
                    }
                }
                None => {
                    leaders.insert(key, root);
                }
            }
        }
    }
}

/// Objects from which the Secret of this name is made: by External Secrets, Sealed Secrets,
/// cert-manager, or Strimzi's user operator.
fn makers<'a>(inventory: &'a Inventory, namespace: &str, name: &str) -> Vec<&'a Object> {
    let mut found: Vec<&Object> = Vec::new();
    for (group, kind, pointer) in [
        ("external-secrets.io", "ExternalSecret", "/target/name"),
        ("cert-manager.io", "Certificate", "/secretName"),
        ("bitnami.com", "SealedSecret", ""),
        ("kafka.strimzi.io", "KafkaUser", ""),
    ] {
        let all = inventory.in_namespace(group, kind, namespace).iter();
        found.extend(all.filter(|maker| {
            let asked = maker.custom().filter(|_| !pointer.is_empty()).map(|custom| custom.spec_text(pointer));
            match asked.unwrap_or_default() {
                "" => &*maker.meta.name == name && kind != "Certificate",
                asked => asked == name,
            }
        }));
    }
    found
}

/// The end of the chain of causes. A loop ends at its smallest member, so that all of its members
/// share one root.
fn follow(causes: &HashMap<Node, Node>, start: Node) -> Node {
    let mut path = vec![start];
    let mut current = start;
    while let Some(next) = causes.get(&current) {
        if let Some(entry) = path.iter().position(|seen| seen == next) {
            return path[entry..].iter().copied().min().unwrap_or(*next);
        }
        path.push(*next);
        current = *next;
    }
    current
}

#[cfg(test)]
#[path = "graph_tests.rs"]
mod tests;

//! From a judgement to the report.

use super::fullness;
use super::graph::Node;
use super::judge::Judgement;
use super::managed::managed_by;
use crate::object::{
    Inventory, Object, ObjectRef, STATISTICS_GROUP, STATISTICS_KIND, Scope, Section, SectionState, Selector, Sym,
    Unread,
};
use crate::ownership::Managers;
use crate::platform::{Area, Platform, uses};
use crate::report::{
    API_VERSION, AreaSummary, Cause, Coverage, Entry, Explained, Level, Note, ObjectId, Report, Summary, Verdict, View,
};
use crate::text;
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};

/// What a report is built from.
#[derive(Debug)]
pub struct Ingredients<'a> {
    /// What was read.
    pub inventory: &'a Inventory,
    /// What the engine found.
    pub judgement: &'a Judgement,
    /// What was expected, and the exceptions.
    pub platform: &'a Platform,
    /// Whose view it is.
    pub view: View,
    /// Things to know that are no finding.
    pub notes: Vec<String>,
    /// What could not be read beyond the inventory's sections.
    pub gaps: Vec<String>,
    /// The instant that verdicts were made for.
    pub now: Timestamp,
    /// Only objects with these labels, and the causes that explain them. Everything is judged all
    /// the same: what a selector leaves out is not missing.
    pub selector: Option<&'a Selector>,
}

/// Builds the report of a run.
pub fn report(ingredients: Ingredients<'_>) -> Report {
    let builder = Builder {
        exceptions: vec![0; ingredients.platform.exceptions.len()],
        managers: Managers::new(ingredients.inventory),
        it: &ingredients,
    };
    builder.build()
}

struct Builder<'a, 'b> {
    it: &'b Ingredients<'a>,
    /// How many findings each exception of the platform file matched.
    exceptions: Vec<usize>,
    managers: Managers<'a>,
}

impl Builder<'_, '_> {
    fn build(mut self) -> Report {
        let (inventory, judgement) = (self.it.inventory, self.it.judgement);
        let mut excepted: HashMap<Node, usize> = HashMap::new();
        let mut causes = Vec::new();
        let mut cause_of: HashMap<Node, ObjectId> = HashMap::new();
        for root in &judgement.roots {
            for effect in &root.explains {
                cause_of.insert(*effect, self.id(root.node));
                self.except(*effect, &mut excepted);
            }
            let is_accepted = self.except(root.node, &mut excepted);
            let explains: Vec<Node> = root.explains.iter().copied().filter(|node| self.is_selected(*node)).collect();
            if explains.is_empty() && !self.is_selected(root.node) {
                continue;
            }
            // An accepted root does not hide what it explains: that was not accepted.
            if !is_accepted {
                causes.push(self.cause(root.node, &explains, &excepted));
                continue;
            }
            for effect in explains.iter().filter(|effect| !excepted.contains_key(effect)) {
                causes.push(self.cause(*effect, &[], &excepted));
            }
        }
        // An effect may be more urgent than what its verdict blames.
        let levels_of =
            |cause: &Cause| cause.explains.iter().map(|effect| effect.verdict).fold(cause.verdict, Level::max);
        causes.sort_by_key(|cause| std::cmp::Reverse((levels_of(cause), cause.verdict, cause.explains.len())));

        // Room for all at once: a vector that grows takes twice as much at its end.
        let mut entries: Vec<Entry> = Vec::with_capacity(inventory.objects().len());
        let selected = inventory
            .objects()
            .iter()
            .zip(&judgement.verdicts)
            .enumerate()
            .filter(|(index, _)| self.is_selected(Node::Object(*index)))
            // A measurement is no object: it speaks through the claims and nodes that it measured.
            .filter(|(_, (object, _))| !object.is(STATISTICS_GROUP, STATISTICS_KIND))
            .map(|(index, (object, verdict))| {
                let node = Node::Object(index);
                let exception = excepted.get(&node).map(|rule| self.it.platform.exceptions[*rule].reason.clone());
                self.entry(object, verdict, cause_of.get(&node).cloned(), exception)
            });
        entries.extend(selected);

        let coverage = coverage(inventory.sections());
        let partial = coverage.iter().any(|section| section.gap) || !self.it.gaps.is_empty();
        let mut levels: BTreeMap<Level, usize> = BTreeMap::new();
        for entry in &entries {
            *levels.entry(entry.verdict).or_default() += 1;
        }
        let worst = causes.iter().map(levels_of).max().unwrap_or(Level::Ok);
        let explained = causes.iter().map(|cause| cause.explains.len()).sum();
        let are_all = !partial && self.it.selector.is_none() && matches!(inventory.scope(), Scope::Cluster);
        let mut notes = self.it.notes.clone();
        notes.extend(self.it.gaps.iter().map(|gap| format!("not read: {gap}")));
        Report {
            api_version: API_VERSION.to_owned(),
            kind: "HealthReport".to_owned(),
            generated_at: self.it.now.to_string(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            view: self.view(),
            verdict: if partial { worst.max(Level::Unknown) } else { worst },
            summary: Summary { objects: entries.len(), levels, causes: causes.len(), explained, partial },
            areas: self.areas(&entries),
            causes,
            objects: entries,
            coverage,
            exceptions: uses(&self.it.platform.exceptions, &self.exceptions, self.it.now, "health", are_all),
            notes,
            error: None,
        }
    }

    /// Whether the selector, if there is one, takes this node. What is absent has no labels.
    fn is_selected(&self, node: Node) -> bool {
        let Some(selector) = self.it.selector else { return true };
        match node {
            Node::Object(index) => selector.matches(&self.it.inventory.objects()[index].meta.labels),
            Node::Absent(_) => false,
        }
    }

    fn view(&self) -> View {
        let mut view = self.it.view.clone();
        if let Scope::Namespaces(names) = self.it.inventory.scope() {
            view.namespaces = names.iter().map(ToString::to_string).collect();
        }
        view
    }

    /// Whether an exception covers this node's finding; counts it.
    fn except(&mut self, node: Node, excepted: &mut HashMap<Node, usize>) -> bool {
        let verdict = self.it.judgement.verdict(node);
        let object = self.reference(node);
        let rules = &self.it.platform.exceptions;
        let fits = |(index, rule): (usize, &crate::platform::Exception)| {
            (!rule.is_expired(self.it.now) && rule.matches(verdict.code.id, &object)).then_some(index)
        };
        let Some(rule) = rules.iter().enumerate().find_map(fits) else { return false };
        self.exceptions[rule] += 1;
        excepted.insert(node, rule);
        true
    }

    fn reference(&self, node: Node) -> ObjectRef {
        match node {
            Node::Object(index) => self.it.inventory.objects()[index].reference(),
            Node::Absent(index) => self.it.judgement.absences[index].object.clone(),
        }
    }

    fn id(&self, node: Node) -> ObjectId {
        match node {
            Node::Object(index) => {
                let object = &self.it.inventory.objects()[index];
                ObjectId {
                    api_version: object.ty.api_version(),
                    kind: object.ty.kind.to_string(),
                    namespace: object.meta.namespace.to_string(),
                    name: object.meta.name.to_string(),
                }
            }
            Node::Absent(index) => {
                let object = &self.it.judgement.absences[index].object;
                ObjectId {
                    api_version: object.group.to_string(),
                    kind: object.kind.to_string(),
                    namespace: object.namespace.to_string(),
                    name: object.name.to_string(),
                }
            }
        }
    }

    fn area(&self, node: Node) -> Area {
        match node {
            Node::Object(index) => self.it.platform.area_of(&self.it.inventory.objects()[index]),
            Node::Absent(index) => self.it.judgement.absences[index].area,
        }
    }

    fn cause(&self, node: Node, explains: &[Node], excepted: &HashMap<Node, usize>) -> Cause {
        let verdict = self.it.judgement.verdict(node);
        let object = self.id(node);
        let mut evidence = verdict.evidence.clone();
        evidence.extend(verdict.more.iter().map(|more| format!("{} {}: {}", more.level, more.code.id, more.message)));
        let chain = match node {
            Node::Object(index) => self.managers.of(&self.it.inventory.objects()[index]),
            Node::Absent(index) => self.managers.of_absent(&self.it.judgement.absences[index].object),
        };
        Cause {
            managed_by: managed_by(&chain, &self.managers),
            command: verdict.command.clone().unwrap_or_else(|| match node {
                Node::Object(_) => describe(&object),
                Node::Absent(_) => list(&object),
            }),
            object,
            verdict: verdict.worst_level().max(verdict.level),
            code: verdict.code.id.to_owned(),
            message: verdict.message.to_string(),
            area: self.area(node).word().to_owned(),
            since: verdict.since.map(|time| time.to_string()),
            evidence,
            explains: explains
                .iter()
                .filter(|effect| !excepted.contains_key(effect))
                .map(|effect| {
                    let verdict = self.it.judgement.verdict(*effect);
                    Explained {
                        object: self.id(*effect),
                        verdict: verdict.level,
                        code: verdict.code.id.to_owned(),
                        message: verdict.message.to_string(),
                    }
                })
                .collect(),
        }
    }

    fn entry(&self, object: &Object, verdict: &Verdict, cause: Option<ObjectId>, exception: Option<String>) -> Entry {
        Entry {
            api_version: Sym::new(&object.ty.api_version()),
            kind: object.ty.kind.clone(),
            namespace: object.meta.namespace.clone(),
            name: object.meta.name.clone(),
            area: Sym::new(self.it.platform.area_of(object).word()),
            verdict: verdict.level,
            code: Sym::new(verdict.code.id),
            // Fifty thousand pods that run say so in the same words.
            message: Sym::new(&verdict.message),
            since: verdict.since.map(|time| time.to_string()),
            evidence: verdict.evidence.clone(),
            more: verdict
                .more
                .iter()
                .map(|more| Note {
                    verdict: more.level,
                    code: more.code.id.to_owned(),
                    message: more.message.to_string(),
                })
                .collect(),
            cause: cause.map(Box::new),
            exception,
        }
    }

    fn areas(&self, entries: &[Entry]) -> Vec<AreaSummary> {
        let mut rows = Vec::new();
        for area in Area::ALL {
            let mut levels: BTreeMap<Level, usize> = BTreeMap::new();
            let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
            let mut worst = Level::Ok;
            for entry in entries.iter().filter(|entry| *entry.area == *area.word()) {
                *levels.entry(entry.verdict).or_default() += 1;
                *kinds.entry(&entry.kind).or_default() += 1;
                if entry.exception.is_none() {
                    worst = worst.max(entry.verdict);
                }
            }
            let absences = self.it.judgement.absences.iter().filter(|_| self.it.selector.is_none());
            let absent: Vec<_> = absences.filter(|absence| absence.area == area).collect();
            worst = absent.iter().map(|absence| absence.verdict.level).fold(worst, |worst, level| {
                // A component that nobody requires does not colour its area.
                if level == Level::Absent { worst } else { worst.max(level) }
            });
            let objects: usize = levels.values().sum();
            // Only what the platform file speaks of is part of the area's line.
            let missing = absent.iter().filter(|absence| absence.verdict.code.id != "object-missing");
            let missing = missing.map(|absence| absence.verdict.message.to_string());
            if objects == 0 && absent.is_empty() {
                continue;
            }
            rows.push(AreaSummary {
                area: area.word().to_owned(),
                title: area.title().to_owned(),
                verdict: if objects == 0 && worst == Level::Ok { Level::Absent } else { worst },
                objects,
                levels,
                line: line(&kinds, missing.collect()),
            });
        }
        rows
    }
}

/// What helps where a kubelet should answer and does not.
const SILENT: &str = "the API server does not reach the kubelets of these nodes, so that logs and exec fail too; --no-volumes leaves them out";

/// What was read and what was not, for people: a forbidden kind with the Role line that grants it.
pub fn coverage(sections: &[Section]) -> Vec<Coverage> {
    let row = |section: &Section| {
        let (read, objects, why, gap) = match &section.state {
            SectionState::Read(count) => (true, *count, None, false),
            SectionState::Partly(namespaces, count, why) => {
                let read: Vec<&str> = namespaces.iter().map(|name| &**name).collect();
                (false, *count, Some(format!("read in {} only; elsewhere {why}", read.join(", "))), true)
            }
            SectionState::Unread(why) => (false, 0, Some(why.to_string()), why.is_gap()),
        };
        let forbidden = matches!(
            &section.state,
            SectionState::Unread(Unread::Forbidden(_)) | SectionState::Partly(_, _, Unread::Forbidden(_))
        );
        let is_measured = &*section.group == STATISTICS_GROUP;
        // The right to ask kubelets is one that readers should not have: they can do without.
        let gap = gap && !(is_measured && forbidden);
        let hint = match (is_measured, forbidden) {
            (true, true) => Some(fullness::ROLE.to_owned()),
            (true, false) => gap.then(|| SILENT.to_owned()),
            (false, true) => Some(format!(
                "a ClusterRole needs: apiGroups: [\"{}\"], resources: [\"{}\"], verbs: [\"list\"] (deploy/rbac/health.yaml)",
                section.group, section.resource
            )),
            (false, false) => None,
        };
        Coverage { group: section.group.to_string(), kind: section.kind.to_string(), read, objects, why, gap, hint }
    };
    sections.iter().map(row).collect()
}

/// Kinds that say most about an area, in the order in which a line names them.
const TELLING: &[&str] = &[
    "GitRepository",
    "Kustomization",
    "HelmRelease",
    "Kafka",
    "KafkaTopic",
    "Tenant",
    "SparkApplication",
    "Node",
    "PersistentVolumeClaim",
    "PersistentVolume",
    "Prometheus",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "CronJob",
    "Pod",
    "CustomResourceDefinition",
];

fn line(kinds: &BTreeMap<&str, usize>, missing: Vec<String>) -> String {
    let named = TELLING.iter().filter_map(|kind| kinds.get(kind).map(|count| text::plural(*count, kind)));
    let mut parts: Vec<String> = named.take(5).collect();
    if parts.is_empty() {
        parts = kinds.iter().take(4).map(|(kind, count)| text::plural(*count, kind)).collect();
    }
    parts.extend(missing);
    parts.join(", ")
}

/// The command that shows an object, safe to copy into a shell.
pub fn describe(object: &ObjectId) -> String {
    format!("kubectl describe{} {}", resource(object), text::shell_word(&object.name))
}

/// The command that lists what is there instead of an object that is not: it may be spelt differently.
fn list(object: &ObjectId) -> String {
    format!("kubectl get{}", resource(object))
}

/// ` -n data-plane kafka.kafka.strimzi.io`
fn resource(object: &ObjectId) -> String {
    // Of what was not found only the group is known.
    let version = &object.api_version;
    let group = version.split_once('/').map_or(if version.contains('.') { version } else { "" }, |(group, _)| group);
    let kind = object.kind.to_lowercase();
    let resource = if group.is_empty() { kind } else { format!("{kind}.{group}") };
    let namespace = match object.namespace.as_str() {
        "" => String::new(),
        namespace => format!(" -n {}", text::shell_word(namespace)),
    };
    format!("{namespace} {}", text::shell_word(&resource))
}

//! The inventory: all records of a run, what was read and what could not be, and how to find an object.

use super::decode::Decoded;
use super::{Event, Object, ObjectRef, Sym, Uid};
use std::cmp::Ordering;
use std::fmt;

/// Why a section could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// The source does not hold this kind, and cannot tell whether the cluster does.
    NotInSource,
    /// The API server does not serve this kind.
    NotServed,
    /// It lies outside the namespaces that were asked for.
    OutOfScope,
    /// It was not asked for.
    NotAsked,
    /// It is left out on purpose: its objects say nothing of health.
    PassedOver,
    /// A measurement that this cluster or account cannot give, in words. What needs it says less;
    /// nothing that was asked for is missing.
    Unmeasured(String),
    /// The account may not list it; the text is the server's.
    Forbidden(String),
    /// No answer in time.
    TimedOut,
    /// Anything else, in words.
    Failed(String),
}

impl Unread {
    /// Whether something was wanted and could not be had, so that the report is partial.
    pub fn is_gap(&self) -> bool {
        matches!(self, Self::Forbidden(_) | Self::TimedOut | Self::Failed(_))
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInSource => out.write_str("not in the source"),
            Self::NotServed => out.write_str("not installed"),
            Self::OutOfScope => out.write_str("outside the namespaces asked for"),
            Self::NotAsked => out.write_str("not asked for"),
            Self::PassedOver => out.write_str("passed over, for its objects say nothing of health"),
            Self::Forbidden(text) if text.is_empty() => out.write_str("forbidden"),
            Self::Forbidden(text) => write!(out, "forbidden: {text}"),
            Self::TimedOut => out.write_str("timed out"),
            Self::Unmeasured(text) | Self::Failed(text) => out.write_str(text),
        }
    }
}

/// Which namespaces were read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Scope {
    /// The whole cluster.
    #[default]
    Cluster,
    /// These namespaces, and what has none.
    Namespaces(Vec<Sym>),
}

/// What became of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SectionState {
    /// All of it was read; so many objects.
    Read(usize),
    /// It was read in these namespaces only; so many objects, and why not elsewhere.
    Partly(Vec<Sym>, usize, Unread),
    /// It was not.
    Unread(Unread),
}

impl SectionState {
    /// Why not all of it was read, where that leaves something unknown.
    pub fn gap(&self) -> Option<&Unread> {
        match self {
            Self::Read(_) => None,
            Self::Partly(_, _, why) | Self::Unread(why) => Some(why).filter(|why| why.is_gap()),
        }
    }
}

/// One kind that was read, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// API group; empty for the core group.
    pub group: Sym,
    /// Kind.
    pub kind: Sym,
    /// Plural name, for commands and Role lines; may be empty in files.
    pub resource: Sym,
    /// What became of it.
    pub state: SectionState,
}

/// The answer to "is this object there".
#[derive(Debug, Clone, Copy)]
pub enum Lookup<'a> {
    /// It is.
    Found(&'a Object),
    /// It is not, and the kind was read where it would be.
    Missing,
    /// Nobody can tell: the kind was not read there.
    Unread,
}

impl<'a> Lookup<'a> {
    /// The object, if it was found.
    pub fn found(self) -> Option<&'a Object> {
        match self {
            Self::Found(object) => Some(object),
            Self::Missing | Self::Unread => None,
        }
    }

    /// Whether it is known to be absent.
    pub fn is_missing(self) -> bool {
        matches!(self, Self::Missing)
    }
}

/// All records of a run. Objects are sorted by group, kind, namespace and name, and keep a
/// position by which rows, verdicts and graph nodes refer to them.
#[derive(Debug, Default)]
pub struct Inventory {
    objects: Vec<Object>,
    events: Vec<Event>,
    sections: Vec<Section>,
    scope: Scope,
    /// Whether an absent object proves anything: true for a live cluster and whole dumps. In a
    /// mere pile of manifests a kind counts as read where at least one object of it is.
    complete: bool,
    /// Positions of the objects that have a UID, in its order.
    by_uid: Vec<u32>,
    /// Position of an object and of one of its owner references, in the order of the owner's UID.
    by_owner: Vec<(u32, u32)>,
    /// Positions of the pods that have a node, in the order of its name.
    by_node: Vec<u32>,
}

/// Collects records, then sorts and indexes them.
#[derive(Debug, Default)]
pub struct InventoryBuilder {
    inventory: Inventory,
}

impl InventoryBuilder {
    /// An empty one.
    pub fn new(scope: Scope, complete: bool) -> Self {
        Self { inventory: Inventory { scope, complete, ..Inventory::default() } }
    }

    /// Adds what was decoded.
    pub fn push(&mut self, item: Decoded) {
        match item {
            Decoded::Object(object) => self.inventory.objects.push(object),
            Decoded::Event(event) => self.inventory.events.push(event),
            Decoded::Nothing => {}
        }
    }

    /// Makes room for so many objects more.
    pub fn reserve(&mut self, more: usize) {
        self.inventory.objects.reserve_exact(more);
    }

    /// Notes what became of a kind.
    pub fn section(&mut self, section: Section) {
        self.inventory.sections.push(section);
    }

    /// Objects so far.
    pub fn len(&self) -> usize {
        self.inventory.objects.len()
    }

    /// Whether there is no object yet.
    pub fn is_empty(&self) -> bool {
        self.inventory.objects.is_empty()
    }

    /// The objects so far, in no order.
    pub fn objects(&self) -> &[Object] {
        &self.inventory.objects
    }

    /// Sorts and indexes.
    pub fn finish(self) -> Inventory {
        let mut inventory = self.inventory;
        // In place: a stable sort would take half as much memory again.
        inventory.objects.sort_unstable_by(compare);
        inventory.objects.shrink_to_fit();
        inventory.identify();
        inventory.events.sort_by_key(|event| (event.uid, event.last));
        inventory.sections.sort_by(|one, two| (&one.group, &one.kind).cmp(&(&two.group, &two.kind)));
        let position = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
        for (index, object) in inventory.objects.iter().enumerate() {
            if !object.meta.uid.is_none() {
                inventory.by_uid.push(position(index));
            }
            for (nth, owner) in object.meta.owner_references.iter().enumerate() {
                if !owner.uid.is_none() {
                    inventory.by_owner.push((position(index), position(nth)));
                }
            }
        }
        let placed = |object: &Object| object.pod().is_some_and(|pod| !pod.node.is_empty());
        let pods = inventory.objects.iter().enumerate().filter(|(_, object)| placed(object));
        inventory.by_node = pods.map(|(index, _)| position(index)).collect();
        let objects = &inventory.objects;
        inventory
            .by_node
            .sort_unstable_by(|one, two| (node_at(objects, *one), *one).cmp(&(node_at(objects, *two), *two)));
        inventory.by_uid.sort_unstable_by_key(|index| (uid_at(objects, *index), *index));
        inventory.by_owner.sort_unstable_by_key(|row| (owner_at(objects, *row), *row));
        inventory
    }
}

fn uid_at(objects: &[Object], index: u32) -> Uid {
    objects.get(index as usize).map_or_else(Uid::default, |object| object.meta.uid)
}

fn node_at(objects: &[Object], index: u32) -> &str {
    objects.get(index as usize).and_then(Object::pod).map_or("", |pod| pod.node.as_str())
}

fn owner_at(objects: &[Object], (index, nth): (u32, u32)) -> Uid {
    let owners = objects.get(index as usize).map(|object| &object.meta.owner_references);
    owners.and_then(|owners| owners.get(nth as usize)).map_or_else(Uid::default, |owner| owner.uid)
}

fn compare(one: &Object, two: &Object) -> Ordering {
    compare_key(one, &two.ty.group, &two.ty.kind, &two.meta.namespace).then_with(|| one.meta.name.cmp(&two.meta.name))
}

fn compare_key(object: &Object, group: &str, kind: &str, namespace: &str) -> Ordering {
    (object.ty.group.as_str(), object.ty.kind.as_str(), object.meta.namespace.as_str()).cmp(&(group, kind, namespace))
}

impl Inventory {
    /// Gives objects, owner references and events without a UID one that follows from their names:
    /// files are often cut down, and their relations should hold all the same. In a cluster every
    /// object has its own, so nothing changes there.
    fn identify(&mut self) {
        let made = |it: &Object| {
            Uid::of_names(&format!("{}/{}/{}/{}", it.ty.group, it.ty.kind, it.meta.namespace, it.meta.name))
        };
        let mut renamed = Vec::new();
        for (index, object) in self.objects.iter().enumerate() {
            if object.meta.uid.is_none() {
                renamed.push((index, made(object)));
            }
        }
        for (index, uid) in renamed {
            self.objects[index].meta.uid = uid;
        }
        let mut owners = Vec::new();
        for (index, object) in self.objects.iter().enumerate() {
            for (nth, owner) in object.meta.owner_references.iter().enumerate().filter(|(_, owner)| owner.uid.is_none())
            {
                let own = &object.meta.namespace;
                let find = |namespace: &str| {
                    let all = self.in_namespace(owner.group(), &owner.kind, namespace);
                    let found = all.binary_search_by(|other| other.meta.name.cmp(&owner.name)).ok()?;
                    Some(all[found].meta.uid)
                };
                // Owners stand in the same namespace, or have none.
                owners.extend(find(own).or_else(|| find("")).map(|uid| (index, nth, uid)));
            }
        }
        for (index, nth, uid) in owners {
            self.objects[index].meta.owner_references[nth].uid = uid;
        }
        let mut events = Vec::new();
        for (index, event) in self.events.iter().enumerate().filter(|(_, event)| event.uid.is_none()) {
            events.extend(self.find(&event.about).found().map(|object| (index, object.meta.uid)));
        }
        for (index, uid) in events {
            self.events[index].uid = uid;
        }
    }

    /// All objects, sorted by group, kind, namespace and name.
    pub fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// The same inventory, to add to.
    pub fn reopen(self) -> InventoryBuilder {
        InventoryBuilder { inventory: Self { by_uid: Vec::new(), by_owner: Vec::new(), ..self } }
    }

    /// Its objects and events, to build another inventory from.
    pub fn into_parts(self) -> (Vec<Object>, Vec<Event>) {
        (self.objects, self.events)
    }

    /// The position of an object of this inventory among [`Self::objects`].
    pub fn position(&self, object: &Object) -> Option<usize> {
        let offset = std::ptr::from_ref(object).addr().checked_sub(self.objects.as_ptr().addr())?;
        let index = offset / size_of::<Object>();
        self.objects.get(index).is_some_and(|known| std::ptr::eq(known, object)).then_some(index)
    }

    /// All warning events, sorted by the UID of what they are about.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// What was read and what was not, sorted by group and kind.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// Which namespaces were read.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Whether absence proves anything (see the field).
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    fn range(&self, group: &str, kind: &str, namespace: &str) -> std::ops::Range<usize> {
        let start = self.objects.partition_point(|object| compare_key(object, group, kind, namespace).is_lt());
        let length =
            self.objects[start..].partition_point(|object| compare_key(object, group, kind, namespace).is_eq());
        start..start + length
    }

    /// All objects of a kind, in all namespaces.
    pub fn of_kind(&self, group: &str, kind: &str) -> &[Object] {
        let key = |object: &Object| (object.ty.group.as_str(), object.ty.kind.as_str()).cmp(&(group, kind));
        let start = self.objects.partition_point(|object| key(object).is_lt());
        let length = self.objects[start..].partition_point(|object| key(object).is_eq());
        &self.objects[start..start + length]
    }

    /// The objects of a kind in one namespace (empty for cluster-scoped kinds).
    pub fn in_namespace(&self, group: &str, kind: &str, namespace: &str) -> &[Object] {
        &self.objects[self.range(group, kind, namespace)]
    }

    /// The object of this identity, or what is known of its absence.
    pub fn get(&self, group: &str, kind: &str, namespace: &str, name: &str) -> Lookup<'_> {
        let objects = self.in_namespace(group, kind, namespace);
        let start = objects.partition_point(|object| object.meta.name.as_str() < name);
        match objects.get(start) {
            Some(object) if object.meta.name.as_str() == name => Lookup::Found(object),
            _ if self.was_read(group, kind, namespace) => Lookup::Missing,
            _ => Lookup::Unread,
        }
    }

    /// As [`Self::get`], by reference.
    pub fn find(&self, reference: &ObjectRef) -> Lookup<'_> {
        self.get(&reference.group, &reference.kind, &reference.namespace, &reference.name)
    }

    /// The object with this UID.
    pub fn by_uid(&self, uid: Uid) -> Option<&Object> {
        if uid.is_none() {
            return None;
        }
        let row = self.by_uid.binary_search_by_key(&uid, |index| uid_at(&self.objects, *index)).ok()?;
        self.objects.get(self.by_uid[row] as usize)
    }

    /// The objects that name this UID as an owner.
    pub fn owned_by(&self, uid: Uid) -> impl Iterator<Item = &Object> {
        let start = self.by_owner.partition_point(|row| owner_at(&self.objects, *row) < uid);
        let rows = if uid.is_none() { &[] } else { &self.by_owner[start..] };
        rows.iter()
            .take_while(move |row| owner_at(&self.objects, **row) == uid)
            .filter_map(|(index, _)| self.objects.get(*index as usize))
    }

    /// The pods that were placed on this node.
    pub fn pods_on(&self, node: &str) -> impl Iterator<Item = &Object> {
        let start = self.by_node.partition_point(|index| node_at(&self.objects, *index) < node);
        let rows = &self.by_node[start..];
        let length = rows.partition_point(|index| node_at(&self.objects, *index) == node);
        rows[..length].iter().filter_map(|index| self.objects.get(*index as usize))
    }

    /// Warning events about this object, oldest first.
    pub fn events_of(&self, uid: Uid) -> &[Event] {
        let start = self.events.partition_point(|event| event.uid < uid);
        let length = self.events[start..].partition_point(|event| event.uid == uid);
        if uid.is_none() { &[] } else { &self.events[start..start + length] }
    }

    /// What became of a kind, or of its whole group where discovery could not ask which kinds that has; `None` when
    /// nothing was noted of either.
    pub fn section(&self, group: &str, kind: &str) -> Option<&Section> {
        let find = |kind: &str| {
            let at = |section: &Section| (section.group.as_str(), section.kind.as_str()).cmp(&(group, kind));
            self.sections.binary_search_by(at).ok().and_then(|index| self.sections.get(index))
        };
        find(kind).or_else(|| find("*"))
    }

    /// Whether the objects of a kind in this namespace (empty: cluster-scoped) were read, so that
    /// one that is not here is not there.
    pub fn was_read(&self, group: &str, kind: &str, namespace: &str) -> bool {
        if !namespace.is_empty()
            && let Scope::Namespaces(names) = &self.scope
            && !names.iter().any(|name| &**name == namespace)
        {
            return false;
        }
        match self.section(group, kind).map(|section| &section.state) {
            Some(SectionState::Unread(_)) => false,
            Some(SectionState::Partly(namespaces, ..)) => namespaces.iter().any(|name| &**name == namespace),
            Some(SectionState::Read(_)) if self.complete => true,
            Some(SectionState::Read(_)) => !self.in_namespace(group, kind, namespace).is_empty(),
            // A live cluster that does not serve the kind has no object of it.
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::decode_object;
    use super::*;
    use serde_json::value::RawValue;

    fn inventory(objects: &[&str], complete: bool) -> Inventory {
        let mut builder = InventoryBuilder::new(Scope::Cluster, complete);
        for json in objects {
            let raw = RawValue::from_string((*json).to_owned()).expect("json");
            builder.push(decode_object(&raw).expect("object"));
        }
        builder.section(Section {
            group: "".into(),
            kind: "Service".into(),
            resource: "services".into(),
            state: SectionState::Read(2),
        });
        builder.finish()
    }

    const ONE: &str = r#"{"apiVersion":"v1","kind":"Service","metadata":{"name":"a","namespace":"x","uid":"1"}}"#;
    const TWO: &str = r#"{"apiVersion":"v1","kind":"Service","metadata":{"name":"b","namespace":"x","ownerReferences":[{"uid":"1"}]}}"#;

    #[test]
    fn objects_are_found_and_absence_is_told_from_ignorance() {
        let partial = inventory(&[TWO, ONE], false);
        assert!(partial.get("", "Service", "x", "a").found().is_some());
        assert!(partial.get("", "Service", "x", "c").is_missing());
        assert!(matches!(partial.get("", "Service", "y", "a"), Lookup::Unread));
        assert!(matches!(partial.get("", "Secret", "x", "a"), Lookup::Unread));
        let complete = inventory(&[TWO, ONE], true);
        assert!(complete.get("", "Service", "y", "a").is_missing());
        assert!(matches!(complete.get("", "Secret", "x", "a"), Lookup::Unread));
    }

    #[test]
    fn children_are_found_by_uid() {
        let inventory = inventory(&[ONE, TWO], true);
        let names: Vec<_> = inventory.owned_by(Uid::new("1")).map(|object| object.meta.name.to_string()).collect();
        assert_eq!(names, ["b"]);
        assert!(inventory.by_uid(Uid::new("1")).is_some());
        assert_eq!(inventory.owned_by(Uid::new("")).count(), 0);
    }

    #[test]
    fn relations_hold_without_uids_by_name_and_namespace() {
        let set = |namespace: &str| {
            format!(
                r#"{{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{{"name":"s","namespace":"{namespace}"}}}}"#
            )
        };
        let pod = |namespace: &str| {
            format!(
                r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"p","namespace":"{namespace}","ownerReferences":[{{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"s"}}]}}}}"#
            )
        };
        let event = r#"{"apiVersion":"v1","kind":"Event","type":"Warning","reason":"R","metadata":{"name":"e","namespace":"y"},"involvedObject":{"kind":"Pod","namespace":"y","name":"p"}}"#;
        let all = [set("x"), set("y"), pod("x"), pod("y"), event.to_owned()];
        let inventory = inventory(&all.each_ref().map(String::as_str), true);
        for namespace in ["x", "y"] {
            let set = inventory.get("apps", "ReplicaSet", namespace, "s").found().expect("set");
            let owned: Vec<_> = inventory.owned_by(set.meta.uid).map(|pod| pod.meta.namespace.to_string()).collect();
            assert_eq!(owned, [namespace]);
            let pod = inventory.get("", "Pod", namespace, "p").found().expect("pod");
            assert_eq!(inventory.events_of(pod.meta.uid).len(), usize::from(namespace == "y"));
        }
    }

    #[test]
    fn a_kind_read_in_some_namespaces_proves_nothing_elsewhere() {
        let mut builder = InventoryBuilder::new(Scope::Cluster, true);
        builder.section(Section {
            group: "".into(),
            kind: "Service".into(),
            resource: "services".into(),
            state: SectionState::Partly(vec!["x".into()], 0, Unread::Forbidden(String::new())),
        });
        let inventory = builder.finish();
        assert!(inventory.get("", "Service", "x", "a").is_missing());
        assert!(matches!(inventory.get("", "Service", "y", "a"), Lookup::Unread));
        assert!(matches!(inventory.get("", "Service", "", "a"), Lookup::Unread));
    }

    #[test]
    fn pods_are_found_by_their_node() {
        let pod = |name: &str, node: &str| {
            format!(
                r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"{name}","namespace":"x"}},"spec":{{"nodeName":"{node}"}}}}"#
            )
        };
        let pods = [pod("a", "n2"), pod("b", "n1"), pod("c", ""), pod("d", "n2")];
        let inventory = inventory(&pods.each_ref().map(String::as_str), true);
        let on = |node: &str| inventory.pods_on(node).map(|pod| pod.meta.name.to_string()).collect::<Vec<_>>();
        assert_eq!((on("n2"), on("n1"), on("n3")), (vec!["a".into(), "d".into()], vec!["b".into()], vec![]));
    }

    #[test]
    fn out_of_scope_is_not_missing() {
        let mut builder = InventoryBuilder::new(Scope::Namespaces(vec!["x".into()]), true);
        builder.section(Section {
            group: "".into(),
            kind: "Service".into(),
            resource: "services".into(),
            state: SectionState::Read(0),
        });
        let inventory = builder.finish();
        assert!(inventory.get("", "Service", "x", "a").is_missing());
        assert!(matches!(inventory.get("", "Service", "y", "a"), Lookup::Unread));
    }
}

//! Volumes that are there already, and the nodes where they can be attached: a disk of one zone holds its pod there. And
//! those that are yet to be made, where their class makes them on some nodes only.

use super::node;
use super::pods::array;
use super::volumes::{Wanted, claim, class_of, default_class};
use crate::situation::Situation;
use mlops_shared::object::{Body, Claim, NodeTerm, Object, Requirement, TopologyLabel, TopologyTerm};
use serde_json::Value;
use std::borrow::Cow;
use std::fmt;

/// A volume that can be on some nodes only.
#[derive(Debug)]
pub(crate) struct Pin<'a> {
    /// Why it cannot be on the others.
    why: String,
    terms: Cow<'a, [NodeTerm]>,
}

/// What new pods are bound to.
#[derive(Debug, Default)]
pub(crate) struct Pins<'a> {
    /// All of them, by claims of their template.
    all: Vec<Pin<'a>>,
    /// Each of them, by claims of its own.
    each: Vec<Vec<Pin<'a>>>,
}

impl<'a> Pins<'a> {
    /// By the claims that the template names, and those (`wanted`) that each new pod comes with. Volumes and classes that
    /// were not read bind nothing.
    pub(crate) fn of(situation: &'a Situation<'_>, template: &Value, wanted: &[Vec<Wanted>]) -> Self {
        let named = array(template.pointer("/spec/volumes")).iter();
        let named = named.filter_map(|it| it.pointer("/persistentVolumeClaim/claimName").and_then(Value::as_str));
        let all = named.filter_map(|name| by_claim(situation, name, claim(situation, name)?)).collect();
        let of = |it: &Wanted| match it.name.as_deref().and_then(|name| Some((name, claim(situation, name)?))) {
            Some((name, claim)) => by_claim(situation, name, claim),
            None => by_class(situation, it.class.as_deref()),
        };
        Self { all, each: wanted.iter().map(|pod| pod.iter().filter_map(of).collect()).collect() }
    }

    /// Those of the new pod of this number.
    pub(crate) fn held(&self, pod: u32) -> Vec<&Pin<'a>> {
        let own = usize::try_from(pod).ok().and_then(|index| self.each.get(index));
        self.all.iter().chain(own.into_iter().flatten()).collect()
    }
}

fn by_claim<'a>(situation: &'a Situation<'_>, name: &str, claim: &'a Claim) -> Option<Pin<'a>> {
    if claim.spec.volume_name.is_empty() {
        return by_class(situation, claim.spec.storage_class_name.as_deref());
    }
    let object = situation.inventory.get("", "PersistentVolume", "", &claim.spec.volume_name).found()?;
    let Body::Volume(volume) = &object.body else { return None };
    let terms = &volume.spec.node_affinity.as_ref()?.required.as_ref()?.node_selector_terms;
    let why = format!("volume {} of claim {name} cannot be attached there", object.meta.name);
    Some(Pin { why, terms: Cow::Borrowed(terms) })
}

/// By the topologies that a class allows (kubernetes, `component-helpers/storage/volume`, `scheduling/corev1/helpers`:
/// as terms of a node selector whose requirements all are `In`).
fn by_class<'a>(situation: &Situation<'_>, name: Option<&str>) -> Option<Pin<'a>> {
    let name = name.map(str::to_owned).or_else(|| default_class(situation))?;
    let class = class_of(situation, &name).filter(|class| !class.allowed_topologies.is_empty())?;
    let requirement = |label: &TopologyLabel| Requirement {
        key: label.key.clone(),
        operator: "In".into(),
        values: label.values.clone(),
    };
    let term = |term: &TopologyTerm| NodeTerm {
        match_expressions: term.match_label_expressions.iter().map(requirement).collect(),
        ..NodeTerm::default()
    };
    let terms = class.allowed_topologies.iter().map(term).collect();
    Some(Pin { why: format!("class {name} makes no volumes there"), terms: Cow::Owned(terms) })
}

impl Pin<'_> {
    /// Whether the volume can be on a node. A term without a requirement fits nothing.
    pub(crate) fn holds(&self, node: &Object) -> bool {
        self.terms.iter().any(|term| {
            let is_empty = term.match_expressions.is_empty() && term.match_fields.is_empty();
            let by_labels = term.match_expressions.iter().all(|it| fulfils(it, node.meta.labels.get(&it.key)));
            let is_name = |it: &Requirement| (&*it.key == "metadata.name").then_some(&*node.meta.name);
            !is_empty && by_labels && term.match_fields.iter().all(|it| fulfils(it, is_name(it)))
        })
    }
}

impl fmt::Display for Pin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

fn fulfils(requirement: &Requirement, value: Option<&str>) -> bool {
    let values: Vec<&str> = requirement.values.iter().map(|known| &**known).collect();
    node::fulfils(&requirement.operator, &values, value)
}

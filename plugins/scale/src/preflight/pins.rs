//! Volumes that are there already, and the nodes where they can be attached: a disk of one zone holds its pod there.

use super::pods::array;
use crate::situation::Situation;
use mlops_shared::object::{Body, NodeTerm, Object, Requirement};
use serde_json::Value;
use std::fmt;

/// A volume that can be attached to some nodes only.
#[derive(Debug)]
pub(crate) struct Pin<'a> {
    claim: String,
    volume: &'a str,
    terms: &'a [NodeTerm],
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
    /// By the claims that the template names, and those (`names`) of each new pod. Claims that are not there yet, and
    /// volumes that were not read, bind nothing.
    pub(crate) fn of(situation: &'a Situation<'_>, template: &Value, names: &[Vec<String>]) -> Self {
        let named = array(template.pointer("/spec/volumes")).iter();
        let named = named.filter_map(|it| it.pointer("/persistentVolumeClaim/claimName").and_then(Value::as_str));
        let all = named.filter_map(|name| pin(situation, name)).collect();
        let of = |names: &Vec<String>| names.iter().filter_map(|name| pin(situation, name)).collect();
        Self { all, each: names.iter().map(of).collect() }
    }

    /// Those of the new pod of this number.
    pub(crate) fn held(&self, pod: u32) -> Vec<&Pin<'a>> {
        let own = usize::try_from(pod).ok().and_then(|index| self.each.get(index));
        self.all.iter().chain(own.into_iter().flatten()).collect()
    }
}

fn pin<'a>(situation: &'a Situation<'_>, claim: &str) -> Option<Pin<'a>> {
    let inventory = situation.inventory;
    let namespace = &situation.object.meta.namespace;
    let Body::Claim(record) = &inventory.get("", "PersistentVolumeClaim", namespace, claim).found()?.body else {
        return None;
    };
    let object = inventory.get("", "PersistentVolume", "", &record.spec.volume_name).found()?;
    let Body::Volume(volume) = &object.body else { return None };
    let terms = &volume.spec.node_affinity.as_ref()?.required.as_ref()?.node_selector_terms;
    Some(Pin { claim: claim.to_owned(), volume: &object.meta.name, terms })
}

impl Pin<'_> {
    /// Whether the volume can be attached to a node. A term without a requirement fits nothing.
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
        write!(f, "volume {} of claim {}", self.volume, self.claim)
    }
}

fn fulfils(requirement: &Requirement, value: Option<&str>) -> bool {
    let is_in = || value.is_some_and(|value| requirement.values.iter().any(|known| **known == *value));
    let compare = |is: fn(i64, i64) -> bool| {
        let wanted = requirement.values.first().and_then(|wanted| wanted.parse().ok());
        value.and_then(|value| value.parse().ok()).zip(wanted).is_some_and(|(value, wanted)| is(value, wanted))
    };
    match &*requirement.operator {
        "In" => is_in(),
        "NotIn" => !is_in(),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => compare(|value, wanted| value > wanted),
        "Lt" => compare(|value, wanted| value < wanted),
        _ => false,
    }
}

//! Which pods a NetworkPolicy isolates, direction by direction: the API's own definition
//! (k8s.io/api/networking/v1/types.go), nothing about what a network plugin makes of it.

use crate::record::policy::{Direction, Policy};
use crate::record::{Records, Workload};
use mlops_shared::object::{ObjectRef, Sym};
use std::collections::{BTreeMap, HashMap};

/// The policies of a run by namespace.
pub(super) struct Policies<'a> {
    by_namespace: HashMap<&'a Sym, Vec<&'a Policy>>,
}

impl<'a> Policies<'a> {
    pub(super) fn new(records: &'a Records) -> Self {
        let mut by_namespace: HashMap<&Sym, Vec<&Policy>> = HashMap::new();
        for policy in &records.policies {
            by_namespace.entry(&policy.head.meta.namespace).or_default().push(policy);
        }
        Self { by_namespace }
    }

    /// Those of a namespace.
    pub(super) fn of(&self, namespace: &Sym) -> &[&'a Policy] {
        self.by_namespace.get(namespace).map_or(&[], Vec::as_slice)
    }

    /// Those that isolate the pods of a workload in a direction. Their rules are added up: what one lets
    /// through goes through.
    pub(super) fn isolating(&self, workload: &Workload, direction: Direction) -> Vec<&'a Policy> {
        let fits = |policy: &&&Policy| policy.isolates(direction) && policy.spec.pod_selector.matches(&workload.labels);
        self.of(&workload.head.meta.namespace).iter().filter(fits).copied().collect()
    }

    /// Whether one of them isolates the pods of a workload in a direction.
    pub(super) fn isolate(&self, workload: &Workload, direction: Direction) -> bool {
        !self.isolating(workload, direction).is_empty()
    }
}

/// What stands for its pods in a report, and those of its pods or templates that were read.
pub fn workloads(records: &Records) -> BTreeMap<ObjectRef, Vec<&Workload>> {
    let mut all: BTreeMap<ObjectRef, Vec<&Workload>> = BTreeMap::new();
    for workload in &records.workloads {
        // What has ended talks to nobody; a template that is owned is told by its owner's.
        let is_told = !workload.is_pod() && records.is_owned(&workload.head);
        if !workload.is_ended && !is_told {
            all.entry(records.top(&workload.head)).or_default().push(workload);
        }
    }
    all
}

/// The workloads with pods that anybody may talk to, or that may talk to anybody, because no policy selects
/// them: the workload and the direction.
pub fn unprotected(records: &Records) -> Vec<(ObjectRef, Direction)> {
    let policies = Policies::new(records);
    let mut found = Vec::new();
    for (object, members) in workloads(records) {
        for direction in Direction::ALL {
            if members.iter().any(|member| !policies.isolate(member, direction)) {
                found.push((object.clone(), direction));
            }
        }
    }
    found
}

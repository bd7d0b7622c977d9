//! A verdict for one object, and the graph that names the one cause of many.
//!
//! Everything here is pure: objects, thresholds and `now` in, verdicts out.

pub mod api_versions;
mod argo;
mod argo_rollout;
mod batch;
mod build;
mod cert_manager;
mod cnpg;
mod codes_of_graph;
mod controllers;
mod culprit;
mod deletion;
mod device;
mod expectations;
mod extension;
mod external_secrets;
mod flux;
pub mod fullness;
mod gateway;
mod generic;
mod grafana;
mod graph;
mod judge;
mod keda;
mod knative;
mod kserve;
mod lead_condition;
mod managed;
mod meaning;
mod minio;
mod monitors;
mod network;
mod node;
mod pauses;
mod pod;
mod policy;
mod precedence;
mod prometheus;
mod queueing;
mod ray;
mod refusal;
mod related;
mod schedule;
mod sealed_secret;
mod served_versions;
mod service;
mod signing_request;
mod spark;
mod stateless;
mod storage;
mod strimzi;
mod table;
#[cfg(test)]
pub(crate) mod testing;
mod training;
mod velero;
mod workload;

pub use build::{Ingredients, coverage, describe, report};
pub use expectations::Absence;
pub use graph::{Node, Root};
pub use judge::{Judgement, judge};
pub use related::Related;
pub use table::{Assess, RULES, Rule, all_codes, find_code, groups};

use crate::object::{Body, Object};
use crate::report::Verdict;
use jiff::Timestamp;

/// The verdict for one object.
///
/// Precedence: an object that could not be read is unknown; one that is being deleted is judged by
/// its deletion; then its kind's own rule, or the generic engine where there is none. Kind rules
/// themselves put suspension before a generation that was not observed, and that before conditions.
pub fn assess(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    if let Body::Unreadable(why) = &object.body {
        return Verdict::unknown(&precedence::OBJECT_UNREADABLE, format!("cannot be judged: {why}"));
    }
    if let Some(verdict) = precedence::terminating(object, related, now) {
        return deletion::explain(object, verdict, related);
    }
    let rule = table::find(&object.ty.group, &object.ty.kind);
    let verdict = rule.map_or(generic::assess as Assess, |rule| rule.assess)(object, related, now);
    let verdict = meaning::note(object, verdict, related);
    let verdict = served_versions::note(object, verdict, related);
    pauses::note(object, verdict, related, now)
}

//! `readyReplicas` and its kin against what is wanted.

use super::{GENERIC_NOT_READY, GENERIC_READY, GENERIC_REPLICAS};
use crate::object::Custom;
use crate::report::Verdict;

/// How many there should be, by the spec, else by the status.
const WANTED: &[&str] = &["/replicas", "/instances", "/size", "/nodes"];
const WANTED_BY_STATUS: &[&str] =
    &["/desiredReplicas", "/desiredNumberScheduled", "/expectedNodes", "/expectedReplicas", "/replicas"];

/// How many are ready.
const READY: &[&str] = &[
    "/readyReplicas",
    "/readyInstances",
    "/availableReplicas",
    "/numberReady",
    "/numberAvailable",
    "/availableNodes",
    "/readyNodes",
];

/// How many are healthy, of how many that are watched: who is watched and not healthy is broken.
const HEALTHY: &[(&str, &str)] = &[("/currentHealthy", "/expectedMachines"), ("/currentHealthy", "/desiredHealthy")];

/// The verdict by the first pair of numbers that is there.
pub(super) fn judge(custom: &Custom) -> Option<Verdict> {
    let watched = HEALTHY
        .iter()
        .find_map(|(healthy, wanted)| Some((custom.status_number(healthy)?, custom.status_number(wanted)?)));
    if let Some((healthy, wanted)) = watched {
        let text = format!("{healthy} of {wanted} healthy");
        return Some(if healthy < wanted {
            Verdict::fail(&GENERIC_NOT_READY, text)
        } else {
            Verdict::ok(&GENERIC_READY, text)
        });
    }
    let wanted = WANTED.iter().find_map(|pointer| custom.spec_number(pointer));
    let wanted = wanted.or_else(|| WANTED_BY_STATUS.iter().find_map(|pointer| custom.status_number(pointer)))?;
    let ready = READY.iter().find_map(|pointer| custom.status_number(pointer));
    // A count of zero is left out of JSON by many; a count of what is wanted says that they count.
    let ready = match ready {
        Some(ready) => ready,
        None if custom.status_number("/expectedNodes").is_some() => 0,
        None if custom.status_number("/numberUnavailable").is_some() => 0,
        None => return None,
    };
    let text = format!("{ready} of {wanted} replicas ready");
    Some(if ready < wanted { Verdict::progressing(&GENERIC_REPLICAS, text) } else { Verdict::ok(&GENERIC_READY, text) })
}

//! MinIO tenants: their pools do not change, they are added, and leave once the server has moved everything off them.

mod add;
mod remove;
pub(crate) mod server;
mod shape;
#[cfg(test)]
mod tests;

use super::Target;
use crate::plan::Draft;
use crate::preflight::check;
use crate::progress::{Look, Progress};
use crate::settings::{Ask, Goal};
use crate::situation::{Replicas, Situation};
use crate::status::Item;
use jiff::Timestamp;
use mlops_shared::object::{Object, Pod};
use mlops_shared::report::{Level, Preflight};
use mlops_shared::text::plural;
use serde_json::Value;
use shape::Shape;

const GROUP: &str = "minio.min.io";

/// A tenant.
#[derive(Debug)]
pub(crate) struct Tenant;

impl Target for Tenant {
    fn claims(&self, group: &str, kind: &str) -> bool {
        (group, kind) == (GROUP, "Tenant")
    }

    fn kinds(&self) -> &'static [(&'static str, &'static str)] {
        &[("apps", "Deployment"), (GROUP, "Tenant")]
    }

    fn needs_scale(&self) -> bool {
        false
    }

    fn takes(&self, goal: &Goal) -> bool {
        matches!(goal, Goal::AddPool | Goal::Decommission(_))
    }

    fn replicas(&self, json: &Value) -> Option<Replicas> {
        let name = json.get("metadata").and_then(|meta| meta.get("name")).and_then(Value::as_str).unwrap_or_default();
        let count = |pointer: &str| json.pointer(pointer).and_then(Value::as_array).map_or(0, Vec::len);
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Some(Replicas {
            wanted: number(count("/spec/pools")),
            current: number(count("/status/pools")),
            selector: format!("v1.min.io/tenant={name}"),
        })
    }

    fn path(&self, _: &Ask, _: &Value) -> Option<&'static str> {
        Some(".spec.pools")
    }

    fn request(&self, situation: &Situation<'_>) -> Option<String> {
        let subject = situation.subject();
        match (&situation.ask.goal, &situation.ask.pool) {
            (Goal::Decommission(pool), _) => Some(format!("take pool {pool} out of {subject}")),
            (_, Some((shape, _))) => Some(format!("add a pool of {shape} to {subject}")),
            _ => None,
        }
    }

    // Older operators copy a tenant's annotations to its pods: a mark would restart them.
    fn marks(&self) -> bool {
        false
    }

    fn told(&self, object: &Object, _: Timestamp) -> Vec<Item> {
        let Some(custom) = object.custom().filter(|_| object.is(GROUP, "Tenant")) else { return Vec::new() };
        let state = custom.status_text("/currentState");
        let (wanted, there) = (custom.spec_list("/pools").len(), custom.status_list("/pools").len());
        let (what, level) = match () {
            () if state.contains("Not Allowed") => ("decommission", Level::Warn),
            () if state.contains("Decommissioning") => ("decommission", Level::Progressing),
            // Tenants bear no marks: a pool that comes or goes is seen by what the operator has not done yet.
            () if wanted != there && there > 0 => {
                let message = format!("{} there, {wanted} wanted: the operator says: {state}", plural(there, "pool"));
                return vec![Item::of(object, "scaling", Level::Progressing, message)];
            }
            () => return Vec::new(),
        };
        vec![Item::of(object, what, level, format!("the operator says: {state}"))]
    }

    fn draft(&self, situation: &Situation<'_>, draft: &mut Draft) {
        match &situation.ask.goal {
            Goal::Decommission(pool) => remove::remove(situation, draft, pool),
            _ => add::add(situation, draft),
        }
    }

    fn reached(&self, goal: u32) -> String {
        format!("{}, and all servers are ready", plural(goal as usize, "pool"))
    }

    fn progress(&self, look: &Look<'_>) -> Progress {
        if look.wanted != look.goal {
            return look.reverted();
        }
        let waiting = |summary: String| Progress::Waiting { summary, reasons: look.reasons() };
        let state = look.json.pointer("/status/currentState").and_then(Value::as_str).unwrap_or_default();
        if state.contains("Not Allowed") {
            return Progress::Refused { why: format!("the operator does not do it: {state}"), hints: Vec::new() };
        }
        let wanted: u64 = pools(look.json).iter().filter_map(of).map(|shape| shape.servers).sum();
        let pods = look.pods.of_kind("", "Pod");
        if look.pods.section("", "Pod").is_some() {
            let ready = pods.iter().filter(|pod| pod.pod().is_some_and(Pod::is_ready)).count();
            if ready as u64 != wanted || pods.len() as u64 != wanted {
                return waiting(format!("{ready} of {wanted} servers are ready, {} there", plural(pods.len(), "pod")));
            }
        } else if look.current != look.goal {
            return waiting(format!("{} of {} pools", look.current, look.goal));
        }
        if state != "Initialized" {
            return waiting(format!("the operator says: {state}"));
        }
        Progress::Reached
    }
}

/// The pools of a tenant's spec.
fn pools(json: &Value) -> &[Value] {
    json.pointer("/spec/pools").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn name(pool: &Value) -> &str {
    pool.get("name").and_then(Value::as_str).unwrap_or_default()
}

/// The shape of a pool of a spec.
fn of(pool: &Value) -> Option<Shape> {
    let number = |key: &str| pool.get(key).and_then(Value::as_u64);
    Some(Shape { servers: number("servers")?, volumes: number("volumesPerServer")? })
}

/// Pools by name: the operator takes another number of pools for a removal only where every pool has a name of its own.
fn unnamed(situation: &Situation<'_>, draft: &mut Draft) {
    let all = pools(situation.json);
    let mut names: Vec<&str> = all.iter().map(name).collect();
    names.sort_unstable();
    let is_odd = names.iter().any(|name| name.is_empty()) || names.windows(2).any(|pair| pair[0] == pair[1]);
    if is_odd {
        let reason = "not every pool has a name of its own: the operator cannot tell which one came or went";
        draft.refuse(situation.refusal("pools-unnamed", reason, &["name the pools first, one by one"]));
    }
}

/// How the drives are: pools neither come nor go while some are offline or healing.
fn drives(situation: &Situation<'_>) -> Preflight {
    let status = |key: &str| situation.json.get("status").and_then(|status| status.get(key));
    let number = |key: &str| status(key).and_then(Value::as_i64);
    let health = status("healthStatus").and_then(Value::as_str).unwrap_or_default();
    let state = status("currentState").and_then(Value::as_str).unwrap_or_default();
    let (offline, healing) = (number("drivesOffline").unwrap_or(0), number("drivesHealing").unwrap_or(0));
    let told = match number("drivesOnline") {
        Some(online) => format!("{online} drives online, {offline} offline, {healing} healing"),
        None => "drives not counted".to_owned(),
    };
    match () {
        () if state.is_empty() || health.is_empty() => {
            check("drives", Level::Unknown, format!("how the drives are its status does not say: {told}"), Vec::new())
        }
        () if state != "Initialized" => {
            check("drives", Level::Fail, format!("the tenant is not initialised: {state}"), vec![told])
        }
        () if health != "green" || offline > 0 || healing > 0 => {
            check("drives", Level::Fail, format!("health is {health}: {told}"), Vec::new())
        }
        () => check("drives", Level::Ok, format!("health is green: {told}"), Vec::new()),
    }
}

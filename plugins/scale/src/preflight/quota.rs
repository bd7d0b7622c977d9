//! Whether ResourceQuotas leave room for more pods and claims, and LimitRanges let them in.

use super::fit::show;
use super::pods::{Wanted, array};
use super::{check, unread};
use crate::situation::Situation;
use mlops_shared::report::{Level, Preflight};
use mlops_shared::text::Quantity;
use serde_json::Value;
use std::collections::BTreeSet;

/// Claims that are made along with the pods.
#[derive(Debug, Clone, Default)]
pub(crate) struct Claims(Vec<Alike>);

/// So many claims of one class and size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Alike {
    pub(crate) class: Option<String>,
    pub(crate) size: Quantity,
    pub(crate) count: u32,
}

impl Claims {
    /// Adds so many of a class and size.
    pub(crate) fn add(&mut self, class: Option<String>, size: Quantity, count: u32) {
        match self.0.iter_mut().find(|it| it.class == class && it.size == size) {
            Some(alike) => alike.count = alike.count.saturating_add(count),
            None => self.0.push(Alike { class, size, count }),
        }
    }

    /// Their classes.
    pub(crate) fn classes(&self) -> BTreeSet<Option<String>> {
        self.0.iter().map(|it| it.class.clone()).collect()
    }

    /// How many there are, of a class or of all.
    pub(crate) fn count(&self, class: Option<&str>) -> u32 {
        self.of(class).fold(0, |sum, it| sum.saturating_add(it.count))
    }

    /// What they ask for together, of a class or of all.
    pub(crate) fn size(&self, class: Option<&str>) -> Quantity {
        self.of(class).map(|it| times(it.size, it.count)).sum()
    }

    fn of(&self, class: Option<&str>) -> impl Iterator<Item = &Alike> {
        self.0.iter().filter(move |it| class.is_none() || it.class.as_deref() == class)
    }
}

fn times(amount: Quantity, count: u32) -> Quantity {
    Quantity::from_millis(amount.millis().saturating_mul(i64::from(count)))
}

/// The limits of the namespace's LimitRanges.
pub(crate) fn ranges<'a>(situation: &Situation<'a>) -> Vec<&'a Value> {
    let all = situation.inventory.in_namespace("", "LimitRange", &situation.object.meta.namespace).iter();
    all.filter_map(|object| object.custom()?.spec_at("")).collect()
}

/// Whether the quotas of the namespace leave room for so many pods and claims.
pub(crate) fn quota(situation: &Situation<'_>, wanted: &Wanted<'_>, more: u32, claims: &Claims) -> Preflight {
    if let Some(gap) = unread(situation, "", "ResourceQuota") {
        return check("quota", Level::Unknown, format!("whether a quota forbids it is not known: {gap}"), Vec::new());
    }
    let quotas = situation.inventory.in_namespace("", "ResourceQuota", &situation.object.meta.namespace);
    let (mut over, mut fits, mut scoped) = (Vec::new(), Vec::new(), Vec::new());
    for object in quotas {
        let Some(custom) = object.custom() else { continue };
        let is_scoped = !custom.spec_list("/scopes").is_empty() || custom.spec_at("/scopeSelector").is_some();
        let hard = custom.spec_at("/hard").and_then(Value::as_object).into_iter().flatten();
        for (name, limit) in hard {
            let Some(adds) = adds(name, wanted, more, claims) else { continue };
            let used = custom.status_at(&format!("/used/{}", name.replace('~', "~0").replace('/', "~1")));
            let line = match (amount(limit), used.and_then(amount), adds) {
                (Some(limit), Some(used), Ok(adds)) => {
                    let text = |amount| show(unit(name), amount);
                    let line = format!(
                        "{} {name}: {} of {} used, {} more",
                        object.meta.name,
                        text(used),
                        text(limit),
                        text(adds)
                    );
                    if used + adds <= limit || adds == Quantity::ZERO {
                        fits.push(line);
                        continue;
                    }
                    line
                }
                (_, _, Err(why)) => format!("{} {name}: {why}", object.meta.name),
                _ => {
                    scoped.push(format!("{} {name}: what is used of it is not known", object.meta.name));
                    continue;
                }
            };
            if is_scoped { scoped.push(format!("{line}, where its scopes apply")) } else { over.push(line) }
        }
    }
    if !over.is_empty() {
        return check("quota", Level::Fail, "cannot: a quota of the namespace forbids it", over);
    }
    if !scoped.is_empty() {
        return check("quota", Level::Warn, "a quota of the namespace may forbid it", scoped);
    }
    let message = if fits.is_empty() { "no quota of the namespace counts it" } else { "the quotas leave room" };
    check("quota", Level::Ok, message, fits)
}

/// The resource by whose unit an entry of a quota is written.
fn unit(name: &str) -> &str {
    name.strip_prefix("requests.").or_else(|| name.strip_prefix("limits.")).unwrap_or(name)
}

fn amount(value: &Value) -> Option<Quantity> {
    match value {
        Value::String(text) => Quantity::parse(text),
        other => other.as_i64().map(Quantity::from_units),
    }
}

/// What the change adds to an entry of a quota; `None` where the entry counts something else, an error where pods that
/// say nothing of it are not let in.
fn adds(name: &str, wanted: &Wanted<'_>, more: u32, claims: &Claims) -> Option<Result<Quantity, String>> {
    let objects = |count: u32| Some(Ok(Quantity::from_units(i64::from(count))));
    let pod = wanted.pod();
    let says = |is_limit: bool, resource: &str| {
        pod.all_containers().all(|container| {
            let amount = if is_limit { container.limit(resource) } else { container.request(resource) };
            amount > Quantity::ZERO
        })
    };
    let storage = |class: Option<&str>| Some(Ok(claims.size(class)));
    match name {
        "pods" | "count/pods" => objects(more),
        "persistentvolumeclaims" | "count/persistentvolumeclaims" => objects(claims.count(None)),
        "requests.storage" => storage(None),
        name => {
            if let Some((class, what)) = name.split_once(".storageclass.storage.k8s.io/") {
                return match what {
                    "requests.storage" => storage(Some(class)),
                    "persistentvolumeclaims" => objects(claims.count(Some(class))),
                    _ => None,
                };
            }
            let (resource, is_limit) = match name {
                "cpu" | "memory" => (name, false),
                name => match (name.strip_prefix("requests."), name.strip_prefix("limits.")) {
                    (Some(resource), _) => (resource, false),
                    (_, Some(resource)) => (resource, true),
                    _ => return None,
                },
            };
            // Quota lets no pod in that says nothing of cpu or memory where it counts them.
            if matches!(resource, "cpu" | "memory") && !says(is_limit, resource) && pod.resources.is_none() {
                let what = if is_limit { "limit" } else { "request" };
                return Some(Err(format!("it counts {resource}, and a container has no {what} of it")));
            }
            let each = if is_limit { pod.limit(resource).unwrap_or_default() } else { pod.request(resource) };
            Some(Ok(times(each, more)))
        }
    }
}

/// Whether a LimitRange of the namespace keeps such a pod out.
pub(crate) fn limits(situation: &Situation<'_>, wanted: &Wanted<'_>) -> Preflight {
    if let Some(gap) = unread(situation, "", "LimitRange") {
        return check(
            "limits",
            Level::Unknown,
            format!("whether a LimitRange forbids it is not known: {gap}"),
            Vec::new(),
        );
    }
    let pod = wanted.pod();
    let mut broken = Vec::new();
    let all = situation.inventory.in_namespace("", "LimitRange", &situation.object.meta.namespace).iter();
    for (name, custom) in all.filter_map(|object| Some((&object.meta.name, object.custom()?))) {
        for limit in array(custom.spec_at("/limits")) {
            let ty = limit.get("type").and_then(Value::as_str).unwrap_or_default();
            let bound = |key: &str| limit.get(key).and_then(Value::as_object).into_iter().flatten();
            for (resource, max) in bound("max").filter_map(|(resource, max)| Some((resource, amount(max)?))) {
                let over = match ty {
                    "Pod" => pod.limit(resource).unwrap_or_else(|| pod.request(resource)) > max,
                    "Container" => pod.all_containers().any(|it| it.limit(resource).max(it.request(resource)) > max),
                    _ => false,
                };
                if over {
                    broken.push(format!(
                        "{name}: more than {} {resource} a {}",
                        show(resource, max),
                        ty.to_lowercase()
                    ));
                }
            }
            for (resource, min) in bound("min").filter_map(|(resource, min)| Some((resource, amount(min)?))) {
                let under = match ty {
                    "Pod" => pod.request(resource) < min,
                    "Container" => pod.all_containers().any(|it| it.request(resource) < min),
                    _ => false,
                };
                if under {
                    broken.push(format!(
                        "{name}: less than {} {resource} a {}",
                        show(resource, min),
                        ty.to_lowercase()
                    ));
                }
            }
        }
    }
    match broken.is_empty() {
        true => check("limits", Level::Ok, "no LimitRange of the namespace keeps it out", broken),
        false => check("limits", Level::Fail, "cannot: a LimitRange of the namespace keeps such pods out", broken),
    }
}

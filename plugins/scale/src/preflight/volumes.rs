//! The claims of a StatefulSet's replicas: which are made, which are there already, and whether their class exists.

use super::pods::array;
use super::quota::Claims;
use super::{check, unread};
use crate::situation::Situation;
use mlops_shared::object::{Body, Claim, Lookup, StorageClass};
use mlops_shared::report::{Level, Preflight};
use mlops_shared::text::Quantity;
use serde_json::Value;
use std::ops::Range;

const DEFAULT: [&str; 2] =
    ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];

/// The first ordinal of a StatefulSet's pods (`spec.ordinals.start`).
pub(crate) fn start(json: &Value) -> u32 {
    json.pointer("/spec/ordinals/start")
        .and_then(Value::as_u64)
        .and_then(|start| u32::try_from(start).ok())
        .unwrap_or(0)
}

/// Claims that are made along with so many new pods of an operator: for each pod of these classes and sizes, so many.
pub(crate) fn new_claims(
    situation: &Situation<'_>,
    each: &[(Option<String>, Quantity, u32)],
    pods: u32,
) -> (Claims, Option<Preflight>) {
    let mut claims = Claims::default();
    for (class, size, count) in each {
        let class = class.clone().or_else(|| default_class(situation));
        claims.add(class, *size, count.saturating_mul(pods));
    }
    let check = (claims.count(None) > 0).then(|| class_check(situation, &claims));
    (claims, check)
}

/// The names of the claims of each of these replicas.
pub(crate) fn names(situation: &Situation<'_>, replicas: Range<u32>) -> Vec<Vec<String>> {
    let templates = array(situation.json.pointer("/spec/volumeClaimTemplates"));
    let start = start(situation.json);
    let of = |replica: u32| {
        let names = templates.iter().filter_map(|it| it.pointer("/metadata/name").and_then(Value::as_str));
        names.map(|name| format!("{name}-{}-{}", situation.object.meta.name, start + replica)).collect()
    };
    replicas.map(of).collect()
}

/// The claims of these replicas that have to be made, and what is to be said of them. `replicas` counts from zero.
pub(crate) fn claims(situation: &Situation<'_>, replicas: Range<u32>) -> (Claims, Vec<Preflight>) {
    let templates = array(situation.json.pointer("/spec/volumeClaimTemplates"));
    if templates.is_empty() {
        return (Claims::default(), Vec::new());
    }
    if let Some(gap) = unread(situation, "", "PersistentVolumeClaim") {
        let message = format!("which claims are there already is not known: {gap}");
        return (Claims::default(), vec![check("volumes", Level::Unknown, message, Vec::new())]);
    }
    let (mut made, mut reused, mut lost) = (Claims::default(), Vec::new(), Vec::new());
    let start = start(situation.json);
    let meta = &situation.object.meta;
    for template in templates {
        let text = |pointer: &str| template.pointer(pointer).and_then(Value::as_str);
        let class = text("/spec/storageClassName").map(str::to_owned).or_else(|| default_class(situation));
        let size = text("/spec/resources/requests/storage").and_then(Quantity::parse).unwrap_or_default();
        for replica in replicas.clone() {
            let name = format!("{}-{}-{}", text("/metadata/name").unwrap_or_default(), meta.name, start + replica);
            match situation.inventory.get("", "PersistentVolumeClaim", &meta.namespace, &name) {
                Lookup::Found(object) => match &object.body {
                    Body::Claim(claim) if &*claim.status.phase == "Lost" => {
                        lost.push(format!("{name} has lost its volume"))
                    }
                    Body::Claim(claim) => reused.push(used_again(&name, claim)),
                    _ => reused.push(name),
                },
                Lookup::Missing | Lookup::Unread => {
                    made.add(class.clone(), size, 1);
                }
            }
        }
    }
    let mut checks = Vec::new();
    if !lost.is_empty() {
        checks.push(check("volumes", Level::Fail, "cannot: claims of these replicas have lost their volumes", lost));
    }
    if !reused.is_empty() {
        let message = match unread(situation, "", "PersistentVolume") {
            None => "replicas get claims that are left from before, with the data that is on them".to_owned(),
            Some(gap) => format!(
                "replicas get claims that are left from before, with the data that is on them; where their volumes can be \
                 attached is not known: {gap}"
            ),
        };
        checks.push(check("volumes", Level::Warn, message, reused));
    }
    if made.count(None) > 0 {
        checks.push(class_check(situation, &made));
    }
    (made, checks)
}

fn used_again(name: &str, claim: &Claim) -> String {
    let volume =
        if claim.spec.volume_name.is_empty() { "no volume yet".to_owned() } else { claim.spec.volume_name.to_string() };
    format!("{name}: {} ({volume})", claim.status.phase)
}

fn class_of<'a>(situation: &'a Situation<'_>, name: &str) -> Option<&'a StorageClass> {
    match &situation.inventory.get("storage.k8s.io", "StorageClass", "", name).found()?.body {
        Body::StorageClass(class) => Some(class),
        _ => None,
    }
}

fn default_class(situation: &Situation<'_>) -> Option<String> {
    let all = situation.inventory.of_kind("storage.k8s.io", "StorageClass").iter();
    let mut default = all.filter(|it| DEFAULT.iter().any(|key| it.meta.annotations.get(key) == Some("true")));
    default.next().map(|class| class.meta.name.to_string())
}

fn class_check(situation: &Situation<'_>, claims: &Claims) -> Preflight {
    let classes = claims.classes();
    let what = format!(
        "{} with {} in all",
        mlops_shared::text::plural(claims.count(None) as usize, "new claim"),
        mlops_shared::text::bytes(claims.size(None))
    );
    if let Some(gap) = unread(situation, "storage.k8s.io", "StorageClass") {
        return check(
            "storage",
            Level::Unknown,
            format!("{what}; whether their class is there is not known: {gap}"),
            Vec::new(),
        );
    }
    let mut evidence = Vec::new();
    let mut missing = Vec::new();
    for class in &classes {
        match class.as_deref() {
            None => missing.push("no class is asked for, and none is the default".to_owned()),
            Some("") => {
                missing.push("no class is wanted: volumes must be there already, which is not checked".to_owned())
            }
            Some(name) => match class_of(situation, name) {
                None => missing.push(format!("the StorageClass {name} is not there")),
                Some(class) => evidence.push(format!("{name}: made by {}", class.provisioner)),
            },
        }
    }
    if missing.is_empty() {
        return check("storage", Level::Ok, format!("{what}, of classes that are there"), evidence);
    }
    let is_open = classes.iter().all(|class| class.as_deref() == Some(""));
    let level = if is_open { Level::Warn } else { Level::Fail };
    check("storage", level, format!("{what}: their volumes would not be made"), missing)
}

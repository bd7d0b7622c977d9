//! The claims that new pods come with: which are made, which are there already, and whether their class exists.

use super::pods::array;
use super::quota::Claims;
use super::{check, unread};
use crate::situation::Situation;
use mlops_shared::object::{Body, Claim, StorageClass};
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

/// A claim that a new pod comes with.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Its name, where that is known: a claim of that name may be left from before.
    pub(crate) name: Option<String>,
    /// Its class; `None` for the default one.
    pub(crate) class: Option<String>,
    /// Its size.
    pub(crate) size: Quantity,
}

/// What each of these replicas of a StatefulSet claims. `replicas` counts from zero.
pub(crate) fn of_templates(situation: &Situation<'_>, replicas: Range<u32>) -> Vec<Vec<Wanted>> {
    let templates = array(situation.json.pointer("/spec/volumeClaimTemplates"));
    let (start, set) = (start(situation.json), &situation.object.meta.name);
    let wanted = |template: &Value, pod: u32| {
        let text = |pointer: &str| template.pointer(pointer).and_then(Value::as_str);
        Wanted {
            name: Some(format!("{}-{set}-{pod}", text("/metadata/name").unwrap_or_default())),
            class: text("/spec/storageClassName").map(str::to_owned),
            size: text("/spec/resources/requests/storage").and_then(Quantity::parse).unwrap_or_default(),
        }
    };
    replicas.map(|replica| templates.iter().map(|it| wanted(it, start + replica)).collect()).collect()
}

/// Those of the claims that have to be made, and what is to be said of all: of each new pod those that it comes with.
pub(crate) fn claims(situation: &Situation<'_>, wanted: &[Vec<Wanted>]) -> (Claims, Vec<Preflight>) {
    let is_left = wanted.iter().flatten().any(|it| it.name.is_some());
    if let Some(gap) = unread(situation, "", "PersistentVolumeClaim").filter(|_| is_left) {
        let message = format!("which claims are there already is not known: {gap}");
        return (Claims::default(), vec![check("volumes", Level::Unknown, message, Vec::new())]);
    }
    let (mut made, mut reused, mut lost) = (Claims::default(), Vec::new(), Vec::new());
    for it in wanted.iter().flatten() {
        match it.name.as_deref().and_then(|name| Some((name, claim(situation, name)?))) {
            Some((name, claim)) if &*claim.status.phase == "Lost" => lost.push(format!("{name} has lost its volume")),
            Some((name, claim)) => reused.push(used_again(name, claim)),
            None => made.add(it.class.clone().or_else(|| default_class(situation)), it.size, 1),
        }
    }
    let mut checks = Vec::new();
    if !lost.is_empty() {
        checks.push(check("volumes", Level::Fail, "cannot: claims of the new pods have lost their volumes", lost));
    }
    if !reused.is_empty() {
        let message = match unread(situation, "", "PersistentVolume") {
            None => "new pods get claims that are left from before, with the data that is on them".to_owned(),
            Some(gap) => format!(
                "new pods get claims that are left from before, with the data that is on them; where their volumes can be \
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

/// A claim in the object's namespace.
pub(super) fn claim<'a>(situation: &'a Situation<'_>, name: &str) -> Option<&'a Claim> {
    let namespace = &situation.object.meta.namespace;
    match &situation.inventory.get("", "PersistentVolumeClaim", namespace, name).found()?.body {
        Body::Claim(claim) => Some(claim),
        _ => None,
    }
}

fn used_again(name: &str, claim: &Claim) -> String {
    let volume =
        if claim.spec.volume_name.is_empty() { "no volume yet".to_owned() } else { claim.spec.volume_name.to_string() };
    format!("{name}: {} ({volume})", claim.status.phase)
}

/// A class.
pub(super) fn class_of<'a>(situation: &'a Situation<'_>, name: &str) -> Option<&'a StorageClass> {
    match &situation.inventory.get("storage.k8s.io", "StorageClass", "", name).found()?.body {
        Body::StorageClass(class) => Some(class),
        _ => None,
    }
}

/// The class of claims that ask for none by name.
pub(super) fn default_class(situation: &Situation<'_>) -> Option<String> {
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

//! What becomes of a change of one field, given who manages the object and who sets the field.

use super::chain::{Chain, Link, Manager, Presence};
use super::fields::Fields;
use super::hold::ExemptionKind;
use super::immutable::refusal;
use super::path::FieldPath;
use super::setters::{Setter, is_folded_by_flux};
use super::{Managers, PAUSED_UNTIL};
use crate::object::{Body, Custom, Object, ObjectRef, SectionState, Unread};
use crate::text;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use wildmatch::WildMatch;

/// A change that somebody is about to make.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    /// Of which field.
    pub path: &'a FieldPath,
    /// The field manager that will write it.
    pub manager: &'a str,
}

/// The object as it is now: its record, its JSON, and who sets its fields.
#[derive(Debug, Clone)]
pub struct Live<'a> {
    /// The record.
    pub object: &'a Object,
    /// The object as the API server gives it, managedFields included.
    pub json: &'a Value,
    /// The managers of its fields.
    pub fields: Fields,
}

impl<'a> Live<'a> {
    /// From a record and the JSON that it was made from.
    pub fn new(object: &'a Object, json: &'a Value) -> Self {
        Self { object, json, fields: Fields::of(json) }
    }
}

/// What becomes of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Somebody undoes it.
    Undone {
        /// Who.
        by: ObjectRef,
        /// Within which time, where it is known; otherwise when that one next acts.
        when: Option<SignedDuration>,
        /// Why, a lower-case fragment.
        why: String,
    },
    /// It stays.
    Survives {
        /// Until what happens, where something will end it.
        until: Option<String>,
        /// Why, a lower-case fragment.
        why: String,
    },
    /// The API server does not take it.
    Refused {
        /// Why, a lower-case fragment.
        why: String,
    },
    /// Nobody can tell.
    Unknown {
        /// Why, a lower-case fragment.
        why: String,
    },
}

/// What becomes of a change of the object itself. Rules in their order: what the API server refuses; autoscalers; the
/// object's owner; whatever deploys it. The value does not matter, but for one thing: a HorizontalPodAutoscaler leaves
/// a target alone that is scaled to zero.
pub fn predict(change: Change<'_>, live: &Live<'_>, managers: &Managers<'_>) -> Outcome {
    if let Some(why) = refusal(live.object, live.json, change.path) {
        return Outcome::Refused { why };
    }
    if let Some(outcome) = autoscaled(change, live, managers) {
        return outcome;
    }
    let chain = managers.of(live.object);
    let outcome = match chain.links.first() {
        None if chain.unread.is_empty() => survives(None, "neither Flux nor Helm nor Argo CD manages it"),
        None => unknown(format!("{} were not read: one of them may manage it", chain.unread.join(", "))),
        Some(link) if link.manager == Manager::Controller => owned(change, live, link),
        Some(link) => deployed(change, live, link, &chain, managers),
    };
    match outcome {
        // An autoscaler that nobody could read may be there.
        Outcome::Survives { .. }
            if change.path.is_within(&["spec", "replicas"]) && !autoscalers_were_read(managers) =>
        {
            unknown("HorizontalPodAutoscalers were not read: one of them may set the replicas")
        }
        outcome => outcome,
    }
}

fn autoscalers_were_read(managers: &Managers<'_>) -> bool {
    let inventory = managers.inventory();
    match inventory.section("autoscaling", "HorizontalPodAutoscaler").map(|section| &section.state) {
        Some(SectionState::Read(_)) => true,
        Some(SectionState::Unread(Unread::NotServed)) => true,
        Some(SectionState::Partly(..) | SectionState::Unread(_)) => false,
        // A whole view without the kind has none; a pile of manifests does not say.
        None => inventory.is_complete(),
    }
}

fn survives(until: Option<&str>, why: impl Into<String>) -> Outcome {
    Outcome::Survives { until: until.map(str::to_owned), why: why.into() }
}

fn unknown(why: impl Into<String>) -> Outcome {
    Outcome::Unknown { why: why.into() }
}

/// Autoscalers that own what is changed.
fn autoscaled(change: Change<'_>, live: &Live<'_>, managers: &Managers<'_>) -> Option<Outcome> {
    let (object, inventory) = (live.object, managers.inventory());
    let namespace = &object.meta.namespace;
    let is_target = |api_version: &str, kind: &str, name: &str| {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        // KEDA's default target is a Deployment.
        let group = if kind.is_empty() && api_version.is_empty() { "apps" } else { group };
        let kind = if kind.is_empty() { "Deployment" } else { kind };
        object.is(group, kind) && *object.meta.name == *name
    };
    let targets = |custom: &Custom, at: &str| {
        let text = |key: &str| custom.spec_text(&format!("/{at}/{key}")).to_owned();
        is_target(&text("apiVersion"), &text("kind"), &text("name"))
    };
    if change.path.is_within(&["spec", "replicas"]) {
        let keda = inventory.in_namespace("keda.sh", "ScaledObject", namespace).iter();
        let mut scaled = keda.filter(|it| it.custom().is_some_and(|custom| targets(custom, "scaleTargetRef")));
        if let Some(scaler) = scaled.next() {
            return Some(match super::hold(scaler) {
                Some(hold) => survives(
                    Some(&format!("{} is resumed", scaler.reference())),
                    format!("{} is paused by {}", scaler.reference(), hold.how),
                ),
                None => undone(scaler.reference(), None, "KEDA sets the replicas: change its minimum and maximum"),
            });
        }
        let mut autoscalers = inventory.in_namespace("autoscaling", "HorizontalPodAutoscaler", namespace).iter();
        let found = autoscalers.find(|it| match &it.body {
            Body::Autoscaler(autoscaler) => {
                let target = &autoscaler.spec.scale_target_ref;
                is_target(&target.api_version, &target.kind, &target.name)
            }
            _ => false,
        });
        if let Some(autoscaler) = found {
            // kube-controller-manager, --horizontal-pod-autoscaler-sync-period.
            let period = Some(SignedDuration::from_secs(15));
            let why = "it sets the replicas: change its minimum and maximum (0 replicas would switch it off)";
            return Some(undone(autoscaler.reference(), period, why));
        }
    }
    let is_resources = change.path.steps().iter().any(|step| *step == super::Step::Field("resources".to_owned()))
        && change.path.is_within(&["spec", "template", "spec"]);
    if is_resources {
        let all = inventory.in_namespace("autoscaling.k8s.io", "VerticalPodAutoscaler", namespace).iter();
        let mut fits = all.filter(|it| {
            let Some(custom) = it.custom() else { return false };
            custom.spec_text("/updatePolicy/updateMode") != "Off" && targets(custom, "targetRef")
        });
        if let Some(autoscaler) = fits.next() {
            let why = "the template keeps the change, and its pods get what the autoscaler recommends";
            return Some(undone(autoscaler.reference(), None, why));
        }
    }
    None
}

fn undone(by: ObjectRef, when: Option<SignedDuration>, why: impl Into<String>) -> Outcome {
    Outcome::Undone { by, when, why: why.into() }
}

/// What a controller made: built-in ones by what they do, operators by who set the field.
fn owned(change: Change<'_>, live: &Live<'_>, link: &Link) -> Outcome {
    let (owner, object) = (&link.object, live.object);
    if link.presence == Presence::Missing {
        return survives(Some("it is deleted"), format!("its owner {owner} is gone: it will be garbage-collected"));
    }
    if let Some(hold) = link.hold.as_ref().filter(|_| !matches!(&*owner.group, "apps" | "batch")) {
        return survives(Some(&format!("{owner} is resumed")), format!("{owner} is paused by {}", hold.how));
    }
    match (&*owner.group, &*owner.kind) {
        ("apps", "Deployment") => undone(owner.clone(), None, "the Deployment sets its ReplicaSets: change that"),
        ("apps" | "batch" | "", _) if object.is("", "Pod") => survives(
            Some("the pod is replaced"),
            format!("{owner} makes pods from its template, and does not change those that are there"),
        ),
        ("batch", "CronJob") => survives(
            Some("the next run"),
            "the CronJob makes each Job from its template, and does not change those that are there",
        ),
        _ => {
            let owners = live.fields.owners(change.path);
            if live.fields.is_empty() {
                return unknown(format!("{owner} made it, and it has no managedFields that tell what {owner} sets"));
            }
            match owners.iter().find(|setter| setter.setter == Setter::Program && setter.subresource != "status") {
                Some(setter) => {
                    undone(owner.clone(), None, format!("{owner} made it, and {} sets this field", setter.manager))
                }
                // An operator may replace the whole object.
                None => unknown(format!("{owner} made it, and its operator has not set this field so far")),
            }
        }
    }
}

/// What a deployer applied.
fn deployed(change: Change<'_>, live: &Live<'_>, link: &Link, chain: &Chain, managers: &Managers<'_>) -> Outcome {
    let by = &link.object;
    match link.presence {
        Presence::Missing => return survives(None, format!("{by}, which its labels name, is gone")),
        Presence::Unread if link.manager != Manager::Helm => {
            return unknown(format!("its labels name {by}, which was not read"));
        }
        _ => {}
    }
    if let Some(hold) = &link.hold {
        let resumed = format!("{by} is resumed");
        let until = match &hold.stamp.until {
            Some(Ok(until)) => format!("{resumed} ({PAUSED_UNTIL} says {until})"),
            _ => resumed,
        };
        return survives(Some(&until), format!("{by} is held by {}", hold.how));
    }
    let custom = managers.inventory().find(by).found().and_then(Object::custom);
    let exempt = chain.exemption.as_ref();
    match (link.manager, custom) {
        (Manager::Kustomization, Some(custom)) => {
            if let Some(exempt) = exempt.filter(|exempt| exempt.kind.stops_applying()) {
                return survives(Some("that is taken away"), format!("the object has {}", exempt.how));
            }
            if is_ignored(custom.spec_list("/ignore"), change, live) {
                return survives(None, format!("spec.ignore of {by} leaves this field to the cluster"));
            }
            let merges = exempt.is_some_and(|exempt| exempt.kind == ExemptionKind::Merge);
            let folded = is_folded_by_flux(change.manager) && !merges;
            let deployer = Deployer { by, setter: Setter::Kustomize, origin: "Git", is_folded: folded };
            by_fields(change, live, &deployer, interval(custom), last_applied(custom))
        }
        (Manager::HelmRelease, Some(custom)) => {
            let until = format!("the next upgrade of {by}, where the chart sets the field");
            let mode = custom.spec_text("/driftDetection/mode");
            if mode != "enabled" {
                let mode = if mode.is_empty() { "disabled" } else { mode };
                return survives(Some(&until), format!("spec.driftDetection.mode of {by} is {mode}"));
            }
            if let Some(exempt) = exempt.filter(|exempt| exempt.kind == ExemptionKind::Drift) {
                return survives(Some(&until), format!("the object has {}", exempt.how));
            }
            if is_ignored(custom.spec_list("/driftDetection/ignore"), change, live) {
                return survives(Some(&until), format!("spec.driftDetection.ignore of {by} names this field"));
            }
            let deployer = Deployer { by, setter: Setter::Helm, origin: "the chart", is_folded: false };
            by_fields(change, live, &deployer, interval(custom), None)
        }
        (Manager::Helm, _) => survives(
            Some("the next upgrade of the release, where the chart sets the field"),
            "Helm acts only when it is called",
        ),
        (Manager::Application, Some(custom)) => {
            if custom.spec_true("/syncPolicy/automated/selfHeal") {
                let deployer = Deployer { by, setter: Setter::Argo, origin: "Git", is_folded: false };
                by_fields(change, live, &deployer, None, None)
            } else {
                survives(Some(&format!("the next sync of {by}")), "the application does not heal itself")
            }
        }
        (Manager::FluxInstance | Manager::ResourceSet, Some(_)) => {
            let reference = managers.inventory().find(by).found();
            let every = reference.and_then(|it| it.meta.annotations.get("fluxcd.controlplane.io/reconcileEvery"));
            // Flux Operator's default is an hour.
            let every = every.and_then(text::parse_duration).unwrap_or(SignedDuration::from_hours(1));
            let deployer = Deployer { by, setter: Setter::FluxOperator, origin: "its definition", is_folded: false };
            by_fields(change, live, &deployer, Some(every), None)
        }
        _ => unknown(format!("{by} was not read as far as this takes")),
    }
}

/// A deployer that corrects drift.
struct Deployer<'a> {
    by: &'a ObjectRef,
    setter: Setter,
    /// Where it has its manifests from.
    origin: &'a str,
    /// Whether it takes over, and drops, what the manager of the change writes.
    is_folded: bool,
}

/// A deployer undoes what it sets itself, and nothing else. What somebody else has overwritten is no longer in its
/// managedFields, though Git may set it: that it stayed through a reconciliation proves that Git does not.
fn by_fields(
    change: Change<'_>,
    live: &Live<'_>,
    deployer: &Deployer<'_>,
    when: Option<SignedDuration>,
    last_applied: Option<Timestamp>,
) -> Outcome {
    let Deployer { by, setter, origin, is_folded } = *deployer;
    if live.fields.is_empty() {
        return unknown(format!("the object has no managedFields that tell whether {origin} sets {}", change.path));
    }
    let owners = live.fields.owners(change.path);
    match owners.iter().find(|owner| owner.setter == setter && owner.subresource.is_empty()) {
        Some(owner) if owner.is_whole => {
            return undone(by.clone(), when, format!("{origin} sets {}: {} owns it", change.path, owner.manager));
        }
        Some(owner) => return unknown(format!("{} sets only some fields below {}", owner.manager, change.path)),
        None if is_folded => {
            let why = format!(
                "Flux takes over what {} writes, and drops what {origin} does not set: never write as kubectl",
                change.manager
            );
            return undone(by.clone(), when, why);
        }
        None => {}
    }
    // Times in managedFields are whole seconds, cut off.
    let is_since = |time: Option<Timestamp>| match (time, last_applied) {
        (Some(time), Some(applied)) => applied.duration_since(time) < SignedDuration::from_secs(1),
        _ => true,
    };
    match owners.iter().find(|owner| is_since(owner.time)) {
        Some(owner) => unknown(format!(
            "{} set it, perhaps after {by} last applied: whether {origin} sets it too, managedFields do not tell",
            owner.manager
        )),
        None => survives(None, format!("{origin} does not set {}", change.path)),
    }
}

/// When a Kustomization last began to apply: the end of its last reconciliation that came so far, less its duration
/// (`status.history`, kustomize-controller 1.7 and later).
fn last_applied(custom: &Custom) -> Option<Timestamp> {
    let newest = custom.status_list("/history").first()?;
    let word = |key: &str| newest.get(key).and_then(Value::as_str).unwrap_or_default();
    if !matches!(word("lastReconciledStatus"), "ReconciliationSucceeded" | "HealthCheckFailed") {
        return None;
    }
    let ended: Timestamp = word("lastReconciled").parse().ok()?;
    ended.checked_sub(text::parse_duration(word("lastReconciledDuration"))?).ok()
}

fn interval(custom: &Custom) -> Option<SignedDuration> {
    text::parse_duration(custom.spec_text("/interval"))
}

/// Whether a rule `{paths: [JSON pointer], target: {…}}` names this field of this object. Flux matches the target's
/// texts as anchored regular expressions; the plain ones and `.*` are understood here, any other one counts as no
/// match, which predicts that a change is undone: the safe side.
fn is_ignored(rules: &[Value], change: Change<'_>, live: &Live<'_>) -> bool {
    let Some(pointer) = change.path.pointer(live.json) else { return false };
    let object = live.object;
    rules.iter().any(|rule| {
        let text = |key: &str| rule.pointer(&format!("/target/{key}")).and_then(Value::as_str).unwrap_or_default();
        let fits = |key: &str, value: &str| {
            let wanted = text(key).trim_start_matches('^').trim_end_matches('$');
            let glob = wanted.replace(".*", "*");
            let is_plain = !glob.contains(['[', '(', '|', '?', '+', '\\', '{']);
            wanted.is_empty() || (is_plain && WildMatch::new(&glob).matches(value))
        };
        let selects = |key: &str, get: &dyn Fn(&str) -> Option<String>| {
            let selector = text(key);
            selector.is_empty()
                || selector.split(',').all(|term| {
                    let pair =
                        term.split_once('=').map(|(key, value)| (key.trim(), value.trim_start_matches('=').trim()));
                    pair.is_some_and(|(key, value)| !key.ends_with('!') && get(key).as_deref() == Some(value))
                })
        };
        let label = |key: &str| object.meta.labels.get(key).map(str::to_owned);
        let annotation = |key: &str| {
            live.json.pointer("/metadata/annotations").and_then(|all| Some(all.get(key)?.as_str()?.to_owned()))
        };
        let is_target = fits("group", &object.ty.group)
            && fits("version", &object.ty.version)
            && fits("kind", &object.ty.kind)
            && fits("namespace", &object.meta.namespace)
            && fits("name", &object.meta.name)
            && selects("labelSelector", &label)
            && selects("annotationSelector", &annotation);
        let paths = rule.get("paths").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        is_target
            && paths.iter().filter_map(Value::as_str).any(|path| {
                // The field itself, or what holds it.
                pointer.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
    })
}

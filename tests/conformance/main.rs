//! Verdicts against outside oracles: every disagreement is on a committed list, with its reason.
//!
//! The cases stand beside a checkout (`../shared/conformance`, or `$MLOPS_CONFORMANCE`); none is copied here.
//! `CONFORMANCE_FILTER=Kafka` prints the disagreements of cases whose kind contains that word.

mod audit;

use jiff::{SignedDuration, Timestamp};
use mlops_shared::health::{Related, assess};
use mlops_shared::object::{Decoded, InventoryBuilder, Scope, Section, SectionState, decode_object};
use mlops_shared::platform::Thresholds;
use mlops_shared::report::{Level, Verdict};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::path::PathBuf;

#[derive(Deserialize)]
struct Case {
    set: String,
    case: String,
    object: Value,
    expected: Expected,
}

#[derive(Deserialize)]
struct Expected {
    status: Option<String>,
}

/// An entry of the committed lists.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Disagreement {
    set: String,
    case: String,
    ours: String,
    theirs: String,
    /// The rule that we follow instead, and why.
    reason: String,
}

/// Where the cases stand.
fn folder() -> PathBuf {
    std::env::var_os("MLOPS_CONFORMANCE")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/conformance")), PathBuf::from)
}

fn cases() -> Vec<Case> {
    let text =
        std::fs::read_to_string(folder().join("health-verdicts.jsonl")).expect("the cases stand beside the checkout");
    text.lines().map(|line| serde_json::from_str(line).expect("a case a line")).collect()
}

/// The oracle judged the object when its status was written: the clock is its newest time.
fn clock(object: &Value) -> Option<Timestamp> {
    match object {
        Value::String(text) => text.parse().ok(),
        Value::Array(items) => items.iter().filter_map(clock).max(),
        Value::Object(fields) => {
            // Times ahead of the object's own: validity of certificates, next runs.
            let ahead = ["notAfter", "renewalTime", "nextRun", "nextReconcile", "notBefore", "deletionTimestamp"];
            let past = fields.iter().filter(|(key, _)| !ahead.contains(&key.as_str()) && !key.ends_with("Duration"));
            past.filter_map(|(_, value)| clock(value)).max()
        }
        _ => None,
    }
}

fn judge(case: &Case) -> Verdict {
    verdict_of(case, case.object.clone())
}

/// As [`judge`], by the engine for kinds without a rule of their own: the object bears the group of
/// nobody.
fn judge_as_unknown(case: &Case) -> Verdict {
    let mut object = case.object.clone();
    object["apiVersion"] = "of-nobody.example/v1".into();
    verdict_of(case, object)
}

fn verdict_of(case: &Case, mut object: Value) -> Verdict {
    let now = match std::env::var("CONFORMANCE_NOW") {
        Ok(text) => text.parse().expect("CONFORMANCE_NOW is a time"),
        Err(_) => clock(&object).unwrap_or(Timestamp::UNIX_EPOCH) + SignedDuration::from_secs(5),
    };
    if case.set == "argocd-lua"
        && let Some(meta) = object.get_mut("metadata").and_then(Value::as_object_mut)
    {
        // Argo's own test of its scripts ignores it.
        meta.remove("deletionTimestamp");
    }
    let text = object.to_string().replace("\"@now\"", &format!("\"{now}\""));
    let raw = RawValue::from_string(text).expect("JSON");
    let mut builder = InventoryBuilder::new(Scope::Cluster, false);
    let Some(Decoded::Object(record)) = decode_object(&raw) else { panic!("{}: no object", case.case) };
    builder.section(Section {
        group: record.ty.group.clone(),
        kind: record.ty.kind.clone(),
        resource: "".into(),
        state: SectionState::Read(1),
    });
    builder.push(Decoded::Object(record));
    let inventory = builder.finish();
    let limits = Thresholds::default();
    assess(&inventory.objects()[0], &Related { inventory: &inventory, limits: &limits }, now)
}

/// Our verdict in the oracle's words.
fn translate(set: &str, verdict: &Verdict) -> &'static str {
    match (set, verdict.level) {
        ("kstatus", _) if verdict.code.id.starts_with("terminating") => "Terminating",
        // kstatus has no word for a suspended object, nor for one that merely deserves a warning.
        ("kstatus", Level::Ok | Level::Warn | Level::Suspended) => "Current",
        ("kstatus", Level::Progressing) => "InProgress",
        ("kstatus", Level::Fail) => "Failed",
        ("kstatus", Level::Absent) => "NotFound",
        (_, Level::Ok | Level::Warn) => "Healthy",
        (_, Level::Progressing) => "Progressing",
        (_, Level::Fail) => "Degraded",
        (_, Level::Suspended) => "Suspended",
        (_, Level::Absent) => "Missing",
        (_, Level::Unknown) => "Unknown",
    }
}

fn listed() -> Vec<Disagreement> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/conformance/disagreements"));
    let mut all = Vec::new();
    for file in std::fs::read_dir(folder).expect("the lists") {
        let path = file.expect("entry").path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(path).expect("a list");
        all.extend(serde_saphyr::from_str::<Vec<Disagreement>>(&text).expect("a list of disagreements"));
    }
    all
}

#[test]
fn health_verdicts_agree_but_for_the_committed_list() {
    let filter = std::env::var("CONFORMANCE_FILTER").unwrap_or_default();
    let listed = listed();
    let (mut unlisted, mut met) = (Vec::new(), BTreeSet::new());
    let cases = cases();
    for case in &cases {
        let verdict = judge(case);
        let ours = translate(&case.set, &verdict);
        // Without a status the oracle has no verdict for this kind, so there is nothing to agree with.
        let Some(theirs) = case.expected.status.as_deref() else { continue };
        if ours == theirs {
            continue;
        }
        let entry = listed.iter().find(|entry| entry.set == case.set && entry.case == case.case);
        match entry {
            Some(entry) if entry.ours == ours && entry.theirs == theirs => {
                met.insert((entry.set.clone(), entry.case.clone()));
            }
            _ => {
                let kind = case.object.get("kind").and_then(Value::as_str).unwrap_or_default();
                if kind.contains(&filter) {
                    unlisted.push(format!(
                        "{} {kind} {}: ours {ours} ({}: {}), theirs {theirs}",
                        case.set, case.case, verdict.code.id, verdict.message
                    ));
                }
            }
        }
    }
    eprintln!("{} cases, {} on the list of disagreements, {} not", cases.len(), met.len(), unlisted.len());
    assert!(unlisted.is_empty(), "{} unlisted disagreements:\n{}", unlisted.len(), unlisted.join("\n"));
    assert!(listed.len() < 25, "the list has {} entries", listed.len());
    for entry in &listed {
        assert!(entry.reason.len() > 20, "{}: no reason", entry.case);
        let key = (entry.set.clone(), entry.case.clone());
        assert!(
            met.contains(&key) || std::env::var_os("CONFORMANCE_NOW").is_some(),
            "{}: no longer disagrees",
            entry.case
        );
    }
}

/// Kinds without a rule of their own are judged by what all statuses have in common. kstatus, which
/// does the same, sees 27 % of the custom resources that Argo CD's scripts call Degraded.
#[test]
fn the_generic_engine_sees_most_of_what_is_degraded() {
    let is_custom = |case: &&Case| {
        let version = case.object["apiVersion"].as_str().unwrap_or_default();
        let group = version.split_once('/').map_or("", |(group, _)| group);
        case.set == "argocd-lua" && group.contains('.') && !group.ends_with(".k8s.io")
    };
    let cases = cases();
    let (mut degraded, mut seen, mut healthy, mut accused) = (0, 0, 0, Vec::new());
    let mut missed = Vec::new();
    for case in cases.iter().filter(is_custom) {
        let level = judge_as_unknown(case).level;
        match case.expected.status.as_deref() {
            Some("Degraded") => {
                degraded += 1;
                if level == Level::Fail {
                    seen += 1;
                } else {
                    missed.push(format!("{} {level:?}", case.case));
                }
            }
            Some("Healthy") => {
                healthy += 1;
                if level >= Level::Warn {
                    accused.push(format!("{} {level:?}", case.case));
                }
            }
            _ => {}
        }
    }
    eprintln!("generic: {seen} of {degraded} degraded seen, {} of {healthy} healthy accused", accused.len());
    eprintln!("missed: {}\naccused: {}", missed.join(", "), accused.join(", "));
    assert!(degraded > 20 && healthy > 20, "too few cases to tell");
    assert!(seen * 100 >= degraded * 85, "{seen} of {degraded}");
    assert!(accused.len() * 100 <= healthy * 3, "{} of {healthy}", accused.len());
}

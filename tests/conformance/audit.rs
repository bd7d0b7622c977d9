//! The definitions of the audit against outside oracles: Pod Security Standards, network isolation.

use mlops_audit::network::unprotected;
use mlops_audit::record::{Record, Records, decode};
use mlops_audit::workloads::{Level, failures};
use mlops_shared::object::TypeMeta;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::sync::Arc;

fn record(object: &Value) -> Option<Record> {
    let word = |key: &str| object[key].as_str().unwrap_or_default();
    let ty = Arc::new(TypeMeta::new(word("apiVersion"), word("kind")));
    decode(&ty, &RawValue::from_string(object.to_string()).expect("JSON"))
}

#[derive(Deserialize)]
struct Pod {
    level: String,
    version: String,
    verdict: String,
    file: String,
    object: Value,
}

/// The id that a file of the oracle is named after: `hostports2.yaml`, `base_windows.yaml`.
fn is_named(id: &str, file: &str) -> bool {
    let stem = file.strip_suffix(".yaml").unwrap_or(file).trim_end_matches(|digit: char| digit.is_ascii_digit());
    let plain = |text: &str| text.to_ascii_lowercase().replace('_', "");
    let (stem, id) = (plain(stem), plain(id));
    stem == id || stem.starts_with(&id)
}

#[test]
fn every_pod_security_verdict_agrees() {
    let text = std::fs::read_to_string(super::folder().join("pod-security-standards.jsonl")).expect("the cases");
    let (mut count, mut wrong) = (0, Vec::new());
    for line in text.lines() {
        let case: Pod = serde_json::from_str(line).expect("a case a line");
        let Some(Record::Workload(workload)) = record(&case.object) else { panic!("{}: no workload", case.file) };
        let level = if case.level == "baseline" { Level::Baseline } else { Level::Restricted };
        let minor = case.version.trim_start_matches("v1.").parse().expect("a version");
        let found = failures(&workload, level, minor);
        let agrees = match case.verdict.as_str() {
            "pass" => found.is_empty(),
            // The check that the file is named after is among those that fail.
            _ => found.iter().any(|failure| is_named(failure.id, &case.file)),
        };
        count += 1;
        if !agrees {
            wrong.push(format!("{} {} {}: {} but {found:?}", case.level, case.version, case.file, case.verdict));
        }
    }
    eprintln!("{count} pod security cases, {} wrong", wrong.len());
    assert!(count > 0, "no cases");
    assert!(wrong.is_empty(), "{} of {count} disagree:\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
}

#[derive(Deserialize)]
struct Network {
    case: String,
    objects: Vec<Value>,
    unprotected: Vec<Unprotected>,
}

#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Unprotected {
    workload: String,
    direction: String,
}

#[test]
fn every_set_of_unprotected_workloads_agrees() {
    let text = std::fs::read_to_string(super::folder().join("network-isolation.jsonl")).expect("the cases");
    let (mut count, mut wrong) = (0, Vec::new());
    for line in text.lines() {
        let case: Network = serde_json::from_str(line).expect("a case a line");
        let records = Records::new(case.objects.iter().filter_map(record));
        let ours: BTreeSet<Unprotected> = unprotected(&records)
            .into_iter()
            .map(|(object, direction)| Unprotected {
                workload: format!("{}/{}[{}]", object.namespace, object.name, object.kind),
                direction: direction.word().to_owned(),
            })
            .collect();
        let theirs: BTreeSet<Unprotected> = case.unprotected.into_iter().collect();
        count += 1;
        if ours != theirs {
            wrong.push(format!("{}:\n  ours   {ours:?}\n  theirs {theirs:?}", case.case));
        }
    }
    eprintln!("{count} network cases, {} wrong", wrong.len());
    assert!(count > 0, "no cases");
    assert!(wrong.is_empty(), "{} of {count} disagree:\n{}", wrong.len(), wrong.join("\n"));
}

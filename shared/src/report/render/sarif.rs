//! SARIF 2.1.0, the form in which code scanning takes findings (OASIS, errata 01).

use crate::report::{Acceptance, Analysis, Level, Located, Subject};
use crate::text;
use serde::Serialize;
use std::collections::HashMap;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// Columns of a message: what reads it shows a line.
const MESSAGE: usize = 1_000;
/// Lines of evidence of a result.
const EVIDENCE: usize = 20;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    invocations: [Invocation; 1],
    results: Vec<Finding>,
}

#[derive(Debug, Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: String,
    rules: Vec<Rule>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: &'static str,
    short_description: Message,
    full_description: Message,
    help: Message,
    default_configuration: Configuration,
    properties: RuleProperties,
}

#[derive(Debug, Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Debug, Serialize)]
struct RuleProperties {
    tags: [&'static str; 1],
    /// GitHub's name for the number that it makes critical, high, medium and low of.
    #[serde(rename = "security-severity")]
    score: String,
}

#[derive(Debug, Serialize)]
struct Message {
    text: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    end_time_utc: String,
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Debug, Serialize)]
struct Notification {
    level: &'static str,
    message: Message,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: Message,
    locations: [Location; 1],
    partial_fingerprints: Fingerprints,
    suppressions: Vec<Suppression>,
    properties: FindingProperties,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    #[serde(skip_serializing_if = "Option::is_none")]
    physical_location: Option<Physical>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<Logical>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Debug, Serialize)]
struct Artifact {
    uri: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Logical {
    name: String,
    fully_qualified_name: String,
    kind: &'static str,
}

#[derive(Debug, Serialize)]
struct Fingerprints {
    #[serde(rename = "mlops/v1")]
    fingerprint: String,
}

#[derive(Debug, Serialize)]
struct Suppression {
    kind: &'static str,
    status: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    justification: String,
}

#[derive(Debug, Serialize)]
struct FindingProperties {
    severity: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    evidence: Vec<String>,
}

/// The log of one run. Rules are those that some result breaks, each as urgent as its most urgent
/// result.
pub(super) fn log(analysis: &Analysis<'_>) -> Log {
    let mut rules: Vec<(&Located<'_>, f32)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut results = Vec::with_capacity(analysis.results.len());
    for located in &analysis.results {
        let index = *places.entry(located.rule.id).or_insert_with(|| {
            rules.push((located, located.score));
            rules.len() - 1
        });
        let known = &mut rules[index];
        if located.score > known.1 {
            *known = (located, located.score);
        }
        results.push(finding(located, index));
    }
    let notification = |gap: &std::borrow::Cow<'_, str>| Notification {
        level: "warning",
        message: message(&format!("not checked: {gap}")),
    };
    Log {
        schema: SCHEMA,
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: analysis.tool,
                    semantic_version: analysis.version.to_owned(),
                    rules: rules.into_iter().map(|(located, _)| rule(located)).collect(),
                },
            },
            invocations: [Invocation {
                execution_successful: analysis.gaps.is_empty(),
                end_time_utc: analysis.at.to_owned(),
                tool_execution_notifications: analysis.gaps.iter().map(notification).collect(),
            }],
            results,
        }],
    }
}

fn rule(located: &Located<'_>) -> Rule {
    let code = located.rule;
    Rule {
        id: code.id,
        short_description: message(code.title),
        full_description: message(code.meaning),
        help: message(code.remedy),
        default_configuration: Configuration { level: level(located.level) },
        properties: RuleProperties { tags: ["security"], score: format!("{:.1}", located.score) },
    }
}

fn finding(located: &Located<'_>, rule_index: usize) -> Finding {
    let label = located.subject.label();
    let logical = match &located.subject {
        Subject::Object { name, .. } => {
            let path = if located.path.is_empty() { String::new() } else { format!("#{}", located.path) };
            vec![Logical { name: safe(name), fully_qualified_name: safe(&format!("{label}{path}")), kind: "resource" }]
        }
        Subject::Other(_) => Vec::new(),
    };
    let physical = located.place.as_ref().map(|(file, line)| Physical {
        artifact_location: Artifact { uri: uri(file) },
        region: line.filter(|line| *line > 0).map(|start_line| Region { start_line }),
    });
    Finding {
        rule_id: located.rule.id,
        rule_index,
        level: level(located.level),
        message: message(&format!("{label}: {}", located.message)),
        locations: [Location { physical_location: physical, logical_locations: logical }],
        partial_fingerprints: Fingerprints { fingerprint: located.fingerprint.to_owned() },
        suppressions: located.accepted.as_ref().map(suppression).into_iter().collect(),
        properties: FindingProperties {
            severity: located.severity.clone().into_owned(),
            evidence: located.evidence.iter().take(EVIDENCE).map(|line| safe(line)).collect(),
        },
    }
}

fn suppression(accepted: &Acceptance<'_>) -> Suppression {
    let words = [accepted.by, accepted.reason];
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    Suppression {
        kind: if accepted.is_in_source { "inSource" } else { "external" },
        status: "accepted",
        justification: safe(&words.join(": ")),
    }
}

const fn level(level: Level) -> &'static str {
    match level {
        Level::Fail => "error",
        Level::Warn => "warning",
        _ => "note",
    }
}

fn safe(text: &str) -> String {
    text::truncate(text, MESSAGE)
}

/// A message of plain text. In SARIF such a text has syntax of its own: `[word](target)` is a link,
/// which a name from a cluster must not become, and braces stand twice (3.11.5 and 3.11.6).
fn message(text: &str) -> Message {
    Message { text: safe(text).replace("](", "] (").replace('{', "{{").replace('}', "}}") }
}

/// A path as a URI reference: relative where the path is. A backslash is a character of a name.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len() + 8);
    if path.starts_with('/') {
        out.push_str("file://");
    }
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Code, Outlook};

    static CODE: Code =
        Code { id: "test-code", title: "A test", meaning: "Nothing.", remedy: "Nothing.", outlook: Outlook::Open };

    fn located(message: &str) -> Located<'_> {
        Located {
            rule: &CODE,
            level: Level::Warn,
            severity: "medium".into(),
            score: 5.5,
            subject: Subject::Object { group: "apps", kind: "Deployment", namespace: "n", name: "web" },
            path: "spec.template",
            place: Some(("a b/c:d.yaml".into(), Some(7))),
            message,
            evidence: &[],
            fingerprint: "00ff",
            accepted: None,
        }
    }

    fn rendered(results: Vec<Located<'_>>) -> serde_json::Value {
        let analysis = Analysis { tool: "t", version: "1.2.3", at: "2026-11-20T03:00:00Z", results, gaps: Vec::new() };
        serde_json::to_value(log(&analysis)).expect("JSON")
    }

    #[test]
    fn a_rule_is_as_urgent_as_its_most_urgent_result() {
        let worse = Located { level: Level::Fail, score: 9.5, ..located("two") };
        let log = rendered(vec![located("one"), worse, located("three")]);
        let driver = &log["runs"][0]["tool"]["driver"];
        assert_eq!(driver["rules"].as_array().map(Vec::len), Some(1));
        assert_eq!(driver["rules"][0]["properties"]["security-severity"], "9.5");
        assert_eq!(driver["rules"][0]["defaultConfiguration"]["level"], "error");
        let levels: Vec<_> = (0..3).map(|at| log["runs"][0]["results"][at]["level"].clone()).collect();
        assert_eq!(levels, ["warning", "error", "warning"]);
    }

    #[test]
    fn a_place_is_a_uri_and_an_object_a_logical_location() {
        let log = rendered(vec![located("x")]);
        let location = &log["runs"][0]["results"][0]["locations"][0];
        assert_eq!(location["physicalLocation"]["artifactLocation"]["uri"], "a%20b/c%3Ad.yaml");
        assert_eq!(location["physicalLocation"]["region"]["startLine"], 7);
        assert_eq!(location["logicalLocations"][0]["fullyQualifiedName"], "Deployment/n/web#spec.template");
        assert_eq!(uri("/tmp/ä"), "file:///tmp/%C3%A4");
    }

    #[test]
    fn text_of_a_cluster_becomes_no_link_no_placeholder_and_no_control_character() {
        let log = rendered(vec![located("[click](http://e) {0} \u{1b}[31m")]);
        let text = log["runs"][0]["results"][0]["message"]["text"].as_str().expect("text");
        assert!(text.contains("[click] (http://e) {{0}}"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn what_is_accepted_is_suppressed_with_its_reason() {
        let accepted = Acceptance { is_in_source: false, by: "exception", reason: "known" };
        let log = rendered(vec![located("x"), Located { accepted: Some(accepted), ..located("y") }]);
        let results = &log["runs"][0]["results"];
        assert_eq!(results[0]["suppressions"], serde_json::json!([]));
        assert_eq!(
            results[1]["suppressions"],
            serde_json::json!([{"kind": "external", "status": "accepted", "justification": "exception: known"}])
        );
    }
}

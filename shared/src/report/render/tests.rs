//! What must hold in every format: nothing hostile passes, and the stable forms read back.

use super::*;
use crate::report::{AreaSummary, Cause, Entry, ObjectId, Summary, View};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn report(text: &str) -> Report {
    let object = ObjectId { api_version: "v1".into(), kind: "Pod".into(), namespace: "n".into(), name: text.into() };
    let levels: BTreeMap<Level, usize> = [(Level::Fail, 1)].into_iter().collect();
    Report {
        api_version: crate::report::API_VERSION.into(),
        kind: "HealthReport".into(),
        generated_at: "2026-11-20T03:00:00Z".into(),
        tool_version: "0.0.0".into(),
        view: View {
            source: "files".into(),
            name: text.into(),
            server: None,
            server_version: None,
            user: None,
            namespaces: vec![],
            platform: None,
        },
        verdict: Level::Fail,
        summary: Summary { objects: 1, levels: levels.clone(), causes: 1, explained: 0, partial: false },
        areas: vec![AreaSummary {
            area: "jobs".into(),
            title: "Jobs".into(),
            verdict: Level::Fail,
            objects: 1,
            levels,
            line: text.into(),
        }],
        causes: vec![Cause {
            object,
            verdict: Level::Fail,
            code: "pod-crash-loop".into(),
            message: text.into(),
            area: "jobs".into(),
            since: Some("2026-11-20T02:00:00Z".into()),
            evidence: vec![text.into()],
            command: "kubectl get pods".into(),
            explains: vec![],
        }],
        objects: vec![Entry {
            api_version: "v1".into(),
            kind: "Pod".into(),
            namespace: "n".into(),
            name: text.into(),
            area: "jobs".into(),
            verdict: Level::Fail,
            code: "pod-crash-loop".into(),
            message: text.into(),
            since: None,
            evidence: vec![],
            more: vec![],
            cause: None,
            exception: None,
        }],
        coverage: vec![],
        exceptions: vec![],
        notes: vec![text.into()],
    }
}

const STYLE: Style = Style { color: false, width: 80, headers: true, show: Level::Suspended };

fn is_hostile(character: char) -> bool {
    (character.is_control() && character != '\n')
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}')
}

fn human() -> impl Iterator<Item = Format> {
    [Format::Table, Format::Wide, Format::Name, Format::Prometheus].into_iter()
}

#[test]
fn hostile_text_reaches_no_terminal() {
    for text in ["\u{1b}]8;;http://evil\u{7}x\u{1b}[2J", "a\u{202e}b\u{200b}\r\n\0", "|`</script>`|", "x\u{9b}31m"] {
        for format in human() {
            let out = render(&report(text), format, &STYLE).expect("rendered");
            assert!(!out.chars().any(is_hostile), "{format:?}: {out:?}");
        }
    }
}

#[test]
fn a_megabyte_of_text_is_cut() {
    for format in human() {
        let out = render(&report(&"x".repeat(1 << 20)), format, &STYLE).expect("rendered");
        assert!(out.len() < (1 << 20) + 20_000 || format != Format::Name, "{format:?}");
        assert!(format == Format::Name || out.len() < 20_000, "{format:?}: {}", out.len());
    }
}

#[test]
fn the_table_reads_well() {
    let out = render(&report("container mlflow exits with 1"), Format::Table, &STYLE).expect("rendered");
    assert!(out.starts_with("FAIL  files"), "{out}");
    assert!(out.contains("(for 60m) [pod-crash-loop]"), "{out}");
    assert!(out.lines().all(|line| line.len() <= 110), "{out}");
}

proptest! {
    #[test]
    fn stable_forms_read_back(text in any::<String>()) {
        let report = report(&text);
        let json = render(&report, Format::Json, &STYLE).expect("JSON");
        prop_assert_eq!(&serde_json::from_str::<Report>(&json).expect("reads"), &report);
        let yaml = render(&report, Format::Yaml, &STYLE).expect("YAML");
        prop_assert_eq!(&serde_saphyr::from_str::<Report>(&yaml).expect("reads"), &report);
    }

    #[test]
    fn no_text_is_hostile_once_rendered(text in any::<String>()) {
        for format in human() {
            let out = render(&report(&text), format, &STYLE).expect("rendered");
            prop_assert!(!out.chars().any(is_hostile), "{:?}: {:?}", format, out);
        }
    }
}

//! Reports of several clusters in every format: each has its section, and none hides another.

use super::tests::{HOSTILE, STYLE, hostile, sample};
use super::*;
use crate::report::model::ReadError;
use crate::report::{Report, ReportList, SameAs};

/// Two clusters, one of them not read, and a context that leads to the first.
fn list(first: Report, text: &str) -> ReportList {
    let mut down = first.view.clone();
    down.name = format!("down{text}");
    let error = ReadError { message: format!("failed to connect{text}"), hints: vec![format!("is it up?{text}")] };
    let down = Report::unread(down, error, jiff::Timestamp::UNIX_EPOCH);
    let same = vec![SameAs { context: format!("alias{text}"), item: first.view.name.clone() }];
    let time = first.generated_at.clone();
    ReportList::new(vec![first, down], same, time)
}

fn rendered(list: &ReportList, format: Format) -> String {
    render(list, format, &STYLE).expect("rendered")
}

#[test]
fn every_cluster_has_its_section() {
    let list = list(sample(), "");
    assert_eq!(list.verdict, Level::Fail);
    for format in [Format::Table, Format::Wide, Format::Markdown, Format::Html] {
        let out = rendered(&list, format);
        for part in
            ["2 clusters: 1 FAIL, 1 UNKNOWN", "prod", "down", "could not be read: failed to connect", "is it up?"]
        {
            assert!(out.contains(part), "{format:?} lacks {part}: {out}");
        }
        assert!(out.contains("alias") && !out.contains("0 objects"), "{format:?}: {out}");
    }
    let table = rendered(&list, Format::Table);
    assert!(table.contains("=== admin@prod ===") && table.contains("=== down ==="), "{table}");
}

#[test]
fn the_formats_for_machines_name_the_cluster() {
    let list = list(sample(), "");
    let read: ReportList = serde_json::from_str(&rendered(&list, Format::Json)).expect("JSON");
    assert_eq!(read, list);
    let read: ReportList = serde_saphyr::from_str(&rendered(&list, Format::Yaml)).expect("YAML");
    assert_eq!(read, list);

    let junit = rendered(&list, Format::Junit);
    let junit = quick_junit::Report::deserialize_from_str(&junit).expect("XML");
    let suites: Vec<(&str, usize)> =
        junit.test_suites.iter().map(|suite| (suite.name.as_str(), suite.test_cases.len())).collect();
    assert_eq!(suites, [("admin@prod", sample().cases().len()), ("down", 1)]);

    let metrics = rendered(&list, Format::Prometheus);
    for line in ["mlops_health_partial{cluster=\"admin@prod\"} 1", "mlops_health_partial{cluster=\"down\"} 1"] {
        assert!(metrics.lines().any(|known| known == line), "{line}: {metrics}");
    }
    assert_eq!(metrics.matches("# TYPE mlops_health_partial gauge").count(), 1, "a family stands once");

    let names = rendered(&list, Format::Name);
    assert!(names.lines().all(|line| line.starts_with("--context=admin@prod ")), "{names}");
    assert!(names.contains("--context=admin@prod node/mlops-worker-3\n"), "{names}");
}

#[test]
fn hostile_texts_pass_no_format_of_a_list() {
    for text in HOSTILE {
        let list = list(hostile(text), text);
        for (word, format) in Format::ALL {
            let out = rendered(&list, format);
            let raw = out.chars().find(|it| crate::text::is_unsafe(*it) && *it != '\n');
            assert_eq!(raw, None, "{word} prints a raw character of {text:?}");
            if format == Format::Html {
                assert_eq!(out.matches("<script").count(), 1, "{text:?}");
            }
        }
    }
}

//! Text exposition for Prometheus' textfile collector.

use super::super::{Level, Report};
use std::fmt::Write as _;

/// The report as metrics: counts by area and level, and one series for each object that is not
/// well, so that the number of series follows the number of problems.
pub(super) fn render(report: &Report) -> String {
    let mut out = String::new();
    let mut family = |name: &str, help: &str, rows: &[(String, f64)]| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (labels, value) in rows {
            let _ = writeln!(out, "{name}{labels} {value}");
        }
    };
    let count = |number: usize| number as f64;
    let mut by_area = Vec::new();
    for area in &report.areas {
        for level in Level::ALL {
            let labels = labels(&[("area", &area.area), ("level", &level.word().to_lowercase())]);
            by_area.push((labels, count(area.levels.get(&level).copied().unwrap_or(0))));
        }
    }
    family("mlops_health_objects", "Objects by area and level.", &by_area);
    let troubled = report.objects.iter().filter(|entry| entry.verdict > Level::Suspended);
    let rows: Vec<_> = troubled
        .map(|entry| {
            let labels = labels(&[
                ("kind", &entry.kind),
                ("namespace", &entry.namespace),
                ("name", &entry.name),
                ("level", &entry.verdict.word().to_lowercase()),
                ("code", &entry.code),
            ]);
            (labels, 1.0)
        })
        .collect();
    family("mlops_health_object", "Objects that are not well, with their finding.", &rows);
    let causes: Vec<_> = Level::ALL
        .into_iter()
        .map(|level| {
            let number = report.causes.iter().filter(|cause| cause.verdict == level).count();
            (labels(&[("level", &level.word().to_lowercase())]), count(number))
        })
        .collect();
    family("mlops_health_causes", "Causes by level.", &causes);
    let partial = if report.summary.partial { 1.0 } else { 0.0 };
    family("mlops_health_partial", "Whether something that was wanted could not be read.", &[(String::new(), partial)]);
    let time = report.generated_at.parse::<jiff::Timestamp>().map_or(0.0, |time| time.as_second() as f64);
    family("mlops_health_report_timestamp_seconds", "The instant of the report.", &[(String::new(), time)]);
    out
}

fn labels(pairs: &[(&str, &str)]) -> String {
    let escaped = |text: &str| {
        let text: String = text.chars().take(300).collect();
        text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
    };
    // Control and bidirectional characters have no place in a label either.
    let value = |text: &str| escaped(&crate::text::line(text));
    let pairs: Vec<String> = pairs.iter().map(|(name, text)| format!("{name}=\"{}\"", value(text))).collect();
    format!("{{{}}}", pairs.join(","))
}

//! Text exposition for Prometheus' textfile collector (format version 0.0.4).

use crate::report::Metric;
use crate::text;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Columns of a label's value.
const VALUE: usize = 300;

/// The metrics, all of them gauges.
pub(super) fn render(metrics: &[Metric<'_>]) -> String {
    let mut out = String::new();
    for metric in metrics {
        let name = metric.name;
        // Writing to a String cannot fail.
        let _ = writeln!(out, "# HELP {name} {}\n# TYPE {name} gauge", metric.help);
        // A second sample of the same labels, which two hostile names may become once they are
        // safe, would make the collector refuse the whole file.
        let mut seen = BTreeSet::new();
        for sample in &metric.samples {
            let labels: Vec<String> =
                sample.labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escape(value))).collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            if !seen.contains(&labels) {
                let _ = writeln!(out, "{name}{labels} {}", sample.value);
                seen.insert(labels);
            }
        }
    }
    out
}

/// A label's value: control and bidirectional characters are made visible before the format's own
/// escapes.
fn escape(value: &str) -> String {
    text::truncate(value, VALUE).replace('\\', "\\\\").replace('"', "\\\"")
}

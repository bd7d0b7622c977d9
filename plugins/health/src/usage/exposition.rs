//! The usage report's numbers for Prometheus. What is not known has no series.

use super::SourceState;
use super::model::{NodeUsage, UsageReport, VolumeUsage};
use mlops_shared::report::{Level, Metric, Sample};
use std::borrow::Cow;

/// Series of one metric.
const SERIES: usize = 2_000;

/// All gauges.
pub(super) fn metrics(report: &UsageReport) -> Vec<Metric<'_>> {
    let mut out = Vec::new();
    node_metrics(report, &mut out);
    volume_metrics(report, &mut out);
    namespace_metrics(report, &mut out);
    device_metrics(report, &mut out);
    let one = |value: f64| vec![Sample { labels: Vec::new(), value }];
    let measured = [("metrics", &report.metrics), ("volumes", &report.volume_statistics)].into_iter();
    let measured = measured.filter_map(|(name, source)| {
        let complete = source.as_ref()?.state == SourceState::Complete;
        Some(Sample { labels: vec![("source", name.into())], value: if complete { 1.0 } else { 0.0 } })
    });
    out.push(Metric {
        name: "mlops_usage_source_complete",
        help: "Whether a source of figures was read and speaks of everything that it should.",
        samples: measured.collect(),
    });
    out.push(Metric {
        name: "mlops_usage_partial",
        help: "Whether something that was asked for could not be read or measured.",
        samples: one(if report.partial { 1.0 } else { 0.0 }),
    });
    out.push(Metric {
        name: "mlops_usage_volumes_omitted",
        help: "Volumes, the least full ones, that have no series of their own, because there are too many.",
        samples: one(report.volumes.len().saturating_sub(SERIES) as f64),
    });
    let findings = Level::ALL.map(|level| Sample {
        labels: vec![("level", level.word().to_lowercase().into())],
        value: report.findings.iter().filter(|finding| finding.verdict == level).count() as f64,
    });
    out.push(Metric { name: "mlops_usage_findings", help: "Findings by level.", samples: findings.into() });
    let time = report.generated_at.parse::<jiff::Timestamp>().map_or(0.0, |time| time.as_second() as f64);
    out.push(Metric {
        name: "mlops_usage_report_timestamp_seconds",
        help: "The instant of the report, in seconds since 1970.",
        samples: one(time),
    });
    out
}

type Labels<'a> = Vec<(&'static str, Cow<'a, str>)>;

/// Adds a metric of those rows that have a value.
fn push<'a>(
    out: &mut Vec<Metric<'a>>,
    name: &'static str,
    help: &'static str,
    rows: impl Iterator<Item = (Labels<'a>, Option<f64>)>,
) {
    let samples = rows.filter_map(|(labels, value)| Some(Sample { labels, value: value? }));
    let samples: Vec<_> = samples.take(SERIES).collect();
    if !samples.is_empty() {
        out.push(Metric { name, help, samples });
    }
}

const fn float(value: Option<i64>) -> Option<f64> {
    match value {
        Some(value) => Some(value as f64),
        None => None,
    }
}

fn cores_of(value: Option<i64>) -> Option<f64> {
    value.map(|millis| millis as f64 / 1000.0)
}

type OfNode = fn(&NodeUsage) -> Option<f64>;

fn node_metrics<'a>(report: &'a UsageReport, out: &mut Vec<Metric<'a>>) {
    let all: [(&'static str, &'static str, OfNode); 9] = [
        ("mlops_usage_node_cpu_used_cores", "CPU in use.", |node| cores_of(node.cpu.used)),
        ("mlops_usage_node_cpu_requested_cores", "CPU that pods reserve.", |node| cores_of(node.cpu.requests)),
        ("mlops_usage_node_cpu_allocatable_cores", "CPU that pods may use.", |node| cores_of(node.cpu.allocatable)),
        ("mlops_usage_node_memory_used_bytes", "Memory in use.", |node| float(node.memory.used)),
        ("mlops_usage_node_memory_requested_bytes", "Memory that pods reserve.", |node| float(node.memory.requests)),
        ("mlops_usage_node_memory_allocatable_bytes", "Memory that pods may use.", |node| {
            float(node.memory.allocatable)
        }),
        ("mlops_usage_node_pods", "Pods that have not ended.", |node| node.pods.map(|pods| pods as f64)),
        ("mlops_usage_node_pods_max", "Pods that the node takes.", |node| float(node.max_pods)),
        ("mlops_usage_node_filesystem_used_percent", "Used share of the kubelet's filesystem.", |node| {
            node.filesystem.and_then(|fill| fill.used_percent)
        }),
    ];
    for (name, help, of) in all {
        let rows = report.nodes.iter().map(|node| (vec![("node", node.name.as_str().into())], of(node)));
        push(out, name, help, rows);
    }
}

type OfVolume = fn(&VolumeUsage) -> Option<f64>;

fn volume_metrics<'a>(report: &'a UsageReport, out: &mut Vec<Metric<'a>>) {
    let all: [(&'static str, &'static str, OfVolume); 5] = [
        ("mlops_usage_volume_used_bytes", "Bytes in use.", |volume| float(volume.fill.used)),
        ("mlops_usage_volume_available_bytes", "Bytes that can be written.", |volume| float(volume.fill.available)),
        ("mlops_usage_volume_capacity_bytes", "Size.", |volume| float(volume.fill.capacity)),
        ("mlops_usage_volume_used_percent", "Used share, as df counts it.", |volume| volume.fill.used_percent),
        ("mlops_usage_volume_inodes_used_percent", "Used share of the inodes.", |volume| volume.fill.inodes_percent),
    ];
    for (name, help, of) in all {
        let rows = report.volumes.iter().map(|volume| {
            let labels = vec![
                ("namespace", volume.namespace.as_str().into()),
                ("persistentvolumeclaim", volume.claim.as_str().into()),
            ];
            (labels, of(volume))
        });
        push(out, name, help, rows);
    }
}

fn namespace_metrics<'a>(report: &'a UsageReport, out: &mut Vec<Metric<'a>>) {
    type Of = fn(&super::NamespaceUsage) -> Option<f64>;
    let all: [(&'static str, &'static str, Of); 4] = [
        ("mlops_usage_namespace_cpu_used_cores", "CPU in use.", |row| cores_of(row.cpu.used)),
        ("mlops_usage_namespace_cpu_requested_cores", "CPU that pods reserve.", |row| cores_of(row.cpu.requests)),
        ("mlops_usage_namespace_memory_used_bytes", "Memory in use.", |row| float(row.memory.used)),
        ("mlops_usage_namespace_memory_requested_bytes", "Memory that pods reserve.", |row| float(row.memory.requests)),
    ];
    for (name, help, of) in all {
        let rows = report.namespaces.iter().map(|row| (vec![("namespace", row.name.as_str().into())], of(row)));
        push(out, name, help, rows);
    }
}

fn device_metrics<'a>(report: &'a UsageReport, out: &mut Vec<Metric<'a>>) {
    let rows =
        || report.devices.iter().flat_map(|device| device.nodes.iter().map(move |row| (device.resource.as_str(), row)));
    let labels =
        |resource: &'a str, node: &'a str| -> Labels<'a> { vec![("resource", resource.into()), ("node", node.into())] };
    let held = rows().map(|(resource, row)| (labels(resource, &row.node), float(row.requested)));
    push(out, "mlops_usage_devices_requested", "Devices that pods hold.", held);
    let offered = rows().map(|(resource, row)| (labels(resource, &row.node), Some(row.allocatable as f64)));
    push(out, "mlops_usage_devices_allocatable", "Devices that pods may use.", offered);
}

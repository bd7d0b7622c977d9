//! The usage report as a document, as cases and as metrics: what every format prints.

use super::exposition;
use super::model::{Amounts, Fill, NodeUsage, UsageReport, VolumeUsage, percent};
use super::{Source, SourceState};
use mlops_shared::report::document::{Bar, Bars, Block, Cell, Column, Document, Finding, Findings, Line, Table, Tone};
use mlops_shared::report::{Case, Detail, Level, Metric, Present, Subject, gaps, instant, whose};
use mlops_shared::text::{self, Quantity};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Rows of a table in a summary; more of them say so.
const ROWS: usize = 10;
/// Nodes in a summary: a cluster of an MLOps platform fits.
const NODES: usize = 50;
/// Nodes that are named for one reason why they could not be measured.
const NAMED: usize = 5;
/// Bars on a page.
const BARS: usize = 30;

impl Present for UsageReport {
    fn document(&self, detail: &Detail) -> Document<'_> {
        let whose = whose(&self.view);
        let headline = Line::marked(self.verdict, format!("{whose}: {}", outcome(self)));
        let mut document = Document::new(format!("Usage of {whose}"), headline);
        let hints = self.error.iter().flat_map(|error| &error.hints);
        hints.for_each(|hint| document.line(Line::faint(format!("hint: {hint}"))));
        findings(self, detail, &mut document);
        sources(self, &mut document);
        let read = self.coverage.iter().any(|section| section.gap);
        if read {
            gaps(&self.coverage, false, detail, &mut document);
        }
        nodes(self, detail, &mut document);
        volumes(self, detail, &mut document);
        pods(self, &mut document);
        namespaces(self, detail, &mut document);
        workloads(self, detail, &mut document);
        devices(self, detail, &mut document);
        for note in &self.notes {
            document.line(Line::plain(format!("note: {note}")));
        }
        document
    }

    fn cases(&self) -> Vec<Case<'_>> {
        let object = |kind: &'static str, namespace, name| Subject::Object { group: "", kind, namespace, name };
        let nodes = self.nodes.iter().map(|node| Case {
            context: None,
            suite: "nodes",
            subject: object("Node", "", &node.name),
            level: node.verdict,
            code: "node",
            message: &node.message,
            evidence: &node.conditions,
        });
        let volumes = self.volumes.iter().map(|volume| Case {
            context: None,
            suite: "volumes",
            subject: object("PersistentVolumeClaim", &volume.namespace, &volume.claim),
            level: if volume.mounted || volume.verdict != Level::Unknown { volume.verdict } else { Level::Absent },
            code: &volume.code,
            message: &volume.message,
            evidence: &[],
        });
        let others =
            self.findings.iter().filter(|finding| finding.object.kind == "ResourceQuota").map(|finding| Case {
                context: None,
                suite: "namespaces",
                subject: object("ResourceQuota", &finding.object.namespace, &finding.object.name),
                level: finding.verdict,
                code: &finding.code,
                message: &finding.message,
                evidence: &finding.evidence,
            });
        let sources = [("CPU and memory use", &self.metrics), ("use of volumes", &self.volume_statistics)];
        let sources = sources.into_iter().filter_map(|(name, source)| {
            let source = source.as_ref().filter(|source| source.state != SourceState::Complete)?;
            Some(Case {
                context: None,
                suite: "coverage",
                subject: Subject::Other(Cow::Owned(format!("not measured: {name}"))),
                level: Level::Unknown,
                code: "not-measured",
                message: &source.message,
                evidence: source.hint.as_slice(),
            })
        });
        let gaps = self.coverage.iter().filter(|section| section.gap).map(|section| Case {
            context: None,
            suite: "coverage",
            subject: Subject::Other(Cow::Owned(format!("not read: {}", section.kind))),
            level: Level::Unknown,
            code: "not-read",
            message: section.why.as_deref().unwrap_or("the reason is not known"),
            evidence: section.hint.as_slice(),
        });
        let unread = self.error.iter().map(|error| Case {
            context: None,
            suite: "coverage",
            subject: Subject::Other(Cow::Owned(format!("not read: {}", whose(&self.view)))),
            level: Level::Unknown,
            code: "not-read",
            message: &error.message,
            evidence: &error.hints,
        });
        nodes.chain(volumes).chain(others).chain(sources).chain(gaps).chain(unread).collect()
    }

    fn metrics(&self) -> Vec<Metric<'_>> {
        exposition::metrics(self)
    }
}

fn outcome(report: &UsageReport) -> String {
    if let Some(error) = &report.error {
        return format!("could not be read: {}", error.message);
    }
    let mut levels: BTreeMap<Level, usize> = BTreeMap::new();
    for finding in &report.findings {
        *levels.entry(finding.verdict).or_default() += 1;
    }
    let by_level: Vec<String> = levels.iter().rev().map(|(level, count)| format!("{count} {level}")).collect();
    let mut out = if by_level.is_empty() {
        "no findings".to_owned()
    } else {
        format!("{} ({})", text::plural(report.findings.len(), "finding"), by_level.join(", "))
    };
    out.push_str(&format!(", at {}", instant(&report.generated_at)));
    if report.partial {
        out.push_str("; PARTIAL: not everything could be measured");
    }
    out
}

fn findings<'a>(report: &'a UsageReport, detail: &Detail, document: &mut Document<'a>) {
    let shown: Vec<_> = report.findings.iter().filter(|finding| finding.verdict >= detail.show).collect();
    if report.findings.is_empty() {
        return;
    }
    let mut out = Findings::default();
    for finding in shown.iter().take(detail.findings) {
        let object = &finding.object;
        let parts = [&object.kind, &object.namespace, &object.name].into_iter().filter(|part| !part.is_empty());
        out.items.push(Finding {
            mark: finding.verdict.into(),
            subject: parts.map(String::as_str).collect::<Vec<_>>().join("/").into(),
            message: finding.message.as_str().into(),
            age: None,
            code: finding.code.as_str().into(),
            evidence: finding.evidence.iter().take(detail.evidence).map(|line| line.as_str().into()).collect(),
            more_evidence: finding.evidence.len().saturating_sub(detail.evidence),
            managed: None,
            command: Some(finding.command.as_str().into()),
            effects: Vec::new(),
            effects_total: 0,
            effects_levels: Cow::Borrowed(""),
        });
    }
    if shown.len() > detail.findings {
        out.omitted
            .push(format!("and {}: -o wide", text::plural(shown.len() - detail.findings, "more finding")).into());
    }
    let hidden = report.findings.len() - shown.len();
    if hidden > 0 {
        let below = detail.show.word().to_lowercase();
        out.omitted.push(format!("{}, not shown, below --show {below}", text::plural(hidden, "more finding")).into());
    }
    document.heading("Findings");
    document.blocks.push(Block::Findings(out));
}

/// The lines that say whence figures come; what is missing comes with its reason and hint.
fn sources<'a>(report: &'a UsageReport, document: &mut Document<'a>) {
    document.heading("Measured");
    for source in [&report.metrics, &report.volume_statistics].into_iter().flatten() {
        source_lines(source, document);
    }
}

fn source_lines<'a>(source: &'a Source, document: &mut Document<'a>) {
    let level = if source.state == SourceState::Complete { Level::Ok } else { Level::Unknown };
    document.line(Line::marked(level, source.message.as_str()));
    // One line a reason: a rack that is down is one thing to know.
    let mut reasons: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let is_told = source.state == SourceState::Forbidden || source.message.contains("ready node");
    for failed in source.failures.iter().filter(|_| !is_told) {
        // The server's words name the node; what is left is the reason.
        let why = failed.why.replace(&format!("\"{}\"", failed.node), "NODE");
        reasons.entry(why).or_default().push(&failed.node);
    }
    for (why, nodes) in reasons {
        let mut names = nodes.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        if nodes.len() > NAMED {
            names.push_str(&format!(" and {} more", nodes.len() - NAMED));
        }
        document.line(Line::faint(format!("{names}: {why}")));
    }
    if let Some(hint) = &source.hint {
        document.line(Line::faint(format!("hint: {hint}")));
    }
}

/// Rows that a table shows: all in `wide`, and as many as a page takes.
fn rows(detail: &Detail, least: usize) -> usize {
    detail.objects.max(least)
}

fn has(report: &UsageReport, section: &str) -> bool {
    report.sections.iter().any(|known| known == section)
}

fn nodes<'a>(report: &'a UsageReport, detail: &Detail, document: &mut Document<'a>) {
    if !has(report, "nodes") {
        return;
    }
    document.heading("Nodes");
    if report.nodes.is_empty() {
        let why =
            report.coverage.iter().find(|section| section.kind == "Node").and_then(|section| section.why.as_deref());
        document.line(Line::plain(format!("no node is known: {}", why.unwrap_or("none was read"))));
        return;
    }
    if detail.is_page {
        for (title, of) in [
            ("CPU in use, of what is allocatable", (|node: &NodeUsage| node.cpu) as fn(&NodeUsage) -> Amounts),
            ("Memory in use, of what is allocatable", |node| node.memory),
        ] {
            node_bars(report, title, of, document);
        }
    }
    let are_disks_known = report.nodes.iter().any(|node| node.filesystem.is_some());
    let mut table = Table::new([
        Column::new("STATE"),
        Column::new("NODE"),
        Column::new("CPU").right(),
        Column::new("CPU%").right(),
        Column::new("CPU-REQ%").right(),
        Column::new("CPU-LIM%").right().wide(),
        Column::new("MEM").right(),
        Column::new("MEM%").right(),
        Column::new("MEM-REQ%").right(),
        Column::new("MEM-LIM%").right().wide(),
        Column::new("PODS").right(),
        Column::new("DISK%").right().optional(),
        Column::new("IMAGES%").right().wide(),
        Column::new("CONDITIONS").optional(),
    ]);
    if !are_disks_known {
        table.columns.retain(|column| !matches!(column.title, "DISK%" | "IMAGES%"));
    }
    // In a summary the nodes that are in trouble are never among those that are left out.
    let mut order: Vec<&NodeUsage> = report.nodes.iter().collect();
    if order.len() > rows(detail, NODES) {
        order.sort_by_key(|node| std::cmp::Reverse(node.verdict));
    }
    table.omitted = order.len().saturating_sub(rows(detail, NODES));
    for node in order.into_iter().take(rows(detail, NODES)) {
        let pods = match (node.pods, node.max_pods) {
            (Some(pods), Some(most)) => format!("{pods}/{most}"),
            (Some(pods), None) => pods.to_string(),
            (None, Some(most)) => format!("?/{most}"),
            (None, None) => "?".to_owned(),
        };
        let mut cells = vec![
            Cell::level(node.verdict),
            Cell::toned(node.name.as_str(), Tone::Strong),
            cpu(node.cpu.used),
            share(node.cpu.used_percent()),
            share(node.cpu.requests_percent()),
            share(node.cpu.limits_percent()),
            size(node.memory.used),
            share(node.memory.used_percent()),
            share(node.memory.requests_percent()),
            share(node.memory.limits_percent()),
            pods.into(),
        ];
        if are_disks_known {
            cells.push(share(node.filesystem.and_then(|fill| fill.used_percent)));
            cells.push(share(node.image_filesystem.and_then(|fill| fill.used_percent)));
        }
        cells.push(Cell::or_dash(node.conditions.join(", ")));
        table.row(cells);
    }
    document.blocks.push(Block::Table(table));
}

fn node_bars<'a>(
    report: &'a UsageReport,
    title: &'static str,
    of: fn(&NodeUsage) -> Amounts,
    document: &mut Document<'a>,
) {
    let bars = report.nodes.iter().filter_map(|node| {
        let amounts = of(node);
        let (used, all) = (amounts.used?, amounts.allocatable?);
        let requested =
            amounts.requests_percent().map_or_else(String::new, |share| format!(", {} % requested", whole(share)));
        Some(Bar {
            label: node.name.as_str().into(),
            parts: vec![(Tone::Strong, used as f64)],
            whole: Some(all as f64),
            text: format!("{} %{requested}", whole(percent(used, all)?)).into(),
        })
    });
    let bars: Vec<_> = bars.take(BARS).collect();
    if !bars.is_empty() {
        document.blocks.push(Block::Bars(Bars { title: title.into(), bars, is_relative: true }));
    }
}

fn volumes<'a>(report: &'a UsageReport, detail: &Detail, document: &mut Document<'a>) {
    if !has(report, "volumes") {
        return;
    }
    document.heading("Volumes");
    if report.volumes.is_empty() {
        document.line(Line::plain("no bound claim is known"));
        return;
    }
    if detail.is_page {
        let bars = report.volumes.iter().filter_map(|volume| {
            let share = volume.fill.used_percent?;
            Some(Bar {
                label: format!("{}/{}", volume.namespace, volume.claim).into(),
                parts: vec![(Tone::Level(volume.verdict), share)],
                whole: Some(100.0),
                text: format!("{} %", whole(share)).into(),
            })
        });
        let bars: Vec<_> = bars.take(BARS).collect();
        if !bars.is_empty() {
            document.blocks.push(Block::Bars(Bars { title: "Fullest volumes".into(), bars, is_relative: true }));
        }
    }
    let mut table = Table::new([
        // Claims have the longest names there are: what a reader looks for stands before them.
        Column::new("STATE"),
        Column::new("USE%").right(),
        Column::new("INODE%").right(),
        Column::new("USED").right(),
        Column::new("SIZE").right(),
        Column::new("NAMESPACE"),
        Column::new("CLAIM"),
        Column::new("POD").optional(),
        Column::new("NODE").wide(),
        Column::new("CLASS").wide(),
        Column::new("WHY").wide(),
    ]);
    let is_shown = |index: usize, volume: &VolumeUsage| index < rows(detail, ROWS) || volume.verdict > Level::Unknown;
    for (index, volume) in report.volumes.iter().enumerate() {
        if !is_shown(index, volume) {
            table.omitted += 1;
            continue;
        }
        let Fill { used, capacity, used_percent, inodes_percent, .. } = volume.fill;
        let pods = match volume.pods.as_slice() {
            [] => Cow::Borrowed("-"),
            [one] => Cow::Borrowed(one.as_str()),
            [first, rest @ ..] => Cow::Owned(format!("{first} and {} more", rest.len())),
        };
        table.row([
            Cell::level(volume.verdict),
            share(used_percent),
            share(inodes_percent),
            size(used),
            size(capacity.or(volume.claimed)),
            volume.namespace.as_str().into(),
            Cell::toned(volume.claim.as_str(), Tone::Strong),
            pods.into(),
            Cell::or_dash(volume.node.as_str()),
            Cell::or_dash(volume.storage_class.as_str()),
            volume.message.as_str().into(),
        ]);
    }
    document.blocks.push(Block::Table(table));
}

fn pods<'a>(report: &'a UsageReport, document: &mut Document<'a>) {
    if !has(report, "pods") {
        return;
    }
    document.heading(format!("Pods by {} ({} of {})", report.pods_sorted_by, report.pods.len(), report.pods_total));
    if report.pods.is_empty() {
        document.line(Line::plain("no pod is known"));
        return;
    }
    let mut table = Table::new([
        Column::new("NAMESPACE"),
        Column::new("POD"),
        Column::new("CPU").right(),
        Column::new("CPU-REQ").right(),
        Column::new("CPU-LIM").right().wide(),
        Column::new("MEM").right(),
        Column::new("MEM-REQ").right(),
        Column::new("MEM-LIM").right().optional(),
        Column::new("NODE").optional(),
    ]);
    for pod in &report.pods {
        table.row([
            pod.namespace.as_str().into(),
            Cell::toned(pod.name.as_str(), Tone::Strong),
            cpu(pod.cpu.used),
            cpu(pod.cpu.requests),
            cpu_limit(pod.cpu.limits),
            size(pod.memory.used),
            size(pod.memory.requests),
            limit(pod.memory.limits),
            Cell::or_dash(pod.node.as_str()),
        ]);
    }
    document.blocks.push(Block::Table(table));
}

fn namespaces<'a>(report: &'a UsageReport, detail: &Detail, document: &mut Document<'a>) {
    if !has(report, "namespaces") {
        return;
    }
    document.heading("Namespaces");
    let mut table = Table::new([
        Column::new("NAMESPACE"),
        Column::new("PODS").right(),
        Column::new("CPU").right(),
        Column::new("CPU-REQ").right(),
        Column::new("CPU-LIM").right().wide(),
        Column::new("MEM").right(),
        Column::new("MEM-REQ").right(),
        Column::new("MEM-LIM").right().optional(),
        Column::new("QUOTA").optional(),
    ]);
    for row in &report.namespaces {
        // The nearest to its end says whether there is room.
        let tightest = row
            .quotas
            .iter()
            .max_by(|one, two| one.used_percent.unwrap_or(-1.0).total_cmp(&two.used_percent.unwrap_or(-1.0)));
        let quota = tightest.map_or(Cow::Borrowed("-"), |quota| {
            let share = quota.used_percent.map_or_else(String::new, |share| format!(" ({} %)", whole(share)));
            Cow::Owned(format!("{} {} of {}{share}", quota.resource, quota.used, quota.hard))
        });
        table.row([
            Cell::toned(row.name.as_str(), Tone::Strong),
            row.pods.to_string().into(),
            cpu(row.cpu.used),
            cpu(row.cpu.requests),
            cpu_limit(row.cpu.limits),
            size(row.memory.used),
            size(row.memory.requests),
            limit(row.memory.limits),
            quota.into(),
        ]);
    }
    table.omitted = table.rows.len().saturating_sub(rows(detail, NODES));
    table.rows.truncate(rows(detail, NODES));
    document.blocks.push(Block::Table(table));
}

fn workloads<'a>(report: &'a UsageReport, detail: &Detail, document: &mut Document<'a>) {
    if !has(report, "workloads") || report.workloads.is_empty() {
        return;
    }
    document.heading("Requests and limits that do not fit the use at this instant");
    let mut table = Table::new([
        Column::new("NAMESPACE"),
        Column::new("WORKLOAD"),
        Column::new("PODS").right().optional(),
        Column::new("CPU").right(),
        Column::new("CPU-REQ").right(),
        Column::new("MEM").right(),
        Column::new("MEM-REQ").right(),
        Column::new("MEM-LIM").right().optional(),
        Column::new("FIT").flex(2),
    ]);
    // That there is no limit is a matter of taste, and by itself no reason to be in a summary.
    let is_telling = |row: &&super::WorkloadUsage| {
        if detail.objects > 0 { !row.fit.is_empty() } else { row.fit.iter().any(|word| word != "memory-no-limit") }
    };
    let telling: Vec<_> = report.workloads.iter().filter(is_telling).collect();
    if telling.is_empty() {
        document.line(Line::marked(Level::Ok, "requests and limits fit what is in use"));
        return;
    }
    table.omitted = telling.len().saturating_sub(rows(detail, ROWS));
    for row in telling.into_iter().take(rows(detail, ROWS)) {
        table.row([
            row.namespace.as_str().into(),
            Cell::toned(format!("{}/{}", row.kind, row.name), Tone::Strong),
            format!("{}/{}", row.measured, row.pods).into(),
            cpu(row.cpu.used),
            cpu(row.cpu.requests),
            size(row.memory.used),
            size(row.memory.requests),
            limit(row.memory.limits),
            row.fit.iter().map(|word| word.replace("memory-", "mem-")).collect::<Vec<_>>().join(", ").into(),
        ]);
    }
    document.blocks.push(Block::Table(table));
}

fn devices<'a>(report: &'a UsageReport, detail: &Detail, document: &mut Document<'a>) {
    if !has(report, "devices") || report.devices.is_empty() {
        return;
    }
    document.heading("GPUs and other devices");
    let mut table = Table::new([
        Column::new("RESOURCE"),
        Column::new("NODE"),
        Column::new("HELD").right(),
        Column::new("ALLOCATABLE").right(),
        Column::new("CAPACITY").right().wide(),
        Column::new("FREE").right(),
    ]);
    let mut holders = Table::new([
        Column::new("HELD").right(),
        Column::new("RESOURCE"),
        Column::new("NODE"),
        Column::new("NAMESPACE"),
        Column::new("POD"),
    ]);
    let known = |count: Option<i64>| count.map_or(Cow::Borrowed("?"), |count| Cow::Owned(count.to_string()));
    for device in &report.devices {
        for row in &device.nodes {
            for holder in &row.holders {
                holders.row([
                    holder.count.to_string().into(),
                    device.resource.as_str().into(),
                    row.node.as_str().into(),
                    holder.namespace.as_str().into(),
                    Cell::toned(holder.pod.as_str(), Tone::Strong),
                ]);
            }
            table.row([
                Cell::toned(device.resource.as_str(), Tone::Strong),
                row.node.as_str().into(),
                known(row.requested).into(),
                row.allocatable.to_string().into(),
                row.capacity.to_string().into(),
                known(row.requested.map(|held| row.allocatable.saturating_sub(held))).into(),
            ]);
        }
    }
    table.omitted = table.rows.len().saturating_sub(rows(detail, NODES));
    table.rows.truncate(rows(detail, NODES));
    document.blocks.push(Block::Table(table));
    if !holders.rows.is_empty() {
        holders.omitted = holders.rows.len().saturating_sub(rows(detail, NODES));
        holders.rows.truncate(rows(detail, NODES));
        document.heading("Who holds them");
        document.blocks.push(Block::Table(holders));
    }
    for device in report.devices.iter().filter(|device| device.waiting > 0) {
        let mut names = device.waiting_pods.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        if device.waiting_pods.len() > NAMED {
            names.push_str(&format!(" and {} more", device.waiting_pods.len() - NAMED));
        }
        document.line(Line::plain(format!(
            "{} {} asked for by pods that are not scheduled: {names}",
            device.waiting, device.resource
        )));
    }
}

fn cpu(millicores: Option<i64>) -> Cell<'static> {
    Cell::or_dash(millicores.map(|cpu| text::cores(Quantity::from_millis(cpu))).unwrap_or_default())
}

fn size(bytes: Option<i64>) -> Cell<'static> {
    Cell::or_dash(bytes.map(|bytes| text::bytes(Quantity::from_units(bytes))).unwrap_or_default())
}

fn cpu_limit(millicores: Option<i64>) -> Cell<'static> {
    millicores.map_or_else(|| Cell::toned("none", Tone::Faint), |cores| cpu(Some(cores)))
}

fn limit(bytes: Option<i64>) -> Cell<'static> {
    bytes.map_or_else(|| Cell::toned("none", Tone::Faint), |bytes| size(Some(bytes)))
}

fn share(percent: Option<f64>) -> Cell<'static> {
    Cell::or_dash(percent.map(whole).unwrap_or_default())
}

/// A share as it is compared with thresholds: 94.6 is not 95.
fn whole(percent: f64) -> String {
    format!("{:.0}", percent.floor())
}

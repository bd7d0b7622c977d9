//! The reports of several clusters as one: a section a cluster, those that could not be read among them.

use super::document::{Block, Line};
use super::{API_VERSION, Case, Detail, Document, Level, Metric, Present, Report};
use crate::text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Rows of the table of objects that a cluster keeps on a page of many.
const ROWS: usize = 200;

/// A report on one cluster, which can stand in a list of several.
pub trait OfCluster: Present {
    /// What it tells, as the title of a list of it begins: `Health`.
    const WHAT: &'static str;
    /// The `kind` of a list of it.
    const LIST: &'static str;

    /// The context of the cluster.
    fn context(&self) -> &str;

    /// Its verdict.
    fn level(&self) -> Level;
}

impl OfCluster for Report {
    const WHAT: &'static str = "Health";
    const LIST: &'static str = "HealthReportList";

    fn context(&self) -> &str {
        &self.view.name
    }

    fn level(&self) -> Level {
        self.verdict
    }
}

/// One run's reports on several clusters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "{R}List")]
pub struct ReportList<R = Report> {
    /// `mlops/v1`
    pub api_version: String,
    /// `HealthReportList`, …
    pub kind: String,
    /// The instant that verdicts were made for, RFC 3339.
    pub generated_at: String,
    /// The version of the tool.
    pub tool_version: String,
    /// The most urgent verdict of all clusters.
    pub verdict: Level,
    /// A report a cluster, in the order in which the contexts were asked for. One with an `error`
    /// could not be read.
    pub items: Vec<R>,
    /// Contexts that were not read once more, because they lead to the same server as the same
    /// user: each with the context of the item that speaks for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub same_as: Vec<SameAs>,
}

/// A context that was not read once more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SameAs {
    /// The context.
    pub context: String,
    /// The context that was read in its place.
    pub item: String,
}

impl<R: OfCluster> ReportList<R> {
    /// The list of these reports, made for the instant `generated_at` (RFC 3339).
    pub fn new(items: Vec<R>, same_as: Vec<SameAs>, generated_at: String) -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: R::LIST.to_owned(),
            generated_at,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            verdict: items.iter().map(OfCluster::level).max().unwrap_or(Level::Unknown),
            items,
            same_as,
        }
    }

    fn outcome(&self) -> String {
        let mut levels = BTreeMap::<Level, usize>::new();
        for report in &self.items {
            *levels.entry(report.level()).or_default() += 1;
        }
        let levels: Vec<String> = levels.iter().rev().map(|(level, count)| format!("{count} {level}")).collect();
        format!("{}: {}", text::plural(self.items.len(), "cluster"), levels.join(", "))
    }
}

impl<R: OfCluster> Present for ReportList<R> {
    fn document(&self, detail: &Detail) -> Document<'_> {
        let mut document = Document::new(
            format!("{} of {}", R::WHAT, text::plural(self.items.len(), "cluster")),
            Line::marked(self.verdict, self.outcome()),
        );
        let detail = match detail.objects {
            0 | usize::MAX => *detail,
            // A page has room for so many rows in all.
            rows => Detail { objects: (rows / self.items.len().max(1)).max(ROWS), ..*detail },
        };
        for report in &self.items {
            let part = report.document(&detail);
            document.blocks.push(Block::Section(Cow::Borrowed(report.context())));
            for same in self.same_as.iter().filter(|same| same.item == report.context()) {
                document.line(Line::faint(format!("the same server and user as context {}", same.context)));
            }
            document.blocks.push(Block::Line(part.headline));
            document.blocks.extend(part.blocks);
        }
        document
    }

    fn cases(&self) -> Vec<Case<'_>> {
        let named = self.items.iter().flat_map(|report| {
            let context = report.context();
            report.cases().into_iter().map(move |case| Case { context: Some(context), suite: context, ..case })
        });
        named.collect()
    }

    fn metrics(&self) -> Vec<Metric<'_>> {
        let mut families: Vec<Metric<'_>> = Vec::new();
        for report in &self.items {
            for metric in report.metrics() {
                let samples = metric.samples.into_iter().map(|mut sample| {
                    sample.labels.insert(0, ("cluster", Cow::Borrowed(report.context())));
                    sample
                });
                let samples: Vec<_> = samples.collect();
                match families.iter_mut().find(|family| family.name == metric.name) {
                    Some(family) => family.samples.extend(samples),
                    None => families.push(Metric { name: metric.name, help: metric.help, samples }),
                }
            }
        }
        families
    }
}

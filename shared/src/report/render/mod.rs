//! Renderers: every format of a report, each in one place.

mod data;
mod html;
mod junit;
mod markdown;
mod name;
mod prometheus;
mod table;

use super::{Level, Present, Report};
use std::str::FromStr;

/// How a report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Areas and causes for people.
    Table,
    /// The same, and every object.
    Wide,
    /// The stable form.
    Json,
    /// The stable form as YAML.
    Yaml,
    /// `kind.group/name` lines that kubectl takes back.
    Name,
    /// For a ticket or a chat.
    Markdown,
    /// One self-contained page.
    Html,
    /// JUnit XML: a suite an area, a case an object.
    Junit,
    /// Text exposition for Prometheus' textfile collector.
    Prometheus,
}

impl Format {
    /// Every format with its word.
    pub const ALL: [(&'static str, Self); 9] = [
        ("table", Self::Table),
        ("wide", Self::Wide),
        ("json", Self::Json),
        ("yaml", Self::Yaml),
        ("name", Self::Name),
        ("markdown", Self::Markdown),
        ("html", Self::Html),
        ("junit", Self::Junit),
        ("prometheus", Self::Prometheus),
    ];
}

impl FromStr for Format {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|(word, _)| *word == text);
        found.map(|(_, format)| *format).ok_or_else(|| {
            let allowed: Vec<&str> = Self::ALL.iter().map(|(word, _)| *word).collect();
            format!(
                "unable to match a printer suitable for the output format {text:?}, allowed formats are: {}",
                allowed.join(",")
            )
        })
    }
}

/// How human formats look.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Whether to colour.
    pub color: bool,
    /// Columns to fill.
    pub width: usize,
    /// Whether tables have headers.
    pub headers: bool,
    /// Findings below this level are not printed.
    pub show: Level,
}

/// A report in a format.
///
/// # Errors
/// When the report cannot be written in that format, in words.
pub fn render(report: &Report, format: Format, style: &Style) -> Result<String, String> {
    match format {
        Format::Table => Ok(table::render(report, style, false)),
        Format::Wide => Ok(table::render(report, style, true)),
        Format::Json => data::json(report),
        Format::Yaml => data::yaml(report),
        Format::Name => Ok(name::render(report, style.show)),
        Format::Markdown => Ok(markdown::render(&report.document(&markdown::DETAIL.show(style.show)))),
        Format::Html => html::render(&report.document(&html::DETAIL.show(style.show))),
        Format::Junit => junit::render(&report.kind, &report.cases()),
        Format::Prometheus => Ok(prometheus::render(report)),
    }
}

#[cfg(test)]
mod tests;

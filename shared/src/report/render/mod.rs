//! Renderers: every format of a report, each in one place.

mod data;
mod html;
mod junit;
mod markdown;
mod name;
mod prometheus;
mod sarif;
mod table;

use super::{Detail, Level, Present};
use std::io::{self, Write};
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
    /// SARIF 2.1.0, for code scanning; only of reports that offer an analysis.
    Sarif,
}

impl Format {
    /// Every format that all reports have, with its word.
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

    /// Every format of a report that offers an analysis, with its word.
    pub fn of_analysis() -> impl Iterator<Item = (&'static str, Self)> {
        Self::ALL.into_iter().chain([("sarif", Self::Sarif)])
    }

    /// The format of that word among these.
    ///
    /// # Errors
    /// kubectl's words, when there is none.
    pub fn among(formats: impl IntoIterator<Item = (&'static str, Self)>, text: &str) -> Result<Self, String> {
        let formats: Vec<_> = formats.into_iter().collect();
        let found = formats.iter().find(|(word, _)| *word == text);
        found.map(|(_, format)| *format).ok_or_else(|| {
            let allowed: Vec<&str> = formats.iter().map(|(word, _)| *word).collect();
            format!(
                "unable to match a printer suitable for the output format {text:?}, allowed formats are: {}",
                allowed.join(",")
            )
        })
    }
}

impl FromStr for Format {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::among(Self::ALL, text)
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

/// What became of a rendering.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rendered {
    /// Lines that were left out because their text is no name that an API server takes (it can
    /// only come from a file). Only `name` leaves out anything without saying so in its output.
    pub skipped: usize,
}

/// Writes a report in a format.
///
/// # Errors
/// What the writer says, and the serialiser's or template's words as [`io::ErrorKind::Other`].
pub fn write(report: &impl Present, format: Format, style: &Style, out: &mut impl Write) -> io::Result<Rendered> {
    let mut rendered = Rendered::default();
    let text = match format {
        Format::Json => {
            data::json(report, &mut *out)?;
            return Ok(rendered);
        }
        Format::Yaml => data::yaml(report)?,
        Format::Table => table::render(&report.document(&Detail::SUMMARY.show(style.show)), style, false),
        Format::Wide => table::render(&report.document(&Detail::WIDE.show(style.show)), style, true),
        Format::Markdown => markdown::render(&report.document(&markdown::DETAIL.show(style.show))),
        Format::Html => html::render(&report.document(&html::DETAIL.show(style.show))).map_err(io::Error::other)?,
        Format::Junit => junit::render(&report.cases()).map_err(io::Error::other)?,
        Format::Prometheus => prometheus::render(&report.metrics()),
        Format::Sarif => {
            let analysis = report.analysis().ok_or_else(|| io::Error::other("this report has no form as sarif"))?;
            data::json(&sarif::log(&analysis), &mut *out)?;
            return Ok(rendered);
        }
        Format::Name => {
            let (text, skipped) = name::render(&report.cases(), style.show);
            rendered.skipped = skipped;
            text
        }
    };
    out.write_all(text.as_bytes())?;
    Ok(rendered)
}

/// A report in a format, as text.
///
/// # Errors
/// When the report cannot be written in that format, in words.
pub fn render(report: &impl Present, format: Format, style: &Style) -> Result<String, String> {
    let mut out = Vec::new();
    write(report, format, style, &mut out).map_err(|error| error.to_string())?;
    String::from_utf8(out).map_err(|error| error.to_string())
}

#[cfg(test)]
mod list_tests;
#[cfg(test)]
mod tests;

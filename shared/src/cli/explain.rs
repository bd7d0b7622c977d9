//! `explain`: what a finding's code means and what to do, the same in every plugin that has findings.

use super::Failure;
use crate::report::document::{Block, Cell, Column, Line, Table, Tone};
use crate::report::{API_VERSION, Code, Detail, Document, Format, Present};
use crate::text;
use schemars::JsonSchema;
use serde::Serialize;

/// Finding codes as JSON and YAML print them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FindingCodeList {
    /// `mlops/v1`
    api_version: &'static str,
    /// `FindingCodeList`
    kind: &'static str,
    /// The codes, by name.
    items: Vec<FindingCode>,
}

/// One code.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FindingCode {
    /// The stable name: `pod-crash-loop`.
    code: &'static str,
    /// One line: what it is.
    title: &'static str,
    /// What it means and how it comes about.
    meaning: &'static str,
    /// What to do.
    remedy: &'static str,
    /// What becomes of it when nobody does anything; only where a plugin waits for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    outlook: Option<String>,
}

impl Present for FindingCodeList {
    fn document(&self, _: &Detail) -> Document<'_> {
        if let [one] = self.items.as_slice() {
            let headline = Line { mark: None, text: format!("{}: {}", one.code, one.title).into(), tone: Tone::Strong };
            let mut document = Document::new(format!("Finding code {}", one.code), headline);
            document.line(Line::plain(one.meaning));
            for (heading, text) in [("What to do", Some(one.remedy)), ("Outlook", one.outlook.as_deref())] {
                if let Some(text) = text {
                    document.heading(heading);
                    document.line(Line::plain(text));
                }
            }
            return document;
        }
        let headline = Line::plain(text::plural(self.items.len(), "code"));
        let mut document = Document::new("Finding codes", headline);
        let mut table = Table::new([Column::new("CODE"), Column::new("WHAT IT SAYS").flex(2)]);
        table.filter = true;
        for item in &self.items {
            table.row([Cell::toned(item.code, Tone::Strong), item.title.into()]);
        }
        document.blocks.push(Block::Table(table));
        document
    }
}

/// The codes of a plugin.
#[derive(Debug, Clone, Copy)]
pub struct Catalogue<'a> {
    /// The plugin's name, for hints: `health`.
    pub plugin: &'static str,
    /// Its codes, by name.
    pub codes: &'a [&'static Code],
    /// Whether what becomes of a finding by itself is worth telling: where the plugin waits for it.
    pub has_outlook: bool,
}

/// One code, or all of them.
///
/// # Errors
/// When no finding of the plugin has the code.
pub fn explain(catalogue: &Catalogue<'_>, code: Option<&str>) -> Result<FindingCodeList, Failure> {
    let chosen: Vec<&'static Code> = match code {
        Some(id) => vec![*catalogue.codes.iter().find(|known| known.id == id).ok_or_else(|| unknown(catalogue, id))?],
        None => catalogue.codes.to_vec(),
    };
    let item = |code: &'static Code| FindingCode {
        code: code.id,
        title: code.title,
        meaning: code.meaning,
        remedy: code.remedy,
        outlook: catalogue.has_outlook.then(|| code.outlook.sentence()),
    };
    let items = chosen.into_iter().map(item).collect();
    Ok(FindingCodeList { api_version: API_VERSION, kind: "FindingCodeList", items })
}

/// The format of that word; a page of words has no form as names, cases or figures.
///
/// # Errors
/// When codes have no such form.
pub fn explain_format(word: &str) -> Result<Format, Failure> {
    match word.parse().map_err(Failure::usage)? {
        // The summary of a report cuts long paragraphs; here they are all that there is.
        Format::Table => Ok(Format::Wide),
        Format::Name | Format::Junit | Format::Prometheus => {
            Err(Failure::usage(format!("codes have no form as {word}")).hint("use table, json, yaml, markdown or html"))
        }
        format => Ok(format),
    }
}

fn unknown(catalogue: &Catalogue<'_>, id: &str) -> Failure {
    let failure = Failure::usage(format!("no finding has the code {id:?}"));
    let ids = || catalogue.codes.iter().map(|code| code.id);
    if let Some(near) = text::nearest(id, ids()) {
        return failure.hint(format!("did you mean {near}?"));
    }
    // Words of it, where the whole is like nothing.
    let words: Vec<&str> = id.split('-').filter(|word| word.len() > 3).collect();
    let near: Vec<&str> = ids().filter(|known| words.iter().any(|word| known.contains(word))).take(5).collect();
    if near.is_empty() {
        failure.hint(format!("`kubectl mlops {} explain` lists all codes", catalogue.plugin))
    } else {
        failure.hint(format!("did you mean one of {}?", near.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::{Catalogue, explain, explain_format as format};
    use crate::health::all_codes;
    use crate::report::{Format, Level, Style, render};

    #[test]
    fn codes_are_explained_and_misspelt_ones_are_guessed() {
        let codes = all_codes();
        let catalogue = Catalogue { plugin: "health", codes: &codes, has_outlook: true };
        let explain = |code| explain(&catalogue, code);
        let page = explain(Some("no-status")).expect("page");
        let style = Style { color: false, width: 80, headers: true, show: Level::Ok };
        let text = render(&page, format("table").expect("format"), &style).expect("text");
        assert!(text.starts_with("no-status: ") && text.contains("WHAT TO DO") && text.contains("OUTLOOK"), "{text}");
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
        // No word of any code is cut.
        for code in all_codes() {
            let text = render(&explain(Some(code.id)).expect("page"), Format::Wide, &style).expect("text");
            assert!(!text.contains('…') || code.remedy.contains('…') || code.meaning.contains('…'), "{text}");
        }
        let all = explain(None).expect("list");
        assert_eq!(render(&all, Format::Wide, &style).expect("text").matches("pod-crash-loop").count(), 1);
        for (misspelt, meant) in [
            ("pod-crashloop", "pod-crash-loop"),
            ("Pod-Crash-Loop", "pod-crash-loop"),
            ("the-quorum-is-gone", "kafka-quorum-lost"),
        ] {
            let failure = explain(Some(misspelt)).expect_err("unknown");
            assert!(failure.hints[0].contains(meant), "{misspelt}: {:?}", failure.hints);
        }
        assert!(format("prometheus").is_err() && format("docx").is_err());
    }
}

//! `health explain`: what a code means and what to do.

use mlops_shared::cli::Failure;
use mlops_shared::health::{all_codes, find_code};
use mlops_shared::report::document::{Block, Cell, Column, Line, Table, Tone};
use mlops_shared::report::{API_VERSION, Code, Detail, Document, Format, Present};
use mlops_shared::text;
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
    /// What becomes of it when nobody does anything.
    outlook: String,
}

impl Present for FindingCodeList {
    fn document(&self, _: &Detail) -> Document<'_> {
        if let [one] = self.items.as_slice() {
            let headline =
                Line { level: None, text: format!("{}: {}", one.code, one.title).into(), tone: Tone::Strong };
            let mut document = Document::new(format!("Finding code {}", one.code), headline);
            document.line(Line::plain(one.meaning));
            for (heading, text) in [("What to do", one.remedy), ("Outlook", one.outlook.as_str())] {
                document.heading(heading);
                document.line(Line::plain(text));
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

/// One code, or all of them.
pub(crate) fn explain(code: Option<&str>) -> Result<FindingCodeList, Failure> {
    let codes = match code {
        Some(id) => vec![find_code(id).ok_or_else(|| unknown(id))?],
        None => all_codes(),
    };
    let item = |code: &'static Code| FindingCode {
        code: code.id,
        title: code.title,
        meaning: code.meaning,
        remedy: code.remedy,
        outlook: code.outlook.sentence(),
    };
    let items = codes.into_iter().map(item).collect();
    Ok(FindingCodeList { api_version: API_VERSION, kind: "FindingCodeList", items })
}

/// The format of that word; a page of words has no form as names, cases or figures.
pub(crate) fn format(word: &str) -> Result<Format, Failure> {
    match word.parse().map_err(Failure::usage)? {
        // The summary of a report cuts long paragraphs; here they are all that there is.
        Format::Table => Ok(Format::Wide),
        Format::Name | Format::Junit | Format::Prometheus => {
            Err(Failure::usage(format!("codes have no form as {word}")).hint("use table, json, yaml, markdown or html"))
        }
        format => Ok(format),
    }
}

fn unknown(id: &str) -> Failure {
    let failure = Failure::usage(format!("no finding has the code {id:?}"));
    let ids = || all_codes().into_iter().map(|code| code.id);
    if let Some(near) = text::nearest(id, ids()) {
        return failure.hint(format!("did you mean {near}?"));
    }
    // Words of it, where the whole is like nothing.
    let words: Vec<&str> = id.split('-').filter(|word| word.len() > 3).collect();
    let near: Vec<&str> = ids().filter(|known| words.iter().any(|word| known.contains(word))).take(5).collect();
    if near.is_empty() {
        failure.hint("`kubectl mlops health explain` lists all codes")
    } else {
        failure.hint(format!("did you mean one of {}?", near.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mlops_shared::report::{Level, Style, render};

    #[test]
    fn codes_are_explained_and_misspelt_ones_are_guessed() {
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

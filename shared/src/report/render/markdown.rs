//! Markdown for a ticket or a chat: GitHub's flavour, no raw markup from the report.

use crate::report::document::{Bars, Block, Cell, Document, Finding, Line, Table};
use crate::report::{Detail, Level};
use crate::text;

/// What a ticket holds: every cause, some of what each explains, no table of objects.
pub(super) const DETAIL: Detail =
    Detail { objects: 0, findings: 100, evidence: 5, effects: 10, is_page: false, show: Level::Suspended };

/// Columns of one text.
const TEXT: usize = 600;
/// Columns of a command; it is never cut within what an API server accepts as names.
const COMMAND: usize = 2_000;

/// The document as Markdown.
pub(super) fn render(document: &Document<'_>) -> String {
    let mut out = format!("# {}\n\n", plain(&document.title));
    push_line(&mut out, &document.headline);
    for block in &document.blocks {
        match block {
            Block::Section(text) => out.push_str(&format!("# {}\n\n", plain(text))),
            Block::Heading(text) => out.push_str(&format!("## {}\n\n", plain(text))),
            Block::Line(line) => push_line(&mut out, line),
            Block::Table(table) => push_table(&mut out, table),
            Block::Findings(findings) => {
                for finding in &findings.items {
                    push_finding(&mut out, finding);
                }
                if !findings.items.is_empty() {
                    out.push('\n');
                }
                for omitted in &findings.omitted {
                    push_line(&mut out, &Line::plain(omitted.as_ref()));
                }
            }
            Block::Bars(bars) => push_bars(&mut out, bars),
            Block::Counts(counts) => {
                let parts = counts.parts.iter().filter(|(_, count, _)| *count > 0);
                let parts: Vec<String> = parts.map(|(_, count, label)| format!("{count} {}", plain(label))).collect();
                let total = text::plural(counts.total, &counts.of);
                out.push_str(&format!("{}: {}\n\n", plain(&total), parts.join(", ")));
            }
            Block::Command(text) => out.push_str(&format!("{}\n\n", code(text, COMMAND))),
            Block::KeyValues(pairs) => {
                for (label, cell) in pairs {
                    out.push_str(&format!("- {}: {}\n", plain(label), plain(&cell.text)));
                }
                out.push('\n');
            }
        }
    }
    let end = out.trim_end().len();
    out.truncate(end);
    out.push('\n');
    out
}

fn push_line(out: &mut String, line: &Line<'_>) {
    match line.mark {
        Some(mark) => out.push_str(&format!("**{}** {}\n\n", mark.word, plain(&line.text))),
        None => out.push_str(&format!("{}\n\n", plain(&line.text))),
    }
}

fn push_finding(out: &mut String, finding: &Finding<'_>) {
    out.push_str(&format!("- **{}** {}: {}", finding.mark.word, code(&finding.subject, TEXT), plain(&finding.message)));
    if let Some(age) = &finding.age {
        out.push_str(&format!(" (for {})", plain(age)));
    }
    out.push_str(&format!(" {}\n", code(&finding.code, TEXT)));
    for line in &finding.evidence {
        out.push_str(&format!("  - {}\n", plain(line)));
    }
    if finding.more_evidence > 0 {
        out.push_str(&format!("  - and {} of evidence\n", text::plural(finding.more_evidence, "more line")));
    }
    if finding.effects_total > 0 {
        out.push_str(&format!("  - explains {} ({}):\n", finding.effects_total, plain(&finding.effects_levels)));
        for effect in &finding.effects {
            let (subject, message) = (code(&effect.subject, TEXT), plain(&effect.message));
            out.push_str(&format!("    - **{}** {subject}: {message}\n", effect.mark.word));
        }
        let rest = finding.effects_total.saturating_sub(finding.effects.len());
        if rest > 0 {
            out.push_str(&format!("    - and {rest} more\n"));
        }
    }
    if let Some(managed) = &finding.managed {
        out.push_str(&format!("  - {}\n", plain(managed)));
    }
    if let Some(command) = &finding.command {
        out.push_str(&format!("  - look: {}\n", code(command, COMMAND)));
    }
}

fn push_table(out: &mut String, table: &Table<'_>) {
    let columns: Vec<usize> = (0..table.columns.len()).filter(|index| !table.columns[*index].wide_only).collect();
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    out.push_str(&row(columns.iter().map(|index| plain(table.columns[*index].title)).collect()));
    let rule = |index: &usize| if table.columns[*index].is_right { "---:".to_owned() } else { "---".to_owned() };
    out.push_str(&row(columns.iter().map(rule).collect()));
    for cells in &table.rows {
        let shown = |index: &usize| cells.get(*index).map_or_else(String::new, |cell: &Cell<'_>| plain(&cell.text));
        out.push_str(&row(columns.iter().map(shown).collect()));
    }
    out.push('\n');
    if table.omitted > 0 {
        out.push_str(&format!("and {}\n\n", text::plural(table.omitted, "more row")));
    }
}

fn push_bars(out: &mut String, bars: &Bars<'_>) {
    out.push_str(&format!("{}:\n\n", plain(&bars.title)));
    for bar in &bars.bars {
        out.push_str(&format!("- {}: {}\n", plain(&bar.label), plain(&bar.text)));
    }
    out.push('\n');
}

/// Text that shows as it is: everything that Markdown or HTML would read as markup is escaped, by
/// a backslash or, where a backslash does not stop every reader, by an entity.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let safe = text::truncate(text, TEXT);
    if safe.starts_with(['-', '+', '=']) {
        out.push('\\');
    }
    for character in safe.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // Mentions and automatic links reach people and hosts that the report does not mean.
            '@' => out.push_str("&#64;"),
            '`' => out.push_str("&#96;"),
            '|' => out.push_str("&#124;"),
            '\\' | '*' | '_' | '[' | ']' | '#' | '~' | '!' | '$' => {
                out.push('\\');
                out.push(character);
            }
            _ => out.push(character),
        }
    }
    // A bare address becomes a link by its scheme alone.
    out.replace("://", ":&#47;&#47;").replace("www.", "www&#46;")
}

/// Text as code, with a fence longer than any run of backticks in it.
fn code(text: &str, width: usize) -> String {
    let safe = text::truncate(text, width);
    let safe = safe.trim();
    if safe.is_empty() {
        return String::new();
    }
    let longest = safe.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // A space keeps a backtick at the end apart from the fence; readers take it away again.
    let pad = if safe.starts_with('`') || safe.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{safe}{pad}{fence}")
}

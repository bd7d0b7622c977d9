//! A document for a terminal: lines that wrap with an indent, columns as kubectl prints them.

use super::Style;
use crate::report::Level;
use crate::report::document::{
    Bar, Bars, Block, Cell, Column, Document, Finding, Findings, Line, Mark, Table, Tone, drawable,
};
use crate::text;
use anstyle::{AnsiColor, Effects, Style as Paint};
use std::ops::Range;
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Padding, Style as Borders, Width};
use unicode_width::UnicodeWidthStr;

/// Lines that one text may take before it is cut, in the table and in `wide`.
const LINES: Range<usize> = 4..12;
/// The least room that a flexible column is given, and that in `wide`; where there is less, rows
/// grow beyond the width as kubectl's do.
const LEAST: usize = 24;
const LEAST_WIDE: usize = 80;
/// Columns of a cell that is not flexible. Names are copied, so one that an API server takes is whole.
const CELL: usize = 253;
/// Columns of a command: copied too, and never cut within what names can be.
const COMMAND: usize = 2_000;
/// Rows whose columns are laid out together. A table of 50,000 rows goes out in parts, so that it
/// costs the memory of one.
const PART: usize = 2_000;
/// Columns of a bar.
const BAR: usize = 30;

/// The document as text of `style.width` columns.
pub(super) fn render(document: &Document<'_>, style: &Style, is_wide: bool) -> String {
    let mut page = Page { out: String::new(), style, is_wide };
    page.line(&document.headline, document.headline.mark.map_or(0, |mark| mark.word.len()));
    // Lines that follow each other have their marks in one column.
    let marks = document.blocks.iter().filter_map(|block| match block {
        Block::Line(line) => line.mark.map(|mark| mark.word.len()),
        _ => None,
    });
    let mark = marks.max().unwrap_or(0);
    let mut is_after_line = false;
    for block in &document.blocks {
        let is_line = matches!(block, Block::Line(_));
        if matches!(block, Block::Section(_) | Block::Heading(_) | Block::Counts(_) | Block::Bars(_))
            || (is_line && !is_after_line)
        {
            page.gap();
        }
        is_after_line = is_line || matches!(block, Block::Section(_) | Block::Heading(_) | Block::Command(_));
        page.block(block, mark);
    }
    page.out
}

struct Page<'a> {
    out: String,
    style: &'a Style,
    is_wide: bool,
}

impl Page<'_> {
    fn push(&mut self, line: &str) {
        self.out.push_str(line.trim_end());
        self.out.push('\n');
    }

    /// An empty line between parts, which scripts that ask for no headers do not want.
    fn gap(&mut self) {
        if self.style.headers && !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    fn block(&mut self, block: &Block<'_>, mark: usize) {
        match block {
            Block::Section(text) => {
                let text = text::truncate(text, CELL);
                let text = self.paint(Tone::Strong, &format!("=== {text} ==="));
                self.push(&text);
            }
            Block::Heading(text) => {
                if self.style.headers {
                    let text = text::truncate(text, self.style.width.max(LEAST)).to_uppercase();
                    let text = self.paint(Tone::Strong, &text);
                    self.push(&text);
                }
            }
            Block::Line(line) => self.line(line, mark),
            Block::Table(table) => self.table(table),
            Block::Findings(findings) => self.findings(findings),
            Block::Bars(bars) => self.bars(bars),
            Block::Counts(counts) => {
                let parts = counts.parts.iter().filter(|(_, count, _)| *count > 0);
                let parts: Vec<String> = parts
                    .map(|(tone, count, label)| self.paint(*tone, &format!("{count} {}", text::truncate(label, 40))))
                    .collect();
                let total = text::plural(counts.total, &text::truncate(&counts.of, 40));
                let line = if parts.is_empty() { total } else { format!("{total}: {}", parts.join(", ")) };
                self.push(&line);
            }
            Block::Command(text) => self.push(&format!("  {}", text::truncate(text, COMMAND))),
            Block::KeyValues(pairs) => {
                let mut table = Table::new([Column::new(""), Column::new("").flex(3)]);
                for (label, cell) in pairs {
                    table.row([Cell::toned(label.as_ref(), Tone::Faint), cell.clone()]);
                }
                self.rows(&table, false);
            }
        }
    }

    /// Text of at most the page's width: `first` is printed as it is, what follows is indented.
    /// `first` takes `indent` columns, and `strong` bytes at the start of the text stand out.
    fn wrapped(&mut self, first: &str, indent: usize, text: &str, tone: Tone, strong: usize) {
        let room = self.style.width.saturating_sub(indent).max(LEAST);
        let lines = if self.is_wide { LINES.end } else { LINES.start };
        let text = text::truncate(text, room.saturating_mul(lines));
        for (index, line) in wrap(&text, room).into_iter().enumerate() {
            if index > 0 {
                let line = self.paint(tone, &line);
                self.push(&format!("{:indent$}{line}", ""));
            } else if let Some((name, rest)) = line.split_at_checked(strong).filter(|(name, _)| !name.is_empty()) {
                let (name, rest) = (self.paint(Tone::Strong, name), self.paint(tone, rest));
                self.push(&format!("{first}{name}{rest}"));
            } else {
                let line = self.paint(tone, &line);
                self.push(&format!("{first}{line}"));
            }
        }
    }

    fn line(&mut self, line: &Line<'_>, mark: usize) {
        match line.mark {
            Some(own) => {
                let first = format!("{}  ", self.mark(own, mark));
                self.wrapped(&first, mark.max(own.word.len()) + 2, &line.text, line.tone, 0);
            }
            None if mark > 0 && line.tone == Tone::Faint => {
                let indent = mark + 2;
                self.wrapped(&format!("{:indent$}", ""), indent + 2, &line.text, line.tone, 0);
            }
            None => self.wrapped("", 2, &line.text, line.tone, 0),
        }
    }

    fn findings(&mut self, findings: &Findings<'_>) {
        let mark = findings.items.iter().map(|finding| finding.mark.word.len()).max().unwrap_or(0);
        for finding in &findings.items {
            self.finding(finding, mark);
        }
        for omitted in &findings.omitted {
            self.wrapped("", 2, omitted, Tone::Faint, 0);
        }
    }

    fn finding(&mut self, finding: &Finding<'_>, mark: usize) {
        let indent = mark + 2;
        let below = format!("{:indent$}", "");
        let first = format!("{}  ", self.mark(finding.mark, mark));
        let subject = text::truncate(&finding.subject, CELL);
        let age = finding.age.as_ref().map_or_else(String::new, |age| format!(" (for {age})"));
        // The message is cut before the code is: the code leads to its explanation.
        let lines = if self.is_wide { LINES.end } else { LINES.start };
        let room = self.style.width.saturating_sub(indent).max(LEAST).saturating_mul(lines);
        let message = text::truncate(&finding.message, room.saturating_sub(subject.width() + 60).max(LEAST));
        let code = text::truncate(&finding.code, 60);
        let text = format!("{subject}: {message}{age} [{code}]");
        self.wrapped(&first, indent, &text, Tone::Plain, subject.len());
        for line in &finding.evidence {
            self.wrapped(&below, indent + 2, line, Tone::Plain, 0);
        }
        if finding.more_evidence > 0 {
            let more = text::plural(finding.more_evidence, "more line");
            self.wrapped(&below, indent + 2, &format!("and {more} of evidence: -o wide"), Tone::Faint, 0);
        }
        if finding.effects_total > 0 {
            self.effects(finding, &below, indent);
        }
        if let Some(managed) = &finding.managed {
            self.wrapped(&below, indent + 2, managed, Tone::Plain, 0);
        }
        if let Some(command) = &finding.command {
            let command = format!("look: {}", text::truncate(command, COMMAND));
            self.push(&format!("{below}{}", self.paint(Tone::Faint, &command)));
        }
    }

    fn effects(&mut self, finding: &Finding<'_>, below: &str, indent: usize) {
        let rest = finding.effects_total.saturating_sub(finding.effects.len());
        if self.is_wide {
            self.push(&format!("{below}{}:", explains(finding)));
            let mark = finding.effects.iter().map(|effect| effect.mark.word.len()).max().unwrap_or(0);
            for effect in &finding.effects {
                let first = format!("{below}  {}  ", self.mark(effect.mark, mark));
                let subject = text::truncate(&effect.subject, CELL);
                let text = format!("{subject}: {}", text::truncate(&effect.message, self.style.width.clamp(80, 400)));
                self.wrapped(&first, indent + mark + 4, &text, Tone::Plain, 0);
            }
            if rest > 0 {
                self.push(&format!("{below}  and {rest} more: -o json"));
            }
            return;
        }
        let names: Vec<String> = finding.effects.iter().map(|effect| text::truncate(&effect.subject, CELL)).collect();
        let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
        let list = format!("{}: {}{rest}", explains(finding), names.join(", "));
        self.wrapped(below, indent + 2, &list, Tone::Plain, 0);
    }

    fn table(&mut self, table: &Table<'_>) {
        self.rows(table, self.style.headers);
        if table.omitted > 0 {
            self.push(&format!("and {}", text::plural(table.omitted, "more row")));
        }
    }

    fn rows(&mut self, table: &Table<'_>, has_titles: bool) {
        let layout = Layout::of(table, has_titles, self.style.width, self.is_wide);
        for (index, part) in table.rows.chunks(PART).enumerate() {
            let mut builder = Builder::default();
            if has_titles && index == 0 {
                let titles = layout.columns.iter().map(|(at, width)| {
                    let column = &table.columns[*at];
                    align(column, column.title.to_owned(), column.title.width(), *width)
                });
                builder.push_record(titles);
            }
            for row in part {
                let cells = layout.columns.iter().map(|(at, width)| {
                    let (column, cell) = (&table.columns[*at], row.get(*at));
                    cell.map_or_else(String::new, |cell| self.cell(column, cell, *width))
                });
                builder.push_record(cells);
            }
            let mut grid = builder.build();
            grid.with(Borders::empty()).with(Padding::new(0, 2, 0, 0));
            for (position, (_, width)) in layout.columns.iter().enumerate() {
                grid.modify(Columns::one(position), Width::increase(*width));
            }
            for line in grid.to_string().lines() {
                self.push(line);
            }
        }
    }

    /// A cell's text, cut or wrapped to its column, painted.
    fn cell(&self, column: &Column, cell: &Cell<'_>, width: usize) -> String {
        match column.flex {
            None => {
                let text = text::truncate(&cell.text, CELL);
                let used = text.width();
                align(column, self.paint(cell.tone, &text), used, width)
            }
            Some(lines) => {
                let text = text::truncate(&cell.text, width.saturating_mul(lines));
                let mut all = wrap(&text, width);
                if all.len() > lines {
                    // Breaking at spaces took more room than there is.
                    let rest = all.split_off(lines.saturating_sub(1)).join(" ");
                    all.push(text::truncate(&rest, width));
                }
                all.iter()
                    .map(|line| self.paint(cell.tone, &text::truncate(line, width)))
                    .collect::<Vec<_>>()
                    .join("\n")
            }
        }
    }

    fn bars(&mut self, bars: &Bars<'_>) {
        let title = self.paint(Tone::Strong, &text::truncate(&bars.title, CELL));
        self.push(&title);
        let labels: Vec<String> = bars.bars.iter().map(|bar| text::truncate(&bar.label, 60)).collect();
        let width = labels.iter().map(|label| label.width()).max().unwrap_or(0);
        let largest = bars.bars.iter().map(Bar::length).fold(0.0, f64::max);
        for (bar, label) in bars.bars.iter().zip(&labels) {
            let scale = if bars.is_relative { bar.length() } else { largest };
            let cells = |value: f64| if scale > 0.0 { (value / scale * BAR as f64).round() as usize } else { 0 };
            let mut drawn = String::new();
            let (mut filled, mut end) = (0, 0.0);
            for (tone, value) in &bar.parts {
                end += drawable(*value);
                let count = cells(end).min(BAR).saturating_sub(filled);
                drawn.push_str(&self.paint(*tone, &"#".repeat(count)));
                filled += count;
            }
            let whole = cells(bar.length()).min(BAR).max(filled);
            drawn.push_str(&".".repeat(whole - filled));
            drawn.push_str(&" ".repeat(BAR - whole));
            let pad = width.saturating_sub(label.width());
            let text = text::truncate(&bar.text, self.style.width.saturating_sub(width + BAR + 6).max(LEAST));
            self.push(&format!("{label}{:pad$}  [{drawn}]  {text}", ""));
        }
    }

    /// The mark's word, padded, coloured if wanted: the word tells without the colour.
    fn mark(&self, mark: Mark, width: usize) -> String {
        self.paint(Tone::Level(mark.level), &format!("{:width$}", mark.word))
    }

    fn paint(&self, tone: Tone, text: &str) -> String {
        if !self.style.color || text.is_empty() {
            return text.to_owned();
        }
        let color = |color: AnsiColor| Paint::new().fg_color(Some(color.into())).bold();
        let paint = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Strong => Paint::new().bold(),
            Tone::Faint => Paint::new().effects(Effects::DIMMED),
            Tone::Level(Level::Ok) => color(AnsiColor::Green),
            Tone::Level(Level::Fail) => color(AnsiColor::Red),
            Tone::Level(Level::Warn) => color(AnsiColor::Yellow),
            Tone::Level(Level::Unknown) => color(AnsiColor::Magenta),
            Tone::Level(Level::Progressing) => color(AnsiColor::Cyan),
            Tone::Level(Level::Suspended | Level::Absent) => Paint::new().effects(Effects::DIMMED),
        };
        format!("{paint}{text}{paint:#}")
    }
}

/// A cell of `used` columns, at the right of its column where that is wanted.
fn align(column: &Column, text: String, used: usize, width: usize) -> String {
    let pad = if column.is_right { width.saturating_sub(used) } else { 0 };
    format!("{:pad$}{text}", "")
}

/// `explains 14 (12 FAIL, 2 PROGRESSING)`.
fn explains(finding: &Finding<'_>) -> String {
    format!("explains {} ({})", finding.effects_total, text::truncate(&finding.effects_levels, 120))
}

/// The columns that a table shows, and how wide each is.
struct Layout {
    columns: Vec<(usize, usize)>,
}

impl Layout {
    fn of(table: &Table<'_>, has_titles: bool, width: usize, is_wide: bool) -> Self {
        let natural = |at: usize, column: &Column| {
            // Cutting first keeps a megabyte of text from being measured.
            let limit = if column.flex.is_some() { width } else { CELL };
            let cells = table.rows.iter().filter_map(|row| row.get(at));
            let widest = cells.map(|cell| text::truncate(&cell.text, limit).width()).max().unwrap_or(0);
            if has_titles { widest.max(column.title.width()) } else { widest }
        };
        let shown = table.columns.iter().enumerate().filter(|(_, column)| is_wide || !column.wide_only);
        let mut columns: Vec<(usize, usize)> = shown.map(|(at, column)| (at, natural(at, column))).collect();
        let is_flex = |at: usize| table.columns[at].flex.is_some();
        let fixed = |columns: &[(usize, usize)]| -> usize {
            columns.iter().map(|(at, width)| if is_flex(*at) { 2 } else { width + 2 }).sum()
        };
        let least = if is_wide { LEAST_WIDE } else { LEAST };
        while !is_wide && fixed(&columns) + least > width {
            let Some(last) = columns.iter().rposition(|(at, _)| table.columns[*at].is_optional) else { break };
            columns.remove(last);
        }
        let room = width.saturating_sub(fixed(&columns)).max(least);
        for (at, width) in &mut columns {
            if is_flex(*at) {
                *width = (*width).min(room);
            }
        }
        Self { columns }
    }
}

/// Breaks safe text at spaces into lines of at most `width` columns; a longer word stands alone.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut line, mut used) = (String::new(), 0);
    for word in text.split(' ') {
        let columns = word.width();
        if used > 0 && used + 1 + columns > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += columns;
    }
    lines.push(line);
    lines
}

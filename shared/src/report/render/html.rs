//! One self-contained page: no request leaves it, no script runs but its own.

use crate::report::document::{
    Bar, Bars, Block, Counts, Document, Finding, Findings, Line, Mark, Table, Tone, drawable,
};
use crate::report::{Detail, Level};
use crate::text;
use askama::Template;

/// What a page holds. Rows are capped, most urgent first: a browser that is asked for 50,000 rows
/// is no help at night.
pub(super) const DETAIL: Detail =
    Detail { objects: 3_000, findings: 500, evidence: 20, effects: 200, is_page: true, show: Level::Suspended };

const STYLE: &str = include_str!("../../../templates/page.css");
const SCRIPT: &str = include_str!("../../../templates/page.js");
/// Nothing loads but the style and the script whose SHA-256 stand here (a test computes them).
const POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; \
    style-src 'sha256-CJiBMriwSYSSrRykDYo61ia+7yI128Vdkl6L3JfS+fo='; \
    script-src 'sha256-/6Dwj+6FqWx+IVWeHqekdyHQ0NgP5bpqh7x7zcBD6fQ='";

/// Columns of a text, of a cell, and of a command.
const TEXT: usize = 1_000;
const CELL: usize = 300;
const COMMAND: usize = 2_000;

/// The document as a page.
///
/// # Errors
/// The template engine's words.
pub(super) fn render(document: &Document<'_>) -> Result<String, String> {
    let page = Page {
        policy: POLICY,
        style: STYLE,
        script: SCRIPT,
        title: text::truncate(&document.title, CELL),
        headline: line(&document.headline),
        blocks: document.blocks.iter().map(view).collect(),
    };
    page.render().map_err(|error| error.to_string())
}

/// The page as its template takes it: every text is safe and bounded, and the template escapes it.
#[derive(Template)]
#[template(path = "page.html")]
struct Page {
    policy: &'static str,
    style: &'static str,
    script: &'static str,
    title: String,
    headline: LineView,
    blocks: Vec<View>,
}

enum View {
    Heading(String),
    Line(LineView),
    Command(String),
    Counts(CountsView),
    Pairs(Vec<(String, String)>),
    Bars(BarsView),
    Findings(FindingsView),
    Table(TableView),
}

/// A level as its word and its class in the style sheet.
struct LevelView {
    word: &'static str,
    class: &'static str,
}

struct LineView {
    level: Option<LevelView>,
    class: &'static str,
    text: String,
}

struct CountsView {
    label: String,
    of: String,
    total: usize,
    arcs: Vec<Arc>,
    tiles: Vec<Tile>,
}

/// A part of a ring whose circumference is 100.
struct Arc {
    class: &'static str,
    length: String,
    gap: String,
    offset: String,
}

struct Tile {
    class: &'static str,
    count: usize,
    label: String,
}

struct BarsView {
    title: String,
    rows: Vec<BarView>,
}

/// A bar on a scale of 100.
struct BarView {
    label: String,
    text: String,
    whole: String,
    parts: Vec<Part>,
}

struct Part {
    class: &'static str,
    x: String,
    width: String,
}

struct FindingsView {
    items: Vec<FindingView>,
    omitted: Vec<String>,
}

struct FindingView {
    level: LevelView,
    subject: String,
    message: String,
    age: String,
    code: String,
    evidence: Vec<String>,
    managed: String,
    command: String,
    explains: String,
    effects: Vec<EffectView>,
    rest: String,
}

struct EffectView {
    level: LevelView,
    subject: String,
    message: String,
}

struct TableView {
    columns: Vec<crate::report::document::Column>,
    rows: Vec<Vec<CellView>>,
    omitted: String,
    filter: bool,
}

struct CellView {
    level: Option<LevelView>,
    class: &'static str,
    text: String,
}

const fn level(level: Level) -> LevelView {
    LevelView { word: level.word(), class: class(Tone::Level(level)) }
}

const fn mark(mark: Mark) -> LevelView {
    LevelView { word: mark.word, class: class(Tone::Level(mark.level)) }
}

const fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "plain",
        Tone::Strong => "strong",
        Tone::Faint => "faint",
        Tone::Level(Level::Ok) => "ok",
        Tone::Level(Level::Absent) => "absent",
        Tone::Level(Level::Suspended) => "suspended",
        Tone::Level(Level::Progressing) => "progressing",
        Tone::Level(Level::Unknown) => "unknown",
        Tone::Level(Level::Warn) => "warn",
        Tone::Level(Level::Fail) => "fail",
    }
}

fn view(block: &Block<'_>) -> View {
    match block {
        Block::Section(text) | Block::Heading(text) => View::Heading(text::truncate(text, CELL)),
        Block::Line(it) => View::Line(line(it)),
        Block::Command(text) => View::Command(text::truncate(text, COMMAND)),
        Block::Counts(it) => View::Counts(counts(it)),
        Block::KeyValues(pairs) => View::Pairs(
            pairs.iter().map(|(label, cell)| (text::truncate(label, CELL), text::truncate(&cell.text, CELL))).collect(),
        ),
        Block::Bars(it) => View::Bars(bars(it)),
        Block::Findings(it) => View::Findings(findings(it)),
        Block::Table(it) => View::Table(table(it)),
    }
}

fn line(line: &Line<'_>) -> LineView {
    LineView { level: line.mark.map(mark), class: class(line.tone), text: text::truncate(&line.text, TEXT) }
}

fn counts(counts: &Counts<'_>) -> CountsView {
    let parts: Vec<_> = counts.parts.iter().filter(|(_, count, _)| *count > 0).collect();
    let sum: f64 = parts.iter().map(|(_, count, _)| *count as f64).sum();
    let mut start = 0.0;
    let arcs = parts.iter().map(|(tone, count, _)| {
        let share = *count as f64 / sum * 100.0;
        // The ring starts at the top, a quarter before where SVG starts a circle.
        let offset = 125.0 - start;
        start += share;
        Arc {
            class: class(*tone),
            length: format!("{share:.3}"),
            gap: format!("{:.3}", 100.0 - share),
            offset: format!("{offset:.3}"),
        }
    });
    let arcs = arcs.collect();
    let tile = |(tone, count, label): &&(Tone, usize, std::borrow::Cow<'_, str>)| Tile {
        class: class(*tone),
        count: *count,
        label: text::truncate(label, 40),
    };
    let tiles: Vec<Tile> = parts.iter().map(tile).collect();
    let words: Vec<String> = tiles.iter().map(|tile| format!("{} {}", tile.count, tile.label)).collect();
    CountsView {
        label: words.join(", "),
        of: text::truncate(text::plural(counts.total, &counts.of).trim_start_matches(|c: char| c.is_ascii_digit()), 20),
        total: counts.total,
        arcs,
        tiles,
    }
}

fn bars(bars: &Bars<'_>) -> BarsView {
    let largest = bars.bars.iter().map(Bar::length).fold(0.0, f64::max);
    let rows = bars.bars.iter().map(|bar| {
        let scale = if bars.is_relative { bar.length() } else { largest };
        let share = |value: f64| if scale > 0.0 { drawable(value) / scale * 100.0 } else { 0.0 };
        let mut x = 0.0;
        let parts = bar.parts.iter().map(|(tone, value)| {
            let width = share(*value);
            let part = Part { class: class(*tone), x: format!("{x:.2}"), width: format!("{width:.2}") };
            x += width;
            part
        });
        BarView {
            label: text::truncate(&bar.label, 60),
            text: text::truncate(&bar.text, 120),
            parts: parts.collect(),
            whole: format!("{:.2}", share(bar.length())),
        }
    });
    BarsView { title: text::truncate(&bars.title, CELL), rows: rows.collect() }
}

fn findings(findings: &Findings<'_>) -> FindingsView {
    FindingsView {
        items: findings.items.iter().map(finding).collect(),
        omitted: findings.omitted.iter().map(|text| text::truncate(text, TEXT)).collect(),
    }
}

fn finding(finding: &Finding<'_>) -> FindingView {
    let mut evidence: Vec<String> = finding.evidence.iter().map(|line| text::truncate(line, TEXT)).collect();
    if finding.more_evidence > 0 {
        evidence.push(format!("and {}", text::plural(finding.more_evidence, "more line")));
    }
    let effects = finding.effects.iter().map(|effect| EffectView {
        level: mark(effect.mark),
        subject: text::truncate(&effect.subject, CELL),
        message: text::truncate(&effect.message, CELL),
    });
    let rest = finding.effects_total.saturating_sub(finding.effects.len());
    FindingView {
        level: mark(finding.mark),
        subject: text::truncate(&finding.subject, CELL),
        message: text::truncate(&finding.message, TEXT),
        age: finding.age.as_deref().map_or_else(String::new, |age| text::truncate(age, 20)),
        code: text::truncate(&finding.code, CELL),
        evidence,
        managed: finding.managed.as_deref().map_or_else(String::new, |managed| text::truncate(managed, TEXT)),
        command: finding.command.as_deref().map_or_else(String::new, |command| text::truncate(command, COMMAND)),
        explains: match finding.effects_total {
            0 => String::new(),
            total => {
                let levels = text::truncate(&finding.effects_levels, 120);
                format!("explains {}: {levels}", text::plural(total, "more finding"))
            }
        },
        effects: effects.collect(),
        rest: if rest > 0 { format!("and {rest} more") } else { String::new() },
    }
}

fn table(table: &Table<'_>) -> TableView {
    let rows = table.rows.iter().map(|row| {
        let cells = row.iter().zip(&table.columns).map(|(cell, column)| CellView {
            level: match cell.tone {
                Tone::Level(it) => Some(level(it)),
                _ => None,
            },
            class: match cell.tone {
                _ if column.is_right => "right",
                _ if column.flex.is_some() => "long",
                Tone::Strong => "name",
                Tone::Faint => "faint",
                Tone::Plain | Tone::Level(_) => "",
            },
            text: text::truncate(&cell.text, CELL),
        });
        cells.collect()
    });
    let rows: Vec<_> = rows.collect();
    let omitted = match table.omitted {
        0 => String::new(),
        omitted => format!(
            "The {} most urgent rows of {}; the others are in -o wide and -o json.",
            rows.len(),
            rows.len().saturating_add(omitted)
        ),
    };
    TableView { columns: table.columns.clone(), rows, omitted, filter: table.filter }
}

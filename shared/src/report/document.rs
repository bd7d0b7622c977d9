//! A document: what a report says to people, before any format decides how it looks.
//!
//! A report turns itself into a [`Document`] (see [`super::Present`]); every human format is a
//! renderer of documents. Texts are as the cluster wrote them: renderers make them safe and bound
//! them, so whoever builds a document never has to.

use super::Level;
use std::borrow::Cow;

/// A text of a document, untrusted.
pub type Text<'a> = Cow<'a, str>;

/// What a report says, in the order in which it is read.
#[derive(Debug, Clone)]
pub struct Document<'a> {
    /// What it is, for the title of a page: `Health of cluster admin@prod`.
    pub title: Text<'a>,
    /// The one line that remains when nobody reads on.
    pub headline: Line<'a>,
    /// The rest.
    pub blocks: Vec<Block<'a>>,
}

impl<'a> Document<'a> {
    /// A document that says one line.
    pub fn new(title: impl Into<Text<'a>>, headline: Line<'a>) -> Self {
        Self { title: title.into(), headline, blocks: Vec::new() }
    }

    /// Adds a heading; formats decide its case.
    pub fn heading(&mut self, text: impl Into<Text<'a>>) {
        self.blocks.push(Block::Heading(text.into()));
    }

    /// Adds a line.
    pub fn line(&mut self, line: Line<'a>) {
        self.blocks.push(Block::Line(line));
    }

    /// Says how many of `total` lines are left out, where only the first `shown` are there.
    pub fn more(&mut self, total: usize, shown: usize) {
        let rest = total.saturating_sub(shown);
        if rest > 0 {
            self.line(Line::faint(format!("and {rest} more: -o wide")));
        }
    }

    /// Adds a command.
    pub fn command(&mut self, text: impl Into<Text<'a>>) {
        self.blocks.push(Block::Command(text.into()));
    }
}

/// One part of a document.
#[derive(Debug, Clone)]
pub enum Block<'a> {
    /// A heading over the headings that follow: one of several clusters. Its text is a name and
    /// stays as it is.
    Section(Text<'a>),
    /// A heading over the blocks that follow.
    Heading(Text<'a>),
    /// A line, or a paragraph when it is long.
    Line(Line<'a>),
    /// Columns and rows.
    Table(Table<'a>),
    /// Findings, each with what supports and what follows from it.
    Findings(Findings<'a>),
    /// Labelled shares.
    Bars(Bars<'a>),
    /// Numbers to see first: a line in text, tiles and a ring on a page.
    Counts(Counts<'a>),
    /// A command that is made to be copied: on a line of its own, never wrapped.
    Command(Text<'a>),
    /// Names and their values.
    KeyValues(Vec<(Text<'a>, Cell<'a>)>),
}

/// How a piece of text stands out. Colour is never the only carrier: the words say it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// Not at all.
    #[default]
    Plain,
    /// What the eye should find: names.
    Strong,
    /// What the eye may skip: codes, ages.
    Faint,
    /// As this level.
    Level(Level),
}

/// A word that tells how bad something is: a level's own, or that of another scale, coloured as a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The word: `FAIL`, `CRITICAL`.
    pub word: &'static str,
    /// The level that it looks like.
    pub level: Level,
}

impl From<Level> for Mark {
    fn from(level: Level) -> Self {
        Self { word: level.word(), level }
    }
}

/// One line, with a mark in front where it has one.
#[derive(Debug, Clone)]
pub struct Line<'a> {
    /// Its mark.
    pub mark: Option<Mark>,
    /// What it says.
    pub text: Text<'a>,
    /// How its text stands out.
    pub tone: Tone,
}

impl<'a> Line<'a> {
    /// A line without a mark.
    pub fn plain(text: impl Into<Text<'a>>) -> Self {
        Self { mark: None, text: text.into(), tone: Tone::Plain }
    }

    /// A line that may be skipped.
    pub fn faint(text: impl Into<Text<'a>>) -> Self {
        Self { mark: None, text: text.into(), tone: Tone::Faint }
    }

    /// A line with a mark.
    pub fn marked(mark: impl Into<Mark>, text: impl Into<Text<'a>>) -> Self {
        Self { mark: Some(mark.into()), text: text.into(), tone: Tone::Plain }
    }
}

/// A table.
#[derive(Debug, Clone, Default)]
pub struct Table<'a> {
    /// The columns; every row has as many cells.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Vec<Cell<'a>>>,
    /// Rows that were left out for length, which every format says.
    pub omitted: usize,
    /// Whether a page offers to filter it.
    pub filter: bool,
}

impl<'a> Table<'a> {
    /// A table without rows.
    pub fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self { columns: columns.into_iter().collect(), ..Self::default() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell<'a>>) {
        self.rows.push(cells.into_iter().collect());
    }
}

/// One column of a table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its title, in capitals as kubectl writes it.
    pub title: &'static str,
    /// Whether it is aligned to the right: numbers.
    pub is_right: bool,
    /// Whether only `wide` and pages show it.
    pub wide_only: bool,
    /// Whether it is the first to go where there is no room.
    pub is_optional: bool,
    /// Lines that its text may take, when it is the column that takes the room that is left.
    pub flex: Option<usize>,
}

impl Column {
    /// A column as wide as its texts.
    pub const fn new(title: &'static str) -> Self {
        Self { title, is_right: false, wide_only: false, is_optional: false, flex: None }
    }

    /// Aligned to the right.
    #[must_use]
    pub const fn right(self) -> Self {
        Self { is_right: true, ..self }
    }

    /// Only in `wide` and on pages.
    #[must_use]
    pub const fn wide(self) -> Self {
        Self { wide_only: true, ..self }
    }

    /// Left out where there is no room.
    #[must_use]
    pub const fn optional(self) -> Self {
        Self { is_optional: true, ..self }
    }

    /// Takes the room that is left, in at most `lines` lines; its text is cut there.
    #[must_use]
    pub const fn flex(self, lines: usize) -> Self {
        Self { flex: Some(lines), ..self }
    }
}

/// One cell.
#[derive(Debug, Clone)]
pub struct Cell<'a> {
    /// Its text.
    pub text: Text<'a>,
    /// How it stands out.
    pub tone: Tone,
}

impl<'a> Cell<'a> {
    /// A text that stands out.
    pub fn toned(text: impl Into<Text<'a>>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }

    /// A level's word.
    pub const fn level(level: Level) -> Self {
        Self { text: Cow::Borrowed(level.word()), tone: Tone::Level(level) }
    }

    /// The text, or `-` where there is none, so that columns can be counted.
    pub fn or_dash(text: impl Into<Text<'a>>) -> Self {
        let text = text.into();
        Self::from(if text.is_empty() { Cow::Borrowed("-") } else { text })
    }
}

impl<'a, T: Into<Text<'a>>> From<T> for Cell<'a> {
    fn from(text: T) -> Self {
        Self { text: text.into(), tone: Tone::Plain }
    }
}

/// A list of findings.
#[derive(Debug, Clone, Default)]
pub struct Findings<'a> {
    /// The findings, most urgent first.
    pub items: Vec<Finding<'a>>,
    /// What was left out for length or by `--show`, in words, which every format says.
    pub omitted: Vec<Text<'a>>,
}

/// One finding.
#[derive(Debug, Clone)]
pub struct Finding<'a> {
    /// How bad it is.
    pub mark: Mark,
    /// What it is about: `Pod/data-plane/broker-3`.
    pub subject: Text<'a>,
    /// What is wrong.
    pub message: Text<'a>,
    /// For how long: `4h`.
    pub age: Option<Text<'a>>,
    /// Its code.
    pub code: Text<'a>,
    /// Lines that support it.
    pub evidence: Vec<Text<'a>>,
    /// Further lines of evidence that were left out.
    pub more_evidence: usize,
    /// Who manages it, and so where a fix belongs.
    pub managed: Option<Text<'a>>,
    /// The command that looks further. Never cut: it is made to be copied.
    pub command: Option<Text<'a>>,
    /// What it explains; perhaps only the first of it.
    pub effects: Vec<Effect<'a>>,
    /// All that it explains.
    pub effects_total: usize,
    /// All that it explains by level: `12 FAIL, 2 PROGRESSING`.
    pub effects_levels: Text<'a>,
}

/// Something that a finding explains.
#[derive(Debug, Clone)]
pub struct Effect<'a> {
    /// How it is.
    pub mark: Mark,
    /// What it is.
    pub subject: Text<'a>,
    /// What is wrong with it.
    pub message: Text<'a>,
}

/// Labelled shares, one bar a label, drawn to one scale.
#[derive(Debug, Clone)]
pub struct Bars<'a> {
    /// What is drawn.
    pub title: Text<'a>,
    /// The bars.
    pub bars: Vec<Bar<'a>>,
    /// Whether each bar is drawn as shares of its own whole, not of the largest bar.
    pub is_relative: bool,
}

/// One bar.
#[derive(Debug, Clone)]
pub struct Bar<'a> {
    /// Its label.
    pub label: Text<'a>,
    /// Its parts, from the left; a part that is no positive number is not drawn.
    pub parts: Vec<(Tone, f64)>,
    /// What the whole bar would be where the parts do not fill it: allocatable, capacity.
    pub whole: Option<f64>,
    /// What it says behind the bar: `3 of 16 cores`.
    pub text: Text<'a>,
}

impl Bar<'_> {
    /// The length of the parts together.
    pub fn filled(&self) -> f64 {
        self.parts.iter().map(|(_, value)| drawable(*value)).sum()
    }

    /// The length of the bar: its whole, or its parts where they are more.
    pub fn length(&self) -> f64 {
        self.whole.map_or(0.0, drawable).max(self.filled())
    }
}

/// A value as a length: what is no positive number has none.
pub(super) fn drawable(value: f64) -> f64 {
    if value.is_finite() && value > 0.0 { value } else { 0.0 }
}

/// Numbers of a run.
#[derive(Debug, Clone, Default)]
pub struct Counts<'a> {
    /// What is counted: `objects`.
    pub of: Text<'a>,
    /// The number of all.
    pub total: usize,
    /// The numbers, most urgent first; those that are zero are not printed.
    pub parts: Vec<(Tone, usize, Text<'a>)>,
}

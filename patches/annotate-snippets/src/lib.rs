//! Diagnostics of which the title is printed, and nothing of the source.
//!
//! The YAML parser draws the lines around an error with the crate of this name, sixty kilobytes in every plugin. Tokens and
//! passwords stand in such lines, so they are never asked for; this crate has what the parser calls, and draws nothing (see
//! `[patch.crates-io]`).

use std::ops::Range;

/// How grave it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level(&'static str);

impl Level {
    /// An error.
    pub const ERROR: Self = Self("error");
    /// A note to one.
    pub const NOTE: Self = Self("note");

    /// What is said first.
    #[must_use]
    pub fn primary_title(self, text: impl AsRef<str>) -> Title {
        Title(format!("{}: {}", self.0, text.as_ref()))
    }
}

/// What is said first.
#[derive(Debug, Clone)]
pub struct Title(String);

impl Title {
    /// With a part of the source, which is not printed.
    #[must_use]
    pub fn element(self, _: Snippet) -> Group {
        Group(self)
    }
}

/// A diagnostic.
#[derive(Debug, Clone)]
pub struct Group(Title);

/// A part of a source: nothing of it is kept.
#[derive(Debug, Clone, Copy)]
pub struct Snippet(());

impl Snippet {
    /// Of this source.
    pub fn source<T: ?Sized>(_: &T) -> Self {
        Self(())
    }

    /// Of which this is the first line.
    #[must_use]
    pub fn line_start(self, _: usize) -> Self {
        self
    }

    /// In this file.
    #[must_use]
    pub fn path(self, _: &str) -> Self {
        self
    }

    /// Whether lines are left out.
    #[must_use]
    pub fn fold(self, _: bool) -> Self {
        self
    }

    /// With this marked.
    #[must_use]
    pub fn annotation(self, _: Annotation) -> Self {
        self
    }
}

/// What a mark is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnnotationKind {
    /// The place of the error.
    Primary,
}

impl AnnotationKind {
    /// A mark of these bytes.
    #[must_use]
    pub fn span(self, _: Range<usize>) -> Annotation {
        Annotation(())
    }
}

/// A mark.
#[derive(Debug, Clone, Copy)]
pub struct Annotation(());

impl Annotation {
    /// With words at it.
    #[must_use]
    pub fn label(self, _: &str) -> Self {
        self
    }
}

/// Prints diagnostics.
#[derive(Debug, Clone, Copy)]
pub struct Renderer(());

impl Renderer {
    /// Without colours, as there are none.
    #[must_use]
    pub fn plain() -> Self {
        Self(())
    }

    /// There is nothing to draw lines around.
    #[must_use]
    pub fn decor_style(self, _: renderer::DecorStyle) -> Self {
        self
    }

    /// The titles, one a line.
    #[must_use]
    pub fn render(&self, groups: &[Group]) -> String {
        let titles: Vec<&str> = groups.iter().map(|group| group.0.0.as_str()).collect();
        titles.join("\n")
    }
}

/// How it is drawn.
pub mod renderer {
    /// Which letters lines are drawn with.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum DecorStyle {
        /// Those of ASCII.
        Ascii,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_title_is_printed_and_nothing_of_the_source() {
        let mark = AnnotationKind::Primary.span(0..6).label("CANARY");
        let snippet = Snippet::source("token: CANARY").line_start(1).path("CANARY").fold(false).annotation(mark);
        let group = Level::ERROR.primary_title("line 1 column 2: broken").element(snippet);
        let text = Renderer::plain().decor_style(renderer::DecorStyle::Ascii).render(&[group]);
        assert_eq!(text, "error: line 1 column 2: broken");
    }
}

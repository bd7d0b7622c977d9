//! A place in a tree that sets a field, and what forbids to edit it.

use super::tree::Tree;
use super::yaml::{Content, Found, Node, parse};
use crate::ownership::Step;
use granit_parser::ScalarStyle;
use std::fmt;
use std::ops::Range;

/// Where a field is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, relative to the tree's root; empty where it is not in the tree.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The document of the file, from 0.
    pub document: usize,
    /// The JSON pointer of the value in the document; of an inline patch that of the text which holds it.
    pub pointer: String,
    /// What sets it.
    pub by: SetBy,
    /// The value as it stands there, quotes taken off.
    pub text: String,
    /// What forbids an edit.
    pub obstacle: Option<Obstacle>,
    /// The bytes of the value in the file, byte order mark excluded.
    pub(super) span: Range<usize>,
    /// Of an inline patch the bytes of the value in the text that holds it.
    pub(super) inner: Option<Range<usize>>,
}

/// What sets a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetBy {
    /// The object's own manifest.
    Manifest,
    /// A patch of a kustomization, or of a Flux Kustomization.
    Patch,
    /// `replicas:` of a kustomization.
    Replicas,
}

impl fmt::Display for SetBy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Manifest => "the manifest",
            Self::Patch => "a patch",
            Self::Replicas => "replicas of the kustomization",
        })
    }
}

/// What forbids to edit a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// The file is encrypted by SOPS: its checksum covers every value.
    Sops,
    /// Flux puts a variable's value there (`${NAME}`).
    Variable {
        /// The variable.
        name: String,
        /// Where it is set, as far as the tree tells.
        set: Vec<String>,
    },
    /// The value, or one around it, has an anchor: other places repeat it.
    Anchored,
    /// The value is written elsewhere: through an alias, or a merge key.
    Aliased,
    /// A key stands twice in a map of the document, on that line for the second time.
    Duplicate(usize),
    /// The value is written in a form that is not edited: what it is.
    Form(&'static str),
    /// The place is not in this tree: where it is.
    Outside(String),
}

impl fmt::Display for Obstacle {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sops => out.write_str("the file is encrypted by SOPS, whose checksum an edit would break"),
            Self::Variable { name, set } if set.is_empty() => {
                write!(out, "Flux puts the variable {name} there; the tree does not say where it is set")
            }
            Self::Variable { name, set } => {
                write!(out, "Flux puts the variable {name} there, set by {}", set.join(" and by "))
            }
            Self::Anchored => out.write_str("it has a YAML anchor: an edit would change every place that repeats it"),
            Self::Aliased => out.write_str("it is a YAML alias or merged in: the value stands elsewhere"),
            Self::Duplicate(line) => write!(out, "a key stands twice in one map, for the second time on line {line}"),
            Self::Form(what) => write!(out, "it is {what}, which is not edited"),
            Self::Outside(wherever) => write!(out, "it is set in {wherever}, which is not in this tree"),
        }
    }
}

impl Place {
    /// `apps/web.yaml:7`
    pub fn name(&self) -> String {
        if self.file.is_empty() { "outside the tree".to_owned() } else { format!("{}:{}", self.file, self.line) }
    }

    /// Whether both are the same bytes.
    pub(super) fn is_at(&self, other: &Self) -> bool {
        (&self.file, &self.span) == (&other.file, &other.span)
    }
}

/// A document, or the text of an inline patch in one.
#[derive(Debug, Clone)]
pub(super) struct Origin<'t> {
    /// Empty where it is not in the tree.
    pub(super) file: &'t str,
    pub(super) document: usize,
    /// Where the nodes that are looked at begin.
    pub(super) pointer: String,
    /// The scalar that holds the text whose nodes are looked at.
    pub(super) inline: Option<&'t Node>,
    /// What the place is called where it is not in the tree.
    pub(super) outside: Option<String>,
}

impl<'t> Origin<'t> {
    pub(super) fn of(file: &'t str, document: usize) -> Self {
        Self { file, document, pointer: String::new(), inline: None, outside: None }
    }
}

/// The place to which a path leads from a node of `origin`; `None` where the value is not set.
pub(super) fn place(tree: &Tree, origin: &Origin<'_>, from: &Node, steps: &[Step], by: SetBy) -> Option<Place> {
    let start = if origin.inline.is_some() { "" } else { &origin.pointer };
    let (node, pointer, is_anchored) = match from.find(steps, start) {
        Found::Nothing => return None,
        Found::Elsewhere { line } => {
            return Some(Place {
                file: origin.file.to_owned(),
                line: source_line(tree, origin, line),
                document: origin.document,
                pointer: origin.pointer.clone(),
                by,
                text: String::new(),
                obstacle: Some(Obstacle::Aliased),
                span: 0..0,
                inner: None,
            });
        }
        Found::Value { node, pointer, is_anchored } => (node, pointer, is_anchored),
    };
    let (span, inner) = match origin.inline {
        None => (node.span.clone(), None),
        Some(outer) => (mapped(tree, origin, outer, node).unwrap_or_default(), Some(node.span.clone())),
    };
    let is_anchored = is_anchored || origin.inline.is_some_and(|outer| outer.is_anchored);
    let form = match &node.content {
        Content::Scalar { style: ScalarStyle::Literal | ScalarStyle::Folded, .. } => Some("a block of lines"),
        Content::Scalar { is_tagged: true, .. } => Some("a value with a tag"),
        Content::Scalar { .. } if span.is_empty() && origin.inline.is_some() => {
            Some("part of a text that is not written line by line (`|`)")
        }
        Content::Scalar { .. } if span.is_empty() => Some("an empty value"),
        Content::Scalar { .. } => None,
        _ => Some("no single value"),
    };
    let documents = tree.documents(origin.file);
    let document = documents.get(origin.document);
    let duplicate = document.and_then(|document| document.duplicate);
    let is_encrypted = document.is_some_and(|document| !document.node.word_in("sops", "mac").is_empty());
    let text = node.text().unwrap_or_default().to_owned();
    let obstacle = if let Some(outside) = &origin.outside {
        Some(Obstacle::Outside(outside.clone()))
    } else if is_encrypted {
        Some(Obstacle::Sops)
    } else if let Some(line) = duplicate {
        Some(Obstacle::Duplicate(line))
    } else if is_anchored {
        Some(Obstacle::Anchored)
    } else if let Some(name) = variable(&text) {
        Some(Obstacle::Variable { name: name.to_owned(), set: Vec::new() })
    } else {
        form.map(Obstacle::Form)
    };
    Some(Place {
        file: origin.file.to_owned(),
        line: source_line(tree, origin, node.line),
        document: origin.document,
        pointer: if origin.inline.is_some() { origin.pointer.clone() } else { pointer },
        by,
        text,
        obstacle,
        span,
        inner,
    })
}

/// The name of the variable in a text, as Flux's substitution reads it (`${NAME}`, `${NAME:=default}`).
fn variable(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("${")?;
    let end = rest.find(|it: char| !(it.is_ascii_alphanumeric() || it == '_')).unwrap_or(rest.len());
    Some(&rest[..end])
}

/// The line of the file for one of the text that is looked at.
fn source_line(tree: &Tree, origin: &Origin<'_>, line: usize) -> usize {
    match origin.inline {
        Some(outer) if is_literal(outer) && !tree.documents(origin.file).is_empty() => outer.line + line - 1,
        Some(outer) => outer.line,
        None => line,
    }
}

fn is_literal(node: &Node) -> bool {
    matches!(node.content, Content::Scalar { style: ScalarStyle::Literal, .. })
}

/// The bytes of the file for a scalar of a text that stands in it line by line; `None` where it does not.
fn mapped(tree: &Tree, origin: &Origin<'_>, outer: &Node, node: &Node) -> Option<Range<usize>> {
    let (text, held) = (tree.text(origin.file)?, outer.text().filter(|_| is_literal(outer))?);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let begin = text.get(..outer.span.start)?.rfind('\n').map_or(0, |end| end + 1);
    let indent = outer.span.start - begin;
    let before = held.get(..node.span.start)?;
    let (number, column) =
        (before.matches('\n').count(), node.span.start - before.rfind('\n').map_or(0, |end| end + 1));
    let wanted = held.split('\n').nth(number)?;
    let skipped: usize = text.get(begin..)?.split_inclusive('\n').take(number).map(str::len).sum();
    let source = text.get(begin + skipped..)?.split('\n').next()?;
    let is_same = source.get(indent..)?.trim_end_matches('\r') == wanted && source.get(..indent)?.trim().is_empty();
    let start = begin + skipped + indent + column;
    (is_same && !node.span.is_empty()).then(|| start..start + node.span.len())
}

/// What an inline patch holds, document by document.
pub(super) fn held(node: &Node) -> Vec<Node> {
    let parsed = parse(node.text().unwrap_or_default());
    if parsed.broken.is_some() {
        return Vec::new();
    }
    parsed.documents.into_iter().map(|document| document.node).collect()
}

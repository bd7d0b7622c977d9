//! YAML and JSON as a tree in which every value knows the bytes that it was written with.
//!
//! Aliases stay aliases: what they repeat is not looked at, for an edit there would change more than one place.

use crate::ownership::Step;
use crate::text::{describe, documents};
use granit_parser::{Event, Parser, ScalarStyle};
use serde_json::Value;
use std::ops::Range;

/// Nodes of one file.
const NODES: usize = 1_000_000;

/// A value, with its place in the text.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// The bytes of a scalar, with its quotes; of a collection those of its beginning.
    pub(super) span: Range<usize>,
    /// The line on which it begins, from 1; of a block of lines the first of these.
    pub(super) line: usize,
    /// Whether it has an anchor (`&name`), so that it may stand in other places too.
    pub(super) is_anchored: bool,
    pub(super) content: Content,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Scalar {
        text: String,
        style: ScalarStyle,
        /// Whether it has a tag (`!!int`, `!secret`).
        is_tagged: bool,
    },
    /// `*name`
    Alias,
    List(Vec<Node>),
    /// Keys that are no scalars are left out.
    Map(Vec<(String, Node)>),
}

/// A document of a file.
#[derive(Debug, Clone)]
pub(super) struct Document {
    pub(super) node: Node,
    /// The line of a key that stands twice in one map.
    pub(super) duplicate: Option<usize>,
}

/// What was read of a file.
#[derive(Debug, Clone, Default)]
pub(super) struct Parsed {
    pub(super) documents: Vec<Document>,
    /// The comments in their order, without their `#`.
    pub(super) comments: Vec<String>,
    /// Why it was not read to the end; never quotes the file.
    pub(super) broken: Option<String>,
}

/// A collection that is not closed yet.
struct Open {
    node: Node,
    /// Of a map, the key whose value comes next; the inner `None` is one that is no scalar.
    key: Option<Option<String>>,
    is_map: bool,
}

/// Reads a text as far as it goes, nesting and size bounded. The text has no byte order mark.
pub(super) fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let options = granit_parser::options! { flow_nesting_limit: 64, block_nesting_limit: 64 };
    let (mut open, mut nodes, mut duplicate): (Vec<Open>, usize, Option<usize>) = (Vec::new(), 0, None);
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, span) = match next {
            Ok(next) => next,
            Err(error) => {
                let place = error.marker();
                parsed.broken = Some(format!("no YAML at line {} column {}", place.line(), place.col() + 1));
                break;
            }
        };
        nodes += 1;
        if nodes > NODES {
            parsed.broken = Some(format!("more than {NODES} values"));
            break;
        }
        let begin = |content, anchor: usize| Node {
            span: span.byte_range().unwrap_or_default(),
            line: span.start.line(),
            is_anchored: anchor > 0,
            content,
        };
        let node = match event {
            Event::Comment(text, _) => {
                parsed.comments.push(text.trim().to_owned());
                continue;
            }
            Event::DocumentStart(..) => {
                duplicate = None;
                continue;
            }
            Event::Scalar(text, style, anchor, tag) => {
                begin(Content::Scalar { text: text.into_owned(), style, is_tagged: tag.is_some() }, anchor)
            }
            Event::Alias(_) => begin(Content::Alias, 0),
            Event::SequenceStart(_, anchor, _) => {
                open.push(Open { node: begin(Content::List(Vec::new()), anchor), key: None, is_map: false });
                continue;
            }
            Event::MappingStart(_, anchor, _) => {
                open.push(Open { node: begin(Content::Map(Vec::new()), anchor), key: None, is_map: true });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(done) => done.node,
                None => continue,
            },
            _ => continue,
        };
        let Some(parent) = open.last_mut() else {
            parsed.documents.push(Document { node, duplicate: duplicate.take() });
            continue;
        };
        match &mut parent.node.content {
            Content::List(items) => items.push(node),
            Content::Map(entries) if parent.is_map => match parent.key.take() {
                None => {
                    let name = match node.content {
                        Content::Scalar { text, .. } => Some(text),
                        _ => None,
                    };
                    if name.as_ref().is_some_and(|name| entries.iter().any(|(known, _)| known == name)) {
                        duplicate = duplicate.or(Some(node.line));
                    }
                    parent.key = Some(name);
                }
                Some(Some(name)) => entries.push((name, node)),
                Some(None) => {}
            },
            _ => {}
        }
    }
    parsed
}

/// Where a path leads.
#[derive(Debug, Clone)]
pub(super) enum Found<'n> {
    /// To a value, with its JSON pointer; whether it, or one around it, has an anchor.
    Value { node: &'n Node, pointer: String, is_anchored: bool },
    /// Through an alias or a merge key (`<<`) on that line: the value is written elsewhere.
    Elsewhere { line: usize },
    /// Nowhere: the value is not set.
    Nothing,
}

impl Node {
    /// The value of a key of a map.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(known, _)| known == key).map(|(_, node)| node)
    }

    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Whether it is nothing: empty, or `null` without quotes.
    pub(super) fn is_null(&self) -> bool {
        let is_plain = matches!(&self.content, Content::Scalar { style: ScalarStyle::Plain, is_tagged: false, .. });
        is_plain && matches!(self.text(), Some("" | "~" | "null" | "Null" | "NULL"))
    }

    /// The text of a key's scalar; empty where there is none.
    pub(super) fn word(&self, key: &str) -> &str {
        self.get(key).and_then(Node::text).unwrap_or_default()
    }

    /// The text of the scalar below two keys; empty where there is none.
    pub(super) fn word_in(&self, outer: &str, key: &str) -> &str {
        self.get(outer).map_or("", |node| node.word(key))
    }

    /// The items of a list.
    pub(super) fn items(&self) -> &[Node] {
        match &self.content {
            Content::List(items) => items,
            _ => &[],
        }
    }

    /// The entries of a map.
    pub(super) fn entries(&self) -> &[(String, Node)] {
        match &self.content {
            Content::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The texts below a key, of a list or of one scalar.
    pub(super) fn words(&self, key: &str) -> Vec<&Node> {
        let Some(node) = self.get(key) else { return Vec::new() };
        node.items().iter().filter(|item| item.text().is_some()).collect()
    }

    /// Where a path leads, from `pointer` on.
    pub(super) fn find(&self, steps: &[Step], pointer: &str) -> Found<'_> {
        self.find_within(steps, pointer.to_owned(), self.is_anchored)
    }

    fn find_within(&self, steps: &[Step], pointer: String, is_anchored: bool) -> Found<'_> {
        let is_anchored = is_anchored || self.is_anchored;
        if matches!(self.content, Content::Alias) {
            return Found::Elsewhere { line: self.line };
        }
        let Some((step, rest)) = steps.split_first() else {
            return Found::Value { node: self, pointer, is_anchored };
        };
        let child = match step {
            Step::Field(name) | Step::Member(name) => match self.get(name) {
                Some(node) => Some((escape(name), node)),
                None => match self.get("<<") {
                    Some(merged) => return Found::Elsewhere { line: merged.line },
                    None => None,
                },
            },
            Step::Index(index) => self.items().get(*index).map(|node| (index.to_string(), node)),
            Step::Item(keys) => {
                let has = |item: &Node| keys.iter().all(|(key, wanted)| item.word(key) == wanted);
                let place = self.items().iter().position(has);
                place.and_then(|place| Some((place.to_string(), self.items().get(place)?)))
            }
        };
        match child {
            Some((token, node)) => node.find_within(rest, format!("{pointer}/{token}"), is_anchored),
            None => Found::Nothing,
        }
    }
}

/// A name as a token of a JSON pointer.
pub(super) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Every document of a text that says something, as JSON, by the parser that reads manifests everywhere else in the suite.
///
/// # Errors
/// What is wrong and where; never quotes the text.
pub(super) fn models(text: &str) -> Result<Vec<Value>, String> {
    documents(&mut text.as_bytes(), text.len() + 1)
        .filter(|document| !matches!(document, Ok(Value::Null)))
        .map(|document| document.map_err(|error| describe(&error)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_know_their_bytes() {
        for (text, wanted) in [
            ("a:\r\n  b: 3 # x\r\n", "3"),
            ("# é\na: {x: 1, b: \"3\"}\n", "\"3\""),
            ("a:\n  ? b\n  : 'x''y'\n", "'x''y'"),
            ("{\"a\":{\"b\":3}}", "3"),
            ("a: {b: !!int 3}", "3"),
            ("a: {b: &n 3}", "3"),
        ] {
            let parsed = parse(text);
            let found = parsed.documents[0].node.get("a").and_then(|a| a.get("b")).expect(text);
            assert_eq!(text.get(found.span.clone()), Some(wanted), "{text}");
        }
    }

    #[test]
    fn keys_that_stand_twice_are_told_by_document() {
        let parsed = parse("a: 1\n---\nb:\n  c: 1\n  c: 2\n---\nd: 1\n");
        assert_eq!(parsed.documents.iter().map(|it| it.duplicate).collect::<Vec<_>>(), [None, Some(5), None]);
    }

    #[test]
    fn hostile_texts_end_without_a_quote() {
        let mut bomb = String::from("a0: &a0 [CANARY,CANARY]\n");
        for level in 1..30 {
            bomb.push_str(&format!("a{level}: &a{level} [*a{0},*a{0},*a{0},*a{0}]\n", level - 1));
        }
        assert!(parse(&bomb).broken.is_none(), "aliases are not followed");
        for text in [bomb.as_str(), &"[".repeat(10_000), "k: \"CANARY", "a: [CANARY"] {
            let error = models(text).expect_err("refused");
            assert!(!error.contains("CANARY"), "{error}");
        }
        for text in [&"[".repeat(10_000), "k: \"CANARY", "a: [CANARY"] {
            let broken = parse(text).broken.expect("broken");
            assert!(!broken.contains("CANARY"), "{broken}");
        }
    }
}

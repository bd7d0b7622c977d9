//! YAML and JSON as a tree in which every node knows its line, with the comments beside it.

use super::hidden::Hidden;
use granit_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Number, Value};
use std::collections::HashMap;

/// Nodes of one file, those that aliases repeat included.
const NODES: usize = 400_000;

/// A value and the line (from 1) on which it begins; of a block of lines the first of these.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) line: u32,
    pub(crate) content: Content,
    /// Nodes in it, itself included.
    size: usize,
}

/// What a node holds.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    Scalar(Scalar),
    List(Vec<Node>),
    /// Keys that are no scalars are left out.
    Map(Vec<(Key, Node)>),
}

/// A key.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) line: u32,
}

/// A scalar as it was written.
#[derive(Debug, Clone)]
pub(crate) struct Scalar {
    pub(crate) text: Hidden,
    /// Without quotes, so that it may be a number, a truth value or nothing.
    pub(crate) is_plain: bool,
    /// A block of lines (`|` or `>`).
    pub(crate) is_block: bool,
    /// A tag of its own, such as `!vault`.
    pub(crate) is_tagged: bool,
}

/// What was read of a file.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub(crate) documents: Vec<Node>,
    /// Line and text of comments.
    pub(crate) comments: Vec<(u32, String)>,
    /// Why it was not read to the end; never quotes the file.
    pub(crate) broken: Option<String>,
}

/// A collection that is not closed yet.
enum Open {
    List { line: u32, anchor: usize, items: Vec<Node>, size: usize },
    Map { line: u32, anchor: usize, entries: Vec<(Key, Node)>, key: Option<Option<Key>>, size: usize },
}

/// Reads a file as far as it goes. Nesting, aliases and nodes are bounded.
pub(crate) fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let options = granit_parser::options! { flow_nesting_limit: 64, block_nesting_limit: 64 };
    let (mut open, mut anchors, mut total) = (Vec::new(), HashMap::new(), 0);
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, span) = match next {
            Ok(next) => next,
            Err(error) => {
                let place = error.marker();
                parsed.broken = Some(format!("no YAML at line {} column {}", place.line(), place.col() + 1));
                break;
            }
        };
        let line = u32::try_from(span.start.line()).unwrap_or(u32::MAX);
        let done = match event {
            Event::Comment(text, _) => {
                parsed.comments.push((line, text.trim().to_owned()));
                continue;
            }
            Event::DocumentStart(..) => {
                anchors.clear();
                continue;
            }
            Event::Scalar(text, style, anchor, tag) => {
                let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let scalar = Scalar {
                    text: Hidden::new(text.into_owned()),
                    is_plain: style == ScalarStyle::Plain && tag.is_none(),
                    is_block,
                    is_tagged: tag.is_some_and(|tag| tag.is_custom()),
                };
                (Node { line, content: Content::Scalar(scalar), size: 1 }, anchor)
            }
            Event::Alias(anchor) => match anchors.get(&anchor) {
                Some(node) => {
                    let node: &Node = node;
                    if total + node.size > NODES {
                        parsed.broken = Some(format!("its aliases repeat more than {NODES} values"));
                        break;
                    }
                    (node.clone(), 0)
                }
                None => continue,
            },
            Event::SequenceStart(_, anchor, _) => {
                open.push(Open::List { line, anchor, items: Vec::new(), size: 1 });
                continue;
            }
            Event::MappingStart(_, anchor, _) => {
                open.push(Open::Map { line, anchor, entries: Vec::new(), key: None, size: 1 });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List { line, anchor, items, size }) => {
                    (Node { line, content: Content::List(items), size }, anchor)
                }
                Some(Open::Map { line, anchor, entries, size, .. }) => {
                    (Node { line, content: Content::Map(entries), size }, anchor)
                }
                None => continue,
            },
            _ => continue,
        };
        let (node, anchor) = done;
        total += node.size;
        if total > NODES * 2 {
            parsed.broken = Some(format!("more than {NODES} values"));
            break;
        }
        if anchor > 0 {
            anchors.insert(anchor, node.clone());
        }
        match open.last_mut() {
            None => parsed.documents.push(node),
            Some(Open::List { items, size, .. }) => {
                *size += node.size;
                items.push(node);
            }
            Some(Open::Map { entries, key, size, .. }) => match key.take() {
                None => {
                    *key = Some(match node.content {
                        Content::Scalar(scalar) => Some(Key { name: scalar.text.reveal().to_owned(), line: node.line }),
                        _ => None,
                    });
                }
                Some(Some(name)) => {
                    *size += node.size;
                    entries.push((name, node));
                }
                Some(None) => {}
            },
        }
    }
    parsed
}

impl Node {
    /// The value of a key of a map.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        let Content::Map(entries) = &self.content else { return None };
        entries.iter().find(|(known, _)| known.name == key).map(|(_, node)| node)
    }

    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar(scalar) => Some(scalar.text.reveal()),
            _ => None,
        }
    }

    /// The text of a key's scalar; empty where there is none.
    pub(crate) fn word(&self, key: &str) -> &str {
        self.get(key).and_then(Node::text).unwrap_or_default()
    }

    /// The line on which a path such as `.spec.list[name].key` begins; items of a list go by their `name`, else by their
    /// index. Keys may hold dots.
    pub(crate) fn line_of(&self, path: &str) -> Option<u32> {
        match &self.content {
            _ if path.is_empty() => Some(self.line),
            Content::Scalar(_) => None,
            Content::Map(entries) => entries.iter().find_map(|(key, node)| {
                let rest = path.strip_prefix('.')?.strip_prefix(key.name.as_str())?;
                // A map begins on the line of its key.
                if rest.is_empty() { Some(key.line) } else { node.line_of(rest) }
            }),
            Content::List(items) => items.iter().enumerate().find_map(|(index, item)| {
                let name = item.word("name");
                let label = if name.is_empty() { index.to_string() } else { name.to_owned() };
                item.line_of(path.strip_prefix('[')?.strip_prefix(label.as_str())?.strip_prefix(']')?)
            }),
        }
    }

    /// The line of a setting by its keys, joined by dots; a list of variables counts as a map of them, other lists as if
    /// they were not there.
    pub(crate) fn line_of_setting(&self, path: &str) -> Option<u32> {
        match &self.content {
            Content::Scalar(_) => path.is_empty().then_some(self.line),
            Content::Map(entries) => {
                entries.iter().find_map(|(key, node)| match path.strip_prefix(key.name.as_str())? {
                    "" => Some(key.line),
                    rest => node.line_of_setting(rest.strip_prefix('.')?),
                })
            }
            Content::List(items) => items.iter().find_map(|item| match item.get("value") {
                Some(value) if item.word("name") == path => Some(value.line),
                _ => item.line_of_setting(path),
            }),
        }
    }

    /// The items of a list.
    pub(crate) fn items(&self) -> &[Node] {
        match &self.content {
            Content::List(items) => items,
            _ => &[],
        }
    }

    /// The entries of a map.
    pub(crate) fn entries(&self) -> &[(Key, Node)] {
        match &self.content {
            Content::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Of a JSON value, which has no lines.
    pub(crate) fn of_json(value: Value) -> Self {
        let scalar = |text: String, is_plain| {
            Content::Scalar(Scalar { text: Hidden::new(text), is_plain, is_block: false, is_tagged: false })
        };
        let content = match value {
            Value::Null => scalar(String::new(), true),
            Value::Bool(flag) => scalar(flag.to_string(), true),
            Value::Number(number) => scalar(number.to_string(), true),
            Value::String(text) => scalar(text, false),
            Value::Array(items) => Content::List(items.into_iter().map(Self::of_json).collect()),
            Value::Object(entries) => Content::Map(
                entries.into_iter().map(|(name, value)| (Key { name, line: 0 }, Self::of_json(value))).collect(),
            ),
        };
        Self { line: 0, content, size: 1 }
    }

    /// As JSON, as Kubernetes reads YAML: `y` and `on` are texts.
    pub(crate) fn json(&self) -> Value {
        match &self.content {
            Content::Scalar(scalar) if scalar.is_plain => plain(scalar.text.reveal()),
            Content::Scalar(scalar) => Value::String(scalar.text.reveal().to_owned()),
            Content::List(items) => Value::Array(items.iter().map(Node::json).collect()),
            Content::Map(entries) => {
                let mut map = Map::new();
                for (key, node) in entries {
                    match (key.name.as_str(), node.json()) {
                        // What is merged in yields to what stands there.
                        ("<<", Value::Object(merged)) => {
                            for (name, value) in merged {
                                map.entry(name).or_insert(value);
                            }
                        }
                        (name, value) => {
                            map.insert(name.to_owned(), value);
                        }
                    }
                }
                Value::Object(map)
            }
        }
    }
}

/// A scalar without quotes by YAML's core schema.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let starts_as_number = text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '+' | '.'));
    if starts_as_number {
        let unsigned = text.strip_prefix('+').unwrap_or(text);
        let radix = |prefix: &str, radix| {
            unsigned.strip_prefix(prefix).and_then(|digits| i64::from_str_radix(digits, radix).ok())
        };
        if let Some(number) = unsigned.parse::<i64>().ok().or_else(|| radix("0x", 16)).or_else(|| radix("0o", 8)) {
            return Value::Number(number.into());
        }
        if let Ok(number) = unsigned.parse::<u64>() {
            return Value::Number(number.into());
        }
        if let Some(number) = unsigned.parse::<f64>().ok().and_then(Number::from_f64) {
            return Value::Number(number);
        }
    }
    Value::String(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_know_their_lines_and_comments_theirs() {
        let parsed = parse("# head\na:\n  b: [x, 1]\n  c: |\n    one\n    two\n---\nd: \"y\" # side\n");
        assert!(parsed.broken.is_none(), "{:?}", parsed.broken);
        let first = &parsed.documents[0];
        let a = first.get("a").expect("a");
        assert_eq!(a.get("b").map(|node| node.line), Some(3));
        assert_eq!(a.get("c").map(|node| (node.line, node.text())), Some((5, Some("one\ntwo\n"))));
        assert_eq!(parsed.documents[1].word("d"), "y");
        assert_eq!(parsed.comments, [(1, "head".to_owned()), (8, "side".to_owned())]);
    }

    #[test]
    fn a_path_leads_to_its_line() {
        let parsed = parse("a:\n  b.c:\n    image: x\n  list:\n  - name: n\n    k: 1\n  - k: 2\n");
        let line = |path: &str| parsed.documents[0].line_of(path);
        assert_eq!((line(".a.b.c"), line(".a.b.c.image")), (Some(2), Some(3)));
        assert_eq!((line(".a.list[n].k"), line(".a.list[1].k"), line(".a.none")), (Some(6), Some(7), None));
    }

    #[test]
    fn scalars_are_read_as_kubernetes_reads_them() {
        let json = parse(
            "a: on\nb: true\nc: \"1\"\nd: 0x10\ne: ~\nf: -2.5\ng: 1.2.3\nbase: &b {x: 1, y: 2}\nh: {<<: *b, y: 3}\n",
        )
        .documents[0]
            .json();
        let want = serde_json::json!({"a": "on", "b": true, "c": "1", "d": 16, "e": null, "f": -2.5, "g": "1.2.3",
            "base": {"x": 1, "y": 2}, "h": {"x": 1, "y": 3}});
        assert_eq!(json, want);
    }

    #[test]
    fn bombs_depth_and_cut_files_end_without_a_quote() {
        let mut bomb = String::from("a0: &a0 [CANARY,CANARY]\n");
        for level in 1..30 {
            bomb.push_str(&format!("a{level}: &a{level} [*a{0},*a{0},*a{0},*a{0}]\n", level - 1));
        }
        for text in [bomb.as_str(), &"[".repeat(10_000), "k: \"CANARY", "a: [CANARY"] {
            let broken = parse(text).broken.expect("broken");
            assert!(!broken.contains("CANARY"), "{broken}");
        }
        assert!(!format!("{:?}", parse("a: CANARY")).contains("CANARY"));
    }
}

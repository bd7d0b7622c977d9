//! The stable forms, JSON and YAML: every text whole, and none of them raw on a terminal.

use crate::text;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::ser::{Formatter, PrettyFormatter};
use serde_saphyr::DoubleQuoted;
use std::fmt;
use std::io::{self, Write};

/// A report as JSON. Characters that could change what a terminal shows are written as `\uXXXX`,
/// which every JSON reader turns back into the same text.
///
/// # Errors
/// What the writer or the serialiser says.
pub(super) fn json(report: &impl Serialize, mut out: impl Write) -> io::Result<()> {
    let visible = Visible { pretty: PrettyFormatter::new() };
    report.serialize(&mut serde_json::Serializer::with_formatter(&mut out, visible))?;
    out.write_all(b"\n")
}

/// serde_json's layout with every unsafe character escaped; by itself it escapes only those below
/// U+0020.
struct Visible<'a> {
    pretty: PrettyFormatter<'a>,
}

/// Hands methods on as they are.
macro_rules! as_pretty {
    ($($name:ident($($first:ident: bool)?);)*) => {$(
        fn $name<W: ?Sized + Write>(&mut self, out: &mut W $(, $first: bool)?) -> io::Result<()> {
            self.pretty.$name(out $(, $first)?)
        }
    )*};
}

impl Formatter for Visible<'_> {
    as_pretty! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        begin_object_value();
        end_object_value();
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(text::is_unsafe) {
            let (plain, tail) = rest.split_at(at);
            out.write_all(plain.as_bytes())?;
            let mut characters = tail.chars();
            for unit in characters.next().into_iter().flat_map(|character| units(character).into_iter().flatten()) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = characters.as_str();
        }
        out.write_all(rest.as_bytes())
    }
}

/// A character's one or two UTF-16 units.
fn units(character: char) -> [Option<u16>; 2] {
    let mut buffer = [0; 2];
    let units = character.encode_utf16(&mut buffer);
    [units.first().copied(), units.get(1).copied()]
}

/// A report as YAML, field by field what JSON holds.
///
/// # Errors
/// The serialiser's words.
pub(super) fn yaml(report: &impl Serialize) -> io::Result<String> {
    let tree: Tree = serde_json::from_slice(&serde_json::to_vec(report)?)?;
    let text = serde_saphyr::to_string(&tree).map_err(io::Error::other)?;
    Ok(unmark(&text))
}

/// What stands around the number of a character that the YAML writer would print raw. The writer
/// itself escapes it, as `\x01`.
const MARK: char = '\u{1}';
const WRITTEN: &str = "\\x01";

/// A value as it is written, with its fields in their order. Texts are double-quoted where they
/// hold something to escape: the YAML writer escapes control characters but not, for one,
/// bidirectional ones. Those go in as numbers between marks, and [`unmark`] turns them into YAML's
/// own escapes.
enum Tree {
    Scalar(Value),
    List(Vec<Tree>),
    Fields(Vec<(String, Tree)>),
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Tree;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a value")
            }
            fn visit_unit<E>(self) -> Result<Tree, E> {
                Ok(Tree::Scalar(Value::Null))
            }
            fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
                Ok(Tree::Scalar(value.into()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
                Ok(Tree::Scalar(value.into()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
                Ok(Tree::Scalar(value.into()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
                Ok(Tree::Scalar(value.into()))
            }
            fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
                Ok(Tree::Scalar(value.into()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut input: A) -> Result<Tree, A::Error> {
                let mut list = Vec::new();
                while let Some(value) = input.next_element()? {
                    list.push(value);
                }
                Ok(Tree::List(list))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut input: A) -> Result<Tree, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = input.next_entry()? {
                    fields.push(field);
                }
                Ok(Tree::Fields(fields))
            }
        }
        input.deserialize_any(Reader)
    }
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Scalar(Value::String(text))
                if text.contains(|character| character == '\\' || needs_mark(character)) =>
            {
                DoubleQuoted(mark(text)).serialize(out)
            }
            Self::Scalar(value) => value.serialize(out),
            Self::List(values) => out.collect_seq(values),
            Self::Fields(fields) => out.collect_map(fields.iter().map(|(name, value)| (name, value))),
        }
    }
}

fn needs_mark(character: char) -> bool {
    text::is_unsafe(character) && character != '\n'
}

fn mark(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if needs_mark(character) {
            out.push_str(&format!("{MARK}{:08X}{MARK}", u32::from(character)));
        } else {
            out.push(character);
        }
    }
    out
}

/// Turns marked numbers into escapes. A backslash of a text never looks like a mark: texts with
/// backslashes are double-quoted, where each is written twice.
fn unmark(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (plain, tail) = rest.split_at(at);
        out.push_str(plain);
        let marked = tail.strip_prefix(WRITTEN).and_then(|tail| tail.split_at_checked(8));
        if let Some((number, end)) = marked.and_then(|(number, tail)| Some((number, tail.strip_prefix(WRITTEN)?))) {
            out.push_str("\\U");
            out.push_str(number);
            rest = end;
        } else {
            // An escape and what it escapes, so that the second of two backslashes starts nothing.
            let length = 1 + tail[1..].chars().next().map_or(0, char::len_utf8);
            out.push_str(&tail[..length]);
            rest = &tail[length..];
        }
    }
    out.push_str(rest);
    out
}

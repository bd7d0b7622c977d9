//! Inputs out of other inputs: bytes, lines, and values of JSON trees are changed, repeated, moved, dropped.

use serde_json::{Map, Value};

/// An input is not grown beyond this.
const MOST_BYTES: usize = 1 << 18;

/// Pieces that have broken parsers and terminals.
const PIECES: &[&str] = &[
    "\0",
    "\u{1b}[2J",
    "\u{1b}]8;;x\u{7}",
    "\r\n",
    "\u{202e}",
    "\u{200b}",
    "\u{feff}",
    "\u{2028}",
    "\\ud800",
    "\"",
    "'",
    "`",
    "|",
    "\t",
    "---\n",
    "...\n",
    "&a ",
    "*a",
    "<<: ",
    "!!binary ",
    "? ",
    "- ",
    "{",
    "}",
    "[",
    "]",
    ": ",
    "%YAML 9.9\n",
    "null",
    "~",
    "true",
    "no",
    "0x10",
    "1e999",
    "-9223372036854775809",
    "18446744073709551616",
    "NaN",
    ".inf",
    "-0",
    "1Ki",
    "1e3m",
    "9999999999Ei",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:60Z",
    "2026-02-30",
    "P1D",
    "1h",
    "99999999999999h",
    "*/0 * * * *",
    "@yearly",
    "\u{e9}",
    "\u{65e5}\u{672c}",
    "</script>",
    "]]>",
    "&#0;",
];

/// A source of mutations; the same number gives the same ones.
#[derive(Debug)]
pub struct Mutator {
    random: fastrand::Rng,
}

impl Mutator {
    /// The mutations of a number.
    pub fn new(number: u64) -> Self {
        Self { random: fastrand::Rng::with_seed(number) }
    }

    /// A new input out of one or two seeds.
    pub fn mutate(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let Some(seed) = self.random.choice(seeds) else { return Vec::new() };
        if self.random.bool()
            && let Ok(mut tree) = serde_json::from_slice::<Value>(seed)
        {
            for _ in 0..=self.random.usize(..4) {
                self.tree(&mut tree);
            }
            return serde_json::to_vec(&tree).unwrap_or_default();
        }
        let mut input = seed.clone();
        for _ in 0..=self.random.usize(..4) {
            self.bytes(&mut input, seeds);
        }
        input.truncate(MOST_BYTES);
        input
    }

    fn bytes(&mut self, input: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let at = self.random.usize(..=input.len());
        let end = (at + self.random.usize(..=64)).min(input.len());
        match self.random.u8(..8) {
            0 if at < input.len() => input[at] ^= 1 << self.random.u8(..8),
            1 if at < input.len() => input[at] = self.random.u8(..),
            2 => drop(input.drain(at..end)),
            3 => {
                let piece = input[at..end].to_vec();
                let to = self.random.usize(..=input.len());
                input.splice(to..to, piece);
            }
            4 => {
                let piece = self.piece();
                input.splice(at..at, piece.bytes());
            }
            5 => {
                let piece = self.piece();
                input.splice(at..end, piece.bytes());
            }
            6 => {
                // The start of one and the end of another.
                let other = self.random.choice(seeds).map_or(&[][..], Vec::as_slice);
                let from = self.random.usize(..=other.len());
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            _ => input.truncate(at),
        }
    }

    /// Changes one value of the tree.
    fn tree(&mut self, tree: &mut Value) {
        let mut nodes = count(tree);
        let donor = nth(tree, &mut self.random.usize(..nodes)).cloned().unwrap_or_default();
        nodes = self.random.usize(..nodes);
        let Some(node) = nth_mut(tree, &mut nodes) else { return };
        match self.random.u8(..6) {
            0 => *node = donor,
            1 => *node = self.value(),
            2 => match node {
                Value::Object(fields) => {
                    let name = self.field(fields);
                    fields.remove(&name);
                }
                Value::Array(items) if !items.is_empty() => drop(items.remove(self.random.usize(..items.len()))),
                other => *other = Value::Null,
            },
            3 => match node {
                Value::Object(fields) => {
                    let name = self.field(fields);
                    fields.insert(name, self.value());
                }
                Value::Array(items) => {
                    let copy = self.random.choice(&*items).cloned().unwrap_or(donor);
                    items.extend(std::iter::repeat_n(copy, self.random.usize(1..20)));
                }
                Value::String(text) => text.push_str(self.piece()),
                other => *other = donor,
            },
            4 => match node {
                Value::String(text) => *text = self.piece().repeat(self.random.usize(..200)),
                Value::Number(_) => *node = self.number(),
                Value::Bool(value) => *value = !*value,
                other => *other = self.value(),
            },
            _ => match node {
                Value::Object(fields) => {
                    fields.insert(self.piece().to_owned(), donor);
                }
                other => *other = Value::Array(vec![donor]),
            },
        }
    }

    fn piece(&mut self) -> &'static str {
        self.random.choice(PIECES).copied().unwrap_or_default()
    }

    fn field(&mut self, fields: &Map<String, Value>) -> String {
        let names: Vec<&String> = fields.keys().collect();
        self.random.choice(names).cloned().unwrap_or_default()
    }

    fn number(&mut self) -> Value {
        let numbers = [0, 1, -1, i64::MAX, i64::MIN, 1 << 31, 1 << 53, 86_400];
        self.random.choice(numbers).map_or(Value::Null, Value::from)
    }

    fn value(&mut self) -> Value {
        match self.random.u8(..7) {
            0 => Value::Null,
            1 => Value::Bool(self.random.bool()),
            2 => self.number(),
            3 => Value::from(1e308),
            4 => Value::Array(vec![]),
            5 => Value::Object(Map::new()),
            _ => Value::from(self.piece()),
        }
    }
}

fn count(tree: &Value) -> usize {
    1 + match tree {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

/// The value of that number, counted as [`count`] does.
fn nth<'a>(tree: &'a Value, number: &mut usize) -> Option<&'a Value> {
    if *number == 0 {
        return Some(tree);
    }
    *number -= 1;
    match tree {
        Value::Array(items) => items.iter().find_map(|item| nth(item, number)),
        Value::Object(fields) => fields.values().find_map(|value| nth(value, number)),
        _ => None,
    }
}

fn nth_mut<'a>(tree: &'a mut Value, number: &mut usize) -> Option<&'a mut Value> {
    if *number == 0 {
        return Some(tree);
    }
    *number -= 1;
    match tree {
        Value::Array(items) => items.iter_mut().find_map(|item| nth_mut(item, number)),
        Value::Object(fields) => fields.values_mut().find_map(|value| nth_mut(value, number)),
        _ => None,
    }
}

//! JSON streams read object by object: a list of any length costs the memory of one item.

use super::Take;
use crate::object::{TypeMeta, type_of};
use serde_json::error::Category;
use serde_json::value::RawValue;
use std::io::Read;
use std::sync::Arc;

/// One item may be so large; etcd itself stops at 1.5 MiB.
pub(super) const ITEM_BYTES: usize = 32 << 20;
/// So much is read at a time.
const CHUNK: usize = 256 << 10;

/// Reads every object of a JSON stream: single objects, `List`s, typed lists, arrays of objects.
///
/// `fallback` is the type of items whose list does not name it. Returns how many values were no
/// Kubernetes object.
///
/// # Errors
/// What is wrong and where, without quoting it; objects before that place have been handed out.
pub(super) fn read(input: impl Read, fallback: Option<(&str, &str)>, take: &mut Take<'_>) -> Result<usize, String> {
    let fallback = fallback.map(|(api_version, kind)| Arc::new(TypeMeta::new(api_version, kind)));
    let mut sink = Sink { take, fallback, foreign: 0 };
    let mut text = Text::new(input);
    while let Some(byte) = text.peek()? {
        match byte {
            b'{' => object(&mut text, &mut sink)?,
            b'[' => items(&mut text, &mut sink, None)?,
            _ => {
                let place = text.place();
                text.value(|_| ())?;
                return Err(foreign(&place));
            }
        }
    }
    Ok(sink.foreign)
}

/// What takes the items.
struct Sink<'a, 'b> {
    take: &'a mut Take<'b>,
    fallback: Option<Arc<TypeMeta>>,
    foreign: usize,
}

impl Sink<'_, '_> {
    /// Hands an item on; an error when reading must stop.
    fn item(&mut self, raw: &RawValue, ty: Option<&Arc<TypeMeta>>) -> Result<(), String> {
        match type_of(raw).map(Arc::new).or_else(|| ty.or(self.fallback.as_ref()).cloned()) {
            Some(ty) => (self.take)(&ty, raw),
            None => {
                self.foreign += 1;
                Ok(())
            }
        }
    }
}

/// An object or a list: which of both is known when its `items` come or do not come.
fn object<R: Read>(text: &mut Text<R>, sink: &mut Sink<'_, '_>) -> Result<(), String> {
    let (mut api_version, mut kind) = (String::new(), String::new());
    let mut listed = false;
    // An object that turns out to be no list is put together again from its fields.
    let mut fields: Vec<(String, Box<RawValue>)> = Vec::new();
    text.sequence(b'}', |text| {
        let key = text.key()?;
        match key.as_str() {
            "items" => {
                let name = kind.strip_suffix("List").unwrap_or_default();
                let ty =
                    (!name.is_empty() && !api_version.is_empty()).then(|| Arc::new(TypeMeta::new(&api_version, name)));
                listed = true;
                items(text, sink, ty.as_ref())
            }
            _ if listed => text.value(|_| ()),
            _ => {
                let value = text.value(RawValue::to_owned)?;
                match key.as_str() {
                    "apiVersion" => api_version = serde_json::from_str(value.get()).unwrap_or_default(),
                    "kind" => kind = serde_json::from_str(value.get()).unwrap_or_default(),
                    _ => {}
                }
                fields.push((key, value));
                Ok(())
            }
        }
    })?;
    if listed {
        return Ok(());
    }
    let mut whole = String::from("{");
    for (index, (key, value)) in fields.iter().enumerate() {
        if index > 0 {
            whole.push(',');
        }
        whole.push_str(&serde_json::Value::from(key.as_str()).to_string());
        whole.push(':');
        whole.push_str(value.get());
    }
    whole.push('}');
    drop(fields);
    let raw = RawValue::from_string(whole).map_err(|_| foreign(&text.place()))?;
    text.since = 0;
    sink.item(&raw, None)
}

/// The items of a list; null where Go had none.
fn items<R: Read>(text: &mut Text<R>, sink: &mut Sink<'_, '_>, ty: Option<&Arc<TypeMeta>>) -> Result<(), String> {
    if text.peek()? != Some(b'[') {
        let place = text.place();
        let is_null = text.value(|raw| raw.get() == "null")?;
        return if is_null { Ok(()) } else { Err(foreign(&place)) };
    }
    text.sequence(b']', |text| {
        let outcome = text.value(|raw| sink.item(raw, ty))?;
        text.since = 0;
        outcome
    })
}

/// A stream of JSON, of which a window is in memory.
struct Text<R> {
    input: R,
    /// What was read and is still needed, from `at` on.
    window: Vec<u8>,
    at: usize,
    is_whole: bool,
    /// Why nothing more can be read; told when what came before it has been handed out.
    broken: Option<String>,
    /// Bytes since the last item: one that has no end must not fill the memory.
    since: usize,
    /// Where `at` is, from 1 and from 0.
    line: usize,
    column: usize,
}

impl<R: Read> Text<R> {
    const fn new(input: R) -> Self {
        Self { input, window: Vec::new(), at: 0, is_whole: false, broken: None, since: 0, line: 1, column: 0 }
    }

    /// Reads on: as much again as is in the window, so that a value is not looked at again and again.
    fn fill(&mut self) -> Result<(), String> {
        if let Some(broken) = self.broken.take() {
            return Err(broken);
        }
        self.window.drain(..self.at);
        self.at = 0;
        if self.window.len() > ITEM_BYTES {
            return Err(too_large());
        }
        let wanted = self.window.len().max(CHUNK);
        match (&mut self.input).take(wanted as u64).read_to_end(&mut self.window) {
            Ok(read) => self.is_whole = read < wanted,
            Err(error) => self.broken = Some(error.to_string()),
        }
        Ok(())
    }

    /// The next byte that is not blank; `None` at the end.
    fn peek(&mut self) -> Result<Option<u8>, String> {
        loop {
            let rest = &self.window[self.at..];
            let blank = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count();
            let next = rest.get(blank).copied();
            self.pass(blank);
            if next.is_some() || self.is_whole {
                return Ok(next);
            }
            self.fill()?;
        }
    }

    /// Leaves bytes behind.
    fn pass(&mut self, bytes: usize) {
        let passed = &self.window[self.at..self.at + bytes];
        match memchr::memrchr(b'\n', passed) {
            None => self.column += bytes,
            Some(last) => {
                self.line += memchr::memchr_iter(b'\n', passed).count();
                self.column = bytes - last - 1;
            }
        }
        self.at += bytes;
    }

    /// Takes a byte that must come next.
    fn expect(&mut self, wanted: u8) -> Result<(), String> {
        match self.peek()? {
            Some(byte) if byte == wanted => {
                self.pass(1);
                Ok(())
            }
            Some(_) => Err(format!("not JSON at {}", self.place())),
            None => Err(self.cut()),
        }
    }

    /// Everything between two brackets, of which the first comes next: `one` reads what stands between commas.
    fn sequence(&mut self, end: u8, mut one: impl FnMut(&mut Self) -> Result<(), String>) -> Result<(), String> {
        self.pass(1);
        if self.peek()? == Some(end) {
            self.pass(1);
            return Ok(());
        }
        loop {
            one(self)?;
            if self.peek()? == Some(end) {
                self.pass(1);
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    /// A key and the colon behind it.
    fn key(&mut self) -> Result<String, String> {
        let place = self.place();
        let key = self.value(|raw| serde_json::from_str::<String>(raw.get()))?;
        self.expect(b':')?;
        key.map_err(|_| format!("not JSON at {place}"))
    }

    /// What `visit` makes of the next value; it is called once.
    fn value<T>(&mut self, mut visit: impl FnMut(&RawValue) -> T) -> Result<T, String> {
        self.peek()?;
        loop {
            let rest = &self.window[self.at..];
            let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<&RawValue>();
            let next = values.next();
            let bytes = values.byte_offset();
            match next {
                // What ends with the window may go on behind it, as a number does.
                Some(Ok(raw)) if self.is_whole || bytes < rest.len() => {
                    let visited = visit(raw);
                    self.since += bytes;
                    if self.since > ITEM_BYTES {
                        return Err(too_large());
                    }
                    self.pass(bytes);
                    return Ok(visited);
                }
                Some(Err(error)) if self.is_whole || error.classify() != Category::Eof => {
                    return Err(self.describe(&error));
                }
                None if self.is_whole => return Err(self.cut()),
                _ => self.fill()?,
            }
        }
    }

    /// serde's message without the value that it may quote.
    fn describe(&self, error: &serde_json::Error) -> String {
        let (line, column) = match error.line() {
            0 | 1 => (self.line, self.column + error.column()),
            line => (self.line + line - 1, error.column()),
        };
        match error.classify() {
            Category::Eof => format!("the JSON ends too early, at line {line} column {column}"),
            _ => format!("not JSON at line {line} column {column}"),
        }
    }

    fn cut(&self) -> String {
        format!("the JSON ends too early, at line {} column {}", self.line, self.column)
    }

    fn place(&self) -> String {
        format!("line {} column {}", self.line, self.column + 1)
    }
}

fn too_large() -> String {
    format!("one item is larger than {} MiB", ITEM_BYTES >> 20)
}

fn foreign(place: &str) -> String {
    format!("not a Kubernetes object or list at {place}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{Decoded, decode_typed};
    use std::io;

    fn names(text: &str, fallback: Option<(&str, &str)>) -> Result<(Vec<String>, usize), String> {
        let mut names = Vec::new();
        let foreign = read(text.as_bytes(), fallback, &mut |ty, raw| {
            if let Decoded::Object(object) = decode_typed(ty, raw) {
                names.push(object.reference().to_string());
            }
            Ok(())
        })?;
        Ok((names, foreign))
    }

    const POD: &str = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}"#;

    #[test]
    fn every_shape_of_json_is_read() {
        for text in [
            POD.to_owned(),
            format!("{POD}\n{POD}"),
            format!("[{POD}]"),
            format!(r#"{{"apiVersion":"v1","items":[{POD}],"kind":"List"}}"#),
            r#"{"kind":"PodList","apiVersion":"v1","metadata":{},"items":[{"metadata":{"name":"a"}}]}"#.to_owned(),
        ] {
            let (names, foreign) = names(&text, None).expect("read");
            assert!(!names.is_empty() && names.iter().all(|name| name == "Pod/a"), "{text}: {names:?}");
            assert_eq!(foreign, 0);
        }
        let untyped = r#"{"items":[{"metadata":{"name":"a"}}]}"#;
        assert_eq!(names(untyped, Some(("v1", "Pod"))).expect("read").0, ["Pod/a"]);
        assert_eq!(names(untyped, None).expect("read").1, 1);
    }

    #[test]
    fn broken_json_says_where_and_not_what() {
        let error = names(r#"{"apiVersion":"v1","kind":"Secret","data":{"k":"CANARY"#, None).expect_err("cut");
        assert!(error.contains("ends too early") && !error.contains("CANARY"), "{error}");
        let error = names(r#"{"apiVersion":"v1" CANARY"#, None).expect_err("syntax");
        assert!(error.contains("not JSON at line 1") && !error.contains("CANARY"), "{error}");
    }

    /// Hands out a byte at a time, as a slow pipe may.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(buffer.len()).min(1);
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    #[test]
    fn items_that_cross_windows_are_whole() {
        let item = |number: usize| {
            format!(
                r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"p{number}","x":"{}"}}}}"#,
                "é\\n".repeat(number % 700)
            )
        };
        let count = 3 * CHUNK / 1000;
        let all: Vec<String> = (0..count).map(item).collect();
        let list = format!("{{\"kind\":\"List\",\n\"items\" : [\n{}\n] ,\"metadata\":{{}} }} 12", all.join(" ,\n"));
        let mut found = Vec::new();
        let mut take = |_: &Arc<TypeMeta>, raw: &RawValue| {
            found.push(raw.get().to_owned());
            Ok(())
        };
        let error = read(Slow(list.as_bytes()), None, &mut take).expect_err("12 is no object");
        assert_eq!(found, all);
        assert_eq!(error, format!("not a Kubernetes object or list at line {} column 20", count + 3));
    }

    #[test]
    fn what_came_before_a_broken_end_is_handed_out() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("the disk is gone"))
            }
        }
        let text = format!("{POD}\n{POD}\n{{\"kind\"");
        let mut count = 0;
        let mut take = |_: &Arc<TypeMeta>, _: &RawValue| {
            count += 1;
            Ok(())
        };
        let error = read(text.as_bytes().chain(Broken), None, &mut take).expect_err("broken");
        assert_eq!((count, error.as_str()), (2, "the disk is gone"));
    }

    #[test]
    fn what_is_no_json_is_told_with_its_place() {
        for (text, wanted) in [
            ("{\"items\":[{}\n,,{}]}", "not JSON at line 2 column 2"),
            ("{\"items\":[{}\n{}]}", "not JSON at line 2 column 1"),
            ("{\"items\":[{}", "the JSON ends too early, at line 1 column 12"),
            ("{\"items\":{}}", "not a Kubernetes object or list at line 1 column 10"),
            ("{\"a\" 5}", "not JSON at line 1 column 6"),
            ("{5:5}", "not JSON at line 1 column 2"),
            ("{\"a\":1}}", "not JSON at line 1 column 8"),
            ("\n5", "not a Kubernetes object or list at line 2 column 1"),
            ("{\"a\":\"\u{1}\"}", "not JSON at line 1 column 6"),
        ] {
            assert_eq!(read(text.as_bytes(), None, &mut |_, _| Ok(())).expect_err(text), wanted, "{text}");
        }
        let latin = b"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"x\":\"\xff\"}";
        assert!(read(&latin[..], None, &mut |_, _| Ok(())).expect_err("no UTF-8").starts_with("not JSON"));
    }

    #[test]
    fn an_endless_item_is_refused() {
        let field = format!("\"a\":\"{}\",", "x".repeat(10_000));
        for (start, endless) in [("{\"a\":\"", "x"), ("", "{\"a\":"), ("{", &field)] {
            let input = start.as_bytes().chain(Endless(endless.as_bytes(), 0));
            let error = read(input, None, &mut |_, _| Ok(())).expect_err("too large");
            assert!(error.contains("larger than 32 MiB"), "{start}{endless}: {error}");
        }
    }

    /// A text again and again.
    struct Endless<'a>(&'a [u8], usize);

    impl Read for Endless<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            for byte in &mut *buffer {
                *byte = self.0[self.1 % self.0.len()];
                self.1 += 1;
            }
            Ok(buffer.len())
        }
    }

    #[test]
    fn deep_nesting_is_no_stack_overflow() {
        let deep =
            format!(r#"{{"apiVersion":"v1","kind":"X","spec":{}1{}}}"#, "[".repeat(200_000), "]".repeat(200_000));
        let (names, _) = names(&deep, None).expect("read");
        assert_eq!(names, ["X/"]);
    }
}

//! JSON streams read object by object: a list of any length costs the memory of one item.

use super::Take;
use crate::object::{TypeMeta, type_of};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, Read};
use std::rc::Rc;
use std::sync::Arc;

/// One item may be so large; etcd itself stops at 1.5 MiB.
pub(super) const ITEM_BYTES: usize = 32 << 20;

/// Counts bytes since the last item, so that one endless line cannot fill the memory.
struct Metered<R> {
    inner: R,
    used: Rc<Cell<usize>>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let used = self.used.get().saturating_add(read);
        self.used.set(used);
        if used > ITEM_BYTES {
            return Err(io::Error::other(format!("one item is larger than {} MiB", ITEM_BYTES >> 20)));
        }
        Ok(read)
    }
}

/// Reads every object of a JSON stream: single objects, `List`s, typed lists, arrays of objects.
///
/// `fallback` is the type of items whose list does not name it. Returns how many values were no
/// Kubernetes object.
///
/// # Errors
/// What is wrong and where, without quoting it; objects before that place have been handed out.
pub(super) fn read(input: impl BufRead, fallback: Option<(&str, &str)>, take: &mut Take<'_>) -> Result<usize, String> {
    let used = Rc::new(Cell::new(0));
    // By value: the standard library reads single bytes fast from a buffer, but not through a reference to one.
    let mut json =
        serde_json::Deserializer::from_reader(io::BufReader::new(Metered { inner: input, used: Rc::clone(&used) }));
    let fallback = fallback.map(|(api_version, kind)| Arc::new(TypeMeta::new(api_version, kind)));
    let mut foreign = 0;
    let mut stopped = None;
    // What cannot be read is told by the value that should stand there.
    while json.end().is_err() {
        let mut sink =
            Sink { take, fallback: fallback.clone(), used: &used, foreign: &mut foreign, stopped: &mut stopped };
        let outcome = Top(&mut sink).deserialize(&mut json);
        if let Some(reason) = stopped.take() {
            return Err(reason);
        }
        outcome.map_err(|error| describe(&error))?;
        used.set(0);
    }
    Ok(foreign)
}

/// serde's message without the value that it may quote.
fn describe(error: &serde_json::Error) -> String {
    use serde_json::error::Category;
    let place = format!("line {} column {}", error.line(), error.column());
    match error.classify() {
        Category::Eof => format!("the JSON ends too early, at {place}"),
        Category::Io => error.to_string(),
        Category::Syntax => format!("not JSON at {place}"),
        Category::Data => format!("not a Kubernetes object or list at {place}"),
    }
}

struct Sink<'a, 'b> {
    take: &'a mut Take<'b>,
    fallback: Option<Arc<TypeMeta>>,
    used: &'a Rc<Cell<usize>>,
    foreign: &'a mut usize,
    stopped: &'a mut Option<String>,
}

impl Sink<'_, '_> {
    /// Hands an item on; false when reading must stop.
    fn item(&mut self, raw: &RawValue, ty: Option<&Arc<TypeMeta>>) -> bool {
        self.used.set(0);
        let named = type_of(raw).map(Arc::new).or_else(|| ty.or(self.fallback.as_ref()).cloned());
        match named {
            Some(ty) => match (self.take)(&ty, raw) {
                Ok(()) => true,
                Err(reason) => {
                    *self.stopped = Some(reason);
                    false
                }
            },
            None => {
                *self.foreign += 1;
                true
            }
        }
    }
}

/// The outermost value: an object, a list, or an array of objects.
struct Top<'a, 'b, 'c>(&'c mut Sink<'a, 'b>);

impl<'de> DeserializeSeed<'de> for Top<'_, '_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Top<'_, '_, '_> {
    type Value = ();
    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object or a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        Items { sink: self.0, ty: None }.visit_seq(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (mut api_version, mut kind) = (String::new(), String::new());
        let mut listed = false;
        // An object that turns out to be no list is put together again from its fields.
        let mut fields: Vec<(String, Box<RawValue>)> = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "items" => {
                    let name = kind.strip_suffix("List").unwrap_or_default();
                    let ty = (!name.is_empty() && !api_version.is_empty())
                        .then(|| Arc::new(TypeMeta::new(&api_version, name)));
                    map.next_value_seed(Items { sink: self.0, ty })?;
                    listed = true;
                }
                _ if listed => {
                    map.next_value::<IgnoredAny>()?;
                }
                _ => {
                    let value: Box<RawValue> = map.next_value()?;
                    match key.as_str() {
                        "apiVersion" => api_version = serde_json::from_str(value.get()).unwrap_or_default(),
                        "kind" => kind = serde_json::from_str(value.get()).unwrap_or_default(),
                        _ => {}
                    }
                    fields.push((key, value));
                }
            }
        }
        if listed {
            return Ok(());
        }
        let mut text = String::from("{");
        for (index, (key, value)) in fields.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            text.push_str(&serde_json::Value::from(key.as_str()).to_string());
            text.push(':');
            text.push_str(value.get());
        }
        text.push('}');
        drop(fields);
        let raw = RawValue::from_string(text).map_err(serde::de::Error::custom)?;
        if self.0.item(&raw, None) { Ok(()) } else { Err(serde::de::Error::custom("stopped")) }
    }
}

/// The items of a list.
struct Items<'a, 'b, 'c> {
    sink: &'c mut Sink<'a, 'b>,
    ty: Option<Arc<TypeMeta>>,
}

impl<'de> DeserializeSeed<'de> for Items<'_, '_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Items<'_, '_, '_> {
    type Value = ();
    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list of objects")
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(raw) = list.next_element::<Box<RawValue>>()? {
            if !self.sink.item(&raw, self.ty.as_ref()) {
                return Err(serde::de::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{Decoded, decode_typed};

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

    #[test]
    fn an_endless_item_is_refused() {
        let endless = io::BufReader::new(io::Cursor::new(b"{\"a\":\"").chain(io::repeat(b'x')));
        let error = read(endless, None, &mut |_, _| Ok(())).expect_err("too large");
        assert!(error.contains("larger than 32 MiB"), "{error}");
    }

    #[test]
    fn deep_nesting_is_no_stack_overflow() {
        let deep =
            format!(r#"{{"apiVersion":"v1","kind":"X","spec":{}1{}}}"#, "[".repeat(200_000), "]".repeat(200_000));
        let (names, _) = names(&deep, None).expect("read");
        assert_eq!(names, ["X/"]);
    }
}

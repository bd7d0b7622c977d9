//! Who last set what holds an object's controller off: the one thing that is kept of `metadata.managedFields`.

use super::{Sym, When};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// A field manager, and when it wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    /// Its name.
    pub manager: Sym,
    /// When.
    pub time: When,
}

/// The last manager that set `spec.suspend`, `spec.paused` or a pause annotation. managedFields are most of an object's
/// bytes; all else of them is skipped, and an object that nothing ever held costs one pointer.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Touched(Option<Box<Touch>>);

impl Touched {
    /// Who and when; `None` where nobody did, or the source leaves managedFields out.
    pub fn last(&self) -> Option<&Touch> {
        self.0.as_deref()
    }
}

/// Paths in `fieldsV1` that lead to what is looked for: names of fields, and a test for the last one.
fn is_step(depth: usize, parent: Parent, key: &str) -> Option<Parent> {
    match (depth, parent, key) {
        (0, _, "f:spec") => Some(Parent::Spec),
        (0, _, "f:metadata") => Some(Parent::Metadata),
        (1, Parent::Spec, "f:suspend" | "f:paused") => Some(Parent::Found),
        (1, Parent::Metadata, "f:annotations") => Some(Parent::Annotations),
        (2, Parent::Annotations, key) if is_pause(key) => Some(Parent::Found),
        _ => None,
    }
}

fn is_pause(key: &str) -> bool {
    let Some(key) = key.strip_prefix("f:") else { return false };
    matches!(
        key,
        "strimzi.io/pause-reconciliation"
            | "kustomize.toolkit.fluxcd.io/reconcile"
            | "fluxcd.controlplane.io/reconcile"
            | "source.extensions.fluxcd.io/reconcile"
            | "autoscaling.keda.sh/paused"
            | "autoscaling.keda.sh/paused-replicas"
    )
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parent {
    Root,
    Spec,
    Metadata,
    Annotations,
    Found,
}

/// Whether a `fieldsV1` tree holds one of the paths.
struct Holds(usize, Parent);

impl<'de> DeserializeSeed<'de> for Holds {
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<bool, D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Holds {
    type Value = bool;
    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a tree of fields")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(key) = map.next_key::<Key<'de>>()? {
            match is_step(self.0, self.1, &key.0) {
                Some(Parent::Found) => {
                    map.next_value::<IgnoredAny>()?;
                    found = true;
                }
                Some(next) => found |= map.next_value_seed(Self(self.0 + 1, next))?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }
    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_str<E>(self, _: &str) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(false)
    }
}

/// A key, borrowed where the input allows.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a key")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        input.deserialize_str(Text)
    }
}

#[derive(Default, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Entry {
    #[serde(deserialize_with = "super::record::nullable")]
    manager: Sym,
    #[serde(deserialize_with = "super::record::nullable")]
    time: When,
    #[serde(rename = "fieldsV1", deserialize_with = "holds")]
    fields: bool,
}

fn holds<'de, D: Deserializer<'de>>(input: D) -> Result<bool, D::Error> {
    Holds(0, Parent::Root).deserialize(input)
}

impl<'de> Deserialize<'de> for Touched {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Touched;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("managedFields")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Touched, A::Error> {
                let mut last: Option<Touch> = None;
                while let Some(entry) = list.next_element::<Entry>()? {
                    if entry.fields && last.as_ref().is_none_or(|last| entry.time.get() >= last.time.get()) {
                        last = Some(Touch { manager: entry.manager, time: entry.time });
                    }
                }
                Ok(Touched(last.map(Box::new)))
            }
            // What is no list tells nothing, and hides no object.
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Touched, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Touched::default())
            }
            fn visit_str<E>(self, _: &str) -> Result<Touched, E> {
                Ok(Touched::default())
            }
            fn visit_u64<E>(self, _: u64) -> Result<Touched, E> {
                Ok(Touched::default())
            }
            fn visit_bool<E>(self, _: bool) -> Result<Touched, E> {
                Ok(Touched::default())
            }
        }
        input.deserialize_any(List)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Meta;

    #[test]
    fn the_last_who_held_it_is_kept_and_nothing_else() {
        let meta: Meta = serde_json::from_str(
            r#"{"name": "x", "managedFields": [
                {"manager": "kustomize-controller", "operation": "Apply", "time": "2026-11-01T00:00:00Z",
                 "fieldsV1": {"f:metadata": {"f:labels": {"f:suspend": {}}}, "f:spec": {"f:interval": {}, "f:template": {"f:suspend": {}}}}},
                {"manager": "flux", "time": "2026-11-14T16:47:20Z", "fieldsV1": {"f:spec": {"f:suspend": {}}}},
                {"manager": "older", "time": "2026-11-02T00:00:00Z", "fieldsV1": {"f:spec": {"f:suspend": {}}}},
                {"manager": "odd", "fieldsV1": null}]}"#,
        )
        .expect("meta");
        let last = meta.managed_fields.last().expect("somebody");
        assert_eq!(
            (&*last.manager, last.time.get().map(|t| t.to_string()).as_deref()),
            ("flux", Some("2026-11-14T16:47:20Z"))
        );
    }

    #[test]
    fn annotations_count_and_odd_shapes_do_not() {
        let touched = |fields: &str| {
            let text = format!(r#"{{"managedFields": [{{"manager": "k9s", "fieldsV1": {fields}}}]}}"#);
            let meta: Meta = serde_json::from_str(&text).expect("meta");
            meta.managed_fields.last().is_some()
        };
        assert!(touched(r#"{"f:metadata":{"f:annotations":{".":{},"f:strimzi.io/pause-reconciliation":{}}}}"#));
        assert!(!touched(r#"{"f:metadata":{"f:annotations":{"f:other":{}}}}"#));
        for odd in ["null", "1", "-1", "1.5", "true", "\"f:spec\"", "[]", r#"{"f:spec":[{"f:suspend":{}}]}"#] {
            assert!(!touched(odd), "{odd}");
        }
        assert!(
            serde_json::from_str::<Meta>(r#"{"managedFields": null}"#).expect("meta").managed_fields.last().is_none()
        );
    }
}

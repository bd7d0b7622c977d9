//! A thread that decodes pages, so that the next one arrives meanwhile.

use super::ClusterError;
use crate::object::{TypeMeta, field};
use futures::FutureExt as _;
use futures::channel::oneshot;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock, mpsc};

/// What a reader makes of one item of a list; `None` where nothing is kept of it.
pub type DecodeItem<T> = fn(&Arc<TypeMeta>, &RawValue) -> Option<T>;

/// A page to decode, with whom to answer.
type Job = Box<dyn FnOnce() + Send>;

/// The thread, started at the first page. One for all lists of a connection: their records share
/// their strings there. It ends when the last clone of this is dropped.
#[derive(Clone, Default)]
pub(super) struct Decoder {
    jobs: Arc<OnceLock<mpsc::Sender<Job>>>,
}

fn start() -> mpsc::Sender<Job> {
    let (jobs, inbox) = mpsc::channel::<Job>();
    std::thread::spawn(move || inbox.into_iter().for_each(|job| job()));
    jobs
}

impl Decoder {
    /// The records of a page of objects of this type; see [`Decoder::run`].
    ///
    /// # Errors
    /// When the page is no list.
    pub(super) fn decode<T: Send + 'static>(
        &self,
        ty: &Arc<TypeMeta>,
        page: Vec<u8>,
        decode: DecodeItem<T>,
    ) -> impl Future<Output = Result<Vec<T>, ClusterError>> + use<T> {
        let kind = Arc::clone(ty);
        self.run(move || self::decode(&kind, &page, decode)).map(Result::flatten)
    }

    /// Does some work on the thread, after all that was given to it before. It is given at once, waited for or not.
    ///
    /// # Errors
    /// When the thread is gone.
    pub(super) fn run<T: Send + 'static, W: FnOnce() -> T + Send + 'static>(
        &self,
        work: W,
    ) -> impl Future<Output = Result<T, ClusterError>> + use<T, W> {
        let (answer, done) = oneshot::channel();
        let gone = |_| ClusterError::BadAnswer("reading an answer was given up".to_owned());
        let job: Job = Box::new(move || {
            // Nobody waits any more when the run was given up.
            let _ = answer.send(work());
        });
        // Where the thread is gone, the answer's other end goes with the job.
        let _ = self.jobs.get_or_init(start).send(job);
        done.map(move |done| done.map_err(gone))
    }
}

fn decode<T>(ty: &Arc<TypeMeta>, page: &[u8], decode: DecodeItem<T>) -> Result<Vec<T>, ClusterError> {
    let mut records = Vec::new();
    each(ty, page, &mut |item| {
        records.extend(decode(ty, item));
        Ok(())
    })?;
    // Records are small and stay, and a page may have had room for twice as many.
    records.shrink_to_fit();
    Ok(records)
}

/// Reads a page of objects of this type, item by item: none but the one that is taken is in memory beside the page.
/// Where this ends with an error, items may have been taken before.
///
/// # Errors
/// When it is no list of them, or the first that an item was not taken for.
pub(super) fn each<'p, I: Deserialize<'p>>(
    ty: &TypeMeta,
    page: &'p [u8],
    take: &mut dyn FnMut(I) -> Result<(), ClusterError>,
) -> Result<(), ClusterError> {
    let mut items = Items { take, is_list: false, refused: None };
    let mut kind: Option<Cow<'p, str>> = None;
    let broken = |line: usize, column: usize| {
        ClusterError::BadAnswer(format!("no list of {} at line {line} column {column}", ty.kind))
    };
    let page = std::str::from_utf8(page).map_err(|error| broken(1, error.valid_up_to()))?;
    let mut json = serde_json::Deserializer::from_str(page);
    let read = json.deserialize_map(Page { items: &mut items, kind: &mut kind }).and_then(|()| json.end());
    let Items { is_list, refused, .. } = items;
    if let Some(refused) = refused {
        return Err(refused);
    }
    read.map_err(|error| broken(error.line(), error.column()))?;
    if let Some(other) = kind.filter(|kind| !may_be(kind, ty)) {
        let other: String = other.chars().take(100).collect();
        return Err(ClusterError::BadAnswer(format!("a {other} in the place of a list of {}", ty.kind)));
    }
    if is_list { Ok(()) } else { Err(ClusterError::BadAnswer(format!("no list of {}", ty.kind))) }
}

#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum PageField {
    Kind,
    Items,
    #[serde(other)]
    Other,
}

/// Reads a page.
struct Page<'a, 't, 'p, I> {
    items: &'a mut Items<'t, I>,
    kind: &'a mut Option<Cow<'p, str>>,
}

impl<'p, I: Deserialize<'p>> Visitor<'p> for Page<'_, '_, 'p, I> {
    type Value = ();
    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list")
    }
    fn visit_map<A: MapAccess<'p>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(field) = fields.next_key()? {
            match field {
                PageField::Kind => *self.kind = fields.next_value()?,
                PageField::Items => fields.next_value_seed(&mut *self.items)?,
                PageField::Other => fields.next_value::<IgnoredAny>().map(|_| ())?,
            }
        }
        Ok(())
    }
}

/// Reads the items of a page.
struct Items<'t, I> {
    take: &'t mut dyn FnMut(I) -> Result<(), ClusterError>,
    is_list: bool,
    refused: Option<ClusterError>,
}

impl<'p, I: Deserialize<'p>> DeserializeSeed<'p> for &mut Items<'_, I> {
    type Value = ();
    fn deserialize<D: Deserializer<'p>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_any(self)
    }
}

impl<'p, I: Deserialize<'p>> Visitor<'p> for &mut Items<'_, I> {
    type Value = ();
    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("items")
    }
    fn visit_seq<A: SeqAccess<'p>>(self, mut list: A) -> Result<(), A::Error> {
        self.is_list = true;
        while let Some(item) = list.next_element()? {
            if let Err(refused) = (self.take)(item) {
                self.refused = Some(refused);
                return Err(A::Error::custom("an item was not taken"));
            }
        }
        Ok(())
    }
    // An empty list of metadata, as Go writes it.
    fn visit_unit<E>(self) -> Result<(), E> {
        self.is_list = true;
        Ok(())
    }
}

/// Whether a list of this kind may be one of `ty`. A definition names its list's kind itself, so of
/// custom kinds any will do; built-in groups (those without a dot) have fixed ones.
fn may_be(list: &str, ty: &TypeMeta) -> bool {
    matches!(list, "List" | "PartialObjectMetadataList")
        || list.strip_suffix("List").is_some_and(|kind| kind == &*ty.kind || ty.group.contains('.'))
}

/// What a page says of its list.
#[derive(serde::Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ListMeta {
    pub(super) r#continue: Option<String>,
    pub(super) resource_version: Option<String>,
}

impl ListMeta {
    /// What leads to the next page; `None` on the last one.
    pub(super) fn token(&self) -> Option<&str> {
        self.r#continue.as_deref().filter(|token| !token.is_empty())
    }
}

/// What a page says of its list. The API server writes it before the items, so that only the page's
/// head is read here.
pub(super) fn list_meta(page: &[u8]) -> ListMeta {
    list_head(page).unwrap_or_default()
}

/// As [`list_meta`], of as much of a page as is there; `None` where that says nothing yet.
pub(super) fn list_head(page: &[u8]) -> Option<ListMeta> {
    field(serde_json::Deserializer::from_slice(page), "metadata")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_in_the_head() {
        for (page, want) in [
            (
                r#"{"kind":"PodList","metadata":{"resourceVersion":"1","continue":"a+\u00e9"},"items":[{"x":1}]}"#,
                Some("a+é"),
            ),
            (r#"{"metadata":{"continue":"t"},"items":[{"#, Some("t")),
            (r#"{"items":[{"metadata":{"continue":"no"}}],"metadata":{"continue":"late"}}"#, Some("late")),
            (r#"{"metadata":{"continue":""},"items":[]}"#, None),
            (r#"{"metadata":null,"items":[]}"#, None),
            ("[]", None),
            ("", None),
        ] {
            assert_eq!(list_meta(page.as_bytes()).token(), want, "{page}");
        }
    }

    #[test]
    fn a_page_that_is_no_list_is_an_error() {
        let keep: DecodeItem<()> = |_, _| Some(());
        let ty = Arc::new(TypeMeta::new("v1", "Pod"));
        for page in ["", "[]", "{}", r#"{"items":5}"#, r#"{"items":[{]}"#] {
            assert!(decode(&ty, page.as_bytes(), keep).is_err(), "{page}");
        }
        assert!(decode(&ty, br#"{"items":null}"#, keep).is_ok_and(|records| records.is_empty()));
    }

    #[test]
    fn a_list_of_another_kind_is_an_error() {
        let keep: DecodeItem<()> = |_, _| Some(());
        let kinds = |ty: TypeMeta| {
            let ty = Arc::new(ty);
            ["PodList", "List", "PartialObjectMetadataList", "ServiceList", "ThingCollectionList", "Status", "Table"]
                .map(|kind| decode(&ty, format!(r#"{{"kind":"{kind}","items":[{{}}]}}"#).as_bytes(), keep).is_ok())
        };
        assert_eq!(kinds(TypeMeta::new("v1", "Pod")), [true, true, true, false, false, false, false]);
        // Its definition may call the list as it likes.
        assert_eq!(kinds(TypeMeta::new("example.org/v1", "Thing")), [true, true, true, true, true, false, false]);
    }
}

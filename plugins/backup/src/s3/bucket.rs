//! A bucket: what is in it, parts of objects, new objects, and objects that go.

use super::told::Told;
use super::wire::{Answer, Ask, Refused, Wire};
use super::worker::Worker;
use super::xml::texts;
use super::{Address, S3Args};
use http::header::{CONTENT_LENGTH, ETAG, HeaderName, IF_MATCH, IF_NONE_MATCH, RANGE};
use http::{HeaderMap, Method, StatusCode};
use mlops_shared::cli::Failure;
use std::sync::Arc;

/// So many pages of a listing are read: a prefix with more keys is no place for backups.
const PAGES: usize = 1_000;

/// A bucket of a server.
#[derive(Debug)]
pub(crate) struct Bucket {
    worker: Worker,
    wire: Arc<Wire>,
    name: String,
    endpoint: String,
}

/// An object of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// The last part of its key.
    pub(crate) name: String,
    pub(crate) bytes: u64,
}

/// What a server says of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) bytes: u64,
    /// Of its content.
    pub(crate) tag: Option<String>,
}

/// Whether what is written may take the place of another object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// It must be free.
    Free,
    /// It may be another's.
    Any,
}

/// A page of a listing.
#[derive(Debug, Default)]
struct Page {
    is_one: bool,
    is_encoded: bool,
    listed: Vec<(String, u64)>,
    next: Option<String>,
}

impl Bucket {
    /// Prepares to ask; nothing is contacted yet.
    ///
    /// # Errors
    /// When the flags, the environment or a profile do not say how.
    pub(crate) fn new(flags: &S3Args, name: &str) -> Result<Self, Failure> {
        let server = flags.server()?;
        let endpoint = server.endpoint.clone().unwrap_or_else(|| format!("https://s3.{}.amazonaws.com", server.region));
        let wire = Wire::new(server, &endpoint, name)?;
        Ok(Self { worker: Worker::new()?, wire: Arc::new(wire), name: name.to_owned(), endpoint })
    }

    /// The address of a key.
    pub(crate) fn address(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.name)
    }

    /// Asks until it is answered or interrupted.
    ///
    /// # Errors
    /// The outer one when it is interrupted, the inner one when it is refused.
    pub(super) fn ask(&self, ask: Ask) -> Result<Result<Answer, Refused>, Failure> {
        let wire = Arc::clone(&self.wire);
        self.worker.ask(async move { wire.ask(&ask).await })
    }

    /// Asks until it is answered, whoever interrupts; `None` where nobody can ask any more.
    pub(super) fn insist(&self, ask: Ask) -> Option<Result<Answer, Refused>> {
        let wire = Arc::clone(&self.wire);
        self.worker.run(async move { wire.ask(&ask).await })
    }

    /// The failure to do this (`read`, `write`) to a key, by what the server said.
    pub(super) fn failure(&self, told: &Told, verb: &str, key: &str) -> Failure {
        told.failure(&format!("{verb} {}", self.address(key)), &self.name, &self.endpoint)
    }

    /// Size and tag of an object; `None` where there is none.
    ///
    /// # Errors
    /// When the server does not answer, or refuses.
    pub(crate) fn look(&self, key: &str) -> Result<Option<About>, Failure> {
        let Some(answer) = self.head(key, Told::is_missing)? else { return Ok(None) };
        let bytes = text(&answer.headers, &CONTENT_LENGTH).and_then(|length| length.parse().ok());
        let tag = text(&answer.headers, &ETAG).map(str::to_owned);
        let bytes = bytes.ok_or_else(|| self.failure(&Told::Foreign, "look at", key))?;
        Ok(Some(About { bytes, tag }))
    }

    /// As [`Bucket::look`], where not to be allowed to know is no fault: who only writes needs not.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(crate) fn is_there(&self, key: &str) -> Result<bool, Failure> {
        Ok(self.head(key, |told| told.is_missing() || told.is_forbidden())?.is_some())
    }

    /// The head of an object; `None` where the refusal stands for that there is none.
    fn head(&self, key: &str, is_absent: impl Fn(&Told) -> bool) -> Result<Option<Answer>, Failure> {
        match self.ask(Ask::new(Method::HEAD, key))? {
            Ok(answer) => Ok(Some(answer)),
            Err(Refused { told, .. }) if is_absent(&told) => Ok(None),
            Err(Refused { told, .. }) => Err(self.failure(&told, "look at", key)),
        }
    }

    /// Whether an upload with this mark is what lies there: an answer that was lost may have been a success.
    pub(super) fn is_ours(&self, key: &str, mark: &str) -> bool {
        let found = self.insist(Ask::new(Method::HEAD, key)).and_then(Result::ok);
        found.is_some_and(|answer| text(&answer.headers, &super::upload::MARK) == Some(mark))
    }

    /// A part of an object, which must still be the one of this tag.
    ///
    /// # Errors
    /// When it is gone or another one, or the server does not answer.
    pub(super) fn part(&self, key: &str, tag: Option<&str>, range: std::ops::Range<u64>) -> Result<Vec<u8>, Failure> {
        let doing = format!("read {}", self.address(key));
        let mut ask =
            Ask::new(Method::GET, key).header(RANGE, &format!("bytes={}-{}", range.start, range.end.saturating_sub(1)));
        if let Some(tag) = tag {
            ask = ask.header(IF_MATCH, tag);
        }
        match self.ask(ask)? {
            Ok(answer) if answer.body.len() as u64 == range.end - range.start => Ok(answer.body.into()),
            Ok(_) => Err(Failure::unchecked(format!("failed to {doing}: the server gave another part than was asked"))),
            Err(Refused { told, .. }) if told.is(StatusCode::PRECONDITION_FAILED) => {
                Err(Failure::unchecked(format!("failed to {doing}: it was replaced while it was read"))
                    .hint("who else writes there? start again"))
            }
            Err(Refused { told, .. }) => Err(self.failure(&told, "read", key)),
        }
    }

    fn page(&self, ask: Ask) -> Result<Result<Page, Told>, Failure> {
        // Keys may hold what XML cannot.
        let ask = ask.query("list-type", "2").query("encoding-type", "url");
        Ok(match self.ask(ask)? {
            // A page of a proxy has no keys in it, and would be an empty bucket.
            Ok(answer) => Page::read(&answer.body).filter(|page| page.is_one).ok_or(Told::Foreign),
            Err(refused) => Err(refused.told),
        })
    }

    /// The objects right below a prefix, at most so many; by pages, so that what lies there may be much.
    ///
    /// # Errors
    /// When the server does not answer, or there are more.
    pub(crate) fn list(&self, address: &Address, most: usize) -> Result<Vec<Listed>, Failure> {
        let prefix = address.prefix();
        let mut found = Vec::new();
        let mut next: Option<String> = None;
        for _ in 0..PAGES {
            let mut ask = Ask::new(Method::GET, "").query("prefix", &prefix).query("delimiter", "/");
            if let Some(token) = &next {
                ask = ask.query("continuation-token", token);
            }
            let page = self.page(ask)?.map_err(|told| self.failure(&told, "list", &prefix))?;
            found.extend(page.listed.into_iter().filter_map(|(key, bytes)| {
                let name = key.strip_prefix(&prefix)?;
                (!name.is_empty() && !name.contains('/')).then(|| Listed { name: name.to_owned(), bytes })
            }));
            if found.len() > most {
                return Err(Failure::usage(format!("{} holds more than {most} objects", self.address(&prefix))));
            }
            next = page.next;
            if next.is_none() {
                return Ok(found);
            }
        }
        Err(Failure::usage(format!("{} holds too many keys", self.address(&prefix)))
            .hint("give backups a prefix of their own"))
    }

    /// Finds out before the work whether the server is there and knows these credentials. That they may not list is no
    /// fault: whoever only writes needs not.
    ///
    /// # Errors
    /// When nothing could be written.
    pub(crate) fn check(&self, address: &Address) -> Result<(), Failure> {
        let prefix = address.prefix();
        match self.page(Ask::new(Method::GET, "").query("prefix", &prefix).query("max-keys", "1"))? {
            Ok(_) => Ok(()),
            Err(told) if told.is_forbidden() => Ok(()),
            Err(told) => Err(self.failure(&told, "use", &prefix)),
        }
    }

    /// Writes a small object: a new one, or in the place of another.
    ///
    /// # Errors
    /// When it is there already and may not be replaced, or the server does not take it.
    pub(crate) fn put(&self, key: &str, bytes: Vec<u8>, place: Place) -> Result<(), Failure> {
        let length = bytes.len() as u64;
        let mut ask = Ask::new(Method::PUT, key).body(bytes.clone());
        if place == Place::Free {
            ask = ask.header(IF_NONE_MATCH, "*");
        }
        match self.ask(ask)? {
            Ok(_) => Ok(()),
            Err(Refused { told, was_repeated }) if place == Place::Free && told.is_taken() => {
                // Where the first answer was lost, it may be ours.
                let is_ours = was_repeated && self.part(key, None, 0..length).is_ok_and(|found| found == bytes);
                if is_ours { Ok(()) } else { Err(self.taken(key)) }
            }
            Err(Refused { told, .. }) => Err(self.failure(&told, "write", key)),
        }
    }

    /// The failure of a name that is taken.
    pub(crate) fn taken(&self, key: &str) -> Failure {
        Failure::usage(format!("{} is there already", self.address(key)))
            .hint("a backup never takes the place of another object: give another name, or a prefix")
    }

    /// Removes an object; one that is not there is no fault.
    ///
    /// # Errors
    /// When the server refuses.
    pub(crate) fn remove(&self, key: &str) -> Result<(), Failure> {
        match self.insist(Ask::new(Method::DELETE, key)) {
            Some(Ok(_)) => Ok(()),
            Some(Err(Refused { told, .. })) if told.is_missing() => Ok(()),
            Some(Err(Refused { told, .. })) => Err(self.failure(&told, "remove", key)),
            None => Err(Failure::unchecked(format!("failed to remove {}: nobody can ask any more", self.address(key)))),
        }
    }
}

impl Page {
    fn read(body: &[u8]) -> Option<Self> {
        let mut page = Self::default();
        let (mut is_cut, mut token) = (false, None);
        let (mut key, mut bytes) = (None, None);
        texts(body, &mut |path, text| match path {
            ["ListBucketResult"] => page.is_one = true,
            ["ListBucketResult", "EncodingType"] => page.is_encoded = text == "url",
            ["ListBucketResult", "IsTruncated"] => is_cut = text == "true",
            ["ListBucketResult", "NextContinuationToken"] => token = Some(text.to_owned()),
            ["ListBucketResult", "Contents", "Key"] => key = Some(text.to_owned()),
            ["ListBucketResult", "Contents", "Size"] => bytes = text.parse().ok(),
            ["ListBucketResult", "Contents"] => page.listed.extend(key.take().zip(bytes.take())),
            _ => {}
        })?;
        if page.is_encoded {
            // As forms are encoded: a space is a plus.
            for (key, _) in &mut page.listed {
                let spaced = key.replace('+', " ");
                *key = percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned();
            }
        }
        page.next = token.filter(|_| is_cut);
        // One that is cut and leads nowhere would pass for all that is there.
        (page.next.is_some() || !is_cut).then_some(page)
    }
}

/// The text of a header.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_a_listing_has_keys_as_they_are_and_a_token_where_it_is_cut() {
        let page = |more: &str| {
            let body = format!(
                "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name>{more}<Contents><Key>p/a%2Bb+c&amp;d</Key>\
                 <Size>7</Size></Contents><Contents><Key>without-size</Key></Contents></ListBucketResult>"
            );
            Page::read(body.as_bytes()).expect("a page")
        };
        let plain = page("<IsTruncated>false</IsTruncated><NextContinuationToken>t</NextContinuationToken>");
        assert_eq!((plain.listed, plain.next), (vec![("p/a%2Bb+c&d".to_owned(), 7)], None));
        let more = page(
            "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextContinuationToken>t/+</NextContinuationToken>",
        );
        assert_eq!((more.listed, more.next.as_deref()), (vec![("p/a+b c&d".to_owned(), 7)], Some("t/+")));
        assert!(Page::read(b"<html>a proxy</html>").is_some_and(|page| !page.is_one));
        assert!(Page::read(b"no XML <").is_none());
    }
}

//! Requests with a time limit and a retry policy, and lists page by page.

use super::ahead::{Ahead, Coming, Turn, beside};
use super::decoder::{DecodeItem, ListMeta, list_head, list_meta};
use super::error::FieldConflict;
use super::{ClusterError, Connection};
use crate::object::TypeMeta;
use futures::FutureExt as _;
use futures::channel::oneshot;
use futures::future::OptionFuture;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use kube::client::{AuthError, Body};
use serde::Deserialize;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Objects a page at most; larger ones gain nothing.
pub(super) const PAGE: usize = 500;
/// A page may be so large.
const LIST_BYTES: usize = 512 << 20;
/// Room made at once for a body that announces its length.
const ROOM: usize = 16 << 20;
/// What a list says of itself stands in so many of its first bytes, or is read with the rest.
const HEAD: usize = 16 << 10;
/// The answer to a review may be so large.
const REVIEW_BYTES: usize = 1 << 20;
const JSON: &str = "application/json";
const TRIES: u32 = 3;
/// Fields in conflict that are told.
const FIELDS: usize = 50;
/// A list that changes under the reader is started again so often.
pub(super) const RESTARTS: u32 = 3;
/// A list of more pages has no end.
const PAGES: usize = 200_000;

/// `Warning:` headers of the API server, each once.
pub(super) type Warnings = RefCell<BTreeSet<String>>;

/// What a failed credential plugin may say of itself. kube's own words hold all that it printed,
/// tokens among it, and the variables that the kubeconfig gives it.
fn of_plugin(error: &AuthError) -> Option<String> {
    match error {
        AuthError::AuthExecRun { out, .. } => {
            let said = String::from_utf8_lossy(&out.stderr);
            let said: String =
                said.lines().find(|line| !line.trim().is_empty()).unwrap_or("").chars().take(200).collect();
            let said = if said.is_empty() { said } else { format!(": {said}") };
            Some(format!("the credential plugin failed ({}){said}", out.status))
        }
        AuthError::AuthExecStart(reason) => Some(format!("the credential plugin could not be started: {reason}")),
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed => {
            Some("the credential plugin printed no ExecCredential with a status".to_owned())
        }
        _ => None,
    }
}

/// The error of a credential plugin among this one's causes.
pub(super) fn plugin(error: &(dyn std::error::Error + 'static)) -> Option<ClusterError> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(said) = cause.downcast_ref::<AuthError>().and_then(of_plugin) {
            return Some(ClusterError::Plugin(said));
        }
        next = cause.source();
    }
    None
}

/// An error with the causes below it, in one line.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    if let Some(plugin) = plugin(error) {
        return plugin.to_string();
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(next) = source {
        let more = next.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = next.source();
    }
    text.chars().take(500).collect()
}

/// Fetches a path. A 429, 503 or 504 is tried again, three times in all.
pub(super) async fn get(
    connection: &Connection,
    path: &str,
    accept: &str,
    warnings: &Warnings,
) -> Result<Vec<u8>, ClusterError> {
    get_within(connection, (path, accept), warnings, LIST_BYTES, None).await
}

/// As [`get`], of an answer of at most `bytes`; of a page that is asked for ahead of its turn, where it is one.
pub(super) async fn get_within(
    connection: &Connection,
    (path, accept): (&str, &str),
    warnings: &Warnings,
    bytes: usize,
    mut ahead: Option<Ahead<'_>>,
) -> Result<Vec<u8>, ClusterError> {
    let mut wait = Duration::from_millis(200);
    let mut tries = 1;
    loop {
        let ask = Ask { method: Method::GET, path, media: JSON, body: None };
        let (outcome, retry_after) = once(connection, ask, accept, warnings, bytes, &mut ahead).await;
        match outcome {
            Err(ClusterError::Status { code: 429 | 503 | 504, .. }) if tries < TRIES => {
                tokio::time::sleep(retry_after.unwrap_or(wait).min(Duration::from_secs(5))).await;
                wait = wait.saturating_mul(3);
                tries += 1;
            }
            // Nothing was to be changed, so that a conflict is no answer to it.
            Err(ClusterError::Conflict { message, .. } | ClusterError::AlreadyExists(message)) => {
                return Err(ClusterError::Status { code: StatusCode::CONFLICT.as_u16(), message });
            }
            outcome => return outcome,
        }
    }
}

/// Posts a review, JSON, and gives the answer. It is asked once: what writes is never repeated blindly.
pub(super) async fn post(
    connection: &Connection,
    path: &str,
    body: String,
    warnings: &Warnings,
) -> Result<Vec<u8>, ClusterError> {
    let ask = Ask { method: Method::POST, path, media: JSON, body: Some(body.into_bytes()) };
    once(connection, ask, JSON, warnings, REVIEW_BYTES, &mut None).await.0
}

/// One request.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    /// Path and query.
    pub(super) path: &'a str,
    /// The media type of the body.
    pub(super) media: &'a str,
    pub(super) body: Option<Vec<u8>>,
}

/// Asks once. With an error comes the time after which the server wants to be asked again, where it says so. An answer
/// that is a success takes `ahead`, and its time stands still until it is its turn.
pub(super) async fn once(
    connection: &Connection,
    ask: Ask<'_>,
    accept: &str,
    warnings: &Warnings,
    limit: usize,
    ahead: &mut Option<Ahead<'_>>,
) -> (Result<Vec<u8>, ClusterError>, Option<Duration>) {
    let Ask { method, path, media, body } = ask;
    let mut request = Request::builder().uri(path).header(header::ACCEPT, accept);
    if body.is_some() {
        request = request.header(header::CONTENT_TYPE, media);
    }
    let Ok(request) = request.method(method).body(body.map_or_else(Body::empty, Body::from)) else {
        return (Err(ClusterError::BadAnswer(format!("{path} is no path"))), None);
    };
    let mut clock = Clock { limit: connection.limit, spent: Duration::ZERO };
    let exchange = async {
        let response = clock
            .within(connection.client.send(request))
            .await?
            .map_err(|error| ClusterError::Unreachable { server: connection.server.clone(), reason: chain(&error) })?;
        let (parts, body) = response.into_parts();
        let retry_after = parts.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        for value in parts.headers.get_all(header::WARNING).iter().filter_map(|value| value.to_str().ok()) {
            // `299 - "text"`
            let text = value.split_once('"').map_or(value, |(_, text)| text.trim_end_matches('"'));
            warnings.borrow_mut().insert(text.chars().take(300).collect());
        }
        // Not the body's own hint: it passes through a decoder. What was compressed comes without this header.
        let announced = parts.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if let Some(length) = announced.filter(|length: &usize| *length > limit) {
            return Err(ClusterError::BadAnswer(format!("it announces {length} bytes, and {limit} are the most")));
        }
        let (turn, head) = match ahead.take_if(|_| parts.status.is_success()) {
            Some(Ahead { turn, head }) => (Some(turn.lock().await), Some(head)),
            None => (None, None),
        };
        let bytes = clock.within(read(Limited::new(body, limit), announced.unwrap_or(0).min(ROOM), head)).await??;
        drop(turn);
        Ok((parts.status, retry_after, bytes))
    };
    match exchange.await {
        Err(error) => (Err(error), None),
        Ok((status, _, bytes)) if status.is_success() => (Ok(bytes), None),
        Ok((status, retry_after, bytes)) => (Err(refusal(status, &bytes)), retry_after.map(Duration::from_secs)),
    }
}

/// What is left of the time for an answer.
struct Clock {
    /// `None` for no end.
    limit: Option<Duration>,
    spent: Duration,
}

impl Clock {
    /// Does a part of the exchange.
    async fn within<T>(&mut self, part: impl Future<Output = T>) -> Result<T, ClusterError> {
        let Some(limit) = self.limit else { return Ok(part.await) };
        let start = Instant::now();
        let done = tokio::time::timeout(limit.saturating_sub(self.spent), part).await;
        self.spent += start.elapsed();
        done.map_err(|_| ClusterError::TimedOut(limit))
    }
}

/// Reads a body to its end. It comes in chunks of a few kilobytes, each handed over by the task of its connection: to
/// another task that is nearly free, while each waking of the future that the runtime blocks on asks the system for
/// events first, and all other work of that future whether it can go on. The task ends with this future. What a list
/// says of itself is told as soon as it is there.
async fn read(
    mut body: Limited<Body>,
    room: usize,
    mut head: Option<oneshot::Sender<ListMeta>>,
) -> Result<Vec<u8>, ClusterError> {
    let mut task = Task(tokio::spawn(async move {
        let mut bytes = Vec::with_capacity(room);
        // Frame by frame: a page is never in memory twice.
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| ClusterError::BadAnswer(chain(&*error)))?;
            if let Some(data) = frame.data_ref() {
                bytes.extend_from_slice(data);
            }
            if let Some(told) = head.take() {
                match list_head(&bytes) {
                    // Whoever asked may be gone.
                    Some(found) => drop(told.send(found)),
                    None => head = Some(told).filter(|_| bytes.len() < HEAD),
                }
            }
        }
        Ok(bytes)
    }));
    let gone = |_| Err(ClusterError::BadAnswer("reading an answer was given up".to_owned()));
    (&mut task.0).await.unwrap_or_else(gone)
}

/// A task that ends with whoever waits for it.
struct Task<T>(JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The error of an answer that is no success. The body counts only where it is a Status object.
fn refusal(status: StatusCode, body: &[u8]) -> ClusterError {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Status {
        kind: String,
        message: String,
        reason: String,
        details: Option<Details>,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Details {
        causes: Vec<Cause>,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Cause {
        reason: String,
        message: String,
        field: String,
    }
    let parsed = serde_json::from_slice::<Status>(body).ok().filter(|parsed| parsed.kind == "Status");
    let parsed = parsed.unwrap_or_default();
    let message: String = parsed.message.chars().take(500).collect();
    match status {
        StatusCode::CONFLICT if parsed.reason == "AlreadyExists" => ClusterError::AlreadyExists(message),
        StatusCode::CONFLICT => {
            let causes = parsed
                .details
                .unwrap_or_default()
                .causes
                .into_iter()
                .filter(|cause| cause.reason == "FieldManagerConflict");
            let fields = causes.take(FIELDS).map(|cause| FieldConflict {
                // `conflict with "NAME" using apps/v1`
                manager: cause
                    .message
                    .trim_start_matches("conflict with ")
                    .replace('"', "")
                    .chars()
                    .take(200)
                    .collect(),
                field: cause.field.chars().take(300).collect(),
            });
            let fields = fields.collect();
            let message =
                if message.is_empty() { "it has changed meanwhile (409 Conflict)".to_owned() } else { message };
            ClusterError::Conflict { message, fields }
        }
        StatusCode::UNAUTHORIZED => ClusterError::Unauthorized,
        StatusCode::FORBIDDEN => ClusterError::Forbidden(message),
        StatusCode::NOT_FOUND => ClusterError::NotFound,
        StatusCode::GONE => ClusterError::Gone,
        status => ClusterError::Status { code: status.as_u16(), message },
    }
}

/// How many objects a page is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Limits {
    /// So many.
    Same(usize),
    /// So many at first, and then as many as have about so many bytes, by what those of the page before had.
    BySize { first: usize, bytes: usize },
}

impl Limits {
    /// Of the first page, and of those behind it where that is known already.
    const fn first(self) -> (usize, Option<usize>) {
        match self {
            Self::Same(limit) => (limit, Some(limit)),
            Self::BySize { first, .. } => (first, None),
        }
    }

    /// Behind a page of so many bytes that was asked for so many objects.
    fn behind(self, page: usize, asked: usize) -> usize {
        match self {
            Self::Same(limit) => limit,
            Self::BySize { bytes, .. } => (bytes / (page / asked).max(1)).clamp(1, PAGE),
        }
    }
}

/// A list, and how it is asked for.
pub(super) struct List<'a> {
    pub(super) connection: &'a Connection,
    pub(super) path: &'a str,
    /// What the query says beside the page: `&labelSelector=…`, or nothing.
    pub(super) query: &'a str,
    pub(super) accept: &'a str,
    pub(super) limits: Limits,
    /// The kind, for errors.
    pub(super) kind: &'a str,
}

impl List<'_> {
    /// Reads it page by page. The next page is asked for as soon as the head of one is there, and arrives while that
    /// one is decoded: `decode` begins its work when it is called. Pages are kept in their order.
    ///
    /// # Errors
    /// The first of a page, [`ClusterError::Gone`] where the list expired; what was kept counts for nothing then.
    pub(super) async fn read<T, D: Future<Output = Result<T, ClusterError>>>(
        &self,
        warnings: &Warnings,
        mut decode: impl FnMut(&ListMeta, Vec<u8>) -> D,
        mut keep: impl FnMut(T) -> Result<(), ClusterError>,
    ) -> Result<(), ClusterError> {
        let endless = || ClusterError::BadAnswer(format!("the list of {} does not end", self.kind));
        let turn = Turn::default();
        let ask = |limit: usize, token: Option<&str>| {
            let more = token.map(|token| format!("&continue={}", encode(token))).unwrap_or_default();
            let path = format!("{}?limit={limit}{}{more}", self.path, self.query);
            let turn = &turn;
            Coming::new(limit, |head| {
                let ahead = Some(Ahead { turn, head });
                async move { get_within(self.connection, (&path, self.accept), warnings, LIST_BYTES, ahead).await }
                    .boxed_local()
            })
        };
        let (first, mut limit) = self.limits.first();
        let mut page = ask(first, None);
        // The page before may still be decoded while the next one arrives.
        let (mut last, mut before) = (None, OptionFuture::default());
        for _ in 0..PAGES {
            let early = if limit.is_some() { page.head().await } else { None };
            let mut next =
                early.as_ref().and_then(ListMeta::token).zip(limit).map(|(token, limit)| ask(limit, Some(token)));
            let asked = page.limit;
            let whole = page.whole(next.as_mut()).await?;
            let head = early.unwrap_or_else(|| list_meta(&whole));
            let behind = self.limits.behind(whole.len(), asked);
            limit = Some(behind);
            let decoding = decode(&head, whole);
            if let Some(decoded) = beside(next.as_mut(), before).await {
                keep(decoded?)?;
            }
            let Some(token) = head.token() else {
                return keep(decoding.await?);
            };
            if last.as_deref() == Some(token) {
                return Err(endless());
            }
            page = next.unwrap_or_else(|| ask(behind, Some(token)));
            before = Some(decoding).into();
            last = Some(token.to_owned());
        }
        Err(endless())
    }
}

/// Reads a collection; the records of each page.
pub(super) async fn list<T: Send + 'static>(
    connection: &Connection,
    path: &str,
    query: &str,
    accept: &str,
    (ty, decode): (&Arc<TypeMeta>, DecodeItem<T>),
    warnings: &Warnings,
) -> Result<Vec<Vec<T>>, ClusterError> {
    let list = List { connection, path, query, accept, limits: Limits::Same(PAGE), kind: &ty.kind };
    let mut restarts = 0;
    loop {
        let mut found = Vec::new();
        let decode = |_: &ListMeta, page| connection.decoder.decode(ty, page, decode);
        let keep = |records| {
            found.push(records);
            Ok(())
        };
        match list.read(warnings, decode, keep).await {
            Err(ClusterError::Gone) if restarts < RESTARTS => restarts += 1,
            outcome => return outcome.map(|()| found),
        }
    }
}

/// Percent-encodes a query value or one part of a path.
pub(super) fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

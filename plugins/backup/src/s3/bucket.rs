//! A bucket: what is in it, parts of objects, new objects, and objects that go.

use super::flags::Server;
use super::told::Told;
use super::wire::Wire;
use super::worker::Worker;
use super::{Address, S3Args};
use http::StatusCode;
use mlops_shared::cli::Failure;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::list::{PaginatedListOptions, PaginatedListStore as _};
use object_store::path::Path as Key;
use object_store::{
    BackoffConfig, ClientOptions, GetOptions, GetRange, ObjectMeta, ObjectStore as _, ObjectStoreExt as _, PutMode,
    PutOptions, PutPayload, RetryConfig,
};
use std::sync::Arc;
use std::time::Duration;

/// So many pages of a listing are read: a prefix with more keys is no place for backups.
const PAGES: usize = 1_000;
/// A request is tried so often again.
const RETRIES: usize = 5;

/// A bucket of a server.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(super) worker: Worker,
    pub(super) store: Arc<AmazonS3>,
    wire: Wire,
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

impl Bucket {
    /// Prepares to ask; nothing is contacted yet.
    ///
    /// # Errors
    /// When the flags, the environment or a profile do not say how.
    pub(crate) fn new(flags: &S3Args, name: &str) -> Result<Self, Failure> {
        let Server { endpoint, region, credentials, ca, patience } = flags.server()?;
        let worker = Worker::new()?;
        let wire = Wire::new(ca.as_deref(), patience)?;
        let shown = endpoint.clone().unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
        let mut builder = AmazonS3Builder::new()
            .with_http_connector(wire.clone())
            .with_bucket_name(name)
            .with_region(region)
            .with_access_key_id(credentials.key)
            .with_secret_access_key(credentials.secret)
            // What may be contacted is decided in flags.rs.
            .with_client_options(ClientOptions::new().with_allow_http(true))
            .with_allow_http(true)
            .with_disable_bulk_delete(true)
            .with_retry(RetryConfig {
                backoff: BackoffConfig {
                    init_backoff: Duration::from_millis(200),
                    max_backoff: Duration::from_secs(5),
                    base: 2.0,
                },
                max_retries: RETRIES,
                retry_timeout: patience,
            });
        if let Some(token) = credentials.token {
            builder = builder.with_token(token);
        }
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        // Its errors may repeat what they were given.
        let store =
            builder.build().map_err(|_| Failure::usage(format!("the object store of {name} cannot be used")))?;
        Ok(Self { worker, store: Arc::new(store), wire, name: name.to_owned(), endpoint: shown })
    }

    /// The address of a key.
    pub(crate) fn address(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.name)
    }

    /// A key as the store wants it.
    pub(super) fn key(&self, key: &str) -> Result<Key, Failure> {
        Key::parse(key).map_err(|_| Failure::usage(format!("{} holds letters that a key may not", self.address(key))))
    }

    /// The failure of what was tried, by what the server said last.
    pub(super) fn failure(&self, doing: &str) -> Failure {
        self.told_failure(self.wire.told(), doing)
    }

    /// What the server said last that was no success, once.
    pub(super) fn told(&self) -> Option<Told> {
        self.wire.told()
    }

    /// The failure of what was tried, by what the server said.
    pub(super) fn told_failure(&self, told: Option<Told>, doing: &str) -> Failure {
        match told {
            Some(told) => told.failure(doing, &self.name, &self.endpoint),
            None => Failure::unchecked(format!("failed to {doing}: the answer of {} makes no sense", self.endpoint))
                .hint("is this an object store that speaks S3?"),
        }
    }

    /// Size and tag of an object; `None` where there is none, or where these credentials may not know.
    ///
    /// # Errors
    /// When the server does not answer, or refuses.
    pub(crate) fn look(&self, key: &str) -> Result<Option<ObjectMeta>, Failure> {
        let (store, location) = (Arc::clone(&self.store), self.key(key)?);
        if let Ok(about) = self.worker.ask(async move { store.head(&location).await })? {
            return Ok(Some(about));
        }
        match self.wire.told() {
            Some(told) if told.is_missing() || told.is_forbidden() => Ok(None),
            told => Err(self.told_failure(told, &format!("look at {}", self.address(key)))),
        }
    }

    /// Whether an upload with this mark is what lies there: an answer that was lost may have been a success.
    pub(super) fn is_ours(&self, key: &Key, mark: &str) -> bool {
        let (store, location) = (Arc::clone(&self.store), key.clone());
        let asked = async move { store.get_opts(&location, GetOptions { head: true, ..GetOptions::default() }).await };
        let Some(Ok(found)) = self.worker.run(asked) else { return false };
        found.attributes.get(&super::upload::mark_name()).is_some_and(|value| &**value == mark)
    }

    /// A part of an object, which must still be the one of this tag.
    ///
    /// # Errors
    /// When it is gone or another one, or the server does not answer.
    pub(super) fn part(&self, key: &str, tag: Option<&str>, range: std::ops::Range<u64>) -> Result<Vec<u8>, Failure> {
        let (store, location) = (Arc::clone(&self.store), self.key(key)?);
        let wanted = range.end - range.start;
        let options = GetOptions {
            range: Some(GetRange::Bounded(range)),
            if_match: tag.map(str::to_owned),
            ..GetOptions::default()
        };
        let asked = async move { store.get_opts(&location, options).await?.bytes().await };
        let doing = format!("read {}", self.address(key));
        match self.worker.ask(asked)? {
            Ok(bytes) if bytes.len() as u64 == wanted => Ok(bytes.to_vec()),
            Ok(_) => Err(Failure::unchecked(format!("failed to {doing}: the server gave another part than was asked"))),
            Err(_) => match self.wire.told() {
                Some(told) if told.is(StatusCode::PRECONDITION_FAILED) => {
                    Err(Failure::unchecked(format!("failed to {doing}: it was replaced while it was read"))
                        .hint("who else writes there? start again"))
                }
                told => Err(self.told_failure(told, &doing)),
            },
        }
    }

    /// The objects right below a prefix, at most so many; by pages, so that what lies there may be much.
    ///
    /// # Errors
    /// When the server does not answer, or there are more.
    pub(crate) fn list(&self, address: &Address, most: usize) -> Result<Vec<Listed>, Failure> {
        let prefix = address.prefix();
        let doing = format!("list {}", self.address(&prefix));
        let mut found = Vec::new();
        let mut token = None;
        for _ in 0..PAGES {
            let (store, start) = (Arc::clone(&self.store), prefix.clone());
            let options = PaginatedListOptions {
                delimiter: Some("/".into()),
                page_token: token,
                ..PaginatedListOptions::default()
            };
            let asked = async move {
                store.list_paginated(Some(&start).filter(|it| !it.is_empty()).map(String::as_str), options).await
            };
            let page = self.worker.ask(asked)?.map_err(|_| self.failure(&doing))?;
            found.extend(page.result.objects.into_iter().filter_map(|object| {
                let name = object.location.as_ref().strip_prefix(&prefix)?;
                (!name.is_empty() && !name.contains('/')).then(|| Listed { name: name.to_owned(), bytes: object.size })
            }));
            if found.len() > most {
                return Err(Failure::usage(format!("{} holds more than {most} objects", self.address(&prefix))));
            }
            token = page.page_token;
            if token.is_none() {
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
        let (store, start) = (Arc::clone(&self.store), address.prefix());
        let options = PaginatedListOptions { max_keys: Some(1), ..PaginatedListOptions::default() };
        let asked = async move { store.list_paginated(Some(&start), options).await };
        if self.worker.ask(asked)?.is_ok() {
            return Ok(());
        }
        match self.wire.told() {
            Some(told) if told.is_forbidden() => Ok(()),
            told => Err(self.told_failure(told, &format!("use {}", self.address(&address.prefix())))),
        }
    }

    /// Writes a small object: a new one, or in the place of another.
    ///
    /// # Errors
    /// When it is there already and may not be replaced, or the server does not take it.
    pub(crate) fn put(&self, key: &str, bytes: Vec<u8>, mode: PutMode) -> Result<(), Failure> {
        let (store, location) = (Arc::clone(&self.store), self.key(key)?);
        let options = PutOptions { mode, ..PutOptions::default() };
        let asked = async move { store.put_opts(&location, PutPayload::from(bytes), options).await };
        match self.worker.ask(asked)? {
            Ok(_) => Ok(()),
            Err(object_store::Error::AlreadyExists { .. }) => Err(self.taken(key)),
            Err(_) => Err(self.failure(&format!("write {}", self.address(key)))),
        }
    }

    /// The failure of a name that is taken.
    pub(super) fn taken(&self, key: &str) -> Failure {
        drop(self.wire.told());
        Failure::usage(format!("{} is there already", self.address(key)))
            .hint("a backup never takes the place of another object: give another name, or a prefix")
    }

    /// Removes an object; one that is not there is no fault.
    ///
    /// # Errors
    /// When the server refuses.
    pub(crate) fn remove(&self, key: &str) -> Result<(), Failure> {
        let (store, location) = (Arc::clone(&self.store), self.key(key)?);
        let asked = async move { store.delete(&location).await };
        match self.worker.run(asked) {
            Some(Ok(())) => Ok(()),
            _ => match self.wire.told() {
                Some(told) if told.is_missing() => Ok(()),
                told => Err(self.told_failure(told, &format!("remove {}", self.address(key)))),
            },
        }
    }
}

//! An object that is written in parts: nothing is seen under its name until it is completed, and completing it never
//! takes the place of another object. One that is not completed is given up, and its parts with it.

use super::Bucket;
use crate::keys;
use http::StatusCode;
use minisign::SecretKey;
use mlops_shared::cli::Failure;
use object_store::multipart::{MultipartStore as _, PartId};
use object_store::path::Path as Key;
use object_store::{Attribute, Attributes, MultipartId, PutMultipartOptions, PutPayload};
use ring::rand::{SecureRandom as _, SystemRandom};
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

/// Bytes of a part. A server takes 10,000 parts: an archive may have 80 GB.
const PART: usize = 8 << 20;

/// The name of the mark that an upload has: by it one finds out whose object lies there.
pub(super) fn mark_name() -> Attribute {
    Attribute::Metadata("mlops-run".into())
}

/// An upload that runs.
pub(crate) struct Upload<'a> {
    bucket: &'a Bucket,
    key: Key,
    id: MultipartId,
    mark: String,
    parts: Vec<PartId>,
    part: Vec<u8>,
    /// Who signs what is uploaded.
    signer: Option<SyncSender<Vec<u8>>>,
    /// Why a part was not taken.
    failure: Option<Failure>,
    is_over: bool,
}

impl<'a> Upload<'a> {
    /// Begins.
    ///
    /// # Errors
    /// When the server does not let us.
    pub(crate) fn new(bucket: &'a Bucket, key: &str, signer: Option<SyncSender<Vec<u8>>>) -> Result<Self, Failure> {
        let mut bytes = [0; 16];
        SystemRandom::new().fill(&mut bytes).map_err(|_| Failure::unchecked("the system gives no random numbers"))?;
        let mark: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let key = bucket.key(key)?;
        let attributes: Attributes = [(mark_name(), mark.clone())].into_iter().collect();
        let options = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
        let (store, location) = (Arc::clone(&bucket.store), key.clone());
        let asked = async move { store.create_multipart_opts(&location, options).await };
        let id = bucket
            .worker
            .ask(asked)?
            .map_err(|_| bucket.failure(&format!("write {}", bucket.address(key.as_ref()))))?;
        Ok(Self { bucket, key, id, mark, parts: Vec::new(), part: Vec::new(), signer, failure: None, is_over: false })
    }

    fn send(&mut self) -> Result<(), Failure> {
        let part = std::mem::take(&mut self.part);
        if let Some(signer) = &self.signer {
            // Where the signer is gone, its failure is told at the end.
            drop(signer.send(part.clone()));
        }
        let (store, location, id) = (Arc::clone(&self.bucket.store), self.key.clone(), self.id.clone());
        let index = self.parts.len();
        let asked = async move { store.put_part(&location, &id, index, PutPayload::from(part)).await };
        let sent = self.bucket.worker.ask(asked)?;
        self.parts
            .push(sent.map_err(|_| self.bucket.failure(&format!("write {}", self.bucket.address(self.key.as_ref()))))?);
        Ok(())
    }

    /// Why writing failed, where it is the server's doing.
    pub(crate) fn failure(&mut self) -> Option<Failure> {
        self.failure.take()
    }

    /// Sends what is left; whoever signs has then seen everything.
    ///
    /// # Errors
    /// When the server does not take it.
    pub(crate) fn last(&mut self) -> Result<(), Failure> {
        if !self.part.is_empty() {
            self.send()?;
        }
        self.signer = None;
        Ok(())
    }

    /// Gives the object its name, where that is free.
    ///
    /// # Errors
    /// When it is taken, or the server does not do it.
    pub(crate) fn complete(mut self) -> Result<(), Failure> {
        let key = self.key.to_string();
        // For servers that do not know the condition.
        if self.bucket.look(&key)?.is_some() {
            return Err(self.bucket.taken(&key));
        }
        let (store, location, id) = (Arc::clone(&self.bucket.store), self.key.clone(), self.id.clone());
        let parts = std::mem::take(&mut self.parts);
        let asked = async move { store.complete_multipart(&location, &id, parts).await };
        // From here on an interruption would leave in doubt whether it has its name.
        if let Some(Ok(_)) = self.bucket.worker.run(asked) {
            self.is_over = true;
            return Ok(());
        }
        let told = self.bucket.told();
        if self.bucket.is_ours(&self.key, &self.mark) {
            self.is_over = true;
            return Ok(());
        }
        Err(match told {
            Some(told) if told.is(StatusCode::PRECONDITION_FAILED) || told.is(StatusCode::CONFLICT) => {
                self.bucket.taken(&key)
            }
            told => self.bucket.told_failure(told, &format!("write {}", self.bucket.address(&key))),
        })
    }
}

impl Write for Upload<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if self.part.capacity() == 0 {
            self.part.reserve_exact(PART);
        }
        let count = buffer.len().min(PART - self.part.len());
        self.part.extend_from_slice(&buffer[..count]);
        if self.part.len() == PART
            && let Err(failure) = self.send()
        {
            self.failure = Some(failure);
            return Err(io::Error::other("a part was not taken"));
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Upload<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            let (store, location, id) = (Arc::clone(&self.bucket.store), self.key.clone(), self.id.clone());
            // Where that fails too, the server's rule for unfinished uploads removes them.
            drop(self.bucket.worker.run(async move { store.abort_multipart(&location, &id).await }));
        }
    }
}

/// Signs an archive while it is uploaded.
pub(crate) struct Signer<'scope>(ScopedJoinHandle<'scope, Result<String, Failure>>);

impl<'scope> Signer<'scope> {
    /// Starts, and gives the end that parts are handed to.
    pub(crate) fn start<'env>(
        scope: &'scope Scope<'scope, 'env>,
        key: &'env SecretKey,
        comment: &'env str,
    ) -> (Self, SyncSender<Vec<u8>>) {
        // One part waits while another one is signed, and no more.
        let (hand, parts) = sync_channel(1);
        let parts = Parts { parts, part: Vec::new(), at: 0 };
        (Self(scope.spawn(move || keys::sign(key, parts, comment))), hand)
    }

    /// The signature, once everything was handed over.
    ///
    /// # Errors
    /// When it could not be made.
    pub(crate) fn signature(self) -> Result<String, Failure> {
        self.0.join().unwrap_or_else(|_| Err(Failure::unchecked("failed to sign the archive")))
    }
}

/// Parts as one stream.
struct Parts {
    parts: Receiver<Vec<u8>>,
    part: Vec<u8>,
    at: usize,
}

impl Read for Parts {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.part.len() {
            match self.parts.recv() {
                Ok(part) => (self.part, self.at) = (part, 0),
                Err(_) => return Ok(0),
            }
        }
        let rest = &self.part[self.at..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}

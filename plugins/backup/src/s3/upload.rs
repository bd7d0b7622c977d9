//! An object that is written in parts: nothing is seen under its name until it is completed, and completing it never
//! takes the place of another object. One that is not completed is given up, and its parts with it.

use super::Bucket;
use super::bucket::text;
use super::told::Told;
use super::wire::{Ask, Refused};
use super::xml::texts;
use crate::keys;
use http::Method;
use http::header::{ETAG, HeaderName, IF_NONE_MATCH};
use hyper::body::Bytes;
use minisign::SecretKey;
use mlops_shared::cli::Failure;
use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

/// Bytes of a part. A server takes 10,000 parts: an archive may have 80 GB.
const PART: usize = 8 << 20;

/// The mark that an upload has: by it one finds out whose object lies there.
pub(super) const MARK: HeaderName = HeaderName::from_static("x-amz-meta-mlops-run");

/// An upload that runs.
pub(crate) struct Upload<'a> {
    bucket: &'a Bucket,
    key: String,
    id: String,
    mark: String,
    /// The tags of the parts that were sent.
    tags: Vec<String>,
    part: Vec<u8>,
    /// Who signs what is uploaded.
    signer: Option<SyncSender<Bytes>>,
    /// Why a part was not taken.
    failure: Option<Failure>,
    is_over: bool,
}

impl<'a> Upload<'a> {
    /// Begins.
    ///
    /// # Errors
    /// When the server does not let us.
    pub(crate) fn new(bucket: &'a Bucket, key: &str, signer: Option<SyncSender<Bytes>>) -> Result<Self, Failure> {
        let mark = keys::mark::<16>()?;
        let failed = |told: &Told| bucket.failure(told, "write", key);
        let ask = Ask::new(Method::POST, key).query("uploads", "").header(MARK, &mark);
        let answer = bucket.ask(ask)?.map_err(|refused| failed(&refused.told))?;
        let mut id = None;
        texts(&answer.body, &mut |path, text| {
            if path == ["InitiateMultipartUploadResult", "UploadId"] {
                id = Some(text.to_owned());
            }
        });
        let id = id.filter(|id| !id.is_empty()).ok_or_else(|| failed(&Told::Foreign))?;
        let key = key.to_owned();
        Ok(Self { bucket, key, id, mark, tags: Vec::new(), part: Vec::new(), signer, failure: None, is_over: false })
    }

    fn failed(&self, told: &Told) -> Failure {
        self.bucket.failure(told, "write", &self.key)
    }

    fn send(&mut self) -> Result<(), Failure> {
        let part = Bytes::from(std::mem::take(&mut self.part));
        if let Some(signer) = &self.signer {
            // Where the signer is gone, its failure is told at the end.
            drop(signer.send(part.clone()));
        }
        let number = (self.tags.len() + 1).to_string();
        let ask = Ask::new(Method::PUT, &self.key).query("partNumber", &number).query("uploadId", &self.id).body(part);
        let answer = self.bucket.ask(ask)?.map_err(|refused| self.failed(&refused.told))?;
        let tag = text(&answer.headers, &ETAG).ok_or_else(|| self.failed(&Told::Foreign))?;
        self.tags.push(tag.to_owned());
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
        // For servers that do not know the condition.
        if self.bucket.is_there(&self.key)? {
            return Err(self.bucket.taken(&self.key));
        }
        let part = |(index, tag): (usize, &String)| {
            let tag = quick_xml::escape::escape(tag.as_str());
            format!("<Part><PartNumber>{}</PartNumber><ETag>{tag}</ETag></Part>", index + 1)
        };
        let parts: String = self.tags.iter().enumerate().map(part).collect();
        let body = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
        let ask = Ask::new(Method::POST, &self.key).query("uploadId", &self.id).header(IF_NONE_MATCH, "*").body(body);
        // From here on an interruption would leave in doubt whether it has its name.
        let told = match self.bucket.insist(ask) {
            Some(Ok(answer)) => {
                let mut is_done = false;
                texts(&answer.body, &mut |path, _| is_done |= path == ["CompleteMultipartUploadResult"]);
                (!is_done).then_some(Told::Foreign)
            }
            Some(Err(Refused { told, .. })) => Some(told),
            None => Some(Told::Late),
        };
        let Some(told) = told.filter(|_| !self.bucket.is_ours(&self.key, &self.mark)) else {
            self.is_over = true;
            return Ok(());
        };
        Err(if told.is_taken() { self.bucket.taken(&self.key) } else { self.failed(&told) })
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
            // Where that fails too, the server's rule for unfinished uploads removes them.
            drop(self.bucket.insist(Ask::new(Method::DELETE, &self.key).query("uploadId", &self.id)));
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
    ) -> (Self, SyncSender<Bytes>) {
        // One part waits while another one is signed, and no more.
        let (hand, parts) = sync_channel(1);
        let parts = Parts { parts, part: Bytes::new() };
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
    parts: Receiver<Bytes>,
    /// What is left of the one that is read.
    part: Bytes,
}

impl Read for Parts {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.part.is_empty() {
            match self.parts.recv() {
                Ok(part) => self.part = part,
                Err(_) => return Ok(0),
            }
        }
        let count = self.part.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.part.split_to(count));
        Ok(count)
    }
}

//! A page that is on its way, and is asked for before the one ahead of it is here: servers write what leads to the next
//! page first, and make that one while this one is under way.

use super::ClusterError;
use super::decoder::ListMeta;
use futures::channel::oneshot;
use futures::future::{LocalBoxFuture, MaybeDone, maybe_done};
use futures::lock::Mutex;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

/// Pages of one list, of which one is read at a time: of those behind it no more than a head comes into memory.
pub(super) type Turn = Mutex<()>;

/// How the body of a page is read.
pub(super) struct Ahead<'t> {
    /// Whose turn it is.
    pub(super) turn: &'t Turn,
    /// Told what stands before the items, as soon as it is there; dropped where it does not stand there.
    pub(super) head: oneshot::Sender<ListMeta>,
}

/// A page on its way.
pub(super) struct Coming<'a> {
    /// Objects that it was asked for.
    pub(super) limit: usize,
    head: oneshot::Receiver<ListMeta>,
    body: Pin<Box<MaybeDone<Body<'a>>>>,
}

type Body<'a> = LocalBoxFuture<'a, Result<Vec<u8>, ClusterError>>;

impl<'a> Coming<'a> {
    /// The page of so many objects that `ask` asks for.
    pub(super) fn new(limit: usize, ask: impl FnOnce(oneshot::Sender<ListMeta>) -> Body<'a>) -> Self {
        let (told, head) = oneshot::channel();
        Self { limit, head, body: Box::pin(maybe_done(ask(told))) }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.body.as_mut().poll(context)
    }

    /// What stands before the items; `None` where that is known only from the whole page.
    pub(super) async fn head(&mut self) -> Option<ListMeta> {
        poll_fn(|context| {
            let _ = self.poll(context);
            Pin::new(&mut self.head).poll(context).map(Result::ok)
        })
        .await
    }

    /// The whole page, while the next one is on its way.
    ///
    /// # Errors
    /// What became of asking for it.
    pub(super) async fn whole(mut self, next: Option<&mut Self>) -> Result<Vec<u8>, ClusterError> {
        beside(next, poll_fn(|context| self.poll(context))).await;
        let gone = || Err(ClusterError::BadAnswer("a page was given up".to_owned()));
        self.body.as_mut().take_output().unwrap_or_else(gone)
    }
}

/// Does something while a page is on its way.
pub(super) async fn beside<T>(page: Option<&mut Coming<'_>>, work: impl Future<Output = T>) -> T {
    let (mut page, mut work) = (page, pin!(work));
    poll_fn(|context| {
        if let Some(page) = &mut page {
            let _ = page.poll(context);
        }
        work.as_mut().poll(context)
    })
    .await
}

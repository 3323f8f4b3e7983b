//! The way from the connections to the storage thread and back: a channel under a
//! [`ChannelCloser`], whose senders are the connections and whose receiver is the storage thread.
//! What a connection was let in to send is received: only when the last one has left is the storage
//! thread told to end.

use std::convert::Infallible;
use std::fmt;

use crossbeam_channel::{Receiver, Sender, bounded, select, unbounded};
use rungroup::{ChannelCloser, RunningOwned};

use crate::resp::Reply;
use crate::store::Op;

/// What one connection read in one go, and then the replies to it: it travels there and back, with
/// its buffers and with the only sender of the way home. If it is dropped on the way, the connection
/// that waits for it sees that at once.
pub(crate) struct Batch {
    pub(crate) ops: Vec<Op>,
    pub(crate) replies: Vec<Reply>,
    home: Sender<Batch>,
}

impl Batch {
    /// An empty one, that is sent back by `home`.
    pub(crate) fn new(home: Sender<Batch>) -> Self {
        Self { ops: Vec::new(), replies: Vec::new(), home }
    }

    /// About how many bytes its operations take in the file.
    pub(crate) fn size(&self) -> usize {
        self.ops.iter().map(Op::size).sum()
    }

    /// Sends it back.
    pub(crate) fn answer(mut self) {
        self.ops.clear();
        let home = self.home.clone();
        // A connection that has panicked does not wait.
        let _ = home.send(self);
    }
}

/// The queue; a clone is another handle to the same one. The channel needs no bound: a connection has
/// one batch on its way, so no more wait than there are connections.
#[derive(Clone)]
pub(crate) struct Queue {
    sender: Sender<Batch>,
    /// Disconnects when [`Requests`] is dropped.
    ended: Receiver<Infallible>,
    pub(crate) closer: ChannelCloser,
}

/// The storage thread's end of the queue. When it is dropped, by a panic too, every connection that
/// waits for an answer gets [`StorageEnded`]: also one whose batch lies in the channel, which keeps
/// what nobody has received.
pub(crate) struct Requests {
    pub(crate) receiver: Receiver<Batch>,
    _alive: Sender<Infallible>,
}

impl Queue {
    /// A queue, and its end at the storage thread.
    pub(crate) fn new() -> (Self, Requests) {
        let (sender, receiver) = unbounded();
        let (alive, ended) = bounded(0);
        let queue = Self { sender, ended, closer: ChannelCloser::new() };
        (queue, Requests { receiver, _alive: alive })
    }

    /// A connection's end of it; `None` when it is being closed.
    pub(crate) fn connect(&self) -> Option<Client> {
        let sending = self.closer.add_sender_owned()?;
        let (home, answers) = bounded(1);
        Some(Client {
            sender: self.sender.clone(),
            answers,
            ended: self.ended.clone(),
            batch: Some(Batch::new(home)),
            _sending: sending,
        })
    }
}

/// A connection's end of the queue. As long as one is there the storage thread goes on.
pub(crate) struct Client {
    sender: Sender<Batch>,
    answers: Receiver<Batch>,
    ended: Receiver<Infallible>,
    /// `None` when it was lost with the storage thread.
    batch: Option<Batch>,
    _sending: RunningOwned,
}

impl Client {
    /// Has all of `ops` carried out, in order and with nothing of the same connection before them
    /// undone; blocks until they are answered. Leaves `ops` empty. The replies are one for each.
    ///
    /// # Errors
    ///
    /// The storage thread has ended; it is not known whether they were carried out.
    pub(crate) fn run(
        &mut self,
        ops: &mut Vec<Op>,
    ) -> Result<impl Iterator<Item = Reply>, StorageEnded> {
        let mut batch = self.batch.take().ok_or(StorageEnded)?;
        std::mem::swap(&mut batch.ops, ops);
        self.sender.send(batch).map_err(|_| StorageEnded)?;
        let batch = select! {
            recv(self.answers) -> batch => batch.ok(),
            recv(self.ended) -> _ => self.answers.try_recv().ok(), // it may have been the last one
        };
        let batch = batch.ok_or(StorageEnded)?;
        Ok(self.batch.insert(batch).replies.drain(..))
    }
}

/// The storage thread has ended before it answered.
#[derive(Debug)]
pub(crate) struct StorageEnded;

impl fmt::Display for StorageEnded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the storage has ended; whether this request was carried out is not known")
    }
}

impl std::error::Error for StorageEnded {}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;

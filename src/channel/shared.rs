//! What both ends of a channel have in common: the crossbeam channel, its closer, and whether there is
//! still somebody to receive.
//!
//! The crossbeam channel never disconnects as long as there is any handle: both of its halves are kept
//! here. Its end is told by the closer alone, so that there is one way in which it comes.

use std::sync::OnceLock;
use std::time::Instant;

use crossbeam_channel::{self as crossbeam, SendTimeoutError};

use crate::clock;
use crate::closer::ChannelCloser;

pub(super) struct Shared<T> {
    pub(super) input: crossbeam::Sender<T>,
    pub(super) output: crossbeam::Receiver<T>,
    pub(super) closer: ChannelCloser,
    /// A deadline that has passed; none with a capacity of 0.
    past: Option<Instant>,
    abandoned: OnceLock<Abandoned>,
}

/// The last receiver has left, and before that the channel was…
#[derive(Clone, Copy, Debug)]
enum Abandoned {
    Open,
    Closed,
}

/// Why an item was not taken.
pub(super) enum Refusal {
    Closed,
    Disconnected,
}

impl<T> Shared<T> {
    pub(super) fn new(capacity: usize) -> Self {
        let (input, output) = crossbeam::bounded(capacity);
        let past = (capacity > 0).then(clock::now);
        Self { input, output, closer: ChannelCloser::new(), past, abandoned: OnceLock::new() }
    }

    /// The last receiver leaves: nobody would take what comes now.
    pub(super) fn abandon(&self) {
        let open = !self.closer.is_closed();
        let _ = self.abandoned.set(if open { Abandoned::Open } else { Abandoned::Closed });
        self.closer.close();
        self.discard();
    }

    /// To be called by a sender that has left.
    ///
    /// An item that was on its way while the last receiver left may have come too late for its
    /// `discard`. Such a sender was inside when that receiver closed, so the last to leave of them
    /// comes by here: it has left after the close, and was told by it what was done before, which is
    /// that the channel is abandoned; and it sees what the others have sent, as they left before.
    #[inline]
    pub(super) fn sweep(&self) {
        if self.abandoned.get().is_some() {
            self.discard();
        }
    }

    /// An item may hold what somebody waits for, a reply for example. So it must not stay in a channel
    /// that nobody receives from only because a sender is still there.
    #[cold]
    fn discard(&self) {
        self.output.try_iter().for_each(drop);
    }

    /// Sends as long as crossbeam tries before it blocks, which is a few microseconds of spinning and
    /// yielding, and gives up then: a deadline that has passed makes it. What blocks after that is a
    /// `select` of ours, as it has to hear of the close, too. With a capacity of 0 there is nothing to
    /// try: two that meet have to wait for each other, and waiting does its own spinning.
    pub(super) fn send_spinning(&self, item: T) -> Result<(), T> {
        match self.past {
            Some(past) => {
                self.input.send_deadline(item, past).map_err(SendTimeoutError::into_inner)
            }
            None => Err(item),
        }
    }

    /// Receives as [`send_spinning`](Self::send_spinning) sends.
    pub(super) fn recv_spinning(&self) -> Option<T> {
        self.past.and_then(|past| self.output.recv_deadline(past).ok())
    }

    /// It is a bounded channel's, so there is one.
    pub(super) fn capacity(&self) -> usize {
        self.input.capacity().unwrap_or_default()
    }

    /// Why the channel takes no items any more. It must be closed.
    pub(super) fn refusal(&self) -> Refusal {
        match self.abandoned.get() {
            Some(Abandoned::Open) => Refusal::Disconnected,
            Some(Abandoned::Closed) | None => Refusal::Closed,
        }
    }
}

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
    /// `discard`. What helps is what every close promises, also one that comes after another: whoever
    /// leaves either sees what was done before that close, or the close sees what it has done. For a
    /// sender and the close of `abandon` that means: it finds the channel abandoned, and drops what it
    /// has sent, if nobody has; or that close has seen its item, and so does the `discard` after it.
    #[inline]
    pub(super) fn sweep(&self) {
        if self.abandoned.get().is_some() {
            self.discard();
        }
    }

    /// An item may hold what somebody waits for, a reply for example. So it must not stay in a channel
    /// that nobody receives from only because a sender is still there, or because the drop of the one
    /// before it has panicked.
    #[cold]
    fn discard(&self) {
        let rest = DiscardWhenDropped(&self.output);
        rest.0.try_iter().for_each(drop);
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

/// Goes on when a panic has come in between. A second one ends the process, as everywhere in a drop.
struct DiscardWhenDropped<'a, T>(&'a crossbeam::Receiver<T>);

impl<T> Drop for DiscardWhenDropped<'_, T> {
    fn drop(&mut self) {
        self.0.try_iter().for_each(drop);
    }
}

//! [`ChannelCloser`]: the senders and the receivers of a channel, closed one after the other.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::clock;

use super::error::{StillRunning, What};
use super::gate::Gate;
use super::notify::CloseNotify;
use super::running::{Running, RunningOwned};

/// The senders and the receivers of a channel, closed in two steps, so that what was sent is
/// received.
///
/// 1. [`close`](ChannelCloser::close) refuses further senders and tells those that are there
///    ([`closing`](ChannelCloser::closing)). Receivers go on, and more may still come.
/// 2. The last sender leaves, and by that the receivers are told
///    ([`close_notify`](ChannelCloser::close_notify)), and further ones refused. All that was ever
///    sent is received or in the channel now. A receiver that is told takes what is left
///    (`try_recv` until the channel is empty) and leaves.
///
/// When the last receiver has left as well the channel has drained, and waits return. Nothing is
/// lost as long as one receiver stays until it is told. Nobody is stuck in a full channel either:
/// receivers are told only when no sender is left.
///
/// Guards, closing and waiting are those of [`Closer`](crate::Closer): sticky, from any thread, the
/// guard of a panicking thread is dropped with it, and **do not wait while your own thread holds a
/// guard**. The channel itself can be any; it needs no disconnecting, so both ends may be kept.
/// Cheap to clone; clones are the same closer. It takes twice the memory of a `Closer`.
///
/// # Examples
///
/// ```
/// use std::thread;
///
/// use crossbeam_channel::{bounded, select};
/// use rungroup::ChannelCloser;
///
/// let closer = ChannelCloser::new();
/// let (sender, receiver) = bounded::<u32>(8);
///
/// let (running, told) = (closer.add_receiver_owned().unwrap(), closer.close_notify().clone());
/// let sum = thread::spawn(move || {
///     let mut sum = 0;
///     loop {
///         select! {
///             recv(receiver) -> item => sum += item.unwrap(),
///             recv(told.receiver()) -> _ => break,
///         }
///     }
///     sum += receiver.try_iter().sum::<u32>(); // no sender is left: this is the rest
///     running.done();
///     sum
/// });
///
/// for item in 1..=100 {
///     let Some(_sending) = closer.add_sender() else { break };
///     sender.send(item).unwrap();
/// }
/// closer.close_then_wait();
/// assert_eq!(sum.join().unwrap(), 5050);
/// ```
#[derive(Clone)]
pub struct ChannelCloser {
    senders: Arc<Gate>,
    /// Closed by whoever is the last to leave `senders`, and by nothing else. So it has drained only
    /// after `senders` has.
    receivers: Arc<Gate>,
}

impl ChannelCloser {
    /// An open closer without senders and receivers.
    ///
    /// # Examples
    ///
    /// ```
    /// let closer = rungroup::ChannelCloser::new();
    /// assert!(!closer.is_closed());
    /// ```
    pub fn new() -> Self {
        let (senders, receivers) = (Gate::new(), Gate::new());
        senders.then_close(&receivers);
        Self { senders, receivers }
    }

    /// Enters as a sender, until the guard is dropped. `None` once [`close`](ChannelCloser::close)
    /// was called.
    ///
    /// A guard for each item is fine, and so is one for a sender's whole life.
    ///
    /// # Examples
    ///
    /// ```
    /// let closer = rungroup::ChannelCloser::new();
    /// assert!(closer.add_sender().is_some());
    /// closer.close();
    /// assert!(closer.add_sender().is_none());
    /// ```
    #[inline]
    pub fn add_sender(&self) -> Option<Running<'_>> {
        Running::enter(&self.senders)
    }

    /// As [`add_sender`](ChannelCloser::add_sender), with a guard that borrows nothing: for a thread
    /// of its own.
    ///
    /// # Examples
    ///
    /// ```
    /// use crossbeam_channel::{bounded, select};
    ///
    /// let closer = rungroup::ChannelCloser::new();
    /// let (sender, receiver) = bounded::<u32>(0);
    /// let (sending, closing) = (closer.add_sender_owned().unwrap(), closer.closing().clone());
    /// std::thread::spawn(move || {
    ///     select! {
    ///         send(sender, 7) -> sent => sent.unwrap(),
    ///         recv(closing.receiver()) -> _ => {} // nobody took it
    ///     }
    ///     sending.done();
    /// });
    /// closer.close_then_wait();
    /// # drop(receiver);
    /// ```
    #[inline]
    pub fn add_sender_owned(&self) -> Option<RunningOwned> {
        RunningOwned::enter(&self.senders)
    }

    /// Enters as a receiver, until the guard is dropped. `None` once the receivers are told; after
    /// `close` alone receivers may still come, as long as senders are there.
    ///
    /// # Examples
    ///
    /// ```
    /// let closer = rungroup::ChannelCloser::new();
    /// let sending = closer.add_sender().unwrap();
    /// closer.close();
    /// assert!(closer.add_receiver().is_some());
    /// sending.done();
    /// assert!(closer.add_receiver().is_none());
    /// ```
    #[inline]
    pub fn add_receiver(&self) -> Option<Running<'_>> {
        Running::enter(&self.receivers)
    }

    /// As [`add_receiver`](ChannelCloser::add_receiver), with a guard that borrows nothing: for a
    /// thread of its own.
    ///
    /// # Examples
    ///
    /// ```
    /// let closer = rungroup::ChannelCloser::new();
    /// let receiving = closer.add_receiver_owned().unwrap();
    /// let told = closer.close_notify().clone();
    /// std::thread::spawn(move || {
    ///     told.wait();
    ///     receiving.done();
    /// });
    /// closer.close_then_wait();
    /// ```
    #[inline]
    pub fn add_receiver_owned(&self) -> Option<RunningOwned> {
        RunningOwned::enter(&self.receivers)
    }

    /// Lets no sender in any more and tells those that are there, without waiting for anybody. The
    /// receivers are told when the last sender leaves; at once, where there is none.
    ///
    /// # Examples
    ///
    /// ```
    /// let closer = rungroup::ChannelCloser::new();
    /// let sending = closer.add_sender().unwrap();
    /// closer.close();
    /// assert!(!closer.close_notify().is_closed());
    /// sending.done();
    /// assert!(closer.close_notify().is_closed());
    /// ```
    pub fn close(&self) {
        self.senders.close();
    }

    /// What tells the senders: visible once no `add_sender` succeeds any more.
    ///
    /// # Examples
    ///
    /// ```
    /// let closer = rungroup::ChannelCloser::new();
    /// closer.close();
    /// assert!(closer.closing().is_closed());
    /// ```
    pub fn closing(&self) -> &CloseNotify {
        self.senders.closed()
    }

    /// What tells the receivers: visible once the last sender has left, so that nothing will be sent
    /// any more, and no `add_receiver` succeeds.
    ///
    /// # Examples
    ///
    /// ```
    /// let closer = rungroup::ChannelCloser::new();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| closer.close_notify().wait());
    ///     closer.close();
    /// });
    /// ```
    pub fn close_notify(&self) -> &CloseNotify {
        self.receivers.closed()
    }

    /// Whether it is closed, that is, whether the senders have been told. The receivers may not be.
    ///
    /// # Examples
    ///
    /// ```
    /// let closer = rungroup::ChannelCloser::new();
    /// let sending = closer.add_sender();
    /// closer.close();
    /// assert!(closer.is_closed());
    /// # drop(sending);
    /// ```
    pub fn is_closed(&self) -> bool {
        self.senders.closed().is_closed()
    }

    /// How many senders are running. It is exact if none enters or leaves meanwhile, and near it
    /// otherwise; once they are told it is exact, and may only have fallen when you read it.
    ///
    /// # Examples
    ///
    /// ```
    /// let closer = rungroup::ChannelCloser::new();
    /// let sending = closer.add_sender();
    /// assert_eq!(closer.senders(), 1);
    /// # drop(sending);
    /// ```
    pub fn senders(&self) -> usize {
        self.senders.count.remaining()
    }

    /// How many receivers are running. It is exact if none enters or leaves meanwhile, and near it
    /// otherwise; once they are told it is exact, and may only have fallen when you read it.
    ///
    /// # Examples
    ///
    /// ```
    /// let closer = rungroup::ChannelCloser::new();
    /// let receiving = closer.add_receiver();
    /// assert_eq!(closer.receivers(), 1);
    /// # drop(receiving);
    /// ```
    pub fn receivers(&self) -> usize {
        self.receivers.count.remaining()
    }

    /// Blocks until it is closed and the last receiver, after the last sender, has left. It does not
    /// close: while nobody does, it blocks even if nobody is there.
    ///
    /// # Examples
    ///
    /// ```
    /// let closer = rungroup::ChannelCloser::new();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| closer.close());
    ///     closer.wait();
    /// });
    /// ```
    pub fn wait(&self) {
        self.receivers.count.wait();
    }

    /// As [`wait`](ChannelCloser::wait), for `limit` at most.
    ///
    /// # Errors
    ///
    /// [`StillRunning`] when the limit has passed: the senders, if there are any, else the
    /// receivers. One may wait again.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let closer = rungroup::ChannelCloser::new();
    /// let sending = closer.add_sender().unwrap().named("parser");
    /// closer.close();
    /// let still = closer.wait_timeout(Duration::from_millis(1)).unwrap_err();
    /// assert_eq!(still.to_string(), "1 sender is still running: 'parser'");
    ///
    /// sending.done();
    /// assert!(closer.wait_timeout(Duration::from_secs(60)).is_ok());
    /// ```
    pub fn wait_timeout(&self, limit: Duration) -> Result<(), StillRunning> {
        self.wait_until(clock::after(limit))
    }

    pub(super) fn wait_until(&self, deadline: Option<Instant>) -> Result<(), StillRunning> {
        if self.receivers.count.wait_until(deadline) {
            Ok(())
        } else if self.senders.count.is_drained() {
            Err(StillRunning::at(&self.receivers, What::Receiver).being_closed())
        } else {
            Err(StillRunning::at(&self.senders, What::Sender))
        }
    }

    /// [Closes](ChannelCloser::close), then [waits](ChannelCloser::wait).
    ///
    /// # Examples
    ///
    /// ```
    /// let closer = rungroup::ChannelCloser::new();
    /// closer.close_then_wait();
    /// assert!(closer.add_sender().is_none() && closer.add_receiver().is_none());
    /// ```
    pub fn close_then_wait(&self) {
        self.close();
        self.wait();
    }

    /// Closes `next` when this one has drained, or now if it has.
    pub(super) fn then_close(&self, next: &ChannelCloser) {
        self.receivers.then_close(&next.senders);
    }
}

// As `Closer`.
impl UnwindSafe for ChannelCloser {}
impl RefUnwindSafe for ChannelCloser {}

impl Default for ChannelCloser {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ChannelCloser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelCloser")
            .field("closing", &self.is_closed())
            .field("senders", &self.senders())
            .field("closed", &self.close_notify().is_closed())
            .field("receivers", &self.receivers())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last sender has left, and its thread is on its way from there to closing the receivers.
    #[test]
    fn c4_receivers_that_are_just_being_told_do_not_count_as_not_closed() {
        let closer = ChannelCloser { senders: Gate::new(), receivers: Gate::new() };
        let still = closer.wait_timeout(Duration::ZERO).unwrap_err();
        assert_eq!(still.to_string(), "not closed, no sender is running");
        let receiving = closer.add_receiver().unwrap();
        closer.close();
        let still = closer.wait_timeout(Duration::ZERO).unwrap_err();
        assert!(!closer.close_notify().is_closed() && still.is_closed());
        assert_eq!(still.to_string(), "1 receiver is still running");
        receiving.done();
    }
}

//! [`Sender`]: the end that items are put into. Each of them is sent under a sender's guard of the
//! closer, so that no receiver is told the end before it is in the channel.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{self as crossbeam, select_biased};

use crate::closer::{ChannelCloser, CloseNotify, Running};

use super::error::{SendError, SendTimeoutError, TrySendError};
use super::shared::{Refusal, Shared};

/// The sending end of a channel: see the [module](super).
///
/// Cheap to clone, and may be shared. Dropping the last one closes the channel.
///
/// # Examples
///
/// ```
/// use std::thread;
///
/// use rungroup::channel;
///
/// let (sender, receiver) = channel::bounded(1);
/// for part in ["a", "b"] {
///     let sender = sender.clone();
///     thread::spawn(move || sender.send(part));
/// }
/// drop(sender);
/// assert_eq!(receiver.into_iter().count(), 2);
/// ```
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
    /// One for all senders: the last of them drops it.
    last: Arc<CloseWhenDropped>,
}

struct CloseWhenDropped(ChannelCloser);

impl Drop for CloseWhenDropped {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<T> Sender<T> {
    pub(super) fn new(shared: &Arc<Shared<T>>) -> Self {
        let last = CloseWhenDropped(shared.closer.clone());
        Self { shared: Arc::clone(shared), last: Arc::new(last) }
    }

    /// Sends an item, and waits for room if the channel is full.
    ///
    /// # Errors
    ///
    /// [`SendError`], with the item, once the channel is closed, also if that happens while it waits
    /// for room.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::thread;
    ///
    /// use rungroup::channel;
    ///
    /// let (sender, receiver) = channel::bounded(1);
    /// sender.send(1).unwrap();
    /// thread::scope(|scope| {
    ///     let refused = scope.spawn(|| sender.send(2)); // full
    ///     receiver.close();
    ///     assert_eq!(refused.join().unwrap().unwrap_err().into_inner(), 2);
    /// });
    /// ```
    #[inline]
    pub fn send(&self, item: T) -> Result<(), SendError<T>> {
        let Some(sending) = self.enter() else { return Err(self.refused(item)) };
        match sending.channel().try_send(item) {
            Ok(()) => Ok(()),
            Err(full) => self.send_blocking(full.into_inner()),
        }
    }

    /// Sends an item if there is room now, or with a capacity of 0, if a receiver waits for it.
    ///
    /// # Errors
    ///
    /// [`TrySendError`], with the item, if there is no room or the channel is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::channel::{self, TrySendError};
    ///
    /// let (sender, receiver) = channel::bounded(1);
    /// assert_eq!(sender.try_send(1), Ok(()));
    /// assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
    /// sender.close();
    /// assert_eq!(sender.try_send(3), Err(TrySendError::Closed(3)));
    /// # drop(receiver);
    /// ```
    #[inline]
    pub fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        let Some(sending) = self.enter() else { return Err(self.refused(item).into()) };
        sending.channel().try_send(item).map_err(|full| TrySendError::Full(full.into_inner()))
    }

    /// As [`send`](Sender::send), for `limit` at most.
    ///
    /// # Errors
    ///
    /// [`SendTimeoutError`], with the item, if there was no room in time, or the channel is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rungroup::channel::{self, SendTimeoutError};
    ///
    /// let (sender, receiver) = channel::bounded(0);
    /// let limit = Duration::from_millis(1);
    /// assert_eq!(sender.send_timeout(1, limit), Err(SendTimeoutError::Timeout(1)));
    /// drop(receiver);
    /// assert_eq!(sender.send_timeout(1, limit), Err(SendTimeoutError::Disconnected(1)));
    /// ```
    #[inline]
    pub fn send_timeout(&self, item: T, limit: Duration) -> Result<(), SendTimeoutError<T>> {
        let Some(sending) = self.enter() else { return Err(self.refused(item).into()) };
        match sending.channel().try_send(item) {
            Ok(()) => Ok(()),
            Err(full) => self.send_blocking_for(full.into_inner(), limit),
        }
    }

    /// The caller is inside. The close comes first: there is room, too, in a channel that was emptied
    /// because nobody receives from it any more.
    #[cold]
    fn send_blocking(&self, item: T) -> Result<(), SendError<T>> {
        let item = match self.shared.send_spinning(item) {
            Ok(()) => return Ok(()),
            Err(item) => item,
        };
        select_biased! {
            recv(self.closing().receiver()) -> _ => Err(self.refused(item)),
            send(self.shared.input, item) -> sent => {
                sent.map_err(|closed| self.refused(closed.into_inner()))
            }
        }
    }

    /// As `send_blocking`. A limit beyond all clocks is none, to crossbeam as well.
    #[cold]
    fn send_blocking_for(&self, item: T, limit: Duration) -> Result<(), SendTimeoutError<T>> {
        let item = match self.shared.send_spinning(item) {
            Ok(()) => return Ok(()),
            Err(item) => item,
        };
        select_biased! {
            recv(self.closing().receiver()) -> _ => Err(self.refused(item).into()),
            send(self.shared.input, item) -> sent => {
                sent.map_err(|closed| self.refused(closed.into_inner()).into())
            }
            default(limit) => Err(SendTimeoutError::Timeout(item)),
        }
    }

    #[cold]
    fn refused(&self, item: T) -> SendError<T> {
        match self.shared.refusal() {
            Refusal::Closed => SendError::Closed(item),
            Refusal::Disconnected => SendError::Disconnected(item),
        }
    }

    /// For sending in a `select!`: a guard that the channel can be borrowed from, or nothing once
    /// closed. The [module](super) has an example.
    ///
    /// As long as the guard is there no receiver is told the end.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::channel;
    ///
    /// let (sender, receiver) = channel::bounded::<u32>(1);
    /// assert!(sender.enter().is_some());
    /// receiver.close();
    /// assert!(sender.enter().is_none());
    /// ```
    #[inline]
    pub fn enter(&self) -> Option<Sending<'_, T>> {
        let Some(running) = self.shared.closer.add_sender() else { return self.refuse() };
        Some(Sending { shared: &self.shared, _running: running, _after: Sweep(&self.shared) })
    }

    /// A sender is refused a moment before the close can be seen. Closing as well is how one waits for
    /// that moment: whoever was refused finds the channel closed.
    #[cold]
    fn refuse(&self) -> Option<Sending<'_, T>> {
        self.close();
        None
    }

    /// Closes the channel: what comes now is refused, and the receivers get what was accepted and
    /// then the end. It waits for nobody, is for good, and may be called again.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = rungroup::channel::bounded(1);
    /// sender.send(1).unwrap();
    /// sender.close();
    /// assert_eq!(receiver.recv(), Ok(1));
    /// assert!(receiver.recv().is_err());
    /// ```
    pub fn close(&self) {
        self.shared.closer.close();
    }

    /// [Closes](Sender::close), and waits until all that was accepted is received and the receivers
    /// have left. With a limit: [`closer`](Sender::closer)`().wait_timeout(…)`.
    ///
    /// **Not while your own thread holds a receiver** that has not seen the end, or a
    /// [`Sending`]: it would wait for itself.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::thread;
    ///
    /// let (sender, receiver) = rungroup::channel::bounded(4);
    /// let sum = thread::spawn(move || receiver.iter().sum::<u32>());
    /// (1..=10).for_each(|item| sender.send(item).unwrap());
    /// sender.close_then_wait();
    /// assert_eq!(sum.join().unwrap(), 55);
    /// ```
    pub fn close_then_wait(&self) {
        self.shared.closer.close_then_wait();
    }

    /// Whether the channel is closed: items are refused. What was accepted may not be received yet.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = rungroup::channel::bounded::<u32>(1);
    /// assert!(!sender.is_closed());
    /// drop(receiver);
    /// assert!(sender.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.shared.closer.is_closed()
    }

    /// The closer of the channel: for waiting with a limit, and for a
    /// [`ChannelGroupCloser`](crate::ChannelGroupCloser).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let (sender, _receiver) = rungroup::channel::bounded::<u32>(1);
    /// sender.close();
    /// let still = sender.closer().wait_timeout(Duration::from_millis(1)).unwrap_err();
    /// assert_eq!(still.to_string(), "1 receiver is still running");
    /// ```
    pub fn closer(&self) -> &ChannelCloser {
        &self.shared.closer
    }

    /// What tells the senders that the channel is closed, for `select!` and for waiting.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = rungroup::channel::bounded::<u32>(1);
    /// receiver.close();
    /// sender.closing().wait();
    /// ```
    pub fn closing(&self) -> &CloseNotify {
        self.shared.closer.closing()
    }

    /// How many items are in the channel.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, _receiver) = rungroup::channel::bounded(2);
    /// sender.send(1).unwrap();
    /// assert_eq!(sender.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.shared.input.len()
    }

    /// Whether no item is in the channel; with a capacity of 0 none ever is.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, _receiver) = rungroup::channel::bounded::<u32>(2);
    /// assert!(sender.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.shared.input.is_empty()
    }

    /// Whether there is no room; with a capacity of 0 there never is.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, _receiver) = rungroup::channel::bounded(1);
    /// sender.send(1).unwrap();
    /// assert!(sender.is_full());
    /// ```
    pub fn is_full(&self) -> bool {
        self.shared.input.is_full()
    }

    /// How many items the channel holds at most.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, _receiver) = rungroup::channel::bounded::<u32>(2);
    /// assert_eq!(sender.capacity(), 2);
    /// ```
    pub fn capacity(&self) -> usize {
        self.shared.capacity()
    }
}

// As crossbeam's, whatever the items are: a panic leaves none half sent.
impl<T> UnwindSafe for Sender<T> {}
impl<T> RefUnwindSafe for Sender<T> {}
impl<T> UnwindSafe for Sending<'_, T> {}
impl<T> RefUnwindSafe for Sending<'_, T> {}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), last: Arc::clone(&self.last) }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("closed", &self.is_closed()).finish_non_exhaustive()
    }
}

/// A sender that is inside: [`Sender::enter`]. Dropping it is leaving.
#[must_use = "dropping it says that the sender is done"]
pub struct Sending<'a, T> {
    shared: &'a Shared<T>,
    // In this order: the sender leaves, and then sweeps.
    _running: Running<'a>,
    _after: Sweep<'a, T>,
}

struct Sweep<'a, T>(&'a Shared<T>);

impl<T> Drop for Sweep<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.0.sweep();
    }
}

impl<T> Sending<'_, T> {
    /// The channel beneath, to send to **as long as the guard is there**. It knows nothing of closing:
    /// beside a plain `send` to it, which may block, nobody would hear of it. In a `select!` there is
    /// a second arm for that, with [`Sender::closing`].
    ///
    /// **Do not clone it.** A clone sends without a guard: after the end, too, where nobody takes the
    /// item and nobody drops it as long as there is any handle of the channel.
    ///
    /// # Examples
    ///
    /// ```
    /// use crossbeam_channel::select;
    ///
    /// let (sender, receiver) = rungroup::channel::bounded(1);
    /// if let Some(sending) = sender.enter() {
    ///     select! {
    ///         send(sending.channel(), 1) -> sent => sent.unwrap(),
    ///         recv(sender.closing().receiver()) -> _ => {}
    ///     }
    /// }
    /// assert_eq!(receiver.recv(), Ok(1));
    /// ```
    #[inline]
    pub fn channel(&self) -> &crossbeam::Sender<T> {
        &self.shared.input
    }
}

impl<T> fmt::Debug for Sending<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").finish_non_exhaustive()
    }
}

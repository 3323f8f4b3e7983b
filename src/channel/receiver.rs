//! [`Receiver`]: the end that items are taken from, and the iterators over it. Each handle holds a
//! receiver's guard of the closer until it has seen the end, so that whoever waits for the channel
//! waits for what is done with the last item, too.

use std::borrow::Cow;
use std::fmt;
use std::iter::FusedIterator;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{self as crossbeam, select_biased};

use crate::closer::{ChannelCloser, CloseNotify, RunningOwned};
use crate::sync::Mutex;

use super::error::{RecvError, RecvTimeoutError, TryRecvError};
use super::shared::Shared;

/// The receiving end of a channel: see the [module](super).
///
/// Clones share the items among them: each goes to one. The channel waits for every clone until it is
/// dropped or has said that the channel is closed. So give each thread its own, and keep none that
/// nobody asks. A clone that is made when the channel has closed already counts for as long as it,
/// or the one that it was cloned from, is there and has not seen the end; one that is made after the
/// end does not count.
///
/// Dropping the last one closes the channel, and drops what is in it: there and then, and before any
/// wait returns. What a sender is just putting in, that sender drops when it has left, which may be
/// after a wait has returned. [`SendError::Disconnected`] tells the senders.
///
/// [`SendError::Disconnected`]: super::SendError::Disconnected
///
/// # Examples
///
/// ```
/// use std::thread;
///
/// use rungroup::channel;
///
/// let (sender, receiver) = channel::bounded::<u32>(4);
/// let workers: Vec<_> = (0..3)
///     .map(|_| {
///         let receiver = receiver.clone();
///         thread::spawn(move || receiver.iter().sum::<u32>())
///     })
///     .collect();
/// drop(receiver);
/// (1..=10).for_each(|item| sender.send(item).unwrap());
/// sender.close_then_wait();
/// assert_eq!(workers.into_iter().map(|it| it.join().unwrap()).sum::<u32>(), 55);
/// ```
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// One for all receivers: the last of them drops it. Before `holding`, as fields are dropped in
    /// this order: a wait does not return before what this receiver finds left has been dropped. (For
    /// what a sender sweeps there is no such promise: it has left by then, and may be the last.)
    last: Arc<AbandonWhenDropped<T>>,
    /// Empty after the end. Shared with clones that came too late for a guard of their own, and with
    /// whoever holds on.
    holding: Mutex<Option<Arc<RunningOwned>>>,
}

struct AbandonWhenDropped<T>(Arc<Shared<T>>);

impl<T> Drop for AbandonWhenDropped<T> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl<T> Receiver<T> {
    pub(super) fn new(shared: &Arc<Shared<T>>) -> Self {
        Self {
            shared: Arc::clone(shared),
            last: Arc::new(AbandonWhenDropped(Arc::clone(shared))),
            holding: Mutex::new(shared.closer.add_receiver_owned().map(Arc::new)),
        }
    }

    /// Counts on for as long as what is returned is there, also after the end: for those who have
    /// something to do when they have received everything, to send a sum on, or to flush.
    ///
    /// Ask for it before you receive: after the end there is nothing to hold on to.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use std::thread;
    ///
    /// static FLUSHED: AtomicU32 = AtomicU32::new(0);
    ///
    /// let (sender, receiver) = rungroup::channel::bounded(4);
    /// thread::spawn(move || {
    ///     let _until_flushed = receiver.hold();
    ///     let sum = receiver.iter().sum();
    ///     FLUSHED.store(sum, Ordering::Relaxed);
    /// });
    /// (1..=10).for_each(|item| sender.send(item).unwrap());
    /// sender.close_then_wait();
    /// assert_eq!(FLUSHED.load(Ordering::Relaxed), 55);
    /// ```
    pub fn hold(&self) -> Hold {
        Hold { _guard: self.holding.lock().clone() }
    }

    /// Gives it a name, for [`StillRunning`](crate::StillRunning) to tell. Clones have none, but for
    /// those made when the channel has closed already, which count together with this one.
    ///
    /// **Name it before you [hold](Receiver::hold).** It does nothing while something else counts
    /// together with this receiver, a [`Hold`] or such a clone, nor after the end, when nothing counts.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let (sender, receiver) = rungroup::channel::bounded::<u32>(1);
    /// let _receiver = receiver.named("writer");
    /// sender.close();
    /// let still = sender.closer().wait_timeout(Duration::ZERO).unwrap_err();
    /// assert_eq!(still.to_string(), "1 receiver is still running: 'writer'");
    /// ```
    #[must_use = "it is the receiver"]
    pub fn named(self, name: impl Into<Cow<'static, str>>) -> Self {
        let holding = self.holding.lock().take();
        let holding = holding.map(|guard| match Arc::try_unwrap(guard) {
            Ok(guard) => Arc::new(guard.named(name)),
            Err(shared) => shared,
        });
        *self.holding.lock() = holding;
        self
    }

    /// Takes the next item, and waits for one if there is none.
    ///
    /// # Errors
    ///
    /// [`RecvError`] when the channel is closed and all that was accepted has been received. From then
    /// on this receiver does not count as running any more.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = rungroup::channel::bounded(1);
    /// sender.send(1).unwrap();
    /// drop(sender);
    /// assert_eq!(receiver.recv(), Ok(1));
    /// assert!(receiver.recv().is_err());
    /// ```
    #[inline]
    pub fn recv(&self) -> Result<T, RecvError> {
        match self.shared.output.try_recv() {
            Ok(item) => Ok(item),
            Err(_) => self.recv_blocking(),
        }
    }

    /// Takes the next item if there is one.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`] if there is none now, [`TryRecvError::Closed`] if there never will be.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::channel::{self, TryRecvError};
    ///
    /// let (sender, receiver) = channel::bounded(1);
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    /// sender.send(1).unwrap();
    /// sender.close();
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    /// ```
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        match self.shared.output.try_recv() {
            Ok(item) => Ok(item),
            Err(_) if self.close_notify().is_closed() => Ok(self.rest()?),
            Err(_) => Err(TryRecvError::Empty),
        }
    }

    /// As [`recv`](Receiver::recv), for `limit` at most.
    ///
    /// # Errors
    ///
    /// [`RecvTimeoutError::Timeout`] if none came in time, [`RecvTimeoutError::Closed`] as with `recv`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rungroup::channel::{self, RecvTimeoutError};
    ///
    /// let (sender, receiver) = channel::bounded::<u32>(1);
    /// let waited = receiver.recv_timeout(Duration::from_millis(1));
    /// assert_eq!(waited, Err(RecvTimeoutError::Timeout));
    /// sender.close();
    /// let waited = receiver.recv_timeout(Duration::from_secs(60));
    /// assert_eq!(waited, Err(RecvTimeoutError::Closed));
    /// ```
    #[inline]
    pub fn recv_timeout(&self, limit: Duration) -> Result<T, RecvTimeoutError> {
        match self.shared.output.try_recv() {
            Ok(item) => Ok(item),
            Err(_) => self.recv_blocking_for(limit),
        }
    }

    #[cold]
    fn recv_blocking(&self) -> Result<T, RecvError> {
        if let Some(item) = self.shared.recv_spinning() {
            return Ok(item);
        }
        select_biased! {
            recv(self.shared.output) -> item => item.or_else(|_| self.rest()),
            recv(self.close_notify().receiver()) -> _ => self.rest(),
        }
    }

    /// As `recv_blocking`. A limit beyond all clocks is none, to crossbeam as well.
    #[cold]
    fn recv_blocking_for(&self, limit: Duration) -> Result<T, RecvTimeoutError> {
        if let Some(item) = self.shared.recv_spinning() {
            return Ok(item);
        }
        select_biased! {
            recv(self.shared.output) -> item => item.or_else(|_| Ok(self.rest()?)),
            recv(self.close_notify().receiver()) -> _ => Ok(self.rest()?),
            default(limit) => Err(RecvTimeoutError::Timeout),
        }
    }

    /// For those who have been told: no sender is inside any more, so what is not there never comes.
    /// Whoever learns that has asked for the next item and is through with the one before.
    #[cold]
    fn rest(&self) -> Result<T, RecvError> {
        self.shared.output.try_recv().map_err(|_| {
            // Taken under the lock, dropped outside it: leaving may close what follows.
            let guard = self.holding.lock().take();
            drop(guard);
            RecvError
        })
    }

    /// All items until the end, waiting for each as [`recv`](Receiver::recv) does. So does
    /// `for item in &receiver`.
    ///
    /// Where it ends this receiver does not count any more. So whoever takes all items first and handles
    /// them then, as with `collect`, [holds](Receiver::hold) on before, if waits are to cover that.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = rungroup::channel::bounded(4);
    /// (1..=3).for_each(|item| sender.send(item).unwrap());
    /// sender.close();
    /// assert_eq!(receiver.iter().sum::<u32>(), 6);
    /// ```
    pub fn iter(&self) -> Iter<'_, T> {
        Iter(self)
    }

    /// The items that are there, without waiting for more.
    ///
    /// It asks until there is none; once the channel has closed that is the end, where this receiver
    /// does not count any more. So whoever takes a batch first and handles it then
    /// [holds](Receiver::hold) on before, if waits are to cover that.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = rungroup::channel::bounded(4);
    /// (1..=3).for_each(|item| sender.send(item).unwrap());
    /// assert_eq!(receiver.try_iter().sum::<u32>(), 6);
    /// assert!(!receiver.is_closed());
    /// ```
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter(self)
    }

    /// The channel beneath, **for `select!`**, beside an arm with
    /// [`close_notify`](Receiver::close_notify): this one alone never tells the end. After that arm go
    /// on with `for item in &receiver`, which takes what is left. The [module](super) has an example.
    ///
    /// **Do not clone it.** Nobody waits for who receives from a clone: it takes items that a
    /// `Receiver` is then not given, and they may be unhandled when a wait returns.
    ///
    /// # Examples
    ///
    /// ```
    /// use crossbeam_channel::select;
    ///
    /// let (sender, receiver) = rungroup::channel::bounded(1);
    /// sender.send(1).unwrap();
    /// select! {
    ///     recv(receiver.items()) -> item => assert_eq!(item, Ok(1)),
    ///     recv(receiver.close_notify().receiver()) -> _ => unreachable!("nobody closed"),
    /// }
    /// ```
    pub fn items(&self) -> &crossbeam::Receiver<T> {
        &self.shared.output
    }

    /// What tells the receivers that nothing will come any more; there may be items left.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = rungroup::channel::bounded(1);
    /// sender.send(1).unwrap();
    /// sender.close();
    /// receiver.close_notify().wait();
    /// assert_eq!(receiver.iter().count(), 1);
    /// ```
    pub fn close_notify(&self) -> &CloseNotify {
        self.shared.closer.close_notify()
    }

    /// Closes the channel, as [`Sender::close`](super::Sender::close) does: what was accepted is still
    /// to be received. There is no `close_then_wait` here, as it would wait for this receiver.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = rungroup::channel::bounded(2);
    /// sender.send(1).unwrap();
    /// receiver.close();
    /// assert!(sender.send(2).is_err());
    /// assert_eq!(receiver.iter().collect::<Vec<_>>(), [1]);
    /// ```
    pub fn close(&self) {
        self.shared.closer.close();
    }

    /// Whether the channel is closed: items are refused. There may be some left to receive.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = rungroup::channel::bounded::<u32>(1);
    /// drop(sender);
    /// assert!(receiver.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.shared.closer.is_closed()
    }

    /// The closer of the channel, as [`Sender::closer`](super::Sender::closer).
    ///
    /// # Examples
    ///
    /// ```
    /// let (_sender, receiver) = rungroup::channel::bounded::<u32>(1);
    /// assert_eq!(receiver.closer().receivers(), 1);
    /// ```
    pub fn closer(&self) -> &ChannelCloser {
        &self.shared.closer
    }

    /// How many items are in the channel.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = rungroup::channel::bounded(2);
    /// sender.send(1).unwrap();
    /// assert_eq!(receiver.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.shared.output.len()
    }

    /// Whether no item is in the channel; with a capacity of 0 none ever is.
    ///
    /// # Examples
    ///
    /// ```
    /// let (_sender, receiver) = rungroup::channel::bounded::<u32>(2);
    /// assert!(receiver.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.shared.output.is_empty()
    }

    /// Whether there is no room; with a capacity of 0 there never is.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = rungroup::channel::bounded(1);
    /// sender.send(1).unwrap();
    /// assert!(receiver.is_full());
    /// ```
    pub fn is_full(&self) -> bool {
        self.shared.output.is_full()
    }

    /// How many items the channel holds at most.
    ///
    /// # Examples
    ///
    /// ```
    /// let (_sender, receiver) = rungroup::channel::bounded::<u32>(2);
    /// assert_eq!(receiver.capacity(), 2);
    /// ```
    pub fn capacity(&self) -> usize {
        self.shared.capacity()
    }
}

// As crossbeam's, whatever the items are: a panic leaves none half received.
impl<T> UnwindSafe for Receiver<T> {}
impl<T> RefUnwindSafe for Receiver<T> {}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        // Once the receivers are told nobody enters any more, but there may be items to receive.
        let own = self.shared.closer.add_receiver_owned().map(Arc::new);
        let holding = own.or_else(|| self.holding.lock().clone());
        Self {
            shared: Arc::clone(&self.shared),
            last: Arc::clone(&self.last),
            holding: Mutex::new(holding),
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("closed", &self.is_closed()).finish_non_exhaustive()
    }
}

/// What counts as a receiver until it is dropped: [`Receiver::hold`].
#[must_use = "dropping it ends it"]
pub struct Hold {
    _guard: Option<Arc<RunningOwned>>,
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").finish_non_exhaustive()
    }
}

/// The items of a channel, until its end: [`Receiver::iter`].
#[derive(Debug)]
pub struct Iter<'a, T>(&'a Receiver<T>);

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

/// The items that are there: [`Receiver::try_iter`].
#[derive(Debug)]
pub struct TryIter<'a, T>(&'a Receiver<T>);

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.0.try_recv().ok()
    }
}

/// The items of a channel, until its end, with the receiver in it: `for item in receiver`.
#[derive(Debug)]
pub struct IntoIter<T>(Receiver<T>);

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

// Nothing comes after the end.
impl<T> FusedIterator for Iter<'_, T> {}
impl<T> FusedIterator for IntoIter<T> {}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter(self)
    }
}

#[cfg(test)]
mod tests {
    use crate::channel;

    use super::*;

    /// What `tests/channel.rs` has threads race for: the item and the end come right after a receiver's
    /// look.
    #[test]
    fn c3_who_is_told_looks_again_before_it_leaves() {
        let (sender, receiver) = channel::bounded(1);
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        sender.send(1).unwrap();
        sender.close();
        assert_eq!(receiver.rest(), Ok(1));
        assert_eq!(sender.closer().receivers(), 1);
        assert_eq!(receiver.rest(), Err(RecvError));
        assert_eq!(sender.closer().receivers(), 0);
    }
}

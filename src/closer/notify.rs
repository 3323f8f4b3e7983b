//! [`CloseNotify`]: being told that something closes.

use std::convert::Infallible;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Receiver;

use crate::clock;
use crate::latch::Latch;

/// Told that something closes: sticky, cheap to clone, seen by any number of threads.
///
/// A thread can wait for it ([`wait`](CloseNotify::wait),
/// [`wait_timeout`](CloseNotify::wait_timeout)), look ([`is_closed`](CloseNotify::is_closed)), put
/// it into a crossbeam `select!` ([`receiver`](CloseNotify::receiver)) or into a poll loop of its
/// own (`as_fd`, feature `net`). It comes from [`Closer::close_notify`](crate::Closer::close_notify),
/// [`ChannelCloser::closing`](crate::ChannelCloser::closing) and
/// [`ChannelCloser::close_notify`](crate::ChannelCloser::close_notify).
///
/// # Examples
///
/// ```
/// use std::thread;
///
/// use crossbeam_channel::{select, unbounded};
/// use rungroup::Closer;
///
/// let closer = Closer::new();
/// let (jobs, todo) = unbounded::<u32>();
///
/// let closing = closer.close_notify().clone();
/// let worker = thread::spawn(move || {
///     let mut sum = 0;
///     loop {
///         select! {
///             recv(todo) -> job => sum += job.unwrap(),
///             recv(closing.receiver()) -> _ => break sum + todo.try_iter().sum::<u32>(),
///         }
///     }
/// });
/// jobs.send(1).unwrap();
/// jobs.send(2).unwrap();
/// closer.close();
/// assert_eq!(worker.join().unwrap(), 3);
/// ```
#[derive(Clone)]
pub struct CloseNotify(Arc<Latch<()>>);

impl CloseNotify {
    pub(super) fn new() -> Self {
        Self(Arc::new(Latch::new()))
    }

    /// Publishes it, unless that has been. When this returns it is visible, whoever was first.
    pub(super) fn set(&self) {
        self.0.set(());
    }

    /// Whether it has been told.
    ///
    /// # Examples
    ///
    /// ```
    /// let closer = rungroup::Closer::new();
    /// assert!(!closer.close_notify().is_closed());
    /// closer.close();
    /// assert!(closer.close_notify().is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.0.is_set()
    }

    /// Blocks until it is told.
    ///
    /// # Examples
    ///
    /// ```
    /// let closer = rungroup::Closer::new();
    /// let closing = closer.close_notify().clone();
    /// let thread = std::thread::spawn(move || closing.wait());
    /// closer.close();
    /// thread.join().unwrap();
    /// ```
    pub fn wait(&self) {
        self.0.wait();
    }

    /// Blocks until it is told, for `limit` at most. True if it is told, false if the limit passed.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let closer = rungroup::Closer::new();
    /// assert!(!closer.close_notify().wait_timeout(Duration::from_millis(1)));
    /// closer.close();
    /// assert!(closer.close_notify().wait_timeout(Duration::from_secs(60)));
    /// ```
    pub fn wait_timeout(&self, limit: Duration) -> bool {
        self.0.wait_until(clock::after(limit)).is_some()
    }

    /// For crossbeam's `select!`: a channel that never carries anything and disconnects when it is
    /// told, so that `recv(notify.receiver()) -> _` is ready from then on. Made on the first call.
    ///
    /// **Keep a `CloseNotify` beside a clone of this.** A clone disconnects as well when all that could
    /// tell it has gone without a close: the closer, its guards, and every `CloseNotify` of it. As long
    /// as one of these is there it disconnects at the close alone.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use crossbeam_channel::select;
    ///
    /// let closer = rungroup::Closer::new();
    /// closer.close();
    /// let told = select! {
    ///     recv(closer.close_notify().receiver()) -> _ => true,
    ///     default(Duration::from_secs(60)) => false,
    /// };
    /// assert!(told);
    /// ```
    pub fn receiver(&self) -> &Receiver<Infallible> {
        self.0.channel()
    }

    /// For a poll loop of your own: a descriptor that becomes readable when it is told and stays
    /// so. Nothing is ever to be read from it. Made on the first call.
    ///
    /// **Keep a `CloseNotify` beside a duplicate of this**, for the same reason as beside a clone of
    /// [`receiver`](CloseNotify::receiver).
    ///
    /// # Errors
    ///
    /// When the system has no descriptors left.
    ///
    /// # Examples
    ///
    /// ```
    /// use rustix::event::{PollFd, PollFlags, poll};
    ///
    /// let closer = rungroup::Closer::new();
    /// let told = closer.close_notify().as_fd()?;
    /// let mut fds = [PollFd::from_borrowed_fd(told, PollFlags::IN)]; // and descriptors of your own
    /// closer.close();
    /// assert_eq!(poll(&mut fds, None)?, 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[cfg(feature = "net")]
    pub fn as_fd(&self) -> std::io::Result<std::os::fd::BorrowedFd<'_>> {
        self.0.fd()
    }
}

// As `Closer`.
impl UnwindSafe for CloseNotify {}
impl RefUnwindSafe for CloseNotify {}

impl fmt::Debug for CloseNotify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloseNotify").field("closed", &self.is_closed()).finish()
    }
}

//! [`Closer`]: many running tasks, one close.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use crate::clock;

use super::error::{StillRunning, What};
use super::gate::Gate;
use super::notify::CloseNotify;
use super::running::{Running, RunningOwned};

/// Many running tasks, one close: lets tasks in until it is closed, tells them, and waits till the
/// last has left.
///
/// A task enters with [`add_running`](Closer::add_running) (or
/// [`add_running_owned`](Closer::add_running_owned)) and has left when the guard is dropped, by
/// which way ever. [`close`](Closer::close) is for good, may be called again and from any thread; as
/// soon as any close has returned, or its [notification](Closer::close_notify) is visible, nobody
/// enters any more. Whatever the tasks did is visible to whoever has waited for them.
///
/// Cheap to clone; clones are the same closer, and count for nothing (unlike a wait group's). It
/// does not close when it is dropped.
///
/// Entering and leaving costs two atomic operations on a word that other cores do not use: the count
/// is kept in stripes, twice as many as there are cores (a power of two, 32 at most), of 128 bytes
/// each. So a closer takes half a KiB with two cores, up to 4 KiB with sixteen or more, and less than
/// half a KiB beside. The stripes are made when the first enters, which asks the system how many
/// cores there are, once in the life of the process.
///
/// **Do not wait while your own thread holds a guard**: it waits for itself, for ever. That cannot
/// be found out for you, as guards may move between threads.
///
/// # Examples
///
/// ```
/// use std::thread;
///
/// use crossbeam_channel::{bounded, select};
/// use rungroup::Closer;
///
/// let closer = Closer::new();
/// let (requests, incoming) = bounded::<u32>(8);
///
/// for _ in 0..4 {
///     let Some(running) = closer.add_running_owned() else { break };
///     let (closing, incoming) = (closer.close_notify().clone(), incoming.clone());
///     thread::spawn(move || {
///         loop {
///             select! {
///                 recv(incoming) -> request => { request.unwrap(); }
///                 recv(closing.receiver()) -> _ => break,
///             }
///         }
///         running.done();
///     });
/// }
/// requests.send(1).unwrap();
///
/// closer.close_then_wait();
/// assert!(closer.add_running().is_none());
/// ```
#[derive(Clone)]
pub struct Closer(Arc<Gate>);

impl Closer {
    /// An open closer in which nothing runs.
    ///
    /// # Examples
    ///
    /// ```
    /// let closer = rungroup::Closer::new();
    /// assert!(!closer.is_closed());
    /// assert_eq!(closer.running(), 0);
    /// ```
    pub fn new() -> Self {
        Self(Gate::new())
    }

    /// Enters: a guard that is one running task until it is dropped. `None` once closed.
    ///
    /// # Examples
    ///
    /// ```
    /// let closer = rungroup::Closer::new();
    /// if let Some(_running) = closer.add_running() {
    ///     // … closing waits for this block …
    /// }
    /// closer.close();
    /// assert!(closer.add_running().is_none());
    /// ```
    #[inline]
    pub fn add_running(&self) -> Option<Running<'_>> {
        Running::enter(&self.0)
    }

    /// As [`add_running`](Closer::add_running), with a guard that borrows nothing: for a thread of
    /// its own.
    ///
    /// # Examples
    ///
    /// ```
    /// let closer = rungroup::Closer::new();
    /// if let Some(running) = closer.add_running_owned() {
    ///     std::thread::spawn(move || {
    ///         // … closing waits for this thread …
    ///         running.done();
    ///     });
    /// }
    /// closer.close_then_wait();
    /// ```
    #[inline]
    pub fn add_running_owned(&self) -> Option<RunningOwned> {
        RunningOwned::enter(&self.0)
    }

    /// Lets nobody in any more and tells those inside, without waiting for them.
    ///
    /// # Examples
    ///
    /// ```
    /// let closer = rungroup::Closer::new();
    /// closer.close();
    /// closer.close(); // and that is fine
    /// assert!(closer.is_closed());
    /// ```
    pub fn close(&self) {
        self.0.close();
    }

    /// What tells the tasks that it closes.
    ///
    /// # Examples
    ///
    /// ```
    /// let closer = rungroup::Closer::new();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| closer.close_notify().wait());
    ///     closer.close();
    /// });
    /// ```
    pub fn close_notify(&self) -> &CloseNotify {
        self.0.closed()
    }

    /// Whether it is closed, that is, whether the tasks have been told. Some may be running still.
    ///
    /// # Examples
    ///
    /// ```
    /// let closer = rungroup::Closer::new();
    /// let running = closer.add_running();
    /// closer.close();
    /// assert!(closer.is_closed());
    /// # drop(running);
    /// ```
    pub fn is_closed(&self) -> bool {
        self.0.closed().is_closed()
    }

    /// How many tasks are running. It is exact if none enters or leaves meanwhile, and near it
    /// otherwise; once closed it is exact, and may only have fallen when you read it.
    ///
    /// # Examples
    ///
    /// ```
    /// let closer = rungroup::Closer::new();
    /// let running = closer.add_running();
    /// assert_eq!(closer.running(), 1);
    /// # drop(running);
    /// ```
    pub fn running(&self) -> usize {
        self.0.count.remaining()
    }

    /// Blocks until it is closed and the last task has left. It does not close: while nobody does,
    /// it blocks even if nothing runs.
    ///
    /// Any number of threads may wait; none of them while it holds a guard, as that would be waiting
    /// for itself.
    ///
    /// # Examples
    ///
    /// ```
    /// let closer = rungroup::Closer::new();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| closer.close());
    ///     closer.wait();
    /// });
    /// ```
    pub fn wait(&self) {
        self.0.count.wait();
    }

    /// As [`wait`](Closer::wait), for `limit` at most.
    ///
    /// # Errors
    ///
    /// [`StillRunning`] when the limit has passed: how many, and the names of those that have one.
    /// One may wait again.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let closer = rungroup::Closer::new();
    /// let running = closer.add_running().unwrap();
    /// closer.close();
    /// let still = closer.wait_timeout(Duration::from_millis(1)).unwrap_err();
    /// assert_eq!(still.to_string(), "1 task is still running");
    ///
    /// running.done();
    /// assert!(closer.wait_timeout(Duration::from_secs(60)).is_ok());
    /// ```
    pub fn wait_timeout(&self, limit: Duration) -> Result<(), StillRunning> {
        if self.0.count.wait_until(clock::after(limit)) {
            Ok(())
        } else {
            Err(StillRunning::at(&self.0, What::Task))
        }
    }

    /// [Closes](Closer::close), then [waits](Closer::wait).
    ///
    /// # Examples
    ///
    /// ```
    /// let closer = rungroup::Closer::new();
    /// closer.close_then_wait();
    /// ```
    pub fn close_then_wait(&self) {
        self.close();
        self.wait();
    }
}

// As crossbeam's handles: a panic leaves nothing half done, as no lock is held while others' code runs.
impl UnwindSafe for Closer {}
impl RefUnwindSafe for Closer {}

impl Default for Closer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Closer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closer")
            .field("closed", &self.is_closed())
            .field("running", &self.running())
            .finish()
    }
}

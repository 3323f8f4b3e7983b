//! The guards: [`Running`], borrowed, and [`RunningOwned`], for threads of their own. One of them in
//! existence is one that is running; it cannot be done twice, nor forgotten by a `return` or a panic.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use super::gate::Gate;
use super::names::NameId;

/// What both guards are: a hold on the gate that they were let in by. Dropping it is leaving.
struct Guard<G: Deref<Target = Gate>> {
    gate: G,
    name: Option<NameId>,
}

impl<G: Deref<Target = Gate>> Guard<G> {
    fn named(&mut self, name: Cow<'static, str>) {
        let mut names = self.gate.names.lock();
        if let Some(former) = self.name.replace(names.insert(name)) {
            names.remove(former);
        }
    }
}

impl<G: Deref<Target = Gate>> Drop for Guard<G> {
    #[inline]
    fn drop(&mut self) {
        // The name first: `StillRunning` reads the names and then the count, and tells of nobody who
        // has left already. (What comes after leaving may take its time: closing all that follows.)
        if let Some(name) = self.name {
            self.gate.names.lock().remove(name);
        }
        self.gate.leave();
    }
}

// As the closers that they are from.
impl UnwindSafe for Running<'_> {}
impl RefUnwindSafe for Running<'_> {}
impl UnwindSafe for RunningOwned {}
impl RefUnwindSafe for RunningOwned {}

impl<G: Deref<Target = Gate>> fmt::Debug for Guard<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.gate.names.lock();
        let name = self.name.and_then(|id| names.get(id));
        f.debug_struct("Running").field("name", &name).finish_non_exhaustive()
    }
}

/// One running task, sender or receiver, borrowed from its closer: the cheap kind of guard.
///
/// Dropping it says that the task is done; so does [`done`](Running::done), in words. A panic drops
/// it as well. One that is forgotten ([`std::mem::forget`]) or leaked counts as running for ever.
/// It may be sent to another thread, a scoped one for example.
///
/// # Examples
///
/// ```
/// use std::thread;
///
/// use rungroup::Closer;
///
/// let closer = Closer::new();
/// thread::scope(|scope| {
///     let running = closer.add_running().expect("not closed yet");
///     scope.spawn(move || {
///         // … the work …
///         running.done();
///     });
///     closer.close_then_wait();
/// });
/// ```
#[derive(Debug)]
#[must_use = "dropping it says that the task is done"]
pub struct Running<'a>(Guard<&'a Gate>);

/// One running task, sender or receiver, that borrows nothing: for a thread of its own. It costs the
/// cloning of an `Arc` more than [`Running`], and is the same otherwise.
///
/// # Examples
///
/// ```
/// use std::thread;
///
/// use rungroup::Closer;
///
/// let closer = Closer::new();
/// let running = closer.add_running_owned().expect("not closed yet");
/// thread::spawn(move || {
///     // … the work …
///     drop(running);
/// });
/// closer.close_then_wait();
/// ```
#[derive(Debug)]
#[must_use = "dropping it says that the task is done"]
pub struct RunningOwned(Guard<Arc<Gate>>);

impl<'a> Running<'a> {
    /// Lets the caller in, unless the gate is closed.
    #[inline]
    pub(super) fn enter(gate: &'a Gate) -> Option<Self> {
        gate.count.add().then(|| Self(Guard { gate, name: None }))
    }

    /// Gives it a name, or another one, for [`StillRunning`](crate::StillRunning) to tell. Naming
    /// and dropping a named guard takes a lock.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let closer = rungroup::Closer::new();
    /// let running = closer.add_running().map(|running| running.named("flusher"));
    /// closer.close();
    /// let still = closer.wait_timeout(Duration::ZERO).unwrap_err();
    /// assert_eq!(still.to_string(), "1 task is still running: 'flusher'");
    /// # drop(running);
    /// ```
    pub fn named(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.0.named(name.into());
        self
    }

    /// Says that the task is done; dropping the guard does the same.
    ///
    /// # Examples
    ///
    /// ```
    /// let closer = rungroup::Closer::new();
    /// let running = closer.add_running().unwrap();
    /// assert_eq!(closer.running(), 1);
    /// running.done();
    /// assert_eq!(closer.running(), 0);
    /// ```
    pub fn done(self) {}
}

impl RunningOwned {
    /// Lets the caller in, unless the gate is closed.
    #[inline]
    pub(super) fn enter(gate: &Arc<Gate>) -> Option<Self> {
        gate.count.add().then(|| Self(Guard { gate: Arc::clone(gate), name: None }))
    }

    /// As [`Running::named`].
    ///
    /// # Examples
    ///
    /// ```
    /// let closer = rungroup::Closer::new();
    /// for shard in 0..4 {
    ///     let running = closer.add_running_owned().unwrap().named(format!("shard {shard}"));
    ///     std::thread::spawn(move || drop(running));
    /// }
    /// closer.close_then_wait();
    /// ```
    pub fn named(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.0.named(name.into());
        self
    }

    /// Says that the task is done; dropping the guard does the same.
    ///
    /// # Examples
    ///
    /// ```
    /// let closer = rungroup::Closer::new();
    /// let running = closer.add_running_owned().unwrap();
    /// std::thread::spawn(move || running.done());
    /// closer.close_then_wait();
    /// ```
    pub fn done(self) {}
}

//! Being told to stop, and having stopped: [`StopToken`] with its [`StopReason`], and
//! [`StopNotify`].

use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use crate::clock;
use crate::error::{Error, ErrorKind};
use crate::failure::Outcome;
use crate::latch::{Bell, Latch};
use crate::thread::{self, Place};

/// Why something was asked to stop.
///
/// # Examples
///
/// ```
/// use rungroup::{Group, StopReason, service_fn};
///
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(service_fn("server", |_ctx| Ok(())));
/// let report = group.run()?;
/// match report.reason() {
///     StopReason::UnitStopped(unit) => assert_eq!(&**unit, "server"),
///     other => unreachable!("{other}"),
/// }
/// # Ok::<(), rungroup::RunError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// A signal, by its number.
    Signal(i32),
    /// The program asked, with these words; see `GroupHandle::stop`.
    Requested(Arc<str>),
    /// This unit of the group has stopped, and by that the group ends.
    UnitStopped(Arc<str>),
    /// All tasks are done, and nothing else keeps the group alive. So it is in a group without
    /// services, too.
    TasksDone,
    /// The unit was deregistered while it was serving.
    Deregistered,
    /// The unit has ended by itself: its `serve` has returned, and the threads that it spawned are
    /// told.
    Ended,
    /// The unit was not ready within its [`start_timeout`](crate::Registration::start_timeout).
    NotReady,
    /// The unit is to start again with this one, by the [`Strategy`](crate::Strategy) of their group.
    RestartsWith(Arc<str>),
    /// The run has failed before it served, in the config or the pre-run phase; or the group was
    /// dropped without a run.
    RunFailed,
}

/// `SIGTERM`, `requested: nightly restart`, `unit 'server' stopped` …
impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StopReason::Signal(number) => match signal_hook::low_level::signal_name(*number) {
                Some(name) => f.write_str(name),
                None => write!(f, "signal {number}"),
            },
            StopReason::Requested(why) => write!(f, "requested: {why}"),
            StopReason::UnitStopped(unit) => write!(f, "unit '{unit}' stopped"),
            StopReason::TasksDone => f.write_str("all tasks are done"),
            StopReason::Deregistered => f.write_str("deregistered"),
            StopReason::Ended => f.write_str("ended by itself"),
            StopReason::NotReady => f.write_str("not ready in time"),
            StopReason::RestartsWith(unit) => write!(f, "starts again with unit '{unit}'"),
            StopReason::RunFailed => f.write_str("the run failed before it served"),
        }
    }
}

/// A text is a request: `handle.stop("nightly restart")`.
impl From<&str> for StopReason {
    fn from(why: &str) -> Self {
        StopReason::Requested(why.into())
    }
}

impl From<String> for StopReason {
    fn from(why: String) -> Self {
        StopReason::Requested(why.into())
    }
}

/// Told to stop: sticky, cheap to clone, seen by any number of threads.
///
/// A thread can wait for it ([`wait`](StopToken::wait), [`wait_timeout`](StopToken::wait_timeout)),
/// look ([`is_stopped`](StopToken::is_stopped)), put it into a crossbeam `select!`
/// ([`receiver`](StopToken::receiver)) or into a poll loop of its own (`as_fd`, feature `net`).
/// There are two kinds: the run's in `RunContext`, set as soon as the end is asked for, and each
/// unit's in `ServeContext`, set when it is that unit's turn.
///
/// # Examples
///
/// ```
/// use crossbeam_channel::{bounded, select};
/// use rungroup::{Group, service_fn};
///
/// let (jobs, todo) = bounded::<u32>(8);
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(service_fn("worker", move |ctx| {
///     let mut sum = 0;
///     loop {
///         select! {
///             recv(todo) -> job => match job {
///                 Ok(job) => sum += job,
///                 Err(_) => break,
///             },
///             recv(ctx.stopped().receiver()) -> _ => break,
///         }
///     }
///     assert_eq!(sum, 3);
///     Ok(())
/// }));
/// jobs.send(1).unwrap();
/// jobs.send(2).unwrap();
/// drop(jobs);
/// group.run().unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct StopToken(Arc<StopLatch>);

/// What is behind a token. Units share bells, as most are told together.
pub(crate) type StopLatch = Latch<StopReason, Bell>;

impl StopToken {
    pub(crate) fn new(latch: Arc<StopLatch>) -> Self {
        Self(latch)
    }

    /// What it is set by.
    pub(crate) fn latch(&self) -> &Arc<StopLatch> {
        &self.0
    }

    /// For the models: as those of units are made.
    #[cfg(loom)]
    #[doc(hidden)]
    pub fn at_one_bell(count: usize) -> Vec<Self> {
        let bell = Bell::default();
        (0..count).map(|_| Self::new(Arc::new(StopLatch::at(bell.clone())))).collect()
    }

    /// For the models: as the units of a group are told.
    #[cfg(loom)]
    #[doc(hidden)]
    pub fn set_together(tokens: &[Self], reason: &StopReason) {
        let latches: Vec<_> = tokens.iter().map(|token| token.0.clone()).collect();
        StopLatch::set_all(&latches, reason);
    }

    /// Whether it has been set.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Group;
    ///
    /// let group = Group::new("demo");
    /// let handle = group.handle();
    /// assert!(!handle.stopped().is_stopped());
    /// handle.stop("enough");
    /// assert!(handle.stopped().is_stopped());
    /// ```
    pub fn is_stopped(&self) -> bool {
        self.0.is_set()
    }

    /// Why, once it has been set.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Group;
    ///
    /// let group = Group::new("demo");
    /// let handle = group.handle();
    /// assert_eq!(handle.stopped().reason(), None);
    /// handle.stop("enough");
    /// assert_eq!(handle.stopped().reason().unwrap().to_string(), "requested: enough");
    /// ```
    pub fn reason(&self) -> Option<&StopReason> {
        self.0.get()
    }

    /// Blocks until it is set.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Group;
    /// use std::thread;
    ///
    /// let group = Group::new("demo");
    /// let handle = group.handle();
    /// let token = handle.stopped().clone();
    /// let waiter = thread::spawn(move || token.wait().to_string());
    /// handle.stop("enough");
    /// assert_eq!(waiter.join().unwrap(), "requested: enough");
    /// ```
    pub fn wait(&self) -> &StopReason {
        self.0.wait()
    }

    /// Blocks until it is set, for `limit` at most. `None` means that the limit has passed.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Group;
    /// use std::time::Duration;
    ///
    /// let group = Group::new("demo");
    /// let handle = group.handle();
    /// assert_eq!(handle.stopped().wait_timeout(Duration::from_millis(1)), None);
    /// handle.stop("enough");
    /// assert!(handle.stopped().wait_timeout(Duration::from_secs(60)).is_some()); // at once
    /// ```
    pub fn wait_timeout(&self, limit: Duration) -> Option<&StopReason> {
        self.0.wait_until(clock::after(limit))
    }

    /// Blocks until it is set, or until `deadline`. `None` means that the deadline has passed.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Group;
    /// use std::time::{Duration, Instant};
    ///
    /// let group = Group::new("demo");
    /// let handle = group.handle();
    /// let deadline = Instant::now() + Duration::from_millis(1);
    /// assert_eq!(handle.stopped().wait_deadline(deadline), None);
    /// handle.stop("enough");
    /// assert!(handle.stopped().wait_deadline(deadline).is_some()); // past, but it is set
    /// ```
    pub fn wait_deadline(&self, deadline: Instant) -> Option<&StopReason> {
        self.0.wait_until(Some(deadline))
    }

    /// For crossbeam's `select!`: a channel that never carries anything and disconnects when the
    /// token is set, so that `recv(token.receiver()) -> _` is ready from then on. Made on the first
    /// call.
    ///
    /// # Examples
    ///
    /// ```
    /// use crossbeam_channel::{select, unbounded};
    /// use rungroup::{Group, service_fn};
    ///
    /// let (send, lines) = unbounded::<String>();
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("printer", move |ctx| {
    ///     # ctx.handle().stop("an example ends");
    ///     loop {
    ///         select! {
    ///             recv(lines) -> line => println!("{}", line?),
    ///             recv(ctx.stopped().receiver()) -> _ => return Ok(()),
    ///         }
    ///     }
    /// }));
    /// group.run()?;
    /// # drop(send);
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn receiver(&self) -> &Receiver<Infallible> {
        self.0.channel()
    }

    /// For a poll loop of your own: a descriptor that becomes readable when the token is set and
    /// stays so. Nothing is ever to be read from it. Made on the first call.
    ///
    /// # Errors
    ///
    /// When the system has no descriptors left.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Group;
    /// use rustix::event::{PollFd, PollFlags, poll};
    ///
    /// let group = Group::new("demo");
    /// let handle = group.handle();
    /// let stop = handle.stopped().as_fd()?;
    /// let mut fds = [PollFd::from_borrowed_fd(stop, PollFlags::IN)]; // and descriptors of your own
    /// handle.stop("enough");
    /// assert_eq!(poll(&mut fds, None)?, 1);
    /// # Ok::<(), rungroup::BoxError>(())
    /// ```
    #[cfg(feature = "net")]
    pub fn as_fd(&self) -> std::io::Result<std::os::fd::BorrowedFd<'_>> {
        self.0.fd()
    }
}

/// Which run a group is of: its own, or, once it is in another group, that one's.
#[derive(Debug)]
pub(crate) struct RunNumber {
    own: u64,
    within: OnceLock<Arc<RunNumber>>,
}

impl RunNumber {
    pub(crate) fn new(own: u64) -> Arc<Self> {
        Arc::new(Self { own, within: OnceLock::new() })
    }

    pub(crate) fn joins(&self, outer: &Arc<Self>) {
        let _ = self.within.set(outer.clone()); // once, as a group is registered once
    }

    fn get(&self) -> u64 {
        let mut this = self;
        while let Some(outer) = this.within.get() {
            this = outer;
        }
        this.own
    }
}

/// Whose end a [`StopNotify`] tells.
#[derive(Clone, Debug)]
pub(crate) enum Scope {
    Run(Arc<RunNumber>),
    /// A unit, or a group with all that is in it.
    Units {
        run: u64,
        first: usize,
        last: usize,
    },
}

/// Having stopped: a sticky event with the [`Outcome`], for an incarnation of a unit or for a whole
/// run. Cheap to clone; the outcome is there before the event can be seen.
///
/// # Examples
///
/// ```
/// use rungroup::{Group, service_fn};
///
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(service_fn("short", |_ctx| Ok(())));
/// let stopped = group.handle().stop_notify();
/// group.run().unwrap();
/// assert!(stopped.wait().unwrap().is_ok());
/// ```
#[derive(Clone, Debug)]
pub struct StopNotify {
    latch: Arc<Latch<Outcome>>,
    scope: Scope,
}

impl StopNotify {
    pub(crate) fn new(scope: Scope) -> Self {
        Self { latch: Arc::new(Latch::new()), scope }
    }

    /// That of another end of the same.
    pub(crate) fn next(&self) -> Self {
        Self::new(self.scope.clone())
    }

    /// Tells `other` the same.
    pub(crate) fn tell(&self, other: Self) {
        self.latch.on_set(move |outcome| {
            other.set(outcome.clone());
        });
    }

    pub(crate) fn set(&self, outcome: Outcome) -> bool {
        self.latch.set(outcome)
    }

    /// The outcome, once it has stopped.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("short", |_ctx| Ok(())));
    /// let stopped = group.handle().stop_notify();
    /// assert!(stopped.outcome().is_none());
    /// group.run()?;
    /// assert!(stopped.outcome().is_some_and(|outcome| outcome.is_ok()));
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn outcome(&self) -> Option<&Outcome> {
        self.latch.get()
    }

    /// Blocks until it has stopped.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::WouldDeadlock`] when this thread is one that has to end first: any thread of the
    /// group for the end of its run, a unit's own threads and the one that called `run` for the
    /// unit's end. Once it has stopped there is no error.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{ErrorKind, Group, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("impatient", |ctx| {
    ///     let error = ctx.handle().stop_notify().wait().unwrap_err();
    ///     assert_eq!(error.kind(), ErrorKind::WouldDeadlock); // the run waits for this thread
    ///     Ok(())
    /// }));
    /// let stopped = group.handle().stop_notify();
    /// group.run()?;
    /// assert!(stopped.wait()?.is_ok());
    /// # Ok::<(), rungroup::BoxError>(())
    /// ```
    pub fn wait(&self) -> Result<&Outcome, Error> {
        self.refuse_deadlock()?;
        Ok(self.latch.wait())
    }

    /// Blocks until it has stopped, for `limit` at most. `None` means that the limit has passed.
    ///
    /// # Errors
    ///
    /// As [`wait`](StopNotify::wait).
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Group;
    /// use std::time::Duration;
    ///
    /// let group = Group::new("demo");
    /// let stopped = group.handle().stop_notify();
    /// assert!(stopped.wait_timeout(Duration::from_millis(1))?.is_none());
    /// drop(group); // never run: there is nothing to wait for
    /// assert!(stopped.wait_timeout(Duration::from_secs(60))?.is_some());
    /// # Ok::<(), rungroup::Error>(())
    /// ```
    pub fn wait_timeout(&self, limit: Duration) -> Result<Option<&Outcome>, Error> {
        self.refuse_deadlock()?;
        Ok(self.latch.wait_until(clock::after(limit)))
    }

    /// For crossbeam's `select!`: disconnects when it has stopped, as
    /// [`StopToken::receiver`] does.
    ///
    /// # Examples
    ///
    /// ```
    /// use crossbeam_channel::{after, select};
    /// use rungroup::{Group, service_fn};
    /// use std::time::Duration;
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("short", |_ctx| Ok(())));
    /// let stopped = group.handle().stop_notify();
    /// group.run()?;
    /// select! {
    ///     recv(stopped.receiver()) -> _ => assert!(stopped.outcome().is_some()),
    ///     recv(after(Duration::from_secs(60))) -> _ => unreachable!("it has stopped"),
    /// }
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn receiver(&self) -> &Receiver<Infallible> {
        self.latch.channel()
    }

    fn refuse_deadlock(&self) -> Result<(), Error> {
        if self.latch.is_set() {
            return Ok(());
        }
        let deadlock = thread::is_at(|place| match &self.scope {
            Scope::Run(run) => place.run() == run.get(),
            &Scope::Units { run, first, last } => match place {
                Place::Caller { .. } => place.run() == run,
                Place::Unit { unit, .. } => place.run() == run && (first..=last).contains(&unit),
                Place::Call { unit, .. } => place.run() == run && first < unit && unit <= last,
                Place::Helper { .. } | Place::Reload { .. } => false,
            },
        });
        if !deadlock {
            return Ok(());
        }
        let thread = std::thread::current();
        let thread = thread.name().map_or("a thread".into(), |name| format!("thread '{name}'"));
        let why = match self.scope {
            Scope::Run(_) => format!("waiting for the run's end on {thread}, which the group runs"),
            Scope::Units { .. } => {
                format!("waiting for a unit's end on {thread}, which has to end first")
            }
        };
        Err(Error::new(ErrorKind::WouldDeadlock, why))
    }
}

//! The group as its own units and other threads see it: [`GroupHandle`].

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock;
use crate::error::Error;
use crate::event::Events;
use crate::flags::Reloaded;
use crate::latch::Latch;
use crate::ready::NotReady;
use crate::snapshot::Snapshot;
use crate::stop::{StopNotify, StopReason, StopToken};
use crate::thread::{self, Place};

/// Which unit of which group; from `Registration::id`.
///
/// # Examples
///
/// ```
/// use rungroup::{Group, UnitId, service_fn};
///
/// let mut group = Group::new("demo").args(["demo"]);
/// let shards: Vec<UnitId> = (0..3)
///     .map(|n| group.register(service_fn(format!("shard-{n}"), |ctx| {
///         ctx.stopped().wait();
///         Ok(())
///     })).id())
///     .collect();
/// let mut router = group.register(service_fn("router", |_ctx| Ok(())));
/// for shard in shards {
///     router = router.after(shard);
/// }
/// group.run()?;
/// # Ok::<(), rungroup::RunError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UnitId {
    pub(crate) run: u64,
    pub(crate) index: usize,
}

/// What stands behind a handle.
pub(crate) trait Control: Any + Send + Sync {
    /// The group that runs: itself, or the outermost of those that it was registered with.
    fn outermost(&self) -> &dyn Control;
    fn run_id(&self) -> u64;
    fn name(&self) -> String;
    fn stop(&self, reason: StopReason) -> bool;
    fn stop_token(&self) -> &StopToken;
    fn stop_notify(&self) -> StopNotify;
    fn readiness(&self) -> &Latch<Result<(), NotReady>>;
    fn subscribe(&self, capacity: usize) -> Events;
    fn snapshot(&self) -> Snapshot;
    fn reload(&self) -> Result<Reloaded, Error>;
    fn deregister(&self, unit: UnitId) -> Result<StopNotify, Error>;
}

/// A group, as its units and other threads see it: ask it to stop, wait till it is ready, look at
/// it. Cheap to clone, and good in any thread, before, during and after the run.
///
/// It is of the group that runs. One that was taken of a group which is then
/// [registered](crate::Group::register) with another is from there on a handle of that other one, as
/// are the tokens, notifications and subscriptions that were had from it.
///
/// # Examples
///
/// ```
/// use rungroup::{Group, service_fn};
/// use std::thread;
///
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(service_fn("server", |ctx| {
///     ctx.stopped().wait();
///     Ok(())
/// }));
/// let handle = group.handle();
/// let other = thread::spawn(move || {
///     handle.wait_till_ready().unwrap();
///     handle.stop("seen enough");
/// });
/// let report = group.run().unwrap();
/// assert_eq!(report.reason().to_string(), "requested: seen enough");
/// other.join().unwrap();
/// ```
#[derive(Clone)]
pub struct GroupHandle(Arc<dyn Control>);

impl GroupHandle {
    pub(crate) fn new(control: Arc<dyn Control>) -> Self {
        Self(control)
    }

    /// For the group, which knows what it has put there.
    pub(crate) fn clone_control(&self) -> Arc<dyn Control> {
        self.0.clone()
    }

    fn control(&self) -> &dyn Control {
        self.0.outermost()
    }

    /// The group's name; `--name` changes it.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Group;
    ///
    /// assert_eq!(Group::new("kvd").handle().name(), "kvd");
    /// ```
    pub fn name(&self) -> String {
        self.control().name()
    }

    /// Asks the group to stop, and says whether it was the first to do so. It returns at once; from
    /// then on no unit starts, `RunContext::stopped` is set, and the units are told in their order.
    /// Before the run it makes `run` return `Ok` without a pre-run.
    ///
    /// A text will do as the reason: `handle.stop("nightly restart")`.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, StopReason, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("admin", |ctx| {
    ///     assert!(ctx.handle().stop("nightly restart"));
    ///     assert!(!ctx.handle().stop("too late to be the reason"));
    ///     ctx.stopped().wait();
    ///     Ok(())
    /// }));
    /// let report = group.run()?;
    /// assert_eq!(report.reason(), &StopReason::from("nightly restart"));
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn stop(&self, reason: impl Into<StopReason>) -> bool {
        self.control().stop(reason.into())
    }

    /// The run's stop token: set when the group's end begins.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Group;
    ///
    /// let group = Group::new("demo");
    /// let handle = group.handle();
    /// assert!(!handle.stopped().is_stopped());
    /// handle.stop("not today");
    /// assert_eq!(handle.stopped().wait().to_string(), "requested: not today");
    /// ```
    pub fn stopped(&self) -> &StopToken {
        self.control().stop_token()
    }

    /// The end of the run, with its outcome.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, service_fn};
    /// use std::thread;
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("short", |_ctx| Ok(())));
    /// let stopped = group.handle().stop_notify();
    /// let watcher = thread::spawn(move || stopped.wait().unwrap().is_ok());
    /// group.run()?;
    /// assert!(watcher.join().unwrap());
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn stop_notify(&self) -> StopNotify {
        self.control().stop_notify()
    }

    /// Blocks until all units have been ready at once for the first time. Any number of threads may
    /// wait; none waits longer than the run.
    ///
    /// # Errors
    ///
    /// [`NotReady`] says which unit failed first, or that the group stopped; and
    /// [`WouldDeadlock`](NotReady::WouldDeadlock) on the thread that called `run`, as in a pre-run.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, NotReady, service_fn};
    /// use std::thread;
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("server", |ctx| {
    ///     ctx.stopped().wait();
    ///     Ok(())
    /// }));
    /// let handle = group.handle();
    /// let client = thread::spawn(move || -> Result<(), NotReady> {
    ///     handle.wait_till_ready()?;
    ///     handle.stop("the client is done");
    ///     Ok(())
    /// });
    /// group.run()?;
    /// client.join().unwrap()?;
    /// # Ok::<(), rungroup::BoxError>(())
    /// ```
    pub fn wait_till_ready(&self) -> Result<(), NotReady> {
        self.refuse_deadlock()?;
        self.control().readiness().wait().clone()
    }

    /// As [`wait_till_ready`](GroupHandle::wait_till_ready), for `limit` at most.
    ///
    /// # Errors
    ///
    /// [`NotReady::TimedOut`] names the units that are not ready yet; otherwise as there.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, NotReady};
    /// use std::time::Duration;
    ///
    /// let group = Group::new("demo");
    /// let ready = group.handle().wait_till_ready_timeout(Duration::from_millis(1));
    /// assert_eq!(ready, Err(NotReady::TimedOut(vec![]))); // its services are not even started
    /// ```
    pub fn wait_till_ready_timeout(&self, limit: Duration) -> Result<(), NotReady> {
        self.refuse_deadlock()?;
        if let Some(ready) = self.control().readiness().wait_until(clock::after(limit)) {
            return ready.clone();
        }
        let units = self.snapshot().units;
        // It may have come in just now: then nobody is to be named.
        if let Some(ready) = self.control().readiness().get() {
            return ready.clone();
        }
        Err(NotReady::TimedOut(
            units.into_iter().filter(|unit| !unit.ready && !unit.group).map(|it| it.path).collect(),
        ))
    }

    fn refuse_deadlock(&self) -> Result<(), NotReady> {
        let run = self.control().run_id();
        let blocked = !self.control().readiness().is_set()
            && thread::is_at(|place| place == Place::Caller { run });
        if blocked { Err(NotReady::WouldDeadlock) } else { Ok(()) }
    }

    /// Subscribes to what happens from now on, with room for `capacity` events, at least one, that
    /// have not been read. After the run there are none.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Event, Group, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("short", |_ctx| Ok(())));
    /// let events = group.handle().events(64);
    /// group.run()?;
    /// assert!(events.iter().any(|event| matches!(event, Event::Stopping { .. })));
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn events(&self, capacity: usize) -> Events {
        self.control().subscribe(capacity)
    }

    /// What the services look like right now.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// let store = group.register(service_fn("store", |ctx| {
    ///     ctx.stopped().wait();
    ///     Ok(())
    /// })).id();
    /// group.register(service_fn("status", |ctx| {
    ///     let snapshot = ctx.handle().snapshot();
    ///     assert_eq!(&*snapshot.units[0].path, "store");
    ///     assert!(snapshot.units[0].ready);
    ///     Ok(())
    /// })).after(store);
    /// group.run()?;
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn snapshot(&self) -> Snapshot {
        self.control().snapshot()
    }

    /// Reads the file that `--config` names, the environment, and the files with secrets again, and
    /// sets all [`Live`](crate::Live) flags to what they say. The command line stays as it was, and
    /// so does what the program has [set](crate::FlagSet::set) by itself. Files are where they were
    /// when the program started; one that is a pipe is not read again.
    ///
    /// First every value is read and checked, then every unit is asked, with
    /// [`Config::validate_reload`](crate::Config::validate_reload). Only if nothing is wrong do all
    /// live flags change, and [`Config::reload`](crate::Config::reload) of every unit is called; else
    /// everything stays as it is. A flag that is not live and would be another is in
    /// [`needs_restart`](Reloaded::needs_restart), and a warning among the events.
    ///
    /// It is done on this thread. One that comes while another is under way waits for its turn, or
    /// for the stop.
    ///
    /// # Errors
    ///
    /// - [`Config`](crate::ErrorKind::Config): the file or a value is at fault, or a unit objects;
    ///   nothing has changed. All [problems](Error::problems) are in it.
    /// - [`Failed`](crate::ErrorKind::Failed): the flags have changed, and the `reload` of a unit
    ///   failed.
    /// - [`NotConfigured`](crate::ErrorKind::NotConfigured) before the config phase is over,
    ///   [`Stopped`](crate::ErrorKind::Stopped) once the group is to stop.
    /// - [`WouldDeadlock`](crate::ErrorKind::WouldDeadlock) in a callback of a reload.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{ErrorKind, Group};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// let handle = group.handle();
    /// assert_eq!(handle.reload().unwrap_err().kind(), ErrorKind::NotConfigured);
    /// let _ = group.run_config()?;
    /// assert!(handle.reload()?.changed().is_empty());
    /// # Ok::<(), rungroup::Error>(())
    /// ```
    pub fn reload(&self) -> Result<Reloaded, Error> {
        self.control().reload()
    }

    /// Takes a unit out of the group. Up to and including the pre-run phase it takes part in no
    /// phase that is still to come, but for the clean-up of a pre-run that was done. While serving
    /// it is stopped; the [`StopNotify`] is there to wait for that, and its end does not end the
    /// group.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InUse`](crate::ErrorKind::InUse) when a unit that is still alive comes `after`
    /// it, [`ErrorKind::UnknownUnit`](crate::ErrorKind::UnknownUnit) for an id of another group and
    /// for one that was deregistered already, [`ErrorKind::Stopped`](crate::ErrorKind::Stopped) once
    /// the services have stopped.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, StopReason, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// let cache = group.register(service_fn("cache", |ctx| {
    ///     assert_eq!(ctx.stopped().wait(), &StopReason::Deregistered);
    ///     Ok(())
    /// })).id();
    /// group.register(service_fn("admin", move |ctx| {
    ///     ctx.handle().wait_till_ready()?;
    ///     let stopped = ctx.handle().deregister(cache)?;
    ///     assert!(stopped.wait()?.is_ok()); // the others go on
    ///     Ok(())
    /// }));
    /// group.run()?;
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn deregister(&self, unit: UnitId) -> Result<StopNotify, Error> {
        self.control().deregister(unit)
    }
}

impl fmt::Debug for GroupHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupHandle").field("name", &self.name()).finish_non_exhaustive()
    }
}

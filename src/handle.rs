//! The group as its own units and other threads see it: [`GroupHandle`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock;
use crate::error::Error;
use crate::event::Events;
use crate::latch::Latch;
use crate::ready::NotReady;
use crate::snapshot::Snapshot;
use crate::stop::{StopNotify, StopReason, StopToken};
use crate::thread::{self, Place};

/// Which unit of which group; from `Registration::id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UnitId {
    pub(crate) run: u64,
    pub(crate) index: usize,
}

/// What stands behind a handle.
pub(crate) trait Control: Send + Sync {
    fn run_id(&self) -> u64;
    fn name(&self) -> String;
    fn stop(&self, reason: StopReason) -> bool;
    fn stop_token(&self) -> &StopToken;
    fn stop_notify(&self) -> StopNotify;
    fn readiness(&self) -> &Latch<Result<(), NotReady>>;
    fn subscribe(&self, capacity: usize) -> Events;
    fn snapshot(&self) -> Snapshot;
    fn deregister(&self, unit: UnitId) -> Result<StopNotify, Error>;
}

/// A group, as its units and other threads see it: ask it to stop, wait till it is ready, look at
/// it. Cheap to clone, and good in any thread, before, during and after the run.
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

    /// The group's name.
    pub fn name(&self) -> String {
        self.0.name()
    }

    /// Asks the group to stop, and says whether it was the first to do so. It returns at once; from
    /// then on no unit starts, `RunContext::stopped` is set, and the units are told in their order.
    /// Before the run it makes `run` return `Ok` without a pre-run.
    ///
    /// A text will do as the reason: `handle.stop("nightly restart")`.
    pub fn stop(&self, reason: impl Into<StopReason>) -> bool {
        self.0.stop(reason.into())
    }

    /// The run's stop token: set when the group's end begins.
    pub fn stopped(&self) -> &StopToken {
        self.0.stop_token()
    }

    /// The end of the run, with its outcome.
    pub fn stop_notify(&self) -> StopNotify {
        self.0.stop_notify()
    }

    /// Blocks until all units have been ready at once for the first time. Any number of threads may
    /// wait; none waits longer than the run.
    ///
    /// # Errors
    ///
    /// [`NotReady`] says which unit failed first, or that the group stopped.
    pub fn wait_till_ready(&self) -> Result<(), NotReady> {
        self.refuse_deadlock()?;
        self.0.readiness().wait().clone()
    }

    /// As [`wait_till_ready`](GroupHandle::wait_till_ready), for `limit` at most.
    ///
    /// # Errors
    ///
    /// [`NotReady::TimedOut`] names the units that are not ready yet.
    pub fn wait_till_ready_timeout(&self, limit: Duration) -> Result<(), NotReady> {
        self.refuse_deadlock()?;
        if let Some(ready) = self.0.readiness().wait_until(clock::after(limit)) {
            return ready.clone();
        }
        let units = self.snapshot().units;
        Err(NotReady::TimedOut(
            units.into_iter().filter(|unit| !unit.ready).map(|unit| unit.path).collect(),
        ))
    }

    fn refuse_deadlock(&self) -> Result<(), NotReady> {
        let run = self.0.run_id();
        let blocked =
            !self.0.readiness().is_set() && thread::is_at(|place| place == Place::Caller { run });
        if blocked { Err(NotReady::WouldDeadlock) } else { Ok(()) }
    }

    /// Subscribes to what happens from now on, with room for `capacity` events that have not been
    /// read.
    pub fn events(&self, capacity: usize) -> Events {
        self.0.subscribe(capacity)
    }

    /// What the services look like right now.
    pub fn snapshot(&self) -> Snapshot {
        self.0.snapshot()
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
    /// the run is over.
    pub fn deregister(&self, unit: UnitId) -> Result<StopNotify, Error> {
        self.0.deregister(unit)
    }
}

impl fmt::Debug for GroupHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupHandle").field("name", &self.name()).finish_non_exhaustive()
    }
}

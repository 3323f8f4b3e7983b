//! What a group looks like at one moment.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::failure::{Failure, Phase};
use crate::thread::ThreadStatus;

/// The state of a unit that serves.
///
/// ```text
/// New ──► Starting ──► Running ──► Stopping ──► Stopped | Failed
///  │          ├───────────────────────▲  │
///  ▼          ▼ (no thread could        ▼ (to be started again)
/// Stopped   Failed   be spawned)      Backoff ──► Starting | Stopped
/// ```
///
/// # Examples
///
/// ```
/// use rungroup::{Group, UnitState, service_fn};
///
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(service_fn("import", |_ctx| Ok(()))).task();
/// group.register(service_fn("export", |_ctx| Err("the disk is full".into())));
/// let error = group.run().unwrap_err();
/// let export = &error.report().unwrap().units()[1];
/// assert_eq!(export.state, UnitState::Failed);
/// assert_eq!(export.state.to_string(), "failed");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UnitState {
    /// Not started: the run has not come to it, or it waits for those that it comes `after`.
    New,
    /// Its threads are being spawned.
    Starting,
    /// Its `serve` was entered.
    Running,
    /// It was asked to stop, or has ended by itself and threads of its own still run.
    Stopping,
    /// It has ended by itself, and waits for its restart.
    Backoff,
    /// Its last thread has ended, without a failure; or it was never started.
    Stopped,
    /// Its last thread has ended after a failure, or none could be spawned.
    Failed,
}

impl UnitState {
    /// Whether no thread of it is left.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::UnitState;
    ///
    /// assert!(UnitState::Failed.is_terminal());
    /// assert!(!UnitState::Stopping.is_terminal()); // threads of it are left
    /// ```
    pub fn is_terminal(self) -> bool {
        matches!(self, UnitState::Stopped | UnitState::Failed)
    }
}

impl fmt::Display for UnitState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            UnitState::New => "new",
            UnitState::Starting => "starting",
            UnitState::Running => "running",
            UnitState::Stopping => "stopping",
            UnitState::Backoff => "backoff",
            UnitState::Stopped => "stopped",
            UnitState::Failed => "failed",
        })
    }
}

/// One service in a [`Snapshot`].
///
/// # Examples
///
/// ```
/// use rungroup::{Group, UnitState, service_fn};
///
/// let mut group = Group::new("demo").args(["demo"]);
/// let store = group.register(service_fn("store", |ctx| {
///     ctx.stopped().wait();
///     Ok(())
/// })).id();
/// group.register(service_fn("status", |ctx| {
///     let store = &ctx.handle().snapshot().units[0];
///     assert_eq!((&*store.path, store.state), ("store", UnitState::Running));
///     assert!(store.ready && !store.late && store.last_failure.is_none());
///     assert_eq!(store.threads[0].name, "store");
///     Ok(())
/// })).after(store);
/// group.run()?;
/// # Ok::<(), rungroup::RunError>(())
/// ```
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools)] // facts that are true or not whatever the others are
#[non_exhaustive]
pub struct UnitStatus {
    /// Its path: its name, behind the names of the groups that it is in.
    pub path: Arc<str>,
    /// It is a group; those in it come behind it.
    pub group: bool,
    /// Its state.
    pub state: UnitState,
    /// How long it has been in that state.
    pub since: Duration,
    /// Whether it is ready.
    pub ready: bool,
    /// Whether it has not been heard of in time; see
    /// [`Registration::heartbeat`](crate::Registration::heartbeat).
    pub unresponsive: bool,
    /// Whether it is past its stop deadline.
    pub late: bool,
    /// How often it was started again.
    pub restarts: u32,
    /// In `Backoff`: how long it is until it starts again, if nothing else is in the way.
    pub starts_in: Option<Duration>,
    /// The paths of the units that its start or its stop waits for.
    pub waits_for: Vec<Arc<str>>,
    /// The newest failure of one of its callbacks; what a group fails with.
    pub last_failure: Option<Failure>,
    /// Its threads that live, looked at right after the rest.
    pub threads: Vec<ThreadStatus>,
}

/// All services of a group at one moment, consistently, in start order; see
/// `GroupHandle::snapshot`. Its `Display` is a table.
///
/// # Examples
///
/// ```
/// use rungroup::{Group, UnitState, service_fn};
///
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(service_fn("look", |ctx| {
///     ctx.handle().wait_till_ready()?;
///     let snapshot = ctx.handle().snapshot();
///     assert_eq!(snapshot.units[0].state, UnitState::Running);
///     assert!(snapshot.to_string().contains("look"));
///     Ok(())
/// }));
/// group.run().unwrap();
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Snapshot {
    /// The pre-run or post-run that the thread of `run` is in.
    pub calling: Option<(Arc<str>, Phase)>,
    /// The services, and before those in a group the group. Empty before the run has come to them.
    pub units: Vec<UnitStatus>,
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.units.iter().map(|unit| unit.path.chars().count()).max().unwrap_or(0);
        if let Some((unit, phase)) = &self.calling {
            write!(f, "in {phase} of unit '{unit}'")?;
        }
        for (index, unit) in self.units.iter().enumerate() {
            if index > 0 || self.calling.is_some() {
                f.write_str("\n")?;
            }
            write!(f, "{:width$}  {:8}  {:>8}", unit.path, unit.state, tenths(unit.since))?;
            if unit.ready {
                f.write_str("  ready")?;
            }
            if unit.unresponsive {
                f.write_str("  unresponsive")?;
            }
            if unit.late {
                f.write_str("  late")?;
            }
            if unit.restarts > 0 {
                write!(f, "  restarts: {}", unit.restarts)?;
            }
            if let Some(time) = unit.starts_in {
                write!(f, "  starts in {}", tenths(time))?;
            }
            if !unit.waits_for.is_empty() {
                write!(f, "  waits for {}", unit.waits_for.join(", "))?;
            }
            for thread in &unit.threads {
                write!(f, "  {thread}")?;
            }
            if let Some(failure) = &unit.last_failure {
                write!(f, "  {failure}")?;
            }
        }
        Ok(())
    }
}

fn tenths(time: Duration) -> String {
    format!("{time:.1?}")
}

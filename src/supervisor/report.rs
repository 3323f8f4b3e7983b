//! What a run was like: who ran how long, who took how long to stop, and what was left behind.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::exit::Exit;
use crate::failure::{Failure, Outcome, Phase};
use crate::snapshot::UnitState;
use crate::stop::StopReason;
use crate::thread::ThreadStatus;

/// How one service, or one group in the group, fared in a run. Times count from the end of the config
/// phase.
///
/// # Examples
///
/// ```
/// use rungroup::{Group, UnitState, service_fn};
///
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(service_fn("short", |_ctx| Ok(())));
/// let report = group.run()?;
/// let short = &report.units()[0];
/// assert_eq!((&*short.path, short.state), ("short", UnitState::Stopped));
/// assert!(short.outcome.as_ref().is_some_and(|outcome| outcome.is_ok()));
/// assert!(short.started.is_some() && short.started <= short.stopped && !short.late);
/// # Ok::<(), rungroup::RunError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UnitReport {
    /// Its path: its name, behind the names of the groups that it is in.
    pub path: Arc<str>,
    /// It is a group; those in it come behind it.
    pub group: bool,
    /// The state in which the run left it.
    pub state: UnitState,
    /// What its last incarnation came back with, or what a group failed with, if it did; `None` when it
    /// was not started or left behind.
    pub outcome: Option<Outcome>,
    /// How often it was started again.
    pub restarts: u32,
    /// When its threads were spawned, for the first time.
    pub started: Option<Duration>,
    /// When it became ready, for the first time.
    pub ready: Option<Duration>,
    /// When it was told to stop, or ended by itself, for the last time. `None` when it was never started.
    pub told: Option<Duration>,
    /// When its last thread had ended.
    pub stopped: Option<Duration>,
    /// Whether the others stopped waiting for it, its deadline having passed.
    pub late: bool,
}

impl UnitReport {
    /// How long it took from being told, or from ending by itself, to its last thread's end. `None`
    /// when it was not started or left behind.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("short", |_ctx| Ok(())));
    /// let report = group.run()?;
    /// for unit in report.units() {
    ///     let time = unit.stop_time().expect("it has stopped");
    ///     assert!(time <= report.took());
    /// }
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn stop_time(&self) -> Option<Duration> {
        Some(self.stopped?.saturating_sub(self.told?))
    }
}

/// Something that did not stop before the deadline. A thread cannot be killed: it is still there.
///
/// Its `Display` is for people:
/// `unit 'store' did not stop in 500ms: thread 'store' (id 4711, sleeping in futex_do_wait)`.
///
/// # Examples
///
/// ```
/// use crossbeam_channel::bounded;
/// use rungroup::{Group, service_fn};
/// use std::time::Duration;
///
/// let (_hold, held) = bounded::<()>(0);
/// let mut group = Group::new("demo").args(["demo"]).stop_timeout(Duration::from_millis(10));
/// let deaf = group.register(service_fn("deaf", move |_ctx| Ok(held.recv()?))).id();
/// group.register(service_fn("short", |_ctx| Ok(()))).after(deaf);
/// let error = group.run().unwrap_err();
/// let left = &error.left_behind()[0];
/// assert_eq!((left.unit.as_deref(), left.thread.name.as_str()), (Some("deaf"), "deaf"));
/// assert!(left.to_string().starts_with("unit 'deaf' did not stop in "));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LeftBehind {
    /// The unit that it belongs to, where it is known.
    pub unit: Option<Arc<str>>,
    /// The callback that it is in.
    pub phase: Phase,
    /// How long before the end of the run it was told to stop. `None` for the thread of a callback,
    /// which is not told.
    pub told_ago: Option<Duration>,
    /// The thread, as it was seen at the end.
    pub thread: ThreadStatus,
}

impl fmt::Display for LeftBehind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.unit {
            Some(unit) => write!(f, "unit '{unit}'")?,
            None => f.write_str("the group")?,
        }
        match self.phase {
            Phase::Serve => f.write_str(" did not stop")?,
            Phase::Helper => f.write_str(": its thread did not stop")?,
            phase => write!(f, ": {phase} did not return")?,
        }
        if let Some(ago) = self.told_ago {
            write!(f, " in {ago:.0?}")?;
        }
        write!(f, ": {}", self.thread)
    }
}

/// What a run was like. `Group::run` returns one, and its error carries one. `Display` is for
/// people: why it stopped, and a line for each service and each group.
///
/// # Examples
///
/// ```
/// use rungroup::{Group, service_fn};
///
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(service_fn("short", |_ctx| Ok(())));
/// let report = group.run().unwrap();
/// assert_eq!(report.reason().to_string(), "unit 'short' stopped");
/// assert!(report.units()[0].stopped.is_some());
/// assert!(report.to_string().contains("1 unit stopped in"));
/// ```
#[derive(Clone, Debug)]
pub struct Report {
    pub(crate) reason: StopReason,
    pub(crate) took: Duration,
    pub(crate) stopping_at: Option<Duration>,
    pub(crate) stopped_at: Option<Duration>,
    pub(crate) units: Vec<UnitReport>,
    pub(crate) failures: Vec<Failure>,
    pub(crate) left_behind: Vec<LeftBehind>,
    pub(crate) skipped: Vec<Arc<str>>,
    /// It got beyond the config phase.
    pub(crate) ran: bool,
    pub(crate) exit: Option<Exit>,
}

impl Report {
    /// The report of a run that ended before any pre-run.
    fn early(reason: StopReason) -> Self {
        Self {
            reason,
            took: Duration::ZERO,
            stopping_at: None,
            stopped_at: None,
            units: Vec::new(),
            failures: Vec::new(),
            left_behind: Vec::new(),
            skipped: Vec::new(),
            ran: false,
            exit: None,
        }
    }

    /// Whether the failure stands beside its unit as that one's outcome.
    fn is_outcome(&self, failure: &Failure) -> bool {
        let outcomes = self.units.iter().filter_map(|unit| unit.outcome.as_ref()?.failure());
        outcomes.into_iter().any(|outcome| outcome.is(failure))
    }

    /// Whether it is that of a run that got beyond the config phase.
    pub(crate) fn has_run(&self) -> bool {
        self.ran
    }

    pub(crate) fn of_failure(reason: StopReason) -> Self {
        Self::early(reason)
    }

    pub(crate) fn of_exit(exit: Exit, reason: StopReason) -> Self {
        Self { exit: Some(exit), ..Self::early(reason) }
    }

    /// What the program is to print instead of running, if it was asked for its help and the like.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Group;
    ///
    /// let mut group = Group::new("kvd").version("1.2.0").args(["kvd", "--version"]);
    /// let report = group.run()?; // nothing has run
    /// assert_eq!(report.exit().unwrap().stdout, "kvd 1.2.0\n");
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn exit(&self) -> Option<&Exit> {
        self.exit.as_ref()
    }

    /// Why the run ended: whatever came first.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, StopReason, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("import", |_ctx| Ok(()))).task();
    /// assert_eq!(group.run()?.reason(), &StopReason::TasksDone);
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn reason(&self) -> &StopReason {
        &self.reason
    }

    /// How long the run took, from the end of the config phase until everything was joined; nothing where
    /// it ended in the config phase.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, service_fn};
    /// use std::time::Duration;
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("nap", |ctx| {
    ///     ctx.sleep(Duration::from_millis(2));
    ///     Ok(())
    /// }));
    /// assert!(group.run()?.took() >= Duration::from_millis(2));
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn took(&self) -> Duration {
        self.took
    }

    /// How long it took from the beginning of the end until every service had stopped; `None` where
    /// none served.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, pre_run_fn, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("server", |_ctx| Ok(())));
    /// assert!(group.run()?.stop_time().is_some());
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(pre_run_fn("migrate", |_ctx| Ok(())));
    /// assert_eq!(group.run()?.stop_time(), None);
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn stop_time(&self) -> Option<Duration> {
        Some(self.stopped_at?.saturating_sub(self.stopping_at?))
    }

    /// The services, in start order; before those in a group, the group.
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
    /// group.register(service_fn("server", |_ctx| Ok(()))).after(store);
    /// let report = group.run()?;
    /// let paths: Vec<&str> = report.units().iter().map(|unit| &*unit.path).collect();
    /// assert_eq!(paths, ["store", "server"]);
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn units(&self) -> &[UnitReport] {
        &self.units
    }

    /// Every callback that failed, in the order in which it became known. A panic in a thread that a
    /// unit has spawned is among them; alone it does not make the run an error.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, Phase, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("server", |ctx| {
    ///     ctx.spawn("conn", |_ctx| panic!("a bad request"))?;
    ///     Ok(())
    /// }));
    /// let report = group.run()?;
    /// assert_eq!(report.failures()[0].phase(), Phase::Helper);
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// The threads that did not end in time.
    ///
    /// # Examples
    ///
    /// ```
    /// use crossbeam_channel::bounded;
    /// use rungroup::{Group, service_fn};
    /// use std::time::Duration;
    ///
    /// let (_hold, held) = bounded::<()>(0);
    /// let mut group = Group::new("demo").args(["demo"]).stop_timeout(Duration::from_millis(10));
    /// let deaf = group.register(service_fn("deaf", move |_ctx| Ok(held.recv()?))).id();
    /// group.register(service_fn("short", |_ctx| Ok(()))).after(deaf);
    /// let error = group.run().unwrap_err();
    /// let report = error.report().unwrap();
    /// assert_eq!(report.left_behind()[0].unit.as_deref(), Some("deaf"));
    /// ```
    pub fn left_behind(&self) -> &[LeftBehind] {
        &self.left_behind
    }

    /// The units whose `post_run` was skipped, because they, or a unit that comes `after` them, did
    /// not stop.
    ///
    /// # Examples
    ///
    /// ```
    /// use crossbeam_channel::{Receiver, bounded};
    /// use rungroup::*;
    /// use std::time::Duration;
    ///
    /// struct Store(Receiver<()>);
    /// # impl Unit for Store {
    /// #     fn name(&self) -> &str { "store" }
    /// #     fn as_pre_runner(&self) -> Option<&dyn PreRunner> { Some(self) }
    /// #     fn as_service(&self) -> Option<&dyn Service> { Some(self) }
    /// # }
    /// impl PreRunner for Store {
    ///     fn pre_run(&self, _ctx: &RunContext) -> Result<(), BoxError> { Ok(()) }
    ///     fn post_run(&self) -> Result<(), BoxError> { Err("still in use".into()) }
    /// }
    /// impl Service for Store {
    ///     fn serve(&self, _ctx: &ServeContext) -> Result<(), BoxError> { Ok(self.0.recv()?) }
    /// }
    ///
    /// let (_hold, held) = bounded(0);
    /// let mut group = Group::new("demo").args(["demo"]).stop_timeout(Duration::from_millis(10));
    /// let store = group.register(Store(held)).id();
    /// group.register(service_fn("short", |_ctx| Ok(()))).after(store);
    /// let error = group.run().unwrap_err();
    /// assert_eq!(&*error.report().unwrap().skipped_post_runs()[0], "store");
    /// ```
    pub fn skipped_post_runs(&self) -> &[Arc<str>] {
        &self.skipped
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ran {
            write!(f, "stopped after {:.1?}: {}", self.took, self.reason)?;
        } else {
            write!(f, "stopped: {}", self.reason)?;
        }
        let width = self.units.iter().map(|unit| unit.path.chars().count()).max().unwrap_or(0);
        for unit in &self.units {
            write!(f, "\n  {:width$}  {:8}", unit.path, unit.state)?;
            match (unit.stop_time(), unit.started) {
                (Some(took), _) => write!(f, "  {:>9}", format!("{took:.1?}"))?,
                (None, Some(_)) => f.write_str("  left behind")?,
                (None, None) => f.write_str("  not started")?,
            }
            if unit.late && unit.stopped.is_some() {
                f.write_str("  late")?;
            }
            match unit.restarts {
                0 => {}
                1 => f.write_str("  1 restart")?,
                restarts => write!(f, "  {restarts} restarts")?,
            }
            // That of a group is one of a unit in it, and stands there.
            if let Some(Outcome::Failed(failure)) = unit.outcome.as_ref().filter(|_| !unit.group) {
                write!(f, "  {failure}")?;
            }
        }
        for failure in self.failures.iter().filter(|failure| !self.is_outcome(failure)) {
            write!(f, "\n  {failure}")?;
        }
        if let Some(took) = self.stop_time() {
            // One whose threads have left, and that is in a call still, has not stopped either.
            let behind: HashSet<_> =
                self.left_behind.iter().filter_map(|it| it.unit.as_deref()).collect();
            let is_left = |it: &&UnitReport| !it.state.is_terminal() || behind.contains(&*it.path);
            let units = || self.units.iter().filter(|unit| !unit.group);
            let (all, left) = (units().count(), units().filter(is_left).count());
            match left {
                0 if all == 1 => write!(f, "\n1 unit stopped in {took:.1?}")?,
                0 => write!(f, "\nall {all} units stopped in {took:.1?}")?,
                left => write!(f, "\n{left} of {all} units did not stop in {took:.1?}")?,
            }
        }
        Ok(())
    }
}

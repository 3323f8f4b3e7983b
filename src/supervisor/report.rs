//! What a run was like: who ran how long, who took how long to stop, and what was left behind.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::clock;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome, Phase};
use crate::snapshot::UnitState;
use crate::stop::StopReason;
use crate::thread::ThreadStatus;

/// How one service fared in a run. Times count from the moment the run began.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UnitReport {
    /// Its path.
    pub path: Arc<str>,
    /// The state in which the run left it.
    pub state: UnitState,
    /// What its last incarnation came back with; `None` when it was not started or left behind.
    pub outcome: Option<Outcome>,
    /// When its threads were spawned.
    pub started: Option<Duration>,
    /// When it became ready.
    pub ready: Option<Duration>,
    /// When it was told to stop, or ended by itself.
    pub told: Option<Duration>,
    /// When its last thread had ended.
    pub stopped: Option<Duration>,
    /// Whether the others stopped waiting for it, its deadline having passed.
    pub late: bool,
}

impl UnitReport {
    /// How long it took from being told, or from ending by itself, to its last thread's end.
    pub fn stop_time(&self) -> Option<Duration> {
        Some(self.stopped?.saturating_sub(self.told?))
    }
}

/// Something that did not stop before the deadline. A thread cannot be killed: it is still there.
///
/// Its `Display` is for people:
/// `unit 'store' did not stop in 500ms: thread 'store' (id 4711, sleeping in futex_do_wait)`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LeftBehind {
    /// The unit that it belongs to, where it is known.
    pub unit: Option<Arc<str>>,
    /// The callback that it is in.
    pub phase: Phase,
    /// How long ago it was told to stop.
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
            Phase::Helper => f.write_str(": its helper thread did not stop")?,
            phase => write!(f, ": {phase} did not return")?,
        }
        if let Some(ago) = self.told_ago {
            write!(f, " in {ago:.0?}")?;
        }
        write!(f, ": {}", self.thread)
    }
}

/// What a run was like. `Group::run` returns one, and its error carries one. `Display` is for
/// people: why it stopped, and a line for each service.
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
    fn early(began: Instant, reason: StopReason) -> Self {
        Self {
            reason,
            took: clock::now().saturating_duration_since(began),
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

    /// Whether it is that of a run that got beyond the config phase.
    pub(crate) fn has_run(&self) -> bool {
        self.ran
    }

    pub(crate) fn of_failure(began: Instant) -> Self {
        Self::early(began, StopReason::RunFailed)
    }

    pub(crate) fn of_exit(exit: Exit, began: Instant) -> Self {
        Self { exit: Some(exit), ..Self::early(began, StopReason::TasksDone) }
    }

    /// What the program is to print instead of running, if it was asked for its help and the like.
    pub fn exit(&self) -> Option<&Exit> {
        self.exit.as_ref()
    }

    /// Why the run ended: whatever came first.
    pub fn reason(&self) -> &StopReason {
        &self.reason
    }

    /// How long the run took, all phases together.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// How long it took from the beginning of the end until every service had stopped; `None` where
    /// none served.
    pub fn stop_time(&self) -> Option<Duration> {
        Some(self.stopped_at?.saturating_sub(self.stopping_at?))
    }

    /// The services, in start order.
    pub fn units(&self) -> &[UnitReport] {
        &self.units
    }

    /// Every callback that failed, in the order in which it became known, panics of helper threads
    /// included.
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// The threads that did not end in time.
    pub fn left_behind(&self) -> &[LeftBehind] {
        &self.left_behind
    }

    /// The units whose `post_run` was skipped, because they, or a unit that comes `after` them, did
    /// not stop.
    pub fn skipped_post_runs(&self) -> &[Arc<str>] {
        &self.skipped
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stopped after {:.1?}: {}", self.took, self.reason)?;
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
            if let Some(Outcome::Failed(failure)) = &unit.outcome {
                write!(f, "  {failure}")?;
            }
        }
        if let Some(took) = self.stop_time() {
            let (all, left) = (
                self.units.len(),
                self.units.iter().filter(|unit| !unit.state.is_terminal()).count(),
            );
            match left {
                0 if all == 1 => write!(f, "\n1 unit stopped in {took:.1?}")?,
                0 => write!(f, "\nall {all} units stopped in {took:.1?}")?,
                left => write!(f, "\n{left} of {all} units did not stop in {took:.1?}")?,
            }
        }
        Ok(())
    }
}

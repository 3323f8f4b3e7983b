//! One run of a group, phase by phase: pre-run, serve, post-run, and what is said of it in the end.
//! The config phase is in `config`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::limit::Limit;
use super::plan;
use super::pre_run::post_run;
use super::registry::Stage;
use super::run_error::RunError;
use super::shared::Shared;
use crate::clock;
use crate::error::{Error, ErrorKind};
use crate::event::Event;
use crate::failure::{self, BoxError, Failure, Outcome, Phase};
use crate::handle::GroupHandle;
use crate::panic;
use crate::ready::NotReady;
use crate::stop::StopReason;
use crate::supervisor::{Engine, GroupKind, LeftBehind, Report, Run, Served};
use crate::thread::ThreadStatus;
use crate::unit::Unit;

/// How long a run has to stop, from the moment when its end begins, unless its group says otherwise.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// What the helper threads of pre-runners have at least, after the last clean-up told them to end.
const HELPER_GRACE: Duration = Duration::from_secs(1);

/// What is said of the group where it is put together.
pub(super) struct Policies {
    pub(super) kind: GroupKind,
    /// What was said; see [`Policies::stop_timeout`].
    pub(super) stop_timeout: Option<Limit>,
    /// For a group in a group; by default its name.
    pub(super) flag_prefix: Option<String>,
}

impl Policies {
    /// That of a run.
    pub(super) fn stop_timeout(&self) -> Duration {
        self.stop_timeout.as_ref().map_or(STOP_TIMEOUT, Limit::get)
    }
}

/// One run, from the first pre-run to the end.
pub(super) struct Execution<'g> {
    shared: &'g Arc<Shared>,
    policies: &'g Policies,
    began: Instant,
    served: Served,
    skipped: Vec<Arc<str>>,
}

impl<'g> Execution<'g> {
    pub(super) fn new(shared: &'g Arc<Shared>, policies: &'g Policies, began: Instant) -> Self {
        Self { shared, policies, began, served: Served::default(), skipped: Vec::new() }
    }

    /// The phases after the config phase.
    pub(super) fn run(mut self) -> Result<Report, RunError> {
        let roles = self.roles();
        let may_serve = self.pre_run();
        self.shared.publisher.pre_runs_are_over();
        if may_serve {
            self.serve(&roles);
        }
        self.settle_readiness();
        self.post_run();
        self.finish()
    }

    fn handle(&self) -> GroupHandle {
        GroupHandle::new(self.shared.clone())
    }

    fn is_stopped(&self) -> bool {
        self.shared.stop.is_set()
    }

    fn fail(&mut self, failure: Failure) {
        self.shared.publisher.publish(&Event::CallbackFailed { failure: failure.clone() });
        self.served.failures.push(failure);
    }

    /// A failure that ends the run before anything serves.
    fn fail_before_serving(&mut self, failure: Failure) {
        self.shared.stop.set(StopReason::RunFailed);
        self.shared.ready.set(Err(NotReady::Failed(failure.unit().into())));
        self.fail(failure);
    }

    /// The distinct roles of all units, sorted.
    fn roles(&mut self) -> Arc<[String]> {
        let units = self.shared.registry.lock().units(|phases| phases.role);
        let mut roles = Vec::new();
        for (_, name, unit) in units {
            let role = panic::catch(|| unit.as_role().map(|role| role.role().to_owned()));
            match role {
                Ok(role) => roles.extend(role),
                Err(panic) => {
                    self.fail_before_serving(Failure::panic(name, Phase::PreRun, panic));
                }
            }
        }
        roles.sort();
        roles.dedup();
        self.shared.roles.get_or_init(|| roles.into()).clone()
    }

    /// Calls one callback of one unit.
    fn call(
        &self,
        unit: &Arc<str>,
        phase: Phase,
        body: impl FnOnce() -> Result<(), BoxError>,
    ) -> Result<(), Failure> {
        *self.shared.calling.lock() = Some((unit.clone(), phase));
        let result = failure::call(unit, phase, body);
        *self.shared.calling.lock() = None;
        result
    }

    // ---- pre-run ----

    /// All pre-runs, one after the other; says whether there is something to serve now.
    fn pre_run(&mut self) -> bool {
        let order = {
            let mut registry = self.shared.registry.lock();
            registry.stage = Stage::PreRun;
            registry.order().unwrap_or_default() // without a circle since the config phase
        };
        for index in order {
            if self.is_stopped() {
                return false;
            }
            let Some((name, unit)) = self.shared.pre_runner(index) else { continue };
            let result = self.call(&name, Phase::PreRun, || self.shared.pre_run(&name, &*unit));
            self.shared.publisher.catch_up(); // it may have set up the program's log
            if let Err(failure) = result {
                self.fail_before_serving(failure);
                return false;
            }
            self.shared.registry.lock().pre_ran.push(index);
        }
        !self.is_stopped()
    }

    // ---- serve ----

    fn serve(&mut self, roles: &Arc<[String]>) {
        let any = match plan::declaring_ready(self.shared, |_| true) {
            Ok(declaring) => plan::put_on_board(self.shared, self.policies, &declaring),
            Err(failure) => return self.fail_before_serving(failure),
        };
        self.shared.publisher.publish(&Event::Serving { roles: roles.clone() });
        if !any {
            return;
        }
        let run = Run {
            id: self.shared.id,
            began: self.began,
            handle: self.handle(),
            stop: self.shared.stop.clone(),
            ready: self.shared.ready.clone(),
            publisher: self.shared.publisher.clone(),
            requests: self.shared.inbox.clone(),
        };
        self.served = Engine::new(run, self.shared.board.clone()).run();
        if let (Some(from), Some(to)) = (self.served.stopping_at, self.served.stopped_at) {
            let took = to.saturating_duration_since(from);
            self.shared.publisher.publish(&Event::ServicesStopped { took });
        }
        for left in &self.served.left_behind {
            let (unit, thread) = (left.unit.clone(), left.thread.clone());
            self.shared.publisher.publish(&Event::LeftBehind { unit, thread });
        }
    }

    /// Whoever still waits for readiness is told now: a group without services is ready when its
    /// pre-runs are done.
    fn settle_readiness(&self) {
        let ready = if self.is_stopped() { Err(NotReady::Stopped) } else { Ok(()) };
        self.shared.ready.set(ready);
        // Helper threads that watch the run's token end now at the latest.
        self.shared.stop.set(StopReason::TasksDone);
    }

    // ---- post-run ----

    fn post_run(&mut self) {
        let left: Vec<Arc<str>> =
            self.served.left_behind.iter().filter_map(|left| left.unit.clone()).collect();
        let (in_use, pre_ran) = {
            let mut registry = self.shared.registry.lock();
            registry.stage = Stage::PostRun; // from here on nobody else is taken in
            let stuck = registry.entries.iter().enumerate();
            let stuck = stuck.filter(|(_, entry)| left.contains(&entry.path));
            let in_use: BTreeSet<usize> =
                stuck.flat_map(|(index, _)| registry.used_by(index)).collect();
            (in_use, registry.take_pre_ran())
        };
        for (index, name, unit) in pre_ran.into_iter().rev() {
            if in_use.contains(&index) {
                self.skipped.push(name);
                continue;
            }
            if let Err(failure) = self.call(&name, Phase::PostRun, || post_run(&*unit)) {
                self.fail(failure);
            }
        }
    }

    // ---- the end ----

    fn finish(mut self) -> Result<Report, RunError> {
        self.join_helpers();
        self.served.failures.append(&mut self.shared.helper_failures.lock());
        self.shared.registry.lock().stage = Stage::Over;
        let reason = self.shared.stop.get().cloned().unwrap_or(StopReason::TasksDone);
        let since = |at: Option<Instant>| at.map(|at| at.saturating_duration_since(self.began));
        let report = Report {
            took: clock::now().saturating_duration_since(self.began),
            stopping_at: since(self.served.stopping_at),
            stopped_at: since(self.served.stopped_at),
            units: self.served.units,
            failures: self.served.failures,
            left_behind: self.served.left_behind,
            skipped: self.skipped,
            reason,
            ran: true,
            exit: None,
        };
        let result = judge(report);
        let outcome = match &result {
            Ok(_) => Outcome::Ok,
            Err(error) => error.cause().map_or_else(
                || {
                    let group: Arc<str> = self.shared.name.lock().as_str().into();
                    let why = error.to_string().into();
                    Outcome::Failed(Failure::error(group, Phase::Serve, why))
                },
                |cause| Outcome::Failed(cause.clone()),
            ),
        };
        self.shared.stopped.set(outcome);
        result
    }

    /// Joins the helper threads of pre-runners, and the one that writes the log.
    fn join_helpers(&mut self) {
        let limit = self.policies.stop_timeout();
        let told = self.served.stopping_at.unwrap_or_else(clock::now);
        // Without a limit for the services there is none for helpers, too.
        let deadline = told.checked_add(limit).map(|at| at.max(clock::now() + HELPER_GRACE));
        self.shared.helpers.owner_leaves(|_last| {});
        self.shared.helpers.wait_for_at_most(0, deadline);
        let mut threads = self.shared.helpers.abandon();
        for thread in &threads {
            let (unit, thread) = (self.unit_of_helper(thread), thread.clone());
            self.shared.publisher.publish(&Event::LeftBehind { unit, thread });
        }
        threads.extend(self.shared.publisher.close());
        let ago = clock::now().saturating_duration_since(told);
        let left_behind = threads.into_iter().map(|thread| LeftBehind {
            unit: self.unit_of_helper(&thread),
            phase: Phase::Helper,
            told_ago: Some(ago),
            thread,
        });
        let left_behind: Vec<LeftBehind> = left_behind.collect();
        self.served.left_behind.extend(left_behind);
    }

    /// A helper is named `unit:name`, and a unit's name may have a `:` of its own. The log's thread
    /// belongs to no unit.
    fn unit_of_helper(&self, thread: &ThreadStatus) -> Option<Arc<str>> {
        let registry = self.shared.registry.lock();
        let spawned_it = |unit: &&Arc<str>| {
            thread.name.strip_prefix(&***unit).is_some_and(|rest| rest.starts_with(':'))
        };
        let units = registry.entries.iter().map(|entry| &entry.path).filter(spawned_it);
        units.max_by_key(|unit| unit.len()).cloned()
    }
}

/// `Ok` only for an end without a failed callback and without anything left behind. A thread of a
/// unit's own that panicked ended itself alone, and is in the report.
fn judge(report: Report) -> Result<Report, RunError> {
    let counts = |failure: &&Failure| failure.phase() != Phase::Helper;
    let of_cause = |failure: &&Failure| match &report.reason {
        StopReason::UnitStopped(unit) => {
            failure.unit() == &**unit && matches!(failure.phase(), Phase::Serve | Phase::Start)
        }
        _ => false,
    };
    let failures = || report.failures.iter().filter(counts);
    let cause = failures().find(of_cause).or_else(|| failures().next()).cloned();
    let kind = match cause.as_ref().map(Failure::phase) {
        Some(Phase::PreRun) => ErrorKind::PreRun,
        Some(Phase::PostRun) => ErrorKind::PostRun,
        Some(_) => ErrorKind::Failed,
        None if !report.left_behind.is_empty() => ErrorKind::NotStopped,
        None => return Ok(report),
    };
    let kind = match kind {
        ErrorKind::PostRun if !report.left_behind.is_empty() => ErrorKind::NotStopped,
        kind => kind,
    };
    Err(RunError::failed(kind, cause, report))
}

/// A run that was called on a group that has run.
pub(super) fn already_ran() -> RunError {
    RunError::early(
        Error::new(
            ErrorKind::AlreadyRan,
            "the group has already run: build a new one for another run",
        ),
        None,
    )
}

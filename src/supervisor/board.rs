//! What the engine shows to others while it serves: the machine and the records of the services,
//! under one lock, so that a snapshot is consistent.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Instant;

use super::incarnation::Incarnation;
use super::machine::Machine;
use super::plan::{Plan, ServicePlan, node_of};
use super::report::{LeftBehind, UnitReport};
use super::state::{GroupKind, Input, NodeId, ROOT};
use crate::clock;
use crate::error::{Error, ErrorKind};
use crate::failure::{Failure, Outcome, Phase};
use crate::snapshot::{Snapshot, UnitState, UnitStatus};
use crate::stop::{Scope, StopNotify};
use crate::sync::Mutex;
use crate::thread::ThreadStatus;

/// See the module. Empty until the run has come to the services.
#[derive(Default)]
pub(crate) struct Board {
    pub(super) machine: Option<Machine>,
    pub(super) services: Vec<Record>,
}

/// What is known of one service beyond the machine's decisions.
pub(super) struct Record {
    pub(super) plan: ServicePlan,
    pub(super) incarnation: Option<Arc<Incarnation>>,
    /// How often it was to be started; the last time may have been refused.
    pub(super) attempts: u32,
    /// The end of its incarnation; while it has none, of the first or of the one before.
    pub(super) stopped_notify: StopNotify,
    pub(super) last_failure: Option<Failure>,
    pub(super) started: Option<Instant>,
    pub(super) ready: Option<Instant>,
    pub(super) told: Option<Instant>,
    pub(super) stopped: Option<Instant>,
}

impl Record {
    fn new(run: u64, node: NodeId, plan: ServicePlan) -> Self {
        Self {
            plan,
            incarnation: None,
            attempts: 0,
            stopped_notify: Self::end_of(run, node),
            last_failure: None,
            started: None,
            ready: None,
            told: None,
            stopped: None,
        }
    }

    fn end_of(run: u64, node: NodeId) -> StopNotify {
        StopNotify::new(Scope::Unit { run, unit: node })
    }

    /// The end of the incarnation that comes now: one of its own, if there was one before.
    pub(super) fn next_end(&mut self, run: u64, node: NodeId) -> StopNotify {
        if self.incarnation.is_some() {
            self.stopped_notify = Self::end_of(run, node);
        }
        self.stopped_notify.clone()
    }
}

impl Board {
    /// The services of a run, none of them started.
    pub(crate) fn new(run: u64, plan: Plan) -> Self {
        let now = clock::now();
        let kind = GroupKind { order: plan.order, strategy: plan.strategy };
        let mut machine = Machine::new(now, kind, plan.stop_timeout, run_seed());
        let mut services = Vec::with_capacity(plan.services.len());
        for mut service in plan.services {
            for dependency in &mut service.policy.after {
                *dependency = node_of(*dependency);
            }
            let node = machine.add_unit(now, ROOT, service.policy.clone(), service.kind);
            debug_assert_eq!(node, node_of(services.len()));
            services.push(Record::new(run, node, service));
        }
        Self { machine: Some(machine), services }
    }

    pub(super) fn machine(&mut self) -> &mut Machine {
        self.machine.as_mut().expect("the engine has put its machine there")
    }

    pub(super) fn record(&mut self, node: NodeId) -> &mut Record {
        &mut self.services[node - node_of(0)]
    }

    fn look(&self, node: NodeId) -> &Record {
        &self.services[node - node_of(0)]
    }

    /// The threads of each unit that live at the end, and after which there are no others; those that
    /// have left are joined. Looked at and joined without the lock.
    pub(super) fn abandon(board: &Mutex<Self>) -> Vec<Vec<ThreadStatus>> {
        let incarnations = board.lock().incarnations();
        let threads = incarnations.into_iter().map(|incarnation| {
            let Some(incarnation) = incarnation else { return Vec::new() };
            incarnation.join();
            incarnation.abandon()
        });
        threads.collect()
    }

    fn incarnations(&self) -> Vec<Option<Arc<Incarnation>>> {
        self.services.iter().map(|record| record.incarnation.clone()).collect()
    }

    /// What is left behind of a unit whose `threads` lived when they were looked at: nothing if it
    /// has stopped since.
    pub(super) fn left_behind(
        &self,
        node: NodeId,
        threads: Vec<ThreadStatus>,
        now: Instant,
    ) -> Vec<LeftBehind> {
        let record = self.look(node);
        if self.machine.as_ref().is_some_and(|machine| machine.state(node).0.is_terminal()) {
            return Vec::new();
        }
        let of_its_own = format!("{}:", record.plan.path);
        let left_behind = |thread: ThreadStatus| LeftBehind {
            unit: Some(record.plan.path.clone()),
            phase: if thread.name.starts_with(&of_its_own) { Phase::Helper } else { Phase::Serve },
            told_ago: record.told.map(|at| now.saturating_duration_since(at)),
            thread,
        };
        threads.into_iter().map(left_behind).collect()
    }

    /// What the unit's last incarnation came back with.
    pub(super) fn outcome(&self, node: NodeId) -> Option<Outcome> {
        self.look(node).incarnation.as_ref().map(|incarnation| incarnation.outcome())
    }

    /// Takes a service out, if it can be; the engine is to be woken to do what that takes. Decided
    /// here and now, under the lock, so that what was looked at is still true.
    pub(crate) fn deregister(&mut self, node: NodeId) -> Result<StopNotify, Error> {
        let path = self.look(node).plan.path.clone();
        // Who has seen the end of a dependent may take out what it came after, even where the
        // machine has still to be told of that end.
        let users: Vec<NodeId> = self.machine().live_dependents(node).collect();
        let machine = self.machine.as_ref();
        let lives = |&user: &NodeId| {
            self.look(user).stopped_notify.outcome().is_none()
                || machine.is_some_and(|machine| machine.may_come_back(user))
        };
        if let Some(user) = users.into_iter().find(lives) {
            let user = &self.look(user).plan.path;
            return Err(Error::new(
                ErrorKind::InUse,
                format!("unit '{path}' is in use: '{user}' comes after it"),
            ));
        }
        self.machine().step(clock::now(), Input::Deregister(node));
        Ok(self.look(node).stopped_notify.clone())
    }

    /// There is no engine for what is on the board: whoever waits for the end of a service that was
    /// taken out is told.
    pub(crate) fn never_starts(board: &Mutex<Self>) {
        let board = board.lock();
        for record in &board.services {
            record.stopped_notify.set(Outcome::Ok);
        }
    }

    /// What the services look like now. Their threads are looked at without the lock: that reads
    /// files, and the engine must not wait for it.
    pub(crate) fn snapshot(board: &Mutex<Self>) -> Snapshot {
        let (mut snapshot, incarnations) = board.lock().without_threads();
        for (unit, incarnation) in snapshot.units.iter_mut().zip(incarnations) {
            unit.threads = incarnation.map_or_else(Vec::new, |incarnation| incarnation.threads());
        }
        snapshot
    }

    fn without_threads(&self) -> (Snapshot, Vec<Option<Arc<Incarnation>>>) {
        let Some(machine) = &self.machine else { return Default::default() };
        let now = clock::now();
        let status = |index: usize| {
            let (node, record) = (node_of(index), &self.services[index]);
            let (state, since) = machine.state(node);
            let waits_for = machine.waits_for(node);
            UnitStatus {
                path: record.plan.path.clone(),
                state,
                since: now.saturating_duration_since(since),
                ready: machine.is_ready(node),
                unresponsive: machine.is_silent(node),
                late: machine.is_late(node),
                restarts: machine.restarts(node),
                starts_in: machine.starts_at(node).map(|at| at.saturating_duration_since(now)),
                waits_for: waits_for
                    .iter()
                    .map(|&node| self.look(node).plan.path.clone())
                    .collect(),
                last_failure: record.last_failure.clone(),
                threads: Vec::new(),
            }
        };
        (
            Snapshot { calling: None, units: (0..self.services.len()).map(status).collect() },
            self.incarnations(),
        )
    }

    pub(super) fn report(&self, node: NodeId, began: Instant) -> UnitReport {
        let record = self.look(node);
        let machine = self.machine.as_ref();
        let state = machine.map_or(UnitState::New, |it| it.state(node).0);
        let since = |at: Option<Instant>| at.map(|at| at.saturating_duration_since(began));
        UnitReport {
            path: record.plan.path.clone(),
            state,
            outcome: if state.is_terminal() { self.outcome(node) } else { None },
            restarts: machine.map_or(0, |machine| machine.restarts(node)),
            started: since(record.started),
            ready: since(record.ready),
            told: since(record.told),
            stopped: since(record.stopped),
            late: machine.is_some_and(|machine| machine.is_late(node)),
        }
    }
}

/// Any number: std's hash maps have a random one for each thread.
fn run_seed() -> u64 {
    RandomState::new().build_hasher().finish()
}

//! What the engine shows to others while it serves: the machine and the records of its nodes,
//! under one lock, so that a snapshot is consistent. What happens is taken in, and what is to be done by
//! that is kept, in `taking`; who is told to stop, and by whom, is in `telling`; what the thread of an instance
//! that comes back does by itself is in `returning`.

mod returning;
mod taking;
mod telling;

pub(super) use returning::Return;
pub(super) use taking::{Known, Todo};

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::incarnation::Incarnation;
use super::machine::Machine;
use super::plan::{NodePlan, PartPlan, node_of};
use super::record::{Part, Record, Service};
use super::report::{LeftBehind, UnitReport};
use super::state::{GroupKind, Input, NodeId, ROOT};
use crate::clock;
use crate::error::{Error, ErrorKind};
use crate::failure::{Failure, Outcome, Phase};
use crate::latch::Bell;
use crate::snapshot::{Snapshot, UnitState, UnitStatus};
use crate::stop::{Scope, StopNotify};
use crate::sync::Mutex;
use crate::thread::ThreadStatus;

/// See the module. Empty until the run has come to the services.
#[derive(Default)]
pub(crate) struct Board {
    pub(super) machine: Option<Machine>,
    /// Of each node but the root.
    pub(super) records: Vec<Record>,
    /// Of as many neighbours each as `telling` says.
    bells: Vec<Bell>,
    /// For the engine, in this order.
    to_be_done: VecDeque<Todo>,
    /// The engine waits, or is about to, and has taken in nothing since.
    engine_sleeps: bool,
    /// Nobody will do what is added to it: the engine takes the returns that come after.
    closed: bool,
    /// When the end of the run began, where somebody told units of it before the engine came to that.
    ending_since: Option<Instant>,
}

impl Board {
    /// Of a run that nothing is part of yet.
    pub(crate) fn new(kind: GroupKind, stop_timeout: Duration) -> Self {
        let machine = Machine::new(clock::now(), kind, stop_timeout, run_seed());
        Self { machine: Some(machine), ..Self::default() }
    }

    /// Which node comes next.
    pub(crate) fn next_node(&self) -> NodeId {
        node_of(self.records.len())
    }

    /// Adds services and the groups that they are in, none of them started: a group, and right behind
    /// it all that is in it.
    pub(crate) fn add(&mut self, run: u64, nodes: Vec<NodePlan>) {
        let now = clock::now();
        let first = self.next_node();
        let last = last_in_each(&nodes, first);
        self.records.reserve(nodes.len());
        self.machine().reserve(nodes.len());
        for (plan, last) in nodes.into_iter().zip(last) {
            let NodePlan { parent, path, terms, part } = plan;
            let (above, machine) = (parent.unwrap_or(ROOT), self.machine());
            let (node, part) = match part {
                PartPlan::Service(plan) => {
                    let node = machine.add_unit(now, above, terms, plan.kind);
                    (node, Part::Service(Service { plan, incarnation: None }))
                }
                PartPlan::Group(kind) => {
                    (machine.add_group(now, above, terms, kind), Part::Group(Box::default()))
                }
            };
            debug_assert_eq!(node, self.next_node());
            if let Some(parent) = parent {
                self.record(parent).group().children.push(node);
            }
            let scope = Scope::Units { run, first: node, last };
            self.records.push(Record::new(parent, path, part, scope));
        }
    }

    /// The same while serving; the engine is to be woken to do what that takes. `false`: it is too late,
    /// as the end has begun.
    pub(crate) fn join(&mut self, run: u64, nodes: Vec<NodePlan>) -> bool {
        if !self.machine().is_open(ROOT) {
            return false;
        }
        let first = self.next_node();
        self.add(run, nodes);
        let now = clock::now();
        for node in first..self.next_node() {
            self.step(now, Input::Added(node));
        }
        true
    }

    /// Whether the services have begun to start.
    pub(crate) fn is_serving(&mut self) -> bool {
        self.machine.as_ref().is_some_and(|machine| machine.state(ROOT).0 != UnitState::New)
    }

    pub(super) fn machine(&mut self) -> &mut Machine {
        self.machine.as_mut().expect("the engine has put its machine there")
    }

    pub(super) fn record(&mut self, node: NodeId) -> &mut Record {
        &mut self.records[node - node_of(0)]
    }

    pub(super) fn look(&self, node: NodeId) -> &Record {
        &self.records[node - node_of(0)]
    }

    /// The threads of each unit that live at the end, and after which there are no others; those that
    /// have left are joined. Looked at and joined without the lock.
    pub(super) fn abandon(board: &Mutex<Self>) -> Vec<Vec<ThreadStatus>> {
        let incarnations = board.lock().incarnations();
        let threads = incarnations
            .into_iter()
            .map(|it| it.map_or_else(Vec::new, |incarnation| incarnation.abandon()));
        threads.collect()
    }

    fn incarnations(&self) -> Vec<Option<Arc<Incarnation>>> {
        self.records.iter().map(|record| record.incarnation().cloned()).collect()
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
        let of_its_own = format!("{}:", record.path);
        let left_behind = |thread: ThreadStatus| LeftBehind {
            unit: Some(record.path.clone()),
            phase: if thread.name.starts_with(&of_its_own) { Phase::Helper } else { Phase::Serve },
            told_ago: record.told.map(|at| now.saturating_duration_since(at)),
            thread,
        };
        threads.into_iter().map(left_behind).collect()
    }

    /// Takes a service or a group out, if it can be; the engine is to be woken to do what that takes. Decided
    /// here and now, under the lock, so that what was looked at is still true.
    pub(crate) fn deregister(&mut self, node: NodeId) -> Result<StopNotify, Error> {
        let path = self.look(node).path.clone();
        let machine = self.machine.as_ref();
        let in_use =
            machine.and_then(|it| it.live_dependents(node).find(|&user| self.is_alive(user)));
        if let Some(user) = in_use {
            let kind = if self.look(node).as_group().is_some() { "group" } else { "unit" };
            let user = &self.look(user).path;
            let why = format!("{kind} '{path}' is in use: '{user}' comes after it");
            return Err(Error::new(ErrorKind::InUse, why));
        }
        self.record(node).deregistered = true;
        let parent = self.look(node).parent.filter(|_| self.has_failed(node));
        if let Some(parent) = parent {
            self.record(parent).group().lost.get_or_insert(node);
        }
        self.step(clock::now(), Input::Deregister(node));
        Ok(self.look(node).stopped_notify.clone())
    }

    /// Whether it has not ended for good. Who has seen the end of a dependent may take out what it came
    /// after, even where the machine has still to be told of that end.
    pub(crate) fn is_alive(&self, node: NodeId) -> bool {
        let Some(machine) = &self.machine else { return true };
        if machine.state(node).0.is_terminal() {
            return false;
        }
        let record = self.look(node);
        // Where its start is decided and not made that end is of the one before.
        let starts = machine.incarnation(node) != record.attempts;
        !record.has_ended() || machine.may_come_back(node) || starts
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
            let (node, record) = (node_of(index), &self.records[index]);
            let (_, since) = machine.state(node);
            let waits_for = machine.waits_for(node);
            UnitStatus {
                path: record.path.clone(),
                group: record.as_group().is_some(),
                state: self.state(node),
                since: now.saturating_duration_since(since),
                ready: machine.is_ready(node),
                unresponsive: machine.is_silent(node),
                late: self.is_late(node),
                restarts: machine.restarts(node),
                starts_in: machine.starts_at(node).map(|at| at.saturating_duration_since(now)),
                waits_for: waits_for.iter().map(|&node| self.look(node).path.clone()).collect(),
                last_failure: record
                    .as_group()
                    .and_then(|_| self.failure(node))
                    .or_else(|| record.last_failure.clone()),
                threads: Vec::new(),
            }
        };
        (
            Snapshot { calling: None, units: (0..self.records.len()).map(status).collect() },
            self.incarnations(),
        )
    }

    pub(super) fn report(&self, node: NodeId, began: Instant) -> UnitReport {
        let record = self.look(node);
        let machine = self.machine.as_ref();
        let state = self.state(node);
        let since = |at: Option<Instant>| at.map(|at| at.saturating_duration_since(began));
        UnitReport {
            path: record.path.clone(),
            group: record.as_group().is_some(),
            state,
            outcome: if state.is_terminal() { self.outcome(node) } else { None },
            restarts: machine.map_or(0, |machine| machine.restarts(node)),
            started: since(record.started),
            ready: since(record.ready),
            told: since(record.told),
            stopped: since(record.stopped),
            late: self.is_late(node),
        }
    }

    /// The machine's, but that a group has not stopped before all in it have: the machine is through
    /// with it when nobody waits for them any longer.
    pub(super) fn state(&self, node: NodeId) -> UnitState {
        let state = self.machine.as_ref().map_or(UnitState::New, |machine| machine.state(node).0);
        let record = self.look(node);
        match record.as_group() {
            Some(group) if state.is_terminal() && group.late && !record.has_ended() => {
                UnitState::Stopping
            }
            Some(_) if state.is_terminal() && self.has_failed(node) => UnitState::Failed,
            _ => state,
        }
    }

    /// For good; what a group was to start again after does not count.
    fn has_failed(&self, node: NodeId) -> bool {
        self.machine.as_ref().is_some_and(|machine| machine.has_failed(node))
    }

    fn is_late(&self, node: NodeId) -> bool {
        let machine = self.machine.as_ref();
        machine.is_some_and(|machine| machine.is_late(node))
            || self.look(node).as_group().is_some_and(|group| group.late)
    }

    // ---- groups ----

    /// What it has failed with since it was last started: a service its own failure; a group that of
    /// the unit by which it ended, or its own, or else the first in it that counts; one that was taken
    /// out had failed before, if there is no other. The last may be known to be its failure only later
    /// than the unit's: the machine says when.
    pub(super) fn failure(&self, node: NodeId) -> Option<Failure> {
        let record = self.look(node);
        let Some(group) = record.as_group() else {
            return record.incarnation()?.outcome().failure().cloned();
        };
        let of_cause = || group.ended_by.and_then(|cause| self.failure(cause));
        let counts = |&child: &NodeId| self.has_failed(child) && !self.look(child).deregistered;
        let first = || {
            let mut failed = group.children.iter().copied().filter(counts).chain(group.lost);
            if self.has_failed(node) { failed.find_map(|child| self.failure(child)) } else { None }
        };
        of_cause().or_else(|| group.own_failure.clone()).or_else(first)
    }

    /// What its last incarnation came back with; nothing if there was none.
    pub(super) fn outcome(&self, node: NodeId) -> Option<Outcome> {
        let record = self.look(node);
        match record.as_group() {
            Some(group) => group.started.then(|| self.outcome_of_group(node)),
            None => record.incarnation().map(|incarnation| incarnation.outcome()),
        }
    }

    pub(super) fn outcome_of_group(&self, group: NodeId) -> Outcome {
        self.failure(group).map_or(Outcome::Ok, Outcome::Failed)
    }

    /// The unit by whose end it has ended: itself, or one in it.
    pub(super) fn ended_by(&self, node: NodeId) -> NodeId {
        self.look(node).as_group().and_then(|group| group.ended_by).unwrap_or(node)
    }

    /// The path of that unit, or of one that made its end a failure.
    pub(super) fn cause(&self, node: NodeId) -> Arc<str> {
        match self.failure(node) {
            Some(failure) => failure.unit().into(),
            None => self.look(self.ended_by(node)).path.clone(),
        }
    }

    /// Whether all in the group have stopped: no thread of theirs is left.
    pub(super) fn is_empty(&self, group: NodeId) -> bool {
        let children = self.look(group).as_group().map_or(&[][..], |group| &group.children);
        children
            .iter()
            .all(|&child| self.look(child).has_ended() && self.state(child).is_terminal())
    }
}

/// Of each node the last that is in it. They are numbered from `first`.
fn last_in_each(nodes: &[NodePlan], first: NodeId) -> Vec<NodeId> {
    let mut last: Vec<NodeId> = (first..first + nodes.len()).collect();
    for (place, node) in nodes.iter().enumerate().rev() {
        if let Some(parent) = node.parent.and_then(|parent| parent.checked_sub(first)) {
            last[parent] = last[parent].max(last[place]);
        }
    }
    last
}

/// Any number: std's hash maps have a random one for each thread.
fn run_seed() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests;

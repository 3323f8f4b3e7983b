//! Tests of the state machine, without threads and without sleeping: the time is a number that the
//! test moves. By subject; here is the driver that they share. They see the machine as the engine
//! does, by its inputs and its actions, and know nothing of its counters.

mod adding;
mod arbitrary;
mod deadlines;
mod deregistering;
mod ending;
mod graceful;
mod groups_again;
mod heartbeats;
mod model;
mod nested;
mod observed;
mod policy;
mod restarting;
mod said;
mod seen;
mod stage;
mod starting;
mod stop_order;
mod taken_back;
mod threads;
mod together;
mod tree;
mod unready;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::machine::Machine;
use super::state::{
    Action, GroupEnd, GroupKind, Input, LimitOf, NodeId, Policy, ROOT, StopOrder, UnitEnd, UnitKind,
};
use crate::clock;
use crate::restart::Strategy;
use crate::snapshot::UnitState;

/// How long a run of these tests may take to stop.
const RUN: Duration = Duration::from_secs(30);

const PLAIN: UnitKind = UnitKind { instances: 1, declares_ready: false, graceful_stop: true };

/// Where the machine's chance begins.
const SEED: u64 = 0;

/// A machine, the time, and the incarnation of each unit.
struct Driver {
    machine: Machine,
    now: Instant,
    incarnations: BTreeMap<NodeId, u32>,
    units: BTreeSet<NodeId>,
}

impl Driver {
    fn new() -> Self {
        Self::with_order(StopOrder::Concurrent)
    }

    fn with_order(order: StopOrder) -> Self {
        Self::with(GroupKind { order, ..GroupKind::default() })
    }

    fn with_strategy(strategy: Strategy) -> Self {
        Self::with(GroupKind { strategy, ..GroupKind::default() })
    }

    fn with(root: GroupKind) -> Self {
        let now = clock::now(); // any will do: the tests go on from it by themselves
        let machine = Machine::new(now, root, RUN, SEED);
        Self { machine, now, incarnations: BTreeMap::new(), units: BTreeSet::new() }
    }

    fn unit(&mut self, policy: Policy) -> NodeId {
        self.unit_in(ROOT, policy, PLAIN)
    }

    fn unit_in(&mut self, parent: NodeId, policy: Policy, kind: UnitKind) -> NodeId {
        let unit = self.machine.add_unit(self.now, parent, policy.into(), kind);
        self.units.insert(unit);
        unit
    }

    fn group(&mut self, policy: Policy) -> NodeId {
        self.group_in(ROOT, policy, GroupKind::default())
    }

    fn group_in(&mut self, parent: NodeId, policy: Policy, kind: GroupKind) -> NodeId {
        self.machine.add_group(self.now, parent, policy.into(), kind)
    }

    fn feed(&mut self, input: Input) -> Vec<Action> {
        self.machine.step(self.now, input);
        let actions: Vec<Action> = std::iter::from_fn(|| self.machine.next_action()).collect();
        for action in &actions {
            if let Action::Start { unit, incarnation } = *action {
                self.incarnations.insert(unit, incarnation);
            }
        }
        actions
    }

    /// Which incarnation the unit is in.
    fn incarnation(&self, unit: NodeId) -> u32 {
        self.incarnations.get(&unit).copied().unwrap_or(1)
    }

    fn begin(&mut self) -> Vec<Action> {
        self.feed(Input::Begin)
    }

    /// Begins, and every unit that starts enters `serve`, until no other starts.
    fn begin_and_enter_all(&mut self) {
        let mut actions = self.begin();
        while !actions.is_empty() {
            let started = actions.iter().filter_map(|action| match action {
                Action::Start { unit, .. } if self.units.contains(unit) => Some(*unit),
                _ => None,
            });
            let started: Vec<_> = started.collect();
            actions = started.into_iter().flat_map(|unit| self.enter(unit)).collect();
        }
    }

    fn stop(&mut self) -> Vec<Action> {
        self.feed(Input::StopAsked)
    }

    fn enter(&mut self, unit: NodeId) -> Vec<Action> {
        let incarnation = self.incarnation(unit);
        self.feed(Input::Entered { unit, incarnation })
    }

    fn say_ready(&mut self, unit: NodeId) -> Vec<Action> {
        let incarnation = self.incarnation(unit);
        self.feed(Input::SaidReady { unit, incarnation })
    }

    fn return_ok(&mut self, unit: NodeId) -> Vec<Action> {
        let incarnation = self.incarnation(unit);
        self.feed(Input::Returned { unit, incarnation, failed: false })
    }

    fn fail(&mut self, unit: NodeId) -> Vec<Action> {
        let incarnation = self.incarnation(unit);
        self.feed(Input::Returned { unit, incarnation, failed: true })
    }

    fn settle(&mut self, unit: NodeId) -> Vec<Action> {
        let incarnation = self.incarnation(unit);
        self.feed(Input::Settled { unit, incarnation })
    }

    fn call_returned(&mut self, unit: NodeId) -> Vec<Action> {
        self.feed(Input::CallReturned(unit))
    }

    fn deregister(&mut self, unit: NodeId) -> Vec<Action> {
        self.feed(Input::Deregister(unit))
    }

    /// It returns with `Ok`, and its last thread leaves.
    fn leave(&mut self, unit: NodeId) -> Vec<Action> {
        let mut actions = self.return_ok(unit);
        actions.extend(self.settle(unit));
        actions
    }

    /// What comes of a unit that was told and does as it is told: `graceful_stop` returns and it
    /// leaves. Only what the last of these steps brings is of interest.
    fn obey(&mut self, unit: NodeId) -> Vec<Action> {
        assert_eq!(self.call_returned(unit), []);
        assert_eq!(self.return_ok(unit), []);
        let mut actions = self.settle(unit);
        assert_eq!(actions.remove(0), Action::Stopped(unit));
        actions
    }

    /// Lets `time` pass, and what is due by then is due.
    fn pass(&mut self, time: Duration) -> Vec<Action> {
        self.now += time;
        self.feed(Input::Tick)
    }

    /// How long it is to the next deadline.
    fn next_deadline(&self) -> Option<Duration> {
        self.machine.next_deadline().map(|at| at - self.now)
    }

    fn state(&self, node: NodeId) -> UnitState {
        self.machine.state(node).0
    }
}

fn after(dependencies: &[NodeId]) -> Policy {
    Policy { after: dependencies.to_vec(), ..Policy::default() }
}

fn task() -> Policy {
    Policy { task: true, ..Policy::default() }
}

fn background() -> Policy {
    Policy { background: true, ..Policy::default() }
}

fn within(stop_timeout: Duration) -> Policy {
    Policy { stop_timeout: Some(stop_timeout), ..Policy::default() }
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn start(unit: NodeId) -> Action {
    Action::Start { unit, incarnation: 1 }
}

fn stopping(why: GroupEnd) -> Action {
    Action::Stopping { group: ROOT, why }
}

/// Told because the run ends.
fn told(unit: NodeId) -> Action {
    told_by(ROOT, unit)
}

fn told_by(group: NodeId, unit: NodeId) -> Action {
    Action::Tell { unit, why: UnitEnd::Group(group) }
}

/// By its own limit.
fn gave_up(unit: NodeId) -> Action {
    Action::GaveUp { unit, limit: LimitOf::Itself }
}

/// Told because it has ended by itself.
fn ended(unit: NodeId) -> Action {
    Action::Tell { unit, why: UnitEnd::Ended }
}

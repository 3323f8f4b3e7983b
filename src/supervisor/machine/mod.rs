//! The decisions of the supervisor, as a pure state machine over a tree of nodes:
//! `(state, now, input) → actions`. It knows no thread, no clock and no callback, so that it can be
//! tested without any. Starting is in `start`, starting again in `restart`, alone, and `round`, with
//! others; stopping in `stop`, everything that has a limit in `deadline`, what others may see in `look`.

mod deadline;
mod heartbeat;
mod look;
mod restart;
mod round;
mod start;
mod stop;

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use crate::restart::Recent;
use crate::snapshot::UnitState;
use crate::supervisor::state::{
    Action, Again, Group, GroupEnd, GroupKind, Input, Kind, Node, NodeId, Policy, ROOT, Stop,
    Terms, Timer, Unit, UnitKind,
};

/// What there is to be done at a time, but when all are started or told: that memory is given back.
pub(super) const USUAL: usize = 16;

/// See the module.
#[derive(Debug)]
pub(crate) struct Machine {
    nodes: Vec<Node>,
    /// What is to be done at some time, the earliest first.
    timers: BTreeSet<(Instant, Timer)>,
    /// Nodes whose turn to stop has come. A queue and not recursion: a chain of ten thousand
    /// dependents must not need a stack as deep.
    turns: VecDeque<NodeId>,
    actions: VecDeque<Action>,
    /// For what is left to chance.
    chance: Chance,
    finished: bool,
}

impl Machine {
    /// A tree of the root alone. Its `stop_timeout` is the deadline of the whole run. The same `seed`
    /// and the same inputs give the same actions.
    pub(crate) fn new(now: Instant, kind: GroupKind, stop_timeout: Duration, seed: u64) -> Self {
        let terms = Policy { stop_timeout: Some(stop_timeout), ..Policy::default() }.into();
        let mut machine = Self {
            nodes: Vec::new(),
            timers: BTreeSet::new(),
            turns: VecDeque::new(),
            actions: VecDeque::new(),
            chance: Chance(seed),
            finished: false,
        };
        machine.add(now, None, terms, Kind::Group(Box::new(Group::new(kind))));
        machine
    }

    /// Adds a unit under `parent`, behind those that are there: start order is the order of adding,
    /// so what it comes `after` is there already. If the group serves, [`Input::Added`] starts it.
    pub(crate) fn add_unit(
        &mut self,
        now: Instant,
        parent: NodeId,
        terms: Terms,
        kind: UnitKind,
    ) -> NodeId {
        self.add(now, Some(parent), terms, Kind::Unit(Unit::new(kind)))
    }

    /// Makes room for so many more.
    pub(crate) fn reserve(&mut self, nodes: usize) {
        self.nodes.reserve(nodes);
    }

    /// Adds a group under `parent`, in the same way.
    pub(crate) fn add_group(
        &mut self,
        now: Instant,
        parent: NodeId,
        terms: Terms,
        kind: GroupKind,
    ) -> NodeId {
        self.add(now, Some(parent), terms, Kind::Group(Box::new(Group::new(kind))))
    }

    fn add(&mut self, now: Instant, parent: Option<NodeId>, policy: Terms, kind: Kind) -> NodeId {
        let id = self.nodes.len();
        for &dependency in &policy.after {
            debug_assert_eq!(self.nodes[dependency].parent, parent, "`after` is among siblings");
            self.nodes[dependency].dependents.push(id);
        }
        // `after` is explicit and goes before `background`: one that comes after a unit of the
        // foreground has to stop before it, so it cannot wait for all of the foreground.
        let gated = policy.background
            && policy.after.iter().all(|&dependency| self.nodes[dependency].stop.gated);
        let not_ready = |&&dependency: &&NodeId| !self.nodes[dependency].ready;
        let start_waits = policy.after.iter().filter(not_ready).count();
        if let Some(parent) = parent {
            let background = policy.background;
            self.no_longer_ready(parent);
            let group = self.group(parent);
            debug_assert!(!group.stopping, "group {parent} is at its end");
            group.children.push(id);
            group.unready += 1;
            group.alive += usize::from(!background);
        }
        self.nodes.push(Node {
            parent,
            dependents: Vec::new(),
            state: UnitState::New,
            since: now,
            ready: false,
            failed: false,
            incarnation: 0,
            again: Again::No,
            restarts: None,
            timer: None,
            start_waits,
            stop: Stop { gated, ..Stop::default() },
            policy,
            kind,
        });
        id
    }

    /// Takes in what has happened; what is to be done is then in [`next_action`](Self::next_action).
    pub(crate) fn step(&mut self, now: Instant, input: Input) {
        match input {
            Input::Begin => self.start(now, ROOT),
            Input::Added(node) => self.start_if_due(now, node),
            Input::StopAsked => self.stop_group(now, ROOT, GroupEnd::Asked),
            Input::Deregister(unit) => self.deregister(now, unit),
            Input::Refused(unit) => self.refused(now, unit),
            Input::SpawnFailed { unit, spawned } => self.spawn_failed(now, unit, spawned),
            Input::Entered { unit, incarnation } if self.is_current(unit, incarnation) => {
                self.entered(now, unit);
            }
            Input::SaidReady { unit, incarnation } if self.is_current(unit, incarnation) => {
                self.unit(unit).said_ready = true;
                self.check_ready(now, unit);
            }
            Input::Returned { unit, incarnation, failed } if self.is_current(unit, incarnation) => {
                self.returned(now, unit, failed);
            }
            Input::Settled { unit, incarnation } if self.is_current(unit, incarnation) => {
                self.settled(now, unit);
            }
            Input::ExtendStop { unit, incarnation, by } if self.is_current(unit, incarnation) => {
                self.extend_stop(now, unit, by);
            }
            Input::Alive { unit, incarnation, at } if self.is_current(unit, incarnation) => {
                self.alive(now, unit, at);
            }
            // A context may outlive its incarnation, in a thread that is none of the unit's.
            Input::SaidReady { .. } | Input::ExtendStop { .. } | Input::Alive { .. } => {}
            // The incarnation's own threads say nothing after it has settled.
            Input::Entered { .. } | Input::Returned { .. } | Input::Settled { .. } => {
                debug_assert!(false, "late input {input:?}");
            }
            Input::CallStarted(unit) => self.unit(unit).calls += 1,
            Input::CallReturned(unit) => {
                self.unit(unit).calls -= 1;
                self.check_over(now, unit);
                self.start_if_due(now, unit); // it may have been all that a restart waited for
            }
            Input::Tick => self.expire_due(now),
        }
        while let Some(node) = self.turns.pop_front() {
            self.take_turn(now, node);
        }
    }

    /// The next thing to do, in order.
    pub(crate) fn next_action(&mut self) -> Option<Action> {
        let next = self.actions.pop_front();
        if next.is_none() {
            self.actions.shrink_to(USUAL);
        }
        next
    }

    /// When a [`Input::Tick`] is due.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.timers.first().map(|&(at, _)| at)
    }

    fn is_current(&self, node: NodeId, incarnation: u32) -> bool {
        self.nodes[node].incarnation == incarnation
    }

    fn unit(&mut self, node: NodeId) -> &mut Unit {
        match &mut self.nodes[node].kind {
            Kind::Unit(unit) => unit,
            Kind::Group(_) => unreachable!("node {node} is a group"),
        }
    }

    fn group(&mut self, node: NodeId) -> &mut Group {
        match &mut self.nodes[node].kind {
            Kind::Group(group) => group,
            Kind::Unit(_) => unreachable!("node {node} is a unit"),
        }
    }

    fn act(&mut self, action: Action) {
        self.actions.push_back(action);
    }

    /// The one place that changes a state, and that knows which changes are legal.
    fn enter_state(&mut self, now: Instant, node: NodeId, to: UnitState) {
        use UnitState::{Backoff, Failed, New, Running, Starting, Stopped, Stopping};

        let from = self.nodes[node].state;
        let is_group = matches!(self.nodes[node].kind, Kind::Group(_));
        let may = match from {
            New => matches!(to, Starting | Stopped) || (is_group && to == Stopping),
            Starting => matches!(to, Running | Stopping | Failed | Backoff),
            Running => to == Stopping,
            Stopping => matches!(to, Stopped | Failed | Backoff),
            Backoff => matches!(to, Starting | Stopped | New) || (is_group && to == Stopping),
            Stopped => matches!(to, New | Backoff),
            Failed => to == New,
        };
        debug_assert!(may, "node {node}: {from} → {to}");
        if to != Running {
            self.disarm(node); // what it had time for was of the state before
        }
        self.nodes[node].state = to;
        self.nodes[node].since = now;
    }
}

impl Unit {
    fn new(kind: UnitKind) -> Self {
        Self {
            kind,
            told: false,
            uncalled: false,
            entered: 0,
            returned: 0,
            said_ready: false,
            silent: false,
            calls: 0,
        }
    }
}

impl Group {
    fn new(kind: GroupKind) -> Self {
        Self {
            kind,
            children: Vec::new(),
            stopping: false,
            round: None,
            recent: Recent::default(),
            unready: 0,
            alive: 0,
            open: 0,
            open_foreground: 0,
        }
    }
}

/// Steele, Lea and Flood's generator ("Fast splittable pseudorandom number generators", 2014).
#[derive(Debug)]
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

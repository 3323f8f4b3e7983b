//! What the machine is to do, said a second time and in another way: facts are sets of nodes, and
//! `rules` add to them until nothing changes. There are no counters, no queues and no order of
//! bookkeeping here, which is where a state machine goes wrong. It knows nothing of the machine.
//!
//! Here are the facts, and what each input adds to them. Rules only ever add; what is taken back is
//! in `again`: what belongs to an incarnation that is past, and readiness that was lost with it.

mod again;
mod rules;

use super::policy::{End, Pause};
use super::tree::{Kind, Set, Shape, bit, has, members};
use crate::snapshot::UnitState;
use crate::supervisor::state::{GroupEnd, Input, NodeId, ROOT};

/// Where a unit's threads are, and what has been of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Serving {
    /// Which incarnation it is, from 1; the two after it are this one's.
    pub(super) incarnation: u32,
    pub(super) entered: u32,
    pub(super) returned: u32,
    /// When this incarnation began to serve.
    since: Option<u64>,
    pub(super) calls: u32,
    /// All ends that it was started again after, or is to be.
    ends: Vec<End>,
    /// How many pauses there were, and when the last is over.
    pub(super) pauses: u32,
    resumes: Pause,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) shapes: Vec<Shape>,
    children: Vec<Set>,
    /// Those that come after it.
    pub(super) dependents: Vec<Set>,
    /// Background units that come after nothing of the foreground.
    gated: Set,
    pub(super) groups: Set,
    pub(super) serving: Vec<Serving>,
    pub(super) deadlines: Vec<Option<u64>>,
    pub(super) why: Vec<Option<GroupEnd>>,
    said_ready: Set,
    /// The last thread of its incarnation has left, or there was none.
    settled: Set,
    /// It has ended by itself, or found no thread, and is to start again; and of these, those whose
    /// pause is over.
    pub(super) again: Set,
    due: Set,
    pub(super) given_up: Set,
    /// It was to start again, and its stop came before its last thread had left.
    pub(super) taken_back: Set,
    /// It has entered `serve` in any incarnation.
    pub(super) was_entered: Set,
    /// Groups that have begun and have not looked yet whether anybody keeps them alive.
    fresh: Set,
    pub(super) deregistered: Set,
    pub(super) failed: Set,
    pub(super) started: Set,
    pub(super) ready: Set,
    /// How often it has become ready, and was not any more.
    pub(super) readied: Vec<u32>,
    pub(super) lost_readiness: Vec<u32>,
    /// How often it was told that it has ended by itself.
    pub(super) told_of_its_end: Vec<u32>,
    /// Groups whose end has begun.
    pub(super) stopping: Set,
    /// Ended by themselves, for good; and of these, the tasks that had not failed by then.
    pub(super) ended: Set,
    done: Set,
    /// Their turn to stop has come; and of these, the units that had anybody to be told.
    pub(super) asked: Set,
    pub(super) told: Set,
    pub(super) called: Set,
    /// At an end; and of these, the failed ones. What fails later is late.
    pub(super) terminal: Set,
    lost: Set,
    /// Groups that were given up, with all below them.
    pub(super) expired: Set,
    pub(super) late: Set,
    pub(super) over: Set,
}

impl Model {
    /// The root is the first of `shapes`, and its own parent.
    pub(super) fn new(shapes: Vec<Shape>) -> Self {
        let nodes = 0..shapes.len();
        let set = |which: &dyn Fn(NodeId) -> bool| {
            nodes.clone().filter(|&node| which(node)).map(bit).sum::<Set>()
        };
        let children = |of: NodeId| set(&|node| node != ROOT && shapes[node].parent == of);
        let mut gated = 0;
        for node in nodes.clone() {
            if shapes[node].background && shapes[node].after & !gated == 0 {
                gated |= bit(node);
            }
        }
        Self {
            children: nodes.clone().map(children).collect(),
            dependents: nodes.clone().map(|of| set(&|node| has(shapes[node].after, of))).collect(),
            gated,
            groups: set(&|node| matches!(shapes[node].kind, Kind::Group { .. })),
            serving: vec![Serving::default(); shapes.len()],
            readied: vec![0; shapes.len()],
            lost_readiness: vec![0; shapes.len()],
            told_of_its_end: vec![0; shapes.len()],
            deadlines: vec![None; shapes.len()],
            why: vec![None; shapes.len()],
            shapes,
            ..Self::default()
        }
    }

    pub(super) fn is_finished(&self) -> bool {
        has(self.terminal, ROOT)
    }

    /// When the next deadline of those that are still waited for is, or the end of a pause.
    pub(super) fn next_timer(&self) -> Option<u64> {
        let waited_for = members(self.all() & !self.done_with());
        let deadlines = waited_for.filter_map(|node| self.deadlines[node]);
        let pauses = members(self.in_pause() & !self.due);
        deadlines.chain(pauses.filter_map(|unit| self.serving[unit].resumes)).min()
    }

    pub(super) fn state(&self, node: NodeId) -> UnitState {
        let is_group = has(self.groups, node);
        if has(self.terminal, node) {
            return if has(self.lost, node) { UnitState::Failed } else { UnitState::Stopped };
        }
        if has(self.in_pause(), node) {
            return UnitState::Backoff;
        }
        let leaving = (self.asked | self.ended | self.again) & self.started;
        if has(self.stopping | leaving, node) {
            return UnitState::Stopping;
        }
        if has(self.started, node) && (is_group || self.serving[node].entered > 0) {
            return UnitState::Running;
        }
        if has(self.started, node) { UnitState::Starting } else { UnitState::New }
    }

    pub(super) fn take(&mut self, now: u64, input: Input) {
        match input {
            Input::Begin => self.begin(ROOT),
            Input::StopAsked => self.stop(now, ROOT, GroupEnd::Asked),
            Input::Deregister(node) => {
                if !has(self.deregistered | self.over, node) {
                    self.deregistered |= bit(node);
                    self.close(now); // while it has not stopped it is in nobody's way
                    self.ask(now, node);
                }
            }
            Input::Refused(unit) => {
                if !self.is_in_an_end(unit) {
                    self.stop(now, ROOT, GroupEnd::Asked);
                }
                self.settled |= bit(unit);
            }
            Input::SpawnFailed { unit, spawned } => {
                if spawned > 0 {
                    self.ends(now, unit, true);
                } else {
                    self.has_no_thread(now, unit);
                }
            }
            Input::Entered { unit, .. } => self.entered(now, unit),
            Input::ExtendStop { .. } | Input::Added(_) | Input::Alive { .. } => {
                unreachable!("nobody does that here")
            }
            Input::SaidReady { unit, incarnation } => {
                if incarnation == self.serving[unit].incarnation {
                    self.said_ready |= bit(unit);
                }
            }
            Input::Returned { unit, failed, .. } => {
                self.serving[unit].returned += 1;
                if failed || self.serving[unit].returned == self.instances(unit) {
                    self.ends(now, unit, failed);
                }
            }
            Input::Settled { unit, .. } => self.left(now, unit),
            Input::CallStarted(unit) => self.serving[unit].calls += 1,
            Input::CallReturned(unit) => self.serving[unit].calls -= 1,
            Input::Tick => self.tick(now),
        }
        self.close(now);
    }

    fn instances(&self, unit: NodeId) -> u32 {
        match self.shapes[unit].kind {
            Kind::Unit { instances, .. } => instances,
            Kind::Group { .. } => unreachable!("node {unit} is a group"),
        }
    }

    /// Whether one of `groups` is above `node`.
    pub(super) fn is_below(&self, groups: Set, mut node: NodeId) -> bool {
        while node != ROOT {
            node = self.shapes[node].parent;
            if has(groups, node) {
                return true;
            }
        }
        false
    }

    fn begin(&mut self, node: NodeId) {
        self.started |= bit(node);
        self.fresh |= bit(node) & self.groups;
        if !has(self.groups, node) {
            self.begin_incarnation(node);
        }
    }

    fn becomes_ready(&mut self, node: NodeId) {
        self.readied[node] += u32::from(!has(self.ready, node));
        self.ready |= bit(node);
    }

    fn stop(&mut self, now: u64, group: NodeId, why: GroupEnd) {
        if has(self.stopping, group) {
            return;
        }
        self.stopping |= bit(group);
        self.why[group] = Some(why);
        self.arm(now, group);
        if why != GroupEnd::Asked {
            self.ended |= bit(group);
        }
    }

    fn ask(&mut self, now: u64, node: NodeId) {
        if has(self.asked, node) {
            return;
        }
        self.asked |= bit(node);
        if has(self.groups, node) {
            if !has(self.terminal, node) {
                self.arm(now, node);
                self.stop(now, node, GroupEnd::Asked);
            }
            return;
        }
        let is_there = self.started & !self.settled & !self.terminal;
        if has(is_there | self.was_entered, node) {
            self.arm(now, node);
        }
        self.told |= bit(node) & is_there & !self.ended & !self.again;
        self.taken_back |= bit(node) & self.again & !self.settled;
        self.again &= !bit(node); // it starts no more
    }

    fn arm(&mut self, now: u64, node: NodeId) {
        let limit = self.shapes[node].stop_timeout;
        self.deadlines[node] = self.deadlines[node].or(limit.map(|limit| now + limit));
    }

    /// Nobody waits for it, so its deadline is none.
    fn done_with(&self) -> Set {
        self.over | (self.groups & self.terminal)
    }

    /// Whatever is due happens in the order in which it was to; where that is the same time, pauses
    /// end first.
    fn tick(&mut self, now: u64) {
        while let Some(at) = self.next_timer().filter(|&at| at <= now) {
            let resumes = |unit: NodeId| self.serving[unit].resumes == Some(at);
            let due = set_of(self.in_pause() & !self.due, resumes);
            if due == 0 {
                self.expire(now, at);
            } else {
                self.due |= due;
                self.settle(now);
            }
        }
    }

    /// Those of whom this is the deadline are given up, and with a group all below it, once they are
    /// told.
    fn expire(&mut self, now: u64, at: u64) {
        let due = set_of(self.all() & !self.done_with(), |node| self.deadlines[node] == Some(at));
        self.expired |= due & self.groups;
        let below = set_of(self.all() & !self.over, |node| self.is_below(due, node));
        for node in members(below) {
            self.ask(now, node);
        }
        self.settle(now);
        self.late |= (due | below) & !self.over & !self.groups;
        self.settle(now);
    }

    fn all(&self) -> Set {
        (bit(self.shapes.len() - 1) << 1).wrapping_sub(1)
    }
}

/// The members of which `which` holds.
fn set_of(set: Set, which: impl Fn(NodeId) -> bool) -> Set {
    members(set).filter(|&node| which(node)).fold(0, |set, node| set | bit(node))
}

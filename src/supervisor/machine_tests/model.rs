//! What the machine is to do, said a second time and in another way: facts are sets of nodes, and
//! rules add to them until nothing changes. There are no counters, no queues and no order of
//! bookkeeping here, which is where a state machine goes wrong. It knows nothing of the machine.
//!
//! Facts are only ever added. Rules are tried in the order in which they stand in
//! [`Model::close`], which settles what happens first when one input brings about several things: a
//! node that is ready lets others start before an end that comes of the same input begins.

use super::tree::{Kind, Set, Shape, bit, find, has, members};
use crate::snapshot::UnitState;
use crate::supervisor::state::{GroupEnd, Input, NodeId, ROOT};

/// Where a unit's threads are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Serving {
    pub(super) entered: u32,
    pub(super) returned: u32,
    pub(super) calls: u32,
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
    settled: Set,
    pub(super) without_thread: Set,
    /// Groups that have begun and have not looked yet whether anybody keeps them alive.
    fresh: Set,
    pub(super) deregistered: Set,
    pub(super) failed: Set,
    pub(super) started: Set,
    pub(super) ready: Set,
    /// Groups whose end has begun.
    pub(super) stopping: Set,
    /// Ended by themselves; and of these, the tasks that had not failed by then.
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
            deadlines: vec![None; shapes.len()],
            why: vec![None; shapes.len()],
            shapes,
            ..Self::default()
        }
    }

    pub(super) fn is_finished(&self) -> bool {
        has(self.terminal, ROOT)
    }

    /// The earliest deadline of those that are still waited for.
    pub(super) fn next_deadline(&self) -> Option<u64> {
        let done = self.over | (self.groups & self.terminal);
        let waited_for = (0..self.shapes.len()).filter(|&node| !has(done, node));
        waited_for.filter_map(|node| self.deadlines[node]).min()
    }

    pub(super) fn state(&self, node: NodeId) -> UnitState {
        let is_group = has(self.groups, node);
        if has(self.terminal, node) {
            return if has(self.lost, node) { UnitState::Failed } else { UnitState::Stopped };
        }
        if has(self.stopping, node) || has((self.asked | self.ended) & self.started, node) {
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
                if !self.is_below(self.stopping, unit) && !has(self.asked, unit) {
                    self.stop(now, ROOT, GroupEnd::Asked);
                }
                self.settled |= bit(unit);
            }
            Input::SpawnFailed { unit, spawned } => {
                self.failed |= bit(unit);
                if spawned == 0 {
                    self.without_thread |= bit(unit);
                }
                self.ended |= bit(unit) & !self.asked;
            }
            Input::Entered { unit, .. } => self.serving[unit].entered += 1,
            Input::ExtendStop { .. } => unreachable!("nobody asks for more time here"),
            Input::SaidReady { unit, .. } => self.said_ready |= bit(unit),
            Input::Returned { unit, failed, .. } => {
                self.serving[unit].returned += 1;
                if failed {
                    self.failed |= bit(unit);
                }
                if failed || self.serving[unit].returned == self.instances(unit) {
                    self.ended |= bit(unit) & !self.asked;
                }
            }
            Input::Settled { unit, .. } => self.settled |= bit(unit),
            Input::CallStarted(unit) => self.serving[unit].calls += 1,
            Input::CallReturned(unit) => self.serving[unit].calls -= 1,
            Input::Tick => self.expire(now),
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
        let is_terminal = has(self.terminal, node);
        if has(self.groups, node) {
            if !is_terminal {
                self.arm(now, node);
                self.stop(now, node, GroupEnd::Asked);
            }
            return;
        }
        if has(self.started, node) && (!is_terminal || self.serving[node].entered > 0) {
            self.arm(now, node);
        }
        self.told |= bit(node) & self.started & !self.ended & !self.terminal & !self.settled;
    }

    fn arm(&mut self, now: u64, node: NodeId) {
        let limit = self.shapes[node].stop_timeout;
        self.deadlines[node] = self.deadlines[node].or(limit.map(|limit| now + limit));
    }

    /// Whatever is due is given up, and with a group all below it, once they are told.
    fn expire(&mut self, now: u64) {
        let nodes = 0..self.shapes.len();
        let done = self.over | (self.groups & self.terminal);
        let is_due =
            |&node: &NodeId| !has(done, node) && self.deadlines[node].is_some_and(|at| at <= now);
        let due = nodes.clone().filter(is_due).fold(0, |set, node| set | bit(node));
        self.expired |= due & self.groups;
        let below = nodes.filter(|&node| self.is_below(due, node));
        let below = below.fold(0, |set, node| set | bit(node)) & !self.over;
        for node in members(below) {
            self.ask(now, node);
        }
        self.close(now);
        self.late |= (due | below) & !self.over & !self.groups;
    }

    /// Applies the rules until nothing changes.
    fn close(&mut self, now: u64) {
        loop {
            let failed = find(self.failed & !self.deregistered & !bit(ROOT), |node| {
                !has(self.failed, self.shapes[node].parent)
            });
            if let Some(node) = failed {
                self.failed |= bit(self.shapes[node].parent);
            } else if self.fresh != 0 {
                let group = self.fresh.trailing_zeros() as NodeId;
                self.fresh &= !bit(group);
                if self.is_abandoned(group) {
                    self.stop(now, group, GroupEnd::TasksDone);
                }
            } else if let Some(node) =
                find(self.ended & !self.failed & !self.done, |node| self.shapes[node].task)
            {
                self.done |= bit(node);
                self.ready |= bit(node);
            } else if let Some(node) = find(!self.ready & self.started, |node| self.is_ready(node))
            {
                self.ready |= bit(node);
            } else if let Some((group, child)) = self.ends_by_a_child() {
                self.stop(now, group, GroupEnd::Child(child));
            } else if let Some(node) =
                find(self.all() & !self.started & !self.asked, |node| self.may_start(node))
            {
                self.begin(node);
            } else if let Some(group) =
                find(self.started & self.groups & !self.stopping, |it| self.is_abandoned(it))
            {
                self.stop(now, group, GroupEnd::TasksDone);
            } else if let Some(unit) = find(self.asked & !self.called & !self.groups, |unit| {
                self.serving[unit].entered > 0
            }) {
                self.called |= bit(unit);
                self.serving[unit].calls += 1;
            } else if let Some(node) = find(self.all() & !self.terminal, |it| self.is_at_end(it)) {
                self.terminal |= bit(node);
                self.lost |= bit(node) & self.failed;
            } else if let Some(node) = find(self.asked & !self.over, |it| self.is_over(it)) {
                self.over |= bit(node);
            } else if let Some(node) =
                find(self.all() & !self.asked & !bit(ROOT), |it| self.has_its_turn(it))
            {
                self.ask(now, node);
            } else {
                return;
            }
        }
    }

    fn all(&self) -> Set {
        (bit(self.shapes.len() - 1) << 1).wrapping_sub(1)
    }

    fn may_start(&self, node: NodeId) -> bool {
        let shape = &self.shapes[node];
        has(self.started, shape.parent)
            && !self.is_below(self.stopping, node)
            && shape.after & !self.ready == 0
    }

    fn is_ready(&self, node: NodeId) -> bool {
        match self.shapes[node].kind {
            Kind::Unit { instances, declares_ready } => {
                self.serving[node].entered == instances
                    && (!declares_ready || has(self.said_ready, node))
                    && !has(self.asked | self.ended | self.terminal, node)
            }
            Kind::Group { .. } => {
                let counted = self.children[node] & !self.deregistered;
                !has(self.stopping, node) && counted & !self.ready == 0
            }
        }
    }

    fn ends_by_a_child(&self) -> Option<(NodeId, NodeId)> {
        // A group that is a task may fail no sooner than in its stop.
        let well = self.done & !self.lost;
        let child = find(self.ended & !well & !self.deregistered & !bit(ROOT), |node| {
            !has(self.stopping, self.shapes[node].parent)
        })?;
        Some((self.shapes[child].parent, child))
    }

    fn is_abandoned(&self, group: NodeId) -> bool {
        let rest = self.children[group] & !self.terminal & !self.deregistered;
        members(rest).all(|node| self.shapes[node].background)
    }

    fn has_its_turn(&self, node: NodeId) -> bool {
        let parent = self.shapes[node].parent;
        if !has(self.stopping, parent) || self.dependents[node] & !self.over != 0 {
            return false;
        }
        let open = self.children[parent] & !self.over;
        let gated = has(self.gated, node);
        if gated && open & !self.gated != 0 {
            return false;
        }
        let reverse = self.shapes[parent].kind == Kind::Group { reverse: true };
        let later = !(bit(node) | (bit(node) - 1));
        let same = if gated { self.gated } else { !self.gated };
        !(reverse && open & same & later != 0)
    }

    fn is_at_end(&self, node: NodeId) -> bool {
        if has(self.groups, node) {
            has(self.stopping, node) && self.children[node] & !self.over == 0
        } else {
            has(self.settled | self.without_thread | (self.asked & !self.started), node)
        }
    }

    fn is_over(&self, node: NodeId) -> bool {
        has(self.late, node) || (has(self.terminal, node) && self.serving[node].calls == 0)
    }
}

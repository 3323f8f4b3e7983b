//! The rules of the model. They are tried in the order in which they stand in [`Model::settle`],
//! which says what happens first when one input brings about several things: a node that is ready
//! lets others start before an end that comes of the same input begins.

use super::Model;
use crate::snapshot::UnitState;
use crate::supervisor::machine_tests::said::{Quiet, Word};
use crate::supervisor::machine_tests::tree::{Kind, bit, find, has, members};
use crate::supervisor::state::{GroupEnd, NodeId, ROOT};

impl Model {
    /// Applies the rules until nothing changes. Whose turn it is to stop is looked at last, and those
    /// whose it is have it before those whose it is after that.
    pub(super) fn close(&mut self, now: u64) {
        self.settle(now);
        loop {
            let inner = members(self.all() & !bit(ROOT));
            let turns: Vec<NodeId> = inner.filter(|&node| self.may_take_turn(node)).collect();
            if turns.is_empty() {
                return;
            }
            for node in turns {
                if self.may_be_asked(node) {
                    self.ask(now, node);
                } else if self.may_take_turn(node) {
                    self.takes_turn_in_round(now, node);
                } // else who has had it before has changed that
                self.settle(now);
            }
        }
    }

    fn may_be_asked(&self, node: NodeId) -> bool {
        node != ROOT && !has(self.asked, node) && self.has_its_turn(node)
    }

    fn may_take_turn(&self, node: NodeId) -> bool {
        self.may_be_asked(node)
            || (has(self.together & !self.turned, node) && self.has_its_turn_in_round(node))
    }

    /// Applies all other rules until nothing changes.
    pub(super) fn settle(&mut self, now: u64) {
        let mut rules = 0;
        while self.one_rule(now) {
            rules += 1;
            assert!(rules < 1_000, "the rules never come to an end");
        }
    }

    /// Applies the first rule that can be.
    fn one_rule(&mut self, now: u64) -> bool {
        let inner = self.all() & !bit(ROOT);
        let stops = |model: &Self, node: NodeId| has(model.stopping, model.shapes[node].parent);
        if let Some(node) =
            find(self.unnoted & !self.deregistered & inner, |node| stops(self, node))
        {
            // A failure in a group that stops is the group's, unless it starts again.
            self.unnoted &= !bit(node);
            let group = self.shapes[node].parent;
            if has(self.again, group) {
                self.happens(Quiet::ExcusedFailure);
            } else {
                self.fails(group);
            }
        } else if self.fresh != 0 {
            let group = self.fresh.trailing_zeros() as NodeId;
            self.fresh &= !bit(group);
            if self.is_abandoned(group) {
                self.stop(now, group, GroupEnd::TasksDone);
            }
        } else if let Some(node) =
            find(self.out & !self.failed & !self.done, |node| self.shapes[node].task)
        {
            self.done |= bit(node);
            self.becomes_ready(now, node);
        } else if let Some(node) =
            find(!self.ready & self.started & !self.again, |node| self.is_ready(node))
        {
            self.becomes_ready(now, node);
        } else if let Some(node) =
            // A group that is a task may fail no sooner than in its stop.
            find(
                self.out & !(self.done & !self.lost) & !self.deregistered & inner,
                |node| !stops(self, node),
            )
        {
            self.stop(now, self.shapes[node].parent, GroupEnd::Child(node));
        } else if let Some(node) = self.next_to_start() {
            self.begin(now, node);
        } else if let Some(group) =
            find(self.started & self.groups & !self.stopping, |it| self.is_abandoned(it))
        {
            self.stop(now, group, GroupEnd::TasksDone);
        } else if let Some(unit) = find(self.uncalled, |it| self.is_to_be_called(it)) {
            self.uncalled &= !bit(unit);
            self.nodes[unit].calls += 1;
            self.say(unit, Word::Called);
        } else if let Some(node) =
            find(self.all() & !self.terminal & !self.resting, |it| self.has_stopped(it))
        {
            if has(self.again, node) && !self.is_in_an_end(node) {
                self.rests(now, node);
            } else {
                self.is_at_its_end(node);
            }
        } else if let Some(node) = find(inner & !self.over, |it| self.is_over(it)) {
            self.over |= bit(node);
            self.nodes[node].deadline = None;
        } else if let Some(group) = find(self.groups & !self.stopping, |it| self.has_cleared(it)) {
            self.round_is_over(now, group);
        } else {
            return false;
        }
        true
    }

    fn next_to_start(&self) -> Option<NodeId> {
        let inner = |&node: &NodeId| node != ROOT && !has(self.asked, node);
        self.start_order.iter().copied().filter(inner).find(|&node| self.may_start(node))
    }

    /// For the first time or again.
    fn may_start(&self, node: NodeId) -> bool {
        let shape = &self.shapes[node];
        let waits = match self.state(node) {
            UnitState::New => true,
            UnitState::Backoff => has(self.due, node),
            _ => false,
        };
        waits
            && self.is_running(shape.parent)
            && !self.is_below(self.stopping, node)
            && shape.after & !self.ready & !self.deregistered == 0
            && self.nodes[node].calls == 0
    }

    fn is_ready(&self, node: NodeId) -> bool {
        self.is_running(node)
            && !has(self.out, node)
            && match self.shapes[node].kind {
                Kind::Unit { instances, declares_ready, .. } => {
                    self.nodes[node].entered == instances
                        && (!declares_ready || has(self.said_ready, node))
                        && !has(self.silent, node)
                }
                Kind::Group { .. } => self.children[node] & !self.deregistered & !self.ready == 0,
            }
    }

    fn is_abandoned(&self, group: NodeId) -> bool {
        let rest = self.children[group] & !self.terminal & !self.deregistered;
        self.is_running(group) && members(rest).all(|node| self.shapes[node].background)
    }

    /// Of a unit that has entered, and that was not called for it: it was told to stop before it has
    /// ended, or is the last.
    pub(super) fn is_to_be_called(&self, unit: NodeId) -> bool {
        let entered = self.nodes[unit].entered > 0;
        (has(self.told, unit) && entered)
            || (has(self.last, unit) && (entered || has(self.terminal, unit)))
    }

    fn has_stopped(&self, node: NodeId) -> bool {
        if has(self.groups, node) {
            has(self.stopping, node) && self.children[node] & !self.over == 0
        } else {
            has(self.settled, node)
        }
    }

    /// Whether a round has nobody to wait for any more.
    fn has_cleared(&self, group: NodeId) -> bool {
        !self.is_in_an_end(group)
            && self.nodes[group].round.is_some_and(|round| round.line & !self.over == 0)
    }
}

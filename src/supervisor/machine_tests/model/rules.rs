//! The rules of the model. They are tried in the order in which they stand in [`Model::settle`],
//! which says what happens first when one input brings about several things: a node that is ready
//! lets others start before an end that comes of the same input begins.

use super::Model;
use crate::supervisor::machine_tests::tree::{Kind, bit, find, has, members};
use crate::supervisor::state::{GroupEnd, NodeId, ROOT};

impl Model {
    /// Applies the rules until nothing changes. Whose turn it is to stop is looked at last.
    pub(super) fn close(&mut self, now: u64) {
        self.settle(now);
        while let Some(node) =
            find(self.all() & !self.asked & !bit(ROOT), |node| self.has_its_turn(node))
        {
            self.ask(now, node);
            self.settle(now);
        }
    }

    /// Applies all other rules until nothing changes.
    pub(super) fn settle(&mut self, now: u64) {
        loop {
            let failed = find(self.failed & !self.deregistered & !bit(ROOT), |node| {
                let parent = self.shapes[node].parent;
                has(self.stopping & !self.failed, parent)
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
                self.becomes_ready(node);
            } else if let Some(node) = find(!self.ready & self.started, |node| self.is_ready(node))
            {
                self.becomes_ready(node);
            } else if let Some((group, child)) = self.ends_by_a_child() {
                self.stop(now, group, GroupEnd::Child(child));
            } else if let Some(node) = find(self.all() & !self.asked, |node| self.may_start(node)) {
                self.begin(node);
            } else if let Some(group) =
                find(self.started & self.groups & !self.stopping, |it| self.is_abandoned(it))
            {
                self.stop(now, group, GroupEnd::TasksDone);
            } else if let Some(unit) =
                find(self.asked & !self.called & self.was_entered, |it| self.is_the_last(it))
            {
                self.called |= bit(unit);
                self.serving[unit].calls += 1;
            } else if let Some(node) = find(self.all() & !self.terminal, |it| self.is_at_end(it)) {
                self.terminal |= bit(node);
                self.lost |= bit(node) & self.failed;
            } else if let Some(node) = find(self.asked & !self.over, |it| self.is_over(it)) {
                self.over |= bit(node);
            } else {
                return;
            }
        }
    }

    /// For the first time or again.
    fn may_start(&self, node: NodeId) -> bool {
        let shape = &self.shapes[node];
        let waits = !has(self.started, node)
            || (has(self.in_pause() & self.due, node) && self.serving[node].calls == 0);
        waits
            && has(self.started, shape.parent)
            && !self.is_below(self.stopping, node)
            && shape.after & !self.ready == 0
    }

    fn is_ready(&self, node: NodeId) -> bool {
        match self.shapes[node].kind {
            Kind::Unit { instances, declares_ready } => {
                self.serving[node].entered == instances
                    && (!declares_ready || has(self.said_ready, node))
                    && !has(
                        self.asked | self.ended | self.again | self.settled | self.terminal,
                        node,
                    )
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
            has((self.settled & !self.again) | (self.asked & !self.started), node)
        }
    }

    /// Of a unit that is asked to stop: it has entered `serve`, and will not again.
    fn is_the_last(&self, unit: NodeId) -> bool {
        self.serving[unit].entered > 0 || has(self.terminal, unit)
    }

    fn is_over(&self, node: NodeId) -> bool {
        has(self.late, node) || (has(self.terminal, node) && self.serving[node].calls == 0)
    }
}

//! Everything that has a limit, in the model.

use super::Model;
use crate::snapshot::UnitState;
use crate::supervisor::machine_tests::said::{Quiet, Word};
use crate::supervisor::machine_tests::tree::{bit, has, members};
use crate::supervisor::state::{GroupEnd, NodeId, ROOT};

/// What is due at a time, in the order in which it is where several are at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Ready,
    StoppedToStartAgain,
    Resumed,
    HeardOf,
    Stopped,
}

impl Model {
    /// When a timer has to fire next.
    pub(in crate::supervisor::machine_tests) fn next_timer(&self) -> Option<u64> {
        self.next_due().map(|(at, ..)| at)
    }

    fn next_due(&self) -> Option<(u64, Due, NodeId)> {
        let of = |node: NodeId| {
            let facts = &self.nodes[node];
            [
                (facts.start_by.filter(|_| self.is_up(node)), Due::Ready),
                (self.recall_by(node), Due::StoppedToStartAgain),
                (self.starts_at(node), Due::Resumed),
                (facts.beat_by.filter(|_| self.is_running(node)), Due::HeardOf),
                (self.deadline(node), Due::Stopped),
            ]
            .map(|(at, due)| at.map(|at| (at, due, node)))
        };
        members(self.all()).flat_map(of).flatten().min()
    }

    fn recall_by(&self, node: NodeId) -> Option<u64> {
        let stopping = self.state(node) == UnitState::Stopping;
        self.nodes[node].recall_by.filter(|_| stopping && has(self.again, node))
    }

    fn deadline(&self, node: NodeId) -> Option<u64> {
        self.nodes[node].deadline.filter(|_| !has(self.over, node))
    }

    /// Whatever is due happens in the order in which it was to.
    pub(super) fn tick(&mut self, now: u64) {
        let mut dues = 0;
        while let Some((_, due, node)) = self.next_due().filter(|&(at, ..)| at <= now) {
            dues += 1;
            assert!(dues < 100, "it is due for ever: {due:?} of {node}");
            match due {
                Due::Ready => self.is_not_ready_in_time(now, node),
                Due::StoppedToStartAgain => {
                    self.nodes[node].recall_by = None;
                    self.did_not_stop(now, node);
                }
                Due::Resumed => self.due |= bit(node),
                Due::HeardOf => {
                    self.nodes[node].beat_by = None;
                    self.awaited |= bit(node);
                    self.say(node, Word::AskedIfAlive);
                }
                Due::Stopped => self.expire(now, node),
            }
            self.settle(now);
        }
    }

    pub(super) fn arm(&mut self, now: u64, node: NodeId) {
        let limit = self.shapes[node].stop_timeout.map(|limit| now + limit);
        let facts = &mut self.nodes[node];
        facts.deadline = facts.deadline.or(limit);
    }

    /// It is to start again: what is said for it, or for any group above it, limits this stop.
    pub(super) fn limit_recall(&mut self, now: u64, node: NodeId) {
        if self.is_in_an_end(node) {
            return; // it was
        }
        let path = std::iter::once(node).chain(self.above(node));
        let limit = path.filter_map(|node| self.shapes[node].stop_timeout).min();
        self.nodes[node].recall_by = limit.map(|limit| now + limit);
    }

    /// As if it had failed by itself.
    fn is_not_ready_in_time(&mut self, now: u64, node: NodeId) {
        self.nodes[node].start_by = None;
        if has(self.again, node) || self.is_in_an_end(node) {
            return;
        }
        self.say(node, Word::NotReady);
        let comes_back = self.comes_back(now, node, true);
        if comes_back {
            self.again |= bit(node);
        } else {
            self.fails(node);
        }
        self.recall(now, node);
        if comes_back {
            self.leaves(node);
        } else {
            self.out |= bit(node);
        }
    }

    /// Where it was to start again it does not, and its group ends; where that ends already nothing is
    /// said.
    fn did_not_stop(&mut self, now: u64, node: NodeId) {
        if !has(self.again, node) || self.is_in_an_end(node) {
            return;
        }
        self.again &= !bit(node);
        self.together &= !bit(node);
        self.done &= !bit(node);
        self.say(node, Word::DidNotStop);
        self.fails(node);
        // At once: whoever else lives below is given up by those above as they are then.
        let mut out = node;
        self.out |= bit(out);
        while !has(self.deregistered, out) && has(self.out, out) && out != ROOT {
            let group = self.shapes[out].parent;
            self.stop(now, group, GroupEnd::Child(out));
            if has(self.out & !self.failed, group) {
                self.fails(group);
            }
            out = group;
        }
    }

    /// The node is past its deadline, and with a group all below it that is not over. Everybody is told
    /// at least.
    fn expire(&mut self, now: u64, node: NodeId) {
        self.expired |= bit(node) & self.groups;
        let below = members(self.all() & !self.over & !bit(node));
        // A group that is over is waited for no longer, whoever was taken out of it since.
        let is_waited_for = |&it: &NodeId| {
            self.above(it).find(|&group| group == node || has(self.over, group)) == Some(node)
        };
        let below: Vec<NodeId> = below.filter(is_waited_for).collect();
        for &node in &below {
            self.ask(now, node);
        }
        self.settle(now);
        for node in std::iter::once(node).chain(below) {
            if has(self.asked & !self.over & !self.groups, node) {
                self.late |= bit(node);
                self.say(node, Word::Late);
                self.takes_back_above(now, node);
            }
        }
    }

    /// One lives that nobody waits for any longer: nothing that it belongs to starts again.
    fn takes_back_above(&mut self, now: u64, late: NodeId) {
        let path = std::iter::once(late).chain(self.above(late));
        let path: Vec<NodeId> = path.collect();
        for pair in path.windows(2) {
            if has(self.deregistered, pair[0]) {
                return;
            }
            if has(self.again, pair[1]) {
                self.happens(Quiet::LateBelow);
                self.did_not_stop(now, pair[1]);
            }
        }
    }

    // ---- more time, and heartbeats ----

    /// So long from now, up to the deadline of a group above that has one, and never less than before.
    pub(super) fn extend(&mut self, now: u64, unit: NodeId, by: u64) {
        if has(self.over, unit) {
            return;
        }
        let time = |node| self.recall_by(node).or(self.deadline(node));
        let Some(before) = time(unit) else { return };
        let limit = self.above(unit).filter_map(time).min().unwrap_or(u64::MAX);
        let at = (now + by).min(limit);
        if at <= before {
            return;
        }
        let recalled = self.recall_by(unit).is_some();
        let facts = &mut self.nodes[unit];
        *(if recalled { &mut facts.recall_by } else { &mut facts.deadline }) = Some(at);
        self.say(unit, Word::Extended);
    }

    /// It has said `at` that it is alive, and this is the answer to a question.
    pub(super) fn heard_of(&mut self, now: u64, unit: NodeId, at: u64) {
        let limit = self.shapes[unit].heartbeat.unwrap_or(u64::MAX);
        let in_time = at.saturating_add(limit) > now;
        let is_up = self.is_running(unit);
        if has(self.silent, unit) {
            if is_up && in_time {
                self.silent &= !bit(unit);
                self.say(unit, Word::HeardOf);
            }
        } else if is_up && has(self.awaited & self.ready, unit) {
            self.awaited &= !bit(unit);
            if in_time {
                self.nodes[unit].beat_by = Some(at + limit);
            } else {
                self.silent |= bit(unit);
                self.loses_readiness(unit);
                self.say(unit, Word::Silent);
            }
        }
    }
}

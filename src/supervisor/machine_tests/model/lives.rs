//! Starting and being ready, in the model. This is the one place where facts are taken back: those of
//! the incarnation before, and of a group's life before.

use super::{Facts, Model};
use crate::supervisor::machine_tests::said::Word;
use crate::supervisor::machine_tests::tree::{Kind, bit, has, members};
use crate::supervisor::state::{NodeId, ROOT};

impl Model {
    pub(super) fn begin(&mut self, now: u64, node: NodeId) {
        self.forget_incarnation(node);
        self.started |= bit(node);
        let is_group = has(self.groups, node);
        let shape = &self.shapes[node];
        let facts = &mut self.nodes[node];
        facts.incarnation += 1;
        facts.start_by = shape.start_timeout.map(|limit| now + limit);
        if is_group {
            facts.since = Some(now);
            self.fresh |= bit(node);
            self.deregistered |= self.stays_out & self.belongs_to(node);
            for below in members(self.belongs_to(node)) {
                self.forget_life(below);
            }
        }
        if node != ROOT {
            self.say(node, Word::Start);
        }
    }

    /// What was of the incarnation before is past.
    fn forget_incarnation(&mut self, node: NodeId) {
        let of_one = [
            &mut self.started,
            &mut self.fresh,
            &mut self.said_ready,
            &mut self.awaited,
            &mut self.silent,
            &mut self.stopping,
            &mut self.told,
            &mut self.ended,
            &mut self.settled,
            &mut self.out,
            &mut self.done,
            &mut self.again,
            &mut self.together,
            &mut self.turned,
            &mut self.resting,
            &mut self.due,
        ];
        for facts in of_one {
            *facts &= !bit(node);
        }
        let old = std::mem::take(&mut self.nodes[node]);
        self.nodes[node] = Facts {
            incarnation: old.incarnation,
            calls: old.calls,
            ends: old.ends,
            why: old.why,
            pause: old.pause,
            given_up: old.given_up,
            said: old.said,
            ..Facts::default()
        };
    }

    /// Its group starts again, and it is as before it was started first.
    fn forget_life(&mut self, node: NodeId) {
        self.forget_incarnation(node);
        self.forget_stop(node);
        self.ready &= !bit(node);
        self.nodes[node].ends.clear();
    }

    /// It is as if it had not stopped.
    pub(super) fn forget_stop(&mut self, node: NodeId) {
        let of_a_stop = [
            &mut self.failed,
            &mut self.unnoted,
            &mut self.asked,
            &mut self.last,
            &mut self.terminal,
            &mut self.lost,
            &mut self.over,
            &mut self.behind,
            &mut self.late,
            &mut self.expired,
            &mut self.out,
            &mut self.done,
        ];
        for facts in of_a_stop {
            *facts &= !bit(node);
        }
        self.nodes[node].deadline = None;
    }

    pub(super) fn entered(&mut self, now: u64, unit: NodeId) {
        let has_call = matches!(self.shapes[unit].kind, Kind::Unit { graceful_stop: true, .. });
        let facts = &mut self.nodes[unit];
        if facts.entered == 0 && has_call {
            self.uncalled |= bit(unit);
        }
        facts.entered += 1;
        facts.since.get_or_insert(now);
    }

    pub(super) fn becomes_ready(&mut self, now: u64, node: NodeId) {
        if has(self.ready | self.again, node) {
            return;
        }
        self.ready |= bit(node);
        self.say(node, Word::Ready);
        if self.is_running(node) {
            self.nodes[node].start_by = None;
            self.nodes[node].beat_by = self.shapes[node].heartbeat.map(|limit| now + limit);
        }
    }

    /// Nothing is ready that has a part that is not; but who was taken out is a part of nothing.
    pub(super) fn loses_readiness(&mut self, node: NodeId) {
        let up: Vec<NodeId> = std::iter::once(node).chain(self.above(node)).collect();
        for node in up {
            if !has(self.ready & !self.deregistered, node) {
                return;
            }
            self.ready &= !bit(node);
        }
    }
}

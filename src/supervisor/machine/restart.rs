//! Starting again: whether a node that has ended by itself does, when, and what that means to others.

use std::time::{Duration, Instant};

use super::Machine;
use crate::restart::Who;
use crate::snapshot::UnitState;
use crate::supervisor::state::{
    Action, Again, GroupEnd, Kind, LimitOf, Node, NodeId, Timer, Unit, UnitEnd,
};

impl Machine {
    /// It has ended by itself: decides whether it starts again.
    pub(super) fn starts_again(&mut self, now: Instant, node: NodeId, failed: bool) -> bool {
        let this = &self.nodes[node];
        let Some(parent) = this.parent else { return false };
        if !this.policy.restart.covers(failed)
            || self.is_in_an_end(node)
            || self.start_together(parent, node).into_iter().any(|it| self.has_left_behind(it))
            || self.ends_at_once(node)
        {
            return false;
        }
        let served = match this.state {
            UnitState::Running => now.saturating_duration_since(this.since),
            _ => Duration::ZERO,
        };
        let chance = self.chance.next();
        let alone = self.group(parent).kind.strategy.who() == Who::One;
        let this = &mut self.nodes[node];
        let policy = &this.policy.restart;
        let restarts = this.restarts.get_or_insert_default();
        let pause = if alone {
            restarts.next(policy, now, served, chance)
        } else {
            Some(restarts.pause(policy, served, chance))
        };
        let group = self.group(parent);
        let Some(pause) = pause.filter(|_| group.recent.allows(&group.kind.strategy, now)) else {
            let limit = if pause.is_some() { LimitOf::ItsGroup } else { LimitOf::Itself };
            // A failure, even of one that has only ended `Ok` too often.
            self.note_failure(node);
            self.act(Action::GaveUp { unit: node, limit });
            return false;
        };
        self.nodes[node].again = Again::After(pause);
        true
    }

    /// It has ended by itself, is to start again, and is no longer what it was.
    pub(super) fn leaves_to_start_again(&mut self, node: NodeId) {
        self.no_longer_ready(node);
        self.begin_round_if_together(node);
    }

    /// Whether it starts again after this.
    pub(super) fn is_to_start(&self, node: NodeId) -> bool {
        self.nodes[node].again != Again::No
    }

    /// Whether a thread of it, or below it, lives that nobody waits for any longer, or such a callback
    /// is out.
    fn has_left_behind(&self, node: NodeId) -> bool {
        let this = &self.nodes[node];
        match &this.kind {
            Kind::Unit(unit) => this.stop.late && (unit.calls > 0 || !this.state.is_terminal()),
            Kind::Group(group) => {
                let counts = |&&child: &&NodeId| !self.nodes[child].stop.deregistered;
                group.children.iter().filter(counts).any(|&child| self.has_left_behind(child))
            }
        }
    }

    /// Whether it is a group that would end as soon as it had started, since nobody in it keeps it alive
    /// or since one in it is such a group: again and again, in no time.
    fn ends_at_once(&self, node: NodeId) -> bool {
        let Kind::Group(group) = &self.nodes[node].kind else { return false };
        let mut keeps_alive = false;
        for &child in &group.children {
            let Node { policy, stop, .. } = &self.nodes[child];
            if stop.deregistered || stop.stays_out {
                continue;
            }
            let ends = self.ends_at_once(child);
            if ends && !policy.task {
                return true;
            }
            keeps_alive |= !ends && !policy.background;
        }
        !keeps_alive
    }

    /// Its last thread has left: the pause begins, if that is up to it alone.
    pub(super) fn pause(&mut self, now: Instant, node: NodeId) {
        self.enter_state(now, node, UnitState::Backoff);
        self.disarm_deadline(node); // of a group that had ended for good, before others took it along
        match self.nodes[node].again {
            Again::After(pause) => {
                self.begin_pause(now, node, pause);
                self.start_if_due(now, node);
            }
            Again::Together => self.check_over(now, node),
            again => debug_assert!(false, "node {node} pauses: {again:?}"),
        }
    }

    /// One of no length is over at once; starting is up to the caller.
    pub(super) fn begin_pause(&mut self, now: Instant, node: NodeId, pause: Duration) {
        self.act(Action::Backoff { unit: node, pause });
        if pause.is_zero() {
            self.nodes[node].again = Again::Due;
        } else {
            self.nodes[node].again = Again::Waits;
            self.arm(now, node, pause, Timer::Restart(node));
        }
    }

    pub(super) fn pause_is_over(&mut self, now: Instant, node: NodeId) {
        self.nodes[node].again = Again::Due;
        self.start_if_due(now, node);
    }

    /// It is told to stop for good: whatever was decided, it starts no more.
    pub(super) fn start_no_more(&mut self, node: NodeId) {
        self.disarm(node);
        self.nodes[node].again = Again::No;
    }

    /// It is told to stop, but not for good: as if it had failed by itself.
    pub(super) fn not_ready_in_time(&mut self, now: Instant, node: NodeId) {
        if self.is_in_an_end(node) || self.is_to_start(node) {
            return; // it is told to stop when it is its turn
        }
        self.act(Action::NotReadyInTime(node));
        let again = self.starts_again(now, node, true);
        if !again {
            self.note_failure(node);
        }
        self.recall(now, node, UnitEnd::NotReady);
        if again {
            self.leaves_to_start_again(node);
        } else {
            self.tell_parent(now, node);
        }
    }

    /// Tells it to stop, but not for good.
    pub(super) fn recall(&mut self, now: Instant, node: NodeId, why: UnitEnd) {
        if matches!(self.nodes[node].kind, Kind::Group(_)) {
            return self.stop_group(now, node, GroupEnd::Asked);
        }
        self.enter_state(now, node, UnitState::Stopping);
        self.act(Action::Tell { unit: node, why });
        self.unit(node).told = true;
        if self.unit(node).entered > 0 {
            self.call_stop(node);
        }
        if self.is_to_start(node) {
            self.arm_recall(now, node);
        }
    }

    /// Readiness is a level. What comes `after` it and has started is left alone; what has not waits
    /// again; and the groups above are not ready, either.
    pub(super) fn no_longer_ready(&mut self, node: NodeId) {
        let mut lost = Some(node);
        // Who was taken out is a part of nothing.
        let counts = |this: &Node| this.ready && !this.stop.deregistered;
        while let Some(node) = lost.filter(|&node| counts(&self.nodes[node])) {
            self.nodes[node].ready = false;
            for index in 0..self.nodes[node].dependents.len() {
                let dependent = self.nodes[node].dependents[index];
                self.nodes[dependent].start_waits += 1;
            }
            lost = self.nodes[node].parent;
            if let Some(parent) = lost {
                self.group(parent).unready += 1;
            }
        }
    }
}

impl Unit {
    /// What belongs to an incarnation begins anew.
    pub(super) fn begin_anew(&mut self) {
        debug_assert_eq!(self.calls, 0, "a callback of the one before is out");
        self.told = false;
        self.entered = 0;
        self.returned = 0;
        self.said_ready = false;
        self.silent = false;
    }
}

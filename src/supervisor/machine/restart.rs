//! Starting again: whether a unit that has ended by itself does, when, and what that means to others.

use std::time::{Duration, Instant};

use super::Machine;
use crate::snapshot::UnitState;
use crate::supervisor::state::{Action, Again, Kind, NodeId, Timer, Unit, UnitEnd};

impl Machine {
    /// It has ended by itself: decides whether it starts again.
    pub(super) fn starts_again(&mut self, now: Instant, node: NodeId, failed: bool) -> bool {
        let this = &self.nodes[node];
        if !this.policy.restart.covers(failed) || self.is_in_an_end(node) {
            return false;
        }
        let served = match this.state {
            UnitState::Running => now.saturating_duration_since(this.since),
            _ => Duration::ZERO,
        };
        let chance = self.chance.next();
        let this = &mut self.nodes[node];
        let Kind::Unit(unit) = &mut this.kind else { return false };
        let Some(pause) = unit.restarts.next(&this.policy.restart, now, served, chance) else {
            // A failure, even of one that has only ended `Ok` too often.
            self.note_failure(node);
            self.act(Action::GaveUp(node));
            return false;
        };
        unit.again = Again::After(pause);
        true
    }

    /// Whether it starts again after this.
    pub(super) fn is_to_start(&self, node: NodeId) -> bool {
        matches!(&self.nodes[node].kind, Kind::Unit(unit) if unit.again != Again::No)
    }

    /// Its last thread has left: the pause begins.
    pub(super) fn pause(&mut self, now: Instant, node: NodeId) {
        let Again::After(pause) = self.unit(node).again else {
            unreachable!("node {node} pauses without being told how long")
        };
        self.enter_state(now, node, UnitState::Backoff);
        self.act(Action::Backoff { unit: node, pause });
        self.unit(node).again = Again::Waits;
        if pause.is_zero() {
            return self.pause_is_over(now, node);
        }
        self.arm(now, node, pause, Timer::Restart(node));
    }

    pub(super) fn pause_is_over(&mut self, now: Instant, node: NodeId) {
        self.unit(node).again = Again::Due;
        self.start_if_due(now, node);
    }

    /// It is told to stop: whatever was decided, it starts no more.
    pub(super) fn start_no_more(&mut self, node: NodeId) {
        self.disarm(node);
        self.unit(node).again = Again::No;
    }

    /// It is told to stop, but not for good: as if it had failed by itself.
    pub(super) fn not_ready_in_time(&mut self, now: Instant, node: NodeId) {
        if self.is_in_an_end(node) {
            return; // it is told to stop when it is its turn
        }
        self.act(Action::NotReadyInTime(node));
        let again = self.starts_again(now, node, true);
        if !again {
            self.note_failure(node);
        }
        self.enter_state(now, node, UnitState::Stopping);
        self.act(Action::Tell { unit: node, why: UnitEnd::NotReady });
        self.unit(node).recalled = true;
        if self.unit(node).entered > 0 {
            self.call_stop(node);
        }
        if !again {
            return self.tell_parent(now, node);
        }
        // A limit that is said for it, or for a group above it, is one for this stop, too.
        let limits = std::iter::once(node).chain(self.above(node));
        let limit = limits.filter_map(|node| self.nodes[node].policy.stop_timeout).min();
        if let Some(limit) = limit {
            self.arm(now, node, limit, Timer::Recall(node));
        }
    }

    /// There is no second one beside a thread that lives: the group ends.
    pub(super) fn did_not_stop(&mut self, now: Instant, node: NodeId) {
        self.unit(node).again = Again::No;
        self.note_failure(node);
        self.act(Action::DidNotStop(node));
        self.tell_parent(now, node);
    }

    /// Readiness is a level. What comes `after` it and has started is left alone; what has not waits
    /// again; and the groups above are not ready, either.
    pub(super) fn no_longer_ready(&mut self, node: NodeId) {
        let mut lost = Some(node);
        while let Some(node) = lost.filter(|&node| self.nodes[node].ready) {
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
    pub(super) fn next_incarnation(&mut self) -> u32 {
        debug_assert_eq!(self.calls, 0, "a callback of the one before is out");
        self.incarnation += 1;
        self.again = Again::No;
        self.recalled = false;
        self.entered = 0;
        self.returned = 0;
        self.said_ready = false;
        self.incarnation
    }
}

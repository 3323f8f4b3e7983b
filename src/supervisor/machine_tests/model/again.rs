//! Starting again, in the model: what is decided when a unit ends by itself, and what is forgotten when
//! it starts. This is the one place where facts are taken back.

use std::time::Duration;

use super::{End, Model};
use crate::snapshot::UnitState;
use crate::supervisor::machine_tests::policy::{Pause, length};
use crate::supervisor::machine_tests::tree::{Set, bit, has, members};
use crate::supervisor::state::NodeId;

impl Model {
    /// Those that wait to start again.
    pub(super) fn in_pause(&self) -> Set {
        self.again & self.settled
    }

    /// Whether its stop, or the end of what it is in, has begun.
    pub(super) fn is_in_an_end(&self, node: NodeId) -> bool {
        has(self.asked, node) || self.is_below(self.stopping, node)
    }

    /// Whether its threads are still wanted, where they are about to be spawned.
    pub(in crate::supervisor::machine_tests) fn is_to_spawn(&self, unit: NodeId) -> bool {
        self.state(unit) == UnitState::Starting && !self.is_in_an_end(unit)
    }

    /// Whether its end may be one that it starts again after.
    pub(in crate::supervisor::machine_tests) fn may_come_back(&self, unit: NodeId) -> bool {
        !self.shapes[unit].again.is_never() && !self.is_in_an_end(unit)
    }

    /// Whether all that its next start waits for is what it comes after.
    pub(in crate::supervisor::machine_tests) fn waits_for_others(&self, unit: NodeId) -> bool {
        has(self.in_pause() & self.due, unit)
            && self.serving[unit].calls == 0
            && self.shapes[unit].after & !self.ready != 0
    }

    /// How long the pause is that the unit is in, or comes to.
    pub(in crate::supervisor::machine_tests) fn pause(&self, unit: NodeId) -> Duration {
        length(self.pause_of(unit))
    }

    /// When its pause is over, while it is not.
    pub(in crate::supervisor::machine_tests) fn starts_at(&self, unit: NodeId) -> Option<u64> {
        self.serving[unit].resumes.filter(|_| has(self.in_pause() & !self.due, unit))
    }

    fn pause_of(&self, unit: NodeId) -> Pause {
        self.shapes[unit].again.pause(&self.serving[unit].ends)
    }

    pub(super) fn entered(&mut self, now: u64, unit: NodeId) {
        let serving = &mut self.serving[unit];
        serving.entered += 1;
        serving.since.get_or_insert(now);
        self.was_entered |= bit(unit);
    }

    /// An instance has ended in a way that ends its incarnation, if nothing else has before.
    pub(super) fn ends(&mut self, now: u64, unit: NodeId, failed: bool) {
        if !has(self.asked | self.ended | self.again, unit) {
            self.told_of_its_end[unit] += u32::from(!has(self.settled, unit));
            if self.comes_back(now, unit, failed) {
                self.again |= bit(unit);
                self.loses_readiness(unit);
            } else {
                self.ended |= bit(unit);
            }
        }
        // A failure that it starts again after is none. One that comes later is.
        if failed && !has(self.again, unit) {
            self.failed |= bit(unit);
        }
    }

    /// Not one could be spawned, so there is nobody to tell and nobody to wait for.
    pub(super) fn has_no_thread(&mut self, now: u64, unit: NodeId) {
        self.settled |= bit(unit);
        self.ends(now, unit, true);
        self.left(now, unit);
    }

    fn comes_back(&mut self, now: u64, unit: NodeId, failed: bool) -> bool {
        let policy = self.shapes[unit].again;
        if !policy.covers(failed) || self.is_in_an_end(unit) {
            return false;
        }
        let serving = &mut self.serving[unit];
        if policy.is_too_often(&serving.ends, now) {
            self.given_up |= bit(unit);
            self.failed |= bit(unit);
            return false;
        }
        let served = serving.since.map_or(0, |since| now - since);
        serving.ends.push(End { at: now, served });
        true
    }

    /// Nothing is ready that has a part that is not.
    fn loses_readiness(&mut self, unit: NodeId) {
        for node in members(self.ready) {
            if node == unit || self.is_below(bit(node), unit) {
                self.ready &= !bit(node);
                self.lost_readiness[node] += 1;
            }
        }
    }

    /// Its last thread has left.
    pub(super) fn left(&mut self, now: u64, unit: NodeId) {
        self.settled |= bit(unit);
        if self.is_in_an_end(unit) {
            self.again &= !bit(unit); // it has stopped where it waits for its turn
        }
        if has(self.again, unit) {
            let pause = self.pause_of(unit);
            self.serving[unit].pauses += 1;
            self.serving[unit].resumes = pause.map(|pause| now + pause);
            if pause == Some(0) {
                self.due |= bit(unit);
            }
        }
    }

    /// What was of the one before is past.
    pub(super) fn begin_incarnation(&mut self, unit: NodeId) {
        let past = !bit(unit);
        self.again &= past;
        self.due &= past;
        self.settled &= past;
        self.said_ready &= past;
        let serving = &mut self.serving[unit];
        serving.incarnation += 1;
        serving.entered = 0;
        serving.returned = 0;
        serving.since = None;
    }
}

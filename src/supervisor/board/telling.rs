//! Telling units to stop: by whoever asks for the end of the run, by the thread of the unit by whose return
//! it ends (see `returning`), or by the engine.

use std::sync::Arc;
use std::time::Instant;

use super::{Board, Todo};
use crate::clock;
use crate::latch::Bell;
use crate::stop::{StopLatch, StopReason};
use crate::supervisor::incarnation::Incarnation;
use crate::supervisor::state::{Action, Input, NodeId, ROOT, UnitEnd};
use crate::sync::Mutex;

/// How many units' tokens share a bell. When all of them are told it is rung once; when one is told, and
/// somebody blocks on its token, those who block on the others wake up for nothing.
const AT_ONE_BELL: usize = 16;

impl Board {
    /// Somebody asks for the end of the run, and tells those whose turn it is by that, so that they need
    /// not wait for the engine; which is to be woken for all the rest.
    pub(crate) fn stop(board: &Mutex<Self>, reason: &StopReason) {
        let mut this = board.lock();
        if !this.is_serving() {
            return; // the engine will be asked as soon as there is one
        }
        let (now, first) = (clock::now(), this.to_be_done.len());
        this.step(now, Input::StopAsked);
        let tokens = this.told_of_the_end(first, now);
        drop(this);
        StopLatch::set_all(&tokens, reason);
    }

    /// The tokens of those that are to be told by what was decided from the `first` on, by which the end
    /// of the run has begun. A group that was at its end before has a reason of its own.
    pub(super) fn told_of_the_end(&mut self, first: usize, now: Instant) -> Vec<Arc<StopLatch>> {
        self.ending_since.get_or_insert(now);
        let by_that = |group: NodeId| group == ROOT || self.reason_of(group).is_none();
        let told = self.decided(first).filter_map(|action| match *action {
            Action::Tell { unit, why: UnitEnd::Group(group) } => by_that(group).then_some(unit),
            // Before those in it are: it is told with this.
            Action::Stopping { group, .. } if group != ROOT => by_that(group).then_some(group),
            _ => None,
        });
        let told: Vec<NodeId> = told.collect();
        for &node in &told {
            if self.look(node).as_group().is_some_and(|group| group.started) {
                self.record(node).told.get_or_insert(now);
            }
        }
        self.tokens_of(&told, now) // a group has none
    }

    /// When the end of the run has begun, if units were told of it before the engine came to that.
    pub(in crate::supervisor) fn ending_since(&self) -> Option<Instant> {
        self.ending_since
    }

    /// Whom to tell with `unit`, itself included, and whose `graceful_stop` to call then: what is to be done
    /// next, as far as it is to tell others for the same reason, or to call.
    pub(in crate::supervisor) fn told_with(
        &mut self,
        unit: NodeId,
        reason: UnitEnd,
    ) -> (Vec<NodeId>, Vec<NodeId>) {
        let (mut told, mut called) = (vec![unit], Vec::new());
        while let Some(Todo::Perform(action, _)) = self.to_be_done.front() {
            match *action {
                Action::Tell { unit, why } if why == reason => told.push(unit),
                Action::CallStop(unit) => called.push(unit),
                _ => break,
            }
            self.to_be_done.pop_front();
        }
        (told, called)
    }

    /// The tokens of these units that are not set: they are about to be, and the units are noted as told.
    pub(in crate::supervisor) fn tokens_of(
        &mut self,
        units: &[NodeId],
        now: Instant,
    ) -> Vec<Arc<StopLatch>> {
        let mut tokens = Vec::with_capacity(units.len());
        tokens.extend(units.iter().filter_map(|&unit| self.token_of(unit, now)));
        tokens
    }

    fn token_of(&mut self, unit: NodeId, now: Instant) -> Option<Arc<StopLatch>> {
        let stop = &self.current(unit)?.ends.stop;
        let token = (!stop.is_stopped()).then(|| stop.latch().clone())?;
        self.record(unit).told = Some(now);
        Some(token)
    }

    /// The incarnation that is meant when the unit is told: without one its start was refused.
    pub(in crate::supervisor) fn current(&self, unit: NodeId) -> Option<&Arc<Incarnation>> {
        let record = self.look(unit);
        record.incarnation().filter(|current| current.number == record.attempts)
    }

    /// Why the end of the group has begun, once it has.
    pub(in crate::supervisor) fn reason_of(&self, group: NodeId) -> Option<&StopReason> {
        self.look(group).as_group().and_then(|group| group.reason.as_ref())
    }

    /// The bell of the unit's tokens.
    pub(in crate::supervisor) fn bell(&mut self, unit: NodeId) -> Bell {
        let number = unit / AT_ONE_BELL;
        if self.bells.len() <= number {
            self.bells.resize_with(number + 1, Bell::default);
        }
        self.bells[number].clone()
    }
}

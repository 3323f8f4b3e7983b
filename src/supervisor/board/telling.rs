//! Telling units to stop: by whoever asks for the end of the run, or by the engine.

use std::sync::Arc;
use std::time::Instant;

use super::Board;
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
        let (now, to_be_done) = (clock::now(), this.machine().actions().len());
        this.machine().step(now, Input::StopAsked);
        this.asked_at = Some(now);
        // What the step has added. A group that was at its end before has a reason of its own.
        let asked = |group: NodeId| group == ROOT || this.reason_of(group).is_none();
        let added = this.machine.iter().flat_map(|it| it.actions().skip(to_be_done));
        let told = added.filter_map(|action| match *action {
            Action::Tell { unit, why: UnitEnd::Group(group) } => asked(group).then_some(unit),
            _ => None,
        });
        let told: Vec<NodeId> = told.collect();
        let tokens = this.tokens_of(told, now);
        drop(this);
        StopLatch::set_all(&tokens, reason);
    }

    /// When the end of the run has begun, if it was asked for.
    pub(in crate::supervisor) fn asked_at(&self) -> Option<Instant> {
        self.asked_at
    }

    /// The tokens of these units, which are about to be set, and are noted as told.
    pub(in crate::supervisor) fn tokens_of(
        &mut self,
        units: impl IntoIterator<Item = NodeId>,
        now: Instant,
    ) -> Vec<Arc<StopLatch>> {
        let mut tokens = Vec::new();
        for unit in units {
            let Some(incarnation) = self.current(unit) else { continue };
            let token = incarnation.ends.stop.clone();
            if !token.is_set() {
                self.record(unit).told = Some(now);
            }
            tokens.push(token);
        }
        tokens
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

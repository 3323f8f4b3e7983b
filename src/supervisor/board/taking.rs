//! What has happened, given to the machine by whoever knows of it, under the board's lock; and what the
//! engine is to do by that, in the order in which it was decided.

use std::time::Instant;

use super::Board;
use crate::failure::{Failure, Outcome};
use crate::supervisor::machine::USUAL;
use crate::supervisor::state::{Action, GroupEnd, Input, NodeId};

/// What was so when something was decided. By the time that the engine comes to it a restart may have been
/// taken back.
#[derive(Clone, Copy)]
pub(in crate::supervisor) struct Known {
    /// What a unit has failed with by that is among the failures of the run.
    pub(in crate::supervisor) counts: bool,
    /// The one with which a group starts again.
    pub(in crate::supervisor) culprit: Option<NodeId>,
}

/// What the engine is to do next.
pub(in crate::supervisor) enum Todo {
    Perform(Action, Known),
    /// An instance of the unit has come back from `serve`: to be kept, and told of, before what the
    /// machine has decided by that.
    Returned {
        unit: NodeId,
        outcome: Outcome,
        /// A failure is among those of the run.
        counts: bool,
        /// What it had failed with before, to be dropped without the board's lock: it is the program's.
        before: Option<Failure>,
    },
}

impl Board {
    /// Hands `input` to the machine. What it decides comes after what is to be done already.
    pub(in crate::supervisor) fn step(&mut self, now: Instant, input: Input) {
        self.machine().step(now, input);
        while let Some(action) = self.machine().next_action() {
            let known = self.known(&action);
            self.to_be_done.push_back(Todo::Perform(action, known));
        }
    }

    /// So much time has passed, if there is nothing left to be done. It says whether it was: a unit that is to
    /// be started, and was not, cannot have failed by not being ready in time.
    pub(in crate::supervisor) fn expire(&mut self, now: Instant) -> bool {
        let is_idle = self.to_be_done.is_empty();
        if is_idle {
            self.step(now, Input::Tick);
        }
        is_idle
    }

    fn known(&mut self, action: &Action) -> Known {
        let (failed, group) = match *action {
            Action::NotReadyInTime(node)
            | Action::DidNotStop(node)
            | Action::GaveUp { unit: node, .. } => (Some(node), None),
            Action::Stopping { group, why: GroupEnd::Asked } => (None, Some(group)),
            _ => (None, None),
        };
        Known {
            counts: failed.is_some_and(|node| self.counts(node)),
            culprit: group.and_then(|group| self.machine().round_with(group)),
        }
    }

    /// What the engine is to do next, if there is something.
    pub(in crate::supervisor) fn next_to_be_done(&mut self) -> Option<Todo> {
        let next = self.to_be_done.pop_front();
        if next.is_none() {
            self.to_be_done.shrink_to(USUAL);
        }
        next
    }

    /// What the machine has decided and the engine has not come to, from the `first` on.
    pub(in crate::supervisor) fn decided(&self, first: usize) -> impl Iterator<Item = &Action> {
        self.to_be_done.iter().skip(first).filter_map(|todo| match todo {
            Todo::Perform(action, _) => Some(action),
            Todo::Returned { .. } => None,
        })
    }

    /// An instance has come back.
    pub(in crate::supervisor) fn take_return(
        &mut self,
        now: Instant,
        unit: NodeId,
        incarnation: u32,
        outcome: Outcome,
    ) {
        let (place, failed) = (self.to_be_done.len(), !outcome.is_ok());
        self.step(now, Input::Returned { unit, incarnation, failed });
        let counts = self.counts(unit);
        // Now: those who are told by this may look.
        let failure = outcome.failure().cloned();
        let before = failure.and_then(|it| self.record(unit).last_failure.replace(it));
        self.to_be_done.insert(place, Todo::Returned { unit, outcome, counts, before });
    }

    /// Whether what the unit has failed with is among the run's failures. That of one that starts again is
    /// not: there would be more and more. But nothing makes good what one has failed with that was taken out.
    pub(in crate::supervisor) fn counts(&mut self, unit: NodeId) -> bool {
        let taken_out = self.look(unit).deregistered && self.machine().has_failed(unit);
        taken_out || self.machine().counts(unit)
    }

    /// Whether there is nothing left to wait for, and nothing left to be done: others may have taken the
    /// last step, and it is for the engine to do what that has decided.
    pub(in crate::supervisor) fn is_finished(&mut self) -> bool {
        self.machine().is_finished() && self.to_be_done.is_empty()
    }

    /// The engine goes to sleep: until when, at most. What it has not come to by now, somebody is about to wake
    /// it for; and so does whoever decides something for it from now on.
    pub(in crate::supervisor) fn engine_goes_to_sleep(&mut self) -> Option<Instant> {
        self.engine_sleeps = true;
        self.machine().next_deadline()
    }

    pub(in crate::supervisor) fn engine_wakes_up(&mut self) {
        self.engine_sleeps = false;
    }

    /// From here on nobody does what would be to be done by the return of a service.
    pub(in crate::supervisor) fn close(&mut self) {
        self.closed = true;
    }
}

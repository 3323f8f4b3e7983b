//! Instances that come back: their own threads take that in where the run may end by it, so that others are
//! told at once, and where it has no consequence for anybody, so that the engine need not wake for it.

use std::time::Instant;

use super::{Board, Todo};
use crate::clock;
use crate::failure::Outcome;
use crate::stop::{StopLatch, StopReason};
use crate::supervisor::notice::{Notice, Reporting};
use crate::supervisor::state::{Action, GroupEnd, Input, NodeId, ROOT};
use crate::sync::Mutex;

/// An instance that has come back from `serve`.
pub(in crate::supervisor) struct Return {
    pub(in crate::supervisor) unit: NodeId,
    pub(in crate::supervisor) incarnation: u32,
    pub(in crate::supervisor) outcome: Outcome,
    /// It was the last thread.
    pub(in crate::supervisor) settled: bool,
}

impl Return {
    /// For the engine to take in.
    pub(in crate::supervisor) fn untaken(self) -> Notice {
        let Self { unit, incarnation, outcome, settled } = self;
        Notice::Returned { unit, incarnation, outcome, settled }
    }
}

impl Board {
    /// An instance has come back. What the engine is to be told of it, if it is to be woken at all.
    ///
    /// What is not taken in here is handed back whole, for the engine. And so it is where the engine may not
    /// have come to what the unit had said: if it is ready, the machine has heard that it was entered and has
    /// said so. (Of what else there is to be said the incarnation knows.)
    pub(in crate::supervisor) fn returned(
        board: &Mutex<Self>,
        reporting: &Reporting,
        back: Return,
    ) -> Option<Notice> {
        let mut this = board.lock();
        // A group that was dropped has taken its machine with it: what was left behind may still come back.
        if this.closed || this.machine.is_none() || !this.machine().is_ready(back.unit) {
            return Some(back.untaken());
        }
        if !this.machine().is_open(ROOT) {
            let may_sleep_on = this.engine_sleeps && this.to_be_done.is_empty();
            if !may_sleep_on || !back.outcome.is_ok() || reporting.publisher.may_be_heard() {
                return Some(back.untaken());
            }
            return (!this.take_in_passing(back)).then_some(Notice::Decided);
        }
        if !this.machine().run_may_end_with(back.unit, !back.outcome.is_ok()) {
            // Nobody waits for what comes of it, and decided here it would come between what was decided
            // before and the engine's doing it.
            return Some(back.untaken());
        }
        let Return { unit, incarnation, outcome, settled } = back;
        let taken = if settled { Notice::Settled { unit, incarnation } } else { Notice::Decided };
        let first = this.to_be_done.len();
        this.take_return(clock::now(), unit, incarnation, outcome);
        let stopping = Action::Stopping { group: ROOT, why: GroupEnd::Child(unit) };
        if !this.decided(first).any(|action| *action == stopping) {
            return Some(taken);
        }
        let reason = StopReason::UnitStopped(this.cause(unit));
        let tokens = this.told_of_the_end(first, clock::now());
        drop(this);
        // Whoever was first is the cause: a request that is already in the run's token stays.
        reporting.run_stop.set(reason);
        if let Some(reason) = reporting.run_stop.get() {
            StopLatch::set_all(&tokens, reason);
        }
        Some(taken)
    }

    /// The run ends, the engine sleeps and has nothing to do: takes in what has come back. `false`: the engine
    /// has something to do by that. Where it has not, this was all that there is to it: nobody hears of
    /// it, nobody's turn has come, and no deadline is earlier than the one until which the engine sleeps.
    fn take_in_passing(&mut self, back: Return) -> bool {
        let Return { unit, incarnation, outcome, settled } = back;
        let (now, before) = (clock::now(), self.machine().next_deadline());
        self.take_return(now, unit, incarnation, outcome);
        if settled {
            self.step(now, Input::Settled { unit, incarnation });
        }
        // A group that nobody waits for any longer has ended with its last thread.
        let group = self.look(unit).parent.and_then(|group| self.look(group).as_group());
        let ends_group = group.is_some_and(|group| group.over);
        let is_done = |todo: &Todo| match todo {
            Todo::Returned { .. } => true,
            Todo::Perform(Action::Stopped(node), _) => *node == unit && !ends_group,
            Todo::Perform(..) => false,
        };
        let sooner = |at: Instant| before.is_none_or(|before| at < before);
        if !self.to_be_done.iter().all(is_done)
            || self.machine().next_deadline().is_some_and(sooner)
        {
            return false;
        }
        if self.decided(0).next().is_some() {
            self.has_stopped(unit, now);
        }
        self.to_be_done.clear();
        true
    }

    /// Notes when a unit has stopped.
    pub(in crate::supervisor) fn has_stopped(&mut self, unit: NodeId, now: Instant) {
        let record = self.record(unit);
        record.told.get_or_insert(now); // nobody has: it was in a pause, or came back by itself
        record.stopped = Some(now);
    }
}

//! What becomes of a group in a group: when its end begins and why, and when all in it have stopped.
//! It has no thread; what there is to tell of it is told by way of its units.

use super::Engine;
use crate::clock;
use crate::event::Event;
use crate::snapshot::UnitState;
use crate::stop::StopReason;
use crate::supervisor::state::{GroupEnd, NodeId, ROOT};

impl Engine {
    pub(super) fn is_group(&self, node: NodeId) -> bool {
        self.board.lock().look(node).as_group().is_some()
    }

    /// Its children start now.
    pub(super) fn start_group(&mut self, group: NodeId, number: u32) {
        let mut board = self.board.lock();
        let record = board.record(group);
        // Before the first time, too: it may have stopped without one, and with a group above it be new.
        record.next_end();
        record.group().begin_anew();
        record.attempts = number;
        if self.run.stop.is_set() {
            return; // none of them does: the token was set before the machine has heard of it
        }
        record.group().started = true;
        (record.told, record.stopped) = (None, None);
        record.started = record.started.or_else(|| Some(clock::now()));
        let unit = record.path.clone();
        drop(board);
        self.publish(&Event::Starting { unit, attempt: number });
    }

    /// All in it have stopped, be it in order to start again.
    pub(super) fn group_ended(&mut self, group: NodeId) {
        let outcome = self.board.lock().outcome_of_group(group);
        if let Some(failure) = outcome.failure() {
            self.note_failure(group, failure.clone());
        }
        let mut board = self.board.lock();
        let record = board.record(group);
        let (unit, started) = (record.path.clone(), record.group().started);
        record.stopped_notify.set(outcome.clone());
        drop(board);
        if started {
            self.publish(&Event::Ended { unit, outcome });
        }
    }

    /// Its end begins, or it starts again with `culprit`. Its units are told by actions of their own.
    pub(super) fn group_stopping(&mut self, group: NodeId, why: GroupEnd, culprit: Option<NodeId>) {
        let reason = match why {
            GroupEnd::Child(child) => {
                let mut board = self.board.lock();
                // As it is told: by the time that this is done it may have started again.
                let ended_by = board.ended_by(child);
                board.record(group).group().ended_by = Some(ended_by);
                StopReason::UnitStopped(board.cause(child))
            }
            GroupEnd::TasksDone => StopReason::TasksDone,
            GroupEnd::Asked => self.reason_for_asking(group, culprit),
        };
        let mut board = self.board.lock();
        let record = board.record(group);
        record.group().reason = Some(reason.clone());
        if !record.group().started {
            return; // as a unit that was never started, it is not told
        }
        record.told.get_or_insert_with(clock::now); // whoever asked may have told those in it already
        let unit = record.path.clone();
        drop(board);
        self.publish(&Event::StopAsked { unit, reason });
    }

    /// It was asked by the group that it is in, whose end has begun or which has some start again
    /// together; or it was taken out, or not ready in time.
    fn reason_for_asking(&self, group: NodeId, culprit: Option<NodeId>) -> StopReason {
        let board = self.board.lock();
        let record = board.look(group);
        let of_parent = match record.parent {
            None => self.served.stopping_at.map(|_| self.reason()),
            Some(parent) => board.reason_of(parent).cloned(),
        };
        if let Some(reason) = of_parent {
            return reason;
        }
        if record.deregistered {
            return StopReason::Deregistered;
        }
        match culprit {
            Some(culprit) => StopReason::RestartsWith(board.look(culprit).path.clone()),
            None => StopReason::NotReady,
        }
    }

    /// Why the units of this group are told to stop.
    pub(super) fn reason_of(&self, group: NodeId) -> StopReason {
        if group == ROOT {
            return self.reason();
        }
        let board = self.board.lock();
        let reason = board.reason_of(group).cloned();
        drop(board);
        reason.unwrap_or_else(|| self.reason())
    }

    /// Nobody waits for it any longer.
    pub(super) fn group_stopped(&mut self, group: NodeId) {
        let mut board = self.board.lock();
        let late = !board.is_empty(group);
        let record = board.record(group);
        record.group().over = true;
        record.group().late = late;
        let unit = record.path.clone();
        drop(board);
        if late {
            return self.publish(&Event::Late { unit });
        }
        self.end_groups(Some(group));
    }

    /// One in this group has stopped, or was all that there was to wait for: it has ended when all in
    /// it have, and the one above it may have with it.
    pub(super) fn end_groups(&mut self, group: Option<NodeId>) {
        let mut next = group;
        while let Some(group) = next {
            let mut board = self.board.lock();
            let of_group = board.record(group).group();
            // Looked at first: to look at all in it each time that one of them stops would take N² looks.
            if !of_group.over || of_group.gone || !board.is_empty(group) {
                return;
            }
            let record = board.record(group);
            record.group().gone = true;
            let (unit, had_ended) = (record.path.clone(), record.has_ended());
            record.stopped = record.started.map(|_| clock::now());
            next = record.parent;
            drop(board);
            // It had, where it was to start again.
            if !had_ended {
                self.group_ended(group);
            }
            let failed = self.board.lock().state(group) == UnitState::Failed;
            self.publish(&Event::Stopped { unit, failed });
        }
    }
}

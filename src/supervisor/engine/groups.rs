//! What becomes of a group in a group: when its end begins and why, and when all in it have stopped.
//! It has no thread; what there is to tell of it is told by way of its units.

use super::Engine;
use crate::clock;
use crate::event::Event;
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
        if number > 1 {
            record.stopped_notify = record.stopped_notify.next();
            record.group().begin_anew();
        }
        record.attempts = number;
        if self.run.stop.is_set() {
            return; // none of them does: the token was set before the machine has heard of it
        }
        record.started = record.started.or_else(|| Some(clock::now()));
        let unit = record.path.clone();
        drop(board);
        self.publish(&Event::Starting { unit, attempt: number });
    }

    /// It has ended in order to start again: all in it have stopped.
    pub(super) fn group_ended(&mut self, group: NodeId) {
        let mut board = self.board.lock();
        let record = board.record(group);
        let (unit, outcome) = (record.path.clone(), record.outcome_of_group());
        record.stopped_notify.set(outcome.clone());
        drop(board);
        self.publish(&Event::Ended { unit, outcome });
    }

    /// Its end begins. Its units are told by actions of their own.
    pub(super) fn group_stopping(&mut self, group: NodeId, why: GroupEnd) {
        let reason = match why {
            GroupEnd::Child(child) => {
                StopReason::UnitStopped(self.board.lock().look(child).cause())
            }
            GroupEnd::TasksDone => StopReason::TasksDone,
            GroupEnd::Asked => self.reason_for_asking(group),
        };
        let mut board = self.board.lock();
        let record = board.record(group);
        record.group().reason = Some(reason.clone());
        if record.started.is_none() {
            return; // as a unit that was never started, it is not told
        }
        record.told = Some(clock::now());
        let unit = record.path.clone();
        drop(board);
        self.publish(&Event::StopAsked { unit, reason });
    }

    /// It was asked by the group that it is in, whose end has begun, or it was taken out.
    fn reason_for_asking(&self, group: NodeId) -> StopReason {
        let parent = self.board.lock().look(group).parent;
        let reason = match parent {
            None => self.served.stopping_at.map(|_| self.reason()),
            Some(parent) => {
                let board = self.board.lock();
                board.look(parent).as_group().and_then(|group| group.reason.clone())
            }
        };
        reason.unwrap_or(StopReason::Deregistered)
    }

    /// Why the units of this group are told to stop.
    pub(super) fn reason_of(&self, group: NodeId) -> StopReason {
        if group == ROOT {
            return self.reason();
        }
        let board = self.board.lock();
        let reason = board.look(group).as_group().and_then(|group| group.reason.clone());
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
            let is_over = board.record(group).group().over;
            if !is_over || board.look(group).has_ended() || !board.is_empty(group) {
                return;
            }
            let record = board.record(group);
            let outcome = record.outcome_of_group();
            record.stopped = record.started.map(|_| clock::now());
            record.stopped_notify.set(outcome.clone());
            let (unit, failed, started) = (record.path.clone(), !outcome.is_ok(), record.started);
            next = record.parent;
            drop(board);
            if started.is_some() {
                self.publish(&Event::Ended { unit: unit.clone(), outcome });
            }
            self.publish(&Event::Stopped { unit, failed });
        }
    }
}

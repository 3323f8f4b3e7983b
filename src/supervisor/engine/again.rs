//! What becomes of those that are to start again, and of those that are silent: told of, joined, and
//! given up where that cannot be.

use std::time::Duration;

use super::Engine;
use crate::clock;
use crate::event::Event;
use crate::failure::{Failure, Outcome, Phase};
use crate::restart::Strategy;
use crate::supervisor::record::Part;
use crate::supervisor::state::{Input, LimitOf, NodeId};

impl Engine {
    /// All its threads have left; it starts again after the pause.
    pub(super) fn pausing(&mut self, node: NodeId, pause: Duration) {
        if self.is_group(node) {
            self.group_ended(node);
        }
        let board = self.board.lock();
        let record = board.look(node);
        let (unit, attempt) = (record.path.clone(), record.attempts + 1);
        let incarnation = record.incarnation().cloned();
        drop(board);
        // There is none where its only start was refused, as a sibling had taken it along.
        if let Some(incarnation) = incarnation {
            incarnation.join();
            // That stop is over: if another one comes in the pause, it takes no time.
            self.board.lock().record(node).told = None;
        }
        self.publish(&Event::Restarting { unit, attempt, pause });
    }

    /// What it has failed with is the cause. If it has not failed, that it was given up is.
    pub(super) fn gave_up(&mut self, node: NodeId, limit: LimitOf, counts: bool) {
        let mut board = self.board.lock();
        let limit = match limit {
            LimitOf::Itself => board.machine().policy(node).restart.too_often(),
            LimitOf::ItsGroup => {
                let strategy = board.machine().strategy_above(node);
                strategy.map(Strategy::too_often).unwrap_or_default()
            }
        };
        let returned = board.outcome(node).is_some_and(|outcome| outcome.is_ok());
        drop(board);
        self.publish(&Event::GaveUp { unit: self.path(node), why: limit.as_str().into() });
        if returned {
            let why = format!("it has returned again and again: {limit}");
            let failure = self.fail(node, Phase::Serve, why);
            self.keep_if(counts, node, failure);
        }
    }

    pub(super) fn not_ready_in_time(&mut self, node: NodeId, counts: bool) {
        let limit = self.board.lock().machine().policy(node).start_timeout.unwrap_or_default();
        let failure = self.fail(node, Phase::Start, format!("not ready within {limit:?}"));
        self.keep_if(counts, node, failure.clone());
        self.publish(&Event::NotReady { failure });
    }

    pub(super) fn did_not_stop(&mut self, node: NodeId, counts: bool) {
        let failure = self.board.lock().failure(node);
        let before = match failure {
            Some(failure) => format!("{}; ", failure.as_error()),
            None => String::new(),
        };
        let why = "it was to start again, and did not stop in time for that";
        self.publish(&Event::GaveUp { unit: self.path(node), why: why.into() });
        let failure = self.fail(node, Phase::Start, format!("{before}{why}"));
        self.keep_if(counts, node, failure);
    }

    /// A failure that none of its callbacks came back with.
    fn fail(&self, node: NodeId, phase: Phase, why: String) -> Failure {
        let mut board = self.board.lock();
        let record = board.record(node);
        let failure = Failure::error(record.path.clone(), phase, why.into());
        match &mut record.part {
            Part::Group(group) => group.own_failure = Some(failure.clone()),
            Part::Service(service) => {
                if let Some(incarnation) = &service.incarnation {
                    incarnation.note(&Outcome::Failed(failure.clone()));
                }
            }
        }
        failure
    }

    // ---- heartbeats ----

    pub(super) fn ask_if_alive(&mut self, unit: NodeId) {
        let incarnation = self.board.lock().machine().incarnation(unit);
        self.hear_of(unit, incarnation);
    }

    /// Looked at and decided at one time: who is found silent there is told of here, and nobody else.
    pub(super) fn hear_of(&mut self, unit: NodeId, incarnation: u32) {
        let now = clock::now();
        let mut board = self.board.lock();
        let current = board.look(unit).incarnation().filter(|it| it.number == incarnation);
        if let Some(at) = current.and_then(|current| current.last_beat(now)) {
            board.step(now, Input::Alive { unit, incarnation, at });
        }
    }
}

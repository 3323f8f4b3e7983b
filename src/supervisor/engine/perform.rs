//! What the machine has decided, done: threads are started, told and joined, callbacks handed to the
//! stoppers, events published.

use std::io;
use std::sync::Arc;

use super::Engine;
use crate::clock;
use crate::context::Task;
use crate::event::Event;
use crate::failure::{self, BoxError, Failure, Outcome, Phase};
use crate::panic;
use crate::ready::NotReady;
use crate::snapshot::UnitState;
use crate::stop::{StopLatch, StopReason, StopToken};
use crate::supervisor::board::Known;
use crate::supervisor::incarnation::{Ends, Incarnation, denies};
use crate::supervisor::pulse::Pulse;
use crate::supervisor::state::{Action, GroupEnd, Input, NodeId, ROOT, UnitEnd};
use crate::supervisor::stoppers::Call;
use crate::thread;
use crate::unit::Unit;

impl Engine {
    pub(super) fn perform(&mut self, action: Action, known: Known) {
        match action {
            Action::Start { unit, incarnation } => self.start(unit, incarnation),
            Action::Ready(ROOT) => {
                // The event first: who has waited for readiness finds it among those that came.
                self.publish(&Event::GroupReady);
                self.run.ready.set(Ok(()));
            }
            Action::Ready(unit) => {
                self.board.lock().record(unit).ready.get_or_insert_with(clock::now);
                self.publish_of(unit, |unit| Event::Ready { unit });
            }
            Action::Stopping { group: ROOT, why } => self.stopping(why),
            Action::Stopping { group, why } => self.group_stopping(group, why, known.culprit),
            Action::Tell { unit, why } => self.tell(unit, why),
            Action::CallStop(unit) => self.call_graceful_stop(unit),
            Action::Stopped(unit) => self.stopped(unit),
            Action::Backoff { unit, pause } => self.pausing(unit, pause),
            Action::GaveUp { unit, limit } => self.gave_up(unit, limit, known.counts),
            Action::AskIfAlive(unit) => self.ask_if_alive(unit),
            Action::Unresponsive { unit, silent } => {
                self.publish_of(unit, |unit| Event::Unresponsive { unit, silent });
            }
            Action::Responsive(unit) => {
                self.publish_of(unit, |unit| Event::Responsive { unit });
            }
            Action::NotReadyInTime(unit) => self.not_ready_in_time(unit, known.counts),
            Action::DidNotStop(unit) => self.did_not_stop(unit, known.counts),
            Action::Extended { unit, by } => {
                self.publish_of(unit, |unit| Event::StopExtended { unit, by });
            }
            Action::Late(unit) => self.publish_of(unit, |unit| Event::Late { unit }),
            Action::Finished => self.served.stopped_at = Some(clock::now()),
        }
    }

    fn start(&mut self, unit: NodeId, number: u32) {
        let mut board = self.board.lock();
        if board.look(unit).as_group().is_some() {
            drop(board);
            return self.start_group(unit, number);
        }
        board.record(unit).attempts = number;
        if self.run.stop.is_set() || !board.machine().may_start(unit) {
            drop(board);
            return self.note(Input::Refused(unit));
        }
        let heartbeat = board.machine().policy(unit).heartbeat;
        let record = board.record(unit);
        let stopped = record.next_end();
        let path = record.path.clone();
        let plan = &record.service().plan;
        let (service, instances, stack_size) =
            (plan.unit.clone(), plan.kind.instances, plan.stack_size);
        let graceful_stop = plan.kind.graceful_stop;
        let pulse = heartbeat.map(|limit| Pulse::new(limit, instances));
        record.started = record.started.or_else(|| Some(clock::now()));
        record.stopped = None;
        let stop = StopToken::new(Arc::new(StopLatch::at(board.bell(unit))));
        let ends = Ends { stop, stopped };
        let reporting = self.reporting.clone();
        let incarnation = Incarnation::new(unit, number, path.clone(), ends, reporting, pulse);
        let before = board.record(unit).service().incarnation.replace(incarnation.clone());
        drop(board);
        panic::drop_apart(before);
        self.publish_of(unit, |unit| Event::Starting { unit, attempt: number });
        if graceful_stop && let Err(error) = self.stoppers.prepare() {
            return self.cannot_start(&incarnation, 0, error);
        }
        for instance in 0..instances {
            let numbered = (instances > 1).then(|| format!("{path}#{instance}").into());
            let name = numbered.as_ref().unwrap_or(&path);
            let spawned = incarnation.serve(service.clone(), name, stack_size, instance);
            if let Err(error) = spawned {
                let error = thread::cannot_spawn(name, &error);
                return self.cannot_start(&incarnation, instance, error);
            }
        }
        incarnation.is_started(true);
    }

    /// There is no thread for it, or none to stop it; `spawned` instances of it are there.
    fn cannot_start(&mut self, incarnation: &Incarnation, spawned: u32, error: io::Error) {
        let (unit, path) = (incarnation.unit, &incarnation.path);
        let failure = Failure::error(path.clone(), Phase::Start, error.into());
        let outcome = Outcome::Failed(failure.clone());
        incarnation.note(&outcome);
        let mut board = self.board.lock();
        board.step(clock::now(), Input::SpawnFailed { unit, spawned });
        let counts = board.counts(unit);
        drop(board);
        self.keep_if(counts, unit, failure);
        self.publish_of(unit, |unit| Event::Ended { unit, outcome });
        incarnation.is_started(spawned > 0);
    }

    fn stopping(&mut self, why: GroupEnd) {
        // Not when this thread comes to it, where units were told before.
        let since = self.board.lock().ending_since();
        self.served.stopping_at = since.or_else(|| Some(clock::now()));
        let (reason, not_ready) = match why {
            GroupEnd::Child(child) => {
                let board = self.board.lock();
                let failed = board.failure(child).is_some();
                let unit = board.cause(child);
                let not_ready =
                    if failed { NotReady::Failed(unit.clone()) } else { NotReady::Stopped };
                (StopReason::UnitStopped(unit), not_ready)
            }
            GroupEnd::TasksDone => (StopReason::TasksDone, NotReady::Stopped),
            // The token was set by whoever asked.
            GroupEnd::Asked => (StopReason::RunFailed, NotReady::Stopped),
        };
        // Whoever was first is the cause: a request that is already in the token stays.
        self.run.stop.set(reason);
        self.run.ready.set(Err(not_ready));
        let reason = self.reason();
        self.publish(&Event::Stopping { reason });
    }

    /// Why the run ends.
    pub(super) fn reason(&self) -> StopReason {
        self.run.stop.get().cloned().unwrap_or(StopReason::RunFailed)
    }

    /// Tells `unit`, and those that are to be told next for the same reason, as all of a group are at its end:
    /// so one broadcast wakes many, and the board is locked as often as for one.
    fn tell(&mut self, unit: NodeId, why: UnitEnd) {
        let reason = match why {
            UnitEnd::Group(group) => self.reason_of(group),
            UnitEnd::Deregistered => StopReason::Deregistered,
            UnitEnd::Ended => StopReason::Ended,
            UnitEnd::NotReady => StopReason::NotReady,
            UnitEnd::Round(culprit) => StopReason::RestartsWith(self.path(culprit)),
        };
        let mut board = self.board.lock();
        let (units, called) = board.told_with(unit, why);
        let tokens = board.tokens_of(&units, clock::now());
        drop(board);
        StopLatch::set_all(&tokens, &reason);
        let is_heard = self.run.publisher.may_be_heard();
        let (mut said, mut callbacks) = (Vec::new(), Vec::new());
        let board = self.board.lock();
        for &unit in &units {
            let Some(incarnation) = board.current(unit) else { continue };
            callbacks.extend(incarnation.told().into_iter().map(|callback| (unit, callback)));
            if is_heard {
                // Whoever asked for the end of the run may have told it before.
                let reason = incarnation.ends.stop.reason().unwrap_or(&reason).clone();
                said.push(Event::StopAsked { unit: incarnation.path.clone(), reason });
            }
        }
        drop(board);
        for event in said {
            self.publish(&event);
        }
        for (unit, callback) in callbacks {
            self.call_on_stop(unit, callback);
        }
        for unit in called {
            self.call_graceful_stop(unit);
        }
    }

    pub(super) fn call_on_stop(&mut self, unit: NodeId, callback: Task) {
        self.note(Input::CallStarted(unit));
        self.call(unit, Phase::OnStop, move || {
            callback();
            Ok(())
        });
    }

    fn call_graceful_stop(&mut self, unit: NodeId) {
        let service = self.board.lock().record(unit).service().plan.unit.clone();
        self.call(unit, Phase::GracefulStop, move || match service.as_service() {
            Some(service) => service.graceful_stop(),
            None => Err(denies("service")),
        });
    }

    fn call(
        &mut self,
        unit: NodeId,
        phase: Phase,
        body: impl FnOnce() -> Result<(), BoxError> + Send + 'static,
    ) {
        let path = self.path(unit);
        let name = path.clone();
        let body = Box::new(move || failure::call(&name, phase, body).err());
        self.stoppers.call(Call { unit, path, phase, asked: clock::now(), body });
    }

    fn stopped(&mut self, unit: NodeId) {
        let mut board = self.board.lock();
        if board.look(unit).as_group().is_some() {
            drop(board);
            return self.group_stopped(unit);
        }
        let failed = board.machine().state(unit).0 == UnitState::Failed;
        let (parent, incarnation) = (board.look(unit).parent, board.look(unit).incarnation());
        match incarnation.cloned() {
            // At the end of the run they are joined when nobody is left to wait for: to wait for each as
            // it goes would hold up what others have to say, and wake this thread once for each.
            Some(_) if self.served.stopping_at.is_some() => {
                board.has_stopped(unit, clock::now());
                drop(board);
            }
            Some(incarnation) => {
                drop(board);
                incarnation.join();
                let now = clock::now();
                self.board.lock().has_stopped(unit, now);
            }
            None => {
                let never_started = board.look(unit).stopped_notify.clone();
                drop(board);
                never_started.set(Outcome::Ok);
            }
        }
        self.publish_of(unit, |unit| Event::Stopped { unit, failed });
        self.end_groups(parent);
    }
}

//! What the machine has decided, done: threads are started, told and joined, callbacks handed to the
//! stoppers, events published.

use std::io;
use std::time::Duration;

use super::Engine;
use crate::clock;
use crate::context::Task;
use crate::event::Event;
use crate::failure::{self, BoxError, Failure, Outcome, Phase};
use crate::ready::NotReady;
use crate::restart::Strategy;
use crate::snapshot::UnitState;
use crate::stop::StopReason;
use crate::supervisor::incarnation::{Incarnation, Notice, denies};
use crate::supervisor::pulse::Pulse;
use crate::supervisor::state::{Action, GroupEnd, Input, LimitOf, NodeId, ROOT, UnitEnd};
use crate::supervisor::stoppers::Call;
use crate::unit::Unit;

impl Engine {
    pub(super) fn perform(&mut self, action: Action) {
        match action {
            Action::Start { unit, incarnation } => self.start(unit, incarnation),
            Action::Ready(ROOT) => {
                // The event first: who has waited for readiness finds it among those that came.
                self.publish(&Event::GroupReady);
                self.run.ready.set(Ok(()));
            }
            Action::Ready(unit) => {
                let mut board = self.board.lock();
                let record = board.record(unit);
                record.ready = record.ready.or_else(|| Some(clock::now()));
                drop(board);
                self.publish(&Event::Ready { unit: self.path(unit) });
            }
            Action::Stopping { group, why } => {
                debug_assert_eq!(group, ROOT, "groups are not nested");
                self.stopping(why);
            }
            Action::Tell { unit, why } => self.tell(unit, why),
            Action::CallStop(unit) => self.call_graceful_stop(unit),
            Action::Stopped(unit) => self.stopped(unit),
            Action::Backoff { unit, pause } => self.pausing(unit, pause),
            Action::GaveUp { unit, limit } => self.gave_up(unit, limit),
            Action::AskIfAlive(unit) => self.ask_if_alive(unit),
            Action::Unresponsive(unit) => self.unresponsive(unit),
            Action::Responsive(unit) => {
                self.publish(&Event::Responsive { unit: self.path(unit) });
            }
            Action::NotReadyInTime(unit) => self.not_ready_in_time(unit),
            Action::DidNotStop(unit) => self.did_not_stop(unit),
            Action::Extended { unit, by } => {
                self.publish(&Event::StopExtended { unit: self.path(unit), by });
            }
            Action::Late(unit) => self.publish(&Event::Late { unit: self.path(unit) }),
            Action::Finished => self.served.stopped_at = Some(clock::now()),
        }
    }

    fn start(&mut self, unit: NodeId, number: u32) {
        let mut board = self.board.lock();
        board.record(unit).attempts = number;
        if self.run.stop.is_set() || !board.machine().may_start(unit) {
            drop(board);
            return self.note(Input::Refused(unit));
        }
        let record = board.record(unit);
        let stopped = record.next_end(self.run.id, unit);
        let plan = &record.plan;
        let (service, path) = (plan.unit.clone(), plan.path.clone());
        let (instances, stack_size) = (plan.kind.instances, plan.stack_size);
        let pulse = plan.policy.heartbeat.map(|limit| Pulse::new(limit, instances));
        let notify = self.notify.clone();
        let incarnation =
            Incarnation::new(self.run.id, unit, number, path.clone(), stopped, notify, pulse);
        record.started = record.started.or_else(|| Some(clock::now()));
        record.incarnation = Some(incarnation.clone());
        drop(board);
        self.publish(&Event::Starting { unit: path.clone(), attempt: number });
        for instance in 0..instances {
            let name = if instances == 1 { path.to_string() } else { format!("{path}#{instance}") };
            let handle = self.run.handle.clone();
            let spawned = incarnation.serve(service.clone(), handle, &name, stack_size, instance);
            if let Err(error) = spawned {
                // Still the system's error, by its kind, for whoever asks.
                let why = format!("cannot spawn thread '{name}': {error}");
                let error = io::Error::new(error.kind(), why);
                let failure = Failure::error(path.clone(), Phase::Start, error.into());
                let outcome = Outcome::Failed(failure.clone());
                incarnation.note(&outcome);
                self.note(Input::SpawnFailed { unit, spawned: instance });
                self.keep_of_incarnation(unit, failure);
                self.publish(&Event::Ended { unit: path.clone(), outcome });
                return incarnation.is_started(instance > 0);
            }
        }
        incarnation.is_started(true);
    }

    fn stopping(&mut self, why: GroupEnd) {
        let now = clock::now();
        self.served.stopping_at = Some(now);
        let (reason, not_ready) = match why {
            GroupEnd::Child(unit) => {
                let path = self.path(unit);
                let failed =
                    self.board.lock().outcome(unit).is_some_and(|outcome| !outcome.is_ok());
                let not_ready =
                    if failed { NotReady::Failed(path.clone()) } else { NotReady::Stopped };
                (StopReason::UnitStopped(path), not_ready)
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
    fn reason(&self) -> StopReason {
        self.run.stop.get().cloned().unwrap_or(StopReason::RunFailed)
    }

    fn tell(&mut self, unit: NodeId, why: UnitEnd) {
        let reason = match why {
            UnitEnd::Group(_) => self.reason(),
            UnitEnd::Deregistered => StopReason::Deregistered,
            UnitEnd::Ended => StopReason::Ended,
            UnitEnd::NotReady => StopReason::NotReady,
            UnitEnd::Round(culprit) => StopReason::RestartsWith(self.path(culprit)),
        };
        let mut board = self.board.lock();
        let record = board.record(unit);
        // Without this one its start was refused: there is nobody to tell.
        let attempts = record.attempts;
        let current = record.incarnation.clone().filter(|current| current.number == attempts);
        let Some(incarnation) = current else { return };
        record.told = Some(clock::now());
        let path = record.plan.path.clone();
        drop(board);
        let callbacks = incarnation.tell(reason.clone());
        self.publish(&Event::StopAsked { unit: path, reason });
        for callback in callbacks {
            self.call_on_stop(unit, callback);
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
        let service = self.board.lock().record(unit).plan.unit.clone();
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
        let (notify, name) = (self.notify.clone(), path.clone());
        let body = Box::new(move || {
            let failure = failure::call(&name, phase, body).err();
            // When the engine has left this call behind, there is nobody to tell.
            let _ = notify.send(Notice::Called { unit, failure });
        });
        self.stoppers.call(Call { unit: path, phase, asked: clock::now(), body });
    }

    fn stopped(&mut self, unit: NodeId) {
        let mut board = self.board.lock();
        let failed = board.machine().state(unit).0 == UnitState::Failed;
        let record = board.record(unit);
        let (path, incarnation) = (record.plan.path.clone(), record.incarnation.clone());
        let never_started = record.stopped_notify.clone();
        drop(board);
        if let Some(incarnation) = incarnation {
            incarnation.join();
            self.board.lock().record(unit).stopped = Some(clock::now());
        } else {
            never_started.set(Outcome::Ok);
        }
        self.publish(&Event::Stopped { unit: path, failed });
    }

    fn pausing(&self, unit: NodeId, pause: Duration) {
        let mut board = self.board.lock();
        let record = board.record(unit);
        let attempt = record.attempts + 1;
        let (unit, incarnation) = (record.plan.path.clone(), record.incarnation.clone());
        drop(board);
        // There is none where its only start was refused, as a sibling had taken it along.
        if let Some(incarnation) = incarnation {
            incarnation.join();
        }
        self.publish(&Event::Restarting { unit, attempt, pause });
    }

    /// What the unit has failed with is the cause. If it has not failed, that it was given up is.
    fn gave_up(&mut self, unit: NodeId, limit: LimitOf) {
        let mut board = self.board.lock();
        let limit = match limit {
            LimitOf::Itself => board.record(unit).plan.policy.restart.too_often(),
            LimitOf::ItsGroup => {
                let strategy = board.machine().strategy_above(unit);
                strategy.map(Strategy::too_often).unwrap_or_default()
            }
        };
        drop(board);
        self.publish(&Event::GaveUp { unit: self.path(unit), why: limit.as_str().into() });
        let returned = self.board.lock().outcome(unit).is_some_and(|outcome| outcome.is_ok());
        if returned {
            let why = format!("it has returned again and again: {limit}");
            let failure = self.fail(unit, Phase::Serve, why);
            self.keep(unit, failure);
        }
    }

    fn not_ready_in_time(&mut self, unit: NodeId) {
        let limit = self.board.lock().record(unit).plan.policy.start_timeout.unwrap_or_default();
        let failure = self.fail(unit, Phase::Start, format!("not ready within {limit:?}"));
        self.keep_of_incarnation(unit, failure.clone());
        self.publish(&Event::NotReady { failure });
    }

    fn ask_if_alive(&mut self, unit: NodeId) {
        let incarnation = self.board.lock().machine().incarnation(unit);
        self.hear_of(unit, incarnation);
    }

    /// Looked at and decided at one time: who is found silent there is told of here, and nobody else.
    pub(super) fn hear_of(&mut self, unit: NodeId, incarnation: u32) {
        let now = clock::now();
        let mut board = self.board.lock();
        let current = board.record(unit).incarnation.clone();
        let current = current.filter(|current| current.number == incarnation);
        if let Some(at) = current.and_then(|current| current.last_beat(now)) {
            board.machine().step(now, Input::Alive { unit, incarnation, at });
        }
    }

    fn unresponsive(&mut self, unit: NodeId) {
        let now = clock::now();
        let mut board = self.board.lock();
        let record = board.record(unit);
        let last = record.incarnation.as_ref().and_then(|current| current.last_beat(now));
        let unit = record.plan.path.clone();
        drop(board);
        let silent = now.saturating_duration_since(last.unwrap_or(now));
        self.publish(&Event::Unresponsive { unit, silent });
    }

    fn did_not_stop(&mut self, unit: NodeId) {
        let why = "it was to start again, and did not stop in time for that";
        self.publish(&Event::GaveUp { unit: self.path(unit), why: why.into() });
        let failure = self.fail(unit, Phase::Start, why.to_owned());
        self.keep(unit, failure);
    }

    /// A failure of the unit's incarnation that none of its callbacks came back with.
    fn fail(&self, unit: NodeId, phase: Phase, why: String) -> Failure {
        let mut board = self.board.lock();
        let record = board.record(unit);
        let failure = Failure::error(record.plan.path.clone(), phase, why.into());
        if let Some(incarnation) = &record.incarnation {
            incarnation.note(&Outcome::Failed(failure.clone()));
        }
        failure
    }
}

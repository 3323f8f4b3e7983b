//! The thin engine around the machine: it owns the channels, the stopper threads and the deadlines
//! of one run, feeds the machine with what happens and does what it says. It knows neither flags nor
//! groups.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, never, select};

use super::board::Board;
use super::incarnation::{Incarnation, Notice, denies};
use super::plan::{Request, Run, Served, node_of};
use super::report::LeftBehind;
use super::state::{Action, GroupEnd, Input, NodeId, ROOT, UnitEnd};
use super::stoppers::{Call, Stoppers};
use crate::clock;
use crate::context::Task;
use crate::event::Event;
use crate::failure::{self, BoxError, Failure, Outcome, Phase};
use crate::ready::NotReady;
use crate::snapshot::UnitState;
use crate::stop::StopReason;
use crate::sync::Mutex;
use crate::unit::Unit;

/// See the module.
pub(crate) struct Engine {
    run: Run,
    board: Arc<Mutex<Board>>,
    stoppers: Stoppers,
    notices: Receiver<Notice>,
    notify: Sender<Notice>,
    served: Served,
}

impl Engine {
    /// Prepares everything that serving and stopping what is on `board` needs.
    ///
    /// # Errors
    ///
    /// When there is no thread for the stops.
    pub(crate) fn new(run: Run, board: Arc<Mutex<Board>>) -> io::Result<Self> {
        let stoppers = Stoppers::new(run.id)?;
        let (notify, notices) = crossbeam_channel::unbounded();
        Ok(Self { run, board, stoppers, notices, notify, served: Served::default() })
    }

    /// Serves until the last service has stopped or is past its deadline.
    pub(crate) fn run(mut self) -> Served {
        self.feed(Input::Begin);
        while !self.is_finished() {
            self.wait();
            self.feed_time();
        }
        self.finish()
    }

    /// Waits for the next thing to happen: one select of three arms, however many services there
    /// are. Without a deadline it sleeps for as long as nothing happens.
    fn wait(&mut self) {
        let machine = self.board.lock().machine().next_deadline();
        let deadline = earliest(machine, self.stoppers.next_deadline());
        let timer = deadline.map_or_else(never, crossbeam_channel::at);
        select! {
            recv(self.notices) -> notice => if let Ok(notice) = notice { self.take(notice) },
            recv(self.run.requests) -> request => match request {
                Ok(Request::Stop) => self.feed(Input::StopAsked),
                Ok(Request::Wake) => self.perform_all(),
                // The group that holds the other end outlives its run.
                Err(_) => debug_assert!(false, "nobody is left to ask"),
            },
            recv(timer) -> _ => {}
        }
    }

    fn feed_time(&mut self) {
        let deadline = self.board.lock().machine().next_deadline();
        if earliest(deadline, self.stoppers.next_deadline()).is_none() {
            return;
        }
        let now = clock::now();
        self.stoppers.grow(now);
        if deadline.is_some_and(|at| at <= now) {
            self.feed(Input::Tick);
        }
    }

    fn is_finished(&self) -> bool {
        self.board.lock().machine().is_finished()
    }

    /// Hands `input` to the machine and does what it decides.
    fn feed(&mut self, input: Input) {
        self.note(input);
        self.perform_all();
    }

    fn perform_all(&mut self) {
        loop {
            let action = self.board.lock().machine().next_action();
            let Some(action) = action else { break };
            self.perform(action);
        }
    }

    /// Hands `input` to the machine from within an action: what it decides comes after the actions
    /// that are already there.
    fn note(&mut self, input: Input) {
        self.board.lock().machine().step(clock::now(), input);
    }

    // ---- what happens ----

    fn take(&mut self, notice: Notice) {
        match notice {
            Notice::Entered { unit, incarnation } => {
                self.feed(Input::Entered { unit, incarnation });
            }
            Notice::SaidReady { unit, incarnation } => {
                self.feed(Input::SaidReady { unit, incarnation });
            }
            Notice::Returned { unit, incarnation, outcome } => {
                let failed = !outcome.is_ok();
                // In this order: who sees the event finds the unit's state changed, and what comes
                // of it is told after it.
                self.note(Input::Returned { unit, incarnation, failed });
                if let Outcome::Failed(failure) = &outcome {
                    self.keep_of_incarnation(unit, failure.clone());
                }
                self.publish(&Event::Ended { unit: self.path(unit), outcome });
                self.perform_all();
            }
            Notice::Settled { unit, incarnation } => {
                self.feed(Input::Settled { unit, incarnation });
            }
            Notice::OnStop { unit, callback } => self.call_on_stop(unit, callback),
            Notice::Called { unit, failure } => {
                self.stoppers.returned();
                if let Some(failure) = failure {
                    self.keep(unit, failure.clone());
                    self.publish(&Event::CallbackFailed { failure });
                }
                self.feed(Input::CallReturned(unit));
            }
            Notice::HelperPanicked { unit, failure } => {
                self.keep(unit, failure.clone());
                self.publish(&Event::CallbackFailed { failure });
            }
        }
    }

    fn keep(&mut self, unit: NodeId, failure: Failure) {
        self.board.lock().record(unit).last_failure = Some(failure.clone());
        self.served.failures.push(failure);
    }

    /// What an incarnation failed with, once the machine has heard of it: one that starts again is not
    /// among the run's failures, of which there would be more and more.
    fn keep_of_incarnation(&mut self, unit: NodeId, failure: Failure) {
        let mut board = self.board.lock();
        if board.machine().has_failed(unit) {
            drop(board);
            self.keep(unit, failure);
        } else {
            board.record(unit).last_failure = Some(failure);
        }
    }

    fn publish(&self, event: &Event) {
        self.run.publisher.publish(event);
    }

    fn path(&self, unit: NodeId) -> Arc<str> {
        self.board.lock().record(unit).plan.path.clone()
    }

    // ---- what the machine decides ----

    fn perform(&mut self, action: Action) {
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
            Action::GaveUp(unit) => self.gave_up(unit),
            Action::Late(unit) => self.publish(&Event::Late { unit: self.path(unit) }),
            Action::Finished => self.served.stopped_at = Some(clock::now()),
        }
    }

    fn start(&mut self, unit: NodeId, number: u32) {
        let mut board = self.board.lock();
        if self.run.stop.is_set() || !board.machine().may_start(unit) {
            drop(board);
            return self.note(Input::Refused(unit));
        }
        let record = board.record(unit);
        let stopped = record.next_end(self.run.id, unit);
        let plan = &record.plan;
        let (service, path) = (plan.unit.clone(), plan.path.clone());
        let (instances, stack_size) = (plan.kind.instances, plan.stack_size);
        let incarnation =
            Incarnation::new(self.run.id, unit, number, path.clone(), stopped, self.notify.clone());
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
        };
        let mut board = self.board.lock();
        let record = board.record(unit);
        // Without one its start was refused: there is nobody to tell.
        let Some(incarnation) = record.incarnation.clone() else { return };
        record.told = Some(clock::now());
        let path = record.plan.path.clone();
        drop(board);
        let callbacks = incarnation.tell(reason.clone());
        self.publish(&Event::StopAsked { unit: path, reason });
        for callback in callbacks {
            self.call_on_stop(unit, callback);
        }
    }

    fn call_on_stop(&mut self, unit: NodeId, callback: Task) {
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

    fn pausing(&mut self, unit: NodeId, pause: Duration) {
        let mut board = self.board.lock();
        let attempt = board.machine().restarts(unit) + 2; // the first is no restart, and this is the next
        let record = board.record(unit);
        let (unit, incarnation) = (record.plan.path.clone(), record.incarnation.clone());
        drop(board);
        if let Some(incarnation) = incarnation {
            incarnation.join();
        }
        self.publish(&Event::Restarting { unit, attempt, pause });
    }

    /// What the unit has failed with is the cause. If it has not failed, that it was given up is.
    fn gave_up(&mut self, unit: NodeId) {
        let mut board = self.board.lock();
        let record = board.record(unit);
        let (path, limit) = (record.plan.path.clone(), record.plan.policy.restart.too_often());
        let incarnation = record.incarnation.clone();
        drop(board);
        self.publish(&Event::GaveUp { unit: path.clone(), limit: limit.as_str().into() });
        if let Some(incarnation) = incarnation.filter(|incarnation| incarnation.outcome().is_ok()) {
            let why = format!("it has returned again and again: {limit}");
            let failure = Failure::error(path, Phase::Serve, why.into());
            incarnation.note(&Outcome::Failed(failure.clone()));
            self.keep(unit, failure);
        }
    }

    // ---- the end ----

    fn finish(mut self) -> Served {
        // In this order: a thread that leaves says so under the lock that it is listed under. So
        // whoever is not listed here any more is taken in below, and whoever is not taken in below
        // was listed here.
        let listed = Board::abandon(&self.board);
        // No more than there are now: what is left behind may send for ever.
        for notice in self.notices.clone().try_iter().take(self.notices.len()) {
            self.take(notice);
        }
        let stuck = self.stoppers.dismiss();
        let now = clock::now();
        let board = self.board.lock();
        for (index, threads) in listed.into_iter().enumerate() {
            self.served.units.push(board.report(node_of(index), self.run.began));
            self.served.left_behind.extend(board.left_behind(node_of(index), threads, now));
        }
        drop(board);
        self.served.left_behind.extend(stuck.into_iter().map(|stuck| LeftBehind {
            unit: stuck.unit,
            phase: stuck.phase,
            told_ago: stuck.asked.map(|at| now.saturating_duration_since(at)),
            thread: stuck.thread,
        }));
        self.served
    }
}

fn earliest(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    [one, other].into_iter().flatten().min()
}

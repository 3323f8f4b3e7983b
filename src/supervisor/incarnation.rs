//! One incarnation of a unit on real threads: what its service threads do, and what stands behind
//! their `ServeContext`. It reports to the engine by [`Notice`]s, and a return to the board, which may take it in
//! by itself; it decides nothing.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crossbeam_channel::SendError;

use super::board::{Board, Return};
use super::crew::{Crew, HasCrew};
use super::notice::{Notice, Reporting};
use super::pulse::Pulse;
use super::state::NodeId;
use crate::clock;
use crate::context::{self, ServeContext, Task};
use crate::error::{Error, ErrorKind};
use crate::failure::{self, BoxError, Failure, Outcome, Phase};
use crate::handle::GroupHandle;
use crate::panic;
use crate::stop::{StopNotify, StopToken};
use crate::sync::Mutex;
use crate::thread::{self, Place, ThreadStatus};
use crate::unit::Unit;

/// By what an incarnation is told to stop, and tells that it has.
pub(super) struct Ends {
    pub(super) stop: StopToken,
    /// Made with the record of the unit, so that it can be waited for before there is a thread.
    pub(super) stopped: StopNotify,
}

/// See the module.
pub(super) struct Incarnation {
    pub(super) unit: NodeId,
    pub(super) number: u32,
    pub(super) path: Arc<str>,
    pub(super) ends: Ends,
    crew: Crew,
    reporting: Arc<Reporting>,
    /// The first failure of its instances.
    outcome: Mutex<Outcome>,
    callbacks: Mutex<Callbacks>,
    /// The first time counts, and is the only one that the engine is woken for.
    said_ready: OnceLock<()>,
    /// Something was said to the engine that a return must not overtake.
    in_line: OnceLock<()>,
    /// Of one that has to be heard of.
    pulse: Option<Box<Pulse>>,
}

#[derive(Default)]
struct Callbacks {
    told: bool,
    next: u64,
    waiting: Vec<(u64, Task)>,
}

impl Incarnation {
    pub(super) fn new(
        unit: NodeId,
        number: u32,
        path: Arc<str>,
        ends: Ends,
        reporting: Arc<Reporting>,
        pulse: Option<Pulse>,
    ) -> Arc<Self> {
        Arc::new(Self {
            unit,
            number,
            path,
            ends,
            crew: Crew::new("its unit has stopped"),
            reporting,
            outcome: Mutex::new(Outcome::Ok),
            callbacks: Mutex::default(),
            said_ready: OnceLock::new(),
            in_line: OnceLock::new(),
            pulse: pulse.map(Box::new),
        })
    }

    /// Spawns the thread of one instance.
    pub(super) fn serve(
        self: &Arc<Self>,
        unit: Arc<dyn Unit>,
        name: &Arc<str>,
        stack_size: Option<usize>,
        instance: u32,
    ) -> std::io::Result<()> {
        let body = move |this: &Arc<Self>| {
            let outcome = this.enter(&*unit, instance);
            // The unit goes first: its drop may be the program's code, and the incarnation has not
            // stopped before that is through. (Nor has the incarnation a reference to it: whoever
            // keeps a context would keep the unit, and a unit that keeps its own itself.)
            let dropped = panic::catch(move || drop(unit)).err();
            let outcome = match (outcome, dropped) {
                (Outcome::Ok, Some(panic)) => {
                    Outcome::Failed(Failure::panic(this.path.clone(), Phase::Serve, panic))
                }
                (outcome, _) => outcome,
            };
            this.note(&outcome);
            outcome
        };
        let place = Place::Unit { run: self.reporting.run, unit: self.unit };
        Crew::spawn(self, name, stack_size, place, body, Self::returned)
    }

    /// The start is over: no more instances. `spawned` says whether there are any.
    pub(super) fn is_started(&self, spawned: bool) {
        self.crew.owner_leaves(|last| {
            if spawned {
                self.leaving(last);
            } else {
                self.ends.stopped.set(self.outcome.lock().clone());
            }
        });
    }

    fn enter(self: &Arc<Self>, unit: &dyn Unit, instance: u32) -> Outcome {
        if self.ends.stop.is_stopped() {
            return Outcome::Ok; // told before it began: `serve` is not entered
        }
        let ctx = ServeContext { instance, incarnation: self.clone() };
        if let Some(pulse) = &self.pulse {
            pulse.begins(instance, clock::now());
        }
        self.tell_engine(Notice::Entered { unit: self.unit, incarnation: self.number });
        let result = failure::call(&self.path, Phase::Serve, move || match unit.as_service() {
            Some(service) => service.serve(&ctx),
            None => Err(denies("service")),
        });
        if self.pulse.as_ref().is_some_and(|pulse| pulse.ends(instance)) {
            self.tell_of_a_beat(); // the others may all be heard of
        }
        result.map_or_else(Outcome::Failed, |()| Outcome::Ok)
    }

    fn tell_of_a_beat(&self) {
        self.tell_engine(Notice::Beat { unit: self.unit, incarnation: self.number });
    }

    /// Since when it has been heard of; and now it is told when it is.
    pub(super) fn last_beat(&self, now: Instant) -> Option<Instant> {
        self.pulse.as_ref().map(|pulse| pulse.look(now))
    }

    /// Keeps the first failure as the outcome of the incarnation.
    pub(super) fn note(&self, outcome: &Outcome) {
        if outcome.is_ok() {
            return;
        }
        let mut kept = self.outcome.lock();
        if kept.is_ok() {
            *kept = outcome.clone();
        }
    }

    pub(super) fn outcome(&self) -> Outcome {
        self.outcome.lock().clone()
    }

    /// Under the crew's lock, as [`leaving`](Self::leaving). What the engine takes no more is handed back, to be
    /// dropped without it: it may hold what is the program's.
    fn returned(&self, outcome: Outcome, last: bool) -> Option<SendError<Notice>> {
        if last {
            self.ends.stopped.set(self.outcome());
        }
        let (unit, incarnation) = (self.unit, self.number);
        let back = Return { unit, incarnation, outcome, settled: last };
        let notice = if self.in_line.get().is_some() {
            Some(back.untaken())
        } else {
            Board::returned(&self.reporting.board, &self.reporting, back)
        };
        if let Some(Notice::Returned { .. }) = notice {
            let _ = self.in_line.set(()); // another instance's comes behind it
        }
        // One that is alone, as most are, says both in one: the engine wakes once.
        notice.and_then(|notice| self.reporting.notify.send(notice).err())
    }

    /// Under the crew's lock. The outcome is set before the engine, or anybody, can see the end.
    fn leaving(&self, last: bool) {
        if last {
            self.ends.stopped.set(self.outcome());
            self.tell_engine(Notice::Settled { unit: self.unit, incarnation: self.number });
        }
    }

    /// Its stop token is set: the callbacks that are to be called now. Who comes later is called at once.
    pub(super) fn told(&self) -> Vec<Task> {
        let mut callbacks = self.callbacks.lock();
        callbacks.told = true;
        let waiting = std::mem::take(&mut callbacks.waiting);
        waiting.into_iter().map(|(_, callback)| callback).collect()
    }

    pub(super) fn join(&self) {
        self.crew.join_left();
    }

    /// The threads that are left behind; none comes after them, and those that have left are joined.
    pub(super) fn abandon(&self) -> Vec<ThreadStatus> {
        self.crew.abandon()
    }

    pub(super) fn threads(&self) -> Vec<ThreadStatus> {
        self.crew.threads()
    }

    fn tell_engine(&self, notice: Notice) {
        // When the engine has left this unit behind, there is nobody to tell.
        let _ = self.reporting.notify.send(notice);
    }
}

impl HasCrew for Incarnation {
    fn crew(&self) -> &Crew {
        &self.crew
    }
}

impl context::Incarnation for Incarnation {
    fn handle(&self) -> &GroupHandle {
        &self.reporting.handle
    }

    fn unit(&self) -> &str {
        &self.path
    }

    fn stopped(&self) -> &StopToken {
        &self.ends.stop
    }

    fn attempt(&self) -> u32 {
        self.number
    }

    fn ready(&self) {
        if self.said_ready.set(()).is_ok() {
            self.tell_engine(Notice::SaidReady { unit: self.unit, incarnation: self.number });
        }
    }

    fn extend_stop(&self, by: Duration) {
        let _ = self.in_line.set(());
        self.tell_engine(Notice::ExtendStop { unit: self.unit, incarnation: self.number, by });
    }

    fn heartbeat(&self, instance: u32) {
        if let Some(pulse) = &self.pulse
            && pulse.beats(instance, clock::now())
        {
            self.tell_of_a_beat();
        }
    }

    fn spawn(self: Arc<Self>, name: &str, body: Task) -> Result<(), Error> {
        let name = format!("{}:{name}", self.path).into();
        let body = move |this: &Arc<Self>| {
            if let Err(panic) = panic::catch(body) {
                let failure = Failure::panic(this.path.clone(), Phase::Helper, panic);
                let _ = this.in_line.set(());
                this.tell_engine(Notice::HelperPanicked { unit: this.unit, failure });
            }
        };
        let place = Place::Unit { run: self.reporting.run, unit: self.unit };
        let leaving = |this: &Self, (), last| {
            this.leaving(last);
            None::<()>
        };
        Crew::spawn(&self, &name, None, place, body, leaving).map_err(|error| {
            Error::new(ErrorKind::Spawn, thread::cannot_spawn(&name, &error).to_string())
        })
    }

    fn on_stop(&self, callback: Task) -> u64 {
        let mut callbacks = self.callbacks.lock();
        let key = callbacks.next;
        callbacks.next += 1;
        if callbacks.told {
            drop(callbacks);
            let mut uncalled = Uncalled(Some(callback));
            let callback = Box::new(move || {
                if let Some(callback) = uncalled.0.take() {
                    callback();
                }
            });
            let _ = self.in_line.set(());
            self.tell_engine(Notice::OnStop { unit: self.unit, callback });
        } else {
            callbacks.waiting.push((key, callback));
            drop(callbacks);
            if key == 0 {
                self.tell_engine(Notice::WillCall);
            }
        }
        key
    }

    fn cancel(&self, key: u64) {
        let mut callbacks = self.callbacks.lock();
        let position = callbacks.waiting.iter().position(|(other, _)| *other == key);
        let cancelled = position.map(|position| callbacks.waiting.swap_remove(position));
        drop(callbacks);
        drop(cancelled); // outside the lock: what it holds is the program's
    }
}

/// A callback on its way to the engine. One that comes too late is dropped by whoever is last at the
/// channel, be it `run` itself, and its drop may be the program's code.
struct Uncalled(Option<Task>);

impl Drop for Uncalled {
    fn drop(&mut self) {
        panic::drop_apart(self.0.take());
    }
}

/// A unit that took part in a phase when it was registered and now says that it does not.
pub(crate) fn denies(phase: &str) -> BoxError {
    format!("it was registered as a {phase} and now says that it is none").into()
}

#[cfg(test)]
mod tests;

//! The thin engine around the machine: it owns the channels, the stopper threads and the deadlines
//! of one run, feeds the machine with what happens and does what it says (`perform`; for groups in
//! groups, `groups`). It knows neither flags nor what a `Group` is.

mod again;
mod groups;
mod perform;

use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::{Receiver, never, select};

use super::board::{Board, Todo};
use super::notice::{Notice, Reporting};
use super::plan::{Request, Run, Served, node_of};
use super::report::LeftBehind;
use super::state::{Input, NodeId, ROOT};
use super::stoppers::{Called, Stoppers};
use crate::clock;
use crate::event::Event;
use crate::failure::{Failure, Outcome};
use crate::panic;
use crate::sync::Mutex;
use crate::thread;

/// See the module.
pub(crate) struct Engine {
    run: Run,
    board: Arc<Mutex<Board>>,
    stoppers: Stoppers,
    notices: Receiver<Notice>,
    reporting: Arc<Reporting>,
    served: Served,
}

/// By what the engine was woken.
enum Woken {
    Notice(Option<Notice>),
    Request(Option<Request>),
    Timer,
}

impl Engine {
    /// Is to serve and to stop what is on `board`.
    pub(crate) fn new(run: Run, board: Arc<Mutex<Board>>) -> Self {
        let (notify, notices) = crossbeam_channel::unbounded();
        let called = notify.clone();
        let stoppers = Stoppers::new(run.id, move || {
            // When the engine has left this call behind, there is nobody to tell.
            let _ = called.send(Notice::Called);
        });
        let reporting = Arc::new(Reporting {
            board: board.clone(),
            run: run.id,
            handle: run.handle.clone(),
            run_stop: run.stop.clone(),
            publisher: run.publisher.clone(),
            notify,
        });
        Self { run, board, stoppers, notices, reporting, served: Served::default() }
    }

    /// Serves until the last service has stopped or is past its deadline.
    pub(crate) fn run(mut self) -> Served {
        self.feed(Input::Begin);
        while !self.is_finished() {
            self.stoppers.hand_over();
            self.wait();
            self.feed_time();
        }
        self.finish()
    }

    /// Waits for the next thing to happen: one select of three arms, however many services there
    /// are. Without a deadline it sleeps for as long as nothing happens.
    fn wait(&mut self) {
        let ends = !self.board.lock().machine().is_open(ROOT);
        if ends {
            // Many threads end at about the same time, and each of them would wake this one anew, which then
            // runs while others have not been told. They go first; what they have to say is there by then.
            thread::give_way();
        }
        let machine = self.board.lock().engine_goes_to_sleep();
        let deadline = earliest(machine, self.stoppers.next_deadline());
        let timer = deadline.map_or_else(never, crossbeam_channel::at);
        let woken = select! {
            recv(self.notices) -> notice => Woken::Notice(notice.ok()),
            recv(self.run.requests) -> request => Woken::Request(request.ok()),
            recv(timer) -> _ => Woken::Timer,
        };
        self.board.lock().engine_wakes_up();
        match woken {
            Woken::Notice(notice) => self.take_all(notice),
            Woken::Request(Some(Request::Stop)) => self.feed(Input::StopAsked),
            Woken::Request(Some(Request::Wake)) => self.perform_all(),
            // The group that holds the other end outlives its run.
            Woken::Request(None) => debug_assert!(false, "nobody is left to ask"),
            Woken::Timer => {}
        }
    }

    fn feed_time(&mut self) {
        let deadline = self.board.lock().machine().next_deadline();
        if earliest(deadline, self.stoppers.next_deadline()).is_none() {
            return;
        }
        let now = clock::now();
        if self.stoppers.next_deadline().is_some_and(|at| at <= now) {
            self.perform_all(); // who asked for the end may have decided it, which is told of first
            self.take_called();
            if self.stoppers.next_deadline().is_some() {
                self.stoppers.grow(now);
            }
        }
        if deadline.is_some_and(|at| at <= now) {
            // What somebody has decided for it meanwhile comes first.
            while !self.board.lock().expire(now) {
                self.perform_all();
            }
            self.perform_all();
        }
    }

    fn is_finished(&self) -> bool {
        self.board.lock().is_finished()
    }

    /// Hands `input` to the machine and does what it decides.
    fn feed(&mut self, input: Input) {
        self.note(input);
        self.perform_all();
    }

    fn perform_all(&mut self) {
        loop {
            let next = self.board.lock().next_to_be_done();
            match next {
                Some(Todo::Perform(action, known)) => self.perform(action, known),
                Some(Todo::Returned { unit, outcome, counts, before }) => {
                    self.returned(unit, outcome, counts);
                    panic::drop_apart(before);
                }
                None => break,
            }
        }
    }

    /// Hands `input` to the machine from within an action: what it decides comes after the actions
    /// that are already there.
    fn note(&mut self, input: Input) {
        self.board.lock().step(clock::now(), input);
    }

    // ---- what happens ----

    /// Takes `notice` and those behind it: as many as there are now, since more may come for ever, and
    /// time passes meanwhile.
    fn take_all(&mut self, notice: Option<Notice>) {
        let behind = self.notices.len();
        // Whoever asks for something has the machine decide there and then. These may have come of that,
        // and the request that wakes the engine only be on its way. They are counted first: those that come
        // from here on may come of what is decided from here on, and are not of this time.
        self.perform_all();
        let notices = self.notices.clone();
        notice.into_iter().chain(notices.try_iter().take(behind)).for_each(|it| self.take(it));
    }

    fn take(&mut self, notice: Notice) {
        match notice {
            Notice::Entered { unit, incarnation } => {
                self.feed(Input::Entered { unit, incarnation });
            }
            Notice::SaidReady { unit, incarnation } => {
                self.feed(Input::SaidReady { unit, incarnation });
            }
            Notice::ExtendStop { unit, incarnation, by } => {
                self.feed(Input::ExtendStop { unit, incarnation, by });
            }
            Notice::Returned { unit, incarnation, outcome, settled } => {
                self.board.lock().take_return(clock::now(), unit, incarnation, outcome);
                self.perform_all();
                if settled {
                    self.feed(Input::Settled { unit, incarnation });
                }
            }
            Notice::Decided => {} // and done, before any of these
            Notice::Beat { unit, incarnation } => {
                self.hear_of(unit, incarnation);
                self.perform_all();
            }
            Notice::Settled { unit, incarnation } => {
                self.feed(Input::Settled { unit, incarnation });
            }
            // Without a thread there may be one when it is to be called; if not, that has failed.
            Notice::WillCall => drop(self.stoppers.prepare()),
            Notice::OnStop { unit, callback } => self.call_on_stop(unit, callback),
            Notice::Called => self.take_called(),
            Notice::HelperPanicked { unit, failure } => {
                self.keep(unit, failure.clone());
                self.publish(&Event::CallbackFailed { failure });
            }
        }
    }

    /// An instance has come back from `serve`. In this order: who sees the event finds the unit's state
    /// changed, and what comes of it is told after it.
    fn returned(&mut self, unit: NodeId, outcome: Outcome, counts: bool) {
        if let Outcome::Failed(failure) = &outcome {
            self.keep_if(counts, unit, failure.clone());
        }
        self.publish_of(unit, |unit| Event::Ended { unit, outcome });
    }

    /// Takes what has come back from the stoppers.
    fn take_called(&mut self) {
        for Called { unit, failure } in self.stoppers.take_returned() {
            if let Some(failure) = failure {
                self.keep(unit, failure.clone());
                self.publish(&Event::CallbackFailed { failure });
            }
            self.feed(Input::CallReturned(unit));
        }
    }

    fn keep(&mut self, unit: NodeId, failure: Failure) {
        self.note_failure(unit, failure.clone());
        self.served.failures.push(failure);
    }

    /// The newest failure of a node.
    fn note_failure(&self, node: NodeId, failure: Failure) {
        let before = self.board.lock().record(node).last_failure.replace(failure);
        panic::drop_apart(before);
    }

    fn keep_if(&mut self, counts: bool, unit: NodeId, failure: Failure) {
        if counts {
            self.keep(unit, failure);
        } else {
            self.note_failure(unit, failure);
        }
    }

    fn publish(&self, event: &Event) {
        self.run.publisher.publish(event);
    }

    /// The same of an event about one node, which need not be made where nobody would hear of it. (No pre-run
    /// is to come that could set up a logger: nothing is kept for one.)
    fn publish_of(&self, node: NodeId, event: impl FnOnce(Arc<str>) -> Event) {
        if self.run.publisher.may_be_heard() {
            self.publish(&event(self.path(node)));
        }
    }

    fn path(&self, unit: NodeId) -> Arc<str> {
        self.board.lock().look(unit).path.clone()
    }

    // ---- the end ----

    fn finish(mut self) -> Served {
        // In this order: a thread that leaves says so under the lock that it is listed under. So
        // whoever is not listed here any more is taken in below, and whoever is not taken in below
        // was listed here.
        let listed = Board::abandon(&self.board);
        self.board.lock().close();
        self.perform_all();
        self.take_all(None);
        self.stoppers.hand_over(); // if there is no thread for that, it has failed
        self.take_called();
        let stuck = self.stoppers.dismiss();
        let now = clock::now();
        let board = self.board.lock();
        self.served.units.reserve_exact(listed.len());
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

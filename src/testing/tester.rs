//! A group that runs while a test looks on.

use std::fmt::Write;
use std::panic;
use std::thread::{JoinHandle, panicking};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, after, bounded, select};

use super::LIMIT;
use crate::event::{Event, Events};
use crate::group::{Group, RunError};
use crate::handle::GroupHandle;
use crate::ready::NotReady;
use crate::supervisor::Report;
use crate::thread;

/// So many events can have happened before the test looks at them.
const EVENTS: usize = 1024;

/// Runs a group on a thread of its own, for a test to look at, talk to, and stop.
///
/// Every wait has a limit, 20 s if [nothing else](Self::limit) is said. If it passes the test panics,
/// with a snapshot of the group that says who is waiting where.
///
/// A tester that is dropped stops the group and waits for its end, and panics if that went wrong: no
/// failure of a unit is lost because a test did not look. If the test is panicking already, the group is
/// told to stop and not waited for.
///
/// # Examples
///
/// ```
/// use rungroup::{Group, StopReason, service_fn};
/// use rungroup::testing::Tester;
///
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(service_fn("server", |ctx| {
///     ctx.stopped().wait();
///     Ok(())
/// }));
/// let run = Tester::start(group); // returns when all units are ready
/// assert_eq!(&*run.handle().snapshot().units[0].path, "server");
/// // ... be a client of the server ...
/// let report = run.stop().unwrap();
/// assert!(report.failures().is_empty());
/// ```
#[must_use = "dropping it stops the group"]
#[derive(Debug)]
pub struct Tester {
    handle: GroupHandle,
    events: Events,
    ended: Receiver<Result<Report, RunError>>,
    /// `None` once its result was taken.
    thread: Option<JoinHandle<()>>,
    limit: Duration,
}

impl Tester {
    /// Runs the group, and returns when all its units are ready: [`spawn`](Self::spawn) and then
    /// [`ready`](Self::ready).
    ///
    /// A unit that does not declare its readiness is ready when its `serve` is entered, which is before its
    /// first line. Who wants to see what it does there waits for that, with
    /// [`Journal::wait_for`](super::Journal::wait_for) for instance.
    ///
    /// # Panics
    ///
    /// If it does not become ready; the message says why.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, testing::{Script, Tester}};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(Script::new("store"));
    /// Tester::start(group).stop().unwrap();
    /// ```
    #[track_caller]
    pub fn start(group: Group) -> Self {
        Self::spawn(group).ready()
    }

    /// Runs the group, and returns at once: for a test of what happens before it is ready, or of one
    /// that never gets there.
    ///
    /// # Panics
    ///
    /// If the system has no thread left.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, NotReady, testing::{Script, Tester}};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(Script::new("store").declares_ready().fail("no disk"));
    /// let run = Tester::spawn(group);
    /// assert_eq!(run.handle().wait_till_ready(), Err(NotReady::Failed("store".into())));
    /// assert_eq!(run.wait().unwrap_err().to_string(), "unit 'store': serve failed: no disk");
    /// ```
    #[track_caller]
    pub fn spawn(mut group: Group) -> Self {
        let handle = group.handle();
        let events = handle.events(EVENTS);
        let (over, ended) = bounded(1);
        let run = move || {
            let result = group.run();
            drop(group); // so that with the result the units are gone, too
            let _ = over.send(result); // a test that is over does not want it
        };
        let thread = thread::spawn_apart(&handle.name(), run);
        let thread = thread.unwrap_or_else(|error| panic!("no thread to run the group: {error}"));
        Self { handle, events, ended, thread: Some(thread), limit: LIMIT }
    }

    /// Another limit, for all waits from here on.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rungroup::{Group, testing::{Script, Tester}};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(Script::new("store"));
    /// Tester::spawn(group).limit(Duration::from_secs(60)).ready().stop().unwrap();
    /// ```
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Waits until all units are ready.
    ///
    /// # Panics
    ///
    /// If they do not become so; the message says why.
    ///
    /// # Examples
    ///
    /// ```should_panic
    /// use rungroup::{Group, testing::{Script, Tester}};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(Script::new("store").declares_ready().fail("no disk"));
    /// // the group did not become ready: unit 'store': serve failed: no disk
    /// let run = Tester::spawn(group).ready();
    /// ```
    #[track_caller]
    pub fn ready(mut self) -> Self {
        match self.handle.wait_till_ready_timeout(self.limit) {
            Ok(()) => self,
            Err(NotReady::TimedOut(_)) => self.hangs("the group is not ready"),
            Err(why) => match self.end() {
                Ok(report) => panic!("the group did not become ready, {why}: {report}"),
                Err(error) => panic!("the group did not become ready: {error}"),
            },
        }
    }

    /// The group, to talk to.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, testing::{Script, Tester}};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// let cache = group.register(Script::new("cache")).id();
    /// group.register(Script::new("store"));
    /// let run = Tester::start(group);
    /// let stopped = run.handle().deregister(cache).unwrap();
    /// assert!(stopped.wait().unwrap().is_ok());
    /// run.stop().unwrap();
    /// ```
    pub fn handle(&self) -> &GroupHandle {
        &self.handle
    }

    /// Waits for an event for which `is_it` holds. It looks at those since the one that it found last, or
    /// since the group's start.
    ///
    /// # Panics
    ///
    /// If it does not come in time, or the group has ended without it; the message has those that came.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Event, Group, testing::{Gate, Script, Tester}};
    ///
    /// let gate = Gate::new();
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(Script::new("import").until(&gate).finish()).task();
    /// group.register(Script::new("server"));
    /// let run = Tester::start(group);
    /// gate.open();
    /// run.wait_for(|event| matches!(event, Event::Stopped { unit, .. } if &**unit == "import"));
    /// run.stop().unwrap();
    /// ```
    #[track_caller]
    pub fn wait_for(&self, is_it: impl Fn(&Event) -> bool) -> Event {
        let over = after(self.limit);
        let mut others = Vec::new();
        let why = loop {
            select! {
                recv(self.events.receiver()) -> event => match event {
                    Ok(event) if is_it(&event) => return event,
                    Ok(event) => others.push(event),
                    Err(_) => break "the group has ended without it".to_owned(),
                },
                recv(over) -> _ => break format!("it has not come in {:?}", self.limit),
            }
        };
        let mut message = format!("no such event: {why}. Those that came:");
        for event in others {
            let _ = write!(message, "\n  {event}");
        }
        if self.events.missed() > 0 {
            let _ =
                write!(message, "\n  and {} that nobody looked at in time", self.events.missed());
        }
        panic!("{message}");
    }

    /// Asks the group to stop, with the reason `seen enough`, and waits for its end.
    ///
    /// # Errors
    ///
    /// Those of the [run](Group::run).
    ///
    /// # Panics
    ///
    /// If it does not end in time; the message has a snapshot.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, testing::{Script, Tester}};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(Script::new("store").until_told().fail("cannot flush"));
    /// let error = Tester::start(group).stop().unwrap_err();
    /// assert_eq!(error.to_string(), "unit 'store': serve failed: cannot flush");
    /// ```
    #[track_caller]
    pub fn stop(mut self) -> Result<Report, RunError> {
        self.handle.stop("seen enough");
        self.end()
    }

    /// Waits for the group's end, which something else brings about.
    ///
    /// # Errors
    ///
    /// Those of the [run](Group::run).
    ///
    /// # Panics
    ///
    /// If it does not end in time; the message has a snapshot.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, testing::{Script, Tester}};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(Script::new("import").finish()).task();
    /// Tester::spawn(group).wait().unwrap();
    /// ```
    #[track_caller]
    pub fn wait(mut self) -> Result<Report, RunError> {
        self.end()
    }

    #[track_caller]
    fn end(&mut self) -> Result<Report, RunError> {
        let result = self.ended.recv_timeout(self.limit);
        if let Err(RecvTimeoutError::Timeout) = result {
            self.hangs("the group has not ended");
        }
        let thread = self.thread.take().expect("the result is taken once");
        // Its last act was to send. If it did not, the run itself has panicked, which goes on here.
        match thread.join() {
            Ok(()) => result.expect("a run that does not panic has a result"),
            Err(payload) => panic::resume_unwind(payload),
        }
    }

    #[track_caller]
    fn hangs(&mut self, what: &str) -> ! {
        self.thread = None; // whose drop would wait once more
        let snapshot = self.handle.snapshot(); // of what hangs, and not of a group that stops
        self.handle.stop("the test has failed");
        panic!("{what} after {:?}:\n{snapshot}", self.limit);
    }
}

impl Drop for Tester {
    fn drop(&mut self) {
        if self.thread.is_none() {
            return;
        }
        self.handle.stop("the test is over");
        if panicking() {
            return; // what the test has found counts; a second panic would abort
        }
        match self.end() {
            Ok(report) => {
                let failures = report.failures();
                assert!(failures.is_empty(), "something failed in the group: {failures:#?}");
            }
            Err(error) => panic!("the group failed: {error}"),
        }
    }
}

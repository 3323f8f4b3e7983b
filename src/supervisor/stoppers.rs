//! The threads that call `graceful_stop` and `on_stop`: one from when there is something that they will
//! have to call, so that a stop does not depend on being able to spawn a thread, and more while calls are
//! out and others wait.
//!
//! When many units are told to stop, most of their calls have next to nothing to do, and waking somebody
//! for each would cost more than all of them. So the calls are handed over together, and a thread that
//! has come back from one says so when no other waits. If the next one keeps it, the patience of whoever
//! handed them over ends: whoever then finds that none waits, and takes what has returned, has all that
//! nobody was woken for.

use std::collections::{HashSet, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use super::crew::{Crew, RUN_IS_OVER};
use super::state::NodeId;
use crate::clock;
use crate::failure::{Failure, Phase};
use crate::panic;
use crate::sync::Mutex;
use crate::thread::{self, Place, ThreadStatus};

/// How long a call may wait for a stopper that is out in another call before more are added: as
/// many again as there are. Ten slow stops are all under way after 4 ms; a thousand quick ones need
/// no more than the first thread.
const PATIENCE: Duration = Duration::from_millis(1);

/// How long those that are out in a call at the end may take to come back before they are listed as
/// left behind: a call that was made at the deadline itself is not stuck yet.
const GRACE: Duration = Duration::from_millis(10);

/// One callback to be called.
pub(super) struct Call {
    pub(super) unit: NodeId,
    pub(super) path: Arc<str>,
    pub(super) phase: Phase,
    pub(super) asked: Instant,
    pub(super) body: Box<dyn FnOnce() -> Option<Failure> + Send>,
}

/// A callback that was called.
pub(super) struct Called {
    pub(super) unit: NodeId,
    pub(super) failure: Option<Failure>,
}

/// A call that has not returned, and the thread that is in it.
#[derive(Debug)]
pub(super) struct Stuck {
    pub(super) unit: Option<Arc<str>>,
    pub(super) phase: Phase,
    /// When the call was asked for.
    pub(super) asked: Option<Instant>,
    pub(super) thread: ThreadStatus,
}

/// What the threads say of themselves.
#[derive(Default)]
struct Calls {
    /// Those that have not returned, by their numbers; `None` has, but one before it has not.
    open: VecDeque<Option<Open>>,
    /// The number of the first of them.
    first: usize,
    /// What has returned and was not taken yet.
    returned: Vec<Called>,
}

/// A call that has not returned.
struct Open {
    unit: Arc<str>,
    phase: Phase,
    asked: Instant,
    /// The name of the thread that is in it, if one is.
    stopper: Option<Arc<str>>,
}

impl Calls {
    fn begins(&mut self, number: usize, stopper: &Arc<str>) {
        if let Some(Some(call)) = self.open.get_mut(number - self.first) {
            call.stopper = Some(stopper.clone());
        }
    }

    fn has_returned(&mut self, number: usize, unit: NodeId, failure: Option<Failure>) {
        self.open[number - self.first] = None;
        while let Some(None) = self.open.front() {
            self.open.pop_front();
            self.first += 1;
        }
        self.returned.push(Called { unit, failure });
    }
}

/// Wakes whoever is to take what has returned.
type Wake = Arc<dyn Fn() + Send + Sync>;

/// See the module.
pub(super) struct Stoppers {
    crew: Arc<Crew>,
    run: u64,
    threads: u32,
    /// How many have not returned, those that wait included.
    open: usize,
    /// Those that are not handed over yet.
    due: Vec<Call>,
    calls: Arc<Mutex<Calls>>,
    /// With their numbers.
    sender: Sender<(usize, Call)>,
    receiver: Receiver<(usize, Call)>,
    wake: Wake,
    grow_at: Option<Instant>,
}

impl Stoppers {
    /// `wake` is called on their threads: there is something to be taken.
    pub(super) fn new(run: u64, wake: impl Fn() + Send + Sync + 'static) -> Self {
        let (sender, receiver) = crossbeam_channel::unbounded();
        Self {
            crew: Arc::new(Crew::new(RUN_IS_OVER)),
            run,
            threads: 0,
            open: 0,
            due: Vec::new(),
            calls: Arc::default(),
            sender,
            receiver,
            wake: Arc::new(wake),
            grow_at: None,
        }
    }

    /// There will be something to call: sees to it that there is a thread for that.
    ///
    /// # Errors
    ///
    /// When the system has none.
    pub(super) fn prepare(&mut self) -> io::Result<()> {
        if self.threads == 0 { self.add_thread() } else { Ok(()) }
    }

    fn add_thread(&mut self) -> io::Result<()> {
        let name: Arc<str> = format!("stopper-{}", self.threads + 1).into();
        let (waiting, calls, wake) = (self.receiver.clone(), self.calls.clone(), self.wake.clone());
        let (own, run) = (name.clone(), self.run);
        let body = move |_: &Arc<Crew>| {
            for (number, call) in &waiting {
                calls.lock().begins(number, &own);
                let here = thread::enter(Place::Call { run, unit: call.unit });
                let failure = (call.body)();
                drop(here);
                calls.lock().has_returned(number, call.unit, failure);
                // In this order: one that was waiting when this looked is still to be found, or was
                // taken after what has just been put there.
                if waiting.is_empty() {
                    wake();
                }
            }
        };
        let place = Place::Helper { run };
        let spawned = Crew::spawn(&self.crew, &name, None, place, body, Crew::tell_nobody);
        spawned.map_err(|error| thread::cannot_spawn(&name, &error))?;
        self.threads += 1;
        Ok(())
    }

    /// Has it called, with the next [`hand_over`](Self::hand_over).
    pub(super) fn call(&mut self, call: Call) {
        self.open += 1;
        self.due.push(call);
    }

    /// Hands over what is to be called: after all of those have been told that are to be told now.
    pub(super) fn hand_over(&mut self) {
        if self.due.is_empty() {
            return;
        }
        if let Err(error) = self.prepare() {
            return self.fail_due(&error);
        }
        let mut calls = self.calls.lock();
        let first = calls.first + calls.open.len();
        calls.open.extend(self.due.iter().map(|call| {
            let (unit, phase, asked) = (call.path.clone(), call.phase, call.asked);
            Some(Open { unit, phase, asked, stopper: None })
        }));
        drop(calls);
        for (place, call) in self.due.drain(..).enumerate() {
            let _ = self.sender.send((first + place, call)); // the receiver lives as long as `self`
        }
        if self.open > 1 && self.grow_at.is_none() {
            self.grow_at = clock::after(PATIENCE);
        }
    }

    /// A callback was registered when there was no thread for it, and there still is none.
    fn fail_due(&mut self, error: &io::Error) {
        let mut failed = Vec::new();
        for Call { unit, path, phase, body, .. } in self.due.drain(..) {
            let why = io::Error::new(error.kind(), error.to_string());
            let failure = Some(Failure::error(path, phase, why.into()));
            failed.push(Called { unit, failure });
            panic::drop_apart(Some(body)); // what it holds is the program's
        }
        self.calls.lock().returned.extend(failed);
        (self.wake)();
    }

    /// What has returned since the last time.
    pub(super) fn take_returned(&mut self) -> Vec<Called> {
        // In this order, see the module: from here on whoever returns wakes.
        let none_waits = self.receiver.is_empty();
        let returned = std::mem::take(&mut self.calls.lock().returned);
        self.open -= returned.len();
        if none_waits {
            self.grow_at = None;
        }
        returned
    }

    /// When [`grow`](Self::grow) is due.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.grow_at
    }

    /// Adds threads if calls still wait. Where the system has none left, those that are there go on.
    pub(super) fn grow(&mut self, now: Instant) {
        let waiting = u32::try_from(self.receiver.len()).unwrap_or(u32::MAX);
        for _ in 0..waiting.min(self.threads) {
            if self.add_thread().is_err() {
                break;
            }
        }
        self.grow_at = now.checked_add(PATIENCE);
    }

    /// Sends the threads home and joins them; the calls that have not returned are given back. Those that
    /// wait behind stuck ones stay in line, as they may yet end what was left behind. But they are given
    /// back, too: their units have not stopped, and whoever cleans up has to know.
    pub(super) fn dismiss(mut self) -> Vec<Stuck> {
        self.hand_over();
        let Self { crew, open, calls, sender, .. } = self;
        drop(sender);
        crew.owner_leaves(|_last| {});
        // Only those that are out in a call can stay; the idle ones leave as soon as they run.
        crew.wait_for_at_most(open, None);
        if open > 0 {
            crew.wait_for_at_most(0, clock::after(GRACE));
        }
        let threads = crew.abandon();
        let mut stuck: Vec<Stuck> = Vec::new();
        let mut listed = HashSet::new();
        for call in calls.lock().open.iter().flatten() {
            // A unit that is told may register callbacks for ever: once for each of its phases is enough.
            if !listed.insert((&call.unit, call.phase, &call.stopper)) {
                continue;
            }
            let is_in = |thread: &&ThreadStatus| Some(&*thread.name) == call.stopper.as_deref();
            // One that waits does so for any of them.
            let Some(thread) = threads.iter().find(is_in).or(threads.first()) else { break };
            let (unit, thread) = (Some(call.unit.clone()), thread.clone());
            stuck.push(Stuck { unit, phase: call.phase, asked: Some(call.asked), thread });
        }
        for thread in threads {
            // It is between two calls, or on its way out.
            if stuck.iter().all(|stuck| stuck.thread.name != thread.name) {
                stuck.push(Stuck { unit: None, phase: Phase::GracefulStop, asked: None, thread });
            }
        }
        stuck
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::supervisor::state::ROOT;

    fn call(path: &str, body: impl FnOnce() + Send + 'static) -> Call {
        let body = Box::new(move || {
            body();
            None
        });
        let (path, phase, asked) = (path.into(), Phase::GracefulStop, clock::now());
        Call { unit: ROOT, path, phase, asked, body }
    }

    #[test]
    fn l10_calls_that_wait_behind_a_stuck_one_are_listed_once_and_are_made_in_the_end() {
        let (release, held) = crossbeam_channel::bounded::<()>(0);
        let (called, calls) = crossbeam_channel::unbounded();
        let mut stoppers = Stoppers::new(0, || {});
        let is_in = called.clone();
        stoppers.call(call("stuck", move || {
            is_in.send("stuck").unwrap();
            let _ = held.recv();
        }));
        stoppers.hand_over();
        assert_eq!(calls.recv_timeout(Duration::from_secs(20)), Ok("stuck"));
        for _ in 0..3 {
            let called = called.clone();
            stoppers.call(call("waits", move || called.send("waits").unwrap()));
        }
        let listed = stoppers.dismiss();
        let listed: Vec<_> =
            listed.iter().map(|it| (it.unit.as_deref(), &*it.thread.name)).collect();
        assert_eq!(listed, [(Some("stuck"), "stopper-1"), (Some("waits"), "stopper-1")]);
        drop(release);
        assert_eq!(calls.recv_timeout(Duration::from_secs(20)), Ok("waits"));
    }

    #[test]
    fn l16_there_is_a_thread_when_there_will_be_something_to_call_and_not_before() {
        let mut stoppers = Stoppers::new(0, || {});
        assert!(stoppers.crew.threads().is_empty());
        stoppers.prepare().unwrap();
        stoppers.prepare().unwrap();
        assert_eq!(stoppers.crew.threads().len(), 1);
        assert!(stoppers.dismiss().is_empty());
        assert!(Stoppers::new(0, || {}).dismiss().is_empty());
    }

    #[test]
    fn l11_nobody_is_listed_when_all_calls_have_returned() {
        let (wake, woken) = crossbeam_channel::unbounded();
        let mut stoppers = Stoppers::new(0, move || wake.send(()).unwrap());
        for _ in 0..100 {
            stoppers.call(call("quick", || {}));
        }
        stoppers.hand_over();
        let mut returned = 0;
        while returned < 100 {
            woken.recv_timeout(Duration::from_secs(20)).unwrap();
            returned += stoppers.take_returned().len();
        }
        assert!(stoppers.dismiss().is_empty());
    }
}

//! The threads that call `graceful_stop` and `on_stop`: one from the beginning, so that a stop never
//! depends on being able to spawn a thread, and more while calls are out and others wait.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use super::crew::{Crew, RUN_IS_OVER};
use crate::clock;
use crate::context::Task;
use crate::failure::Phase;
use crate::sync::Mutex;
use crate::thread::{Place, ThreadStatus};

/// How long a call may wait for a stopper that is out in another call before more are added: as
/// many again as there are. Ten slow stops are all under way after 4 ms; a thousand quick ones need
/// no more than the first thread.
const PATIENCE: Duration = Duration::from_millis(1);

/// How long those that are out in a call at the end may take to come back before they are listed as
/// left behind: a call that was made at the deadline itself is not stuck yet.
const GRACE: Duration = Duration::from_millis(10);

/// One callback to be called. It says by itself that it has returned.
pub(super) struct Call {
    pub(super) unit: Arc<str>,
    pub(super) phase: Phase,
    pub(super) asked: Instant,
    pub(super) body: Task,
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

/// A stopper's name, and the call that it is in: of which unit, which, and asked for when.
type Out = Arc<Mutex<Vec<(String, Arc<str>, Phase, Instant)>>>;

/// See the module.
#[derive(Debug)]
pub(super) struct Stoppers {
    crew: Arc<Crew>,
    place: Place,
    threads: u32,
    /// Calls that have not returned, those that wait included.
    calls: usize,
    out: Out,
    sender: Sender<Call>,
    receiver: Receiver<Call>,
    grow_at: Option<Instant>,
}

impl Stoppers {
    pub(super) fn new(run: u64) -> io::Result<Self> {
        let (sender, receiver) = crossbeam_channel::unbounded();
        let mut stoppers = Self {
            crew: Arc::new(Crew::new(RUN_IS_OVER)),
            place: Place::Helper { run },
            threads: 0,
            calls: 0,
            out: Out::default(),
            sender,
            receiver,
            grow_at: None,
        };
        stoppers.add_thread()?;
        Ok(stoppers)
    }

    fn add_thread(&mut self) -> io::Result<()> {
        let name = format!("stopper-{}", self.threads + 1);
        let (calls, out, own) = (self.receiver.clone(), self.out.clone(), name.clone());
        let body = move || {
            for call in calls {
                out.lock().push((own.clone(), call.unit, call.phase, call.asked));
                (call.body)();
                out.lock().retain(|(name, ..)| *name != own);
            }
        };
        self.crew.spawn(&name, None, self.place, body, |(), _last| {})?;
        self.threads += 1;
        Ok(())
    }

    pub(super) fn call(&mut self, call: Call) {
        self.calls += 1;
        let _ = self.sender.send(call); // the receiver lives as long as `self`
        if self.calls > self.threads as usize && self.grow_at.is_none() {
            self.grow_at = clock::after(PATIENCE);
        }
    }

    /// A call has returned.
    pub(super) fn returned(&mut self) {
        self.calls -= 1;
        if self.receiver.is_empty() {
            self.grow_at = None;
        }
    }

    /// When [`grow`](Self::grow) is due.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.grow_at
    }

    /// Adds threads if calls still wait. Where the system has none left, those that are there go on.
    pub(super) fn grow(&mut self, now: Instant) {
        if self.grow_at.is_none_or(|at| at > now) {
            return;
        }
        let waiting = u32::try_from(self.receiver.len()).unwrap_or(u32::MAX);
        for _ in 0..waiting.min(self.threads) {
            if self.add_thread().is_err() {
                break;
            }
        }
        self.grow_at = if self.receiver.is_empty() { None } else { now.checked_add(PATIENCE) };
    }

    /// Sends the threads home and joins them; those that are out in a call are returned. Calls that
    /// wait behind stuck ones stay in line: they may yet end what was left behind.
    pub(super) fn dismiss(self) -> Vec<Stuck> {
        let Self { crew, calls, out, sender, .. } = self;
        drop(sender);
        crew.owner_leaves(|_last| {});
        // Only those that are out in a call can stay; the idle ones leave as soon as they run.
        crew.wait_for_at_most(calls, None);
        if calls > 0 {
            crew.wait_for_at_most(0, clock::after(GRACE));
        }
        crew.join_left();
        let out = out.lock();
        let stuck = crew.threads().into_iter().map(|thread| {
            let call = out.iter().find(|(name, ..)| *name == thread.name);
            match call {
                Some((_, unit, phase, asked)) => {
                    Stuck { unit: Some(unit.clone()), phase: *phase, asked: Some(*asked), thread }
                }
                None => Stuck { unit: None, phase: Phase::GracefulStop, asked: None, thread },
            }
        });
        stuck.collect()
    }
}

//! Threads that do the same at the same time, round by round: they live as long as the crew, so that
//! no round pays for spawning them.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// What a member does, so many times.
pub(crate) type Work = Box<dyn FnMut(u32) + Send>;

/// The threads. They end when it is dropped.
pub(crate) struct Crew {
    starts: Vec<Sender<u32>>,
    spans: Receiver<Span>,
    disturbed: Cell<u32>,
}

/// When a member was at work, and how much of that on a core.
#[derive(Clone, Copy)]
struct Span {
    began: Instant,
    ended: Instant,
    on_core: Duration,
}

/// How often it is tried to have all the cores for a round.
const TRIES: u32 = 10;

impl Crew {
    pub(crate) fn new(members: Vec<Work>) -> Self {
        let size = members.len();
        let arrived = Arc::new(AtomicUsize::new(0));
        let (ended, spans) = mpsc::channel();
        let starts = members.into_iter().map(|mut work| {
            let (start, rounds) = mpsc::channel();
            let (arrived, ended) = (Arc::clone(&arrived), ended.clone());
            thread::spawn(move || {
                for (times, all) in rounds.iter().zip((size..).step_by(size)) {
                    start_together(&arrived, all);
                    let (began, on_core) = (Instant::now(), cpu_time());
                    work(times);
                    let on_core = cpu_time().saturating_sub(on_core);
                    if ended.send(Span { began, ended: Instant::now(), on_core }).is_err() {
                        break;
                    }
                }
            });
            start
        });
        Self { starts: starts.collect(), spans, disturbed: Cell::new(0) }
    }

    /// The members do the work so many times in all, and have the cores for themselves: a round in
    /// which others were at work on them is done again, some times.
    pub(crate) fn shared(&self) -> impl FnMut(u32) -> Duration {
        let size = u32::try_from(self.starts.len()).expect("not so many threads");
        move |times| {
            for _ in 1..TRIES {
                if let (length, true) = self.round(times.div_ceil(size)) {
                    return length;
                }
            }
            let (length, is_alone) = self.round(times.div_ceil(size));
            if !is_alone {
                self.disturbed.set(self.disturbed.get() + 1);
            }
            length
        }
    }

    /// How many rounds others were at work in, however often they were tried.
    pub(crate) fn disturbed(&self) -> u32 {
        self.disturbed.get()
    }

    /// Each member does its work so many times: how long it took from the first to begin to the last to
    /// end, and whether each had a core for all but a twentieth of that. What is too short for that is
    /// taken for undisturbed; nothing is judged by it.
    pub(crate) fn round(&self, times: u32) -> (Duration, bool) {
        for start in &self.starts {
            start.send(times).expect("the thread is there");
        }
        let spans = self.starts.iter().map(|_| self.spans.recv().expect("no member has panicked"));
        let spans: Vec<Span> = spans.collect();
        let began = spans.iter().map(|span| span.began).min().expect("members");
        let ended = spans.iter().map(|span| span.ended).max().expect("members");
        let length = ended - began;
        let is_short = length < Duration::from_millis(5);
        let is_alone = is_short
            || spans.iter().all(|span| {
                let away = (span.ended - span.began).saturating_sub(span.on_core);
                away + (span.began - began) <= length / 20
            });
        (length, is_alone)
    }
}

/// Of this thread.
fn cpu_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().expect("not negative")
}

/// Spins, so that all are awake when they begin: a thread that is woken comes some ten microseconds
/// late. `all` is how many have arrived in all rounds when they are complete.
fn start_together(arrived: &AtomicUsize, all: usize) {
    arrived.fetch_add(1, Ordering::AcqRel);
    while arrived.load(Ordering::Acquire) < all {
        thread::yield_now();
    }
}

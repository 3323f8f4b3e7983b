//! Threads that do the same at the same time, round by round: they live as long as the crew, so that
//! no round pays for spawning them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// What a member does, so many times.
pub(crate) type Work = Box<dyn FnMut(u32) + Send>;

/// The threads. They end when it is dropped.
pub(crate) struct Crew {
    starts: Vec<Sender<u32>>,
    spans: Receiver<(Instant, Instant)>,
}

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
                    let began = Instant::now();
                    work(times);
                    if ended.send((began, Instant::now())).is_err() {
                        break;
                    }
                }
            });
            start
        });
        Self { starts: starts.collect(), spans }
    }

    /// Each member does its work so many times; how long it took from the first to begin to the last
    /// to end.
    pub(crate) fn each(&self, times: u32) -> Duration {
        for start in &self.starts {
            start.send(times).expect("the thread is there");
        }
        let spans = self.starts.iter().map(|_| self.spans.recv().expect("no member has panicked"));
        let (began, ended): (Vec<_>, Vec<_>) = spans.unzip();
        let (first, last) = (began.into_iter().min(), ended.into_iter().max());
        last.expect("members").duration_since(first.expect("members"))
    }

    /// The members do the work so many times in all.
    pub(crate) fn shared(self) -> impl FnMut(u32) -> Duration {
        let size = u32::try_from(self.starts.len()).expect("not so many threads");
        move |times| self.each(times.div_ceil(size))
    }
}

/// Spins, so that all are awake when they begin: a thread that is woken comes some ten microseconds
/// late. `all` is how many have arrived in all rounds when they are complete.
fn start_together(arrived: &AtomicUsize, all: usize) {
    arrived.fetch_add(1, Ordering::AcqRel);
    while arrived.load(Ordering::Acquire) < all {
        thread::yield_now();
    }
}

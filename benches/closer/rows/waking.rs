//! From the close to the last of those that wait being awake, against a flag and a condvar that are
//! told to all. The waiters are asleep when the clock starts: the kernel says so.

use std::fs::File;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rungroup::Closer;

use super::paired::asleep::{is_asleep, own_state};
use super::paired::statistics::Target;
use super::paired::{Bench, Variant};

/// What is told once, to all that wait.
trait Event: Send + Sync {
    fn wait(&self);
    fn tell(&self);
}

#[derive(Default)]
struct BareCondvar {
    is_told: Mutex<bool>,
    changed: Condvar,
}

impl Event for BareCondvar {
    fn wait(&self) {
        let is_told = self.is_told.lock().expect("nobody panics");
        drop(self.changed.wait_while(is_told, |told| !*told).expect("nobody panics"));
    }

    fn tell(&self) {
        *self.is_told.lock().expect("nobody panics") = true;
        self.changed.notify_all();
    }
}

/// Waits till the last has left. Nobody is inside, so closing is the last thing to happen.
#[derive(Default)]
struct Waiting(Closer);

impl Event for Waiting {
    fn wait(&self) {
        self.0.wait();
    }

    fn tell(&self) {
        self.0.close();
    }
}

/// Waits to be told.
#[derive(Default)]
struct Notified(Closer);

impl Event for Notified {
    fn wait(&self) {
        self.0.close_notify().wait();
    }

    fn tell(&self) {
        self.0.close();
    }
}

pub(crate) fn rows(bench: &mut Bench) {
    if let Err(error) = own_state() {
        println!("Skipped, as nothing tells whether a thread is asleep: waking ({error}).\n");
        return;
    }
    for (what, count) in [("close to the last of 1 awake", 1), ("close to the last of 8 awake", 8)]
    {
        if bench.wants(what) {
            let waiters = Waiters::new(count);
            row::<Waiting>(bench, what, "`Closer::wait`", &waiters);
            row::<Notified>(bench, what, "`CloseNotify::wait`", &waiters);
        }
    }
}

/// The same threads wait for either: on which cores they are makes more of a difference than
/// what they wait for.
fn row<E: Event + Default + 'static>(
    bench: &mut Bench,
    what: &str,
    name: &'static str,
    waiters: &Waiters,
) {
    let mut subject = Variant::new(name, waiters.measure::<E>()).in_short_rounds();
    let mut base = Variant::new("condvar", waiters.measure::<BareCondvar>()).in_short_rounds();
    bench.compare(what, &mut subject, &mut base, Target::AtMost(1.5));
}

/// Threads that wait for one event after the other. They end when it is dropped.
struct Waiters {
    next: Vec<Sender<Arc<dyn Event>>>,
    /// What the kernel says of each.
    states: Vec<File>,
    shared: Arc<Shared>,
    all_awake: Receiver<()>,
}

struct Shared {
    /// The times are nanoseconds since then.
    zero: Instant,
    /// How many have no more to do than to wait.
    waiting: AtomicUsize,
    asleep: AtomicUsize,
    /// When the last one was awake, so far.
    latest: AtomicU64,
}

impl Waiters {
    fn new(count: usize) -> Self {
        let shared = Arc::new(Shared {
            zero: Instant::now(),
            waiting: AtomicUsize::new(0),
            asleep: AtomicUsize::new(0),
            latest: AtomicU64::new(0),
        });
        let (tell_all_awake, all_awake) = mpsc::channel();
        let (say_state, their_states) = mpsc::channel();
        let spawn = |_| {
            let (next, events) = mpsc::channel::<Arc<dyn Event>>();
            let (shared, all_awake) = (Arc::clone(&shared), tell_all_awake.clone());
            let say_state = say_state.clone();
            thread::spawn(move || {
                let _ = say_state.send(own_state().expect("as there was one before"));
                for event in events {
                    shared.waiting.fetch_add(1, Ordering::Release);
                    event.wait();
                    shared.awake(Instant::now());
                    if shared.asleep.fetch_sub(1, Ordering::AcqRel) == 1 {
                        // Only the last one wakes the thread that measures: a core of its own for
                        // that is more than there is.
                        let _ = all_awake.send(());
                    }
                }
            });
            next
        };
        let next = (0..count).map(spawn).collect();
        Self { next, states: their_states.iter().take(count).collect(), shared, all_awake }
    }

    fn measure<E: Event + Default + 'static>(&self) -> impl FnMut(u32) -> Duration {
        |times| (0..times).map(|_| self.once(&(Arc::new(E::default()) as Arc<dyn Event>))).sum()
    }

    fn once(&self, event: &Arc<dyn Event>) -> Duration {
        let shared = &self.shared;
        shared.asleep.store(self.next.len(), Ordering::Release);
        for next in &self.next {
            next.send(Arc::clone(event)).expect("the thread is there");
        }
        self.wait_till_all_sleep();
        assert_eq!(shared.asleep.load(Ordering::Acquire), self.next.len(), "nobody was told");

        let told = Instant::now();
        event.tell();
        self.all_awake.recv().expect("all wake up");
        shared.zero + Duration::from_nanos(shared.latest.load(Ordering::Acquire)) - told
    }

    /// Asks until it is so, since nothing tells when it becomes so. Whoever says that it is about to
    /// wait may still sleep for a lock for a moment: all have to be seen asleep twice.
    fn wait_till_all_sleep(&self) {
        let began = Instant::now();
        let mut seen = 0;
        while seen < 2 {
            assert!(began.elapsed() < Duration::from_mins(1), "somebody does not fall asleep");
            let all_wait = self.shared.waiting.load(Ordering::Acquire) == self.next.len();
            if all_wait && self.states.iter().all(is_asleep) {
                seen += 1;
            } else {
                seen = 0;
                thread::yield_now();
            }
        }
        self.shared.waiting.store(0, Ordering::Release);
    }
}

impl Shared {
    fn awake(&self, now: Instant) {
        let nanos = (now - self.zero).as_nanos();
        self.latest.fetch_max(u64::try_from(nanos).expect("some centuries"), Ordering::AcqRel);
    }
}

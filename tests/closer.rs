//! `Closer`: rules C1, C2 and C4 of the design, and fault 9 of the originals.

// Real threads are the subject, and tests have no other way to them.
#![allow(clippy::disallowed_methods)]

mod common;

use common::SOON;

use std::mem;
use std::panic::{self, RefUnwindSafe, UnwindSafe};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;

use common::within;
use rungroup::{
    ChannelCloser, ChannelGroupCloser, CloseNotify, Closer, Running, RunningOwned, StillRunning,
};

const LIMIT: Duration = Duration::from_secs(20);
/// Long enough to be noticed, short enough to be waited for in vain.
const MOMENT: Duration = Duration::from_millis(10);

#[test]
fn c1_dropping_a_guard_is_done() {
    within(SOON, || {
        let closer = Closer::new();
        let (borrowed, owned) = (closer.add_running(), closer.add_running_owned());
        assert_eq!(closer.running(), 2);
        drop(borrowed);
        assert_eq!(closer.running(), 1);
        drop(owned);
        assert_eq!(closer.running(), 0);
    });
}

#[test]
fn c1_a_panic_drops_the_guard_and_is_done() {
    within(LIMIT, || {
        let closer = Closer::new();
        let running = closer.add_running_owned().unwrap().named("fragile");
        let thread = thread::spawn(move || {
            let _running = running;
            // Unlike `panic!` it says nothing on stderr.
            panic::resume_unwind(Box::new("on purpose"));
        });
        closer.close_then_wait();
        assert!(thread.join().is_err());
    });
}

#[test]
fn c1_nothing_is_given_once_closed() {
    within(SOON, || {
        let closer = Closer::new();
        closer.close();
        assert!(closer.add_running().is_none());
        assert!(closer.add_running_owned().is_none());
        assert_eq!(closer.running(), 0, "a refused one is not counted");
    });
}

#[test]
fn c1_a_forgotten_guard_counts_as_running() {
    within(LIMIT, || {
        let closer = Closer::new();
        mem::forget(closer.add_running());
        closer.close();
        assert_eq!(closer.wait_timeout(Duration::ZERO).unwrap_err().count(), 1);
    });
}

#[test]
fn c1_guards_move_to_other_threads() {
    fn is_send<T: Send>() {}
    fn is_owned<T: Send + Sync + 'static>() {}
    is_send::<Running<'_>>();
    is_owned::<RunningOwned>();
    is_owned::<Closer>();
    is_owned::<CloseNotify>();
    is_owned::<StillRunning>();

    within(LIMIT, || {
        let closer = Closer::new();
        thread::scope(|scope| {
            let running = closer.add_running().unwrap();
            scope.spawn(move || running.done());
            closer.close_then_wait();
        });
    });
}

#[test]
fn c1_closers_and_guards_may_be_used_after_a_panic() {
    fn may<T: UnwindSafe + RefUnwindSafe>() {}
    may::<Closer>();
    may::<ChannelCloser>();
    may::<ChannelGroupCloser>();
    may::<CloseNotify>();
    may::<Running<'_>>();
    may::<RunningOwned>();
    may::<StillRunning>();
}

#[test]
fn c1_an_owned_guard_outlives_the_closer() {
    within(SOON, || {
        let closer = Closer::new();
        let (running, told) = (closer.add_running_owned(), closer.close_notify().clone());
        drop(closer);
        assert!(!told.is_closed(), "dropping is not closing");
        drop(running);
    });
}

#[test]
fn c2_clones_are_the_same_closer() {
    within(SOON, || {
        let closer = Closer::new();
        let clone = closer.clone();
        let running = closer.add_running();
        assert_eq!(clone.running(), 1, "the clone itself is not counted");
        clone.close();
        assert!(closer.is_closed());
        drop(running);
    });
}

#[test]
fn c2_after_any_close_has_returned_no_add_succeeds() {
    within(LIMIT, || {
        for _ in 0..200 {
            let closer = Closer::new();
            let start = Barrier::new(4);
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        start.wait();
                        // One of them is the first; all can rely on it.
                        closer.close();
                        assert!(closer.add_running().is_none());
                        assert!(closer.is_closed());
                    });
                }
            });
        }
    });
}

#[test]
fn c2_whoever_is_refused_sees_what_was_done_before_the_close() {
    within(LIMIT, || {
        for _ in 0..200 {
            let (closer, reason) = (Closer::new(), AtomicU32::new(0));
            thread::scope(|scope| {
                scope.spawn(|| {
                    while closer.add_running().is_some() {}
                    assert_eq!(reason.load(Ordering::Relaxed), 7);
                });
                reason.store(7, Ordering::Relaxed);
                closer.close();
            });
        }
    });
}

#[test]
fn c4_wait_returns_when_the_last_one_has_left() {
    within(LIMIT, || {
        let (closer, done) = (Closer::new(), Arc::new(AtomicU32::new(0)));
        for _ in 0..8 {
            let (running, done) = (closer.add_running_owned().unwrap(), Arc::clone(&done));
            let told = closer.close_notify().clone();
            thread::spawn(move || {
                told.wait();
                // Relaxed: that the waiter sees it comes from the closer alone.
                done.fetch_add(1, Ordering::Relaxed);
                running.done();
            });
        }
        closer.close_then_wait();
        assert_eq!(done.load(Ordering::Relaxed), 8);
        assert_eq!(closer.running(), 0);
    });
}

#[test]
fn c4_every_waiter_is_woken() {
    within(LIMIT, || {
        let closer = Closer::new();
        let running = closer.add_running().unwrap();
        closer.close();
        let (waited, all) = mpsc::channel();
        thread::scope(|scope| {
            for limited in [false, true, false, true] {
                let (closer, waited) = (&closer, waited.clone());
                scope.spawn(move || {
                    if limited {
                        closer.wait_timeout(LIMIT).unwrap();
                    } else {
                        closer.wait();
                    }
                    waited.send(()).unwrap();
                });
            }
            assert!(all.recv_timeout(MOMENT).is_err(), "one did not wait");
            running.done();
        });
        assert_eq!(all.try_iter().count(), 4);
    });
}

#[test]
fn c4_wait_waits_for_the_close_even_if_nothing_runs() {
    within(LIMIT, || {
        let closer = Closer::new();
        drop(closer.add_running());
        let still = closer.wait_timeout(MOMENT).unwrap_err();
        assert!(!still.is_closed());
        assert_eq!(still.count(), 0);
        assert_eq!(still.to_string(), "not closed, no task is running");
        thread::scope(|scope| {
            scope.spawn(|| closer.wait());
            closer.close();
        });
    });
}

#[test]
fn c4_an_endless_limit_is_no_limit() {
    within(LIMIT, || {
        let closer = Closer::new();
        thread::scope(|scope| {
            scope.spawn(|| closer.wait_timeout(Duration::MAX).unwrap());
            closer.close();
        });
    });
}

#[test]
fn c4_still_running_says_how_many_and_who() {
    within(LIMIT, || {
        let closer = Closer::new();
        let flusher = closer.add_running().unwrap().named("flusher");
        let shard = closer.add_running_owned().unwrap().named(format!("shard {}", 3));
        let nameless = closer.add_running().unwrap();
        closer.close();

        let still = closer.wait_timeout(MOMENT).unwrap_err();
        assert_eq!(still.count(), 3);
        assert_eq!(still.names(), ["flusher", "shard 3"]);
        assert_eq!(still.channel(), None);
        assert_eq!(
            still.to_string(),
            "3 tasks are still running: 'flusher', 'shard 3' and 1 without a name"
        );

        flusher.done();
        drop(nameless);
        let still = closer.wait_timeout(Duration::ZERO).unwrap_err();
        assert_eq!(still.to_string(), "1 task is still running: 'shard 3'");
        shard.done();
        assert_eq!(closer.wait_timeout(Duration::ZERO), Ok(()));
    });
}

#[test]
fn c4_a_guard_that_is_named_again_has_the_last_name() {
    within(LIMIT, || {
        let closer = Closer::new();
        let running = closer.add_running().unwrap().named("idle").named("flushing");
        assert_eq!(closer.wait_timeout(Duration::ZERO).unwrap_err().names(), ["flushing"]);
        assert!(format!("{running:?}").contains("flushing"));
        drop(running);
        assert!(closer.wait_timeout(Duration::ZERO).unwrap_err().names().is_empty());
    });
}

#[test]
fn fault9_no_add_succeeds_after_the_close_was_announced() {
    within(LIMIT, || {
        for _ in 0..200 {
            let (closer, start) = (Closer::new(), Barrier::new(4));
            thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        start.wait();
                        loop {
                            let announced = closer.close_notify().is_closed();
                            let added = closer.add_running().is_some();
                            assert!(!(announced && added));
                            if announced {
                                break;
                            }
                        }
                    });
                }
                start.wait();
                closer.close_then_wait();
            });
        }
    });
}

#[test]
fn fault9_closing_twice_is_fine() {
    within(LIMIT, || {
        let closer = Closer::new();
        thread::scope(|scope| {
            scope.spawn(|| closer.close_then_wait());
            scope.spawn(|| closer.close_then_wait());
        });
        closer.close();
        closer.close_then_wait();
        assert!(closer.is_closed());
        assert_eq!(closer.running(), 0);
    });
}

#[test]
fn fault9_a_done_is_counted_once() {
    within(LIMIT, || {
        let closer = Closer::new();
        let (first, second) = (closer.add_running().unwrap(), closer.add_running().unwrap());
        // `done` takes the guard, so that a second one cannot be written, and its drop adds nothing.
        first.done();
        assert_eq!(closer.running(), 1);
        closer.close();
        assert_eq!(closer.wait_timeout(Duration::ZERO).unwrap_err().count(), 1);
        second.done();
        assert_eq!(closer.wait_timeout(Duration::ZERO), Ok(()));
    });
}

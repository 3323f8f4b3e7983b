//! What is left behind at the deadline (L10, L11): the list is all of it, and nothing that it does
//! holds the run.

// Tests spawn threads of their own.
#![allow(clippy::disallowed_methods)]

mod common;

use std::cell::RefCell;
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::within;
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use rungroup::testing::{Script, Tester};
use rungroup::{ErrorKind, Event, Group};

const LIMIT: Duration = Duration::from_secs(30);

/// Long enough to be told in, on a busy machine too, and short enough to wait for.
const SHORT: Duration = Duration::from_millis(300);

#[test]
fn l11_what_is_left_behind_spawns_no_more() {
    within(LIMIT, || {
        let (release, held) = bounded::<()>(0);
        let (keep_run, run_contexts) = unbounded();
        let (keep_serve, serve_contexts) = unbounded();
        let in_helper = held.clone();
        let mut group = Group::new("demo").args(["demo"]).stop_timeout(SHORT);
        let unit = Script::new("server")
            .pre_run(move |ctx| {
                keep_run.send(ctx.clone())?;
                let held = in_helper.clone();
                ctx.spawn_helper("stuck", move || while held.recv().is_ok() {})?;
                Ok(())
            })
            .serve(move |ctx| {
                keep_serve.send(ctx.clone())?;
                let _ = held.recv();
                Ok(())
            });
        group.register(unit);
        let error = Tester::start(group).stop().unwrap_err();

        let left: Vec<_> = error.left_behind().iter().map(|left| &*left.thread.name).collect();
        assert_eq!(left, ["server", "server:stuck"]);
        let refused = serve_contexts.recv().unwrap().spawn("late", |_ctx| unreachable!());
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Spawn);
        let refused = run_contexts.recv().unwrap().spawn_helper("late", || unreachable!());
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Spawn);
        drop(release);
    });
}

/// Somebody has a handle still, and so there is all that it leads to. What such a thread does at its end is
/// the library's own doing, and has no panic boundary around it.
#[test]
fn l10_what_is_left_behind_comes_back_in_peace_when_its_group_is_dropped() {
    struct Ended(Sender<()>);
    impl Drop for Ended {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }
    thread_local!(static AT_THE_END: RefCell<Option<Ended>> = const { RefCell::new(None) });

    within(LIMIT, || {
        let panics = Arc::new(AtomicUsize::new(0));
        let (seen, before) = (panics.clone(), panic::take_hook());
        panic::set_hook(Box::new(move |info| {
            let is_ours = info.location().is_some_and(|at| at.file().starts_with("src/"));
            seen.fetch_add(usize::from(is_ours), Ordering::SeqCst);
            before(info);
        }));
        let (release, held) = bounded::<()>(0);
        let (ends, ended) = bounded(1);
        let mut group = Group::new("demo").args(["demo"]).stop_timeout(SHORT);
        group.register(Script::new("stuck").serve(move |_ctx| {
            AT_THE_END.with(|it| it.replace(Some(Ended(ends.clone()))));
            let _ = held.recv();
            Ok(())
        }));
        let handle = group.handle();
        let error = Tester::start(group).stop().unwrap_err();
        assert_eq!(error.left_behind().len(), 1);
        drop(release);
        ended.recv().expect("it is the last that the thread does");
        assert_eq!(panics.load(Ordering::SeqCst), 0);
        drop(handle);
    });
}

/// Its group is gone, so its thread has the last reference to it.
#[test]
fn l12_a_unit_that_was_left_behind_has_stopped_when_it_is_dropped_and_its_panic_is_the_outcome() {
    struct Noisy {
        dropping: Sender<()>,
        may_go_on: Receiver<()>,
    }
    impl Drop for Noisy {
        fn drop(&mut self) {
            self.dropping.send(()).unwrap();
            let _ = self.may_go_on.recv();
            panic!("dropped");
        }
    }

    within(LIMIT, || {
        let (release, held) = bounded::<()>(0);
        let (dropping, is_dropping) = bounded(1);
        let (go_on, may_go_on) = bounded::<()>(0);
        let noisy = Noisy { dropping, may_go_on };
        let mut group = Group::new("demo").args(["demo"]).stop_timeout(SHORT);
        let stuck = Script::new("stuck").serve(move |_ctx| {
            let _held_by_the_unit = &noisy;
            let _ = held.recv();
            Ok(())
        });
        let stuck = group.register(stuck).id();
        group.register(Script::new("server"));
        let handle = group.handle();
        let tester = Tester::start(group);
        let stopped = handle.deregister(stuck).unwrap();
        assert_eq!(tester.stop().unwrap_err().left_behind().len(), 1);

        drop(release);
        is_dropping.recv().unwrap();
        assert!(stopped.outcome().is_none(), "not before its drop is through");
        drop(go_on);
        let outcome = stopped.wait().unwrap();
        let panic = outcome.failure().and_then(|failure| failure.as_panic());
        assert_eq!(panic.map(rungroup::Panic::message), Some("dropped"));
    });
}

/// Two threads that send faster than one can take it in.
#[test]
fn l10_what_is_left_behind_cannot_hold_the_run_by_what_it_asks_for() {
    within(2 * LIMIT, || {
        let over = Arc::new(AtomicBool::new(false));
        // They send all the while.
        let stop_timeout = Duration::from_millis(50);
        let mut group = Group::new("demo").args(["demo"]).stop_timeout(stop_timeout);
        for number in 0..2 {
            let over = over.clone();
            group.register(Script::new(format!("deaf-{number}")).serve(move |ctx| {
                while !over.load(Ordering::SeqCst) {
                    ctx.ready();
                    if ctx.stopped().is_stopped() {
                        ctx.on_stop(|| {}).keep();
                    }
                }
                Ok(())
            }));
        }
        // What they have sent by the deadline is taken in after it, beside two threads that spin.
        let run = Tester::start(group).limit(LIMIT);
        let began = Instant::now();
        let error = run.stop().unwrap_err();
        let took = began.elapsed();
        over.store(true, Ordering::SeqCst);

        assert_eq!(error.kind(), ErrorKind::NotStopped);
        assert!(took < LIMIT, "{took:?}");
    });
}

#[test]
fn v1_a_helper_that_is_left_behind_is_an_event_too() {
    within(LIMIT, || {
        let (release, held) = bounded::<()>(0);
        // As long as helpers have in any case. Its service stops in that time.
        let mut group = Group::new("demo").args(["demo"]).stop_timeout(Duration::from_secs(1));
        group.register(Script::new("audit").pre_run(move |ctx| {
            let held = held.clone();
            ctx.spawn_helper("stuck", move || while held.recv().is_ok() {})?;
            Ok(())
        }));
        let events = group.handle().events(64);
        Tester::start(group).stop().unwrap_err();
        let left: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                Event::LeftBehind { unit, thread } => Some((unit, thread.name)),
                _ => None,
            })
            .collect();
        assert_eq!(left, [(Some("audit".into()), "audit:stuck".to_owned())]);
        drop(release);
    });
}

#[test]
fn l10_without_a_deadline_helpers_have_none_either() {
    within(LIMIT, || {
        let mut group = Group::new("demo").args(["demo"]).stop_timeout(Duration::MAX);
        group.register(Script::new("audit").pre_run(|ctx| {
            let stopped = ctx.stopped().clone();
            ctx.spawn_helper("slow", move || {
                stopped.wait();
                thread::sleep(Duration::from_millis(1200)); // longer than what it has in any case
            })?;
            Ok(())
        }));
        Tester::start(group).stop().unwrap();
    });
}

/// Panics when it is dropped.
struct Fragile;

impl Drop for Fragile {
    fn drop(&mut self) {
        panic!("dropped, and not called");
    }
}

/// Callbacks that come when the engine takes in no more: some are dropped by `run` itself.
#[test]
fn l12_a_callback_that_came_too_late_and_panics_when_it_is_dropped_does_no_harm() {
    within(LIMIT, || {
        let over = Arc::new(AtomicBool::new(false));
        let late = over.clone();
        let mut group = Group::new("demo").args(["demo"]).stop_timeout(SHORT);
        group.register(Script::new("deaf").serve(move |ctx| {
            ctx.stopped().wait();
            while !late.load(Ordering::SeqCst) {
                let fragile = Fragile;
                ctx.on_stop(move || std::mem::forget(fragile)).keep();
                thread::sleep(Duration::from_micros(50));
            }
            Ok(())
        }));
        let error = Tester::start(group).stop().unwrap_err();
        over.store(true, Ordering::SeqCst);
        assert_eq!(error.kind(), ErrorKind::NotStopped);
    });
}

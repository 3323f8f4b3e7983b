//! Joining (L11): when `run` has returned, every thread has ended entirely, or is listed.

// Tests pass time where a thread that is not waited for would be found out.
#![allow(clippy::disallowed_methods)]

mod common;

use std::cell::OnceCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use common::scenario::{self, Child};
use common::{tasks, within};
use crossbeam_channel::bounded;
use rungroup::testing::{Script, Tester};
use rungroup::{ErrorKind, Event, Group, UnitState};

const LIMIT: Duration = Duration::from_secs(30);

fn group() -> Group {
    Group::new("demo").args(["demo"])
}

/// Counted when its thread has all but ended: a thread's locals are dropped after its last function
/// has returned, and joining waits for that.
struct Leaving(Arc<AtomicUsize>);

impl Drop for Leaving {
    fn drop(&mut self) {
        thread::sleep(Duration::from_millis(60)); // time for a run that does not wait to return
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

thread_local! {
    static LEAVING: OnceCell<Leaving> = const { OnceCell::new() };
}

/// Has the end of this thread counted, once.
fn count_end(ended: &Arc<AtomicUsize>, begun: &AtomicUsize) {
    LEAVING.with(|leaving| {
        leaving.get_or_init(|| {
            begun.fetch_add(1, Ordering::SeqCst);
            Leaving(ended.clone())
        });
    });
}

#[test]
fn l11_every_thread_has_ended_to_its_last_local_when_run_returns() {
    within(LIMIT, || {
        let (ended, begun) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let count = {
            let (ended, begun) = (ended.clone(), begun.clone());
            Arc::new(move || count_end(&ended, &begun))
        };
        let mut group = group();
        for number in 0..3 {
            let (in_helper, in_serve, in_stop) = (count.clone(), count.clone(), count.clone());
            let unit = Script::new(format!("unit-{number}"))
                .pre_run(move |ctx| {
                    let (count, stopped) = (in_helper.clone(), ctx.stopped().clone());
                    ctx.spawn_helper("helper", move || {
                        count();
                        stopped.wait();
                    })?;
                    Ok(())
                })
                .serve(move |ctx| {
                    in_serve();
                    let count = in_serve.clone();
                    ctx.spawn("worker", move |ctx| {
                        count();
                        ctx.stopped().wait();
                    })?;
                    let count = in_serve.clone();
                    ctx.spawn("short", move |_ctx| count())?;
                    ctx.stopped().wait();
                    Ok(())
                })
                .graceful_stop(move || {
                    in_stop();
                    thread::sleep(Duration::from_millis(5)); // so that there are several stoppers
                    Ok(())
                });
            group.register(unit).instances(2);
        }
        Tester::start(group).stop().unwrap();

        let (ended, begun) = (ended.load(Ordering::SeqCst), begun.load(Ordering::SeqCst));
        // For each of three units: a helper, two instances with two threads each; and stoppers.
        assert!(begun > 3 * (1 + 2 * 3), "all of them were there: {begun}");
        assert_eq!(ended, begun);
    });
}

/// Those that have left while the unit still served are joined like the last ones.
#[test]
fn l11_a_thread_that_has_left_early_has_ended_too() {
    within(LIMIT, || {
        let (ended, begun) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let mut group = group();
        let (counted, entered) = (ended.clone(), begun.clone());
        group.register(Script::new("server").serve(move |ctx| {
            let (ended, begun) = (counted.clone(), entered.clone());
            let (gone, is_gone) = bounded::<()>(0);
            ctx.spawn("early", move |_ctx| {
                count_end(&ended, &begun);
                drop(gone);
            })?;
            let _ = is_gone.recv();
            // It is out of its last function soon, and not at its end for some time: whoever leaves
            // meanwhile may find it ended, and still has to join it.
            thread::sleep(Duration::from_millis(20));
            ctx.spawn("next", |_ctx| {})?;
            Ok(())
        }));
        group.run().unwrap();
        assert_eq!(begun.load(Ordering::SeqCst), 1);
        assert_eq!(ended.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn l11_no_thread_of_the_group_is_left_in_the_process() {
    let ended = Child::start("child_no_thread_is_left").end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
#[ignore = "a child of l11_no_thread_of_the_group_is_left_in_the_process"]
fn child_no_thread_is_left() {
    if !scenario::is_asked() {
        return;
    }
    let before = tasks::of("self");
    for end in ["asked", "failed", "pre-run"] {
        let mut group = group();
        group.register(rungroup::Signals::new());
        log::set_max_level(log::LevelFilter::Trace); // so that there is a thread for the log, too
        group.register(Script::new("helped").pre_run(|ctx| {
            let stopped = ctx.stopped().clone();
            ctx.spawn_helper("helper", move || {
                stopped.wait();
            })?;
            Ok(())
        }));
        for number in 0..5 {
            let unit = Script::new(format!("unit-{number}"))
                .pre_run(move |_ctx| match (end, number) {
                    ("pre-run", 4) => Err("the disk is full".into()),
                    _ => Ok(()),
                })
                .serve(|ctx| {
                    ctx.spawn("worker", |ctx| {
                        ctx.stopped().wait();
                    })?;
                    ctx.stopped().wait();
                    Ok(())
                })
                .graceful_stop(|| {
                    thread::sleep(Duration::from_millis(5));
                    Ok(())
                });
            group.register(unit);
        }
        group.register(Script::new("last").serve(move |ctx| {
            ctx.handle().wait_till_ready()?;
            // The services and their threads, the helpers, the log and a stopper at least.
            assert!(tasks::of("self").len() > 14, "{:?}", tasks::of("self"));
            if end == "failed" { Err("no more".into()) } else { Ok(()) }
        }));
        let result = group.run();
        assert_eq!(result.is_ok(), end == "asked", "{result:?}");
        let left = tasks::new_since(&before);
        assert!(left.is_empty(), "after a run that was {end}: {left:?}");
    }
}

/// A thread that has ended and was not joined keeps its stack, 2 MiB of the address space.
#[test]
fn l11_threads_that_come_and_go_leave_nothing_behind_while_the_unit_serves() {
    let one_arena = |command: &mut std::process::Command| {
        command.env("MALLOC_ARENA_MAX", "1"); // otherwise the allocator reserves space as it likes
    };
    let ended = Child::start_with("child_threads_come_and_go", one_arena).end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
#[ignore = "a child of l11_threads_that_come_and_go_leave_nothing_behind_while_the_unit_serves"]
fn child_threads_come_and_go() {
    if !scenario::is_asked() {
        return;
    }
    let mut group = group();
    group.register(Script::new("server").serve(|ctx| {
        let come_and_go = |count: usize| {
            for _ in 0..count {
                let (gone, is_gone) = bounded::<()>(0);
                ctx.spawn("connection", move |_ctx| drop(gone)).unwrap();
                let _ = is_gone.recv();
            }
        };
        come_and_go(50);
        let (space, threads) = (tasks::address_space(), tasks::of("self").len());
        come_and_go(1000);
        let (more, now) = (tasks::address_space(), tasks::of("self").len());
        assert!(more < space + (200 << 20), "1000 stacks would be 2000 MiB: {space} to {more}");
        assert!(now < threads + 10, "{now} threads, after {threads}");
        Ok(())
    }));
    group.run().unwrap();
}

#[test]
fn l11_a_unit_has_not_stopped_before_the_threads_that_it_spawned() {
    within(LIMIT, || {
        let (release, held) = bounded::<()>(0);
        let mut group = group();
        let server = Script::new("server").serve(move |ctx| {
            let held = held.clone();
            ctx.spawn("connection", move |ctx| {
                ctx.stopped().wait(); // set when `serve` has returned, too
                let _ = held.recv();
            })?;
            Ok(())
        });
        group.register(server).task();
        let events = group.handle().events(64);
        let release = Mutex::new(Some((release, events)));
        group.register(Script::new("other").serve(move |ctx| {
            let (release, events) = release.lock().unwrap().take().unwrap();
            let ended =
                |event: &Event| matches!(event, Event::Ended { unit, .. } if &**unit == "server");
            assert!(events.iter().any(|event| ended(&event)));
            let snapshot = ctx.handle().snapshot();
            let [connection] = &snapshot.units[0].threads[..] else { panic!("{snapshot}") };
            assert_eq!(connection.name, "server:connection");
            assert_eq!(snapshot.units[0].state, UnitState::Stopping);
            drop(release);
            assert!(events.iter().any(|event| matches!(event, Event::Stopped { .. })));
            assert!(ctx.handle().snapshot().units[0].threads.is_empty());
            Ok(())
        }));
        group.run().unwrap();
    });
}

#[test]
fn l11_a_unit_that_has_stopped_spawns_no_more() {
    within(LIMIT, || {
        let (keep, kept) = bounded(1);
        let mut group = group();
        group.register(Script::new("server").serve(move |ctx| Ok(keep.send(ctx.clone())?)));
        group.run().unwrap();
        let ctx = kept.recv().unwrap();
        let (alive, gone) = bounded::<()>(0);
        let error = ctx.spawn("late", move |_ctx| drop(alive)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Spawn);
        assert!(error.to_string().contains("server:late"), "{error}");
        assert!(gone.recv().is_err(), "the closure is dropped");
    });
}

/// What is told to end by a clean-up is waited for after it.
#[test]
fn l11_a_helper_that_a_clean_up_ends_is_joined_and_not_listed() {
    within(LIMIT, || {
        let (release, held) = bounded::<()>(0);
        let release = Mutex::new(Some(release));
        let mut group = group();
        group.register(
            Script::new("watcher")
                .pre_run(move |ctx| {
                    let held = held.clone();
                    Ok(ctx.spawn_helper("watch", move || {
                        let _ = held.recv();
                    })?)
                })
                .post_run(move || {
                    drop(release.lock().unwrap().take());
                    Ok(())
                }),
        );
        let report = Tester::start(group).stop().unwrap();
        assert!(report.left_behind().is_empty());
    });
}

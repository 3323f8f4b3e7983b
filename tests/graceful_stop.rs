//! `graceful_stop` (L8): how often, when, on which thread, and what it may do.

// Units and tests look at the threads they are on, and one test spawns some.
#![allow(clippy::disallowed_methods)]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use common::within;
use rungroup::testing::{Journal, Script, Tester};
use rungroup::{Backoff, ErrorKind, Event, Group, Restart, UnitId};

const LIMIT: Duration = Duration::from_secs(30);

fn group() -> Group {
    Group::new("demo").args(["demo"])
}

/// Counts calls.
#[derive(Clone, Default)]
struct Count(Arc<AtomicUsize>);

impl Count {
    fn one_more(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

#[test]
fn l8_every_service_is_stopped_once_and_not_on_its_own_thread() {
    within(LIMIT, || {
        let calls = Arc::new(Mutex::new(Vec::new()));
        let mut group = group();
        for name in ["one", "two", "three"] {
            let (serving, stopping) = (calls.clone(), calls.clone());
            group.register(
                Script::new(name)
                    .serve(move |ctx| {
                        serving.lock().unwrap().push((name, "serve", thread::current().id()));
                        ctx.stopped().wait();
                        Ok(())
                    })
                    .graceful_stop(move || {
                        stopping.lock().unwrap().push((name, "stop", thread::current().id()));
                        Ok(())
                    }),
            );
        }
        Tester::start(group).stop().unwrap();

        let calls = calls.lock().unwrap();
        let caller = thread::current().id();
        for name in ["one", "two", "three"] {
            // In any order: a service is entered, and may be told to stop, before its first line.
            let mut of_unit: Vec<_> = calls.iter().filter(|call| call.0 == name).collect();
            of_unit.sort_by_key(|call| call.1);
            let [(_, "serve", serving), (_, "stop", stopping)] = of_unit[..] else {
                panic!("serve once, and graceful_stop once: {of_unit:?}");
            };
            assert_ne!(serving, stopping);
            assert_ne!(*stopping, caller, "the thread that called run waits for the others");
        }
    });
}

#[test]
fn l8_a_service_that_ended_by_itself_is_stopped_too() {
    within(LIMIT, || {
        for result in ["ok", "error", "panic"] {
            let stops = Count::default();
            let mut group = group();
            let count = stops.clone();
            group.register(
                Script::new("short")
                    .serve(move |_ctx| match result {
                        "ok" => Ok(()),
                        "error" => Err("no more".into()),
                        _ => panic!("no more"),
                    })
                    .graceful_stop(move || {
                        count.one_more();
                        Ok(())
                    }),
            );
            assert_eq!(group.run().is_ok(), result == "ok");
            assert_eq!(stops.get(), 1, "after {result}");
        }
    });
}

#[test]
fn l8_the_instances_of_a_service_are_stopped_with_one_call() {
    within(LIMIT, || {
        let stops = Count::default();
        let mut group = group();
        let count = stops.clone();
        group
            .register(Script::new("many").graceful_stop(move || {
                count.one_more();
                Ok(())
            }))
            .instances(3);
        Tester::start(group).stop().unwrap();
        assert_eq!(stops.get(), 1);
    });
}

#[test]
fn l8_a_finished_task_is_stopped_at_the_end_of_the_run_and_not_before() {
    within(LIMIT, || {
        let stops = Count::default();
        let mut group = group();
        let (count, seen) = (stops.clone(), stops.clone());
        let task = Script::new("task").finish().graceful_stop(move || {
            count.one_more();
            Ok(())
        });
        group.register(task).task();
        let (told, is_told) = crossbeam_channel::bounded::<()>(0);
        let guest =
            Script::new("guest").serve(move |_ctx| Ok(is_told.recv()?)).graceful_stop(move || {
                told.send(()).unwrap();
                Ok(())
            });
        let guest = group.register(guest).background().id();
        let events = group.handle().events(64);
        group.register(Script::new("other").serve(move |ctx| {
            let ended = |event| matches!(event, Event::Stopped { unit, .. } if &*unit == "task");
            assert!(events.iter().any(ended));
            // Calls are made in their order: had the task's end brought one, it would come before
            // this one, which has to be made for the guest to end.
            ctx.handle().deregister(guest)?.wait()?;
            assert_eq!(seen.get(), 0);
            Ok(())
        }));
        group.run().unwrap();
        assert_eq!(stops.get(), 1);
    });
}

#[test]
fn l8_a_service_that_was_never_entered_is_not_stopped() {
    within(LIMIT, || {
        let stops = Count::default();
        let serves = Count::default();
        let mut group = group();
        let never_ready = group.register(Script::new("store").declares_ready()).id();
        let (count, entered) = (stops.clone(), serves.clone());
        group
            .register(
                Script::new("server")
                    .serve(move |_ctx| {
                        entered.one_more();
                        Ok(())
                    })
                    .graceful_stop(move || {
                        count.one_more();
                        Ok(())
                    }),
            )
            .after(never_ready);
        let events = group.handle().events(64);
        let handle = group.handle();
        let asking = thread::spawn(move || {
            let starting = |event: &Event| matches!(event, Event::Starting { .. });
            assert!(events.iter().any(|event| starting(&event)));
            handle.stop("seen enough");
        });
        group.run().unwrap();
        asking.join().unwrap();
        assert_eq!((serves.get(), stops.get()), (0, 0));
    });
}

/// The stop comes at any moment of the start: a service's `graceful_stop` is called exactly when it
/// was entered, and once, also where some of its instances come to it after the stop. (Fault 3 of
/// the originals.)
#[test]
fn l8_a_stop_that_races_the_start_stops_whom_it_finds_serving() {
    within(LIMIT, || {
        let (mut entered, mut spared) = (0, 0);
        for round in 0..200_usize {
            let counts: Vec<_> = (0..3).map(|_| (Count::default(), Count::default())).collect();
            let mut group = group();
            for (index, (serves, stops)) in counts.iter().cloned().enumerate() {
                let unit = Script::new(format!("unit-{index}"))
                    .serve(move |ctx| {
                        serves.one_more();
                        ctx.stopped().wait();
                        Ok(())
                    })
                    .graceful_stop(move || {
                        stops.one_more();
                        Ok(())
                    });
                group.register(unit).instances(4);
            }
            let handle = group.handle();
            let events = handle.events(64);
            let asking = thread::spawn(move || {
                // After the first event, or the second … so that every point of the start is met.
                events.iter().nth(round % 5);
                handle.stop("now");
            });
            group.run().unwrap();
            asking.join().unwrap();
            for (serves, stops) in &counts {
                assert_eq!(stops.get(), serves.get().min(1), "in round {round}");
                if serves.get() > 0 {
                    entered += 1;
                } else {
                    spared += 1;
                }
            }
        }
        assert!(entered > 0 && spared > 0, "both were met: {entered} entered, {spared} not");
    });
}

#[test]
fn l8_a_deregistered_service_is_not_stopped_again_at_the_end() {
    within(LIMIT, || {
        let stops = Count::default();
        let mut group = group();
        let count = stops.clone();
        let id = group
            .register(Script::new("guest").graceful_stop(move || {
                count.one_more();
                Ok(())
            }))
            .id();
        let seen = stops.clone();
        group.register(Script::new("host").serve(move |ctx| {
            ctx.handle().wait_till_ready()?;
            let ended = ctx.handle().deregister(id)?;
            assert!(ended.wait()?.is_ok());
            Ok(())
        }));
        group.run().unwrap();
        assert_eq!(seen.get(), 1);
    });
}

/// No lock of the library's is held in a callback: everything that a handle can do returns there.
#[test]
fn l8_a_graceful_stop_may_use_the_group() {
    within(LIMIT, || {
        let id = Arc::new(OnceLock::<UnitId>::new());
        let other = Arc::new(OnceLock::<UnitId>::new());
        let done = Count::default();
        let mut group = group();
        let handle = group.handle();
        let (own, others, count) = (id.clone(), other.clone(), done.clone());
        let busy = Script::new("busy").graceful_stop(move || {
            assert_eq!(handle.snapshot().units.len(), 2);
            assert!(!handle.stop("again"), "the end was asked for already");
            assert!(handle.stopped().is_stopped());
            assert_eq!(handle.wait_till_ready(), Ok(()), "it was ready once");
            let refused = handle.stop_notify().wait().map(drop).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::WouldDeadlock);
            drop(handle.events(1));
            handle.deregister(*own.get().unwrap()).unwrap();
            handle.deregister(*others.get().unwrap()).unwrap();
            let twice = handle.deregister(*own.get().unwrap()).unwrap_err();
            assert_eq!(twice.kind(), ErrorKind::UnknownUnit);
            count.one_more();
            Ok(())
        });
        let _ = id.set(group.register(busy).id());
        let _ = other.set(group.register(Script::new("other")).id());
        Tester::start(group).stop().unwrap();
        assert_eq!(done.get(), 1);
    });
}

/// A `graceful_stop` may wait for its own `serve`, and `serve` for it.
#[test]
fn l8_graceful_stop_and_serve_may_wait_for_each_other() {
    within(LIMIT, || {
        let (told, is_told) = crossbeam_channel::bounded::<()>(0);
        let (left, has_left) = crossbeam_channel::bounded::<()>(0);
        let mut group = group();
        group.register(
            Script::new("polite")
                .serve(move |_ctx| {
                    is_told.recv()?; // not the context: only graceful_stop ends it
                    left.send(())?;
                    Ok(())
                })
                .graceful_stop(move || {
                    told.send(()).unwrap();
                    has_left.recv().unwrap();
                    Ok(())
                }),
        );
        Tester::start(group).stop().unwrap();
    });
}

// ---- on_stop ----

/// One that comes when the unit is told already is called then and there.
#[test]
fn l8_an_on_stop_callback_is_called_once_on_a_stopper_thread_unless_its_guard_was_dropped() {
    within(LIMIT, || {
        let journal = Journal::new();
        let log = journal.clone();
        let note = move |what: &'static str| {
            let log = log.clone();
            move || {
                let thread = thread::current();
                assert!(thread.name().is_some_and(|name| name.starts_with("stopper-")));
                log.note(what);
            }
        };
        let log = journal.clone();
        let mut group = group();
        let client = Script::new("client").serve(move |ctx| {
            ctx.on_stop(note("kept")).keep();
            drop(ctx.on_stop(note("dropped")));
            let _guard = ctx.on_stop(note("held"));
            ctx.ready(); // the stop comes when all of that is done
            ctx.stopped().wait();
            log.wait_for("held");
            ctx.on_stop(note("late")).keep();
            Ok(())
        });
        group.register(client.declares_ready());
        Tester::start(group).stop().unwrap();
        let mut called = journal.entries();
        called.sort();
        assert_eq!(called, ["held", "kept", "late"]);
    });
}

/// What hangs on an incarnation goes with it: that of the one before is not called for the next.
#[test]
fn l8_on_stop_callbacks_are_of_one_incarnation_also_where_it_ends_by_itself() {
    within(LIMIT, || {
        let journal = Journal::new();
        let log = journal.clone();
        let mut group = group();
        let client = Script::new("client").serve(move |ctx| {
            let (attempt, log) = (ctx.attempt(), log.clone());
            let held = log.clone();
            let _guard = ctx.on_stop(move || held.note("held"));
            ctx.on_stop(move || log.note(format!("kept {attempt}"))).keep();
            if attempt == 1 { Err("lost".into()) } else { Ok(()) }
        });
        let again = Restart::on_failure().backoff(Backoff::none());
        group.register(client).restart(again);
        group.run().unwrap();
        assert_eq!(journal.entries(), ["kept 1", "kept 2"]);
    });
}

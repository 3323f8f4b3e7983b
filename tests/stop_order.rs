//! In which order units are told to stop (L9): all at once but for `after`, `background` and
//! `StopOrder::Reverse`, and nobody delays whom nothing orders behind him.

// Tests take the time that stops take, and ask from threads of their own.
#![allow(clippy::disallowed_methods)]

mod common;

use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::within;
use crossbeam_channel::bounded;
use rungroup::testing::{Gate, Journal, Script, Tester};
use rungroup::{ErrorKind, Event, Group, StopOrder, StopReason};

const LIMIT: Duration = Duration::from_secs(30);

fn group() -> Group {
    Group::new("demo").args(["demo"])
}

/// Each `graceful_stop` returns only when all of them have begun: one after the other would hang.
#[test]
fn l9_all_graceful_stops_are_under_way_at_once() {
    within(LIMIT, || {
        let everybody = Arc::new(Barrier::new(10));
        let mut group = group();
        for number in 0..10 {
            let everybody = everybody.clone();
            let unit = Script::new(format!("unit-{number}"));
            group.register(unit.graceful_stop(move || {
                everybody.wait();
                Ok(())
            }));
        }
        Tester::start(group).stop().unwrap();
    });
}

#[test]
fn l9_ten_stops_of_a_tenth_of_a_second_take_far_less_than_a_second() {
    within(LIMIT, || {
        let mut group = group();
        for number in 0..10 {
            let unit = Script::new(format!("unit-{number}"));
            group.register(unit.graceful_stop(|| {
                thread::sleep(Duration::from_millis(100));
                Ok(())
            }));
        }
        let took = Tester::start(group).stop().unwrap().stop_time().unwrap();
        assert!(took >= Duration::from_millis(100), "they were waited for: {took:?}");
        assert!(took < Duration::from_millis(500), "they were called at once: {took:?}");
    });
}

#[test]
fn l9_a_stuck_graceful_stop_keeps_nobody_from_being_told() {
    within(LIMIT, || {
        let release = Gate::new();
        let held = release.pass();
        let mut group = group();
        let stuck = Script::new("stuck").graceful_stop(move || {
            held.wait();
            Ok(())
        });
        group.register(stuck);
        // Ended by their own graceful_stop alone: it has to be called beside the one that is stuck.
        for number in 0..9 {
            let (told, is_told) = bounded::<()>(0);
            group.register(
                Script::new(format!("unit-{number}"))
                    .serve(move |_ctx| Ok(is_told.recv()?))
                    .graceful_stop(move || {
                        told.send(()).unwrap();
                        Ok(())
                    }),
            );
        }
        let run = Tester::start(group);
        run.handle().stop("seen enough");
        // The stuck one is let go only when all the others have stopped.
        let stopped = |event: &Event| matches!(event, Event::Stopped { unit, .. } if unit.starts_with("unit-"));
        for _ in 0..9 {
            run.wait_for(stopped);
        }
        release.open();
        run.wait().unwrap();
    });
}

#[test]
fn l9_a_stop_that_has_returned_is_heard_of_while_the_next_one_hangs() {
    within(LIMIT, || {
        let (tell, told) = bounded::<()>(1);
        // Nothing here ends by the deadline.
        let mut group = group().stop_timeout(2 * LIMIT);
        let base = Script::new("base").serve(move |ctx| {
            ctx.stopped().wait();
            Ok(tell.send(())?)
        });
        let base = group.register(base).id();
        // Both calls are handed to one thread, this one first; `base` is told when it has returned.
        group.register(Script::new("quick")).after(base);
        group.register(Script::new("hangs").graceful_stop(move || Ok(told.recv()?)));
        Tester::start(group).stop().unwrap();
    });
}

#[test]
fn l9_a_unit_is_told_when_those_after_it_have_stopped_with_all_their_threads() {
    within(LIMIT, || {
        let journal = Journal::new();
        let mut group = group();
        let store = group.register(journal.script("store")).id();
        let cache = group.register(journal.script("cache")).after(store).id();
        let (serving, stopping) = (journal.clone(), journal.clone());
        let server = journal
            .script("server")
            .serve(move |ctx| {
                let worker = serving.clone();
                ctx.spawn("worker", move |ctx| {
                    ctx.stopped().wait();
                    thread::sleep(Duration::from_millis(20)); // the last of the work
                    worker.note("worker left");
                })?;
                ctx.stopped().wait();
                Ok(())
            })
            .graceful_stop(move || {
                thread::sleep(Duration::from_millis(40)); // and a stop that takes its time
                stopping.note("server has stopped");
                Ok(())
            });
        group.register(server).after(cache).after(store);
        Tester::start(group).stop().unwrap();

        journal.assert_order(["worker left", "cache told"]);
        journal.assert_order(["server left", "cache told"]);
        journal.assert_order(["server has stopped", "cache told"]);
        journal.assert_order(["server has stopped", "cache graceful_stop"]);
        journal.assert_order(["cache left", "store told"]);
        journal.assert_order(["cache graceful_stop", "store graceful_stop"]);
    });
}

/// Unrelated ones are not ordered: two that come after the same one wait for each other here.
#[test]
fn l9_units_that_nothing_orders_stop_at_the_same_time() {
    within(LIMIT, || {
        let both = Arc::new(Barrier::new(2));
        let mut group = group();
        let store = group.register(Script::new("store")).id();
        for name in ["one", "two"] {
            let both = both.clone();
            let unit = Script::new(name).serve(move |ctx| {
                ctx.stopped().wait();
                both.wait();
                Ok(())
            });
            group.register(unit).after(store);
        }
        Tester::start(group).stop().unwrap();
    });
}

#[test]
fn l9_a_unit_that_is_past_its_own_deadline_is_waited_for_no_longer() {
    within(LIMIT, || {
        let (release, held) = bounded::<()>(0);
        let mut group = group();
        // It lets the late one go, so it has to be told while that one is still there.
        let release = Mutex::new(Some(release));
        let store = Script::new("store").serve(move |ctx| {
            ctx.stopped().wait();
            drop(release.lock().unwrap().take());
            Ok(())
        });
        let store = group.register(store).id();
        let late = Script::new("late").serve(move |_ctx| {
            let _ = held.recv();
            Ok(())
        });
        group.register(late).after(store).stop_timeout(Duration::from_millis(30));
        let events = group.handle().events(256);
        let run = Tester::start(group);
        let began = Instant::now();
        let result = run.stop();
        assert!(began.elapsed() < Duration::from_secs(20), "not the group's 30 s");

        let events: Vec<Event> = events.iter().collect();
        let place = |wanted: &dyn Fn(&Event) -> bool| events.iter().position(wanted).unwrap();
        let late = place(&|event| matches!(event, Event::Late { unit } if &**unit == "late"));
        let told =
            place(&|event| matches!(event, Event::StopAsked { unit, .. } if &**unit == "store"));
        assert!(late < told);
        // Whether it got away in time is a race that both may win.
        if let Err(error) = result {
            assert_eq!(error.kind(), ErrorKind::NotStopped);
        }
    });
}

#[test]
fn l9_reverse_order_stops_one_by_one_the_last_started_first() {
    within(LIMIT, || {
        let journal = Journal::new();
        let mut group = group().stop_order(StopOrder::Reverse);
        for name in ["first", "second", "third"] {
            // Ready when they have written down that they serve, and not a moment before.
            group.register(journal.script(name).ready());
        }
        Tester::start(group).stop().unwrap();

        let lines = journal.entries();
        let units: Vec<&str> = lines.iter().map(|line| line.split(' ').next().unwrap()).collect();
        let expected = ["third", "second", "first"].map(|unit| [unit; 3]).concat();
        assert_eq!(units[6..], expected, "three of each, without another's between: {lines:?}");
    });
}

#[test]
fn l9_background_units_are_told_when_all_others_have_stopped() {
    within(LIMIT, || {
        let journal = Journal::new();
        let mut group = group();
        group.register(journal.script("metrics")).background();
        group.register(journal.script("server"));
        group.register(journal.script("store"));
        Tester::start(group).stop().unwrap();

        for other in ["server", "store"] {
            journal.assert_order([&format!("{other} left"), "metrics told"]);
            journal.assert_order([&format!("{other} graceful_stop"), "metrics told"]);
        }
    });
}

/// Each unit's token is set when its turn comes (L7), the run's at the request.
#[test]
fn l9_a_unit_whose_turn_has_not_come_still_serves() {
    within(LIMIT, || {
        let (ask, asked) = bounded::<u32>(0);
        let (answer, answered) = bounded::<u32>(0);
        let mut group = group();
        let store = Script::new("store").serve(move |ctx| {
            loop {
                crossbeam_channel::select! {
                    recv(asked) -> question => if let Ok(question) = question {
                        assert!(ctx.handle().stopped().is_stopped());
                        assert!(!ctx.stopped().is_stopped());
                        answer.send(question + 1)?;
                    },
                    recv(ctx.stopped().receiver()) -> _ => break,
                }
            }
            let requested = StopReason::from("seen enough");
            assert_eq!(ctx.stop_reason(), Some(&requested));
            Ok(())
        });
        let store = group.register(store).id();
        let server = Script::new("server").serve(move |ctx| {
            ctx.stopped().wait();
            ask.send(41)?; // the last write, after the stop
            assert_eq!(answered.recv()?, 42);
            Ok(())
        });
        group.register(server).after(store);
        Tester::start(group).stop().unwrap();
    });
}

#[test]
fn l9_reverse_order_passes_over_a_unit_that_is_late_and_keeps_the_background_last() {
    within(LIMIT, || {
        let release = Gate::new();
        let journal = Journal::new();
        let mut group = group().stop_order(StopOrder::Reverse);
        group.register(journal.script("first"));
        group.register(Script::new("stuck").hang(&release)).stop_timeout(Duration::from_millis(30));
        group.register(journal.script("last"));
        group.register(journal.script("metrics")).background();
        let error = Tester::start(group).stop().unwrap_err();
        drop(release);
        assert_eq!(error.kind(), ErrorKind::NotStopped);
        journal.assert_order(["last left", "first told"]);
        journal.assert_order(["first left", "metrics told"]);
        journal.assert_order(["first graceful_stop", "metrics told"]);
    });
}

//! In which order units are told to stop (L9): all at once but for `after`, `background` and
//! `StopOrder::Reverse`, and nobody delays whom nothing orders behind him.

// Tests take the time that stops take, and ask from threads of their own.
#![allow(clippy::disallowed_methods)]

mod common;

use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::scripted::{Scripted, stop_when_ready};
use common::within;
use crossbeam_channel::bounded;
use rungroup::{ErrorKind, Event, Group, StopOrder, StopReason};

const LIMIT: Duration = Duration::from_secs(30);

fn group() -> Group {
    Group::new("demo").args(["demo"])
}

/// What happened to whom, in order.
#[derive(Clone, Default)]
struct Journal(Arc<Mutex<Vec<String>>>);

impl Journal {
    fn note(&self, what: &str, unit: &str) {
        self.0.lock().unwrap().push(format!("{unit} {what}"));
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    #[track_caller]
    fn assert_order(&self, first: &str, second: &str) {
        let lines = self.lines();
        let place = |line: &str| {
            lines
                .iter()
                .position(|other| other == line)
                .unwrap_or_else(|| panic!("{line}: {lines:?}"))
        };
        assert!(place(first) < place(second), "{first}, then {second}: {lines:?}");
    }

    /// A service that notes when it was told and when it leaves.
    fn unit(&self, name: &'static str) -> Scripted {
        let (serving, stopping) = (self.clone(), self.clone());
        Scripted::new(name)
            .serve(move |ctx| {
                ctx.stopped().wait();
                serving.note("told", name);
                serving.note("left", name);
                Ok(())
            })
            .graceful_stop(move || stopping.note("called", name))
    }
}

/// Each `graceful_stop` returns only when all of them have begun: one after the other would hang.
#[test]
fn l9_all_graceful_stops_are_under_way_at_once() {
    within(LIMIT, || {
        let everybody = Arc::new(Barrier::new(10));
        let mut group = group();
        for number in 0..10 {
            let everybody = everybody.clone();
            let unit = Scripted::new(format!("unit-{number}"));
            group.register(unit.graceful_stop(move || {
                everybody.wait();
            }));
        }
        stop_when_ready(&group);
        group.run().unwrap();
    });
}

#[test]
fn l9_ten_stops_of_a_tenth_of_a_second_take_far_less_than_a_second() {
    within(LIMIT, || {
        let mut group = group();
        for number in 0..10 {
            let unit = Scripted::new(format!("unit-{number}"));
            group.register(unit.graceful_stop(|| thread::sleep(Duration::from_millis(100))));
        }
        stop_when_ready(&group);
        let took = group.run().unwrap().stop_time().unwrap();
        assert!(took >= Duration::from_millis(100), "they were waited for: {took:?}");
        assert!(took < Duration::from_millis(500), "they were called at once: {took:?}");
    });
}

#[test]
fn l9_a_stuck_graceful_stop_keeps_nobody_from_being_told() {
    within(LIMIT, || {
        let (release, held) = bounded::<()>(0);
        let mut group = group();
        let stuck = Scripted::new("stuck").graceful_stop(move || {
            let _ = held.recv();
        });
        group.register(stuck);
        // Ended by their own graceful_stop alone: it has to be called beside the one that is stuck.
        for number in 0..9 {
            let (told, is_told) = bounded::<()>(0);
            group.register(
                Scripted::new(format!("unit-{number}"))
                    .serve(move |_ctx| Ok(is_told.recv()?))
                    .graceful_stop(move || told.send(()).unwrap()),
            );
        }
        let events = group.handle().events(256);
        stop_when_ready(&group);
        // The stuck one is let go only when all the others have stopped.
        let others = thread::spawn(move || {
            let stopped = |event: &Event| matches!(event, Event::Stopped { unit, .. } if unit.starts_with("unit-"));
            assert_eq!(events.iter().filter(stopped).take(9).count(), 9);
            drop(release);
        });
        group.run().unwrap();
        others.join().unwrap();
    });
}

#[test]
fn l9_a_unit_is_told_when_those_after_it_have_stopped_with_all_their_threads() {
    within(LIMIT, || {
        let journal = Journal::default();
        let mut group = group();
        let store = group.register(journal.unit("store")).id();
        let cache = group.register(journal.unit("cache")).after(store).id();
        let (serving, stopping) = (journal.clone(), journal.clone());
        let server = Scripted::new("server")
            .serve(move |ctx| {
                let worker = serving.clone();
                ctx.spawn("worker", move |ctx| {
                    ctx.stopped().wait();
                    thread::sleep(Duration::from_millis(20)); // the last of the work
                    worker.note("left", "worker");
                })?;
                ctx.stopped().wait();
                serving.note("left", "server");
                Ok(())
            })
            .graceful_stop(move || {
                thread::sleep(Duration::from_millis(40)); // and a stop that takes its time
                stopping.note("called", "server");
            });
        group.register(server).after(cache).after(store);
        stop_when_ready(&group);
        group.run().unwrap();

        journal.assert_order("worker left", "cache told");
        journal.assert_order("server left", "cache told");
        journal.assert_order("server called", "cache told");
        journal.assert_order("server called", "cache called");
        journal.assert_order("cache left", "store told");
        journal.assert_order("cache called", "store called");
    });
}

/// Unrelated ones are not ordered: two that come after the same one wait for each other here.
#[test]
fn l9_units_that_nothing_orders_stop_at_the_same_time() {
    within(LIMIT, || {
        let both = Arc::new(Barrier::new(2));
        let mut group = group();
        let store = group.register(Scripted::new("store")).id();
        for name in ["one", "two"] {
            let both = both.clone();
            let unit = Scripted::new(name).serve(move |ctx| {
                ctx.stopped().wait();
                both.wait();
                Ok(())
            });
            group.register(unit).after(store);
        }
        stop_when_ready(&group);
        group.run().unwrap();
    });
}

#[test]
fn l9_a_unit_that_is_past_its_own_deadline_is_waited_for_no_longer() {
    within(LIMIT, || {
        let (release, held) = bounded::<()>(0);
        let mut group = group();
        // It lets the late one go, so it has to be told while that one is still there.
        let release = Mutex::new(Some(release));
        let store = Scripted::new("store").serve(move |ctx| {
            ctx.stopped().wait();
            drop(release.lock().unwrap().take());
            Ok(())
        });
        let store = group.register(store).id();
        let late = Scripted::new("late").serve(move |_ctx| {
            let _ = held.recv();
            Ok(())
        });
        group.register(late).after(store).stop_timeout(Duration::from_millis(30));
        let events = group.handle().events(256);
        stop_when_ready(&group);
        let began = Instant::now();
        let result = group.run();
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
        let journal = Journal::default();
        let mut group = group().stop_order(StopOrder::Reverse);
        for name in ["first", "second", "third"] {
            group.register(journal.unit(name));
        }
        stop_when_ready(&group);
        group.run().unwrap();

        let lines = journal.lines();
        let units: Vec<&str> = lines.iter().map(|line| line.split(' ').next().unwrap()).collect();
        let expected = ["third", "second", "first"].map(|unit| [unit; 3]).concat();
        assert_eq!(units, expected, "three lines of each, without another's between: {lines:?}");
    });
}

#[test]
fn l9_background_units_are_told_when_all_others_have_stopped() {
    within(LIMIT, || {
        let journal = Journal::default();
        let mut group = group();
        group.register(journal.unit("metrics")).background();
        group.register(journal.unit("server"));
        group.register(journal.unit("store"));
        stop_when_ready(&group);
        group.run().unwrap();

        for other in ["server", "store"] {
            journal.assert_order(&format!("{other} left"), "metrics told");
            journal.assert_order(&format!("{other} called"), "metrics told");
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
        let store = Scripted::new("store").serve(move |ctx| {
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
        let server = Scripted::new("server").serve(move |ctx| {
            ctx.stopped().wait();
            ask.send(41)?; // the last write, after the stop
            assert_eq!(answered.recv()?, 42);
            Ok(())
        });
        group.register(server).after(store);
        stop_when_ready(&group);
        group.run().unwrap();
    });
}

#[test]
fn l9_reverse_order_passes_over_a_unit_that_is_late_and_keeps_the_background_last() {
    within(LIMIT, || {
        let (release, held) = bounded::<()>(0);
        let journal = Journal::default();
        let mut group = group().stop_order(StopOrder::Reverse);
        group.register(journal.unit("first"));
        let stuck = Scripted::new("stuck").serve(move |_ctx| {
            let _ = held.recv();
            Ok(())
        });
        group.register(stuck).stop_timeout(Duration::from_millis(30));
        group.register(journal.unit("last"));
        group.register(journal.unit("metrics")).background();
        stop_when_ready(&group);
        let error = group.run().unwrap_err();
        drop(release);
        assert_eq!(error.kind(), ErrorKind::NotStopped);
        journal.assert_order("last left", "first told");
        journal.assert_order("first left", "metrics told");
        journal.assert_order("first called", "metrics told");
    });
}

//! S7: units that are registered while the group serves, and a stop at the same moment.

// Tests register from threads of their own.
#![allow(clippy::disallowed_methods)]

mod common;

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use common::{SOON, within};
use crossbeam_channel::bounded;
use rungroup::testing::{Journal, Tester};
use rungroup::{
    ErrorKind, Event, Failure, Flag, FlagSet, Group, UnitState, pre_run_fn, service_fn,
};

fn demo() -> Group {
    Group::new("demo").args(["demo"])
}

/// A group that serves until it is stopped.
fn serving(journal: &Journal) -> (Tester, rungroup::UnitId) {
    let mut group = demo();
    let store = group.register(journal.script("store").all_phases()).id();
    (Tester::start(group).ready(), store)
}

#[test]
fn s7_a_unit_that_is_registered_while_serving_lives_as_any() {
    within(SOON, || {
        let journal = Journal::new();
        let (tester, store) = serving(&journal);
        journal.wait_for("store serve"); // it is ready when it is entered: its first line may come later
        let meter = journal.script("meter").pre_run(|_| Ok(())).post_run(|| Ok(()));
        tester.handle().register(meter).after(store).start().unwrap();
        journal.wait_for("meter serve");
        let report = tester.stop().unwrap();
        journal.assert_order([
            "store serve",
            "meter pre_run",
            "meter serve",
            "meter told",
            "meter left",
            "store told",
            "meter post_run",
            "store post_run",
        ]);
        let paths: Vec<&str> = report.units().iter().map(|unit| &*unit.path).collect();
        assert_eq!(paths, ["store", "meter"]);
    });
}

#[test]
fn s7_its_pre_run_is_called_by_who_registers_it() {
    within(SOON, || {
        let journal = Journal::new();
        let (tester, _) = serving(&journal);
        let here = thread::current().id();
        let (tell, told) = bounded(1);
        let meter = pre_run_fn("meter", move |ctx| {
            assert_eq!(ctx.unit(), "meter");
            Ok(tell.send(thread::current().id())?)
        });
        tester.handle().register(meter).start().unwrap();
        assert_eq!(told.try_recv(), Ok(here));
        tester.stop().unwrap();
    });
}

#[test]
fn s7_the_group_is_not_ready_until_it_is() {
    within(SOON, || {
        let journal = Journal::new();
        let (tester, store) = serving(&journal);
        let gate = rungroup::testing::Gate::new();
        let slow = journal.script("slow").declares_ready().until(&gate).ready();
        tester.handle().register(slow).after(store).start().unwrap();
        journal.wait_for("slow serve");
        assert!(!tester.handle().snapshot().units[1].ready);
        gate.open();
        tester.wait_for(|event| matches!(event, Event::Ready { unit } if &**unit == "slow"));
        assert!(tester.handle().snapshot().units.iter().all(|unit| unit.ready));
        tester.stop().unwrap();
    });
}

#[test]
fn s7_a_group_can_be_registered_while_serving() {
    within(SOON, || {
        let journal = Journal::new();
        let (tester, store) = serving(&journal);
        let mut uplink = Group::new("uplink");
        let session = uplink.register(journal.script("session").pre_run(|_| Ok(()))).id();
        uplink.register(journal.script("sender")).after(session);
        tester.handle().register(uplink).after(store).start().unwrap();
        journal.wait_for("sender serve");
        let report = tester.stop().unwrap();
        let paths: Vec<&str> = report.units().iter().map(|unit| &*unit.path).collect();
        assert_eq!(paths, ["store", "uplink", "uplink/session", "uplink/sender"]);
        journal.assert_order(["sender left", "session told", "session left", "store told"]);
    });
}

#[test]
fn s7_a_unit_that_takes_part_in_no_phase_is_warned_of_and_nothing_comes_after_it() {
    within(SOON, || {
        let journal = Journal::new();
        let (tester, _) = serving(&journal);
        let idle = || journal.script("idle").without_service();
        let id = tester.handle().register(idle()).start().unwrap();
        let warning = "unit 'idle' takes part in no phase: does it lack `as_service`?";
        tester.wait_for(|event| event.to_string() == warning);
        let meter = tester.handle().register(journal.script("meter")).after(id);
        let error = meter.start().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Definition);
        let why = "unit 'meter': is to come after 'idle', which takes part in no phase";
        assert_eq!(error.to_string().lines().next(), Some(why));
        let mut group = Group::new("uplink");
        group.register(idle()).task();
        let error = tester.handle().register(group).start().unwrap_err();
        assert_eq!(error.problems()[0].why(), "does not serve: 'task' is for units that do");
        tester.stop().unwrap();
    });
}

#[test]
fn s7_of_two_with_one_name_the_one_that_is_started_first_joins() {
    within(SOON, || {
        let journal = Journal::new();
        let (tester, _) = serving(&journal);
        let first = tester.handle().register(journal.script("meter"));
        let second = tester.handle().register(journal.script("meter"));
        second.start().unwrap();
        let error = first.start().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Definition);
        let why = "unit 'meter': there is one of that name, and it is not deregistered";
        assert_eq!(error.to_string(), why);
        assert_eq!(tester.stop().unwrap().units().len(), 2);

        let (tester, _) = serving(&journal);
        let mut group = Group::new("uplink");
        group.register(journal.script("meter"));
        group.register(journal.script("meter"));
        let error = tester.handle().register(group).start().unwrap_err();
        assert_eq!(error.to_string(), "two units are named 'uplink/meter'");
        tester.stop().unwrap();
    });
}

#[test]
fn s7_what_is_put_together_wrongly_is_refused_and_leaves_nothing_behind() {
    within(SOON, || {
        let journal = Journal::new();
        let (tester, _) = serving(&journal);
        let handle = tester.handle();
        let of_another = demo().register(service_fn("other", |_| Ok(()))).id();
        let flag = Flag::<u32>::new("depth", 1, "how deep");
        let with_flags = service_fn("meter", |_| Ok(())).flags(FlagSet::new("Meter").add(&flag));
        let problems = [
            (
                handle.register(journal.script("store")).start(),
                "unit 'store': there is one of that name, and it is not deregistered",
            ),
            (handle.register(journal.script("a/b")).start(), "must not contain '/'"),
            (
                handle.register(journal.script("meter")).instances(0).start(),
                "at least one instance",
            ),
            (handle.register(journal.script("meter")).after(of_another).start(), "another group"),
            (handle.register(with_flags).start(), "has flags but was registered while"),
        ];
        for (result, text) in problems {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Definition, "{error}");
            assert!(error.to_string().contains(text), "{error}");
        }
        assert_eq!(handle.snapshot().units.len(), 1);
        handle.register(journal.script("meter")).start().expect("the name is free");
        tester.stop().unwrap();
    });
}

#[test]
fn s7_too_early_and_too_late_are_errors() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = demo();
        let (result, seen) = bounded(1);
        group.register(pre_run_fn("early", move |ctx| {
            let unit = service_fn("meter", |_| Ok(()));
            Ok(result.send(ctx.handle().register(unit).start().map_err(|error| error.kind()))?)
        }));
        let handle = group.handle();
        group.run().unwrap();
        assert_eq!(seen.recv().unwrap().unwrap_err(), ErrorKind::NotServing);
        let late = handle.register(journal.script("meter")).start();
        assert_eq!(late.unwrap_err().kind(), ErrorKind::Stopped);
        assert_eq!(journal.entries(), [""; 0]);
    });
}

#[test]
fn s7_a_pre_run_that_fails_is_the_callers_error_and_not_the_runs() {
    within(SOON, || {
        let journal = Journal::new();
        let (tester, _) = serving(&journal);
        let mut uplink = Group::new("uplink");
        uplink.register(journal.script("lock").pre_run(|_| Ok(())).post_run(|| Ok(())));
        uplink.register(journal.script("session").pre_run(|_| Err("no route".into())));
        let error = tester.handle().register(uplink).start().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PreRun);
        assert_eq!(error.to_string(), "unit 'uplink/session': pre_run failed: no route");
        let failure = error.source().and_then(|source| source.downcast_ref::<Failure>());
        assert_eq!(failure.map(Failure::unit), Some("uplink/session"));
        journal.assert_order(["lock pre_run", "session pre_run", "lock post_run"]);
        let report = tester.stop().unwrap();
        assert_eq!(report.units().len(), 1);
    });
}

#[test]
fn s7_one_whose_pre_run_outlasts_the_run_is_cleaned_up_by_who_registers_it() {
    within(SOON, || {
        let journal = Journal::new();
        let (tester, _) = serving(&journal);
        let handle = tester.handle().clone();
        let gate = rungroup::testing::Gate::new();
        let pass = gate.pass();
        let meter = journal
            .script("meter")
            .pre_run(move |_| {
                pass.wait();
                Ok(())
            })
            .post_run(|| Ok(()));
        let register = thread::spawn(move || handle.register(meter).start());
        journal.wait_for("meter pre_run");
        tester.stop().unwrap(); // does not wait for it
        gate.open();
        let error = register.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Stopped);
        assert_eq!(journal.count("meter post_run"), 1);
        assert!(!journal.has("meter serve"));
    });
}

#[test]
fn s7_what_it_comes_after_may_be_taken_out_meanwhile() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = demo();
        group.register(journal.script("main"));
        let store = group.register(journal.script("store")).id();
        let tester = Tester::start(group).ready();
        let handle = tester.handle().clone();
        let meter = journal.script("meter").pre_run(move |_| {
            handle.deregister(store)?;
            Ok(())
        });
        let error = tester.handle().register(meter).after(store).start().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownUnit);
        assert!(error.to_string().contains("'meter' comes after 'store'"), "{error}");
        tester.stop().unwrap();
    });
}

#[test]
fn s7_a_name_can_be_used_again_when_its_unit_was_taken_out() {
    within(SOON, || {
        let journal = Journal::new();
        let (tester, _) = serving(&journal);
        for round in 1..=3 {
            let meter = tester.handle().register(journal.script("meter")).start().unwrap();
            journal.wait_for_count("meter serve", round);
            tester.handle().deregister(meter).unwrap().wait().unwrap();
        }
        let report = tester.stop().unwrap();
        let states: Vec<UnitState> = report.units().iter().map(|unit| unit.state).collect();
        assert_eq!(states, [UnitState::Stopped; 4]);
    });
}

/// Whoever has got an `Ok` is served, or told to stop before it is, and cleaned up by the run; whoever
/// has got an error was cleaned up there. Nothing is done twice, nothing is forgotten.
#[test]
fn s7_a_stop_at_the_same_moment_loses_nobody() {
    for round in 0..100_u32 {
        within(SOON, move || {
            let (pre_runs, post_runs) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
            let journal = Journal::new();
            let (tester, store) = serving(&journal);
            let registering = (0..3).map(|thread| {
                let (handle, journal) = (tester.handle().clone(), Journal::new());
                let (pre_runs, post_runs) = (pre_runs.clone(), post_runs.clone());
                thread::spawn(move || {
                    for number in 0.. {
                        let (pre_runs, post_runs) = (pre_runs.clone(), post_runs.clone());
                        let unit = journal
                            .script(format!("unit-{thread}-{number}"))
                            .pre_run(move |_| {
                                pre_runs.fetch_add(1, Ordering::Relaxed);
                                Ok(())
                            })
                            .post_run(move || {
                                post_runs.fetch_add(1, Ordering::Relaxed);
                                Ok(())
                            });
                        if let Err(error) = handle.register(unit).after(store).start() {
                            assert_eq!(error.kind(), ErrorKind::Stopped);
                            return number;
                        }
                    }
                    unreachable!("the group stops");
                })
            });
            let registering: Vec<_> = registering.collect();
            while pre_runs.load(Ordering::Relaxed) < round % 20 {
                thread::yield_now();
            }
            let report = tester.stop().unwrap();
            let started: u32 = registering.into_iter().map(|it| it.join().unwrap()).sum();
            assert_eq!(report.units().len(), 1 + started as usize);
            assert_eq!(post_runs.load(Ordering::Relaxed), pre_runs.load(Ordering::Relaxed));
        });
    }
}

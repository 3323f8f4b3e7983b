//! Readiness (L14): who counts as ready when, and how a wait for it ends. It always does.

// Many threads wait here.
#![allow(clippy::disallowed_methods)]

mod common;

use std::thread;
use std::time::Duration;

use common::{stop_when_ready, within};
use crossbeam_channel::bounded;
use rungroup::testing::{Gate, Script, Tester};
use rungroup::{
    Bytes, ConfigError, Event, Group, NotReady, Report, RunError, pre_run_fn, service_fn,
};

const LIMIT: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(30);

fn group() -> Group {
    Group::new("demo").args(["demo"])
}

/// How a wait for readiness beside the run ended, and the run, which was stopped then.
fn readiness_of(group: Group) -> (Result<(), NotReady>, Result<Report, RunError>) {
    let run = Tester::spawn(group);
    let ready = run.handle().wait_till_ready();
    (ready, run.stop())
}

/// A unit that says that it is ready when it is let.
fn says_ready(name: &str) -> (Gate, Script) {
    let gate = Gate::new();
    let unit = Script::new(name).until(&gate).ready();
    (gate, unit)
}

#[test]
fn l14_a_service_is_ready_when_its_serve_is_entered() {
    within(LIMIT, || {
        let mut group = group();
        group.register(Script::new("one"));
        group.register(Script::new("two")).instances(3);
        let (ready, result) = readiness_of(group);
        assert_eq!(ready, Ok(()));
        result.unwrap();
    });
}

#[test]
fn l14_a_service_that_declares_it_is_ready_when_it_says_so() {
    within(LIMIT, || {
        let mut group = group();
        let (letting, unit) = says_ready("careful");
        group.register(unit);
        group.register(Script::new("other"));
        let run = Tester::spawn(group);
        run.wait_for(|event| matches!(event, Event::Ready { unit } if &**unit == "other"));
        assert_eq!(
            run.handle().wait_till_ready_timeout(SHORT),
            Err(NotReady::TimedOut(vec!["careful".into()])),
        );
        letting.open();
        run.ready().stop().unwrap();
    });
}

#[test]
fn l14_a_closure_that_declares_it_is_ready_when_it_says_so() {
    within(LIMIT, || {
        let gate = Gate::new();
        let pass = gate.pass();
        let mut group = group();
        let careful = service_fn("careful", move |ctx| {
            pass.wait();
            ctx.ready();
            ctx.stopped().wait();
            Ok(())
        });
        group.register(careful.declares_ready());
        group.register(service_fn("simple", |ctx| {
            ctx.stopped().wait();
            Ok(())
        }));
        let run = Tester::spawn(group);
        run.wait_for(|event| matches!(event, Event::Ready { unit } if &**unit == "simple"));
        let ready = run.handle().wait_till_ready_timeout(SHORT);
        assert_eq!(ready, Err(NotReady::TimedOut(vec!["careful".into()])));
        gate.open();
        run.ready().stop().unwrap();
    });
}

#[test]
fn l14_with_instances_all_of_them_have_to_be_entered() {
    within(LIMIT, || {
        let mut group = group();
        group
            .register(Script::new("pool").serve(|ctx| {
                if ctx.instance() == 0 {
                    return Ok(()); // gone before the others: it was entered all the same
                }
                ctx.stopped().wait();
                Ok(())
            }))
            .instances(3);
        let (ready, result) = readiness_of(group);
        assert_eq!(ready, Ok(()));
        result.unwrap();
    });
}

#[test]
fn l14_a_task_that_ended_ok_counts_as_ready() {
    within(LIMIT, || {
        let mut group = group();
        group.register(Script::new("migrate").declares_ready().finish()).task();
        group.register(Script::new("server"));
        let (ready, result) = readiness_of(group);
        assert_eq!(ready, Ok(()), "although it never said so");
        result.unwrap();
    });
}

#[test]
fn l14_those_after_a_unit_start_when_it_is_ready() {
    within(LIMIT, || {
        let mut group = group();
        let (letting, store) = says_ready("store");
        let store = group.register(store).id();
        group.register(Script::new("server")).after(store);
        let events = group.handle().events(64);
        let run = Tester::spawn(group);
        assert!(events.iter().any(|event| matches!(event, Event::Starting { .. })));
        assert_eq!(
            run.handle().wait_till_ready_timeout(SHORT),
            Err(NotReady::TimedOut(vec!["store".into(), "server".into()])),
        );
        letting.open();
        let seen: Vec<String> = events.iter().take(4).map(|event| event.to_string()).collect();
        let expected = [
            "unit 'store' ready",
            "unit 'server' starting",
            "unit 'server' ready",
            "all units ready",
        ];
        assert_eq!(seen, expected);
        run.stop().unwrap();
    });
}

#[test]
fn l14_a_unit_that_failed_before_is_named() {
    within(LIMIT, || {
        for how in ["error", "panic"] {
            let mut group = group();
            let (_letting, unit) = says_ready("careful");
            group.register(unit);
            group.register(Script::new("broken").declares_ready().serve(move |_ctx| match how {
                "error" => Err("no route to host".into()),
                _ => panic!("no route to host"),
            }));
            let (ready, result) = readiness_of(group);
            result.unwrap_err();
            let not_ready = ready.unwrap_err();
            assert_eq!(not_ready, NotReady::Failed("broken".into()), "by {how}");
            assert_eq!(not_ready.to_string(), "unit 'broken' failed before the group was ready");
        }
    });
}

#[test]
fn l14_a_unit_whose_thread_could_not_be_spawned_is_named() {
    within(LIMIT, || {
        let mut group = group();
        group.register(Script::new("huge")).stack_size(Bytes::new(1 << 60));
        let (ready, result) = readiness_of(group);
        assert_eq!(ready, Err(NotReady::Failed("huge".into())));
        result.unwrap_err();
    });
}

#[test]
fn l14_a_service_that_ends_without_a_word_ends_the_wait() {
    within(LIMIT, || {
        let mut group = group();
        let (_letting, unit) = says_ready("careful");
        group.register(unit);
        group.register(Script::new("short").declares_ready().finish());
        let (ready, result) = readiness_of(group);
        assert_eq!(ready, Err(NotReady::Stopped));
        result.unwrap();
    });
}

#[test]
fn l14_a_stop_before_it_ends_the_wait() {
    within(LIMIT, || {
        let mut group = group();
        let (_letting, unit) = says_ready("careful");
        group.register(unit);
        let handle = group.handle();
        let waiter = thread::spawn(move || handle.wait_till_ready());
        let run = Tester::spawn(group);
        run.wait_for(|event| matches!(event, Event::Starting { .. }));
        run.stop().unwrap();
        assert_eq!(waiter.join().unwrap(), Err(NotReady::Stopped));
    });
}

#[test]
fn l14_a_limit_that_passes_names_who_is_not_ready() {
    within(LIMIT, || {
        let handle = {
            let group = group();
            let handle = group.handle();
            assert_eq!(handle.wait_till_ready_timeout(SHORT), Err(NotReady::TimedOut(Vec::new())));
            handle
        };
        // And the group that was dropped without a run has ended the wait.
        assert_eq!(handle.wait_till_ready_timeout(LIMIT), Err(NotReady::Stopped));
    });
}

#[test]
fn l14_any_number_of_threads_may_wait() {
    within(LIMIT, || {
        let mut group = group();
        let (letting, unit) = says_ready("careful");
        group.register(unit);
        let (waits, waiting) = bounded::<()>(64);
        let from_unit = waits.clone();
        // Of the group's own threads, too: a service's, one that it spawned, and a helper.
        group.register(
            Script::new("curious")
                .pre_run(move |ctx| {
                    let (handle, waits) = (ctx.handle().clone(), waits.clone());
                    ctx.spawn_helper("helper", move || {
                        waits.send(()).unwrap();
                        assert_eq!(handle.wait_till_ready(), Ok(()));
                    })?;
                    Ok(())
                })
                .serve(move |ctx| {
                    let waits = from_unit.clone();
                    ctx.spawn("worker", move |ctx| {
                        waits.send(()).unwrap();
                        assert_eq!(ctx.handle().wait_till_ready(), Ok(()));
                    })?;
                    from_unit.send(())?;
                    assert_eq!(ctx.handle().wait_till_ready(), Ok(()));
                    ctx.stopped().wait();
                    Ok(())
                }),
        );
        let handle = group.handle();
        let run = Tester::spawn(group);
        let outside: Vec<_> = (0..20)
            .map(|_| {
                let handle = handle.clone();
                thread::spawn(move || handle.wait_till_ready())
            })
            .collect();
        assert_eq!(waiting.iter().take(3).count(), 3);
        letting.open();
        for waiter in outside {
            assert_eq!(waiter.join().unwrap(), Ok(()));
        }
        let report = run.stop().unwrap();
        assert!(report.failures().is_empty(), "{:?}", report.failures());
    });
}

#[test]
fn l14_what_was_ready_once_was_ready() {
    within(LIMIT, || {
        let mut group = group();
        group.register(Script::new("server"));
        let handle = group.handle();
        stop_when_ready(&group);
        group.run().unwrap();
        assert_eq!(handle.wait_till_ready(), Ok(()), "after the run, too");
        drop(group);
        assert_eq!(handle.wait_till_ready(), Ok(()), "and after the group");
    });
}

#[test]
fn l14_a_group_without_services_is_ready_when_its_pre_runs_are_done() {
    within(LIMIT, || {
        let mut group = group();
        group.register(pre_run_fn("migrate", |_ctx| Ok(())));
        let (ready, result) = readiness_of(group);
        assert_eq!(ready, Ok(()));
        result.unwrap();
    });
}

#[test]
fn l14_the_thread_that_runs_the_group_cannot_wait_for_it() {
    within(LIMIT, || {
        let mut group = group();
        group.register(pre_run_fn("eager", |ctx| {
            assert_eq!(ctx.handle().wait_till_ready(), Err(NotReady::WouldDeadlock));
            let limited = ctx.handle().wait_till_ready_timeout(LIMIT);
            assert_eq!(limited, Err(NotReady::WouldDeadlock));
            Ok(())
        }));
        group.run().unwrap();
    });
}

// ---- it never outlives the run (fault 1 of the originals) ----

#[test]
fn l14_a_failed_validation_ends_the_wait() {
    within(LIMIT, || {
        let mut group = group();
        let refuses = || Err(ConfigError::new("not like this"))?;
        group.register(Script::new("picky").validate(refuses));
        group.register(Script::new("server"));
        let (ready, result) = readiness_of(group);
        assert_eq!(ready, Err(NotReady::Failed("picky".into())));
        result.unwrap_err();
    });
}

#[test]
fn l14_a_group_that_is_put_together_wrongly_ends_the_wait() {
    within(LIMIT, || {
        let mut group = group();
        group.register(Script::new("twin"));
        group.register(Script::new("twin"));
        let (ready, result) = readiness_of(group);
        assert!(ready.is_err());
        result.unwrap_err();
    });
}

#[test]
fn l14_a_failed_pre_run_ends_the_wait() {
    within(LIMIT, || {
        for how in ["error", "panic"] {
            let mut group = group();
            group.register(Script::new("server"));
            group.register(pre_run_fn("broken", move |_ctx| match how {
                "error" => Err("the disk is full".into()),
                _ => panic!("the disk is full"),
            }));
            let (ready, result) = readiness_of(group);
            assert_eq!(ready, Err(NotReady::Failed("broken".into())));
            result.unwrap_err();
        }
    });
}

#[test]
fn l14_a_stop_during_pre_run_ends_the_wait() {
    within(LIMIT, || {
        let mut group = group();
        group.register(Script::new("server"));
        group.register(pre_run_fn("stopper", |ctx| {
            ctx.handle().stop("changed our mind");
            Ok(())
        }));
        let (ready, result) = readiness_of(group);
        assert_eq!(ready, Err(NotReady::Stopped));
        result.unwrap();
    });
}

#[test]
fn l14_being_asked_for_help_ends_the_wait() {
    within(LIMIT, || {
        let mut group = Group::new("demo").args(["demo", "--help"]);
        group.register(Script::new("server"));
        let (ready, result) = readiness_of(group);
        assert_eq!(ready, Err(NotReady::Stopped));
        result.unwrap();
    });
}

#[test]
fn l14_a_deregistered_unit_is_not_waited_for() {
    within(LIMIT, || {
        let mut group = group();
        let (_early, unit) = says_ready("early");
        let early = group.register(unit).id();
        let (_late, unit) = says_ready("late");
        let late = group.register(unit).id();
        group.register(Script::new("server"));
        group.deregister(early).unwrap();
        let run = Tester::spawn(group);
        run.wait_for(|event| matches!(event, Event::Ready { unit } if &**unit == "server"));
        let timed_out = Err(NotReady::TimedOut(vec!["late".into()]));
        assert_eq!(run.handle().wait_till_ready_timeout(SHORT), timed_out);
        run.handle().deregister(late).unwrap();
        run.ready().stop().unwrap();
    });
}

#[test]
fn l14_a_group_that_is_dropped_without_a_run_ends_the_wait() {
    within(LIMIT, || {
        let group = group();
        let handle = group.handle();
        let waiter = thread::spawn(move || handle.wait_till_ready());
        drop(group);
        assert_eq!(waiter.join().unwrap(), Err(NotReady::Stopped));
    });
}

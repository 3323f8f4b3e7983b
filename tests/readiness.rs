//! Readiness (L14): who counts as ready when, and how a wait for it ends. It always does.

// Many threads wait here.
#![allow(clippy::disallowed_methods)]

mod common;

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use common::scripted::Scripted;
use common::within;
use crossbeam_channel::{Receiver, Sender, bounded};
use rungroup::{
    Bytes, Config, ConfigError, ConfigErrors, Event, FlagSet, Group, GroupHandle, NotReady, Unit,
    pre_run_fn,
};

const LIMIT: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(30);

fn group() -> Group {
    Group::new("demo").args(["demo"])
}

/// Waits for readiness on a thread of its own, and stops the group then, however it ended.
fn wait_elsewhere(handle: GroupHandle) -> mpsc::Receiver<Result<(), NotReady>> {
    let (sender, result) = mpsc::channel();
    thread::spawn(move || {
        let _ = sender.send(handle.wait_till_ready());
        handle.stop("seen enough");
    });
    result
}

/// A unit that says that it is ready when it is let.
fn says_ready(name: &str) -> (Sender<()>, Scripted) {
    let (letting, is_let): (_, Receiver<()>) = bounded(1);
    let unit = Scripted::new(name).declares_ready().serve(move |ctx| {
        crossbeam_channel::select! {
            recv(is_let) -> _ => ctx.ready(),
            recv(ctx.stopped().receiver()) -> _ => {}
        }
        ctx.stopped().wait();
        Ok(())
    });
    (letting, unit)
}

#[test]
fn l14_a_service_is_ready_when_its_serve_is_entered() {
    within(LIMIT, || {
        let mut group = group();
        group.register(Scripted::new("one"));
        group.register(Scripted::new("two")).instances(3);
        let result = wait_elsewhere(group.handle());
        group.run().unwrap();
        assert_eq!(result.recv().unwrap(), Ok(()));
    });
}

#[test]
fn l14_a_service_that_declares_it_is_ready_when_it_says_so() {
    within(LIMIT, || {
        let mut group = group();
        let (letting, unit) = says_ready("careful");
        group.register(unit);
        group.register(Scripted::new("other"));
        let events = group.handle().events(64);
        let handle = group.handle();
        let looking = thread::spawn(move || {
            let other = |event| matches!(event, Event::Ready { unit } if &*unit == "other");
            assert!(events.iter().any(other));
            assert_eq!(
                handle.wait_till_ready_timeout(SHORT),
                Err(NotReady::TimedOut(vec!["careful".into()])),
            );
            letting.send(()).unwrap();
            assert_eq!(handle.wait_till_ready(), Ok(()));
            handle.stop("seen enough");
        });
        group.run().unwrap();
        looking.join().unwrap();
    });
}

#[test]
fn l14_with_instances_all_of_them_have_to_be_entered() {
    within(LIMIT, || {
        let mut group = group();
        group
            .register(Scripted::new("pool").serve(|ctx| {
                if ctx.instance() == 0 {
                    return Ok(()); // gone before the others: it was entered all the same
                }
                ctx.stopped().wait();
                Ok(())
            }))
            .instances(3);
        let result = wait_elsewhere(group.handle());
        group.run().unwrap();
        assert_eq!(result.recv().unwrap(), Ok(()));
    });
}

#[test]
fn l14_a_task_that_ended_ok_counts_as_ready() {
    within(LIMIT, || {
        let mut group = group();
        group.register(Scripted::new("migrate").declares_ready().serve(|_ctx| Ok(()))).task();
        group.register(Scripted::new("server"));
        let result = wait_elsewhere(group.handle());
        group.run().unwrap();
        assert_eq!(result.recv().unwrap(), Ok(()), "although it never said so");
    });
}

#[test]
fn l14_those_after_a_unit_start_when_it_is_ready() {
    within(LIMIT, || {
        let mut group = group();
        let (letting, store) = says_ready("store");
        let store = group.register(store).id();
        group.register(Scripted::new("server")).after(store);
        let events = group.handle().events(64);
        let handle = group.handle();
        let looking = thread::spawn(move || {
            let starting = |event| matches!(event, Event::Starting { .. });
            assert!(events.iter().any(starting));
            assert_eq!(
                handle.wait_till_ready_timeout(SHORT),
                Err(NotReady::TimedOut(vec!["store".into(), "server".into()])),
            );
            letting.send(()).unwrap();
            let seen: Vec<String> = events.iter().take(4).map(|event| event.to_string()).collect();
            let expected = [
                "unit 'store' ready",
                "unit 'server' starting",
                "unit 'server' ready",
                "all units ready",
            ];
            assert_eq!(seen, expected);
            handle.stop("seen enough");
        });
        group.run().unwrap();
        looking.join().unwrap();
    });
}

#[test]
fn l14_a_unit_that_failed_before_is_named() {
    within(LIMIT, || {
        for how in ["error", "panic"] {
            let mut group = group();
            let (_letting, unit) = says_ready("careful");
            group.register(unit);
            group.register(Scripted::new("broken").declares_ready().serve(move |_ctx| match how {
                "error" => Err("no route to host".into()),
                _ => panic!("no route to host"),
            }));
            let result = wait_elsewhere(group.handle());
            group.run().unwrap_err();
            let not_ready = result.recv().unwrap().unwrap_err();
            assert_eq!(not_ready, NotReady::Failed("broken".into()), "by {how}");
            assert_eq!(not_ready.to_string(), "unit 'broken' failed before the group was ready");
        }
    });
}

#[test]
fn l14_a_unit_whose_thread_could_not_be_spawned_is_named() {
    within(LIMIT, || {
        let mut group = group();
        group.register(Scripted::new("huge")).stack_size(Bytes::new(1 << 60));
        let result = wait_elsewhere(group.handle());
        group.run().unwrap_err();
        assert_eq!(result.recv().unwrap(), Err(NotReady::Failed("huge".into())));
    });
}

#[test]
fn l14_a_service_that_ends_without_a_word_ends_the_wait() {
    within(LIMIT, || {
        let mut group = group();
        let (_letting, unit) = says_ready("careful");
        group.register(unit);
        group.register(Scripted::new("short").declares_ready().serve(|_ctx| Ok(())));
        let result = wait_elsewhere(group.handle());
        group.run().unwrap();
        assert_eq!(result.recv().unwrap(), Err(NotReady::Stopped));
    });
}

#[test]
fn l14_a_stop_before_it_ends_the_wait() {
    within(LIMIT, || {
        let mut group = group();
        let (_letting, unit) = says_ready("careful");
        group.register(unit);
        let handle = group.handle();
        let result = wait_elsewhere(group.handle());
        let events = group.handle().events(64);
        thread::spawn(move || {
            assert!(events.iter().any(|event| matches!(event, Event::Starting { .. })));
            handle.stop("changed our mind");
        });
        group.run().unwrap();
        assert_eq!(result.recv().unwrap(), Err(NotReady::Stopped));
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
            Scripted::new("curious")
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
        let outside: Vec<_> = (0..20)
            .map(|_| {
                let handle = handle.clone();
                thread::spawn(move || handle.wait_till_ready())
            })
            .collect();
        let conductor = thread::spawn(move || {
            assert_eq!(waiting.iter().take(3).count(), 3);
            letting.send(()).unwrap();
            for waiter in outside {
                assert_eq!(waiter.join().unwrap(), Ok(()));
            }
            handle.stop("seen enough");
        });
        let report = group.run().unwrap();
        assert!(report.failures().is_empty(), "{:?}", report.failures());
        conductor.join().unwrap();
    });
}

#[test]
fn l14_what_was_ready_once_was_ready() {
    within(LIMIT, || {
        let mut group = group();
        group.register(Scripted::new("server"));
        let handle = group.handle();
        let result = wait_elsewhere(group.handle());
        group.run().unwrap();
        assert_eq!(result.recv().unwrap(), Ok(()));
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
        let result = wait_elsewhere(group.handle());
        group.run().unwrap();
        assert_eq!(result.recv().unwrap(), Ok(()));
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

struct Refuses;

impl Unit for Refuses {
    fn name(&self) -> &'static str {
        "picky"
    }

    fn as_config(&self) -> Option<&dyn Config> {
        Some(self)
    }
}

impl Config for Refuses {
    fn flag_set(&self) -> FlagSet {
        FlagSet::new("Picky")
    }

    fn validate(&self) -> Result<(), ConfigErrors> {
        Err(ConfigError::new("not like this"))?
    }
}

#[test]
fn l14_a_failed_validation_ends_the_wait() {
    within(LIMIT, || {
        let mut group = group();
        group.register(Refuses);
        group.register(Scripted::new("server"));
        let result = wait_elsewhere(group.handle());
        group.run().unwrap_err();
        assert_eq!(result.recv().unwrap(), Err(NotReady::Failed("picky".into())));
    });
}

#[test]
fn l14_a_group_that_is_put_together_wrongly_ends_the_wait() {
    within(LIMIT, || {
        let mut group = group();
        group.register(Scripted::new("twin"));
        group.register(Scripted::new("twin"));
        let result = wait_elsewhere(group.handle());
        group.run().unwrap_err();
        assert!(result.recv().unwrap().is_err());
    });
}

#[test]
fn l14_a_failed_pre_run_ends_the_wait() {
    within(LIMIT, || {
        for how in ["error", "panic"] {
            let mut group = group();
            group.register(Scripted::new("server"));
            group.register(pre_run_fn("broken", move |_ctx| match how {
                "error" => Err("the disk is full".into()),
                _ => panic!("the disk is full"),
            }));
            let result = wait_elsewhere(group.handle());
            group.run().unwrap_err();
            assert_eq!(result.recv().unwrap(), Err(NotReady::Failed("broken".into())));
        }
    });
}

#[test]
fn l14_a_stop_during_pre_run_ends_the_wait() {
    within(LIMIT, || {
        let mut group = group();
        group.register(Scripted::new("server"));
        group.register(pre_run_fn("stopper", |ctx| {
            ctx.handle().stop("changed our mind");
            Ok(())
        }));
        let result = wait_elsewhere(group.handle());
        group.run().unwrap();
        assert_eq!(result.recv().unwrap(), Err(NotReady::Stopped));
    });
}

#[test]
fn l14_being_asked_for_help_ends_the_wait() {
    within(LIMIT, || {
        let mut group = Group::new("demo").args(["demo", "--help"]);
        group.register(Scripted::new("server"));
        let result = wait_elsewhere(group.handle());
        group.run().unwrap();
        assert_eq!(result.recv().unwrap(), Err(NotReady::Stopped));
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
        group.register(Scripted::new("server"));
        group.deregister(early).unwrap();
        let events = group.handle().events(64);
        let handle = group.handle();
        let looking = thread::spawn(move || {
            let ready = |event| matches!(event, Event::Ready { unit } if &*unit == "server");
            assert!(events.iter().any(ready));
            let timed_out = Err(NotReady::TimedOut(vec!["late".into()]));
            assert_eq!(handle.wait_till_ready_timeout(SHORT), timed_out);
            handle.deregister(late).unwrap();
            assert_eq!(handle.wait_till_ready(), Ok(()));
            handle.stop("seen enough");
        });
        group.run().unwrap();
        looking.join().unwrap();
    });
}

#[test]
fn l14_a_group_that_is_dropped_without_a_run_ends_the_wait() {
    within(LIMIT, || {
        let group = group();
        let result = wait_elsewhere(group.handle());
        drop(group);
        assert_eq!(result.recv().unwrap(), Err(NotReady::Stopped));
    });
}

//! How a run ends: the cause, what else failed, and the sticky end of units and runs (L5, L6).

// Threads of the test's own; the library's one place for them is not open to it.
#![allow(clippy::disallowed_methods)]

mod common;

use std::error::Error as StdError;
use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use common::{SOON, within};
use crossbeam_channel::{after, select};
use rungroup::testing::Journal;
use rungroup::{ErrorKind, Failure, Group, Outcome, Phase, StopNotify, StopReason, service_fn};

/// An error that only its program knows.
#[derive(Debug, PartialEq, Eq)]
struct OutOfCheese {
    slices: u32,
}

impl std::fmt::Display for OutOfCheese {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} slices are not enough", self.slices)
    }
}

impl StdError for OutOfCheese {}

// ---- L6 ----

#[test]
fn l6_the_first_clean_stop_ends_the_group_with_ok() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        group.register(journal.script("others").all_phases());
        group.register(service_fn("short", |_| Ok(())));
        let report = group.run().unwrap();
        assert_eq!(report.reason(), &StopReason::UnitStopped("short".into()));
        assert!(report.failures().is_empty());
        assert!(report.units().iter().all(|unit| unit.outcome.as_ref().is_none_or(Outcome::is_ok)));
    });
}

#[test]
fn l6_the_others_are_told_whose_end_it_was() {
    within(SOON, || {
        let (told, reason) = mpsc::channel();
        let mut group = Group::new("demo").args(["demo"]);
        group.register(service_fn("other", move |ctx| {
            let _ = told.send(ctx.stopped().wait().clone());
            assert_eq!(ctx.stop_reason(), ctx.stopped().reason());
            Ok(())
        }));
        group.register(service_fn("first", |ctx| {
            ctx.handle().wait_till_ready()?;
            Err("broken".into())
        }));
        group.run().unwrap_err();
        assert_eq!(reason.recv().unwrap(), StopReason::UnitStopped("first".into()));
    });
}

#[test]
fn l6_the_original_error_of_a_service_can_be_had_back() {
    within(SOON, || {
        let mut group = Group::new("demo").args(["demo"]);
        group.register(service_fn("kitchen", |_| Err(OutOfCheese { slices: 2 }.into())));
        let error = group.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Failed);
        assert_eq!(error.to_string(), "unit 'kitchen': serve failed: 2 slices are not enough");
        assert_eq!(error.downcast_ref::<OutOfCheese>(), Some(&OutOfCheese { slices: 2 }));
        assert!(error.downcast_ref::<io::Error>().is_none());
        // It is at the end of the chain of sources, too.
        let mut last: &dyn StdError = &error;
        while let Some(source) = last.source() {
            last = source;
        }
        assert_eq!(last.downcast_ref::<OutOfCheese>(), Some(&OutOfCheese { slices: 2 }));
    });
}

#[test]
fn l6_an_error_says_what_is_behind_it() {
    within(SOON, || {
        #[derive(Debug)]
        struct Outer(OutOfCheese);
        impl std::fmt::Display for Outer {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("no pizza")
            }
        }
        impl StdError for Outer {
            fn source(&self) -> Option<&(dyn StdError + 'static)> {
                Some(&self.0)
            }
        }
        let mut group = Group::new("demo").args(["demo"]);
        group.register(service_fn("kitchen", |_| Err(Outer(OutOfCheese { slices: 0 }).into())));
        assert_eq!(
            group.run().unwrap_err().to_string(),
            "unit 'kitchen': serve failed: no pizza: 0 slices are not enough"
        );
    });
}

#[test]
fn l6_what_fails_behind_the_cause_is_kept_and_the_cause_is_said_first() {
    within(SOON, || {
        let mut group = Group::new("demo").args(["demo"]);
        group.register(service_fn("second", |ctx| {
            ctx.stopped().wait();
            Err(OutOfCheese { slices: 2 }.into())
        }));
        group.register(service_fn("third", |ctx| {
            ctx.stopped().wait();
            panic!("in the rush")
        }));
        group.register(service_fn("first", |ctx| {
            ctx.handle().wait_till_ready()?;
            Err(OutOfCheese { slices: 1 }.into())
        }));
        let error = group.run().unwrap_err();
        assert_eq!(error.cause().unwrap().unit(), "first");
        assert_eq!(error.downcast_ref::<OutOfCheese>(), Some(&OutOfCheese { slices: 1 }));
        assert_eq!(error.failures()[0].unit(), "first");
        let mut others: Vec<&str> = error.failures()[1..].iter().map(Failure::unit).collect();
        others.sort_unstable();
        assert_eq!(others, ["second", "third"]);
        let second = error.failures().iter().find(|it| it.unit() == "second").unwrap();
        assert_eq!(second.downcast_ref::<OutOfCheese>(), Some(&OutOfCheese { slices: 2 }));
        let said = error.to_string();
        assert!(said.starts_with("unit 'first': serve failed: 1 slices"), "{said}");
        assert_eq!(said.lines().count(), 3, "each once:\n{said}");
    });
}

#[test]
fn l6_a_service_that_fails_makes_an_end_that_was_asked_for_an_error() {
    within(SOON, || {
        let mut group = Group::new("demo").args(["demo"]);
        group.register(service_fn("store", |ctx| {
            ctx.stopped().wait();
            Err("cannot flush".into())
        }));
        group.register(service_fn("asks", |ctx| {
            ctx.handle().wait_till_ready()?;
            ctx.handle().stop("enough");
            Ok(())
        }));
        let error = group.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Failed);
        assert_eq!(error.cause().unwrap().to_string(), "unit 'store': serve failed: cannot flush");
        assert_eq!(error.report().unwrap().reason(), &StopReason::from("enough"));
    });
}

#[test]
fn l6_a_service_that_fails_behind_a_clean_end_makes_it_an_error() {
    within(SOON, || {
        let mut group = Group::new("demo").args(["demo"]);
        group.register(service_fn("store", |ctx| {
            ctx.stopped().wait();
            panic!("cannot flush")
        }));
        group.register(service_fn("short", |ctx| Ok(ctx.handle().wait_till_ready()?)));
        let error = group.run().unwrap_err();
        assert_eq!(error.cause().unwrap().unit(), "store");
        assert_eq!(error.report().unwrap().reason(), &StopReason::UnitStopped("short".into()));
    });
}

#[test]
fn l6_a_failed_graceful_stop_is_an_error_and_not_the_cause_of_another_failure() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        let broken = journal.script("polite");
        group.register(broken.graceful_stop(|| Err("cannot say goodbye".into())));
        group.register(service_fn("asks", |ctx| {
            ctx.handle().wait_till_ready()?;
            ctx.handle().stop("enough");
            Ok(())
        }));
        let error = group.run().unwrap_err();
        let cause = error.cause().unwrap();
        assert_eq!((cause.unit(), cause.phase()), ("polite", Phase::GracefulStop));

        let mut group = Group::new("demo").args(["demo"]);
        let broken = journal.script("polite");
        group.register(broken.graceful_stop(|| Err("cannot say goodbye".into())));
        group.register(service_fn("first", |ctx| {
            ctx.handle().wait_till_ready()?;
            Err("broken".into())
        }));
        let error = group.run().unwrap_err();
        assert_eq!(error.cause().unwrap().unit(), "first");
        let phases: Vec<_> = error.failures().iter().map(Failure::phase).collect();
        assert_eq!(phases, [Phase::Serve, Phase::GracefulStop]);
    });
}

#[test]
fn l6_the_first_request_is_the_reason() {
    within(SOON, || {
        let mut group = Group::new("demo").args(["demo"]);
        group.register(service_fn("asks", |ctx| {
            assert!(ctx.handle().stop("first"));
            assert!(!ctx.handle().stop("second"));
            Ok(())
        }));
        assert_eq!(group.run().unwrap().reason(), &StopReason::from("first"));
    });
}

// ---- L5 ----

fn seen(end: &StopNotify) -> bool {
    select! {
        recv(end.receiver()) -> _ => true,
        default => false,
    }
}

#[test]
fn l5_the_end_of_a_run_is_sticky_and_any_number_of_threads_can_wait_for_it() {
    within(SOON, || {
        let mut group = Group::new("demo").args(["demo"]);
        group.register(service_fn("short", |ctx| {
            assert!(!seen(&ctx.handle().stop_notify()), "it has not ended");
            Err(OutOfCheese { slices: 3 }.into())
        }));
        let end = group.handle().stop_notify();
        assert!(end.outcome().is_none());
        assert!(end.wait_timeout(Duration::ZERO).unwrap().is_none());
        let waiters: Vec<_> = (0..4)
            .map(|number| {
                let end = end.clone();
                thread::spawn(move || {
                    if number % 2 == 0 {
                        end.wait().unwrap();
                    } else {
                        select! {
                            recv(end.receiver()) -> _ => {}
                            recv(after(SOON)) -> _ => panic!("the end was not seen"),
                        }
                    }
                    // Whoever has seen the end sees the outcome: no waiting, no second look.
                    let failure = end.outcome().expect("set before it is seen").failure().cloned();
                    failure.expect("the service failed").downcast_ref::<OutOfCheese>().is_some()
                })
            })
            .collect();
        group.run().unwrap_err();
        for waiter in waiters {
            assert!(waiter.join().unwrap());
        }
        assert!(seen(&end) && seen(&end), "it stays");
        assert!(end.wait().unwrap().failure().is_some());
        assert!(seen(&group.handle().stop_notify()), "also for those who come late");
    });
}

#[test]
fn l5_the_end_of_a_run_has_its_outcome_however_it_ended() {
    within(SOON, || {
        let outcome_of = |mut group: Group| {
            let end = group.handle().stop_notify();
            let result = group.run();
            let outcome = end.outcome().expect("the run is over").clone();
            assert_eq!(outcome.is_ok(), result.is_ok(), "{outcome} after {result:?}");
            outcome
        };
        let journal = Journal::new();
        let mut clean = Group::new("demo").args(["demo"]);
        clean.register(service_fn("short", |_| Ok(())));
        assert!(outcome_of(clean).is_ok());

        let mut panics = Group::new("demo").args(["demo"]);
        panics.register(service_fn("fragile", |_| panic!("out of cheese")));
        let outcome = outcome_of(panics);
        assert_eq!(outcome.failure().unwrap().as_panic().unwrap().message(), "out of cheese");

        let mut pre_run = Group::new("demo").args(["demo"]);
        pre_run
            .register(journal.script("early").without_service().pre_run(|_| Err("no disk".into())));
        assert_eq!(outcome_of(pre_run).failure().unwrap().unit(), "early");

        let mut config = Group::new("demo").args(["demo", "--nonsense"]);
        config.register(service_fn("short", |_| Ok(())));
        assert!(outcome_of(config).to_string().contains("--nonsense"));

        let mut definition = Group::new("demo").args(["demo"]);
        definition.register(service_fn("", |_| Ok(())));
        assert!(!outcome_of(definition).is_ok());

        let dropped = Group::new("demo");
        let end = dropped.handle().stop_notify();
        drop(dropped);
        assert!(end.outcome().is_some(), "nobody waits for a group that is gone");
    });
}

#[test]
fn l5_the_end_of_a_unit_has_the_outcome_of_its_serve() {
    within(SOON, || {
        let mut group = Group::new("demo").args(["demo"]);
        let unit = group.register(service_fn("broken", |ctx| {
            ctx.stopped().wait();
            Err(OutOfCheese { slices: 4 }.into())
        }));
        let unit = unit.id();
        group.register(service_fn("looks", move |ctx| {
            ctx.handle().wait_till_ready()?;
            let end = ctx.handle().deregister(unit)?;
            select! {
                recv(end.receiver()) -> _ => {}
                recv(after(SOON)) -> _ => return Err("the end was not seen".into()),
            }
            let outcome = end.outcome().expect("set before it is seen");
            let original = outcome.failure().and_then(|it| it.downcast_ref::<OutOfCheese>());
            assert_eq!(original, Some(&OutOfCheese { slices: 4 }));
            assert!(end.wait()?.failure().is_some());
            Ok(())
        }));
        let error = group.run().unwrap_err();
        assert_eq!(error.cause().unwrap().unit(), "broken", "a failed service is never Ok");
        assert_eq!(error.report().unwrap().reason(), &StopReason::UnitStopped("looks".into()));
    });
}

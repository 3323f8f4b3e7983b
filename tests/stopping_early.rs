//! Stops that come before everything serves (L7): before the run, during the pre-runs, during the
//! start, from any thread and from every callback.

// Threads of the test's own; the library's one place for them is not open to it.
#![allow(clippy::disallowed_methods)]

mod common;

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use common::{SOON, within};
use rungroup::testing::Journal;
use rungroup::{Group, NotReady, Report, StopReason, StopToken, UnitState, service_fn};

#[track_caller]
fn assert_reason(report: &Report, words: &str) {
    assert_eq!(report.reason(), &StopReason::from(words));
}

// ---- before the run ----

#[test]
fn l7_a_stop_before_the_run_makes_it_return_ok_without_a_pre_run() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        group.register(journal.script("store").all_phases());
        let handle = group.handle();
        thread::spawn(move || handle.stop("changed our mind")).join().unwrap();
        assert!(group.handle().stopped().is_stopped(), "the token is there before any run");
        assert_reason(&group.run().unwrap(), "changed our mind");
        for phase in ["pre_run", "serve", "graceful_stop", "post_run"] {
            assert_eq!(journal.units(phase), [""; 0], "{phase}");
        }
        assert_eq!(group.handle().wait_till_ready(), Err(NotReady::Stopped));
    });
}

#[test]
fn l7_a_stop_between_config_and_run_counts_as_well() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        group.register(journal.script("store").all_phases());
        let _ = group.run_config().unwrap();
        group.handle().stop("changed our mind");
        assert_reason(&group.run().unwrap(), "changed our mind");
        assert_eq!(journal.units("pre_run"), [""; 0]);
    });
}

#[test]
fn l7_a_stop_does_not_hide_settings_that_are_wrong() {
    within(SOON, || {
        let mut group = Group::new("demo").args(["demo", "--nonsense"]);
        group.register(service_fn("server", |_| Ok(())));
        group.handle().stop("changed our mind");
        assert!(group.run().unwrap_err().to_string().contains("--nonsense"));
    });
}

#[test]
fn l7_a_stop_from_a_validate_is_followed_by_no_pre_run() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        let handle = group.handle();
        group.register(journal.script("store").all_phases().validate(move || {
            handle.stop("not with these settings");
            Ok(())
        }));
        assert_reason(&group.run().unwrap(), "not with these settings");
        assert_eq!(journal.units("pre_run"), [""; 0]);
    });
}

// ---- during the pre-runs ----

#[test]
fn l7_a_stop_in_a_pre_run_ends_the_run_without_serving_and_cleans_up() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        group.register(journal.script("first").all_phases());
        group.register(journal.script("asks").all_phases().pre_run(|ctx| {
            ctx.handle().stop("no need");
            Ok(())
        }));
        group.register(journal.script("third").all_phases());
        assert_reason(&group.run().unwrap(), "no need");
        assert_eq!(journal.units("pre_run"), ["first", "asks"]);
        assert_eq!(journal.units("serve"), [""; 0]);
        assert_eq!(journal.units("post_run"), ["asks", "first"]);
        assert_eq!(group.handle().wait_till_ready(), Err(NotReady::Stopped));
    });
}

#[test]
fn l7_a_long_pre_run_sees_a_stop_from_another_thread_at_once() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        let (begun, waits) = mpsc::channel();
        group.register(journal.script("slow").all_phases().pre_run(move |ctx| {
            begun.send(ctx.stopped().clone())?;
            assert_eq!(ctx.stopped().wait(), &StopReason::from("from outside"));
            Ok(())
        }));
        let handle = group.handle();
        let other = thread::spawn(move || {
            let token: StopToken = waits.recv().unwrap();
            assert!(!token.is_stopped());
            handle.stop("from outside");
            assert!(token.is_stopped(), "set when the request returns");
        });
        assert_reason(&group.run().unwrap(), "from outside");
        other.join().unwrap();
        assert_eq!(journal.units("serve"), [""; 0]);
    });
}

#[test]
fn l7_a_stop_in_the_last_pre_run_starts_nothing() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        group.register(journal.script("store").all_phases());
        group.register(journal.script("asks").without_service().pre_run(|ctx| {
            ctx.handle().stop("no need");
            Ok(())
        }));
        let events = group.handle().events(64);
        assert_reason(&group.run().unwrap(), "no need");
        assert!(events.iter().all(|event| event.unit().is_none()), "nothing was begun");
        assert_eq!(journal.units("serve"), [""; 0]);
    });
}

#[test]
fn l7_a_pre_run_that_fails_over_the_stop_is_an_error() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        group.register(journal.script("asks").without_service().pre_run(|ctx| {
            ctx.handle().stop("no need");
            Err("half done".into())
        }));
        let error = group.run().unwrap_err();
        assert_eq!(error.cause().unwrap().unit(), "asks");
        assert_reason(error.report().unwrap(), "no need");
    });
}

// ---- during the start ----

#[test]
fn l7_no_unit_starts_once_the_stop_was_asked_for() {
    within(SOON, || {
        // Which of the two the group hears of first, the stop or the readiness that lets the next one
        // start, is chance; what must hold is not.
        for _ in 0..100 {
            let journal = Journal::new();
            let mut group = Group::new("demo").args(["demo"]);
            let first = journal.script("first").declares_ready().serve(|ctx| {
                ctx.handle().stop("no need");
                ctx.ready();
                ctx.stopped().wait();
                Ok(())
            });
            let first = group.register(first).id();
            let second = group.register(journal.script("second")).after(first).id();
            group.register(journal.script("third")).after(second);
            let report = group.run().unwrap();
            assert_reason(&report, "no need");
            assert_eq!(journal.units("serve"), ["first"]);
            assert_eq!(journal.units("graceful_stop"), ["first"]);
            for unit in &report.units()[1..] {
                let (state, started) = (unit.state, unit.started);
                assert_eq!((state, started), (UnitState::Stopped, None), "{}", unit.path);
            }
            assert_eq!(group.handle().wait_till_ready(), Err(NotReady::Stopped));
        }
    });
}

#[test]
fn l7_a_stop_in_the_midst_of_a_start_leaves_nothing_behind() {
    within(SOON, || {
        // Where the stop comes in differs from round to round; what must hold does not.
        for round in 0..50_usize {
            let journal = Journal::new();
            let mut group = Group::new("demo").args(["demo"]);
            for number in 0..8 {
                let asks = number == round % 8;
                group.register(journal.script(format!("unit-{number}")).serve(move |ctx| {
                    if asks {
                        ctx.handle().stop("no need");
                    }
                    ctx.stopped().wait();
                    Ok(())
                }));
            }
            let report = group.run().unwrap();
            assert_reason(&report, "no need");
            let (mut served, mut told) = (journal.units("serve"), journal.units("graceful_stop"));
            served.sort();
            told.sort();
            assert_eq!(told, served, "who was entered is told, and nobody else");
            assert!(report.units().iter().all(|unit| unit.state == UnitState::Stopped));
        }
    });
}

#[test]
fn l7_a_failure_at_the_start_keeps_what_waits_from_starting() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        let broken = journal.script("first").fail("broken");
        let first = group.register(broken.declares_ready()).id();
        group.register(journal.script("second")).after(first);
        let error = group.run().unwrap_err();
        assert_eq!(error.cause().unwrap().unit(), "first");
        assert_eq!(journal.units("serve"), ["first"]);
        assert_eq!(group.handle().wait_till_ready(), Err(NotReady::Failed("first".into())));
    });
}

// ---- from anywhere ----

#[test]
fn l7_a_stop_can_be_asked_for_from_any_thread_of_a_unit() {
    within(SOON, || {
        let mut group = Group::new("demo").args(["demo"]);
        group.register(service_fn("server", |ctx| {
            ctx.spawn("asks", |ctx| {
                ctx.handle().stop("from a thread of its own");
            })?;
            ctx.stopped().wait();
            Ok(())
        }));
        assert_reason(&group.run().unwrap(), "from a thread of its own");

        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        group.register(journal.script("server").all_phases().pre_run(|ctx| {
            let handle = ctx.handle().clone();
            Ok(ctx.spawn_helper("asks", move || {
                handle.stop("from a helper thread");
            })?)
        }));
        assert_reason(&group.run().unwrap(), "from a helper thread");
    });
}

#[test]
fn l7_asking_again_in_the_callbacks_of_a_stop_changes_nothing() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        let (in_stop, in_post) = (group.handle(), group.handle());
        let (log, log_too) = (journal.clone(), journal.clone());
        group.register(
            journal
                .script("store")
                .all_phases()
                .serve(|ctx| {
                    let handle = ctx.handle().clone();
                    let _guard = ctx.on_stop(move || {
                        handle.stop("in on_stop");
                    });
                    ctx.handle().stop("first");
                    ctx.stopped().wait();
                    Ok(())
                })
                .graceful_stop(move || {
                    log.note(format!("again: {}", in_stop.stop("in graceful_stop")));
                    Ok(())
                })
                .post_run(move || {
                    log_too.note(format!("again: {}", in_post.stop("in post_run")));
                    Ok(())
                }),
        );
        assert_reason(&group.run().unwrap(), "first");
        assert_eq!(journal.count("again: false"), 2);
        assert_eq!(journal.count("store graceful_stop"), 1);
    });
}

// ---- the two tokens ----

#[test]
fn l7_the_runs_token_is_set_at_once_and_a_units_when_its_turn_comes() {
    within(SOON, || {
        let mut group = Group::new("demo").args(["demo"]);
        let (look, looked) = mpsc::channel::<()>();
        let looked = std::sync::Mutex::new(looked);
        let store = group.register(service_fn("store", move |ctx| {
            assert_eq!(ctx.handle().stopped().wait(), &StopReason::from("enough"));
            assert!(!ctx.stopped().is_stopped(), "the server still needs it");
            assert!(ctx.sleep(Duration::from_millis(1)), "`sleep` follows the unit's own");
            look.send(())?;
            ctx.stopped().wait();
            Ok(())
        }));
        let store = store.id();
        let server = group.register(service_fn("server", move |ctx| {
            ctx.handle().wait_till_ready()?;
            ctx.handle().stop("enough");
            assert_eq!(ctx.stopped().wait(), &StopReason::from("enough"));
            assert!(!ctx.sleep(SOON));
            looked.lock().unwrap().recv()?;
            Ok(())
        }));
        server.after(store);
        assert_reason(&group.run().unwrap(), "enough");
    });
}

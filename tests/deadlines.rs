//! Deadlines (L10): who does not stop in time is listed with everything that is known of it, and the
//! run returns without it.

// Tests measure, and let go from threads of their own what they have stuck.
#![allow(clippy::disallowed_methods)]

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use common::{tasks, within};
use crossbeam_channel::{Receiver, Sender, bounded};
use rungroup::testing::{Script, Tester};
use rungroup::{ErrorKind, Event, Group, LeftBehind, Phase, Report, RunError, UnitState};

const LIMIT: Duration = Duration::from_secs(30);
/// Long enough for the well-behaved to stop in it, on a busy machine too.
const SHORT: Duration = Duration::from_millis(300);

fn group() -> Group {
    Group::new("demo").args(["demo"]).stop_timeout(SHORT)
}

/// Holds whoever waits on it until it is dropped: at the end of a test, so that nothing stays stuck.
fn hold() -> (Sender<()>, Receiver<()>) {
    bounded(0)
}

fn wait(held: &Receiver<()>) {
    let _ = held.recv();
}

/// Of a group of one unit. When that was told, and how long before the end that was, come to a moment
/// between the deadline and the end of the run. It was told a little after the deadline began to run.
#[track_caller]
fn assert_told_at(left: &LeftBehind, report: &Report) {
    let (told, ago) = (report.units()[0].told.unwrap(), left.told_ago.unwrap());
    assert!((SHORT..=report.took()).contains(&(told + ago)), "{told:?} + {ago:?}: {report}");
}

fn units(left: &[LeftBehind]) -> Vec<(&str, Phase)> {
    left.iter().map(|left| (left.unit.as_deref().unwrap_or(""), left.phase)).collect()
}

#[test]
fn l10_what_does_not_stop_is_listed_with_its_thread() {
    within(LIMIT, || {
        let name = "a-unit-whose-name-is-longer-than-the-kernel-keeps";
        let (_release, held) = hold();
        let id = Arc::new(Mutex::new(None));
        let mut group = group();
        let own = id.clone();
        group.register(Script::new(name).serve(move |_ctx| {
            let link = std::fs::read_link("/proc/thread-self")?;
            *own.lock().unwrap() = link.file_name().and_then(|id| id.to_str()?.parse().ok());
            wait(&held);
            Ok(())
        }));
        let error = Tester::start(group).stop().unwrap_err();

        assert_eq!(error.kind(), ErrorKind::NotStopped);
        assert!(error.cause().is_none(), "nothing has failed");
        let [left] = error.left_behind() else { panic!("{error:?}") };
        assert_eq!((left.unit.as_deref(), left.phase), (Some(name), Phase::Serve));
        assert_eq!(left.thread.name, name, "in full");
        assert!(left.thread.id.is_some());
        assert_eq!(left.thread.id, *id.lock().unwrap());
        assert_told_at(left, error.report().unwrap());
        assert_eq!(left.thread.state, Some("sleeping"));
        // Where the kernel hides the function it says 0, and we say nothing.
        let shown =
            std::fs::read_to_string(format!("/proc/self/task/{}/wchan", left.thread.id.unwrap()));
        let shown = shown.ok().filter(|function| function != "0" && !function.is_empty());
        assert_eq!(left.thread.waits_in, shown);

        let text = error.to_string();
        for fact in [
            format!("unit '{name}' did not stop in "),
            format!("thread '{name}' (id {}, sleeping", left.thread.id.unwrap()),
        ] {
            assert!(text.contains(&fact), "{fact}: {text}");
        }
        let unit = &error.report().unwrap().units()[0];
        assert_eq!((unit.state, unit.late), (UnitState::Stopping, true));
        assert!(unit.outcome.is_none() && unit.stopped.is_none());
    });
}

/// The deadline is the group's, from the moment when its end began: the run returns then.
#[test]
fn l10_the_run_returns_at_the_deadline_and_not_long_after() {
    within(LIMIT, || {
        let (_release, held) = hold();
        let told = Arc::new(AtomicBool::new(false));
        let mut group = Group::new("demo").args(["demo"]).stop_timeout(Duration::from_millis(300));
        group.register(Script::new("stuck").serve(move |_ctx| {
            wait(&held);
            Ok(())
        }));
        for number in 0..9 {
            group.register(Script::new(format!("good-{number}")));
        }
        let seen = told.clone();
        group.register(Script::new("last").graceful_stop(move || {
            seen.store(true, Ordering::SeqCst);
            Ok(())
        }));
        let handle = group.handle();
        let asking = thread::spawn(move || {
            handle.wait_till_ready().unwrap();
            let asked = Instant::now();
            handle.stop("seen enough");
            asked
        });
        let error = group.run().unwrap_err();
        let took = asking.join().unwrap().elapsed();
        assert!(took >= Duration::from_millis(300), "the stuck one had its time: {took:?}");
        assert!(took < Duration::from_millis(900), "and no more: {took:?}");
        assert_eq!(units(error.left_behind()), [("stuck", Phase::Serve)]);
        assert!(told.load(Ordering::SeqCst));
        for unit in error.report().unwrap().units() {
            assert_eq!(unit.late, &*unit.path == "stuck");
        }
    });
}

/// A unit's own deadline ends the wait of the others; the group's is for all.
#[test]
fn l10_a_unit_may_have_a_shorter_deadline_than_its_group() {
    within(LIMIT, || {
        let (_release, held) = hold();
        let mut group = Group::new("demo").args(["demo"]); // 30 s
        let stuck = Script::new("stuck").serve(move |_ctx| {
            wait(&held);
            Ok(())
        });
        group.register(stuck).stop_timeout(SHORT);
        group.register(Script::new("good"));
        let error = Tester::start(group).stop().unwrap_err();
        assert_eq!(units(error.left_behind()), [("stuck", Phase::Serve)]);
        assert!(error.report().unwrap().took() < Duration::from_secs(20));
    });
}

#[test]
fn l10_a_unit_cannot_have_longer_than_its_group() {
    within(LIMIT, || {
        let (_release, held) = hold();
        let mut group = group();
        let stuck = Script::new("stuck").serve(move |_ctx| {
            wait(&held);
            Ok(())
        });
        group.register(stuck).stop_timeout(Duration::from_hours(1));
        let error = Tester::start(group).stop().unwrap_err();
        assert_eq!(units(error.left_behind()), [("stuck", Phase::Serve)]);
    });
}

/// At the group's deadline everybody has been told, also those whose turn had not come.
#[test]
fn l10_at_the_deadline_every_unit_has_been_told() {
    within(LIMIT, || {
        let (_release, held) = hold();
        let mut group = group();
        let store = group.register(Script::new("store")).id();
        let stuck = Script::new("stuck").serve(move |_ctx| {
            wait(&held);
            Ok(())
        });
        group.register(stuck).after(store);
        let events = group.handle().events(256);
        let error = Tester::start(group).stop().unwrap_err();
        let told =
            |event: Event| matches!(event, Event::StopAsked { unit, .. } if &*unit == "store");
        assert!(events.iter().any(told));
        // It was told at the deadline itself: whether it was quick enough to be joined is open.
        assert!(units(error.left_behind()).contains(&("stuck", Phase::Serve)));
    });
}

#[test]
fn l10_a_graceful_stop_that_does_not_return_is_listed() {
    within(LIMIT, || {
        let (_release, held) = hold();
        let (began, called) = (Instant::now(), Arc::new(OnceLock::new()));
        let mut group = group();
        let entered = called.clone();
        group.register(Script::new("deaf").graceful_stop(move || {
            let _ = entered.set(Instant::now());
            wait(&held);
            Ok(())
        }));
        group.register(Script::new("good"));
        let error = Tester::start(group).stop().unwrap_err();

        assert_eq!(error.kind(), ErrorKind::NotStopped);
        let [left] = error.left_behind() else { panic!("{error:?}") };
        assert_eq!((left.unit.as_deref(), left.phase), (Some("deaf"), Phase::GracefulStop));
        assert!(left.thread.id.is_some());
        // It was asked for before it was called, and the end came no sooner than the deadline.
        assert!(*called.get().unwrap() + left.told_ago.unwrap() >= began + SHORT, "{left}");
        let text = error.to_string();
        assert!(text.contains("unit 'deaf': graceful_stop did not return in "), "{text}");
        // Its service itself has stopped, and not all of the unit.
        let report = error.report().unwrap();
        assert_eq!(report.units()[0].state, UnitState::Stopped);
        assert!(report.to_string().contains("\n1 of 2 units did not stop in "), "{report}");
    });
}

#[test]
fn l10_an_on_stop_callback_that_does_not_return_is_listed() {
    within(LIMIT, || {
        let (_release, held) = hold();
        let mut group = group();
        group.register(Script::new("deaf").serve(move |ctx| {
            let held = held.clone();
            ctx.on_stop(move || wait(&held)).keep();
            ctx.stopped().wait();
            Ok(())
        }));
        let error = Tester::start(group).stop().unwrap_err();
        assert_eq!(units(error.left_behind()), [("deaf", Phase::OnStop)]);
    });
}

#[test]
fn l10_a_thread_of_a_unit_that_does_not_end_is_listed() {
    within(LIMIT, || {
        let (_release, held) = hold();
        let mut group = group();
        group.register(Script::new("server").serve(move |ctx| {
            let held = held.clone();
            ctx.spawn("connection-from-far-away", move |_ctx| wait(&held))?;
            ctx.stopped().wait();
            Ok(())
        }));
        let error = Tester::start(group).stop().unwrap_err();
        let [left] = error.left_behind() else { panic!("{error:?}") };
        assert_eq!((left.unit.as_deref(), left.phase), (Some("server"), Phase::Helper));
        assert_eq!(left.thread.name, "server:connection-from-far-away");
        assert_told_at(left, error.report().unwrap());
    });
}

#[test]
fn l10_a_helper_of_a_pre_run_that_does_not_end_is_listed() {
    within(LIMIT, || {
        let (_release, held) = hold();
        // As long as helpers have in any case. Its service stops in that time.
        let limit = Duration::from_secs(1);
        let mut group = Group::new("demo").args(["demo"]).stop_timeout(limit);
        group.register(Script::new("watcher").pre_run(move |ctx| {
            let held = held.clone();
            Ok(ctx.spawn_helper("watch-the-directory", move || wait(&held))?)
        }));
        let error = Tester::start(group).stop().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotStopped);
        let [left] = error.left_behind() else { panic!("{error:?}") };
        assert_eq!((left.unit.as_deref(), left.phase), (Some("watcher"), Phase::Helper));
        assert_eq!(left.thread.name, "watcher:watch-the-directory");
        assert!(left.told_ago.unwrap() >= limit, "{left}");
    });
}

#[test]
fn l10_clean_up_is_skipped_for_what_is_left_behind_and_for_what_it_uses() {
    within(LIMIT, || {
        let (_release, held) = hold();
        let cleaned = Arc::new(Mutex::new(Vec::new()));
        let noting = |name: &'static str| {
            let cleaned = cleaned.clone();
            Script::new(name).post_run(move || {
                cleaned.lock().unwrap().push(name);
                Ok(())
            })
        };
        let mut group = group();
        let disk = group.register(noting("disk")).id();
        let store = group.register(noting("store")).after(disk).id();
        let server = noting("server").serve(move |_ctx| {
            wait(&held);
            Ok(())
        });
        let server = group.register(server).after(store).id();
        group.register(noting("front")).after(server);
        group.register(noting("other"));
        let error = Tester::start(group).stop().unwrap_err();

        assert_eq!(*cleaned.lock().unwrap(), ["other", "front"], "in reverse");
        let skipped = error.report().unwrap().skipped_post_runs();
        assert_eq!(
            skipped.iter().map(|unit| &**unit).collect::<Vec<_>>(),
            ["server", "store", "disk"]
        );
        assert!(error.to_string().contains("unit 'store': post_run was skipped"), "{error}");
    });
}

#[test]
fn l10_clean_up_is_skipped_where_a_graceful_stop_is_stuck() {
    within(LIMIT, || {
        let (_release, held) = hold();
        let cleaned = Arc::new(AtomicBool::new(false));
        let mut group = group();
        let seen = cleaned.clone();
        group.register(
            Script::new("deaf")
                .graceful_stop(move || {
                    wait(&held);
                    Ok(())
                })
                .post_run(move || {
                    seen.store(true, Ordering::SeqCst);
                    Ok(())
                }),
        );
        let error = Tester::start(group).stop().unwrap_err();
        assert!(!cleaned.load(Ordering::SeqCst), "the call may still use what it would clean up");
        assert_eq!(&*error.report().unwrap().skipped_post_runs()[0], "deaf");
    });
}

/// Late, but not too late: it is nobody's fault any more when it has stopped before the run's end.
#[test]
fn l10_a_late_unit_that_stops_before_the_run_does_is_joined_and_not_listed() {
    within(LIMIT, || {
        let (release, held) = hold();
        let mut group = Group::new("demo").args(["demo"]);
        let late = Script::new("late").serve(move |_ctx| {
            wait(&held);
            Ok(())
        });
        group.register(late).stop_timeout(SHORT);
        let events = group.handle().events(256);
        let release = Mutex::new(Some((release, events)));
        // It keeps the run going until the late one has stopped.
        group.register(Script::new("slow").serve(move |ctx| {
            let (release, events) = release.lock().unwrap().take().unwrap();
            ctx.stopped().wait();
            let late = |event: &Event| matches!(event, Event::Late { .. });
            assert!(events.iter().any(|event| late(&event)));
            drop(release);
            let stopped = |event: &Event| matches!(event, Event::Stopped { .. });
            assert!(events.iter().any(|event| stopped(&event)));
            Ok(())
        }));
        let report = Tester::start(group).stop().unwrap();
        assert!(report.left_behind().is_empty());
        let unit = &report.units()[0];
        assert!(unit.late);
        assert_eq!(unit.state, UnitState::Stopped);
        assert!(unit.stopped.is_some());
        assert!(report.to_string().contains("late"), "{report}");
    });
}

/// A failure beside it does not hide what was left behind, nor the other way round.
#[test]
fn l10_a_failed_unit_is_the_cause_and_the_stuck_one_is_listed_beside_it() {
    within(LIMIT, || {
        let (_release, held) = hold();
        let mut group = group();
        group.register(Script::new("stuck").serve(move |_ctx| {
            wait(&held);
            Ok(())
        }));
        group.register(Script::new("broken").serve(|ctx| {
            ctx.handle().wait_till_ready()?;
            Err("no route to host".into())
        }));
        let error: RunError = group.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Failed);
        assert_eq!(error.cause().unwrap().unit(), "broken");
        assert_eq!(units(error.left_behind()), [("stuck", Phase::Serve)]);
        let text = error.to_string();
        assert!(text.starts_with("unit 'broken': serve failed: no route to host\n"), "{text}");
        assert!(text.contains("unit 'stuck' did not stop"), "{text}");
    });
}

/// Left behind means left alone: the thread lives on, and may end later without harm.
#[test]
fn l10_a_thread_that_was_left_behind_may_still_end() {
    within(LIMIT, || {
        let (release, held) = hold();
        let mut group = group();
        group.register(Script::new("stuck").serve(move |ctx| {
            wait(&held);
            ctx.ready();
            assert!(ctx.spawn("too-late", |_ctx| {}).is_ok(), "it has not stopped itself");
            drop(ctx.on_stop(|| {}));
            Err("nobody listens".into())
        }));
        let handle = group.handle();
        let error = Tester::start(group).stop().unwrap_err();
        let id = error.left_behind()[0].thread.id.unwrap();
        assert!(tasks::of("self").contains_key(&id), "it cannot be killed");
        assert!(handle.stop_notify().outcome().is_some());
        drop(release);
        while tasks::of("self").contains_key(&id) {
            thread::yield_now(); // a thread that nobody joins tells nobody else of its end
        }
    });
}

/// Deadlines are from the request on, however often it is repeated.
#[test]
fn l10_asking_again_does_not_move_the_deadline() {
    within(LIMIT, || {
        let (_release, held) = hold();
        let mut group = group();
        group.register(Script::new("stuck").serve(move |_ctx| {
            wait(&held);
            Ok(())
        }));
        let handle = group.handle();
        let ended = handle.stop_notify();
        let asking = thread::spawn(move || {
            handle.wait_till_ready().unwrap();
            assert!(handle.stop("now"));
            // Again and again, more often than the deadline is long, until the run has returned.
            while ended.wait_timeout(SHORT / 4).unwrap().is_none() {
                assert!(!handle.stop("now, really"));
            }
        });
        let error = group.run().unwrap_err();
        assert_eq!(error.report().unwrap().reason().to_string(), "requested: now");
        asking.join().unwrap();
    });
}

//! The facts of a run, afterwards (`Report`, V3) and meanwhile (`Snapshot`, V2).

// Tests ask and look from threads of their own.
#![allow(clippy::disallowed_methods)]

mod common;

use std::thread;
use std::time::{Duration, Instant};

use common::{tasks, within};
use crossbeam_channel::{bounded, unbounded};
use rungroup::testing::{Script, Tester};
use rungroup::{
    Event, Failure, Flag, FlagSet, Group, Phase, Report, Snapshot, StopReason, UnitReport,
    UnitState, pre_run_fn,
};

const LIMIT: Duration = Duration::from_secs(30);

fn group() -> Group {
    Group::new("demo").args(["demo"])
}

fn paths(report: &Report) -> Vec<&str> {
    report.units().iter().map(|unit| &*unit.path).collect()
}

// ---- afterwards ----

#[test]
fn v3_a_report_has_the_times_of_every_unit_in_their_order() {
    within(LIMIT, || {
        let pause = Duration::from_millis(20);
        let mut group = group();
        let store = Script::new("store").declares_ready().serve(move |ctx| {
            assert!(ctx.sleep(pause));
            ctx.ready();
            ctx.stopped().wait();
            thread::sleep(pause); // what it has to save
            Ok(())
        });
        let store = group.register(store).id();
        group.register(Script::new("server")).after(store);
        let report = Tester::start(group).stop().unwrap();

        assert_eq!(report.reason(), &StopReason::from("seen enough"));
        assert_eq!(paths(&report), ["store", "server"], "in start order");
        for unit in report.units() {
            let times = [unit.started, unit.ready, unit.told, unit.stopped].map(Option::unwrap);
            assert!(times.is_sorted(), "{unit:?}");
            assert!(times[3] <= report.took());
            assert_eq!(unit.stop_time(), times[3].checked_sub(times[2]));
            assert_eq!(unit.state, UnitState::Stopped);
            assert!(unit.outcome.as_ref().unwrap().is_ok() && !unit.late);
        }
        let [store, server] = report.units() else { unreachable!() };
        assert!(store.ready.unwrap() >= store.started.unwrap() + pause);
        assert!(server.started >= store.ready, "it waited for the store");
        assert!(store.told >= server.stopped, "and the store for it");
        assert!(store.stop_time().unwrap() >= pause);
        assert!(report.stop_time().unwrap() >= store.stop_time().unwrap());
        assert!(report.took() >= report.stop_time().unwrap());
        assert!(report.failures().is_empty() && report.left_behind().is_empty());
        assert!(report.skipped_post_runs().is_empty() && report.exit().is_none());
    });
}

#[test]
fn v3_the_time_of_a_run_begins_when_the_config_phase_is_over() {
    within(LIMIT, || {
        let (say, over) = unbounded();
        let size = Flag::new("size", 1_u32, "how many").check(move |_| {
            thread::sleep(Duration::from_millis(20)); // as it may take to look at a large file
            say.send(Instant::now()).map_err(|_| "nobody listens")
        });
        let mut group = Group::new("demo").args(["demo", "--size=2"]);
        group.register(pre_run_fn("slow", |_ctx| Ok(())).flags(FlagSet::new("Slow").add(&size)));
        let report = group.run().unwrap();
        assert!(report.took() <= over.try_iter().last().unwrap().elapsed(), "{report}");
    });
}

#[test]
fn v3_what_ends_in_the_config_phase_takes_no_time() {
    let report = Group::new("demo").args(["demo", "--help"]).run().unwrap();
    assert_eq!(report.took(), Duration::ZERO);
    let error = Group::new("demo").args(["demo", "--unknown"]).run().unwrap_err();
    let report = error.report().unwrap();
    assert_eq!(report.took(), Duration::ZERO);
    assert_eq!(report.to_string().lines().next(), Some("stopped: the run failed before it served"));
}

#[test]
fn v3_the_reason_is_what_came_first() {
    within(LIMIT, || {
        let reason = |build: &dyn Fn(&mut Group)| {
            let mut group = group();
            build(&mut group);
            match group.run() {
                Ok(report) => report.reason().clone(),
                Err(error) => error.report().unwrap().reason().clone(),
            }
        };
        let ended = reason(&|group| {
            group.register(Script::new("short").finish());
            group.register(Script::new("long"));
        });
        assert_eq!(ended, StopReason::UnitStopped("short".into()));
        let failed = reason(&|group| {
            group.register(Script::new("broken").fail("no more"));
        });
        assert_eq!(failed, StopReason::UnitStopped("broken".into()));
        let tasks = reason(&|group| {
            group.register(Script::new("task").finish()).task();
            group.register(Script::new("metrics")).background();
        });
        assert_eq!(tasks, StopReason::TasksDone);
        let pre_run = reason(&|group| {
            group.register(pre_run_fn("broken", |_ctx| Err("the disk is full".into())));
        });
        assert_eq!(pre_run, StopReason::RunFailed);
        let asked_twice = reason(&|group| {
            group.register(Script::new("server").serve(|ctx| {
                assert!(ctx.handle().stop("first"));
                assert!(!ctx.handle().stop("second"));
                Ok(())
            }));
        });
        assert_eq!(asked_twice, StopReason::from("first"));
    });
}

#[test]
fn v3_the_reason_is_the_tokens_where_nothing_has_run_too() {
    for (argument, asked) in
        [("--help", false), ("--help", true), ("--nonsense", false), ("--nonsense", true)]
    {
        let mut group = Group::new("demo").args(["demo", argument]);
        let handle = group.handle();
        if asked {
            handle.stop("enough");
        }
        let reason = match group.run() {
            Ok(report) => report.reason().clone(),
            Err(error) => error.report().unwrap().reason().clone(),
        };
        assert_eq!(Some(&reason), handle.stopped().reason(), "{argument}");
        assert_eq!(reason == StopReason::from("enough"), asked, "{argument}");
    }
}

#[test]
fn v3_a_failed_run_has_its_report_in_the_error() {
    within(LIMIT, || {
        let mut group = group();
        group.register(Script::new("good"));
        group.register(
            Script::new("bad")
                .serve(|ctx| {
                    ctx.handle().wait_till_ready()?;
                    Err("no route to host".into())
                })
                .graceful_stop(|| panic!("fell over")),
        );
        let error = group.run().unwrap_err();
        let report = error.report().unwrap();

        let [good, bad] = report.units() else { panic!("{report:?}") };
        assert!(good.outcome.as_ref().unwrap().is_ok());
        assert_eq!((good.state, bad.state), (UnitState::Stopped, UnitState::Failed));
        let failure = bad.outcome.as_ref().unwrap().failure().unwrap();
        assert_eq!(failure.to_string(), "unit 'bad': serve failed: no route to host");
        let phases: Vec<_> = report.failures().iter().map(Failure::phase).collect();
        assert_eq!(phases, [Phase::Serve, Phase::GracefulStop], "all that failed, in order");
        assert!(bad.told.is_some(), "ended by itself, by then at the latest");
        assert!(bad.stop_time().is_some());
    });
}

#[test]
fn v3_a_unit_that_was_not_started_has_no_times() {
    within(LIMIT, || {
        let mut group = group();
        let broken = Script::new("broken").declares_ready().fail("no disk");
        let broken = group.register(broken).id();
        group.register(Script::new("server")).after(broken);
        let error = group.run().unwrap_err();
        let report = error.report().unwrap();
        let server = &report.units()[1];
        assert_eq!(server.state, UnitState::Stopped);
        assert!(server.outcome.is_none());
        let UnitReport { started, ready, told, stopped, .. } = server;
        assert_eq!([started, ready, told, stopped], [&None; 4]);
        assert!(report.to_string().contains("not started"), "{report}");
    });
}

#[test]
fn v3_where_nothing_served_there_are_no_units_and_no_stop_time() {
    within(LIMIT, || {
        let mut group = group();
        group.register(pre_run_fn("migrate", |_ctx| Ok(())));
        let report = group.run().unwrap();
        assert!(report.units().is_empty());
        assert_eq!(report.stop_time(), None);
    });
}

#[test]
fn v3_a_report_reads_as_a_list_of_who_took_how_long() {
    within(LIMIT, || {
        let mut group = group();
        let store = group.register(Script::new("store")).id();
        let server = Script::new("server").graceful_stop(|| {
            thread::sleep(Duration::from_millis(20));
            Ok(())
        });
        group.register(server).after(store);
        let text = Tester::start(group).stop().unwrap().to_string();
        let lines: Vec<&str> = text.lines().collect();
        let [first, units @ .., last] = &lines[..] else { panic!("{text}") };
        assert!(first.starts_with("stopped after "), "{text}");
        assert!(first.ends_with(": requested: seen enough"), "{text}");
        assert_eq!(units.len(), 2, "{text}");
        for name in ["store", "server"] {
            assert!(units.iter().any(|line| line.trim_start().starts_with(name)), "{text}");
        }
        assert!(last.starts_with("all 2 units stopped in "), "{text}");
    });
}

#[test]
fn v3_a_report_says_what_was_left_behind() {
    within(LIMIT, || {
        let (_release, held) = bounded::<()>(0);
        let mut group = group().stop_timeout(Duration::from_millis(300));
        group.register(Script::new("stuck").serve(move |_ctx| {
            let _ = held.recv();
            Ok(())
        }));
        group.register(Script::new("good"));
        let error = Tester::start(group).stop().unwrap_err();
        let text = error.report().unwrap().to_string();
        let stuck = text.lines().find(|line| line.trim_start().starts_with("stuck")).unwrap();
        assert!(stuck.contains("left behind"), "{text}");
        assert!(
            text.lines().last().unwrap().starts_with("1 of 2 units did not stop in "),
            "{text}"
        );
    });
}

// ---- meanwhile ----

fn look(snapshot: &Snapshot) -> Vec<(&str, UnitState, bool)> {
    snapshot.units.iter().map(|unit| (&*unit.path, unit.state, unit.ready)).collect()
}

#[test]
fn v2_a_snapshot_shows_every_service_in_start_order() {
    within(LIMIT, || {
        let mut group = group();
        group.register(pre_run_fn("migrate", |ctx| {
            let early = ctx.handle().snapshot();
            assert!(early.units.is_empty(), "before the run has come to the services: {early}");
            Ok(())
        }));
        let store = group.register(Script::new("store")).id();
        group.register(Script::new("server")).after(store);
        let handle = group.handle();
        let looking = thread::spawn(move || {
            handle.wait_till_ready().unwrap();
            let snapshot = handle.snapshot();
            handle.stop("seen enough");
            assert!(handle.stop_notify().wait().unwrap().is_ok());
            (snapshot, handle.snapshot())
        });
        group.run().unwrap();
        let (meanwhile, afterwards) = looking.join().unwrap();
        assert_eq!(
            look(&meanwhile),
            [("store", UnitState::Running, true), ("server", UnitState::Running, true)]
        );
        let states = afterwards.units.iter().map(|unit| unit.state);
        assert_eq!(states.collect::<Vec<_>>(), [UnitState::Stopped; 2]);
        let text = meanwhile.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "a line for each: {text}");
        assert!(lines[0].starts_with("store   running ") && lines[0].contains("  ready"), "{text}");
        assert!(lines[1].starts_with("server  running ") && lines[1].contains("thread 'server'"));
    });
}

#[test]
fn v2_a_unit_that_waits_to_start_says_for_whom() {
    within(LIMIT, || {
        let mut group = group();
        let store = Script::new("store").declares_ready().serve(|ctx| {
            let snapshot = ctx.handle().snapshot();
            let server = &snapshot.units[1];
            assert_eq!((server.state, server.ready), (UnitState::New, false));
            assert_eq!(server.waits_for, ["store".into()]);
            assert!(server.threads.is_empty());
            assert!(snapshot.to_string().contains("waits for store"), "{snapshot}");
            ctx.ready();
            ctx.stopped().wait();
            Ok(())
        });
        let store = group.register(store).id();
        group.register(Script::new("server")).after(store);
        Tester::start(group).stop().unwrap();
    });
}

#[test]
fn v2_a_unit_that_waits_to_stop_says_for_whom() {
    within(LIMIT, || {
        let mut group = group();
        let store = group.register(Script::new("store")).id();
        let server = Script::new("server").serve(|ctx| {
            ctx.stopped().wait();
            let snapshot = ctx.handle().snapshot();
            let [store, server] = &snapshot.units[..] else { panic!("{snapshot}") };
            assert_eq!(server.state, UnitState::Stopping);
            assert!(server.waits_for.is_empty());
            assert_eq!(store.state, UnitState::Running);
            assert_eq!(store.waits_for, ["server".into()]);
            Ok(())
        });
        group.register(server).after(store);
        Tester::start(group).stop().unwrap();
    });
}

#[test]
fn v2_a_snapshot_names_the_threads_that_live() {
    within(LIMIT, || {
        let (release, held) = bounded::<()>(0);
        let mut group = group();
        let name = "a-server-with-a-name-that-is-long";
        group.register(Script::new(name).serve(move |ctx| {
            let held = held.clone();
            ctx.spawn("worker", move |_ctx| {
                let _ = held.recv();
            })?;
            ctx.stopped().wait();
            Ok(())
        }));
        group.register(Script::new("pool")).instances(2);
        let handle = group.handle();
        let looking = thread::spawn(move || {
            handle.wait_till_ready().unwrap();
            // The worker is spawned after `serve` was entered: it may not be there yet.
            let snapshot = std::iter::repeat_with(|| handle.snapshot())
                .find(|snapshot| snapshot.units[0].threads.len() == 2)
                .unwrap();
            let mut names: Vec<&str> =
                snapshot.units.iter().flat_map(|unit| &unit.threads).map(|it| &*it.name).collect();
            names.sort_unstable();
            let worker = format!("{name}:worker");
            assert_eq!(names, [name, &*worker, "pool#0", "pool#1"]);
            let tasks = tasks::of("self");
            for thread in snapshot.units.iter().flat_map(|unit| &unit.threads) {
                // A thread knows its number when it runs.
                let Some(id) = thread.id else { continue };
                let short = &thread.name[..thread.name.len().min(15)];
                assert_eq!(tasks[&id], short);
            }
            drop(release);
            handle.stop("seen enough");
            assert!(handle.stop_notify().wait().unwrap().is_ok());
            let snapshot = handle.snapshot();
            assert!(snapshot.units.iter().all(|unit| unit.threads.is_empty()), "{snapshot}");
        });
        group.run().unwrap();
        looking.join().unwrap();
    });
}

#[test]
fn v2_a_snapshot_shows_what_failed_last_and_who_is_late() {
    within(LIMIT, || {
        let (release, held) = bounded::<()>(0);
        let mut group = group();
        let late = Script::new("late").serve(move |_ctx| {
            let _ = held.recv();
            Ok(())
        });
        group.register(late).stop_timeout(Duration::from_millis(30));
        group.register(Script::new("clumsy").graceful_stop(|| panic!("fell over")));
        let release = std::sync::Mutex::new(Some((release, group.handle().events(64))));
        group.register(Script::new("looks").serve(move |ctx| {
            ctx.stopped().wait();
            let (release, events) = release.lock().unwrap().take().unwrap();
            let (mut late, mut failed) = (false, false);
            for event in events.iter() {
                late |= matches!(event, Event::Late { .. });
                failed |= matches!(event, Event::CallbackFailed { .. });
                if late && failed {
                    break;
                }
            }
            let snapshot = ctx.handle().snapshot();
            assert!(snapshot.units[0].late && !snapshot.units[1].late);
            let failure = snapshot.units[1].last_failure.as_ref().unwrap();
            assert_eq!((failure.unit(), failure.phase()), ("clumsy", Phase::GracefulStop));
            let text = snapshot.to_string();
            assert!(text.contains("late") && text.contains("panicked: fell over"), "{text}");
            drop(release);
            Ok(())
        }));
        Tester::start(group).stop().unwrap_err();
    });
}

/// Taken again and again while the group starts and stops, a snapshot never shows what cannot be.
#[test]
fn v2_a_snapshot_is_consistent() {
    within(LIMIT, || {
        for _ in 0..20 {
            let mut group = group();
            let mut previous = None;
            for number in 0..5 {
                let registration = group.register(Script::new(format!("unit-{number}")));
                previous = Some(match previous {
                    Some(previous) => registration.after(previous).id(),
                    None => registration.id(),
                });
            }
            let handle = group.handle();
            let (taken, snapshots) = unbounded();
            let looking = thread::spawn(move || {
                while handle.stop_notify().outcome().is_none() {
                    let snapshot = handle.snapshot();
                    for pair in snapshot.units.windows(2) {
                        let (dependency, dependent) = (&pair[0], &pair[1]);
                        if !matches!(dependent.state, UnitState::New | UnitState::Stopped) {
                            assert!(dependency.ready, "started too early: {snapshot}");
                            assert!(
                                !dependency.state.is_terminal(),
                                "stopped too early: {snapshot}"
                            );
                        }
                    }
                    if !snapshot.units.is_empty() {
                        let _ = taken.send(()); // they are only counted while it serves
                    }
                }
            });
            let run = Tester::start(group);
            assert_eq!(snapshots.iter().take(5).count(), 5, "of a group that serves");
            drop(snapshots);
            run.stop().unwrap();
            looking.join().unwrap();
        }
    });
}

#[test]
fn v2_since_counts_from_the_last_change() {
    within(LIMIT, || {
        let mut group = group();
        group.register(Script::new("server").serve(|ctx| {
            ctx.handle().wait_till_ready()?;
            let early = ctx.handle().snapshot().units[0].since;
            let pause = Duration::from_millis(20);
            assert!(ctx.sleep(pause));
            let late = ctx.handle().snapshot().units[0].since;
            assert!(late >= early + pause);
            let asked = Instant::now();
            ctx.handle().stop("enough");
            ctx.stopped().wait();
            let snapshot = ctx.handle().snapshot();
            assert_eq!(snapshot.units[0].state, UnitState::Stopping);
            assert!(snapshot.units[0].since <= asked.elapsed(), "anew: {snapshot}");
            Ok(())
        }));
        group.run().unwrap();
    });
}

//! Units that start again, on real threads (S1, S2): when, how often, and what others see of it.

// A test takes the time until it was ready.
#![allow(clippy::disallowed_methods)]

mod common;

use std::time::{Duration, Instant};
use std::{error, fmt};

use common::{SOON, within};
use crossbeam_channel::{bounded, unbounded};
use rungroup::testing::{Gate, Journal, Script, Tester};
use rungroup::{
    Backoff, ErrorKind, Event, Group, GroupHandle, NotReady, Phase, Restart, StopReason, UnitState,
    service_fn,
};

/// Starts again at once, five times in a minute.
fn at_once() -> Restart {
    Restart::on_failure().backoff(Backoff::none())
}

/// So long that only a stop ends it.
fn after_a_minute() -> Restart {
    Restart::on_failure().backoff(Backoff::constant(Duration::from_mins(1)))
}

fn demo() -> Group {
    Group::new("demo").args(["demo"])
}

#[test]
fn s1_a_service_that_fails_starts_again_until_it_works_and_the_run_is_well() {
    within(SOON, || {
        let (attempts, seen) = unbounded();
        let mut group = demo();
        let feed = service_fn("feed", move |ctx| {
            attempts.send(ctx.attempt())?;
            match ctx.attempt() {
                1 => Err("lost".into()),
                2 => panic!("upset"),
                _ => Ok(()),
            }
        });
        group.register(feed).restart(at_once());
        let report = group.run().unwrap();
        assert_eq!(seen.try_iter().collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(report.reason(), &StopReason::UnitStopped("feed".into()));
        assert_eq!(report.units()[0].restarts, 2);
        assert_eq!(report.units()[0].state, UnitState::Stopped);
        assert!(report.failures().is_empty(), "{:?}", report.failures());
        assert!(report.to_string().contains("2 restarts"), "{report}");
    });
}

#[test]
fn s1_the_events_tell_of_it_in_order() {
    within(SOON, || {
        let mut group = demo();
        let feed = Script::new("feed").fail("lost").times(1).finish();
        group.register(feed).restart(at_once());
        let events = group.handle().events(64);
        group.run().unwrap();
        let told: Vec<String> = events
            .iter()
            .filter(|event| event.unit().is_some())
            .map(|event| match event {
                Event::StopAsked { .. } => "told".to_owned(),
                event => event.to_string(),
            })
            .collect();
        let expected = [
            "unit 'feed' starting",
            "unit 'feed' ready",
            "unit 'feed': serve failed: lost",
            "told",
            "unit 'feed' starts again at once, attempt 2",
            "unit 'feed' starting, attempt 2",
            "unit 'feed' ready",
            "unit 'feed' ended: ok",
            "told",
            "unit 'feed' stopped",
        ];
        assert_eq!(told, expected);
    });
}

/// The report has the first time that it was started and ready, and the last that it was told and stopped.
#[test]
fn s1_a_unit_that_has_started_again_was_ready_when_it_was_for_the_first_time() {
    const PAUSE: Duration = Duration::from_millis(100);
    within(SOON, || {
        let (say, said) = bounded(1);
        let mut group = demo();
        let feed = service_fn("feed", move |ctx| {
            if ctx.attempt() == 2 {
                return Ok(());
            }
            ctx.handle().wait_till_ready()?;
            say.send(Instant::now())?;
            Err("lost".into())
        });
        let pause = Backoff::constant(PAUSE).without_jitter();
        group.register(feed).restart(Restart::on_failure().backoff(pause));
        let before = Instant::now();
        let report = group.run().unwrap();
        let was_ready_within = said.recv().unwrap() - before;
        let feed = &report.units()[0];
        let (started, ready) = (feed.started.unwrap(), feed.ready.unwrap());
        assert!(started <= ready && ready <= started + was_ready_within, "{feed:?}");
        assert!(ready + PAUSE <= feed.told.unwrap(), "{feed:?}");
        assert!(feed.told <= feed.stopped);
    });
}

#[test]
fn s1_so_many_restarts_are_allowed_and_one_more_gives_up_with_the_last_error() {
    #[derive(Debug, PartialEq)]
    struct Lost(u32);
    impl fmt::Display for Lost {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "lost for the {}. time", self.0)
        }
    }
    impl error::Error for Lost {}

    within(SOON, || {
        let mut group = demo();
        let feed = service_fn("feed", |ctx| Err(Lost(ctx.attempt()).into()));
        group.register(feed).restart(at_once().intensity(3, Duration::from_mins(1)));
        let events = group.handle().events(64);
        let error = group.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Failed);
        assert_eq!(error.to_string(), "unit 'feed': serve failed: lost for the 4. time");
        assert_eq!(error.downcast_ref::<Lost>(), Some(&Lost(4)));
        assert_eq!(error.failures().len(), 1, "those before are in the events");
        assert_eq!(error.report().unwrap().units()[0].restarts, 3);
        let given_up = events.iter().find(|event| matches!(event, Event::GaveUp { .. }));
        let said = given_up.expect("it was given up").to_string();
        assert_eq!(said, "unit 'feed' is given up: more than 3 restarts in 60s");
    });
}

#[test]
fn s1_a_service_that_only_ever_returns_is_given_up_as_a_failure() {
    within(SOON, || {
        let mut group = demo();
        let policy = Restart::always().backoff(Backoff::none());
        group.register(service_fn("brief", |_| Ok(()))).restart(policy);
        let error = group.run().unwrap_err();
        let why = "unit 'brief': serve failed: it has returned again and again: more than 5 \
                   restarts in 60s";
        assert_eq!(error.to_string(), why);
        let unit = &error.report().unwrap().units()[0];
        assert_eq!((unit.state, unit.restarts), (UnitState::Failed, 5));
    });
}

#[test]
fn s1_a_stop_ends_a_pause_at_once_and_the_run_is_well() {
    within(SOON, || {
        let mut group = demo();
        group.register(Script::new("feed").fail("lost").times(1)).restart(after_a_minute());
        let run = Tester::spawn(group);
        run.wait_for(|event| matches!(event, Event::Restarting { .. }));
        let snapshot = run.handle().snapshot();
        let feed = &snapshot.units[0];
        assert_eq!((feed.state, feed.ready, feed.restarts), (UnitState::Backoff, false, 0));
        assert!(feed.starts_in.is_some_and(|time| time > Duration::from_secs(20)), "{feed:?}");
        let why = feed.last_failure.as_ref().unwrap().to_string();
        assert_eq!(why, "unit 'feed': serve failed: lost");
        assert!(feed.threads.is_empty(), "{feed:?}");
        assert!(snapshot.to_string().contains("backoff"), "{snapshot}");
        let report = run.stop().unwrap();
        let feed = &report.units()[0];
        assert_eq!(feed.state, UnitState::Stopped);
        assert!(feed.outcome.as_ref().is_some_and(|outcome| !outcome.is_ok()));
        // The pause was not a part of its stop.
        assert_eq!(feed.stop_time(), Some(Duration::ZERO));
    });
}

#[test]
fn s2_the_next_one_waits_for_a_thread_of_the_one_before() {
    within(SOON, || {
        let (release, journal) = (Gate::new(), Journal::new());
        let held = release.pass();
        let mut group = demo();
        let feed = journal.script("feed").serve(move |ctx| {
            if ctx.attempt() > 1 {
                return Ok(());
            }
            let held = held.clone();
            ctx.spawn("slow", move |_ctx| held.wait())?;
            Err("lost".into())
        });
        group.register(feed).restart(at_once());
        let run = Tester::spawn(group);
        run.wait_for(|event| matches!(event, Event::Ended { .. }));
        let unit = &run.handle().snapshot().units[0];
        assert_eq!(unit.state, UnitState::Stopping);
        assert_eq!(unit.threads[0].name, "feed:slow");
        assert_eq!(journal.count("feed serve"), 1);
        release.open();
        journal.wait_for_count("feed serve", 2);
        run.wait().unwrap();
    });
}

#[test]
fn s3_the_others_are_left_alone() {
    within(SOON, || {
        let mut group = demo();
        let journal = Journal::new();
        let feed = Script::new("feed").fail("lost").times(3);
        let feed = group.register(feed).restart(at_once()).id();
        group.register(journal.script("user")).after(feed);
        let run = Tester::spawn(group);
        run.wait_for(|event| matches!(event, Event::Starting { attempt: 4, .. }));
        // It serves: so what comes after it has started, too.
        run.wait_for(|event| matches!(event, Event::GroupReady));
        let report = run.stop().unwrap();
        assert_eq!(journal.count("user serve"), 1);
        assert_eq!(report.units().iter().map(|it| it.restarts).collect::<Vec<_>>(), [3, 0]);
    });
}

#[test]
fn l8_graceful_stop_is_for_the_last_one_alone() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = demo();
        let feed = journal.script("feed").declares_ready().fail("lost").times(2).ready();
        group.register(feed).restart(at_once());
        Tester::start(group).stop().unwrap();
        assert_eq!(journal.count("feed serve"), 3);
        assert_eq!(journal.count("feed graceful_stop"), 1);
    });
}

#[test]
fn l14_who_waits_for_readiness_waits_for_the_start_that_works() {
    within(SOON, || {
        let mut group = demo();
        let feed = Script::new("feed").fail("lost").times(1).ready();
        group.register(feed).restart(at_once());
        let run = Tester::start(group);
        assert_eq!(run.handle().snapshot().units[0].restarts, 1);
        run.stop().unwrap();
    });
}

#[test]
fn l14_one_that_is_given_up_fails_the_wait() {
    within(SOON, || {
        let mut group = demo();
        let feed = Script::new("feed").declares_ready().fail("lost");
        group.register(feed).restart(at_once());
        let run = Tester::spawn(group);
        assert_eq!(run.handle().wait_till_ready(), Err(NotReady::Failed("feed".into())));
        run.wait().unwrap_err();
    });
}

#[test]
fn l3_a_unit_in_its_pause_is_taken_out_and_what_it_comes_after_only_then() {
    within(SOON, || {
        let mut group = demo();
        let store = group.register(Script::new("store")).id();
        let feed = Script::new("feed").fail("lost").times(1);
        let feed = group.register(feed).after(store).restart(after_a_minute()).id();
        group.register(Script::new("server"));
        let run = Tester::spawn(group);
        run.wait_for(|event| matches!(event, Event::Restarting { .. }));
        let error = run.handle().deregister(store).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InUse, "{error}");
        run.handle().deregister(feed).unwrap().wait().unwrap();
        run.handle().deregister(store).unwrap().wait().unwrap();
        let report = run.ready().stop().unwrap();
        assert_eq!(report.units()[1].state, UnitState::Stopped);
    });
}

#[test]
fn s1_a_helper_of_the_one_before_that_panics_is_in_the_report() {
    within(SOON, || {
        let mut group = demo();
        let feed = service_fn("feed", |ctx| {
            if ctx.attempt() > 1 {
                return Ok(());
            }
            ctx.spawn("conn", |_ctx| panic!("a bad request"))?;
            Err("lost".into())
        });
        group.register(feed).restart(at_once());
        let report = group.run().unwrap();
        assert_eq!(report.failures().len(), 1);
        assert_eq!(report.failures()[0].phase(), Phase::Helper);
    });
}

#[test]
fn s1_a_task_that_is_always_to_start_again_is_a_definition_error() {
    within(SOON, || {
        let mut group = demo();
        group.register(service_fn("import", |_| Ok(()))).task().restart(Restart::always());
        let error = group.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Definition);
        let why = "unit 'import': is a task, which is done when it returns `Ok`, and is to start \
                   again always";
        assert_eq!(error.problems()[0].to_string(), why);
    });
}

#[test]
fn l4_all_instances_start_again_when_one_fails() {
    within(SOON, || {
        let (entered, entries) = unbounded();
        let mut group = demo();
        let pool = service_fn("pool", move |ctx| {
            entered.send((ctx.attempt(), ctx.instance()))?;
            if ctx.attempt() == 1 && ctx.instance() == 1 {
                return Err("lost".into());
            }
            ctx.stopped().wait();
            Ok(())
        });
        group.register(pool).instances(3).restart(at_once());
        let run = Tester::spawn(group);
        let second = entries.iter().filter(|(attempt, _)| *attempt == 2);
        let mut second: Vec<_> = second.take(3).collect();
        second.sort_unstable();
        assert_eq!(second, [(2, 0), (2, 1), (2, 2)]);
        let report = run.stop().unwrap();
        assert_eq!(report.units()[0].restarts, 1);
    });
}

/// An error that asks the group when it is dropped, as one does that holds a guard.
#[derive(Debug)]
struct Asks(GroupHandle);

impl fmt::Display for Asks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("lost")
    }
}

impl error::Error for Asks {}

impl Drop for Asks {
    fn drop(&mut self) {
        self.0.snapshot();
        self.0.stop("an error was dropped");
    }
}

/// Asks at the first attempt, fails at the second, and serves then.
fn asking() -> Script {
    Script::new("feed").serve(|ctx| match ctx.attempt() {
        1 => Err(Asks(ctx.handle().clone()).into()),
        2 => Err("lost once more".into()),
        _ => {
            ctx.stopped().wait();
            Ok(())
        }
    })
}

fn ends_as_the_dropped_error_said(mut group: Group) {
    let report = group.run().unwrap();
    assert_eq!(report.reason(), &StopReason::Requested("an error was dropped".into()));
}

/// The library drops it as soon as there is a newer one, and no lock of its own is in the way.
#[test]
fn s1_an_error_that_is_made_good_may_ask_the_group_when_it_is_dropped() {
    within(SOON, || {
        let mut group = demo();
        group.register(asking()).restart(at_once());
        ends_as_the_dropped_error_said(group);

        let mut uplink = Group::new("uplink");
        uplink.register(asking());
        let mut group = demo();
        group.register(uplink).restart(at_once());
        ends_as_the_dropped_error_said(group);

        // Here it is the last incarnation that has kept it, and not the last failure.
        let feed = Script::new("feed").serve(|ctx| {
            if ctx.attempt() > 1 {
                ctx.stopped().wait();
                return Ok(());
            }
            ctx.spawn("late", |ctx| {
                ctx.stopped().wait();
                panic!("after it");
            })?;
            Err(Asks(ctx.handle().clone()).into())
        });
        let mut group = demo();
        group.register(feed).restart(at_once());
        ends_as_the_dropped_error_said(group);
    });
}

#[test]
fn l12_an_error_that_is_made_good_and_panics_when_it_is_dropped_does_no_harm() {
    #[derive(Debug)]
    struct Fragile;
    impl fmt::Display for Fragile {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("fragile")
        }
    }
    impl error::Error for Fragile {}
    impl Drop for Fragile {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }

    within(SOON, || {
        let mut group = demo();
        let feed = Script::new("feed").serve(|ctx| match ctx.attempt() {
            1 => Err(Fragile.into()),
            2 => Err("lost".into()),
            _ => Ok(()),
        });
        group.register(feed).restart(at_once());
        assert_eq!(group.run().unwrap().units()[0].restarts, 2);
    });
}

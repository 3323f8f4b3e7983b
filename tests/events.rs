//! Events (V1): one ordered stream, bounded, with a count of what was missed, that delays nobody.

// Tests ask and listen from threads of their own.
#![allow(clippy::disallowed_methods)]

mod common;

use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use common::within;
use crossbeam_channel::bounded;
use rungroup::testing::{Script, Tester};
use rungroup::{Event, Events, Group, Phase, service_fn};

const LIMIT: Duration = Duration::from_secs(30);

fn group() -> Group {
    Group::new("demo").args(["demo"])
}

fn texts(events: &Events) -> Vec<String> {
    events.iter().map(|event| event.to_string()).collect()
}

/// The texts that are about one unit, or about the group.
fn about<'t>(texts: &'t [String], what: &str) -> Vec<&'t str> {
    texts.iter().map(String::as_str).filter(|text| text.contains(what)).collect()
}

#[test]
fn v1_a_life_is_told_in_order() {
    within(LIMIT, || {
        let mut group = group();
        let store = group.register(Script::new("store")).id();
        group.register(Script::new("server")).after(store);
        let events = group.handle().events(64);
        Tester::start(group).stop().unwrap();

        let all = texts(&events);
        assert_eq!(events.missed(), 0);
        let (last, told) = all.split_last().unwrap();
        // The stop is asked for from another thread, when the group is ready: at no other point.
        assert_eq!(
            told,
            [
                "serving",
                "unit 'store' starting",
                "unit 'store' ready",
                "unit 'server' starting",
                "unit 'server' ready",
                "all units ready",
                "stopping: requested: seen enough",
                "unit 'server' told to stop: requested: seen enough",
                "unit 'server' ended: ok",
                "unit 'server' stopped",
                "unit 'store' told to stop: requested: seen enough",
                "unit 'store' ended: ok",
                "unit 'store' stopped",
            ]
        );
        assert!(last.starts_with("all services stopped in "), "{last}");
    });
}

#[test]
fn v1_failures_are_told_with_unit_and_phase() {
    within(LIMIT, || {
        let mut group = group();
        group.register(
            Script::new("clumsy")
                .serve(|ctx| {
                    ctx.on_stop(|| panic!("dropped it")).keep();
                    ctx.stopped().wait();
                    Err("could not save".into())
                })
                .graceful_stop(|| panic!("fell over"))
                .post_run(|| panic!("lost the key")),
        );
        let events = group.handle().events(64);
        Tester::start(group).stop().unwrap_err();

        let mut failed = Vec::new();
        for event in events.iter() {
            match event {
                Event::CallbackFailed { failure } => failed.push(failure.phase()),
                Event::Ended { unit, outcome } => {
                    assert_eq!(&*unit, "clumsy");
                    let failure = outcome.failure().expect("it has failed");
                    assert_eq!(failure.to_string(), "unit 'clumsy': serve failed: could not save");
                    failed.push(failure.phase());
                }
                Event::Stopped { failed, .. } => assert!(failed),
                _ => {}
            }
        }
        // The two calls of the stop and `serve` itself are concurrent.
        for phase in [Phase::Serve, Phase::GracefulStop, Phase::OnStop] {
            assert_eq!(failed.iter().filter(|&&other| other == phase).count(), 1, "{failed:?}");
        }
        assert_eq!(failed.last(), Some(&Phase::PostRun));
        assert_eq!(failed.len(), 4);
    });
}

#[test]
fn v1_what_is_late_and_what_is_left_behind_is_told() {
    within(LIMIT, || {
        let (_release, held) = bounded::<()>(0);
        let mut group = group().stop_timeout(Duration::from_millis(40));
        group.register(Script::new("stuck").serve(move |_ctx| {
            let _ = held.recv();
            Ok(())
        }));
        let events = group.handle().events(64);
        Tester::start(group).stop().unwrap_err();
        let all = texts(&events);
        let stuck = about(&all, "'stuck'");
        let [.., late, left] = stuck[..] else { panic!("{all:?}") };
        assert_eq!(late, "unit 'stuck' is past its deadline");
        assert!(left.starts_with("unit 'stuck' did not stop: thread 'stuck' (id "), "{left}");
    });
}

/// The whole life of a group goes by, and the one who does not read has what fits, and a number.
#[test]
fn v1_a_subscription_is_bounded_and_counts_what_it_missed() {
    within(LIMIT, || {
        let mut group = group();
        for number in 0..10 {
            group.register(Script::new(format!("unit-{number}")));
        }
        let handle = group.handle();
        let (slow, none, complete) = (handle.events(3), handle.events(0), handle.events(1024));
        Tester::start(group).stop().unwrap();

        let all = texts(&complete);
        assert!(all.len() > 50, "{}", all.len());
        assert_eq!(complete.missed(), 0);
        let seen = texts(&slow);
        assert_eq!(seen, all[..3], "the first ones");
        assert_eq!(slow.missed(), (all.len() - 3) as u64);
        assert_eq!(texts(&none), all[..1], "at least one");
        assert_eq!(none.missed(), (all.len() - 1) as u64);
    });
}

/// The publisher would wait for ever for a subscriber that never reads, if it waited.
#[test]
fn v1_a_subscriber_that_does_not_read_delays_nothing() {
    within(LIMIT, || {
        let mut group = group();
        for number in 0..50 {
            group.register(Script::new(format!("unit-{number}")));
        }
        let deaf: Vec<Events> = (0..10).map(|_| group.handle().events(1)).collect();
        drop(group.handle().events(1)); // and one that has gone away
        let report = Tester::start(group).stop().unwrap();
        assert!(report.units().iter().all(|unit| !unit.late));
        assert!(deaf.iter().all(|events| events.missed() > 200));
    });
}

#[test]
fn v1_a_subscription_begins_when_it_is_made_and_ends_with_the_run() {
    within(LIMIT, || {
        let mut group = group();
        let start = Mutex::new(Some(group.handle().events(64)));
        group.register(Script::new("server").serve(move |ctx| {
            // Not `wait_till_ready`: that may return before the event of it is told.
            let start = start.lock().unwrap().take().unwrap();
            assert!(start.iter().any(|event| matches!(event, Event::GroupReady)));
            let events = ctx.handle().events(64);
            ctx.handle().stop("enough");
            let first = events.next_event().map(|event| event.to_string());
            assert_eq!(first.as_deref(), Some("stopping: requested: enough"));
            Ok(())
        }));
        let handle = group.handle();
        let reading = handle.events(64);
        let reader = thread::spawn(move || texts(&reading).len());
        group.run().unwrap();
        assert!(reader.join().unwrap() > 5, "the run's end was the iterator's");
        assert!(handle.events(64).next_event().is_none(), "there is no more to come");
    });
}

#[test]
fn v1_a_group_that_is_dropped_without_a_run_ends_its_subscriptions() {
    within(LIMIT, || {
        let group = group();
        let events = group.handle().events(64);
        drop(group);
        assert!(events.next_event().is_none());
    });
}

#[test]
fn v1_events_go_into_a_select() {
    within(LIMIT, || {
        let mut group = group();
        group.register(Script::new("server"));
        let events = group.handle().events(64);
        let handle = group.handle();
        let watcher = thread::spawn(move || {
            loop {
                crossbeam_channel::select! {
                    recv(events.receiver()) -> event => if let Event::GroupReady = event.unwrap() {
                        handle.stop("seen enough");
                        return;
                    },
                    default(LIMIT) => panic!("nothing happens"),
                }
            }
        });
        group.run().unwrap();
        watcher.join().unwrap();
    });
}

/// Every subscriber sees the same order, whichever threads things happen on.
#[test]
fn v1_the_order_is_one_for_all() {
    within(LIMIT, || {
        let mut group = group();
        for number in 0..8 {
            let unit = Script::new(format!("unit-{number}")).serve(|ctx| {
                ctx.spawn("worker", |_ctx| panic!("as it were"))?;
                ctx.stopped().wait();
                Ok(())
            });
            group.register(unit).instances(2);
        }
        let (one, other) = (group.handle().events(1024), group.handle().events(1024));
        Tester::start(group).stop().unwrap();
        let one = texts(&one);
        assert_eq!(one, texts(&other));
        for number in 0..8 {
            let unit = format!("unit-{number}");
            let last = about(&one, &format!("'{unit}'")).pop().map(str::to_owned);
            assert_eq!(last, Some(format!("unit '{unit}' stopped")), "{one:?}");
        }
    });
}

/// Who asks for the end tells the units at once, and the engine tells of it: not later than of what
/// comes of it.
#[test]
fn v1_nobody_has_ended_by_a_stop_before_it_is_told_of_that() {
    within(LIMIT, || {
        for _ in 0..20 {
            let mut group = group();
            for number in 0..64 {
                group.register(Script::new(format!("unit-{number}")));
            }
            let events = group.handle().events(1024);
            Tester::start(group).stop().unwrap();
            let all = texts(&events);
            let place = |text: &str| all.iter().position(|it| it.starts_with(text)).unwrap();
            let stopping = place("stopping: ");
            for number in 0..64 {
                let told = place(&format!("unit 'unit-{number}' told to stop: "));
                let ended = place(&format!("unit 'unit-{number}' ended: "));
                assert!(stopping < told && told < ended, "unit-{number}: {all:#?}");
            }
        }
    });
}

/// The thread by whose failure the run ends tells the others itself, before the engine tells of it.
#[test]
fn v1_by_whose_failure_the_run_ends_has_ended_before_the_others_are_told_of_that() {
    within(LIMIT, || {
        for _ in 0..20 {
            let mut group = group();
            for number in 0..32 {
                group.register(Script::new(format!("unit-{number}")));
            }
            group.register(service_fn("weak", |ctx| {
                ctx.handle().wait_till_ready()?;
                Err("no disk".into())
            }));
            let events = group.handle().events(1024);
            assert_eq!(group.run().unwrap_err().failures().len(), 1);
            let all = texts(&events);
            let place = |text: &str| all.iter().position(|it| it.starts_with(text)).unwrap();
            let stopping = place("stopping: unit 'weak' stopped");
            assert!(place("unit 'weak': serve failed") < stopping, "{all:#?}");
            for number in 0..32 {
                let told = place(&format!("unit 'unit-{number}' told to stop: "));
                let ended = place(&format!("unit 'unit-{number}' ended: "));
                assert!(stopping < told && told < ended, "unit-{number}: {all:#?}");
            }
        }
    });
}

//! S3: units that start again together, on real threads.

// Tests watch from threads of their own.
#![allow(clippy::disallowed_methods)]

mod common;

use std::thread;
use std::time::Duration;

use common::{SOON, within};
use crossbeam_channel::{Sender, bounded, unbounded};
use rungroup::testing::Script;
use rungroup::{
    Backoff, ErrorKind, Event, Group, Restart, ServeContext, Service, StopOrder, StopReason,
    Strategy, Unit, UnitState, service_fn,
};

fn demo(strategy: Strategy) -> Group {
    Group::new("demo").args(["demo"]).strategy(strategy)
}

fn at_once() -> Restart {
    Restart::on_failure().backoff(Backoff::none())
}

/// Notes when it comes and goes, and on its first attempt does as `fails` says once all are there. It is
/// ready when it has noted that it comes, and not when it is entered, which is before its first line.
fn noting(name: &'static str, notes: &Sender<String>, fails: bool) -> Script {
    let notes = notes.clone();
    Script::new(name).declares_ready().serve(move |ctx| {
        notes.send(format!("{name} {} comes", ctx.attempt()))?;
        ctx.ready();
        if fails && ctx.attempt() == 1 {
            ctx.handle().wait_till_ready()?;
            return Err("out of cheese".into());
        }
        ctx.stopped().wait();
        let why = ctx.stop_reason().map(ToString::to_string).unwrap_or_default();
        notes.send(format!("{name} {} goes: {why}", ctx.attempt()))?;
        Ok(())
    })
}

/// Stops the group when each of `units` is ready for the second time.
fn stop_when_back<const N: usize>(
    group: &Group,
    units: [&'static str; N],
) -> thread::JoinHandle<()> {
    let (handle, events) = (group.handle(), group.handle().events(256));
    thread::spawn(move || {
        let mut ready = [0; N];
        while ready != [2; N] {
            let event = events.next_event().expect("they all come back");
            if let Event::Ready { unit } = event
                && let Some(place) = units.iter().position(|it| *it == &*unit)
            {
                ready[place] += 1;
            }
        }
        handle.stop("all are back");
    })
}

#[test]
fn s3_one_for_all_restarts_all_in_order_and_the_run_is_well() {
    within(SOON, || {
        let (notes, _seen) = unbounded();
        let mut group = demo(Strategy::one_for_all()).stop_order(StopOrder::Reverse);
        let first = group.register(noting("first", &notes, false)).id();
        let second = noting("second", &notes, true);
        let second = group.register(second).restart(at_once()).after(first).id();
        group.register(noting("third", &notes, false)).after(second);
        let events = group.handle().events(256);
        let stopper = stop_when_back(&group, ["first", "second", "third"]);
        let report = group.run().unwrap();
        stopper.join().unwrap();
        let in_story = |event: &Event| match event {
            Event::Starting { .. } => true,
            Event::StopAsked { reason, .. } => matches!(reason, StopReason::RestartsWith(_)),
            _ => false,
        };
        let story = events.iter().filter(in_story);
        let story: Vec<String> = story.map(|event| event.to_string()).collect();
        assert_eq!(
            story,
            [
                "unit 'first' starting",
                "unit 'second' starting",
                "unit 'third' starting",
                "unit 'third' told to stop: starts again with unit 'second'",
                "unit 'first' told to stop: starts again with unit 'second'",
                "unit 'first' starting, attempt 2",
                "unit 'second' starting, attempt 2",
                "unit 'third' starting, attempt 2",
            ]
        );
        let restarts: Vec<u32> = report.units().iter().map(|unit| unit.restarts).collect();
        assert_eq!(restarts, [1, 1, 1]);
        assert!(report.failures().is_empty());
    });
}

/// All have left before the first of them comes back.
#[test]
fn s3_what_is_started_finds_none_of_those_before() {
    within(SOON, || {
        let (notes, seen) = unbounded();
        let mut group = demo(Strategy::one_for_all());
        group.register(noting("first", &notes, false));
        group.register(noting("second", &notes, true)).restart(at_once());
        group.register(noting("third", &notes, false));
        let stopper = stop_when_back(&group, ["first", "second", "third"]);
        group.run().unwrap();
        stopper.join().unwrap();
        drop(group);
        drop(notes);
        let seen: Vec<String> = seen.iter().collect();
        let at = |note: &str| seen.iter().position(|it| it.starts_with(note)).expect(note);
        for gone in ["first 1 goes", "third 1 goes"] {
            for back in ["first 2 comes", "second 2 comes", "third 2 comes"] {
                assert!(at(gone) < at(back), "{seen:?}");
            }
        }
    });
}

#[test]
fn s3_rest_for_one_leaves_those_before_alone() {
    within(SOON, || {
        let (notes, _seen) = unbounded();
        let mut group = demo(Strategy::rest_for_one());
        group.register(noting("first", &notes, false));
        let second = noting("second", &notes, true);
        group.register(second).restart(at_once());
        group.register(noting("third", &notes, false));
        let stopper = stop_when_back(&group, ["second", "third"]);
        let report = group.run().unwrap();
        stopper.join().unwrap();
        let restarts: Vec<u32> = report.units().iter().map(|unit| unit.restarts).collect();
        assert_eq!(restarts, [0, 1, 1]);
    });
}

#[test]
fn s3_a_hung_sibling_ends_the_group_and_is_named() {
    within(SOON, || {
        let (release, held) = bounded::<()>(0);
        let mut group = demo(Strategy::one_for_all());
        let deaf = service_fn("deaf", move |_ctx| {
            let _ = held.recv();
            Ok(())
        });
        group.register(deaf).stop_timeout(Duration::from_millis(20));
        let feed = service_fn("feed", |ctx| {
            ctx.handle().wait_till_ready()?;
            Err("out of cheese".into())
        });
        group.register(feed).restart(at_once());
        let events = group.handle().events(256);
        let error = group.run().unwrap_err();
        drop(release);
        assert_eq!(error.kind(), ErrorKind::Failed);
        let cause =
            "unit 'deaf': start failed: it was to start again, and did not stop in time for that";
        assert_eq!(error.to_string().lines().next(), Some(cause));
        assert_eq!(error.report().unwrap().reason(), &StopReason::UnitStopped("deaf".into()));
        assert_eq!(error.left_behind()[0].unit.as_deref(), Some("deaf"));
        let of_deaf =
            |event: &Event| matches!(event, Event::Starting { unit, .. } if &**unit == "deaf");
        assert_eq!(events.iter().filter(of_deaf).count(), 1, "no second beside the first (S2)");
    });
}

#[test]
fn s3_too_many_restarts_of_the_group_give_up_with_the_last_error() {
    within(SOON, || {
        let strategy = Strategy::one_for_all().intensity(2, Duration::from_mins(1));
        let mut group = demo(strategy);
        let beside = service_fn("beside", |ctx| {
            ctx.stopped().wait();
            Ok(())
        });
        group.register(beside);
        let feed = service_fn("feed", |ctx| Err(format!("attempt {}", ctx.attempt()).into()));
        group.register(feed).restart(at_once().unlimited());
        let events = group.handle().events(256);
        let error = group.run().unwrap_err();
        assert_eq!(error.to_string(), "unit 'feed': serve failed: attempt 3");
        let gave_up = events.iter().find(|event| matches!(event, Event::GaveUp { .. }));
        let text = "unit 'feed' is given up: more than 2 restarts in 60s in its group";
        assert_eq!(gave_up.unwrap().to_string(), text);
    });
}

#[test]
fn s3_a_stop_during_the_pause_of_all_returns_at_once() {
    within(SOON, || {
        let mut group = demo(Strategy::one_for_all());
        let minute = Restart::on_failure().backoff(Backoff::constant(Duration::from_mins(1)));
        let feed = service_fn("feed", |ctx| {
            ctx.handle().wait_till_ready()?;
            Err("out of cheese".into())
        });
        group.register(feed).restart(minute);
        let beside = service_fn("beside", |ctx| {
            ctx.stopped().wait();
            Ok(())
        });
        group.register(beside);
        let (handle, events) = (group.handle(), group.handle().events(256));
        let stopper = thread::spawn(move || {
            let pauses = |event: &Event| matches!(event, Event::Restarting { .. });
            assert_eq!(events.iter().filter(pauses).take(2).count(), 2);
            let snapshot = handle.snapshot();
            assert!(snapshot.units.iter().all(|unit| unit.state == UnitState::Backoff));
            assert!(snapshot.units.iter().all(|unit| unit.starts_in.is_some()));
            handle.stop("now");
        });
        let report = group.run().unwrap();
        stopper.join().unwrap();
        assert!(report.units().iter().all(|unit| unit.state == UnitState::Stopped));
    });
}

/// L8: one for who is told, none for who has ended by itself and is replaced; and at the end all.
#[test]
fn l8_each_incarnation_that_is_told_has_one_graceful_stop() {
    struct Noting(Sender<&'static str>, &'static str);
    impl Unit for Noting {
        fn name(&self) -> &str {
            self.1
        }
        fn as_service(&self) -> Option<&dyn Service> {
            Some(self)
        }
    }
    impl Service for Noting {
        fn serve(&self, ctx: &ServeContext) -> Result<(), rungroup::BoxError> {
            if self.1 == "feed" && ctx.attempt() == 1 {
                ctx.handle().wait_till_ready()?;
                return Err("out of cheese".into());
            }
            ctx.stopped().wait();
            Ok(())
        }
        fn graceful_stop(&self) -> Result<(), rungroup::BoxError> {
            Ok(self.0.send(self.1)?)
        }
    }

    within(SOON, || {
        let (notes, called) = unbounded();
        let mut group = demo(Strategy::one_for_all());
        group.register(Noting(notes.clone(), "feed")).restart(at_once());
        group.register(Noting(notes, "beside"));
        let (handle, events) = (group.handle(), group.handle().events(256));
        let stopper = thread::spawn(move || {
            let ready = |event: &Event| matches!(event, Event::Ready { .. });
            assert_eq!(events.iter().filter(ready).take(4).count(), 4);
            handle.stop("all are back");
        });
        group.run().unwrap();
        stopper.join().unwrap();
        drop(group);
        let mut called: Vec<&str> = called.iter().collect();
        assert_eq!(called.remove(0), "beside", "for the round");
        called.sort_unstable();
        assert_eq!(called, ["beside", "feed"]);
    });
}

/// L3: it is to start again with the others, though its own policy is never to.
#[test]
fn l3_what_a_unit_in_a_round_comes_after_is_in_use() {
    within(SOON, || {
        let minute = Restart::on_failure().backoff(Backoff::constant(Duration::from_mins(1)));
        let mut group = demo(Strategy::one_for_all());
        let serve = |ctx: &ServeContext| {
            ctx.stopped().wait();
            Ok(())
        };
        let store = group.register(service_fn("store", serve)).id();
        group.register(service_fn("server", serve)).after(store);
        let feed = service_fn("feed", |ctx| {
            ctx.handle().wait_till_ready()?;
            Err("out of cheese".into())
        });
        group.register(feed).restart(minute);
        let (handle, events) = (group.handle(), group.handle().events(256));
        let watcher = thread::spawn(move || {
            let pauses = |event: &Event| matches!(event, Event::Restarting { .. });
            assert_eq!(events.iter().filter(pauses).take(3).count(), 3);
            let error = handle.deregister(store).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InUse);
            handle.stop("seen");
        });
        group.run().unwrap();
        watcher.join().unwrap();
    });
}

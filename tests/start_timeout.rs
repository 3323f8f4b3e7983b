//! Units that are not ready in time (S6), and more time to stop for those who ask (S8).

// Tests watch from threads of their own.
#![allow(clippy::disallowed_methods)]

mod common;

use std::thread;
use std::time::Duration;

use common::{SOON, within};
use crossbeam_channel::{bounded, unbounded};
use rungroup::testing::Script;
use rungroup::{
    Backoff, ErrorKind, Event, Flag, FlagSet, Group, NotReady, Restart, ServeContext, StopReason,
    UnitState, service_fn,
};

const SHORT: Duration = Duration::from_millis(20);

fn demo() -> Group {
    Group::new("demo").args(["demo"])
}

/// Waits to be told, and is never ready.
fn never_ready(name: &str) -> Script {
    Script::new(name).declares_ready()
}

#[test]
fn s6_one_that_is_not_ready_in_time_fails_its_group_and_what_waits_for_it_never_starts() {
    within(SOON, || {
        let mut group = demo();
        let uplink = group.register(never_ready("uplink")).start_timeout(SHORT).id();
        group.register(service_fn("sender", |_| unreachable!("it is not ready"))).after(uplink);
        let (events, handle) = (group.handle().events(64), group.handle());
        let waiter = thread::spawn(move || handle.wait_till_ready());
        let error = group.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Failed);
        assert_eq!(error.to_string(), "unit 'uplink': start failed: not ready within 20ms");
        assert_eq!(waiter.join().unwrap(), Err(NotReady::Failed("uplink".into())));
        let units = error.report().unwrap().units();
        assert_eq!((units[0].state, units[1].state), (UnitState::Failed, UnitState::Stopped));
        let told: Vec<Event> = events.iter().collect();
        assert!(told.iter().any(|event| matches!(event, Event::NotReady { .. })), "{told:?}");
        let reason = told.iter().find_map(|event| match event {
            Event::StopAsked { reason, .. } => Some(reason.clone()),
            _ => None,
        });
        assert_eq!(reason, Some(StopReason::NotReady));
    });
}

#[test]
fn s6_one_that_is_not_ready_in_time_is_stopped_and_starts_again() {
    within(SOON, || {
        let mut group = demo();
        let uplink = never_ready("uplink").serve(|ctx| {
            if ctx.attempt() > 1 {
                ctx.ready();
            }
            ctx.stopped().wait();
            Ok(())
        });
        let policy = Restart::on_failure().backoff(Backoff::none());
        // Long enough for the second to be ready, on a busy machine too.
        group.register(uplink).start_timeout(Duration::from_millis(300)).restart(policy);
        let handle = group.handle();
        let waiter = thread::spawn(move || {
            assert_eq!(handle.wait_till_ready(), Ok(()));
            handle.stop("enough");
        });
        let report = group.run().unwrap();
        waiter.join().unwrap();
        assert_eq!(report.units()[0].restarts, 1);
    });
}

/// There is no second one beside it, and no waiting for ever.
#[test]
fn s2_one_that_does_not_stop_to_start_again_ends_the_group_and_is_named() {
    within(SOON, || {
        let (release, held) = bounded::<()>(0);
        let (entered, attempts) = unbounded();
        let mut group = demo();
        let deaf = never_ready("deaf").serve(move |ctx| {
            entered.send(ctx.attempt())?;
            Ok(held.recv()?)
        });
        let policy = Restart::on_failure().backoff(Backoff::none());
        group.register(deaf).start_timeout(SHORT).stop_timeout(SHORT).restart(policy);
        let error = group.run().unwrap_err();
        let why = error.to_string();
        let both =
            "not ready within 20ms; it was to start again, and did not stop in time for that";
        assert!(why.contains(both), "{why}");
        assert_eq!(error.left_behind()[0].unit.as_deref(), Some("deaf"));
        drop(release);
        drop(group); // and with it the unit that sends, when its thread is through
        // One whose thread did not get to run in time was never entered, and may start again.
        let last = error.report().unwrap().units()[0].restarts + 1;
        assert_eq!(attempts.iter().collect::<Vec<_>>(), [last], "nothing starts beside it");
    });
}

#[test]
fn s6_the_limit_may_be_a_flag_and_one_that_nobody_has_is_a_definition_error() {
    within(SOON, || {
        let limit = || Flag::new("start-timeout", Duration::from_mins(1), "how long it may take");
        let (limit, nobodys) = (limit(), limit());
        let flags = FlagSet::new("Uplink").add(&limit);
        let mut group = Group::new("demo").args(["demo", "--start-timeout=20ms"]);
        let uplink = service_fn("flags", |ctx| {
            ctx.stopped().wait();
            Ok(())
        });
        group.register(uplink.flags(flags));
        group.register(never_ready("uplink")).start_timeout(&limit);
        let why = group.run().unwrap_err().to_string();
        assert_eq!(why, "unit 'uplink': start failed: not ready within 20ms");

        let mut group = demo();
        group.register(never_ready("uplink")).start_timeout(&nobodys);
        let error = group.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Definition, "{error}");
        assert!(error.to_string().contains("the start timeout is '--start-timeout'"), "{error}");
    });
}

#[test]
fn s8_one_that_asks_for_more_time_has_it() {
    within(SOON, || {
        let mut group = demo();
        let (extended, proceed) = bounded::<()>(1);
        let spool = service_fn("spool", move |ctx| {
            ctx.stopped().wait();
            ctx.extend_stop(Duration::from_secs(15));
            proceed.recv()?;
            Ok(())
        });
        let spool = group.register(spool).stop_timeout(Duration::from_millis(500)).id();
        group.register(service_fn("brief", |_| Ok(()))).after(spool);
        let events = group.handle().events(64);
        let watcher = thread::spawn(move || {
            let asked = |event: &Event| matches!(event, Event::StopExtended { .. });
            let event = events.iter().find(asked).expect("it has got more time");
            assert!(event.to_string().contains("more to stop"), "{event}");
            // Longer than it had at first.
            assert!(
                events.receiver().recv_timeout(Duration::from_millis(600)).is_err(),
                "nothing happens"
            );
            extended.send(()).unwrap();
        });
        let report = group.run().unwrap();
        watcher.join().unwrap();
        let spool = &report.units()[0];
        assert!(!spool.late && spool.state == UnitState::Stopped, "{spool:?}");
        assert!(report.left_behind().is_empty());
    });
}

#[test]
fn s8_nobody_gets_more_than_the_group_has() {
    within(SOON, || {
        let (_hold, held) = bounded::<()>(0);
        let mut group = demo().stop_timeout(Duration::from_millis(100));
        let spool = service_fn("spool", move |ctx| {
            ctx.stopped().wait();
            ctx.extend_stop(Duration::from_hours(1));
            Ok(held.recv()?)
        });
        let spool = group.register(spool).stop_timeout(SHORT).id();
        group.register(service_fn("brief", |_| Ok(()))).after(spool);
        let error = group.run().unwrap_err();
        assert_eq!(error.left_behind()[0].unit.as_deref(), Some("spool"));
    });
}

/// The context may be anybody's, and a run for which nothing is said has thirty seconds from the request.
#[test]
fn s8_any_thread_that_has_the_context_may_ask_for_as_much_as_the_run_has_by_default() {
    within(SOON, || {
        let (hand_over, contexts) = bounded::<ServeContext>(1);
        let (extended, proceed) = bounded::<()>(1);
        let mut group = demo();
        let spool = service_fn("spool", move |ctx| {
            hand_over.send(ctx.clone())?;
            Ok(proceed.recv()?)
        });
        group.register(spool).stop_timeout(Duration::from_secs(15));
        let events = group.handle().events(64);
        let stranger = thread::spawn(move || {
            let ctx = contexts.recv().unwrap();
            ctx.handle().stop("seen enough");
            ctx.stopped().wait();
            ctx.extend_stop(Duration::from_hours(1));
            let by = events.iter().find_map(|event| match event {
                Event::StopExtended { by, .. } => Some(by),
                _ => None,
            });
            extended.send(()).unwrap();
            by.expect("it has got more time")
        });
        group.run().unwrap();
        let by = stranger.join().unwrap();
        let most = Duration::from_secs(30);
        assert!(most / 2 < by && by <= most, "{by:?}");
    });
}

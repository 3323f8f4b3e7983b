//! Deadlines of groups in groups (L10): whose they are, and who is listed.

// Tests measure.
#![allow(clippy::disallowed_methods)]

mod common;

use std::time::{Duration, Instant};

use common::{SOON, within};
use crossbeam_channel::{Receiver, Sender, bounded};
use rungroup::testing::Journal;
use rungroup::{
    ErrorKind, Event, Group, Phase, RunError, ServeContext, StopReason, UnitState, service_fn,
};

/// Long enough for the well-behaved to stop in it, on a busy machine too.
const SHORT: Duration = Duration::from_millis(300);
/// Nobody waits so long in a test that is well.
const LONG: Duration = Duration::from_mins(10);

/// Holds whoever waits on it until it is dropped.
fn hold() -> (Sender<()>, Receiver<()>) {
    bounded(0)
}

/// A unit that does not hear of its stop.
fn deaf(name: &str, held: &Receiver<()>) -> impl rungroup::Unit + use<> {
    let held = held.clone();
    service_fn(name, move |_ctx| {
        let _ = held.recv();
        Ok(())
    })
}

#[allow(clippy::unnecessary_wraps)] // a `serve`
fn until_told(ctx: &ServeContext) -> Result<(), rungroup::BoxError> {
    ctx.stopped().wait();
    Ok(())
}

fn demo() -> Group {
    Group::new("demo").args(["demo"])
}

fn end_when_ready(group: &mut Group) {
    group.register(service_fn("end", |ctx| Ok(ctx.handle().wait_till_ready()?)));
}

/// Runs the group, which does not stop, and says what is left behind.
#[track_caller]
fn left(group: &mut Group) -> (Vec<String>, RunError) {
    let began = Instant::now();
    let error = group.run().unwrap_err();
    assert!(began.elapsed() < SOON, "the shortest of the deadlines counts");
    assert_eq!(error.kind(), ErrorKind::NotStopped, "{error}");
    let left = error.left_behind().iter().map(|left| {
        assert_eq!(left.phase, Phase::Serve);
        left.unit.as_deref().unwrap_or_default().to_owned()
    });
    (left.collect(), error)
}

#[test]
fn l10_a_group_with_a_shorter_deadline_than_the_run_is_left_by_it_and_the_unit_is_listed() {
    within(LONG, || {
        let (_release, held) = hold();
        let mut inner = Group::new("inner").stop_timeout(SHORT);
        inner.register(deaf("leaf", &held));
        inner.register(service_fn("quick", until_told));
        let mut outer = Group::new("outer");
        outer.register(inner);
        let mut group = demo().stop_timeout(LONG);
        let events = group.handle().events(64);
        group.register(outer);
        end_when_ready(&mut group);
        let (left, error) = left(&mut group);
        assert_eq!(left, ["outer/inner/leaf"], "the unit, and not the groups");
        let report = error.report().unwrap();
        let states: Vec<_> =
            report.units().iter().map(|it| (&*it.path, it.state, it.late)).collect();
        assert_eq!(
            states,
            [
                ("outer", UnitState::Stopping, true),
                ("outer/inner", UnitState::Stopping, true),
                ("outer/inner/leaf", UnitState::Stopping, true),
                ("outer/inner/quick", UnitState::Stopped, false),
                ("end", UnitState::Stopped, false),
            ]
        );
        assert!(report.units()[..3].iter().all(|it| it.outcome.is_none() && it.stopped.is_none()));
        assert!(report.to_string().contains("\n1 of 3 units did not stop in "), "{report}");
        let late: Vec<String> = events
            .iter()
            .filter(|it| matches!(it, Event::Late { .. }))
            .map(|it| it.to_string())
            .collect();
        assert_eq!(
            late,
            [
                "unit 'outer/inner/leaf' is past its deadline",
                "unit 'outer/inner' is past its deadline",
                "unit 'outer' is past its deadline"
            ]
        );
    });
}

#[test]
fn l10_the_runs_deadline_bounds_groups_and_units_with_longer_ones() {
    within(LONG, || {
        let (_release, held) = hold();
        let mut inner = Group::new("inner").stop_timeout(LONG);
        inner.register(deaf("leaf", &held)).stop_timeout(LONG);
        let mut outer = Group::new("outer").stop_timeout(LONG);
        outer.register(inner);
        let mut group = demo().stop_timeout(SHORT);
        group.register(outer);
        end_when_ready(&mut group);
        assert_eq!(left(&mut group).0, ["outer/inner/leaf"]);
    });
}

#[test]
fn l10_a_groups_deadline_bounds_those_of_what_is_in_it() {
    within(LONG, || {
        let (_release, held) = hold();
        let mut inner = Group::new("inner").stop_timeout(LONG);
        inner.register(deaf("leaf", &held)).stop_timeout(LONG);
        let mut outer = Group::new("outer").stop_timeout(SHORT);
        outer.register(inner);
        outer.register(deaf("beside", &held));
        let mut group = demo().stop_timeout(LONG);
        group.register(outer);
        end_when_ready(&mut group);
        assert_eq!(left(&mut group).0, ["outer/inner/leaf", "outer/beside"]);
    });
}

#[test]
fn l10_a_deadline_said_where_the_group_is_registered_goes_before_its_own() {
    within(LONG, || {
        let (_release, held) = hold();
        let mut uplink = Group::new("uplink").stop_timeout(LONG);
        uplink.register(deaf("feed", &held));
        let mut group = demo().stop_timeout(LONG);
        group.register(uplink).stop_timeout(SHORT);
        end_when_ready(&mut group);
        assert_eq!(left(&mut group).0, ["uplink/feed"]);
    });
}

#[test]
fn l10_a_group_without_one_has_as_long_as_the_run_and_not_thirty_seconds_of_its_own() {
    within(LONG, || {
        let (_release, held) = hold();
        let mut uplink = Group::new("uplink");
        uplink.register(deaf("feed", &held));
        let mut group = demo().stop_timeout(SHORT);
        let uplink = group.register(uplink).id();
        group.register(service_fn("behind", until_told)).after(uplink);
        end_when_ready(&mut group);
        assert_eq!(left(&mut group).0, ["uplink/feed"]);
    });
}

#[test]
fn l9_who_comes_after_a_group_that_is_late_waits_no_longer_for_it() {
    within(LONG, || {
        let (_release, held) = hold();
        let mut group = demo().stop_timeout(LONG);
        let store = group.register(service_fn("store", until_told)).id();
        let mut uplink = Group::new("uplink").stop_timeout(SHORT);
        uplink.register(deaf("feed", &held));
        group.register(uplink).after(store);
        end_when_ready(&mut group);
        let (left, error) = left(&mut group);
        assert_eq!(left, ["uplink/feed"]);
        assert_eq!(error.report().unwrap().units()[0].state, UnitState::Stopped);
    });
}

#[test]
fn l10_post_runs_that_are_skipped_follow_after_through_groups() {
    within(LONG, || {
        let (_release, held) = hold();
        let journal = Journal::new();
        let pre_run = |name: &str| journal.script(name).without_service().pre_run(|_| Ok(()));
        let mut group = demo().stop_timeout(SHORT);
        // Used: what `uplink` comes after, with all in it, and what that comes after.
        let base = group.register(pre_run("base")).id();
        let mut disk = Group::new("disk");
        disk.register(pre_run("index"));
        let mut store = Group::new("store");
        store.register(disk);
        let store = group.register(store).after(base).id();
        // In `uplink` the unit itself and what it comes after; its neighbours are not.
        let mut uplink = Group::new("uplink");
        let cache = uplink.register(pre_run("cache")).id();
        let held_by = held.clone();
        let feed = pre_run("feed").serve(move |_ctx| {
            let _ = held_by.recv();
            Ok(())
        });
        uplink.register(feed).after(cache);
        uplink.register(pre_run("neighbour"));
        let uplink = group.register(uplink).after(store).id();
        group.register(pre_run("server")).after(uplink);
        group.register(pre_run("other"));
        end_when_ready(&mut group);
        let (left, error) = left(&mut group);
        assert_eq!(left, ["uplink/feed"]);
        assert_eq!(journal.units("post_run"), ["other", "server", "neighbour"]);
        let skipped: Vec<&str> =
            error.report().unwrap().skipped_post_runs().iter().map(|unit| &**unit).collect();
        assert_eq!(skipped, ["uplink/feed", "uplink/cache", "store/disk/index", "base"]);
    });
}

#[test]
fn l5_the_end_of_a_group_that_is_late_is_told_when_its_last_thread_has_left() {
    within(LONG, || {
        let (release, held) = hold();
        let mut inner = Group::new("inner");
        inner.register(deaf("leaf", &held));
        let mut outer = Group::new("outer").stop_timeout(SHORT);
        outer.register(inner);
        outer.register(service_fn("quick", until_told));
        let mut group = demo().stop_timeout(LONG);
        let outer = group.register(outer).id();
        let events = group.handle().events(64);
        let release = std::sync::Mutex::new(Some(release));
        group.register(service_fn("admin", move |ctx| {
            ctx.handle().wait_till_ready()?;
            let ended = ctx.handle().deregister(outer)?;
            let of_outer = |event: Event| match event {
                Event::Late { unit } => &*unit == "outer",
                _ => false,
            };
            assert!(events.iter().any(of_outer));
            assert!(ended.outcome().is_none(), "its thread is there");
            let units = ctx.handle().snapshot().units;
            assert!(units[0].late && units[0].state == UnitState::Stopping, "{units:?}");
            drop(release.lock().unwrap().take());
            assert!(ended.wait()?.is_ok());
            let units = ctx.handle().snapshot().units;
            assert!(units[..4].iter().all(|it| it.state == UnitState::Stopped), "{units:?}");
            Ok(())
        }));
        let report = group.run().unwrap();
        assert_eq!(report.reason(), &StopReason::UnitStopped("admin".into()));
        assert!(report.units()[0].late && report.units()[0].stopped.is_some(), "{report}");
    });
}

#[test]
fn s8_more_time_to_stop_is_bounded_by_the_group() {
    within(LONG, || {
        let mut uplink = Group::new("uplink").stop_timeout(SHORT * 2);
        let (_release, held) = hold();
        uplink
            .register(service_fn("feed", move |ctx| {
                ctx.stopped().wait();
                ctx.extend_stop(LONG);
                let _ = held.recv();
                Ok(())
            }))
            .stop_timeout(SHORT);
        let mut group = demo().stop_timeout(LONG);
        group.register(uplink);
        end_when_ready(&mut group);
        assert_eq!(left(&mut group).0, ["uplink/feed"]);
    });
}

//! S5, S1: groups in groups that start again, on real threads.

mod common;

use std::time::Duration;

use common::{SOON, within};
use rungroup::testing::{Gate, Journal, Script, Tester};
use rungroup::{Backoff, ErrorKind, Event, Group, Restart, StopReason, UnitState, service_fn};

fn demo() -> Group {
    Group::new("demo").args(["demo"])
}

/// Long enough for one that means to be ready, on a busy machine too.
const IN_TIME: Duration = Duration::from_millis(300);

fn at_once() -> Restart {
    Restart::on_failure().backoff(Backoff::none())
}

/// A group of a feed that fails on its first attempt, once both are ready, and a filter. They say when
/// they are, so that what is ready has written down that it serves.
fn uplink(journal: &Journal) -> Group {
    let mut uplink = Group::new("uplink");
    let filter = uplink.register(journal.script("filter").all_phases().ready()).id();
    let feed = journal.script("feed").ready().fail("lost").times(1).until_told();
    uplink.register(feed).after(filter);
    uplink
}

fn is_ready_again(unit: &'static str) -> impl Fn(&Event) -> bool {
    let ready = std::cell::Cell::new(0);
    move |event| {
        let is_it = matches!(event, Event::Ready { unit: it } if &**it == unit);
        ready.set(ready.get() + u32::from(is_it));
        ready.get() == 2
    }
}

#[test]
fn s5_a_group_whose_unit_fails_starts_again_with_all_its_units() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = demo();
        group.register(journal.script("beside"));
        group.register(uplink(&journal)).restart(at_once());
        let tester = Tester::start(group);
        tester.wait_for(is_ready_again("uplink"));
        let snapshot = tester.handle().snapshot();
        let restarts: Vec<(&str, u32)> =
            snapshot.units.iter().map(|unit| (&*unit.path, unit.restarts)).collect();
        let all = [("beside", 0), ("uplink", 1), ("uplink/filter", 1), ("uplink/feed", 1)];
        assert_eq!(restarts, all);
        let lost = snapshot.units[1].last_failure.as_ref().map(ToString::to_string);
        assert_eq!(lost.as_deref(), Some("unit 'uplink/feed': serve failed: lost"));
        let report = tester.stop().unwrap();
        assert!(report.failures().is_empty(), "what is made good does not count");
        journal.assert_order(["filter told", "filter left", "filter serve", "feed serve"]);
        assert_eq!(journal.count("filter pre_run"), 1, "pre-runs are not repeated");
        assert_eq!(journal.count("filter graceful_stop"), 2, "it was told twice (L8)");
    });
}

#[test]
fn s5_the_events_tell_of_the_group_as_of_a_unit() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = demo();
        group.register(uplink(&journal)).restart(at_once());
        let events = group.handle().events(256);
        let tester = Tester::start(group);
        tester.wait_for(is_ready_again("uplink"));
        tester.stop().unwrap();
        let of_group = events.iter().filter(|event| event.unit() == Some("uplink"));
        let story: Vec<String> = of_group.map(|event| event.to_string()).collect();
        let lost = "unit 'uplink/feed': serve failed: lost";
        assert_eq!(
            story,
            [
                "unit 'uplink' starting",
                "unit 'uplink' ready",
                "unit 'uplink' told to stop: unit 'uplink/feed' stopped",
                &format!("unit 'uplink' ended: {lost}"),
                "unit 'uplink' starts again at once, attempt 2",
                "unit 'uplink' starting, attempt 2",
                "unit 'uplink' ready",
                "unit 'uplink' told to stop: requested: seen enough",
                "unit 'uplink' ended: ok",
                "unit 'uplink' stopped",
            ]
        );
    });
}

#[test]
fn s5_a_group_that_is_given_up_ends_the_run_and_the_unit_is_the_cause() {
    within(SOON, || {
        let journal = Journal::new();
        let mut uplink = Group::new("uplink");
        uplink.register(journal.script("feed").fail("lost"));
        let mut group = demo();
        group.register(journal.script("beside"));
        group.register(uplink).restart(at_once().intensity(2, Duration::from_mins(1)));
        let events = group.handle().events(256);
        let error = Tester::spawn(group).wait().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Failed);
        assert_eq!(error.to_string(), "unit 'uplink/feed': serve failed: lost");
        let reason = error.report().unwrap().reason();
        assert_eq!(reason, &StopReason::UnitStopped("uplink/feed".into()));
        assert_eq!(error.report().unwrap().failures().len(), 1, "the last one counts");
        assert_eq!(journal.count("feed serve"), 3);
        let gave_up = events.iter().find(|event| matches!(event, Event::GaveUp { .. })).unwrap();
        assert_eq!(gave_up.to_string(), "unit 'uplink' is given up: more than 2 restarts in 60s");
    });
}

#[test]
fn s5_a_stop_while_a_group_waits_to_start_again_returns_at_once() {
    within(SOON, || {
        let journal = Journal::new();
        let minute = Restart::on_failure().backoff(Backoff::constant(Duration::from_mins(1)));
        let mut group = demo();
        group.register(uplink(&journal)).restart(minute);
        let tester = Tester::start(group);
        let restarting = |event: &Event| matches!(event, Event::Restarting { .. });
        tester.wait_for(restarting);
        let status = tester.handle().snapshot().units.remove(0);
        assert_eq!(status.state, UnitState::Backoff);
        assert!(status.starts_in.is_some() && !status.ready);
        let report = tester.stop().unwrap();
        assert_eq!(report.units()[0].state, UnitState::Stopped);
        assert_eq!(journal.count("feed serve"), 1);
        assert_eq!(journal.count("feed graceful_stop"), 1, "it was the last (L8)");
    });
}

#[test]
fn s2_a_unit_that_hangs_keeps_its_group_from_starting_again_and_is_named() {
    within(SOON, || {
        let journal = Journal::new();
        let gate = Gate::new();
        let mut uplink = Group::new("uplink");
        let deaf = journal.script("deaf").ready().hang(&gate);
        let deaf = uplink.register(deaf).stop_timeout(Duration::from_millis(20)).id();
        uplink.register(journal.script("feed").fail("lost")).after(deaf);
        let mut group = demo();
        group.register(uplink).restart(at_once());
        let error = Tester::spawn(group).wait().unwrap_err();
        gate.open();
        assert_eq!(error.left_behind()[0].unit.as_deref(), Some("uplink/deaf"));
        assert_eq!(journal.count("deaf serve"), 1, "no second beside the first");
        let text = error.to_string();
        assert!(text.contains("was to start again, and did not stop in time for that"), "{text}");
    });
}

#[test]
fn s6_a_group_that_is_not_ready_in_time_starts_again() {
    within(SOON, || {
        let journal = Journal::new();
        let mut uplink = Group::new("uplink");
        let slow = journal.script("slow").declares_ready();
        uplink.register(slow.until_told().times(1).ready().until_told());
        let mut group = demo();
        group.register(uplink).restart(at_once()).start_timeout(IN_TIME);
        let tester = Tester::start(group).ready();
        let units = tester.handle().snapshot().units;
        assert_eq!(units[0].restarts, 1);
        let why = units[0].last_failure.as_ref().map(ToString::to_string);
        assert_eq!(why.as_deref(), Some("unit 'uplink': start failed: not ready within 300ms"));
        tester.stop().unwrap();
    });
}

#[test]
fn l3_what_one_that_is_yet_to_start_again_comes_after_cannot_be_taken_out() {
    within(SOON, || {
        let (journal, fails) = (Journal::new(), Gate::new());
        let mut uplink = Group::new("uplink");
        // It is ready at its first attempt alone, so `user` has an end behind it, and no start before it.
        let base = journal.script("base").ready().times(1).until(&fails).times(1);
        let base = uplink.register(base.fail("connection lost").times(1)).id();
        uplink.register(journal.script("user")).after(base);
        let mut group = demo();
        group.register(uplink).restart(at_once());
        let run = Tester::start(group);
        fails.open();
        journal.wait_for_count("base serve", 2);
        let refused = run.handle().deregister(base).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InUse, "{refused}");
        run.stop().unwrap();
        assert_eq!(journal.count("user serve"), 1);
    });
}

#[test]
fn s7_what_one_that_was_taken_out_fails_with_is_reported_also_where_its_group_starts_again() {
    within(SOON, || {
        let (fails, leaves) = (Gate::new(), Gate::new());
        let mut uplink = Group::new("uplink");
        let lost = Script::new("feed").until(&fails).times(1).fail("connection lost").times(1);
        uplink.register(lost);
        let pass = leaves.pass();
        let goer = service_fn("leaver", move |ctx| {
            ctx.stopped().wait();
            pass.wait();
            Err("disk full".into())
        });
        let goer = uplink.register(goer).id();
        let mut group = demo();
        group.register(uplink).restart(at_once());
        let run = Tester::start(group);
        run.handle().deregister(goer).unwrap();
        fails.open();
        run.wait_for(|event| matches!(event, Event::StopAsked { unit, .. } if &**unit == "uplink"));
        leaves.open();
        run.wait_for(|event| event.to_string() == "unit 'uplink' starting, attempt 2");
        let error = run.stop().unwrap_err();
        let report = error.report().unwrap();
        let failed: Vec<&str> = report.failures().iter().map(rungroup::Failure::unit).collect();
        assert_eq!(failed, ["uplink/leaver"]);
    });
}

#[test]
fn l3_what_was_taken_out_is_not_in_the_way_when_its_group_starts_again() {
    within(SOON, || {
        let (journal, fails) = (Journal::new(), Gate::new());
        let mut uplink = Group::new("uplink");
        let base = uplink.register(journal.script("base")).id();
        let user = uplink.register(journal.script("user")).after(base).id();
        uplink.register(Script::new("feed").until(&fails).times(1).fail("lost").times(1));
        let mut group = demo();
        group.register(uplink).restart(at_once());
        let run = Tester::start(group);
        run.handle().deregister(user).unwrap().wait().unwrap();
        fails.open();
        journal.wait_for_count("base serve", 2);
        run.stop().unwrap();
        assert_eq!(journal.count("user serve"), 1);
    });
}

#[test]
fn l3_what_is_taken_out_when_it_has_stopped_with_its_group_does_not_start_again() {
    within(SOON, || {
        let (journal, fails) = (Journal::new(), Gate::new());
        let mut uplink = Group::new("uplink");
        let gone = uplink.register(journal.script("gone")).id();
        uplink.register(journal.script("base"));
        uplink.register(Script::new("feed").until(&fails).times(1).fail("lost").times(1));
        let pause = Backoff::constant(Duration::from_millis(50));
        let mut group = demo();
        group.register(uplink).restart(Restart::on_failure().backoff(pause));
        let run = Tester::start(group);
        fails.open();
        run.wait_for(
            |event| matches!(event, Event::Restarting { unit, .. } if &**unit == "uplink"),
        );
        run.handle().deregister(gone).unwrap().wait().unwrap();
        journal.wait_for_count("base serve", 2);
        run.stop().unwrap();
        assert_eq!(journal.count("gone serve"), 1);
    });
}

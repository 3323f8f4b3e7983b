//! More of groups in groups that start again (S5, S1, S3): what is told to those in them, and what ends them.

mod common;

use std::time::Duration;

use common::{SOON, within};
use rungroup::testing::{Gate, Journal, Tester};
use rungroup::{
    Backoff, ErrorKind, Event, Group, Phase, Restart, ServeContext, StopReason, Strategy,
    UnitState, service_fn,
};

fn demo() -> Group {
    Group::new("demo").args(["demo"])
}

fn at_once() -> Restart {
    Restart::on_failure().backoff(Backoff::none())
}

/// A `serve` that fails the first time, when all are ready, and notes why it is told.
fn fails_once(journal: &Journal, name: &'static str) -> impl rungroup::Unit + use<> {
    let journal = journal.clone();
    service_fn(name, move |ctx| {
        journal.note(format!("{name} attempt {}", ctx.attempt()));
        if ctx.attempt() == 1 {
            ctx.handle().wait_till_ready()?;
            return Err("connection lost".into());
        }
        told(&journal, name, ctx);
        Ok(())
    })
}

fn told(journal: &Journal, name: &str, ctx: &ServeContext) {
    let reason = ctx.stopped().wait();
    journal.note(format!("{name} told: {reason}"));
}

fn waits(journal: &Journal, name: &'static str) -> impl rungroup::Unit + use<> {
    let journal = journal.clone();
    service_fn(name, move |ctx| {
        journal.note(format!("{name} attempt {}", ctx.attempt()));
        told(&journal, name, ctx);
        Ok(())
    })
}

#[test]
fn s5_a_group_starts_again_with_all_in_it_and_what_was_made_good_is_no_failure() {
    within(SOON, || {
        let journal = Journal::new();
        let mut inner = Group::new("inner");
        inner.register(fails_once(&journal, "feed"));
        inner.register(waits(&journal, "filter"));
        let mut uplink = Group::new("uplink");
        uplink.register(inner);
        uplink.register(journal.script("open").all_phases());
        let mut group = demo();
        group.register(uplink).restart(at_once());
        group.register(waits(&journal, "beside"));
        let run = Tester::start(group);
        run.wait_for(|event| event.to_string() == "unit 'uplink' starting, attempt 2");
        journal.wait_for("feed attempt 2");
        journal.wait_for("filter attempt 2");
        journal.wait_for_count("open serve", 2);
        let report = run.stop().unwrap();
        assert_eq!(report.failures().len(), 0);
        let restarts: Vec<_> =
            report.units().iter().map(|it| (&*it.path, it.restarts, it.state)).collect();
        assert_eq!(
            restarts,
            [
                ("uplink", 1, UnitState::Stopped),
                ("uplink/inner", 1, UnitState::Stopped),
                ("uplink/inner/feed", 1, UnitState::Stopped),
                ("uplink/inner/filter", 1, UnitState::Stopped),
                ("uplink/open", 1, UnitState::Stopped),
                ("beside", 0, UnitState::Stopped),
            ]
        );
        assert_eq!(journal.count("open pre_run"), 1, "pre-runs are not repeated");
        assert_eq!(journal.count("open post_run"), 1);
        assert!(journal.has("filter told: unit 'uplink/inner/feed' stopped"), "{journal:?}");
        assert!(report.units().iter().all(|it| it.outcome.as_ref().unwrap().is_ok()));
    });
}

/// What has failed before it was taken out is still why its group has failed, and the group around that.
#[test]
fn s5_a_group_that_gives_up_names_the_failure_of_one_that_was_taken_out_since() {
    within(SOON, || {
        let (journal, [end, taken_out]) = (Journal::new(), [(); 2].map(|()| Gate::new()));
        let mut inner = Group::new("inner");
        inner.register(journal.script("short").until(&end).finish());
        let flaky = inner.register(journal.script("flaky").until_told().panic("in its stop")).id();
        inner.register(journal.script("slow").until_told().hang(&taken_out).finish());
        let mut outer = Group::new("outer");
        outer.register(inner).task();
        outer.register(waits(&journal, "keeps it alive"));
        let mut group = demo();
        group.register(outer).restart(at_once().intensity(0, SOON));
        group.register(waits(&journal, "beside"));
        let run = Tester::start(group);
        end.open();
        run.wait_for(|event| event.to_string() == "unit 'outer/inner/flaky' failed");
        assert!(run.handle().deregister(flaky).unwrap().wait().is_ok());
        taken_out.open();
        let error = run.wait().unwrap_err();
        let cause = error.cause().expect("a unit has failed");
        assert_eq!((cause.unit(), cause.phase()), ("outer/inner/flaky", Phase::Serve), "{error}");
    });
}

/// And what fails later is not: it counts for nothing in its group.
#[test]
fn s5_a_group_that_gives_up_does_not_name_what_failed_after_it_was_taken_out() {
    within(SOON, || {
        let (journal, end) = (Journal::new(), Gate::new());
        let mut outer = Group::new("outer");
        let guest = outer.register(journal.script("guest").until_told().fail("too late")).id();
        outer.register(journal.script("short").until(&end).finish());
        let mut group = demo();
        group.register(outer).restart(Restart::always().intensity(0, SOON));
        group.register(waits(&journal, "beside"));
        let run = Tester::start(group);
        assert!(!run.handle().deregister(guest).unwrap().wait().unwrap().is_ok());
        end.open();
        let error = run.wait().unwrap_err();
        let cause = error.cause().expect("the group has given up");
        assert_eq!(cause.unit(), "outer", "{error}");
        assert!(cause.to_string().contains("it has returned again and again"), "{error}");
    });
}

#[test]
fn s5_events_tell_of_a_group_that_starts_again_what_they_tell_of_a_unit() {
    within(SOON, || {
        let journal = Journal::new();
        let mut uplink = Group::new("uplink");
        uplink.register(fails_once(&journal, "feed"));
        let mut group = demo();
        let events = group.handle().events(64);
        group.register(uplink).restart(at_once());
        let run = Tester::start(group);
        run.wait_for(|event| event.to_string() == "unit 'uplink' starting, attempt 2");
        run.wait_for(|event| event.to_string() == "unit 'uplink' ready");
        run.stop().unwrap();
        let of = events.iter().filter(|event| event.unit() == Some("uplink"));
        let of: Vec<String> = of.map(|event| event.to_string()).collect();
        assert_eq!(
            of,
            [
                "unit 'uplink' starting",
                "unit 'uplink' ready",
                "unit 'uplink' told to stop: unit 'uplink/feed' stopped",
                "unit 'uplink' ended: unit 'uplink/feed': serve failed: connection lost",
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
fn s5_a_group_that_starts_again_too_often_is_given_up_and_the_run_names_the_unit() {
    within(SOON, || {
        let mut uplink = Group::new("uplink");
        uplink.register(service_fn("feed", |_ctx| Err("no route".into())));
        let mut group = demo();
        let events = group.handle().events(128);
        group.register(uplink).restart(at_once().intensity(2, Duration::from_mins(1)));
        group.register(service_fn("beside", |ctx| {
            ctx.stopped().wait();
            Ok(())
        }));
        let error = group.run().unwrap_err();
        assert_eq!(error.to_string(), "unit 'uplink/feed': serve failed: no route");
        let report = error.report().unwrap();
        assert_eq!(report.reason().to_string(), "unit 'uplink/feed' stopped");
        assert_eq!(report.units()[0].restarts, 2);
        assert_eq!(report.units()[0].state, UnitState::Failed);
        let gave_up =
            |event: &Event| matches!(event, Event::GaveUp { unit, .. } if &**unit == "uplink");
        assert_eq!(events.iter().filter(gave_up).count(), 1);
    });
}

#[test]
fn s5_a_group_whose_tasks_are_done_again_and_again_is_given_up_by_its_own_name() {
    within(SOON, || {
        let mut import = Group::new("import");
        import.register(service_fn("read", |_ctx| Ok(()))).task();
        let mut group = demo();
        let always = Restart::always().backoff(Backoff::none());
        group.register(import).restart(always.intensity(2, Duration::from_mins(1)));
        let error = group.run().unwrap_err();
        let cause = error.cause().unwrap();
        assert_eq!((cause.unit(), cause.phase()), ("import", Phase::Serve));
        assert_eq!(error.report().unwrap().reason().to_string(), "unit 'import' stopped");
    });
}

#[test]
fn s5_a_group_that_is_not_ready_in_time_has_failed() {
    within(SOON, || {
        let journal = Journal::new();
        let mut uplink = Group::new("uplink");
        uplink.register(waits(&journal, "quick"));
        let slow = journal.script("slow").declares_ready().serve({
            let journal = journal.clone();
            move |ctx| {
                told(&journal, "slow", ctx);
                Ok(())
            }
        });
        uplink.register(slow);
        let mut group = demo();
        group.register(uplink).start_timeout(Duration::from_millis(300));
        group.register(waits(&journal, "beside"));
        let error = group.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Failed);
        assert_eq!(error.to_string(), "unit 'uplink': start failed: not ready within 300ms");
        assert_eq!(error.report().unwrap().reason().to_string(), "unit 'uplink' stopped");
        assert_eq!(error.report().unwrap().units()[0].state, UnitState::Failed);
        assert!(journal.has("slow told: not ready in time"), "{journal:?}");
    });
}

#[test]
fn s3_units_of_a_group_start_again_together_by_its_strategy_and_no_others() {
    within(SOON, || {
        let journal = Journal::new();
        let mut uplink = Group::new("uplink").strategy(Strategy::one_for_all());
        uplink.register(waits(&journal, "filter"));
        uplink.register(fails_once(&journal, "feed")).restart(at_once());
        let mut group = demo();
        group.register(uplink);
        group.register(waits(&journal, "beside"));
        let run = Tester::start(group);
        journal.wait_for("filter attempt 2");
        journal.wait_for("feed attempt 2");
        let report = run.stop().unwrap();
        let restarts: Vec<_> = report.units().iter().map(|it| (&*it.path, it.restarts)).collect();
        let expected = [("uplink", 0), ("uplink/filter", 1), ("uplink/feed", 1), ("beside", 0)];
        assert_eq!(restarts, expected);
        assert!(journal.has("filter told: starts again with unit 'uplink/feed'"), "{journal:?}");
    });
}

#[test]
fn s3_a_group_starts_again_with_its_siblings_and_its_units_hear_with_whom() {
    within(SOON, || {
        let journal = Journal::new();
        let mut uplink = Group::new("uplink");
        uplink.register(waits(&journal, "feed"));
        let mut group = demo().strategy(Strategy::one_for_all());
        group.register(uplink);
        group.register(fails_once(&journal, "store")).restart(at_once());
        let run = Tester::start(group);
        journal.wait_for("feed attempt 2");
        journal.wait_for("store attempt 2");
        let report = run.stop().unwrap();
        let restarts: Vec<_> = report.units().iter().map(|it| (&*it.path, it.restarts)).collect();
        assert_eq!(restarts, [("uplink", 1), ("uplink/feed", 1), ("store", 1)]);
        assert!(journal.has("feed told: starts again with unit 'store'"), "{journal:?}");
    });
}

#[test]
fn s2_a_group_that_does_not_stop_in_time_to_start_again_ends_the_run() {
    within(SOON, || {
        let journal = Journal::new();
        let gate = Gate::new();
        let mut uplink = Group::new("uplink").stop_timeout(Duration::from_millis(300));
        uplink.register(fails_once(&journal, "feed"));
        uplink.register(journal.script("deaf").hang(&gate));
        let mut group = demo();
        group.register(uplink).restart(at_once());
        let error = group.run().unwrap_err();
        let left: Vec<_> = error.left_behind().iter().map(|it| it.unit.as_deref()).collect();
        assert_eq!(left, [Some("uplink/deaf")]);
        let failures: Vec<&str> = error.failures().iter().map(rungroup::Failure::unit).collect();
        assert_eq!(failures, ["uplink"], "{error}");
        assert!(error.to_string().contains("did not stop in time"), "{error}");
        assert_eq!(error.report().unwrap().units()[0].restarts, 0);
    });
}

#[test]
fn s1_a_stop_ends_the_pause_of_a_group() {
    within(SOON, || {
        let journal = Journal::new();
        let mut uplink = Group::new("uplink");
        uplink.register(fails_once(&journal, "feed"));
        let mut group = demo();
        let pause = Backoff::constant(Duration::from_hours(1)).without_jitter();
        group.register(uplink).restart(Restart::on_failure().backoff(pause));
        group.register(waits(&journal, "beside"));
        let run = Tester::start(group);
        run.wait_for(
            |event| matches!(event, Event::Restarting { unit, .. } if &**unit == "uplink"),
        );
        let uplink = run.handle().snapshot().units.swap_remove(0);
        assert_eq!((uplink.state, uplink.ready), (UnitState::Backoff, false));
        assert!(uplink.starts_in.is_some_and(|time| time > Duration::from_mins(59)));
        assert_eq!(uplink.last_failure.unwrap().unit(), "uplink/feed");
        let report = run.stop().unwrap();
        assert_eq!(report.units()[0].state, UnitState::Stopped);
        assert_eq!(report.units()[0].restarts, 0);
    });
}

#[test]
fn l3_a_group_that_waits_to_start_again_can_be_taken_out() {
    within(SOON, || {
        let journal = Journal::new();
        let mut uplink = Group::new("uplink");
        uplink.register(fails_once(&journal, "feed"));
        let mut group = demo();
        let pause = Backoff::constant(Duration::from_hours(1));
        let uplink = group.register(uplink).restart(Restart::on_failure().backoff(pause)).id();
        group.register(waits(&journal, "beside"));
        let run = Tester::start(group);
        run.wait_for(|event| matches!(event, Event::Restarting { .. }));
        let ended = run.handle().deregister(uplink).unwrap();
        assert_eq!(ended.wait().unwrap().failure().unwrap().unit(), "uplink/feed");
        run.wait_for(|event| {
            event.to_string().starts_with("unit 'uplink' stopped")
                || event.to_string().starts_with("unit 'uplink' failed")
        });
        let report = run.stop().unwrap();
        assert_eq!(report.reason(), &StopReason::from("seen enough"));
    });
}

/// In its first life the inner group has stopped without having started: that end is not taken for one
/// of its second.
#[test]
fn s5_a_group_that_had_not_come_to_its_start_has_an_end_of_its_own_when_all_start_again() {
    within(SOON, || {
        let journal = Journal::new();
        let mut inner = Group::new("inner");
        let leaf = inner.register(waits(&journal, "leaf")).id();
        let mut outer = Group::new("outer");
        let first = outer.register(journal.script("first").declares_ready().serve(|ctx| {
            if ctx.attempt() == 1 {
                return Err("not yet".into());
            }
            ctx.ready();
            ctx.stopped().wait();
            Ok(())
        }));
        let first = first.id();
        let inner = outer.register(inner).after(first).id();
        let mut group = demo();
        let outer = group.register(outer).restart(at_once()).id();
        let run = Tester::start(group);
        let deregister = |id| run.handle().deregister(id);
        assert_eq!(deregister(first).unwrap_err().kind(), ErrorKind::InUse);
        journal.wait_for("leaf attempt 1");
        let ended = deregister(leaf).unwrap();
        assert!(ended.wait().unwrap().is_ok());
        assert!(journal.has("leaf told: deregistered"), "its end was not that of before");
        // With its last unit it has ended, and with it the outer one.
        drop(deregister(inner));
        drop(deregister(outer));
        let told: Vec<String> = journal.units("told: deregistered");
        assert_eq!(told, ["leaf"]);
        drop(run.wait());
    });
}

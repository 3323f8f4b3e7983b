//! What tests are written with has to fail when it should, and to say why: scripts, journals, gates,
//! testers.

// Panics are caught here, and times taken.
#![allow(clippy::disallowed_methods)]

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use common::{SOON, within};
use rungroup::testing::{Decision, Gate, Journal, Rehearsal, Script, Tester};
use rungroup::{Backoff, ErrorKind, Event, Group, Restart, StopReason, service_fn};

const SHORT: Duration = Duration::from_millis(20);

fn demo() -> Group {
    Group::new("demo").args(["demo"])
}

/// What a panic in `body` says.
#[track_caller]
fn panic_of(body: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(body)).expect_err("it panics");
    match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => (*payload.downcast::<&str>().expect("a message")).to_owned(),
    }
}

// ---- scripts ----

#[test]
fn a_script_plays_its_steps_in_order_and_then_serves_until_it_is_told() {
    within(SOON, || {
        let (journal, open) = (Journal::new(), Gate::new());
        let mut group = demo();
        group.register(journal.script("store").take(SHORT).until(&open).ready());
        let run = Tester::spawn(group);
        journal.wait_for("store serve");
        assert!(run.handle().wait_till_ready_timeout(SHORT).is_err());
        open.open();
        run.ready().stop().unwrap();
        let expected = ["store serve", "store ready", "store told", "store left"];
        let mut entries = journal.entries();
        entries.retain(|entry| entry != "store graceful_stop"); // beside it, on another thread
        assert_eq!(entries, expected);
    });
}

#[test]
fn a_script_that_is_told_at_a_gate_ends_there() {
    within(SOON, || {
        let (journal, never) = (Journal::new(), Gate::new());
        let mut group = demo();
        group.register(journal.script("feed").until(&never).fail("not reached"));
        Tester::start(group).stop().unwrap();
        journal.assert_order(["feed serve", "feed told", "feed left"]);
    });
}

#[test]
fn a_script_that_hangs_does_so_until_its_gate_opens() {
    within(SOON, || {
        let (journal, gate) = (Journal::new(), Gate::new());
        let mut group = demo().stop_timeout(SHORT);
        group.register(journal.script("deaf").hang(&gate));
        let error = Tester::start(group).stop().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotStopped);
        assert!(!journal.has("deaf left"));
        drop(gate);
        journal.wait_for("deaf left");
    });
}

#[test]
fn a_step_is_for_so_many_attempts() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = demo();
        let feed = journal.script("feed").fail("lost").times(1).panic("upset").times(3).ready();
        group.register(feed).restart(Restart::on_failure().backoff(Backoff::none()));
        let run = Tester::start(group);
        let report = run.stop().unwrap();
        assert_eq!(report.units()[0].restarts, 3);
        assert_eq!(journal.count("feed left"), 4, "those that panicked have left, too");
    });
}

#[test]
fn what_is_said_last_decides_whether_it_serves() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = demo();
        group.register(journal.script("none").finish().without_service());
        group.register(journal.script("one").without_service().finish());
        group.run().unwrap();
        assert_eq!(journal.units("serve"), ["one"]);
    });
}

#[test]
fn a_script_notes_its_own_name_and_its_closures_are_called() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = demo();
        let notes = |what: &'static str| {
            let journal = journal.clone();
            move || {
                journal.note(what);
                Ok(())
            }
        };
        let unit = journal
            .script("store")
            .all_phases()
            .validate({
                let journal = journal.clone();
                move || {
                    journal.note("validating");
                    Ok(())
                }
            })
            .graceful_stop(notes("stopping"))
            .post_run(notes("cleaning"));
        group.register(unit);
        let run = Tester::start(group);
        journal.wait_for("store serve"); // it is ready, and can be told to stop, before its first line
        run.stop().unwrap();
        journal.assert_order(["store flag_set", "store validate", "validating", "store pre_run"]);
        journal.assert_order(["store serve", "store graceful_stop", "stopping"]);
        journal.assert_order(["store told", "store left", "store post_run", "cleaning"]);
    });
}

// ---- journals and gates ----

#[test]
fn a_journal_wakes_all_who_wait_for_an_entry() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = demo();
        for number in 0..4 {
            let journal = journal.clone();
            group.register(service_fn(format!("waits-{number}"), move |ctx| {
                journal.wait_for("go");
                journal.note("gone");
                ctx.stopped().wait();
                Ok(())
            }));
        }
        let run = Tester::start(group);
        assert!(!journal.wait_for_timeout("gone", SHORT));
        journal.note("go");
        journal.wait_for_count("gone", 4);
        run.stop().unwrap();
    });
}

#[test]
fn an_order_that_does_not_hold_is_a_panic_with_what_is_there() {
    let journal = Journal::new();
    for entry in ["a", "b", "a"] {
        journal.note(entry);
    }
    journal.assert_order(["a", "b", "a"]);
    let message = panic_of(|| journal.assert_order(["b", "b"]));
    assert_eq!(message, r#"'b' is not there, or too early: ["a", "b", "a"]"#);
    assert!(panic_of(|| journal.assert_order(["c"])).starts_with("'c' is not there"));
}

#[test]
fn a_gate_opens_when_it_is_dropped() {
    let gate = Gate::new();
    let pass = gate.pass();
    assert!(!pass.wait_timeout(Duration::from_millis(1)) && !gate.is_open());
    drop(gate);
    within(SOON, move || pass.wait());
}

// ---- testers ----

#[test]
fn a_tester_says_why_its_group_did_not_become_ready() {
    within(SOON, || {
        let mut group = demo();
        group.register(Script::new("store").declares_ready().fail("no disk"));
        let message = panic_of(|| drop(Tester::start(group)));
        let why = "the group did not become ready: unit 'store': serve failed: no disk";
        assert_eq!(message, why);

        let mut group = demo();
        group.register(Script::new("brief").declares_ready().finish());
        let message = panic_of(|| drop(Tester::start(group)));
        assert!(message.contains("did not become ready, the group stopped before"), "{message}");

        let (journal, mut group) = (Journal::new(), demo());
        group.register(journal.script("slow").declares_ready());
        let run = Tester::spawn(group);
        journal.wait_for("slow serve"); // before that there may be nobody to name yet
        let message = panic_of(|| drop(run.limit(SHORT).ready()));
        assert!(message.starts_with("the group is not ready after 20ms:\n"), "{message}");
        let as_it_was = ["slow  starting", "slow  running"];
        assert!(as_it_was.iter().any(|it| message.contains(it)), "it does not stop yet: {message}");
    });
}

#[test]
fn a_tester_does_not_wait_longer_than_its_limit_for_the_end() {
    within(SOON, || {
        let gate = Gate::new();
        let mut group = demo();
        group.register(Script::new("deaf").hang(&gate));
        let run = Tester::start(group).limit(SHORT);
        let message = panic_of(|| drop(run.stop()));
        assert!(message.starts_with("the group has not ended after 20ms:\n"), "{message}");
        assert!(message.contains("deaf"), "{message}");
    });
}

#[test]
fn a_tester_says_which_events_came_instead() {
    within(SOON, || {
        let mut group = demo();
        group.register(Script::new("brief").finish());
        let run = Tester::spawn(group);
        let message = panic_of(|| _ = run.wait_for(|event| matches!(event, Event::Late { .. })));
        let start = "no such event: the group has ended without it. Those that came:";
        assert!(message.starts_with(start), "{message}");
        assert!(message.contains("\n  unit 'brief' ended: ok"), "{message}");
        run.wait().unwrap();

        let mut group = demo();
        group.register(Script::new("store"));
        let run = Tester::start(group).limit(SHORT);
        let message = panic_of(|| _ = run.wait_for(|event| matches!(event, Event::Late { .. })));
        assert!(message.starts_with("no such event: it has not come in 20ms"), "{message}");
        run.limit(SOON).stop().unwrap();
    });
}

#[test]
fn a_tester_that_is_dropped_stops_its_group() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = demo();
        group.register(journal.script("store").all_phases());
        drop(Tester::start(group));
        assert!(journal.has("store post_run"), "and has waited for its end");
    });
}

#[test]
fn a_tester_that_is_dropped_hides_no_failure() {
    within(SOON, || {
        let mut group = demo();
        group.register(Script::new("store").until_told().panic("upset"));
        let message = panic_of(|| drop(Tester::start(group)));
        assert!(message.starts_with("the group failed: unit 'store': serve panicked"), "{message}");

        // A run that is well, although a thread of a unit has panicked.
        let mut group = demo();
        group.register(service_fn("server", |ctx| {
            ctx.spawn("conn", |_ctx| panic!("a bad request"))?;
            ctx.stopped().wait();
            Ok(())
        }));
        let message = panic_of(|| drop(Tester::start(group)));
        assert!(message.contains("a bad request"), "{message}");
    });
}

#[test]
fn a_tester_that_a_failing_test_drops_neither_hangs_nor_hides_why() {
    within(SOON, || {
        let gate = Gate::new();
        let mut group = demo();
        group.register(Script::new("deaf").hang(&gate));
        let began = Instant::now();
        let message = panic_of(|| {
            let _run = Tester::start(group);
            panic!("the test's own finding");
        });
        assert_eq!(message, "the test's own finding");
        assert!(began.elapsed() < SOON / 2, "it was not waited for");
    });
}

#[test]
fn a_tester_gives_the_result_of_a_run_that_ends_by_itself() {
    within(SOON, || {
        let mut group = demo();
        group.register(Script::new("import").finish()).task();
        let report = Tester::spawn(group).wait().unwrap();
        assert_eq!(report.reason(), &StopReason::TasksDone);
    });
}

// ---- policies ----

#[test]
fn s1_a_rehearsal_is_what_a_run_does() {
    within(SOON, || {
        let pause = Duration::from_millis(2);
        let backoff = Backoff::exponential(pause, 4 * pause).without_jitter();
        let policy = Restart::on_failure().backoff(backoff).intensity(4, Duration::from_mins(1));
        let rehearsed: Vec<_> = Rehearsal::of(&policy).pauses(Duration::ZERO).collect();
        assert_eq!(rehearsed, [pause, 2 * pause, 4 * pause, 4 * pause]);

        let mut group = demo();
        group.register(Script::new("feed").fail("lost")).restart(policy);
        let events = group.handle().events(64);
        Tester::spawn(group).wait().unwrap_err();
        let pauses = events.iter().filter_map(|event| match event {
            Event::Restarting { pause, .. } => Some(pause),
            _ => None,
        });
        assert_eq!(pauses.collect::<Vec<_>>(), rehearsed);
    });
}

#[test]
fn s1_a_rehearsal_of_days_forgets_what_is_long_ago() {
    let minute = Duration::from_mins(1);
    let policy = Restart::always().backoff(Backoff::none()).intensity(2, 10 * minute);
    let mut feed = Rehearsal::of(&policy);
    let again = Decision::StartAgain(Duration::ZERO);
    for _ in 0..1000 {
        // Two within ten minutes, and then half a day without.
        assert_eq!(feed.fails_after(12 * 60 * minute), again);
        assert_eq!(feed.returns_after(minute), again);
    }
    assert!(feed.elapsed() > Duration::from_hours(24 * 365));
    assert_eq!(feed.fails_after(minute), Decision::GiveUp);
    assert_eq!(feed.fails_after(60 * minute), Decision::GiveUp, "it is not there any more");
    let elapsed = 1000 * (12 * 60 + 1) * minute + minute;
    assert_eq!(feed.elapsed(), elapsed, "its time has ended");
}

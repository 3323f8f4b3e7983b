//! Groups in groups (S5): their life, from the pre-runs to the report. What is wrong with how they are
//! put together is in `nested_definitions`, their flags in `nested_flags`, taking them out and handles
//! of them in `nested_handles`, deadlines in `nested_deadlines`.

// Tests spawn threads of their own.
#![allow(clippy::disallowed_methods)]

mod common;

use std::io;
use std::thread;

use common::{SOON, within};
use rungroup::testing::{Journal, Script};
use rungroup::{
    ErrorKind, Event, Group, NotReady, Outcome, Phase, Report, ServeContext, StopOrder, StopReason,
    UnitState, pre_run_fn, service_fn,
};

fn demo() -> Group {
    Group::new("demo").args(["demo"])
}

#[allow(clippy::unnecessary_wraps)] // a `serve`
fn until_told(ctx: &ServeContext) -> Result<(), rungroup::BoxError> {
    ctx.stopped().wait();
    Ok(())
}

/// A group with one unit that serves until it is told to stop.
fn waiting(group: &str, unit: &str, journal: &Journal) -> Group {
    let mut group = Group::new(group);
    group.register(journal.script(unit));
    group
}

/// Ends the run as soon as all are ready.
fn end_when_ready(group: &mut Group) {
    group.register(service_fn("end", |ctx| Ok(ctx.handle().wait_till_ready()?)));
}

fn paths(report: &Report) -> Vec<&str> {
    report.units().iter().map(|unit| &*unit.path).collect()
}

// ---- who they are ----

#[test]
fn s5_units_in_groups_are_named_by_their_paths_at_every_depth() {
    within(SOON, || {
        let mut inner = Group::new("inner");
        inner.register(Script::new("leaf").declares_ready().serve(|ctx| {
            assert_eq!(ctx.unit(), "outer/inner/leaf");
            assert_eq!(thread::current().name(), Some("outer/inner/leaf"));
            ctx.spawn("helper", |ctx| {
                assert_eq!(thread::current().name(), Some("outer/inner/leaf:helper"));
                ctx.stopped().wait();
            })?;
            ctx.ready(); // with its helper, which the snapshot is to show
            ctx.stopped().wait();
            Ok(())
        }));
        let mut outer = Group::new("outer");
        outer.register(service_fn("leaf", until_told)).instances(2);
        outer.register(inner);
        let mut group = demo();
        group.register(outer);
        group.register(service_fn("leaf", |ctx| {
            ctx.handle().wait_till_ready()?;
            let snapshot = ctx.handle().snapshot();
            let seen: Vec<_> = snapshot.units.iter().map(|it| (&*it.path, it.group)).collect();
            assert_eq!(
                seen,
                [
                    ("outer", true),
                    ("outer/leaf", false),
                    ("outer/inner", true),
                    ("outer/inner/leaf", false),
                    ("leaf", false)
                ]
            );
            assert!(snapshot.units.iter().all(|it| it.ready && it.state == UnitState::Running));
            let threads = |place: usize| {
                let threads = snapshot.units[place].threads.iter();
                let mut names: Vec<String> = threads.map(|thread| thread.name.clone()).collect();
                names.sort_unstable();
                names
            };
            assert_eq!(threads(0), [""; 0], "a group has no thread of its own");
            assert_eq!(threads(1), ["outer/leaf#0", "outer/leaf#1"]);
            assert_eq!(threads(3), ["outer/inner/leaf", "outer/inner/leaf:helper"]);
            Ok(())
        }));
        let report = group.run().unwrap();
        assert_eq!(report.failures().len(), 0, "{report}");
        assert_eq!(
            paths(&report),
            ["outer", "outer/leaf", "outer/inner", "outer/inner/leaf", "leaf"]
        );
        assert!(report.units().iter().all(|unit| unit.state == UnitState::Stopped), "{report}");
    });
}

#[test]
fn s5_the_report_has_a_line_for_each_group_and_counts_units_alone() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = demo();
        group.register(waiting("left", "feed", &journal));
        group.register(waiting("right", "feed", &journal));
        end_when_ready(&mut group);
        let report = group.run().unwrap();
        let groups: Vec<&str> =
            report.units().iter().filter(|unit| unit.group).map(|unit| &*unit.path).collect();
        assert_eq!(groups, ["left", "right"]);
        for unit in report.units() {
            assert!(unit.started.is_some() && unit.ready.is_some(), "{unit:?}");
            assert!(unit.told.is_some() && unit.stopped.is_some() && !unit.late, "{unit:?}");
            assert!(unit.outcome.as_ref().is_some_and(Outcome::is_ok), "{unit:?}");
        }
        let [left, feed, ..] = report.units() else { unreachable!() };
        assert!(left.started <= feed.started && feed.ready <= left.ready);
        assert!(left.told <= feed.told && feed.stopped <= left.stopped);
        let text = report.to_string();
        assert!(text.contains("\nall 3 units stopped in"), "{text}");
        assert!(text.contains("\n  right/feed  stopped "), "{text}");
    });
}

#[test]
fn s5_events_tell_of_a_group_what_they_tell_of_a_unit() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = demo();
        group.register(waiting("uplink", "feed", &journal));
        let handle = group.handle();
        let events = handle.events(64);
        group.register(service_fn("end", |ctx| {
            ctx.handle().wait_till_ready()?;
            ctx.handle().stop("seen");
            ctx.stopped().wait();
            Ok(())
        }));
        group.run().unwrap();
        let events: Vec<Event> = events.iter().collect();
        let of = |unit: &str| -> Vec<String> {
            let of = events.iter().filter(|event| event.unit() == Some(unit));
            of.map(ToString::to_string).collect()
        };
        assert_eq!(
            of("uplink"),
            [
                "unit 'uplink' starting",
                "unit 'uplink' ready",
                "unit 'uplink' told to stop: requested: seen",
                "unit 'uplink' ended: ok",
                "unit 'uplink' stopped",
            ]
        );
        let at = |text: &str| {
            let place = events.iter().position(|event| event.to_string() == text);
            place.unwrap_or_else(|| panic!("{text}: {events:?}"))
        };
        assert!(at("unit 'uplink' starting") < at("unit 'uplink/feed' starting"));
        assert!(at("unit 'uplink/feed' ready") < at("unit 'uplink' ready"));
        assert!(at("unit 'uplink' ready") < at("all units ready"));
        assert!(
            at("unit 'uplink' told to stop: requested: seen") < at("unit 'uplink/feed' stopped")
        );
        assert!(at("unit 'uplink/feed' stopped") < at("unit 'uplink' ended: ok"));
    });
}

#[test]
fn l15_list_units_shows_paths() {
    within(SOON, || {
        let journal = Journal::new();
        let mut inner = Group::new("inner");
        inner.register(journal.script("leaf").all_phases());
        let mut outer = Group::new("outer");
        outer.register(inner);
        let mut group = demo();
        group.register(pre_run_fn("open", |_ctx| Ok(())));
        group.register(outer);
        assert_eq!(
            group.list_units(),
            "Group: demo [svc]\n- config: outer/inner/leaf\n- prerun: open outer/inner/leaf\n\
             - serve : outer/inner/leaf"
        );
    });
}

#[test]
fn l17_roles_in_groups_are_the_programs() {
    within(SOON, || {
        let journal = Journal::new();
        let mut uplink = Group::new("uplink");
        uplink.register(journal.script("feed").without_service().role("data"));
        let mut group = demo();
        group.register(uplink);
        group.register(pre_run_fn("look", |ctx| {
            assert_eq!(ctx.roles(), ["data"]);
            Ok(())
        }));
        group.run().unwrap();
    });
}

#[test]
fn l3_a_group_takes_part_if_anybody_in_it_does() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = demo();
        let mut idle = Group::new("idle");
        idle.register(journal.script("nothing").without_service());
        assert!(!group.register(idle).takes_part());
        assert!(group.register(waiting("uplink", "feed", &journal)).takes_part());
        let mut flags = Group::new("flags");
        flags.register(journal.script("config").without_service().validate(|| Ok(())));
        assert!(group.register(flags).takes_part());
    });
}

#[test]
fn s5_a_group_without_units_is_said_to_have_none_and_ends_nothing() {
    within(SOON, || {
        let mut group = demo();
        assert!(!group.register(Group::new("empty")).takes_part());
        let events = group.handle().events(64);
        end_when_ready(&mut group);
        let report = group.run().unwrap();
        assert_eq!(paths(&report), ["end"]);
        let said: Vec<String> = events.iter().map(|event| event.to_string()).collect();
        assert!(said.contains(&"group 'empty' has no units".to_owned()), "{said:?}");
    });
}

#[test]
fn s5_a_group_of_which_no_unit_serves_is_pre_run_and_no_more() {
    within(SOON, || {
        let journal = Journal::new();
        let mut schema = Group::new("schema");
        schema.register(journal.script("migrate").without_service().pre_run(|_| Ok(())));
        let mut group = demo();
        let store = group.register(journal.script("store")).id();
        let schema = group.register(schema).after(store).id();
        // Through it, since there is nothing of it to wait for.
        group.register(journal.script("server").finish()).after(schema);
        let report = group.run().unwrap();
        assert_eq!(paths(&report), ["store", "server"]);
        assert_eq!(journal.units("pre_run"), ["migrate"]);
        let [store, server] = report.units() else { unreachable!() };
        assert!(store.ready.is_some() && store.ready <= server.started);
        assert!(server.stopped.is_some() && server.stopped <= store.told);
    });
}

// ---- pre-runs and post-runs ----

/// `first`, then `outer` with `a`, `inner` (`b`, `c`) and `d`, then `last`; `c`'s pre-run is `c`.
fn three_deep(
    journal: &Journal,
    c: impl Fn() -> Result<(), rungroup::BoxError> + Send + Sync + 'static,
) -> Group {
    let pre_run = |name: &str| journal.script(name).without_service().pre_run(|_| Ok(()));
    let mut inner = Group::new("inner");
    inner.register(pre_run("b"));
    inner.register(journal.script("c").without_service().pre_run(move |_| c()));
    let mut outer = Group::new("outer");
    outer.register(pre_run("a"));
    outer.register(inner);
    outer.register(pre_run("d"));
    let mut group = demo();
    group.register(pre_run("first"));
    group.register(outer);
    group.register(pre_run("last"));
    group
}

#[test]
fn s5_pre_runs_have_their_groups_place_and_post_runs_the_reverse() {
    within(SOON, || {
        let journal = Journal::new();
        three_deep(&journal, || Ok(())).run().unwrap();
        assert_eq!(journal.units("pre_run"), ["first", "a", "b", "c", "d", "last"]);
        assert_eq!(journal.units("post_run"), ["last", "d", "c", "b", "a", "first"]);
    });
}

#[test]
fn l13_a_failed_pre_run_unwinds_those_before_it_through_all_depths() {
    within(SOON, || {
        let journal = Journal::new();
        let error = three_deep(&journal, || Err("no such table".into())).run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PreRun);
        assert_eq!(error.to_string(), "unit 'outer/inner/c': pre_run failed: no such table");
        assert_eq!(journal.units("pre_run"), ["first", "a", "b", "c"]);
        assert_eq!(journal.units("post_run"), ["b", "a", "first"]);
    });
}

// ---- serving ----

#[test]
fn s6_after_orders_groups_as_it_orders_units() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = demo();
        let store = group.register(journal.script("store")).id();
        let mut uplink = Group::new("uplink");
        let feed = uplink.register(journal.script("feed")).id();
        uplink.register(journal.script("filter")).after(feed);
        let uplink = group.register(uplink).after(store).id();
        let end = service_fn("end", |ctx| Ok(ctx.handle().wait_till_ready()?));
        group.register(end).after(uplink);
        let report = group.run().unwrap();
        let unit = |path: &str| report.units().iter().find(|it| &*it.path == path).unwrap();
        let (store, uplink, end) = (unit("store"), unit("uplink"), unit("end"));
        assert!(store.ready.is_some() && store.ready <= unit("uplink/feed").started);
        assert!(unit("uplink/feed").ready <= unit("uplink/filter").started);
        assert!(unit("uplink/filter").ready <= uplink.ready && uplink.ready <= end.started);
        assert!(end.stopped.is_some() && end.stopped <= uplink.told);
        assert!(unit("uplink/filter").stopped <= unit("uplink/feed").told);
        assert!(unit("uplink/feed").stopped <= store.told && uplink.stopped <= store.told);
    });
}

#[test]
fn s5_a_group_keeps_its_stop_order() {
    within(SOON, || {
        let journal = Journal::new();
        let told = |name: &str| {
            let (journal, name) = (journal.clone(), name.to_owned());
            service_fn(name.clone(), move |ctx| {
                ctx.stopped().wait();
                journal.note(format!("{name} told"));
                Ok(())
            })
        };
        let mut uplink = Group::new("uplink").stop_order(StopOrder::Reverse);
        for name in ["a", "b", "c"] {
            uplink.register(told(name));
        }
        let mut group = demo();
        group.register(uplink);
        end_when_ready(&mut group);
        let report = group.run().unwrap();
        assert_eq!(journal.units("told"), ["c", "b", "a"]);
        let at = |place: usize| &report.units()[place];
        assert!(at(3).stopped.is_some() && at(3).stopped <= at(2).told, "{report}");
        assert!(at(2).stopped <= at(1).told, "{report}");
    });
}

#[test]
fn s5_the_failure_of_a_unit_ends_all_groups_above_it_and_the_run_names_it() {
    within(SOON, || {
        let journal = Journal::new();
        let mut inner = Group::new("inner");
        inner.register(service_fn("leaf", |ctx| {
            ctx.handle().wait_till_ready()?;
            Err(io::Error::from(io::ErrorKind::AddrInUse).into())
        }));
        let reason = StopReason::UnitStopped("outer/inner/leaf".into());
        let expected = reason.clone();
        inner.register(journal.script("near").serve(move |ctx| {
            assert_eq!(ctx.stopped().wait(), &expected);
            Ok(())
        }));
        let mut outer = waiting("outer", "middle", &journal);
        outer.register(inner);
        let mut group = demo();
        group.register(outer);
        group.register(journal.script("far"));
        let stopped = group.handle().stop_notify();
        let error = group.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Failed);
        assert_eq!(error.failures().len(), 1, "{error}");
        assert_eq!(error.cause().unwrap().unit(), "outer/inner/leaf");
        let original = error.downcast_ref::<io::Error>().unwrap();
        assert_eq!(original.kind(), io::ErrorKind::AddrInUse);
        let report = error.report().unwrap();
        assert_eq!(report.reason(), &reason);
        for unit in report.units() {
            let above = "outer/inner/leaf".starts_with(&*unit.path);
            let failure = unit.outcome.as_ref().unwrap().failure();
            assert_eq!(failure.map(rungroup::Failure::unit), above.then_some("outer/inner/leaf"));
            let state = if above { UnitState::Failed } else { UnitState::Stopped };
            assert_eq!(unit.state, state, "{unit:?}");
        }
        let text = report.to_string();
        assert_eq!(text.matches("unit 'outer/inner/leaf': serve failed").count(), 1, "{text}");
        let outcome = stopped.outcome().unwrap().failure().unwrap();
        assert_eq!((outcome.unit(), outcome.phase()), ("outer/inner/leaf", Phase::Serve));
    });
}

#[test]
fn s5_the_clean_end_of_a_unit_ends_all_groups_above_it_and_the_run_well() {
    within(SOON, || {
        let mut inner = Group::new("inner");
        inner.register(service_fn("leaf", |_ctx| Ok(())));
        let mut outer = Group::new("outer");
        outer.register(inner);
        let mut group = demo();
        group.register(outer);
        group.register(service_fn("far", until_told));
        let report = group.run().unwrap();
        assert_eq!(report.reason().to_string(), "unit 'outer/inner/leaf' stopped");
    });
}

#[test]
fn s4_a_group_that_is_a_task_ends_alone() {
    within(SOON, || {
        let mut import = Group::new("import");
        import.register(service_fn("read", |_ctx| Ok(()))).task();
        import.register(service_fn("parse", |_ctx| Ok(()))).task();
        import.register(service_fn("metrics", until_told)).background();
        let mut group = demo();
        let events = group.handle().events(64);
        let import = group.register(import).task().id();
        group
            .register(service_fn("index", move |ctx| {
                let stopped = |event: &Event| event.to_string() == "unit 'import' stopped";
                assert!(events.iter().any(|event| stopped(&event)));
                assert!(!ctx.stopped().is_stopped(), "the group goes on");
                let snapshot = ctx.handle().snapshot();
                assert!(snapshot.units[0].ready, "a task that ended well counts as ready");
                assert_eq!(snapshot.units[3].state, UnitState::Stopped);
                Ok(())
            }))
            .after(import)
            .task();
        let report = group.run().unwrap();
        assert_eq!(report.reason(), &StopReason::TasksDone);
    });
}

/// `UnitStopped` names a unit; here none has ended it.
#[test]
fn s4_a_group_whose_tasks_are_done_and_that_is_none_is_the_cause_itself() {
    within(SOON, || {
        let mut import = Group::new("import");
        import.register(service_fn("read", |_ctx| Ok(()))).task();
        import
            .register(service_fn("metrics", |ctx| {
                assert_eq!(ctx.stopped().wait(), &StopReason::TasksDone);
                Ok(())
            }))
            .background();
        let mut group = demo();
        group.register(import);
        group.register(service_fn("server", |ctx| {
            assert_eq!(ctx.stopped().wait().to_string(), "unit 'import' stopped");
            Ok(())
        }));
        let report = group.run().unwrap();
        assert_eq!(report.reason().to_string(), "unit 'import' stopped");
    });
}

#[test]
fn l6_a_task_group_whose_unit_fails_ends_the_run_which_names_the_unit() {
    within(SOON, || {
        let mut import = Group::new("import");
        import.register(service_fn("read", |_ctx| Err("the disk is gone".into()))).task();
        let mut group = demo();
        group.register(import).task();
        group.register(service_fn("server", until_told));
        let error = group.run().unwrap_err();
        assert_eq!(error.to_string(), "unit 'import/read': serve failed: the disk is gone");
        assert_eq!(error.report().unwrap().reason().to_string(), "unit 'import/read' stopped");
    });
}

#[test]
fn l6_a_task_group_that_fails_no_sooner_than_in_its_stop_ends_the_run_which_names_the_unit() {
    within(SOON, || {
        let mut import = Group::new("import");
        import.register(service_fn("read", |ctx| Ok(ctx.handle().wait_till_ready()?)));
        import.register(service_fn("index", |ctx| {
            assert_eq!(ctx.stopped().wait().to_string(), "unit 'import/read' stopped");
            Err("half of it is missing".into())
        }));
        let mut group = demo();
        group.register(import).task();
        group.register(service_fn("server", until_told));
        let error = group.run().unwrap_err();
        assert_eq!(error.cause().unwrap().unit(), "import/index");
        assert_eq!(error.report().unwrap().reason().to_string(), "unit 'import/index' stopped");
    });
}

#[test]
fn s4_a_group_in_the_background_keeps_nobody_alive_and_stops_last() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = demo();
        group.register(waiting("metrics", "push", &journal)).background();
        group.register(service_fn("import", |ctx| Ok(ctx.handle().wait_till_ready()?))).task();
        let report = group.run().unwrap();
        assert_eq!(report.reason(), &StopReason::TasksDone);
        let [metrics, push, import] = report.units() else { unreachable!() };
        assert!(import.stopped.is_some() && import.stopped <= metrics.told, "{report}");
        assert!(metrics.told <= push.told, "{report}");
    });
}

#[test]
fn s1_a_unit_in_a_group_is_started_again_and_the_group_is_not_ready_meanwhile() {
    within(SOON, || {
        let mut uplink = Group::new("uplink");
        let feed = service_fn("feed", |ctx| {
            if ctx.attempt() == 1 {
                ctx.handle().wait_till_ready()?;
                return Err("connection lost".into());
            }
            ctx.stopped().wait();
            Ok(())
        });
        let backoff = rungroup::Backoff::constant(std::time::Duration::from_millis(1));
        uplink.register(feed).restart(rungroup::Restart::on_failure().backoff(backoff));
        let mut group = demo();
        group.register(uplink);
        let events = group.handle().events(64);
        group.register(service_fn("end", move |_ctx| {
            let ready = events.iter().filter(|event| event.to_string() == "unit 'uplink' ready");
            assert_eq!(ready.take(2).count(), 2, "it was, and is again");
            Ok(())
        }));
        let report = group.run().unwrap();
        assert_eq!(report.units()[1].restarts, 1);
        assert_eq!(report.units()[0].state, UnitState::Stopped, "made good, it is no failure");
    });
}

// ---- readiness ----

#[test]
fn l14_a_wait_for_readiness_names_the_units_that_are_not_and_not_their_groups() {
    within(SOON, || {
        let mut uplink = Group::new("uplink");
        uplink.register(Script::new("slow").declares_ready());
        uplink.register(service_fn("quick", until_told));
        let mut group = demo();
        group.register(uplink);
        let handle = group.handle();
        group.register(service_fn("end", move |_ctx| {
            loop {
                let limit = std::time::Duration::from_millis(20);
                let NotReady::TimedOut(units) = handle.wait_till_ready_timeout(limit).unwrap_err()
                else {
                    panic!("it never is")
                };
                // The quick one may be so slow.
                if units.iter().map(|unit| &**unit).eq(["uplink/slow"]) {
                    return Ok(());
                }
            }
        }));
        group.run().unwrap();
    });
}

#[test]
fn l14_a_failure_in_a_group_ends_the_wait_and_names_the_unit() {
    within(SOON, || {
        let mut uplink = Group::new("uplink");
        uplink.register(Script::new("slow").declares_ready());
        uplink.register(service_fn("broken", |_ctx| Err("no route".into())));
        let mut group = demo();
        group.register(uplink);
        let handle = group.handle();
        let waiter = thread::spawn(move || handle.wait_till_ready());
        group.run().unwrap_err();
        assert_eq!(waiter.join().unwrap(), Err(NotReady::Failed("uplink/broken".into())));
    });
}

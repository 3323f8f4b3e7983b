//! Random trees of groups, with units that end, fail, panic and wait, run for real (S5): what must hold of
//! every one of them. A failure is made small, and its seed printed: give it to `.seed(…)` below.

mod common;

use std::collections::BTreeMap;
use std::panic;
use std::time::Duration;

use arbtest::arbitrary::{Result, Unstructured};
use arbtest::arbtest;
use common::within;
use rungroup::testing::Journal;
use rungroup::{
    Backoff, Group, Outcome, Phase, Report, Restart, RunError, StopOrder, StopReason, Strategy,
    UnitId, UnitState,
};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Does {
    Waits,
    Ends,
    Fails,
    Panics,
    FailsWhenTold,
    FailsOnce,
}

/// A tree, and what its units are to do, by path. The path of a group ends in a slash.
struct World {
    does: BTreeMap<String, Does>,
    journal: Journal,
    tree: Vec<String>,
    /// Some start again. Then what fails may be made good, and what has stopped may come back.
    restarts: bool,
}

fn fill(
    u: &mut Unstructured<'_>,
    world: &mut World,
    group: &mut Group,
    path: &str,
    depth: u32,
) -> Result<()> {
    let mut there: Vec<UnitId> = Vec::new();
    for place in 0..u.int_in_range(0..=3)? {
        let name = format!("{place}");
        let path = format!("{path}{name}");
        let order = *u.choose(&[StopOrder::Concurrent, StopOrder::Reverse])?;
        let nested = depth < 4 && u.ratio(2, 5)?;
        let mut said = if nested {
            let mut inner = Group::new(name).stop_order(order);
            if world.restarts {
                let strategies =
                    [Strategy::one_for_one(), Strategy::one_for_all(), Strategy::rest_for_one()];
                inner = inner.strategy(u.choose(&strategies)?.clone());
            }
            world.tree.push(format!("{path}/"));
            fill(u, world, &mut inner, &format!("{path}/"), depth + 1)?;
            group.register(inner)
        } else {
            let all = [
                Does::Waits,
                Does::Waits,
                Does::Ends,
                Does::Fails,
                Does::Panics,
                Does::FailsWhenTold,
                Does::FailsOnce,
            ];
            let does = *u.choose(&all)?;
            world.tree.push(path.clone());
            world.does.insert(path.clone(), does);
            let unit = world.journal.script(name);
            let (journal, ended) = (world.journal.clone(), path.clone());
            let unit = unit.serve(move |ctx| {
                journal.note(format!("{ended} served"));
                match does {
                    Does::FailsOnce if ctx.attempt() == 1 => return Err("once".into()),
                    Does::Waits | Does::FailsOnce => drop(ctx.stopped().wait()),
                    Does::Ends => {}
                    Does::Fails => return Err("at once".into()),
                    Does::Panics => panic::resume_unwind(Box::new("at once")),
                    Does::FailsWhenTold => {
                        ctx.stopped().wait();
                        return Err("when told".into());
                    }
                }
                Ok(())
            });
            let unit = unit.finish();
            let (journal, own) = (world.journal.clone(), path.clone());
            let (journal_2, own_2) = (journal.clone(), path);
            let unit = unit.pre_run(move |_ctx| {
                journal.note(format!("{own} pre"));
                Ok(())
            });
            group.register(unit.post_run(move || {
                journal_2.note(format!("{own_2} post"));
                Ok(())
            }))
        };
        if u.ratio(1, 4)? {
            said = said.task();
        }
        if u.ratio(1, 6)? {
            said = said.background();
        }
        if world.restarts && u.ratio(1, 3)? {
            let policy = Restart::on_failure().backoff(Backoff::none());
            said = said.restart(policy.intensity(2, Duration::from_mins(1)));
        }
        if !there.is_empty() && u.ratio(1, 3)? {
            said = said.after(*u.choose(&there)?);
        }
        there.push(said.id());
    }
    Ok(())
}

/// What is said of the run, whichever way it went.
fn look(world: &World, result: &std::result::Result<Report, RunError>) {
    let report = match result {
        Ok(report) => report,
        Err(error) => error.report().expect("it has run"),
    };
    let say = format!("{:?}\n{:?}\n{report}", world.tree, world.does);
    assert!(report.left_behind().is_empty(), "all listen: {say}");

    // Those that serve, in the order of registration, and each group with somebody before them.
    let paths: Vec<String> = report
        .units()
        .iter()
        .map(|unit| if unit.group { format!("{}/", unit.path) } else { unit.path.to_string() })
        .collect();
    let peopled = |path: &String| world.does.keys().any(|unit| unit.starts_with(&**path));
    let expected: Vec<&String> = world.tree.iter().filter(|path| peopled(path)).collect();
    assert_eq!(paths.iter().collect::<Vec<_>>(), expected, "{say}");

    let mut post = world.journal.units("post");
    post.reverse();
    assert_eq!(post, world.journal.units("pre"), "{say}");

    let served = world.journal.units("served");
    let failed: Vec<&str> = report
        .failures()
        .iter()
        .inspect(|failure| assert_eq!(failure.phase(), Phase::Serve, "{say}"))
        .map(rungroup::Failure::unit)
        .collect();
    for unit in report.units() {
        let failure = unit.outcome.as_ref().and_then(Outcome::failure).map(rungroup::Failure::unit);
        if world.restarts {
            // Who has failed for good has something to show for it.
            assert!(unit.state != UnitState::Failed || failure.is_some(), "{unit:?}: {say}");
            assert!(unit.state.is_terminal(), "{unit:?}: {say}");
        } else {
            if unit.group {
                // It fails with one of those in it, if and only if one of them does.
                let within = |it: &&&str| it.starts_with(&format!("{}/", unit.path));
                assert_eq!(
                    failure.is_some(),
                    failed.iter().find(within).is_some(),
                    "{unit:?}: {say}"
                );
                assert!(failure.is_none_or(|it| failed.contains(&it)), "{unit:?}: {say}");
            } else {
                assert!(
                    unit.started.is_some() || !served.contains(&unit.path.to_string()),
                    "{say}"
                );
                assert_eq!(failure.is_some(), failed.contains(&&*unit.path), "{unit:?}: {say}");
            }
            let state = if failure.is_some() { UnitState::Failed } else { UnitState::Stopped };
            assert_eq!(unit.state, state, "{unit:?}: {say}");
        }
        assert_eq!(unit.started.is_some(), unit.stopped.is_some(), "{unit:?}: {say}");
        assert!(!unit.late, "{unit:?}: {say}");
        // All in a group are between its beginning and its end, where it has but one of each.
        let parent = unit.path.rsplit_once('/').map(|(parent, _)| parent);
        let parent = report.units().iter().find(|it| Some(&*it.path) == parent);
        if let (Some(parent), Some(_), false) = (parent, unit.started, world.restarts) {
            assert!(parent.started <= unit.started && parent.started.is_some(), "{unit:?}: {say}");
            assert!(unit.stopped <= parent.stopped, "{unit:?}: {say}");
        }
    }
    assert_eq!(result.is_err(), !failed.is_empty(), "{say}");

    // The reason is what ended, and if that has failed, the cause is it.
    match report.reason() {
        StopReason::UnitStopped(unit) => {
            let ended = report.units().iter().find(|it| it.path == *unit).expect("it has served");
            let waits = world.does.get(&**unit) == Some(&Does::Waits);
            assert!(!waits, "'{unit}' does not end by itself: {say}");
            if let Err(error) = result {
                let cause = error.cause().expect("something has failed");
                assert!(!failed.contains(&&**unit) || cause.unit() == &**unit, "{say}");
            }
            assert!(ended.state.is_terminal(), "{say}");
        }
        StopReason::TasksDone | StopReason::Requested(_) => {}
        other => panic!("{other}: {say}"),
    }
}

fn run_one(u: &mut Unstructured<'_>) -> Result<()> {
    let restarts = u.ratio(1, 2)?;
    let (does, journal) = (BTreeMap::new(), Journal::new());
    let mut world = World { does, journal, tree: Vec::new(), restarts };
    let mut group = Group::new("world").args(["world"]);
    fill(u, &mut world, &mut group, "", 0)?;
    // Nothing may be there to end it.
    let handle = group.handle();
    let stopper = group.handle().stop_notify();
    #[allow(clippy::disallowed_methods)] // a test's own thread
    let patience = std::thread::spawn(move || {
        if handle.wait_till_ready().is_ok() {
            handle.stop("seen");
        }
        drop(stopper.wait());
    });
    let result = group.run();
    look(&world, &result);
    patience.join().unwrap();
    Ok(())
}

#[test]
fn s5_random_trees_of_groups_run_and_end_as_they_should() {
    within(Duration::from_mins(2), || {
        let seconds = std::env::var("RUNGROUP_FUZZ_SECONDS").ok();
        let seconds = seconds.map_or(1.0, |text| text.parse().expect("a number of seconds"));
        arbtest(run_one).size_max(256).budget(Duration::from_secs_f64(seconds)).run();
    });
}

//! What the judge says of a group that starts again by its own policy.

use std::time::Duration;

use rungroup::StopReason;

use super::{Change, Changed, condemns, enters, plan, plan_of_a_round, played_by, unit};
use crate::LIMIT;
use crate::common::within;
use crate::plan::{GroupPlan, How, Part, Plan, Serve, UnitPlan, Until, When};
use crate::record::{Entry, What};

/// A store, and a group with a line, a filter after it, and a feed after both that fails once. All but the
/// feed say when they are ready, so they have noted that they are there when it fails.
fn plan_of_a_group() -> Plan {
    let mut plan = plan();
    let (when, restarts) = (When::OnFailure, 2);
    let outermost = plan.groups[0].clone();
    let inner = GroupPlan { parent: Some(0), place: 1, when, restarts, ..outermost };
    plan.groups.push(GroupPlan { name: "g1/".to_owned(), ..inner });
    let says = UnitPlan { group: 1, ..plan.units[0].clone() };
    let line = UnitPlan { name: "g1/u1".to_owned(), ..says.clone() };
    let filter = UnitPlan { name: "g1/u2".to_owned(), after: vec![Part::Unit(LINE)], ..says };
    let after = vec![Part::Unit(LINE), Part::Unit(FILTER)];
    let [fails, works] = &plan.units[2].serve[..] else { unreachable!() };
    let serve: Vec<Serve> = vec![fails.clone(), works.clone()];
    let feed =
        UnitPlan { name: "g1/u3".to_owned(), group: 1, pre_run: None, after, serve, ..unit(3) };
    plan.units.truncate(1);
    plan.units.extend([line, filter, feed]);
    // Six of the pre-runs, two of each that says when it is ready, four of the feed's first time, eight of
    // the end of the group, six of its second time, and the waiter's.
    plan.outsiders[0].notes = 31;
    plan
}

const LINE: usize = 1;
const FILTER: usize = 2;
const FEED: usize = 3;

fn stop_said(case: &Changed) -> usize {
    let said = case.notes.iter().position(|note| matches!(note.entry, Entry::StopSaid { .. }));
    said.expect("it was asked")
}

fn told(case: &Changed, unit: usize) -> usize {
    case.find(unit, |what| matches!(what, What::Told { .. }))
}

/// As if nobody had asked, and the feed had failed once more.
fn fails_again(case: &mut Changed) {
    case.notes.retain(|note| !matches!(note.entry, Entry::StopAsked | Entry::StopSaid { .. }));
    let place = case.find_last(FEED, |what| matches!(what, What::Leave { .. }));
    if let Entry::Of(_, What::Leave { how, told, .. }) = &mut case.notes[place].entry {
        (*how, *told) = (How::Error, None);
    }
    case.verdict.reason = StopReason::UnitStopped("g1/u3".into());
}

const CHANGES: [(&str, &str, Change); 12] = [
    ("S5", "the filter comes back while the line is there", |it| {
        it.pull(it.place(&enters(FILTER, 2)), it.leave(LINE));
    }),
    ("S5", "the line comes back while a helper of the feed is there", |it| {
        let helper = it.find(FEED, |what| matches!(what, What::HelperOut { attempt: 1, .. }));
        let helper = it.notes.remove(helper);
        let enters = it.place(&enters(LINE, 2));
        it.notes.insert(enters + 1, helper);
    }),
    ("S2", "the line comes back beside itself", |it| {
        it.pull(it.place(&enters(LINE, 2)), it.leave(LINE));
    }),
    ("S6", "the filter comes back before the line is ready", |it| {
        let ready = it.find(LINE, |what| matches!(what, What::Ready { attempt: 2 }));
        it.pull(it.place(&enters(FILTER, 2)), ready);
    }),
    ("L9", "the line is told before the filter has left", |it| {
        it.pull(told(it, LINE), it.leave(FILTER));
    }),
    ("L7", "it comes back after the stop", |it| {
        let left = it.leave(LINE);
        it.pull(stop_said(it), left);
    }),
    ("S1", "it comes back too often", |it| {
        let group = it.verdict.restarts.iter_mut().find(|(path, _)| path == "g1");
        group.expect("it was reported").1 = 3;
    }),
    ("S1", "it comes back not often enough", |it| fails_again(it)),
    ("L6", "whose failure has ended the run is not reported", |it| {
        fails_again(it);
        it.verdict.restarts.iter_mut().find(|(path, _)| path == "g1").expect("it is there").1 = 2;
    }),
    ("L6", "a failure of a group that has none", |it| {
        it.verdict.failures.push(crate::verdict::Failed {
            unit: "g1".to_owned(),
            phase: rungroup::Phase::Start,
            text: "not ready within 1ms".to_owned(),
            panic_at: None,
        });
    }),
    ("L8", "one that came back has no graceful_stop", |it| {
        let calls = |what: &What| matches!(what, What::GracefulIn | What::GracefulOut(_));
        it.notes.retain(|note| !matches!(&note.entry, Entry::Of(LINE, what) if calls(what)));
    }),
    ("L8", "more of them than lives", |it| {
        for _ in 0..2 {
            let place = it.find_last(LINE, |what| matches!(what, What::GracefulOut(_)));
            it.insert(place + 1, Entry::Of(LINE, What::GracefulOut(How::Ok)));
            it.insert(place + 1, Entry::Of(LINE, What::GracefulIn));
        }
    }),
];

#[test]
fn the_judge_has_nothing_against_a_group_that_starts_again_as_it_should() {
    within(LIMIT, || {
        let (_, case, faults) = played_by(plan_of_a_group());
        assert!(faults.is_empty(), "{faults:?} {:#?}", case.notes);
        for (unit, attempt) in [(0, 1), (LINE, 2), (FILTER, 2), (FEED, 2)] {
            case.place(&enters(unit, attempt));
        }
    });
}

#[test]
fn the_judge_condemns_what_goes_against_a_rule_in_a_group_that_starts_again() {
    within(LIMIT, || condemns(plan_of_a_group, &CHANGES));
}

/// A unit that is to start again does, too: here it is the feed itself.
#[test]
fn the_judge_condemns_a_unit_that_is_to_start_again_and_ends_the_run() {
    within(LIMIT, || {
        let mut plan = plan();
        plan.units[2].serve[1].until = Until::After(Duration::from_hours(1));
        let (plan, mut case, faults) = played_by(plan);
        assert!(faults.is_empty(), "{faults:?}");
        let retain = |entry: &Entry| !matches!(entry, Entry::StopAsked | Entry::StopSaid { .. });
        case.notes.retain(|note| retain(&note.entry));
        let place = case.find_last(2, |what| matches!(what, What::Leave { .. }));
        if let Entry::Of(_, What::Leave { how, told, .. }) = &mut case.notes[place].entry {
            (*how, *told) = (How::Error, None);
        }
        case.verdict.reason = StopReason::UnitStopped("u2".into());
        let faults = crate::judge::judge(&plan, &case.notes, &case.verdict);
        assert!(
            faults.iter().any(|fault| fault == "S1: u2 ends the run at attempt 2"),
            "{faults:?}"
        );
    });
}

#[test]
fn a_group_that_nobody_is_in_passes_on_what_it_comes_after() {
    let stops_before = |after_of_group: Vec<Part>| {
        let mut plan = plan_of_a_round();
        plan.groups[1].after = after_of_group;
        plan.units[1] = UnitPlan { group: 1, name: "g1/u1".to_owned(), ..unit(1) };
        let after = vec![Part::Group(1)];
        plan.units[2] = UnitPlan { background: true, after, ..unit(2) };
        [plan.stops_before(0, 2, &[]), plan.stops_before(0, 2, &[Part::Group(1)])]
    };
    assert_eq!(stops_before(Vec::new()), [false, true], "with the foreground gone, it is the last");
    assert_eq!(stops_before(vec![Part::Unit(0)]), [false, false], "it comes after the first");
}

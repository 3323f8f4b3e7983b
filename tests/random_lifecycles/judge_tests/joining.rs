//! What the judge says of units that join while the group serves.

use rungroup::{ErrorKind, StopReason};

use super::{Change, Changed, WELL, condemns, enters, plan, played_by, unit};
use crate::LIMIT;
use crate::common::within;
use crate::plan::{Deed, How, Outsider, Part, Plan, Turn, UnitPlan};
use crate::record::{Entry, What};

/// A meter joins when all are there, after the store, and another whose pre-run fails when that has.
fn plan_of_joining() -> Plan {
    let mut plan = plan();
    let meter = UnitPlan { after: vec![Part::Unit(0)], ..unit(METER) };
    let broken = Turn { ends: How::Error, ..WELL };
    let broken = UnitPlan { pre_run: Some(broken), ..unit(BROKEN) };
    plan.units.extend([meter, broken]);
    plan.joins = vec![Part::Unit(METER), Part::Unit(BROKEN)];
    let join = |notes, join| Outsider { notes, limit: LIMIT, deed: Deed::Join(join) };
    // The meter's five: asked, two of its pre-run, said, and that it is there; the four of the other.
    plan.outsiders =
        vec![join(14, 0), join(19, 1), Outsider { notes: 23, ..plan.outsiders[0].clone() }];
    plan
}

const METER: usize = 3;
const BROKEN: usize = 4;

fn said(join: usize, result: Result<(), ErrorKind>) -> Entry {
    Entry::JoinSaid(join, result)
}

/// The meter is refused, and does not serve.
fn refuse(case: &mut Changed, why: ErrorKind) {
    let serves = |entry: &Entry| matches!(entry, Entry::Of(METER, what) if !matches!(what, What::PreRunIn | What::PreRunOut(_)));
    case.notes.retain(|note| !serves(&note.entry));
    let place = case.place(&said(0, Ok(())));
    case.notes[place].entry = said(0, Err(why));
    let note = case.notes[place].clone();
    for what in [What::PostRunOut(How::Ok), What::PostRunIn] {
        case.notes
            .insert(place, crate::record::Note { entry: Entry::Of(METER, what), ..note.clone() });
    }
    case.verdict.restarts.retain(|(path, _)| path != "u3");
}

const CHANGES: [(&str, &str, Change); 14] = [
    ("S7", "it serves before its pre-run", |it| {
        it.pull(it.place(&enters(METER, 1)), it.place(&Entry::JoinAsked(0)) + 1);
    }),
    ("S7", "it is there before anybody has asked", |it| {
        let place = it.place(&Entry::Of(METER, What::PreRunIn));
        it.pull(place, it.place(&Entry::JoinAsked(0)));
    }),
    ("S7", "nobody has asked", |it| it.remove(&Entry::JoinAsked(0))),
    ("S7", "nothing is said", |it| it.remove(&said(0, Ok(())))),
    ("S7", "its pre-run is on another thread", |it| {
        let place = it.place(&Entry::Of(METER, What::PreRunIn));
        it.notes[place].thread = it.notes[it.place(&enters(0, 1))].thread;
    }),
    ("S7", "it has no pre-run", |it| {
        it.remove(&Entry::Of(METER, What::PreRunIn));
        it.remove(&Entry::Of(METER, What::PreRunOut(How::Ok)));
    }),
    ("S7", "it joins although its pre-run has failed", |it| {
        let place = it.place(&said(1, Err(ErrorKind::PreRun)));
        it.notes[place].entry = said(1, Ok(()));
    }),
    ("S7", "it joins after the stop", |it| {
        let stopped = it.notes.iter().position(|it| matches!(it.entry, Entry::StopSaid { .. }));
        it.pull(stopped.expect("it was asked"), it.place(&Entry::JoinAsked(0)));
    }),
    ("S7", "it is refused, and serves", |it| {
        let place = it.place(&said(0, Ok(())));
        it.notes[place].entry = said(0, Err(ErrorKind::UnknownUnit));
    }),
    ("S7", "it is refused for nothing", |it| refuse(it, ErrorKind::UnknownUnit)),
    ("S7", "it is refused as too early when others serve", |it| refuse(it, ErrorKind::NotServing)),
    ("S7", "it is refused, and not cleaned up", |it| {
        refuse(it, ErrorKind::Stopped);
        it.remove(&Entry::Of(METER, What::PostRunIn));
        it.remove(&Entry::Of(METER, What::PostRunOut(How::Ok)));
    }),
    ("L13", "it is not cleaned up", |it| {
        it.remove(&Entry::Of(METER, What::PostRunIn));
        it.remove(&Entry::Of(METER, What::PostRunOut(How::Ok)));
    }),
    ("L6", "the others are done, and it is not", |it| {
        it.notes.retain(|note| !matches!(note.entry, Entry::StopAsked | Entry::StopSaid { .. }));
        it.verdict.reason = StopReason::TasksDone;
    }),
];

#[test]
fn the_judge_has_nothing_against_units_that_join() {
    within(LIMIT, || {
        let (_, case, faults) = played_by(plan_of_joining());
        assert!(faults.is_empty(), "{faults:?} {:#?}", case.notes);
        case.place(&said(0, Ok(())));
        case.place(&said(1, Err(ErrorKind::PreRun)));
        case.place(&enters(METER, 1));
    });
}

#[test]
fn the_judge_condemns_what_goes_against_a_rule_of_joining() {
    within(LIMIT, || condemns(plan_of_joining, &CHANGES));
}

/// The same refusal, and a reason for it.
#[test]
fn the_judge_accepts_a_refusal_for_which_there_was_a_reason() {
    within(LIMIT, || {
        let (plan, mut case, _) = played_by(plan_of_joining());
        refuse(&mut case, ErrorKind::Stopped);
        let faults = |case: &Changed| {
            let faults = crate::judge::judge(&plan, &case.notes, &case.verdict);
            faults.iter().filter(|fault| fault.starts_with("S7: u3")).count()
        };
        // The feed has left before, which may have been the end.
        assert_eq!(faults(&case), 0);
        let place = case.leave(2);
        case.notes.remove(place);
        assert_eq!(faults(&case), 1);
    });
}

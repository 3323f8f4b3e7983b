//! What the judge says of units that have to be heard of.

use std::time::Duration;

use super::{Change, Changed, condemns, plan, played_by};
use crate::LIMIT;
use crate::common::within;
use crate::plan::{Plan, Serve, UnitPlan};
use crate::record::{Entry, Heard, Said, What};

const SILENT: Duration = Duration::from_millis(2);

/// Nobody is so late.
const BEATING: Duration = Duration::from_hours(1);

/// The store has to be heard of, is silent, and comes back; the server has, too, and is in time.
fn plan_of_beats() -> Plan {
    let mut plan = plan();
    let silent = Serve { silent: true, ..plan.units[0].serve[0].clone() };
    plan.units[0] =
        UnitPlan { heartbeat: Some(SILENT), serve: vec![silent], ..plan.units[0].clone() };
    plan.units[1].heartbeat = Some(BEATING);
    // Beside the others three of its silence, and the events: five of the store, two of the server.
    plan.outsiders[0].notes = 24;
    plan
}

fn event(case: &Changed, unit: usize, is_it: fn(&Said) -> bool) -> usize {
    let is_it =
        |entry: &Entry| matches!(entry, Entry::Event(it, said) if *it == unit && is_it(said));
    let place = case.notes.iter().position(|note| is_it(&note.entry));
    place.unwrap_or_else(|| panic!("it is not there: {:#?}", case.notes))
}

fn unresponsive(said: &Said) -> bool {
    matches!(said, Said::Unresponsive { .. })
}

fn says(case: &mut Changed, after: usize, unit: usize, said: Said) {
    case.insert(after + 1, Entry::Event(unit, said));
    case.notes[after + 1].at = case.notes[after].at;
}

const CHANGES: [(&str, &str, Change); 9] = [
    ("S9", "unresponsive, and nobody says so", |it| {
        let place = event(it, 0, unresponsive);
        it.notes.remove(place);
        let place = event(it, 0, |said| *said == Said::Responsive);
        it.notes.remove(place);
        let again = it.notes.iter().rposition(|it| it.entry == Entry::Event(0, Said::Ready));
        it.notes.remove(again.expect("it was ready again"));
    }),
    ("S9", "unresponsive, and it was in time", |it| {
        let place = event(it, 1, |said| *said == Said::Ready);
        says(it, place, 1, Said::Unresponsive { silent: BEATING });
    }),
    ("S9", "of a unit of which nothing is expected", |it| {
        let place = it.leave(2);
        says(it, place, 2, Said::Unresponsive { silent: SILENT });
    }),
    ("S9", "not for long enough", |it| {
        let place = event(it, 0, unresponsive);
        it.notes[place].entry = Entry::Event(0, Said::Unresponsive { silent: SILENT / 2 });
    }),
    ("S9", "before it was ready", |it| {
        let place = event(it, 0, unresponsive);
        it.pull(place, event(it, 0, |said| *said == Said::Ready));
    }),
    ("S9", "twice", |it| {
        let place = event(it, 0, unresponsive);
        says(it, place, 0, Said::Unresponsive { silent: SILENT });
    }),
    ("S9", "ready although it is silent", |it| {
        let place = event(it, 0, unresponsive);
        says(it, place, 0, Said::Ready);
    }),
    ("S9", "heard of again, and was never missed", |it| {
        let place = event(it, 1, |said| *said == Said::Ready);
        says(it, place, 1, Said::Responsive);
    }),
    ("S9", "when it was told already", |it| {
        let place = event(it, 1, |said| *said == Said::Over);
        says(it, place, 1, Said::Unresponsive { silent: BEATING });
    }),
];

#[test]
fn the_judge_has_nothing_against_units_that_are_heard_of_and_not() {
    within(LIMIT, || {
        let (_, case, faults) = played_by(plan_of_beats());
        assert!(faults.is_empty(), "{faults:?} {:#?}", case.notes);
        case.place(&Entry::Of(0, What::SilentOut { attempt: 1, why: Heard::Noticed }));
        case.place(&Entry::Of(0, What::HeardAgain { attempt: 1 }));
        case.place(&Entry::Event(0, Said::Responsive));
    });
}

#[test]
fn the_judge_condemns_what_goes_against_the_rule_of_heartbeats() {
    within(LIMIT, || condemns(plan_of_beats, &CHANGES));
}

/// A unit whose beats were early enough is not unresponsive, however often it is said; one that has taken
/// its time may have been.
#[test]
fn the_judge_counts_the_silences_of_a_unit() {
    within(LIMIT, || {
        let (plan, case, _) = played_by(plan_of_beats());
        let faults = |late: bool| {
            let mut notes = case.notes.clone();
            let place = event(&case, 1, |said| *said == Said::Ready);
            for note in &mut notes[place + 1..] {
                if late {
                    note.at += BEATING;
                }
            }
            let mut note = notes[place + 1].clone();
            note.entry = Entry::Event(1, Said::Unresponsive { silent: BEATING });
            notes.insert(place + 1, note);
            let faults = crate::judge::judge(&plan, &notes, &case.verdict);
            faults.iter().filter(|fault| fault.starts_with("S9: u1")).count()
        };
        assert_eq!((faults(false), faults(true)), (1, 0));
    });
}

//! S7: who joins while the group serves is prepared by who registers it; then it takes part, as any, or is
//! refused for a reason that there was, and cleaned up there.

use rungroup::{ErrorKind, StopReason};

use super::{Case, is_service};
use crate::plan::{How, Part};
use crate::record::{Entry, What};

pub(super) fn judge(case: &Case, faults: &mut Vec<String>) {
    for (join, &part) in case.plan.joins.iter().enumerate() {
        let units: Vec<usize> = case.plan.units_of(part).collect();
        let asked = case.first(|entry| *entry == Entry::JoinAsked(join));
        let said = case.entries().find_map(|(place, entry)| match entry {
            Entry::JoinSaid(it, result) if *it == join => Some((place, *result)),
            _ => None,
        });
        let begins = case.entries().find_map(|(place, entry)| match entry {
            Entry::Of(unit, _) if units.contains(unit) => Some(place),
            _ => None,
        });
        let name = case.name(units[0]);
        let Some(asked) = asked else {
            if let Some(place) = begins {
                faults.push(format!("S7: {name} is there at {place}, and nobody has asked"));
            }
            continue;
        };
        let Some((said, result)) = said else {
            faults.push(format!("S7: {name} is asked to join at {asked}, and nothing is said"));
            continue;
        };
        if begins.is_some_and(|place| place < asked) {
            faults.push(format!("S7: {name} is there before it is asked to join, at {asked}"));
        }
        prepared(case, &units, (asked, said), result.is_ok(), faults);
        match result {
            Ok(()) => {}
            Err(why) => refused(case, &units, (asked, said), why, faults),
        }
        let stopped = case.first(|entry| matches!(entry, Entry::StopSaid { .. }));
        let late = stopped.is_some_and(|stopped| stopped < asked);
        if late && result != Err(ErrorKind::Stopped) {
            faults.push(format!(
                "S7: {name} is asked to join after the stop, at {asked}: {result:?}"
            ));
        }
    }
}

/// Its pre-runs are called there and then, in order, before it serves.
fn prepared(
    case: &Case,
    units: &[usize],
    (asked, said): (usize, usize),
    joined: bool,
    faults: &mut Vec<String>,
) {
    let here = case.notes[asked].thread;
    let mut last = asked;
    for &unit in units {
        let name = case.name(unit);
        let begun = case.of(unit).find(|(_, what)| **what == What::PreRunIn);
        let out = case.of(unit).find_map(|(place, what)| match what {
            What::PreRunOut(how) => Some((place, *how)),
            _ => None,
        });
        let serves = case.of(unit).find(|(_, what)| is_service(what)).map(|(place, _)| place);
        match (begun, out) {
            (Some((begun, _)), Some((out, how))) => {
                let right = begun > last && out < said && case.notes[begun].thread == here;
                if !right || serves.is_some_and(|serves| serves < out) {
                    faults.push(format!("S7: {name} joins, and its pre-run is at {begun}"));
                }
                if joined && how != How::Ok {
                    faults.push(format!("S7: {name} joins, and its pre-run has failed"));
                }
                last = out;
            }
            (None, None) => {
                let taken_out = case.first(|entry| *entry == Entry::DeregisterAsked(unit));
                if joined && case.plan.units[unit].pre_run.is_some() && taken_out.is_none() {
                    faults.push(format!("S7: {name} joins without a pre-run"));
                }
            }
            _ => faults.push(format!("S7: {name} has a pre-run that never ends")),
        }
    }
}

/// It never serves, what was prepared is cleaned up there, the last first, and there is a reason.
fn refused(
    case: &Case,
    units: &[usize],
    (asked, said): (usize, usize),
    why: ErrorKind,
    faults: &mut Vec<String>,
) {
    let (name, here) = (case.name(units[0]), case.notes[asked].thread);
    if units.iter().any(|&unit| case.of(unit).any(|(_, what)| is_service(what))) {
        faults.push(format!("S7: {name} is refused, and serves"));
    }
    let prepared = |&&unit: &&usize| case.of(unit).any(|(_, it)| *it == What::PreRunOut(How::Ok));
    let due: Vec<usize> = units.iter().filter(prepared).rev().copied().collect();
    let mut done = Vec::new();
    for (place, entry) in case.entries() {
        let Entry::Of(unit, What::PostRunIn) = entry else { continue };
        if units.contains(unit) {
            done.push(*unit);
            if !(asked..said).contains(&place) || case.notes[place].thread != here {
                faults.push(format!("S7: {name} is refused, and cleaned up elsewhere, at {place}"));
            }
        }
    }
    if done != due {
        faults.push(format!("S7: {name} is refused: post_runs of {done:?}, where {due:?} are due"));
    }
    let before = |is_it: &dyn Fn(&Entry) -> bool| case.first(is_it).is_some_and(|it| it < said);
    let taken_out = |of: &[usize]| {
        before(&|entry| matches!(entry, Entry::DeregisterAsked(unit) if of.contains(unit)))
    };
    let after = case.plan.after(case.plan.joins[case.plan.join_of(units[0]).expect("it joins")]);
    let after: Vec<usize> = after.iter().flat_map(|&part| case.plan.units_of(part)).collect();
    let right = match why {
        ErrorKind::Stopped => may_have_ended(case, said),
        ErrorKind::NotServing => {
            let serves = |entry: &Entry| matches!(entry, Entry::Of(_, what) if is_service(what));
            case.first(serves).is_none_or(|serves| asked < serves)
        }
        ErrorKind::PreRun => units.iter().any(|&unit| {
            let failed = |what: &What| matches!(what, What::PreRunOut(How::Error | How::Panic));
            case.of(unit).any(|(_, what)| failed(what))
        }),
        ErrorKind::UnknownUnit => taken_out(units) || taken_out(&after),
        ErrorKind::Definition => taken_out(&after),
        _ => false,
    };
    if !right {
        faults.push(format!("S7: {name} is refused at {said}, and there was no reason: {why:?}"));
    }
}

/// Whether the end of the run may have begun by then.
fn may_have_ended(case: &Case, said: usize) -> bool {
    let limited = case.units().any(|unit| {
        case.plan.units[unit].start_timeout.is_some() || case.plan.in_limited_group(unit)
    });
    let ends = |entry: &Entry| match entry {
        Entry::StopAsked
        | Entry::Returned
        | Entry::DeregisterAsked(_)
        | Entry::Of(_, What::Leave { .. }) => true,
        Entry::Of(unit, What::PreRunOut(How::Error | How::Panic)) => {
            case.plan.join_of(*unit).is_none()
        }
        _ => false,
    };
    // Where nothing keeps the group alive it ends as it starts. Whether that was so is judged elsewhere.
    let done = case.verdict.reason == StopReason::TasksDone
        || (0..case.plan.groups.len()).any(|group| case.plan.ends_at_once(group));
    done || limited
        || case.plan.hasty.is_some()
        || case.first(ends).is_some_and(|place| place < said)
}

impl Case<'_> {
    /// Whether one has joined for certain before another, which has too, was asked to; or is before it in the
    /// same group.
    pub fn joined_before(&self, one: usize, other: usize) -> bool {
        let (Some(first), Some(second)) = (self.plan.join_of(one), self.plan.join_of(other)) else {
            return false;
        };
        if first == second {
            return self.plan.is_later(Part::Unit(other), Part::Unit(one));
        }
        let said = self.first(|entry| *entry == Entry::JoinSaid(first, Ok(())));
        let asked = self.first(|entry| *entry == Entry::JoinAsked(second));
        said.zip(asked).is_some_and(|(said, asked)| said < asked)
    }
}

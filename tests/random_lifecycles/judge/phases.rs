//! L1 and L13: pre-runs in order, and clean-ups in the reverse one, before and behind everything else.

use super::{Case, is_service};
use crate::plan::How;
use crate::record::{Entry, What};

pub(super) fn judge(case: &Case, faults: &mut Vec<String>) {
    let mut begun = places(case, &What::PreRunIn);
    begun.retain(|(_, unit)| case.plan.join_of(*unit).is_none());
    let order: Vec<usize> = begun.iter().map(|(_, unit)| *unit).collect();
    if !order.is_sorted() || order.windows(2).any(|pair| pair[0] == pair[1]) {
        faults.push(format!("L1: pre-runs in the order {order:?}"));
    }
    on_one_thread(case, faults);
    pre_runs(case, &begun, faults);
    post_runs(case, faults);
}

/// Where this was noted, and of whom.
fn places(case: &Case, what: &What) -> Vec<(usize, usize)> {
    let found = case.entries().filter_map(|(place, entry)| match entry {
        Entry::Of(unit, other) if other == what => Some((place, *unit)),
        _ => None,
    });
    found.collect()
}

/// The thread that runs the group calls them, one after the other.
fn on_one_thread(case: &Case, faults: &mut Vec<String>) {
    let Some(caller) = case.notes.iter().find(|note| note.entry == Entry::Returned) else { return };
    let mut open = None;
    for (place, note) in case.notes.iter().enumerate() {
        let Entry::Of(unit, what) = &note.entry else { continue };
        // Who joins is prepared by who registers it, and cleaned up there if it is refused.
        let elsewhere = match what {
            What::PreRunIn | What::PreRunOut(_) => case.plan.join_of(*unit).is_some(),
            _ => !case.takes_part(*unit),
        };
        if is_service(what) || elsewhere {
            continue;
        }
        if note.thread != caller.thread {
            faults.push(format!("L10: {what:?} of {} on another thread", case.name(*unit)));
        }
        let begins = matches!(what, What::PreRunIn | What::PostRunIn);
        let expected = if begins { None } else { Some(*unit) };
        if open != expected {
            faults.push(format!("L1: {what:?} of {} at {place} within another", case.name(*unit)));
        }
        open = begins.then_some(*unit);
    }
}

fn pre_runs(case: &Case, begun: &[(usize, usize)], faults: &mut Vec<String>) {
    let stopped = case.first(|entry| matches!(entry, Entry::StopSaid { .. }));
    let asked = case.first(|entry| *entry == Entry::StopAsked);
    let mut failed = None;
    let mut before = 0;
    for &(place, unit) in begun {
        // The one before has returned, and the token was looked at since.
        if stopped.is_some_and(|stopped| stopped < before) {
            faults.push(format!("L7: a pre-run of {} at {place}, after the stop", case.name(unit)));
        }
        if let Some(failed) = &failed {
            faults.push(format!("L13: a pre-run of {} after {failed} failed", case.name(unit)));
        }
        let out = case.of(unit).find_map(|(place, what)| match what {
            What::PreRunOut(how) => Some((place, *how)),
            _ => None,
        });
        let Some((out, how)) = out else {
            faults.push(format!("L1: a pre-run of {} that never ends", case.name(unit)));
            continue;
        };
        before = out;
        if how != How::Ok {
            failed = Some(case.name(unit).to_owned());
        }
    }
    let serving = case.entries().find_map(|(place, entry)| match entry {
        Entry::Of(unit, what) if is_service(what) => Some((place, *unit)),
        _ => None,
    });
    if let Some((place, unit)) = serving
        && (failed.is_some() || place < before)
    {
        faults.push(format!("L1: {} serves at {place}, before the pre-runs", case.name(unit)));
    }
    // Who had none although it has one to call: it was taken out, or the run was to end before.
    let ends = failed.is_some() || asked.is_some_and(|asked| serving.is_none_or(|it| asked < it.0));
    let there = |&unit: &usize| case.plan.join_of(unit).is_none();
    for unit in case.units().filter(there).filter(|&it| case.plan.units[it].pre_run.is_some()) {
        let called = begun.iter().any(|(_, other)| *other == unit);
        let taken_out = case.first(|entry| *entry == Entry::DeregisterAsked(unit)).is_some();
        if !called && !taken_out && !ends {
            faults.push(format!("L1: {} has no pre-run", case.name(unit)));
        }
    }
}

fn post_runs(case: &Case, faults: &mut Vec<String>) {
    let due = places(case, &What::PreRunOut(How::Ok)).into_iter().rev();
    let skipped = |unit: &usize| case.verdict.skipped.iter().any(|it| it == case.name(*unit));
    let due = due.map(|(_, unit)| unit).filter(|&unit| case.takes_part(unit) && !skipped(&unit));
    let joined = |unit: &usize| case.plan.join_of(*unit).is_some();
    let (mut late, mut due): (Vec<usize>, Vec<usize>) = due.partition(joined);
    let mut done = places(case, &What::PostRunIn);
    done.retain(|(_, unit)| case.takes_part(*unit));
    let mut units: Vec<usize> = done.iter().map(|(_, unit)| *unit).collect();
    // Those that have joined are first. Among themselves the last is, where it is known which that is.
    late.sort_unstable();
    let first = late.len().min(units.len());
    for (at, &unit) in units[..first].iter().enumerate() {
        let later = units[at + 1..first].iter().find(|&&it| case.joined_before(unit, it));
        if let Some(&later) = later {
            let (unit, later) = (case.name(unit), case.name(later));
            faults.push(format!("L13: {unit} is cleaned up before {later}, which came later"));
        }
    }
    units[..first].sort_unstable();
    late.append(&mut due);
    if units != late {
        faults.push(format!("L13: post_runs of {units:?}, where {late:?} are due"));
    }
    if case.verdict.left_behind.is_empty() && !case.verdict.skipped.is_empty() {
        faults.push(format!("L10: skipped {:?} for nobody", case.verdict.skipped));
    }
    let Some((first, _)) = done.first() else { return };
    for (place, entry) in case.entries().filter(|(place, _)| place > first) {
        let Entry::Of(unit, what) = entry else { continue };
        // Where some are late: nothing of a unit that was cleaned up itself.
        let cleaned = done.iter().any(|(done, it)| it == unit && *done < place);
        if is_service(what) && (cleaned || case.plan.hasty.is_none()) {
            faults.push(format!(
                "L13: {what:?} of {} at {place}, after a post_run",
                case.name(*unit)
            ));
        }
    }
}

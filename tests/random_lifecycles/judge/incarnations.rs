//! S2: nobody enters `serve` beside a thread of the incarnation before. L8: who has its `graceful_stop`,
//! and when. L11: nothing goes on when the run has returned.

use std::collections::BTreeSet;

use super::{Case, is_service};
use crate::plan::Who;
use crate::record::{Entry, What, threads, under_way};

pub(super) fn judge(case: &Case, faults: &mut Vec<String>) {
    for unit in case.units() {
        overlaps(case, unit, faults);
        graceful_stops(case, unit, faults);
        if case.plan.hasty.is_none() {
            restarts(case, unit, faults);
            rounds(case, unit, faults);
        }
    }
    after_the_run(case, faults);
    deregistered(case, faults);
}

/// S2.
fn overlaps(case: &Case, unit: usize, faults: &mut Vec<String>) {
    let (name, plan) = (case.name(unit), &case.plan.units[unit]);
    let mut entered: BTreeSet<(u32, u32)> = BTreeSet::new();
    let (mut current, mut threads, mut calls) = (0, 0_u32, 0_u32);
    // Where a `graceful_stop` began after all of the threads had left: it may be of the next one, whose
    // first note it has overtaken.
    let mut call_may_be_early = false;
    for (place, what) in case.of(unit) {
        match what {
            What::Enter { attempt, instance } => {
                if !entered.insert((*attempt, *instance)) || *instance >= plan.instances {
                    faults
                        .push(format!("S2: {name} enters {attempt}#{instance} twice, at {place}"));
                }
                if *attempt < current {
                    faults.push(format!("S2: {name} enters {attempt} after {current}, at {place}"));
                }
                if *attempt > current {
                    if threads > 0 || (calls > 0 && !call_may_be_early) {
                        let beside =
                            format!("{threads} threads and {calls} calls of the one before");
                        faults.push(format!(
                            "S2: {name} enters {attempt} beside {beside}, at {place}"
                        ));
                    }
                    // Who was recalled before its thread looked is never entered.
                    if *attempt != current + 1 && !case.recalls(unit) {
                        faults.push(format!("S2: {name} leaves out attempt {}", current + 1));
                    }
                    current = *attempt;
                }
                threads += 1;
            }
            What::HelperIn { attempt } => {
                if *attempt != current {
                    faults.push(format!("S2: a helper of attempt {attempt} of {name} at {place}"));
                }
                threads += 1;
            }
            What::Leave { .. } | What::HelperOut { .. } => threads -= 1,
            What::GracefulIn | What::OnStopIn { .. } => {
                if calls == 0 {
                    call_may_be_early = threads == 0;
                }
                calls += 1;
            }
            What::GracefulOut(_) | What::OnStopOut { .. } => calls -= 1,
            _ => {}
        }
    }
}

/// L8.
fn graceful_stops(case: &Case, unit: usize, faults: &mut Vec<String>) {
    let name = case.name(unit);
    let calls: Vec<usize> = case
        .of(unit)
        .filter(|(_, what)| **what == What::GracefulIn)
        .map(|(place, _)| place)
        .collect();
    let last = case.attempts(unit);
    let recalls = case.recalls(unit);
    let most = if recalls { last } else { last.min(1) };
    // One that is left behind on its way into `serve` may have noted nothing yet.
    let most = if case.plan.hasty.is_some() { most.max(1) } else { most };
    if calls.len() > most as usize {
        faults.push(format!("L8: {} calls of {name}, whose last attempt is {last}", calls.len()));
    }
    if calls.is_empty() && last > 0 && case.plan.hasty.is_none() {
        faults.push(format!("L8: {name} has entered serve, and no graceful_stop"));
    }
    let serving: BTreeSet<_> = case
        .of(unit)
        .filter(|(_, what)| matches!(what, What::Enter { .. }))
        .map(|(place, _)| format!("{:?}", case.notes[place].thread))
        .collect();
    for &call in &calls {
        if serving.contains(&format!("{:?}", case.notes[call].thread)) {
            faults.push(format!("L8: {name} is stopped on a thread of its own, at {call}"));
        }
        if recalls {
            continue;
        }
        for (place, what) in case.of(unit) {
            match what {
                What::Enter { attempt, .. } if place > call && *attempt != last => {
                    faults.push(format!("L8: {name} enters {attempt} after its graceful_stop"));
                }
                What::Leave { attempt, .. } if place > call && *attempt != last => {
                    faults.push(format!("L8: {name} was stopped in {attempt}, which is replaced"));
                }
                _ => {}
            }
        }
    }
}

/// S3: before a unit starts again, all that start again with it, and come no sooner than it does, have
/// stopped: there is a moment at which none of them is there.
fn rounds(case: &Case, unit: usize, faults: &mut Vec<String>) {
    for group in case.plan.groups_of(unit) {
        let who = case.plan.groups[group].who;
        if who == Who::One {
            continue;
        }
        let with: Vec<usize> = case
            .units()
            .filter(|&other| case.plan.groups_of(other).contains(&group))
            .filter(|&other| other == unit || starts_with(case, who, group, other, unit))
            .collect();
        let inner = case.plan.units[unit].group != group;
        let (mut last, mut quiet, mut with_others) = (1, true, false);
        for (place, entry) in case.entries() {
            let Entry::Of(other, what) = entry else { continue };
            match what {
                // Its first thread: when the second notes something, others may have started, too.
                What::Enter { attempt, .. } if *other == unit && *attempt > last => {
                    if !quiet && with_others {
                        let name = case.name(unit);
                        faults.push(format!("S3: {name} starts again at {place} beside others"));
                    }
                    (last, with_others) = (*attempt, false);
                }
                What::Leave { told, .. } if *other == unit => {
                    quiet = false;
                    // A restart of one further down, for reasons of its own, is none of this group's.
                    with_others |= !inner || told.as_ref().is_some_and(|it| case.is_of(group, it));
                }
                _ => {}
            }
            let notes = &case.notes[..=place];
            let gone = |&it: &usize| {
                // The last call of one that was taken out holds nobody up.
                let taken_out = case.deregistered(it).is_some_and(|taken_out| taken_out < place);
                let there = if taken_out { threads(notes, it) } else { under_way(notes, it) };
                there == 0 || case.may_be_new(it, unit, group, notes)
            };
            quiet |= with.contains(other) && with.iter().all(gone);
        }
    }
}

/// Whether `other` starts again when `unit` does.
fn starts_with(case: &Case, who: Who, group: usize, other: usize, unit: usize) -> bool {
    if who == Who::All {
        return true;
    }
    let Some((other, unit)) = case.plan.side_by_side(other, unit) else { return false };
    case.plan.is_in_group(other, group) && case.plan.is_later(other, unit)
}

/// What is reported of restarts (V3).
fn restarts(case: &Case, unit: usize, faults: &mut Vec<String>) {
    let (name, attempts) = (case.name(unit), case.attempts(unit));
    let reported = case.verdict.restarts.iter().find(|(other, _)| other == name);
    let Some((_, restarts)) = reported else { return };
    // The last one may have been told before it entered.
    let most = if case.recalls(unit) { u32::MAX } else { attempts };
    if *restarts + 1 < attempts || *restarts > most {
        faults.push(format!("V3: {name} has {restarts} restarts, and {attempts} attempts"));
    }
}

/// L11, and L10 for what is left behind.
fn after_the_run(case: &Case, faults: &mut Vec<String>) {
    let Some(returned) = case.first(|entry| *entry == Entry::Returned) else {
        return faults.push("L11: the run has not returned".to_owned());
    };
    for unit in case.units() {
        let name = case.name(unit);
        let listed = case.verdict.left_behind.iter().any(|other| other == name);
        let goes_on = under_way(&case.notes[..returned], unit) > 0;
        let begins = case.of(unit).find(|(place, what)| *place > returned && is_service(what));
        if !listed && (goes_on || begins.is_some()) {
            faults
                .push(format!("L11: {name} goes on after the run, and is not listed: {begins:?}"));
        }
        if listed && case.plan.hasty.is_none() {
            faults.push(format!("L11: {name} is listed, and there was no deadline"));
        }
    }
}

/// L3: the notification of a unit that is taken out comes when its last thread has left.
fn deregistered(case: &Case, faults: &mut Vec<String>) {
    for (place, entry) in case.entries() {
        let Entry::DeregisterEnded(unit) = entry else { continue };
        let threads =
            case.of(*unit).filter(|(there, _)| *there < place).fold(0_i32, |count, it| {
                match it.1 {
                    What::Enter { .. } | What::HelperIn { .. } => count + 1,
                    What::Leave { .. } | What::HelperOut { .. } => count - 1,
                    _ => count,
                }
            });
        let enters = |(there, what): (usize, &What)| {
            there > place && matches!(what, What::Enter { .. } | What::HelperIn { .. })
        };
        if threads != 0 || case.of(*unit).any(enters) {
            faults.push(format!("L3: {} has not ended, at {place}", case.name(*unit)));
        }
    }
}

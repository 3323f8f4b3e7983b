//! S5 and S1: groups that start again. All in one have stopped before, in its order, and its own policy
//! says how often. And who is to start again does.

use rungroup::StopReason;

use super::Case;
use crate::plan::{How, Part, Plan, When, Who};
use crate::record::{Entry, What, threads, under_way};

pub(super) fn judge(case: &Case, faults: &mut Vec<String>) {
    if case.plan.hasty.is_some() {
        return; // whoever is late is waited for no longer
    }
    for unit in case.units() {
        returns(case, unit, faults);
        order_of_ends(case, unit, faults);
    }
    for group in 1..case.plan.groups.len() {
        too_often(case, group, faults);
    }
    given_up_too_early(case, faults);
    failed(case, faults);
}

/// The group that has ended, so that this unit was told: the innermost that it may have been. If that is
/// not the end of a group, or of one that may not start again, there is none.
fn ended(case: &Case, unit: usize, told: &StopReason) -> Option<usize> {
    let own = case.plan.units[unit].group;
    let group = match told {
        StopReason::UnitStopped(path) => {
            let within = ancestors(case.plan, case.plan.part(path)?);
            case.plan.groups_of(unit).into_iter().find(|group| within.contains(group))?
        }
        StopReason::TasksDone => own,
        StopReason::NotReady if case.plan.units[unit].start_timeout.is_none() => own,
        _ => return None,
    };
    (group != 0).then_some(group)
}

/// The groups that it is in.
fn ancestors(plan: &Plan, part: Part) -> Vec<usize> {
    std::iter::successors(plan.parent(part), |&group| plan.groups[group].parent).collect()
}

/// Where nobody of this group is there any more, for the first time since `from`.
fn quiet(case: &Case, group: usize, from: usize, before: usize) -> Option<usize> {
    let units: Vec<usize> = case.plan.units_of(Part::Group(group)).collect();
    (from..before).find(|&place| {
        let notes = &case.notes[..=place];
        units.iter().all(|&unit| {
            // The last call of one that was taken out holds nobody up.
            let taken_out = case.deregistered(unit).is_some_and(|taken_out| taken_out < place);
            let there = if taken_out { threads(notes, unit) } else { under_way(notes, unit) };
            there == 0
        })
    })
}

/// S5: who was told since its group ends comes back when all in it have stopped; L7: and not if the stop
/// was there by then. S6: it comes back when what it comes after is ready once more.
fn returns(case: &Case, unit: usize, faults: &mut Vec<String>) {
    let (name, mut last, mut left) = (case.name(unit), 1, None);
    let stopped = case.first(|entry| matches!(entry, Entry::StopSaid { .. }));
    for (place, what) in case.of(unit) {
        match what {
            What::Leave { told: Some(told), .. } => {
                left = ended(case, unit, told).map(|group| (place, group)).or(left);
            }
            What::Enter { attempt, .. } if *attempt > last => {
                last = *attempt;
                let Some((left, group)) = left.take() else { continue };
                let of = case.plan.groups[group].path();
                match quiet(case, group, left, place) {
                    None => {
                        faults
                            .push(format!("S5: {name} comes back at {place}, before {of} is gone"));
                    }
                    Some(quiet) if stopped.is_some_and(|stopped| stopped < quiet) => {
                        faults.push(format!("L7: {name} comes back at {place} after the stop"));
                    }
                    Some(_) => {}
                }
                ready_again(case, unit, (left, place), faults);
            }
            _ => {}
        }
    }
}

/// S6, between two notes: of units beside it that say themselves that they are ready.
fn ready_again(case: &Case, unit: usize, (left, place): (usize, usize), faults: &mut Vec<String>) {
    for &other in &case.plan.units[unit].after {
        let Part::Unit(other) = other else { continue };
        let plan = &case.plan.units[other];
        let ready = |(at, what): (usize, &What)| {
            let says = match what {
                What::Ready { .. } => true,
                What::Leave { .. } => plan.task,
                _ => false,
            };
            says && (left..place).contains(&at)
        };
        let asked = case.first(|entry| *entry == Entry::DeregisterAsked(other));
        let counts = plan.declares_ready && asked.is_none_or(|asked| asked > place);
        if counts && !case.of(other).any(ready) {
            let (name, other) = (case.name(unit), case.name(other));
            faults.push(format!("S6: {name} comes back at {place}, and {other} is not ready"));
        }
    }
}

/// L9: a group that ends does so in its order, also if that is not for good.
fn order_of_ends(case: &Case, unit: usize, faults: &mut Vec<String>) {
    let absent = case.absent();
    for (place, what) in case.of(unit) {
        let What::Told { reason } = what else { continue };
        let Some(group) = ended(case, unit, reason) else { continue };
        for other in case.units().filter(|&other| case.stops_before(other, unit, &absent)) {
            // Beside each other in the group that ends, or further down.
            let Some((part, _)) = case.plan.side_by_side(other, unit) else { continue };
            let within = ancestors(case.plan, part).contains(&group);
            if within && threads(&case.notes[..place], other) > 0 {
                let (name, other) = (case.name(unit), case.name(other));
                faults.push(format!("L9: {name} is told at {place}, and {other} is there"));
            }
        }
    }
}

/// S1: as often as its policy says. With others, and with a group above it, it may be more.
fn too_often(case: &Case, group: usize, faults: &mut Vec<String>) {
    let plan = &case.plan.groups[group];
    let restarts = restarts(case, group);
    if counts_alone(case.plan, group) && restarts > plan.restarts {
        let (path, most) = (plan.path(), plan.restarts);
        faults.push(format!("S1: {path} has started again {restarts} times, of {most}"));
    }
}

fn restarts(case: &Case, group: usize) -> u32 {
    let path = case.plan.groups[group].path();
    let reported = case.verdict.restarts.iter().find(|(other, _)| other == path);
    reported.map_or(0, |(_, restarts)| *restarts)
}

/// Whether its own policy alone says how often it starts again.
fn counts_alone(plan: &Plan, group: usize) -> bool {
    let above = ancestors(plan, Part::Group(group));
    plan.starters(Part::Group(group)).next().is_none()
        && above.into_iter().all(|group| group == 0 || !plan.comes_back(Part::Group(group)))
}

/// The unit that has ended the run, with its last attempt and whether that has failed: if it did so by
/// itself.
fn culprit(case: &Case) -> Option<(usize, u32, bool)> {
    let StopReason::UnitStopped(path) = &case.verdict.reason else { return None };
    let Some(Part::Unit(unit)) = case.plan.part(path) else { return None };
    let last = case.attempts(unit);
    let ends = case.of(unit).filter_map(|(_, what)| match what {
        What::Leave { attempt, how, told: None, .. } if *attempt == last => Some(*how),
        _ => None,
    });
    let ends: Vec<How> = ends.collect();
    let plan = &case.plan.units[unit];
    // Otherwise it may have been not ready in time that ended it.
    let counts = !ends.is_empty() && plan.start_timeout.is_none();
    counts.then(|| (unit, last, ends.iter().any(|how| *how != How::Ok)))
}

/// S1: what would have started again does not end the run.
fn given_up_too_early(case: &Case, faults: &mut Vec<String>) {
    let Some((unit, attempt, failed)) = culprit(case) else { return };
    // What it is in may have been ending when it failed.
    if case.plan.in_task(unit) || case.others_may_have_ended(unit) {
        return;
    }
    let plan = &case.plan.units[unit];
    let alone = |group: usize| case.plan.groups[group].who == Who::One;
    if !case.plan.in_rounds(unit) && alone(plan.group) && plan.covers(failed, attempt) {
        faults.push(format!("S1: {} ends the run at attempt {attempt}", case.name(unit)));
    }
    for group in ancestors(case.plan, Part::Unit(unit)) {
        let group_plan = &case.plan.groups[group];
        // Without those that keep it alive it would end as it starts.
        let taken_out =
            case.plan.units_of(Part::Group(group)).any(|it| case.deregistered(it).is_some());
        if group_plan.when == When::Never
            || !group_plan.when.covers(failed)
            || !group_plan.parent.is_some_and(alone)
            || !counts_alone(case.plan, group)
            || case.plan.ends_at_once(group)
            || taken_out
        {
            continue;
        }
        let (restarts, most) = (restarts(case, group), group_plan.restarts);
        if restarts < most {
            let path = group_plan.path();
            faults.push(format!("S1: {path} ends the run after {restarts} restarts of {most}"));
        }
    }
}

/// L6: whose failure has ended the run is reported, whatever could have started again.
fn failed(case: &Case, faults: &mut Vec<String>) {
    let Some((unit, _, true)) = culprit(case) else { return };
    // A group that is a task ends its own group only when it has stopped, and named is by whom it ended.
    if case.plan.in_task(unit) {
        return;
    }
    let name = case.name(unit);
    if case.verdict.error.is_none() || !case.verdict.failures.iter().any(|it| it.unit == name) {
        faults.push(format!("L6: {name} has ended the run with a failure, and is not reported"));
    }
}

//! L9: in which order units stop. S6: in which they start. L7: nothing starts after the stop. L3: what is
//! in use is not taken out.

use rungroup::StopReason;

use super::{Case, is_service};
use crate::plan::{Part, Who};
use crate::record::{Entry, What, threads};

pub(super) fn judge(case: &Case, faults: &mut Vec<String>) {
    for unit in case.units() {
        if case.plan.hasty.is_none() {
            stops(case, unit, faults);
            stops_in_rounds(case, unit, faults);
        }
        starts(case, unit, faults);
        starts_in_rounds(case, unit, faults);
        nothing_starts(case, unit, faults);
        in_use(case, unit, faults);
    }
}

/// L9: when it is told, what stops before it is over.
fn stops(case: &Case, unit: usize, faults: &mut Vec<String>) {
    // Who is taken out is told at once.
    if case.deregistered(unit).is_some() {
        return;
    }
    let absent = case.absent();
    for other in case.units().filter(|&other| case.stops_before(other, unit, &absent)) {
        // A group may end by itself, and nobody beside it has to. When the outermost is asked to, all do.
        let siblings = case.plan.side_by_side(unit, other);
        let direct = siblings.is_some_and(|(part, _)| part == Part::Unit(unit));
        let told = case.of(unit).find(|(_, what)| match what {
            What::Told { reason: StopReason::Requested(_) } => true,
            What::Told { reason } => direct && case.is_for_good(unit, reason),
            What::GracefulIn => direct && !case.recalls(unit),
            _ => false,
        });
        let Some((told, _)) = told else { continue };
        // Who has ended by itself, and was to come back with its group or with others, is called when it is
        // known that it does not; nobody's turn waits for that. One that is told for a round which the end
        // takes back hears of the end.
        let leaves = |(_, what): &(usize, &What)| matches!(what, What::Leave { .. });
        let left = case.of(other).filter(leaves).take_while(|&(place, _)| place < told).last();
        let by_itself =
            matches!(left, Some((_, What::Leave { told: None | Some(StopReason::Ended), .. })));
        let returns = case.plan.in_returning_group(other) || (by_itself && case.recalls(unit));
        let behind =
            |what: &What| returns && matches!(what, What::GracefulIn | What::GracefulOut(_));
        let late =
            case.of(other).find(|(place, what)| *place > told && is_service(what) && !behind(what));
        if let Some((place, what)) = late {
            let (name, other) = (case.name(unit), case.name(other));
            faults.push(format!(
                "L9: {name} is told at {told}, and {other} is there: {what:?} at {place}"
            ));
        }
    }
}

/// S3: for a round units are told in the order of L9. Of those in it the ones that stop before it have
/// stopped, and nobody starts again while it is there.
fn stops_in_rounds(case: &Case, unit: usize, faults: &mut Vec<String>) {
    let absent = case.absent();
    for (place, what) in case.of(unit) {
        let What::Told { reason: StopReason::RestartsWith(culprit) } = what else { continue };
        let Some(culprit) = case.plan.part(culprit) else { continue };
        let Some(group) = case.plan.parent(culprit) else { continue };
        // One further down is told for the end of its group, in the order of that group.
        if !case.plan.is_in_group(Part::Unit(unit), group) {
            continue;
        }
        for other in case.units().filter(|&other| case.stops_before(other, unit, &absent)) {
            let Some((part, _)) = case.plan.side_by_side(other, unit) else { continue };
            // Of rest-for-one those that come before the culprit go on.
            let all = case.plan.groups[group].who == Who::All;
            let in_round = case.plan.is_in_group(part, group)
                && (all || part == culprit || case.plan.is_later(part, culprit));
            // Not its calls: by the time that this one has seen its token the end may have begun.
            let notes = &case.notes[..place];
            let in_round = in_round && !case.may_be_new(other, unit, group, notes);
            if in_round && threads(notes, other) > 0 {
                let (name, other) = (case.name(unit), case.name(other));
                faults.push(format!(
                    "S3: {name} is told at {place} to start again, and {other} is there"
                ));
            }
        }
    }
}

/// S6, for those that start again with all in their group: what it comes after has become ready once
/// more.
fn starts_in_rounds(case: &Case, unit: usize, faults: &mut Vec<String>) {
    let plan = &case.plan.units[unit];
    if case.plan.groups[plan.group].who != Who::All {
        return;
    }
    let (mut left, mut last) = (0, 1);
    for (place, what) in case.of(unit) {
        match what {
            What::Leave { .. } => left = place,
            What::Enter { attempt, .. } if *attempt > last => {
                last = *attempt;
                for &other in &plan.after {
                    let Part::Unit(other) = other else { continue };
                    let ready = |(at, what): (usize, &What)| {
                        let says = match what {
                            What::Ready { .. } => true,
                            What::Leave { .. } => case.plan.units[other].task,
                            _ => false,
                        };
                        says && (left..place).contains(&at)
                    };
                    let taken_out = case.first(|entry| *entry == Entry::DeregisterAsked(other));
                    let counts = case.plan.units[other].declares_ready
                        && taken_out.is_none_or(|taken_out| taken_out > place);
                    if counts && !case.of(other).any(ready) {
                        let (name, other) = (case.name(unit), case.name(other));
                        faults.push(format!(
                            "S6: {name} starts again at {place}, and {other} is not ready"
                        ));
                    }
                }
            }
            _ => {}
        }
    }
}

/// S6: what it comes after is ready. That can only be seen of units that say so themselves: others are
/// ready before they have noted anything.
fn starts(case: &Case, unit: usize, faults: &mut Vec<String>) {
    let enters = case.of(unit).find(|(_, what)| matches!(what, What::Enter { .. }));
    let Some((enters, _)) = enters else { return };
    let line = case.plan.line(unit);
    let after = line.iter().flat_map(|&part| case.plan.after(part).iter());
    for other in after.flat_map(|&part| case.plan.units_of(part)) {
        let plan = &case.plan.units[other];
        let ready = |(place, what): (usize, &What)| {
            place < enters
                && match what {
                    What::Ready { .. } => true,
                    What::Leave { .. } => plan.task,
                    _ => false,
                }
        };
        let taken_out = case.first(|entry| *entry == Entry::DeregisterAsked(other));
        let taken_out = taken_out.is_some_and(|place| place < enters);
        let says = plan.declares_ready && !taken_out && !case.plan.in_task(other);
        if says && !case.of(other).any(ready) {
            let (name, other) = (case.name(unit), case.name(other));
            faults.push(format!("S6: {name} starts at {enters}, and {other} is not ready"));
        }
    }
}

/// L7.
fn nothing_starts(case: &Case, unit: usize, faults: &mut Vec<String>) {
    let Some(stopped) = case.first(|entry| matches!(entry, Entry::StopSaid { .. })) else { return };
    let name = case.name(unit);
    let mut enters: Vec<(usize, u32)> = Vec::new();
    for (place, what) in case.of(unit) {
        if let What::Enter { attempt, .. } = what {
            enters.push((place, *attempt));
        }
    }
    // It has seen that there is no stop after whatever it waited for: the last pre-run, or the last thread
    // of the one before. Who has joined came when it was asked.
    let join = case.plan.join_of(unit);
    let pre_runs = |(_, entry): &(usize, &Entry)| match entry {
        Entry::Of(other, What::PreRunOut(_)) => case.plan.join_of(*other) == join,
        Entry::JoinAsked(other) => Some(*other) == join,
        _ => false,
    };
    let pre_runs = case.entries().rfind(pre_runs).map_or(0, |(place, _)| place);
    for (place, attempt) in enters {
        let before = case.of(unit).filter_map(|(place, what)| match what {
            What::Leave { attempt: other, .. } if *other < attempt => Some(place),
            _ => None,
        });
        let looked = before.max().unwrap_or(0).max(pre_runs);
        if stopped < looked {
            faults.push(format!("L7: {name} enters {attempt} at {place}, stopped at {stopped}"));
        }
    }
}

/// L3.
fn in_use(case: &Case, unit: usize, faults: &mut Vec<String>) {
    let Some(taken_out) = case.first(|entry| *entry == Entry::DeregisterSaid(unit, Ok(()))) else {
        return;
    };
    for other in
        case.units().filter(|&other| case.plan.units[other].after.contains(&Part::Unit(unit)))
    {
        // A task that is done is not in the way, nor is who has stopped to start again with its group;
        // and both may start again without what was taken out. Who has entered before is in the way.
        let asked = case.deregistered(unit).unwrap_or(taken_out);
        let entered_before = |attempt: u32| {
            let enters = |(place, what): (usize, &What)| {
                place < asked && matches!(what, What::Enter { attempt: it, .. } if *it == attempt)
            };
            case.of(other).any(enters)
        };
        let may_come_back = case.plan.in_rounds(other);
        let serves = |(place, what): (usize, &What)| {
            place > taken_out
                && match what {
                    What::Enter { .. } => !may_come_back,
                    What::Leave { attempt, .. } => !may_come_back || entered_before(*attempt),
                    _ => false,
                }
        };
        if case.of(other).any(serves) {
            let (name, other) = (case.name(unit), case.name(other));
            faults.push(format!("L3: {name} is taken out at {taken_out}, and {other} serves"));
        }
    }
}

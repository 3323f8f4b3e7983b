//! L9: in which order units stop. S6: in which they start. L7: nothing starts after the stop. L3: what is
//! in use is not taken out.

use rungroup::StopReason;

use super::{Case, is_for_good, is_service};
use crate::plan::Part;
use crate::record::{Entry, What};

pub(super) fn judge(case: &Case, faults: &mut Vec<String>) {
    for unit in case.units() {
        if case.plan.hasty.is_none() {
            stops(case, unit, faults);
        }
        starts(case, unit, faults);
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
    for other in case.units().filter(|&other| case.plan.stops_before(other, unit)) {
        // A group may end by itself, and nobody beside it has to. When the outermost is asked to, all do.
        let siblings = case.plan.side_by_side(unit, other);
        let direct = siblings.is_some_and(|(part, _)| part == Part::Unit(unit));
        let told = case.of(unit).find(|(_, what)| match what {
            What::Told { reason: StopReason::Requested(_) } => true,
            What::Told { reason } => direct && is_for_good(reason),
            What::GracefulIn => direct && !case.recalls(unit),
            _ => false,
        });
        let Some((told, _)) = told else { continue };
        let late = case.of(other).find(|(place, what)| *place > told && is_service(what));
        if let Some((place, what)) = late {
            let (name, other) = (case.name(unit), case.name(other));
            faults.push(format!(
                "L9: {name} is told at {told}, and {other} is there: {what:?} at {place}"
            ));
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
    // of the one before.
    let pre_runs = |(_, entry): &(usize, &Entry)| matches!(entry, Entry::Of(_, What::PreRunOut(_)));
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
        let serves = |(place, what): (usize, &What)| {
            place > taken_out && matches!(what, What::Enter { .. } | What::Leave { .. })
        };
        if case.of(other).any(serves) {
            let (name, other) = (case.name(unit), case.name(other));
            faults.push(format!("L3: {name} is taken out at {taken_out}, and {other} serves"));
        }
    }
}

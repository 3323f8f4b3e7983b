//! What became of groups that start again, of those that join, and of those that have to be heard of.

use rungroup::{ErrorKind, StopReason};

use crate::plan::{Part, Plan};
use crate::record::{Entry, Heard, Note, Said, What};
use crate::verdict::Verdict;

/// What became of one that joins while the group serves.
pub(super) fn of_join(
    plan: &Plan,
    join: usize,
    notes: &[Note],
    verdict: &Verdict,
) -> Vec<&'static str> {
    let units: Vec<usize> = plan.units_of(plan.joins[join]).collect();
    let of = |is_it: fn(&What) -> bool| {
        let of_this = |note: &&Note| matches!(&note.entry, Entry::Of(it, what) if units.contains(it) && is_it(what));
        notes.iter().find(of_this)
    };
    let Some(asked) = notes.iter().find(|note| note.entry == Entry::JoinAsked(join)) else {
        return Vec::new();
    };
    let result = notes.iter().find_map(|note| match note.entry {
        Entry::JoinSaid(it, result) if it == join => Some(result),
        _ => None,
    });
    let pre_run = of(|what| matches!(what, What::PreRunIn)).is_some();
    let mut kinds = vec![match result {
        Some(Ok(())) => "joined",
        Some(Err(ErrorKind::NotServing)) => "refused, as it came too early",
        Some(Err(ErrorKind::Stopped)) if pre_run => "refused, as the end began during its pre-run",
        Some(Err(ErrorKind::Stopped)) => "refused, as it came too late",
        Some(Err(ErrorKind::PreRun)) => "refused, as its pre-run failed",
        _ => "refused, as what it comes after was taken out",
    }];
    if result != Some(Ok(())) {
        return kinds;
    }
    if let Part::Group(_) = plan.joins[join] {
        kinds.push("joined, a group");
    }
    let serves = |note: &Note| matches!(note.entry, Entry::Of(_, What::Enter { .. }));
    if notes.iter().any(|note| serves(note) && note.thread == asked.thread) {
        kinds.push("joined, by a unit");
    }
    if of(|what| matches!(what, What::Enter { attempt: 2.., .. })).is_some() {
        kinds.push("joined, and started again");
    }
    if of(|what| matches!(what, What::Enter { .. })).is_none() {
        kinds.push("joined, and stopped before it could serve");
    }
    let named = |unit: &usize| {
        verdict.reason == StopReason::UnitStopped(plan.units[*unit].name.as_str().into())
    };
    if units.iter().any(named) {
        kinds.push("joined, and ended the run");
    }
    let taken_out = |note: &Note| matches!(note.entry, Entry::DeregisterSaid(it, Ok(())) if units.contains(&it));
    if notes.iter().any(taken_out) {
        kinds.push("joined, and taken out");
    }
    kinds
}

/// What became of one that has to be heard of.
pub(super) fn of_beats(plan: &Plan, unit: usize, notes: &[Note]) -> Vec<&'static str> {
    let (mut kinds, mut beats, mut silent, mut unresponsive) = (Vec::new(), 0, 0, false);
    for note in notes {
        match &note.entry {
            Entry::Of(it, what) if *it == unit => match what {
                What::Beat { .. } => beats += 1,
                What::SilentIn { .. } => silent += 1,
                What::SilentOut { why: Heard::Noticed, .. } => kinds.push("silent, and noticed"),
                What::SilentOut { why: Heard::Told, .. } => {
                    kinds.push("silent, and told to stop before that was noticed");
                }
                What::HeardAgain { .. } => kinds.push("silent, and heard of again"),
                What::Enter { attempt: 2.., .. } if unresponsive => {
                    kinds.push("unresponsive, and started again");
                }
                _ => {}
            },
            Entry::Event(it, Said::Unresponsive { .. }) if *it == unit => {
                unresponsive = true;
                if silent == 0 {
                    kinds.push("unresponsive against its will");
                }
                if plan.groups_of(unit).len() > 2 {
                    kinds.push("unresponsive in a group in a group");
                }
            }
            _ => {}
        }
    }
    if beats > 3 && !unresponsive {
        kinds.push("heard of all the time");
    }
    kinds
}

/// What became of the groups, by their own policies.
pub(super) fn of_groups(plan: &Plan, notes: &[Note], verdict: &Verdict) -> Vec<&'static str> {
    let mut kinds = Vec::new();
    for (number, group) in plan.groups.iter().enumerate() {
        let of_this = verdict.restarts.iter().find(|(path, _)| path == group.path());
        let restarts = of_this.map_or(0, |(_, restarts)| *restarts);
        let part = Part::Group(number);
        if restarts > 0 {
            kinds.push("a group started again");
        }
        let alone = plan.starters(part).next().is_none();
        let above = group.parent.filter(|&above| above > 0).map(Part::Group);
        if restarts > 0 && above.is_some_and(|above| plan.comes_back(above)) {
            kinds.push("a group started again in a group that did");
        } else if restarts > 0 && alone {
            kinds.push("a group started again by its own policy");
            if restarts > 1 {
                kinds.push("a group started again by its own policy, a third time");
            }
            let ended_by = match &verdict.reason {
                StopReason::UnitStopped(path) => path.starts_with(&group.name),
                _ => false,
            };
            if ended_by && restarts == group.restarts {
                kinds.push("a group ended after its last restart");
            }
        }
        for unit in plan.units_of(part).filter(|_| number > 0) {
            kinds.extend(of_returning(plan, unit, group.start_timeout.is_some(), notes));
        }
    }
    kinds
}

/// Of a unit in a group: why it was told, and whether it came back.
fn of_returning(plan: &Plan, unit: usize, limited: bool, notes: &[Note]) -> Vec<&'static str> {
    let (mut kinds, mut gone, mut not_ready) = (Vec::new(), false, false);
    for note in notes {
        match &note.entry {
            Entry::Of(it, What::Leave { told: Some(told), .. }) if *it == unit => {
                not_ready = *told == StopReason::NotReady
                    && limited
                    && plan.units[unit].start_timeout.is_none();
                gone = matches!(told, StopReason::UnitStopped(_) | StopReason::TasksDone)
                    && plan.in_returning_group(unit);
                if not_ready {
                    kinds.push("a group was not ready in time");
                }
            }
            Entry::Of(it, What::Enter { .. }) if *it == unit => {
                if not_ready {
                    kinds.push("a group was not ready in time, and started again");
                }
                (gone, not_ready) = (false, false);
            }
            Entry::StopSaid { first: true, .. } if gone => {
                kinds.push("stopped while a group was to start again");
            }
            _ => {}
        }
    }
    kinds
}

//! L14: who waited for readiness was told, and the truth.

use rungroup::NotReady;

use super::{Case, outcome};
use crate::plan::How;
use crate::record::{Entry, What};

pub(super) fn judge(case: &Case, faults: &mut Vec<String>) {
    let failed = outcome::failures(case);
    let before_serving = case.entries().find_map(|(_, entry)| match entry {
        Entry::Of(unit, What::PreRunOut(How::Error | How::Panic)) => {
            case.plan.join_of(*unit).is_none().then_some(*unit)
        }
        _ => None,
    });
    for (place, entry) in case.entries() {
        let Entry::Waited(result) = entry else { continue };
        match (result, before_serving) {
            (Err(NotReady::TimedOut(_)), _) | (Err(NotReady::Stopped), None) => {}
            (Err(NotReady::Failed(unit)), Some(expected)) if **unit == *case.name(expected) => {}
            // Another group's end cannot have come before.
            (result, Some(unit)) => {
                faults
                    .push(format!("L14: {result:?} at {place}, though {} failed", case.name(unit)));
            }
            (Ok(()), None) => ready(case, place, faults),
            (Err(NotReady::Failed(unit)), None) => {
                // Of who was given up a waiter may hear, and the report not: its group starts again.
                let given_up = case.plan.part(unit);
                let given_up = given_up.is_some_and(|part| case.may_have_been_given_up(part));
                let known = failed.iter().any(|failure| *failure.path == **unit) || given_up;
                if !known {
                    faults.push(format!("L14: '{unit}' has not failed, at {place}"));
                }
            }
            (Err(other), None) => faults.push(format!("L14: {other:?} at {place}")),
        }
    }
    let waited = case.entries().filter(|(_, entry)| matches!(entry, Entry::Waited(_))).count();
    if waited < case.plan.waiters {
        faults.push(format!("L14: {waited} of {} waits have ended", case.plan.waiters));
    }
}

/// All were ready, those that say so themselves at least: of others it cannot be seen.
fn ready(case: &Case, place: usize, faults: &mut Vec<String>) {
    for unit in case.units() {
        let plan = &case.plan.units[unit];
        let taken_out = case.first(|entry| *entry == Entry::DeregisterAsked(unit));
        // The group may have been ready before it joined.
        let joins = case.plan.join_of(unit).is_some();
        if joins
            || !plan.declares_ready
            || case.plan.in_task(unit)
            || taken_out.is_some_and(|at| at < place)
        {
            continue;
        }
        let said = case.of(unit).any(|(at, what)| {
            at < place
                && match what {
                    What::Ready { .. } => true,
                    What::Leave { how, .. } => plan.task && *how == How::Ok,
                    _ => false,
                }
        });
        if !said {
            faults.push(format!("L14: ready at {place}, and {} was not", case.name(unit)));
        }
    }
}

//! L6 and L12: the result is `Ok` exactly when nothing that counts has failed, what has failed is named,
//! and the cause is the one that came first.

use rungroup::{ErrorKind, Phase, StopReason};

use super::{Case, is_misuse};
use crate::plan::{GroupPlan, How, When};
use crate::play::SCRIPTED;
use crate::record::{Entry, What};
use crate::verdict::Failed;

/// A failure, as the record has it.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) path: String,
    phase: Phase,
    panicked: bool,
    /// Whether it counts was decided by a race: a restart and a stop, or a limit and what it is for.
    raced: bool,
}

pub(super) fn judge(case: &Case, faults: &mut Vec<String>) {
    let failures = failures(case);
    let verdict = case.verdict;
    let certain = failures.iter().any(|failure| !failure.raced);
    match verdict.error {
        None if certain || !verdict.left_behind.is_empty() => {
            faults.push(format!("L6: ok, in spite of {failures:?}"));
        }
        Some(kind) if is_misuse(kind) => faults.push(format!("the test is wrong: {kind:?}")),
        Some(ErrorKind::NotStopped) if verdict.left_behind.is_empty() => {
            faults.push("L10: not stopped, but nobody is listed".to_owned());
        }
        Some(kind) if failures.is_empty() && verdict.left_behind.is_empty() => {
            faults.push(format!("L6: {kind:?}, and nothing has failed"));
        }
        _ => {}
    }
    missing(case, &failures, faults);
    invented(case, &failures, faults);
    panicked_helpers(case, faults);
    reason(case, faults);
    if let Some(cause) = &verdict.cause {
        let named = failures.iter().any(|it| it.path == cause.unit);
        if !named {
            faults.push(format!("L6: the cause is {cause:?}, of {failures:?}"));
        }
    }
}

/// What has failed, but for helper threads, which end themselves alone.
pub(super) fn failures(case: &Case) -> Vec<Failure> {
    let mut failures = given_up(case);
    for unit in case.units() {
        let path = || case.name(unit).to_owned();
        for (_, what) in case.of(unit) {
            let (phase, how) = match what {
                // Of one that joins it is the failure of who registers it.
                What::PreRunOut(how) if case.plan.join_of(unit).is_none() => (Phase::PreRun, how),
                What::PostRunOut(how) if case.takes_part(unit) => (Phase::PostRun, how),
                What::GracefulOut(how) => (Phase::GracefulStop, how),
                What::OnStopOut { how, .. } => (Phase::OnStop, how),
                _ => continue,
            };
            if *how != How::Ok {
                // Of a call that comes back after the deadline nobody hears.
                let raced = case.plan.hasty.is_some();
                failures.push(Failure { path: path(), phase, panicked: *how == How::Panic, raced });
            }
        }
        for attempt in 1..=case.attempts(unit) {
            of_attempt(case, unit, attempt, &mut failures);
        }
        // One that is not ready in time may not even have entered.
        if case.plan.units[unit].start_timeout.is_some() {
            let (path, phase) = (path(), Phase::Start);
            failures.push(Failure { path, phase, panicked: false, raced: true });
        }
    }
    of_groups(case, &mut failures);
    failures
}

/// What groups fail with that is of none of their units: they are not ready in time, or have ended well
/// once too often.
fn of_groups(case: &Case, failures: &mut Vec<Failure>) {
    for group in &case.plan.groups {
        let mut may_fail = |phase| {
            let path = group.path().to_owned();
            failures.push(Failure { path, phase, panicked: false, raced: true });
        };
        if group.start_timeout.is_some() {
            may_fail(Phase::Start);
        }
        if group.when == When::Always {
            may_fail(Phase::Serve);
        }
    }
}

/// What is reported as given up, since it did not stop in time to start again, and may have been.
fn given_up(case: &Case) -> Vec<Failure> {
    let reported = case.verdict.failures.iter().filter(|reported| is_given_up(reported));
    let known = reported.filter(|reported| {
        let part = case.plan.part(&reported.unit);
        part.is_some_and(|part| case.may_have_been_given_up(part))
    });
    let failure = |reported: &Failed| {
        let (path, phase) = (reported.unit.clone(), Phase::Start);
        Failure { path, phase, panicked: false, raced: true }
    };
    known.map(failure).collect()
}

fn is_given_up(reported: &Failed) -> bool {
    reported.phase == Phase::Start && reported.text.contains(NOT_STOPPED)
}

/// What is said of who did not stop in time to start again.
const NOT_STOPPED: &str = "did not stop in time";

fn of_attempt(case: &Case, unit: usize, attempt: u32, failures: &mut Vec<Failure>) {
    let plan = &case.plan.units[unit];
    let made_good = attempt < case.attempts(unit);
    // Whatever its own policy: it may start again with others.
    let with_others = case.plan.in_rounds(unit);
    let leaves = case.of(unit).filter_map(|(_, what)| match what {
        What::Leave { attempt: other, how, told, .. } if *other == attempt => Some((*how, told)),
        _ => None,
    });
    for (how, told) in leaves {
        let path = || case.name(unit).to_owned();
        let for_good = told.as_ref().is_some_and(|why| case.is_for_good(unit, why));
        // Or its group was.
        let recalled = *told == Some(StopReason::NotReady) && plan.start_timeout.is_some();
        let failed = how != How::Ok;
        let covered = !for_good && (with_others || plan.covers(failed || recalled, attempt));
        // Its group may have been ending for good when it failed, and start again with others since: then
        // the failure was reported already.
        let group_ended = matches!(told, Some(StopReason::UnitStopped(_) | StopReason::TasksDone))
            || (case.plan.in_returning_group(unit) && case.others_may_have_ended(unit));
        if covered && made_good && !group_ended {
            continue;
        }
        let panicked = how == How::Panic;
        let hasty = case.plan.hasty.is_some();
        if failed {
            // What would be made good, if no stop came: which was first?
            let raced = covered || hasty;
            failures.push(Failure { path: path(), phase: Phase::Serve, panicked, raced });
        }
        if recalled {
            let raced = covered || hasty || case.plan.in_limited_group(unit);
            let (path, phase) = (path(), Phase::Start);
            failures.push(Failure { path, phase, panicked: false, raced });
        }
        // An `Ok` too many is given up as a failure; unless it was told before that was known.
        let too_many = with_others || !covered;
        if !failed && too_many && !for_good && plan.when == When::Always {
            let (path, phase) = (path(), Phase::Serve);
            failures.push(Failure { path, phase, panicked: false, raced: true });
        }
    }
}

/// What has failed is reported (L6), and what has panicked as a panic, with its place (L12).
fn missing(case: &Case, failures: &[Failure], faults: &mut Vec<String>) {
    for failure in failures.iter().filter(|failure| !failure.raced) {
        let name = &failure.path;
        let reported = case.verdict.failures.iter().find(|other| {
            other.unit == *name
                && other.phase == failure.phase
                && other.panic_at.is_some() == failure.panicked
        });
        match reported {
            None => faults.push(format!("L6: {failure:?} of {name} is not reported")),
            Some(reported) if reported.panic_at == Some(false) => {
                faults.push(format!("L12: nobody knows where: {}", reported.text));
            }
            Some(_) => {}
        }
    }
}

/// What is reported has happened.
fn invented(case: &Case, failures: &[Failure], faults: &mut Vec<String>) {
    for reported in &case.verdict.failures {
        if reported.phase == Phase::Helper {
            continue;
        }
        let is_it = |it: &Failure| it.path == reported.unit && it.phase == reported.phase;
        let known = if is_given_up(reported) {
            let part = case.plan.part(&reported.unit);
            part.is_some_and(|part| case.may_have_been_given_up(part))
        } else {
            failures.iter().any(is_it)
        };
        if !known {
            faults.push(format!("L6: reported, and did not happen: {}", reported.text));
        }
        let says = [SCRIPTED, "not ready", "again and again", NOT_STOPPED];
        if !says.iter().any(|text| reported.text.contains(text)) {
            faults.push(format!("L12: its own words are lost: {}", reported.text));
        }
    }
}

/// A panic of a helper thread is reported, and fails nobody.
fn panicked_helpers(case: &Case, faults: &mut Vec<String>) {
    if case.plan.hasty.is_some() {
        return; // nobody hears of those that are left behind
    }
    for unit in case.units() {
        let panicked =
            |(_, what): &(usize, &What)| matches!(what, What::HelperOut { how: How::Panic, .. });
        let panicked = case.of(unit).filter(panicked).count();
        let reported =
            case.verdict.failures.iter().filter(|failure| {
                failure.phase == Phase::Helper && failure.unit == case.name(unit)
            });
        let reported = reported.count();
        if panicked != reported {
            let name = case.name(unit);
            faults.push(format!(
                "L12: {panicked} helpers of {name} panicked, {reported} are reported"
            ));
        }
    }
}

/// The reason is that of who was first.
fn reason(case: &Case, faults: &mut Vec<String>) {
    let reason = &case.verdict.reason;
    let firsts: Vec<&String> = case
        .entries()
        .filter_map(|(_, entry)| match entry {
            Entry::StopSaid { why, first: true } => Some(why),
            _ => None,
        })
        .collect();
    let right = match (reason, &firsts[..]) {
        // Its group may be to start again, and then that is not reported.
        (StopReason::UnitStopped(name), [])
            if case.plan.part(name).is_some_and(|it| case.may_have_been_given_up(it)) =>
        {
            true
        }
        // Who was given up ends the group.
        (StopReason::UnitStopped(name), [])
            if given_up(case).iter().any(|failure| *failure.path == **name) =>
        {
            true
        }
        (StopReason::Requested(why), [first]) => **why == ***first,
        (StopReason::UnitStopped(name), []) => {
            let itself = |unit| case.name(unit) == &**name && ended_by_itself(case, unit);
            // It may be a group that has nobody left who keeps it alive.
            let inner = |&unit: &usize| case.name(unit).starts_with(&format!("{name}/"));
            let mut in_group = case.units().filter(inner).peekable();
            let over = |unit| is_done(case, unit) || ended_by_itself(case, unit);
            let limited = |it: &GroupPlan| it.path() == &**name && it.start_timeout.is_some();
            case.units().any(itself)
                || (in_group.peek().is_some() && in_group.any(over))
                || case.plan.groups.iter().any(limited)
        }
        (StopReason::TasksDone, []) => {
            case.units().all(|unit| !case.takes_part(unit) || is_done(case, unit))
        }
        (StopReason::RunFailed, []) => case.entries().any(|(_, entry)| {
            matches!(entry, Entry::Of(unit, What::PreRunOut(How::Error | How::Panic))
                if case.plan.join_of(*unit).is_none())
        }),
        _ => false,
    };
    if !right {
        faults.push(format!("L6: the reason is {reason:?}; first to ask: {firsts:?}"));
    }
}

/// Whether it may have ended the group: it has left before it was told to, or was not ready in time.
fn ended_by_itself(case: &Case, unit: usize) -> bool {
    let left = case.of(unit).any(|(_, what)| match what {
        // A group that is a task, and was done, may yet fail at its stop.
        What::Leave { told, how, .. } => {
            let at_stop = case.plan.in_task(unit) && *how != How::Ok;
            at_stop || !told.as_ref().is_some_and(|why| case.is_for_good(unit, why))
        }
        _ => false,
    });
    left || case.plan.units[unit].start_timeout.is_some()
}

/// Whether it keeps nobody alive: in the background, taken out, or a task that is done.
fn is_done(case: &Case, unit: usize) -> bool {
    let plan = &case.plan.units[unit];
    let taken_out = case.deregistered(unit).is_some();
    let done = case.of(unit).any(|(_, what)| matches!(what, What::Leave { how: How::Ok, .. }));
    let in_task = case.plan.in_task(unit);
    case.plan.in_background(unit) || taken_out || in_task || (plan.task && done)
}

//! What kinds of lifecycles there were: a test that never sees a restart proves nothing about restarts.

use std::collections::BTreeMap;

use rungroup::{ErrorKind, StopReason};

use crate::plan::{How, Plan};
use crate::record::{Entry, Note, What};
use crate::verdict::Verdict;

/// How often each kind was seen.
#[derive(Default)]
pub struct Census(BTreeMap<&'static str, usize>);

/// What has to be seen, in thousands of lifecycles.
const EXPECTED: [&str; 24] = [
    "ended ok",
    "ended by a unit",
    "ended as its tasks were done",
    "asked to stop",
    "asked before the run",
    "a pre-run failed",
    "a unit failed",
    "a post-run failed",
    "something was left behind",
    "serve panicked",
    "a helper thread panicked",
    "on_stop panicked",
    "graceful_stop panicked",
    "started again",
    "started again, a third time",
    "failed, and started again no more",
    "not ready in time",
    "told before it had anything to do",
    "graceful_stop overtook the first line of serve",
    "taken out",
    "taken out, in use",
    "taken out, too late",
    "two units in serve at once",
    "waited till it was ready",
];

impl Census {
    pub fn count(&mut self, kinds: &[&'static str]) {
        for kind in kinds {
            *self.0.entry(kind).or_default() += 1;
        }
    }

    /// What was expected, and not seen.
    pub fn missing(&self) -> Vec<&'static str> {
        EXPECTED.into_iter().filter(|kind| !self.0.contains_key(kind)).collect()
    }

    pub fn print(&self) {
        for (kind, count) in &self.0 {
            println!("{count:8} {kind}");
        }
    }
}

pub fn kinds(plan: &Plan, notes: &[Note], verdict: &Verdict) -> Vec<&'static str> {
    let mut kinds = vec![match (verdict.error, &verdict.reason) {
        (None, _) => "ended ok",
        (Some(ErrorKind::PreRun), _) => "a pre-run failed",
        (Some(ErrorKind::PostRun), _) => "a post-run failed",
        (Some(_), _) => "a unit failed",
    }];
    kinds.push(match &verdict.reason {
        StopReason::UnitStopped(_) => "ended by a unit",
        StopReason::TasksDone => "ended as its tasks were done",
        _ => "asked to stop",
    });
    if !verdict.left_behind.is_empty() {
        kinds.push("something was left behind");
    }
    if plan.before.is_some() && matches!(notes.first(), Some(Note { entry: Entry::StopAsked, .. }))
    {
        kinds.push("asked before the run");
    }
    let mut serving = 0;
    let mut given_up = true;
    for (place, note) in notes.iter().enumerate() {
        match &note.entry {
            Entry::Of(unit, what) => {
                match what {
                    What::Enter { .. } => serving += 1,
                    What::Leave { .. } => serving -= 1,
                    _ => {}
                }
                if serving > 1 {
                    kinds.push("two units in serve at once");
                }
                kinds.extend(of_unit(*unit, what, &notes[..place]));
                given_up &= !matches!(what, What::Enter { attempt: 2.., .. });
            }
            Entry::DeregisterSaid(_, Ok(())) => kinds.push("taken out"),
            Entry::DeregisterSaid(_, Err(ErrorKind::InUse)) => kinds.push("taken out, in use"),
            Entry::DeregisterSaid(_, Err(ErrorKind::Stopped)) => kinds.push("taken out, too late"),
            Entry::Waited(Ok(())) => kinds.push("waited till it was ready"),
            _ => {}
        }
    }
    if !given_up && matches!(verdict.reason, StopReason::UnitStopped(_)) && verdict.error.is_some()
    {
        kinds.push("failed, and started again no more");
    }
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

fn of_unit(unit: usize, what: &What, before: &[Note]) -> Option<&'static str> {
    let served = || {
        let enters =
            |note: &Note| matches!(&note.entry, Entry::Of(it, What::Enter { .. }) if *it == unit);
        before.iter().any(enters)
    };
    Some(match what {
        What::Enter { attempt: 3.., .. } => "started again, a third time",
        What::Enter { attempt: 2, .. } => "started again",
        What::Leave { how: How::Panic, .. } => "serve panicked",
        What::Leave { told: Some(StopReason::NotReady), .. } => "not ready in time",
        What::HelperOut { how: How::Panic, .. } => "a helper thread panicked",
        What::OnStopOut { how: How::Panic, .. } => "on_stop panicked",
        What::GracefulOut(How::Panic) => "graceful_stop panicked",
        What::GracefulIn if !served() => "graceful_stop overtook the first line of serve",
        What::Told { .. } => {
            let last = before.last().map(|note| &note.entry);
            let entered = matches!(last, Some(Entry::Of(it, What::Enter { .. })) if *it == unit);
            return entered.then_some("told before it had anything to do");
        }
        _ => return None,
    })
}

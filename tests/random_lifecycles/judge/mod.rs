//! Whether what was noted is what the design promises. Each rule looks at the plan, the notes, and what
//! the library says; where two threads raced it accepts both, and nothing else.

mod incarnations;
mod order;
mod outcome;
mod phases;
mod readiness;

use rungroup::{ErrorKind, StopReason};

use crate::plan::Plan;
use crate::record::{Entry, Note, What};
use crate::verdict::Verdict;

/// What the rules look at.
pub struct Case<'c> {
    pub plan: &'c Plan,
    pub notes: &'c [Note],
    pub verdict: &'c Verdict,
}

/// Everything that goes against a rule.
pub fn judge(plan: &Plan, notes: &[Note], verdict: &Verdict) -> Vec<String> {
    let case = Case { plan, notes, verdict };
    let mut faults = Vec::new();
    for note in notes {
        if let Entry::Broken(what) = &note.entry {
            faults.push(what.clone());
        }
    }
    incarnations::judge(&case, &mut faults);
    order::judge(&case, &mut faults);
    outcome::judge(&case, &mut faults);
    phases::judge(&case, &mut faults);
    readiness::judge(&case, &mut faults);
    faults
}

impl Case<'_> {
    pub fn units(&self) -> std::ops::Range<usize> {
        0..self.plan.units.len()
    }

    pub fn entries(&self) -> impl DoubleEndedIterator<Item = (usize, &Entry)> {
        self.notes.iter().map(|note| &note.entry).enumerate()
    }

    /// The notes of a unit, with their places.
    pub fn of(&self, unit: usize) -> impl DoubleEndedIterator<Item = (usize, &What)> {
        self.entries().filter_map(move |(place, entry)| match entry {
            Entry::Of(other, what) if *other == unit => Some((place, what)),
            _ => None,
        })
    }

    /// The first place where this is so.
    pub fn first(&self, is_it: impl Fn(&Entry) -> bool) -> Option<usize> {
        self.entries().find(|(_, entry)| is_it(entry)).map(|(place, _)| place)
    }

    /// When somebody first asked to take the unit out: what is not refused may have been done from
    /// then on.
    pub fn deregistered(&self, unit: usize) -> Option<usize> {
        let taken_out = self.first(|entry| *entry == Entry::DeregisterSaid(unit, Ok(())))?;
        let asked = self.first(|entry| *entry == Entry::DeregisterAsked(unit));
        Some(asked.unwrap_or(taken_out))
    }

    /// The last attempt at which it entered `serve`; 0 if it never did.
    pub fn attempts(&self, unit: usize) -> u32 {
        let attempts = self.of(unit).filter_map(|(_, what)| match what {
            What::Enter { attempt, .. } => Some(*attempt),
            _ => None,
        });
        attempts.max().unwrap_or(0)
    }

    /// Whether it may be told to stop in order to start again: `graceful_stop` is then not for the last
    /// incarnation alone, and an attempt may pass without being entered.
    pub fn recalls(&self, unit: usize) -> bool {
        self.plan.units[unit].start_timeout.is_some() || self.plan.in_rounds(unit)
    }

    pub fn name(&self, unit: usize) -> &str {
        &self.plan.units[unit].name
    }
}

/// Whether a token with this reason was set since the unit is to stop for good.
pub fn is_for_good(reason: &StopReason) -> bool {
    !matches!(reason, StopReason::Ended | StopReason::NotReady | StopReason::RestartsWith(_))
}

/// Whether this is done on a thread of the unit's incarnation, or is a callback of its end.
pub fn is_service(what: &What) -> bool {
    !matches!(what, What::PreRunIn | What::PreRunOut(_) | What::PostRunIn | What::PostRunOut(_))
}

/// An error that says that the test itself is wrong.
pub fn is_misuse(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Definition
            | ErrorKind::Config
            | ErrorKind::AlreadyRan
            | ErrorKind::NotConfigured
    )
}

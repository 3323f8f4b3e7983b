//! Whether what was noted is what the design promises. Each rule looks at the plan, the notes, and what
//! the library says; where two threads raced it accepts both, and nothing else.

mod again;
mod heartbeats;
mod incarnations;
mod joining;
mod order;
mod outcome;
mod phases;
mod readiness;

use rungroup::{ErrorKind, StopReason};

use crate::plan::{How, Part, Plan, When, Who};
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
    again::judge(&case, &mut faults);
    heartbeats::judge(&case, &mut faults);
    incarnations::judge(&case, &mut faults);
    joining::judge(&case, &mut faults);
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

    /// The groups that have no part in the serving, as all units in them were taken out before it: those that
    /// surely have none, and those that may have none. Between the last pre-run and the first service
    /// nothing tells when it begins. And those that may have none for one that joins: there was nothing in
    /// them any more that it could come after.
    pub fn absent(&self) -> [Vec<Part>; 3] {
        let serves = |entry: &Entry| matches!(entry, Entry::Of(_, what) if is_service(what));
        let serving = self.first(serves).unwrap_or(self.notes.len());
        let prepares = |entry: &Entry| matches!(entry, Entry::Of(_, What::PreRunOut(_)));
        let pre_runs = self.entries().filter(|(_, entry)| prepares(entry)).map(|(place, _)| place);
        let last_pre_run = pre_runs.max().unwrap_or(0);
        // Who has served was there when it was taken out, whatever was noted first.
        let was_there = |unit: usize| self.of(unit).any(|(_, what)| is_service(what));
        let said = |unit: usize| self.first(|entry| *entry == Entry::DeregisterSaid(unit, Ok(())));
        let surely = |unit| said(unit).is_some_and(|place| place < last_pre_run);
        let maybe =
            |unit| self.deregistered(unit).is_some_and(|place| place < serving) && !was_there(unit);
        let joins = |(_, entry): &(usize, &Entry)| matches!(entry, Entry::JoinSaid(_, Ok(())));
        let last_join = self.entries().rfind(joins).map_or(0, |(place, _)| place);
        let to_late_comers = |unit| self.deregistered(unit).is_some_and(|place| place < last_join);
        let groups = || (1..self.plan.groups.len()).map(Part::Group);
        let all =
            |group: Part, is_out: &dyn Fn(usize) -> bool| self.plan.units_of(group).all(is_out);
        [
            groups().filter(|&group| all(group, &surely)).collect(),
            groups().filter(|&group| all(group, &maybe)).collect(),
            groups().filter(|&group| all(group, &to_late_comers)).collect(),
        ]
    }

    /// Whether `first` is over before `second` is told to stop at the end, whichever groups are absent.
    pub fn stops_before(&self, first: usize, second: usize, absent: &[Vec<Part>; 3]) -> bool {
        absent.iter().all(|absent| self.plan.stops_before(first, second, absent))
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
        self.plan.units[unit].start_timeout.is_some()
            || self.plan.in_rounds(unit)
            || self.plan.in_limited_group(unit)
    }

    /// Whether a token of this unit with this reason was set since it is to stop for good.
    pub fn is_for_good(&self, unit: usize, reason: &StopReason) -> bool {
        match reason {
            StopReason::Ended | StopReason::NotReady | StopReason::RestartsWith(_) => false,
            // A group that it is in ends; that may have been to start again already, with others.
            StopReason::UnitStopped(_) | StopReason::TasksDone => {
                !self.plan.in_returning_group(unit)
            }
            _ => true,
        }
    }

    /// Whether it may have been the first of a restart: it, or one in it, has left on its own account, in a
    /// way that its policy covers, or may not have been ready in time.
    pub fn may_have_started_again(&self, part: Part) -> bool {
        let when = self.plan.when(part);
        let limit = match part {
            Part::Unit(unit) => self.plan.units[unit].start_timeout,
            Part::Group(group) => self.plan.groups[group].start_timeout,
        };
        let mut units = self.plan.units_of(part);
        let ended = |unit: usize| {
            self.of(unit).any(|(_, what)| match what {
                What::Leave { how, told, .. } => {
                    let by_itself = !told.as_ref().is_some_and(|why| self.is_for_good(unit, why));
                    // A unit that ends well too often has failed for its group.
                    let always =
                        part != Part::Unit(unit) && self.plan.units[unit].when == When::Always;
                    by_itself && when.covers(always || *how != How::Ok)
                }
                _ => false,
            }) || (part != Part::Unit(unit) && self.plan.units[unit].start_timeout.is_some())
        };
        // Groups further down, too: they may not be ready in time, and may end well too often.
        let mut inner = self.plan.groups.iter().filter(|group| match part {
            Part::Group(it) => group.name.starts_with(&self.plan.groups[it].name),
            Part::Unit(_) => false,
        });
        let inner = inner.any(|it| it.start_timeout.is_some() || it.when == When::Always);
        when != When::Never && (limit.is_some() || units.any(ended) || inner)
    }

    /// Whether another unit may have ended a group that this one is in.
    pub fn others_may_have_ended(&self, unit: usize) -> bool {
        let by_itself = |(_, what): (usize, &What)| {
            matches!(what, What::Leave { told: None | Some(StopReason::Ended), .. })
        };
        let ends = |other: usize| {
            self.plan.units[other].start_timeout.is_some()
                || self.deregistered(other).is_some()
                || self.of(other).any(by_itself)
        };
        let groups = self.plan.groups_of(unit).into_iter().filter(|&group| group > 0);
        let mut others = groups.flat_map(|group| self.plan.units_of(Part::Group(group)));
        self.plan.in_limited_group(unit)
            || self.plan.hasty.is_some()
            || others.any(|other| {
                let limited = self.plan.in_limited_group(other);
                other != unit && (limited || ends(other))
            })
    }

    /// Whether it was there from the start, or has joined.
    pub fn takes_part(&self, unit: usize) -> bool {
        self.plan.join_of(unit).is_none_or(|join| {
            self.first(|entry| *entry == Entry::JoinSaid(join, Ok(()))).is_some()
        })
    }

    /// Whether it may have been to start again, and not have stopped in time for that: groups, too, have
    /// a limit there, the least of those that are said for them and for the groups above. Here it is
    /// said of the outermost alone. Who was recalled on its way into `serve` may have noted nothing, so
    /// those are asked that it would have started again with.
    pub fn may_have_been_given_up(&self, part: Part) -> bool {
        let starts_again = self.may_have_started_again(part)
            || self.plan.starters(part).any(|starter| self.may_have_started_again(starter));
        self.plan.hasty.is_some() && starts_again
    }

    /// Whether `other` may not have been started when `unit` was to start again. Of rest-for-one only:
    /// there what it comes after may go on, and be ready while the others stop; then it starts, for the
    /// first time.
    pub fn may_be_new(&self, other: usize, unit: usize, group: usize, notes: &[Note]) -> bool {
        // It may have joined while the others stopped, and is none of them then. When they began to is not
        // noted, so that is believed of everyone who has not left since it joined, but for what its own
        // group does.
        if self.plan.join_of(other).is_some() && group == 0 {
            let enters = |of: usize| move |note: &Note| matches!(&note.entry, Entry::Of(it, What::Enter { .. }) if *it == of);
            let left = |note: &Note| matches!(&note.entry, Entry::Of(it, What::Leave { told: Some(told), .. }) if *it == other && !self.is_of_another(group, told));
            let later = notes.iter().position(enters(other)) > notes.iter().rposition(enters(unit));
            if later || !notes.iter().any(left) {
                return true;
            }
        }
        let Some((part, rest)) = self.plan.side_by_side(other, unit) else { return false };
        let first = |note: &Note| match &note.entry {
            // By itself, for instance one of its threads, is not for the others.
            Entry::Of(it, What::Leave { told, .. }) => *it != other || told.is_none(),
            Entry::Of(it, What::Enter { attempt, .. }) => *it != other || *attempt == 1,
            _ => true,
        };
        self.plan.groups[group].who == Who::Rest
            && self.plan.is_in_group(part, group)
            && self.plan.waits_for_earlier(part, rest)
            && notes.iter().all(first)
    }

    /// Whether a unit is told this since something starts again that is not in this very group.
    fn is_of_another(&self, group: usize, told: &StopReason) -> bool {
        matches!(told, StopReason::RestartsWith(_)) && !self.is_of(group, told)
    }

    /// Whether a unit is told this since something in this group starts again.
    pub fn is_of(&self, group: usize, told: &StopReason) -> bool {
        let StopReason::RestartsWith(culprit) = told else { return false };
        self.plan.part(culprit).is_some_and(|culprit| self.plan.is_in_group(culprit, group))
    }

    pub fn name(&self, unit: usize) -> &str {
        &self.plan.units[unit].name
    }
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

//! S9: who has to be heard of and is not is unresponsive, and nobody else.

use std::time::{Duration, Instant};

use super::Case;
use crate::record::{Entry, Heard, Note, Said, What};

pub(super) fn judge(case: &Case, faults: &mut Vec<String>) {
    for unit in case.units() {
        let said = case.notes.iter().filter_map(|note| match &note.entry {
            Entry::Event(other, said) if *other == unit => Some((note, *said)),
            _ => None,
        });
        let said: Vec<(&Note, Said)> = said.collect();
        match case.plan.units[unit].heartbeat {
            None if !said.is_empty() => {
                faults.push(format!("S9: {} is heard of for nothing: {said:?}", case.name(unit)));
            }
            None => {}
            Some(limit) => {
                in_order(case, unit, limit, &said, faults);
                for life in said.split(|(_, said)| *said == Said::Starting) {
                    invented(case, unit, limit, life, faults);
                }
                lost(case, unit, &said, faults);
            }
        }
    }
}

/// Where a unit is, as the events have it.
#[derive(Debug, PartialEq)]
enum Is {
    Over,
    Starting,
    Ready,
    Unresponsive,
    Responsive,
}

/// One who is ready can become unresponsive, is not ready then, and may be heard of again; and all of that
/// before its end.
fn in_order(
    case: &Case,
    unit: usize,
    limit: Duration,
    said: &[(&Note, Said)],
    faults: &mut Vec<String>,
) {
    let mut is = Is::Over;
    for (_, said) in said {
        let next = match (&is, said) {
            // It was told before it was started.
            (_, Said::Over) => Some(Is::Over),
            (_, Said::Starting) => Some(Is::Starting),
            (Is::Starting | Is::Responsive, Said::Ready) => Some(Is::Ready),
            (Is::Ready, Said::Unresponsive { silent }) if *silent >= limit => {
                Some(Is::Unresponsive)
            }
            (Is::Unresponsive, Said::Responsive) => Some(Is::Responsive),
            // A task that is done is ready.
            (Is::Over, Said::Ready) if case.plan.units[unit].task => Some(Is::Over),
            _ => None,
        };
        let Some(next) = next else {
            return faults.push(format!("S9: {} is {is:?}, and then {said:?}", case.name(unit)));
        };
        is = next;
    }
}

/// Of one life: it was silent for as often as it is said to have been.
fn invented(
    case: &Case,
    unit: usize,
    limit: Duration,
    life: &[(&Note, Said)],
    faults: &mut Vec<String>,
) {
    let unresponsive = life.iter().filter(|(_, said)| matches!(said, Said::Unresponsive { .. }));
    let heard: Vec<Instant> = unresponsive.map(|(note, _)| note.at).collect();
    let Some(&last) = heard.last() else { return };
    // In all of its lives: which one this was is not said.
    let mut silences = 0;
    for instance in 0..case.plan.units[unit].instances {
        for attempt in 1..=case.attempts(unit) {
            silences += silences_of(case, unit, (attempt, instance), limit, last);
        }
    }
    if heard.len() > silences {
        let (name, heard) = (case.name(unit), heard.len());
        faults.push(format!("S9: {name} is unresponsive {heard} times, and silent {silences}"));
    }
}

/// How often an instance may have been silent for so long before this time. A beat came at some time
/// between the one that was noted before it and the note.
fn silences_of(
    case: &Case,
    unit: usize,
    life: (u32, u32),
    limit: Duration,
    last: Instant,
) -> usize {
    let (mut before, mut count) = (case.verdict.began, 0);
    let mut entered = false;
    for (place, what) in case.of(unit) {
        let (there, from) = match what {
            What::Enter { attempt, instance } => ((*attempt, *instance), None),
            What::Beat { attempt, instance, from } => ((*attempt, *instance), Some(*from)),
            _ => continue,
        };
        if there != life {
            continue;
        }
        entered = true;
        // When it has entered counts as a beat, some time before it could note that.
        let Some(from) = from else { continue };
        if case.notes[place].at.saturating_duration_since(before) >= limit {
            count += 1;
        }
        before = from;
    }
    count + usize::from(entered && last.saturating_duration_since(before) >= limit)
}

/// What one unit has read others have, too.
fn lost(case: &Case, unit: usize, said: &[(&Note, Said)], faults: &mut Vec<String>) {
    let noticed =
        |(_, what): &(usize, &What)| matches!(what, What::SilentOut { why: Heard::Noticed, .. });
    let heard = |(_, what): &(usize, &What)| matches!(what, What::HeardAgain { .. });
    let count = |is_it: fn(&Said) -> bool| said.iter().filter(|(_, said)| is_it(said)).count();
    let unresponsive = count(|said| matches!(said, Said::Unresponsive { .. }));
    let responsive = count(|said| *said == Said::Responsive);
    if case.of(unit).filter(noticed).count() > unresponsive
        || case.of(unit).filter(heard).count() > responsive
    {
        faults.push(format!("S9: of {} not all is said: {said:?}", case.name(unit)));
    }
}

//! The clashes between the flags of a group (F3): two of one name, of one short name, of one
//! environment variable, or of a name that is the group's own. Each problem names both sides.

use super::common::{RESERVED_SHORT, is_reserved};
use super::definition::{Given, is_flag_name};
use super::table::{Entry, RemovedFlag, Section};
use super::value::Arity;
use crate::error::{ConfigError, ConfigErrors};
use crate::names::Names;

/// `unit 'store'`, or the group for the common flags.
pub(super) fn owner(section: &Section) -> String {
    section.unit.as_ref().map_or_else(|| "the group".to_owned(), |unit| format!("unit '{unit}'"))
}

/// A problem of an entry's definition.
pub(super) fn problem(sections: &[Section], entry: &Entry, why: String) -> ConfigError {
    sections[entry.section].name_in(entry.definition().problem_without_value(why))
}

/// Finds the names, and lets one entry stand for all of the same handle.
pub(super) fn by_name(
    sections: &[Section],
    entries: &mut [Entry],
    problems: &mut ConfigErrors,
) -> Names {
    let mut names = Names::for_up_to(entries.len());
    for index in 0..entries.len() {
        let entry = &entries[index];
        let (name, section) = (&*entry.full_name, entry.section);
        if is_reserved(name) && sections[section].unit.is_some() {
            problems.push(problem(sections, entry, "the group keeps this name".to_owned()));
            continue;
        }
        let added = names.add(index, name.as_bytes(), |other| entries[other].full_name.as_bytes());
        let Err(earlier) = added else { continue };
        let first = &entries[earlier];
        if entry.is_same_handle(&*first.flag) {
            entries[earlier].also_in.push(section);
            entries[index].repeated = true;
        } else {
            let owner = owner(&sections[first.section]);
            let why = if let Some(secret) = first.secret().or(entry.secret()) {
                let secret = &entries[secret].full_name;
                format!("the group has it already, to read '--{secret}' from a file")
            } else if first.section == section {
                format!("{owner} has another of this name")
            } else {
                format!("{owner} has a flag of this name too")
            };
            problems.push(problem(sections, entry, why));
        }
    }
    names
}

/// Finds the short names.
pub(super) fn by_short(
    sections: &[Section],
    entries: &[Entry],
    problems: &mut ConfigErrors,
) -> Vec<(char, usize)> {
    let mut taken: Vec<(char, usize)> = Vec::new();
    for (index, entry) in entries.iter().enumerate().filter(|(_, entry)| !entry.repeated) {
        let Some(short) = entry.short else { continue };
        if sections[entry.section].unit.is_some() && RESERVED_SHORT.contains(&short) {
            let why = format!("the group keeps the short name '-{short}'");
            problems.push(problem(sections, entry, why));
        } else if let Some((_, other)) = taken.iter().find(|(name, _)| *name == short) {
            let why = format!("the short name '-{short}' is {}", also(sections, &entries[*other]));
            problems.push(problem(sections, entry, why));
        } else {
            taken.push((short, index));
        }
    }
    taken
}

/// Sees that each environment variable is that of one flag.
pub(super) fn by_variable<'e>(
    sections: &[Section],
    entries: &'e [Entry],
    problems: &mut ConfigErrors,
) {
    let entries = entries.iter().filter(|entry| !entry.repeated);
    let of = |entry: &'e Entry| entry.variables.iter().map(move |variable| (variable, entry));
    let all: Vec<(&String, &Entry)> = entries.flat_map(of).collect();
    let mut taken = Names::for_up_to(all.len());
    for (place, (variable, entry)) in all.iter().enumerate() {
        let added = taken.add(place, variable.as_bytes(), |other| all[other].0.as_bytes());
        let Err(other) = added else { continue };
        let other = all[other].1;
        // Two flags of one name clash already, and so does everything made of the name.
        if other.full_name != entry.full_name {
            let why = format!("the environment variable {variable} is {}", also(sections, other));
            problems.push(problem(sections, entry, why));
        }
    }
}

fn also(sections: &[Section], other: &Entry) -> String {
    let (name, owner) = (&*other.full_name, owner(&sections[other.section]));
    format!("also that of '--{name}' of {owner}")
}

/// Sees that a name that is no more is a name, not that of a flag, and said to be gone once. Where a
/// flag that is there has the variable that it had, that is the flag's.
pub(super) fn removed(
    sections: &[Section],
    entries: &[Entry],
    by_name: &Names,
    removed: &mut [RemovedFlag],
    problems: &mut ConfigErrors,
) {
    for index in 0..removed.len() {
        let (before, rest) = removed.split_at_mut(index);
        let gone = &mut rest[0];
        let name = gone.full_name.as_str();
        let same = by_name.get(name.as_bytes(), |index| entries[index].full_name.as_bytes());
        // One that is given by its place now can be named no longer: that is what is told.
        let same = same.map(|index| &entries[index]).filter(|it| it.given != Given::ByPlace);
        let twice = before.iter().find(|other| other.full_name == name);
        let why = if !is_flag_name(name) {
            Some("is said to be removed, and is no flag name".to_owned())
        } else if is_reserved(name) {
            Some("is said to be removed, and the group keeps this name".to_owned())
        } else if let Some(same) = same {
            let owner = owner(&sections[same.section]);
            Some(format!("is said to be removed, and {owner} has it"))
        } else {
            let other = twice.map(|other| owner(&sections[other.section]));
            other.map(|owner| format!("{owner} says too that it is removed"))
        };
        if let Some(why) = why {
            let problem = ConfigError::new(why).of_flag(name);
            problems.push(sections[gone.section].name_in(problem));
        }
        let taken = |variable: &String| entries.iter().any(|it| it.variables.contains(variable));
        if gone.variable.as_ref().is_some_and(taken) {
            gone.variable = None;
        }
    }
}

/// Finds the positional arguments, and sees that each can be reached: nothing after one that takes
/// all that are left, nothing required after one that can be left out.
pub(super) fn positional(
    sections: &[Section],
    entries: &[Entry],
    problems: &mut ConfigErrors,
) -> Vec<usize> {
    let places = entries.iter().enumerate();
    let places: Vec<usize> = places
        .filter(|(_, entry)| !entry.repeated && entry.given == Given::ByPlace)
        .map(|(index, _)| index)
        .collect();
    for pair in places.windows(2) {
        let (before, entry) = (&entries[pair[0]], &entries[pair[1]]);
        let name = before.flag.value_name();
        let owner = owner(&sections[before.section]);
        if before.arity == Arity::Many {
            let why = format!("comes after '<{name}>' of {owner}, which takes all arguments");
            problems.push(problem(sections, entry, why));
        } else if entry.flag.is_required() && !before.flag.is_required() {
            let why = format!("is required, and comes after '<{name}>' of {owner}, which is not");
            problems.push(problem(sections, entry, why));
        }
    }
    places
}

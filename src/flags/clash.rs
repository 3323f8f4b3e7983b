//! The clashes between the flags of a group (F3): two of one name, of one short name, of one
//! environment variable, or of a name that is the group's own. Each problem names both sides.

use super::common::{RESERVED, RESERVED_SHORT};
use super::table::{Entry, Section};
use crate::error::{ConfigError, ConfigErrors};

/// `unit 'store'`, or the group for the common flags.
pub(super) fn owner(section: &Section) -> String {
    section.unit.as_ref().map_or_else(|| "the group".to_owned(), |unit| format!("unit '{unit}'"))
}

/// A problem of an entry's definition.
pub(super) fn problem(sections: &[Section], entry: &Entry, why: String) -> ConfigError {
    let problem = entry.definition().problem_without_value(why);
    match &sections[entry.section].unit {
        Some(unit) => problem.of_unit(unit),
        None => problem,
    }
}

/// Sorts the entries by name, and lets one stand for all of the same handle.
pub(super) fn by_name(
    sections: &[Section],
    entries: &mut [Entry],
    problems: &mut ConfigErrors,
) -> Vec<usize> {
    for entry in entries.iter().filter(|entry| sections[entry.section].unit.is_some()) {
        if RESERVED.contains(&entry.definition().full_name()) {
            problems.push(problem(sections, entry, "the group keeps this name".to_owned()));
        }
    }
    let mut sorted: Vec<usize> = (0..entries.len()).collect();
    // Stable, so that the one registered first comes first among equals.
    sorted.sort_by(|a, b| {
        entries[*a].definition().full_name().cmp(entries[*b].definition().full_name())
    });
    sorted.dedup_by(|later, first| {
        let (later, first) = (*later, *first);
        if entries[later].definition().full_name() != entries[first].definition().full_name() {
            return false;
        }
        let flag = std::sync::Arc::clone(&entries[first].flag);
        if entries[later].is_same_handle(&*flag) {
            let section = entries[later].section;
            entries[first].also_in.push(section);
            entries[later].repeated = true;
        } else if sections[entries[first].section].unit.is_some() {
            let why = match owner(&sections[entries[first].section]) {
                owner if entries[first].section == entries[later].section => {
                    format!("{owner} has another of this name")
                }
                owner => format!("{owner} has a flag of this name too"),
            };
            problems.push(problem(sections, &entries[later], why));
        } // else it is a reserved name, reported above
        true
    });
    sorted
}

/// Finds the short names.
pub(super) fn by_short(
    sections: &[Section],
    entries: &[Entry],
    problems: &mut ConfigErrors,
) -> Vec<(char, usize)> {
    let mut taken: Vec<(char, usize)> = Vec::new();
    for (index, entry) in entries.iter().enumerate().filter(|(_, entry)| !entry.repeated) {
        let Some(short) = entry.definition().short else { continue };
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
pub(super) fn by_variable(sections: &[Section], entries: &[Entry], problems: &mut ConfigErrors) {
    let unique = entries.iter().enumerate().filter(|(_, entry)| !entry.repeated);
    let mut variables: Vec<(&str, usize)> = unique
        .flat_map(|(index, entry)| entry.variables.iter().map(move |name| (name.as_str(), index)))
        .collect();
    variables.sort_unstable();
    let mut first = 0;
    for at in 1..variables.len() {
        let (variable, index) = variables[at];
        if variables[first].0 != variable {
            first = at;
            continue;
        }
        let (entry, other) = (&entries[index], &entries[variables[first].1]);
        // Two flags of one name clash already, and do so in everything made of the name.
        if entry.definition().full_name() != other.definition().full_name() {
            let why = format!("the environment variable {variable} is {}", also(sections, other));
            problems.push(problem(sections, entry, why));
        }
    }
}

fn also(sections: &[Section], other: &Entry) -> String {
    let (name, owner) = (other.definition().full_name(), owner(&sections[other.section]));
    format!("also that of '--{name}' of {owner}")
}

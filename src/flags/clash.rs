//! The clashes between the flags of a group (F3): two of one name, of one short name, of one
//! environment variable, or of a name that is the group's own. Each problem names both sides.

use std::collections::HashMap;

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

/// Finds the names, and lets one entry stand for all of the same handle.
pub(super) fn by_name(
    sections: &[Section],
    entries: &mut [Entry],
    problems: &mut ConfigErrors,
) -> HashMap<String, usize> {
    let mut names: HashMap<String, usize> = HashMap::with_capacity(entries.len());
    for index in 0..entries.len() {
        let (before, rest) = entries.split_at_mut(index);
        let entry = &mut rest[0];
        let is_common = sections[entry.section].unit.is_none();
        let name = entry.definition().full_name();
        if !is_common && RESERVED.contains(&name) {
            problems.push(problem(sections, entry, "the group keeps this name".to_owned()));
            continue;
        }
        let Some(first) = names.get(name).map(|first| &mut before[*first]) else {
            names.insert(name.to_owned(), index);
            continue;
        };
        if entry.is_same_handle(&*first.flag) {
            first.also_in.push(entry.section);
            entry.repeated = true;
        } else {
            let owner = owner(&sections[first.section]);
            let why = if first.section == entry.section {
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
    let mut taken: HashMap<&str, &Entry> = HashMap::with_capacity(entries.len());
    for entry in entries.iter().filter(|entry| !entry.repeated) {
        for variable in &entry.variables {
            let other = *taken.entry(variable).or_insert(entry);
            // Two flags of one name clash already, and so does everything made of the name.
            if other.definition().full_name() != entry.definition().full_name() {
                let why =
                    format!("the environment variable {variable} is {}", also(sections, other));
                problems.push(problem(sections, entry, why));
            }
        }
    }
}

fn also(sections: &[Section], other: &Entry) -> String {
    let (name, owner) = (other.definition().full_name(), owner(&sections[other.section]));
    format!("also that of '--{name}' of {owner}")
}

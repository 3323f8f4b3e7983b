//! What the user sees of the table of flags.

#[cfg(feature = "completions")]
pub(super) mod completions;
pub(super) mod help;
#[cfg(feature = "completions")]
pub(super) mod man;
#[cfg(feature = "config-file")]
pub(super) mod settings;
mod wrap;

use std::borrow::Cow;

use super::table::{Entry, Section};

/// The heading of a section: as its unit named it, else the unit's own name.
pub(super) fn title(section: &Section) -> &str {
    match &section.unit {
        Some(unit) if section.title.is_empty() => unit,
        _ => &section.title,
    }
}

/// The first line of a flag's help.
fn first_line(entry: &Entry) -> &str {
    entry.definition().help.trim_start().lines().next().unwrap_or_default()
}

/// How values are written, once for all flags that have such, with the names that stand for them.
fn notations<'t>(
    entries: impl Iterator<Item = &'t Entry>,
) -> Vec<(&'static str, Vec<Cow<'static, str>>)> {
    let mut notations: Vec<(&'static str, Vec<Cow<'static, str>>)> = Vec::new();
    for entry in entries {
        let Some(notation) = entry.flag.notation() else { continue };
        let name = entry.flag.value_name();
        match notations.iter_mut().find(|(known, _)| *known == notation) {
            Some((_, names)) if names.contains(&name) => {}
            Some((_, names)) => names.push(name),
            None => notations.push((notation, vec![name])),
        }
    }
    notations
}

//! What the user sees of the table of flags.

#[cfg(feature = "completions")]
pub(super) mod completions;
pub(super) mod help;
#[cfg(feature = "completions")]
pub(super) mod man;
#[cfg(feature = "config-file")]
pub(super) mod settings;
mod wrap;

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

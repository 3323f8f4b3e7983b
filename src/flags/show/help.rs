//! The help, made of the table (F6): `-h` with a line for each flag, `--help` with everything.

use std::fmt::Write as _;

use super::title;
use crate::flags::common::ONLY_IN_LONG_HELP;
use crate::flags::read::Form;
use crate::flags::table::{Entry, Table};
use crate::flags::value::Arity;

/// Where the help is wrapped if nobody says otherwise.
pub(in crate::flags) const DEFAULT_WIDTH: usize = 80;

/// The widest that the column of flags gets; longer ones have the text below them.
const MAX_FLAG_COLUMN: usize = 32;

/// How far the text of `--help` is indented.
const LONG_INDENT: usize = 10;

/// The whole help page. Writing to a `String` cannot fail, hence the `let _`.
pub(in crate::flags) fn page(table: &Table, form: Form) -> String {
    let program = &table.program;
    let mut page = String::new();
    if let Some(about) = &program.about {
        page.push_str(&wrapped(about, 0, program.help_width));
        page.push('\n');
    }
    page.push_str(&wrapped(&usage(table), 0, program.help_width));
    for index in table.sections_shown() {
        let shown = table.entries.iter().filter(|of| is_shown(of, index));
        let entries: Vec<&Entry> = shown.filter(|entry| is_in(entry, form)).collect();
        if !entries.is_empty() {
            let _ = write!(page, "\n{}:\n", title(&table.sections[index]));
            match form {
                Form::Short => short_section(&mut page, &entries, program.help_width),
                Form::Long => long_section(&mut page, &entries, program.help_width),
            }
        }
    }
    page
}

pub(super) fn is_shown(entry: &Entry, section: usize) -> bool {
    entry.section == section && !entry.repeated && !entry.definition().hidden
}

/// Units cannot have flags of these names.
fn is_in(entry: &Entry, form: Form) -> bool {
    form == Form::Long || !ONLY_IN_LONG_HELP.contains(&entry.definition().full_name())
}

fn usage(table: &Table) -> String {
    let mut usage = format!("Usage: {}", table.program.name);
    let needed = table.entries.iter().filter(|entry| entry.flag.is_required() && !entry.repeated);
    for entry in needed.filter(|entry| !entry.definition().is_positional()) {
        let _ = write!(usage, " --{}", named(entry));
    }
    usage.push_str(" [FLAGS]");
    for index in &table.positional {
        let flag = &table.entries[*index].flag;
        let (name, is_required) = (flag.value_name(), flag.is_required());
        let more = if flag.arity() == Arity::Many { "..." } else { "" };
        let _ = if is_required {
            write!(usage, " <{name}>{more}")
        } else {
            write!(usage, " [{name}]{more}")
        };
    }
    usage
}

/// `listen <ADDR>`, `verbose`, `peer <ADDR>...`
fn named(entry: &Entry) -> String {
    let name = entry.definition().full_name();
    match entry.flag.arity() {
        Arity::Switch => name.to_owned(),
        Arity::One => format!("{name} <{}>", entry.flag.value_name()),
        Arity::Many => format!("{name} <{}>...", entry.flag.value_name()),
    }
}

/// `  -l, --listen <ADDR>`, `  <FILE>...`
fn flag_column(entry: &Entry) -> String {
    if entry.definition().is_positional() {
        let more = if entry.flag.arity() == Arity::Many { "..." } else { "" };
        return format!("  <{}>{more}", entry.flag.value_name());
    }
    match entry.definition().short {
        Some(short) => format!("  -{short}, --{}", named(entry)),
        None => format!("      --{}", named(entry)),
    }
}

fn short_section(page: &mut String, entries: &[&Entry], width: usize) {
    let columns: Vec<String> = entries.iter().map(|entry| flag_column(entry)).collect();
    let fitting = columns.iter().map(|flag| flag.chars().count());
    let column = fitting.filter(|width| *width <= MAX_FLAG_COLUMN).max().unwrap_or(0) + 2;
    for (entry, flag) in entries.iter().zip(columns) {
        let mut text = entry.definition().help.lines().next().unwrap_or_default().to_owned();
        if let Some(note) = short_note(entry) {
            let _ = write!(text, " [{note}]");
        }
        let text = wrapped(text.trim_start(), column, width);
        if flag.chars().count() + 2 > column {
            let _ = write!(page, "{flag}\n{text}");
        } else {
            let _ = write!(page, "{flag:column$}{}", text.trim_start());
        }
        if !page.ends_with('\n') {
            page.push('\n');
        }
    }
}

/// The one thing beside its text that a flag's line in the short help says.
fn short_note(entry: &Entry) -> Option<String> {
    if let Some(instead) = &entry.definition().deprecated {
        return Some(format!("deprecated: {instead}"));
    }
    if entry.flag.is_required() {
        return Some("required".to_owned());
    }
    entry.flag.default_shown().map(|default| format!("default: {default}"))
}

fn long_section(page: &mut String, entries: &[&Entry], width: usize) {
    for (index, entry) in entries.iter().enumerate() {
        if index > 0 {
            page.push('\n');
        }
        let _ = writeln!(page, "{}", flag_column(entry));
        page.push_str(&wrapped(&entry.definition().help, LONG_INDENT, width));
        let notes = long_notes(entry);
        if !notes.is_empty() {
            page.push('\n');
            page.push_str(&wrapped(&notes.join("\n"), LONG_INDENT, width));
        }
    }
}

pub(super) fn long_notes(entry: &Entry) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(instead) = &entry.definition().deprecated {
        notes.push(format!("Deprecated: {instead}"));
    }
    if entry.flag.is_required() {
        notes.push("Required".to_owned());
    }
    if entry.flag.arity() == Arity::Many {
        notes.push("May be given several times".to_owned());
    }
    if !entry.flag.choices().is_empty() {
        notes.push(format!("Possible values: {}", entry.flag.choices().join(", ")));
    }
    if let Some(default) = entry.flag.default_shown() {
        notes.push(format!("Default: {default}"));
    }
    if !entry.variables.is_empty() {
        notes.push(format!("Environment: {}", entry.variables.join(", ")));
    }
    notes
}

/// The text with line breaks at blanks, each line indented. Its own line breaks stay; a word that
/// is wider than the page is not cut, since it is a path or a name to be copied.
fn wrapped(text: &str, indent: usize, width: usize) -> String {
    let room = width.saturating_sub(indent).max(20);
    let mut result = String::new();
    for line in text.lines() {
        let mut used = 0;
        for word in line.split_whitespace() {
            let length = word.chars().count();
            if used > 0 && used + 1 + length > room {
                result.push('\n');
                used = 0;
            }
            if used == 0 {
                let _ = write!(result, "{:indent$}{word}", "");
                used = length;
            } else {
                let _ = write!(result, " {word}");
                used += 1 + length;
            }
        }
        result.push('\n');
    }
    result
}

//! The help, made of the table (F6): `-h` with a line for each flag, `--help` with everything.

use std::fmt::Write as _;

use super::{first_line, title, wrap};
use crate::flags::common::ONLY_IN_LONG_HELP;
use crate::flags::definition::Given;
use crate::flags::read::Form;
use crate::flags::table::{Entry, Table};
use crate::flags::value::Arity;
use crate::screen::{Ink, Screen};

/// The widest that a column of flags gets; longer ones have the text below them.
const MAX_COLUMN: usize = 32;

/// How far the text of `--help` is indented.
const INDENT: usize = 10;

/// The whole help page. Writing to a `String` cannot fail, hence the `let _`.
pub(in crate::flags) fn page(table: &Table, form: Form) -> String {
    let program = &table.program;
    let screen = program.screen;
    let mut page = String::with_capacity(4096); // that of a small daemon
    if let Some(about) = &program.about {
        let about = if form == Form::Short { first_paragraph(about) } else { about };
        wrap::paragraphs(&mut page, about, 0, screen.width);
        page.push('\n');
    }
    usage(&mut page, table);
    let mut shown = Vec::new();
    for index in table.sections_shown() {
        let entries = table.entries.iter().filter(|entry| is_shown(entry, index));
        let entries: Vec<&Entry> = entries.filter(|entry| is_in(entry, form)).collect();
        if !entries.is_empty() {
            heading(&mut page, title(&table.sections[index]), screen);
            match form {
                Form::Short => short_section(&mut page, &entries, screen),
                Form::Long => long_section(&mut page, &entries, screen),
            }
        }
        shown.extend(entries);
    }
    match form {
        Form::Short => {
            let about = program.about.as_deref().unwrap_or_default();
            if first_paragraph(about) != about || shown.iter().any(|entry| has_more(entry)) {
                let _ = writeln!(page, "\n'{} --help' tells more.", program.name);
            }
        }
        Form::Long => notations(&mut page, &shown, screen),
    }
    page
}

pub(super) fn is_shown(entry: &Entry, section: usize) -> bool {
    entry.section == section && !entry.repeated && !entry.definition().hidden
}

/// Units cannot have flags of these names.
fn is_in(entry: &Entry, form: Form) -> bool {
    form == Form::Long || !ONLY_IN_LONG_HELP.contains(&&*entry.full_name)
}

fn heading(page: &mut String, title: &str, screen: Screen) {
    let _ = writeln!(page, "\n{}", screen.paint(Ink::Heading, &format!("{title}:")));
}

fn first_paragraph(text: &str) -> &str {
    text.split_once("\n\n").map_or(text, |(first, _)| first)
}

fn usage(page: &mut String, table: &Table) {
    let screen = table.program.screen;
    let needed = table.entries.iter().filter(|entry| entry.flag.is_required() && !entry.repeated);
    let needed = needed.filter(|entry| entry.given != Given::ByPlace && !entry.definition().hidden);
    let mut parts: Vec<String> = needed
        .map(|entry| entry.secret_file().map_or(entry, |file| &table.entries[file]))
        .map(|entry| {
            let (name, value) = (["--", &entry.full_name].concat(), value(entry));
            [&*name, blank_between(&name, &value), &value].concat()
        })
        .collect();
    parts.push("[FLAGS]".to_owned());
    let places = table.positional.iter().map(|index| &table.entries[*index]);
    let places = places.filter(|entry| !entry.definition().hidden);
    parts.extend(places.map(|Entry { flag, .. }| {
        let (name, more) =
            (flag.value_name(), if flag.arity() == Arity::Many { "..." } else { "" });
        if flag.is_required() { format!("<{name}>{more}") } else { format!("[{name}]{more}") }
    }));
    let program = &table.program.name;
    let _ = write!(page, "{} {program} ", screen.paint(Ink::Heading, "Usage:"));
    let indent = "Usage:  ".len() + wrap::columns(program);
    wrap::fill(page, parts.iter().map(String::as_str), indent, screen.width);
    page.push('\n');
}

/// `<ADDR>`, `<ADDR>...`; nothing for a switch.
fn value(entry: &Entry) -> String {
    match entry.arity {
        Arity::Switch => String::new(),
        Arity::One => ["<", &entry.flag.value_name(), ">"].concat(),
        Arity::Many => ["<", &entry.flag.value_name(), ">..."].concat(),
    }
}

fn blank_between(names: &str, value: &str) -> &'static str {
    if names.is_empty() || value.is_empty() { "" } else { " " }
}

/// What stands to the left of a text: how it looks, and how wide that is.
struct Label {
    text: String,
    width: usize,
}

impl Label {
    fn of_flag(entry: &Entry, screen: Screen) -> Self {
        let mut text = String::with_capacity(MAX_COLUMN);
        let width = label(&mut text, entry, screen);
        Self { text, width }
    }
}

/// `  -l, --listen <ADDR>`, `      --verbose`, `  <FILE>...`; gives its width.
fn label(page: &mut String, entry: &Entry, screen: Screen) -> usize {
    let definition = entry.definition();
    let mut names = String::with_capacity(MAX_COLUMN);
    if !definition.is_positional() {
        if let Some(short) = definition.short {
            names.extend(['-', short, ',', ' ']);
        }
        names.push_str("--");
        names.push_str(&entry.full_name);
    }
    let indent = if definition.is_positional() || definition.short.is_some() { 2 } else { 6 };
    let value = value(entry);
    wrap::blanks(page, indent);
    page.push_str(&screen.paint(Ink::Flag, &names));
    let blank = blank_between(&names, &value);
    page.push_str(blank);
    page.push_str(&value);
    indent + wrap::columns(&names) + blank.len() + wrap::columns(&value)
}

/// The column at which the texts begin.
fn column(labels: &[Label], screen: Screen) -> usize {
    let most = MAX_COLUMN.min(screen.width / 2);
    let fitting = labels.iter().map(|label| label.width).filter(|width| *width <= most).max();
    fitting.map_or(INDENT, |widest| widest + 2)
}

/// A label, and its text beside it or below.
fn row<'a>(
    page: &mut String,
    label: &Label,
    words: impl Iterator<Item = &'a str>,
    column: usize,
    screen: Screen,
) {
    page.push_str(&label.text);
    let mut words = words.peekable();
    if words.peek().is_some() {
        let beside = label.width + 2 <= column;
        if !beside {
            page.push('\n');
        }
        wrap::blanks(page, if beside { column - label.width } else { column });
        wrap::fill(page, words, column, screen.width);
    }
    page.push('\n');
}

fn short_section(page: &mut String, entries: &[&Entry], screen: Screen) {
    let labels: Vec<Label> = entries.iter().map(|entry| Label::of_flag(entry, screen)).collect();
    let column = column(&labels, screen);
    for (entry, label) in entries.iter().zip(&labels) {
        let note = short_note(entry).unwrap_or_default();
        let note = wrap::phrase(&note, wrap::room(column, screen.width));
        let note = note.filter(|word| !word.is_empty());
        let help = first_line(entry).split_whitespace();
        row(page, label, help.chain(note), column, screen);
    }
}

/// The one thing beside its text that a flag's line in the short help says.
fn short_note(entry: &Entry) -> Option<String> {
    if let Some(instead) = &entry.definition().extras().deprecated {
        return Some(format!("[deprecated: {instead}]"));
    }
    if entry.flag.is_required() {
        return Some("[required]".to_owned());
    }
    entry.flag.default_shown().map(|default| format!("[default: {default}]"))
}

/// Whether the long help says something of the flag that the short one does not.
fn has_more(entry: &Entry) -> bool {
    long_notes(entry).into_iter().ne(short_note(entry))
        || first_line(entry) != entry.definition().help.trim()
        || !entry.flag.choices().is_empty()
        || entry.flag.notation().is_some()
}

fn long_section(page: &mut String, entries: &[&Entry], screen: Screen) {
    for (index, entry) in entries.iter().enumerate() {
        if index > 0 {
            page.push('\n');
        }
        label(page, entry, screen);
        page.push('\n');
        let (help, choices) = (&*entry.definition().help, entry.flag.choices());
        wrap::paragraphs(page, help, INDENT, screen.width);
        let notes = long_notes(entry);
        let has_notes = !choices.is_empty() || !notes.is_empty();
        if has_notes && !help.trim().is_empty() {
            page.push('\n');
        }
        if !choices.is_empty() {
            let choices = format!("Possible values: {}", choices.join(", "));
            wrap::paragraphs(page, &choices, INDENT, screen.width);
        }
        if !notes.is_empty() {
            let room = wrap::room(INDENT, screen.width);
            let notes = notes.iter().flat_map(|note| wrap::phrase(note, room));
            wrap::blanks(page, INDENT);
            wrap::fill(page, notes, INDENT, screen.width);
            page.push('\n');
        }
    }
}

fn long_notes(entry: &Entry) -> Vec<String> {
    let mut notes = Vec::new();
    let is_many = entry.arity == Arity::Many;
    if let Some(instead) = &entry.definition().extras().deprecated {
        notes.push(format!("[deprecated: {instead}]"));
    }
    if entry.flag.is_required() {
        notes.push("[required]".to_owned());
    }
    if is_many {
        notes.push("[may be given several times]".to_owned());
    }
    if !entry.variables.is_empty() {
        let commas = if is_many { ", separated by commas" } else { "" };
        notes.push(["[env: ", &entry.variables.join(" or "), commas, "]"].concat());
    }
    if let Some(default) = entry.flag.default_shown() {
        notes.push(["[default: ", &default, "]"].concat());
    }
    notes
}

fn notations(page: &mut String, shown: &[&Entry], screen: Screen) {
    let notations = super::notations(shown.iter().copied());
    if notations.is_empty() {
        return;
    }
    heading(page, "Values", screen);
    let labels = notations.iter().map(|(_, names)| {
        let text = format!("  {}", names.join(", "));
        Label { width: wrap::columns(&text), text }
    });
    let labels: Vec<Label> = labels.collect();
    let column = column(&labels, screen);
    for ((notation, _), label) in notations.iter().zip(&labels) {
        row(page, label, notation.split_whitespace(), column, screen);
    }
}

//! The manual page, made of the table (F6): in the `man` macros of roff, which both groff and mandoc
//! read. It is plain ASCII, has no date, and is the same for the same program.

use std::fmt::Write as _;

use super::completions::one_line;
use super::{help, title};
use crate::flags::table::{Entry, Table};
use crate::flags::value::Arity;

/// What the exit codes of `Group::main` mean.
const EXIT_CODES: [(&str, &str); 4] = [
    ("0", "The end was asked for: by a signal, by a request, or because all was done."),
    ("1", "A part of the program failed, or did not stop in time."),
    ("2", "A flag, an environment variable or a setting is wrong. All that is wrong was printed."),
    ("128+n", "Signal number n came when the program was stopping because of another signal."),
];

/// The whole page. Writing to a `String` cannot fail, hence the `let _`.
pub(in crate::flags) fn page(table: &Table) -> String {
    let program = &table.program;
    let name = one_line(&program.name);
    let heading = roff(&name.to_uppercase());
    let source = match &program.version {
        Some(version) => roff(&one_line(&format!("{name} {version}"))),
        None => roff(&name),
    };
    let mut page = format!(".TH \"{heading}\" 1 \"\" \"{source}\" \"User Commands\"\n");
    // Neither hyphens nor blanks that are not there: what is read is copied.
    page.push_str(".nh\n.ad l\n.SH NAME\n");
    let about = program.about.as_deref().unwrap_or_default();
    match &*one_line(about) {
        "" => line(&mut page, &roff(&name)),
        about => {
            let about = roff(about.trim_end_matches('.'));
            line(&mut page, &format!("{} \\- {about}", roff(&name)));
        }
    }
    page.push_str(".SH SYNOPSIS\n");
    line(&mut page, &synopsis(table));
    if !about.is_empty() {
        page.push_str(".SH DESCRIPTION\n");
        text(&mut page, about, ".PP");
    }
    page.push_str(".SH OPTIONS\n");
    for index in table.sections_shown() {
        let entries: Vec<&Entry> = shown(table, index).collect();
        if !entries.is_empty() {
            let _ = writeln!(page, ".SS \"{}\"", roff(&one_line(title(&table.sections[index]))));
            for entry in entries {
                option(&mut page, entry);
            }
        }
    }
    environment(&mut page, table);
    notations(&mut page, table);
    page.push_str(".SH EXIT STATUS\n");
    for (code, meaning) in EXIT_CODES {
        let _ = write!(page, ".TP\n.B {code}\n{meaning}\n");
    }
    page
}

fn shown(table: &Table, section: usize) -> impl Iterator<Item = &Entry> {
    table.entries.iter().filter(move |entry| help::is_shown(entry, section))
}

/// The shown flags of all sections.
fn all_shown(table: &Table) -> impl Iterator<Item = &Entry> {
    table.sections_shown().flat_map(|index| shown(table, index))
}

fn synopsis(table: &Table) -> String {
    let mut synopsis = format!("\\fB{}\\fR", roff(&one_line(&table.program.name)));
    for entry in all_shown(table).filter(|entry| entry.flag.is_required()) {
        if !entry.definition().is_positional() {
            // Of a secret the flag that names its file, as in the help.
            let entry = entry.secret_file().map_or(entry, |file| &table.entries[file]);
            let _ = write!(synopsis, " {}{}", long(entry), value(entry));
        }
    }
    synopsis.push_str(" [\\fIFLAGS\\fR]");
    for index in &table.positional {
        let entry = &table.entries[*index];
        let value = value(entry);
        let _ = if entry.flag.is_required() {
            write!(synopsis, "{value}")
        } else {
            write!(synopsis, " [{}]", value.trim_start())
        };
    }
    synopsis
}

fn option(page: &mut String, entry: &Entry) {
    page.push_str(".TP\n");
    let value = value(entry);
    let tag = match entry.definition().short {
        _ if entry.definition().is_positional() => value.trim_start().to_owned(),
        Some(short) => format!("\\fB\\-{short}\\fR, {}{value}", long(entry)),
        None => format!("{}{value}", long(entry)),
    };
    line(page, &tag);
    text(page, &entry.definition().help, ".IP");
    let notes = notes(entry);
    if !notes.is_empty() {
        if !entry.definition().help.trim().is_empty() {
            page.push_str(".IP\n");
        }
        text(page, &notes.join("\n"), ".IP");
    }
}

/// What is to be said of a flag beside its text, a line for each.
fn notes(entry: &Entry) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(instead) = &entry.definition().extras().deprecated {
        notes.push(format!("Deprecated: {instead}"));
    }
    if entry.flag.is_required() {
        notes.push("Required".to_owned());
    }
    if entry.arity == Arity::Many {
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

/// `--listen` in bold.
fn long(entry: &Entry) -> String {
    format!("\\fB\\-\\-{}\\fR", roff(&entry.full_name))
}

/// ` ADDR` in italics, with the blank before it; nothing for a switch.
fn value(entry: &Entry) -> String {
    let name = || roff(&one_line(&entry.flag.value_name()));
    match entry.arity {
        Arity::Switch => String::new(),
        Arity::One => format!(" \\fI{}\\fR", name()),
        Arity::Many => format!(" \\fI{}\\fR...", name()),
    }
}

fn environment(page: &mut String, table: &Table) {
    let entries = || all_shown(table).filter(|entry| !entry.variables.is_empty());
    if entries().next().is_none() {
        return;
    }
    page.push_str(".SH ENVIRONMENT\n");
    page.push_str(
        "A flag that is not on the command line is read from the first of its variables that is \
                   set and not empty.\n",
    );
    if entries().any(|entry| entry.arity == Arity::Many) {
        page.push_str("Where a flag may be given several times, commas separate the values.\n");
    }
    for entry in entries() {
        let variables =
            entry.variables.iter().map(|name| format!("\\fB{}\\fR", roff(&one_line(name))));
        page.push_str(".TP\n");
        line(page, &variables.collect::<Vec<_>>().join(", "));
        line(page, &format!("{}{}", long(entry), value(entry)));
    }
}

/// How values are written, for each type once, under all the names that its values go by.
fn notations(page: &mut String, table: &Table) {
    let notations = super::notations(all_shown(table));
    if !notations.is_empty() {
        page.push_str(".SH NOTATION\n");
    }
    for (notation, names) in notations {
        page.push_str(".TP\n");
        let names = names.iter().map(|name| format!("\\fI{}\\fR", roff(&one_line(name))));
        line(page, &names.collect::<Vec<_>>().join(", "));
        text(page, notation, ".IP");
    }
}

/// Paragraphs of text, their line breaks kept.
fn text(page: &mut String, text: &str, new_paragraph: &str) {
    let mut before = None;
    for words in text.trim().lines().map(|line| one_line(line.trim())) {
        match before {
            Some(true) if words.is_empty() => {}
            Some(_) if words.is_empty() => {
                let _ = writeln!(page, "{new_paragraph}");
            }
            Some(false) => page.push_str(".br\n"),
            Some(true) | None => {}
        }
        before = Some(words.is_empty());
        if !words.is_empty() {
            line(page, &roff(&words));
        }
    }
}

/// A line of text that was made fit for roff. One that starts with a dot would be a request.
fn line(page: &mut String, text: &str) {
    let guard = if text.starts_with('.') { "\\&" } else { "" };
    let _ = writeln!(page, "{guard}{text}");
}

/// Text as roff prints it, letter by letter: a `-` would else become a hyphen, a `'` curly or, at
/// the start of a line, a request, and a `"` end an argument.
fn roff(text: &str) -> String {
    let mut roff = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        match letter {
            '\\' => roff.push_str("\\(rs"),
            '-' => roff.push_str("\\-"),
            '\'' => roff.push_str("\\(aq"),
            '`' => roff.push_str("\\(ga"),
            '"' => roff.push_str("\\(dq"),
            '^' => roff.push_str("\\(ha"),
            '~' => roff.push_str("\\(ti"),
            ' '..='~' => roff.push(letter),
            _ => {
                let _ = write!(roff, "\\[u{:04X}]", u32::from(letter));
            }
        }
    }
    roff
}

//! `--print-config` (F6): all settings in effect, as a file that `--config` reads back to the same.

use std::fmt::Write as _;

use super::{first_line, title};
use crate::flags::definition::Given;
use crate::flags::source::{Source, printable};
use crate::flags::table::{Entry, Table};
use crate::flags::value::{Arity, ValueKind};

/// The whole file. Writing to a `String` cannot fail, hence the `let _`.
pub(in crate::flags) fn file(table: &Table) -> String {
    let name = printable(table.program.name.as_ref());
    let mut file = format!("# All settings of {name} in effect, for --config.\n");
    for section in table.sections_shown() {
        let entries = table.entries.iter().filter(|entry| entry.section == section);
        let mut entries = entries.filter(|entry| is_shown(entry)).peekable();
        if entries.peek().is_some() {
            let _ = write!(file, "\n# {}\n", printable(title(&table.sections[section]).as_ref()));
        }
        for entry in entries {
            setting(&mut file, table, entry);
        }
    }
    file
}

/// What is for the command line alone is not; nor is what is hidden or deprecated, unless somebody
/// set it. An argument that is given by its place is there for who reads, as a comment.
fn is_shown(entry: &Entry) -> bool {
    let definition = entry.definition();
    let is_out_of_sight = definition.hidden || definition.extras().deprecated.is_some();
    matches!(entry.given, Given::ByName | Given::ByPlace)
        && !entry.repeated
        && !(is_out_of_sight && entry.flag.source() == Source::Default)
}

fn setting(file: &mut String, table: &Table, entry: &Entry) {
    let definition = entry.definition();
    let help = first_line(entry);
    if !help.is_empty() {
        let _ = write!(file, "\n# {}", printable(help.as_ref()));
    }
    let key = key(definition.full_name());
    let source = printable(entry.flag.source().to_string().as_ref());
    let _ = match value(table, entry) {
        Ok(value) if entry.given == Given::ByPlace => {
            writeln!(file, "\n# {}: {value} ({source})", definition.full_name())
        }
        Ok(value) => writeln!(file, "\n{key} = {value} # {source}"),
        Err(why) => writeln!(file, "\n# {key}: {why} ({source})"),
    };
}

/// The value in TOML, or why it does not stand there.
fn value(table: &Table, entry: &Entry) -> Result<String, &'static str> {
    if entry.definition().secret {
        return Err("a secret, not shown");
    }
    // A file that is named though the secret was given otherwise: read back, it would be used.
    let secret = table.secret_in(entry).map(|secret| secret.flag.source());
    let is_used = secret.is_none_or(|source| matches!(source, Source::SecretFile { .. }));
    if !is_used && entry.flag.source() != Source::Default {
        return Err("not used");
    }
    let args = entry.flag.present_args().unwrap_or_default();
    let texts: Option<Vec<&str>> = args.iter().map(|arg| arg.to_str()).collect();
    let texts = texts.ok_or("not UTF-8, which a file cannot hold")?;
    match (entry.arity, texts.as_slice()) {
        (_, []) if entry.flag.source() == Source::Default => Err("not set"),
        (Arity::Many, texts) => {
            let items: Vec<String> = texts.iter().map(|text| scalar(entry, text)).collect();
            Ok(format!("[{}]", items.join(", ")))
        }
        (Arity::Switch | Arity::One, texts) => {
            texts.last().map(|text| scalar(entry, text)).ok_or("not set")
        }
    }
}

/// One value: bare where it reads back as the same text, else in quotes.
fn scalar(entry: &Entry, text: &str) -> String {
    let is_bare = match (entry.arity, entry.flag.kind()) {
        (Arity::Switch, _) => text == "true" || text == "false",
        (_, ValueKind::Number) => is_number(text),
        _ => false,
    };
    if is_bare { text.to_owned() } else { quoted(text) }
}

/// Whether TOML has it as a number: `-12`, `0.5`; what is too large for everybody's is not.
fn is_number(text: &str) -> bool {
    let is_whole = |text: &str| text.parse::<i64>().is_ok_and(|number| number.to_string() == text);
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    let is_fraction = |(whole, rest): (&str, &str)| is_whole(whole) && are_digits(rest);
    is_whole(text) || text.split_once('.').is_some_and(is_fraction)
}

/// A name that has `.` in it is one key only in quotes.
fn key(name: &str) -> String {
    if name.contains('.') { quoted(name) } else { name.to_owned() }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            letter if letter.is_control() => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(letter));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

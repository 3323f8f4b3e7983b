//! Completions for shells, made of the table (F6). Here is what all of them need of a flag, and
//! what is left out for all; how a shell is told is in a file for each. Scripts know names, first
//! lines of help and listed values, so that completing runs no program.
//!
//! Texts are the program's, and may hold anything: whatever goes into a script is quoted for its
//! shell, and has no control characters.

mod bash;
mod fish;
mod zsh;

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::flag_value;
use crate::flags::table::{Entry, Table};
use crate::flags::value::{Arity, ValueKind};

/// A shell that there are completions for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::flags) enum Shell {
    Bash,
    Zsh,
    Fish,
}

flag_value!(Shell { "bash" => Shell::Bash, "zsh" => Shell::Zsh, "fish" => Shell::Fish });

/// The script for a shell.
pub(in crate::flags) fn script(table: &Table, shell: Shell) -> String {
    let program = &*table.program.name;
    let flags: Vec<Offer> = table.entries.iter().filter(|of| is_offered(of)).map(offer).collect();
    match shell {
        Shell::Bash => bash::script(program, &flags, takes_files(table)),
        Shell::Zsh => zsh::script(program, &flags, takes_files(table)),
        Shell::Fish => fish::script(program, &flags, takes_files(table)),
    }
}

/// A flag, as it is offered.
struct Offer<'a> {
    /// Without dashes.
    long: &'a str,
    short: Option<char>,
    /// The first line of its help.
    about: String,
    value: Value,
    /// What stands for the value.
    value_name: String,
    /// It may be given again.
    repeats: bool,
}

/// What a shell can offer for the value of a flag.
enum Value {
    /// There is none: `--help`.
    None,
    /// `--flag` alone, or `--flag=false`.
    Switch,
    Listed(Vec<&'static str>),
    Files,
    /// Anything: nothing is offered.
    Any,
}

fn is_offered(entry: &Entry) -> bool {
    let flag = entry.definition();
    !(entry.repeated || flag.hidden || flag.is_positional() || flag.extras().deprecated.is_some())
}

fn offer(entry: &Entry) -> Offer<'_> {
    let (flag, definition) = (&entry.flag, entry.definition());
    // A value with a control character can be given, but not on a line of offers.
    let listed = flag.choices().iter().filter(|value| !value.contains(char::is_control));
    let listed: Vec<&str> = listed.copied().collect();
    let value = match flag.arity() {
        Arity::Switch if entry.asks.is_some() => Value::None,
        Arity::Switch => Value::Switch,
        Arity::One | Arity::Many if !listed.is_empty() => Value::Listed(listed),
        Arity::One | Arity::Many if flag.kind() == ValueKind::Path => Value::Files,
        Arity::One | Arity::Many => Value::Any,
    };
    Offer {
        long: definition.full_name(),
        short: definition.short,
        about: one_line(&definition.help),
        value,
        value_name: one_line(&flag.value_name()),
        repeats: flag.arity() == Arity::Many,
    }
}

/// Whether an argument that belongs to no flag can be a file.
fn takes_files(table: &Table) -> bool {
    table.positional.iter().any(|index| table.entries[*index].flag.kind() == ValueKind::Path)
}

/// The first line of a text, without control characters.
pub(super) fn one_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.replace(char::is_control, " ").trim().to_owned()
}

/// The name of the script's function: the program's, with all that is no letter or digit written in
/// hexadecimal, so that two programs never share one.
fn function(program: &str) -> String {
    let mut name = "_complete_".to_owned();
    for byte in program.bytes() {
        if byte.is_ascii_alphanumeric() {
            name.push(char::from(byte));
        } else {
            let _ = write!(name, "_{byte:02x}");
        }
    }
    name
}

/// Quoted for bash and zsh.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The text, each of these characters behind a backslash, and the backslash too.
fn escaped<'a>(text: &'a str, characters: &[char]) -> Cow<'a, str> {
    let is_special = |letter: char| letter == '\\' || characters.contains(&letter);
    if !text.contains(is_special) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if is_special(letter) {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    Cow::Owned(escaped)
}

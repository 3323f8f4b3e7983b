//! The command line, read into values by flag (F5). The one file that knows `lexopt`. It does not
//! know what a value means, and sets none.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt as _; // a `=` can be found in any bytes

use lexopt::Arg;

use super::similar::{self, named};
use super::sources::Given;
use crate::error::{ConfigError, ConfigErrors};
use crate::flags::common::Ask;
#[cfg(feature = "completions")]
use crate::flags::definition;
use crate::flags::source::{Source, printable};
use crate::flags::table::Table;
use crate::flags::value::Arity;

/// What was on the command line.
#[derive(Default)]
pub(in crate::flags) struct Line {
    pub(in crate::flags) given: Given,
    /// Flags that were given without a value that they need, or with one that they do not take.
    pub(in crate::flags) faulty: Vec<usize>,
    /// There was a flag that is none: whatever follows may have been its value.
    pub(in crate::flags) has_unknown: bool,
    /// What is asked for instead of a run, and how.
    pub(in crate::flags) ask: Option<(Ask, Form)>,
    pub(in crate::flags) errors: ConfigErrors,
}

/// Which of its two names a flag was called by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::flags) enum Form {
    Long,
    Short,
}

/// Reads a whole command line, the program's name first. It goes on after a problem, so that all
/// of them are found.
pub(in crate::flags) fn read(table: &Table, args: Vec<OsString>) -> Line {
    let given = Given::none(table.entries.len());
    let mut reader = Reader {
        table,
        parser: lexopt::Parser::from_iter(args),
        line: Line { given, ..Line::default() },
        before: Before::Nothing,
        only_positionals: false,
        place: 0,
    };
    while reader.step() {}
    reader.line
}

/// What was read just before, where it changes what is said about the next.
#[derive(Clone, Copy)]
enum Before {
    Nothing,
    /// An unknown flag: what follows may be its value, so nothing is said about that.
    Unknown,
    /// A switch without a value, at this index.
    Switch(usize),
}

struct Reader<'a> {
    table: &'a Table,
    parser: lexopt::Parser,
    line: Line,
    before: Before,
    /// `--` was seen.
    only_positionals: bool,
    /// Which of the positional arguments is to come next.
    place: usize,
}

impl Reader<'_> {
    /// Reads one flag or positional argument. False at the end.
    fn step(&mut self) -> bool {
        let before = std::mem::replace(&mut self.before, Before::Nothing);
        if self.whole() {
            return true;
        }
        match self.parser.next() {
            Ok(None) => return false,
            Ok(Some(Arg::Long(name))) => unreachable!("'--{name}' is taken as a whole"),
            Ok(Some(Arg::Short(short))) => self.short(short),
            Ok(Some(Arg::Value(value))) => self.positional(value, before),
            // `-v=false`: lexopt gives out `v` first and stumbles over the value after it.
            Err(lexopt::Error::UnexpectedValue { value, .. }) => {
                if let Before::Switch(index) = before {
                    self.value(index, value);
                }
            }
            Err(error) => self.line.errors.push(error.to_string()),
        }
        true
    }

    /// Reads the next argument if it is a long flag, or lacks a dash to be one. Most of a line are
    /// long flags, and lexopt would make a text of each name, and a copy of what stands behind `=`.
    fn whole(&mut self) -> bool {
        let Some(mut ahead) = self.parser.try_raw_args() else { return false };
        let Some(arg) = ahead.peek().filter(|_| !self.only_positionals) else { return false };
        match arg.as_encoded_bytes() {
            b"--" => self.only_positionals = true,
            [b'-', b'-', ..] => {
                if let Some(arg) = ahead.next() {
                    self.long(arg);
                }
                return true;
            }
            [b'-', ..] => {
                if let Some(problem) = lacks_dash(self.table, arg) {
                    ahead.next();
                    self.unknown(problem, false);
                    return true;
                }
            }
            _ => {}
        }
        false
    }

    /// `--name` or `--name=value`.
    fn long(&mut self, arg: OsString) {
        let mut arg = arg.into_vec();
        let equals = arg.iter().position(|byte| *byte == b'=');
        let name = &arg[2..equals.unwrap_or(arg.len())];
        let Some(index) = self.table.long(name) else {
            let problem = unknown(self.table, &String::from_utf8_lossy(name));
            return self.unknown(problem, equals.is_some());
        };
        if let Some(equals) = equals {
            arg.drain(..=equals);
            self.value(index, OsString::from_vec(arg));
        } else {
            self.alone(index, Form::Long);
        }
    }

    fn short(&mut self, short: char) {
        if let Some(index) = self.table.short(short) {
            // Behind a switch, what follows in the argument is the next short name.
            let is_switch = self.table.entries[index].arity == Arity::Switch;
            match if is_switch { None } else { self.parser.optional_value() } {
                Some(value) => self.value(index, value),
                None => self.alone(index, Form::Short),
            }
        } else {
            let short = printable(OsStr::new(&short.to_string()));
            let has_value = self.parser.optional_value().is_some();
            self.unknown(ConfigError::new(format!("unknown flag '-{short}'")), has_value);
        }
    }

    fn unknown(&mut self, problem: ConfigError, has_value: bool) {
        self.line.errors.push(problem);
        // Its value, or the rest of the cluster: nobody knows which, so nothing is said about it.
        self.before = if has_value { Before::Nothing } else { Before::Unknown };
        self.line.has_unknown = true;
    }

    /// A flag without a value in the same argument.
    fn alone(&mut self, index: usize, form: Form) {
        let entry = &self.table.entries[index];
        match entry.arity {
            Arity::One | Arity::Many => self.value_ahead(index),
            Arity::Switch => {
                match entry.asks {
                    Some(ask) => self.ask(ask, form),
                    None => self.line.given.add(index, "true".into()),
                }
                self.before = Before::Switch(index);
            }
        }
    }

    /// Takes the next argument as the value, unless it is a flag: `--listen --verbose` lacks one.
    fn value_ahead(&mut self, index: usize) {
        let ahead = self.parser.try_raw_args();
        let ahead = ahead.and_then(|mut args| args.next_if(|arg| !is_flag(self.table, arg)));
        if let Some(value) = ahead {
            return self.value(index, value);
        }
        let definition = self.table.entries[index].definition();
        let mut problem = definition
            .problem_without_value("needs a value")
            .of_value(None, Source::CommandLine.to_string());
        if let Some(ahead) =
            self.parser.try_raw_args().and_then(|args| Some(args.peek()?.to_owned()))
        {
            // Not what follows an `=`: it belongs to the other flag, which may be secret.
            let ahead = printable(&ahead);
            let (name, flag) =
                (definition.full_name(), ahead.split('=').next().unwrap_or_default());
            problem = problem.tip(format!("if '{flag}' is the value, write '--{name}={flag}'"));
        }
        self.fault(index, problem);
    }

    fn value(&mut self, index: usize, value: OsString) {
        let entry = &self.table.entries[index];
        #[cfg(feature = "completions")]
        if entry.given == definition::Given::OnCommandLine
            && let Some(ask) = self.table.common.asks_with(&entry.full_name, &value)
        {
            self.ask(ask, Form::Long);
        }
        if entry.asks.is_some() {
            let problem = entry.definition().problem_without_value("takes no value");
            self.fault(index, problem);
        } else {
            self.line.given.add(index, value);
        }
    }

    fn ask(&mut self, ask: Ask, form: Form) {
        if self.line.ask.is_none_or(|(before, _)| ask.rank() < before.rank()) {
            self.line.ask = Some((ask, form));
        }
    }

    fn fault(&mut self, index: usize, problem: ConfigError) {
        let unit = self.table.units(&self.table.entries[index]).next();
        self.line.errors.push(match unit {
            Some(unit) => problem.of_unit(unit),
            None => problem,
        });
        self.line.faulty.push(index);
    }

    fn positional(&mut self, value: OsString, before: Before) {
        if matches!(before, Before::Unknown) {
            return; // its value, most likely, and perhaps a secret
        }
        if let Some(index) = self.table.positional.get(self.place) {
            if self.table.entries[*index].arity == Arity::One {
                self.place += 1;
            }
            self.line.given.add(*index, value);
            return;
        }
        let problem = ConfigError::new(format!("unexpected argument '{}'", printable(&value)));
        self.line.errors.push(match before {
            Before::Switch(index) if value == "true" || value == "false" => {
                let name = &*self.table.entries[index].full_name;
                problem.tip(format!("write '--{name}={}'", printable(&value)))
            }
            Before::Switch(_) | Before::Unknown | Before::Nothing => problem,
        });
    }
}

/// Refuses `-listen` where `--listen` is meant. As a cluster it could even be valid, `-l` with the
/// value `isten`, and silently mean that; `-l=isten` says it if it is wanted.
fn lacks_dash(table: &Table, arg: &OsStr) -> Option<ConfigError> {
    let arg = arg.to_string_lossy();
    let name = arg[1..].split('=').next().unwrap_or_default();
    let is_meant = name.chars().count() >= 2 && table.long(name).is_some();
    is_meant.then(|| {
        ConfigError::new(format!("unknown flag '-{name}'"))
            .tip(format!("a long flag has two dashes: '--{name}'"))
    })
}

/// Whether an argument is one of the flags, and so not the value of another.
fn is_flag(table: &Table, arg: &OsStr) -> bool {
    if arg.as_encoded_bytes().first() != Some(&b'-') {
        return false;
    }
    let arg = arg.to_string_lossy();
    if let Some(long) = arg.strip_prefix("--") {
        let name = long.split('=').next().unwrap_or(long);
        return long.is_empty() || table.long(name).is_some();
    }
    let mut letters = arg.strip_prefix('-').unwrap_or_default().chars();
    match (letters.next(), letters.next()) {
        (Some(short), None) => table.short(short).is_some(),
        _ => false,
    }
}

/// `unknown flag '--max-con'`, with the flag that is probably meant.
fn unknown(table: &Table, name: &str) -> ConfigError {
    if let Some(gone) = table.removed(name) {
        return table.problem_of_removed(gone, &Source::CommandLine);
    }
    let problem = ConfigError::new(format!("unknown flag '--{}'", named(name)));
    let switch = name.strip_prefix("no-").filter(|rest| {
        table.long(rest).is_some_and(|index| table.entries[index].arity == Arity::Switch)
    });
    if let Some(switch) = switch {
        return problem.tip(format!("write '--{switch}=false'"));
    }
    match similar::tip("flag", "--", table.names(), name) {
        Some(tip) => problem.tip(tip),
        None => problem,
    }
}

//! Tests of the flags as a group uses them: units hand in sets, a command line and an environment
//! are read. By subject; what they share is here.

mod asking;
mod bytes;
mod clashes;
mod command_line;
#[cfg(feature = "completions")]
mod completions;
mod durations;
mod embedding;
mod environment;
mod errors;
#[cfg(feature = "config-file")]
mod file;
mod handle;
mod help;
mod positional;
#[cfg(feature = "config-file")]
mod precedence;
#[cfg(feature = "config-file")]
mod print_config;
mod reload;
mod removed;
mod scratch;
mod secrets;
mod texts;
mod values;

use std::ffi::OsString;

use super::{Definitions, FlagSet, Parsed, Program, Settings, Table};

/// The table of a program `kvd` with these units.
fn table(sets: impl IntoIterator<Item = (&'static str, FlagSet)>) -> Table {
    table_of(Program::new("kvd"), sets).expect("the definitions are in order")
}

fn table_of(
    program: Program,
    sets: impl IntoIterator<Item = (&'static str, FlagSet)>,
) -> Result<Table, crate::ConfigErrors> {
    let mut definitions = Definitions::new(program, 0);
    for (unit, set) in sets {
        definitions.add(unit.into(), set);
    }
    definitions.into_table()
}

fn program_with_env() -> Program {
    Program { env_prefix: Some("KVD".to_owned()), ..Program::new("kvd") }
}

/// Parses what comes after the program's name, in an empty environment.
fn parse(table: &Table, args: &[&str]) -> Settings {
    parse_with(table, args, &[])
}

fn parse_with(table: &Table, args: &[&str], env: &[(&str, &str)]) -> Settings {
    match ask_with(table, args.iter().map(OsString::from), env) {
        Parsed::Settings(settings) => *settings,
        Parsed::Exit(exit) => panic!("help or version instead of settings: {exit:?}"),
        Parsed::ShowUnits => panic!("the list of units instead of settings"),
    }
}

fn ask_with(
    table: &Table,
    args: impl IntoIterator<Item = OsString>,
    env: &[(&str, &str)],
) -> Parsed {
    let args = std::iter::once("kvd".into()).chain(args).collect();
    let env = |name: &str| {
        let found = env.iter().find(|(variable, _)| *variable == name);
        found.map(|(_, value)| OsString::from(value))
    };
    table.parse(args, &env)
}

/// The only problem, as text.
fn only_error(settings: &Settings) -> String {
    assert_eq!(settings.errors.as_slice().len(), 1, "{}", settings.errors);
    settings.errors.to_string()
}

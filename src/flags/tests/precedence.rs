//! F4: command line over environment over file over default, for every combination of them, over
//! 100 flags of 10 units; and `source()` says which.

use std::fmt::Write as _;

use super::scratch::Scratch;
use super::{parse_with, program_with_env, table_of};
use crate::{Flag, FlagSet, Source};

const UNITS: usize = 10;
const FLAGS: usize = 10;

/// Which of the sources give a flag.
#[derive(Clone, Copy)]
struct Given {
    line: bool,
    env: bool,
    file: bool,
}

/// All eight combinations.
fn combinations() -> impl Iterator<Item = Given> + Clone {
    (0..8).map(|bits| Given { line: bits & 4 > 0, env: bits & 2 > 0, file: bits & 1 > 0 })
}

/// The documented winner, as value and source.
fn winner(given: Given, variable: &str, file: &Scratch, line: usize) -> (&'static str, Source) {
    match given {
        Given { line: true, .. } => ("of the command line", Source::CommandLine),
        Given { env: true, .. } => ("of the environment", Source::environment(variable)),
        Given { file: true, .. } => ("of the file", Source::file(file.path(), line)),
        Given { .. } => ("of the program", Source::Default),
    }
}

/// Flag k of the hundred is given by combination (k + shift) mod 8, so that over eight shifts every
/// flag has every combination, beside others that have others.
#[test]
fn f4_of_a_hundred_flags_each_has_the_value_of_its_highest_source() {
    for shift in 0..8 {
        let given: Vec<Given> = combinations().cycle().skip(shift).take(UNITS * FLAGS).collect();
        let name = |k: usize| format!("unit{}-flag{}", k / FLAGS, k % FLAGS);
        let variable = |k: usize| format!("KVD_UNIT{}_FLAG{}", k / FLAGS, k % FLAGS);
        let flags: Vec<Flag<String>> = (0..UNITS * FLAGS)
            .map(|k| Flag::new(format!("flag{}", k % FLAGS), "of the program", ""))
            .collect();
        let names: Vec<String> = (0..UNITS).map(|unit| format!("unit{unit}")).collect();
        let units = flags.chunks(FLAGS).zip(&names).map(|(flags, name)| {
            let set = FlagSet::new("S").prefix(name.clone());
            (&*name.clone().leak(), flags.iter().fold(set, FlagSet::add))
        });
        let table = table_of(program_with_env(), units).unwrap();

        let mut toml = String::new();
        let mut lines = vec![0; UNITS * FLAGS];
        for (k, given) in given.iter().enumerate() {
            if k % FLAGS == 0 {
                writeln!(toml, "[unit{}]", k / FLAGS).unwrap();
            }
            if given.file {
                writeln!(toml, "flag{} = 'of the file'", k % FLAGS).unwrap();
                lines[k] = toml.lines().count();
            }
        }
        let file = Scratch::new(toml);
        let at = |keep: fn(&Given) -> bool| {
            given.iter().enumerate().filter(move |(_, given)| keep(given)).map(|(k, _)| k)
        };
        let mut args: Vec<String> = vec!["--config".to_owned(), file.text()];
        args.extend(at(|given| given.line).map(|k| format!("--{}=of the command line", name(k))));
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let variables: Vec<String> = at(|given| given.env).map(variable).collect();
        let env: Vec<(&str, &str)> =
            variables.iter().map(|name| (name.as_str(), "of the environment")).collect();

        let settings = parse_with(&table, &args, &env);
        assert!(settings.errors.is_empty(), "{}", settings.errors);
        for (k, flag) in flags.iter().enumerate() {
            let expected = winner(given[k], &variable(k), &file, lines[k]);
            assert_eq!((flag.get().as_str(), flag.source()), expected, "{} ({shift})", name(k));
        }
    }
}

/// What the program has set by itself (F8) yields to the command line alone.
#[test]
fn f8_what_the_program_sets_is_between_command_line_and_environment() {
    for given in combinations() {
        let flag = Flag::<String>::new("flag", "of the program", "");
        let table = table_of(program_with_env(), [("a", FlagSet::new("A").add(&flag))]).unwrap();
        table.flag_set().set("flag", "of etcd", Source::other("etcd")).unwrap();
        let file = Scratch::new(if given.file { "flag = 'of the file'" } else { "" });
        let path = file.text();
        let mut args = vec!["--config", &path];
        args.extend(given.line.then_some("--flag=of the command line"));
        let env = given.env.then_some(("KVD_FLAG", "of the environment"));
        parse_with(&table, &args, env.as_slice());
        let expected = if given.line {
            ("of the command line", Source::CommandLine)
        } else {
            ("of etcd", Source::other("etcd"))
        };
        assert_eq!((flag.get().as_str(), flag.source()), expected);
    }
}

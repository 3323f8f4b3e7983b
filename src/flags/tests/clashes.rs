//! F3: what cannot be told apart is an error that names both sides, before any value is read.

use super::{program_with_env, table_of};
use crate::flags::Program;
use crate::{Flag, FlagSet};

fn flag(name: &'static str) -> Flag<u32> {
    Flag::new(name, 0, "")
}

fn set(flag: &Flag<u32>) -> FlagSet {
    FlagSet::new("Set").add(flag)
}

/// The definition problems of units that have these sets.
fn problems(program: Program, sets: Vec<(&'static str, FlagSet)>) -> Vec<String> {
    match table_of(program, sets) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.as_slice().iter().map(ToString::to_string).collect(),
    }
}

fn plain(sets: Vec<(&'static str, FlagSet)>) -> Vec<String> {
    problems(Program::new("kvd"), sets)
}

// Fault 8 of the originals: the second flag of a name was dropped with a log line.
#[test]
fn f3_one_name_in_two_units_names_both() {
    let sets = vec![("a", set(&flag("listen"))), ("b", set(&flag("listen")))];
    assert_eq!(plain(sets), ["unit 'b': flag '--listen': unit 'a' has a flag of this name too"]);
    let twice = FlagSet::new("S").add(&flag("listen")).add(&flag("listen"));
    assert_eq!(
        plain(vec![("a", twice)]),
        ["unit 'a': flag '--listen': unit 'a' has another of this name"]
    );
}

#[test]
fn f3_prefixes_tell_flags_apart_and_can_bring_them_together() {
    let sets = vec![("a", set(&flag("max")).prefix("a")), ("b", set(&flag("max")).prefix("b"))];
    assert_eq!(plain(sets), [""; 0]);
    let sets = vec![("a", set(&flag("b-max"))), ("b", set(&flag("max")).prefix("b"))];
    assert_eq!(plain(sets), ["unit 'b': flag '--b-max': unit 'a' has a flag of this name too"]);
}

#[test]
fn f3_three_units_of_one_name_are_two_problems() {
    let sets = ["a", "b", "c"].map(|unit| (unit, set(&flag("x")))).into();
    assert_eq!(
        plain(sets),
        [
            "unit 'b': flag '--x': unit 'a' has a flag of this name too",
            "unit 'c': flag '--x': unit 'a' has a flag of this name too",
        ]
    );
}

#[test]
fn f3_the_same_handle_in_two_units_is_one_flag() {
    let shared = flag("listen").short('l').env("LISTEN");
    let sets = [("a", set(&shared)), ("b", set(&shared.clone()))];
    let table = table_of(program_with_env(), sets).unwrap();
    let settings = super::parse(&table, &["-l", "x"]);
    assert_eq!(
        super::only_error(&settings),
        "unit 'a': invalid value 'x' for '--listen' (command line): \
         not a whole number from 0 to 4294967295"
    );
    // Neither can be validated with a value that is not there.
    assert_eq!(settings.unusable.iter().collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn f3_a_problem_of_a_shared_handle_is_said_once() {
    let shared = flag("a b");
    assert_eq!(plain(vec![("a", set(&shared)), ("b", set(&shared))]).len(), 1);
}

#[test]
fn f3_one_handle_under_two_prefixes_names_both() {
    let shared = flag("max");
    let sets = vec![("a", set(&shared).prefix("one")), ("b", set(&shared).prefix("two"))];
    assert_eq!(
        plain(sets),
        ["unit 'b': flag '--one-max': unit 'a' has the same handle under another prefix"]
    );
    let shared = flag("max");
    let sets = vec![("a", set(&shared)), ("b", set(&shared).prefix("two"))];
    assert_eq!(plain(sets).len(), 1);
    // And again for a handle that an earlier table has taken up.
    assert_eq!(
        plain(vec![("c", set(&shared).prefix("three"))]),
        ["unit 'c': flag '--max': another group has the same handle under another prefix"]
    );
}

#[test]
fn f3_two_flags_of_one_short_name_name_both() {
    let sets = vec![("a", set(&flag("listen").short('l'))), ("b", set(&flag("level").short('l')))];
    assert_eq!(
        plain(sets),
        ["unit 'b': flag '--level': the short name '-l' is also that of '--listen' of unit 'a'"]
    );
}

#[test]
fn f3_two_flags_of_one_environment_variable_name_both() {
    let sets = || vec![("a", set(&flag("max.conns"))), ("b", set(&flag("max-conns")))];
    assert_eq!(
        problems(program_with_env(), sets()),
        ["unit 'b': flag '--max-conns': the environment variable KVD_MAX_CONNS is also that of \
          '--max.conns' of unit 'a'"]
    );
    assert_eq!(plain(sets()), [""; 0], "without a prefix there is no variable");
    let sets = vec![("a", set(&flag("a").env("X"))), ("b", set(&flag("b").env("X")))];
    assert_eq!(
        plain(sets),
        ["unit 'b': flag '--b': the environment variable X is also that of '--a' of unit 'a'"]
    );
    let own_is_the_same = vec![("a", set(&flag("a").env("KVD_A")))];
    assert_eq!(problems(program_with_env(), own_is_the_same), [""; 0]);
}

#[test]
fn f3_the_names_of_the_group_are_kept_also_those_not_in_use_yet() {
    for name in ["help", "version", "name", "config", "check", "print-config", "completions", "man"]
    {
        let expected = format!("unit 'a': flag '--{name}': the group keeps this name");
        assert_eq!(plain(vec![("a", set(&flag(name)))]), [expected]);
    }
    for short in ['h', 'V', 'n', 'c'] {
        let sets = vec![("a", set(&flag("x").short(short)))];
        let expected = format!("unit 'a': flag '--x': the group keeps the short name '-{short}'");
        assert_eq!(plain(sets), [expected]);
    }
    assert_eq!(plain(vec![("a", set(&flag("config")).prefix("a"))]), [""; 0]);
}

#[test]
fn f3_a_name_that_cannot_be_typed_is_a_problem_and_no_panic() {
    for name in ["", "x-", "a=b", "a b", "é", "a\n"] {
        let problems = plain(vec![("a", set(&flag(name)))]);
        assert_eq!(problems.len(), 1, "{name:?}");
        assert!(problems[0].contains("is no flag name"), "{problems:?}");
    }
    let problems = plain(vec![("a", set(&flag("--x")))]);
    let why = "is written without its dashes where it is defined";
    assert_eq!(problems, [format!("unit 'a': flag '----x': {why}")]);
    assert_eq!(plain(vec![("a", set(&flag("Max_conns.per-host2")))]), [""; 0]);
    assert_eq!(plain(vec![("a", set(&flag("x")).prefix("a b"))]).len(), 1);
    for short in ['-', '=', 'é', ' '] {
        let problems = plain(vec![("a", set(&flag("x").short(short)))]);
        assert_eq!(problems.len(), 1, "{short:?}");
    }
    for variable in ["", "A=B", "A\0"] {
        assert_eq!(plain(vec![("a", set(&flag("x").env(variable)))]).len(), 1, "{variable:?}");
    }
}

#[test]
fn f4_a_prefix_that_makes_no_variable_is_a_problem() {
    for prefix in ["", "A B", "A=", "1A", "É"] {
        let program = Program { env_prefix: Some(prefix.to_owned()), ..Program::new("kvd") };
        assert_eq!(problems(program, Vec::new()).len(), 1, "{prefix:?}");
    }
}

#[test]
fn f1_a_builder_that_comes_too_late_is_a_problem_and_no_panic() {
    let first = flag("x");
    let second = first.clone().short('x');
    assert_eq!(
        plain(vec![("a", set(&first))]),
        [
            "unit 'a': flag '--x': 'short' was called when the flag had been cloned or added to a set"
        ]
    );
    assert_eq!(second.name(), "x");
}

#[test]
fn f3_all_problems_come_at_once() {
    let bad = FlagSet::new("S").add(&flag("help")).add(&flag("a b")).add(&flag("x").short('h'));
    assert_eq!(plain(vec![("a", set(&flag("x"))), ("b", bad)]).len(), 4);
}

//! F4, F7: names that were flags once, and names that nearly are.

use super::{only_error, parse, parse_with, program_with_env, table, table_of};
use crate::flags::Program;
use crate::{Flag, FlagSet, Source};

fn set() -> FlagSet {
    FlagSet::new("Server").prefix("server").removed("max", "use --server-max-conns")
}

const GONE: &str = "was removed: use --server-max-conns";

#[test]
fn f7_whoever_gives_a_removed_flag_is_told_why_it_is_gone() {
    for args in [&["--server-max=8"][..], &["--server-max", "8"], &["--server-max"]] {
        assert_eq!(
            only_error(&parse(&table([("server", set())]), args)),
            format!("unit 'server': flag '--server-max' (command line): {GONE}")
        );
    }
}

#[test]
fn f4_so_is_whoever_has_its_variable() {
    let table = || table_of(program_with_env(), [("server", set())]).unwrap();
    let variable = |value| parse_with(&table(), &[], &[("KVD_SERVER_MAX", value)]);
    let source = "environment variable KVD_SERVER_MAX";
    assert_eq!(
        only_error(&variable("8")),
        format!("unit 'server': flag '--server-max' ({source}): {GONE}")
    );
    assert!(variable("").errors.is_empty(), "empty counts as unset");
}

#[test]
fn f8_so_is_a_program_that_sets_flags_by_itself() {
    let merged = table([("server", set())]).flag_set();
    for set in [set(), merged] {
        let error = set.set("server-max", "8", Source::other("etcd")).unwrap_err();
        assert_eq!(error.to_string(), format!("flag '--server-max' (etcd): {GONE}"));
    }
}

#[test]
fn f3_a_name_cannot_be_removed_and_there() {
    let flag = Flag::<u8>::new("max", 0, "");
    let again = FlagSet::new("Other").removed("server-max", "no reason");
    let has_it = FlagSet::new("Other").prefix("server").add(&flag);
    let problem = |other: FlagSet| {
        let units = [("server", set()), ("other", other)];
        table_of(Program::new("kvd"), units).err().unwrap().to_string()
    };
    assert_eq!(
        problem(has_it),
        "unit 'server': flag '--server-max': is said to be removed, and unit 'other' has it"
    );
    assert_eq!(
        problem(again),
        "unit 'other': flag '--server-max': unit 'server' says too that it is removed"
    );
}

#[test]
fn f7_the_tip_is_the_flag_that_was_meant() {
    let flags = ["max-conns", "max-memory", "listen", "log.level", "idle_time", "verbose"];
    let flags = flags.map(|name| Flag::<String>::new(name, "", ""));
    let secret = Flag::<String>::new("chaos-monkey", "", "").hidden();
    let set = flags.iter().fold(FlagSet::new("S").add(&secret), FlagSet::add);
    let table = table([("unit", set)]);
    for (typed, meant) in [
        ("max-con", Some("max-conns")),
        ("MAX_CONNS", Some("max-conns")),
        ("lisetn", Some("listen")),
        ("liste", Some("listen")),
        ("log-level", Some("log.level")),
        ("idle-time", Some("idle_time")),
        ("verb", Some("verbose")),
        ("vesrion", None),
        ("x", None),
        ("colour", None),
        ("chaos-monkeys", None), // hidden
    ] {
        let error = only_error(&parse(&table, &[&format!("--{typed}")]));
        let tip = meant.map(|name| format!("\n  tip: a similar flag exists: '--{name}'"));
        assert_eq!(error, format!("unknown flag '--{typed}'{}", tip.unwrap_or_default()));
    }
    let error = only_error(&parse(&table, &["--max"]));
    let tip = "similar flags exist: '--max-conns', '--max-memory'";
    assert_eq!(error, format!("unknown flag '--max'\n  tip: {tip}"));
}

#[test]
fn f4_a_removed_name_does_not_take_the_variable_of_a_flag_that_is_there() {
    for (flag, gone, variable) in [
        (Flag::new("max-conns", "", ""), "max_conns", "KVD_MAX_CONNS"),
        (Flag::new("log.level", "", ""), "log-level", "KVD_LOG_LEVEL"),
        (Flag::new("conns", "", "").env("KVD_MAX_CONNS"), "max-conns", "KVD_MAX_CONNS"),
    ] {
        let flag: Flag<String> = flag;
        let set = FlagSet::new("S").add(&flag).removed(gone, "use the other");
        let table = table_of(program_with_env(), [("unit", set)]).unwrap();
        let settings = parse_with(&table, &[], &[(variable, "8")]);
        assert!(settings.errors.is_empty(), "{gone}: {}", settings.errors);
        assert_eq!((flag.get().as_str(), flag.source()), ("8", Source::environment(variable)));
        // On a command line they are two names.
        let error = only_error(&parse(&table, &[&format!("--{gone}=8")]));
        assert!(error.ends_with("was removed: use the other"), "{error}");
    }
}

#[test]
fn f3_nor_that_of_the_file_with_a_secret() {
    let file = super::scratch::Scratch::new("hunter2");
    let flag = Flag::<String>::new("max", "", "").secret();
    let set = FlagSet::new("S").add(&flag).removed("max_file", "use --max-file");
    let table = table_of(program_with_env(), [("unit", set)]).unwrap();
    let settings = parse_with(&table, &[], &[("KVD_MAX_FILE", &file.text())]);
    assert!(settings.errors.is_empty(), "{}", settings.errors);
    assert_eq!(flag.get(), "hunter2");
}

#[test]
fn f3_a_removed_name_that_is_none_is_a_definition_error() {
    for name in ["--max", "-m", "", "help me!", "max-", "help", "config", "name", "print-config"] {
        let set = FlagSet::new("S").removed(name, "no reason");
        let problems = table_of(Program::new("kvd"), [("unit", set)]).err();
        let problems = problems.unwrap_or_else(|| panic!("'{name}' is taken")).to_string();
        assert!(problems.starts_with("unit 'unit': "), "{name}: {problems}");
        assert!(problems.contains(name), "{name}: {problems}");
        assert_eq!(problems.lines().count(), 1, "{problems}");
    }
}

#[test]
fn f5_a_removed_name_and_a_place_can_have_one_name() {
    let file = Flag::<String>::required("file", "").positional();
    let set = FlagSet::new("S").add(&file).removed("file", "give it as the argument");
    let table = table_of(program_with_env(), [("unit", set)]).unwrap();
    let settings = parse(&table, &["x"]);
    assert!(settings.errors.is_empty(), "{}", settings.errors);
    assert_eq!(file.get(), "x");
    assert_eq!(
        only_error(&parse(&table, &["--file=y", "x"])),
        "unit 'unit': flag '--file' (command line): was removed: give it as the argument"
    );
}

#[cfg(feature = "config-file")]
#[test]
fn f4_a_removed_name_with_a_dot_is_told_in_the_file_too() {
    for content in ["log.old = 1", "[log]\nold = 1", "\n'log.old' = 1"] {
        let file = super::scratch::Scratch::new(content);
        let set = FlagSet::new("S").removed("log.old", "it always is");
        let error = only_error(&parse(&table([("unit", set)]), &["--config", &file.text()]));
        assert!(error.starts_with("unit 'unit': flag '--log.old' ("), "{content:?}: {error}");
        assert!(error.ends_with("was removed: it always is"), "{content:?}: {error}");
    }
}

#[cfg(feature = "config-file")]
#[test]
fn f4_a_removed_name_does_not_take_the_key_of_a_flag_that_is_there() {
    let file = super::scratch::Scratch::new("log.level = 'debug'");
    let flag = Flag::<String>::new("log.level", "", "");
    let set = FlagSet::new("S").add(&flag).removed("log-level", "use --log.level");
    let settings = parse(&table([("unit", set)]), &["--config", &file.text()]);
    assert!(settings.errors.is_empty(), "{}", settings.errors);
    assert_eq!(flag.get(), "debug");
}

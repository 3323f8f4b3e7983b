//! F8: a program with a parser of its own goes through the flags of all units and sets them by
//! name, with a source.

use super::{parse_with, program_with_env, table_of};
use crate::flags::Table;
use crate::{Arity, Flag, FlagSet, Source};

struct Units {
    level: Flag<u8>,
    peers: Flag<Vec<String>>,
}

fn units() -> (Units, Table) {
    let units =
        Units { level: Flag::new("level", 1, ""), peers: Flag::new("peer", Vec::new(), "") };
    let log = FlagSet::new("Log").prefix("log").add(&units.level);
    let store = FlagSet::new("Store").add(&units.peers);
    let table = table_of(program_with_env(), [("log", log), ("store", store)]).unwrap();
    (units, table)
}

#[test]
fn f8_the_merged_set_has_the_full_names_and_no_common_flags() {
    let (_units, table) = units();
    let set = table.flag_set();
    let names: Vec<_> = set.flags().map(|flag| flag.name()).collect();
    assert_eq!(names, ["log-level", "peer"]);
    let arities: Vec<_> = set.flags().map(|flag| flag.arity()).collect();
    assert_eq!(arities, [Arity::One, Arity::Many]);
}

#[test]
fn f8_a_value_is_set_by_name_with_a_source() {
    let (units, table) = units();
    let set = table.flag_set();
    set.set("log-level", "7", Source::other("etcd /kvd/level")).unwrap();
    assert_eq!(
        (*units.level.get(), units.level.source().to_string()),
        (7, "etcd /kvd/level".into())
    );
    set.set_all("peer", ["a", "b,c"], Source::CommandLine).unwrap();
    assert_eq!(*units.peers.get(), ["a", "b,c"]);
    set.set("peer", "a,b", Source::environment("PEERS")).unwrap();
    assert_eq!(*units.peers.get(), ["a", "b"]);
}

#[test]
fn f8_what_is_wrong_is_an_error_and_changes_nothing() {
    let (units, table) = units();
    let set = table.flag_set();
    let error = set.set("level", "7", Source::CommandLine).unwrap_err();
    assert_eq!(error.to_string(), "unknown flag '--level'");
    let error = set.set("log-level", "300", Source::other("the file")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid value '300' for '--log-level' (the file): not a whole number from 0 to 255"
    );
    assert_eq!(units.level.source(), Source::Default);
}

#[test]
fn f8_what_the_program_has_set_yields_to_the_command_line_alone() {
    let (units, table) = units();
    table.flag_set().set("log-level", "7", Source::other("the program")).unwrap();
    parse_with(&table, &[], &[("KVD_LOG_LEVEL", "8")]);
    assert_eq!(*units.level.get(), 7);
    parse_with(&table, &["--log-level=9"], &[]);
    assert_eq!(*units.level.get(), 9);
}

#[test]
fn f8_a_set_that_no_group_has_taken_up_knows_its_names_too() {
    let flag = Flag::<u8>::new("level", 1, "");
    let set = FlagSet::new("S").prefix("log").add(&flag);
    assert!(set.set("level", "2", Source::CommandLine).is_err());
    set.set("log-level", "2", Source::CommandLine).unwrap();
    assert_eq!(*flag.get(), 2);
}

//! F6: help, version and the list of units are asked for on the command line, and win over
//! whatever else is wrong there.

use std::time::Duration;

use super::{ask_with, only_error, parse, parse_with, table, table_of};
use crate::flags::{Parsed, Program, Table};
use crate::{Bytes, Exit, Flag, FlagSet, flag_value};

fn exit(table: &Table, args: &[&str]) -> Exit {
    match ask_with(table, args.iter().map(Into::into), &[]) {
        Parsed::Exit(exit) => exit,
        Parsed::ShowUnits => panic!("the list of units instead of help or version"),
        Parsed::Settings(settings) => panic!("settings instead of help or version: {settings:?}"),
    }
}

enum Sync {
    Always,
    Never,
}

flag_value!(Sync { "always" => Sync::Always, "never" => Sync::Never });

fn program() -> Program {
    Program {
        version: Some("1.2.3".to_owned()),
        about: Some("A small store of keys and values.".to_owned()),
        env_prefix: Some("KVD".to_owned()),
        ..Program::new("kvd")
    }
}

fn full_table(program: Program) -> Table {
    let server = FlagSet::new("Server")
        .add(
            &Flag::<String>::new("listen", ":80", "Where to listen.\n\nA host and a port.")
                .short('l'),
        )
        .add(&Flag::<Vec<String>>::new("peer", Vec::new(), "Who to copy to.").value_name("HOST"))
        .add(&Flag::<String>::new("password", "hunter2", "For peers.").secret())
        .add(&Flag::<bool>::new("debug", false, "Not for you.").hidden());
    let store = FlagSet::new("Store")
        .prefix("store")
        .add(&Flag::<String>::required("data", "Where the data is kept."))
        .add(&Flag::new("memory", Bytes::mib(64), "How much memory to use."))
        .add(&Flag::new("sync", Sync::Always, "When to sync.").env("SYNC"))
        .add(&Flag::new("flush", Duration::from_secs(1), "").deprecated("use --store-sync"));
    table_of(program, [("server", server), ("store", store)]).unwrap()
}

#[test]
fn f6_the_help_tells_of_positional_arguments_where_the_program_takes_them() {
    let from = Flag::<String>::required("from", "Where to begin.").positional();
    let files = Flag::<Vec<String>>::new("files", [], "What to read.").value_name("FILE");
    let set = FlagSet::new("Input").add(&from).add(&files.positional());
    let help = exit(&table_of(Program::new("cat"), [("input", set)]).unwrap(), &["-h"]).stdout;
    assert!(help.starts_with("Usage: cat [FLAGS] <FROM> [FILE]...\n"), "{help}");
    assert!(help.contains("\n  <FROM>     Where to begin. [required]\n"), "{help}");
    assert!(help.contains("\n  <FILE>...  What to read.\n"), "{help}");
}

#[test]
fn f6_version_is_a_flag_where_the_program_has_one() {
    for form in ["--version", "-V"] {
        assert_eq!(exit(&full_table(program()), &[form]).stdout, "kvd 1.2.3\n");
    }
    assert_eq!(only_error(&parse(&table([]), &["--version"])), "unknown flag '--version'");
}

#[test]
fn f6_what_is_asked_for_wins_over_errors_anywhere_on_the_line() {
    let table = full_table(program());
    for args in [
        &["--store-memory=lots", "--help"][..],
        &["--help", "--unknown", "stray"],
        &["--store-data", "--help"],
        &["-h", "--version"],
    ] {
        assert!(exit(&table, args).stdout.contains("Usage: kvd"), "{args:?}");
    }
    assert_eq!(exit(&table, &["--version", "--help"]).stdout, "kvd 1.2.3\n");
    let asked = ask_with(&table, ["--what".into(), "--show-rungroup-units".into()], &[]);
    assert!(matches!(asked, Parsed::ShowUnits));
}

#[test]
fn f6_what_is_behind_two_dashes_asks_for_nothing() {
    let settings = parse(&table([]), &["--", "--help"]);
    assert_eq!(only_error(&settings), "unexpected argument '--help'");
}

#[test]
fn f6_the_environment_cannot_ask_for_help() {
    let table = table_of(program(), []).unwrap();
    let settings = parse_with(&table, &[], &[("KVD_HELP", "1"), ("KVD_SHOW_RUNGROUP_UNITS", "1")]);
    assert!(settings.errors.is_empty());
}

#[test]
fn f6_the_group_can_be_named_by_flag_and_environment() {
    let named = |args: &[&str], env: &[(&str, &str)]| {
        parse_with(&table_of(program(), []).unwrap(), args, env).name
    };
    assert_eq!(named(&[], &[]), None);
    assert_eq!(named(&["-n", "kvd-2"], &[("KVD_NAME", "kvd-3")]).as_deref(), Some("kvd-2"));
    assert_eq!(named(&[], &[("KVD_NAME", "kvd-3")]).as_deref(), Some("kvd-3"));
    let settings = parse(&table([]), &["--name=a/b"]);
    assert_eq!(
        only_error(&settings),
        "invalid value 'a/b' for '--name' (command line): a name cannot contain '/' or NUL"
    );
}

#[test]
fn f7_a_usage_exit_lists_all_problems_on_stderr_with_code_2() {
    let settings = parse(&table([]), &["--one", "--Name=x"]);
    let exit = Exit::usage("kvd", settings.errors.as_slice());
    assert_eq!((exit.code, exit.stdout.as_str()), (2, ""));
    let expected = "\
error: unknown flag '--one'
error: unknown flag '--Name'
  tip: a similar flag exists: '--name'
try 'kvd --help'
";
    assert_eq!(exit.stderr, expected);
    assert_eq!(exit.exit_code(), std::process::ExitCode::from(2));
}

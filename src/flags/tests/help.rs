//! F6: the help as its readers see it, for a table that has one of everything. The snapshots are
//! rewritten by `UPDATE_EXPECT=1 cargo test --lib help`; read what has changed.

#![allow(clippy::needless_raw_string_hashes)] // expect-test writes them

use std::path::PathBuf;
use std::time::Duration;

use expect_test::expect;

use super::{ask_with, table_of};
use crate::flags::{Parsed, Program, Table};
use crate::screen::Screen;
use crate::{Bytes, Flag, FlagSet, flag_value};

enum Sync {
    Always,
    EverySecond,
    Never,
}

flag_value!(Sync {
    "always" => Sync::Always,
    "every-second" => Sync::EverySecond,
    "never" => Sync::Never,
});

const ABOUT: &str = "A small store of keys and values, that clients of the usual kind can talk to.

What it has acknowledged is on the disk, as far as --store-sync goes. It keeps to the foreground: the \
service manager is to watch it.";

fn everything(screen: Screen) -> Table {
    let program = Program {
        version: Some("1.2.3".to_owned()),
        about: Some(ABOUT.to_owned()),
        env_prefix: Some("KVD".to_owned()),
        screen,
        ..Program::new("kvd")
    };
    table_of(program, [("server", server()), ("store", store()), ("peers", peers())]).unwrap()
}

fn server() -> FlagSet {
    FlagSet::new("Server")
        .add(&Flag::<std::net::SocketAddr>::new("listen", ([127, 0, 0, 1], 6380), "Where to listen.").short('l'))
        .add(&Flag::<u32>::new("max-connections", 1000, "How many at once.").short('m'))
        .add(&Flag::new(
            "idle",
            Duration::from_secs(90),
            "How long a connection may say nothing before it is closed, so that clients that have gone \
             away without a word do not add up.",
        ))
        .add(
            &Flag::new("drain", Duration::from_secs(5), "How long clients have for their answers.")
                .value_name("LIMIT"),
        )
        .add(&Flag::<bool>::new("debug", false, "Not for you.").hidden())
        .add(&Flag::new("hidden-size", Bytes::mib(1), "Not either.").value_name("NOT").hidden())
}

fn store() -> FlagSet {
    FlagSet::new("Store")
        .prefix("store")
        .add(&Flag::<PathBuf>::required("data-dir", "Where the data is kept.").short('d'))
        .add(&Flag::new("memory", Bytes::mib(64), "How much memory to use.").short('M'))
        .add(
            &Flag::new(
                "sync",
                Sync::EverySecond,
                "When to sync to the disk.\n\nIt is a matter of what a failing machine may take with \
                 it, and of how long a write may take:\n\n- always: nothing is lost, and every write \
                 waits for the disk, together with all that came in at the same time\n- every-second: \
                 as it says\n- never: left to the system\n\n    kvd --store-sync always  # as databases do\n\n\
                 A program that fails takes nothing with it.",
            )
            .env("KVD_SYNC"),
        )
        .add(
            &Flag::new("flush", Duration::from_secs(1), "How often.").deprecated("use --store-sync"),
        )
        .add(&Flag::<PathBuf>::new(
            "compaction-scratch-directory",
            "/var/lib/kvd/a directory with a long name/for what is on its way from the old file to the \
             new one",
            "Where compaction writes.",
        ))
        .add(&Flag::<Option<Bytes>>::new("limit", None, ""))
}

fn peers() -> FlagSet {
    FlagSet::new("")
        .add(&Flag::<Vec<String>>::new("peer", Vec::new(), "Who to copy to.").value_name("HOST"))
        .add(&Flag::<Vec<Bytes>>::new("step", vec![Bytes::kib(1), Bytes::kib(4)], "By how much."))
        .add(&Flag::<String>::new("password", "hunter2", "For peers.").secret())
        .add(&Flag::<String>::required("token", "From the operator.").secret())
        .add(&Flag::<PathBuf>::required("seed", "What to begin with.").positional())
        .add(&Flag::<Vec<Bytes>>::new("sizes", [], "And how.").value_name("AMOUNT").positional())
        .add(&Flag::<String>::new("motto", "", "値を保存するディレクトリ。 短い説明です。"))
}

fn help(form: &str, screen: Screen) -> String {
    match ask_with(&everything(screen), [form.into()], &[]) {
        Parsed::Exit(exit) => {
            assert_eq!((exit.code, &*exit.stderr), (0, ""));
            exit.stdout
        }
        _ => panic!("settings instead of help"),
    }
}

/// The help but for the common flags, which differ by the features that are on.
fn help_of_units(form: &str, screen: Screen) -> String {
    let help = help(form, screen);
    let (units, common) = help.split_once("\nCommon:\n").expect("a section");
    let end =
        common.find("\n\n'kvd").or_else(|| common.find("\n\nValues:")).expect("what is behind");
    format!("{units}\nCommon:\n  …{}", &common[end..])
}

fn wide(width: usize) -> Screen {
    Screen { width, colour: false }
}

#[test]
fn f6_the_short_help_has_a_line_for_each_flag_and_says_that_there_is_more() {
    expect![[r#"
        A small store of keys and values, that clients of the usual kind can talk to.

        Usage: kvd --store-data-dir <PATH> --token-file <FILE> [FLAGS] <SEED>
                   [AMOUNT]...

        Server:
          -l, --listen <ADDR>        Where to listen. [default: 127.0.0.1:6380]
          -m, --max-connections <N>  How many at once. [default: 1000]
              --idle <DURATION>      How long a connection may say nothing before it is
                                     closed, so that clients that have gone away without
                                     a word do not add up. [default: 1m30s]
              --drain <LIMIT>        How long clients have for their answers.
                                     [default: 5s]

        Store:
          -d, --store-data-dir <PATH>   Where the data is kept. [required]
          -M, --store-memory <SIZE>     How much memory to use. [default: 64MiB]
              --store-sync <VALUE>      When to sync to the disk.
                                        [default: every-second]
              --store-flush <DURATION>  How often. [deprecated: use --store-sync]
              --store-compaction-scratch-directory <PATH>
                                        Where compaction writes. [default:
                                        /var/lib/kvd/a directory with a long name/for
                                        what is on its way from the old file to the new
                                        one]
              --store-limit <SIZE>

        peers:
              --peer <HOST>...        Who to copy to.
              --step <SIZE>...        By how much. [default: 1KiB,4KiB]
              --password <TEXT>       For peers.
              --password-file <FILE>  Read --password from this file.
              --token <TEXT>          From the operator. [required]
              --token-file <FILE>     Read --token from this file.
          <SEED>                      What to begin with. [required]
          <AMOUNT>...                 And how.
              --motto <TEXT>          値を保存するディレクトリ。 短い説明です。

        Common:
          …

        'kvd --help' tells more.
    "#]]
    .assert_eq(&help_of_units("-h", Screen::PLAIN));
}

#[test]
fn f6_the_short_help_in_a_narrow_terminal_has_long_flags_on_a_line_of_their_own() {
    expect![[r#"
        A small store of keys and values, that
        clients of the usual kind can talk to.

        Usage: kvd --store-data-dir <PATH>
                   --token-file <FILE> [FLAGS]
                   <SEED> [AMOUNT]...

        Server:
          -l, --listen <ADDR>
                  Where to listen.
                  [default: 127.0.0.1:6380]
          -m, --max-connections <N>
                  How many at once.
                  [default: 1000]
              --idle <DURATION>
                  How long a connection may say
                  nothing before it is closed,
                  so that clients that have gone
                  away without a word do not add
                  up. [default: 1m30s]
              --drain <LIMIT>
                  How long clients have for
                  their answers. [default: 5s]

        Store:
          -d, --store-data-dir <PATH>
                  Where the data is kept.
                  [required]
          -M, --store-memory <SIZE>
                  How much memory to use.
                  [default: 64MiB]
              --store-sync <VALUE>
                  When to sync to the disk.
                  [default: every-second]
              --store-flush <DURATION>
                  How often.
                  [deprecated: use --store-sync]
              --store-compaction-scratch-directory <PATH>
                  Where compaction writes.
                  [default: /var/lib/kvd/a
                  directory with a long name/for
                  what is on its way from the
                  old file to the new one]
              --store-limit <SIZE>

        peers:
              --peer <HOST>...
                              Who to copy to.
              --step <SIZE>...
                              By how much.
                              [default:
                              1KiB,4KiB]
              --password <TEXT>
                              For peers.
              --password-file <FILE>
                              Read --password
                              from this file.
              --token <TEXT>  From the operator.
                              [required]
              --token-file <FILE>
                              Read --token from
                              this file.
          <SEED>              What to begin
                              with. [required]
          <AMOUNT>...         And how.
              --motto <TEXT>  値を保存するディレクトリ。
                              短い説明です。

        Common:
          …

        'kvd --help' tells more.
    "#]]
    .assert_eq(&help_of_units("-h", wide(40)));
}

#[test]
fn f6_the_long_help_tells_everything_but_secrets_and_hidden_flags() {
    expect![[r#"
        A small store of keys and values, that clients of the usual kind can talk to.

        What it has acknowledged is on the disk, as far as --store-sync goes. It keeps
        to the foreground: the service manager is to watch it.

        Usage: kvd --store-data-dir <PATH> --token-file <FILE> [FLAGS] <SEED>
                   [AMOUNT]...

        Server:
          -l, --listen <ADDR>
                  Where to listen.

                  [env: KVD_LISTEN] [default: 127.0.0.1:6380]

          -m, --max-connections <N>
                  How many at once.

                  [env: KVD_MAX_CONNECTIONS] [default: 1000]

              --idle <DURATION>
                  How long a connection may say nothing before it is closed, so that
                  clients that have gone away without a word do not add up.

                  [env: KVD_IDLE] [default: 1m30s]

              --drain <LIMIT>
                  How long clients have for their answers.

                  [env: KVD_DRAIN] [default: 5s]

        Store:
          -d, --store-data-dir <PATH>
                  Where the data is kept.

                  [required] [env: KVD_STORE_DATA_DIR]

          -M, --store-memory <SIZE>
                  How much memory to use.

                  [env: KVD_STORE_MEMORY] [default: 64MiB]

              --store-sync <VALUE>
                  When to sync to the disk.

                  It is a matter of what a failing machine may take with it, and of how
                  long a write may take:

                  - always: nothing is lost, and every write waits for the disk,
                    together with all that came in at the same time
                  - every-second: as it says
                  - never: left to the system

                      kvd --store-sync always  # as databases do

                  A program that fails takes nothing with it.

                  Possible values: always, every-second, never
                  [env: KVD_STORE_SYNC or KVD_SYNC] [default: every-second]

              --store-flush <DURATION>
                  How often.

                  [deprecated: use --store-sync] [env: KVD_STORE_FLUSH] [default: 1s]

              --store-compaction-scratch-directory <PATH>
                  Where compaction writes.

                  [env: KVD_STORE_COMPACTION_SCRATCH_DIRECTORY] [default: /var/lib/kvd/a
                  directory with a long name/for what is on its way from the old file to
                  the new one]

              --store-limit <SIZE>
                  [env: KVD_STORE_LIMIT]

        peers:
              --peer <HOST>...
                  Who to copy to.

                  [may be given several times] [env: KVD_PEER, separated by commas]

              --step <SIZE>...
                  By how much.

                  [may be given several times] [env: KVD_STEP, separated by commas]
                  [default: 1KiB,4KiB]

              --password <TEXT>
                  For peers.

                  [env: KVD_PASSWORD]

              --password-file <FILE>
                  Read --password from this file.

                  [env: KVD_PASSWORD_FILE]

              --token <TEXT>
                  From the operator.

                  [required] [env: KVD_TOKEN]

              --token-file <FILE>
                  Read --token from this file.

                  [env: KVD_TOKEN_FILE]

          <SEED>
                  What to begin with.

                  [required]

          <AMOUNT>...
                  And how.

                  [may be given several times]

              --motto <TEXT>
                  値を保存するディレクトリ。 短い説明です。

                  [env: KVD_MOTTO]

        Common:
          …

        Values:
          DURATION, LIMIT  numbers with units, the larger ones first, as 500ms, 1.5s or
                           1h30m; the units are d, h, m, s, ms, us and ns
          SIZE, AMOUNT     a number of bytes, or a number and a unit, as 64MiB or
                           1.5GiB; KB to EB are powers of 1000, KiB to EiB powers of
                           1024
    "#]]
    .assert_eq(&help_of_units("--help", Screen::PLAIN));
}

#[test]
fn f6_the_long_help_in_60_columns() {
    expect![[r#"
        A small store of keys and values, that clients of the usual
        kind can talk to.

        What it has acknowledged is on the disk, as far as
        --store-sync goes. It keeps to the foreground: the service
        manager is to watch it.

        Usage: kvd --store-data-dir <PATH> --token-file <FILE>
                   [FLAGS] <SEED> [AMOUNT]...

        Server:
          -l, --listen <ADDR>
                  Where to listen.

                  [env: KVD_LISTEN] [default: 127.0.0.1:6380]

          -m, --max-connections <N>
                  How many at once.

                  [env: KVD_MAX_CONNECTIONS] [default: 1000]

              --idle <DURATION>
                  How long a connection may say nothing before it is
                  closed, so that clients that have gone away
                  without a word do not add up.

                  [env: KVD_IDLE] [default: 1m30s]

              --drain <LIMIT>
                  How long clients have for their answers.

                  [env: KVD_DRAIN] [default: 5s]

        Store:
          -d, --store-data-dir <PATH>
                  Where the data is kept.

                  [required] [env: KVD_STORE_DATA_DIR]

          -M, --store-memory <SIZE>
                  How much memory to use.

                  [env: KVD_STORE_MEMORY] [default: 64MiB]

              --store-sync <VALUE>
                  When to sync to the disk.

                  It is a matter of what a failing machine may take
                  with it, and of how long a write may take:

                  - always: nothing is lost, and every write waits
                    for the disk, together with all that came in at
                    the same time
                  - every-second: as it says
                  - never: left to the system

                      kvd --store-sync always  # as databases do

                  A program that fails takes nothing with it.

                  Possible values: always, every-second, never
                  [env: KVD_STORE_SYNC or KVD_SYNC]
                  [default: every-second]

              --store-flush <DURATION>
                  How often.

                  [deprecated: use --store-sync]
                  [env: KVD_STORE_FLUSH] [default: 1s]

              --store-compaction-scratch-directory <PATH>
                  Where compaction writes.

                  [env: KVD_STORE_COMPACTION_SCRATCH_DIRECTORY]
                  [default: /var/lib/kvd/a directory with a long
                  name/for what is on its way from the old file to
                  the new one]

              --store-limit <SIZE>
                  [env: KVD_STORE_LIMIT]

        peers:
              --peer <HOST>...
                  Who to copy to.

                  [may be given several times]
                  [env: KVD_PEER, separated by commas]

              --step <SIZE>...
                  By how much.

                  [may be given several times]
                  [env: KVD_STEP, separated by commas]
                  [default: 1KiB,4KiB]

              --password <TEXT>
                  For peers.

                  [env: KVD_PASSWORD]

              --password-file <FILE>
                  Read --password from this file.

                  [env: KVD_PASSWORD_FILE]

              --token <TEXT>
                  From the operator.

                  [required] [env: KVD_TOKEN]

              --token-file <FILE>
                  Read --token from this file.

                  [env: KVD_TOKEN_FILE]

          <SEED>
                  What to begin with.

                  [required]

          <AMOUNT>...
                  And how.

                  [may be given several times]

              --motto <TEXT>
                  値を保存するディレクトリ。 短い説明です。

                  [env: KVD_MOTTO]

        Common:
          …

        Values:
          DURATION, LIMIT  numbers with units, the larger ones
                           first, as 500ms, 1.5s or 1h30m; the units
                           are d, h, m, s, ms, us and ns
          SIZE, AMOUNT     a number of bytes, or a number and a
                           unit, as 64MiB or 1.5GiB; KB to EB are
                           powers of 1000, KiB to EiB powers of 1024
    "#]]
    .assert_eq(&help_of_units("--help", wide(60)));
}

#[test]
fn f6_the_long_help_in_100_columns() {
    expect![[r#"
        A small store of keys and values, that clients of the usual kind can talk to.

        What it has acknowledged is on the disk, as far as --store-sync goes. It keeps to the foreground:
        the service manager is to watch it.

        Usage: kvd --store-data-dir <PATH> --token-file <FILE> [FLAGS] <SEED> [AMOUNT]...

        Server:
          -l, --listen <ADDR>
                  Where to listen.

                  [env: KVD_LISTEN] [default: 127.0.0.1:6380]

          -m, --max-connections <N>
                  How many at once.

                  [env: KVD_MAX_CONNECTIONS] [default: 1000]

              --idle <DURATION>
                  How long a connection may say nothing before it is closed, so that clients that have gone
                  away without a word do not add up.

                  [env: KVD_IDLE] [default: 1m30s]

              --drain <LIMIT>
                  How long clients have for their answers.

                  [env: KVD_DRAIN] [default: 5s]

        Store:
          -d, --store-data-dir <PATH>
                  Where the data is kept.

                  [required] [env: KVD_STORE_DATA_DIR]

          -M, --store-memory <SIZE>
                  How much memory to use.

                  [env: KVD_STORE_MEMORY] [default: 64MiB]

              --store-sync <VALUE>
                  When to sync to the disk.

                  It is a matter of what a failing machine may take with it, and of how long a write may
                  take:

                  - always: nothing is lost, and every write waits for the disk, together with all that came
                    in at the same time
                  - every-second: as it says
                  - never: left to the system

                      kvd --store-sync always  # as databases do

                  A program that fails takes nothing with it.

                  Possible values: always, every-second, never
                  [env: KVD_STORE_SYNC or KVD_SYNC] [default: every-second]

              --store-flush <DURATION>
                  How often.

                  [deprecated: use --store-sync] [env: KVD_STORE_FLUSH] [default: 1s]

              --store-compaction-scratch-directory <PATH>
                  Where compaction writes.

                  [env: KVD_STORE_COMPACTION_SCRATCH_DIRECTORY] [default: /var/lib/kvd/a directory with a
                  long name/for what is on its way from the old file to the new one]

              --store-limit <SIZE>
                  [env: KVD_STORE_LIMIT]

        peers:
              --peer <HOST>...
                  Who to copy to.

                  [may be given several times] [env: KVD_PEER, separated by commas]

              --step <SIZE>...
                  By how much.

                  [may be given several times] [env: KVD_STEP, separated by commas] [default: 1KiB,4KiB]

              --password <TEXT>
                  For peers.

                  [env: KVD_PASSWORD]

              --password-file <FILE>
                  Read --password from this file.

                  [env: KVD_PASSWORD_FILE]

              --token <TEXT>
                  From the operator.

                  [required] [env: KVD_TOKEN]

              --token-file <FILE>
                  Read --token from this file.

                  [env: KVD_TOKEN_FILE]

          <SEED>
                  What to begin with.

                  [required]

          <AMOUNT>...
                  And how.

                  [may be given several times]

              --motto <TEXT>
                  値を保存するディレクトリ。 短い説明です。

                  [env: KVD_MOTTO]

        Common:
          …

        Values:
          DURATION, LIMIT  numbers with units, the larger ones first, as 500ms, 1.5s or 1h30m; the units are
                           d, h, m, s, ms, us and ns
          SIZE, AMOUNT     a number of bytes, or a number and a unit, as 64MiB or 1.5GiB; KB to EB are
                           powers of 1000, KiB to EiB powers of 1024
    "#]].assert_eq(&help_of_units("--help", wide(100)));
}

#[test]
fn f6_the_common_flags_come_last() {
    let long = help("--help", Screen::PLAIN);
    let (_, common) = long.split_once("\nCommon:\n").expect("a section");
    let name = "  -n, --name <TEXT>
          The name to run under, in logs and reports.

          [env: KVD_NAME]
";
    assert!(common.starts_with(name), "{common}");
    let help = "
  -h, --help
          Print the flags; --help tells more than -h.

  -V, --version
          Print the version.
";
    assert!(common.contains(help), "no variable asks for help: {common}");
    assert!(!common.contains("show-rungroup-units"), "{common}");
}

#[test]
fn f6_headings_and_flags_stand_out_in_colour() {
    let long = help("--help", Screen { colour: true, ..Screen::PLAIN });
    let beginning = long.split_inclusive('\n').skip(5).take(5).collect::<String>();
    expect![[r#"
        ␛[1;4mUsage:␛[0m kvd --store-data-dir <PATH> --token-file <FILE> [FLAGS] <SEED>
                   [AMOUNT]...

        ␛[1;4mServer:␛[0m
          ␛[1m-l, --listen␛[0m <ADDR>
    "#]]
    .assert_eq(&beginning.replace('\x1b', "␛"));
}

#[test]
fn f6_colours_take_up_no_columns() {
    for form in ["-h", "--help"] {
        for width in [40, 60, 80, 100] {
            let plain = help(form, wide(width));
            let coloured = help(form, Screen { width, colour: true });
            assert_ne!(coloured, plain);
            assert_eq!(without_escapes(&coloured), plain);
        }
    }
}

/// Without what stands between an escape and its `m`.
fn without_escapes(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap_or_default();
    let rest = parts.map(|part| part.split_once('m').expect("an escape that ends").1);
    std::iter::once(first).chain(rest).collect()
}

#[test]
fn f6_the_help_keeps_to_its_width() {
    // What has no blank to break it at, and what its author has indented.
    let kept = [
        "--store-compaction-scratch-directory",
        "KVD_STORE_COMPACTION_SCRATCH_DIRECTORY",
        "    kvd --store-sync",
    ];
    for form in ["-h", "--help"] {
        for width in 40..=100 {
            let help = help(form, wide(width));
            let lines = || help.lines().filter(|line| !kept.iter().any(|text| line.contains(text)));
            let widest = lines().map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= width && widest + 8 > width, "{widest} of {width}:\n{help}");
            assert!(!lines().any(|line| line.ends_with(' ')), "{help}");
        }
    }
    assert_eq!(Program::new("kvd").screen, wide(80));
}

#[test]
fn f6_a_short_help_that_tells_everything_does_not_send_for_more() {
    let tells_more = |flag: &Flag<String>, about: &str, prefix: Option<&str>| {
        let program = Program {
            about: Some(about.to_owned()),
            env_prefix: prefix.map(str::to_owned),
            ..Program::new("kvd")
        };
        let table = table_of(program, [("unit", FlagSet::new("Unit").add(flag))]).unwrap();
        let Parsed::Exit(exit) = ask_with(&table, ["-h".into()], &[]) else { panic!("no help") };
        exit.stdout.ends_with("\n\n'kvd --help' tells more.\n")
    };
    let flag = |help: &'static str| Flag::<String>::new("user", "nobody", help);
    assert!(!tells_more(&flag("Who."), "What.", None));
    assert!(tells_more(&flag("Who.\n\nIn full."), "What.", None));
    assert!(tells_more(&flag("Who.").env("USER"), "What.", None));
    assert!(tells_more(&flag("Who."), "What.", Some("KVD")));
    assert!(tells_more(&flag("Who."), "What.\n\nIn full.", None));
    assert!(tells_more(&flag("Who.").deprecated("why"), "What.", None), "its default");
    assert!(!tells_more(&flag("Who.\n\nIn full.").hidden(), "What.", None));
}

#[test]
fn f6_a_unit_without_flags_to_show_has_no_section() {
    let hidden = Flag::<bool>::new("hidden", false, "Not for you.").hidden();
    let sets = [("empty", FlagSet::new("Empty")), ("all", FlagSet::new("Hidden").add(&hidden))];
    let table = table_of(Program::new("kvd"), sets).unwrap();
    let Parsed::Exit(exit) = ask_with(&table, ["--help".into()], &[]) else { panic!("no help") };
    assert!(exit.stdout.starts_with("Usage: kvd [FLAGS]\n\nCommon:\n"), "{}", exit.stdout);
    assert!(!exit.stdout.contains("Values:"), "{}", exit.stdout);
}

#[test]
fn f6_what_is_hidden_is_not_in_the_usage_line() {
    let chaos = Flag::<String>::required("chaos", "Chaos.").hidden();
    let data = Flag::<String>::required("data", "Data.");
    let file = Flag::<String>::required("file", "File.").positional();
    let other = Flag::<String>::new("other", "", "Other.").hidden().positional();
    let set = FlagSet::new("S").add(&chaos).add(&data).add(&file).add(&other);
    let table = table_of(Program::new("kvd"), [("unit", set)]).unwrap();
    for asked in ["-h", "--help"] {
        let Parsed::Exit(exit) = ask_with(&table, [asked.into()], &[]) else { panic!("{asked}") };
        let usage = exit.stdout.lines().find(|line| line.contains("kvd ")).unwrap();
        assert!(usage.contains("--data") && usage.contains("<FILE>"), "{usage}");
        for hidden in ["chaos", "CHAOS", "other", "OTHER"] {
            assert!(!exit.stdout.contains(hidden), "{hidden}: {}", exit.stdout);
        }
    }
}

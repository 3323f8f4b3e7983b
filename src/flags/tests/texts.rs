//! F7: every text that a user can be told, side by side, as it is printed.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use expect_test::{Expect, expect};

#[cfg(feature = "config-file")]
use super::scratch::Scratch;
use super::{ask_with, program_with_env, table_of};
use crate::flags::{Parsed, Program};
use crate::{Bytes, ConfigError, Exit, Flag, FlagSet, flag_value};

enum Sync {
    Always,
    Never,
}

flag_value!(Sync { "always" => Sync::Always, "never" => Sync::Never });

fn units() -> [(&'static str, FlagSet); 2] {
    let checked = |n: &u32| if *n > 0 { Ok(()) } else { Err("needs at least one") };
    let tipped = |n: &u16| match n {
        0 => Err(ConfigError::new("is not a port").tip("write 1 to 65535")),
        _ => Ok(()),
    };
    let server = FlagSet::new("Server")
        .add(&Flag::<SocketAddr>::new("listen", ([127, 0, 0, 1], 80), "").short('l'))
        .add(&Flag::<u32>::new("workers", 4, "").check(checked))
        .add(&Flag::<u16>::new("port", 1, "").check(tipped))
        .add(&Flag::new("verbose", false, "").short('v'))
        .add(&Flag::<f64>::new("ratio", 0.5, ""))
        .add(&Flag::<char>::new("mark", '#', ""))
        .add(&Flag::<Vec<u16>>::new("peer", [], ""))
        .add(&Flag::<u32>::new("pin", 0, "").secret())
        .add(&Flag::<Option<u8>>::new("file", None, "").positional())
        .removed("max", "use --workers");
    let store = FlagSet::new("Store")
        .prefix("store")
        .add(&Flag::<PathBuf>::required("data", "").value_name("DIR"))
        .add(&Flag::new("memory", Bytes::mib(64), ""))
        .add(&Flag::new("idle", Duration::ZERO, ""))
        .add(&Flag::new("sync", Sync::Always, ""));
    [("server", server), ("store", store)]
}

/// What is printed for command lines, one below the other.
fn told(lines: &[&str]) -> String {
    let mut told = String::new();
    for line in lines {
        let table = table_of(program_with_env(), units()).unwrap();
        let args = line.split_whitespace().map(Into::into);
        let Parsed::Settings(settings) = ask_with(&table, args, &[]) else { panic!("{line}") };
        let exit = Exit::usage("kvd", settings.errors.as_slice());
        assert_eq!(exit.code, 2);
        writeln!(told, "{}\n{}", format!("$ kvd {line}").trim_end(), exit.stderr).unwrap();
    }
    told
}

fn check(actual: &str, expected: &Expect) {
    expected.assert_eq(actual);
}

#[test]
fn f7_of_names_and_places() {
    check(
        &told(&[
            "--store-data=d --listn=x",
            "--store-data=d --store-memry 1MiB",
            "--store-data=d --LISTEN=x",
            "--store-data=d --no-such-thing",
            "--store-data=d --no-verbose",
            "--store-data=d -x",
            "--store-data=d -listen=x",
            "--store-data=d --max=8",
            "--store-data=d 1 2",
            "--store-data=d x",
            "--store-data=d --verbose=perhaps",
            "--store-data=d --check=now",
            "--listen --store-data=d",
            "--store-data",
            "",
        ]),
        &expect![[r"
            $ kvd --store-data=d --listn=x
            error: unknown flag '--listn'
              tip: a similar flag exists: '--listen'
            try 'kvd --help'

            $ kvd --store-data=d --store-memry 1MiB
            error: unknown flag '--store-memry'
              tip: a similar flag exists: '--store-memory'
            try 'kvd --help'

            $ kvd --store-data=d --LISTEN=x
            error: unknown flag '--LISTEN'
              tip: a similar flag exists: '--listen'
            try 'kvd --help'

            $ kvd --store-data=d --no-such-thing
            error: unknown flag '--no-such-thing'
            try 'kvd --help'

            $ kvd --store-data=d --no-verbose
            error: unknown flag '--no-verbose'
              tip: write '--verbose=false'
            try 'kvd --help'

            $ kvd --store-data=d -x
            error: unknown flag '-x'
            try 'kvd --help'

            $ kvd --store-data=d -listen=x
            error: unknown flag '-listen'
              tip: a long flag has two dashes: '--listen'
            try 'kvd --help'

            $ kvd --store-data=d --max=8
            error: unit 'server': flag '--max' (command line): was removed: use --workers
            try 'kvd --help'

            $ kvd --store-data=d 1 2
            error: unexpected argument '2'
            try 'kvd --help'

            $ kvd --store-data=d x
            error: unit 'server': invalid value 'x' for '<FILE>' (command line): not a whole number from 0 to 255
            try 'kvd --help'

            $ kvd --store-data=d --verbose=perhaps
            error: unit 'server': invalid value 'perhaps' for '--verbose' (command line): neither true nor false
            try 'kvd --help'

            $ kvd --store-data=d --check=now
            error: flag '--check': takes no value
            try 'kvd --help'

            $ kvd --listen --store-data=d
            error: unit 'server': flag '--listen' (command line): needs a value
              tip: if '--store-data' is the value, write '--listen=--store-data'
            try 'kvd --help'

            $ kvd --store-data
            error: unit 'store': flag '--store-data' (command line): needs a value
            try 'kvd --help'

            $ kvd
            error: unit 'store': flag '--store-data': is required
              tip: give '--store-data <DIR>', or set KVD_STORE_DATA
            try 'kvd --help'

        "]],
    );
}

#[test]
#[allow(clippy::too_many_lines)] // one list
fn f7_of_values() {
    check(
        &told(&[
            "--store-data=d --listen=localhost:80",
            "--store-data=d --workers=many --port=70000",
            "--store-data=d --workers=0 --port=0",
            "--store-data=d --ratio=half --mark=##",
            "--store-data=d --peer=1 --peer=x --peer=-1",
            "--store-data=d --pin=12a4",
            "--store-data=d --pin-file=/nonexistent/pin",
            "--store-data=d --pin=1 --pin-file=/nonexistent/pin",
            "--store-data=d --store-memory=lots",
            "--store-data=d --store-memory=12QB",
            "--store-data=d --store-memory=-1",
            "--store-data=d --store-memory=16EiB",
            "--store-data=d --store-memory=",
            "--store-data=d --store-idle=soon",
            "--store-data=d --store-idle=30",
            "--store-data=d --store-idle=1s1h",
            "--store-data=d --store-idle=1month",
            "--store-data=d --store-idle=-1s",
            "--store-data=d --store-idle=",
            "--store-data=d --store-sync=maybe",
            "--store-data=d --name= --name=a/b",
        ]),
        &expect![[r"
            $ kvd --store-data=d --listen=localhost:80
            error: unit 'server': invalid value 'localhost:80' for '--listen' (command line): not an IP address with a port
              tip: write 127.0.0.1:8080 or [::1]:8080; host names are not looked up
            try 'kvd --help'

            $ kvd --store-data=d --workers=many --port=70000
            error: unit 'server': invalid value 'many' for '--workers' (command line): not a whole number from 0 to 4294967295
            error: unit 'server': invalid value '70000' for '--port' (command line): not a whole number from 0 to 65535
            try 'kvd --help'

            $ kvd --store-data=d --workers=0 --port=0
            error: unit 'server': invalid value '0' for '--workers' (command line): needs at least one
            error: unit 'server': invalid value '0' for '--port' (command line): is not a port
              tip: write 1 to 65535
            try 'kvd --help'

            $ kvd --store-data=d --ratio=half --mark=##
            error: unit 'server': invalid value 'half' for '--ratio' (command line): not a number
            error: unit 'server': invalid value '##' for '--mark' (command line): not a single character
            try 'kvd --help'

            $ kvd --store-data=d --peer=1 --peer=x --peer=-1
            error: unit 'server': invalid value 'x' for '--peer' (command line): not a whole number from 0 to 65535
            error: unit 'server': invalid value '-1' for '--peer' (command line): not a whole number from 0 to 65535
            try 'kvd --help'

            $ kvd --store-data=d --pin=12a4
            error: unit 'server': flag '--pin' (command line): not valid (the reason would show the secret)
            try 'kvd --help'

            $ kvd --store-data=d --pin-file=/nonexistent/pin
            error: unit 'server': invalid value '/nonexistent/pin' for '--pin-file' (command line): cannot read it: No such file or directory (os error 2)
            try 'kvd --help'

            $ kvd --store-data=d --pin=1 --pin-file=/nonexistent/pin
            error: unit 'server': flag '--pin' (command line): is given, and so is '--pin-file' (command line)
            try 'kvd --help'

            $ kvd --store-data=d --store-memory=lots
            error: unit 'store': invalid value 'lots' for '--store-memory' (command line): not a number with a unit
              tip: write a number and a unit, as 64MiB
            try 'kvd --help'

            $ kvd --store-data=d --store-memory=12QB
            error: unit 'store': invalid value '12QB' for '--store-memory' (command line): unknown unit 'QB'
              tip: units are B, KB to EB (powers of 1000) and KiB to EiB (powers of 1024)
            try 'kvd --help'

            $ kvd --store-data=d --store-memory=-1
            error: unit 'store': invalid value '-1' for '--store-memory' (command line): a size cannot be negative
            try 'kvd --help'

            $ kvd --store-data=d --store-memory=16EiB
            error: unit 'store': invalid value '16EiB' for '--store-memory' (command line): too large: the most is 18446744073709551615 bytes
            try 'kvd --help'

            $ kvd --store-data=d --store-memory=
            error: unit 'store': invalid value '' for '--store-memory' (command line): no size given
              tip: write a number and a unit, as 64MiB
            try 'kvd --help'

            $ kvd --store-data=d --store-idle=soon
            error: unit 'store': invalid value 'soon' for '--store-idle' (command line): not a number with a unit
              tip: units are d, h, m, s, ms, us and ns, the larger ones first, as in 1h30m
            try 'kvd --help'

            $ kvd --store-data=d --store-idle=30
            error: unit 'store': invalid value '30' for '--store-idle' (command line): the unit is missing
              tip: write 30s for seconds, or 30ms for milliseconds
            try 'kvd --help'

            $ kvd --store-data=d --store-idle=1s1h
            error: unit 'store': invalid value '1s1h' for '--store-idle' (command line): 'h' is repeated or out of order
              tip: units are d, h, m, s, ms, us and ns, the larger ones first, as in 1h30m
            try 'kvd --help'

            $ kvd --store-data=d --store-idle=1month
            error: unit 'store': invalid value '1month' for '--store-idle' (command line): unknown unit 'month'
              tip: units are d, h, m, s, ms, us and ns, the larger ones first, as in 1h30m
            try 'kvd --help'

            $ kvd --store-data=d --store-idle=-1s
            error: unit 'store': invalid value '-1s' for '--store-idle' (command line): a duration cannot be negative
            try 'kvd --help'

            $ kvd --store-data=d --store-idle=
            error: unit 'store': invalid value '' for '--store-idle' (command line): no duration given
              tip: write a number and a unit, as 30s
            try 'kvd --help'

            $ kvd --store-data=d --store-sync=maybe
            error: unit 'store': invalid value 'maybe' for '--store-sync' (command line): not one of the possible values
              tip: possible values are always, never
            try 'kvd --help'

            $ kvd --store-data=d --name= --name=a/b
            error: invalid value 'a/b' for '--name' (command line): a name cannot contain '/' or NUL
            try 'kvd --help'

        "]],
    );
}

#[cfg(feature = "config-file")]
#[test]
fn f7_of_files() {
    let file = Scratch::new(
        "listn = 'x'\nhelp = true\nconfig = 'other'\nmax = 1\nworkers = [1]\nstore-memory = 'lots'\n\
         [store]\nmemory = 2\n",
    );
    let broken = Scratch::new("listen = x\nworkers = 1\nworkers = 2\n[store\n");
    let lists = Scratch::new("peer = [[1], { a = 1 }]\n");
    let bytes = Scratch::new(b"\n\xff");
    let files = [&file, &broken, &lists, &bytes];
    let lines = files.map(|file| format!("--store-data=d -c {}", file.text()));
    let mut lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    lines.extend(["--store-data=d -c /nonexistent/kvd.toml", "--config /nonexistent/kvd.toml"]);
    let mut told = told(&lines);
    for (file, name) in files.iter().zip(["kvd.toml", "broken.toml", "lists.toml", "bytes.toml"]) {
        told = told.replace(&file.text(), name);
    }
    check(
        &told,
        &expect![[r"
            $ kvd --store-data=d -c kvd.toml
            error: unknown key 'listn' (kvd.toml:1)
              tip: a similar key exists: 'listen'
            error: 'help' cannot stand in a file (kvd.toml:2)
            error: 'config' cannot stand in a file (kvd.toml:3)
            error: unit 'server': flag '--max' (kvd.toml:4): was removed: use --workers
            error: unit 'server': flag '--workers' (kvd.toml:5): takes one value, not a list
            error: unit 'store': flag '--store-memory' (kvd.toml:8): is given already (kvd.toml:6)
            error: unit 'store': invalid value 'lots' for '--store-memory' (kvd.toml:6): not a number with a unit
              tip: write a number and a unit, as 64MiB
            try 'kvd --help'

            $ kvd --store-data=d -c broken.toml
            error: string values must be quoted, expected literal string (broken.toml:1)
            error: duplicate key (broken.toml:3)
            error: unclosed table, expected `]` (broken.toml:4)
            try 'kvd --help'

            $ kvd --store-data=d -c lists.toml
            error: neither lists nor tables in a list (lists.toml:1)
            try 'kvd --help'

            $ kvd --store-data=d -c bytes.toml
            error: invalid value 'bytes.toml' for '--config' (command line): is not UTF-8 (line 2)
            try 'kvd --help'

            $ kvd --store-data=d -c /nonexistent/kvd.toml
            error: invalid value '/nonexistent/kvd.toml' for '--config' (command line): cannot read it: No such file or directory (os error 2)
            try 'kvd --help'

            $ kvd --config /nonexistent/kvd.toml
            error: invalid value '/nonexistent/kvd.toml' for '--config' (command line): cannot read it: No such file or directory (os error 2)
            try 'kvd --help'

        "]],
    );
}

#[test]
fn f7_of_definitions() {
    let flag = |name: &'static str| Flag::<String>::new(name, "", "");
    let problems = |program: Program, units: Vec<(&'static str, FlagSet)>| {
        let problems = table_of(program, units).err().unwrap();
        Exit::error(1, problems.as_slice()).stderr
    };
    let shared = flag("shared");
    let late = flag("late");
    let _clone = late.clone();
    let a = FlagSet::new("A")
        .add(&flag("one"))
        .add(&flag("one"))
        .add(&flag("two"))
        .add(&flag("help"))
        .add(&flag("-dash"))
        .add(&flag("s").short('é'))
        .add(&flag("h").short('h'))
        .add(&flag("t").short('t'))
        .add(&flag("env").env("A=B"))
        .add(&flag("my-data"))
        .add(&flag("token").secret())
        .add(&flag("token-file"))
        .add(&shared)
        .add(&late.hidden())
        .add(&Flag::<Vec<String>>::new("all", [], "").positional())
        .removed("two", "no reason");
    let b = FlagSet::new("B")
        .add(&flag("two"))
        .add(&flag("u").short('t'))
        .add(&flag("my.data"))
        .add(&Flag::<String>::required("last", "").positional())
        .prefix("");
    let c = FlagSet::new("C").prefix("c").add(&shared);
    let mut told = problems(program_with_env(), vec![("a", a), ("b", b), ("c", c)]);
    let prefix = Program { env_prefix: Some("MY-KVD".to_owned()), ..Program::new("kvd") };
    told.push_str(&problems(prefix, Vec::new()));
    check(
        &told,
        &expect![[r#"
            error: unit 'c': flag '--shared': unit 'a' has the same handle under another prefix
            error: unit 'a': flag '--one': unit 'a' has another of this name
            error: unit 'a': flag '--help': the group keeps this name
            error: unit 'a': flag '--token-file': the group has it already, to read '--token' from a file
            error: unit 'b': flag '--two': unit 'a' has a flag of this name too
            error: unit 'a': flag '---dash': is written without its dashes where it is defined
            error: unit 'a': flag '--s': its short name 'é' is no letter or digit
            error: unit 'a': flag '--env': "A=B" is no name of an environment variable
            error: unit 'a': flag '--late': 'hidden' was called when the flag had been cloned or added to a set
            error: unit 'a': flag '--h': the group keeps the short name '-h'
            error: unit 'b': flag '--u': the short name '-t' is also that of '--t' of unit 'a'
            error: unit 'b': flag '--my.data': the environment variable KVD_MY_DATA is also that of '--my-data' of unit 'a'
            error: unit 'a': flag '--two': is said to be removed, and unit 'a' has it
            error: unit 'b': argument '<LAST>': comes after '<ALL>' of unit 'a', which takes all arguments
            error: "MY-KVD" is no prefix for environment variables: letters, digits and '_', and not a digit first
        "#]],
    );
}

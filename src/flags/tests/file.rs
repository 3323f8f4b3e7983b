//! F4: the file that `--config` names.

use std::time::Duration;

use super::scratch::Scratch;
use super::{only_error, parse, parse_with, program_with_env, table, table_of};
use crate::flags::Table;
use crate::{Bytes, Flag, FlagSet, Source};

struct Unit {
    listen: Flag<String>,
    idle: Flag<Duration>,
    memory: Flag<Bytes>,
    workers: Flag<u64>,
    ratio: Flag<f64>,
    verbose: Flag<bool>,
    peers: Flag<Vec<String>>,
    level: Flag<String>,
}

impl Unit {
    fn new() -> Self {
        Self {
            listen: Flag::new("server-listen", ":80", ""),
            idle: Flag::new("server-idle", Duration::ZERO, ""),
            memory: Flag::new("memory", Bytes::ZERO, ""),
            workers: Flag::new("workers", 0_u64, ""),
            ratio: Flag::new("ratio", 0.0, ""),
            verbose: Flag::new("verbose", false, ""),
            peers: Flag::new("peer", [], ""),
            level: Flag::new("log.level", "info", ""),
        }
    }

    fn table(&self) -> Table {
        let set = FlagSet::new("S")
            .add(&self.listen)
            .add(&self.idle)
            .add(&self.memory)
            .add(&self.workers)
            .add(&self.ratio)
            .add(&self.verbose)
            .add(&self.peers)
            .add(&self.level)
            .removed("old", "use workers");
        table_of(program_with_env(), [("unit", set)]).unwrap()
    }
}

/// What is wrong with a file, without its name.
fn errors(content: impl AsRef<[u8]>) -> String {
    let file = Scratch::new(content);
    let settings = parse(&Unit::new().table(), &["--config", &file.text()]);
    settings.errors.to_string().replace(&file.text(), "kvd.toml")
}

#[test]
fn f4_every_kind_of_value_is_read() {
    let file = Scratch::new(
        "# a comment\n\
         memory = \"1GiB\"\n\
         workers = 0x1F\n\
         ratio = 0.25\n\
         verbose = true\n\
         peer = [\"a,b\", 'c', 7]\n\
         log.level = \"warn\"\n\
         \n\
         [server]\n\
         listen = \"[::1]:80\" # and another\n\
         idle = '30s'\n",
    );
    let unit = Unit::new();
    let settings = parse(&unit.table(), &["-c", &file.text()]);
    assert!(settings.errors.is_empty(), "{}", settings.errors);
    assert_eq!(unit.listen.get(), "[::1]:80");
    assert_eq!(*unit.idle.get(), Duration::from_secs(30));
    assert_eq!(*unit.memory.get(), Bytes::gib(1));
    assert_eq!(*unit.workers.get(), 31);
    assert_eq!(unit.ratio.get().to_bits(), 0.25_f64.to_bits());
    assert!(*unit.verbose.get());
    assert_eq!(*unit.peers.get(), ["a,b", "c", "7"]);
    assert_eq!(unit.level.get(), "warn");
    assert_eq!(unit.listen.source(), Source::file(file.path(), 10));
    assert_eq!(unit.verbose.source().to_string(), format!("{}:5", file.text()));
}

#[test]
fn f4_a_key_can_be_written_flat_or_in_its_section() {
    for content in [
        "server-listen = 'x'",
        "[server]\nlisten = 'x'",
        "server.listen = 'x'",
        "server = { listen = 'x' }",
    ] {
        let (unit, file) = (Unit::new(), Scratch::new(content));
        let settings = parse(&unit.table(), &["--config", &file.text()]);
        assert!(settings.errors.is_empty(), "{content}: {}", settings.errors);
        assert_eq!(unit.listen.get(), "x", "{content}");
    }
}

#[test]
fn f4_a_number_of_any_size_reaches_the_type() {
    let (unit, file) = (Unit::new(), Scratch::new(format!("workers = {}", u64::MAX)));
    let settings = parse(&unit.table(), &["--config", &file.text()]);
    assert!(settings.errors.is_empty(), "{}", settings.errors);
    assert_eq!(*unit.workers.get(), u64::MAX);
    assert_eq!(
        errors("workers = 18446744073709551616"),
        "unit 'unit': invalid value '18446744073709551616' for '--workers' (kvd.toml:1): not a \
         whole number from 0 to 18446744073709551615"
    );
}

#[test]
fn f4_an_empty_list_and_an_empty_text_are_values() {
    let file = Scratch::new("peer = []\nlog.level = ''");
    let unit = Unit { peers: Flag::new("peer", ["a".to_owned()], ""), ..Unit::new() };
    let settings = parse(&unit.table(), &["--config", &file.text()]);
    assert!(settings.errors.is_empty(), "{}", settings.errors);
    assert!(unit.peers.get().is_empty());
    assert_eq!(unit.peers.source(), Source::file(file.path(), 1));
    assert_eq!(unit.level.get(), "");
}

#[test]
fn f7_all_problems_come_at_once_each_with_its_line() {
    let errors = errors(
        "memory = 'lots'\n\
         workers = -1\n\
         verbose = 'maybe'\n\
         peers = ['a']\n\
         [server]\n\
         listen = ['a', 'b']\n\
         idle = 30\n\
         old = 1\n\
         [old]\n",
    );
    assert_eq!(
        errors,
        "unknown key 'peers' (kvd.toml:4)\n  tip: a similar key exists: 'peer'\n\
         unit 'unit': flag '--server-listen' (kvd.toml:6): takes one value, not a list\n\
         unknown key 'server-old' (kvd.toml:8)\n\
         unit 'unit': flag '--old' (kvd.toml:9): was removed: use workers\n\
         unit 'unit': invalid value '30' for '--server-idle' (kvd.toml:7): the unit is missing\n  \
         tip: write 30s for seconds, or 30ms for milliseconds\n\
         unit 'unit': invalid value 'lots' for '--memory' (kvd.toml:1): not a number \
         with a unit\n  \
         tip: write a number and a unit, as 64MiB\n\
         unit 'unit': invalid value '-1' for '--workers' (kvd.toml:2): not a whole number from 0 \
         to 18446744073709551615\n\
         unit 'unit': invalid value 'maybe' for '--verbose' (kvd.toml:3): neither true nor false"
    );
}

#[test]
fn f7_what_is_no_toml_is_said_with_its_line_and_nothing_else() {
    assert_eq!(
        errors("memory = 1\nmemory = 2\nverbose = yes\n[server\n"),
        "duplicate key (kvd.toml:2)\n\
         string values must be quoted, expected literal string (kvd.toml:3)\n\
         unclosed table, expected `]` (kvd.toml:4)"
    );
    assert_eq!(errors("peer = [['a']]"), "neither lists nor tables in a list (kvd.toml:1)");
    assert_eq!(errors("\n[[peer]]\na = 1"), "neither lists nor tables in a list (kvd.toml:2)");
}

#[test]
fn f7_one_flag_given_in_two_ways_is_refused() {
    assert_eq!(
        errors("server-listen = 'a'\n[server]\nlisten = 'b'"),
        "unit 'unit': flag '--server-listen' (kvd.toml:3): is given already (kvd.toml:1)"
    );
}

#[test]
fn f7_what_is_for_the_command_line_is_refused_in_a_file() {
    for key in ["help", "check", "print-config", "config"] {
        assert_eq!(
            errors(format!("{key} = true")),
            format!("'{key}' cannot stand in a file (kvd.toml:1)")
        );
    }
    assert_eq!(
        errors("old = 1"),
        "unit 'unit': flag '--old' (kvd.toml:1): was removed: use workers"
    );
}

#[test]
fn f7_a_file_that_cannot_be_read_is_named_and_nothing_is_missing_for_it() {
    let required = Flag::<String>::required("data", "");
    let set = FlagSet::new("S").add(&required);
    let table = table([("unit", set)]);
    for (path, why) in [
        ("/nonexistent/kvd.toml", "cannot read it: No such file or directory (os error 2)"),
        ("/", "cannot read it: Is a directory (os error 21)"),
        ("/dev/zero", "is longer than 16MiB"),
    ] {
        let settings = parse(&table, &["--config", path]);
        assert_eq!(
            only_error(&settings),
            format!("invalid value '{path}' for '--config' (command line): {why}")
        );
        assert!(settings.unusable.contains("unit"), "nobody knows its values");
    }
    assert_eq!(
        errors(b"memory = 1\n\nlog.level = '\xff'\n"),
        "invalid value 'kvd.toml' for '--config' (command line): is not UTF-8 (line 3)"
    );
}

#[test]
fn f4_the_environment_can_name_the_file_and_nothing_else_is_read() {
    let (unit, file) = (Unit::new(), Scratch::new("workers = 3\nname = 'other'"));
    let settings = parse_with(&unit.table(), &[], &[("KVD_CONFIG", &file.text())]);
    assert!(settings.errors.is_empty(), "{}", settings.errors);
    assert_eq!(*unit.workers.get(), 3);
    assert_eq!(settings.name.as_deref(), Some("other"), "the group's own settings are in it, too");
    let settings = parse_with(&unit.table(), &["--config="], &[("KVD_CONFIG", "/nonexistent")]);
    assert!(only_error(&settings).starts_with("invalid value '' for '--config' (command line)"));
}

#[test]
fn f4_a_deprecated_flag_in_the_file_is_warned_of_with_its_line() {
    let flag = Flag::<u8>::new("max", 0, "").deprecated("use --max-conns");
    let file = Scratch::new("\nmax = 3");
    let settings = parse(&table([("a", FlagSet::new("A").add(&flag))]), &["-c", &file.text()]);
    let expected = format!("flag '--max' ({}:2) is deprecated: use --max-conns", file.text());
    assert_eq!(settings.warnings, [expected]);
}

#[test]
fn f4_an_empty_file_a_bom_and_windows_line_ends_are_fine() {
    for (content, workers) in [("", 0), ("\u{feff}workers = 1\n", 1), ("\r\nworkers = 2\r\n", 2)] {
        let (unit, file) = (Unit::new(), Scratch::new(content));
        let settings = parse(&unit.table(), &["-c", &file.text()]);
        assert!(settings.errors.is_empty(), "{content:?}: {}", settings.errors);
        assert_eq!(*unit.workers.get(), workers);
    }
}

#[test]
fn f4_numbers_to_other_bases_are_read_right_or_refused_as_they_are_written() {
    let read = |literal: &str| {
        let file = Scratch::new(format!("number = {literal}"));
        let flag = Flag::<u128>::new("number", 7_u128, "");
        let table = table([("unit", FlagSet::new("S").add(&flag))]);
        let settings = parse(&table, &["--config", &file.text()]);
        (*flag.get(), settings.errors.to_string())
    };
    for (literal, number) in [
        ("0x1F", 31),
        ("0o17", 15),
        ("0b101", 5),
        ("0xdead_beef", 0xdead_beef),
        ("0x7fffffffffffffffffffffffffffffff", u128::MAX >> 1),
        ("0x80000000000000000000000000000000", 1 << 127),
        ("0xffffffffffffffffffffffffffffffff", u128::MAX),
        ("340282366920938463463374607431768211455", u128::MAX),
    ] {
        assert_eq!(read(literal), (number, String::new()), "{literal}");
    }
    let ones = format!("0b{}", "1".repeat(128));
    assert_eq!(read(&ones), (u128::MAX, String::new()));
    // The digits without what says their base would be another number, and perhaps a valid one.
    let (ten, binary) = (format!("0x1{}", "0".repeat(32)), format!("0b1{}", "0".repeat(128)));
    for literal in [ten.as_str(), &binary, "0o7777777777777777777777777777777777777777777"] {
        let (number, error) = read(literal);
        assert_eq!(number, 7, "{literal}");
        assert!(error.contains(&format!("'{literal}' for '--number'")), "{literal}: {error}");
    }
}

#[test]
fn f7_an_empty_section_is_fine_where_there_are_flags_of_it_and_nowhere_else() {
    let read = |content: &str| {
        let (unit, file) = (Unit::new(), Scratch::new(content));
        let settings = parse(&unit.table(), &["--config", &file.text()]);
        settings.errors.to_string()
    };
    for content in ["[server]", "server = {}", "[server]\n[log]", "[server]\nlisten = ':1'"] {
        assert_eq!(read(content), "", "{content}");
    }
    for content in ["workers = {}", "[workers]", "server.listen = {}", "log = { level = {} }"] {
        let flag = if content.contains("work") {
            "--workers"
        } else if content.contains("log") {
            "--log.level"
        } else {
            "--server-listen"
        };
        let error = read(content);
        assert!(error.contains(&format!("unit 'unit': flag '{flag}' (")), "{content}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    for (content, key) in [("[nosuch]", "nosuch"), ("server.nosuch = {}", "server-nosuch")] {
        let error = read(content);
        assert!(error.starts_with(&format!("unknown key '{key}' (")), "{content}: {error}");
    }
    // Begins so, and is no section of it.
    assert!(read("[serv]").starts_with("unknown key 'serv' ("));
}

#[test]
fn f7_an_unknown_key_as_long_as_a_book_is_shortened_and_gets_no_tip() {
    let long = "workers".repeat(150_000);
    for content in [format!("{long} = 1"), format!("[server]\n{long} = 1"), format!("[{long}]")] {
        let (unit, file) = (Unit::new(), Scratch::new(content));
        let error = only_error(&parse(&unit.table(), &["--config", &file.text()]));
        assert!(error.starts_with("unknown key '"), "{}", &error[..100]);
        assert!(error.contains("workersworkers"), "its beginning: {}", &error[..100]);
        assert!(error.len() < 500, "{} bytes", error.len());
        assert!(!error.contains("tip"), "{error}");
    }
}

#[test]
fn f7_of_very_many_faults_ten_are_shown_and_the_rest_is_counted() {
    let told = |lines: usize| {
        let (unit, file) =
            (Unit::new(), Scratch::new("[[[ not a file of settings\n".repeat(lines)));
        let settings = parse(&unit.table(), &["--config", &file.text()]);
        (settings.errors.as_slice().len(), settings.errors.to_string())
    };
    let (count, text) = told(2000);
    assert!((10..=11).contains(&count), "ten, and that there are more: {count}");
    let last = text.lines().last().unwrap();
    assert!(last.contains("more") && last.contains(char::is_numeric), "{last}");
    let (few, text) = told(2);
    assert!((2..=10).contains(&few) && !text.contains("more"), "{text}");
}

#[test]
fn f7_a_heading_of_the_help_that_is_taken_for_a_section_has_a_tip() {
    assert_eq!(
        errors("[limits]\nworkers = 3"),
        "unknown key 'limits-workers' (kvd.toml:2)\n  \
         tip: 'workers' is in no section: write it above the first of them"
    );
}

#[test]
fn f7_an_empty_path_names_no_file() {
    let settings = parse(&Unit::new().table(), &["--config="]);
    let error = "invalid value '' for '--config' (command line): no file is named";
    assert_eq!(only_error(&settings), error);
}

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

//! The settings of the example `kvd`: from file, environment and command line, by what they do; a
//! reload while it runs; and what an operator asks of a file before using it.

#![cfg(all(unix, feature = "config-file", feature = "env_logger", feature = "net"))]

#[path = "common/kvd.rs"]
mod kvd;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kvd::{Client, Ended, Kvd, Scratch, Value, printed, request};

/// The kvd beside the tests, seen to be one that reads files.
fn kvd() -> Command {
    let (ended, help) = printed(Command::new(kvd::binary()).arg("-h"));
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let hint = "kvd was built without config-file: cargo build --all-features --example kvd";
    assert!(help.contains("--config <FILE>"), "{hint}");
    Command::new(kvd::binary())
}

/// A scratch directory with a file of settings and a place for the data.
struct Place {
    scratch: Scratch,
    file: PathBuf,
}

impl Place {
    fn new(name: &str, settings: &str) -> Self {
        let scratch = Scratch::new(name);
        let place = Self { file: scratch.path().join("kvd.toml"), scratch };
        place.write(settings);
        place
    }

    fn write(&self, settings: &str) {
        fs::write(&self.file, settings).expect("written");
    }

    fn data(&self) -> PathBuf {
        self.scratch.path().join("data")
    }

    /// In its directory, so that the file is named as short as a user would.
    fn command(&self) -> Command {
        let mut command = kvd();
        command.current_dir(self.scratch.path()).args(["--config", "kvd.toml"]);
        command
    }

    fn start(&self, flags: &[&str]) -> Kvd {
        Kvd::start_as(&mut self.command(), &self.data(), flags)
    }

    /// Runs one that prints, and ends.
    fn prints(&self, flags: &[&str]) -> (Ended, String) {
        printed(self.command().args(flags))
    }
}

const OOM: &str = "OOM command not allowed when used memory > 'maxmemory'.";

fn reload(client: &mut Client) -> Value {
    client.ask(&["CONFIG", "RELOAD"])
}

/// Whether a value of this size can be set. Then it is deleted again.
fn fits(client: &mut Client, size: usize) -> bool {
    let reply = client.ask(&["SET", "probe", &"x".repeat(size)]);
    if reply == Value::Error(OOM.into()) {
        return false;
    }
    assert_eq!(reply, Value::ok());
    assert_eq!(client.ask(&["DEL", "probe"]), Value::Integer(1));
    true
}

#[track_caller]
fn assert_exit(ended: &Ended, code: i32) {
    assert_eq!(ended.status.code(), Some(code), "{}: {}", ended.status, ended.stderr);
}

#[test]
fn f4_the_command_line_goes_before_the_environment_and_that_before_the_file() {
    let place = Place::new("precedence", "max-memory = '10KB'\nmax-clients = 1\n");
    for (environment, flags, largest) in [
        (None, &[][..], 9_000),
        (Some("100KB"), &[], 90_000),
        (Some("100KB"), &["--max-memory", "1MB"], 900_000),
        (None, &["--max-memory", "1MB"], 900_000),
        (Some(""), &[], 9_000), // empty counts as unset
    ] {
        let mut command = place.command();
        if let Some(value) = environment {
            command.env("KVD_MAX_MEMORY", value);
        }
        let kvd = Kvd::start_as(&mut command, &place.data(), flags);
        let mut client = kvd.connect();
        assert!(fits(&mut client, largest), "{environment:?} {flags:?}");
        assert!(!fits(&mut client, largest * 2), "{environment:?} {flags:?}");
        // And what nobody else gives is what the file says.
        let mut second = kvd.connect();
        let refused = Value::Error("ERR max number of clients reached".into());
        assert_eq!(second.reply().expect("a reply"), refused);
    }
}

#[test]
fn f10_a_reload_changes_max_memory_for_the_next_write_and_loses_nothing() {
    let place = Place::new("memory", "max-memory = '10KB'");
    let mut kvd = place.start(&[]);
    let (mut client, mut operator) = (kvd.connect(), kvd.connect());
    let large = "x".repeat(20_000);
    assert_eq!(client.ask(&["SET", "large", &large]), Value::Error(OOM.into()));

    place.write("max-memory = '100KB'");
    assert_eq!(client.ask(&["SET", "large", &large]), Value::Error(OOM.into()), "not yet");
    assert_eq!(reload(&mut operator), Value::ok());
    assert_eq!(client.ask(&["SET", "large", &large]), Value::ok());
    let limit = client.ask(&["CONFIG", "GET", "maxmemory"]);
    assert_eq!(limit, Value::Array(vec![Value::bulk("maxmemory"), Value::bulk("100000")]));
    assert!(client.ask(&["INFO"]).text().contains("maxmemory:100000\r\n"));

    // Now to less than what is in use: what adds is refused, and nothing is thrown away.
    place.write("max-memory = '2KiB'");
    assert_eq!(reload(&mut operator), Value::ok());
    assert_eq!(client.ask(&["SET", "a", "1"]), Value::Error(OOM.into()));
    assert_eq!(client.ask(&["INCR", "n"]), Value::Error(OOM.into()));
    assert_eq!(client.ask(&["GET", "large"]), Value::bulk(&large));
    kvd.wait_for_line("--max-memory is 2KiB, and more is in use: writes that add are refused");
    assert_exit(&kvd.terminate(), 0);

    // Nor by a restart, which says so again.
    let kvd = place.start(&[]);
    let mut client = kvd.connect();
    assert_eq!(client.ask(&["GET", "large"]), Value::bulk(&large));
    assert_eq!(client.ask(&["SET", "a", "1"]), Value::Error(OOM.into()));
    assert_eq!(client.ask(&["SET", "large", &large[..10_000]]), Value::ok(), "it frees memory");
    assert_eq!(client.ask(&["DEL", "large"]), Value::Integer(1));
    assert_eq!(client.ask(&["SET", "a", "1"]), Value::ok());
    // Gone from the file: the default again.
    place.write("");
    assert_eq!(reload(&mut client), Value::ok());
    assert!(fits(&mut client, 1_000_000));
    let ended = kvd.terminate();
    assert_exit(&ended, 0);
    assert!(ended.stderr.contains("--max-memory is 2KiB, and more is in use"), "{}", ended.stderr);
}

/// A pipeline is carried out in batches, and a reload stands between two of them.
#[test]
fn f10_in_a_pipeline_a_reload_counts_for_what_comes_after_it() {
    let place = Place::new("pipeline", "max-memory = '10KB'");
    let kvd = place.start(&[]);
    let mut client = kvd.connect();
    assert_eq!(client.ask(&["PING"]), Value::Simple("PONG".into()));
    place.write("max-memory = '100KB'");
    let set = request(&["SET", "a", &"x".repeat(12_000)]);
    let get = request(&["CONFIG", "GET", "maxmemory"]);
    let again = request(&["CONFIG", "RELOAD"]);
    client.send_raw(&[&*get, &set, &again, &again, &set, &get].concat()).expect("sent");
    let is = |limit| Value::Array(vec![Value::bulk("maxmemory"), Value::bulk(limit)]);
    let oom = Value::Error(OOM.into());
    for expected in [is("10000"), oom, Value::ok(), Value::ok(), Value::ok(), is("100000")] {
        assert_eq!(client.reply().expect("a reply"), expected);
    }
}

#[test]
fn f10_a_reload_changes_max_clients_for_those_that_come() {
    let place = Place::new("clients", "max-clients = 1");
    let kvd = place.start(&[]);
    let mut first = kvd.connect();
    assert_eq!(first.ask(&["PING"]), Value::Simple("PONG".into()));
    let refused = Value::Error("ERR max number of clients reached".into());
    assert_eq!(kvd.connect().reply().expect("a reply"), refused);
    place.write("max-clients = 2");
    assert_eq!(reload(&mut first), Value::ok());
    let mut second = kvd.connect();
    assert_eq!(second.ask(&["PING"]), Value::Simple("PONG".into()));
    // Lowered again: those who are there stay.
    place.write("max-clients = 1");
    assert_eq!(reload(&mut first), Value::ok());
    assert_eq!(second.ask(&["PING"]), Value::Simple("PONG".into()));
    assert_eq!(kvd.connect().reply().expect("a reply"), refused);
}

#[test]
fn f10_a_reload_raises_and_lowers_the_log_level() {
    const DEBUG: &str = "DEBUG rungroup]";
    const LAST_WORDS: &str = "all is written and synced"; // of kvd's own, at info
    let place = Place::new("log", "log-level = 'info'");
    for (level, debug, info) in
        [("info", false, true), ("debug", true, true), ("warn", false, false)]
    {
        place.write("log-level = 'info'");
        let kvd = place.start(&[]);
        let mut client = kvd.connect();
        place.write(&format!("log-level = '{level}'"));
        assert_eq!(reload(&mut client), Value::ok());
        let ended = kvd.terminate();
        assert_exit(&ended, 0);
        assert_eq!(ended.stderr.contains(DEBUG), debug, "{level}: {}", ended.stderr);
        assert_eq!(ended.stderr.contains(LAST_WORDS), info, "{level}: {}", ended.stderr);
    }
}

#[test]
fn f10_a_reload_of_a_broken_file_is_refused_with_all_problems_and_changes_nothing() {
    let good = "max-memory = '10KB'\nlog-level = 'info'\n";
    let place = Place::new("broken", good);
    let kvd = place.start(&[]);
    let mut client = kvd.connect();
    for (broken, problems) in [
        (
            "max-memory = '100KB'\nlog-level = 'loud'\nmax-clients = 0\nmax-memry = 1\n",
            &[
                "invalid value 'loud' for '--log-level' (kvd.toml:2)",
                "invalid value '0' for '--max-clients' (kvd.toml:3): needs at least 1",
                "unknown key 'max-memry' (kvd.toml:4), tip: a similar key exists: 'max-memory'",
            ][..],
        ),
        ("max-memory = '100KB'\nlog-level = \n", &["kvd.toml:2"]),
        ("max-memory = 100\n", &["'--max-memory' (kvd.toml:1): needs to be 0, or 1KiB at least"]),
    ] {
        place.write(broken);
        let reply = reload(&mut client);
        let text = reply.error();
        assert!(text.starts_with("ERR CONFIG RELOAD failed: the old settings stay: "), "{text}");
        for problem in problems {
            assert!(text.contains(problem), "{problem}: {text}");
        }
        assert!(fits(&mut client, 9_000), "the connection goes on");
        assert!(!fits(&mut client, 12_000), "the old limit stays");
    }
    fs::remove_file(&place.file).expect("it is there");
    let reply = reload(&mut client);
    assert!(reply.error().contains("'kvd.toml' for '--config'"), "{reply:?}");
    // And when it is right again, so is the reload.
    place.write("max-memory = '100KB'");
    assert_eq!(reload(&mut client), Value::ok());
    assert!(fits(&mut client, 90_000));
    let ended = kvd.terminate();
    assert_exit(&ended, 0);
    let refused = "invalid value 'loud' for '--log-level' (kvd.toml:2)";
    assert!(ended.stderr.contains(refused), "the log has it, too: {}", ended.stderr);
}

#[test]
fn f10_what_needs_a_restart_is_in_the_log() {
    let place = Place::new("restart", "fsync = 'no'");
    let mut kvd = place.start(&[]);
    let mut client = kvd.connect();
    place.write("fsync = 'always'");
    assert_eq!(reload(&mut client), Value::ok());
    kvd.wait_for_line("flag '--fsync' has changed, which needs a restart");
    let fsync = client.ask(&["CONFIG", "GET", "appendfsync"]);
    assert_eq!(fsync, Value::Array(vec![Value::bulk("appendfsync"), Value::bulk("no")]));
}

#[test]
fn f10_without_a_file_a_reload_finds_nothing_new() {
    let dir = Scratch::new("no-file");
    let kvd = Kvd::start_as(&mut kvd(), dir.path(), &["--max-memory", "10KB"]);
    let mut client = kvd.connect();
    assert_eq!(reload(&mut client), Value::ok());
    assert!(!fits(&mut client, 12_000));
}

#[test]
fn f6_check_says_that_settings_are_valid_and_touches_nothing() {
    let place = Place::new("check", "max-memory = '1GiB'\nfsync = 'always'");
    let data = place.data();
    let (ended, stdout) = place.prints(&["--check", "--data-dir", data.to_str().expect("UTF-8")]);
    assert_exit(&ended, 0);
    assert_eq!((stdout.as_str(), ended.stderr.as_str()), ("kvd: the settings are valid\n", ""));
    assert!(!data.exists(), "no pre-run: nothing was opened");
}

#[test]
fn f6_f7_check_tells_everything_that_is_wrong_at_once() {
    let place = Place::new(
        "check-bad",
        "max-memory = '12QB'\n\n[max]\nclients = 0\n\n[drain]\ntimeout = '10'\n",
    );
    let mut command = place.command();
    command.env("KVD_FSYNC", "sometimes").args(["--check", "--listen", "localhost"]);
    let (ended, stdout) = printed(&mut command);
    assert_exit(&ended, 2);
    assert_eq!(stdout, "");
    for problem in [
        "error: unit 'storage': invalid value '12QB' for '--max-memory' (kvd.toml:1): ",
        "error: unit 'server': invalid value '0' for '--max-clients' (kvd.toml:4): ",
        "error: unit 'server': invalid value '10' for '--drain-timeout' (kvd.toml:7): ",
        "error: unit 'storage': invalid value 'sometimes' for '--fsync' \
         (environment variable KVD_FSYNC): ",
        "error: unit 'server': invalid value 'localhost' for '--listen' (command line): ",
    ] {
        assert!(ended.stderr.contains(problem), "{problem}\nin:\n{}", ended.stderr);
    }
    assert_eq!(ended.stderr.matches("error: ").count(), 5, "{}", ended.stderr);
}

#[test]
fn f4_an_unknown_key_is_an_error_with_a_tip() {
    let place = Place::new("unknown", "max-conections = 5\nmax-memry = '1GiB'\n");
    let (ended, _) = place.prints(&["--check"]);
    assert_exit(&ended, 2);
    let expected =
        "error: unknown key 'max-memry' (kvd.toml:2)\n  tip: a similar key exists: 'max-memory'";
    assert!(ended.stderr.contains(expected), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("error: unknown key 'max-conections' (kvd.toml:1)"),
        "{}",
        ended.stderr
    );
}

/// Key and value of each setting, and where it came from.
fn settings(file: &str) -> BTreeMap<String, (String, String)> {
    let lines = file.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let setting = |line: &str| {
        let (setting, source) = line.rsplit_once(" # ").expect("a source");
        let (key, value) = setting.split_once(" = ").expect("a value");
        (key.to_owned(), (value.to_owned(), source.to_owned()))
    };
    lines.map(setting).collect()
}

#[test]
fn f6_what_print_config_prints_is_read_back_as_the_same_settings() {
    let place = Place::new("print", "max-memory = '1536KiB'\nmax-clients = 7\nfsync = 'no'\n");
    let mut command = place.command();
    command.env("KVD_MAX_CLIENTS", "8").env("KVD_LOG_LEVEL", "debug");
    command.args(["--data-dir", "a \"b\" # c\\d", "--drain-timeout=1m30s", "--print-config"]);
    let (ended, first) = printed(&mut command);
    assert_exit(&ended, 0);
    let printed_first = settings(&first);
    for (key, value, source) in [
        ("max-memory", r#""1536KiB""#, "kvd.toml:1"),
        ("max-clients", "8", "environment variable KVD_MAX_CLIENTS"),
        ("fsync", r#""no""#, "kvd.toml:3"),
        ("log-level", r#""debug""#, "environment variable KVD_LOG_LEVEL"),
        ("data-dir", r#""a \"b\" # c\\d""#, "command line"),
        ("drain-timeout", r#""1m30s""#, "command line"),
        ("listen", r#""127.0.0.1:6380""#, "default"),
    ] {
        assert_eq!(printed_first[key], (value.to_owned(), source.to_owned()), "{key}");
    }

    place.write(&first);
    let (ended, second) = place.prints(&["--print-config"]);
    assert_exit(&ended, 0);
    let values = |file: &str| -> Vec<(String, String)> {
        settings(file).into_iter().map(|(key, (value, _))| (key, value)).collect()
    };
    assert_eq!(values(&second), values(&first));
    let from_file = settings(&second).into_values().all(|(_, from)| from.starts_with("kvd.toml:"));
    assert!(from_file, "{second}");
}

/// The file that is there to be copied: valid, complete, and what it shows is the default.
#[test]
fn the_annotated_file_has_every_setting_with_its_default() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/kvd/kvd.toml");
    let (ended, with_file) = printed(kvd().arg("--print-config").arg("--config").arg(&file));
    assert_exit(&ended, 0);
    let (ended, defaults) = printed(kvd().arg("--print-config"));
    assert_exit(&ended, 0);
    let (with_file, defaults) = (settings(&with_file), settings(&defaults));
    assert_eq!(with_file.keys().collect::<Vec<_>>(), defaults.keys().collect::<Vec<_>>());
    for (key, (value, source)) in &with_file {
        assert_eq!(*value, defaults[key].0, "{key}");
        assert!(source.contains("kvd.toml:"), "{key} is not in the file: {source}");
    }
}

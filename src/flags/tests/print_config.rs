//! F6: `--print-config`, and that `--config` reads back what it prints.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::time::Duration;

use expect_test::expect;

use super::scratch::Scratch;
use super::{ask_with, program_with_env, table_of};
use crate::flags::{Parsed, Table};
use crate::{Bytes, Flag, FlagSet, flag_value};

#[derive(Debug, PartialEq)]
enum Sync {
    Always,
    Never,
}

flag_value!(Sync { "always" => Sync::Always, "never" => Sync::Never });

struct Units {
    listen: Flag<String>,
    workers: Flag<u32>,
    ratio: Flag<f64>,
    huge: Flag<u64>,
    peers: Flag<Vec<String>>,
    ports: Flag<Vec<u16>>,
    verbose: Flag<bool>,
    quiet: Flag<bool>,
    note: Flag<Option<String>>,
    token: Flag<String>,
    pin: Flag<String>,
    data: Flag<PathBuf>,
    logs: Flag<PathBuf>,
    idle: Flag<Duration>,
    memory: Flag<Bytes>,
    sync: Flag<Sync>,
    level: Flag<String>,
    old: Flag<u32>,
    older: Flag<u32>,
    hidden: Flag<u32>,
}

impl Units {
    fn new() -> Self {
        Self {
            listen: Flag::new("listen", ":80", "Where to listen.\n\nAnd more of it."),
            workers: Flag::new("workers", 4_u32, "How many threads."),
            ratio: Flag::new("ratio", 0.5, ""),
            huge: Flag::new("huge", u64::MAX, ""),
            peers: Flag::new("peer", [], "Who to copy to."),
            ports: Flag::new("port", [], ""),
            verbose: Flag::new("verbose", false, ""),
            quiet: Flag::new("quiet", true, ""),
            note: Flag::new("note", None, ""),
            token: Flag::new("token", "", "").secret(),
            pin: Flag::new("pin", "", "").secret(),
            data: Flag::required("data", ""),
            logs: Flag::new("logs", "logs", ""),
            idle: Flag::new("idle", Duration::from_secs(90), ""),
            memory: Flag::new("memory", Bytes::mib(64), ""),
            sync: Flag::new("sync", Sync::Always, ""),
            level: Flag::new("log.level", "info", ""),
            old: Flag::new("old", 1_u32, "").deprecated("use --workers"),
            older: Flag::new("older", 1_u32, "").deprecated("use --workers"),
            hidden: Flag::new("chaos", 1_u32, "").hidden(),
        }
    }

    fn table(&self) -> Table {
        let server = FlagSet::new("Server")
            .add(&self.listen)
            .add(&self.workers)
            .add(&self.ratio)
            .add(&self.huge)
            .add(&self.peers)
            .add(&self.ports)
            .add(&self.verbose)
            .add(&self.quiet)
            .add(&self.note)
            .add(&self.token)
            .add(&self.pin);
        let store = FlagSet::new("Store")
            .prefix("store")
            .add(&self.data)
            .add(&self.logs)
            .add(&self.idle)
            .add(&self.memory)
            .add(&self.sync)
            .add(&self.level)
            .add(&self.old)
            .add(&self.older)
            .add(&self.hidden);
        table_of(program_with_env(), [("server", server), ("store", store)]).unwrap()
    }

    fn values(&self) -> String {
        format!(
            "{:?}",
            (
                (self.listen.get(), self.workers.get(), self.ratio.get(), self.huge.get()),
                (self.peers.get(), self.ports.get(), self.verbose.get(), self.quiet.get()),
                (self.note.get(), self.pin.get(), self.logs.get(), self.idle.get()),
                (self.memory.get(), self.sync.get(), self.level.get(), self.old.get()),
                (self.older.get(), self.hidden.get()),
            )
        )
    }
}

fn print(units: &Units, args: &[&str], env: &[(&str, &str)]) -> String {
    let table = units.table();
    let args = args.iter().map(Into::into).chain(["--print-config".into()]);
    let Parsed::Settings(settings) = ask_with(&table, args, env) else { panic!("was not asked") };
    assert!(settings.errors.is_empty(), "{}", settings.errors);
    let exit = table.answer(&settings).unwrap();
    assert_eq!(exit.code, 0);
    exit.stdout
}

#[test]
fn f6_every_setting_is_printed_with_its_source() {
    let (units, pin) = (Units::new(), Scratch::new("1234"));
    let pin = pin.text();
    let args = [
        "--peer=a",
        "--peer=b, \"c\"",
        "--verbose",
        "--token=hunter2",
        "--pin-file",
        &pin,
        "--store-data=/var/lib/kvd",
        "--store-old=2",
    ];
    let file = print(&units, &args, &[("KVD_WORKERS", "8"), ("KVD_STORE_LOG_LEVEL", "a\tb\u{7f}")]);
    assert!(!file.contains("hunter2") && !file.contains("1234"), "{file}");
    expect![[r#"
        # All settings of kvd in effect, for --config.

        # Server

        # Where to listen.
        listen = ":80" # default

        # How many threads.
        workers = 8 # environment variable KVD_WORKERS

        ratio = 0.5 # default

        huge = "18446744073709551615" # default

        # Who to copy to.
        peer = ["a", "b, \"c\""] # command line

        # port: not set (default)

        verbose = true # command line

        quiet = true # default

        # note: not set (default)

        # token: a secret, not shown (command line)

        # Read --token from this file.
        # token-file: not set (default)

        # pin: a secret, not shown (file /run/pin)

        # Read --pin from this file.
        pin-file = "/run/pin" # command line

        # Store

        store-data = "/var/lib/kvd" # command line

        store-logs = "logs" # default

        store-idle = "1m30s" # default

        store-memory = "64MiB" # default

        store-sync = "always" # default

        "store-log.level" = "a\tb\U0000007F" # environment variable KVD_STORE_LOG_LEVEL

        store-old = 2 # command line

        # Common

        # The name to run under, in logs and reports.
        # name: not set (default)
    "#]]
    .assert_eq(&file.replace(&pin, "/run/pin"));
}

#[test]
fn f6_what_is_printed_reads_back_to_the_same() {
    let pin = Scratch::new("1234");
    let args: [&[&str]; 4] = [
        &[],
        &[
            "--peer=",
            "--peer=\u{1F600}\n\u{0}\\",
            "--listen=\"'#",
            "--quiet=false",
            "--ratio=1e300",
        ],
        &["--ratio=inf", "--port=1", "--port=65535", "--note=", "--store-chaos=3", "--huge=12"],
        &["--pin-file", &pin.text(), "--store-idle=1h1ms", "--store-sync=never", "--store-old=7"],
    ];
    for args in args {
        let (units, again) = (Units::new(), Units::new());
        let printed = print(&units, &[args, &["--store-data=/data"]].concat(), &[]);
        let file = Scratch::new(&printed);
        let printed_again = print(&again, &["--config", &file.text()], &[]);
        assert_eq!(units.values(), again.values(), "{printed}");
        let values = |printed: &str| {
            let lines = printed.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
            // The sources are not the same.
            lines.map(|line| line.rsplit_once(" # ").unwrap().0.to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(values(&printed), values(&printed_again));
    }
}

#[test]
fn f6_what_is_not_utf_8_is_a_comment_that_names_the_flag() {
    let units = Units::new();
    let table = units.table();
    let mut logs = OsString::from("--store-logs=");
    logs.push(OsString::from_vec(b"/\xff".to_vec()));
    let args = [logs, "--store-data=/data".into(), "--print-config".into()];
    let Parsed::Settings(settings) = ask_with(&table, args, &[]) else { panic!("was not asked") };
    let file = table.answer(&settings).unwrap().stdout;
    let comment = "# store-logs: not UTF-8, which a file cannot hold (command line)\n";
    assert!(file.contains(comment), "{file}");
}

#[test]
fn f6_a_file_of_a_secret_that_is_not_used_is_a_comment() {
    let (units, pin) = (Units::new(), Scratch::new("1234"));
    let file =
        print(&units, &["--pin=5678", "--store-data=/data"], &[("KVD_PIN_FILE", &pin.text())]);
    assert!(
        file.contains("\n# pin-file: not used (environment variable KVD_PIN_FILE)\n"),
        "{file}"
    );
}

/// They cannot stand in a file, and whoever reads it wants to know of them all the same.
#[test]
fn f6_arguments_are_in_a_comment() {
    let files = Flag::<Vec<PathBuf>>::required("files", "What to read.").positional();
    let level = Flag::<u8>::new("level", 3, "");
    let set = || FlagSet::new("S").add(&level).add(&files);
    let table = table_of(program_with_env(), [("unit", set())]).unwrap();
    let args = ["--print-config", "one", "--level=4", "two"].map(OsString::from);
    let Parsed::Settings(settings) = ask_with(&table, args, &[]) else { panic!("was not asked") };
    assert!(settings.errors.is_empty(), "{}", settings.errors);
    let printed = table.answer(&settings).unwrap().stdout;
    let of_files: Vec<&str> =
        printed.lines().filter(|line| line.to_lowercase().contains("files")).collect();
    assert!(!of_files.is_empty(), "{printed}");
    assert!(of_files.iter().all(|line| line.starts_with('#')), "{printed}");
    // So that it reads back.
    let file = Scratch::new(&printed);
    let args = ["--config", &file.text(), "three"].map(OsString::from);
    let Parsed::Settings(again) = ask_with(&table, args, &[]) else { panic!("settings") };
    assert!(again.errors.is_empty(), "{}", again.errors);
    assert_eq!((*level.get(), files.get().len()), (4, 1));
}

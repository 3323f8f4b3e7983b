//! The twin of the example `kvd` that `kvd --help` is measured against: the same units, the same
//! lifecycle, the same flags with the same words, and clap's builder in place of the group's own
//! parser. It is written as a program with a parser of its own is: clap first, with its defaults, and
//! what it found is set by name in the flags of the units.
//!
//! It is an example only to be built by cargo; `examples/kvd` is the one to read.

// The program reads the clock itself: the lint is about the library.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

#[path = "../../examples/kvd/aof.rs"]
mod aof;
#[path = "../../examples/kvd/commands.rs"]
mod commands;
#[path = "../../examples/kvd/connection.rs"]
mod connection;
#[path = "../../examples/kvd/engine.rs"]
mod engine;
#[path = "../../examples/kvd/inline.rs"]
mod inline;
#[path = "../../examples/kvd/queue.rs"]
mod queue;
#[path = "../../examples/kvd/resp.rs"]
mod resp;
#[path = "../../examples/kvd/server.rs"]
mod server;
#[path = "../../examples/kvd/storage.rs"]
mod storage;
#[path = "../../examples/kvd/store.rs"]
mod store;

use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, Command};
use rungroup::{BoxError, FlagSet, Group, Logging, Signals, Source};

use crate::server::Server;
use crate::storage::Storage;

/// The values are parsed by the units' flags, which say what is wrong with them, too.
fn command() -> Command {
    Command::new("kvd")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A key-value server that Redis clients can talk to.")
        .next_help_heading("Logging")
        .arg(
            Arg::new("log-level")
                .long("log-level")
                .env("KVD_LOG_LEVEL")
                .value_name("LEVEL")
                .value_parser(["off", "error", "warn", "info", "debug", "trace"])
                .default_value("info")
                .help("What to log: messages of this level and of more serious ones."),
        )
        .next_help_heading("Storage")
        .arg(
            Arg::new("data-dir")
                .long("data-dir")
                .env("KVD_DATA_DIR")
                .value_name("PATH")
                .default_value("./kvd-data")
                .help("Where the append-only file is kept."),
        )
        .arg(
            Arg::new("max-memory")
                .long("max-memory")
                .env("KVD_MAX_MEMORY")
                .value_name("SIZE")
                .default_value("0B")
                .help("Refuse writes that would take more memory than this; 0 is no limit."),
        )
        .arg(
            Arg::new("fsync")
                .long("fsync")
                .env("KVD_FSYNC")
                .value_parser(["always", "everysec", "no"])
                .default_value("everysec")
                .help(
                    "When writes are synced to the disk: 'always' before they are acknowledged, \
                     'everysec' within a second or so, 'no' when the kernel likes, and at the end.",
                ),
        )
        .next_help_heading("Server")
        .arg(
            Arg::new("listen")
                .long("listen")
                .env("KVD_LISTEN")
                .value_name("ADDR")
                .default_value("127.0.0.1:6380")
                .help("Where to listen; port 0 takes a free one."),
        )
        .arg(
            Arg::new("max-clients")
                .long("max-clients")
                .env("KVD_MAX_CLIENTS")
                .value_name("N")
                .default_value("1000")
                .help("How many clients may be connected at once."),
        )
        .arg(
            Arg::new("max-request")
                .long("max-request")
                .env("KVD_MAX_REQUEST")
                .value_name("SIZE")
                .default_value("64MiB")
                .help("End a connection that sends a longer request."),
        )
        .arg(
            Arg::new("drain-timeout")
                .long("drain-timeout")
                .env("KVD_DRAIN_TIMEOUT")
                .value_name("DURATION")
                .default_value("10s")
                .help(
                    "How long an end that was asked for may take; clients that do not read their \
                     replies get half of it.",
                ),
        )
        .next_help_heading("Common")
        .arg(
            Arg::new("name")
                .short('n')
                .long("name")
                .env("KVD_NAME")
                .value_name("TEXT")
                .help("The name to run under, in logs and reports."),
        )
        .arg(
            Arg::new("check")
                .long("check")
                .action(ArgAction::SetTrue)
                .help("Check the settings, and end."),
        )
}

/// Sets what was given, and says where it came from.
fn set(flags: &FlagSet, matches: &clap::ArgMatches) -> Result<(), BoxError> {
    for flag in flags.flags() {
        let name = flag.name();
        let source = match matches.value_source(&name) {
            Some(ValueSource::CommandLine) => Source::CommandLine,
            Some(ValueSource::EnvVariable) => {
                Source::environment(format!("KVD_{}", name.to_uppercase().replace('-', "_")))
            }
            _ => continue, // the flag has the same default
        };
        let values = matches.get_raw(&name).into_iter().flatten();
        flags.set_all(&name, values, source)?;
    }
    Ok(())
}

fn main() -> ExitCode {
    let matches = command().get_matches();
    let name = matches.get_one::<String>("name").map_or("kvd", String::as_str);
    let storage = Storage::new();
    let server = Server::new(&storage);
    let mut group = Group::new(name).stop_timeout(server.drain_timeout());
    group.register(Signals::new());
    group.register(Logging::new());
    let storage = group.register(storage).id();
    group.register(server).after(storage);
    let embedded = group.register_flags().map_err(BoxError::from);
    let read = embedded.and_then(|flags| set(&flags, &matches));
    let is_check = matches.get_flag("check");
    let read =
        read.and_then(|()| if is_check { Ok(group.run_config().map(drop)?) } else { Ok(()) });
    match read {
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
        Ok(()) if is_check => return ExitCode::SUCCESS,
        Ok(()) => {}
    }
    group.main()
}

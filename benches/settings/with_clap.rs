//! The settings read by clap's builder, with its defaults, and moved from its matches into the
//! structs.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValue;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueEnum, value_parser};
use rungroup::{Bytes, ConfigError, FlagValue};

use crate::program::{self, Mode, Settings, Values};

impl ValueEnum for Mode {
    fn value_variants<'a>() -> &'a [Self] {
        &[Mode::Fast, Mode::Safe, Mode::Off]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(match self {
            Mode::Fast => "fast",
            Mode::Safe => "safe",
            Mode::Off => "off",
        }))
    }
}

fn duration(text: &str) -> Result<Duration, ConfigError> {
    Duration::from_arg(text.as_ref())
}

macro_rules! readers {
    ($($unit:ident $name:literal $variable:literal $title:literal,)*) => {
        fn command(has_env: bool) -> Command {
            let env = |arg: Arg, variable: &'static str| {
                if has_env { arg.env(variable) } else { arg }
            };
            let command = Command::new("demo").version("1.0.0");
            let command = command.about("Measures how settings are read.");
            $(
                let arg = |name: &'static str, help: &'static str| {
                    Arg::new(name).long(name).help(help)
                };
                let command = command
                    .next_help_heading($title)
                    .arg(env(
                        arg(concat!($name, "-verbose"), "Say more.").action(ArgAction::SetTrue),
                        concat!("DEMO_", $variable, "_VERBOSE"),
                    ))
                    .arg(env(
                        arg(concat!($name, "-workers"), "How many threads work.")
                            .value_parser(value_parser!(u32))
                            .default_value("4"),
                        concat!("DEMO_", $variable, "_WORKERS"),
                    ))
                    .arg(env(
                        arg(concat!($name, "-label"), "What it is called in reports.")
                            .default_value("none"),
                        concat!("DEMO_", $variable, "_LABEL"),
                    ))
                    .arg(env(
                        arg(concat!($name, "-timeout"), "How long to wait for an answer.")
                            .value_parser(duration)
                            .default_value("30s"),
                        concat!("DEMO_", $variable, "_TIMEOUT"),
                    ))
                    .arg(env(
                        arg(concat!($name, "-buffer"), "How much to buffer.")
                            .value_parser(value_parser!(Bytes))
                            .default_value("1MiB"),
                        concat!("DEMO_", $variable, "_BUFFER"),
                    ))
                    .arg(env(
                        arg(concat!($name, "-listen"), "Where to listen.")
                            .value_parser(value_parser!(SocketAddr))
                            .default_value("127.0.0.1:7000"),
                        concat!("DEMO_", $variable, "_LISTEN"),
                    ))
                    .arg(env(
                        arg(concat!($name, "-data"), "Where the data is.")
                            .value_parser(value_parser!(PathBuf))
                            .default_value("/var/lib/demo"),
                        concat!("DEMO_", $variable, "_DATA"),
                    ))
                    .arg(env(
                        arg(concat!($name, "-mode"), "How careful to be.")
                            .value_parser(value_parser!(Mode))
                            .default_value("safe"),
                        concat!("DEMO_", $variable, "_MODE"),
                    ))
                    .arg(env(
                        arg(concat!($name, "-peer"), "Whom to talk to.")
                            .value_parser(value_parser!(SocketAddr))
                            .action(ArgAction::Append),
                        concat!("DEMO_", $variable, "_PEER"),
                    ))
                    .arg(env(
                        arg(concat!($name, "-limit"), "How many requests at once.")
                            .value_parser(value_parser!(u32)),
                        concat!("DEMO_", $variable, "_LIMIT"),
                    ));
            )*
            command
        }

        fn settings(matches: &mut ArgMatches) -> Settings {
            Settings {
                $($unit: Values {
                    verbose: matches.get_flag(concat!($name, "-verbose")),
                    workers: take(matches, concat!($name, "-workers")),
                    label: take(matches, concat!($name, "-label")),
                    timeout: take(matches, concat!($name, "-timeout")),
                    buffer: take(matches, concat!($name, "-buffer")),
                    listen: take(matches, concat!($name, "-listen")),
                    data: take(matches, concat!($name, "-data")),
                    mode: take(matches, concat!($name, "-mode")),
                    peers: matches
                        .remove_many(concat!($name, "-peer"))
                        .map(Iterator::collect)
                        .unwrap_or_default(),
                    limit: matches.remove_one(concat!($name, "-limit")),
                },)*
            }
        }
    };
}
program::units!(readers);

fn take<T: Clone + Send + Sync + 'static>(matches: &mut ArgMatches, name: &str) -> T {
    matches.remove_one(name).expect("has a default")
}

/// Defines, parses and validates. The matches are given back so that their drop can be left out.
pub(crate) fn read(args: &[OsString], has_env: bool) -> (Settings, ArgMatches) {
    let mut matches = command(has_env).try_get_matches_from(args).expect("valid");
    let settings = settings(&mut matches);
    settings.validate().expect("valid");
    (settings, matches)
}

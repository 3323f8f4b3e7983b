//! The program whose settings are read: twenty units of ten flags, one of each type; the defaults,
//! what makes values invalid, and what is given on the command line and in the environment. The
//! three ways to read it are beside this file.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use rungroup::{Bytes, flag_value};

/// Hands the units to a macro: name, name in the environment, heading in the help. Flag names have
/// to be literals, as they are where somebody writes them by hand.
macro_rules! units {
    ($make:ident) => {
        $make! {
            api "api" "API" "API",
            admin "admin" "ADMIN" "Admin",
            audit "audit" "AUDIT" "Audit",
            backup "backup" "BACKUP" "Backup",
            cache "cache" "CACHE" "Cache",
            cluster "cluster" "CLUSTER" "Cluster",
            compaction "compaction" "COMPACTION" "Compaction",
            flusher "flusher" "FLUSHER" "Flusher",
            gateway "gateway" "GATEWAY" "Gateway",
            index "index" "INDEX" "Index",
            ingest "ingest" "INGEST" "Ingest",
            ledger "ledger" "LEDGER" "Ledger",
            limiter "limiter" "LIMITER" "Limiter",
            metrics "metrics" "METRICS" "Metrics",
            mirror "mirror" "MIRROR" "Mirror",
            queue "queue" "QUEUE" "Queue",
            replica "replica" "REPLICA" "Replica",
            scheduler "scheduler" "SCHEDULER" "Scheduler",
            storage "storage" "STORAGE" "Storage",
            tls "tls" "TLS" "TLS",
        }
    };
}
pub(crate) use units;

/// The flags of each unit, in order, as their names end.
pub(crate) const FLAGS: [&str; 10] =
    ["verbose", "workers", "label", "timeout", "buffer", "listen", "data", "mode", "peer", "limit"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Fast,
    Safe,
    Off,
}

flag_value!(Mode { "fast" => Mode::Fast, "safe" => Mode::Safe, "off" => Mode::Off });

/// The values of one unit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Values {
    pub(crate) verbose: bool,
    pub(crate) workers: u32,
    pub(crate) label: String,
    pub(crate) timeout: Duration,
    pub(crate) buffer: Bytes,
    pub(crate) listen: SocketAddr,
    pub(crate) data: PathBuf,
    pub(crate) mode: Mode,
    pub(crate) peers: Vec<SocketAddr>,
    pub(crate) limit: Option<u32>,
}

impl Default for Values {
    fn default() -> Self {
        Self {
            verbose: false,
            workers: 4,
            label: "none".to_owned(),
            timeout: Duration::from_secs(30),
            buffer: Bytes::mib(1),
            listen: SocketAddr::from(([127, 0, 0, 1], 7000)),
            data: "/var/lib/demo".into(),
            mode: Mode::Safe,
            peers: Vec::new(),
            limit: None,
        }
    }
}

pub(crate) const NO_WORKERS: &str = "at least one is needed";
pub(crate) const NO_TIMEOUT: &str = "needs to be more than 0";
pub(crate) const SMALL_BUFFER: &str = "needs to be at least 4KiB";
pub(crate) const LOW_LIMIT: &str = "needs to be at least the number of workers";

pub(crate) fn is_small(buffer: Bytes) -> bool {
    buffer < Bytes::kib(4)
}

pub(crate) fn is_low(limit: Option<u32>, workers: u32) -> bool {
    limit.is_some_and(|limit| limit < workers)
}

impl Values {
    /// What the unit's own `validate` does with `rungroup`.
    pub(crate) fn validate(&self) -> Result<(), String> {
        let mut errors = Vec::new();
        if self.workers == 0 {
            errors.push(NO_WORKERS);
        }
        if self.timeout.is_zero() {
            errors.push(NO_TIMEOUT);
        }
        if is_small(self.buffer) {
            errors.push(SMALL_BUFFER);
        }
        if is_low(self.limit, self.workers) {
            errors.push(LOW_LIMIT);
        }
        if errors.is_empty() { Ok(()) } else { Err(errors.join(", ")) }
    }
}

macro_rules! settings {
    ($($unit:ident $name:literal $variable:literal $title:literal,)*) => {
        /// The values of all units, where a program has them without `rungroup`.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub(crate) struct Settings {
            $(pub(crate) $unit: Values,)*
        }

        impl Settings {
            pub(crate) fn validate(&self) -> Result<(), String> {
                $(self.$unit.validate().map_err(|why| format!("{}: {why}", $name))?;)*
                Ok(())
            }

            /// In the order of the units.
            pub(crate) fn all(&self) -> Vec<&Values> {
                vec![$(&self.$unit,)*]
            }
        }

        pub(crate) const UNITS: &[(&str, &str)] = &[$(($name, $variable),)*];
    };
}
units!(settings);

/// The prefix of all variables.
pub(crate) const PREFIX: &str = "DEMO";

/// What is given to the flag of this place, in a form that differs from the default.
fn value(unit: usize, flag: usize) -> String {
    match FLAGS[flag] {
        "verbose" => "true".to_owned(),
        "workers" => format!("{}", unit + 1),
        "label" => format!("label-{unit}"),
        "timeout" => format!("1m{unit}s"),
        "buffer" => format!("{}KiB", 64 + unit),
        "listen" | "peer" => format!("10.0.0.{unit}:80{unit:02}"),
        "data" => format!("/srv/demo/{unit}"),
        "mode" => "fast".to_owned(),
        "limit" => format!("{}", unit + 100),
        other => unreachable!("{other}"),
    }
}

/// One flag as it stands on a command line: with `=` for every second unit, lists twice.
fn given(args: &mut Vec<OsString>, unit: usize, flag: usize) {
    let (name, value) = (format!("--{}-{}", UNITS[unit].0, FLAGS[flag]), value(unit, flag));
    let times = if FLAGS[flag] == "peer" { 2 } else { 1 };
    for _ in 0..times {
        if FLAGS[flag] == "verbose" {
            args.push(name.clone().into());
        } else if unit.is_multiple_of(2) {
            args.push(format!("{name}={value}").into());
        } else {
            args.extend([name.clone().into(), value.clone().into()]);
        }
    }
}

/// Every flag, unit by unit.
pub(crate) fn every_flag() -> Vec<OsString> {
    let mut args = vec!["demo".into()];
    for unit in 0..UNITS.len() {
        (0..FLAGS.len()).for_each(|flag| given(&mut args, unit, flag));
    }
    args
}

/// One flag of each unit, each type twice.
pub(crate) fn some_flags() -> Vec<OsString> {
    let mut args = vec!["demo".into()];
    (0..UNITS.len()).for_each(|unit| given(&mut args, unit, unit % FLAGS.len()));
    args
}

/// One variable of each unit, each of another flag than [`some_flags`] has.
pub(crate) fn variables() -> Vec<(String, String)> {
    let variable = |unit: usize| {
        let flag = (unit + 5) % FLAGS.len();
        let name = format!("{PREFIX}_{}_{}", UNITS[unit].1, FLAGS[flag].to_uppercase());
        (name, value(unit, flag))
    };
    (0..UNITS.len()).map(variable).collect()
}

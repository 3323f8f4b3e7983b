//! The settings read by `rungroup`: units with flags of their own, and the group's config phase.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use rungroup::{Bytes, Config, ConfigErrors, Configured, Flag, FlagSet, Group, Unit};

use crate::program::{self, Mode, Values};

/// A unit. Clones have the same flags.
#[derive(Clone)]
pub(crate) struct Part {
    name: &'static str,
    title: &'static str,
    verbose: Flag<bool>,
    workers: Flag<u32>,
    label: Flag<String>,
    timeout: Flag<Duration>,
    buffer: Flag<Bytes>,
    listen: Flag<SocketAddr>,
    data: Flag<PathBuf>,
    mode: Flag<Mode>,
    peers: Flag<Vec<SocketAddr>>,
    limit: Flag<Option<u32>>,
}

macro_rules! parts {
    ($($unit:ident $name:literal $variable:literal $title:literal,)*) => {
        pub(crate) fn parts() -> impl Iterator<Item = Part> {
            [$(|| Part {
                name: $name,
                title: $title,
                verbose: Flag::new(concat!($name, "-verbose"), false, "Say more."),
                workers: Flag::new(concat!($name, "-workers"), 4, "How many threads work."),
                label: Flag::new(concat!($name, "-label"), "none", "What it is called in reports."),
                timeout: Flag::new(
                    concat!($name, "-timeout"),
                    Duration::from_secs(30),
                    "How long to wait for an answer.",
                ),
                buffer: Flag::new(concat!($name, "-buffer"), Bytes::mib(1), "How much to buffer."),
                listen: Flag::new(
                    concat!($name, "-listen"),
                    ([127, 0, 0, 1], 7000),
                    "Where to listen.",
                ),
                data: Flag::new(concat!($name, "-data"), "/var/lib/demo", "Where the data is."),
                mode: Flag::new(concat!($name, "-mode"), Mode::Safe, "How careful to be."),
                peers: Flag::new(concat!($name, "-peer"), Vec::new(), "Whom to talk to."),
                limit: Flag::new(concat!($name, "-limit"), None, "How many requests at once."),
            },)*]
            .into_iter()
            .map(|make: fn() -> Part| make())
        }
    };
}
program::units!(parts);

impl Part {
    pub(crate) fn values(&self) -> Values {
        Values {
            verbose: *self.verbose.get(),
            workers: *self.workers.get(),
            label: self.label.get().clone(),
            timeout: *self.timeout.get(),
            buffer: *self.buffer.get(),
            listen: *self.listen.get(),
            data: self.data.get().clone(),
            mode: *self.mode.get(),
            peers: self.peers.get().clone(),
            limit: *self.limit.get(),
        }
    }
}

impl Unit for Part {
    fn name(&self) -> &str {
        self.name
    }

    fn as_config(&self) -> Option<&dyn Config> {
        Some(self)
    }
}

impl Config for Part {
    fn flag_set(&self) -> FlagSet {
        FlagSet::new(self.title)
            .add(&self.verbose)
            .add(&self.workers)
            .add(&self.label)
            .add(&self.timeout)
            .add(&self.buffer)
            .add(&self.listen)
            .add(&self.data)
            .add(&self.mode)
            .add(&self.peers)
            .add(&self.limit)
    }

    fn validate(&self) -> Result<(), ConfigErrors> {
        let mut errors = ConfigErrors::new();
        if *self.workers.get() == 0 {
            errors.push(self.workers.invalid(program::NO_WORKERS));
        }
        if self.timeout.get().is_zero() {
            errors.push(self.timeout.invalid(program::NO_TIMEOUT));
        }
        if program::is_small(*self.buffer.get()) {
            errors.push(self.buffer.invalid(program::SMALL_BUFFER));
        }
        if program::is_low(*self.limit.get(), *self.workers.get()) {
            errors.push(self.limit.invalid(program::LOW_LIMIT));
        }
        errors.into_result()
    }
}

/// Registers, parses and validates. The values are in the units' flags.
pub(crate) fn read(parts: impl Iterator<Item = Part>, args: &[OsString], has_env: bool) -> Group {
    let mut group = Group::new("demo").version("1.0.0").about("Measures how settings are read.");
    if has_env {
        group = group.env_prefix(program::PREFIX).args(args);
    }
    for part in parts {
        group.register(part);
    }
    let configured = if has_env {
        group.run_config() // clap can read no other environment than the process's
    } else {
        group.run_config_from(args, [("", ""); 0])
    };
    assert_eq!(configured.expect("valid"), Configured::Continue);
    group
}

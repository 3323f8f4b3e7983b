//! The time limits of the whole program, as flags. A unit without a service: it is there for its flags
//! alone, and whoever needs one has a handle to it.

use std::time::Duration;

use rungroup::{Config, Flag, FlagSet, Unit};

/// The flags; a clone is another handle to the same ones.
#[derive(Clone)]
pub(crate) struct Limits {
    start: Flag<Duration>,
    stop: Flag<Duration>,
    heartbeat: Flag<Duration>,
}

impl Limits {
    pub(crate) fn new() -> Self {
        Self {
            start: Flag::new(
                "start-timeout",
                Duration::from_secs(3),
                "A unit that is not ready within this time has failed.",
            )
            .check(not_zero),
            stop: Flag::new(
                "stop-timeout",
                Duration::from_secs(3),
                "How long a unit may take to stop.\n\n\
                 One that has not stopped by then is left behind, and named, and the exit code is 1.",
            )
            .check(|limit: &Duration| {
                let is_fine = !limit.is_zero() && *limit <= Duration::from_secs(10);
                is_fine.then_some(()).ok_or("needs to be more than 0, and at most 10s")
            }),
            heartbeat: Flag::new(
                "heartbeat",
                Duration::from_secs(3),
                "A unit that is silent for longer is unresponsive.",
            )
            .check(not_zero),
        }
    }

    pub(crate) fn start(&self) -> &Flag<Duration> {
        &self.start
    }

    pub(crate) fn stop(&self) -> &Flag<Duration> {
        &self.stop
    }

    pub(crate) fn heartbeat(&self) -> &Flag<Duration> {
        &self.heartbeat
    }

    /// How long a unit that waits for others may do so before it gives a sign of life.
    pub(crate) fn beat(&self) -> Duration {
        *self.heartbeat.get() / 4
    }
}

/// Fails for a time that is none.
pub(crate) fn not_zero(time: &Duration) -> Result<(), &'static str> {
    (!time.is_zero()).then_some(()).ok_or("needs to be more than 0")
}

impl Unit for Limits {
    fn name(&self) -> &'static str {
        "limits"
    }

    fn as_config(&self) -> Option<&dyn Config> {
        Some(self)
    }
}

impl Config for Limits {
    fn flag_set(&self) -> FlagSet {
        FlagSet::new("Time limits").add(&self.start).add(&self.stop).add(&self.heartbeat)
    }
}

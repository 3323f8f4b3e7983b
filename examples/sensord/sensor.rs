//! A unit that reads a device at an interval and hands over what it says. All sensors are of this type;
//! their flags have their names as prefix: `--gps-every`.
//!
//! A device that does not answer is an error, and that is all that is said of it here: how often it is
//! tried again, and after what pause, is said where the sensor is registered.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::select;
use rungroup::channel::Sender;
use rungroup::{
    BoxError, Config, ConfigErrors, Flag, FlagSet, PreRunner, RunContext, ServeContext, Service,
    Unit,
};

use crate::device::{Device, Kind, Value};
use crate::fault;
use crate::limits::{Limits, not_zero};

/// What one sensor said once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    sensor: &'static str,
    /// From 1 on, without a gap, for each sensor: what was not handed over was not counted.
    number: u64,
    value: Value,
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.sensor, self.number, self.value)
    }
}

pub(crate) struct Sensor {
    kind: Kind,
    every: Flag<Duration>,
    fails_every: Flag<u32>,
    limits: Limits,
    readings: Sender<Reading>,
    /// How many the spool has accepted. The sensor's lives go on counting where the one before them was;
    /// relaxed: only one of them is there at a time, and nothing is published by it.
    accepted: AtomicU64,
}

impl Sensor {
    pub(crate) fn new(kind: Kind, readings: Sender<Reading>, limits: &Limits) -> Self {
        let (every, fails_every) = match kind {
            Kind::Temperature => (1000, 0),
            Kind::Humidity => (1000, 30),
            Kind::Gps => (500, 0),
        };
        Self {
            kind,
            every: Flag::new("every", Duration::from_millis(every), "How often it is read.")
                .check(not_zero),
            fails_every: Flag::new(
                "fails-every",
                fails_every,
                "Its device does not answer each time that this number of reads is reached; 0 is never.",
            ),
            limits: limits.clone(),
            readings,
            accepted: AtomicU64::new(0),
        }
    }

    /// Waits for room in the channel, but not longer than this unit is to go on. Whether it was
    /// accepted.
    fn hand_over(&self, ctx: &ServeContext, value: Value) -> bool {
        let number = self.accepted.load(Ordering::Relaxed) + 1;
        let reading = Reading { sensor: self.kind.name(), number, value };
        let Some(sending) = self.readings.enter() else { return false };
        let accepted = select! {
            send(sending.channel(), reading) -> sent => sent.is_ok(),
            recv(ctx.stopped().receiver()) -> _ => false,
            recv(self.readings.closing().receiver()) -> _ => false,
        };
        if accepted {
            self.accepted.store(number, Ordering::Relaxed);
        }
        accepted
    }
}

impl Unit for Sensor {
    fn name(&self) -> &str {
        self.kind.name()
    }

    fn as_config(&self) -> Option<&dyn Config> {
        Some(self)
    }

    fn as_pre_runner(&self) -> Option<&dyn PreRunner> {
        Some(self)
    }

    fn as_service(&self) -> Option<&dyn Service> {
        Some(self)
    }
}

impl Config for Sensor {
    fn flag_set(&self) -> FlagSet {
        let name = self.kind.name();
        FlagSet::new(format!("Sensor {name}")).prefix(name).add(&self.every).add(&self.fails_every)
    }

    fn validate(&self) -> Result<(), ConfigErrors> {
        let limit = *self.limits.heartbeat().get();
        if *self.every.get() >= limit {
            let why = format!("needs to be less than --heartbeat, which is {limit:?}");
            Err(self.every.invalid(why))?;
        }
        Ok(())
    }
}

impl PreRunner for Sensor {
    fn pre_run(&self, _ctx: &RunContext) -> Result<(), BoxError> {
        Ok(())
    }

    /// The last word, however many lives it had.
    fn post_run(&self) -> Result<(), BoxError> {
        let accepted = self.accepted.load(Ordering::Relaxed);
        log::info!("{}: {accepted} readings accepted", self.kind.name());
        Ok(())
    }
}

impl Service for Sensor {
    fn serve(&self, ctx: &ServeContext) -> Result<(), BoxError> {
        let mut device = Device::open(self.kind, *self.fails_every.get());
        ctx.ready();
        while ctx.sleep(*self.every.get()) {
            ctx.heartbeat();
            fault::point()?;
            let value = device.read()?;
            if !self.hand_over(ctx, value) {
                break; // it is not counted, and nobody relies on it
            }
        }
        Ok(())
    }

    fn declares_ready(&self) -> bool {
        true
    }
}

//! The hardware, simulated: what a driver would be. It knows nothing of units.

use std::fmt;
use std::io;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Temperature,
    Humidity,
    Gps,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Temperature => "temperature",
            Kind::Humidity => "humidity",
            Kind::Gps => "gps",
        }
    }
}

/// One that has been opened.
#[derive(Debug)]
pub(crate) struct Device {
    kind: Kind,
    /// How often it was read.
    reads: u32,
    /// Each time that this number is reached it fails; never if it is 0.
    fails_every: u32,
}

impl Device {
    pub(crate) fn open(kind: Kind, fails_every: u32) -> Self {
        Self { kind, reads: 0, fails_every }
    }

    /// Reads it.
    ///
    /// # Errors
    ///
    /// It did not answer. It has to be opened again.
    pub(crate) fn read(&mut self) -> io::Result<Value> {
        self.reads += 1;
        if self.fails_every > 0 && self.reads.is_multiple_of(self.fails_every) {
            let why = format!("no answer from the {} sensor", self.kind.name());
            return Err(io::Error::new(io::ErrorKind::TimedOut, why));
        }
        let swing = f64::from(self.reads % 60) / 60.0;
        Ok(match self.kind {
            Kind::Temperature => Value::One(19.0 + swing, "C"),
            Kind::Humidity => Value::One(40.0 + 10.0 * swing, "%"),
            Kind::Gps => Value::Place(48.137 + swing / 1000.0, 11.575 - swing / 1000.0),
        })
    }
}

/// What it says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value {
    One(f64, &'static str),
    Place(f64, f64),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::One(number, measure) => write!(f, "{number:.1}{measure}"),
            Value::Place(north, east) => write!(f, "{north:.5},{east:.5}"),
        }
    }
}

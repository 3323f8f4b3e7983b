//! The unit that keeps what the sensors say: what was accepted is in the file in the end.
//!
//! - The sensors come after it, so it is told to stop when they have stopped; then it closes the channel,
//!   and the channel says that it is closed when all that was accepted has been received.
//! - A reading leaves [`Spool::in_hand`] when it is written, and not before: if the spool fails with one in
//!   its hand, its next life begins with that.
//! - If it was told to stop in the pause before its next life, there is none. `post_run` writes the rest.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crossbeam_channel as crossbeam;
use parking_lot::Mutex;
use rungroup::channel::{Receiver, RecvTimeoutError};
use rungroup::{
    BoxError, Config, Flag, FlagSet, PreRunner, RunContext, ServeContext, Service, Unit,
};

use crate::fault;
use crate::limits::Limits;
use crate::sensor::Reading;
use crate::spool_file::SpoolFile;

pub(crate) struct Spool {
    dir: Flag<PathBuf>,
    sync_every: Flag<Duration>,
    limits: Limits,
    readings: Receiver<Reading>,
    /// Received and not written. It outlives a life that fails, and the lock is no obstacle: a panic
    /// releases it.
    in_hand: Mutex<Option<Reading>>,
    /// Rings for the uplink: one who has not come since needs no second ring.
    bell: (crossbeam::Sender<()>, crossbeam::Receiver<()>),
}

impl Spool {
    pub(crate) fn new(readings: Receiver<Reading>, limits: &Limits) -> Self {
        Self {
            dir: Flag::new(
                "spool-dir",
                "./sensord-spool",
                "Where the readings are kept.\n\nIt is made if it is not there.",
            )
            .value_name("DIR"),
            sync_every: Flag::new(
                "spool-sync-every",
                Duration::from_secs(1),
                "How often they are synced to the disk; in any case at the end.",
            ),
            limits: limits.clone(),
            readings,
            in_hand: Mutex::new(None),
            bell: crossbeam::bounded(1),
        }
    }

    /// Where it writes, for those who read it.
    pub(crate) fn dir(&self) -> &Flag<PathBuf> {
        &self.dir
    }

    /// Rings when there is more in it.
    pub(crate) fn bell(&self) -> crossbeam::Receiver<()> {
        self.bell.1.clone()
    }

    fn open(&self) -> Result<SpoolFile, BoxError> {
        let dir = self.dir.get();
        let open = SpoolFile::open(dir);
        open.map_err(|error| format!("cannot open the spool in {}: {error}", dir.display()).into())
    }

    /// Waits for a reading, at most for `limit`, and writes it.
    fn write_one(&self, file: &mut SpoolFile, limit: Duration) -> Result<Next, BoxError> {
        let mut in_hand = self.in_hand.lock();
        if in_hand.is_none() {
            *in_hand = match self.readings.recv_timeout(limit) {
                Ok(reading) => Some(reading),
                Err(RecvTimeoutError::Timeout) => return Ok(Next::Waited),
                Err(RecvTimeoutError::Closed) => return Ok(Next::Closed),
            };
        }
        fault::point()?;
        if let Some(reading) = &*in_hand {
            file.append(reading).map_err(|error| format!("cannot write the spool: {error}"))?;
            log::trace!("kept {reading}");
        }
        *in_hand = None;
        let _ = self.bell.0.try_send(()); // full: it has not been heard yet
        Ok(Next::Written)
    }
}

/// What came of waiting for a reading.
#[derive(PartialEq, Eq)]
enum Next {
    Written,
    Waited,
    Closed,
}

impl Unit for Spool {
    fn name(&self) -> &'static str {
        "spool"
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

impl Config for Spool {
    fn flag_set(&self) -> FlagSet {
        FlagSet::new("Spool").add(&self.dir).add(&self.sync_every)
    }
}

impl PreRunner for Spool {
    /// A directory that cannot be written to fails here, before anything is read.
    fn pre_run(&self, _ctx: &RunContext) -> Result<(), BoxError> {
        self.open().map(drop)
    }

    fn post_run(&self) -> Result<(), BoxError> {
        self.readings.close();
        let mut file = self.open()?;
        while self.write_one(&mut file, Duration::ZERO)? == Next::Written {}
        Ok(file.sync()?)
    }
}

impl Service for Spool {
    fn serve(&self, ctx: &ServeContext) -> Result<(), BoxError> {
        let mut file = self.open()?;
        ctx.ready();
        let mut synced = Instant::now();
        loop {
            ctx.heartbeat();
            if self.write_one(&mut file, self.limits.beat())? == Next::Closed {
                break;
            }
            if synced.elapsed() >= *self.sync_every.get() {
                file.sync()?;
                synced = Instant::now();
            }
        }
        Ok(file.sync()?)
    }

    /// Called when the sensors, which come after it, have stopped.
    fn graceful_stop(&self) -> Result<(), BoxError> {
        self.readings.close();
        Ok(())
    }

    fn declares_ready(&self) -> bool {
        true
    }
}

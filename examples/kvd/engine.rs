//! The map and its file together: group commit. It knows neither threads nor channels.
//!
//! All that waits is carried out, written with one call, under `--fsync always` synced with one
//! call, and only then answered. So an acknowledgement says that the record is where `--fsync`
//! promises it to be.
//!
//! When the file refuses a write (the disk is full), the map is put back to what it was, writes are
//! answered with `-MISCONF` and reads from the map that the file has; the next commit tries again.
//! When a sync fails, nobody knows any more what the disk has, so that is an error which ends the
//! unit: those who wait are not told that all is well, and the next start replays what is there.

use std::io;

use rungroup::flag_value;

use crate::aof::{AppendError, Log};
use crate::queue::Batch;
use crate::resp::Reply;
use crate::store::{Change, Store, Writes};

/// When what was written is synced to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fsync {
    /// Before it is acknowledged.
    Always,
    /// Within a second or so.
    EverySec,
    /// When the kernel likes, and at the end.
    No,
}

flag_value!(Fsync {
    "always" => Fsync::Always,
    "everysec" => Fsync::EverySec,
    "no" => Fsync::No,
});

/// The map and its file.
pub(crate) struct Engine {
    store: Store,
    log: Log,
    fsync: Fsync,
    /// Of the commit that is under way.
    changes: Vec<Change>,
    /// The file refused the last write: said once in the log, not for each request.
    refused: bool,
}

impl Engine {
    /// `store` has what `log` has.
    pub(crate) fn new(store: Store, log: Log, fsync: Fsync) -> Self {
        Self { store, log, fsync, changes: Vec::new(), refused: false }
    }

    /// See [`Store::limit`].
    pub(crate) fn limit(&mut self, max_memory: u64) -> bool {
        self.store.limit(max_memory)
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Carries out the operations of all `batches` and puts the replies into them. Says whether
    /// anything was written that is not synced.
    ///
    /// # Errors
    ///
    /// What the file ends with is not known, or whether the disk has it. Nothing must be answered,
    /// and the engine not be used any more.
    pub(crate) fn commit(&mut self, batches: &mut [Batch]) -> io::Result<bool> {
        self.apply(batches, Writes::Allowed);
        if self.changes.is_empty() {
            return Ok(false);
        }
        match self.log.append(&self.changes) {
            Ok(()) => {
                self.changes.clear();
                if std::mem::take(&mut self.refused) {
                    log::info!("the append-only file can be written again");
                }
                if self.fsync == Fsync::Always {
                    self.log.sync()?;
                }
                Ok(self.fsync != Fsync::Always)
            }
            Err(AppendError::Refused(error)) => {
                let refusal = format!("MISCONF Errors writing to the AOF file: {error}");
                if !std::mem::replace(&mut self.refused, true) {
                    log::error!("cannot write the append-only file, writes are refused: {error}");
                }
                self.store.undo(&mut self.changes, 0);
                // Once more, for the reads: they must not tell of what was taken back.
                self.apply(batches, Writes::Refused(&Reply::Error(refusal)));
                Ok(false)
            }
            Err(AppendError::Broken(error)) => Err(error),
        }
    }

    fn apply(&mut self, batches: &mut [Batch], writes: Writes) {
        for Batch { ops, replies, .. } in batches {
            replies.clear();
            replies.extend(ops.iter().map(|op| self.store.apply(op, writes, &mut self.changes)));
        }
    }
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;

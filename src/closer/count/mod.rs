//! The counter behind every closer: how many are running, whether more may start, and who was the
//! last to leave. It knows neither guards nor names nor notifications.
//!
//! The protocol, its states, why no wake-up is lost and why each ordering is enough: `protocol.md`,
//! beside this file. `tests/loom.rs` checks it.

mod stripes;

use std::time::Instant;

use crate::latch::Latch;
use crate::sync::{AtomicIsize, Mutex, Ordering};

use stripes::Stripes;

/// What the remainder starts with: more than can ever run, so that it cannot come to zero by those
/// who leave before it is known how many there are.
const BIAS: isize = isize::MAX / 2;

/// A count that ends: open, then closed, then drained.
#[derive(Debug)]
pub(super) struct Count {
    /// The count while it is open. A stripe that is marked says nothing any more.
    open: Stripes,
    /// The count from the close on: all that the stripes had when they were marked, less those who
    /// left later.
    remainder: AtomicIsize,
    /// Whether `remainder` is without its bias. The lock is for closing and looking; who runs never
    /// comes here.
    is_closed: Mutex<bool>,
    /// Set by the one operation that brings the remainder to zero.
    drained: Latch<()>,
}

impl Count {
    pub(super) fn new() -> Self {
        Self {
            open: Stripes::new(),
            remainder: AtomicIsize::new(BIAS),
            is_closed: Mutex::new(false),
            drained: Latch::new(),
        }
    }

    /// One more, unless closed; says whether it was let in.
    #[inline]
    pub(super) fn add(&self) -> bool {
        self.open.add()
    }

    /// One less. True for the one that drained the count: once, and for nobody else.
    #[inline]
    pub(super) fn done(&self) -> bool {
        !self.open.done() && self.done_late()
    }

    /// Acquire and release: who takes the last one sees what all have done who left before.
    #[cold]
    fn done_late(&self) -> bool {
        let before = self.remainder.fetch_sub(1, Ordering::AcqRel);
        debug_assert!(before > 0, "a done without an add");
        before == 1 && self.drain()
    }

    /// Refuses every `add` from here on, then calls `announce`, and only after that lets the count
    /// drain. True if it has drained by this call: once, and for nobody else.
    ///
    /// Sticky, from any thread. When it returns it is closed and announced, whoever did it: of
    /// several that close at once the first does, and the others wait for that.
    pub(super) fn close(&self, announce: impl FnOnce()) -> bool {
        let mut is_closed = self.is_closed.lock();
        if *is_closed {
            // Adds nothing, and is ordered with those who leave late: see "One sees the other".
            self.remainder.fetch_add(0, Ordering::AcqRel);
            return false;
        }
        let moved = self.open.mark() - BIAS;
        announce();
        let before = self.remainder.fetch_add(moved, Ordering::AcqRel);
        *is_closed = true;
        drop(is_closed);
        before + moved == 0 && self.drain()
    }

    #[cold]
    fn drain(&self) -> bool {
        let first = self.drained.set(());
        debug_assert!(first, "drained twice");
        first
    }

    /// How many are running. Exact when nobody comes or goes meanwhile, and after the close always.
    pub(super) fn remaining(&self) -> usize {
        let is_closed = self.is_closed.lock();
        let remaining =
            if *is_closed { self.remainder.load(Ordering::Relaxed) } else { self.open.sum() };
        // Below zero is a sum of stripes that were read while guards went from one to another.
        usize::try_from(remaining).unwrap_or(0)
    }

    pub(super) fn is_drained(&self) -> bool {
        self.drained.is_set()
    }

    /// Blocks until closed and drained.
    pub(super) fn wait(&self) {
        self.drained.wait();
    }

    /// Blocks until closed and drained, or `deadline`; `None` is no deadline. Says whether drained.
    pub(super) fn wait_until(&self, deadline: Option<Instant>) -> bool {
        self.drained.wait_until(deadline).is_some()
    }
}

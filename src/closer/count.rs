//! The counter behind every closer: how many are running, whether more may start, and who was the
//! last to leave. It knows neither guards nor names nor notifications.
//!
//! # States
//!
//! All of it is one atomic word: two flags in the low bits, the number running above them.
//!
//! | running | `ANNOUNCED` | `CLOSED` | state | who changes it |
//! |---|---|---|---|---|
//! | n | 0 | 0 | open | `add` + 1, `done` − 1, `close` sets `CLOSED` |
//! | n | 0 | 1 | refusing; being announced | `done` − 1, `close` sets `ANNOUNCED` |
//! | n > 0 | 1 | 1 | draining | `done` − 1 |
//! | 0 | 1 | 1 | drained, the end | nobody |
//! | n | 1 | 0 | impossible | |
//!
//! A flag once set stays set, and `add` never changes a word with `CLOSED`. So from `CLOSED` on the
//! number only falls, the word takes the value *drained* once, and exactly one operation brings it
//! there: the `done` of the last one, or a `close` that found nobody. That operation sets the latch.
//! As `ANNOUNCED` is part of the value, nobody can see *drained* before the announcement.
//!
//! # Why no wake-up is lost
//!
//! A waiter sleeps on the latch, not on the word, and the latch is sticky. Whoever drains the word
//! first publishes the latch's value and then takes the lock that a waiter holds from its look at
//! that value until it is asleep. So the waiter either sees the value, or sleeps by the time of the
//! broadcast and is woken by it. Nothing un-drains a count, so a late waiter finds it drained. (And
//! the one that drains may still be in the broadcast when a waiter has returned: it holds the
//! counter by a borrow or an `Arc`, so the counter is there until it is through.)

use std::time::Instant;

use crate::latch::Latch;
use crate::sync::{AtomicUsize, Ordering};

/// No `add` succeeds any more.
const CLOSED: usize = 1;
/// That has been announced: the count may drain.
const ANNOUNCED: usize = 2;
/// One that is running.
const ONE: usize = 4;

const DRAINED: usize = ANNOUNCED | CLOSED;

/// How many are running, until closed and drained.
///
/// What the orderings give, beyond the count itself:
///
/// - Whatever one did before its `done` is visible to whoever learns that the count has drained.
///   Hence `done` releases; the operations in between are read-modify-writes, which carry the
///   release on; and whichever operation finds itself the last acquires.
/// - Whatever was done before `close` is visible to those refused by it: `close` releases, a refused
///   `add` acquires.
/// - An `add` that was let in needs nothing from others and gives nothing: relaxed.
///
/// That no `add` succeeds once a `close` has returned, or its announcement is visible, takes no
/// ordering of its own: both happen after the word got `CLOSED`, and who knows of a change to a word
/// cannot read an older value of it.
#[derive(Debug)]
pub(super) struct Count {
    word: AtomicUsize,
    /// Set by the one operation that brings the word to `DRAINED`.
    drained: Latch<()>,
}

impl Count {
    pub(super) fn new() -> Self {
        Self { word: AtomicUsize::new(0), drained: Latch::new() }
    }

    /// One more, unless closed; says whether it was let in.
    #[inline]
    pub(super) fn add(&self) -> bool {
        let mut word = self.word.load(Ordering::Acquire);
        loop {
            if word & CLOSED != 0 {
                return false;
            }
            // Only forgotten guards can be so many; carrying into the flags is not an option.
            let more = word.checked_add(ONE).expect("fewer guards than an address space holds");
            match self.word.compare_exchange_weak(word, more, Ordering::Relaxed, Ordering::Acquire)
            {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
    }

    /// One less. True for the one that drained the count: once, and for nobody else.
    #[inline]
    pub(super) fn done(&self) -> bool {
        let before = self.word.fetch_sub(ONE, Ordering::AcqRel);
        debug_assert!(before >= ONE, "a done without an add");
        before == ONE | DRAINED && self.drain()
    }

    /// Refuses every `add` from here on, then calls `announce`, and only after that lets the count
    /// drain. True if it has drained by this call: once, and for nobody else.
    ///
    /// Sticky, from any thread. Of several that close at once each announces, so that for none of
    /// them `close` returns before it is announced; `announce` must bear being called again.
    pub(super) fn close(&self, announce: impl FnOnce()) -> bool {
        self.word.fetch_or(CLOSED, Ordering::Release);
        announce();
        let before = self.word.fetch_or(ANNOUNCED, Ordering::AcqRel);
        before == CLOSED && self.drain()
    }

    #[cold]
    fn drain(&self) -> bool {
        let first = self.drained.set(());
        debug_assert!(first, "drained twice");
        first
    }

    /// How many are running: exact for a moment that is gone when it is told.
    pub(super) fn remaining(&self) -> usize {
        self.word.load(Ordering::Relaxed) / ONE
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

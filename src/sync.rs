//! Locks, condition variables and atomics: the one file that knows `parking_lot` and std's
//! `Condvar`.
//!
//! Two kinds, by who is waiting. A plain [`Mutex`] (of `parking_lot`) guards data. A [`Monitor`] guards a
//! state that many threads wait for: std's `Condvar`, because its broadcast is one system call,
//! where `parking_lot`'s requeues the waiters and wakes them one by one (1.4 × slower to the last).

use std::sync::{Condvar, MutexGuard, PoisonError};
use std::time::Instant;

pub(crate) use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) use parking_lot::Mutex;

use crate::clock;

/// A value that threads can wait on: a mutex and the condvar that goes with it.
///
/// The lock is never held over a callback, so it cannot be poisoned by one; poisoning is ignored.
#[derive(Debug, Default)]
pub(crate) struct Monitor<T> {
    state: std::sync::Mutex<T>,
    changed: Condvar,
}

impl<T> Monitor<T> {
    pub(crate) fn new(state: T) -> Self {
        Self { state: std::sync::Mutex::new(state), changed: Condvar::new() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells all waiters that the state has changed. Call it after the change was made under the
    /// lock, or after taking the lock once since: a waiter holds the lock from the test of its
    /// predicate until it sleeps, so either it sees the change or it is asleep to be woken.
    pub(crate) fn notify_all(&self) {
        self.changed.notify_all();
    }

    /// Waits while `blocked` says so. The predicate is `blocked` itself; spurious wake-ups loop.
    pub(crate) fn wait_while(&self, mut blocked: impl FnMut(&mut T) -> bool) -> MutexGuard<'_, T> {
        let mut state = self.lock();
        while blocked(&mut state) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state
    }

    /// As [`wait_while`](Self::wait_while), until `deadline` at the latest; `None` is no deadline.
    /// Whoever calls looks at the state to learn whether it was in time.
    pub(crate) fn wait_while_until(
        &self,
        deadline: Option<Instant>,
        mut blocked: impl FnMut(&mut T) -> bool,
    ) -> MutexGuard<'_, T> {
        let Some(deadline) = deadline else { return self.wait_while(blocked) };
        let mut state = self.lock();
        while blocked(&mut state) {
            let left = deadline.saturating_duration_since(clock::now());
            if left.is_zero() {
                break;
            }
            let (next, _) =
                self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
            state = next;
        }
        state
    }
}

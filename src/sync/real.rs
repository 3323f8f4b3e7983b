//! What threads really share. The [`Mutex`] is `parking_lot`'s. The [`Monitor`] waits on std's
//! `Condvar`, because its broadcast is one system call, where `parking_lot`'s requeues the waiters and
//! wakes them one by one (1.4 × slower to the last).

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, AtomicUsize};
use std::sync::{Condvar, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::Instant;

pub(crate) use std::sync::OnceLock;
pub(crate) use std::sync::atomic::{AtomicIsize, Ordering};

pub(crate) use parking_lot::Mutex;

use crate::clock;

/// A value that threads can wait on: a mutex and the condvar that goes with it.
///
/// The lock is never held over a callback, so it cannot be poisoned by one; poisoning is ignored.
#[derive(Debug, Default)]
pub(crate) struct Monitor<T> {
    state: std::sync::Mutex<T>,
    changed: Condvar,
    /// How many are in a wait. It changes under the lock alone.
    waiting: AtomicU32,
}

impl<T> Monitor<T> {
    pub(crate) fn new(state: T) -> Self {
        Self {
            state: std::sync::Mutex::new(state),
            changed: Condvar::new(),
            waiting: AtomicU32::new(0),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells all waiters that the state has changed. Call it after the change was made under the
    /// lock, or after taking the lock once since: a waiter holds the lock from the test of its
    /// predicate until it sleeps, so either it sees the change or it is asleep to be woken.
    ///
    /// Where nobody waits it costs no system call, as std's does; most of what is told here has no
    /// listener. By the same argument: who held the lock before whoever tells, and sleeps, is counted
    /// for it, and the lock has ordered that (hence relaxed).
    pub(crate) fn notify_all(&self) {
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.changed.notify_all();
        }
    }

    fn wait<R>(&self, wait: impl FnOnce(&Condvar) -> R) -> R {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let result = wait(&self.changed);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        result
    }

    /// Waits while `blocked` says so. The predicate is `blocked` itself; spurious wake-ups loop.
    pub(crate) fn wait_while(&self, mut blocked: impl FnMut(&mut T) -> bool) -> MutexGuard<'_, T> {
        let mut state = self.lock();
        while blocked(&mut state) {
            state =
                self.wait(|changed| changed.wait(state)).unwrap_or_else(PoisonError::into_inner);
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
            let woken = self.wait(|changed| changed.wait_timeout(state, left));
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        state
    }
}

/// A number for the calling thread: the same at every call, and handed out in turn, so that threads
/// that were started one after the other have different ones modulo any size.
#[inline]
pub(crate) fn thread_number() -> usize {
    const NONE: usize = usize::MAX;
    thread_local! {
        static NUMBER: Cell<usize> = const { Cell::new(NONE) };
    }

    #[cold]
    fn number() -> usize {
        // Relaxed: the numbers have to differ, and order nothing.
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        NUMBER.set(number);
        number
    }

    match NUMBER.get() {
        NONE => number(),
        number => number,
    }
}

/// How many threads can run at once, as the system said when it was first asked.
pub(crate) fn available_cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| available_parallelism().map_or(1, usize::from))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::thread;

    use super::*;

    #[test]
    fn threads_have_numbers_of_their_own_and_keep_them() {
        let numbers: BTreeSet<usize> = thread::scope(|scope| {
            let threads = [(); 4].map(|()| scope.spawn(|| [thread_number(), thread_number()]));
            let numbers = threads.map(|thread| thread.join().unwrap());
            assert!(numbers.iter().all(|[first, second]| first == second));
            numbers.into_iter().flatten().collect()
        });
        assert_eq!(numbers.len(), 4);
    }
}

//! The same for the models: loom's locks and atomics. What loom lacks is made of what it has.

use std::cell::Cell;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use loom::sync::atomic::AtomicBool;
use loom::sync::{Condvar, MutexGuard};

pub(crate) use loom::sync::atomic::{AtomicIsize, Ordering};

#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The value is std's, which loom does not see; the flag and the lock around it are loom's, and order
/// what std's would: who finds the value set sees all before the `set`, and who sets in vain has
/// waited till the value is there.
#[derive(Debug)]
pub(crate) struct OnceLock<T> {
    setting: Mutex<()>,
    is_set: AtomicBool,
    value: std::sync::OnceLock<T>,
}

impl<T> OnceLock<T> {
    pub(crate) fn new() -> Self {
        Self {
            setting: Mutex::new(()),
            is_set: AtomicBool::new(false),
            value: std::sync::OnceLock::new(),
        }
    }

    pub(crate) fn set(&self, value: T) -> Result<(), T> {
        let _setting = self.setting.lock();
        self.value.set(value)?;
        self.is_set.store(true, Ordering::Release);
        Ok(())
    }

    pub(crate) fn get_or_init(&self, init: impl FnOnce() -> T) -> &T {
        if let Some(value) = self.get() {
            return value; // without the lock, as std's
        }
        let _setting = self.setting.lock();
        let value = self.value.get_or_init(init);
        self.is_set.store(true, Ordering::Release);
        value
    }

    pub(crate) fn get(&self) -> Option<&T> {
        // The flag first, set or not: it is what loom has the threads meet at.
        if self.is_set.load(Ordering::Acquire) { self.value.get() } else { None }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Monitor<T>(Arc<Shared<T>>);

#[derive(Debug, Default)]
struct Shared<T> {
    state: Mutex<T>,
    changed: Condvar,
    /// As in the real one. loom does not see it, for which it takes a third of the time: the lock that it
    /// changes under is loom's, and whoever looks at it has held that lock since.
    waiting: AtomicUsize,
}

impl<T> Shared<T> {
    fn notify_all(&self) {
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.changed.notify_all();
        }
    }

    fn wait<'a>(&self, state: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        state
    }
}

impl<T> Monitor<T> {
    pub(crate) fn new(state: T) -> Self {
        let waiting = AtomicUsize::new(0);
        Self(Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new(), waiting }))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.state.lock()
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }

    pub(crate) fn wait_while(&self, mut blocked: impl FnMut(&mut T) -> bool) -> MutexGuard<'_, T> {
        let mut state = self.lock();
        while blocked(&mut state) {
            state = self.0.wait(state);
        }
        state
    }
}

impl<T: Send + 'static> Monitor<T> {
    /// loom's own limits never pass. So a deadline is a thread, which may come to its one step at any
    /// point: that is when the limit has passed.
    pub(crate) fn wait_while_until(
        &self,
        deadline: Option<Instant>,
        mut blocked: impl FnMut(&mut T) -> bool,
    ) -> MutexGuard<'_, T> {
        if deadline.is_none() {
            return self.wait_while(blocked);
        }
        let has_passed = Arc::new(AtomicBool::new(false));
        let (monitor, passes) = (Arc::clone(&self.0), Arc::clone(&has_passed));
        loom::thread::spawn(move || {
            let state = monitor.state.lock();
            passes.store(true, Ordering::Relaxed); // under the lock
            drop(state);
            monitor.notify_all();
        });
        let mut state = self.lock();
        while blocked(&mut state) && !has_passed.load(Ordering::Relaxed) {
            state = self.0.wait(state);
        }
        state
    }
}

loom::thread_local! {
    static NUMBER: Cell<usize> = Cell::new(0);
}

/// The number of the calling thread is what the model said, 0 if it said nothing.
pub(crate) fn thread_number() -> usize {
    NUMBER.with(Cell::get)
}

/// Says which stripe of the counters the calling thread of a model counts on: 0 or 1.
pub fn number_this_thread(number: usize) {
    NUMBER.with(|this| this.set(number));
}

/// One, for which a counter has the fewest stripes that are several: two.
pub(crate) fn available_cores() -> usize {
    1
}

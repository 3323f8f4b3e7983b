//! A sticky event: set at most once, with a value, and seen by any number of threads, whether they
//! block, `select!`, poll a file descriptor or just look. It knows nothing of units.

use std::borrow::Borrow;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender};

#[cfg(feature = "net")]
use crate::beacon::Beacon;
use crate::sync::{Monitor, Mutex, OnceLock, Ordering};

/// What waits on a [`Latch`] beside the condvar, made on first use: a stop costs nothing, and the latch is
/// small, for those who only ever block.
struct Bridges<T> {
    /// Dropping it disconnects the channel, which every `select!` sees, now and later.
    sender: Option<Sender<Infallible>>,
    /// What is called with the value.
    callbacks: Vec<Callback<T>>,
}

type Callback<T> = Box<dyn FnOnce(&T) + Send>;

impl<T> Default for Bridges<T> {
    fn default() -> Self {
        Self { sender: None, callbacks: Vec::new() }
    }
}

/// What those who block wait on, where several latches share one.
pub(crate) type Bell = Arc<Monitor<()>>;

/// The event. Those who block wait on its bell: one of its own, or a [`Bell`] that it shares with others,
/// so that one broadcast wakes those of all that are [set together](Latch::set_all).
pub(crate) struct Latch<T, B = Monitor<()>> {
    /// Written once, before anybody is told; `OnceLock` publishes it (release/acquire).
    value: OnceLock<T>,
    bell: B,
    /// How many block, or are about to: nobody is woken where only others at the same bell do. Whoever
    /// blocks is counted before it takes the bell's lock, and whoever sets looks after it has held that
    /// lock: so either it finds them counted, or they find the value (hence relaxed).
    blocked: AtomicUsize,
    channel: OnceLock<Receiver<Infallible>>,
    /// What every `poll` sees. Made on first use, too.
    #[cfg(feature = "net")]
    beacon: OnceLock<Beacon>,
    bridges: Mutex<Option<Box<Bridges<T>>>>,
}

impl<T, B: Borrow<Monitor<()>>> Latch<T, B> {
    pub(crate) fn new() -> Self
    where
        B: Default,
    {
        Self::at(B::default())
    }

    /// One that shares `bell`.
    pub(crate) fn at(bell: B) -> Self {
        Self {
            value: OnceLock::new(),
            bell,
            blocked: AtomicUsize::new(0),
            channel: OnceLock::new(),
            #[cfg(feature = "net")]
            beacon: OnceLock::new(),
            bridges: Mutex::default(),
        }
    }

    /// Sets the latch, unless it is set; says whether it was this call.
    pub(crate) fn set(&self, value: T) -> bool {
        let first = self.publish(value);
        if first {
            Self::ring(&[self]);
        }
        first
    }

    /// Sets it for all but those who block.
    fn publish(&self, value: T) -> bool {
        if self.value.set(value).is_err() {
            return false;
        }
        // Taken out under the lock, dropped (which wakes) outside it. A bridge that is made later
        // sees the value under this same lock and is born hung up; so is a beacon lit.
        let bridges = self.bridges.lock().take();
        #[cfg(feature = "net")]
        if let Some(beacon) = self.beacon.get() {
            beacon.light();
        }
        let Some(mut bridges) = bridges else { return true };
        let callbacks = std::mem::take(&mut bridges.callbacks);
        drop(bridges);
        if let Some(value) = self.get() {
            for callback in callbacks {
                callback(value);
            }
        }
        true
    }

    /// Wakes those who block on any of `latches`, which are set and at the same bell.
    fn ring(latches: &[&Self]) {
        let Some(first) = latches.first() else { return };
        let bell = first.bell.borrow();
        // Taking the lock once closes the gap between a waiter's look at the value and its sleep: it
        // holds the lock from the one to the other.
        drop(bell.lock());
        if latches.iter().any(|latch| latch.blocked.load(Ordering::Relaxed) > 0) {
            bell.notify_all();
        }
    }

    /// Calls `callback` with the value as soon as there is one, on the thread that sets it: now, if
    /// there is. It is the library's own, and does not block.
    pub(crate) fn on_set(&self, callback: impl FnOnce(&T) + Send + 'static) {
        let mut bridges = self.bridges.lock();
        // Under this lock: who sets the latch takes the callbacks out after the value is there.
        let Some(value) = self.get() else {
            return bridges.get_or_insert_default().callbacks.push(Box::new(callback));
        };
        drop(bridges);
        callback(value);
    }

    pub(crate) fn get(&self) -> Option<&T> {
        self.value.get()
    }

    pub(crate) fn is_set(&self) -> bool {
        self.value.get().is_some()
    }

    /// Blocks until the latch is set.
    pub(crate) fn wait(&self) -> &T {
        loop {
            if let Some(value) = self.value.get() {
                return value;
            }
            self.block(|bell| drop(bell.wait_while(|()| !self.is_set())));
        }
    }

    /// Blocks until the latch is set, or `deadline`; `None` is no deadline.
    pub(crate) fn wait_until(&self, deadline: Option<Instant>) -> Option<&T> {
        if !self.is_set() {
            self.block(|bell| drop(bell.wait_while_until(deadline, |()| !self.is_set())));
        }
        self.value.get()
    }

    fn block(&self, wait: impl FnOnce(&Monitor<()>)) {
        self.blocked.fetch_add(1, Ordering::Relaxed);
        wait(self.bell.borrow());
        self.blocked.fetch_sub(1, Ordering::Relaxed);
    }

    /// A channel on which nothing ever comes and that disconnects when the latch is set.
    pub(crate) fn channel(&self) -> &Receiver<Infallible> {
        self.channel.get_or_init(|| {
            let (sender, receiver) = crossbeam_channel::bounded(0);
            let mut bridges = self.bridges.lock();
            if !self.is_set() {
                bridges.get_or_insert_default().sender = Some(sender);
            }
            receiver
        })
    }

    /// A descriptor that becomes readable when the latch is set, and stays so.
    #[cfg(feature = "net")]
    pub(crate) fn fd(&self) -> std::io::Result<std::os::fd::BorrowedFd<'_>> {
        use std::os::fd::AsFd;

        if let Some(beacon) = self.beacon.get() {
            return Ok(beacon.as_fd());
        }
        let fresh = Beacon::new()?;
        // Of two threads that got here at once the first under the lock wins; the other's is dropped,
        // unseen.
        let bridges = self.bridges.lock();
        let beacon = self.beacon.get_or_init(|| fresh);
        drop(bridges);
        if self.is_set() {
            beacon.light();
        }
        Ok(beacon.as_fd())
    }
}

impl<T: Clone> Latch<T, Bell> {
    /// Sets all of them that are not set. Where neighbours share a bell it is rung once for all of them, and none
    /// before the last is set: who wakes takes the core from this thread, and others that are about to do the
    /// same would begin anew with the rest.
    pub(crate) fn set_all(latches: &[Arc<Self>], value: &T) {
        let latches = latches.iter().map(|latch| &**latch);
        // The others are rung for by whoever has set them.
        let fresh: Vec<&Self> = latches.filter(|latch| latch.publish(value.clone())).collect();
        for neighbours in fresh.chunk_by(|one, next| Arc::ptr_eq(&one.bell, &next.bell)) {
            Self::ring(neighbours);
        }
    }
}

impl<T: fmt::Debug, B> fmt::Debug for Latch<T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Latch").field(&self.value.get()).finish()
    }
}

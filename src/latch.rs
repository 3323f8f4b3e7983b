//! A sticky event: set at most once, with a value, and seen by any number of threads, whether they
//! block, `select!`, poll a file descriptor or just look. It knows nothing of units.

use std::convert::Infallible;
use std::fmt;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender};

use crate::sync::{Monitor, Mutex, OnceLock};

/// What waits on a [`Latch`] beside the condvar, made on first use: a stop costs nothing for those
/// who only ever block.
struct Bridges<T> {
    /// Dropping it disconnects the channel, which every `select!` sees, now and later.
    sender: Option<Sender<Infallible>>,
    /// Dropping it hangs up the socket pair, which every `poll` sees, now and later.
    #[cfg(feature = "net")]
    hangup: Option<std::os::unix::net::UnixStream>,
    /// What is called with the value.
    callbacks: Vec<Callback<T>>,
}

type Callback<T> = Box<dyn FnOnce(&T) + Send>;

impl<T> Default for Bridges<T> {
    fn default() -> Self {
        Self {
            sender: None,
            #[cfg(feature = "net")]
            hangup: None,
            callbacks: Vec::new(),
        }
    }
}

/// The event. The bell is the condvar.
pub(crate) struct Latch<T> {
    /// Written once, before anybody is told; `OnceLock` publishes it (release/acquire).
    value: OnceLock<T>,
    bell: Monitor<()>,
    channel: OnceLock<Receiver<Infallible>>,
    #[cfg(feature = "net")]
    fd: OnceLock<std::os::unix::net::UnixStream>,
    bridges: Mutex<Bridges<T>>,
}

impl<T> Latch<T> {
    pub(crate) fn new() -> Self {
        Self {
            value: OnceLock::new(),
            bell: Monitor::default(),
            channel: OnceLock::new(),
            #[cfg(feature = "net")]
            fd: OnceLock::new(),
            bridges: Mutex::default(),
        }
    }

    /// Sets the latch, unless it is set; says whether it was this call.
    pub(crate) fn set(&self, value: T) -> bool {
        if self.value.set(value).is_err() {
            return false;
        }
        // Taken out under the lock, dropped (which wakes) outside it. A bridge that is made later
        // sees the value under this same lock and is born hung up.
        let mut bridges = std::mem::take(&mut *self.bridges.lock());
        let callbacks = std::mem::take(&mut bridges.callbacks);
        drop(bridges);
        if let Some(value) = self.get() {
            for callback in callbacks {
                callback(value);
            }
        }
        // Taking the lock once closes the gap between a waiter's look at the value and its sleep: it
        // holds the lock from the one to the other.
        drop(self.bell.lock());
        self.bell.notify_all();
        true
    }

    /// Calls `callback` with the value as soon as there is one, on the thread that sets it: now, if
    /// there is. It is the library's own, and does not block.
    pub(crate) fn on_set(&self, callback: impl FnOnce(&T) + Send + 'static) {
        let mut bridges = self.bridges.lock();
        // Under this lock: who sets the latch takes the callbacks out after the value is there.
        let Some(value) = self.get() else { return bridges.callbacks.push(Box::new(callback)) };
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
            drop(self.bell.wait_while(|()| !self.is_set()));
        }
    }

    /// Blocks until the latch is set, or `deadline`; `None` is no deadline.
    pub(crate) fn wait_until(&self, deadline: Option<Instant>) -> Option<&T> {
        if !self.is_set() {
            drop(self.bell.wait_while_until(deadline, |()| !self.is_set()));
        }
        self.value.get()
    }

    /// A channel on which nothing ever comes and that disconnects when the latch is set.
    pub(crate) fn channel(&self) -> &Receiver<Infallible> {
        self.channel.get_or_init(|| {
            let (sender, receiver) = crossbeam_channel::bounded(0);
            let mut bridges = self.bridges.lock();
            if !self.is_set() {
                bridges.sender = Some(sender);
            }
            receiver
        })
    }

    /// A descriptor that becomes readable (hung up) when the latch is set, and stays so.
    #[cfg(feature = "net")]
    pub(crate) fn fd(&self) -> std::io::Result<std::os::fd::BorrowedFd<'_>> {
        use std::os::fd::AsFd;

        if let Some(fd) = self.fd.get() {
            return Ok(fd.as_fd());
        }
        let (ours, hangup) = std::os::unix::net::UnixStream::pair()?;
        let mut bridges = self.bridges.lock();
        // Of two threads that got here at once the first under the lock wins; the other's pair is
        // dropped, both ends, unseen.
        let mut fresh = false;
        let fd = self.fd.get_or_init(|| {
            fresh = true;
            ours
        });
        if fresh && !self.is_set() {
            bridges.hangup = Some(hangup);
        }
        Ok(fd.as_fd())
    }
}

impl<T: fmt::Debug> fmt::Debug for Latch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Latch").field(&self.value.get()).finish()
    }
}

//! What is entered and left: the closers, two bare atomics, and what one would use instead. Each says
//! how it checks that it counts as the others do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crossbeam_utils::CachePadded;
use crossbeam_utils::sync;
use parking_lot::RwLock;
use rungroup::{ChannelCloser, Closer};
use tokio_util::task;

/// Something that is entered and left. Clones are the same thing, but for one.
pub(crate) trait Pair: Clone + Send + 'static {
    const NAME: &str;
    fn new() -> Self;
    /// Enters and leaves at once.
    fn pair(&self);
    /// Enters, sees that it counts, leaves, and sees that it counts no more.
    fn check(&self);
    /// Nobody is inside.
    fn check_empty(&self);
}

const COUNTED: &str = "one is inside";
const LEFT: &str = "and has left";
const OPEN: &str = "nobody closes";

/// The least that counting can cost: two read-modify-writes on a word of its own cache line, their
/// results looked at as a counter that can be closed has to.
#[derive(Clone)]
pub(crate) struct TwoAtomics(Arc<CachePadded<AtomicUsize>>);

impl TwoAtomics {
    const CLOSED: usize = 1;
    const ONE: usize = 2;

    /// Entering gives and needs nothing: relaxed.
    fn enter(&self) -> bool {
        self.0.fetch_add(Self::ONE, Ordering::Relaxed) & Self::CLOSED == 0
    }

    /// Whoever sees the last one leave sees what it has done: release. True if it was the last.
    fn leave(&self) -> bool {
        self.0.fetch_sub(Self::ONE, Ordering::Release) == Self::ONE | Self::CLOSED
    }
}

impl Pair for TwoAtomics {
    const NAME: &str = "two atomics";

    fn new() -> Self {
        Self(Arc::default())
    }

    #[inline]
    fn pair(&self) {
        assert!(self.enter(), "{OPEN}");
        assert!(!self.leave(), "{OPEN}");
    }

    fn check(&self) {
        assert!(self.enter());
        assert_eq!(self.0.load(Ordering::Relaxed), Self::ONE, "{COUNTED}");
        self.leave();
    }

    fn check_empty(&self) {
        assert_eq!(self.0.load(Ordering::Relaxed), 0, "{LEFT}");
    }
}

/// A word for each clone, so that each thread has its own: no counter at all, but what can be hoped
/// for on this machine at this time. It shows whether there were cores to be had.
pub(crate) struct Apart(TwoAtomics);

impl Clone for Apart {
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl Pair for Apart {
    const NAME: &str = "two atomics, a word each";

    fn new() -> Self {
        Self(TwoAtomics::new())
    }

    #[inline]
    fn pair(&self) {
        self.0.pair();
    }

    fn check(&self) {
        self.0.check();
    }

    fn check_empty(&self) {
        self.0.check_empty();
    }
}

/// An `Arc` cloned and dropped around the same: what a guard that borrows nothing costs at least.
#[derive(Clone)]
pub(crate) struct ArcAndTwoAtomics(Arc<TwoAtomics>);

impl Pair for ArcAndTwoAtomics {
    const NAME: &str = "`Arc` and two atomics";

    fn new() -> Self {
        Self(Arc::new(TwoAtomics::new()))
    }

    #[inline]
    fn pair(&self) {
        assert!(self.0.enter(), "{OPEN}");
        let owned = Arc::clone(&self.0);
        assert!(!owned.leave(), "{OPEN}");
    }

    fn check(&self) {
        self.0.check();
    }

    fn check_empty(&self) {
        self.0.check_empty();
    }
}

/// A closer, by how it is entered.
macro_rules! closers {
    ($($name:ident = $closer:ident $add:ident $count:ident, $shown:literal;)*) => {$(
        #[derive(Clone)]
        pub(crate) struct $name($closer);

        impl Pair for $name {
            const NAME: &str = $shown;

            fn new() -> Self {
                Self($closer::new())
            }

            #[inline]
            fn pair(&self) {
                let guard = self.0.$add();
                assert!(guard.is_some(), "{OPEN}");
                drop(guard);
            }

            fn check(&self) {
                let guard = self.0.$add();
                assert_eq!(self.0.$count(), 1, "{COUNTED}");
                drop(guard);
            }

            fn check_empty(&self) {
                assert_eq!(self.0.$count(), 0, "{LEFT}");
            }
        }
    )*};
}

closers! {
    Borrowed = Closer add_running running, "`add_running`";
    Owned = Closer add_running_owned running, "`add_running_owned`";
    Sending = ChannelCloser add_sender senders, "`add_sender`";
    Receiving = ChannelCloser add_receiver receivers, "`add_receiver`";
}

/// Crossbeam's `WaitGroup`, cloned and dropped. It cannot be closed, nor asked how many there are.
#[derive(Clone)]
pub(crate) struct WaitGroup(sync::WaitGroup);

impl Pair for WaitGroup {
    const NAME: &str = "`WaitGroup`";

    fn new() -> Self {
        Self(sync::WaitGroup::new())
    }

    #[inline]
    fn pair(&self) {
        drop(self.0.clone());
    }

    fn check(&self) {
        let (group, (waited, waiting)) = (sync::WaitGroup::new(), mpsc::channel());
        let inside = group.clone();
        thread::spawn(move || {
            group.wait();
            waited.send(())
        });
        let early = waiting.recv_timeout(Duration::from_millis(1));
        assert_eq!(early, Err(mpsc::RecvTimeoutError::Timeout), "{COUNTED}");
        drop(inside);
        waiting.recv_timeout(Duration::from_mins(1)).expect(LEFT);
    }

    fn check_empty(&self) {} // `self` is inside
}

/// Tokio's `TaskTracker`, of which a token is taken and dropped. Closing it refuses nobody.
#[derive(Clone)]
pub(crate) struct TaskTracker(task::TaskTracker);

impl Pair for TaskTracker {
    const NAME: &str = "`TaskTracker`";

    fn new() -> Self {
        Self(task::TaskTracker::new())
    }

    #[inline]
    fn pair(&self) {
        drop(self.0.token());
    }

    fn check(&self) {
        let token = self.0.token();
        assert_eq!(self.0.len(), 1, "{COUNTED}");
        drop(token);
    }

    fn check_empty(&self) {
        assert!(self.0.is_empty(), "{LEFT}");
    }
}

/// The construction of the Go original: entering looks under a read lock whether it is closed and
/// counts then; leaving counts only.
#[derive(Clone)]
pub(crate) struct LockAndCounter(Arc<(RwLock<bool>, AtomicUsize)>);

impl LockAndCounter {
    fn enter(&self) -> bool {
        let (is_closed, running) = &*self.0;
        let is_closed = is_closed.read();
        if !*is_closed {
            running.fetch_add(1, Ordering::Relaxed);
        }
        !*is_closed
    }

    /// How many there were.
    fn leave(&self) -> usize {
        self.0.1.fetch_sub(1, Ordering::Release)
    }
}

impl Pair for LockAndCounter {
    const NAME: &str = "`RwLock` and counter";

    fn new() -> Self {
        Self(Arc::default())
    }

    #[inline]
    fn pair(&self) {
        assert!(self.enter(), "{OPEN}");
        assert!(self.leave() > 0, "{OPEN}");
    }

    fn check(&self) {
        assert!(self.enter());
        assert_eq!(self.leave(), 1, "{COUNTED}");
        *self.0.0.write() = true;
        assert!(!self.enter(), "closed");
        *self.0.0.write() = false;
    }

    fn check_empty(&self) {
        assert_eq!(self.0.1.load(Ordering::Relaxed), 0, "{LEFT}");
    }
}

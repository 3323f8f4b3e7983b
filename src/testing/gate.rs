//! What holds a thread until a test lets it go on.

use std::convert::Infallible;
use std::time::Duration;

use crossbeam_channel::Receiver;

use crate::closer::{CloseNotify, Closer};

/// Closed until the test opens it: units that [hang](super::Script::hang) at it, or do something
/// [only then](super::Script::until), wait here.
///
/// It opens when it is dropped, too. So a test that fails leaves no thread hanging.
///
/// # Examples
///
/// A thread that hangs at its stop is left behind, and its process goes on:
///
/// ```
/// use std::time::Duration;
///
/// use rungroup::testing::{Gate, Script, Tester};
/// use rungroup::{ErrorKind, Group};
///
/// let gate = Gate::new();
/// let mut group = Group::new("demo").args(["demo"]);
/// group
///     .register(Script::new("deaf").until_told().hang(&gate))
///     .stop_timeout(Duration::from_millis(10));
/// let group = group.stop_timeout(Duration::from_millis(10));
/// let error = Tester::start(group).stop().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::NotStopped);
/// gate.open(); // and it leaves, after all
/// ```
#[derive(Debug, Default)]
pub struct Gate(Closer);

impl Gate {
    /// A closed one.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(!rungroup::testing::Gate::new().is_open());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets go who waits at it, and who comes later: it stays open.
    ///
    /// # Examples
    ///
    /// ```
    /// let gate = rungroup::testing::Gate::new();
    /// gate.open();
    /// assert!(gate.is_open());
    /// ```
    pub fn open(&self) {
        self.0.close();
    }

    /// Whether it was opened.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(!rungroup::testing::Gate::new().is_open());
    /// ```
    pub fn is_open(&self) -> bool {
        self.0.is_closed()
    }

    /// What waits at the gate, for closures of the test's own.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::testing::{Gate, Script};
    ///
    /// let gate = Gate::new();
    /// let pass = gate.pass();
    /// let slow = Script::new("slow").graceful_stop(move || {
    ///     pass.wait();
    ///     Ok(())
    /// });
    /// ```
    pub fn pass(&self) -> Pass {
        Pass(self.0.close_notify().clone())
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.open();
    }
}

/// Waits at a [`Gate`]. Cheap to clone, and good in any thread.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// let gate = rungroup::testing::Gate::new();
/// let pass = gate.pass();
/// assert!(!pass.wait_timeout(Duration::from_millis(1)));
/// drop(gate);
/// assert!(pass.wait_timeout(Duration::from_millis(1)));
/// ```
#[derive(Clone, Debug)]
pub struct Pass(CloseNotify);

impl Pass {
    /// Blocks until the gate is open.
    ///
    /// # Examples
    ///
    /// ```
    /// let gate = rungroup::testing::Gate::new();
    /// let pass = gate.pass();
    /// gate.open();
    /// pass.wait();
    /// ```
    pub fn wait(&self) {
        self.0.wait();
    }

    /// As [`wait`](Self::wait), for `limit` at most: whether the gate is open.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let gate = rungroup::testing::Gate::new();
    /// assert!(!gate.pass().wait_timeout(Duration::from_millis(1)));
    /// ```
    pub fn wait_timeout(&self, limit: Duration) -> bool {
        self.0.wait_timeout(limit)
    }

    /// For a `select!`: disconnects when the gate opens.
    ///
    /// # Examples
    ///
    /// ```
    /// let gate = rungroup::testing::Gate::new();
    /// let pass = gate.pass();
    /// assert!(pass.receiver().try_recv().unwrap_err().is_empty());
    /// gate.open();
    /// assert!(pass.receiver().try_recv().unwrap_err().is_disconnected());
    /// ```
    pub fn receiver(&self) -> &Receiver<Infallible> {
        self.0.receiver()
    }
}

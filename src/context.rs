//! What a callback is given: [`RunContext`] in the pre-run phase, [`ServeContext`] in `serve`.

use std::ffi::OsString;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::handle::GroupHandle;
use crate::stop::{StopReason, StopToken};

/// Something to run once, elsewhere.
pub(crate) type Task = Box<dyn FnOnce() + Send>;

/// Spawns threads that belong to the run itself.
pub(crate) trait HelperSpawner: Send + Sync {
    fn spawn_helper(&self, unit: &Arc<str>, name: &str, body: Task) -> Result<(), Error>;
}

/// What a `pre_run` is given. Cheap to clone and good in any thread.
///
/// # Examples
///
/// ```
/// use rungroup::{Group, pre_run_fn};
///
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(pre_run_fn("warm-up", |ctx| {
///     let stopped = ctx.stopped().clone();
///     ctx.spawn_helper("watch", move || {
///         stopped.wait();
///     })?;
///     assert_eq!(ctx.unit(), "warm-up");
///     Ok(())
/// }));
/// group.run().unwrap();
/// ```
#[derive(Clone)]
pub struct RunContext {
    pub(crate) handle: GroupHandle,
    pub(crate) unit: Arc<str>,
    pub(crate) roles: Arc<[String]>,
    pub(crate) arguments: Arc<[OsString]>,
    pub(crate) helpers: Arc<dyn HelperSpawner>,
}

impl RunContext {
    /// The unit's path.
    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// The group.
    pub fn handle(&self) -> &GroupHandle {
        &self.handle
    }

    /// The distinct roles of all units, sorted.
    pub fn roles(&self) -> &[String] {
        &self.roles
    }

    /// The positional arguments, where the group takes them; see `Group::arguments`.
    pub fn arguments(&self) -> &[OsString] {
        &self.arguments
    }

    /// The run's stop token: set when the group's end begins. A pre-run that can take long watches
    /// it.
    pub fn stopped(&self) -> &StopToken {
        self.handle.stopped()
    }

    /// Spawns a thread that belongs to the run: `run` does not return before it has ended, or lists
    /// it as left behind. It should end when [`stopped`](RunContext::stopped) is set, or when this
    /// unit's `post_run` tells it to. A panic in it is reported and ends it alone.
    ///
    /// # Errors
    ///
    /// When the name contains NUL or no thread could be spawned.
    pub fn spawn_helper(
        &self,
        name: &str,
        body: impl FnOnce() + Send + 'static,
    ) -> Result<(), Error> {
        self.helpers.spawn_helper(&self.unit, name, Box::new(body))
    }
}

impl fmt::Debug for RunContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunContext").field("unit", &self.unit).finish_non_exhaustive()
    }
}

/// The incarnation behind a [`ServeContext`].
pub(crate) trait Incarnation: Send + Sync {
    fn ready(&self);
    fn spawn(self: Arc<Self>, name: &str, body: Task) -> Result<(), Error>;
    /// The key to cancel it by.
    fn on_stop(&self, callback: Task) -> u64;
    fn cancel(&self, key: u64);
}

/// What a `serve` is given: its stop token, and everything that belongs to this incarnation. Cheap
/// to clone and good in any thread.
///
/// # Examples
///
/// ```
/// use rungroup::{Group, service_fn};
/// use std::time::Duration;
///
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(service_fn("pair", |ctx| {
///     ctx.spawn("second", |ctx| {
///         // The unit has not stopped before this thread has.
///         ctx.stopped().wait();
///     })?;
///     ctx.sleep(Duration::from_millis(1));
///     Ok(())
/// }));
/// group.run().unwrap();
/// ```
#[derive(Clone)]
pub struct ServeContext {
    pub(crate) handle: GroupHandle,
    pub(crate) unit: Arc<str>,
    pub(crate) stop: StopToken,
    pub(crate) attempt: u32,
    pub(crate) instance: u32,
    pub(crate) incarnation: Arc<dyn Incarnation>,
}

impl ServeContext {
    /// The unit's path.
    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// The group.
    pub fn handle(&self) -> &GroupHandle {
        &self.handle
    }

    /// This unit's stop token: set when it is this unit's turn to stop, or, for the threads that it
    /// has spawned, when its `serve` has returned.
    pub fn stopped(&self) -> &StopToken {
        &self.stop
    }

    /// Why it is to stop, once it is.
    pub fn stop_reason(&self) -> Option<&StopReason> {
        self.stop.reason()
    }

    /// Passes time: `true` when all of it has passed, `false` as soon as the unit is to stop.
    pub fn sleep(&self, time: Duration) -> bool {
        self.stop.wait_timeout(time).is_none()
    }

    /// Says that the unit is ready. It counts for units whose `declares_ready` is true; others are
    /// ready when their `serve` is entered.
    pub fn ready(&self) {
        self.incarnation.ready();
    }

    /// Which incarnation of the unit this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Which of the unit's instances this is, from 0; see `Registration::instances`.
    pub fn instance(&self) -> u32 {
        self.instance
    }

    /// Spawns a thread of this incarnation, named `unit:name`. The incarnation has not stopped
    /// before the thread has ended, so it should end when [`stopped`](ServeContext::stopped) is
    /// set. A panic in it is reported and ends it alone.
    ///
    /// # Errors
    ///
    /// When the name contains NUL, no thread could be spawned, or the incarnation has stopped. The
    /// closure is dropped, and with it what it holds.
    pub fn spawn(
        &self,
        name: &str,
        body: impl FnOnce(ServeContext) + Send + 'static,
    ) -> Result<(), Error> {
        let ctx = self.clone();
        self.incarnation.clone().spawn(name, Box::new(move || body(ctx)))
    }

    /// Has `callback` called once, on another thread, when the unit is to stop: to end what only a
    /// call can end, such as a blocked read of a socket. If the unit is to stop already, it is
    /// called right away. Dropping the guard cancels; a callback that is being called is not waited
    /// for. A panic in it is reported, and makes the run an error.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, service_fn};
    /// use std::io::Read;
    /// use std::net::{Shutdown, TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    /// let address = listener.local_addr().unwrap();
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("reader", move |ctx| {
    ///     let mut stream = TcpStream::connect(address)?;
    ///     let other = stream.try_clone()?;
    ///     let _guard = ctx.on_stop(move || drop(other.shutdown(Shutdown::Both)));
    ///     ctx.handle().stop("enough");
    ///     stream.read(&mut [0])?; // would block for ever
    ///     Ok(())
    /// }));
    /// group.run().unwrap();
    /// ```
    #[must_use = "dropping the guard cancels the callback; `keep` it for the incarnation's life"]
    pub fn on_stop(&self, callback: impl FnOnce() + Send + 'static) -> OnStop {
        let key = self.incarnation.on_stop(Box::new(callback));
        OnStop { key, incarnation: Some(self.incarnation.clone()) }
    }
}

impl fmt::Debug for ServeContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServeContext")
            .field("unit", &self.unit)
            .field("attempt", &self.attempt)
            .field("instance", &self.instance)
            .finish_non_exhaustive()
    }
}

/// Holds a callback of [`ServeContext::on_stop`]; dropping it cancels.
pub struct OnStop {
    key: u64,
    /// `None` once kept.
    incarnation: Option<Arc<dyn Incarnation>>,
}

impl OnStop {
    /// Leaves the callback in place for the rest of the incarnation.
    pub fn keep(mut self) {
        self.incarnation = None;
    }
}

impl Drop for OnStop {
    fn drop(&mut self) {
        if let Some(incarnation) = &self.incarnation {
            incarnation.cancel(self.key);
        }
    }
}

impl fmt::Debug for OnStop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnStop").finish_non_exhaustive()
    }
}

//! What a callback is given: [`RunContext`] in the pre-run phase, [`ServeContext`] in `serve`.

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
    pub(crate) helpers: Arc<dyn HelperSpawner>,
}

impl RunContext {
    /// The unit's path.
    ///
    /// # Examples
    ///
    /// ```
    /// # use rungroup::{Group, pre_run_fn};
    /// # let mut group = Group::new("demo").args(["demo"]);
    /// group.register(pre_run_fn("migrate", |ctx| {
    ///     assert_eq!(ctx.unit(), "migrate");
    ///     Ok(())
    /// }));
    /// # group.run()?;
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// The group.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, pre_run_fn, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(pre_run_fn("lease", |ctx| {
    ///     ctx.handle().stop("another one holds the lease"); // nothing will serve
    ///     Ok(())
    /// }));
    /// group.register(service_fn("server", |_ctx| Err("served without the lease".into())));
    /// let report = group.run()?;
    /// assert_eq!(report.reason().to_string(), "requested: another one holds the lease");
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn handle(&self) -> &GroupHandle {
        &self.handle
    }

    /// The distinct roles of all units, sorted.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, Role, Unit, pre_run_fn};
    ///
    /// struct Member(&'static str, &'static str);
    /// # impl Unit for Member {
    /// #     fn name(&self) -> &str { self.0 }
    /// #     fn as_role(&self) -> Option<&dyn Role> { Some(self) }
    /// # }
    /// # impl Role for Member {
    /// #     fn role(&self) -> &str { self.1 }
    /// # }
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(Member("frontend", "liaison"));
    /// group.register(Member("store", "data"));
    /// group.register(Member("index", "data"));
    /// group.register(pre_run_fn("join", |ctx| {
    ///     assert_eq!(ctx.roles(), ["data", "liaison"]);
    ///     Ok(())
    /// }));
    /// group.run()?;
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn roles(&self) -> &[String] {
        &self.roles
    }

    /// The run's stop token: set when the group's end begins. A pre-run that can take long watches
    /// it.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, pre_run_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// # let handle = group.handle();
    /// # let next_segment = move || Some(handle.stop("somebody is in a hurry"));
    /// group.register(pre_run_fn("replay", move |ctx| {
    ///     while let Some(segment) = next_segment() {
    ///         if ctx.stopped().is_stopped() {
    ///             return Ok(());
    ///         }
    ///         // ... replay the segment ...
    ///         # let _ = segment;
    ///     }
    ///     Ok(())
    /// }));
    /// let report = group.run()?;
    /// assert_eq!(report.reason().to_string(), "requested: somebody is in a hurry");
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn stopped(&self) -> &StopToken {
        self.handle.stopped()
    }

    /// Spawns a thread that belongs to the run, named `unit:name`: `run` does not return before it
    /// has ended, or lists it as left behind. It should end when [`stopped`](RunContext::stopped) is
    /// set, or when this unit's `post_run` tells it to. A panic in it is reported and ends it alone.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Spawn`](crate::ErrorKind::Spawn) when the name contains NUL, no thread could be
    /// spawned, or the run is over. The closure is dropped, and with it what it holds.
    ///
    /// # Examples
    ///
    /// ```
    /// use crossbeam_channel::unbounded;
    /// use rungroup::{Group, pre_run_fn};
    ///
    /// let (lines, written) = unbounded();
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(pre_run_fn("audit", move |ctx| {
    ///     let (stopped, lines) = (ctx.stopped().clone(), lines.clone());
    ///     ctx.spawn_helper("writer", move || {
    ///         stopped.wait();
    ///         let _ = lines.send("end of the run");
    ///     })?;
    ///     Ok(())
    /// }));
    /// group.run()?; // has joined the thread
    /// assert_eq!(written.try_recv(), Ok("end of the run"));
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
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
    fn handle(&self) -> &GroupHandle;
    /// Its path.
    fn unit(&self) -> &str;
    fn stopped(&self) -> &StopToken;
    fn attempt(&self) -> u32;
    fn ready(&self);
    fn extend_stop(&self, by: Duration);
    fn heartbeat(&self, instance: u32);
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
    pub(crate) instance: u32,
    pub(crate) incarnation: Arc<dyn Incarnation>,
}

impl ServeContext {
    /// The unit's path.
    ///
    /// # Examples
    ///
    /// ```
    /// # use rungroup::{Group, service_fn};
    /// # let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("server", |ctx| {
    ///     assert_eq!(ctx.unit(), "server");
    ///     Ok(())
    /// }));
    /// # group.run()?;
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn unit(&self) -> &str {
        self.incarnation.unit()
    }

    /// The group that runs: in a group in a group the outermost one. So what is
    /// [registered](GroupHandle::register) by it joins the outermost.
    ///
    /// # Examples
    ///
    /// ```
    /// # use rungroup::{Group, service_fn};
    /// # let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("admin", |ctx| {
    ///     ctx.handle().stop("told so by the admin page");
    ///     ctx.stopped().wait();
    ///     Ok(())
    /// }));
    /// let report = group.run()?;
    /// assert_eq!(report.reason().to_string(), "requested: told so by the admin page");
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn handle(&self) -> &GroupHandle {
        self.incarnation.handle()
    }

    /// This unit's stop token: set when it is this unit's turn to stop, or, for the threads that it
    /// has spawned, when its `serve` has returned.
    ///
    /// # Examples
    ///
    /// ```
    /// use crossbeam_channel::{never, select};
    /// use rungroup::{Group, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("worker", |ctx| {
    ///     let jobs = never::<u32>(); // a channel that is quiet for now
    ///     # ctx.handle().stop("an example ends");
    ///     loop {
    ///         select! {
    ///             recv(jobs) -> job => assert!(job? > 0),
    ///             recv(ctx.stopped().receiver()) -> _ => return Ok(()),
    ///         }
    ///     }
    /// }));
    /// group.run()?;
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn stopped(&self) -> &StopToken {
        self.incarnation.stopped()
    }

    /// Why it is to stop, once it is.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, StopReason, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("server", |ctx| {
    ///     ctx.handle().stop("moving house");
    ///     ctx.stopped().wait();
    ///     assert_eq!(ctx.stop_reason(), Some(&StopReason::from("moving house")));
    ///     Ok(())
    /// }));
    /// group.run()?;
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn stop_reason(&self) -> Option<&StopReason> {
        self.stopped().reason()
    }

    /// Passes time: `true` when all of it has passed, `false` as soon as the unit is to stop.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, service_fn};
    /// use std::time::Duration;
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("ticker", |ctx| {
    ///     let mut ticks = 0;
    ///     while ctx.sleep(Duration::from_millis(1)) {
    ///         ticks += 1;
    ///         if ticks == 3 {
    ///             ctx.handle().stop("three are enough");
    ///         }
    ///     }
    ///     assert!(ticks >= 3);
    ///     Ok(())
    /// }));
    /// group.run()?;
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn sleep(&self, time: Duration) -> bool {
        self.stopped().wait_timeout(time).is_none()
    }

    /// Says that the unit is ready. It counts for units whose `declares_ready` is true; others are
    /// ready when their `serve` is entered. Said again, nothing changes. Of several instances one is
    /// enough to say it; the unit is then ready when all of them have entered `serve`.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::*;
    ///
    /// struct Store;
    ///
    /// impl Service for Store {
    ///     fn declares_ready(&self) -> bool { true }
    ///     fn serve(&self, ctx: &ServeContext) -> Result<(), BoxError> {
    ///         // ... read the index ...
    ///         ctx.ready();
    ///         ctx.stopped().wait();
    ///         Ok(())
    ///     }
    /// }
    ///
    /// impl Unit for Store {
    ///     fn name(&self) -> &str { "store" }
    ///     fn as_service(&self) -> Option<&dyn Service> { Some(self) }
    /// }
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// let store = group.register(Store).id();
    /// group.register(service_fn("server", |_ctx| Ok(()))).after(store); // starts when it is ready
    /// let report = group.run()?;
    /// let [store, server] = report.units() else { unreachable!() };
    /// assert!(store.ready.is_some() && store.ready <= server.started);
    /// # Ok::<(), RunError>(())
    /// ```
    pub fn ready(&self) {
        self.incarnation.ready();
    }

    /// Asks for more time to stop: `by` from now, from any thread that has the context, again and
    /// again. Good for a unit that is told to stop, has a
    /// [`stop_timeout`](crate::Registration::stop_timeout), and gets on with what it has to do: it is not
    /// taken for one that hangs. It is never more than the group has, nor less than the unit had; and
    /// nothing happens if it is not told to stop, or is late by now.
    ///
    /// In systemd's terms it is `EXTEND_TIMEOUT_USEC=`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use rungroup::{Group, service_fn};
    /// use std::time::Duration;
    ///
    /// # let mut group = Group::new("demo").args(["demo"]);
    /// let spool = service_fn("spool", |ctx| {
    ///     ctx.stopped().wait();
    ///     for _file in 0..3 {
    ///         ctx.extend_stop(Duration::from_secs(5)); // another one, which may take as long
    ///         // … write it …
    ///     }
    ///     Ok(())
    /// });
    /// group.register(spool).stop_timeout(Duration::from_secs(5));
    /// # group.register(service_fn("end", |_| Ok(())));
    /// # group.run()?;
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn extend_stop(&self, by: Duration) {
        self.incarnation.extend_stop(by);
    }

    /// Says that the unit is alive, where [`Registration::heartbeat`](crate::Registration::heartbeat)
    /// wants that; otherwise it does nothing. To be called more often than the limit says, in the loop
    /// whose standstill is to be noticed. With [`instances`](crate::Registration::instances) each has to,
    /// with a context of its own.
    ///
    /// It takes a look at the clock and a lock that only this unit knows.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rungroup::{Group, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("meter", |ctx| {
    ///     for _ in 0..3 {
    ///         // … one round of work …
    ///         ctx.heartbeat();
    ///     }
    ///     Ok(())
    /// })).heartbeat(Duration::from_secs(10));
    /// group.run()?;
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn heartbeat(&self) {
        self.incarnation.heartbeat(self.instance);
    }

    /// Which incarnation of the unit this is, from 1.
    ///
    /// # Examples
    ///
    /// ```
    /// # use rungroup::{Group, service_fn};
    /// # let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("server", |ctx| {
    ///     assert_eq!(ctx.attempt(), 1);
    ///     Ok(())
    /// }));
    /// # group.run()?;
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn attempt(&self) -> u32 {
        self.incarnation.attempt()
    }

    /// Which of the unit's instances this is, from 0; see `Registration::instances`.
    ///
    /// # Examples
    ///
    /// ```
    /// use crossbeam_channel::unbounded;
    /// use rungroup::{Group, service_fn};
    ///
    /// let (enter, entered) = unbounded();
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("worker", move |ctx| {
    ///     enter.send(ctx.instance())?;
    ///     Ok(())
    /// })).instances(3);
    /// group.run()?;
    /// let mut instances: Vec<u32> = entered.try_iter().collect();
    /// instances.sort_unstable();
    /// assert_eq!(instances, [0, 1, 2]);
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn instance(&self) -> u32 {
        self.instance
    }

    /// Spawns a thread of this incarnation, named `unit:name`. The incarnation has not stopped
    /// before the thread has ended, so it should end when [`stopped`](ServeContext::stopped) is
    /// set. A panic in it is reported and ends it alone.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Spawn`](crate::ErrorKind::Spawn) when the name contains NUL, no thread could be
    /// spawned, or the incarnation has stopped or was left behind. The closure is dropped, and with
    /// it what it holds.
    ///
    /// # Examples
    ///
    /// ```
    /// use crossbeam_channel::unbounded;
    /// use rungroup::{Group, service_fn};
    ///
    /// let (reply, replies) = unbounded();
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("server", move |ctx| {
    ///     for connection in 1..=3 {
    ///         let reply = reply.clone();
    ///         ctx.spawn("conn", move |_ctx| drop(reply.send(connection)))?;
    ///     }
    ///     Ok(()) // the unit has stopped when all three have ended
    /// }));
    /// group.run()?;
    /// assert_eq!(replies.try_iter().sum::<i32>(), 6);
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn spawn(
        &self,
        name: &str,
        body: impl FnOnce(ServeContext) + Send + 'static,
    ) -> Result<(), Error> {
        let ctx = self.clone();
        self.incarnation.clone().spawn(name, Box::new(move || body(ctx)))
    }

    /// Has `callback` called once, on another thread, when the unit is to stop or its `serve` has
    /// returned: to end what only a call can end, such as a blocked read of a socket. If the unit is
    /// to stop already, it is called right away. Dropping the guard cancels; a callback that is
    /// being called is not waited for. A panic in it is reported, and makes the run an error.
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
            .field("unit", &self.unit())
            .field("attempt", &self.attempt())
            .field("instance", &self.instance)
            .finish_non_exhaustive()
    }
}

/// Holds a callback of [`ServeContext::on_stop`]; dropping it cancels.
///
/// # Examples
///
/// ```
/// use rungroup::{Group, service_fn};
///
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(service_fn("client", |ctx| {
///     let guard = ctx.on_stop(|| panic!("cancelled, so never called"));
///     // ... a request that blocks ...
///     drop(guard); // it is through: there is nothing to end any more
///     Ok(())
/// }));
/// group.run()?;
/// # Ok::<(), rungroup::RunError>(())
/// ```
pub struct OnStop {
    key: u64,
    /// `None` once kept.
    incarnation: Option<Arc<dyn Incarnation>>,
}

impl OnStop {
    /// Leaves the callback in place for the rest of the incarnation.
    ///
    /// # Examples
    ///
    /// ```
    /// use crossbeam_channel::unbounded;
    /// use rungroup::{Group, service_fn};
    ///
    /// let (wake, woken) = unbounded();
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("client", move |ctx| {
    ///     let wake = wake.clone();
    ///     ctx.on_stop(move || drop(wake.send("stop"))).keep();
    ///     Ok(())
    /// }));
    /// group.run()?;
    /// assert_eq!(woken.try_recv(), Ok("stop"));
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
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

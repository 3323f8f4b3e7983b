//! What is said of a unit where it is registered.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::entry::Entry;
use super::limit::Limit;
use super::shared::Shared;
use crate::error::Error;
use crate::flags::Bytes;
use crate::handle::UnitId;
use crate::restart::Restart;

/// A unit that was just registered: its id, and what else there is to say of it. Nothing needs to be
/// said. All but [`after`](Registration::after) is for what serves: said of a unit that does not it is a
/// definition error.
///
/// # Examples
///
/// ```
/// use rungroup::{Group, service_fn};
/// use std::time::Duration;
///
/// let mut group = Group::new("demo").args(["demo"]);
/// let store = group.register(service_fn("store", |ctx| {
///     ctx.stopped().wait(); // told when "server" has stopped
///     Ok(())
/// })).id();
/// group.register(service_fn("server", |_ctx| Ok(())))
///     .after(store)
///     .stop_timeout(Duration::from_secs(5));
/// group.run().unwrap();
/// ```
pub struct Registration<'g, When = BeforeServing> {
    shared: Arc<Shared>,
    index: usize,
    takes_part: bool,
    when: PhantomData<(&'g (), When)>,
}

/// In a [`Registration`]: of a group that does not serve yet.
#[derive(Debug)]
pub enum BeforeServing {}

/// In a [`Registration`]: of a group that serves; see [`GroupHandle::register`](crate::GroupHandle::register).
/// It takes [`start`](Registration::start) to make it count.
#[derive(Debug)]
pub enum WhileServing {}

impl Registration<'_, WhileServing> {
    /// Lets it take part: its pre-run is called here and now, then it starts as any, when what it comes
    /// [`after`](Registration::after) is ready. Its clean-up is the run's. If this is not called it
    /// never was registered.
    ///
    /// The group is not ready until it is. From a pre-run on its own thread it may take as long as that
    /// does; the run does not wait for it.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Definition`](crate::ErrorKind::Definition) if it is put together wrongly, or has flags;
    /// - [`ErrorKind::PreRun`](crate::ErrorKind::PreRun) if its pre-run fails, with the failure as the
    ///   source;
    /// - [`ErrorKind::NotServing`](crate::ErrorKind::NotServing) before the group serves, and
    ///   [`ErrorKind::Stopped`](crate::ErrorKind::Stopped) when its end has begun, be it during the pre-run;
    /// - [`ErrorKind::UnknownUnit`](crate::ErrorKind::UnknownUnit) if it, or what it comes after, is taken
    ///   out meanwhile.
    ///
    /// Whatever the error: it is not part of the group, and a pre-run that was done has been cleaned up.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{ErrorKind, Group, service_fn};
    ///
    /// let group = Group::new("demo");
    /// let early = group.handle().register(service_fn("meter", |_ctx| Ok(()))).start();
    /// assert_eq!(early.unwrap_err().kind(), ErrorKind::NotServing);
    /// ```
    pub fn start(self) -> Result<UnitId, Error> {
        self.shared.start(self.index)
    }
}

impl<When> Registration<'_, When> {
    pub(super) fn new(shared: Arc<Shared>, index: usize, takes_part: bool) -> Self {
        Self { shared, index, takes_part, when: PhantomData }
    }
}

#[allow(clippy::return_self_not_must_use)] // the unit is registered, used or not
impl<When> Registration<'_, When> {
    /// Which unit it is, for [`after`](Registration::after) of others and for `deregister`.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// let store = group.register(service_fn("store", |ctx| {
    ///     ctx.stopped().wait();
    ///     Ok(())
    /// })).id();
    /// group.register(service_fn("server", |_ctx| Ok(()))).after(store);
    /// group.run()?;
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn id(&self) -> UnitId {
        UnitId { run: self.shared.id, index: self.index }
    }

    /// Whether the unit takes part in any phase. One that does not may lack an `as_…` method: a
    /// [warning](crate::Event::Warning) says so, and where another is to come
    /// [`after`](Registration::after) it that is a definition error. One that came too late is refused,
    /// and takes part in none.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, Unit, service_fn};
    ///
    /// struct Inert;
    /// impl Unit for Inert {
    ///     fn name(&self) -> &str { "inert" }
    /// }
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// assert!(!group.register(Inert).takes_part());
    /// assert!(group.register(service_fn("server", |_ctx| Ok(()))).takes_part());
    /// ```
    pub fn takes_part(&self) -> bool {
        self.takes_part
    }

    /// It starts when `unit` is ready, and `unit` is not told to stop before it has stopped, or is
    /// past its [`stop_timeout`](Registration::stop_timeout). Its pre-run comes after `unit`'s, too.
    /// May be said of several. An id of another group, of a unit that was deregistered, and a circle
    /// are definition errors.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// let store = group.register(service_fn("store", |ctx| {
    ///     ctx.stopped().wait();
    ///     Ok(())
    /// })).id();
    /// group.register(service_fn("server", |_ctx| Ok(()))).after(store);
    /// let report = group.run()?;
    /// let [store, server] = report.units() else { unreachable!() };
    /// assert!(store.ready.is_some() && store.ready <= server.started);
    /// assert!(server.stopped.is_some() && server.stopped <= store.told);
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn after(self, unit: UnitId) -> Self {
        self.with(|entry| {
            let after = &mut entry.options_mut().after;
            if !after.contains(&unit) {
                after.push(unit);
            }
        })
    }

    /// How long the others wait for it to stop, from the moment when it is told. After that it is
    /// left behind if need be. By default it has as long as the group.
    ///
    /// # Examples
    ///
    /// ```
    /// use crossbeam_channel::bounded;
    /// use rungroup::{Group, service_fn};
    /// use std::time::Duration;
    ///
    /// let (_hold, held) = bounded::<()>(0);
    /// let mut group = Group::new("demo").args(["demo"]);
    /// let deaf = group.register(service_fn("deaf", move |_ctx| Ok(held.recv()?)))
    ///     .stop_timeout(Duration::from_millis(10))
    ///     .id();
    /// group.register(service_fn("short", |_ctx| Ok(()))).after(deaf);
    /// let error = group.run().unwrap_err(); // without waiting for the group's 30 s
    /// assert_eq!(error.left_behind()[0].unit.as_deref(), Some("deaf"));
    /// ```
    pub fn stop_timeout(self, limit: impl Into<Limit>) -> Self {
        let limit = limit.into(); // may be the program's: not under the lock
        self.with(|entry| entry.options_mut().stop_timeout = Some(limit))
    }

    /// How long it may take from its start until it is ready, for one that
    /// [declares](crate::Service::declares_ready) it. If it is not by then that is a failure: it is told
    /// to stop, as it would be at the end, and ends the group or [starts again](Registration::restart).
    /// By default it may take for ever.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::*;
    /// use std::time::Duration;
    ///
    /// struct Uplink;
    ///
    /// impl Unit for Uplink {
    ///     fn name(&self) -> &str { "uplink" }
    ///     fn as_service(&self) -> Option<&dyn Service> { Some(self) }
    /// }
    ///
    /// impl Service for Uplink {
    ///     fn declares_ready(&self) -> bool { true }
    ///     fn serve(&self, ctx: &ServeContext) -> Result<(), BoxError> {
    ///         ctx.stopped().wait(); // and never ready
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(Uplink).start_timeout(Duration::from_millis(10));
    /// let error = group.run().unwrap_err();
    /// assert_eq!(error.to_string(), "unit 'uplink': start failed: not ready within 10ms");
    /// ```
    pub fn start_timeout(self, limit: impl Into<Limit>) -> Self {
        let limit = limit.into(); // may be the program's: not under the lock
        self.with(|entry| entry.options_mut().start_timeout = Some(limit))
    }

    /// It has to be heard of: a unit that is ready and then does not call
    /// [`ServeContext::heartbeat`](crate::ServeContext::heartbeat) for so long is **unresponsive**, until it
    /// does. That is an event and stands in the snapshot; the unit and its group are not ready meanwhile.
    /// Nothing is done to it: a thread cannot be ended, and who hangs may come back. Once it is told to
    /// stop it need not be heard of any more: then it has its [`stop_timeout`](Registration::stop_timeout).
    /// By default nobody has to.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Event, Group, service_fn};
    /// use std::time::Duration;
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// let events = group.handle().events(64);
    /// group.register(service_fn("meter", move |ctx| {
    ///     // … hangs, until this is noticed …
    ///     let noticed = |event: &Event| matches!(event, Event::Unresponsive { .. });
    ///     assert!(events.iter().any(|event| noticed(&event)));
    ///     assert!(!ctx.handle().snapshot().units[0].ready);
    ///     ctx.heartbeat();
    ///     Ok(())
    /// })).heartbeat(Duration::from_millis(10));
    /// group.run()?;
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn heartbeat(self, limit: impl Into<Limit>) -> Self {
        let limit = limit.into(); // may be the program's: not under the lock
        self.with(|entry| entry.options_mut().heartbeat = Some(limit))
    }

    /// Whether it starts again when it has ended by itself. It does not if nothing is said: it ends the
    /// group.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, Restart, service_fn};
    ///
    /// let mut group = Group::new("demo");
    /// group
    ///     .register(service_fn("feed", |ctx| {
    ///         // … reads until the connection is lost, and returns that error …
    ///         # ctx.handle().stop("enough");
    ///         ctx.stopped().wait();
    ///         Ok(())
    ///     }))
    ///     .restart(Restart::on_failure());
    /// group.run().unwrap();
    /// ```
    pub fn restart(self, policy: Restart) -> Self {
        self.with(|entry| entry.options_mut().restart = Some(policy))
    }

    /// It is a task: its `Ok` ends only itself. When nothing but finished tasks and background units
    /// are left, the group ends with `Ok`. An error or a panic counts as for any service.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, StopReason, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("import", |_ctx| Ok(()))).task();
    /// group.register(service_fn("index", |_ctx| Ok(()))).task();
    /// let report = group.run()?;
    /// assert_eq!(report.reason(), &StopReason::TasksDone);
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn task(self) -> Self {
        self.with(|entry| entry.options_mut().task = true)
    }

    /// It keeps nobody alive, and is told to stop after all others; but what it comes
    /// [`after`](Registration::after) still stops after it.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("metrics", |ctx| {
    ///     ctx.stopped().wait(); // told when the import is done
    ///     Ok(())
    /// })).background();
    /// group.register(service_fn("import", |_ctx| Ok(()))).task();
    /// let report = group.run()?;
    /// assert_eq!(report.reason().to_string(), "all tasks are done");
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn background(self) -> Self {
        self.with(|entry| entry.options_mut().background = true)
    }

    /// It serves on so many threads, each with its number in `ServeContext::instance`; by default on
    /// one, and none is a definition error. The first failure ends them all; without one the unit
    /// has ended when all of them have returned.
    ///
    /// # Examples
    ///
    /// ```
    /// use crossbeam_channel::unbounded;
    /// use rungroup::{Group, service_fn};
    /// use std::thread;
    ///
    /// let (enter, entered) = unbounded();
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("worker", move |_ctx| {
    ///     Ok(enter.send(thread::current().name().map(str::to_owned))?)
    /// })).instances(2);
    /// group.run()?;
    /// let mut threads: Vec<_> = entered.try_iter().flatten().collect();
    /// threads.sort_unstable();
    /// assert_eq!(threads, ["worker#0", "worker#1"]);
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn instances(self, count: u32) -> Self {
        self.with(|entry| entry.options_mut().instances = Some(count))
    }

    /// The stack of its service threads, not of those that it spawns itself; by default Rust's,
    /// 2 MiB.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Bytes, Group, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("parser", |_ctx| {
    ///     let nested = [1_u8; 4 << 20]; // more than the usual stack holds
    ///     # let nested = std::hint::black_box(nested);
    ///     assert_eq!(nested.len(), 4 << 20);
    ///     Ok(())
    /// })).stack_size(Bytes::mib(32));
    /// group.run()?;
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn stack_size(self, size: Bytes) -> Self {
        let size = usize::try_from(size.get()).unwrap_or(usize::MAX);
        self.with(|entry| entry.options_mut().stack_size = Some(size))
    }

    fn with(self, change: impl FnOnce(&mut Entry)) -> Self {
        // One that serves may have ended, and been dropped with all that was registered.
        if let Some(entry) = self.shared.registry.lock().entries.get_mut(self.index) {
            change(entry);
        }
        self
    }
}

impl<When> fmt::Debug for Registration<'_, When> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.shared.registry.lock().entries.get(self.index).map(|it| it.path.clone());
        f.debug_struct("Registration").field("unit", &name).finish_non_exhaustive()
    }
}

//! The parts of a program: the [`Unit`] trait, and the phases that a unit can take part in.

use std::sync::Arc;

use crate::context::{RunContext, ServeContext};
use crate::error::ConfigErrors;
use crate::failure::BoxError;
use crate::flags::{FlagSet, Reload};

/// A part of a program, handed to a `Group`.
///
/// Rust cannot ask an object which traits it has, so a unit says which phases it takes part in:
/// override the `as_…` methods of those, and return `Some(self)`. They are asked when the unit is
/// registered, and the answer must not change.
///
/// **One that is forgotten is not an error**: a unit without `as_service` does not serve, whether or
/// not it implements [`Service`]. What takes part in which phase is shown by
/// [`Group::list_units`](crate::Group::list_units), or by any program when it is called with
/// `--show-rungroup-units`.
///
/// All methods take `&self`, since a unit is shared by the threads that serve it. `Arc<U>`,
/// `Box<U>` and `Arc<dyn Unit>` are units too, so that the program can keep a share of its own.
///
/// # Examples
///
/// ```
/// use rungroup::{BoxError, Group, ServeContext, Service, Unit};
///
/// struct Greeter;
///
/// impl Unit for Greeter {
///     fn name(&self) -> &str { "greeter" }
///     fn as_service(&self) -> Option<&dyn Service> { Some(self) }
/// }
///
/// impl Service for Greeter {
///     fn serve(&self, ctx: &ServeContext) -> Result<(), BoxError> {
///         assert_eq!(ctx.unit(), "greeter");
///         Ok(())
///     }
/// }
///
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(Greeter);
/// group.run().unwrap();
/// ```
pub trait Unit: Send + Sync + 'static {
    /// Its name within its group: not empty, without `/` and NUL, and no other unit has it. Service
    /// threads carry it, behind the names of the groups that its group is in: `uplink/feed`.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Unit, service_fn};
    ///
    /// assert_eq!(service_fn("server", |_ctx| Ok(())).name(), "server");
    /// ```
    fn name(&self) -> &str;

    /// `Some(self)` if it has flags.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Config, FlagSet, Unit};
    ///
    /// struct Store;
    ///
    /// impl Unit for Store {
    ///     fn name(&self) -> &str { "store" }
    ///     fn as_config(&self) -> Option<&dyn Config> { Some(self) }
    /// }
    ///
    /// impl Config for Store {
    ///     fn flag_set(&self) -> FlagSet { FlagSet::new("Store") }
    /// }
    ///
    /// assert!(Store.as_config().is_some());
    /// ```
    fn as_config(&self) -> Option<&dyn Config> {
        None
    }

    /// `Some(self)` if it has something to do before anything serves.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{BoxError, PreRunner, RunContext, Unit};
    ///
    /// struct Store;
    ///
    /// impl Unit for Store {
    ///     fn name(&self) -> &str { "store" }
    ///     fn as_pre_runner(&self) -> Option<&dyn PreRunner> { Some(self) }
    /// }
    ///
    /// impl PreRunner for Store {
    ///     fn pre_run(&self, _ctx: &RunContext) -> Result<(), BoxError> { Ok(()) }
    /// }
    ///
    /// assert!(Store.as_pre_runner().is_some());
    /// ```
    fn as_pre_runner(&self) -> Option<&dyn PreRunner> {
        None
    }

    /// `Some(self)` if it serves.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{BoxError, ServeContext, Service, Unit};
    ///
    /// struct Store;
    ///
    /// impl Unit for Store {
    ///     fn name(&self) -> &str { "store" }
    ///     fn as_service(&self) -> Option<&dyn Service> { Some(self) }
    /// }
    ///
    /// impl Service for Store {
    ///     fn serve(&self, _ctx: &ServeContext) -> Result<(), BoxError> { Ok(()) }
    /// }
    ///
    /// assert!(Store.as_service().is_some());
    /// ```
    fn as_service(&self) -> Option<&dyn Service> {
        None
    }

    /// `Some(self)` if it gives the program a role.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Role, Unit};
    ///
    /// struct Store;
    ///
    /// impl Unit for Store {
    ///     fn name(&self) -> &str { "store" }
    ///     fn as_role(&self) -> Option<&dyn Role> { Some(self) }
    /// }
    ///
    /// impl Role for Store {
    ///     fn role(&self) -> &str { "data" }
    /// }
    ///
    /// assert!(Store.as_role().is_some());
    /// ```
    fn as_role(&self) -> Option<&dyn Role> {
        None
    }

    /// Whether it is for a whole program, as one that takes the process's signals: in a group that is
    /// [registered](crate::Group::register) with another it is then a definition error. Asked when it
    /// is registered.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{ErrorKind, Group, Signals};
    ///
    /// let mut uplink = Group::new("uplink");
    /// uplink.register(Signals::new());
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(uplink);
    /// let error = group.run().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Definition);
    /// assert_eq!(
    ///     error.to_string(),
    ///     "unit 'uplink/signals': is for a whole program: register it with the outermost group",
    /// );
    /// ```
    fn root_only(&self) -> bool {
        false
    }
}

/// A unit with settings of its own.
///
/// # Examples
///
/// ```
/// use rungroup::{Config, ConfigErrors, Flag, FlagSet, Group, Unit};
///
/// struct Cache { entries: Flag<u32> }
///
/// impl Unit for Cache {
///     fn name(&self) -> &str { "cache" }
///     fn as_config(&self) -> Option<&dyn Config> { Some(self) }
/// }
///
/// impl Config for Cache {
///     fn flag_set(&self) -> FlagSet { FlagSet::new("Cache").add(&self.entries) }
///     fn validate(&self) -> Result<(), ConfigErrors> {
///         if *self.entries.get() == 0 {
///             return Err(self.entries.invalid("needs at least one"))?;
///         }
///         Ok(())
///     }
/// }
///
/// let mut group = Group::new("demo").args(["demo", "--entries=0"]);
/// group.register(Cache { entries: Flag::new("entries", 100, "how many to keep") });
/// let error = group.run_config().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "unit 'cache': invalid value '0' for '--entries' (command line): needs at least one",
/// );
/// ```
pub trait Config: Send + Sync {
    /// Its flags, in the order in which the help shows them. Called once.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Bytes, Config, Flag, FlagSet};
    /// use std::path::PathBuf;
    ///
    /// struct Store { dir: Flag<PathBuf>, cache: Flag<Bytes> }
    ///
    /// impl Config for Store {
    ///     fn flag_set(&self) -> FlagSet { FlagSet::new("Store").add(&self.dir).add(&self.cache) }
    /// }
    ///
    /// let store = Store {
    ///     dir: Flag::new("dir", "data", "where the data is kept"),
    ///     cache: Flag::new("cache", Bytes::mib(64), "how much to cache"),
    /// };
    /// assert_eq!(store.flag_set().flags().count(), 2);
    /// ```
    fn flag_set(&self) -> FlagSet;

    /// Checks what the flags were set to. Called once, after all flags of all units have been
    /// parsed, and not at all where a value of this unit's could not be.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, preferably at once; see [`ConfigErrors`]. It is reported together
    /// with the problems of the other units, and the run ends before any pre-run.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Config, ConfigErrors, Flag, FlagSet};
    ///
    /// struct Pool { min: Flag<u32>, max: Flag<u32> }
    ///
    /// impl Config for Pool {
    ///     fn flag_set(&self) -> FlagSet { FlagSet::new("Pool").add(&self.min).add(&self.max) }
    ///     fn validate(&self) -> Result<(), ConfigErrors> {
    ///         let mut errors = ConfigErrors::new();
    ///         if self.min.get() > self.max.get() {
    ///             errors.push(self.min.invalid("more than --max"));
    ///         }
    ///         errors.into_result()
    ///     }
    /// }
    ///
    /// let pool = Pool { min: Flag::new("min", 2, "the least"), max: Flag::new("max", 8, "the most") };
    /// assert!(pool.validate().is_ok());
    /// pool.min.set_for_test(9_u32);
    /// assert!(pool.validate().is_err());
    /// ```
    fn validate(&self) -> Result<(), ConfigErrors> {
        Ok(())
    }

    /// Says whether the unit can live with what a [reload](crate::GroupHandle::reload) is about to
    /// set. `get` of a flag still gives the old value here, [`Reload::get`] the new one.
    ///
    /// Called on the thread that asked for the reload, only after every value by itself has been
    /// found in order. [`validate`](Self::validate) is not called again: what it says of several
    /// flags together, say here too, for those that are [`Live`](crate::Live).
    ///
    /// # Errors
    ///
    /// Everything that is wrong. Nothing changes then, for no unit.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Config, ConfigErrors, FlagSet, Live, Reload};
    ///
    /// struct Cache { size: Live<u32> }
    ///
    /// impl Config for Cache {
    ///     fn flag_set(&self) -> FlagSet { FlagSet::new("Cache").add(&self.size) }
    ///     fn validate_reload(&self, new: &Reload) -> Result<(), ConfigErrors> {
    ///         if new.get(&self.size) < self.size.get() {
    ///             return Err(new.invalid(&self.size, "can only grow while the program runs"))?;
    ///         }
    ///         Ok(())
    ///     }
    /// }
    /// ```
    fn validate_reload(&self, _new: &Reload) -> Result<(), ConfigErrors> {
        Ok(())
    }

    /// Called after every reload that was not refused, whether a value has changed or not: for what
    /// has to be done with new values, and for what else a reload means to the unit, as reading its
    /// certificates again.
    ///
    /// It is on the thread that asked for the reload, one unit after the other, in the order of
    /// registration; a `post_run` can come before it has returned.
    ///
    /// # Errors
    ///
    /// What went wrong. The new values stay, and so does the run: it is among the events, and what
    /// [`GroupHandle::reload`](crate::GroupHandle::reload) returns.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{BoxError, Config, FlagSet, Live};
    /// use std::sync::Mutex;
    ///
    /// struct Cache { size: Live<usize>, entries: Mutex<Vec<u64>> }
    ///
    /// impl Config for Cache {
    ///     fn flag_set(&self) -> FlagSet { FlagSet::new("Cache").add(&self.size) }
    ///     fn reload(&self) -> Result<(), BoxError> {
    ///         self.entries.lock().unwrap().truncate(*self.size.get());
    ///         Ok(())
    ///     }
    /// }
    /// ```
    fn reload(&self) -> Result<(), BoxError> {
        Ok(())
    }
}

/// A unit with something to do before anything serves: open, bind, replay.
///
/// # Examples
///
/// ```
/// use rungroup::{BoxError, Group, PreRunner, RunContext, Unit};
/// use std::net::TcpListener;
/// use std::sync::OnceLock;
///
/// struct Server { listener: OnceLock<TcpListener> }
///
/// impl Unit for Server {
///     fn name(&self) -> &str { "server" }
///     fn as_pre_runner(&self) -> Option<&dyn PreRunner> { Some(self) }
/// }
///
/// impl PreRunner for Server {
///     fn pre_run(&self, _ctx: &RunContext) -> Result<(), BoxError> {
///         let _ = self.listener.set(TcpListener::bind("127.0.0.1:0")?);
///         Ok(())
///     }
/// }
///
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(Server { listener: OnceLock::new() });
/// group.run().unwrap();
/// ```
pub trait PreRunner: Send + Sync {
    /// Called once, on the thread that called `run`, after the pre-runs of the units registered
    /// before it and of those it comes `after`. It has no deadline; one that can take long watches
    /// [`RunContext::stopped`].
    ///
    /// # Errors
    ///
    /// Any error ends the run: nothing serves, and the units whose pre-run succeeded are cleaned up
    /// with [`post_run`](PreRunner::post_run), in reverse.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{BoxError, Group, PreRunner, RunContext, Unit};
    /// # struct Lock;
    /// # impl Unit for Lock {
    /// #     fn name(&self) -> &str { "lock" }
    /// #     fn as_pre_runner(&self) -> Option<&dyn PreRunner> { Some(self) }
    /// # }
    ///
    /// impl PreRunner for Lock {
    ///     fn pre_run(&self, _ctx: &RunContext) -> Result<(), BoxError> {
    ///         Err("another process has it".into())
    ///     }
    /// }
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(Lock);
    /// let error = group.run().unwrap_err();
    /// assert_eq!(error.to_string(), "unit 'lock': pre_run failed: another process has it");
    /// ```
    fn pre_run(&self, ctx: &RunContext) -> Result<(), BoxError>;

    /// Cleans up what `pre_run` made. Called at most once, on the thread that called `run`, after
    /// all services have ended, in the reverse order of the pre-runs, and only if this unit's
    /// `pre_run` succeeded. Skipped, and reported so, for a unit that did not stop and for those
    /// that it comes `after`.
    ///
    /// # Errors
    ///
    /// Any error is reported beside the cause of the run's end, and the other clean-ups go on.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{BoxError, Group, PreRunner, RunContext, Unit};
    /// use std::sync::{Arc, Mutex};
    ///
    /// #[derive(Default)]
    /// struct Lock { held: Mutex<bool> }
    /// # impl Unit for Lock {
    /// #     fn name(&self) -> &str { "lock" }
    /// #     fn as_pre_runner(&self) -> Option<&dyn PreRunner> { Some(self) }
    /// # }
    ///
    /// impl PreRunner for Lock {
    ///     fn pre_run(&self, _ctx: &RunContext) -> Result<(), BoxError> {
    ///         *self.held.lock().unwrap() = true;
    ///         Ok(())
    ///     }
    ///     fn post_run(&self) -> Result<(), BoxError> {
    ///         *self.held.lock().unwrap() = false;
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let lock = Arc::new(Lock::default());
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(lock.clone());
    /// group.run()?;
    /// assert!(!*lock.held.lock().unwrap());
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    fn post_run(&self) -> Result<(), BoxError> {
        Ok(())
    }
}

/// A unit that serves, on an OS thread of its own.
///
/// An **incarnation** is one entering of [`serve`](Service::serve). What belongs to an incarnation
/// lives in `serve` or hangs on its context; what a panic leaves behind in `&self` is the unit's own
/// to mend (`parking_lot` does not poison).
///
/// # Examples
///
/// ```
/// use rungroup::{BoxError, Group, ServeContext, Service, Unit};
/// use std::time::Duration;
///
/// struct Ticker;
///
/// impl Unit for Ticker {
///     fn name(&self) -> &str { "ticker" }
///     fn as_service(&self) -> Option<&dyn Service> { Some(self) }
/// }
///
/// impl Service for Ticker {
///     fn serve(&self, ctx: &ServeContext) -> Result<(), BoxError> {
///         while ctx.sleep(Duration::from_millis(1)) {
///             ctx.handle().stop("one tick is enough");
///         }
///         Ok(())
///     }
/// }
///
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(Ticker);
/// let report = group.run().unwrap();
/// assert_eq!(report.reason().to_string(), "requested: one tick is enough");
/// ```
pub trait Service: Send + Sync {
    /// Serves: blocks until there is no more to do, or the context says stop. What blocks here
    /// should be ended by the context (`ctx.sleep`, `ctx.accept`, `ctx.stopped()` in a `select!`),
    /// by [`graceful_stop`](Service::graceful_stop), or by a callback given to `ctx.on_stop`.
    ///
    /// Returning ends the group, unless it was registered otherwise.
    ///
    /// # Errors
    ///
    /// Any error makes the run an error that names this unit, and so does a panic.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{BoxError, Group, ServeContext, Service, Unit};
    /// use std::time::Duration;
    /// # struct Sweeper;
    /// # impl Unit for Sweeper {
    /// #     fn name(&self) -> &str { "sweeper" }
    /// #     fn as_service(&self) -> Option<&dyn Service> { Some(self) }
    /// # }
    ///
    /// impl Service for Sweeper {
    ///     fn serve(&self, ctx: &ServeContext) -> Result<(), BoxError> {
    ///         # ctx.handle().stop("an example ends");
    ///         while ctx.sleep(Duration::from_secs(60)) {
    ///             // ... sweep ...
    ///         }
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(Sweeper);
    /// let report = group.run()?;
    /// assert!(report.failures().is_empty());
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    fn serve(&self, ctx: &ServeContext) -> Result<(), BoxError>;

    /// Makes `serve` return, where the context alone cannot. Called at most once for an
    /// incarnation, from another thread than the service's, never before `serve` was entered: when
    /// the unit is asked to stop, and at the end of the run also when it has ended by itself. It may
    /// block, for instance until `serve` has returned; that delays no other unit.
    ///
    /// # Errors
    ///
    /// Any error or panic is reported, and makes the run an error.
    ///
    /// # Examples
    ///
    /// ```
    /// use crossbeam_channel::{Receiver, Sender, unbounded};
    /// use rungroup::{BoxError, Group, ServeContext, Service, Unit};
    ///
    /// /// Reads from a channel, until it finds the end in it.
    /// struct Reader { jobs: Receiver<Option<u32>>, end: Sender<Option<u32>> }
    /// # impl Unit for Reader {
    /// #     fn name(&self) -> &str { "reader" }
    /// #     fn as_service(&self) -> Option<&dyn Service> { Some(self) }
    /// # }
    ///
    /// impl Service for Reader {
    ///     fn serve(&self, ctx: &ServeContext) -> Result<(), BoxError> {
    ///         # ctx.handle().stop("an example ends");
    ///         while let Some(job) = self.jobs.recv()? {
    ///             // ... do the job ...
    ///             # let _ = job;
    ///         }
    ///         Ok(())
    ///     }
    ///     fn graceful_stop(&self) -> Result<(), BoxError> {
    ///         Ok(self.end.send(None)?)
    ///     }
    /// }
    ///
    /// let (end, jobs) = unbounded();
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(Reader { jobs, end });
    /// group.run()?;
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    fn graceful_stop(&self) -> Result<(), BoxError> {
        Ok(())
    }

    /// Whether [`graceful_stop`](Service::graceful_stop) is to be called: what has none, as a closure, need
    /// wake nobody for it.
    #[doc(hidden)]
    fn has_graceful_stop(&self) -> bool {
        true
    }

    /// Whether the unit says itself when it is ready, by `ctx.ready()`. By default it is ready when
    /// its `serve` is entered.
    ///
    /// One that never says so holds back the units that come `after` it, without an error;
    /// [`GroupHandle::wait_till_ready_timeout`](crate::GroupHandle::wait_till_ready_timeout) names it.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{BoxError, Group, ServeContext, Service, Unit};
    ///
    /// struct Store;
    ///
    /// impl Unit for Store {
    ///     fn name(&self) -> &str { "store" }
    ///     fn as_service(&self) -> Option<&dyn Service> { Some(self) }
    /// }
    ///
    /// impl Service for Store {
    ///     fn serve(&self, ctx: &ServeContext) -> Result<(), BoxError> {
    ///         assert!(!ctx.handle().snapshot().units[0].ready);
    ///         ctx.ready();
    ///         ctx.handle().wait_till_ready()?;
    ///         Ok(())
    ///     }
    ///     fn declares_ready(&self) -> bool { true }
    /// }
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(Store);
    /// group.run()?;
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    fn declares_ready(&self) -> bool {
        false
    }
}

/// A unit that gives the program a role, such as `"data"` or `"liaison"`. The distinct roles of a
/// group, sorted, are in `RunContext::roles` and logged at start.
///
/// # Examples
///
/// ```
/// use rungroup::{Group, Role, Unit, pre_run_fn};
///
/// struct Data;
/// impl Unit for Data {
///     fn name(&self) -> &str { "data" }
///     fn as_role(&self) -> Option<&dyn Role> { Some(self) }
/// }
/// impl Role for Data {
///     fn role(&self) -> &str { "storage" }
/// }
///
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(Data);
/// group.register(pre_run_fn("look", |ctx| {
///     assert_eq!(ctx.roles(), ["storage"]);
///     Ok(())
/// }));
/// group.run().unwrap();
/// ```
pub trait Role: Send + Sync {
    /// The role.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, Role, Unit};
    ///
    /// struct Store;
    /// impl Unit for Store {
    ///     fn name(&self) -> &str { "store" }
    ///     fn as_role(&self) -> Option<&dyn Role> { Some(self) }
    /// }
    /// impl Role for Store {
    ///     fn role(&self) -> &str { "data" }
    /// }
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(Store);
    /// let events = group.handle().events(8);
    /// group.run()?;
    /// assert_eq!(events.next_event().unwrap().to_string(), "serving, roles: data");
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    fn role(&self) -> &str;
}

/// Every method is forwarded, so that nothing of a shared unit is lost.
macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<U: Unit + ?Sized> Unit for $pointer {
            fn name(&self) -> &str {
                (**self).name()
            }
            fn as_config(&self) -> Option<&dyn Config> {
                (**self).as_config()
            }
            fn as_pre_runner(&self) -> Option<&dyn PreRunner> {
                (**self).as_pre_runner()
            }
            fn as_service(&self) -> Option<&dyn Service> {
                (**self).as_service()
            }
            fn as_role(&self) -> Option<&dyn Role> {
                (**self).as_role()
            }
            fn root_only(&self) -> bool {
                (**self).root_only()
            }
        }
    )*};
}

forward!(Arc<U>, Box<U>);

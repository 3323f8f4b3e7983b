//! The parts of a program: the [`Unit`] trait, and the phases that a unit can take part in.

use std::sync::Arc;

use crate::context::{RunContext, ServeContext};
use crate::error::ConfigErrors;
use crate::failure::BoxError;
use crate::flags::FlagSet;

/// A part of a program, handed to a `Group`.
///
/// Rust cannot ask an object which traits it has, so a unit says which phases it takes part in:
/// override the `as_…` methods of those, and return `Some(self)`. They are asked when the unit is
/// registered, and the answer must not change.
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
    /// threads carry it.
    fn name(&self) -> &str;

    /// `Some(self)` if it has flags.
    fn as_config(&self) -> Option<&dyn Config> {
        None
    }

    /// `Some(self)` if it has something to do before anything serves.
    fn as_pre_runner(&self) -> Option<&dyn PreRunner> {
        None
    }

    /// `Some(self)` if it serves.
    fn as_service(&self) -> Option<&dyn Service> {
        None
    }

    /// `Some(self)` if it gives the program a role.
    fn as_role(&self) -> Option<&dyn Role> {
        None
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
    fn flag_set(&self) -> FlagSet;

    /// Checks what the flags were set to. Called once, after all flags of all units have been
    /// parsed, and not at all where a value of this unit's could not be.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, preferably at once; see [`ConfigErrors`]. It is reported together
    /// with the problems of the other units, and the run ends before any pre-run.
    fn validate(&self) -> Result<(), ConfigErrors> {
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
    fn pre_run(&self, ctx: &RunContext) -> Result<(), BoxError>;

    /// Cleans up what `pre_run` made. Called at most once, on the thread that called `run`, after
    /// all services have ended, in the reverse order of the pre-runs, and only if this unit's
    /// `pre_run` succeeded. Skipped, and reported so, for a unit that did not stop and for those
    /// that it comes `after`.
    ///
    /// # Errors
    ///
    /// Any error is reported beside the cause of the run's end, and the other clean-ups go on.
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
    fn serve(&self, ctx: &ServeContext) -> Result<(), BoxError>;

    /// Makes `serve` return, where the context alone cannot. Called at most once for an
    /// incarnation, from another thread than the service's, never before `serve` was entered: when
    /// the unit is asked to stop, and at the end of the run also when it has ended by itself. It may
    /// block, for instance until `serve` has returned; that delays no other unit.
    ///
    /// # Errors
    ///
    /// Any error or panic is reported, and makes the run an error.
    fn graceful_stop(&self) -> Result<(), BoxError> {
        Ok(())
    }

    /// Whether the unit says itself when it is ready, by `ctx.ready()`. By default it is ready when
    /// its `serve` is entered.
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
    fn role(&self) -> &str;
}

/// Every `as_…` method is forwarded, so that nothing of a shared unit is lost.
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
        }
    )*};
}

forward!(Arc<U>, Box<U>);

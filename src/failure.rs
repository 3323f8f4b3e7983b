//! What went wrong in one callback of one unit, and how an incarnation ended.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use crate::panic::{self, Panic};

/// The error type of callbacks: anything that is an error, boxed. `?` makes one of most errors, and
/// `"text".into()` of a text.
///
/// # Examples
///
/// ```
/// use rungroup::BoxError;
///
/// fn parse(port: &str) -> Result<u16, BoxError> {
///     if port.is_empty() {
///         return Err("no port".into());
///     }
///     Ok(port.parse()?)
/// }
///
/// assert_eq!(parse("").unwrap_err().to_string(), "no port");
/// assert!(parse("http").unwrap_err().is::<std::num::ParseIntError>());
/// ```
pub type BoxError = Box<dyn StdError + Send + Sync + 'static>;

/// Which callback of a unit.
///
/// # Examples
///
/// ```
/// use rungroup::{Group, Phase, pre_run_fn};
///
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(pre_run_fn("open", |_ctx| Err("no such file".into())));
/// let phase = group.run().unwrap_err().cause().unwrap().phase();
/// assert_eq!(phase, Phase::PreRun);
/// assert_eq!(phase.to_string(), "pre_run");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// `Config::flag_set`.
    FlagSet,
    /// `Config::validate`.
    Validate,
    /// `PreRunner::pre_run`, or `Role::role`.
    PreRun,
    /// The spawn of a service's thread, before its `serve` was entered.
    Start,
    /// `Service::serve`.
    Serve,
    /// A thread of the unit's own: `ServeContext::spawn`, `RunContext::spawn_helper`.
    Helper,
    /// `Service::graceful_stop`.
    GracefulStop,
    /// A callback given to `ServeContext::on_stop`.
    OnStop,
    /// `Config::reload`.
    Reload,
    /// `PreRunner::post_run`.
    PostRun,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::FlagSet => "flag_set",
            Phase::Validate => "validate",
            Phase::PreRun => "pre_run",
            Phase::Start => "start",
            Phase::Serve => "serve",
            Phase::Helper => "helper thread",
            Phase::GracefulStop => "graceful_stop",
            Phase::OnStop => "on_stop",
            Phase::Reload => "reload",
            Phase::PostRun => "post_run",
        })
    }
}

/// One callback of one unit that ended by an error or a panic. Cheap to clone; the original error is
/// kept and can be had back with [`downcast_ref`](Failure::downcast_ref).
///
/// # Examples
///
/// ```
/// use rungroup::{Group, Phase, service_fn};
/// use std::io;
///
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(service_fn("server", |_ctx| {
///     Err(io::Error::from(io::ErrorKind::AddrInUse).into())
/// }));
/// let error = group.run().unwrap_err();
/// let failure = error.cause().unwrap();
/// assert_eq!((failure.unit(), failure.phase()), ("server", Phase::Serve));
/// let original = failure.downcast_ref::<io::Error>().unwrap();
/// assert_eq!(original.kind(), io::ErrorKind::AddrInUse);
/// ```
#[derive(Clone)]
pub struct Failure(Arc<Inner>);

struct Inner {
    unit: Arc<str>,
    phase: Phase,
    fault: Fault,
}

enum Fault {
    Error(BoxError),
    Panic(Panic),
}

/// Calls one callback of one unit; an error and a panic in it are its failure (L12).
pub(crate) fn call(
    unit: &Arc<str>,
    phase: Phase,
    body: impl FnOnce() -> Result<(), BoxError>,
) -> Result<(), Failure> {
    match panic::catch(body) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Failure::error(unit.clone(), phase, error)),
        Err(panic) => Err(Failure::panic(unit.clone(), phase, panic)),
    }
}

impl Failure {
    pub(crate) fn error(unit: Arc<str>, phase: Phase, error: BoxError) -> Self {
        Failure(Arc::new(Inner { unit, phase, fault: Fault::Error(error) }))
    }

    pub(crate) fn panic(unit: Arc<str>, phase: Phase, panic: Panic) -> Self {
        Failure(Arc::new(Inner { unit, phase, fault: Fault::Panic(panic) }))
    }

    /// Whether it is the same failure, and not just an equal one.
    pub(crate) fn is(&self, other: &Failure) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The unit's path: its name, behind the names of the groups it is nested in. The group's name
    /// where no unit is at fault.
    ///
    /// # Examples
    ///
    /// ```
    /// # use rungroup::{Group, service_fn};
    /// # let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("server", |_ctx| Err("no route to host".into())));
    /// let error = group.run().unwrap_err();
    /// let failure = error.cause().unwrap();
    /// assert_eq!(failure.unit(), "server");
    /// ```
    pub fn unit(&self) -> &str {
        &self.0.unit
    }

    /// The callback that failed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use rungroup::{Group, Phase, service_fn};
    /// # let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("server", |_ctx| Err("no route to host".into())));
    /// let error = group.run().unwrap_err();
    /// let failure = error.cause().unwrap();
    /// assert_eq!(failure.phase(), Phase::Serve);
    /// ```
    pub fn phase(&self) -> Phase {
        self.0.phase
    }

    /// The panic, where it was one.
    ///
    /// # Examples
    ///
    /// ```
    /// # use rungroup::{Group, service_fn};
    /// # let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("server", |_ctx| panic!("no route to host")));
    /// let error = group.run().unwrap_err();
    /// let failure = error.cause().unwrap();
    /// let panic = failure.as_panic().unwrap();
    /// assert_eq!(panic.message(), "no route to host");
    /// ```
    pub fn as_panic(&self) -> Option<&Panic> {
        match &self.0.fault {
            Fault::Panic(panic) => Some(panic),
            Fault::Error(_) => None,
        }
    }

    /// The error that the callback returned, or the [`Panic`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use rungroup::{Group, service_fn};
    /// # let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("server", |_ctx| Err("no route to host".into())));
    /// let error = group.run().unwrap_err();
    /// let failure = error.cause().unwrap();
    /// assert_eq!(failure.as_error().to_string(), "no route to host");
    /// ```
    pub fn as_error(&self) -> &(dyn StdError + Send + Sync + 'static) {
        match &self.0.fault {
            Fault::Error(error) => &**error,
            Fault::Panic(panic) => panic,
        }
    }

    /// The error that the callback returned, if it is an `E`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use rungroup::{Group, service_fn};
    /// # let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("server", |_ctx| Ok(drop("http".parse::<u16>()?))));
    /// let error = group.run().unwrap_err();
    /// let failure = error.cause().unwrap();
    /// let original = failure.downcast_ref::<std::num::ParseIntError>();
    /// assert_eq!(original, "http".parse::<u16>().err().as_ref());
    /// ```
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        self.as_error().downcast_ref()
    }
}

/// `unit 'server': serve failed: address in use`, with the chain of sources behind it.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.fault {
            Fault::Panic(panic) => write!(f, "unit '{}': {} {panic}", self.unit(), self.phase()),
            Fault::Error(error) => {
                write!(f, "unit '{}': {} failed: {error}", self.unit(), self.phase())?;
                let mut source = error.source();
                while let Some(error) = source {
                    write!(f, ": {error}")?;
                    source = error.source();
                }
                Ok(())
            }
        }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Failure");
        out.field("unit", &self.0.unit).field("phase", &self.0.phase);
        match &self.0.fault {
            Fault::Error(error) => out.field("error", error),
            Fault::Panic(panic) => out.field("panic", panic),
        };
        out.finish()
    }
}

impl StdError for Failure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(self.as_error())
    }
}

/// How an incarnation of a unit, or a whole run, ended.
///
/// # Examples
///
/// ```
/// use rungroup::{Group, Outcome, service_fn};
///
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(service_fn("server", |_ctx| Err("no route to host".into())));
/// let error = group.run().unwrap_err();
/// match &error.report().unwrap().units()[0].outcome {
///     Some(Outcome::Failed(failure)) => assert_eq!(failure.unit(), "server"),
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// `serve` returned `Ok`, or was never entered. The run: it was a success.
    Ok,
    /// `serve` returned an error or panicked, or its thread could not be spawned. The run: what was
    /// at fault.
    Failed(Failure),
}

impl Outcome {
    /// Whether it was not a failure.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("server", |_ctx| Ok(())));
    /// let report = group.run()?;
    /// assert!(report.units()[0].outcome.as_ref().is_some_and(|outcome| outcome.is_ok()));
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn is_ok(&self) -> bool {
        matches!(self, Outcome::Ok)
    }

    /// The failure, where it was one.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("server", |_ctx| Err("no route to host".into())));
    /// let stopped = group.handle().stop_notify();
    /// assert!(group.run().is_err());
    /// let failure = stopped.outcome().and_then(|outcome| outcome.failure()).unwrap();
    /// assert_eq!(failure.unit(), "server");
    /// ```
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Outcome::Ok => None,
            Outcome::Failed(failure) => Some(failure),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Ok => f.write_str("ok"),
            Outcome::Failed(failure) => failure.fmt(f),
        }
    }
}

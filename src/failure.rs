//! What went wrong in one callback of one unit, and how an incarnation ended.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use crate::panic::Panic;

/// The error type of callbacks: anything that is an error, boxed. `?` makes one of most errors, and
/// `"text".into()` of a text.
pub type BoxError = Box<dyn StdError + Send + Sync + 'static>;

/// Which callback of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// `Config::flag_set`.
    FlagSet,
    /// `Config::validate`.
    Validate,
    /// `PreRunner::pre_run`.
    PreRun,
    /// The start of a service's thread, before its `serve` was entered.
    Start,
    /// `Service::serve`.
    Serve,
    /// A thread of the unit's own: `ServeContext::spawn`, `RunContext::spawn_helper`.
    Helper,
    /// `Service::graceful_stop`.
    GracefulStop,
    /// A callback given to `ServeContext::on_stop`.
    OnStop,
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

impl Failure {
    pub(crate) fn error(unit: Arc<str>, phase: Phase, error: BoxError) -> Self {
        Failure(Arc::new(Inner { unit, phase, fault: Fault::Error(error) }))
    }

    pub(crate) fn panic(unit: Arc<str>, phase: Phase, panic: Panic) -> Self {
        Failure(Arc::new(Inner { unit, phase, fault: Fault::Panic(panic) }))
    }

    /// The unit's path: its name, behind the names of the groups it is nested in.
    pub fn unit(&self) -> &str {
        &self.0.unit
    }

    /// The callback that failed.
    pub fn phase(&self) -> Phase {
        self.0.phase
    }

    /// The panic, where it was one.
    pub fn as_panic(&self) -> Option<&Panic> {
        match &self.0.fault {
            Fault::Panic(panic) => Some(panic),
            Fault::Error(_) => None,
        }
    }

    /// The error that the callback returned, or the [`Panic`].
    pub fn as_error(&self) -> &(dyn StdError + Send + Sync + 'static) {
        match &self.0.fault {
            Fault::Error(error) => &**error,
            Fault::Panic(panic) => panic,
        }
    }

    /// The error that the callback returned, if it is an `E`.
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

/// How an incarnation ended: what its `serve` came back with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// `serve` returned `Ok`, or was never entered.
    Ok,
    /// `serve` returned an error or panicked, or its thread could not be spawned.
    Failed(Failure),
}

impl Outcome {
    /// Whether it was not a failure.
    pub fn is_ok(&self) -> bool {
        matches!(self, Outcome::Ok)
    }

    /// The failure, where it was one.
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

//! The lifecycle of a blocking program, and a synchronous, thread-based supervisor.

// Leaves: they know nothing of units.
mod clock;
mod closer;
mod error;
mod exit;
mod failure;
mod latch;
mod panic;
mod stop;
mod sync;
mod terminal;
mod thread;

// Vocabulary: what units say.
mod context;
mod event;
mod flags;
mod handle;
#[cfg(feature = "net")]
mod net;
mod ready;
mod snapshot;
mod unit;
mod unit_fn;

// The supervisor knows neither flags nor groups.
mod supervisor;

// The group puts everything together.
mod group;

// Ready-made units: anyone could have written them.
#[cfg(feature = "env_logger")]
mod logging;
mod signals;

pub use closer::{
    ChannelCloser, ChannelGroupCloser, CloseNotify, Closer, Running, RunningOwned, StillRunning,
};
pub use context::{OnStop, RunContext, ServeContext};
pub use error::{ConfigError, ConfigErrors, Error, ErrorKind};
pub use event::{Event, Events};
pub use exit::Exit;
pub use failure::{BoxError, Failure, Outcome, Phase};
pub use flags::{
    Arity, Bytes, Flag, FlagInfo, FlagSet, FlagValue, IntoDefault, ParseBytesError, Source,
};
pub use group::{Configured, Group, Limit, Registration, RunError};
pub use handle::{GroupHandle, UnitId};
#[cfg(feature = "env_logger")]
pub use logging::Logging;
#[cfg(feature = "net")]
pub use net::{Accept, Readable};
pub use panic::Panic;
pub use ready::NotReady;
pub use signals::Signals;
pub use snapshot::{Snapshot, UnitState, UnitStatus};
pub use stop::{StopNotify, StopReason, StopToken};
pub use supervisor::{LeftBehind, Report, StopOrder, UnitReport};
pub use thread::ThreadStatus;
pub use unit::{Config, PreRunner, Role, Service, Unit};
pub use unit_fn::{PreRunFn, ServiceFn, pre_run_fn, service_fn};
